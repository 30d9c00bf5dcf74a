/*
 * What the brokers' errors become: librdkafka's mock cluster answers a named request with a named
 * error, and each of our calls must give the class that the header of producer.h promises.
 *
 * The mock keeps no transactions (it shows aborted records and drops offsets), so nothing here
 * reads back what was written; tests/conformance does, against a real broker.  One broker.  Cases
 * about producers share a cluster and a member of a group, which takes seconds to join; errors that
 * a case left over are cleared behind it.
 */
#include "nba_test.h"

#include <time.h>

#include <librdkafka/rdkafka.h>
/* clang-format off: wants to be after rdkafka.h */
#include <librdkafka/rdkafka_mock.h>
/* clang-format on */

#include "nba/base/clock.h"
#include "nba/base/compiler.h"
#include "nba/stream/member.h"
#include "nba/stream/producer.h"
#include "nba/stream/reader.h"
#include "nba/stream/stream.h"

/* Kafka's protocol: numbers of requests. */
enum request {
    PRODUCE = 0,
    FETCH = 1,
    HEARTBEAT = 12,
    INIT_PRODUCER_ID = 22,
    ADD_PARTITIONS = 24,
    ADD_OFFSETS = 25,
    END_TXN = 26,
    TXN_OFFSET_COMMIT = 28,
};

#define BROKER 1

/* What a member was told; the context of its callbacks. */
struct share {
    int assigned;
    int lost;
};

struct fixture {
    rd_kafka_t *host;
    rd_kafka_mock_cluster_t *cluster;
    struct nba_stream *stream;
    struct nba_member *member;
    struct nba_producer *producer;
    struct share share;
    struct nba_error error;
};

/* The linker puts the second in the place of the first (--wrap). */
void __real_rd_kafka_destroy_flags(rd_kafka_t *rk, int flags);
void __wrap_rd_kafka_destroy_flags(rd_kafka_t *rk, int flags);

/* Records, requests and reports that the client taken down last had on their way just before. */
static int on_the_way;

void __wrap_rd_kafka_destroy_flags(rd_kafka_t *rk, int flags)
{
    on_the_way = rd_kafka_outq_len(rk);
    __real_rd_kafka_destroy_flags(rk, flags);
}

static enum nba_status assign(void *context, struct nba_assignment *partitions, size_t count,
                              struct nba_error *error)
{
    struct share *share = context;
    (void)partitions;
    (void)count;
    (void)error;
    share->assigned++;
    return NBA_OK;
}

static void revoke(void *context, const struct nba_assignment *partitions, size_t count, bool lost)
{
    struct share *share = context;
    (void)partitions;
    (void)count;
    share->lost += lost;
}

static void open_cluster_with(struct fixture *f, const struct nba_stream_memory *memory)
{
    memset(f, 0, sizeof(*f));
    char text[256];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    (void)rd_kafka_conf_set(conf, "log_level", "0", text, sizeof(text));
    f->host = rd_kafka_new(RD_KAFKA_PRODUCER, conf, text, sizeof(text));
    assert_non_null(f->host);
    f->cluster = rd_kafka_mock_cluster_new(f->host, BROKER);
    assert_non_null(f->cluster);
    assert_int_equal(rd_kafka_mock_topic_create(f->cluster, "in", 2, 1), 0);
    assert_int_equal(rd_kafka_mock_topic_create(f->cluster, "out", 2, 1), 0);
    const struct nba_property properties[] = {
        {"bootstrap.servers", rd_kafka_mock_cluster_bootstraps(f->cluster)},
        {"session.timeout.ms", "4000"},
        {"heartbeat.interval.ms", "100"},
        {"reconnect.backoff.max.ms", "200"},
        {"statistics.interval.ms", "100"},
    };
    assert_int_equal(nba_stream_open_kafka(properties, NBA_ARRAY_COUNT(properties), memory,
                                           &f->stream, &f->error),
                     NBA_OK);
}

static void open_cluster(struct fixture *f)
{
    open_cluster_with(f, NULL);
}

static void open_member(struct fixture *f, const char *instance_id)
{
    const char *const topics[] = {"in"};
    const struct nba_member_options options = {.group_id = "group",
                                               .instance_id = instance_id,
                                               .topics = topics,
                                               .topic_count = 1,
                                               .assign = assign,
                                               .revoke = revoke,
                                               .context = &f->share};
    assert_int_equal(nba_member_create(f->stream, &options, &f->member, &f->error), NBA_OK);
}

