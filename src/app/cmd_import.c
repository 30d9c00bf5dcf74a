/* nba import: tables of others become events and catalogue records, by a mapping. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nba/app/command.h"
#include "nba/app/sink.h"
#include "nba/base/memory.h"
#include "nba/codec/encoder.h"
#include "nba/codec/json.h"

#define REASONS_MAX  64u
#define REASON_BYTES 160u
#define SHOWN_MAX    5u
#define SORTED_MAX   20000000u

static struct {
    const char *mapping;
    bool dry_run;
    bool strict;
} args;

static const struct nba_option options[] = {
    NBA_OPTION_TEXT(&args.mapping, "mapping", "FILE", "what the columns mean (needed)"),
    NBA_OPTION_FLAG(&args.dry_run, "dry-run",
                    "send nothing: show five results, and how many rows each rule took or refused"),
    NBA_OPTION_FLAG(&args.strict, "strict", "stop at the first row that is refused"),
    {0},
};

struct reason {
    char text[REASON_BYTES];
    uint64_t count;
    uint64_t first_row;
};

/* An event that waits to be sent in the order of times. */
struct waiting {
    int64_t time_ms;
    size_t at; /* in `bytes`: key, then value; grows in the file's order */
    uint32_t key_bytes;
    uint32_t value_bytes;
};

struct importing {
    struct nba_workplace *place;
    struct nba_sink sink;
    struct nba_mapping *mapping;
    enum nba_import_kind kind;
    const char *path;        /* of the table that is read */
    struct waiting *waiting; /* of a mapping that sorts */
    size_t waiting_count, waiting_capacity;
    struct nba_buf bytes;
    uint64_t rule_count[NBA_MAPPING_RULES_MAX];
    struct reason reasons[REASONS_MAX];
    size_t reason_count;
    uint64_t rows, rejected, messages, shown;
};

static enum nba_status refuse(struct importing *im, uint64_t row, struct nba_error *error)
{
    size_t i = 0;
    im->rejected++;
    while (i < im->reason_count &&
           strncmp(im->reasons[i].text, error->message, REASON_BYTES - 1) != 0) {
        i++;
    }
    if (i == im->reason_count && i < REASONS_MAX) {
        (void)snprintf(im->reasons[i].text, REASON_BYTES, "%s", error->message);
        im->reasons[i].first_row = row;
        im->reason_count++;
    }
    if (i < REASONS_MAX) {
        im->reasons[i].count++;
    }
    return args.strict ? nba_error_prefix(error, "%s: row %" PRIu64, im->path, row) : NBA_OK;
}

static void show(struct importing *im, const struct nba_import_item *item)
{
    struct nba_workplace *place = im->place;
    struct nba_error ignored = {NBA_OK, ""};
    struct nba_buf value;
    nba_buf_init(&value, NBA_RECORD_BYTES_MAX);
    if (item->is_event) {
        nba_encode_event(place->schemas, &item->event, &value);
    } else {
        nba_encode_reference(place->schemas, &item->reference, &value);
    }
    if (nba_json_print_value(place->schemas, nba_buf_str(&value), &place->out, &ignored) ==
        NBA_OK) {
        nba_buf_append_byte(&place->out, '\n');
    }
    nba_buf_clear(&value);
}

/* A table with more events is better sorted before it comes here. */
static enum nba_status wait_for_order(struct importing *im, const struct nba_event *event,
                                      struct nba_error *error)
{
    struct waiting waiting = {event->event_time_ms, im->bytes.bytes, (uint32_t)event->hcp_id.bytes,
                              0};
    nba_buf_append_str(&im->bytes, event->hcp_id);
    nba_encode_event(im->place->schemas, event, &im->bytes);
    const size_t value_bytes = im->bytes.bytes - waiting.at - waiting.key_bytes;
    if (im->waiting_count == SORTED_MAX || im->bytes.failed) {
        return nba_error_set(error, NBA_E_NO_MEMORY, "more than %u events to sort", SORTED_MAX);
    }
    if (value_bytes > NBA_RECORD_BYTES_MAX) {
        im->bytes.bytes = waiting.at;
        return nba_error_set(error, NBA_E_LIMIT, "event is too large");
    }
    waiting.value_bytes = (uint32_t)value_bytes;
    im->waiting = nba_room(im->waiting, im->waiting_count, &im->waiting_capacity, sizeof(waiting));
    im->waiting[im->waiting_count++] = waiting;
    return NBA_OK;
}

