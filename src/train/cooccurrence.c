/* Users' contents are sorted by going through them by content: two counting sorts. */
#include "nba/train/cooccurrence.h"

#include <string.h>

#include "nba/base/assert.h"

#define AHEAD 8u

/* counts[i + 1] of things -> from[i] .. from[i + 1] of them. */
static void sum_up(size_t *counts, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        counts[i + 1] += counts[i];
    }
}

struct nba_cooccurrence nba_cooccurrence(const struct nba_dataset *d, const uint32_t *train_count,
                                         struct nba_arena *pool)
{
    const size_t most = d->sequence_offset[d->user_count];
    const size_t N = d->content_count;
    struct nba_cooccurrence c = {
        .content_count = d->content_count,
        .contents = nba_pool_take(pool, most + d->user_count, sizeof(uint32_t)),
        .content_from = nba_pool_take(pool, N + 1, sizeof(size_t)),
        .places = nba_pool_take(pool, most, sizeof(uint32_t)),
    };
    uint32_t *seen_by = nba_pool_take(pool, N, sizeof(*seen_by)); /* user + 1 */
    size_t *next = nba_pool_take(pool, N + 1, sizeof(*next));
    size_t *user_next = nba_pool_take(pool, d->user_count + (size_t)1, sizeof(*user_next));
    uint32_t *users = nba_pool_take(pool, most, sizeof(*users)); /* by content, ascending */
    NBA_ASSERT(most + d->user_count < UINT32_MAX);
    for (int pass = 0; pass < 2; pass++) {
        memset(seen_by, 0, N * sizeof(*seen_by));
        for (uint32_t u = 0; u < d->user_count; u++) {
            const uint32_t *sequence = d->sequence + d->sequence_offset[u];
            for (uint32_t p = 0; p < train_count[u]; p++) {
                const uint32_t content = sequence[p];
                if (seen_by[content] == u + 1) {
                    continue;
                }
                seen_by[content] = u + 1;
                if (pass == 0) {
                    c.content_from[content + 1]++;
                    user_next[u + 1]++;
                } else {
                    users[next[content]++] = u;
                }
            }
            user_next[u + 1] += pass == 0 ? 1 : 0; /* the end's mark */
        }
        if (pass == 0) {
            sum_up(c.content_from, N);
            sum_up(user_next, d->user_count);
            memcpy(next, c.content_from, N * sizeof(*next));
        }
    }
    for (uint32_t content = 0; content < N; content++) {
        for (size_t i = c.content_from[content]; i < c.content_from[content + 1]; i++) {
            c.places[i] = (uint32_t)user_next[users[i]]++;
            c.contents[c.places[i]] = content;
        }
    }
    for (uint32_t u = 0; u < d->user_count; u++) {
        c.contents[user_next[u]] = UINT32_MAX;
    }
    return c;
}

size_t nba_cooccurrence_users(const struct nba_cooccurrence *c, uint32_t content)
{
    return c->content_from[content + 1] - c->content_from[content];
}

void nba_cooccurrence_row(const struct nba_cooccurrence *c, uint32_t content, float *ret_row)
{
    const uint32_t above = content + 1;
    memset(ret_row + above, 0, (c->content_count - above) * sizeof(*ret_row));
    const size_t end = c->content_from[content + 1];
    for (size_t i = c->content_from[content]; i < end; i++) {
        /* Users' lists lie anywhere: those of a few users on come while this one is counted. */
        __builtin_prefetch(c->contents + c->places[i + AHEAD < end ? i + AHEAD : i]);
        for (const uint32_t *next = c->contents + c->places[i] + 1; *next != UINT32_MAX; next++) {
            ret_row[*next] += 1.0f;
        }
    }
}
