/*
 * What tensors a release has, in which order and where: a function of its sizes alone, used by the
 * writer to place them and by the loader to compare with what the manifest says.
 */
#ifndef NBA_RELEASE_LAYOUT_H
#define NBA_RELEASE_LAYOUT_H

#include <stdbool.h>
#include <stdint.h>

#include "nba/release/release.h"

/* Every tensor starts on a cache line. */
#define NBA_RELEASE_ALIGN_BYTES 64u

/* Columns: constant, name, type, whether it is there, rows, columns (0: a vector); of `s`, the
 * sizes.  Append only: this is the order in the file. */
#define NBA_RELEASE_TENSOR_MAP(X)                                                       \
    X(VOCABULARY_OFFSETS, "vocabulary.offsets", U32, true, s->contents + 1, 0)          \
    X(VOCABULARY_BYTES, "vocabulary.bytes", U8, true, s->vocabulary_bytes, 0)           \
    X(SPECIALTIES_OFFSETS, "specialties.offsets", U32, true, s->specialties + 1, 0)     \
    X(SPECIALTIES_BYTES, "specialties.bytes", U8, true, s->specialty_bytes, 0)          \
    X(POPULARITY, "popularity", U32, true, s->specialties + 1, s->contents)             \
    X(FUSION, "fusion", F64, true, NBA_FUSION_COUNT, NBA_MEMBER_COUNT + 2)              \
    X(CALIBRATOR, "calibrator", F64, true, NBA_CHANNEL_COUNT + NBA_ENGAGEMENT_COUNT, 0) \
    X(CONTENT_RATE, "content_rate", F32, true, s->specialties + 1, s->contents)         \
    X(LSTM_EMBEDDING, "lstm.embedding", F32, s->has_lstm, s->contents, s->lstm.width)   \
    X(LSTM_W1, "lstm.w1", F32, s->has_lstm, s->lstm.width + s->lstm.hidden_1,           \
      4ul * s->lstm.hidden_1)                                                           \
    X(LSTM_B1, "lstm.b1", F32, s->has_lstm, 4ul * s->lstm.hidden_1, 0)                  \
    X(LSTM_W2, "lstm.w2", F32, s->has_lstm, s->lstm.hidden_1 + s->lstm.hidden_2,        \
      4ul * s->lstm.hidden_2)                                                           \
    X(LSTM_B2, "lstm.b2", F32, s->has_lstm, 4ul * s->lstm.hidden_2, 0)                  \
    X(LSTM_OUT_BIAS, "lstm.out_bias", F32, s->has_lstm, s->contents, 0)                 \
    X(NCF_ITEM_GMF, "ncf.item_gmf", F32, s->has_ncf, s->contents, s->ncf.width)         \
    X(NCF_ITEM_MLP, "ncf.item_mlp", F32, s->has_ncf, s->contents, s->ncf.width)         \
    X(NCF_HISTORY, "ncf.history", F32, s->has_ncf, s->contents, 2ul * s->ncf.width)     \
    X(NCF_PRIOR, "ncf.prior", F32, s->has_ncf, s->ncf.segments, 2ul * s->ncf.width)     \
    X(NCF_W1, "ncf.w1", F32, s->has_ncf, 2ul * s->ncf.width, s->ncf.layer_1)            \
    X(NCF_B1, "ncf.b1", F32, s->has_ncf, s->ncf.layer_1, 0)                             \
    X(NCF_W2, "ncf.w2", F32, s->has_ncf, s->ncf.layer_1, s->ncf.layer_2)                \
    X(NCF_B2, "ncf.b2", F32, s->has_ncf, s->ncf.layer_2, 0)                             \
    X(NCF_W3, "ncf.w3", F32, s->has_ncf, s->ncf.layer_2, s->ncf.layer_3)                \
    X(NCF_B3, "ncf.b3", F32, s->has_ncf, s->ncf.layer_3, 0)                             \
    X(NCF_W_OUT, "ncf.w_out", F32, s->has_ncf, s->ncf.width + s->ncf.layer_3, 0)        \
    X(NCF_B_OUT, "ncf.b_out", F32, s->has_ncf, 1, 0)                                    \
    NBA_RELEASE_NEIGHBOURS(X, EASE, "ease", &s->neighbours[0])                          \
    NBA_RELEASE_NEIGHBOURS(X, KNN, "knn", &s->neighbours[1])                            \
    NBA_RELEASE_NEIGHBOURS(X, RULES, "rules", &s->neighbours[2])

/* Of the sizes `b` of one; in the order of struct nba_neighbours. */
#define NBA_RELEASE_NEIGHBOURS(X, MEMBER, member, b)                             \
    X(MEMBER##_DECAY, member ".decay", F32, (b)->last != 0, 1, 0)                \
    X(MEMBER##_VALUES, member ".values", F32, (b)->last != 0, (b)->entries, 0)   \
    X(MEMBER##_PRIOR, member ".prior", F32, (b)->last != 0, s->contents, 0)      \
    X(MEMBER##_OFFSETS, member ".offsets", U32, (b)->sparse, s->contents + 1, 0) \
    X(MEMBER##_COLUMNS, member ".columns", U32, (b)->sparse, (b)->entries, 0)
/* Tensors of each. */
#define NBA_NEIGHBOURS_TENSORS 5

enum nba_release_tensor {
#define NBA_RELEASE_TENSOR_ENUM(constant, name, type, there, rows, columns) NBA_TENSOR_##constant,
    NBA_RELEASE_TENSOR_MAP(NBA_RELEASE_TENSOR_ENUM)
#undef NBA_RELEASE_TENSOR_ENUM
        NBA_TENSOR_COUNT
};

struct nba_neighbours_sizes {
    uint32_t entries, last; /* last 0: no such member */
    bool sparse;
};

struct nba_release_sizes {
    uint32_t window_events;
    uint32_t contents;
    uint32_t specialties;
    uint32_t vocabulary_bytes; /* all content ids, end to end */
    uint32_t specialty_bytes;
    bool has_lstm;
    bool has_ncf;
    struct nba_lstm_shape lstm;
    uint32_t lstm_bf16; /* 0 or 1 */
    struct nba_ncf_shape ncf;
    struct nba_neighbours_sizes neighbours[NBA_NEIGHBOURS_COUNT];
};

struct nba_tensor_place {
    const char *name;
    const char *type; /* "u8", "u32", "f32", "f64" */
    bool present;
    uint32_t rank;    /* 1 or 2 */
    uint64_t dims[2]; /* the second is 1 for rank 1 */
    uint64_t offset;
    uint64_t bytes;
};

struct nba_release_layout {
    struct nba_tensor_place places[NBA_TENSOR_COUNT];
    uint64_t bytes; /* of tensors.bin, a multiple of NBA_RELEASE_ALIGN_BYTES */
};

/* Sizes within their limits and fit for each other, shapes of the members too.  NBA_E_SHAPE,
 * NBA_E_LIMIT (tensors.bin would be too large). */
NBA_MUST_USE
enum nba_status nba_release_sizes_check(const struct nba_release_sizes *sizes,
                                        struct nba_error *error);

/* The sizes have been checked. */
struct nba_release_layout nba_release_layout(const struct nba_release_sizes *sizes);

#endif
