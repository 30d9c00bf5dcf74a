/* The strict reader: what it takes, what it refuses and where, and its limits. */
#include "nba_test.h"

#include "nba/base/buf.h"
#include "nba/base/limits.h"
#include "nba/config/yaml.h"

static const struct {
    const char *text;
    const char *message;
} bad_files[] = {
    {"\xEF\xBB\xBF"
     "a: 1\n",
     "f.yaml:1:1: byte-order mark: save the file as UTF-8 without BOM"},
    {"\xFF\xFE"
     "a",
     "f.yaml:1:1: UTF-16: save the file as UTF-8 without BOM"},
    {"a: 1\r\nb: 2\r\n", "f.yaml:1:5: Windows line end (CR LF): save the file with Unix line ends"},
    {"a:\n\tb: 1\n", "f.yaml:2:1: tab in the indentation: YAML takes spaces only"},
    {"a:\n  \tb: 1\n", "f.yaml:2:3: tab in the indentation: YAML takes spaces only"},
    {"a: \x01\n", "f.yaml:1:4: control byte in the file: expected text"},
    {"a: \xC3\x28\n", "f.yaml:1:4: not UTF-8: save the file as UTF-8"},
    {"a: \xED\xA0\x80\n", "f.yaml:1:4: not UTF-8: save the file as UTF-8"},
    {"a: \xC0\xAF\n", "f.yaml:1:4: not UTF-8: save the file as UTF-8"},
    {"\xC3\xA4: \xFF\n", "f.yaml:1:4: not UTF-8: save the file as UTF-8"},
    {"a: &x 1\n", "f.yaml:1:4: anchors (&name) are not taken"},
    {"a: &x [1]\n", "f.yaml:1:4: anchors (&name) are not taken"},
    {"a: &x {b: 1}\n", "f.yaml:1:4: anchors (&name) are not taken"},
    {"a: *x\n", "f.yaml:1:4: aliases (*name) are not taken"},
    {"a: !!str 1\n", "f.yaml:1:4: tags (!name) are not taken"},
    {"a: !x [1]\n", "f.yaml:1:4: tags (!name) are not taken"},
    {"<<: {a: 1}\n", "f.yaml:1:1: merge keys (<<) are not taken: write the keys out"},
    {"%YAML 1.1\n---\na: 1\n", "f.yaml:1:1: directives (%NAME) are not taken"},
    {"a: 1\n---\nb: 2\n", "f.yaml:2:1: a second document, expected only one"},
    {"a: 1\nb: 2\na: 3\n", "f.yaml:3:1: a: duplicate key, first given in line 1"},
    {"x: {a: 1, \"a\": 2}\n", "f.yaml:1:11: x.a: duplicate key, first given in line 1"},
    {"[a]: 1\n", "f.yaml:1:1: expected a word as key, got a list or a map"},
    {"? {a: 1}\n: 2\n", "f.yaml:1:3: expected a word as key, got a list or a map"},
    {"a: [1, 2\n", "f.yaml:2:1: not valid YAML: did not find expected ',' or ']'"},
    {"a: {b: 1\n", "f.yaml:2:1: not valid YAML: did not find expected ',' or '}'"},
    {"a: 'b\n", "f.yaml:2:1: not valid YAML: found unexpected end of stream"},
    {"a: b: c\n", "f.yaml:1:5: not valid YAML: mapping values are not allowed in this context"},
    {"a: 1\n b: 2\n", "f.yaml:2:3: not valid YAML: mapping values are not allowed"},
    {"a: @x\n", "f.yaml:1:4: not valid YAML: found character that cannot start any token"},
};

static void test_each_unwanted_form_is_refused_where_it_stands(void **state)
{
    (void)state;
    for (size_t i = 0; i < NBA_ARRAY_COUNT(bad_files); i++) {
        struct nba_yaml *tree = NULL;
        struct nba_error error = {0};
        const enum nba_status status =
            nba_yaml_parse("f.yaml", nba_str_of(bad_files[i].text), &tree, &error);
        const char *want = bad_files[i].message;
        if (status != NBA_E_CONFIG || strncmp(error.message, want, strlen(want)) != 0) {
            print_error("file:\n%s\nexpected: %s\ngot:      %s\n", bad_files[i].text, want,
                        error.message);
        }
        assert_int_equal(status, NBA_E_CONFIG);
        assert_int_equal(strncmp(error.message, want, strlen(want)), 0);
        assert_null(tree);
    }
}

static struct nba_yaml *parse(const char *text)
{
    struct nba_yaml *tree = NULL;
    struct nba_error error = {0};
    if (nba_yaml_parse("f.yaml", nba_str_of(text), &tree, &error) != NBA_OK) {
        fail_msg("%s", error.message);
    }
    return tree;
}

