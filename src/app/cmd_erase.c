/* nba erase: an HCP's data goes, and it is told what went from where. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "engine_run.h"
#include "nba/app/command.h"
#include "nba/app/interrupt.h"
#include "nba/app/sink.h"
#include "nba/base/clock.h"
#include "nba/base/hash.h"
#include "nba/base/memory.h"
#include "nba/base/time_text.h"
#include "state_view.h"

#define KEYS_UNKNOWN UINT32_MAX

static struct {
    const char *hcp;
    const char *request;
    int64_t at_ms;
    bool wait;
} args = {.at_ms = NBA_TIME_NONE};

static const struct nba_option options[] = {
    NBA_OPTION_TEXT(&args.hcp, "hcp", "ID", "the HCP; more ids may follow as operands"),
    NBA_OPTION_TEXT(&args.request, "request", "ID",
                    "of the request, for the audit (default: made from the time)"),
    NBA_OPTION_TIME(&args.at_ms, "at", "when it was asked for (default: now)"),
    NBA_OPTION_FLAG(&args.wait, "wait",
                    "until it is done; on the embedded log the engine is run for it"),
    {0},
};

struct letter {
    struct nba_str key;
    int32_t partition;
};

struct erasing {
    struct nba_workplace *place;
    const char *ids[NBA_OPERANDS_MAX + 1];
    size_t count;
    struct nba_spans input; /* as it ends behind the events */
    struct nba_engine_run run;
    struct nba_arena arena; /* keys of letters */
    struct letter *letters;
    size_t letter_count, letter_capacity;
};

/* ---- the events ---- */

static enum nba_status send_events(struct erasing *e, struct nba_error *error)
{
    struct nba_sink sink = {.producer = NULL};
    enum nba_status status = nba_sink_open(e->place, &sink, error);
    const int64_t now_ms = nba_clock_wall_ms(&nba_clock_system);
    for (size_t i = 0; i < e->count && status == NBA_OK; i++) {
        char id[300];
        (void)snprintf(id, sizeof(id), "%.200s%s%zu", args.request != NULL ? args.request : "erase",
                       args.request != NULL ? "-" : "", i);
        if (args.request == NULL) {
            (void)snprintf(id, sizeof(id), "erase-%" PRId64 "-%zu", now_ms, i);
        }
        const struct nba_event event = {
            .type = NBA_EVENT_PROFILE_ERASED,
            .event_id = nba_str_of(id),
            .source = nba_str_of("nba-erase"),
            .request_id = nba_str_of(args.request != NULL ? args.request : id),
            .hcp_id = nba_str_of(e->ids[i]),
            .event_time_ms = args.at_ms != NBA_TIME_NONE ? args.at_ms : now_ms,
            .recorded_time_ms = NBA_TIME_NONE,
            .captured_at_ms = NBA_TIME_NONE,
            .expires_at_ms = NBA_TIME_NONE,
        };
        status = nba_sink_check_time(event.event_time_ms, error);
        if (status == NBA_OK) {
            status = nba_sink_event(&sink, e->place->config.topics.engagement, &event, error);
        }
    }
    status = nba_sink_close(&sink, status, error);
    return status == NBA_OK
               ? nba_spans_add(&e->input, e->place->stream, e->place->config.topics.engagement,
                               NBA_READ_COMMITTED, error)
               : status;
}

/* ---- until it is done ---- */

static enum nba_status work(void *context, struct nba_error *error)
{
    struct erasing *e = context;
    return nba_engine_run_wait(&e->run, &e->input, 50, NULL, NULL, error);
}

/* The embedded log has one writer, and that is us: so nobody else can do it. */
static enum nba_status run_engine(struct erasing *e, struct nba_error *error)
{
    enum nba_status status = nba_engine_run_open(e->place, NULL, &e->run, error);
    if (status == NBA_OK) {
        status = nba_engine_run_while(&e->run, work, e, error);
    }
    nba_engine_run_close(&e->run);
    return status;
}

static enum nba_status wait_for_instances(struct erasing *e, struct nba_error *error)
{
    const struct nba_config *config = &e->place->config;
    const struct timespec pause = {0, 100000000};
    for (size_t i = 0; i < e->count; i++) {
        const int32_t partition =
            nba_partition_of_key(nba_str_of(e->ids[i]), (int32_t)e->input.count);
        int64_t committed = -1;
        while (committed < e->input.items[partition].to) {
            if (nba_interrupted()) {
                return nba_error_set(error, NBA_E_INTERRUPTED, "interrupted");
            }
            const enum nba_status status =
                nba_stream_group_committed(e->place->stream, config->application_id,
                                           config->topics.engagement, partition, &committed, error);
            if (status != NBA_OK && nba_status_class(status) != NBA_CLASS_RETRY) {
                return status;
            }
            (void)nanosleep(&pause, NULL);
        }
    }
    return NBA_OK;
}

