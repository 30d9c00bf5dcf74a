/*
 * Timers of a task: the index in the store, and how it is joined with the overlay.
 *
 * For an HCP that the transaction has touched its record says which timers there are, for all
 * others the index does.  So a due index key of an untouched HCP means: touch it, then look again
 * among the touched.  Keys that the overlay's iterator has passed all belong to touched HCPs, so
 * each is looked at once a transaction, however many timers fire in it.
 */
#include "nba/base/assert.h"
#include "nba/base/hash.h"
#include "task_internal.h"

struct nba_str nba_task_due_key(struct nba_task *task, enum nba_key_kind kind, int64_t due_ms)
{
    /* The sign bit flipped and the high byte first: memcmp order is the order of times. */
    const uint64_t ordered = (uint64_t)due_ms ^ (UINT64_C(1) << 63);
    char due[8];
    for (uint32_t i = 0; i < sizeof(due); i++) {
        due[i] = (char)(unsigned char)(ordered >> (56 - 8 * i));
    }
    return nba_task_key(task, kind, nba_str(due, sizeof(due)));
}

int64_t nba_task_due_of(struct nba_str key)
{
    uint64_t ordered = 0;
    if (key.bytes < NBA_KEY_DUE_END) {
        return INT64_MIN;
    }
    for (size_t i = 1; i < NBA_KEY_DUE_END; i++) {
        ordered = ordered << 8 | (unsigned char)key.data[i];
    }
    return (int64_t)(ordered ^ (UINT64_C(1) << 63));
}

static struct nba_str timer_key(struct nba_task *task, struct nba_str hcp_id,
                                const struct nba_timer *timer)
{
    (void)nba_task_due_key(task, NBA_KEY_TIMER, timer->due_ms);
    nba_buf_append_str(&task->key, hcp_id);
    nba_buf_append_byte(&task->key, 0);
    nba_buf_append_byte(&task->key, (unsigned char)timer->kind);
    nba_buf_append_str(&task->key, timer->id);
    return nba_buf_str(&task->key);
}

/* What an index key names; false: not one of ours. */
static bool key_parse(struct nba_str key, struct nba_str value, struct nba_str *ret_hcp_id,
                      struct nba_timer *ret_timer)
{
    struct nba_cursor cursor = nba_cursor(value.data, value.bytes);
    const uint32_t id_bytes = nba_cursor_u32le(&cursor);
    if (cursor.failed || key.bytes < NBA_KEY_DUE_END + 2 ||
        id_bytes > key.bytes - NBA_KEY_DUE_END - 2) {
        return false;
    }
    const size_t rest = NBA_KEY_DUE_END + id_bytes + 2;
    *ret_hcp_id = nba_str(key.data + NBA_KEY_DUE_END, id_bytes);
    *ret_timer = (struct nba_timer){
        .due_ms = nba_task_due_of(key),
        .kind = (enum nba_timer_kind)(unsigned char)key.data[rest - 1],
        .id = nba_str(key.data + rest, key.bytes - rest),
    };
    return true;
}

static enum nba_status index_iter(struct nba_task *task, struct nba_kv_iter **ret_iter,
                                  struct nba_error *error)
{
    static const char prefix[] = {NBA_KEY_TIMER};
    return nba_task_iter(task, nba_str(prefix, 1), ret_iter, error);
}

enum nba_status nba_timer_index_head(struct nba_task *task, int64_t *ret_due_ms,
                                     struct nba_error *error)
{
    struct nba_kv_iter *iter = NULL;
    enum nba_status status = index_iter(task, &iter, error);
    if (status != NBA_OK) {
        return status;
    }
    const int64_t due_ms =
        nba_kv_iter_valid(iter) ? nba_task_due_of(nba_kv_iter_key(iter)) : INT64_MAX;
    status = nba_task_iter_end(iter, NBA_OK, error);
    *ret_due_ms = status == NBA_OK ? due_ms : *ret_due_ms;
    return status;
}

static bool has_timer(const struct nba_timers *timers, const struct nba_timer *timer)
{
    uint32_t i = 0;
    while (i < timers->count &&
           !(timers->items[i].due_ms == timer->due_ms && timers->items[i].kind == timer->kind &&
             nba_str_equal(timers->items[i].id, timer->id))) {
        i++;
    }
    return i < timers->count;
}

void nba_timer_index_write(struct nba_task *task, struct nba_kv_batch *batch, struct nba_str hcp_id,
                           const struct nba_timers *timers, const struct nba_timers *others,
                           bool put)
{
    const uint32_t id_bytes = (uint32_t)hcp_id.bytes;
    for (uint32_t i = 0; i < timers->count; i++) {
        if (has_timer(others, &timers->items[i])) {
            continue;
        }
        const struct nba_str key = timer_key(task, hcp_id, &timers->items[i]);
        if (put) {
            /* The value is the length of hcp_id as u32le. */
            nba_kv_batch_put(batch, task->cf, key, nba_str((const char *)&id_bytes, 4));
        } else {
            nba_kv_batch_delete(batch, task->cf, key);
        }
    }
}

