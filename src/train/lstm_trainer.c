#include "nba/train/lstm_trainer.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "measure_internal.h"
#include "nba/base/assert.h"
#include "nba/train/adam.h"
#include "nba/train/window.h"

/* One run of one user. */
struct run {
    uint32_t user, index;
    uint32_t count;
    uint32_t chance; /* order among equal lengths, drawn anew every epoch */
};

struct nba_lstm_trainer {
    const struct nba_dataset *dataset;
    const struct nba_split *split;
    struct nba_lstm_options options;
    const struct nba_progress *progress;
    struct nba_lstm_net *net;
    struct nba_adam adam;
    struct nba_rng rng;
    struct measure measure;
    struct run *runs;
    size_t run_count;
    float *averages[NBA_LSTM_NET_PARAMETERS];
    uint32_t *batches; /* first run of each batch, shuffled */
    size_t batch_count;
};

struct nba_lstm_options nba_lstm_options(void)
{
    return (struct nba_lstm_options){
        .width = 64,
        .hidden = 128,
        .window_events = 64,
        .batch = 16,
        .rate = 4e-3,
        .dropout = 0.3,
        .clip = 5.0,
        .average_epochs = 2.0,
        .loop = {.epochs = 40, .patience = 5},
        .seed = 1,
    };
}

static bool find_runs(struct nba_lstm_trainer *t)
{
    const uint32_t W = t->options.window_events;
    size_t count = 0;
    for (uint32_t u = 0; u < t->dataset->user_count; u++) {
        count += nba_window_count(t->split->train_count[u], W);
    }
    t->runs = calloc(count + 1, sizeof(*t->runs));
    t->batch_count = (count + t->options.batch - 1) / t->options.batch;
    t->batches = calloc(t->batch_count + 1, sizeof(*t->batches));
    if (t->runs == NULL || t->batches == NULL) {
        return false;
    }
    for (uint32_t u = 0; u < t->dataset->user_count; u++) {
        const uint32_t length = t->split->train_count[u];
        for (uint32_t i = 0; i < nba_window_count(length, W); i++) {
            t->runs[t->run_count++] = (struct run){u, i, nba_window_at(i, length, W).count, 0};
        }
    }
    return true;
}

static bool make_averages(struct nba_lstm_trainer *t)
{
    size_t count = 0;
    struct nba_parameter *const *parameters = nba_lstm_net_parameters(t->net, &count);
    for (size_t i = 0; i < count; i++) {
        t->averages[i] = calloc(nba_parameter_count(parameters[i]), sizeof(float));
        if (t->averages[i] == NULL) {
            return false;
        }
    }
    return true;
}

enum nba_status nba_lstm_trainer_create(const struct nba_dataset *dataset,
                                        const struct nba_split *split,
                                        const struct nba_lstm_options *options,
                                        const struct nba_progress *progress,
                                        struct nba_lstm_trainer **ret_trainer,
                                        struct nba_error *error)
{
    NBA_ASSERT(options->batch > 0 && options->batch <= NBA_LSTM_NET_BATCH_MAX);
    NBA_ASSERT(options->window_events > 0 && 2 * options->window_events <= NBA_PACKING_STEPS_MAX);
    struct nba_lstm_trainer *t = calloc(1, sizeof(*t));
    if (t == NULL) {
        return nba_error_set(error, NBA_E_NO_MEMORY, "out of memory");
    }
    t->dataset = dataset;
    t->split = split;
    t->options = *options;
    t->progress = progress;
    t->rng = nba_rng(options->seed ^ 0x6c73746du);
    t->adam = nba_adam(options->rate);
    t->adam.decay = options->decay;
    t->adam.clip = options->clip;
    const size_t rows_max = (size_t)options->batch * 2 * options->window_events;
    const struct nba_lstm_net_shape shape = {dataset->content_count, options->width,
                                             options->hidden};
    if (!find_runs(t) || !nba_measure_init(&t->measure, dataset, split) ||
        nba_lstm_net_create(shape, rows_max, options->dropout, options->seed, &t->net) != NBA_OK ||
        !make_averages(t)) {
        nba_lstm_trainer_destroy(t);
        return nba_error_set(error, NBA_E_NO_MEMORY, "out of memory");
    }
    if (t->run_count == 0) {
        nba_lstm_trainer_destroy(t);
        return nba_error_set(error, NBA_E_NOT_FOUND, "no user has two engagements to learn from");
    }
    *ret_trainer = t;
    return NBA_OK;
}

