/* The definitions of the header, in its order. */
#include "nba/score/fusion.h"

#include "nba/base/vector.h"
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

NBA_VECTOR_BODY scale_by_body(const float *x, size_t count, double mean, double scale, float *ret_z)
{
    for (size_t k = 0; k < count; k++) {
        ret_z[k] = (float)(((double)x[k] - mean) * scale);
    }
}
NBA_VECTOR_FORMS(scale_by, (const float *x, size_t count, double mean, double scale, float *ret_z),
                 (x, count, mean, scale, ret_z))

void nba_standardise(const float *x, size_t count, float *ret_z)
{
    const struct nba_moments moments = nba_moments(x, count);
    /* sqrt is exact by IEEE 754, unlike the rest of libm. */
    const double deviation = moments.variance > 0.0 ? __builtin_sqrt(moments.variance) : 0.0;
    const double scale = deviation > 1e-12 ? 1.0 / deviation : 0.0;
    scale_by(x, count, moments.mean, scale, ret_z);
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

NBA_VECTOR_BODY add_first_body(double b, double weight, const float *restrict z, size_t count,
                               double *restrict ret_score)
{
    for (size_t i = 0; i < count; i++) {
        ret_score[i] = b + weight * (double)z[i];
    }
}
NBA_VECTOR_FORMS(add_first,
                 (double b, double weight, const float *restrict z, size_t count,
                  double *restrict ret_score),
                 (b, weight, z, count, ret_score))

NBA_VECTOR_BODY add_next_body(double weight, const float *restrict z, size_t count,
                              double *restrict score)
{
    for (size_t i = 0; i < count; i++) {
        score[i] += weight * (double)z[i];
    }
}
NBA_VECTOR_FORMS(add_next,
                 (double weight, const float *restrict z, size_t count, double *restrict score),
                 (weight, z, count, score))

void nba_fuse_cheap(const struct nba_fusion *fusion, const float *const z[NBA_MEMBER_COUNT],
                    size_t count, double *ret_score)
{
    bool any = false;
    for (size_t m = 0; m < NBA_MEMBER_COUNT; m++) {
        const double weight = fusion->a * fusion->weights[m];
        if (z[m] == NULL || fusion->weights[m] <= 0.0) {
            continue;
        }
        if (any) {
            add_next(weight, z[m], count, ret_score);
        } else {
            add_first(fusion->b, weight, z[m], count, ret_score);
        }
        any = true;
    }
    for (size_t i = 0; !any && i < count; i++) {
        ret_score[i] = fusion->b;
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

double nba_engagement_offset(const struct nba_calibrator *calibrator, enum nba_channel channel,
                             double channel_rate, uint32_t week_events)
{
    const double *w = calibrator->weights;
    return calibrator->channel[channel] + w[NBA_ENGAGEMENT_CHANNEL_RATE] * nba_logit(channel_rate) +
           w[NBA_ENGAGEMENT_WEEK_EVENTS] * ((double)week_events / 8.0);
}
