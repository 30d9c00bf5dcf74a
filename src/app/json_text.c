/* Escapes are those of RFC 8259; what isn't UTF-8 is replaced, never passed on. */
#include "json_text.h"

#include <math.h>

#include "nba/base/time_text.h"
#include "nba/base/utf8.h"
#include "nba/event/event.h"

static void append_quoted(struct nba_buf *buf, struct nba_str text)
{
    const unsigned char *p = (const unsigned char *)text.data;
    size_t bytes = 0;
    nba_buf_append_byte(buf, '"');
    for (size_t left = text.bytes; left != 0; left -= bytes, p += bytes) {
        bytes = nba_utf8_bytes(p, left);
        if (bytes == 0) {
            nba_buf_append_str(buf, nba_str_of("\xef\xbf\xbd"));
            bytes = 1;
        } else if (*p == '"' || *p == '\\') {
            nba_buf_printf(buf, "\\%c", *p);
        } else if (*p < ' ') {
            nba_buf_printf(buf, "\\u%04x", *p);
        } else {
            nba_buf_append(buf, p, bytes);
        }
    }
    nba_buf_append_byte(buf, '"');
}

static void begin(struct nba_buf *buf, const char *name)
{
    const unsigned char last = buf->bytes != 0 ? buf->data[buf->bytes - 1] : '\n';
    if (last != '{' && last != '[' && last != '\n') {
        nba_buf_append_byte(buf, ',');
    }
    if (name != NULL) {
        nba_buf_printf(buf, "\"%s\":", name);
    }
}

void nba_json_open(struct nba_buf *buf, const char *name, char bracket)
{
    begin(buf, name);
    nba_buf_append_byte(buf, (unsigned char)bracket);
}

void nba_json_text(struct nba_buf *buf, const char *name, struct nba_str text)
{
    begin(buf, name);
    append_quoted(buf, text);
}

void nba_json_word(struct nba_buf *buf, const char *name, const char *word)
{
    begin(buf, name);
    nba_buf_printf(buf, "\"%s\"", word);
}

void nba_json_time(struct nba_buf *buf, const char *name, int64_t ms)
{
    char text[NBA_TIME_TEXT_BYTES];
    if (ms != NBA_TIME_NONE) {
        nba_time_format(ms, text);
        nba_json_word(buf, name, text);
        return;
    }
    begin(buf, name);
    nba_buf_printf(buf, "null");
}

void nba_json_number(struct nba_buf *buf, const char *name, double value)
{
    begin(buf, name);
    if (isfinite(value)) {
        nba_buf_printf(buf, "%.10g", value);
    } else {
        nba_buf_printf(buf, "null");
    }
}
