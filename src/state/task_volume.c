/* Budgets in a task: nodes as the transaction sees them, and a place's way from leaf to root. */
#include "nba/base/assert.h"
#include "nba/event/event.h"
#include "task_internal.h"

#define ENTRIES_FIRST 64u
#define PATH_BYTES    3u /* level, child of the root, child of the inner node */

static enum nba_status no_room(struct nba_error *error)
{
    return nba_error_set(error, NBA_E_NO_MEMORY, "no room for a budget's record");
}

/* ---- nodes ---- */

static struct nba_overlay_volume *find(const struct nba_overlay *overlay, struct nba_str key,
                                       uint64_t hash)
{
    uint32_t cursor = 0;
    uint32_t i = nba_hash_index_next(&overlay->volume_index, hash, &cursor);
    while (i != NBA_HASH_INDEX_NONE && !nba_str_equal(overlay->volumes[i]->key, key)) {
        i = nba_hash_index_next(&overlay->volume_index, hash, &cursor);
    }
    return i != NBA_HASH_INDEX_NONE ? overlay->volumes[i] : NULL;
}

static bool reserve(struct nba_overlay *overlay)
{
    if (overlay->volume_count == overlay->volume_room) {
        const uint32_t room = overlay->volume_room != 0 ? overlay->volume_room * 2 : ENTRIES_FIRST;
        struct nba_overlay_volume **entries =
            nba_arena_zeros(overlay->arena, room, sizeof(struct nba_overlay_volume *));
        if (entries == NULL) {
            return false;
        }
        for (uint32_t i = 0; i < overlay->volume_count; i++) {
            entries[i] = overlay->volumes[i];
        }
        overlay->volumes = entries;
        overlay->volume_room = room;
    }
    return nba_hash_index_reserve(&overlay->volume_index, overlay->volume_count + 1);
}

/* The node of a whole key. */
static enum nba_status touch(struct nba_task *task, struct nba_str key,
                             struct nba_overlay_volume **ret_entry, struct nba_error *error)
{
    struct nba_overlay *overlay = &task->overlay;
    const uint64_t hash = nba_xxh64(key.data, key.bytes);
    struct nba_overlay_volume *entry = find(overlay, key, hash);
    NBA_ASSERT(overlay->arena != NULL && key.bytes > PATH_BYTES);
    if (entry != NULL) {
        *ret_entry = entry;
        return NBA_OK;
    }
    struct nba_str bytes = nba_str(NULL, 0);
    entry = nba_arena_zeros(overlay->arena, 1, sizeof(*entry));
    const struct nba_str kept = nba_arena_copy(overlay->arena, key);
    if (entry == NULL || kept.bytes != key.bytes || !reserve(overlay) ||
        !nba_volume_node_init(&entry->node, (enum volume_level)key.data[1], overlay->arena)) {
        return no_room(error);
    }
    entry->key = kept;
    enum nba_status status = nba_task_read(task, kept, &bytes, error);
    if (status == NBA_OK && bytes.bytes != 0) {
        entry->original = nba_arena_copy(overlay->arena, bytes);
        status = entry->original.bytes == bytes.bytes
                     ? nba_volume_node_decode(entry->original, &entry->node, error)
                     : no_room(error);
    }
    if (status == NBA_OK) {
        nba_hash_index_add(&overlay->volume_index, hash, overlay->volume_count);
        overlay->volumes[overlay->volume_count++] = entry;
        *ret_entry = entry;
    }
    return status;
}

/* The node on the way to a place; of an older window than the root's it is empty. */
static enum nba_status get_node(const struct nba_volume *volume, enum volume_level level,
                                uint64_t place_key, struct nba_volume_node **ret_node,
                                struct nba_error *error)
{
    struct nba_task *task = volume->task;
    struct nba_overlay_volume *entry = NULL;
    const unsigned outer = level > VOLUME_ROOT ? (unsigned)(place_key >> 58) : 0;
    const unsigned inner = level > VOLUME_INNER ? (unsigned)(place_key >> 52 & 63) : 0;
    nba_buf_reset(&task->key);
    nba_buf_append_byte(&task->key, NBA_KEY_VOLUME);
    nba_buf_append_byte(&task->key, (unsigned char)level);
    nba_buf_append_byte(&task->key, (unsigned char)outer);
    nba_buf_append_byte(&task->key, (unsigned char)inner);
    nba_buf_append_str(&task->key, volume->id);
    if (task->key.failed) {
        return no_room(error);
    }
    const enum nba_status status = touch(task, nba_buf_str(&task->key), &entry, error);
    if (status != NBA_OK) {
        return status;
    }
    *ret_node = &entry->node;
    if (volume->root != NULL && entry->node.end_ms != volume->root->end_ms) {
        nba_volume_node_clear(&entry->node, volume->root->end_ms);
    }
    return NBA_OK;
}

