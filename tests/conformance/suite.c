/* What the cases use. */
#include "suite.h"

#include <time.h>
#include <unistd.h>

static int case_number;       /* names stay apart within one run */
static struct suite *running; /* the case's */

static int64_t now_ms(void)
{
    return nba_clock_monotonic_us(&nba_clock_system) / 1000;
}

int suite_set_up(void **state)
{
    struct suite *s = calloc(1, sizeof(*s));
    assert_non_null(s);
    s->stream = suite_home.open();
    assert_non_null(s->stream);
    const long long run = (long long)nba_clock_wall_ms(&nba_clock_system);
    case_number++;
    (void)snprintf(s->group, sizeof(s->group), "g%d-%lld-%d", case_number, run, (int)getpid());
    (void)snprintf(s->id, sizeof(s->id), "t%d-%lld-%d", case_number, run, (int)getpid());
    *state = s;
    running = s;
    return 0;
}

int suite_tear_down(void **state)
{
    struct suite *s = *state;
    nba_stream_set_fault(s->stream, NULL, NULL);
    for (int i = 0; i < s->topic_count; i++) {
        const enum nba_status status = nba_stream_topic_delete(s->stream, s->topics[i], NULL);
        (void)status; /* a failed case may have left a transaction open on it */
    }
    nba_stream_close(s->stream);
    free(s);
    return 0;
}

const char *suite_topic(struct suite *s, int32_t partitions, bool compacted)
{
    assert_true(s->topic_count < (int)(sizeof(s->topics) / sizeof(s->topics[0])));
    char *name = s->topics[s->topic_count];
    (void)snprintf(name, sizeof(s->topics[0]), "c%d.%s", s->topic_count, s->group);
    s->topic_count++;
    const struct nba_topic_spec spec = {.name = name,
                                        .partitions = partitions,
                                        .compacted = compacted,
                                        .retention_ms = -1,
                                        .delete_retention_ms = 0,
                                        .replication = 1};
    assert_ok(nba_stream_topic_create(s->stream, &spec, error));
    return name;
}

struct nba_producer *suite_producer(struct suite *s, const char *suffix)
{
    char id[128];
    struct nba_producer *producer = NULL;
    (void)snprintf(id, sizeof(id), "%s%s", s->id, suffix);
    assert_ok(nba_producer_create(s->stream, id, &producer, error));
    assert_ok(nba_producer_init(producer, SUITE_PATIENCE_MS, error));
    return producer;
}

void suite_begin(struct nba_producer *producer)
{
    assert_ok(nba_producer_begin(producer, error));
}

static void settle_partition(const char *topic, int32_t partition, int64_t until_ms)
{
    for (;;) {
        int64_t low = 0;
        int64_t stable = 0;
        int64_t high = 0;
        assert_ok(nba_stream_watermarks(running->stream, topic, partition, NBA_READ_COMMITTED, &low,
                                        &stable, error));
        assert_ok(nba_stream_watermarks(running->stream, topic, partition, NBA_READ_UNCOMMITTED,
                                        &low, &high, error));
        if (stable == high || now_ms() > until_ms) {
            return;
        }
    }
}

/* Brokers write a transaction's marker after they have answered: waits until all is stable, but not
 * for long, as another transaction may be open. */
static void settle(void)
{
    for (int i = 0; i < running->topic_count; i++) {
        int32_t count = 0;
        const enum nba_status status =
            nba_stream_topic_partitions(running->stream, running->topics[i], &count, NULL);
        for (int32_t partition = 0; partition < count && status == NBA_OK; partition++) {
            settle_partition(running->topics[i], partition, now_ms() + suite_home.quiet_ms);
        }
    }
}

void suite_commit(struct nba_producer *producer)
{
    assert_ok(nba_producer_commit(producer, SUITE_PATIENCE_MS, error));
    settle();
}

void suite_abort(struct nba_producer *producer)
{
    assert_ok(nba_producer_abort(producer, SUITE_PATIENCE_MS, error));
    settle();
}

void suite_produce(struct nba_producer *producer, const char *topic, int32_t partition,
                   const char *key, const char *value)
{
    const struct nba_outgoing outgoing = {.topic = topic,
                                          .partition = partition,
                                          .key = nba_str_of(key),
                                          .key_null = key == NULL,
                                          .value = nba_str_of(value),
                                          .value_null = value == NULL,
                                          .timestamp_ms = NBA_TIMESTAMP_NOW};
    assert_ok(nba_producer_produce(producer, &outgoing, error));
}