static int by_time(const void *left, const void *right)
{
    const struct waiting *a = left;
    const struct waiting *b = right;
    return a->time_ms != b->time_ms ? (a->time_ms > b->time_ms) - (a->time_ms < b->time_ms)
                                    : (a->at > b->at) - (a->at < b->at);
}

static enum nba_status send_waiting(struct importing *im, struct nba_error *error)
{
    enum nba_status status = NBA_OK;
    if (im->waiting_count > 0) {
        qsort(im->waiting, im->waiting_count, sizeof(*im->waiting), by_time);
    }
    for (size_t i = 0; i < im->waiting_count && status == NBA_OK; i++) {
        const struct waiting *waiting = &im->waiting[i];
        const char *key = (const char *)im->bytes.data + waiting->at;
        const struct nba_outgoing outgoing = {
            .topic = im->place->config.topics.engagement,
            .partition = NBA_PARTITION_BY_KEY,
            .key = nba_str(key, waiting->key_bytes),
            .value = nba_str(key + waiting->key_bytes, waiting->value_bytes),
            .timestamp_ms = waiting->time_ms,
        };
        status = nba_sink_send(&im->sink, &outgoing, error);
        nba_ticker_at(&im->place->ticker, i);
    }
    return status;
}

static enum nba_status emit(struct importing *im, const struct nba_import_item *item,
                            struct nba_error *error)
{
    const struct nba_config_topics *topics = &im->place->config.topics;
    if (item->is_event && nba_sink_check_time(item->event.event_time_ms, error) != NBA_OK) {
        return error->status;
    }
    im->messages++;
    if (args.dry_run) {
        if (im->shown++ < SHOWN_MAX) {
            show(im, item);
        }
        return NBA_OK;
    }
    if (!item->is_event) {
        return nba_sink_reference(&im->sink, topics->catalog, &item->reference, NBA_TIMESTAMP_NOW,
                                  error);
    }
    if (nba_mapping_section(im->mapping, im->kind)->sorts) {
        return wait_for_order(im, &item->event, error);
    }
    return nba_sink_event(&im->sink, topics->engagement, &item->event, error);
}

static enum nba_status take(void *context, const struct nba_mapped_row *mapped, uint64_t row,
                            struct nba_error *error)
{
    struct importing *im = context;
    enum nba_status status = NBA_OK;
    nba_ticker_at(&im->place->ticker, ++im->rows);
    if (mapped == NULL) {
        return refuse(im, row, error);
    }
    im->rule_count[mapped->rule]++;
    for (size_t i = 0; i < mapped->count && status == NBA_OK; i++) {
        status = emit(im, &mapped->items[i], error);
        if (status == NBA_E_LIMIT) {
            status = refuse(im, row, error);
        }
    }
    return status;
}

static void report(struct importing *im)
{
    struct nba_buf *out = &im->place->out;
    const struct nba_mapping_section *section = nba_mapping_section(im->mapping, im->kind);
    nba_buf_printf(out, "%12s  rule\n", "rows");
    for (size_t i = 0; section != NULL && i < section->rule_count; i++) {
        nba_buf_printf(out, "%12" PRIu64 "  %s\n", im->rule_count[i], section->rules[i]);
    }
    for (size_t i = 0; i < im->reason_count; i++) {
        nba_buf_printf(out, "%12" PRIu64 "  refused: %s (first in row %" PRIu64 ")\n",
                       im->reasons[i].count, im->reasons[i].text, im->reasons[i].first_row);
    }
    nba_buf_printf(out, "%" PRIu64 " rows, %" PRIu64 " refused, %" PRIu64 " messages%s, %.1f s\n",
                   im->rows, im->rejected, im->messages, args.dry_run ? " (not sent)" : "",
                   nba_ticker_seconds(&im->place->ticker));
    if (!args.dry_run) { /* nobody asked for it: not the command's answer */
        (void)fprintf(stderr, "%.*s", NBA_STR_ARG(nba_buf_str(out)));
        nba_buf_reset(out);
    }
}

