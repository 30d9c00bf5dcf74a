/* Lines of a text, and rows of a table as a mapping makes messages of them. */
#include <stdlib.h>
#include <string.h>

#include "nba/app/interrupt.h"
#include "nba/app/walk.h"
#include "nba/base/memory.h"
#include "nba/codec/text_lines.h"

enum nba_status nba_walk_lines(const char *path, size_t line_bytes_max,
                               enum nba_status (*take)(void *context, struct nba_str line,
                                                       struct nba_error *error),
                               void *context, struct nba_error *error)
{
    struct nba_text_lines *lines = NULL;
    bool more = true;
    enum nba_status status = nba_text_lines_open(path, line_bytes_max, &lines, error);
    if (status != NBA_OK) {
        return status;
    }
    while (status == NBA_OK && more) {
        struct nba_str line = {NULL, 0};
        status = nba_interrupt_check(error);
        if (status == NBA_OK) {
            status = nba_text_lines_next(lines, &line, &more, error);
        }
        if (status == NBA_OK && more && line.bytes > 0) {
            status = take(context, line, error);
        }
    }
    if (status != NBA_OK) {
        (void)nba_error_prefix(error, "%s:%zu", path, nba_text_lines_number(lines));
    }
    nba_text_lines_close(lines);
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
    if (!nba_mapping_has(table->mapping, table->kind)) {
        return nba_error_set(error, NBA_E_CONFIG, "%s: has no section '%s'", table->mapping_path,
                             nba_import_kind_name(table->kind));
    }
    enum nba_status status = nba_row_source_open(
        table->path, nba_mapping_form(table->mapping, table->kind), place->schemas, &rows, error);
    if (status != NBA_OK) {
        return status;
    }
    struct nba_mapped_row *mapped = nba_zeros(1, sizeof(*mapped));
    status = walk_rows(place, table, rows, mapped, error);
    free(mapped);
    nba_row_source_close(rows);
    return status;
}