/* Polls until the member has been assigned `times`, or says something else than NBA_OK. */
static enum nba_status poll_until_assigned(struct fixture *f, int times)
{
    const int64_t deadline_us = nba_clock_monotonic_us(&nba_clock_system) + 30000000;
    enum nba_status status = NBA_OK;
    while (f->share.assigned < times && nba_clock_monotonic_us(&nba_clock_system) < deadline_us) {
        enum nba_poll what = NBA_POLL_NONE;
        struct nba_record record;
        status = nba_member_poll(f->member, 50, &what, &record, &f->error);
        if (status == NBA_OK && what != NBA_POLL_NONE) {
            nba_record_release(&record);
        }
        if (status != NBA_OK && status != NBA_E_UNAVAILABLE) {
            return status;
        }
    }
    return f->share.assigned >= times ? NBA_OK : NBA_E_TIMEOUT;
}

static struct fixture shared;

static int open_shared(void **state)
{
    (void)state;
    open_cluster(&shared);
    open_member(&shared, NULL);
    return poll_until_assigned(&shared, 1) == NBA_OK ? 0 : -1;
}

/* A transactional producer with the shared member. */
static void create_producer(struct fixture *f)
{
    static int number;
    char id[32];
    *f = shared;
    (void)snprintf(id, sizeof(id), "txn-%d", ++number);
    assert_int_equal(nba_producer_create(f->stream, id, &f->producer, &f->error), NBA_OK);
}

/* The same, ready. */
static void open_producer(struct fixture *f)
{
    create_producer(f);
    assert_int_equal(nba_producer_init(f->producer, 10000, &f->error), NBA_OK);
}

/* The same with a cluster of its own: an answer that comes late must not meet the next case. */
static void open_alone(struct fixture *f)
{
    open_cluster(f);
    open_member(f, NULL);
    assert_int_equal(poll_until_assigned(f, 1), NBA_OK);
    assert_int_equal(nba_producer_create(f->stream, "txn", &f->producer, &f->error), NBA_OK);
    assert_int_equal(nba_producer_init(f->producer, 10000, &f->error), NBA_OK);
}

static void close_producer(struct fixture *f)
{
    static const enum request requests[] = {PRODUCE,     INIT_PRODUCER_ID, ADD_PARTITIONS,
                                            ADD_OFFSETS, END_TXN,          TXN_OFFSET_COMMIT};
    nba_producer_destroy(f->producer);
    for (size_t i = 0; i < NBA_ARRAY_COUNT(requests); i++) {
        rd_kafka_mock_clear_request_errors(f->cluster, (int16_t)requests[i]);
    }
}

static void close_all(struct fixture *f)
{
    nba_producer_destroy(f->producer);
    nba_member_close(f->member, 2000);
    nba_stream_close(f->stream);
    rd_kafka_mock_cluster_destroy(f->cluster);
    rd_kafka_destroy(f->host);
}

static int close_shared(void **state)
{
    (void)state;
    close_all(&shared);
    return 0;
}

static void push_error(struct fixture *f, enum request request, rd_kafka_resp_err_t code)
{
    rd_kafka_mock_push_request_errors(f->cluster, (int16_t)request, 1, code);
}

/* The broker takes the request, answers `code`, but only after `ms`. */
static void push_delay(struct fixture *f, enum request request, rd_kafka_resp_err_t code, int ms)
{
    assert_int_equal(rd_kafka_mock_broker_push_request_error_rtts(f->cluster, BROKER,
                                                                  (int16_t)request, 1, code, ms),
                     0);
}

static enum nba_status produce(struct fixture *f)
{
    const struct nba_outgoing outgoing = {
        .topic = "out", .partition = 1, .key = nba_str_of("key"), .value = nba_str_of("value")};
    return nba_producer_produce(f->producer, &outgoing, &f->error);
}

static enum nba_status send_offsets(struct fixture *f)
{
    const struct nba_position position = {"in", 0, 7};
    return nba_producer_send_offsets(f->producer, &position, 1, f->member, &f->error);
}

/* One whole transaction; the first status that isn't NBA_OK, or commit's. */
static enum nba_status run(struct fixture *f, int commit_ms)
{
    enum nba_status status = nba_producer_begin(f->producer, &f->error);
    for (int i = 0; i < 3 && status == NBA_OK; i++) {
        status = produce(f);
    }
    if (status == NBA_OK) {
        status = send_offsets(f);
    }
    return status == NBA_OK ? nba_producer_commit(f->producer, commit_ms, &f->error) : status;
}

#define assert_status(f, actual, expected)                                      \
    do {                                                                        \
        const enum nba_status actual_status = (actual);                         \
        if (actual_status != (expected)) {                                      \
            fail_msg("got %s, expected %s: %s", nba_status_name(actual_status), \
                     nba_status_name(expected),                                 \
                     actual_status == NBA_OK ? "" : (f)->error.message);        \
        }                                                                       \
    } while (0)

