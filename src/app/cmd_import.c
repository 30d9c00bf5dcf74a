/* nba import: tables of others become events and catalogue records, by a mapping. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "commands_internal.h"
#include "import_sort_internal.h"
#include "nba/app/interrupt.h"
#include "nba/app/sink.h"
#include "nba/app/ticker.h"
#include "nba/app/workplace.h"
#include "nba/base/assert.h"
#include "nba/codec/encoder.h"
#include "nba/codec/json.h"
#include "nba/ingest/mapping.h"

#define ARENA_BYTES_MAX (64u << 20)
#define REASONS_MAX     64u
#define REASON_BYTES    160u
#define SHOWN_MAX       5u

struct args {
    struct nba_common common;
    const char *mapping;
    bool dry_run;
    bool strict;
};

static const struct nba_option options[] = {
    NBA_COMMON_OPTIONS(struct args, common),
    NBA_OPTION_TEXT(struct args, mapping, "mapping", "FILE", "what the columns mean (needed)"),
    NBA_OPTION_FLAG(struct args, dry_run, "dry-run",
                    "send nothing: show five results, and how many rows each rule took or refused"),
    NBA_OPTION_FLAG(struct args, strict, "strict", "stop at the first row that is refused"),
};

struct reason {
    char text[REASON_BYTES];
    uint64_t count;
    uint64_t first_row;
};

struct importing {
    const struct args *args;
    struct nba_config config;
    struct nba_schemas *schemas;
    struct nba_stream *stream; /* NULL: dry run */
    struct nba_sink sink;
    struct nba_mapping *mapping;
    enum nba_import_kind kind;
    struct nba_arena arena;
    struct nba_mapped_row row;
    struct import_sort sort;
    struct nba_ticker progress;
    uint64_t rule_count[NBA_MAPPING_RULES_MAX];
    struct reason reasons[REASONS_MAX];
    size_t reason_count;
    uint64_t rows;
    uint64_t rejected;
    uint64_t messages;
    unsigned shown;
    struct nba_buf value;
    struct nba_buf line;
};

static void count_reason(struct importing *im, const char *text, uint64_t row)
{
    im->rejected++;
    for (size_t i = 0; i < im->reason_count; i++) {
        if (strncmp(im->reasons[i].text, text, REASON_BYTES - 1) == 0) {
            im->reasons[i].count++;
            return;
        }
    }
    if (im->reason_count < REASONS_MAX) {
        struct reason *reason = &im->reasons[im->reason_count];
        (void)snprintf(reason->text, sizeof(reason->text), "%s", text);
        reason->count = 1;
        reason->first_row = row;
        im->reason_count++;
    }
}

static void show(struct importing *im, const struct nba_import_item *item)
{
    struct nba_error error = {NBA_OK, ""};
    nba_buf_reset(&im->value);
    nba_buf_reset(&im->line);
    if (item->is_event) {
        nba_encode_event(im->schemas, &item->event, &im->value);
    } else {
        nba_encode_reference(im->schemas, &item->reference, &im->value);
    }
    if (nba_json_print_value(im->schemas, nba_buf_str(&im->value), &im->line, &error) == NBA_OK) {
        (void)printf("%.*s\n", NBA_STR_ARG(nba_buf_str(&im->line)));
    }
    im->shown++;
}

static enum nba_status emit(struct importing *im, const struct nba_import_item *item,
                            struct nba_error *error)
{
    im->messages++;
    if (im->args->dry_run) {
        if (im->shown < SHOWN_MAX) {
            show(im, item);
        }
        return NBA_OK;
    }
    if (!item->is_event) {
        return nba_sink_reference(&im->sink, im->config.topics.catalog, &item->reference,
                                  NBA_TIMESTAMP_NOW, error);
    }
    if (nba_mapping_sorts(im->mapping, im->kind)) {
        return nba_import_sort_add(&im->sort, im->schemas, &item->event, error);
    }
    return nba_sink_event(&im->sink, im->config.topics.engagement, &item->event, error);
}

static enum nba_status refuse(struct importing *im, const char *path, uint64_t row,
                              struct nba_error *error)
{
    count_reason(im, error->message, row);
    if (im->args->strict) {
        (void)nba_error_prefix(error, "%s: row %" PRIu64, path, row);
        return error->status;
    }
    return NBA_OK;
}

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash != NULL ? slash + 1 : path;
}

