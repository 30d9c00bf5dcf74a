/* Choosing a form by what the CPU has, and packing weights into panels. */
#include "nba/linalg/kernels.h"

#include <string.h>

#include "kernels_internal.h"
#include "nba/base/assert.h"
#include "nba/base/vector.h"

const struct nba_kernels *nba_kernels_get(enum nba_kernels_form form)
{
    switch (form) {
    case NBA_KERNELS_PORTABLE:
        return &nba_kernels_portable;
#if NBA_KERNELS_X86
    case NBA_KERNELS_SCALAR:
        return __builtin_cpu_supports("fma") ? &nba_kernels_scalar : NULL;
    case NBA_KERNELS_AVX2:
        return nba_vector_best() >= NBA_VECTOR_AVX2 ? &nba_kernels_avx2 : NULL;
    case NBA_KERNELS_AVX512:
        return nba_vector_best() >= NBA_VECTOR_AVX512 ? &nba_kernels_avx512 : NULL;
#else
    case NBA_KERNELS_SCALAR:
    case NBA_KERNELS_AVX2:
    case NBA_KERNELS_AVX512:
#endif
    case NBA_KERNELS_COUNT:
        break;
    }
    return NULL;
}

const struct nba_kernels *nba_kernels_best(void)
{
    static const enum nba_kernels_form highest[NBA_VECTOR_COUNT] = {
        [NBA_VECTOR_PLAIN] = NBA_KERNELS_SCALAR,
        [NBA_VECTOR_AVX2] = NBA_KERNELS_AVX2,
        [NBA_VECTOR_AVX512] = NBA_KERNELS_AVX512,
    };
    const struct nba_kernels *kernels = nba_kernels_get(highest[nba_vector_level()]);
    return kernels != NULL ? kernels : &nba_kernels_portable; /* no FMA3 */
}

struct nba_layer nba_layer_slice(const struct nba_layer *layer, size_t first, size_t columns)
{
    NBA_ASSERT(first % NBA_PANEL == 0 && columns % NBA_PANEL == 0 && first < layer->columns);
    struct nba_layer slice = *layer;
    const size_t columns_left = layer->columns - first;
    const size_t outputs_left = layer->outputs > first ? layer->outputs - first : 0;
    slice.columns = columns_left < columns ? columns_left : columns;
    slice.outputs = outputs_left < columns ? outputs_left : columns;
    slice.weights += first * layer->inputs;
    slice.bias += first;
    return slice;
}

static size_t round_up(size_t count, size_t step)
{
    return (count + step - 1) / step * step;
}

size_t nba_layer_weight_floats(size_t inputs, size_t outputs)
{
    return round_up(outputs, NBA_PANEL) * inputs;
}

size_t nba_layer_bias_floats(size_t outputs)
{
    return round_up(outputs, NBA_LANES);
}

void nba_layer_pack(const struct nba_layer_source *source, float *memory,
                    struct nba_layer *ret_layer)
{
    const size_t inputs = source->inputs;
    const size_t weight_floats = nba_layer_weight_floats(inputs, source->outputs);
    const size_t columns = nba_layer_bias_floats(source->outputs);
    const size_t k_stride = source->transposed ? 1 : source->stride;
    const size_t n_stride = source->transposed ? source->stride : 1;
    float *bias = memory + weight_floats;
    NBA_ASSERT(inputs > 0 && source->outputs > 0);
    NBA_ASSERT(source->stride >= (source->transposed ? inputs : source->outputs));
    NBA_ASSERT((uintptr_t)memory % 64 == 0);

    memset(memory, 0, weight_floats * sizeof *memory);
    for (size_t n = 0; n < source->outputs; n++) {
        float *column = memory + n / NBA_PANEL * inputs * NBA_PANEL + n % NBA_PANEL;
        for (size_t k = 0; k < inputs; k++) {
            column[k * NBA_PANEL] = source->weights[k * k_stride + n * n_stride];
        }
    }
    for (size_t n = 0; n < columns; n++) {
        const float given = source->bias != NULL && n < source->outputs ? source->bias[n] : 0.0f;
        bias[n] = n < source->outputs ? given : source->bias_fill;
    }
    *ret_layer = (struct nba_layer){
        .inputs = inputs,
        .outputs = source->outputs,
        .columns = columns,
        .weights = memory,
        .bias = bias,
    };
}
