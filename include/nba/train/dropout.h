/*
 * Inverted dropout (N. Srivastava et al., JMLR 15, 2014): in training a unit is zero with
 * probability p and otherwise divided by 1 - p; when serving nothing happens.
 *
 * One byte of chance a unit, so p is rounded to a multiple of 1/256 and the divisor with it.
 */
#ifndef NBA_TRAIN_DROPOUT_H
#define NBA_TRAIN_DROPOUT_H

#include <stddef.h>
#include <stdint.h>

#include "nba/base/random.h"

/* Draws the mask (count bytes, room for a multiple of 8) and applies it to x. */
void nba_dropout_forward(double p, struct nba_rng *rng, float *x, uint8_t *mask, size_t count);
/* The same mask on the gradient. */
void nba_dropout_backward(double p, const uint8_t *mask, float *dx, size_t count);

#endif
