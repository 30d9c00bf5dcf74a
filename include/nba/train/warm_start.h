/*
 * A warm start: the parameters of a release in the place of random ones.
 *
 * Rows of contents and specialties are matched by name; a content that the release doesn't know
 * keeps its random row, a specialty starts from everyone's prior.  Optimiser and averages start
 * anew.  What the release has learned from must not validate the training: train.c sees to that.
 */
#ifndef NBA_TRAIN_WARM_START_H
#define NBA_TRAIN_WARM_START_H

#include "nba/release/release.h"
#include "nba/train/dataset.h"
#include "nba/train/parameter.h"

/* `to` are those of the LSTM's or NCF's net over `dataset`.  A member that the release doesn't have
 * starts from its random parameters.  NBA_E_SHAPE when the layers' sizes differ. */
NBA_MUST_USE
enum nba_status nba_warm_start(const struct nba_release *release, enum nba_fusion_member member,
                               const struct nba_dataset *dataset, struct nba_parameters *to,
                               struct nba_error *error);

#endif