void suite_put(struct nba_producer *producer, const char *topic, int32_t partition, const char *key,
               const char *value)
{
    suite_begin(producer);
    suite_produce(producer, topic, partition, key, value);
    suite_commit(producer);
}

int64_t suite_mark(struct suite *s, const char *topic, int32_t partition,
                   enum nba_isolation isolation)
{
    int64_t low = -1;
    int64_t high = -1;
    assert_ok(nba_stream_watermarks(s->stream, topic, partition, isolation, &low, &high, error));
    assert_true(low >= 0 && low <= high);
    return high;
}

int64_t suite_wait_high(struct suite *s, const char *topic, int32_t partition, int64_t from,
                        int64_t count)
{
    const struct timespec pause = {0, 10000000};
    const int64_t until = now_ms() + SUITE_PATIENCE_MS;
    int64_t high = suite_mark(s, topic, partition, NBA_READ_UNCOMMITTED);
    while (high < from + count) {
        assert_true(now_ms() < until);
        (void)nanosleep(&pause, NULL);
        high = suite_mark(s, topic, partition, NBA_READ_UNCOMMITTED);
    }
    return high;
}

struct nba_reader *suite_reader(struct suite *s, const char *topic, int32_t partition,
                                int64_t offset)
{
    struct nba_reader *reader = NULL;
    const struct nba_position position = {topic, partition, offset};
    assert_ok(nba_reader_create(s->stream, NBA_READ_COMMITTED, &reader, error));
    assert_ok(nba_reader_assign(reader, &position, 1, error));
    return reader;
}

/* Reads to the last stable offset, handing each record over. */
static void read_all(struct suite *s, const char *topic, int32_t partition, int64_t offset,
                     void (*visit)(void *context, const struct nba_record *record), void *context)
{
    const int64_t end = suite_mark(s, topic, partition, NBA_READ_COMMITTED);
    const int64_t until = now_ms() + SUITE_PATIENCE_MS;
    struct nba_reader *reader = suite_reader(s, topic, partition, offset);
    int64_t position = offset;
    while (position < end) {
        enum nba_poll what = NBA_POLL_NONE;
        struct nba_record record;
        assert_true(now_ms() < until);
        assert_ok(nba_reader_poll(reader, 1000, &what, &record, error));
        if (what == NBA_POLL_RECORD) {
            assert_str_equal(record.topic, topic);
            assert_int_equal(record.partition, partition);
            assert_true(record.offset >= position);
            position = record.offset + 1;
            visit(context, &record);
        } else if (what == NBA_POLL_END) {
            assert_true(record.offset >= position);
            position = record.offset;
        }
        if (what != NBA_POLL_NONE) {
            nba_record_release(&record);
        }
    }
    nba_reader_destroy(reader);
}

static void append_value(char *text, size_t bytes, const struct nba_record *record)
{
    const size_t used = strlen(text);
    if (record->value_null) {
        (void)snprintf(text + used, bytes - used, "null,");
    } else {
        (void)snprintf(text + used, bytes - used, "%.*s,", NBA_STR_ARG(record->value));
    }
}

#define VALUES_BYTES 4096u

static void visit_value(void *context, const struct nba_record *record)
{
    append_value(context, VALUES_BYTES, record);
}

const char *suite_values(struct suite *s, const char *topic, int32_t partition, int64_t offset)
{
    static char text[VALUES_BYTES];
    text[0] = '\0';
    read_all(s, topic, partition, offset, visit_value, text);
    return text;
}

struct offsets {
    int64_t *items;
    size_t count;
    size_t capacity;
};

static void visit_offset(void *context, const struct nba_record *record)
{
    struct offsets *offsets = context;
    assert_true(offsets->count < offsets->capacity);
    offsets->items[offsets->count++] = record->offset;
}

size_t suite_offsets(struct suite *s, const char *topic, int32_t partition, int64_t *ret_offsets,
                     size_t capacity)
{
    struct offsets offsets = {ret_offsets, 0, capacity};
    read_all(s, topic, partition, 0, visit_offset, &offsets);
    return offsets.count;
}

