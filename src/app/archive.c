/* One file is open at a time: partitions are copied one after the other, a file a day. */
#include "archive.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "nba/base/file.h"
#include "nba/base/memory.h"
#include "nba/base/time_text.h"
#include "nba/codec/container.h"

/* 1,000 days of 4 topics with 1,024 partitions, 200 bytes a line. */
#define SUMS_BYTES_MAX ((size_t)1 << 30)
#define READ_BYTES     ((size_t)1 << 16)
#define PATH_BYTES     (NBA_PATH_BYTES_MAX + NBA_ARCHIVE_NAME_BYTES)

static void path_of(const struct nba_archive *archive, const char *name, char path[PATH_BYTES])
{
    (void)snprintf(path, PATH_BYTES, "%.*s/%s", (int)NBA_PATH_BYTES_MAX - 2, archive->dir, name);
}

/* ---- the list of files ---- */

/* Is the line "<64 hex>  <topic>/<day>/<partition>-<from>-<to>.avro". */
static bool read_line(const char *line, struct nba_archive_file *file)
{
    char day[16];
    char start[32];
    long long from = 0;
    long long to = 0;
    int partition = 0;
    int end = 0;
    char topic[NBA_ARCHIVE_NAME_BYTES];
    const bool fits = sscanf(line, "%64[0-9a-f]  %249[A-Za-z0-9._-]/%10[0-9-]/%d-%lld-%lld.avro%n",
                             file->sha256, topic, day, &partition, &from, &to, &end) == 6 &&
                      end != 0 && line[end] == '\0' && strlen(file->sha256) == 64 &&
                      strcmp(topic, "..") != 0 && strcmp(topic, ".") != 0;
    (void)snprintf(start, sizeof(start), "%sT00:00:00Z", day);
    if (!fits || partition < 0 || from < 0 || to <= from ||
        !nba_time_parse(nba_str_of(start), &file->day)) {
        return false;
    }
    (void)snprintf(file->name, sizeof(file->name), "%s", line + 66);
    file->topic_bytes = strlen(topic);
    file->day /= NBA_DAY_MS;
    file->partition = partition;
    file->from = from;
    file->to = to;
    return true;
}

static bool is_of(const struct nba_archive_file *file, const char *topic, int32_t partition)
{
    return strlen(topic) == file->topic_bytes &&
           memcmp(file->name, topic, file->topic_bytes) == 0 && file->partition == partition;
}

static void add(struct nba_archive *archive, const struct nba_archive_file *file)
{
    archive->files =
        nba_room(archive->files, archive->count, &archive->capacity, sizeof(*archive->files));
    archive->files[archive->count++] = *file;
}

enum nba_status nba_archive_open(const char *dir, struct nba_archive *ret_archive,
                                 struct nba_error *error)
{
    char path[PATH_BYTES];
    struct nba_buf sums;
    struct nba_archive archive = {.dir = dir};
    path_of(&archive, "SHA256SUMS", path);
    nba_buf_init(&sums, SUMS_BYTES_MAX);
    enum nba_status status = nba_file_read(path, &sums, error);
    status = status == NBA_E_NOT_FOUND ? NBA_OK : status;
    char *line = (char *)sums.data;
    char *const last = line + sums.bytes;
    for (size_t number = 1; status == NBA_OK && line < last; number++) {
        struct nba_archive_file file;
        char *end = memchr(line, '\n', (size_t)(last - line));
        if (end == NULL) {
            break; /* cut off: its file is made again */
        }
        *end = '\0';
        if (!read_line(line, &file)) {
            status = nba_error_set(error, NBA_E_CORRUPT, "%s:%zu: expected a SHA-256 and a file",
                                   path, number);
        } else {
            add(&archive, &file);
            line = end + 1;
        }
    }
    if (status == NBA_OK && line < last) {
        for (char *p = (char *)sums.data; p < line; p++) {
            *p = *p == '\0' ? '\n' : *p;
        }
        status = nba_file_write(
            path, nba_str((char *)sums.data, (size_t)(line - (char *)sums.data)), error);
    }
    nba_buf_clear(&sums);
    if (status == NBA_OK) {
        *ret_archive = archive;
    } else {
        nba_archive_close(&archive);
    }
    return status;
}

void nba_archive_close(struct nba_archive *archive)
{
    free(archive->files);
    *archive = (struct nba_archive){.dir = archive->dir};
}

