/* The members of one object; what a value is, and where it ends, is codec's to say. */
#include "flat_json_internal.h"

#include <string.h>

#include "nba/base/assert.h"
#include "nba/codec/json.h"
#include "nba/codec/json_value.h"

struct scan {
    const char *at;
    const char *end;
    struct nba_buf *scratch;
};

static void skip_blanks(struct scan *scan)
{
    while (scan->at < scan->end &&
           (*scan->at == ' ' || *scan->at == '\t' || *scan->at == '\r' || *scan->at == '\n')) {
        scan->at++;
    }
}

static bool take_char(struct scan *scan, char wanted)
{
    skip_blanks(scan);
    const bool there = scan->at < scan->end && *scan->at == wanted;
    scan->at += there ? 1 : 0;
    return there;
}

/* A value as it is written; of a string what it stands for; data NULL for null. */
static bool take_value(struct scan *scan, struct nba_str *ret_value)
{
    skip_blanks(scan);
    const struct nba_str rest = nba_str(scan->at, (size_t)(scan->end - scan->at));
    const struct nba_str value = nba_str(scan->at, nba_json_value_bytes(rest, false));
    scan->at += value.bytes;
    *ret_value = value;
    if (nba_str_is(value, "null")) {
        *ret_value = nba_str(NULL, 0);
    } else if (value.bytes != 0 && value.data[0] == '"') {
        *ret_value = nba_str(value.data + 1, value.bytes - 2);
        if (memchr(value.data, '\\', value.bytes) != NULL) {
            /* The scratch has room for all texts: it doesn't move. */
            const size_t before = scan->scratch->bytes;
            if (!nba_json_unescape(value, scan->scratch)) {
                return false;
            }
            *ret_value =
                nba_str((const char *)scan->scratch->data + before, scan->scratch->bytes - before);
        }
    }
    return value.bytes != 0;
}

static bool take_members(struct scan *scan, const char *const *names, size_t count,
                         struct nba_str *ret_cells)
{
    do {
        struct nba_str name;
        struct nba_str value;
        skip_blanks(scan);
        if (scan->at == scan->end || *scan->at != '"' || !take_value(scan, &name) ||
            !take_char(scan, ':') || !take_value(scan, &value)) {
            return false;
        }
        for (size_t i = 0; i < count; i++) {
            if (nba_str_is(name, names[i])) {
                ret_cells[i] = value;
            }
        }
    } while (take_char(scan, ','));
    return true;
}

enum nba_status nba_flat_json_read(struct nba_str text, const char *const *names, size_t count,
                                   struct nba_buf *scratch, struct nba_str *ret_cells,
                                   struct nba_error *error)
{
    struct scan scan = {text.data, text.data + text.bytes, scratch};
    for (size_t i = 0; i < count; i++) {
        ret_cells[i] = nba_str(NULL, 0);
    }
    /* Unescaped text is never longer than escaped text. */
    nba_buf_reset(scratch);
    void *room = nba_buf_extend(scratch, text.bytes);
    NBA_ASSERT(room != NULL);
    nba_buf_reset(scratch);
    const bool good = take_char(&scan, '{') &&
                      (take_char(&scan, '}') ||
                       (take_members(&scan, names, count, ret_cells) && take_char(&scan, '}')));
    skip_blanks(&scan);
    if (!good || scan.at != scan.end) {
        return nba_error_set(error, NBA_E_CONFIG, "expected one JSON object, wrong at byte %zu",
                             (size_t)(scan.at - text.data));
    }
    return NBA_OK;
}
