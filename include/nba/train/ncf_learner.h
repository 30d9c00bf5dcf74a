/*
 * NCF as a learner (nba/train/trainer.h).
 *
 * CHUNKS.  A chunk is up to NBA_NCF_CHUNK positions of one user that share their context's start:
 * of an ordered set the anchored window (nba/train/window.h), so that what is folded in is what
 * serving folds in; of an unordered one the whole training sequence, each target left out of its
 * own context.  Every epoch shuffles the chunks, fills batches with them and draws new negatives
 * among the contents the user's training positions don't hold.
 *
 * It ranks by what start(position) .. position - 1 of ordered sets fold to, and everything before
 * the position of others; by the learned vector where users have one.  `users` true learns such
 * vectors; it exists to be compared with and can't be released.
 */
#ifndef NBA_TRAIN_NCF_LEARNER_H
#define NBA_TRAIN_NCF_LEARNER_H

#include "nba/train/ncf_net.h"
#include "nba/train/trainer.h"

#define NBA_NCF_CHUNK     32u
#define NBA_NCF_BATCH_MAX 65536u

struct nba_ncf_options {
    uint32_t width;                     /* 64 */
    uint32_t layer_1, layer_2, layer_3; /* 128, 64, 32 */
    uint32_t negatives;                 /* a positive */
    bool users;
    struct nba_fit_options fit; /* batch: NBA_NCF_CHUNK..NBA_NCF_BATCH_MAX */
};
struct nba_ncf_options nba_ncf_options(void); /* defaults */
/* As released: not with a vector a user. */
struct nba_ncf_shape nba_ncf_learner_shape(const struct nba_dataset *dataset,
                                           const struct nba_ncf_options *options);

/* Borrows data set and split.  NBA_E_NOT_FOUND when nothing can be learned. */
NBA_MUST_USE
enum nba_status nba_ncf_learner(const struct nba_dataset *dataset, const struct nba_split *split,
                                const struct nba_ncf_options *options,
                                struct nba_learner *ret_learner, struct nba_error *error);
struct nba_ncf_weights nba_ncf_learner_weights(const struct nba_learner *learner);

#endif
