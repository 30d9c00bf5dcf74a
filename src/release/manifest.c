/*
 * One walk over the text both prints and reads it, so that the two can't differ: each step appends
 * its piece, or expects it at the cursor.  The walk turns `failed` once and remembers what it
 * expected and where; nothing is allocated and nothing recurses.
 */
#include "manifest.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "nba/base/limits.h"
#include "nba/codec/json_value.h"

bool nba_release_id_is_valid(struct nba_str text)
{
    for (size_t i = 0; i < text.bytes; i++) {
        const char c = text.data[i];
        if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'))) {
            return false;
        }
    }
    return text.bytes == NBA_SHA256_TEXT_BYTES - 1;
}

struct walk {
    struct nba_buf *out; /* printing; NULL: reading */
    const char *start, *next, *end;
    bool failed;
    char expected[96];
    size_t failed_at;
};

static struct walk reading(struct nba_str text)
{
    return (struct walk){.start = text.data, .next = text.data, .end = text.data + text.bytes};
}

/* `expected` up to the end of its first line that says something. */
static void walk_fail(struct walk *walk, const char *expected)
{
    if (!walk->failed) {
        expected += strspn(expected, " ,\n");
        walk->failed = true;
        walk->failed_at = (size_t)(walk->next - walk->start);
        (void)snprintf(walk->expected, sizeof walk->expected, "%.*s", (int)strcspn(expected, "\n"),
                       expected);
    }
}

static bool starts_with(const struct walk *walk, const char *text)
{
    const size_t bytes = strlen(text);
    return !walk->failed && (size_t)(walk->end - walk->next) >= bytes &&
           memcmp(walk->next, text, bytes) == 0;
}

/* ---- pieces ---- */

static void walk_text(struct walk *walk, const char *text)
{
    if (walk->out != NULL) {
        nba_buf_append_str(walk->out, nba_str_of(text));
    } else if (starts_with(walk, text)) {
        walk->next += strlen(text);
    } else {
        walk_fail(walk, text);
    }
}

/* A decimal of at most 53 bits without sign or leading zero. */
static void walk_number(struct walk *walk, uint64_t *value)
{
    if (walk->out != NULL) {
        nba_buf_printf(walk->out, "%" PRIu64, *value);
        return;
    }
    const char *first = walk->next;
    const char *next = first;
    uint64_t read = 0;
    for (; next < walk->end && *next >= '0' && *next <= '9' && next - first < 16; next++) {
        read = read * 10 + (uint64_t)(*next - '0');
    }
    if (next == first || (*first == '0' && next - first > 1) || read > (UINT64_C(1) << 53)) {
        walk_fail(walk, "a number");
    } else if (!walk->failed) {
        walk->next = next;
        *value = read;
    }
}

static void walk_u32(struct walk *walk, const char *name, uint32_t *value)
{
    uint64_t wide = *value;
    walk_text(walk, "\"");
    walk_text(walk, name);
    walk_text(walk, "\": ");
    walk_number(walk, &wide);
    if (wide > UINT32_MAX) {
        walk_fail(walk, "a number below 2^32");
    }
    *value = (uint32_t)wide;
}

/* Between quotes; `optional`: may be empty. */
static void walk_sha256(struct walk *walk, char *text, bool optional)
{
    const size_t bytes = NBA_SHA256_TEXT_BYTES - 1;
    walk_text(walk, "\"");
    if (walk->out != NULL) {
        walk_text(walk, text);
    } else if (!optional || !starts_with(walk, "\"")) {
        if (walk->failed || (size_t)(walk->end - walk->next) < bytes ||
            !nba_release_id_is_valid(nba_str(walk->next, bytes))) {
            walk_fail(walk, "64 hexadecimal digits");
            return;
        }
        memcpy(text, walk->next, bytes);
        text[bytes] = '\0';
        walk->next += bytes;
    }
    walk_text(walk, "\"");
}

