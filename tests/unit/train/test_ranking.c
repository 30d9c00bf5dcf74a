/* Splits without a look into the future, and ranks as the protocol defines them. */
#include "sequences.h"

#include <math.h>

#include "nba/train/ranking.h"

/* User 0: 3 7 7 11; user 1: 0 1 2 with times that overlap user 0's. */
static bool two_users(uint32_t user, uint32_t index, struct made_touch *ret_touch)
{
    static const uint32_t contents[2][4] = {{0, 1, 2}, {3, 7, 7, 11}};
    static const int64_t times[2][4] = {{1000, 2500, 4000}, {1500, 2000, 3000, 3500}};
    if (index >= (user == 0 ? 3u : 4u)) {
        return false;
    }
    *ret_touch = (struct made_touch){contents[user][index], NBA_TOUCH_ENGAGED, NBA_CHANNEL_EMAIL,
                                     times[user][index]};
    return true;
}

static void test_a_split_by_time_trains_on_nothing_later_than_what_it_validates(void **state)
{
    struct nba_dataset *d = make_dataset(2, 13, false, two_users);
    struct nba_split split;
    (void)state;
    split = nba_split_by_time(d, &d->pool, 0.5, 0.3);
    assert_true(split.by_time);
    assert_int_equal(
        split.validation_count + split.test_count + split.train_count[0] + split.train_count[1], 7);
    int64_t train_last = 0;
    for (uint32_t u = 0; u < 2; u++) {
        for (uint32_t i = 0; i < split.train_count[u]; i++) {
            const int64_t t = d->sequence_time[d->sequence_offset[u] + i];
            train_last = t > train_last ? t : train_last;
        }
    }
    for (size_t i = 0; i < split.validation_count; i++) {
        const struct nba_query q = split.validation[i];
        assert_true(d->sequence_time[d->sequence_offset[q.user] + q.position] > train_last);
        assert_true(d->sequence_time[d->sequence_offset[q.user] + q.position] < split.test_from_ms);
    }
    assert_int_equal(split.train_count[0], 1);
    assert_int_equal(split.train_count[1], 2);
    nba_dataset_destroy(d);
}

static void test_leave_one_out_keeps_the_last_two(void **state)
{
    struct nba_dataset *d = make_dataset(2, 13, false, two_users);
    struct nba_split split;
    (void)state;
    split = nba_split_last_two(d, &d->pool);
    assert_int_equal(split.validation_count, 2);
    assert_int_equal(split.test_count, 2);
    assert_int_equal(split.train_count[1], 2);
    assert_int_equal(nba_query_target(d, split.validation[1]), 7);
    assert_int_equal(nba_query_target(d, split.test[1]), 11);
    nba_dataset_destroy(d);
}

static void test_a_given_test_content_leaves_the_sequence_to_training_and_validation(void **state)
{
    struct nba_dataset *d = make_dataset(2, 13, false, two_users);
    struct nba_split split;
    uint8_t is_candidate[13];
    size_t candidates = 0;
    (void)state;
    d->fixed_test = nba_pool_take(&d->pool, 2, sizeof(uint32_t));
    d->fixed_negatives = nba_pool_take(&d->pool, 4, sizeof(uint32_t));
    d->fixed_negative_count = 2;
    d->fixed_test[1] = 9;
    d->fixed_negatives[2] = 9; /* the target itself, as in one case of forty of the real file */
    d->fixed_negatives[3] = 4;
    split = nba_split_fixed(d, &d->pool, 1);
    assert_int_equal(split.train_count[1], 3);
    assert_int_equal(split.validation_count, 2);
    assert_int_equal(split.validation[1].position, 3);
    assert_int_equal(split.test[1].position, 4);
    assert_int_equal(nba_query_target(d, split.test[1]), 9);
    uint32_t sum = 0;
    for (size_t i = 0; i < 4; i++) {
        sum += d->sequence[d->sequence_offset[1] + i];
    }
    assert_int_equal(sum, 3 + 7 + 7 + 11);
    nba_ranking_candidates(&(struct nba_ranking){d, NBA_PROTOCOL_FIXED, 0}, split.test[1],
                           is_candidate);
    for (uint32_t c = 0; c < 13; c++) {
        candidates += is_candidate[c];
    }
    assert_int_equal(candidates, 1);
    assert_int_equal(is_candidate[4], 1);
    nba_dataset_destroy(d);
}

