/* Samples of one context lie side by side: sample s belongs to context s / (1 + negatives).  What
 * depends on the user alone is worked out per context and added to its samples.  A context's vector
 * is [p_gmf | p_mlp]; products read and write its halves in place. */
#include "nba/train/ncf_net.h"

#include <math.h>
#include <string.h>

#include "nba/base/assert.h"
#include "nba/linalg/blas.h"
#include "nba/train/dense.h"
#include "nba/train/dropout.h"
#include "vector_internal.h"

#define EMBEDDING_DEVIATION 0.01
/* Candidates scored side by side: their layers stay in the cache. */
#define SCORE_CHUNK 256u

struct nba_ncf_net {
    struct nba_ncf_shape shape;
    struct nba_ncf_net_options options;
    struct nba_parameter item_gmf, item_mlp; /* (N, D) */
    struct nba_parameter history;            /* (N, 2 D) unless vectors are learned */
    struct nba_parameter prior;              /* (G, 2 D) */
    struct nba_dense layer_1;                /* (2 D, M1) user half first */
    struct nba_dense layer_2, layer_3;
    struct nba_parameter w_out, b_out;
    struct nba_dropout drop_1, drop_2;
    uint32_t *items;                    /* (S) */
    float *users, *d_users;             /* (C, 2 D) */
    float *user_half, *d_user_half;     /* (C, M1) W1 user part times p_mlp */
    float *q_mlp, *d_q_mlp;             /* (S, D) */
    float *a1, *d1, *a2, *d2, *a3, *d3; /* (S, M1), (S, M2), (S, M3) */
    float *logits;                      /* (S) then their gradients */
    float *item_half;                   /* (N, M1) b1 + W1 item part times q_mlp, for scoring */
    float *sum;                         /* (2 D) */
};

static void take_buffers(struct nba_ncf_net *net, struct nba_arena *pool)
{
    const struct nba_ncf_shape *s = &net->shape;
    const size_t C = net->options.contexts_max;
    const size_t S = C * (1 + net->options.negatives);
    const size_t rows = S > SCORE_CHUNK ? S : SCORE_CHUNK;
    net->items = nba_pool_take(pool, S, sizeof(*net->items));
    net->users = nba_pool_floats(pool, C * 2 * s->width);
    net->d_users = nba_pool_floats(pool, C * 2 * s->width);
    net->user_half = nba_pool_floats(pool, C * s->layer_1);
    net->d_user_half = nba_pool_floats(pool, C * s->layer_1);
    net->q_mlp = nba_pool_floats(pool, rows * s->width);
    net->d_q_mlp = nba_pool_floats(pool, rows * s->width);
    net->a1 = nba_pool_floats(pool, rows * s->layer_1);
    net->d1 = nba_pool_floats(pool, rows * s->layer_1);
    net->a2 = nba_pool_floats(pool, rows * s->layer_2);
    net->d2 = nba_pool_floats(pool, rows * s->layer_2);
    net->a3 = nba_pool_floats(pool, rows * s->layer_3);
    net->d3 = nba_pool_floats(pool, rows * s->layer_3);
    net->logits = nba_pool_floats(pool, rows);
    net->item_half = nba_pool_floats(pool, (size_t)s->contents * s->layer_1);
    net->sum = nba_pool_floats(pool, (size_t)2 * s->width);
    nba_dropout_init(&net->drop_1, pool, net->options.dropout, S * s->layer_1);
    nba_dropout_init(&net->drop_2, pool, net->options.dropout, S * s->layer_2);
}

static void make_parameters(struct nba_ncf_net *net, struct nba_parameters *all)
{
    const struct nba_ncf_shape *s = &net->shape;
    const size_t D = s->width;
    nba_parameter_init(&net->item_gmf, all, "item_gmf", s->contents, D, true);
    nba_parameter_init(&net->item_mlp, all, "item_mlp", s->contents, D, true);
    if (!net->options.learned) {
        nba_parameter_init(&net->history, all, "history", s->contents, 2 * D, true);
    }
    nba_parameter_init(&net->prior, all, "prior", s->segments, 2 * D, true);
    nba_dense_init(&net->layer_1, all, "w1", "b1", 2 * D, s->layer_1);
    nba_dense_init(&net->layer_2, all, "w2", "b2", s->layer_1, s->layer_2);
    nba_dense_init(&net->layer_3, all, "w3", "b3", s->layer_2, s->layer_3);
    nba_parameter_init(&net->w_out, all, "w_out", 1, D + s->layer_3, false);
    nba_parameter_init(&net->b_out, all, "b_out", 1, 1, false);
}

