/* The bytes of an HCP record: canonical, compact, and never trusted. */
#include "state_fixture.h"

static void test_an_empty_record_is_its_header(void **state)
{
    struct fixture f;
    (void)state;
    fixture_init(&f);
    const struct nba_str bytes = encoded(&f, new_hcp(&f));
    assert_int_equal(bytes.bytes, 3);
    assert_memory_equal(bytes.data, "\x02\x03\x00", 3);
    fixture_clear(&f);
}

static void test_the_table_in_the_docs_is_how_one_opened_mail_is_written(void **state)
{
    /* clang-format off */
    static const unsigned char expected[] = {
        0x02, 0x62, 0x00,                                     /* format 2, 98 bytes */
        0x01, 0x11, 0x00, 0x01,                               /* counters: 1 touch, */
        0x01, 0x80, 0x90, 0xfd, 0x9a, 0xbf, 0x68,             /*   first event */
        0x01, 0x80, 0x90, 0xfd, 0x9a, 0xbf, 0x68,             /*   last event */
        0x03, 0x01,                                           /*   email_opened: 1 */
        0x02, 0x0b, 0x00, 0x01, 0x01,                         /* ring: n = 1, 1 held, */
        0x9d, 0x63, 0x6e, 0xc2,                               /*   content hash */
        0x03, 0xd0, 0xef, 0x3c,                               /*   in hours: 498664 */
        0x03,                                                 /*   email_opened, its channel */
        0x03, 0x0d, 0x00, 0x01,                               /* recent: 1 */
        0xb1, 0x1f, 0x50, 0xd6, 0x3e, 0x0e, 0xe9, 0x47,       /*   event hash */
        0x03, 0xd0, 0xef, 0x3c,                               /*   watermark in hours */
        0x04, 0x0d, 0x00, 0x01, 0x00, 0x00, 0x01, 0x00,       /* channels: email, 1 engaged, */
        0x00, 0x01, 0x80, 0x90, 0xfd, 0x9a, 0xbf, 0x68,       /*   no contact, last engaged */
        0x06, 0x1a, 0x00, 0x01, 0x03, 0xd0, 0xef, 0x3c,       /* outcomes: 1, time in hours, */
        0x04, 0x01,                                           /*   opened, email, */
        0x01, 0x09, 'C', 'X', '-', 'E', 'M', '-', '0', '1', '0', /* family = content: text 1 */
        0x00, 0x00,                                           /*   no topic, no brand */
        0x02, 0x04, 'e', 'v', '-', '1',                       /*   evidence: text 2 */
    };
    /* clang-format on */
    struct fixture f;
    (void)state;
    fixture_init(&f);
    struct nba_hcp *hcp = new_hcp(&f);
    struct nba_event event = event_of(NBA_EVENT_EMAIL_OPENED, "ev-1", T0);
    event.content_id = nba_str_of("CX-EM-010");
    apply(hcp, &event);
    assert_bytes_equal(encoded(&f, hcp), nba_str((const char *)expected, sizeof(expected)));
    fixture_clear(&f);
}

/* After each step of a random life: decoding gives a record that encodes to the same bytes, and
 * that goes on exactly like the one that was never encoded. */
static void test_a_record_that_is_stored_and_read_after_each_step_equals_one_that_never_was(
    void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 20; seed++) {
        struct fixture f;
        fixture_init(&f);
        struct nba_hcp *kept = new_hcp(&f);
        struct nba_hcp *moved = new_hcp(&f);
        struct nba_rng kept_rng = nba_rng(seed);
        struct nba_rng moved_rng = nba_rng(seed);
        int64_t kept_clock = T0;
        int64_t moved_clock = T0;
        for (uint64_t step = 100; step < 500; step++) {
            random_step(&f, &kept_rng, kept, step, &kept_clock);
            random_step(&f, &moved_rng, moved, step, &moved_clock);
            const struct nba_str bytes = encoded(&f, moved);
            moved = decoded(&f, bytes);
            assert_bytes_equal(encoded(&f, moved), bytes);
            assert_bytes_equal(encoded(&f, kept), bytes);
        }
        assert_true(kept->pushed > 40 && kept->outcome_count > 10);
        fixture_clear(&f);
    }
}

static struct nba_str full_record(struct fixture *f)
{
    struct nba_hcp *hcp = new_hcp(f);
    struct nba_rng rng = nba_rng(7);
    int64_t clock_ms = T0;
    for (uint64_t step = 100; step < 400; step++) {
        random_step(f, &rng, hcp, step, &clock_ms);
    }
    const struct nba_open_action action = action_of(f, 400, clock_ms);
    const struct nba_held_action held = held_of(&action);
    assert_true(nba_hcp_hold_action(hcp, &action, &held));
    assert_true(hcp->ring_count > 50 && hcp->action_count > 0 && hcp->consent_count > 0 &&
                hcp->held_count > 0 && hcp->awaited_count > 0);
    return encoded(f, hcp);
}

