/*
 * kill -9 of a writer in the middle, and a disk that is full: what the writer was told is committed
 * is there, whole; what was open is not; records and group offsets agree.
 *
 * The program runs itself as the writer (a fresh process: RocksDB's threads don't survive a fork),
 * which writes transactions of five records over two partitions with the group's offset, and tells
 * each commit's number through a pipe.
 */
#include "nba_test.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "nba/base/clock.h"
#include "nba/base/file.h"
#include "nba/stream/member.h"
#include "nba/stream/producer.h"
#include "nba/stream/reader.h"
#include "nba/stream/stream.h"

#define ROUNDS          6
#define EACH            5
#define COMMITS_A_ROUND 40
#define FULL_BYTES      400000u /* the log file's room */

static const char *program;

static enum nba_status assign_all(void *context, struct nba_assignment *partitions, size_t count,
                                  struct nba_error *error)
{
    (void)partitions;
    (void)error;
    *(bool *)context = count == 1;
    return NBA_OK;
}

static void revoke_all(void *context, const struct nba_assignment *partitions, size_t count,
                       bool lost)
{
    (void)context;
    (void)partitions;
    (void)count;
    (void)lost;
}

enum { EXIT_SET_UP = 1, EXIT_PIPE = 2, EXIT_COMMIT = 3, EXIT_MORE = 4 };

/* Transaction n: five records with value n, one on the input, and its offset n + 1 for
 * the group. */
static enum nba_status write_transaction(struct nba_producer *producer, struct nba_member *member,
                                         int64_t n)
{
    const struct nba_position position = {"in", 0, n + 1};
    bool good = nba_producer_begin(producer, NULL) == NBA_OK;
    const struct nba_outgoing input = {.topic = "in", .key = nba_str_of("k")};
    good = good && nba_producer_produce(producer, &input, NULL) == NBA_OK;
    for (int i = 0; i < EACH && good; i++) {
        const struct nba_outgoing outgoing = {.topic = "out",
                                              .partition = i % 2,
                                              .key = nba_str_of("k"),
                                              .value = nba_str((const char *)&n, sizeof(n))};
        good = nba_producer_produce(producer, &outgoing, NULL) == NBA_OK;
    }
    good = good && nba_producer_send_offsets(producer, &position, 1, member, NULL) == NBA_OK;
    return good ? nba_producer_commit(producer, 1000, NULL) : NBA_E_TXN_ABORTABLE;
}

/* After a write has failed, the log takes no more, also from a new producer. */
static bool takes_no_more(struct nba_stream *stream, struct nba_member *member)
{
    struct nba_producer *producer = NULL;
    return nba_producer_create(stream, "t", &producer, NULL) == NBA_OK &&
           nba_producer_init(producer, 1000, NULL) == NBA_OK &&
           write_transaction(producer, member, -7) == NBA_E_TXN_UNKNOWN;
}

/* The other program: writes until it is killed or the disk is full. */
static int run_writer(const char *dir, int pipe_out)
{
    struct nba_stream *stream = NULL;
    struct nba_producer *producer = NULL;
    struct nba_member *member = NULL;
    enum nba_poll what = NBA_POLL_NONE;
    struct nba_record record;
    bool assigned = false;
    const char *topic = "in";
    const struct nba_member_options options = {.group_id = "g",
                                               .topics = &topic,
                                               .topic_count = 1,
                                               .assign = assign_all,
                                               .revoke = revoke_all,
                                               .context = &assigned};
    int64_t n = -1;
    if (nba_stream_open_local(dir, NBA_LOCAL_WRITER, &nba_clock_system, NULL, &stream, NULL) !=
            NBA_OK ||
        nba_producer_create(stream, "t", &producer, NULL) != NBA_OK ||
        nba_producer_init(producer, 1000, NULL) != NBA_OK ||
        nba_member_create(stream, &options, &member, NULL) != NBA_OK ||
        nba_member_poll(member, 0, &what, &record, NULL) != NBA_OK || !assigned ||
        nba_stream_group_committed(stream, "g", "in", 0, &n, NULL) != NBA_OK) {
        return EXIT_SET_UP;
    }
    for (n = n < 0 ? 0 : n;; n++) {
        const enum nba_status status = write_transaction(producer, member, n);
        if (status != NBA_OK) {
            return status == NBA_E_TXN_UNKNOWN && takes_no_more(stream, member) ? EXIT_COMMIT
                                                                                : EXIT_MORE;
        }
        if (write(pipe_out, &n, sizeof(n)) != (ssize_t)sizeof(n)) {
            return EXIT_PIPE;
        }
    }
}

static pid_t start_writer(const char *dir, const int ends[2], size_t file_bytes_max)
{
    const pid_t child = fork();
    if (child == 0) {
        char text[16];
        const struct rlimit limit = {file_bytes_max, file_bytes_max};
        (void)snprintf(text, sizeof(text), "%d", ends[1]);
        (void)close(ends[0]);
        if (file_bytes_max != 0) { /* how a full disk looks from inside */
            (void)signal(SIGXFSZ, SIG_IGN);
            (void)setrlimit(RLIMIT_FSIZE, &limit);
        }
        (void)execl(program, program, "--writer", dir, text, (char *)NULL);
        _exit(127);
    }
    (void)close(ends[1]);
    return child;
}

