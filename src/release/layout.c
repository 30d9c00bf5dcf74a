/* One table of dims, filled from the sizes; offsets follow in the order of the list. */
#include "layout.h"

#include "nba/base/assert.h"
#include "nba/release/release.h"

const char *nba_release_tensor_name(enum nba_release_tensor tensor)
{
    static const char *const names[NBA_TENSOR_COUNT] = {
#define NBA_RELEASE_TENSOR_NAME(constant, name) [NBA_TENSOR_##constant] = (name),
        NBA_RELEASE_TENSOR_MAP(NBA_RELEASE_TENSOR_NAME)
#undef NBA_RELEASE_TENSOR_NAME
    };
    return names[tensor];
}

const char *nba_release_type_name(enum nba_tensor_type type)
{
    static const char *const names[] = {"u8", "u32", "f32", "f64"};
    return names[type];
}

static uint64_t size_of_type(enum nba_tensor_type type)
{
    static const uint64_t bytes[] = {1, 4, 4, 8};
    return bytes[type];
}

static void vector(struct nba_release_layout *layout, enum nba_release_tensor tensor,
                   enum nba_tensor_type type, uint64_t count)
{
    layout->places[tensor] =
        (struct nba_tensor_place){.present = true, .type = type, .rank = 1, .dims = {count, 1}};
}

static void matrix(struct nba_release_layout *layout, enum nba_release_tensor tensor,
                   enum nba_tensor_type type, uint64_t rows, uint64_t columns)
{
    layout->places[tensor] = (struct nba_tensor_place){
        .present = true, .type = type, .rank = 2, .dims = {rows, columns}};
}

static void lstm_places(struct nba_release_layout *layout, const struct nba_lstm_shape *shape)
{
    const uint64_t width = shape->width;
    const uint64_t h1 = shape->hidden_1;
    const uint64_t h2 = shape->hidden_2;
    matrix(layout, NBA_TENSOR_LSTM_EMBEDDING, NBA_TENSOR_F32, shape->contents, width);
    matrix(layout, NBA_TENSOR_LSTM_W1, NBA_TENSOR_F32, width + h1, 4 * h1);
    vector(layout, NBA_TENSOR_LSTM_B1, NBA_TENSOR_F32, 4 * h1);
    matrix(layout, NBA_TENSOR_LSTM_W2, NBA_TENSOR_F32, h1 + h2, 4 * h2);
    vector(layout, NBA_TENSOR_LSTM_B2, NBA_TENSOR_F32, 4 * h2);
    vector(layout, NBA_TENSOR_LSTM_OUT_BIAS, NBA_TENSOR_F32, shape->contents);
}

static void ncf_places(struct nba_release_layout *layout, const struct nba_ncf_shape *shape)
{
    const uint64_t contents = shape->contents;
    const uint64_t width = shape->width;
    matrix(layout, NBA_TENSOR_NCF_ITEM_GMF, NBA_TENSOR_F32, contents, width);
    matrix(layout, NBA_TENSOR_NCF_ITEM_MLP, NBA_TENSOR_F32, contents, width);
    matrix(layout, NBA_TENSOR_NCF_HISTORY, NBA_TENSOR_F32, contents, 2 * width);
    matrix(layout, NBA_TENSOR_NCF_PRIOR, NBA_TENSOR_F32, shape->segments, 2 * width);
    matrix(layout, NBA_TENSOR_NCF_W1, NBA_TENSOR_F32, 2 * width, shape->layer_1);
    vector(layout, NBA_TENSOR_NCF_B1, NBA_TENSOR_F32, shape->layer_1);
    matrix(layout, NBA_TENSOR_NCF_W2, NBA_TENSOR_F32, shape->layer_1, shape->layer_2);
    vector(layout, NBA_TENSOR_NCF_B2, NBA_TENSOR_F32, shape->layer_2);
    matrix(layout, NBA_TENSOR_NCF_W3, NBA_TENSOR_F32, shape->layer_2, shape->layer_3);
    vector(layout, NBA_TENSOR_NCF_B3, NBA_TENSOR_F32, shape->layer_3);
    vector(layout, NBA_TENSOR_NCF_W_OUT, NBA_TENSOR_F32, width + shape->layer_3);
    vector(layout, NBA_TENSOR_NCF_B_OUT, NBA_TENSOR_F32, 1);
}

