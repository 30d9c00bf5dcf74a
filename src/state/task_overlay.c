/* The overlay: private copies of the records a transaction touches, found by hash in the arena. */
#include <stdlib.h>

#include "nba/base/assert.h"
#include "task_internal.h"

#define SLOTS_FIRST 64u
#define BLANK_BYTES 3u /* an HCP's record with no section: it isn't stored */

void nba_overlay_begin(struct nba_task *task, struct nba_arena *arena)
{
    struct nba_overlay *overlay = &task->overlay;
    overlay->arena = arena;
    overlay->slots = NULL;
    overlay->slot_count = 0;
    overlay->entries = NULL;
    overlay->entry_count = 0;
    overlay->changes = NULL;
    overlay->change_count = 0;
    overlay->sealed = false;
    overlay->due_floor = INT64_MAX;
    overlay->index_due_ms = task->index_due_ms;
    nba_buf_reset(&overlay->stale);
    nba_kv_iter_destroy(overlay->index); /* the index changes with the write */
    overlay->index = NULL;
    nba_tally_reset(&task->pending);
    task->pending_new = 0;
    task->meta_now = task->meta;
}

void nba_task_begin(struct nba_task *task, struct nba_arena *arena)
{
    NBA_ASSERT(arena != NULL && task->overlay.arena == NULL && !task->restore.running);
    nba_overlay_begin(task, arena);
}

void nba_task_drop(struct nba_task *task)
{
    nba_overlay_begin(task, NULL);
}

struct nba_overlay_entry *nba_overlay_find(const struct nba_overlay *overlay, struct nba_str hcp_id,
                                           uint64_t hash)
{
    if (overlay->slot_count == 0) {
        return NULL;
    }
    for (uint32_t i = (uint32_t)hash & (overlay->slot_count - 1); overlay->slots[i] != NULL;
         i = (i + 1) & (overlay->slot_count - 1)) {
        if (overlay->slots[i]->hash == hash &&
            nba_str_equal(overlay->slots[i]->hcp.hcp_id, hcp_id)) {
            return overlay->slots[i];
        }
    }
    return NULL;
}

static void place(struct nba_overlay *overlay, struct nba_overlay_entry *entry)
{
    uint32_t i = (uint32_t)entry->hash & (overlay->slot_count - 1);
    while (overlay->slots[i] != NULL) {
        i = (i + 1) & (overlay->slot_count - 1);
    }
    overlay->slots[i] = entry;
}

/* Room for one entry more; false without memory. */
static bool reserve(struct nba_overlay *overlay)
{
    if ((overlay->entry_count + 1) * 2 <= overlay->slot_count) {
        return true;
    }
    const uint32_t slot_count = overlay->slot_count != 0 ? overlay->slot_count * 2 : SLOTS_FIRST;
    struct nba_overlay_entry **slots =
        nba_arena_zeros(overlay->arena, slot_count, sizeof(struct nba_overlay_entry *));
    struct nba_overlay_entry **entries =
        nba_arena_zeros(overlay->arena, slot_count / 2, sizeof(struct nba_overlay_entry *));
    if (slots == NULL || entries == NULL) {
        return false;
    }
    if (overlay->entry_count != 0) {
        memcpy(entries, overlay->entries,
               overlay->entry_count * sizeof(struct nba_overlay_entry *));
    }
    overlay->slots = slots;
    overlay->entries = entries;
    overlay->slot_count = slot_count;
    for (uint32_t i = 0; i < overlay->entry_count; i++) {
        place(overlay, entries[i]);
    }
    return true;
}

/* The committed bytes of a record, copied into the arena; empty when there are none. */
static enum nba_status read_record(struct nba_task *task, struct nba_str hcp_id, uint64_t hash,
                                   struct nba_str *ret_bytes, struct nba_error *error)
{
    struct nba_str bytes = nba_str(NULL, 0);
    const struct nba_hot_entry *hot = nba_hot_find(&task->hot, hcp_id, hash);
    if (hot != NULL) {
        task->stats.hot_hits++;
        bytes = nba_str((const char *)hot->record, hot->record_bytes);
    } else {
        bool found = false;
        nba_buf_reset(&task->key);
        nba_buf_reset(&task->value);
        nba_key_append(&task->key, NBA_KEY_HCP, hcp_id);
        task->stats.store_reads++;
        const enum nba_status status =
            nba_kv_get(task->kv, task->cf, nba_buf_str(&task->key), &task->value, &found, error);
        if (status != NBA_OK) {
            return status;
        }
        bytes = found ? nba_buf_str(&task->value) : bytes;
    }
    *ret_bytes = nba_str(NULL, 0);
    if (bytes.bytes != 0) {
        *ret_bytes = nba_arena_copy(task->overlay.arena, bytes);
        if (ret_bytes->data == NULL) {
            return nba_error_set(error, NBA_E_NO_MEMORY, "no room for an HCP record");
        }
    }
    return NBA_OK;
}

