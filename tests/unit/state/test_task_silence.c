/* Silence: who is forgotten and when, and that neither transactions nor restores have a say in it.
 * The ordinary rule is written down here a second time, as a table of last events. */
#include "store_fixture.h"

#include "nba/kv/kv.h"

#define TTL_DAYS 10
#define HCPS     30

static void fixture_with_ttl(struct store_fixture *s, struct nba_duration ttl)
{
    store_fixture_init(s, 1u << 20);
    close_store(s);
    s->options.inactive_ttl = ttl;
    open_store(s);
}

static void fixture_of_ten_days(struct store_fixture *s)
{
    fixture_with_ttl(s, (struct nba_duration){.ms = TTL_DAYS * DAY});
}

static void event_at(struct store_fixture *s, const char *id, int64_t time_ms)
{
    struct nba_event event = event_of(NBA_EVENT_PORTAL_CONTENT_VIEWED, "", time_ms);
    event.event_id = text_of(&s->f, "event-", (uint64_t)time_ms);
    event.content_id = nba_str_of("CX-1");
    apply(get(s, id), &event);
}

static uint32_t forget_at(struct store_fixture *s, int64_t watermark_ms, uint32_t looks_max,
                          bool *ret_more)
{
    uint32_t forgotten = 0;
    assert_ok(s, nba_task_forget_silent(s->task, watermark_ms, looks_max, &forgotten, ret_more,
                                        &s->f.error));
    return forgotten;
}

static uint32_t forget_all(struct store_fixture *s, int64_t watermark_ms)
{
    bool more = false;
    const uint32_t forgotten = forget_at(s, watermark_ms, 1000, &more);
    assert_false(more);
    return forgotten;
}

static void test_the_silent_are_forgotten_with_a_tombstone_at_the_end_of_their_silence(void **state)
{
    struct store_fixture s;
    const struct nba_change *changes = NULL;
    (void)state;
    fixture_of_ten_days(&s);
    begin(&s);
    event_at(&s, "silent", T0);
    event_at(&s, "lively", T0);
    commit(&s);
    begin(&s);
    event_at(&s, "lively", T0 + DAY);
    assert_int_equal(forget_all(&s, T0 + TTL_DAYS * DAY - 1), 0);
    assert_true(nba_task_silence_ends(s.task, T0 + TTL_DAYS * DAY));
    assert_int_equal(forget_all(&s, T0 + TTL_DAYS * DAY), 1);
    assert_int_equal(seal(&s, &changes), 3); /* lively, silent, meta: in the order of keys */
    assert_true(nba_str_is(changes[1].key, "Hsilent"));
    assert_true(changes[1].deleted);
    commit(&s);
    begin(&s);
    assert_false(get(&s, "silent")->stored);
    assert_true(get(&s, "lively")->stored);
    /* The index was moved on, not lost. */
    assert_false(nba_task_silence_ends(s.task, T0 + (TTL_DAYS + 1) * DAY - 1));
    assert_int_equal(forget_all(&s, T0 + (TTL_DAYS + 1) * DAY), 1);
    commit(&s);
    begin(&s);
    assert_false(nba_task_silence_ends(s.task, T0 + 1000 * DAY));
    nba_task_drop(s.task);
    store_fixture_clear(&s);
}

static void test_years_are_counted_by_the_calendar(void **state)
{
    struct store_fixture s;
    int64_t leap_ms = 0;
    int64_t end_ms = 0;
    (void)state;
    assert_true(nba_time_parse(nba_str_of("2024-02-29T12:00:00Z"), &leap_ms));
    assert_true(nba_time_parse(nba_str_of("2027-02-28T12:00:00Z"), &end_ms));
    fixture_with_ttl(&s, (struct nba_duration){.months = 36});
    begin(&s);
    event_at(&s, "silent", leap_ms);
    assert_int_equal(forget_all(&s, end_ms - 1), 0);
    assert_int_equal(forget_all(&s, end_ms), 1);
    nba_task_drop(s.task);
    store_fixture_clear(&s);
}

