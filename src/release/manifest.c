/*
 * A printer and a strict scanner of one and the same text.  The scanner is a cursor that turns
 * `failed` once and remembers what it expected and where; nothing is allocated and nothing
 * recurses.
 */
#include "manifest.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "nba/base/limits.h"
#include "nba/release/release.h"

bool nba_release_id_is_valid(struct nba_str text)
{
    if (text.bytes != NBA_SHA256_TEXT_BYTES - 1) {
        return false;
    }
    for (size_t i = 0; i < text.bytes; i++) {
        const char c = text.data[i];
        if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'))) {
            return false;
        }
    }
    return true;
}

/* ---- printing ---- */

static void print_members(const struct nba_release_sizes *sizes, struct nba_buf *buf)
{
    if (sizes->has_lstm) {
        nba_buf_printf(buf, "  \"lstm\": {\"width\": %u, \"hidden_1\": %u, \"hidden_2\": %u},\n",
                       sizes->lstm.width, sizes->lstm.hidden_1, sizes->lstm.hidden_2);
    } else {
        nba_buf_printf(buf, "  \"lstm\": null,\n");
    }
    if (sizes->has_ncf) {
        nba_buf_printf(buf,
                       "  \"ncf\": {\"width\": %u, \"layer_1\": %u, \"layer_2\": %u, "
                       "\"layer_3\": %u},\n",
                       sizes->ncf.width, sizes->ncf.layer_1, sizes->ncf.layer_2,
                       sizes->ncf.layer_3);
    } else {
        nba_buf_printf(buf, "  \"ncf\": null,\n");
    }
}

static void print_tensor(const struct nba_manifest *manifest, int tensor, struct nba_buf *buf)
{
    const struct nba_tensor_place *place = &manifest->layout.places[tensor];
    nba_buf_printf(buf, "    {\"name\": \"%s\", \"type\": \"%s\", \"dims\": [%" PRIu64,
                   nba_release_tensor_name((enum nba_release_tensor)tensor),
                   nba_release_type_name(place->type), place->dims[0]);
    if (place->rank == 2) {
        nba_buf_printf(buf, ", %" PRIu64, place->dims[1]);
    }
    nba_buf_printf(buf, "], \"offset\": %" PRIu64 ", \"bytes\": %" PRIu64 ", \"sha256\": \"%s\"}",
                   place->offset, place->bytes, manifest->sha256[tensor]);
}

void nba_manifest_print(const struct nba_manifest *manifest, struct nba_buf *buf)
{
    const struct nba_release_sizes *sizes = &manifest->sizes;
    nba_buf_printf(buf,
                   "{\n  \"format\": %u,\n  \"endianness\": \"little\",\n  \"parent\": \"%s\",\n",
                   NBA_RELEASE_FORMAT, manifest->parent);
    nba_buf_printf(buf,
                   "  \"window_events\": %u,\n  \"contents\": %u,\n  \"specialties\": %u,\n"
                   "  \"vocabulary_bytes\": %u,\n  \"specialty_bytes\": %u,\n",
                   sizes->window_events, sizes->contents, sizes->specialties,
                   sizes->vocabulary_bytes, sizes->specialty_bytes);
    print_members(sizes, buf);
    nba_buf_printf(buf, "  \"training\": ");
    nba_buf_append_str(buf, manifest->training);
    nba_buf_printf(buf,
                   ",\n  \"report\": {\"bytes\": %" PRIu64 ", \"sha256\": \"%s\"},\n"
                   "  \"tensors_bytes\": %" PRIu64 ",\n  \"tensors\": [",
                   manifest->report_bytes, manifest->report_sha256, manifest->layout.bytes);
    const char *separator = "\n";
    for (int t = 0; t < NBA_TENSOR_COUNT; t++) {
        if (manifest->layout.places[t].present) {
            nba_buf_printf(buf, "%s", separator);
            print_tensor(manifest, t, buf);
            separator = ",\n";
        }
    }
    nba_buf_printf(buf, "\n  ]\n}\n");
}

/* ---- scanning ---- */

struct scan {
    const char *start;
    const char *next;
    const char *end;
    bool failed;
    char expected[96];
    size_t failed_at;
};

static void scan_fail(struct scan *scan, const char *expected)
{
    if (!scan->failed) {
        scan->failed = true;
        scan->failed_at = (size_t)(scan->next - scan->start);
        (void)snprintf(scan->expected, sizeof scan->expected, "%s", expected);
    }
}

