/* Who may take the champion's place, and what a warm start takes over. */
#include "train_fixture.h"

#include <math.h>

#include "nba/train/warm_start.h"

enum { LENGTH = 14, EARLY = 10 };

/* An order to learn; touches of all users interleave in time. */
static bool journey(uint32_t user, uint32_t index, struct made_touch *ret_touch)
{
    struct nba_rng rng = nba_rng(user * 1000 + index);
    const bool fits = nba_rng_double(&rng) < 0.8;
    *ret_touch = (struct made_touch){
        fits ? (user + 3 * index) % CONTENTS : (uint32_t)nba_rng_below(&rng, CONTENTS),
        NBA_TOUCH_ENGAGED, NBA_CHANNEL_WEB, 1000 * (int64_t)index + user};
    return index < LENGTH;
}

static bool beginning(uint32_t user, uint32_t index, struct made_touch *ret_touch)
{
    return journey(user, index, ret_touch) && index < EARLY;
}

static struct nba_train_config config_of(uint32_t epochs, double rate)
{
    struct nba_train_config config = small_config(epochs, rate);
    config.train_share = 0.7;
    config.validation_share = 0.3;
    return config;
}

static struct nba_release *train(const struct nba_train_config *config, struct nba_dataset *d,
                                 struct nba_gate *ret_gate)
{
    struct nba_training *training = NULL;
    char id[NBA_RELEASE_ID_BYTES];
    assert_int_equal(nba_training_run(config, d, &quiet, &training, &error), NBA_OK);
    assert_int_equal(nba_training_release(training, folder, id, &error), NBA_OK);
    if (ret_gate != NULL) {
        *ret_gate = training->gate;
    }
    nba_training_destroy(training);
    return load(id);
}

static void test_without_a_champion_nobody_is_asked(void **state)
{
    struct nba_dataset *d = make_dataset(USERS, CONTENTS, true, beginning);
    const struct nba_train_config config = config_of(1, 1e-2);
    struct nba_gate gate = {.n = 1};
    (void)state;
    nba_release_unref(train(&config, d, &gate));
    assert_int_equal(gate.n, 0);
    nba_dataset_destroy(d);
}

/* The champion learned from the beginning; both are asked for what came after it. */
static void test_who_learned_passes_and_who_did_not_is_refused_on_what_neither_has_seen(
    void **state)
{
    struct nba_dataset *early = make_dataset(USERS, CONTENTS, true, beginning);
    struct nba_dataset *all = make_dataset(USERS, CONTENTS, true, journey);
    struct nba_train_config config = config_of(6, 1e-2);
    struct nba_gate gate;
    (void)state;
    struct nba_release *good = train(&config, early, NULL);
    config.champion = good;
    nba_release_unref(train(&config, all, &gate));
    assert_true(gate.unseen);
    assert_true(gate.passed);
    assert_true(fabs(gate.challenger - gate.champion.value) <
                0.05); /* it knew no more than the champion */
    assert_int_equal(gate.n, USERS * (LENGTH - EARLY));
    config = config_of(1, 1e-6);
    config.champion = good;
    nba_release_unref(train(&config, all, &gate));
    assert_true(gate.unseen);
    assert_false(gate.passed);
    assert_true(gate.challenger < gate.champion.lo);
    nba_release_unref(good);
    nba_dataset_destroy(all);
    nba_dataset_destroy(early);
}

/* Both have learned from everything: neither is favoured for having seen the answers. */
static void test_without_news_equals_pass_and_worse_ones_do_not(void **state)
{
    struct nba_dataset *d = make_dataset(USERS, CONTENTS, true, journey);
    struct nba_train_config config = config_of(6, 1e-2);
    struct nba_gate gate;
    (void)state;
    struct nba_release *good = train(&config, d, NULL);
    config.champion = good;
    nba_release_unref(train(&config, d, &gate));
    assert_false(gate.unseen);
    assert_true(gate.passed);
    assert_true(fabs(gate.challenger - gate.champion.value) < 1e-3);
    config = config_of(1, 1e-6);
    config.champion = good;
    nba_release_unref(train(&config, d, &gate));
    assert_false(gate.unseen);
    assert_false(gate.passed);
    nba_release_unref(good);
    nba_dataset_destroy(d);
}

