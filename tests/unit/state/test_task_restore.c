/* Restore: what the changelog gives back is what was written, bit for bit; and when the local state
 * is not to be trusted. */
#include "store_fixture.h"

#include <dirent.h>

/* The changelog as a broker has it: every record with its offset, transactions apart by a gap. */
struct log_record {
    struct nba_str key, value;
    bool deleted;
    int64_t offset;
};

struct log {
    struct log_record records[20000];
    size_t count;
};

static struct log changelog;

static void commit_logged(struct store_fixture *s, bool write)
{
    const struct nba_change *changes = NULL;
    const size_t count = seal(s, &changes);
    for (size_t i = 0; i < count; i++) {
        assert_true(changelog.count < NBA_ARRAY_COUNT(changelog.records));
        changelog.records[changelog.count++] =
            (struct log_record){.key = nba_arena_copy(&s->f.arena, changes[i].key),
                                .value = nba_arena_copy(&s->f.arena, changes[i].value),
                                .deleted = changes[i].deleted,
                                .offset = s->changelog_next++};
    }
    s->changelog_next++;
    nba_task_set_changelog_next(s->task, s->changelog_next, T0);
    if (write) {
        assert_ok(s, nba_state_store_write(s->store, &s->task, 1, &s->f.error));
    } else {
        nba_task_drop(s->task); /* the process dies between commit and write */
    }
}

/* A random transaction; returns with it open. */
static void random_transaction(struct store_fixture *s, struct nba_rng *rng, uint64_t txn,
                               int64_t *clock_ms)
{
    begin(s);
    for (uint64_t k = 0; k < 10; k++) {
        struct nba_hcp *hcp = get(s, text_of(&s->f, "hcp-", nba_rng_below(rng, 25)).data);
        random_step(&s->f, rng, hcp, 100 + txn * 10 + k, clock_ms);
        nba_task_count(s->task, (uint32_t)(k % 3), (uint32_t)nba_rng_below(rng, 9));
    }
    if (txn % 13 == 5) {
        assert_ok(s, nba_task_delete(s->task, text_of(&s->f, "hcp-", txn % 25), &s->f.error));
    }
    nba_task_meta(s->task)->input_next = (int64_t)txn + 1;
    nba_task_meta(s->task)->wall_clock_ms = *clock_ms;
}

static void restore(struct store_fixture *s, enum nba_restore how, size_t upto, bool *ret_again)
{
    const struct nba_changelog_bounds bounds = {.now_ms = T0};
    int64_t from = 0;
    assert_ok(s, nba_task_restore_begin(s->task, how, &bounds, &from, &s->f.error));
    for (size_t i = 0; i < upto; i++) {
        const struct log_record *record = &changelog.records[i];
        if (record->offset >= from) {
            assert_ok(s, nba_task_restore_apply(s->task, record->key, record->value,
                                                record->deleted, record->offset, &s->f.error));
        }
    }
    assert_ok(s, nba_task_restore_end(s->task, s->changelog_next, ret_again, &s->f.error));
}

struct probe {
    char hash[NBA_SHA256_TEXT_BYTES];
    struct nba_meta meta;
    uint32_t tallies[9];
    char timers[65536];
};

/* All that can be told of a task from outside. */
static void look(struct store_fixture *s, struct probe *ret_probe)
{
    static const uint32_t contents[9] = {0, 1, 2, 3, 4, 5, 6, 7, 8};
    size_t length = 0;
    memset(ret_probe, 0, sizeof(*ret_probe));
    hash_of(s, ret_probe->hash);
    ret_probe->meta = *nba_task_committed_meta(s->task);
    nba_task_counts(s->task, 1, contents, 9, ret_probe->tallies);
    begin(s);
    for (bool found = true; found;) {
        struct nba_hcp *hcp = NULL;
        struct nba_timer timer;
        assert_ok(s, nba_task_next_timer(s->task, INT64_MAX, &found, &hcp, &timer, &s->f.error));
        if (found) {
            length += (size_t)snprintf(
                ret_probe->timers + length, sizeof(ret_probe->timers) - length, "%lld %.*s %.*s\n",
                (long long)timer.due_ms, NBA_STR_ARG(hcp->hcp_id), NBA_STR_ARG(timer.id));
        }
    }
    nba_task_drop(s->task);
}

static void assert_same(const struct probe *a, const struct probe *b)
{
    assert_string_equal(a->hash, b->hash);
    assert_string_equal(a->timers, b->timers);
    assert_memory_equal(a->tallies, b->tallies, sizeof(a->tallies));
    assert_int_equal(a->meta.input_next, b->meta.input_next);
    assert_int_equal(a->meta.txn_seq, b->meta.txn_seq);
    assert_int_equal(a->meta.changelog_next, b->meta.changelog_next);
    assert_true(a->meta.wall_clock_ms == b->meta.wall_clock_ms);
}

