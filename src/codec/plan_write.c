/*
 * The machine that writes a struct by its plan.
 *
 * Room is taken from the buffer in large pieces and what wasn't used is given back at the end, so
 * that a number costs a store and not a call.
 */
#include <string.h>

#include "nba/base/assert.h"
#include "nba/base/limits.h"
#include "nba/event/event.h"
#include "plan_internal.h"
#include "plan_ops_internal.h"

#define PIECE_BYTES      512u
#define VARINT_BYTES_MAX 10u

struct frame {
    const unsigned char *outer;
    const unsigned char *item;
    uint32_t left;
    uint32_t item_bytes;
};

struct writer {
    struct nba_buf *buf;
    unsigned char *next;
    unsigned char *end;
    bool failed;
    const unsigned char *src;
    uint32_t frame_count;
    struct frame frames[2 * NBA_DEPTH_MAX];
};

/* Brings buf->bytes up to what was written and takes room for `bytes` more. */
static bool grow(struct writer *w, size_t bytes)
{
    if (w->failed) {
        return false;
    }
    if (w->next != NULL) {
        w->buf->bytes = (size_t)(w->next - w->buf->data);
    }
    const size_t left = w->buf->bytes_max - w->buf->bytes;
    const size_t piece = bytes + PIECE_BYTES <= left ? bytes + PIECE_BYTES : bytes;
    unsigned char *room = nba_buf_extend(w->buf, piece);
    if (room == NULL) {
        w->failed = true;
        return false;
    }
    w->next = room;
    w->end = room + piece;
    return true;
}

static inline bool has_room(struct writer *w, size_t bytes)
{
    return (size_t)(w->end - w->next) >= bytes ? !w->failed : grow(w, bytes);
}

static inline void put_byte(struct writer *w, unsigned char byte)
{
    if (has_room(w, 1)) {
        *w->next++ = byte;
    }
}

static inline void put_long(struct writer *w, int64_t value)
{
    uint64_t raw = ((uint64_t)value << 1) ^ (value < 0 ? UINT64_MAX : 0);
    if (has_room(w, VARINT_BYTES_MAX)) {
        while (raw >= 0x80) {
            *w->next++ = (unsigned char)(raw | 0x80);
            raw >>= 7;
        }
        *w->next++ = (unsigned char)raw;
    }
}

static void put_sized(struct writer *w, const void *data, size_t bytes)
{
    put_long(w, (int64_t)bytes);
    if (bytes != 0 && has_room(w, bytes)) {
        memcpy(w->next, data, bytes);
        w->next += bytes;
    }
}

static void put_text(struct writer *w, struct nba_str text, uint32_t limit)
{
    if (text.bytes > limit) {
        w->failed = true;
        return;
    }
    put_sized(w, text.data, text.bytes);
}

static void put_double(struct writer *w, const unsigned char *src)
{
    uint64_t bits = 0;
    memcpy(&bits, src, sizeof(bits));
    NBA_ASSERT((bits >> 52 & 0x7ff) != 0x7ff);
    if (has_room(w, sizeof(bits))) {
        for (unsigned i = 0; i < sizeof(bits); i++) {
            w->next[i] = (unsigned char)(bits >> (8 * i));
        }
        w->next += sizeof(bits);
    }
}

static inline struct nba_str load_str(const unsigned char *src)
{
    struct nba_str text;
    memcpy(&text, src, sizeof(text));
    return text;
}

static inline uint32_t load_u32(const unsigned char *src)
{
    uint32_t value = 0;
    memcpy(&value, src, sizeof(value));
    return value;
}

static inline int64_t load_i64(const unsigned char *src)
{
    int64_t value = 0;
    memcpy(&value, src, sizeof(value));
    return value;
}

static const char *load_cstr(const unsigned char *src)
{
    const char *text = NULL;
    memcpy(&text, src, sizeof(text));
    return text;
}

static uint32_t load_word(const struct nba_plan_leaf *leaf, const unsigned char *src)
{
    const struct nba_binding *b = leaf->binding;
    const uint32_t value = b->bytes == 1 ? *src : load_u32(src);
    return b->derive != NULL ? b->derive(value) : value;
}

