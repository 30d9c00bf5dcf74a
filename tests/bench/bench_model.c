/*
 * What an event costs in the models, and what each kernel makes of the machine.
 *
 *   bench_model [ms]      how long each case runs, 20
 *
 * One JSON object a line for tests/bench/model.py, which takes turns with the peers: the limits of
 * a form (roofline.h), then for each form and case the median wall time of a call with what the
 * call computes and reads.  An event is one LSTM step 64 -> 128 -> 64, the scores of 1,000 contents
 * and the ten best; weights are random, of the size that training leaves.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "nba/base/hash.h"
#include "nba/base/random.h"
#include "nba/linalg/reduce.h"
#include "nba/model/lstm.h"
#include "nba/model/ncf.h"
#include "nba/model/neighbours.h"
#include "roofline.h"

enum { CONTENTS = 1000, D = 64, H1 = 128, M1 = 128, M2 = 64, M3 = 32, TOP = 10, TILE = 4 };
enum { KNN = 100, WINDOW = 64, RULES_LAST = 5 };
enum { HCPS = 256, BATCH_MAX = 64, CALLS_MAX = 200000, ELEMENTS = 1024, HUGE_PAGE = 2 << 20 };

static struct nba_rng rng;

struct bench {
    const struct nba_kernels *kernels;
    struct nba_lstm *lstm, *bf16; /* the same model, its weights as floats and as bfloat16 */
    struct nba_ncf *ncf;
    struct nba_neighbours ease, knn; /* dense; KNN entries a row */
    float *states;                   /* [HCPS][state floats] */
    float *user;
    float *x; /* at least [BATCH_MAX][inputs] */
    float *y; /* at least [BATCH_MAX][outputs] */
    double *p;
    struct nba_layer layer; /* of the case, packed into `weights` */
    float *weights;
    uint32_t contents[CONTENTS];
    size_t next; /* HCP */
};

struct bench_case {
    const char *name;
    size_t rows;  /* events, rows, candidates or elements of a call */
    size_t times; /* calls timed as one: a clock's reading would be most of a short one */
    void (*run)(struct bench *b, const struct bench_case *c);
    size_t inputs, outputs; /* of a layer */
    double flops;           /* a row; an addition, a product, a comparison are one each */
    double bytes;           /* weights read a tile of rows */
};

static float *state_of(const struct bench *b, size_t i)
{
    return b->states + (b->next + i) % HCPS * nba_lstm_state_floats(b->lstm);
}

static void run_step(struct bench *b, const struct bench_case *c)
{
    float *states[BATCH_MAX];
    const size_t at = nba_rng_below(&rng, CONTENTS - BATCH_MAX);
    for (size_t i = 0; i < c->rows; i++) {
        states[i] = state_of(b, i);
    }
    nba_lstm_step(b->lstm, b->contents + at, states, c->rows);
}

static void run_rank(struct bench *b, const struct bench_case *c)
{
    struct nba_lstm_ranking rankings[BATCH_MAX];
    uint32_t best[BATCH_MAX][TOP];
    for (size_t i = 0; i < c->rows; i++) {
        rankings[i] = (struct nba_lstm_ranking){.state = state_of(b, i), .ret_contents = best[i]};
    }
    nba_lstm_rank(b->lstm, rankings, c->rows, TOP);
    b->next = (b->next + c->rows) % HCPS;
}

static void run_event(struct bench *b, const struct bench_case *c)
{
    run_step(b, c);
    run_rank(b, c);
}

static void run_event_bf16(struct bench *b, const struct bench_case *c)
{
    struct nba_lstm *floats = b->lstm;
    b->lstm = b->bf16;
    run_event(b, c);
    b->lstm = floats;
}

static void run_ncf(struct bench *b, const struct bench_case *c)
{
    const size_t at = nba_rng_below(&rng, CONTENTS - c->rows + 1);
    nba_ncf_scores(b->ncf, b->user, b->contents + at, c->rows, b->y);
}

