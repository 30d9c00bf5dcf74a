/*
 * The LSTM in training: embedding -> LSTM -> LSTM -> tied softmax, on OpenBLAS.
 *
 *   x_t = E[content_t]     h1 = LSTM1(drop x)     h2 = LSTM2(drop h1)     s = E (drop h2) + b
 *
 * It is what nba/model/lstm.h serves: nba_lstm_net_weights hands the weights over in that layout.
 *
 * WINDOWS.  A training sequence is a run of contents with `loss_from`, the index of the first
 * content that is a target; those before only warm the state up.  nba/train/window.h cuts them by
 * the same start(n) that serving uses.
 *
 * OWNERSHIP.  Net, parameters and buffers lie in the pool it is made in; buffers are sized for
 * `rows_max` packed rows, and a batch that holds more asserts.
 * THREADS.  One.
 */
#ifndef NBA_TRAIN_LSTM_NET_H
#define NBA_TRAIN_LSTM_NET_H

#include "nba/model/lstm.h"
#include "nba/train/lstm_layer.h"
#include "nba/train/parameter.h"

/* Sequences in one batch. */
#define NBA_LSTM_NET_BATCH_MAX 4096u

struct nba_lstm_net;

struct nba_sequence {
    const uint32_t *contents;
    uint32_t count;     /* at least 1; at least 2 to learn from */
    uint32_t loss_from; /* at least 1 */
};

/* Its parameters join `all` in a fixed order; it lies in the pool there.  `dropout` is on the
 * embedding and on the output of both layers. */
struct nba_lstm_net *nba_lstm_net_create(struct nba_parameters *all, struct nba_lstm_shape shape,
                                         size_t rows_max, double dropout, uint64_t seed);

/* Forward and backward over a batch: gradients of the mean loss a target are added.  Returns the
 * summed loss; *ret_targets says over how many.  rng draws the dropout; NULL: none (for checks). */
double nba_lstm_net_learn(struct nba_lstm_net *net, const struct nba_sequence *sequences,
                          size_t count, struct nba_rng *rng, size_t *ret_targets);

/* Scores of all contents after the last content of each sequence (loss_from is not looked at):
 * row i of ret_scores (count, N).  A sequence may be empty: the state is zero then. */
void nba_lstm_net_score(struct nba_lstm_net *net, const struct nba_sequence *sequences,
                        size_t count, float *ret_scores);

/* Points into the net, in the layout of nba/model/lstm.h; w1 and w2 are gathered into buffers of
 * the net, so the pointers hold until the next call. */
struct nba_lstm_weights nba_lstm_net_weights(struct nba_lstm_net *net);

#endif
