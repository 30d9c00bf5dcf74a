/* What triggers remember: the sentences of nba/state/hcp.h about patterns, one by one. */
#include "state_fixture.h"

#define WEEK (7 * DAY)

static const struct nba_content_facts no_facts;

static struct nba_trigger streak(uint32_t consecutive)
{
    return (struct nba_trigger){.hash = nba_hcp_text_hash(nba_str_of("streak")),
                                .event = NBA_EVENT_EMAIL_DELIVERED,
                                .without = NBA_EVENT_EMAIL_OPENED,
                                .same = NBA_SAME_MESSAGE,
                                .per_brand = true,
                                .consecutive = consecutive,
                                .within_ms = WEEK};
}

/* An event of message `m-<number>`, with the id `<type>-<number>`. */
static void happen(struct fixture *f, struct nba_hcp *hcp, const struct nba_trigger *trigger,
                   enum nba_event_type type, uint64_t number, const char *brand, int64_t time_ms)
{
    struct nba_event event = event_of(type, "", time_ms);
    event.event_id = text_of(f, type == NBA_EVENT_EMAIL_DELIVERED ? "d-" : "o-", number);
    event.message_id = text_of(f, "m-", number);
    event.brand = nba_str_of(brand);
    nba_hcp_apply_triggers(hcp, &event, &no_facts, time_ms, trigger, 1);
}

static void deliver(struct fixture *f, struct nba_hcp *hcp, const struct nba_trigger *trigger,
                    uint64_t number, int64_t time_ms)
{
    happen(f, hcp, trigger, NBA_EVENT_EMAIL_DELIVERED, number, "X", time_ms);
}

static void open_mail(struct fixture *f, struct nba_hcp *hcp, const struct nba_trigger *trigger,
                      uint64_t number, int64_t time_ms)
{
    happen(f, hcp, trigger, NBA_EVENT_EMAIL_OPENED, number, "", time_ms);
}

/* Fires the timer as a task would; *ret_due is of the last one that holds.  How many hold. */
static uint32_t pass(struct nba_hcp *hcp, int64_t now_ms, const struct nba_trigger *triggers,
                     uint32_t count, struct nba_trigger_due *ret_due)
{
    uint32_t held = 0;
    while (hcp->timer_count != 0 && hcp->timers[0].due_ms <= now_ms) {
        const struct nba_timer timer = hcp->timers[0];
        assert_int_equal(timer.kind, NBA_TIMER_TRIGGER);
        assert_true(nba_hcp_remove_timer(hcp, timer.kind, timer.id));
        while (nba_hcp_next_trigger(hcp, timer.due_ms, triggers, count, ret_due)) {
            held++;
        }
    }
    return held;
}

static void test_as_many_in_a_row_as_wanted_without_an_answer_fire_when_the_last_is_due(
    void **state)
{
    struct fixture f;
    struct nba_trigger_due due;
    const struct nba_trigger trigger = streak(3);
    (void)state;
    fixture_init(&f);
    struct nba_hcp *hcp = new_hcp(&f);
    deliver(&f, hcp, &trigger, 1, T0);
    deliver(&f, hcp, &trigger, 2, T0 + 3 * DAY);
    deliver(&f, hcp, &trigger, 3, T0 + 4 * DAY);
    assert_int_equal(hcp->timers[0].due_ms, T0 + WEEK);
    assert_int_equal(pass(hcp, T0 + 4 * DAY + WEEK - 1, &trigger, 1, &due), 0);
    assert_int_equal(pass(hcp, T0 + 4 * DAY + WEEK, &trigger, 1, &due), 1);
    assert_true(due.due_ms == T0 + 4 * DAY + WEEK);
    assert_str_equal(due.brand, "X");
    assert_int_equal(due.evidence_count, 3);
    assert_str_equal(due.evidence[0], "d-1");
    assert_str_equal(due.evidence[2], "d-3");
    assert_false(due.quiet);
    assert_int_equal(hcp->timer_count, 0);
    assert_int_equal(hcp->pattern_count, 2); /* the next one's streak */
    deliver(&f, hcp, &trigger, 4, T0 + 12 * DAY);
    assert_int_equal(pass(hcp, T0 + 12 * DAY + WEEK, &trigger, 1, &due), 1);
    assert_str_equal(due.evidence[0], "d-2");
    fixture_clear(&f);
}

