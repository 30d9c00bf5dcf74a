#include "nba/train/ncf_trainer.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "measure_internal.h"
#include "nba/base/assert.h"
#include "nba/train/adam.h"
#include "nba/train/window.h"

#define WIDTH_MAX NBA_NCF_WIDTH_MAX

struct chunk {
    uint32_t user;
    uint32_t start; /* of the run, in the sequence */
    uint32_t first; /* position in the run */
    uint32_t count;
};

struct nba_ncf_trainer {
    const struct nba_dataset *dataset;
    const struct nba_split *split;
    struct nba_ncf_options options;
    const struct nba_progress *progress;
    struct nba_ncf_net *net;
    struct nba_adam adam;
    struct nba_rng rng;
    struct measure measure;
    struct chunk *chunks;
    size_t chunk_count, chunk_capacity;
    struct nba_ncf_group *groups; /* (batch) a chunk may hold a single position */
    uint32_t *positions;          /* (batch) */
    uint32_t *negatives;          /* (batch, negatives) */
    uint32_t *stamp;              /* (N) user + 1 that touched it last */
    bool stale;                   /* the net changed since it was prepared */
};

struct nba_ncf_options nba_ncf_options(void)
{
    return (struct nba_ncf_options){
        .width = 64,
        .layer_1 = 128,
        .layer_2 = 64,
        .layer_3 = 32,
        .window_events = 64,
        .batch = 256,
        .negatives = 4,
        .rate = 1e-3,
        .dropout = 0.3,
        .loop = {.epochs = 20, .patience = 3},
        .seed = 1,
    };
}

static bool add_chunks(struct nba_ncf_trainer *t, uint32_t user, uint32_t start, uint32_t first,
                       uint32_t end)
{
    for (uint32_t p = first; p < end; p += NBA_NCF_CHUNK) {
        if (t->chunk_count == t->chunk_capacity) {
            const size_t capacity = t->chunk_capacity != 0 ? 2 * t->chunk_capacity : 1024;
            struct chunk *grown = realloc(t->chunks, capacity * sizeof(*grown));
            if (grown == NULL) {
                return false;
            }
            t->chunks = grown;
            t->chunk_capacity = capacity;
        }
        const uint32_t left = end - p;
        t->chunks[t->chunk_count++] =
            (struct chunk){user, start, p, left < NBA_NCF_CHUNK ? left : NBA_NCF_CHUNK};
    }
    return true;
}

static bool find_chunks(struct nba_ncf_trainer *t)
{
    const uint32_t W = t->options.window_events;
    bool whole = true;
    for (uint32_t u = 0; whole && u < t->dataset->user_count; u++) {
        const uint32_t length = t->split->train_count[u];
        if (!t->dataset->ordered) {
            whole = add_chunks(t, u, 0, 0, length);
            continue;
        }
        /* A first engagement teaches the prior, so position 0 counts here. */
        const uint32_t runs = length == 1 ? 1 : nba_window_count(length, W);
        for (uint32_t i = 0; whole && i < runs; i++) {
            const struct nba_window w = nba_window_at(i, length, W);
            whole = add_chunks(t, u, w.start, i == 0 ? 0 : w.loss_from, w.count);
        }
    }
    return whole;
}

static bool trainer_allocate(struct nba_ncf_trainer *t)
{
    const struct nba_ncf_net_shape shape = {
        .contents = t->dataset->content_count,
        .segments = 1 + t->dataset->specialty_count,
        .users = t->options.users ? t->dataset->user_count : 0,
        .width = t->options.width,
        .layer_1 = t->options.layer_1,
        .layer_2 = t->options.layer_2,
        .layer_3 = t->options.layer_3,
    };
    const struct nba_ncf_net_options options = {.contexts_max = t->options.batch,
                                                .negatives = t->options.negatives,
                                                .dropout = t->options.dropout,
                                                .seed = t->options.seed};
    t->groups = calloc(t->options.batch, sizeof(*t->groups));
    t->positions = calloc(t->options.batch, sizeof(*t->positions));
    t->negatives =
        calloc((size_t)t->options.batch * t->options.negatives + 1, sizeof(*t->negatives));
    t->stamp = calloc(t->dataset->content_count, sizeof(*t->stamp));
    if (t->groups == NULL || t->positions == NULL || t->negatives == NULL || t->stamp == NULL ||
        !find_chunks(t) || !nba_measure_init(&t->measure, t->dataset, t->split)) {
        return false;
    }
    nba_measure_spare(&t->measure);
    return nba_ncf_net_create(shape, options, &t->net) == NBA_OK;
}