static void run_fold_in(struct bench *b, const struct bench_case *c)
{
    nba_ncf_fold_in(b->ncf, 0, b->contents, c->rows, b->user);
}

/* The last `rows` events of some window. */
static void run_neighbours(const struct bench *b, const struct bench_case *c,
                           const struct nba_neighbours *neighbours)
{
    const size_t at = nba_rng_below(&rng, CONTENTS - c->rows);
    nba_neighbours_scores(neighbours, b->contents + at, c->rows, b->y);
}

static void run_ease(struct bench *b, const struct bench_case *c)
{
    run_neighbours(b, c, &b->ease);
}

static void run_knn(struct bench *b, const struct bench_case *c)
{
    run_neighbours(b, c, &b->knn);
}

static void run_dense(struct bench *b, const struct bench_case *c)
{
    b->kernels->dense(&b->layer, c->rows, b->x, c->inputs, b->y, b->layer.columns);
}

static void run_cell(struct bench *b, const struct bench_case *c)
{
    (void)c;
    b->kernels->lstm_cell(H1, b->x, b->y, b->y + H1);
}

static void run_exp(struct bench *b, const struct bench_case *c)
{
    b->kernels->exp(c->rows, b->x, b->y);
}

static void run_sigmoid(struct bench *b, const struct bench_case *c)
{
    b->kernels->sigmoid(c->rows, b->x, b->y);
}

static void run_tanh(struct bench *b, const struct bench_case *c)
{
    b->kernels->tanh(c->rows, b->x, b->y);
}

static void run_sigmoid_double(struct bench *b, const struct bench_case *c)
{
    b->kernels->sigmoid_double(c->rows, b->p, b->p);
}

static void run_dot(struct bench *b, const struct bench_case *c)
{
    b->y[0] += b->kernels->dot(c->rows, b->x, b->x + ELEMENTS);
}

static void run_top(struct bench *b, const struct bench_case *c)
{
    uint32_t best[TOP];
    const size_t at = nba_rng_below(&rng, 4 * ELEMENTS); /* other numbers each time */
    (void)nba_top_k(b->x + at, c->rows, TOP, best);
}

#define FLOPS(k, n) (2.0 * (k) * (n))
#define BYTES(k, n) (4.0 * (k) * (n))
/* exp: two comparisons, ten fused multiply-adds, one subtraction; a sigmoid negates, adds and
 * divides; a tanh is a sigmoid with one addition and one multiply-add.  A double takes the place of
 * two floats, and six multiply-adds more. */
enum { EXP = 23, SIGMOID = EXP + 3, TANH = SIGMOID + 3, CELL = 3 * SIGMOID + 2 * TANH + 4 };
enum { SIGMOID_D = 2 * (SIGMOID + 2 * 6) };
#define STEP_SUMS(of) (of(H1, 4 * H1) + of(H1 + D, 4 * D))
#define STEP_FLOPS    (STEP_SUMS(FLOPS) + (H1 + D) * CELL)
#define RANK_FLOPS    (FLOPS(D, CONTENTS) + 2 * CONTENTS)
#define EVENT         STEP_FLOPS + RANK_FLOPS, STEP_SUMS(BYTES) + BYTES(D, CONTENTS)
#define EVENT_BF16    STEP_FLOPS + RANK_FLOPS, (STEP_SUMS(BYTES) + BYTES(D, CONTENTS)) / 2
#define NCF           FLOPS(M1, M2) + FLOPS(M2, M3) + 2 * (D + M3) + 2 * M1, 0
#define LAYER(k, n)   run_dense, (k), (n), FLOPS(k, n), BYTES(k, n)

