/*
 * The conformance suite: what every home of the log must do, as cases over the stream interface.
 *
 * A home's program opens it and calls suite_run; cases make topics and groups with names of their
 * own, so that one running broker serves many runs.  Nothing here knows which home it is, but for
 * suite_home.open and what the interface itself answers (NBA_E_UNAVAILABLE for compaction).
 */
#ifndef NBA_TESTS_CONFORMANCE_SUITE_H
#define NBA_TESTS_CONFORMANCE_SUITE_H

#include "nba_test.h"

#include "nba/base/clock.h"
#include "nba/stream/member.h"
#include "nba/stream/producer.h"
#include "nba/stream/reader.h"
#include "nba/stream/stream.h"

/* How long anything may take before a case fails: a broker's rebalance takes seconds. */
#define SUITE_PATIENCE_MS 60000

struct suite_home {
    const char *name;
    struct nba_stream *(*open)(void); /* the same log each time */
    int quiet_ms;                     /* "nothing comes": how long to look */
};

extern struct suite_home suite_home;

/* Runs all cases; what main returns. */
int suite_run(void);

/* --- what the cases use; one fixture a case --- */

struct suite {
    struct nba_stream *stream;
    char group[64];
    char id[64]; /* a transactional id */
    char topics[3][64];
    int topic_count;
};

int suite_set_up(void **state);
int suite_tear_down(void **state);
#define SUITE_CASE(test) cmocka_unit_test_setup_teardown(test, suite_set_up, suite_tear_down)

extern const struct CMUnitTest suite_log_cases[];
extern const size_t suite_log_case_count;
extern const struct CMUnitTest suite_transaction_cases[];
extern const size_t suite_transaction_case_count;
extern const struct CMUnitTest suite_group_cases[];
extern const size_t suite_group_case_count;

#define assert_ok(call)                                                                    \
    do {                                                                                   \
        struct nba_error suite_error_ = {NBA_OK, ""};                                      \
        struct nba_error *error = &suite_error_;                                           \
        const enum nba_status suite_status_ = (call);                                      \
        if (suite_status_ != NBA_OK) {                                                     \
            fail_msg("%s: %s: %s", #call, nba_status_name(suite_status_), error->message); \
        }                                                                                  \
    } while (0)

/* A new topic; the name is good until the tear-down. */
const char *suite_topic(struct suite *s, int32_t partitions, bool compacted);
/* An initialised transactional producer with the suite's id, or `suffix` after it. */
struct nba_producer *suite_producer(struct suite *s, const char *suffix);
void suite_begin(struct nba_producer *producer);
/* Both wait until the transaction's end is to be seen on the topics of the case. */
void suite_commit(struct nba_producer *producer);
void suite_abort(struct nba_producer *producer);
/* A record of texts; NULL is null. */
void suite_produce(struct nba_producer *producer, const char *topic, int32_t partition,
                   const char *key, const char *value);
/* A transaction of one record. */
void suite_put(struct nba_producer *producer, const char *topic, int32_t partition, const char *key,
               const char *value);
int64_t suite_mark(struct suite *s, const char *topic, int32_t partition,
                   enum nba_isolation isolation);
/* Waits until `count` more offsets than `from` are taken: what an open transaction produced is on
 * its way.  The high watermark. */
int64_t suite_wait_high(struct suite *s, const char *topic, int32_t partition, int64_t from,
                        int64_t count);
struct nba_reader *suite_reader(struct suite *s, const char *topic, int32_t partition,
                                int64_t offset);
/* The values from `offset` to the last stable offset as text, each with a comma after it, "null"
 * for none. */
const char *suite_values(struct suite *s, const char *topic, int32_t partition, int64_t offset);
/* Offsets alike; returns their number. */
size_t suite_offsets(struct suite *s, const char *topic, int32_t partition, int64_t *ret_offsets,
                     size_t capacity);
int64_t suite_committed(struct suite *s, const char *topic, int32_t partition);

/* A member that notes what it is told. */
struct suite_member {
    struct suite *suite;
    struct nba_member *member;
    const char *name;
    char *story; /* shared by the members of a case: "+a" assigned, "-a" revoked, "!a" lost */
    struct {
        char topic[64];
        int32_t partition;
        int64_t committed;
    } share[16];
    size_t share_count;
    bool assigned; /* has a share now, perhaps empty */
    int64_t start; /* what assign sets as offset; -1 leaves it */
    /* called in revoke, if not NULL */
    void (*on_revoke)(struct suite_member *member);
    void *on_revoke_context;
    size_t record_count;
    char values[1024]; /* as suite_values, of all that was polled */
    int64_t position;  /* after the last record */
    size_t end_count;
};

#define SUITE_STORY_BYTES 256

void suite_join(struct suite *s, struct suite_member *member, const char *instance_id,
                const char *const *topics, size_t topic_count);
/* One poll; what it answered. */
enum nba_status suite_poll(struct suite_member *member, int timeout_ms);
/* Polls all members in turn until `until` says true of them, or the case fails. */
void suite_poll_until(struct suite_member **members, size_t count,
                      bool (*until)(struct suite_member **members, size_t count));
bool suite_all_assigned(struct suite_member **members, size_t count);
void suite_leave(struct suite_member *member);

#endif
