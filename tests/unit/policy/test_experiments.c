/* Control group, arms and ghosts. */
#include "policy_fixture.h"

#include "nba/base/hash.h"

#define NOV "2026-11-20T15:30:00Z"
#define DEC "2026-12-01T00:00:00Z"

static struct nba_experiment assigned(const char *experiments, const char *hcp_id, const char *time)
{
    char text[1024];
    struct nba_policy *policy = NULL;
    struct nba_error error = {0};
    (void)snprintf(text, sizeof(text), FIXTURE_POLICY "experiments: {%s}\n", experiments);
    if (nba_policy_parse("p.yaml", nba_str_of(text), &policy, &error) != NBA_OK) {
        fail_msg("%s", error.message);
    }
    struct nba_experiment result = nba_policy_assign(policy, nba_str_of(hcp_id), at(time));
    static char arm[64];
    (void)snprintf(arm, sizeof(arm), "%.*s", NBA_STR_ARG(result.arm));
    result.arm = nba_str_of(arm);
    nba_policy_unref(policy);
    return result;
}

static void test_the_buckets_are_those_of_the_contract(void **state)
{
    static const struct {
        const char *hcp_id;
        int32_t bucket;
    } vectors[] = {{"hcp-0001", 2991}, {"hcp-0003", 1488}, {"hcp-0004", 9759}, {"hcp-0006", 6796}};
    (void)state;
    for (size_t i = 0; i < NBA_ARRAY_COUNT(vectors); i++) {
        const char *const id = vectors[i].hcp_id;
        const struct nba_experiment e =
            assigned("universal_control: {share_bp: 1488, period: month}", id, NOV);
        assert_int_equal(e.bucket, vectors[i].bucket);
        assert_false(e.control_group); /* bucket 1488 is the first that isn't */
    }
    assert_true(assigned("universal_control: {share_bp: 1489, period: month}", "hcp-0003",
                         "2026-11-30T23:59:59.999Z")
                    .control_group);
    assert_int_equal(
        assigned("champion_challenger: {id: exp_timing_v1, arms: {a: 1}}", "1234567893", NOV)
            .bucket,
        1015);
}

static void test_a_month_is_that_of_utc_and_without_a_period_the_group_stays(void **state)
{
    static const char monthly[] = "universal_control: {share_bp: 500, period: month}";
    static const char forever[] = "universal_control: {share_bp: 500, period: none}";
    (void)state;
    const int32_t november = assigned(monthly, "hcp-1", "2026-11-01T00:00:00Z").bucket;
    assert_int_equal(assigned(monthly, "hcp-1", "2026-11-30T23:59:59.999Z").bucket, november);
    assert_int_not_equal(assigned(monthly, "hcp-1", DEC).bucket, november);
    assert_int_equal(assigned(forever, "hcp-1", NOV).bucket,
                     assigned(forever, "hcp-1", DEC).bucket);
    assert_int_equal(assigned(forever, "hcp-1", NOV).bucket,
                     nba_assignment_hash(nba_str_of("universal_control:hcp-1")) % 10000);
}

static void test_arms_take_their_shares_in_file_order_and_nobody_changes_his(void **state)
{
    static const char arms[] = "champion_challenger: {id: model_ab_1, arms: {champion: 9000, "
                               "challenger: 900}}";
    uint32_t count[3] = {0};
    (void)state;
    for (unsigned i = 0; i < 2000; i++) {
        char id[32];
        (void)snprintf(id, sizeof(id), "hcp-%u", i);
        const struct nba_experiment e = assigned(arms, id, NOV);
        const unsigned arm = nba_str_is(e.arm, "champion") ? 0 : e.arm.bytes != 0 ? 1 : 2;
        assert_int_equal(arm, e.bucket < 9000 ? 0 : e.bucket < 9900 ? 1 : 2);
        assert_true(nba_str_is(assigned(arms, id, DEC).arm, e.arm.data));
        assert_false(e.control_group);
        count[arm]++;
    }
    assert_in_range(count[0], 1800 - 54, 1800 + 54); /* four standard deviations */
    assert_in_range(count[1], 180 - 52, 180 + 52);
}

static const char *check_digit(uint64_t prefix, char ret_npi[16])
{
    unsigned sum = 24; /* of 80840 before it */
    uint64_t left = prefix;
    for (unsigned i = 0; i < 9; i++, left /= 10) {
        const unsigned twice = (unsigned)(left % 10) * (i % 2 == 0 ? 2 : 1);
        sum += twice > 9 ? twice - 9 : twice;
    }
    (void)snprintf(ret_npi, 16, "%09llu%u", (unsigned long long)prefix, (10 - sum % 10) % 10);
    return ret_npi;
}

/* Counted by a program of its own: tools of this test must not be what is tested. */
static void test_consecutive_npis_fall_into_buckets_evenly(void **state)
{
    static uint32_t buckets[10000];
    uint32_t below = 0;
    double chi = 0;
    char npi[16];
    (void)state;
    assert_string_equal(check_digit(123456789, npi), "1234567893");
    for (uint64_t i = 0; i < 100000; i++) {
        char key[64];
        (void)snprintf(key, sizeof(key), "control_group:2026-11:%s",
                       check_digit(123456789 + i, npi));
        buckets[nba_assignment_hash(nba_str_of(key)) % 10000]++;
    }
    for (unsigned b = 0; b < 10000; b++) {
        below += b < 500 ? buckets[b] : 0;
        chi += (buckets[b] - 10.0) * (buckets[b] - 10.0) / 10.0;
    }
    assert_int_equal(below, 4906);
    assert_true(chi > 9994.7 && chi < 9994.9); /* on 9,999 degrees of freedom */
}

#define CONTROL(share) "experiments: {universal_control: {share_bp: " #share ", period: month}}\n"

