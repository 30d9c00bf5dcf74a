/* Tables as rows: quoting on every border between reads, both delimiters, JSON lines, what
 * is bad. */
#include "nba_test.h"

#include <unistd.h>
#include <zlib.h>

#include "nba/base/buf.h"
#include "nba/base/compiler.h"
#include "nba/ingest/row_source.h"

static char path[64];

static void write_file(const char *suffix, const char *text, bool gzip)
{
    (void)snprintf(path, sizeof(path), "/tmp/nba-rows-%d%s", (int)getpid(), suffix);
    if (gzip) {
        gzFile file = gzopen(path, "wb");
        assert_non_null(file);
        assert_int_equal(gzwrite(file, text, (unsigned)strlen(text)), strlen(text));
        assert_int_equal(gzclose(file), Z_OK);
        return;
    }
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, strlen(text), file), strlen(text));
    assert_int_equal(fclose(file), 0);
}

static struct nba_row_source *open_rows(const char *const *columns, size_t count)
{
    struct nba_row_source *source = NULL;
    struct nba_error error = {NBA_OK, ""};
    const struct nba_row_form form = {.columns = columns, .column_count = count};
    if (nba_row_source_open(path, &form, NULL, &source, &error) != NBA_OK) {
        fail_msg("%s", error.message);
    }
    return source;
}

/* All cells of all rows, joined by | and ;  -  bad rows as ! */
static void read_all(struct nba_row_source *source, size_t columns, char *out, size_t size)
{
    bool more = true;
    size_t used = 0;
    out[0] = '\0';
    while (more) {
        const struct nba_str *cells = NULL;
        struct nba_error error = {NBA_OK, ""};
        const enum nba_status status = nba_row_source_next(source, &cells, &more, &error);
        if (status == NBA_E_CONFIG) {
            used += (size_t)snprintf(out + used, size - used, "!;");
            continue;
        }
        assert_int_equal(status, NBA_OK);
        for (size_t k = 0; k < columns && more; k++) {
            const char *text = cells[k].data == NULL ? "(none)" : "";
            used += (size_t)snprintf(out + used, size - used, "%s%.*s%s", text,
                                     NBA_STR_ARG(cells[k]), k + 1 < columns ? "|" : ";");
        }
    }
    nba_row_source_close(source);
    (void)unlink(path);
}

static const char *const ab[] = {"a", "b"};

static void test_csv_cells_come_in_the_order_asked_for(void **state)
{
    char out[256];
    (void)state;
    write_file(".csv", "b,c,a\n1,2,3\n4,,6\n", false);
    read_all(open_rows(ab, 2), 2, out, sizeof(out));
    assert_string_equal(out, "3|1;6|4;");
}

static void test_quotes_line_feeds_and_returns_are_read_as_written(void **state)
{
    char out[256];
    (void)state;
    write_file(".csv", "a,b\r\n\"x, \"\"y\"\"\",\"two\nlines\"\r\n\"\",last", false);
    read_all(open_rows(ab, 2), 2, out, sizeof(out));
    assert_string_equal(out, "x, \"y\"|two\nlines;|last;");
}

static void test_a_bad_row_is_told_and_the_next_one_is_read(void **state)
{
    char out[256];
    (void)state;
    write_file(".csv", "a,b\n1\n\"x\"y,2\n3,4,5\n6,7\n", false);
    read_all(open_rows(ab, 2), 2, out, sizeof(out));
    assert_string_equal(out, "!;!;!;6|7;");
}

static void test_an_open_quote_at_the_end_is_a_bad_row(void **state)
{
    char out[256];
    (void)state;
    write_file(".csv", "a,b\n1,\"never closed\n2,3\n", false);
    read_all(open_rows(ab, 2), 2, out, sizeof(out));
    assert_string_equal(out, "!;");
}

static void test_tabs_have_no_quotes(void **state)
{
    char out[256];
    (void)state;
    write_file(".inter", "a\tb\n\"5 o'clock\t6\"\n", false);
    read_all(open_rows(ab, 2), 2, out, sizeof(out));
    assert_string_equal(out, "\"5 o'clock|6\";");
}

static void test_gzip_and_a_byte_order_mark_make_no_difference(void **state)
{
    char out[256];
    (void)state;
    write_file(".csv.gz",
               "\xEF\xBB\xBF"
               "a,b\n1,2\n",
               true);
    read_all(open_rows(ab, 2), 2, out, sizeof(out));
    assert_string_equal(out, "1|2;");
}

