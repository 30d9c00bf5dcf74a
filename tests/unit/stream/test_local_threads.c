/*
 * Workers on one log: each a member and a producer, moving records from `in` to `out` exactly once
 * while workers come and go; and readers that follow.  Run it under TSan.
 */
#include "nba_test.h"

#include <pthread.h>

#include "nba/base/clock.h"
#include "nba/base/file.h"
#include "nba/stream/member.h"
#include "nba/stream/producer.h"
#include "nba/stream/reader.h"
#include "nba/stream/stream.h"

#define PARTITIONS 6
#define RECORDS    600 /* a partition */
#define WORKERS    4
#define LIVES      3 /* a worker joins and leaves this often, but for the last */
#define BATCH      25

struct worker {
    struct nba_stream *stream;
    int number;
    struct nba_member *member;
    struct nba_producer *producer;
    int64_t positions[PARTITIONS]; /* read up to, -1: nothing since the last commit */
    int in_transaction;            /* records */
    bool failed;
};

/* Commits what is open; a failure is left for the test's end to find. */
static void commit(struct worker *w)
{
    if (w->in_transaction == 0) {
        return;
    }
    bool good = true;
    for (int32_t p = 0; p < PARTITIONS; p++) {
        if (w->positions[p] >= 0) {
            const struct nba_position position = {"in", p, w->positions[p]};
            good = good &&
                   nba_producer_send_offsets(w->producer, &position, 1, w->member, NULL) == NBA_OK;
            w->positions[p] = -1;
        }
    }
    good = good && nba_producer_commit(w->producer, 1000, NULL) == NBA_OK;
    w->in_transaction = 0;
    w->failed = w->failed || !good;
}

static enum nba_status on_assign(void *context, struct nba_assignment *partitions, size_t count,
                                 struct nba_error *error)
{
    (void)context;
    (void)partitions; /* the offset stands at the committed one */
    (void)count;
    (void)error;
    return NBA_OK;
}

static void on_revoke(void *context, const struct nba_assignment *partitions, size_t count,
                      bool lost)
{
    (void)partitions;
    (void)count;
    (void)lost;
    commit(context);
}

static void handle(struct worker *w, const struct nba_record *record)
{
    const struct nba_outgoing outgoing = {
        .topic = "out", .partition = record->partition, .key = record->key, .value = record->value};
    if (w->in_transaction == 0 && nba_producer_begin(w->producer, NULL) != NBA_OK) {
        w->failed = true;
        return;
    }
    if (nba_producer_produce(w->producer, &outgoing, NULL) != NBA_OK) {
        w->failed = true;
    }
    w->positions[record->partition] = record->offset + 1;
    w->in_transaction++;
    if (w->in_transaction == BATCH) {
        commit(w);
    }
}

static bool all_committed(struct worker *w)
{
    bool all = true;
    for (int32_t p = 0; p < PARTITIONS && all; p++) {
        int64_t offset = -1;
        all = nba_stream_group_committed(w->stream, "g", "in", p, &offset, NULL) == NBA_OK &&
              offset == RECORDS;
    }
    return all;
}

/* One membership: polls for a while, or for the last worker until all is done. */
static void live(struct worker *w, bool to_the_end)
{
    const char *topic = "in";
    const struct nba_member_options options = {.group_id = "g",
                                               .topics = &topic,
                                               .topic_count = 1,
                                               .assign = on_assign,
                                               .revoke = on_revoke,
                                               .context = w};
    if (nba_member_create(w->stream, &options, &w->member, NULL) != NBA_OK) {
        w->failed = true;
        return;
    }
    for (int polls = 0; !w->failed && (to_the_end || polls < 300); polls++) {
        enum nba_poll what = NBA_POLL_NONE;
        struct nba_record record;
        if (nba_member_poll(w->member, 5, &what, &record, NULL) != NBA_OK) {
            w->failed = true;
        } else if (what == NBA_POLL_RECORD) {
            handle(w, &record);
            nba_record_release(&record);
        } else if (what == NBA_POLL_NONE) {
            commit(w);
            if (to_the_end && all_committed(w)) {
                break;
            }
        }
    }
    nba_member_close(w->member, 1000);
}

