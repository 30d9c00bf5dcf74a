/* Capacity rules over a rep's record: windows, whose place it is, what is told; the table. */
#include "policy_fixture.h"

#include "nba/policy/capacity.h"

static const char *const rules[] = {
    FIXTURE_POLICY "contact_policies: {capacity: [{id: day, per: [rep], channel: rep, max: 2, "
                   "window: {calendar: day, tz: rep}, when_full: replace_lowest}]}\n",
    FIXTURE_POLICY "contact_policies: {capacity: [{id: roll, per: [rep], channel: rep, max: 2, "
                   "window: {rolling: P1D}, when_full: refuse}]}\n",
    FIXTURE_POLICY "contact_policies: {capacity: ["
                   "{id: day, per: [rep], channel: rep, max: 1, window: {calendar: day, tz: rep}, "
                   "when_full: replace_lowest}, {id: week, per: [rep], channel: [rep, email], "
                   "max: 2, window: {calendar: week, tz: rep}, when_full: replace_lowest}]}\n",
};
enum { DAY, ROLLING, BOTH };

struct stage {
    struct fixture *fixture;
    const struct nba_zone *zone;
    struct nba_rep_state *rep;
    unsigned next;
};

static struct stage stage_of(unsigned which)
{
    struct stage s = {.fixture = fixture_create(rules[which]),
                      .zone = nba_zone_find(nba_str_of("America/New_York")),
                      .rep = calloc(1, sizeof(*s.rep))};
    assert_non_null(s.zone);
    assert_non_null(s.rep);
    nba_rep_init(s.rep, nba_str_of("rep-1"), &s.fixture->arena);
    return s;
}

static void clear(struct stage *s)
{
    fixture_destroy(s->fixture);
    free(s->rep);
}

/* Asks for one, as the rep's task does: the number of the one replaced, 0: none, -1: refused. */
static int ask(struct stage *s, const char *when, double priority)
{
    char id[16];
    struct nba_rep_alert *replaced = NULL;
    int number = 0;
    s->rep->clock_ms = at(when) > s->rep->clock_ms ? at(when) : s->rep->clock_ms;
    nba_policy_prune_rep(s->fixture->policy, s->zone, s->rep);
    if (!nba_policy_admits(s->fixture->policy, s->zone, s->rep, NBA_CHANNEL_REP, priority,
                           &replaced)) {
        return -1;
    }
    if (replaced != NULL) {
        number = replaced->action_id.data[0] - '0';
        nba_rep_remove(s->rep, replaced);
    }
    (void)snprintf(id, sizeof(id), "%u", ++s->next);
    assert_true(nba_rep_add(
        s->rep, &(struct nba_rep_alert){.channel = NBA_CHANNEL_REP,
                                        .time_ms = s->rep->clock_ms,
                                        .open = true,
                                        .priority = priority,
                                        .expires_at_ms = s->rep->clock_ms + 5 * NBA_DAY_MS,
                                        .action_id = nba_str_of(id)}));
    return number;
}

static void test_a_full_day_gives_the_place_of_the_least_to_a_better_one(void **state)
{
    struct stage s = stage_of(DAY);
    (void)state;
    assert_int_equal(ask(&s, "2026-11-01T04:00:00Z", 0.2), 0);
    assert_int_equal(ask(&s, "2026-11-01T05:00:00Z", 0.1), 0);
    assert_int_equal(ask(&s, "2026-11-01T06:00:00Z", 0.1), -1); /* not strictly lower */
    assert_int_equal(ask(&s, "2026-11-01T06:00:00Z", 0.3), 2);
    assert_int_equal(ask(&s, "2026-11-02T04:59:59Z", 0.3), 1); /* 25 hours: the clocks go back */
    assert_int_equal(ask(&s, "2026-11-02T05:00:00Z", 0.01), 0);
    assert_int_equal(ask(&s, "2026-11-01T12:00:00Z", 0.02), 0); /* a late one is of the rep's day */
    assert_int_equal(ask(&s, "2026-11-01T12:00:00Z", 0.02), 4 + 1);
    clear(&s);
}

static void test_of_equals_the_latest_goes_and_no_seen_ended_or_expired_one(void **state)
{
    struct stage s = stage_of(DAY);
    (void)state;
    assert_int_equal(ask(&s, "2026-11-03T12:00:00Z", 0.1), 0);
    assert_int_equal(ask(&s, "2026-11-03T12:00:01Z", 0.1), 0);
    assert_int_equal(ask(&s, "2026-11-03T12:00:02Z", 0.2), 2);
    nba_rep_find(s.rep, nba_str_of("1"))->seen = true;
    assert_int_equal(ask(&s, "2026-11-03T12:00:03Z", 0.3), 3);
    nba_rep_end(nba_rep_find(s.rep, nba_str_of("4")));
    assert_int_equal(ask(&s, "2026-11-03T12:00:04Z", 0.9), -1);
    assert_int_equal(s.rep->count, 2);
    nba_policy_prune_rep(s.fixture->policy, s.zone, s.rep);
    s.rep->clock_ms = at("2026-11-04T12:00:00Z");
    nba_policy_prune_rep(s.fixture->policy, s.zone, s.rep);
    assert_int_equal(s.rep->count, 1); /* what is open stays, to be recalled */
    s.rep->clock_ms = at("2026-11-08T12:00:00Z");
    nba_policy_prune_rep(s.fixture->policy, s.zone, s.rep);
    assert_int_equal(s.rep->count, 0); /* until its time is over: nobody may say how it ended */
    clear(&s);
}