static void walk_object(struct walk *walk, struct nba_str *text)
{
    if (walk->out != NULL) {
        nba_buf_append_str(walk->out, *text);
        return;
    }
    const struct nba_str left = nba_str(walk->next, (size_t)(walk->end - walk->next));
    const size_t bytes =
        !walk->failed && starts_with(walk, "{") ? nba_json_value_bytes(left, true) : 0;
    if (bytes == 0) {
        walk_fail(walk, "an object of JSON that is not nested too deep");
    }
    *text = nba_str(walk->next, bytes);
    walk->next += bytes;
}

/* ---- the manifest ---- */

struct field {
    const char *name;
    uint32_t *value;
};

/* "name": {"a": 1, "b": 2 ...}, or null */
static void walk_member(struct walk *walk, const char *name, bool *has, const struct field *fields,
                        size_t count)
{
    walk_text(walk, "  \"");
    walk_text(walk, name);
    walk_text(walk, "\": ");
    *has = walk->out != NULL ? *has : !starts_with(walk, "null");
    for (size_t i = 0; *has && i < count; i++) {
        walk_text(walk, i == 0 ? "{" : ", ");
        walk_u32(walk, fields[i].name, fields[i].value);
    }
    walk_text(walk, *has ? "},\n" : "null,\n");
}

static void walk_sizes(struct walk *walk, struct nba_release_sizes *sizes)
{
    struct nba_lstm_shape *lstm = &sizes->lstm;
    struct nba_ncf_shape *ncf = &sizes->ncf;
    const struct field fields[] = {{"window_events", &sizes->window_events},
                                   {"contents", &sizes->contents},
                                   {"specialties", &sizes->specialties},
                                   {"vocabulary_bytes", &sizes->vocabulary_bytes},
                                   {"specialty_bytes", &sizes->specialty_bytes}};
    const struct field lstm_fields[] = {{"width", &lstm->width},
                                        {"hidden_1", &lstm->hidden_1},
                                        {"hidden_2", &lstm->hidden_2},
                                        {"bf16", &sizes->lstm_bf16}};
    const struct field ncf_fields[] = {{"width", &ncf->width},
                                       {"layer_1", &ncf->layer_1},
                                       {"layer_2", &ncf->layer_2},
                                       {"layer_3", &ncf->layer_3}};
    for (size_t i = 0; i < NBA_ARRAY_COUNT(fields); i++) {
        walk_text(walk, "  ");
        walk_u32(walk, fields[i].name, fields[i].value);
        walk_text(walk, ",\n");
    }
    walk_member(walk, "lstm", &sizes->has_lstm, lstm_fields, NBA_ARRAY_COUNT(lstm_fields));
    if (sizes->lstm_bf16 > 1) {
        walk_fail(walk, "bf16 0 or 1");
    }
    walk_member(walk, "ncf", &sizes->has_ncf, ncf_fields, NBA_ARRAY_COUNT(ncf_fields));
    for (size_t i = 0; i < NBA_NEIGHBOURS_COUNT; i++) {
        struct nba_neighbours_sizes *b = &sizes->neighbours[i];
        uint32_t sparse = b->sparse;
        bool has = b->last != 0;
        const struct field b_fields[] = {
            {"last", &b->last}, {"entries", &b->entries}, {"sparse", &sparse}};
        walk_member(walk,
                    nba_fusion_member_name((enum nba_fusion_member)(NBA_NEIGHBOURS_FIRST + i)),
                    &has, b_fields, NBA_ARRAY_COUNT(b_fields));
        if (sparse > 1 || has != (b->last != 0)) {
            walk_fail(walk, "last from 1 on, sparse 0 or 1");
        }
        b->sparse = sparse != 0;
    }
}