static void test_opt_outs_are_remembered_and_nothing_else(void **state)
{
    struct store_fixture s;
    (void)state;
    fixture_of_ten_days(&s);
    begin(&s);
    event_at(&s, "hcp-1", T0);
    struct nba_consent consent = {.channel = NBA_CHANNEL_EMAIL,
                                  .scope = NBA_CONSENT_SCOPE_CHANNEL,
                                  .status = NBA_CONSENT_STATUS_OPT_OUT,
                                  .captured_at_ms = T0,
                                  .expires_at_ms = NBA_TIME_NONE,
                                  .evidence_event_id = nba_str_of("ev-1")};
    nba_hcp_put_consent(get(&s, "hcp-1"), &consent);
    consent.channel = NBA_CHANNEL_REP;
    consent.status = NBA_CONSENT_STATUS_OPT_IN;
    nba_hcp_put_consent(get(&s, "hcp-1"), &consent);
    commit(&s);
    begin(&s);
    assert_int_equal(forget_all(&s, T0 + 11 * DAY), 1);
    commit(&s);
    begin(&s);
    struct nba_hcp *hcp = get(&s, "hcp-1");
    assert_true(hcp->stored);
    assert_int_equal(hcp->consent_count, 1);
    assert_int_equal(hcp->consents[0].channel, NBA_CHANNEL_EMAIL);
    assert_int_equal(hcp->pushed, 0);
    assert_int_equal(hcp->touches, 0);
    assert_int_equal(hcp->recent_count, 0);
    assert_int_equal(forget_all(&s, T0 + 1000 * DAY), 0); /* nothing is left to be forgotten */
    event_at(&s, "hcp-1", T0 + 1001 * DAY);
    commit(&s); /* a second life ends like the first */
    begin(&s);
    assert_int_equal(forget_all(&s, T0 + 1011 * DAY), 1);
    nba_task_drop(s.task);
    store_fixture_clear(&s);
}

static void test_an_open_action_keeps_its_hcp(void **state)
{
    struct store_fixture s;
    (void)state;
    fixture_of_ten_days(&s);
    begin(&s);
    event_at(&s, "hcp-1", T0);
    const struct nba_open_action action = action_of(&s.f, 1, T0);
    assert_true(nba_hcp_add_action(get(&s, "hcp-1"), &action));
    commit(&s);
    for (int64_t day = 10; day < 13; day++) {
        begin(&s);
        assert_true(nba_task_silence_ends(s.task, T0 + day * DAY));
        assert_int_equal(forget_all(&s, T0 + day * DAY), 0);
        commit(&s);
    }
    begin(&s);
    assert_true(nba_hcp_close_action(get(&s, "hcp-1"), action.action_id));
    assert_int_equal(forget_all(&s, T0 + 13 * DAY), 1);
    nba_task_drop(s.task);
    store_fixture_clear(&s);
}

static void test_what_is_too_much_for_one_transaction_goes_on_in_the_next(void **state)
{
    struct store_fixture s;
    uint32_t forgotten = 0;
    uint32_t transactions = 0;
    (void)state;
    fixture_of_ten_days(&s);
    begin(&s);
    for (uint64_t i = 0; i < 25; i++) {
        event_at(&s, text_of(&s.f, "hcp-", i).data, T0);
    }
    commit(&s);
    for (bool more = true; more; transactions++) {
        begin(&s);
        forgotten += forget_at(&s, T0 + 20 * DAY, 10, &more);
        commit(&s);
    }
    assert_int_equal(forgotten, 25);
    assert_int_equal(transactions, 3);
    store_fixture_clear(&s);
}

/* ---- a life, run in different ways ---- */

struct record {
    struct nba_str key, value;
    bool deleted;
    int64_t offset;
};

struct life {
    struct store_fixture *s;
    struct nba_rng chance; /* of borders and restores, not of what happens */
    struct record records[40000];
    size_t record_count;
    uint32_t restores;
};

static void commit_and_log(struct life *life)
{
    struct store_fixture *s = life->s;
    const struct nba_change *changes = NULL;
    const size_t count = seal(s, &changes);
    for (size_t i = 0; i < count; i++) {
        assert_true(life->record_count < NBA_ARRAY_COUNT(life->records));
        life->records[life->record_count++] = (struct record){
            nba_arena_copy(&s->f.arena, changes[i].key),
            nba_arena_copy(&s->f.arena, changes[i].value), changes[i].deleted, s->changelog_next++};
    }
    nba_task_set_changelog_next(s->task, s->changelog_next, T0);
    assert_ok(s, nba_state_store_write(s->store, &s->task, 1, &s->f.error));
}

static void restore_whole(struct life *life)
{
    struct store_fixture *s = life->s;
    const struct nba_changelog_bounds bounds = {.now_ms = T0};
    bool again = false;
    int64_t from = 0;
    assert_ok(s, nba_task_restore_begin(s->task, NBA_RESTORE_WHOLE, &bounds, &from, &s->f.error));
    for (size_t i = 0; i < life->record_count; i++) {
        const struct record *r = &life->records[i];
        assert_ok(s, nba_task_restore_apply(s->task, r->key, r->value, r->deleted, r->offset,
                                            &s->f.error));
    }
    assert_ok(s, nba_task_restore_end(s->task, s->changelog_next, &again, &s->f.error));
    life->restores++;
}

/* Now and then a transaction ends, the store is opened anew or restored. */
static void maybe_border(struct life *life)
{
    struct store_fixture *s = life->s;
    if (nba_rng_below(&life->chance, 7) != 0) {
        return;
    }
    commit_and_log(life);
    const uint64_t what = nba_rng_below(&life->chance, 12);
    if (what == 0) {
        close_store(s);
        open_store(s);
    } else if (what == 1) {
        restore_whole(life);
    }
    begin(s);
}

