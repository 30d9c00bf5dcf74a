/* A release of the shelf, ready for the best kernels of the level in force. */
#ifndef NBA_ENGINE_LOAD_RELEASE_H
#define NBA_ENGINE_LOAD_RELEASE_H

#include "nba/config/config.h"
#include "nba/release/release.h"

/* What nba_release_load says. */
NBA_MUST_USE
enum nba_status nba_load_release(const struct nba_config *config, const char *id,
                                 struct nba_release **ret_release, struct nba_error *error);

#endif
