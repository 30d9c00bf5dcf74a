/* The LSTM's backward pass through time, layers, tied softmax and dropout's absence. */
#include "nba_test.h"

#include "gradient_check.h"
#include "nba/train/lstm_net.h"

/* Three sequences of different lengths, one content twice, warm-up positions in one. */
static const uint32_t contents_a[] = {4, 1, 1, 6, 0};
static const uint32_t contents_b[] = {2, 5, 3};
static const uint32_t contents_c[] = {3, 0, 6, 2};
static const struct nba_sequence sequences[] = {
    {contents_b, 3, 1}, {contents_a, 5, 3}, {contents_c, 4, 1}};

static double lstm_loss(void *context)
{
    size_t targets = 0;
    const double sum = nba_lstm_net_learn(context, sequences, 3, NULL, &targets);
    assert_int_equal(targets, 2 + 2 + 3);
    return sum / (double)targets;
}

static void test_lstm_gradients_are_the_finite_differences(void **state)
{
    struct nba_lstm_net *net = NULL;
    (void)state;
    struct nba_parameters *all = nba_parameters_create();
    net = nba_lstm_net_create(all, (struct nba_lstm_shape){7, 3, 5, 3}, 16, 0.0, 11);
    struct gradient_check check = {
        .context = net, .loss = lstm_loss, .step = 0.01, .absolute = 2e-4, .relative = 5e-3};
    check.parameters = all;
    /* Larger embeddings, so that every gradient is far above the noise of floats. */
    for (size_t i = 0; i < nba_parameter_count(check.parameters->items[0]); i++) {
        check.parameters->items[0]->value[i] *= 12.0f;
    }
    assert_int_equal(gradient_mistakes(&check), 0);
    nba_parameters_destroy(all);
}

static struct nba_parameter *wronged;

static double lstm_loss_with_a_wrong_gradient(void *context)
{
    const double loss = lstm_loss(context);
    wronged->grad[4] += 0.002f;
    return loss;
}

static void test_one_wrong_number_in_a_gradient_is_found(void **state)
{
    struct nba_lstm_net *net = NULL;
    (void)state;
    struct nba_parameters *all = nba_parameters_create();
    net = nba_lstm_net_create(all, (struct nba_lstm_shape){7, 3, 5, 3}, 16, 0.0, 11);
    struct gradient_check check = {.context = net,
                                   .loss = lstm_loss_with_a_wrong_gradient,
                                   .step = 0.01,
                                   .absolute = 2e-4,
                                   .relative = 5e-3};
    check.parameters = all;
    wronged = check.parameters->items[2];
    assert_int_equal(gradient_mistakes(&check), 1);
    nba_parameters_destroy(all);
}

static void test_lstm_scores_are_those_the_loss_was_made_of(void **state)
{
    struct nba_lstm_net *net = NULL;
    float scores[7];
    (void)state;
    struct nba_parameters *all = nba_parameters_create();
    net = nba_lstm_net_create(all, (struct nba_lstm_shape){7, 3, 5, 3}, 16, 0.0, 5);
    const struct nba_sequence whole = {contents_c, 4, 3};
    const struct nba_sequence history = {contents_c, 3, 1};
    size_t targets = 0;
    const double loss = nba_lstm_net_learn(net, &whole, 1, NULL, &targets);
    assert_int_equal(targets, 1);
    nba_lstm_net_score(net, &history, 1, scores);
    double sum = 0.0;
    for (size_t i = 0; i < 7; i++) {
        sum += exp((double)scores[i]);
    }
    assert_true(fabs(loss - (log(sum) - (double)scores[contents_c[3]])) < 1e-5);
    nba_parameters_destroy(all);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lstm_gradients_are_the_finite_differences),
        cmocka_unit_test(test_one_wrong_number_in_a_gradient_is_found),
        cmocka_unit_test(test_lstm_scores_are_those_the_loss_was_made_of),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