static const struct bench_case cases[] = {
    {"event", 1, 1, run_event, 0, 0, EVENT},
    {"event", 2, 1, run_event, 0, 0, EVENT},
    {"event", 4, 1, run_event, 0, 0, EVENT},
    {"event", 8, 1, run_event, 0, 0, EVENT},
    {"event", 16, 1, run_event, 0, 0, EVENT},
    {"event", 32, 1, run_event, 0, 0, EVENT},
    {"event", 64, 1, run_event, 0, 0, EVENT},
    {"event bf16", 1, 1, run_event_bf16, 0, 0, EVENT_BF16},
    {"event bf16", 4, 1, run_event_bf16, 0, 0, EVENT_BF16},
    {"event bf16", 32, 1, run_event_bf16, 0, 0, EVENT_BF16},
    {"NCF", 32, 1, run_ncf, 0, 0, NCF},
    {"NCF", 1000, 1, run_ncf, 0, 0, NCF},
    {"NCF fold-in", 48, 4, run_fold_in, 0, 0, 2 * D, BYTES(2 * TILE, D)},
    {"EASE", WINDOW / 2, 1, run_ease, 0, 0, 2 * CONTENTS, 0},
    {"EASE", WINDOW, 1, run_ease, 0, 0, 2 * CONTENTS, 0},
    {"item-kNN", WINDOW, 1, run_knn, 0, 0, 2 * KNN, 0},
    {"rules", RULES_LAST, 4, run_knn, 0, 0, 2 * KNN, 0},
    {"LSTM step", 1, 1, run_step, 0, 0, STEP_FLOPS, STEP_SUMS(BYTES)},
    {"LSTM step", 32, 1, run_step, 0, 0, STEP_FLOPS, STEP_SUMS(BYTES)},
    {"scores and ten best", 1, 1, run_rank, 0, 0, RANK_FLOPS, BYTES(D, CONTENTS)},
    {"scores and ten best", 32, 1, run_rank, 0, 0, RANK_FLOPS, BYTES(D, CONTENTS)},
    {"layer 128 to 512", 1, 1, LAYER(H1, 4 * H1)},
    {"layer 128 to 512", TILE, 1, LAYER(H1, 4 * H1)},
    {"layer 192 to 256", 1, 1, LAYER(H1 + D, 4 * D)},
    {"layer 192 to 256", TILE, 1, LAYER(H1 + D, 4 * D)},
    {"scores 64 to 1000", 1, 1, LAYER(D, CONTENTS)},
    {"scores 64 to 1000", TILE, 1, LAYER(D, CONTENTS)},
    {"NCF 128 to 64", 32, 1, LAYER(M1, M2)},
    {"NCF 64 to 32", 32, 1, LAYER(M2, M3)},
    {"LSTM cell", H1, 8, run_cell, 0, 0, CELL, 0},
    {"exp", ELEMENTS, 4, run_exp, 0, 0, EXP, 0},
    {"sigmoid", ELEMENTS, 4, run_sigmoid, 0, 0, SIGMOID, 0},
    {"tanh", ELEMENTS, 4, run_tanh, 0, 0, TANH, 0},
    {"sigmoid of doubles", ELEMENTS, 4, run_sigmoid_double, 0, 0, SIGMOID_D, 0},
    {"dot product", D + M3, 64, run_dot, 0, 0, 2, 0},
    {"ten best", CONTENTS, 4, run_top, 0, 0, 2, 0},
};

/* One block on huge pages, as the models' own. */
static float *draw(size_t count, double scale)
{
    const size_t bytes = (count * sizeof(float) + HUGE_PAGE - 1) / HUGE_PAGE * HUGE_PAGE;
    float *x = aligned_alloc(HUGE_PAGE, bytes);
    if (x == NULL) {
        abort();
    }
    (void)madvise(x, bytes, MADV_HUGEPAGE);
    for (size_t i = 0; i < count; i++) {
        x[i] = (float)(scale * (2 * nba_rng_double(&rng) - 1));
    }
    return x;
}

