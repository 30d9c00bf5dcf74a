/* Rules, one function each; the order of the checks is that of the tensors. */
#include "parts.h"

#include <math.h>
#include <string.h>

#include "nba/base/hash.h"

const char *nba_fusion_member_name(enum nba_fusion_member member)
{
    static const char *const names[NBA_MEMBER_COUNT] = {
#define NBA_MEMBER_NAME(constant, name) [NBA_MEMBER_##constant] = (name),
        NBA_MEMBER_MAP(NBA_MEMBER_NAME)
#undef NBA_MEMBER_NAME
    };
    return names[member];
}

/* Bytes of all names end to end; UINT32_MAX when they don't fit 32 bits. */
static uint32_t total_bytes(const struct nba_str *names, uint32_t count)
{
    uint64_t bytes = 0;
    for (uint32_t i = 0; i < count; i++) {
        bytes += names[i].bytes;
    }
    return bytes < UINT32_MAX ? (uint32_t)bytes : UINT32_MAX;
}

enum nba_status nba_parts_sizes(const struct nba_release_parts *parts,
                                struct nba_release_sizes *ret_sizes, struct nba_error *error)
{
    struct nba_release_sizes sizes = {
        .window_events = parts->window_events,
        .contents = parts->content_count,
        .specialties = parts->specialty_count,
        .has_lstm = parts->lstm != NULL,
        .has_ncf = parts->ncf != NULL,
    };
    sizes.vocabulary_bytes = total_bytes(parts->contents, sizes.contents);
    sizes.specialty_bytes = total_bytes(parts->specialties, sizes.specialties);
    if (sizes.has_lstm) {
        sizes.lstm = parts->lstm->shape;
        sizes.lstm_bf16 = parts->lstm->bf16 ? 1 : 0;
    }
    if (sizes.has_ncf) {
        sizes.ncf = parts->ncf->shape;
    }
    for (size_t i = 0; i < NBA_NEIGHBOURS_COUNT; i++) {
        const struct nba_neighbours *b = parts->neighbours[i];
        if (b != NULL && b->contents != sizes.contents) {
            return nba_error_set(error, NBA_E_SHAPE,
                                 "neighbours have %u contents, the vocabulary %u", b->contents,
                                 sizes.contents);
        }
        if (b != NULL) {
            sizes.neighbours[i] =
                (struct nba_neighbours_sizes){b->entries, b->last, b->offsets != NULL};
        }
    }
    const enum nba_status status = nba_release_sizes_check(&sizes, error);
    if (status == NBA_OK) {
        *ret_sizes = sizes;
    }
    return status;
}

void nba_parts_weights(struct nba_lstm_weights *lstm, struct nba_ncf_weights *ncf,
                       const float **ret_fields[NBA_TENSOR_COUNT])
{
    const float **const fields[] = {
        &lstm->embedding, &lstm->w1,      &lstm->b1,     &lstm->w2,   &lstm->b2,   &lstm->out_bias,
        &ncf->item_gmf,   &ncf->item_mlp, &ncf->history, &ncf->prior, &ncf->w1,    &ncf->b1,
        &ncf->w2,         &ncf->b2,       &ncf->w3,      &ncf->b3,    &ncf->w_out, &ncf->b_out};
    _Static_assert(NBA_ARRAY_COUNT(fields) == NBA_TENSOR_EASE_DECAY - NBA_TENSOR_LSTM_EMBEDDING,
                   "one field a tensor of weights, in the order of the file");
    memcpy(ret_fields + NBA_TENSOR_LSTM_EMBEDDING, fields, sizeof fields);
}

