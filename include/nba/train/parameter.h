/*
 * A learned matrix: its values, its gradient and Adam's two moments, row-major.
 *
 * DENSE and SPARSE.  In most batches every number of a dense parameter has a gradient.  A sparse
 * one (an embedding table of which a batch reads a few rows) keeps the list of rows whose gradient
 * is not zero; only those are summed, stepped and cleared, so a step costs what the batch touched
 * and not the size of the table ("lazy" Adam: the moments of a row that is not touched stand
 * still).
 *
 * OWNERSHIP.  All lies in the pool of its model.  Gradients are added to by the backward passes
 * and zeroed by nba_adam_step.
 * THREADS.  One.
 */
#ifndef NBA_TRAIN_PARAMETER_H
#define NBA_TRAIN_PARAMETER_H

#include <stdint.h>

#include "nba/base/random.h"
#include "nba/train/pool.h"

struct nba_parameter {
    const char *name; /* static text, for messages */
    size_t rows, columns;
    float *value;   /* (rows, columns) */
    float *grad;    /* (rows, columns) */
    float *first;   /* Adam's running mean of the gradient */
    float *second;  /* and of its square */
    float *best;    /* the trainer's: values of the best epoch */
    float *average; /* the trainer's: running average of the values, or NULL */
    bool sparse;
    uint32_t *touched; /* sparse: rows with a gradient, in the order of their first touch */
    size_t touched_count;
    uint8_t *is_touched; /* (rows) */
};

#define NBA_PARAMETERS_MAX 16u

/* Those of one model, in the order they were made in, and the memory of all that belongs to it,
 * the model itself too.  All zero: none yet. */
struct nba_parameters {
    struct nba_arena pool;
    struct nba_parameter *items[NBA_PARAMETERS_MAX];
    size_t count;
};

struct nba_parameters *nba_parameters_create(void);
void nba_parameters_destroy(struct nba_parameters *all);

/* Zero values; joins `all`. */
void nba_parameter_init(struct nba_parameter *parameter, struct nba_parameters *all,
                        const char *name, size_t rows, size_t columns, bool sparse);

size_t nba_parameter_count(const struct nba_parameter *parameter); /* rows * columns */

void nba_parameter_fill_normal(struct nba_parameter *parameter, struct nba_rng *rng,
                               double deviation);
void nba_parameter_fill_uniform(struct nba_parameter *parameter, struct nba_rng *rng, double limit);

/* The gradient of `row` to add to; a sparse parameter remembers the row. */
float *nba_parameter_touch(struct nba_parameter *parameter, size_t row);

/* As an embedding table: rows `items` to x (count, columns), and the gradient of x back to them. */
void nba_parameter_gather(const struct nba_parameter *parameter, const uint32_t *items,
                          size_t count, float *x);
void nba_parameter_scatter(struct nba_parameter *parameter, const uint32_t *items, size_t count,
                           const float *d_x);

#endif