static void make(struct bench *b, const struct nba_kernels *kernels)
{
    struct nba_lstm_weights lstm = {.shape = {CONTENTS, D, H1, D},
                                    .embedding = draw(CONTENTS * D, 1),
                                    .w1 = draw((D + H1) * 4 * H1, 0.19),
                                    .b1 = draw(4 * H1, 0.1),
                                    .w2 = draw((H1 + D) * 4 * D, 0.25),
                                    .b2 = draw(4 * D, 0.1),
                                    .out_bias = draw(CONTENTS, 0.1)};
    const struct nba_ncf_weights ncf = {.shape = {CONTENTS, 1, D, M1, M2, M3},
                                        .item_gmf = draw(CONTENTS * D, 1),
                                        .item_mlp = draw(CONTENTS * D, 1),
                                        .history = draw(CONTENTS * 2 * D, 1),
                                        .prior = draw(2 * D, 1),
                                        .w1 = draw(2 * D * M1, 0.2),
                                        .b1 = draw(M1, 0.1),
                                        .w2 = draw(M1 * M2, 0.2),
                                        .b2 = draw(M2, 0.1),
                                        .w3 = draw(M2 * M3, 0.2),
                                        .b3 = draw(M3, 0.1),
                                        .w_out = draw(D + M3, 0.2),
                                        .b_out = draw(1, 0.1)};
    b->kernels = kernels;
    if (nba_lstm_create(&lstm, kernels, &b->lstm, NULL) != NBA_OK ||
        (lstm.bf16 = true, nba_lstm_create(&lstm, kernels, &b->bf16, NULL)) != NBA_OK ||
        nba_ncf_create(&ncf, kernels, &b->ncf, NULL) != NBA_OK) {
        abort();
    }
    b->states = draw(HCPS * nba_lstm_state_floats(b->lstm), 0);
    b->user = draw(2 * D, 1);
    b->x = draw(BATCH_MAX * (H1 + D), 1);
    b->y = draw(BATCH_MAX * (CONTENTS + NBA_LANES), 1);
    b->p = (double *)(void *)draw(2 * ELEMENTS, 0);
    b->weights = draw((CONTENTS + NBA_PANEL) * (H1 + 1), 0);
    for (uint32_t i = 0; i < CONTENTS; i++) {
        b->contents[i] = (i * 389) % CONTENTS;
    }
}

static void make_neighbours(struct bench *b)
{
    static uint32_t offsets[CONTENTS + 1];
    static uint32_t columns[CONTENTS * KNN];
    for (uint32_t i = 0; i < CONTENTS; i++) {
        offsets[i + 1] = offsets[i] + KNN;
        for (uint32_t j = 0; j < KNN; j++) {
            columns[i * KNN + j] = j * (CONTENTS / KNN) + i % (CONTENTS / KNN);
        }
    }
    b->ease = (struct nba_neighbours){.contents = CONTENTS,
                                      .entries = CONTENTS * CONTENTS,
                                      .last = UINT32_MAX,
                                      .decay = 0.9f,
                                      .values = draw(CONTENTS * CONTENTS, 0.1),
                                      .prior = draw(CONTENTS, 0)};
    b->knn = b->ease;
    b->knn.entries = CONTENTS * KNN;
    b->knn.offsets = offsets;
    b->knn.columns = columns;
}

static double now_us(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec * 1e-3;
}