static void *work(void *context)
{
    struct worker *w = context;
    char id[16];
    (void)snprintf(id, sizeof(id), "t%d", w->number);
    for (int32_t p = 0; p < PARTITIONS; p++) {
        w->positions[p] = -1;
    }
    if (nba_producer_create(w->stream, id, &w->producer, NULL) != NBA_OK ||
        nba_producer_init(w->producer, 1000, NULL) != NBA_OK) {
        w->failed = true;
        return NULL;
    }
    for (int i = 1; i < LIVES && !w->failed; i++) {
        live(w, false);
    }
    if (w->number == 0 && !w->failed) {
        live(w, true);
    }
    nba_producer_destroy(w->producer);
    return NULL;
}

/* Reads a partition of `out` as it grows: 0, 1, 2... once each. */
static void *follow(void *context)
{
    struct nba_stream *stream = context;
    struct nba_reader *reader = NULL;
    const struct nba_position position = {"out", 0, 0};
    intptr_t wrong = nba_reader_create(stream, NBA_READ_COMMITTED, &reader, NULL) != NBA_OK ||
                     nba_reader_assign(reader, &position, 1, NULL) != NBA_OK;
    for (int n = 0; n < RECORDS && wrong == 0;) {
        enum nba_poll what = NBA_POLL_NONE;
        struct nba_record record;
        wrong =
            nba_reader_poll(reader, 60000, &what, &record, NULL) != NBA_OK || what == NBA_POLL_NONE;
        if (wrong == 0 && what == NBA_POLL_RECORD) {
            int value = -1;
            memcpy(&value, record.value.data, sizeof(value));
            wrong = value != n;
            n++;
        }
        if (wrong == 0) {
            nba_record_release(&record);
        }
    }
    nba_reader_destroy(reader);
    return (void *)wrong;
}

static void fill(struct nba_stream *stream)
{
    struct nba_producer *producer = NULL;
    assert_int_equal(nba_producer_create(stream, NULL, &producer, NULL), NBA_OK);
    for (int i = 0; i < RECORDS; i++) {
        for (int32_t p = 0; p < PARTITIONS; p++) {
            const struct nba_outgoing outgoing = {.topic = "in",
                                                  .partition = p,
                                                  .key = nba_str_of("k"),
                                                  .value = nba_str((const char *)&i, sizeof(i))};
            assert_int_equal(nba_producer_produce(producer, &outgoing, NULL), NBA_OK);
        }
    }
    nba_producer_destroy(producer);
}

static void test_workers_that_come_and_go_move_every_record_once_and_in_order(void **state)
{
    char dir[] = "/tmp/nba-threads-XXXXXX";
    struct nba_stream *stream = NULL;
    struct worker workers[WORKERS] = {{0}};
    pthread_t threads[WORKERS];
    pthread_t follower;
    (void)state;
    assert_non_null(mkdtemp(dir));
    assert_int_equal(
        nba_stream_open_local(dir, NBA_LOCAL_WRITER, &nba_clock_system, NULL, &stream, NULL),
        NBA_OK);
    const struct nba_topic_spec in = {.name = "in", .partitions = PARTITIONS, .retention_ms = -1};
    const struct nba_topic_spec out = {.name = "out", .partitions = PARTITIONS, .retention_ms = -1};
    assert_int_equal(nba_stream_topic_create(stream, &in, NULL), NBA_OK);
    assert_int_equal(nba_stream_topic_create(stream, &out, NULL), NBA_OK);
    assert_int_equal(pthread_create(&follower, NULL, follow, stream), 0);
    for (int i = 0; i < WORKERS; i++) {
        workers[i].stream = stream;
        workers[i].number = i;
        assert_int_equal(pthread_create(&threads[i], NULL, work, &workers[i]), 0);
    }
    fill(stream);
    for (int i = 0; i < WORKERS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_false(workers[i].failed);
    }
    for (int32_t p = 0; p < PARTITIONS; p++) {
        int64_t offset = -1;
        int64_t low = -1;
        int64_t high = -1;
        assert_int_equal(nba_stream_group_committed(stream, "g", "in", p, &offset, NULL), NBA_OK);
        assert_int_equal(offset, RECORDS);
        assert_int_equal(
            nba_stream_watermarks(stream, "out", p, NBA_READ_COMMITTED, &low, &high, NULL), NBA_OK);
        assert_int_equal(high, RECORDS); /* nothing was aborted: no gaps, so none twice */
    }
    void *wrong = NULL;
    assert_int_equal(pthread_join(follower, &wrong), 0);
    assert_null(wrong);
    nba_stream_close(stream);
    assert_int_equal(nba_file_remove_tree(dir, NULL), NBA_OK);
}

/* --- threads that take the same transactional id from each other --- */