struct nba_ncf_net *nba_ncf_net_create(struct nba_parameters *all, struct nba_ncf_shape shape,
                                       struct nba_ncf_net_options options)
{
    NBA_ASSERT(shape.segments > 0 && options.contexts_max > 0);
    struct nba_ncf_net *net = nba_pool_take(&all->pool, 1, sizeof(*net));
    net->shape = shape;
    net->options = options;
    take_buffers(net, &all->pool);
    make_parameters(net, all);
    struct nba_rng rng = nba_rng(options.seed);
    for (size_t i = 0; all->items[i]->sparse; i++) {
        nba_parameter_fill_normal(all->items[i], &rng, EMBEDDING_DEVIATION);
    }
    nba_dense_fill(&net->layer_1, &rng);
    nba_dense_fill(&net->layer_2, &rng);
    nba_dense_fill(&net->layer_3, &rng);
    nba_parameter_fill_uniform(&net->w_out, &rng, sqrt(3.0 / (double)net->w_out.columns));
    return net;
}

/* ---- the user's vector ---- */

/* 1 / sqrt of how many contents a context is folded from. */
static float fold_scale(const struct nba_ncf_group *group, uint32_t position)
{
    const uint32_t n = group->ordered ? position : group->run_count - 1;
    return n > 0 ? 1.0f / sqrtf((float)n) : 0.0f;
}

/* prior + (running sum) / sqrt(n), for each position of the group. */
static void fold_group(struct nba_ncf_net *net, const struct nba_ncf_group *group, float *users)
{
    const size_t V = (size_t)2 * net->shape.width;
    const float *prior = net->prior.value + group->segment * V;
    uint32_t summed = 0;
    memset(net->sum, 0, V * sizeof(float));
    for (uint32_t i = 0; i < group->count; i++, users += V) {
        const uint32_t position = group->first + i;
        const uint32_t upto = group->ordered ? position : group->run_count;
        for (; summed < upto; summed++) {
            vector_add(net->sum, net->history.value + group->run[summed] * V, 1.0f, V);
        }
        const float scale = fold_scale(group, position);
        const float *left_out =
            group->ordered ? NULL : net->history.value + group->run[position] * V;
        for (size_t j = 0; j < V; j++) {
            const float s = left_out != NULL ? net->sum[j] - left_out[j] : net->sum[j];
            users[j] = prior[j] + scale * s;
        }
    }
}

/* Backwards through fold_group.  Ordered: content `p` is in the context of every later position, so
 * its gradient is a running sum from the end.  Unordered: in every context but its own. */
static void unfold_group(struct nba_ncf_net *net, const struct nba_ncf_group *group,
                         const float *d_users)
{
    const size_t V = (size_t)2 * net->shape.width;
    uint32_t next = group->ordered ? group->run_count : 0;
    memset(net->sum, 0, V * sizeof(float));
    float *prior = nba_parameter_touch(&net->prior, group->segment);
    for (uint32_t i = group->count; i-- > 0;) {
        const uint32_t position = group->first + i;
        const float scale = fold_scale(group, position);
        const float *d = d_users + i * V;
        vector_add(prior, d, 1.0f, V);
        if (group->ordered) {
            /* Contents position .. next - 1 are in the contexts summed so far. */
            for (; next > position; next--) {
                vector_add(nba_parameter_touch(&net->history, group->run[next - 1]), net->sum, 1.0f,
                           V);
            }
        } else {
            vector_add(nba_parameter_touch(&net->history, group->run[position]), d, -scale, V);
        }
        vector_add(net->sum, d, scale, V);
    }
    const uint32_t rest = group->ordered ? next : group->run_count;
    for (uint32_t p = 0; p < rest; p++) {
        vector_add(nba_parameter_touch(&net->history, group->run[p]), net->sum, 1.0f, V);
    }
}

