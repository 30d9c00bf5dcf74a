/* Consent, and what every list of a record does when it is full. */
#include "state_fixture.h"

static struct nba_event consent_event(const char *id, enum nba_consent_status status,
                                      enum nba_consent_scope scope, const char *scope_id,
                                      int64_t captured_at_ms)
{
    struct nba_event event = event_of(NBA_EVENT_CONSENT_CHANGED, id, T0);
    event.channel = NBA_CHANNEL_EMAIL;
    event.status = status;
    event.scope_type = scope;
    event.scope_id = nba_str_of(scope_id);
    event.captured_at_ms = captured_at_ms;
    return event;
}

/* What the policy will say of one brand by mail: any applicable opt-out denies. */
static bool is_denied(const struct nba_hcp *hcp, enum nba_channel channel, const char *brand)
{
    for (uint32_t i = 0; i < hcp->consent_count; i++) {
        const struct nba_consent *consent = &hcp->consents[i];
        const bool applies =
            (consent->channel == NBA_CHANNEL_UNKNOWN || consent->channel == channel) &&
            (consent->scope == NBA_CONSENT_SCOPE_GLOBAL ||
             consent->scope == NBA_CONSENT_SCOPE_CHANNEL ||
             (consent->scope == NBA_CONSENT_SCOPE_BRAND && nba_str_is(consent->scope_id, brand)));
        if (applies && consent->status == NBA_CONSENT_STATUS_OPT_OUT) {
            return true;
        }
    }
    return false;
}

static void test_the_newer_consent_of_a_scope_wins_whatever_the_order_of_arrival(void **state)
{
    struct fixture f;
    (void)state;
    fixture_init(&f);
    struct nba_hcp *hcp = new_hcp(&f);
    struct nba_event event =
        consent_event("e1", NBA_CONSENT_STATUS_OPT_OUT, NBA_CONSENT_SCOPE_BRAND, "CARDIOX", T0);
    nba_hcp_apply_consent(hcp, &event);
    event =
        consent_event("e2", NBA_CONSENT_STATUS_OPT_IN, NBA_CONSENT_SCOPE_BRAND, "CARDIOX", T0 - 1);
    nba_hcp_apply_consent(hcp, &event);
    assert_int_equal(hcp->consent_count, 1);
    assert_true(is_denied(hcp, NBA_CHANNEL_EMAIL, "CARDIOX"));
    event =
        consent_event("e3", NBA_CONSENT_STATUS_OPT_IN, NBA_CONSENT_SCOPE_BRAND, "CARDIOX", T0 + 1);
    nba_hcp_apply_consent(hcp, &event);
    assert_int_equal(hcp->consent_count, 1);
    assert_false(is_denied(hcp, NBA_CHANNEL_EMAIL, "CARDIOX"));
    assert_str_equal(hcp->consents[0].evidence_event_id, "e3");
    fixture_clear(&f);
}

static void test_at_the_same_instant_the_opt_out_wins_in_both_orders(void **state)
{
    static const enum nba_consent_status orders[2][2] = {
        {NBA_CONSENT_STATUS_OPT_OUT, NBA_CONSENT_STATUS_OPT_IN},
        {NBA_CONSENT_STATUS_OPT_IN, NBA_CONSENT_STATUS_OPT_OUT}};
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct fixture f;
        fixture_init(&f);
        struct nba_hcp *hcp = new_hcp(&f);
        for (size_t k = 0; k < 2; k++) {
            const struct nba_event event =
                consent_event("e", orders[i][k], NBA_CONSENT_SCOPE_BRAND, "CARDIOX", T0);
            nba_hcp_apply_consent(hcp, &event);
        }
        assert_true(is_denied(hcp, NBA_CHANNEL_EMAIL, "CARDIOX"));
        fixture_clear(&f);
    }
}

