/* nba produce: JSON lines become records of a topic; also log files, and ticks of the clock. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "nba/app/command.h"
#include "nba/app/sink.h"
#include "nba/codec/encoder.h"
#include "nba/codec/json.h"

static struct {
    const char *topic;
    int64_t tick_ms;
    bool log_file;
    bool allow_future;
} args = {.topic = "engagement", .tick_ms = NBA_TIME_NONE};

static const struct nba_option options[] = {
    NBA_OPTION_TEXT(&args.topic, "topic", "TOPIC",
                    "engagement (default), catalog or control, by name or short name"),
    NBA_OPTION_TIME(&args.tick_ms, "tick",
                    "send control_tick with this time to every partition of the input"),
    NBA_OPTION_FLAG(&args.log_file, "log-file",
                    "FILE is a log file (consume --out): its records of TOPIC go out unchanged"),
    NBA_OPTION_FLAG(&args.allow_future, "allow-future",
                    "send also what is more than 10 minutes ahead of now, as of a simulation"),
    {0},
};

struct producing {
    struct nba_workplace *place;
    struct nba_sink sink;
    const char *topic;
    enum nba_topic_role role;
};

static enum nba_status check_time(const struct producing *p, int64_t time_ms,
                                  struct nba_error *error)
{
    return args.allow_future || p->role != NBA_TOPIC_ENGAGEMENT
               ? NBA_OK
               : nba_sink_check_time(time_ms, error);
}

static enum nba_status send_event(struct producing *p, const struct nba_event *event,
                                  struct nba_error *error)
{
    if (nba_str_empty(event->hcp_id)) {
        return nba_error_set(error, NBA_E_CONFIG, "hcp_id: expected an id");
    }
    const enum nba_status status = check_time(p, event->event_time_ms, error);
    return status == NBA_OK ? nba_sink_event(&p->sink, p->topic, event, error) : status;
}

static enum nba_status send_control(struct producing *p, const struct nba_control *control,
                                    struct nba_error *error)
{
    nba_buf_reset(&p->sink.value);
    nba_encode_control(p->place->schemas, control, &p->sink.value);
    return nba_sink_value(&p->sink, p->topic, 0, nba_str(NULL, 0),
                          control->time_ms > 0 ? control->time_ms : NBA_TIMESTAMP_NOW, error);
}

static enum nba_status take_line(void *context, struct nba_str line, struct nba_error *error)
{
    struct producing *p = context;
    struct nba_decoder *decoder = p->place->decoder;
    struct nba_arena *arena = &p->place->arena;
    struct nba_event event;
    struct nba_reference reference;
    struct nba_control control;
    bool done = false;
    nba_arena_reset(arena);
    nba_ticker_at(&p->place->ticker, p->sink.sent);
    if (p->role == NBA_TOPIC_ENGAGEMENT) {
        done = nba_json_parse_event(decoder, line, arena, &event, error) == NBA_OK &&
               send_event(p, &event, error) == NBA_OK;
    } else if (p->role == NBA_TOPIC_CATALOG) {
        done =
            nba_json_parse_reference(decoder, line, arena, &reference, error) == NBA_OK &&
            nba_sink_reference(&p->sink, p->topic, &reference, NBA_TIMESTAMP_NOW, error) == NBA_OK;
    } else {
        done = nba_json_parse_control(decoder, line, arena, &control, error) == NBA_OK &&
               send_control(p, &control, error) == NBA_OK;
    }
    return nba_outcome(done, error);
}

static enum nba_status take_record(void *context, const struct nba_record *record,
                                   struct nba_error *error)
{
    struct producing *p = context;
    const struct nba_outgoing outgoing = {.topic = p->topic,
                                          .partition = record->partition,
                                          .key = record->key,
                                          .value = record->value,
                                          .key_null = record->key_null,
                                          .value_null = record->value_null,
                                          .headers = record->headers,
                                          .header_count = record->header_count,
                                          .timestamp_ms = record->timestamp_ms};
    nba_ticker_at(&p->place->ticker, p->sink.sent);
    if (!nba_str_is(record->topic, p->topic)) {
        return NBA_OK;
    }
    const enum nba_status status = check_time(p, record->timestamp_ms, error);
    return status == NBA_OK ? nba_sink_send(&p->sink, &outgoing, error) : status;
}

/* A tick has no HCP: no key, and every partition gets its own. */
static enum nba_status produce_ticks(struct producing *p, struct nba_error *error)
{
    int32_t partitions = 0;
    enum nba_status status =
        nba_stream_topic_partitions(p->place->stream, p->topic, &partitions, error);
    status = status == NBA_OK ? check_time(p, args.tick_ms, error) : status;
    for (int32_t i = 0; i < partitions && status == NBA_OK; i++) {
        char id[64];
        (void)snprintf(id, sizeof(id), "tick-%" PRId64 "-%d", args.tick_ms, (int)i);
        const struct nba_event event = {.type = NBA_EVENT_CONTROL_TICK,
                                        .event_id = nba_str_of(id),
                                        .source = nba_str_of("nba-produce"),
                                        .event_time_ms = args.tick_ms,
                                        .recorded_time_ms = NBA_TIME_NONE,
                                        .captured_at_ms = NBA_TIME_NONE,
                                        .expires_at_ms = NBA_TIME_NONE};
        nba_buf_reset(&p->sink.value);
        nba_encode_event(p->place->schemas, &event, &p->sink.value);
        status = nba_sink_value(&p->sink, p->topic, i, nba_str(NULL, 0), args.tick_ms, error);
    }
    return status;
}

