/*
 * Reading container files.  A block is held whole, inflated if need be, and its records are read
 * from it one by one; nothing a file says about sizes is believed before it is compared with what
 * is there.
 */
#include "nba/codec/container.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <zlib.h>

#include "container_internal.h"
#include "json_internal.h"
#include "nba/base/assert.h"
#include "nba/base/limits.h"
#include "nba/codec/program.h"
#include "schema_registry_internal.h"

#define META_ENTRIES_MAX 256u
#define META_BYTES_MAX   ((size_t)1024 * 1024)
#define ARENA_BYTES      ((size_t)64 * 1024 * 1024)
#define PATH_SHOWN       200

struct nba_container_reader {
    const struct nba_schemas *schemas;
    FILE *file;
    char *path;
    bool deflated;
    struct nba_arena arena; /* the file's schema and program */
    struct nba_avro_schema schema;
    struct nba_buf schema_text;
    const struct nba_program *program; /* to log records, compiled when first wanted */
    struct nba_arena record_arena;
    struct nba_buf stored; /* a block as it stands in the file */
    struct nba_buf block;  /* the same, inflated */
    struct nba_cursor cursor;
    uint64_t block_left; /* records */
    uint64_t bytes_done;
    uint64_t bytes_total;
    uint64_t records;
    unsigned char sync[NBA_CONTAINER_SYNC_BYTES];
    struct nba_container_progress progress;
};

static const char *error_text(void)
{
    return strerror(errno); /* NOLINT(concurrency-mt-unsafe): glibc's is safe */
}

static enum nba_status corrupt(const struct nba_container_reader *r, const char *what,
                               struct nba_error *error)
{
    return nba_error_set(error, NBA_E_CORRUPT, "'%.*s' at byte %llu: %s", PATH_SHOWN, r->path,
                         (unsigned long long)r->bytes_done, what);
}

static enum nba_status read_exactly(struct nba_container_reader *r, void *data, size_t bytes,
                                    struct nba_error *error)
{
    if (bytes != 0 && fread(data, 1, bytes, r->file) != bytes) {
        if (ferror(r->file)) {
            return nba_error_set(error, NBA_E_IO, "cannot read '%.*s': %s", PATH_SHOWN, r->path,
                                 error_text());
        }
        return corrupt(r, "the file ends too early", error);
    }
    r->bytes_done += bytes;
    return NBA_OK;
}

static enum nba_status read_long(struct nba_container_reader *r, int64_t *ret_value,
                                 struct nba_error *error)
{
    uint64_t raw = 0;
    for (unsigned shift = 0; shift < 70; shift += 7) {
        unsigned char byte = 0;
        const enum nba_status status = read_exactly(r, &byte, 1, error);
        if (status != NBA_OK) {
            return status;
        }
        if (shift == 63 && byte > 1) {
            break;
        }
        raw |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80) {
            *ret_value = (int64_t)(raw >> 1) ^ -(int64_t)(raw & 1);
            return NBA_OK;
        }
    }
    return corrupt(r, "a number of more than 64 bits", error);
}

/* A length and as many bytes into `buf`, whose ceiling bounds them. */
static enum nba_status read_sized(struct nba_container_reader *r, struct nba_buf *buf,
                                  struct nba_error *error)
{
    int64_t length = 0;
    const enum nba_status status = read_long(r, &length, error);
    if (status != NBA_OK) {
        return status;
    }
    if (length < 0 || (uint64_t)length > r->bytes_total - r->bytes_done) {
        return corrupt(r, "a length beyond the end of the file", error);
    }
    nba_buf_reset(buf);
    if ((uint64_t)length > buf->bytes_max) {
        return nba_error_set(error, NBA_E_LIMIT, "'%.*s': a part of %lld bytes, at most %zu",
                             PATH_SHOWN, r->path, (long long)length, buf->bytes_max);
    }
    void *room = nba_buf_extend(buf, (size_t)length);
    if (room == NULL) {
        return nba_error_set(error, NBA_E_NO_MEMORY, "out of memory for '%.*s'", PATH_SHOWN,
                             r->path);
    }
    return read_exactly(r, room, (size_t)length, error);
}

