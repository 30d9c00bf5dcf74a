/*
 * What only the local log promises: one writer, readers beside it, retention and tombstones by the
 * clock, transactions that end by themselves, and a store of another format refused.
 */
#include "nba_test.h"

#include <time.h>

#include "nba/base/file.h"
#include "nba/kv/kv.h"
#include "nba/stream/member.h"
#include "nba/stream/producer.h"
#include "nba/stream/reader.h"
#include "nba/stream/stream.h"

#define PATIENCE 500 /* times 20 ms */

struct fixture {
    char dir[64];
    struct nba_stream *stream;
    struct nba_producer *producer;
};

/* Hands that the cases move; the keeper thread reads them. */
static _Atomic int64_t wall_ms;
static _Atomic int64_t monotonic_us;

static int64_t tell_wall_ms(void *context)
{
    (void)context;
    return wall_ms;
}

static int64_t tell_monotonic_us(void *context)
{
    (void)context;
    return monotonic_us;
}

static const struct nba_clock clock_by_hand = {tell_wall_ms, tell_monotonic_us, NULL};

static struct nba_stream *open_as(const char *dir, enum nba_local_mode mode)
{
    struct nba_stream *stream = NULL;
    assert_int_equal(nba_stream_open_local(dir, mode, &clock_by_hand, NULL, &stream, NULL), NBA_OK);
    return stream;
}

static void make_producer(struct fixture *f)
{
    assert_int_equal(nba_producer_create(f->stream, "t", &f->producer, NULL), NBA_OK);
    assert_int_equal(nba_producer_init(f->producer, 1000, NULL), NBA_OK);
}

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    wall_ms = 1700000000000;
    monotonic_us = 1000000;
    (void)snprintf(f->dir, sizeof(f->dir), "/tmp/nba-log-XXXXXX");
    assert_non_null(mkdtemp(f->dir));
    f->stream = open_as(f->dir, NBA_LOCAL_WRITER);
    make_producer(f);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    nba_producer_destroy(f->producer);
    nba_stream_close(f->stream);
    assert_int_equal(nba_file_remove_tree(f->dir, NULL), NBA_OK);
    free(f);
    return 0;
}

static void make_topic(struct fixture *f, struct nba_topic_spec spec)
{
    spec.partitions = spec.partitions != 0 ? spec.partitions : 1;
    spec.retention_ms = spec.retention_ms != 0 ? spec.retention_ms : -1;
    assert_int_equal(nba_stream_topic_create(f->stream, &spec, NULL), NBA_OK);
}

static void produce(struct fixture *f, const char *topic, const char *key, const char *value)
{
    const struct nba_outgoing outgoing = {.topic = topic,
                                          .key = nba_str_of(key),
                                          .value = nba_str_of(value),
                                          .value_null = value == NULL};
    assert_int_equal(nba_producer_produce(f->producer, &outgoing, NULL), NBA_OK);
}

static void put(struct fixture *f, const char *topic, const char *key, const char *value)
{
    assert_int_equal(nba_producer_begin(f->producer, NULL), NBA_OK);
    produce(f, topic, key, value);
    assert_int_equal(nba_producer_commit(f->producer, 1000, NULL), NBA_OK);
}

static int64_t low_of(struct nba_stream *stream, const char *topic)
{
    int64_t low = -1;
    int64_t high = -1;
    assert_int_equal(
        nba_stream_watermarks(stream, topic, 0, NBA_READ_UNCOMMITTED, &low, &high, NULL), NBA_OK);
    return low;
}

static int64_t mark_of(struct nba_stream *stream, const char *topic, enum nba_isolation isolation)
{
    int64_t low = -1;
    int64_t high = -1;
    assert_int_equal(nba_stream_watermarks(stream, topic, 0, isolation, &low, &high, NULL), NBA_OK);
    return high;
}

static struct nba_reader *reader_at(struct nba_stream *stream, const char *topic, int64_t offset)
{
    struct nba_reader *reader = NULL;
    const struct nba_position position = {topic, 0, offset};
    assert_int_equal(nba_reader_create(stream, NBA_READ_COMMITTED, &reader, NULL), NBA_OK);
    assert_int_equal(nba_reader_assign(reader, &position, 1, NULL), NBA_OK);
    return reader;
}

