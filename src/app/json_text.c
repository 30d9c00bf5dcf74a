#include "json_text.h"

#include <math.h>

#include "nba/base/time_text.h"
#include "nba/event/event.h"

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
    nba_buf_append_quoted(buf, text);
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
