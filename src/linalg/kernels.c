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
    if (layer->pairs != NULL) {
        slice.pairs += first * layer->inputs / 2;
    } else {
        slice.weights += first * layer->inputs;
    }
    slice.bias += first;
    return slice;
}

static size_t round_up(size_t count, size_t step)
{
    return (count + step - 1) / step * step;
}

float nba_bf16(float x)
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    bits += 0x7fff + ((bits >> 16) & 1);
    bits &= 0xffff0000;
    memcpy(&x, &bits, sizeof x);
    return x;
}

/* Room of the weights alone, in floats. */
static size_t weight_floats(const struct nba_layer_source *source)
{
    const size_t count = round_up(source->outputs, NBA_PANEL) * source->inputs;
    return source->bf16 ? count / 2 : count;
}

size_t nba_layer_floats(const struct nba_layer_source *source)
{
    return weight_floats(source) + round_up(source->outputs, NBA_LANES);
}

static void pack_floats(const struct nba_layer_source *source, float *memory)
{
    const size_t k_stride = source->transposed ? 1 : source->stride;
    const size_t n_stride = source->transposed ? source->stride : 1;
    for (size_t n = 0; n < source->outputs; n++) {
        float *column = memory + n / NBA_PANEL * source->inputs * NBA_PANEL + n % NBA_PANEL;
        for (size_t k = 0; k < source->inputs; k++) {
            column[k * NBA_PANEL] = source->weights[k * k_stride + n * n_stride];
        }
    }
}

static void pack_pairs(const struct nba_layer_source *source, uint32_t *memory)
{
    const size_t k_stride = source->transposed ? 1 : source->stride;
    const size_t n_stride = source->transposed ? source->stride : 1;
    NBA_ASSERT(source->inputs % 2 == 0);
    for (size_t n = 0; n < source->outputs; n++) {
        uint32_t *column = memory + n / NBA_PANEL * source->inputs / 2 * NBA_PANEL + n % NBA_PANEL;
        for (size_t k = 0; k < source->inputs; k++) {
            const float half = nba_bf16(source->weights[k * k_stride + n * n_stride]);
            uint32_t bits;
            memcpy(&bits, &half, sizeof bits);
            column[k / 2 * NBA_PANEL] |= k % 2 == 0 ? bits >> 16 : bits;
        }
    }
}

void nba_layer_pack(const struct nba_layer_source *source, float *memory,
                    struct nba_layer *ret_layer)
{
    const size_t floats = weight_floats(source);
    const size_t columns = round_up(source->outputs, NBA_LANES);
    float *bias = memory + floats;
    NBA_ASSERT(source->inputs > 0 && source->outputs > 0);
    NBA_ASSERT(source->stride >= (source->transposed ? source->inputs : source->outputs));
    NBA_ASSERT((uintptr_t)memory % 64 == 0);

    memset(memory, 0, floats * sizeof *memory);
    *ret_layer = (struct nba_layer){
        .inputs = source->inputs,
        .outputs = source->outputs,
        .columns = columns,
        .bias = bias,
    };
    if (source->bf16) {
        pack_pairs(source, (void *)memory);
        ret_layer->pairs = (const void *)memory;
    } else {
        pack_floats(source, memory);
        ret_layer->weights = memory;
    }
    for (size_t n = 0; n < columns; n++) {
        const float given = source->bias != NULL && n < source->outputs ? source->bias[n] : 0.0f;
        bias[n] = n < source->outputs ? given : source->bias_fill;
    }
}
