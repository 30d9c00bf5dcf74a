/*
 * What an HCP's record costs: microseconds of CPU an event, medians of rounds.
 *
 *   bench_state [rounds]
 *
 * "event" is what the pipeline does to the state for one event: get, duplicate check, apply, an
 * action every tenth time, seal and write, 100 events a transaction, from the hot cache or from
 * RocksDB.  "typical" records have 12 events of history (about 1 KB), "busy" ones 60 (about 3 KB).
 * The bar is the budget of a read-modify-write of 1 KB, 5 us; of a restore 10 us a key (100,000
 * keys/s).  NBA_BENCH_BARS as tools/bench wants it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "nba/base/file.h"
#include "nba/base/random.h"
#include "nba/state/task.h"

#define HCPS         4000u
#define TXN_EVENTS   100u
#define ROUNDS_MAX   101u
#define T0           INT64_C(1795190400000)
#define CODEC_CALLS  20000u
#define RESTORE_KEYS 100000u

struct bench {
    struct nba_arena arena;
    struct nba_state_store *store;
    struct nba_task *task;
    struct nba_rng rng;
    uint64_t step;
    int64_t clock_ms;
    int64_t changelog_next;
    struct nba_error error;
};

static double cpu_us(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static void must(struct bench *b, enum nba_status status)
{
    if (status != NBA_OK) {
        (void)fprintf(stderr, "bench_state: %s: %s\n", nba_status_name(status), b->error.message);
        exit(1);
    }
}

static struct nba_event next_event(struct bench *b, char text[5][48])
{
    static const enum nba_event_type types[] = {
        NBA_EVENT_EMAIL_SENT,    NBA_EVENT_EMAIL_DELIVERED,       NBA_EVENT_EMAIL_OPENED,
        NBA_EVENT_EMAIL_CLICKED, NBA_EVENT_PORTAL_CONTENT_VIEWED, NBA_EVENT_REP_CALL_COMPLETED};
    static const struct nba_str topic[] = {{"heart_failure", 13}};
    const uint64_t roll = nba_rng_next(&b->rng);
    b->step++;
    b->clock_ms += (int64_t)(roll % 7200) * 1000;
    (void)snprintf(text[0], 48, "crm-%012llu", (unsigned long long)b->step);
    (void)snprintf(text[1], 48, "CX-EM-%03u", (unsigned)(roll >> 20) % 500);
    (void)snprintf(text[2], 48, "m-%010llu", (unsigned long long)b->step / 4);
    return (struct nba_event){.type = types[(roll >> 40) % 6],
                              .event_time_ms = b->clock_ms,
                              .captured_at_ms = NBA_TIME_NONE,
                              .expires_at_ms = NBA_TIME_NONE,
                              .source = nba_str_of("crm"),
                              .event_id = nba_str_of(text[0]),
                              .content_id = nba_str_of(text[1]),
                              .message_id = nba_str_of(text[2]),
                              .brand = nba_str_of("CARDIOX"),
                              .topic_ids = {topic, 1}};
}

static void one_event(struct bench *b, struct nba_hcp *hcp)
{
    static const struct nba_content_facts facts = {.topic = {"heart_failure", 13},
                                                   .brand = {"CARDIOX", 7}};
    char text[5][48];
    const struct nba_event event = next_event(b, text);
    const enum nba_arrival arrival = nba_hcp_arrival(hcp, &event, b->clock_ms, 86400000);
    nba_hcp_apply_event(hcp, &event, &facts, b->clock_ms, arrival);
    while (hcp->action_count > 0 && hcp->timers[0].due_ms <= b->clock_ms) {
        (void)nba_hcp_close_action(hcp, hcp->timers[0].id);
    }
    if (b->step % 10 == 0) {
        (void)snprintf(text[3], 48, "dec:crm#%s", text[0]);
        (void)snprintf(text[4], 48, "dec:crm#%s:1", text[0]);
        (void)!nba_hcp_add_action(
            hcp, &(struct nba_open_action){.action_id = nba_str_of(text[4]),
                                           .decision_id = nba_str_of(text[3]),
                                           .content_id = event.content_id,
                                           .content_version = nba_str_of("1"),
                                           .family_id = event.content_id,
                                           .brand = event.brand,
                                           .topic = facts.topic,
                                           .channel = NBA_CHANNEL_EMAIL,
                                           .action_type = NBA_ACTION_TYPE_EMAIL,
                                           .rank = 1,
                                           .slate_size = 1,
                                           .priority = 0.1,
                                           .proposed_at_ms = b->clock_ms,
                                           .expires_at_ms = b->clock_ms + INT64_C(259200000)});
    }
}

/* One transaction of TXN_EVENTS events, each of another HCP, `history` events of it apiece. */
static void transaction(struct bench *b, uint32_t first, uint32_t history)
{
    const struct nba_change *changes = NULL;
    size_t count = 0;
    nba_arena_reset(&b->arena);
    nba_task_begin(b->task, &b->arena);
    for (uint32_t i = 0; i < TXN_EVENTS; i++) {
        char id[32];
        struct nba_hcp *hcp = NULL;
        (void)snprintf(id, sizeof(id), "hcp-%07u", (first + i) % HCPS);
        must(b, nba_task_get(b->task, nba_str_of(id), &hcp, &b->error));
        for (uint32_t k = 0; k < history; k++) {
            one_event(b, hcp);
        }
    }
    must(b, nba_task_seal(b->task, &changes, &count, &b->error));
    b->changelog_next += (int64_t)count + 1;
    nba_task_set_changelog_next(b->task, b->changelog_next, 0);
    must(b, nba_state_store_write(b->store, &b->task, 1, &b->error));
}

