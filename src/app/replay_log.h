/* What a replay reads: log files, folders of embedded logs, or the configured log. */
#ifndef NBA_APP_REPLAY_LOG_H
#define NBA_APP_REPLAY_LOG_H

#include "nba/app/workplace.h"
#include "nba/engine/replay.h"

/* Adds the records of `logs`; without any those of place->stream. */
NBA_MUST_USE
enum nba_status nba_add_logs(struct nba_replay *replay, const struct nba_workplace *place,
                             const struct nba_operands *logs, struct nba_error *error);

/* A replay's progress on a ticker. */
void nba_replay_tick(void *ticker, uint64_t done, uint64_t total);

#endif
