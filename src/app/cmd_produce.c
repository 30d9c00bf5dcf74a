/* nba produce: JSON lines become records of a topic; also log files, and ticks of the clock. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "commands_internal.h"
#include "nba/app/interrupt.h"
#include "nba/app/line_reader.h"
#include "nba/app/sink.h"
#include "nba/app/ticker.h"
#include "nba/app/topic_table.h"
#include "nba/app/workplace.h"
#include "nba/codec/container.h"
#include "nba/codec/encoder.h"
#include "nba/codec/json.h"

#define LINE_BYTES_MAX  (2u << 20)
#define ARENA_BYTES_MAX (64u << 20)

struct args {
    struct nba_common common;
    const char *topic;
    int64_t tick_ms;
    bool log_file;
};

static const struct nba_option options[] = {
    NBA_COMMON_OPTIONS(struct args, common),
    NBA_OPTION_TEXT(struct args, topic, "topic", "TOPIC",
                    "engagement (default), catalog or control, by name or short name"),
    NBA_OPTION_TIME(struct args, tick_ms, "tick",
                    "send control_tick with this time to every partition of the input"),
    NBA_OPTION_FLAG(struct args, log_file, "log-file",
                    "FILE is a log file (consume --out): its records of TOPIC go out unchanged"),
};

struct producing {
    struct nba_workplace *place;
    struct nba_sink sink;
    const struct nba_topic_entry *topic;
    struct nba_decoder *decoder;
    struct nba_arena arena;
    struct nba_ticker progress;
};

static enum nba_status send_control(struct producing *p, struct nba_str line,
                                    struct nba_error *error)
{
    struct nba_control control;
    const enum nba_status status =
        nba_json_parse_control(p->decoder, line, &p->arena, &control, error);
    if (status != NBA_OK) {
        return status;
    }
    nba_buf_reset(&p->sink.value);
    nba_encode_control(p->place->schemas, &control, &p->sink.value);
    if (p->sink.value.failed) {
        return nba_error_set(error, NBA_E_LIMIT, "message is too large");
    }
    const struct nba_outgoing outgoing = {.topic = p->topic->spec.name,
                                          .partition = 0,
                                          .key_null = true,
                                          .value = nba_buf_str(&p->sink.value),
                                          .timestamp_ms = control.time_ms > 0 ? control.time_ms
                                                                              : NBA_TIMESTAMP_NOW};
    return nba_sink_send(&p->sink, &outgoing, error);
}

static enum nba_status send_line(struct producing *p, struct nba_str line, struct nba_error *error)
{
    enum nba_status status = NBA_OK;
    nba_arena_reset(&p->arena);
    if (p->topic->role == NBA_TOPIC_ENGAGEMENT) {
        struct nba_event event;
        status = nba_json_parse_event(p->decoder, line, &p->arena, &event, error);
        if (status == NBA_OK && nba_str_empty(event.hcp_id)) {
            status = nba_error_set(error, NBA_E_CONFIG, "hcp_id: expected an id");
        }
        return status == NBA_OK ? nba_sink_event(&p->sink, p->topic->spec.name, &event, error)
                                : status;
    }
    if (p->topic->role == NBA_TOPIC_CATALOG) {
        struct nba_reference reference;
        status = nba_json_parse_reference(p->decoder, line, &p->arena, &reference, error);
        return status == NBA_OK ? nba_sink_reference(&p->sink, p->topic->spec.name, &reference,
                                                     NBA_TIMESTAMP_NOW, error)
                                : status;
    }
    return send_control(p, line, error);
}

static enum nba_status produce_lines(struct producing *p, const char *path, struct nba_error *error)
{
    struct nba_line_reader reader;
    bool more = true;
    enum nba_status status = nba_line_reader_open(path, LINE_BYTES_MAX, &reader, error);
    while (status == NBA_OK && more && !nba_interrupted()) {
        struct nba_str line;
        status = nba_line_reader_next(&reader, &line, &more, error);
        if (status == NBA_OK && more && line.bytes > 0) {
            status = send_line(p, line, error);
        }
        if (status != NBA_OK) {
            (void)nba_error_prefix(error, "%s:%" PRIu64, path, reader.number);
        }
        nba_ticker_at(&p->progress, p->sink.sent);
    }
    nba_line_reader_close(&reader);
    return status;
}

static enum nba_status send_log_record(struct producing *p, const struct nba_log_record *record,
                                       struct nba_error *error)
{
    struct nba_header headers[NBA_HEADERS_MAX];
    if (!nba_str_is(record->topic, p->topic->spec.name)) {
        return NBA_OK;
    }
    if (record->header_count > NBA_HEADERS_MAX) {
        return nba_error_set(error, NBA_E_LIMIT, "a record has %u headers",
                             (unsigned)record->header_count);
    }
    for (uint32_t i = 0; i < record->header_count; i++) {
        headers[i] = (struct nba_header){record->headers[i].name, record->headers[i].value};
    }
    const struct nba_outgoing outgoing = {.topic = p->topic->spec.name,
                                          .partition = record->partition,
                                          .key = record->key,
                                          .value = record->value,
                                          .key_null = !record->has_key,
                                          .value_null = !record->has_value,
                                          .headers = headers,
                                          .header_count = record->header_count,
                                          .timestamp_ms = record->timestamp_ms};
    return nba_sink_send(&p->sink, &outgoing, error);
}

static enum nba_status produce_log_file(struct producing *p, const char *path,
                                        struct nba_error *error)
{
    struct nba_container_reader *reader = NULL;
    bool more = true;
    enum nba_status status = nba_container_reader_open(p->place->schemas, path, &reader, error);
    while (status == NBA_OK && more && !nba_interrupted()) {
        struct nba_log_record record;
        status = nba_container_reader_next(reader, &record, &more, error);
        if (status == NBA_OK && more) {
            status = send_log_record(p, &record, error);
        }
        nba_ticker_at(&p->progress, p->sink.sent);
    }
    nba_container_reader_close(reader);
    return status;
}

/* A tick has no HCP: no key, and every partition gets its own. */
static enum nba_status produce_ticks(struct producing *p, int64_t tick_ms, struct nba_error *error)
{
    int32_t partitions = 0;
    enum nba_status status =
        nba_stream_topic_partitions(p->place->stream, p->topic->spec.name, &partitions, error);
    for (int32_t i = 0; i < partitions && status == NBA_OK; i++) {
        char id[64];
        struct nba_event event;
        memset(&event, 0, sizeof(event));
        (void)snprintf(id, sizeof(id), "tick-%" PRId64 "-%d", tick_ms, (int)i);
        event.type = NBA_EVENT_CONTROL_TICK;
        event.event_id = nba_str_of(id);
        event.source = nba_str_of("nba-produce");
        event.event_time_ms = tick_ms;
        event.recorded_time_ms = event.captured_at_ms = event.expires_at_ms = NBA_TIME_NONE;
        nba_buf_reset(&p->sink.value);
        nba_encode_event(p->place->schemas, &event, &p->sink.value);
        const struct nba_outgoing outgoing = {.topic = p->topic->spec.name,
                                              .partition = i,
                                              .key_null = true,
                                              .value = nba_buf_str(&p->sink.value),
                                              .timestamp_ms = tick_ms};
        status = nba_sink_send(&p->sink, &outgoing, error);
    }
    return status;
}

