/* A training owns everything that was made on the road; the release is written from it. */
#include "nba/train/train.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nba/base/memory.h"
#include "nba/linalg/blas.h"
#include "nba/score/scorer.h"
#include "nba/train/content_rate.h"
#include "nba/train/unit_hits.h"
#include "nba/train/warm_start.h"

/* One model; its ranker has no score where it wasn't trained. */
struct fitted {
    struct nba_learner learner; /* by gradients; without parameters: not trained */
    struct nba_learned learned;
    struct nba_counted counted; /* by counting */
    struct nba_arena pool;      /* its arrays */
    struct nba_ranker ranker;
};

struct training {
    struct nba_training shown; /* first */
    struct nba_arena pool;
    struct nba_train_config config;
    struct nba_dataset *dataset;
    const struct nba_progress *progress;
    struct nba_split split;
    struct nba_popularity popularity;
    float *content_rate;
    struct fitted fitted[NBA_MODEL_COUNT];
    struct nba_members members;
    struct nba_learned again; /* of what is refitted */
};

struct nba_train_config nba_train_config(void)
{
    return (struct nba_train_config){
        .split = NBA_SPLIT_TIME,
        .train_share = 0.9,
        .validation_share = 0.1,
        .wanted = {[NBA_MODEL_LSTM] = true, [NBA_MODEL_NCF] = true},
        .refit = true,
        .window_events = 64,
        .seed = 1,
        .lstm_options = nba_lstm_options(),
        .ncf_options = nba_ncf_options(),
        .item_item_options = {[NBA_ITEM_ITEM_EASE] = nba_item_item_options(NBA_ITEM_ITEM_EASE),
                              [NBA_ITEM_ITEM_KNN] = nba_item_item_options(NBA_ITEM_ITEM_KNN),
                              [NBA_ITEM_ITEM_RULES] = nba_item_item_options(NBA_ITEM_ITEM_RULES)},
        .asset_weights = "",
        .engine_version = "",
    };
}

void nba_training_destroy(struct nba_training *training)
{
    struct training *t = (struct training *)training;
    if (t != NULL) {
        for (size_t m = 0; m < NBA_MODEL_COUNT; m++) {
            nba_parameters_destroy(t->fitted[m].learner.parameters);
            nba_arena_clear(&t->fitted[m].pool);
        }
        nba_arena_clear(&t->pool);
        free(t);
    }
}

/* ---- the models ---- */

/* What a warm start was trained on can't choose anything: validation is what came after.  Where
 * that is too little, models start from chance. */
static void keep_init_from_validation(struct training *t)
{
    const struct nba_dataset *d = t->dataset;
    const int64_t seen_ms = nba_gate_learned_to_ms(t->config.init);
    const size_t count = d->sequence_offset[d->user_count];
    size_t seen = 0;
    for (size_t i = 0; i < count; i++) {
        seen += d->sequence_time[i] <= seen_ms ? 1 : 0;
    }
    if (count - seen < NBA_GATE_QUERIES_MIN) {
        t->config.init = NULL;
        return;
    }
    const double share = ((double)seen + 0.5) / (double)count;
    if (share > t->config.train_share) {
        t->config.train_share = share;
        t->config.validation_share = 1.0 - share;
    }
}

static enum nba_status make_split(struct training *t, struct nba_error *error)
{
    if (t->config.init != NULL) {
        keep_init_from_validation(t);
    }
    if (t->dataset->fixed_test != NULL) {
        t->split = nba_split_fixed(t->dataset, &t->pool, t->config.seed);
    } else if (t->config.split == NBA_SPLIT_LAST_TWO) {
        t->split = nba_split_last_two(t->dataset, &t->pool);
    } else {
        t->split = nba_split_by_time(t->dataset, &t->pool, t->config.train_share,
                                     t->config.validation_share);
    }
    return t->split.validation_count != 0
               ? NBA_OK
               : nba_error_set(error, NBA_E_NOT_FOUND,
                               "too little data: nothing is left to validate on");
}

/* Trains one model by gradients; `epochs` exactly, or as configured when that is 0.  Once
 * interrupted, a model still gets what one batch teaches, so that it exists. */