static inline void put_leaf(struct writer *w, const struct nba_plan_leaf *leaf,
                            const unsigned char *src, uint32_t count)
{
    switch (leaf->kind) {
    case NBA_BIND_ID:
    case NBA_BIND_TEXT:
        put_text(w, load_str(src), leaf->limit);
        return;
    case NBA_BIND_BLOB: {
        const struct nba_str blob = load_str(src);
        put_sized(w, blob.data, blob.bytes);
        return;
    }
    case NBA_BIND_CSTR:
        put_text(w, nba_str_of(load_cstr(src)), leaf->limit);
        return;
    case NBA_BIND_OCTETS: {
        const void *data = load_cstr(src);
        put_sized(w, data, count);
        return;
    }
    case NBA_BIND_BOOL:
        put_byte(w, *src != 0 ? 1 : 0);
        return;
    case NBA_BIND_INT:
        put_long(w, (int32_t)load_u32(src));
        return;
    case NBA_BIND_LONG:
    case NBA_BIND_TIME:
        put_long(w, load_i64(src));
        return;
    case NBA_BIND_DOUBLE:
        put_double(w, src);
        return;
    case NBA_BIND_WORD: {
        const uint32_t value = load_word(leaf, src);
        NBA_ASSERT(value < leaf->binding->words->count && leaf->symbols[value] != UINT32_MAX);
        put_long(w, leaf->symbols[value]);
        return;
    }
    case NBA_BIND_RECORD:
    case NBA_BIND_POINTER:
    case NBA_BIND_ARRAY:
    case NBA_BIND_IN_PLACE:
    case NBA_BIND_MAP:
    case NBA_BIND_SLOTS:
        break;
    }
    NBA_ASSERT(leaf->kind < NBA_BIND_RECORD); /* a collection is no leaf */
}

/* Is it the absent value of its kind? */
static bool naturally_absent(const struct nba_plan_leaf *leaf, const unsigned char *src,
                             uint32_t count)
{
    switch (leaf->kind) {
    case NBA_BIND_ID:
    case NBA_BIND_TEXT:
    case NBA_BIND_BLOB:
        return load_str(src).bytes == 0;
    case NBA_BIND_CSTR:
        return load_cstr(src) == NULL;
    case NBA_BIND_TIME:
        return load_i64(src) == NBA_TIME_NONE;
    case NBA_BIND_LONG:
        return load_i64(src) == 0;
    case NBA_BIND_DOUBLE: {
        double value = 0;
        memcpy(&value, src, sizeof(value));
        return value == 0;
    }
    case NBA_BIND_INT:
        return load_u32(src) == 0;
    case NBA_BIND_WORD:
        return load_word(leaf, src) == 0;
    case NBA_BIND_BOOL:
        return *src == 0;
    case NBA_BIND_OCTETS:
    case NBA_BIND_RECORD:
    case NBA_BIND_POINTER:
    case NBA_BIND_ARRAY:
    case NBA_BIND_IN_PLACE:
    case NBA_BIND_MAP:
    case NBA_BIND_SLOTS:
        break;
    }
    return count == 0;
}

/* `base` is the struct that the presence stands in. */
static bool is_present(const struct nba_binding *b, const unsigned char *base)
{
    switch (b->presence) {
    case NBA_PRESENT_BOOL:
        return base[b->presence_offset] != 0;
    case NBA_PRESENT_TEXT:
        return load_str(base + b->presence_offset).bytes != 0;
    case NBA_PRESENT_WORD:
        return load_u32(base + b->presence_offset) == b->presence_value;
    case NBA_PRESENT_NATURAL:
        break;
    }
    return true;
}

/* The union's index in front of an optional value; false: it was null, and that is all. */
static inline bool put_presence(struct writer *w, const struct nba_plan_op *op, uint32_t count)
{
    const struct nba_plan_leaf *leaf = &op->leaf;
    if (!leaf->optional) {
        return true;
    }
    const bool present =
        leaf->binding->presence == NBA_PRESENT_NATURAL
            ? op->code != NBA_PLAN_LEAF ? count != 0
                                        : !naturally_absent(leaf, w->src + op->offset, count)
            : is_present(leaf->binding, w->src + op->offset - leaf->binding->offset);
    put_byte(w, present ? leaf->value_byte : leaf->null_byte);
    return present;
}

