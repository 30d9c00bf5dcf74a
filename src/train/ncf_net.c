/* Samples of one context lie side by side: sample s belongs to context s / (1 + negatives).  What
 * depends on the user alone is worked out per context and added to its samples. */
#include "nba/train/ncf_net.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "gemm_internal.h"
#include "nba/base/assert.h"
#include "nba/train/dropout.h"
#include "ncf_net_internal.h"

#define EMBEDDING_DEVIATION 0.01
/* Candidates scored side by side: their layers stay in the cache. */
#define SCORE_CHUNK 256u

static float *floats(size_t count)
{
    return calloc(count > 0 ? count : 1, sizeof(float));
}

static bool net_allocate(struct nba_ncf_net *net)
{
    const struct nba_ncf_net_shape *s = &net->shape;
    const size_t C = net->options.contexts_max;
    const size_t S = C * (1 + net->options.negatives);
    const size_t rows = S > SCORE_CHUNK ? S : SCORE_CHUNK;
    net->items = calloc(S, sizeof(*net->items));
    float **const blocks[] = {
        &net->user_gmf,    &net->user_mlp, &net->d_user_gmf, &net->d_user_mlp, &net->user_half,
        &net->d_user_half, &net->q_mlp,    &net->d_q_mlp,    &net->a1,         &net->d1,
        &net->a2,          &net->d2,       &net->a3,         &net->d3,         &net->logits,
        &net->item_half,   &net->work};
    const size_t sizes[] = {C * s->width,
                            C * s->width,
                            C * s->width,
                            C * s->width,
                            C * s->layer_1,
                            C * s->layer_1,
                            rows * s->width,
                            rows * s->width,
                            rows * s->layer_1,
                            rows * s->layer_1,
                            rows * s->layer_2,
                            rows * s->layer_2,
                            rows * s->layer_3,
                            rows * s->layer_3,
                            rows,
                            (size_t)s->contents * s->layer_1,
                            (size_t)4 * s->width};
    bool whole = net->items != NULL;
    for (size_t i = 0; i < NBA_ARRAY_COUNT(blocks); i++) {
        *blocks[i] = floats(sizes[i]);
        whole = whole && *blocks[i] != NULL;
    }
    net->mask_1 = calloc(S * s->layer_1 + 8, 1);
    net->mask_2 = calloc(S * s->layer_2 + 8, 1);
    return whole && net->mask_1 != NULL && net->mask_2 != NULL;
}

static void add_parameter(struct nba_ncf_net *net, struct nba_parameter *parameter)
{
    net->parameters[net->parameter_count++] = parameter;
}

static bool net_make_parameters(struct nba_ncf_net *net)
{
    const struct nba_ncf_net_shape *s = &net->shape;
    struct {
        struct nba_parameter *parameter;
        const char *name;
        size_t rows, columns;
        bool sparse;
    } const all[] = {
        {&net->item_gmf, "item_gmf", s->contents, s->width, true},
        {&net->item_mlp, "item_mlp", s->contents, s->width, true},
        {&net->history, "history", s->contents, (size_t)2 * s->width, true},
        {&net->prior, "prior", s->segments, (size_t)2 * s->width, true},
        {&net->user, "user", s->users, (size_t)2 * s->width, true},
        {&net->w1, "w1", (size_t)2 * s->width, s->layer_1, false},
        {&net->b1, "b1", 1, s->layer_1, false},
        {&net->w2, "w2", s->layer_1, s->layer_2, false},
        {&net->b2, "b2", 1, s->layer_2, false},
        {&net->w3, "w3", s->layer_2, s->layer_3, false},
        {&net->b3, "b3", 1, s->layer_3, false},
        {&net->w_out, "w_out", 1, (size_t)s->width + s->layer_3, false},
        {&net->b_out, "b_out", 1, 1, false},
    };
    for (size_t i = 0; i < NBA_ARRAY_COUNT(all); i++) {
        const bool of_user = all[i].parameter == &net->user;
        const bool of_fold = all[i].parameter == &net->history || all[i].parameter == &net->prior;
        if ((of_user && s->users == 0) || (of_fold && s->users != 0)) {
            continue;
        }
        if (nba_parameter_init(all[i].parameter, all[i].name, all[i].rows, all[i].columns,
                               all[i].sparse) != NBA_OK) {
            return false;
        }
        add_parameter(net, all[i].parameter);
    }
    return true;
}

