/*
 * Reading container files.  A window of the file is held, at least a block, and its records are
 * read one by one from there, or from where it was inflated; nothing a file says about sizes is
 * believed before it is compared with what is there.
 */
#include "nba/codec/container.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <zlib.h>

#include "container_internal.h"
#include "json_internal.h"
#include "nba/base/assert.h"
#include "nba/base/limits.h"
#include "nba/base/memory.h"
#include "nba/codec/program.h"
#include "schema_registry_internal.h"

#define HEAD_BYTES_MAX       ((size_t)1024 * 1024)
#define BLOCK_HEAD_BYTES_MAX 20u /* two varints */
#define READ_BYTES           ((size_t)64 * 1024)
#define ARENA_BYTES          ((size_t)64 * 1024 * 1024)
#define PATH_SHOWN           200

struct nba_container_reader {
    const struct nba_schemas *schemas;
    FILE *file;
    uint64_t file_bytes;
    char path[PATH_SHOWN + 1];
    struct nba_arena arena; /* the file's schema and program */
    struct nba_avro_schema schema;
    const struct nba_program *program; /* to log records, compiled when first wanted */
    struct nba_arena record_arena;
    struct nba_buf window; /* read ahead */
    size_t window_used;
    uint64_t window_offset;  /* in the file */
    struct nba_buf inflated; /* a block */
    struct nba_cursor cursor;
    uint64_t block_left; /* records */
    uint64_t records;
    bool deflated;
    unsigned char sync[NBA_CONTAINER_SYNC_BYTES];
};

static const char *error_text(void)
{
    return strerror(errno);
}

static enum nba_status fail(const struct nba_container_reader *r, enum nba_status status,
                            const char *what, struct nba_error *error)
{
    return nba_error_set(error, status, "'%s' at byte %" PRIu64 ": %s", r->path,
                         r->window_offset + r->window_used, what);
}

static enum nba_status corrupt(const struct nba_container_reader *r, const char *what,
                               struct nba_error *error)
{
    return fail(r, NBA_E_CORRUPT, what, error);
}

/* What is left of the window, with `bytes` bytes or all there are in the file. */
static enum nba_status look(struct nba_container_reader *r, size_t bytes,
                            struct nba_cursor *ret_cursor, struct nba_error *error)
{
    struct nba_buf *window = &r->window;
    size_t left = window->bytes - r->window_used;
    if (left < bytes) {
        if (left != 0) {
            memmove(window->data, window->data + r->window_used, left);
        }
        r->window_offset += r->window_used;
        r->window_used = 0;
        window->bytes = left;
        const size_t room = bytes - left + READ_BYTES;
        void *data = nba_buf_extend(window, room);
        NBA_ASSERT(data != NULL);
        const size_t got = fread(data, 1, room, r->file);
        if (ferror(r->file)) {
            return fail(r, NBA_E_IO, error_text(), error);
        }
        window->bytes -= room - got;
        left += got;
    }
    *ret_cursor = nba_cursor(window->data + r->window_used, left);
    return NBA_OK;
}

static void use(struct nba_container_reader *r, const struct nba_cursor *cursor)
{
    r->window_used = (size_t)(cursor->next - r->window.data);
}

static struct nba_str take_sized(struct nba_cursor *cursor)
{
    const int64_t bytes = nba_cursor_zigzag(cursor);
    return nba_cursor_take(cursor, bytes < 0 ? SIZE_MAX : (size_t)bytes);
}

/* Schema and codec from the map of metadata. */
static void read_meta(struct nba_cursor *cursor, struct nba_str *ret_schema,
                      struct nba_str *ret_codec)
{
    int64_t count = 0;
    do {
        count = nba_cursor_zigzag(cursor);
        if (count < 0) {
            (void)nba_cursor_zigzag(cursor);
        }
        const uint64_t entries = count < 0 ? -(uint64_t)count : (uint64_t)count;
        for (uint64_t i = 0; i < entries && !cursor->failed; i++) {
            const struct nba_str name = take_sized(cursor);
            const struct nba_str value = take_sized(cursor);
            if (nba_str_is(name, "avro.schema")) {
                *ret_schema = value;
            } else if (nba_str_is(name, "avro.codec")) {
                *ret_codec = value;
            }
        }
    } while (count != 0 && !cursor->failed);
}

static enum nba_status read_head(struct nba_container_reader *r, struct nba_error *error)
{
    struct nba_cursor cursor;
    struct nba_str schema = {NULL, 0};
    struct nba_str codec = nba_str_of("null");
    struct nba_error why = {0};
    const enum nba_status status = look(r, HEAD_BYTES_MAX, &cursor, error);
    if (status != NBA_OK) {
        return status;
    }
    const struct nba_str magic = nba_cursor_take(&cursor, NBA_CONTAINER_MAGIC_BYTES);
    if (!nba_str_is(magic, NBA_CONTAINER_MAGIC)) {
        return corrupt(r, "not an Avro container file", error);
    }
    read_meta(&cursor, &schema, &codec);
    const struct nba_str sync = nba_cursor_take(&cursor, sizeof(r->sync));
    if (cursor.failed) {
        return corrupt(r, "the head is cut", error);
    }
    memcpy(r->sync, sync.data, sizeof(r->sync));
    r->deflated = nba_str_is(codec, "deflate");
    if (!r->deflated && !nba_str_is(codec, "null")) {
        return nba_error_set(error, NBA_E_CORRUPT, "'%s': codec '%.*s', expected null or deflate",
                             r->path, NBA_STR_ARG(codec));
    }
    if (nba_avro_schema_parse(schema, &r->arena, &r->schema, &why) != NBA_OK) {
        return corrupt(r, why.message, error);
    }
    if (r->schema.type->bytes_min == 0) {
        return corrupt(r, "records of its schema take no bytes", error);
    }
    use(r, &cursor);
    return NBA_OK;
}

