/*
 * How the serving LSTM runs.  Layer 1 sees one of N embeddings, so its input's half of the gates,
 * b1 + W1x E[n], is a table (N, 4 H1) made once: a step starts its sums from that row and goes on
 * over h1.  A chain over k may be cut anywhere, so the bits are those of the whole layer, and a
 * fifth of a step's work is gone.  Rows go through in tiles of at most four: their activations stay
 * in the first cache while the weights stream past.
 */
#include "nba/model/lstm.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "nba/base/assert.h"
#include "nba/base/limits.h"
#include "nba/linalg/reduce.h"
#include "tensor_block.h"

#define TILE  4u
#define BLOCK 32u
/* Contents scored at a time: 4 KB of scores a row stay in the first cache until they are ranked. */
#define CHUNK 1024u

struct nba_lstm {
    struct nba_lstm_shape shape;
    const struct nba_kernels *kernels;
    struct nba_tensor_block block;
    const float *gates_of_content; /* (N, 4 H1): b1 + W1x E[n] */
    struct nba_layer recurrent_1;  /* H1 -> 4 H1, goes on from gates_of_content */
    struct nba_layer layer_2;      /* H1 + H2 -> 4 H2 */
    struct nba_layer out;          /* D -> N, the embedding as columns */
};

static bool is_width(uint32_t width)
{
    return width >= NBA_LANES && width <= NBA_LSTM_WIDTH_MAX && width % NBA_LANES == 0;
}

enum nba_status nba_lstm_shape_check(struct nba_lstm_shape shape, struct nba_error *error)
{
    if (shape.contents < 1 || shape.contents > NBA_CONTENTS_MAX) {
        return nba_error_set(error, NBA_E_SHAPE, "lstm: %u contents, expected 1..%u",
                             shape.contents, NBA_CONTENTS_MAX);
    }
    if (!is_width(shape.width) || !is_width(shape.hidden_1) || !is_width(shape.hidden_2)) {
        return nba_error_set(
            error, NBA_E_SHAPE, "lstm: widths %u, %u, %u, expected multiples of %u up to %u",
            shape.width, shape.hidden_1, shape.hidden_2, NBA_LANES, NBA_LSTM_WIDTH_MAX);
    }
    if (shape.hidden_2 != shape.width) {
        return nba_error_set(error, NBA_E_SHAPE,
                             "lstm: second layer is %u wide, the embedding %u: tied scores need "
                             "them equal",
                             shape.hidden_2, shape.width);
    }
    return NBA_OK;
}

static void pack_layers(struct nba_lstm *lstm, const struct nba_lstm_weights *weights)
{
    const struct nba_lstm_shape shape = lstm->shape;
    const size_t gates_1 = 4 * (size_t)shape.hidden_1;
    const size_t gates_2 = 4 * (size_t)shape.hidden_2;
    const struct nba_layer_source recurrent_1 = {.inputs = shape.hidden_1,
                                                 .outputs = gates_1,
                                                 .weights = weights->w1 + shape.width * gates_1,
                                                 .stride = gates_1,
                                                 .bf16 = weights->bf16};
    const struct nba_layer_source layer_2 = {.inputs = (size_t)shape.hidden_1 + shape.hidden_2,
                                             .outputs = gates_2,
                                             .weights = weights->w2,
                                             .stride = gates_2,
                                             .bias = weights->b2,
                                             .bf16 = weights->bf16};
    const struct nba_layer_source out = {.inputs = shape.width,
                                         .outputs = shape.contents,
                                         .weights = weights->embedding,
                                         .stride = shape.width,
                                         .transposed = true,
                                         .bias = weights->out_bias,
                                         .bias_fill = -INFINITY,
                                         .bf16 = weights->bf16};
    const struct nba_layer_source input_1 = {.inputs = shape.width,
                                             .outputs = gates_1,
                                             .weights = weights->w1,
                                             .stride = gates_1,
                                             .bias = weights->b1};
    /* What every event reads comes first and side by side; the table is read a row at a time. */
    nba_tensor_block_pack(&lstm->block, &recurrent_1, &lstm->recurrent_1);
    nba_tensor_block_pack(&lstm->block, &layer_2, &lstm->layer_2);
    nba_tensor_block_pack(&lstm->block, &out, &lstm->out);
    lstm->gates_of_content = nba_tensor_block_table(&lstm->block, lstm->kernels, &input_1,
                                                    weights->embedding, shape.contents);
}

