/* The hash index: what was added is found, growing loses nothing, equal keys get one number. */
#include "nba_test.h"

#include "nba/base/hash_index.h"

static void test_every_entry_of_a_hash_is_met_and_no_other(void **state)
{
    struct nba_hash_index index = {0};
    (void)state;
    uint32_t cursor = 0;
    assert_int_equal(nba_hash_index_next(&index, 7, &cursor), NBA_HASH_INDEX_NONE);
    for (uint32_t i = 0; i < 1000; i++) {
        assert_true(nba_hash_index_reserve(&index, i + 1));
        nba_hash_index_add(&index, i % 400 * 64, i); /* hashes that meet in the table */
    }
    for (uint32_t hash = 0; hash < 400; hash++) {
        uint32_t found = 0;
        cursor = 0;
        for (uint32_t n = nba_hash_index_next(&index, (uint64_t)hash * 64, &cursor);
             n != NBA_HASH_INDEX_NONE;
             n = nba_hash_index_next(&index, (uint64_t)hash * 64, &cursor)) {
            assert_int_equal(n % 400, hash);
            found++;
        }
        assert_int_equal(found, hash < 200 ? 3 : 2);
    }
    nba_hash_index_reset(&index);
    cursor = 0;
    assert_int_equal(nba_hash_index_next(&index, 0, &cursor), NBA_HASH_INDEX_NONE);
    nba_hash_index_clear(&index);
}

static void test_equal_keys_have_one_number_in_the_order_they_came(void **state)
{
    struct nba_hash_index index = {0};
    uint32_t keys[301];
    (void)state;
    assert_true(nba_hash_index_reserve(&index, 300));
    for (uint32_t i = 0; i < 900; i++) {
        const uint32_t key = i % 300 * 7;
        assert_int_equal(nba_hash_index_intern(&index, keys, sizeof(key), &key), i % 300);
        assert_int_equal(keys[i % 300], key);
    }
    assert_int_equal(index.count, 300);
    nba_hash_index_clear(&index);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_entry_of_a_hash_is_met_and_no_other),
        cmocka_unit_test(test_equal_keys_have_one_number_in_the_order_they_came),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
