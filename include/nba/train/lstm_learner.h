/*
 * The LSTM as a learner (nba/train/trainer.h).
 *
 * BATCHES.  The runs of nba/train/window.h over every user's training positions, sorted by length
 * (shuffled inside equal lengths) and cut into `batch` at a time; the batches come in a new random
 * order every epoch.  Small batches matter on small sets: a GRU on ml-100k gives NDCG@10 0.044 with
 * 128 sequences a batch and 0.110 with 16.
 *
 * It ranks by the window start(position) .. position - 1, as serving does.
 */
#ifndef NBA_TRAIN_LSTM_LEARNER_H
#define NBA_TRAIN_LSTM_LEARNER_H

#include "nba/train/lstm_net.h"
#include "nba/train/trainer.h"

struct nba_lstm_options {
    uint32_t width;  /* 64: embedding and second layer */
    uint32_t hidden; /* 128: first layer */
    bool bf16; /* trained matrices are rounded to bfloat16, by which they are judged and serve */
    struct nba_fit_options fit;
};
struct nba_lstm_options nba_lstm_options(void); /* defaults */
struct nba_lstm_shape nba_lstm_learner_shape(const struct nba_dataset *dataset,
                                             const struct nba_lstm_options *options);

/* Borrows data set and split.  NBA_E_NOT_FOUND when nothing can be learned. */
NBA_MUST_USE
enum nba_status nba_lstm_learner(const struct nba_dataset *dataset, const struct nba_split *split,
                                 const struct nba_lstm_options *options,
                                 struct nba_learner *ret_learner, struct nba_error *error);
/* Rounds what was trained to bfloat16, where its options ask for that. */
bool nba_lstm_learner_rounds(const struct nba_learner *learner);
void nba_lstm_learner_round(const struct nba_learner *learner);
struct nba_lstm_weights nba_lstm_learner_weights(const struct nba_learner *learner);

#endif
