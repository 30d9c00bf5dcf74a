/* nba generate: a simulated market into the log, with its truth beside it if asked for. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "nba/app/command.h"
#include "nba/app/sink.h"
#include "nba/base/limits.h"
#include "nba/base/time_text.h"
#include "nba/simulate/world.h"

static struct {
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
} args = {.events = 50000, .seed = 1, .start_ms = NBA_TIME_NONE};

static const struct nba_option options[] = {
    NBA_OPTION_INTEGER(&args.events, "events", "N", 0, 1e12, "events of the flow (default 50000)"),
    NBA_OPTION_INTEGER(&args.seed, "seed", "N", 0, 1e15, "start of all chance (default 1)"),
    NBA_OPTION_INTEGER(&args.hcps, "hcps", "N", 1, NBA_WORLD_HCPS_MAX,
                       "HCPs (default: one for 40 events)"),
    NBA_OPTION_INTEGER(&args.contents, "contents", "N", 4, 20000,
                       "contents (default 160), in series of four"),
    NBA_OPTION_INTEGER(&args.reps, "reps", "N", 1, 100000,
                       "sales representatives (default: one for 100 HCPs)"),
    NBA_OPTION_TIME(&args.start_ms, "start", "first day (default 2026-01-05T06:00:00Z)"),
    NBA_OPTION_NUMBER(&args.days, "days", "X", 0.01, 3650,
                      "days that the events take (default 120)"),
    NBA_OPTION_NUMBER(&args.rate, "rate", "X", 0.1, 1e7,
                      "events a second at most (default: as fast as they go)"),
    NBA_OPTION_FLAG(&args.react, "react",
                    "read the action topic while sending, and let the market answer"),
    NBA_OPTION_FLAG(&args.facts_only, "facts-only", "catalogue, profiles and consents alone"),
    NBA_OPTION_TEXT(&args.truth, "truth", "FILE",
                    "CSV of each HCP's true probability for each content and channel, at the end"),
    {0},
};

struct generating {
    struct nba_workplace *place;
    struct nba_world *world;
    struct nba_sink sink;
    struct nba_reader *reader; /* of actions; NULL without --react */
    uint64_t facts, events;
};

static enum nba_status send_facts(struct generating *g, struct nba_error *error)
{
    struct nba_workplace *place = g->place;
    const struct nba_config_topics *topics = &place->config.topics;
    const uint64_t count = nba_world_fact_count(g->world);
    enum nba_status status = NBA_OK;
    for (uint32_t i = 0; i < nba_world_reference_count(g->world) && status == NBA_OK; i++) {
        struct nba_reference reference;
        nba_arena_reset(&place->arena);
        nba_world_reference(g->world, i, &place->arena, &reference);
        /* Before the first event, so that replay without a journal applies them before it. */
        status = nba_sink_reference(&g->sink, topics->catalog, &reference,
                                    nba_world_now_ms(g->world) - 3 * NBA_DAY_MS, error);
    }
    nba_ticker_begin(&place->ticker, "facts", count);
    for (; g->facts < count && status == NBA_OK && !nba_interrupted(); g->facts++) {
        struct nba_event event;
        nba_arena_reset(&place->arena);
        nba_world_fact(g->world, g->facts, &place->arena, &event);
        status = nba_sink_event(&g->sink, topics->engagement, &event, error);
        nba_ticker_at(&place->ticker, g->facts + 1);
    }
    nba_ticker_end(&place->ticker);
    return status;
}

/* From the present end: what was proposed before belongs to another run. */
static enum nba_status open_reader(struct generating *g, struct nba_error *error)
{
    static struct nba_position positions[NBA_PARTITIONS_MAX];
    struct nba_stream *stream = g->place->stream;
    struct nba_spans spans = {.count = 0};
    const char *topic = g->place->config.topics.action;
    enum nba_status status = nba_spans_add(&spans, stream, topic, NBA_READ_COMMITTED, error);
    for (size_t i = 0; i < spans.count; i++) {
        positions[i] = (struct nba_position){topic, spans.items[i].partition, spans.items[i].to};
    }
    if (status == NBA_OK) {
        status = nba_reader_create(stream, NBA_READ_COMMITTED, &g->reader, error);
    }
    if (status == NBA_OK) {
        status = nba_reader_assign(g->reader, positions, spans.count, error);
    }
    free(spans.items);
    return status;
}

static enum nba_status read_actions(struct generating *g, struct nba_error *error)
{
    struct nba_arena *arena = &g->place->arena;
    enum nba_poll what = NBA_POLL_END;
    enum nba_status status = NBA_OK;
    while (status == NBA_OK && what != NBA_POLL_NONE) {
        struct nba_record record = {0};
        struct nba_action action;
        status = nba_reader_poll(g->reader, 0, &what, &record, error);
        nba_arena_reset(arena);
        if (status == NBA_OK && what == NBA_POLL_RECORD && !record.value_null &&
            nba_decode_action(g->place->decoder, record.value, arena, &action, NULL) == NBA_OK) {
            (void)nba_world_react(g->world, &action);
        }
        nba_record_release(&record);
    }
    return status;
}