static enum nba_status remember_timers(struct nba_overlay *overlay, struct nba_overlay_entry *entry,
                                       struct nba_error *error)
{
    const uint32_t count = entry->hcp.timer_count;
    entry->timers_before = NULL;
    entry->timer_before_count = count;
    if (count != 0) {
        struct nba_timer *timers = nba_arena_take(overlay->arena, count * sizeof(*timers));
        if (timers == NULL) {
            return nba_error_set(error, NBA_E_NO_MEMORY, "no room for an HCP record");
        }
        memcpy(timers, entry->hcp.timers, count * sizeof(*timers));
        entry->timers_before = timers;
        if (timers[0].due_ms < overlay->due_floor) {
            overlay->due_floor = timers[0].due_ms;
        }
    }
    return NBA_OK;
}

enum nba_status nba_task_touch(struct nba_task *task, struct nba_str hcp_id,
                               struct nba_overlay_entry **ret_entry, struct nba_error *error)
{
    struct nba_overlay *overlay = &task->overlay;
    NBA_ASSERT(overlay->arena != NULL);
    const uint64_t hash = nba_xxh64(hcp_id.data, hcp_id.bytes);
    struct nba_overlay_entry *entry = nba_overlay_find(overlay, hcp_id, hash);
    task->stats.gets++;
    if (entry != NULL) {
        *ret_entry = entry;
        return NBA_OK;
    }
    entry = nba_arena_take(overlay->arena, sizeof(*entry));
    if (entry == NULL || !reserve(overlay)) {
        return nba_error_set(error, NBA_E_NO_MEMORY, "no room for an HCP record");
    }
    entry->hash = hash;
    entry->encoded = nba_str(NULL, 0);
    entry->changed = false;
    entry->deleted = false;
    entry->vectors_looked_up = false;
    memset(entry->vectors, 0, sizeof(entry->vectors));
    enum nba_status status = read_record(task, hcp_id, hash, &entry->original, error);
    if (status != NBA_OK) {
        return status;
    }
    if (entry->original.bytes != 0) {
        const struct nba_str id = nba_arena_copy(overlay->arena, hcp_id);
        status = id.bytes == hcp_id.bytes
                     ? nba_hcp_decode(entry->original, id, overlay->arena, &entry->hcp, error)
                     : nba_error_set(error, NBA_E_NO_MEMORY, "no room for an HCP record");
    } else {
        nba_hcp_init(&entry->hcp, hcp_id, overlay->arena);
        status = entry->hcp.failed
                     ? nba_error_set(error, NBA_E_NO_MEMORY, "no room for an HCP record")
                     : NBA_OK;
    }
    if (status == NBA_OK) {
        status = remember_timers(overlay, entry, error);
    }
    if (status != NBA_OK) {
        return status;
    }
    entry->hcp.due_floor = &overlay->due_floor;
    overlay->entries[overlay->entry_count++] = entry;
    place(overlay, entry);
    *ret_entry = entry;
    return NBA_OK;
}

enum nba_status nba_task_get(struct nba_task *task, struct nba_str hcp_id, struct nba_hcp **ret_hcp,
                             struct nba_error *error)
{
    struct nba_overlay_entry *entry = NULL;
    const enum nba_status status = nba_task_touch(task, hcp_id, &entry, error);
    if (status == NBA_OK) {
        *ret_hcp = &entry->hcp;
    }
    return status;
}

enum nba_status nba_task_delete(struct nba_task *task, struct nba_str hcp_id,
                                struct nba_error *error)
{
    struct nba_overlay_entry *entry = NULL;
    const enum nba_status status = nba_task_touch(task, hcp_id, &entry, error);
    if (status == NBA_OK) {
        const struct nba_str id = entry->hcp.hcp_id;
        nba_hcp_init(&entry->hcp, id, task->overlay.arena);
        entry->hcp.due_floor = &task->overlay.due_floor;
        entry->deleted = true;
        /* A vector of the former life could meet a tag of the next one. */
        entry->vectors_looked_up = true;
        memset(entry->vectors, 0, sizeof(entry->vectors));
    }
    return status;
}

/* ---- sealing ---- */

static enum nba_status encode_entry(struct nba_task *task, struct nba_overlay_entry *entry,
                                    struct nba_error *error)
{
    nba_buf_reset(&task->value);
    const enum nba_status status = nba_hcp_encode(&entry->hcp, &task->value);
    if (status != NBA_OK) {
        return nba_error_set(error, status, "an HCP record can't be encoded");
    }
    struct nba_str bytes = nba_buf_str(&task->value);
    if (bytes.bytes == BLANK_BYTES) {
        bytes = nba_str(NULL, 0);
    }
    entry->changed = !nba_str_equal(bytes, entry->original);
    entry->encoded = nba_str(NULL, 0);
    if (entry->changed && bytes.bytes != 0) {
        entry->encoded = nba_arena_copy(task->overlay.arena, bytes);
        if (entry->encoded.data == NULL) {
            return nba_error_set(error, NBA_E_NO_MEMORY, "no room for an HCP record");
        }
    }
    return NBA_OK;
}

