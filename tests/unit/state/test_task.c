/* Tasks: overlay, seal, write, meta, tallies, vectors, the hot cache; and reads from outside. */
#include "store_fixture.h"

#include <signal.h>
#include <sys/wait.h>
#include <time.h>

static void test_an_aborted_transaction_leaves_nothing(void **state)
{
    struct store_fixture s;
    char before[NBA_SHA256_TEXT_BYTES];
    char after[NBA_SHA256_TEXT_BYTES];
    (void)state;
    store_fixture_init(&s, 1u << 20);
    begin(&s);
    portal_login(&s, "hcp-1", 1);
    commit(&s);
    hash_of(&s, before);
    begin(&s);
    portal_login(&s, "hcp-1", 2);
    portal_login(&s, "hcp-2", 3);
    nba_task_meta(s.task)->input_next = 77;
    nba_task_count(s.task, 0, 5);
    const struct nba_open_action action = action_of(&s.f, 1, T0);
    assert_true(nba_hcp_add_action(get(&s, "hcp-2"), &action));
    (void)seal(&s, NULL);
    nba_task_drop(s.task);
    hash_of(&s, after);
    assert_string_equal(before, after);
    begin(&s);
    assert_int_equal(get(&s, "hcp-1")->pushed, 1);
    assert_false(get(&s, "hcp-2")->stored);
    assert_int_equal(nba_task_meta(s.task)->input_next, 0);
    assert_true(nba_task_next_due_ms(s.task) == INT64_MAX);
    uint32_t count = 1;
    nba_task_counts(s.task, 0, &(uint32_t){5}, 1, &count);
    assert_int_equal(count, 0);
    nba_task_drop(s.task);
    store_fixture_clear(&s);
}

static void test_a_record_got_twice_is_the_same_pointer(void **state)
{
    struct store_fixture s;
    (void)state;
    store_fixture_init(&s, 1u << 20);
    begin(&s);
    struct nba_hcp *first = get(&s, "hcp-0");
    for (uint64_t i = 1; i < 300; i++) {
        (void)get(&s, text_of(&s.f, "hcp-", i).data);
    }
    assert_ptr_equal(get(&s, "hcp-0"), first);
    nba_task_drop(s.task);
    store_fixture_clear(&s);
}

static void test_a_seal_lists_changed_records_and_meta_in_key_order(void **state)
{
    struct store_fixture s;
    const struct nba_change *changes = NULL;
    (void)state;
    store_fixture_init(&s, 1u << 20);
    begin(&s);
    portal_login(&s, "hcp-b", 1);
    portal_login(&s, "hcp-a", 2);
    (void)get(&s, "only-read");
    nba_task_count(s.task, 0, 9);
    nba_task_meta(s.task)->input_next = 12;
    assert_int_equal(seal(&s, &changes), 4);
    assert_str_equal(changes[0].key, "Hhcp-a");
    assert_str_equal(changes[1].key, "Hhcp-b");
    assert_str_equal(changes[2].key, "Mm");
    assert_bytes_equal(changes[3].key, nba_str("Mp\0\0\0\0\0\0\0\x09", 10));
    assert_bytes_equal(changes[3].value, nba_str("\x01\0\0\0", 4));
    struct nba_meta meta;
    assert_ok(&s, nba_meta_decode(changes[2].value, &meta, &s.f.error));
    assert_int_equal(meta.input_next, 12);
    assert_int_equal(meta.txn_seq, 1);
    commit(&s);
    /* A duplicate changes nothing: meta alone is written. */
    begin(&s);
    (void)get(&s, "hcp-a");
    assert_int_equal(seal(&s, &changes), 1);
    assert_str_equal(changes[0].key, "Mm");
    nba_task_drop(s.task);
    store_fixture_clear(&s);
}

/* The changelog is told as the transaction goes on: of each record what it is at the end comes
 * last, also where that is what it was at the beginning. */
