/*
 * The serving LSTM: closed forms, PyTorch's values, then what makes it fit for replay: the same
 * bits for every form, batch size and row, and a window re-run equal to its steps.
 */
#include "nba_test.h"

#include <math.h>

#include "nba/base/hash.h"
#include "nba/base/random.h"
#include "nba/model/lstm.h"
#include "reference_file.h"

/* N, D, H1 differ; D = H2 by the tied softmax. */
enum { N = 37, D = 16, H1 = 48, H2 = 16, STATE = 2 * (H1 + H2), SCORES = 48, BATCH_MAX = 64 };

struct fixture {
    float embedding[N * D];
    float w1[(D + H1) * 4 * H1];
    float b1[4 * H1];
    float w2[(H1 + H2) * 4 * H2];
    float b2[4 * H2];
    float out_bias[N];
    struct nba_lstm_weights weights;
};

static struct fixture fixture;

static void draw(struct nba_rng *rng, double scale, float *x, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        x[i] = (float)(scale * (2 * nba_rng_double(rng) - 1));
    }
}

/* In the order of tests/reference/make_serving_reference.py. */
static int setup(void **state)
{
    (void)state;
    struct fixture *f = &fixture;
    struct nba_rng rng = nba_rng(2024);
    draw(&rng, 1.0, f->embedding, NBA_ARRAY_COUNT(f->embedding));
    draw(&rng, 0.4, f->w1, NBA_ARRAY_COUNT(f->w1));
    draw(&rng, 0.2, f->b1, NBA_ARRAY_COUNT(f->b1));
    draw(&rng, 0.4, f->w2, NBA_ARRAY_COUNT(f->w2));
    draw(&rng, 0.2, f->b2, NBA_ARRAY_COUNT(f->b2));
    draw(&rng, 0.3, f->out_bias, NBA_ARRAY_COUNT(f->out_bias));
    f->weights = (struct nba_lstm_weights){.shape = {N, D, H1, H2},
                                           .embedding = f->embedding,
                                           .w1 = f->w1,
                                           .b1 = f->b1,
                                           .w2 = f->w2,
                                           .b2 = f->b2,
                                           .out_bias = f->out_bias};
    return 0;
}

static struct nba_lstm *create(const struct nba_kernels *kernels)
{
    struct nba_lstm *lstm = NULL;
    struct nba_error error;
    assert_int_equal(nba_lstm_create(&fixture.weights, kernels, &lstm, &error), NBA_OK);
    return lstm;
}

static void test_zero_weights_halve_the_memory_and_score_the_bias(void **state)
{
    (void)state;
    static const float zeros[(D + H1) * 4 * H1];
    const struct nba_lstm_weights weights = {.shape = {N, D, H1, H2},
                                             .embedding = zeros,
                                             .w1 = zeros,
                                             .b1 = zeros,
                                             .w2 = zeros,
                                             .b2 = zeros,
                                             .out_bias = fixture.out_bias};
    struct nba_lstm *lstm = NULL;
    assert_int_equal(nba_lstm_create(&weights, nba_kernels_best(), &lstm, NULL), NBA_OK);
    float values[STATE];
    float scores[SCORES];
    float *states[] = {values};
    const float *read_states[] = {values};
    const uint32_t content = 3;
    for (size_t i = 0; i < STATE; i++) {
        values[i] = 0.8f;
    }
    nba_lstm_step(lstm, &content, states, 1);
    assert_true(fabsf(values[H1] - 0.4f) < 1e-6f);                      /* c1 */
    assert_true(fabsf(values[2 * H1 + H2] - 0.4f) < 1e-6f);             /* c2 */
    assert_true(fabs((double)values[0] - 0.5 * tanh(0.4)) < 1e-6);      /* h1 */
    assert_true(fabs((double)values[2 * H1] - 0.5 * tanh(0.4)) < 1e-6); /* h2 */
    nba_lstm_scores(lstm, read_states, 1, scores);
    assert_memory_equal(scores, fixture.out_bias, N * sizeof *scores);
    nba_lstm_destroy(lstm);
}

