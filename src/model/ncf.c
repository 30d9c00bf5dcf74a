/*
 * How NCF serves.  Of layer 1 the item's half is a table, the user's half is computed once an
 * event, and a candidate adds the two.  Candidates go through the tower in blocks: 32 rows of 128,
 * 64 and 96 floats stay in the first cache.  The last row buffer is [q_gmf | z3], so that GMF's
 * part and the tower's meet in one dot product with [p_gmf * w_gmf | w_mlp].
 */
#include "nba/model/ncf.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "nba/base/assert.h"
#include "nba/base/limits.h"
#include "nba/base/vector.h"
#include "tensor_block.h"

#define BLOCK 32u

struct nba_ncf {
    struct nba_ncf_shape shape;
    const struct nba_kernels *kernels;
    struct nba_tensor_block block;
    struct nba_layer user_1;  /* D -> M1, no bias */
    struct nba_layer layer_2; /* M1 -> M2 */
    struct nba_layer layer_3; /* M2 -> M3 */
    const float *item_1;      /* (N, M1): b1 + W1_item q_mlp[i] */
    const float *item_gmf;    /* (N, D) */
    const float *history;     /* (N, 2 D) */
    const float *prior;       /* (G, 2 D) */
    const float *w_out;       /* (D + M3) */
    float b_out;
};

static bool is_width(uint32_t width)
{
    return width >= NBA_LANES && width <= NBA_NCF_WIDTH_MAX && width % NBA_LANES == 0;
}

enum nba_status nba_ncf_shape_check(struct nba_ncf_shape shape, struct nba_error *error)
{
    if (shape.contents < 1 || shape.contents > NBA_CONTENTS_MAX) {
        return nba_error_set(error, NBA_E_SHAPE, "ncf: %u contents, expected 1..%u", shape.contents,
                             NBA_CONTENTS_MAX);
    }
    if (shape.segments < 1 || shape.segments > NBA_NCF_SEGMENTS_MAX) {
        return nba_error_set(error, NBA_E_SHAPE, "ncf: %u segments, expected 1..%u", shape.segments,
                             NBA_NCF_SEGMENTS_MAX);
    }
    if (!is_width(shape.width) || !is_width(shape.layer_1) || !is_width(shape.layer_2) ||
        !is_width(shape.layer_3)) {
        return nba_error_set(
            error, NBA_E_SHAPE, "ncf: widths %u, %u-%u-%u, expected multiples of %u up to %u",
            shape.width, shape.layer_1, shape.layer_2, shape.layer_3, NBA_LANES, NBA_NCF_WIDTH_MAX);
    }
    return NBA_OK;
}

static void pack_layers(struct nba_ncf *ncf, const struct nba_ncf_weights *weights)
{
    const struct nba_ncf_shape shape = ncf->shape;
    const size_t width = shape.width;
    const size_t contents = shape.contents;
    const struct nba_layer_source user_1 = {.inputs = shape.width,
                                            .outputs = shape.layer_1,
                                            .weights = weights->w1,
                                            .stride = shape.layer_1};
    const struct nba_layer_source layer_2 = {.inputs = shape.layer_1,
                                             .outputs = shape.layer_2,
                                             .weights = weights->w2,
                                             .stride = shape.layer_2,
                                             .bias = weights->b2};
    const struct nba_layer_source layer_3 = {.inputs = shape.layer_2,
                                             .outputs = shape.layer_3,
                                             .weights = weights->w3,
                                             .stride = shape.layer_3,
                                             .bias = weights->b3};
    const struct nba_layer_source item_1 = {.inputs = width,
                                            .outputs = shape.layer_1,
                                            .weights = weights->w1 + width * shape.layer_1,
                                            .stride = shape.layer_1,
                                            .bias = weights->b1};
    struct nba_tensor_block *block = &ncf->block;
    nba_tensor_block_pack(block, &user_1, &ncf->user_1);
    nba_tensor_block_pack(block, &layer_2, &ncf->layer_2);
    nba_tensor_block_pack(block, &layer_3, &ncf->layer_3);
    ncf->w_out = nba_tensor_block_copy(block, weights->w_out, width + shape.layer_3);
    ncf->b_out = weights->b_out[0];
    ncf->prior = nba_tensor_block_copy(block, weights->prior, 2 * width * shape.segments);
    ncf->history = nba_tensor_block_copy(block, weights->history, contents * 2 * width);
    ncf->item_gmf = nba_tensor_block_copy(block, weights->item_gmf, contents * width);
    ncf->item_1 = nba_tensor_block_table(block, ncf->kernels, &item_1, weights->item_mlp, contents);
}

enum nba_status nba_ncf_create(const struct nba_ncf_weights *weights,
                               const struct nba_kernels *kernels, struct nba_ncf **ret_ncf,
                               struct nba_error *error)
{
    const struct nba_ncf_shape shape = weights->shape;
    NBA_ASSERT(nba_ncf_shape_check(shape, NULL) == NBA_OK);
    NBA_ASSERT(kernels != NULL);