static enum nba_status produce_all(struct producing *p, const struct args *args,
                                   const struct nba_operands *files, struct nba_error *error)
{
    enum nba_status status = NBA_OK;
    if (args->tick_ms != NBA_TIME_NONE) {
        return produce_ticks(p, args->tick_ms, error);
    }
    for (size_t i = 0; i < (files->count > 0 ? files->count : 1) && status == NBA_OK; i++) {
        const char *path = files->count > 0 ? files->items[i] : "-";
        status = args->log_file ? produce_log_file(p, path, error) : produce_lines(p, path, error);
    }
    return status;
}

static enum nba_status choose_topic(struct producing *p, const struct nba_topic_table *table,
                                    const struct args *args, struct nba_error *error)
{
    const char *name = args->topic != NULL ? args->topic : "engagement";
    p->topic = nba_topic_table_find(table, name);
    if (p->topic == NULL ||
        (p->topic->role != NBA_TOPIC_ENGAGEMENT && p->topic->role != NBA_TOPIC_CATALOG &&
         p->topic->role != NBA_TOPIC_CONTROL)) {
        return nba_error_set(error, NBA_E_USAGE,
                             "--topic: expected engagement, catalog or control, got '%s'", name);
    }
    if (args->tick_ms != NBA_TIME_NONE && p->topic->role != NBA_TOPIC_ENGAGEMENT) {
        return nba_error_set(error, NBA_E_USAGE, "--tick: ticks belong to the engagement topic");
    }
    return NBA_OK;
}

