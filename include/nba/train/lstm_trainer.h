/*
 * Trains an LSTM on a data set's training positions and ranks with it.
 *
 * BATCHES.  The runs of nba/train/window.h over every user's training positions, sorted by length
 * (shuffled inside equal lengths) and cut into `batch` at a time; the batches come in a new random
 * order every epoch.  Small batches matter on small sets: a GRU on ml-100k gives NDCG@10 0.044 with
 * 128 sequences a batch and 0.110 with 16.
 *
 * AVERAGING.  What is judged, kept and released is not the last step's weights but their
 * exponential average over about `average_epochs` epochs of steps (B. Polyak, A. Juditsky, SIAM J.
 * Control and Optimization 30(4), 1992): with small batches the steps' noise would decide which
 * epoch is best.
 *
 * The same data set, options and seed on the same machine give the same weights.
 * OWNERSHIP.  The trainer borrows data set and split.  THREADS.  One.
 */
#ifndef NBA_TRAIN_LSTM_TRAINER_H
#define NBA_TRAIN_LSTM_TRAINER_H

#include "nba/train/learner.h"
#include "nba/train/lstm_net.h"
#include "nba/train/ranking.h"

struct nba_lstm_options {
    uint32_t width;         /* 64: embedding and second layer */
    uint32_t hidden;        /* 128: first layer */
    uint32_t window_events; /* W */
    uint32_t batch;         /* sequences */
    double rate, dropout, decay, clip;
    double average_epochs; /* how far back the judged weights average; 0: not at all */
    struct nba_learner_options loop;
    uint64_t seed;
};
struct nba_lstm_options nba_lstm_options(void); /* defaults */

struct nba_lstm_trainer;

NBA_MUST_USE
enum nba_status nba_lstm_trainer_create(const struct nba_dataset *dataset,
                                        const struct nba_split *split,
                                        const struct nba_lstm_options *options,
                                        const struct nba_progress *progress,
                                        struct nba_lstm_trainer **ret_trainer,
                                        struct nba_error *error);
void nba_lstm_trainer_destroy(struct nba_lstm_trainer *trainer);

NBA_MUST_USE
enum nba_status nba_lstm_trainer_run(struct nba_lstm_trainer *trainer,
                                     struct nba_learned *ret_learned, struct nba_error *error);

/* Ranks by the window start(position) .. position - 1, as serving does. */
struct nba_ranker nba_lstm_trainer_ranker(struct nba_lstm_trainer *trainer);
struct nba_lstm_weights nba_lstm_trainer_weights(struct nba_lstm_trainer *trainer);

#endif
