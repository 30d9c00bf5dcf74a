/* Outcomes joined to the actions they came of. */
#include "state_fixture.h"

static void await(struct fixture *f, struct nba_hcp *hcp, uint64_t number, int64_t now_ms)
{
    const struct nba_open_action action = action_of(f, number, now_ms);
    const struct nba_awaited_action awaited = awaited_of(hcp, &action);
    nba_hcp_await(hcp, &awaited, now_ms);
}

static struct nba_event outcome(enum nba_event_type type, struct nba_str action_id,
                                const char *message_id, int64_t time_ms)
{
    struct nba_event event = event_of(type, "", time_ms);
    event.action_id = action_id;
    event.message_id = nba_str_of(message_id);
    return event;
}

static void test_an_outcome_is_joined_by_action_id_else_by_message_id(void **state)
{
    struct fixture f;
    struct nba_joined_outcome joined;
    (void)state;
    fixture_init(&f);
    struct nba_hcp *hcp = new_hcp(&f);
    const struct nba_str first = action_of(&f, 1, T0).action_id;
    const struct nba_str second = action_of(&f, 2, T0).action_id;
    await(&f, hcp, 1, T0);
    await(&f, hcp, 2, T0);
    struct nba_event event = outcome(NBA_EVENT_EMAIL_OPENED, nba_str("", 0), "m-1", T0 + 1);
    assert_false(nba_hcp_join(hcp, &event, &joined)); /* nobody said whose m-1 is */
    event = outcome(NBA_EVENT_EMAIL_SENT, first, "m-1", T0 + 2);
    assert_true(nba_hcp_join(hcp, &event, &joined));
    assert_int_equal(joined.outcome, NBA_OUTCOME_SENT);
    event = outcome(NBA_EVENT_EMAIL_OPENED, nba_str("", 0), "m-1", T0 + 3);
    assert_true(nba_hcp_join(hcp, &event, &joined));
    assert_true(nba_str_equal(joined.action->action_id, first));
    event = outcome(NBA_EVENT_EMAIL_CLICKED, second, "m-1", T0 + 4);
    assert_true(nba_hcp_join(hcp, &event, &joined));
    assert_true(nba_str_equal(joined.action->action_id, second)); /* the action's id goes first */
    event = outcome(NBA_EVENT_EMAIL_CLICKED, nba_str_of("dec:crm#other:1"), "", T0 + 5);
    assert_false(nba_hcp_join(hcp, &event, &joined));
    event = outcome(NBA_EVENT_PORTAL_LOGIN, first, "", T0 + 6);
    assert_false(nba_hcp_join(hcp, &event, &joined)); /* no outcome */
    fixture_clear(&f);
}

static void test_a_second_outcome_of_a_kind_is_raw_and_not_unique(void **state)
{
    struct fixture f;
    struct nba_joined_outcome joined;
    (void)state;
    fixture_init(&f);
    struct nba_hcp *hcp = new_hcp(&f);
    const struct nba_str id = action_of(&f, 1, T0).action_id;
    await(&f, hcp, 1, T0);
    for (unsigned i = 0; i < 3; i++) {
        const struct nba_event opened = outcome(NBA_EVENT_EMAIL_OPENED, id, "", T0 + i);
        const struct nba_event clicked = outcome(NBA_EVENT_EMAIL_CLICKED, id, "", T0 + i);
        hcp = decoded(&f, encoded(&f, hcp));
        assert_true(nba_hcp_join(hcp, &opened, &joined));
        assert_int_equal(joined.unique, i == 0);
        assert_true(nba_hcp_join(hcp, &clicked, &joined));
        assert_int_equal(joined.unique, i == 0);
    }
    fixture_clear(&f);
}

static void test_a_window_ends_before_its_last_instant(void **state)
{
    struct fixture f;
    struct nba_joined_outcome joined;
    (void)state;
    fixture_init(&f);
    struct nba_hcp *hcp = new_hcp(&f);
    const struct nba_str id = action_of(&f, 1, T0).action_id;
    await(&f, hcp, 1, T0);
    struct nba_event event = outcome(NBA_EVENT_ACTION_DISMISSED, id, "", T0 + 2 * DAY - 1);
    assert_true(nba_hcp_join(hcp, &event, &joined));
    event = outcome(NBA_EVENT_ACTION_IGNORED, id, "", T0 + 2 * DAY);
    assert_false(nba_hcp_join(hcp, &event, &joined));
    fixture_clear(&f);
}

