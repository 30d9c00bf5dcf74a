/*
 * Timers of a task: the index in the store, and how it is joined with the overlay.
 *
 * For an HCP that the transaction has touched its record says which timers there are, for all
 * others the index does.  So a due index key of an untouched HCP means: touch it, then look again
 * among the touched.  Keys that the overlay's iterator has passed all belong to touched HCPs, so
 * each is looked at once a transaction, however many timers fire in it.
 */
#include "nba/base/assert.h"
#include "task_internal.h"

#define KEY_DUE_END 9u /* kind byte and eight bytes of due time */

static void due_append(struct nba_buf *buf, int64_t due_ms)
{
    /* The sign bit flipped and the high byte first: memcmp order is the order of times. */
    const uint64_t ordered = (uint64_t)due_ms ^ (UINT64_C(1) << 63);
    nba_buf_append_byte(buf, NBA_KEY_TIMER);
    for (uint32_t i = 0; i < 8; i++) {
        nba_buf_append_byte(buf, (unsigned char)(ordered >> (56 - 8 * i)));
    }
}

static int64_t due_of(struct nba_str key)
{
    uint64_t ordered = 0;
    for (size_t i = 1; i < KEY_DUE_END; i++) {
        ordered = ordered << 8 | (unsigned char)key.data[i];
    }
    return (int64_t)(ordered ^ (UINT64_C(1) << 63));
}

void nba_timer_key_append(struct nba_buf *buf, struct nba_str hcp_id, const struct nba_timer *timer)
{
    due_append(buf, timer->due_ms);
    nba_buf_append_str(buf, hcp_id);
    nba_buf_append_byte(buf, 0);
    nba_buf_append_byte(buf, (unsigned char)timer->kind);
    nba_buf_append_str(buf, timer->id);
}

void nba_timer_key_value(struct nba_str hcp_id, struct nba_str *ret_value, unsigned char room[4])
{
    for (uint32_t i = 0; i < 4; i++) {
        room[i] = (unsigned char)(hcp_id.bytes >> (8 * i));
    }
    *ret_value = nba_str((const char *)room, 4);
}

/* What an index key names; false: not one of ours. */
static bool key_parse(struct nba_str key, struct nba_str value, struct nba_str *ret_hcp_id,
                      struct nba_timer *ret_timer)
{
    struct nba_cursor cursor = nba_cursor(value.data, value.bytes);
    const uint32_t id_bytes = nba_cursor_u32le(&cursor);
    if (cursor.failed || key.bytes < KEY_DUE_END + 2 || id_bytes > key.bytes - KEY_DUE_END - 2) {
        return false;
    }
    const size_t rest = KEY_DUE_END + id_bytes + 2;
    *ret_hcp_id = nba_str(key.data + KEY_DUE_END, id_bytes);
    *ret_timer = (struct nba_timer){
        .due_ms = due_of(key),
        .kind = (enum nba_timer_kind)(unsigned char)key.data[rest - 1],
        .id = nba_str(key.data + rest, key.bytes - rest),
    };
    return true;
}

static struct nba_kv_iter *index_iter(struct nba_task *task)
{
    static const char lower[] = {NBA_KEY_TIMER};
    static const char upper[] = {NBA_KEY_TIMER + 1};
    return nba_kv_iter_create(task->kv, task->cf, NULL, nba_str(lower, 1), nba_str(upper, 1));
}

enum nba_status nba_timer_index_head(struct nba_task *task, int64_t from_ms, int64_t *ret_due_ms,
                                     struct nba_error *error)
{
    struct nba_kv_iter *iter = index_iter(task);
    if (iter == NULL) {
        return nba_error_set(error, NBA_E_NO_MEMORY, "no room for an iterator");
    }
    nba_buf_reset(&task->key);
    due_append(&task->key, from_ms);
    nba_kv_iter_seek(iter, nba_buf_str(&task->key));
    enum nba_status status = NBA_OK;
    if (nba_kv_iter_valid(iter) && nba_kv_iter_key(iter).bytes >= KEY_DUE_END) {
        *ret_due_ms = due_of(nba_kv_iter_key(iter));
    } else {
        status = nba_kv_iter_status(iter, error);
        *ret_due_ms = status == NBA_OK ? INT64_MAX : *ret_due_ms;
    }
    nba_kv_iter_destroy(iter);
    return status;
}