static enum nba_status fit(struct training *t, const struct nba_model *model, uint32_t epochs,
                           struct nba_learner *learner, struct nba_learned *learned,
                           struct nba_error *error)
{
    struct nba_train_config config = t->config;
    struct nba_fit_options *options = model->options(&config);
    if (epochs != 0) {
        options->epochs = epochs;
        options->patience = 0;
    }
    if (nba_progress_interrupted(t->progress)) {
        options->epochs = 1;
    }
    enum nba_status status = model->learner(&config, t->dataset, &t->split, learner, error);
    if (status == NBA_OK && config.init != NULL && model->member != NBA_MEMBER_COUNT) {
        status = nba_warm_start(config.init, model->member, t->dataset, learner->parameters, error);
    }
    if (status == NBA_OK) {
        status =
            nba_trainer_run(learner, t->dataset, &t->split, options, t->progress, learned, error);
    }
    if (status == NBA_E_NON_FINITE && learned->best_epoch != 0) {
        status = NBA_OK; /* the best epoch was kept: that is a model */
    }
    if (status == NBA_OK && model->round != NULL) {
        model->round(learner, t->dataset, &t->split, epochs == 0 ? &t->shown.report : NULL);
    }
    return status;
}

/* "knn counted in 0.21 s: 341600 weights, decay 0.7, k 200" */
static void note_counted(const struct training *t, size_t m, int64_t began_us)
{
    const struct nba_neighbours *counted = &t->fitted[m].counted.neighbours;
    const struct nba_item_item_options *options = t->config.item_item_options;
    const double seconds = (double)(nba_clock_monotonic_us(t->progress->clock) - began_us) / 1e6;
    char line[256];
    if (t->progress->note != NULL) {
        (void)snprintf(line, sizeof(line), "%s counted in %.2f s: %u weights, decay %g",
                       nba_models[m].name, seconds, counted->entries, (double)counted->decay);
        const size_t used = strlen(line);
        if (m == NBA_MODEL_EASE) {
            (void)snprintf(line + used, sizeof(line) - used, ", lambda %g",
                           options[NBA_ITEM_ITEM_EASE].lambda);
        } else if (m == NBA_MODEL_KNN) {
            (void)snprintf(line + used, sizeof(line) - used, ", k %u",
                           options[NBA_ITEM_ITEM_KNN].neighbours);
        }
        t->progress->note(t->progress->context, line);
    }
}

/* Counts one model, anew where it was counted before.  A model that serves is judged by the window
 * that it will serve. */
static enum nba_status count(struct training *t, size_t m, struct nba_error *error)
{
    const struct nba_model *model = &nba_models[m];
    struct fitted *fitted = &t->fitted[m];
    nba_arena_clear(&fitted->pool);
    fitted->pool = (struct nba_arena){0};
    fitted->counted = (struct nba_counted){
        .dataset = t->dataset,
        .window_events = model->member != NBA_MEMBER_COUNT ? t->config.window_events : 0,
    };
    fitted->ranker = nba_counted_ranker(&fitted->counted, model->name);
    const int64_t began_us = nba_clock_monotonic_us(t->progress->clock);
    const enum nba_status status = model->count(&t->config, t->dataset, &t->split, &fitted->pool,
                                                &fitted->counted.neighbours, error);
    if (status == NBA_OK) {
        note_counted(t, m, began_us);
    }
    return status;
}

/* What is counted, of all that trains by now: by time, what came before `until_ms`. */
static enum nba_status count_all(struct training *t, int64_t until_ms, struct nba_error *error)
{
    enum nba_status status = NBA_OK;
    t->popularity = nba_popularity(t->dataset, &t->split, &t->pool);
    t->content_rate = nba_pool_floats(&t->pool, (1 + (size_t)t->dataset->specialty_count) *
                                                    t->dataset->content_count);
    nba_content_rates(t->dataset, &t->split, until_ms, t->content_rate);
    for (size_t m = 0; status == NBA_OK && m < NBA_MODEL_COUNT; m++) {
        if (t->config.wanted[m] && nba_models[m].count != NULL) {
            status = count(t, m, error);
        }
    }
    return status;
}

