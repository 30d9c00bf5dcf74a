/* Cases: topics, records, marks, reading. */
#include "suite.h"

#include <pthread.h>

#include "nba/base/hash.h"
#include "nba/base/limits.h"

static void test_records_of_a_partition_come_in_order_and_stay_in_it(void **state)
{
    struct suite *s = *state;
    const char *topic = suite_topic(s, 3, false);
    struct nba_producer *producer = suite_producer(s, "");
    suite_begin(producer);
    for (int i = 0; i < 30; i++) {
        char value[16];
        (void)snprintf(value, sizeof(value), "%d", i);
        suite_produce(producer, topic, i % 3, "k", value);
    }
    suite_commit(producer);
    assert_string_equal(suite_values(s, topic, 0, 0), "0,3,6,9,12,15,18,21,24,27,");
    assert_string_equal(suite_values(s, topic, 1, 0), "1,4,7,10,13,16,19,22,25,28,");
    assert_string_equal(suite_values(s, topic, 2, 0), "2,5,8,11,14,17,20,23,26,29,");
    nba_producer_destroy(producer);
}

static struct nba_record read_one(struct nba_reader *reader)
{
    enum nba_poll what = NBA_POLL_NONE;
    struct nba_record record;
    memset(&record, 0, sizeof(record));
    for (int i = 0; i < 60 && what != NBA_POLL_RECORD; i++) {
        nba_record_release(&record); /* an end */
        assert_ok(nba_reader_poll(reader, 1000, &what, &record, error));
    }
    assert_int_equal(what, NBA_POLL_RECORD);
    return record;
}

static void test_headers_null_and_empty_come_back_as_sent(void **state)
{
    struct suite *s = *state;
    const char *topic = suite_topic(s, 1, false);
    struct nba_producer *producer = suite_producer(s, "");
    const struct nba_header headers[] = {{nba_str_of("src"), nba_str("a\0b", 3)},
                                         {nba_str_of("empty"), nba_str_of("")},
                                         {nba_str_of("src"), nba_str_of("again")}};
    struct nba_outgoing outgoing = {.topic = topic,
                                    .key = nba_str("", 0),
                                    .value = nba_str("\0\xff", 2),
                                    .headers = headers,
                                    .header_count = 3,
                                    .timestamp_ms = 1700000000123};
    suite_begin(producer);
    assert_ok(nba_producer_produce(producer, &outgoing, error));
    outgoing = (struct nba_outgoing){.topic = topic, .key_null = true, .value_null = true};
    assert_ok(nba_producer_produce(producer, &outgoing, error));
    outgoing = (struct nba_outgoing){.topic = topic, .key = nba_str_of("k")};
    assert_ok(nba_producer_produce(producer, &outgoing, error));
    suite_commit(producer);

    struct nba_reader *reader = suite_reader(s, topic, 0, 0);
    struct nba_record record = read_one(reader);
    assert_false(record.key_null);
    assert_int_equal(record.key.bytes, 0);
    assert_int_equal(record.value.bytes, 2);
    assert_memory_equal(record.value.data, "\0\xff", 2);
    assert_int_equal(record.timestamp_ms, 1700000000123);
    assert_int_equal(record.header_count, 3);
    assert_str_equal(record.headers[0].name, "src");
    assert_int_equal(record.headers[0].value.bytes, 3);
    assert_memory_equal(record.headers[0].value.data, "a\0b", 3);
    assert_str_equal(record.headers[1].name, "empty");
    assert_int_equal(record.headers[1].value.bytes, 0);
    assert_str_equal(record.headers[2].value, "again");
    struct nba_record nulls = read_one(reader);
    assert_true(nulls.key_null);
    assert_true(nulls.value_null);
    assert_int_equal(nulls.header_count, 0);
    assert_true(nulls.timestamp_ms > 1700000000123);
    nba_record_release(&nulls);
    struct nba_record empty = read_one(reader);
    assert_false(empty.key_null);
    assert_false(empty.value_null);
    assert_int_equal(empty.value.bytes, 0);
    nba_reader_destroy(reader);
    assert_str_equal(empty.key, "k"); /* a record outlives its reader */
    nba_record_release(&empty);
    nba_record_release(&record);
    nba_record_release(&record);
    nba_producer_destroy(producer);
}

