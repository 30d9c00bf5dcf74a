/* nba run: the engine, until it is told to stop. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine_run.h"
#include "nba/app/command.h"
#include "nba/base/log.h"
#include "nba/serve/server.h"
#include "run_fault.h"

#define LOOK_MS 100

static struct {
    const char *instance;
    const char *from, *until;
    const char *scorer;
    int64_t workers;
    bool drain;
    bool no_http;
} args;

static struct nba_engine_range range;
static struct nba_spans spans; /* the input's, to where the range ends */

static const struct nba_option options[] = {
    NBA_OPTION_TEXT(&args.instance, "instance", "NAME",
                    "name of this instance: stable over restarts, different from the others'"),
    NBA_OPTION_INTEGER(&args.workers, "workers", "N", 1, 64, "threads that work partitions"),
    NBA_OPTION_TEXT(&args.from, "from", "PLACE",
                    "begin here, without any state: start, an offset, or a time of records"),
    NBA_OPTION_TEXT(&args.until, "until", "PLACE",
                    "take what stands before it (end, an offset, a time) and stop"),
    NBA_OPTION_FLAG(&args.drain, "drain", "the same as --until end"),
    NBA_OPTION_TEXT(&args.scorer, "scorer", "table:FILE",
                    "scores out of a table, as in given.scores of docs/SCENARIOS.md: for tests"),
    NBA_OPTION_FLAG(&args.no_http, "no-http", "no metrics and health over HTTP"),
    {0},
};

static bool has_end(void)
{
    return args.drain || args.until != NULL;
}

static bool engine_ready(void *context, const char **ret_why)
{
    *ret_why = "restoring";
    return nba_engine_is_ready(context);
}

/* "host:port" of http.listen, which the configuration has checked. */
static enum nba_status start_server(const struct nba_config *config, struct nba_engine_run *run,
                                    struct nba_server **ret_server, struct nba_error *error)
{
    char address[256];
    const char *colon = strrchr(config->http.listen, ':');
    (void)snprintf(address, sizeof(address), "%.*s", (int)(colon - config->http.listen),
                   config->http.listen);
    const struct nba_server_options server = {
        .address = address,
        .port = (uint16_t)strtoul(colon + 1, NULL, 10),
        .allow_unauthenticated = config->http.allow_unauthenticated,
        .metrics = run->metrics,
        .ready = engine_ready,
        .context = run->engine,
    };
    const enum nba_status status = nba_server_start(&server, ret_server, error);
    if (status == NBA_OK) {
        nba_log(NBA_LOG_INFO, "http", "address=%s port=%u", address,
                (unsigned)nba_server_port(*ret_server));
    }
    return status;
}

/* --from is for a group that has done nothing: state of what came before would be missing, or state
 * of what comes after be there already. */
static enum nba_status check_is_new(const struct nba_workplace *place, int32_t partition,
                                    struct nba_error *error)
{
    const struct nba_config *config = &place->config;
    int64_t committed = -1;
    int64_t low = 0;
    int64_t high = 0;
    enum nba_status status =
        nba_stream_group_committed(place->stream, config->application_id, config->topics.engagement,
                                   partition, &committed, error);
    if (status == NBA_OK) {
        status = nba_stream_watermarks(place->stream, config->topics.changelog, partition,
                                       NBA_READ_UNCOMMITTED, &low, &high, error);
    }
    return status != NBA_OK || (committed <= 0 && low == high)
               ? status
               : nba_error_set(error, NBA_E_EXISTS,
                               "--from: group '%.60s' has state of partition %d: go on without "
                               "--from, or forget it by nba reset --to start, or take an "
                               "application_id, changelog, journal and outputs of their own",
                               config->application_id, (int)partition);
}

