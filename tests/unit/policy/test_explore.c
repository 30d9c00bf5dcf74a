/* Exploration: who gets the first place, and with which probability. */
#include "policy_fixture.h"

#include "nba/base/hash.h"

#define NOW        "2026-11-20T15:30:00Z"
#define CANDIDATES 4u

static const char *const ids[CANDIDATES] = {"c", "b", "a", "d"}; /* in the sorted order below */

/* By (action_type, content_id): email c, event_invite b, rep_call a, rep_call d. */
static struct fixture *create(const char *exploration, unsigned size)
{
    char text[1024];
    (void)snprintf(text, sizeof(text),
                   "policy_version: v1\ntenant: acme\ndecide_on: []\nconsent: {models: {US: "
                   "{email: implicit, rep: implicit, web: implicit, event: implicit}}}\n"
                   "slate: {size: %u}\narbitration: {exploration: {%s}}\n",
                   size, exploration);
    struct fixture *f = fixture_create(text);
    fixture_content(f, "d", "X", "t", NBA_CHANNEL_REP, NBA_ACTION_TYPE_REP_CALL);
    fixture_content(f, "c", "X", "t", NBA_CHANNEL_EMAIL, NBA_ACTION_TYPE_EMAIL);
    fixture_content(f, "b", "X", "t", NBA_CHANNEL_EVENT, NBA_ACTION_TYPE_EVENT_INVITE);
    fixture_content(f, "a", "X", "t", NBA_CHANNEL_REP, NBA_ACTION_TYPE_REP_CALL);
    fixture_bind(f);
    fixture_score(f, "a", 0.1);
    fixture_score(f, "b", 0.3);
    fixture_score(f, "c", 0.2);
    fixture_score(f, "d", 0.25);
    return f;
}

static const struct nba_action *decide(struct fixture *f, unsigned number)
{
    static char id[16];
    struct nba_event event = fixture_event("e", NOW, "");
    nba_arena_reset(&f->arena);
    (void)snprintf(id, sizeof(id), "e%u", number);
    event.event_id = nba_str_of(id);
    fixture_decide_event(f, &event);
    return f->result.actions;
}

static unsigned index_of(const struct nba_action *action)
{
    unsigned i = 0;
    while (!nba_str_is(action->content_id, ids[i])) {
        i++;
        assert_true(i < CANDIDATES);
    }
    return i;
}

static bool has_driver(const struct nba_action *action, enum nba_driver code)
{
    bool found = false;
    for (uint32_t i = 0; i < action->driver_count; i++) {
        found = found || action->drivers[i].code == code;
    }
    return found;
}

/* u1 < 0.5 and floor(4 u2) of dec:crm#e0 and so on, worked out by another program. */
static void test_the_first_place_is_the_one_the_decisions_id_says(void **state)
{
    static const int picks[] = {3, -1, -1, 1, -1, -1, 0, -1, -1, -1, 0, 3};
    struct fixture *f = create("type: epsilon_greedy, epsilon: 0.5", 2);
    (void)state;
    for (unsigned i = 0; i < NBA_ARRAY_COUNT(picks); i++) {
        const struct nba_action *a = decide(f, i);
        const unsigned best = 1;
        const unsigned wanted = picks[i] < 0 ? best : (unsigned)picks[i];
        assert_int_equal(index_of(&a[0]), wanted);
        assert_priority(a[0].selection_probability, wanted == best ? 0.5 / 4 + 0.5 : 0.5 / 4);
        assert_int_equal(has_driver(&a[0], NBA_DRIVER_EXPLORATION), wanted != best);
        assert_true(a[0].driver_count > (wanted != best ? 1u : 0u)); /* and one with evidence */
        assert_priority(a[0].sampled_propensity, a[0].propensity);
        /* The others as ever: the best that is left. */
        assert_int_equal(index_of(&a[1]), wanted == best ? 3 : best);
        assert_priority(a[1].selection_probability, 1);
        assert_false(has_driver(&a[1], NBA_DRIVER_EXPLORATION));
        assert_int_equal(f->result.decision.reason_count[NBA_REASON_LOST_ARBITRATION], 2);
    }
    fixture_destroy(f);
}

