/*
 * What tensors a release has, in which order and where: a function of its sizes alone, used by the
 * writer to place them and by the loader to compare with what the manifest says.
 */
#ifndef NBA_RELEASE_LAYOUT_H
#define NBA_RELEASE_LAYOUT_H

#include <stdbool.h>
#include <stdint.h>

#include "nba/base/status.h"
#include "nba/model/lstm.h"
#include "nba/model/ncf.h"

/* Every tensor starts on a cache line. */
#define NBA_RELEASE_ALIGN_BYTES 64u

/* Columns: constant, name.  Append only. */
#define NBA_RELEASE_TENSOR_MAP(X)                 \
    X(VOCABULARY_OFFSETS, "vocabulary.offsets")   \
    X(VOCABULARY_BYTES, "vocabulary.bytes")       \
    X(SPECIALTIES_OFFSETS, "specialties.offsets") \
    X(SPECIALTIES_BYTES, "specialties.bytes")     \
    X(POPULARITY, "popularity")                   \
    X(FUSION, "fusion")                           \
    X(CALIBRATOR, "calibrator")                   \
    X(LSTM_EMBEDDING, "lstm.embedding")           \
    X(LSTM_W1, "lstm.w1")                         \
    X(LSTM_B1, "lstm.b1")                         \
    X(LSTM_W2, "lstm.w2")                         \
    X(LSTM_B2, "lstm.b2")                         \
    X(LSTM_OUT_BIAS, "lstm.out_bias")             \
    X(NCF_ITEM_GMF, "ncf.item_gmf")               \
    X(NCF_ITEM_MLP, "ncf.item_mlp")               \
    X(NCF_HISTORY, "ncf.history")                 \
    X(NCF_PRIOR, "ncf.prior")                     \
    X(NCF_W1, "ncf.w1")                           \
    X(NCF_B1, "ncf.b1")                           \
    X(NCF_W2, "ncf.w2")                           \
    X(NCF_B2, "ncf.b2")                           \
    X(NCF_W3, "ncf.w3")                           \
    X(NCF_B3, "ncf.b3")                           \
    X(NCF_W_OUT, "ncf.w_out")                     \
    X(NCF_B_OUT, "ncf.b_out")

enum nba_release_tensor {
#define NBA_RELEASE_TENSOR_ENUM(constant, name) NBA_TENSOR_##constant,
    NBA_RELEASE_TENSOR_MAP(NBA_RELEASE_TENSOR_ENUM)
#undef NBA_RELEASE_TENSOR_ENUM
        NBA_TENSOR_COUNT
};

enum nba_tensor_type { NBA_TENSOR_U8, NBA_TENSOR_U32, NBA_TENSOR_F32, NBA_TENSOR_F64 };

struct nba_release_sizes {
    uint32_t window_events;
    uint32_t contents;
    uint32_t specialties;
    uint32_t vocabulary_bytes; /* all content ids, end to end */
    uint32_t specialty_bytes;
    bool has_lstm;
    bool has_ncf;
    struct nba_lstm_shape lstm;
    struct nba_ncf_shape ncf;
};

struct nba_tensor_place {
    bool present;
    enum nba_tensor_type type;
    uint32_t rank; /* 1 or 2 */
    uint64_t dims[2];
    uint64_t offset;
    uint64_t bytes;
};

struct nba_release_layout {
    struct nba_tensor_place places[NBA_TENSOR_COUNT];
    uint64_t bytes; /* of tensors.bin, a multiple of NBA_RELEASE_ALIGN_BYTES */
};

const char *nba_release_tensor_name(enum nba_release_tensor tensor);
const char *nba_release_type_name(enum nba_tensor_type type);

/* Sizes within their limits and fit for each other, shapes of the members too.  NBA_E_SHAPE,
 * NBA_E_LIMIT (tensors.bin would be too large). */
NBA_MUST_USE
enum nba_status nba_release_sizes_check(const struct nba_release_sizes *sizes,
                                        struct nba_error *error);

/* The sizes have been checked. */
struct nba_release_layout nba_release_layout(const struct nba_release_sizes *sizes);

#endif
