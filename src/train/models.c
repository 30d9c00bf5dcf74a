#include "nba/train/models.h"

#include <stdio.h>
#include <string.h>

#include "nba/train/asset_weights.h"
#include "nba/train/precision.h"
#include "nba/train/train.h"
#include "nba/train/window.h"

#define SHARE_LEAST 0.005

/* ---- lstm ---- */

static enum nba_status lstm_check(const struct nba_train_config *config,
                                  const struct nba_dataset *dataset, struct nba_error *error)
{
    const struct nba_lstm_options *o = &config->lstm_options;
    const enum nba_status status =
        nba_fit_options_check(&o->fit, "lstm", 1, NBA_LSTM_NET_BATCH_MAX, error);
    return status == NBA_OK ? nba_lstm_shape_check(nba_lstm_learner_shape(dataset, o), error)
                            : status;
}

static struct nba_fit_options *lstm_options(struct nba_train_config *config)
{
    return &config->lstm_options.fit;
}

static enum nba_status lstm_learner(const struct nba_train_config *config,
                                    const struct nba_dataset *dataset,
                                    const struct nba_split *split, struct nba_learner *ret_learner,
                                    struct nba_error *error)
{
    return nba_lstm_learner(dataset, split, &config->lstm_options, ret_learner, error);
}

/* ---- ncf ---- */

static enum nba_status ncf_check(const struct nba_train_config *config,
                                 const struct nba_dataset *dataset, struct nba_error *error)
{
    const struct nba_ncf_options *o = &config->ncf_options;
    const enum nba_status status =
        nba_fit_options_check(&o->fit, "ncf", NBA_NCF_CHUNK, NBA_NCF_BATCH_MAX, error);
    return status == NBA_OK ? nba_ncf_shape_check(nba_ncf_learner_shape(dataset, o), error)
                            : status;
}

static struct nba_fit_options *ncf_options(struct nba_train_config *config)
{
    return &config->ncf_options.fit;
}

static enum nba_status ncf_learner(const struct nba_train_config *config,
                                   const struct nba_dataset *dataset, const struct nba_split *split,
                                   struct nba_learner *ret_learner, struct nba_error *error)
{
    return nba_ncf_learner(dataset, split, &config->ncf_options, ret_learner, error);
}

static enum nba_status ncf_users_learner(const struct nba_train_config *config,
                                         const struct nba_dataset *dataset,
                                         const struct nba_split *split,
                                         struct nba_learner *ret_learner, struct nba_error *error)
{
    struct nba_ncf_options options = config->ncf_options;
    options.users = true;
    return nba_ncf_learner(dataset, split, &options, ret_learner, error);
}

/* ---- ease, knn, rules ---- */

/* An older event would weigh less than SHARE_LEAST of the newest one, and cost as much. */
static uint32_t events_that_count(double decay, uint32_t most)
{
    uint32_t count = 0;
    for (double weight = 1.0; weight >= SHARE_LEAST && count < most; weight *= decay) {
        count++;
    }
    return count;
}

static enum nba_status item_item(enum nba_model_kind model, enum nba_item_item kind,
                                 struct nba_train_config *config, const struct nba_dataset *dataset,
                                 const struct nba_split *split, struct nba_arena *pool,
                                 struct nba_neighbours *ret_neighbours, struct nba_error *error)
{
    struct nba_item_item_options *options = &config->item_item_options[kind];
    const bool serves = nba_models[model].member != NBA_MEMBER_COUNT;
    enum nba_status status =
        nba_asset_weights(dataset, config->asset_weights, pool, &options->weights, error);
    if (status == NBA_OK) {
        status = nba_item_item_choose(kind, dataset, split, serves ? config->window_events : 0,
                                      options, error);
    }
    if (status == NBA_OK && serves && options->decay < 1.0) {
        options->last = events_that_count(options->decay, options->last);
    }
    return status == NBA_OK ? nba_item_item_count(kind, dataset, split->train_count, options, pool,
                                                  ret_neighbours, error)
                            : status;
}

static enum nba_status ease_count(struct nba_train_config *config,
                                  const struct nba_dataset *dataset, const struct nba_split *split,
                                  struct nba_arena *pool, struct nba_neighbours *ret_neighbours,
                                  struct nba_error *error)
{
    return item_item(NBA_MODEL_EASE, NBA_ITEM_ITEM_EASE, config, dataset, split, pool,
                     ret_neighbours, error);
}

static enum nba_status knn_count(struct nba_train_config *config, const struct nba_dataset *dataset,
                                 const struct nba_split *split, struct nba_arena *pool,
                                 struct nba_neighbours *ret_neighbours, struct nba_error *error)
{
    return item_item(NBA_MODEL_KNN, NBA_ITEM_ITEM_KNN, config, dataset, split, pool, ret_neighbours,
                     error);
}