static enum nba_status train_models(struct training *t, struct nba_error *error)
{
    enum nba_status status = count_all(t, t->split.validation_from_ms, error);
    for (size_t m = 0; status == NBA_OK && m < NBA_MODEL_COUNT; m++) {
        struct fitted *fitted = &t->fitted[m];
        if (t->config.wanted[m] && nba_models[m].learner != NULL) {
            status = fit(t, &nba_models[m], 0, &fitted->learner, &fitted->learned, error);
            fitted->ranker = fitted->learner.ranker;
        }
    }
    return status;
}

static void bind_members(struct training *t)
{
    for (size_t m = 0; m < NBA_MODEL_COUNT; m++) {
        if (nba_models[m].member != NBA_MEMBER_COUNT && t->fitted[m].ranker.score != NULL) {
            t->members.rankers[nba_models[m].member] = t->fitted[m].ranker;
        }
    }
    t->members.rankers[NBA_MEMBER_POPULARITY] = nba_popularity_ranker(&t->popularity);
    t->members.content_rate = t->content_rate;
    t->members.without_history = !t->split.by_time;
}

/* ---- the figures ---- */

static void report_queries(struct training *t, const struct nba_query *queries, size_t count)
{
    struct nba_ranking ranking = {t->dataset, NBA_PROTOCOL_FULL, 100};
    struct nba_ranker more[NBA_MODEL_COUNT + NBA_MEMBER_COUNT + 2];
    size_t more_count = 0;
    const bool fuse = t->dataset->fixed_test == NULL;
    if (t->fitted[NBA_MODEL_NCF].ranker.score != NULL && !t->dataset->ordered) {
        more[more_count++] = t->fitted[NBA_MODEL_NCF].learner.served;
    }
    for (size_t m = 0; m < NBA_MODEL_COUNT; m++) {
        if (nba_models[m].member == NBA_MEMBER_COUNT && t->fitted[m].ranker.score != NULL) {
            more[more_count++] = t->fitted[m].ranker;
        }
    }
    if (fuse) {
        more[more_count++] = nba_members_fusion_ranker(&t->members);
    }
    if (t->split.by_time) {
        ranking.protocol = NBA_PROTOCOL_EXISTING;
    }
    nba_report_members(&t->shown.report, &ranking, &t->members, more, more_count, queries, count);
    if (!t->split.by_time) {
        ranking.protocol = fuse ? NBA_PROTOCOL_SAMPLED : NBA_PROTOCOL_FIXED;
        nba_report_members(&t->shown.report, &ranking, &t->members, more, more_count, queries,
                           count);
    }
    if (!t->split.by_time && fuse) {
        for (size_t m = 0; m < NBA_MEMBER_COUNT; m++) {
            if (t->members.rankers[m].score != NULL) {
                more[more_count++] = t->members.rankers[m];
            }
        }
        nba_unit_hits_report(&t->shown.report, t->dataset, more, more_count);
    }
}

/* ---- refit ---- */

/* Validation trains too, as far as it isn't newer than `until_ms`; the test part never does. */
static void take_all(struct training *t, int64_t until_ms)
{
    const struct nba_dataset *d = t->dataset;
    for (uint32_t u = 0; u < d->user_count; u++) {
        const size_t from = d->sequence_offset[u];
        const uint32_t length = (uint32_t)(d->sequence_offset[u + 1] - from);
        uint32_t *count = &t->split.train_count[u];
        while (*count < length && d->sequence_time[from + *count] <= until_ms) {
            ++*count;
        }
    }
    for (size_t i = 0; i < t->split.test_count; i++) {
        const struct nba_query query = t->split.test[i];
        if (query.position < t->split.train_count[query.user]) {
            t->split.train_count[query.user] = query.position;
        }
    }
}

/* What counts is counted again, validation with it, before the test part is judged: the protocol of
 * learning.md section 3, but for sets that say otherwise.  A champion is still to be met on
 * validation. */
static enum nba_status count_validation(struct training *t, struct nba_error *error)
{
    if (t->split.test_count == 0 || t->config.champion != NULL || t->dataset->train_only) {
        return NBA_OK;
    }
    take_all(t, INT64_MAX);
    const enum nba_status status = count_all(t, t->split.test_from_ms, error);
    bind_members(t);
    return status;
}

