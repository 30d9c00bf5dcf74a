/* The table of tensors with the sizes put in; offsets follow in its order. */
#include "layout.h"

struct nba_release_layout nba_release_layout(const struct nba_release_sizes *s)
{
    enum { U8_BYTES = 1, U32_BYTES = 4, F32_BYTES = 4, F64_BYTES = 8 };
    static const char U8_NAME[] = "u8";
    static const char U32_NAME[] = "u32";
    static const char F32_NAME[] = "f32";
    static const char F64_NAME[] = "f64";
    struct nba_release_layout layout = {0};
    const struct nba_tensor_place places[NBA_TENSOR_COUNT] = {
/* `bytes` is one number's as yet. */
#define NBA_RELEASE_TENSOR_PLACE(constant, text, kind, there, rows, columns) \
    {.name = (text),                                                         \
     .type = kind##_NAME,                                                    \
     .present = (there),                                                     \
     .rank = (columns) == 0 ? 1 : 2,                                         \
     .dims = {(rows), (columns) == 0 ? 1 : (columns)},                       \
     .bytes = kind##_BYTES},
        NBA_RELEASE_TENSOR_MAP(NBA_RELEASE_TENSOR_PLACE)
#undef NBA_RELEASE_TENSOR_PLACE
    };
    for (int t = 0; t < NBA_TENSOR_COUNT; t++) {
        struct nba_tensor_place *place = &layout.places[t];
        *place = places[t];
        if (place->present) {
            place->offset = layout.bytes;
            place->bytes *= place->dims[0] * place->dims[1];
            layout.bytes += (place->bytes + NBA_RELEASE_ALIGN_BYTES - 1) / NBA_RELEASE_ALIGN_BYTES *
                            NBA_RELEASE_ALIGN_BYTES;
        }
    }
    return layout;
}

static enum nba_status check_members(const struct nba_release_sizes *sizes, struct nba_error *error)
{
    enum nba_status status = sizes->has_lstm ? nba_lstm_shape_check(sizes->lstm, error) : NBA_OK;
    if (status == NBA_OK && sizes->has_ncf) {
        status = nba_ncf_shape_check(sizes->ncf, error);
    }
    if (status != NBA_OK) {
        return status;
    }
    if (sizes->has_lstm && sizes->lstm.contents != sizes->contents) {
        return nba_error_set(error, NBA_E_SHAPE, "lstm has %u contents, the vocabulary %u",
                             sizes->lstm.contents, sizes->contents);
    }
    if (sizes->has_ncf && sizes->ncf.contents != sizes->contents) {
        return nba_error_set(error, NBA_E_SHAPE, "ncf has %u contents, the vocabulary %u",
                             sizes->ncf.contents, sizes->contents);
    }
    if (sizes->has_ncf && sizes->ncf.segments != sizes->specialties + 1) {
        return nba_error_set(error, NBA_E_SHAPE,
                             "ncf has %u segments, expected %u (everyone and each specialty)",
                             sizes->ncf.segments, sizes->specialties + 1);
    }
    for (size_t i = 0; i < NBA_NEIGHBOURS_COUNT; i++) {
        const struct nba_neighbours_sizes *b = &sizes->neighbours[i];
        const uint64_t square = (uint64_t)sizes->contents * sizes->contents;
        if (b->last != 0 && (b->sparse ? b->entries > square : b->entries != square)) {
            return nba_error_set(
                error, NBA_E_SHAPE, "%s has %u entries, expected %s%llu",
                nba_fusion_member_name((enum nba_fusion_member)(NBA_NEIGHBOURS_FIRST + i)),
                b->entries, b->sparse ? "at most " : "", (unsigned long long)square);
        }
    }
    return NBA_OK;
}

enum nba_status nba_release_sizes_check(const struct nba_release_sizes *sizes,
                                        struct nba_error *error)
{
    const struct {
        const char *what;
        uint64_t value, low, high;
    } ranges[] = {
        {"window_events", sizes->window_events, 1, NBA_RELEASE_WINDOW_MAX},
        {"contents", sizes->contents, 1, NBA_CONTENTS_MAX},
        {"specialties", sizes->specialties, 0, NBA_RELEASE_SPECIALTIES_MAX},
        {"vocabulary_bytes", sizes->vocabulary_bytes, sizes->contents,
         (uint64_t)sizes->contents * NBA_ID_BYTES_MAX},
        {"specialty_bytes", sizes->specialty_bytes, sizes->specialties,
         (uint64_t)sizes->specialties * NBA_ID_BYTES_MAX},
    };
    for (size_t i = 0; i < NBA_ARRAY_COUNT(ranges); i++) {
        if (ranges[i].value < ranges[i].low || ranges[i].value > ranges[i].high) {
            return nba_error_set(error, NBA_E_SHAPE, "%s is %llu, expected %llu..%llu",
                                 ranges[i].what, (unsigned long long)ranges[i].value,
                                 (unsigned long long)ranges[i].low,
                                 (unsigned long long)ranges[i].high);
        }
    }
    const enum nba_status status = check_members(sizes, error);
    if (status == NBA_OK && nba_release_layout(sizes).bytes > NBA_RELEASE_TENSORS_BYTES_MAX) {
        return nba_error_set(error, NBA_E_LIMIT, "tensors would take %llu bytes, at most %u",
                             (unsigned long long)nba_release_layout(sizes).bytes,
                             NBA_RELEASE_TENSORS_BYTES_MAX);
    }
    return status;
}
