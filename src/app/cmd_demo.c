/* nba demo: a market simulated, models learned, the engine run, and what came of it -
 * one process. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "commands_internal.h"
#include "demo_market.h"
#include "demo_summary.h"
#include "drain.h"
#include "learn_config.h"
#include "learn_source.h"
#include "nba/app/interrupt.h"
#include "nba/app/topic_table.h"
#include "nba/base/file.h"
#include "nba/base/log.h"
#include "nba/engine/engine.h"
#include "nba/release/shelf.h"

#define PATH_BYTES_MAX   4096u
#define SUMMARY_BYTES    (1u << 20)
#define PAST_SHARE       0.6
#define ROUND_EVENTS_MIN 200u
#define ROUNDS           40u
#define SHOW_EVERY_US    200000
#define SHOW_PLAIN_US    3000000
#define LOOK_MS          2

struct args {
    int64_t events, seed, workers;
    const char *keep;
    const char *policy;
};

static const struct nba_option options[] = {
    NBA_OPTION_INTEGER(struct args, events, "events", "N", 1000, 1e9,
                       "events of the market (default: 50000)"),
    NBA_OPTION_INTEGER(struct args, seed, "seed", "N", 0, 1e15, "start of all chance (default: 1)"),
    NBA_OPTION_TEXT(struct args, keep, "keep", "DIR",
                    "keep log, state and models here; the same DIR again goes on where it stopped"),
    NBA_OPTION_INTEGER(struct args, workers, "workers", "N", 1, 64, "threads (default: 1)"),
    NBA_OPTION_TEXT(struct args, policy, "policy", "FILE",
                    "policy to decide by (default: config/policy-basic.yaml)"),
};

struct demo {
    const struct args *args;
    struct nba_workplace place;
    struct nba_demo_market *market;
    struct nba_metrics *metrics;
    struct nba_engine *engine;
    bool terminal;
    int64_t began_us, shown_us;
    uint64_t shown_events;
};

/* ---- the folder ---- */

static enum nba_status set(struct nba_config *config, const char *key, const char *value,
                           struct nba_error *error)
{
    return nba_config_set(config, key, value, error);
}

static enum nba_status configure(const struct args *args, const char *dir,
                                 struct nba_config *config, struct nba_error *error)
{
    char path[PATH_BYTES_MAX];
    char number[32];
    (void)snprintf(number, sizeof(number), "%" PRId64, args->workers);
    const struct {
        const char *key, *value;
    } fixed[] = {{"application_id", "demo"},
                 {"instance", "demo"},
                 {"log.kind", "local"},
                 {"clock", "event"},
                 {"topics.partitions", "4"},
                 {"audit.rankings_top_n", "10"},
                 {"train.lstm_epochs_max", "12"},
                 {"train.ncf_epochs_max", "8"},
                 {"workers", number},
                 {"commit.interval_ms", "5"},
                 {"policy.file", args->policy != NULL ? args->policy : "config/policy-basic.yaml"}};
    const struct {
        const char *key, *folder;
    } folders[] = {{"log.dir", "log"}, {"state.dir", "state"}, {"release.dir", "releases"}};
    enum nba_status status = nba_config_init(config, error);
    for (size_t i = 0; status == NBA_OK && i < NBA_ARRAY_COUNT(fixed); i++) {
        status = set(config, fixed[i].key, fixed[i].value, error);
    }
    for (size_t i = 0; status == NBA_OK && i < NBA_ARRAY_COUNT(folders); i++) {
        (void)snprintf(path, sizeof(path), "%s/%s", dir, folders[i].folder);
        status = set(config, folders[i].key, path, error);
    }
    return status == NBA_OK ? nba_config_check(config, error) : status;
}

/* A kept folder holds one market: going on with another seed or size would mix two. */
static enum nba_status check_folder(const struct args *args, const char *dir,
                                    struct nba_error *error)
{
    char path[PATH_BYTES_MAX];
    char text[128];
    struct nba_buf have;
    (void)snprintf(path, sizeof(path), "%s/demo.txt", dir);
    (void)snprintf(text, sizeof(text), "events %" PRId64 "\nseed %" PRId64 "\n", args->events,
                   args->seed);
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
    return nba_counter_value(nba_metrics_counter(demo->metrics, "nba_actions_proposed_total",
                                                 "Actions proposed, by channel.", &label, 1));
}