static void test_keys_go_to_the_partition_that_murmur2_names(void **state)
{
    struct suite *s = *state;
    const char *topic = suite_topic(s, 4, false);
    struct nba_producer *producer = suite_producer(s, "");
    char expected[4][256] = {"", "", "", ""};
    suite_begin(producer);
    for (int i = 0; i < 40; i++) {
        char key[32];
        (void)snprintf(key, sizeof(key), "hcp-%d", i * 7919);
        suite_produce(producer, topic, NBA_PARTITION_BY_KEY, key, key);
        char *line = expected[nba_partition_of_key(nba_str_of(key), 4)];
        (void)snprintf(line + strlen(line), 256 - strlen(line), "%s,", key);
    }
    suite_commit(producer);
    for (int32_t p = 0; p < 4; p++) {
        assert_true(expected[p][0] != '\0');
        assert_string_equal(suite_values(s, topic, p, 0), expected[p]);
    }
    nba_producer_destroy(producer);
}

static void test_a_plain_producer_delivers_on_flush(void **state)
{
    struct suite *s = *state;
    const char *topic = suite_topic(s, 1, false);
    struct nba_producer *producer = NULL;
    assert_ok(nba_producer_create(s->stream, NULL, &producer, error));
    suite_produce(producer, topic, 0, "a", "1");
    suite_produce(producer, topic, 0, "a", "2");
    assert_ok(nba_producer_flush(producer, SUITE_PATIENCE_MS, error));
    assert_string_equal(suite_values(s, topic, 0, 0), "1,2,");
    nba_producer_destroy(producer);
}

static void count_topic(void *context, const char *topic, int32_t partitions)
{
    int *found = context;
    if (strncmp(topic, "c0.", 3) == 0 && partitions == 5) {
        ++*found;
    }
}

static void test_topics_are_created_once_listed_and_deleted(void **state)
{
    struct suite *s = *state;
    const char *topic = suite_topic(s, 5, false);
    int32_t count = 0;
    int found = 0;
    assert_ok(nba_stream_topic_partitions(s->stream, topic, &count, error));
    assert_int_equal(count, 5);
    assert_ok(nba_stream_topic_list(s->stream, count_topic, &found, error));
    assert_true(found >= 1);
    struct nba_topic_spec spec = {
        .name = topic, .partitions = 5, .retention_ms = -1, .replication = 1};
    assert_int_equal(nba_stream_topic_create(s->stream, &spec, NULL), NBA_E_EXISTS);
    spec.name = "no spaces";
    assert_int_equal(nba_stream_topic_create(s->stream, &spec, NULL), NBA_E_CONFIG);
    spec.name = "zero";
    spec.partitions = 0;
    assert_int_equal(nba_stream_topic_create(s->stream, &spec, NULL), NBA_E_CONFIG);
    assert_ok(nba_stream_topic_delete(s->stream, topic, error));
    enum nba_status status = NBA_OK;
    for (int i = 0; i < 600 && status == NBA_OK; i++) { /* a broker takes its time */
        status = nba_stream_topic_partitions(s->stream, topic, &count, NULL);
    }
    assert_int_equal(status, NBA_E_NOT_FOUND);
}

static void test_an_unknown_topic_or_partition_is_not_found(void **state)
{
    struct suite *s = *state;
    const char *topic = suite_topic(s, 1, false);
    int64_t low = 0;
    int64_t high = 0;
    int32_t count = 0;
    assert_int_equal(nba_stream_topic_partitions(s->stream, "no-such-topic", &count, NULL),
                     NBA_E_NOT_FOUND);
    assert_int_equal(
        nba_stream_watermarks(s->stream, topic, 7, NBA_READ_COMMITTED, &low, &high, NULL),
        NBA_E_NOT_FOUND);
    struct nba_reader *reader = NULL;
    const struct nba_position position = {topic, 1, 0};
    assert_ok(nba_reader_create(s->stream, NBA_READ_COMMITTED, &reader, error));
    assert_int_equal(nba_reader_assign(reader, &position, 1, NULL), NBA_E_NOT_FOUND);
    nba_reader_destroy(reader);
}

