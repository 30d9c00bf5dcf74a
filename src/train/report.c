#include "nba/train/report.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "nba/base/assert.h"
#include "nba/base/memory.h"
#include "nba/score/score.h"

static void add_figure(struct nba_report *report, const struct nba_figure *figure)
{
    NBA_ASSERT(report->count < NBA_REPORT_FIGURES_MAX);
    report->figures[report->count++] = *figure;
}

static void add_metric(struct nba_report *report, const struct nba_figure *head,
                       const double *ranks, double *scratch, size_t count)
{
    struct nba_figure figure = *head;
    for (size_t i = 0; i < count; i++) {
        scratch[i] = nba_metric_of_rank(head->metric, head->k, ranks[i]);
    }
    figure.interval = nba_metric_interval(scratch, count);
    add_figure(report, &figure);
}

static void report_ranker(struct nba_report *report, const struct nba_ranking *ranking,
                          const struct nba_ranker *ranker, const struct nba_query *queries,
                          size_t count)
{
    static const uint32_t ks[] = {1, 5, 10, 20};
    struct nba_ranks each = nba_ranks(ranking, ranker, queries, count);
    double *values = nba_zeros(3 * count, sizeof(*values));
    double *ranks = values + count;
    double *aucs = values + 2 * count;
    for (size_t i = 0; nba_ranks_next(&each); i++) {
        ranks[i] = each.rank;
        aucs[i] = each.candidates > 0 ? 1.0 - each.rank / (double)each.candidates : 0.5;
    }
    struct nba_figure head = {.data = ranking->dataset->name,
                              .model = ranker->name,
                              .protocol = nba_protocol_name(ranking->protocol),
                              .n = count};
    for (size_t i = 0; i < NBA_ARRAY_COUNT(ks); i++) {
        head.k = ks[i];
        head.metric = NBA_METRIC_HR;
        add_metric(report, &head, ranks, values, count);
        head.metric = NBA_METRIC_NDCG;
        add_metric(report, &head, ranks, values, count);
    }
    head.k = 0;
    head.metric = NBA_METRIC_MRR;
    add_metric(report, &head, ranks, values, count);
    head.metric = NBA_METRIC_AUC;
    head.interval = nba_metric_interval(aucs, count);
    add_figure(report, &head);
    free(values);
}

void nba_report_members(struct nba_report *report, const struct nba_ranking *ranking,
                        const struct nba_members *members, const struct nba_ranker *more,
                        size_t more_count, const struct nba_query *queries, size_t count)
{
    for (size_t m = 0; m < NBA_MEMBER_COUNT; m++) {
        if (members->rankers[m].score != NULL) {
            report_ranker(report, ranking, &members->rankers[m], queries, count);
        }
    }
    for (size_t i = 0; i < more_count; i++) {
        report_ranker(report, ranking, &more[i], queries, count);
    }
}

/* Hanley and McNeil's standard error of an AUC (Radiology 143, 1982). */
static struct nba_interval auc_interval(double auc, double ones, double zeros)
{
    const double q1 = auc / (2.0 - auc);
    const double q2 = 2.0 * auc * auc / (1.0 + auc);
    const double variance =
        (auc * (1.0 - auc) + (ones - 1.0) * (q1 - auc * auc) + (zeros - 1.0) * (q2 - auc * auc)) /
        (ones * zeros);
    const double half = 1.96 * sqrt(variance > 0.0 ? variance : 0.0);
    return (struct nba_interval){auc, auc - half, auc + half};
}

/* Sorts `labelled`; `losses` (count) is scratch. */
static void add_probabilities(struct nba_report *report, const char *data,
                              struct nba_labelled *labelled, double *losses, size_t count)
{
    struct nba_figure figure = {
        .data = data, .model = "propensity", .protocol = "touches", .n = count};
    double ones = 0.0;
    for (size_t i = 0; i < count; i++) {
        ones += labelled[i].label ? 1.0 : 0.0;
    }
    if (ones < 1.0 || ones > (double)count - 1.0) {
        return;
    }
    figure.metric = NBA_METRIC_AUC;
    figure.interval = auc_interval(nba_metric_auc(labelled, count), ones, (double)count - ones);
    add_figure(report, &figure);
    for (size_t i = 0; i < count; i++) {
        losses[i] = nba_metric_log_loss(&labelled[i], 1);
    }
    figure.metric = NBA_METRIC_LOG_LOSS;
    figure.interval = nba_metric_interval(losses, count);
    add_figure(report, &figure);
    for (int m = NBA_METRIC_ACCURACY; m <= NBA_METRIC_F1; m++) {
        figure.metric = (enum nba_metric)m;
        figure.interval = nba_metric_pointwise(figure.metric, labelled, count);
        add_figure(report, &figure);
    }
    const double gap = nba_metric_calibration_error(labelled, count);
    figure.metric = NBA_METRIC_CALIBRATION_ERROR;
    figure.interval = (struct nba_interval){gap, gap, gap};
    add_figure(report, &figure);
}