    struct nba_ncf *ncf = calloc(1, sizeof *ncf);
    if (ncf == NULL) {
        return nba_error_set(error, NBA_E_NO_MEMORY, "ncf: out of memory");
    }
    ncf->shape = shape;
    ncf->kernels = kernels;
    pack_layers(ncf, weights); /* counts */
    const size_t floats = ncf->block.used;
    ncf->block = nba_tensor_block(floats);
    pack_layers(ncf, weights);
    if (ncf->item_1 == NULL) {
        nba_ncf_destroy(ncf);
        return nba_error_set(error, NBA_E_NO_MEMORY, "ncf: no memory for %zu floats", floats);
    }
    *ret_ncf = ncf;
    return NBA_OK;
}

void nba_ncf_destroy(struct nba_ncf *ncf)
{
    if (ncf != NULL) {
        nba_tensor_block_clear(&ncf->block);
        free(ncf);
    }
}

struct nba_ncf_shape nba_ncf_shape(const struct nba_ncf *ncf)
{
    return ncf->shape;
}

size_t nba_ncf_user_floats(const struct nba_ncf *ncf)
{
    return 2 * (size_t)ncf->shape.width;
}

/* Each element is its own chain in the window's order, so a compiler may use any vectors; square
 * root and division are exact by IEEE 754. */
NBA_VECTOR_BODY fold_in_body(const struct nba_ncf *ncf, const float *restrict prior,
                             const uint32_t *restrict contents, size_t count,
                             float *restrict ret_user)
{
    const size_t floats = 2 * (size_t)ncf->shape.width;
    float sum[2 * NBA_NCF_WIDTH_MAX] = {0};
    size_t known = 0;
    for (size_t i = 0; i < count; i++) {
        if (contents[i] == NBA_NCF_UNKNOWN) {
            continue;
        }
        NBA_ASSERT(contents[i] < ncf->shape.contents);
        const float *row = ncf->history + contents[i] * floats;
        for (size_t k = 0; k < floats; k++) {
            sum[k] += row[k];
        }
        known++;
    }
    const float scale = known > 0 ? 1.0f / sqrtf((float)known) : 0.0f;
    for (size_t k = 0; k < floats; k++) {
        const float folded = scale * sum[k]; /* two roundings: no fused form to differ by */
        ret_user[k] = prior[k] + folded;
    }
}
NBA_VECTOR_FORMS(fold_in,
                 (const struct nba_ncf *ncf, const float *restrict prior,
                  const uint32_t *restrict contents, size_t count, float *restrict ret_user),
                 (ncf, prior, contents, count, ret_user))

void nba_ncf_fold_in(const struct nba_ncf *ncf, uint32_t segment, const uint32_t *contents,
                     size_t count, float *ret_user)
{
    NBA_ASSERT(segment < ncf->shape.segments);
    fold_in(ncf, ncf->prior + segment * nba_ncf_user_floats(ncf), contents, count, ret_user);
}

/* At most BLOCK candidates.  `user_1` is the user's half of layer 1, `weights` the output's with
 * the user's GMF vector worked in. */
static void score_block(const struct nba_ncf *ncf, const float *user_1, const float *weights,
                        const uint32_t *contents, size_t count, float *ret_scores)
{
    const size_t width = ncf->shape.width;
    const size_t layer_1 = ncf->shape.layer_1;
    const size_t layer_2 = ncf->shape.layer_2;
    const size_t last = width + ncf->shape.layer_3;
    _Alignas(64) float z1[BLOCK * NBA_NCF_WIDTH_MAX];     /* [count][M1] */
    _Alignas(64) float z2[BLOCK * NBA_NCF_WIDTH_MAX];     /* [count][M2] */
    _Alignas(64) float z3[BLOCK * 2 * NBA_NCF_WIDTH_MAX]; /* [count][q_gmf (D) | z3 (M3)] */

    for (size_t i = 0; i < count; i++) {
        NBA_ASSERT(contents[i] < ncf->shape.contents);
        ncf->kernels->add_relu(layer_1, ncf->item_1 + contents[i] * layer_1, user_1,
                               z1 + i * layer_1);
        memcpy(z3 + i * last, ncf->item_gmf + contents[i] * width, width * sizeof *z3);
    }
    ncf->kernels->dense_relu(&ncf->layer_2, count, z1, layer_1, z2, layer_2);
    ncf->kernels->dense_relu(&ncf->layer_3, count, z2, layer_2, z3 + width, last);
    for (size_t i = 0; i < count; i++) {
        ret_scores[i] = ncf->kernels->dot(last, z3 + i * last, weights) + ncf->b_out;
    }
}

void nba_ncf_scores(const struct nba_ncf *ncf, const float *user, const uint32_t *contents,
                    size_t count, float *ret_scores)
{
    const size_t width = ncf->shape.width;
    _Alignas(64) float user_1[NBA_NCF_WIDTH_MAX];
    _Alignas(64) float weights[2 * NBA_NCF_WIDTH_MAX]; /* [p_gmf * w_gmf | w_mlp] */
    ncf->kernels->dense(&ncf->user_1, 1, user + width, width, user_1, ncf->shape.layer_1);
    memcpy(weights, ncf->w_out, (width + ncf->shape.layer_3) * sizeof *weights);
    for (size_t k = 0; k < width; k++) {
        weights[k] *= user[k];
    }
    for (size_t at = 0; at < count; at += BLOCK) {
        const size_t rows = count - at < BLOCK ? count - at : BLOCK;
        score_block(ncf, user_1, weights, contents + at, rows, ret_scores + at);
    }
}
