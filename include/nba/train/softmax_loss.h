/*
 * Cross-entropy of a softmax over all contents whose output weights are the input embedding (tied):
 *
 *   s_j = h . e_j + b_j        loss = mean over rows of  log sum_j exp(s_j) - s_target
 *   ds_j = softmax_j - [j = target], then dh = ds E, dE += ds^T h, db += sum ds
 *
 * O. Press, L. Wolf, "Using the output embedding to improve language models", EACL 2017.
 *
 * SHAPES.  M rows, E embedding, N contents: h (M, E), table (N, E), bias (N).  Rows are worked on
 * NBA_SOFTMAX_CHUNK at a time, so that their scores stay in the cache.
 */
#ifndef NBA_TRAIN_SOFTMAX_LOSS_H
#define NBA_TRAIN_SOFTMAX_LOSS_H

#include "nba/train/parameter.h"

#define NBA_SOFTMAX_CHUNK 128u

/* Returns the summed loss; gradients (of the mean over `count` rows) are added to the table and
 * bias and written to d_h.  `scratch` holds min(M, NBA_SOFTMAX_CHUNK) * N floats. */
double nba_softmax_loss(const float *h, const uint32_t *targets, size_t count,
                        struct nba_parameter *table, struct nba_parameter *bias, float *scratch,
                        float *d_h);

/* The loss alone, and the scores (M, N). */
void nba_softmax_loss_scores(const float *h, size_t count, const struct nba_parameter *table,
                             const struct nba_parameter *bias, float *ret_scores);

#endif