static void show(struct demo *demo, bool last)
{
    const int64_t now_us = nba_clock_monotonic_us(&nba_clock_system);
    const int64_t every_us = demo->terminal ? SHOW_EVERY_US : SHOW_PLAIN_US;
    if (!last && now_us - demo->shown_us < every_us) {
        return;
    }
    const uint64_t events = nba_engine_events(demo->engine);
    const double seconds = (double)(now_us - demo->shown_us) / 1e6;
    const struct nba_histogram *latency =
        nba_metrics_histogram(demo->metrics, "nba_event_seconds",
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

static enum nba_status learn(struct demo *demo, struct nba_error *error)
{
    const struct nba_config *config = &demo->place.config;
    const struct learn_args source = {.from_ms = NBA_TIME_NONE, .to_ms = NBA_TIME_NONE};
    const struct nba_operands none = {.count = 0};
    struct nba_dataset *dataset = NULL;
    char id[NBA_RELEASE_ID_BYTES];
    if (nba_shelf_champion(config->release_dir, id, error) == NBA_OK) {
        return NBA_OK; /* an earlier run of this folder got that far */
    }
    (void)fprintf(stderr, "learning from the past: LSTM and NCF\n");
    enum nba_status status = nba_learn_source_load(&source, config, &none, &dataset, error);
    if (status == NBA_OK) {
        struct nba_train_config train = nba_learn_config(config);
        const struct nba_progress progress = nba_learn_progress();
        train.seed = (uint64_t)demo->args->seed;
        status = nba_train_run(&train, dataset, &progress, config->release_dir, id, NULL, error);
    }
    nba_dataset_destroy(dataset);
    if (status == NBA_OK && nba_interrupted()) {
        return nba_error_set(error, NBA_E_INTERRUPTED, "interrupted");
    }
    return status == NBA_OK ? nba_shelf_set_champion(config->release_dir, id, error) : status;
}

/* Waits until the engine has decided on everything that is in the log. */
static enum nba_status settle(struct demo *demo, struct nba_error *error)
{
    static struct nba_drain drain;
    const struct timespec look = {0, LOOK_MS * 1000000};
    const enum nba_status status = nba_drain_begin(&demo->place, &drain, error);
    if (status != NBA_OK) {
        return status;
    }
    while (!nba_engine_has_failed(demo->engine) && !nba_interrupted()) {
        show(demo, false);
        if (nba_engine_is_ready(demo->engine) && nba_drain_is_done(&demo->place, &drain)) {
            return NBA_OK;
        }
        (void)nanosleep(&look, NULL);
    }
    return nba_error_set(error, NBA_E_INTERRUPTED, "interrupted");
}

static enum nba_status live(struct demo *demo, struct nba_error *error)
{
    bool more = true;
    enum nba_status status = settle(demo, error);
    if (status == NBA_OK) {
        status = nba_demo_market_answer(demo->market, error); /* passes over the past's */
    }
    while (status == NBA_OK && more) {
        status = nba_demo_market_round(demo->market, &more, error);
        if (status == NBA_OK && more) {
            status = settle(demo, error);
        }
        if (status == NBA_OK && more) {
            status = nba_demo_market_answer(demo->market, error);
        }
    }
    return status;
}

static enum nba_status run_engine(struct demo *demo, struct nba_error *error)
{
    const struct nba_engine_options engine_options = {
        .config = &demo->place.config,
        .schemas = demo->place.schemas,
        .stream = demo->place.stream,
        .clock = &nba_clock_system,
        .metrics = demo->metrics,
    };
    enum nba_status status = nba_engine_create(&engine_options, &demo->engine, error);
    if (status != NBA_OK) {
        return status;
    }
    nba_log_set_level(NBA_LOG_WARN); /* the view says how it goes */
    status = nba_engine_start(demo->engine, error);
    if (status == NBA_OK) {
        struct nba_error stop_error = {0};
        demo->shown_us = nba_clock_monotonic_us(&nba_clock_system);
        status = live(demo, error);
        show(demo, true);
        const enum nba_status stopped = nba_engine_stop(demo->engine, &stop_error);
        if (stopped != NBA_OK) { /* it says more than "interrupted" does */
            *error = stop_error;
            status = stopped;
        }
    }
    nba_engine_destroy(demo->engine);
    demo->engine = NULL;
    return status;
}

static enum nba_status perform(struct demo *demo, struct nba_error *error)
{
    struct nba_topic_table table;
    struct nba_buf summary;
    size_t created = 0;
    const uint64_t events = (uint64_t)demo->args->events;
    const uint64_t past = (uint64_t)((double)events * PAST_SHARE);
    const uint64_t round = (events - past) / ROUNDS;
    const struct nba_demo_market_options market = {
        .place = &demo->place,
        .events = events,
        .seed = (uint64_t)demo->args->seed,
        .past_events = past,
        .round_events = round > ROUND_EVENTS_MIN ? round : ROUND_EVENTS_MIN,
    };
    nba_topic_table_init(&table, &demo->place.config);
    enum nba_status status = nba_topic_table_create(&table, demo->place.stream, &created, error);
    if (status == NBA_OK) {
        status = nba_demo_market_open(&market, &demo->market, error);
    }
    if (status == NBA_OK) {
        (void)fprintf(stderr, "a simulated market: %u HCPs, %" PRIu64 " events, seed %" PRId64 "\n",
                      nba_world_hcp_count(nba_demo_market_world(demo->market)), events,
                      demo->args->seed);
        status = nba_demo_market_past(demo->market, error);
    }
    if (status == NBA_OK) {
        status = learn(demo, error);
    }
    if (status == NBA_OK) {
        (void)fprintf(stderr, "running: every event updates, scores and decides, exactly once\n");
        status = run_engine(demo, error);
    }
    if (status == NBA_OK) {
        nba_buf_init(&summary, SUMMARY_BYTES);
        status = nba_demo_summary(&demo->place, demo->market, &summary, error);
        if (status == NBA_OK && nba_command_print(&summary) != 0) {
            status = nba_error_set(error, NBA_E_IO, "cannot write the summary");
        }
        nba_buf_clear(&summary);
    }
    return status;
}

static enum nba_status run_in(const struct args *args, const char *dir, struct nba_error *error)
{
    struct demo demo = {.args = args, .terminal = isatty(STDERR_FILENO) == 1};
    enum nba_status status = nba_file_make_dirs(dir, error);
    if (status == NBA_OK) {
        status = check_folder(args, dir, error);
    }
    if (status == NBA_OK) {
        status = configure(args, dir, &demo.place.config, error);
    }
    if (status == NBA_OK) {
        status = nba_schemas_load(demo.place.config.schemas_dir, &demo.place.schemas, error);
    }
    if (status == NBA_OK) {
        status =
            nba_workplace_stream(&demo.place.config, NBA_LOCAL_WRITER, &demo.place.stream, error);
    }
    if (status == NBA_OK) {
        demo.metrics = nba_metrics_create();
        status = perform(&demo, error);
    }
    nba_demo_market_close(demo.market);
    nba_metrics_destroy(demo.metrics);
    nba_workplace_close(&demo.place);
    return status;
}

static int run(const struct nba_command *command, int argc, char **argv)
{
    struct args args = {.events = 50000, .seed = 1, .workers = 1};
    struct nba_operands operands;
    struct nba_error error = {0};
    char temporary[] = "/tmp/nba-demo-XXXXXX";
    int code = 0;
    if (!nba_command_parse(command, argc, argv, &args, &operands, &code)) {
        return code;
    }
    nba_interrupt_install();
    if (args.keep == NULL && mkdtemp(temporary) == NULL) {
        return nba_command_fail_with(NBA_E_IO, "cannot make a folder in /tmp");
    }
    const char *dir = args.keep != NULL ? args.keep : temporary;
    enum nba_status status = run_in(&args, dir, &error);
    if (status == NBA_OK && args.keep != NULL) {
        (void)printf(
            "\nkept in %s: nba explain --log %s/log --hcp ID, nba consume action --log %s/log\n",
            dir, dir, dir);
    }
    if (args.keep == NULL) {
        struct nba_error ignored = {0};
        const enum nba_status removed = nba_file_remove_tree(temporary, &ignored);
        (void)removed;
    }
    return status == NBA_OK ? 0 : nba_command_fail(&error);
}

const struct nba_command nba_command_demo = {
    .name = "demo",
    .summary = "a simulated market, learned from, decided on and told: see what nba does",
    .operands = "",
    .about =
        "Simulates HCPs with tastes, learns LSTM and NCF from the first 60 % of their events, "
        "then\n"
        "runs the engine on an embedded log while the market answers to its actions. At the end:\n"
        "how often the next engagement was among the ten contents ranked highest, against\n"
        "popularity, and the stories of three HCPs. Killed half way, the same --keep goes on and\n"
        "ends with the same bytes.",
    .examples = "nba demo\n"
                "nba demo --events 200000 --seed 7 --keep /tmp/market",
    .options = options,
    .option_count = NBA_ARRAY_COUNT(options),
    .run = run,
};