/* Waits until the rate allows the next event. */
static void hold_rate(const struct generating *g)
{
    const double ahead_s =
        args.rate > 0 ? (double)g->events / args.rate - nba_ticker_seconds(&g->place->ticker) : 0;
    if (ahead_s > 0.001) {
        const struct timespec pause = {(time_t)ahead_s,
                                       (long)((ahead_s - (double)(time_t)ahead_s) * 1e9)};
        (void)nanosleep(&pause, NULL);
    }
}

static enum nba_status send_flow(struct generating *g, struct nba_error *error)
{
    struct nba_workplace *place = g->place;
    enum nba_status status = NBA_OK;
    bool more = true;
    nba_ticker_begin(&place->ticker, "events", (uint64_t)args.events);
    while (status == NBA_OK && more && !nba_interrupted()) {
        struct nba_event event;
        if (g->reader != NULL && g->events % 16 == 0) {
            status = read_actions(g, error);
        }
        nba_arena_reset(&place->arena);
        more = status == NBA_OK && nba_world_next(g->world, &place->arena, &event);
        if (more) {
            status = nba_sink_event(&g->sink, place->config.topics.engagement, &event, error);
            nba_ticker_at(&place->ticker, ++g->events);
            hold_rate(g);
        }
    }
    nba_ticker_end(&place->ticker);
    return status;
}

static enum nba_status write_truth(const struct generating *g,
                                   const struct nba_world_options *sizes, struct nba_error *error)
{
    FILE *file = fopen(args.truth, "w");
    if (file == NULL) {
        return nba_error_set(error, NBA_E_IO, "cannot open '%s': %s", args.truth, strerror(errno));
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
    return fclose(file) == 0 ? NBA_OK
                             : nba_error_set(error, NBA_E_IO, "cannot write '%s': %s", args.truth,
                                             strerror(errno));
}

static void report(const struct generating *g)
{
    const struct nba_world_tally tally = nba_world_tally(g->world);
    static const char *const who[2] = {"company's pushes", "actions"};
    (void)fprintf(stderr, "nba: %u catalogue records, %" PRIu64 " facts, %" PRIu64 " events\n",
                  (unsigned)nba_world_reference_count(g->world), g->facts, g->events);
    for (int i = 0; i < 2; i++) {
        const double touches = (double)tally.touches[i];
        if (touches > 0) {
            (void)fprintf(stderr, "nba: %s: %" PRIu64 " touches, %.4f engaged, %.4f expected\n",
                          who[i], tally.touches[i], (double)tally.engaged[i] / touches,
                          tally.expected[i] / touches);
        }
    }
}

static enum nba_status generate(struct generating *g, const struct nba_world_options *sizes,
                                struct nba_error *error)
{
    struct nba_workplace *place = g->place;
    size_t created = 0;
    g->world = nba_world_create(sizes);
    const bool sent =
        nba_topic_table_create(&place->topics, place->stream, &created, error) == NBA_OK &&
        (!args.react || open_reader(g, error) == NBA_OK) &&
        nba_sink_open(place, &g->sink, error) == NBA_OK && send_facts(g, error) == NBA_OK &&
        (args.facts_only || send_flow(g, error) == NBA_OK);
    enum nba_status status = nba_sink_close(&g->sink, nba_outcome(sent, error), error);
    if (status == NBA_OK && args.truth != NULL) {
        status = write_truth(g, sizes, error);
    }
    if (status == NBA_OK) {
        report(g);
    }
    return status;
}

static enum nba_status run(struct nba_workplace *place, struct nba_error *error)
{
    struct generating g = {.place = place};
    struct nba_world_options sizes =
        nba_world_options_for((uint64_t)args.events, (uint64_t)args.seed);
    sizes.hcps = args.hcps > 0 ? (uint32_t)args.hcps : sizes.hcps;
    sizes.contents = args.contents > 0 ? (uint32_t)(args.contents + 3) / 4 * 4 : sizes.contents;
    sizes.reps = (uint32_t)args.reps;
    sizes.start_ms = args.start_ms;
    sizes.days = args.days > 0 ? args.days : sizes.days;
    nba_interrupt_install();
    enum nba_status status = nba_workplace_open(place, NBA_LOCAL_WRITER, error);
    status = status == NBA_OK ? generate(&g, &sizes, error) : status;
    nba_reader_destroy(g.reader);
    nba_world_destroy(g.world);
    return status;
}

const struct nba_command nba_command_generate = {
    .name = "generate",
    .summary = "fill the log with a simulated market",
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
    .run = run,
};