/* One change: key made of two parts, value copied. */
static bool add_change(struct nba_arena *arena, struct nba_change *change, char kind,
                       struct nba_str id)
{
    char *key = nba_arena_take(arena, id.bytes + 1);
    if (key == NULL) {
        return false;
    }
    key[0] = kind;
    if (id.bytes != 0) {
        memcpy(key + 1, id.data, id.bytes);
    }
    change->key = nba_str(key, id.bytes + 1);
    return true;
}

static bool add_tally(struct nba_task *task, const struct nba_tally_slot *slot,
                      struct nba_change *change)
{
    char id[9] = {'p'};
    for (uint32_t i = 0; i < 8; i++) {
        id[1 + i] = (char)(unsigned char)(slot->key >> (56 - 8 * i));
    }
    const uint32_t before = nba_tally_get(&task->tally, slot->key);
    const uint32_t count = slot->count > UINT32_MAX - before ? UINT32_MAX : before + slot->count;
    const char value[4] = {(char)(unsigned char)count, (char)(unsigned char)(count >> 8),
                           (char)(unsigned char)(count >> 16), (char)(unsigned char)(count >> 24)};
    change->deleted = false;
    change->value = nba_arena_copy(task->overlay.arena, nba_str(value, sizeof(value)));
    return change->value.data != NULL &&
           add_change(task->overlay.arena, change, NBA_KEY_META, nba_str(id, sizeof(id)));
}

static bool add_meta(struct nba_task *task, struct nba_change *change)
{
    task->meta_now.txn_seq = task->meta.txn_seq + 1;
    task->meta_now.state_format = NBA_STATE_FORMAT;
    nba_buf_reset(&task->value);
    nba_meta_encode(&task->meta_now, &task->value);
    change->deleted = false;
    change->value = nba_arena_copy(task->overlay.arena, nba_buf_str(&task->value));
    return !task->value.failed && change->value.data != NULL &&
           add_change(task->overlay.arena, change, NBA_KEY_META, nba_str("m", 1));
}

static int change_compare(const void *a, const void *b)
{
    const struct nba_change *one = a;
    const struct nba_change *other = b;
    return nba_str_compare(one->key, other->key);
}

static enum nba_status collect(struct nba_task *task, struct nba_change *changes, size_t *count,
                               struct nba_error *error)
{
    struct nba_overlay *overlay = &task->overlay;
    bool room = add_meta(task, &changes[(*count)++]);
    for (uint32_t i = 0; i < overlay->entry_count; i++) {
        struct nba_overlay_entry *entry = overlay->entries[i];
        const enum nba_status status = encode_entry(task, entry, error);
        if (status != NBA_OK) {
            return status;
        }
        if (entry->changed) {
            struct nba_change *change = &changes[(*count)++];
            change->value = entry->encoded;
            change->deleted = entry->encoded.bytes == 0;
            room = room && add_change(overlay->arena, change, NBA_KEY_HCP, entry->hcp.hcp_id);
        }
    }
    for (uint32_t i = 0; i < task->pending.slot_count; i++) {
        if (task->pending.slots[i].count != 0) {
            room = room && add_tally(task, &task->pending.slots[i], &changes[(*count)++]);
        }
    }
    return room ? NBA_OK : nba_error_set(error, NBA_E_NO_MEMORY, "no room for the changes");
}

enum nba_status nba_task_seal(struct nba_task *task, const struct nba_change **ret_changes,
                              size_t *ret_count, struct nba_error *error)
{
    struct nba_overlay *overlay = &task->overlay;
    NBA_ASSERT(overlay->arena != NULL);
    const size_t most = (size_t)overlay->entry_count + task->pending.used + 1;
    struct nba_change *changes = nba_arena_zeros(overlay->arena, most, sizeof(*changes));
    size_t count = 0;
    if (changes == NULL) {
        return nba_error_set(error, NBA_E_NO_MEMORY, "no room for the changes");
    }
    const enum nba_status status = collect(task, changes, &count, error);
    if (status != NBA_OK) {
        return status;
    }
    NBA_ASSERT(count <= most);
    qsort(changes, count, sizeof(*changes), change_compare);
    overlay->changes = changes;
    overlay->change_count = count;
    overlay->sealed = true;
    *ret_changes = changes;
    *ret_count = count;
    return NBA_OK;
}
