#include "nba/train/trainer.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nba/base/assert.h"
#include "nba/base/memory.h"
#include "nba/release/release.h"
#include "nba/train/adam.h"
#include "nba/train/metrics.h"

#define K_OF_CHOICE 10u
/* Queries that an epoch is judged by at most; the peers' scripts choose by 3,000 users. */
#define QUERIES_MAX  3000u
#define TRAINING_MAX 500u
/* As many negatives a positive as NCF learns with. */
#define BINARY_NEGATIVES 4u
/* Of a validation query where the data set is judged by few negatives itself. */
#define SAMPLED_NEGATIVES 99u
/* Scores that one measuring of a binary model may cost. */
#define BINARY_SCORES_MAX ((size_t)1 << 22)

/* Queries that an epoch is judged by. */
struct sample {
    struct nba_query *queries;
    size_t count;
};

struct nba_trainer {
    struct nba_arena pool;
    struct nba_learner learner;
    struct nba_fit_options options;
    const struct nba_progress *progress;
    struct nba_ranking ranking;
    struct sample training, validation;
    struct nba_adam adam;
    struct nba_rng rng;
};

enum nba_status nba_fit_options_check(const struct nba_fit_options *options, const char *model,
                                      uint32_t batch_min, uint32_t batch_max,
                                      struct nba_error *error)
{
    const struct {
        const char *what;
        uint32_t value, min, max;
    } ranges[] = {{"batch", options->batch, batch_min, batch_max},
                  {"epochs", options->epochs, 1, NBA_EPOCHS_MAX},
                  {"window_events", options->window_events, 1, NBA_RELEASE_WINDOW_MAX}};
    for (size_t i = 0; i < NBA_ARRAY_COUNT(ranges); i++) {
        if (ranges[i].value < ranges[i].min || ranges[i].value > ranges[i].max) {
            return nba_error_set(error, NBA_E_SHAPE, "%s: %s is %u, expected %u..%u", model,
                                 ranges[i].what, ranges[i].value, ranges[i].min, ranges[i].max);
        }
    }
    return NBA_OK;
}

bool nba_progress_interrupted(const struct nba_progress *progress)
{
    return progress->interrupted != NULL && *progress->interrupted != 0;
}

static double seconds_since(const struct nba_progress *progress, int64_t start_us)
{
    return (double)(nba_clock_monotonic_us(progress->clock) - start_us) * 1e-6;
}

/* The last training position of each user. */
static size_t training_queries(const struct nba_dataset *dataset, const struct nba_split *split,
                               struct nba_query *queries)
{
    size_t count = 0;
    for (uint32_t u = 0; u < dataset->user_count; u++) {
        if (split->train_count[u] >= 2) {
            queries[count++] = (struct nba_query){u, split->train_count[u] - 1};
        }
    }
    return count;
}

struct nba_trainer *nba_trainer_create(const struct nba_dataset *dataset,
                                       const struct nba_split *split,
                                       const struct nba_fit_options *options,
                                       const struct nba_progress *progress,
                                       const struct nba_learner *learner)
{
    struct nba_trainer *t = nba_zeros(1, sizeof(*t));
    t->learner = *learner;
    t->options = *options;
    t->progress = progress;
    t->rng = nba_rng(options->seed ^ learner->salt);
    t->adam = nba_adam(options->rate);
    t->adam.decay = options->decay;
    t->adam.clip = options->clip;
    t->ranking = (struct nba_ranking){dataset, NBA_PROTOCOL_FULL, SAMPLED_NEGATIVES};
    if (dataset->fixed_test != NULL) {
        t->ranking.protocol = NBA_PROTOCOL_SAMPLED;
    } else if (split->by_time) {
        t->ranking.protocol = NBA_PROTOCOL_EXISTING;
    }
    const size_t query_bytes = sizeof(struct nba_query);
    t->training.queries = nba_pool_take(&t->pool, dataset->user_count, query_bytes);
    t->validation.queries = nba_pool_take(&t->pool, split->validation_count, query_bytes);
    for (size_t i = 0; options->average_epochs > 0.0 && i < learner->parameters->count; i++) {
        learner->parameters->items[i]->average =
            nba_pool_floats(&t->pool, nba_parameter_count(learner->parameters->items[i]));
    }
    const bool spare = learner->binary && t->ranking.protocol != NBA_PROTOCOL_SAMPLED;
    const size_t spare_max = spare ? BINARY_SCORES_MAX / dataset->content_count + 1 : SIZE_MAX;
    memcpy(t->validation.queries, split->validation, split->validation_count * query_bytes);
    t->training.count = nba_split_thin(
        t->training.queries, training_queries(dataset, split, t->training.queries), TRAINING_MAX);
    t->validation.count =
        nba_split_thin(t->validation.queries, split->validation_count, QUERIES_MAX);
    t->training.count = nba_split_thin(t->training.queries, t->training.count, spare_max);
    t->validation.count = nba_split_thin(t->validation.queries, t->validation.count, spare_max);
    return t;
}

