/* nba generate: a simulated market into the log, with its truth beside it if asked for. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "commands_internal.h"
#include "nba/app/interrupt.h"
#include "nba/app/sink.h"
#include "nba/app/ticker.h"
#include "nba/app/topic_table.h"
#include "nba/app/workplace.h"
#include "nba/base/clock.h"
#include "nba/base/time_text.h"
#include "nba/codec/decoder.h"
#include "nba/simulate/world.h"
#include "nba/stream/reader.h"

#define ARENA_BYTES_MAX (64u << 20)

struct args {
    struct nba_common common;
    int64_t events;
    int64_t seed;
    int64_t hcps;
    int64_t contents;
    int64_t reps;
    int64_t start_ms;
    double days;
    double rate;
    bool react;
    bool facts_only;
    const char *truth;
};

static const struct nba_option options[] = {
    NBA_COMMON_OPTIONS(struct args, common),
    NBA_OPTION_INTEGER(struct args, events, "events", "N", 0, 1e12,
                       "events of the flow (default 50000)"),
    NBA_OPTION_INTEGER(struct args, seed, "seed", "N", 0, 1e15, "start of all chance (default 1)"),
    NBA_OPTION_INTEGER(struct args, hcps, "hcps", "N", 1, NBA_WORLD_HCPS_MAX,
                       "HCPs (default: one for 40 events)"),
    NBA_OPTION_INTEGER(struct args, contents, "contents", "N", 4, 20000,
                       "contents (default 160), in series of four"),
    NBA_OPTION_INTEGER(struct args, reps, "reps", "N", 1, 100000,
                       "sales representatives (default: one for 100 HCPs)"),
    NBA_OPTION_TIME(struct args, start_ms, "start", "first day (default 2026-01-05T06:00:00Z)"),
    NBA_OPTION_NUMBER(struct args, days, "days", "X", 0.01, 3650,
                      "days that the events take (default 120)"),
    NBA_OPTION_NUMBER(struct args, rate, "rate", "X", 0.1, 1e7,
                      "events a second at most (default: as fast as they go)"),
    NBA_OPTION_FLAG(struct args, react, "react",
                    "read the action topic while sending, and let the market answer"),
    NBA_OPTION_FLAG(struct args, facts_only, "facts-only",
                    "catalogue, profiles and consents alone"),
    NBA_OPTION_TEXT(struct args, truth, "truth", "FILE",
                    "CSV of each HCP's true probability for each content and channel, at the end"),
};

struct generating {
    const struct args *args;
    struct nba_workplace *place;
    struct nba_world *world;
    struct nba_sink sink;
    struct nba_arena arena;
    struct nba_reader *reader; /* of actions; NULL without --react */
    struct nba_decoder *decoder;
    struct nba_ticker progress;
    uint64_t facts, events, actions;
};

static enum nba_status send_facts(struct generating *g, struct nba_error *error)
{
    const struct nba_config_topics *topics = &g->place->config.topics;
    enum nba_status status = NBA_OK;
    for (uint32_t i = 0; i < nba_world_reference_count(g->world) && status == NBA_OK; i++) {
        struct nba_reference reference;
        nba_arena_reset(&g->arena);
        nba_world_reference(g->world, i, &g->arena, &reference);
        /* Before the first event, so that replay without a journal applies them before it. */
        status = nba_sink_reference(&g->sink, topics->catalog, &reference,
                                    nba_world_now_ms(g->world) - 3 * NBA_DAY_MS, error);
    }
    const uint64_t count = nba_world_fact_count(g->world);
    for (uint64_t i = 0; i < count && status == NBA_OK && !nba_interrupted(); i++) {
        struct nba_event event;
        nba_arena_reset(&g->arena);
        nba_world_fact(g->world, i, &g->arena, &event);
        status = nba_sink_event(&g->sink, topics->engagement, &event, error);
        g->facts++;
        nba_ticker_at(&g->progress, g->facts);
    }
    return status;
}