static void test_nodes_know_their_places_and_neighbours(void **state)
{
    struct nba_yaml *tree = parse("# head\n"
                                  "a: one\n"
                                  "b:\n"
                                  "  - {c: \"two\", d: [x, y, z]}\n"
                                  "  - 3\n"
                                  "e: |\n"
                                  "  text\n"
                                  "f:\n");
    (void)state;
    const struct nba_yaml_node *root = nba_yaml_root(tree);
    assert_int_equal(root->kind, NBA_YAML_MAP);
    assert_int_equal(root->count, 4);
    const struct nba_yaml_node *b = nba_yaml_get(root, "b");
    assert_int_equal(b->kind, NBA_YAML_LIST);
    assert_int_equal(b->count, 2);
    const struct nba_yaml_node *c = nba_yaml_get(b->first, "c");
    assert_str_equal(c->text, "two");
    assert_true(c->quoted);
    assert_int_equal(c->line, 4);
    assert_int_equal(c->column, 9);
    assert_int_equal(c->key->column, 6);
    const struct nba_yaml_node *d = nba_yaml_get(b->first, "d");
    assert_str_equal(d->first->next->next->text, "z");
    assert_int_equal(d->first->next->next->index, 2);
    assert_ptr_equal(d->parent, b->first);
    assert_false(b->first->next->quoted);
    assert_str_equal(nba_yaml_get(root, "e")->text, "text\n");
    assert_true(nba_yaml_is_null(nba_yaml_get(root, "f")));
    assert_null(nba_yaml_get(root, "g"));
    assert_null(nba_yaml_get(b, "g"));
    struct nba_error error = {0};
    (void)nba_yaml_fail(d->first->next, &error, "expected %d", 5);
    assert_string_equal(error.message, "f.yaml:4:23: b[0].d[1]: expected 5");
    (void)nba_yaml_fail_key(d, &error, "why");
    assert_string_equal(error.message, "f.yaml:4:16: b[0].d: why");
    nba_yaml_destroy(tree);
}

static void test_a_file_of_comments_is_an_empty_map(void **state)
{
    static const char *const files[] = {"", "\n", "# only this\n"};
    (void)state;
    for (size_t i = 0; i < NBA_ARRAY_COUNT(files); i++) {
        struct nba_yaml *tree = parse(files[i]);
        assert_int_equal(nba_yaml_root(tree)->kind, NBA_YAML_MAP);
        assert_int_equal(nba_yaml_root(tree)->count, 0);
        nba_yaml_destroy(tree);
    }
}

/* Every one of these means something else to some reader of YAML 1.1. */
static void test_text_that_other_readers_would_change_needs_quotes(void **state)
{
    static const char *const changed[] = {"NO",
                                          "no",
                                          "Off",
                                          "on",
                                          "y",
                                          "Y",
                                          "yes",
                                          "true",
                                          "False",
                                          "1",
                                          "-1",
                                          "+1",
                                          "012",
                                          "0x1F",
                                          "0b1",
                                          "1_000",
                                          "1.5",
                                          ".5",
                                          "1.",
                                          "1e5",
                                          "1E-3",
                                          "20:00",
                                          "1:30:00",
                                          "1:2.5",
                                          "2026-11-20",
                                          "2026-11-20T10:00:00Z",
                                          "2026-11-20 10:00:00"};
    static const char *const kept[] = {
        "US",     "norway", "127.0.0.1:9092", "1.2.3", "P90D", "v1.0",
        "rep-17", "e1",     "2026-11-20.1",   "a:b",   "1a",   "0xZZ",
        "_1",     "12:ab",  "P*C*V*L"};
    char text[64];
    struct nba_str value = {0};
    (void)state;
    for (size_t i = 0; i < NBA_ARRAY_COUNT(changed); i++) {
        (void)snprintf(text, sizeof(text), "a: %s\n", changed[i]);
        struct nba_yaml *tree = parse(text);
        if (nba_yaml_text(nba_yaml_root(tree)->first, &value, NULL) != NBA_E_CONFIG) {
            fail_msg("%s was taken as text", changed[i]);
        }
        nba_yaml_destroy(tree);
        (void)snprintf(text, sizeof(text), "a: \"%s\"\n", changed[i]);
        tree = parse(text);
        assert_int_equal(nba_yaml_text(nba_yaml_root(tree)->first, &value, NULL), NBA_OK);
        assert_str_equal(value, changed[i]);
        nba_yaml_destroy(tree);
    }
    for (size_t i = 0; i < NBA_ARRAY_COUNT(kept); i++) {
        (void)snprintf(text, sizeof(text), "a: %s\n", kept[i]);
        struct nba_yaml *tree = parse(text);
        if (nba_yaml_text(nba_yaml_root(tree)->first, &value, NULL) != NBA_OK) {
            fail_msg("%s was not taken as text", kept[i]);
        }
        nba_yaml_destroy(tree);
    }
}