static int by_value(const void *a, const void *b)
{
    const double one = *(const double *)a;
    const double other = *(const double *)b;
    return (one > other) - (one < other);
}

static void report(const char *id, double value, double bar, const char *unit)
{
    const char *path = getenv("NBA_BENCH_BARS");
    FILE *bars = path != NULL ? fopen(path, "a") : NULL;
    (void)printf("%-28s %10.2f %s\n", id, value, unit);
    if (bars != NULL) {
        (void)fprintf(bars, "{\"id\":\"%s\",\"value\":%.4f,\"unit\":\"%s\",\"better\":\"lower\"",
                      id, value, unit);
        if (bar > 0) {
            (void)fprintf(bars, ",\"bar\":%.4f,\"must\":false", bar);
        }
        (void)fprintf(bars, "}\n");
        (void)fclose(bars);
    }
}

static void open_all(struct bench *b, const char *path, size_t hot_bytes)
{
    const struct nba_state_options options = {
        .create = true, .hot_bytes = hot_bytes, .hot_shares = 1};
    must(b, nba_state_store_open(path, &options, &b->store, &b->error));
    must(b, nba_task_open(b->store, nba_str_of("bench"), 0, 1, &b->task, &b->error));
}

static void close_all(struct bench *b)
{
    nba_task_close(b->task);
    nba_state_store_close(b->store);
}

struct event_case {
    const char *id;
    size_t hot_bytes;
    uint32_t history;
    double bar;
};

static void bench_events(struct bench *b, const struct event_case *c, size_t rounds)
{
    double samples[ROUNDS_MAX];
    char path[] = "/tmp/nba-bench-state-XXXXXX";
    if (mkdtemp(path) == NULL) {
        exit(1);
    }
    b->changelog_next = 0;
    open_all(b, path, c->hot_bytes);
    for (uint32_t first = 0; first < HCPS; first += TXN_EVENTS) {
        transaction(b, first, c->history);
    }
    for (size_t i = 0; i < rounds; i++) {
        const double before = cpu_us();
        for (uint32_t first = 0; first < HCPS; first += TXN_EVENTS) {
            transaction(b, first, 1);
        }
        samples[i] = (cpu_us() - before) / HCPS;
    }
    qsort(samples, rounds, sizeof(samples[0]), by_value);
    report(c->id, samples[rounds / 2], c->bar, "us");
    close_all(b);
    must(b, nba_file_remove_tree(path, &b->error));
}

