/*
 * What bytes cost: decoding and encoding of each message, nanoseconds of CPU: the fastest of rounds
 * that go through all messages in turn, as what else a machine does can only add to it, and the
 * median beside it.
 *
 *   bench_codec [rounds [part of a case's name]]
 *
 * decode_10_fields is an event of ten fields and 117 bytes by a producer's own schema, resolved to
 * ours (design: 530-890 ns by avro-c, 24-28 ns by a decoder written by hand for that one schema).
 * Figures go to the file named by NBA_BENCH_BARS as tools/bench wants them.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "nba/base/limits.h"
#include "nba/codec/decoder.h"
#include "nba/codec/encoder.h"
#include "samples.h"

enum { ROUNDS_MAX = 101, CALLS = 20000, WRITER_ID = 1000, CASES = 9 };

static const char writer[] =
    "{\"type\":\"record\",\"name\":\"EngagementEvent\",\"fields\":["
    "{\"name\":\"event_id\",\"type\":\"string\"},{\"name\":\"hcp_id\",\"type\":\"string\"},"
    "{\"name\":\"event_time\",\"type\":\"long\"},"
    "{\"name\":\"channel\",\"type\":{\"type\":\"enum\",\"name\":\"Channel\","
    "\"symbols\":[\"email\",\"event\",\"web\",\"rep\"]}},"
    "{\"name\":\"event_type\",\"type\":{\"type\":\"enum\",\"name\":\"EventType\","
    "\"symbols\":[\"email_opened\",\"portal_content_viewed\"]}},"
    "{\"name\":\"content_id\",\"type\":[\"null\",\"string\"],\"default\":null},"
    "{\"name\":\"dwell_s\",\"type\":\"double\"},"
    "{\"name\":\"source\",\"type\":\"string\"},"
    "{\"name\":\"topic_ids\",\"type\":{\"type\":\"array\",\"items\":\"string\"}},"
    "{\"name\":\"rank\",\"type\":\"int\"}]}";

struct bench {
    struct nba_schemas *schemas;
    struct nba_decoder *decoder;
    struct nba_arena arena;
    struct nba_buf in;
    struct nba_buf out;
    struct nba_event event;
    struct nba_event plain_event;
    struct nba_action action;
    struct nba_slate slate;
    struct nba_decision decision;
    struct nba_suppressed suppressed[NBA_EXPLAINED_MAX];
    size_t bytes[CASES]; /* of each case's value; 0: not asked for */
};