void nba_lstm_trainer_destroy(struct nba_lstm_trainer *trainer)
{
    if (trainer == NULL) {
        return;
    }
    nba_lstm_net_destroy(trainer->net);
    nba_measure_clear(&trainer->measure);
    for (size_t i = 0; i < NBA_LSTM_NET_PARAMETERS; i++) {
        free(trainer->averages[i]);
    }
    free(trainer->runs);
    free(trainer->batches);
    free(trainer);
}

/* Young averages forget fast, so that the first weights don't linger: 1 / step at first. */
static void add_to_averages(struct nba_lstm_trainer *t)
{
    size_t count = 0;
    struct nba_parameter *const *parameters = nba_lstm_net_parameters(t->net, &count);
    const double steps = t->options.average_epochs * (double)t->batch_count;
    const double young = 0.2 * (double)t->adam.step;
    const double horizon = young < steps ? young : steps;
    const float part = horizon > 1.0 ? (float)(1.0 / horizon) : 1.0f;
    for (size_t i = 0; i < count; i++) {
        const float *value = parameters[i]->value;
        float *average = t->averages[i];
        const size_t numbers = nba_parameter_count(parameters[i]);
        for (size_t j = 0; j < numbers; j++) {
            average[j] += part * (value[j] - average[j]);
        }
    }
}

static void swap_averages(struct nba_lstm_trainer *t)
{
    size_t count = 0;
    struct nba_parameter *const *parameters = nba_lstm_net_parameters(t->net, &count);
    for (size_t i = 0; i < count; i++) {
        const size_t numbers = nba_parameter_count(parameters[i]);
        for (size_t j = 0; j < numbers; j++) {
            const float value = parameters[i]->value[j];
            parameters[i]->value[j] = t->averages[i][j];
            t->averages[i][j] = value;
        }
    }
}

static int compare_runs(const void *a, const void *b)
{
    const struct run *x = a;
    const struct run *y = b;
    if (x->count != y->count) {
        return x->count > y->count ? -1 : 1;
    }
    if (x->chance != y->chance) {
        return x->chance > y->chance ? -1 : 1;
    }
    /* A total order, so that the sort's own choices can't show. */
    return x->user != y->user ? (x->user > y->user) - (x->user < y->user)
                              : (x->index > y->index) - (x->index < y->index);
}

static void order_batches(struct nba_lstm_trainer *t)
{
    for (size_t i = 0; i < t->run_count; i++) {
        t->runs[i].chance = (uint32_t)nba_rng_next(&t->rng);
    }
    qsort(t->runs, t->run_count, sizeof(*t->runs), compare_runs);
    for (size_t b = 0; b < t->batch_count; b++) {
        t->batches[b] = (uint32_t)(b * t->options.batch);
    }
    for (size_t b = t->batch_count; b > 1; b--) {
        const size_t other = nba_rng_below(&t->rng, b);
        const uint32_t first = t->batches[b - 1];
        t->batches[b - 1] = t->batches[other];
        t->batches[other] = first;
    }
}

static double learn_batch(struct nba_lstm_trainer *t, size_t first, size_t *ret_targets)
{
    struct nba_sequence sequences[NBA_LSTM_NET_BATCH_MAX];
    size_t count = t->run_count - first;
    count = count < t->options.batch ? count : t->options.batch;
    for (size_t i = 0; i < count; i++) {
        const struct run *run = &t->runs[first + i];
        const struct nba_window w =
            nba_window_at(run->index, t->split->train_count[run->user], t->options.window_events);
        sequences[i] = (struct nba_sequence){t->dataset->sequence +
                                                 t->dataset->sequence_offset[run->user] + w.start,
                                             w.count, w.loss_from};
    }
    return nba_lstm_net_learn(t->net, sequences, count, &t->rng, ret_targets);
}

