/* What events do to a record: duplicates, ring and window, statistics, outcomes, actions. */
#include "state_fixture.h"

#include "nba/base/hash.h"

static void push_some(struct nba_hcp *hcp, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        nba_hcp_push(hcp, &(struct nba_ring_event){.time_ms = T0 + (int64_t)hcp->pushed,
                                                   .content_hash = (uint32_t)hcp->pushed,
                                                   .type = NBA_EVENT_EMAIL_OPENED,
                                                   .channel = NBA_CHANNEL_EMAIL});
    }
}

/* The definition of architecture.md section 5, in signed numbers, word for word. */
static int64_t naive_start(int64_t n, int64_t window, int64_t held)
{
    const int64_t anchored = (n / window - 1) * window;
    const int64_t floor_zero = anchored > 0 ? anchored : 0;
    return floor_zero > n - held ? floor_zero : n - held;
}

static void test_the_window_is_the_naive_definition_for_every_n_and_w(void **state)
{
    static const uint32_t windows[] = {1, 2, 3, 7, 10, 50, 63, 64};
    struct fixture f;
    (void)state;
    fixture_init(&f);
    struct nba_hcp *hcp = new_hcp(&f);
    for (int64_t n = 0; n < 400; n++) {
        const int64_t held = n < (int64_t)NBA_RING_EVENTS ? n : (int64_t)NBA_RING_EVENTS;
        for (size_t i = 0; i < NBA_ARRAY_COUNT(windows); i++) {
            uint64_t start = 0;
            uint32_t count = 0;
            nba_hcp_window(hcp, windows[i], &start, &count);
            assert_int_equal(start, naive_start(n, windows[i], held));
            assert_int_equal(count, n - naive_start(n, windows[i], held));
            assert_true(count < 2 * windows[i]);
        }
        push_some(hcp, 1);
    }
    fixture_clear(&f);
}

static void test_the_ring_keeps_the_last_events_and_their_numbers(void **state)
{
    struct fixture f;
    (void)state;
    fixture_init(&f);
    struct nba_hcp *hcp = new_hcp(&f);
    push_some(hcp, NBA_RING_EVENTS + 5);
    assert_int_equal(hcp->pushed, NBA_RING_EVENTS + 5);
    assert_int_equal(hcp->ring_count, NBA_RING_EVENTS);
    assert_int_equal(nba_hcp_ring_at(hcp, 5)->content_hash, 5);
    assert_int_equal(nba_hcp_ring_at(hcp, NBA_RING_EVENTS + 4)->content_hash, NBA_RING_EVENTS + 4);
    fixture_clear(&f);
}

static void test_a_duplicate_is_known_for_seven_days_by_watermark(void **state)
{
    struct fixture f;
    (void)state;
    fixture_init(&f);
    struct nba_hcp *hcp = new_hcp(&f);
    struct nba_event event = event_of(NBA_EVENT_PORTAL_LOGIN, "ev-1", T0);
    apply(hcp, &event);
    assert_int_equal(nba_hcp_arrival(hcp, &event, T0, DAY), NBA_ARRIVAL_DUPLICATE);
    assert_int_equal(nba_hcp_arrival(hcp, &event, T0 + 7 * DAY - 1, 8 * DAY),
                     NBA_ARRIVAL_DUPLICATE);
    assert_int_equal(nba_hcp_arrival(hcp, &event, T0 + 7 * DAY, 8 * DAY), NBA_ARRIVAL_FRESH);
    event.source = nba_str_of("mail");
    assert_int_equal(nba_hcp_arrival(hcp, &event, T0, DAY), NBA_ARRIVAL_FRESH);
    fixture_clear(&f);
}

static void test_a_duplicate_is_forgotten_after_thirty_two_other_events(void **state)
{
    struct fixture f;
    (void)state;
    fixture_init(&f);
    struct nba_hcp *hcp = new_hcp(&f);
    const struct nba_event first = event_of(NBA_EVENT_PORTAL_LOGIN, "first", T0);
    apply(hcp, &first);
    for (uint64_t i = 0; i < 31; i++) {
        struct nba_event other = event_of(NBA_EVENT_PORTAL_LOGIN, "", T0);
        other.event_id = text_of(&f, "other-", i);
        apply(hcp, &other);
    }
    assert_int_equal(nba_hcp_arrival(hcp, &first, T0, DAY), NBA_ARRIVAL_DUPLICATE);
    const struct nba_event last = event_of(NBA_EVENT_PORTAL_LOGIN, "last", T0);
    apply(hcp, &last);
    assert_int_equal(nba_hcp_arrival(hcp, &first, T0, DAY), NBA_ARRIVAL_FRESH);
    fixture_clear(&f);
}

