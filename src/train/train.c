/* A training owns everything that was made on the road; the release is written from it. */
#include "nba/train/train.h"

#include <stdlib.h>
#include <string.h>

#include "nba/base/assert.h"
#include "nba/linalg/blas.h"

struct nba_training {
    struct nba_train_config config;
    struct nba_dataset *dataset;
    const struct nba_progress *progress;
    struct nba_split split;
    struct nba_popularity popularity;
    struct nba_lstm_trainer *lstm;
    struct nba_ncf_trainer *ncf, *ncf_users;
    struct nba_members members;
    struct nba_report report;
    struct nba_learned learned[NBA_MEMBER_COUNT];
    struct nba_learned learned_users;
    struct nba_learned refitted; /* the model refitted last */
};

struct nba_train_config nba_train_config(void)
{
    return (struct nba_train_config){
        .split = NBA_SPLIT_TIME,
        .train_share = 0.9,
        .validation_share = 0.1,
        .lstm = true,
        .ncf = true,
        .refit = true,
        .window_events = 64,
        .seed = 1,
        .lstm_options = nba_lstm_options(),
        .ncf_options = nba_ncf_options(),
        .blend_options = nba_blend_options(),
        .engine_version = "",
    };
}

void nba_training_destroy(struct nba_training *training)
{
    if (training == NULL) {
        return;
    }
    nba_split_clear(&training->split);
    nba_popularity_clear(&training->popularity);
    nba_lstm_trainer_destroy(training->lstm);
    nba_ncf_trainer_destroy(training->ncf);
    nba_ncf_trainer_destroy(training->ncf_users);
    nba_members_clear(&training->members);
    free(training);
}

/* ---- the models ---- */

static enum nba_status make_split(struct nba_training *t, struct nba_error *error)
{
    enum nba_status status = NBA_OK;
    if (t->dataset->fixed_test != NULL) {
        status = nba_split_fixed(t->dataset, t->config.seed, &t->split);
    } else if (t->config.split == NBA_SPLIT_LAST_TWO) {
        status = nba_split_last_two(t->dataset, &t->split);
    } else {
        status = nba_split_by_time(t->dataset, t->config.train_share, t->config.validation_share,
                                   &t->split);
    }
    if (status == NBA_OK && t->split.validation_count == 0) {
        return nba_error_set(error, NBA_E_NOT_FOUND,
                             "too little data: nothing is left to validate on");
    }
    return status == NBA_OK ? status : nba_error_set(error, status, "out of memory splitting");
}

/* Once interrupted, a model still gets what one batch teaches, so that it exists. */
static struct nba_learner_options loop_of(const struct nba_training *t,
                                          struct nba_learner_options loop)
{
    if (nba_progress_interrupted(t->progress)) {
        loop.epochs = 1;
    }
    return loop;
}

static enum nba_status train_lstm(struct nba_training *t, struct nba_learned *learned,
                                  struct nba_error *error)
{
    struct nba_lstm_options options = t->config.lstm_options;
    options.window_events = t->config.window_events;
    options.seed = t->config.seed;
    options.loop = loop_of(t, options.loop);
    nba_lstm_trainer_destroy(t->lstm);
    t->lstm = NULL;
    const enum nba_status status =
        nba_lstm_trainer_create(t->dataset, &t->split, &options, t->progress, &t->lstm, error);
    return status != NBA_OK ? status : nba_lstm_trainer_run(t->lstm, learned, error);
}

static enum nba_status train_ncf(struct nba_training *t, bool users, struct nba_learned *learned,
                                 struct nba_error *error)
{
    struct nba_ncf_trainer **trainer = users ? &t->ncf_users : &t->ncf;
    struct nba_ncf_options options = t->config.ncf_options;
    options.window_events = t->config.window_events;
    options.seed = t->config.seed;
    options.loop = loop_of(t, options.loop);
    options.users = users;
    nba_ncf_trainer_destroy(*trainer);
    *trainer = NULL;
    const enum nba_status status =
        nba_ncf_trainer_create(t->dataset, &t->split, &options, t->progress, trainer, error);
    return status != NBA_OK ? status : nba_ncf_trainer_run(*trainer, learned, error);
}