/* From the present end: what was proposed before belongs to another run. */
static enum nba_status open_reader(struct generating *g, struct nba_error *error)
{
    static struct nba_position positions[NBA_PARTITIONS_MAX];
    const char *topic = g->place->config.topics.action;
    int32_t partitions = 0;
    enum nba_status status = nba_decoder_create(g->place->schemas, &g->decoder, error);
    if (status == NBA_OK) {
        status = nba_stream_topic_partitions(g->place->stream, topic, &partitions, error);
    }
    for (int32_t p = 0; p < partitions && status == NBA_OK; p++) {
        int64_t low = 0;
        positions[p].topic = topic;
        positions[p].partition = p;
        status = nba_stream_watermarks(g->place->stream, topic, p, NBA_READ_COMMITTED, &low,
                                       &positions[p].offset, error);
    }
    if (status == NBA_OK) {
        status = nba_reader_create(g->place->stream, NBA_READ_COMMITTED, &g->reader, error);
    }
    if (status == NBA_OK) {
        status = nba_reader_assign(g->reader, positions, (size_t)partitions, error);
    }
    return status;
}

static enum nba_status read_actions(struct generating *g, struct nba_error *error)
{
    for (;;) {
        enum nba_poll what = NBA_POLL_NONE;
        struct nba_record record;
        struct nba_action action;
        memset(&record, 0, sizeof(record));
        const enum nba_status status = nba_reader_poll(g->reader, 0, &what, &record, error);
        if (status != NBA_OK || what == NBA_POLL_NONE) {
            nba_record_release(&record);
            return status;
        }
        nba_arena_reset(&g->arena);
        if (what == NBA_POLL_RECORD && !record.value_null &&
            nba_decode_action(g->decoder, record.value, &g->arena, &action, NULL) == NBA_OK &&
            nba_world_react(g->world, &action)) {
            g->actions++;
        }
        nba_record_release(&record);
    }
}

/* Waits until the rate allows the next event. */
static void hold_rate(const struct generating *g)
{
    if (g->args->rate <= 0) {
        return;
    }
    const double ahead_s = (double)g->events / g->args->rate - nba_ticker_seconds(&g->progress);
    if (ahead_s > 0.001) {
        const struct timespec pause = {(time_t)ahead_s,
                                       (long)((ahead_s - (double)(time_t)ahead_s) * 1e9)};
        (void)nanosleep(&pause, NULL);
    }
}

static enum nba_status send_flow(struct generating *g, struct nba_error *error)
{
    const char *topic = g->place->config.topics.engagement;
    enum nba_status status = NBA_OK;
    bool more = true;
    nba_ticker_begin(&g->progress, "events", (uint64_t)g->args->events);
    while (status == NBA_OK && more && !nba_interrupted()) {
        struct nba_event event;
        if (g->reader != NULL && g->events % 16 == 0) {
            status = read_actions(g, error);
        }
        nba_arena_reset(&g->arena);
        more = status == NBA_OK && nba_world_next(g->world, &g->arena, &event);
        if (more) {
            status = nba_sink_event(&g->sink, topic, &event, error);
            g->events++;
            nba_ticker_at(&g->progress, g->events);
            hold_rate(g);
        }
    }
    nba_ticker_end(&g->progress);
    return status;
}

static enum nba_status write_truth(const struct generating *g,
                                   const struct nba_world_options *sizes, struct nba_error *error)
{
    FILE *file = fopen(g->args->truth, "w");
    if (file == NULL) {
        return nba_error_set(error, NBA_E_IO, "cannot open '%s': %s", g->args->truth,
                             strerror(errno));
    }
    (void)fprintf(file, "hcp_id,content_id,channel,probability\n");
    for (uint32_t h = 0; h < sizes->hcps; h++) {
        for (uint32_t c = 0; c < sizes->contents; c++) {
            for (int channel = NBA_CHANNEL_EMAIL; channel <= NBA_CHANNEL_EVENT; channel++) {
                (void)fprintf(file, "hcp-%05u,CT-%04u,%s,%.6f\n", (unsigned)h, (unsigned)c,
                              nba_channel_name((enum nba_channel)channel),
                              nba_world_probability(g->world, h, c, (enum nba_channel)channel));
            }
        }
    }
    if (fclose(file) != 0) {
        return nba_error_set(error, NBA_E_IO, "cannot write '%s': %s", g->args->truth,
                             strerror(errno));
    }
    return NBA_OK;
}

