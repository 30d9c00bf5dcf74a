#include "nba/train/report.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "nba/base/assert.h"
#include "nba/base/memory.h"
#include "nba/score/score.h"

void nba_report_add(struct nba_report *report, const struct nba_figure *figure)
{
    NBA_ASSERT(report->count < NBA_REPORT_FIGURES_MAX);
    report->figures[report->count++] = *figure;
}

/* The queries' ranks, and room for what they are worth. */
struct judged {
    const double *ranks;
    const uint32_t *users;
    double *values;
    size_t count;
};

static void add_metric(struct nba_report *report, const struct nba_figure *head,
                       const struct judged *judged)
{
    struct nba_figure figure = *head;
    for (size_t i = 0; i < judged->count; i++) {
        judged->values[i] = nba_metric_of_rank(head->metric, head->k, judged->ranks[i]);
    }
    figure.interval = nba_metric_interval(judged->values, judged->users, judged->count);
    nba_report_add(report, &figure);
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
    uint32_t *users = nba_zeros(count, sizeof(*users));
    const struct judged judged = {ranks, users, values, count};
    for (size_t i = 0; nba_ranks_next(&each); i++) {
        ranks[i] = each.rank;
        users[i] = each.query.user;
        aucs[i] = each.candidates > 0 ? 1.0 - each.rank / (double)each.candidates : 0.5;
    }
    struct nba_figure head = {.data = ranking->dataset->name,
                              .model = ranker->name,
                              .protocol = nba_protocol_name(ranking->protocol),
                              .n = count};
    for (size_t i = 0; i < NBA_ARRAY_COUNT(ks); i++) {
        head.k = ks[i];
        head.metric = NBA_METRIC_HR;
        add_metric(report, &head, &judged);
        head.metric = NBA_METRIC_NDCG;
        add_metric(report, &head, &judged);
    }
    head.k = 0;
    head.metric = NBA_METRIC_MRR;
    add_metric(report, &head, &judged);
    head.metric = NBA_METRIC_AUC;
    head.interval = nba_metric_interval(aucs, users, count);
    nba_report_add(report, &head);
    free(users);
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
    nba_report_add(report, &figure);
    for (size_t i = 0; i < count; i++) {
        losses[i] = nba_metric_log_loss(&labelled[i], 1);
    }
    figure.metric = NBA_METRIC_LOG_LOSS;
    figure.interval = nba_metric_interval(losses, NULL, count);
    nba_report_add(report, &figure);
    for (int m = NBA_METRIC_ACCURACY; m <= NBA_METRIC_F1; m++) {
        figure.metric = (enum nba_metric)m;
        figure.interval = nba_metric_pointwise(figure.metric, labelled, count);
        nba_report_add(report, &figure);
    }
    const double gap = nba_metric_calibration_error(labelled, count);
    figure.metric = NBA_METRIC_CALIBRATION_ERROR;
    figure.interval = (struct nba_interval){gap, gap, gap};
    nba_report_add(report, &figure);
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

void nba_report_weights(struct nba_report *report, const struct nba_members *members)
{
    const bool ncf = members->rankers[NBA_MEMBER_NCF].score != NULL;
    for (int kind = 0; kind < (ncf ? NBA_FUSION_COUNT : NBA_FUSION_FULL); kind++) {
        for (int m = 0; m < NBA_MEMBER_COUNT; m++) {
            const double weight = members->blend.fusion[kind].weights[m];
            const struct nba_figure figure = {
                .data = members->dataset->name,
                .model = nba_fusion_member_name((enum nba_fusion_member)m),
                .protocol = kind == NBA_FUSION_CHEAP ? "cheap" : "full",
                .metric = NBA_METRIC_WEIGHT,
                .interval = {weight, weight, weight}};
            if (members->rankers[m].score != NULL) {
                nba_report_add(report, &figure);
            }
        }
    }
}

/* The figure of another model, protocol, metric and k, of the same unit. */
static const struct nba_figure *find_like(const struct nba_report *report,
                                          const struct nba_figure *like)
{
    for (size_t i = 0; i < report->count; i++) {
        const struct nba_figure *f = &report->figures[i];
        if (f->metric == like->metric && f->k == like->k && nba_str_equal(f->unit, like->unit) &&
            strcmp(f->model, like->model) == 0 && strcmp(f->protocol, like->protocol) == 0) {
            return f;
        }
    }
    return NULL;
}

const struct nba_figure *nba_report_find(const struct nba_report *report, const char *model,
                                         const char *protocol, enum nba_metric metric, uint32_t k)
{
    const struct nba_figure like = {.model = model, .protocol = protocol, .metric = metric, .k = k};
    return find_like(report, &like);
}

static const char *const baselines[] = {"popularity", "knn"};

/* How much more the figure is than the baseline's, in percent; false: there is none to compare. */
static bool difference(const struct nba_report *report, const struct nba_figure *f,
                       const char *baseline, double *ret_percent)
{
    struct nba_figure like = *f;
    like.model = baseline;
    const struct nba_figure *base = find_like(report, &like);
    if (base == NULL || base == f || f->metric == NBA_METRIC_WEIGHT ||
        base->interval.value <= 0.0) {
        return false;
    }
    *ret_percent = 100.0 * (f->interval.value / base->interval.value - 1.0);
    return true;
}

void nba_report_print_json(const struct nba_report *report, struct nba_buf *text)
{
    nba_buf_printf(text, "[");
    for (size_t i = 0; i < report->count; i++) {
        const struct nba_figure *f = &report->figures[i];
        double percent = 0.0;
        nba_buf_printf(text,
                       "%s\n{\"data\":\"%s\",\"model\":\"%s\",\"protocol\":\"%s\","
                       "\"metric\":\"%s\",\"k\":%u,\"value\":%.6f,\"lo\":%.6f,\"hi\":%.6f,"
                       "\"n\":%zu",
                       i > 0 ? "," : "", f->data, f->model, f->protocol, nba_metric_name(f->metric),
                       f->k, f->interval.value, f->interval.lo, f->interval.hi, f->n);
        for (size_t b = 0; b < NBA_ARRAY_COUNT(baselines); b++) {
            if (difference(report, f, baselines[b], &percent)) {
                nba_buf_printf(text, ",\"%s_percent\":%.2f", baselines[b], percent);
            }
        }
        if (!nba_str_empty(f->unit)) {
            nba_buf_append_str(text, nba_str_of(",\"unit\":"));
            nba_buf_append_quoted(text, f->unit);
        }
        nba_buf_printf(text, "}");
    }
    nba_buf_printf(text, "\n]");
}

static double value_of(const struct nba_report *report, const struct nba_figure *like,
                       enum nba_metric metric, uint32_t k)
{
    const struct nba_figure *f = nba_report_find(report, like->model, like->protocol, metric, k);
    return f != NULL ? f->interval.value : 0.0;
}

/* "0.1105 [.0962, .1251]" */
static void print_interval(const struct nba_figure *f, struct nba_buf *text)
{
    nba_buf_printf(text, "  %6.4f [%.4f, %.4f]", f->interval.value, f->interval.lo, f->interval.hi);
}

static void print_row(const struct nba_report *report, const struct nba_figure *f,
                      struct nba_buf *text)
{
    nba_buf_printf(text, "%-18s %-23s %-12s", f->data, nba_score_model_label(f->model),
                   f->protocol);
    print_interval(nba_report_find(report, f->model, f->protocol, NBA_METRIC_HR, 10), text);
    print_interval(f, text);
    for (size_t b = 0; b < NBA_ARRAY_COUNT(baselines); b++) {
        double percent = 0.0;
        if (difference(report, f, baselines[b], &percent)) {
            nba_buf_printf(text, " %+9.1f", percent);
        } else {
            nba_buf_printf(text, " %9s", "-");
        }
    }
    nba_buf_printf(text, " %7.4f %7.4f %8zu\n", value_of(report, f, NBA_METRIC_MRR, 0),
                   value_of(report, f, NBA_METRIC_AUC, 0), f->n);
}

/* One line for all units together, those of one behind it. */
static void print_unit(const struct nba_figure *f, struct nba_buf *text)
{
    if (nba_str_empty(f->unit)) {
        nba_buf_printf(text, "%-18s %-23s %-12s %s", f->data, nba_score_model_label(f->model),
                       f->protocol, nba_metric_name(f->metric));
        print_interval(f, text);
        nba_buf_printf(text, "  n %zu\n", f->n);
    } else {
        nba_buf_printf(text, "%18s %-36.*s %s", "", NBA_STR_ARG(f->unit),
                       nba_metric_name(f->metric));
        print_interval(f, text);
        nba_buf_printf(text, "  n %zu\n", f->n);
    }
}

void nba_report_print_table(const struct nba_report *report, struct nba_buf *text)
{
    nba_buf_printf(text, "%-18s %-23s %-12s  %-23s  %-23s %9s %9s %7s %7s %8s\n", "data", "model",
                   "protocol", "HR@10 [95 %]", "NDCG@10 [95 %]", "% to pop", "% to knn", "MRR",
                   "AUC", "n");
    for (size_t i = 0; i < report->count; i++) {
        const struct nba_figure *f = &report->figures[i];
        if (f->metric == NBA_METRIC_NDCG && f->k == 10) {
            print_row(report, f, text);
        }
    }
    for (size_t i = 0; i < report->count; i++) {
        const struct nba_figure *f = &report->figures[i];
        if (strcmp(f->protocol, "touches") == 0) {
            nba_buf_printf(text, "%-18s %-23s %-12s %s %.4f  n %zu\n", f->data, f->model,
                           f->protocol, nba_metric_name(f->metric), f->interval.value, f->n);
        } else if (f->metric == NBA_METRIC_WEIGHT) {
            nba_buf_printf(text, "%-18s %-23s %-12s weight %g\n", f->data,
                           nba_score_model_label(f->model), f->protocol, f->interval.value);
        }
    }
    for (size_t i = 0; i < report->count; i++) {
        if (report->figures[i].metric == NBA_METRIC_UNIT_HITS ||
            report->figures[i].metric == NBA_METRIC_TYPE_SHARE ||
            report->figures[i].metric == NBA_METRIC_COSINE) {
            print_unit(&report->figures[i], text);
        }
    }
}
