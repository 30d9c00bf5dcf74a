/* The candidate of a trigger at the funnel: every stage may stop it, and the record says so. */
#include "policy_fixture.h"

#define THEN(then)                                                                          \
    "triggers: [{id: streak, pattern: {event: email_delivered, consecutive: 3, per: [hcp, " \
    "brand], "                                                                              \
    "without: {event: email_opened, same: message_id, within: P7D}}, then: {" then          \
    "}, once_per: P30D}]\n"
#define ALERT THEN("action_type: rep_call, driver: EMAIL_UNOPENED_STREAK")

static void fire(struct fixture *f, const char *time)
{
    static const struct nba_str evidence[] = {{"d1", 2}, {"d2", 2}, {"d3", 2}};
    static struct nba_scores scores;
    struct nba_funnel *own = NULL;
    const struct nba_trigger_due due = {.brand = nba_str_of("X")};
    scores = nba_funnel_certain("table");
    assert_int_equal(
        nba_funnel_create_trigger(f->funnel, &f->hcp, due.trigger, due.brand, &own, NULL), NBA_OK);
    const struct nba_decide_request request = {.scores = &scores,
                                               .hcp = &f->hcp,
                                               .evidence = {evidence, 3},
                                               .decision_id =
                                                   nba_str_of("dec:timer#streak:hcp-1:1"),
                                               .trigger_event_id = nba_str_of("timer:streak"),
                                               .caused_ms = at("2026-11-16T14:00:00Z"),
                                               .now_ms = at(time),
                                               .watermark_ms = at(time),
                                               .engine_version = nba_str_of("test")};
    nba_funnel_destroy(f->funnel); /* what it says lives as long as the one that said it */
    f->funnel = own;
    assert_int_equal(nba_funnel_decide(f->funnel, &request, &f->arena, &f->result), NBA_OK);
}

static void assert_stopped(const struct fixture *f, enum nba_reason reason, const char *rule)
{
    const struct nba_decision *decision = &f->result.decision;
    assert_int_equal(f->result.action_count, 0);
    assert_int_equal(decision->candidate_count, 1);
    assert_int_equal(decision->reason_count[reason], 1);
    assert_int_equal(decision->suppressed_count, 1);
    assert_int_equal(decision->suppressed[0].reason, reason);
    assert_str_equal(decision->suppressed[0].rule_id, rule);
    assert_str_equal(decision->suppressed[0].content_id, "");
    assert_int_equal(decision->suppressed[0].unconstrained_rank, 1);
}

static struct fixture *create(const char *more)
{
    char text[2048];
    (void)snprintf(text, sizeof(text), "%s%s", FIXTURE_POLICY, more);
    struct fixture *f = fixture_create(text);
    fixture_email(f, "CX-1"); /* the catalogue has others: they are none of its */
    fixture_bind(f);
    return f;
}

static void test_its_action_is_certain_of_the_patterns_brand_and_has_its_evidence(void **state)
{
    struct fixture *f = create(ALERT);
    (void)state;
    fire(f, "2026-11-16T14:00:00Z");
    assert_int_equal(f->result.decision.kind, NBA_DECISION_DECIDED);
    assert_int_equal(f->result.decision.candidate_count, 1);
    assert_int_equal(f->result.action_count, 1);
    const struct nba_action *a = &f->result.actions[0];
    assert_str_equal(a->action_id, "dec:timer#streak:hcp-1:1:1");
    assert_str_equal(a->trigger_event_id, "timer:streak");
    assert_str_equal(a->content_id, "");
    assert_str_equal(a->content_version, "");
    assert_str_equal(a->brand, "X");
    assert_str_equal(a->rep_id, "rep-1");
    assert_int_equal(a->channel, NBA_CHANNEL_REP);
    assert_priority(a->priority, 1);
    assert_priority(a->propensity, 1);
    assert_priority(a->value, 1);
    assert_int_equal(a->driver_count, 1);
    assert_int_equal(a->drivers[0].code, NBA_DRIVER_EMAIL_UNOPENED_STREAK);
    assert_int_equal(a->drivers[0].evidence_event_ids.count, 3);
    assert_str_equal(a->drivers[0].evidence_event_ids.items[2], "d3");
    fixture_destroy(f);
}

