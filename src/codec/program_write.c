/*
 * Writing a struct by a program.
 *
 * Room is taken from the buffer in large pieces and what wasn't used is given back at the end, so
 * that a number costs a store and not a call.
 */
#include <math.h>
#include <string.h>

#include "nba/base/assert.h"
#include "nba/event/event.h"
#include "program_internal.h"

#define PIECE_BYTES      512u
#define VARINT_BYTES_MAX 10u

struct writer {
    struct nba_buf *buf;
    unsigned char *next;
    unsigned char *end;
    bool failed;
};

/* ---- values into bytes --------------------------------------------------------------------- */

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

static inline void put_bytes(struct writer *w, const void *data, size_t bytes)
{
    if (bytes != 0 && has_room(w, bytes)) {
        memcpy(w->next, data, bytes);
        w->next += bytes;
    }
}

static void put_sized(struct writer *w, struct nba_str text, size_t limit)
{
    w->failed = w->failed || text.bytes > limit;
    put_long(w, (int64_t)text.bytes);
    put_bytes(w, text.data, text.bytes);
}

/* ---- members ------------------------------------------------------------------------------- */

#define LOAD(type, name)                                     \
    static inline type load_##name(const unsigned char *src) \
    {                                                        \
        type value;                                          \
        memcpy(&value, src, sizeof(value));                  \
        return value;                                        \
    }
LOAD(struct nba_str, str)
LOAD(uint32_t, u32)
LOAD(int64_t, i64)
LOAD(float, float)
LOAD(double, double)
LOAD(const void *, pointer)

static uint32_t load_word(const struct nba_op *op, const unsigned char *src)
{
    const uint32_t value = op->code == NBA_OP_WORD8 ? *src : load_u32(src);
    return op->binding->derive != NULL ? op->binding->derive(value) : value;
}

static bool slot_is_present(const struct nba_op *op, const unsigned char *src, uint32_t value)
{
    const struct nba_binding *b = op->binding;
    const unsigned char *slot = src + op->offset + value * b->record->bytes;
    uint32_t bytes = (uint32_t)b->record->bytes;
    if (b->presence == NBA_PRESENT_BOOL) {
        slot = src + op->offset - b->offset + b->presence_offset + value;
        bytes = 1;
    }
    while (bytes > 0 && slot[bytes - 1] == 0) {
        bytes--;
    }
    return bytes != 0;
}

/* Is the value not the absent one of its kind? */
static bool is_natural(const struct nba_op *op, const unsigned char *src)
{
    const unsigned char *at = src + op->offset;
    switch ((int)op->code) {
    case NBA_OP_STRING:
    case NBA_OP_BLOB:
    case NBA_OP_FIXED:
        return load_str(at).bytes != 0;
    case NBA_OP_LONG:
        return load_i64(at) != (op->binding->kind == NBA_BIND_TIME ? NBA_TIME_NONE : 0);
    case NBA_OP_DOUBLE:
        return load_double(at) != 0;
    case NBA_OP_REAL:
        return load_float(at) != 0;
    case NBA_OP_INT:
        return load_u32(at) != 0;
    case NBA_OP_WORD:
    case NBA_OP_WORD8:
        return load_word(op, at) != 0;
    case NBA_OP_BOOL:
        return *at != 0;
    case NBA_OP_POINTER:
        return load_pointer(at) != NULL;
    case NBA_OP_LOOP:
        return load_u32(src + nba_op_count_offset(op)) != 0;
    default:
        return true;
    }
}

static bool is_present(const struct nba_op *op, const unsigned char *src)
{
    const struct nba_binding *b = op->binding;
    const unsigned char *base = src + op->offset - b->offset; /* the presence stands in it */
    switch (op->code == NBA_OP_SLOTS ? NBA_PRESENT_NATURAL : b->presence) {
    case NBA_PRESENT_BOOL:
        return base[b->presence_offset] != 0;
    case NBA_PRESENT_NOT:
        return base[b->presence_offset] == 0;
    case NBA_PRESENT_TEXT:
        return load_str(base + b->presence_offset).bytes != 0;
    case NBA_PRESENT_WORD:
        return load_u32(base + b->presence_offset) == b->presence_value;
    case NBA_PRESENT_NATURAL:
        break;
    }
    return is_natural(op, src);
}

/* ---- operations ---------------------------------------------------------------------------- */

/* NOLINTBEGIN(misc-no-recursion): bounded by our own schemas' depth */

static void put_op(struct writer *w, const struct nba_op *op, const unsigned char *src);

static void put_list(struct writer *w, const struct nba_op *op, const unsigned char *src)
{
    for (; op->code != NBA_OP_END && !w->failed; op++) {
        put_op(w, op, src);
    }
}

/* Maps by their keys, by insertion: ours are short and mostly in order already; equal keys keep
 * theirs. */
static void put_map(struct writer *w, const struct nba_op *op, const unsigned char *items,
                    uint32_t count)
{
    uint16_t order[NBA_ITEMS_MAX];
    const size_t bytes = op->binding->record->bytes;
    for (uint32_t i = 0; i < count; i++) {
        const struct nba_str key = load_str(items + i * bytes + op->body->offset);
        uint32_t at = i;
        for (; at > 0; at--) {
            const struct nba_str before =
                load_str(items + order[at - 1] * bytes + op->body->offset);
            if (nba_str_compare(before, key) <= 0) {
                break;
            }
            order[at] = order[at - 1];
        }
        order[at] = (uint16_t)i;
    }
    for (uint32_t i = 0; i < count; i++) {
        put_list(w, op->body, items + order[i] * bytes);
    }
}

