/*
 * Writing and loading a release while each allocation in turn fails: it says so, leaves nothing
 * behind (the sanitizer build sees a leak), and works the next time.
 */
#include "../unit/release/release_fixture.h"

#include "fail_alloc.h"

enum { ALLOCATIONS_MAX = 200 };

static size_t entries(const char *folder)
{
    size_t count = 0;
    DIR *dir = opendir(folder);
    assert_non_null(dir);
    while (readdir(dir) != NULL) {
        count++;
    }
    (void)closedir(dir);
    return count;
}

static void test_loading_survives_the_failure_of_each_allocation(void **state)
{
    struct parts_fixture f;
    char path[512];
    fixture_init(&f);
    write_release(&f.parts, *state, path, sizeof path);
    size_t nth = 1;
    for (; nth < ALLOCATIONS_MAX; nth++) {
        struct nba_release *release = NULL;
        struct nba_error error = {0};
        fail_alloc_at(nth);
        const enum nba_status status = nba_release_load(path, nba_kernels_best(), &release, &error);
        const bool failed = fail_alloc_happened();
        fail_alloc_at(0);
        if (!failed) {
            assert_int_equal(status, NBA_OK);
            nba_release_unref(release);
            break;
        }
        assert_int_equal(status, NBA_E_NO_MEMORY);
        assert_null(release);
        assert_non_null(strstr(error.message, "memory"));
    }
    assert_in_range(nth, 8, ALLOCATIONS_MAX - 1);
}

static void test_writing_survives_the_failure_of_each_allocation(void **state)
{
    struct parts_fixture f;
    fixture_init(&f);
    size_t nth = 1;
    for (; nth < ALLOCATIONS_MAX; nth++) {
        char id[NBA_RELEASE_ID_BYTES] = "untouched";
        struct nba_error error = {0};
        fail_alloc_at(nth);
        const enum nba_status status = nba_release_write(&f.parts, *state, id, &error);
        const bool failed = fail_alloc_happened();
        fail_alloc_at(0);
        if (!failed) {
            assert_int_equal(status, NBA_OK);
            break;
        }
        if (status != NBA_OK) {
            assert_string_equal(id, "untouched");
            assert_int_equal(entries(*state), 2); /* . and .. */
        } else {
            /* libc could do without */
            struct nba_error removed;
            char path[512];
            assert_int_equal(nba_shelf_path(*state, id, path, sizeof path, &removed), NBA_OK);
            assert_int_equal(nba_file_remove_tree(path, &removed), NBA_OK);
        }
    }
    assert_in_range(nth, 4, ALLOCATIONS_MAX - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_loading_survives_the_failure_of_each_allocation,
                                        scratch_create, scratch_remove),
        cmocka_unit_test_setup_teardown(test_writing_survives_the_failure_of_each_allocation,
                                        scratch_create, scratch_remove),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