/* ---- every request x error ---- */

/* The requests of a transaction, in the order of the columns below. */
static const enum request columns[] = {INIT_PRODUCER_ID, PRODUCE,           ADD_PARTITIONS,
                                       ADD_OFFSETS,      TXN_OFFSET_COMMIT, END_TXN};

/* What each request's error means for us: o: waited out; w: the same, or an abort if records were
 * on the way; a: abort, run again; m: abort, the group moved on; u: outcome unknown; f: another of
 * this name, stop; c: configuration, stop; -: no broker answers so. */
static const struct one_error {
    const char *name;
    rd_kafka_resp_err_t code;
    const char *meaning;
} errors[] = {
#define ERROR(code, meaning)                     \
    {                                            \
#code, RD_KAFKA_RESP_ERR_##code, meaning \
    }
    ERROR(_TRANSPORT, "owwwww"), /* the connection is cut */
    ERROR(COORDINATOR_LOAD_IN_PROGRESS, "o-oooo"),
    ERROR(COORDINATOR_NOT_AVAILABLE, "o-oooo"),
    ERROR(NOT_COORDINATOR, "o-oooo"),
    ERROR(CONCURRENT_TRANSACTIONS, "o-oo-o"),
    ERROR(UNKNOWN_TOPIC_OR_PART, "-oo-o-"),
    ERROR(REQUEST_TIMED_OUT, "oo-oou"), /* of a commit: it may have landed */
    ERROR(LEADER_NOT_AVAILABLE, "-o----"),
    ERROR(NOT_LEADER_FOR_PARTITION, "-o----"),
    ERROR(NOT_ENOUGH_REPLICAS, "-o----"),
    ERROR(NOT_ENOUGH_REPLICAS_AFTER_APPEND, "-o----"),
    ERROR(KAFKA_STORAGE_ERROR, "-o----"),
    ERROR(INVALID_MSG, "-a----"),
    ERROR(MSG_SIZE_TOO_LARGE, "-a----"),
    ERROR(DUPLICATE_SEQUENCE_NUMBER, "-a----"),
    ERROR(UNKNOWN_PRODUCER_ID, "-a----"),
    ERROR(OUT_OF_ORDER_SEQUENCE_NUMBER, "-u----"),
    ERROR(OFFSET_METADATA_TOO_LARGE, "----a-"),
    ERROR(TOPIC_AUTHORIZATION_FAILED, "-aa-a-"),
    ERROR(GROUP_AUTHORIZATION_FAILED, "---aa-"),
    ERROR(ILLEGAL_GENERATION, "----m-"),
    ERROR(UNKNOWN_MEMBER_ID, "----m-"),
    ERROR(FENCED_INSTANCE_ID, "----f-"),
    ERROR(UNKNOWN, "oaaaau"), /* of a commit: the coordinator doesn't say what it did */
    ERROR(INVALID_PRODUCER_ID_MAPPING, "o-aaua"),
    ERROR(INVALID_TXN_STATE, "--uuuu"),
    ERROR(INVALID_PRODUCER_EPOCH, "uuuuuu"),
    ERROR(PRODUCER_FENCED, "u-uaau"),
    ERROR(TRANSACTIONAL_ID_AUTHORIZATION_FAILED, "c-uuuu"),
    ERROR(CLUSTER_AUTHORIZATION_FAILED, "ca----"),
#undef ERROR
};

static enum nba_status status_of(char meaning)
{
    return meaning == 'o'   ? NBA_OK
           : meaning == 'w' ? NBA_OK
           : meaning == 'a' ? NBA_E_TXN_ABORTABLE
           : meaning == 'm' ? NBA_E_TXN_MEMBERSHIP
           : meaning == 'u' ? NBA_E_TXN_UNKNOWN
           : meaning == 'f' ? NBA_E_FENCED
                            : NBA_E_CONFIG;
}

/* A transaction that goes well, so that connections are up; then one that meets the error. */
static enum nba_status meet(struct fixture *f, enum request request, rd_kafka_resp_err_t code)
{
    if (request == INIT_PRODUCER_ID) {
        create_producer(f);
        push_error(f, request, code);
        return nba_producer_init(f->producer, 10000, &f->error);
    }
    open_producer(f);
    assert_status(f, run(f, 10000), NBA_OK);
    push_error(f, request, code);
    return run(f, 10000);
}