static void test_sealing_again_marks_what_was_listed_before(void **state)
{
    struct store_fixture s;
    const struct nba_change *changes = NULL;
    (void)state;
    store_fixture_init(&s, 1u << 20);
    begin(&s);
    portal_login(&s, "hcp-a", 1);
    assert_int_equal(seal(&s, &changes), 2);
    assert_false(changes[0].repeated);
    portal_login(&s, "hcp-b", 2);
    assert_int_equal(seal(&s, &changes), 3);
    assert_str_equal(changes[0].key, "Hhcp-a");
    assert_true(changes[0].repeated);
    assert_str_equal(changes[1].key, "Hhcp-b");
    assert_false(changes[1].repeated);
    portal_login(&s, "hcp-a", 3);
    assert_ok(&s, nba_task_delete(s.task, nba_str_of("hcp-b"), &s.f.error));
    assert_int_equal(seal(&s, &changes), 3);
    assert_false(changes[0].repeated);
    assert_false(changes[1].repeated);
    assert_true(changes[1].deleted); /* the store has none: only the changelog needs it */
    assert_int_equal(seal(&s, &changes), 3);
    assert_true(changes[0].repeated && changes[1].repeated);
    commit(&s);
    store_fixture_clear(&s);
}

static void test_what_was_written_is_there_after_a_restart(void **state)
{
    struct store_fixture s;
    char before[NBA_SHA256_TEXT_BYTES];
    char after[NBA_SHA256_TEXT_BYTES];
    (void)state;
    store_fixture_init(&s, 1u << 20);
    begin(&s);
    portal_login(&s, "hcp-1", 1);
    nba_task_count(s.task, 3, 4);
    nba_task_count(s.task, 3, 4);
    nba_task_meta(s.task)->watermark_ms = T0;
    assert_ok(&s, nba_meta_adopt(nba_task_meta(s.task),
                                 &(struct nba_journal){.catalog_next = 4,
                                                       .policy_hash = nba_str_of("abc"),
                                                       .wall_clock_ms = T0},
                                 &s.f.error));
    commit(&s);
    hash_of(&s, before);
    close_store(&s);
    open_store(&s);
    hash_of(&s, after);
    assert_string_equal(before, after);
    const struct nba_meta *meta = nba_task_committed_meta(s.task);
    assert_true(meta->watermark_ms == T0);
    assert_int_equal(meta->catalog_next, 4);
    assert_string_equal(meta->policy_hash, "abc");
    assert_int_equal(meta->changelog_next, s.changelog_next);
    uint32_t count = 0;
    nba_task_counts(s.task, 3, &(uint32_t){4}, 1, &count);
    assert_int_equal(count, 2);
    store_fixture_clear(&s);
}

static void test_the_cache_never_shows_what_is_not_committed(void **state)
{
    struct store_fixture s;
    struct nba_hcp *seen = NULL;
    bool found = false;
    (void)state;
    store_fixture_init(&s, 1u << 20);
    begin(&s);
    portal_login(&s, "hcp-1", 1);
    commit(&s);
    begin(&s);
    portal_login(&s, "hcp-1", 2);
    seen = nba_arena_take(&s.f.arena, sizeof(*seen));
    assert_ok(&s, nba_state_store_read_hcp(s.store, nba_str_of("hcp-1"), &s.f.arena, seen, &found,
                                           &s.f.error));
    assert_true(found);
    assert_int_equal(seen->pushed, 1);
    (void)seal(&s, NULL);
    nba_task_drop(s.task);
    struct nba_task_stats stats;
    nba_task_stats(s.task, &stats);
    const uint64_t hits = stats.hot_hits;
    begin(&s);
    assert_int_equal(get(&s, "hcp-1")->pushed, 1);
    nba_task_stats(s.task, &stats);
    assert_int_equal(stats.hot_hits, hits + 1); /* it was the cache that answered */
    nba_task_drop(s.task);
    assert_ok(&s, nba_state_store_read_hcp(s.store, nba_str_of("nobody"), &s.f.arena, seen, &found,
                                           &s.f.error));
    assert_false(found);
    store_fixture_clear(&s);
}