static enum nba_status lstm_learn(void *context, uint32_t epoch, double *ret_loss,
                                  uint64_t *ret_step)
{
    struct nba_lstm_trainer *t = context;
    double loss = 0.0;
    size_t targets = 0;
    size_t parameter_count = 0;
    struct nba_parameter *const *parameters = nba_lstm_net_parameters(t->net, &parameter_count);
    enum nba_status status = NBA_OK;
    (void)epoch;
    order_batches(t);
    for (size_t b = 0; b < t->batch_count && status == NBA_OK; b++) {
        size_t batch_targets = 0;
        loss += learn_batch(t, t->batches[b], &batch_targets);
        targets += batch_targets;
        const double norm = nba_adam_step(&t->adam, parameters, parameter_count);
        add_to_averages(t);
        if (!isfinite(loss) || !isfinite(norm)) {
            status = NBA_E_NON_FINITE;
        } else if (nba_progress_interrupted(t->progress)) {
            status = NBA_E_INTERRUPTED;
        }
    }
    *ret_step = t->adam.step;
    *ret_loss = targets > 0 ? loss / (double)targets : 0.0;
    return status;
}

static enum nba_status lstm_measure(void *context, bool validation,
                                    struct nba_measured *ret_measured)
{
    struct nba_lstm_trainer *t = context;
    const struct nba_ranker ranker = nba_lstm_trainer_ranker(t);
    swap_averages(t);
    const enum nba_status status =
        nba_measure_softmax(&t->measure, &ranker, validation, ret_measured);
    swap_averages(t);
    return status;
}

static void lstm_keep(void *context)
{
    struct nba_lstm_trainer *t = context;
    size_t count = 0;
    struct nba_parameter *const *parameters = nba_lstm_net_parameters(t->net, &count);
    swap_averages(t);
    for (size_t i = 0; i < count; i++) {
        nba_parameter_keep(parameters[i]);
    }
    swap_averages(t);
}

static void lstm_recall(void *context)
{
    struct nba_lstm_trainer *t = context;
    size_t count = 0;
    struct nba_parameter *const *parameters = nba_lstm_net_parameters(t->net, &count);
    for (size_t i = 0; i < count; i++) {
        nba_parameter_recall(parameters[i]);
    }
}

enum nba_status nba_lstm_trainer_run(struct nba_lstm_trainer *trainer,
                                     struct nba_learned *ret_learned, struct nba_error *error)
{
    const struct nba_learner learner = {.model = "lstm",
                                        .context = trainer,
                                        .learn = lstm_learn,
                                        .measure = lstm_measure,
                                        .keep = lstm_keep,
                                        .recall = lstm_recall};
    return nba_learner_run(&learner, &trainer->options.loop, trainer->progress, ret_learned, error);
}

/* As many histories at a time as a batch has sequences: that is what the net has room for. */
static void lstm_score(void *context, const struct nba_query *queries, size_t count,
                       float *ret_scores)
{
    struct nba_lstm_trainer *t = context;
    struct nba_sequence histories[NBA_RANKING_BATCH];
    NBA_ASSERT(count <= NBA_RANKING_BATCH);
    for (size_t i = 0; i < count; i++) {
        const uint32_t n = queries[i].position;
        const uint32_t start = nba_window_start(n, t->options.window_events);
        histories[i] = (struct nba_sequence){
            t->dataset->sequence + t->dataset->sequence_offset[queries[i].user] + start, n - start,
            1};
    }
    for (size_t from = 0; from < count; from += t->options.batch) {
        const size_t left = count - from;
        nba_lstm_net_score(t->net, histories + from,
                           left < t->options.batch ? left : t->options.batch,
                           ret_scores + from * t->dataset->content_count);
    }
}

struct nba_ranker nba_lstm_trainer_ranker(struct nba_lstm_trainer *trainer)
{
    return (struct nba_ranker){.name = "lstm", .context = trainer, .score = lstm_score};
}

struct nba_lstm_weights nba_lstm_trainer_weights(struct nba_lstm_trainer *trainer)
{
    return nba_lstm_net_weights(trainer->net);
}
