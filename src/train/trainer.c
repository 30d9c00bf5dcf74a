#include "nba/train/trainer.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "nba/base/assert.h"
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

/* One training. */
struct trainer {
    const struct nba_learner *learner;
    const struct nba_fit_options *options;
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

/* As many of the queries as an epoch can afford. */
static void thin(const struct trainer *t, struct sample *sample, size_t most)
{
    const bool few = t->ranking.protocol == NBA_PROTOCOL_SAMPLED;
    sample->count = nba_split_thin(sample->queries, sample->count, most);
    if (t->learner->binary && !few) {
        sample->count = nba_split_thin(sample->queries, sample->count,
                                       BINARY_SCORES_MAX / t->ranking.dataset->content_count + 1);
    }
}

/* Of training the last position of each user. */
static void find_queries(struct trainer *t, const struct nba_split *split)
{
    struct nba_arena *pool = &t->learner->parameters->pool;
    const uint32_t users = t->ranking.dataset->user_count;
    t->training.queries = nba_pool_take(pool, users, sizeof(struct nba_query));
    for (uint32_t u = 0; u < users; u++) {
        if (split->train_count[u] >= 2) {
            t->training.queries[t->training.count++] =
                (struct nba_query){u, split->train_count[u] - 1};
        }
    }
    t->validation.count = split->validation_count;
    t->validation.queries = nba_pool_take(pool, t->validation.count, sizeof(struct nba_query));
    memcpy(t->validation.queries, split->validation,
           t->validation.count * sizeof(struct nba_query));
    thin(t, &t->training, TRAINING_MAX);
    thin(t, &t->validation, QUERIES_MAX);
}

static void trainer_init(struct trainer *t, const struct nba_dataset *dataset,
                         const struct nba_split *split)
{
    struct nba_parameters *all = t->learner->parameters;
    t->rng = nba_rng(t->options->seed ^ t->learner->salt);
    t->adam = nba_adam(t->options->rate);
    t->adam.decay = t->options->decay;
    t->adam.clip = t->options->clip;
    t->ranking = (struct nba_ranking){dataset, NBA_PROTOCOL_FULL, SAMPLED_NEGATIVES};
    if (dataset->fixed_test != NULL) {
        t->ranking.protocol = NBA_PROTOCOL_SAMPLED;
    } else if (split->by_time) {
        t->ranking.protocol = NBA_PROTOCOL_EXISTING;
    }
    for (size_t i = 0; t->options->average_epochs > 0.0 && i < all->count; i++) {
        all->items[i]->average = nba_pool_floats(&all->pool, nba_parameter_count(all->items[i]));
    }
    find_queries(t, split);
}

/* ---- learning ---- */

/* Young averages forget fast, so that the first weights don't linger: 1 / step at first. */
static void add_to_averages(struct trainer *t, size_t batches)
{
    const double steps = t->options->average_epochs * (double)batches;
    const double young = 0.2 * (double)t->adam.step;
    const double horizon = young < steps ? young : steps;
    const float part = horizon > 1.0 ? (float)(1.0 / horizon) : 1.0f;
    for (size_t i = 0; i < t->learner->parameters->count; i++) {
        const struct nba_parameter *p = t->learner->parameters->items[i];
        const size_t numbers = nba_parameter_count(p);
        for (size_t j = 0; j < numbers; j++) {
            p->average[j] += part * (p->value[j] - p->average[j]);
        }
    }
}

/* The averages in the values' place, and back. */
static void swap_averages(struct trainer *t)
{
    for (size_t i = 0; t->options->average_epochs > 0.0 && i < t->learner->parameters->count; i++) {
        struct nba_parameter *p = t->learner->parameters->items[i];
        float *value = p->value;
        p->value = p->average;
        p->average = value;
    }
}

static enum nba_status learn(struct trainer *t, double *ret_loss)
{
    const struct nba_learner *learner = t->learner;
    const size_t end = learner->begin(learner->model, &t->rng);
    double loss = 0.0;
    size_t targets = 0;
    enum nba_status status = NBA_OK;
    for (size_t at = 0; at < end && status == NBA_OK;) {
        size_t batch_targets = 0;
        loss += learner->learn(learner->model, &at, &t->rng, &batch_targets);
        targets += batch_targets;
        const double norm = nba_adam_step(&t->adam, learner->parameters);
        if (t->options->average_epochs > 0.0) {
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

static void judge_sample(const struct trainer *t, const struct sample *sample, double *ret_loss,
                         double *ret_metric)
{
    const double count = sample->count > 0 ? (double)sample->count : 1.0;
    struct nba_ranks ranks =
        nba_ranks(&t->ranking, &t->learner->ranker, sample->queries, sample->count);
    double loss = 0.0;
    double metric = 0.0;
    while (nba_ranks_next(&ranks)) {
        loss += t->learner->binary ? binary_loss(&ranks) : softmax_loss(&ranks);
        metric += nba_metric_of_rank(NBA_METRIC_NDCG, K_OF_CHOICE, ranks.rank);
    }
    *ret_loss = loss / count;
    *ret_metric = metric / count;
}

static void prepare(const struct trainer *t)
{
    if (t->learner->prepare != NULL) {
        t->learner->prepare(t->learner->model);
    }
}

/* Both parts judged, the line filled in, and the parameters kept if they are the best. */
static void judge(struct trainer *t, struct nba_learned *learned, struct nba_epoch *line)
{
    double training_loss = 0.0;
    swap_averages(t);
    prepare(t);
    judge_sample(t, &t->training, &training_loss, &line->metric);
    judge_sample(t, &t->validation, &line->validation_loss, &line->validation_metric);
    line->best = t->options->patience == 0 || learned->best_epoch == 0 ||
                 line->validation_metric > learned->best_metric;
    if (line->best) {
        learned->best_epoch = line->epoch;
        learned->best_metric = line->validation_metric;
        for (size_t i = 0; i < t->learner->parameters->count; i++) {
            const struct nba_parameter *p = t->learner->parameters->items[i];
            memcpy(p->best, p->value, nba_parameter_count(p) * sizeof(float));
        }
    }
    swap_averages(t);
}

static void recall(struct trainer *t)
{
    for (size_t i = 0; i < t->learner->parameters->count; i++) {
        const struct nba_parameter *p = t->learner->parameters->items[i];
        memcpy(p->value, p->best, nba_parameter_count(p) * sizeof(float));
    }
    prepare(t);
}

/* ---- the loop ---- */

static enum nba_status stop_non_finite(const struct trainer *t, uint32_t epoch,
                                       const struct nba_learned *learned, struct nba_error *error)
{
    char kept[32] = "";
    if (learned->best_epoch != 0) {
        (void)snprintf(kept, sizeof(kept), "; epoch %u is kept", learned->best_epoch);
    }
    return nba_error_set(error, NBA_E_NON_FINITE,
                         "%s: loss is not finite in epoch %u at step %" PRIu64 "%s",
                         t->learner->name, epoch, t->adam.step, kept);
}

enum nba_status nba_trainer_run(const struct nba_learner *learner,
                                const struct nba_dataset *dataset, const struct nba_split *split,
                                const struct nba_fit_options *options,
                                const struct nba_progress *progress,
                                struct nba_learned *ret_learned, struct nba_error *error)
{
    const int64_t start_us = nba_clock_monotonic_us(progress->clock);
    struct trainer trainer = {.learner = learner, .options = options, .progress = progress};
    enum nba_status status = NBA_OK;
    bool done = false;
    NBA_ASSERT(options->epochs > 0 && options->epochs <= NBA_EPOCHS_MAX);
    memset(ret_learned, 0, sizeof(*ret_learned));
    trainer_init(&trainer, dataset, split);
    for (uint32_t epoch = 1; !done && epoch <= options->epochs; epoch++) {
        const int64_t epoch_us = nba_clock_monotonic_us(progress->clock);
        struct nba_epoch line = {.model = learner->name, .epoch = epoch, .epochs = options->epochs};
        status = learn(&trainer, &line.loss);
        ret_learned->interrupted = status == NBA_E_INTERRUPTED;
        if (status == NBA_E_NON_FINITE) {
            status = stop_non_finite(&trainer, epoch, ret_learned, error);
            break;
        }
        if (ret_learned->interrupted && ret_learned->best_epoch != 0) {
            status = NBA_OK;
            break;
        }
        status = NBA_OK;
        judge(&trainer, ret_learned, &line);
        line.seconds = seconds_since(progress, epoch_us);
        line.seconds_left = seconds_since(progress, start_us) / epoch * (options->epochs - epoch);
        ret_learned->epochs_run = epoch;
        ret_learned->history[epoch - 1] = line;
        if (progress->epoch != NULL) {
            progress->epoch(progress->context, &line);
        }
        done = ret_learned->interrupted ||
               (options->patience > 0 && epoch - ret_learned->best_epoch >= options->patience);
    }
    if (ret_learned->best_epoch != 0) {
        recall(&trainer);
    }
    ret_learned->seconds = seconds_since(progress, start_us);
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
