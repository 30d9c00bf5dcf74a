/* Texts put together piece by piece. */
#include "nba_test.h"

#include "nba/base/compiler.h"
#include "nba/base/str_put.h"

static void test_numbers_are_put_as_printf_writes_them(void **state)
{
    static const int64_t values[] = {0,    1,      9,        10,        -1,       -10,
                                     2026, 999999, -9999999, INT64_MAX, INT64_MIN};
    (void)state;
    for (size_t i = 0; i < NBA_ARRAY_COUNT(values); i++) {
        for (unsigned width = 0; width < 24; width++) {
            char put[32];
            char printed[32];
            *nba_str_put_number(put, values[i], width) = '\0';
            (void)snprintf(printed, sizeof(printed), "%0*lld", (int)width, (long long)values[i]);
            assert_string_equal(put, printed);
        }
    }
}

static void test_pieces_follow_one_another(void **state)
{
    char text[32];
    char *at = nba_str_put(text, nba_str_of("dec:"));
    (void)state;
    at = nba_str_put(at, nba_str(NULL, 0));
    at = nba_str_put(at, nba_str("crm#", 3));
    *nba_str_put_number(at, 7, 2) = '\0';
    assert_string_equal(text, "dec:crm07");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_numbers_are_put_as_printf_writes_them),
        cmocka_unit_test(test_pieces_follow_one_another),
    };
    return cmocka_run_group_tests_name("unit.base.str_put", tests, NULL, NULL);
}
