/* The frame: early stopping, the best kept, interruption, numbers that aren't - by a model that
 * follows a script. */
#include "sequences.h"

#include <math.h>

#include "nba/train/trainer.h"

enum { CONTENTS = 13, BATCHES = 10 };

static bool one_user(uint32_t user, uint32_t index, struct made_touch *ret_touch)
{
    *ret_touch =
        (struct made_touch){user * 4 + index, NBA_TOUCH_ENGAGED, NBA_CHANNEL_EMAIL, 1000 + index};
    return index < 3;
}

/* Its one parameter is the number of the epoch. */
struct script {
    const uint32_t *ranks; /* of the validation's target, an epoch each */
    uint32_t epoch;
    uint32_t fails_in; /* epoch whose last batch has no finite loss; 0: none */
    volatile sig_atomic_t interrupted;
    uint32_t interrupted_in;
    uint32_t lines;
    uint32_t kept; /* epoch whose parameters came back */
    const struct nba_dataset *dataset;
    struct nba_parameter number;
};

static size_t begin(void *model, struct nba_rng *rng)
{
    struct script *s = model;
    (void)rng;
    s->number.value[0] = (float)++s->epoch;
    return BATCHES;
}

static double learn(void *model, size_t *at, struct nba_rng *rng, size_t *ret_targets)
{
    struct script *s = model;
    const bool last = ++*at == BATCHES;
    (void)rng;
    *ret_targets = 1;
    s->interrupted = s->interrupted_in == s->epoch ? 1 : s->interrupted;
    return last && s->fails_in == s->epoch ? (double)NAN : 1.0;
}

/* As many of the other contents are better as the script says. */
static void score(void *model, const struct nba_query *queries, size_t count, float *ret_scores)
{
    const struct script *s = model;
    for (size_t i = 0; i < count; i++) {
        const uint32_t target = nba_query_target(s->dataset, queries[i]);
        uint32_t better = s->ranks[(size_t)s->number.value[0] - 1];
        for (uint32_t c = CONTENTS; c-- > 0;) {
            ret_scores[i * CONTENTS + c] = c == target ? 0.0f : better > 0 ? 1.0f : -1.0f;
            better -= c != target && better > 0;
        }
    }
}

static void count_line(void *context, const struct nba_epoch *epoch)
{
    struct script *s = context;
    s->lines++;
    assert_int_equal(epoch->epoch, s->lines);
}

static struct nba_learned learned;
static struct nba_error error;

/* Plays the script once. */
static enum nba_status run(struct script *s, uint32_t epochs, uint32_t patience, double average)
{
    struct nba_dataset *d = make_dataset(1, CONTENTS, false, one_user);
    const struct nba_progress progress = {.epoch = count_line,
                                          .context = s,
                                          .interrupted = &s->interrupted,
                                          .clock = &nba_clock_system};
    const struct nba_fit_options options = {
        .rate = 0.1, .epochs = epochs, .patience = patience, .average_epochs = average};
    struct nba_learner learner = {.name = "made",
                                  .model = s,
                                  .parameters = nba_parameters_create(),
                                  .begin = begin,
                                  .learn = learn,
                                  .ranker = {"made", s, score, NULL}};
    s->dataset = d;
    nba_parameter_init(&s->number, learner.parameters, "number", 1, 1, false);
    const struct nba_split split = nba_split_last_two(d, &d->pool);
    const enum nba_status status =
        nba_trainer_run(&learner, d, &split, &options, &progress, &learned, &error);
    s->kept = (uint32_t)(s->number.value[0] + 0.5f);
    nba_parameters_destroy(learner.parameters);
    nba_dataset_destroy(d);
    return status;
}

static void test_the_best_epoch_comes_back_after_patience_runs_out(void **state)
{
    static const uint32_t ranks[] = {9, 1, 3, 3, 2, 0};
    struct script s = {.ranks = ranks};
    (void)state;
    assert_int_equal(run(&s, 6, 3, 0.0), NBA_OK);
    assert_int_equal(learned.epochs_run, 5);
    assert_int_equal(learned.best_epoch, 2);
    assert_int_equal(s.kept, 2);
    assert_int_equal(s.lines, 5);
    assert_true(fabs(learned.best_metric - 1.0 / log2(3.0)) < 1e-12);
}

static void test_without_patience_every_epoch_runs_and_the_last_is_kept(void **state)
{
    static const uint32_t ranks[] = {0, 9, 8};
    struct script s = {.ranks = ranks};
    (void)state;
    assert_int_equal(run(&s, 3, 0, 0.0), NBA_OK);
    assert_int_equal(learned.epochs_run, 3);
    assert_int_equal(s.kept, 3);
}

static void test_averages_are_what_is_judged_and_kept(void **state)
{
    static const uint32_t ranks[] = {0, 9, 8};
    struct script s = {.ranks = ranks};
    (void)state;
    assert_int_equal(run(&s, 2, 0, 100.0), NBA_OK);
    /* Ten steps of 1, ten of 2, each weighed by one fifth of the steps so far: between both. */
    assert_true(s.epoch == 2 && learned.best_epoch == 2);
    assert_int_equal(s.kept, 2);
    assert_true(learned.history[1].validation_metric > 0.9); /* rounded down it was epoch 1 */
}

static void test_a_loss_that_is_no_number_names_the_step_and_keeps_the_best(void **state)
{
    static const uint32_t ranks[] = {9, 8, 7};
    struct script s = {.ranks = ranks, .fails_in = 3};
    struct script first = {.ranks = ranks, .fails_in = 1};
    (void)state;
    assert_int_equal(run(&s, 3, 2, 0.0), NBA_E_NON_FINITE);
    assert_non_null(strstr(error.message, "step 30"));
    assert_non_null(strstr(error.message, "epoch 2 is kept"));
    assert_int_equal(s.kept, 2);
    assert_int_equal(run(&first, 3, 2, 0.0), NBA_E_NON_FINITE);
    assert_int_equal(learned.best_epoch, 0);
    assert_int_equal(first.kept, 1);
}

static void test_an_interruption_keeps_the_best_so_far(void **state)
{
    static const uint32_t ranks[] = {3, 9, 0};
    struct script s = {.ranks = ranks, .interrupted_in = 2};
    struct script first = {.ranks = ranks, .interrupted_in = 1};
    (void)state;
    assert_int_equal(run(&s, 3, 2, 0.0), NBA_OK);
    assert_true(learned.interrupted);
    assert_int_equal(learned.epochs_run, 1);
    assert_int_equal(s.kept, 1);
    /* In the first epoch: what there is is better than nothing. */
    assert_int_equal(run(&first, 3, 2, 0.0), NBA_OK);
    assert_int_equal(learned.best_epoch, 1);
    assert_int_equal(first.kept, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_best_epoch_comes_back_after_patience_runs_out),
        cmocka_unit_test(test_without_patience_every_epoch_runs_and_the_last_is_kept),
        cmocka_unit_test(test_averages_are_what_is_judged_and_kept),
        cmocka_unit_test(test_a_loss_that_is_no_number_names_the_step_and_keeps_the_best),
        cmocka_unit_test(test_an_interruption_keeps_the_best_so_far),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