/* One entry of the head's metadata. */
static enum nba_status read_meta(struct nba_container_reader *r, struct nba_buf *name,
                                 struct nba_buf *value, struct nba_error *error)
{
    enum nba_status status = read_sized(r, name, error);
    if (status == NBA_OK) {
        status = read_sized(r, value, error);
    }
    if (status != NBA_OK) {
        return status;
    }
    if (nba_str_is(nba_buf_str(name), "avro.schema")) {
        nba_buf_reset(&r->schema_text);
        nba_buf_append_str(&r->schema_text, nba_buf_str(value));
        if (r->schema_text.failed) {
            return corrupt(r, "the schema is above its limit", error);
        }
    } else if (nba_str_is(nba_buf_str(name), "avro.codec")) {
        r->deflated = nba_str_is(nba_buf_str(value), "deflate");
        if (!r->deflated && !nba_str_is(nba_buf_str(value), "null")) {
            return nba_error_set(error, NBA_E_CORRUPT,
                                 "'%.*s': codec '%.*s', expected null or deflate", PATH_SHOWN,
                                 r->path, NBA_STR_ARG(nba_buf_str(value)));
        }
    }
    return NBA_OK;
}

static enum nba_status read_meta_map(struct nba_container_reader *r, struct nba_error *error)
{
    struct nba_buf name;
    struct nba_buf value;
    nba_buf_init(&name, META_BYTES_MAX);
    nba_buf_init(&value, META_BYTES_MAX);
    enum nba_status status = NBA_OK;
    uint64_t entries = 0;
    for (;;) {
        int64_t count = 0;
        int64_t block_bytes = 0;
        status = read_long(r, &count, error);
        if (status == NBA_OK && count < 0) {
            count = count == INT64_MIN ? INT64_MAX : -count;
            status = read_long(r, &block_bytes, error);
        }
        if (status != NBA_OK || count == 0) {
            break;
        }
        for (int64_t i = 0; i < count && status == NBA_OK; i++) {
            status = ++entries <= META_ENTRIES_MAX ? read_meta(r, &name, &value, error)
                                                   : corrupt(r, "too much metadata", error);
        }
        if (status != NBA_OK) {
            break;
        }
    }
    nba_buf_clear(&name);
    nba_buf_clear(&value);
    return status;
}

static enum nba_status read_head(struct nba_container_reader *r, struct nba_error *error)
{
    char magic[NBA_CONTAINER_MAGIC_BYTES];
    if (read_exactly(r, magic, sizeof(magic), NULL) != NBA_OK ||
        memcmp(magic, NBA_CONTAINER_MAGIC, sizeof(magic)) != 0) {
        return nba_error_set(error, NBA_E_CORRUPT, "'%.*s': not an Avro container file", PATH_SHOWN,
                             r->path);
    }
    enum nba_status status = read_meta_map(r, error);
    if (status == NBA_OK) {
        status = read_exactly(r, r->sync, sizeof(r->sync), error);
    }
    if (status == NBA_OK && r->schema_text.bytes == 0) {
        status = corrupt(r, "the head has no schema", error);
    }
    struct nba_error why = {0};
    if (status == NBA_OK && nba_avro_schema_parse(nba_buf_str(&r->schema_text), &r->arena,
                                                  &r->schema, &why) != NBA_OK) {
        status =
            nba_error_set(error, NBA_E_CORRUPT, "'%.*s': %s", PATH_SHOWN, r->path, why.message);
    }
    if (status == NBA_OK && r->schema.type->bytes_min == 0) {
        status = corrupt(r, "records of its schema take no bytes", error);
    }
    return status;
}

/* The file's size; only a plain file has one. */
static enum nba_status measure(struct nba_container_reader *r, struct nba_error *error)
{
    struct stat about;
    if (fstat(fileno(r->file), &about) != 0 || !S_ISREG(about.st_mode)) {
        return nba_error_set(error, NBA_E_IO, "'%.*s': not a plain file", PATH_SHOWN, r->path);
    }
    r->bytes_total = (uint64_t)about.st_size;
    return NBA_OK;
}

