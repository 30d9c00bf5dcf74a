/*
 * Restore: the changelog's committed records laid over the column family in offset order.
 *
 * Records are written in bounded batches, each with the position behind its last record, so that a
 * crash in the middle goes on from there.  The state is not to be used in between: a batch may end
 * inside a transaction, and only restore_end says that the watermark was reached.
 *
 * A whole restore writes past the write-ahead log and leaves compaction for later: what a crash
 * takes of it is read again from the position that is left.  It is flushed before the first logged
 * write, which would else outlive what came before it.
 */
#include "nba/base/assert.h"
#include "task_internal.h"

#define BATCH_RECORDS_MAX 4096u

enum nba_restore nba_task_plan_restore(const struct nba_task *task,
                                       const struct nba_changelog_bounds *bounds,
                                       const char **ret_why)
{
    const struct nba_meta *meta = &task->meta;
    const int64_t half_ms = bounds->delete_retention_ms / 2;
    const char *why = NULL;
    if (!task->has_meta) {
        why = "no local state";
    } else if (bounds->low > meta->changelog_next) {
        why = "changelog starts beyond the local position";
    } else if (meta->changelog_next > bounds->high) {
        why = "changelog ends before the local position";
    } else if (!task->silence_indexed) {
        why = "local index is of another program or state.inactive_ttl";
    } else if (bounds->delete_retention_ms >= 0 && bounds->now_ms - task->written_ms > half_ms) {
        why = "local state is older than half the tombstones' life";
    }
    *ret_why = why != NULL ? why : "local state meets the changelog";
    return why != NULL ? NBA_RESTORE_WHOLE : NBA_RESTORE_TAIL;
}

static enum nba_status drop_content(struct nba_task *task, struct nba_error *error)
{
    struct nba_state_store *store = task->store;
    (void)pthread_rwlock_wrlock(&store->lock); /* no reader may hold the handle */
    enum nba_status status = nba_kv_cf_drop(task->kv, task->cf, error);
    task->cf = NULL;
    if (status == NBA_OK) {
        status = nba_kv_cf_open(task->kv, task->name, &task->cf, error);
    }
    (void)pthread_rwlock_unlock(&store->lock);
    return status;
}

enum nba_status nba_task_restore_begin(struct nba_task *task, enum nba_restore how,
                                       const struct nba_changelog_bounds *bounds,
                                       int64_t *ret_offset, struct nba_error *error)
{
    struct nba_task_restore *restore = &task->restore;
    NBA_ASSERT(task->overlay.arena == NULL);
    if (restore->batch == NULL) {
        restore->batch = nba_kv_batch_create();
        if (restore->batch == NULL) {
            return nba_error_set(error, NBA_E_NO_MEMORY, "no room for a batch");
        }
    }
    nba_kv_batch_reset(restore->batch);
    nba_hot_forget(&task->hot);
    nba_buf_reset(&task->spill);
    if (how == NBA_RESTORE_WHOLE) {
        enum nba_status status = drop_content(task, error);
        if (status == NBA_OK) {
            status = nba_kv_cf_set_compaction(task->kv, task->cf, false, error);
        }
        if (status != NBA_OK) {
            return status;
        }
        task->has_meta = false;
        nba_meta_init(&task->meta, task->partition_count);
    }
    restore->running = true;
    restore->whole = how == NBA_RESTORE_WHOLE;
    restore->bytes = 0;
    restore->cut = false;
    restore->erases = false;
    restore->seq_before = task->meta.txn_seq;
    restore->next = restore->whole ? bounds->low : task->meta.changelog_next;
    task->written_ms = bounds->now_ms;
    *ret_offset = restore->next;
    return NBA_OK;
}

static enum nba_status write_batch(struct nba_task *task, struct nba_error *error)
{
    struct nba_task_restore *restore = &task->restore;
    nba_task_put_position(task, restore->batch, restore->next);
    const enum nba_status status = restore->whole
                                       ? nba_kv_write_unlogged(task->kv, restore->batch, error)
                                       : nba_kv_write(task->kv, restore->batch, error);
    nba_kv_batch_reset(restore->batch);
    restore->bytes = 0;
    return status;
}

/* Index keys of the record's timers.  Those of an older version stay, and are found stale when
 * they are due.  Vectors may be of another life of the HCP: away with them. */