static enum nba_status fail_io(struct nba_error *error, const char *what, const char *path)
{
    return nba_error_set(error, NBA_E_IO, "cannot %s '%s': %s", what, path, strerror(errno));
}

static enum nba_status hash_file(const char *path, char ret_text[NBA_SHA256_TEXT_BYTES],
                                 struct nba_error *error)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        return fail_io(error, "open", path);
    }
    struct nba_sha256 *sha = nba_sha256_create();
    unsigned char *bytes = nba_zeros(READ_BYTES, 1);
    size_t read = 0;
    while ((read = fread(bytes, 1, READ_BYTES, file)) != 0) {
        nba_sha256_update(sha, bytes, read);
    }
    nba_sha256_finish(sha, ret_text);
    const enum nba_status status = ferror(file) ? fail_io(error, "read", path) : NBA_OK;
    nba_sha256_destroy(sha);
    free(bytes);
    (void)fclose(file);
    return status;
}

/* ---- writing ---- */

struct copy {
    struct nba_archive *archive;
    struct nba_workplace *place;
    struct nba_container_writer *writer;
    struct nba_archive_file file; /* being written */
    int64_t day, day_end;         /* seen so far; the first that isn't wanted */
    uint64_t *records;
    bool enough;
};

static enum nba_status append_sum(const struct copy *c, struct nba_error *error)
{
    char path[PATH_BYTES];
    path_of(c->archive, "SHA256SUMS", path);
    FILE *sums = fopen(path, "ab");
    if (sums == NULL) {
        return fail_io(error, "open", path);
    }
    const bool done = fprintf(sums, "%s  %s\n", c->file.sha256, c->file.name) > 0 &&
                      fflush(sums) == 0 && fsync(fileno(sums)) == 0;
    const enum nba_status status = done ? NBA_OK : fail_io(error, "write", path);
    return fclose(sums) == 0 || status != NBA_OK ? status : fail_io(error, "write", path);
}

/* The file is whole under a name of its own before it gets the one that counts. */
static enum nba_status finish(struct copy *c, struct nba_error *error)
{
    char day[NBA_TIME_TEXT_BYTES];
    char writing[PATH_BYTES];
    char path[PATH_BYTES];
    struct nba_archive_file *file = &c->file;
    if (c->writer == NULL) {
        return NBA_OK;
    }
    enum nba_status status = nba_container_writer_finish(c->writer, error);
    nba_container_writer_destroy(c->writer);
    c->writer = NULL;
    path_of(c->archive, "writing.avro", writing);
    if (status == NBA_OK) {
        status = hash_file(writing, file->sha256, error);
    }
    nba_time_format(file->day * NBA_DAY_MS, day);
    (void)snprintf(file->name + file->topic_bytes, sizeof(file->name) - file->topic_bytes, "/%.10s",
                   day);
    path_of(c->archive, file->name, path);
    if (status == NBA_OK) {
        status = nba_file_make_dirs(path, error);
    }
    (void)snprintf(file->name + file->topic_bytes + 11, sizeof(file->name) - file->topic_bytes - 11,
                   "/%d-%lld-%lld.avro", (int)file->partition, (long long)file->from,
                   (long long)file->to);
    path_of(c->archive, file->name, path);
    if (status == NBA_OK && rename(writing, path) != 0) {
        status = fail_io(error, "rename", writing);
    }
    status = status == NBA_OK ? append_sum(c, error) : status;
    if (status == NBA_OK) {
        add(c->archive, file);
    }
    return status;
}

static enum nba_status copy_record(void *context, const struct nba_record *record,
                                   struct nba_error *error)
{
    struct copy *c = context;
    const int64_t day = record->timestamp_ms / NBA_DAY_MS;
    enum nba_status status = NBA_OK;
    c->day = day > c->day ? day : c->day;
    if (c->day >= c->day_end) {
        c->enough = true;
        return NBA_E_INTERRUPTED;
    }
    if (c->writer != NULL && c->file.day != c->day) {
        status = finish(c, error);
    }
    if (status == NBA_OK && c->writer == NULL) {
        char path[PATH_BYTES];
        path_of(c->archive, "writing.avro", path);
        c->file.day = c->day;
        c->file.from = record->offset;
        status = nba_container_writer_create(c->place->schemas, path, NBA_CONTAINER_DEFLATE,
                                             &c->writer, error);
    }
    if (status == NBA_OK) {
        c->file.to = record->offset + 1;
        nba_ticker_at(&c->place->ticker, ++*c->records);
        status = nba_container_writer_append(c->writer, record, error);
    }
    return status;
}

