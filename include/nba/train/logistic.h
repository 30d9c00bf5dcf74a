/*
 * Logistic regression by Newton's method with ridge, steps halved until they help: a few weights,
 * many samples.
 *
 *   P(y = 1 | x) = sigmoid(w . x + offset)
 *   minimises  sum -log P + 1/2 sum ridge_j (w_j - start_j)^2
 *
 * A feature of ridge NBA_LOGISTIC_FIXED keeps its start value.
 */
#ifndef NBA_TRAIN_LOGISTIC_H
#define NBA_TRAIN_LOGISTIC_H

#include <stdbool.h>
#include <stddef.h>

#define NBA_LOGISTIC_FEATURES_MAX 16u
#define NBA_LOGISTIC_FIXED        (-1.0)

struct nba_logistic_sample {
    double x[NBA_LOGISTIC_FEATURES_MAX];
    double offset;
    bool y;
};

/* `weights` (features) holds the start and becomes the result. */
void nba_logistic_fit(const struct nba_logistic_sample *samples, size_t count, size_t features,
                      const double *ridge, double *weights);

#endif
