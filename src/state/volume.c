/* A node of a budget's tree: its sum, and its bytes. */
#include "volume.h"

#include <string.h>

#include "nba/base/assert.h"
#include "nba/base/hash.h"
#include "nba/base/limits.h"
#include "nba/event/event.h"

#define FORMAT       1u
#define OPEN         1u
#define PLACES_FIRST 8u

uint64_t nba_volume_key(struct nba_str action_id)
{
    return nba_xxh64(action_id.data, action_id.bytes);
}

bool nba_volume_node_init(struct nba_volume_node *node, enum volume_level level,
                          struct nba_arena *arena)
{
    *node = (struct nba_volume_node){.arena = arena, .level = level};
    if (level != VOLUME_LEAF) {
        node->children = nba_arena_zeros(arena, NBA_VOLUME_FAN, sizeof(*node->children));
    }
    nba_volume_node_clear(node, NBA_TIME_NONE);
    return level == VOLUME_LEAF || node->children != NULL;
}

void nba_volume_node_clear(struct nba_volume_node *node, int64_t end_ms)
{
    node->end_ms = end_ms;
    node->clock_ms = NBA_TIME_NONE;
    node->turns = 0;
    node->count = 0;
    if (node->children != NULL) {
        memset(node->children, 0, NBA_VOLUME_FAN * sizeof(*node->children));
    }
}

bool nba_volume_sum_before(const struct nba_volume_sum *a, const struct nba_volume_sum *b)
{
    return a->open && (!b->open || a->priority < b->priority ||
                       (a->priority <= b->priority && a->turn > b->turn));
}

struct nba_volume_sum nba_volume_node_sum(const struct nba_volume_node *node)
{
    struct nba_volume_sum sum = {.used = node->count};
    const uint32_t parts = node->level == VOLUME_LEAF ? node->count : NBA_VOLUME_FAN;
    for (uint32_t i = 0; i < parts; i++) {
        struct nba_volume_sum part = {0};
        if (node->level == VOLUME_LEAF) {
            const struct nba_volume_place *place = &node->places[i];
            part = (struct nba_volume_sum){0, place->open, place->priority, place->turn};
        } else {
            part = node->children[i];
        }
        part.used += sum.used;
        if (!nba_volume_sum_before(&part, &sum)) {
            sum.used = part.used;
        } else {
            sum = part;
        }
    }
    return sum;
}

struct nba_volume_place *nba_volume_node_append(struct nba_volume_node *node)
{
    NBA_ASSERT(node->level == VOLUME_LEAF);
    if (node->count == node->room) {
        const uint32_t room = node->room != 0 ? node->room * 2 : PLACES_FIRST;
        struct nba_volume_place *places = nba_arena_zeros(node->arena, room, sizeof(*node->places));
        node->failed = node->failed || places == NULL;
        if (places == NULL) {
            return NULL;
        }
        if (node->count != 0) {
            memcpy(places, node->places, node->count * sizeof(*places));
        }
        node->places = places;
        node->room = room;
    }
    return &node->places[node->count++];
}

/* ---- bytes ---- */

static void put_double(struct nba_buf *buf, double value)
{
    uint64_t bits = 0;
    memcpy(&bits, &value, sizeof(bits));
    nba_buf_append_u64le(buf, bits);
}

static double take_double(struct nba_cursor *cursor)
{
    const uint64_t bits = nba_cursor_u64le(cursor);
    double value = 0;
    memcpy(&value, &bits, sizeof(value));
    return value;
}

static void put_text(struct nba_buf *buf, struct nba_str text)
{
    nba_buf_append_varint(buf, text.bytes);
    nba_buf_append_str(buf, text);
}

static struct nba_str take_text(struct nba_cursor *cursor)
{
    return nba_cursor_take(cursor, (size_t)nba_cursor_varint(cursor));
}

