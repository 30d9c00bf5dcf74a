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
#include "nba/base/memory.h"
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
    struct nba_buf packed; /* the block, deflated */
    struct nba_buf out;    /* what is written at once */
    uint64_t block_records;
    unsigned char sync[NBA_CONTAINER_SYNC_BYTES];
};

static enum nba_status io_error(const struct nba_container_writer *w, const char *what,
                                struct nba_error *error)
{
    const char *why = strerror(errno);
    return nba_error_set(error, NBA_E_IO, "cannot %s '%s': %s", what, w->part, why);
}

static void append_sized(struct nba_buf *buf, struct nba_str bytes)
{
    nba_buf_append_zigzag(buf, (int64_t)bytes.bytes);
    nba_buf_append_str(buf, bytes);
}

/* What was appended to w->out, and the sync marker behind it. */
static enum nba_status write_out(struct nba_container_writer *w, struct nba_error *error)
{
    struct nba_buf *out = &w->out;
    nba_buf_append(out, w->sync, sizeof(w->sync));
    NBA_ASSERT(!out->failed);
    if (fwrite(out->data, 1, out->bytes, w->file) != out->bytes) {
        return io_error(w, "write", error);
    }
    nba_buf_reset(out);
    return NBA_OK;
}

/* The marker is the first half of the schema's SHA-256: the same file for the same records. */
static enum nba_status write_head(struct nba_container_writer *w, struct nba_error *error)
{
    const struct nba_str schema = nba_schemas_text(w->schemas, NBA_SCHEMA_LOG_RECORD);
    char digest[NBA_SHA256_TEXT_BYTES];
    nba_sha256_text(schema.data, schema.bytes, digest);
    for (size_t i = 0; i < sizeof(w->sync); i++) {
        const char two[3] = {digest[2 * i], digest[2 * i + 1], '\0'};
        w->sync[i] = (unsigned char)strtoul(two, NULL, 16);
    }
    nba_buf_append(&w->out, NBA_CONTAINER_MAGIC, NBA_CONTAINER_MAGIC_BYTES);
    nba_buf_append_zigzag(&w->out, 2);
    append_sized(&w->out, nba_str_of("avro.codec"));
    append_sized(&w->out, nba_str_of(w->codec == NBA_CONTAINER_DEFLATE ? "deflate" : "null"));
    append_sized(&w->out, nba_str_of("avro.schema"));
    append_sized(&w->out, schema);
    nba_buf_append_byte(&w->out, 0);
    return write_out(w, error);
}

enum nba_status nba_container_writer_create(const struct nba_schemas *schemas, const char *path,
                                            enum nba_container_codec codec,
                                            struct nba_container_writer **ret_writer,
                                            struct nba_error *error)
{
    NBA_ASSERT(schemas != NULL && path != NULL && ret_writer != NULL);
    struct nba_container_writer *w = nba_zeros(1, sizeof(*w));
    w->schemas = schemas;
    w->codec = codec;
    nba_buf_init(&w->block, (size_t)NBA_CONTAINER_BLOCK_BYTES_MAX);
    nba_buf_init(&w->packed, 2 * (size_t)NBA_CONTAINER_BLOCK_BYTES_MAX);
    nba_buf_init(&w->out, 3 * (size_t)NBA_CONTAINER_BLOCK_BYTES_MAX);
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

static void deflate_block(struct nba_container_writer *w)
{
    z_stream z = {0};
    const int begun = deflateInit2(&z, Z_DEFAULT_COMPRESSION, Z_DEFLATED, NBA_CONTAINER_WINDOW_BITS,
                                   8, Z_DEFAULT_STRATEGY);
    NBA_ASSERT(begun == Z_OK);
    const uLong bound = deflateBound(&z, (uLong)w->block.bytes);
    nba_buf_reset(&w->packed);
    z.next_in = w->block.data;
    z.avail_in = (uInt)w->block.bytes;
    z.next_out = nba_buf_extend(&w->packed, bound);
    z.avail_out = (uInt)bound;
    const int ended = deflate(&z, Z_FINISH);
    NBA_ASSERT(ended == Z_STREAM_END);
    w->packed.bytes -= z.avail_out;
    (void)deflateEnd(&z);
}

static enum nba_status flush_block(struct nba_container_writer *w, struct nba_error *error)
{
    const struct nba_buf *data = &w->block;
    if (w->block_records == 0) {
        return NBA_OK;
    }
    if (w->codec == NBA_CONTAINER_DEFLATE) {
        deflate_block(w);
        data = &w->packed;
    }
    nba_buf_append_zigzag(&w->out, (int64_t)w->block_records);
    append_sized(&w->out, nba_buf_str(data));
    nba_buf_reset(&w->block);
    w->block_records = 0;
    return write_out(w, error);
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
    nba_buf_clear(&writer->out);
    free(writer);
}