/* A loss that isn't finite keeps the best epoch, if there was one: that is a model. */
static enum nba_status forgive(enum nba_status status, const struct nba_learned *learned)
{
    return status == NBA_E_NON_FINITE && learned->best_epoch != 0 ? NBA_OK : status;
}

static enum nba_status train_models(struct nba_training *t, struct nba_error *error)
{
    struct nba_learned *lstm = &t->learned[NBA_MEMBER_LSTM];
    struct nba_learned *ncf = &t->learned[NBA_MEMBER_NCF];
    enum nba_status status = nba_popularity_init(&t->popularity, t->dataset, &t->split);
    if (status != NBA_OK) {
        return nba_error_set(error, status, "out of memory");
    }
    if (t->config.lstm && t->dataset->ordered) {
        status = forgive(train_lstm(t, lstm, error), lstm);
    }
    if (status == NBA_OK && t->config.ncf) {
        status = forgive(train_ncf(t, false, ncf, error), ncf);
    }
    if (status == NBA_OK && t->config.ncf_users) {
        status = forgive(train_ncf(t, true, &t->learned_users, error), &t->learned_users);
    }
    return status;
}

static void bind_members(struct nba_training *t)
{
    memset(t->members.rankers, 0, sizeof(t->members.rankers));
    if (t->lstm != NULL) {
        t->members.rankers[NBA_MEMBER_LSTM] = nba_lstm_trainer_ranker(t->lstm);
    }
    if (t->ncf != NULL) {
        t->members.rankers[NBA_MEMBER_NCF] = nba_ncf_trainer_ranker(t->ncf);
    }
    t->members.rankers[NBA_MEMBER_POPULARITY] = nba_popularity_ranker(&t->popularity);
    t->members.without_history = !t->split.by_time;
}

/* ---- the figures ---- */

static enum nba_status report_rankers(struct nba_training *t, const struct nba_ranking *ranking,
                                      const struct nba_query *queries, size_t count)
{
    struct nba_ranker rankers[NBA_MEMBER_COUNT + 3];
    size_t ranker_count = 0;
    for (size_t m = 0; m < NBA_MEMBER_COUNT; m++) {
        if (t->members.rankers[m].score != NULL) {
            rankers[ranker_count++] = t->members.rankers[m];
        }
    }
    if (t->ncf != NULL && !t->dataset->ordered) {
        rankers[ranker_count++] = nba_ncf_trainer_served_ranker(t->ncf);
    }
    if (t->ncf_users != NULL) {
        rankers[ranker_count++] = nba_ncf_trainer_ranker(t->ncf_users);
    }
    if (t->dataset->fixed_test == NULL) {
        rankers[ranker_count++] = nba_members_fusion_ranker(&t->members);
    }
    enum nba_status status = NBA_OK;
    for (size_t i = 0; status == NBA_OK && i < ranker_count; i++) {
        status = nba_report_ranking(&t->report, ranking, &rankers[i], queries, count);
    }
    return status;
}

static enum nba_status report_touches(struct nba_training *t, enum nba_touch_part part)
{
    struct nba_touch_sample *samples = NULL;
    struct nba_labelled *labelled = NULL;
    size_t count = 0;
    enum nba_status status = nba_touch_samples(
        t->dataset, &t->split, part, t->config.blend_options.touches_max, &samples, &count);
    if (status == NBA_OK && count > 0) {
        labelled = calloc(count, sizeof(*labelled));
        status = labelled != NULL ? nba_blend_probabilities(&t->members, samples, count, labelled)
                                  : NBA_E_NO_MEMORY;
        if (status == NBA_OK) {
            nba_report_touches(&t->report, t->dataset->name, labelled, count);
        }
    }
    free(samples);
    free(labelled);
    return status;
}

static enum nba_status report_queries(struct nba_training *t, const struct nba_query *queries,
                                      size_t count)
{
    struct nba_ranking ranking = {t->dataset, NBA_PROTOCOL_FULL, 100};
    if (t->split.by_time) {
        ranking.protocol = NBA_PROTOCOL_EXISTING;
    }
    enum nba_status status = report_rankers(t, &ranking, queries, count);
    if (status == NBA_OK && !t->split.by_time) {
        ranking.protocol =
            t->dataset->fixed_test != NULL ? NBA_PROTOCOL_FIXED : NBA_PROTOCOL_SAMPLED;
        status = report_rankers(t, &ranking, queries, count);
    }
    return status;
}

