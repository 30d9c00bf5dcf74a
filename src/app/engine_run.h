/* The engine of a workplace, from making it to stopping it, for the commands that run one. */
#ifndef NBA_APP_ENGINE_RUN_H
#define NBA_APP_ENGINE_RUN_H

#include "nba/app/walk.h"
#include "nba/engine/engine.h"

struct nba_engine_run {
    const struct nba_workplace *place;
    struct nba_metrics *metrics;
    struct nba_engine *engine;
};

/* `range` (NULL: all of the input) must outlive the run, which may be closed whatever comes
 * back. */
NBA_MUST_USE
enum nba_status nba_engine_run_open(const struct nba_workplace *place,
                                    const struct nba_engine_range *range,
                                    struct nba_engine_run *ret_run, struct nba_error *error);
/* Starts the engine, calls `work`, stops the engine.  A failure of the engine says more than one of
 * `work` and is what comes back. */
NBA_MUST_USE
enum nba_status nba_engine_run_while(struct nba_engine_run *run,
                                     enum nba_status (*work)(void *context,
                                                             struct nba_error *error),
                                     void *context, struct nba_error *error);
/* Waits, and looks every so often, until the group has committed the input's spans to their ends;
 * NULL: until a signal comes.  NBA_E_INTERRUPTED: a signal or a failure of the engine came
 * first. */
NBA_MUST_USE
enum nba_status nba_engine_run_wait(struct nba_engine_run *run, const struct nba_spans *spans,
                                    int look_ms, void (*look)(void *context), void *context,
                                    struct nba_error *error);
void nba_engine_run_close(struct nba_engine_run *run);

#endif