static struct fixture *create(const char *more)
{
    char text[1024];
    (void)snprintf(text, sizeof(text), FIXTURE_POLICY "timing: {expiry: {email: P3D}}\n%s", more);
    struct fixture *f = fixture_create(text);
    fixture_email(f, "a");
    fixture_email(f, "b");
    fixture_email(f, "c");
    fixture_email(f, "d");
    fixture_email(f, "e");
    fixture_bind(f);
    return f;
}

static void test_a_control_hcp_gets_nothing_and_the_record_says_what_it_would_have_been(
    void **state)
{
    struct fixture *f = create(CONTROL(10000));
    (void)state;
    fixture_decide(f, NOV);
    assert_int_equal(f->result.decision.kind, NBA_DECISION_DECIDED);
    assert_int_equal(f->result.decision.selected_count, 0);
    assert_int_equal(f->result.decision.reason_count[NBA_REASON_CONTROL_GROUP], 2);
    assert_reason(f, "a", CONTROL_GROUP);
    assert_reason(f, "b", CONTROL_GROUP);
    assert_reason(f, "c", LOST_ARBITRATION);
    assert_int_equal(fixture_suppressed(f, "a")->unconstrained_rank, 1);
    assert_true(f->result.ghosts);
    assert_int_equal(f->result.action_count, 2);
    assert_true(f->result.actions[0].control_group);
    assert_int_equal(f->result.slate.action_count, 0);
    assert_int_equal(f->result.decision.bucket, f->result.actions[0].bucket);
    fixture_keep_open(f);
    fixture_decide(f, NOV);
    assert_reason(f, "a", OPEN_ACTION);
    assert_reason(f, "c", CONTROL_GROUP);
    assert_int_equal(f->result.slate.action_count, 0);
    fixture_destroy(f);
}

static void test_shadow_and_stopped_come_before_the_control_group(void **state)
{
    struct fixture *f = create("mode: shadow\n" CONTROL(10000));
    (void)state;
    fixture_decide(f, NOV);
    assert_reason(f, "a", SHADOW);
    assert_int_equal(f->result.action_count, 0);
    fixture_destroy(f);
    f = create("mode: stopped\n" CONTROL(10000));
    fixture_decide(f, NOV);
    assert_int_equal(f->result.decision.reason, NBA_REASON_STOPPED);
    assert_false(f->result.ghosts);
    assert_int_not_equal(f->result.decision.bucket, 0);
    fixture_destroy(f);
}

/* Drops what has expired, as the engine's timers do. */
static void expire(struct fixture *f, int64_t now_ms)
{
    for (uint32_t i = f->hcp.action_count; i > 0; i--) {
        if (now_ms >= f->hcp.actions[i - 1].expires_at_ms) {
            assert_true(nba_hcp_close_action(&f->hcp, f->hcp.actions[i - 1].action_id));
        }
    }
}

static void test_a_control_hcp_has_the_cadence_of_a_treated_one(void **state)
{
    struct fixture *in = create(CONTROL(10000));
    struct fixture *out = create(CONTROL(0));
    uint32_t proposed = 0;
    (void)state;
    for (unsigned step = 0; step < 40; step++) {
        char id[16];
        struct nba_event event = fixture_event("e", NOV, "");
        (void)snprintf(id, sizeof(id), "e%u", step);
        event.event_id = nba_str_of(id);
        event.event_time_ms += step * 7 * NBA_HOUR_MS;
        struct fixture *const both[] = {in, out};
        for (size_t i = 0; i < 2; i++) {
            expire(both[i], event.event_time_ms);
            fixture_decide_event(both[i], &event);
            fixture_keep_open(both[i]);
        }
        assert_true(in->result.ghosts);
        assert_false(out->result.ghosts);
        assert_int_equal(in->result.action_count, out->result.action_count);
        for (uint32_t i = 0; i < in->result.action_count; i++) {
            assert_true(
                nba_str_equal(in->result.actions[i].content_id, out->result.actions[i].content_id));
        }
        proposed += in->result.action_count;
    }
    assert_in_range(proposed, 11, 79); /* neither never nor always */
    fixture_destroy(in);
    fixture_destroy(out);
}

static void test_ghosts_count_no_longer_when_the_hcp_leaves_the_control_group(void **state)
{
    struct fixture *f = create(CONTROL(10000));
    (void)state;
    fixture_decide(f, NOV);
    fixture_keep_open(f);
    for (uint32_t i = 0; i < f->hcp.action_count; i++) {
        assert_int_equal(f->hcp.actions[i].flags, NBA_OPEN_ACTION_GHOST);
    }
    fixture_policy(f, FIXTURE_POLICY);
    fixture_decide(f, NOV);
    assert_int_equal(f->result.decision.selected_count, 2);
    assert_reason(f, "a", NONE);
    assert_int_equal(f->result.slate.action_count, 2); /* and no ghost among them */
    fixture_destroy(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_buckets_are_those_of_the_contract),
        cmocka_unit_test(test_a_month_is_that_of_utc_and_without_a_period_the_group_stays),
        cmocka_unit_test(test_arms_take_their_shares_in_file_order_and_nobody_changes_his),
        cmocka_unit_test(test_consecutive_npis_fall_into_buckets_evenly),
        cmocka_unit_test(
            test_a_control_hcp_gets_nothing_and_the_record_says_what_it_would_have_been),
        cmocka_unit_test(test_shadow_and_stopped_come_before_the_control_group),
        cmocka_unit_test(test_a_control_hcp_has_the_cadence_of_a_treated_one),
        cmocka_unit_test(test_ghosts_count_no_longer_when_the_hcp_leaves_the_control_group),
    };
    return cmocka_run_group_tests_name("unit.policy.experiments", tests, NULL, NULL);
}
