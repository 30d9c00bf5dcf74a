/*
 * NCF as served: closed forms, PyTorch's values, and the same bits for every form, list of
 * candidates and place in it.
 */
#include "nba_test.h"

#include <math.h>

#include "nba/base/hash.h"
#include "nba/base/random.h"
#include "nba/model/ncf.h"
#include "reference_file.h"

enum { N = 29, G = 3, D = 32, M1 = 64, M2 = 48, M3 = 16 };

struct fixture {
    float item_gmf[N * D];
    float item_mlp[N * D];
    float history[N * 2 * D];
    float prior[G * 2 * D];
    float w1[2 * D * M1];
    float b1[M1];
    float w2[M1 * M2];
    float b2[M2];
    float w3[M2 * M3];
    float b3[M3];
    float w_out[D + M3];
    float b_out[1];
    struct nba_ncf_weights weights;
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
    struct nba_rng rng = nba_rng(4711);
    draw(&rng, 0.5, f->item_gmf, NBA_ARRAY_COUNT(f->item_gmf));
    draw(&rng, 0.5, f->item_mlp, NBA_ARRAY_COUNT(f->item_mlp));
    draw(&rng, 0.5, f->history, NBA_ARRAY_COUNT(f->history));
    draw(&rng, 0.5, f->prior, NBA_ARRAY_COUNT(f->prior));
    draw(&rng, 0.3, f->w1, NBA_ARRAY_COUNT(f->w1));
    draw(&rng, 0.2, f->b1, M1);
    draw(&rng, 0.3, f->w2, NBA_ARRAY_COUNT(f->w2));
    draw(&rng, 0.2, f->b2, M2);
    draw(&rng, 0.3, f->w3, NBA_ARRAY_COUNT(f->w3));
    draw(&rng, 0.2, f->b3, M3);
    draw(&rng, 0.5, f->w_out, D + M3);
    draw(&rng, 0.2, f->b_out, 1);
    f->weights = (struct nba_ncf_weights){.shape = {N, G, D, M1, M2, M3},
                                          .item_gmf = f->item_gmf,
                                          .item_mlp = f->item_mlp,
                                          .history = f->history,
                                          .prior = f->prior,
                                          .w1 = f->w1,
                                          .b1 = f->b1,
                                          .w2 = f->w2,
                                          .b2 = f->b2,
                                          .w3 = f->w3,
                                          .b3 = f->b3,
                                          .w_out = f->w_out,
                                          .b_out = f->b_out};
    return 0;
}

static struct nba_ncf *create(const struct nba_kernels *kernels)
{
    struct nba_ncf *ncf = NULL;
    struct nba_error error;
    assert_int_equal(nba_ncf_create(&fixture.weights, kernels, &ncf, &error), NBA_OK);
    return ncf;
}

static void test_an_empty_window_gives_the_prior_of_the_segment(void **state)
{
    (void)state;
    struct nba_ncf *ncf = create(nba_kernels_best());
    const uint32_t unknown[] = {NBA_NCF_UNKNOWN, NBA_NCF_UNKNOWN};
    float user[2 * D];
    assert_int_equal(nba_ncf_user_floats(ncf), 2 * D);
    for (uint32_t segment = 0; segment < G; segment++) {
        nba_ncf_fold_in(ncf, segment, NULL, 0, user);
        assert_memory_equal(user, fixture.prior + segment * 2 * D, sizeof user);
        nba_ncf_fold_in(ncf, segment, unknown, 2, user);
        assert_memory_equal(user, fixture.prior + segment * 2 * D, sizeof user);
    }
    nba_ncf_destroy(ncf);
}

static void test_four_times_one_content_counts_twice(void **state)
{
    (void)state;
    struct nba_ncf *ncf = create(nba_kernels_best());
    const uint32_t window[] = {7, 7, NBA_NCF_UNKNOWN, 7, 7};
    float user[2 * D];
    nba_ncf_fold_in(ncf, 1, window, 5, user);
    for (size_t k = 0; k < 2 * D; k++) {
        const float want = fixture.prior[2 * D + k] + 2.0f * fixture.history[7 * 2 * D + k];
        assert_true(fabsf(user[k] - want) < 1e-6f);
    }
    nba_ncf_destroy(ncf);
}