static const unsigned char *load_items(const struct writer *w, const struct nba_plan_op *op)
{
    const void *items = NULL;
    memcpy(&items, w->src + op->offset, sizeof(items));
    return items;
}

static void put_leaves(struct writer *w, const struct nba_plan_op *op)
{
    const uint32_t count = load_u32(w->src + op->count_offset);
    if (!put_presence(w, op, count)) {
        return;
    }
    if (count > NBA_ITEMS_MAX) {
        w->failed = true;
        return;
    }
    const unsigned char *items = load_items(w, op);
    if (count != 0) {
        put_long(w, count);
    }
    for (uint32_t i = 0; i < count; i++) {
        put_leaf(w, &op->leaf, items + (size_t)i * op->item_bytes, 0);
    }
    put_byte(w, 0);
}

static struct nba_str load_key(const struct nba_plan_op *op, const unsigned char *item)
{
    return op->key.kind == NBA_BIND_CSTR ? nba_str_of(load_cstr(item + op->key_offset))
                                         : load_str(item + op->key_offset);
}

/* By insertion: maps of ours are short and mostly in order already; equal keys keep theirs. */
static void put_map(struct writer *w, const struct nba_plan_op *op)
{
    uint16_t order[NBA_ITEMS_MAX];
    const uint32_t count = load_u32(w->src + op->count_offset);
    if (!put_presence(w, op, count)) {
        return;
    }
    if (count > NBA_ITEMS_MAX) {
        w->failed = true;
        return;
    }
    const unsigned char *items = load_items(w, op);
    for (uint32_t i = 0; i < count; i++) {
        const struct nba_str key = load_key(op, items + (size_t)i * op->item_bytes);
        uint32_t at = i;
        while (at > 0 &&
               nba_str_compare(load_key(op, items + (size_t)order[at - 1] * op->item_bytes), key) >
                   0) {
            order[at] = order[at - 1];
            at--;
        }
        order[at] = (uint16_t)i;
    }
    if (count != 0) {
        put_long(w, count);
    }
    for (uint32_t i = 0; i < count; i++) {
        const unsigned char *item = items + (size_t)order[i] * op->item_bytes;
        put_text(w, load_key(op, item), op->key.limit);
        put_leaf(w, &op->leaf, item + op->value_offset, 0);
    }
    put_byte(w, 0);
}

static bool slot_present(const struct writer *w, const struct nba_plan_op *op, uint32_t value)
{
    const struct nba_binding *b = op->leaf.binding;
    if (b->presence == NBA_PRESENT_BOOL) {
        const unsigned char *base = w->src + op->offset - b->offset;
        return base[b->presence_offset + value] != 0;
    }
    const unsigned char *slot = w->src + op->offset + (size_t)value * op->item_bytes;
    for (uint32_t i = 0; i < op->item_bytes; i++) {
        if (slot[i] != 0) {
            return true;
        }
    }
    return false;
}

static void put_slots(struct writer *w, const struct nba_plan_op *op)
{
    const struct nba_binding *b = op->leaf.binding;
    struct nba_plan_leaf leaf = op->leaf;
    leaf.binding = &b->record->fields[0];
    uint32_t count = 0;
    for (uint32_t i = 0; i < op->order_count; i++) {
        count += slot_present(w, op, op->order[i]);
    }
    if (count != 0) {
        put_long(w, count);
    }
    for (uint32_t i = 0; i < op->order_count; i++) {
        if (slot_present(w, op, op->order[i])) {
            const char *word = b->words->name(op->order[i]);
            put_sized(w, word, strlen(word));
            put_leaf(w, &leaf, w->src + op->offset + (size_t)op->order[i] * op->item_bytes, 0);
        }
    }
    put_byte(w, 0);
}

static struct frame *push(struct writer *w, const unsigned char *src)
{
    NBA_ASSERT(w->frame_count < sizeof(w->frames) / sizeof(w->frames[0]));
    struct frame *f = &w->frames[w->frame_count++];
    *f = (struct frame){.outer = w->src, .item = src};
    w->src = src;
    return f;
}