void nba_trainer_destroy(struct nba_trainer *trainer)
{
    if (trainer != NULL) {
        nba_parameters_destroy(trainer->learner.parameters);
        nba_arena_clear(&trainer->pool);
        free(trainer);
    }
}

const struct nba_learner *nba_trainer_learner(const struct nba_trainer *trainer)
{
    return &trainer->learner;
}

/* ---- learning ---- */

/* Young averages forget fast, so that the first weights don't linger: 1 / step at first. */
static void add_to_averages(struct nba_trainer *t, size_t batches)
{
    const double steps = t->options.average_epochs * (double)batches;
    const double young = 0.2 * (double)t->adam.step;
    const double horizon = young < steps ? young : steps;
    const float part = horizon > 1.0 ? (float)(1.0 / horizon) : 1.0f;
    for (size_t i = 0; i < t->learner.parameters->count; i++) {
        const struct nba_parameter *p = t->learner.parameters->items[i];
        const size_t numbers = nba_parameter_count(p);
        for (size_t j = 0; j < numbers; j++) {
            p->average[j] += part * (p->value[j] - p->average[j]);
        }
    }
}

/* The averages in the values' place, and back. */
static void swap_averages(struct nba_trainer *t)
{
    for (size_t i = 0; t->options.average_epochs > 0.0 && i < t->learner.parameters->count; i++) {
        struct nba_parameter *p = t->learner.parameters->items[i];
        float *value = p->value;
        p->value = p->average;
        p->average = value;
    }
}

static enum nba_status learn(struct nba_trainer *t, double *ret_loss)
{
    const struct nba_learner *learner = &t->learner;
    const size_t end = learner->begin(learner->model, &t->rng);
    double loss = 0.0;
    size_t targets = 0;
    enum nba_status status = NBA_OK;
    for (size_t at = 0; at < end && status == NBA_OK;) {
        size_t batch_targets = 0;
        loss += learner->learn(learner->model, &at, &t->rng, &batch_targets);
        targets += batch_targets;
        const double norm = nba_adam_step(&t->adam, learner->parameters);
        if (t->options.average_epochs > 0.0) {
            add_to_averages(t, end);
        }
        if (!isfinite(loss) || !isfinite(norm)) {
            status = NBA_E_NON_FINITE;
        } else if (nba_progress_interrupted(t->progress)) {
            status = NBA_E_INTERRUPTED;
        }
    }
    *ret_loss = targets > 0 ? loss / (double)targets : 0.0;
    return status;
}

/* ---- judging ---- */

static double softmax_loss(const struct nba_ranks *ranks)
{
    const float *scores = ranks->scores;
    const size_t count = ranks->ranking.dataset->content_count;
    float largest = scores[0];
    for (size_t c = 1; c < count; c++) {
        largest = scores[c] > largest ? scores[c] : largest;
    }
    double sum = 0.0;
    for (size_t c = 0; c < count; c++) {
        sum += exp((double)(scores[c] - largest));
    }
    return log(sum) - (double)(scores[ranks->target] - largest);
}

/* The first few candidates from a place that depends on the query stand for all. */
static double binary_loss(const struct nba_ranks *ranks)
{
    const size_t count = ranks->ranking.dataset->content_count;
    double loss = log1p(exp(-(double)ranks->scores[ranks->target]));
    uint32_t found = 0;
    struct nba_rng rng = nba_rng(((uint64_t)ranks->query.user << 32) + ranks->query.position);
    for (size_t tries = 0; tries < 100 * count && found < BINARY_NEGATIVES; tries++) {
        const size_t c = nba_rng_below(&rng, count);
        if (ranks->is_candidate[c] != 0) {
            loss += log1p(exp((double)ranks->scores[c]));
            found++;
        }
    }
    return loss / (1.0 + found);
}

static void judge_sample(const struct nba_trainer *t, const struct sample *sample, double *ret_loss,
                         double *ret_metric)
{
    const double count = sample->count > 0 ? (double)sample->count : 1.0;
    struct nba_ranks ranks =
        nba_ranks(&t->ranking, &t->learner.ranker, sample->queries, sample->count);
    double loss = 0.0;
    double metric = 0.0;
    while (nba_ranks_next(&ranks)) {
        loss += t->learner.binary ? binary_loss(&ranks) : softmax_loss(&ranks);
        metric += nba_metric_of_rank(NBA_METRIC_NDCG, K_OF_CHOICE, ranks.rank);
    }
    *ret_loss = loss / count;
    *ret_metric = metric / count;
}

static void prepare(const struct nba_trainer *t)
{
    if (t->learner.prepare != NULL) {
        t->learner.prepare(t->learner.model);
    }
}

