/* One zeroed block a parameter: values, gradient, two moments and the kept best, each on a cache
 * line of its own. */
#include "nba/train/parameter.h"

#include <stdlib.h>
#include <string.h>

#include "nba/base/assert.h"

#define FLOATS_A_LINE 16u
#define NUMBERS_MAX   ((size_t)1 << 31)

enum nba_status nba_parameter_init(struct nba_parameter *parameter, const char *name, size_t rows,
                                   size_t columns, bool sparse)
{
    memset(parameter, 0, sizeof(*parameter));
    NBA_ASSERT(rows > 0 && columns > 0);
    if (rows > NUMBERS_MAX / columns) {
        return NBA_E_LIMIT;
    }
    const size_t count = rows * columns;
    const size_t stride = (count + FLOATS_A_LINE - 1) / FLOATS_A_LINE * FLOATS_A_LINE;
    const size_t bytes = 5 * stride * sizeof(float);
    float *block = aligned_alloc(64, bytes);
    parameter->value = block;
    parameter->name = name;
    parameter->rows = rows;
    parameter->columns = columns;
    parameter->sparse = sparse;
    if (sparse) {
        parameter->touched = calloc(rows, sizeof(*parameter->touched));
        parameter->is_touched = calloc(rows, 1);
    }
    if (block == NULL ||
        (sparse && (parameter->touched == NULL || parameter->is_touched == NULL))) {
        nba_parameter_clear(parameter);
        return NBA_E_NO_MEMORY;
    }
    memset(block, 0, bytes);
    parameter->grad = block + stride;
    parameter->first = block + 2 * stride;
    parameter->second = block + 3 * stride;
    parameter->best = block + 4 * stride;
    return NBA_OK;
}

void nba_parameter_clear(struct nba_parameter *parameter)
{
    free(parameter->value);
    free(parameter->touched);
    free(parameter->is_touched);
    memset(parameter, 0, sizeof(*parameter));
}

size_t nba_parameter_count(const struct nba_parameter *parameter)
{
    return parameter->rows * parameter->columns;
}

void nba_parameter_fill_normal(struct nba_parameter *parameter, struct nba_rng *rng,
                               double deviation)
{
    const size_t count = nba_parameter_count(parameter);
    for (size_t i = 0; i < count; i++) {
        parameter->value[i] = (float)(deviation * nba_rng_normal(rng));
    }
}

void nba_parameter_fill_uniform(struct nba_parameter *parameter, struct nba_rng *rng, double limit)
{
    const size_t count = nba_parameter_count(parameter);
    for (size_t i = 0; i < count; i++) {
        parameter->value[i] = (float)(limit * (2.0 * nba_rng_double(rng) - 1.0));
    }
}

float *nba_parameter_touch(struct nba_parameter *parameter, size_t row)
{
    NBA_ASSERT(row < parameter->rows);
    if (parameter->sparse && parameter->is_touched[row] == 0) {
        parameter->is_touched[row] = 1;
        parameter->touched[parameter->touched_count++] = (uint32_t)row;
    }
    return parameter->grad + row * parameter->columns;
}

void nba_parameter_keep(struct nba_parameter *parameter)
{
    memcpy(parameter->best, parameter->value, nba_parameter_count(parameter) * sizeof(float));
}

void nba_parameter_recall(struct nba_parameter *parameter)
{
    memcpy(parameter->value, parameter->best, nba_parameter_count(parameter) * sizeof(float));
}
