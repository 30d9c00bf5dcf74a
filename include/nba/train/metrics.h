/*
 * Ranking and probability metrics, and their bootstrap intervals.
 *
 *   rank     candidates that score strictly better + half of those that score equal
 *   HR@K     1 if rank < K      NDCG@K   1 / log2(rank + 2) if rank < K     MRR  1 / (rank + 1)
 *   AUC      of a rank: 1 - rank / candidates; of labelled scores: the share of (1, 0) pairs in the
 *            right order, ties half
 *   log loss -mean(y log p + (1 - y) log(1 - p)), p kept 1e-6 from 0 and 1
 *   accuracy, precision, recall, F1 of "p >= 1/2"; 0 where nothing is divided by nothing
 *   calibration error   |mean p - mean y| of each tenth of p, weighed by how many are in it
 *            (C. Guo et al., "On Calibration of Modern Neural Networks", ICML 2017)
 *
 * INTERVALS.  95 %, percentiles of the mean over NBA_BOOTSTRAP_ROUNDS resamples, drawn by a fixed
 * seed; what is drawn is a user with all of its values, since one user's are alike (B. Efron,
 * R. Tibshirani, "An introduction to the bootstrap", 1993).
 */
#ifndef NBA_TRAIN_METRICS_H
#define NBA_TRAIN_METRICS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NBA_BOOTSTRAP_ROUNDS 1000u

enum nba_metric {
    NBA_METRIC_HR,
    NBA_METRIC_NDCG,
    NBA_METRIC_MRR,
    NBA_METRIC_AUC,
    NBA_METRIC_LOG_LOSS,
    NBA_METRIC_ACCURACY,
    NBA_METRIC_PRECISION,
    NBA_METRIC_RECALL,
    NBA_METRIC_F1,
    NBA_METRIC_CALIBRATION_ERROR,
    NBA_METRIC_UNIT_HITS, /* and the next two: nba/train/unit_hits.h */
    NBA_METRIC_TYPE_SHARE,
    NBA_METRIC_COSINE,
    NBA_METRIC_OVERLAP, /* of two lists, the share that is in both */
    NBA_METRIC_WEIGHT,  /* not measured: a member's in the fusion */
};
const char *nba_metric_name(enum nba_metric metric); /* "hr", "ndcg", "mrr", "auc"... */

/* What one query's rank is worth; k is not looked at for MRR. */
double nba_metric_of_rank(enum nba_metric metric, uint32_t k, double rank);
double nba_metric_mean(enum nba_metric metric, uint32_t k, const double *ranks, size_t count);

struct nba_interval {
    double value, lo, hi;
};
/* Of the mean of `values`; users[i] is whose values[i] is, a user's stand together; NULL: each is
 * another's.  A count of 0 gives zeros. */
struct nba_interval nba_metric_interval(const double *values, const uint32_t *users, size_t count);

struct nba_labelled {
    double score;
    bool label;
};
/* Sorts `items`.  0.5 when one label is missing. */
double nba_metric_auc(struct nba_labelled *items, size_t count);
/* Scores are probabilities. */
double nba_metric_log_loss(const struct nba_labelled *items, size_t count);
double nba_metric_calibration_error(const struct nba_labelled *items, size_t count);
/* ACCURACY, PRECISION, RECALL or F1, with its bootstrap interval. */
struct nba_interval nba_metric_pointwise(enum nba_metric metric, const struct nba_labelled *items,
                                         size_t count);

#endif