static double cpu_ns(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static void must(bool good, const struct nba_error *error)
{
    if (!good) {
        (void)fprintf(stderr, "bench_codec: %s\n", error->message);
        exit(1);
    }
}

static void put_text(struct nba_buf *buf, const char *text)
{
    nba_buf_append_zigzag(buf, (int64_t)strlen(text));
    nba_buf_append_str(buf, nba_str_of(text));
}

static void make_10_fields(struct bench *b)
{
    const double dwell_s = 3.5;
    const unsigned char head[] = {0, 0, 0, WRITER_ID >> 8, WRITER_ID & 0xff};
    nba_buf_reset(&b->in);
    nba_buf_append(&b->in, head, sizeof(head));
    put_text(&b->in, "0f8fad5b-d9cb-469f-a165-70867728950e");
    put_text(&b->in, "HCP0012345");
    nba_buf_append_zigzag(&b->in, 1700000000000);
    nba_buf_append_zigzag(&b->in, 3);
    nba_buf_append_zigzag(&b->in, 1);
    nba_buf_append_zigzag(&b->in, 1);
    put_text(&b->in, "CNT-889");
    nba_buf_append(&b->in, &dwell_s, sizeof(dwell_s));
    put_text(&b->in, "cardiology");
    nba_buf_append_zigzag(&b->in, 3);
    for (int i = 0; i < 3; i++) {
        put_text(&b->in, "topic-x");
    }
    nba_buf_append_byte(&b->in, 0);
    nba_buf_append_zigzag(&b->in, 77);
}

static void make_event(struct bench *b)
{
    nba_buf_reset(&b->in);
    nba_encode_event(b->schemas, &b->plain_event, &b->in);
}

static void make_profile(struct bench *b)
{
    nba_buf_reset(&b->in);
    nba_encode_event(b->schemas, &b->event, &b->in);
}

static void make_decision(struct bench *b)
{
    nba_buf_reset(&b->in);
    nba_encode_decision(b->schemas, &b->decision, &b->in);
}

static void decode_event(struct bench *b)
{
    struct nba_event out;
    struct nba_error error;
    nba_arena_reset(&b->arena);
    must(nba_decode_event(b->decoder, nba_buf_str(&b->in), &b->arena, &out, &error) == NBA_OK,
         &error);
}

static void decode_decision(struct bench *b)
{
    struct nba_decision out;
    struct nba_error error;
    nba_arena_reset(&b->arena);
    must(nba_decode_decision(b->decoder, nba_buf_str(&b->in), &b->arena, &out, &error) == NBA_OK,
         &error);
}

#define ENCODE(noun, member)                                \
    static void encode_##noun(struct bench *b)              \
    {                                                       \
        nba_buf_reset(&b->out);                             \
        nba_encode_##member(b->schemas, &b->noun, &b->out); \
    }

ENCODE(plain_event, event)
ENCODE(event, event)
ENCODE(action, action)
ENCODE(slate, slate)
ENCODE(decision, decision)

static void make_nothing(struct bench *b)
{
    nba_buf_reset(&b->in);
}

static const struct {
    const char *id;
    void (*make)(struct bench *b);
    void (*run)(struct bench *b);
    double bar_ns; /* 0: none */
} cases[CASES] = {
    {"codec.decode_10_fields", make_10_fields, decode_event, 60},
    {"codec.decode_event", make_event, decode_event, 0},
    {"codec.decode_profile", make_profile, decode_event, 0},
    {"codec.decode_decision", make_decision, decode_decision, 0},
    {"codec.encode_event", make_nothing, encode_plain_event, 0},
    {"codec.encode_profile", make_nothing, encode_event, 0},
    {"codec.encode_action", make_nothing, encode_action, 0},
    {"codec.encode_slate", make_nothing, encode_slate, 0},
    {"codec.encode_decision", make_nothing, encode_decision, 0},
};

static int by_value(const void *a, const void *b)
{
    const double x = *(const double *)a;
    const double y = *(const double *)b;
    return (x > y) - (x < y);
}

static double run_round(struct bench *b, size_t index)
{
    cases[index].make(b);
    const double start = cpu_ns();
    for (int call = 0; call < CALLS; call++) {
        cases[index].run(b);
    }
    return (cpu_ns() - start) / CALLS;
}

static void report(const struct bench *b, size_t index, double *ns, size_t rounds, FILE *bars)
{
    qsort(ns, rounds, sizeof(ns[0]), by_value);
    printf("%-26s %8.1f ns (median %8.1f) %8zu bytes\n", cases[index].id, ns[0], ns[rounds / 2],
           b->bytes[index]);
    if (bars != NULL) {
        char bar[32] = "null";
        if (cases[index].bar_ns > 0) {
            (void)snprintf(bar, sizeof(bar), "%.0f", cases[index].bar_ns);
        }
        (void)fprintf(bars,
                      "{\"id\": \"%s\", \"value\": %.1f, \"bar\": %s, \"unit\": \"ns\", "
                      "\"better\": \"lower\", \"must\": %s}\n",
                      cases[index].id, ns[0], bar, cases[index].bar_ns > 0 ? "true" : "false");
    }
}

static void fill(struct bench *b)
{
    b->event = sample_event();
    b->plain_event = (struct nba_event){.type = NBA_EVENT_EMAIL_OPENED,
                                        .event_time_ms = 1795188600000,
                                        .recorded_time_ms = NBA_TIME_NONE,
                                        .captured_at_ms = NBA_TIME_NONE,
                                        .expires_at_ms = NBA_TIME_NONE,
                                        .event_id = T("0f8fad5b-d9cb-469f-a165-70867728950e"),
                                        .source = T("mail"),
                                        .tenant_id = T("acme"),
                                        .hcp_id = T("HCP0012345"),
                                        .market = T("US"),
                                        .brand = T("CARDIOX"),
                                        .content_id = T("CNT-889"),
                                        .topic_ids = LIST_OF(sample_topics),
                                        .message_id = T("m-10")};
    b->action = sample_action();
    b->slate = sample_slate(&b->action);
    b->decision = sample_decision(&b->action);
    for (size_t i = 0; i < NBA_EXPLAINED_MAX; i++) {
        b->suppressed[i] = b->decision.suppressed[0];
    }
    b->decision.suppressed = b->suppressed;
    b->decision.suppressed_count = NBA_EXPLAINED_MAX;
}

int main(int argc, char **argv)
{
    static struct bench b;
    struct nba_error error = {0};
    size_t rounds = argc > 1 ? (size_t)strtoul(argv[1], NULL, 10) : 31;
    rounds = rounds > 0 && rounds <= ROUNDS_MAX ? rounds : ROUNDS_MAX;
    must(nba_schemas_load(NBA_SOURCE_DIR "/schemas", &b.schemas, &error) == NBA_OK, &error);
    must(nba_schemas_add(b.schemas, WRITER_ID, nba_str_of(writer), &error) == NBA_OK, &error);
    b.decoder = nba_decoder_create(b.schemas);
    nba_arena_init(&b.arena, (size_t)64 * 1024 * 1024);
    nba_buf_init(&b.in, NBA_RECORD_BYTES_MAX);
    nba_buf_init(&b.out, NBA_RECORD_BYTES_MAX);
    fill(&b);
    const char *path = getenv("NBA_BENCH_BARS");
    FILE *bars = path != NULL ? fopen(path, "a") : NULL;
    static double ns[CASES][ROUNDS_MAX];
    for (size_t round = 0; round < rounds; round++) {
        for (size_t i = 0; i < CASES; i++) {
            if (argc < 3 || strstr(cases[i].id, argv[2]) != NULL) {
                ns[i][round] = run_round(&b, i);
                b.bytes[i] = b.in.bytes != 0 ? b.in.bytes : b.out.bytes;
            }
        }
    }
    for (size_t i = 0; i < CASES; i++) {
        if (b.bytes[i] != 0) {
            report(&b, i, ns[i], rounds, bars);
        }
    }
    if (bars != NULL) {
        (void)fclose(bars);
    }
    nba_buf_clear(&b.in);
    nba_buf_clear(&b.out);
    nba_arena_clear(&b.arena);
    nba_decoder_destroy(b.decoder);
    nba_schemas_destroy(b.schemas);
    return 0;
}