static enum nba_status import_files(struct importing *im, struct nba_error *error)
{
    const struct nba_operands *operands = &im->place->operands;
    struct nba_table table = {.mapping = im->mapping,
                              .mapping_path = args.mapping,
                              .kind = im->kind,
                              .take = take,
                              .context = im};
    enum nba_status status = NBA_OK;
    for (size_t i = 1; i < operands->count && status == NBA_OK; i++) {
        im->path = table.path = operands->items[i];
        status = nba_walk_table(im->place, &table, error);
    }
    return status == NBA_E_INTERRUPTED ? NBA_OK : status; /* what came before counts */
}

static enum nba_status import(struct importing *im, struct nba_error *error)
{
    const char *word = im->place->operands.items[0];
    while (strcmp(word, nba_import_kind_name(im->kind)) != 0) {
        im->kind++;
    }
    if (args.mapping == NULL) {
        return nba_error_set(error, NBA_E_USAGE, "import: expected --mapping FILE");
    }
    const bool opened =
        nba_mapping_load(args.mapping, &im->mapping, error) == NBA_OK &&
        (args.dry_run ? nba_workplace_load_schemas(im->place, error)
                      : nba_workplace_open(im->place, NBA_LOCAL_WRITER, error)) == NBA_OK &&
        (args.dry_run || nba_sink_open(im->place, &im->sink, error) == NBA_OK);
    enum nba_status status = nba_outcome(opened, error);
    nba_ticker_begin(&im->place->ticker, "rows", 0);
    status = status == NBA_OK ? import_files(im, error) : status;
    if (status == NBA_OK && !args.dry_run) {
        status = send_waiting(im, error);
    }
    status = nba_sink_close(&im->sink, status, error);
    nba_ticker_end(&im->place->ticker);
    if (status == NBA_OK) {
        report(im);
    }
    return status;
}

static enum nba_status run(struct nba_workplace *place, struct nba_error *error)
{
    static struct importing im; /* rules and reasons are too much for a stack */
    im.place = place;
    nba_buf_init(&im.bytes, SIZE_MAX);
    nba_interrupt_install();
    const enum nba_status status = import(&im, error);
    free(im.waiting);
    nba_buf_clear(&im.bytes);
    nba_mapping_destroy(im.mapping);
    return status;
}

const struct nba_command nba_command_import = {
    .name = "import",
    .summary = "bring in CSV, JSON lines or Avro files by a mapping",
    .operands = "events|profiles|contents|reps|campaigns FILE...",
    .about =
        "A mapping (config/mappings has some, docs/IMPORT.md explains them) says which column is\n"
        "which field, how values translate, what is constant, and which rule makes a row which\n"
        "event. Events and profiles go to the input, the others to the catalogue. Rows that no\n"
        "rule takes, that can't be read, or whose time is more than 10 minutes ahead of now, are\n"
        "refused and counted by reason.",
    .examples = "nba import events --mapping config/mappings/hcp-a.yaml --dry-run events.csv.gz\n"
                "nba import profiles --mapping my.yaml --kafka 127.0.0.1:9092 doctors.csv\n"
                "nba import contents --mapping my.yaml --log var/log contents.jsonl",
    .options = options,
    .operands_min = 2,
    .operands_max = NBA_OPERANDS_MAX,
    .run = run,
};
