/*
 * What was measured, one line a figure: {data, model, protocol, metric, k, value, lo, hi, n}, and
 * its differences in percent to the same figure of popularity and of item-kNN, where these were
 * judged.
 *
 * This is the list that `nba evaluate --json` prints and that a release's report.json holds.
 * OWNERSHIP.  Texts are static or outlive the report.
 */
#ifndef NBA_TRAIN_REPORT_H
#define NBA_TRAIN_REPORT_H

#include "nba/base/buf.h"
#include "nba/train/blend.h"

/* Models x protocols x metrics of one run stay far below. */
#define NBA_REPORT_FIGURES_MAX 1024u

/* Scores that one model's figures may cost; more queries are thinned evenly, the same for all. */
#define NBA_REPORT_SCORES_MAX ((size_t)1 << 28)
/* Touches that AUC and what else is said of probabilities are of, thinned evenly. */
#define NBA_REPORT_TOUCHES_MAX 200000u

struct nba_figure {
    const char *data, *model, *protocol;
    enum nba_metric metric;
    uint32_t k; /* 0: none */
    struct nba_interval interval;
    size_t n;
    struct nba_str unit; /* what it is of; empty: of all */
};

struct nba_report {
    struct nba_figure figures[NBA_REPORT_FIGURES_MAX];
    size_t count;
};

void nba_report_add(struct nba_report *report, const struct nba_figure *figure);

/* Ranks `queries` by every member and by `more` rankers, and adds for each HR and NDCG at 1, 5, 10
 * and 20, MRR and AUC. */
void nba_report_members(struct nba_report *report, const struct nba_ranking *ranking,
                        const struct nba_members *members, const struct nba_ranker *more,
                        size_t more_count, const struct nba_query *queries, size_t count);

/* AUC and log loss of P over a part's touches, at most `most`, under the protocol "touches"; none
 * when all were answered alike. */
void nba_report_touches(struct nba_report *report, struct nba_members *members,
                        const struct nba_split *split, enum nba_touch_part part, size_t most);

/* Each member's weight under the protocols "cheap" and (with NCF) "full", figures without n. */
void nba_report_weights(struct nba_report *report, const struct nba_members *members);

/* Of all units; NULL if it isn't there. */
const struct nba_figure *nba_report_find(const struct nba_report *report, const char *model,
                                         const char *protocol, enum nba_metric metric, uint32_t k);

/* The list as JSON, and as a table of HR@10, NDCG@10 (with intervals, and with its differences to
 * popularity and item-kNN), MRR and AUC, a line a model and protocol;
 * then what is said of probabilities, and the fusion's weights. */
void nba_report_print_json(const struct nba_report *report, struct nba_buf *text);
void nba_report_print_table(const struct nba_report *report, struct nba_buf *text);

#endif
