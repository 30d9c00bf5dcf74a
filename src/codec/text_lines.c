/* Bytes that were read but belong to later lines stay in `rest`. */
#include "nba/codec/text_lines.h"

#include <stdlib.h>
#include <string.h>

#include "nba/base/buf.h"
#include "nba/base/memory.h"
#include "nba/codec/text_source.h"

struct nba_text_lines {
    struct nba_text_source *source;
    struct nba_str rest;
    struct nba_buf line;
    size_t number;
};

enum nba_status nba_text_lines_open(const char *path, size_t line_bytes_max,
                                    struct nba_text_lines **ret_lines, struct nba_error *error)
{
    struct nba_text_lines *lines = nba_zeros(1, sizeof(*lines));
    nba_buf_init(&lines->line, line_bytes_max + sizeof("\r"));
    const enum nba_status status = nba_text_source_open(path, &lines->source, error);
    if (status != NBA_OK) {
        nba_text_lines_close(lines);
        return status;
    }
    *ret_lines = lines;
    return NBA_OK;
}

void nba_text_lines_close(struct nba_text_lines *lines)
{
    if (lines != NULL) {
        nba_text_source_close(lines->source);
        nba_buf_clear(&lines->line);
        free(lines);
    }
}

enum nba_status nba_text_lines_next(struct nba_text_lines *lines, struct nba_str *ret_line,
                                    bool *ret_more, struct nba_error *error)
{
    struct nba_buf *line = &lines->line;
    const char *feed = NULL;
    nba_buf_reset(line);
    do {
        if (lines->rest.bytes == 0) {
            const enum nba_status status = nba_text_source_read(lines->source, &lines->rest, error);
            if (status != NBA_OK) {
                return status;
            }
            if (lines->rest.bytes == 0) {
                break;
            }
        }
        const struct nba_str rest = lines->rest;
        feed = memchr(rest.data, '\n', rest.bytes);
        const size_t taken = feed != NULL ? (size_t)(feed - rest.data) + 1 : rest.bytes;
        nba_buf_append(line, rest.data, taken);
        lines->rest = nba_str(rest.data + taken, rest.bytes - taken);
    } while (feed == NULL);
    *ret_more = line->bytes != 0 || line->failed;
    lines->number += *ret_more;
    while (line->bytes != 0 &&
           (line->data[line->bytes - 1] == '\n' || line->data[line->bytes - 1] == '\r')) {
        line->bytes--;
    }
    nba_buf_append_byte(line, '\0');
    if (line->failed) {
        return nba_error_set(error, NBA_E_LIMIT, "line %zu is longer than %zu bytes", lines->number,
                             line->bytes_max - sizeof("\r"));
    }
    *ret_line = nba_str((const char *)line->data, line->bytes - 1);
    return NBA_OK;
}

size_t nba_text_lines_number(const struct nba_text_lines *lines)
{
    return lines->number;
}