static size_t net_gather(struct nba_ncf_net *net, const struct nba_ncf_group *groups, size_t count)
{
    const size_t K = net->options.negatives;
    const size_t V = (size_t)2 * net->shape.width;
    size_t contexts = 0;
    for (size_t g = 0; g < count; g++) {
        const struct nba_ncf_group *group = &groups[g];
        NBA_ASSERT(contexts + group->count <= net->options.contexts_max);
        if (!net->options.learned) {
            fold_group(net, group, net->users + contexts * V);
        }
        for (uint32_t i = 0; i < group->count; i++, contexts++) {
            uint32_t *items = net->items + contexts * (1 + K);
            items[0] = group->run[group->first + i];
            memcpy(items + 1, group->negatives + i * K, K * sizeof(uint32_t));
            if (net->options.learned) {
                nba_parameter_gather(&net->prior, &group->segment, 1, net->users + contexts * V);
            }
        }
    }
    return contexts;
}

/* ---- the tower ---- */

/* The halves of layer 1's weights, and of the contexts' vectors those that the tower sees. */
static struct nba_matrix w1_half(const struct nba_ncf_net *net, const float *w1, bool of_item)
{
    const size_t D = net->shape.width;
    const size_t M1 = net->shape.layer_1;
    return nba_matrix(w1 + (of_item ? D * M1 : 0), D, M1);
}

static struct nba_matrix transposed(struct nba_matrix matrix)
{
    matrix.transposed = true;
    return matrix;
}

static struct nba_matrix p_mlp(const struct nba_ncf_net *net, const float *users, size_t contexts)
{
    struct nba_matrix half = nba_matrix(users + net->shape.width, contexts, net->shape.width);
    half.stride = (size_t)2 * net->shape.width;
    return half;
}

/* Layers 2 and 3 and the output for `rows` rows whose a1 is done; gmf is added by the caller. */
static void upper_forward(struct nba_ncf_net *net, size_t rows, struct nba_rng *rng)
{
    const struct nba_ncf_shape *s = &net->shape;
    nba_dropout_forward(&net->drop_1, rng, net->a1, rows * s->layer_1);
    nba_dense_forward(&net->layer_2, net->a1, rows, net->a2);
    nba_dropout_forward(&net->drop_2, rng, net->a2, rows * s->layer_2);
    nba_dense_forward(&net->layer_3, net->a2, rows, net->a3);
    nba_blas_multiply(nba_matrix(net->a3, rows, s->layer_3),
                      nba_matrix(net->w_out.value + s->width, s->layer_3, 1), 0.0f,
                      nba_matrix(net->logits, rows, 1));
}

static float gmf_dot(const float *p, const float *q, const float *w, size_t width)
{
    float lanes[8] = {0};
    for (size_t j = 0; j + 8 <= width; j += 8) {
        for (size_t l = 0; l < 8; l++) {
            lanes[l] += p[j + l] * q[j + l] * w[j + l];
        }
    }
    for (size_t j = width / 8 * 8; j < width; j++) {
        lanes[j % 8] += p[j] * q[j] * w[j];
    }
    return ((lanes[0] + lanes[4]) + (lanes[1] + lanes[5])) +
           ((lanes[2] + lanes[6]) + (lanes[3] + lanes[7]));
}

static void net_forward(struct nba_ncf_net *net, size_t contexts, struct nba_rng *rng)
{
    const size_t D = net->shape.width;
    const size_t M1 = net->shape.layer_1;
    const size_t each = 1 + (size_t)net->options.negatives;
    const size_t rows = contexts * each;
    nba_parameter_gather(&net->item_mlp, net->items, rows, net->q_mlp);
    nba_blas_multiply(p_mlp(net, net->users, contexts), w1_half(net, net->layer_1.w.value, false),
                      0.0f, nba_matrix(net->user_half, contexts, M1));
    for (size_t r = 0; r < rows; r++) {
        memcpy(net->a1 + r * M1, net->user_half + r / each * M1, M1 * sizeof(float));
    }
    nba_blas_multiply(nba_matrix(net->q_mlp, rows, D), w1_half(net, net->layer_1.w.value, true),
                      1.0f, nba_matrix(net->a1, rows, M1));
    nba_dense_activate(&net->layer_1, rows, net->a1);
    upper_forward(net, rows, rng);
    for (size_t r = 0; r < rows; r++) {
        net->logits[r] += gmf_dot(net->users + r / each * 2 * D,
                                  net->item_gmf.value + net->items[r] * D, net->w_out.value, D) +
                          net->b_out.value[0];
    }
}