/* A tensor's entry must say exactly what follows from the sizes; only the checksum is news. */
static void walk_tensors(struct walk *walk, struct nba_manifest *manifest)
{
    char text[256];
    const char *separator = "\n";
    (void)snprintf(text, sizeof text, ",\n  \"tensors_bytes\": %" PRIu64 ",\n  \"tensors\": [",
                   manifest->layout.bytes);
    walk_text(walk, text);
    for (int t = 0; t < NBA_TENSOR_COUNT; t++) {
        const struct nba_tensor_place *place = &manifest->layout.places[t];
        char dims[64];
        if (!place->present) {
            continue;
        }
        (void)snprintf(dims, sizeof dims, place->rank == 2 ? "%" PRIu64 ", %" PRIu64 : "%" PRIu64,
                       place->dims[0], place->dims[1]);
        (void)snprintf(text, sizeof text,
                       "%s    {\"name\": \"%s\", \"type\": \"%s\", \"dims\": [%s], \"offset\": "
                       "%" PRIu64 ", \"bytes\": %" PRIu64 ", \"sha256\": ",
                       separator, place->name, place->type, dims, place->offset, place->bytes);
        walk_text(walk, text);
        walk_sha256(walk, manifest->sha256[t], false);
        walk_text(walk, "}");
        separator = ",\n";
    }
    walk_text(walk, "\n  ]\n}");
}

/* The part before the tensors, whose layout needs its sizes. */
static void walk_head(struct walk *walk, struct nba_manifest *manifest)
{
    walk_text(walk, ",\n  \"endianness\": \"little\",\n  \"parent\": ");
    walk_sha256(walk, manifest->parent, true);
    walk_text(walk, ",\n");
    walk_sizes(walk, &manifest->sizes);
    walk_text(walk, "  \"training\": ");
    walk_object(walk, &manifest->training);
    walk_text(walk, ",\n  \"report\": {\"bytes\": ");
    walk_number(walk, &manifest->report_bytes);
    walk_text(walk, ", \"sha256\": ");
    walk_sha256(walk, manifest->report_sha256, false);
    walk_text(walk, "}");
}

static uint64_t walk_format(struct walk *walk)
{
    uint64_t format = NBA_RELEASE_FORMAT;
    walk_text(walk, "{\n  \"format\": ");
    walk_number(walk, &format);
    return format;
}

void nba_manifest_print(struct nba_manifest *manifest, struct nba_buf *buf)
{
    struct walk walk = {.out = buf};
    (void)walk_format(&walk);
    walk_head(&walk, manifest);
    walk_tensors(&walk, manifest);
    walk_text(&walk, "\n");
}

static enum nba_status walk_status(const struct walk *walk, struct nba_error *error)
{
    return walk->failed ? nba_error_set(error, NBA_E_CORRUPT, "byte %zu: expected %s",
                                        walk->failed_at, walk->expected)
                        : NBA_OK;
}

enum nba_status nba_manifest_scan(struct nba_str text, struct nba_manifest *ret_manifest,
                                  struct nba_error *error)
{
    struct walk walk = reading(text);
    struct nba_manifest manifest = {0};
    struct nba_release_sizes *sizes = &manifest.sizes;
    if (text.bytes == 0) {
        return nba_error_set(error, NBA_E_CORRUPT, "empty");
    }
    const uint64_t format = walk_format(&walk);
    if (!walk.failed && format != NBA_RELEASE_FORMAT) {
        return nba_error_set(error, NBA_E_VERSION, "format %" PRIu64 ", this program reads %u",
                             format, NBA_RELEASE_FORMAT);
    }
    walk_head(&walk, &manifest);
    sizes->lstm.contents = sizes->contents;
    sizes->ncf.contents = sizes->contents;
    sizes->ncf.segments = sizes->specialties + 1;
    enum nba_status status = walk_status(&walk, error);
    if (status == NBA_OK) {
        status = nba_release_sizes_check(sizes, error);
    }
    if (status != NBA_OK) {
        return status;
    }
    manifest.layout = nba_release_layout(sizes);
    walk_tensors(&walk, &manifest);
    if (walk.end - walk.next != 1 || *walk.next != '\n') {
        walk_fail(&walk, "the end");
    }
    status = walk_status(&walk, error);
    if (status == NBA_OK) {
        *ret_manifest = manifest;
    }
    return status;
}
