/* The overlay: private copies of the records a transaction touches, found by hash in the arena. */
#include <stdlib.h>

#include "nba/base/assert.h"
#include "task_internal.h"

#define ENTRIES_FIRST 64u
#define BLANK_BYTES   3u /* an HCP's record with no section: it isn't stored */

void nba_overlay_begin(struct nba_task *task, struct nba_arena *arena)
{
    struct nba_overlay *overlay = &task->overlay;
    overlay->arena = arena;
    nba_hash_index_reset(&overlay->index);
    overlay->entries = NULL;
    overlay->entry_count = 0;
    overlay->entry_room = 0;
    overlay->reps = NULL;
    overlay->rep_count = 0;
    nba_hash_index_reset(&overlay->volume_index);
    overlay->volumes = NULL;
    overlay->volume_count = 0;
    overlay->volume_room = 0;
    overlay->volumes_due_ms = task->volumes_due_ms;
    overlay->changes = NULL;
    overlay->change_count = 0;
    overlay->sealed = false;
    overlay->any_erased = task->any_erased;
    overlay->erases = false;
    overlay->due_floor = INT64_MAX;
    overlay->index_due_ms = task->index_due_ms;
    overlay->silence_due_ms = task->silence_due_ms;
    nba_buf_reset(&overlay->stale);
    nba_kv_iter_destroy(overlay->timers); /* the index changes with the write */
    overlay->timers = NULL;
    nba_kv_iter_destroy(overlay->sweep);
    overlay->sweep = NULL;
    nba_buf_reset(&overlay->sweep_at);
    nba_buf_append_str(&overlay->sweep_at, nba_buf_str(&task->sweep_at));
    overlay->sweep_epoch = task->sweep_epoch;
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
    uint32_t cursor = 0;
    uint32_t i = nba_hash_index_next(&overlay->index, hash, &cursor);
    while (i != NBA_HASH_INDEX_NONE && !nba_str_equal(overlay->entries[i]->hcp.hcp_id, hcp_id)) {
        i = nba_hash_index_next(&overlay->index, hash, &cursor);
    }
    return i != NBA_HASH_INDEX_NONE ? overlay->entries[i] : NULL;
}

/* Room for one entry more; false without memory. */
static bool reserve(struct nba_overlay *overlay)
{
    if (overlay->entry_count == overlay->entry_room) {
        const uint32_t room = overlay->entry_room != 0 ? overlay->entry_room * 2 : ENTRIES_FIRST;
        struct nba_overlay_entry **entries =
            nba_arena_zeros(overlay->arena, room, sizeof(struct nba_overlay_entry *));
        if (entries == NULL) {
            return false;
        }
        for (uint32_t i = 0; i < overlay->entry_count; i++) {
            entries[i] = overlay->entries[i];
        }
        overlay->entries = entries;
        overlay->entry_room = room;
    }
    return nba_hash_index_reserve(&overlay->index, overlay->entry_count + 1);
}

enum nba_status nba_task_read_hcp(struct nba_task *task, struct nba_str hcp_id, uint64_t hash,
                                  struct nba_str *ret_bytes, struct nba_error *error)
{
    const struct nba_hot_entry *hot = nba_hot_find(&task->hot, hcp_id, hash);
    if (hot != NULL) {
        task->stats.hot_hits++;
        *ret_bytes = nba_str((const char *)hot->record, hot->record_bytes);
        return NBA_OK;
    }
    if (task->store->resident) {
        *ret_bytes = nba_str(NULL, 0);
        return NBA_OK;
    }
    task->stats.store_reads++;
    return nba_task_read(task, nba_task_key(task, NBA_KEY_HCP, hcp_id), ret_bytes, error);
}

static enum nba_status no_room(struct nba_error *error)
{
    return nba_error_set(error, NBA_E_NO_MEMORY, "no room for an HCP record");
}