enum nba_status nba_lstm_create(const struct nba_lstm_weights *weights,
                                const struct nba_kernels *kernels, struct nba_lstm **ret_lstm,
                                struct nba_error *error)
{
    const struct nba_lstm_shape shape = weights->shape;
    NBA_ASSERT(nba_lstm_shape_check(shape, NULL) == NBA_OK);
    NBA_ASSERT(kernels != NULL);

    struct nba_lstm *lstm = calloc(1, sizeof *lstm);
    if (lstm == NULL) {
        return nba_error_set(error, NBA_E_NO_MEMORY, "lstm: out of memory");
    }
    lstm->shape = shape;
    lstm->kernels = kernels;
    pack_layers(lstm, weights); /* counts */
    const size_t floats = lstm->block.used;
    lstm->block = nba_tensor_block(floats);
    pack_layers(lstm, weights);
    if (lstm->gates_of_content == NULL) {
        nba_lstm_destroy(lstm);
        return nba_error_set(error, NBA_E_NO_MEMORY, "lstm: no memory for %zu floats", floats);
    }
    *ret_lstm = lstm;
    return NBA_OK;
}

void nba_lstm_destroy(struct nba_lstm *lstm)
{
    if (lstm != NULL) {
        nba_tensor_block_clear(&lstm->block);
        free(lstm);
    }
}

struct nba_lstm_shape nba_lstm_shape(const struct nba_lstm *lstm)
{
    return lstm->shape;
}

size_t nba_lstm_state_floats(const struct nba_lstm *lstm)
{
    return 2 * ((size_t)lstm->shape.hidden_1 + lstm->shape.hidden_2);
}

size_t nba_lstm_score_floats(const struct nba_lstm *lstm)
{
    return lstm->out.columns;
}

/* At most TILE known contents: states[i] = [h1 | c1 | h2 | c2]. */
static void step_tile(const struct nba_lstm *lstm, const uint32_t *contents, float *const *states,
                      size_t count)
{
    const size_t h1 = lstm->shape.hidden_1;
    const size_t h2 = lstm->shape.hidden_2;
    const size_t inputs_2 = h1 + h2;
    _Alignas(64) float x[TILE * 2 * NBA_LSTM_WIDTH_MAX]; /* [count][h1], then [count][h1 + h2] */
    _Alignas(64) float gates[TILE * 4 * NBA_LSTM_WIDTH_MAX]; /* [count][4 H] */
    NBA_ASSERT(count >= 1 && count <= TILE);

    for (size_t i = 0; i < count; i++) {
        memcpy(x + i * h1, states[i], h1 * sizeof *x);
        memcpy(gates + i * 4 * h1, lstm->gates_of_content + (size_t)contents[i] * 4 * h1,
               4 * h1 * sizeof *gates);
    }
    lstm->kernels->dense_add(&lstm->recurrent_1, count, x, h1, gates, 4 * h1);
    for (size_t i = 0; i < count; i++) {
        float *layer_2 = states[i] + 2 * h1;
        lstm->kernels->lstm_cell(h1, gates + i * 4 * h1, states[i], states[i] + h1);
        memcpy(x + i * inputs_2, states[i], h1 * sizeof *x);
        memcpy(x + i * inputs_2 + h1, layer_2, h2 * sizeof *x);
    }
    lstm->kernels->dense(&lstm->layer_2, count, x, inputs_2, gates, 4 * h2);
    for (size_t i = 0; i < count; i++) {
        float *layer_2 = states[i] + 2 * h1;
        lstm->kernels->lstm_cell(h2, gates + i * 4 * h2, layer_2, layer_2 + h2);
    }
}

/* Known contents gathered from anywhere, stepped when a tile is full. */
struct tile {
    size_t count;
    uint32_t contents[TILE];
    float *states[TILE];
};

static void tile_flush(struct tile *tile, const struct nba_lstm *lstm)
{
    if (tile->count > 0) {
        step_tile(lstm, tile->contents, tile->states, tile->count);
        tile->count = 0;
    }
}

static void tile_add(struct tile *tile, const struct nba_lstm *lstm, uint32_t content, float *state)
{
    if (content == NBA_LSTM_UNKNOWN) {
        return;
    }
    NBA_ASSERT(content < lstm->shape.contents);
    tile->contents[tile->count] = content;
    tile->states[tile->count] = state;
    if (++tile->count == TILE) {
        tile_flush(tile, lstm);
    }
}

void nba_lstm_step(const struct nba_lstm *lstm, const uint32_t *contents, float *const *states,
                   size_t count)
{
    struct tile tile = {0};
    for (size_t i = 0; i < count; i++) {
        tile_add(&tile, lstm, contents[i], states[i]);
    }
    tile_flush(&tile, lstm);
}

