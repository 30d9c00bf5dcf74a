/*
 * What one event costs in the models: LSTM step, 1,000 scores and the ten best, by form and batch;
 * NCF over 32 and 1,000 candidates; the pieces alone.  Prints microseconds of CPU an event, medians
 * of interleaved rounds (a slow second of the machine hits every form).
 *
 *   bench_model [rounds]
 *
 * Figures go to the file named by NBA_BENCH_BARS as tools/bench wants them.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "nba/base/random.h"
#include "nba/linalg/reduce.h"
#include "nba/model/lstm.h"
#include "nba/model/ncf.h"

enum { CONTENTS = 1000, D = 64, H1 = 128, M1 = 128, M2 = 64, M3 = 32, TOP = 10 };
enum { ROUNDS_MAX = 201, BATCH_MAX = 64, CASES = 9 };

static struct nba_rng rng = {42};

static float *draw(size_t count, double scale)
{
    float *x = malloc(count * sizeof *x);
    if (x == NULL) {
        abort();
    }
    for (size_t i = 0; i < count; i++) {
        x[i] = (float)(scale * (2 * nba_rng_double(&rng) - 1));
    }
    return x;
}

static double cpu_us(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec * 1e-3;
}

struct models {
    const struct nba_kernels *kernels;
    struct nba_lstm *lstm;
    struct nba_ncf *ncf;
    float *states; /* [BATCH_MAX][state floats] */
    float *scores; /* [BATCH_MAX][score floats] */
    float *user;
    uint32_t contents[CONTENTS];
};

static void lstm_events(struct models *m, size_t batch, bool step, bool score, bool rank)
{
    float *states[BATCH_MAX];
    const float *read_states[BATCH_MAX];
    uint32_t top[TOP];
    const size_t state_floats = nba_lstm_state_floats(m->lstm);
    const size_t score_floats = nba_lstm_score_floats(m->lstm);
    const size_t at = nba_rng_below(&rng, CONTENTS - BATCH_MAX);
    for (size_t i = 0; i < batch; i++) {
        states[i] = m->states + i * state_floats;
        read_states[i] = states[i];
    }
    if (step) {
        nba_lstm_step(m->lstm, m->contents + at, states, batch);
    }
    if (score) {
        nba_lstm_scores(m->lstm, read_states, batch, m->scores);
    }
    for (size_t i = 0; rank && i < batch; i++) {
        (void)nba_top_k(m->scores + i * score_floats, CONTENTS, TOP, top);
    }
}

/* One unit of a case; returns how many events it was. */
static size_t run_case(struct models *m, int what)
{
    static double z[3000];
    const uint32_t *window = m->contents + nba_rng_below(&rng, CONTENTS - 64);
    switch (what) {
    case 0:
        lstm_events(m, 1, true, true, true);
        return 1;
    case 1:
        lstm_events(m, 8, true, true, true);
        return 8;
    case 2:
        lstm_events(m, 32, true, true, true);
        return 32;
    case 3:
        lstm_events(m, 1, true, false, false);
        return 1;
    case 4:
        lstm_events(m, 1, false, false, true);
        return 1;
    case 5:
        nba_ncf_scores(m->ncf, m->user, window, 32, m->scores);
        return 1;
    case 6:
        nba_ncf_fold_in(m->ncf, 0, window, 48, m->user);
        return 1;
    case 7:
        nba_ncf_scores(m->ncf, m->user, m->contents, CONTENTS, m->scores);
        return 1;
    default:
        m->kernels->sigmoid_double(3000, z, z);
        return 1;
    }
}

static const char *const case_names[CASES] = {"event b1", "b8",      "b32",      "step",  "top-10",
                                              "ncf 32",   "fold 48", "ncf 1000", "3000 P"};

