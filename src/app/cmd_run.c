/* nba run: the engine, until it is told to stop. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine_run.h"
#include "nba/app/command.h"
#include "nba/app/interrupt.h"
#include "nba/base/log.h"
#include "nba/serve/server.h"
#include "run_fault.h"

#define LOOK_MS 100

static struct {
    const char *instance;
    int64_t workers;
    bool drain;
    bool no_http;
} args;

static const struct nba_option options[] = {
    NBA_OPTION_TEXT(&args.instance, "instance", "NAME",
                    "name of this instance: stable over restarts, different from the others'"),
    NBA_OPTION_INTEGER(&args.workers, "workers", "N", 1, 64, "threads that work partitions"),
    NBA_OPTION_FLAG(&args.drain, "drain", "stop when all that is in the input now is committed"),
    NBA_OPTION_FLAG(&args.no_http, "no-http", "no metrics and health over HTTP"),
    {0},
};

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

static enum nba_status work(void *context, struct nba_error *error)
{
    return nba_engine_run_wait(context, args.drain, LOOK_MS, NULL, NULL, error);
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
                      nba_config_check(config, error) == NBA_OK &&
                      nba_workplace_open(place, NBA_LOCAL_WRITER, error) == NBA_OK &&
                      nba_run_fault_install(place->stream, error) == NBA_OK &&
                      nba_engine_run_open(place, &run, error) == NBA_OK &&
                      (args.no_http || start_server(config, &run, &server, error) == NBA_OK) &&
                      nba_engine_run_while(&run, work, &run, error) == NBA_OK;
    nba_server_stop(server);
    nba_engine_run_close(&run);
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
        "Start several with different --instance names to share the partitions.",
    .examples = "nba run --config config/nba.yaml\n"
                "nba run --kafka broker:9092 --instance a --workers 4\n"
                "nba run --log /var/lib/nba/log --drain",
    .options = options,
    .run = run,
};