static int by_value(const void *a, const void *b)
{
    const double x = *(const double *)a;
    const double y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Median of a call. */
static double measure(struct bench *b, const struct bench_case *c, double budget_us)
{
    static double us[CALLS_MAX];
    if (c->inputs != 0) {
        float *plain = draw(c->inputs * c->outputs, 0.3);
        const struct nba_layer_source source = {
            .inputs = c->inputs, .outputs = c->outputs, .weights = plain, .stride = c->outputs};
        nba_layer_pack(&source, b->weights, &b->layer);
        free(plain);
    }
    size_t calls = 0;
    const double end = now_us() + budget_us;
    for (double at = now_us(); at < end && calls < CALLS_MAX;) {
        for (size_t i = 0; i < c->times; i++) {
            c->run(b, c);
        }
        const double now = now_us();
        us[calls++] = (now - at) / (double)c->times;
        at = now;
    }
    qsort(us, calls, sizeof us[0], by_value);
    return us[calls / 2];
}

/* How many batch sizes 1..BATCH_MAX give other states or lists than one HCP at a time, three events
 * of each HCP; ret_hash: of what they should be. */
static unsigned differing_batches(struct bench *b, const struct nba_lstm *lstm, uint64_t *ret_hash)
{
    enum { EVENTS = 3 };
    static uint32_t best[BATCH_MAX][TOP];
    const size_t floats = nba_lstm_state_floats(lstm);
    unsigned differ = 0;
    for (size_t batch = 1; batch <= BATCH_MAX; batch++) {
        memset(b->states, 0, BATCH_MAX * floats * sizeof *b->states);
        for (size_t event = 0; event < EVENTS; event++) {
            for (size_t at = 0; at < BATCH_MAX; at += batch) {
                const size_t rows = BATCH_MAX - at < batch ? BATCH_MAX - at : batch;
                float *states[BATCH_MAX];
                struct nba_lstm_ranking rankings[BATCH_MAX];
                for (size_t i = 0; i < rows; i++) {
                    states[i] = b->states + (at + i) * floats;
                    rankings[i] =
                        (struct nba_lstm_ranking){.state = states[i], .ret_contents = best[at + i]};
                }
                nba_lstm_step(lstm, b->contents + event * BATCH_MAX + at, states, rows);
                nba_lstm_rank(lstm, rankings, rows, TOP);
            }
        }
        const uint64_t hash = nba_xxh64(b->states, BATCH_MAX * floats * sizeof *b->states) ^
                              nba_xxh64(best, sizeof best);
        *ret_hash = batch == 1 ? hash : *ret_hash;
        differ += hash != *ret_hash;
    }
    return differ;
}

int main(int argc, char **argv)
{
    const double ms = argc > 1 ? strtod(argv[1], NULL) : 20;
    /* portable goes through libm for every product: fifty times slower, nobody serves with it */
    for (int form = NBA_KERNELS_SCALAR; form < NBA_KERNELS_COUNT; form++) {
        const struct nba_kernels *kernels = nba_kernels_get((enum nba_kernels_form)form);
        if (kernels == NULL) {
            continue;
        }
        struct bench b = {0};
        uint64_t hash = 0;
        rng = nba_rng(42); /* every form has the same weights */
        make(&b, kernels);
        make_neighbours(&b);
        const struct roofline limit = roofline_measure((enum nba_kernels_form)form);
        uint64_t hash_bf16 = 0;
        const unsigned differ =
            differing_batches(&b, b.lstm, &hash) + differing_batches(&b, b.bf16, &hash_bf16);
        printf("{\"form\": \"%s\", \"gflops\": %.1f, \"read_gbs\": %.1f, \"differ\": %u, "
               "\"hash\": \"%016llx\"}\n",
               kernels->name, limit.gflops, limit.read_gbs, differ,
               (unsigned long long)(hash ^ hash_bf16));
        for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
            const struct bench_case *c = &cases[i];
            const double tiles = (double)((c->rows + TILE - 1) / TILE);
            printf("{\"form\": \"%s\", \"case\": \"%s\", \"rows\": %zu, \"us\": %.4f, "
                   "\"flops\": %.0f, \"bytes\": %.0f}\n",
                   kernels->name, c->name, c->rows, measure(&b, c, 1000 * ms),
                   c->flops * (double)c->rows, c->bytes * tiles);
        }
    }
    return fflush(stdout) != 0; /* the process ends: nothing is freed one by one */
}