static void test_levers_count_and_say_so(void **state)
{
    struct fixture *f =
        create(ALERT "arbitration: {levers: [{id: l, when: {brand: X}, add: 50}]}\n");
    (void)state;
    fire(f, "2026-11-16T14:00:00Z");
    assert_priority(f->result.actions[0].priority, 1.5);
    assert_int_equal(f->result.actions[0].driver_count, 2);
    assert_int_equal(f->result.actions[0].drivers[0].code, NBA_DRIVER_EMAIL_UNOPENED_STREAK);
    assert_int_equal(f->result.actions[0].drivers[1].code, NBA_DRIVER_LEVER);
    fixture_destroy(f);
}

static void test_every_stage_may_stop_it(void **state)
{
    const char *time = "2026-11-16T14:00:00Z";
    (void)state;
    struct fixture *f = create(ALERT "exclusions: [{id: stop, brand: X}]\n");
    fire(f, time);
    assert_stopped(f, NBA_REASON_EXCLUDED, "stop");
    fixture_destroy(f);

    f = create(ALERT);
    f->hcp.profile.rep_id = nba_str_of("rep-2");
    fire(f, time);
    assert_stopped(f, NBA_REASON_REP_NOT_ALIGNED, "");
    f->hcp.profile.rep_id = nba_str_of("rep-1");
    fixture_destroy(f);

    f = create(ALERT);
    const struct nba_consent refusal = {.channel = NBA_CHANNEL_REP,
                                        .scope = NBA_CONSENT_SCOPE_BRAND,
                                        .scope_id = nba_str_of("X"),
                                        .status = NBA_CONSENT_STATUS_OPT_OUT,
                                        .captured_at_ms = at("2026-11-01T00:00:00Z"),
                                        .expires_at_ms = NBA_TIME_NONE,
                                        .evidence_event_id = nba_str_of("c")};
    nba_hcp_put_consent(&f->hcp, &refusal);
    fire(f, time);
    assert_stopped(f, NBA_REASON_CONSENT_REVOKED, "consent.US.rep");
    assert_str_equal(f->result.decision.suppressed[0].evidence_event_ids.items[0], "c");
    fixture_destroy(f);

    f = create(ALERT "engagement_policies: {suitability: [{id: calm, applies_to: {channel: rep}, "
                     "require: {hcp.open_complaint: {eq: false}}}]}\n");
    f->hcp.profile.open_complaint = true;
    fire(f, time);
    assert_stopped(f, NBA_REASON_SUITABILITY, "calm");
    fixture_destroy(f);

    f = create(ALERT "contact_policies: {suppressions: [{id: cool, track: [dismissed], scope: "
                     "brand, channel: rep, within: P14D, hold: P14D}]}\n");
    f->hcp.outcomes[f->hcp.outcome_count++] =
        (struct nba_outcome_entry){.family_id = nba_str_of("timer:streak:X"),
                                   .brand = nba_str_of("X"),
                                   .outcome = NBA_OUTCOME_DISMISSED,
                                   .channel = NBA_CHANNEL_REP,
                                   .time_ms = at("2026-11-10T00:00:00Z")};
    fire(f, time);
    assert_stopped(f, NBA_REASON_SUPPRESSED_OUTCOME, "cool");
    fixture_destroy(f);

    f = create(ALERT "mode: shadow\n");
    fire(f, time);
    assert_stopped(f, NBA_REASON_SHADOW, "");
    fixture_destroy(f);

    f = create(ALERT "mode: stopped\n");
    fire(f, time);
    assert_int_equal(f->result.decision.kind, NBA_DECISION_SKIPPED);
    assert_int_equal(f->result.decision.reason, NBA_REASON_STOPPED);
    fixture_destroy(f);
}

