/* A task's life, and what a transaction reads and writes besides HCP records. */
#include "nba/state/task.h"

#include <stdio.h>
#include <stdlib.h>

#include "nba/base/assert.h"
#include "task_internal.h"

#define VALUE_BYTES_MAX   ((size_t)1024 * 1024)
#define SPILL_BYTES_MAX   ((size_t)4 * 1024 * 1024)
#define SCRATCH_BYTES_MAX ((size_t)4 * 1024 * 1024)
#define STALE_BYTES_MAX   ((size_t)16 * 1024 * 1024)

void nba_sized_append(struct nba_buf *buf, struct nba_str text)
{
    nba_buf_append_u32le(buf, (uint32_t)text.bytes);
    nba_buf_append_str(buf, text);
}

struct nba_str nba_sized_take(struct nba_cursor *cursor)
{
    const uint32_t bytes = nba_cursor_u32le(cursor);
    return nba_cursor_take(cursor, bytes);
}

/* ---- keys and values ---- */

struct nba_str nba_task_key(struct nba_task *task, enum nba_key_kind kind, struct nba_str id)
{
    nba_buf_reset(&task->key);
    nba_key_append(&task->key, kind, id);
    return nba_buf_str(&task->key);
}

enum nba_status nba_task_read(struct nba_task *task, struct nba_str key, struct nba_str *ret_value,
                              struct nba_error *error)
{
    bool found = false;
    nba_buf_reset(&task->value);
    const enum nba_status status = nba_kv_get(task->kv, task->cf, key, &task->value, &found, error);
    if (status == NBA_OK) {
        *ret_value = found ? nba_buf_str(&task->value) : nba_str(NULL, 0);
    }
    return status;
}

enum nba_status nba_task_iter(struct nba_task *task, struct nba_str prefix,
                              struct nba_kv_iter **ret_iter, struct nba_error *error)
{
    char upper[2];
    NBA_ASSERT(prefix.bytes > 0 && prefix.bytes <= sizeof(upper));
    memcpy(upper, prefix.data, prefix.bytes);
    upper[prefix.bytes - 1]++;
    struct nba_kv_iter *iter =
        nba_kv_iter_create(task->kv, task->cf, NULL, prefix, nba_str(upper, prefix.bytes));
    if (iter == NULL) {
        return nba_error_set(error, NBA_E_NO_MEMORY, "no room for an iterator");
    }
    nba_kv_iter_seek(iter, prefix);
    *ret_iter = iter;
    return NBA_OK;
}

enum nba_status nba_task_iter_end(struct nba_kv_iter *iter, enum nba_status status,
                                  struct nba_error *error)
{
    if (status == NBA_OK && !nba_kv_iter_valid(iter)) {
        status = nba_kv_iter_status(iter, error);
    }
    nba_kv_iter_destroy(iter);
    return status;
}

void nba_task_put_position(struct nba_task *task, struct nba_kv_batch *batch, int64_t next)
{
    nba_buf_reset(&task->value);
    nba_buf_append_u64le(&task->value, (uint64_t)next);
    nba_buf_append_u64le(&task->value, (uint64_t)task->written_ms);
    nba_buf_append_u32le(&task->value, (uint32_t)task->store->inactive_ttl.months);
    nba_buf_append_u64le(&task->value, (uint64_t)task->store->inactive_ttl.ms);
    nba_kv_batch_put(batch, task->cf, nba_task_key(task, NBA_KEY_CHANGELOG, nba_str(NULL, 0)),
                     nba_buf_str(&task->value));
}

/* ---- opening ---- */