static void test_a_rolling_window_is_free_when_enough_have_left_it(void **state)
{
    struct nba_capacity_window windows[NBA_CAPACITY_RULES_MAX];
    struct stage s = stage_of(ROLLING);
    (void)state;
    assert_int_equal(ask(&s, "2026-11-03T12:00:00Z", 0.1), 0);
    assert_int_equal(nba_policy_full_windows(s.fixture->policy, NULL, s.rep, windows), 0);
    assert_int_equal(ask(&s, "2026-11-03T13:00:00Z", 0.1), 0);
    assert_int_equal(ask(&s, "2026-11-04T11:59:59.999Z", 0.9), -1);
    assert_int_equal(nba_policy_full_windows(s.fixture->policy, NULL, s.rep, windows), 1);
    assert_int_equal(windows[0].end_ms, at("2026-11-04T12:00:00Z"));
    assert_int_equal(windows[0].used, 2);
    assert_false(windows[0].replaceable); /* refuse */
    assert_int_equal(ask(&s, "2026-11-04T12:00:00Z", 0.1), 0);
    clear(&s);
}

static void test_all_rules_must_have_room_and_one_must_go_for_all_of_them(void **state)
{
    struct nba_capacity_window windows[NBA_CAPACITY_RULES_MAX];
    struct stage s = stage_of(BOTH);
    (void)state;
    assert_int_equal(ask(&s, "2026-11-02T12:00:00Z", 0.1), 0);
    assert_int_equal(ask(&s, "2026-11-03T12:00:00Z", 0.5), 0);
    assert_int_equal(nba_policy_full_windows(s.fixture->policy, s.zone, s.rep, windows), 2);
    assert_true(windows[0].lowest_priority > 0.4 && windows[1].lowest_priority < 0.2);
    assert_int_equal(windows[1].end_ms, at("2026-11-09T05:00:00Z"));
    assert_int_equal(ask(&s, "2026-11-03T13:00:00Z", 0.3), -1); /* the day's is better */
    assert_int_equal(ask(&s, "2026-11-03T13:00:00Z", 0.6), 2);
    assert_int_equal(ask(&s, "2026-11-04T13:00:00Z", 0.2), 1); /* the week's */
    clear(&s);
}

static void test_without_a_clock_a_calendar_has_no_room(void **state)
{
    struct stage s = stage_of(DAY);
    (void)state;
    s.zone = NULL;
    assert_int_equal(ask(&s, "2026-11-03T12:00:00Z", 0.5), -1);
    clear(&s);
}

static void test_the_table_is_what_each_holder_took(void **state)
{
    struct nba_capacity_table *table = nba_capacity_table_create();
    struct nba_capacity_window window = {
        .rule_id = nba_str_of("day"), .end_ms = 100, .max = 2, .used = 2};
    char id[8];
    (void)state;
    for (unsigned i = 0; i < 100; i++) {
        (void)snprintf(id, sizeof(id), "%02u", i * 37 % 100);
        nba_capacity_table_put(&table, &(struct nba_rep_capacity){.rep_id = nba_str_of(id),
                                                                  .windows = &window,
                                                                  .window_count = 1});
    }
    struct nba_capacity_table *before = nba_capacity_table_ref(table);
    nba_capacity_table_put(&table, &(struct nba_rep_capacity){.rep_id = nba_str_of("42")});
    assert_non_null(nba_capacity_table_find(before, nba_str_of("42"), nba_str_of("day"), 99));
    assert_null(nba_capacity_table_find(table, nba_str_of("42"), nba_str_of("day"), 99));
    for (unsigned i = 0; i < 100; i++) {
        (void)snprintf(id, sizeof(id), "%02u", i);
        assert_non_null(nba_capacity_table_find(before, nba_str_of(id), nba_str_of("day"), 99));
    }
    assert_null(nba_capacity_table_find(before, nba_str_of("42"), nba_str_of("day"), 100));
    assert_null(nba_capacity_table_find(before, nba_str_of("42"), nba_str_of("week"), 0));
    assert_null(nba_capacity_table_find(before, nba_str_of("zz"), nba_str_of("day"), 0));
    nba_capacity_table_unref(before);
    nba_capacity_table_unref(table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_full_day_gives_the_place_of_the_least_to_a_better_one),
        cmocka_unit_test(test_of_equals_the_latest_goes_and_no_seen_ended_or_expired_one),
        cmocka_unit_test(test_a_rolling_window_is_free_when_enough_have_left_it),
        cmocka_unit_test(test_all_rules_must_have_room_and_one_must_go_for_all_of_them),
        cmocka_unit_test(test_without_a_clock_a_calendar_has_no_room),
        cmocka_unit_test(test_the_table_is_what_each_holder_took),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
