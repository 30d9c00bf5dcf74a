/* The definitions of the header, in its order. */
#include "nba/score/fusion.h"

#include "nba/linalg/elementary.h"
#include "nba/linalg/reduce.h"

void nba_popularity_scores(const uint32_t *segment, const uint32_t *everyone, size_t count,
                           float *ret_x)
{
    double total = 0.0;
    double segment_total = 0.0;
    for (size_t k = 0; k < count; k++) {
        total += everyone[k];
        segment_total += segment[k];
    }
    for (size_t k = 0; k < count; k++) {
        const double share = (everyone[k] + 1.0) / (total + (double)count);
        const double rate =
            (segment[k] + NBA_POPULARITY_PRIOR * share) / (segment_total + NBA_POPULARITY_PRIOR);
        ret_x[k] = (float)nba_ln(rate);
    }
}

void nba_standardise(const float *x, size_t count, float *ret_z)
{
    const struct nba_moments moments = nba_moments(x, count);
    /* sqrt is exact by IEEE 754, unlike the rest of libm. */
    const double deviation = moments.variance > 0.0 ? __builtin_sqrt(moments.variance) : 0.0;
    const double scale = deviation > 1e-12 ? 1.0 / deviation : 0.0;
    for (size_t k = 0; k < count; k++) {
        ret_z[k] = (float)(((double)x[k] - moments.mean) * scale);
    }
}

struct nba_fused nba_fuse(const struct nba_fusion *fusion, const double z[NBA_MEMBER_COUNT])
{
    struct nba_fused fused = {.score = fusion->b};
    for (size_t m = 0; m < NBA_MEMBER_COUNT; m++) {
        fused.share[m] = fusion->a * fusion->weights[m] * z[m];
        fused.score += fused.share[m];
    }
    return fused;
}

void nba_fuse_cheap(const struct nba_fusion *fusion, const float *z_lstm, const float *z_popularity,
                    size_t count, double *ret_score)
{
    const double lstm = fusion->a * fusion->weights[NBA_MEMBER_LSTM];
    const double popularity = fusion->a * fusion->weights[NBA_MEMBER_POPULARITY];
    const double b = fusion->b;
    if (z_lstm == NULL) {
        for (size_t i = 0; i < count; i++) {
            ret_score[i] = b + popularity * (double)z_popularity[i];
        }
        return;
    }
    for (size_t i = 0; i < count; i++) {
        ret_score[i] = (b + lstm * (double)z_lstm[i]) + popularity * (double)z_popularity[i];
    }
}

struct nba_fusion nba_fusion_cold(const struct nba_fusion *cheap)
{
    struct nba_fusion cold = *cheap;
    double sum = 0.0;
    for (size_t m = 0; m < NBA_MEMBER_COUNT; m++) {
        sum += cheap->weights[m];
        cold.weights[m] = 0.0;
    }
    cold.weights[NBA_MEMBER_POPULARITY] = sum;
    return cold;
}
