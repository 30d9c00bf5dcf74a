/* Two words of the configuration: score.kernels and the release folder. */
#include "load_release.h"

#include "nba/linalg/kernels.h"
#include "nba/release/shelf.h"

#define PATH_BYTES_MAX 4096u

enum nba_status nba_load_release(const struct nba_config *config, const char *id,
                                 struct nba_release **ret_release, struct nba_error *error)
{
    static const char *const names[] = {
        [NBA_CONFIG_KERNELS_AUTO] = "auto",
        [NBA_CONFIG_KERNELS_SCALAR] = "scalar",
        [NBA_CONFIG_KERNELS_AVX2] = "avx2",
        [NBA_CONFIG_KERNELS_AVX512] = "avx512",
    };
    char path[PATH_BYTES_MAX];
    const char *name = names[config->score_kernels];
    const struct nba_kernels *kernels = nba_kernels_find(nba_str_of(name));
    if (kernels == NULL) {
        return nba_error_set(error, NBA_E_CONFIG, "score.kernels: this processor can't run '%s'",
                             name);
    }
    const enum nba_status status =
        nba_shelf_path(config->release_dir, id, path, sizeof(path), error);
    return status == NBA_OK ? nba_release_load(path, kernels, ret_release, error) : status;
}
