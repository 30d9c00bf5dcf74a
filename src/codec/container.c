/*
 * Container files.  The reader holds one block, stored and inflated, and reads its records one by
 * one from there; nothing a file says about sizes is believed before it is compared with what is
 * there.  The writer gathers records in one block, which goes out when it is full; the file is
 * renamed to its name only when it is whole.
 */
#include "nba/codec/container.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <zlib.h>

#include "json_internal.h"
#include "nba/base/assert.h"
#include "nba/base/hash.h"
#include "nba/base/limits.h"
#include "nba/base/memory.h"
#include "program_internal.h"
#include "schema_registry_internal.h"

#define MAGIC              "Obj\1"
#define SYNC_BYTES         16u
#define BLOCK_BYTES_MAX    ((size_t)NBA_CONTAINER_BLOCK_BYTES_MAX)
#define BLOCK_BYTES_WANTED ((size_t)64 * 1024)
#define ARENA_BYTES        ((size_t)64 * 1024 * 1024)
#define PATH_BYTES         4096u
#define LONG_BYTES_MAX     10u
/* Raw deflate, without zlib's head and checksum, as Avro wants it. */
#define WINDOW_BITS (-15)

/* ---- reading ------------------------------------------------------------------------------- */

struct nba_container_reader {
    const struct nba_schemas *schemas;
    FILE *file;
    uint64_t file_bytes;
    char path[PATH_BYTES];
    struct nba_arena arena; /* the file's schema and program */
    struct nba_avro_schema schema;
    const struct nba_program *program; /* to log records, compiled when first wanted */
    struct nba_arena record_arena;
    struct nba_buf stored, inflated; /* a block */
    struct nba_cursor cursor;        /* in it */
    uint64_t block_left;             /* records */
    uint64_t records;
    bool deflated;
    unsigned char sync[SYNC_BYTES];
};

static enum nba_status fail(const struct nba_container_reader *r, enum nba_status status,
                            const char *what, struct nba_error *error)
{
    return nba_error_set(error, status, "'%.200s' at byte %ld: %s", r->path, ftell(r->file), what);
}

/* Also where the file ends too early, or can't be read. */
static enum nba_status corrupt(const struct nba_container_reader *r, const char *what,
                               struct nba_error *error)
{
    return ferror(r->file) ? fail(r, NBA_E_IO, strerror(errno), error)
                           : fail(r, NBA_E_CORRUPT, what, error);
}

static bool read_long(struct nba_container_reader *r, int64_t *ret_value)
{
    unsigned char bytes[LONG_BYTES_MAX];
    size_t count = 0;
    int byte = 0x80;
    while (count < sizeof(bytes) && byte >= 0x80) {
        byte = getc(r->file);
        bytes[count++] = (unsigned char)byte;
    }
    struct nba_cursor cursor = nba_cursor(bytes, count);
    *ret_value = nba_cursor_zigzag(&cursor);
    return byte != EOF && !cursor.failed;
}

/* Appends `bytes` bytes of the file, which it must still have, to a buffer that has room. */
static bool read_bytes(struct nba_container_reader *r, int64_t bytes, struct nba_buf *buf)
{
    const bool there = bytes >= 0 && (uint64_t)bytes <= r->file_bytes - (uint64_t)ftell(r->file);
    void *room = there ? nba_buf_extend(buf, (size_t)bytes) : NULL;
    return room != NULL && fread(room, 1, (size_t)bytes, r->file) == (size_t)bytes;
}

static bool read_sized(struct nba_container_reader *r, struct nba_buf *buf)
{
    int64_t bytes = 0;
    nba_buf_reset(buf);
    return read_long(r, &bytes) && read_bytes(r, bytes, buf);
}

/* Schema and codec from the map of metadata: `inflated` has a name, `stored` its value. */
static bool read_meta(struct nba_container_reader *r, struct nba_buf *schema, struct nba_buf *codec)
{
    int64_t count = 0;
    int64_t ignored = 0;
    do {
        if (!read_long(r, &count) || (count < 0 && !read_long(r, &ignored))) {
            return false;
        }
        for (uint64_t left = count < 0 ? -(uint64_t)count : (uint64_t)count; left > 0; left--) {
            if (!read_sized(r, &r->inflated) || !read_sized(r, &r->stored)) {
                return false;
            }
            const struct nba_str name = nba_buf_str(&r->inflated);
            struct nba_buf *value = nba_str_is(name, "avro.schema")  ? schema
                                    : nba_str_is(name, "avro.codec") ? codec
                                                                     : NULL;
            if (value != NULL) {
                nba_buf_reset(value);
                nba_buf_append_str(value, nba_buf_str(&r->stored));
            }
        }
    } while (count != 0);
    return true;
}

