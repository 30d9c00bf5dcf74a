/* Tables in their three forms: what is aligned, quoted and escaped. */
#include "nba_test.h"

#include <math.h>

#include "nba/app/page.h"

static const char *const columns[] = {"name", "#n", "%share", "note", NULL};

static void fill(struct nba_sheet *sheet)
{
    nba_sheet_init(sheet, "t", "A <table>", columns);
    nba_sheet_text(sheet, nba_str_of("=1+1"));
    nba_sheet_count(sheet, 12);
    nba_sheet_number(sheet, 0.5, 2);
    nba_sheet_text(sheet, nba_str_of("<script>alert(\"x\")</script> & \xff"));
    nba_sheet_text(sheet, nba_str_of("J\xc3\xb6rg"));
    nba_sheet_count(sheet, 3);
    nba_sheet_number(sheet, (double)NAN, 2);
    nba_sheet_text(sheet, nba_str("a\0b", 3));
}

static void expect(enum nba_sheet_form form, const char *want)
{
    struct nba_sheet sheet;
    struct nba_buf buf;
    fill(&sheet);
    nba_buf_init(&buf, 65536);
    assert_true(nba_sheet_put(&sheet, form, &buf));
    nba_buf_append_byte(&buf, '\0');
    assert_string_equal((const char *)buf.data, want);
    nba_buf_clear(&buf);
}

static void test_text_is_aligned_by_characters(void **state)
{
    (void)state;
    expect(NBA_SHEET_TEXT, "\nA <table>\n"
                           "name   n  share  note\n"
                           "=1+1  12   0.50  <script>alert(\"x\")</script> & \xff\n"
                           "J\xc3\xb6rg   3         ab\n");
}

static void test_csv_quotes_texts_and_disarms_formulas(void **state)
{
    (void)state;
    expect(NBA_SHEET_CSV, "table,name,n,share,note\n"
                          "t,\"'=1+1\",12,0.50,\"<script>alert(\"\"x\"\")</script> & \xff\"\n"
                          "t,\"J\xc3\xb6rg\",3,,\"ab\"\n");
}

static void test_html_escapes_names_and_draws_bars(void **state)
{
    (void)state;
    expect(NBA_SHEET_HTML,
           "<h2>A &lt;table&gt;</h2><table><thead><tr><th>name</th><th class=n>n</th>"
           "<th class=n>share</th><th>note</th></tr></thead>\n"
           "<tr><th scope=row>=1+1</th><td>12</td><td>0.50<i style=\"width:100.0%\"></i></td>"
           "<td class=t>&lt;script&gt;alert(&quot;x&quot;)&lt;/script&gt; &amp; "
           "\xef\xbf\xbd</td></tr>\n"
           "<tr><th scope=row>J\xc3\xb6rg</th><td>3</td><td></td><td class=t>ab</td></tr>\n"
           "</table>\n");
}

static void test_a_page_needs_nothing_outside_it(void **state)
{
    struct nba_buf buf;
    (void)state;
    nba_buf_init(&buf, 65536);
    nba_page_open(&buf, "Report of <b>acme</b>");
    nba_page_close(&buf);
    nba_buf_append_byte(&buf, '\0');
    const char *page = (const char *)buf.data;
    assert_non_null(strstr(page, "<title>Report of &lt;b&gt;acme&lt;/b&gt;</title>"));
    assert_non_null(strstr(page, "@media print"));
    assert_null(strstr(page, "<script"));
    assert_null(strstr(page, "http"));
    assert_null(strstr(page, "<link"));
    nba_buf_clear(&buf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_text_is_aligned_by_characters),
        cmocka_unit_test(test_csv_quotes_texts_and_disarms_formulas),
        cmocka_unit_test(test_html_escapes_names_and_draws_bars),
        cmocka_unit_test(test_a_page_needs_nothing_outside_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