static void test_the_cache_stays_within_its_bytes_and_evicted_records_are_right(void **state)
{
    struct store_fixture s;
    struct nba_task_stats stats;
    (void)state;
    store_fixture_init(&s, 64u * 1024);
    for (uint64_t i = 0; i < 2000; i += 100) {
        begin(&s);
        for (uint64_t k = i; k < i + 100; k++) {
            portal_login(&s, text_of(&s.f, "hcp-", k).data, k);
        }
        commit(&s);
        nba_task_stats(s.task, &stats);
        assert_true(stats.hot_bytes <= stats.hot_bytes_max);
    }
    assert_true(stats.evictions > 1000 && stats.hot_records > 20);
    begin(&s);
    for (uint64_t k = 0; k < 2000; k++) {
        const struct nba_hcp *hcp = get(&s, text_of(&s.f, "hcp-", k).data);
        assert_int_equal(hcp->pushed, 1);
        assert_true(hcp->ring[0].time_ms == T0 + (int64_t)k);
    }
    nba_task_drop(s.task);
    store_fixture_clear(&s);
}

static void test_a_resident_store_keeps_every_record_and_writes_none(void **state)
{
    struct store_fixture s;
    struct nba_task_stats stats;
    bool found = true;
    (void)state;
    store_fixture_init(&s, 1u << 12);
    close_store(&s);
    s.options.resident = true;
    s.options.unlogged = true;
    open_store(&s);
    for (uint64_t round = 1; round <= 2; round++) {
        for (uint64_t k = 0; k < 200; k++) {
            begin(&s);
            portal_login(&s, text_of(&s.f, "hcp-", k).data, round);
            commit(&s);
        }
    }
    nba_task_stats(s.task, &stats);
    assert_int_equal(stats.hot_records, 200); /* far more than 4 KiB */
    begin(&s);
    for (uint64_t k = 0; k < 200; k++) {
        assert_int_equal(get(&s, text_of(&s.f, "hcp-", k).data)->pushed, 2);
    }
    assert_ok(&s, nba_task_delete(s.task, nba_str_of("hcp-7"), &s.f.error));
    commit(&s);
    begin(&s);
    assert_int_equal(get(&s, "hcp-7")->pushed, 0);
    struct nba_hcp *hcp = get(&s, "hcp-8");
    assert_ok(&s,
              nba_state_store_read_hcp(s.store, hcp->hcp_id, &s.arena, hcp, &found, &s.f.error));
    assert_false(found);
    nba_task_drop(s.task);
    store_fixture_clear(&s);
}

static void test_a_deleted_record_is_a_tombstone_and_can_start_anew(void **state)
{
    struct store_fixture s;
    const struct nba_change *changes = NULL;
    (void)state;
    store_fixture_init(&s, 1u << 20);
    begin(&s);
    portal_login(&s, "hcp-1", 1);
    commit(&s);
    begin(&s);
    assert_ok(&s, nba_task_delete(s.task, nba_str_of("hcp-1"), &s.f.error));
    assert_int_equal(seal(&s, &changes), 2);
    assert_str_equal(changes[0].key, "Hhcp-1");
    assert_true(changes[0].deleted && changes[0].value.bytes == 0);
    commit(&s);
    begin(&s);
    assert_false(get(&s, "hcp-1")->stored);
    portal_login(&s, "hcp-1", 2);
    commit(&s);
    begin(&s);
    assert_int_equal(get(&s, "hcp-1")->pushed, 1);
    nba_task_drop(s.task);
    store_fixture_clear(&s);
}

static void put_vector(struct store_fixture *s, const char *id, uint64_t pushed, float first)
{
    const float vector[3] = {first, -0.0f, 1e-40f};
    const struct nba_vector_tag tag = {1, pushed, 0};
    nba_task_put_vector(s->task, nba_str_of(id), NBA_VECTOR_CHAMPION_SEQUENCE, &tag, vector, 3);
}

static bool has_vector(struct store_fixture *s, const char *id, const struct nba_vector_tag *tag,
                       float expected)
{
    float vector[3] = {0};
    const float bits[3] = {expected, -0.0f, 1e-40f};
    uint64_t pushed = 0;
    (void)get(s, id);
    if (!nba_task_get_vector(s->task, nba_str_of(id), NBA_VECTOR_CHAMPION_SEQUENCE, tag, 3, vector,
                             &pushed) ||
        pushed != tag->pushed) {
        return false;
    }
    assert_memory_equal(vector, bits, sizeof(bits));
    return true;
}

