/* What is JSON, how long it is, and how deep it may be. */
#include "nba_test.h"

#include "nba/base/compiler.h"
#include "nba/codec/json_value.h"

static void test_values_are_told_from_what_only_looks_like_them(void **state)
{
    static const char *const bad[] = {"",          "{",    "{}x",        "{\"a\"}", "{\"a\":}",
                                      "{\"a\" 1}", "[1,]", "{\"a\":1,}", "{'a':1}", "{\"a\\q\":1}",
                                      "{]",        "[{]}", "nul",        "1.2.3",   "{\"a\":1]"};
    (void)state;
    for (size_t i = 0; i < NBA_ARRAY_COUNT(bad); i++) {
        assert_false(nba_json_value_is(nba_str_of(bad[i]), false));
    }
    assert_true(nba_json_value_is(nba_str_of(" {\"a\": [1, 2.5e-1, null, \"\\\"\"]}\n"), true));
    assert_true(nba_json_value_is(nba_str_of("[1]"), false));
    assert_false(nba_json_value_is(nba_str_of("[1]"), true));
}

static void test_the_length_is_that_of_the_first_value(void **state)
{
    (void)state;
    assert_int_equal(nba_json_value_bytes(nba_str_of("{\"a\": \"}\"}, more"), true), 10);
    assert_int_equal(nba_json_value_bytes(nba_str_of("[1, 2]]"), true), 0);
    assert_int_equal(nba_json_value_bytes(nba_str_of("{\"a\""), true), 0);
}

static void test_nesting_without_end_is_refused(void **state)
{
    char deep[200];
    (void)state;
    memset(deep, '[', sizeof(deep));
    assert_false(nba_json_value_is(nba_str(deep, sizeof(deep)), false));
    memset(deep + 100, ']', 100);
    assert_false(nba_json_value_is(nba_str(deep, 200), false));
    assert_true(nba_json_value_is(nba_str(deep + 80, 40), false));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values_are_told_from_what_only_looks_like_them),
        cmocka_unit_test(test_the_length_is_that_of_the_first_value),
        cmocka_unit_test(test_nesting_without_end_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