static void test_every_truncation_of_a_record_is_corrupt(void **state)
{
    struct fixture f;
    (void)state;
    fixture_init(&f);
    const struct nba_str bytes = full_record(&f);
    struct nba_hcp *hcp = new_hcp(&f);
    for (size_t length = 0; length < bytes.bytes; length++) {
        /* A copy of its own length, so that ASan sees a read behind it. */
        char *cut = malloc(length + 1);
        memcpy(cut, bytes.data, length);
        assert_int_equal(
            nba_hcp_decode(nba_str(cut, length), nba_str_of("hcp-1"), &f.arena, hcp, &f.error),
            NBA_E_CORRUPT);
        free(cut);
    }
    fixture_clear(&f);
}

static void test_a_truncated_record_with_its_length_mended_is_corrupt_or_a_shorter_record(
    void **state)
{
    struct fixture f;
    (void)state;
    fixture_init(&f);
    const struct nba_str bytes = full_record(&f);
    struct nba_hcp *hcp = new_hcp(&f);
    uint32_t corrupt = 0;
    for (size_t length = 3; length < bytes.bytes; length++) {
        char *cut = malloc(length);
        memcpy(cut, bytes.data, length);
        cut[1] = (char)(unsigned char)length;
        cut[2] = (char)(unsigned char)(length >> 8);
        const enum nba_status status =
            nba_hcp_decode(nba_str(cut, length), nba_str_of("hcp-1"), &f.arena, hcp, &f.error);
        corrupt += status == NBA_E_CORRUPT;
        if (status == NBA_OK) {
            (void)encoded(&f, hcp);
        }
        free(cut);
    }
    /* Only a cut between two of the fourteen sections leaves a record. */
    assert_true(corrupt >= bytes.bytes - 3 - 14);
    fixture_clear(&f);
}

static void test_any_byte_changed_gives_corrupt_or_a_record_that_can_be_encoded(void **state)
{
    struct fixture f;
    (void)state;
    fixture_init(&f);
    const struct nba_str bytes = full_record(&f);
    char *copy = malloc(bytes.bytes);
    for (size_t i = 0; i < bytes.bytes; i++) {
        for (unsigned flip = 1; flip < 256; flip += 50) {
            struct nba_arena arena;
            nba_arena_init(&arena, (size_t)4 * 1024 * 1024);
            memcpy(copy, bytes.data, bytes.bytes);
            copy[i] = (char)(copy[i] ^ (char)flip);
            struct nba_hcp *hcp = nba_arena_take(&arena, sizeof(*hcp));
            assert_non_null(hcp);
            const enum nba_status status = nba_hcp_decode(
                nba_str(copy, bytes.bytes), nba_str_of("hcp-1"), &arena, hcp, &f.error);
            assert_true(status == NBA_OK || status == NBA_E_CORRUPT || status == NBA_E_VERSION);
            if (status == NBA_OK) {
                nba_buf_reset(&f.buf);
                assert_int_equal(nba_hcp_encode(hcp, &f.buf), NBA_OK);
            }
            nba_arena_clear(&arena);
        }
    }
    free(copy);
    fixture_clear(&f);
}

static void test_a_record_of_a_newer_format_is_told_apart_from_a_damaged_one(void **state)
{
    struct fixture f;
    (void)state;
    fixture_init(&f);
    struct nba_hcp *hcp = new_hcp(&f);
    assert_int_equal(
        nba_hcp_decode(nba_str("\x06\x03\x00", 3), nba_str_of("hcp-1"), &f.arena, hcp, &f.error),
        NBA_E_VERSION);
    assert_int_equal(
        nba_hcp_decode(nba_str("\x00\x03\x00", 3), nba_str_of("hcp-1"), &f.arena, hcp, &f.error),
        NBA_E_CORRUPT);
    fixture_clear(&f);
}

static void test_a_full_ring_of_irregular_times_takes_about_a_kilobyte(void **state)
{
    struct fixture f;
    (void)state;
    fixture_init(&f);
    struct nba_hcp *hcp = new_hcp(&f);
    struct nba_rng rng = nba_rng(3);
    int64_t time_ms = T0;
    for (uint32_t i = 0; i < 300; i++) {
        time_ms += (int64_t)(nba_rng_next(&rng) % (10 * (uint64_t)DAY) / 1000 * 1000);
        nba_hcp_push(hcp, &(struct nba_ring_event){.time_ms = time_ms,
                                                   .content_hash = (uint32_t)nba_rng_next(&rng),
                                                   .type = NBA_EVENT_EMAIL_OPENED,
                                                   .channel = NBA_CHANNEL_EMAIL});
    }
    assert_int_equal(hcp->ring_count, NBA_RING_EVENTS);
    assert_true(encoded(&f, hcp).bytes <= 1024 + 64);
    fixture_clear(&f);
}

