/* Suppressions by outcome: scopes, counts, windows and holds to the millisecond. */
#include "policy_fixture.h"

static struct fixture *create(const char *rule)
{
    char policy[2048];
    (void)snprintf(policy, sizeof(policy), "%scontact_policies: {suppressions: [%s]}\n",
                   FIXTURE_POLICY, rule);
    struct fixture *f = fixture_create(policy);
    fixture_email(f, "a");
    fixture_content(f, "b", "X", "t2", NBA_CHANNEL_EMAIL, NBA_ACTION_TYPE_EMAIL);
    fixture_content(f, "c", "Z", "t", NBA_CHANNEL_WEB, NBA_ACTION_TYPE_PORTAL_CONTENT);
    fixture_bind(f);
    return f;
}

/* An outcome of content `id` (brand X, topic t), written by its letter's event type. */
static void outcome(struct fixture *f, const char *event_id, enum nba_event_type type,
                    const char *id, const char *time)
{
    struct nba_event event = fixture_event(event_id, time, "");
    event.type = type;
    event.content_id = nba_str_of(id);
    event.message_id = event.event_id; /* each its own message */
    const struct nba_content_facts facts = {
        .family_id = nba_str_of(id), .topic = nba_str_of("t"), .brand = nba_str_of("X")};
    nba_hcp_apply_outcome(&f->hcp, &event, &facts);
}

static bool is_held(struct fixture *f, const char *id, const char *time)
{
    fixture_decide(f, time);
    return fixture_reason(f, id) == NBA_REASON_SUPPRESSED_OUTCOME;
}

static void test_a_hold_lasts_from_the_outcome_until_its_end_and_not_at_it(void **state)
{
    struct fixture *f =
        create("{id: r, track: [opened], scope: content, count: 1, within: P90D, hold: P30D}");
    (void)state;
    outcome(f, "o1", NBA_EVENT_EMAIL_OPENED, "a", "2026-11-01T00:00:00Z");
    assert_true(is_held(f, "a", "2026-11-01T00:00:00Z"));
    const struct nba_suppressed *s = fixture_suppressed(f, "a");
    assert_str_equal(s->rule_id, "r");
    assert_true(s->until_ms == at("2026-12-01T00:00:00Z"));
    assert_int_equal(s->evidence_event_ids.count, 1);
    assert_str_equal(s->evidence_event_ids.items[0], "o1");
    assert_true(is_held(f, "a", "2026-11-30T23:59:59.999Z"));
    assert_false(is_held(f, "a", "2026-12-01T00:00:00Z"));
    assert_false(is_held(f, "b", "2026-11-02T00:00:00Z"));
    fixture_destroy(f);
}

static void test_an_outcome_that_is_not_tracked_holds_nothing(void **state)
{
    struct fixture *f =
        create("{id: r, track: [opened], scope: content, within: P90D, hold: P30D}");
    (void)state;
    outcome(f, "o1", NBA_EVENT_EMAIL_CLICKED, "a", "2026-11-01T00:00:00Z");
    assert_false(is_held(f, "a", "2026-11-01T00:00:01Z"));
    fixture_destroy(f);
}

static void test_two_outcomes_count_when_less_than_the_window_lies_between(void **state)
{
    static const char *const rule =
        "{id: r, track: [ignored], scope: topic, channel: email, count: 2, within: P30D, hold: "
        "P60D}";
    (void)state;
    struct fixture *f = create(rule);
    outcome(f, "o1", NBA_EVENT_ACTION_IGNORED, "a", "2026-10-01T00:00:00Z");
    assert_false(is_held(f, "a", "2026-10-02T00:00:00Z"));
    outcome(f, "o2", NBA_EVENT_ACTION_IGNORED, "a", "2026-10-30T23:59:59.999Z");
    assert_true(is_held(f, "a", "2026-10-31T00:00:00Z"));
    assert_int_equal(fixture_suppressed(f, "a")->evidence_event_ids.count, 2);
    assert_priority(fixture_suppressed(f, "a")->limit, 2);
    assert_priority(fixture_suppressed(f, "a")->counter, 2);
    assert_false(is_held(f, "c", "2026-10-31T00:00:00Z")); /* same topic, other channel */
    fixture_destroy(f);
    f = create(rule);
    outcome(f, "o1", NBA_EVENT_ACTION_IGNORED, "a", "2026-10-01T00:00:00Z");
    outcome(f, "o2", NBA_EVENT_ACTION_IGNORED, "a", "2026-10-31T00:00:00Z");
    assert_false(is_held(f, "a", "2026-10-31T00:00:01Z"));
    fixture_destroy(f);
}

