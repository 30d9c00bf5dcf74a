/*
 * Erasure: what is left of an HCP is the HMAC of its id, by which a later event is known.
 *
 * STALE KEYS.  A restore leaves index keys of older versions of a record, and only the id in them
 * says whose they are; so a transaction that erases looks through both indexes whole, and so does a
 * restore that met an erasure.
 *
 * FILES.  A deleted key stays in RocksDB's files until they are rewritten.  A key 'e' says that
 * this is due.
 */
#include <stdio.h>
#include <sys/random.h>

#include "nba/base/assert.h"
#include "nba/base/file.h"
#include "nba/base/hash.h"
#include "task_internal.h"

#define SECRET_BYTES_MIN 16u
#define SECRET_BYTES_MAX 4096u
/* Of the HMAC of no id, in every value: tells another secret. */
#define CHECK_BYTES 8u
#define VALUE_BYTES (8u + CHECK_BYTES)
#define NOTE_BYTES  9u /* kind byte and number of the transaction */

/* ---- the secret ---- */

static enum nba_status make_secret(const char *path, struct nba_error *error)
{
    char folder[SECRET_BYTES_MAX];
    unsigned char bytes[NBA_SHA256_BYTES];
    char text[NBA_SHA256_TEXT_BYTES];
    (void)snprintf(folder, sizeof(folder), "%s", path);
    char *slash = strrchr(folder, '/');
    if (slash != NULL && slash != folder) {
        *slash = '\0';
        const enum nba_status status = nba_file_make_dirs(folder, error);
        if (status != NBA_OK) {
            return status;
        }
    }
    if (getrandom(bytes, sizeof(bytes), 0) != (ssize_t)sizeof(bytes)) {
        return nba_error_set(error, NBA_E_IO, "no random bytes for a secret");
    }
    nba_sha256_text(bytes, sizeof(bytes), text);
    return nba_file_create(path, nba_str_of(text), error);
}

enum nba_status nba_state_secret_load(const char *path, bool create,
                                      char ret_secret[NBA_SHA256_TEXT_BYTES],
                                      struct nba_error *error)
{
    struct nba_buf bytes;
    enum nba_status status = create && !nba_file_exists(path) ? make_secret(path, error) : NBA_OK;
    nba_buf_init(&bytes, SECRET_BYTES_MAX);
    if (status == NBA_OK) {
        status = nba_file_read(path, &bytes, error);
    }
    if (status == NBA_OK && bytes.bytes < SECRET_BYTES_MIN) {
        status = nba_error_set(error, NBA_E_CONFIG, "'%s': expected a secret of %u bytes or more",
                               path, SECRET_BYTES_MIN);
    }
    if (status == NBA_OK) {
        nba_sha256_text(bytes.data, bytes.bytes, ret_secret);
    }
    nba_buf_clear(&bytes);
    return status;
}

/* ---- keys and values ---- */

static void fingerprint(const struct nba_task *task, struct nba_str id,
                        char ret_mac[NBA_SHA256_BYTES])
{
    nba_hmac_sha256(nba_str_of(task->store->secret), id, ret_mac);
}

struct nba_str nba_erasure_key(struct nba_task *task, struct nba_str hcp_id)
{
    char mac[NBA_SHA256_BYTES];
    fingerprint(task, hcp_id, mac);
    return nba_task_key(task, NBA_KEY_ERASED, nba_str(mac, sizeof(mac)));
}

struct nba_str nba_erasure_value(struct nba_task *task, int64_t erased_ms)
{
    char mac[NBA_SHA256_BYTES];
    nba_buf_reset(&task->value);
    if (erased_ms != NBA_TIME_NONE) {
        fingerprint(task, nba_str("", 0), mac);
        nba_buf_append_u64le(&task->value, (uint64_t)erased_ms);
        nba_buf_append_str(&task->value, nba_str(mac, CHECK_BYTES));
    }
    return nba_buf_str(&task->value);
}

/* ---- in a transaction ---- */

static enum nba_status set_erased(struct nba_task *task, struct nba_str hcp_id, int64_t erased_ms,
                                  struct nba_error *error)
{
    struct nba_overlay_entry *entry = NULL;
    const enum nba_status status = nba_task_touch(task, hcp_id, &entry, error);
    if (status == NBA_OK) {
        entry->erasure_changed = true;
        entry->erased_ms = erased_ms;
        task->overlay.any_erased = true;
    }
    return status;
}

