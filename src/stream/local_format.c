/*
 * The local log's bytes (docs/formats/local-log.md) to and from memory.
 *
 * Keys are big-endian so that memcmp orders them.  Values are little-endian, as the one machine we
 * run on: the rows of `meta` are structs; or LEB128.
 */
#include <stdlib.h>
#include <string.h>

#include "local_internal.h"
#include "nba/base/assert.h"
#include "nba/base/limits.h"
#include "nba/base/memory.h"

#define FORMAT_VERSION 1u
#define FLAG_KEY_NULL  1u
#define FLAG_VAL_NULL  2u
#define FLAG_COMPACTED 1u
#define FLAG_DELETED   2u

/* A place in a key. */
struct place {
    uint32_t topic_be;
    uint32_t partition_be;
    uint64_t offset_be; /* not in `meta` */
};
#define META_PLACE_BYTES 8u

/* The longest key: 'g', a group's name, a zero byte, topic id and partition. */
#define NAME_BYTES_MAX (NBA_TOPIC_NAME_BYTES_MAX + NBA_ID_BYTES_MAX)
#define META_KEY_MAX   (1 + NAME_BYTES_MAX + META_PLACE_BYTES)
#define META_VALUE_MAX 64u

/* Value of a 't' row. */
struct __attribute__((packed)) topic_row {
    uint32_t id;
    uint32_t partitions;
    uint8_t flags;
    int64_t retention_ms;
    int64_t delete_retention_ms;
};
_Static_assert(sizeof(struct topic_row) == 25, "the format's");
_Static_assert(sizeof(struct nba_local_marks) == 40, "the format's: value of a 'p' row");

static struct place place_of(const struct nba_local_partition *p, int64_t offset)
{
    return (struct place){__builtin_bswap32(p->topic->id), __builtin_bswap32((uint32_t)p->index),
                          __builtin_bswap64((uint64_t)offset)};
}

static struct nba_str key_of(const struct place *place)
{
    return nba_str((const char *)place, sizeof(*place));
}

/* --- records --- */

struct nba_kv_iter *nba_local_iter(struct nba_local_log *log, const struct nba_local_partition *p,
                                   int64_t from, int64_t to)
{
    const struct place lower = place_of(p, from);
    const struct place upper = place_of(p, to);
    struct nba_kv_iter *iter =
        nba_kv_iter_create(log->kv, log->records, NULL, key_of(&lower), key_of(&upper));
    nba_kv_iter_seek(iter, key_of(&lower));
    return iter;
}

static int64_t offset_of(const struct nba_kv_iter *iter)
{
    struct place place;
    const struct nba_str key = nba_kv_iter_key(iter);
    NBA_ASSERT(key.bytes == sizeof(place));
    memcpy(&place, key.data, sizeof(place));
    return (int64_t)__builtin_bswap64(place.offset_be);
}

static void append_sized(struct nba_buf *buf, struct nba_str text)
{
    nba_buf_append_varint(buf, text.bytes);
    nba_buf_append_str(buf, text);
}

void nba_local_record_encode(const struct nba_outgoing *outgoing, int64_t appended_ms,
                             struct nba_buf *buf)
{
    const unsigned flags =
        (outgoing->key_null ? FLAG_KEY_NULL : 0u) | (outgoing->value_null ? FLAG_VAL_NULL : 0u);
    nba_buf_append_byte(buf, (unsigned char)flags);
    nba_buf_append_zigzag(buf, outgoing->timestamp_ms);
    nba_buf_append_zigzag(buf, appended_ms - outgoing->timestamp_ms);
    append_sized(buf, outgoing->key_null ? nba_str("", 0) : outgoing->key);
    nba_buf_append_varint(buf, outgoing->header_count);
    for (uint32_t i = 0; i < outgoing->header_count; i++) {
        append_sized(buf, outgoing->headers[i].name);
        append_sized(buf, outgoing->headers[i].value);
    }
    if (!outgoing->value_null) {
        nba_buf_append_str(buf, outgoing->value);
    }
}

void nba_local_put_record(struct nba_local_log *log, struct nba_kv_batch *batch,
                          const struct nba_local_partition *p, int64_t offset, struct nba_str bytes)
{
    const struct place place = place_of(p, offset);
    nba_kv_batch_put(batch, log->records, key_of(&place), bytes);
}