static void test_steps_and_scores_match_pytorch(void **state)
{
    (void)state;
    struct nba_lstm *lstm = create(nba_kernels_best());
    assert_int_equal(nba_lstm_state_floats(lstm), STATE);
    assert_int_equal(nba_lstm_score_floats(lstm), SCORES);
    float values[STATE] = {0};
    float scores[SCORES];
    float *states[] = {values};
    const float *read_states[] = {values};
    for (uint32_t step = 0; step < 12; step++) {
        const uint32_t content = step * 11 % N;
        nba_lstm_step(lstm, &content, states, 1);
        if (step != 0 && step != 1 && step != 11) {
            continue;
        }
        char name[32];
        double want[STATE];
        (void)snprintf(name, sizeof name, "state_%u", step);
        reference_read("lstm_serving.txt", name, want, STATE);
        for (size_t i = 0; i < STATE; i++) {
            assert_true(fabs((double)values[i] - want[i]) < 2e-6);
        }
        nba_lstm_scores(lstm, read_states, 1, scores);
        (void)snprintf(name, sizeof name, "scores_%u", step);
        reference_read("lstm_serving.txt", name, want, N);
        for (size_t i = 0; i < N; i++) {
            assert_true(fabs((double)scores[i] - want[i]) < 4e-6);
        }
    }
    nba_lstm_destroy(lstm);
}

static void test_padding_scores_are_minus_infinity(void **state)
{
    (void)state;
    struct nba_lstm *lstm = create(nba_kernels_best());
    const float values[STATE] = {0};
    const float *read_states[] = {values};
    float scores[SCORES];
    nba_lstm_scores(lstm, read_states, 1, scores);
    for (size_t n = N; n < SCORES; n++) {
        assert_true(isinf(scores[n]) && scores[n] < 0);
    }
    nba_lstm_destroy(lstm);
}

/* Contents of HCP `row` at step t; every seventh is one the model doesn't know. */
static uint32_t content_of(size_t row, size_t t)
{
    return (row * 5 + t * 3) % 7 == 0 ? NBA_LSTM_UNKNOWN : (uint32_t)((row * 13 + t * 17) % N);
}

enum { STEPS = 5 };
static float want_states[BATCH_MAX][STATE];
static float want_scores[BATCH_MAX][SCORES];

/* One HCP at a time with the portable form: what all the others must equal. */
static void make_wanted(void)
{
    struct nba_lstm *lstm = create(nba_kernels_get(NBA_KERNELS_PORTABLE));
    for (size_t row = 0; row < BATCH_MAX; row++) {
        float *states[] = {want_states[row]};
        const float *read_states[] = {want_states[row]};
        memset(want_states[row], 0, sizeof want_states[row]);
        for (size_t t = 0; t < STEPS; t++) {
            const uint32_t content = content_of(row, t);
            nba_lstm_step(lstm, &content, states, 1);
        }
        nba_lstm_scores(lstm, read_states, 1, want_scores[row]);
    }
    nba_lstm_destroy(lstm);
}

static void check_batch(const struct nba_lstm *lstm, size_t batch)
{
    static float got_states[BATCH_MAX][STATE];
    static float got_scores[BATCH_MAX][SCORES];
    for (size_t at = 0; at < BATCH_MAX; at += batch) {
        const size_t rows = BATCH_MAX - at < batch ? BATCH_MAX - at : batch;
        float *states[BATCH_MAX];
        const float *read_states[BATCH_MAX];
        uint32_t contents[BATCH_MAX];
        for (size_t i = 0; i < rows; i++) {
            states[i] = got_states[i];
            read_states[i] = got_states[i];
            memset(got_states[i], 0, sizeof got_states[i]);
        }
        for (size_t t = 0; t < STEPS; t++) {
            for (size_t i = 0; i < rows; i++) {
                contents[i] = content_of((at + i + batch * 7) % BATCH_MAX, t);
            }
            nba_lstm_step(lstm, contents, states, rows);
        }
        nba_lstm_scores(lstm, read_states, rows, got_scores[0]);
        for (size_t i = 0; i < rows; i++) {
            const size_t row = (at + i + batch * 7) % BATCH_MAX;
            assert_memory_equal(got_states[i], want_states[row], sizeof got_states[i]);
            assert_memory_equal(got_scores[i], want_scores[row], N * sizeof(float));
        }
    }
}

