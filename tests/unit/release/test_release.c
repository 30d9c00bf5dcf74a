/* A release written and loaded: nothing lost, named by its content, fit to serve. */
#include "release_fixture.h"

#include <signal.h>
#include <sys/wait.h>

#define PATH_BYTES 512

static struct nba_release *load(const char *path, const struct nba_kernels *kernels)
{
    struct nba_release *release = NULL;
    struct nba_error error = {0};
    if (nba_release_load(path, kernels, &release, &error) != NBA_OK) {
        fail_msg("%s", error.message);
    }
    return release;
}

static void test_what_was_written_is_what_is_loaded(void **state)
{
    struct parts_fixture f;
    char path[PATH_BYTES];
    fixture_init(&f);
    const char *parent = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";
    f.parts.parent = nba_str_of(parent);
    write_release(&f.parts, *state, path, sizeof path);
    struct nba_release *release = load(path, NULL);

    assert_string_equal(nba_release_id(release), strrchr(path, '/') + 1);
    assert_str_equal(nba_release_parts(release)->parent, parent);
    assert_int_equal(nba_release_parts(release)->window_events, 32);
    assert_true(nba_str_equal(nba_release_parts(release)->training_json, f.parts.training_json));
    assert_int_equal(nba_release_parts(release)->content_count, N);
    for (uint32_t i = 0; i < N; i++) {
        assert_true(nba_str_equal(nba_release_parts(release)->contents[i], f.contents[i]));
        assert_int_equal(nba_release_content_find(release, f.contents[i]), i);
        assert_int_equal(nba_release_content_of_hash(release, nba_content_hash(f.contents[i])), i);
    }
    assert_int_equal(nba_release_content_find(release, nba_str_of("c")), NBA_RELEASE_UNKNOWN);
    assert_int_equal(nba_release_content_of_hash(release, 12345), NBA_RELEASE_UNKNOWN);
    assert_int_equal(nba_release_parts(release)->specialty_count, S);
    assert_str_equal(nba_release_parts(release)->specialties[1], "oncology");
    assert_int_equal(nba_release_segment_find(release, nba_str_of("cardiology")), 1);
    assert_int_equal(nba_release_segment_find(release, nba_str_of("surgery")), 0);
    for (uint32_t segment = 0; segment <= S; segment++) {
        assert_memory_equal(nba_release_popularity(release, segment), f.popularity + segment * N,
                            N * sizeof(uint32_t));
    }
    assert_memory_equal(&nba_release_parts(release)->fusion[NBA_FUSION_CHEAP], &f.parts.fusion[0],
                        sizeof f.parts.fusion[0]);
    assert_memory_equal(&nba_release_parts(release)->fusion[NBA_FUSION_FULL], &f.parts.fusion[1],
                        sizeof f.parts.fusion[1]);
    assert_memory_equal(&nba_release_parts(release)->calibrator, &f.parts.calibrator,
                        sizeof f.parts.calibrator);
    const struct nba_lstm_weights *lstm = nba_release_parts(release)->lstm;
    assert_memory_equal(&lstm->shape, &f.lstm.shape, sizeof lstm->shape);
    assert_memory_equal(lstm->w2, f.lstm.w2, (H1 + H2) * 4 * H2 * sizeof(float));
    assert_memory_equal(lstm->out_bias, f.lstm.out_bias, N * sizeof(float));
    const struct nba_ncf_weights *ncf = nba_release_parts(release)->ncf;
    assert_memory_equal(&ncf->shape, &f.ncf.shape, sizeof ncf->shape);
    assert_memory_equal(ncf->prior, f.ncf.prior, (1 + S) * 2 * D * sizeof(float));
    assert_memory_equal(ncf->b_out, f.ncf.b_out, sizeof(float));
    for (enum nba_fusion_member m = NBA_NEIGHBOURS_FIRST; m < NBA_MEMBER_COUNT; m++) {
        const struct nba_neighbours *written = &f.neighbours[m - NBA_NEIGHBOURS_FIRST];
        const struct nba_neighbours *read = nba_release_neighbours(release, m);
        assert_true(read->entries == written->entries && read->last == written->last);
        assert_true(read->decay == written->decay);
        assert_memory_equal(read->values, written->values, written->entries * sizeof(float));
        assert_memory_equal(read->prior, written->prior, N * sizeof(float));
        assert_true((read->columns == NULL) == (written->columns == NULL));
        if (read->columns != NULL) {
            assert_memory_equal(read->columns, f.columns, sizeof f.columns);
            assert_memory_equal(read->offsets, f.offsets, sizeof f.offsets);
        }
    }
    assert_null(nba_release_neighbours(release, NBA_MEMBER_NCF));
    assert_null(nba_release_lstm(release));
    nba_release_unref(release);
}