/* What the error said holds until it is answered as producer.h asks. */
static void check_after(struct fixture *f, enum nba_status status)
{
    if (status == NBA_E_TXN_ABORTABLE || status == NBA_E_TXN_MEMBERSHIP) {
        assert_status(f, produce(f), status);
        assert_status(f, nba_producer_commit(f->producer, 10000, &f->error), status);
        assert_status(f, nba_producer_abort(f->producer, 10000, &f->error), NBA_OK);
        assert_status(f, run(f, 10000), NBA_OK);
    } else if (status == NBA_E_TXN_UNKNOWN || status == NBA_E_FENCED) {
        assert_status(f, nba_producer_abort(f->producer, 10000, &f->error), status);
        assert_status(f, nba_producer_begin(f->producer, &f->error), status);
    }
}

static void test_every_error_of_every_request_is_what_producer_h_says(void **state)
{
    (void)state;
    for (size_t i = 0; i < NBA_ARRAY_COUNT(errors); i++) {
        for (size_t c = 0; c < NBA_ARRAY_COUNT(columns); c++) {
            struct fixture f;
            if (errors[i].meaning[c] == '-') {
                continue;
            }
            const enum nba_status status = meet(&f, columns[c], errors[i].code);
            const bool may_abort = errors[i].meaning[c] == 'w' && status == NBA_E_TXN_ABORTABLE;
            if (!may_abort && status != status_of(errors[i].meaning[c])) {
                fail_msg("%s to request %d: got %s: %s", errors[i].name, (int)columns[c],
                         nba_status_name(status), status == NBA_OK ? "" : f.error.message);
            }
            check_after(&f, status);
            close_producer(&f);
        }
    }
}

/* After this error librdkafka's produce fails locally while its commit succeeds. */
static void test_commit_never_succeeds_when_a_topic_was_refused(void **state)
{
    (void)state;
    struct fixture f;
    open_producer(&f);
    assert_status(&f, run(&f, 10000), NBA_OK);
    push_error(&f, PRODUCE, RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED);
    assert_status(&f, nba_producer_begin(f.producer, &f.error), NBA_OK);
    enum nba_status status = NBA_OK;
    const int64_t deadline_us = nba_clock_monotonic_us(&nba_clock_system) + 5000000;
    while (status == NBA_OK && nba_clock_monotonic_us(&nba_clock_system) < deadline_us) {
        status = produce(&f);
    }
    assert_status(&f, status, NBA_E_TXN_ABORTABLE);
    /* Whoever ignores that answer still commits nothing. */
    assert_status(&f, nba_producer_commit(f.producer, 10000, &f.error), NBA_E_TXN_ABORTABLE);
    assert_status(&f, nba_producer_abort(f.producer, 10000, &f.error), NBA_OK);
    close_producer(&f);
}

static void test_a_commit_without_an_answer_has_an_unknown_outcome(void **state)
{
    (void)state;
    struct fixture f;
    open_alone(&f);
    assert_status(&f, run(&f, 10000), NBA_OK);
    push_delay(&f, END_TXN, RD_KAFKA_RESP_ERR_NO_ERROR, 3000);
    assert_status(&f, run(&f, 300), NBA_E_TXN_UNKNOWN);
    close_all(&f);
}

static void test_an_abort_without_an_answer_has_an_unknown_outcome(void **state)
{
    (void)state;
    struct fixture f;
    open_alone(&f);
    assert_status(&f, nba_producer_begin(f.producer, &f.error), NBA_OK);
    assert_status(&f, produce(&f), NBA_OK);
    assert_status(&f, send_offsets(&f), NBA_OK);
    push_delay(&f, END_TXN, RD_KAFKA_RESP_ERR_NO_ERROR, 3000);
    assert_status(&f, nba_producer_abort(f.producer, 300, &f.error), NBA_E_TXN_UNKNOWN);
    close_all(&f);
}

static void test_an_abort_that_is_refused_has_an_unknown_outcome(void **state)
{
    (void)state;
    struct fixture f;
    open_alone(&f);
    assert_status(&f, nba_producer_begin(f.producer, &f.error), NBA_OK);
    assert_status(&f, produce(&f), NBA_OK);
    assert_status(&f, send_offsets(&f), NBA_OK);
    push_error(&f, END_TXN, RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH);
    assert_status(&f, nba_producer_abort(f.producer, 10000, &f.error), NBA_E_TXN_UNKNOWN);
    close_all(&f);
}