static enum nba_status apply_hcp(struct nba_task *task, struct nba_str hcp_id, struct nba_str value,
                                 struct nba_error *error)
{
    static const struct nba_timers none;
    struct nba_kv_batch *batch = task->restore.batch;
    if (!task->restore.whole) {
        nba_kv_batch_delete(batch, task->cf, nba_task_key(task, NBA_KEY_VECTORS, hcp_id));
    }
    if (value.bytes == 0) {
        return NBA_OK;
    }
    nba_arena_reset(&task->scratch_arena);
    const enum nba_status status =
        nba_hcp_decode(value, hcp_id, &task->scratch_arena, task->scratch_hcp, error);
    if (status == NBA_OK) {
        const struct nba_timers timers = {task->scratch_hcp->timers,
                                          task->scratch_hcp->timer_count};
        nba_timer_index_write(task, batch, hcp_id, &timers, &none, true);
        nba_silence_index_write(task, batch, task->scratch_hcp, INT64_MIN);
    }
    return status;
}

static enum nba_status apply_meta(struct nba_task *task, struct nba_str value,
                                  struct nba_error *error)
{
    struct nba_meta meta;
    const enum nba_status status = nba_meta_decode(value, &meta, error);
    if (status == NBA_OK) {
        /* An equal number is our own last record again: a position that was lost, not a cut. */
        task->restore.cut = !task->restore.whole && meta.txn_seq < task->restore.seq_before;
    }
    return status;
}

enum nba_status nba_task_restore_apply(struct nba_task *task, struct nba_str key,
                                       struct nba_str value, bool deleted, int64_t offset,
                                       struct nba_error *error)
{
    struct nba_task_restore *restore = &task->restore;
    NBA_ASSERT(restore->running);
    if (offset < restore->next) {
        return nba_error_set(error, NBA_E_CORRUPT, "changelog offset %lld after %lld",
                             (long long)offset, (long long)restore->next - 1);
    }
    if (!nba_key_travels(key)) {
        return nba_error_set(error, NBA_E_CORRUPT, "changelog offset %lld: key is not of a state",
                             (long long)offset);
    }
    enum nba_status status = NBA_OK;
    if (key.data[0] == NBA_KEY_HCP) {
        status = apply_hcp(task, nba_key_id(key), deleted ? nba_str(NULL, 0) : value, error);
    } else if (key.data[0] == NBA_KEY_ERASED || key.data[0] == NBA_KEY_REP ||
               key.data[0] == NBA_KEY_VOLUME) {
        restore->erases = true; /* a rep's or a budget's record may have lost an erased HCP too */
    } else if (key.data[0] == NBA_KEY_META && key.data[1] == 'm' && !deleted) {
        status = apply_meta(task, value, error);
    }
    if (status != NBA_OK) {
        return nba_error_prefix(error, "changelog offset %lld", (long long)offset);
    }
    if (deleted) {
        nba_kv_batch_delete(restore->batch, task->cf, key);
    } else {
        nba_kv_batch_put(restore->batch, task->cf, key, value);
    }
    restore->next = offset + 1;
    restore->bytes += key.bytes + value.bytes;
    if (restore->bytes >= task->store->restore_batch_bytes ||
        nba_kv_batch_count(restore->batch) >= BATCH_RECORDS_MAX) {
        return write_batch(task, error);
    }
    return NBA_OK;
}

enum nba_status nba_task_restore_end(struct nba_task *task, int64_t position, bool *ret_again,
                                     struct nba_error *error)
{
    struct nba_task_restore *restore = &task->restore;
    NBA_ASSERT(restore->running);
    if (position > restore->next) {
        restore->next = position;
    }
    enum nba_status status = write_batch(task, error);
    restore->running = false;
    if (status == NBA_OK && restore->whole) {
        status = nba_kv_cf_flush(task->kv, task->cf, error);
    }
    if (status == NBA_OK && restore->whole) {
        status = nba_kv_cf_set_compaction(task->kv, task->cf, true, error);
    }
    if (status == NBA_OK && restore->erases) {
        status = nba_erasure_write(task, restore->batch, error);
        status = status == NBA_OK ? nba_kv_write(task->kv, restore->batch, error) : status;
        nba_kv_batch_reset(restore->batch);
    }
    if (status == NBA_OK) {
        status = nba_task_load(task, error);
    }
    if (status == NBA_OK) {
        nba_overlay_begin(task, NULL);
        *ret_again = restore->cut;
    }
    return status;
}

enum nba_status nba_task_check_committed(const struct nba_task *task, int64_t committed,
                                         int64_t *ret_input_next, struct nba_error *error)
{
    const int64_t input_next = task->has_meta ? task->meta.input_next : 0;
    if (task->has_meta ? committed >= 0 && committed != input_next : committed > 0) {
        return nba_error_set(error, NBA_E_CORRUPT,
                             "partition %d: the group has committed offset %lld, the state stands "
                             "at %lld: see nba reset",
                             (int)task->partition, (long long)committed, (long long)input_next);
    }
    *ret_input_next = input_next;
    return NBA_OK;
}