static void report(const struct generating *g)
{
    const struct nba_world_tally tally = nba_world_tally(g->world);
    static const char *const who[2] = {"company's pushes", "actions"};
    (void)fprintf(stderr, "nba: %u catalogue records, %" PRIu64 " facts, %" PRIu64 " events\n",
                  (unsigned)nba_world_reference_count(g->world), g->facts, g->events);
    for (int i = 0; i < 2; i++) {
        if (tally.touches[i] > 0) {
            (void)fprintf(stderr, "nba: %s: %" PRIu64 " touches, %.4f engaged, %.4f expected\n",
                          who[i], tally.touches[i],
                          (double)tally.engaged[i] / (double)tally.touches[i],
                          tally.expected[i] / (double)tally.touches[i]);
        }
    }
}

static enum nba_status generate(struct generating *g, const struct nba_world_options *sizes,
                                struct nba_error *error)
{
    struct nba_topic_table table;
    size_t created = 0;
    nba_topic_table_init(&table, &g->place->config);
    g->world = nba_world_create(sizes);
    if (g->world == NULL) {
        return nba_error_set(error, NBA_E_NO_MEMORY, "out of memory");
    }
    enum nba_status status = nba_topic_table_create(&table, g->place->stream, &created, error);
    if (status == NBA_OK && g->args->react) {
        status = open_reader(g, error);
    }
    if (status == NBA_OK) {
        status = nba_sink_open(g->place->stream, g->place->schemas, &g->sink, error);
    }
    nba_ticker_begin(&g->progress, "facts", nba_world_fact_count(g->world));
    if (status == NBA_OK) {
        status = send_facts(g, error);
    }
    nba_ticker_end(&g->progress);
    if (status == NBA_OK && !g->args->facts_only) {
        status = send_flow(g, error);
    }
    if (g->sink.producer != NULL) {
        struct nba_error closing = {NBA_OK, ""};
        const enum nba_status closed = nba_sink_close(&g->sink, &closing);
        if (status == NBA_OK && closed != NBA_OK) {
            *error = closing;
            status = closed;
        }
    }
    if (status == NBA_OK && g->args->truth != NULL) {
        status = write_truth(g, sizes, error);
    }
    if (status == NBA_OK) {
        report(g);
    }
    return status;
}

static struct nba_world_options sizes_of(const struct args *args)
{
    struct nba_world_options sizes =
        nba_world_options_for((uint64_t)args->events, (uint64_t)args->seed);
    sizes.hcps = args->hcps > 0 ? (uint32_t)args->hcps : sizes.hcps;
    sizes.contents = args->contents > 0 ? (uint32_t)(args->contents + 3) / 4 * 4 : sizes.contents;
    sizes.reps = (uint32_t)args->reps;
    sizes.start_ms = args->start_ms;
    sizes.days = args->days > 0 ? args->days : sizes.days;
    return sizes;
}

static int run(const struct nba_command *command, int argc, char **argv)
{
    struct args args = {.events = 50000, .seed = 1, .start_ms = NBA_TIME_NONE};
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
    const struct nba_world_options sizes = sizes_of(&args);
    struct generating g;
    memset(&g, 0, sizeof(g));
    g.args = &args;
    g.place = &place;
    nba_arena_init(&g.arena, ARENA_BYTES_MAX);
    const enum nba_status status = generate(&g, &sizes, &error);
    nba_reader_destroy(g.reader);
    nba_decoder_destroy(g.decoder);
    nba_world_destroy(g.world);
    nba_arena_clear(&g.arena);
    nba_workplace_close(&place);
    return status == NBA_OK ? 0 : nba_command_fail(&error);
}

const struct nba_command nba_command_generate = {
    .name = "generate",
    .summary = "fill the log with a simulated market",
    .operands = "",
    .about =
        "HCPs with taste, peers, journeys, channel liking and fatigue; contents in series;\n"
        "consent changes, mail gateways that click, duplicates, late events. The same seed gives\n"
        "the same events. Topics that are missing are created. With --react the market answers\n"
        "to what an engine proposes meanwhile (on Kafka, or in another way than the embedded\n"
        "log, which has one writer).",
    .examples = "nba generate --log var/log --events 50000 --seed 7\n"
                "nba generate --kafka 127.0.0.1:9092 --events 1000000 --rate 1000 --react\n"
                "nba generate --hcps 500 --contents 80 --days 30 --truth truth.csv",
    .options = options,
    .option_count = NBA_ARRAY_COUNT(options),
    .run = run,
};