static enum nba_status report_all(struct nba_training *t)
{
    const bool test = t->split.test_count > 0;
    size_t count = 0;
    struct nba_query *queries =
        nba_report_queries(t->dataset, test ? t->split.test : t->split.validation,
                           test ? t->split.test_count : t->split.validation_count, &count);
    if (queries == NULL) {
        return NBA_E_NO_MEMORY;
    }
    enum nba_status status = report_queries(t, queries, count);
    free(queries);
    if (status == NBA_OK && t->dataset->fixed_test == NULL) {
        status = report_touches(t, test ? NBA_TOUCHES_TEST : NBA_TOUCHES_VALIDATION);
    }
    return status;
}

/* ---- refit ---- */

/* Trains one model again; when that is interrupted, the one there was stays. */
static enum nba_status refit_lstm(struct nba_training *t, struct nba_error *error)
{
    struct nba_lstm_trainer *before = t->lstm;
    t->lstm = NULL;
    const enum nba_status status = train_lstm(t, &t->refitted, error);
    if (status != NBA_OK || t->refitted.interrupted) {
        nba_lstm_trainer_destroy(t->lstm);
        t->lstm = before;
    } else {
        nba_lstm_trainer_destroy(before);
    }
    return status;
}

static enum nba_status refit_ncf(struct nba_training *t, struct nba_error *error)
{
    struct nba_ncf_trainer *before = t->ncf;
    t->ncf = NULL;
    const enum nba_status status = train_ncf(t, false, &t->refitted, error);
    if (status != NBA_OK || t->refitted.interrupted) {
        nba_ncf_trainer_destroy(t->ncf);
        t->ncf = before;
    } else {
        nba_ncf_trainer_destroy(before);
    }
    return status;
}

/* Validation trains too; the test part never does. */
static void take_all(struct nba_training *t)
{
    for (uint32_t u = 0; u < t->dataset->user_count; u++) {
        t->split.train_count[u] =
            (uint32_t)(t->dataset->sequence_offset[u + 1] - t->dataset->sequence_offset[u]);
    }
    for (size_t i = 0; i < t->split.test_count; i++) {
        const struct nba_query query = t->split.test[i];
        if (query.position < t->split.train_count[query.user]) {
            t->split.train_count[query.user] = query.position;
        }
    }
}

/* Validation trains too; the number of epochs is what it found.  Its queries stay, to have
 * something to print; nothing is chosen by them any more, and the history that is kept is that of
 * the search. */
static enum nba_status refit(struct nba_training *t, struct nba_error *error)
{
    const struct nba_train_config before = t->config;
    take_all(t);
    nba_popularity_clear(&t->popularity);
    enum nba_status status = nba_popularity_init(&t->popularity, t->dataset, &t->split);
    if (status != NBA_OK) {
        return nba_error_set(error, status, "out of memory");
    }
    t->config.lstm_options.loop =
        (struct nba_learner_options){t->learned[NBA_MEMBER_LSTM].best_epoch, 0};
    t->config.ncf_options.loop =
        (struct nba_learner_options){t->learned[NBA_MEMBER_NCF].best_epoch, 0};
    if (t->lstm != NULL) {
        status = refit_lstm(t, error);
    }
    if (status == NBA_OK && t->ncf != NULL && !nba_progress_interrupted(t->progress)) {
        status = refit_ncf(t, error);
    }
    t->config = before;
    return status;
}

static bool epochs_are_in_range(uint32_t epochs)
{
    return epochs >= 1 && epochs <= NBA_EPOCHS_MAX;
}