enum nba_status nba_task_erase(struct nba_task *task, struct nba_str hcp_id, int64_t time_ms,
                               struct nba_error *error)
{
    struct nba_overlay_entry *entry = NULL;
    enum nba_status status = nba_task_delete(task, hcp_id, error);
    if (status == NBA_OK) {
        status = nba_task_touch(task, hcp_id, &entry, error);
    }
    if (status == NBA_OK) {
        entry->look_not_before_ms = INT64_MIN; /* its key in the index of silences goes */
        task->overlay.erases = true;
        status = set_erased(task, hcp_id, time_ms, error);
    }
    return status;
}

void nba_task_rewrite(struct nba_task *task)
{
    task->overlay.erases = true;
}

enum nba_status nba_task_readmit(struct nba_task *task, struct nba_str hcp_id,
                                 struct nba_error *error)
{
    return set_erased(task, hcp_id, NBA_TIME_NONE, error);
}

enum nba_status nba_task_erased_at(struct nba_task *task, struct nba_str hcp_id, int64_t *ret_ms,
                                   struct nba_error *error)
{
    *ret_ms = NBA_TIME_NONE;
    if (!task->overlay.any_erased) {
        return NBA_OK;
    }
    const struct nba_overlay_entry *entry =
        nba_overlay_find(&task->overlay, hcp_id, nba_xxh64(hcp_id.data, hcp_id.bytes));
    if (entry != NULL && entry->erasure_changed) {
        *ret_ms = entry->erased_ms;
        return NBA_OK;
    }
    struct nba_str value = nba_str(NULL, 0);
    const enum nba_status status =
        nba_task_read(task, nba_erasure_key(task, hcp_id), &value, error);
    if (status == NBA_OK && value.bytes != 0) {
        struct nba_cursor cursor = nba_cursor(value.data, value.bytes);
        *ret_ms = (int64_t)nba_cursor_u64le(&cursor);
    }
    return status;
}

/* ---- index keys ---- */

/* Is it of an HCP that the transaction erases; outside of one, of an HCP without a record? */
static enum nba_status is_gone(struct nba_task *task, struct nba_str hcp_id, bool *ret_gone,
                               struct nba_error *error)
{
    if (task->overlay.arena != NULL) {
        const struct nba_overlay_entry *entry =
            nba_overlay_find(&task->overlay, hcp_id, nba_xxh64(hcp_id.data, hcp_id.bytes));
        *ret_gone = entry != NULL && entry->erasure_changed && entry->deleted;
        return NBA_OK;
    }
    struct nba_str record = nba_str(NULL, 0);
    const enum nba_status status =
        nba_task_read(task, nba_task_key(task, NBA_KEY_HCP, hcp_id), &record, error);
    *ret_gone = record.bytes == 0;
    return status;
}

static enum nba_status drop_keys(struct nba_task *task, struct nba_kv_batch *batch, char kind,
                                 struct nba_error *error)
{
    struct nba_kv_iter *iter = NULL;
    enum nba_status status = nba_task_iter(task, nba_str(&kind, 1), &iter, error);
    if (status != NBA_OK) {
        return status;
    }
    for (; status == NBA_OK && nba_kv_iter_valid(iter); nba_kv_iter_next(iter)) {
        const struct nba_str key = nba_kv_iter_key(iter);
        bool gone = false;
        status = is_gone(task, nba_key_hcp(key, nba_kv_iter_value(iter)), &gone, error);
        if (gone) {
            nba_kv_batch_delete(batch, task->cf, key);
        }
    }
    return nba_task_iter_end(iter, status, error);
}

enum nba_status nba_erasure_write(struct nba_task *task, struct nba_kv_batch *batch,
                                  struct nba_error *error)
{
    const uint64_t txn_seq = task->overlay.arena != NULL ? task->meta_now.txn_seq : 0;
    char id[NOTE_BYTES - 1];
    for (uint32_t i = 0; i < sizeof(id); i++) {
        id[i] = (char)(unsigned char)(txn_seq >> (56 - 8 * i));
    }
    nba_kv_batch_put(batch, task->cf,
                     nba_task_key(task, NBA_KEY_UNCOMPACTED, nba_str(id, sizeof(id))),
                     nba_str("", 0));
    const enum nba_status status = drop_keys(task, batch, NBA_KEY_TIMER, error);
    return status == NBA_OK ? drop_keys(task, batch, NBA_KEY_SILENCE, error) : status;
}

