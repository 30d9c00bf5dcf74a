#include "nba/train/ncf_learner.h"

#include <stdlib.h>

#include "nba/base/assert.h"
#include "nba/train/window.h"

struct chunk {
    uint32_t user;
    uint32_t start; /* of the run, in the sequence */
    uint32_t first; /* position in the run */
    uint32_t count;
};

/* The same model ranking by the whole history, or by the window. */
struct view {
    struct ncf *ncf;
    bool windowed;
};

struct ncf {
    const struct nba_dataset *dataset;
    const struct nba_split *split;
    struct nba_ncf_options options;
    struct nba_ncf_net *net;
    struct view own, served;
    struct chunk *chunks;
    size_t chunk_count;
    struct nba_ncf_group *groups; /* (batch) a chunk may hold a single position */
    uint32_t *negatives;          /* (batch, negatives) */
    uint32_t *stamp;              /* (N) user + 1 that touched it last */
};

struct nba_ncf_options nba_ncf_options(void)
{
    return (struct nba_ncf_options){
        .width = 64,
        .layer_1 = 128,
        .layer_2 = 64,
        .layer_3 = 32,
        .negatives = 4,
        .fit = {.window_events = 64,
                .batch = 256,
                .rate = 1e-3,
                .dropout = 0.3,
                .epochs = 20,
                .patience = 3,
                .seed = 1},
    };
}

struct nba_ncf_shape nba_ncf_learner_shape(const struct nba_dataset *dataset,
                                           const struct nba_ncf_options *options)
{
    return (struct nba_ncf_shape){dataset->content_count, 1 + dataset->specialty_count,
                                  options->width,         options->layer_1,
                                  options->layer_2,       options->layer_3};
}

/* ---- batches ---- */

/* Notes them, or counts as long as there is no room. */
static void add_chunks(struct ncf *m, uint32_t user, uint32_t start, uint32_t first, uint32_t end)
{
    for (uint32_t p = first; p < end; p += NBA_NCF_CHUNK, m->chunk_count++) {
        if (m->chunks != NULL) {
            m->chunks[m->chunk_count] =
                (struct chunk){user, start, p, end - p < NBA_NCF_CHUNK ? end - p : NBA_NCF_CHUNK};
        }
    }
}

static void find_chunks(struct ncf *m)
{
    const uint32_t W = m->options.fit.window_events;
    m->chunk_count = 0;
    for (uint32_t u = 0; u < m->dataset->user_count; u++) {
        const uint32_t length = m->split->train_count[u];
        if (!m->dataset->ordered) {
            add_chunks(m, u, 0, 0, length);
            continue;
        }
        /* A first engagement teaches the prior, so position 0 counts here. */
        const uint32_t runs = length == 1 ? 1 : nba_window_count(length, W);
        for (uint32_t i = 0; i < runs; i++) {
            const struct nba_window w = nba_window_at(i, length, W);
            add_chunks(m, u, w.start, i == 0 ? 0 : w.loss_from, w.count);
        }
    }
}

static size_t ncf_begin(void *model, struct nba_rng *rng)
{
    struct ncf *m = model;
    nba_rng_shuffle(rng, m->chunks, m->chunk_count, sizeof(*m->chunks));
    return m->chunk_count;
}

/* Contents the user's training positions don't hold; a user who has them all gets any. */
static void draw_negatives(struct ncf *m, uint32_t user, struct nba_rng *rng,
                           uint32_t *ret_negatives, size_t count)
{
    const uint32_t N = m->dataset->content_count;
    const uint32_t *sequence = m->dataset->sequence + m->dataset->sequence_offset[user];
    for (uint32_t i = 0; i < m->split->train_count[user]; i++) {
        m->stamp[sequence[i]] = user + 1;
    }
    for (size_t i = 0; i < count; i++) {
        uint32_t content = (uint32_t)nba_rng_below(rng, N);
        for (uint32_t tries = 0; tries < N && m->stamp[content] == user + 1; tries++) {
            content = (uint32_t)nba_rng_below(rng, N);
        }
        ret_negatives[i] = content;
    }
}

