/* Choosing a form by what the CPU has, and packing weights into panels. */
#include "nba/linalg/kernels.h"

#include <string.h>

#include "kernels_internal.h"
#include "nba/base/assert.h"

const struct nba_kernels *nba_kernels_get(enum nba_kernels_form form)
{
    switch (form) {
    case NBA_KERNELS_PORTABLE:
        return &nba_kernels_portable;
#if NBA_KERNELS_X86
    case NBA_KERNELS_SCALAR:
        return __builtin_cpu_supports("fma") ? &nba_kernels_scalar : NULL;
    case NBA_KERNELS_AVX2:
        return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") ? &nba_kernels_avx2
                                                                               : NULL;
    case NBA_KERNELS_AVX512:
        return __builtin_cpu_supports("avx512f") ? &nba_kernels_avx512 : NULL;
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
    /* The list rises in speed. */
    for (int form = NBA_KERNELS_COUNT - 1; form > 0; form--) {
        const struct nba_kernels *kernels = nba_kernels_get((enum nba_kernels_form)form);
        if (kernels != NULL) {
            return kernels;
        }
    }
    return &nba_kernels_portable;
}

const struct nba_kernels *nba_kernels_find(struct nba_str name)
{
    static const char *const names[NBA_KERNELS_COUNT] = {
#define NBA_KERNELS_NAME(constant, text) [NBA_KERNELS_##constant] = (text),
        NBA_KERNELS_MAP(NBA_KERNELS_NAME)
#undef NBA_KERNELS_NAME
    };
    if (nba_str_is(name, "auto")) {
        return nba_kernels_best();
    }
    for (int form = 0; form < NBA_KERNELS_COUNT; form++) {
        if (nba_str_is(name, names[form])) {
            const struct nba_kernels *kernels = nba_kernels_get((enum nba_kernels_form)form);
            const bool falls_back = kernels == NULL && form == NBA_KERNELS_SCALAR;
            return falls_back ? &nba_kernels_portable : kernels;
        }
    }
    return NULL;
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
