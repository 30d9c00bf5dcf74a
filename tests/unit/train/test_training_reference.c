/* Eight clipped Adam steps on one batch, against PyTorch: losses on the way and parameters at the
 * end (tests/reference/make_training_reference.py). */
#include "nba_test.h"

#include <math.h>

#include "nba/train/adam.h"
#include "nba/train/lstm_net.h"
#include "nba/train/ncf_net.h"
#include "reference_file.h"

#define STEPS 8

static void draw(struct nba_rng *rng, double scale, struct nba_parameter *parameter)
{
    nba_parameter_fill_uniform(parameter, rng, scale);
}

struct training {
    struct nba_parameters *parameters;
    void *context;
    double (*loss)(void *context);
};

static void check_against(const struct training *t, const char *file)
{
    double losses[STEPS];
    double sums[NBA_PARAMETERS_MAX];
    struct nba_adam adam = nba_adam(0.01);
    adam.clip = 0.5;
    reference_read(file, "losses", losses, STEPS);
    reference_read(file, "sums", sums, t->parameters->count);
    for (size_t step = 0; step < STEPS; step++) {
        const double loss = t->loss(t->context);
        if (!(fabs(loss - losses[step]) < 2e-5)) {
            fail_msg("%s: loss before step %zu is %.7f, not %.7f", file, step + 1, loss,
                     losses[step]);
        }
        (void)nba_adam_step(&adam, t->parameters);
    }
    for (size_t p = 0; p < t->parameters->count; p++) {
        const size_t count = nba_parameter_count(t->parameters->items[p]);
        double sum = 0.0;
        for (size_t i = 0; i < count; i++) {
            sum += (double)t->parameters->items[p]->value[i] * (double)(i + 1);
        }
        sum /= (double)count;
        if (!(fabs(sum - sums[p]) < 2e-3 * sqrt((double)count))) {
            fail_msg("%s: %s sums to %.6f, not %.6f", file, t->parameters->items[p]->name, sum,
                     sums[p]);
        }
    }
}

static double lstm_loss(void *context)
{
    static const uint32_t a[] = {4, 1, 1, 6, 0, 10, 3};
    static const uint32_t b[] = {2, 5, 3};
    static const uint32_t c[] = {3, 0, 6, 2};
    const struct nba_sequence sequences[] = {{a, 7, 4}, {b, 3, 1}, {c, 4, 1}};
    size_t targets = 0;
    const double sum = nba_lstm_net_learn(context, sequences, 3, NULL, &targets);
    return sum / (double)targets;
}

static void test_lstm_learns_as_pytorch_does(void **state)
{
    struct nba_lstm_net *net = NULL;
    struct nba_rng rng = nba_rng(77);
    (void)state;
    struct nba_parameters *all = nba_parameters_create();
    net = nba_lstm_net_create(all, (struct nba_lstm_shape){11, 6, 9, 6}, 32, 0.0, 1);
    struct training t = {.context = net, .loss = lstm_loss};
    t.parameters = all;
    const double scales[] = {0.8, 0.3, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5};
    assert_int_equal(t.parameters->count, 8);
    for (size_t p = 0; p < t.parameters->count; p++) {
        draw(&rng, scales[p], t.parameters->items[p]);
    }
    check_against(&t, "lstm_training.txt");
    nba_parameters_destroy(all);
}

struct ncf_case {
    struct nba_ncf_net *net;
    bool ordered;
};

static double ncf_loss(void *context)
{
    static const uint32_t run_a[] = {4, 1, 6, 0, 1};
    static const uint32_t run_b[] = {2, 5, 3};
    static const uint32_t negatives_a[] = {3, 5, 2, 2, 5, 3};
    static const uint32_t negatives_b[] = {6, 0};
    const struct ncf_case *c = context;
    const struct nba_ncf_group groups[] = {{2, run_a, 5, c->ordered, 0, 1, negatives_a},
                                           {2, run_a, 5, c->ordered, 2, 1, negatives_a + 2},
                                           {2, run_a, 5, c->ordered, 4, 1, negatives_a + 4},
                                           {0, run_b, 3, c->ordered, 1, 1, negatives_b}};
    size_t samples = 0;
    const double sum = nba_ncf_net_learn(c->net, groups, 4, NULL, &samples);
    return sum / (double)samples;
}

static void check_ncf(bool ordered, const char *file)
{
    const struct nba_ncf_shape shape = {9, 3, 4, 7, 5, 6};
    const struct nba_ncf_net_options options = {.contexts_max = 4, .negatives = 2, .seed = 1};
    struct ncf_case c = {.ordered = ordered};
    struct nba_rng rng = nba_rng(88);
    struct nba_parameters *all = nba_parameters_create();
    c.net = nba_ncf_net_create(all, shape, options);
    struct training t = {.context = &c, .loss = ncf_loss};
    t.parameters = all;
    const double scales[] = {0.6, 0.6, 0.6, 0.6, 0.5, 0.3, 0.5, 0.3, 0.5, 0.3, 0.5, 0.3};
    assert_int_equal(t.parameters->count, 12);
    for (size_t p = 0; p < t.parameters->count; p++) {
        draw(&rng, scales[p], t.parameters->items[p]);
    }
    check_against(&t, file);
    nba_parameters_destroy(all);
}

static void test_ncf_learns_as_pytorch_does_from_what_came_before(void **state)
{
    (void)state;
    check_ncf(true, "ncf_training_ordered.txt");
}

static void test_ncf_learns_as_pytorch_does_from_all_the_others(void **state)
{
    (void)state;
    check_ncf(false, "ncf_training_unordered.txt");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lstm_learns_as_pytorch_does),
        cmocka_unit_test(test_ncf_learns_as_pytorch_does_from_what_came_before),
        cmocka_unit_test(test_ncf_learns_as_pytorch_does_from_all_the_others),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