/* Both parts judged, the line filled in, and the parameters kept if they are the best. */
static void judge(struct nba_trainer *t, struct nba_learned *learned, struct nba_epoch *line)
{
    double training_loss = 0.0;
    swap_averages(t);
    prepare(t);
    judge_sample(t, &t->training, &training_loss, &line->metric);
    judge_sample(t, &t->validation, &line->validation_loss, &line->validation_metric);
    line->best = t->options.patience == 0 || learned->best_epoch == 0 ||
                 line->validation_metric > learned->best_metric;
    if (line->best) {
        learned->best_epoch = line->epoch;
        learned->best_metric = line->validation_metric;
        for (size_t i = 0; i < t->learner.parameters->count; i++) {
            const struct nba_parameter *p = t->learner.parameters->items[i];
            memcpy(p->best, p->value, nba_parameter_count(p) * sizeof(float));
        }
    }
    swap_averages(t);
}

static void recall(struct nba_trainer *t)
{
    for (size_t i = 0; i < t->learner.parameters->count; i++) {
        const struct nba_parameter *p = t->learner.parameters->items[i];
        memcpy(p->value, p->best, nba_parameter_count(p) * sizeof(float));
    }
    prepare(t);
}

/* ---- the loop ---- */

static enum nba_status stop_non_finite(const struct nba_trainer *t, uint32_t epoch,
                                       const struct nba_learned *learned, struct nba_error *error)
{
    char kept[32] = "";
    if (learned->best_epoch != 0) {
        (void)snprintf(kept, sizeof(kept), "; epoch %u is kept", learned->best_epoch);
    }
    return nba_error_set(error, NBA_E_NON_FINITE,
                         "%s: loss is not finite in epoch %u at step %" PRIu64 "%s",
                         t->learner.name, epoch, t->adam.step, kept);
}

enum nba_status nba_trainer_run(struct nba_trainer *trainer, struct nba_learned *ret_learned,
                                struct nba_error *error)
{
    const struct nba_fit_options *options = &trainer->options;
    const int64_t start_us = nba_clock_monotonic_us(trainer->progress->clock);
    enum nba_status status = NBA_OK;
    bool done = false;
    NBA_ASSERT(options->epochs > 0 && options->epochs <= NBA_EPOCHS_MAX);
    memset(ret_learned, 0, sizeof(*ret_learned));
    for (uint32_t epoch = 1; !done && epoch <= options->epochs; epoch++) {
        const int64_t epoch_us = nba_clock_monotonic_us(trainer->progress->clock);
        struct nba_epoch line = {
            .model = trainer->learner.name, .epoch = epoch, .epochs = options->epochs};
        status = learn(trainer, &line.loss);
        ret_learned->interrupted = status == NBA_E_INTERRUPTED;
        if (status == NBA_E_NON_FINITE) {
            status = stop_non_finite(trainer, epoch, ret_learned, error);
            break;
        }
        if (ret_learned->interrupted && ret_learned->best_epoch != 0) {
            status = NBA_OK;
            break;
        }
        status = NBA_OK;
        judge(trainer, ret_learned, &line);
        line.seconds = seconds_since(trainer->progress, epoch_us);
        line.seconds_left =
            seconds_since(trainer->progress, start_us) / epoch * (options->epochs - epoch);
        ret_learned->epochs_run = epoch;
        ret_learned->history[epoch - 1] = line;
        if (trainer->progress->epoch != NULL) {
            trainer->progress->epoch(trainer->progress->context, &line);
        }
        done = ret_learned->interrupted ||
               (options->patience > 0 && epoch - ret_learned->best_epoch >= options->patience);
    }
    if (ret_learned->best_epoch != 0) {
        recall(trainer);
    }
    ret_learned->seconds = seconds_since(trainer->progress, start_us);
    return status;
}

/* ---- printing ---- */

void nba_epoch_print(const struct nba_epoch *epoch, struct nba_buf *text)
{
    nba_buf_printf(text,
                   "%s epoch %u/%u loss %.4f val %.4f ndcg@10 %.4f val %.4f%s %.1f s, "
                   "at most %.0f s left",
                   epoch->model, epoch->epoch, epoch->epochs, epoch->loss, epoch->validation_loss,
                   epoch->metric, epoch->validation_metric, epoch->best ? " *" : "", epoch->seconds,
                   epoch->seconds_left);
}

void nba_learned_print_json(const struct nba_learned *learned, struct nba_buf *text)
{
    nba_buf_printf(text, "[");
    for (uint32_t i = 0; i < learned->epochs_run; i++) {
        const struct nba_epoch *e = &learned->history[i];
        nba_buf_printf(text,
                       "%s{\"model\":\"%s\",\"epoch\":%u,\"loss\":%.6f,\"validation_loss\":%.6f,"
                       "\"ndcg10\":%.6f,\"validation_ndcg10\":%.6f,\"seconds\":%.3f,\"best\":%s}",
                       i > 0 ? "," : "", e->model, e->epoch, e->loss, e->validation_loss, e->metric,
                       e->validation_metric, e->seconds,
                       e->epoch == learned->best_epoch ? "true" : "false");
    }
    nba_buf_printf(text, "]");
}