/* ---- a budget ---- */

enum nba_status nba_task_get_volume(struct nba_task *task, struct nba_str id,
                                    struct nba_volume *ret_volume, struct nba_error *error)
{
    NBA_ASSERT(id.bytes != 0);
    *ret_volume = (struct nba_volume){.task = task, .id = id};
    return get_node(ret_volume, VOLUME_ROOT, 0, &ret_volume->root, error);
}

int64_t nba_volume_end_ms(const struct nba_volume *volume)
{
    return volume->root->end_ms;
}

int64_t nba_volume_clock_ms(const struct nba_volume *volume)
{
    return volume->root->clock_ms;
}

void nba_volume_move(struct nba_volume *volume, int64_t time_ms, int64_t end_ms)
{
    struct nba_volume_node *root = volume->root;
    struct nba_overlay *overlay = &volume->task->overlay;
    if (root->end_ms != end_ms) {
        nba_volume_node_clear(root, end_ms);
        overlay->volumes_due_ms =
            end_ms < overlay->volumes_due_ms ? end_ms : overlay->volumes_due_ms;
    }
    root->clock_ms = time_ms > root->clock_ms ? time_ms : root->clock_ms;
}

struct nba_volume_sum nba_volume_sum(const struct nba_volume *volume)
{
    return nba_volume_node_sum(volume->root);
}

/* ---- places ---- */

static struct nba_volume_place *place_in(struct nba_volume_node *leaf, uint64_t key)
{
    uint32_t i = 0;
    while (i < leaf->count && leaf->places[i].key != key) {
        i++;
    }
    return i < leaf->count ? &leaf->places[i] : NULL;
}

/* The leaf has changed: so have the sums above it. */
static enum nba_status add_up(struct nba_volume *volume, uint64_t key, struct nba_error *error)
{
    struct nba_volume_node *leaf = NULL;
    struct nba_volume_node *inner = NULL;
    enum nba_status status = get_node(volume, VOLUME_LEAF, key, &leaf, error);
    if (status == NBA_OK) {
        status = get_node(volume, VOLUME_INNER, key, &inner, error);
    }
    if (status == NBA_OK) {
        inner->children[key >> 52 & 63] = nba_volume_node_sum(leaf);
        volume->root->children[key >> 58] = nba_volume_node_sum(inner);
    }
    return status == NBA_OK && leaf->failed ? no_room(error) : status;
}

enum nba_status nba_volume_find(struct nba_volume *volume, struct nba_str action_id,
                                const struct nba_volume_place **ret_place, struct nba_error *error)
{
    const uint64_t key = nba_volume_key(action_id);
    struct nba_volume_node *leaf = NULL;
    *ret_place = NULL;
    if (volume->root->end_ms == NBA_TIME_NONE) {
        return NBA_OK;
    }
    const enum nba_status status = get_node(volume, VOLUME_LEAF, key, &leaf, error);
    if (status == NBA_OK) {
        *ret_place = place_in(leaf, key);
    }
    return status;
}

/* The child whose sum is the node's least. */
static uint64_t least_child(const struct nba_volume_node *node)
{
    uint64_t least = 0;
    for (uint64_t i = 1; i < NBA_VOLUME_FAN; i++) {
        least = nba_volume_sum_before(&node->children[i], &node->children[least]) ? i : least;
    }
    return least;
}

enum nba_status nba_volume_least(struct nba_volume *volume,
                                 const struct nba_volume_place **ret_place, struct nba_error *error)
{
    struct nba_volume_node *inner = NULL;
    struct nba_volume_node *leaf = NULL;
    *ret_place = NULL;
    if (!nba_volume_sum(volume).open) {
        return NBA_OK;
    }
    uint64_t key = least_child(volume->root) << 58;
    enum nba_status status = get_node(volume, VOLUME_INNER, key, &inner, error);
    if (status == NBA_OK) {
        key |= least_child(inner) << 52;
        status = get_node(volume, VOLUME_LEAF, key, &leaf, error);
    }
    const uint64_t turn = status == NBA_OK ? nba_volume_node_sum(leaf).turn : 0;
    for (uint32_t i = 0; status == NBA_OK && i < leaf->count; i++) {
        if (leaf->places[i].open && leaf->places[i].turn == turn) {
            *ret_place = &leaf->places[i];
        }
    }
    return status;
}