static void net_fill(struct nba_ncf_net *net)
{
    struct nba_rng rng = nba_rng(net->options.seed);
    nba_parameter_fill_normal(&net->item_gmf, &rng, EMBEDDING_DEVIATION);
    nba_parameter_fill_normal(&net->item_mlp, &rng, EMBEDDING_DEVIATION);
    if (net->shape.users != 0) {
        nba_parameter_fill_normal(&net->user, &rng, EMBEDDING_DEVIATION);
    } else {
        nba_parameter_fill_normal(&net->history, &rng, EMBEDDING_DEVIATION);
        nba_parameter_fill_normal(&net->prior, &rng, EMBEDDING_DEVIATION);
    }
    struct nba_parameter *const dense[] = {&net->w1, &net->w2, &net->w3};
    for (size_t i = 0; i < NBA_ARRAY_COUNT(dense); i++) {
        const double fan = (double)(dense[i]->rows + dense[i]->columns);
        nba_parameter_fill_uniform(dense[i], &rng, sqrt(6.0 / fan));
    }
    nba_parameter_fill_uniform(&net->w_out, &rng, sqrt(3.0 / (double)net->w_out.columns));
}

enum nba_status nba_ncf_net_create(struct nba_ncf_net_shape shape,
                                   struct nba_ncf_net_options options, struct nba_ncf_net **ret_net)
{
    NBA_ASSERT(shape.contents > 0 && shape.segments > 0 && shape.width > 0);
    NBA_ASSERT(shape.layer_1 > 0 && shape.layer_2 > 0 && shape.layer_3 > 0);
    NBA_ASSERT(options.contexts_max > 0);
    struct nba_ncf_net *net = calloc(1, sizeof(*net));
    if (net == NULL) {
        return NBA_E_NO_MEMORY;
    }
    net->shape = shape;
    net->options = options;
    if (!net_allocate(net) || !net_make_parameters(net)) {
        nba_ncf_net_destroy(net);
        return NBA_E_NO_MEMORY;
    }
    net_fill(net);
    *ret_net = net;
    return NBA_OK;
}

void nba_ncf_net_destroy(struct nba_ncf_net *net)
{
    if (net == NULL) {
        return;
    }
    for (size_t i = 0; i < net->parameter_count; i++) {
        nba_parameter_clear(net->parameters[i]);
    }
    void *const blocks[] = {net->items,      net->user_gmf,  net->user_mlp,    net->d_user_gmf,
                            net->d_user_mlp, net->user_half, net->d_user_half, net->q_mlp,
                            net->d_q_mlp,    net->a1,        net->d1,          net->a2,
                            net->d2,         net->a3,        net->d3,          net->logits,
                            net->item_half,  net->work,      net->mask_1,      net->mask_2};
    for (size_t i = 0; i < NBA_ARRAY_COUNT(blocks); i++) {
        free(blocks[i]);
    }
    free(net);
}

struct nba_parameter *const *nba_ncf_net_parameters(struct nba_ncf_net *net, size_t *ret_count)
{
    *ret_count = net->parameter_count;
    return net->parameters;
}

static void put_vector(struct nba_ncf_net *net, size_t context, const float *both)
{
    const size_t D = net->shape.width;
    memcpy(net->user_gmf + context * D, both, D * sizeof(float));
    memcpy(net->user_mlp + context * D, both + D, D * sizeof(float));
}

/* How many contents a context is folded from. */
static uint32_t context_contents(const struct nba_ncf_group *group, uint32_t position)
{
    return group->ordered ? position : group->run_count - 1;
}

/* prior + (running sum) / sqrt(n), for each position of the group. */
static void fold_group(struct nba_ncf_net *net, const struct nba_ncf_group *group, size_t first)
{
    const size_t V = (size_t)2 * net->shape.width;
    float *sum = net->work;
    float *vector = net->work + V;
    const float *prior = net->prior.value + group->segment * V;
    uint32_t summed = 0;
    memset(sum, 0, V * sizeof(float));
    for (uint32_t i = 0; i < group->position_count; i++) {
        const uint32_t position = group->positions[i];
        const uint32_t upto = group->ordered ? position : group->run_count;
        for (; summed < upto; summed++) {
            const float *row = net->history.value + group->run[summed] * V;
            for (size_t j = 0; j < V; j++) {
                sum[j] += row[j];
            }
        }
        const uint32_t n = context_contents(group, position);
        const float scale = n > 0 ? 1.0f / sqrtf((float)n) : 0.0f;
        const float *left_out =
            group->ordered ? NULL : net->history.value + group->run[position] * V;
        for (size_t j = 0; j < V; j++) {
            const float s = left_out != NULL ? sum[j] - left_out[j] : sum[j];
            vector[j] = prior[j] + scale * s;
        }
        put_vector(net, first + i, vector);
    }
}

