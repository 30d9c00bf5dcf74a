/* Drained: the group's offsets are where the spans of the input end, and nothing is left to do. */
#include "engine_run.h"

#include <stdlib.h>
#include <time.h>

#include "nba/app/interrupt.h"
#include "nba/base/log.h"

enum nba_status nba_engine_run_open(const struct nba_workplace *place,
                                    const struct nba_engine_range *range,
                                    struct nba_engine_run *ret_run, struct nba_error *error)
{
    *ret_run = (struct nba_engine_run){.place = place, .metrics = nba_metrics_create()};
    const struct nba_engine_options options = {
        .config = &place->config,
        .schemas = place->schemas,
        .stream = place->stream,
        .clock = &nba_clock_system,
        .metrics = ret_run->metrics,
        .range = range,
    };
    const enum nba_status status = nba_engine_create(&options, &ret_run->engine, error);
    return status == NBA_OK ? nba_engine_note_crashes(ret_run->engine, error) : status;
}

enum nba_status nba_engine_run_while(struct nba_engine_run *run,
                                     enum nba_status (*work)(void *context,
                                                             struct nba_error *error),
                                     void *context, struct nba_error *error)
{
    struct nba_error stop_error = {0};
    enum nba_status status = nba_engine_start(run->engine, error);
    if (status == NBA_OK) {
        status = work(context, error);
        const enum nba_status stopped = nba_engine_stop(run->engine, &stop_error);
        if (stopped != NBA_OK) {
            *error = stop_error;
            status = stopped;
        }
        nba_log(NBA_LOG_INFO, "stopped", "events=%llu",
                (unsigned long long)nba_engine_events(run->engine));
    }
    return status;
}

static bool has_reached(const struct nba_workplace *place, const struct nba_span *span)
{
    struct nba_error error = {0};
    int64_t committed = -1;
    return span->from >= span->to || /* an empty partition commits nothing */
           (nba_stream_group_committed(place->stream, place->config.application_id, span->topic,
                                       span->partition, &committed, &error) == NBA_OK &&
            committed >= span->to);
}

/* What is decided may send mail, and mail more mail: the mailbox ends where it does by now, open
 * transactions included. */
static bool is_drained(const struct nba_engine_run *run, const struct nba_spans *spans)
{
    const struct nba_workplace *place = run->place;
    struct nba_spans mail = {.count = 0};
    struct nba_error error = {0};
    bool drained = true;
    for (size_t i = 0; i < spans->count && drained; i++) {
        drained = has_reached(place, &spans->items[i]);
    }
    drained = drained && nba_spans_add(&mail, place->stream, place->config.topics.mailbox,
                                       NBA_READ_UNCOMMITTED, &error) == NBA_OK;
    for (size_t i = 0; i < mail.count && drained; i++) {
        drained = has_reached(place, &mail.items[i]);
    }
    free(mail.items);
    return drained && nba_engine_is_settled(run->engine);
}

enum nba_status nba_engine_run_wait(struct nba_engine_run *run, const struct nba_spans *spans,
                                    int look_ms, void (*look)(void *context), void *context,
                                    struct nba_error *error)
{
    const struct timespec pause = {0, look_ms * 1000000L};
    while (!nba_interrupted() && !nba_engine_has_failed(run->engine)) {
        if (look != NULL) {
            look(context);
        }
        if (spans != NULL && is_drained(run, spans)) {
            return NBA_OK;
        }
        (void)nanosleep(&pause, NULL);
    }
    return spans == NULL ? NBA_OK : nba_error_set(error, NBA_E_INTERRUPTED, "interrupted");
}

void nba_engine_run_close(struct nba_engine_run *run)
{
    nba_engine_destroy(run->engine);
    nba_metrics_destroy(run->metrics);
}