/* Chunks from `at` on until the batch is full. */
static double ncf_learn(void *model, size_t *at, struct nba_rng *rng, size_t *ret_targets)
{
    struct ncf *m = model;
    const struct nba_dataset *d = m->dataset;
    const uint32_t K = m->options.negatives;
    size_t groups = 0;
    uint32_t contexts = 0;
    for (; *at < m->chunk_count; ++*at) {
        const struct chunk *chunk = &m->chunks[*at];
        if (contexts + chunk->count > m->options.fit.batch) {
            break;
        }
        uint32_t *negatives = m->negatives + (size_t)contexts * K;
        draw_negatives(m, chunk->user, rng, negatives, (size_t)chunk->count * K);
        m->groups[groups++] = (struct nba_ncf_group){
            .segment = m->options.users ? chunk->user : d->segment[chunk->user],
            .run = d->sequence + d->sequence_offset[chunk->user] + chunk->start,
            .run_count =
                d->ordered ? chunk->first + chunk->count : m->split->train_count[chunk->user],
            .ordered = d->ordered,
            .first = chunk->first,
            .count = chunk->count,
            .negatives = negatives,
        };
        contexts += chunk->count;
    }
    return nba_ncf_net_learn(m->net, m->groups, groups, rng, ret_targets);
}

/* ---- ranking ---- */

static void ncf_prepare(void *model)
{
    const struct ncf *m = model;
    nba_ncf_net_prepare(m->net);
}

static void score_some(void *context, struct nba_query query, const uint32_t *contents,
                       size_t count, float *ret_scores)
{
    const struct view *view = context;
    const struct ncf *m = view->ncf;
    const struct nba_dataset *d = m->dataset;
    float user[2 * NBA_NCF_WIDTH_MAX];
    const uint32_t n = m->options.users ? 0 : query.position;
    const uint32_t start = view->windowed ? nba_window_start(n, m->options.fit.window_events) : 0;
    nba_ncf_net_fold_in(m->net, m->options.users ? query.user : d->segment[query.user],
                        d->sequence + d->sequence_offset[query.user] + start, n - start, user);
    nba_ncf_net_score(m->net, user, contents, count, ret_scores);
}

static void score(void *context, const struct nba_query *queries, size_t count, float *ret_scores)
{
    const struct view *view = context;
    const size_t N = view->ncf->dataset->content_count;
    for (size_t i = 0; i < count; i++) {
        score_some(context, queries[i], NULL, N, ret_scores + i * N);
    }
}

/* ---- making ---- */

static void make(struct ncf *m, struct nba_parameters *all)
{
    const struct nba_ncf_options *options = &m->options;
    const size_t batch = options->fit.batch;
    struct nba_ncf_shape shape = nba_ncf_learner_shape(m->dataset, options);
    const struct nba_ncf_net_options net = {.contexts_max = options->fit.batch,
                                            .negatives = options->negatives,
                                            .learned = options->users,
                                            .dropout = options->fit.dropout,
                                            .seed = options->fit.seed};
    if (options->users) {
        shape.segments = m->dataset->user_count;
    }
    m->groups = nba_pool_take(&all->pool, batch, sizeof(*m->groups));
    m->negatives = nba_pool_take(&all->pool, batch * options->negatives, sizeof(*m->negatives));
    m->stamp = nba_pool_take(&all->pool, shape.contents, sizeof(*m->stamp));
    m->net = nba_ncf_net_create(all, shape, net);
    find_chunks(m);
    m->chunks = nba_pool_take(&all->pool, m->chunk_count, sizeof(*m->chunks));
    find_chunks(m);
}

enum nba_status nba_ncf_learner(const struct nba_dataset *dataset, const struct nba_split *split,
                                const struct nba_ncf_options *options,
                                struct nba_learner *ret_learner, struct nba_error *error)
{
    NBA_ASSERT(nba_fit_options_check(&options->fit, "ncf", NBA_NCF_CHUNK, NBA_NCF_BATCH_MAX,
                                     NULL) == NBA_OK);
    NBA_ASSERT(options->width <= NBA_NCF_WIDTH_MAX);
    struct nba_parameters *all = nba_parameters_create();
    struct ncf *m = nba_pool_take(&all->pool, 1, sizeof(*m));
    m->dataset = dataset;
    m->split = split;
    m->options = *options;
    m->own = (struct view){m, dataset->ordered};
    m->served = (struct view){m, true};
    make(m, all);
    if (m->chunk_count == 0) {
        nba_parameters_destroy(all);
        return nba_error_set(error, NBA_E_NOT_FOUND, "no engagement to learn from");
    }
    *ret_learner = (struct nba_learner){
        .name = "ncf",
        .salt = 0x6e6366u,
        .binary = true,
        .model = m,
        .parameters = all,
        .begin = ncf_begin,
        .learn = ncf_learn,
        .prepare = ncf_prepare,
        .ranker = {options->users ? "ncf-users" : "ncf", &m->own, score, score_some},
        .served = {"ncf-window", &m->served, score, score_some},
    };
    return NBA_OK;
}

struct nba_ncf_weights nba_ncf_learner_weights(const struct nba_learner *learner)
{
    const struct ncf *m = learner->model;
    NBA_ASSERT(learner->begin == ncf_begin);
    return nba_ncf_net_weights(m->net);
}