static enum nba_status load_meta(struct nba_task *task, struct nba_error *error)
{
    struct nba_str value = nba_str(NULL, 0);
    nba_meta_init(&task->meta, task->partition_count);
    enum nba_status status =
        nba_task_read(task, nba_task_key(task, NBA_KEY_META, nba_str("m", 1)), &value, error);
    task->has_meta = value.bytes != 0;
    task->silence_indexed = !task->has_meta;
    if (status == NBA_OK && task->has_meta) {
        status = nba_meta_decode(value, &task->meta, error);
    }
    if (status != NBA_OK) {
        return status;
    }
    if (task->partition_count == 0) {
        task->partition_count = task->meta.partition_count;
    }
    if (task->meta.partition_count != task->partition_count) {
        return nba_error_set(error, NBA_E_SHAPE,
                             "state was written for %d partitions, the topic has %d",
                             (int)task->meta.partition_count, (int)task->partition_count);
    }
    status =
        nba_task_read(task, nba_task_key(task, NBA_KEY_CHANGELOG, nba_str(NULL, 0)), &value, error);
    if (status == NBA_OK && value.bytes != 0) {
        struct nba_cursor cursor = nba_cursor(value.data, value.bytes);
        task->meta.changelog_next = (int64_t)nba_cursor_u64le(&cursor);
        if (cursor.failed || task->meta.changelog_next < 0) {
            return nba_error_set(error, NBA_E_CORRUPT, "changelog position is damaged");
        }
        /* A program before the index of silences ended here: a whole restore writes it. */
        task->written_ms = (int64_t)nba_cursor_u64le(&cursor);
        task->silence_indexed =
            nba_cursor_u32le(&cursor) == (uint32_t)task->store->inactive_ttl.months &&
            nba_cursor_u64le(&cursor) == (uint64_t)task->store->inactive_ttl.ms && !cursor.failed;
    }
    return status;
}

static enum nba_status load_tallies(struct nba_task *task, struct nba_error *error)
{
    struct nba_kv_iter *iter = NULL;
    nba_tally_clear(&task->tally);
    enum nba_status status = nba_task_iter(task, nba_str("Mp", 2), &iter, error);
    if (status != NBA_OK) {
        return status;
    }
    for (; status == NBA_OK && nba_kv_iter_valid(iter); nba_kv_iter_next(iter)) {
        const struct nba_str key = nba_kv_iter_key(iter);
        const struct nba_str value = nba_kv_iter_value(iter);
        uint64_t pair = 0;
        for (size_t i = 2; i < key.bytes; i++) {
            pair = pair << 8 | (unsigned char)key.data[i];
        }
        struct nba_cursor cursor = nba_cursor(value.data, value.bytes);
        (void)nba_tally_add(&task->tally, pair, nba_cursor_u32le(&cursor));
        if (key.bytes != 10 || value.bytes != 4) {
            status = nba_error_set(error, NBA_E_CORRUPT, "a tally record is damaged");
        }
    }
    return nba_task_iter_end(iter, status, error);
}

enum nba_status nba_task_load(struct nba_task *task, struct nba_error *error)
{
    enum nba_status status = load_meta(task, error);
    if (status == NBA_OK) {
        status = load_tallies(task, error);
    }
    if (status == NBA_OK) {
        status = nba_timer_index_head(task, &task->index_due_ms, error);
    }
    if (status == NBA_OK) {
        status = nba_silence_index_head(task, error);
    }
    if (status == NBA_OK) {
        status = nba_volume_load(task, error);
    }
    if (status == NBA_OK) {
        status = nba_erasure_load(task, error);
    }
    return status;
}

static void release(struct nba_task *task)
{
    nba_kv_iter_destroy(task->overlay.timers);
    nba_kv_iter_destroy(task->overlay.sweep);
    nba_buf_clear(&task->overlay.sweep_at);
    nba_buf_clear(&task->sweep_at);
    nba_hash_index_clear(&task->overlay.index);
    nba_hash_index_clear(&task->overlay.volume_index);
    nba_hot_clear(&task->hot);
    nba_tally_clear(&task->tally);
    nba_tally_clear(&task->pending);
    nba_buf_clear(&task->overlay.stale);
    nba_buf_clear(&task->value);
    nba_buf_clear(&task->key);
    nba_buf_clear(&task->spill);
    nba_arena_clear(&task->scratch_arena);
    nba_kv_batch_destroy(task->batch);
    nba_kv_batch_destroy(task->restore.batch);
    free(task->scratch_hcp);
    free(task);
}