static void test_time_finds_the_first_record_not_older(void **state)
{
    struct suite *s = *state;
    const char *topic = suite_topic(s, 1, false);
    struct nba_producer *producer = suite_producer(s, "");
    const int64_t base = 1700000000000;
    for (int i = 0; i < 3; i++) { /* a batch each: brokers look up by batch first */
        const struct nba_outgoing outgoing = {.topic = topic,
                                              .key = nba_str_of("k"),
                                              .value = nba_str_of("v"),
                                              .timestamp_ms = base + 1000 * i};
        suite_begin(producer);
        assert_ok(nba_producer_produce(producer, &outgoing, error));
        suite_commit(producer);
    }
    int64_t offsets[3];
    int64_t found = -1;
    assert_int_equal(suite_offsets(s, topic, 0, offsets, 3), 3);
    assert_ok(nba_stream_offset_of_time(s->stream, topic, 0, base - 5, &found, error));
    assert_int_equal(found, offsets[0]);
    assert_ok(nba_stream_offset_of_time(s->stream, topic, 0, base + 500, &found, error));
    assert_int_equal(found, offsets[1]);
    assert_ok(nba_stream_offset_of_time(s->stream, topic, 0, base + 2000, &found, error));
    assert_int_equal(found, offsets[2]);
    assert_ok(nba_stream_offset_of_time(s->stream, topic, 0, base + 2001, &found, error));
    assert_int_equal(found, suite_mark(s, topic, 0, NBA_READ_UNCOMMITTED));
    nba_producer_destroy(producer);
}

static void test_compaction_keeps_the_newest_of_each_key_and_drops_tombstones(void **state)
{
    struct suite *s = *state;
    const char *topic = suite_topic(s, 1, true);
    struct nba_producer *producer = suite_producer(s, "");
    suite_put(producer, topic, 0, "a", "a1");
    suite_put(producer, topic, 0, "b", "b1");
    suite_put(producer, topic, 0, "a", "a2");
    suite_put(producer, topic, 0, "c", "c1");
    suite_put(producer, topic, 0, "b", NULL);
    assert_string_equal(suite_values(s, topic, 0, 0), "a1,b1,a2,c1,null,");
    const int64_t high = suite_mark(s, topic, 0, NBA_READ_COMMITTED);
    const enum nba_status status = nba_stream_topic_compact(s->stream, topic, NULL);
    if (status == NBA_OK) {
        assert_string_equal(suite_values(s, topic, 0, 0), "a2,c1,");
        assert_int_equal(suite_mark(s, topic, 0, NBA_READ_COMMITTED), high);
        suite_put(producer, topic, 0, "c", "c2");
        assert_ok(nba_stream_topic_compact(s->stream, topic, error));
        assert_string_equal(suite_values(s, topic, 0, 0), "a2,c2,");
    } else {
        assert_int_equal(status, NBA_E_UNAVAILABLE); /* this home decides for itself */
    }
    nba_producer_destroy(producer);
}

static void test_what_was_committed_is_there_after_reopening(void **state)
{
    struct suite *s = *state;
    const char *topic = suite_topic(s, 1, false);
    struct nba_producer *producer = suite_producer(s, "");
    suite_put(producer, topic, 0, "a", "1");
    suite_begin(producer);
    suite_produce(producer, topic, 0, "a", "lost");
    suite_abort(producer);
    const int64_t high = suite_mark(s, topic, 0, NBA_READ_COMMITTED);
    nba_producer_destroy(producer);
    nba_stream_close(s->stream);
    s->stream = suite_home.open();
    assert_non_null(s->stream);
    assert_int_equal(suite_mark(s, topic, 0, NBA_READ_COMMITTED), high);
    assert_string_equal(suite_values(s, topic, 0, 0), "1,");
    producer = suite_producer(s, "");
    suite_put(producer, topic, 0, "a", "2");
    assert_string_equal(suite_values(s, topic, 0, 0), "1,2,");
    nba_producer_destroy(producer);
}

static void test_a_reader_tells_the_end_once_and_then_nothing(void **state)
{
    struct suite *s = *state;
    const char *topic = suite_topic(s, 1, false);
    struct nba_producer *producer = suite_producer(s, "");
    struct nba_reader *reader = suite_reader(s, topic, 0, 0);
    enum nba_poll what = NBA_POLL_NONE;
    struct nba_record record;
    assert_ok(nba_reader_poll(reader, SUITE_PATIENCE_MS, &what, &record, error));
    assert_int_equal(what, NBA_POLL_END);
    assert_int_equal(record.offset, 0);
    nba_record_release(&record);
    assert_ok(nba_reader_poll(reader, suite_home.quiet_ms, &what, &record, error));
    assert_int_equal(what, NBA_POLL_NONE);
    suite_put(producer, topic, 0, "a", "1");
    record = read_one(reader);
    assert_str_equal(record.value, "1");
    nba_record_release(&record);
    assert_ok(nba_reader_poll(reader, SUITE_PATIENCE_MS, &what, &record, error));
    assert_int_equal(what, NBA_POLL_END);
    assert_int_equal(record.offset, suite_mark(s, topic, 0, NBA_READ_COMMITTED));
    nba_record_release(&record);
    assert_ok(nba_reader_poll(reader, 0, &what, &record, error));
    assert_int_equal(what, NBA_POLL_NONE);
    nba_reader_destroy(reader);
    nba_producer_destroy(producer);
}