static enum nba_status import_row(struct importing *im, const char *path,
                                  struct nba_row_source *source, bool *more,
                                  struct nba_error *error)
{
    const struct nba_str *cells = NULL;
    enum nba_status status = nba_row_source_next(source, &cells, more, error);
    const uint64_t row = nba_row_source_row(source);
    if (status == NBA_OK && !*more) {
        return NBA_OK;
    }
    im->rows++;
    if (status == NBA_OK) {
        nba_arena_reset(&im->arena);
        status = nba_mapping_apply(im->mapping, im->kind, cells, nba_str_of(base_name(path)), row,
                                   &im->arena, &im->row, error);
    }
    if (status == NBA_E_CONFIG) {
        return refuse(im, path, row, error);
    }
    if (status != NBA_OK) {
        return status;
    }
    im->rule_count[im->row.rule]++;
    for (size_t i = 0; i < im->row.count && status == NBA_OK; i++) {
        status = emit(im, &im->row.items[i], error);
        if (status == NBA_E_LIMIT) {
            status = refuse(im, path, row, error);
        }
    }
    return status;
}

static enum nba_status import_file(struct importing *im, const char *path, struct nba_error *error)
{
    struct nba_row_source *source = NULL;
    bool more = true;
    enum nba_status status =
        nba_mapping_open(im->mapping, im->kind, path, im->schemas, &source, error);
    while (status == NBA_OK && more && !nba_interrupted()) {
        status = import_row(im, path, source, &more, error);
        nba_ticker_at(&im->progress, im->rows);
    }
    nba_row_source_close(source);
    return status;
}

static enum nba_status send_sorted(struct importing *im, struct nba_error *error)
{
    enum nba_status status = NBA_OK;
    nba_import_sort_finish(&im->sort);
    for (size_t i = 0; i < im->sort.count && status == NBA_OK; i++) {
        struct nba_outgoing outgoing = {.topic = im->config.topics.engagement,
                                        .partition = NBA_PARTITION_BY_KEY};
        nba_import_sort_get(&im->sort, i, &outgoing.key, &outgoing.value, &outgoing.timestamp_ms);
        status = nba_sink_send(&im->sink, &outgoing, error);
        nba_ticker_at(&im->progress, i);
    }
    return status;
}

static void report(const struct importing *im)
{
    FILE *out = im->args->dry_run ? stdout : stderr;
    (void)fprintf(out, "%12s  rule\n", "rows");
    for (size_t i = 0; i < nba_mapping_rule_count(im->mapping, im->kind); i++) {
        (void)fprintf(out, "%12" PRIu64 "  %s\n", im->rule_count[i],
                      nba_mapping_rule_text(im->mapping, im->kind, i));
    }
    for (size_t i = 0; i < im->reason_count; i++) {
        (void)fprintf(out, "%12" PRIu64 "  refused: %s (first in row %" PRIu64 ")\n",
                      im->reasons[i].count, im->reasons[i].text, im->reasons[i].first_row);
    }
    (void)fprintf(out, "%" PRIu64 " rows, %" PRIu64 " refused, %" PRIu64 " messages%s, %.1f s\n",
                  im->rows, im->rejected, im->messages, im->args->dry_run ? " (not sent)" : "",
                  nba_ticker_seconds(&im->progress));
}

static enum nba_status open_all(struct importing *im, const char *kind, struct nba_error *error)
{
    enum nba_status status = nba_common_config(&im->args->common, &im->config, error);
    if (status != NBA_OK) {
        return status;
    }
    status = nba_schemas_load(im->config.schemas_dir, &im->schemas, error);
    if (status == NBA_OK) {
        status = nba_mapping_load(im->args->mapping, &im->mapping, error);
    }
    if (status == NBA_OK && !nba_mapping_has(im->mapping, im->kind)) {
        return nba_error_set(error, NBA_E_CONFIG, "%s: has no section '%s'", im->args->mapping,
                             kind);
    }
    if (status == NBA_OK && !im->args->dry_run) {
        status = nba_workplace_stream(&im->config, NBA_LOCAL_WRITER, &im->stream, error);
        if (status == NBA_OK) {
            status = nba_sink_open(im->stream, im->schemas, &im->sink, error);
        }
    }
    return status;
}

