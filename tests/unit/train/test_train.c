/* From a data set to a release that serves what was trained. */
#include "train_fixture.h"

#include <dirent.h>
#include <math.h>
#include <unistd.h>

enum { LENGTH = 12 };

/* An order to learn, broken now and then, and refusals of what doesn't fit it. */
static bool journey(uint32_t user, uint32_t index, struct made_touch *ret_touch)
{
    struct nba_rng rng = nba_rng(user * 1000 + index);
    const bool fits = nba_rng_double(&rng) < 0.7;
    const uint32_t content = (user + 3 * index) % CONTENTS;
    *ret_touch = (struct made_touch){
        fits ? content : (uint32_t)nba_rng_below(&rng, CONTENTS),
        fits || nba_rng_double(&rng) < 0.3 ? NBA_TOUCH_ENGAGED : NBA_TOUCH_REFUSED,
        index % 2 == 0 ? NBA_CHANNEL_WEB : NBA_CHANNEL_EMAIL, 1000 * (int64_t)index + user};
    return index < LENGTH;
}

static struct nba_train_config config_of(uint32_t epochs)
{
    struct nba_train_config config = small_config(epochs, 1e-2);
    config.train_share = 0.7;
    config.validation_share = 0.15;
    config.refit = false;
    return config;
}

static void test_a_release_ranks_as_the_training_that_wrote_it(void **state)
{
    struct nba_dataset *d = make_dataset(USERS, CONTENTS, true, journey);
    const struct nba_train_config config = config_of(6);
    struct nba_training *training = NULL;
    char id[NBA_RELEASE_ID_BYTES];
    static struct nba_report served;
    (void)state;
    assert_int_equal(nba_training_run(&config, d, &quiet, &training, &error), NBA_OK);
    assert_int_equal(nba_training_release(training, folder, id, &error), NBA_OK);
    struct nba_evaluate_config evaluate = {.release = load(id), .from_ms = training->test_from_ms};
    assert_int_equal(nba_evaluate_run(&evaluate, d, &quiet, &served, &error), NBA_OK);
    static const char *const models[] = {"lstm", "ncf", "popularity", "fusion"};
    for (size_t m = 0; m < NBA_ARRAY_COUNT(models); m++) {
        const struct nba_figure *trained =
            nba_report_find(&training->report, models[m], "prequential", NBA_METRIC_NDCG, 10);
        const struct nba_figure *now =
            nba_report_find(&served, models[m], "prequential", NBA_METRIC_NDCG, 10);
        assert_non_null(trained);
        assert_non_null(now);
        assert_int_equal(trained->n, now->n);
        assert_true(trained->n > 100);
        assert_true(fabs(trained->interval.value - now->interval.value) < 1e-3);
    }
    const struct nba_figure *lstm =
        nba_report_find(&served, "lstm", "prequential", NBA_METRIC_NDCG, 10);
    const struct nba_figure *popularity =
        nba_report_find(&served, "popularity", "prequential", NBA_METRIC_NDCG, 10);
    assert_true(lstm->interval.value > 1.2 * popularity->interval.value);
    nba_release_unref(evaluate.release);
    nba_training_destroy(training);
    nba_dataset_destroy(d);
}

static void test_the_same_training_gives_the_same_release_id(void **state)
{
    char ids[3][NBA_RELEASE_ID_BYTES];
    (void)state;
    for (uint64_t i = 0; i < 3; i++) {
        struct nba_dataset *d = make_dataset(USERS, CONTENTS, true, journey);
        struct nba_train_config config = config_of(2);
        config.refit = true;
        config.seed = i < 2 ? 3 : 4;
        assert_int_equal(nba_train_run(&config, d, &quiet, folder, ids[i], NULL, &error), NBA_OK);
        nba_dataset_destroy(d);
    }
    assert_string_equal(ids[0], ids[1]);
    assert_string_not_equal(ids[0], ids[2]);
}

/* Looks for `text` in every file of a release. */
static bool release_holds(const char *id, const char *text)
{
    char path[256];
    bool found = false;
    (void)snprintf(path, sizeof(path), "%s/%s", folder, id);
    DIR *dir = opendir(path);
    assert_non_null(dir);
    for (struct dirent *entry = readdir(dir); entry != NULL; entry = readdir(dir)) {
        char file[600];
        struct nba_buf bytes;
        nba_buf_init(&bytes, (size_t)64 << 20);
        (void)snprintf(file, sizeof(file), "%s/%s", path, entry->d_name);
        if (entry->d_name[0] != '.' && nba_file_read(file, &bytes, &error) == NBA_OK) {
            const size_t length = strlen(text);
            for (size_t i = 0; i + length <= bytes.bytes; i++) {
                found = found || memcmp(bytes.data + i, text, length) == 0;
            }
        }
        nba_buf_clear(&bytes);
    }
    (void)closedir(dir);
    return found;
}