/* ---- the next timer ---- */

static bool comes_before(const struct nba_overlay_entry *a, const struct nba_overlay_entry *b)
{
    const struct nba_timer *one = &a->hcp.timers[0];
    const struct nba_timer *other = &b->hcp.timers[0];
    if (one->due_ms != other->due_ms) {
        return one->due_ms < other->due_ms;
    }
    return nba_str_compare(a->hcp.hcp_id, b->hcp.hcp_id) < 0;
}

/* The touched HCP with the first timer, NULL if none has any; settles the floor.  It asks every
 * touched HCP, so it is called once for a timer that fires and not for each that is touched. */
static struct nba_overlay_entry *first_touched(struct nba_overlay *overlay)
{
    struct nba_overlay_entry *first = NULL;
    for (uint32_t i = 0; i < overlay->entry_count; i++) {
        struct nba_overlay_entry *entry = overlay->entries[i];
        if (entry->hcp.timer_count != 0 && (first == NULL || comes_before(entry, first))) {
            first = entry;
        }
    }
    overlay->due_floor = first != NULL ? first->hcp.timers[0].due_ms : INT64_MAX;
    return first;
}

/* Touches the HCP of the key under the iterator; a key that its stored record doesn't have goes. */
static enum nba_status visit_key(struct nba_task *task, const struct nba_kv_iter *iter,
                                 struct nba_overlay_entry **ret_entry, struct nba_error *error)
{
    struct nba_overlay *overlay = &task->overlay;
    const struct nba_str key = nba_kv_iter_key(iter);
    struct nba_str hcp_id;
    struct nba_timer timer;
    *ret_entry = NULL;
    if (!key_parse(key, nba_kv_iter_value(iter), &hcp_id, &timer)) {
        nba_sized_append(&overlay->stale, key);
        return NBA_OK;
    }
    const enum nba_status status = nba_task_touch(task, hcp_id, ret_entry, error);
    if (status == NBA_OK && !has_timer(&(*ret_entry)->timers_before, &timer)) {
        nba_sized_append(&overlay->stale, key);
    }
    return status;
}

/* Walks the index while its keys are due and come before every touched timer. */
static enum nba_status walk_index(struct nba_task *task, int64_t now_ms,
                                  struct nba_overlay_entry **ret_first, struct nba_error *error)
{
    struct nba_overlay *overlay = &task->overlay;
    enum nba_status status = NBA_OK;
    if (overlay->timers == NULL) { /* nothing changes under it before the write */
        status = index_iter(task, &overlay->timers, error);
        if (status != NBA_OK) {
            return status;
        }
        nba_kv_iter_seek(overlay->timers,
                         nba_task_due_key(task, NBA_KEY_TIMER, overlay->index_due_ms));
    }
    struct nba_kv_iter *iter = overlay->timers;
    struct nba_overlay_entry *first = first_touched(overlay);
    int64_t index_due_ms = INT64_MAX;
    while (status == NBA_OK && nba_kv_iter_valid(iter)) {
        const struct nba_str key = nba_kv_iter_key(iter);
        const int64_t due_ms = nba_task_due_of(key);
        if (due_ms > now_ms ||
            (first != NULL && nba_str_compare(key, timer_key(task, first->hcp.hcp_id,
                                                             &first->hcp.timers[0])) >= 0)) {
            index_due_ms = due_ms;
            break;
        }
        struct nba_overlay_entry *entry = NULL;
        status = visit_key(task, iter, &entry, error);
        if (status == NBA_OK && entry != NULL && entry->hcp.timer_count != 0 &&
            (first == NULL || comes_before(entry, first))) {
            first = entry;
            overlay->due_floor = entry->hcp.timers[0].due_ms;
        }
        nba_kv_iter_next(iter);
    }
    if (status == NBA_OK && !nba_kv_iter_valid(iter)) {
        status = nba_kv_iter_status(iter, error);
    }
    if (status != NBA_OK) { /* whoever tries again begins where this one did */
        nba_kv_iter_destroy(iter);
        overlay->timers = NULL;
        return status;
    }
    overlay->index_due_ms = index_due_ms;
    *ret_first = first;
    return NBA_OK;
}

