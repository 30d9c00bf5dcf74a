/* The store: batches are whole, bounds hold, snapshots stand still, a second writer is refused. */
#include "nba_test.h"

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include "nba/base/compiler.h"
#include "nba/base/file.h"
#include "nba/base/memory.h"
#include "nba/base/random.h"
#include "nba/kv/kv.h"

struct fixture {
    char dir[64];
    char path[128];
    struct nba_kv *kv;
    struct nba_kv_cf *cf;
    struct nba_kv_batch *batch;
};

static const struct nba_kv_options create = {.create = true};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    (void)snprintf(f->dir, sizeof(f->dir), "/tmp/nba-kv-XXXXXX");
    assert_non_null(mkdtemp(f->dir));
    (void)snprintf(f->path, sizeof(f->path), "%s/store", f->dir);
    assert_int_equal(nba_kv_open(f->path, &create, &f->kv, NULL), NBA_OK);
    assert_int_equal(nba_kv_cf_open(f->kv, "one", &f->cf, NULL), NBA_OK);
    f->batch = nba_kv_batch_create();
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    nba_kv_batch_destroy(f->batch);
    nba_kv_close(f->kv);
    assert_int_equal(nba_file_remove_tree(f->dir, NULL), NBA_OK);
    free(f);
    return 0;
}

static void put(struct fixture *f, struct nba_kv_cf *cf, const char *key, const char *value)
{
    nba_kv_batch_put(f->batch, cf, nba_str_of(key), nba_str_of(value));
}

static void write_batch(struct fixture *f)
{
    assert_int_equal(nba_kv_write(f->kv, f->batch, NULL), NBA_OK);
    nba_kv_batch_reset(f->batch);
}

/* What stands under `key`, "-" for nothing; good until the next call. */
static const char *get_at(struct nba_kv *kv, struct nba_kv_cf *cf, const char *key)
{
    static char text[64];
    struct nba_buf buf;
    bool found = false;
    nba_buf_init(&buf, sizeof(text) - 1);
    assert_int_equal(nba_kv_get(kv, cf, nba_str_of(key), &buf, &found, NULL), NBA_OK);
    (void)snprintf(text, sizeof(text), "%.*s", found ? (int)buf.bytes : 1,
                   found ? (buf.bytes != 0 ? (char *)buf.data : "") : "-");
    nba_buf_clear(&buf);
    return text;
}

static const char *get(struct fixture *f, const char *key)
{
    return get_at(f->kv, f->cf, key);
}

static void reopen(struct fixture *f)
{
    nba_kv_close(f->kv);
    f->kv = NULL;
    assert_int_equal(nba_kv_open(f->path, &create, &f->kv, NULL), NBA_OK);
    assert_int_equal(nba_kv_cf_open(f->kv, "one", &f->cf, NULL), NBA_OK);
}

static void test_a_batch_is_seen_whole_and_survives_closing(void **state)
{
    struct fixture *f = *state;
    struct nba_kv_cf *two = NULL;
    assert_int_equal(nba_kv_cf_open(f->kv, "two", &two, NULL), NBA_OK);
    put(f, f->cf, "a", "1");
    put(f, two, "a", "2");
    put(f, f->cf, "empty", "");
    assert_int_equal(nba_kv_batch_count(f->batch), 3);
    assert_string_equal(get(f, "a"), "-");
    write_batch(f);
    assert_string_equal(get(f, "a"), "1");
    assert_string_equal(get_at(f->kv, two, "a"), "2");
    reopen(f);
    assert_string_equal(get(f, "a"), "1");
    assert_string_equal(get(f, "empty"), "");
    assert_string_equal(get(f, "none"), "-");
}

static void test_a_later_change_in_a_batch_wins(void **state)
{
    struct fixture *f = *state;
    put(f, f->cf, "a", "1");
    nba_kv_batch_delete(f->batch, f->cf, nba_str_of("a"));
    put(f, f->cf, "b", "1");
    put(f, f->cf, "b", "2");
    write_batch(f);
    assert_string_equal(get(f, "a"), "-");
    assert_string_equal(get(f, "b"), "2");
}

