/*
 * From member scores to one score: standardise, weigh, calibrate.  Pure functions on arrays, used
 * by the scorer on every event and by training when it fits the weights, so that both mean the
 * same.
 *
 * DEFINITION (x = raw scores of a member over the contents it knows, in the catalogue's order)
 *
 *   z       = (x - mean) / standard deviation (population); 0 where the deviation is 0
 *   cheap   = sum of w_m z_m over every member but NCF     over every content
 *   full    = sum of v_m z_m over all members              over the NCF set: the n best by cheap;
 *             z_ncf is standardised within this set, the others as before
 *   score   = a cheap + b    or    a' full + b'        log-odds of an engagement
 *
 *   P(k, ch) = sigmoid(score + b_ch + w . x)                           of an engagement, with
 *     channel_rate   logit of the HCP's smoothed rate on the channel (nba_hcp_channel_rate)
 *     content_rate   how much more, or less, often the content is engaged with than others when it
 *                    is brought to the HCP's specialty: logit r(s, k) - logit r, with
 *                      r = (e + 1) / (n + 2)        of all touches that were answered or not
 *                      r(k) = (e(k) + M r) / (n(k) + M)
 *                      r(s, k) = (e(s, k) + M r') / (n(s, k) + M)
 *                    M = NBA_CONTENT_RATE_PRIOR, r' = r(k), in log-odds raised or lowered as much
 *                    as k's unit (its brand, business unit or field; where there is one) does
 *                    better or worse in the specialty than with everyone; in the release, 0 for
 *                    what it doesn't know
 *     week_events    events of the HCP in the last seven days / 8 (nba_hcp_week_events): fatigue
 *
 * Popularity's raw score of content k in segment s: log of the share an empirical Bayes estimate
 * gives it, the segment's counts shrunk to everyone's by NBA_POPULARITY_PRIOR engagements:
 *
 *   x(k) = log((count_s(k) + M p(k)) / (total_s + M)),  p(k) = (count(k) + 1) / (total + K)
 *
 * A cold HCP (nothing in the window that the models know) has z = 0 everywhere but popularity's and
 * is ranked by that alone: w_popularity becomes the sum of all cheap weights, so that a fusion
 * which gives popularity nothing still ranks a newcomer.
 *
 * THREADS.  Pure.
 */
#ifndef NBA_SCORE_FUSION_H
#define NBA_SCORE_FUSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "nba/release/release.h"

/* Engagements that everyone's taste counts for in a segment's. */
#define NBA_POPULARITY_PRIOR 100.0
/* Touches that all specialties' rate counts for in one specialty's, and everything's in a
 * content's. */
#define NBA_CONTENT_RATE_PRIOR 20.0

/* ret_x[k], k < count; `segment` and `everyone` hold counts by content. */
void nba_popularity_scores(const uint32_t *segment, const uint32_t *everyone, size_t count,
                           float *ret_x);

/* ret_z = standardised x; they may be the same array. */
void nba_standardise(const float *x, size_t count, float *ret_z);

/* Log-odds and each member's part of them for one content; z[m] by enum nba_fusion_member, 0 if
 * unknown. */
struct nba_fused {
    double score;
    double share[NBA_MEMBER_COUNT];
};
struct nba_fused nba_fuse(const struct nba_fusion *fusion, const double z[NBA_MEMBER_COUNT]);
/* The same bits for `count` contents that NCF has no opinion of, several at a time; z[m] (count),
 * or NULL: 0. */
void nba_fuse_cheap(const struct nba_fusion *fusion, const float *const z[NBA_MEMBER_COUNT],
                    size_t count, double *ret_score);

/* b_ch + w . x without the content's part. */
double nba_engagement_offset(const struct nba_calibrator *calibrator, enum nba_channel channel,
                             double channel_rate, uint32_t week_events);

/* The cheap fusion of a cold HCP. */
struct nba_fusion nba_fusion_cold(const struct nba_fusion *cheap);

#endif
