/*
 * The kernels against their definition, written here once more as plain loops over fmaf, and
 * compared by memcmp: for every form this CPU runs, every batch size 1..64 and every place of a row
 * in its batch.  tests/order builds this file with NBA_BREAK_ORDER, which must make it fail.
 */
#include "nba_test.h"

#include <math.h>

#include "nba/base/random.h"
#include "nba/base/vector.h"
#include "nba/linalg/kernels.h"

enum { ROWS = 64, K_MAX = 192, N_MAX = 1008 };

static const char *const form_names[] = {"portable", "scalar", "avx2", "avx512"};
_Static_assert(NBA_ARRAY_COUNT(form_names) == NBA_KERNELS_COUNT, "a word for each form");
static const struct nba_kernels *forms[NBA_KERNELS_COUNT]; /* those this CPU runs */
static size_t form_count;

static struct nba_rng rng;

static float uniform(float scale)
{
    return scale * (float)(2.0 * nba_rng_double(&rng) - 1.0);
}

/* K and N never equal; N below, at and above vectors, panels and tiles. */
static const struct {
    size_t k;
    size_t n;
} shapes[] = {{1, 16}, {3, 5}, {37, 48}, {64, 32}, {64, 100}, {128, 64}, {192, 130}, {64, 1000}};

struct fixture {
    float w[K_MAX * N_MAX];
    float b[N_MAX];
    float x[ROWS * K_MAX];
    float start[ROWS * N_MAX];
    float want[ROWS * N_MAX];
    float got[ROWS * N_MAX];
    _Alignas(64) float packed[(K_MAX + 1) * (N_MAX + NBA_PANEL)];
    struct nba_layer layer;
};

static struct fixture fixture;

static void fill(struct fixture *f, size_t inputs, size_t outputs)
{
    for (size_t i = 0; i < inputs * outputs; i++) {
        f->w[i] = uniform(0.3f);
    }
    for (size_t n = 0; n < outputs; n++) {
        f->b[n] = uniform(0.1f);
    }
    for (size_t i = 0; i < ROWS * inputs; i++) {
        f->x[i] = uniform(1.0f);
    }
    for (size_t i = 0; i < ROWS * N_MAX; i++) {
        f->start[i] = uniform(0.5f);
    }
    const struct nba_layer_source source = {
        .inputs = inputs, .outputs = outputs, .weights = f->w, .stride = outputs, .bias = f->b};
    nba_layer_pack(&source, f->packed, &f->layer);
}

/* The definition: one chain over k an output. */
static void reference(struct fixture *f, bool from_start, bool relu)
{
    const size_t inputs = f->layer.inputs;
    const size_t outputs = f->layer.outputs;
    for (size_t r = 0; r < ROWS; r++) {
        for (size_t n = 0; n < outputs; n++) {
            float sum = from_start ? f->start[r * N_MAX + n] : f->b[n];
            for (size_t k = 0; k < inputs; k++) {
                sum = fmaf(f->x[r * inputs + k], f->w[k * outputs + n], sum);
            }
            f->want[r * N_MAX + n] = relu && !(sum > 0.0f) ? 0.0f : sum;
        }
    }
}

typedef void dense_fn(const struct nba_layer *, size_t, const float *, size_t, float *, size_t);

/* Every batch size, and at each the rows in another order, so that each row visits each place. */
static void check_batches(struct fixture *f, dense_fn *dense)
{
    static float x[ROWS * K_MAX];
    static float y[ROWS * N_MAX];
    const size_t inputs = f->layer.inputs;
    for (size_t batch = 1; batch <= ROWS; batch++) {
        for (size_t at = 0; at < ROWS; at += batch) {
            const size_t rows = ROWS - at < batch ? ROWS - at : batch;
            for (size_t i = 0; i < rows; i++) {
                const size_t row = (at + i + batch * 7) % ROWS;
                memcpy(x + i * inputs, f->x + row * inputs, inputs * sizeof *x);
                memcpy(y + i * N_MAX, f->start + row * N_MAX, N_MAX * sizeof *y);
            }
            dense(&f->layer, rows, x, inputs, y, N_MAX);
            for (size_t i = 0; i < rows; i++) {
                const size_t row = (at + i + batch * 7) % ROWS;
                assert_memory_equal(y + i * N_MAX, f->want + row * N_MAX,
                                    f->layer.outputs * sizeof *y);
                /* beyond the columns nothing is touched */
                const size_t left = N_MAX - f->layer.columns;
                assert_memory_equal(y + i * N_MAX + f->layer.columns,
                                    f->start + row * N_MAX + f->layer.columns, left * sizeof *y);
            }
        }
    }
}