static void test_a_vector_is_found_under_its_own_tag_only(void **state)
{
    static const struct nba_vector_tag others[] = {{2, 5, 0}, {1, 6, 0}, {1, 4, 0}, {1, 5, 1}};
    struct store_fixture s;
    float vector[4];
    uint64_t pushed = 0;
    (void)state;
    store_fixture_init(&s, 1u << 20);
    begin(&s);
    portal_login(&s, "hcp-1", 1);
    put_vector(&s, "hcp-1", 5, 2.5f);
    const struct nba_vector_tag tag = {1, 5, 0};
    assert_true(has_vector(&s, "hcp-1", &tag, 2.5f));
    commit(&s);
    begin(&s);
    assert_true(has_vector(&s, "hcp-1", &tag, 2.5f));
    for (size_t i = 0; i < NBA_ARRAY_COUNT(others); i++) {
        assert_false(has_vector(&s, "hcp-1", &others[i], 2.5f));
    }
    assert_false(nba_task_get_vector(s.task, nba_str_of("hcp-1"), NBA_VECTOR_CHAMPION_SEQUENCE,
                                     &tag, 4, vector, &pushed));
    assert_false(nba_task_get_vector(s.task, nba_str_of("hcp-1"), NBA_VECTOR_CHAMPION_USER, &tag, 3,
                                     vector, &pushed));
    /* One event further the earlier one serves as a start. */
    assert_true(nba_task_get_vector(s.task, nba_str_of("hcp-1"), NBA_VECTOR_CHAMPION_SEQUENCE,
                                    &others[1], 3, vector, &pushed));
    assert_int_equal(pushed, 5);
    assert_false(nba_task_get_vector(s.task, nba_str_of("hcp-1"), NBA_VECTOR_CHAMPION_SEQUENCE,
                                     &others[2], 3, vector, &pushed));
    nba_task_drop(s.task);
    store_fixture_clear(&s);
}

static void test_a_vector_of_an_aborted_transaction_is_gone(void **state)
{
    const struct nba_vector_tag tag = {1, 5, 0};
    struct store_fixture s;
    (void)state;
    store_fixture_init(&s, 1u << 20);
    begin(&s);
    portal_login(&s, "hcp-1", 1);
    commit(&s);
    begin(&s);
    (void)get(&s, "hcp-1");
    put_vector(&s, "hcp-1", 5, 2.5f);
    nba_task_drop(s.task);
    begin(&s);
    assert_false(has_vector(&s, "hcp-1", &tag, 2.5f));
    nba_task_drop(s.task);
    store_fixture_clear(&s);
}

static void test_an_evicted_vector_comes_back_from_its_key_with_the_same_bits(void **state)
{
    const struct nba_vector_tag tag = {1, 16, 0};
    struct store_fixture s;
    uint32_t found = 0;
    (void)state;
    store_fixture_init(&s, 32u * 1024);
    for (uint64_t i = 0; i < 600; i += 50) {
        begin(&s);
        for (uint64_t k = i; k < i + 50; k++) {
            const struct nba_str id = text_of(&s.f, "hcp-", k);
            for (uint64_t step = 0; step < 16; step++) {
                portal_login(&s, id.data, k * 16 + step);
            }
            put_vector(&s, id.data, 16, (float)k);
        }
        commit(&s);
    }
    begin(&s); /* one more write takes the last spill along */
    commit(&s);
    begin(&s);
    for (uint64_t k = 0; k < 600; k++) {
        found += has_vector(&s, text_of(&s.f, "hcp-", k).data, &tag, (float)k);
    }
    assert_int_equal(found, 600);
    nba_task_drop(s.task);
    store_fixture_clear(&s);
}

