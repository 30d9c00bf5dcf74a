/* Cases: transactions, marks while they are open, fencing, injected faults. */
#include "suite.h"

#include "nba/base/limits.h"

/* Polls for a while and expects no record; the position last told by an end, or -1. */
static int64_t expect_no_record(struct nba_reader *reader)
{
    int64_t position = -1;
    for (int i = 0; i < 5; i++) {
        enum nba_poll what = NBA_POLL_NONE;
        struct nba_record record;
        assert_ok(nba_reader_poll(reader, suite_home.quiet_ms / 5, &what, &record, error));
        assert_int_not_equal(what, NBA_POLL_RECORD);
        if (what == NBA_POLL_END) {
            position = record.offset;
            nba_record_release(&record);
        }
    }
    return position;
}

/* Reads until the position is `high`; the number of records met. */
static int read_up_to(struct nba_reader *reader, int64_t high)
{
    int count = 0;
    int64_t position = 0;
    for (int i = 0; i < 1000 && position < high; i++) {
        enum nba_poll what = NBA_POLL_NONE;
        struct nba_record record;
        assert_ok(nba_reader_poll(reader, 1000, &what, &record, error));
        if (what != NBA_POLL_NONE) {
            count += what == NBA_POLL_RECORD;
            position = what == NBA_POLL_RECORD ? record.offset + 1 : record.offset;
            nba_record_release(&record);
        }
    }
    assert_true(position >= high);
    return count;
}

static void test_a_commit_shows_records_on_all_partitions_together(void **state)
{
    struct suite *s = *state;
    const char *topic = suite_topic(s, 2, false);
    const char *other = suite_topic(s, 1, false);
    struct nba_producer *producer = suite_producer(s, "");
    suite_begin(producer);
    suite_produce(producer, topic, 0, "a", "1");
    suite_produce(producer, topic, 1, "a", "2");
    suite_produce(producer, other, 0, "a", "3");
    (void)suite_wait_high(s, other, 0, 0, 1);
    struct nba_reader *reader = suite_reader(s, topic, 0, 0);
    (void)expect_no_record(reader);
    nba_reader_destroy(reader);
    suite_commit(producer);
    assert_string_equal(suite_values(s, topic, 0, 0), "1,");
    assert_string_equal(suite_values(s, topic, 1, 0), "2,");
    assert_string_equal(suite_values(s, other, 0, 0), "3,");
    nba_producer_destroy(producer);
}

static void test_aborted_records_are_never_seen(void **state)
{
    struct suite *s = *state;
    const char *topic = suite_topic(s, 1, false);
    struct nba_producer *producer = suite_producer(s, "");
    for (int i = 0; i < 12; i++) {
        char value[16];
        (void)snprintf(value, sizeof(value), "%d", i);
        suite_begin(producer);
        suite_produce(producer, topic, 0, "k", value);
        suite_produce(producer, topic, 0, "k", value);
        if (i % 3 == 1) {
            suite_abort(producer);
        } else {
            suite_commit(producer);
        }
    }
    assert_string_equal(suite_values(s, topic, 0, 0), "0,0,2,2,3,3,5,5,6,6,8,8,9,9,11,11,");
    nba_producer_destroy(producer);
}

static void test_reading_may_start_in_a_gap(void **state)
{
    struct suite *s = *state;
    const char *topic = suite_topic(s, 1, false);
    struct nba_producer *producer = suite_producer(s, "");
    suite_put(producer, topic, 0, "k", "first");
    const int64_t gap = suite_mark(s, topic, 0, NBA_READ_COMMITTED);
    suite_begin(producer);
    suite_produce(producer, topic, 0, "k", "aborted");
    suite_produce(producer, topic, 0, "k", "aborted");
    (void)suite_wait_high(s, topic, 0, gap, 2);
    suite_abort(producer);
    suite_put(producer, topic, 0, "k", "second");
    assert_string_equal(suite_values(s, topic, 0, gap), "second,");
    assert_string_equal(suite_values(s, topic, 0, gap + 1), "second,");
    int64_t offsets[4];
    assert_int_equal(suite_offsets(s, topic, 0, offsets, 4), 2);
    assert_true(offsets[1] >= gap + 2);
    nba_producer_destroy(producer);
}

