/* Lines of plain and of compressed files, and what is wrong with some. */
#include "nba_test.h"

#include <unistd.h>

#include "nba/base/file.h"
#include "nba/codec/text_lines.h"

#define LINE_BYTES_MAX ((size_t)1 << 20)

static char folder[] = "/tmp/nba-lines-XXXXXX";
static char path[64];
static struct nba_error error;

static const unsigned char compressed[] = {0x1f, 0x8b, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x02,
                                           0x03, 0xcb, 0xcf, 0x4b, 0xe5, 0x2a, 0x29, 0xcf, 0xe7,
                                           0xe5, 0xe2, 0xca, 0x49, 0x2c, 0x2e, 0x01, 0x00, 0x38,
                                           0xc2, 0x71, 0x2e, 0x0e, 0x00, 0x00, 0x00};

static struct nba_text_lines *open_bytes(const void *bytes, size_t count)
{
    struct nba_text_lines *lines = NULL;
    assert_int_equal(nba_file_write(path, nba_str(bytes, count), &error), NBA_OK);
    assert_int_equal(nba_text_lines_open(path, LINE_BYTES_MAX, &lines, &error), NBA_OK);
    return lines;
}

static void expect_lines(struct nba_text_lines *lines)
{
    static const char *const expected[] = {"one", "two", "", "last"};
    struct nba_str line = {NULL, 0};
    bool more = true;
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(nba_text_lines_next(lines, &line, &more, &error), NBA_OK);
        assert_true(more);
        assert_string_equal(line.data, expected[i]);
        assert_int_equal(line.bytes, strlen(expected[i]));
        assert_int_equal(nba_text_lines_number(lines), i + 1);
    }
    assert_int_equal(nba_text_lines_next(lines, &line, &more, &error), NBA_OK);
    assert_false(more);
    nba_text_lines_close(lines);
}

static void test_lines_are_the_same_plain_and_compressed(void **state)
{
    static const char plain[] = "one\ntwo\r\n\nlast";
    (void)state;
    expect_lines(open_bytes(plain, sizeof(plain) - 1));
    expect_lines(open_bytes(compressed, sizeof(compressed)));
}

static void test_a_damaged_compressed_file_is_corrupt(void **state)
{
    unsigned char bytes[sizeof(compressed)];
    struct nba_str line = {NULL, 0};
    bool more = true;
    enum nba_status status = NBA_OK;
    (void)state;
    memcpy(bytes, compressed, sizeof(bytes));
    bytes[sizeof(bytes) - 8] ^= 1; /* its checksum */
    struct nba_text_lines *lines = open_bytes(bytes, sizeof(bytes));
    for (size_t i = 0; i < 10 && status == NBA_OK; i++) {
        status = nba_text_lines_next(lines, &line, &more, &error);
    }
    assert_int_equal(status, NBA_E_CORRUPT);
    nba_text_lines_close(lines);
}

static void test_a_line_beyond_the_limit_is_refused_with_its_number_and_stepped_over(void **state)
{
    char *bytes = malloc(LINE_BYTES_MAX + 10);
    struct nba_str line = {NULL, 0};
    bool more = true;
    (void)state;
    assert_non_null(bytes);
    memset(bytes, 'x', LINE_BYTES_MAX + 10);
    memcpy(bytes, "a\n", 2);
    memcpy(bytes + LINE_BYTES_MAX + 7, "\nb", 2);
    struct nba_text_lines *lines = open_bytes(bytes, LINE_BYTES_MAX + 9);
    assert_int_equal(nba_text_lines_next(lines, &line, &more, &error), NBA_OK);
    assert_int_equal(nba_text_lines_next(lines, &line, &more, &error), NBA_E_LIMIT);
    assert_non_null(strstr(error.message, "line 2 "));
    assert_int_equal(nba_text_lines_next(lines, &line, &more, &error), NBA_OK);
    assert_string_equal(line.data, "b");
    nba_text_lines_close(lines);
    free(bytes);
}

static void test_a_file_that_is_not_there_is_not_found(void **state)
{
    struct nba_text_lines *lines = NULL;
    (void)state;
    assert_int_equal(nba_text_lines_open("/nonexistent/file", LINE_BYTES_MAX, &lines, &error),
                     NBA_E_NOT_FOUND);
    assert_null(lines);
}

static int make_folder(void **state)
{
    (void)state;
    if (mkdtemp(folder) == NULL) {
        return 1;
    }
    (void)snprintf(path, sizeof(path), "%s/lines", folder);
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    return nba_file_remove_tree(folder, &error) == NBA_OK ? 0 : 1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lines_are_the_same_plain_and_compressed),
        cmocka_unit_test(test_a_damaged_compressed_file_is_corrupt),
        cmocka_unit_test(test_a_line_beyond_the_limit_is_refused_with_its_number_and_stepped_over),
        cmocka_unit_test(test_a_file_that_is_not_there_is_not_found),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