static void take_gradient(const struct nba_ncf_net *net, size_t context, float *both)
{
    const size_t D = net->shape.width;
    memcpy(both, net->d_user_gmf + context * D, D * sizeof(float));
    memcpy(both + D, net->d_user_mlp + context * D, D * sizeof(float));
}

static void add_to(float *to, const float *from, float scale, size_t count)
{
    for (size_t j = 0; j < count; j++) {
        to[j] += scale * from[j];
    }
}

/* Backwards through fold_group.  Ordered: content `p` is in the context of every later position, so
 * its gradient is a running sum from the end.  Unordered: in every context but its own. */
static void unfold_group(struct nba_ncf_net *net, const struct nba_ncf_group *group, size_t first)
{
    const size_t V = (size_t)2 * net->shape.width;
    float *sum = net->work;
    float *d = net->work + V;
    uint32_t next = group->ordered ? group->run_count : 0;
    memset(sum, 0, V * sizeof(float));
    float *prior = nba_parameter_touch(&net->prior, group->segment);
    for (uint32_t i = group->position_count; i-- > 0;) {
        const uint32_t position = group->positions[i];
        const uint32_t n = context_contents(group, position);
        const float scale = n > 0 ? 1.0f / sqrtf((float)n) : 0.0f;
        take_gradient(net, first + i, d);
        add_to(prior, d, 1.0f, V);
        if (group->ordered) {
            /* Contents position .. next - 1 are in the contexts summed so far. */
            for (; next > position; next--) {
                add_to(nba_parameter_touch(&net->history, group->run[next - 1]), sum, 1.0f, V);
            }
        } else {
            add_to(nba_parameter_touch(&net->history, group->run[position]), d, -scale, V);
        }
        add_to(sum, d, scale, V);
    }
    const uint32_t rest = group->ordered ? next : group->run_count;
    for (uint32_t p = 0; p < rest; p++) {
        add_to(nba_parameter_touch(&net->history, group->run[p]), sum, 1.0f, V);
    }
}

static size_t net_gather(struct nba_ncf_net *net, const struct nba_ncf_group *groups, size_t count)
{
    const size_t K = net->options.negatives;
    const size_t V = (size_t)2 * net->shape.width;
    size_t contexts = 0;
    for (size_t g = 0; g < count; g++) {
        const struct nba_ncf_group *group = &groups[g];
        NBA_ASSERT(contexts + group->position_count <= net->options.contexts_max);
        if (net->shape.users == 0) {
            fold_group(net, group, contexts);
        }
        for (uint32_t i = 0; i < group->position_count; i++) {
            const size_t s = (contexts + i) * (1 + K);
            net->items[s] = group->run[group->positions[i]];
            memcpy(net->items + s + 1, group->negatives + i * K, K * sizeof(uint32_t));
            if (net->shape.users != 0) {
                put_vector(net, contexts + i, net->user.value + group->user * V);
            }
        }
        contexts += group->position_count;
    }
    return contexts;
}

static void bias_relu(float *x, const float *bias, size_t rows, size_t columns)
{
    for (size_t r = 0; r < rows; r++) {
        for (size_t j = 0; j < columns; j++) {
            const float z = x[r * columns + j] + bias[j];
            x[r * columns + j] = z > 0.0f ? z : 0.0f;
        }
    }
}

static void relu_backward(float *d, const float *a, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        d[i] = a[i] > 0.0f ? d[i] : 0.0f;
    }
}

static void add_rows(float *sum, const float *x, size_t rows, size_t columns)
{
    for (size_t r = 0; r < rows; r++) {
        add_to(sum, x + r * columns, 1.0f, columns);
    }
}

