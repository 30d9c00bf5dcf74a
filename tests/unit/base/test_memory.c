/* Arena, buffer and lists: alignment, ceilings, and what happens at the ceiling. */
#include "nba_test.h"

#include "nba/base/arena.h"
#include "nba/base/buf.h"
#include "nba/base/memory.h"

static void test_arena_memory_is_aligned_and_disjoint(void **state)
{
    struct nba_arena arena;
    unsigned char *taken[64];
    (void)state;
    nba_arena_init(&arena, 8u << 20);
    for (size_t i = 0; i < 64; i++) {
        (void)nba_arena_copy(&arena, nba_str_of("odd"));
        taken[i] = nba_arena_take(&arena, i + 1);
        assert_non_null(taken[i]);
        assert_int_equal((uintptr_t)taken[i] % 64, 0);
        memset(taken[i], (int)i, i + 1);
    }
    for (size_t i = 0; i < 64; i++) {
        for (size_t j = 0; j <= i; j++) {
            assert_int_equal(taken[i][j], i);
        }
    }
    nba_arena_clear(&arena);
}

static void test_arena_reuses_its_blocks_after_a_reset(void **state)
{
    struct nba_arena arena;
    (void)state;
    nba_arena_init(&arena, 64u << 20);
    for (size_t i = 0; i < 100; i++) {
        assert_non_null(nba_arena_take(&arena, 10000));
    }
    const size_t held = arena.bytes_held;
    for (size_t round = 0; round < 10; round++) {
        nba_arena_reset(&arena);
        for (size_t i = 0; i < 100; i++) {
            assert_non_null(nba_arena_take(&arena, 10000));
        }
    }
    assert_int_equal(arena.bytes_held, held);
    nba_arena_clear(&arena);
}

static void test_arena_gives_null_at_its_ceiling(void **state)
{
    struct nba_arena arena;
    (void)state;
    nba_arena_init(&arena, 300 * 1024);
    assert_non_null(nba_arena_take(&arena, 200 * 1024));
    assert_null(nba_arena_take(&arena, 100 * 1024));
    assert_null(nba_arena_take(&arena, SIZE_MAX));
    assert_null(nba_arena_zeros(&arena, SIZE_MAX / 2, 3));
    nba_arena_clear(&arena);
}

static void test_buffer_fails_once_and_stays_failed(void **state)
{
    struct nba_buf buf;
    (void)state;
    nba_buf_init(&buf, 1000);
    for (size_t i = 0; i < 100; i++) {
        nba_buf_append(&buf, "0123456789", 10);
    }
    assert_false(buf.failed);
    nba_buf_append_byte(&buf, 'x');
    assert_true(buf.failed);
    assert_int_equal(buf.bytes, 1000);
    nba_buf_reset(&buf);
    nba_buf_printf(&buf, "%d-%s", 7, "seven");
    assert_str_equal(nba_buf_str(&buf), "7-seven");
    nba_buf_clear(&buf);
}

static void test_varints_come_back_and_overlong_ones_are_refused(void **state)
{
    static const int64_t values[] = {0, 1, -1, 63, 64, -64, -65, INT64_MAX, INT64_MIN};
    static const unsigned char overlong[] = {0xff, 0xff, 0xff, 0xff, 0xff,
                                             0xff, 0xff, 0xff, 0xff, 2};
    struct nba_buf buf;
    (void)state;
    nba_buf_init(&buf, 1000);
    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        nba_buf_append_zigzag(&buf, values[i]);
    }
    struct nba_cursor cursor = nba_cursor(buf.data, buf.bytes);
    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        assert_true(nba_cursor_zigzag(&cursor) == values[i]);
    }
    assert_false(cursor.failed);
    assert_int_equal(nba_cursor_left(&cursor), 0);
    assert_int_equal(nba_cursor_byte(&cursor), 0);
    assert_true(cursor.failed);
    cursor = nba_cursor(overlong, sizeof(overlong));
    (void)nba_cursor_varint(&cursor);
    assert_true(cursor.failed);
    nba_buf_clear(&buf);
}

static void test_a_list_grows_with_what_it_has(void **state)
{
    uint32_t *items = NULL;
    size_t capacity = 0;
    (void)state;
    for (uint32_t i = 0; i < 1000; i++) {
        items = nba_room(items, i, &capacity, sizeof(*items));
        assert_true(capacity > i && capacity <= 2 * (size_t)i + 16);
        items[i] = i;
    }
    for (uint32_t i = 0; i < 1000; i++) {
        assert_int_equal(items[i], i);
    }
    free(items);
    char *copy = nba_copy("text");
    assert_string_equal(copy, "text");
    assert_null(nba_copy(NULL));
    free(copy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_arena_memory_is_aligned_and_disjoint),
        cmocka_unit_test(test_arena_reuses_its_blocks_after_a_reset),
        cmocka_unit_test(test_a_list_grows_with_what_it_has),
        cmocka_unit_test(test_arena_gives_null_at_its_ceiling),
        cmocka_unit_test(test_buffer_fails_once_and_stays_failed),
        cmocka_unit_test(test_varints_come_back_and_overlong_ones_are_refused),
    };
    return cmocka_run_group_tests_name("unit.base.memory", tests, NULL, NULL);
}
