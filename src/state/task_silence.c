/*
 * Silent HCPs: found by an index of its own, forgotten when their clock says so.
 *
 * WHEN.  An HCP's silence ends at last_event_ms + inactive_ttl.  With the record that moves the
 * clock of silence (meta.h) into a new day (UTC), and before it is applied, every HCP whose silence
 * ended by then is forgotten, so what is remembered is a function of the log, whatever the
 * transactions.
 *
 * INDEX.  A key 's' says when to look at an HCP, never too late and mostly too early: it is written
 * with an HCP's first event and moved on when it is looked at, not with each event.  It is local; a
 * restore writes it from the records.
 */
#include "nba/base/assert.h"
#include "nba/base/time_text.h"
#include "task_internal.h"

/* First keys stand at multiples of this, so that a restore writes few of them for the many versions
 * of a record that a changelog has. */
#define FIRST_LOOK_MS (30 * NBA_DAY_MS)

/* INT64_MAX: never. */
static int64_t ends_ms(const struct nba_task *task, const struct nba_hcp *hcp)
{
    const struct nba_duration ttl = task->store->inactive_ttl;
    return hcp->last_event_ms == NBA_TIME_NONE || (ttl.months == 0 && ttl.ms == 0)
               ? INT64_MAX
               : nba_duration_add(hcp->last_event_ms, ttl);
}

/* An open action could not be recalled if it were forgotten. */
static bool is_over(const struct nba_task *task, const struct nba_hcp *hcp, int64_t now_ms)
{
    return hcp->action_count == 0 && ends_ms(task, hcp) <= now_ms;
}

void nba_silence_index_write(struct nba_task *task, struct nba_kv_batch *batch,
                             const struct nba_hcp *hcp, int64_t not_before_ms)
{
    int64_t look_ms = not_before_ms != INT64_MAX ? ends_ms(task, hcp) : INT64_MAX;
    if (look_ms == INT64_MAX) {
        return;
    }
    if (not_before_ms == INT64_MIN) {
        look_ms -= (look_ms % FIRST_LOOK_MS + FIRST_LOOK_MS) % FIRST_LOOK_MS;
    }
    look_ms = look_ms > not_before_ms ? look_ms : not_before_ms;
    task->silence_due_ms = look_ms < task->silence_due_ms ? look_ms : task->silence_due_ms;
    (void)nba_task_due_key(task, NBA_KEY_SILENCE, look_ms);
    nba_buf_append_str(&task->key, hcp->hcp_id);
    nba_kv_batch_put(batch, task->cf, nba_buf_str(&task->key), nba_str(NULL, 0));
}

bool nba_task_silence_ends(const struct nba_task *task, int64_t now_ms)
{
    const struct nba_overlay *overlay = &task->overlay;
    bool ends = overlay->silence_due_ms <= now_ms;
    for (uint32_t i = 0; i < overlay->entry_count && !ends; i++) {
        ends = ends_ms(task, &overlay->entries[i]->hcp) <= now_ms;
    }
    return ends;
}

/* Touches those whose keys are due; the keys go, and come again at the commit where a record is
 * left. */
static enum nba_status look(struct nba_task *task, int64_t now_ms, uint32_t looks_max,
                            bool *ret_more, struct nba_error *error)
{
    static const char prefix[] = {NBA_KEY_SILENCE};
    struct nba_overlay *overlay = &task->overlay;
    struct nba_kv_iter *iter = NULL;
    int64_t due_ms = INT64_MAX;
    enum nba_status status = nba_task_iter(task, nba_str(prefix, 1), &iter, error);
    if (status != NBA_OK) {
        return status;
    }
    nba_kv_iter_seek(iter, nba_task_due_key(task, NBA_KEY_SILENCE, overlay->silence_due_ms));
    for (uint32_t looks = 0; status == NBA_OK && nba_kv_iter_valid(iter); looks++) {
        const struct nba_str key = nba_kv_iter_key(iter);
        struct nba_overlay_entry *entry = NULL;
        due_ms = nba_task_due_of(key);
        *ret_more = looks == looks_max;
        if (due_ms > now_ms || *ret_more) {
            break;
        }
        nba_sized_append(&overlay->stale, key);
        if (key.bytes > NBA_KEY_DUE_END) {
            const struct nba_str hcp_id =
                nba_str(key.data + NBA_KEY_DUE_END, key.bytes - NBA_KEY_DUE_END);
            status = nba_task_touch(task, hcp_id, &entry, error);
        }
        if (entry != NULL) {
            entry->look_not_before_ms = now_ms + 1;
        }
        due_ms = INT64_MAX;
        nba_kv_iter_next(iter);
    }
    status = nba_task_iter_end(iter, status, error);
    overlay->silence_due_ms = status == NBA_OK ? due_ms : overlay->silence_due_ms;
    return status;
}

/* All but opt-outs: who comes back must not be written to against an old word. */
static enum nba_status forget(struct nba_task *task, struct nba_hcp *hcp, struct nba_error *error)
{
    struct nba_consent kept[NBA_HCP_CONSENTS_MAX];
    uint32_t count = 0;
    for (uint32_t i = 0; i < hcp->consent_count; i++) {
        if (hcp->consents[i].status == NBA_CONSENT_STATUS_OPT_OUT) {
            kept[count++] = hcp->consents[i];
        }
    }
    const enum nba_status status = nba_task_delete(task, hcp->hcp_id, error);
    for (uint32_t i = 0; i < count && status == NBA_OK; i++) {
        nba_hcp_put_consent(hcp, &kept[i]);
    }
    return status;
}

enum nba_status nba_task_forget_silent(struct nba_task *task, int64_t now_ms, uint32_t looks_max,
                                       uint32_t *ret_forgotten, bool *ret_more,
                                       struct nba_error *error)
{
    struct nba_overlay *overlay = &task->overlay;
    uint32_t forgotten = 0;
    bool more = false;
    NBA_ASSERT(overlay->arena != NULL && now_ms < INT64_MAX);
    enum nba_status status = look(task, now_ms, looks_max, &more, error);
    for (uint32_t i = 0; status == NBA_OK && i < overlay->entry_count; i++) {
        struct nba_hcp *hcp = &overlay->entries[i]->hcp;
        if (is_over(task, hcp, now_ms)) {
            status = forget(task, hcp, error);
            forgotten++;
        }
    }
    if (status == NBA_OK) {
        *ret_forgotten = forgotten;
        *ret_more = more;
    }
    return status;
}

enum nba_status nba_silence_index_head(struct nba_task *task, struct nba_error *error)
{
    static const char prefix[] = {NBA_KEY_SILENCE};
    struct nba_kv_iter *iter = NULL;
    const enum nba_status status = nba_task_iter(task, nba_str(prefix, 1), &iter, error);
    if (status != NBA_OK) {
        return status;
    }
    task->silence_due_ms =
        nba_kv_iter_valid(iter) ? nba_task_due_of(nba_kv_iter_key(iter)) : INT64_MAX;
    return nba_task_iter_end(iter, NBA_OK, error);
}