static void test_every_form_batch_size_and_row_gives_the_same_bits(void **state)
{
    (void)state;
    make_wanted();
    /* the bits themselves: the same from gcc and clang, on every CPU */
    assert_true(nba_xxh64(want_states, sizeof want_states) == UINT64_C(0xc7c693dcb4e4c949));
    assert_true(nba_xxh64(want_scores, sizeof want_scores) == UINT64_C(0x3ea6c0beaac128bb));
    for (int form = 0; form < NBA_KERNELS_COUNT; form++) {
        const struct nba_kernels *kernels = nba_kernels_get((enum nba_kernels_form)form);
        if (kernels == NULL) {
            continue;
        }
        struct nba_lstm *lstm = create(kernels);
        for (size_t batch = 1; batch <= BATCH_MAX; batch++) {
            check_batch(lstm, batch);
        }
        nba_lstm_destroy(lstm);
    }
}

static void test_an_unknown_content_leaves_the_state(void **state)
{
    (void)state;
    struct nba_lstm *lstm = create(nba_kernels_best());
    float values[STATE];
    float before[STATE];
    float *states[] = {values};
    const uint32_t unknown = NBA_LSTM_UNKNOWN;
    for (size_t i = 0; i < STATE; i++) {
        values[i] = before[i] = 0.01f * (float)i;
    }
    nba_lstm_step(lstm, &unknown, states, 1);
    assert_memory_equal(values, before, sizeof values);
    nba_lstm_destroy(lstm);
}

static void test_windows_of_any_length_run_side_by_side_equal_their_steps(void **state)
{
    (void)state;
    enum { WINDOWS = 9, LENGTH_MAX = 20 };
    static const uint32_t lengths[WINDOWS] = {3, 0, 20, 1, 7, 7, 12, 2, 19};
    struct nba_lstm *lstm = create(nba_kernels_best());
    uint32_t contents[WINDOWS][LENGTH_MAX];
    float got[WINDOWS][STATE];
    struct nba_lstm_window windows[WINDOWS];
    for (size_t w = 0; w < WINDOWS; w++) {
        for (size_t t = 0; t < LENGTH_MAX; t++) {
            contents[w][t] = content_of(w, t);
        }
        memset(got[w], 0x55, sizeof got[w]); /* what was there must not matter */
        windows[w] = (struct nba_lstm_window){contents[w], lengths[w], got[w]};
    }
    nba_lstm_run(lstm, windows, WINDOWS);
    for (size_t w = 0; w < WINDOWS; w++) {
        float want[STATE] = {0};
        float *states[] = {want};
        for (size_t t = 0; t < lengths[w]; t++) {
            nba_lstm_step(lstm, &contents[w][t], states, 1);
        }
        assert_memory_equal(got[w], want, sizeof want);
    }
    nba_lstm_destroy(lstm);
}

/* The definition: content a stands before b when its score is higher, or equal and a < b. */
static size_t rank_plainly(const float *scores, size_t count, const bool *skip, size_t k,
                           uint32_t *ret_contents)
{
    size_t found = 0;
    for (size_t a = 0; a < count; a++) {
        size_t before = 0;
        for (size_t b = 0; b < count; b++) {
            before += !skip[b] && (scores[b] > scores[a] || (scores[b] == scores[a] && b < a));
        }
        if (!skip[a] && before < k) {
            ret_contents[before] = (uint32_t)a;
            found++;
        }
    }
    return found;
}

