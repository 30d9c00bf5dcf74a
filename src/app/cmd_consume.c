/* nba consume: records of any topics as JSON lines, or into a log file. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "commands_internal.h"
#include "digest.h"
#include "nba/app/interrupt.h"
#include "nba/app/ticker.h"
#include "nba/app/topic_table.h"
#include "nba/app/workplace.h"
#include "nba/base/assert.h"
#include "nba/base/time_text.h"
#include "nba/codec/container.h"
#include "nba/codec/json.h"
#include "nba/stream/reader.h"

#define LINE_BYTES_MAX (16u << 20)

struct args {
    struct nba_common common;
    const char *from;
    const char *to;
    int64_t partition;
    int64_t limit;
    const char *key;
    const char *out;
    bool follow;
    bool uncommitted;
    bool raw;
    bool digest;
};

static const struct nba_option options[] = {
    NBA_COMMON_OPTIONS(struct args, common),
    NBA_OPTION_TEXT(struct args, from, "from", "PLACE",
                    "first record: start (default), end, an offset, or a time"),
    NBA_OPTION_TEXT(struct args, to, "to", "PLACE",
                    "stop before it: end as it is now (default), an offset, or a time"),
    NBA_OPTION_INTEGER(struct args, partition, "partition", "N", 0, 1023, "this partition alone"),
    NBA_OPTION_INTEGER(struct args, limit, "limit", "N", 1, 1e15, "stop after N records"),
    NBA_OPTION_TEXT(struct args, key, "key", "KEY", "records with this key alone"),
    NBA_OPTION_TEXT(struct args, out, "out", "FILE",
                    "write an Avro container file of log records in place of JSON lines"),
    NBA_OPTION_FLAG(struct args, follow, "follow", "wait for more until interrupted"),
    NBA_OPTION_FLAG(struct args, uncommitted, "uncommitted",
                    "also records of open and aborted transactions"),
    NBA_OPTION_FLAG(struct args, raw, "raw", "values alone, as JSON, without their envelope"),
    NBA_OPTION_FLAG(struct args, digest, "digest",
                    "one SHA-256 a topic and partition, as `nba replay` prints them"),
};

/* One partition that is read, and how far. */
struct span {
    const char *topic;
    int32_t partition;
    int64_t from;
    int64_t to; /* INT64_MAX: no end */
    bool done;
};

struct consumer {
    const struct args *args;
    struct nba_workplace *place;
    struct nba_reader *reader;
    struct nba_container_writer *writer; /* NULL: JSON lines or digests */
    struct nba_digests digests;
    struct span *spans;
    size_t span_count;
    size_t open_count;
    struct nba_buf line;
    struct nba_ticker progress;
    uint64_t taken;
};

/* "start", "end", an offset or a time, in one partition. */
static enum nba_status offset_of(struct consumer *c, const char *option, const char *place,
                                 const struct span *span, int64_t *ret_offset,
                                 struct nba_error *error)
{
    const enum nba_isolation isolation =
        c->args->uncommitted ? NBA_READ_UNCOMMITTED : NBA_READ_COMMITTED;
    int64_t low = 0;
    int64_t high = 0;
    int64_t ms = 0;
    char *end = NULL;
    const enum nba_status status = nba_stream_watermarks(
        c->place->stream, span->topic, span->partition, isolation, &low, &high, error);
    if (status != NBA_OK) {
        return status;
    }
    if (strcmp(place, "start") == 0 || strcmp(place, "end") == 0) {
        *ret_offset = place[0] == 's' ? low : high;
        return NBA_OK;
    }
    if (nba_time_parse(nba_str_of(place), &ms)) {
        return nba_stream_offset_of_time(c->place->stream, span->topic, span->partition, ms,
                                         ret_offset, error);
    }
    errno = 0;
    const long long offset = strtoll(place, &end, 10);
    if (errno != 0 || end == place || *end != '\0' || offset < 0) {
        return nba_error_set(error, NBA_E_USAGE,
                             "--%s: expected start, end, an offset or a time, got '%s'", option,
                             place);
    }
    *ret_offset = offset < low ? low : offset > high ? high : offset;
    return NBA_OK;
}