static void test_a_late_or_bot_tagged_opt_out_counts(void **state)
{
    struct fixture f;
    (void)state;
    fixture_init(&f);
    struct nba_hcp *hcp = new_hcp(&f);
    struct nba_event event = event_of(NBA_EVENT_EMAIL_UNSUBSCRIBED, "e1", T0);
    event.bot = NBA_BOT_GENERIC;
    event.scope_type = NBA_CONSENT_SCOPE_BRAND;
    event.brand = nba_str_of("CARDIOX");
    nba_hcp_apply_event(hcp, &event, NULL, T0 + 30 * DAY,
                        nba_hcp_arrival(hcp, &event, T0 + 30 * DAY, DAY));
    assert_true(is_denied(hcp, NBA_CHANNEL_EMAIL, "CARDIOX"));
    assert_false(is_denied(hcp, NBA_CHANNEL_EMAIL, "PULMOVA"));
    assert_int_equal(hcp->touches, 0);
    fixture_clear(&f);
}

static void test_an_unsubscribe_of_all_closes_every_channel(void **state)
{
    struct fixture f;
    (void)state;
    fixture_init(&f);
    struct nba_hcp *hcp = new_hcp(&f);
    struct nba_event event = event_of(NBA_EVENT_EMAIL_UNSUBSCRIBED, "e1", T0);
    event.scope_type = NBA_CONSENT_SCOPE_GLOBAL;
    apply(hcp, &event);
    assert_true(is_denied(hcp, NBA_CHANNEL_REP, "CARDIOX"));
    fixture_clear(&f);
}

static void test_an_opt_out_whose_scope_cannot_be_told_closes_the_channel(void **state)
{
    struct fixture f;
    (void)state;
    fixture_init(&f);
    struct nba_hcp *hcp = new_hcp(&f);
    struct nba_event event =
        consent_event("e1", NBA_CONSENT_STATUS_OPT_OUT, NBA_CONSENT_SCOPE_UNKNOWN, "x", T0);
    apply(hcp, &event);
    assert_true(is_denied(hcp, NBA_CHANNEL_EMAIL, "CARDIOX"));
    assert_false(is_denied(hcp, NBA_CHANNEL_REP, "CARDIOX"));
    /* The same without a channel: every channel. */
    hcp = new_hcp(&f);
    event.channel = NBA_CHANNEL_UNKNOWN;
    apply(hcp, &event);
    assert_true(is_denied(hcp, NBA_CHANNEL_REP, "CARDIOX"));
    /* A permission like that permits nothing. */
    hcp = new_hcp(&f);
    event = consent_event("e1", NBA_CONSENT_STATUS_OPT_IN, NBA_CONSENT_SCOPE_BRAND, "", T0);
    apply(hcp, &event);
    assert_int_equal(hcp->consent_count, 0);
    fixture_clear(&f);
}

static void test_a_full_consent_list_lets_permissions_go_before_any_opt_out(void **state)
{
    struct fixture f;
    (void)state;
    fixture_init(&f);
    struct nba_hcp *hcp = new_hcp(&f);
    for (uint64_t i = 0; i < 200; i++) {
        const struct nba_str brand = text_of(&f, "BRAND-", i);
        struct nba_event event =
            consent_event("e", i % 8 == 0 ? NBA_CONSENT_STATUS_OPT_OUT : NBA_CONSENT_STATUS_OPT_IN,
                          NBA_CONSENT_SCOPE_BRAND, "", T0 + (int64_t)i);
        event.scope_id = brand;
        nba_hcp_apply_consent(hcp, &event);
    }
    assert_int_equal(hcp->consent_count, NBA_HCP_CONSENTS_MAX);
    for (uint64_t i = 0; i < 200; i += 8) {
        assert_true(is_denied(hcp, NBA_CHANNEL_EMAIL, text_of(&f, "BRAND-", i).data));
    }
    assert_false(is_denied(hcp, NBA_CHANNEL_EMAIL, "BRAND-199"));
    fixture_clear(&f);
}

/* Whatever scopes an HCP opts out of, however many and however long their names: all of them stay
 * denied, and only what is told to lift a widened one lifts it. */