static void test_a_hold_once_set_stays_although_its_window_is_long_past(void **state)
{
    struct fixture *f =
        create("{id: r, track: [ignored], scope: content, count: 2, within: P2D, hold: P60D}");
    (void)state;
    outcome(f, "o1", NBA_EVENT_ACTION_IGNORED, "a", "2026-10-01T00:00:00Z");
    outcome(f, "o2", NBA_EVENT_ACTION_IGNORED, "a", "2026-10-02T00:00:00Z");
    assert_true(is_held(f, "a", "2026-11-20T00:00:00Z"));
    assert_true(is_held(f, "a", "2026-11-30T23:59:59Z"));
    assert_false(is_held(f, "a", "2026-12-01T00:00:00Z"));
    fixture_destroy(f);
}

static void test_scopes_hold_what_shares_all_their_parts(void **state)
{
    static const struct {
        const char *scope;
        bool a, b, c; /* a: X, t, email; b: X, t2, email; c: Z, t, web */
    } cases[] = {{"content", true, false, false},        {"topic", true, false, true},
                 {"brand", true, true, false},           {"channel", true, true, false},
                 {"[brand, topic]", true, false, false}, {"[topic, channel]", true, false, false}};
    (void)state;
    for (size_t i = 0; i < NBA_ARRAY_COUNT(cases); i++) {
        char rule[200];
        (void)snprintf(rule, sizeof(rule),
                       "{id: r, track: [opened], scope: %s, within: P9D, hold: P9D}",
                       cases[i].scope);
        struct fixture *f = create(rule);
        outcome(f, "o1", NBA_EVENT_EMAIL_OPENED, "a", "2026-11-01T00:00:00Z");
        assert_int_equal(is_held(f, "a", "2026-11-02T00:00:00Z"), cases[i].a);
        assert_int_equal(is_held(f, "b", "2026-11-02T00:00:00Z"), cases[i].b);
        assert_int_equal(is_held(f, "c", "2026-11-02T00:00:00Z"), cases[i].c);
        fixture_destroy(f);
    }
}

static void make_variant(struct nba_content *content)
{
    content->family_id = nba_str_of("a");
}

static void test_a_variant_is_the_same_content(void **state)
{
    struct fixture *f = create("{id: r, track: [opened], scope: content, within: P9D, hold: P9D}");
    (void)state;
    fixture_content_edited(f, "a-variant", "X", "t",
                           fixture_treatment(NBA_CHANNEL_EMAIL, NBA_ACTION_TYPE_EMAIL),
                           make_variant);
    fixture_bind(f);
    outcome(f, "o1", NBA_EVENT_EMAIL_OPENED, "a", "2026-11-01T00:00:00Z");
    assert_true(is_held(f, "a-variant", "2026-11-02T00:00:00Z"));
    fixture_destroy(f);
}