static void test_times_before_1970_and_at_the_ends_of_time_survive(void **state)
{
    static const int64_t times[] = {INT64_MIN + 1, -1, 0, INT64_MAX, INT64_MIN + 1, -86400000};
    struct fixture f;
    (void)state;
    fixture_init(&f);
    struct nba_hcp *hcp = new_hcp(&f);
    for (size_t i = 0; i < NBA_ARRAY_COUNT(times); i++) {
        nba_hcp_push(hcp, &(struct nba_ring_event){.time_ms = times[i],
                                                   .content_hash = (uint32_t)i,
                                                   .type = NBA_EVENT_CONVERSION,
                                                   .channel = NBA_CHANNEL_SMS});
    }
    const struct nba_hcp *read = decoded(&f, encoded(&f, hcp));
    for (size_t i = 0; i < NBA_ARRAY_COUNT(times); i++) {
        assert_true(read->ring[i].time_ms == times[i]);
        assert_int_equal(read->ring[i].channel, NBA_CHANNEL_SMS);
    }
    fixture_clear(&f);
}

static void test_ids_with_every_kind_of_number_behind_a_colon_survive(void **state)
{
    static const char *const ids[] = {
        "dec:a#1:1", "dec:a#1:9999", "dec:a#1:10000", "dec:a#1:0", "dec:a#1:01", "dec:a#1:", ":7",
        "7",         "a:7x",         "dec:a#1:10"};
    struct fixture f;
    (void)state;
    fixture_init(&f);
    struct nba_hcp *hcp = new_hcp(&f);
    for (size_t i = 0; i < NBA_ARRAY_COUNT(ids); i++) {
        assert_true(nba_hcp_add_timer(hcp, &(struct nba_timer){.due_ms = T0 + (int64_t)i,
                                                               .kind = NBA_TIMER_EXPIRY,
                                                               .id = nba_str_of(ids[i])}));
    }
    const struct nba_hcp *read = decoded(&f, encoded(&f, hcp));
    assert_int_equal(read->timer_count, NBA_ARRAY_COUNT(ids));
    for (size_t i = 0; i < NBA_ARRAY_COUNT(ids); i++) {
        assert_str_equal(read->timers[i].id, ids[i]);
    }
    fixture_clear(&f);
}

static void test_a_priority_that_is_not_a_number_is_corrupt(void **state)
{
    struct fixture f;
    (void)state;
    fixture_init(&f);
    struct nba_hcp *hcp = new_hcp(&f);
    struct nba_open_action action = action_of(&f, 1, T0);
    const uint64_t bits = UINT64_C(0x7ff8000000000001);
    memcpy(&action.priority, &bits, sizeof(bits));
    assert_true(nba_hcp_add_action(hcp, &action));
    const struct nba_str bytes = encoded(&f, hcp);
    assert_int_equal(nba_hcp_decode(bytes, nba_str_of("hcp-1"), &f.arena, new_hcp(&f), &f.error),
                     NBA_E_CORRUPT);
    fixture_clear(&f);
}

static void test_an_arena_without_room_makes_the_record_refuse_to_be_encoded(void **state)
{
    struct fixture f;
    (void)state;
    fixture_init(&f);
    struct nba_hcp *hcp = new_hcp(&f);
    struct nba_arena none;
    nba_arena_init(&none, 1);
    hcp->arena = &none;
    struct nba_event event = event_of(NBA_EVENT_EMAIL_OPENED, "ev-1", T0);
    event.content_id = nba_str_of("CX-EM-010");
    apply(hcp, &event);
    assert_true(hcp->failed);
    assert_int_equal(nba_hcp_encode(hcp, &f.buf), NBA_E_NO_MEMORY);
    nba_arena_clear(&none);
    fixture_clear(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_empty_record_is_its_header),
        cmocka_unit_test(test_the_table_in_the_docs_is_how_one_opened_mail_is_written),
        cmocka_unit_test(
            test_a_record_that_is_stored_and_read_after_each_step_equals_one_that_never_was),
        cmocka_unit_test(test_every_truncation_of_a_record_is_corrupt),
        cmocka_unit_test(
            test_a_truncated_record_with_its_length_mended_is_corrupt_or_a_shorter_record),
        cmocka_unit_test(test_any_byte_changed_gives_corrupt_or_a_record_that_can_be_encoded),
        cmocka_unit_test(test_a_record_of_a_newer_format_is_told_apart_from_a_damaged_one),
        cmocka_unit_test(test_a_full_ring_of_irregular_times_takes_about_a_kilobyte),
        cmocka_unit_test(test_times_before_1970_and_at_the_ends_of_time_survive),
        cmocka_unit_test(test_ids_with_every_kind_of_number_behind_a_colon_survive),
        cmocka_unit_test(test_a_priority_that_is_not_a_number_is_corrupt),
        cmocka_unit_test(test_an_arena_without_room_makes_the_record_refuse_to_be_encoded),
    };
    return cmocka_run_group_tests_name("unit.state.hcp_encoding", tests, NULL, NULL);
}
