/* nba archive: recorded topics into files by day, for as long as somebody must answer for them. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "archive.h"
#include "nba/app/command.h"
#include "nba/base/clock.h"
#include "nba/base/file.h"
#include "nba/event/event.h"

static struct {
    int64_t to_ms;
} args = {.to_ms = NBA_TIME_NONE};

static const struct nba_option options[] = {
    NBA_OPTION_TIME(&args.to_ms, "to", "days before this one (default: before today)"),
    {0},
};

/* One at a time writes into DIR; whoever dies lets go of it. */
static enum nba_status lock_dir(const char *dir, int *ret_lock, struct nba_error *error)
{
    char path[NBA_PATH_BYTES_MAX];
    struct flock all = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    (void)snprintf(path, sizeof(path), "%s/lock", dir);
    const int lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (lock >= 0 && fcntl(lock, F_SETLK, &all) == 0) {
        *ret_lock = lock;
        return NBA_OK;
    }
    const bool taken = lock >= 0 && (errno == EACCES || errno == EAGAIN);
    const enum nba_status status =
        taken ? nba_error_set(error, NBA_E_BUSY, "another nba archive writes into '%s'", dir)
              : nba_error_set(error, NBA_E_IO, "cannot lock '%s': %s", path, strerror(errno));
    if (lock >= 0) {
        (void)close(lock);
    }
    return status;
}

static enum nba_status take_topic(struct nba_archive *archive, struct nba_workplace *place,
                                  const char *topic, int64_t to_ms, struct nba_error *error)
{
    int32_t count = 0;
    uint64_t records = 0;
    uint64_t lost = 0;
    const size_t files = archive->count;
    enum nba_status status = nba_stream_topic_partitions(place->stream, topic, &count, error);
    nba_ticker_begin(&place->ticker, topic, 0);
    for (int32_t p = 0; p < count && status == NBA_OK; p++) {
        status = nba_archive_take(archive, place, topic, p, to_ms, &records, &lost, error);
    }
    nba_ticker_end(&place->ticker);
    nba_buf_printf(&place->out, "%s: %llu records in %zu files\n", topic,
                   (unsigned long long)records, archive->count - files);
    if (lost != 0) {
        (void)fprintf(stderr, "nba: %s: retention took %llu offsets before they were archived\n",
                      topic, (unsigned long long)lost);
    }
    return status;
}

static enum nba_status run(struct nba_workplace *place, struct nba_error *error)
{
    const struct nba_config_topics *topics = &place->config.topics;
    const char *const names[] = {topics->engagement, topics->catalog, topics->control,
                                 topics->decision, topics->action};
    const int64_t to_ms =
        args.to_ms != NBA_TIME_NONE ? args.to_ms : nba_clock_wall_ms(&nba_clock_system);
    const char *dir = place->operands.items[0];
    struct nba_archive archive = {0};
    int lock = -1;
    nba_interrupt_install();
    const bool ready = nba_workplace_open(place, NBA_LOCAL_READER, error) == NBA_OK &&
                       nba_file_make_dirs(dir, error) == NBA_OK &&
                       lock_dir(dir, &lock, error) == NBA_OK &&
                       nba_archive_open(dir, &archive, error) == NBA_OK;
    enum nba_status status = nba_outcome(ready, error);
    for (size_t i = 0; i < NBA_ARRAY_COUNT(names) && status == NBA_OK; i++) {
        status = take_topic(&archive, place, names[i], to_ms, error);
    }
    nba_archive_close(&archive);
    if (lock >= 0) {
        (void)close(lock);
    }
    return status;
}

const struct nba_command nba_command_archive = {
    .name = "archive",
    .summary = "keep decisions, actions, engagement, catalogue and control in files by day",
    .operands = "DIR",
    .about =
        "Writes DIR/<topic>/<day>/<partition>-<from>-<to>.avro and a line in DIR/SHA256SUMS for\n"
        "each file. The next run goes on where the last one ended; one that was interrupted or\n"
        "killed leaves no half of a file and is simply run again; a second one at the same time\n"
        "is refused (DIR/lock). `nba audit` and `nba report` read an archive with --archive DIR.\n"
        "Archives aren't touched by an erasure: remove the folders of days that are older than\n"
        "may be kept.",
    .examples = "nba archive /srv/nba-archive --kafka 127.0.0.1:9092\n"
                "nba archive var/archive --log var/log --to 2026-12-01T00:00:00Z\n"
                "cd var/archive && sha256sum -c SHA256SUMS",
    .options = options,
    .operands_min = 1,
    .operands_max = 1,
    .run = run,
};