struct nba_release_layout nba_release_layout(const struct nba_release_sizes *sizes)
{
    struct nba_release_layout layout = {0};
    const uint64_t contents = sizes->contents;
    const uint64_t segments = (uint64_t)sizes->specialties + 1;
    vector(&layout, NBA_TENSOR_VOCABULARY_OFFSETS, NBA_TENSOR_U32, contents + 1);
    vector(&layout, NBA_TENSOR_VOCABULARY_BYTES, NBA_TENSOR_U8, sizes->vocabulary_bytes);
    vector(&layout, NBA_TENSOR_SPECIALTIES_OFFSETS, NBA_TENSOR_U32, segments);
    vector(&layout, NBA_TENSOR_SPECIALTIES_BYTES, NBA_TENSOR_U8, sizes->specialty_bytes);
    matrix(&layout, NBA_TENSOR_POPULARITY, NBA_TENSOR_U32, segments, contents);
    matrix(&layout, NBA_TENSOR_FUSION, NBA_TENSOR_F64, NBA_FUSION_COUNT, NBA_MEMBER_COUNT + 2);
    vector(&layout, NBA_TENSOR_CALIBRATOR, NBA_TENSOR_F64, NBA_CHANNEL_COUNT + 1);
    if (sizes->has_lstm) {
        lstm_places(&layout, &sizes->lstm);
    }
    if (sizes->has_ncf) {
        ncf_places(&layout, &sizes->ncf);
    }
    for (int t = 0; t < NBA_TENSOR_COUNT; t++) {
        struct nba_tensor_place *place = &layout.places[t];
        if (place->present) {
            place->offset = layout.bytes;
            place->bytes = place->dims[0] * place->dims[1] * size_of_type(place->type);
            layout.bytes += (place->bytes + NBA_RELEASE_ALIGN_BYTES - 1) / NBA_RELEASE_ALIGN_BYTES *
                            NBA_RELEASE_ALIGN_BYTES;
        }
    }
    return layout;
}

static enum nba_status in_range(uint64_t value, uint64_t low, uint64_t high, const char *what,
                                struct nba_error *error)
{
    if (value < low || value > high) {
        return nba_error_set(error, NBA_E_SHAPE, "%s is %llu, expected %llu..%llu", what,
                             (unsigned long long)value, (unsigned long long)low,
                             (unsigned long long)high);
    }
    return NBA_OK;
}

static enum nba_status check_members(const struct nba_release_sizes *sizes, struct nba_error *error)
{
    enum nba_status status = NBA_OK;
    if (sizes->has_lstm) {
        status = nba_lstm_shape_check(sizes->lstm, error);
        if (status == NBA_OK && sizes->lstm.contents != sizes->contents) {
            status = nba_error_set(error, NBA_E_SHAPE, "lstm has %u contents, the vocabulary %u",
                                   sizes->lstm.contents, sizes->contents);
        }
    }
    if (status == NBA_OK && sizes->has_ncf) {
        status = nba_ncf_shape_check(sizes->ncf, error);
        if (status == NBA_OK && sizes->ncf.contents != sizes->contents) {
            status = nba_error_set(error, NBA_E_SHAPE, "ncf has %u contents, the vocabulary %u",
                                   sizes->ncf.contents, sizes->contents);
        }
        if (status == NBA_OK && sizes->ncf.segments != sizes->specialties + 1) {
            status = nba_error_set(error, NBA_E_SHAPE,
                                   "ncf has %u segments, expected %u (everyone and each specialty)",
                                   sizes->ncf.segments, sizes->specialties + 1);
        }
    }
    return status;
}

enum nba_status nba_release_sizes_check(const struct nba_release_sizes *sizes,
                                        struct nba_error *error)
{
    const uint64_t ids_max = (uint64_t)sizes->contents * NBA_ID_BYTES_MAX;
    const uint64_t specialties_max = (uint64_t)sizes->specialties * NBA_ID_BYTES_MAX;
    enum nba_status status =
        in_range(sizes->window_events, 1, NBA_RELEASE_WINDOW_MAX, "window_events", error);
    if (status == NBA_OK) {
        status = in_range(sizes->contents, 1, NBA_CONTENTS_MAX, "contents", error);
    }
    if (status == NBA_OK) {
        status = in_range(sizes->specialties, 0, NBA_RELEASE_SPECIALTIES_MAX, "specialties", error);
    }
    if (status == NBA_OK) {
        status =
            in_range(sizes->vocabulary_bytes, sizes->contents, ids_max, "vocabulary_bytes", error);
    }
    if (status == NBA_OK) {
        status = in_range(sizes->specialty_bytes, sizes->specialties, specialties_max,
                          "specialty_bytes", error);
    }
    if (status == NBA_OK) {
        status = check_members(sizes, error);
    }
    if (status == NBA_OK && nba_release_layout(sizes).bytes > NBA_RELEASE_TENSORS_BYTES_MAX) {
        status = nba_error_set(error, NBA_E_LIMIT, "tensors would take %llu bytes, at most %u",
                               (unsigned long long)nba_release_layout(sizes).bytes,
                               NBA_RELEASE_TENSORS_BYTES_MAX);
    }
    return status;
}
