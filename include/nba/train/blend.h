/*
 * Finds how the members are mixed (fusion weights) and what their mix means (calibration), on
 * validation alone.
 *
 * WEIGHTS.  Non-negative, 0 allowed, tried on a grid by their NDCG@10, one member after the other:
 * for the cheap fusion from the best of its members alone, so that it never ranks validation worse
 * than that one, and less those whose help isn't worth their work; for the full one from the cheap
 * weights, on the NCF set that those choose.
 *
 * CALIBRATION.  Logistic regression on the validation touches (nba/train/touch_samples.h):
 *   1. P = sigmoid(a cheap + b + b_channel + w . x)   gives a, b, b_channel, w
 *   2. a' and b' of the full fusion on the touches whose content is in the NCF set, the rest fixed
 * a, a' and the weights of rates are kept from going negative: a score must not mean its opposite
 * because few touches say so.  Without both engaged and refused touches there is nothing to fit:
 * a = a' = 1, so is the weight of channel_rate, the others are 0.
 *
 * THE LAST CHECK.  With a and a' both kinds of scores stand on one scale and the NCF set mixes with
 * the rest; if that ranks validation worse than the cheap fusion alone, NCF gets the weight 0.
 */
#ifndef NBA_TRAIN_BLEND_H
#define NBA_TRAIN_BLEND_H

#include "nba/train/members.h"
#include "nba/train/metrics.h"
#include "nba/train/touch_samples.h"

/* Touches looked at on validation, thinned evenly. */
#define NBA_BLEND_TOUCHES_MAX 20000u

/* Writes members->blend.  members->rankers and without_history are set. */
void nba_blend_fit(struct nba_members *members, const struct nba_split *split);

/* P of each sample as the engine would compute it, with its label. */
void nba_blend_probabilities(struct nba_members *members, const struct nba_touch_sample *samples,
                             size_t count, struct nba_labelled *ret_labelled);

#endif
