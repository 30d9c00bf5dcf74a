/* Every source ends in the same builder; events that can't be decoded are passed over and counted,
 * as the engine makes dead letters of them. */
#include "learn_source.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nba/app/interrupt.h"
#include "nba/app/ticker.h"
#include "nba/base/time_text.h"
#include "nba/codec/container.h"
#include "nba/codec/decoder.h"
#include "nba/ingest/mapping.h"
#include "nba/train/dataset_files.h"
#include "partition_reader.h"

#define ARENA_BYTES_MAX (64u << 20)

struct source {
    const struct learn_args *args;
    const struct nba_config *config;
    struct nba_schemas *schemas;
    struct nba_decoder *decoder;
    struct nba_dataset_builder *builder;
    struct nba_arena arena;
    struct nba_ticker ticker;
    uint64_t taken, skipped;
};

static enum nba_status take_event(struct source *source, int32_t partition, struct nba_str value,
                                  struct nba_error *error)
{
    struct nba_event event;
    nba_arena_reset(&source->arena);
    source->taken++;
    if (nba_decode_event(source->decoder, value, &source->arena, &event, NULL) != NBA_OK) {
        source->skipped++;
        return NBA_OK;
    }
    const enum nba_status status =
        nba_dataset_builder_add_event(source->builder, partition, &event);
    return status == NBA_OK
               ? NBA_OK
               : nba_error_set(error, status, "cannot keep the data: %s", nba_status_text(status));
}

static enum nba_status take_reference(struct source *source, struct nba_str value,
                                      struct nba_error *error)
{
    struct nba_reference reference;
    nba_arena_reset(&source->arena);
    if (nba_decode_reference(source->decoder, value, &source->arena, &reference, NULL) != NBA_OK ||
        reference.kind != NBA_REFERENCE_CONTENT) {
        return NBA_OK;
    }
    const enum nba_status status =
        nba_dataset_builder_add_content(source->builder, reference.content.content_id);
    return status == NBA_OK
               ? NBA_OK
               : nba_error_set(error, status, "cannot keep the data: %s", nba_status_text(status));
}

static enum nba_status take_record(struct source *source, struct nba_str topic, int32_t partition,
                                   int64_t timestamp_ms, struct nba_str value,
                                   struct nba_error *error)
{
    if (nba_str_is(topic, source->config->topics.catalog)) {
        return take_reference(source, value, error);
    }
    if (!nba_str_is(topic, source->config->topics.engagement)) {
        return NBA_OK;
    }
    /* What is known of an HCP counts whenever it was said; touches only inside the range. */
    if (source->args->to_ms != NBA_TIME_NONE && timestamp_ms >= source->args->to_ms) {
        return NBA_OK;
    }
    if (source->args->from_ms != NBA_TIME_NONE && timestamp_ms < source->args->from_ms) {
        return NBA_OK;
    }
    return take_event(source, partition, value, error);
}

/* One partition to its present end. */
static enum nba_status read_partition(struct source *source, struct nba_stream *stream,
                                      const char *topic, int32_t partition, struct nba_error *error)
{
    struct nba_partition_reader reader;
    struct nba_record record;
    bool more = true;
    enum nba_status status = nba_partition_reader_open(&reader, stream, topic, partition, 0, error);
    while (status == NBA_OK && more) {
        status = nba_partition_reader_next(&reader, &record, &more, error);
        if (status == NBA_OK && more) {
            status = record.value_null ? NBA_OK
                                       : take_record(source, record.topic, partition,
                                                     record.timestamp_ms, record.value, error);
            nba_record_release(&record);
        }
        nba_ticker_at(&source->ticker, source->taken);
    }
    nba_partition_reader_close(&reader);
    return status;
}

static enum nba_status read_topic(struct source *source, struct nba_stream *stream,
                                  const char *topic, struct nba_error *error)
{
    int32_t partitions = 0;
    enum nba_status status = nba_stream_topic_partitions(stream, topic, &partitions, error);
    for (int32_t p = 0; p < partitions && status == NBA_OK; p++) {
        status = read_partition(source, stream, topic, p, error);
    }
    return status;
}

static enum nba_status read_log(struct source *source, struct nba_error *error)
{
    struct nba_stream *stream = NULL;
    enum nba_status status = nba_workplace_stream(source->config, NBA_LOCAL_READER, &stream, error);
    if (status == NBA_OK) {
        status = read_topic(source, stream, source->config->topics.catalog, error);
    }
    if (status == NBA_OK) {
        status = read_topic(source, stream, source->config->topics.engagement, error);
    }
    nba_stream_close(stream);
    return status;
}

