/* Held actions from their selection to their release, and the hours of the week. */
#include "state_fixture.h"

#include "nba/base/time_text.h"

static int64_t at(const char *text)
{
    int64_t ms = 0;
    assert_true(nba_time_parse(nba_str_of(text), &ms));
    return ms;
}

static struct nba_open_action hold(struct fixture *f, struct nba_hcp *hcp, uint64_t number)
{
    const struct nba_open_action action = action_of(f, number, T0);
    const struct nba_held_action held = held_of(&action);
    assert_true(nba_hcp_hold_action(hcp, &action, &held));
    return action;
}

static void test_a_held_action_keeps_what_its_message_needs_until_it_is_released(void **state)
{
    struct fixture f;
    (void)state;
    fixture_init(&f);
    struct nba_hcp *hcp = new_hcp(&f);
    const struct nba_open_action action = hold(&f, hcp, 1);
    hcp = decoded(&f, encoded(&f, hcp));
    const struct nba_held_action *held = nba_hcp_find_held(hcp, action.action_id);
    assert_non_null(held);
    assert_true(held->planned_ms == T0 + DAY);
    assert_int_equal(held->reason, NBA_REASON_HELD_QUIET_HOURS);
    assert_true(held->context_weight > 1.19 && held->driver_weights[0] > 0.16);
    assert_int_equal(held->drivers[0], NBA_DRIVER_RECENT_TOPIC_ENGAGEMENT);
    assert_str_equal(held->trigger_event_id, "ev-1");
    assert_str_equal(held->evidence[0], "ev-1");
    assert_int_equal(hcp->timers[0].kind, NBA_TIMER_RELEASE);
    assert_true(hcp->timers[0].due_ms == T0 + DAY);
    assert_true(nba_open_action_is_open(&hcp->actions[0], T0));

    assert_true(nba_hcp_remove_timer(hcp, NBA_TIMER_RELEASE, action.action_id)); /* it fires */
    nba_hcp_hold_on(hcp, action.action_id, T0 + DAY + 1);
    assert_true(hcp->timers[0].due_ms == T0 + DAY + 1);
    nba_hcp_release_action(hcp, action.action_id, T0 + DAY + 1, nba_str_of("rep-2"));
    assert_null(nba_hcp_find_held(hcp, action.action_id));
    assert_int_equal(hcp->timer_count, 1);
    assert_int_equal(hcp->timers[0].kind, NBA_TIMER_EXPIRY);
    assert_int_equal(hcp->actions[0].flags, 0);
    assert_true(hcp->actions[0].proposed_at_ms == T0 + DAY + 1);
    assert_str_equal(hcp->actions[0].rep_id, "rep-2");
    fixture_clear(&f);
}

static void test_a_closed_held_action_leaves_nothing_behind(void **state)
{
    struct fixture f;
    (void)state;
    fixture_init(&f);
    struct nba_hcp *hcp = new_hcp(&f);
    const struct nba_open_action action = hold(&f, hcp, 1);
    assert_true(nba_hcp_close_action(hcp, action.action_id));
    assert_int_equal(encoded(&f, hcp).bytes, 3);
    fixture_clear(&f);
}

static void test_nobody_outside_can_send_or_end_what_is_held(void **state)
{
    struct fixture f;
    (void)state;
    fixture_init(&f);
    struct nba_hcp *hcp = new_hcp(&f);
    const struct nba_open_action action = hold(&f, hcp, 1);
    struct nba_event event = event_of(NBA_EVENT_ACTION_SENT, "sent", T0 + 1);
    event.action_id = action.action_id;
    apply(hcp, &event);
    event = event_of(NBA_EVENT_ACTION_NOT_SENT, "not-sent", T0 + 2);
    event.action_id = action.action_id;
    apply(hcp, &event);
    assert_int_equal(hcp->action_count, 1);
    assert_int_equal(hcp->actions[0].flags, NBA_OPEN_ACTION_HELD);
    fixture_clear(&f);
}