static enum nba_status remember_timers(struct nba_overlay *overlay, struct nba_overlay_entry *entry,
                                       struct nba_error *error)
{
    const uint32_t count = entry->hcp.timer_count;
    entry->timers_before = (struct nba_timers){NULL, count};
    if (count != 0) {
        struct nba_timer *timers = nba_arena_take(overlay->arena, count * sizeof(*timers));
        if (timers == NULL) {
            return no_room(error);
        }
        memcpy(timers, entry->hcp.timers, count * sizeof(*timers));
        entry->timers_before.items = timers;
        if (timers[0].due_ms < overlay->due_floor) {
            overlay->due_floor = timers[0].due_ms;
        }
    }
    return NBA_OK;
}

/* The record as it is committed, decoded into the entry; an empty one when there is none. */
static enum nba_status load_entry(struct nba_task *task, struct nba_str hcp_id,
                                  struct nba_overlay_entry *entry, struct nba_error *error)
{
    struct nba_arena *arena = task->overlay.arena;
    struct nba_str bytes = nba_str(NULL, 0);
    const enum nba_status status = nba_task_read_hcp(task, hcp_id, entry->hash, &bytes, error);
    if (status != NBA_OK) {
        return status;
    }
    entry->original = bytes.bytes != 0 ? nba_arena_copy(arena, bytes) : nba_str(NULL, 0);
    if (entry->original.bytes != bytes.bytes) {
        return no_room(error);
    }
    nba_hcp_init(&entry->hcp, hcp_id, arena);
    if (entry->hcp.failed) {
        return no_room(error);
    }
    return bytes.bytes == 0
               ? NBA_OK
               : nba_hcp_decode(entry->original, entry->hcp.hcp_id, arena, &entry->hcp, error);
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
        return no_room(error);
    }
    entry->hash = hash;
    entry->encoded = nba_str(NULL, 0);
    entry->changed = false;
    entry->deleted = false;
    entry->vectors_looked_up = false;
    entry->erasure_changed = false;
    entry->erasure_listed = false;
    memset(entry->vectors, 0, sizeof(entry->vectors));
    enum nba_status status = load_entry(task, hcp_id, entry, error);
    if (status == NBA_OK) {
        entry->look_not_before_ms =
            entry->hcp.last_event_ms == NBA_TIME_NONE ? INT64_MIN : INT64_MAX;
        status = remember_timers(overlay, entry, error);
    }
    if (status == NBA_OK) {
        entry->hcp.due_floor = &overlay->due_floor;
        nba_hash_index_add(&overlay->index, hash, overlay->entry_count);
        overlay->entries[overlay->entry_count++] = entry;
        *ret_entry = entry;
    }
    return status;
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
        NBA_ASSERT(entry != NULL);
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

/* ---- reps: a few hundred of them live in a partition, and not all come in one transaction ---- */

enum nba_status nba_task_get_rep(struct nba_task *task, struct nba_str rep_id,
                                 struct nba_rep_state **ret_rep, struct nba_error *error)
{
    struct nba_overlay *overlay = &task->overlay;
    struct nba_overlay_rep *entry = overlay->reps;
    NBA_ASSERT(overlay->arena != NULL);
    while (entry != NULL && !nba_str_equal(entry->rep.rep_id, rep_id)) {
        entry = entry->next;
    }
    if (entry != NULL) {
        *ret_rep = &entry->rep;
        return NBA_OK;
    }
    struct nba_str bytes = nba_str(NULL, 0);
    enum nba_status status =
        nba_task_read(task, nba_task_key(task, NBA_KEY_REP, rep_id), &bytes, error);
    entry = nba_arena_take(overlay->arena, sizeof(*entry));
    if (status != NBA_OK || entry == NULL) {
        return status != NBA_OK ? status : no_room(error);
    }
    entry->original = bytes.bytes != 0 ? nba_arena_copy(overlay->arena, bytes) : bytes;
    entry->encoded = nba_str(NULL, 0);
    entry->changed = false;
    nba_rep_init(&entry->rep, rep_id, overlay->arena);
    if (entry->original.bytes != bytes.bytes || entry->rep.failed) {
        return no_room(error);
    }
    if (bytes.bytes != 0) {
        status = nba_rep_decode(entry->original, rep_id, overlay->arena, &entry->rep, error);
    }
    if (status == NBA_OK) {
        entry->next = overlay->reps;
        overlay->reps = entry;
        overlay->rep_count++;
        *ret_rep = &entry->rep;
    }
    return status;
}

