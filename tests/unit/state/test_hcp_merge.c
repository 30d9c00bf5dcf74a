/* Two records of one person become one. */
#include "state_fixture.h"

static struct nba_consent consent(enum nba_consent_status status, const char *brand,
                                  int64_t captured_ms)
{
    return (struct nba_consent){.channel = NBA_CHANNEL_EMAIL,
                                .scope = NBA_CONSENT_SCOPE_BRAND,
                                .status = status,
                                .scope_id = nba_str_of(brand),
                                .captured_at_ms = captured_ms,
                                .expires_at_ms = NBA_TIME_NONE};
}

static void check_encodes(const struct nba_hcp *hcp, struct fixture *f)
{
    struct nba_hcp *again = new_hcp(f);
    struct nba_buf bytes;
    nba_buf_init(&bytes, NBA_HCP_BYTES_MAX);
    assert_int_equal(nba_hcp_encode(hcp, &bytes), NBA_OK);
    assert_int_equal(nba_hcp_decode(nba_buf_str(&bytes), hcp->hcp_id, &f->arena, again, &f->error),
                     NBA_OK);
    assert_int_equal(again->merged_count, hcp->merged_count);
    nba_buf_clear(&bytes);
}

static void test_the_stricter_consent_stays_whichever_is_newer(void **state)
{
    static const enum nba_consent_status words[] = {
        NBA_CONSENT_STATUS_OPT_IN, NBA_CONSENT_STATUS_PENDING, NBA_CONSENT_STATUS_OPT_OUT};
    struct fixture f;
    (void)state;
    fixture_init(&f);
    for (int a = 0; a < 3; a++) {
        for (int b = 0; b < 3; b++) {
            for (int newer = 0; newer < 2; newer++) {
                struct nba_hcp *hcp = new_hcp(&f);
                struct nba_hcp *other = new_hcp(&f);
                const struct nba_consent here = consent(words[a], "CARDIOX", T0 + newer);
                const struct nba_consent there = consent(words[b], "CARDIOX", T0 + 1 - newer);
                const struct nba_consent alone = consent(words[b], "PNEUMO", T0);
                nba_hcp_put_consent(hcp, &here);
                nba_hcp_put_consent(other, &there);
                nba_hcp_put_consent(other, &alone);
                nba_hcp_merge(hcp, other);
                assert_int_equal(hcp->consent_count, 2);
                const struct nba_consent *kept = nba_hcp_find_consent(
                    hcp, NBA_CHANNEL_EMAIL, NBA_CONSENT_SCOPE_BRAND, nba_str_of("CARDIOX"));
                assert_int_equal(kept->status, words[a > b ? a : b]);
                assert_true(kept->captured_at_ms == T0 + 1); /* only what is said later lifts it */
            }
        }
    }
    fixture_clear(&f);
}

static void test_what_either_record_forbids_stays(void **state)
{
    struct fixture f;
    (void)state;
    fixture_init(&f);
    for (unsigned bits = 0; bits < 16; bits++) {
        struct nba_hcp *hcp = new_hcp(&f);
        struct nba_hcp *other = new_hcp(&f);
        hcp->profile.do_not_contact = (bits & 1) != 0;
        hcp->profile.open_complaint = (bits & 2) != 0;
        other->profile.do_not_contact = (bits & 4) != 0;
        other->profile.open_complaint = (bits & 8) != 0;
        nba_hcp_merge(hcp, other);
        assert_int_equal(hcp->profile.do_not_contact, (bits & 5) != 0);
        assert_int_equal(hcp->profile.open_complaint, (bits & 10) != 0);
    }
    fixture_clear(&f);
}

/* Whatever events leave behind: who had nothing has it all, so that no field is forgotten. */
static void test_an_empty_record_becomes_what_the_other_was(void **state)
{
    struct fixture f;
    struct nba_buf bytes[2];
    struct nba_rng rng = nba_rng(17);
    (void)state;
    fixture_init(&f);
    nba_buf_init(&bytes[0], NBA_HCP_BYTES_MAX);
    nba_buf_init(&bytes[1], NBA_HCP_BYTES_MAX);
    for (uint32_t round = 0; round < 50; round++) {
        struct nba_hcp *hcp = new_hcp(&f);
        struct nba_hcp *other = new_hcp(&f);
        for (uint64_t step = 0; step < 4 * round; step++) {
            const int64_t time_ms = T0 + (int64_t)step * 3600 * 1000;
            const struct nba_event event = random_event(&f, &rng, step, time_ms);
            nba_hcp_apply_event(other, &event, NULL, time_ms, NBA_ARRIVAL_FRESH);
        }
        nba_hcp_merge(hcp, other);
        nba_buf_reset(&bytes[0]);
        nba_buf_reset(&bytes[1]);
        assert_int_equal(nba_hcp_encode(other, &bytes[0]), NBA_OK);
        assert_int_equal(nba_hcp_encode(hcp, &bytes[1]), NBA_OK);
        assert_true(nba_str_equal(nba_buf_str(&bytes[0]), nba_buf_str(&bytes[1])));
    }
    nba_buf_clear(&bytes[0]);
    nba_buf_clear(&bytes[1]);
    fixture_clear(&f);
}

