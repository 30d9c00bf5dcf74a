/* Two words of the configuration: score.kernels and the release folder. */
#include "load_release.h"

#include "nba/linalg/kernels.h"
#include "nba/release/shelf.h"

#define PATH_BYTES_MAX 4096u

enum nba_status nba_load_release(const struct nba_config *config, const char *id,
                                 struct nba_release **ret_release, struct nba_error *error)
{
    static const char *const names[] = {
        [NBA_CONFIG_KERNELS_SCALAR] = "scalar",
        [NBA_CONFIG_KERNELS_AVX2] = "avx2",
    };
    char path[PATH_BYTES_MAX];
    const struct nba_kernels *kernels =
        config->score_kernels == NBA_CONFIG_KERNELS_AUTO
            ? nba_kernels_best()
            : nba_kernels_find(nba_str_of(names[config->score_kernels]));
    if (kernels == NULL) {
        return nba_error_set(error, NBA_E_CONFIG,
                             "score.kernels: this processor has no AVX2 and FMA");
    }
    const enum nba_status status =
        nba_shelf_path(config->release_dir, id, path, sizeof(path), error);
    return status == NBA_OK ? nba_release_load(path, kernels, ret_release, error) : status;
}
