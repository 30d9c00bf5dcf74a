/* One word of the configuration. */
#include "kernels_of.h"

const struct nba_kernels *nba_kernels_of(const struct nba_config *config)
{
    switch (config->score_kernels) {
    case NBA_CONFIG_KERNELS_SCALAR:
        return nba_kernels_find(nba_str_of("scalar"));
    case NBA_CONFIG_KERNELS_AVX2:
        return nba_kernels_find(nba_str_of("avx2"));
    case NBA_CONFIG_KERNELS_AUTO:
        break;
    }
    return nba_kernels_best();
}