/* Logits become their gradients; returns the summed loss. */
static double net_loss(struct nba_ncf_net *net, size_t contexts)
{
    const size_t each = 1 + (size_t)net->options.negatives;
    const size_t rows = contexts * each;
    double loss = 0.0;
    for (size_t r = 0; r < rows; r++) {
        const bool engaged = r % each == 0;
        const double s = (double)net->logits[r];
        const double p = 1.0 / (1.0 + exp(-s));
        const double margin = engaged ? -s : s;
        loss += margin > 30.0 ? margin : log1p(exp(margin));
        net->logits[r] = (float)((p - (engaged ? 1.0 : 0.0)) / (double)rows);
    }
    return loss;
}

/* GMF's part: gradients of w_out's first half, of the item rows and of the contexts' vectors. */
static void gmf_backward(struct nba_ncf_net *net, size_t rows)
{
    const size_t D = net->shape.width;
    const size_t each = 1 + (size_t)net->options.negatives;
    const float *w = net->w_out.value;
    float *dw = net->w_out.grad;
    for (size_t r = 0; r < rows; r++) {
        const float d = net->logits[r];
        const float *p = net->users + r / each * 2 * D;
        const float *q = net->item_gmf.value + net->items[r] * D;
        float *dp = net->d_users + r / each * 2 * D;
        float *dq = nba_parameter_touch(&net->item_gmf, net->items[r]);
        for (size_t j = 0; j < D; j++) {
            const float dwj = d * w[j];
            dw[j] += d * p[j] * q[j];
            dp[j] += dwj * q[j];
            dq[j] += dwj * p[j];
        }
        net->b_out.grad[0] += d;
    }
}

/* Down from the logits to the gradients of layer 1's net input, in d1. */
static void upper_backward(struct nba_ncf_net *net, size_t rows)
{
    const struct nba_ncf_shape *s = &net->shape;
    nba_blas_multiply(nba_transposed(net->logits, rows, 1), nba_matrix(net->a3, rows, s->layer_3),
                      1.0f, nba_matrix(net->w_out.grad + s->width, 1, s->layer_3));
    nba_blas_multiply(nba_matrix(net->logits, rows, 1),
                      nba_matrix(net->w_out.value + s->width, 1, s->layer_3), 0.0f,
                      nba_matrix(net->d3, rows, s->layer_3));
    nba_dense_backward(&net->layer_3, net->a2, net->a3, rows, net->d3, net->d2);
    nba_dropout_backward(&net->drop_2, net->d2, rows * s->layer_2);
    nba_dense_backward(&net->layer_2, net->a1, net->a2, rows, net->d2, net->d1);
    nba_dropout_backward(&net->drop_1, net->d1, rows * s->layer_1);
    nba_dense_deactivate(&net->layer_1, net->a1, rows, net->d1);
}

static void net_backward(struct nba_ncf_net *net, size_t contexts)
{
    const size_t D = net->shape.width;
    const size_t M1 = net->shape.layer_1;
    const size_t each = 1 + (size_t)net->options.negatives;
    const size_t rows = contexts * each;
    const struct nba_parameter *w1 = &net->layer_1.w;
    const struct nba_matrix d_half = nba_matrix(net->d_user_half, contexts, M1);
    const struct nba_matrix d_1 = nba_matrix(net->d1, rows, M1);
    memset(net->d_users, 0, contexts * 2 * D * sizeof(float));
    memset(net->d_user_half, 0, contexts * M1 * sizeof(float));
    gmf_backward(net, rows);
    upper_backward(net, rows);
    for (size_t r = 0; r < rows; r++) {
        vector_add(net->d_user_half + r / each * M1, net->d1 + r * M1, 1.0f, M1);
    }
    nba_blas_multiply(transposed(p_mlp(net, net->users, contexts)), d_half, 1.0f,
                      w1_half(net, w1->grad, false));
    nba_blas_multiply(nba_transposed(net->q_mlp, rows, D), d_1, 1.0f, w1_half(net, w1->grad, true));
    nba_blas_multiply(d_half, transposed(w1_half(net, w1->value, false)), 0.0f,
                      p_mlp(net, net->d_users, contexts));
    nba_blas_multiply(d_1, transposed(w1_half(net, w1->value, true)), 0.0f,
                      nba_matrix(net->d_q_mlp, rows, D));
    nba_parameter_scatter(&net->item_mlp, net->items, rows, net->d_q_mlp);
}