static void test_dense_is_one_chain_over_k_for_every_form_batch_and_row(void **state)
{
    (void)state;
    for (size_t s = 0; s < NBA_ARRAY_COUNT(shapes); s++) {
        fill(&fixture, shapes[s].k, shapes[s].n);
        reference(&fixture, false, false);
        for (size_t i = 0; i < form_count; i++) {
            check_batches(&fixture, forms[i]->dense);
        }
    }
}

static void test_dense_add_goes_on_from_what_is_there(void **state)
{
    (void)state;
    for (size_t s = 0; s < NBA_ARRAY_COUNT(shapes) - 1; s++) {
        fill(&fixture, shapes[s].k, shapes[s].n);
        reference(&fixture, true, false);
        for (size_t i = 0; i < form_count; i++) {
            check_batches(&fixture, forms[i]->dense_add);
        }
    }
}

static void test_dense_relu_cuts_at_zero(void **state)
{
    (void)state;
    for (size_t s = 0; s < NBA_ARRAY_COUNT(shapes) - 1; s++) {
        fill(&fixture, shapes[s].k, shapes[s].n);
        reference(&fixture, false, true);
        for (size_t i = 0; i < form_count; i++) {
            check_batches(&fixture, forms[i]->dense_relu);
        }
    }
}

/* A layer cut in two along k, the second half going on where the first ended, is the whole. */
static void test_a_layer_split_along_its_inputs_gives_the_same_bits(void **state)
{
    (void)state;
    enum { K = 100, CUT = 37, N = 80 };
    static _Alignas(64) float first_memory[(CUT + 1) * 128];
    static _Alignas(64) float second_memory[(K - CUT + 1) * 128];
    struct nba_layer first;
    struct nba_layer second;
    fill(&fixture, K, N);
    struct nba_layer_source source = {
        .inputs = CUT, .outputs = N, .weights = fixture.w, .stride = N, .bias = fixture.b};
    nba_layer_pack(&source, first_memory, &first);
    source.inputs = K - CUT;
    source.weights = fixture.w + CUT * N;
    source.bias = NULL;
    nba_layer_pack(&source, second_memory, &second);
    for (size_t i = 0; i < form_count; i++) {
        forms[i]->dense(&fixture.layer, 5, fixture.x, K, fixture.want, N_MAX);
        forms[i]->dense(&first, 5, fixture.x, K, fixture.got, N_MAX);
        forms[i]->dense_add(&second, 5, fixture.x + CUT, K, fixture.got, N_MAX);
        for (size_t r = 0; r < 5; r++) {
            assert_memory_equal(fixture.got + r * N_MAX, fixture.want + r * N_MAX,
                                N * sizeof(float));
        }
    }
}

static void test_packing_the_transposed_matrix_gives_the_same_panels(void **state)
{
    (void)state;
    enum { K = 21, N = 70 };
    static _Alignas(64) float memory[(K + 1) * 128];
    static float transposed[N * K];
    fill(&fixture, K, N);
    for (size_t k = 0; k < K; k++) {
        for (size_t n = 0; n < N; n++) {
            transposed[n * K + k] = fixture.w[k * N + n];
        }
    }
    const struct nba_layer_source source = {.inputs = K,
                                            .outputs = N,
                                            .weights = transposed,
                                            .stride = K,
                                            .transposed = true,
                                            .bias = fixture.b,
                                            .bias_fill = -INFINITY};
    struct nba_layer layer;
    nba_layer_pack(&source, memory, &layer);
    assert_int_equal(layer.columns, 80);
    assert_memory_equal(layer.weights, fixture.layer.weights,
                        (nba_layer_floats(&source) - layer.columns) * sizeof(float));
    assert_memory_equal(layer.bias, fixture.b, N * sizeof(float));
    for (size_t n = N; n < layer.columns; n++) {
        assert_true(isinf(layer.bias[n]) && layer.bias[n] < 0);
        assert_true(fixture.layer.bias[n] == 0.0f);
    }
}

