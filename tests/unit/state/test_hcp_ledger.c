/* The ledger of contacts: reserved, committed, released; each contact once, whoever tells of it. */
#include "state_fixture.h"

#define MINUTE INT64_C(60000)

static struct nba_event sent(enum nba_event_type type, const char *id, const char *action,
                             const char *message, int64_t time_ms)
{
    struct nba_event event = event_of(type, id, time_ms);
    event.action_id = nba_str_of(action);
    event.message_id = nba_str_of(message);
    event.brand = nba_str_of("CARDIOX");
    return event;
}

static const struct nba_ledger_entry *find(const struct nba_hcp *hcp, const char *id)
{
    return nba_hcp_ledger_find(hcp, nba_hcp_text_hash(nba_str_of(id)));
}

/* An HCP with one open action of e-mail, planned for T0 + 1 hour. */
static struct nba_hcp *with_action(struct fixture *f, const char **ret_action_id)
{
    struct nba_hcp *hcp = new_hcp(f);
    const struct nba_open_action action = action_of(f, 1, T0);
    const struct nba_ledger_entry contact = contact_of(&action, T0 + 60 * MINUTE);
    assert_true(nba_hcp_add_action(hcp, &action));
    nba_hcp_ledger_reserve(hcp, &contact);
    *ret_action_id = "dec:crm#ev-1:1";
    return hcp;
}

static void test_a_reservation_is_committed_when_it_is_sent_and_only_once(void **state)
{
    struct fixture f;
    const char *id;
    (void)state;
    fixture_init(&f);
    struct nba_hcp *hcp = with_action(&f, &id);
    assert_false(find(hcp, id)->committed);
    assert_true(find(hcp, id)->time_ms == T0 + 60 * MINUTE);

    struct nba_event event = sent(NBA_EVENT_EMAIL_SENT, "s", id, "m-1", T0 + 70 * MINUTE);
    apply(hcp, &event);
    assert_true(find(hcp, id)->committed);
    assert_true(find(hcp, id)->time_ms == T0 + 70 * MINUTE);
    assert_true(find(hcp, id)->expires_at_ms == NBA_TIME_NONE);
    assert_str_equal(find(hcp, id)->evidence_event_id, "s");
    /* The same message again, by its id alone; and what tells of it late. */
    event = sent(NBA_EVENT_EMAIL_DELIVERED, "d", "", "m-1", T0 + 71 * MINUTE);
    apply(hcp, &event);
    event = sent(NBA_EVENT_ACTION_SENT, "a", id, "", T0 + 69 * MINUTE);
    apply(hcp, &event);
    assert_int_equal(hcp->ledger_count, 1);
    assert_ptr_equal(find(hcp, "m-1"), find(hcp, id));
    assert_true(find(hcp, id)->time_ms == T0 + 69 * MINUTE);
    assert_str_equal(find(hcp, id)->evidence_event_id, "s");
    fixture_clear(&f);
}

static void test_a_contact_stays_when_its_action_has_ended(void **state)
{
    struct fixture f;
    const char *id;
    (void)state;
    fixture_init(&f);
    struct nba_hcp *hcp = with_action(&f, &id);
    struct nba_event event = sent(NBA_EVENT_EMAIL_SENT, "s", id, "m-1", T0 + MINUTE);
    apply(hcp, &event);
    assert_true(nba_hcp_close_action(hcp, nba_str_of(id)));
    event = sent(NBA_EVENT_EMAIL_DELIVERED, "d", "", "m-1", T0 + 5 * DAY);
    apply(hcp, &event);
    assert_int_equal(hcp->ledger_count, 1);
    event = sent(NBA_EVENT_EMAIL_BOUNCED, "b", "", "m-1", T0 + 5 * DAY);
    assert_ptr_equal(nba_hcp_ledger_of(hcp, &event), find(hcp, id));
    assert_true(nba_hcp_ledger_release(hcp, nba_hcp_text_hash(event.message_id)));
    assert_int_equal(hcp->ledger_count, 0);
    assert_false(nba_hcp_ledger_release(hcp, nba_hcp_text_hash(nba_str_of(id))));
    fixture_clear(&f);
}