static void assert_restored(struct store_fixture *s, enum nba_restore how, const struct probe *live)
{
    static struct probe restored;
    bool again = true;
    restore(s, how, changelog.count, &again);
    assert_false(again);
    look(s, &restored);
    assert_same(live, &restored);
}

/* What the changelog gives to an empty store is what this one holds; a second time too, over
 * half of it. */
static void assert_the_log_gives(struct store_fixture *s, const struct probe *live)
{
    struct store_fixture other;
    bool again = true;
    store_fixture_init(&other, 1u << 20);
    other.changelog_next = s->changelog_next;
    assert_restored(&other, NBA_RESTORE_WHOLE, live);
    restore(&other, NBA_RESTORE_WHOLE, changelog.count / 2, &again);
    assert_restored(&other, NBA_RESTORE_WHOLE, live);
    store_fixture_clear(&other);
}

static void test_a_whole_restore_equals_the_live_state(void **state)
{
    static struct probe live;
    struct store_fixture s;
    struct nba_rng rng = nba_rng(1);
    int64_t clock_ms = T0;
    (void)state;
    changelog.count = 0;
    store_fixture_init(&s, 16u * 1024);
    for (uint64_t txn = 0; txn < 120; txn++) {
        random_transaction(&s, &rng, txn, &clock_ms);
        commit_logged(&s, true);
    }
    look(&s, &live);
    assert_true(strlen(live.timers) > 100);
    assert_the_log_gives(&s, &live);
    store_fixture_clear(&s);
}

static void test_an_hcp_that_was_forgotten_does_not_come_back(void **state)
{
    static struct probe live;
    struct store_fixture s;
    struct store_fixture other;
    bool again = true;
    (void)state;
    changelog.count = 0;
    store_fixture_init(&s, 1u << 20);
    begin(&s);
    portal_login(&s, "hcp-1", 1);
    portal_login(&s, "hcp-2", 2);
    commit_logged(&s, true);
    store_fixture_init(&other, 1u << 20);
    other.changelog_next = s.changelog_next;
    restore(&other, NBA_RESTORE_WHOLE, changelog.count, &again);
    begin(&s);
    assert_ok(&s, nba_task_delete(s.task, nba_str_of("hcp-1"), &s.f.error));
    commit_logged(&s, true);
    look(&s, &live);
    other.changelog_next = s.changelog_next;
    assert_restored(&other, NBA_RESTORE_TAIL, &live);
    assert_restored(&other, NBA_RESTORE_WHOLE, &live);
    store_fixture_clear(&other);
    store_fixture_clear(&s);
}

static void test_the_tail_brings_back_what_was_committed_but_not_written(void **state)
{
    static struct probe live;
    struct store_fixture s;
    bool again = true;
    (void)state;
    for (uint64_t lost = 0; lost < 3; lost++) {
        struct nba_rng rng = nba_rng(2 + lost);
        int64_t clock_ms = T0;
        changelog.count = 0;
        store_fixture_init(&s, 1u << 20);
        for (uint64_t txn = 0; txn < 40; txn++) {
            random_transaction(&s, &rng, txn, &clock_ms);
            const bool write = txn % 10 != 9;
            commit_logged(&s, write);
            if (!write) {
                close_store(&s);
                open_store(&s);
                restore(&s, NBA_RESTORE_TAIL, changelog.count, &again);
                assert_false(again);
            }
        }
        look(&s, &live);
        assert_int_equal(live.meta.input_next, 40);
        assert_the_log_gives(&s, &live);
        store_fixture_clear(&s);
    }
}

static void test_a_log_with_an_older_meta_than_ours_asks_for_a_whole_restore(void **state)
{
    struct store_fixture s;
    struct nba_rng rng = nba_rng(3);
    int64_t clock_ms = T0;
    bool again = false;
    (void)state;
    changelog.count = 0;
    store_fixture_init(&s, 1u << 20);
    for (uint64_t txn = 0; txn < 5; txn++) {
        random_transaction(&s, &rng, txn, &clock_ms);
        commit_logged(&s, true);
    }
    /* The log was replaced: old records under offsets we haven't read. */
    for (size_t i = 0; i < changelog.count; i++) {
        changelog.records[i].offset += s.changelog_next;
    }
    changelog.count /= 2;
    s.changelog_next *= 2;
    restore(&s, NBA_RESTORE_TAIL, changelog.count, &again);
    assert_true(again);
    restore(&s, NBA_RESTORE_WHOLE, changelog.count, &again);
    assert_false(again);
    assert_true(nba_task_committed_meta(s.task)->txn_seq < 5);
    store_fixture_clear(&s);
}

