/* A rep's record: its bytes, and its life in a task. */
#include "store_fixture.h"

#include "nba/state/rep.h"

static void add(struct nba_rep_state *rep, const char *action_id, int64_t time_ms)
{
    assert_true(nba_rep_add(rep, &(struct nba_rep_alert){.channel = NBA_CHANNEL_REP,
                                                         .time_ms = time_ms,
                                                         .open = true,
                                                         .partition = 3,
                                                         .priority = 0.297,
                                                         .expires_at_ms = time_ms + 5,
                                                         .action_id = nba_str_of(action_id),
                                                         .message = nba_str_of("message")}));
}

static struct nba_rep_state *example(struct nba_arena *arena)
{
    struct nba_rep_state *rep = calloc(1, sizeof(*rep));
    assert_non_null(rep);
    nba_rep_init(rep, nba_str_of("rep-1"), arena);
    rep->clock_ms = 1000;
    add(rep, "dec:web#a:1", 900);
    add(rep, "dec:web#b:1", 950);
    add(rep, "dec:web#c:2", 1000);
    rep->alerts[1].seen = true;
    nba_rep_end(&rep->alerts[0]);
    return rep;
}

static void test_a_record_comes_back_and_no_part_of_one_does(void **state)
{
    struct nba_arena arena;
    struct nba_buf bytes;
    struct nba_buf again;
    (void)state;
    nba_arena_init(&arena, 1u << 22);
    nba_buf_init(&bytes, 1u << 16);
    nba_buf_init(&again, 1u << 16);
    struct nba_rep_state *rep = example(&arena);
    struct nba_rep_state *read = calloc(1, sizeof(*read));
    assert_non_null(read);
    assert_int_equal(nba_rep_encode(rep, &bytes), NBA_OK);
    const struct nba_str whole = nba_buf_str(&bytes);
    assert_int_equal(nba_rep_decode(whole, nba_str_of("rep-1"), &arena, read, NULL), NBA_OK);
    assert_int_equal(nba_rep_encode(read, &again), NBA_OK);
    assert_true(nba_str_equal(nba_buf_str(&again), whole));
    assert_int_equal(read->count, 3);
    assert_null(nba_rep_find(read, nba_str_of("dec:web#a:1")));
    assert_true(nba_rep_find(read, nba_str_of("dec:web#b:1"))->seen);
    assert_int_equal(nba_rep_find(read, nba_str_of("dec:web#c:2"))->partition, 3);
    for (size_t cut = 0; cut < whole.bytes; cut++) {
        assert_int_equal(
            nba_rep_decode(nba_str(whole.data, cut), nba_str_of("rep-1"), &arena, read, NULL),
            NBA_E_CORRUPT);
    }
    bytes.data[0] = 2;
    assert_int_equal(nba_rep_decode(nba_buf_str(&bytes), nba_str_of("rep-1"), &arena, read, NULL),
                     NBA_E_VERSION);
    free(rep);
    free(read);
    nba_buf_clear(&bytes);
    nba_buf_clear(&again);
    nba_arena_clear(&arena);
}

static void test_a_full_record_takes_no_more(void **state)
{
    struct nba_arena arena;
    (void)state;
    nba_arena_init(&arena, 1u << 22);
    struct nba_rep_state *rep = example(&arena);
    while (rep->count < NBA_REP_ALERTS_MAX) {
        add(rep, "dec:web#x:1", 1000);
    }
    assert_false(
        nba_rep_add(rep, &(struct nba_rep_alert){.open = true, .action_id = nba_str_of("more")}));
    free(rep);
    nba_arena_clear(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_record_comes_back_and_no_part_of_one_does),
        cmocka_unit_test(test_a_full_record_takes_no_more),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
