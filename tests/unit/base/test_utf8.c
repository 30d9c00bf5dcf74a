/* One character at a time: its length, or that it is none. */
#include "nba_test.h"

#include "nba/base/compiler.h"
#include "nba/base/utf8.h"

static void test_a_character_has_its_length_and_what_is_none_has_none(void **state)
{
    static const struct {
        const char *text;
        size_t left, bytes;
    } cases[] = {
        {"", 0, 0},
        {"a", 1, 1},
        {"\xc3\xa9t", 3, 2},
        {"\xe2\x82\xac", 3, 3},
        {"\xf0\x9f\x98\x80", 4, 4},
        {"\xe2\x82\xac", 2, 0},     /* cut */
        {"\xa9", 1, 0},             /* the end of one */
        {"\xc1\xbf", 2, 0},         /* an overlong letter */
        {"\xed\xa0\x80", 3, 0},     /* a surrogate */
        {"\xf4\x90\x80\x80", 4, 0}, /* above U+10FFFF */
        {"\xff", 1, 0},
    };
    (void)state;
    for (size_t i = 0; i < NBA_ARRAY_COUNT(cases); i++) {
        assert_int_equal(nba_utf8_bytes((const unsigned char *)cases[i].text, cases[i].left),
                         cases[i].bytes);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_character_has_its_length_and_what_is_none_has_none),
    };
    return cmocka_run_group_tests_name("unit.base.utf8", tests, NULL, NULL);
}