static void test_sends_of_others_count_once_for_each_message_or_call(void **state)
{
    struct fixture f;
    (void)state;
    fixture_init(&f);
    struct nba_hcp *hcp = new_hcp(&f);
    struct nba_event event = sent(NBA_EVENT_EMAIL_DELIVERED, "d", "", "m-1", T0 + MINUTE);
    apply(hcp, &event);
    event = sent(NBA_EVENT_EMAIL_SENT, "s", "", "m-1", T0);
    apply(hcp, &event);
    assert_int_equal(hcp->ledger_count, 1);
    assert_true(find(hcp, "m-1")->committed);
    assert_true(find(hcp, "m-1")->time_ms == T0);
    assert_int_equal(find(hcp, "m-1")->channel, NBA_CHANNEL_EMAIL);
    assert_int_equal(find(hcp, "m-1")->brand_hash, nba_hcp_text_hash(nba_str_of("CARDIOX")));
    for (int i = 0; i < 2; i++) {
        event = event_of(NBA_EVENT_REP_CALL_COMPLETED, i == 0 ? "c" : "c2", T0 + DAY);
        event.call_id = nba_str_of("call-1");
        apply(hcp, &event);
    }
    assert_int_equal(hcp->ledger_count, 2);
    assert_int_equal(find(hcp, "call-1")->channel, NBA_CHANNEL_REP);
    /* Opened by somebody we know no send of; two calls that nothing joins. */
    event = sent(NBA_EVENT_EMAIL_OPENED, "o", "", "m-9", T0 + DAY);
    apply(hcp, &event);
    assert_int_equal(hcp->ledger_count, 2);
    event = event_of(NBA_EVENT_REP_CALL_COMPLETED, "c3", T0 + 2 * DAY);
    apply(hcp, &event);
    event = event_of(NBA_EVENT_REP_CALL_COMPLETED, "c4", T0 + 2 * DAY);
    apply(hcp, &event);
    assert_int_equal(hcp->ledger_count, 4);
    fixture_clear(&f);
}

static void test_a_message_noted_before_its_action_was_known_is_one_contact(void **state)
{
    struct fixture f;
    const char *id;
    (void)state;
    fixture_init(&f);
    struct nba_hcp *hcp = with_action(&f, &id);
    struct nba_event event = sent(NBA_EVENT_EMAIL_DELIVERED, "d", "", "m-1", T0 + 2 * MINUTE);
    apply(hcp, &event);
    assert_int_equal(hcp->ledger_count, 2);
    event = sent(NBA_EVENT_EMAIL_SENT, "s", id, "m-1", T0 + MINUTE);
    apply(hcp, &event);
    assert_int_equal(hcp->ledger_count, 1);
    assert_ptr_equal(find(hcp, "m-1"), find(hcp, id));
    assert_true(find(hcp, id)->committed);
    fixture_clear(&f);
}

static void test_a_rep_action_is_committed_by_its_call_or_when_it_is_done(void **state)
{
    static const enum nba_event_type types[] = {
        NBA_EVENT_REP_CALL_COMPLETED, NBA_EVENT_ACTION_EXECUTED, NBA_EVENT_ACTION_COMPLETED};
    (void)state;
    for (size_t i = 0; i < NBA_ARRAY_COUNT(types); i++) {
        struct fixture f;
        const char *id;
        fixture_init(&f);
        struct nba_hcp *hcp = with_action(&f, &id);
        struct nba_event event = sent(NBA_EVENT_ACTION_ACCEPTED, "a", id, "", T0 + MINUTE);
        apply(hcp, &event);
        assert_null(nba_hcp_find_action(hcp, nba_str_of(id)));
        assert_false(find(hcp, id)->committed); /* promised, not done */
        event = sent(types[i], "e", id, "", T0 + 3 * MINUTE);
        apply(hcp, &event);
        assert_int_equal(hcp->ledger_count, 1);
        assert_true(find(hcp, id)->committed);
        assert_true(find(hcp, id)->time_ms == T0 + 3 * MINUTE);
        fixture_clear(&f);
    }
}