static void test_no_opt_out_is_ever_lost(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 60; seed++) {
        struct fixture f;
        fixture_init(&f);
        struct nba_hcp *hcp = new_hcp(&f);
        struct nba_rng rng = nba_rng(seed);
        struct {
            enum nba_channel channel;
            char brand[NBA_ID_BYTES_MAX + 1];
        } denied[120];
        char evidence[NBA_ID_BYTES_MAX + 1];
        memset(evidence, 'e', sizeof(evidence));
        for (uint32_t i = 0; i < 120; i++) {
            const size_t pad = seed % 3 == 0 ? 240 : nba_rng_below(&rng, 60);
            denied[i].channel = (enum nba_channel)nba_rng_below(&rng, NBA_CHANNEL_COUNT);
            memset(denied[i].brand, 'b', pad);
            (void)snprintf(denied[i].brand + pad, 16, "%u", i);
            struct nba_event event =
                consent_event("e", NBA_CONSENT_STATUS_OPT_OUT, NBA_CONSENT_SCOPE_BRAND,
                              denied[i].brand, T0 + (int64_t)i);
            event.channel = denied[i].channel;
            event.event_id =
                nba_str(evidence, seed % 3 == 1 ? NBA_ID_BYTES_MAX : nba_rng_below(&rng, 40));
            apply(hcp, &event);
            /* Permissions in between push nothing out. */
            event = consent_event("p", NBA_CONSENT_STATUS_OPT_IN, NBA_CONSENT_SCOPE_CHANNEL, "",
                                  T0 + (int64_t)i);
            apply(hcp, &event);
            for (uint32_t k = 0; k <= i; k++) {
                assert_true(is_denied(hcp, denied[k].channel, denied[k].brand));
            }
        }
        assert_true(hcp->consent_count <= NBA_HCP_CONSENTS_MAX);
        assert_bytes_equal(encoded(&f, decoded(&f, encoded(&f, hcp))), encoded(&f, hcp));
        fixture_clear(&f);
    }
}

static void test_a_widened_opt_out_is_lifted_by_an_opt_in_that_names_it_only(void **state)
{
    struct fixture f;
    (void)state;
    fixture_init(&f);
    struct nba_hcp *hcp = new_hcp(&f);
    for (uint64_t i = 0; i < 40; i++) {
        struct nba_event event = consent_event("e", NBA_CONSENT_STATUS_OPT_OUT,
                                               NBA_CONSENT_SCOPE_BRAND, "", T0 + (int64_t)i);
        event.scope_id = text_of(&f, "BRAND-", i);
        apply(hcp, &event);
    }
    assert_non_null(nba_hcp_find_consent(hcp, NBA_CHANNEL_EMAIL, NBA_CONSENT_SCOPE_CHANNEL,
                                         nba_str_of(NBA_CONSENT_WIDENED)));
    struct nba_event event =
        consent_event("e2", NBA_CONSENT_STATUS_OPT_IN, NBA_CONSENT_SCOPE_CHANNEL, "", T0 + DAY);
    apply(hcp, &event);
    assert_true(is_denied(hcp, NBA_CHANNEL_EMAIL, "BRAND-0"));
    event = consent_event("e3", NBA_CONSENT_STATUS_OPT_IN, NBA_CONSENT_SCOPE_CHANNEL,
                          NBA_CONSENT_WIDENED, T0 + DAY);
    apply(hcp, &event);
    assert_false(is_denied(hcp, NBA_CHANNEL_EMAIL, "BRAND-0"));
    fixture_clear(&f);
}

static void test_outcomes_keep_the_newest_and_four_of_a_kind(void **state)
{
    struct fixture f;
    (void)state;
    fixture_init(&f);
    struct nba_hcp *hcp = new_hcp(&f);
    for (uint64_t i = 0; i < 6; i++) {
        struct nba_event event =
            event_of(NBA_EVENT_PORTAL_CONTENT_VIEWED, "", T0 + (int64_t)i * DAY);
        event.event_id = text_of(&f, "view-", i);
        event.content_id = nba_str_of("CX-1");
        apply(hcp, &event);
    }
    assert_int_equal(hcp->outcome_count, NBA_HCP_OUTCOME_REPEATS_MAX);
    assert_str_equal(hcp->outcomes[0].evidence_event_id, "view-2");
    for (uint64_t i = 0; i < 100; i++) {
        struct nba_event event =
            event_of(NBA_EVENT_CONTENT_DOWNLOADED, "", T0 + (int64_t)(10 + i) * DAY);
        event.event_id = text_of(&f, "load-", i);
        event.content_id = text_of(&f, "WB-", i);
        apply(hcp, &event);
    }
    assert_int_equal(hcp->outcome_count, NBA_HCP_OUTCOMES_MAX);
    assert_str_equal(hcp->outcomes[0].evidence_event_id, "load-36");
    assert_str_equal(hcp->outcomes[63].evidence_event_id, "load-99");
    fixture_clear(&f);
}

