/* Erasure: every key goes, the HMAC stays, and no file keeps a byte of the id. */
#include <dirent.h>

#include "nba/base/hash.h"
#include "nba/kv/kv.h"
#include "store_fixture.h"

#define SECRET "0123456789abcdef0123456789abcdef"

static void init(struct store_fixture *s)
{
    store_fixture_init(s, 1u << 20);
    close_store(s);
    s->options.secret = nba_str_of(SECRET);
    open_store(s);
}

static void live(struct store_fixture *s, const char *hcp_id, uint64_t number)
{
    portal_login(s, hcp_id, number);
    const struct nba_open_action action = action_of(&s->f, number, T0);
    assert_true(nba_hcp_add_action(get(s, hcp_id), &action));
}

static int64_t erased_at(struct store_fixture *s, const char *hcp_id)
{
    int64_t ms = 0;
    assert_ok(s, nba_task_erased_at(s->task, nba_str_of(hcp_id), &ms, &s->f.error));
    return ms;
}

static void erase(struct store_fixture *s, const char *hcp_id, int64_t ms)
{
    assert_ok(s, nba_task_erase(s->task, nba_str_of(hcp_id), ms, &s->f.error));
}

static uint32_t keys_of(struct store_fixture *s, const char *hcp_id)
{
    struct nba_buf record;
    uint32_t keys = 0;
    nba_buf_init(&record, 1 << 16);
    assert_ok(s, nba_state_store_look(s->store, nba_str_of(hcp_id), &record, &keys, &s->f.error));
    nba_buf_clear(&record);
    return keys;
}

/* In how many files of the store do these bytes stand? */
static unsigned files_with(struct store_fixture *s, const char *text)
{
    unsigned found = 0;
    DIR *folder = opendir(s->path);
    assert_non_null(folder);
    for (struct dirent *entry = readdir(folder); entry != NULL; entry = readdir(folder)) {
        char path[sizeof(s->path) + sizeof(entry->d_name)];
        struct nba_buf bytes;
        (void)snprintf(path, sizeof(path), "%s/%s", s->path, entry->d_name);
        nba_buf_init(&bytes, (size_t)64 << 20);
        if (entry->d_name[0] != '.' && nba_file_read(path, &bytes, NULL) == NBA_OK) {
            for (size_t i = 0; i + strlen(text) <= bytes.bytes; i++) {
                if (memcmp(bytes.data + i, text, strlen(text)) == 0) {
                    found++;
                    break;
                }
            }
        }
        nba_buf_clear(&bytes);
    }
    (void)closedir(folder);
    return found;
}

static void test_an_erased_hcp_leaves_nothing_but_its_hmac_until_it_is_readmitted(void **state)
{
    struct store_fixture s;
    const struct nba_change *changes = NULL;
    char mac[1 + NBA_SHA256_BYTES] = {'E'};
    (void)state;
    init(&s);
    begin(&s);
    live(&s, "hcp-1", 1);
    live(&s, "hcp-2", 2);
    assert_true(erased_at(&s, "hcp-1") == NBA_TIME_NONE);
    commit(&s);
    begin(&s);
    erase(&s, "hcp-1", T0 + 5);
    assert_true(erased_at(&s, "hcp-1") == T0 + 5);
    assert_int_equal(get(&s, "hcp-1")->action_count, 0);
    assert_int_equal(seal(&s, &changes), 3);
    nba_hmac_sha256(nba_str_of(SECRET), nba_str_of("hcp-1"), mac + 1);
    assert_bytes_equal(changes[0].key, nba_str(mac, sizeof(mac)));
    assert_false(changes[0].deleted);
    assert_str_equal(changes[1].key, "Hhcp-1");
    assert_true(changes[1].deleted);
    commit(&s);
    assert_int_equal(keys_of(&s, "hcp-1"), 0);
    assert_int_equal(keys_of(&s, "hcp-2"), 1);
    close_store(&s);
    open_store(&s);
    begin(&s);
    assert_true(erased_at(&s, "hcp-1") == T0 + 5);
    assert_true(erased_at(&s, "hcp-2") == NBA_TIME_NONE);
    assert_ok(&s, nba_task_readmit(s.task, nba_str_of("hcp-1"), &s.f.error));
    live(&s, "hcp-1", 3);
    assert_true(erased_at(&s, "hcp-1") == NBA_TIME_NONE);
    commit(&s);
    begin(&s);
    assert_true(erased_at(&s, "hcp-1") == NBA_TIME_NONE);
    assert_int_equal(get(&s, "hcp-1")->action_count, 1);
    nba_task_drop(s.task);
    assert_int_equal(keys_of(&s, "hcp-1"), 1);
    store_fixture_clear(&s);
}