enum nba_status nba_volume_add(struct nba_volume *volume, const struct nba_volume_place *place,
                               struct nba_error *error)
{
    struct nba_arena *arena = volume->task->overlay.arena;
    struct nba_volume_node *leaf = NULL;
    NBA_ASSERT(volume->root->end_ms != NBA_TIME_NONE && place->action_id.bytes != 0);
    struct nba_volume_place kept = {.key = nba_volume_key(place->action_id), .open = place->open};
    if (place->open) {
        kept.priority = place->priority;
        kept.action_id = nba_arena_copy(arena, place->action_id);
        kept.hcp_id = nba_arena_copy(arena, place->hcp_id);
        if (kept.action_id.bytes == 0 || kept.hcp_id.bytes == 0) {
            return no_room(error);
        }
    }
    const enum nba_status status = get_node(volume, VOLUME_LEAF, kept.key, &leaf, error);
    if (status != NBA_OK) {
        return status;
    }
    NBA_ASSERT(place_in(leaf, kept.key) == NULL);
    kept.turn = place->open ? ++volume->root->turns : 0;
    struct nba_volume_place *room = nba_volume_node_append(leaf);
    if (room == NULL) {
        return no_room(error);
    }
    *room = kept;
    return add_up(volume, kept.key, error);
}

enum nba_status nba_volume_remove(struct nba_volume *volume, struct nba_str action_id,
                                  struct nba_error *error)
{
    const uint64_t key = nba_volume_key(action_id);
    struct nba_volume_node *leaf = NULL;
    if (volume->root->end_ms == NBA_TIME_NONE) {
        return NBA_OK;
    }
    const enum nba_status status = get_node(volume, VOLUME_LEAF, key, &leaf, error);
    struct nba_volume_place *place = status == NBA_OK ? place_in(leaf, key) : NULL;
    if (place == NULL) {
        return status;
    }
    const size_t behind = (size_t)(leaf->places + leaf->count - place) - 1;
    memmove(place, place + 1, behind * sizeof(*place));
    leaf->count--;
    return add_up(volume, key, error);
}

enum nba_status nba_volume_take(struct nba_volume *volume, struct nba_str action_id,
                                struct nba_error *error)
{
    const uint64_t key = nba_volume_key(action_id);
    struct nba_volume_node *leaf = NULL;
    if (volume->root->end_ms == NBA_TIME_NONE) {
        return NBA_OK;
    }
    const enum nba_status status = get_node(volume, VOLUME_LEAF, key, &leaf, error);
    struct nba_volume_place *place = status == NBA_OK ? place_in(leaf, key) : NULL;
    if (place == NULL) {
        return status;
    }
    *place = (struct nba_volume_place){.key = key};
    return add_up(volume, key, error);
}

/* ---- windows that have ended ---- */

int64_t nba_task_volumes_due_ms(const struct nba_task *task)
{
    return task->overlay.volumes_due_ms;
}

enum nba_status nba_task_drop_volumes(struct nba_task *task, int64_t now_ms,
                                      struct nba_error *error)
{
    static const char prefix[] = {NBA_KEY_VOLUME};
    struct nba_overlay *overlay = &task->overlay;
    struct nba_kv_iter *iter = NULL;
    int64_t due_ms = INT64_MAX;
    enum nba_status status = nba_task_iter(task, nba_str(prefix, 1), &iter, error);
    if (status != NBA_OK) {
        return status;
    }
    for (; status == NBA_OK && nba_kv_iter_valid(iter); nba_kv_iter_next(iter)) {
        struct nba_overlay_volume *entry = NULL;
        const int64_t end_ms = nba_volume_node_end_of(nba_kv_iter_value(iter));
        if (end_ms <= now_ms) {
            status = touch(task, nba_kv_iter_key(iter), &entry, error);
        } else {
            due_ms = end_ms < due_ms ? end_ms : due_ms;
        }
    }
    status = nba_task_iter_end(iter, status, error);
    for (uint32_t i = 0; status == NBA_OK && i < overlay->volume_count; i++) {
        struct nba_volume_node *node = &overlay->volumes[i]->node;
        if (node->end_ms <= now_ms) {
            nba_volume_node_clear(node, NBA_TIME_NONE);
        } else {
            due_ms = node->end_ms < due_ms ? node->end_ms : due_ms;
        }
    }
    overlay->volumes_due_ms = status == NBA_OK ? due_ms : overlay->volumes_due_ms;
    return status;
}

enum nba_status nba_volume_load(struct nba_task *task, struct nba_error *error)
{
    static const char prefix[] = {NBA_KEY_VOLUME};
    struct nba_kv_iter *iter = NULL;
    const enum nba_status status = nba_task_iter(task, nba_str(prefix, 1), &iter, error);
    task->volumes_due_ms = INT64_MAX;
    if (status != NBA_OK) {
        return status;
    }
    for (; nba_kv_iter_valid(iter); nba_kv_iter_next(iter)) {
        const int64_t end_ms = nba_volume_node_end_of(nba_kv_iter_value(iter));
        task->volumes_due_ms = end_ms < task->volumes_due_ms ? end_ms : task->volumes_due_ms;
    }
    return nba_task_iter_end(iter, NBA_OK, error);
}
