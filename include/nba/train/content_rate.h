/*
 * How often each content is engaged with when it is brought to somebody, in each segment, as a
 * feature of the calibrator: definition in nba/score/fusion.h.  Row 0 is everyone.
 */
#ifndef NBA_TRAIN_CONTENT_RATE_H
#define NBA_TRAIN_CONTENT_RATE_H

#include "nba/train/split.h"

/* Touches of the training part: those before `until_ms` of a split by time, else those before the
 * user's first position that doesn't train.  ret_rates (1 + specialties, N). */
void nba_content_rates(const struct nba_dataset *dataset, const struct nba_split *split,
                       int64_t until_ms, float *ret_rates);

#endif
