/* The scorer: the same bits in every wave, steps that equal re-runs, and what nobody knows. */
#include "../release/release_fixture.h"

#include "nba/base/hash.h"
#include "nba/base/vector.h"
#include "nba/score/fusion.h"
#include "nba/score/scorer.h"

#define HCPS 66

/* Catalogue: the release's five contents and one it doesn't know, two treatments each. */
static struct nba_catalog *make_catalog(const struct parts_fixture *f)
{
    static const struct nba_treatment treatments[] = {
        {.channel = NBA_CHANNEL_EMAIL,
         .action_type = NBA_ACTION_TYPE_EMAIL,
         .approval_state = NBA_APPROVAL_APPROVED,
         .effective_from_ms = NBA_TIME_NONE,
         .expires_at_ms = NBA_TIME_NONE,
         .value = 1},
        {.channel = NBA_CHANNEL_REP,
         .action_type = NBA_ACTION_TYPE_REP_CALL,
         .approval_state = NBA_APPROVAL_APPROVED,
         .effective_from_ms = NBA_TIME_NONE,
         .expires_at_ms = NBA_TIME_NONE,
         .value = 1},
    };
    struct nba_catalog_builder *builder = nba_catalog_builder_create();
    struct nba_catalog *catalog = NULL;
    struct nba_error error = {0};
    for (size_t i = 0; i <= N; i++) {
        const struct nba_reference record = {
            .kind = NBA_REFERENCE_CONTENT,
            .content = {.content_id = i < N ? f->contents[i] : nba_str_of("brand-new"),
                        .brand = nba_str_of("B"),
                        .content_class = NBA_CONTENT_CLASS_PROMOTIONAL,
                        .treatments = treatments,
                        .treatment_count = 2},
        };
        assert_int_equal(nba_catalog_builder_apply(builder, &record, &error), NBA_OK);
    }
    assert_int_equal(nba_catalog_builder_build(builder, &catalog, &error), NBA_OK);
    nba_catalog_builder_destroy(builder);
    return catalog;
}

struct world {
    struct parts_fixture f;
    char path[512];
    struct nba_catalog *catalog;
    struct nba_release *release;
    struct nba_scorer *scorer;
    struct nba_arena hcps_arena, arena;
    struct nba_hcp hcps[HCPS];
};

static void world_init(struct world *w, const char *folder, const struct nba_kernels *kernels)
{
    struct nba_error error = {0};
    fixture_init(&w->f);
    write_release(&w->f.parts, folder, w->path, sizeof w->path);
    assert_int_equal(nba_release_load(w->path, kernels, &w->release, &error), NBA_OK);
    w->catalog = make_catalog(&w->f);
    w->scorer = nba_scorer_create();
    nba_arena_init(&w->hcps_arena, (size_t)64 << 20);
    nba_arena_init(&w->arena, (size_t)64 << 20);
    struct nba_rng rng = nba_rng(5);
    for (size_t i = 0; i < HCPS; i++) {
        char id[16];
        (void)snprintf(id, sizeof id, "hcp-%zu", i);
        nba_hcp_init(&w->hcps[i], nba_str_of(id), &w->hcps_arena);
        w->hcps[i].profile.specialties[0] = w->f.specialties[i % S];
        w->hcps[i].profile.specialty_count = i % 3 != 0;
        for (size_t n = 0; n < i * 5; n++) { /* up to 195 events: the window has moved on */
            const struct nba_ring_event event = {
                .time_ms = (int64_t)n,
                .content_hash = nba_content_hash(w->f.contents[nba_rng_below(&rng, N)]),
                .type = NBA_EVENT_EMAIL_OPENED,
                .channel = NBA_CHANNEL_EMAIL,
            };
            nba_hcp_push(&w->hcps[i], &event);
        }
    }
}

static void world_clear(struct world *w)
{
    nba_scorer_destroy(w->scorer);
    nba_catalog_unref(w->catalog);
    nba_release_unref(w->release);
    nba_arena_clear(&w->hcps_arena);
    nba_arena_clear(&w->arena);
}

