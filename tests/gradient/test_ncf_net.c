/* NCF's backward pass: both ways of folding a user in, and learned user vectors. */
#include "nba_test.h"

#include "gradient_check.h"
#include "nba/train/ncf_net.h"

static const uint32_t run_a[] = {4, 1, 6, 0, 1};
static const uint32_t run_b[] = {2, 5, 3};
static const uint32_t negatives_a[] = {3, 5, 2, 2, 5, 3};
static const uint32_t negatives_b[] = {6, 0};

struct ncf_case {
    struct nba_ncf_net *net;
    struct nba_ncf_group groups[2];
};

static double ncf_loss(void *context)
{
    struct ncf_case *c = context;
    size_t samples = 0;
    const double sum = nba_ncf_net_learn(c->net, c->groups, 2, NULL, &samples);
    assert_int_equal(samples, 4 * 3);
    return sum / (double)samples;
}

static size_t mistakes_of(bool learned, bool ordered)
{
    struct ncf_case c = {.groups = {{2, run_a, 5, ordered, 1, 3, negatives_a},
                                    {0, run_b, 3, ordered, 1, 1, negatives_b}}};
    const struct nba_ncf_shape shape = {7, 3, 4, 6, 5, 3};
    const struct nba_ncf_net_options options = {
        .contexts_max = 4, .negatives = 2, .learned = learned, .seed = 3};
    struct nba_parameters *all = nba_parameters_create();
    c.net = nba_ncf_net_create(all, shape, options);
    struct gradient_check check = {
        .context = &c, .loss = ncf_loss, .step = 0.002, .absolute = 3e-4, .relative = 1e-2};
    check.parameters = all;
    /* Embeddings far from zero; biases that put every unit well on either side of relu's corner,
     * where differences over a step would say neither slope. */
    for (size_t p = 0; p < check.parameters->count; p++) {
        struct nba_parameter *parameter = check.parameters->items[p];
        const double away = parameter->name[0] == 'b' ? (double)(parameter->name[1] - '0') : 0.0;
        for (size_t i = 0; i < nba_parameter_count(parameter); i++) {
            if (parameter->sparse) {
                parameter->value[i] *= 20.0f;
            } else if (parameter->columns > 1 && away > 0.0) {
                parameter->value[i] = (float)(i % 3 == 1 ? -3.0 * away : 3.0 * away);
            }
        }
    }
    const size_t mistakes = gradient_mistakes(&check);
    nba_parameters_destroy(all);
    return mistakes;
}

static void test_gradients_with_earlier_contents_folded_in(void **state)
{
    (void)state;
    assert_int_equal(mistakes_of(false, true), 0);
}

static void test_gradients_with_all_other_contents_folded_in(void **state)
{
    (void)state;
    assert_int_equal(mistakes_of(false, false), 0);
}

static void test_gradients_with_learned_user_vectors(void **state)
{
    (void)state;
    assert_int_equal(mistakes_of(true, true), 0);
}

/* A context is folded in while learning and while scoring: the same loss either way. */
static void test_scores_are_those_the_loss_was_made_of(void **state)
{
    (void)state;
    const struct nba_ncf_shape shape = {7, 3, 4, 6, 5, 3};
    const struct nba_ncf_net_options options = {.contexts_max = 4, .negatives = 2, .seed = 9};
    struct nba_ncf_net *net = NULL;
    struct nba_parameters *all = nba_parameters_create();
    net = nba_ncf_net_create(all, shape, options);
    const struct nba_ncf_group group = {2, run_a, 5, true, 4, 1, negatives_a};
    size_t samples = 0;
    const double loss = nba_ncf_net_learn(net, &group, 1, NULL, &samples);
    const uint32_t asked[] = {run_a[4], negatives_a[0], negatives_a[1]};
    float user[8];
    float scores[3];
    nba_ncf_net_prepare(net);
    nba_ncf_net_fold_in(net, 2, run_a, 4, user);
    nba_ncf_net_score(net, user, asked, 3, scores);
    const double again = log1p(exp(-(double)scores[0])) + log1p(exp((double)scores[1])) +
                         log1p(exp((double)scores[2]));
    assert_true(fabs(loss - again) < 1e-5);
    nba_parameters_destroy(all);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_gradients_with_earlier_contents_folded_in),
        cmocka_unit_test(test_gradients_with_all_other_contents_folded_in),
        cmocka_unit_test(test_gradients_with_learned_user_vectors),
        cmocka_unit_test(test_scores_are_those_the_loss_was_made_of),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