static enum nba_status read_head(struct nba_container_reader *r, struct nba_buf *schema,
                                 struct nba_buf *codec, struct nba_error *error)
{
    char magic[sizeof(MAGIC) - 1];
    struct nba_error why = {0};
    if (fread(magic, 1, sizeof(magic), r->file) != sizeof(magic) ||
        memcmp(magic, MAGIC, sizeof(magic)) != 0) {
        return corrupt(r, "not an Avro container file", error);
    }
    if (!read_meta(r, schema, codec) || fread(r->sync, 1, SYNC_BYTES, r->file) != SYNC_BYTES) {
        return corrupt(r, "the head is cut", error);
    }
    const struct nba_str name = nba_buf_str(codec);
    r->deflated = nba_str_is(name, "deflate");
    if (!r->deflated && name.bytes != 0 && !nba_str_is(name, "null")) {
        return nba_error_set(error, NBA_E_CORRUPT,
                             "'%.200s': codec '%.*s', expected null or deflate", r->path,
                             NBA_STR_ARG(name));
    }
    if (nba_avro_schema_parse(nba_buf_str(schema), &r->arena, &r->schema, &why) != NBA_OK) {
        return corrupt(r, why.message, error);
    }
    return r->schema.type->bytes_min != 0
               ? NBA_OK
               : corrupt(r, "records of its schema take no bytes", error);
}

enum nba_status nba_container_reader_open(const struct nba_schemas *schemas, const char *path,
                                          struct nba_container_reader **ret_reader,
                                          struct nba_error *error)
{
    NBA_ASSERT(schemas != NULL && path != NULL && ret_reader != NULL);
    struct stat about;
    struct nba_buf schema;
    struct nba_buf codec;
    struct nba_container_reader *r = nba_zeros(1, sizeof(*r));
    r->schemas = schemas;
    nba_arena_init(&r->arena, ARENA_BYTES);
    nba_arena_init(&r->record_arena, ARENA_BYTES);
    nba_buf_init(&r->stored, BLOCK_BYTES_MAX + SYNC_BYTES);
    nba_buf_init(&r->inflated, BLOCK_BYTES_MAX);
    nba_buf_init(&schema, BLOCK_BYTES_MAX);
    nba_buf_init(&codec, BLOCK_BYTES_MAX);
    (void)snprintf(r->path, sizeof(r->path), "%s", path);
    r->file = fopen(path, "rb");
    enum nba_status status = NBA_OK;
    if (r->file == NULL) {
        status = nba_error_set(error, errno == ENOENT ? NBA_E_NOT_FOUND : NBA_E_IO,
                               "cannot open '%.200s': %s", r->path, strerror(errno));
    } else if (fstat(fileno(r->file), &about) != 0 || !S_ISREG(about.st_mode)) {
        status = nba_error_set(error, NBA_E_IO, "'%.200s': not a plain file", r->path);
    } else {
        r->file_bytes = (uint64_t)about.st_size;
        status = read_head(r, &schema, &codec, error);
    }
    nba_buf_clear(&schema);
    nba_buf_clear(&codec);
    if (status != NBA_OK) {
        nba_container_reader_close(r);
        return status;
    }
    *ret_reader = r;
    return NBA_OK;
}

/* The stored block into r->inflated, doubling it up to its ceiling. */
static enum nba_status inflate_block(struct nba_container_reader *r, struct nba_str stored,
                                     struct nba_error *error)
{
    struct nba_buf *block = &r->inflated;
    z_stream z = {.next_in = (Bytef *)stored.data, .avail_in = (uInt)stored.bytes};
    int step = inflateInit2(&z, WINDOW_BITS);
    NBA_ASSERT(step == Z_OK);
    nba_buf_reset(block);
    enum nba_status status = NBA_OK;
    while (status == NBA_OK && step == Z_OK) {
        const size_t left = block->bytes_max - block->bytes;
        const size_t used = block->bytes != 0 ? block->bytes : 4 * stored.bytes + 64;
        const size_t piece = used < left ? used : left;
        if (piece == 0) {
            status = fail(r, NBA_E_LIMIT, "a block of more than 16 MiB", error);
            break;
        }
        z.next_out = nba_buf_extend(block, piece);
        NBA_ASSERT(z.next_out != NULL);
        z.avail_out = (uInt)piece;
        step = inflate(&z, Z_NO_FLUSH);
        block->bytes -= z.avail_out;
        if (step != Z_STREAM_END && (step != Z_OK || (z.avail_in == 0 && z.avail_out != 0))) {
            status = corrupt(r, "a block that doesn't inflate", error);
        }
    }
    (void)inflateEnd(&z);
    return status;
}