void nba_local_delete_records(struct nba_local_log *log, struct nba_kv_batch *batch,
                              const struct nba_local_partition *p, int64_t from, int64_t to)
{
    const struct place lower = place_of(p, from);
    const struct place upper = place_of(p, to);
    nba_kv_batch_delete_range(batch, log->records, key_of(&lower), key_of(&upper));
}

static struct nba_str take_sized(struct nba_cursor *cursor)
{
    const uint64_t bytes = nba_cursor_varint(cursor);
    if (bytes > nba_cursor_left(cursor)) {
        cursor->failed = true;
        return nba_str(NULL, 0);
    }
    return nba_cursor_take(cursor, (size_t)bytes);
}

/* The part before the headers. */
static struct nba_cursor take_head(struct nba_str bytes, struct nba_record *ret_record,
                                   int64_t *ret_appended_ms)
{
    struct nba_cursor cursor = nba_cursor(bytes.data, bytes.bytes);
    const unsigned flags = nba_cursor_byte(&cursor);
    ret_record->key_null = (flags & FLAG_KEY_NULL) != 0;
    ret_record->value_null = (flags & FLAG_VAL_NULL) != 0;
    ret_record->timestamp_ms = nba_cursor_zigzag(&cursor);
    *ret_appended_ms = ret_record->timestamp_ms + nba_cursor_zigzag(&cursor);
    ret_record->key = take_sized(&cursor);
    return cursor;
}

bool nba_local_head(const struct nba_kv_iter *iter, struct nba_record *ret_head,
                    int64_t *ret_appended_ms)
{
    ret_head->offset = offset_of(iter);
    return !take_head(nba_kv_iter_value(iter), ret_head, ret_appended_ms).failed;
}

enum nba_status nba_local_iter_end(struct nba_kv_iter *iter, struct nba_error *error)
{
    const enum nba_status status = nba_kv_iter_status(iter, error);
    nba_kv_iter_destroy(iter);
    return status;
}

/* One block: the headers' array, then a copy of the bytes, which everything points into. */
enum nba_status nba_local_record_decode(const struct nba_kv_iter *iter,
                                        struct nba_record *ret_record, struct nba_error *error)
{
    struct nba_record record = {.offset = offset_of(iter), .release = free};
    int64_t appended_ms = 0;
    const struct nba_str bytes = nba_kv_iter_value(iter);
    struct nba_cursor cursor = take_head(bytes, &record, &appended_ms);
    const uint64_t header_count = nba_cursor_varint(&cursor);
    if (!cursor.failed && header_count <= NBA_HEADERS_MAX) {
        const size_t array_bytes = (size_t)header_count * sizeof(struct nba_header);
        record.owner = malloc(array_bytes + bytes.bytes + 1);
        NBA_ASSERT(record.owner != NULL);
        struct nba_header *headers = record.owner;
        char *copy = (char *)record.owner + array_bytes;
        memcpy(copy, bytes.data, bytes.bytes);
        cursor = take_head(nba_str(copy, bytes.bytes), &record, &appended_ms);
        record.header_count = (uint32_t)nba_cursor_varint(&cursor);
        record.headers = header_count != 0 ? headers : NULL;
        for (uint32_t i = 0; i < record.header_count; i++) {
            headers[i].name = take_sized(&cursor);
            headers[i].value = take_sized(&cursor);
        }
        record.value = nba_cursor_take(&cursor, nba_cursor_left(&cursor));
    }
    if (cursor.failed || header_count > NBA_HEADERS_MAX) {
        free(record.owner);
        return nba_error_set(error, NBA_E_CORRUPT, "cannot read record at offset %lld: damaged",
                             (long long)record.offset);
    }
    *ret_record = record;
    return NBA_OK;
}

/* --- meta: topics 't', marks 'p', group offsets 'g', version 'v' --- */

/* A kind, a name (a group's with its zero byte), and with a partition the place. */
static struct nba_str meta_key(char *to, char kind, const char *name, size_t name_bytes,
                               const struct nba_local_partition *p)
{
    size_t bytes = 1 + name_bytes;
    NBA_ASSERT(name_bytes <= NAME_BYTES_MAX);
    to[0] = kind;
    memcpy(to + 1, name, name_bytes);
    if (p != NULL) {
        const struct place place = place_of(p, 0);
        memcpy(to + bytes, &place, META_PLACE_BYTES);
        bytes += META_PLACE_BYTES;
    }
    return nba_str(to, bytes);
}