static void test_duplicate_late_and_bot_events_leave_the_bytes_as_they_were(void **state)
{
    static const enum nba_arrival arrivals[] = {NBA_ARRIVAL_DUPLICATE, NBA_ARRIVAL_LATE,
                                                NBA_ARRIVAL_BOT};
    struct fixture f;
    (void)state;
    fixture_init(&f);
    struct nba_hcp *hcp = new_hcp(&f);
    struct nba_rng rng = nba_rng(11);
    int64_t clock_ms = T0;
    for (uint64_t step = 100; step < 200; step++) {
        random_step(&f, &rng, hcp, step, &clock_ms);
    }
    const struct nba_str before = encoded(&f, hcp);
    for (uint64_t step = 1000; step < 1300; step++) {
        const struct nba_event event = random_event(&f, &rng, step, clock_ms);
        if (event.type != NBA_EVENT_CONSENT_CHANGED && event.type != NBA_EVENT_EMAIL_UNSUBSCRIBED) {
            nba_hcp_apply_event(hcp, &event, NULL, clock_ms, arrivals[step % 3]);
        }
    }
    assert_bytes_equal(encoded(&f, hcp), before);
    fixture_clear(&f);
}

static void test_an_event_is_late_when_older_than_the_watermark_less_the_lateness(void **state)
{
    struct fixture f;
    (void)state;
    fixture_init(&f);
    const struct nba_hcp *hcp = new_hcp(&f);
    struct nba_event event = event_of(NBA_EVENT_EMAIL_OPENED, "ev-1", T0);
    assert_int_equal(nba_hcp_arrival(hcp, &event, T0 + DAY, DAY), NBA_ARRIVAL_FRESH);
    assert_int_equal(nba_hcp_arrival(hcp, &event, T0 + DAY + 1, DAY), NBA_ARRIVAL_LATE);
    event.bot = NBA_BOT_APPLE;
    assert_int_equal(nba_hcp_arrival(hcp, &event, T0, DAY), NBA_ARRIVAL_BOT);
    fixture_clear(&f);
}

static void test_only_positive_engagements_with_a_content_enter_the_ring(void **state)
{
    struct fixture f;
    (void)state;
    fixture_init(&f);
    struct nba_hcp *hcp = new_hcp(&f);
    struct nba_event event = event_of(NBA_EVENT_EMAIL_OPENED, "ev-1", T0);
    apply(hcp, &event);
    assert_int_equal(hcp->pushed, 0); /* no content */
    event = event_of(NBA_EVENT_EMAIL_DELIVERED, "ev-2", T0);
    event.content_id = nba_str_of("CX-1");
    apply(hcp, &event);
    assert_int_equal(hcp->pushed, 0); /* no engagement */
    event = event_of(NBA_EVENT_CLM_SLIDE_VIEWED, "ev-3", T0);
    event.content_id = nba_str_of("CX-1");
    event.reaction = -1;
    apply(hcp, &event);
    assert_int_equal(hcp->pushed, 0); /* a frown */
    event.event_id = nba_str_of("ev-4");
    event.reaction = 0;
    apply(hcp, &event);
    assert_int_equal(hcp->pushed, 1);
    assert_int_equal(hcp->ring[0].content_hash, nba_content_hash(nba_str_of("CX-1")));
    assert_int_equal(hcp->ring[0].channel, NBA_CHANNEL_REP);
    fixture_clear(&f);
}