static struct nba_score_binding *bind(struct world *w, enum nba_score_model model)
{
    const struct nba_score_options options = {
        .ncf_candidates = 3, .rankings_top_n = N, .model = model};
    struct nba_score_binding *binding = NULL;
    struct nba_error error = {0};
    assert_int_equal(nba_score_binding_create(w->catalog, w->release, &options, &binding, &error),
                     NBA_OK);
    return binding;
}

static struct nba_score_job job_of(struct world *w, const struct nba_score_binding *binding,
                                   size_t i)
{
    const size_t floats = nba_score_binding_state_floats(binding);
    return (struct nba_score_job){.hcp = &w->hcps[i],
                                  .state = nba_arena_zeros(&w->arena, floats, sizeof(float))};
}

static void run(struct world *w, const struct nba_score_binding *binding,
                struct nba_score_job *jobs, size_t count)
{
    struct nba_error error = {0};
    assert_int_equal(nba_scorer_run(w->scorer, binding, jobs, count, &w->arena, &error), NBA_OK);
}

static void assert_same(const struct nba_score_job *a, const struct nba_score_job *b,
                        size_t state_floats)
{
    assert_memory_equal(a->state, b->state, state_floats * sizeof(float));
    assert_int_equal(a->scores.candidate_count, b->scores.candidate_count);
    assert_memory_equal(a->scores.propensity, b->scores.propensity,
                        a->scores.candidate_count * sizeof(*a->scores.propensity));
    for (uint32_t k = 0; k < a->scores.content_count; k++) {
        const struct nba_score_shares of_a = nba_score_shares_of(&a->scores, k);
        const struct nba_score_shares of_b = nba_score_shares_of(&b->scores, k);
        assert_true(a->scores.score[k] == b->scores.score[k]);
        assert_memory_equal(of_a.of, of_b.of, sizeof(of_a.of));
    }
}

static void test_scores_are_the_same_alone_and_in_every_wave(void **state)
{
    static struct world w;
    static struct nba_score_job alone[HCPS];
    world_init(&w, *state, nba_kernels_best());
    struct nba_score_binding *binding = bind(&w, NBA_SCORE_FUSION);
    const size_t floats = nba_score_binding_state_floats(binding);
    for (size_t i = 0; i < HCPS; i++) {
        alone[i] = job_of(&w, binding, i);
        run(&w, binding, &alone[i], 1);
    }
    for (size_t size = 2; size <= NBA_SCORE_WAVE; size += 5) {
        struct nba_score_job wave[NBA_SCORE_WAVE];
        for (size_t i = 0; i < size; i++) {
            wave[i] = job_of(&w, binding, HCPS - 1 - i);
        }
        run(&w, binding, wave, size);
        for (size_t i = 0; i < size; i++) {
            assert_same(&wave[i], &alone[HCPS - 1 - i], floats);
        }
    }
    nba_score_binding_destroy(binding);
    world_clear(&w);
}

static void test_scalar_and_vector_kernels_give_the_same_bits(void **state)
{
    static struct world vector;
    static struct world scalar;
    world_init(&vector, *state, nba_kernels_best());
    nba_vector_limit(NBA_VECTOR_PLAIN);
    world_init(&scalar, *state, nba_kernels_best());
    nba_vector_limit(nba_vector_best());
    struct nba_score_binding *a = bind(&vector, NBA_SCORE_FUSION);
    struct nba_score_binding *b = bind(&scalar, NBA_SCORE_FUSION);
    for (size_t i = 0; i < HCPS; i += 7) {
        struct nba_score_job x = job_of(&vector, a, i);
        struct nba_score_job y = job_of(&scalar, b, i);
        run(&vector, a, &x, 1);
        nba_vector_limit(NBA_VECTOR_PLAIN);
        run(&scalar, b, &y, 1);
        nba_vector_limit(nba_vector_best());
        assert_same(&x, &y, nba_score_binding_state_floats(a));
    }
    nba_score_binding_destroy(a);
    nba_score_binding_destroy(b);
    world_clear(&vector);
    world_clear(&scalar);
}