static void scan_blanks(struct scan *scan)
{
    while (scan->next < scan->end && (*scan->next == ' ' || *scan->next == '\n' ||
                                      *scan->next == '\r' || *scan->next == '\t')) {
        scan->next++;
    }
}

/* A literal, blanks before it allowed. */
static void scan_text(struct scan *scan, const char *text)
{
    scan_blanks(scan);
    const size_t bytes = strlen(text);
    if (scan->failed || (size_t)(scan->end - scan->next) < bytes ||
        memcmp(scan->next, text, bytes) != 0) {
        scan_fail(scan, text);
        return;
    }
    scan->next += bytes;
}

static bool scan_try(struct scan *scan, const char *text)
{
    scan_blanks(scan);
    const size_t bytes = strlen(text);
    if (scan->failed || (size_t)(scan->end - scan->next) < bytes ||
        memcmp(scan->next, text, bytes) != 0) {
        return false;
    }
    scan->next += bytes;
    return true;
}

/* "name": */
static void scan_key(struct scan *scan, const char *name)
{
    char key[64];
    (void)snprintf(key, sizeof key, "\"%s\"", name);
    scan_text(scan, key);
    scan_text(scan, ":");
}

/* A decimal below 2^53 without sign or leading zero. */
static uint64_t scan_number(struct scan *scan)
{
    scan_blanks(scan);
    const char *first = scan->next;
    uint64_t value = 0;
    while (!scan->failed && scan->next < scan->end && *scan->next >= '0' && *scan->next <= '9' &&
           scan->next - first < 16) {
        value = value * 10 + (uint64_t)(*scan->next - '0');
        scan->next++;
    }
    if (scan->next == first || (*first == '0' && scan->next - first > 1) ||
        value > (UINT64_C(1) << 53)) {
        scan->next = first;
        scan_fail(scan, "a number");
        return 0;
    }
    return value;
}

static uint32_t scan_u32(struct scan *scan)
{
    const uint64_t value = scan_number(scan);
    if (value > UINT32_MAX) {
        scan_fail(scan, "a number below 2^32");
        return 0;
    }
    return (uint32_t)value;
}

static void scan_sha256(struct scan *scan, char ret_text[NBA_SHA256_TEXT_BYTES])
{
    scan_text(scan, "\"");
    const size_t bytes = NBA_SHA256_TEXT_BYTES - 1;
    if (scan->failed || (size_t)(scan->end - scan->next) < bytes ||
        !nba_release_id_is_valid(nba_str(scan->next, bytes))) {
        scan_fail(scan, "64 hexadecimal digits");
        return;
    }
    memcpy(ret_text, scan->next, bytes);
    ret_text[bytes] = '\0';
    scan->next += bytes;
    scan_text(scan, "\"");
}

static void scan_json_string(struct scan *scan)
{
    scan_text(scan, "\"");
    while (!scan->failed && scan->next < scan->end && *scan->next != '"') {
        if ((unsigned char)*scan->next < 0x20) {
            scan_fail(scan, "no control character");
        } else if (*scan->next == '\\') {
            scan->next++;
            if (scan->next == scan->end || strchr("\"\\/bfnrtu", *scan->next) == NULL) {
                scan_fail(scan, "an escape");
            }
        }
        scan->next += scan->next < scan->end;
    }
    scan_text(scan, "\"");
}

/* A number, true, false or null. */
static void scan_json_word(struct scan *scan)
{
    if (scan_try(scan, "true") || scan_try(scan, "false") || scan_try(scan, "null")) {
        return;
    }
    const char *first = scan->next;
    while (scan->next < scan->end && *scan->next != '\0' &&
           strchr("+-.0123456789eE", *scan->next) != NULL) {
        scan->next++;
    }
    if (scan->next == first) {
        scan_fail(scan, "a JSON value");
    }
}