enum nba_status nba_ncf_trainer_create(const struct nba_dataset *dataset,
                                       const struct nba_split *split,
                                       const struct nba_ncf_options *options,
                                       const struct nba_progress *progress,
                                       struct nba_ncf_trainer **ret_trainer,
                                       struct nba_error *error)
{
    NBA_ASSERT(options->batch >= NBA_NCF_CHUNK && options->batch <= NBA_NCF_BATCH_MAX);
    NBA_ASSERT(options->width <= WIDTH_MAX && options->window_events > 0);
    struct nba_ncf_trainer *t = calloc(1, sizeof(*t));
    if (t == NULL) {
        return nba_error_set(error, NBA_E_NO_MEMORY, "out of memory");
    }
    t->dataset = dataset;
    t->split = split;
    t->options = *options;
    t->progress = progress;
    t->rng = nba_rng(options->seed ^ 0x6e6366u);
    t->adam = nba_adam(options->rate);
    t->adam.decay = options->decay;
    t->stale = true;
    if (!trainer_allocate(t)) {
        nba_ncf_trainer_destroy(t);
        return nba_error_set(error, NBA_E_NO_MEMORY, "out of memory");
    }
    if (t->chunk_count == 0) {
        nba_ncf_trainer_destroy(t);
        return nba_error_set(error, NBA_E_NOT_FOUND, "no engagement to learn from");
    }
    *ret_trainer = t;
    return NBA_OK;
}

void nba_ncf_trainer_destroy(struct nba_ncf_trainer *trainer)
{
    if (trainer == NULL) {
        return;
    }
    nba_ncf_net_destroy(trainer->net);
    nba_measure_clear(&trainer->measure);
    free(trainer->chunks);
    free(trainer->groups);
    free(trainer->positions);
    free(trainer->negatives);
    free(trainer->stamp);
    free(trainer);
}

/* Contents the user's training positions don't hold; a user who has them all gets any. */
static void draw_negatives(struct nba_ncf_trainer *t, uint32_t user, uint32_t *ret_negatives,
                           size_t count)
{
    const uint32_t N = t->dataset->content_count;
    const uint32_t *sequence = t->dataset->sequence + t->dataset->sequence_offset[user];
    for (uint32_t i = 0; i < t->split->train_count[user]; i++) {
        t->stamp[sequence[i]] = user + 1;
    }
    for (size_t i = 0; i < count; i++) {
        uint32_t content = (uint32_t)nba_rng_below(&t->rng, N);
        for (uint32_t tries = 0; tries < N && t->stamp[content] == user + 1; tries++) {
            content = (uint32_t)nba_rng_below(&t->rng, N);
        }
        ret_negatives[i] = content;
    }
}

/* Fills groups from chunk `at` on until the batch is full; returns the next chunk. */
static size_t fill_batch(struct nba_ncf_trainer *t, size_t at, size_t *ret_groups)
{
    size_t groups = 0;
    uint32_t contexts = 0;
    for (; at < t->chunk_count; at++) {
        const struct chunk *chunk = &t->chunks[at];
        if (contexts + chunk->count > t->options.batch) {
            break;
        }
        uint32_t *positions = t->positions + contexts;
        uint32_t *negatives = t->negatives + (size_t)contexts * t->options.negatives;
        for (uint32_t i = 0; i < chunk->count; i++) {
            positions[i] = chunk->first + i;
        }
        draw_negatives(t, chunk->user, negatives, (size_t)chunk->count * t->options.negatives);
        t->groups[groups++] = (struct nba_ncf_group){
            .user = chunk->user,
            .segment = t->dataset->segment[chunk->user],
            .run = t->dataset->sequence + t->dataset->sequence_offset[chunk->user] + chunk->start,
            .run_count = t->dataset->ordered ? chunk->first + chunk->count
                                             : t->split->train_count[chunk->user],
            .ordered = t->dataset->ordered,
            .positions = positions,
            .position_count = chunk->count,
            .negatives = negatives,
        };
        contexts += chunk->count;
    }
    *ret_groups = groups;
    return at;
}

static enum nba_status ncf_learn(void *context, uint32_t epoch, double *ret_loss,
                                 uint64_t *ret_step)
{
    struct nba_ncf_trainer *t = context;
    double loss = 0.0;
    size_t samples = 0;
    size_t parameter_count = 0;
    struct nba_parameter *const *parameters = nba_ncf_net_parameters(t->net, &parameter_count);
    enum nba_status status = NBA_OK;
    (void)epoch;
    t->stale = true;
    for (size_t i = t->chunk_count; i > 1; i--) {
        const size_t other = nba_rng_below(&t->rng, i);
        const struct chunk chunk = t->chunks[i - 1];
        t->chunks[i - 1] = t->chunks[other];
        t->chunks[other] = chunk;
    }
    for (size_t at = 0; at < t->chunk_count && status == NBA_OK;) {
        size_t groups = 0;
        size_t batch_samples = 0;
        at = fill_batch(t, at, &groups);
        loss += nba_ncf_net_learn(t->net, t->groups, groups, &t->rng, &batch_samples);
        samples += batch_samples;
        const double norm = nba_adam_step(&t->adam, parameters, parameter_count);
        if (!isfinite(loss) || !isfinite(norm)) {
            status = NBA_E_NON_FINITE;
        } else if (nba_progress_interrupted(t->progress)) {
            status = NBA_E_INTERRUPTED;
        }
    }
    *ret_step = t->adam.step;
    *ret_loss = samples > 0 ? loss / (double)samples : 0.0;
    return status;
}

