/* Of the configuration only the release folder: score.kernels is the process's. */
#include "load_release.h"

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