enum nba_status nba_container_reader_open(const struct nba_schemas *schemas, const char *path,
                                          struct nba_container_reader **ret_reader,
                                          struct nba_error *error)
{
    NBA_ASSERT(schemas != NULL && path != NULL && ret_reader != NULL);
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        return nba_error_set(error, errno == ENOENT ? NBA_E_NOT_FOUND : NBA_E_IO,
                             "cannot open '%.*s': %s", PATH_SHOWN, path, error_text());
    }
    struct nba_container_reader *r = calloc(1, sizeof(*r));
    char *own_path = malloc(strlen(path) + 1);
    if (r == NULL || own_path == NULL) {
        (void)fclose(file);
        free(r);
        free(own_path);
        return nba_error_set(error, NBA_E_NO_MEMORY, "out of memory for '%.*s'", PATH_SHOWN, path);
    }
    memcpy(own_path, path, strlen(path) + 1);
    r->schemas = schemas;
    r->file = file;
    r->path = own_path;
    nba_arena_init(&r->arena, ARENA_BYTES);
    nba_arena_init(&r->record_arena, ARENA_BYTES);
    nba_buf_init(&r->schema_text, (size_t)NBA_SCHEMA_BYTES_MAX);
    nba_buf_init(&r->stored, (size_t)NBA_CONTAINER_BLOCK_BYTES_MAX);
    nba_buf_init(&r->block, (size_t)NBA_CONTAINER_BLOCK_BYTES_MAX);
    enum nba_status status = measure(r, error);
    if (status == NBA_OK) {
        status = read_head(r, error);
    }
    if (status != NBA_OK) {
        nba_container_reader_close(r);
        return status;
    }
    *ret_reader = r;
    return NBA_OK;
}

void nba_container_reader_set_progress(struct nba_container_reader *reader,
                                       struct nba_container_progress progress)
{
    reader->progress = progress;
}

struct nba_str nba_container_reader_schema(const struct nba_container_reader *reader)
{
    return nba_buf_str(&reader->schema_text);
}

/* The stored block inflated into r->block, doubling it up to its ceiling. */
static enum nba_status inflate_block(struct nba_container_reader *r, struct nba_error *error)
{
    z_stream z = {0};
    if (inflateInit2(&z, NBA_CONTAINER_WINDOW_BITS) != Z_OK) {
        return nba_error_set(error, NBA_E_NO_MEMORY, "out of memory for inflate");
    }
    z.next_in = r->stored.data;
    z.avail_in = (uInt)r->stored.bytes;
    nba_buf_reset(&r->block);
    enum nba_status status = NBA_OK;
    int step = Z_OK;
    while (status == NBA_OK && step == Z_OK) {
        const size_t left = r->block.bytes_max - r->block.bytes;
        const size_t used = r->block.bytes != 0 ? r->block.bytes : 4 * r->stored.bytes + 64;
        const size_t piece = used < left ? used : left;
        unsigned char *room = piece != 0 ? nba_buf_extend(&r->block, piece) : NULL;
        if (room == NULL) {
            status = nba_error_set(error, piece == 0 ? NBA_E_LIMIT : NBA_E_NO_MEMORY,
                                   "'%.*s': a block above %u bytes", PATH_SHOWN, r->path,
                                   NBA_CONTAINER_BLOCK_BYTES_MAX);
            break;
        }
        z.next_out = room;
        z.avail_out = (uInt)piece;
        step = inflate(&z, Z_NO_FLUSH);
        r->block.bytes -= z.avail_out;
        if (step != Z_STREAM_END && (step != Z_OK || (z.avail_in == 0 && z.avail_out != 0))) {
            status = corrupt(r, "a block that doesn't inflate", error);
        }
    }
    (void)inflateEnd(&z);
    return status;
}

/* Reads the next block; *ret_more is false at the end of the file. */
static enum nba_status next_block(struct nba_container_reader *r, bool *ret_more,
                                  struct nba_error *error)
{
    *ret_more = r->bytes_done != r->bytes_total;
    if (!*ret_more) {
        return NBA_OK;
    }
    int64_t count = 0;
    enum nba_status status = read_long(r, &count, error);
    if (status == NBA_OK) {
        status = read_sized(r, &r->stored, error);
    }
    unsigned char sync[NBA_CONTAINER_SYNC_BYTES];
    if (status == NBA_OK) {
        status = read_exactly(r, sync, sizeof(sync), error);
    }
    if (status != NBA_OK) {
        return status;
    }
    if (memcmp(sync, r->sync, sizeof(sync)) != 0) {
        return corrupt(r, "a block doesn't end with the sync marker", error);
    }
    if (r->deflated) {
        status = inflate_block(r, error);
    }
    const struct nba_buf *data = r->deflated ? &r->block : &r->stored;
    if (status == NBA_OK &&
        (count < 0 || (uint64_t)count > data->bytes / r->schema.type->bytes_min)) {
        status = corrupt(r, "a block can't hold as many records as it says", error);
    }
    r->cursor = nba_cursor(data->data, data->bytes);
    r->block_left = status == NBA_OK ? (uint64_t)count : 0;
    if (status == NBA_OK && r->progress.report != NULL) {
        r->progress.report(r->progress.context, r->bytes_done, r->bytes_total,
                           r->records + r->block_left);
    }
    return status;
}

