/* Lines of a text, and rows of a table as a mapping makes messages of them. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "nba/app/interrupt.h"
#include "nba/app/walk.h"
#include "nba/codec/text_source.h"

/* Appends to `line` up to the next line feed; *rest is what was read and belongs to later lines. */
static enum nba_status next_line(struct nba_text_source *source, struct nba_str *rest,
                                 struct nba_buf *line, bool *ret_more, struct nba_error *error)
{
    nba_buf_reset(line);
    *ret_more = true;
    for (;;) {
        const char *feed = rest->bytes > 0 ? memchr(rest->data, '\n', rest->bytes) : NULL;
        const size_t taken = feed != NULL ? (size_t)(feed - rest->data) : rest->bytes;
        const size_t skipped = taken + (feed != NULL ? 1 : 0);
        nba_buf_append(line, rest->data, taken);
        *rest = nba_str(rest->data + skipped, rest->bytes - skipped);
        if (line->failed) {
            return nba_error_set(error, NBA_E_LIMIT, "line is too long");
        }
        if (feed != NULL) {
            break;
        }
        const enum nba_status status = nba_text_source_read(source, rest, error);
        if (status != NBA_OK) {
            return status;
        }
        if (rest->bytes == 0) {
            *ret_more = line->bytes > 0;
            break;
        }
    }
    if (line->bytes > 0 && line->data[line->bytes - 1] == '\r') {
        line->bytes--;
    }
    return NBA_OK;
}

enum nba_status nba_walk_lines(const char *path, size_t line_bytes_max,
                               enum nba_status (*take)(void *context, struct nba_str line,
                                                       struct nba_error *error),
                               void *context, struct nba_error *error)
{
    struct nba_text_source *source = NULL;
    struct nba_str rest = {NULL, 0};
    struct nba_buf line;
    bool more = true;
    uint64_t number = 0;
    enum nba_status status = nba_text_source_open(path, &source, error);
    nba_buf_init(&line, line_bytes_max);
    while (status == NBA_OK && more) {
        status = nba_interrupt_check(error);
        number++;
        if (status == NBA_OK) {
            status = next_line(source, &rest, &line, &more, error);
        }
        if (status == NBA_OK && line.bytes > 0) {
            status = take(context, nba_buf_str(&line), error);
        }
        if (status != NBA_OK) {
            (void)nba_error_prefix(error, "%s:%" PRIu64, path, number);
        }
    }
    nba_text_source_close(source);
    nba_buf_clear(&line);
    return status;
}

static enum nba_status walk_rows(struct nba_workplace *place, const struct nba_table *table,
                                 struct nba_row_source *rows, struct nba_mapped_row *mapped,
                                 struct nba_error *error)
{
    const char *slash = strrchr(table->path, '/');
    const struct nba_str file = nba_str_of(slash != NULL ? slash + 1 : table->path);
    enum nba_status status = NBA_OK;
    bool more = true;
    while (status == NBA_OK) {
        const struct nba_str *cells = NULL;
        status = nba_interrupt_check(error);
        if (status == NBA_OK) {
            status = nba_row_source_next(rows, &cells, &more, error);
        }
        if (status == NBA_OK && !more) {
            break;
        }
        const uint64_t row = nba_row_source_row(rows);
        if (status == NBA_OK) {
            nba_arena_reset(&place->arena);
            status = nba_mapping_apply(table->mapping, table->kind, cells, file, row, &place->arena,
                                       mapped, error);
        }
        if (status == NBA_OK || status == NBA_E_CONFIG) {
            status = table->take(table->context, status == NBA_OK ? mapped : NULL, row, error);
        }
    }
    return status;
}

enum nba_status nba_walk_table(struct nba_workplace *place, const struct nba_table *table,
                               struct nba_error *error)
{
    struct nba_row_source *rows = NULL;
    size_t column_count = 0;
    if (!nba_mapping_has(table->mapping, table->kind)) {
        return nba_error_set(error, NBA_E_CONFIG, "%s: has no section '%s'", table->mapping_path,
                             nba_import_kind_name(table->kind));
    }
    const char *const *columns = nba_mapping_columns(table->mapping, table->kind, &column_count);
    enum nba_status status = nba_row_source_open(
        table->path, nba_mapping_format(table->mapping, table->kind),
        nba_mapping_delimiter(table->mapping, table->kind), place->schemas, &rows, error);
    if (status != NBA_OK) {
        return status;
    }
    status = nba_row_source_bind(rows, columns, column_count, error);
    struct nba_mapped_row *mapped = calloc(1, sizeof(*mapped));
    if (status != NBA_OK) {
        (void)nba_error_prefix(error, "%s", table->path);
    } else if (mapped == NULL) {
        status = nba_error_set(error, NBA_E_NO_MEMORY, "out of memory");
    } else {
        status = walk_rows(place, table, rows, mapped, error);
    }
    free(mapped);
    nba_row_source_close(rows);
    return status;
}