enum nba_status nba_task_next_timer(struct nba_task *task, int64_t now_ms, bool *ret_found,
                                    struct nba_hcp **ret_hcp, struct nba_timer *ret_timer,
                                    struct nba_error *error)
{
    struct nba_overlay *overlay = &task->overlay;
    struct nba_overlay_entry *first = NULL;
    NBA_ASSERT(overlay->arena != NULL);
    if (overlay->due_floor > now_ms && overlay->index_due_ms > now_ms) {
        *ret_found = false;
        return NBA_OK;
    }
    if (overlay->index_due_ms <= now_ms) {
        const enum nba_status status = walk_index(task, now_ms, &first, error);
        if (status != NBA_OK) {
            return status;
        }
    } else {
        first = first_touched(overlay);
    }
    *ret_found = first != NULL && first->hcp.timers[0].due_ms <= now_ms;
    if (*ret_found) {
        *ret_hcp = &first->hcp;
        *ret_timer = first->hcp.timers[0];
        (void)nba_hcp_remove_timer(&first->hcp, ret_timer->kind, ret_timer->id);
    }
    return NBA_OK;
}

int64_t nba_task_next_due_ms(const struct nba_task *task)
{
    if (task->overlay.arena == NULL) {
        return task->index_due_ms;
    }
    return task->overlay.due_floor < task->overlay.index_due_ms ? task->overlay.due_floor
                                                                : task->overlay.index_due_ms;
}

/* ---- the sweep ---- */

void nba_task_sweep_begin(struct nba_task *task)
{
    struct nba_overlay *overlay = &task->overlay;
    NBA_ASSERT(overlay->arena != NULL);
    nba_kv_iter_destroy(overlay->sweep);
    overlay->sweep = NULL;
    nba_buf_reset(&overlay->sweep_at);
    if (task->meta_now.sweep_recalls == NBA_SWEEP_NONE) {
        task->meta_now.sweep_recalls = 0;
    }
}

uint64_t nba_task_sweep_epoch(const struct nba_task *task)
{
    return task->overlay.sweep_epoch;
}

void nba_task_set_sweep_epoch(struct nba_task *task, uint64_t epoch)
{
    task->overlay.sweep_epoch = epoch;
}

/* The HCP as the transaction sees it, without touching it: most have nothing to change. */
static enum nba_status look_at(struct nba_task *task, struct nba_str hcp_id,
                               const struct nba_hcp **ret_hcp, struct nba_error *error)
{
    const uint64_t hash = nba_xxh64(hcp_id.data, hcp_id.bytes);
    const struct nba_overlay_entry *entry = nba_overlay_find(&task->overlay, hcp_id, hash);
    struct nba_str bytes = nba_str(NULL, 0);
    *ret_hcp = entry != NULL ? &entry->hcp : NULL;
    if (entry != NULL) {
        return NBA_OK;
    }
    enum nba_status status = nba_task_read_hcp(task, hcp_id, hash, &bytes, error);
    if (status == NBA_OK && bytes.bytes != 0) {
        nba_arena_reset(&task->scratch_arena);
        status = nba_hcp_decode(bytes, hcp_id, &task->scratch_arena, task->scratch_hcp, error);
        *ret_hcp = status == NBA_OK ? task->scratch_hcp : NULL;
    }
    return status;
}

enum nba_status nba_task_sweep_next(struct nba_task *task, const struct nba_hcp **ret_hcp,
                                    struct nba_str *ret_action_id, struct nba_error *error)
{
    struct nba_overlay *overlay = &task->overlay;
    enum nba_status status = NBA_OK;
    NBA_ASSERT(overlay->arena != NULL && task->meta_now.sweep_recalls != NBA_SWEEP_NONE);
    if (overlay->sweep == NULL) {
        status = index_iter(task, &overlay->sweep, error);
        if (status == NBA_OK && overlay->sweep_at.bytes != 0) {
            nba_buf_append_byte(&overlay->sweep_at, 0); /* the first key behind it */
            nba_kv_iter_seek(overlay->sweep, nba_buf_str(&overlay->sweep_at));
        }
    }
    *ret_hcp = NULL;
    while (status == NBA_OK && *ret_hcp == NULL && nba_kv_iter_valid(overlay->sweep)) {
        const struct nba_hcp *hcp = NULL;
        struct nba_str hcp_id;
        struct nba_timer timer;
        nba_buf_reset(&overlay->sweep_at);
        nba_buf_append_str(&overlay->sweep_at, nba_kv_iter_key(overlay->sweep));
        if (key_parse(nba_buf_str(&overlay->sweep_at), nba_kv_iter_value(overlay->sweep), &hcp_id,
                      &timer) &&
            timer.kind == NBA_TIMER_EXPIRY) {
            status = look_at(task, hcp_id, &hcp, error);
        }
        if (hcp != NULL && has_timer(&(struct nba_timers){hcp->timers, hcp->timer_count}, &timer)) {
            *ret_hcp = hcp;
            *ret_action_id = timer.id;
        }
        nba_kv_iter_next(overlay->sweep);
    }
    if (status == NBA_OK && *ret_hcp == NULL) {
        status = nba_kv_iter_status(overlay->sweep, error);
        task->meta_now.sweep_recalls = NBA_SWEEP_NONE;
    }
    return status;
}
