/* The input half of all gates is one product over every packed row; only h' U runs step by step.
 * Backwards the same: the step loop turns gates into their gradients in place, and the weights'
 * gradients are three products at the end. */
#include "nba/train/lstm_layer.h"

#include <math.h>
#include <string.h>

#include "nba/base/assert.h"
#include "nba/linalg/blas.h"
#include "vector_internal.h"

void nba_packing_init(struct nba_packing *packing, const uint32_t *lengths, size_t count)
{
    NBA_ASSERT(count > 0 && lengths[0] <= NBA_PACKING_STEPS_MAX && lengths[count - 1] > 0);
    size_t running = count;
    packing->step_count = lengths[0];
    packing->total = 0;
    for (size_t t = 0; t < packing->step_count; t++) {
        while (lengths[running - 1] <= t) {
            NBA_ASSERT(running < 2 || lengths[running - 2] >= lengths[running - 1]);
            running--;
        }
        packing->rows[t] = (uint32_t)running;
        packing->offset[t] = (uint32_t)packing->total;
        packing->total += running;
    }
}

void nba_lstm_layer_init(struct nba_lstm_layer *layer, struct nba_parameters *all, size_t inputs,
                         size_t hidden, size_t rows_max)
{
    *layer = (struct nba_lstm_layer){
        .inputs = inputs,
        .hidden = hidden,
        .rows_max = rows_max,
        .gates = nba_pool_floats(&all->pool, rows_max * 4 * hidden),
        .cells = nba_pool_floats(&all->pool, rows_max * hidden),
        .squashed = nba_pool_floats(&all->pool, rows_max * hidden),
        .outputs = nba_pool_floats(&all->pool, rows_max * hidden),
        .previous = nba_pool_floats(&all->pool, rows_max * hidden),
        .d_cell = nba_pool_floats(&all->pool, rows_max * hidden),
    };
    nba_parameter_init(&layer->w_x, all, "w_x", inputs, 4 * hidden, false);
    nba_parameter_init(&layer->w_h, all, "w_h", hidden, 4 * hidden, false);
    nba_parameter_init(&layer->bias, all, "bias", 1, 4 * hidden, false);
}

void nba_lstm_layer_fill(struct nba_lstm_layer *layer, struct nba_rng *rng)
{
    const double limit = 1.0 / sqrt((double)layer->hidden);
    nba_parameter_fill_uniform(&layer->w_x, rng, limit);
    nba_parameter_fill_uniform(&layer->w_h, rng, limit);
    nba_parameter_fill_uniform(&layer->bias, rng, limit);
    for (size_t j = 0; j < layer->hidden; j++) {
        layer->bias.value[layer->hidden + j] += 1.0f;
    }
}

/* One row: gates (4H) become their activations; c_before is NULL at a sequence's first step. */
NBA_VECTOR_BODY cell_forward_body(float *restrict gates, const float *restrict c_before,
                                  float *restrict c, float *restrict squashed, float *restrict h,
                                  size_t hidden)
{
    float *restrict gi = gates;
    float *restrict gf = gates + hidden;
    float *restrict gg = gates + 2 * hidden;
    float *restrict go = gates + 3 * hidden;
    for (size_t j = 0; j < hidden; j++) {
        gi[j] = vector_sigmoid(gi[j]);
        gf[j] = vector_sigmoid(gf[j]);
        gg[j] = vector_tanh(gg[j]);
        go[j] = vector_sigmoid(go[j]);
        c[j] = gi[j] * gg[j];
    }
    if (c_before != NULL) {
        for (size_t j = 0; j < hidden; j++) {
            c[j] += gf[j] * c_before[j];
        }
    }
    for (size_t j = 0; j < hidden; j++) {
        squashed[j] = vector_tanh(c[j]);
        h[j] = go[j] * squashed[j];
    }
}
NBA_VECTOR_FORMS(cell_forward,
                 (float *restrict gates, const float *restrict c_before, float *restrict c,
                  float *restrict squashed, float *restrict h, size_t hidden),
                 (gates, c_before, c, squashed, h, hidden))