static void test_a_slate_of_one_that_was_explored_leaves_the_others_to_lost_arbitration(
    void **state)
{
    struct fixture *f = create("type: epsilon_greedy, epsilon: 1", 1);
    (void)state;
    const struct nba_action *a = decide(f, 0);
    assert_str_equal(a[0].content_id, "d");
    assert_priority(a[0].selection_probability, 0.25);
    assert_reason(f, "a", LOST_ARBITRATION);
    assert_reason(f, "b", LOST_ARBITRATION);
    assert_reason(f, "c", LOST_ARBITRATION);
    fixture_destroy(f);
}

/* Whatever the others' exploration is: each of those alive, as often. */
static void test_in_model_control_the_first_place_is_anybodys(void **state)
{
    enum { DECISIONS = 2000, ALIVE = 4 };
    struct fixture *f = create("type: thompson}}\nexperiments: {model_control: {share_bp: 10000}, "
                               "champion_challenger: {id: e, arms: {champion: 10000}}}\n#{{",
                               1);
    uint32_t first[ALIVE] = {0};
    (void)state;
    for (unsigned i = 0; i < DECISIONS; i++) {
        const struct nba_action *a = decide(f, i);
        assert_str_equal(f->result.decision.arm, "model_control");
        assert_priority(a[0].selection_probability, 1.0 / ALIVE);
        assert_priority(a[0].sampled_propensity, a[0].propensity);
        first[index_of(&a[0])]++;
    }
    for (size_t k = 0; k < ALIVE; k++) { /* four standard deviations */
        assert_in_range(first[k], DECISIONS / ALIVE - 78, DECISIONS / ALIVE + 78);
    }
    fixture_destroy(f);
    f = create("type: none}}\nexperiments: {model_control: {share_bp: 0}}\n#{{", 1);
    assert_priority(decide(f, 0)[0].selection_probability, 1);
    assert_int_equal(f->result.decision.arm.bytes, 0);
    fixture_destroy(f);
}

static void test_only_who_is_alive_is_explored(void **state)
{
    struct fixture *f = create("type: epsilon_greedy, epsilon: 1", 1);
    (void)state;
    f->hcp.profile.rep_id = nba_str("", 0); /* REP_NOT_ALIGNED: a and d */
    for (unsigned i = 0; i < 40; i++) {
        const struct nba_action *a = decide(f, i);
        assert_true(index_of(&a[0]) < 2);
        assert_priority(a[0].selection_probability, 0.5);
    }
    f->hcp.profile.market = nba_str("", 0); /* nobody */
    (void)decide(f, 0);
    assert_int_equal(f->result.action_count, 0);
    fixture_destroy(f);
}

/* With `audit.candidates: counts` no more are put in order than the slate has places. */
static void test_a_best_one_behind_all_that_are_put_in_order_is_found(void **state)
{
    struct fixture *f =
        create("type: epsilon_greedy, epsilon: 0}}\naudit: {candidates: counts}\n#{{", 1);
    (void)state;
    fixture_score(f, "d", 0.9);
    f->hcp.profile.rep_id = nba_str("", 0); /* REP_NOT_ALIGNED: a and d, the best of all */
    assert_int_equal(index_of(&decide(f, 0)[0]), 1);
    assert_int_equal(f->result.action_count, 1);
    assert_int_equal(f->result.decision.reason_count[NBA_REASON_REP_NOT_ALIGNED], 2);
    assert_int_equal(f->result.decision.reason_count[NBA_REASON_LOST_ARBITRATION], 1);
    fixture_destroy(f);
}

static void test_no_epsilon_and_no_type_change_nothing(void **state)
{
    static const char *const policies[] = {"type: none", "type: epsilon_greedy, epsilon: 0"};
    (void)state;
    for (size_t p = 0; p < NBA_ARRAY_COUNT(policies); p++) {
        struct fixture *f = create(policies[p], 2);
        for (unsigned i = 0; i < 100; i++) {
            const struct nba_action *a = decide(f, i);
            assert_int_equal(index_of(&a[0]), 1);
            assert_int_equal(index_of(&a[1]), 3);
            assert_priority(a[0].selection_probability, 1);
            assert_false(has_driver(&a[0], NBA_DRIVER_EXPLORATION));
        }
        fixture_destroy(f);
    }
}

/* Over many ids each candidate comes as often as its logged probability says: within four standard
 * deviations, and what the logs of others would estimate it to be. */