static void test_a_full_list_of_open_actions_refuses_but_lets_sent_ones_go(void **state)
{
    struct fixture f;
    (void)state;
    fixture_init(&f);
    struct nba_hcp *hcp = new_hcp(&f);
    uint64_t added = 0;
    for (; added < 100; added++) {
        const struct nba_open_action action = action_of(&f, added, T0);
        if (!nba_hcp_add_action(hcp, &action)) {
            break;
        }
    }
    assert_int_equal(added, NBA_HCP_ACTIONS_MAX);
    assert_int_equal(hcp->timer_count, NBA_HCP_ACTIONS_MAX);
    struct nba_event event = event_of(NBA_EVENT_ACTION_SENT, "ev-sent", T0 + 1);
    event.action_id = hcp->actions[3].action_id;
    apply(hcp, &event);
    const struct nba_open_action action = action_of(&f, 200, T0);
    assert_true(nba_hcp_add_action(hcp, &action));
    assert_null(nba_hcp_find_action(hcp, event.action_id));
    assert_non_null(nba_hcp_find_action(hcp, nba_str_of("dec:crm#ev-0:1")));
    const struct nba_open_action none = action_of(&f, 201, T0);
    assert_false(nba_hcp_add_action(hcp, &none));
    fixture_clear(&f);
}

static void fill_text(char *text, size_t bytes, uint32_t number)
{
    memset(text, 'a' + (int)(number % 26), bytes);
    char digits[16];
    const int length = snprintf(digits, sizeof(digits), "%u", number);
    memcpy(text, digits, (size_t)length);
}

/* An action's bytes and its timer's: whatever was let in can be read again. */
static void test_open_actions_up_to_their_last_byte_are_read_again(void **state)
{
    static char text[NBA_ID_BYTES_MAX];
    (void)state;
    memset(text, 'x', sizeof(text));
    uint32_t refused = 0;
    for (size_t bytes = 1; bytes <= sizeof(text); bytes++) {
        struct fixture f;
        fixture_init(&f);
        struct nba_hcp *hcp = new_hcp(&f);
        for (uint64_t i = 0; i < NBA_HCP_ACTIONS_MAX; i++) {
            struct nba_open_action action = action_of(&f, i, T0);
            action.campaign_id = nba_str(text, bytes);
            refused += nba_hcp_add_action(hcp, &action) ? 0 : 1;
            const struct nba_str once = encoded(&f, hcp);
            assert_bytes_equal(encoded(&f, decoded(&f, once)), once);
        }
        fixture_clear(&f);
    }
    assert_true(refused > 100); /* the limit was met at many lengths */
}

/* Every list full, every text as long as it may be: the record still fits, and what must not be
 * lost isn't. */