static void test_stepping_on_equals_running_the_window_again(void **state)
{
    static struct world w;
    world_init(&w, *state, nba_kernels_best());
    struct nba_score_binding *binding = bind(&w, NBA_SCORE_FUSION);
    const size_t floats = nba_score_binding_state_floats(binding);
    struct nba_score_job carried = job_of(&w, binding, 0);
    struct nba_rng rng = nba_rng(11);
    for (size_t n = 0; n < 200; n++) {
        const struct nba_ring_event event = {
            .time_ms = (int64_t)n,
            .content_hash = nba_content_hash(n % 9 == 0 ? nba_str_of("brand-new")
                                                        : w.f.contents[nba_rng_below(&rng, N)]),
            .type = NBA_EVENT_EMAIL_OPENED,
            .channel = NBA_CHANNEL_EMAIL,
        };
        nba_hcp_push(&w.hcps[0], &event);
        run(&w, binding, &carried, 1);
        struct nba_score_job fresh = job_of(&w, binding, 0);
        run(&w, binding, &fresh, 1);
        assert_same(&carried, &fresh, floats);
        assert_int_equal(carried.pushed, n + 1);
        carried.known_start = carried.start;
        carried.known_pushed = carried.pushed;
    }
    nba_score_binding_destroy(binding);
    world_clear(&w);
}

static void test_a_newcomer_is_ranked_by_popularity_in_the_specialty(void **state)
{
    static struct world w;
    world_init(&w, *state, nba_kernels_best());
    struct nba_score_binding *binding = bind(&w, NBA_SCORE_FUSION);
    struct nba_score_job job = job_of(&w, binding, 0); /* HCP 0 has no event */
    run(&w, binding, &job, 1);
    assert_true(job.scores.cold);
    /* The fixture's counts rise with the content's index in the vocabulary. */
    for (uint32_t i = 0; i + 1 < N; i++) {
        const uint32_t a = nba_catalog_find_content(w.catalog, w.f.contents[i]);
        const uint32_t b = nba_catalog_find_content(w.catalog, w.f.contents[i + 1]);
        assert_true(job.scores.score[a] < job.scores.score[b]);
        assert_true(nba_score_shares_of(&job.scores, a).of[NBA_MEMBER_LSTM] == 0.0);
    }
    nba_score_binding_destroy(binding);
    world_clear(&w);
}

static void test_a_content_nobody_trained_on_stands_below_the_known(void **state)
{
    static struct world w;
    world_init(&w, *state, nba_kernels_best());
    struct nba_score_binding *binding = bind(&w, NBA_SCORE_FUSION);
    struct nba_score_job job = job_of(&w, binding, 20);
    run(&w, binding, &job, 1);
    const uint32_t unknown = nba_catalog_find_content(w.catalog, nba_str_of("brand-new"));
    assert_false(job.scores.known[unknown]);
    for (uint32_t k = 0; k < job.scores.content_count; k++) {
        assert_true(job.scores.score[k] >= job.scores.score[unknown]);
    }
    for (uint32_t c = 0; c < job.scores.candidate_count; c++) {
        assert_true(job.scores.propensity[c] > 0.0);
        assert_true(job.scores.propensity[c] < 1.0);
    }
    nba_score_binding_destroy(binding);
    world_clear(&w);
}

static void test_one_member_alone_ranks_as_that_model_does(void **state)
{
    static struct world w;
    world_init(&w, *state, nba_kernels_best());
    struct nba_score_binding *binding = bind(&w, NBA_SCORE_LSTM);
    struct nba_score_job job = job_of(&w, binding, 30);
    run(&w, binding, &job, 1);
    const struct nba_lstm *lstm = nba_release_lstm(w.release);
    float row[16];
    const float *states[] = {job.state};
    assert_int_equal(nba_lstm_score_floats(lstm), 16);
    nba_lstm_scores(lstm, states, 1, row);
    for (uint32_t i = 0; i < N; i++) {
        for (uint32_t j = 0; j < N; j++) {
            const uint32_t a = nba_catalog_find_content(w.catalog, w.f.contents[i]);
            const uint32_t b = nba_catalog_find_content(w.catalog, w.f.contents[j]);
            if (row[i] < row[j]) {
                assert_true(job.scores.score[a] < job.scores.score[b]);
            }
        }
    }
    nba_score_binding_destroy(binding);
    world_clear(&w);
}

