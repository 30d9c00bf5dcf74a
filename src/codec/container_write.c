/*
 * Writing log files.  Records gather in one block, which goes out when it is full; the file is
 * renamed to its name only when it is whole.
 */
#include "nba/codec/container.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <zlib.h>

#include "container_internal.h"
#include "nba/base/assert.h"
#include "nba/base/hash.h"
#include "program_internal.h"
#include "schema_registry_internal.h"

#define BLOCK_BYTES_WANTED ((size_t)64 * 1024)
#define PATH_BYTES         4096u

struct nba_container_writer {
    const struct nba_schemas *schemas;
    enum nba_container_codec codec;
    FILE *file;
    char path[PATH_BYTES];
    char part[PATH_BYTES];
    struct nba_buf block;
    struct nba_buf packed;
    uint64_t block_records;
    uint64_t records;
    uint64_t bytes;
    unsigned char sync[NBA_CONTAINER_SYNC_BYTES];
    struct nba_container_progress progress;
};

static const char *error_text(void)
{
    return strerror(errno); /* NOLINT(concurrency-mt-unsafe): glibc's is safe */
}

static enum nba_status io_error(const struct nba_container_writer *w, const char *what,
                                struct nba_error *error)
{
    return nba_error_set(error, NBA_E_IO, "cannot %s '%s': %s", what, w->part, error_text());
}

/* The first half of the schema's SHA-256: the same file for the same records. */
static void make_sync(struct nba_container_writer *w, struct nba_str schema)
{
    char text[NBA_SHA256_TEXT_BYTES];
    nba_sha256_text(schema.data, schema.bytes, text);
    for (size_t i = 0; i < sizeof(w->sync); i++) {
        const char two[3] = {text[2 * i], text[2 * i + 1], '\0'};
        w->sync[i] = (unsigned char)strtoul(two, NULL, 16);
    }
}

static void append_sized(struct nba_buf *buf, struct nba_str bytes)
{
    nba_buf_append_zigzag(buf, (int64_t)bytes.bytes);
    nba_buf_append_str(buf, bytes);
}

static enum nba_status write_all(struct nba_container_writer *w, struct nba_str bytes,
                                 struct nba_error *error)
{
    if (bytes.bytes != 0 && fwrite(bytes.data, 1, bytes.bytes, w->file) != bytes.bytes) {
        return io_error(w, "write", error);
    }
    w->bytes += bytes.bytes;
    return NBA_OK;
}

static enum nba_status write_head(struct nba_container_writer *w, struct nba_error *error)
{
    const struct nba_str schema = nba_schemas_text(w->schemas, NBA_SCHEMA_LOG_RECORD);
    make_sync(w, schema);
    nba_buf_append(&w->packed, NBA_CONTAINER_MAGIC, NBA_CONTAINER_MAGIC_BYTES);
    nba_buf_append_zigzag(&w->packed, 2);
    append_sized(&w->packed, nba_str_of("avro.codec"));
    append_sized(&w->packed, nba_str_of(w->codec == NBA_CONTAINER_DEFLATE ? "deflate" : "null"));
    append_sized(&w->packed, nba_str_of("avro.schema"));
    append_sized(&w->packed, schema);
    nba_buf_append_byte(&w->packed, 0);
    nba_buf_append(&w->packed, w->sync, sizeof(w->sync));
    if (w->packed.failed) {
        return nba_error_set(error, NBA_E_NO_MEMORY, "out of memory for a log file");
    }
    const enum nba_status status = write_all(w, nba_buf_str(&w->packed), error);
    nba_buf_reset(&w->packed);
    return status;
}

enum nba_status nba_container_writer_create(const struct nba_schemas *schemas, const char *path,
                                            enum nba_container_codec codec,
                                            struct nba_container_writer **ret_writer,
                                            struct nba_error *error)
{
    NBA_ASSERT(schemas != NULL && path != NULL && ret_writer != NULL);
    struct nba_container_writer *w = calloc(1, sizeof(*w));
    if (w == NULL) {
        return nba_error_set(error, NBA_E_NO_MEMORY, "out of memory for a log file");
    }
    w->schemas = schemas;
    w->codec = codec;
    nba_buf_init(&w->block, (size_t)NBA_CONTAINER_BLOCK_BYTES_MAX);
    nba_buf_init(&w->packed, 2 * (size_t)NBA_CONTAINER_BLOCK_BYTES_MAX);
    enum nba_status status = NBA_OK;
    const int length = snprintf(w->part, sizeof(w->part), "%s.part", path);
    if (length < 0 || (size_t)length >= sizeof(w->part)) {
        status = nba_error_set(error, NBA_E_IO, "'%.100s...': path is too long", path);
    } else {
        memcpy(w->path, path, strlen(path) + 1);
        w->file = fopen(w->part, "wb");
        status = w->file != NULL ? write_head(w, error) : io_error(w, "create", error);
    }
    if (status != NBA_OK) {
        nba_container_writer_destroy(w);
        return status;
    }
    *ret_writer = w;
    return NBA_OK;
}