enum nba_status nba_volume_node_encode(const struct nba_volume_node *node, struct nba_buf *buf)
{
    const bool stored = node->end_ms != NBA_TIME_NONE &&
                        (node->level == VOLUME_ROOT || nba_volume_node_sum(node).used != 0);
    if (!stored) {
        return node->failed ? NBA_E_NO_MEMORY : NBA_OK;
    }
    nba_buf_append_byte(buf, FORMAT);
    nba_buf_append_zigzag(buf, node->end_ms);
    if (node->level == VOLUME_ROOT) {
        nba_buf_append_zigzag(buf, node->clock_ms);
        nba_buf_append_varint(buf, node->turns);
    }
    for (uint32_t i = 0; node->level != VOLUME_LEAF && i < NBA_VOLUME_FAN; i++) {
        const struct nba_volume_sum *child = &node->children[i];
        if (child->used != 0) {
            nba_buf_append_byte(buf, (unsigned char)i);
            nba_buf_append_byte(buf, child->open ? OPEN : 0);
            nba_buf_append_varint(buf, child->used);
            if (child->open) {
                put_double(buf, child->priority);
                nba_buf_append_varint(buf, child->turn);
            }
        }
    }
    for (uint32_t i = 0; i < node->count; i++) {
        const struct nba_volume_place *place = &node->places[i];
        nba_buf_append_byte(buf, place->open ? OPEN : 0);
        nba_buf_append_u64le(buf, place->key);
        if (place->open) {
            put_double(buf, place->priority);
            nba_buf_append_varint(buf, place->turn);
            put_text(buf, place->action_id);
            put_text(buf, place->hcp_id);
        }
    }
    return node->failed || buf->failed ? NBA_E_NO_MEMORY : NBA_OK;
}

/* True: it has a next one, and of ascending index. */
static bool take_child(struct nba_cursor *cursor, struct nba_volume_node *node, unsigned *least)
{
    const unsigned i = nba_cursor_byte(cursor);
    const unsigned flags = nba_cursor_byte(cursor);
    const uint64_t used = nba_cursor_varint(cursor);
    struct nba_volume_sum child = {.used = (uint32_t)used, .open = flags == OPEN};
    if (child.open) {
        child.priority = take_double(cursor);
        child.turn = nba_cursor_varint(cursor);
    }
    const bool good = !cursor->failed && i >= *least && i < NBA_VOLUME_FAN && flags <= OPEN &&
                      used != 0 && used <= UINT32_MAX;
    if (good) {
        node->children[i] = child;
        *least = i + 1;
    }
    return good;
}

static bool take_place(struct nba_cursor *cursor, struct nba_volume_node *node)
{
    const unsigned flags = nba_cursor_byte(cursor);
    struct nba_volume_place place = {.open = flags == OPEN, .key = nba_cursor_u64le(cursor)};
    if (place.open) {
        place.priority = take_double(cursor);
        place.turn = nba_cursor_varint(cursor);
        place.action_id = take_text(cursor);
        place.hcp_id = take_text(cursor);
    }
    const bool good = !cursor->failed && flags <= OPEN &&
                      place.open == (place.action_id.bytes != 0) &&
                      place.open == (place.hcp_id.bytes != 0);
    struct nba_volume_place *kept = good ? nba_volume_node_append(node) : NULL;
    if (kept != NULL) {
        *kept = place;
    }
    return good;
}

enum nba_status nba_volume_node_decode(struct nba_str bytes, struct nba_volume_node *node,
                                       struct nba_error *error)
{
    struct nba_cursor cursor = nba_cursor(bytes.data, bytes.bytes);
    const unsigned format = nba_cursor_byte(&cursor);
    if (!cursor.failed && format > FORMAT) {
        return nba_error_set(error, NBA_E_VERSION,
                             "a budget's record has format %u, newest known is %u", format, FORMAT);
    }
    nba_volume_node_clear(node, nba_cursor_zigzag(&cursor));
    if (node->level == VOLUME_ROOT) {
        node->clock_ms = nba_cursor_zigzag(&cursor);
        node->turns = nba_cursor_varint(&cursor);
    }
    unsigned least = 0;
    bool good = !cursor.failed && format == FORMAT && node->end_ms != NBA_TIME_NONE;
    while (good && nba_cursor_left(&cursor) != 0) {
        good = node->level == VOLUME_LEAF ? take_place(&cursor, node)
                                          : take_child(&cursor, node, &least);
    }
    if (!good || (node->level != VOLUME_ROOT && nba_volume_node_sum(node).used == 0)) {
        return nba_error_set(error, NBA_E_CORRUPT, "a budget's record of %zu bytes is damaged",
                             bytes.bytes);
    }
    return node->failed ? nba_error_set(error, NBA_E_NO_MEMORY, "no room for a budget's record")
                        : NBA_OK;
}

int64_t nba_volume_node_end_of(struct nba_str bytes)
{
    struct nba_cursor cursor = nba_cursor(bytes.data, bytes.bytes);
    (void)nba_cursor_byte(&cursor);
    const int64_t end_ms = nba_cursor_zigzag(&cursor);
    return cursor.failed ? NBA_TIME_NONE : end_ms;
}