static void test_the_plan_is_whole_when_log_and_state_cannot_meet(void **state)
{
    struct store_fixture s;
    const char *why = NULL;
    struct nba_changelog_bounds bounds = {0, 100, T0, DAY};
    (void)state;
    store_fixture_init(&s, 1u << 20);
    assert_int_equal(nba_task_plan_restore(s.task, &bounds, &why), NBA_RESTORE_WHOLE);
    assert_string_equal(why, "no local state");
    begin(&s);
    s.changelog_next = 50;
    commit(&s); /* changelog_next = 52 */
    assert_int_equal(nba_task_plan_restore(s.task, &bounds, &why), NBA_RESTORE_TAIL);
    bounds.low = 52;
    assert_int_equal(nba_task_plan_restore(s.task, &bounds, &why), NBA_RESTORE_TAIL);
    bounds.low = 53;
    assert_int_equal(nba_task_plan_restore(s.task, &bounds, &why), NBA_RESTORE_WHOLE);
    bounds.low = 0;
    bounds.high = 51;
    assert_int_equal(nba_task_plan_restore(s.task, &bounds, &why), NBA_RESTORE_WHOLE);
    bounds.high = 100;
    bounds.now_ms = T0 + DAY / 2;
    assert_int_equal(nba_task_plan_restore(s.task, &bounds, &why), NBA_RESTORE_TAIL);
    bounds.now_ms = T0 + DAY / 2 + 1;
    assert_int_equal(nba_task_plan_restore(s.task, &bounds, &why), NBA_RESTORE_WHOLE);
    bounds.delete_retention_ms = -1;
    assert_int_equal(nba_task_plan_restore(s.task, &bounds, &why), NBA_RESTORE_TAIL);
    store_fixture_clear(&s);
}

static void test_the_committed_offset_must_be_the_states_or_none(void **state)
{
    struct store_fixture s;
    int64_t next = -1;
    (void)state;
    store_fixture_init(&s, 1u << 20);
    assert_ok(&s, nba_task_check_committed(s.task, -1, &next, &s.f.error));
    assert_int_equal(next, 0);
    assert_int_equal(nba_task_check_committed(s.task, 7, &next, &s.f.error), NBA_E_CORRUPT);
    begin(&s);
    nba_task_meta(s.task)->input_next = 42;
    commit(&s);
    assert_ok(&s, nba_task_check_committed(s.task, 42, &next, &s.f.error));
    assert_int_equal(next, 42);
    assert_int_equal(nba_task_check_committed(s.task, 41, &next, &s.f.error), NBA_E_CORRUPT);
    assert_int_equal(nba_task_check_committed(s.task, 43, &next, &s.f.error), NBA_E_CORRUPT);
    next = 0;
    assert_ok(&s, nba_task_check_committed(s.task, -1, &next, &s.f.error));
    assert_int_equal(next, 42);
    store_fixture_clear(&s);
}

static void test_records_that_are_not_of_a_state_are_refused(void **state)
{
    struct store_fixture s;
    int64_t from = 0;
    (void)state;
    store_fixture_init(&s, 1u << 20);
    const struct nba_changelog_bounds bounds = {.low = 10};
    assert_ok(&s, nba_task_restore_begin(s.task, NBA_RESTORE_WHOLE, &bounds, &from, &s.f.error));
    assert_int_equal(from, 10);
    const struct nba_str blank = nba_str("\x01\x03\x00", 3);
    assert_int_equal(nba_task_restore_apply(s.task, nba_str_of("c"), blank, false, 10, &s.f.error),
                     NBA_E_CORRUPT);
    assert_int_equal(nba_task_restore_apply(s.task, nba_str_of("Hhcp-1"),
                                            nba_str("\x01\x04\x00", 3), false, 10, &s.f.error),
                     NBA_E_CORRUPT);
    assert_int_equal(nba_task_restore_apply(s.task, nba_str_of("Mm"), blank, false, 10, &s.f.error),
                     NBA_E_CORRUPT);
    assert_int_equal(
        nba_task_restore_apply(s.task, nba_str_of("Hhcp-1"), blank, false, 9, &s.f.error),
        NBA_E_CORRUPT);
    assert_ok(&s,
              nba_task_restore_apply(s.task, nba_str_of("Hhcp-1"), blank, false, 10, &s.f.error));
    bool again = true;
    assert_ok(&s, nba_task_restore_end(s.task, 11, &again, &s.f.error));
    store_fixture_clear(&s);
}

