/*
 * Derived vectors: in the overlay while a transaction runs, in the hot cache from its commit on,
 * and under a local key when the cache has let the HCP go.
 *
 * VALUE of a local key: format byte 1; then for each slot: slot byte, release, pushed and start as
 * u64le, number of floats as u32le, the floats' bits as u32le.
 */
#include "nba/base/assert.h"
#include "task_internal.h"

#define VECTOR_FORMAT 1u
#define VALUE_MAX     ((size_t)128 * 1024)

static bool same_tag(const struct nba_vector_tag *a, const struct nba_vector_tag *b)
{
    return a->release == b->release && a->pushed == b->pushed && a->start == b->start;
}

static bool set_vector(struct nba_arena *arena, struct nba_overlay_vector *vector,
                       const struct nba_vector_tag *tag, const float *floats, uint32_t count)
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
    return true;
}

static void look_up_key(struct nba_task *task, struct nba_overlay_entry *entry)
{
    bool found = false;
    nba_buf_reset(&task->key);
    nba_buf_reset(&task->value);
    nba_key_append(&task->key, NBA_KEY_VECTORS, entry->hcp.hcp_id);
    /* A failure here costs a computation; one that matters shows at the next write. */
    const enum nba_status status =
        nba_kv_get(task->kv, task->cf, nba_buf_str(&task->key), &task->value, &found, NULL);
    if (status != NBA_OK || !found) {
        return;
    }
    struct nba_cursor cursor = nba_cursor(task->value.data, task->value.bytes);
    if (nba_cursor_byte(&cursor) != VECTOR_FORMAT) {
        return;
    }
    while (nba_cursor_left(&cursor) > 0) {
        struct nba_vector_tag tag;
        const uint32_t slot = nba_cursor_byte(&cursor);
        tag.release = nba_cursor_u64le(&cursor);
        tag.pushed = nba_cursor_u64le(&cursor);
        tag.start = nba_cursor_u64le(&cursor);
        const uint32_t count = nba_cursor_u32le(&cursor);
        if (cursor.failed || slot >= NBA_VECTOR_SLOTS || count == 0 ||
            count > NBA_VECTOR_FLOATS_MAX) {
            return;
        }
        float *floats = nba_arena_take(task->overlay.arena, count * sizeof(float));
        for (uint32_t i = 0; floats != NULL && i < count; i++) {
            const uint32_t bits = nba_cursor_u32le(&cursor);
            memcpy(&floats[i], &bits, sizeof(bits));
        }
        if (floats == NULL || cursor.failed) {
            return;
        }
        entry->vectors[slot] = (struct nba_overlay_vector){
            .tag = tag, .floats = floats, .float_count = count, .dirty = false};
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
        if (entry->original.bytes != 0) {
            look_up_key(task, entry);
        }
        return;
    }
    for (uint32_t slot = 0; slot < NBA_VECTOR_SLOTS; slot++) {
        const struct nba_hot_vector *vector = &hot->vectors[slot];
        if (vector->float_count != 0 &&
            set_vector(task->overlay.arena, &entry->vectors[slot], &vector->tag, vector->floats,
                       vector->float_count)) {
            entry->vectors[slot].dirty = vector->dirty;
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
        const struct nba_hot_vector *vector = &hot->vectors[slot];
        if (vector->float_count == 0) {
            continue;
        }
        nba_buf_append_byte(&value, (unsigned char)slot);
        nba_buf_append_u64le(&value, vector->tag.release);
        nba_buf_append_u64le(&value, vector->tag.pushed);
        nba_buf_append_u64le(&value, vector->tag.start);
        nba_buf_append_u32le(&value, vector->float_count);
        for (uint32_t i = 0; i < vector->float_count; i++) {
            uint32_t bits;
            memcpy(&bits, &vector->floats[i], sizeof(bits));
            nba_buf_append_u32le(&value, bits);
        }
    }
    /* Whole or not at all: a spill that has no room before the next write is a computation lost. */
    const size_t needed = 8 + key.bytes + value.bytes;
    if (!key.failed && !value.failed && needed <= task->spill.bytes_max - task->spill.bytes) {
        nba_sized_append(&task->spill, nba_buf_str(&key));
        nba_sized_append(&task->spill, nba_buf_str(&value));
    }
    nba_buf_clear(&value);
    nba_buf_clear(&key);
}

/* The vector of this slot, release, start and size, however far it has come; NULL. */
static const struct nba_overlay_vector *find_vector(struct nba_task *task, struct nba_str hcp_id,
                                                    enum nba_vector_slot slot,
                                                    const struct nba_vector_tag *tag,
                                                    uint32_t float_count)
{
    struct nba_overlay_entry *entry =
        nba_overlay_find(&task->overlay, hcp_id, nba_xxh64(hcp_id.data, hcp_id.bytes));
    NBA_ASSERT(slot < NBA_VECTOR_SLOTS);
    task->stats.vector_gets++;
    if (entry == NULL) {
        return NULL;
    }
    nba_vectors_look_up(task, entry);
    const struct nba_overlay_vector *vector = &entry->vectors[slot];
    const bool fits = vector->float_count == float_count && float_count != 0 &&
                      vector->tag.release == tag->release && vector->tag.start == tag->start;
    return fits ? vector : NULL;
}

bool nba_task_get_earlier_vector(struct nba_task *task, struct nba_str hcp_id,
                                 enum nba_vector_slot slot, const struct nba_vector_tag *tag,
                                 uint32_t float_count, float *ret_vector, uint64_t *ret_pushed)
{
    const struct nba_overlay_vector *vector = find_vector(task, hcp_id, slot, tag, float_count);
    if (vector == NULL || vector->tag.pushed > tag->pushed) {
        return false;
    }
    task->stats.vector_hits++;
    memcpy(ret_vector, vector->floats, float_count * sizeof(float));
    *ret_pushed = vector->tag.pushed;
    return true;
}

bool nba_task_get_vector(struct nba_task *task, struct nba_str hcp_id, enum nba_vector_slot slot,
                         const struct nba_vector_tag *tag, uint32_t float_count, float *ret_vector)
{
    const struct nba_overlay_vector *vector = find_vector(task, hcp_id, slot, tag, float_count);
    if (vector == NULL || vector->tag.pushed != tag->pushed) {
        return false;
    }
    task->stats.vector_hits++;
    memcpy(ret_vector, vector->floats, float_count * sizeof(float));
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
    struct nba_overlay_vector *stored = &entry->vectors[slot];
    if (stored->float_count == float_count && same_tag(&stored->tag, tag)) {
        return; /* equal tags, equal bits */
    }
    if (set_vector(task->overlay.arena, stored, tag, vector, float_count)) {
        stored->dirty = true;
    }
}
