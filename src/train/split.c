#include "nba/train/split.h"

#include <stdlib.h>
#include <string.h>

#include "nba/base/assert.h"
#include "nba/base/random.h"

/* Leave-one-out asks this of a user (learning.md section 3's protocol). */
#define LAST_TWO_LEAST 3u

/* Room for the largest split there could be. */
static struct nba_split split_of(const struct nba_dataset *d, struct nba_arena *pool)
{
    const size_t queries = d->sequence_offset[d->user_count] + d->user_count;
    return (struct nba_split){
        .train_count = nba_pool_take(pool, d->user_count, sizeof(uint32_t)),
        .validation = nba_pool_take(pool, queries, sizeof(struct nba_query)),
        .test = nba_pool_take(pool, queries, sizeof(struct nba_query)),
    };
}

static int compare_times(const void *a, const void *b)
{
    const int64_t x = *(const int64_t *)a;
    const int64_t y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

/* The time before which `share` of the sorted times lie. */
static int64_t time_at(const int64_t *sorted, size_t count, double share)
{
    const size_t at = (size_t)(share * (double)count);
    return at < count ? sorted[at] : INT64_MAX;
}

struct nba_split nba_split_by_time(const struct nba_dataset *d, struct nba_arena *pool,
                                   double train, double validation)
{
    const size_t count = d->sequence_offset[d->user_count];
    struct nba_split split = split_of(d, pool);
    int64_t *times = nba_pool_take(pool, count, sizeof(*times));
    NBA_ASSERT(train > 0.0 && validation >= 0.0 && train + validation <= 1.0 + 1e-9);
    memcpy(times, d->sequence_time, count * sizeof(*times));
    qsort(times, count, sizeof(*times), compare_times);
    split.by_time = true;
    split.validation_from_ms = time_at(times, count, train);
    split.test_from_ms =
        train + validation > 1.0 - 1e-9 ? INT64_MAX : time_at(times, count, train + validation);
    for (uint32_t u = 0; u < d->user_count; u++) {
        const size_t from = d->sequence_offset[u];
        const uint32_t length = (uint32_t)(d->sequence_offset[u + 1] - from);
        bool training = true;
        for (uint32_t i = 0; i < length; i++) {
            const int64_t time_ms = d->sequence_time[from + i];
            training = training && time_ms < split.validation_from_ms;
            if (training) {
                split.train_count[u] = i + 1;
            } else if (time_ms < split.test_from_ms) {
                split.validation[split.validation_count++] = (struct nba_query){u, i};
            } else {
                split.test[split.test_count++] = (struct nba_query){u, i};
            }
        }
    }
    return split;
}

struct nba_split nba_split_last_two(const struct nba_dataset *d, struct nba_arena *pool)
{
    struct nba_split split = split_of(d, pool);
    for (uint32_t u = 0; u < d->user_count; u++) {
        const uint32_t length = (uint32_t)(d->sequence_offset[u + 1] - d->sequence_offset[u]);
        if (length < LAST_TWO_LEAST) {
            split.train_count[u] = length;
            continue;
        }
        split.train_count[u] = length - 2;
        split.validation[split.validation_count++] = (struct nba_query){u, length - 2};
        split.test[split.test_count++] = (struct nba_query){u, length - 1};
    }
    return split;
}

struct nba_split nba_split_fixed(struct nba_dataset *d, struct nba_arena *pool, uint64_t seed)
{
    struct nba_split split = split_of(d, pool);
    struct nba_rng rng = nba_rng(seed);
    NBA_ASSERT(d->fixed_test != NULL);
    for (uint32_t u = 0; u < d->user_count; u++) {
        uint32_t *sequence = d->sequence + d->sequence_offset[u];
        const uint32_t length = (uint32_t)(d->sequence_offset[u + 1] - d->sequence_offset[u]);
        split.train_count[u] = length;
        split.test[split.test_count++] = (struct nba_query){u, length};
        if (length < 2) {
            continue;
        }
        const uint32_t drawn = (uint32_t)nba_rng_below(&rng, length);
        const uint32_t content = sequence[drawn];
        sequence[drawn] = sequence[length - 1];
        sequence[length - 1] = content;
        split.train_count[u] = length - 1;
        split.validation[split.validation_count++] = (struct nba_query){u, length - 1};
    }
    return split;
}

size_t nba_split_thin(struct nba_query *queries, size_t count, size_t most)
{
    if (count <= most) {
        return count;
    }
    for (size_t i = 0; i < most; i++) {
        queries[i] = queries[(size_t)((double)i * (double)count / (double)most)];
    }
    return most;
}
