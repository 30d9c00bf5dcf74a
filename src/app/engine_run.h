/* The engine of a workplace, from making it to stopping it, for the commands that run one. */
#ifndef NBA_APP_ENGINE_RUN_H
#define NBA_APP_ENGINE_RUN_H

#include "nba/app/workplace.h"
#include "nba/engine/engine.h"

struct nba_engine_run {
    const struct nba_workplace *place;
    struct nba_metrics *metrics;
    struct nba_engine *engine;
};

/* The run may be closed whatever comes back. */
NBA_MUST_USE
enum nba_status nba_engine_run_open(const struct nba_workplace *place,
                                    struct nba_engine_run *ret_run, struct nba_error *error);
/* Starts the engine, calls `work`, stops the engine.  A failure of the engine says more than one of
 * `work` and is what comes back. */
NBA_MUST_USE
enum nba_status nba_engine_run_while(struct nba_engine_run *run,
                                     enum nba_status (*work)(void *context,
                                                             struct nba_error *error),
                                     void *context, struct nba_error *error);
/* Waits until a signal comes or the engine has failed, and looks every so often; with `drain` no
 * longer than until all that is in the input now is committed. */
NBA_MUST_USE
enum nba_status nba_engine_run_wait(struct nba_engine_run *run, bool drain, int look_ms,
                                    void (*look)(void *context), void *context,
                                    struct nba_error *error);
void nba_engine_run_close(struct nba_engine_run *run);

#endif