static void test_limits_stop_depth_entries_and_bytes(void **state)
{
    struct nba_error error = {0};
    struct nba_yaml *tree = NULL;
    struct nba_buf buf;
    (void)state;
    nba_buf_init(&buf, 2 << 20);
    for (unsigned i = 0; i < 100000; i++) {
        nba_buf_append_byte(&buf, '[');
    }
    assert_int_equal(nba_yaml_parse("f.yaml", nba_buf_str(&buf), &tree, &error), NBA_E_CONFIG);
    assert_string_equal(error.message, "f.yaml:1:33: nested deeper than 32 levels");
    nba_buf_reset(&buf);
    for (unsigned i = 0; i < NBA_YAML_EVENTS_MAX; i++) {
        nba_buf_printf(&buf, "- a\n");
    }
    assert_int_equal(nba_yaml_parse("f.yaml", nba_buf_str(&buf), &tree, &error), NBA_E_CONFIG);
    assert_non_null(strstr(error.message, ": more than 40000 entries in one file"));
    nba_buf_reset(&buf);
    nba_buf_printf(&buf, "a: \"");
    for (unsigned i = 0; i < NBA_YAML_BYTES_MAX; i++) {
        nba_buf_append_byte(&buf, 'x');
    }
    nba_buf_printf(&buf, "\"\n");
    assert_int_equal(nba_yaml_parse("f.yaml", nba_buf_str(&buf), &tree, &error), NBA_E_CONFIG);
    assert_non_null(strstr(error.message, "f.yaml:1:1: file of 1048582 bytes, expected at most"));
    nba_buf_clear(&buf);
}

static void test_long_texts_are_shown_cut_at_a_whole_character(void **state)
{
    struct nba_error error = {0};
    int64_t value = 0;
    (void)state;
    /* The 44th byte would cut the second half of an a-umlaut. */
    struct nba_yaml *tree =
        parse("a: \"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\xC3\xA4\xC3\xA4\"\n");
    assert_int_equal(nba_yaml_integer(nba_yaml_root(tree)->first, 0, 9, &value, &error),
                     NBA_E_CONFIG);
    assert_null(strchr(error.message, '\xC3'));
    nba_yaml_destroy(tree);
}

static void test_the_nearest_word_is_near(void **state)
{
    static const char *const words[] = {"workers", "clock", "state", NULL};
    (void)state;
    assert_string_equal(nba_yaml_nearest(nba_str_of("worker"), words), "workers");
    assert_string_equal(nba_yaml_nearest(nba_str_of("clokc"), words), "clock");
    assert_null(nba_yaml_nearest(nba_str_of("policy"), words));
    assert_null(nba_yaml_nearest(nba_str_of(""), words));
    assert_null(
        nba_yaml_nearest(nba_str_of("workersworkersworkersworkersworkersworkersworkers"), words));
}

static void test_numbers_are_plain_decimal(void **state)
{
    static const struct {
        const char *text;
        bool whole, number;
    } cases[] = {{"5", true, true},     {"-5", true, true},     {"5.0", false, true},
                 {"5e2", false, true},  {"5.e2", false, false}, {".5", false, false},
                 {"5.", false, false},  {"+5", false, false},   {"5 ", true, true},
                 {"1_0", false, false}, {"0x5", false, false},  {"nan", false, false},
                 {"inf", false, false}, {"5e", false, false},   {"--5", false, false}};
    (void)state;
    for (size_t i = 0; i < NBA_ARRAY_COUNT(cases); i++) {
        char text[32];
        int64_t whole = 0;
        double number = 0;
        (void)snprintf(text, sizeof(text), "a: %s\n", cases[i].text);
        struct nba_yaml *tree = parse(text);
        const struct nba_yaml_node *a = nba_yaml_root(tree)->first;
        assert_int_equal(nba_yaml_integer(a, -1000, 1000, &whole, NULL) == NBA_OK, cases[i].whole);
        assert_int_equal(nba_yaml_number(a, -1000, 1000, &number, NULL) == NBA_OK, cases[i].number);
        nba_yaml_destroy(tree);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_unwanted_form_is_refused_where_it_stands),
        cmocka_unit_test(test_nodes_know_their_places_and_neighbours),
        cmocka_unit_test(test_a_file_of_comments_is_an_empty_map),
        cmocka_unit_test(test_text_that_other_readers_would_change_needs_quotes),
        cmocka_unit_test(test_limits_stop_depth_entries_and_bytes),
        cmocka_unit_test(test_long_texts_are_shown_cut_at_a_whole_character),
        cmocka_unit_test(test_the_nearest_word_is_near),
        cmocka_unit_test(test_numbers_are_plain_decimal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