static enum nba_status produce(struct producing *p, struct nba_error *error)
{
    const struct nba_operands *files = &p->place->operands;
    enum nba_status status = NBA_OK;
    if (args.tick_ms != NBA_TIME_NONE) {
        return produce_ticks(p, error);
    }
    nba_ticker_begin(&p->place->ticker, "records", 0);
    for (size_t i = 0; i < (files->count > 0 ? files->count : 1) && status == NBA_OK; i++) {
        const char *path = files->count > 0 ? files->items[i] : "-";
        status = args.log_file ? nba_walk_log_file(p->place->schemas, path, take_record, p, error)
                               : nba_walk_lines(path, take_line, p, error);
    }
    nba_ticker_end(&p->place->ticker);
    return status == NBA_E_INTERRUPTED ? NBA_OK : status; /* what came before counts */
}

static enum nba_status choose_topic(struct producing *p, struct nba_error *error)
{
    const struct nba_topic_entry *topic = nba_topic_table_find(&p->place->topics, args.topic);
    if (topic == NULL || topic->role > NBA_TOPIC_INPUTS_LAST) {
        return nba_error_set(error, NBA_E_USAGE,
                             "--topic: expected engagement, catalog or control, got '%s'",
                             args.topic);
    }
    if (args.tick_ms != NBA_TIME_NONE && topic->role != NBA_TOPIC_ENGAGEMENT) {
        return nba_error_set(error, NBA_E_USAGE, "--tick: ticks belong to the engagement topic");
    }
    p->topic = topic->spec.name;
    p->role = topic->role;
    return NBA_OK;
}

static enum nba_status run(struct nba_workplace *place, struct nba_error *error)
{
    struct producing p = {.place = place};
    nba_interrupt_install();
    const bool done = nba_workplace_open(place, NBA_LOCAL_WRITER, error) == NBA_OK &&
                      choose_topic(&p, error) == NBA_OK &&
                      nba_sink_open(place, &p.sink, error) == NBA_OK &&
                      produce(&p, error) == NBA_OK;
    const enum nba_status status = nba_sink_close(&p.sink, nba_outcome(done, error), error);
    if (status == NBA_OK) {
        (void)fprintf(stderr, "nba: %" PRIu64 " records to %s\n", p.sink.sent, p.topic);
    }
    return status;
}

const struct nba_command nba_command_produce = {
    .name = "produce",
    .summary = "send JSON lines to the input, the catalogue or the control topic",
    .operands = "[FILE...]",
    .about =
        "Each line is one message in the form that `nba consume --raw` prints; without FILE,\n"
        "standard input is read. Events are keyed by hcp_id and have their event time as record\n"
        "time; catalogue records are keyed kind:id. --tick moves the clock of partitions that\n"
        "are idle (clock: event). An event or tick more than 10 minutes ahead of now is an error: "
        "the\n"
        "partition's clock would go there, and what it knows of HCPs be forgotten.",
    .examples =
        "nba produce --log var/log events.jsonl\n"
        "echo '{\"event_id\":\"e1\",\"source\":\"crm\",\"event_type\":\"email_opened\",'\\\n"
        "     '\"event_time\":\"2026-11-20T15:30:00Z\",\"hcp_id\":\"hcp-1\"}' | nba produce\n"
        "nba produce --topic catalog contents.jsonl\n"
        "nba produce --tick 2026-11-01T00:00:00Z\n"
        "nba produce --log-file --kafka 127.0.0.1:9092 run.avro",
    .options = options,
    .operands_max = NBA_OPERANDS_MAX,
    .run = run,
};