static void test_machines_duplicates_and_late_events_are_no_contacts(void **state)
{
    static const enum nba_arrival arrivals[] = {NBA_ARRIVAL_DUPLICATE, NBA_ARRIVAL_LATE,
                                                NBA_ARRIVAL_BOT};
    struct fixture f;
    (void)state;
    fixture_init(&f);
    struct nba_hcp *hcp = new_hcp(&f);
    const struct nba_event event = sent(NBA_EVENT_EMAIL_SENT, "s", "", "m-1", T0);
    for (size_t i = 0; i < NBA_ARRAY_COUNT(arrivals); i++) {
        nba_hcp_apply_event(hcp, &event, NULL, T0, arrivals[i]);
    }
    assert_int_equal(hcp->ledger_count, 0);
    fixture_clear(&f);
}

static void test_a_full_ledger_keeps_the_latest_contacts_in_their_order(void **state)
{
    struct fixture f;
    (void)state;
    fixture_init(&f);
    struct nba_hcp *hcp = new_hcp(&f);
    for (uint64_t i = 0; i < 100; i++) {
        struct nba_event event = sent(NBA_EVENT_EMAIL_SENT, "", "", "", T0);
        event.event_time_ms += (int64_t)(i * 37 % 100) * MINUTE;
        event.event_id = text_of(&f, "s-", i * 37 % 100);
        event.message_id = text_of(&f, "m-", i * 37 % 100);
        apply(hcp, &event);
    }
    assert_int_equal(hcp->ledger_count, NBA_HCP_LEDGER_MAX);
    for (uint32_t i = 0; i < NBA_HCP_LEDGER_MAX; i++) {
        assert_true(hcp->ledger[i].time_ms == T0 + (int64_t)(36 + i) * MINUTE);
    }
    fixture_clear(&f);
}

/* Eleven contacts in 28 days: whether that is too much is what the HCP's own rate says. */
static void test_saturation_is_contacts_against_the_hcps_own_rate(void **state)
{
    static const struct {
        uint32_t contacts, answers, before; /* engagements, long ago, of 40 trials */
        enum nba_saturation saturation;
    } cases[] = {{3, 0, 20, NBA_UNDERSATURATED}, {4, 0, 20, NBA_ON_TARGET},
                 {7, 0, 20, NBA_ON_TARGET},      {8, 0, 20, NBA_SATURATED},
                 {11, 2, 20, NBA_SATURATED},     {11, 4, 20, NBA_ON_TARGET},
                 {11, 0, 0, NBA_ON_TARGET}}; /* never answered: nothing to fall from */
    (void)state;
    for (size_t i = 0; i < NBA_ARRAY_COUNT(cases); i++) {
        struct fixture f;
        fixture_init(&f);
        struct nba_hcp *hcp = new_hcp(&f);
        const int64_t now_ms = T0 + 28 * DAY;
        for (uint32_t k = 0; k < cases[i].contacts + 2; k++) { /* two that are too old */
            struct nba_event event = sent(NBA_EVENT_EMAIL_SENT, "", "", "", T0);
            event.event_time_ms = k < 2 ? T0 - (int64_t)k * DAY : now_ms - (int64_t)k * DAY;
            event.event_id = text_of(&f, "s-", k);
            event.message_id = text_of(&f, "m-", k);
            apply(hcp, &event);
        }
        hcp->channels[NBA_CHANNEL_EMAIL].sent = 40;
        hcp->channels[NBA_CHANNEL_EMAIL].engaged = cases[i].before;
        for (uint32_t k = 0; k < cases[i].answers; k++) {
            hcp->ring[hcp->ring_count++] = (struct nba_ring_event){.time_ms = now_ms - DAY};
        }
        assert_int_equal(nba_hcp_saturation(hcp, now_ms), cases[i].saturation);
        fixture_clear(&f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_saturation_is_contacts_against_the_hcps_own_rate),
        cmocka_unit_test(test_a_reservation_is_committed_when_it_is_sent_and_only_once),
        cmocka_unit_test(test_a_contact_stays_when_its_action_has_ended),
        cmocka_unit_test(test_sends_of_others_count_once_for_each_message_or_call),
        cmocka_unit_test(test_a_message_noted_before_its_action_was_known_is_one_contact),
        cmocka_unit_test(test_a_rep_action_is_committed_by_its_call_or_when_it_is_done),
        cmocka_unit_test(test_machines_duplicates_and_late_events_are_no_contacts),
        cmocka_unit_test(test_a_full_ledger_keeps_the_latest_contacts_in_their_order),
    };
    return cmocka_run_group_tests_name("unit.state.hcp_ledger", tests, NULL, NULL);
}