static void test_offsets_without_an_answer_leave_the_outcome_unknown(void **state)
{
    (void)state;
    struct fixture f;
    open_alone(&f);
    assert_status(&f, run(&f, 10000), NBA_OK);
    assert_status(&f, nba_producer_begin(f.producer, &f.error), NBA_OK);
    assert_status(&f, produce(&f), NBA_OK);
    /* Longer than the call waits, and the answer comes when nobody asks any more. */
    push_delay(&f, ADD_OFFSETS, RD_KAFKA_RESP_ERR_NO_ERROR, 15000);
    assert_status(&f, send_offsets(&f), NBA_E_TXN_UNKNOWN);
    close_all(&f);
}

static void test_records_that_wait_past_the_deadline_ask_for_an_abort(void **state)
{
    (void)state;
    struct fixture f;
    open_alone(&f);
    assert_status(&f, run(&f, 10000), NBA_OK);
    /* Offsets first: on the connection they share, their answer would wait behind the records'. */
    assert_status(&f, nba_producer_begin(f.producer, &f.error), NBA_OK);
    assert_status(&f, send_offsets(&f), NBA_OK);
    push_delay(&f, PRODUCE, RD_KAFKA_RESP_ERR_NO_ERROR, 2000);
    assert_status(&f, produce(&f), NBA_OK);
    assert_status(&f, nba_producer_commit(f.producer, 200, &f.error), NBA_E_TXN_ABORTABLE);
    assert_status(&f, nba_producer_abort(f.producer, 10000, &f.error), NBA_OK);
    assert_status(&f, run(&f, 10000), NBA_OK);
    close_all(&f);
}

/* How many of these requests are still to come before the stack of answers is empty. */
static size_t answers_left(struct fixture *f, enum request request)
{
    size_t count = 0;
    assert_int_equal(
        rd_kafka_mock_broker_error_stack_cnt(f->cluster, BROKER, (int16_t)request, &count), 0);
    return count;
}

/* A client that librdkafka takes down with answers outstanding may free twice what they say. */
static void test_a_producer_that_is_given_up_ends_with_nothing_on_its_way(void **state)
{
    (void)state;
    struct fixture f;
    open_alone(&f);
    assert_status(&f, run(&f, 10000), NBA_OK);
    assert_status(&f, nba_producer_begin(f.producer, &f.error), NBA_OK);
    push_delay(&f, PRODUCE, RD_KAFKA_RESP_ERR_NO_ERROR, 300);
    assert_status(&f, produce(&f), NBA_OK);
    while (answers_left(&f, PRODUCE) > 0) { /* until the broker has it */
        (void)nanosleep(&(struct timespec){0, 1000000}, NULL);
    }
    assert_status(&f, produce(&f), NBA_OK); /* and one more that waits behind it */
    on_the_way = -1;
    nba_producer_destroy(f.producer);
    f.producer = NULL;
    assert_int_equal(on_the_way, 0);
    close_all(&f);
}

static void test_a_producer_given_up_without_a_broker_takes_its_records_back(void **state)
{
    (void)state;
    struct fixture f;
    open_alone(&f);
    assert_status(&f, run(&f, 10000), NBA_OK);
    assert_status(&f, nba_producer_begin(f.producer, &f.error), NBA_OK);
    assert_int_equal(rd_kafka_mock_broker_set_down(f.cluster, BROKER), 0);
    assert_status(&f, produce(&f), NBA_OK);
    on_the_way = -1;
    nba_producer_destroy(f.producer);
    f.producer = NULL;
    assert_int_equal(on_the_way, 0);
    close_all(&f);
}

static void test_a_lost_connection_during_a_transaction_raises_the_epoch(void **state)
{
    (void)state;
    struct fixture f;
    open_alone(&f);
    assert_status(&f, run(&f, 10000), NBA_OK);
    push_delay(&f, INIT_PRODUCER_ID, RD_KAFKA_RESP_ERR_NO_ERROR, 0);
    assert_status(&f, run(&f, 10000), NBA_OK);
    assert_int_equal(answers_left(&f, INIT_PRODUCER_ID), 1);
    push_error(&f, END_TXN, RD_KAFKA_RESP_ERR__TRANSPORT);
    assert_status(&f, run(&f, 10000), NBA_OK); /* repeated by librdkafka, and committed */
    assert_int_equal(answers_left(&f, INIT_PRODUCER_ID), 1);
    assert_status(&f, run(&f, 10000), NBA_OK);
    assert_int_equal(answers_left(&f, INIT_PRODUCER_ID), 0);
    push_delay(&f, INIT_PRODUCER_ID, RD_KAFKA_RESP_ERR_NO_ERROR, 0);
    assert_status(&f, run(&f, 10000), NBA_OK); /* once only */
    assert_int_equal(answers_left(&f, INIT_PRODUCER_ID), 1);
    close_all(&f);
}

