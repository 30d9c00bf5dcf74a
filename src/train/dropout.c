/* Eight bytes of chance a draw; the mask keeps the bytes and is compared again on the way back. */
#include "nba/train/dropout.h"

#include <string.h>

#include "nba/base/assert.h"
#include "vector_internal.h"

void nba_dropout_init(struct nba_dropout *dropout, struct nba_arena *pool, double p,
                      size_t count_max)
{
    NBA_ASSERT(p >= 0.0 && p < 1.0);
    *dropout = (struct nba_dropout){.dropped = (unsigned)(p * 256.0 + 0.5),
                                    .mask = nba_pool_take(pool, count_max + 8, 1)};
}

NBA_VECTOR_BODY mask_apply_body(float *restrict x, const uint8_t *restrict mask, size_t count,
                                unsigned dropped)
{
    const float scale = 256.0f / (256.0f - (float)dropped);
    for (size_t i = 0; i < count; i++) {
        x[i] *= mask[i] < dropped ? 0.0f : scale;
    }
}
NBA_VECTOR_FORMS(mask_apply,
                 (float *restrict x, const uint8_t *restrict mask, size_t count, unsigned dropped),
                 (x, mask, count, dropped))

void nba_dropout_forward(struct nba_dropout *dropout, struct nba_rng *rng, float *x, size_t count)
{
    dropout->on = rng != NULL && dropout->dropped != 0;
    for (size_t i = 0; dropout->on && i < count; i += 8) {
        const uint64_t chance = nba_rng_next(rng);
        memcpy(dropout->mask + i, &chance, 8);
    }
    nba_dropout_backward(dropout, x, count);
}

void nba_dropout_backward(const struct nba_dropout *dropout, float *dx, size_t count)
{
    if (dropout->on) {
        mask_apply(dx, dropout->mask, count, dropout->dropped);
    }
}
