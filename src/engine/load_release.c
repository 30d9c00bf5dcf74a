/* Of the configuration only the release folder: score.kernels is the process's. */
#include "load_release.h"

#include <stdio.h>

#include "nba/linalg/kernels.h"
#include "nba/release/shelf.h"

#define PATH_BYTES_MAX 4096u

enum nba_status nba_load_release(const struct nba_config *config, const char *id,
                                 struct nba_release **ret_release, struct nba_error *error)
{
    char path[PATH_BYTES_MAX];
    const enum nba_status status =
        nba_shelf_path(config->release_dir, id, path, sizeof(path), error);
    return status == NBA_OK ? nba_release_load(path, nba_kernels_best(), ret_release, error)
                            : status;
}

enum nba_status nba_use_release(const struct nba_config *config, enum nba_role role,
                                struct nba_str id, struct nba_releases_used *used,
                                struct nba_side_inputs *inputs, struct nba_error *error)
{
    char *now = used->ids[role];
    struct nba_release *release = NULL;
    if (nba_str_is(id, now)) {
        return NBA_OK;
    }
    (void)snprintf(now, sizeof(used->ids[role]), "%.*s", NBA_STR_ARG(id));
    if (id.bytes != 0) {
        const enum nba_status status = nba_load_release(config, now, &release, error);
        if (status != NBA_OK) {
            return nba_error_prefix(error, "release %.12s of the journal", now);
        }
    }
    nba_side_inputs_set_release(inputs, role, release);
    nba_release_unref(release);
    return NBA_OK;
}

enum nba_status nba_use_shelf(const struct nba_config *config, struct nba_releases_used *used,
                              struct nba_side_inputs *inputs, struct nba_error *error)
{
    enum nba_status status = NBA_OK;
    for (int role = 0; status == NBA_OK && role < NBA_ROLE_COUNT; role++) {
        char id[NBA_RELEASE_ID_BYTES] = "";
        status = role == NBA_ROLE_CHAMPION ? nba_shelf_champion(config->release_dir, id, error)
                                           : nba_shelf_challenger(config->release_dir, id, error);
        if (status == NBA_OK || status == NBA_E_NOT_FOUND) {
            status =
                nba_use_release(config, (enum nba_role)role, nba_str_of(id), used, inputs, error);
        }
    }
    return status;
}