static void test_an_offset_the_log_does_not_have_is_not_found(void **state)
{
    struct suite *s = *state;
    const char *topic = suite_topic(s, 1, false);
    struct nba_reader *reader = suite_reader(s, topic, 0, 1000);
    enum nba_poll what = NBA_POLL_NONE;
    struct nba_record record;
    enum nba_status status = NBA_OK;
    for (int i = 0; i < 60 && status == NBA_OK; i++) {
        status = nba_reader_poll(reader, 1000, &what, &record, NULL);
        assert_int_equal(what, NBA_POLL_NONE);
    }
    assert_int_equal(status, NBA_E_NOT_FOUND);
    nba_reader_destroy(reader);
}

static void *poll_for_a_record(void *context)
{
    struct nba_reader *reader = context;
    struct nba_record record = read_one(reader);
    nba_record_release(&record);
    return NULL;
}

static void test_a_waiting_reader_wakes_for_a_new_record(void **state)
{
    struct suite *s = *state;
    const char *topic = suite_topic(s, 1, false);
    struct nba_producer *producer = suite_producer(s, "");
    struct nba_reader *reader = suite_reader(s, topic, 0, 0);
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, poll_for_a_record, reader), 0);
    suite_put(producer, topic, 0, "a", "1");
    assert_int_equal(pthread_join(thread, NULL), 0);
    nba_reader_destroy(reader);
    nba_producer_destroy(producer);
}

static void test_one_reader_reads_several_partitions(void **state)
{
    struct suite *s = *state;
    const char *topic = suite_topic(s, 2, false);
    const char *other = suite_topic(s, 1, false);
    struct nba_producer *producer = suite_producer(s, "");
    suite_begin(producer);
    suite_produce(producer, topic, 0, "a", "1");
    suite_produce(producer, topic, 1, "a", "2");
    suite_produce(producer, other, 0, "a", "3");
    suite_commit(producer);
    const struct nba_position positions[] = {{topic, 0, 0}, {topic, 1, 0}, {other, 0, 0}};
    struct nba_reader *reader = NULL;
    assert_ok(nba_reader_create(s->stream, NBA_READ_COMMITTED, &reader, error));
    assert_ok(nba_reader_assign(reader, positions, 3, error));
    int sum = 0;
    for (int i = 0; i < 3; i++) {
        struct nba_record record = read_one(reader);
        sum += record.value.data[0] - '0';
        nba_record_release(&record);
    }
    assert_int_equal(sum, 6);
    assert_ok(nba_reader_assign(reader, positions, 1, error));
    struct nba_record record = read_one(reader);
    assert_str_equal(record.value, "1");
    nba_record_release(&record);
    nba_reader_destroy(reader);
    nba_producer_destroy(producer);
}

const struct CMUnitTest suite_log_cases[] = {
    SUITE_CASE(test_records_of_a_partition_come_in_order_and_stay_in_it),
    SUITE_CASE(test_headers_null_and_empty_come_back_as_sent),
    SUITE_CASE(test_keys_go_to_the_partition_that_murmur2_names),
    SUITE_CASE(test_a_plain_producer_delivers_on_flush),
    SUITE_CASE(test_topics_are_created_once_listed_and_deleted),
    SUITE_CASE(test_an_unknown_topic_or_partition_is_not_found),
    SUITE_CASE(test_time_finds_the_first_record_not_older),
    SUITE_CASE(test_compaction_keeps_the_newest_of_each_key_and_drops_tombstones),
    SUITE_CASE(test_what_was_committed_is_there_after_reopening),
    SUITE_CASE(test_a_reader_tells_the_end_once_and_then_nothing),
    SUITE_CASE(test_an_offset_the_log_does_not_have_is_not_found),
    SUITE_CASE(test_a_waiting_reader_wakes_for_a_new_record),
    SUITE_CASE(test_one_reader_reads_several_partitions),
};
const size_t suite_log_case_count = sizeof(suite_log_cases) / sizeof(suite_log_cases[0]);
