#include "nba/train/parameter.h"

#include <stdlib.h>
#include <string.h>

#include "nba/base/assert.h"
#include "nba/base/memory.h"
#include "vector_internal.h"

struct nba_parameters *nba_parameters_create(void)
{
    return nba_zeros(1, sizeof(struct nba_parameters));
}

void nba_parameters_destroy(struct nba_parameters *all)
{
    if (all != NULL) {
        nba_arena_clear(&all->pool);
        free(all);
    }
}

void nba_parameter_init(struct nba_parameter *parameter, struct nba_parameters *all,
                        const char *name, size_t rows, size_t columns, bool sparse)
{
    struct nba_arena *pool = &all->pool;
    NBA_ASSERT(rows > 0 && columns > 0 && all->count < NBA_PARAMETERS_MAX);
    all->items[all->count++] = parameter;
    *parameter = (struct nba_parameter){
        .name = name,
        .rows = rows,
        .columns = columns,
        .value = nba_pool_floats(pool, rows * columns),
        .grad = nba_pool_floats(pool, rows * columns),
        .first = nba_pool_floats(pool, rows * columns),
        .second = nba_pool_floats(pool, rows * columns),
        .best = nba_pool_floats(pool, rows * columns),
        .sparse = sparse,
        .touched = nba_pool_take(pool, sparse ? rows : 0, sizeof(*parameter->touched)),
        .is_touched = nba_pool_take(pool, sparse ? rows : 0, 1),
    };
}

size_t nba_parameter_count(const struct nba_parameter *parameter)
{
    return parameter->rows * parameter->columns;
}

void nba_parameter_fill_normal(struct nba_parameter *parameter, struct nba_rng *rng,
                               double deviation)
{
    for (size_t i = 0; i < nba_parameter_count(parameter); i++) {
        parameter->value[i] = (float)(deviation * nba_rng_normal(rng));
    }
}

void nba_parameter_fill_uniform(struct nba_parameter *parameter, struct nba_rng *rng, double limit)
{
    for (size_t i = 0; i < nba_parameter_count(parameter); i++) {
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

void nba_parameter_gather(const struct nba_parameter *parameter, const uint32_t *items,
                          size_t count, float *x)
{
    const size_t columns = parameter->columns;
    for (size_t i = 0; i < count; i++) {
        memcpy(x + i * columns, parameter->value + items[i] * columns, columns * sizeof(float));
    }
}

void nba_parameter_scatter(struct nba_parameter *parameter, const uint32_t *items, size_t count,
                           const float *d_x)
{
    for (size_t i = 0; i < count; i++) {
        vector_add(nba_parameter_touch(parameter, items[i]), d_x + i * parameter->columns, 1.0f,
                   parameter->columns);
    }
}