static void test_item_item_members_score_by_the_window_and_share_in_the_fusion(void **state)
{
    static struct world w;
    world_init(&w, *state, nba_kernels_best());
    const struct nba_hcp *hcp = &w.hcps[3];
    uint32_t window[15];
    assert_int_equal(hcp->ring_count, NBA_ARRAY_COUNT(window));
    for (uint32_t i = 0; i < hcp->ring_count; i++) {
        window[i] = nba_release_content_of_hash(w.release, hcp->ring[i].content_hash);
    }
    for (enum nba_fusion_member m = NBA_NEIGHBOURS_FIRST; m < NBA_MEMBER_COUNT; m++) {
        struct nba_score_binding *binding = bind(&w, nba_score_model_of(m));
        struct nba_score_job job = job_of(&w, binding, 3);
        float scores[N];
        run(&w, binding, &job, 1);
        nba_neighbours_scores(nba_release_neighbours(w.release, m), window, 15, scores);
        nba_standardise(scores, N, scores);
        for (uint32_t i = 0; i < N; i++) {
            const uint32_t k = nba_catalog_find_content(w.catalog, w.f.contents[i]);
            assert_true(fabs(job.scores.score[k] - (double)scores[i]) < 1e-9);
            assert_true(nba_score_shares_of(&job.scores, k).of[m] == (double)scores[i]);
        }
        nba_score_binding_destroy(binding);
    }
    struct nba_score_binding *binding = bind(&w, NBA_SCORE_FUSION);
    struct nba_score_job job = job_of(&w, binding, 3);
    run(&w, binding, &job, 1);
    const uint32_t first = job.scores.rankings[NBA_SCORE_FUSION][0];
    const struct nba_score_shares shares = nba_score_shares_of(&job.scores, first);
    double sum = w.f.parts.fusion[NBA_FUSION_FULL].b;
    for (int m = 0; m < NBA_MEMBER_COUNT; m++) {
        assert_true(shares.of[m] != 0.0);
        sum += shares.of[m];
    }
    assert_true(fabs(sum - job.scores.score[first]) < 1e-9);
    nba_score_binding_destroy(binding);
    world_clear(&w);
}

static void test_a_member_without_weight_costs_no_state(void **state)
{
    static struct world w;
    world_init(&w, *state, nba_kernels_best());
    const struct nba_score_options options = {.model = NBA_SCORE_KNN};
    struct nba_score_binding *binding = NULL;
    struct nba_error error = {0};
    assert_int_equal(nba_score_binding_create(w.catalog, w.release, &options, &binding, &error),
                     NBA_OK);
    assert_int_equal(nba_score_binding_state_floats(binding), 0);
    nba_score_binding_destroy(binding);
    world_clear(&w);
}

static bool in_ring(const struct world *w, size_t hcp, uint32_t content)
{
    bool found = false;
    for (uint32_t i = 0; i < w->hcps[hcp].ring_count; i++) {
        found = found || w->hcps[hcp].ring[i].content_hash == w->catalog->content_hash[content];
    }
    return found;
}