void nba_lstm_run(const struct nba_lstm *lstm, const struct nba_lstm_window *windows, size_t count)
{
    const size_t state_bytes = nba_lstm_state_floats(lstm) * sizeof(float);
    uint32_t longest = 0;
    for (size_t i = 0; i < count; i++) {
        memset(windows[i].state, 0, state_bytes);
        longest = windows[i].count > longest ? windows[i].count : longest;
    }
    struct tile tile = {0};
    for (uint32_t t = 0; t < longest; t++) {
        for (size_t i = 0; i < count; i++) {
            if (t < windows[i].count) {
                tile_add(&tile, lstm, windows[i].contents[t], windows[i].state);
            }
        }
        tile_flush(&tile, lstm); /* the next step of a window needs this one */
    }
}

static void gather_h2(const struct nba_lstm *lstm, const float *state, float *x)
{
    memcpy(x, state + 2 * (size_t)lstm->shape.hidden_1, lstm->shape.width * sizeof *x);
}

/* Weights of a chunk of contents stay in the second cache while all rows of a block pass. */
void nba_lstm_scores(const struct nba_lstm *lstm, const float *const *states, size_t count,
                     float *ret_scores)
{
    const size_t width = lstm->shape.width;
    const size_t columns = lstm->out.columns;
    _Alignas(64) float x[BLOCK * NBA_LSTM_WIDTH_MAX]; /* [rows][D] */
    for (size_t at = 0; at < count; at += BLOCK) {
        const size_t rows = count - at < BLOCK ? count - at : BLOCK;
        for (size_t i = 0; i < rows; i++) {
            gather_h2(lstm, states[at + i], x + i * width);
        }
        for (size_t first = 0; first < columns; first += CHUNK) {
            const struct nba_layer chunk = nba_layer_slice(&lstm->out, first, CHUNK);
            lstm->kernels->dense(&chunk, rows, x, width, ret_scores + at * columns + first,
                                 columns);
        }
    }
}

/* A chunk's scores of at most TILE rows, ranked while they are in the first cache. */
static void rank_tile(const struct nba_lstm *lstm, const struct nba_layer *chunk, size_t first,
                      const float *x, const struct nba_lstm_ranking *rankings, size_t count,
                      struct nba_top *tops)
{
    _Alignas(64) float y[TILE * CHUNK]; /* [count][CHUNK] */
    lstm->kernels->dense(chunk, count, x, lstm->shape.width, y, CHUNK);
    for (size_t i = 0; i < count; i++) {
        float *row = y + i * CHUNK;
        for (size_t n = 0; rankings[i].skip != NULL && n < chunk->outputs; n++) {
            row[n] = rankings[i].skip[first + n] ? -INFINITY : row[n];
        }
        nba_top_add(&tops[i], row, chunk->outputs, first);
    }
}

static void rank_block(const struct nba_lstm *lstm, struct nba_lstm_ranking *rankings, size_t count,
                       size_t k)
{
    const size_t width = lstm->shape.width;
    _Alignas(64) float x[BLOCK * NBA_LSTM_WIDTH_MAX]; /* [count][D] */
    struct nba_top tops[BLOCK];
    for (size_t i = 0; i < count; i++) {
        nba_top_init(&tops[i], lstm->kernels, k);
        gather_h2(lstm, rankings[i].state, x + i * width);
    }
    for (size_t first = 0; first < lstm->out.columns; first += CHUNK) {
        const struct nba_layer chunk = nba_layer_slice(&lstm->out, first, CHUNK);
        for (size_t at = 0; at < count; at += TILE) {
            const size_t rows = count - at < TILE ? count - at : TILE;
            rank_tile(lstm, &chunk, first, x + at * width, rankings + at, rows, tops + at);
        }
    }
    for (size_t i = 0; i < count; i++) {
        size_t found = tops[i].count;
        while (found > 0 && isinf(tops[i].values[found - 1])) {
            found--; /* was left out, and fewer than k were not */
        }
        rankings[i].ret_count = found;
        memcpy(rankings[i].ret_contents, tops[i].indexes, found * sizeof *tops[i].indexes);
    }
}

void nba_lstm_rank(const struct nba_lstm *lstm, struct nba_lstm_ranking *rankings, size_t count,
                   size_t k)
{
    for (size_t at = 0; at < count; at += BLOCK) {
        rank_block(lstm, rankings + at, count - at < BLOCK ? count - at : BLOCK, k);
    }
}