static struct models make(const struct nba_kernels *kernels)
{
    struct models m = {.kernels = kernels};
    const struct nba_lstm_weights lstm = {.shape = {CONTENTS, D, H1, D},
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
    if (nba_lstm_create(&lstm, kernels, &m.lstm, NULL) != NBA_OK ||
        nba_ncf_create(&ncf, kernels, &m.ncf, NULL) != NBA_OK) {
        abort();
    }
    m.states = draw(BATCH_MAX * nba_lstm_state_floats(m.lstm), 0);
    m.scores = draw(BATCH_MAX * nba_lstm_score_floats(m.lstm), 0);
    m.user = draw(2 * D, 1);
    for (uint32_t i = 0; i < CONTENTS; i++) {
        m.contents[i] = (i * 389) % CONTENTS;
    }
    return m;
}

static int by_value(const void *a, const void *b)
{
    const double x = *(const double *)a;
    const double y = *(const double *)b;
    return (x > y) - (x < y);
}

static void print_table(double us[NBA_KERNELS_COUNT][CASES][ROUNDS_MAX],
                        const struct models *models, size_t rounds)
{
    printf("%-10s", "form");
    for (int c = 0; c < CASES; c++) {
        printf(" %9s", case_names[c]);
    }
    printf("   us of CPU an event, median of %zu\n", rounds);
    for (int form = 0; form < NBA_KERNELS_COUNT; form++) {
        if (models[form].lstm != NULL) {
            printf("%-10s", models[form].kernels->name);
            for (int c = 0; c < CASES; c++) {
                printf(" %9.2f", us[form][c][rounds / 2]);
            }
            printf("\n");
        }
    }
}

/* The figures of one form, as JSON lines without a bar: what must be met stands with the peers. */
static int write_figures(double us[CASES][ROUNDS_MAX], const char *form, size_t rounds)
{
    const char *path = getenv("NBA_BENCH_BARS");
    FILE *out = path != NULL ? fopen(path, "a") : NULL;
    if (out == NULL) {
        return path != NULL;
    }
    for (int c = 0; c < CASES; c++) {
        (void)fprintf(out,
                      "{\"id\": \"model/%s/%s\", \"value\": %.3f, \"bar\": null, \"unit\": \"us\", "
                      "\"better\": \"lower\", \"must\": false}\n",
                      form, case_names[c], us[c][rounds / 2]);
    }
    return fclose(out) != 0;
}

int main(int argc, char **argv)
{
    static struct models models[NBA_KERNELS_COUNT];
    static double us[NBA_KERNELS_COUNT][CASES][ROUNDS_MAX];
    const long asked = argc > 1 ? strtol(argv[1], NULL, 10) : 21;
    const size_t rounds = asked < 1 ? 1 : asked > ROUNDS_MAX ? ROUNDS_MAX : (size_t)asked;
    /* portable goes through libm for every product: too slow to be worth a column here */
    for (int form = NBA_KERNELS_SCALAR; form < NBA_KERNELS_COUNT; form++) {
        const struct nba_kernels *kernels = nba_kernels_get((enum nba_kernels_form)form);
        if (kernels != NULL) {
            models[form] = make(kernels);
        }
    }
    for (size_t r = 0; r < rounds; r++) {
        for (int form = 0; form < NBA_KERNELS_COUNT; form++) {
            for (int c = 0; models[form].lstm != NULL && c < CASES; c++) {
                size_t events = 0;
                const double start = cpu_us();
                double end = start;
                while (end - start < 2000) {
                    for (int i = 0; i < 16; i++) {
                        events += run_case(&models[form], c);
                    }
                    end = cpu_us();
                }
                us[form][c][r] = (end - start) / (double)events;
            }
        }
    }
    int failed = 0;
    for (int form = 0; form < NBA_KERNELS_COUNT; form++) {
        for (int c = 0; models[form].lstm != NULL && c < CASES; c++) {
            qsort(us[form][c], rounds, sizeof(double), by_value);
        }
        if (models[form].lstm != NULL) {
            failed |= write_figures(us[form], models[form].kernels->name, rounds);
        }
    }
    print_table(us, models, rounds);
    return failed;
}