static void test_a_table_of_many_reads_has_every_row_whole(void **state)
{
    struct nba_buf text;
    (void)state;
    nba_buf_init(&text, 8u << 20);
    nba_buf_printf(&text, "a,b\n");
    for (int i = 0; i < 30000; i++) {
        nba_buf_printf(&text, "%d,\"%d \"\"quoted\"\"\n\"\n", i, i * 3);
    }
    nba_buf_append_byte(&text, '\0');
    write_file(".csv", (const char *)text.data, false);
    nba_buf_clear(&text);
    struct nba_row_source *source = open_rows(ab, 2);
    for (int i = 0; i < 30000; i++) {
        const struct nba_str *cells = NULL;
        bool more = false;
        char a[32];
        char b[64];
        assert_int_equal(nba_row_source_next(source, &cells, &more, NULL), NBA_OK);
        (void)snprintf(a, sizeof(a), "%d", i);
        (void)snprintf(b, sizeof(b), "%d \"quoted\"\n", i * 3);
        assert_str_equal(cells[0], a);
        assert_str_equal(cells[1], b);
        assert_int_equal(nba_row_source_row(source), i + 1);
    }
    nba_row_source_close(source);
    (void)unlink(path);
}

static void test_json_members_are_columns_wherever_they_stand(void **state)
{
    char out[512];
    (void)state;
    write_file(".jsonl",
               "{\"b\": 2.50, \"x\": {\"a\": [1, \"]\"]}, \"a\": \"\\u00e9\\n\\ud83d\\ude00\"}\n\n"
               "{\"a\":null,\"b\":[1,{\"c\":2}]}\n"
               "{}\n"
               "[1]\n"
               "{\"a\": \"x\" \"b\": 1}\n"
               "{\"a\":true,\"b\":\"\"}",
               false);
    read_all(open_rows(ab, 2), 2, out, sizeof(out));
    assert_string_equal(out, "\xC3\xA9\n\xF0\x9F\x98\x80|2.50;(none)|[1,{\"c\":2}];(none)|(none);"
                             "!;!;true|;");
}

static void test_no_prefix_of_a_json_row_is_read_as_a_row(void **state)
{
    static const char row[] = "{\"a\":\"x\\u00e9\",\"b\":[1,\"\\\"\"]}";
    (void)state;
    for (size_t bytes = 1; bytes < sizeof(row) - 1; bytes++) {
        char text[64];
        char out[64];
        memcpy(text, row, bytes);
        text[bytes] = '\0';
        write_file(".jsonl", text, false);
        read_all(open_rows(ab, 2), 2, out, sizeof(out));
        assert_string_equal(out, "!;");
    }
}

static void test_a_column_that_is_not_there_names_the_nearest(void **state)
{
    static const char *const wanted[] = {"hcp_id"};
    struct nba_row_source *source = NULL;
    struct nba_error error = {NBA_OK, ""};
    (void)state;
    write_file(".csv", "hcpid,b\n1,2\n", false);
    const struct nba_row_form form = {.columns = wanted, .column_count = 1};
    assert_int_equal(nba_row_source_open(path, &form, NULL, &source, &error), NBA_E_CONFIG);
    assert_null(source);
    assert_non_null(strstr(error.message, path));
    assert_non_null(
        strstr(error.message, ": no column 'hcp_id' in the header, nearest is 'hcpid'"));
    (void)unlink(path);
}

static void test_files_that_are_no_tables_are_refused(void **state)
{
    const struct nba_row_form form = {.format = NBA_ROWS_BY_NAME};
    struct nba_row_source *source = NULL;
    struct nba_error error = {NBA_OK, ""};
    (void)state;
    assert_int_equal(nba_row_source_open("/nowhere.csv", &form, NULL, &source, &error),
                     NBA_E_NOT_FOUND);
    write_file(".csv", "", false);
    assert_int_equal(nba_row_source_open(path, &form, NULL, &source, &error), NBA_E_CONFIG);
    (void)unlink(path);
    write_file(".xyz", "a\n", false);
    assert_int_equal(nba_row_source_open(path, &form, NULL, &source, &error), NBA_E_CONFIG);
    assert_null(source);
    (void)unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_csv_cells_come_in_the_order_asked_for),
        cmocka_unit_test(test_quotes_line_feeds_and_returns_are_read_as_written),
        cmocka_unit_test(test_a_bad_row_is_told_and_the_next_one_is_read),
        cmocka_unit_test(test_an_open_quote_at_the_end_is_a_bad_row),
        cmocka_unit_test(test_tabs_have_no_quotes),
        cmocka_unit_test(test_gzip_and_a_byte_order_mark_make_no_difference),
        cmocka_unit_test(test_a_table_of_many_reads_has_every_row_whole),
        cmocka_unit_test(test_json_members_are_columns_wherever_they_stand),
        cmocka_unit_test(test_no_prefix_of_a_json_row_is_read_as_a_row),
        cmocka_unit_test(test_a_column_that_is_not_there_names_the_nearest),
        cmocka_unit_test(test_files_that_are_no_tables_are_refused),
    };
    return cmocka_run_group_tests_name("unit.ingest.row_source", tests, NULL, NULL);
}