static void bound_models_score_as_the_weights_do(void **state, bool bf16)
{
    struct parts_fixture f;
    char path[PATH_BYTES];
    fixture_init(&f);
    f.lstm.bf16 = bf16;
    write_release(&f.parts, *state, path, sizeof path);
    struct nba_release *release = load(path, nba_kernels_best());
    struct nba_lstm *lstm = NULL;
    struct nba_ncf *ncf = NULL;
    assert_int_equal(nba_lstm_create(&f.lstm, nba_kernels_best(), &lstm, NULL), NBA_OK);
    assert_int_equal(nba_ncf_create(&f.ncf, nba_kernels_best(), &ncf, NULL), NBA_OK);

    const uint32_t window[] = {3, 0, 4};
    const uint32_t all[] = {0, 1, 2, 3, 4};
    float states[2][2 * (H1 + H2)];
    float scores[2][16];
    float users[2][2 * D];
    const struct nba_lstm *const lstms[] = {lstm, nba_release_lstm(release)};
    const struct nba_ncf *const ncfs[] = {ncf, nba_release_ncf(release)};
    for (int i = 0; i < 2; i++) {
        const struct nba_lstm_window run = {window, 3, states[i]};
        const float *read_states[] = {states[i]};
        nba_lstm_run(lstms[i], &run, 1);
        nba_lstm_scores(lstms[i], read_states, 1, scores[i]);
        nba_ncf_fold_in(ncfs[i], 2, window, 3, users[i]);
    }
    assert_memory_equal(states[0], states[1], sizeof states[0]);
    assert_memory_equal(scores[0], scores[1], N * sizeof(float));
    assert_memory_equal(users[0], users[1], sizeof users[0]);
    for (int i = 0; i < 2; i++) {
        nba_ncf_scores(ncfs[i], users[i], all, N, scores[i]);
    }
    assert_memory_equal(scores[0], scores[1], N * sizeof(float));
    nba_lstm_destroy(lstm);
    nba_ncf_destroy(ncf);
    nba_release_unref(release);
}

static void test_bound_models_score_as_the_weights_do(void **state)
{
    bound_models_score_as_the_weights_do(state, false);
}

static void test_a_release_of_bfloat16_scores_as_the_rounded_weights_do(void **state)
{
    bound_models_score_as_the_weights_do(state, true);
}

static void test_the_same_content_has_the_same_id_whenever_it_was_made(void **state)
{
    struct parts_fixture f;
    char path[PATH_BYTES];
    char again[PATH_BYTES];
    fixture_init(&f);
    write_release(&f.parts, *state, path, sizeof path);
    f.parts.created_ms++;
    f.parts.history_json = nba_str_of("[{\"epoch\": 1, \"seconds\": 3.5}]");
    f.parts.engine_version = nba_str_of("0.2.0");
    write_release(&f.parts, *state, again, sizeof again);
    assert_string_equal(path, again);
    nba_release_unref(load(path, NULL));
}

static void test_other_content_has_another_id(void **state)
{
    struct parts_fixture f;
    char path[PATH_BYTES];
    char other[PATH_BYTES];
    fixture_init(&f);
    write_release(&f.parts, *state, path, sizeof path);
    f.floats[4000] += 0.5f;
    write_release(&f.parts, *state, other, sizeof other);
    assert_string_not_equal(path, other);
    f.floats[4000] -= 0.5f;
    f.popularity[3]++;
    write_release(&f.parts, *state, other, sizeof other);
    assert_string_not_equal(path, other);
    f.popularity[3]--;
    f.parts.report_json = nba_str_of("{\"ndcg\": 0.126}");
    write_release(&f.parts, *state, other, sizeof other);
    assert_string_not_equal(path, other);
}

static void test_members_may_be_left_out(void **state)
{
    struct parts_fixture f;
    char path[PATH_BYTES];
    fixture_init(&f);
    f.parts.lstm = NULL;
    f.parts.ncf = NULL;
    f.parts.specialty_count = 0;
    f.parts.fusion[NBA_FUSION_CHEAP] = (struct nba_fusion){{0, 0, 1}, 1, 0};
    f.parts.fusion[NBA_FUSION_FULL] = (struct nba_fusion){{0, 0, 1}, 1, 0};
    write_release(&f.parts, *state, path, sizeof path);
    struct nba_release *release = load(path, nba_kernels_best());
    assert_false(nba_release_has(release, NBA_MEMBER_LSTM));
    assert_false(nba_release_has(release, NBA_MEMBER_NCF));
    assert_true(nba_release_has(release, NBA_MEMBER_POPULARITY));
    assert_null(nba_release_lstm(release));
    assert_null(nba_release_parts(release)->ncf);
    nba_release_unref(release);
}