static void test_meta_survives_its_encoding_and_every_truncation_is_corrupt(void **state)
{
    struct nba_meta meta;
    struct nba_meta read;
    struct nba_error error;
    struct nba_buf buf;
    (void)state;
    nba_meta_init(&meta, 12);
    nba_buf_init(&buf, 8192);
    meta.input_next = INT64_MAX;
    meta.txn_seq = UINT64_MAX;
    meta.watermark_ms = -5;
    meta.silence_ms = -5;
    assert_true(nba_meta_set_text(meta.release_champion, nba_str_of("release")));
    char longest[NBA_META_TEXT_BYTES];
    memset(longest, 'x', sizeof(longest));
    assert_true(nba_meta_set_text(meta.tzdata_version, nba_str(longest, sizeof(longest) - 1)));
    assert_false(nba_meta_set_text(meta.tzdata_version, nba_str(longest, sizeof(longest))));
    assert_false(nba_meta_set_text(meta.tzdata_version, nba_str("a\0b", 3)));
    nba_meta_encode(&meta, &buf);
    assert_int_equal(nba_meta_decode(nba_buf_str(&buf), &read, &error), NBA_OK);
    struct nba_buf again;
    nba_buf_init(&again, 8192);
    nba_meta_encode(&read, &again);
    assert_bytes_equal(nba_buf_str(&again), nba_buf_str(&buf));
    assert_true(read.input_next == INT64_MAX && read.txn_seq == UINT64_MAX);
    assert_string_equal(read.release_champion, "release");
    nba_buf_clear(&again);
    for (size_t length = 0; length < buf.bytes; length++) {
        assert_int_equal(nba_meta_decode(nba_str((const char *)buf.data, length), &read, &error),
                         NBA_E_CORRUPT);
    }
    /* The clock of silence where it is another one, and as a program that knows none left it. */
    assert_true(read.silence_ms == -5);
    meta.silence_ms = -DAY;
    nba_buf_init(&again, 8192);
    nba_meta_encode(&meta, &again);
    assert_int_equal(again.bytes, buf.bytes + 8);
    assert_int_equal(nba_meta_decode(nba_buf_str(&again), &read, &error), NBA_OK);
    assert_true(read.silence_ms == -DAY);
    nba_buf_clear(&again);
    /* Passed over when another version wrote more. */
    assert_int_equal(buf.data[buf.bytes - 1], 0);
    buf.data[buf.bytes - 1] = 3;
    nba_buf_append(&buf, "t\0\1", 3);
    memset(&read, 0, sizeof(read));
    assert_int_equal(nba_meta_decode(nba_buf_str(&buf), &read, &error), NBA_OK);
    assert_string_equal(read.release_champion, "release");
    buf.data[0] = NBA_STATE_FORMAT + 1;
    assert_int_equal(nba_meta_decode(nba_buf_str(&buf), &read, &error), NBA_E_VERSION);
    nba_buf_clear(&buf);
}

static void test_side_inputs_are_adopted_only_when_they_differ(void **state)
{
    struct nba_meta meta;
    struct nba_journal now = {
        .catalog_next = 3, .policy_hash = nba_str_of("p"), .wall_clock_ms = 7};
    struct nba_error error;
    (void)state;
    nba_meta_init(&meta, 1);
    assert_true(nba_meta_differs(&meta, &now));
    assert_int_equal(nba_meta_adopt(&meta, &now, &error), NBA_OK);
    assert_false(nba_meta_differs(&meta, &now));
    now.release_challenger = nba_str_of("r");
    assert_true(nba_meta_differs(&meta, &now));
}

static void copy_files(const char *from, const char *to)
{
    struct nba_buf bytes;
    nba_buf_init(&bytes, (size_t)64 << 20);
    assert_int_equal(nba_file_remove_tree(to, NULL), NBA_OK);
    assert_int_equal(nba_file_make_dirs(to, NULL), NBA_OK);
    DIR *dir = opendir(from);
    assert_non_null(dir);
    for (const struct dirent *entry = readdir(dir); entry != NULL; entry = readdir(dir)) {
        char path[512];
        (void)snprintf(path, sizeof(path), "%s/%s", from, entry->d_name);
        nba_buf_reset(&bytes);
        if (nba_file_read(path, &bytes, NULL) == NBA_OK) {
            (void)snprintf(path, sizeof(path), "%s/%s", to, entry->d_name);
            assert_int_equal(nba_file_write(path, nba_buf_str(&bytes), NULL), NBA_OK);
        }
    }
    (void)closedir(dir);
    nba_buf_clear(&bytes);
}

