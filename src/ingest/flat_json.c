/* A scanner that knows where values begin and end; depth is bounded and nothing recurses.  What a
 * nested value holds is only told apart by brackets and strings. */
#include "flat_json_internal.h"

#include <string.h>

#include "nba/base/assert.h"
#include "nba/base/limits.h"
#include "nba/codec/json.h"

struct scan {
    const char *at;
    const char *end;
    struct nba_buf *scratch;
};

static bool is_one_of(char c, const char *list)
{
    return c != '\0' && strchr(list, c) != NULL;
}

static void skip_blanks(struct scan *scan)
{
    while (scan->at < scan->end && is_one_of(*scan->at, " \t\r\n")) {
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

static struct nba_str taken(const struct scan *scan, const char *begin)
{
    return nba_str(begin, (size_t)(scan->at - begin));
}

/* A string with its quotes, escapes left in; *ret_escaped when there are any. */
static bool take_string(struct scan *scan, struct nba_str *ret_quoted, bool *ret_escaped)
{
    const char *begin = scan->at;
    *ret_escaped = false;
    if (!take_char(scan, '"')) {
        return false;
    }
    while (scan->at < scan->end && *scan->at != '"') {
        if (*scan->at == '\\') {
            *ret_escaped = true;
            scan->at++;
        }
        scan->at += scan->at < scan->end ? 1 : 0;
    }
    if (scan->at == scan->end) {
        return false;
    }
    scan->at++;
    *ret_quoted = taken(scan, begin);
    return true;
}

/* The scratch has room for all texts: it doesn't move. */
static bool take_text(struct scan *scan, struct nba_str *ret_text)
{
    struct nba_str quoted;
    bool escaped = false;
    skip_blanks(scan);
    if (!take_string(scan, &quoted, &escaped)) {
        return false;
    }
    *ret_text = nba_str(quoted.data + 1, quoted.bytes - 2);
    if (escaped) {
        const size_t before = scan->scratch->bytes;
        if (!nba_json_unescape(quoted, scan->scratch)) {
            return false;
        }
        ret_text->data = (const char *)scan->scratch->data + before;
        ret_text->bytes = scan->scratch->bytes - before;
    }
    return true;
}

/* From an opening bracket to the one that closes it. */
static bool take_nested(struct scan *scan, struct nba_str *ret_text)
{
    const char *begin = scan->at;
    uint32_t depth = 0;
    do {
        struct nba_str quoted;
        bool escaped = false;
        if (*scan->at == '"') {
            if (!take_string(scan, &quoted, &escaped)) {
                return false;
            }
            continue;
        }
        depth += *scan->at == '{' || *scan->at == '[' ? 1 : 0;
        depth -= *scan->at == '}' || *scan->at == ']' ? 1 : 0;
        scan->at++;
    } while (depth > 0 && depth <= NBA_DEPTH_MAX && scan->at < scan->end);
    *ret_text = taken(scan, begin);
    return depth == 0;
}

/* A value; data NULL for null. */
static bool take_value(struct scan *scan, struct nba_str *ret_value)
{
    skip_blanks(scan);
    if (scan->at < scan->end && *scan->at == '"') {
        return take_text(scan, ret_value);
    }
    if (scan->at < scan->end && (*scan->at == '{' || *scan->at == '[')) {
        return take_nested(scan, ret_value);
    }
    const char *begin = scan->at;
    while (scan->at < scan->end && !is_one_of(*scan->at, ",}] \t\r\n")) {
        scan->at++;
    }
    *ret_value = taken(scan, begin);
    if (nba_str_is(*ret_value, "null")) {
        ret_value->data = NULL;
        ret_value->bytes = 0;
    }
    return scan->at > begin;
}

static bool take_members(struct scan *scan, const char *const *names, size_t count,
                         struct nba_str *ret_cells)
{
    do {
        struct nba_str name;
        struct nba_str value;
        if (!take_text(scan, &name) || !take_char(scan, ':') || !take_value(scan, &value)) {
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