static void test_a_counted_release_lives_until_its_last_user_lets_go(void **state)
{
    struct parts_fixture f;
    char path[PATH_BYTES];
    fixture_init(&f);
    write_release(&f.parts, *state, path, sizeof path);
    struct nba_release *release = load(path, nba_kernels_best());
    struct nba_release *second = nba_release_ref(release);
    nba_release_unref(release);
    assert_int_equal(nba_release_parts(second)->content_count, N);
    nba_release_unref(second);
    nba_release_unref(NULL);
}

static void write_is_refused(const struct parts_fixture *f, const char *folder,
                             enum nba_status status, const char *says)
{
    char id[NBA_RELEASE_ID_BYTES] = "untouched";
    struct nba_error error = {0};
    assert_int_equal(nba_release_write(&f->parts, folder, id, &error), status);
    assert_string_equal(id, "untouched");
    if (strstr(error.message, says) == NULL) {
        fail_msg("'%s' does not say '%s'", error.message, says);
    }
}

static void test_parts_that_do_not_fit_are_refused(void **state)
{
    struct parts_fixture f;
    fixture_init(&f);
    f.parts.window_events = NBA_RELEASE_WINDOW_MAX + 1;
    write_is_refused(&f, *state, NBA_E_SHAPE, "window_events is 65");
    fixture_init(&f);
    f.ncf.shape.segments = 2;
    write_is_refused(&f, *state, NBA_E_SHAPE, "segments");
    fixture_init(&f);
    f.lstm.shape.contents = 4;
    write_is_refused(&f, *state, NBA_E_SHAPE, "lstm has 4 contents");
    fixture_init(&f);
    f.contents[2] = f.contents[1];
    write_is_refused(&f, *state, NBA_E_CORRUPT, "content 2");
    fixture_init(&f);
    f.specialties[0] = nba_str("", 0);
    write_is_refused(&f, *state, NBA_E_CORRUPT, "specialty 0");
    fixture_init(&f);
    f.parts.fusion[NBA_FUSION_CHEAP].weights[NBA_MEMBER_NCF] = 0.1;
    write_is_refused(&f, *state, NBA_E_CORRUPT, "weight of ncf");
    fixture_init(&f);
    f.parts.fusion[NBA_FUSION_FULL].weights[NBA_MEMBER_LSTM] = -0.1;
    write_is_refused(&f, *state, NBA_E_CORRUPT, "weight of lstm");
    fixture_init(&f);
    f.columns[1] = f.columns[0];
    write_is_refused(&f, *state, NBA_E_SHAPE, "knn: its 10 entries");
    fixture_init(&f);
    f.neighbours[0].contents = 4;
    write_is_refused(&f, *state, NBA_E_SHAPE, "neighbours have 4 contents");
    fixture_init(&f);
    f.parts.parent = nba_str_of("none");
    write_is_refused(&f, *state, NBA_E_SHAPE, "parent");
}

static void test_numbers_that_are_not_finite_are_refused(void **state)
{
    struct parts_fixture f;
    fixture_init(&f);
    f.floats[N * D + 5] = NAN;
    write_is_refused(&f, *state, NBA_E_NON_FINITE, "lstm.w1: value 5");
    fixture_init(&f);
    f.floats[N * D + 5] = -INFINITY;
    write_is_refused(&f, *state, NBA_E_NON_FINITE, "lstm.w1: value 5");
    fixture_init(&f);
    f.floats[1002] = NAN;
    f.parts.lstm = NULL;
    f.parts.ncf = NULL;
    memset(f.parts.fusion, 0, sizeof f.parts.fusion);
    write_is_refused(&f, *state, NBA_E_NON_FINITE, "ease.values: value 2");
    fixture_init(&f);
    f.parts.fusion[NBA_FUSION_FULL].a = (double)NAN;
    write_is_refused(&f, *state, NBA_E_NON_FINITE, "fusion full");
    fixture_init(&f);
    f.parts.calibrator.channel[2] = (double)INFINITY;
    write_is_refused(&f, *state, NBA_E_NON_FINITE, "calibrator");
}

