/* Three kinds of files behind one door; JSON lines and Avro share the flat JSON reader. */
#include "nba/ingest/row_source.h"

#include <stdlib.h>
#include <string.h>

#include "csv_internal.h"
#include "flat_json_internal.h"
#include "nba/base/assert.h"
#include "nba/base/memory.h"
#include "nba/codec/container.h"
#include "nba/codec/text_lines.h"
#include "nba/config/yaml.h"

struct nba_row_source {
    struct nba_row_form form;
    struct nba_csv csv; /* CSV and TSV */
    struct nba_text_lines *lines;
    struct nba_container_reader *container;
    struct nba_buf json;    /* an Avro record */
    struct nba_buf scratch; /* JSON texts without escapes */
    size_t header_count;
    size_t place[NBA_ROW_COLUMNS_MAX]; /* CSV: where in the row column k stands */
    struct nba_str cells[NBA_ROW_COLUMNS_MAX];
    uint64_t row;
};

static bool ends_with(struct nba_str name, const char *end)
{
    const size_t bytes = strlen(end);
    return name.bytes > bytes && memcmp(name.data + name.bytes - bytes, end, bytes) == 0;
}

static enum nba_row_format format_of_name(const char *path)
{
    static const struct {
        const char *end;
        enum nba_row_format format;
    } known[] = {{".csv", NBA_ROWS_CSV},      {".tsv", NBA_ROWS_TSV},    {".inter", NBA_ROWS_TSV},
                 {".item", NBA_ROWS_TSV},     {".user", NBA_ROWS_TSV},   {".jsonl", NBA_ROWS_JSONL},
                 {".ndjson", NBA_ROWS_JSONL}, {".json", NBA_ROWS_JSONL}, {".avro", NBA_ROWS_AVRO}};
    struct nba_str name = nba_str_of(path);
    if (ends_with(name, ".gz")) {
        name.bytes -= 3;
    }
    for (size_t i = 0; i < NBA_ARRAY_COUNT(known); i++) {
        if (ends_with(name, known[i].end)) {
            return known[i].format;
        }
    }
    return NBA_ROWS_BY_NAME;
}

static enum nba_status fail_column(const char *path, const char *wanted, const char *const *names,
                                   struct nba_error *error)
{
    const char *nearest = nba_yaml_nearest(nba_str_of(wanted), names);
    return nba_error_set(error, NBA_E_CONFIG, "%s: no column '%s' in the header%s%s%s", path,
                         wanted, nearest != NULL ? ", nearest is '" : "",
                         nearest != NULL ? nearest : "", nearest != NULL ? "'" : "");
}

/* Finds the wanted columns in the first row. */
static enum nba_status read_header(struct nba_row_source *source, const char *path,
                                   struct nba_error *error)
{
    struct nba_csv *csv = &source->csv;
    const char *names[NBA_ROW_COLUMNS_MAX + 1] = {NULL};
    bool more = false;
    const enum nba_status status = nba_csv_next(csv, &more, error);
    if (status != NBA_OK) {
        return nba_error_prefix(error, "%s", path);
    }
    if (!more) {
        return nba_error_set(error, NBA_E_CONFIG, "%s: expected a header line, the file is empty",
                             path);
    }
    source->header_count = csv->count;
    char *at = nba_buf_extend(&source->scratch, csv->bytes.bytes + csv->count);
    NBA_ASSERT(at != NULL);
    for (size_t i = 0; i < csv->count; i++) {
        struct nba_str name = nba_csv_cell(csv, i);
        /* Spreadsheets begin a file with a byte-order mark. */
        if (i == 0 && name.bytes >= 3 && memcmp(name.data, "\xEF\xBB\xBF", 3) == 0) {
            name = nba_str(name.data + 3, name.bytes - 3);
        }
        names[i] = at;
        memcpy(at, name.data, name.bytes);
        at[name.bytes] = '\0';
        at += name.bytes + 1;
    }
    for (size_t k = 0; k < source->form.column_count; k++) {
        size_t i = 0;
        while (i < csv->count && strcmp(names[i], source->form.columns[k]) != 0) {
            i++;
        }
        if (i == csv->count) {
            return fail_column(path, source->form.columns[k], names, error);
        }
        source->place[k] = i;
    }
    return NBA_OK;
}

