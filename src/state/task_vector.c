/*
 * Derived vectors: in the overlay while a transaction runs, in the hot cache from its commit on,
 * and under a local key when the cache has let the HCP go and its window is long: a short one runs
 * again for less than a write, its compactions and a read of RocksDB cost.
 *
 * VALUE of a local key: format byte 1; then for each slot: slot byte, release, pushed and start as
 * u64le, number of floats as u32le, the floats' bits as u32le.
 */
#include "nba/base/assert.h"
#include "task_internal.h"

#define VECTOR_FORMAT 1u
#define VALUE_MAX     ((size_t)128 * 1024)
#define STEPS_MIN     16u /* of a window that is kept; a step costs a microsecond or two */

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "floats are copied as bytes");

static bool set_vector(struct nba_arena *arena, struct nba_vector *vector,
                       const struct nba_vector_tag *tag, const void *floats, uint32_t count,
                       bool dirty)
{
    if (vector->float_count != count) {
        float *room = nba_arena_take(arena, count * sizeof(float));
        if (room == NULL) {
            return false;
        }
        vector->floats = room;
        vector->float_count = count;
    }
    memcpy(vector->floats, floats, count * sizeof(float));
    vector->tag = *tag;
    vector->dirty = dirty;
    return true;
}

static void look_up_key(struct nba_task *task, struct nba_overlay_entry *entry)
{
    struct nba_str value = nba_str(NULL, 0);
    /* A failure here costs a computation; one that matters shows at the next write. */
    if (nba_task_read(task, nba_task_key(task, NBA_KEY_VECTORS, entry->hcp.hcp_id), &value, NULL) !=
        NBA_OK) {
        return;
    }
    struct nba_cursor cursor = nba_cursor(value.data, value.bytes);
    bool whole = nba_cursor_byte(&cursor) == VECTOR_FORMAT;
    while (whole && nba_cursor_left(&cursor) > 0) {
        struct nba_vector_tag tag;
        const uint32_t slot = nba_cursor_byte(&cursor);
        tag.release = nba_cursor_u64le(&cursor);
        tag.pushed = nba_cursor_u64le(&cursor);
        tag.start = nba_cursor_u64le(&cursor);
        const uint32_t count = nba_cursor_u32le(&cursor);
        const struct nba_str floats = nba_cursor_take(&cursor, count * sizeof(float));
        whole =
            !cursor.failed && slot < NBA_VECTOR_SLOTS && count != 0 &&
            count <= NBA_VECTOR_FLOATS_MAX &&
            set_vector(task->overlay.arena, &entry->vectors[slot], &tag, floats.data, count, false);
    }
}

void nba_vectors_look_up(struct nba_task *task, struct nba_overlay_entry *entry)
{
    if (entry->vectors_looked_up) {
        return;
    }
    entry->vectors_looked_up = true;
    const struct nba_hot_entry *hot = nba_hot_find(&task->hot, entry->hcp.hcp_id, entry->hash);
    if (hot == NULL) {
        if (entry->original.bytes != 0 && entry->hcp.pushed >= STEPS_MIN) {
            look_up_key(task, entry);
        }
        return;
    }
    for (uint32_t slot = 0; slot < NBA_VECTOR_SLOTS; slot++) {
        const struct nba_vector *vector = &hot->vectors[slot];
        if (vector->float_count != 0) {
            (void)set_vector(task->overlay.arena, &entry->vectors[slot], &vector->tag,
                             vector->floats, vector->float_count, vector->dirty);
        }
    }
}

void nba_vectors_spill(void *context, const struct nba_hot_entry *hot)
{
    struct nba_task *task = context;
    struct nba_buf value;
    struct nba_buf key;
    nba_buf_init(&value, VALUE_MAX);
    nba_buf_init(&key, VALUE_MAX);
    nba_key_append(&key, NBA_KEY_VECTORS, nba_hot_id(hot));
    nba_buf_append_byte(&value, VECTOR_FORMAT);
    for (uint32_t slot = 0; slot < NBA_VECTOR_SLOTS; slot++) {
        const struct nba_vector *vector = &hot->vectors[slot];
        if (vector->float_count == 0 || vector->tag.pushed - vector->tag.start < STEPS_MIN) {
            continue;
        }
        nba_buf_append_byte(&value, (unsigned char)slot);
        nba_buf_append_u64le(&value, vector->tag.release);
        nba_buf_append_u64le(&value, vector->tag.pushed);
        nba_buf_append_u64le(&value, vector->tag.start);
        nba_buf_append_u32le(&value, vector->float_count);
        nba_buf_append(&value, vector->floats, vector->float_count * sizeof(float));
    }
    /* Whole or not at all: a spill that has no room before the next write is a computation lost. */
    const size_t needed = 8 + key.bytes + value.bytes;
    if (value.bytes > 1 && !key.failed && !value.failed &&
        needed <= task->spill.bytes_max - task->spill.bytes) {
        nba_sized_append(&task->spill, nba_buf_str(&key));
        nba_sized_append(&task->spill, nba_buf_str(&value));
    }
    nba_buf_clear(&value);
    nba_buf_clear(&key);
}

bool nba_task_get_vector(struct nba_task *task, struct nba_str hcp_id, enum nba_vector_slot slot,
                         const struct nba_vector_tag *tag, uint32_t float_count, float *ret_vector,
                         uint64_t *ret_pushed)
{
    struct nba_overlay_entry *entry =
        nba_overlay_find(&task->overlay, hcp_id, nba_xxh64(hcp_id.data, hcp_id.bytes));
    NBA_ASSERT(slot < NBA_VECTOR_SLOTS && float_count != 0);
    task->stats.vector_gets++;
    if (entry == NULL) {
        return false;
    }
    nba_vectors_look_up(task, entry);
    const struct nba_vector *vector = &entry->vectors[slot];
    if (vector->float_count != float_count || vector->tag.release != tag->release ||
        vector->tag.start != tag->start || vector->tag.pushed > tag->pushed) {
        return false;
    }
    task->stats.vector_hits++;
    memcpy(ret_vector, vector->floats, float_count * sizeof(float));
    *ret_pushed = vector->tag.pushed;
    return true;
}

void nba_task_put_vector(struct nba_task *task, struct nba_str hcp_id, enum nba_vector_slot slot,
                         const struct nba_vector_tag *tag, const float *vector,
                         uint32_t float_count)
{
    struct nba_overlay_entry *entry =
        nba_overlay_find(&task->overlay, hcp_id, nba_xxh64(hcp_id.data, hcp_id.bytes));
    NBA_ASSERT(entry != NULL && slot < NBA_VECTOR_SLOTS);
    NBA_ASSERT(float_count > 0 && float_count <= NBA_VECTOR_FLOATS_MAX);
    nba_vectors_look_up(task, entry);
    struct nba_vector *stored = &entry->vectors[slot];
    const bool same = stored->float_count == float_count && stored->tag.release == tag->release &&
                      stored->tag.pushed == tag->pushed && stored->tag.start == tag->start;
    if (!same) { /* equal tags, equal bits */
        (void)set_vector(task->overlay.arena, stored, tag, vector, float_count, true);
    }
}
