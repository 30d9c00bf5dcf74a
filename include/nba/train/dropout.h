/*
 * Inverted dropout (N. Srivastava et al., JMLR 15, 2014): in training a unit is zero with
 * probability p and otherwise divided by 1 - p; when serving nothing happens.
 *
 * One byte of chance a unit, so p is rounded to a multiple of 1/256 and the divisor with it.
 */
#ifndef NBA_TRAIN_DROPOUT_H
#define NBA_TRAIN_DROPOUT_H

#include <stdint.h>

#include "nba/base/random.h"
#include "nba/train/pool.h"

struct nba_dropout {
    unsigned dropped; /* of 256 */
    bool on;          /* the last forward pass dropped */
    uint8_t *mask;    /* (count_max) */
};

void nba_dropout_init(struct nba_dropout *dropout, struct nba_arena *pool, double p,
                      size_t count_max);
/* Draws the mask and applies it to x; without rng nothing is dropped. */
void nba_dropout_forward(struct nba_dropout *dropout, struct nba_rng *rng, float *x, size_t count);
/* The same mask on the gradient. */
void nba_dropout_backward(const struct nba_dropout *dropout, float *dx, size_t count);

#endif
