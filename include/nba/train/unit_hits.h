/*
 * Unit hit rate: does a model keep to the units (business units, brands) that a user cares for?
 * Not a hit rate of held-out contents (HR@K): nothing is kept back, and nothing is foretold.
 *
 *   a user's share   of the 10 best contents that have a unit and that the user hasn't touched,
 *                    those whose unit is among the units of the contents the user touched
 *   unit_hits        its mean over users who touched a content with a unit; for one unit, over
 *                    those who touched one of that unit
 *   type_share       of those 10, the share of one asset type, its mean over the same users: what
 *                    an asset weight changes (nba/train/asset_weights.h)
 *   cosine           both / sqrt(users of i x users of j), the mean over pairs of contents:
 *                    "within" one unit, and "between" two
 *
 * The protocol of the first two is "units"; a model "random" stands beside the others.
 */
#ifndef NBA_TRAIN_UNIT_HITS_H
#define NBA_TRAIN_UNIT_HITS_H

#include "nba/train/report.h"

/* More have no table a reader could look at; such data sets get no figures. */
#define NBA_UNITS_MAX 32u

/* Adds the figures of each ranker.  Without units, and with more than NBA_UNITS_MAX: nothing. */
void nba_unit_hits_report(struct nba_report *report, const struct nba_dataset *dataset,
                          const struct nba_ranker *rankers, size_t count);

#endif