/* Any JSON value; the open brackets are a stack of bits. */
static struct nba_str scan_json(struct scan *scan)
{
    scan_blanks(scan);
    const char *first = scan->next;
    char open[NBA_DEPTH_MAX];
    size_t depth = 0;
    bool value_expected = true;
    do {
        scan_blanks(scan);
        if (scan->next == scan->end) {
            scan_fail(scan, "more JSON");
        } else if (value_expected && (*scan->next == '{' || *scan->next == '[')) {
            if (depth == NBA_DEPTH_MAX) {
                scan_fail(scan, "less nesting");
                break;
            }
            open[depth++] = *scan->next == '{' ? '}' : ']';
            scan->next++;
            value_expected = true;
            scan_blanks(scan);
            if (scan->next < scan->end && *scan->next == open[depth - 1]) {
                value_expected = false; /* empty: closed below */
            } else if (open[depth - 1] == '}') {
                scan_json_string(scan);
                scan_text(scan, ":");
            }
        } else if (value_expected) {
            if (*scan->next == '"') {
                scan_json_string(scan);
            } else {
                scan_json_word(scan);
            }
            value_expected = false;
        } else if (*scan->next == ',') {
            scan->next++;
            value_expected = true;
            if (open[depth - 1] == '}') {
                scan_json_string(scan);
                scan_text(scan, ":");
            }
        } else if (*scan->next == open[depth - 1]) {
            scan->next++;
            depth--;
        } else {
            scan_fail(scan, "',' or a closing bracket");
        }
    } while (!scan->failed && (depth > 0 || value_expected));
    return nba_str(first, (size_t)(scan->next - first));
}

bool nba_manifest_json_is_valid(struct nba_str text, bool object)
{
    if (text.bytes == 0) {
        return false;
    }
    struct scan scan = {.start = text.data, .next = text.data, .end = text.data + text.bytes};
    scan_blanks(&scan);
    if (object && (scan.next == scan.end || *scan.next != '{')) {
        return false;
    }
    (void)scan_json(&scan);
    scan_blanks(&scan);
    return !scan.failed && scan.next == scan.end;
}

static void scan_sizes(struct scan *scan, struct nba_release_sizes *sizes)
{
    scan_key(scan, "window_events");
    sizes->window_events = scan_u32(scan);
    scan_text(scan, ",");
    scan_key(scan, "contents");
    sizes->contents = scan_u32(scan);
    scan_text(scan, ",");
    scan_key(scan, "specialties");
    sizes->specialties = scan_u32(scan);
    scan_text(scan, ",");
    scan_key(scan, "vocabulary_bytes");
    sizes->vocabulary_bytes = scan_u32(scan);
    scan_text(scan, ",");
    scan_key(scan, "specialty_bytes");
    sizes->specialty_bytes = scan_u32(scan);
    scan_text(scan, ",");
}

/* {"a": 1, "b": 2 ...} with the given keys */
static void scan_numbers(struct scan *scan, const char *const *keys, uint32_t *const *values,
                         size_t count)
{
    scan_text(scan, "{");
    for (size_t i = 0; i < count; i++) {
        if (i > 0) {
            scan_text(scan, ",");
        }
        scan_key(scan, keys[i]);
        *values[i] = scan_u32(scan);
    }
    scan_text(scan, "}");
}

static void scan_members(struct scan *scan, struct nba_release_sizes *sizes)
{
    static const char *const lstm_keys[] = {"width", "hidden_1", "hidden_2"};
    static const char *const ncf_keys[] = {"width", "layer_1", "layer_2", "layer_3"};
    struct nba_lstm_shape *lstm = &sizes->lstm;
    struct nba_ncf_shape *ncf = &sizes->ncf;
    uint32_t *const lstm_values[] = {&lstm->width, &lstm->hidden_1, &lstm->hidden_2};
    uint32_t *const ncf_values[] = {&ncf->width, &ncf->layer_1, &ncf->layer_2, &ncf->layer_3};

    scan_key(scan, "lstm");
    sizes->has_lstm = !scan_try(scan, "null");
    if (sizes->has_lstm) {
        scan_numbers(scan, lstm_keys, lstm_values, NBA_ARRAY_COUNT(lstm_keys));
        lstm->contents = sizes->contents;
    }
    scan_text(scan, ",");
    scan_key(scan, "ncf");
    sizes->has_ncf = !scan_try(scan, "null");
    if (sizes->has_ncf) {
        scan_numbers(scan, ncf_keys, ncf_values, NBA_ARRAY_COUNT(ncf_keys));
        ncf->contents = sizes->contents;
        ncf->segments = sizes->specialties + 1;
    }
    scan_text(scan, ",");
}