/* How the members mix, and how good all is. */
static enum nba_status judge(struct training *t, struct nba_error *error)
{
    const bool test = t->split.test_count > 0;
    size_t count = test ? t->split.test_count : t->split.validation_count;
    struct nba_query *queries = nba_pool_take(&t->pool, count, sizeof(*queries));
    t->members = nba_members(t->dataset, &t->pool);
    bind_members(t);
    nba_blend_fit(&t->members, &t->split);
    const enum nba_status status = count_validation(t, error);
    if (status != NBA_OK) {
        return status;
    }
    memcpy(queries, test ? t->split.test : t->split.validation, count * sizeof(*queries));
    count = nba_split_thin(queries, count, NBA_REPORT_SCORES_MAX / t->dataset->content_count);
    report_queries(t, queries, count);
    if (t->dataset->fixed_test == NULL) {
        nba_report_touches(&t->shown.report, &t->members, &t->split,
                           test ? NBA_TOUCHES_TEST : NBA_TOUCHES_VALIDATION,
                           NBA_REPORT_TOUCHES_MAX);
    }
    if (t->dataset->fixed_test == NULL) {
        nba_report_weights(&t->shown.report, &t->members);
    }
    return NBA_OK;
}

/* Validation trains too; the number of epochs is what it found.  Its queries stay, to have
 * something to print; nothing is chosen by them any more, and the history that is kept is that of
 * the search.  Where a model's second training is interrupted, the one there was stays. */
static enum nba_status refit(struct training *t, int64_t until_ms, struct nba_error *error)
{
    if (nba_progress_interrupted(t->progress)) {
        return NBA_OK;
    }
    take_all(t, until_ms);
    enum nba_status status =
        count_all(t, until_ms < t->split.test_from_ms ? until_ms : t->split.test_from_ms, error);
    for (size_t m = 0; status == NBA_OK && m < NBA_MODEL_COUNT; m++) {
        struct nba_learner again = {0};
        struct fitted *fitted = &t->fitted[m];
        if (fitted->learner.parameters == NULL || nba_models[m].member == NBA_MEMBER_COUNT ||
            nba_progress_interrupted(t->progress)) {
            continue;
        }
        status = fit(t, &nba_models[m], fitted->learned.best_epoch, &again, &t->again, error);
        const bool whole = status == NBA_OK && !t->again.interrupted;
        nba_parameters_destroy(whole ? fitted->learner.parameters : again.parameters);
        fitted->learner = whole ? again : fitted->learner;
        fitted->ranker = fitted->learner.ranker;
    }
    bind_members(t);
    return status;
}

/* With news the challenger is judged on them before it learns them too. */
static enum nba_status refit_and_gate(struct training *t, struct nba_error *error)
{
    struct nba_release *champion = t->config.champion;
    const int64_t seen_ms =
        champion != NULL && t->split.by_time ? nba_gate_learned_to_ms(champion) : INT64_MAX;
    const bool news =
        nba_gate_queries(t->dataset, &t->split, seen_ms, NULL) >= NBA_GATE_QUERIES_MIN;
    enum nba_status status = NBA_OK;
    if (news) {
        if (t->config.refit && seen_ms >= t->split.validation_from_ms) {
            status = refit(t, seen_ms, error);
        }
        if (status == NBA_OK) {
            t->shown.gate = nba_gate(champion, &t->members, &t->split, seen_ms);
        }
    }
    if (status == NBA_OK && t->config.refit) {
        status = refit(t, INT64_MAX, error);
    }
    if (status == NBA_OK && champion != NULL && !news) {
        t->shown.gate = nba_gate(champion, &t->members, &t->split, INT64_MIN);
    }
    return status;
}

/* What a release would refuse is refused before hours are spent. */
static enum nba_status check_config(const struct nba_train_config *config,
                                    const struct nba_dataset *dataset, struct nba_error *error)
{
    if (dataset->specialty_count > NBA_RELEASE_SPECIALTIES_MAX) {
        return nba_error_set(error, NBA_E_LIMIT, "%u specialties, at most %u",
                             dataset->specialty_count, NBA_RELEASE_SPECIALTIES_MAX);
    }
    for (size_t m = 0; m < NBA_MODEL_COUNT; m++) {
        if (config->wanted[m] && nba_models[m].check != NULL) {
            const enum nba_status status = nba_models[m].check(config, dataset, error);
            if (status != NBA_OK) {
                return status;
            }
        }
    }
    return NBA_OK;
}