static enum nba_status read_log_file(struct source *source, const char *path,
                                     struct nba_error *error)
{
    struct nba_container_reader *reader = NULL;
    bool more = true;
    enum nba_status status = nba_container_reader_open(source->schemas, path, &reader, error);
    while (status == NBA_OK && more && !nba_interrupted()) {
        struct nba_log_record record;
        status = nba_container_reader_next(reader, &record, &more, error);
        if (status == NBA_OK && more && record.has_value) {
            status = take_record(source, record.topic, record.partition, record.timestamp_ms,
                                 record.value, error);
        }
        nba_ticker_at(&source->ticker, source->taken);
    }
    nba_container_reader_close(reader);
    return status;
}

static enum nba_status take_row(struct source *source, const struct nba_mapped_row *row,
                                struct nba_error *error)
{
    enum nba_status status = NBA_OK;
    for (size_t i = 0; i < row->count && status == NBA_OK; i++) {
        const struct nba_import_item *item = &row->items[i];
        source->taken++;
        if (item->is_event) {
            status = nba_dataset_builder_add_event(source->builder, 0, &item->event);
        } else if (item->reference.kind == NBA_REFERENCE_CONTENT) {
            status = nba_dataset_builder_add_content(source->builder,
                                                     item->reference.content.content_id);
        }
    }
    return status == NBA_OK
               ? NBA_OK
               : nba_error_set(error, status, "cannot keep the data: %s", nba_status_text(status));
}

static enum nba_status read_rows(struct source *source, const struct nba_mapping *mapping,
                                 enum nba_import_kind kind, const char *path,
                                 struct nba_row_source *rows, struct nba_mapped_row *row,
                                 struct nba_error *error)
{
    const char *slash = strrchr(path, '/');
    const struct nba_str file = nba_str_of(slash != NULL ? slash + 1 : path);
    bool more = true;
    while (more && !nba_interrupted()) {
        const struct nba_str *cells = NULL;
        enum nba_status status = nba_row_source_next(rows, &cells, &more, error);
        if (status == NBA_OK && more) {
            nba_arena_reset(&source->arena);
            status = nba_mapping_apply(mapping, kind, cells, file, nba_row_source_row(rows),
                                       &source->arena, row, error);
            if (status == NBA_OK) {
                status = take_row(source, row, error);
            }
        }
        source->skipped += status == NBA_E_CONFIG ? 1 : 0;
        if (status != NBA_OK && status != NBA_E_CONFIG) {
            return status;
        }
        nba_ticker_at(&source->ticker, source->taken);
    }
    return NBA_OK;
}

static enum nba_status read_table(struct source *source, const struct nba_mapping *mapping,
                                  enum nba_import_kind kind, const char *path,
                                  struct nba_error *error)
{
    struct nba_row_source *rows = NULL;
    if (!nba_mapping_has(mapping, kind)) {
        return nba_error_set(error, NBA_E_CONFIG, "%s: has no section '%s'", source->args->mapping,
                             nba_import_kind_name(kind));
    }
    enum nba_status status = nba_mapping_open(mapping, kind, path, source->schemas, &rows, error);
    struct nba_mapped_row *row = calloc(1, sizeof(*row));
    if (status == NBA_OK && row == NULL) {
        status = nba_error_set(error, NBA_E_NO_MEMORY, "out of memory");
    }
    if (status == NBA_OK) {
        status = read_rows(source, mapping, kind, path, rows, row, error);
    }
    free(row);
    nba_row_source_close(rows);
    return status;
}

static enum nba_status read_tables(struct source *source, struct nba_error *error)
{
    const struct learn_args *args = source->args;
    struct nba_mapping *mapping = NULL;
    if (args->events == NULL) {
        return nba_error_set(error, NBA_E_USAGE, "--mapping: expected --events FILE beside it");
    }
    enum nba_status status = nba_mapping_load(args->mapping, &mapping, error);
    if (status == NBA_OK && nba_mapping_sorts(mapping, NBA_IMPORT_EVENTS)) {
        status = nba_error_set(error, NBA_E_USAGE,
                               "%s: its events are not in the order of their times: import them "
                               "first, then learn from the log",
                               args->mapping);
    }
    if (status == NBA_OK && args->contents != NULL) {
        status = read_table(source, mapping, NBA_IMPORT_CONTENTS, args->contents, error);
    }
    if (status == NBA_OK && args->profiles != NULL) {
        status = read_table(source, mapping, NBA_IMPORT_PROFILES, args->profiles, error);
    }
    if (status == NBA_OK) {
        status = read_table(source, mapping, NBA_IMPORT_EVENTS, args->events, error);
    }
    nba_mapping_destroy(mapping);
    return status;
}

