/*
 * Trains NCF on a data set's training positions and ranks with it.
 *
 * CHUNKS.  A chunk is up to NBA_NCF_CHUNK positions of one user that share their context's start:
 * of an ordered set the anchored window (nba/train/window.h), so that what is folded in is what
 * serving folds in; of an unordered one the whole training sequence, each target left out of its
 * own context.  Every epoch shuffles the chunks, fills batches with them and draws new negatives
 * among the contents the user's training positions don't hold.
 *
 * `users` true learns a vector a user instead; it exists to be compared with and can't be released.
 */
#ifndef NBA_TRAIN_NCF_TRAINER_H
#define NBA_TRAIN_NCF_TRAINER_H

#include "nba/train/learner.h"
#include "nba/train/ncf_net.h"
#include "nba/train/ranking.h"

#define NBA_NCF_CHUNK     32u
#define NBA_NCF_BATCH_MAX 65536u

struct nba_ncf_options {
    uint32_t width;                     /* 64 */
    uint32_t layer_1, layer_2, layer_3; /* 128, 64, 32 */
    uint32_t window_events;             /* W */
    uint32_t batch;                     /* positives, NBA_NCF_CHUNK..NBA_NCF_BATCH_MAX */
    uint32_t negatives;                 /* a positive */
    double rate, dropout, decay;
    bool users;
    struct nba_learner_options loop;
    uint64_t seed;
};
struct nba_ncf_options nba_ncf_options(void); /* defaults */

struct nba_ncf_trainer;

NBA_MUST_USE
enum nba_status nba_ncf_trainer_create(const struct nba_dataset *dataset,
                                       const struct nba_split *split,
                                       const struct nba_ncf_options *options,
                                       const struct nba_progress *progress,
                                       struct nba_ncf_trainer **ret_trainer,
                                       struct nba_error *error);
void nba_ncf_trainer_destroy(struct nba_ncf_trainer *trainer);

NBA_MUST_USE
enum nba_status nba_ncf_trainer_run(struct nba_ncf_trainer *trainer,
                                    struct nba_learned *ret_learned, struct nba_error *error);

/* Folds in start(position) .. position - 1 of ordered sets, everything before the position of
 * others; uses the learned vector where users have one. */
struct nba_ranker nba_ncf_trainer_ranker(struct nba_ncf_trainer *trainer);
/* The anchored window for unordered sets too, as it would be served. */
struct nba_ranker nba_ncf_trainer_served_ranker(struct nba_ncf_trainer *trainer);
struct nba_ncf_weights nba_ncf_trainer_weights(const struct nba_ncf_trainer *trainer);

#endif