/* Values of partition 0 from its low mark, each with a comma; stops at the first end. */
static const char *values(struct nba_stream *stream, const char *topic)
{
    static char text[1024];
    struct nba_reader *reader = reader_at(stream, topic, low_of(stream, topic));
    text[0] = '\0';
    for (;;) {
        enum nba_poll what = NBA_POLL_NONE;
        struct nba_record record;
        assert_int_equal(nba_reader_poll(reader, 1000, &what, &record, NULL), NBA_OK);
        assert_int_not_equal(what, NBA_POLL_NONE);
        if (what == NBA_POLL_END) {
            break;
        }
        const size_t used = strlen(text);
        (void)snprintf(text + used, sizeof(text) - used, "%.*s,",
                       record.value_null ? 4 : (int)record.value.bytes,
                       record.value_null ? "null" : record.value.data);
        nba_record_release(&record);
    }
    nba_reader_destroy(reader);
    return text;
}

static void pause_a_little(void)
{
    const struct timespec pause = {0, 20000000};
    (void)nanosleep(&pause, NULL);
}

static void test_a_second_writer_is_refused_while_the_first_runs(void **state)
{
    struct fixture *f = *state;
    struct nba_stream *other = NULL;
    struct nba_error error;
    assert_int_equal(
        nba_stream_open_local(f->dir, NBA_LOCAL_WRITER, &clock_by_hand, NULL, &other, &error),
        NBA_E_BUSY);
    assert_int_equal(nba_stream_open_local("/tmp/nba-no-such-log", NBA_LOCAL_READER, &clock_by_hand,
                                           NULL, &other, &error),
                     NBA_E_NOT_FOUND);
}

static void test_a_reader_beside_the_writer_sees_commits_in_order_and_nothing_open(void **state)
{
    struct fixture *f = *state;
    make_topic(f, (struct nba_topic_spec){.name = "x"});
    put(f, "x", "k", "1");
    struct nba_stream *beside = open_as(f->dir, NBA_LOCAL_READER);
    assert_string_equal(values(beside, "x"), "1,");
    struct nba_reader *reader = reader_at(beside, "x", 1);
    enum nba_poll what = NBA_POLL_NONE;
    struct nba_record record;
    assert_int_equal(nba_reader_poll(reader, 1000, &what, &record, NULL), NBA_OK);
    assert_int_equal(what, NBA_POLL_END);

    /* One transaction commits behind an open one: not yet for the reader either. */
    struct nba_producer *other = NULL;
    assert_int_equal(nba_producer_create(f->stream, "other", &other, NULL), NBA_OK);
    assert_int_equal(nba_producer_init(other, 1000, NULL), NBA_OK);
    assert_int_equal(nba_producer_begin(other, NULL), NBA_OK);
    const struct nba_outgoing outgoing = {
        .topic = "x", .key = nba_str_of("k"), .value = nba_str_of("2")};
    assert_int_equal(nba_producer_produce(other, &outgoing, NULL), NBA_OK);
    put(f, "x", "k", "3");
    assert_string_equal(values(beside, "x"), "1,");
    assert_int_equal(nba_reader_poll(reader, 50, &what, &record, NULL), NBA_OK);
    assert_int_equal(what, NBA_POLL_NONE);
    assert_int_equal(nba_producer_commit(other, 1000, NULL), NBA_OK);
    assert_int_equal(nba_reader_poll(reader, 10000, &what, &record, NULL), NBA_OK);
    assert_int_equal(what, NBA_POLL_RECORD);
    assert_str_equal(record.value, "2");
    nba_record_release(&record);
    assert_string_equal(values(beside, "x"), "1,2,3,");
    nba_producer_destroy(other);
    nba_reader_destroy(reader);

    /* New topics appear; changes are refused. */
    make_topic(f, (struct nba_topic_spec){.name = "late", .partitions = 2});
    assert_int_equal(mark_of(beside, "late", NBA_READ_COMMITTED), 0);
    struct nba_producer *refused = NULL;
    assert_int_equal(nba_producer_create(beside, NULL, &refused, NULL), NBA_E_USAGE);
    assert_int_equal(nba_stream_topic_delete(beside, "x", NULL), NBA_E_USAGE);
    nba_stream_close(beside);
}

