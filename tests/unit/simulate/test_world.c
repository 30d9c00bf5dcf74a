/* The simulated market: the same bits for the same seed, and every planted signal is there. */
#include "nba_test.h"

#include <math.h>

#include "nba/base/hash.h"
#include "nba/base/time_text.h"
#include "nba/simulate/world.h"

static struct nba_world_options options_of(uint64_t events, uint64_t seed)
{
    struct nba_world_options options = nba_world_options_for(events, seed);
    options.hcps = 200;
    options.contents = 48;
    return options;
}

/* Hash of all that the world says. */
static void digest(uint64_t seed, char ret_text[NBA_SHA256_TEXT_BYTES])
{
    const struct nba_world_options options = options_of(3000, seed);
    struct nba_world *world = nba_world_create(&options);
    struct nba_sha256 *sha = nba_sha256_create();
    struct nba_arena arena;
    struct nba_event event;
    nba_arena_init(&arena, 1u << 20);
    while (nba_world_next(world, &arena, &event)) {
        nba_sha256_update_sized(sha, event.event_id);
        nba_sha256_update_sized(sha, event.hcp_id);
        nba_sha256_update_sized(sha, event.content_id);
        nba_sha256_update(sha, &event.event_time_ms, sizeof(event.event_time_ms));
        nba_sha256_update(sha, &event.type, sizeof(event.type));
        nba_arena_reset(&arena);
    }
    nba_sha256_finish(sha, ret_text);
    nba_sha256_destroy(sha);
    nba_arena_clear(&arena);
    nba_world_destroy(world);
}

static void test_the_same_seed_says_the_same_and_another_does_not(void **state)
{
    char one[NBA_SHA256_TEXT_BYTES];
    char two[NBA_SHA256_TEXT_BYTES];
    char other[NBA_SHA256_TEXT_BYTES];
    (void)state;
    digest(7, one);
    digest(7, two);
    digest(8, other);
    assert_string_equal(one, two);
    assert_string_not_equal(one, other);
}

static void test_the_flow_has_as_many_events_as_asked_for_in_about_the_time(void **state)
{
    const struct nba_world_options options = nba_world_options_for(20000, 1);
    struct nba_world *world = nba_world_create(&options);
    struct nba_arena arena;
    struct nba_event event;
    uint64_t count = 0;
    (void)state;
    nba_arena_init(&arena, 1u << 20);
    while (nba_world_next(world, &arena, &event)) {
        count++;
        nba_arena_reset(&arena);
    }
    const double days = (double)(nba_world_now_ms(world) - INT64_C(1767592800000)) / 86400000.0;
    assert_int_equal(count, 20000);
    assert_true(days > 60 && days < 240);
    nba_arena_clear(&arena);
    nba_world_destroy(world);
}

struct shares {
    unsigned events, bots, late, duplicates, opt_outs, with_content;
};

static struct shares count_shares(void)
{
    const struct nba_world_options options = options_of(20000, 3);
    struct nba_world *world = nba_world_create(&options);
    struct nba_arena arena;
    struct nba_event event;
    struct shares shares = {0};
    int64_t newest = INT64_MIN;
    unsigned char *seen = calloc(1u << 20, 1);
    nba_arena_init(&arena, 1u << 20);
    while (nba_world_next(world, &arena, &event)) {
        const uint64_t hash = nba_xxh64(event.event_id.data, event.event_id.bytes) % (8u << 20);
        const unsigned char bit = (unsigned char)(1u << (hash % 8));
        shares.events++;
        shares.bots += event.bot != NBA_BOT_NONE ? 1 : 0;
        shares.late += event.event_time_ms < newest - NBA_HOUR_MS ? 1 : 0;
        shares.duplicates += (seen[hash / 8] & bit) != 0 ? 1 : 0;
        shares.opt_outs +=
            event.type == NBA_EVENT_CONSENT_CHANGED && event.status == NBA_CONSENT_STATUS_OPT_OUT
                ? 1
                : 0;
        shares.with_content += event.content_id.bytes > 0 ? 1 : 0;
        seen[hash / 8] = (unsigned char)(seen[hash / 8] | bit);
        newest = event.event_time_ms > newest ? event.event_time_ms : newest;
        nba_arena_reset(&arena);
    }
    free(seen);
    nba_arena_clear(&arena);
    nba_world_destroy(world);
    return shares;
}