static void test_init_says_what_stands_in_its_way(void **state)
{
    (void)state;
    static const struct {
        rd_kafka_resp_err_t code;
        int ms;
        enum nba_status expected;
    } table[] = {
        {RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS, 0, NBA_OK},
        {RD_KAFKA_RESP_ERR_NOT_COORDINATOR, 0, NBA_OK},
        {RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED, 0, NBA_E_CONFIG},
        {RD_KAFKA_RESP_ERR_NO_ERROR, 3000, NBA_E_TIMEOUT},
    };
    for (size_t i = 0; i < NBA_ARRAY_COUNT(table); i++) {
        struct fixture f;
        open_cluster(&f);
        assert_int_equal(nba_producer_create(f.stream, "txn", &f.producer, &f.error), NBA_OK);
        push_delay(&f, INIT_PRODUCER_ID, table[i].code, table[i].ms);
        assert_status(&f, nba_producer_init(f.producer, 2000, &f.error), table[i].expected);
        close_all(&f);
    }
}

static void test_a_reader_says_that_no_broker_is_there_and_recovers(void **state)
{
    (void)state;
    struct fixture f;
    open_cluster(&f);
    assert_int_equal(nba_producer_create(f.stream, NULL, &f.producer, &f.error), NBA_OK);
    struct nba_reader *reader = NULL;
    assert_status(&f, nba_reader_create(f.stream, NBA_READ_COMMITTED, &reader, &f.error), NBA_OK);
    const struct nba_position position = {"out", 1, 0};
    assert_status(&f, nba_reader_assign(reader, &position, 1, &f.error), NBA_OK);
    assert_int_equal(rd_kafka_mock_broker_set_down(f.cluster, BROKER), 0);
    enum nba_poll what = NBA_POLL_NONE;
    struct nba_record record;
    const int64_t deadline_us = nba_clock_monotonic_us(&nba_clock_system) + 20000000;
    enum nba_status status = NBA_OK;
    while (status == NBA_OK && nba_clock_monotonic_us(&nba_clock_system) < deadline_us) {
        status = nba_reader_poll(reader, 50, &what, &record, &f.error);
        if (status == NBA_OK && what != NBA_POLL_NONE) {
            nba_record_release(&record);
        }
    }
    assert_status(&f, status, NBA_E_UNAVAILABLE);
    assert_int_equal(rd_kafka_mock_broker_set_up(f.cluster, BROKER), 0);
    assert_status(&f, produce(&f), NBA_OK);
    assert_status(&f, nba_producer_flush(f.producer, 10000, &f.error), NBA_OK);
    what = NBA_POLL_NONE;
    while (what != NBA_POLL_RECORD && nba_clock_monotonic_us(&nba_clock_system) < deadline_us) {
        status = nba_reader_poll(reader, 50, &what, &record, &f.error);
        if (status == NBA_OK && what == NBA_POLL_END) {
            nba_record_release(&record);
        }
    }
    assert_int_equal(what, NBA_POLL_RECORD);
    assert_str_equal(record.value, "value");
    nba_record_release(&record);
    nba_reader_destroy(reader);
    close_all(&f);
}

static void test_a_reader_outlives_what_a_fetch_is_answered(void **state)
{
    (void)state;
    static const rd_kafka_resp_err_t codes[] = {
        RD_KAFKA_RESP_ERR__TRANSPORT, RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION,
        RD_KAFKA_RESP_ERR_REPLICA_NOT_AVAILABLE, RD_KAFKA_RESP_ERR_KAFKA_STORAGE_ERROR};
    struct fixture f;
    struct nba_reader *reader = NULL;
    const struct nba_position position = {"out", 1, 0};
    open_cluster(&f);
    assert_int_equal(nba_producer_create(f.stream, NULL, &f.producer, &f.error), NBA_OK);
    assert_status(&f, nba_reader_create(f.stream, NBA_READ_COMMITTED, &reader, &f.error), NBA_OK);
    assert_status(&f, nba_reader_assign(reader, &position, 1, &f.error), NBA_OK);
    for (size_t i = 0; i < NBA_ARRAY_COUNT(codes); i++) {
        push_error(&f, FETCH, codes[i]);
        assert_status(&f, produce(&f), NBA_OK);
        assert_status(&f, nba_producer_flush(f.producer, 10000, &f.error), NBA_OK);
        enum nba_poll what = NBA_POLL_NONE;
        struct nba_record record = {0};
        for (int polls = 0; polls < 400 && what != NBA_POLL_RECORD; polls++) {
            nba_record_release(&record);
            what = NBA_POLL_NONE;
            const enum nba_status status = nba_reader_poll(reader, 50, &what, &record, &f.error);
            if (status != NBA_OK && status != NBA_E_UNAVAILABLE) {
                fail_msg("%s: %s", rd_kafka_err2name(codes[i]), f.error.message);
            }
        }
        assert_int_equal(what, NBA_POLL_RECORD);
        assert_int_equal(record.offset, i);
        nba_record_release(&record);
        assert_int_equal(answers_left(&f, FETCH), 0);
    }
    nba_reader_destroy(reader);
    close_all(&f);
}