static void test_a_transaction_open_too_long_is_aborted_and_its_producer_fenced(void **state)
{
    struct fixture *f = *state;
    make_topic(f, (struct nba_topic_spec){.name = "x"});
    assert_int_equal(nba_producer_begin(f->producer, NULL), NBA_OK);
    produce(f, "x", "k", "stuck");
    assert_int_equal(mark_of(f->stream, "x", NBA_READ_COMMITTED), 0);
    monotonic_us += 15000001;
    for (int i = 0; i < PATIENCE && mark_of(f->stream, "x", NBA_READ_COMMITTED) == 0; i++) {
        pause_a_little(); /* the keeper looks every second */
    }
    assert_int_equal(mark_of(f->stream, "x", NBA_READ_COMMITTED), 1);
    assert_int_equal(nba_producer_commit(f->producer, 1000, NULL), NBA_E_TXN_UNKNOWN);
    nba_producer_destroy(f->producer);
    make_producer(f);
    put(f, "x", "k", "next");
    assert_string_equal(values(f->stream, "x"), "next,");
}

static void test_a_tombstone_is_kept_for_its_time_and_then_goes(void **state)
{
    struct fixture *f = *state;
    make_topic(
        f, (struct nba_topic_spec){.name = "x", .compacted = true, .delete_retention_ms = 5000});
    put(f, "x", "a", "1");
    put(f, "x", "b", "2");
    put(f, "x", "a", NULL);
    assert_int_equal(nba_stream_topic_compact(f->stream, "x", NULL), NBA_OK);
    assert_string_equal(values(f->stream, "x"), "2,null,");
    wall_ms += 4999;
    assert_int_equal(nba_stream_topic_compact(f->stream, "x", NULL), NBA_OK);
    assert_string_equal(values(f->stream, "x"), "2,null,");
    wall_ms += 1;
    assert_int_equal(nba_stream_topic_compact(f->stream, "x", NULL), NBA_OK);
    assert_string_equal(values(f->stream, "x"), "2,");
    put(f, "x", "b", "3");
    put(f, "x", "b", "4"); /* neighbours */
    assert_int_equal(nba_stream_topic_compact(f->stream, "x", NULL), NBA_OK);
    assert_string_equal(values(f->stream, "x"), "4,");
    make_topic(f, (struct nba_topic_spec){.name = "plain"});
    assert_int_equal(nba_stream_topic_compact(f->stream, "plain", NULL), NBA_E_CONFIG);
}

static void test_compaction_leaves_records_behind_an_open_transaction(void **state)
{
    struct fixture *f = *state;
    make_topic(f, (struct nba_topic_spec){.name = "x", .compacted = true});
    put(f, "x", "a", "1");
    struct nba_producer *other = NULL;
    assert_int_equal(nba_producer_create(f->stream, "other", &other, NULL), NBA_OK);
    assert_int_equal(nba_producer_init(other, 1000, NULL), NBA_OK);
    assert_int_equal(nba_producer_begin(f->producer, NULL), NBA_OK);
    produce(f, "x", "a", "2");
    assert_int_equal(nba_producer_begin(other, NULL), NBA_OK);
    const struct nba_outgoing outgoing = {
        .topic = "x", .key = nba_str_of("a"), .value = nba_str_of("3")};
    assert_int_equal(nba_producer_produce(other, &outgoing, NULL), NBA_OK);
    assert_int_equal(nba_producer_commit(other, 1000, NULL), NBA_OK);
    assert_int_equal(nba_stream_topic_compact(f->stream, "x", NULL), NBA_OK);
    assert_string_equal(values(f->stream, "x"), "1,");
    assert_int_equal(nba_producer_abort(f->producer, 1000, NULL), NBA_OK);
    assert_string_equal(values(f->stream, "x"), "1,3,");
    assert_int_equal(nba_stream_topic_compact(f->stream, "x", NULL), NBA_OK);
    assert_string_equal(values(f->stream, "x"), "3,");
    nba_producer_destroy(other);
}

static void test_a_dirty_partition_is_compacted_by_itself(void **state)
{
    struct fixture *f = *state;
    make_topic(f, (struct nba_topic_spec){.name = "x", .compacted = true});
    assert_int_equal(nba_producer_begin(f->producer, NULL), NBA_OK);
    for (int i = 0; i < 20000; i++) {
        char key[16];
        (void)snprintf(key, sizeof(key), "%d", i % 7);
        produce(f, "x", key, key);
    }
    assert_int_equal(nba_producer_commit(f->producer, 1000, NULL), NBA_OK);
    struct nba_reader *reader = NULL;
    enum nba_poll what = NBA_POLL_NONE;
    struct nba_record record;
    int64_t first = 0;
    for (int i = 0; i < PATIENCE && first < 20000 - 7; i++) {
        pause_a_little();
        reader = reader_at(f->stream, "x", 0);
        assert_int_equal(nba_reader_poll(reader, 1000, &what, &record, NULL), NBA_OK);
        first = record.offset;
        nba_record_release(&record);
        nba_reader_destroy(reader);
    }
    assert_int_equal(first, 20000 - 7);
}