double nba_ncf_net_learn(struct nba_ncf_net *net, const struct nba_ncf_group *groups, size_t count,
                         struct nba_rng *rng, size_t *ret_samples)
{
    const size_t contexts = net_gather(net, groups, count);
    *ret_samples = contexts * (1 + (size_t)net->options.negatives);
    if (contexts == 0) {
        return 0.0;
    }
    net_forward(net, contexts, rng);
    const double loss = net_loss(net, contexts);
    net_backward(net, contexts);
    const size_t V = (size_t)2 * net->shape.width;
    const float *d = net->d_users;
    for (size_t g = 0; g < count; d += groups[g].count * V, g++) {
        if (!net->options.learned) {
            unfold_group(net, &groups[g], d);
        }
        for (uint32_t i = 0; net->options.learned && i < groups[g].count; i++) {
            nba_parameter_scatter(&net->prior, &groups[g].segment, 1, d + i * V);
        }
    }
    return loss;
}

/* ---- scoring ---- */

void nba_ncf_net_prepare(struct nba_ncf_net *net)
{
    const size_t N = net->shape.contents;
    const size_t D = net->shape.width;
    const size_t M1 = net->shape.layer_1;
    for (size_t i = 0; i < N; i++) {
        memcpy(net->item_half + i * M1, net->layer_1.b.value, M1 * sizeof(float));
    }
    nba_blas_multiply(nba_matrix(net->item_mlp.value, N, D),
                      w1_half(net, net->layer_1.w.value, true), 1.0f,
                      nba_matrix(net->item_half, N, M1));
}

void nba_ncf_net_fold_in(const struct nba_ncf_net *net, uint32_t segment, const uint32_t *contents,
                         size_t count, float *ret_user)
{
    const size_t V = (size_t)2 * net->shape.width;
    NBA_ASSERT(segment < net->shape.segments && (count == 0 || !net->options.learned));
    memset(ret_user, 0, V * sizeof(float));
    for (size_t i = 0; i < count; i++) {
        vector_add(ret_user, net->history.value + contents[i] * V, 1.0f, V);
    }
    const float scale = count > 0 ? 1.0f / sqrtf((float)count) : 0.0f;
    for (size_t j = 0; j < V; j++) {
        ret_user[j] = net->prior.value[segment * V + j] + scale * ret_user[j];
    }
}

void nba_ncf_net_score(struct nba_ncf_net *net, const float *user, const uint32_t *contents,
                       size_t count, float *ret_scores)
{
    const size_t D = net->shape.width;
    const size_t M1 = net->shape.layer_1;
    nba_blas_multiply(p_mlp(net, user, 1), w1_half(net, net->layer_1.w.value, false), 0.0f,
                      nba_matrix(net->user_half, 1, M1));
    for (size_t from = 0; from < count; from += SCORE_CHUNK) {
        const size_t rows = count - from < SCORE_CHUNK ? count - from : SCORE_CHUNK;
        for (size_t r = 0; r < rows; r++) {
            const size_t item = contents != NULL ? contents[from + r] : from + r;
            const float *half = net->item_half + item * M1;
            for (size_t j = 0; j < M1; j++) {
                const float z = half[j] + net->user_half[j];
                net->a1[r * M1 + j] = z > 0.0f ? z : 0.0f;
            }
        }
        upper_forward(net, rows, NULL);
        for (size_t r = 0; r < rows; r++) {
            const size_t item = contents != NULL ? contents[from + r] : from + r;
            ret_scores[from + r] =
                net->logits[r] + net->b_out.value[0] +
                gmf_dot(user, net->item_gmf.value + item * D, net->w_out.value, D);
        }
    }
}

struct nba_ncf_weights nba_ncf_net_weights(const struct nba_ncf_net *net)
{
    NBA_ASSERT(!net->options.learned);
    return (struct nba_ncf_weights){
        .shape = net->shape,
        .item_gmf = net->item_gmf.value,
        .item_mlp = net->item_mlp.value,
        .history = net->history.value,
        .prior = net->prior.value,
        .w1 = net->layer_1.w.value,
        .b1 = net->layer_1.b.value,
        .w2 = net->layer_2.w.value,
        .b2 = net->layer_2.b.value,
        .w3 = net->layer_3.w.value,
        .b3 = net->layer_3.b.value,
        .w_out = net->w_out.value,
        .b_out = net->b_out.value,
    };
}
