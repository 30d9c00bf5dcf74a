/* Volume rules: budgets of an action, windows, and what a full budget stops. */
#include "policy_fixture.h"

#include "nba/policy/volume.h"

#define VOLUMES(text) FIXTURE_POLICY "contact_policies: {volumes: [" text "]}\n"

static struct nba_volume_subject subject(void)
{
    return (struct nba_volume_subject){.channel = NBA_CHANNEL_EMAIL,
                                       .family_id = nba_str_of("F:1"),
                                       .brand = nba_str_of("X"),
                                       .campaign_id = nba_str_of("")};
}

static void test_the_budgets_of_an_action_come_in_file_order(void **state)
{
    struct fixture *f = fixture_create(VOLUMES(
        "{id: a, per: content, max: 1, window: {calendar: day, tz: utc}, when_full: refuse}, "
        "{id: ab, per: campaign, max: 1, window: {calendar: day, tz: utc}, when_full: "
        "refuse}, "
        "{id: c, per: brand, only: [Z], max: 1, window: {calendar: day, tz: utc}, "
        "when_full: refuse}, "
        "{id: d, per: brand, channel: rep, max: 1, window: {calendar: day, tz: utc}, "
        "when_full: refuse}, "
        "{id: e, per: channel, max: 1, window: {calendar: day, tz: utc}, when_full: "
        "refuse}"));
    struct nba_volume_subject s = subject();
    char text[2][NBA_VOLUME_ID_BYTES_MAX];
    (void)state;
    assert_true(nba_policy_has_volumes(f->policy));
    struct nba_str id = nba_policy_next_volume(f->policy, &s, nba_str(NULL, 0), text[0]);
    assert_true(nba_str_is(id, "volume:a:F:1"));
    id = nba_policy_next_volume(f->policy, &s, id,
                                text[1]); /* no campaign, another brand, channel */
    assert_true(nba_str_is(id, "volume:e:email"));
    id = nba_policy_next_volume(f->policy, &s, id, text[0]);
    assert_int_equal(id.bytes, 0);
    s.campaign_id = nba_str_of("spring");
    s.brand = nba_str_of("Z");
    id = nba_policy_next_volume(f->policy, &s, nba_str_of("volume:a:F:1"), text[0]);
    assert_true(nba_str_is(id, "volume:ab:spring"));
    id = nba_policy_next_volume(f->policy, &s, id, text[1]);
    assert_true(nba_str_is(id, "volume:c:Z"));
    /* of a rule that is gone: from the start */
    id = nba_policy_next_volume(f->policy, &s, nba_str_of("volume:gone:x"), text[0]);
    assert_true(nba_str_is(id, "volume:a:F:1"));
    assert_true(nba_is_volume(id));
    assert_false(nba_is_volume(nba_str_of("rep-1")));
    assert_false(nba_is_volume(nba_str_of("volume:")));
    fixture_destroy(f);
}

static void test_windows_are_those_of_the_rules_zone(void **state)
{
    struct fixture *f = fixture_create(
        VOLUMES("{id: day, per: brand, max: 7, window: {calendar: day, tz: America/New_York}, "
                "when_full: replace_lowest}, "
                "{id: week, per: brand, max: 0, window: {calendar: week, tz: utc}, when_full: "
                "refuse}, "
                "{id: month, per: brand, max: 50000, window: {calendar: month, tz: Europe/Zurich}, "
                "when_full: refuse}"));
    const int64_t now = at("2026-11-01T12:00:00Z"); /* a Sunday; New York's clocks go back */
    struct nba_volume_terms t;
    (void)state;
    assert_true(nba_policy_volume_terms(f->policy, nba_str_of("volume:day:X"), now, &t));
    assert_int_equal(t.start_ms, at("2026-11-01T04:00:00Z"));
    assert_int_equal(t.end_ms, at("2026-11-02T05:00:00Z"));
    assert_true(t.replaces && t.max == 7 && nba_str_is(t.rule_id, "day"));
    assert_true(nba_policy_volume_terms(f->policy, nba_str_of("volume:week:X"), now, &t));
    assert_int_equal(t.start_ms, at("2026-10-26T00:00:00Z"));
    assert_int_equal(t.end_ms, at("2026-11-02T00:00:00Z"));
    assert_true(!t.replaces && t.max == 0);
    assert_true(nba_policy_volume_terms(f->policy, nba_str_of("volume:month:X"), now, &t));
    assert_int_equal(t.start_ms, at("2026-10-31T23:00:00Z"));
    assert_int_equal(t.end_ms, at("2026-11-30T23:00:00Z"));
    assert_false(nba_policy_volume_terms(f->policy, nba_str_of("volume:year:X"), now, &t));
    assert_false(nba_policy_volume_terms(f->policy, nba_str_of("rep-1"), now, &t));
    fixture_destroy(f);
}