static struct nba_task *create(struct nba_state_store *store)
{
    struct nba_task *task = calloc(1, sizeof(*task));
    if (task == NULL) {
        return NULL;
    }
    task->store = store;
    task->kv = store->kv;
    nba_buf_init(&task->value, VALUE_BYTES_MAX);
    nba_buf_init(&task->key, VALUE_BYTES_MAX);
    nba_buf_init(&task->spill, SPILL_BYTES_MAX);
    nba_buf_init(&task->overlay.stale, STALE_BYTES_MAX);
    nba_buf_init(&task->overlay.sweep_at, VALUE_BYTES_MAX);
    nba_buf_init(&task->sweep_at, VALUE_BYTES_MAX);
    nba_arena_init(&task->scratch_arena, SCRATCH_BYTES_MAX);
    task->batch = nba_kv_batch_create();
    task->scratch_hcp = malloc(sizeof(*task->scratch_hcp));
    if (task->batch == NULL || task->scratch_hcp == NULL ||
        !nba_hot_init(&task->hot, store->hot_bytes_each)) {
        release(task);
        return NULL;
    }
    task->hot.bytes_max = store->resident ? SIZE_MAX : task->hot.bytes_max;
    task->hot.spill = nba_vectors_spill;
    task->hot.context = task;
    return task;
}

static enum nba_status register_task(struct nba_state_store *store, struct nba_task *task,
                                     struct nba_error *error)
{
    enum nba_status status = NBA_OK;
    (void)pthread_rwlock_wrlock(&store->lock);
    for (uint32_t i = 0; i < store->task_count; i++) {
        if (strcmp(store->tasks[i]->name, task->name) == 0) {
            status = nba_error_set(error, NBA_E_EXISTS, "task %s is open already", task->name);
        }
    }
    if (status == NBA_OK && store->task_count == NBA_PARTITIONS_MAX) {
        status = nba_error_set(error, NBA_E_LIMIT, "more than %u tasks", NBA_PARTITIONS_MAX);
    }
    if (status == NBA_OK) {
        store->tasks[store->task_count++] = task;
    }
    (void)pthread_rwlock_unlock(&store->lock);
    return status;
}

static void unregister_task(struct nba_state_store *store, const struct nba_task *task)
{
    (void)pthread_rwlock_wrlock(&store->lock);
    for (uint32_t i = 0; i < store->task_count; i++) {
        if (store->tasks[i] == task) {
            store->tasks[i] = store->tasks[--store->task_count];
            break;
        }
    }
    (void)pthread_rwlock_unlock(&store->lock);
}

enum nba_status nba_task_open(struct nba_state_store *store, struct nba_str topic,
                              int32_t partition, int32_t partition_count,
                              struct nba_task **ret_task, struct nba_error *error)
{
    NBA_ASSERT(partition >= 0 && (partition_count == 0 || partition < partition_count));
    if (topic.bytes == 0 || topic.bytes > NBA_ID_BYTES_MAX ||
        partition_count > (int32_t)NBA_PARTITIONS_MAX) {
        return nba_error_set(error, NBA_E_LIMIT, "topic name or number of partitions is too large");
    }
    struct nba_task *task = create(store);
    if (task == NULL) {
        return nba_error_set(error, NBA_E_NO_MEMORY, "no room for a task");
    }
    task->partition = partition;
    task->partition_count = partition_count;
    (void)snprintf(task->name, sizeof(task->name), "%.*s-%d", NBA_STR_ARG(topic), (int)partition);
    enum nba_status status = nba_kv_cf_open(task->kv, task->name, &task->cf, error);
    if (status == NBA_OK) {
        status = nba_task_load(task, error);
    }
    if (status == NBA_OK) {
        status = register_task(store, task, error);
    }
    if (status != NBA_OK) {
        release(task);
        return status == NBA_E_NOT_FOUND
                   ? status
                   : nba_error_prefix(error, "task %.*s-%d", NBA_STR_ARG(topic), (int)partition);
    }
    *ret_task = task;
    return NBA_OK;
}

void nba_task_close(struct nba_task *task)
{
    if (task != NULL) {
        unregister_task(task->store, task);
        release(task);
    }
}

enum nba_status nba_task_destroy(struct nba_task *task, struct nba_error *error)
{
    unregister_task(task->store, task); /* from here on no reader can be inside */
    const enum nba_status status = nba_kv_cf_drop(task->kv, task->cf, error);
    release(task);
    return status;
}

