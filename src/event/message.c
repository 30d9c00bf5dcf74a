/* Rounding that is the same on every machine. */
#include "nba/event/message.h"

#include "nba/base/compiler.h"

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

/* Is every number but NaN (which both ways leave alone) below FAST_MAX? */
static bool all_small(const double *x, size_t count)
{
    double largest[4] = {0};
    size_t i = 0;
    for (; i + NBA_ARRAY_COUNT(largest) <= count; i += NBA_ARRAY_COUNT(largest)) {
        for (size_t j = 0; j < NBA_ARRAY_COUNT(largest); j++) {
            const double size = __builtin_fabs(x[i + j]);
            largest[j] = size > largest[j] ? size : largest[j];
        }
    }
    for (; i < count; i++) {
        const double size = __builtin_fabs(x[i]);
        largest[0] = size > largest[0] ? size : largest[0];
    }
    return largest[0] < FAST_MAX && largest[1] < FAST_MAX && largest[2] < FAST_MAX &&
           largest[3] < FAST_MAX;
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