int64_t suite_committed(struct suite *s, const char *topic, int32_t partition)
{
    int64_t offset = -2;
    assert_ok(nba_stream_group_committed(s->stream, s->group, topic, partition, &offset, error));
    return offset;
}

/* --- members --- */

static void note(struct suite_member *m, char sign)
{
    const size_t used = strlen(m->story);
    (void)snprintf(m->story + used, SUITE_STORY_BYTES - used, "%c%s", sign, m->name);
}

static enum nba_status on_assign(void *context, struct nba_assignment *partitions, size_t count,
                                 struct nba_error *error)
{
    struct suite_member *m = context;
    (void)error;
    assert_true(count <= sizeof(m->share) / sizeof(m->share[0]));
    for (size_t i = 0; i < count; i++) {
        (void)snprintf(m->share[i].topic, sizeof(m->share[i].topic), "%s", partitions[i].topic);
        m->share[i].partition = partitions[i].partition;
        m->share[i].committed = partitions[i].committed;
        if (m->start >= 0) {
            partitions[i].offset = m->start;
        }
    }
    m->share_count = count;
    m->assigned = true;
    note(m, '+');
    return NBA_OK;
}

static void on_revoke(void *context, const struct nba_assignment *partitions, size_t count,
                      bool lost)
{
    struct suite_member *m = context;
    assert_true(m->assigned);
    assert_int_equal(count, m->share_count);
    for (size_t i = 0; i < count; i++) {
        assert_string_equal(partitions[i].topic, m->share[i].topic);
        assert_int_equal(partitions[i].partition, m->share[i].partition);
    }
    if (m->on_revoke != NULL) {
        m->on_revoke(m);
    }
    m->assigned = false;
    m->share_count = 0;
    note(m, lost ? '!' : '-');
}

void suite_join(struct suite *s, struct suite_member *member, const char *instance_id,
                const char *const *topics, size_t topic_count)
{
    const struct nba_member_options options = {.group_id = s->group,
                                               .instance_id = instance_id,
                                               .topics = topics,
                                               .topic_count = topic_count,
                                               .assign = on_assign,
                                               .revoke = on_revoke,
                                               .context = member};
    member->suite = s;
    assert_ok(nba_member_create(s->stream, &options, &member->member, error));
}

enum nba_status suite_poll(struct suite_member *member, int timeout_ms)
{
    enum nba_poll what = NBA_POLL_NONE;
    struct nba_record record;
    struct nba_error error = {NBA_OK, ""};
    const enum nba_status status =
        nba_member_poll(member->member, timeout_ms, &what, &record, &error);
    if (status == NBA_OK && what == NBA_POLL_RECORD) {
        append_value(member->values, sizeof(member->values), &record);
        member->record_count++;
        member->position = record.offset + 1;
        nba_record_release(&record);
    } else if (status == NBA_OK && what == NBA_POLL_END) {
        member->end_count++;
        nba_record_release(&record);
    }
    return status;
}

void suite_poll_until(struct suite_member **members, size_t count,
                      bool (*until)(struct suite_member **members, size_t count))
{
    const int64_t limit = now_ms() + SUITE_PATIENCE_MS;
    while (!until(members, count)) {
        assert_true(now_ms() < limit);
        for (size_t i = 0; i < count; i++) {
            assert_int_equal(suite_poll(members[i], 20), NBA_OK);
        }
    }
}

bool suite_all_assigned(struct suite_member **members, size_t count)
{
    bool all = true;
    for (size_t i = 0; i < count; i++) {
        all = all && members[i]->assigned;
    }
    return all;
}

void suite_leave(struct suite_member *member)
{
    nba_member_close(member->member, SUITE_PATIENCE_MS);
    member->member = NULL;
}

/* --- all of it --- */

int suite_run(void)
{
    struct CMUnitTest tests[64];
    size_t count = 0;
    const struct {
        const struct CMUnitTest *cases;
        size_t count;
    } parts[] = {{suite_log_cases, suite_log_case_count},
                 {suite_transaction_cases, suite_transaction_case_count},
                 {suite_group_cases, suite_group_case_count}};
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        assert_true(count + parts[i].count <= sizeof(tests) / sizeof(tests[0]));
        memcpy(tests + count, parts[i].cases, parts[i].count * sizeof(tests[0]));
        count += parts[i].count;
    }
    return _cmocka_run_group_tests(suite_home.name, tests, count, NULL, NULL);
}
