#include "nba/train/popularity.h"

#include <string.h>

#include "nba/score/fusion.h"

struct nba_popularity nba_popularity(const struct nba_dataset *dataset,
                                     const struct nba_split *split, struct nba_arena *pool)
{
    const size_t N = dataset->content_count;
    const size_t segments = 1 + (size_t)dataset->specialty_count;
    const struct nba_popularity popularity = {dataset,
                                              nba_pool_take(pool, segments * N, sizeof(uint32_t)),
                                              nba_pool_floats(pool, segments * N)};
    for (uint32_t u = 0; u < dataset->user_count; u++) {
        const uint32_t *sequence = dataset->sequence + dataset->sequence_offset[u];
        for (uint32_t i = 0; i < split->train_count[u]; i++) {
            popularity.counts[sequence[i]]++;
            if (dataset->segment[u] != 0) {
                popularity.counts[dataset->segment[u] * N + sequence[i]]++;
            }
        }
    }
    for (size_t s = 0; s < segments; s++) {
        nba_popularity_scores(popularity.counts + s * N, popularity.counts, N,
                              popularity.scores + s * N);
    }
    return popularity;
}

static void popularity_score(void *context, const struct nba_query *queries, size_t count,
                             float *ret_scores)
{
    const struct nba_popularity *popularity = context;
    const size_t N = popularity->dataset->content_count;
    for (size_t i = 0; i < count; i++) {
        const uint32_t segment = popularity->dataset->segment[queries[i].user];
        memcpy(ret_scores + i * N, popularity->scores + segment * N, N * sizeof(float));
    }
}

struct nba_ranker nba_popularity_ranker(struct nba_popularity *popularity)
{
    return (struct nba_ranker){
        .name = "popularity", .context = popularity, .score = popularity_score};
}
