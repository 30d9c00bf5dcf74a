/* Both models learn what was planted, repeat themselves, and stop when told. */
#include "sequences.h"

#include "nba/linalg/blas.h"
#include "nba/train/lstm_learner.h"
#include "nba/train/metrics.h"
#include "nba/train/ncf_learner.h"

enum { USERS = 60, CONTENTS = 24, LENGTH = 22 };

static const struct nba_progress quiet = {.clock = &nba_clock_system};

/* Order matters: the next content is the last plus five. */
static bool chain(uint32_t user, uint32_t index, struct made_touch *ret_touch)
{
    *ret_touch = (struct made_touch){(user * 7 + index * 5) % CONTENTS, NBA_TOUCH_ENGAGED,
                                     NBA_CHANNEL_WEB, 1000 * (int64_t)index + user};
    return index < LENGTH;
}

/* Taste matters: each user keeps to one third of the contents, in a scrambled order. */
static bool taste(uint32_t user, uint32_t index, struct made_touch *ret_touch)
{
    const uint32_t place = (user * 13 + index * index * 3 + index) % 8;
    *ret_touch = (struct made_touch){user % 3 * 8 + place, NBA_TOUCH_ENGAGED, NBA_CHANNEL_WEB,
                                     1000 * (int64_t)index + user};
    return index < 7;
}

static struct nba_lstm_options small_lstm(void)
{
    struct nba_lstm_options options = nba_lstm_options();
    options.width = 16;
    options.hidden = 32;
    options.fit.window_events = 4;
    options.fit.batch = 8;
    options.fit.rate = 1e-2;
    options.fit.dropout = 0.1;
    options.fit.epochs = 30;
    options.fit.patience = 0;
    return options;
}

static struct nba_learned learned;

/* The caller's to free. */
static struct nba_learner train_lstm(const struct nba_dataset *d, const struct nba_split *split,
                                     const struct nba_lstm_options *options,
                                     const struct nba_progress *progress, enum nba_status wanted,
                                     struct nba_error *error)
{
    struct nba_learner learner;
    assert_int_equal(nba_lstm_learner(d, split, options, &learner, NULL), NBA_OK);
    assert_int_equal(nba_trainer_run(&learner, d, split, &options->fit, progress, &learned, error),
                     wanted);
    return learner;
}

static double hits(const struct nba_dataset *d, const struct nba_ranker *ranker,
                   const struct nba_split *split, uint32_t k)
{
    const struct nba_ranking ranking = {d, NBA_PROTOCOL_EXISTING, 0};
    double *ranks = calloc(split->test_count, sizeof(*ranks));
    nba_ranking_run(&ranking, ranker, split->test, split->test_count, ranks);
    const double value = nba_metric_mean(NBA_METRIC_HR, k, ranks, split->test_count);
    free(ranks);
    return value;
}

static void test_lstm_learns_an_order_across_windows(void **state)
{
    struct nba_dataset *d = make_dataset(USERS, CONTENTS, false, chain);
    const struct nba_lstm_options options = small_lstm();
    (void)state;
    const struct nba_split split = nba_split_last_two(d, &d->pool);
    const struct nba_learner learner = train_lstm(d, &split, &options, &quiet, NBA_OK, NULL);
    assert_true(hits(d, &learner.ranker, &split, 1) > 0.95);
    assert_true(learned.history[0].loss > 2.0 * learned.history[29].loss);
    nba_parameters_destroy(learner.parameters);
    nba_dataset_destroy(d);
}

static void test_the_same_seed_gives_the_same_weights_and_another_gives_others(void **state)
{
    struct nba_dataset *d = make_dataset(USERS, CONTENTS, false, chain);
    struct nba_lstm_options options = small_lstm();
    struct nba_learner learners[3];
    (void)state;
    options.fit.epochs = 2;
    const struct nba_split split = nba_split_last_two(d, &d->pool);
    for (size_t i = 0; i < 3; i++) {
        options.fit.seed = i < 2 ? 5 : 6;
        learners[i] = train_lstm(d, &split, &options, &quiet, NBA_OK, NULL);
    }
    const struct nba_lstm_weights a = nba_lstm_learner_weights(&learners[0]);
    const struct nba_lstm_weights b = nba_lstm_learner_weights(&learners[1]);
    const struct nba_lstm_weights c = nba_lstm_learner_weights(&learners[2]);
    const size_t bytes = (16 + 32) * 4 * 32 * sizeof(float);
    assert_memory_equal(a.w1, b.w1, bytes);
    assert_memory_equal(a.embedding, b.embedding, CONTENTS * 16 * sizeof(float));
    assert_memory_not_equal(a.w1, c.w1, bytes);
    for (size_t i = 0; i < 3; i++) {
        nba_parameters_destroy(learners[i].parameters);
    }
    nba_dataset_destroy(d);
}

