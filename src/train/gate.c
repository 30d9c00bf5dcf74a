#include "nba/train/gate.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nba/train/evaluate.h"

#define K_OF_CHOICE 10u

int64_t nba_gate_learned_to_ms(const struct nba_release *release)
{
    static const char key[] = "\"learned_to_ms\":";
    const size_t key_bytes = sizeof(key) - 1;
    const struct nba_str text = nba_release_parts(release)->training_json;
    for (size_t i = 0; i + key_bytes < text.bytes; i++) {
        if (memcmp(text.data + i, key, key_bytes) == 0) {
            char number[24];
            (void)snprintf(number, sizeof(number), "%.*s", (int)(text.bytes - i - key_bytes),
                           text.data + i + key_bytes);
            return strtoll(number, NULL, 10);
        }
    }
    return INT64_MAX;
}

size_t nba_gate_queries(const struct nba_dataset *dataset, const struct nba_split *split,
                        int64_t after_ms, struct nba_query *ret_queries)
{
    size_t count = 0;
    for (size_t i = 0; i < split->validation_count; i++) {
        const struct nba_query q = split->validation[i];
        if (dataset->sequence_time[dataset->sequence_offset[q.user] + q.position] > after_ms) {
            if (ret_queries != NULL) {
                ret_queries[count] = q;
            }
            count++;
        }
    }
    return count;
}

struct nba_gate nba_gate(struct nba_release *champion, struct nba_members *challenger,
                         const struct nba_split *split, int64_t after_ms)
{
    const struct nba_dataset *d = challenger->dataset;
    const struct nba_ranking ranking = {
        d, split->by_time ? NBA_PROTOCOL_EXISTING : NBA_PROTOCOL_FULL, 0};
    struct nba_arena pool = {0};
    struct nba_query *queries = nba_pool_take(&pool, split->validation_count, sizeof(*queries));
    size_t count = nba_gate_queries(d, split, after_ms, queries);
    count = nba_split_thin(queries, count, NBA_REPORT_SCORES_MAX / d->content_count);
    const struct nba_ranker rankers[2] = {
        nba_members_fusion_ranker(challenger),
        nba_members_fusion_ranker(nba_served_members(champion, d, &pool))};
    double *ranks = nba_pool_take(&pool, 2 * count, sizeof(*ranks));
    uint32_t *users = nba_pool_take(&pool, count, sizeof(*users));
    for (size_t i = 0; i < 2; i++) {
        nba_ranking_run(&ranking, &rankers[i], queries, count, ranks + i * count);
    }
    for (size_t i = 0; i < count; i++) {
        users[i] = queries[i].user;
    }
    for (size_t i = 0; i < 2 * count; i++) {
        ranks[i] = nba_metric_of_rank(NBA_METRIC_NDCG, K_OF_CHOICE, ranks[i]);
    }
    struct nba_gate gate = {
        .n = count,
        .unseen = after_ms != INT64_MIN,
        .challenger = nba_metric_interval(ranks, users, count).value,
        .champion = nba_metric_interval(ranks + count, users, count),
    };
    gate.passed = gate.challenger >= gate.champion.lo;
    nba_arena_clear(&pool);
    return gate;
}