/* ---- in the store ---- */

/* Is there a key of the kind?  The value of an 'E' tells under which secret it was written. */
static enum nba_status has_kind(struct nba_task *task, char kind, bool *ret_has,
                                struct nba_error *error)
{
    struct nba_kv_iter *iter = NULL;
    enum nba_status status = nba_task_iter(task, nba_str(&kind, 1), &iter, error);
    if (status != NBA_OK) {
        return status;
    }
    *ret_has = nba_kv_iter_valid(iter);
    if (*ret_has && kind == NBA_KEY_ERASED) {
        const struct nba_str value = nba_kv_iter_value(iter);
        char mac[NBA_SHA256_BYTES];
        fingerprint(task, nba_str("", 0), mac);
        if (value.bytes != VALUE_BYTES) {
            status = nba_error_set(error, NBA_E_CORRUPT, "a key of an erased HCP is damaged");
        } else if (task->store->secret[0] != '\0' &&
                   memcmp(value.data + 8, mac, CHECK_BYTES) != 0) {
            status = nba_error_set(error, NBA_E_CONFIG,
                                   "state.secret_file: HCPs were erased under another secret, all "
                                   "instances need the same file");
        }
    }
    return nba_task_iter_end(iter, status, error);
}

enum nba_status nba_erasure_load(struct nba_task *task, struct nba_error *error)
{
    bool uncompacted = false;
    enum nba_status status = has_kind(task, NBA_KEY_ERASED, &task->any_erased, error);
    if (status == NBA_OK) {
        status = has_kind(task, NBA_KEY_UNCOMPACTED, &uncompacted, error);
    }
    if (uncompacted) {
        atomic_store(&task->store->uncompacted, true);
    }
    return status;
}

/* The notes that are there now go, once everything before them has been rewritten. */
static enum nba_status compact_task(struct nba_state_store *store, struct nba_kv_cf *cf,
                                    struct nba_kv_batch *batch, struct nba_error *error)
{
    static const char from[] = {NBA_KEY_UNCOMPACTED};
    static const char to[] = {NBA_KEY_UNCOMPACTED + 1};
    struct nba_kv_iter *iter =
        nba_kv_iter_create(store->kv, cf, NULL, nba_str(from, 1), nba_str(to, 1));
    if (iter == NULL) {
        return nba_error_set(error, NBA_E_NO_MEMORY, "no room for an iterator");
    }
    nba_kv_batch_reset(batch);
    for (nba_kv_iter_seek(iter, nba_str(from, 1)); nba_kv_iter_valid(iter);
         nba_kv_iter_next(iter)) {
        nba_kv_batch_delete(batch, cf, nba_kv_iter_key(iter));
    }
    enum nba_status status = nba_task_iter_end(iter, NBA_OK, error);
    if (status == NBA_OK && nba_kv_batch_count(batch) != 0) {
        status = nba_kv_cf_compact(store->kv, cf, error);
        status = status == NBA_OK ? nba_kv_write(store->kv, batch, error) : status;
    }
    return status;
}

enum nba_status nba_state_store_compact(struct nba_state_store *store, struct nba_error *error)
{
    enum nba_status status = NBA_OK;
    struct nba_kv_batch *batch = nba_kv_batch_create();
    if (batch == NULL) {
        return nba_error_set(error, NBA_E_NO_MEMORY, "no room for a batch");
    }
    atomic_store(&store->uncompacted, false); /* what comes meanwhile is for the next time */
    (void)pthread_rwlock_rdlock(&store->lock);
    for (uint32_t i = 0; i < store->task_count && status == NBA_OK; i++) {
        if (store->tasks[i]->cf != NULL) {
            status = compact_task(store, store->tasks[i]->cf, batch, error);
        }
    }
    (void)pthread_rwlock_unlock(&store->lock);
    nba_kv_batch_destroy(batch);
    return status == NBA_OK ? nba_kv_flush(store->kv, error) : status;
}

bool nba_state_store_uncompacted(const struct nba_state_store *store)
{
    return atomic_load(&store->uncompacted);
}