/* The engine was down, and its clock is the machine's: the timer fires long after it was due. */
static void test_one_that_fires_too_late_for_max_trigger_age_is_stale(void **state)
{
    struct fixture *f = create(ALERT "max_trigger_age: P1D\n");
    (void)state;
    fire(f, "2026-11-17T13:59:59.999Z");
    assert_int_equal(f->result.action_count, 1);
    fixture_destroy(f);

    f = create(ALERT "max_trigger_age: P1D\n");
    fire(f, "2026-11-17T14:00:00Z");
    assert_int_equal(f->result.action_count, 0);
    assert_int_equal(f->result.decision.kind, NBA_DECISION_SKIPPED);
    assert_int_equal(f->result.decision.reason, NBA_REASON_STALE_TRIGGER);
    fixture_destroy(f);
}

static void test_a_named_content_brings_its_treatment_and_its_gates(void **state)
{
    struct fixture *f = create(THEN("action_type: email, content_id: CX-1, driver: REACTIVATION"));
    (void)state;
    fire(f, "2026-11-16T14:00:00Z");
    assert_int_equal(f->result.action_count, 1);
    assert_str_equal(f->result.actions[0].content_id, "CX-1");
    assert_str_equal(f->result.actions[0].approval_number, "APP-1");
    assert_str_equal(f->result.actions[0].topic_ids.items[0], "t");
    fixture_destroy(f);
    f = create(THEN("action_type: event_invite, content_id: CX-1, driver: REACTIVATION"));
    fire(f, "2026-11-16T14:00:00Z");
    assert_int_equal(f->result.decision.suppressed[0].reason, NBA_REASON_CONTENT_NOT_APPROVED);
    assert_str_equal(f->result.decision.suppressed[0].content_id, "CX-1");
    fixture_destroy(f);
}

/* An open alert without content is judged again by its brand and channel alone. */
static void test_an_open_alert_is_recalled_when_its_brand_is_excluded_not_otherwise(void **state)
{
    (void)state;
    for (unsigned excluded = 0; excluded < 2; excluded++) {
        struct fixture *f = create(excluded != 0 ? "exclusions: [{id: stop, brand: X}]\n" : "");
        const struct nba_open_action open = {.action_id = nba_str_of("dec:timer#streak:hcp-1:1:1"),
                                             .decision_id = nba_str_of("dec:timer#streak:hcp-1:1"),
                                             .family_id = nba_str_of("timer:streak:X"),
                                             .brand = nba_str_of("X"),
                                             .channel = NBA_CHANNEL_REP,
                                             .action_type = NBA_ACTION_TYPE_REP_CALL,
                                             .expires_at_ms = at("2026-11-20T00:00:00Z")};
        const struct nba_recall *recalls = NULL;
        uint32_t count = 0;
        assert_true(nba_hcp_add_action(&f->hcp, &open));
        assert_int_equal(nba_funnel_recall(f->funnel, &f->hcp, at("2026-11-17T00:00:00Z"),
                                           &f->arena, &recalls, &count),
                         NBA_OK);
        assert_int_equal(count, excluded);
        if (count != 0) {
            assert_int_equal(recalls[0].reason, NBA_REASON_EXCLUDED);
            assert_str_equal(recalls[0].rule_id, "stop");
        }
        fixture_destroy(f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_its_action_is_certain_of_the_patterns_brand_and_has_its_evidence),
        cmocka_unit_test(test_levers_count_and_say_so),
        cmocka_unit_test(test_every_stage_may_stop_it),
        cmocka_unit_test(test_one_that_fires_too_late_for_max_trigger_age_is_stale),
        cmocka_unit_test(test_a_named_content_brings_its_treatment_and_its_gates),
        cmocka_unit_test(test_an_open_alert_is_recalled_when_its_brand_is_excluded_not_otherwise),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