int32_t nba_task_partition(const struct nba_task *task)
{
    return task->partition;
}

/* ---- meta and tallies ---- */

struct nba_meta *nba_task_meta(struct nba_task *task)
{
    NBA_ASSERT(task->overlay.arena != NULL);
    return &task->meta_now;
}

const struct nba_meta *nba_task_committed_meta(const struct nba_task *task)
{
    return &task->meta;
}

void nba_task_begin_at(struct nba_task *task, int64_t input_next)
{
    NBA_ASSERT(!task->has_meta && task->overlay.arena == NULL);
    task->meta.input_next = input_next;
}

void nba_task_set_changelog_next(struct nba_task *task, int64_t changelog_next, int64_t wall_ms)
{
    NBA_ASSERT(task->overlay.sealed && changelog_next >= task->meta.changelog_next);
    task->meta_now.changelog_next = changelog_next;
    task->written_ms = wall_ms;
}

void nba_task_count(struct nba_task *task, uint32_t specialty, uint32_t content_hash)
{
    const uint64_t pair = nba_tally_key(specialty, content_hash);
    NBA_ASSERT(task->overlay.arena != NULL);
    if (nba_tally_get(&task->pending, pair) == 0 && nba_tally_get(&task->tally, pair) == 0) {
        if (task->tally.used + task->pending_new >= NBA_TALLIES_MAX) {
            task->stats.tallies_refused++;
            return;
        }
        task->pending_new++;
    }
    if (!nba_tally_add(&task->pending, pair, 1)) {
        task->stats.tallies_refused++;
    }
}

void nba_task_counts(const struct nba_task *task, uint32_t specialty,
                     const uint32_t *content_hashes, uint32_t count, uint32_t *ret_counts)
{
    for (uint32_t i = 0; i < count; i++) {
        const uint64_t pair = nba_tally_key(specialty, content_hashes[i]);
        ret_counts[i] = nba_tally_get(&task->tally, pair) + nba_tally_get(&task->pending, pair);
    }
}

/* ---- the write ---- */

enum nba_status nba_task_fill_batch(struct nba_task *task, struct nba_kv_batch *batch,
                                    struct nba_error *error)
{
    struct nba_overlay *overlay = &task->overlay;
    for (size_t i = 0; i < overlay->change_count; i++) {
        const struct nba_change *change = &overlay->changes[i];
        if (task->store->resident && change->key.data[0] == NBA_KEY_HCP) {
            continue; /* it goes into the cache alone */
        }
        if (change->deleted) {
            nba_kv_batch_delete(batch, task->cf, change->key);
        } else {
            nba_kv_batch_put(batch, task->cf, change->key, change->value);
        }
    }
    nba_task_put_position(task, batch, task->meta_now.changelog_next);
    struct nba_cursor stale = nba_cursor(overlay->stale.data, overlay->stale.bytes);
    while (nba_cursor_left(&stale) > 0) {
        nba_kv_batch_delete(batch, task->cf, nba_sized_take(&stale));
    }
    struct nba_cursor spill = nba_cursor(task->spill.data, task->spill.bytes);
    while (nba_cursor_left(&spill) > 0) {
        const struct nba_str key = nba_sized_take(&spill);
        nba_kv_batch_put(batch, task->cf, key, nba_sized_take(&spill));
    }
    task->silence_due_ms = overlay->silence_due_ms;
    const enum nba_status status = overlay->erases ? nba_erasure_write(task, batch, error) : NBA_OK;
    for (uint32_t i = 0; i < overlay->entry_count; i++) {
        const struct nba_overlay_entry *entry = overlay->entries[i];
        const struct nba_hcp *hcp = &entry->hcp;
        nba_silence_index_write(task, batch, hcp, entry->look_not_before_ms);
        const struct nba_timers now = {hcp->timers, hcp->timer_count};
        nba_timer_index_write(task, batch, hcp->hcp_id, &entry->timers_before, &now, false);
        nba_timer_index_write(task, batch, hcp->hcp_id, &now, &entry->timers_before, true);
        if (entry->deleted) {
            nba_kv_batch_delete(batch, task->cf, nba_task_key(task, NBA_KEY_VECTORS, hcp->hcp_id));
        }
    }
    return status;
}