/* Makes the next block the present one; at the end of the file there is none. */
static enum nba_status next_block(struct nba_container_reader *r, bool *ret_more,
                                  struct nba_error *error)
{
    int64_t count = 0;
    int64_t bytes = 0;
    *ret_more = (uint64_t)ftell(r->file) < r->file_bytes;
    if (!*ret_more) {
        return NBA_OK;
    }
    nba_buf_reset(&r->stored);
    if (!read_long(r, &count) || !read_long(r, &bytes)) {
        return corrupt(r, "a block's head is cut", error);
    }
    if (bytes > (int64_t)BLOCK_BYTES_MAX && (uint64_t)bytes <= r->file_bytes) {
        return fail(r, NBA_E_LIMIT, "a block of more than 16 MiB", error);
    }
    if (!read_bytes(r, bytes, &r->stored)) {
        return corrupt(r, "a length beyond the end of the file", error);
    }
    struct nba_str data = nba_buf_str(&r->stored);
    if (!read_bytes(r, SYNC_BYTES, &r->stored) ||
        memcmp(r->stored.data + data.bytes, r->sync, SYNC_BYTES) != 0) {
        return corrupt(r, "a block doesn't end with the sync marker", error);
    }
    data.data = (const char *)r->stored.data; /* where the marker may have moved it to */
    if (r->deflated) {
        const enum nba_status status = inflate_block(r, data, error);
        if (status != NBA_OK) {
            return status;
        }
        data = nba_buf_str(&r->inflated);
    }
    if (count < 0 || (uint64_t)count > data.bytes / r->schema.type->bytes_min) {
        return corrupt(r, "a block can't hold as many records as it says", error);
    }
    r->cursor = nba_cursor(data.data, data.bytes);
    r->block_left = (uint64_t)count;
    return NBA_OK;
}

/* The next record, into a struct or, without one, as JSON.  One that its own schema can't read
 * makes the file corrupt. */
static enum nba_status next(struct nba_container_reader *r, struct nba_record *ret_record,
                            struct nba_buf *json, bool *ret_more, struct nba_error *error)
{
    bool more = true;
    struct nba_record record;
    struct nba_error why = {0};
    enum nba_status status = NBA_OK;
    while (status == NBA_OK && more && r->block_left == 0) {
        status = nba_cursor_left(&r->cursor) == 0
                     ? next_block(r, &more, error)
                     : corrupt(r, "bytes are left over behind a block's records", error);
    }
    if (status != NBA_OK) {
        return status;
    }
    *ret_more = more;
    if (!more) {
        return NBA_OK;
    }
    nba_arena_reset(&r->record_arena);
    status = ret_record != NULL
                 ? nba_program_run(r->program, &r->cursor, &r->record_arena, &record, &why)
                 : nba_json_print_datum(&r->cursor, r->schema.type, json, &why);
    if (status != NBA_OK) {
        const bool keep = status == NBA_E_LIMIT || status == NBA_E_NO_MEMORY;
        return nba_error_set(error, keep ? status : NBA_E_CORRUPT,
                             "'%.200s': record %" PRIu64 ": %s", r->path, r->records, why.message);
    }
    r->block_left--;
    r->records++;
    if (ret_record != NULL) {
        *ret_record = record;
    }
    return NBA_OK;
}

enum nba_status nba_container_reader_next(struct nba_container_reader *reader,
                                          struct nba_record *ret_record, bool *ret_more,
                                          struct nba_error *error)
{
    NBA_ASSERT(reader != NULL && ret_record != NULL && ret_more != NULL);
    struct nba_error why = {0};
    if (reader->program == NULL) {
        const enum nba_status status = nba_program_compile(
            reader->schema.type, nba_schemas_current(reader->schemas, NBA_SCHEMA_LOG_RECORD),
            nba_bindings_of(NBA_SCHEMA_LOG_RECORD), &reader->arena, &reader->program, &why);
        if (status != NBA_OK) {
            return nba_error_set(error, status, "'%.200s' is no log file: %s", reader->path,
                                 why.message);
        }
    }
    return next(reader, ret_record, NULL, ret_more, error);
}