static void test_bfloat16_is_the_nearest_upper_half_of_a_float(void **state)
{
    (void)state;
    assert_true(nba_bf16(1.0f) == 1.0f && nba_bf16(-0.15625f) == -0.15625f);
    assert_true(nba_bf16(0x1.01p0f) == 0x1.00p0f); /* half way: the even one */
    assert_true(nba_bf16(0x1.03p0f) == 0x1.04p0f);
    assert_true(nba_bf16(0x1.010002p0f) == 0x1.02p0f);
    assert_true(nba_bf16(-0x1.00fffep0f) == -0x1.00p0f);
    assert_true(isinf(nba_bf16(0x1.fffffep127f)));
}

/* Stored in pairs, the layer is the one of rounded weights, in every form and tile. */
static void test_weights_in_pairs_give_the_bits_of_rounded_weights(void **state)
{
    (void)state;
    enum { K = 22, N = 150 };
    static _Alignas(64) float memory[(K + 1) * 192];
    static float rounded[K * N];
    fill(&fixture, K, N);
    struct nba_layer_source source = {
        .inputs = K, .outputs = N, .weights = fixture.w, .stride = N, .bias = fixture.b};
    struct nba_layer plain;
    struct nba_layer pairs;
    for (size_t i = 0; i < (size_t)K * N; i++) {
        rounded[i] = nba_bf16(fixture.w[i]);
    }
    static _Alignas(64) float plain_memory[(K + 1) * 192];
    source.weights = rounded;
    nba_layer_pack(&source, plain_memory, &plain);
    source.weights = fixture.w;
    source.bf16 = true;
    assert_true(nba_layer_floats(&source) < NBA_ARRAY_COUNT(memory) / 2 + 192);
    nba_layer_pack(&source, memory, &pairs);
    for (size_t rows = 1; rows <= 9; rows++) {
        forms[0]->dense(&plain, rows, fixture.x, K, fixture.want, N_MAX);
        for (size_t i = 0; i < form_count; i++) {
            memset(fixture.got, 0, sizeof fixture.got);
            forms[i]->dense(&pairs, rows, fixture.x, K, fixture.got, N_MAX);
            for (size_t r = 0; r < rows; r++) {
                assert_memory_equal(fixture.got + r * N_MAX, fixture.want + r * N_MAX,
                                    N * sizeof(float));
            }
        }
    }
    const struct nba_layer tail = nba_layer_slice(&pairs, NBA_PANEL, NBA_PANEL);
    forms[form_count - 1]->dense(&tail, 1, fixture.x, K, fixture.got, N_MAX);
    assert_memory_equal(fixture.got, fixture.want + NBA_PANEL, NBA_PANEL * sizeof(float));
}

static void test_dot_is_sixteen_chains_and_one_fold(void **state)
{
    (void)state;
    float x[100];
    float y[100];
    for (size_t i = 0; i < 100; i++) {
        x[i] = uniform(1.0f);
        y[i] = uniform(1.0f);
    }
    for (size_t count = 0; count <= 100; count++) {
        float lanes[16] = {0};
        for (size_t k = 0; k < count; k++) {
            lanes[k % 16] = fmaf(x[k], y[k], lanes[k % 16]);
        }
        for (size_t width = 8; width > 0; width /= 2) {
            for (size_t l = 0; l < width; l++) {
                lanes[l] += lanes[l + width];
            }
        }
        for (size_t i = 0; i < form_count; i++) {
            const float got = forms[i]->dot(count, x, y);
            assert_memory_equal(&got, &lanes[0], sizeof got);
        }
    }
}

