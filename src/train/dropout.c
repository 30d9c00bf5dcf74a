/* Eight bytes of chance a draw; the mask keeps the bytes and is compared again on the way back. */
#include "nba/train/dropout.h"

#include <string.h>

#include "nba/base/assert.h"
#include "vector_internal.h"

static unsigned dropped_bytes(double p)
{
    NBA_ASSERT(p >= 0.0 && p < 1.0);
    return (unsigned)(p * 256.0 + 0.5);
}

VECTOR_BODY mask_apply_body(float *restrict x, const uint8_t *restrict mask, size_t count,
                            unsigned dropped)
{
    const float scale = 256.0f / (256.0f - (float)dropped);
    for (size_t i = 0; i < count; i++) {
        x[i] *= mask[i] < dropped ? 0.0f : scale;
    }
}
VECTOR_FORMS(mask_apply,
             (float *restrict x, const uint8_t *restrict mask, size_t count, unsigned dropped),
             (x, mask, count, dropped))

void nba_dropout_forward(double p, struct nba_rng *rng, float *x, uint8_t *mask, size_t count)
{
    const unsigned dropped = dropped_bytes(p);
    if (dropped == 0) {
        return;
    }
    for (size_t i = 0; i < count; i += 8) {
        const uint64_t chance = nba_rng_next(rng);
        memcpy(mask + i, &chance, 8);
    }
    mask_apply(x, mask, count, dropped);
}

void nba_dropout_backward(double p, const uint8_t *mask, float *dx, size_t count)
{
    const unsigned dropped = dropped_bytes(p);
    if (dropped != 0) {
        mask_apply(dx, mask, count, dropped);
    }
}