static void check_frequencies(const char *exploration, unsigned decisions, double slack)
{
    struct fixture *f = create(exploration, 1);
    double logged[CANDIDATES] = {0};
    unsigned count[CANDIDATES] = {0};
    for (unsigned i = 0; i < decisions; i++) {
        const struct nba_action *a = decide(f, i);
        const unsigned at = index_of(&a[0]);
        count[at]++;
        logged[at] += a[0].selection_probability;
    }
    for (unsigned i = 0; i < CANDIDATES; i++) {
        const double share = (double)count[i] / decisions;
        const double said = logged[i] / count[i];
        const double difference = share > said ? share - said : said - share;
        assert_true(count[i] > 0);
        assert_true(difference * difference < 16 * said * (1 - said) / decisions + slack * slack);
    }
    fixture_destroy(f);
}

static void test_frequencies_are_the_probabilities_that_were_logged(void **state)
{
    (void)state;
    check_frequencies("type: epsilon_greedy, epsilon: 0.4", 10000, 0);
    /* Its own draw counts among the hundred of the estimate, which adds up to 0.01. */
    check_frequencies("type: thompson, k: 20", 3000, 0.01);
}

/* Winner, P drawn and probability, worked out by another program from the same ids. */
static void test_thompson_draws_are_the_same_bits_everywhere(void **state)
{
    static const struct {
        const char *content;
        double sampled, probability;
    } expected[] = {{"b", 0.352625847, 0.32},
                    {"c", 0.420639953, 0.08},
                    {"b", 0.322630375, 0.31},
                    {"b", 0.368480055, 0.42}};
    struct fixture *f = create("type: thompson, k: 20", 1);
    (void)state;
    fixture_score(f, "a", 0.3);
    fixture_score(f, "b", 0.25);
    fixture_score(f, "c", 0.1);
    fixture_score(f, "d", -1); /* isn't there */
    for (unsigned i = 0; i < NBA_ARRAY_COUNT(expected); i++) {
        const struct nba_action *a = decide(f, i);
        assert_str_equal(a[0].content_id, expected[i].content);
        assert_priority(a[0].sampled_propensity, expected[i].sampled);
        assert_priority(a[0].selection_probability, expected[i].probability);
        assert_priority(a[0].priority, a[0].propensity); /* P as the model says it */
    }
    fixture_destroy(f);
}

/* Mean and variance of Beta(1 + pk, 1 + (1 - p) k), k = trials on the channel and eight. */
static void test_thompson_draws_from_beta_with_what_is_known_as_evidence(void **state)
{
    static const uint32_t sent[] = {0, 92};
    (void)state;
    for (size_t s = 0; s < NBA_ARRAY_COUNT(sent); s++) {
        struct fixture *f = create("type: thompson", 1);
        const double k = sent[s] + 8.0;
        const double a = 1 + 0.2 * k;
        const double b = 1 + 0.8 * k;
        const double variance = a * b / ((a + b) * (a + b) * (a + b + 1));
        double sum = 0;
        double squares = 0;
        f->hcp.channels[NBA_CHANNEL_EMAIL].sent = sent[s];
        fixture_score(f, "a", -1);
        fixture_score(f, "b", -1);
        fixture_score(f, "d", -1);
        for (unsigned i = 0; i < 20000; i++) {
            const double p = decide(f, i)[0].sampled_propensity;
            const double off = p - a / (a + b);
            sum += off;
            squares += off * off;
        }
        assert_priority(f->result.actions[0].selection_probability, 1);
        assert_true(sum / 20000 * (sum / 20000) < 16 * variance / 20000);
        assert_true(squares / 20000 > variance * 0.95 && squares / 20000 < variance * 1.05);
        fixture_destroy(f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_first_place_is_the_one_the_decisions_id_says),
        cmocka_unit_test(
            test_a_slate_of_one_that_was_explored_leaves_the_others_to_lost_arbitration),
        cmocka_unit_test(test_only_who_is_alive_is_explored),
        cmocka_unit_test(test_a_best_one_behind_all_that_are_put_in_order_is_found),
        cmocka_unit_test(test_in_model_control_the_first_place_is_anybodys),
        cmocka_unit_test(test_no_epsilon_and_no_type_change_nothing),
        cmocka_unit_test(test_frequencies_are_the_probabilities_that_were_logged),
        cmocka_unit_test(test_thompson_draws_are_the_same_bits_everywhere),
        cmocka_unit_test(test_thompson_draws_from_beta_with_what_is_known_as_evidence),
    };
    return cmocka_run_group_tests_name("unit.policy.explore", tests, NULL, NULL);
}