/* ---- dead letters ---- */

/* Is it in a record of this key and value: as the key's beginning, or as a text of the value (Avro:
 * behind its length as zigzag)? */
static bool names(const struct nba_record *record, struct nba_str id)
{
    struct nba_buf text;
    nba_buf_init(&text, 2 * NBA_ID_BYTES_MAX);
    nba_buf_append_zigzag(&text, (int64_t)id.bytes);
    nba_buf_append_str(&text, id);
    const struct nba_str wanted = nba_buf_str(&text);
    bool found = record->key.bytes > id.bytes && record->key.data[id.bytes] == '|' &&
                 memcmp(record->key.data, id.data, id.bytes) == 0;
    for (size_t i = 0; i + wanted.bytes <= record->value.bytes && !found; i++) {
        found = memcmp(record->value.data + i, wanted.data, wanted.bytes) == 0;
    }
    nba_buf_clear(&text);
    return found;
}

static enum nba_status look_at_letter(void *context, const struct nba_record *record,
                                      struct nba_error *error)
{
    struct erasing *e = context;
    bool found = false;
    (void)error;
    for (size_t i = 0; i < e->count && !found && !record->value_null && !record->key_null; i++) {
        found = names(record, nba_str_of(e->ids[i]));
    }
    if (found) {
        e->letters =
            nba_room(e->letters, e->letter_count, &e->letter_capacity, sizeof(*e->letters));
        e->letters[e->letter_count++] =
            (struct letter){nba_arena_copy(&e->arena, record->key), record->partition};
    }
    return NBA_OK;
}

static enum nba_status erase_letters(struct erasing *e, struct nba_error *error)
{
    const char *topic = e->place->config.topics.deadletter;
    struct nba_sink sink = {.producer = NULL};
    enum nba_status status = nba_walk_topic(e->place->stream, topic, look_at_letter, e, error);
    if (status == NBA_OK) {
        status = nba_sink_open(e->place, &sink, error);
    }
    for (size_t i = 0; i < e->letter_count && status == NBA_OK; i++) {
        const struct nba_outgoing tombstone = {
            .topic = topic,
            .partition = e->letters[i].partition,
            .key = e->letters[i].key,
            .value_null = true,
            .timestamp_ms = NBA_TIMESTAMP_NOW,
        };
        status = nba_sink_send(&sink, &tombstone, error);
    }
    return nba_sink_close(&sink, status, error);
}

/* ---- what is told ---- */

/* Keys of the HCPs in this machine's state; KEYS_UNKNOWN: it has none. */
static uint32_t keys_here(const struct erasing *e)
{
    static struct nba_state_view view;
    struct nba_error error = {0};
    struct nba_buf record;
    uint32_t sum = 0;
    bool known = nba_state_view_open(&e->place->config, false, &view, &error) == NBA_OK;
    nba_buf_init(&record, (size_t)1 << 20);
    for (size_t i = 0; i < e->count && known; i++) {
        uint32_t keys = 0;
        nba_buf_reset(&record);
        known = nba_state_store_look(view.store, nba_str_of(e->ids[i]), &record, &keys, &error) ==
                NBA_OK;
        sum += keys;
    }
    nba_buf_clear(&record);
    nba_state_view_close(&view);
    return known ? sum : KEYS_UNKNOWN;
}

static void tell_topics(const struct erasing *e)
{
    const struct nba_topic_table *table = &e->place->topics;
    const int64_t now_ms = nba_clock_wall_ms(&nba_clock_system);
    struct nba_buf *out = &e->place->out;
    nba_buf_append_str(out, nba_str_of("append-only topics, as `nba topics create` makes them:\n"));
    for (size_t i = 0; i < table->count; i++) {
        const struct nba_topic_spec *spec = &table->entries[i].spec;
        char text[NBA_TIME_TEXT_BYTES] = "no limit: it stays";
        if (spec->compacted || table->entries[i].role == NBA_TOPIC_CATALOG ||
            table->entries[i].role == NBA_TOPIC_CONTROL ||
            table->entries[i].role == NBA_TOPIC_JOURNAL) {
            continue; /* loses it by compaction, or knows no HCP */
        }
        if (spec->deleted && spec->retention_ms >= 0) {
            nba_time_format(now_ms + spec->retention_ms, text);
        }
        nba_buf_printf(out, "  %-28s last record goes: %s\n", spec->name, text);
    }
}