static void test_a_vector_of_a_short_window_is_computed_anew_after_its_eviction(void **state)
{
    const struct nba_vector_tag tag = {1, 15, 0};
    struct store_fixture s;
    uint32_t found = 0;
    (void)state;
    store_fixture_init(&s, 32u * 1024);
    for (uint64_t k = 0; k < 600; k++) {
        begin(&s);
        portal_login(&s, text_of(&s.f, "hcp-", k).data, k);
        put_vector(&s, text_of(&s.f, "hcp-", k).data, 15, (float)k);
        commit(&s);
    }
    begin(&s);
    for (uint64_t k = 0; k < 600; k++) {
        found += has_vector(&s, text_of(&s.f, "hcp-", k).data, &tag, (float)k);
    }
    assert_in_range(found, 1, 200); /* those that the cache still has */
    nba_task_drop(s.task);
    store_fixture_clear(&s);
}

static void test_a_vector_of_a_deleted_hcp_does_not_meet_its_next_life(void **state)
{
    const struct nba_vector_tag tag = {1, 1, 0};
    (void)state;
    for (size_t hot_bytes = 1u << 20; hot_bytes >= 1024; hot_bytes /= 1024) {
        struct store_fixture s; /* once from the cache, once from the key */
        store_fixture_init(&s, hot_bytes);
        begin(&s);
        portal_login(&s, "hcp-1", 1);
        put_vector(&s, "hcp-1", 1, 2.5f);
        commit(&s);
        begin(&s);
        assert_ok(&s, nba_task_delete(s.task, nba_str_of("hcp-1"), &s.f.error));
        portal_login(&s, "hcp-1", 2);
        assert_false(has_vector(&s, "hcp-1", &tag, 2.5f));
        commit(&s);
        begin(&s);
        assert_false(has_vector(&s, "hcp-1", &tag, 2.5f));
        nba_task_drop(s.task);
        store_fixture_clear(&s);
    }
}

static void test_a_transaction_that_outgrows_its_arena_is_refused_and_can_be_dropped(void **state)
{
    struct store_fixture s;
    struct nba_arena small;
    enum nba_status status = NBA_OK;
    uint64_t taken = 0;
    (void)state;
    store_fixture_init(&s, 1u << 20);
    nba_arena_init(&small, (size_t)512 * 1024);
    nba_task_begin(s.task, &small);
    for (; taken < 1000 && status == NBA_OK; taken++) {
        struct nba_hcp *hcp = NULL;
        status = nba_task_get(s.task, text_of(&s.f, "hcp-", taken), &hcp, &s.f.error);
    }
    assert_int_equal(status, NBA_E_NO_MEMORY);
    assert_true(taken > 10);
    nba_task_drop(s.task);
    nba_arena_clear(&small);
    begin(&s);
    portal_login(&s, "hcp-1", 1);
    commit(&s);
    store_fixture_clear(&s);
}

static void test_another_number_of_partitions_is_refused(void **state)
{
    struct store_fixture s;
    (void)state;
    store_fixture_init(&s, 1u << 20);
    begin(&s);
    commit(&s);
    nba_task_close(s.task);
    s.task = NULL;
    assert_int_equal(nba_task_open(s.store, TOPIC, 0, 2, &s.task, &s.f.error), NBA_E_SHAPE);
    assert_ok(&s, nba_task_open(s.store, TOPIC, 0, 1, &s.task, &s.f.error));
    struct nba_task *again = NULL;
    assert_int_equal(nba_task_open(s.store, TOPIC, 0, 1, &again, &s.f.error), NBA_E_EXISTS);
    store_fixture_clear(&s);
}

static void test_the_state_hash_does_not_depend_on_the_partitions(void **state)
{
    char hashes[2][NBA_SHA256_TEXT_BYTES];
    (void)state;
    for (int32_t round = 0; round < 2; round++) {
        const int32_t partitions = round == 0 ? 1 : 3;
        struct store_fixture s;
        struct nba_task *tasks[3] = {NULL};
        store_fixture_init(&s, 1u << 20);
        nba_task_close(s.task);
        for (int32_t p = 0; p < partitions; p++) {
            assert_ok(&s, nba_task_open(s.store, TOPIC, p, partitions, &tasks[p], &s.f.error));
            nba_task_begin(tasks[p], &s.arena);
        }
        for (uint64_t k = 0; k < 200; k++) {
            const struct nba_str id = text_of(&s.f, "hcp-", k * 37 % 200);
            s.task = tasks[nba_partition_of_key(id, partitions)];
            portal_login(&s, id.data, k);
        }
        for (int32_t p = 0; p < partitions; p++) {
            s.task = tasks[p];
            (void)seal(&s, NULL);
        }
        assert_ok(&s, nba_state_store_write(s.store, tasks, (size_t)partitions, &s.f.error));
        hash_of(&s, hashes[round]);
        for (int32_t p = 0; p < partitions; p++) {
            nba_task_close(tasks[p]);
        }
        s.task = NULL;
        store_fixture_clear(&s);
    }
    assert_string_equal(hashes[0], hashes[1]);
    assert_int_equal(strlen(hashes[0]), 64);
}