static struct nba_str group_key(char *to, const char *group, const struct nba_local_partition *p)
{
    return meta_key(to, 'g', group, strlen(group) + 1, p);
}

static enum nba_status get_row(struct nba_local_log *log, struct nba_str key, void *row,
                               size_t bytes, bool *ret_found, struct nba_error *error)
{
    struct nba_buf value;
    nba_buf_init(&value, META_VALUE_MAX);
    enum nba_status status = nba_kv_get(log->kv, log->meta, key, &value, ret_found, error);
    if (status == NBA_OK && *ret_found && value.bytes != bytes) {
        status = nba_error_set(error, NBA_E_CORRUPT, "cannot read log: row '%c' is damaged",
                               key.data[0]);
    }
    if (status == NBA_OK && *ret_found) {
        memcpy(row, value.data, bytes);
    }
    nba_buf_clear(&value);
    return status;
}

void nba_local_put_topic(struct nba_local_log *log, struct nba_kv_batch *batch,
                         const struct nba_local_topic *topic)
{
    static const uint32_t version = FORMAT_VERSION;
    char key[META_KEY_MAX];
    const struct nba_topic_spec *spec = &topic->spec;
    const struct topic_row row = {
        .id = topic->id,
        .partitions = (uint32_t)spec->partitions,
        .flags = (uint8_t)((spec->compacted ? FLAG_COMPACTED : 0u) |
                           (spec->deleted ? FLAG_DELETED : 0u)),
        .retention_ms = spec->retention_ms,
        .delete_retention_ms = spec->delete_retention_ms,
    };
    nba_kv_batch_put(batch, log->meta, meta_key(key, 't', spec->name, strlen(spec->name), NULL),
                     nba_str((const char *)&row, sizeof(row)));
    nba_kv_batch_put(batch, log->meta, nba_str_of("v"),
                     nba_str((const char *)&version, sizeof(version)));
    for (int32_t i = 0; i < spec->partitions; i++) {
        nba_local_put_marks(log, batch, &topic->partitions[i]);
    }
}

void nba_local_put_marks(struct nba_local_log *log, struct nba_kv_batch *batch,
                         const struct nba_local_partition *p)
{
    char key[META_KEY_MAX];
    nba_kv_batch_put(batch, log->meta, meta_key(key, 'p', "", 0, p),
                     nba_str((const char *)&p->marks, sizeof(p->marks)));
}

void nba_local_put_group_offset(struct nba_local_log *log, struct nba_kv_batch *batch,
                                const char *group, const struct nba_local_partition *p,
                                int64_t offset)
{
    char key[META_KEY_MAX];
    nba_kv_batch_put(batch, log->meta, group_key(key, group, p),
                     nba_str((const char *)&offset, sizeof(offset)));
}

enum nba_status nba_local_get_group_offset(struct nba_local_log *log, const char *group,
                                           const struct nba_local_partition *p, int64_t *ret_offset,
                                           struct nba_error *error)
{
    char key[META_KEY_MAX];
    bool found = false;
    *ret_offset = -1;
    return get_row(log, group_key(key, group, p), ret_offset, sizeof(*ret_offset), &found, error);
}

void nba_local_delete_topic(struct nba_local_log *log, struct nba_kv_batch *batch,
                            const struct nba_local_topic *topic)
{
    const struct place place = place_of(topic->partitions, 0);
    const char *name = topic->spec.name;
    char key[META_KEY_MAX];
    nba_kv_batch_delete(batch, log->meta, meta_key(key, 't', name, strlen(name), NULL));
    for (int32_t i = 0; i < topic->spec.partitions; i++) {
        const struct nba_local_partition *p = &topic->partitions[i];
        nba_kv_batch_delete(batch, log->meta, meta_key(key, 'p', "", 0, p));
        nba_local_delete_records(log, batch, p, 0, p->marks.next);
    }
    struct nba_kv_iter *iter =
        nba_kv_iter_create(log->kv, log->meta, NULL, nba_str_of("g"), nba_str_of("h"));
    for (nba_kv_iter_seek(iter, nba_str_of("g")); nba_kv_iter_valid(iter); nba_kv_iter_next(iter)) {
        const struct nba_str found = nba_kv_iter_key(iter);
        if (found.bytes >= META_PLACE_BYTES &&
            memcmp(found.data + found.bytes - META_PLACE_BYTES, &place.topic_be, 4) == 0) {
            nba_kv_batch_delete(batch, log->meta, found);
        }
    }
    nba_kv_iter_destroy(iter);
}

