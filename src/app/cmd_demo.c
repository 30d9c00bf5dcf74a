/* nba demo: a market simulated, models learned, the engine run, and what came of it -
 * one process. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "demo_market.h"
#include "engine_run.h"
#include "learn.h"
#include "nba/app/command.h"
#include "nba/base/file.h"
#include "nba/base/log.h"
#include "nba/release/shelf.h"

#define PAST_SHARE       0.6
#define ROUND_EVENTS_MIN 200u
#define ROUNDS           40u
#define SHOW_EVERY_US    200000
#define SHOW_PLAIN_US    3000000
#define LOOK_MS          2

static struct {
    int64_t events, seed, workers;
    const char *keep;
    const char *policy;
} args = {.events = 50000, .seed = 1, .workers = 1, .policy = "config/policy-demo.yaml"};

static const struct nba_option options[] = {
    NBA_OPTION_INTEGER(&args.events, "events", "N", 1000, 1e9,
                       "events of the market (default: 50000)"),
    NBA_OPTION_INTEGER(&args.seed, "seed", "N", 0, 1e15, "start of all chance (default: 1)"),
    NBA_OPTION_TEXT(&args.keep, "keep", "DIR",
                    "keep log, state and models here; the same DIR again goes on where it stopped"),
    NBA_OPTION_INTEGER(&args.workers, "workers", "N", 1, 64, "threads (default: 1)"),
    NBA_OPTION_TEXT(&args.policy, "policy", "FILE",
                    "policy to decide by (default: config/policy-demo.yaml)"),
    {0},
};

struct demo {
    struct nba_workplace *place;
    struct nba_demo_market market;
    struct nba_engine_run engine;
    bool terminal;
    int64_t shown_us;
    uint64_t shown_events, round_events;
};

/* ---- the folder ---- */

static enum nba_status configure(const char *dir, struct nba_config *config,
                                 struct nba_error *error)
{
    char log[NBA_PATH_BYTES_MAX];
    char state[NBA_PATH_BYTES_MAX];
    char releases[NBA_PATH_BYTES_MAX];
    const char *const settings[][2] = {{"application_id", "demo"},
                                       {"instance", "demo"},
                                       {"log.kind", "local"},
                                       {"clock", "event"},
                                       {"topics.partitions", "4"},
                                       {"audit.rankings_top_n", "10"},
                                       {"train.lstm_epochs_max", "12"},
                                       {"train.lstm_learning_rate", "0.004"},
                                       {"train.ncf_epochs_max", "8"},
                                       {"commit.interval_ms", "5"},
                                       {"policy.file", args.policy},
                                       {"log.dir", log},
                                       {"state.dir", state},
                                       {"release.dir", releases}};
    (void)snprintf(log, sizeof(log), "%s/log", dir);
    (void)snprintf(state, sizeof(state), "%s/state", dir);
    (void)snprintf(releases, sizeof(releases), "%s/releases", dir);
    nba_config_init(config);
    enum nba_status status = NBA_OK;
    for (size_t i = 0; status == NBA_OK && i < NBA_ARRAY_COUNT(settings); i++) {
        status = nba_config_set(config, settings[i][0], settings[i][1], error);
    }
    config->workers = args.workers;
    return status == NBA_OK ? nba_config_check(config, error) : status;
}

/* A kept folder holds one market: going on with another seed or size would mix two. */
static enum nba_status check_folder(const char *dir, struct nba_error *error)
{
    char path[NBA_PATH_BYTES_MAX];
    char text[128];
    struct nba_buf have;
    (void)snprintf(path, sizeof(path), "%s/demo.txt", dir);
    (void)snprintf(text, sizeof(text), "events %" PRId64 "\nseed %" PRId64 "\n", args.events,
                   args.seed);
    if (!nba_file_exists(path)) {
        return nba_file_write(path, nba_str_of(text), error);
    }
    nba_buf_init(&have, sizeof(text));
    enum nba_status status = nba_file_read(path, &have, error);
    if (status == NBA_OK && !nba_str_is(nba_buf_str(&have), text)) {
        status = nba_error_set(error, NBA_E_USAGE,
                               "--keep: '%s' holds a demo of another --events or --seed", dir);
    }
    nba_buf_clear(&have);
    return status;
}