/* A child writes transaction after transaction until it is killed; whatever it had written, input
 * position, records, tallies and timers belong to the same transaction. */
static void test_a_killed_process_leaves_a_whole_transaction_as_its_last(void **state)
{
    (void)state;
    for (uint32_t round = 0; round < 5; round++) {
        struct store_fixture s;
        store_fixture_init(&s, 1u << 20);
        close_store(&s);
        const pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0) {
            open_store(&s);
            for (uint64_t n = 1;; n++) {
                begin(&s);
                for (uint64_t k = 0; k < 5; k++) {
                    portal_login(&s, text_of(&s.f, "hcp-", k).data, n);
                }
                nba_task_count(s.task, 0, 1);
                nba_task_meta(s.task)->input_next = (int64_t)n;
                commit(&s);
            }
        }
        (void)nanosleep(&(struct timespec){.tv_nsec = 30000000 + round * 20000000L}, NULL);
        assert_int_equal(kill(child, SIGKILL), 0);
        assert_int_equal(waitpid(child, NULL, 0), child);
        open_store(&s);
        const struct nba_meta *meta = nba_task_committed_meta(s.task);
        uint32_t counted = 0;
        nba_task_counts(s.task, 0, &(uint32_t){1}, 1, &counted);
        assert_int_equal(counted, meta->input_next);
        assert_int_equal(meta->txn_seq, meta->input_next);
        begin(&s);
        for (uint64_t k = 0; k < 5; k++) {
            assert_int_equal(get(&s, text_of(&s.f, "hcp-", k).data)->pushed, meta->input_next);
        }
        nba_task_drop(s.task);
        store_fixture_clear(&s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_aborted_transaction_leaves_nothing),
        cmocka_unit_test(test_a_record_got_twice_is_the_same_pointer),
        cmocka_unit_test(test_a_seal_lists_changed_records_and_meta_in_key_order),
        cmocka_unit_test(test_sealing_again_marks_what_was_listed_before),
        cmocka_unit_test(test_what_was_written_is_there_after_a_restart),
        cmocka_unit_test(test_the_cache_never_shows_what_is_not_committed),
        cmocka_unit_test(test_the_cache_stays_within_its_bytes_and_evicted_records_are_right),
        cmocka_unit_test(test_a_resident_store_keeps_every_record_and_writes_none),
        cmocka_unit_test(test_a_deleted_record_is_a_tombstone_and_can_start_anew),
        cmocka_unit_test(test_a_vector_is_found_under_its_own_tag_only),
        cmocka_unit_test(test_a_vector_of_an_aborted_transaction_is_gone),
        cmocka_unit_test(test_an_evicted_vector_comes_back_from_its_key_with_the_same_bits),
        cmocka_unit_test(test_a_vector_of_a_short_window_is_computed_anew_after_its_eviction),
        cmocka_unit_test(test_a_vector_of_a_deleted_hcp_does_not_meet_its_next_life),
        cmocka_unit_test(test_a_transaction_that_outgrows_its_arena_is_refused_and_can_be_dropped),
        cmocka_unit_test(test_another_number_of_partitions_is_refused),
        cmocka_unit_test(test_the_state_hash_does_not_depend_on_the_partitions),
        cmocka_unit_test(test_a_killed_process_leaves_a_whole_transaction_as_its_last),
    };
    return cmocka_run_group_tests_name("unit.state.task", tests, NULL, NULL);
}
