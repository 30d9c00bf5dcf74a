/* Hashes against vectors of others: the assignment contract, Kafka's murmur2, FIPS 180-4. */
#include "nba_test.h"

#include "nba/base/hash.h"

static void test_assignment_hash_gives_the_contract_vectors(void **state)
{
    static const struct {
        const char *text;
        uint64_t hash;
        unsigned bucket;
    } vectors[] = {
        {"control_group:2026-11:1234567893", 0x8e56cc85676dfee1u, 1921},
        {"control_group:2026-12:1234567893", 0x913266156e55ac42u, 8306},
        {"exp_timing_v1:1234567893", 0x6cde658238116677u, 1015},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
        const uint64_t hash = nba_assignment_hash(nba_str_of(vectors[i].text));
        assert_true(hash == vectors[i].hash);
        assert_int_equal(hash % 10000, vectors[i].bucket);
    }
    assert_int_equal(nba_assignment_hash(nba_str_of("universal_control:2026-11:hcp-0001")) % 10000,
                     2991);
}

static void test_murmur2_gives_the_vectors_of_kafkas_own_test(void **state)
{
    static const struct {
        const char *text;
        int32_t hash;
    } vectors[] = {{"21", -973932308},
                   {"foobar", -790332482},
                   {"a-little-bit-long-string", -985981536},
                   {"a-little-bit-longer-string", -1486304829},
                   {"abc", 479470107}};
    (void)state;
    for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
        assert_int_equal((int32_t)nba_murmur2(vectors[i].text, strlen(vectors[i].text)),
                         vectors[i].hash);
    }
}

static void test_partition_of_a_key_is_the_one_kafkas_java_client_takes(void **state)
{
    /* toPositive(murmur2(key)) % partitions, worked out from the vectors above. */
    static const struct {
        const char *key;
        int32_t partitions;
        int32_t partition;
    } vectors[] = {{"21", 7, 3},      {"21", 12, 0}, {"foobar", 7, 0},
                   {"foobar", 12, 6}, {"abc", 7, 4}, {"abc", 12, 3}};
    (void)state;
    for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
        assert_int_equal(nba_partition_of_key(nba_str_of(vectors[i].key), vectors[i].partitions),
                         vectors[i].partition);
    }
}

static void test_sha256_of_abc_is_the_standards_example(void **state)
{
    char text[NBA_SHA256_TEXT_BYTES];
    (void)state;
    nba_sha256_text("abc", 3, text);
    assert_string_equal(text, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

static void test_sized_updates_tell_ab_c_from_a_bc(void **state)
{
    char one[NBA_SHA256_TEXT_BYTES];
    char two[NBA_SHA256_TEXT_BYTES];
    struct nba_sha256 *sha = nba_sha256_create();
    (void)state;
    nba_sha256_update_sized(sha, nba_str_of("ab"));
    nba_sha256_update_sized(sha, nba_str_of("c"));
    nba_sha256_finish(sha, one);
    nba_sha256_update_sized(sha, nba_str_of("a"));
    nba_sha256_update_sized(sha, nba_str_of("bc"));
    nba_sha256_finish(sha, two);
    nba_sha256_destroy(sha);
    assert_string_not_equal(one, two);
}

static void test_event_hash_keeps_source_and_id_apart(void **state)
{
    (void)state;
    assert_true(nba_event_hash(nba_str_of("a"), nba_str_of("bc")) !=
                nba_event_hash(nba_str_of("ab"), nba_str_of("c")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_assignment_hash_gives_the_contract_vectors),
        cmocka_unit_test(test_murmur2_gives_the_vectors_of_kafkas_own_test),
        cmocka_unit_test(test_partition_of_a_key_is_the_one_kafkas_java_client_takes),
        cmocka_unit_test(test_sha256_of_abc_is_the_standards_example),
        cmocka_unit_test(test_sized_updates_tell_ab_c_from_a_bc),
        cmocka_unit_test(test_event_hash_keeps_source_and_id_apart),
    };
    return cmocka_run_group_tests_name("unit.base.hash", tests, NULL, NULL);
}
