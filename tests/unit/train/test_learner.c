/* The epoch loop: early stopping, the best kept, interruption, numbers that aren't. */
#include "nba_test.h"

#include "nba/train/learner.h"

struct script {
    const double *metrics; /* an epoch each */
    uint32_t present, kept, recalled;
    uint32_t fails_in; /* epoch that returns NBA_E_NON_FINITE; 0: none */
    volatile sig_atomic_t interrupted;
    uint32_t interrupted_in;
    uint32_t lines;
};

static enum nba_status learn(void *context, uint32_t epoch, double *ret_loss, uint64_t *ret_step)
{
    struct script *s = context;
    s->present = epoch;
    *ret_loss = 1.0 / epoch;
    *ret_step = 10 * (uint64_t)epoch;
    if (s->interrupted_in == epoch) {
        s->interrupted = 1;
        return NBA_E_INTERRUPTED;
    }
    return s->fails_in == epoch ? NBA_E_NON_FINITE : NBA_OK;
}

static enum nba_status measure(void *context, bool validation, struct nba_measured *ret_measured)
{
    const struct script *s = context;
    *ret_measured = (struct nba_measured){0.5, validation ? s->metrics[s->present - 1] : 0.0};
    return NBA_OK;
}

static void keep(void *context)
{
    struct script *s = context;
    s->kept = s->present;
}

static void recall(void *context)
{
    struct script *s = context;
    s->recalled = s->kept;
}

static void count_line(void *context, const struct nba_epoch *epoch)
{
    struct script *s = context;
    s->lines++;
    assert_int_equal(epoch->epoch, s->lines);
}

static enum nba_status run(struct script *s, struct nba_learner_options options,
                           struct nba_learned *learned, struct nba_error *error)
{
    const struct nba_learner learner = {"made", s, learn, measure, keep, recall};
    const struct nba_progress progress = {count_line, s, &s->interrupted, &nba_clock_system};
    return nba_learner_run(&learner, &options, &progress, learned, error);
}

static struct nba_learned learned;
static struct nba_error error;

static void test_the_best_epoch_comes_back_after_patience_runs_out(void **state)
{
    const double metrics[] = {0.1, 0.3, 0.2, 0.25, 0.29, 0.9};
    struct script s = {.metrics = metrics};
    (void)state;
    assert_int_equal(run(&s, (struct nba_learner_options){6, 3}, &learned, &error), NBA_OK);
    assert_int_equal(learned.epochs_run, 5);
    assert_int_equal(learned.best_epoch, 2);
    assert_int_equal(s.recalled, 2);
    assert_int_equal(s.lines, 5);
}

static void test_without_patience_every_epoch_runs_and_the_last_is_kept(void **state)
{
    const double metrics[] = {0.9, 0.1, 0.2};
    struct script s = {.metrics = metrics};
    (void)state;
    assert_int_equal(run(&s, (struct nba_learner_options){3, 0}, &learned, &error), NBA_OK);
    assert_int_equal(learned.epochs_run, 3);
    assert_int_equal(s.recalled, 3);
}

static void test_a_loss_that_is_no_number_names_the_step_and_keeps_the_best(void **state)
{
    const double metrics[] = {0.1, 0.2, 0.3};
    struct script s = {.metrics = metrics, .fails_in = 3};
    struct script first = {.metrics = metrics, .fails_in = 1};
    (void)state;
    assert_int_equal(run(&s, (struct nba_learner_options){3, 2}, &learned, &error),
                     NBA_E_NON_FINITE);
    assert_non_null(strstr(error.message, "step 30"));
    assert_non_null(strstr(error.message, "epoch 2 is kept"));
    assert_int_equal(s.recalled, 2);
    assert_int_equal(run(&first, (struct nba_learner_options){3, 2}, &learned, &error),
                     NBA_E_NON_FINITE);
    assert_int_equal(learned.best_epoch, 0);
    assert_int_equal(first.recalled, 0);
}

static void test_an_interruption_keeps_the_best_so_far(void **state)
{
    const double metrics[] = {0.3, 0.1, 0.5};
    struct script s = {.metrics = metrics, .interrupted_in = 2};
    struct script first = {.metrics = metrics, .interrupted_in = 1};
    (void)state;
    assert_int_equal(run(&s, (struct nba_learner_options){3, 2}, &learned, &error), NBA_OK);
    assert_true(learned.interrupted);
    assert_int_equal(learned.epochs_run, 1);
    assert_int_equal(s.recalled, 1);
    /* In the first epoch: what there is is better than nothing. */
    assert_int_equal(run(&first, (struct nba_learner_options){3, 2}, &learned, &error), NBA_OK);
    assert_int_equal(learned.best_epoch, 1);
    assert_int_equal(first.recalled, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_best_epoch_comes_back_after_patience_runs_out),
        cmocka_unit_test(test_without_patience_every_epoch_runs_and_the_last_is_kept),
        cmocka_unit_test(test_a_loss_that_is_no_number_names_the_step_and_keeps_the_best),
        cmocka_unit_test(test_an_interruption_keeps_the_best_so_far),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
