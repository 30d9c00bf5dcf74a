/* The kernels that configuration asks for; NULL when this processor can't run them. */
#ifndef NBA_ENGINE_KERNELS_OF_H
#define NBA_ENGINE_KERNELS_OF_H

#include "nba/config/config.h"
#include "nba/linalg/kernels.h"

const struct nba_kernels *nba_kernels_of(const struct nba_config *config);

#endif