static void test_users_and_scores_match_pytorch(void **state)
{
    (void)state;
    static const uint32_t window_1[] = {3};
    static const uint32_t window_2[] = {4, 17, 4, 28, 9};
    static const struct {
        const uint32_t *contents;
        size_t count;
    } windows[G] = {{NULL, 0}, {window_1, 1}, {window_2, 5}};
    struct nba_ncf *ncf = create(nba_kernels_best());
    uint32_t all[N];
    for (uint32_t i = 0; i < N; i++) {
        all[i] = i;
    }
    for (uint32_t segment = 0; segment < G; segment++) {
        float user[2 * D];
        float scores[N];
        double want[2 * D];
        char name[32];
        nba_ncf_fold_in(ncf, segment, windows[segment].contents, windows[segment].count, user);
        (void)snprintf(name, sizeof name, "user_%u", segment);
        reference_read("ncf_serving.txt", name, want, 2 * D);
        for (size_t k = 0; k < 2 * D; k++) {
            assert_true(fabs((double)user[k] - want[k]) < 1e-6);
        }
        nba_ncf_scores(ncf, user, all, N, scores);
        (void)snprintf(name, sizeof name, "scores_%u", segment);
        reference_read("ncf_serving.txt", name, want, N);
        for (size_t i = 0; i < N; i++) {
            assert_true(fabs((double)scores[i] - want[i]) < 4e-6);
        }
    }
    nba_ncf_destroy(ncf);
}

/* Lists of every length 1..70 in another order each time: a candidate's score knows neither its
 * neighbours nor its place. */
static void test_every_form_list_and_place_gives_the_same_bits(void **state)
{
    (void)state;
    enum { LIST_MAX = 70 };
    const uint32_t window[] = {1, 28, 12, 5};
    float want_user[2 * D];
    float want[N];
    struct nba_ncf *portable = create(nba_kernels_get(NBA_KERNELS_PORTABLE));
    nba_ncf_fold_in(portable, 2, window, 4, want_user);
    for (uint32_t i = 0; i < N; i++) {
        nba_ncf_scores(portable, want_user, &i, 1, &want[i]);
    }
    nba_ncf_destroy(portable);
    /* the bits themselves: the same from gcc and clang, on every CPU */
    assert_true(nba_xxh64(want, sizeof want) == UINT64_C(0xf1c89ee1c4bef69f));
    for (int form = 0; form < NBA_KERNELS_COUNT; form++) {
        const struct nba_kernels *kernels = nba_kernels_get((enum nba_kernels_form)form);
        if (kernels == NULL) {
            continue;
        }
        struct nba_ncf *ncf = create(kernels);
        for (uint32_t count = 1; count <= LIST_MAX; count++) {
            float user[2 * D];
            float got[LIST_MAX];
            uint32_t list[LIST_MAX];
            for (uint32_t i = 0; i < count; i++) {
                list[i] = (i * 11 + count * 3) % N;
            }
            nba_ncf_fold_in(ncf, 2, window, 4, user);
            assert_memory_equal(user, want_user, sizeof user);
            nba_ncf_scores(ncf, user, list, count, got);
            for (uint32_t i = 0; i < count; i++) {
                assert_memory_equal(&got[i], &want[list[i]], sizeof got[i]);
            }
        }
        nba_ncf_destroy(ncf);
    }
}

static void test_shapes_that_can_not_run_are_refused_with_a_reason(void **state)
{
    (void)state;
    static const struct {
        struct nba_ncf_shape shape;
        const char *says;
    } bad[] = {
        {{0, 1, 64, 128, 64, 32}, "contents"},     {{10, 0, 64, 128, 64, 32}, "segments"},
        {{10, 2000, 64, 128, 64, 32}, "segments"}, {{10, 1, 60, 128, 64, 32}, "multiples"},
        {{10, 1, 64, 8, 64, 32}, "multiples"},     {{10, 1, 64, 128, 64, 1024}, "multiples"},
    };
    struct nba_error error;
    for (size_t i = 0; i < NBA_ARRAY_COUNT(bad); i++) {
        assert_int_equal(nba_ncf_shape_check(bad[i].shape, &error), NBA_E_SHAPE);
        assert_non_null(strstr(error.message, bad[i].says));
    }
    const struct nba_ncf_shape good = {1000, 20, 64, 128, 64, 32};
    assert_int_equal(nba_ncf_shape_check(good, &error), NBA_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_empty_window_gives_the_prior_of_the_segment),
        cmocka_unit_test(test_four_times_one_content_counts_twice),
        cmocka_unit_test(test_users_and_scores_match_pytorch),
        cmocka_unit_test(test_every_form_list_and_place_gives_the_same_bits),
        cmocka_unit_test(test_shapes_that_can_not_run_are_refused_with_a_reason),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