/* Layers 2 and 3 and the output for `rows` rows whose a1 is done; gmf is added by the caller. */
static void upper_forward(struct nba_ncf_net *net, size_t rows, struct nba_rng *rng)
{
    const struct nba_ncf_net_shape *s = &net->shape;
    if (rng != NULL) {
        nba_dropout_forward(net->options.dropout, rng, net->a1, net->mask_1, rows * s->layer_1);
    }
    nba_gemm_nn((struct gemm_size){rows, s->layer_2, s->layer_1}, net->a1, net->w2.value, 0.0f,
                net->a2);
    bias_relu(net->a2, net->b2.value, rows, s->layer_2);
    if (rng != NULL) {
        nba_dropout_forward(net->options.dropout, rng, net->a2, net->mask_2, rows * s->layer_2);
    }
    nba_gemm_nn((struct gemm_size){rows, s->layer_3, s->layer_2}, net->a2, net->w3.value, 0.0f,
                net->a3);
    bias_relu(net->a3, net->b3.value, rows, s->layer_3);
    nba_gemm_nn((struct gemm_size){rows, 1, s->layer_3}, net->a3, net->w_out.value + s->width, 0.0f,
                net->logits);
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
    const struct nba_ncf_net_shape *s = &net->shape;
    const size_t D = s->width;
    const size_t each = 1 + (size_t)net->options.negatives;
    const size_t rows = contexts * each;
    for (size_t r = 0; r < rows; r++) {
        memcpy(net->q_mlp + r * D, net->item_mlp.value + net->items[r] * D, D * sizeof(float));
    }
    nba_gemm_nn((struct gemm_size){contexts, s->layer_1, D}, net->user_mlp, net->w1.value, 0.0f,
                net->user_half);
    for (size_t r = 0; r < rows; r++) {
        memcpy(net->a1 + r * s->layer_1, net->user_half + r / each * s->layer_1,
               s->layer_1 * sizeof(float));
    }
    nba_gemm_nn((struct gemm_size){rows, s->layer_1, D}, net->q_mlp, net->w1.value + D * s->layer_1,
                1.0f, net->a1);
    bias_relu(net->a1, net->b1.value, rows, s->layer_1);
    upper_forward(net, rows, rng);
    for (size_t r = 0; r < rows; r++) {
        net->logits[r] += gmf_dot(net->user_gmf + r / each * D,
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
        const float *p = net->user_gmf + r / each * D;
        const float *q = net->item_gmf.value + net->items[r] * D;
        float *dp = net->d_user_gmf + r / each * D;
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
static void upper_backward(struct nba_ncf_net *net, size_t rows, const struct nba_rng *rng)
{
    const struct nba_ncf_net_shape *s = &net->shape;
    nba_gemm_tn((struct gemm_size){1, s->layer_3, rows}, net->logits, net->a3, 1.0f,
                net->w_out.grad + s->width);
    nba_gemm_nn((struct gemm_size){rows, s->layer_3, 1}, net->logits, net->w_out.value + s->width,
                0.0f, net->d3);
    relu_backward(net->d3, net->a3, rows * s->layer_3);
    nba_gemm_tn((struct gemm_size){s->layer_2, s->layer_3, rows}, net->a2, net->d3, 1.0f,
                net->w3.grad);
    add_rows(net->b3.grad, net->d3, rows, s->layer_3);
    nba_gemm_nt((struct gemm_size){rows, s->layer_2, s->layer_3}, net->d3, net->w3.value, 0.0f,
                net->d2);
    if (rng != NULL) {
        nba_dropout_backward(net->options.dropout, net->mask_2, net->d2, rows * s->layer_2);
    }
    relu_backward(net->d2, net->a2, rows * s->layer_2);
    nba_gemm_tn((struct gemm_size){s->layer_1, s->layer_2, rows}, net->a1, net->d2, 1.0f,
                net->w2.grad);
    add_rows(net->b2.grad, net->d2, rows, s->layer_2);
    nba_gemm_nt((struct gemm_size){rows, s->layer_1, s->layer_2}, net->d2, net->w2.value, 0.0f,
                net->d1);
    if (rng != NULL) {
        nba_dropout_backward(net->options.dropout, net->mask_1, net->d1, rows * s->layer_1);
    }
    relu_backward(net->d1, net->a1, rows * s->layer_1);
    add_rows(net->b1.grad, net->d1, rows, s->layer_1);
}

static void net_backward(struct nba_ncf_net *net, size_t contexts, const struct nba_rng *rng)
{
    const struct nba_ncf_net_shape *s = &net->shape;
    const size_t D = s->width;
    const size_t M1 = s->layer_1;
    const size_t each = 1 + (size_t)net->options.negatives;
    const size_t rows = contexts * each;
    memset(net->d_user_gmf, 0, contexts * D * sizeof(float));
    memset(net->d_user_half, 0, contexts * M1 * sizeof(float));
    gmf_backward(net, rows);
    upper_backward(net, rows, rng);
    for (size_t r = 0; r < rows; r++) {
        add_to(net->d_user_half + r / each * M1, net->d1 + r * M1, 1.0f, M1);
    }
    nba_gemm_tn((struct gemm_size){D, M1, contexts}, net->user_mlp, net->d_user_half, 1.0f,
                net->w1.grad);
    nba_gemm_tn((struct gemm_size){D, M1, rows}, net->q_mlp, net->d1, 1.0f, net->w1.grad + D * M1);
    nba_gemm_nt((struct gemm_size){contexts, D, M1}, net->d_user_half, net->w1.value, 0.0f,
                net->d_user_mlp);
    nba_gemm_nt((struct gemm_size){rows, D, M1}, net->d1, net->w1.value + D * M1, 0.0f,
                net->d_q_mlp);
    for (size_t r = 0; r < rows; r++) {
        add_to(nba_parameter_touch(&net->item_mlp, net->items[r]), net->d_q_mlp + r * D, 1.0f, D);
    }
}

static void users_backward(struct nba_ncf_net *net, const struct nba_ncf_group *group, size_t first)
{
    const size_t V = (size_t)2 * net->shape.width;
    float *d = net->work;
    for (uint32_t i = 0; i < group->position_count; i++) {
        take_gradient(net, first + i, d);
        add_to(nba_parameter_touch(&net->user, group->user), d, 1.0f, V);
    }
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
    net_backward(net, contexts, rng);
    size_t first = 0;
    for (size_t g = 0; g < count; g++) {
        if (net->shape.users != 0) {
            users_backward(net, &groups[g], first);
        } else {
            unfold_group(net, &groups[g], first);
        }
        first += groups[g].position_count;
    }
    return loss;
}

void nba_ncf_net_prepare(struct nba_ncf_net *net)
{
    const size_t D = net->shape.width;
    const size_t M1 = net->shape.layer_1;
    for (size_t i = 0; i < net->shape.contents; i++) {
        memcpy(net->item_half + i * M1, net->b1.value, M1 * sizeof(float));
    }
    nba_gemm_nn((struct gemm_size){net->shape.contents, M1, D}, net->item_mlp.value,
                net->w1.value + D * M1, 1.0f, net->item_half);
}

void nba_ncf_net_fold_in(const struct nba_ncf_net *net, uint32_t segment, const uint32_t *contents,
                         size_t count, float *ret_user)
{
    const size_t V = (size_t)2 * net->shape.width;
    NBA_ASSERT(net->shape.users == 0 && segment < net->shape.segments);
    memset(ret_user, 0, V * sizeof(float));
    for (size_t i = 0; i < count; i++) {
        add_to(ret_user, net->history.value + contents[i] * V, 1.0f, V);
    }
    const float scale = count > 0 ? 1.0f / sqrtf((float)count) : 0.0f;
    for (size_t j = 0; j < V; j++) {
        ret_user[j] = net->prior.value[segment * V + j] + scale * ret_user[j];
    }
}

void nba_ncf_net_user(const struct nba_ncf_net *net, uint32_t user, float *ret_user)
{
    const size_t V = (size_t)2 * net->shape.width;
    NBA_ASSERT(user < net->shape.users);
    memcpy(ret_user, net->user.value + user * V, V * sizeof(float));
}

void nba_ncf_net_score(struct nba_ncf_net *net, const float *user, const uint32_t *contents,
                       size_t count, float *ret_scores)
{
    const struct nba_ncf_net_shape *s = &net->shape;
    const size_t D = s->width;
    const size_t M1 = s->layer_1;
    nba_gemm_nn((struct gemm_size){1, M1, D}, user + D, net->w1.value, 0.0f, net->user_half);
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
    const struct nba_ncf_net_shape *s = &net->shape;
    NBA_ASSERT(s->users == 0);
    return (struct nba_ncf_weights){
        .shape = {.contents = s->contents,
                  .segments = s->segments,
                  .width = s->width,
                  .layer_1 = s->layer_1,
                  .layer_2 = s->layer_2,
                  .layer_3 = s->layer_3},
        .item_gmf = net->item_gmf.value,
        .item_mlp = net->item_mlp.value,
        .history = net->history.value,
        .prior = net->prior.value,
        .w1 = net->w1.value,
        .b1 = net->b1.value,
        .w2 = net->w2.value,
        .b2 = net->b2.value,
        .w3 = net->w3.value,
        .b3 = net->b3.value,
        .w_out = net->w_out.value,
        .b_out = net->b_out.value,
    };
}