/* One step of no size: what comes out is what went in. */
static void test_a_warm_start_takes_over_what_the_release_knows(void **state)
{
    struct nba_dataset *d = make_dataset(USERS, CONTENTS, true, beginning);
    struct nba_dataset *wider = make_dataset(USERS, CONTENTS + 5, true, journey);
    struct nba_train_config config = config_of(2, 1e-2);
    (void)state;
    struct nba_release *from = train(&config, d, NULL);
    config = config_of(1, 1e-9);
    config.seed = 2;
    config.refit = false;
    config.init = from;
    struct nba_release *to = train(&config, wider, NULL);
    const struct nba_release_parts *a = nba_release_parts(from);
    const struct nba_release_parts *b = nba_release_parts(to);
    assert_true(b->content_count > a->content_count);
    for (uint32_t i = 0; i < a->content_count; i++) {
        const uint32_t j = nba_release_content_find(to, a->contents[i]);
        assert_true(fabsf(a->lstm->out_bias[i] - b->lstm->out_bias[j]) < 1e-4f);
        for (uint32_t k = 0; k < 16; k++) {
            assert_true(fabsf(a->lstm->embedding[i * 16 + k] - b->lstm->embedding[j * 16 + k]) <
                        1e-4f);
            assert_true(fabsf(a->ncf->item_gmf[i * 16 + k] - b->ncf->item_gmf[j * 16 + k]) < 1e-4f);
            assert_true(fabsf(a->ncf->history[i * 32 + 16 + k] - b->ncf->history[j * 32 + 16 + k]) <
                        1e-4f);
        }
    }
    for (size_t i = 0; i < (16 + 32) * 4 * 32; i++) {
        assert_true(fabsf(a->lstm->w1[i] - b->lstm->w1[i]) < 1e-4f);
    }
    for (size_t i = 0; i < (32 + 16) * 4 * 16; i++) {
        assert_true(fabsf(a->lstm->w2[i] - b->lstm->w2[i]) < 1e-4f);
    }
    for (size_t i = 0; i < 2 * 16 * 32; i++) {
        assert_true(fabsf(a->ncf->w1[i] - b->ncf->w1[i]) < 1e-4f);
    }
    for (size_t i = 0; i < 16 + 16; i++) {
        assert_true(fabsf(a->ncf->w_out[i] - b->ncf->w_out[i]) < 1e-4f);
    }
    for (uint32_t s = 0; s < a->specialty_count; s++) {
        const uint32_t t = nba_release_segment_find(to, a->specialties[s]);
        assert_true(fabsf(a->ncf->prior[(1 + s) * 32 + 3] - b->ncf->prior[t * 32 + 3]) < 1e-4f);
    }
    nba_release_unref(to);
    config.lstm_options.hidden = 48;
    struct nba_training *training = NULL;
    assert_int_equal(nba_training_run(&config, wider, &quiet, &training, &error), NBA_E_SHAPE);
    assert_non_null(strstr(error.message, "16 and 32"));
    config.lstm_options.hidden = 32;
    config.ncf_options.layer_2 = 32;
    assert_int_equal(nba_training_run(&config, wider, &quiet, &training, &error), NBA_E_SHAPE);
    assert_non_null(strstr(error.message, "NCF is 16, 32, 16, 16"));
    nba_release_unref(from);
    nba_dataset_destroy(wider);
    nba_dataset_destroy(d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_without_a_champion_nobody_is_asked),
        cmocka_unit_test(
            test_who_learned_passes_and_who_did_not_is_refused_on_what_neither_has_seen),
        cmocka_unit_test(test_without_news_equals_pass_and_worse_ones_do_not),
        cmocka_unit_test(test_a_warm_start_takes_over_what_the_release_knows),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
