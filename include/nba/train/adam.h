/*
 * Adam with bias correction (D. Kingma, J. Ba, "Adam: a method for stochastic optimization", ICLR
 * 2015) after clipping the gradient's norm.
 *
 *   g     gradient over all parameters, scaled by min(1, clip / |g|)
 *   m   = beta1 m + (1 - beta1) g            v = beta2 v + (1 - beta2) g g
 *   w  -= rate ( m / (1 - beta1^t) / (sqrt(v / (1 - beta2^t)) + epsilon) + decay w )
 *
 * `decay` is the decoupled weight decay of I. Loshchilov, F. Hutter, ICLR 2019 (0 = plain Adam).
 * Rows of a sparse parameter that the batch did not touch stay as they are (see parameter.h).
 */
#ifndef NBA_TRAIN_ADAM_H
#define NBA_TRAIN_ADAM_H

#include "nba/train/parameter.h"

struct nba_adam {
    double rate, beta1, beta2, epsilon;
    double decay;
    double clip;   /* largest norm; 0 = no clipping */
    uint64_t step; /* t, steps made */
};

/* beta1 0.9, beta2 0.999, epsilon 1e-8, no decay, no clipping. */
struct nba_adam nba_adam(double rate);

/* One step on all parameters; their gradients are zero afterwards.  Returns the gradient's norm
 * before clipping.  A norm that is NaN or infinite changes no value (the gradients are zeroed). */
double nba_adam_step(struct nba_adam *adam, struct nba_parameters *parameters);

#endif
