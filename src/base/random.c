/* The one generator that needs libm. */
#include "nba/base/random.h"

#include <math.h>

double nba_rng_normal(struct nba_rng *rng)
{
    const double u = 1.0 - nba_rng_double(rng); /* (0, 1]: the logarithm is finite */
    const double v = nba_rng_double(rng);
    return sqrt(-2.0 * log(u)) * cos(6.283185307179586 * v);
}
