/* A release of the shelf, ready for the best kernels of the level in force. */
#ifndef NBA_ENGINE_LOAD_RELEASE_H
#define NBA_ENGINE_LOAD_RELEASE_H

#include "nba/config/config.h"
#include "nba/engine/side_inputs.h"
#include "nba/release/release.h"

/* What nba_release_load says. */
NBA_MUST_USE
enum nba_status nba_load_release(const struct nba_config *config, const char *id,
                                 struct nba_release **ret_release, struct nba_error *error);

/* The ids in force in some side inputs; "-" before anything was said of one. */
struct nba_releases_used {
    char ids[NBA_ROLE_COUNT][NBA_RELEASE_ID_BYTES];
};
/* Takes `id` (empty: none) into use unless it is; the message says that the journal named it. */
NBA_MUST_USE
enum nba_status nba_use_release(const struct nba_config *config, enum nba_role role,
                                struct nba_str id, struct nba_releases_used *used,
                                struct nba_side_inputs *inputs, struct nba_error *error);
/* Those that the shelf names: champion and challenger, as far as there are any. */
NBA_MUST_USE
enum nba_status nba_use_shelf(const struct nba_config *config, struct nba_releases_used *used,
                              struct nba_side_inputs *inputs, struct nba_error *error);

#endif