static enum nba_status open_file(struct nba_row_source *source, const char *path,
                                 const struct nba_schemas *schemas, struct nba_error *error)
{
    enum nba_status status = NBA_OK;
    switch (source->form.format) {
    case NBA_ROWS_BY_NAME:
        return nba_error_set(error, NBA_E_CONFIG,
                             "%s: the name tells no format, expected .csv, .tsv, .jsonl or .avro",
                             path);
    case NBA_ROWS_AVRO:
        return nba_container_reader_open(schemas, path, &source->container, error);
    case NBA_ROWS_JSONL:
        return nba_text_lines_open(path, NBA_ROW_BYTES_MAX, &source->lines, error);
    case NBA_ROWS_CSV:
    case NBA_ROWS_TSV:
        break;
    }
    source->csv.quotes = source->form.format == NBA_ROWS_CSV;
    source->csv.delimiter = source->csv.quotes ? ',' : '\t';
    if (source->form.delimiter != '\0') {
        source->csv.delimiter = source->form.delimiter;
    }
    status = nba_text_source_open(path, &source->csv.source, error);
    return status == NBA_OK ? read_header(source, path, error) : status;
}

enum nba_status nba_row_source_open(const char *path, const struct nba_row_form *form,
                                    const struct nba_schemas *schemas,
                                    struct nba_row_source **ret_source, struct nba_error *error)
{
    struct nba_row_source *source = nba_zeros(1, sizeof(*source));
    source->form = *form;
    if (form->format == NBA_ROWS_BY_NAME) {
        source->form.format = format_of_name(path);
    }
    nba_buf_init(&source->csv.bytes, NBA_ROW_BYTES_MAX);
    nba_buf_init(&source->json, NBA_ROW_BYTES_MAX);
    nba_buf_init(&source->scratch, (size_t)2 * NBA_ROW_BYTES_MAX);
    const enum nba_status status = open_file(source, path, schemas, error);
    if (status != NBA_OK) {
        nba_row_source_close(source);
        return status;
    }
    *ret_source = source;
    return NBA_OK;
}

void nba_row_source_close(struct nba_row_source *source)
{
    if (source == NULL) {
        return;
    }
    nba_text_source_close(source->csv.source);
    nba_text_lines_close(source->lines);
    nba_container_reader_close(source->container);
    nba_buf_clear(&source->csv.bytes);
    nba_buf_clear(&source->json);
    nba_buf_clear(&source->scratch);
    free(source);
}

static enum nba_status next_table_row(struct nba_row_source *source, bool *ret_more,
                                      struct nba_error *error)
{
    const enum nba_status status = nba_csv_next(&source->csv, ret_more, error);
    if (status != NBA_OK || !*ret_more) {
        return status;
    }
    if (source->csv.count != source->header_count) {
        return nba_error_set(error, NBA_E_CONFIG, "row has %zu cells, the header %zu",
                             source->csv.count, source->header_count);
    }
    for (size_t k = 0; k < source->form.column_count; k++) {
        source->cells[k] = nba_csv_cell(&source->csv, source->place[k]);
    }
    return NBA_OK;
}

/* Blank lines are no rows. */
static enum nba_status next_line(struct nba_row_source *source, struct nba_str *ret_line,
                                 bool *ret_more, struct nba_error *error)
{
    enum nba_status status = NBA_OK;
    do {
        status = nba_text_lines_next(source->lines, ret_line, ret_more, error);
    } while (status == NBA_OK && *ret_more && strspn(ret_line->data, " \t\r") == ret_line->bytes);
    return status == NBA_E_LIMIT ? nba_error_set(error, NBA_E_CONFIG, "row is longer than %u bytes",
                                                 NBA_ROW_BYTES_MAX)
                                 : status;
}

static enum nba_status next_object(struct nba_row_source *source, bool *ret_more,
                                   struct nba_error *error)
{
    enum nba_status status = NBA_OK;
    struct nba_str text = {NULL, 0};
    if (source->form.format == NBA_ROWS_AVRO) {
        nba_buf_reset(&source->json);
        status = nba_container_reader_next_json(source->container, &source->json, ret_more, error);
        text = nba_buf_str(&source->json);
    } else {
        status = next_line(source, &text, ret_more, error);
    }
    if (status != NBA_OK || !*ret_more) {
        return status;
    }
    return nba_flat_json_read(text, source->form.columns, source->form.column_count,
                              &source->scratch, source->cells, error);
}

enum nba_status nba_row_source_next(struct nba_row_source *source, const struct nba_str **ret_cells,
                                    bool *ret_more, struct nba_error *error)
{
    bool more = true;
    const enum nba_status status =
        source->form.format == NBA_ROWS_CSV || source->form.format == NBA_ROWS_TSV
            ? next_table_row(source, &more, error)
            : next_object(source, &more, error);
    source->row += more ? 1 : 0;
    if (status == NBA_OK) {
        *ret_cells = source->cells;
        *ret_more = more;
    }
    return status;
}

uint64_t nba_row_source_row(const struct nba_row_source *source)
{
    return source->row;
}