static void test_an_open_transaction_holds_the_stable_mark_but_not_the_high_one(void **state)
{
    struct suite *s = *state;
    const char *topic = suite_topic(s, 1, false);
    struct nba_producer *one = suite_producer(s, "");
    struct nba_producer *two = suite_producer(s, "-two");
    suite_put(one, topic, 0, "k", "before");
    const int64_t before = suite_mark(s, topic, 0, NBA_READ_COMMITTED);
    assert_int_equal(before, suite_mark(s, topic, 0, NBA_READ_UNCOMMITTED));
    suite_begin(one);
    suite_produce(one, topic, 0, "k", "open");
    const int64_t high = suite_wait_high(s, topic, 0, before, 1);
    assert_int_equal(suite_mark(s, topic, 0, NBA_READ_COMMITTED), before);
    /* Another one commits behind it: also held back. */
    suite_put(two, topic, 0, "k", "behind");
    assert_int_equal(suite_mark(s, topic, 0, NBA_READ_COMMITTED), before);
    assert_true(suite_mark(s, topic, 0, NBA_READ_UNCOMMITTED) > high);
    assert_string_equal(suite_values(s, topic, 0, 0), "before,");
    suite_commit(one);
    assert_int_equal(suite_mark(s, topic, 0, NBA_READ_COMMITTED),
                     suite_mark(s, topic, 0, NBA_READ_UNCOMMITTED));
    assert_string_equal(suite_values(s, topic, 0, 0), "before,open,behind,");
    nba_producer_destroy(one);
    nba_producer_destroy(two);
}

/* The restore of a task while its former owner's transaction is open. */
static void restore_across(struct suite *s, bool commit)
{
    const char *topic = suite_topic(s, 1, true);
    struct nba_producer *producer = suite_producer(s, "");
    suite_put(producer, topic, 0, "a", "1");
    const int64_t stable = suite_mark(s, topic, 0, NBA_READ_COMMITTED);
    suite_begin(producer);
    suite_produce(producer, topic, 0, "b", "2");
    suite_produce(producer, topic, 0, "c", "3");
    const int64_t high = suite_wait_high(s, topic, 0, stable, 2);
    struct nba_reader *reader = suite_reader(s, topic, 0, 0);
    assert_int_equal(read_up_to(reader, stable), 1);
    assert_true(expect_no_record(reader) < high);
    if (commit) {
        suite_commit(producer);
    } else {
        suite_abort(producer);
    }
    assert_int_equal(read_up_to(reader, high), commit ? 2 : 0);
    nba_reader_destroy(reader);
    nba_producer_destroy(producer);
}

static void test_a_restore_to_the_high_watermark_waits_for_a_commit(void **state)
{
    restore_across(*state, true);
}

static void test_a_restore_to_the_high_watermark_passes_over_an_abort(void **state)
{
    restore_across(*state, false);
}

static void test_a_new_producer_of_the_id_fences_the_old_one(void **state)
{
    struct suite *s = *state;
    const char *topic = suite_topic(s, 1, false);
    struct nba_producer *zombie = suite_producer(s, "");
    suite_begin(zombie);
    suite_produce(zombie, topic, 0, "k", "zombie");
    (void)suite_wait_high(s, topic, 0, 0, 1);
    struct nba_producer *heir = suite_producer(s, "");
    /* The open transaction is decided when init returns. */
    assert_int_equal(suite_mark(s, topic, 0, NBA_READ_COMMITTED),
                     suite_mark(s, topic, 0, NBA_READ_UNCOMMITTED));
    suite_put(heir, topic, 0, "k", "heir");
    assert_int_equal(nba_producer_commit(zombie, SUITE_PATIENCE_MS, NULL), NBA_E_TXN_UNKNOWN);
    /* And it stays so. */
    assert_int_equal(nba_producer_begin(zombie, NULL), NBA_E_TXN_UNKNOWN);
    assert_int_equal(nba_producer_abort(zombie, SUITE_PATIENCE_MS, NULL), NBA_E_TXN_UNKNOWN);
    nba_producer_destroy(zombie);
    suite_put(heir, topic, 0, "k", "heir2");
    assert_string_equal(suite_values(s, topic, 0, 0), "heir,heir2,");
    nba_producer_destroy(heir);
}

static void test_an_idle_old_producer_is_fenced_too(void **state)
{
    struct suite *s = *state;
    const char *topic = suite_topic(s, 1, false);
    struct nba_producer *zombie = suite_producer(s, "");
    suite_put(zombie, topic, 0, "k", "1");
    struct nba_producer *heir = suite_producer(s, "");
    const struct nba_outgoing outgoing = {
        .topic = topic, .key = nba_str_of("k"), .value = nba_str_of("zombie")};
    enum nba_status status = nba_producer_begin(zombie, NULL);
    if (status == NBA_OK) {
        status = nba_producer_produce(zombie, &outgoing, NULL);
    }
    if (status == NBA_OK) {
        status = nba_producer_commit(zombie, SUITE_PATIENCE_MS, NULL);
    }
    assert_int_equal(status, NBA_E_TXN_UNKNOWN);
    nba_producer_destroy(zombie);
    suite_put(heir, topic, 0, "k", "2");
    assert_string_equal(suite_values(s, topic, 0, 0), "1,2,");
    nba_producer_destroy(heir);
}

