/* The shelf: which releases there are, which one is champion, and their texts. */
#include "release_fixture.h"

#define PATH_BYTES 512

static void collect(void *context, const char *id)
{
    char *ids = context;
    (void)strncat(ids, id, 64);
    (void)strncat(ids, " ", 2);
}

static void test_a_missing_folder_is_an_empty_shelf(void **state)
{
    char path[PATH_BYTES];
    char ids[64] = "";
    char id[NBA_RELEASE_ID_BYTES];
    struct nba_error error;
    (void)snprintf(path, sizeof path, "%s/none", (const char *)*state);
    assert_int_equal(nba_shelf_list(path, collect, ids, &error), NBA_OK);
    assert_string_equal(ids, "");
    assert_int_equal(nba_shelf_champion(path, id, &error), NBA_E_NOT_FOUND);
}

static void test_the_list_is_ascending_and_passes_over_other_names(void **state)
{
    struct parts_fixture f;
    char path[PATH_BYTES];
    char ids[512] = "";
    struct nba_error error;
    fixture_init(&f);
    for (int i = 0; i < 3; i++) {
        f.popularity[0]++;
        write_release(&f.parts, *state, path, sizeof path);
    }
    (void)snprintf(path, sizeof path, "%s/.release-abcdef", (const char *)*state);
    assert_int_equal(mkdir(path, 0700), 0);
    assert_int_equal(nba_shelf_list(*state, collect, ids, &error), NBA_OK);
    assert_int_equal(strlen(ids), 3 * 65);
    assert_true(memcmp(ids, ids + 65, 64) < 0 && memcmp(ids + 65, ids + 130, 64) < 0);
}

static void test_the_champion_is_the_one_that_was_chosen_last(void **state)
{
    struct parts_fixture f;
    char path[PATH_BYTES];
    char other[PATH_BYTES];
    char id[NBA_RELEASE_ID_BYTES];
    struct nba_error error;
    fixture_init(&f);
    write_release(&f.parts, *state, path, sizeof path);
    f.popularity[0]++;
    write_release(&f.parts, *state, other, sizeof other);
    assert_int_equal(nba_shelf_set_champion(*state, strrchr(path, '/') + 1, &error), NBA_OK);
    assert_int_equal(nba_shelf_champion(*state, id, &error), NBA_OK);
    assert_string_equal(id, strrchr(path, '/') + 1);
    assert_int_equal(nba_shelf_former(*state, id, &error), NBA_E_NOT_FOUND);
    assert_int_equal(nba_shelf_set_champion(*state, strrchr(other, '/') + 1, &error), NBA_OK);
    assert_int_equal(nba_shelf_champion(*state, id, &error), NBA_OK);
    assert_string_equal(id, strrchr(other, '/') + 1);
    /* Chosen again it stays, and so does the one before it. */
    assert_int_equal(nba_shelf_set_champion(*state, strrchr(other, '/') + 1, &error), NBA_OK);
    assert_int_equal(nba_shelf_former(*state, id, &error), NBA_OK);
    assert_string_equal(id, strrchr(path, '/') + 1);
}

static void test_a_champion_written_by_hand_has_no_former_one_and_a_bad_one_is_told(void **state)
{
    char hand[2 * NBA_RELEASE_ID_BYTES + 8];
    char id[NBA_RELEASE_ID_BYTES];
    struct nba_error error;
    (void)snprintf(hand, sizeof hand, "%064d", 5); /* no newline */
    write_file(*state, "champion", nba_str_of(hand));
    assert_int_equal(nba_shelf_champion(*state, id, &error), NBA_OK);
    assert_int_equal(nba_shelf_former(*state, id, &error), NBA_E_NOT_FOUND);
    (void)snprintf(hand, sizeof hand, "%064d\n%063d\n", 5, 6);
    write_file(*state, "champion", nba_str_of(hand));
    assert_int_equal(nba_shelf_champion(*state, id, &error), NBA_OK);
    assert_int_equal(nba_shelf_former(*state, id, &error), NBA_E_CORRUPT);
    (void)snprintf(hand, sizeof hand, "%064d%02d\n", 5, 6);
    write_file(*state, "champion", nba_str_of(hand));
    assert_int_equal(nba_shelf_champion(*state, id, &error), NBA_E_CORRUPT);
}

static void test_a_champion_must_be_there_and_be_an_id(void **state)
{
    char id[NBA_RELEASE_ID_BYTES] = "untouched";
    struct nba_error error;
    char absent[NBA_RELEASE_ID_BYTES];
    (void)snprintf(absent, sizeof absent, "%064d", 5);
    assert_int_equal(nba_shelf_set_champion(*state, absent, &error), NBA_E_NOT_FOUND);
    assert_int_equal(nba_shelf_set_champion(*state, "../../etc", &error), NBA_E_NOT_FOUND);
    write_file(*state, "champion", nba_str_of("../../etc/passwd\n"));
    assert_int_equal(nba_shelf_champion(*state, id, &error), NBA_E_CORRUPT);
    assert_string_equal(id, "untouched");
}

static void test_texts_are_read_and_the_report_is_verified(void **state)
{
    struct parts_fixture f;
    char path[PATH_BYTES];
    struct nba_buf buf;
    struct nba_error error;
    fixture_init(&f);
    write_release(&f.parts, *state, path, sizeof path);
    const char *id = strrchr(path, '/') + 1;
    nba_buf_init(&buf, 4096);
    nba_buf_append_byte(&buf, '#');
    assert_int_equal(nba_shelf_document(*state, id, "report.json", &buf, &error), NBA_OK);
    assert_str_equal(nba_buf_str(&buf), "#{\"ndcg\": 0.125}");
    nba_buf_reset(&buf);
    assert_int_equal(nba_shelf_document(*state, id, "created.json", &buf, &error), NBA_OK);
    nba_buf_append_byte(&buf, 0);
    assert_non_null(strstr((const char *)buf.data, "1700000000000"));
    nba_buf_reset(&buf);
    write_file(path, "report.json", nba_str_of("{\"ndcg\": 0.925}"));
    assert_int_equal(nba_shelf_document(*state, id, "report.json", &buf, &error), NBA_E_CORRUPT);
    nba_buf_clear(&buf);
}

#define scratch_test(f) cmocka_unit_test_setup_teardown(f, scratch_create, scratch_remove)

int main(void)
{
    const struct CMUnitTest tests[] = {
        scratch_test(test_a_missing_folder_is_an_empty_shelf),
        scratch_test(test_the_list_is_ascending_and_passes_over_other_names),
        scratch_test(test_the_champion_is_the_one_that_was_chosen_last),
        scratch_test(test_a_champion_written_by_hand_has_no_former_one_and_a_bad_one_is_told),
        scratch_test(test_a_champion_must_be_there_and_be_an_id),
        scratch_test(test_texts_are_read_and_the_report_is_verified),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