static void test_texts_must_be_json(void **state)
{
    static const char *const bad[] = {"",          "{",    "{}x",        "{\"a\"}",  "{\"a\":}",
                                      "{\"a\" 1}", "[1,]", "{\"a\":1,}", "{'a':1}",  "{\"a\\q\":1}",
                                      "{]",        "[{]}", "nul",        "{\"a\":1]"};
    struct parts_fixture f;
    for (size_t i = 0; i < NBA_ARRAY_COUNT(bad); i++) {
        fixture_init(&f);
        f.parts.training_json = nba_str_of(bad[i]);
        write_is_refused(&f, *state, NBA_E_SHAPE, "training");
        fixture_init(&f);
        f.parts.history_json = nba_str_of(bad[i]);
        write_is_refused(&f, *state, NBA_E_SHAPE, "history");
    }
    fixture_init(&f);
    f.parts.report_json = nba_str_of("[1]");
    write_is_refused(&f, *state, NBA_E_SHAPE, "report");
}

static void count_release(void *context, const char *id)
{
    (void)id;
    ++*(size_t *)context;
}

struct verify {
    const char *folder;
    size_t count;
};

static void verify_release(void *context, const char *id)
{
    struct verify *verify = context;
    char path[PATH_BYTES];
    struct nba_error error;
    assert_int_equal(nba_shelf_path(verify->folder, id, path, sizeof path, &error), NBA_OK);
    nba_release_unref(load(path, NULL));
    verify->count++;
}

/* A writer killed at any moment leaves whole releases only. */
static void test_a_killed_writer_leaves_every_release_whole(void **state)
{
    struct parts_fixture f;
    char path[PATH_BYTES];
    fixture_init(&f);
    write_release(&f.parts, *state, path, sizeof path);
    struct nba_rng rng = nba_rng(1);
    for (int round = 0; round < 12; round++) {
        const pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0) {
            for (uint32_t i = 0;; i++) {
                char id[NBA_RELEASE_ID_BYTES];
                f.popularity[0] = (uint32_t)round * 1000000 + i;
                if (nba_release_write(&f.parts, *state, id, NULL) != NBA_OK) {
                    _exit(1);
                }
            }
        }
        const struct timespec pause = {0, (long)(1000000 + nba_rng_below(&rng, 20000000))};
        (void)nanosleep(&pause, NULL);
        assert_int_equal(kill(child, SIGKILL), 0);
        int how = 0;
        assert_int_equal(waitpid(child, &how, 0), child);
        assert_true(WIFSIGNALED(how));
    }
    struct verify verify = {*state, 0};
    struct nba_error error;
    assert_int_equal(nba_shelf_list(*state, verify_release, &verify, &error), NBA_OK);
    assert_true(verify.count >= 1);
    nba_release_unref(load(path, NULL));
}

static void test_a_refused_release_leaves_nothing_behind(void **state)
{
    struct parts_fixture f;
    size_t count = 0;
    struct nba_error error;
    fixture_init(&f);
    f.floats[0] = NAN;
    write_is_refused(&f, *state, NBA_E_NON_FINITE, "lstm.embedding");
    assert_int_equal(nba_shelf_list(*state, count_release, &count, &error), NBA_OK);
    assert_int_equal(count, 0);
    DIR *dir = opendir(*state);
    assert_non_null(dir);
    size_t entries = 0;
    while (readdir(dir) != NULL) {
        entries++;
    }
    (void)closedir(dir);
    assert_int_equal(entries, 2); /* . and .. */
}

#define scratch_test(f) cmocka_unit_test_setup_teardown(f, scratch_create, scratch_remove)

int main(void)
{
    const struct CMUnitTest tests[] = {
        scratch_test(test_what_was_written_is_what_is_loaded),
        scratch_test(test_bound_models_score_as_the_weights_do),
        scratch_test(test_a_release_of_bfloat16_scores_as_the_rounded_weights_do),
        scratch_test(test_the_same_content_has_the_same_id_whenever_it_was_made),
        scratch_test(test_other_content_has_another_id),
        scratch_test(test_members_may_be_left_out),
        scratch_test(test_a_counted_release_lives_until_its_last_user_lets_go),
        scratch_test(test_parts_that_do_not_fit_are_refused),
        scratch_test(test_numbers_that_are_not_finite_are_refused),
        scratch_test(test_texts_must_be_json),
        scratch_test(test_a_killed_writer_leaves_every_release_whole),
        scratch_test(test_a_refused_release_leaves_nothing_behind),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