static void test_a_release_names_contents_and_no_user(void **state)
{
    struct nba_dataset *d = make_dataset(USERS, CONTENTS, true, journey);
    const struct nba_train_config config = config_of(1);
    char id[NBA_RELEASE_ID_BYTES];
    (void)state;
    assert_int_equal(nba_train_run(&config, d, &quiet, folder, id, NULL, &error), NBA_OK);
    assert_true(release_holds(id, "C013"));
    assert_true(release_holds(id, "S1"));
    assert_false(release_holds(id, "U00"));
    nba_dataset_destroy(d);
}

static void test_contents_and_specialties_the_release_does_not_know_rank_last(void **state)
{
    struct nba_dataset *d = make_dataset(USERS, CONTENTS, true, journey);
    struct nba_dataset *wider = make_dataset(USERS, CONTENTS + 5, true, journey);
    const struct nba_train_config config = config_of(1);
    struct nba_arena pool = {0};
    char id[NBA_RELEASE_ID_BYTES];
    float scores[CONTENTS + 5];
    (void)state;
    assert_int_equal(nba_train_run(&config, d, &quiet, folder, id, NULL, &error), NBA_OK);
    struct nba_release *release = load(id);
    struct nba_members *members = nba_served_members(release, wider, &pool);
    const struct nba_query query = {4, 3};
    for (size_t m = 0; m <= NBA_MEMBER_POPULARITY; m++) {
        members->rankers[m].score(members->rankers[m].context, &query, 1, scores);
        assert_true(isfinite(scores[0]));
        assert_true(isinf(scores[CONTENTS]) && scores[CONTENTS] < 0.0f);
    }
    nba_arena_clear(&pool);
    nba_release_unref(release);
    nba_dataset_destroy(wider);
    nba_dataset_destroy(d);
}

static void test_an_interrupted_training_still_releases(void **state)
{
    struct nba_dataset *d = make_dataset(USERS, CONTENTS, true, journey);
    const struct nba_train_config config = config_of(6);
    volatile sig_atomic_t flag = 1;
    const struct nba_progress progress = {.interrupted = &flag, .clock = &nba_clock_system};
    char id[NBA_RELEASE_ID_BYTES];
    (void)state;
    assert_int_equal(nba_train_run(&config, d, &progress, folder, id, NULL, &error), NBA_OK);
    nba_release_unref(load(id));
    nba_dataset_destroy(d);
}

static void test_sizes_that_no_release_takes_are_refused_before_training(void **state)
{
    struct nba_dataset *d = make_dataset(USERS, CONTENTS, true, journey);
    struct nba_training *training = NULL;
    struct nba_train_config config = config_of(6);
    (void)state;
    config.window_events = NBA_RELEASE_WINDOW_MAX + 1;
    assert_int_equal(nba_training_run(&config, d, &quiet, &training, &error), NBA_E_SHAPE);
    assert_non_null(strstr(error.message, "window_events"));
    config = config_of(6);
    config.ncf_options.fit.batch = 8;
    assert_int_equal(nba_training_run(&config, d, &quiet, &training, &error), NBA_E_SHAPE);
    assert_string_equal(error.message, "ncf: batch is 8, expected 32..65536");
    config = config_of(6);
    config.lstm_options.width = 20;
    assert_int_equal(nba_training_run(&config, d, &quiet, &training, &error), NBA_E_SHAPE);
    config = config_of(6);
    config.train_share = 1.0;
    config.validation_share = 0.0;
    assert_int_equal(nba_training_run(&config, d, &quiet, &training, &error), NBA_E_NOT_FOUND);
    assert_null(training);
    nba_dataset_destroy(d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_release_ranks_as_the_training_that_wrote_it),
        cmocka_unit_test(test_the_same_training_gives_the_same_release_id),
        cmocka_unit_test(test_a_release_names_contents_and_no_user),
        cmocka_unit_test(test_contents_and_specialties_the_release_does_not_know_rank_last),
        cmocka_unit_test(test_an_interrupted_training_still_releases),
        cmocka_unit_test(test_sizes_that_no_release_takes_are_refused_before_training),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