static void tell(struct nba_capacity_table **table, const char *id, const char *rule, int32_t used,
                 double lowest)
{
    const struct nba_capacity_window window = {.rule_id = nba_str_of(rule),
                                               .end_ms = at("2026-11-21T00:00:00Z"),
                                               .max = used,
                                               .used = used,
                                               .replaceable = lowest > 0,
                                               .lowest_priority = lowest};
    nba_capacity_table_put(table, &(struct nba_rep_capacity){.rep_id = nba_str_of(id),
                                                             .windows = &window,
                                                             .window_count = used != 0});
}

static bool stopped(const struct fixture *f, const char *content)
{
    const struct nba_suppressed *item = fixture_suppressed(f, content);
    return item != NULL && item->reason == NBA_REASON_VOLUME_LIMIT;
}

/* A full budget stops its own, unless it would win; one that isn't full by the policy's own max
 * stops nobody. */
static void test_a_full_budget_stops_what_it_counts(void **state)
{
    struct fixture *f = fixture_create(
        VOLUMES("{id: m, per: content, max: 3, window: {calendar: day, tz: utc}, when_full: "
                "replace_lowest}, "
                "{id: b, per: brand, channel: rep, max: 2, window: {calendar: day, tz: utc}, "
                "when_full: replace_lowest}, "
                "{id: z, per: content, only: [c3], max: 0, window: {calendar: day, tz: utc}, "
                "when_full: refuse}"));
    struct nba_capacity_table *table = nba_capacity_table_create();
    (void)state;
    fixture_email(f, "c1");
    fixture_email(f, "c2");
    fixture_email(f, "c3");
    fixture_content(f, "c4", "X", "t", NBA_CHANNEL_REP, NBA_ACTION_TYPE_REP_CALL);
    fixture_bind(f);
    tell(&table, "volume:m:c1", "m", 3, 0);
    tell(&table, "volume:m:c2", "m", 3, 0.05);
    tell(&table, "volume:b:X", "b", 2, 0.1); /* equal: not better */
    f->capacity = table;
    fixture_decide(f, "2026-11-20T12:00:00Z");
    assert_true(stopped(f, "c1"));
    assert_true(nba_str_is(fixture_suppressed(f, "c1")->rule_id, "m"));
    assert_int_equal(fixture_suppressed(f, "c1")->counter, 3);
    assert_int_equal(fixture_suppressed(f, "c1")->limit, 3);
    assert_int_equal(fixture_suppressed(f, "c1")->retry_after_ms, at("2026-11-21T00:00:00Z"));
    assert_false(stopped(f, "c2")); /* better than the least */
    assert_true(stopped(f, "c3"));
    assert_int_equal(fixture_suppressed(f, "c3")->retry_after_ms, NBA_TIME_NONE);
    assert_true(stopped(f, "c4"));
    fixture_decide(f, "2026-11-21T00:00:00Z"); /* the window is over */
    assert_false(stopped(f, "c1"));
    assert_false(stopped(f, "c4"));
    tell(&table, "volume:m:c1", "m", 2, 0); /* of a policy that allowed less */
    fixture_decide(f, "2026-11-20T12:00:00Z");
    assert_false(stopped(f, "c1"));
    nba_capacity_table_unref(table);
    fixture_destroy(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_budgets_of_an_action_come_in_file_order),
        cmocka_unit_test(test_windows_are_those_of_the_rules_zone),
        cmocka_unit_test(test_a_full_budget_stops_what_it_counts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