static enum nba_status add_span(struct consumer *c, const char *topic, int32_t partition,
                                struct nba_error *error)
{
    struct span *grown = realloc(c->spans, (c->span_count + 1) * sizeof(*grown));
    if (grown == NULL) {
        return nba_error_set(error, NBA_E_NO_MEMORY, "out of memory");
    }
    c->spans = grown;
    struct span *span = &grown[c->span_count];
    *span = (struct span){topic, partition, 0, INT64_MAX, false};
    enum nba_status status = offset_of(c, "from", c->args->from != NULL ? c->args->from : "start",
                                       span, &span->from, error);
    if (status == NBA_OK && !(c->args->follow && c->args->to == NULL)) {
        status =
            offset_of(c, "to", c->args->to != NULL ? c->args->to : "end", span, &span->to, error);
    }
    if (status != NBA_OK) {
        return status;
    }
    span->done = span->from >= span->to;
    c->open_count += span->done ? 0 : 1;
    c->span_count++;
    return NBA_OK;
}

static enum nba_status add_topic(struct consumer *c, const struct nba_topic_table *table,
                                 const char *name, struct nba_error *error)
{
    const struct nba_topic_entry *entry = nba_topic_table_find(table, name);
    const char *topic = entry != NULL ? entry->spec.name : name;
    int32_t partitions = 0;
    enum nba_status status =
        nba_stream_topic_partitions(c->place->stream, topic, &partitions, error);
    if (status == NBA_OK && c->args->partition >= partitions) {
        return nba_error_set(error, NBA_E_NOT_FOUND, "topic '%s' has %d partitions", topic,
                             (int)partitions);
    }
    for (int32_t p = 0; p < partitions && status == NBA_OK; p++) {
        if (c->args->partition < 0 || c->args->partition == p) {
            status = add_span(c, topic, p, error);
        }
    }
    return status;
}

static enum nba_status assign(struct consumer *c, struct nba_error *error)
{
    struct nba_position *positions = calloc(c->span_count + 1, sizeof(*positions));
    size_t count = 0;
    if (positions == NULL) {
        return nba_error_set(error, NBA_E_NO_MEMORY, "out of memory");
    }
    for (size_t i = 0; i < c->span_count; i++) {
        if (!c->spans[i].done) {
            positions[count] =
                (struct nba_position){c->spans[i].topic, c->spans[i].partition, c->spans[i].from};
            count++;
        }
    }
    const enum nba_status status = nba_reader_assign(c->reader, positions, count, error);
    free(positions);
    return status;
}

static struct span *span_of(struct consumer *c, const struct nba_record *record)
{
    for (size_t i = 0; i < c->span_count; i++) {
        if (c->spans[i].partition == record->partition &&
            nba_str_is(record->topic, c->spans[i].topic)) {
            return &c->spans[i];
        }
    }
    return NULL;
}

static struct nba_log_record log_record_of(const struct nba_record *record,
                                           struct nba_log_header *headers)
{
    for (uint32_t i = 0; i < record->header_count; i++) {
        headers[i] = (struct nba_log_header){record->headers[i].name, record->headers[i].value};
    }
    return (struct nba_log_record){.topic = record->topic,
                                   .partition = record->partition,
                                   .offset = record->offset,
                                   .timestamp_ms = record->timestamp_ms,
                                   .key = record->key,
                                   .value = record->value,
                                   .has_key = !record->key_null,
                                   .has_value = !record->value_null,
                                   .headers = headers,
                                   .header_count = record->header_count};
}

