/*
 * The local log's bytes (docs/formats/local-log.md) to and from memory.
 *
 * Keys are big-endian so that memcmp orders them; values are little-endian or LEB128.
 */
#include <stdlib.h>
#include <string.h>

#include "local_internal.h"
#include "nba/base/assert.h"
#include "nba/base/limits.h"

#define FORMAT_VERSION 1u
#define FLAG_KEY_NULL  1u
#define FLAG_VAL_NULL  2u
#define FLAG_COMPACTED 1u
#define FLAG_DELETED   2u

/* The longest key: 'g', a group's name, a zero byte, topic id and partition. */
#define GROUP_BYTES_MAX NBA_ID_BYTES_MAX
#define META_KEY_MAX    (1 + NBA_TOPIC_NAME_BYTES_MAX + GROUP_BYTES_MAX + 16)
#define META_VALUE_MAX  64u

static void store_be(unsigned char *to, uint64_t value, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++) {
        to[i] = (unsigned char)(value >> (8 * (bytes - 1 - i)));
    }
}

static uint64_t load_be(const char *from, size_t bytes)
{
    uint64_t value = 0;
    for (size_t i = 0; i < bytes; i++) {
        value = value << 8 | (unsigned char)from[i];
    }
    return value;
}

void nba_local_record_key(uint32_t topic_id, int32_t partition, int64_t offset,
                          unsigned char ret_key[NBA_LOCAL_KEY_BYTES])
{
    store_be(ret_key, topic_id, 4);
    store_be(ret_key + 4, (uint64_t)partition, 4);
    store_be(ret_key + 8, (uint64_t)offset, 8);
}

