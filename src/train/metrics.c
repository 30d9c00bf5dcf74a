#include "nba/train/metrics.h"

#include <math.h>
#include <stdlib.h>

#include "nba/base/assert.h"
#include "nba/base/memory.h"
#include "nba/base/random.h"

#define BOOTSTRAP_SEED 20250101u

const char *nba_metric_name(enum nba_metric metric)
{
    static const char *const names[] = {
        "hr",        "ndcg",       "mrr",    "auc",     "log_loss",
        "accuracy",  "precision",  "recall", "f1",      "calibration_error",
        "unit_hits", "type_share", "cosine", "overlap", "weight"};
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

struct nba_interval nba_metric_interval(const double *values, const uint32_t *users, size_t count)
{
    double means[NBA_BOOTSTRAP_ROUNDS];
    struct nba_rng rng = nba_rng(BOOTSTRAP_SEED);
    double *sums = nba_zeros(2 * count, sizeof(*sums)); /* a user each, then how many values */
    double *sizes = sums + count;
    size_t drawn = 0;
    double total = 0.0;
    for (size_t i = 0; i < count; i++) {
        drawn += i == 0 || users == NULL || users[i] != users[i - 1] ? 1 : 0;
        sums[drawn - 1] += values[i];
        sizes[drawn - 1] += 1.0;
        total += values[i];
    }
    for (size_t round = 0; count > 0 && round < NBA_BOOTSTRAP_ROUNDS; round++) {
        double sum = 0.0;
        double size = 0.0;
        for (size_t i = 0; i < drawn; i++) {
            const size_t user = nba_rng_below(&rng, drawn);
            sum += sums[user];
            size += sizes[user];
        }
        means[round] = sum / size;
    }
    free(sums);
    if (count == 0) {
        return (struct nba_interval){0.0, 0.0, 0.0};
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

double nba_metric_calibration_error(const struct nba_labelled *items, size_t count)
{
    enum { BINS = 10 };
    double gap[BINS] = {0};
    double sum = 0.0;
    for (size_t i = 0; i < count; i++) {
        const size_t bin = items[i].score < 1.0 ? (size_t)(items[i].score * BINS) : BINS - 1;
        gap[bin] += items[i].score - (items[i].label ? 1.0 : 0.0);
    }
    for (size_t bin = 0; bin < BINS; bin++) {
        sum += fabs(gap[bin]);
    }
    return count > 0 ? sum / (double)count : 0.0;
}

/* How often it was said and so; cells by 2 said + label. */
static double pointwise_of(enum nba_metric metric, const double cells[4])
{
    const double right = cells[3];
    const double parts[][2] = {
        [NBA_METRIC_ACCURACY] = {cells[0] + right, cells[0] + cells[1] + cells[2] + right},
        [NBA_METRIC_PRECISION] = {right, cells[2] + right},
        [NBA_METRIC_RECALL] = {right, cells[1] + right},
        [NBA_METRIC_F1] = {2.0 * right, cells[1] + cells[2] + 2.0 * right},
    };
    return parts[metric][1] > 0.0 ? parts[metric][0] / parts[metric][1] : 0.0;
}

struct nba_interval nba_metric_pointwise(enum nba_metric metric, const struct nba_labelled *items,
                                         size_t count)
{
    double values[NBA_BOOTSTRAP_ROUNDS];
    struct nba_rng rng = nba_rng(BOOTSTRAP_SEED);
    double all[4] = {0};
    NBA_ASSERT(metric >= NBA_METRIC_ACCURACY && metric <= NBA_METRIC_F1);
    if (count == 0) {
        return (struct nba_interval){0.0, 0.0, 0.0};
    }
    for (size_t i = 0; i < count; i++) {
        all[(items[i].score >= 0.5 ? 2 : 0) + (items[i].label ? 1 : 0)] += 1.0;
    }
    for (size_t round = 0; round < NBA_BOOTSTRAP_ROUNDS; round++) {
        double cells[4] = {0};
        for (size_t i = 0; i < count; i++) {
            const struct nba_labelled *item = &items[nba_rng_below(&rng, count)];
            cells[(item->score >= 0.5 ? 2 : 0) + (item->label ? 1 : 0)] += 1.0;
        }
        values[round] = pointwise_of(metric, cells);
    }
    qsort(values, NBA_BOOTSTRAP_ROUNDS, sizeof(values[0]), compare_doubles);
    return (struct nba_interval){pointwise_of(metric, all),
                                 values[NBA_BOOTSTRAP_ROUNDS * 25 / 1000],
                                 values[NBA_BOOTSTRAP_ROUNDS * 975 / 1000 - 1]};
}