static void test_old_records_are_dropped_and_low_moves(void **state)
{
    struct fixture *f = *state;
    make_topic(f, (struct nba_topic_spec){.name = "x", .deleted = true, .retention_ms = 1000});
    put(f, "x", "k", "1");
    wall_ms += 600;
    put(f, "x", "k", "2");
    wall_ms += 600;
    for (int i = 0; i < PATIENCE && low_of(f->stream, "x") == 0; i++) {
        pause_a_little();
    }
    assert_int_equal(low_of(f->stream, "x"), 1);
    assert_string_equal(values(f->stream, "x"), "2,");
    struct nba_reader *reader = reader_at(f->stream, "x", 0);
    enum nba_poll what = NBA_POLL_NONE;
    struct nba_record record;
    assert_int_equal(nba_reader_poll(reader, 0, &what, &record, NULL), NBA_E_NOT_FOUND);
    nba_reader_destroy(reader);
}

static enum nba_status assign_nothing(void *context, struct nba_assignment *partitions,
                                      size_t count, struct nba_error *error)
{
    (void)context;
    (void)partitions;
    (void)count;
    (void)error;
    return NBA_OK;
}

static void revoke_nothing(void *context, const struct nba_assignment *partitions, size_t count,
                           bool lost)
{
    (void)context;
    (void)partitions;
    (void)count;
    (void)lost;
}

static struct nba_member *join(struct fixture *f, const char *group, const char *topic)
{
    const struct nba_member_options options = {.group_id = group,
                                               .topics = &topic,
                                               .topic_count = 1,
                                               .assign = assign_nothing,
                                               .revoke = revoke_nothing};
    struct nba_member *member = NULL;
    assert_int_equal(nba_member_create(f->stream, &options, &member, NULL), NBA_OK);
    return member;
}

static void poll_member(struct nba_member *member)
{
    enum nba_poll what = NBA_POLL_NONE;
    struct nba_record record;
    assert_int_equal(nba_member_poll(member, 0, &what, &record, NULL), NBA_OK);
    if (what != NBA_POLL_NONE) {
        nba_record_release(&record);
    }
}

static void test_a_member_that_gave_its_share_back_cannot_send_offsets(void **state)
{
    struct fixture *f = *state;
    make_topic(f, (struct nba_topic_spec){.name = "x", .partitions = 2});
    const struct nba_position position = {"x", 0, 0};
    struct nba_member *one = join(f, "g", "x");
    poll_member(one);
    struct nba_member *two = join(f, "g", "x");
    assert_int_equal(nba_producer_begin(f->producer, NULL), NBA_OK);
    /* It still owns its share, although a round has begun. */
    assert_int_equal(nba_producer_send_offsets(f->producer, &position, 1, one, NULL), NBA_OK);
    assert_int_equal(nba_producer_commit(f->producer, 1000, NULL), NBA_OK);
    poll_member(one);
    assert_int_equal(nba_producer_begin(f->producer, NULL), NBA_OK);
    assert_int_equal(nba_producer_send_offsets(f->producer, &position, 1, one, NULL),
                     NBA_E_TXN_MEMBERSHIP);
    assert_int_equal(nba_producer_commit(f->producer, 1000, NULL), NBA_E_TXN_MEMBERSHIP);
    assert_int_equal(nba_producer_abort(f->producer, 1000, NULL), NBA_OK);
    poll_member(two);
    poll_member(one);
    assert_int_equal(nba_producer_begin(f->producer, NULL), NBA_OK);
    assert_int_equal(nba_producer_send_offsets(f->producer, &position, 1, one, NULL), NBA_OK);
    assert_int_equal(nba_producer_commit(f->producer, 1000, NULL), NBA_OK);
    nba_member_close(one, 1000);
    nba_member_close(two, 1000);
}