static enum nba_status print_line(struct consumer *c, const struct nba_log_record *record,
                                  struct nba_error *error)
{
    nba_buf_reset(&c->line);
    if (!c->args->raw) {
        nba_json_print_record(c->place->schemas, record, &c->line);
    } else if (record->has_value) {
        const enum nba_status status =
            nba_json_print_value(c->place->schemas, record->value, &c->line, error);
        if (status != NBA_OK) {
            return nba_error_prefix(error, "%.*s/%d/%lld", NBA_STR_ARG(record->topic),
                                    (int)record->partition, (long long)record->offset);
        }
        nba_buf_append_byte(&c->line, '\n');
    } else {
        nba_buf_append_str(&c->line, nba_str_of("null\n"));
    }
    if (c->line.failed) {
        return nba_error_set(error, NBA_E_LIMIT, "a record is too long to print");
    }
    if (fwrite(c->line.data, 1, c->line.bytes, stdout) != c->line.bytes) {
        return nba_error_set(error, NBA_E_IO, "cannot write to standard output: %s",
                             strerror(errno));
    }
    if (c->args->follow && fflush(stdout) != 0) {
        return nba_error_set(error, NBA_E_IO, "cannot write to standard output: %s",
                             strerror(errno));
    }
    return NBA_OK;
}

static enum nba_status digest(struct consumer *c, const struct nba_record *record,
                              struct nba_error *error)
{
    const struct nba_outgoing hashed = {
        .key = record->key,
        .value = record->value,
        .key_null = record->key_null,
        .value_null = record->value_null,
        .headers = record->headers,
        .header_count = record->header_count,
    };
    const struct span *span = span_of(c, record);
    NBA_ASSERT(span != NULL);
    c->taken++;
    return nba_digests_add(&c->digests, span->topic, record->partition, &hashed, error);
}

static enum nba_status take(struct consumer *c, const struct nba_record *record,
                            struct nba_error *error)
{
    struct nba_log_header headers[NBA_HEADERS_MAX * 4];
    if (c->args->key != NULL && !nba_str_is(record->key, c->args->key)) {
        return NBA_OK;
    }
    if (c->args->digest) {
        return digest(c, record, error);
    }
    if (record->header_count > NBA_ARRAY_COUNT(headers)) {
        return nba_error_set(error, NBA_E_LIMIT, "a record has %u headers",
                             (unsigned)record->header_count);
    }
    const struct nba_log_record logged = log_record_of(record, headers);
    c->taken++;
    return c->writer != NULL ? nba_container_writer_append(c->writer, &logged, error)
                             : print_line(c, &logged, error);
}

static void close_span(struct consumer *c, struct span *span)
{
    if (!span->done) {
        NBA_ASSERT(c->open_count > 0);
        span->done = true;
        c->open_count--;
    }
}

static enum nba_status handle(struct consumer *c, enum nba_poll what,
                              const struct nba_record *record, struct nba_error *error)
{
    struct span *span = span_of(c, record);
    if (span == NULL || span->done) {
        return NBA_OK;
    }
    enum nba_status status = NBA_OK;
    if (what == NBA_POLL_RECORD && record->offset < span->to) {
        status = take(c, record, error);
    }
    const int64_t next = what == NBA_POLL_RECORD ? record->offset + 1 : record->offset;
    if (next >= span->to) {
        close_span(c, span);
    }
    return status;
}

static enum nba_status poll_all(struct consumer *c, struct nba_error *error)
{
    enum nba_status status = NBA_OK;
    while (status == NBA_OK && c->open_count > 0 && !nba_interrupted() &&
           (c->args->limit == 0 || c->taken < (uint64_t)c->args->limit)) {
        enum nba_poll what = NBA_POLL_NONE;
        struct nba_record record;
        memset(&record, 0, sizeof(record));
        status = nba_reader_poll(c->reader, 200, &what, &record, error);
        if (status == NBA_E_UNAVAILABLE && c->args->follow) {
            status = NBA_OK;
            continue;
        }
        if (status == NBA_OK && what != NBA_POLL_NONE) {
            status = handle(c, what, &record, error);
        }
        nba_record_release(&record);
        nba_ticker_at(&c->progress, c->taken);
    }
    return status;
}