/* A crash between commit and write: the erasure comes out of the changelog, and what the index has
 * of the HCP goes too. */
static void test_a_restored_erasure_takes_the_keys_of_the_indexes_along(void **state)
{
    struct store_fixture s;
    struct nba_changelog_bounds bounds = {.low = 0, .now_ms = T0, .delete_retention_ms = -1};
    const struct nba_change *changes = NULL;
    const char *why = NULL;
    int64_t offset = 0;
    bool again = false;
    (void)state;
    init(&s);
    begin(&s);
    live(&s, "hcp-1", 1);
    commit(&s);
    begin(&s);
    erase(&s, "hcp-1", T0 + 5);
    const size_t count = seal(&s, &changes);
    bounds.high = s.changelog_next + (int64_t)count;
    nba_task_drop(s.task); /* `changes` live in the arena */
    assert_int_equal(keys_of(&s, "hcp-1"), 1);
    const enum nba_restore how = nba_task_plan_restore(s.task, &bounds, &why);
    assert_int_equal(how, NBA_RESTORE_TAIL);
    assert_ok(&s, nba_task_restore_begin(s.task, how, &bounds, &offset, &s.f.error));
    for (size_t i = 0; i < count; i++) {
        assert_ok(&s, nba_task_restore_apply(s.task, changes[i].key, changes[i].value,
                                             changes[i].deleted, offset + (int64_t)i, &s.f.error));
    }
    assert_ok(&s, nba_task_restore_end(s.task, bounds.high, &again, &s.f.error));
    assert_int_equal(keys_of(&s, "hcp-1"), 0);
    assert_true(nba_state_store_uncompacted(s.store));
    begin(&s);
    assert_true(erased_at(&s, "hcp-1") == T0 + 5);
    nba_task_drop(s.task);
    store_fixture_clear(&s);
}

static void test_no_file_has_the_id_once_the_store_is_compacted_also_after_a_crash(void **state)
{
    struct store_fixture s;
    (void)state;
    init(&s);
    for (uint64_t round = 0; round < 3; round++) { /* files of several ages */
        begin(&s);
        live(&s, "very-long-hcp-id-one", 3 * round + 1);
        live(&s, "another-long-hcp-id", 3 * round + 2);
        commit(&s);
        assert_ok(&s, nba_state_store_flush(s.store, &s.f.error));
    }
    begin(&s);
    erase(&s, "very-long-hcp-id-one", T0 + 5);
    commit(&s);
    assert_true(files_with(&s, "very-long-hcp-id-one") > 1);
    close_store(&s);
    open_store(&s);
    assert_true(nba_state_store_uncompacted(s.store)); /* still due */
    assert_ok(&s, nba_state_store_compact(s.store, &s.f.error));
    assert_false(nba_state_store_uncompacted(s.store));
    assert_int_equal(files_with(&s, "very-long-hcp-id-one"), 0);
    assert_true(files_with(&s, "another-long-hcp-id") > 0);
    close_store(&s);
    open_store(&s);
    assert_false(nba_state_store_uncompacted(s.store));
    store_fixture_clear(&s);
}

static void test_another_secret_is_refused_once_there_is_an_erased_hcp(void **state)
{
    struct store_fixture s;
    (void)state;
    init(&s);
    close_store(&s);
    s.options.secret = nba_str_of("another secret");
    open_store(&s); /* nothing is erased: nothing to compare */
    begin(&s);
    erase(&s, "hcp-1", T0);
    commit(&s);
    close_store(&s);
    s.options.secret = nba_str_of(SECRET);
    assert_ok(&s, nba_state_store_open(s.path, &s.options, &s.store, &s.f.error));
    assert_int_equal(nba_task_open(s.store, TOPIC, 0, 1, &s.task, &s.f.error), NBA_E_CONFIG);
    assert_non_null(strstr(s.f.error.message, "state.secret_file"));
    nba_state_store_close(s.store);
    s.store = NULL;
    s.options.secret = nba_str_of("another secret");
    open_store(&s);
    store_fixture_clear(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_erased_hcp_leaves_nothing_but_its_hmac_until_it_is_readmitted),
        cmocka_unit_test(test_a_restored_erasure_takes_the_keys_of_the_indexes_along),
        cmocka_unit_test(test_no_file_has_the_id_once_the_store_is_compacted_also_after_a_crash),
        cmocka_unit_test(test_another_secret_is_refused_once_there_is_an_erased_hcp),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
