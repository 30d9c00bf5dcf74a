/*
 * Did it help: treated against control, as shares of people with an interval.
 *
 *   p = successes / n          SE(p) = sqrt(p (1 - p) / n)
 *   lift = (t - c) / c         SE(lift) = sqrt(SE_t^2 + (t / c)^2 SE_c^2) / c
 *   interval = lift -/+ 1.96 SE(lift)
 *
 * (Pega's Impact Analyzer, pdstools.impactanalyzer.statistics; the SE is the delta method's.)
 */
#ifndef NBA_APP_LIFT_H
#define NBA_APP_LIFT_H

#include <stdint.h>

struct nba_sample {
    uint64_t people, successes;
};

struct nba_lift {
    double treated, control; /* shares; NaN of nobody */
    double lift, low, high;  /* NaN when either is nobody's or the control's is 0 */
};

struct nba_lift nba_lift(struct nba_sample treated, struct nba_sample control);

#endif
