/* Timers: order, overlay and index joined, stale keys, and the round over open actions. */
#include "store_fixture.h"

static void add_timer(struct store_fixture *s, const char *hcp_id, const char *id, int64_t due_ms)
{
    assert_true(nba_hcp_add_timer(
        get(s, hcp_id),
        &(struct nba_timer){.due_ms = due_ms, .kind = NBA_TIMER_EXPIRY, .id = nba_str_of(id)}));
}

/* Takes the next timer and writes "hcp/id@due" (due relative to T0); false when none is due. */
static bool next(struct store_fixture *s, int64_t now_ms, char *ret_text, size_t bytes)
{
    bool found = false;
    struct nba_hcp *hcp = NULL;
    struct nba_timer timer;
    assert_ok(s, nba_task_next_timer(s->task, now_ms, &found, &hcp, &timer, &s->f.error));
    if (found) {
        (void)snprintf(ret_text, bytes, "%.*s/%.*s@%lld", NBA_STR_ARG(hcp->hcp_id),
                       NBA_STR_ARG(timer.id), (long long)(timer.due_ms - T0));
    }
    return found;
}

static void expect_timers(struct store_fixture *s, int64_t now_ms, const char *const *expected,
                          size_t count)
{
    char text[256];
    for (size_t i = 0; i < count; i++) {
        assert_true(next(s, now_ms, text, sizeof(text)));
        assert_string_equal(text, expected[i]);
    }
    assert_false(next(s, now_ms, text, sizeof(text)));
}

static void add_four(struct store_fixture *s)
{
    add_timer(s, "hcp-b", "x", T0 + 20);
    add_timer(s, "hcp-b", "w", T0 + 20);
    add_timer(s, "hcp-a", "z", T0 + 20);
    add_timer(s, "hcp-c", "a", T0 + 10);
}

static const char *const in_order[] = {"hcp-c/a@10", "hcp-a/z@20", "hcp-b/w@20", "hcp-b/x@20"};

static void test_timers_come_by_due_then_hcp_then_id_from_the_overlay(void **state)
{
    struct store_fixture s;
    (void)state;
    store_fixture_init(&s, 1u << 20);
    begin(&s);
    add_four(&s);
    expect_timers(&s, T0 + 9, NULL, 0);
    expect_timers(&s, T0 + 20, in_order, 4);
    nba_task_drop(s.task);
    store_fixture_clear(&s);
}

static void test_the_same_timers_come_in_the_same_order_from_the_index(void **state)
{
    struct store_fixture s;
    (void)state;
    store_fixture_init(&s, 1u << 20);
    begin(&s);
    add_four(&s);
    commit(&s);
    assert_true(nba_task_next_due_ms(s.task) <= T0 + 10);
    close_store(&s); /* and after a restart, from disk */
    open_store(&s);
    assert_true(nba_task_next_due_ms(s.task) == T0 + 10);
    begin(&s);
    expect_timers(&s, T0 + 9, NULL, 0);
    expect_timers(&s, T0 + 20, in_order, 4);
    commit(&s);
    begin(&s);
    expect_timers(&s, T0 + 1000, NULL, 0);
    assert_true(nba_task_next_due_ms(s.task) == INT64_MAX);
    nba_task_drop(s.task);
    store_fixture_clear(&s);
}

static void test_timers_of_the_overlay_and_the_index_are_merged(void **state)
{
    static const char *const expected[] = {"hcp-d/n@15", "hcp-a/z@20", "hcp-b/new@20", "hcp-b/w@20",
                                           "hcp-b/x@20"};
    struct store_fixture s;
    (void)state;
    store_fixture_init(&s, 1u << 20);
    begin(&s);
    add_four(&s);
    commit(&s);
    begin(&s);
    /* Changed within the transaction: one gone, two new. */
    assert_true(nba_hcp_remove_timer(get(&s, "hcp-c"), NBA_TIMER_EXPIRY, nba_str_of("a")));
    add_timer(&s, "hcp-b", "new", T0 + 20);
    add_timer(&s, "hcp-d", "n", T0 + 15);
    expect_timers(&s, T0 + 20, expected, 5);
    nba_task_drop(s.task);
    store_fixture_clear(&s);
}

static void test_an_abort_brings_taken_timers_back(void **state)
{
    struct store_fixture s;
    (void)state;
    store_fixture_init(&s, 1u << 20);
    begin(&s);
    add_four(&s);
    commit(&s);
    for (uint32_t round = 0; round < 2; round++) {
        begin(&s);
        expect_timers(&s, T0 + 20, in_order, 4);
        nba_task_drop(s.task);
    }
    store_fixture_clear(&s);
}

static void test_a_timer_added_while_one_fires_is_not_overlooked(void **state)
{
    char text[256];
    struct store_fixture s;
    (void)state;
    store_fixture_init(&s, 1u << 20);
    begin(&s);
    add_four(&s);
    commit(&s);
    begin(&s);
    assert_true(next(&s, T0 + 20, text, sizeof(text)));
    assert_string_equal(text, "hcp-c/a@10");
    add_timer(&s, "hcp-c", "again", T0 + 12);
    assert_true(next(&s, T0 + 20, text, sizeof(text)));
    assert_string_equal(text, "hcp-c/again@12");
    nba_task_drop(s.task);
    store_fixture_clear(&s);
}