static void test_an_answer_counts_until_just_before_the_time_is_up(void **state)
{
    (void)state;
    for (int64_t late_ms = 0; late_ms < 2; late_ms++) {
        struct fixture f;
        struct nba_trigger_due due;
        const struct nba_trigger trigger = streak(2);
        fixture_init(&f);
        struct nba_hcp *hcp = new_hcp(&f);
        deliver(&f, hcp, &trigger, 1, T0);
        deliver(&f, hcp, &trigger, 2, T0 + DAY);
        open_mail(&f, hcp, &trigger, 1, T0 + WEEK - 1 + late_ms);
        assert_int_equal(pass(hcp, T0 + DAY + WEEK, &trigger, 1, &due), (uint32_t)late_ms);
        fixture_clear(&f);
    }
}

static void test_an_answer_in_the_row_begins_it_anew(void **state)
{
    struct fixture f;
    struct nba_trigger_due due;
    const struct nba_trigger trigger = streak(3);
    (void)state;
    fixture_init(&f);
    struct nba_hcp *hcp = new_hcp(&f);
    for (int64_t i = 1; i <= 6; i++) {
        deliver(&f, hcp, &trigger, (uint64_t)i, T0 + i * DAY);
    }
    open_mail(&f, hcp, &trigger, 3, T0 + 4 * DAY);
    assert_int_equal(pass(hcp, T0 + 5 * DAY + WEEK, &trigger, 1, &due), 0);
    assert_int_equal(pass(hcp, T0 + 6 * DAY + WEEK, &trigger, 1, &due), 1);
    assert_str_equal(due.evidence[0], "d-4");
    fixture_clear(&f);
}

static void test_the_order_of_arrival_does_not_matter(void **state)
{
    struct fixture f;
    struct nba_trigger_due due;
    const struct nba_trigger trigger = streak(3);
    (void)state;
    fixture_init(&f);
    struct nba_hcp *hcp = new_hcp(&f);
    deliver(&f, hcp, &trigger, 3, T0 + 2 * DAY);
    open_mail(&f, hcp, &trigger, 2, T0 + DAY + 60000); /* of a delivery that is yet to come */
    deliver(&f, hcp, &trigger, 1, T0);
    deliver(&f, hcp, &trigger, 2, T0 + DAY);
    assert_int_equal(pass(hcp, T0 + 20 * DAY, &trigger, 1, &due), 0);
    struct nba_hcp *other = new_hcp(&f);
    deliver(&f, other, &trigger, 3, T0 + 2 * DAY);
    deliver(&f, other, &trigger, 1, T0);
    deliver(&f, other, &trigger, 2, T0 + DAY);
    assert_int_equal(pass(other, T0 + 20 * DAY, &trigger, 1, &due), 1);
    assert_str_equal(due.evidence[0], "d-1");
    assert_str_equal(due.evidence[1], "d-2");
    assert_str_equal(due.evidence[2], "d-3");
    fixture_clear(&f);
}

static void test_what_never_arrived_or_came_twice_or_names_no_message_is_not_counted(void **state)
{
    struct fixture f;
    struct nba_trigger_due due;
    const struct nba_trigger trigger = streak(2);
    (void)state;
    fixture_init(&f);
    struct nba_hcp *hcp = new_hcp(&f);
    deliver(&f, hcp, &trigger, 1, T0);
    deliver(&f, hcp, &trigger, 1, T0 + DAY); /* said again */
    deliver(&f, hcp, &trigger, 2, T0 + DAY);
    happen(&f, hcp, &trigger, NBA_EVENT_EMAIL_BOUNCED, 2, "", T0 + DAY);
    happen(&f, hcp, &trigger, NBA_EVENT_EMAIL_DELIVERED, 3, "", T0 + DAY); /* of no brand */
    struct nba_event event = event_of(NBA_EVENT_EMAIL_DELIVERED, "d", T0 + DAY);
    event.brand = nba_str_of("X");
    nba_hcp_apply_triggers(hcp, &event, &no_facts, T0 + DAY, &trigger, 1);
    assert_int_equal(hcp->pattern_count, 1);
    assert_int_equal(pass(hcp, T0 + 30 * DAY, &trigger, 1, &due), 0);
    fixture_clear(&f);
}

