#include "nba/train/evaluate.h"

#include <stdlib.h>
#include <string.h>

/* Touches looked at for AUC. */
#define TOUCHES_MAX 200000u

static enum nba_status collect_queries(const struct nba_dataset *d, int64_t from_ms,
                                       struct nba_query **ret_queries, size_t *ret_count)
{
    const size_t all = d->sequence_offset[d->user_count];
    struct nba_query *queries = calloc(all + 1, sizeof(*queries));
    size_t count = 0;
    if (queries == NULL) {
        return NBA_E_NO_MEMORY;
    }
    for (uint32_t u = 0; u < d->user_count; u++) {
        const size_t from = d->sequence_offset[u];
        for (size_t i = from; i < d->sequence_offset[u + 1]; i++) {
            if (d->sequence_time[i] >= from_ms) {
                queries[count++] = (struct nba_query){u, (uint32_t)(i - from)};
            }
        }
    }
    *ret_queries = nba_report_queries(d, queries, count, ret_count);
    free(queries);
    return *ret_queries != NULL ? NBA_OK : NBA_E_NO_MEMORY;
}

static enum nba_status judge_touches(struct nba_members *members, int64_t from_ms,
                                     struct nba_report *report)
{
    const struct nba_split split = {
        .by_time = true, .validation_from_ms = from_ms, .test_from_ms = from_ms};
    struct nba_touch_sample *samples = NULL;
    struct nba_labelled *labelled = NULL;
    size_t count = 0;
    enum nba_status status = nba_touch_samples(members->dataset, &split, NBA_TOUCHES_TEST,
                                               TOUCHES_MAX, &samples, &count);
    if (status == NBA_OK && count > 0) {
        labelled = calloc(count, sizeof(*labelled));
        status = labelled != NULL ? nba_blend_probabilities(members, samples, count, labelled)
                                  : NBA_E_NO_MEMORY;
        if (status == NBA_OK) {
            nba_report_touches(report, members->dataset->name, labelled, count);
        }
    }
    free(samples);
    free(labelled);
    return status;
}

static enum nba_status judge_release(const struct nba_evaluate_config *config,
                                     const struct nba_dataset *dataset,
                                     struct nba_report *ret_report, struct nba_error *error)
{
    struct nba_served *served = NULL;
    struct nba_query *queries = NULL;
    size_t count = 0;
    enum nba_status status = nba_served_create(config->release, dataset, &served, error);
    if (status != NBA_OK) {
        return status;
    }
    struct nba_members *members = nba_served_members(served);
    const struct nba_ranking ranking = {dataset, NBA_PROTOCOL_EXISTING, 0};
    status = collect_queries(dataset, config->from_ms, &queries, &count);
    for (size_t m = 0; status == NBA_OK && m < NBA_MEMBER_COUNT; m++) {
        if (members->rankers[m].score != NULL) {
            status = nba_report_ranking(ret_report, &ranking, &members->rankers[m], queries, count);
        }
    }
    if (status == NBA_OK) {
        const struct nba_ranker fusion = nba_members_fusion_ranker(members);
        status = nba_report_ranking(ret_report, &ranking, &fusion, queries, count);
    }
    if (status == NBA_OK) {
        status = judge_touches(members, config->from_ms, ret_report);
    }
    free(queries);
    nba_served_destroy(served);
    return status == NBA_OK
               ? status
               : nba_error_set(error, status, "evaluation: %s", nba_status_text(status));
}

enum nba_status nba_evaluate_run(const struct nba_evaluate_config *config,
                                 struct nba_dataset *dataset, const struct nba_progress *progress,
                                 struct nba_report *ret_report, struct nba_error *error)
{
    struct nba_report *report = calloc(1, sizeof(*report));
    if (report == NULL) {
        return nba_error_set(error, NBA_E_NO_MEMORY, "out of memory");
    }
    enum nba_status status = NBA_OK;
    if (config->release != NULL) {
        status = judge_release(config, dataset, report, error);
    } else {
        struct nba_training *training = NULL;
        struct nba_train_config train = config->train;
        train.refit = false;
        status = nba_training_run(&train, dataset, progress, &training, error);
        if (status == NBA_OK) {
            *report = *nba_training_report(training);
        }
        nba_training_destroy(training);
    }
    if (status == NBA_OK) {
        *ret_report = *report;
    }
    free(report);
    return status;
}