static void run_life(uint64_t seed, uint64_t chance, char ret_hash[NBA_SHA256_TEXT_BYTES])
{
    static struct life life;
    struct store_fixture s;
    struct nba_rng rng = nba_rng(seed);
    int64_t last[HCPS];
    int64_t watermark = T0;
    fixture_of_ten_days(&s);
    life.s = &s;
    life.record_count = 0;
    life.chance = nba_rng(chance);
    for (int i = 0; i < HCPS; i++) {
        last[i] = NBA_TIME_NONE;
    }
    begin(&s);
    for (int n = 0; n < 600; n++) {
        const uint64_t who = nba_rng_below(&rng, HCPS) * nba_rng_below(&rng, HCPS) / HCPS;
        const int64_t before = watermark;
        watermark += (int64_t)nba_rng_below(&rng, (uint64_t)DAY);
        uint32_t expected = 0;
        for (int i = 0; i < HCPS && watermark / DAY != before / DAY; i++) {
            if (last[i] != NBA_TIME_NONE && last[i] + TTL_DAYS * DAY <= watermark) {
                last[i] = NBA_TIME_NONE;
                expected++;
            }
        }
        uint32_t forgotten = 0;
        if (watermark / DAY != before / DAY && nba_task_silence_ends(s.task, watermark)) {
            forgotten = forget_all(&s, watermark);
        }
        assert_int_equal(forgotten, expected);
        struct nba_hcp *hcp = get(&s, text_of(&s.f, "hcp-", who).data);
        assert_true((hcp->last_event_ms == NBA_TIME_NONE) == (last[who] == NBA_TIME_NONE));
        event_at(&s, text_of(&s.f, "hcp-", who).data, watermark);
        last[who] = watermark;
        maybe_border(&life);
    }
    commit_and_log(&life);
    hash_of(&s, ret_hash);
    store_fixture_clear(&s);
    assert_true(chance == 0 || life.restores > 0);
}

static void test_borders_and_restores_have_no_say(void **state)
{
    char first[NBA_SHA256_TEXT_BYTES];
    char other[NBA_SHA256_TEXT_BYTES];
    (void)state;
    for (uint64_t seed = 1; seed <= 2; seed++) {
        run_life(seed, 1, first);
        for (uint64_t chance = 2; chance <= 3; chance++) {
            run_life(seed, chance, other);
            assert_string_equal(first, other);
        }
    }
}

static void test_another_ttl_or_an_older_program_asks_for_a_whole_restore(void **state)
{
    const struct nba_changelog_bounds bounds = {0, 100, T0, DAY};
    struct store_fixture s;
    const char *why = NULL;
    (void)state;
    fixture_of_ten_days(&s);
    begin(&s);
    event_at(&s, "hcp-1", T0);
    commit(&s);
    close_store(&s);
    open_store(&s);
    assert_int_equal(nba_task_plan_restore(s.task, &bounds, &why), NBA_RESTORE_TAIL);
    close_store(&s);
    s.options.inactive_ttl.ms -= DAY;
    open_store(&s);
    assert_int_equal(nba_task_plan_restore(s.task, &bounds, &why), NBA_RESTORE_WHOLE);
    assert_non_null(strstr(why, "state.inactive_ttl"));
    close_store(&s);
    s.options.inactive_ttl.ms += DAY;

    /* What stood under 'c' before there was an index of silences: the position alone. */
    const struct nba_kv_options options = {.create = false};
    struct nba_kv *kv = NULL;
    struct nba_kv_cf *cf = NULL;
    assert_ok(&s, nba_kv_open(s.path, &options, &kv, &s.f.error));
    assert_ok(&s, nba_kv_cf_open(kv, "hcp.engagement.v1-0", &cf, &s.f.error));
    struct nba_kv_batch *batch = nba_kv_batch_create();
    nba_kv_batch_put(batch, cf, nba_str_of("c"), nba_str("\x03\0\0\0\0\0\0\0", 8));
    assert_ok(&s, nba_kv_write(kv, batch, &s.f.error));
    nba_kv_batch_destroy(batch);
    nba_kv_close(kv);
    open_store(&s);
    assert_int_equal(nba_task_committed_meta(s.task)->changelog_next, 3);
    assert_int_equal(nba_task_plan_restore(s.task, &bounds, &why), NBA_RESTORE_WHOLE);
    store_fixture_clear(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(
            test_the_silent_are_forgotten_with_a_tombstone_at_the_end_of_their_silence),
        cmocka_unit_test(test_years_are_counted_by_the_calendar),
        cmocka_unit_test(test_opt_outs_are_remembered_and_nothing_else),
        cmocka_unit_test(test_an_open_action_keeps_its_hcp),
        cmocka_unit_test(test_what_is_too_much_for_one_transaction_goes_on_in_the_next),
        cmocka_unit_test(test_borders_and_restores_have_no_say),
        cmocka_unit_test(test_another_ttl_or_an_older_program_asks_for_a_whole_restore),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
