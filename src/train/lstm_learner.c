#include "nba/train/lstm_learner.h"

#include <stdlib.h>

#include "nba/base/assert.h"
#include "nba/train/window.h"

/* One run of one user. */
struct run {
    uint32_t user, index;
    uint32_t count;
    uint32_t chance; /* order among equal lengths, drawn anew every epoch */
};

struct lstm {
    const struct nba_dataset *dataset;
    const struct nba_split *split;
    struct nba_lstm_options options;
    struct nba_lstm_net *net;
    struct run *runs;
    size_t run_count;
    uint32_t *batches; /* first run of each batch, shuffled */
    size_t batch_count;
};

struct nba_lstm_options nba_lstm_options(void)
{
    return (struct nba_lstm_options){
        .width = 64,
        .hidden = 128,
        .fit = {.window_events = 64,
                .batch = 16,
                .rate = 2e-3,
                .dropout = 0.35,
                .clip = 5.0,
                .average_epochs = 2.0,
                .epochs = 60,
                .patience = 8,
                .seed = 1},
    };
}

struct nba_lstm_shape nba_lstm_learner_shape(const struct nba_dataset *dataset,
                                             const struct nba_lstm_options *options)
{
    return (struct nba_lstm_shape){dataset->content_count, options->width, options->hidden,
                                   options->width};
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

static size_t lstm_begin(void *model, struct nba_rng *rng)
{
    struct lstm *m = model;
    for (size_t i = 0; i < m->run_count; i++) {
        m->runs[i].chance = (uint32_t)nba_rng_next(rng);
    }
    qsort(m->runs, m->run_count, sizeof(*m->runs), compare_runs);
    for (size_t b = 0; b < m->batch_count; b++) {
        m->batches[b] = (uint32_t)(b * m->options.fit.batch);
    }
    nba_rng_shuffle(rng, m->batches, m->batch_count, sizeof(*m->batches));
    return m->batch_count;
}

static double lstm_learn(void *model, size_t *at, struct nba_rng *rng, size_t *ret_targets)
{
    struct lstm *m = model;
    struct nba_sequence sequences[NBA_LSTM_NET_BATCH_MAX];
    const size_t first = m->batches[(*at)++];
    size_t count = 0;
    for (; count < m->options.fit.batch && first + count < m->run_count; count++) {
        const struct run *run = &m->runs[first + count];
        const struct nba_window w = nba_window_at(run->index, m->split->train_count[run->user],
                                                  m->options.fit.window_events);
        sequences[count] = (struct nba_sequence){
            m->dataset->sequence + m->dataset->sequence_offset[run->user] + w.start, w.count,
            w.loss_from};
    }
    return nba_lstm_net_learn(m->net, sequences, count, rng, ret_targets);
}

/* As many histories at a time as a batch has sequences: that is what the net has room for. */
static void lstm_score(void *model, const struct nba_query *queries, size_t count,
                       float *ret_scores)
{
    struct lstm *m = model;
    struct nba_sequence histories[NBA_RANKING_BATCH];
    const size_t batch = m->options.fit.batch;
    NBA_ASSERT(count <= NBA_RANKING_BATCH);
    for (size_t i = 0; i < count; i++) {
        const uint32_t n = queries[i].position;
        const uint32_t start = nba_window_start(n, m->options.fit.window_events);
        histories[i] = (struct nba_sequence){
            m->dataset->sequence + m->dataset->sequence_offset[queries[i].user] + start, n - start,
            1};
    }
    for (size_t from = 0; from < count; from += batch) {
        nba_lstm_net_score(m->net, histories + from, count - from < batch ? count - from : batch,
                           ret_scores + from * m->dataset->content_count);
    }
}

static void find_runs(struct lstm *m, struct nba_arena *pool)
{
    const uint32_t W = m->options.fit.window_events;
    size_t count = 0;
    for (uint32_t u = 0; u < m->dataset->user_count; u++) {
        count += nba_window_count(m->split->train_count[u], W);
    }
    m->batch_count = (count + m->options.fit.batch - 1) / m->options.fit.batch;
    m->runs = nba_pool_take(pool, count, sizeof(*m->runs));
    m->batches = nba_pool_take(pool, m->batch_count, sizeof(*m->batches));
    for (uint32_t u = 0; u < m->dataset->user_count; u++) {
        const uint32_t length = m->split->train_count[u];
        for (uint32_t i = 0; i < nba_window_count(length, W); i++) {
            m->runs[m->run_count++] = (struct run){u, i, nba_window_at(i, length, W).count, 0};
        }
    }
}

enum nba_status nba_lstm_learner(const struct nba_dataset *dataset, const struct nba_split *split,
                                 const struct nba_lstm_options *options,
                                 struct nba_learner *ret_learner, struct nba_error *error)
{
    const struct nba_fit_options *fit = &options->fit;
    NBA_ASSERT(nba_fit_options_check(fit, "lstm", 1, NBA_LSTM_NET_BATCH_MAX, NULL) == NBA_OK);
    struct nba_parameters *all = nba_parameters_create();
    struct lstm *m = nba_pool_take(&all->pool, 1, sizeof(*m));
    m->dataset = dataset;
    m->split = split;
    m->options = *options;
    m->net =
        nba_lstm_net_create(all, nba_lstm_learner_shape(dataset, options),
                            (size_t)fit->batch * 2 * fit->window_events, fit->dropout, fit->seed);
    find_runs(m, &all->pool);
    if (m->run_count == 0) {
        nba_parameters_destroy(all);
        return nba_error_set(error, NBA_E_NOT_FOUND, "no user has two engagements to learn from");
    }
    *ret_learner = (struct nba_learner){
        .name = "lstm",
        .salt = 0x6c73746du,
        .model = m,
        .parameters = all,
        .begin = lstm_begin,
        .learn = lstm_learn,
        .ranker = {"lstm", m, lstm_score, NULL},
        .served = {"lstm", m, lstm_score, NULL},
    };
    return NBA_OK;
}

bool nba_lstm_learner_rounds(const struct nba_learner *learner)
{
    return ((const struct lstm *)learner->model)->options.bf16;
}

/* Biases, of one row each, stay: nothing is gained by them. */
void nba_lstm_learner_round(const struct nba_learner *learner)
{
    const struct lstm *m = learner->model;
    const struct nba_parameters *all = learner->parameters;
    NBA_ASSERT(learner->begin == lstm_begin);
    for (size_t p = 0; m->options.bf16 && p < all->count; p++) {
        const struct nba_parameter *parameter = all->items[p];
        for (size_t i = 0; parameter->rows > 1 && i < nba_parameter_count(parameter); i++) {
            parameter->value[i] = nba_bf16(parameter->value[i]);
        }
    }
}

struct nba_lstm_weights nba_lstm_learner_weights(const struct nba_learner *learner)
{
    const struct lstm *m = learner->model;
    NBA_ASSERT(learner->begin == lstm_begin);
    struct nba_lstm_weights weights = nba_lstm_net_weights(m->net);
    weights.bf16 = m->options.bf16;
    return weights;
}
