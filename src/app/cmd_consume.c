/* nba consume: records of any topics as JSON lines, or into a log file. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "digest.h"
#include "nba/app/command.h"
#include "nba/codec/container.h"
#include "nba/codec/json.h"

#define FLUSH_BYTES ((size_t)1 << 16)

static struct {
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
} args = {.partition = -1};

static const struct nba_option options[] = {
    NBA_OPTION_TEXT(&args.from, "from", "PLACE",
                    "first record: start (default), end, an offset, or a time"),
    NBA_OPTION_TEXT(&args.to, "to", "PLACE",
                    "stop before it: end as it is now (default), an offset, or a time"),
    NBA_OPTION_INTEGER(&args.partition, "partition", "N", 0, 1023, "this partition alone"),
    NBA_OPTION_INTEGER(&args.limit, "limit", "N", 1, 1e15, "stop after N records"),
    NBA_OPTION_TEXT(&args.key, "key", "KEY", "records with this key alone"),
    NBA_OPTION_TEXT(&args.out, "out", "FILE",
                    "write an Avro container file of log records in place of JSON lines"),
    NBA_OPTION_FLAG(&args.follow, "follow", "wait for more until interrupted"),
    NBA_OPTION_FLAG(&args.uncommitted, "uncommitted",
                    "also records of open and aborted transactions"),
    NBA_OPTION_FLAG(&args.raw, "raw", "values alone, as JSON, without their envelope"),
    NBA_OPTION_FLAG(&args.digest, "digest",
                    "one SHA-256 a topic and partition, as `nba replay` prints them"),
    {0},
};

struct consumer {
    struct nba_workplace *place;
    struct nba_container_writer *writer; /* NULL: JSON lines or digests */
    struct nba_digests digests;
    struct nba_spans spans;
    uint64_t taken;
};

static enum nba_isolation isolation(void)
{
    return args.uncommitted ? NBA_READ_UNCOMMITTED : NBA_READ_COMMITTED;
}

static enum nba_status add_topic(struct consumer *c, const char *topic, struct nba_error *error)
{
    struct nba_stream *stream = c->place->stream;
    const size_t first = c->spans.count;
    enum nba_status status = nba_spans_add(&c->spans, stream, topic, isolation(), error);
    if (status == NBA_OK && args.partition >= (int64_t)(c->spans.count - first)) {
        return nba_error_set(error, NBA_E_NOT_FOUND, "topic '%s' has %zu partitions", topic,
                             c->spans.count - first);
    }
    for (size_t i = first; i < c->spans.count && status == NBA_OK; i++) {
        struct nba_span *span = &c->spans.items[i];
        const struct nba_span whole = *span;
        if (args.partition >= 0 && span->partition != args.partition) {
            span->to = span->from; /* nothing of it */
            continue;
        }
        span->to = args.follow ? INT64_MAX : whole.to;
        status = nba_span_offset(stream, "from", args.from, &whole, &span->from, error);
        if (status == NBA_OK) {
            status = nba_span_offset(stream, "to", args.to, &whole, &span->to, error);
        }
    }
    return status;
}

static enum nba_status print_line(struct consumer *c, const struct nba_record *record,
                                  struct nba_error *error)
{
    struct nba_buf *out = &c->place->out;
    if (!args.raw) {
        nba_json_print_record(c->place->schemas, record, out);
    } else if (record->value_null) {
        nba_buf_append_str(out, nba_str_of("null\n"));
    } else if (nba_json_print_value(c->place->schemas, record->value, out, error) == NBA_OK) {
        nba_buf_append_byte(out, '\n');
    } else {
        return nba_error_prefix(error, "%.*s/%d/%lld", NBA_STR_ARG(record->topic),
                                (int)record->partition, (long long)record->offset);
    }
    return args.follow || out->bytes > FLUSH_BYTES ? nba_workplace_flush(c->place, error) : NBA_OK;
}

static enum nba_status take(void *context, const struct nba_record *record, struct nba_error *error)
{
    struct consumer *c = context;
    if (args.key != NULL && !nba_str_is(record->key, args.key)) {
        return NBA_OK;
    }
    nba_ticker_at(&c->place->ticker, ++c->taken);
    const enum nba_status status = args.digest ? nba_digests_add(&c->digests, record, error)
                                   : c->writer != NULL
                                       ? nba_container_writer_append(c->writer, record, error)
                                       : print_line(c, record, error);
    return status == NBA_OK && c->taken == (uint64_t)args.limit ? NBA_E_INTERRUPTED : status;
}

static enum nba_status consume(struct consumer *c, struct nba_error *error)
{
    struct nba_workplace *place = c->place;
    const struct nba_walk walk = {place->stream, isolation(), args.follow, take, c};
    enum nba_status status = NBA_OK;
    for (size_t i = 0; i < place->operands.count && status == NBA_OK; i++) {
        status =
            add_topic(c, nba_topic_table_name(&place->topics, place->operands.items[i]), error);
    }
    if (status == NBA_OK && args.out != NULL) {
        status = nba_container_writer_create(place->schemas, args.out, NBA_CONTAINER_DEFLATE,
                                             &c->writer, error);
    }
    if (status == NBA_OK) {
        nba_ticker_begin(&place->ticker, "records", 0);
        status = nba_walk_spans(&walk, &c->spans, error);
        nba_ticker_end(&place->ticker);
    }
    if (status == NBA_E_INTERRUPTED) {
        status = NBA_OK; /* enough: what was taken counts */
    }
    if (status == NBA_OK && args.digest) {
        status = nba_digests_finish(&c->digests, &place->out, error);
    }
    if (status == NBA_OK && c->writer != NULL) {
        status = nba_container_writer_finish(c->writer, error);
        if (status == NBA_OK) {
            (void)fprintf(stderr, "nba: %llu records in %s\n", (unsigned long long)c->taken,
                          args.out);
        }
    }
    return status;
}

static enum nba_status run(struct nba_workplace *place, struct nba_error *error)
{
    struct consumer c = {.place = place};
    nba_interrupt_install();
    nba_digests_init(&c.digests, NULL, NULL);
    enum nba_status status = nba_workplace_open(place, NBA_LOCAL_READER, error);
    status = status == NBA_OK ? consume(&c, error) : status;
    nba_container_writer_destroy(c.writer);
    nba_digests_clear(&c.digests);
    free(c.spans.items);
    return status;
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
    .operands_min = 1,
    .operands_max = 64,
    .run = run,
};