static double ncf_hits(bool users)
{
    struct nba_dataset *d = make_dataset(USERS, CONTENTS, false, taste);
    struct nba_ncf_options options = nba_ncf_options();
    struct nba_learner learner;
    options.width = 16;
    options.layer_1 = 32;
    options.layer_2 = 16;
    options.layer_3 = 16;
    options.fit.batch = 64;
    options.fit.rate = 1e-2;
    options.users = users;
    options.fit.dropout = 0.1;
    options.fit.epochs = 25;
    options.fit.patience = 0;
    const struct nba_split split = nba_split_last_two(d, &d->pool);
    assert_int_equal(nba_ncf_learner(d, &split, &options, &learner, NULL), NBA_OK);
    assert_int_equal(nba_trainer_run(&learner, d, &split, &options.fit, &quiet, &learned, NULL),
                     NBA_OK);
    const double value = hits(d, &learner.ranker, &split, 8);
    nba_parameters_destroy(learner.parameters);
    nba_dataset_destroy(d);
    return value;
}

static void test_ncf_learns_a_taste_from_what_is_folded_in(void **state)
{
    (void)state;
    assert_true(ncf_hits(false) > 0.9);
}

static void test_ncf_learns_a_taste_with_a_vector_a_user(void **state)
{
    (void)state;
    assert_true(ncf_hits(true) > 0.9);
}

static void test_a_set_interrupt_flag_ends_training_in_its_first_epoch(void **state)
{
    struct nba_dataset *d = make_dataset(USERS, CONTENTS, false, chain);
    const struct nba_lstm_options options = small_lstm();
    volatile sig_atomic_t flag = 1;
    const struct nba_progress progress = {.interrupted = &flag, .clock = &nba_clock_system};
    (void)state;
    const struct nba_split split = nba_split_last_two(d, &d->pool);
    const struct nba_learner learner = train_lstm(d, &split, &options, &progress, NBA_OK, NULL);
    assert_true(learned.interrupted);
    assert_int_equal(learned.best_epoch, 1);
    nba_parameters_destroy(learner.parameters);
    nba_dataset_destroy(d);
}

static void test_a_rate_without_bound_stops_with_the_step_named(void **state)
{
    struct nba_dataset *d = make_dataset(USERS, CONTENTS, false, chain);
    struct nba_lstm_options options = small_lstm();
    struct nba_error error = {.message = ""};
    (void)state;
    options.fit.rate = 1e38;
    options.fit.clip = 0.0;
    const struct nba_split split = nba_split_last_two(d, &d->pool);
    const struct nba_learner learner =
        train_lstm(d, &split, &options, &quiet, NBA_E_NON_FINITE, &error);
    assert_non_null(strstr(error.message, "at step "));
    nba_parameters_destroy(learner.parameters);
    nba_dataset_destroy(d);
}

static int one_thread(void **state)
{
    (void)state;
    nba_blas_use_one_thread();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lstm_learns_an_order_across_windows),
        cmocka_unit_test(test_the_same_seed_gives_the_same_weights_and_another_gives_others),
        cmocka_unit_test(test_ncf_learns_a_taste_from_what_is_folded_in),
        cmocka_unit_test(test_ncf_learns_a_taste_with_a_vector_a_user),
        cmocka_unit_test(test_a_set_interrupt_flag_ends_training_in_its_first_epoch),
        cmocka_unit_test(test_a_rate_without_bound_stops_with_the_step_named),
    };
    return cmocka_run_group_tests(tests, one_thread, NULL);
}