static void test_the_largest_record_there_can_be_fits_its_limit(void **state)
{
    struct fixture f;
    (void)state;
    fixture_init(&f);
    struct nba_hcp *hcp = new_hcp(&f);
    static char texts[4096][NBA_ID_BYTES_MAX];
    uint32_t next = 0;
    for (uint32_t i = 0; i < NBA_ARRAY_COUNT(texts); i++) {
        fill_text(texts[i], NBA_ID_BYTES_MAX, i);
    }
    struct nba_str list[NBA_HCP_REGISTERED_MAX];
    for (uint32_t i = 0; i < NBA_ARRAY_COUNT(list); i++) {
        list[i] = nba_str(texts[next++], NBA_HCP_PROFILE_TEXT_BYTES_MAX);
    }
    const struct nba_str longest = nba_str(texts[next++], NBA_HCP_PROFILE_TEXT_BYTES_MAX);
    struct nba_profile profile = {.has_specialties = true,
                                  .has_interests = true,
                                  .has_registered_events = true,
                                  .market = longest,
                                  .region = list[1],
                                  .tz = list[2],
                                  .language = list[3],
                                  .specialties = {list, NBA_ARRAY_COUNT(list)},
                                  .interests = {list, NBA_ARRAY_COUNT(list)},
                                  .registered_events = {list, NBA_ARRAY_COUNT(list)},
                                  .rep_id = list[4],
                                  .msl_id = list[5],
                                  .territory_id = list[6],
                                  .npi = list[7],
                                  .onekey_id = list[8],
                                  .veeva_id = list[9]};
    struct nba_event event = event_of(NBA_EVENT_PROFILE_UPDATED, "p", T0);
    event.profile = &profile;
    apply(hcp, &event);
    uint32_t open = 0;
    uint32_t opt_outs = 0;
    for (uint32_t i = 0; i < 400; i++) {
        event = event_of((enum nba_event_type)(1 + i % (NBA_EVENT_TYPE_COUNT - 1)), "", T0 + i);
        event.event_id = nba_str(texts[next++ % 4096], NBA_ID_BYTES_MAX);
        event.content_id = nba_str(texts[next++ % 4096], NBA_ID_BYTES_MAX);
        event.brand = nba_str(texts[next++ % 4096], NBA_ID_BYTES_MAX);
        event.scope_id = event.brand;
        event.scope_type = NBA_CONSENT_SCOPE_BRAND;
        event.status = NBA_CONSENT_STATUS_OPT_OUT;
        event.hcp_event_id = list[i % NBA_ARRAY_COUNT(list)];
        apply(hcp, &event);
        struct nba_open_action action = action_of(&f, i, T0);
        action.decision_id = event.event_id;
        if (nba_hcp_add_action(hcp, &action)) {
            open++;
        }
        struct nba_ledger_entry contact = contact_of(&action, T0 + (int64_t)i * i * i);
        contact.message_key = i + 1;
        nba_hcp_ledger_reserve(hcp, &contact);
        opt_outs += event.type == NBA_EVENT_CONSENT_CHANGED;
        const struct nba_str bytes = encoded(&f, hcp);
        assert_true(bytes.bytes <= NBA_HCP_BYTES_MAX);
        assert_bytes_equal(encoded(&f, decoded(&f, bytes)), bytes);
    }
    assert_true(open >= 5 && hcp->action_count == open);
    assert_true(opt_outs > 5 && hcp->consent_count > 0);
    assert_int_equal(hcp->ledger_count, NBA_HCP_LEDGER_MAX);
    assert_bytes_equal(hcp->profile.market, longest);
    fixture_clear(&f);
}

static void test_when_bytes_run_out_the_oldest_outcomes_go_first(void **state)
{
    struct fixture f;
    (void)state;
    fixture_init(&f);
    struct nba_hcp *hcp = new_hcp(&f);
    char id[NBA_ID_BYTES_MAX];
    for (uint32_t i = 0; i < 60; i++) {
        fill_text(id, sizeof(id), i);
        struct nba_event event = event_of(NBA_EVENT_CONTENT_DOWNLOADED, "", T0 + i);
        event.content_id = nba_str(id, sizeof(id));
        event.event_id = nba_str(id + 1, sizeof(id) - 1);
        apply(hcp, &event);
    }
    assert_true(hcp->outcome_count < 40);
    assert_int_equal(hcp->ring_count, 60);
    assert_true(hcp->outcomes[hcp->outcome_count - 1].time_ms == T0 + 59);
    fixture_clear(&f);
}

static void test_a_profile_text_that_is_too_long_counts_as_unknown(void **state)
{
    char text[NBA_HCP_PROFILE_TEXT_BYTES_MAX + 1];
    struct fixture f;
    (void)state;
    fixture_init(&f);
    struct nba_hcp *hcp = new_hcp(&f);
    memset(text, 'x', sizeof(text));
    struct nba_profile profile = {.market = nba_str_of("US"), .tz = nba_str_of("Europe/Berlin")};
    struct nba_event event = event_of(NBA_EVENT_PROFILE_UPDATED, "p", T0);
    event.profile = &profile;
    apply(hcp, &event);
    profile.tz = nba_str(text, sizeof(text));
    nba_hcp_apply_profile(hcp, &event);
    assert_str_equal(hcp->profile.market, "US");
    assert_int_equal(hcp->profile.tz.bytes, 0);
    fixture_clear(&f);
}

