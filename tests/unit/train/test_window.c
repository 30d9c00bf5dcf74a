/* Training cuts windows by the rule that serving follows. */
#include "nba_test.h"

#include "nba/state/hcp.h"
#include "nba/train/window.h"

static void test_every_target_is_learned_once_with_the_context_that_serves_it(void **state)
{
    static const uint32_t widths[] = {1, 3, 8};
    (void)state;
    for (size_t w = 0; w < 3; w++) {
        const uint32_t W = widths[w];
        for (uint32_t length = 0; length < 6 * W + 3; length++) {
            uint32_t next = 1;
            for (uint32_t i = 0; i < nba_window_count(length, W); i++) {
                const struct nba_window run = nba_window_at(i, length, W);
                assert_int_equal(run.start + run.loss_from, next);
                assert_true(run.start + run.count <= length);
                for (; next < run.start + run.count; next++) {
                    assert_int_equal(nba_window_start(next, W), run.start);
                }
            }
            assert_int_equal(next, length > 1 ? length : 1);
        }
    }
}

static void test_a_window_starts_where_the_hcps_record_says(void **state)
{
    struct nba_arena arena;
    struct nba_hcp *hcp = calloc(1, sizeof(*hcp));
    (void)state;
    assert_non_null(hcp);
    nba_arena_init(&arena, 1u << 20);
    nba_hcp_init(hcp, nba_str_of("H1"), &arena);
    for (uint32_t n = 0; n < 300; n++) {
        uint64_t start = 0;
        uint32_t count = 0;
        nba_hcp_window(hcp, 64, &start, &count);
        assert_int_equal(start, nba_window_start(n, 64));
        assert_int_equal(count, n - nba_window_start(n, 64));
        nba_hcp_push(hcp, &(struct nba_ring_event){.content_hash = n});
    }
    nba_arena_clear(&arena);
    free(hcp);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_target_is_learned_once_with_the_context_that_serves_it),
        cmocka_unit_test(test_a_window_starts_where_the_hcps_record_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