enum nba_status nba_training_run(const struct nba_train_config *config, struct nba_dataset *dataset,
                                 const struct nba_progress *progress,
                                 struct nba_training **ret_training, struct nba_error *error)
{
    struct nba_train_config own = *config;
    own.lstm_options.fit.window_events = own.ncf_options.fit.window_events = own.window_events;
    own.lstm_options.fit.seed = own.ncf_options.fit.seed = own.seed;
    for (size_t m = 0; m < NBA_MODEL_COUNT; m++) {
        own.wanted[m] = own.wanted[m] && nba_model_can_learn(&nba_models[m], dataset, progress);
    }
    enum nba_status status = check_config(&own, dataset, error);
    if (status != NBA_OK) {
        return status;
    }
    struct training *t = nba_zeros(1, sizeof(*t));
    nba_blas_use_one_thread();
    t->config = own;
    t->dataset = dataset;
    t->progress = progress;
    status = make_split(t, error);
    if (status == NBA_OK) {
        status = train_models(t, error);
    }
    if (status == NBA_OK) {
        status = judge(t, error);
    }
    if (status == NBA_OK) {
        status = refit_and_gate(t, error);
    }
    if (status != NBA_OK) {
        nba_training_destroy(&t->shown);
        return status;
    }
    t->shown.warm = t->config.init != NULL;
    t->shown.test_from_ms = t->split.by_time ? t->split.test_from_ms : INT64_MIN;
    *ret_training = &t->shown;
    return NBA_OK;
}

/* ---- the release ---- */

/* {"lstm": [epochs], "ncf": [epochs]} */
static void print_history(const struct training *t, struct nba_buf *text)
{
    const char *between = "{";
    for (size_t m = 0; m < NBA_MODEL_COUNT; m++) {
        if (nba_models[m].learner != NULL && nba_models[m].member != NBA_MEMBER_COUNT) {
            nba_buf_printf(text, "%s\"%s\":", between, nba_models[m].name);
            nba_learned_print_json(&t->fitted[m].learned, text);
            between = ",";
        }
    }
    nba_buf_printf(text, "}\n");
}

/* The newest engagement that the weights have seen; the next gate asks about newer ones. */
static int64_t learned_to_ms(const struct training *t)
{
    const struct nba_dataset *d = t->dataset;
    int64_t newest_ms = INT64_MIN;
    for (uint32_t u = 0; u < d->user_count; u++) {
        for (uint32_t i = 0; i < t->split.train_count[u]; i++) {
            const int64_t time_ms = d->sequence_time[d->sequence_offset[u] + i];
            newest_ms = time_ms > newest_ms ? time_ms : newest_ms;
        }
    }
    return newest_ms;
}

/* What another training needs to repeat this one; no paths, and no times but the data's. */
static void print_training(const struct training *t, struct nba_buf *text)
{
    const struct nba_lstm_options *l = &t->config.lstm_options;
    const struct nba_ncf_options *n = &t->config.ncf_options;
    nba_buf_printf(text,
                   "{\"seed\":%llu,\"window_events\":%u,\"split\":\"%s\",\"train_share\":%g,"
                   "\"validation_share\":%g,\"refit\":%s,\"touches\":%zu,\"engagements\":%zu,"
                   "\"learned_to_ms\":%lld,\"init\":\"%s\",",
                   (unsigned long long)t->config.seed, t->config.window_events,
                   t->split.by_time ? "time" : "last_two", t->config.train_share,
                   t->config.validation_share, t->config.refit ? "true" : "false",
                   t->dataset->touch_offset[t->dataset->user_count],
                   t->dataset->sequence_offset[t->dataset->user_count], (long long)learned_to_ms(t),
                   t->config.init != NULL ? nba_release_id(t->config.init) : "");
    nba_buf_printf(text,
                   "\"lstm\":{\"width\":%u,\"hidden\":%u,\"bf16\":%s,\"batch\":%u,\"rate\":%g,"
                   "\"dropout\":%g,\"clip\":%g,\"best_epoch\":%u},",
                   l->width, l->hidden, l->bf16 ? "true" : "false", l->fit.batch, l->fit.rate,
                   l->fit.dropout, l->fit.clip, t->fitted[NBA_MODEL_LSTM].learned.best_epoch);
    nba_buf_printf(text,
                   "\"ncf\":{\"width\":%u,\"layers\":[%u,%u,%u],\"batch\":%u,\"negatives\":%u,"
                   "\"rate\":%g,\"dropout\":%g,\"best_epoch\":%u},\"ncf_candidates\":%u}",
                   n->width, n->layer_1, n->layer_2, n->layer_3, n->fit.batch, n->negatives,
                   n->fit.rate, n->fit.dropout, t->fitted[NBA_MODEL_NCF].learned.best_epoch,
                   NBA_SCORE_NCF_CANDIDATES);
}