#define RIVALS   3
#define ATTEMPTS 60
#define BULK     50 /* records that make the write long enough to be met */

struct rival {
    struct nba_stream *stream;
    int number;
    bool committed[ATTEMPTS];
    bool failed;
};

/* Each attempt is a producer of its own, which fences whoever has the id. */
static void *fight(void *context)
{
    static const char text[4000];
    struct rival *r = context;
    for (int i = 0; i < ATTEMPTS && !r->failed; i++) {
        const unsigned char value[2] = {(unsigned char)r->number, (unsigned char)i};
        const struct nba_outgoing outgoing = {
            .topic = "out", .key = nba_str_of("k"), .value = nba_str((const char *)value, 2)};
        const struct nba_outgoing bulk = {
            .topic = "out", .partition = 1, .value = nba_str(text, sizeof(text))};
        struct nba_producer *producer = NULL;
        enum nba_status status = nba_producer_create(r->stream, "t", &producer, NULL);
        r->failed = status != NBA_OK || nba_producer_init(producer, 1000, NULL) != NBA_OK;
        status = r->failed ? NBA_E_IO : nba_producer_begin(producer, NULL);
        for (int k = 0; k < BULK && status == NBA_OK; k++) {
            status = nba_producer_produce(producer, &bulk, NULL);
        }
        if (status == NBA_OK) {
            status = nba_producer_produce(producer, &outgoing, NULL);
        }
        if (status == NBA_OK) {
            status = nba_producer_commit(producer, 1000, NULL);
        }
        r->committed[i] = status == NBA_OK;
        r->failed = r->failed || (status != NBA_OK && status != NBA_E_TXN_UNKNOWN);
        nba_producer_destroy(producer);
    }
    return NULL;
}

/* Every record there was told as committed, once; and none is missing. */
static void check_rivals(struct nba_stream *stream, const struct rival *rivals)
{
    int expected = 0;
    int seen[RIVALS][ATTEMPTS] = {{0}};
    struct nba_reader *reader = NULL;
    const struct nba_position position = {"out", 0, 0};
    for (int i = 0; i < RIVALS * ATTEMPTS; i++) {
        expected += rivals[i / ATTEMPTS].committed[i % ATTEMPTS];
    }
    assert_int_equal(nba_reader_create(stream, NBA_READ_COMMITTED, &reader, NULL), NBA_OK);
    assert_int_equal(nba_reader_assign(reader, &position, 1, NULL), NBA_OK);
    for (;;) {
        enum nba_poll what = NBA_POLL_NONE;
        struct nba_record record;
        assert_int_equal(nba_reader_poll(reader, 1000, &what, &record, NULL), NBA_OK);
        if (what != NBA_POLL_RECORD) {
            break;
        }
        const int number = record.value.data[0];
        const int attempt = record.value.data[1];
        assert_true(rivals[number].committed[attempt]);
        assert_int_equal(seen[number][attempt]++, 0);
        expected--;
        nba_record_release(&record);
    }
    assert_int_equal(expected, 0);
    nba_reader_destroy(reader);
}

static void test_of_rivals_for_an_id_exactly_the_told_commits_are_there(void **state)
{
    char dir[] = "/tmp/nba-rivals-XXXXXX";
    struct nba_stream *stream = NULL;
    static struct rival rivals[RIVALS];
    pthread_t threads[RIVALS];
    (void)state;
    assert_non_null(mkdtemp(dir));
    assert_int_equal(
        nba_stream_open_local(dir, NBA_LOCAL_WRITER, &nba_clock_system, NULL, &stream, NULL),
        NBA_OK);
    const struct nba_topic_spec out = {.name = "out", .partitions = 2, .retention_ms = -1};
    assert_int_equal(nba_stream_topic_create(stream, &out, NULL), NBA_OK);
    for (int i = 0; i < RIVALS; i++) {
        rivals[i] = (struct rival){.stream = stream, .number = i};
        assert_int_equal(pthread_create(&threads[i], NULL, fight, &rivals[i]), 0);
    }
    for (int i = 0; i < RIVALS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_false(rivals[i].failed);
    }
    check_rivals(stream, rivals);
    nba_stream_close(stream);
    assert_int_equal(nba_file_remove_tree(dir, NULL), NBA_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_workers_that_come_and_go_move_every_record_once_and_in_order),
        cmocka_unit_test(test_of_rivals_for_an_id_exactly_the_told_commits_are_there),
    };
    return cmocka_run_group_tests_name("unit.stream.local_threads", tests, NULL, NULL);
}
