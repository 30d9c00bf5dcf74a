/* Adam's first step in closed form, sparse rows, clipping, and numbers that aren't. */
#include "nba_test.h"

#include <math.h>

#include "nba/train/adam.h"

static void test_the_first_step_is_the_rate_against_the_gradients_sign(void **state)
{
    struct nba_parameters all = {0};
    struct nba_parameter p;
    struct nba_adam adam = nba_adam(0.1);
    (void)state;
    nba_parameter_init(&p, &all, "p", 2, 3, false);
    p.grad[0] = 5.0f;
    p.grad[4] = -0.01f;
    const double norm = nba_adam_step(&adam, &all);
    assert_true(fabs(norm - sqrt(25.0001)) < 1e-6);
    assert_true(fabs((double)p.value[0] + 0.1) < 1e-6);
    assert_true(fabs((double)p.value[4] - 0.1) < 1e-6);
    assert_true(p.value[1] == 0.0f);
    assert_true(p.grad[0] == 0.0f && p.grad[4] == 0.0f);
    nba_arena_clear(&all.pool);
}

static void test_a_sparse_row_steps_only_when_touched(void **state)
{
    struct nba_parameters all = {0};
    struct nba_parameter p;
    struct nba_adam adam = nba_adam(0.1);
    (void)state;
    nba_parameter_init(&p, &all, "p", 4, 2, true);
    nba_parameter_touch(&p, 2)[1] += 1.0f;
    nba_parameter_touch(&p, 2)[1] += 1.0f;
    assert_int_equal(p.touched_count, 1);
    (void)nba_adam_step(&adam, &all);
    const float stepped = p.value[5];
    assert_true(stepped < 0.0f);
    assert_int_equal(p.touched_count, 0);
    nba_parameter_touch(&p, 0)[0] += 1.0f;
    (void)nba_adam_step(&adam, &all);
    assert_true(p.value[5] == stepped);
    assert_true(p.value[0] < 0.0f);
    nba_arena_clear(&all.pool);
}

static void test_clipping_bounds_the_norm_over_all_parameters(void **state)
{
    struct nba_parameters all = {0};
    struct nba_parameter p;
    struct nba_parameter q;
    struct nba_adam adam = nba_adam(0.1);
    (void)state;
    adam.clip = 1.0;
    nba_parameter_init(&p, &all, "p", 1, 1, false);
    nba_parameter_init(&q, &all, "q", 1, 1, false);
    p.grad[0] = 3.0f;
    q.grad[0] = 4.0f;
    assert_true(fabs(nba_adam_step(&adam, &all) - 5.0) < 1e-6);
    assert_true(fabs((double)p.first[0] - 0.1 * 0.6) < 1e-6);
    assert_true(fabs((double)q.first[0] - 0.1 * 0.8) < 1e-6);
    nba_arena_clear(&all.pool);
}

static void test_a_gradient_that_is_no_number_changes_nothing(void **state)
{
    struct nba_parameters all = {0};
    struct nba_parameter p;
    struct nba_adam adam = nba_adam(0.1);
    (void)state;
    nba_parameter_init(&p, &all, "p", 1, 2, false);
    p.value[0] = 1.0f;
    p.grad[0] = 1.0f;
    p.grad[1] = NAN;
    assert_true(isnan(nba_adam_step(&adam, &all)));
    assert_true(p.value[0] == 1.0f && p.value[1] == 0.0f);
    assert_true(p.grad[0] == 0.0f && p.grad[1] == 0.0f);
    assert_int_equal(adam.step, 0);
    nba_arena_clear(&all.pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_first_step_is_the_rate_against_the_gradients_sign),
        cmocka_unit_test(test_a_sparse_row_steps_only_when_touched),
        cmocka_unit_test(test_clipping_bounds_the_norm_over_all_parameters),
        cmocka_unit_test(test_a_gradient_that_is_no_number_changes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