static void test_of_profile_lists_and_recent_events_what_the_format_page_says_stays(void **state)
{
    struct fixture f;
    struct nba_str list[NBA_HCP_REGISTERED_MAX + 3];
    (void)state;
    fixture_init(&f);
    struct nba_hcp *hcp = new_hcp(&f);
    for (uint32_t i = 0; i < NBA_ARRAY_COUNT(list); i++) {
        list[i] = text_of(&f, "item-", i);
    }
    const struct nba_profile profile = {.has_specialties = true,
                                        .has_interests = true,
                                        .specialties = {list, NBA_SPECIALTIES_MAX + 1},
                                        .interests = {list, NBA_HCP_INTERESTS_MAX + 1}};
    struct nba_event event = event_of(NBA_EVENT_PROFILE_UPDATED, "p", T0);
    event.profile = &profile;
    apply(hcp, &event);
    assert_int_equal(hcp->profile.specialty_count, NBA_SPECIALTIES_MAX);
    assert_int_equal(hcp->profile.interest_count, NBA_HCP_INTERESTS_MAX);
    assert_str_equal(hcp->profile.specialties[NBA_SPECIALTIES_MAX - 1], "item-15");
    for (uint32_t i = 0; i < NBA_ARRAY_COUNT(list); i++) {
        event = event_of(NBA_EVENT_WEBINAR_REGISTERED, "", T0 + i);
        event.event_id = text_of(&f, "ev-", i);
        event.hcp_event_id = list[i];
        apply(hcp, &event);
    }
    assert_int_equal(hcp->profile.registered_count, NBA_HCP_REGISTERED_MAX);
    assert_str_equal(hcp->profile.registered_events[0], "item-3");
    assert_int_equal(hcp->recent_count, NBA_HCP_RECENT_MAX);
    const struct nba_event oldest = event_of(NBA_EVENT_WEBINAR_REGISTERED, "ev-2", T0);
    const struct nba_event kept = event_of(NBA_EVENT_WEBINAR_REGISTERED, "ev-3", T0);
    assert_int_equal(nba_hcp_arrival(hcp, &oldest, T0, DAY), NBA_ARRIVAL_FRESH);
    assert_int_equal(nba_hcp_arrival(hcp, &kept, T0, DAY), NBA_ARRIVAL_DUPLICATE);
    assert_bytes_equal(encoded(&f, decoded(&f, encoded(&f, hcp))), encoded(&f, hcp));
    fixture_clear(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_newer_consent_of_a_scope_wins_whatever_the_order_of_arrival),
        cmocka_unit_test(test_at_the_same_instant_the_opt_out_wins_in_both_orders),
        cmocka_unit_test(test_a_late_or_bot_tagged_opt_out_counts),
        cmocka_unit_test(test_an_unsubscribe_of_all_closes_every_channel),
        cmocka_unit_test(test_an_opt_out_whose_scope_cannot_be_told_closes_the_channel),
        cmocka_unit_test(test_a_full_consent_list_lets_permissions_go_before_any_opt_out),
        cmocka_unit_test(test_no_opt_out_is_ever_lost),
        cmocka_unit_test(test_a_widened_opt_out_is_lifted_by_an_opt_in_that_names_it_only),
        cmocka_unit_test(test_outcomes_keep_the_newest_and_four_of_a_kind),
        cmocka_unit_test(test_a_full_list_of_open_actions_refuses_but_lets_sent_ones_go),
        cmocka_unit_test(test_open_actions_up_to_their_last_byte_are_read_again),
        cmocka_unit_test(test_the_largest_record_there_can_be_fits_its_limit),
        cmocka_unit_test(test_when_bytes_run_out_the_oldest_outcomes_go_first),
        cmocka_unit_test(test_of_profile_lists_and_recent_events_what_the_format_page_says_stays),
        cmocka_unit_test(test_a_profile_text_that_is_too_long_counts_as_unknown),
    };
    return cmocka_run_group_tests_name("unit.state.hcp_limits", tests, NULL, NULL);
}
