/* A batch is sorted by length, packed, run up through the layers and down again.  Only rows that
 * have a target go through the softmax. */
#include "nba/train/lstm_net.h"

#include <string.h>

#include "nba/base/assert.h"
#include "nba/train/dropout.h"
#include "nba/train/softmax_loss.h"

#define EMBEDDING_DEVIATION 0.05

struct nba_lstm_net {
    struct nba_lstm_shape shape;
    size_t rows_max;
    struct nba_parameter embedding; /* (N, D) also the softmax's weights */
    struct nba_parameter out_bias;  /* (1, N) */
    struct nba_lstm_layer first, second;
    struct nba_dropout drop_x, drop_middle, drop_top;
    struct nba_packing packing;
    uint32_t order[NBA_LSTM_NET_BATCH_MAX];   /* sequences by falling length */
    uint32_t lengths[NBA_LSTM_NET_BATCH_MAX]; /* steps, in that order */
    uint32_t *contents;                       /* (R) input of each packed row */
    uint32_t *targets;                        /* (M) */
    uint32_t *target_rows;                    /* (M) packed row of each target */
    float *x, *d_x;                           /* (R, D) */
    float *middle, *d_middle;                 /* (R, H1) the second layer's input */
    float *top, *d_top;                       /* (R, D) the second layer's output, gradients */
    float *scored, *d_scored;                 /* (M, D) rows that have a target */
    float *scores;                            /* (chunk, N) */
    float *w1, *w2;                           /* the serving layout */
};

struct nba_lstm_net *nba_lstm_net_create(struct nba_parameters *all, struct nba_lstm_shape shape,
                                         size_t rows_max, double dropout, uint64_t seed)
{
    const size_t N = shape.contents;
    const size_t D = shape.width;
    const size_t H = shape.hidden_1;
    const size_t R = rows_max;
    NBA_ASSERT(N > 0 && D > 0 && H > 0 && R > 0 && shape.hidden_2 == shape.width);
    struct nba_arena *pool = &all->pool;
    struct nba_lstm_net *net = nba_pool_take(pool, 1, sizeof(*net));
    net->shape = shape;
    net->rows_max = R;
    net->contents = nba_pool_take(pool, R, sizeof(*net->contents));
    net->targets = nba_pool_take(pool, R, sizeof(*net->targets));
    net->target_rows = nba_pool_take(pool, R, sizeof(*net->target_rows));
    net->x = nba_pool_floats(pool, R * D);
    net->d_x = nba_pool_floats(pool, R * D);
    net->middle = nba_pool_floats(pool, R * H);
    net->d_middle = nba_pool_floats(pool, R * H);
    net->top = nba_pool_floats(pool, R * D);
    net->d_top = nba_pool_floats(pool, R * D);
    net->scored = nba_pool_floats(pool, R * D);
    net->d_scored = nba_pool_floats(pool, R * D);
    net->scores = nba_pool_floats(pool, NBA_SOFTMAX_CHUNK * N);
    net->w1 = nba_pool_floats(pool, (D + H) * 4 * H);
    net->w2 = nba_pool_floats(pool, (H + D) * 4 * D);
    nba_dropout_init(&net->drop_x, pool, dropout, R * D);
    nba_dropout_init(&net->drop_middle, pool, dropout, R * H);
    nba_dropout_init(&net->drop_top, pool, dropout, R * D);
    nba_parameter_init(&net->embedding, all, "embedding", N, D, false);
    nba_parameter_init(&net->out_bias, all, "out_bias", 1, N, false);
    nba_lstm_layer_init(&net->first, all, D, H, R);
    nba_lstm_layer_init(&net->second, all, H, D, R);
    struct nba_rng rng = nba_rng(seed);
    nba_lstm_layer_fill(&net->first, &rng);
    nba_lstm_layer_fill(&net->second, &rng);
    nba_parameter_fill_normal(&net->embedding, &rng, EMBEDDING_DEVIATION);
    return net;
}

/* Packs `count` sequences less their last `spare` contents; returns how many have a step. */
static size_t net_pack(struct nba_lstm_net *net, const struct nba_sequence *sequences, size_t count,
                       uint32_t spare)
{
    size_t running = 0;
    NBA_ASSERT(count <= NBA_LSTM_NET_BATCH_MAX);
    for (size_t i = 0; i < count; i++) {
        if (sequences[i].count <= spare) {
            continue;
        }
        const uint32_t length = sequences[i].count - spare;
        size_t at = running++;
        for (; at > 0 && net->lengths[at - 1] < length; at--) {
            net->lengths[at] = net->lengths[at - 1];
            net->order[at] = net->order[at - 1];
        }
        net->lengths[at] = length;
        net->order[at] = (uint32_t)i;
    }
    if (running == 0) {
        return 0;
    }
    nba_packing_init(&net->packing, net->lengths, running);
    NBA_ASSERT(net->packing.total <= net->rows_max);
    for (size_t t = 0; t < net->packing.step_count; t++) {
        for (size_t i = 0; i < net->packing.rows[t]; i++) {
            const uint32_t content = sequences[net->order[i]].contents[t];
            NBA_ASSERT(content < net->shape.contents);
            net->contents[net->packing.offset[t] + i] = content;
        }
    }
    return running;
}