static void test_sampled_negatives_are_those_of_the_protocol_in_any_language(void **state)
{
    /* negatives(user=1, touched=[3, 7, 7, 11], n_items=13, nneg=5) of the Python protocol. */
    static const uint32_t expected[] = {10, 0, 5, 12, 4};
    struct nba_dataset *d = make_dataset(2, 13, false, two_users);
    uint8_t is_candidate[13];
    size_t count = 0;
    (void)state;
    nba_ranking_candidates(&(struct nba_ranking){d, NBA_PROTOCOL_SAMPLED, 5},
                           (struct nba_query){1, 3}, is_candidate);
    for (uint32_t c = 0; c < 13; c++) {
        count += is_candidate[c];
    }
    assert_int_equal(count, 5);
    for (size_t i = 0; i < 5; i++) {
        assert_int_equal(is_candidate[expected[i]], 1);
    }
    nba_dataset_destroy(d);
}

static void test_full_ranking_leaves_the_history_out_and_prequential_what_is_not_there_yet(
    void **state)
{
    struct nba_dataset *d = make_dataset(2, 13, false, two_users);
    uint8_t is_candidate[13];
    (void)state;
    nba_ranking_candidates(&(struct nba_ranking){d, NBA_PROTOCOL_FULL, 0}, (struct nba_query){1, 3},
                           is_candidate);
    for (uint32_t c = 0; c < 13; c++) {
        assert_int_equal(is_candidate[c], c != 3 && c != 7 && c != 11);
    }
    /* At 3000: 0, 3, 7 and 1 have been touched; 2 and 11 come later, the others never: they were in
     * the catalogue all the time. */
    nba_ranking_candidates(&(struct nba_ranking){d, NBA_PROTOCOL_EXISTING, 0},
                           (struct nba_query){1, 2}, is_candidate);
    assert_int_equal(is_candidate[0], 1);
    assert_int_equal(is_candidate[1], 1);
    assert_int_equal(is_candidate[2], 0);
    assert_int_equal(is_candidate[3], 1);
    assert_int_equal(is_candidate[7], 0); /* the target */
    assert_int_equal(is_candidate[11], 0);
    nba_dataset_destroy(d);
}

static void test_ties_count_half_and_nan_is_last(void **state)
{
    const uint8_t all[] = {1, 1, 0, 1, 1};
    const float scores[] = {2.0f, 1.0f, 1.0f, 1.0f, 0.5f};
    const float lost[] = {2.0f, 1.0f, NAN, 1.0f, 0.5f};
    (void)state;
    assert_true(nba_ranking_rank(scores, all, 5, 2) == 2.0);
    assert_true(nba_ranking_rank(lost, all, 5, 2) == 4.0);
}

struct fixed_scores {
    uint32_t content_count;
    size_t asked_all, asked_some;
};

static void score_by_index(void *context, const struct nba_query *queries, size_t count,
                           float *ret_scores)
{
    struct fixed_scores *f = context;
    (void)queries;
    f->asked_all++;
    for (size_t i = 0; i < count * f->content_count; i++) {
        ret_scores[i] = (float)(i % f->content_count);
    }
}

static void score_some_by_index(void *context, struct nba_query query, const uint32_t *contents,
                                size_t count, float *ret_scores)
{
    struct fixed_scores *f = context;
    (void)query;
    f->asked_some++;
    for (size_t i = 0; i < count; i++) {
        ret_scores[i] = (float)contents[i];
    }
}

static void test_a_ranker_of_few_gives_the_ranks_of_one_of_all(void **state)
{
    struct nba_dataset *d = make_dataset(2, 13, false, two_users);
    struct fixed_scores scores = {.content_count = 13};
    const struct nba_ranker all = {"all", &scores, score_by_index, NULL};
    const struct nba_ranker few = {"few", &scores, score_by_index, score_some_by_index};
    const struct nba_ranking ranking = {d, NBA_PROTOCOL_SAMPLED, 5};
    const struct nba_query queries[] = {{0, 2}, {1, 3}, {1, 1}};
    double ranks[3];
    double again[3];
    (void)state;
    nba_ranking_run(&ranking, &all, queries, 3, ranks);
    assert_int_equal(scores.asked_some, 0);
    nba_ranking_run(&ranking, &few, queries, 3, again);
    assert_int_equal(scores.asked_all, 1);
    assert_int_equal(scores.asked_some, 3);
    assert_memory_equal(ranks, again, sizeof(ranks));
    nba_dataset_destroy(d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_split_by_time_trains_on_nothing_later_than_what_it_validates),
        cmocka_unit_test(test_leave_one_out_keeps_the_last_two),
        cmocka_unit_test(test_a_given_test_content_leaves_the_sequence_to_training_and_validation),
        cmocka_unit_test(test_sampled_negatives_are_those_of_the_protocol_in_any_language),
        cmocka_unit_test(
            test_full_ranking_leaves_the_history_out_and_prequential_what_is_not_there_yet),
        cmocka_unit_test(test_ties_count_half_and_nan_is_last),
        cmocka_unit_test(test_a_ranker_of_few_gives_the_ranks_of_one_of_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