/* A tensor's entry must say exactly what follows from the sizes; only the checksum is news. */
static void scan_tensor(struct scan *scan, struct nba_manifest *manifest, int tensor)
{
    const struct nba_tensor_place *place = &manifest->layout.places[tensor];
    char expected[256];
    char dims[64];
    (void)snprintf(dims, sizeof dims, place->rank == 2 ? "%" PRIu64 ", %" PRIu64 : "%" PRIu64,
                   place->dims[0], place->dims[1]);
    (void)snprintf(expected, sizeof expected,
                   "{\"name\": \"%s\", \"type\": \"%s\", \"dims\": [%s], \"offset\": %" PRIu64
                   ", \"bytes\": %" PRIu64 ", \"sha256\":",
                   nba_release_tensor_name((enum nba_release_tensor)tensor),
                   nba_release_type_name(place->type), dims, place->offset, place->bytes);
    scan_text(scan, expected);
    scan_sha256(scan, manifest->sha256[tensor]);
    scan_text(scan, "}");
}

static void scan_tensors(struct scan *scan, struct nba_manifest *manifest)
{
    scan_key(scan, "tensors_bytes");
    if (scan_number(scan) != manifest->layout.bytes) {
        scan_fail(scan, "tensors_bytes as the sizes demand");
    }
    scan_text(scan, ",");
    scan_key(scan, "tensors");
    scan_text(scan, "[");
    bool first = true;
    for (int t = 0; t < NBA_TENSOR_COUNT; t++) {
        if (manifest->layout.places[t].present) {
            if (!first) {
                scan_text(scan, ",");
            }
            scan_tensor(scan, manifest, t);
            first = false;
        }
    }
    scan_text(scan, "]");
    scan_text(scan, "}");
    scan_blanks(scan);
    if (!scan->failed && scan->next != scan->end) {
        scan_fail(scan, "the end");
    }
}

static enum nba_status scan_status(const struct scan *scan, struct nba_error *error)
{
    if (scan->failed) {
        return nba_error_set(error, NBA_E_CORRUPT, "byte %zu: expected %s", scan->failed_at,
                             scan->expected);
    }
    return NBA_OK;
}

enum nba_status nba_manifest_scan(struct nba_str text, struct nba_manifest *ret_manifest,
                                  struct nba_error *error)
{
    struct scan scan = {.start = text.data, .next = text.data, .end = text.data + text.bytes};
    struct nba_manifest manifest = {0};
    if (text.bytes == 0) {
        return nba_error_set(error, NBA_E_CORRUPT, "empty");
    }
    scan_text(&scan, "{");
    scan_key(&scan, "format");
    const uint64_t format = scan_number(&scan);
    if (!scan.failed && format != NBA_RELEASE_FORMAT) {
        return nba_error_set(error, NBA_E_VERSION, "format %" PRIu64 ", this program reads %u",
                             format, NBA_RELEASE_FORMAT);
    }
    scan_text(&scan, ",");
    scan_key(&scan, "endianness");
    scan_text(&scan, "\"little\"");
    scan_text(&scan, ",");
    scan_key(&scan, "parent");
    if (!scan_try(&scan, "\"\"")) {
        scan_sha256(&scan, manifest.parent);
    }
    scan_text(&scan, ",");
    scan_sizes(&scan, &manifest.sizes);
    if (!scan.failed && manifest.sizes.specialties > NBA_RELEASE_SPECIALTIES_MAX) {
        scan_fail(&scan, "fewer specialties");
    }
    scan_members(&scan, &manifest.sizes);
    enum nba_status status = scan_status(&scan, error);
    if (status == NBA_OK) {
        status = nba_release_sizes_check(&manifest.sizes, error);
    }
    if (status != NBA_OK) {
        return status;
    }
    manifest.layout = nba_release_layout(&manifest.sizes);
    scan_key(&scan, "training");
    scan_blanks(&scan);
    if (scan.next == scan.end || *scan.next != '{') {
        scan_fail(&scan, "an object");
    }
    manifest.training = scan_json(&scan);
    scan_text(&scan, ",");
    scan_key(&scan, "report");
    scan_text(&scan, "{");
    scan_key(&scan, "bytes");
    manifest.report_bytes = scan_number(&scan);
    scan_text(&scan, ",");
    scan_key(&scan, "sha256");
    scan_sha256(&scan, manifest.report_sha256);
    scan_text(&scan, "}");
    scan_text(&scan, ",");
    scan_tensors(&scan, &manifest);
    status = scan_status(&scan, error);
    if (status == NBA_OK) {
        *ret_manifest = manifest;
    }
    return status;
}
