/*
 * State folders of every format there has been: golden/format-N is a store that a program of that
 * format wrote.  Today's program reads each, writes what it looks at in its own format and leaves
 * the rest as it is.
 *
 * A format that changes without a new number makes this fail.  For a new number N write its store
 * once, with NBA_WRITE_GOLDEN=1 build/dev/tests/unit_state_golden, and keep it for ever.
 */
#include <dirent.h>

#include "store_fixture.h"

#define GOLDEN NBA_SOURCE_DIR "/tests/unit/state/golden"
#define HCPS   6

/* Of the store in golden/format-N, from index 1. */
static const char *const hashes[] = {
    NULL, "812d538d678bccd9cb61ced44cedc3143c2b02a6170725ffc5815f379ff7aabb",
    "385558ce7516b5c5e27c54153bad18a63a26256c20600cd24bb798a264f50b46"};

static void golden_path(uint32_t format, char ret_path[256])
{
    (void)snprintf(ret_path, 256, GOLDEN "/format-%u", (unsigned)format);
}

static void copy_folder(struct store_fixture *s, const char *from, const char *to)
{
    DIR *folder = opendir(from);
    assert_non_null(folder);
    for (const struct dirent *entry = readdir(folder); entry != NULL; entry = readdir(folder)) {
        char path[512];
        struct nba_buf bytes;
        if (entry->d_name[0] == '.') {
            continue;
        }
        nba_buf_init(&bytes, 1u << 20);
        (void)snprintf(path, sizeof(path), "%s/%s", from, entry->d_name);
        assert_ok(s, nba_file_read(path, &bytes, &s->f.error));
        (void)snprintf(path, sizeof(path), "%s/%s", to, entry->d_name);
        assert_ok(s, nba_file_write(path, nba_buf_str(&bytes), &s->f.error));
        nba_buf_clear(&bytes);
    }
    assert_int_equal(closedir(folder), 0);
}

/* A store that is a copy of the golden one. */
static void golden_fixture(struct store_fixture *s, uint32_t format)
{
    char path[256];
    store_fixture_init(s, 1u << 20);
    close_store(s);
    assert_ok(s, nba_file_remove_tree(s->path, &s->f.error));
    assert_ok(s, nba_file_make_dirs(s->path, &s->f.error));
    golden_path(format, path);
    copy_folder(s, path, s->path);
    s->options.create = false;
    open_store(s);
}

static const struct nba_trigger streak = {.hash = 7,
                                          .event = NBA_EVENT_EMAIL_DELIVERED,
                                          .without = NBA_EVENT_EMAIL_OPENED,
                                          .same = NBA_SAME_MESSAGE,
                                          .per_brand = true,
                                          .consecutive = 2,
                                          .within_ms = 7 * DAY};

/* A delivery, which a pattern counts; and that the trigger fired not long ago. */
static void wait_for_an_answer(struct nba_hcp *hcp, int64_t time_ms)
{
    struct nba_event event = event_of(NBA_EVENT_EMAIL_DELIVERED, "", time_ms);
    static const struct nba_content_facts facts;
    event.event_id = nba_str_of("d-1");
    event.message_id = nba_str_of("m-unanswered");
    event.brand = nba_str_of("CARDIOX");
    nba_hcp_apply_triggers(hcp, &event, &facts, time_ms, &streak, 1);
    nba_hcp_apply_delivery(hcp, &event);
    nba_hcp_quiet_trigger(hcp, &streak, event.brand, time_ms + DAY);
    hcp->profile.do_not_contact = true;
}