static void test_next_offset_is_after_the_last_record_of_the_transaction(void **state)
{
    struct suite *s = *state;
    const char *topic = suite_topic(s, 3, false);
    struct nba_producer *producer = suite_producer(s, "");
    suite_put(producer, topic, 0, "k", "1");
    suite_begin(producer);
    suite_produce(producer, topic, 0, "k", "2");
    suite_produce(producer, topic, 0, "k", "3");
    suite_produce(producer, topic, 1, "k", "4");
    suite_commit(producer);
    int64_t offsets[3];
    int64_t next = -1;
    assert_int_equal(suite_offsets(s, topic, 0, offsets, 3), 3);
    assert_true(nba_producer_next_offset(producer, topic, 0, &next));
    assert_int_equal(next, offsets[2] + 1);
    assert_true(nba_producer_next_offset(producer, topic, 1, &next));
    assert_int_equal(next, 1);
    assert_false(nba_producer_next_offset(producer, topic, 2, &next));
    suite_begin(producer);
    assert_false(nba_producer_next_offset(producer, topic, 0, &next));
    suite_produce(producer, topic, 2, "k", "5");
    suite_commit(producer);
    assert_false(nba_producer_next_offset(producer, topic, 0, &next));
    assert_true(nba_producer_next_offset(producer, topic, 2, &next));
    nba_producer_destroy(producer);
}

static void test_a_record_too_large_is_refused_and_the_transaction_goes_on(void **state)
{
    struct suite *s = *state;
    const char *topic = suite_topic(s, 1, false);
    struct nba_producer *producer = suite_producer(s, "");
    char *large = calloc(1, NBA_RECORD_BYTES_MAX + 1);
    assert_non_null(large);
    struct nba_outgoing outgoing = {
        .topic = topic, .key = nba_str_of("k"), .value = nba_str(large, NBA_RECORD_BYTES_MAX)};
    suite_begin(producer);
    assert_int_equal(nba_producer_produce(producer, &outgoing, NULL), NBA_E_LIMIT);
    outgoing.value.bytes = NBA_RECORD_BYTES_MAX - 1;
    assert_ok(nba_producer_produce(producer, &outgoing, error));
    suite_produce(producer, topic, 0, "k", "small");
    suite_commit(producer);
    int64_t offsets[2];
    assert_int_equal(suite_offsets(s, topic, 0, offsets, 2), 2);
    free(large);
    nba_producer_destroy(producer);
}

static void test_an_unknown_topic_is_refused_at_produce_or_commit(void **state)
{
    struct suite *s = *state;
    const char *topic = suite_topic(s, 1, false);
    struct nba_producer *producer = suite_producer(s, "");
    const struct nba_outgoing outgoing = {
        .topic = topic, .partition = 9, .key = nba_str_of("k"), .value = nba_str_of("v")};
    suite_begin(producer);
    enum nba_status status = nba_producer_produce(producer, &outgoing, NULL);
    assert_true(status == NBA_E_NOT_FOUND || status == NBA_OK);
    if (status == NBA_OK) {
        status = nba_producer_commit(producer, SUITE_PATIENCE_MS, NULL);
        assert_int_equal(status, NBA_E_TXN_ABORTABLE);
    }
    suite_abort(producer);
    suite_put(producer, topic, 0, "k", "v");
    assert_string_equal(suite_values(s, topic, 0, 0), "v,");
    nba_producer_destroy(producer);
}

static void test_an_empty_transaction_commits_and_aborts(void **state)
{
    struct suite *s = *state;
    struct nba_producer *producer = suite_producer(s, "");
    suite_begin(producer);
    suite_commit(producer);
    suite_begin(producer);
    suite_abort(producer);
    nba_producer_destroy(producer);
}

/* --- injected faults --- */

struct fault_plan {
    enum nba_fault where;
    enum nba_status answer;
    int left; /* how often */
};

static enum nba_status follow_plan(void *context, enum nba_fault where,
                                   const char *transactional_id)
{
    struct fault_plan *plan = context;
    assert_non_null(transactional_id);
    if (where != plan->where || plan->left == 0) {
        return NBA_OK;
    }
    plan->left--;
    return plan->answer;
}

