/* The table of models: its names, and counting models under the rankers' interface. */
#include "sequences.h"

#include <string.h>

#include "nba/train/models.h"

static struct nba_error error;

static void test_names_become_flags_and_an_unknown_one_is_told_the_others(void **state)
{
    (void)state;
    bool wanted[NBA_MODEL_COUNT] = {[NBA_MODEL_LSTM] = true};
    assert_int_equal(nba_models_named("ncf-users, ncf", wanted, &error), NBA_OK);
    assert_true(wanted[NBA_MODEL_NCF] && wanted[NBA_MODEL_NCF_USERS] && !wanted[NBA_MODEL_LSTM]);
    const char *const broken[] = {"", "lstm,", "lst", "lstm ncf", "lstm,,ncf"};
    for (size_t i = 0; i < NBA_ARRAY_COUNT(broken); i++) {
        assert_int_equal(nba_models_named(broken[i], wanted, &error), NBA_E_USAGE);
        assert_non_null(strstr(error.message, "expected some of lstm, ncf"));
    }
    assert_true(wanted[NBA_MODEL_NCF] && !wanted[NBA_MODEL_LSTM]);
}

static void test_every_row_has_a_name_and_one_way_to_be_fitted(void **state)
{
    (void)state;
    for (size_t m = 0; m < NBA_MODEL_COUNT; m++) {
        assert_non_null(nba_models[m].name);
        assert_true((nba_models[m].learner != NULL) != (nba_models[m].count != NULL));
        assert_true((nba_models[m].learner != NULL) == (nba_models[m].options != NULL));
    }
}

static bool rounds(uint32_t user, uint32_t index, struct made_touch *ret_touch)
{
    (void)user;
    *ret_touch = (struct made_touch){index % 4, NBA_TOUCH_ENGAGED, NBA_CHANNEL_EMAIL, index};
    return index < 9;
}

/* Each content speaks for itself alone, so that scores say which events were seen. */
static void test_a_member_sees_the_window_that_serves_and_a_comparison_everything(void **state)
{
    enum { N = 4, WINDOW = 2 };
    (void)state;
    float values[N * N] = {0};
    const float prior[N] = {0};
    float scores[N];
    for (size_t i = 0; i < N; i++) {
        values[i * N + i] = 1.0f;
    }
    struct nba_dataset *d = make_dataset(1, N, true, rounds);
    struct nba_counted counted = {
        .neighbours = {.contents = N,
                       .entries = N * N,
                       .last = UINT32_MAX,
                       .decay = 1.0f,
                       .values = values,
                       .prior = prior},
        .dataset = d,
        .window_events = WINDOW,
    };
    const struct nba_ranker ranker = nba_counted_ranker(&counted, "twins");
    const struct nba_query query = {0, 7}; /* start(7) = 4 */
    ranker.score(ranker.context, &query, 1, scores);
    assert_true(scores[0] + scores[1] + scores[2] + scores[3] == 3.0f);
    counted.window_events = 0;
    ranker.score(ranker.context, &query, 1, scores);
    assert_true(scores[0] + scores[1] + scores[2] + scores[3] == 7.0f);
    nba_dataset_destroy(d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names_become_flags_and_an_unknown_one_is_told_the_others),
        cmocka_unit_test(test_every_row_has_a_name_and_one_way_to_be_fitted),
        cmocka_unit_test(test_a_member_sees_the_window_that_serves_and_a_comparison_everything),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
