/* The side of the moment, for tools: catalogue and control read from the log, policy and release
 * from their files. */
#ifndef NBA_APP_SIDE_LOADER_H
#define NBA_APP_SIDE_LOADER_H

#include "nba/app/workplace.h"
#include "nba/engine/side_inputs.h"

/* `release` NULL: the champion; none chosen is fine.  The side has one reference. */
NBA_MUST_USE
enum nba_status nba_side_load(const struct nba_workplace *place, const char *release,
                              struct nba_side **ret_side, struct nba_error *error);

#endif