static enum nba_status rules_count(struct nba_train_config *config,
                                   const struct nba_dataset *dataset, const struct nba_split *split,
                                   struct nba_arena *pool, struct nba_neighbours *ret_neighbours,
                                   struct nba_error *error)
{
    return item_item(NBA_MODEL_RULES, NBA_ITEM_ITEM_RULES, config, dataset, split, pool,
                     ret_neighbours, error);
}

/* ---- the table ---- */

const struct nba_model nba_models[NBA_MODEL_COUNT] = {
    [NBA_MODEL_LSTM] = {.name = "lstm",
                        .member = NBA_MEMBER_LSTM,
                        .by_order = true,
                        .check = lstm_check,
                        .options = lstm_options,
                        .learner = lstm_learner,
                        .round = nba_precision_round_lstm},
    [NBA_MODEL_NCF] = {.name = "ncf",
                       .member = NBA_MEMBER_NCF,
                       .check = ncf_check,
                       .options = ncf_options,
                       .learner = ncf_learner},
    [NBA_MODEL_EASE] = {.name = "ease",
                        .member = NBA_MEMBER_EASE,
                        .contents_max = NBA_EASE_CONTENTS_MAX,
                        .count = ease_count},
    [NBA_MODEL_KNN] = {.name = "knn", .member = NBA_MEMBER_KNN, .count = knn_count},
    [NBA_MODEL_RULES] = {.name = "rules",
                         .member = NBA_MEMBER_RULES,
                         .by_order = true,
                         .count = rules_count},
    [NBA_MODEL_NCF_USERS] = {.name = "ncf-users",
                             .member = NBA_MEMBER_COUNT,
                             .check = ncf_check,
                             .options = ncf_options,
                             .learner = ncf_users_learner},
};

bool nba_model_can_learn(const struct nba_model *model, const struct nba_dataset *dataset,
                         const struct nba_progress *progress)
{
    char line[128] = "";
    if (!dataset->ordered && model->by_order) {
        (void)snprintf(line, sizeof(line), "%s left out: the data has no order", model->name);
    } else if (model->contents_max != 0 && dataset->content_count > model->contents_max) {
        (void)snprintf(line, sizeof(line), "%s left out: %u contents, at most %u", model->name,
                       dataset->content_count, model->contents_max);
    }
    if (line[0] != '\0' && progress->note != NULL) {
        progress->note(progress->context, line);
    }
    return line[0] == '\0';
}

enum nba_status nba_models_named(const char *list, bool ret_wanted[NBA_MODEL_COUNT],
                                 struct nba_error *error)
{
    bool wanted[NBA_MODEL_COUNT] = {false};
    const char *next = list;
    while (next != NULL) {
        const size_t bytes = strcspn(next, ",");
        size_t m = 0;
        while (m < NBA_MODEL_COUNT && !(strlen(nba_models[m].name) == bytes &&
                                        strncmp(nba_models[m].name, next, bytes) == 0)) {
            m++;
        }
        if (m == NBA_MODEL_COUNT) {
            char all[128] = "";
            for (size_t i = 0; i < NBA_MODEL_COUNT; i++) {
                (void)snprintf(all + strlen(all), sizeof(all) - strlen(all), "%s%s",
                               i > 0 ? ", " : "", nba_models[i].name);
            }
            return nba_error_set(error, NBA_E_USAGE, "expected some of %s, got '%.*s'", all,
                                 (int)bytes, next);
        }
        wanted[m] = true;
        next = next[bytes] == ',' ? next + bytes + 1 : NULL;
        next = next != NULL && *next == ' ' ? next + 1 : next;
    }
    memcpy(ret_wanted, wanted, sizeof(wanted));
    return NBA_OK;
}

/* ---- counting models over a data set ---- */

static void counted_score(void *context, const struct nba_query *queries, size_t count,
                          float *ret_scores)
{
    const struct nba_counted *counted = context;
    const struct nba_dataset *d = counted->dataset;
    const bool windowed = d->ordered && counted->window_events != 0;
    for (size_t i = 0; i < count; i++) {
        const uint32_t position = queries[i].position;
        const uint32_t start = windowed ? nba_window_start(position, counted->window_events) : 0;
        nba_neighbours_scores(&counted->neighbours,
                              d->sequence + d->sequence_offset[queries[i].user] + start,
                              position - start, ret_scores + i * d->content_count);
    }
}

struct nba_ranker nba_counted_ranker(struct nba_counted *counted, const char *name)
{
    return (struct nba_ranker){.name = name, .context = counted, .score = counted_score};
}