static void test_a_full_list_of_held_actions_refuses(void **state)
{
    struct fixture f;
    (void)state;
    fixture_init(&f);
    struct nba_hcp *hcp = new_hcp(&f);
    for (uint64_t i = 0; i < NBA_HCP_HELD_MAX; i++) {
        (void)hold(&f, hcp, i);
    }
    const struct nba_open_action action = action_of(&f, 99, T0);
    const struct nba_held_action held = held_of(&action);
    assert_false(nba_hcp_hold_action(hcp, &action, &held));
    assert_true(nba_hcp_add_action(hcp, &action));
    const struct nba_str once = encoded(&f, hcp);
    assert_bytes_equal(encoded(&f, decoded(&f, once)), once);
    fixture_clear(&f);
}

static void open_at(struct nba_hcp *hcp, const char *time, enum nba_bot bot)
{
    struct nba_event event = event_of(NBA_EVENT_EMAIL_OPENED, "o", at(time));
    event.bot = bot;
    nba_hcp_apply_week(hcp, &event);
}

static void test_opens_count_by_the_hour_that_the_clock_of_the_hcp_shows(void **state)
{
    struct fixture f;
    (void)state;
    fixture_init(&f);
    struct nba_hcp *hcp = new_hcp(&f);
    open_at(hcp, "2026-11-01T01:30:00Z", NBA_BOT_NONE); /* no zone yet */
    hcp->profile.tz = nba_str_of("America/New_York");
    open_at(hcp, "2026-11-01T01:30:00Z", NBA_BOT_NONE);  /* Saturday, 21:30 */
    open_at(hcp, "2026-11-01T05:30:00Z", NBA_BOT_NONE);  /* Sunday, 01:30 */
    open_at(hcp, "2026-11-01T06:30:00Z", NBA_BOT_NONE);  /* Sunday, 01:30 once more */
    open_at(hcp, "2026-11-01T06:30:00Z", NBA_BOT_APPLE); /* a machine */
    assert_int_equal(hcp->week[5 * 24 + 21], 1);
    assert_int_equal(hcp->week[6 * 24 + 1], 2);
    hcp->profile.tz = nba_str_of("Mars/Olympus");
    open_at(hcp, "2026-11-01T06:30:00Z", NBA_BOT_NONE);
    assert_int_equal(hcp->week[6 * 24 + 1], 2);
    fixture_clear(&f);
}

static void test_a_full_hour_halves_the_week(void **state)
{
    struct fixture f;
    (void)state;
    fixture_init(&f);
    struct nba_hcp *hcp = new_hcp(&f);
    hcp->profile.tz = nba_str_of("UTC");
    for (uint32_t i = 0; i < 7; i++) {
        open_at(hcp, "2026-11-02T10:00:00Z", NBA_BOT_NONE);
    }
    for (uint32_t i = 0; i < UINT8_MAX; i++) {
        open_at(hcp, "2026-11-02T09:00:00Z", NBA_BOT_NONE);
    }
    assert_int_equal(hcp->week[9], UINT8_MAX);
    open_at(hcp, "2026-11-02T09:00:00Z", NBA_BOT_NONE);
    assert_int_equal(hcp->week[9], UINT8_MAX / 2 + 1);
    assert_int_equal(hcp->week[10], 3);
    hcp = decoded(&f, encoded(&f, hcp));
    assert_int_equal(hcp->week[9], UINT8_MAX / 2 + 1);
    fixture_clear(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_held_action_keeps_what_its_message_needs_until_it_is_released),
        cmocka_unit_test(test_a_closed_held_action_leaves_nothing_behind),
        cmocka_unit_test(test_nobody_outside_can_send_or_end_what_is_held),
        cmocka_unit_test(test_a_full_list_of_held_actions_refuses),
        cmocka_unit_test(test_opens_count_by_the_hour_that_the_clock_of_the_hcp_shows),
        cmocka_unit_test(test_a_full_hour_halves_the_week),
    };
    return cmocka_run_group_tests_name("unit.state.hcp_held", tests, NULL, NULL);
}