/* What a release would refuse is refused before hours are spent. */
static enum nba_status check_config(const struct nba_train_config *config,
                                    const struct nba_dataset *dataset, struct nba_error *error)
{
    const struct nba_lstm_shape lstm = {dataset->content_count, config->lstm_options.width,
                                        config->lstm_options.hidden, config->lstm_options.width};
    const struct nba_ncf_shape ncf = {dataset->content_count,      1 + dataset->specialty_count,
                                      config->ncf_options.width,   config->ncf_options.layer_1,
                                      config->ncf_options.layer_2, config->ncf_options.layer_3};
    if (config->window_events == 0 || config->window_events > NBA_RELEASE_WINDOW_MAX) {
        return nba_error_set(error, NBA_E_SHAPE, "window_events is %u, expected 1..%u",
                             config->window_events, NBA_RELEASE_WINDOW_MAX);
    }
    if (config->lstm_options.batch == 0 || config->lstm_options.batch > NBA_LSTM_NET_BATCH_MAX ||
        config->ncf_options.batch < NBA_NCF_CHUNK ||
        config->ncf_options.batch > NBA_NCF_BATCH_MAX) {
        return nba_error_set(error, NBA_E_SHAPE, "batch is %u and %u, expected 1..%u and %u..%u",
                             config->lstm_options.batch, config->ncf_options.batch,
                             NBA_LSTM_NET_BATCH_MAX, NBA_NCF_CHUNK, NBA_NCF_BATCH_MAX);
    }
    if (!epochs_are_in_range(config->lstm_options.loop.epochs) ||
        !epochs_are_in_range(config->ncf_options.loop.epochs)) {
        return nba_error_set(error, NBA_E_SHAPE, "epochs are %u and %u, expected 1..%u",
                             config->lstm_options.loop.epochs, config->ncf_options.loop.epochs,
                             NBA_EPOCHS_MAX);
    }
    if (dataset->specialty_count > NBA_RELEASE_SPECIALTIES_MAX) {
        return nba_error_set(error, NBA_E_LIMIT, "%u specialties, at most %u",
                             dataset->specialty_count, NBA_RELEASE_SPECIALTIES_MAX);
    }
    enum nba_status status = config->lstm ? nba_lstm_shape_check(lstm, error) : NBA_OK;
    if (status == NBA_OK && config->ncf) {
        status = nba_ncf_shape_check(ncf, error);
    }
    return status;
}

enum nba_status nba_training_run(const struct nba_train_config *config, struct nba_dataset *dataset,
                                 const struct nba_progress *progress,
                                 struct nba_training **ret_training, struct nba_error *error)
{
    enum nba_status status = check_config(config, dataset, error);
    struct nba_training *t = status == NBA_OK ? calloc(1, sizeof(*t)) : NULL;
    if (t == NULL) {
        return status != NBA_OK ? status : nba_error_set(error, NBA_E_NO_MEMORY, "out of memory");
    }
    nba_blas_use_one_thread();
    t->config = *config;
    t->dataset = dataset;
    t->progress = progress;
    status = make_split(t, error);
    if (status == NBA_OK) {
        status = train_models(t, error);
    }
    if (status == NBA_OK) {
        status = nba_members_init(&t->members, dataset);
        if (status == NBA_OK) {
            bind_members(t);
            status = nba_blend_fit(&t->members, &t->split, &config->blend_options);
        }
        if (status == NBA_OK) {
            status = report_all(t);
        }
        if (status != NBA_OK) {
            (void)nba_error_set(error, status, "evaluation: %s", nba_status_text(status));
        }
    }
    if (status == NBA_OK && config->refit && !nba_progress_interrupted(progress)) {
        status = refit(t, error);
        bind_members(t);
    }
    if (status != NBA_OK) {
        nba_training_destroy(t);
        return status;
    }
    *ret_training = t;
    return NBA_OK;
}

const struct nba_report *nba_training_report(const struct nba_training *training)
{
    return &training->report;
}

const struct nba_blend *nba_training_blend(const struct nba_training *training)
{
    return &training->members.blend;
}

const struct nba_learned *nba_training_learned(const struct nba_training *training,
                                               enum nba_fusion_member member)
{
    const bool there = (member == NBA_MEMBER_LSTM && training->lstm != NULL) ||
                       (member == NBA_MEMBER_NCF && training->ncf != NULL);
    return there ? &training->learned[member] : NULL;
}

int64_t nba_training_test_from_ms(const struct nba_training *training)
{
    return training->split.by_time ? training->split.test_from_ms : INT64_MIN;
}

