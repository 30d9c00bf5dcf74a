/* Rounding that is the same on every machine. */
#include "nba/event/message.h"

double nba_round9(double x)
{
    if (!(x > -1e9 && x < 1e9)) {
        return x;
    }
    const double scaled = x * 1e9;
    const int64_t whole = (int64_t)(scaled < 0 ? scaled - 0.5 : scaled + 0.5);
    return (double)whole / 1e9;
}

/* Below this a double's spacing leaves the way through 2^52 exact, with a half added too. */
#define FAST_MAX 1e6
#define TWO_52   0x1p52

/* The same bits without a cast to an integer, which no vector instruction of x86-64's base does. */
static void round_small(double *x, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const double scaled = x[i] * 1e9;
        const double up = __builtin_fabs(scaled) + 0.5;
        const double near = (up + TWO_52) - TWO_52;
        const double below = near - 1; /* in both cases: a choice of two values is no branch */
        const double whole = near > up ? below : near;
        x[i] = __builtin_copysign(whole, scaled) / 1e9 + 0.0; /* -0 becomes 0 */
    }
}

static double larger(double a, double b)
{
    return a > b ? a : b;
}

/* Is every number but NaN (which both ways leave alone) below FAST_MAX?  Four chains of maxima. */
static bool all_small(const double *x, size_t count)
{
    double a = 0;
    double b = 0;
    double c = 0;
    double d = 0;
    size_t i = 0;
    for (; i + 4 <= count; i += 4) {
        a = larger(__builtin_fabs(x[i]), a);
        b = larger(__builtin_fabs(x[i + 1]), b);
        c = larger(__builtin_fabs(x[i + 2]), c);
        d = larger(__builtin_fabs(x[i + 3]), d);
    }
    for (; i < count; i++) {
        a = larger(__builtin_fabs(x[i]), a);
    }
    return larger(larger(a, b), larger(c, d)) < FAST_MAX;
}

void nba_round9_all(double *x, size_t count)
{
    if (all_small(x, count)) {
        round_small(x, count);
        return;
    }
    for (size_t i = 0; i < count; i++) {
        x[i] = nba_round9(x[i]);
    }
}