static enum nba_status ncf_measure(void *context, bool validation,
                                   struct nba_measured *ret_measured)
{
    struct nba_ncf_trainer *t = context;
    const struct nba_ranker ranker = nba_ncf_trainer_ranker(t);
    return nba_measure_binary(&t->measure, &ranker, validation, ret_measured);
}

static void ncf_keep(void *context)
{
    struct nba_ncf_trainer *t = context;
    size_t count = 0;
    struct nba_parameter *const *parameters = nba_ncf_net_parameters(t->net, &count);
    for (size_t i = 0; i < count; i++) {
        nba_parameter_keep(parameters[i]);
    }
}

static void ncf_recall(void *context)
{
    struct nba_ncf_trainer *t = context;
    size_t count = 0;
    struct nba_parameter *const *parameters = nba_ncf_net_parameters(t->net, &count);
    t->stale = true;
    for (size_t i = 0; i < count; i++) {
        nba_parameter_recall(parameters[i]);
    }
}

enum nba_status nba_ncf_trainer_run(struct nba_ncf_trainer *trainer,
                                    struct nba_learned *ret_learned, struct nba_error *error)
{
    const struct nba_learner learner = {.model = "ncf",
                                        .context = trainer,
                                        .learn = ncf_learn,
                                        .measure = ncf_measure,
                                        .keep = ncf_keep,
                                        .recall = ncf_recall};
    return nba_learner_run(&learner, &trainer->options.loop, trainer->progress, ret_learned, error);
}

/* ---- ranking ---- */

static void user_vector(struct nba_ncf_trainer *t, struct nba_query query, bool windowed,
                        float *ret_user)
{
    const struct nba_dataset *d = t->dataset;
    if (t->stale) {
        nba_ncf_net_prepare(t->net);
        t->stale = false;
    }
    if (t->options.users) {
        nba_ncf_net_user(t->net, query.user, ret_user);
        return;
    }
    const uint32_t n = query.position;
    const uint32_t start = windowed ? nba_window_start(n, t->options.window_events) : 0;
    nba_ncf_net_fold_in(t->net, d->segment[query.user],
                        d->sequence + d->sequence_offset[query.user] + start, n - start, ret_user);
}

static void score_all(struct nba_ncf_trainer *t, const struct nba_query *queries, size_t count,
                      bool windowed, float *ret_scores)
{
    const size_t N = t->dataset->content_count;
    float user[2 * WIDTH_MAX];
    for (size_t i = 0; i < count; i++) {
        user_vector(t, queries[i], windowed, user);
        nba_ncf_net_score(t->net, user, NULL, N, ret_scores + i * N);
    }
}

static void ncf_score(void *context, const struct nba_query *queries, size_t count,
                      float *ret_scores)
{
    struct nba_ncf_trainer *t = context;
    score_all(t, queries, count, t->dataset->ordered, ret_scores);
}

static void ncf_score_served(void *context, const struct nba_query *queries, size_t count,
                             float *ret_scores)
{
    score_all(context, queries, count, true, ret_scores);
}

static void ncf_score_some(void *context, struct nba_query query, const uint32_t *contents,
                           size_t count, float *ret_scores)
{
    struct nba_ncf_trainer *t = context;
    float user[2 * WIDTH_MAX];
    user_vector(t, query, t->dataset->ordered, user);
    nba_ncf_net_score(t->net, user, contents, count, ret_scores);
}

static void ncf_score_some_served(void *context, struct nba_query query, const uint32_t *contents,
                                  size_t count, float *ret_scores)
{
    struct nba_ncf_trainer *t = context;
    float user[2 * WIDTH_MAX];
    user_vector(t, query, true, user);
    nba_ncf_net_score(t->net, user, contents, count, ret_scores);
}

struct nba_ranker nba_ncf_trainer_ranker(struct nba_ncf_trainer *trainer)
{
    return (struct nba_ranker){trainer->options.users ? "ncf-users" : "ncf", trainer, ncf_score,
                               ncf_score_some};
}

struct nba_ranker nba_ncf_trainer_served_ranker(struct nba_ncf_trainer *trainer)
{
    return (struct nba_ranker){"ncf-window", trainer, ncf_score_served, ncf_score_some_served};
}

struct nba_ncf_weights nba_ncf_trainer_weights(const struct nba_ncf_trainer *trainer)
{
    return nba_ncf_net_weights(trainer->net);
}