static void test_the_audit_ranks_by_each_member_what_is_new_to_the_hcp(void **state)
{
    static struct world w;
    world_init(&w, *state, nba_kernels_best());
    struct nba_score_binding *binding = bind(&w, NBA_SCORE_LSTM);
    struct nba_score_job job = job_of(&w, binding, 1); /* five engagements */
    run(&w, binding, &job, 1);
    const struct nba_scores *scores = &job.scores;
    uint32_t open = 0;
    for (uint32_t k = 0; k < scores->content_count; k++) {
        open += scores->known[k] && !in_ring(&w, 1, k);
    }
    assert_in_range(open, 2, N - 1);
    for (size_t which = 0; which < NBA_SCORE_MODELS; which++) {
        assert_int_equal(scores->ranking_count[which], open);
    }
    /* the LSTM alone decides here, so its ranking is the decision's */
    for (uint32_t i = 0; i < open; i++) {
        const uint32_t k = scores->rankings[NBA_SCORE_LSTM][i];
        assert_int_equal(k, scores->rankings[NBA_SCORE_FUSION][i]);
        assert_true(scores->known[k] && !in_ring(&w, 1, k));
    }
    nba_score_binding_destroy(binding);
    world_clear(&w);
}

static void test_without_a_release_the_tally_ranks_and_says_popularity(void **state)
{
    static struct world w;
    static const uint32_t counts[N + 1] = {5, 0, 40, 1, 2, 3};
    world_init(&w, *state, nba_kernels_best());
    const struct nba_score_options options = {.ncf_candidates = 3};
    struct nba_score_binding *binding = NULL;
    struct nba_error error = {0};
    assert_int_equal(nba_score_binding_create(w.catalog, NULL, &options, &binding, &error), NBA_OK);
    struct nba_score_job job = {.hcp = &w.hcps[3], .tally = {counts, counts}};
    run(&w, binding, &job, 1);
    assert_string_equal(job.scores.model_version, "popularity");
    assert_true(job.scores.score[2] == 0.0);
    assert_true(job.scores.score[0] > job.scores.score[5]);
    assert_true(job.scores.score[4] > job.scores.score[3]);
    nba_score_binding_destroy(binding);
    world_clear(&w);
}

static void test_standardised_scores_have_mean_zero_and_deviation_one(void **state)
{
    static const float x[] = {1, 2, 3, 4};
    float z[4];
    (void)state;
    nba_standardise(x, 4, z);
    assert_float_equal(z[0], -1.3416407865, 1e-6);
    assert_float_equal(z[3], 1.3416407865, 1e-6);
    static const float same[] = {7, 7, 7};
    nba_standardise(same, 3, z);
    assert_true(z[0] == 0.0f && z[1] == 0.0f && z[2] == 0.0f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_scores_are_the_same_alone_and_in_every_wave,
                                        scratch_create, scratch_remove),
        cmocka_unit_test_setup_teardown(test_scalar_and_vector_kernels_give_the_same_bits,
                                        scratch_create, scratch_remove),
        cmocka_unit_test_setup_teardown(test_stepping_on_equals_running_the_window_again,
                                        scratch_create, scratch_remove),
        cmocka_unit_test_setup_teardown(test_a_newcomer_is_ranked_by_popularity_in_the_specialty,
                                        scratch_create, scratch_remove),
        cmocka_unit_test_setup_teardown(test_a_content_nobody_trained_on_stands_below_the_known,
                                        scratch_create, scratch_remove),
        cmocka_unit_test_setup_teardown(test_one_member_alone_ranks_as_that_model_does,
                                        scratch_create, scratch_remove),
        cmocka_unit_test_setup_teardown(
            test_item_item_members_score_by_the_window_and_share_in_the_fusion, scratch_create,
            scratch_remove),
        cmocka_unit_test_setup_teardown(test_a_member_without_weight_costs_no_state, scratch_create,
                                        scratch_remove),
        cmocka_unit_test_setup_teardown(test_the_audit_ranks_by_each_member_what_is_new_to_the_hcp,
                                        scratch_create, scratch_remove),
        cmocka_unit_test_setup_teardown(test_without_a_release_the_tally_ranks_and_says_popularity,
                                        scratch_create, scratch_remove),
        cmocka_unit_test(test_standardised_scores_have_mean_zero_and_deviation_one),
    };
    return cmocka_run_group_tests_name("unit.score.scorer", tests, NULL, NULL);
}