static void cache_entry(struct nba_task *task, const struct nba_overlay_entry *entry)
{
    const struct nba_str bytes = entry->changed ? entry->encoded : entry->original;
    if (bytes.bytes == 0) {
        nba_hot_remove(&task->hot, entry->hcp.hcp_id, entry->hash);
        return;
    }
    struct nba_hot_entry *hot = nba_hot_put(&task->hot, entry->hcp.hcp_id, entry->hash, bytes);
    NBA_ASSERT(hot != NULL || !task->store->resident); /* without memory */
    for (uint32_t slot = 0; hot != NULL && slot < NBA_VECTOR_SLOTS; slot++) {
        if (entry->vectors[slot].float_count != 0) {
            nba_hot_put_vector(&task->hot, hot, (enum nba_vector_slot)slot, &entry->vectors[slot]);
        }
    }
}

void nba_task_committed(struct nba_task *task)
{
    struct nba_overlay *overlay = &task->overlay;
    nba_buf_reset(&task->spill); /* written; what the next lines evict is for the next write */
    /* Deleted ones first, before an eviction could spill vectors of their former life. */
    for (uint32_t i = 0; i < overlay->entry_count; i++) {
        if (overlay->entries[i]->deleted) {
            nba_hot_remove(&task->hot, overlay->entries[i]->hcp.hcp_id, overlay->entries[i]->hash);
        }
    }
    for (uint32_t i = 0; i < overlay->entry_count; i++) {
        cache_entry(task, overlay->entries[i]);
    }
    for (uint32_t i = 0; i < task->pending.slot_count; i++) {
        const struct nba_tally_slot *slot = &task->pending.slots[i];
        if (slot->count != 0 && !nba_tally_add(&task->tally, slot->key, slot->count)) {
            task->stats.tallies_refused++;
        }
    }
    task->meta = task->meta_now;
    task->has_meta = true;
    task->any_erased = overlay->any_erased;
    if (overlay->erases) {
        atomic_store(&task->store->uncompacted, true);
    }
    nba_buf_reset(&task->sweep_at);
    nba_buf_append_str(&task->sweep_at, nba_buf_str(&overlay->sweep_at));
    task->sweep_epoch = overlay->sweep_epoch;
    task->volumes_due_ms = overlay->volumes_due_ms;
    /* Timers of touched HCPs are in the index now; both bounds hold, the lesser for all. */
    task->index_due_ms =
        overlay->index_due_ms < overlay->due_floor ? overlay->index_due_ms : overlay->due_floor;
    nba_overlay_begin(task, NULL);
}

void nba_task_stats(const struct nba_task *task, struct nba_task_stats *ret_stats)
{
    *ret_stats = task->stats;
    ret_stats->evictions = task->hot.evictions;
    ret_stats->hot_bytes = task->hot.bytes;
    ret_stats->hot_bytes_max = task->hot.bytes_max;
    ret_stats->hot_records = task->hot.entry_count;
    ret_stats->tallies = task->tally.used;
}

/* ---- batch jobs ---- */

enum nba_status nba_task_visit(struct nba_task *task, struct nba_hcp_visitor visitor,
                               struct nba_error *error)
{
    static const char prefix[] = {NBA_KEY_HCP};
    struct nba_kv_iter *iter = NULL;
    enum nba_status status = nba_task_iter(task, nba_str(prefix, 1), &iter, error);
    if (status != NBA_OK) {
        return status;
    }
    for (; status == NBA_OK && nba_kv_iter_valid(iter); nba_kv_iter_next(iter)) {
        nba_arena_reset(&task->scratch_arena);
        status = nba_hcp_decode(nba_kv_iter_value(iter), nba_key_id(nba_kv_iter_key(iter)),
                                &task->scratch_arena, task->scratch_hcp, error);
        if (status == NBA_OK) {
            status = visitor.visit(visitor.context, task->scratch_hcp, error);
        }
    }
    return nba_task_iter_end(iter, status, error);
}