static void test_bots_duplicates_late_events_and_opt_outs_are_all_there(void **state)
{
    const struct shares shares = count_shares();
    (void)state;
    assert_in_range(shares.bots, shares.events / 1000, shares.events / 10);
    assert_in_range(shares.duplicates, shares.events / 400, shares.events / 40);
    assert_in_range(shares.late, shares.events / 400, shares.events / 20);
    assert_in_range(shares.opt_outs, 1, shares.events / 50);
    assert_true(shares.with_content > shares.events / 2);
}

static void test_the_next_stage_of_the_last_series_is_the_likeliest(void **state)
{
    const struct nba_world_options options = options_of(20000, 5);
    struct nba_world *world = nba_world_create(&options);
    struct nba_arena arena;
    struct nba_event event;
    unsigned next = 0;
    unsigned moves = 0;
    uint32_t last[200];
    (void)state;
    memset(last, 0xFF, sizeof(last));
    nba_arena_init(&arena, 1u << 20);
    while (nba_world_next(world, &arena, &event)) {
        if (event.content_id.bytes > 0 && nba_event_in_ring(&event)) {
            const uint32_t hcp = nba_world_hcp_of(world, event.hcp_id);
            const uint32_t content = nba_world_content_of(world, event.content_id);
            assert_true(hcp < 200 && content < 48);
            if (last[hcp] != UINT32_MAX && last[hcp] % 4 != 3 && content != last[hcp]) {
                moves++;
                next += content == last[hcp] + 1 ? 1 : 0;
            }
            last[hcp] = content;
        }
        nba_arena_reset(&arena);
    }
    /* One of 48 by chance. */
    assert_true(moves > 500);
    assert_true(next > moves / 6);
    nba_arena_clear(&arena);
    nba_world_destroy(world);
}

static struct nba_action action_of(enum nba_channel channel, const char *id)
{
    struct nba_action action;
    memset(&action, 0, sizeof(action));
    action.action_id = nba_str_of(id);
    action.hcp_id = nba_str_of("hcp-00003");
    action.content_id = nba_str_of("CT-0001");
    action.channel = channel;
    action.not_before_ms = INT64_MIN;
    return action;
}

/* Which answers of the kinds of `types` an action gets; bit i for types[i]. */
static unsigned answers(enum nba_channel channel, const enum nba_event_type *types, size_t count,
                        bool recalled)
{
    const struct nba_world_options options = options_of(4000, 11);
    struct nba_world *world = nba_world_create(&options);
    struct nba_action action = action_of(channel, "dec:x#1:1");
    struct nba_arena arena;
    struct nba_event event;
    unsigned got = 0;
    nba_arena_init(&arena, 1u << 20);
    assert_true(nba_world_react(world, &action));
    if (recalled) {
        action.status = NBA_ACTION_RECALLED;
        assert_true(nba_world_react(world, &action));
    }
    while (nba_world_next(world, &arena, &event)) {
        for (size_t i = 0; i < count; i++) {
            if (event.action_id.bytes > 0 && event.type == types[i]) {
                assert_str_equal(event.action_id, "dec:x#1:1");
                assert_str_equal(event.content_id, "CT-0001");
                assert_str_equal(event.hcp_id, "hcp-00003");
                got |= 1u << i;
            }
        }
        nba_arena_reset(&arena);
    }
    nba_arena_clear(&arena);
    nba_world_destroy(world);
    return got;
}

static void test_actions_are_carried_out_unless_they_are_recalled(void **state)
{
    static const enum nba_event_type mail[] = {NBA_EVENT_EMAIL_SENT, NBA_EVENT_EMAIL_DELIVERED};
    static const enum nba_event_type alert[] = {NBA_EVENT_ACTION_SHOWN};
    static const enum nba_event_type invite[] = {NBA_EVENT_ACTION_SENT};
    (void)state;
    assert_int_equal(answers(NBA_CHANNEL_EMAIL, mail, 2, false), 3);
    assert_int_equal(answers(NBA_CHANNEL_REP, alert, 1, false), 1);
    assert_int_equal(answers(NBA_CHANNEL_WEB, alert, 1, false), 1);
    assert_int_equal(answers(NBA_CHANNEL_EVENT, invite, 1, false), 1);
    assert_int_equal(answers(NBA_CHANNEL_EMAIL, mail, 2, true), 0);
    assert_int_equal(answers(NBA_CHANNEL_REP, alert, 1, true), 0);
}