/* Lives of random events, with every section of a record among them. */
static void write_golden(void)
{
    struct store_fixture s;
    struct nba_rng rng = nba_rng(1);
    int64_t clock_ms = T0;
    char path[256];
    char hash[NBA_SHA256_TEXT_BYTES];
    store_fixture_init(&s, 1u << 20);
    begin(&s);
    for (uint64_t step = 0; step < 60 * HCPS; step++) {
        struct nba_hcp *hcp = get(&s, text_of(&s.f, "hcp-", step % HCPS).data);
        random_step(&s.f, &rng, hcp, step, &clock_ms);
        nba_task_count(s.task, (uint32_t)(step % 3), (uint32_t)(step % 7));
    }
    wait_for_an_answer(get(&s, "hcp-1"), clock_ms);
    struct nba_meta *meta = nba_task_meta(s.task);
    meta->input_next = 360;
    meta->watermark_ms = clock_ms;
    meta->clock_ms = clock_ms;
    meta->wall_clock_ms = T0;
    meta->catalog_next = 40;
    meta->control_next = 2;
    assert_true(nba_meta_set_text(meta->policy_version, nba_str_of("2026-11-20.1")));
    assert_true(nba_meta_set_text(meta->tzdata_version, nba_str_of("2025b")));
    commit(&s);
    hash_of(&s, hash);
    golden_path(NBA_STATE_FORMAT, path);
    assert_ok(&s, nba_state_store_checkpoint(s.store, path, &s.f.error));
    print_message("%s: state %s\n", path, hash);
    store_fixture_clear(&s);
}

/* Of each section something, as it was meant. */
static void assert_meaning(const struct nba_hcp *hcp)
{
    const struct nba_channel_stats *email = &hcp->channels[NBA_CHANNEL_EMAIL];
    assert_int_equal(hcp->pushed, 17);
    assert_int_equal(hcp->touches, 60);
    assert_int_equal(hcp->first_event_ms, T0 + 28800137);
    assert_int_equal(hcp->last_event_ms, T0 + 4932006987);
    assert_int_equal(hcp->ring[1].type, 20);
    assert_int_equal(hcp->ring[1].channel, NBA_CHANNEL_WEB);
    assert_int_equal(email->sent, 2);
    assert_int_equal(email->engaged, 3);
    assert_int_equal(email->refused, 2);
    assert_int_equal(hcp->consents[0].channel, NBA_CHANNEL_REP);
    assert_int_equal(hcp->consents[0].captured_at_ms, T0 + 28800137);
    assert_int_equal(hcp->outcomes[0].outcome, 14);
    assert_int_equal(hcp->outcomes[0].time_ms, T0 + 43200274);
    assert_true(nba_str_is(hcp->outcomes[0].family_id, "CX-1"));
    assert_true(nba_str_is(hcp->actions[0].action_id, "dec:crm#ev-337:1"));
    assert_int_equal(hcp->actions[0].expires_at_ms, T0 + 4953606713);
    assert_int_equal(hcp->timers[0].due_ms, T0 + 4953606713);
    assert_true(nba_str_is(hcp->profile.market, "US"));
    assert_true(nba_str_is(hcp->profile.rep_id, "rep-4"));
    /* A record of format 1 had no ledger: its open actions have their places none the less. */
    const struct nba_ledger_entry *contact =
        nba_hcp_ledger_find(hcp, nba_hcp_text_hash(hcp->actions[0].action_id));
    assert_non_null(contact);
    assert_int_equal(contact->channel, NBA_CHANNEL_EMAIL);
    assert_int_equal(contact->brand_hash, nba_hcp_text_hash(nba_str_of("CARDIOX")));
    assert_false(contact->committed);
    assert_int_equal(contact->expires_at_ms, T0 + 4953606713);
}

/* And of what triggers wait with, which came with format 2. */
static void assert_waits(const struct nba_hcp *hcp)
{
    const struct nba_pattern_event *last = &hcp->patterns[hcp->pattern_count - 1];
    assert_true(hcp->pattern_count != 0 && hcp->quiet_count == 1 && hcp->delivery_count != 0);
    assert_int_equal(last->trigger_hash, 7);
    assert_int_equal(last->key_hash, nba_hcp_text_hash(nba_str_of("m-unanswered")));
    assert_str_equal(last->brand, "CARDIOX");
    assert_str_equal(last->event_id, "d-1");
    assert_int_equal(last->flags, NBA_PATTERN_SEEN);
    assert_int_equal(hcp->quiet[0].until_ms, last->time_ms + DAY);
    assert_int_equal(nba_hcp_delivered_ms(hcp, nba_str_of("m-unanswered")), last->time_ms);
    assert_true(hcp->profile.do_not_contact);
}

