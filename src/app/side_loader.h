/* Releases and sides for tools: catalogue and control read from the log, policy and release from
 * their files. */
#ifndef NBA_APP_SIDE_LOADER_H
#define NBA_APP_SIDE_LOADER_H

#include "nba/app/workplace.h"
#include "nba/engine/side_inputs.h"

/* `id` NULL: the champion, NULL comes back when none was chosen.  `kernels` NULL: not to score. */
NBA_MUST_USE
enum nba_status nba_open_release(const struct nba_config *config, const char *id,
                                 const struct nba_kernels *kernels,
                                 struct nba_release **ret_release, struct nba_error *error);

/* The side of the moment, with the release `id` (NULL: the champion; none chosen is fine). */
NBA_MUST_USE
enum nba_status nba_side_load(const struct nba_workplace *place, const char *id,
                              struct nba_side **ret_side, struct nba_error *error);

#endif