enum nba_status nba_container_reader_next_json(struct nba_container_reader *reader,
                                               struct nba_buf *buf, bool *ret_more,
                                               struct nba_error *error)
{
    NBA_ASSERT(reader != NULL && buf != NULL && ret_more != NULL);
    return next(reader, NULL, buf, ret_more, error);
}

void nba_container_reader_close(struct nba_container_reader *reader)
{
    if (reader == NULL) {
        return;
    }
    if (reader->file != NULL) {
        (void)fclose(reader->file);
    }
    nba_avro_schema_clear(&reader->schema);
    nba_arena_clear(&reader->arena);
    nba_arena_clear(&reader->record_arena);
    nba_buf_clear(&reader->stored);
    nba_buf_clear(&reader->inflated);
    free(reader);
}

/* ---- writing ------------------------------------------------------------------------------- */

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
    unsigned char sync[SYNC_BYTES];
};

static enum nba_status io_error(const struct nba_container_writer *w, const char *what,
                                struct nba_error *error)
{
    return nba_error_set(error, NBA_E_IO, "cannot %s '%s': %s", what, w->part, strerror(errno));
}

/* What was appended to w->out, and the sync marker behind it. */
static enum nba_status write_out(struct nba_container_writer *w, struct nba_error *error)
{
    struct nba_buf *out = &w->out;
    nba_buf_append(out, w->sync, SYNC_BYTES);
    NBA_ASSERT(!out->failed);
    const bool written = fwrite(out->data, 1, out->bytes, w->file) == out->bytes;
    nba_buf_reset(out);
    return written ? NBA_OK : io_error(w, "write", error);
}

/* The marker is the first half of the schema's SHA-256: the same file for the same records. */
static enum nba_status write_head(struct nba_container_writer *w, struct nba_error *error)
{
    const struct nba_str schema = nba_schemas_text(w->schemas, NBA_SCHEMA_LOG_RECORD);
    char digest[NBA_SHA256_TEXT_BYTES];
    nba_sha256_text(schema.data, schema.bytes, digest);
    for (size_t i = 0; i < SYNC_BYTES; i++) {
        const char two[3] = {digest[2 * i], digest[2 * i + 1], '\0'};
        w->sync[i] = (unsigned char)strtoul(two, NULL, 16);
    }
    nba_buf_append_str(&w->out, nba_str_of(MAGIC));
    nba_buf_append_zigzag(&w->out, 2);
    nba_buf_append_sized(&w->out, nba_str_of("avro.codec"));
    nba_buf_append_sized(&w->out,
                         nba_str_of(w->codec == NBA_CONTAINER_DEFLATE ? "deflate" : "null"));
    nba_buf_append_sized(&w->out, nba_str_of("avro.schema"));
    nba_buf_append_sized(&w->out, schema);
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
    nba_buf_init(&w->block, BLOCK_BYTES_MAX);
    nba_buf_init(&w->packed, 2 * BLOCK_BYTES_MAX);
    nba_buf_init(&w->out, 3 * BLOCK_BYTES_MAX);
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
    z_stream z = {.next_in = w->block.data, .avail_in = (uInt)w->block.bytes};
    const int begun =
        deflateInit2(&z, Z_DEFAULT_COMPRESSION, Z_DEFLATED, WINDOW_BITS, 8, Z_DEFAULT_STRATEGY);
    NBA_ASSERT(begun == Z_OK);
    const uLong bound = deflateBound(&z, (uLong)w->block.bytes);
    nba_buf_reset(&w->packed);
    z.next_out = nba_buf_extend(&w->packed, bound);
    z.avail_out = (uInt)bound;
    const int ended = deflate(&z, Z_FINISH);
    NBA_ASSERT(ended == Z_STREAM_END);
    w->packed.bytes -= z.avail_out;
    (void)deflateEnd(&z);
}

static enum nba_status flush_block(struct nba_container_writer *w, struct nba_error *error)
{
    const bool deflated = w->codec == NBA_CONTAINER_DEFLATE;
    if (w->block_records == 0) {
        return NBA_OK;
    }
    if (deflated) {
        deflate_block(w);
    }
    nba_buf_append_zigzag(&w->out, (int64_t)w->block_records);
    nba_buf_append_sized(&w->out, nba_buf_str(deflated ? &w->packed : &w->block));
    nba_buf_reset(&w->block);
    w->block_records = 0;
    return write_out(w, error);
}

enum nba_status nba_container_writer_append(struct nba_container_writer *writer,
                                            const struct nba_record *record,
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
