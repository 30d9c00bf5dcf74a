/* For commands that run the engine: making it, and asking whether everything that is in the input
 * is committed. */
#ifndef NBA_APP_DRAIN_H
#define NBA_APP_DRAIN_H

#include "nba/app/workplace.h"
#include "nba/base/limits.h"
#include "nba/engine/engine.h"

/* The engine of a workplace's configuration, schemas and log. */
NBA_MUST_USE
enum nba_status nba_workplace_engine(const struct nba_workplace *place, struct nba_metrics *metrics,
                                     struct nba_engine **ret_engine, struct nba_error *error);

struct nba_drain {
    int64_t highs[NBA_PARTITIONS_MAX]; /* 0: nothing to wait for */
    int32_t count;
};

/* Takes the present ends of the input's partitions. */
NBA_MUST_USE
enum nba_status nba_drain_begin(const struct nba_workplace *place, struct nba_drain *ret_drain,
                                struct nba_error *error);
bool nba_drain_is_done(const struct nba_workplace *place, const struct nba_drain *drain);

#endif