static void test_get_appends_and_refuses_what_does_not_fit(void **state)
{
    struct fixture *f = *state;
    struct nba_buf buf;
    bool found = false;
    put(f, f->cf, "a", "12345678");
    write_batch(f);
    nba_buf_init(&buf, 10);
    nba_buf_append(&buf, "x", 1);
    assert_int_equal(nba_kv_get(f->kv, f->cf, nba_str_of("a"), &buf, &found, NULL), NBA_OK);
    assert_str_equal(nba_buf_str(&buf), "x12345678");
    found = false;
    assert_int_equal(nba_kv_get(f->kv, f->cf, nba_str_of("a"), &buf, &found, NULL), NBA_E_LIMIT);
    assert_false(found);
    nba_buf_clear(&buf);
}

static void test_an_iterator_keeps_within_its_bounds(void **state)
{
    struct fixture *f = *state;
    put(f, f->cf, "a", "1");
    put(f, f->cf, "b", "2");
    put(f, f->cf, "c", "3");
    put(f, f->cf, "d", "4");
    write_batch(f);
    struct nba_kv_iter *iter =
        nba_kv_iter_create(f->kv, f->cf, NULL, nba_str_of("b"), nba_str_of("d"));
    nba_kv_iter_seek(iter, nba_str_of("a"));
    assert_str_equal(nba_kv_iter_key(iter), "b");
    nba_kv_iter_next(iter);
    assert_str_equal(nba_kv_iter_value(iter), "3");
    nba_kv_iter_next(iter);
    assert_false(nba_kv_iter_valid(iter));
    assert_int_equal(nba_kv_iter_status(iter, NULL), NBA_OK);
    nba_kv_iter_destroy(iter);
}

static void test_a_snapshot_stands_still(void **state)
{
    struct fixture *f = *state;
    put(f, f->cf, "a", "old");
    write_batch(f);
    struct nba_kv_snapshot *snapshot = nba_kv_snapshot_create(f->kv);
    put(f, f->cf, "a", "new");
    put(f, f->cf, "b", "new");
    write_batch(f);
    assert_string_equal(get(f, "a"), "new");
    struct nba_kv_iter *iter =
        nba_kv_iter_create(f->kv, f->cf, snapshot, nba_str_of(""), nba_str_of(""));
    nba_kv_iter_seek(iter, nba_str_of(""));
    assert_str_equal(nba_kv_iter_value(iter), "old");
    nba_kv_iter_next(iter);
    assert_false(nba_kv_iter_valid(iter));
    nba_kv_iter_destroy(iter);
    nba_kv_snapshot_destroy(f->kv, snapshot);
}

static void count_name(void *context, const char *name)
{
    assert_string_not_equal(name, "default");
    ++*(int *)context;
}

static void test_a_dropped_column_family_is_gone_also_after_opening(void **state)
{
    struct fixture *f = *state;
    struct nba_kv_cf *two = NULL;
    struct nba_kv_cf *again = NULL;
    int names = 0;
    assert_int_equal(nba_kv_cf_open(f->kv, "two", &two, NULL), NBA_OK);
    assert_int_equal(nba_kv_cf_open(f->kv, "two", &again, NULL), NBA_OK);
    assert_ptr_equal(two, again);
    put(f, two, "a", "1");
    write_batch(f);
    assert_int_equal(nba_kv_cf_drop(f->kv, two, NULL), NBA_OK);
    reopen(f);
    nba_kv_cf_names(f->kv, count_name, &names);
    assert_int_equal(names, 1);
    assert_int_equal(nba_kv_cf_open(f->kv, "two", &two, NULL), NBA_OK);
    assert_string_equal(get_at(f->kv, two, "a"), "-");
}

static void test_a_second_writer_is_busy_and_no_store_is_not_found(void **state)
{
    struct fixture *f = *state;
    struct nba_kv *other = NULL;
    struct nba_error error;
    assert_int_equal(nba_kv_open(f->path, &create, &other, &error), NBA_E_BUSY);
    const struct nba_kv_options open = {.create = false};
    assert_int_equal(nba_kv_open(f->dir, &open, &other, &error), NBA_E_NOT_FOUND);
    assert_null(other);
}

