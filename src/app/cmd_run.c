/* nba run: the engine, until it is told to stop. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "commands_internal.h"
#include "drain.h"
#include "nba/app/interrupt.h"
#include "nba/app/workplace.h"
#include "nba/base/log.h"
#include "nba/engine/engine.h"
#include "nba/serve/server.h"
#include "run_fault.h"

#define LOOK_MS 100

struct args {
    struct nba_common common;
    const char *instance;
    int64_t workers;
    bool drain;
    bool no_http;
};

static const struct nba_option options[] = {
    NBA_COMMON_OPTIONS(struct args, common),
    NBA_OPTION_TEXT(struct args, instance, "instance", "NAME",
                    "name of this instance: stable over restarts, different from the others'"),
    NBA_OPTION_INTEGER(struct args, workers, "workers", "N", 1, 64, "threads that work partitions"),
    NBA_OPTION_FLAG(struct args, drain, "drain",
                    "stop when all that is in the input now is committed"),
    NBA_OPTION_FLAG(struct args, no_http, "no-http", "no metrics and health over HTTP"),
};

static bool engine_ready(void *context, const char **ret_why)
{
    *ret_why = "restoring";
    return nba_engine_is_ready(context);
}

/* "host:port" of http.listen. */
static enum nba_status start_server(const struct nba_config *config, struct nba_metrics *metrics,
                                    struct nba_engine *engine, struct nba_server **ret_server,
                                    struct nba_error *error)
{
    char address[256];
    const char *colon = strrchr(config->http.listen, ':');
    if (colon == NULL || (size_t)(colon - config->http.listen) >= sizeof(address)) {
        return nba_error_set(error, NBA_E_CONFIG, "http.listen: expected HOST:PORT, got '%s'",
                             config->http.listen);
    }
    memcpy(address, config->http.listen, (size_t)(colon - config->http.listen));
    address[colon - config->http.listen] = '\0';
    const struct nba_server_options server = {
        .address = address,
        .port = (uint16_t)strtoul(colon + 1, NULL, 10),
        .allow_unauthenticated = config->http.allow_unauthenticated,
        .metrics = metrics,
        .ready = engine_ready,
        .context = engine,
    };
    const enum nba_status status = nba_server_start(&server, ret_server, error);
    if (status == NBA_OK) {
        nba_log(NBA_LOG_INFO, "http", "address=%s port=%u", address,
                (unsigned)nba_server_port(*ret_server));
    }
    return status;
}

static enum nba_status wait_for_end(const struct args *args, const struct nba_workplace *place,
                                    struct nba_engine *engine, struct nba_error *error)
{
    const struct timespec look = {0, LOOK_MS * 1000000};
    static struct nba_drain drain;
    enum nba_status status = args->drain ? nba_drain_begin(place, &drain, error) : NBA_OK;
    while (status == NBA_OK && !nba_interrupted() && !nba_engine_has_failed(engine)) {
        (void)nanosleep(&look, NULL);
        if (args->drain && nba_engine_is_ready(engine) && nba_drain_is_done(place, &drain)) {
            break;
        }
    }
    return status;
}

static enum nba_status run_engine(const struct args *args, struct nba_workplace *place,
                                  struct nba_error *error)
{
    struct nba_metrics *metrics = nba_metrics_create();
    struct nba_engine *engine = NULL;
    struct nba_server *server = NULL;
    const struct nba_engine_options engine_options = {
        .config = &place->config,
        .schemas = place->schemas,
        .stream = place->stream,
        .clock = &nba_clock_system,
        .metrics = metrics,
    };
    enum nba_status status = nba_engine_create(&engine_options, &engine, error);
    if (status == NBA_OK && !args->no_http) {
        status = start_server(&place->config, metrics, engine, &server, error);
    }
    if (status == NBA_OK) {
        status = nba_engine_start(engine, error);
        if (status == NBA_OK) {
            status = wait_for_end(args, place, engine, error);
            struct nba_error stop_error = {0};
            const enum nba_status stopped = nba_engine_stop(engine, &stop_error);
            if (status == NBA_OK && stopped != NBA_OK) {
                *error = stop_error;
                status = stopped;
            }
            nba_log(NBA_LOG_INFO, "stopped", "events=%llu",
                    (unsigned long long)nba_engine_events(engine));
        }
    }
    nba_server_stop(server);
    nba_engine_destroy(engine);
    nba_metrics_destroy(metrics);
    return status;
}

static int run(const struct nba_command *command, int argc, char **argv)
{
    struct args args = {.workers = 0};
    struct nba_operands operands;
    struct nba_error error = {0};
    struct nba_workplace place;
    int code = 0;
    if (!nba_command_parse(command, argc, argv, &args, &operands, &code)) {
        return code;
    }
    nba_interrupt_install();
    enum nba_status status = nba_workplace_open(&args.common, NBA_LOCAL_WRITER, &place, &error);
    if (status != NBA_OK) {
        return nba_command_fail(&error);
    }
    nba_log_set_level(place.config.logging_level);
    if (args.instance != NULL) {
        status = nba_config_set(&place.config, "instance", args.instance, &error);
    }
    if (status == NBA_OK && args.workers != 0) {
        place.config.workers = args.workers;
    }
    if (status == NBA_OK) {
        status = nba_run_fault_install(place.stream, &error);
    }
    if (status == NBA_OK) {
        status = run_engine(&args, &place, &error);
    }
    nba_workplace_close(&place);
    return status == NBA_OK ? 0 : nba_command_fail(&error);
}

const struct nba_command nba_command_run = {
    .name = "run",
    .summary = "the engine: events in, explained next-best actions out, exactly once",
    .operands = "",
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
    .option_count = NBA_ARRAY_COUNT(options),
    .run = run,
};