static enum nba_status produce(struct producing *p, const struct args *args,
                               const struct nba_operands *files, struct nba_error *error)
{
    struct nba_topic_table table;
    nba_topic_table_init(&table, &p->place->config);
    enum nba_status status = choose_topic(p, &table, args, error);
    if (status == NBA_OK) {
        status = nba_decoder_create(p->place->schemas, &p->decoder, error);
    }
    if (status == NBA_OK) {
        status = nba_sink_open(p->place->stream, p->place->schemas, &p->sink, error);
    }
    if (status == NBA_OK) {
        status = produce_all(p, args, files, error);
    }
    const uint64_t sent = p->sink.sent;
    struct nba_error closing = {NBA_OK, ""};
    const enum nba_status closed = nba_sink_close(&p->sink, &closing);
    if (status == NBA_OK && closed != NBA_OK) {
        status = closed;
        *error = closing;
    }
    if (status == NBA_OK) {
        (void)fprintf(stderr, "nba: %" PRIu64 " records to %s\n", sent, p->topic->spec.name);
    }
    return status;
}

static int run(const struct nba_command *command, int argc, char **argv)
{
    struct args args = {.tick_ms = NBA_TIME_NONE};
    struct nba_operands operands;
    struct nba_error error = {NBA_OK, ""};
    struct nba_workplace place;
    int code = 0;
    if (!nba_command_parse(command, argc, argv, &args, &operands, &code)) {
        return code;
    }
    nba_interrupt_install();
    if (nba_workplace_open(&args.common, NBA_LOCAL_WRITER, &place, &error) != NBA_OK) {
        return nba_command_fail(&error);
    }
    struct producing p;
    memset(&p, 0, sizeof(p));
    p.place = &place;
    nba_arena_init(&p.arena, ARENA_BYTES_MAX);
    nba_ticker_begin(&p.progress, "records", 0);
    const enum nba_status status = produce(&p, &args, &operands, &error);
    nba_ticker_end(&p.progress);
    nba_decoder_destroy(p.decoder);
    nba_arena_clear(&p.arena);
    nba_workplace_close(&place);
    return status == NBA_OK ? 0 : nba_command_fail(&error);
}

const struct nba_command nba_command_produce = {
    .name = "produce",
    .summary = "send JSON lines to the input, the catalogue or the control topic",
    .operands = "[FILE...]",
    .about =
        "Each line is one message in the form that `nba consume --raw` prints; without FILE,\n"
        "standard input is read. Events are keyed by hcp_id and have their event time as record\n"
        "time; catalogue records are keyed kind:id. --tick moves the clock of partitions that\n"
        "are idle (clock: event).",
    .examples =
        "nba produce --log var/log events.jsonl\n"
        "echo '{\"event_id\":\"e1\",\"source\":\"crm\",\"event_type\":\"email_opened\",'\\\n"
        "     '\"event_time\":\"2026-11-20T15:30:00Z\",\"hcp_id\":\"hcp-1\"}' | nba produce\n"
        "nba produce --topic catalog contents.jsonl\n"
        "nba produce --tick 2026-12-01T00:00:00Z\n"
        "nba produce --log-file --kafka 127.0.0.1:9092 run.avro",
    .options = options,
    .option_count = NBA_ARRAY_COUNT(options),
    .operands_max = NBA_OPERANDS_MAX,
    .run = run,
};