/* ---- the view ---- */

static uint64_t actions_on(struct demo *demo, enum nba_channel channel)
{
    const struct nba_label label = {"channel", nba_channel_name(channel)};
    return nba_counter_value(nba_metrics_counter(demo->engine.metrics, "nba_actions_proposed_total",
                                                 "Actions proposed, by channel.", &label, 1));
}

static void show(struct demo *demo, bool last)
{
    const int64_t now_us = nba_clock_monotonic_us(&nba_clock_system);
    const int64_t every_us = demo->terminal ? SHOW_EVERY_US : SHOW_PLAIN_US;
    if (!last && now_us - demo->shown_us < every_us) {
        return;
    }
    const uint64_t events = nba_engine_events(demo->engine.engine);
    const double seconds = (double)(now_us - demo->shown_us) / 1e6;
    const struct nba_histogram *latency =
        nba_metrics_histogram(demo->engine.metrics, "nba_event_seconds",
                              "From a record's arrival here to its committed outcome.", NULL, 0);
    (void)fprintf(
        stderr,
        "%s%8" PRIu64 " events  %7.0f/s  p50 %5.1f ms  p99 %5.1f ms  actions: email %" PRIu64
        "  rep %" PRIu64 "  web %" PRIu64 "  event %" PRIu64 "%s",
        demo->terminal ? "\r\033[K" : "", events,
        (double)(events - demo->shown_events) / (seconds > 0 ? seconds : 1e-9),
        (double)nba_histogram_quantile_us(latency, 0.5) / 1e3,
        (double)nba_histogram_quantile_us(latency, 0.99) / 1e3, actions_on(demo, NBA_CHANNEL_EMAIL),
        actions_on(demo, NBA_CHANNEL_REP), actions_on(demo, NBA_CHANNEL_WEB),
        actions_on(demo, NBA_CHANNEL_EVENT), demo->terminal && !last ? "" : "\n");
    demo->shown_us = now_us;
    demo->shown_events = events;
}

/* ---- the acts ---- */

static enum nba_status learn(struct nba_workplace *place, struct nba_error *error)
{
    const char *dir = place->config.release_dir;
    const struct nba_progress progress = nba_learn_progress();
    struct nba_train_config train;
    struct nba_dataset *dataset = NULL;
    char id[NBA_RELEASE_ID_BYTES];
    if (nba_shelf_champion(dir, id, error) == NBA_OK) {
        return NBA_OK; /* an earlier run of this folder got that far */
    }
    (void)fprintf(stderr, "learning from the past: the members of the fusion\n");
    const bool done = nba_learn_config(&place->config, NULL, args.seed, &train, error) == NBA_OK &&
                      nba_learn_load(place, &dataset, error) == NBA_OK &&
                      nba_train_run(&train, dataset, &progress, dir, id, NULL, error) == NBA_OK &&
                      nba_interrupt_check(error) == NBA_OK &&
                      nba_shelf_set_champion(dir, id, error) == NBA_OK;
    nba_dataset_destroy(dataset);
    return nba_outcome(done, error);
}

static void look(void *demo)
{
    show(demo, false);
}

/* Waits until the engine has decided on everything that is in the log. */
static enum nba_status settle(struct demo *demo, struct nba_error *error)
{
    struct nba_spans spans = {.count = 0};
    const bool done =
        nba_spans_add(&spans, demo->place->stream, demo->place->config.topics.engagement,
                      NBA_READ_COMMITTED, error) == NBA_OK &&
        nba_engine_run_wait(&demo->engine, &spans, LOOK_MS, look, demo, error) == NBA_OK;
    free(spans.items);
    return nba_outcome(done, error);
}