static void bench_codec(struct bench *b, const char *name, uint32_t history, size_t rounds)
{
    double decode[ROUNDS_MAX];
    double encode[ROUNDS_MAX];
    struct nba_buf buf;
    struct nba_arena scratch;
    struct nba_hcp *hcp = malloc(sizeof(*hcp));
    nba_buf_init(&buf, NBA_HCP_BYTES_MAX);
    nba_arena_init(&scratch, (size_t)64 << 20);
    nba_arena_reset(&b->arena);
    nba_hcp_init(hcp, nba_str_of("hcp-1"), &b->arena);
    for (uint32_t i = 0; i < history; i++) {
        one_event(b, hcp);
    }
    must(b, nba_hcp_encode(hcp, &buf));
    char id[64];
    (void)snprintf(id, sizeof(id), "%s_record_bytes", name);
    report(id, (double)buf.bytes, 0, "bytes");
    for (size_t i = 0; i < rounds; i++) {
        double before = cpu_us();
        for (uint32_t k = 0; k < CODEC_CALLS; k++) {
            nba_arena_reset(&scratch);
            must(b,
                 nba_hcp_decode(nba_buf_str(&buf), nba_str_of("hcp-1"), &scratch, hcp, &b->error));
        }
        decode[i] = (cpu_us() - before) / CODEC_CALLS;
        before = cpu_us();
        for (uint32_t k = 0; k < CODEC_CALLS; k++) {
            nba_buf_reset(&buf);
            must(b, nba_hcp_encode(hcp, &buf));
        }
        encode[i] = (cpu_us() - before) / CODEC_CALLS;
    }
    qsort(decode, rounds, sizeof(decode[0]), by_value);
    qsort(encode, rounds, sizeof(encode[0]), by_value);
    (void)snprintf(id, sizeof(id), "%s_decode", name);
    report(id, decode[rounds / 2], 0, "us");
    (void)snprintf(id, sizeof(id), "%s_encode", name);
    report(id, encode[rounds / 2], 0, "us");
    nba_buf_clear(&buf);
    nba_arena_clear(&scratch);
    free(hcp);
}

/* A whole restore of records of a typical size, keys a second of wall time. */
static void bench_restore(struct bench *b)
{
    char path[] = "/tmp/nba-bench-state-XXXXXX";
    struct nba_buf buf;
    struct nba_hcp *hcp = malloc(sizeof(*hcp));
    int64_t from = 0;
    bool again = false;
    if (mkdtemp(path) == NULL) {
        exit(1);
    }
    nba_buf_init(&buf, NBA_HCP_BYTES_MAX);
    nba_arena_reset(&b->arena);
    nba_hcp_init(hcp, nba_str_of("hcp-1"), &b->arena);
    for (uint32_t i = 0; i < 15; i++) {
        one_event(b, hcp);
    }
    must(b, nba_hcp_encode(hcp, &buf));
    open_all(b, path, (size_t)64 << 20);
    const struct nba_changelog_bounds bounds = {.low = 0};
    struct timespec start;
    struct timespec end;
    (void)clock_gettime(CLOCK_MONOTONIC, &start);
    must(b, nba_task_restore_begin(b->task, NBA_RESTORE_WHOLE, &bounds, &from, &b->error));
    for (uint32_t i = 0; i < RESTORE_KEYS; i++) {
        char key[32];
        (void)snprintf(key, sizeof(key), "Hhcp-%07u", (unsigned)(i * 7919u % RESTORE_KEYS));
        must(b, nba_task_restore_apply(b->task, nba_str_of(key), nba_buf_str(&buf), false, i,
                                       &b->error));
    }
    must(b, nba_task_restore_end(b->task, RESTORE_KEYS, &again, &b->error));
    (void)clock_gettime(CLOCK_MONOTONIC, &end);
    const double seconds =
        (double)(end.tv_sec - start.tv_sec) + (double)(end.tv_nsec - start.tv_nsec) / 1e9;
    report("restore_us_a_key", seconds * 1e6 / RESTORE_KEYS, 10.0, "us");
    close_all(b);
    nba_buf_clear(&buf);
    free(hcp);
    must(b, nba_file_remove_tree(path, &b->error));
}

int main(int argc, char **argv)
{
    static const struct event_case cases[] = {
        {"typical_event_hot", (size_t)64 << 20, 6, 5.0},
        {"typical_event_from_store", (size_t)64 << 10, 6, 0},
        {"busy_event_hot", (size_t)64 << 20, 60, 0},
        {"busy_event_from_store", (size_t)64 << 10, 60, 0},
    };
    static struct bench b;
    size_t rounds = argc > 1 ? (size_t)strtoul(argv[1], NULL, 10) : 11;
    rounds = rounds > 0 && rounds <= ROUNDS_MAX ? rounds : ROUNDS_MAX;
    nba_arena_init(&b.arena, (size_t)256 << 20);
    b.rng = nba_rng(1);
    b.clock_ms = T0;
    bench_codec(&b, "typical", 12, rounds);
    bench_codec(&b, "busy", 60, rounds);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        bench_events(&b, &cases[i], rounds);
    }
    bench_restore(&b);
    nba_arena_clear(&b.arena);
    return 0;
}