/* Makes sure that the cursor stands at a record; *ret_more is false at the end of the file. */
static enum nba_status seek_record(struct nba_container_reader *r, bool *ret_more,
                                   struct nba_error *error)
{
    while (r->block_left == 0) {
        if (nba_cursor_left(&r->cursor) != 0) {
            return corrupt(r, "bytes are left over behind a block's records", error);
        }
        const enum nba_status status = next_block(r, ret_more, error);
        if (status != NBA_OK || !*ret_more) {
            return status;
        }
    }
    *ret_more = true;
    return NBA_OK;
}

/* A record that its own schema can't read makes the file corrupt. */
static enum nba_status bad_record(const struct nba_container_reader *r, enum nba_status status,
                                  const struct nba_error *why, struct nba_error *error)
{
    if (status == NBA_E_LIMIT || status == NBA_E_NO_MEMORY) {
        return nba_error_set(error, status, "'%.*s': record %llu: %s", PATH_SHOWN, r->path,
                             (unsigned long long)r->records, why->message);
    }
    return nba_error_set(error, NBA_E_CORRUPT, "'%.*s': record %llu: %s", PATH_SHOWN, r->path,
                         (unsigned long long)r->records, why->message);
}

static enum nba_status compile(struct nba_container_reader *r, struct nba_error *error)
{
    struct nba_error why = {0};
    const enum nba_status status =
        nba_program_compile(r->schema.type, nba_schemas_current(r->schemas, NBA_SCHEMA_LOG_RECORD),
                            nba_bindings_of(NBA_SCHEMA_LOG_RECORD), &r->arena, &r->program, &why);
    return status == NBA_OK ? NBA_OK
                            : nba_error_set(error, status, "'%.*s' is no log file: %s", PATH_SHOWN,
                                            r->path, why.message);
}

enum nba_status nba_container_reader_next(struct nba_container_reader *reader,
                                          struct nba_log_record *ret_record, bool *ret_more,
                                          struct nba_error *error)
{
    NBA_ASSERT(reader != NULL && ret_record != NULL && ret_more != NULL);
    bool more = false;
    enum nba_status status = reader->program != NULL ? NBA_OK : compile(reader, error);
    if (status == NBA_OK) {
        status = seek_record(reader, &more, error);
    }
    if (status != NBA_OK || !more) {
        *ret_more = status == NBA_OK ? false : *ret_more;
        return status;
    }
    struct nba_error why = {0};
    struct nba_log_record record;
    nba_arena_reset(&reader->record_arena);
    status =
        nba_program_run(reader->program, &reader->cursor, &reader->record_arena, &record, &why);
    if (status != NBA_OK) {
        return bad_record(reader, status, &why, error);
    }
    reader->block_left--;
    reader->records++;
    *ret_record = record;
    *ret_more = true;
    return NBA_OK;
}

enum nba_status nba_container_reader_next_json(struct nba_container_reader *reader,
                                               struct nba_buf *buf, bool *ret_more,
                                               struct nba_error *error)
{
    NBA_ASSERT(reader != NULL && buf != NULL && ret_more != NULL);
    bool more = false;
    enum nba_status status = seek_record(reader, &more, error);
    if (status != NBA_OK || !more) {
        *ret_more = status == NBA_OK ? false : *ret_more;
        return status;
    }
    struct nba_error why = {0};
    status = nba_json_print_datum(&reader->cursor, reader->schema.type, buf, &why);
    if (status != NBA_OK) {
        return bad_record(reader, status, &why, error);
    }
    reader->block_left--;
    reader->records++;
    *ret_more = true;
    return NBA_OK;
}

void nba_container_reader_close(struct nba_container_reader *reader)
{
    if (reader == NULL) {
        return;
    }
    (void)fclose(reader->file);
    nba_avro_schema_clear(&reader->schema);
    nba_arena_clear(&reader->arena);
    nba_arena_clear(&reader->record_arena);
    nba_buf_clear(&reader->schema_text);
    nba_buf_clear(&reader->stored);
    nba_buf_clear(&reader->block);
    free(reader->path);
    free(reader);
}