static void test_the_channel_rate_starts_at_the_prior_and_follows_the_answers(void **state)
{
    struct fixture f;
    (void)state;
    fixture_init(&f);
    struct nba_hcp *hcp = new_hcp(&f);
    assert_true(nba_hcp_channel_rate(hcp, NBA_CHANNEL_EMAIL) == NBA_CHANNEL_RATE_PRIOR);
    hcp->channels[NBA_CHANNEL_EMAIL].sent = 12;
    hcp->channels[NBA_CHANNEL_EMAIL].engaged = 3;
    assert_true(nba_hcp_channel_rate(hcp, NBA_CHANNEL_EMAIL) == (3 + 2.0) / (12 + 8.0));
    /* A source that reports no sends: what was answered is what was tried. */
    hcp->channels[NBA_CHANNEL_EMAIL].sent = 0;
    hcp->channels[NBA_CHANNEL_EMAIL].refused = 5;
    assert_true(nba_hcp_channel_rate(hcp, NBA_CHANNEL_EMAIL) == (3 + 2.0) / (8 + 8.0));
    hcp->channels[NBA_CHANNEL_EMAIL].engaged = UINT32_MAX;
    hcp->channels[NBA_CHANNEL_EMAIL].refused = UINT32_MAX;
    assert_true(nba_hcp_channel_rate(hcp, NBA_CHANNEL_EMAIL) < 1.0);
    fixture_clear(&f);
}

static void test_email_sent_and_action_sent_of_one_action_are_one_touch(void **state)
{
    struct fixture f;
    (void)state;
    fixture_init(&f);
    struct nba_hcp *hcp = new_hcp(&f);
    const struct nba_open_action action = action_of(&f, 1, T0);
    assert_true(nba_hcp_add_action(hcp, &action));
    struct nba_event event = event_of(NBA_EVENT_ACTION_SENT, "ev-1", T0 + 5);
    event.action_id = action.action_id;
    apply(hcp, &event);
    event = event_of(NBA_EVENT_EMAIL_SENT, "ev-2", T0 + 6);
    event.action_id = action.action_id;
    event.message_id = nba_str_of("m-1");
    apply(hcp, &event);
    assert_int_equal(hcp->channels[NBA_CHANNEL_EMAIL].sent, 1);
    assert_true(hcp->channels[NBA_CHANNEL_EMAIL].last_contact_ms == T0 + 6);
    /* One sent outcome too, and the action can't be recalled any more. */
    assert_int_equal(hcp->outcome_count, 1);
    assert_int_equal(hcp->outcomes[0].outcome, NBA_OUTCOME_SENT);
    assert_str_equal(hcp->outcomes[0].family_id, "CX-1");
    assert_false(nba_open_action_is_open(&hcp->actions[0], T0 + 7));
    assert_str_equal(hcp->actions[0].message_id, "m-1");
    /* A bounce that names the message alone ends both. */
    event = event_of(NBA_EVENT_EMAIL_BOUNCED, "ev-3", T0 + 9);
    event.message_id = nba_str_of("m-1");
    apply(hcp, &event);
    assert_int_equal(hcp->outcome_count, 0);
    assert_int_equal(hcp->action_count, 0);
    fixture_clear(&f);
}

static void test_a_bounce_takes_the_sent_outcome_back_and_a_hard_one_marks_the_address(void **state)
{
    struct fixture f;
    (void)state;
    fixture_init(&f);
    struct nba_hcp *hcp = new_hcp(&f);
    struct nba_event event = event_of(NBA_EVENT_EMAIL_SENT, "ev-1", T0);
    event.content_id = nba_str_of("CX-1");
    event.message_id = nba_str_of("m-1");
    apply(hcp, &event);
    event.event_id = nba_str_of("ev-2");
    event.message_id = nba_str_of("m-2");
    apply(hcp, &event);
    assert_int_equal(hcp->outcome_count, 2);
    event = event_of(NBA_EVENT_EMAIL_BOUNCED, "ev-3", T0 + 1);
    event.message_id = nba_str_of("m-2");
    event.bounce_class = NBA_BOUNCE_SOFT;
    apply(hcp, &event);
    assert_int_equal(hcp->outcome_count, 1);
    assert_str_equal(hcp->outcomes[0].evidence_event_id, "ev-1");
    assert_int_equal(hcp->profile.address[NBA_CHANNEL_EMAIL], NBA_ADDRESS_ABSENT);
    event.event_id = nba_str_of("ev-4");
    event.message_id = nba_str_of("m-1");
    event.bounce_class = NBA_BOUNCE_HARD;
    apply(hcp, &event);
    assert_int_equal(hcp->outcome_count, 0);
    assert_int_equal(hcp->profile.address[NBA_CHANNEL_EMAIL], NBA_ADDRESS_BOUNCED);
    fixture_clear(&f);
}