static void test_a_secondary_follows_the_writer_when_refreshed(void **state)
{
    struct fixture *f = *state;
    struct nba_kv *reader = NULL;
    struct nba_kv_cf *cf = NULL;
    const struct nba_kv_options second = {.secondary = true};
    put(f, f->cf, "a", "1");
    write_batch(f);
    assert_int_equal(nba_kv_open(f->path, &second, &reader, NULL), NBA_OK);
    assert_int_equal(nba_kv_cf_open(reader, "one", &cf, NULL), NBA_OK);
    assert_int_equal(nba_kv_cf_open(reader, "none", &cf, NULL), NBA_E_NOT_FOUND);
    assert_string_equal(get_at(reader, cf, "a"), "1");
    put(f, f->cf, "a", "2");
    write_batch(f);
    assert_string_equal(get_at(reader, cf, "a"), "1");
    assert_int_equal(nba_kv_refresh(reader, NULL), NBA_OK);
    assert_string_equal(get_at(reader, cf, "a"), "2");
    assert_int_equal(nba_kv_flush(f->kv, NULL), NBA_OK);
    put(f, f->cf, "a", "3");
    write_batch(f);
    assert_int_equal(nba_kv_refresh(reader, NULL), NBA_OK);
    assert_string_equal(get_at(reader, cf, "a"), "3");
    nba_kv_close(reader);
}

static void test_a_checkpoint_is_a_store_of_that_moment(void **state)
{
    struct fixture *f = *state;
    char path[128];
    struct nba_kv *copy = NULL;
    struct nba_kv_cf *cf = NULL;
    put(f, f->cf, "a", "1");
    write_batch(f);
    (void)snprintf(path, sizeof(path), "%s/copy", f->dir);
    assert_int_equal(nba_kv_checkpoint(f->kv, path, NULL), NBA_OK);
    put(f, f->cf, "a", "2");
    write_batch(f);
    assert_int_equal(nba_kv_open(path, &create, &copy, NULL), NBA_OK);
    assert_int_equal(nba_kv_cf_open(copy, "one", &cf, NULL), NBA_OK);
    assert_string_equal(get_at(copy, cf, "a"), "1");
    nba_kv_close(copy);
}

/* Writes over one byte of every table file. */
static void damage_tables(const char *path)
{
    DIR *dir = opendir(path);
    const struct dirent *entry = NULL;
    int damaged = 0;
    assert_non_null(dir);
    while ((entry = readdir(dir)) != NULL) {
        const size_t length = strlen(entry->d_name);
        if (length > 4 && strcmp(entry->d_name + length - 4, ".sst") == 0) {
            const int file = openat(dirfd(dir), entry->d_name, O_WRONLY);
            assert_true(file >= 0);
            assert_int_equal(pwrite(file, "\xff", 1, 20), 1);
            assert_int_equal(close(file), 0);
            damaged++;
        }
    }
    assert_true(damaged > 0);
    assert_int_equal(closedir(dir), 0);
}

static void test_writes_larger_than_a_buffer_keep_to_the_bound(void **state)
{
    static const struct nba_kv_options small = {.create = true, .write_buffer_bytes = 1u << 20};
    struct fixture *f = *state;
    struct nba_kv_usage usage;
    struct nba_kv_cf *cf = NULL;
    const size_t bytes = 3200;
    char *value = nba_zeros(bytes, 1);
    nba_kv_close(f->kv);
    assert_int_equal(nba_kv_open(f->path, &small, &f->kv, NULL), NBA_OK);
    assert_int_equal(nba_kv_cf_open(f->kv, "large", &cf, NULL), NBA_OK);
    for (uint32_t round = 0; round < 20; round++) {
        const uint32_t count = round % 2 == 0 ? 255 : 150; /* 816 and 480 kB */
        for (uint32_t i = 0; i < count; i++) {
            char key[16];
            (void)snprintf(key, sizeof(key), "%u-%u", (unsigned)round, (unsigned)i);
            nba_kv_batch_put(f->batch, cf, nba_str_of(key), nba_str(value, bytes));
        }
        write_batch(f);
        nba_kv_usage(f->kv, &usage);
        assert_true(usage.write_buffer_bytes <= small.write_buffer_bytes);
    }
    free(value);
}

