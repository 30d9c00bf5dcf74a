/* Bytes that were read but belong to later lines stay in `rest`. */
#include "nba/app/line_reader.h"

#include <string.h>

enum nba_status nba_line_reader_open(const char *path, size_t line_bytes_max,
                                     struct nba_line_reader *ret_reader, struct nba_error *error)
{
    memset(ret_reader, 0, sizeof(*ret_reader));
    nba_buf_init(&ret_reader->line, line_bytes_max);
    return nba_text_source_open(path, &ret_reader->source, error);
}

static struct nba_str without_return(struct nba_str line)
{
    if (line.bytes > 0 && line.data[line.bytes - 1] == '\r') {
        line.bytes--;
    }
    return line;
}

enum nba_status nba_line_reader_next(struct nba_line_reader *reader, struct nba_str *ret_line,
                                     bool *ret_more, struct nba_error *error)
{
    nba_buf_reset(&reader->line);
    for (;;) {
        const char *feed =
            reader->rest.bytes > 0 ? memchr(reader->rest.data, '\n', reader->rest.bytes) : NULL;
        const size_t taken = feed != NULL ? (size_t)(feed - reader->rest.data) : reader->rest.bytes;
        nba_buf_append(&reader->line, reader->rest.data, taken);
        if (reader->line.failed) {
            return nba_error_set(error, NBA_E_LIMIT, "line %llu is too long",
                                 (unsigned long long)reader->number + 1);
        }
        const size_t skipped = taken + (feed != NULL ? 1 : 0);
        reader->rest = nba_str(reader->rest.data + skipped, reader->rest.bytes - skipped);
        if (feed != NULL) {
            break;
        }
        const enum nba_status status = nba_text_source_read(reader->source, &reader->rest, error);
        if (status != NBA_OK) {
            return status;
        }
        if (reader->rest.bytes == 0) {
            if (reader->line.bytes == 0) {
                *ret_more = false;
                return NBA_OK;
            }
            break;
        }
    }
    reader->number++;
    *ret_line = without_return(nba_buf_str(&reader->line));
    *ret_more = true;
    return NBA_OK;
}

void nba_line_reader_close(struct nba_line_reader *reader)
{
    nba_text_source_close(reader->source);
    nba_buf_clear(&reader->line);
    memset(reader, 0, sizeof(*reader));
}