static void test_actions_for_the_unknown_are_passed_over(void **state)
{
    const struct nba_world_options options = options_of(100, 1);
    struct nba_world *world = nba_world_create(&options);
    struct nba_action action = action_of(NBA_CHANNEL_EMAIL, "a");
    (void)state;
    action.hcp_id = nba_str_of("hcp-99999");
    assert_false(nba_world_react(world, &action));
    action.hcp_id = nba_str_of("somebody");
    assert_false(nba_world_react(world, &action));
    action.hcp_id = nba_str_of("hcp-00001");
    action.content_id = nba_str_of("");
    assert_false(nba_world_react(world, &action));
    nba_world_destroy(world);
}

static void test_engaged_shares_agree_with_the_true_probabilities(void **state)
{
    const struct nba_world_options options = nba_world_options_for(40000, 2);
    struct nba_world *world = nba_world_create(&options);
    struct nba_arena arena;
    struct nba_event event;
    (void)state;
    nba_arena_init(&arena, 1u << 20);
    while (nba_world_next(world, &arena, &event)) {
        nba_arena_reset(&arena);
    }
    const struct nba_world_tally tally = nba_world_tally(world);
    const double n = (double)tally.touches[0];
    assert_true(n > 2000);
    /* Five standard deviations of a sum of n Bernoulli draws. */
    assert_true(fabs((double)tally.engaged[0] - tally.expected[0]) < 5 * 0.5 * sqrt(n));
    assert_int_equal(tally.touches[1], 0);
    nba_arena_clear(&arena);
    nba_world_destroy(world);
}

static void test_facts_and_references_are_complete(void **state)
{
    const struct nba_world_options options = options_of(100, 1);
    struct nba_world *world = nba_world_create(&options);
    struct nba_arena arena;
    unsigned contents = 0;
    (void)state;
    nba_arena_init(&arena, 1u << 20);
    for (uint32_t i = 0; i < nba_world_reference_count(world); i++) {
        struct nba_reference reference;
        nba_world_reference(world, i, &arena, &reference);
        if (reference.kind == NBA_REFERENCE_CONTENT) {
            contents++;
            assert_true(reference.content.title.bytes > 10);
            assert_true(reference.content.abstract.bytes > 80);
            assert_true(reference.content.treatment_count >= 2);
            assert_int_equal(reference.content.topic_ids.count, 1);
        }
        nba_arena_reset(&arena);
    }
    assert_int_equal(contents, 48);
    assert_int_equal(nba_world_fact_count(world), 400);
    for (uint64_t i = 0; i < 400; i++) {
        struct nba_event event;
        nba_world_fact(world, i, &arena, &event);
        assert_int_equal(nba_world_hcp_of(world, event.hcp_id), i / 2);
        assert_true(event.event_time_ms < nba_world_now_ms(world));
        assert_int_equal(event.type,
                         i % 2 == 0 ? NBA_EVENT_PROFILE_UPDATED : NBA_EVENT_CONSENT_CHANGED);
        nba_arena_reset(&arena);
    }
    nba_arena_clear(&arena);
    nba_world_destroy(world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_same_seed_says_the_same_and_another_does_not),
        cmocka_unit_test(test_the_flow_has_as_many_events_as_asked_for_in_about_the_time),
        cmocka_unit_test(test_bots_duplicates_late_events_and_opt_outs_are_all_there),
        cmocka_unit_test(test_the_next_stage_of_the_last_series_is_the_likeliest),
        cmocka_unit_test(test_actions_are_carried_out_unless_they_are_recalled),
        cmocka_unit_test(test_actions_for_the_unknown_are_passed_over),
        cmocka_unit_test(test_engaged_shares_agree_with_the_true_probabilities),
        cmocka_unit_test(test_facts_and_references_are_complete),
    };
    return cmocka_run_group_tests_name("unit.simulate.world", tests, NULL, NULL);
}