static void test_marks_of_a_partition_that_is_not_there_are_not_waited_for(void **state)
{
    (void)state;
    int64_t low = 0;
    int64_t high = 0;
    assert_status(&shared,
                  nba_stream_watermarks(shared.stream, "in", 1, NBA_READ_COMMITTED, &low, &high,
                                        &shared.error),
                  NBA_OK);
    assert_status(&shared,
                  nba_stream_watermarks(shared.stream, "in", 2, NBA_READ_COMMITTED, &low, &high,
                                        &shared.error),
                  NBA_E_NOT_FOUND);
}

/* Who asked while there was no leader must not wait for its memory to run out. */
static void test_marks_are_there_again_as_soon_as_a_partition_has_a_leader(void **state)
{
    (void)state;
    struct fixture f;
    int64_t low = 0;
    int64_t high = 0;
    int64_t offset = 0;
    open_cluster(&f);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(rd_kafka_mock_partition_set_leader(f.cluster, "in", i, -1), 0);
        assert_status(
            &f,
            nba_stream_watermarks(f.stream, "in", i, NBA_READ_UNCOMMITTED, &low, &high, &f.error),
            NBA_E_UNAVAILABLE);
        assert_int_equal(rd_kafka_mock_partition_set_leader(f.cluster, "in", i, BROKER), 0);
        enum nba_status status = NBA_E_UNAVAILABLE;
        for (int tries = 0; tries < 3 && status == NBA_E_UNAVAILABLE; tries++) {
            status = i == 0 ? nba_stream_watermarks(f.stream, "in", i, NBA_READ_UNCOMMITTED, &low,
                                                    &high, &f.error)
                            : nba_stream_offset_of_time(f.stream, "in", i, 1, &offset, &f.error);
        }
        assert_status(&f, status, NBA_OK);
    }
    close_all(&f);
}

/* A broker would take offsets without a member id unchecked. */
static void test_a_member_outside_its_group_sends_no_offsets(void **state)
{
    (void)state;
    struct fixture f;
    open_cluster(&f);
    open_member(&f, NULL);
    assert_int_equal(nba_producer_create(f.stream, "txn", &f.producer, &f.error), NBA_OK);
    assert_int_equal(nba_producer_init(f.producer, 10000, &f.error), NBA_OK);
    assert_status(&f, run(&f, 10000), NBA_E_TXN_MEMBERSHIP);
    assert_status(&f, nba_producer_abort(f.producer, 10000, &f.error), NBA_OK);
    close_all(&f);
}

static void test_a_member_whose_name_is_taken_is_fenced(void **state)
{
    (void)state;
    struct fixture f;
    open_cluster(&f);
    open_member(&f, "instance-1");
    assert_status(&f, poll_until_assigned(&f, 1), NBA_OK);
    push_error(&f, HEARTBEAT, RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID);
    assert_status(&f, poll_until_assigned(&f, 2), NBA_E_FENCED);
    close_all(&f);
}

/* The library heartbeats without its member id after its session ran out: the broker's answer to
 * that is no other process. */
static void test_a_member_that_lost_its_session_to_an_outage_joins_again(void **state)
{
    (void)state;
    struct fixture f;
    open_cluster(&f);
    open_member(&f, "instance-1");
    assert_status(&f, poll_until_assigned(&f, 1), NBA_OK);
    assert_int_equal(rd_kafka_mock_broker_set_down(f.cluster, BROKER), 0);
    /* Busy with something else, not polling. */
    (void)nanosleep(&(struct timespec){5, 500000000}, NULL);
    push_error(&f, HEARTBEAT, RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID);
    assert_int_equal(rd_kafka_mock_broker_set_up(f.cluster, BROKER), 0);
    (void)nanosleep(&(struct timespec){2, 0}, NULL);
    size_t unanswered = 0;
    assert_int_equal(
        rd_kafka_mock_broker_error_stack_cnt(f.cluster, BROKER, HEARTBEAT, &unanswered), 0);
    assert_status(&f, poll_until_assigned(&f, 2), NBA_OK);
    assert_int_equal(f.share.lost, 1);
    /* The error was met, so the second share was got by a renewed member. */
    assert_int_equal(unanswered, 0);
    close_all(&f);
}

