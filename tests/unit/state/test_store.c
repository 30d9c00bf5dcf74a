/* The store: a write that fails, readers on other threads, what tasks there are, checkpoints. */
#include "store_fixture.h"

#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>

/* Files may not grow any more: what a full disk does to RocksDB. */
static void limit_files(rlim_t bytes)
{
    struct rlimit limit;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    limit.rlim_cur = bytes;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void test_after_a_failed_write_the_store_opens_again_at_the_last_good_one(void **state)
{
    struct store_fixture s;
    char before[NBA_SHA256_TEXT_BYTES];
    char after[NBA_SHA256_TEXT_BYTES];
    (void)state;
    (void)signal(SIGXFSZ, SIG_IGN);
    store_fixture_init(&s, 1u << 20);
    for (uint64_t n = 1; n <= 20; n++) {
        begin(&s);
        portal_login(&s, "hcp-1", n);
        nba_task_meta(s.task)->input_next = (int64_t)n;
        commit(&s);
    }
    hash_of(&s, before);
    begin(&s);
    for (uint64_t k = 0; k < 3000; k++) {
        portal_login(&s, text_of(&s.f, "hcp-", k).data, 100 + k);
    }
    nba_task_meta(s.task)->input_next = 21;
    (void)seal(&s, NULL);
    limit_files(4096);
    const enum nba_status status = nba_state_store_write(s.store, &s.task, 1, &s.f.error);
    limit_files(RLIM_INFINITY);
    assert_int_equal(status, NBA_E_IO);
    /* Committed is what it was, also in memory; and after opening anew. */
    assert_int_equal(nba_task_committed_meta(s.task)->input_next, 20);
    nba_task_drop(s.task);
    begin(&s);
    assert_int_equal(get(&s, "hcp-1")->pushed, 20);
    nba_task_drop(s.task);
    close_store(&s);
    open_store(&s);
    hash_of(&s, after);
    assert_string_equal(before, after);
    begin(&s);
    portal_login(&s, "hcp-1", 21);
    commit(&s);
    begin(&s);
    assert_int_equal(get(&s, "hcp-1")->pushed, 21);
    nba_task_drop(s.task);
    store_fixture_clear(&s);
}

struct reading {
    struct nba_state_store *store;
    volatile bool *stop; /* guarded by `lock` */
    pthread_mutex_t *lock;
    uint64_t reads;
    bool good;
};

static bool is_stopped(const struct reading *reading)
{
    (void)pthread_mutex_lock(reading->lock);
    const bool stopped = *reading->stop;
    (void)pthread_mutex_unlock(reading->lock);
    return stopped;
}

/* Both HCPs get as many events in each transaction; the one read later never has fewer. */
static void *read_all_the_time(void *context)
{
    struct reading *reading = context;
    struct nba_arena arena;
    nba_arena_init(&arena, (size_t)16 << 20);
    while (!is_stopped(reading) && reading->good) {
        char text[NBA_SHA256_TEXT_BYTES];
        struct nba_error error;
        uint64_t pushed[2] = {0, 0};
        bool both = true;
        for (uint32_t i = 0; i < 2; i++) {
            bool found = false;
            nba_arena_reset(&arena);
            struct nba_hcp *hcp = nba_arena_take(&arena, sizeof(*hcp));
            if (hcp == NULL ||
                nba_state_store_read_hcp(reading->store, nba_str_of(i == 0 ? "hcp-1" : "hcp-2"),
                                         &arena, hcp, &found, &error) != NBA_OK) {
                reading->good = false;
                break;
            }
            both = both && found; /* not while the task is closed */
            pushed[i] = found ? hcp->pushed : 0;
        }
        reading->good = reading->good && (!both || pushed[1] >= pushed[0]) &&
                        nba_state_store_hash(reading->store, text, &error) == NBA_OK;
        reading->reads++;
    }
    nba_arena_clear(&arena);
    return NULL;
}

static void test_readers_on_other_threads_see_committed_transactions_while_tasks_come_and_go(
    void **state)
{
    struct store_fixture s;
    pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    volatile bool stop = false;
    pthread_t thread;
    (void)state;
    store_fixture_init(&s, 1u << 20);
    struct reading reading = {.store = s.store, .stop = &stop, .lock = &lock, .good = true};
    assert_int_equal(pthread_create(&thread, NULL, read_all_the_time, &reading), 0);
    for (uint64_t n = 1; n <= 300; n++) {
        begin(&s);
        portal_login(&s, "hcp-1", n);
        portal_login(&s, "hcp-2", n);
        commit(&s);
        if (n % 50 == 0) {
            const struct nba_changelog_bounds bounds = {.now_ms = T0};
            bool again = false;
            int64_t from = 0;
            nba_task_close(s.task);
            assert_ok(&s, nba_task_open(s.store, TOPIC, 0, 1, &s.task, &s.f.error));
            assert_ok(&s,
                      nba_task_restore_begin(s.task, NBA_RESTORE_TAIL, &bounds, &from, &s.f.error));
            assert_ok(&s, nba_task_restore_end(s.task, from, &again, &s.f.error));
        }
    }
    (void)pthread_mutex_lock(&lock);
    stop = true;
    (void)pthread_mutex_unlock(&lock);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_true(reading.good);
    assert_true(reading.reads > 0);
    store_fixture_clear(&s);
}

struct seen {
    uint32_t count;
    int32_t partitions;
    bool topics_good;
};

static void see(void *context, struct nba_str topic, int32_t partition)
{
    struct seen *seen = context;
    seen->count++;
    seen->partitions += partition;
    seen->topics_good = seen->topics_good && nba_str_equal(topic, TOPIC);
}

static void test_a_visit_names_the_tasks_open_or_not(void **state)
{
    struct store_fixture s;
    struct nba_task *other = NULL;
    struct seen seen = {.topics_good = true};
    (void)state;
    store_fixture_init(&s, 1u << 20);
    assert_ok(&s, nba_task_open(s.store, TOPIC, 17, 20, &other, &s.f.error));
    nba_task_close(other);
    nba_state_store_visit(s.store, see, &seen);
    assert_int_equal(seen.count, 2);
    assert_int_equal(seen.partitions, 17);
    assert_true(seen.topics_good);
    assert_ok(&s, nba_task_open(s.store, TOPIC, 17, 20, &other, &s.f.error));
    assert_ok(&s, nba_task_destroy(other, &s.f.error));
    seen = (struct seen){.topics_good = true};
    nba_state_store_visit(s.store, see, &seen);
    assert_int_equal(seen.count, 1);
    store_fixture_clear(&s);
}

static void test_a_checkpoint_and_a_secondary_show_the_same_state(void **state)
{
    struct store_fixture s;
    char expected[NBA_SHA256_TEXT_BYTES];
    char text[NBA_SHA256_TEXT_BYTES];
    char copy[160];
    (void)state;
    store_fixture_init(&s, 1u << 20);
    begin(&s);
    for (uint64_t k = 0; k < 50; k++) {
        portal_login(&s, text_of(&s.f, "hcp-", k).data, k);
    }
    commit(&s);
    hash_of(&s, expected);
    (void)snprintf(copy, sizeof(copy), "%s-copy", s.path);
    assert_ok(&s, nba_state_store_flush(s.store, &s.f.error));
    assert_ok(&s, nba_state_store_checkpoint(s.store, copy, &s.f.error));
    for (uint32_t i = 0; i < 2; i++) {
        const struct nba_state_options options = {.secondary = i == 1};
        struct nba_state_store *store = NULL;
        struct nba_task *task = NULL;
        assert_ok(&s, nba_state_store_open(i == 1 ? s.path : copy, &options, &store, &s.f.error));
        assert_ok(&s, nba_task_open(store, TOPIC, 0, 1, &task, &s.f.error));
        assert_ok(&s, nba_state_store_hash(store, text, &s.f.error));
        assert_string_equal(text, expected);
        nba_task_close(task);
        nba_state_store_close(store);
    }
    assert_int_equal(nba_file_remove_tree(copy, NULL), NBA_OK);
    store_fixture_clear(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_after_a_failed_write_the_store_opens_again_at_the_last_good_one),
        cmocka_unit_test(
            test_readers_on_other_threads_see_committed_transactions_while_tasks_come_and_go),
        cmocka_unit_test(test_a_visit_names_the_tasks_open_or_not),
        cmocka_unit_test(test_a_checkpoint_and_a_secondary_show_the_same_state),
    };
    return cmocka_run_group_tests_name("unit.state.store", tests, NULL, NULL);
}
