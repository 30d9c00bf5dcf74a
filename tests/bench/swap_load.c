/*
 * The load and the stopwatch of `tools/bench swap`: an engine on an embedded log in this process,
 * events at a steady rate, and releases that are announced meanwhile.
 *
 *   swap_load CONFIG HCPS CONTENTS WARM RATE SECONDS RELEASE RELEASE
 *
 * WARM events fill the HCPs' windows; then RATE events a second for SECONDS without a swap, and as
 * long after each of four.  An event's latency is from handing it to the log until a reader of what
 * is committed has its decision.  Prints "<phase> <p50 ms> <p99 ms> <longest ms>" for "before" and
 * for the first two seconds of each swap.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "nba/base/random.h"
#include "nba/codec/encoder.h"
#include "nba/engine/engine.h"
#include "nba/release/shelf.h"
#include "nba/stream/producer.h"
#include "nba/stream/reader.h"

enum { SWAPS = 4, AFTER_US = 2000000, EVENTS_MAX = 4000000, AHEAD_MAX = 2000 };

/* By the event's number, which its source says. */
static int64_t sent_us[EVENTS_MAX];
static int64_t done_us[EVENTS_MAX];

struct load {
    struct nba_config config;
    struct nba_schemas *schemas;
    struct nba_stream *stream;
    struct nba_producer *producer;
    struct nba_rng rng;
    struct nba_buf value;
    uint32_t hcps, contents;
    size_t sent;
    _Atomic size_t done;
    atomic_bool stopping;
};

static void must(enum nba_status status, const struct nba_error *error)
{
    if (status != NBA_OK) {
        (void)fprintf(stderr, "swap_load: %s\n", error->message);
        exit(1);
    }
}

static int64_t now_us(void)
{
    return nba_clock_monotonic_us(&nba_clock_system);
}

static void nap(void)
{
    (void)nanosleep(&(struct timespec){0, 300000}, NULL);
}

static void send_one(struct load *load)
{
    struct nba_error error = {0};
    char id[32];
    char hcp[32];
    char content[32];
    const int64_t time_ms = nba_clock_wall_ms(&nba_clock_system);
    (void)snprintf(id, sizeof(id), "%zu", load->sent);
    (void)snprintf(hcp, sizeof(hcp), "h%05u", (unsigned)nba_rng_below(&load->rng, load->hcps));
    (void)snprintf(content, sizeof(content), "c%04u",
                   (unsigned)nba_rng_below(&load->rng, load->contents));
    const struct nba_event event = {.type = NBA_EVENT_PORTAL_CONTENT_VIEWED,
                                    .event_time_ms = time_ms,
                                    .recorded_time_ms = time_ms,
                                    .captured_at_ms = NBA_TIME_NONE,
                                    .expires_at_ms = NBA_TIME_NONE,
                                    .event_id = nba_str_of(id),
                                    .source = nba_str_of("bench"),
                                    .hcp_id = nba_str_of(hcp),
                                    .content_id = nba_str_of(content)};
    nba_buf_reset(&load->value);
    nba_encode_event(load->schemas, &event, &load->value);
    const struct nba_outgoing outgoing = {.topic = load->config.topics.engagement,
                                          .partition = NBA_PARTITION_BY_KEY,
                                          .key = event.hcp_id,
                                          .value = nba_buf_str(&load->value),
                                          .timestamp_ms = time_ms};
    sent_us[load->sent++] = now_us();
    enum nba_status status = NBA_E_BUSY;
    while (status == NBA_E_BUSY) {
        status = nba_producer_produce(load->producer, &outgoing, &error);
    }
    must(status, &error);
}

/* Decisions as they are committed; one of ours has the id dec:bench#<number>. */
static void *stopwatch(void *context)
{
    static const char mark[] = "dec:bench#";
    struct load *load = context;
    struct nba_error error = {0};
    struct nba_reader *reader = NULL;
    struct nba_position positions[NBA_PARTITIONS_MAX];
    int32_t count = 0;
    must(nba_stream_topic_partitions(load->stream, load->config.topics.decision, &count, &error),
         &error);
    for (int32_t p = 0; p < count; p++) {
        positions[p] = (struct nba_position){load->config.topics.decision, p, 0};
    }
    must(nba_reader_create(load->stream, NBA_READ_COMMITTED, &reader, &error), &error);
    must(nba_reader_assign(reader, positions, (size_t)count, &error), &error);
    while (!atomic_load(&load->stopping)) {
        enum nba_poll what = NBA_POLL_NONE;
        struct nba_record record = {0};
        must(nba_reader_poll(reader, 50, &what, &record, &error), &error);
        const char *found = what == NBA_POLL_RECORD ? memmem(record.value.data, record.value.bytes,
                                                             mark, sizeof(mark) - 1)
                                                    : NULL;
        if (found != NULL) {
            done_us[strtoul(found + sizeof(mark) - 1, NULL, 10)] = now_us();
            (void)atomic_fetch_add(&load->done, 1);
        }
        if (what != NBA_POLL_NONE) {
            nba_record_release(&record);
        }
    }
    nba_reader_destroy(reader);
    return NULL;
}