static void test_queues_keep_to_their_share_of_memory(void **state)
{
    (void)state;
    static const struct nba_stream_memory share = {8u << 20, 1u << 20};
    static char text[10000];
    const struct nba_outgoing outgoing = {.topic = "in",
                                          .partition = 0,
                                          .key = nba_str_of("k"),
                                          .value = nba_str(text, sizeof(text)),
                                          .timestamp_ms = 1};
    struct fixture f;
    struct nba_stream_memory used;
    open_cluster_with(&f, &share);
    assert_status(&f, nba_producer_create(f.stream, NULL, &f.producer, &f.error), NBA_OK);
    for (int i = 0; i < 300; i++) { /* what is delivered makes room */
        assert_status(&f, nba_producer_produce(f.producer, &outgoing, &f.error), NBA_OK);
        nba_stream_memory_used(f.stream, &used);
        assert_in_range(used.writing_bytes, sizeof(text), share.writing_bytes);
    }
    assert_status(&f, nba_producer_flush(f.producer, 10000, &f.error), NBA_OK);
    nba_stream_memory_used(f.stream, &used);
    assert_int_equal(used.writing_bytes, 0);
    assert_int_equal(rd_kafka_mock_broker_set_down(f.cluster, BROKER), 0);
    enum nba_status status = NBA_OK;
    for (int i = 0; status == NBA_OK; i++) {
        assert_true(i < 200);
        status = nba_producer_produce(f.producer, &outgoing, &f.error);
    }
    assert_status(&f, status, NBA_E_BUSY);
    nba_stream_memory_used(f.stream, &used);
    assert_in_range(used.writing_bytes, share.writing_bytes / 4, share.writing_bytes);
    assert_int_equal(rd_kafka_mock_broker_set_up(f.cluster, BROKER), 0);
    nba_producer_destroy(f.producer);
    f.producer = NULL;
    open_member(&f, NULL);
    assert_status(&f, poll_until_assigned(&f, 1), NBA_OK);
    size_t most = 0;
    for (int polls = 0; polls < 100 && most == 0; polls++) { /* slower than the records come */
        enum nba_poll what = NBA_POLL_NONE;
        struct nba_record record;
        assert_status(&f, nba_member_poll(f.member, 50, &what, &record, &f.error), NBA_OK);
        if (what != NBA_POLL_NONE) {
            nba_record_release(&record);
        }
        (void)nanosleep(&(struct timespec){0, 50000000}, NULL);
        nba_stream_memory_used(f.stream, &used);
        most = used.reading_bytes > most ? used.reading_bytes : most;
    }
    assert_in_range(most, sizeof(text), share.reading_bytes / 2);
    close_all(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_error_of_every_request_is_what_producer_h_says),
        cmocka_unit_test(test_commit_never_succeeds_when_a_topic_was_refused),
        cmocka_unit_test(test_a_commit_without_an_answer_has_an_unknown_outcome),
        cmocka_unit_test(test_an_abort_without_an_answer_has_an_unknown_outcome),
        cmocka_unit_test(test_an_abort_that_is_refused_has_an_unknown_outcome),
        cmocka_unit_test(test_offsets_without_an_answer_leave_the_outcome_unknown),
        cmocka_unit_test(test_records_that_wait_past_the_deadline_ask_for_an_abort),
        cmocka_unit_test(test_a_producer_that_is_given_up_ends_with_nothing_on_its_way),
        cmocka_unit_test(test_a_producer_given_up_without_a_broker_takes_its_records_back),
        cmocka_unit_test(test_a_lost_connection_during_a_transaction_raises_the_epoch),
        cmocka_unit_test(test_init_says_what_stands_in_its_way),
        cmocka_unit_test(test_a_member_outside_its_group_sends_no_offsets),
        cmocka_unit_test(test_a_member_whose_name_is_taken_is_fenced),
        cmocka_unit_test(test_a_member_that_lost_its_session_to_an_outage_joins_again),
        cmocka_unit_test(test_queues_keep_to_their_share_of_memory),
        cmocka_unit_test(test_marks_of_a_partition_that_is_not_there_are_not_waited_for),
        cmocka_unit_test(test_marks_are_there_again_as_soon_as_a_partition_has_a_leader),
        cmocka_unit_test(test_a_reader_outlives_what_a_fetch_is_answered),
        cmocka_unit_test(test_a_reader_says_that_no_broker_is_there_and_recovers),
    };
    return cmocka_run_group_tests(tests, open_shared, close_shared);
}
