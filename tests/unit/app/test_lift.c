/* Lift with its interval, against values worked out by hand. */
#include "nba_test.h"

#include <math.h>

#include "nba/app/lift.h"

static void near(double got, double want)
{
    if (!(fabs(got - want) < 1e-12)) {
        fail_msg("%.17g, expected %.17g", got, want);
    }
}

/* t = 120/1000 = .12, c = 20/200 = .1: lift .2; SE_t^2 = .12 * .88 / 1000 = .0001056,
 * SE_c^2 = .1 * .9 / 200 = .00045; SE = sqrt(.0001056 + 1.44 * .00045) / .1
 * = sqrt(.0007536) / .1 = .27451775...; half = 1.96 * that = .538054807617... */
static void test_lift_and_interval_are_those_of_the_formulas(void **state)
{
    (void)state;
    const struct nba_lift lift =
        nba_lift((struct nba_sample){1000, 120}, (struct nba_sample){200, 20});
    near(lift.treated, 0.12);
    near(lift.control, 0.1);
    near(lift.lift, 0.2);
    near(lift.low, 0.2 - 0.538054807617216);
    near(lift.high, 0.2 + 0.538054807617216);
}

/* t = 1/4, c = 1/2: lift -1/2; SE_t^2 = 3/64, SE_c^2 = 1/16 (n = 4 each); (t/c)^2 = 1/4;
 * SE = 2 sqrt(3/64 + 1/64) = 1/2; half = .98. */
static void test_a_harm_is_negative(void **state)
{
    (void)state;
    const struct nba_lift lift = nba_lift((struct nba_sample){4, 1}, (struct nba_sample){4, 2});
    near(lift.lift, -0.5);
    near(lift.low, -1.48);
    near(lift.high, 0.48);
}

static void test_nobody_and_nothing_have_no_lift(void **state)
{
    (void)state;
    assert_true(isnan(nba_lift((struct nba_sample){0, 0}, (struct nba_sample){9, 3}).lift));
    assert_true(isnan(nba_lift((struct nba_sample){9, 3}, (struct nba_sample){0, 0}).lift));
    const struct nba_lift lift = nba_lift((struct nba_sample){9, 3}, (struct nba_sample){9, 0});
    assert_true(isnan(lift.lift) && isnan(lift.low) && isnan(lift.high));
    near(lift.control, 0);
    near(lift.treated, 1.0 / 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lift_and_interval_are_those_of_the_formulas),
        cmocka_unit_test(test_a_harm_is_negative),
        cmocka_unit_test(test_nobody_and_nothing_have_no_lift),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