static void test_a_topic_with_an_open_transaction_is_not_deleted(void **state)
{
    struct fixture *f = *state;
    int64_t offset = 0;
    make_topic(f, (struct nba_topic_spec){.name = "x"});
    assert_int_equal(nba_stream_group_reset(f->stream, "g", "x", 0, 1, NULL), NBA_OK);
    assert_int_equal(nba_producer_begin(f->producer, NULL), NBA_OK);
    produce(f, "x", "k", "1");
    assert_int_equal(nba_stream_topic_delete(f->stream, "x", NULL), NBA_E_BUSY);
    assert_int_equal(nba_producer_commit(f->producer, 1000, NULL), NBA_OK);
    assert_int_equal(nba_stream_topic_delete(f->stream, "x", NULL), NBA_OK);
    /* A new topic of the name begins anew, with no group's offsets. */
    make_topic(f, (struct nba_topic_spec){.name = "x"});
    assert_int_equal(mark_of(f->stream, "x", NBA_READ_UNCOMMITTED), 0);
    assert_int_equal(nba_stream_group_committed(f->stream, "g", "x", 0, &offset, NULL), NBA_OK);
    assert_int_equal(offset, -1);
    assert_string_equal(values(f->stream, "x"), "");
}

static void test_offsets_are_not_used_twice_after_closing_with_a_transaction_open(void **state)
{
    struct fixture *f = *state;
    make_topic(f, (struct nba_topic_spec){.name = "x"});
    struct nba_producer *other = NULL;
    assert_int_equal(nba_producer_create(f->stream, "other", &other, NULL), NBA_OK);
    assert_int_equal(nba_producer_init(other, 1000, NULL), NBA_OK);
    assert_int_equal(nba_producer_begin(f->producer, NULL), NBA_OK);
    produce(f, "x", "k", "open");
    assert_int_equal(nba_producer_begin(other, NULL), NBA_OK);
    const struct nba_outgoing outgoing = {
        .topic = "x", .key = nba_str_of("k"), .value = nba_str_of("1")};
    assert_int_equal(nba_producer_produce(other, &outgoing, NULL), NBA_OK);
    assert_int_equal(nba_producer_commit(other, 1000, NULL), NBA_OK);
    nba_producer_destroy(other);
    nba_producer_destroy(f->producer);
    nba_stream_close(f->stream);
    f->stream = open_as(f->dir, NBA_LOCAL_WRITER);
    make_producer(f);
    assert_int_equal(mark_of(f->stream, "x", NBA_READ_COMMITTED), 2);
    put(f, "x", "k", "2");
    assert_string_equal(values(f->stream, "x"), "1,2,");
}

static void test_a_log_of_another_format_is_refused(void **state)
{
    struct fixture *f = *state;
    struct nba_kv *kv = NULL;
    struct nba_kv_cf *meta = NULL;
    struct nba_error error;
    const struct nba_kv_options options = {.create = true};
    make_topic(f, (struct nba_topic_spec){.name = "x"});
    nba_producer_destroy(f->producer);
    f->producer = NULL;
    nba_stream_close(f->stream);
    f->stream = NULL;
    assert_int_equal(nba_kv_open(f->dir, &options, &kv, NULL), NBA_OK);
    assert_int_equal(nba_kv_cf_open(kv, "meta", &meta, NULL), NBA_OK);
    struct nba_kv_batch *batch = nba_kv_batch_create();
    nba_kv_batch_put(batch, meta, nba_str_of("v"), nba_str("\x02\0\0\0", 4));
    assert_int_equal(nba_kv_write(kv, batch, NULL), NBA_OK);
    nba_kv_batch_destroy(batch);
    nba_kv_close(kv);
    assert_int_equal(
        nba_stream_open_local(f->dir, NBA_LOCAL_WRITER, &clock_by_hand, NULL, &f->stream, &error),
        NBA_E_VERSION);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_a_second_writer_is_refused_while_the_first_runs),
        CASE(test_a_reader_beside_the_writer_sees_commits_in_order_and_nothing_open),
        CASE(test_a_transaction_open_too_long_is_aborted_and_its_producer_fenced),
        CASE(test_a_tombstone_is_kept_for_its_time_and_then_goes),
        CASE(test_compaction_leaves_records_behind_an_open_transaction),
        CASE(test_a_dirty_partition_is_compacted_by_itself),
        CASE(test_old_records_are_dropped_and_low_moves),
        CASE(test_a_member_that_gave_its_share_back_cannot_send_offsets),
        CASE(test_a_topic_with_an_open_transaction_is_not_deleted),
        CASE(test_offsets_are_not_used_twice_after_closing_with_a_transaction_open),
        CASE(test_a_log_of_another_format_is_refused),
    };
    return cmocka_run_group_tests_name("unit.stream.local_log", tests, NULL, NULL);
}