enum nba_status nba_container_reader_open(const struct nba_schemas *schemas, const char *path,
                                          struct nba_container_reader **ret_reader,
                                          struct nba_error *error)
{
    NBA_ASSERT(schemas != NULL && path != NULL && ret_reader != NULL);
    struct stat about;
    struct nba_container_reader *r = nba_zeros(1, sizeof(*r));
    r->schemas = schemas;
    nba_arena_init(&r->arena, ARENA_BYTES);
    nba_arena_init(&r->record_arena, ARENA_BYTES);
    nba_buf_init(&r->window, (size_t)NBA_CONTAINER_BLOCK_BYTES_MAX + 2 * READ_BYTES);
    nba_buf_init(&r->inflated, (size_t)NBA_CONTAINER_BLOCK_BYTES_MAX);
    (void)snprintf(r->path, sizeof(r->path), "%s", path);
    r->file = fopen(path, "rb");
    enum nba_status status = NBA_OK;
    if (r->file == NULL) {
        status = nba_error_set(error, errno == ENOENT ? NBA_E_NOT_FOUND : NBA_E_IO,
                               "cannot open '%s': %s", r->path, error_text());
    } else if (fstat(fileno(r->file), &about) != 0 || !S_ISREG(about.st_mode)) {
        status = nba_error_set(error, NBA_E_IO, "'%s': not a plain file", r->path);
    } else {
        r->file_bytes = (uint64_t)about.st_size;
        status = read_head(r, error);
    }
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
    z_stream z = {0};
    int step = inflateInit2(&z, NBA_CONTAINER_WINDOW_BITS);
    NBA_ASSERT(step == Z_OK);
    z.next_in = (Bytef *)stored.data;
    z.avail_in = (uInt)stored.bytes;
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
    struct nba_cursor cursor;
    enum nba_status status = look(r, BLOCK_HEAD_BYTES_MAX, &cursor, error);
    *ret_more = status == NBA_OK && nba_cursor_left(&cursor) != 0;
    if (!*ret_more) {
        return status;
    }
    const int64_t count = nba_cursor_zigzag(&cursor);
    const int64_t bytes = nba_cursor_zigzag(&cursor);
    use(r, &cursor);
    if (cursor.failed || bytes < 0 ||
        r->window_offset + r->window_used + (uint64_t)bytes > r->file_bytes) {
        return corrupt(r, "a length beyond the end of the file", error);
    }
    if (bytes > (int64_t)NBA_CONTAINER_BLOCK_BYTES_MAX) {
        return fail(r, NBA_E_LIMIT, "a block of more than 16 MiB", error);
    }
    status = look(r, (size_t)bytes + sizeof(r->sync), &cursor, error);
    if (status != NBA_OK) {
        return status;
    }
    struct nba_str data = nba_cursor_take(&cursor, (size_t)bytes);
    const struct nba_str sync = nba_cursor_take(&cursor, sizeof(r->sync));
    if (cursor.failed || memcmp(sync.data, r->sync, sizeof(r->sync)) != 0) {
        return corrupt(r, "a block doesn't end with the sync marker", error);
    }
    use(r, &cursor);
    if (r->deflated) {
        status = inflate_block(r, data, error);
        data = nba_buf_str(&r->inflated);
    }
    if (status == NBA_OK &&
        (count < 0 || (uint64_t)count > data.bytes / r->schema.type->bytes_min)) {
        status = corrupt(r, "a block can't hold as many records as it says", error);
    }
    r->cursor = nba_cursor(data.data, data.bytes);
    r->block_left = status == NBA_OK ? (uint64_t)count : 0;
    return status;
}

/* The next record, into a struct or, without one, as JSON.  One that its own schema can't read
 * makes the file corrupt. */
static enum nba_status next(struct nba_container_reader *r, struct nba_log_record *ret_record,
                            struct nba_buf *json, bool *ret_more, struct nba_error *error)
{
    bool more = true;
    struct nba_log_record record;
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
    if (more) {
        nba_arena_reset(&r->record_arena);
        status = ret_record != NULL
                     ? nba_program_run(r->program, &r->cursor, &r->record_arena, &record, &why)
                     : nba_json_print_datum(&r->cursor, r->schema.type, json, &why);
        if (status != NBA_OK) {
            const bool keep = status == NBA_E_LIMIT || status == NBA_E_NO_MEMORY;
            return nba_error_set(error, keep ? status : NBA_E_CORRUPT,
                                 "'%s': record %" PRIu64 ": %s", r->path, r->records, why.message);
        }
        r->block_left--;
        r->records++;
        if (ret_record != NULL) {
            *ret_record = record;
        }
    }
    *ret_more = more;
    return NBA_OK;
}

enum nba_status nba_container_reader_next(struct nba_container_reader *reader,
                                          struct nba_log_record *ret_record, bool *ret_more,
                                          struct nba_error *error)
{
    NBA_ASSERT(reader != NULL && ret_record != NULL && ret_more != NULL);
    struct nba_error why = {0};
    if (reader->program == NULL) {
        const enum nba_status status = nba_program_compile(
            reader->schema.type, nba_schemas_current(reader->schemas, NBA_SCHEMA_LOG_RECORD),
            nba_bindings_of(NBA_SCHEMA_LOG_RECORD), &reader->arena, &reader->program, &why);
        if (status != NBA_OK) {
            return nba_error_set(error, status, "'%s' is no log file: %s", reader->path,
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
    nba_buf_clear(&reader->window);
    nba_buf_clear(&reader->inflated);
    free(reader);
}
