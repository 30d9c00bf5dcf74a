/* Association rules against counting every set of every session. */
#include "sequences.h"

#include <math.h>
#include <stdlib.h>

#include "nba/base/random.h"
#include "nba/train/association.h"

#define MINUTE 60000

/* One session of bread and butter with jam or without, a second one of beer an hour later. */
static bool shoppers(uint32_t user, uint32_t index, struct made_touch *ret_touch)
{
    static const uint32_t contents[4][4] = {{0, 1, 2, 3}, {1, 0, 3, 0}, {0, 1, 2, 3}, {2, 3, 0, 0}};
    static const uint32_t lengths[4] = {4, 3, 4, 2};
    const uint32_t content = contents[user][index % 4];
    *ret_touch = (struct made_touch){content, NBA_TOUCH_ENGAGED, NBA_CHANNEL_EMAIL,
                                     content == 3 ? 60 * MINUTE : (int64_t)index * MINUTE};
    return index < lengths[user];
}

static void test_rules_of_a_few_sessions_are_those_worked_out_by_hand(void **state)
{
    struct nba_dataset *d = make_dataset(4, 5, false, shoppers);
    const struct nba_association_options options = {3.0 / 8, 0.5, NBA_SESSION_GAP_MS, 3};
    struct nba_associations all;
    struct nba_error error;
    (void)state;
    /* Sessions: 012 3, 01 3, 012 3, 2 3. */
    assert_int_equal(nba_associations_find(d, &options, &all, &error), NBA_OK);
    assert_int_equal(all.transactions, 8);
    assert_int_equal(all.sets, 5); /* 0, 1, 2, 3, 01 */
    assert_int_equal(all.count, 2);
    assert_int_equal(all.items[0].if_contents[0], 0);
    assert_int_equal(all.items[0].then_content, 1);
    assert_int_equal(all.items[0].count, 3);
    assert_true(fabs(all.items[0].confidence - 1.0) < 1e-12);
    assert_true(fabs(all.items[0].lift - 8.0 / 3) < 1e-12);
    assert_true(fabs(all.items[0].support - 3.0 / 8) < 1e-12);
    assert_true(fabs(all.coverage - 2.0 / 5) < 1e-12);
    free(all.items);
    nba_dataset_destroy(d);
}

enum { N = 12, USERS = 80 };

static bool by_chance(uint32_t user, uint32_t index, struct made_touch *ret_touch)
{
    struct nba_rng rng = nba_rng(user * 100 + index);
    const double x = nba_rng_double(&rng);
    *ret_touch = (struct made_touch){(uint32_t)(x * x * N), NBA_TOUCH_ENGAGED, NBA_CHANNEL_EMAIL,
                                     (int64_t)index * MINUTE};
    return index < 3 + user % 5;
}

/* Users whose contents hold all of the set. */
static uint32_t holding(const struct nba_dataset *d, uint32_t set)
{
    uint32_t count = 0;
    for (uint32_t u = 0; u < USERS; u++) {
        uint32_t length = 0;
        uint32_t has = 0;
        const uint32_t *sequence = nba_dataset_sequence(d, u, &length);
        for (uint32_t p = 0; p < length; p++) {
            has |= 1u << sequence[p];
        }
        count += (has & set) == set ? 1 : 0;
    }
    return count;
}

static void test_frequent_sets_and_rules_are_those_of_counting_every_set(void **state)
{
    struct nba_dataset *d = make_dataset(USERS, N, false, by_chance);
    const struct nba_association_options options = {0.05, 0.3, NBA_SESSION_GAP_MS, 4};
    struct nba_associations all;
    struct nba_error error;
    size_t sets = 0;
    size_t rules = 0;
    (void)state;
    assert_int_equal(nba_associations_find(d, &options, &all, &error), NBA_OK);
    assert_int_equal(all.transactions, USERS);
    for (uint32_t set = 1; set < 1u << N; set++) {
        const uint32_t size = (uint32_t)__builtin_popcount(set);
        if (size > 4 || holding(d, set) < 4) {
            continue;
        }
        sets++;
        for (uint32_t c = 0; size > 1 && c < N; c++) {
            const bool in = (set >> c & 1) != 0;
            rules += in && (double)holding(d, set) / holding(d, set & ~(1u << c)) >= 0.3 ? 1 : 0;
        }
    }
    assert_true(sets > 100);
    assert_int_equal(all.sets, sets);
    assert_int_equal(all.count, rules);
    for (size_t i = 0; i < all.count; i++) {
        const struct nba_association *rule = &all.items[i];
        uint32_t given = 0;
        for (uint32_t k = 0; k < rule->if_count; k++) {
            given |= 1u << rule->if_contents[k];
        }
        const uint32_t then = 1u << rule->then_content;
        assert_int_equal(rule->count, holding(d, given | then));
        assert_true(fabs(rule->confidence - (double)rule->count / holding(d, given)) < 1e-12);
        assert_true(fabs(rule->lift - rule->confidence * USERS / holding(d, then)) < 1e-9);
        assert_true(i == 0 || rule->lift <= all.items[i - 1].lift);
    }
    free(all.items);
    nba_dataset_destroy(d);
}

static bool everything(uint32_t user, uint32_t index, struct made_touch *ret_touch)
{
    (void)user;
    *ret_touch = (struct made_touch){index, NBA_TOUCH_ENGAGED, NBA_CHANNEL_EMAIL, 1000};
    return index < 100;
}

static void test_too_many_sets_are_refused_and_no_rule_is_no_error(void **state)
{
    struct nba_dataset *d = make_dataset(2, 100, false, everything);
    struct nba_association_options options = {0.5, 0.5, NBA_SESSION_GAP_MS, 4};
    struct nba_associations all;
    struct nba_error error;
    (void)state;
    assert_int_equal(nba_associations_find(d, &options, &all, &error), NBA_E_LIMIT);
    assert_non_null(strstr(error.message, "ask for more support than 0.5"));
    nba_dataset_destroy(d);
    d = make_dataset(4, 5, false, shoppers);
    options.support = 1.0;
    assert_int_equal(nba_associations_find(d, &options, &all, &error), NBA_OK);
    assert_int_equal(all.count + all.sets, 0);
    assert_null(all.items);
    nba_dataset_destroy(d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rules_of_a_few_sessions_are_those_worked_out_by_hand),
        cmocka_unit_test(test_frequent_sets_and_rules_are_those_of_counting_every_set),
        cmocka_unit_test(test_too_many_sets_are_refused_and_no_rule_is_no_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