static void test_an_outcome_is_kept_by_family_with_the_events_own_topic_first(void **state)
{
    const struct nba_str topics[] = {nba_str_of("own"), nba_str_of("second")};
    const struct nba_content_facts facts = {nba_str_of("FAMILY"), nba_str_of("catalogued"),
                                            nba_str_of("CARDIOX")};
    struct fixture f;
    (void)state;
    fixture_init(&f);
    struct nba_hcp *hcp = new_hcp(&f);
    struct nba_event event = event_of(NBA_EVENT_EMAIL_OPENED, "ev-1", T0);
    event.content_id = nba_str_of("VARIANT-B");
    nba_hcp_apply_outcome(hcp, &event, &facts);
    event.event_id = nba_str_of("ev-2");
    event.topic_ids = (struct nba_str_list){topics, 2};
    nba_hcp_apply_outcome(hcp, &event, &facts);
    assert_int_equal(hcp->outcome_count, 2);
    assert_str_equal(hcp->outcomes[0].family_id, "FAMILY");
    assert_str_equal(hcp->outcomes[0].content_id, "VARIANT-B");
    assert_str_equal(hcp->outcomes[0].topic, "catalogued");
    assert_str_equal(hcp->outcomes[1].topic, "own");
    const struct nba_hcp *read = decoded(&f, encoded(&f, hcp));
    assert_str_equal(read->outcomes[0].family_id, "FAMILY");
    assert_str_equal(read->outcomes[0].content_id, "VARIANT-B");
    fixture_clear(&f);
}

static void test_an_open_without_a_content_joins_that_of_its_message(void **state)
{
    struct fixture f;
    (void)state;
    fixture_init(&f);
    struct nba_hcp *hcp = new_hcp(&f);
    struct nba_event event = event_of(NBA_EVENT_EMAIL_SENT, "ev-1", T0);
    event.content_id = nba_str_of("CX-1");
    event.message_id = nba_str_of("m-1");
    apply(hcp, &event);
    event = event_of(NBA_EVENT_EMAIL_OPENED, "ev-2", T0 + 1);
    event.message_id = nba_str_of("m-1");
    apply(hcp, &event);
    event.event_id = nba_str_of("ev-3"); /* opened again: raw, not unique */
    apply(hcp, &event);
    assert_int_equal(hcp->outcome_count, 2);
    assert_int_equal(hcp->outcomes[1].outcome, NBA_OUTCOME_OPENED);
    assert_str_equal(hcp->outcomes[1].family_id, "CX-1");
    assert_str_equal(hcp->outcomes[1].evidence_event_id, "ev-2");
    assert_int_equal(hcp->event_count[NBA_EVENT_EMAIL_OPENED], 2);
    fixture_clear(&f);
}

static void test_answers_end_an_open_action_and_its_timer(void **state)
{
    static const enum nba_event_type ends[] = {
        NBA_EVENT_ACTION_ACCEPTED, NBA_EVENT_ACTION_EXECUTED,  NBA_EVENT_ACTION_COMPLETED,
        NBA_EVENT_ACTION_IGNORED,  NBA_EVENT_ACTION_DISMISSED, NBA_EVENT_ACTION_NOT_SENT};
    struct fixture f;
    (void)state;
    fixture_init(&f);
    struct nba_hcp *hcp = new_hcp(&f);
    const struct nba_open_action other = action_of(&f, 99, T0);
    assert_true(nba_hcp_add_action(hcp, &other));
    for (size_t i = 0; i < NBA_ARRAY_COUNT(ends); i++) {
        const struct nba_open_action action = action_of(&f, i, T0);
        assert_true(nba_hcp_add_action(hcp, &action));
        assert_true(nba_open_action_is_open(nba_hcp_find_action(hcp, action.action_id), T0 + 1));
        assert_int_equal(hcp->timer_count, 2);
        struct nba_event event = event_of(ends[i], "", T0 + 1);
        event.event_id = text_of(&f, "answer-", i);
        event.action_id = action.action_id;
        apply(hcp, &event);
        assert_null(nba_hcp_find_action(hcp, action.action_id));
        assert_int_equal(hcp->timer_count, 1);
    }
    assert_str_equal(hcp->timers[0].id, "dec:crm#ev-99:1");
    fixture_clear(&f);
}