/* Offsets of --from, --until and --drain in every partition of the input. */
static enum nba_status find_range(const struct nba_workplace *place, struct nba_error *error)
{
    struct nba_stream *stream = place->stream;
    enum nba_status status =
        nba_spans_add(&spans, stream, place->config.topics.engagement, NBA_READ_COMMITTED, error);
    for (size_t p = 0; status == NBA_OK && p < spans.count && p < NBA_PARTITIONS_MAX; p++) {
        struct nba_span *span = &spans.items[p];
        const struct nba_span whole = *span;
        range.from[p] = -1;
        status = nba_span_offset(stream, "from", args.from, &whole, &range.from[p], error);
        if (status == NBA_OK && args.from != NULL) {
            status = check_is_new(place, span->partition, error);
        }
        if (status == NBA_OK) {
            status = nba_span_offset(stream, "until", args.until, &whole, &span->to, error);
        }
        if (status == NBA_OK && range.from[p] > span->to) {
            status = nba_error_set(error, NBA_E_USAGE, "--from: is behind --until");
        }
        range.until[p] = has_end() ? span->to : INT64_MAX;
    }
    return status;
}

static enum nba_status work(void *context, struct nba_error *error)
{
    return nba_engine_run_wait(context, has_end() ? &spans : NULL, LOOK_MS, NULL, NULL, error);
}

static enum nba_status set_scorer(struct nba_config *config, struct nba_error *error)
{
    static const char prefix[] = "table:";
    if (args.scorer == NULL) {
        return NBA_OK;
    }
    return strncmp(args.scorer, prefix, strlen(prefix)) == 0
               ? nba_config_set(config, "score.table", args.scorer + strlen(prefix), error)
               : nba_error_set(error, NBA_E_USAGE, "--scorer: expected table:FILE, got '%.100s'",
                               args.scorer);
}

static enum nba_status run(struct nba_workplace *place, struct nba_error *error)
{
    struct nba_engine_run run = {.place = place};
    struct nba_server *server = NULL;
    struct nba_config *config = &place->config;
    nba_interrupt_install();
    nba_log_set_level(config->logging_level);
    config->workers = args.workers != 0 ? args.workers : config->workers;
    const bool done = (args.instance == NULL ||
                       nba_config_set(config, "instance", args.instance, error) == NBA_OK) &&
                      set_scorer(config, error) == NBA_OK &&
                      nba_config_check(config, error) == NBA_OK &&
                      nba_workplace_open(place, NBA_LOCAL_WRITER, error) == NBA_OK &&
                      nba_run_fault_install(place->stream, error) == NBA_OK &&
                      find_range(place, error) == NBA_OK &&
                      nba_engine_run_open(place, &range, &run, error) == NBA_OK &&
                      (args.no_http || start_server(config, &run, &server, error) == NBA_OK) &&
                      nba_engine_run_while(&run, work, &run, error) == NBA_OK;
    nba_server_stop(server);
    nba_engine_run_close(&run);
    free(spans.items);
    return nba_outcome(done, error);
}

const struct nba_command nba_command_run = {
    .name = "run",
    .summary = "the engine: events in, explained next-best actions out, exactly once",
    .about =
        "Reads the engagement topic as one instance of its consumer group, and for every event\n"
        "updates the HCP's state, scores, decides and publishes, in transactions. Policy and\n"
        "model release are adopted while it runs, at a transaction's start. SIGTERM or Ctrl-C\n"
        "commits what is under way and ends with 0; a second one ends at once, which is safe.\n"
        "Start several with different --instance names to share the partitions.\n"
        "--from and --until make a backfill: a group without state begins at --from, and the\n"
        "command ends with 0 when every partition is committed up to --until, with 1 when a\n"
        "signal came first; a later run goes on from there. PLACE is as in `nba consume`; times\n"
        "are those of records. A group that has state is refused --from (docs/DEPLOY.md).",
    .examples = "nba run --config config/nba.yaml\n"
                "nba run --kafka broker:9092 --instance a --workers 4\n"
                "nba run --log /var/lib/nba/log --drain\n"
                "nba run --config backfill.yaml --no-http --from 2026-01-01 --until 2026-02-01",
    .options = options,
    .run = run,
};
