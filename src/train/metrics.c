#include "nba/train/metrics.h"

#include <math.h>
#include <stdlib.h>

#include "nba/base/assert.h"
#include "nba/base/random.h"

#define BOOTSTRAP_SEED 20250101u

const char *nba_metric_name(enum nba_metric metric)
{
    static const char *const names[] = {"hr", "ndcg", "mrr", "auc", "log_loss"};
    return names[metric];
}

double nba_metric_of_rank(enum nba_metric metric, uint32_t k, double rank)
{
    NBA_ASSERT(metric == NBA_METRIC_HR || metric == NBA_METRIC_NDCG || metric == NBA_METRIC_MRR);
    if (metric == NBA_METRIC_MRR) {
        return 1.0 / (rank + 1.0);
    }
    if (rank >= (double)k) {
        return 0.0;
    }
    return metric == NBA_METRIC_HR ? 1.0 : 1.0 / log2(rank + 2.0);
}

double nba_metric_mean(enum nba_metric metric, uint32_t k, const double *ranks, size_t count)
{
    double sum = 0.0;
    for (size_t i = 0; i < count; i++) {
        sum += nba_metric_of_rank(metric, k, ranks[i]);
    }
    return count > 0 ? sum / (double)count : 0.0;
}

static int compare_doubles(const void *a, const void *b)
{
    const double x = *(const double *)a;
    const double y = *(const double *)b;
    return (x > y) - (x < y);
}

struct nba_interval nba_metric_interval(const double *values, size_t count)
{
    double means[NBA_BOOTSTRAP_ROUNDS];
    struct nba_rng rng = nba_rng(BOOTSTRAP_SEED);
    double total = 0.0;
    if (count == 0) {
        return (struct nba_interval){0.0, 0.0, 0.0};
    }
    for (size_t i = 0; i < count; i++) {
        total += values[i];
    }
    for (size_t round = 0; round < NBA_BOOTSTRAP_ROUNDS; round++) {
        double sum = 0.0;
        for (size_t i = 0; i < count; i++) {
            sum += values[nba_rng_below(&rng, count)];
        }
        means[round] = sum / (double)count;
    }
    qsort(means, NBA_BOOTSTRAP_ROUNDS, sizeof(means[0]), compare_doubles);
    return (struct nba_interval){total / (double)count, means[NBA_BOOTSTRAP_ROUNDS * 25 / 1000],
                                 means[NBA_BOOTSTRAP_ROUNDS * 975 / 1000 - 1]};
}

static int compare_labelled(const void *a, const void *b)
{
    const double x = ((const struct nba_labelled *)a)->score;
    const double y = ((const struct nba_labelled *)b)->score;
    return (x > y) - (x < y);
}

double nba_metric_auc(struct nba_labelled *items, size_t count)
{
    qsort(items, count, sizeof(*items), compare_labelled);
    double positives = 0.0;
    double right = 0.0;
    double negatives = 0.0; /* with a smaller score */
    for (size_t i = 0; i < count;) {
        size_t end = i;
        double ones = 0.0;
        for (; end < count && items[end].score <= items[i].score; end++) {
            ones += items[end].label ? 1.0 : 0.0;
        }
        const double zeros = (double)(end - i) - ones;
        right += ones * (negatives + 0.5 * zeros);
        positives += ones;
        negatives += zeros;
        i = end;
    }
    return positives > 0.0 && negatives > 0.0 ? right / (positives * negatives) : 0.5;
}

double nba_metric_log_loss(const struct nba_labelled *items, size_t count)
{
    double sum = 0.0;
    for (size_t i = 0; i < count; i++) {
        const double p = fmin(fmax(items[i].score, 1e-6), 1.0 - 1e-6);
        sum -= log(items[i].label ? p : 1.0 - p);
    }
    return count > 0 ? sum / (double)count : 0.0;
}