/* One row: gates become their gradients, dc the gradient of c'. */
NBA_VECTOR_BODY cell_backward_body(float *restrict gates, const float *restrict c_before,
                                   const float *restrict squashed, const float *restrict dh,
                                   float *restrict dc, size_t hidden)
{
    float *restrict gi = gates;
    float *restrict gf = gates + hidden;
    float *restrict gg = gates + 2 * hidden;
    float *restrict go = gates + 3 * hidden;
    for (size_t j = 0; j < hidden; j++) {
        const float i = gi[j];
        const float f = gf[j];
        const float g = gg[j];
        const float o = go[j];
        const float s = squashed[j];
        const float d = dc[j] + dh[j] * o * (1.0f - s * s);
        go[j] = dh[j] * s * o * (1.0f - o);
        gi[j] = d * g * i * (1.0f - i);
        gg[j] = d * i * (1.0f - g * g);
        gf[j] = d * f * (1.0f - f);
        dc[j] = d * f;
    }
    for (size_t j = 0; j < hidden; j++) {
        gf[j] *= c_before != NULL ? c_before[j] : 0.0f;
    }
}
NBA_VECTOR_FORMS(cell_backward,
                 (float *restrict gates, const float *restrict c_before,
                  const float *restrict squashed, const float *restrict dh, float *restrict dc,
                  size_t hidden),
                 (gates, c_before, squashed, dh, dc, hidden))

void nba_lstm_layer_forward(struct nba_lstm_layer *layer, const struct nba_packing *packing,
                            const float *x)
{
    const size_t H = layer->hidden;
    NBA_ASSERT(packing->total <= layer->rows_max);
    for (size_t r = 0; r < packing->total; r++) {
        memcpy(layer->gates + r * 4 * H, layer->bias.value, 4 * H * sizeof(float));
    }
    nba_blas_multiply(nba_matrix(x, packing->total, layer->inputs),
                      nba_matrix(layer->w_x.value, layer->inputs, 4 * H), 1.0f,
                      nba_matrix(layer->gates, packing->total, 4 * H));
    for (size_t t = 0; t < packing->step_count; t++) {
        const size_t at = packing->offset[t];
        const size_t before = t > 0 ? packing->offset[t - 1] : 0;
        if (t > 0) {
            nba_blas_multiply(nba_matrix(layer->outputs + before * H, packing->rows[t], H),
                              nba_matrix(layer->w_h.value, H, 4 * H), 1.0f,
                              nba_matrix(layer->gates + at * 4 * H, packing->rows[t], 4 * H));
        }
        for (size_t i = 0; i < packing->rows[t]; i++) {
            const size_t r = at + i;
            cell_forward(layer->gates + r * 4 * H, t > 0 ? layer->cells + (before + i) * H : NULL,
                         layer->cells + r * H, layer->squashed + r * H, layer->outputs + r * H, H);
        }
    }
}

/* h of the step before, row by row; zero at step 0. */
static void gather_previous(struct nba_lstm_layer *layer, const struct nba_packing *packing)
{
    const size_t H = layer->hidden;
    memset(layer->previous, 0, packing->rows[0] * H * sizeof(float));
    for (size_t t = 1; t < packing->step_count; t++) {
        memcpy(layer->previous + packing->offset[t] * H,
               layer->outputs + packing->offset[t - 1] * H, packing->rows[t] * H * sizeof(float));
    }
}

void nba_lstm_layer_backward(struct nba_lstm_layer *layer, const struct nba_packing *packing,
                             const float *x, float *d_outputs, float *d_x)
{
    const size_t H = layer->hidden;
    const size_t total = packing->total;
    memset(layer->d_cell, 0, packing->rows[0] * H * sizeof(float));
    for (size_t t = packing->step_count; t-- > 0;) {
        const size_t at = packing->offset[t];
        const size_t before = t > 0 ? packing->offset[t - 1] : 0;
        for (size_t i = 0; i < packing->rows[t]; i++) {
            const size_t r = at + i;
            cell_backward(layer->gates + r * 4 * H, t > 0 ? layer->cells + (before + i) * H : NULL,
                          layer->squashed + r * H, d_outputs + r * H, layer->d_cell + i * H, H);
        }
        if (t > 0) {
            nba_blas_multiply(nba_matrix(layer->gates + at * 4 * H, packing->rows[t], 4 * H),
                              nba_transposed(layer->w_h.value, H, 4 * H), 1.0f,
                              nba_matrix(d_outputs + before * H, packing->rows[t], H));
        }
    }
    gather_previous(layer, packing);
    const struct nba_matrix d_gates = nba_matrix(layer->gates, total, 4 * H);
    nba_blas_multiply(nba_transposed(x, total, layer->inputs), d_gates, 1.0f,
                      nba_matrix(layer->w_x.grad, layer->inputs, 4 * H));
    nba_blas_multiply(nba_transposed(layer->previous, total, H), d_gates, 1.0f,
                      nba_matrix(layer->w_h.grad, H, 4 * H));
    nba_blas_multiply(d_gates, nba_transposed(layer->w_x.value, layer->inputs, 4 * H), 0.0f,
                      nba_matrix(d_x, total, layer->inputs));
    for (size_t r = 0; r < total; r++) {
        vector_add(layer->bias.grad, layer->gates + r * 4 * H, 1.0f, 4 * H);
    }
}