static void test_brands_and_triggers_keep_apart_and_no_two_dues_of_a_trigger_are_equal(void **state)
{
    struct fixture f;
    struct nba_trigger_due due;
    struct nba_trigger triggers[] = {streak(1), streak(2)};
    (void)state;
    fixture_init(&f);
    triggers[1].hash++;
    triggers[1].per_brand = false;
    struct nba_hcp *hcp = new_hcp(&f);
    const char *const brands[] = {"X", "Y"};
    for (uint64_t i = 0; i < 2; i++) {
        struct nba_event event = event_of(NBA_EVENT_EMAIL_DELIVERED, i == 0 ? "d-0" : "d-1", T0);
        event.message_id = text_of(&f, "m-", i);
        event.brand = nba_str_of(brands[i]);
        nba_hcp_apply_triggers(hcp, &event, &no_facts, T0, triggers, 2);
    }
    assert_true(nba_hcp_next_trigger(hcp, T0 + WEEK, triggers, 2, &due));
    assert_int_equal(due.trigger, 0);
    assert_str_equal(due.brand, "X");
    assert_false(nba_hcp_next_trigger(hcp, T0 + WEEK, triggers, 2, &due));
    assert_int_equal(hcp->timers[0].due_ms, T0 + WEEK + 1);
    assert_true(nba_hcp_next_trigger(hcp, T0 + WEEK + 1, triggers, 2, &due));
    assert_int_equal(due.trigger, 0);
    assert_str_equal(due.brand, "Y");
    assert_true(due.due_ms == T0 + WEEK + 1);
    assert_true(nba_hcp_next_trigger(hcp, T0 + WEEK + 1, triggers, 2, &due));
    assert_int_equal(due.trigger, 1); /* both brands together are two in a row */
    assert_str_equal(due.brand, "Y");
    assert_int_equal(due.evidence_count, 2);
    fixture_clear(&f);
}

static void test_nothing_of_a_kind_since_the_last_of_it_is_a_pattern(void **state)
{
    struct fixture f;
    struct nba_trigger_due due;
    const struct nba_trigger silence = {.hash = 7,
                                        .event = NBA_EVENT_PORTAL_LOGIN,
                                        .without = NBA_EVENT_PORTAL_LOGIN,
                                        .consecutive = 1,
                                        .within_ms = 30 * DAY};
    (void)state;
    fixture_init(&f);
    struct nba_hcp *hcp = new_hcp(&f);
    for (int64_t i = 0; i < 40; i++) { /* more than the list holds */
        happen(&f, hcp, &silence, NBA_EVENT_PORTAL_LOGIN, (uint64_t)i, "", T0 + i * DAY / 2);
    }
    assert_int_equal(pass(hcp, T0 + 49 * DAY, &silence, 1, &due), 0);
    assert_int_equal(pass(hcp, T0 + 50 * DAY, &silence, 1, &due), 1);
    assert_true(due.due_ms == T0 + 39 * DAY / 2 + 30 * DAY);
    assert_str_equal(due.evidence[0], "o-39");
    assert_int_equal(hcp->pattern_count, 0);
    fixture_clear(&f);
}

static void test_one_that_fired_is_quiet_until_its_moment_for_its_brand(void **state)
{
    struct fixture f;
    struct nba_trigger_due due;
    const struct nba_trigger trigger = streak(1);
    (void)state;
    fixture_init(&f);
    struct nba_hcp *hcp = new_hcp(&f);
    nba_hcp_quiet_trigger(hcp, &trigger, nba_str_of("X"), T0 + 2 * DAY + WEEK);
    deliver(&f, hcp, &trigger, 1, T0 + 2 * DAY - 1);
    happen(&f, hcp, &trigger, NBA_EVENT_EMAIL_DELIVERED, 2, "Y", T0 + 2 * DAY - 2);
    assert_int_equal(pass(hcp, T0 + 2 * DAY + WEEK - 2, &trigger, 1, &due), 1);
    assert_false(due.quiet);
    assert_int_equal(pass(hcp, T0 + 2 * DAY + WEEK - 1, &trigger, 1, &due), 1);
    assert_true(due.quiet);
    deliver(&f, hcp, &trigger, 3, T0 + 2 * DAY);
    assert_int_equal(pass(hcp, T0 + 2 * DAY + WEEK, &trigger, 1, &due), 1);
    assert_false(due.quiet);
    assert_int_equal(hcp->quiet_count, 0);
    fixture_clear(&f);
}

static void test_a_policy_without_the_trigger_or_with_another_time_judges_what_waits(void **state)
{
    struct fixture f;
    struct nba_trigger_due due;
    struct nba_trigger trigger = streak(1);
    (void)state;
    fixture_init(&f);
    struct nba_hcp *hcp = new_hcp(&f);
    deliver(&f, hcp, &trigger, 1, T0);
    trigger.within_ms = 2 * WEEK;
    assert_int_equal(pass(hcp, T0 + WEEK, &trigger, 1, &due), 0);
    assert_int_equal(hcp->timers[0].due_ms, T0 + 2 * WEEK);
    assert_int_equal(pass(hcp, T0 + 2 * WEEK, NULL, 0, &due), 0);
    assert_int_equal(hcp->pattern_count, 0);
    assert_int_equal(hcp->timer_count, 0);
    assert_int_equal(encoded(&f, hcp).bytes, encoded(&f, new_hcp(&f)).bytes);
    fixture_clear(&f);
}