/* Three pieces of contents, the last one short; many scores are equal. */
static void test_ranking_in_the_tile_is_the_ranking_of_the_scores(void **state)
{
    (void)state;
    enum { MANY = 2100, ROWS = 7, TOP = 40 };
    static float embedding[MANY * D];
    static float out_bias[MANY];
    static bool skip[ROWS][MANY];
    static float states[ROWS][STATE];
    static float scores[ROWS * (MANY + NBA_LANES)];
    struct nba_rng rng = nba_rng(11);
    for (size_t i = 0; i < MANY * D; i++) {
        embedding[i] = i / D % 5 == 0 ? 0.0f : (float)nba_rng_below(&rng, 3) - 1.0f;
    }
    for (size_t row = 0; row < ROWS; row++) {
        for (size_t n = 0; n < MANY; n++) {
            /* row 0 nothing, row 6 all but some 20, fewer than are asked for */
            skip[row][n] = nba_rng_below(&rng, 100) < (row == ROWS - 1 ? 99 : row * 10);
        }
        for (size_t j = 0; j < D; j++) {
            states[row][2 * H1 + j] = (float)nba_rng_below(&rng, 5) - 2.0f;
        }
    }
    struct nba_lstm_weights weights = fixture.weights;
    weights.shape.contents = MANY;
    weights.embedding = embedding;
    weights.out_bias = out_bias;
    for (int form = 0; form < NBA_KERNELS_COUNT; form++) {
        const struct nba_kernels *kernels = nba_kernels_get((enum nba_kernels_form)form);
        struct nba_lstm *lstm = NULL;
        if (kernels == NULL) {
            continue;
        }
        assert_int_equal(nba_lstm_create(&weights, kernels, &lstm, NULL), NBA_OK);
        const size_t row_floats = nba_lstm_score_floats(lstm);
        const float *read_states[ROWS];
        struct nba_lstm_ranking rankings[ROWS];
        uint32_t got[ROWS][TOP];
        uint32_t want[TOP];
        for (size_t row = 0; row < ROWS; row++) {
            read_states[row] = states[row];
            rankings[row] = (struct nba_lstm_ranking){.state = states[row],
                                                      .skip = row == 0 ? NULL : skip[row],
                                                      .ret_contents = got[row]};
        }
        nba_lstm_scores(lstm, read_states, ROWS, scores);
        nba_lstm_rank(lstm, rankings, ROWS, TOP);
        for (size_t row = 0; row < ROWS; row++) {
            const size_t count =
                rank_plainly(scores + row * row_floats, MANY, skip[row], TOP, want);
            assert_true(row == ROWS - 1 ? count < TOP : count == TOP);
            assert_int_equal(rankings[row].ret_count, count);
            assert_memory_equal(got[row], want, count * sizeof *want);
        }
        nba_lstm_destroy(lstm);
    }
}

static void test_shapes_that_can_not_run_are_refused_with_a_reason(void **state)
{
    (void)state;
    static const struct {
        struct nba_lstm_shape shape;
        const char *says;
    } bad[] = {
        {{0, 64, 128, 64}, "contents"},       {{20001, 64, 128, 64}, "contents"},
        {{10, 60, 128, 60}, "multiples"},     {{10, 64, 0, 64}, "multiples"},
        {{10, 1024, 128, 1024}, "multiples"}, {{10, 64, 128, 32}, "tied"},
    };
    struct nba_error error;
    for (size_t i = 0; i < NBA_ARRAY_COUNT(bad); i++) {
        assert_int_equal(nba_lstm_shape_check(bad[i].shape, &error), NBA_E_SHAPE);
        assert_non_null(strstr(error.message, bad[i].says));
    }
    const struct nba_lstm_shape good = {1000, 64, 128, 64};
    assert_int_equal(nba_lstm_shape_check(good, &error), NBA_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_zero_weights_halve_the_memory_and_score_the_bias),
        cmocka_unit_test(test_steps_and_scores_match_pytorch),
        cmocka_unit_test(test_padding_scores_are_minus_infinity),
        cmocka_unit_test(test_every_form_batch_size_and_row_gives_the_same_bits),
        cmocka_unit_test(test_an_unknown_content_leaves_the_state),
        cmocka_unit_test(test_windows_of_any_length_run_side_by_side_equal_their_steps),
        cmocka_unit_test(test_ranking_in_the_tile_is_the_ranking_of_the_scores),
        cmocka_unit_test(test_shapes_that_can_not_run_are_refused_with_a_reason),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