void nba_training_print_history(const struct nba_training *training, struct nba_buf *text)
{
    nba_buf_printf(text, "{\"lstm\":");
    nba_learned_print_json(&training->learned[NBA_MEMBER_LSTM], text);
    nba_buf_printf(text, ",\"ncf\":");
    nba_learned_print_json(&training->learned[NBA_MEMBER_NCF], text);
    nba_buf_printf(text, "}\n");
}

/* ---- the release ---- */

/* What another training needs to repeat this one; no times, no paths. */
static void print_training(const struct nba_training *t, struct nba_buf *text)
{
    const struct nba_lstm_options *l = &t->config.lstm_options;
    const struct nba_ncf_options *n = &t->config.ncf_options;
    nba_buf_printf(text,
                   "{\"seed\":%llu,\"window_events\":%u,\"split\":\"%s\",\"train_share\":%g,"
                   "\"validation_share\":%g,\"refit\":%s,\"touches\":%zu,\"engagements\":%zu,",
                   (unsigned long long)t->config.seed, t->config.window_events,
                   t->split.by_time ? "time" : "last_two", t->config.train_share,
                   t->config.validation_share, t->config.refit ? "true" : "false",
                   t->dataset->touch_offset[t->dataset->user_count],
                   t->dataset->sequence_offset[t->dataset->user_count]);
    nba_buf_printf(text,
                   "\"lstm\":{\"width\":%u,\"hidden\":%u,\"batch\":%u,\"rate\":%g,\"dropout\":%g,"
                   "\"clip\":%g,\"best_epoch\":%u},",
                   l->width, l->hidden, l->batch, l->rate, l->dropout, l->clip,
                   t->learned[NBA_MEMBER_LSTM].best_epoch);
    nba_buf_printf(text,
                   "\"ncf\":{\"width\":%u,\"layers\":[%u,%u,%u],\"batch\":%u,\"negatives\":%u,"
                   "\"rate\":%g,\"dropout\":%g,\"best_epoch\":%u},\"ncf_candidates\":%u}",
                   n->width, n->layer_1, n->layer_2, n->layer_3, n->batch, n->negatives, n->rate,
                   n->dropout, t->learned[NBA_MEMBER_NCF].best_epoch,
                   t->config.blend_options.ncf_candidates);
}

enum nba_status nba_training_release(const struct nba_training *training, const char *folder,
                                     char ret_id[NBA_RELEASE_ID_BYTES], struct nba_error *error)
{
    const struct nba_dataset *d = training->dataset;
    struct nba_lstm_weights lstm;
    struct nba_ncf_weights ncf;
    struct nba_buf history;
    struct nba_buf report;
    struct nba_buf config;
    nba_buf_init(&history, NBA_RELEASE_DOCUMENT_BYTES_MAX);
    nba_buf_init(&report, NBA_RELEASE_DOCUMENT_BYTES_MAX);
    nba_buf_init(&config, NBA_RELEASE_MANIFEST_BYTES_MAX);
    nba_training_print_history(training, &history);
    nba_buf_printf(&report, "{\"figures\":");
    nba_report_print_json(&training->report, &report);
    nba_buf_printf(&report, "}\n");
    print_training(training, &config);
    struct nba_release_parts parts = {
        .parent = training->config.parent,
        .window_events = training->config.window_events,
        .contents = d->contents,
        .content_count = d->content_count,
        .specialties = d->specialties,
        .specialty_count = d->specialty_count,
        .popularity = training->popularity.counts,
        .calibrator = training->members.blend.calibrator,
        .training_json = nba_buf_str(&config),
        .report_json = nba_buf_str(&report),
        .history_json = nba_buf_str(&history),
        .created_ms = nba_clock_wall_ms(training->progress->clock),
        .engine_version = nba_str_of(training->config.engine_version),
    };
    memcpy(parts.fusion, training->members.blend.fusion, sizeof(parts.fusion));
    if (training->lstm != NULL) {
        lstm = nba_lstm_trainer_weights(training->lstm);
        parts.lstm = &lstm;
    }
    if (training->ncf != NULL) {
        ncf = nba_ncf_trainer_weights(training->ncf);
        parts.ncf = &ncf;
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
