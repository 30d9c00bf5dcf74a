/* Rounding that is the same on every machine. */
#include "nba/event/message.h"

#include "nba/base/vector.h"

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

/* The same bits without a cast to an integer, which few vector instructions do. */
NBA_VECTOR_BODY round_small_body(double *x, size_t count)
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
NBA_VECTOR_FORMS(round_small, (double *x, size_t count), (x, count))

NBA_VECTOR_BODY count_large_body(const double *x, size_t count, uint64_t *ret_large)
{
    uint64_t large = 0;
    for (size_t i = 0; i < count; i++) {
        large += __builtin_fabs(x[i]) < FAST_MAX ? 0u : 1u;
    }
    *ret_large = large;
}
NBA_VECTOR_FORMS(count_large, (const double *x, size_t count, uint64_t *ret_large),
                 (x, count, ret_large))

void nba_round9_all(double *x, size_t count)
{
    uint64_t large = 0;
    count_large(x, count, &large);
    if (large == 0) {
        round_small(x, count);
        return;
    }
    for (size_t i = 0; i < count; i++) {
        x[i] = nba_round9(x[i]);
    }
}