static void test_deliveries_are_found_by_their_message_the_oldest_goes(void **state)
{
    struct fixture f;
    (void)state;
    fixture_init(&f);
    struct nba_hcp *hcp = new_hcp(&f);
    for (uint64_t i = 0; i <= NBA_HCP_DELIVERIES_MAX; i++) {
        struct nba_event event = event_of(NBA_EVENT_EMAIL_DELIVERED, "d", T0 + (int64_t)i);
        event.message_id = text_of(&f, "m-", i);
        nba_hcp_apply_delivery(hcp, &event);
        event.event_time_ms += DAY; /* said again */
        nba_hcp_apply_delivery(hcp, &event);
    }
    assert_true(nba_hcp_delivered_ms(hcp, nba_str_of("m-0")) == NBA_TIME_NONE);
    assert_true(nba_hcp_delivered_ms(hcp, nba_str_of("m-1")) == T0 + 1);
    assert_true(nba_hcp_delivered_ms(hcp, nba_str_of("m-8")) == T0 + 8);
    assert_true(nba_hcp_delivered_ms(hcp, nba_str("", 0)) == NBA_TIME_NONE);
    fixture_clear(&f);
}

/* Random lives: the bytes come back whole and the same at any border, within their limit. */
static void test_a_record_with_patterns_survives_its_bytes_and_keeps_its_limit(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 20; seed++) {
        struct fixture f;
        struct nba_rng rng = nba_rng(seed);
        struct nba_trigger triggers[] = {streak(3), streak(1)};
        struct nba_trigger_due due;
        int64_t now_ms = T0;
        fixture_init(&f);
        triggers[1].hash++;
        triggers[1].same = NBA_SAME_ANY;
        struct nba_hcp *hcp = new_hcp(&f);
        struct nba_hcp *twin = new_hcp(&f);
        for (uint64_t step = 0; step < 400; step++) {
            struct nba_event event = event_of(NBA_EVENT_EMAIL_DELIVERED, "", now_ms);
            const uint64_t roll = nba_rng_next(&rng);
            event.type = roll % 3 == 0 ? NBA_EVENT_EMAIL_OPENED : NBA_EVENT_EMAIL_DELIVERED;
            event.event_id =
                text_of(&f, "an-event-with-quite-a-long-identifier-as-crms-have-", step);
            event.message_id = text_of(&f, "m-", (roll >> 8) % 50);
            event.brand = text_of(&f, "brand-", (roll >> 16) % 4);
            event.content_id = text_of(&f, "content-", (roll >> 24) % 50);
            now_ms += (int64_t)((roll >> 32) % (uint64_t)DAY);
            struct nba_hcp *both[] = {hcp, twin};
            for (size_t i = 0; i < 2; i++) {
                nba_hcp_apply_event(both[i], &event, NULL, now_ms, NBA_ARRIVAL_FRESH);
                nba_hcp_apply_triggers(both[i], &event, &no_facts, now_ms, triggers, 2);
                nba_hcp_apply_delivery(both[i], &event);
                if (pass(both[i], now_ms, triggers, 2, &due) != 0 && !due.quiet) {
                    nba_hcp_quiet_trigger(both[i], &triggers[due.trigger], due.brand,
                                          now_ms + 3 * DAY);
                }
            }
            const struct nba_str bytes = encoded(&f, hcp);
            assert_true(bytes.bytes <= NBA_HCP_BYTES_MAX);
            assert_bytes_equal(bytes, encoded(&f, twin));
            twin = decoded(&f, bytes);
            assert_bytes_equal(bytes, encoded(&f, twin));
        }
        fixture_clear(&f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(
            test_as_many_in_a_row_as_wanted_without_an_answer_fire_when_the_last_is_due),
        cmocka_unit_test(test_an_answer_counts_until_just_before_the_time_is_up),
        cmocka_unit_test(test_an_answer_in_the_row_begins_it_anew),
        cmocka_unit_test(test_the_order_of_arrival_does_not_matter),
        cmocka_unit_test(test_what_never_arrived_or_came_twice_or_names_no_message_is_not_counted),
        cmocka_unit_test(
            test_brands_and_triggers_keep_apart_and_no_two_dues_of_a_trigger_are_equal),
        cmocka_unit_test(test_nothing_of_a_kind_since_the_last_of_it_is_a_pattern),
        cmocka_unit_test(test_one_that_fired_is_quiet_until_its_moment_for_its_brand),
        cmocka_unit_test(test_a_policy_without_the_trigger_or_with_another_time_judges_what_waits),
        cmocka_unit_test(test_deliveries_are_found_by_their_message_the_oldest_goes),
        cmocka_unit_test(test_a_record_with_patterns_survives_its_bytes_and_keeps_its_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