/* Opens an array of records; false: it is null or empty, and written. */
static bool open_loop(struct writer *w, const struct nba_plan_op *op)
{
    const uint32_t count = load_u32(w->src + op->count_offset);
    const bool in_place = op->leaf.binding->kind == NBA_BIND_IN_PLACE;
    if (!put_presence(w, op, count)) {
        return false;
    }
    if (count > (in_place ? op->leaf.binding->capacity : NBA_ITEMS_MAX)) {
        w->failed = true;
        return false;
    }
    if (count == 0) {
        put_byte(w, 0);
        return false;
    }
    put_long(w, count);
    struct frame *f = push(w, in_place ? w->src + op->offset : load_items(w, op));
    f->left = count;
    f->item_bytes = op->item_bytes;
    return true;
}

/* On to the next item; false: that was the last. */
static bool next_item(struct writer *w)
{
    struct frame *f = &w->frames[w->frame_count - 1];
    f->left--;
    if (f->left != 0) {
        f->item += f->item_bytes;
        w->src = f->item;
        return true;
    }
    put_byte(w, 0);
    w->src = f->outer;
    w->frame_count--;
    return false;
}

/* Into a record; false: it is absent, and written so. */
static bool open_record(struct writer *w, const struct nba_plan_op *op)
{
    const unsigned char *record = op->code == NBA_PLAN_POINTER ? load_items(w, op) : w->src;
    if (!put_presence(w, op, record != NULL)) {
        return false;
    }
    if (op->code == NBA_PLAN_POINTER) {
        NBA_ASSERT(record != NULL);
        (void)push(w, record);
    }
    return true;
}

/* Returns the operation that follows. */
static const struct nba_plan_op *write_one(struct writer *w, const struct nba_plan *plan,
                                           const struct nba_plan_op *op)
{
    switch (op->code) {
    case NBA_PLAN_LEAF: {
        const uint32_t count =
            op->leaf.kind == NBA_BIND_OCTETS ? load_u32(w->src + op->count_offset) : 0;
        if (put_presence(w, op, count)) {
            put_leaf(w, &op->leaf, w->src + op->offset, count);
        }
        break;
    }
    case NBA_PLAN_CONST:
        if (has_room(w, op->constant.bytes)) {
            memcpy(w->next, op->constant.data, op->constant.bytes);
            w->next += op->constant.bytes;
        }
        break;
    case NBA_PLAN_LEAVES:
        put_leaves(w, op);
        break;
    case NBA_PLAN_MAP:
        put_map(w, op);
        break;
    case NBA_PLAN_SLOTS:
        put_slots(w, op);
        break;
    case NBA_PLAN_GROUP:
    case NBA_PLAN_POINTER:
        return open_record(w, op) ? op + 1 : plan->ops + op->behind;
    case NBA_PLAN_LEAVE:
        w->src = w->frames[--w->frame_count].outer;
        break;
    case NBA_PLAN_LOOP:
        return open_loop(w, op) ? op + 1 : plan->ops + op->behind;
    case NBA_PLAN_NEXT:
        return next_item(w) ? plan->ops + op->behind : op + 1;
    case NBA_PLAN_END:
        break;
    }
    return op + 1;
}

void nba_plan_write(const struct nba_plan *plan, const void *record, struct nba_buf *buf)
{
    NBA_ASSERT(plan != NULL && record != NULL && buf != NULL);
    if (buf->failed) {
        return;
    }
    const size_t bytes_before = buf->bytes;
    struct writer w;
    w.buf = buf;
    w.next = NULL;
    w.end = NULL;
    w.failed = false;
    w.src = record;
    w.frame_count = 0;
    const struct nba_plan_op *op = plan->ops;
    while (op->code != NBA_PLAN_END && !w.failed) {
        op = write_one(&w, plan, op);
    }
    if (w.failed) {
        buf->failed = true;
        buf->bytes = bytes_before;
    } else if (w.next != NULL) {
        buf->bytes = (size_t)(w.next - buf->data);
    }
}
