/* Partitions are polled until each position is where it should end; gaps and transactions' markers
 * move it too. */
#include "nba/app/walk.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "nba/app/interrupt.h"
#include "nba/base/memory.h"
#include "nba/base/time_text.h"
#include "nba/codec/container.h"
#include "nba/codec/text_lines.h"

#define POLL_MS 100
/* Twice the largest record: a message is longer as JSON. */
#define LINE_BYTES_MAX (2u << 20)

enum nba_status nba_spans_add(struct nba_spans *spans, struct nba_stream *stream, const char *topic,
                              enum nba_isolation isolation, struct nba_error *error)
{
    int32_t count = 0;
    enum nba_status status = nba_stream_topic_partitions(stream, topic, &count, error);
    for (int32_t p = 0; status == NBA_OK && p < count; p++) {
        struct nba_span span = {topic, p, 0, 0};
        status = nba_stream_watermarks(stream, topic, p, isolation, &span.from, &span.to, error);
        spans->items = nba_room(spans->items, spans->count, &spans->capacity, sizeof(span));
        spans->items[spans->count++] = span;
    }
    return status;
}

enum nba_status nba_span_offset(struct nba_stream *stream, const char *option, const char *place,
                                const struct nba_span *whole, int64_t *offset,
                                struct nba_error *error)
{
    int64_t ms = 0;
    char *end = NULL;
    if (place == NULL || strcmp(place, "start") == 0 || strcmp(place, "end") == 0) {
        *offset = place == NULL ? *offset : place[0] == 's' ? whole->from : whole->to;
        return NBA_OK;
    }
    if (nba_time_parse(nba_str_of(place), &ms)) {
        return nba_stream_offset_of_time(stream, whole->topic, whole->partition, ms, offset, error);
    }
    errno = 0;
    const long long given = strtoll(place, &end, 10);
    if (errno != 0 || end == place || *end != '\0' || given < 0) {
        return nba_error_set(error, NBA_E_USAGE,
                             "--%s: expected start, end, an offset or a time, got '%s'", option,
                             place);
    }
    *offset = given < whole->from ? whole->from : given > whole->to ? whole->to : given;
    return NBA_OK;
}

static struct nba_span *span_of(struct nba_spans *spans, const struct nba_record *record)
{
    for (size_t i = 0; i < spans->count; i++) {
        struct nba_span *span = &spans->items[i];
        if (span->partition == record->partition && nba_str_is(record->topic, span->topic)) {
            return span->from < span->to ? span : NULL;
        }
    }
    return NULL;
}

/* One poll; *open counts the spans that have not ended. */
static enum nba_status step(const struct nba_walk *walk, struct nba_reader *reader,
                            struct nba_spans *spans, size_t *open, struct nba_error *error)
{
    enum nba_poll what = NBA_POLL_NONE;
    struct nba_record record = {0};
    enum nba_status status = nba_reader_poll(reader, POLL_MS, &what, &record, error);
    if (status == NBA_E_UNAVAILABLE && walk->patient) {
        status = NBA_OK;
    }
    struct nba_span *span =
        status == NBA_OK && what != NBA_POLL_NONE ? span_of(spans, &record) : NULL;
    if (span != NULL && what == NBA_POLL_RECORD && record.offset < span->to) {
        status = walk->take(walk->context, &record, error);
    }
    if (span != NULL && status == NBA_OK) {
        span->from = record.offset + (what == NBA_POLL_RECORD ? 1 : 0);
        *open -= span->from >= span->to ? 1 : 0;
    }
    nba_record_release(&record);
    return status;
}

enum nba_status nba_walk_spans(const struct nba_walk *walk, struct nba_spans *spans,
                               struct nba_error *error)
{
    struct nba_reader *reader = NULL;
    struct nba_position *positions = nba_zeros(spans->count + 1, sizeof(*positions));
    size_t open = 0;
    for (size_t i = 0; i < spans->count; i++) {
        const struct nba_span *span = &spans->items[i];
        if (span->from < span->to) {
            positions[open++] = (struct nba_position){span->topic, span->partition, span->from};
        }
    }
    const bool done =
        open == 0 || (nba_reader_create(walk->stream, walk->isolation, &reader, error) == NBA_OK &&
                      nba_reader_assign(reader, positions, open, error) == NBA_OK);
    enum nba_status status = nba_outcome(done, error);
    while (status == NBA_OK && open > 0) {
        status = nba_interrupt_check(error);
        status = status == NBA_OK ? step(walk, reader, spans, &open, error) : status;
    }
    nba_reader_destroy(reader);
    free(positions);
    return status;
}