/* Starts the writer, lets it tell some commits, kills it.  The last number told. */
static int64_t write_and_kill(const char *dir, int commits)
{
    int ends[2];
    int64_t told = -1;
    assert_int_equal(pipe(ends), 0);
    const pid_t child = start_writer(dir, ends, 0);
    for (int i = 0; i < commits; i++) {
        assert_int_equal(read(ends[0], &told, sizeof(told)), sizeof(told));
    }
    assert_int_equal(kill(child, SIGKILL), 0);
    while (read(ends[0], &told, sizeof(told)) == (ssize_t)sizeof(told)) {
    }
    (void)close(ends[0]);
    int how = 0;
    assert_int_equal(waitpid(child, &how, 0), child);
    assert_true(WIFSIGNALED(how));
    return told;
}

/* The partition holds its part of the transactions 0..count-1 in order and nothing else. */
static void check_partition(struct nba_stream *stream, int32_t partition, int64_t count)
{
    const int each = (EACH + 1 - partition) / 2;
    struct nba_reader *reader = NULL;
    const struct nba_position position = {"out", partition, 0};
    assert_int_equal(nba_reader_create(stream, NBA_READ_COMMITTED, &reader, NULL), NBA_OK);
    assert_int_equal(nba_reader_assign(reader, &position, 1, NULL), NBA_OK);
    int64_t seen = 0;
    for (;;) {
        enum nba_poll what = NBA_POLL_NONE;
        struct nba_record record;
        assert_int_equal(nba_reader_poll(reader, 1000, &what, &record, NULL), NBA_OK);
        if (what != NBA_POLL_RECORD) {
            break;
        }
        int64_t n = -1;
        assert_int_equal(record.value.bytes, sizeof(n));
        memcpy(&n, record.value.data, sizeof(n));
        assert_int_equal(n, seen / each);
        seen++;
        nba_record_release(&record);
    }
    assert_int_equal(seen, count * each);
    nba_reader_destroy(reader);
}

/* A new log with its topics. */
static void make_log(const char *dir)
{
    const struct nba_topic_spec in = {.name = "in", .partitions = 1, .retention_ms = -1};
    const struct nba_topic_spec out = {.name = "out", .partitions = 2, .retention_ms = -1};
    struct nba_stream *stream = NULL;
    assert_int_equal(
        nba_stream_open_local(dir, NBA_LOCAL_WRITER, &nba_clock_system, NULL, &stream, NULL),
        NBA_OK);
    assert_int_equal(nba_stream_topic_create(stream, &in, NULL), NBA_OK);
    assert_int_equal(nba_stream_topic_create(stream, &out, NULL), NBA_OK);
    nba_stream_close(stream);
}

/* All that was told, perhaps the one transaction that was under way, and nothing in part. */
static void check_log(const char *dir, int64_t told)
{
    struct nba_stream *stream = NULL;
    int64_t committed = -1;
    int64_t low = -1;
    int64_t high = -1;
    assert_int_equal(
        nba_stream_open_local(dir, NBA_LOCAL_WRITER, &nba_clock_system, NULL, &stream, NULL),
        NBA_OK);
    assert_int_equal(nba_stream_group_committed(stream, "g", "in", 0, &committed, NULL), NBA_OK);
    assert_true(committed == told + 1 || committed == told + 2);
    assert_int_equal(nba_stream_watermarks(stream, "in", 0, NBA_READ_COMMITTED, &low, &high, NULL),
                     NBA_OK);
    assert_int_equal(high, committed);
    check_partition(stream, 0, committed);
    check_partition(stream, 1, committed);
    nba_stream_close(stream);
}

static void test_a_killed_writer_loses_nothing_it_was_told_and_leaves_nothing_half(void **state)
{
    char dir[] = "/tmp/nba-kill-XXXXXX";
    (void)state;
    assert_non_null(mkdtemp(dir));
    make_log(dir);
    for (int i = 0; i < ROUNDS; i++) {
        check_log(dir, write_and_kill(dir, 1 + i * COMMITS_A_ROUND));
    }
    assert_int_equal(nba_file_remove_tree(dir, NULL), NBA_OK);
}

static void test_a_full_disk_makes_the_outcome_unknown_and_the_log_is_whole_after(void **state)
{
    char dir[] = "/tmp/nba-full-XXXXXX";
    int ends[2];
    int64_t told = -1;
    int how = 0;
    (void)state;
    assert_non_null(mkdtemp(dir));
    make_log(dir);
    assert_int_equal(pipe(ends), 0);
    const pid_t child = start_writer(dir, ends, FULL_BYTES);
    while (read(ends[0], &told, sizeof(told)) == (ssize_t)sizeof(told)) {
    }
    (void)close(ends[0]);
    assert_int_equal(waitpid(child, &how, 0), child);
    assert_true(WIFEXITED(how));
    assert_int_equal(WEXITSTATUS(how), EXIT_COMMIT);
    assert_true(told > 0);
    check_log(dir, told);
    check_log(dir, write_and_kill(dir, 10)); /* and it goes on */
    assert_int_equal(nba_file_remove_tree(dir, NULL), NBA_OK);
}

int main(int argc, char **argv)
{
    if (argc == 4 && strcmp(argv[1], "--writer") == 0) {
        _exit(run_writer(argv[2], (int)strtol(argv[3], NULL, 10))); /* nothing is cleaned up */
    }
    program = argv[0];
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_killed_writer_loses_nothing_it_was_told_and_leaves_nothing_half),
        cmocka_unit_test(test_a_full_disk_makes_the_outcome_unknown_and_the_log_is_whole_after),
    };
    return cmocka_run_group_tests_name("unit.stream.local_kill", tests, NULL, NULL);
}