enum nba_status nba_archive_take(struct nba_archive *archive, struct nba_workplace *place,
                                 const char *topic, int32_t partition, int64_t to_ms,
                                 uint64_t *records, uint64_t *lost, struct nba_error *error)
{
    struct copy c = {.archive = archive, .place = place, .records = records};
    int64_t position = 0;
    int64_t low = 0;
    int64_t high = 0;
    c.file.topic_bytes = strlen(topic);
    c.file.partition = partition;
    c.day_end = to_ms / NBA_DAY_MS;
    (void)snprintf(c.file.name, sizeof(c.file.name), "%s", topic);
    for (size_t i = 0; i < archive->count; i++) {
        if (is_of(&archive->files[i], topic, partition)) {
            position = archive->files[i].to;
            c.day = archive->files[i].day;
        }
    }
    enum nba_status status = nba_stream_watermarks(place->stream, topic, partition,
                                                   NBA_READ_COMMITTED, &low, &high, error);
    if (status == NBA_OK && low > position) {
        *lost += (uint64_t)(low - position);
    }
    if (status == NBA_OK) {
        status =
            nba_walk_partition(place->stream, topic, partition, &position, copy_record, &c, error);
        status = c.enough ? NBA_OK : status;
    }
    status = status == NBA_OK ? finish(&c, error) : status;
    nba_container_writer_destroy(c.writer);
    return status;
}

/* ---- reading ---- */

enum nba_status nba_history_open(struct nba_workplace *place, const char *dir,
                                 struct nba_history *ret_history, struct nba_error *error)
{
    *ret_history = (struct nba_history){.place = place};
    if (dir == NULL) {
        return nba_workplace_open(place, NBA_LOCAL_READER, error);
    }
    nba_topic_table_init(&place->topics, &place->config);
    const bool done = nba_workplace_load_schemas(place, error) == NBA_OK &&
                      nba_archive_open(dir, &ret_history->archive, error) == NBA_OK;
    if (done && ret_history->archive.count == 0) {
        return nba_error_set(error, NBA_E_NOT_FOUND, "'%s' is no archive: no file in SHA256SUMS",
                             dir);
    }
    return nba_outcome(done, error);
}

void nba_history_close(struct nba_history *history)
{
    nba_archive_close(&history->archive);
}

enum nba_status nba_history_partitions(struct nba_history *history, const char *topic,
                                       int32_t *ret_count, struct nba_error *error)
{
    const struct nba_archive *archive = &history->archive;
    if (archive->dir == NULL) {
        return nba_stream_topic_partitions(history->place->stream, topic, ret_count, error);
    }
    *ret_count = 0;
    for (size_t i = 0; i < archive->count; i++) {
        const struct nba_archive_file *file = &archive->files[i];
        if (is_of(file, topic, file->partition) && file->partition >= *ret_count) {
            *ret_count = file->partition + 1;
        }
    }
    return NBA_OK;
}

enum nba_status nba_history_walk(struct nba_history *history, const char *topic, int32_t partition,
                                 nba_take_record *take, void *context, struct nba_error *error)
{
    const struct nba_archive *archive = &history->archive;
    int64_t position = 0;
    if (archive->dir == NULL) {
        return nba_walk_partition(history->place->stream, topic, partition, &position, take,
                                  context, error);
    }
    enum nba_status status = NBA_OK;
    for (size_t i = 0; i < archive->count && status == NBA_OK; i++) {
        const struct nba_archive_file *file = &archive->files[i];
        char path[PATH_BYTES];
        char sha256[NBA_SHA256_TEXT_BYTES];
        if (!is_of(file, topic, partition)) {
            continue;
        }
        path_of(archive, file->name, path);
        status = hash_file(path, sha256, error);
        if (status == NBA_OK && strcmp(sha256, file->sha256) != 0) {
            status = nba_error_set(error, NBA_E_CORRUPT,
                                   "'%s' isn't the file that was archived: its SHA-256 is another",
                                   path);
        }
        if (status == NBA_OK) {
            status = nba_walk_log_file(history->place->schemas, path, take, context, error);
        }
    }
    return status;
}