void nba_parts_arrays(const struct nba_release_parts *parts,
                      const void *ret_arrays[NBA_TENSOR_COUNT])
{
    struct nba_lstm_weights lstm =
        parts->lstm != NULL ? *parts->lstm : (struct nba_lstm_weights){0};
    struct nba_ncf_weights ncf = parts->ncf != NULL ? *parts->ncf : (struct nba_ncf_weights){0};
    const float **fields[NBA_TENSOR_COUNT];
    nba_parts_weights(&lstm, &ncf, fields);
    for (int t = NBA_TENSOR_LSTM_EMBEDDING; t < NBA_TENSOR_EASE_DECAY; t++) {
        ret_arrays[t] = *fields[t];
    }
    for (int i = 0; i < NBA_NEIGHBOURS_COUNT; i++) {
        const struct nba_neighbours *b = parts->neighbours[i];
        const void *const arrays[NBA_NEIGHBOURS_TENSORS] = {
            b != NULL ? &b->decay : NULL, b != NULL ? b->values : NULL, b != NULL ? b->prior : NULL,
            b != NULL ? b->offsets : NULL, b != NULL ? b->columns : NULL};
        memcpy(ret_arrays + NBA_TENSOR_EASE_DECAY + i * NBA_NEIGHBOURS_TENSORS, arrays,
               sizeof(arrays));
    }
}

bool nba_parts_has(const struct nba_release_parts *parts, enum nba_fusion_member member)
{
    return member >= NBA_NEIGHBOURS_FIRST ? parts->neighbours[member - NBA_NEIGHBOURS_FIRST] != NULL
           : member == NBA_MEMBER_LSTM    ? parts->lstm != NULL
           : member == NBA_MEMBER_NCF     ? parts->ncf != NULL
                                          : true;
}

static enum nba_status check_names(const struct nba_str *names, uint32_t count, const char *what,
                                   struct nba_error *error)
{
    for (uint32_t i = 0; i < count; i++) {
        if (names[i].bytes == 0 || names[i].bytes > NBA_ID_BYTES_MAX) {
            return nba_error_set(error, NBA_E_CORRUPT, "%s %u is %zu bytes long, expected 1..%u",
                                 what, i, names[i].bytes, NBA_ID_BYTES_MAX);
        }
        if (i > 0 && nba_str_compare(names[i - 1], names[i]) >= 0) {
            return nba_error_set(error, NBA_E_CORRUPT, "%s %u is not above the one before it", what,
                                 i);
        }
    }
    return NBA_OK;
}

static enum nba_status check_floats(const struct nba_release_parts *parts,
                                    const struct nba_release_sizes *sizes, struct nba_error *error)
{
    const struct nba_release_layout layout = nba_release_layout(sizes);
    const void *arrays[NBA_TENSOR_COUNT];
    nba_parts_arrays(parts, arrays);
    for (int t = NBA_TENSOR_LSTM_EMBEDDING; t < NBA_TENSOR_COUNT; t++) {
        const struct nba_tensor_place *place = &layout.places[t];
        const bool floats = place->present && strcmp(place->type, "f32") == 0;
        const uint64_t count = floats ? place->dims[0] * place->dims[1] : 0;
        const float *values = arrays[t];
        for (uint64_t i = 0; i < count; i++) {
            /* NaN fails the comparison too */
            if (!(fabsf(values[i]) <= NBA_RELEASE_WEIGHT_MAX)) {
                return nba_error_set(error, NBA_E_NON_FINITE,
                                     "%s: value %llu is NaN, infinite or above %g", place->name,
                                     (unsigned long long)i, (double)NBA_RELEASE_WEIGHT_MAX);
            }
        }
    }
    return NBA_OK;
}

static enum nba_status check_neighbours(const struct nba_release_parts *parts,
                                        struct nba_error *error)
{
    enum nba_status status = NBA_OK;
    for (int i = 0; status == NBA_OK && i < NBA_NEIGHBOURS_COUNT; i++) {
        if (parts->neighbours[i] != NULL) {
            status = nba_neighbours_check(
                parts->neighbours[i],
                nba_fusion_member_name((enum nba_fusion_member)(NBA_NEIGHBOURS_FIRST + i)), error);
        }
    }
    return status;
}

static bool is_number(double value)
{
    return fabs(value) <= (double)NBA_RELEASE_WEIGHT_MAX; /* false for NaN */
}

