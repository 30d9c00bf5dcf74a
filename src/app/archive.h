/*
 * Archives: what was recorded, kept for as long as somebody must be able to answer for it.
 *
 *   DIR/<topic>/<YYYY-MM-DD>/<partition>-<from>-<to>.avro   a log file (container.h) of the
 *                                                           records with offsets from..to-1
 *   DIR/SHA256SUMS                                          one line a file, in the order in which
 *                                                           they were made: `sha256sum -c` reads it
 *
 * The day is the latest that the partition had seen, by its records' timestamps, so a partition's
 * files follow each other like its offsets.  A file gets its name when it is whole and synced, then
 * its line; what has no line doesn't count and is made again.
 *
 * A HISTORY is where recorded topics are read from: the log, or an archive.
 */
#ifndef NBA_APP_ARCHIVE_H
#define NBA_APP_ARCHIVE_H

#include "nba/app/walk.h"
#include "nba/base/hash.h"

/* "/<topic>/<day>/<partition>-<from>-<to>.avro": Kafka's topic names have at most 249 bytes. */
#define NBA_ARCHIVE_NAME_BYTES 384u

struct nba_archive_file {
    char sha256[NBA_SHA256_TEXT_BYTES];
    char name[NBA_ARCHIVE_NAME_BYTES]; /* below DIR */
    size_t topic_bytes;                /* the name begins with the topic */
    int64_t day;                       /* since 1970 */
    int32_t partition;
    int64_t from, to;
};

struct nba_archive {
    const char *dir;
    struct nba_archive_file *files;
    size_t count, capacity;
};

/* Reads SHA256SUMS; a folder without one is an empty archive.  A last line that was cut off isn't
 * one.  NBA_E_CORRUPT, NBA_E_IO. */
NBA_MUST_USE
enum nba_status nba_archive_open(const char *dir, struct nba_archive *ret_archive,
                                 struct nba_error *error);
void nba_archive_close(struct nba_archive *archive);
/* Writes what one partition of the log has beyond the archive, up to the first record whose day
 * isn't before that of `to_ms`.  *records counts on; *lost: offsets that retention took before. */
NBA_MUST_USE
enum nba_status nba_archive_take(struct nba_archive *archive, struct nba_workplace *place,
                                 const char *topic, int32_t partition, int64_t to_ms,
                                 uint64_t *records, uint64_t *lost, struct nba_error *error);

struct nba_history {
    struct nba_workplace *place;
    struct nba_archive archive; /* dir NULL: the log */
};

/* Opens the log, or the archive in `dir` unless NULL. */
NBA_MUST_USE
enum nba_status nba_history_open(struct nba_workplace *place, const char *dir,
                                 struct nba_history *ret_history, struct nba_error *error);
void nba_history_close(struct nba_history *history);
/* Partitions of a topic; of an archive up to the last that has a file.  NBA_E_NOT_FOUND. */
NBA_MUST_USE
enum nba_status nba_history_partitions(struct nba_history *history, const char *topic,
                                       int32_t *ret_count, struct nba_error *error);
/* A partition's records in offset order; files are compared with their SHA-256 first.
 * NBA_E_CORRUPT. */
NBA_MUST_USE
enum nba_status nba_history_walk(struct nba_history *history, const char *topic, int32_t partition,
                                 nba_take_record *take, void *context, struct nba_error *error);

#endif