/* ---- sealing ---- */

/* One change more; key and value are copied, an empty value is a tombstone. */
static enum nba_status add_change(struct nba_task *task, struct nba_change *changes, size_t *count,
                                  struct nba_str key, struct nba_str value, struct nba_error *error)
{
    struct nba_change *change = &changes[(*count)++];
    change->key = nba_arena_copy(task->overlay.arena, key);
    change->value =
        value.bytes != 0 ? nba_arena_copy(task->overlay.arena, value) : nba_str(NULL, 0);
    change->deleted = value.bytes == 0;
    change->repeated = false;
    return change->key.bytes == key.bytes && change->value.bytes == value.bytes
               ? NBA_OK
               : nba_error_set(error, NBA_E_NO_MEMORY, "no room for the changes");
}

/* What an overlay knows of a record's bytes. */
struct sealing {
    struct nba_str original, *encoded;
    bool *changed;
};

/* The record whose encoding is in the task's scratch, when it has changed. */
static enum nba_status add_record(struct nba_task *task, struct nba_str key, struct nba_str bytes,
                                  struct sealing sealing, struct nba_change *changes, size_t *count,
                                  struct nba_error *error)
{
    const bool repeated =
        nba_str_equal(bytes, *sealing.changed ? *sealing.encoded : sealing.original);
    enum nba_status status = NBA_OK;
    *sealing.changed = *sealing.changed || !repeated;
    if (*sealing.changed) {
        status = add_change(task, changes, count, key, bytes, error);
        *sealing.encoded = changes[*count - 1].value;
        changes[*count - 1].repeated = repeated;
    }
    return status;
}

static enum nba_status add_entry(struct nba_task *task, struct nba_overlay_entry *entry,
                                 struct nba_change *changes, size_t *count, struct nba_error *error)
{
    nba_buf_reset(&task->value);
    const enum nba_status status = nba_hcp_encode(&entry->hcp, &task->value);
    if (status != NBA_OK) {
        return nba_error_set(error, status, "an HCP record can't be encoded");
    }
    const struct nba_str bytes =
        task->value.bytes != BLANK_BYTES ? nba_buf_str(&task->value) : nba_str(NULL, 0);
    return add_record(task, nba_task_key(task, NBA_KEY_HCP, entry->hcp.hcp_id), bytes,
                      (struct sealing){entry->original, &entry->encoded, &entry->changed}, changes,
                      count, error);
}

static enum nba_status add_rep(struct nba_task *task, struct nba_overlay_rep *entry,
                               struct nba_change *changes, size_t *count, struct nba_error *error)
{
    nba_buf_reset(&task->value);
    const enum nba_status status = nba_rep_encode(&entry->rep, &task->value);
    if (status != NBA_OK) {
        return nba_error_set(error, status, "a rep record can't be encoded");
    }
    return add_record(
        task, nba_task_key(task, NBA_KEY_REP, entry->rep.rep_id), nba_buf_str(&task->value),
        (struct sealing){entry->original, &entry->encoded, &entry->changed}, changes, count, error);
}

static enum nba_status add_volume(struct nba_task *task, struct nba_overlay_volume *entry,
                                  struct nba_change *changes, size_t *count,
                                  struct nba_error *error)
{
    nba_buf_reset(&task->value);
    const enum nba_status status = nba_volume_node_encode(&entry->node, &task->value);
    if (status != NBA_OK) {
        return nba_error_set(error, status, "a budget's record can't be encoded");
    }
    return add_record(task, entry->key, nba_buf_str(&task->value),
                      (struct sealing){entry->original, &entry->encoded, &entry->changed}, changes,
                      count, error);
}