static bool has_timer(const struct nba_timer *timers, uint32_t count, const struct nba_timer *timer)
{
    for (uint32_t i = 0; i < count; i++) {
        if (timers[i].due_ms == timer->due_ms && timers[i].kind == timer->kind &&
            nba_str_equal(timers[i].id, timer->id)) {
            return true;
        }
    }
    return false;
}

void nba_timer_index_update(struct nba_task *task, struct nba_kv_batch *batch,
                            const struct nba_overlay_entry *entry)
{
    const struct nba_hcp *hcp = &entry->hcp;
    unsigned char room[4];
    struct nba_str value;
    for (uint32_t i = 0; i < entry->timer_before_count; i++) {
        if (!has_timer(hcp->timers, hcp->timer_count, &entry->timers_before[i])) {
            nba_buf_reset(&task->key);
            nba_timer_key_append(&task->key, hcp->hcp_id, &entry->timers_before[i]);
            nba_kv_batch_delete(batch, task->cf, nba_buf_str(&task->key));
        }
    }
    for (uint32_t i = 0; i < hcp->timer_count; i++) {
        if (!has_timer(entry->timers_before, entry->timer_before_count, &hcp->timers[i])) {
            nba_buf_reset(&task->key);
            nba_timer_key_append(&task->key, hcp->hcp_id, &hcp->timers[i]);
            nba_timer_key_value(hcp->hcp_id, &value, room);
            nba_kv_batch_put(batch, task->cf, nba_buf_str(&task->key), value);
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

/* Would this index key come before the first timer of `entry`? */
static bool key_comes_before(struct nba_task *task, struct nba_str key,
                             const struct nba_overlay_entry *entry)
{
    nba_buf_reset(&task->key);
    nba_timer_key_append(&task->key, entry->hcp.hcp_id, &entry->hcp.timers[0]);
    return nba_str_compare(key, nba_buf_str(&task->key)) < 0;
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
    if (status == NBA_OK &&
        !has_timer((*ret_entry)->timers_before, (*ret_entry)->timer_before_count, &timer)) {
        nba_sized_append(&overlay->stale, key);
    }
    return status;
}

/* The transaction's iterator over the index: nothing changes under it before the write. */
static struct nba_kv_iter *open_index(struct nba_task *task)
{
    struct nba_overlay *overlay = &task->overlay;
    if (overlay->index == NULL) {
        overlay->index = index_iter(task);
        nba_buf_reset(&task->key);
        due_append(&task->key, overlay->index_due_ms);
        nba_kv_iter_seek(overlay->index, nba_buf_str(&task->key));
    }
    return overlay->index;
}

/* Walks the index while its keys are due and come before every touched timer. */
static enum nba_status walk_index(struct nba_task *task, int64_t now_ms,
                                  struct nba_overlay_entry **ret_first, struct nba_error *error)
{
    struct nba_overlay *overlay = &task->overlay;
    struct nba_kv_iter *iter = open_index(task);
    enum nba_status status = NBA_OK;
    struct nba_overlay_entry *first = first_touched(overlay);
    int64_t index_due_ms = INT64_MAX;
    while (status == NBA_OK && nba_kv_iter_valid(iter)) {
        const struct nba_str key = nba_kv_iter_key(iter);
        const int64_t due_ms = key.bytes >= KEY_DUE_END ? due_of(key) : INT64_MIN;
        if (due_ms > now_ms || (first != NULL && !key_comes_before(task, key, first))) {
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
        overlay->index = NULL;
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

/* ---- the round over HCPs with open actions ---- */

/* The record as this transaction sees it, without touching it: in the overlay or the scratch. */
static enum nba_status peek(struct nba_task *task, struct nba_str hcp_id,
                            const struct nba_hcp **ret_hcp, struct nba_error *error)
{
    const uint64_t hash = nba_xxh64(hcp_id.data, hcp_id.bytes);
    const struct nba_overlay_entry *entry = nba_overlay_find(&task->overlay, hcp_id, hash);
    *ret_hcp = entry != NULL ? &entry->hcp : NULL;
    if (entry != NULL) {
        return NBA_OK;
    }
    const struct nba_hot_entry *hot = nba_hot_find(&task->hot, hcp_id, hash);
    struct nba_str bytes = nba_str(NULL, 0);
    if (hot != NULL) {
        bytes = nba_str((const char *)hot->record, hot->record_bytes);
    } else {
        bool found = false;
        nba_buf_reset(&task->key);
        nba_buf_reset(&task->value);
        nba_key_append(&task->key, NBA_KEY_HCP, hcp_id);
        const enum nba_status status =
            nba_kv_get(task->kv, task->cf, nba_buf_str(&task->key), &task->value, &found, error);
        if (status != NBA_OK || !found) {
            return status;
        }
        bytes = nba_buf_str(&task->value);
    }
    nba_arena_reset(&task->scratch_arena);
    const enum nba_status status =
        nba_hcp_decode(bytes, hcp_id, &task->scratch_arena, task->scratch_hcp, error);
    *ret_hcp = status == NBA_OK ? task->scratch_hcp : NULL;
    return status;
}

/* Looks at the key under the iterator; *ret_hcp not NULL: wanted, and touched. */
static enum nba_status consider(struct nba_task *task, const struct nba_kv_iter *iter,
                                bool (*wants)(void *context, const struct nba_hcp *hcp),
                                void *context, struct nba_hcp **ret_hcp, struct nba_error *error)
{
    struct nba_str hcp_id;
    struct nba_timer timer;
    const struct nba_hcp *seen = NULL;
    if (!key_parse(nba_kv_iter_key(iter), nba_kv_iter_value(iter), &hcp_id, &timer)) {
        return NBA_OK;
    }
    const enum nba_status status = peek(task, hcp_id, &seen, error);
    if (status != NBA_OK || seen == NULL || !has_timer(seen->timers, seen->timer_count, &timer) ||
        !wants(context, seen)) {
        return status;
    }
    return nba_task_get(task, hcp_id, ret_hcp, error);
}

enum nba_status nba_task_next_open(struct nba_task *task, struct nba_buf *cursor,
                                   bool (*wants)(void *context, const struct nba_hcp *hcp),
                                   void *context, struct nba_hcp **ret_hcp, struct nba_error *error)
{
    NBA_ASSERT(task->overlay.arena != NULL);
    struct nba_kv_iter *iter = index_iter(task);
    if (iter == NULL) {
        return nba_error_set(error, NBA_E_NO_MEMORY, "no room for an iterator");
    }
    static const char lower[] = {NBA_KEY_TIMER};
    nba_kv_iter_seek(iter, cursor->bytes != 0 ? nba_buf_str(cursor) : nba_str(lower, 1));
    if (cursor->bytes != 0 && nba_kv_iter_valid(iter) &&
        nba_str_equal(nba_kv_iter_key(iter), nba_buf_str(cursor))) {
        nba_kv_iter_next(iter);
    }
    enum nba_status status = NBA_OK;
    struct nba_hcp *hcp = NULL;
    uint32_t visits = 0;
    while (status == NBA_OK && hcp == NULL && visits < NBA_TASK_VISITS_MAX &&
           nba_kv_iter_valid(iter)) {
        nba_buf_reset(cursor);
        nba_buf_append_str(cursor, nba_kv_iter_key(iter));
        status = consider(task, iter, wants, context, &hcp, error);
        nba_kv_iter_next(iter);
        visits++;
    }
    if (status == NBA_OK && !nba_kv_iter_valid(iter)) {
        status = nba_kv_iter_status(iter, error);
        if (status == NBA_OK && hcp == NULL) {
            nba_buf_reset(cursor); /* the round is over */
        }
    }
    nba_kv_iter_destroy(iter);
    if (status == NBA_OK) {
        *ret_hcp = hcp;
    }
    return status;
}
