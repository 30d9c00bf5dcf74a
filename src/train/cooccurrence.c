/* Two indexes of one set of pairs, each by a counting sort. */
#include "nba/train/cooccurrence.h"

#include <string.h>

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
        .user_from = nba_pool_take(pool, d->user_count + (size_t)1, sizeof(size_t)),
        .content_from = nba_pool_take(pool, N + 1, sizeof(size_t)),
        .contents = nba_pool_take(pool, most, sizeof(uint32_t)),
        .users = nba_pool_take(pool, most, sizeof(uint32_t)),
    };
    uint32_t *seen_by = nba_pool_take(pool, N, sizeof(*seen_by)); /* user + 1 */
    size_t *next = nba_pool_take(pool, N, sizeof(*next));
    size_t count = 0;
    for (uint32_t u = 0; u < d->user_count; u++) {
        const uint32_t *sequence = d->sequence + d->sequence_offset[u];
        for (uint32_t p = 0; p < train_count[u]; p++) {
            if (seen_by[sequence[p]] != u + 1) {
                seen_by[sequence[p]] = u + 1;
                c.contents[count++] = sequence[p];
                c.content_from[sequence[p] + 1]++;
            }
        }
        c.user_from[u + 1] = count;
    }
    sum_up(c.content_from, N);
    memcpy(next, c.content_from, N * sizeof(*next));
    for (uint32_t u = 0; u < d->user_count; u++) {
        for (size_t at = c.user_from[u]; at < c.user_from[u + 1]; at++) {
            c.users[next[c.contents[at]]++] = u;
        }
    }
    return c;
}

void nba_cooccurrence_row(const struct nba_cooccurrence *c, uint32_t content, float *ret_row)
{
    memset(ret_row, 0, c->content_count * sizeof(*ret_row));
    for (size_t i = c->content_from[content]; i < c->content_from[content + 1]; i++) {
        const uint32_t *contents = c->contents + c->user_from[c->users[i]];
        const size_t count = c->user_from[c->users[i] + 1] - c->user_from[c->users[i]];
        for (size_t j = 0; j < count; j++) {
            ret_row[contents[j]] += 1.0f;
        }
    }
}