static enum nba_status add_erasure(struct nba_task *task, struct nba_overlay_entry *entry,
                                   struct nba_change *changes, size_t *count,
                                   struct nba_error *error)
{
    if (!entry->erasure_changed) {
        return NBA_OK;
    }
    const enum nba_status status =
        add_change(task, changes, count, nba_erasure_key(task, entry->hcp.hcp_id),
                   nba_erasure_value(task, entry->erased_ms), error);
    changes[*count - 1].repeated =
        entry->erasure_listed && entry->erased_listed_ms == entry->erased_ms;
    entry->erasure_listed = true;
    entry->erased_listed_ms = entry->erased_ms;
    return status;
}

static enum nba_status add_tally(struct nba_task *task, const struct nba_tally_slot *slot,
                                 struct nba_change *changes, size_t *count, struct nba_error *error)
{
    char id[9] = {'p'};
    for (uint32_t i = 0; i < 8; i++) {
        id[1 + i] = (char)(unsigned char)(slot->key >> (56 - 8 * i));
    }
    const uint32_t before = nba_tally_get(&task->tally, slot->key);
    nba_buf_reset(&task->value);
    nba_buf_append_u32le(&task->value,
                         slot->count > UINT32_MAX - before ? UINT32_MAX : before + slot->count);
    return add_change(task, changes, count,
                      nba_task_key(task, NBA_KEY_META, nba_str(id, sizeof(id))),
                      nba_buf_str(&task->value), error);
}

static enum nba_status add_meta(struct nba_task *task, struct nba_change *changes, size_t *count,
                                struct nba_error *error)
{
    task->meta_now.txn_seq = task->meta.txn_seq + 1;
    task->meta_now.state_format = NBA_STATE_FORMAT;
    nba_buf_reset(&task->value);
    nba_meta_encode(&task->meta_now, &task->value);
    return add_change(task, changes, count, nba_task_key(task, NBA_KEY_META, nba_str("m", 1)),
                      nba_buf_str(&task->value), error);
}

static int change_compare(const void *a, const void *b)
{
    const struct nba_change *one = a;
    const struct nba_change *other = b;
    return nba_str_compare(one->key, other->key);
}

enum nba_status nba_task_seal(struct nba_task *task, const struct nba_change **ret_changes,
                              size_t *ret_count, struct nba_error *error)
{
    struct nba_overlay *overlay = &task->overlay;
    NBA_ASSERT(overlay->arena != NULL);
    const size_t most = 2 * (size_t)overlay->entry_count + overlay->rep_count +
                        overlay->volume_count + task->pending.used + 1;
    struct nba_change *changes = nba_arena_zeros(overlay->arena, most, sizeof(*changes));
    size_t count = 0;
    if (changes == NULL) {
        return nba_error_set(error, NBA_E_NO_MEMORY, "no room for the changes");
    }
    enum nba_status status = add_meta(task, changes, &count, error);
    for (uint32_t i = 0; i < overlay->entry_count && status == NBA_OK; i++) {
        status = add_entry(task, overlay->entries[i], changes, &count, error);
        if (status == NBA_OK) {
            status = add_erasure(task, overlay->entries[i], changes, &count, error);
        }
    }
    for (struct nba_overlay_rep *entry = overlay->reps; entry != NULL && status == NBA_OK;
         entry = entry->next) {
        status = add_rep(task, entry, changes, &count, error);
    }
    for (uint32_t i = 0; i < overlay->volume_count && status == NBA_OK; i++) {
        status = add_volume(task, overlay->volumes[i], changes, &count, error);
    }
    for (uint32_t i = 0; i < task->pending.slot_count && status == NBA_OK; i++) {
        if (task->pending.slots[i].count != 0) {
            status = add_tally(task, &task->pending.slots[i], changes, &count, error);
        }
    }
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
