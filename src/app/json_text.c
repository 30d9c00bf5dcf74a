/* Escapes are those of RFC 8259; what isn't UTF-8 is replaced, never passed on. */
#include "json_text.h"

#include <math.h>

#include "nba/base/time_text.h"

/* Bytes of the UTF-8 sequence at `p`; 0 when it is none. */
static size_t sequence_bytes(const unsigned char *p, size_t left)
{
    static const struct {
        unsigned char mask, lead;
        size_t bytes;
    } forms[] = {{0x80, 0x00, 1}, {0xe0, 0xc0, 2}, {0xf0, 0xe0, 3}, {0xf8, 0xf0, 4}};
    for (size_t f = 0; f < NBA_ARRAY_COUNT(forms); f++) {
        if ((p[0] & forms[f].mask) != forms[f].lead) {
            continue;
        }
        for (size_t i = 1; i < forms[f].bytes; i++) {
            if (i >= left || (p[i] & 0xc0) != 0x80) {
                return 0;
            }
        }
        return forms[f].bytes <= left ? forms[f].bytes : 0;
    }
    return 0;
}

void nba_json_text(struct nba_buf *buf, struct nba_str text)
{
    const unsigned char *p = (const unsigned char *)text.data;
    size_t left = text.bytes;
    nba_buf_append_byte(buf, '"');
    while (left != 0) {
        const size_t bytes = sequence_bytes(p, left);
        if (bytes == 0) {
            nba_buf_append_str(buf, nba_str_of("\xef\xbf\xbd"));
        } else if (*p == '"' || *p == '\\') {
            nba_buf_printf(buf, "\\%c", *p);
        } else if (*p < ' ') {
            nba_buf_printf(buf, "\\u%04x", *p);
        } else {
            nba_buf_append(buf, p, bytes);
        }
        p += bytes != 0 ? bytes : 1;
        left -= bytes != 0 ? bytes : 1;
    }
    nba_buf_append_byte(buf, '"');
}

void nba_json_comma(struct nba_buf *buf)
{
    const unsigned char last = buf->bytes != 0 ? buf->data[buf->bytes - 1] : '{';
    if (last != '{' && last != '[' && last != '\n') {
        nba_buf_append_byte(buf, ',');
    }
}

void nba_json_member(struct nba_buf *buf, const char *name)
{
    nba_json_comma(buf);
    nba_buf_printf(buf, "\"%s\":", name);
}

void nba_json_member_text(struct nba_buf *buf, const char *name, struct nba_str text)
{
    nba_json_member(buf, name);
    nba_json_text(buf, text);
}

void nba_json_member_time(struct nba_buf *buf, const char *name, int64_t ms)
{
    char text[NBA_TIME_TEXT_BYTES];
    nba_json_member(buf, name);
    if (ms == INT64_MIN) {
        nba_buf_append_str(buf, nba_str_of("null"));
        return;
    }
    nba_time_format(ms, text);
    nba_json_text(buf, nba_str_of(text));
}

void nba_json_member_number(struct nba_buf *buf, const char *name, double value)
{
    nba_json_member(buf, name);
    if (isfinite(value)) {
        nba_buf_printf(buf, "%.10g", value);
    } else {
        nba_buf_append_str(buf, nba_str_of("null"));
    }
}