int64_t nba_local_key_offset(struct nba_str key)
{
    NBA_ASSERT(key.bytes == NBA_LOCAL_KEY_BYTES);
    return (int64_t)load_be(key.data + 8, 8);
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
static struct nba_cursor take_head(struct nba_str bytes, struct nba_local_glance *ret_glance)
{
    struct nba_cursor cursor = nba_cursor(bytes.data, bytes.bytes);
    const unsigned flags = nba_cursor_byte(&cursor);
    ret_glance->key_null = (flags & FLAG_KEY_NULL) != 0;
    ret_glance->value_null = (flags & FLAG_VAL_NULL) != 0;
    ret_glance->timestamp_ms = nba_cursor_zigzag(&cursor);
    ret_glance->appended_ms = ret_glance->timestamp_ms + nba_cursor_zigzag(&cursor);
    ret_glance->key = take_sized(&cursor);
    return cursor;
}

bool nba_local_record_glance(struct nba_str bytes, struct nba_local_glance *ret_glance)
{
    const struct nba_cursor cursor = take_head(bytes, ret_glance);
    return !cursor.failed;
}

static void release_block(void *owner)
{
    free(owner);
}

/* One block: the headers' array, then a copy of the bytes, which everything points into. */
enum nba_status nba_local_record_decode(struct nba_str bytes, struct nba_record *ret_record,
                                        struct nba_error *error)
{
    struct nba_local_glance glance;
    struct nba_cursor cursor = take_head(bytes, &glance);
    const uint64_t header_count = nba_cursor_varint(&cursor);
    if (cursor.failed || header_count > NBA_HEADERS_MAX) {
        return nba_error_set(error, NBA_E_CORRUPT, "cannot read record: head is damaged");
    }
    const size_t array_bytes = (size_t)header_count * sizeof(struct nba_header);
    char *block = malloc(array_bytes + bytes.bytes + 1);
    if (block == NULL) {
        return nba_error_set(error, NBA_E_NO_MEMORY, "cannot read record: out of memory");
    }
    struct nba_header *headers = (struct nba_header *)(void *)block;
    char *copy = block + array_bytes;
    memcpy(copy, bytes.data, bytes.bytes);
    const struct nba_str own = nba_str(copy, bytes.bytes);
    cursor = take_head(own, &glance);
    (void)nba_cursor_varint(&cursor);
    for (uint64_t i = 0; i < header_count; i++) {
        headers[i].name = take_sized(&cursor);
        headers[i].value = take_sized(&cursor);
    }
    if (cursor.failed) {
        free(block);
        return nba_error_set(error, NBA_E_CORRUPT, "cannot read record: headers are damaged");
    }
    ret_record->timestamp_ms = glance.timestamp_ms;
    ret_record->key = glance.key;
    ret_record->key_null = glance.key_null;
    ret_record->value_null = glance.value_null;
    ret_record->value = nba_cursor_take(&cursor, nba_cursor_left(&cursor));
    ret_record->headers = header_count != 0 ? headers : NULL;
    ret_record->header_count = (uint32_t)header_count;
    ret_record->owner = block;
    ret_record->release = release_block;
    return NBA_OK;
}

/* --- meta: topics 't', marks 'p', group offsets 'g', version 'v' --- */

static struct nba_str topic_key(char *to, const char *name)
{
    const size_t bytes = strlen(name);
    to[0] = 't';
    /* NOLINTNEXTLINE(bugprone-not-null-terminated-result): a key, not a string */
    memcpy(to + 1, name, bytes);
    return nba_str(to, 1 + bytes);
}

static struct nba_str marks_key(char *to, uint32_t topic_id, int32_t partition)
{
    to[0] = 'p';
    store_be((unsigned char *)to + 1, topic_id, 4);
    store_be((unsigned char *)to + 5, (uint64_t)partition, 4);
    return nba_str(to, 9);
}

static struct nba_str group_key(char *to, const char *group, uint32_t topic_id, int32_t partition)
{
    const size_t bytes = strlen(group);
    NBA_ASSERT(bytes <= GROUP_BYTES_MAX);
    to[0] = 'g';
    for (size_t i = 0; i <= bytes; i++) { /* the zero byte too */
        to[1 + i] = group[i];
    }
    store_be((unsigned char *)to + bytes + 2, topic_id, 4);
    store_be((unsigned char *)to + bytes + 6, (uint64_t)partition, 4);
    return nba_str(to, bytes + 10);
}

static void put_meta(struct nba_local_log *log, struct nba_kv_batch *batch, struct nba_str key,
                     struct nba_buf *value)
{
    NBA_ASSERT(!value->failed);
    nba_kv_batch_put(batch, log->meta, key, nba_buf_str(value));
    nba_buf_clear(value);
}

void nba_local_put_topic(struct nba_local_log *log, struct nba_kv_batch *batch,
                         const struct nba_local_topic *topic)
{
    char key[META_KEY_MAX];
    struct nba_buf value;
    nba_buf_init(&value, META_VALUE_MAX);
    nba_buf_append_u32le(&value, topic->id);
    nba_buf_append_u32le(&value, (uint32_t)topic->partition_count);
    nba_buf_append_byte(&value, (unsigned char)((topic->compacted ? FLAG_COMPACTED : 0u) |
                                                (topic->deleted ? FLAG_DELETED : 0u)));
    nba_buf_append_u64le(&value, (uint64_t)topic->retention_ms);
    nba_buf_append_u64le(&value, (uint64_t)topic->delete_retention_ms);
    put_meta(log, batch, topic_key(key, topic->name), &value);
    nba_buf_init(&value, META_VALUE_MAX);
    nba_buf_append_u32le(&value, FORMAT_VERSION);
    put_meta(log, batch, nba_str_of("v"), &value);
}

void nba_local_put_marks(struct nba_local_log *log, struct nba_kv_batch *batch,
                         const struct nba_local_topic *topic, int32_t partition,
                         const struct nba_local_partition *marks)
{
    char key[META_KEY_MAX];
    struct nba_buf value;
    nba_buf_init(&value, META_VALUE_MAX);
    nba_buf_append_u64le(&value, (uint64_t)marks->low);
    nba_buf_append_u64le(&value, (uint64_t)marks->stable);
    nba_buf_append_u64le(&value, (uint64_t)marks->next);
    nba_buf_append_u64le(&value, (uint64_t)marks->clean);
    nba_buf_append_u64le(&value, (uint64_t)marks->kept);
    put_meta(log, batch, marks_key(key, topic->id, partition), &value);
}

void nba_local_put_group_offset(struct nba_local_log *log, struct nba_kv_batch *batch,
                                const char *group, const struct nba_local_topic *topic,
                                int32_t partition, int64_t offset)
{
    char key[META_KEY_MAX];
    struct nba_buf value;
    nba_buf_init(&value, META_VALUE_MAX);
    nba_buf_append_u64le(&value, (uint64_t)offset);
    put_meta(log, batch, group_key(key, group, topic->id, partition), &value);
}

enum nba_status nba_local_get_group_offset(struct nba_local_log *log, const char *group,
                                           const struct nba_local_topic *topic, int32_t partition,
                                           int64_t *ret_offset, struct nba_error *error)
{
    char key[META_KEY_MAX];
    struct nba_buf value;
    bool found = false;
    nba_buf_init(&value, META_VALUE_MAX);
    const enum nba_status status =
        nba_kv_get(log->kv, log->meta, NULL, group_key(key, group, topic->id, partition), &value,
                   &found, error);
    struct nba_cursor cursor = nba_cursor(value.data, value.bytes);
    const int64_t offset = found ? (int64_t)nba_cursor_u64le(&cursor) : -1;
    nba_buf_clear(&value);
    if (status == NBA_OK) {
        *ret_offset = offset;
    }
    return status;
}

void nba_local_delete_topic(struct nba_local_log *log, struct nba_kv_batch *batch,
                            const struct nba_local_topic *topic)
{
    char key[META_KEY_MAX];
    nba_kv_batch_delete(batch, log->meta, topic_key(key, topic->name));
    for (int32_t i = 0; i < topic->partition_count; i++) {
        nba_kv_batch_delete(batch, log->meta, marks_key(key, topic->id, i));
    }
    struct nba_kv_iter *iter =
        nba_kv_iter_create(log->kv, log->meta, NULL, nba_str_of("g"), nba_str_of("h"));
    for (nba_kv_iter_seek(iter, nba_str_of("g")); nba_kv_iter_valid(iter); nba_kv_iter_next(iter)) {
        const struct nba_str found = nba_kv_iter_key(iter);
        if (found.bytes >= 8 && load_be(found.data + found.bytes - 8, 4) == topic->id) {
            nba_kv_batch_delete(batch, log->meta, found);
        }
    }
    nba_kv_iter_destroy(iter);
}

/* --- loading --- */

static struct nba_local_topic *known_topic(struct nba_local_log *log, struct nba_str name,
                                           uint32_t id)
{
    struct nba_local_topic *topic = log->topics;
    while (topic != NULL && !(nba_str_is(name, topic->name) && topic->id == id)) {
        topic = topic->next;
    }
    return topic;
}

static enum nba_status load_topic(struct nba_local_log *log, struct nba_str key,
                                  struct nba_str value, struct nba_error *error)
{
    const struct nba_str name = nba_str(key.data + 1, key.bytes - 1);
    struct nba_cursor cursor = nba_cursor(value.data, value.bytes);
    const uint32_t id = nba_cursor_u32le(&cursor);
    const uint32_t count = nba_cursor_u32le(&cursor);
    const unsigned flags = nba_cursor_byte(&cursor);
    const int64_t retention_ms = (int64_t)nba_cursor_u64le(&cursor);
    const int64_t delete_retention_ms = (int64_t)nba_cursor_u64le(&cursor);
    if (cursor.failed || count == 0 || count > NBA_PARTITIONS_MAX) {
        return nba_error_set(error, NBA_E_CORRUPT, "cannot open log: topic '%.*s' is damaged",
                             NBA_STR_ARG(name));
    }
    struct nba_local_topic *topic = known_topic(log, name, id);
    if (topic != NULL) {
        topic->gone = false;
        return NBA_OK;
    }
    topic = calloc(1, sizeof(*topic));
    NBA_ASSERT(topic != NULL);
    topic->name = strndup(name.data, name.bytes);
    topic->partitions = calloc(count, sizeof(*topic->partitions));
    NBA_ASSERT(topic->name != NULL && topic->partitions != NULL);
    topic->id = id;
    topic->partition_count = (int32_t)count;
    topic->compacted = (flags & FLAG_COMPACTED) != 0;
    topic->deleted = (flags & FLAG_DELETED) != 0;
    topic->retention_ms = retention_ms;
    topic->delete_retention_ms = delete_retention_ms;
    topic->next = log->topics;
    log->topics = topic;
    return NBA_OK;
}

static enum nba_status load_marks(struct nba_local_log *log, struct nba_str key,
                                  struct nba_str value, struct nba_error *error)
{
    struct nba_cursor cursor = nba_cursor(value.data, value.bytes);
    struct nba_local_partition marks;
    marks.low = (int64_t)nba_cursor_u64le(&cursor);
    marks.stable = (int64_t)nba_cursor_u64le(&cursor);
    marks.next = (int64_t)nba_cursor_u64le(&cursor);
    marks.clean = (int64_t)nba_cursor_u64le(&cursor);
    marks.kept = (int64_t)nba_cursor_u64le(&cursor);
    const bool sound = key.bytes == 9 && !cursor.failed && marks.low >= 0 &&
                       marks.low <= marks.next && marks.stable <= marks.next;
    if (!sound) {
        return nba_error_set(error, NBA_E_CORRUPT, "cannot open log: marks are damaged");
    }
    const uint64_t id = load_be(key.data + 1, 4);
    const uint64_t partition = load_be(key.data + 5, 4);
    for (struct nba_local_topic *topic = log->topics; topic != NULL; topic = topic->next) {
        if (topic->id == id && !topic->gone && partition < (uint64_t)topic->partition_count) {
            topic->partitions[partition] = marks;
        }
    }
    return NBA_OK;
}

static enum nba_status load_version(struct nba_str value, struct nba_error *error)
{
    struct nba_cursor cursor = nba_cursor(value.data, value.bytes);
    const uint32_t version = nba_cursor_u32le(&cursor);
    return version == FORMAT_VERSION
               ? NBA_OK
               : nba_error_set(error, NBA_E_VERSION,
                               "cannot open log: it has format %u, this program reads %u", version,
                               FORMAT_VERSION);
}

/* Visits the keys of `meta` that begin with `kind`. */
static enum nba_status load_kind(struct nba_local_log *log, char kind, struct nba_error *error)
{
    const char lower = kind;
    const char upper = (char)(kind + 1);
    enum nba_status status = NBA_OK;
    struct nba_kv_iter *iter =
        nba_kv_iter_create(log->kv, log->meta, NULL, nba_str(&lower, 1), nba_str(&upper, 1));
    for (nba_kv_iter_seek(iter, nba_str(&lower, 1)); status == NBA_OK && nba_kv_iter_valid(iter);
         nba_kv_iter_next(iter)) {
        const struct nba_str key = nba_kv_iter_key(iter);
        const struct nba_str value = nba_kv_iter_value(iter);
        if (kind == 'v') {
            status = load_version(value, error);
        } else if (kind == 't') {
            status = load_topic(log, key, value, error);
        } else {
            status = load_marks(log, key, value, error);
        }
    }
    if (status == NBA_OK) {
        status = nba_kv_iter_status(iter, error);
    }
    nba_kv_iter_destroy(iter);
    return status;
}

enum nba_status nba_local_load(struct nba_local_log *log, struct nba_error *error)
{
    for (struct nba_local_topic *topic = log->topics; topic != NULL; topic = topic->next) {
        topic->gone = true; /* until found again */
    }
    enum nba_status status = load_kind(log, 'v', error);
    if (status == NBA_OK) {
        status = load_kind(log, 't', error);
    }
    if (status == NBA_OK) {
        status = load_kind(log, 'p', error);
    }
    return status;
}