/* --- loading --- */

struct nba_local_topic *nba_local_topic_create(const struct nba_topic_spec *spec, uint32_t id)
{
    struct nba_local_topic *topic = nba_zeros(1, sizeof(*topic));
    topic->spec = *spec;
    topic->spec.name = nba_copy(spec->name);
    topic->partitions = nba_zeros((size_t)spec->partitions, sizeof(*topic->partitions));
    for (int32_t i = 0; i < spec->partitions; i++) {
        topic->partitions[i] = (struct nba_local_partition){.topic = topic, .index = i};
    }
    topic->id = id;
    return topic;
}

void nba_local_topic_destroy(struct nba_local_topic *topic)
{
    free((void *)topic->spec.name);
    free(topic->partitions);
    free(topic);
}

static enum nba_status load_marks(struct nba_local_log *log, struct nba_local_topic *topic,
                                  struct nba_error *error)
{
    enum nba_status status = NBA_OK;
    for (int32_t i = 0; i < topic->spec.partitions && status == NBA_OK; i++) {
        struct nba_local_partition *p = &topic->partitions[i];
        struct nba_local_marks marks = {0};
        char key[META_KEY_MAX];
        bool found = false;
        status = get_row(log, meta_key(key, 'p', "", 0, p), &marks, sizeof(marks), &found, error);
        if (status == NBA_OK &&
            (!found || marks.low < 0 || marks.low > marks.next || marks.stable > marks.next)) {
            status = nba_error_set(error, NBA_E_CORRUPT, "cannot open log: marks of %s/%d",
                                   topic->spec.name, i);
        } else if (status == NBA_OK) {
            p->marks = marks;
        }
    }
    return status;
}

static enum nba_status load_topic(struct nba_local_log *log, struct nba_str key,
                                  struct nba_str value, struct nba_error *error)
{
    char name[NBA_TOPIC_NAME_BYTES_MAX + 1] = {0};
    struct topic_row row = {0};
    const bool sound = key.bytes <= sizeof(name) && value.bytes == sizeof(row);
    if (sound) {
        memcpy(name, key.data + 1, key.bytes - 1);
        memcpy(&row, value.data, sizeof(row));
    }
    if (!sound || row.partitions == 0 || row.partitions > NBA_PARTITIONS_MAX) {
        return nba_error_set(error, NBA_E_CORRUPT, "cannot open log: topic '%s' is damaged", name);
    }
    struct nba_local_topic *topic = log->topics;
    while (topic != NULL && !(strcmp(name, topic->spec.name) == 0 && topic->id == row.id)) {
        topic = topic->next;
    }
    if (topic == NULL) {
        const struct nba_topic_spec spec = {
            .name = name,
            .partitions = (int32_t)row.partitions,
            .compacted = (row.flags & FLAG_COMPACTED) != 0,
            .deleted = (row.flags & FLAG_DELETED) != 0,
            .retention_ms = row.retention_ms,
            .delete_retention_ms = row.delete_retention_ms,
        };
        topic = nba_local_topic_create(&spec, row.id);
        topic->next = log->topics;
        log->topics = topic;
    }
    topic->gone = false;
    return load_marks(log, topic, error);
}

enum nba_status nba_local_load(struct nba_local_log *log, struct nba_error *error)
{
    uint32_t version = FORMAT_VERSION;
    bool found = false;
    enum nba_status status =
        get_row(log, nba_str_of("v"), &version, sizeof(version), &found, error);
    if (status == NBA_OK && version != FORMAT_VERSION) {
        return nba_error_set(error, NBA_E_VERSION,
                             "cannot open log: it has format %u, this program reads %u", version,
                             FORMAT_VERSION);
    }
    for (struct nba_local_topic *topic = log->topics; topic != NULL; topic = topic->next) {
        topic->gone = true; /* until found again */
    }
    const struct nba_str first = nba_str_of("t");
    struct nba_kv_iter *iter = nba_kv_iter_create(log->kv, log->meta, NULL, first, nba_str_of("u"));
    for (nba_kv_iter_seek(iter, first); status == NBA_OK && nba_kv_iter_valid(iter);
         nba_kv_iter_next(iter)) {
        status = load_topic(log, nba_kv_iter_key(iter), nba_kv_iter_value(iter), error);
    }
    const enum nba_status ended = nba_local_iter_end(iter, status == NBA_OK ? error : NULL);
    return status == NBA_OK ? ended : status;
}