/* Up to the second layer's output, which is copied to `top` and dropped out there. */
static void net_forward(struct nba_lstm_net *net, struct nba_rng *rng)
{
    const size_t R = net->packing.total;
    const size_t D = net->shape.width;
    const size_t H = net->shape.hidden_1;
    nba_parameter_gather(&net->embedding, net->contents, R, net->x);
    nba_dropout_forward(&net->drop_x, rng, net->x, R * D);
    nba_lstm_layer_forward(&net->first, &net->packing, net->x);
    memcpy(net->middle, net->first.outputs, R * H * sizeof(float));
    nba_dropout_forward(&net->drop_middle, rng, net->middle, R * H);
    nba_lstm_layer_forward(&net->second, &net->packing, net->middle);
    memcpy(net->top, net->second.outputs, R * D * sizeof(float));
    nba_dropout_forward(&net->drop_top, rng, net->top, R * D);
}

/* d_top holds the gradient of `top`. */
static void net_backward(struct nba_lstm_net *net)
{
    const size_t R = net->packing.total;
    const size_t D = net->shape.width;
    const size_t H = net->shape.hidden_1;
    nba_dropout_backward(&net->drop_top, net->d_top, R * D);
    nba_lstm_layer_backward(&net->second, &net->packing, net->middle, net->d_top, net->d_middle);
    nba_dropout_backward(&net->drop_middle, net->d_middle, R * H);
    nba_lstm_layer_backward(&net->first, &net->packing, net->x, net->d_middle, net->d_x);
    nba_dropout_backward(&net->drop_x, net->d_x, R * D);
    nba_parameter_scatter(&net->embedding, net->contents, R, net->d_x);
}

/* The rows whose next content is a target. */
static size_t net_gather_targets(struct nba_lstm_net *net, const struct nba_sequence *sequences)
{
    size_t count = 0;
    for (size_t t = 0; t < net->packing.step_count; t++) {
        for (size_t i = 0; i < net->packing.rows[t]; i++) {
            const struct nba_sequence *s = &sequences[net->order[i]];
            NBA_ASSERT(s->loss_from >= 1);
            if (t + 1 >= s->loss_from) {
                net->targets[count] = s->contents[t + 1];
                net->target_rows[count] = net->packing.offset[t] + (uint32_t)i;
                count++;
            }
        }
    }
    return count;
}

double nba_lstm_net_learn(struct nba_lstm_net *net, const struct nba_sequence *sequences,
                          size_t count, struct nba_rng *rng, size_t *ret_targets)
{
    const size_t D = net->shape.width;
    const size_t targets =
        net_pack(net, sequences, count, 1) > 0 ? net_gather_targets(net, sequences) : 0;
    *ret_targets = targets;
    if (targets == 0) {
        return 0.0;
    }
    net_forward(net, rng);
    for (size_t m = 0; m < targets; m++) {
        memcpy(net->scored + m * D, net->top + net->target_rows[m] * D, D * sizeof(float));
    }
    const double loss = nba_softmax_loss(net->scored, net->targets, targets, &net->embedding,
                                         &net->out_bias, net->scores, net->d_scored);
    memset(net->d_top, 0, net->packing.total * D * sizeof(float));
    for (size_t m = 0; m < targets; m++) {
        memcpy(net->d_top + net->target_rows[m] * D, net->d_scored + m * D, D * sizeof(float));
    }
    net_backward(net);
    return loss;
}

void nba_lstm_net_score(struct nba_lstm_net *net, const struct nba_sequence *sequences,
                        size_t count, float *ret_scores)
{
    const size_t D = net->shape.width;
    NBA_ASSERT(count <= net->rows_max);
    memset(net->scored, 0, count * D * sizeof(float));
    const size_t running = net_pack(net, sequences, count, 0);
    if (running > 0) {
        net_forward(net, NULL);
    }
    for (size_t i = 0; i < running; i++) {
        const size_t row = net->packing.offset[net->lengths[i] - 1] + i;
        memcpy(net->scored + net->order[i] * D, net->top + row * D, D * sizeof(float));
    }
    nba_softmax_loss_scores(net->scored, count, &net->embedding, &net->out_bias, ret_scores);
}

static void join_weights(const struct nba_lstm_layer *layer, float *w)
{
    const size_t input = nba_parameter_count(&layer->w_x);
    memcpy(w, layer->w_x.value, input * sizeof(float));
    memcpy(w + input, layer->w_h.value, nba_parameter_count(&layer->w_h) * sizeof(float));
}

struct nba_lstm_weights nba_lstm_net_weights(struct nba_lstm_net *net)
{
    join_weights(&net->first, net->w1);
    join_weights(&net->second, net->w2);
    return (struct nba_lstm_weights){
        .shape = net->shape,
        .embedding = net->embedding.value,
        .w1 = net->w1,
        .b1 = net->first.bias.value,
        .w2 = net->w2,
        .b2 = net->second.bias.value,
        .out_bias = net->out_bias.value,
    };
}