void nba_report_touches(struct nba_report *report, struct nba_members *members,
                        const struct nba_split *split, enum nba_touch_part part, size_t most)
{
    size_t count = 0;
    struct nba_touch_sample *samples =
        nba_touch_samples(members->dataset, split, part, most, &count);
    struct nba_labelled *labelled = nba_zeros(count, sizeof(*labelled));
    double *losses = nba_zeros(count, sizeof(*losses));
    nba_blend_probabilities(members, samples, count, labelled);
    add_probabilities(report, members->dataset->name, labelled, losses, count);
    free(samples);
    free(labelled);
    free(losses);
}

const struct nba_figure *nba_report_find(const struct nba_report *report, const char *model,
                                         const char *protocol, enum nba_metric metric, uint32_t k)
{
    for (size_t i = 0; i < report->count; i++) {
        const struct nba_figure *f = &report->figures[i];
        if (f->metric == metric && f->k == k && strcmp(f->model, model) == 0 &&
            strcmp(f->protocol, protocol) == 0) {
            return f;
        }
    }
    return NULL;
}

void nba_report_print_json(const struct nba_report *report, struct nba_buf *text)
{
    nba_buf_printf(text, "[");
    for (size_t i = 0; i < report->count; i++) {
        const struct nba_figure *f = &report->figures[i];
        nba_buf_printf(text,
                       "%s\n{\"data\":\"%s\",\"model\":\"%s\",\"protocol\":\"%s\","
                       "\"metric\":\"%s\",\"k\":%u,\"value\":%.6f,\"lo\":%.6f,\"hi\":%.6f,"
                       "\"n\":%zu}",
                       i > 0 ? "," : "", f->data, f->model, f->protocol, nba_metric_name(f->metric),
                       f->k, f->interval.value, f->interval.lo, f->interval.hi, f->n);
    }
    nba_buf_printf(text, "\n]");
}

static double value_of(const struct nba_report *report, const struct nba_figure *like,
                       enum nba_metric metric, uint32_t k)
{
    const struct nba_figure *f = nba_report_find(report, like->model, like->protocol, metric, k);
    return f != NULL ? f->interval.value : 0.0;
}

void nba_report_print_table(const struct nba_report *report, struct nba_buf *text)
{
    nba_buf_printf(text, "%-14s %-23s %-12s %7s %8s %17s %7s %7s %8s\n", "data", "model",
                   "protocol", "HR@10", "NDCG@10", "95 %", "MRR", "AUC", "n");
    for (size_t i = 0; i < report->count; i++) {
        const struct nba_figure *f = &report->figures[i];
        if (f->metric == NBA_METRIC_NDCG && f->k == 10) {
            nba_buf_printf(text, "%-14s %-23s %-12s %7.4f %8.4f  [%.4f, %.4f] %7.4f %7.4f %8zu\n",
                           f->data, nba_score_model_label(f->model), f->protocol,
                           value_of(report, f, NBA_METRIC_HR, 10), f->interval.value,
                           f->interval.lo, f->interval.hi, value_of(report, f, NBA_METRIC_MRR, 0),
                           value_of(report, f, NBA_METRIC_AUC, 0), f->n);
        }
    }
    for (size_t i = 0; i < report->count; i++) {
        const struct nba_figure *f = &report->figures[i];
        if (strcmp(f->protocol, "touches") == 0) {
            nba_buf_printf(text, "%-14s %-23s %-12s %s %.4f  n %zu\n", f->data, f->model,
                           f->protocol, nba_metric_name(f->metric), f->interval.value, f->n);
        }
    }
}