void nba_container_writer_set_progress(struct nba_container_writer *writer,
                                       struct nba_container_progress progress)
{
    writer->progress = progress;
}

static enum nba_status deflate_block(struct nba_container_writer *w, struct nba_error *error)
{
    z_stream z = {0};
    if (deflateInit2(&z, Z_DEFAULT_COMPRESSION, Z_DEFLATED, NBA_CONTAINER_WINDOW_BITS, 8,
                     Z_DEFAULT_STRATEGY) != Z_OK) {
        return nba_error_set(error, NBA_E_NO_MEMORY, "out of memory for deflate");
    }
    const uLong bound = deflateBound(&z, (uLong)w->block.bytes);
    unsigned char *room = nba_buf_extend(&w->packed, bound);
    if (room == NULL) {
        (void)deflateEnd(&z);
        return nba_error_set(error, NBA_E_NO_MEMORY, "out of memory for deflate");
    }
    z.next_in = w->block.data;
    z.avail_in = (uInt)w->block.bytes;
    z.next_out = room;
    z.avail_out = (uInt)bound;
    const int ended = deflate(&z, Z_FINISH);
    NBA_ASSERT(ended == Z_STREAM_END);
    w->packed.bytes -= z.avail_out;
    (void)deflateEnd(&z);
    return NBA_OK;
}

static enum nba_status flush_block(struct nba_container_writer *w, struct nba_error *error)
{
    if (w->block_records == 0) {
        return NBA_OK;
    }
    struct nba_str data = nba_buf_str(&w->block);
    nba_buf_reset(&w->packed);
    enum nba_status status = NBA_OK;
    if (w->codec == NBA_CONTAINER_DEFLATE) {
        status = deflate_block(w, error);
        data = nba_buf_str(&w->packed);
    }
    struct nba_buf head;
    nba_buf_init(&head, 32);
    nba_buf_append_zigzag(&head, (int64_t)w->block_records);
    nba_buf_append_zigzag(&head, (int64_t)data.bytes);
    if (status == NBA_OK && head.failed) {
        status = nba_error_set(error, NBA_E_NO_MEMORY, "out of memory for a log file");
    }
    if (status == NBA_OK) {
        status = write_all(w, nba_buf_str(&head), error);
    }
    if (status == NBA_OK) {
        status = write_all(w, data, error);
    }
    if (status == NBA_OK) {
        status = write_all(w, nba_str((const char *)w->sync, sizeof(w->sync)), error);
    }
    nba_buf_clear(&head);
    nba_buf_reset(&w->block);
    w->block_records = 0;
    if (status == NBA_OK && w->progress.report != NULL) {
        w->progress.report(w->progress.context, w->bytes, 0, w->records);
    }
    return status;
}

enum nba_status nba_container_writer_append(struct nba_container_writer *writer,
                                            const struct nba_log_record *record,
                                            struct nba_error *error)
{
    NBA_ASSERT(writer != NULL && writer->file != NULL && record != NULL);
    nba_program_write(nba_schemas_writer(writer->schemas, NBA_SCHEMA_LOG_RECORD), record,
                      &writer->block);
    if (writer->block.failed) {
        /* What came before stays: the buffer is as it was. */
        writer->block.failed = false;
        return nba_error_set(error, NBA_E_LIMIT, "record %.*s/%d/%lld: too large for a log file",
                             NBA_STR_ARG(record->topic), record->partition,
                             (long long)record->offset);
    }
    writer->block_records++;
    writer->records++;
    return writer->block.bytes >= BLOCK_BYTES_WANTED ? flush_block(writer, error) : NBA_OK;
}

enum nba_status nba_container_writer_finish(struct nba_container_writer *writer,
                                            struct nba_error *error)
{
    NBA_ASSERT(writer != NULL && writer->file != NULL);
    const enum nba_status status = flush_block(writer, error);
    if (status != NBA_OK) {
        return status;
    }
    if (fflush(writer->file) != 0 || fsync(fileno(writer->file)) != 0) {
        return io_error(writer, "write", error);
    }
    const int closed = fclose(writer->file);
    writer->file = NULL;
    if (closed != 0 || rename(writer->part, writer->path) != 0) {
        const enum nba_status failed = io_error(writer, "finish", error);
        (void)unlink(writer->part);
        return failed;
    }
    return NBA_OK;
}

void nba_container_writer_destroy(struct nba_container_writer *writer)
{
    if (writer == NULL) {
        return;
    }
    if (writer->file != NULL) {
        (void)fclose(writer->file);
        (void)unlink(writer->part);
    }
    nba_buf_clear(&writer->block);
    nba_buf_clear(&writer->packed);
    free(writer);
}