static enum nba_status consume(struct consumer *c, const struct nba_operands *topics,
                               struct nba_error *error)
{
    struct nba_topic_table table;
    nba_topic_table_init(&table, &c->place->config);
    for (size_t i = 0; i < topics->count; i++) {
        const enum nba_status status = add_topic(c, &table, topics->items[i], error);
        if (status != NBA_OK) {
            return status;
        }
    }
    enum nba_status status = nba_reader_create(
        c->place->stream, c->args->uncommitted ? NBA_READ_UNCOMMITTED : NBA_READ_COMMITTED,
        &c->reader, error);
    if (status == NBA_OK) {
        status = assign(c, error);
    }
    if (status == NBA_OK && c->args->out != NULL) {
        status = nba_container_writer_create(c->place->schemas, c->args->out, NBA_CONTAINER_DEFLATE,
                                             &c->writer, error);
    }
    if (status == NBA_OK) {
        status = poll_all(c, error);
    }
    if (status == NBA_OK && c->writer != NULL) {
        status = nba_container_writer_finish(c->writer, error);
    }
    if (status == NBA_OK && c->args->digest) {
        nba_buf_reset(&c->line);
        nba_digests_print(&c->digests, &c->line);
        if (nba_command_print(&c->line) != 0) {
            status = nba_error_set(error, NBA_E_IO, "cannot write to standard output");
        }
    }
    return status;
}

static int run(const struct nba_command *command, int argc, char **argv)
{
    struct args args = {.partition = -1};
    struct nba_operands operands;
    struct nba_error error = {NBA_OK, ""};
    struct nba_workplace place;
    int code = 0;
    if (!nba_command_parse(command, argc, argv, &args, &operands, &code)) {
        return code;
    }
    nba_interrupt_install();
    if (nba_workplace_open(&args.common, NBA_LOCAL_READER, &place, &error) != NBA_OK) {
        return nba_command_fail(&error);
    }
    struct consumer c;
    memset(&c, 0, sizeof(c));
    c.args = &args;
    c.place = &place;
    nba_buf_init(&c.line, LINE_BYTES_MAX);
    nba_digests_init(&c.digests);
    nba_ticker_begin(&c.progress, "records", 0);
    enum nba_status status = consume(&c, &operands, &error);
    if (status == NBA_OK && fflush(stdout) != 0) {
        status = nba_error_set(&error, NBA_E_IO, "cannot write to standard output");
    }
    nba_ticker_end(&c.progress);
    if (status == NBA_OK && args.out != NULL) {
        (void)fprintf(stderr, "nba: %llu records in %s\n", (unsigned long long)c.taken, args.out);
    }
    nba_container_writer_destroy(c.writer);
    nba_reader_destroy(c.reader);
    nba_buf_clear(&c.line);
    nba_digests_clear(&c.digests);
    free(c.spans);
    nba_workplace_close(&place);
    return status == NBA_OK ? 0 : nba_command_fail(&error);
}

const struct nba_command nba_command_consume = {
    .name = "consume",
    .summary = "print the records of topics as JSON lines, or keep them in a file",
    .operands = "TOPIC...",
    .about =
        "Reads what is committed, from the start to the present end unless told otherwise. Values\n"
        "are decoded by their schema; what has none (dead letters, the changelog) is base64. With\n"
        "--out the records go unchanged into an Avro container file {topic, partition, offset,\n"
        "timestamp, key, value, headers}, which replay and the checks read. A topic may be given\n"
        "by its name or its short name.",
    .examples = "nba consume action --log var/log --limit 5\n"
                "nba consume decision --key hcp-0001 --kafka 127.0.0.1:9092\n"
                "nba consume engagement --from 2026-11-01T00:00:00Z --to 2026-12-01T00:00:00Z\n"
                "nba consume action --follow --raw | jq .action_id\n"
                "nba consume engagement decision deadletter slate --out run.avro",
    .options = options,
    .option_count = NBA_ARRAY_COUNT(options),
    .operands_min = 1,
    .operands_max = 64,
    .run = run,
};