static void tell(const struct erasing *e, uint32_t before, uint32_t after)
{
    struct nba_buf *out = &e->place->out;
    nba_buf_printf(out, "%zu HCP%s: %s\n", e->count, e->count == 1 ? "" : "s",
                   args.wait ? "erased" : "to be erased by the instances");
    if (before != KEYS_UNKNOWN && after != KEYS_UNKNOWN && args.wait) {
        nba_buf_printf(out, "  %-28s %u keys removed, %u left\n", "state of this machine",
                       before - after, after);
    } else {
        nba_buf_printf(out, "  %-28s %s\n", "state of this machine",
                       before == KEYS_UNKNOWN ? "there is none" : "see --wait");
    }
    nba_buf_printf(out, "  %-28s %zu tombstone%s\n", e->place->config.topics.changelog, e->count,
                   e->count == 1 ? "" : "s");
    nba_buf_printf(out, "  %-28s %zu tombstone%s\n", e->place->config.topics.slate,
                   e->place->config.slate_publish ? e->count : 0, e->count == 1 ? "" : "s");
    nba_buf_printf(out, "  %-28s %zu tombstone%s\n", e->place->config.topics.deadletter,
                   e->letter_count, e->letter_count == 1 ? "" : "s");
    tell_topics(e);
}

/* ---- all of it ---- */

static enum nba_status take_ids(struct erasing *e, struct nba_error *error)
{
    if (args.hcp != NULL) {
        e->ids[e->count++] = args.hcp;
    }
    for (size_t i = 0; i < e->place->operands.count; i++) {
        e->ids[e->count++] = e->place->operands.items[i];
    }
    for (size_t i = 0; i < e->count; i++) {
        const size_t bytes = strlen(e->ids[i]);
        if (bytes == 0 || bytes > NBA_ID_BYTES_MAX) {
            return nba_error_set(error, NBA_E_USAGE, "--hcp: expected an id of 1 to %u bytes",
                                 NBA_ID_BYTES_MAX);
        }
    }
    return e->count != 0
               ? NBA_OK
               : nba_error_set(error, NBA_E_USAGE, "--hcp: expected the id of an HCP to erase");
}

static enum nba_status run(struct nba_workplace *place, struct nba_error *error)
{
    static struct erasing e; /* ids of all operands */
    e = (struct erasing){.place = place};
    nba_arena_init(&e.arena, (size_t)1 << 30);
    nba_interrupt_install();
    uint32_t before = KEYS_UNKNOWN;
    bool done = take_ids(&e, error) == NBA_OK &&
                nba_workplace_open(place, NBA_LOCAL_WRITER, error) == NBA_OK;
    if (done) {
        before = keys_here(&e);
        done = send_events(&e, error) == NBA_OK;
    }
    if (done && args.wait) {
        done = (place->config.log_kind == NBA_CONFIG_LOG_LOCAL
                    ? run_engine(&e, error)
                    : wait_for_instances(&e, error)) == NBA_OK;
    }
    if (done && erase_letters(&e, error) == NBA_OK) {
        tell(&e, before, args.wait ? keys_here(&e) : KEYS_UNKNOWN);
    } else {
        done = false;
    }
    nba_arena_clear(&e.arena);
    free(e.letters);
    free(e.input.items);
    return nba_outcome(done, error);
}

const struct nba_command nba_command_erase = {
    .name = "erase",
    .summary =
        "an HCP's data goes: state, changelog, slate, dead letters; open actions are recalled",
    .operands = "[HCP...]",
    .about =
        "Sends profile_erased for each HCP, which the engine turns into tombstones, recalls and "
        "an\n"
        "HMAC by which it knows the id again, and takes the HCP's dead letters out of their "
        "topic.\n"
        "Prints what was removed from which store, and until when append-only topics keep what\n"
        "they have. --wait ends when it is done: on the embedded log the engine is run here until\n"
        "all of the input is decided and its files are rewritten; on Kafka the instances do that.\n"
        "A second time does no harm. docs/DEPLOY.md says what stays, and how an HCP comes back.",
    .examples = "nba erase --hcp hcp-0001 --wait\n"
                "nba erase --request DSR-2026-17 --wait hcp-0001 hcp-0002\n"
                "nba erase --kafka broker:9092 --hcp hcp-0001",
    .options = options,
    .operands_max = NBA_OPERANDS_MAX,
    .run = run,
};