/* What stands in the store is what today's program would write. */
static enum nba_status compare(void *context, const struct nba_hcp *hcp, struct nba_error *error)
{
    struct nba_sha256 *sha = context;
    struct nba_buf bytes;
    struct nba_buf key;
    nba_buf_init(&bytes, NBA_HCP_BYTES_MAX);
    nba_buf_init(&key, 1024);
    assert_int_equal(nba_hcp_encode(hcp, &bytes), NBA_OK);
    nba_buf_append_byte(&key, 'H');
    nba_buf_append_str(&key, hcp->hcp_id);
    nba_sha256_update_sized(sha, nba_buf_str(&key));
    nba_sha256_update_sized(sha, nba_buf_str(&bytes));
    nba_buf_clear(&bytes);
    nba_buf_clear(&key);
    (void)error;
    return NBA_OK;
}

static void test_every_format_is_read_and_what_changes_is_written_in_todays(void **state)
{
    (void)state;
    assert_int_equal(NBA_ARRAY_COUNT(hashes), NBA_STATE_FORMAT + 1); /* a golden store of each */
    for (uint32_t format = 1; format <= NBA_STATE_FORMAT; format++) {
        struct store_fixture s;
        static const uint32_t contents[7] = {0, 1, 2, 3, 4, 5, 6};
        uint32_t counts[7];
        char hash[NBA_SHA256_TEXT_BYTES];
        golden_fixture(&s, format);
        hash_of(&s, hash);
        assert_string_equal(hash, hashes[format]);
        const struct nba_meta *meta = nba_task_committed_meta(s.task);
        assert_int_equal(meta->state_format, format);
        assert_int_equal(meta->input_next, 360);
        assert_int_equal(meta->catalog_next, 40);
        assert_string_equal(meta->policy_version, "2026-11-20.1");
        assert_string_equal(meta->tzdata_version, "2025b");
        nba_task_counts(s.task, 1, contents, 7, counts);
        assert_int_equal(counts[0], 17);

        const struct nba_change *changes = NULL;
        begin(&s);
        struct nba_hcp *hcp = get(&s, "hcp-1");
        assert_meaning(hcp);
        if (format >= 2) {
            assert_waits(hcp);
        }
        (void)get(&s, "hcp-2"); /* read, and so written only if its bytes are of another format */
        portal_login(&s, "hcp-1", (uint64_t)(100 * DAY));
        const size_t read_only = format == NBA_STATE_FORMAT ? 0 : 1;
        assert_int_equal(seal(&s, &changes), 2 + read_only);
        assert_true(nba_str_is(changes[0].key, "Hhcp-1"));
        s.changelog_next = meta->changelog_next + 3 + (int64_t)read_only;
        nba_task_set_changelog_next(s.task, s.changelog_next, T0);
        assert_ok(&s, nba_state_store_write(s.store, &s.task, 1, &s.f.error));
        close_store(&s);
        open_store(&s);
        assert_int_equal(nba_task_committed_meta(s.task)->state_format, NBA_STATE_FORMAT);
        begin(&s);
        assert_true(get(&s, "hcp-1")->last_event_ms > T0 + 99 * DAY);
        nba_task_drop(s.task);
        store_fixture_clear(&s);
    }
}

static void test_the_present_format_has_the_bytes_of_its_golden_store(void **state)
{
    struct store_fixture s;
    char text[NBA_SHA256_TEXT_BYTES];
    (void)state;
    golden_fixture(&s, NBA_STATE_FORMAT);
    struct nba_sha256 *sha = nba_sha256_create();
    assert_ok(&s, nba_task_visit(s.task, (struct nba_hcp_visitor){compare, sha}, &s.f.error));
    nba_sha256_finish(sha, text);
    nba_sha256_destroy(sha);
    assert_string_equal(text, hashes[NBA_STATE_FORMAT]);
    store_fixture_clear(&s);
}

int main(void)
{
    if (getenv("NBA_WRITE_GOLDEN") != NULL) {
        write_golden();
        return 0;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_format_is_read_and_what_changes_is_written_in_todays),
        cmocka_unit_test(test_the_present_format_has_the_bytes_of_its_golden_store),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