/* An unknown outcome at `where`, then a new producer; what of the transaction is there then. */
static const char *lose_outcome(struct suite *s, enum nba_fault where)
{
    struct fault_plan plan = {where, NBA_E_TXN_UNKNOWN, 1};
    const char *topic = suite_topic(s, 1, false);
    struct nba_producer *producer = suite_producer(s, "");
    suite_begin(producer);
    suite_produce(producer, topic, 0, "k", "v");
    (void)suite_wait_high(s, topic, 0, 0, 1);
    nba_stream_set_fault(s->stream, follow_plan, &plan);
    const bool aborts = where == NBA_FAULT_ABORT || where == NBA_FAULT_ABORTED;
    assert_int_equal(aborts ? nba_producer_abort(producer, SUITE_PATIENCE_MS, NULL)
                            : nba_producer_commit(producer, SUITE_PATIENCE_MS, NULL),
                     NBA_E_TXN_UNKNOWN);
    assert_int_equal(plan.left, 0);
    assert_int_equal(nba_producer_begin(producer, NULL), NBA_E_TXN_UNKNOWN);
    nba_stream_set_fault(s->stream, NULL, NULL);
    nba_producer_destroy(producer);
    producer = suite_producer(s, "");
    assert_int_equal(suite_mark(s, topic, 0, NBA_READ_COMMITTED),
                     suite_mark(s, topic, 0, NBA_READ_UNCOMMITTED));
    nba_producer_destroy(producer);
    return suite_values(s, topic, 0, 0);
}

static void test_an_unknown_outcome_before_the_commit_means_not_committed(void **state)
{
    assert_string_equal(lose_outcome(*state, NBA_FAULT_COMMIT), "");
}

static void test_an_unknown_outcome_after_the_commit_means_committed(void **state)
{
    assert_string_equal(lose_outcome(*state, NBA_FAULT_COMMITTED), "v,");
}

static void test_an_unknown_outcome_of_an_abort_means_not_committed(void **state)
{
    assert_string_equal(lose_outcome(*state, NBA_FAULT_ABORT), "");
    assert_string_equal(lose_outcome(*state, NBA_FAULT_ABORTED), "");
}

static void test_after_an_abortable_error_only_abort_helps(void **state)
{
    struct suite *s = *state;
    struct fault_plan plan = {NBA_FAULT_PRODUCE, NBA_E_TXN_ABORTABLE, 1};
    const char *topic = suite_topic(s, 1, false);
    struct nba_producer *producer = suite_producer(s, "");
    const struct nba_outgoing outgoing = {
        .topic = topic, .key = nba_str_of("k"), .value = nba_str_of("v")};
    suite_begin(producer);
    assert_ok(nba_producer_produce(producer, &outgoing, error));
    nba_stream_set_fault(s->stream, follow_plan, &plan);
    assert_int_equal(nba_producer_produce(producer, &outgoing, NULL), NBA_E_TXN_ABORTABLE);
    assert_int_equal(nba_producer_produce(producer, &outgoing, NULL), NBA_E_TXN_ABORTABLE);
    assert_int_equal(nba_producer_commit(producer, SUITE_PATIENCE_MS, NULL), NBA_E_TXN_ABORTABLE);
    nba_stream_set_fault(s->stream, NULL, NULL);
    suite_abort(producer);
    suite_put(producer, topic, 0, "k", "again");
    assert_string_equal(suite_values(s, topic, 0, 0), "again,");
    nba_producer_destroy(producer);
}

const struct CMUnitTest suite_transaction_cases[] = {
    SUITE_CASE(test_a_commit_shows_records_on_all_partitions_together),
    SUITE_CASE(test_aborted_records_are_never_seen),
    SUITE_CASE(test_reading_may_start_in_a_gap),
    SUITE_CASE(test_an_open_transaction_holds_the_stable_mark_but_not_the_high_one),
    SUITE_CASE(test_a_restore_to_the_high_watermark_waits_for_a_commit),
    SUITE_CASE(test_a_restore_to_the_high_watermark_passes_over_an_abort),
    SUITE_CASE(test_a_new_producer_of_the_id_fences_the_old_one),
    SUITE_CASE(test_an_idle_old_producer_is_fenced_too),
    SUITE_CASE(test_next_offset_is_after_the_last_record_of_the_transaction),
    SUITE_CASE(test_a_record_too_large_is_refused_and_the_transaction_goes_on),
    SUITE_CASE(test_an_unknown_topic_is_refused_at_produce_or_commit),
    SUITE_CASE(test_an_empty_transaction_commits_and_aborts),
    SUITE_CASE(test_an_unknown_outcome_before_the_commit_means_not_committed),
    SUITE_CASE(test_an_unknown_outcome_after_the_commit_means_committed),
    SUITE_CASE(test_an_unknown_outcome_of_an_abort_means_not_committed),
    SUITE_CASE(test_after_an_abortable_error_only_abort_helps),
};
const size_t suite_transaction_case_count =
    sizeof(suite_transaction_cases) / sizeof(suite_transaction_cases[0]);