enum nba_status nba_training_release(const struct nba_training *training, const char *folder,
                                     char ret_id[NBA_RELEASE_ID_BYTES], struct nba_error *error)
{
    const struct training *t = (const struct training *)training;
    const struct nba_dataset *d = t->dataset;
    const struct nba_learner *lstm_learner = &t->fitted[NBA_MODEL_LSTM].learner;
    const struct nba_learner *ncf_learner = &t->fitted[NBA_MODEL_NCF].learner;
    struct nba_lstm_weights lstm;
    struct nba_ncf_weights ncf;
    struct nba_buf history;
    struct nba_buf report;
    struct nba_buf config;
    nba_buf_init(&history, NBA_RELEASE_DOCUMENT_BYTES_MAX);
    nba_buf_init(&report, NBA_RELEASE_DOCUMENT_BYTES_MAX);
    nba_buf_init(&config, NBA_RELEASE_MANIFEST_BYTES_MAX);
    print_history(t, &history);
    nba_buf_printf(&report, "{\"figures\":");
    nba_report_print_json(&training->report, &report);
    nba_buf_printf(&report, "}\n");
    print_training(t, &config);
    struct nba_release_parts parts = {
        .parent = t->config.parent,
        .window_events = t->config.window_events,
        .contents = d->contents,
        .content_count = d->content_count,
        .specialties = d->specialties,
        .specialty_count = d->specialty_count,
        .popularity = t->popularity.counts,
        .content_rate = t->content_rate,
        .calibrator = t->members.blend.calibrator,
        .training_json = nba_buf_str(&config),
        .report_json = nba_buf_str(&report),
        .history_json = nba_buf_str(&history),
        .created_ms = nba_clock_wall_ms(t->progress->clock),
        .engine_version = nba_str_of(t->config.engine_version),
    };
    memcpy(parts.fusion, t->members.blend.fusion, sizeof(parts.fusion));
    if (lstm_learner->parameters != NULL) {
        lstm = nba_lstm_learner_weights(lstm_learner);
        parts.lstm = &lstm;
    }
    if (ncf_learner->parameters != NULL) {
        ncf = nba_ncf_learner_weights(ncf_learner);
        parts.ncf = &ncf;
    }
    for (size_t m = 0; m < NBA_MODEL_COUNT; m++) {
        const enum nba_fusion_member member = nba_models[m].member;
        if (member != NBA_MEMBER_COUNT && member >= NBA_NEIGHBOURS_FIRST &&
            t->fitted[m].ranker.score != NULL) {
            parts.neighbours[member - NBA_NEIGHBOURS_FIRST] = &t->fitted[m].counted.neighbours;
        }
    }
    const bool failed = history.failed || report.failed || config.failed;
    const enum nba_status status =
        failed ? nba_error_set(error, NBA_E_LIMIT, "report or history is too long")
               : nba_release_write(&parts, folder, ret_id, error);
    nba_buf_clear(&history);
    nba_buf_clear(&report);
    nba_buf_clear(&config);
    return status;
}

enum nba_status nba_train_run(const struct nba_train_config *config, struct nba_dataset *dataset,
                              const struct nba_progress *progress, const char *folder,
                              char ret_id[NBA_RELEASE_ID_BYTES], struct nba_report *ret_report,
                              struct nba_error *error)
{
    struct nba_training *training = NULL;
    enum nba_status status = nba_training_run(config, dataset, progress, &training, error);
    if (status == NBA_OK) {
        status = nba_training_release(training, folder, ret_id, error);
        if (status == NBA_OK && ret_report != NULL) {
            *ret_report = training->report;
        }
    }
    nba_training_destroy(training);
    return status;
}