static int by_size(const void *a, const void *b)
{
    const int64_t x = *(const int64_t *)a;
    const int64_t y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static void report(const struct load *load, const char *phase, int64_t from_us, int64_t to_us)
{
    static int64_t latency_us[EVENTS_MAX];
    size_t count = 0;
    for (size_t i = 0; i < load->sent; i++) {
        if (sent_us[i] >= from_us && sent_us[i] < to_us) {
            latency_us[count++] = done_us[i] - sent_us[i];
        }
    }
    qsort(latency_us, count, sizeof(*latency_us), by_size);
    if (count != 0) {
        (void)printf("%s %.3f %.3f %.3f\n", phase, (double)latency_us[count / 2] / 1e3,
                     (double)latency_us[count * 99 / 100] / 1e3,
                     (double)latency_us[count - 1] / 1e3);
    }
}

static void wait_until_behind(const struct load *load, size_t most)
{
    while (load->sent - atomic_load(&load->done) > most) {
        nap();
    }
}

static void run(struct load *load, size_t warm, double rate, double seconds, char *const *releases)
{
    struct nba_error error = {0};
    int64_t begin_us[SWAPS + 2];
    for (size_t i = 0; i < warm; i++) {
        send_one(load);
        wait_until_behind(load, AHEAD_MAX);
    }
    wait_until_behind(load, 0);
    const int64_t start_us = now_us();
    for (int phase = 0; phase <= SWAPS; phase++) {
        begin_us[phase] = now_us();
        begin_us[phase + 1] = begin_us[phase] + (int64_t)(seconds * 1e6);
        if (phase > 0) {
            must(nba_shelf_set_champion(load->config.release_dir, releases[phase % 2], &error),
                 &error);
        }
        while (now_us() < begin_us[phase + 1]) {
            while ((double)(load->sent - warm) < (double)(now_us() - start_us) * rate / 1e6) {
                send_one(load);
            }
            nap();
        }
    }
    wait_until_behind(load, 0);
    report(load, "before", begin_us[0], begin_us[1]);
    for (int swap = 1; swap <= SWAPS; swap++) {
        char phase[32];
        (void)snprintf(phase, sizeof(phase), "swap-%d", swap);
        report(load, phase, begin_us[swap], begin_us[swap] + AFTER_US);
    }
}

int main(int argc, char **argv)
{
    static struct load load = {.rng = {1}};
    struct nba_error error = {0};
    struct nba_engine *engine = NULL;
    pthread_t thread;
    if (argc != 9) {
        (void)fprintf(stderr, "usage: swap_load CONFIG HCPS CONTENTS WARM RATE SECONDS RELEASE "
                              "RELEASE\n");
        return 2;
    }
    const size_t warm = strtoul(argv[4], NULL, 10);
    const double rate = strtod(argv[5], NULL);
    const double seconds = strtod(argv[6], NULL);
    load.hcps = (uint32_t)strtoul(argv[2], NULL, 10);
    load.contents = (uint32_t)strtoul(argv[3], NULL, 10);
    if ((double)warm + rate * seconds * (SWAPS + 2) > EVENTS_MAX) {
        (void)fprintf(stderr, "swap_load: at most %d events\n", EVENTS_MAX);
        return 2;
    }
    nba_buf_init(&load.value, 1 << 20);
    must(nba_config_load(argv[1], &load.config, &error), &error);
    must(nba_schemas_load(load.config.schemas_dir, &load.schemas, &error), &error);
    must(nba_stream_open_local(load.config.log_dir, NBA_LOCAL_WRITER, &nba_clock_system, NULL,
                               &load.stream, &error),
         &error);
    must(nba_producer_create(load.stream, NULL, &load.producer, &error), &error);
    must(nba_shelf_set_champion(load.config.release_dir, argv[7], &error), &error);
    const struct nba_engine_options options = {.config = &load.config,
                                               .schemas = load.schemas,
                                               .stream = load.stream,
                                               .clock = &nba_clock_system};
    must(nba_engine_create(&options, &engine, &error), &error);
    must(nba_engine_start(engine, &error), &error);
    if (pthread_create(&thread, NULL, stopwatch, &load) != 0) {
        return 1;
    }
    run(&load, warm, rate, seconds, argv + 7);
    atomic_store(&load.stopping, true);
    (void)pthread_join(thread, NULL);
    nba_producer_destroy(load.producer);
    must(nba_engine_stop(engine, &error), &error);
    return 0; /* the process ends: nothing is freed one by one */
}