/* CURRENT names the manifest, and each change of the set of files makes a new one. */
static void read_current(const char *dir, struct nba_buf *ret)
{
    char path[512];
    (void)snprintf(path, sizeof(path), "%s/CURRENT", dir);
    nba_buf_reset(ret);
    assert_int_equal(nba_file_read(path, ret, NULL), NBA_OK);
}

/* What a kill would leave: a copy of the files, taken while the store is open, and taken again
 * where RocksDB changed their set meanwhile. */
static void copy_as_killed(const struct store_fixture *s, struct store_fixture *ret_copy)
{
    struct nba_buf before;
    struct nba_buf after;
    nba_buf_init(&before, 4096);
    nba_buf_init(&after, 4096);
    store_fixture_init(ret_copy, 1u << 20);
    close_store(ret_copy);
    do {
        read_current(s->path, &before);
        copy_files(s->path, ret_copy->path);
        read_current(s->path, &after);
    } while (!nba_str_equal(nba_buf_str(&before), nba_buf_str(&after)));
    nba_buf_clear(&before);
    nba_buf_clear(&after);
    open_store(ret_copy);
}

static void assert_the_tail_mends_a_copy(const struct store_fixture *s, const struct probe *live)
{
    struct store_fixture copy;
    copy_as_killed(s, &copy);
    const struct nba_changelog_bounds bounds = {.high = INT64_MAX, .now_ms = T0};
    const char *why = NULL;
    const enum nba_restore how = nba_task_plan_restore(copy.task, &bounds, &why);
    copy.changelog_next = changelog.records[changelog.count - 1].offset + 2;
    assert_restored(&copy, how, live);
    store_fixture_clear(&copy);
}

/* Wherever a whole restore ends, also after the first transaction behind it: what is left is
 * brought up to the live state from where it stands. */
static void test_a_kill_in_or_after_a_whole_restore_loses_nothing(void **state)
{
    static struct probe live;
    const struct nba_changelog_bounds bounds = {.now_ms = T0};
    struct store_fixture s;
    struct store_fixture other;
    struct nba_rng rng = nba_rng(9);
    int64_t clock_ms = T0;
    int64_t from = 0;
    bool again = true;
    (void)state;
    changelog.count = 0;
    store_fixture_init(&s, 1u << 20);
    for (uint64_t txn = 0; txn < 600; txn++) {
        random_transaction(&s, &rng, txn, &clock_ms);
        commit_logged(&s, true);
    }
    look(&s, &live);
    store_fixture_init(&other, 1u << 20);
    other.changelog_next = s.changelog_next;
    assert_ok(&other, nba_task_restore_begin(other.task, NBA_RESTORE_WHOLE, &bounds, &from,
                                             &other.f.error));
    for (size_t i = 0; i < changelog.count; i++) {
        const struct log_record *r = &changelog.records[i];
        assert_ok(&other, nba_task_restore_apply(other.task, r->key, r->value, r->deleted,
                                                 r->offset, &other.f.error));
        if (i % 2500 == 2400) {
            assert_the_tail_mends_a_copy(&other, &live);
        }
    }
    assert_ok(&other, nba_task_restore_end(other.task, s.changelog_next, &again, &other.f.error));
    begin(&s);
    portal_login(&s, "hcp-1", 9999);
    commit_logged(&s, true);
    look(&s, &live);
    begin(&other);
    portal_login(&other, "hcp-1", 9999);
    commit(&other);
    assert_the_tail_mends_a_copy(&other, &live);
    store_fixture_clear(&other);
    store_fixture_clear(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_whole_restore_equals_the_live_state),
        cmocka_unit_test(test_an_hcp_that_was_forgotten_does_not_come_back),
        cmocka_unit_test(test_the_tail_brings_back_what_was_committed_but_not_written),
        cmocka_unit_test(test_a_kill_in_or_after_a_whole_restore_loses_nothing),
        cmocka_unit_test(test_a_log_with_an_older_meta_than_ours_asks_for_a_whole_restore),
        cmocka_unit_test(test_the_plan_is_whole_when_log_and_state_cannot_meet),
        cmocka_unit_test(test_the_committed_offset_must_be_the_states_or_none),
        cmocka_unit_test(test_records_that_are_not_of_a_state_are_refused),
        cmocka_unit_test(test_meta_survives_its_encoding_and_every_truncation_is_corrupt),
        cmocka_unit_test(test_side_inputs_are_adopted_only_when_they_differ),
    };
    return cmocka_run_group_tests_name("unit.state.task_restore", tests, NULL, NULL);
}