static enum nba_status live(void *context, struct nba_error *error)
{
    struct demo *demo = context;
    bool more = true;
    bool done = true;
    demo->shown_us = nba_clock_monotonic_us(&nba_clock_system);
    while (done && more) { /* the first answer passes over the past's */
        done = settle(demo, error) == NBA_OK &&
               nba_demo_market_answer(&demo->market, error) == NBA_OK &&
               nba_demo_market_round(&demo->market, demo->round_events, &more, error) == NBA_OK;
    }
    show(demo, true);
    return nba_outcome(done, error);
}

static enum nba_status run_engine(struct demo *demo, struct nba_error *error)
{
    (void)fprintf(stderr, "running: every event updates, scores and decides, exactly once\n");
    enum nba_status status = nba_engine_run_open(demo->place, NULL, &demo->engine, error);
    nba_log_set_level(NBA_LOG_WARN); /* the view says how it goes */
    status = status == NBA_OK ? nba_engine_run_while(&demo->engine, live, demo, error) : status;
    nba_engine_run_close(&demo->engine);
    return status;
}

static enum nba_status perform(struct demo *demo, struct nba_error *error)
{
    struct nba_workplace *place = demo->place;
    struct nba_demo_market *market = &demo->market;
    size_t created = 0;
    const uint64_t events = (uint64_t)args.events;
    const uint64_t past = (uint64_t)((double)events * PAST_SHARE);
    const uint64_t round = (events - past) / ROUNDS;
    demo->round_events = round > ROUND_EVENTS_MIN ? round : ROUND_EVENTS_MIN;
    if (nba_topic_table_create(&place->topics, place->stream, &created, error) != NBA_OK ||
        nba_demo_market_open(place, events, (uint64_t)args.seed, market, error) != NBA_OK) {
        return error->status;
    }
    (void)fprintf(stderr, "a simulated market: %u HCPs, %" PRIu64 " events, seed %" PRId64 "\n",
                  nba_world_hcp_count(market->world), events, args.seed);
    const bool done = nba_demo_market_past(market, past, error) == NBA_OK &&
                      learn(place, error) == NBA_OK && run_engine(demo, error) == NBA_OK &&
                      nba_demo_summary(market, error) == NBA_OK;
    return nba_outcome(done, error);
}

static enum nba_status run(struct nba_workplace *place, struct nba_error *error)
{
    struct demo demo = {.place = place, .terminal = isatty(STDERR_FILENO) == 1};
    enum nba_status status =
        args.keep == NULL ? nba_workplace_make_temporary(place, error) : NBA_OK;
    const char *dir = args.keep != NULL ? args.keep : place->temporary;
    const bool opened = status == NBA_OK && nba_file_make_dirs(dir, error) == NBA_OK &&
                        check_folder(dir, error) == NBA_OK &&
                        configure(dir, &place->config, error) == NBA_OK &&
                        nba_workplace_open(place, NBA_LOCAL_WRITER, error) == NBA_OK;
    nba_interrupt_install();
    status = opened ? perform(&demo, error) : nba_outcome(opened, error);
    nba_demo_market_close(&demo.market);
    if (status == NBA_OK && args.keep != NULL) {
        nba_buf_printf(
            &place->out,
            "\nkept in %s: nba explain --log %s/log --hcp ID, nba consume action --log %s/log\n",
            dir, dir, dir);
    }
    return status;
}

const struct nba_command nba_command_demo = {
    .name = "demo",
    .summary = "a simulated market, learned from, decided on and told: see what nba does",
    .about =
        "Simulates HCPs with tastes, learns the fusion from the first 60 % of their events, then\n"
        "runs the engine on an embedded log while the market answers to its actions. At the end:\n"
        "how often the next engagement was among the ten contents ranked highest, against\n"
        "popularity in their specialty, the stories of some HCPs, and what the control group "
        "says.\n"
        "Killed half way, the same --keep goes on and ends with the same bytes (unless the policy\n"
        "limits reps: then the order counts in which requests reach them).",
    .examples = "nba demo\n"
                "nba demo --events 200000 --seed 7 --keep /tmp/market",
    .options = options,
    .makes_settings = true,
    .run = run,
};