static enum nba_status read_all(struct source *source, const struct nba_operands *files,
                                struct nba_error *error)
{
    enum nba_status status = NBA_OK;
    if (source->args->mapping != NULL) {
        return read_tables(source, error);
    }
    if (files->count == 0) {
        return read_log(source, error);
    }
    for (size_t i = 0; i < files->count && status == NBA_OK; i++) {
        status = read_log_file(source, files->items[i], error);
    }
    return status;
}

static enum nba_status build(struct source *source, const struct nba_operands *files,
                             struct nba_dataset **ret_dataset, struct nba_error *error)
{
    const struct nba_dataset_options options = {
        .name = source->args->mapping != NULL ? source->args->mapping : "log"};
    enum nba_status status = nba_schemas_load(source->config->schemas_dir, &source->schemas, error);
    if (status == NBA_OK) {
        status = nba_decoder_create(source->schemas, &source->decoder, error);
    }
    if (status == NBA_OK) {
        status = nba_dataset_builder_create(&options, &source->builder);
    }
    if (status == NBA_OK) {
        status = read_all(source, files, error);
    }
    nba_ticker_end(&source->ticker);
    if (status == NBA_OK && nba_interrupted()) {
        status = nba_error_set(error, NBA_E_INTERRUPTED, "interrupted while reading");
    }
    if (status == NBA_OK) {
        status = nba_dataset_builder_finish(source->builder, ret_dataset, error);
    }
    if (status == NBA_OK && source->skipped > 0) {
        (void)fprintf(stderr, "nba: %" PRIu64 " of %" PRIu64 " rows could not be used\n",
                      source->skipped, source->taken + source->skipped);
    }
    return status;
}

static enum nba_status load_public(const struct learn_args *args, struct nba_dataset **ret_dataset,
                                   struct nba_error *error)
{
    const char *folder = args->data_dir != NULL ? args->data_dir : getenv("NBA_DATA");
    if (folder == NULL || folder[0] == '\0') {
        return nba_error_set(error, NBA_E_USAGE,
                             "--data: expected --data-dir or NBA_DATA, the folder of data sets");
    }
    return nba_dataset_load(folder, args->data, ret_dataset, error);
}

enum nba_status nba_learn_source_load(const struct learn_args *args,
                                      const struct nba_config *config,
                                      const struct nba_operands *files,
                                      struct nba_dataset **ret_dataset, struct nba_error *error)
{
    if ((args->data != NULL) + (args->mapping != NULL) + (files->count > 0) > 1) {
        return nba_error_set(error, NBA_E_USAGE,
                             "expected one of --data, --mapping and log files, not several");
    }
    if (args->data != NULL) {
        return load_public(args, ret_dataset, error);
    }
    struct source source;
    memset(&source, 0, sizeof(source));
    source.args = args;
    source.config = config;
    nba_arena_init(&source.arena, ARENA_BYTES_MAX);
    nba_ticker_begin(&source.ticker, "events", 0);
    const enum nba_status status = build(&source, files, ret_dataset, error);
    nba_dataset_builder_destroy(source.builder);
    nba_decoder_destroy(source.decoder);
    nba_schemas_destroy(source.schemas);
    nba_arena_clear(&source.arena);
    return status;
}

void nba_learn_source_report(const struct nba_dataset *dataset)
{
    char first[NBA_TIME_TEXT_BYTES];
    char last[NBA_TIME_TEXT_BYTES];
    nba_time_format(dataset->first_ms, first);
    nba_time_format(dataset->last_ms, last);
    (void)fprintf(stderr, "nba: %s: %u HCPs, %u contents, %zu touches, %zu engagements, %s to %s\n",
                  dataset->name, (unsigned)dataset->user_count, (unsigned)dataset->content_count,
                  dataset->touch_offset[dataset->user_count],
                  dataset->sequence_offset[dataset->user_count], first, last);
}