static void test_lists_become_one_by_time_and_full_ones_lose_their_oldest(void **state)
{
    struct fixture f;
    (void)state;
    fixture_init(&f);
    struct nba_hcp *hcp = new_hcp(&f);
    struct nba_hcp *other = new_hcp(&f);
    for (uint32_t i = 0; i < NBA_RING_EVENTS; i++) {
        for (uint32_t odd = 0; odd < 2; odd++) {
            const struct nba_ring_event event = {.time_ms = T0 + 2 * (int64_t)i + odd,
                                                 .content_hash = 2 * i + odd,
                                                 .type = NBA_EVENT_EMAIL_OPENED,
                                                 .channel = NBA_CHANNEL_EMAIL};
            nba_hcp_push(odd != 0 ? other : hcp, &event);
        }
    }
    for (uint32_t i = 0; i < NBA_HCP_LEDGER_MAX; i++) {
        for (uint32_t odd = 0; odd < 2; odd++) {
            const struct nba_ledger_entry entry = {.message_key = 1 + 2 * i + odd,
                                                   .channel = NBA_CHANNEL_EMAIL,
                                                   .committed = true,
                                                   .time_ms = T0 + 2 * (int64_t)i + odd,
                                                   .expires_at_ms = NBA_TIME_NONE};
            nba_hcp_ledger_reserve(odd != 0 ? other : hcp, &entry);
        }
    }
    hcp->channels[NBA_CHANNEL_EMAIL].sent = UINT32_MAX - 1;
    other->channels[NBA_CHANNEL_EMAIL].sent = 5;
    hcp->week[3] = 200;
    other->week[3] = 100;
    nba_hcp_merge(hcp, other);
    assert_true(hcp->pushed == 2 * NBA_RING_EVENTS);
    assert_int_equal(hcp->ring_count, NBA_RING_EVENTS);
    for (uint32_t i = 0; i < NBA_RING_EVENTS; i++) {
        assert_int_equal(hcp->ring[i].content_hash, NBA_RING_EVENTS + i);
    }
    assert_int_equal(hcp->ledger_count, NBA_HCP_LEDGER_MAX);
    for (uint32_t i = 0; i < NBA_HCP_LEDGER_MAX; i++) {
        assert_int_equal(hcp->ledger[i].message_key, 1 + NBA_HCP_LEDGER_MAX + i);
    }
    assert_true(hcp->channels[NBA_CHANNEL_EMAIL].sent == UINT32_MAX);
    assert_int_equal(hcp->week[3], 150);
    check_encodes(hcp, &f);
    fixture_clear(&f);
}

static void test_of_actions_those_that_were_sent_come_with_their_timers(void **state)
{
    struct fixture f;
    (void)state;
    fixture_init(&f);
    struct nba_hcp *hcp = new_hcp(&f);
    struct nba_hcp *other = new_hcp(&f);
    struct nba_open_action sent = action_of(&f, 1, T0);
    const struct nba_open_action open = action_of(&f, 2, T0);
    sent.flags = NBA_OPEN_ACTION_SENT;
    assert_true(nba_hcp_add_action(other, &sent));
    assert_true(nba_hcp_add_action(other, &open));
    nba_hcp_merge(hcp, other);
    assert_int_equal(hcp->action_count, 1);
    assert_non_null(nba_hcp_find_action(hcp, sent.action_id));
    assert_int_equal(hcp->timer_count, 1);
    check_encodes(hcp, &f);
    fixture_clear(&f);
}

static void test_a_link_says_where_it_went_and_the_survivor_who_came(void **state)
{
    struct fixture f;
    char id[16];
    (void)state;
    fixture_init(&f);
    struct nba_hcp *hcp = new_hcp(&f);
    for (uint32_t i = 0; i < NBA_HCP_MERGED_MAX + 2; i++) {
        (void)snprintf(id, sizeof(id), "old-%u", i);
        nba_hcp_add_merged(hcp, nba_str_of(id));
        nba_hcp_add_merged(hcp, nba_str_of(id));
    }
    assert_int_equal(hcp->merged_count, NBA_HCP_MERGED_MAX);
    assert_str_equal(hcp->merged_from[0], "old-2");
    check_encodes(hcp, &f);
    nba_hcp_link(hcp, nba_str_of("new"), hcp->merged_from, 2);
    assert_str_equal(hcp->merged_into, "new");
    check_encodes(hcp, &f);
    nba_hcp_add_merged(hcp, nba_str_of("new"));
    assert_int_equal(hcp->merged_into.bytes, 0);
    fixture_clear(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_stricter_consent_stays_whichever_is_newer),
        cmocka_unit_test(test_what_either_record_forbids_stays),
        cmocka_unit_test(test_an_empty_record_becomes_what_the_other_was),
        cmocka_unit_test(test_lists_become_one_by_time_and_full_ones_lose_their_oldest),
        cmocka_unit_test(test_of_actions_those_that_were_sent_come_with_their_timers),
        cmocka_unit_test(test_a_link_says_where_it_went_and_the_survivor_who_came),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