static void test_an_action_is_open_until_its_expiry_and_not_at_it(void **state)
{
    struct fixture f;
    (void)state;
    fixture_init(&f);
    struct nba_hcp *hcp = new_hcp(&f);
    const struct nba_open_action action = action_of(&f, 1, T0);
    assert_true(nba_hcp_add_action(hcp, &action));
    assert_true(nba_open_action_is_open(&hcp->actions[0], action.expires_at_ms - 1));
    assert_false(nba_open_action_is_open(&hcp->actions[0], action.expires_at_ms));
    fixture_clear(&f);
}

static void test_a_profile_update_changes_what_it_names_and_nothing_else(void **state)
{
    const struct nba_str specialties[] = {nba_str_of("cardiology"), nba_str_of("oncology")};
    struct nba_profile profile = {.market = nba_str_of("DE"),
                                  .tz = nba_str_of("Europe/Berlin"),
                                  .has_specialties = true,
                                  .specialties = {specialties, 2}};
    struct fixture f;
    (void)state;
    fixture_init(&f);
    struct nba_hcp *hcp = new_hcp(&f);
    struct nba_event event = event_of(NBA_EVENT_PROFILE_UPDATED, "ev-1", T0);
    profile.address[NBA_CHANNEL_EMAIL] = NBA_ADDRESS_OK;
    event.profile = &profile;
    apply(hcp, &event);
    profile = (struct nba_profile){.market = nba_str_of("US")};
    event.event_id = nba_str_of("ev-2");
    apply(hcp, &event);
    const struct nba_hcp *read = decoded(&f, encoded(&f, hcp));
    assert_true(read->profile.known);
    assert_str_equal(read->profile.market, "US");
    assert_str_equal(read->profile.tz, "Europe/Berlin");
    assert_int_equal(read->profile.specialty_count, 2);
    assert_str_equal(read->profile.specialties[1], "oncology");
    assert_int_equal(read->profile.address[NBA_CHANNEL_EMAIL], NBA_ADDRESS_OK);
    profile = (struct nba_profile){.has_specialties = true};
    event.event_id = nba_str_of("ev-3");
    apply(hcp, &event);
    assert_int_equal(hcp->profile.specialty_count, 0);
    fixture_clear(&f);
}

static void test_a_registration_adds_its_event_once(void **state)
{
    struct fixture f;
    (void)state;
    fixture_init(&f);
    struct nba_hcp *hcp = new_hcp(&f);
    struct nba_event event = event_of(NBA_EVENT_WEBINAR_REGISTERED, "ev-1", T0);
    event.hcp_event_id = nba_str_of("congress-7");
    apply(hcp, &event);
    event.event_id = nba_str_of("ev-2");
    apply(hcp, &event);
    const struct nba_hcp *read = decoded(&f, encoded(&f, hcp));
    assert_int_equal(read->profile.registered_count, 1);
    assert_str_equal(read->profile.registered_events[0], "congress-7");
    assert_false(read->profile.known);
    fixture_clear(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_window_is_the_naive_definition_for_every_n_and_w),
        cmocka_unit_test(test_the_ring_keeps_the_last_events_and_their_numbers),
        cmocka_unit_test(test_a_duplicate_is_known_for_seven_days_by_watermark),
        cmocka_unit_test(test_a_duplicate_is_forgotten_after_thirty_two_other_events),
        cmocka_unit_test(test_duplicate_late_and_bot_events_leave_the_bytes_as_they_were),
        cmocka_unit_test(test_an_event_is_late_when_older_than_the_watermark_less_the_lateness),
        cmocka_unit_test(test_only_positive_engagements_with_a_content_enter_the_ring),
        cmocka_unit_test(test_the_channel_rate_starts_at_the_prior_and_follows_the_answers),
        cmocka_unit_test(test_email_sent_and_action_sent_of_one_action_are_one_touch),
        cmocka_unit_test(
            test_a_bounce_takes_the_sent_outcome_back_and_a_hard_one_marks_the_address),
        cmocka_unit_test(test_an_outcome_is_kept_by_family_with_the_events_own_topic_first),
        cmocka_unit_test(test_an_open_without_a_content_joins_that_of_its_message),
        cmocka_unit_test(test_answers_end_an_open_action_and_its_timer),
        cmocka_unit_test(test_an_action_is_open_until_its_expiry_and_not_at_it),
        cmocka_unit_test(test_a_profile_update_changes_what_it_names_and_nothing_else),
        cmocka_unit_test(test_a_registration_adds_its_event_once),
    };
    return cmocka_run_group_tests_name("unit.state.hcp_events", tests, NULL, NULL);
}