enum nba_status nba_walk_partition(struct nba_stream *stream, const char *topic, int32_t partition,
                                   int64_t *position, nba_take_record *take, void *context,
                                   struct nba_error *error)
{
    const struct nba_walk walk = {.stream = stream, .take = take, .context = context};
    struct nba_span span = {.topic = topic, .partition = partition};
    struct nba_spans spans = {&span, 1, 1};
    enum nba_status status = nba_stream_watermarks(stream, topic, partition, NBA_READ_COMMITTED,
                                                   &span.from, &span.to, error);
    if (status == NBA_OK) {
        span.from = *position > span.from ? *position : span.from;
        status = nba_walk_spans(&walk, &spans, error);
        *position = span.from;
    }
    return status;
}

enum nba_status nba_walk_topic(struct nba_stream *stream, const char *topic, nba_take_record *take,
                               void *context, struct nba_error *error)
{
    int32_t count = 0;
    enum nba_status status = nba_stream_topic_partitions(stream, topic, &count, error);
    for (int32_t p = 0; status == NBA_OK && p < count; p++) {
        int64_t position = 0;
        status = nba_walk_partition(stream, topic, p, &position, take, context, error);
    }
    return status;
}

enum nba_status nba_walk_log_file(const struct nba_schemas *schemas, const char *path,
                                  nba_take_record *take, void *context, struct nba_error *error)
{
    struct nba_container_reader *reader = NULL;
    bool more = true;
    enum nba_status status = nba_container_reader_open(schemas, path, &reader, error);
    while (status == NBA_OK && more) {
        struct nba_record record;
        status = nba_interrupt_check(error);
        if (status == NBA_OK) {
            status = nba_container_reader_next(reader, &record, &more, error);
        }
        if (status == NBA_OK && more) {
            status = take(context, &record, error);
        }
    }
    nba_container_reader_close(reader);
    return status;
}

enum nba_status nba_walk_lines(const char *path,
                               enum nba_status (*take)(void *context, struct nba_str line,
                                                       struct nba_error *error),
                               void *context, struct nba_error *error)
{
    struct nba_text_lines *lines = NULL;
    bool more = true;
    enum nba_status status = nba_text_lines_open(path, LINE_BYTES_MAX, &lines, error);
    if (status != NBA_OK) {
        return status;
    }
    while (status == NBA_OK && more) {
        struct nba_str line = {NULL, 0};
        status = nba_interrupt_check(error);
        status = status == NBA_OK ? nba_text_lines_next(lines, &line, &more, error) : status;
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

enum nba_status nba_walk_table(struct nba_workplace *place, const struct nba_table *table,
                               struct nba_error *error)
{
    const char *slash = strrchr(table->path, '/');
    const struct nba_str file = nba_str_of(slash != NULL ? slash + 1 : table->path);
    struct nba_row_source *rows = NULL;
    const struct nba_mapping_section *section = nba_mapping_section(table->mapping, table->kind);
    if (section == NULL) {
        return nba_error_set(error, NBA_E_CONFIG, "%s: has no section '%s'", table->mapping_path,
                             nba_import_kind_name(table->kind));
    }
    enum nba_status status =
        nba_row_source_open(table->path, &section->form, place->schemas, &rows, error);
    struct nba_mapped_row *mapped = nba_zeros(1, sizeof(*mapped));
    while (status == NBA_OK) {
        const struct nba_str *cells = NULL;
        bool more = true;
        const bool read = nba_interrupt_check(error) == NBA_OK &&
                          nba_row_source_next(rows, &cells, &more, error) == NBA_OK;
        if (!read || !more) {
            status = nba_outcome(read, error);
            break;
        }
        const struct nba_row row = {cells, file, nba_row_source_row(rows)};
        nba_arena_reset(&place->arena);
        status = nba_mapping_apply(table->mapping, table->kind, &row, &place->arena, mapped, error);
        if (status == NBA_OK || status == NBA_E_CONFIG) {
            status =
                table->take(table->context, status == NBA_OK ? mapped : NULL, row.number, error);
        }
    }
    free(mapped);
    nba_row_source_close(rows);
    return status;
}