static enum nba_status check_fusion(const struct nba_release_parts *parts, struct nba_error *error)
{
    for (int kind = 0; kind < NBA_FUSION_COUNT; kind++) {
        const struct nba_fusion *fusion = &parts->fusion[kind];
        const char *name = kind == NBA_FUSION_CHEAP ? "cheap" : "full";
        if (!is_number(fusion->a) || !is_number(fusion->b)) {
            return nba_error_set(error, NBA_E_NON_FINITE, "fusion %s: a or b is not finite", name);
        }
        for (int m = 0; m < NBA_MEMBER_COUNT; m++) {
            const double weight = fusion->weights[m];
            const bool allowed = nba_parts_has(parts, (enum nba_fusion_member)m) &&
                                 !(kind == NBA_FUSION_CHEAP && m == NBA_MEMBER_NCF);
            if (!is_number(weight)) {
                return nba_error_set(error, NBA_E_NON_FINITE, "fusion %s: weight of %s", name,
                                     nba_fusion_member_name((enum nba_fusion_member)m));
            }
            if (weight < 0.0 || (weight > 0.0 && !allowed)) {
                return nba_error_set(error, NBA_E_CORRUPT, "fusion %s: weight of %s is %g, %s",
                                     name, nba_fusion_member_name((enum nba_fusion_member)m),
                                     weight, allowed ? "expected none below 0" : "expected 0");
            }
        }
    }
    for (int ch = 0; ch < NBA_CHANNEL_COUNT; ch++) {
        if (!is_number(parts->calibrator.channel[ch])) {
            return nba_error_set(error, NBA_E_NON_FINITE, "calibrator: channel %d", ch);
        }
    }
    for (int f = 0; f < NBA_ENGAGEMENT_COUNT; f++) {
        if (!is_number(parts->calibrator.weights[f])) {
            return nba_error_set(error, NBA_E_NON_FINITE, "calibrator: weight %d", f);
        }
    }
    const size_t rates = (1 + (size_t)parts->specialty_count) * parts->content_count;
    for (size_t i = 0; i < rates; i++) {
        if (!is_number((double)parts->content_rate[i])) {
            return nba_error_set(error, NBA_E_NON_FINITE, "content_rate: value %zu", i);
        }
    }
    return NBA_OK;
}

/* The contents by their 32-bit hash, which must differ. */
static enum nba_status index_contents(const struct nba_release_parts *parts,
                                      struct nba_hash_index *index, struct nba_error *error)
{
    if (!nba_hash_index_reserve(index, parts->content_count)) {
        return nba_error_set(error, NBA_E_NO_MEMORY, "no memory for %u hashes",
                             parts->content_count);
    }
    for (uint32_t i = 0; i < parts->content_count; i++) {
        const uint32_t hash = nba_content_hash(parts->contents[i]);
        uint32_t cursor = 0;
        const uint32_t other = nba_hash_index_next(index, hash, &cursor);
        if (other != NBA_HASH_INDEX_NONE) {
            return nba_error_set(
                error, NBA_E_CORRUPT, "contents '%.*s' and '%.*s' have the same 32-bit hash",
                NBA_STR_ARG(parts->contents[other]), NBA_STR_ARG(parts->contents[i]));
        }
        nba_hash_index_add(index, hash, i);
    }
    return NBA_OK;
}

enum nba_status nba_parts_check(const struct nba_release_parts *parts,
                                const struct nba_release_sizes *sizes,
                                struct nba_hash_index *ret_index, struct nba_error *error)
{
    struct nba_hash_index index = {0};
    enum nba_status status = check_names(parts->contents, parts->content_count, "content", error);
    if (status == NBA_OK) {
        status = check_names(parts->specialties, parts->specialty_count, "specialty", error);
    }
    if (status == NBA_OK) {
        status = index_contents(parts, &index, error);
    }
    if (status == NBA_OK) {
        status = check_fusion(parts, error);
    }
    if (status == NBA_OK) {
        status = check_floats(parts, sizes, error);
    }
    if (status == NBA_OK) {
        status = check_neighbours(parts, error);
    }
    if (status != NBA_OK) {
        nba_hash_index_clear(&index);
        return status;
    }
    *ret_index = index;
    return NBA_OK;
}