static void test_block_cache_and_write_buffers_keep_to_their_bounds(void **state)
{
    static const struct nba_kv_options small = {
        .create = true, .block_cache_bytes = 2u << 20, .write_buffer_bytes = 2u << 20};
    struct fixture *f = *state;
    struct nba_kv_usage usage;
    struct nba_kv_cf *cfs[6];
    char value[4000];
    nba_kv_close(f->kv);
    assert_int_equal(nba_kv_open(f->path, &small, &f->kv, NULL), NBA_OK);
    for (uint32_t i = 0; i < NBA_ARRAY_COUNT(cfs); i++) {
        const char name[] = {(char)('a' + i), '\0'};
        assert_int_equal(nba_kv_cf_open(f->kv, name, &cfs[i], NULL), NBA_OK);
    }
    struct nba_rng rng = nba_rng(1);
    for (uint32_t round = 0; round < 250; round++) {
        char key[16];
        for (uint32_t i = 0; i < 12; i++) {
            for (size_t k = 0; k + 8 <= sizeof(value); k += 8) {
                const uint64_t random = nba_rng_next(&rng);
                memcpy(value + k, &random, 8);
            }
            (void)snprintf(key, sizeof(key), "%08x", (unsigned)nba_rng_next(&rng));
            nba_kv_batch_put(f->batch, cfs[i % 6], nba_str_of(key), nba_str(value, sizeof(value)));
        }
        write_batch(f);
        nba_kv_usage(f->kv, &usage);
        assert_true(usage.write_buffer_bytes > 0);
        assert_true(usage.write_buffer_bytes <= small.write_buffer_bytes + (128u << 10));
        assert_true(usage.block_cache_bytes <= small.block_cache_bytes);
    }
    struct nba_kv_iter *iter =
        nba_kv_iter_create(f->kv, cfs[0], NULL, nba_str(NULL, 0), nba_str(NULL, 0));
    for (nba_kv_iter_seek(iter, nba_str("", 0)); nba_kv_iter_valid(iter); nba_kv_iter_next(iter)) {
    }
    nba_kv_iter_destroy(iter);
    nba_kv_usage(f->kv, &usage);
    assert_true(usage.block_cache_bytes > small.block_cache_bytes / 2);
    assert_true(usage.block_cache_bytes <= small.block_cache_bytes);
}

static void test_a_damaged_table_is_told_as_corrupt(void **state)
{
    struct fixture *f = *state;
    struct nba_buf buf;
    bool found = false;
    for (int i = 0; i < 100; i++) {
        char key[16];
        (void)snprintf(key, sizeof(key), "key%d", i);
        put(f, f->cf, key, "a value that takes some room in the block");
    }
    write_batch(f);
    assert_int_equal(nba_kv_flush(f->kv, NULL), NBA_OK);
    nba_kv_close(f->kv);
    f->kv = NULL;
    damage_tables(f->path);
    nba_buf_init(&buf, 1000);
    enum nba_status status = nba_kv_open(f->path, &create, &f->kv, NULL);
    if (status == NBA_OK) {
        assert_int_equal(nba_kv_cf_open(f->kv, "one", &f->cf, NULL), NBA_OK);
        status = nba_kv_get(f->kv, f->cf, nba_str_of("key0"), &buf, &found, NULL);
    }
    assert_int_equal(status, NBA_E_CORRUPT);
    nba_buf_clear(&buf);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_a_batch_is_seen_whole_and_survives_closing),
        CASE(test_a_later_change_in_a_batch_wins),
        CASE(test_get_appends_and_refuses_what_does_not_fit),
        CASE(test_an_iterator_keeps_within_its_bounds),
        CASE(test_a_snapshot_stands_still),
        CASE(test_a_dropped_column_family_is_gone_also_after_opening),
        CASE(test_a_second_writer_is_busy_and_no_store_is_not_found),
        CASE(test_a_secondary_follows_the_writer_when_refreshed),
        CASE(test_a_checkpoint_is_a_store_of_that_moment),
        CASE(test_writes_larger_than_a_buffer_keep_to_the_bound),
        CASE(test_block_cache_and_write_buffers_keep_to_their_bounds),
        CASE(test_a_damaged_table_is_told_as_corrupt),
    };
    return cmocka_run_group_tests_name("unit.kv.kv", tests, NULL, NULL);
}
