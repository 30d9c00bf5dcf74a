/* A scanner that knows where values begin and end; depth is bounded and nothing recurses.  What a
 * nested value holds is only told apart by brackets and strings. */
#include "flat_json_internal.h"

#include <string.h>

#include "nba/base/limits.h"

struct scan {
    const char *at;
    const char *end;
};

static void skip_blanks(struct scan *scan)
{
    while (scan->at < scan->end && memchr(" \t\r\n", *scan->at, 4) != NULL) {
        scan->at++;
    }
}

static bool take_char(struct scan *scan, char wanted)
{
    skip_blanks(scan);
    if (scan->at == scan->end || *scan->at != wanted) {
        return false;
    }
    scan->at++;
    return true;
}

/* The bytes between the quotes, escapes left in; *ret_escaped when there are any. */
static bool take_string(struct scan *scan, struct nba_str *ret_raw, bool *ret_escaped)
{
    if (!take_char(scan, '"')) {
        return false;
    }
    const char *begin = scan->at;
    *ret_escaped = false;
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
    *ret_raw = nba_str(begin, (size_t)(scan->at - begin));
    scan->at++;
    return true;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    if (c >= 'a' && c <= 'f') {
        return c - 'a' + 10;
    }
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static bool take_hex4(const char **at, const char *end, uint32_t *ret_unit)
{
    uint32_t unit = 0;
    if (end - *at < 4) {
        return false;
    }
    for (int i = 0; i < 4; i++) {
        const int digit = hex_digit((*at)[i]);
        if (digit < 0) {
            return false;
        }
        unit = unit << 4 | (uint32_t)digit;
    }
    *at += 4;
    *ret_unit = unit;
    return true;
}

static void append_utf8(struct nba_buf *buf, uint32_t point)
{
    if (point < 0x80) {
        nba_buf_append_byte(buf, (unsigned char)point);
    } else if (point < 0x800) {
        nba_buf_append_byte(buf, (unsigned char)(0xC0 | point >> 6));
        nba_buf_append_byte(buf, (unsigned char)(0x80 | (point & 0x3F)));
    } else if (point < 0x10000) {
        nba_buf_append_byte(buf, (unsigned char)(0xE0 | point >> 12));
        nba_buf_append_byte(buf, (unsigned char)(0x80 | (point >> 6 & 0x3F)));
        nba_buf_append_byte(buf, (unsigned char)(0x80 | (point & 0x3F)));
    } else {
        nba_buf_append_byte(buf, (unsigned char)(0xF0 | point >> 18));
        nba_buf_append_byte(buf, (unsigned char)(0x80 | (point >> 12 & 0x3F)));
        nba_buf_append_byte(buf, (unsigned char)(0x80 | (point >> 6 & 0x3F)));
        nba_buf_append_byte(buf, (unsigned char)(0x80 | (point & 0x3F)));
    }
}

/* \uXXXX behind the u; two of them for a point beyond 0xFFFF. */
static bool take_point(const char **at, const char *end, struct nba_buf *buf)
{
    uint32_t unit = 0;
    uint32_t low = 0;
    if (!take_hex4(at, end, &unit)) {
        return false;
    }
    if (unit >= 0xD800 && unit < 0xDC00) {
        if (end - *at < 6 || (*at)[0] != '\\' || (*at)[1] != 'u') {
            return false;
        }
        *at += 2;
        if (!take_hex4(at, end, &low) || low < 0xDC00 || low > 0xDFFF) {
            return false;
        }
        unit = 0x10000 + ((unit - 0xD800) << 10) + (low - 0xDC00);
    } else if (unit >= 0xDC00 && unit < 0xE000) {
        return false;
    }
    append_utf8(buf, unit);
    return true;
}

static bool unescape(struct nba_str raw, struct nba_buf *buf)
{
    static const char from[] = "\"\\/bfnrt";
    static const char to[] = "\"\\/\b\f\n\r\t";
    const char *end = raw.data + raw.bytes;
    for (const char *at = raw.data; at < end;) {
        if (*at != '\\') {
            nba_buf_append_byte(buf, (unsigned char)*at);
            at++;
            continue;
        }
        at++;
        if (at == end) {
            return false;
        }
        const char *known = strchr(from, *at);
        if (*at == 'u') {
            at++;
            if (!take_point(&at, end, buf)) {
                return false;
            }
        } else if (*at != '\0' && known != NULL) {
            nba_buf_append_byte(buf, (unsigned char)to[known - from]);
            at++;
        } else {
            return false;
        }
    }
    return true;
}

/* From an opening bracket to the one that closes it. */
static bool take_nested(struct scan *scan, struct nba_str *ret_text)
{
    const char *begin = scan->at;
    uint32_t depth = 0;
    do {
        struct nba_str raw;
        bool escaped = false;
        if (*scan->at == '"') {
            if (!take_string(scan, &raw, &escaped)) {
                return false;
            }
            continue;
        }
        depth += *scan->at == '{' || *scan->at == '[' ? 1 : 0;
        depth -= *scan->at == '}' || *scan->at == ']' ? 1 : 0;
        scan->at++;
        if (depth > NBA_DEPTH_MAX) {
            return false;
        }
    } while (depth > 0 && scan->at < scan->end);
    *ret_text = nba_str(begin, (size_t)(scan->at - begin));
    return depth == 0;
}

/* A value; data NULL for null. */
static bool take_value(struct scan *scan, struct nba_buf *scratch, struct nba_str *ret_value)
{
    struct nba_str raw = {NULL, 0};
    bool escaped = false;
    skip_blanks(scan);
    if (scan->at == scan->end) {
        return false;
    }
    if (*scan->at == '"') {
        if (!take_string(scan, &raw, &escaped)) {
            return false;
        }
        if (escaped) {
            const size_t before = scratch->bytes;
            if (!unescape(raw, scratch) || scratch->failed) {
                return false;
            }
            /* An offset in place of a pointer: the scratch may still move. */
            *ret_value = nba_str(NULL, scratch->bytes - before);
            return true;
        }
        *ret_value = raw;
        return true;
    }
    if (*scan->at == '{' || *scan->at == '[') {
        return take_nested(scan, ret_value);
    }
    const char *begin = scan->at;
    while (scan->at < scan->end && memchr(",}] \t\r\n", *scan->at, 7) == NULL) {
        scan->at++;
    }
    raw = nba_str(begin, (size_t)(scan->at - begin));
    *ret_value = nba_str_is(raw, "null") ? nba_str(NULL, 0) : raw;
    return raw.bytes > 0;
}

struct flat {
    const char *const *names;
    size_t count;
    struct nba_buf *scratch;
    struct nba_str *cells;
};

static bool take_member(struct scan *scan, const struct flat *flat)
{
    struct nba_str name;
    struct nba_str value = {NULL, 0};
    bool escaped = false;
    if (!take_string(scan, &name, &escaped) || !take_char(scan, ':')) {
        return false;
    }
    const size_t before = flat->scratch->bytes;
    if (!take_value(scan, flat->scratch, &value)) {
        return false;
    }
    if (value.data == NULL && flat->scratch->bytes > before) {
        /* Room for every unescaped text was taken beforehand: the scratch doesn't move. */
        value.data = (const char *)flat->scratch->data + before;
    }
    for (size_t i = 0; i < flat->count; i++) {
        if (nba_str_is(name, flat->names[i])) {
            flat->cells[i] = value;
        }
    }
    return true;
}

enum nba_status nba_flat_json_read(struct nba_str text, const char *const *names, size_t count,
                                   struct nba_buf *scratch, struct nba_str *ret_cells,
                                   struct nba_error *error)
{
    struct scan scan = {text.data, text.data + text.bytes};
    const struct flat flat = {names, count, scratch, ret_cells};
    /* Unescaped text is never longer than escaped text. */
    nba_buf_reset(scratch);
    (void)nba_buf_extend(scratch, text.bytes);
    const bool room = !scratch->failed;
    nba_buf_reset(scratch);
    for (size_t i = 0; i < count; i++) {
        ret_cells[i] = nba_str(NULL, 0);
    }
    bool good = room && take_char(&scan, '{');
    skip_blanks(&scan);
    if (good && scan.at < scan.end && *scan.at != '}') {
        do {
            good = take_member(&scan, &flat);
        } while (good && take_char(&scan, ','));
    }
    good = good && take_char(&scan, '}');
    skip_blanks(&scan);
    if (!good || scan.at != scan.end) {
        return nba_error_set(error, NBA_E_CONFIG, "expected one JSON object, wrong at byte %zu",
                             (size_t)(scan.at - text.data));
    }
    return NBA_OK;
}