static void test_lstm_cell_is_equal_in_all_forms_and_close_to_libm(void **state)
{
    (void)state;
    enum { H = 48 };
    float gates[4 * H];
    float c_start[H];
    float h[NBA_KERNELS_COUNT][H];
    float c[NBA_KERNELS_COUNT][H];
    for (size_t i = 0; i < 4 * H; i++) {
        gates[i] = uniform(6.0f);
    }
    for (size_t j = 0; j < H; j++) {
        c_start[j] = uniform(3.0f);
    }
    for (size_t i = 0; i < form_count; i++) {
        memcpy(c[i], c_start, sizeof c_start);
        forms[i]->lstm_cell(H, gates, h[i], c[i]);
        assert_memory_equal(h[i], h[0], sizeof h[0]);
        assert_memory_equal(c[i], c[0], sizeof c[0]);
    }
    for (size_t j = 0; j < H; j++) {
        const double in = 1 / (1 + exp(-(double)gates[j]));
        const double forget = 1 / (1 + exp(-(double)gates[H + j]));
        const double out = 1 / (1 + exp(-(double)gates[3 * H + j]));
        const double cell = forget * (double)c_start[j] + in * tanh((double)gates[2 * H + j]);
        assert_true(fabs((double)c[0][j] - cell) < 1e-6);
        assert_true(fabs((double)h[0][j] - out * tanh(cell)) < 1e-6);
    }
}

static void test_add_relu_joins_two_halves(void **state)
{
    (void)state;
    float a[19];
    float b[19];
    float y[19];
    for (size_t i = 0; i < 19; i++) {
        a[i] = uniform(1.0f);
        b[i] = uniform(1.0f);
    }
    for (size_t i = 0; i < form_count; i++) {
        forms[i]->add_relu(19, a, b, y);
        for (size_t n = 0; n < 19; n++) {
            const float want = a[n] + b[n] > 0.0f ? a[n] + b[n] : 0.0f;
            assert_memory_equal(&y[n], &want, sizeof want);
        }
    }
}

static void test_the_best_form_follows_the_level_of_the_process(void **state)
{
    (void)state;
    for (int form = 0; form < NBA_KERNELS_COUNT; form++) {
        const struct nba_kernels *kernels = nba_kernels_get((enum nba_kernels_form)form);
        if (kernels != NULL) {
            assert_string_equal(kernels->name, form_names[form]);
        }
    }
    assert_ptr_equal(nba_kernels_best(), forms[form_count - 1]);
    for (int level = (int)nba_vector_best(); level > NBA_VECTOR_PLAIN; level--) {
        nba_vector_limit((enum nba_vector_level)level);
        assert_int_equal(nba_vector_level(), level);
        assert_string_equal(nba_kernels_best()->name, level == NBA_VECTOR_AVX2 ? "avx2" : "avx512");
    }
    nba_vector_limit(NBA_VECTOR_PLAIN);
    const struct nba_kernels *scalar = nba_kernels_get(NBA_KERNELS_SCALAR);
    assert_ptr_equal(nba_kernels_best(),
                     scalar != NULL ? scalar : nba_kernels_get(NBA_KERNELS_PORTABLE));
    nba_vector_limit(nba_vector_best());
}

int main(void)
{
    for (int form = 0; form < NBA_KERNELS_COUNT; form++) {
        const struct nba_kernels *kernels = nba_kernels_get((enum nba_kernels_form)form);
        if (kernels != NULL) {
            forms[form_count++] = kernels;
        } else {
            print_message("%s: not on this processor, left out\n", form_names[form]);
        }
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_dense_is_one_chain_over_k_for_every_form_batch_and_row),
        cmocka_unit_test(test_dense_add_goes_on_from_what_is_there),
        cmocka_unit_test(test_dense_relu_cuts_at_zero),
        cmocka_unit_test(test_a_layer_split_along_its_inputs_gives_the_same_bits),
        cmocka_unit_test(test_packing_the_transposed_matrix_gives_the_same_panels),
        cmocka_unit_test(test_bfloat16_is_the_nearest_upper_half_of_a_float),
        cmocka_unit_test(test_weights_in_pairs_give_the_bits_of_rounded_weights),
        cmocka_unit_test(test_dot_is_sixteen_chains_and_one_fold),
        cmocka_unit_test(test_lstm_cell_is_equal_in_all_forms_and_close_to_libm),
        cmocka_unit_test(test_add_relu_joins_two_halves),
        cmocka_unit_test(test_the_best_form_follows_the_level_of_the_process),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
