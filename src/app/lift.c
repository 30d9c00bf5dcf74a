/* sqrt is exact to the last bit on every machine, so a report is too. */
#include "nba/app/lift.h"

#include <math.h>

#define Z 1.96

static double share(struct nba_sample sample)
{
    return sample.people != 0 ? (double)sample.successes / (double)sample.people : (double)NAN;
}

static double variance(struct nba_sample sample)
{
    const double p = share(sample);
    return p * (1 - p) / (double)sample.people;
}

struct nba_lift nba_lift(struct nba_sample treated, struct nba_sample control)
{
    const double t = share(treated);
    const double c = share(control);
    struct nba_lift lift = {t, c, (double)NAN, (double)NAN, (double)NAN};
    if (treated.people != 0 && c > 0) {
        const double ratio = t / c;
        const double half = Z * sqrt(variance(treated) + ratio * ratio * variance(control)) / c;
        lift.lift = (t - c) / c;
        lift.low = lift.lift - half;
        lift.high = lift.lift + half;
    }
    return lift;
}
