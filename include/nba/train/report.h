/*
 * What was measured, one line a figure: {data, model, protocol, metric, k, value, lo, hi, n}.
 *
 * This is the list that `nba evaluate --json` prints and that a release's report.json holds.
 * OWNERSHIP.  Texts are static or outlive the report.
 */
#ifndef NBA_TRAIN_REPORT_H
#define NBA_TRAIN_REPORT_H

#include "nba/base/buf.h"
#include "nba/train/metrics.h"
#include "nba/train/ranking.h"

/* Models x protocols x metrics of one run stay far below. */
#define NBA_REPORT_FIGURES_MAX 512u

/* Scores that one model's figures may cost; more queries are thinned evenly, the same for all. */
#define NBA_REPORT_SCORES_MAX ((size_t)1 << 27)

struct nba_figure {
    const char *data, *model, *protocol;
    enum nba_metric metric;
    uint32_t k; /* 0: none */
    struct nba_interval interval;
    size_t n;
};

struct nba_report {
    struct nba_figure figures[NBA_REPORT_FIGURES_MAX];
    size_t count;
};

/* False when the report is full. */
bool nba_report_add(struct nba_report *report, const struct nba_figure *figure);

/* Queries that figures are made of: a copy, thinned to NBA_REPORT_SCORES_MAX; the caller's to free.
 * NULL: out of memory. */
struct nba_query *nba_report_queries(const struct nba_dataset *dataset,
                                     const struct nba_query *queries, size_t count,
                                     size_t *ret_count);

/* Ranks `queries` and adds HR and NDCG at 1, 5, 10 and 20, MRR and AUC. */
NBA_MUST_USE
enum nba_status nba_report_ranking(struct nba_report *report, const struct nba_ranking *ranking,
                                   const struct nba_ranker *ranker, const struct nba_query *queries,
                                   size_t count);

/* AUC and log loss of probabilities under the protocol "touches"; sorts `labelled`. */
void nba_report_touches(struct nba_report *report, const char *data, struct nba_labelled *labelled,
                        size_t count);

/* NULL if it isn't there. */
const struct nba_figure *nba_report_find(const struct nba_report *report, const char *model,
                                         const char *protocol, enum nba_metric metric, uint32_t k);

/* The list as JSON, and as a table of HR@10, NDCG@10, MRR and AUC a line a model and protocol. */
void nba_report_print_json(const struct nba_report *report, struct nba_buf *text);
void nba_report_print_table(const struct nba_report *report, struct nba_buf *text);

#endif