static void test_the_first_rule_in_file_order_is_named(void **state)
{
    struct fixture *f =
        create("{id: r1, track: [clicked], scope: content, within: P9D, hold: P9D}, "
               "{id: r2, track: [opened], scope: topic, within: P9D, hold: P9D}, "
               "{id: r3, track: [opened], scope: content, within: P9D, hold: P90D}");
    (void)state;
    outcome(f, "o1", NBA_EVENT_EMAIL_OPENED, "a", "2026-11-01T00:00:00Z");
    assert_true(is_held(f, "a", "2026-11-02T00:00:00Z"));
    assert_str_equal(fixture_suppressed(f, "a")->rule_id, "r2");
    assert_true(is_held(f, "a", "2026-11-20T00:00:00Z"));
    assert_str_equal(fixture_suppressed(f, "a")->rule_id, "r3");
    fixture_destroy(f);
}

static void test_months_are_months_of_the_calendar(void **state)
{
    struct fixture *f = create("{id: r, track: [opened], scope: content, within: P1M, hold: P1M}");
    (void)state;
    outcome(f, "o1", NBA_EVENT_EMAIL_OPENED, "a", "2026-02-10T00:00:00Z");
    assert_true(is_held(f, "a", "2026-03-09T23:59:59Z"));
    assert_false(is_held(f, "a", "2026-03-10T00:00:00Z"));
    fixture_destroy(f);
}

/* Whose dismissal it was counts where the scope says rep, and nowhere else. */
static void test_a_dismissal_holds_for_the_rep_it_met_or_for_the_hcp_as_the_scope_says(void **state)
{
    static const struct {
        const char *scope;
        bool same_rep, other_rep, email;
    } cases[] = {{"[rep, brand]", true, false, false},
                 {"rep", true, false, false},
                 {"brand", true, true, true}};
    (void)state;
    for (size_t i = 0; i < NBA_ARRAY_COUNT(cases); i++) {
        char rule[200];
        (void)snprintf(rule, sizeof(rule),
                       "{id: r, track: [dismissed], scope: %s, within: P14D, hold: P14D}",
                       cases[i].scope);
        struct fixture *f = create(rule);
        fixture_content(f, "call", "X", "t", NBA_CHANNEL_REP, NBA_ACTION_TYPE_REP_CALL);
        fixture_bind(f);
        struct nba_event event = fixture_event("d", "2026-11-01T00:00:00Z", "");
        const struct nba_content_facts facts = {.brand = nba_str_of("X")};
        event.type = NBA_EVENT_ACTION_DISMISSED;
        event.content_id = nba_str_of("call");
        event.rep_id = nba_str_of("rep-1");
        nba_hcp_apply_outcome(&f->hcp, &event, &facts);
        assert_int_equal(is_held(f, "call", "2026-11-02T00:00:00Z"), cases[i].same_rep);
        assert_int_equal(is_held(f, "a", "2026-11-02T00:00:00Z"), cases[i].email);
        f->hcp.outcomes[0].rep_id = nba_str_of("rep-2"); /* the HCP's is still rep-1 */
        assert_int_equal(is_held(f, "call", "2026-11-02T00:00:00Z"), cases[i].other_rep);
        f->hcp.outcomes[0].rep_id = nba_str("", 0); /* nobody knows whom it met */
        assert_int_equal(is_held(f, "call", "2026-11-02T00:00:00Z"), cases[i].other_rep);
        fixture_destroy(f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_hold_lasts_from_the_outcome_until_its_end_and_not_at_it),
        cmocka_unit_test(test_an_outcome_that_is_not_tracked_holds_nothing),
        cmocka_unit_test(test_two_outcomes_count_when_less_than_the_window_lies_between),
        cmocka_unit_test(test_a_hold_once_set_stays_although_its_window_is_long_past),
        cmocka_unit_test(test_scopes_hold_what_shares_all_their_parts),
        cmocka_unit_test(test_a_variant_is_the_same_content),
        cmocka_unit_test(test_the_first_rule_in_file_order_is_named),
        cmocka_unit_test(test_months_are_months_of_the_calendar),
        cmocka_unit_test(
            test_a_dismissal_holds_for_the_rep_it_met_or_for_the_hcp_as_the_scope_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