static void test_features_are_those_of_the_decision_whatever_came_since(void **state)
{
    struct fixture f;
    struct nba_joined_outcome joined;
    (void)state;
    fixture_init(&f);
    struct nba_hcp *hcp = new_hcp(&f);
    hcp->channels[NBA_CHANNEL_EMAIL] = (struct nba_channel_stats){
        .sent = 5, .engaged = 2, .refused = 1, .last_contact_ms = T0, .last_engaged_ms = T0};
    hcp->touches = 70000;
    await(&f, hcp, 1, T0);
    hcp->channels[NBA_CHANNEL_EMAIL].engaged = 9;
    hcp->touches++;
    hcp = decoded(&f, encoded(&f, hcp));
    const struct nba_event event =
        outcome(NBA_EVENT_EMAIL_OPENED, action_of(&f, 1, T0).action_id, "", T0);
    assert_true(nba_hcp_join(hcp, &event, &joined));
    assert_int_equal(joined.action->features.touches, 70000);
    assert_int_equal(joined.action->features.engaged[NBA_CHANNEL_EMAIL], 2);
    assert_int_equal(joined.action->features.trials[NBA_CHANNEL_EMAIL], 5);
    assert_int_equal(joined.action->features.trials[NBA_CHANNEL_REP], 0);
    assert_int_equal(joined.action->decided_ms, T0);
    fixture_clear(&f);
}

static void test_what_is_over_makes_room_first_then_the_oldest(void **state)
{
    struct fixture f;
    (void)state;
    fixture_init(&f);
    struct nba_hcp *hcp = new_hcp(&f);
    await(&f, hcp, 100, T0 + DAY);
    for (uint64_t i = 1; i < NBA_HCP_AWAITED_MAX; i++) {
        await(&f, hcp, i, T0);
    }
    await(&f, hcp, 101, T0 + DAY);
    assert_int_equal(hcp->awaited_count, NBA_HCP_AWAITED_MAX);
    assert_true(nba_str_equal(hcp->awaited[0].action_id, action_of(&f, 1, T0).action_id));
    await(&f, hcp, 102, T0 + 2 * DAY); /* those of T0 are over */
    assert_int_equal(hcp->awaited_count, 2);
    assert_true(nba_str_equal(hcp->awaited[0].action_id, action_of(&f, 101, T0).action_id));
    fixture_clear(&f);
}

static void test_a_refusal_says_which_rep_was_refused(void **state)
{
    struct fixture f;
    (void)state;
    fixture_init(&f);
    struct nba_hcp *hcp = new_hcp(&f);
    struct nba_open_action action = action_of(&f, 1, T0);
    action.rep_id = nba_str_of("rep-7");
    assert_true(nba_hcp_add_action(hcp, &action));
    struct nba_event event = outcome(NBA_EVENT_ACTION_DISMISSED, action.action_id, "", T0 + 1);
    nba_hcp_apply_outcome(hcp, &event, NULL);
    event = outcome(NBA_EVENT_ACTION_IGNORED, nba_str_of("x"), "", T0 + 2);
    event.rep_id = nba_str_of("rep-8");
    event.content_id = nba_str_of("CX-9");
    nba_hcp_apply_outcome(hcp, &event, NULL);
    event = outcome(NBA_EVENT_EMAIL_OPENED, nba_str("", 0), "", T0 + 3);
    event.rep_id = nba_str_of("rep-9");
    event.content_id = nba_str_of("CX-9");
    nba_hcp_apply_outcome(hcp, &event, NULL);
    hcp = decoded(&f, encoded(&f, hcp));
    assert_int_equal(hcp->outcome_count, 3);
    assert_true(nba_str_is(hcp->outcomes[0].rep_id, "rep-7"));
    assert_true(nba_str_is(hcp->outcomes[1].rep_id, "rep-8"));
    assert_int_equal(hcp->outcomes[2].rep_id.bytes, 0);
    fixture_clear(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_outcome_is_joined_by_action_id_else_by_message_id),
        cmocka_unit_test(test_a_second_outcome_of_a_kind_is_raw_and_not_unique),
        cmocka_unit_test(test_a_window_ends_before_its_last_instant),
        cmocka_unit_test(test_features_are_those_of_the_decision_whatever_came_since),
        cmocka_unit_test(test_what_is_over_makes_room_first_then_the_oldest),
        cmocka_unit_test(test_a_refusal_says_which_rep_was_refused),
    };
    return cmocka_run_group_tests_name("unit.state.hcp_feedback", tests, NULL, NULL);
}