/* Random timers, with the transaction's end anywhere: always what a sorted list says. */
static void test_where_transactions_end_makes_no_difference(void **state)
{
    char *log[3] = {NULL};
    (void)state;
    for (uint32_t round = 0; round < 3; round++) {
        struct store_fixture s;
        struct nba_rng rng = nba_rng(5);
        char text[256];
        size_t length = 0;
        log[round] = calloc(1, 1u << 20);
        store_fixture_init(&s, round == 2 ? 1024 : 1u << 20);
        begin(&s);
        int64_t clock_ms = T0;
        uint64_t fired = 0;
        for (uint64_t step = 0; step < 3000; step++) {
            clock_ms += (int64_t)nba_rng_below(&rng, 20);
            while (next(&s, clock_ms, text, sizeof(text))) {
                length += (size_t)snprintf(log[round] + length, (1u << 20) - length, "%s\n", text);
                fired++;
            }
            const struct nba_str hcp_id = text_of(&s.f, "hcp-", nba_rng_below(&rng, 100));
            const struct nba_str id = text_of(&s.f, "t-", nba_rng_below(&rng, 4));
            const int64_t due_ms = clock_ms + (int64_t)nba_rng_below(&rng, 600);
            if (nba_rng_below(&rng, 4) == 0) {
                (void)nba_hcp_remove_timer(get(&s, hcp_id.data), NBA_TIMER_EXPIRY, id);
            } else {
                add_timer(&s, hcp_id.data, id.data, due_ms);
            }
            if (round != 0 && step % (round == 1 ? 7 : 97) == 0) {
                commit(&s);
                begin(&s);
            }
        }
        assert_true(fired > 300);
        nba_task_drop(s.task);
        store_fixture_clear(&s);
    }
    assert_string_equal(log[0], log[1]);
    assert_string_equal(log[0], log[2]);
    for (uint32_t round = 0; round < 3; round++) {
        free(log[round]);
    }
}

static void add_action(struct store_fixture *s, const char *hcp_id, uint64_t number, int64_t due_ms)
{
    struct nba_open_action action = action_of(&s->f, number, T0);
    action.expires_at_ms = due_ms;
    assert_true(nba_hcp_add_action(get(s, hcp_id), &action));
}

/* The next open action of the sweep is closed, as a recall does; false at its end. */
static bool sweep_closes(struct store_fixture *s, const char *expected_hcp)
{
    const struct nba_hcp *hcp = NULL;
    struct nba_str action_id;
    assert_ok(s, nba_task_sweep_next(s->task, &hcp, &action_id, &s->f.error));
    if (hcp == NULL) {
        return false;
    }
    assert_str_equal(hcp->hcp_id, expected_hcp);
    assert_true(nba_hcp_close_action(get(s, expected_hcp), action_id));
    nba_task_meta(s->task)->sweep_recalls++;
    return true;
}

static void test_a_sweep_sees_every_open_action_once_also_after_an_abort_and_a_restart(void **state)
{
    struct store_fixture s;
    (void)state;
    store_fixture_init(&s, 1u << 20);
    begin(&s);
    add_action(&s, "hcp-a", 1, T0 + 30);
    add_action(&s, "hcp-b", 2, T0 + 10);
    add_action(&s, "hcp-a", 3, T0 + 20);
    commit(&s);
    begin(&s);
    nba_task_sweep_begin(s.task);
    assert_true(sweep_closes(&s, "hcp-b"));
    commit(&s);
    begin(&s);
    assert_true(sweep_closes(&s, "hcp-a"));
    nba_task_drop(s.task); /* so that one is still open */
    close_store(&s);
    open_store(&s);
    begin(&s);
    assert_int_equal(nba_task_meta(s.task)->sweep_recalls, 1);
    assert_true(sweep_closes(&s, "hcp-a"));
    assert_int_equal(get(&s, "hcp-a")->action_count, 1);
    assert_true(sweep_closes(&s, "hcp-a"));
    assert_false(sweep_closes(&s, NULL));
    assert_int_equal(nba_task_meta(s.task)->sweep_recalls, NBA_SWEEP_NONE);
    commit(&s);
    store_fixture_clear(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(
            test_a_sweep_sees_every_open_action_once_also_after_an_abort_and_a_restart),
        cmocka_unit_test(test_timers_come_by_due_then_hcp_then_id_from_the_overlay),
        cmocka_unit_test(test_the_same_timers_come_in_the_same_order_from_the_index),
        cmocka_unit_test(test_timers_of_the_overlay_and_the_index_are_merged),
        cmocka_unit_test(test_an_abort_brings_taken_timers_back),
        cmocka_unit_test(test_a_timer_added_while_one_fires_is_not_overlooked),
        cmocka_unit_test(test_where_transactions_end_makes_no_difference),
    };
    return cmocka_run_group_tests_name("unit.state.task_timer", tests, NULL, NULL);
}
