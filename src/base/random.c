/* What is too long for the header; the normal is the one that needs libm. */
#include "nba/base/random.h"

#include <math.h>
#include <string.h>

#include "nba/base/assert.h"

double nba_rng_normal(struct nba_rng *rng)
{
    const double u = 1.0 - nba_rng_double(rng); /* (0, 1]: the logarithm is finite */
    const double v = nba_rng_double(rng);
    return sqrt(-2.0 * log(u)) * cos(6.283185307179586 * v);
}

void nba_rng_shuffle(struct nba_rng *rng, void *items, size_t count, size_t size)
{
    unsigned char *bytes = items;
    unsigned char kept[64];
    NBA_ASSERT(size <= sizeof(kept));
    for (size_t i = count; i > 1; i--) {
        unsigned char *last = bytes + (i - 1) * size;
        unsigned char *drawn = bytes + nba_rng_below(rng, i) * size;
        memcpy(kept, last, size);
        memmove(last, drawn, size);
        memcpy(drawn, kept, size);
    }
}