static void put_loop(struct writer *w, const struct nba_op *op, const unsigned char *src)
{
    const struct nba_binding *b = op->binding;
    const bool in_place = b->kind == NBA_BIND_IN_PLACE;
    const uint32_t count = load_u32(src + nba_op_count_offset(op));
    const unsigned char *items = in_place ? src + op->offset : load_pointer(src + op->offset);
    if (count > (in_place ? b->capacity : NBA_ITEMS_MAX)) {
        w->failed = true;
        return;
    }
    if (count != 0) {
        put_long(w, count);
    }
    if (b->kind == NBA_BIND_MAP) {
        put_map(w, op, items, count);
    } else {
        for (uint32_t i = 0; i < count; i++) {
            put_list(w, op->body, items + i * b->record->bytes);
        }
    }
    put_byte(w, 0);
}

/* The slots in the order of their words. */
static void put_slots(struct writer *w, const struct nba_op *op, const unsigned char *src)
{
    const struct nba_binding *b = op->binding;
    uint32_t count = 0;
    for (const int32_t *value = op->of.table; *value != NBA_NO_WORD; value++) {
        count += slot_is_present(op, src, (uint32_t)*value);
    }
    if (count != 0) {
        put_long(w, count);
    }
    for (const int32_t *next = op->of.table; *next != NBA_NO_WORD; next++) {
        const uint32_t value = (uint32_t)*next;
        if (slot_is_present(op, src, value)) {
            put_sized(w, nba_str_of(b->words->names[value]), NBA_ID_BYTES_MAX);
            put_list(w, op->body, src + op->offset + value * b->record->bytes);
        }
    }
    put_byte(w, 0);
}

/* The branch that is present, else that of null. */
static void put_union(struct writer *w, const struct nba_op *op, const unsigned char *src)
{
    uint32_t chosen = op->a;
    for (uint32_t i = 0; i < op->a; i++) {
        const struct nba_op *branch = &op->body[2 * (size_t)i];
        if (branch->code == NBA_OP_NOTHING ? chosen == op->a : is_present(branch, src)) {
            chosen = i;
        }
    }
    if (chosen == op->a) {
        w->failed = true;
        return;
    }
    put_long(w, chosen);
    put_op(w, &op->body[2 * (size_t)chosen], src);
}

static void put_op(struct writer *w, const struct nba_op *op, const unsigned char *src)
{
    const unsigned char *at = src + op->offset;
    if (op->null_first != 0) {
        const bool present = is_present(op, src);
        put_byte(w, present == (op->null_first == 1) ? 2 : 0);
        if (!present) {
            return;
        }
    }
    switch ((int)op->code) {
    case NBA_OP_STRING:
        put_sized(w, load_str(at), op->a);
        return;
    case NBA_OP_BLOB:
        put_sized(w, load_str(at), SIZE_MAX);
        return;
    case NBA_OP_FIXED:
        w->failed = w->failed || load_str(at).bytes != op->a;
        put_bytes(w, load_str(at).data, load_str(at).bytes);
        return;
    case NBA_OP_REAL:
        NBA_ASSERT(isfinite(load_float(at)));
        put_bytes(w, at, sizeof(float));
        return;
    case NBA_OP_NOTHING:
        return;
    case NBA_OP_UNION:
        put_union(w, op, src);
        return;
    case NBA_OP_BOOL:
        put_byte(w, *at != 0 ? 1 : 0);
        return;
    case NBA_OP_INT:
        put_long(w, (int32_t)load_u32(at));
        return;
    case NBA_OP_LONG:
        put_long(w, load_i64(at));
        return;
    case NBA_OP_DOUBLE:
        NBA_ASSERT(isfinite(load_double(at)));
        put_bytes(w, at, sizeof(double)); /* little-endian in Avro and on x86-64 */
        return;
    case NBA_OP_WORD:
    case NBA_OP_WORD8: {
        const uint32_t value = load_word(op, at);
        NBA_ASSERT(value < op->a && op->of.table[value] != NBA_NO_WORD);
        put_long(w, op->of.table[value]);
        return;
    }
    case NBA_OP_BLOCK:
        put_list(w, op->body, src);
        return;
    case NBA_OP_POINTER:
        NBA_ASSERT(load_pointer(at) != NULL);
        put_list(w, op->body, load_pointer(at));
        return;
    case NBA_OP_LOOP:
        put_loop(w, op, src);
        return;
    case NBA_OP_SLOTS:
        put_slots(w, op, src);
        return;
    default:
        NBA_ASSERT(op->code == NBA_OP_CONSTANT);
        put_bytes(w, op->of.text->data, op->of.text->bytes);
        return;
    }
}

/* NOLINTEND(misc-no-recursion) */

void nba_program_write(const struct nba_program *program, const void *record, struct nba_buf *buf)
{
    NBA_ASSERT(program != NULL && record != NULL && buf != NULL);
    if (buf->failed) {
        return;
    }
    const size_t bytes_before = buf->bytes;
    struct writer w = {.buf = buf};
    put_list(&w, program->root, record);
    if (w.failed) {
        buf->failed = true;
        buf->bytes = bytes_before;
    } else if (w.next != NULL) {
        buf->bytes = (size_t)(w.next - buf->data);
    }
}