static enum nba_status import_all(struct importing *im, const struct nba_operands *operands,
                                  struct nba_error *error)
{
    enum nba_status status = open_all(im, operands->items[0], error);
    for (size_t i = 1; i < operands->count && status == NBA_OK && !nba_interrupted(); i++) {
        status = import_file(im, operands->items[i], error);
    }
    if (status == NBA_OK && !im->args->dry_run) {
        status = send_sorted(im, error);
    }
    if (im->sink.producer != NULL) {
        struct nba_error closing = {NBA_OK, ""};
        const enum nba_status closed = nba_sink_close(&im->sink, &closing);
        if (status == NBA_OK && closed != NBA_OK) {
            *error = closing;
            status = closed;
        }
    }
    nba_ticker_end(&im->progress);
    if (status == NBA_OK) {
        report(im);
    }
    return status;
}

static bool find_kind(const char *word, enum nba_import_kind *ret_kind)
{
    for (int kind = 0; kind < NBA_IMPORT_KIND_COUNT; kind++) {
        if (strcmp(word, nba_import_kind_name((enum nba_import_kind)kind)) == 0) {
            *ret_kind = (enum nba_import_kind)kind;
            return true;
        }
    }
    return false;
}

static void close_all(struct importing *im)
{
    nba_import_sort_clear(&im->sort);
    nba_stream_close(im->stream);
    nba_mapping_destroy(im->mapping);
    nba_schemas_destroy(im->schemas);
    nba_config_clear(&im->config);
    nba_arena_clear(&im->arena);
    nba_buf_clear(&im->value);
    nba_buf_clear(&im->line);
    free(im);
}

static int run(const struct nba_command *command, int argc, char **argv)
{
    struct args args = {.mapping = NULL};
    struct nba_operands operands;
    struct nba_error error = {NBA_OK, ""};
    enum nba_import_kind kind = NBA_IMPORT_EVENTS;
    int code = 0;
    if (!nba_command_parse(command, argc, argv, &args, &operands, &code)) {
        return code;
    }
    if (!find_kind(operands.items[0], &kind)) {
        return nba_command_fail_with(
            NBA_E_USAGE, "import: expected events, profiles, contents, reps or campaigns, got '%s'",
            operands.items[0]);
    }
    if (args.mapping == NULL) {
        return nba_command_fail_with(NBA_E_USAGE, "import: expected --mapping FILE");
    }
    struct importing *im = calloc(1, sizeof(*im));
    if (im == NULL) {
        return nba_command_fail_with(NBA_E_NO_MEMORY, "out of memory");
    }
    im->args = &args;
    im->kind = kind;
    nba_arena_init(&im->arena, ARENA_BYTES_MAX);
    nba_buf_init(&im->value, NBA_RECORD_BYTES_MAX);
    nba_buf_init(&im->line, 8u << 20);
    nba_interrupt_install();
    nba_ticker_begin(&im->progress, "rows", 0);
    const enum nba_status status = import_all(im, &operands, &error);
    close_all(im);
    return status == NBA_OK ? 0 : nba_command_fail(&error);
}

const struct nba_command nba_command_import = {
    .name = "import",
    .summary = "bring in CSV, JSON lines or Avro files by a mapping",
    .operands = "events|profiles|contents|reps|campaigns FILE...",
    .about =
        "A mapping (config/mappings has some, docs/IMPORT.md explains them) says which column is\n"
        "which field, how values translate, what is constant, and which rule makes a row which\n"
        "event. Events and profiles go to the input, the others to the catalogue. Rows that no\n"
        "rule takes, or that can't be read, are counted by reason.",
    .examples = "nba import events --mapping config/mappings/hcp-a.yaml --dry-run events.csv.gz\n"
                "nba import profiles --mapping my.yaml --kafka 127.0.0.1:9092 doctors.csv\n"
                "nba import contents --mapping my.yaml --log var/log contents.jsonl",
    .options = options,
    .option_count = NBA_ARRAY_COUNT(options),
    .operands_min = 2,
    .operands_max = NBA_OPERANDS_MAX,
    .run = run,
};
