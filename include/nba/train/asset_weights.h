/*
 * Asset weights: how much more or less the contents of a type shall be recommended.
 *
 *   "video=1.2, Gated Webinar Forms=0.8"    type = weight, by commas; other types: 1
 *
 * The counting models multiply what a content gets by its weight (nba/train/item_item.h).
 */
#ifndef NBA_TRAIN_ASSET_WEIGHTS_H
#define NBA_TRAIN_ASSET_WEIGHTS_H

#include "nba/train/dataset.h"

#define NBA_ASSET_WEIGHT_MAX 100.0

/* *ret_weights (content_count) in `pool`; NULL of an empty text.  NBA_E_USAGE: not of this form, a
 * weight that isn't above 0 and at most NBA_ASSET_WEIGHT_MAX, or a type that no content has. */
NBA_MUST_USE
enum nba_status nba_asset_weights(const struct nba_dataset *dataset, const char *text,
                                  struct nba_arena *pool, const float **ret_weights,
                                  struct nba_error *error);

#endif
