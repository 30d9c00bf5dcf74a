/* Reading bytes by a program.  The recursion follows the program, which is as deep as schemas. */
#include <math.h>
#include <string.h>

#include "machine_internal.h"
#include "nba/base/assert.h"
#include "program_internal.h"

/* ---- bytes into values --------------------------------------------------------------------- */

const unsigned char *nba_machine_stop(struct nba_machine *m, const char *name,
                                      enum nba_status status, const char *what)
{
    m->status = nba_error_set(m->error, status, "%s: %s", name, what);
    return NULL;
}

const unsigned char *nba_machine_stop_number(struct nba_machine *m, const char *name,
                                             enum nba_status status, const char *what,
                                             uint64_t number)
{
    m->status =
        nba_error_set(m->error, status, "%s: %s (%llu)", name, what, (unsigned long long)number);
    return NULL;
}

const unsigned char *nba_machine_varint_slow(struct nba_machine *m, const char *name,
                                             const unsigned char *p, uint64_t *ret_value)
{
    uint64_t value = 0;
    /* Up to eight bytes at once: the highest bit of the last one is 0. */
    if (m->end - p >= 8) {
        memcpy(&value, p, sizeof(value));
        const uint64_t stops = ~value & UINT64_C(0x8080808080808080);
        if (stops != 0) {
            value &= (stops ^ (stops - 1)) & UINT64_C(0x7f7f7f7f7f7f7f7f);
            value = (value & UINT64_C(0x007f007f007f007f)) |
                    (value & UINT64_C(0x7f007f007f007f00)) >> 1;
            value = (value & UINT64_C(0x00003fff00003fff)) |
                    (value & UINT64_C(0x3fff00003fff0000)) >> 2;
            *ret_value =
                (value & UINT64_C(0x0fffffff)) | (value & UINT64_C(0x0fffffff00000000)) >> 4;
            return p + __builtin_ctzll(stops) / 8 + 1;
        }
        value = 0;
    }
    for (unsigned shift = 0; shift < 70; shift += 7) {
        if (p == m->end) {
            return nba_machine_stop(m, name, NBA_E_TRUNCATED, "the value ends inside a number");
        }
        const uint64_t byte = *p++;
        if (shift == 63 && byte > 1) {
            break;
        }
        value |= (byte & 0x7f) << shift;
        if (byte < 0x80) {
            *ret_value = value;
            return p;
        }
    }
    return nba_machine_stop(m, name, NBA_E_NOT_AVRO, "a number of more than 64 bits");
}

const unsigned char *nba_machine_string_slow(struct nba_machine *m, const char *name,
                                             const unsigned char *p, size_t limit,
                                             struct nba_str *ret_text)
{
    const unsigned char *data = p;
    p = nba_machine_sized(m, name, p, &data);
    if (p == NULL) {
        return NULL;
    }
    const size_t length = (size_t)(p - data);
    if (length > limit) {
        return nba_machine_stop_number(m, name, NBA_E_LIMIT, "a text above its limit", length);
    }
    if (!nba_utf8_is_valid(data, length)) {
        return nba_machine_stop(m, name, NBA_E_BAD_UTF8, "not UTF-8");
    }
    *ret_text = nba_str((const char *)data, length);
    return p;
}

const unsigned char *nba_machine_bool(struct nba_machine *m, const char *name,
                                      const unsigned char *p, bool *ret_value)
{
    if (p == m->end) {
        return nba_machine_stop(m, name, NBA_E_TRUNCATED, "the value ends before a boolean");
    }
    if (*p > 1) {
        return nba_machine_stop_number(m, name, NBA_E_NOT_AVRO, "a boolean that is neither 0 nor 1",
                                       *p);
    }
    *ret_value = *p == 1;
    return p + 1;
}

/* A negative count is followed by the block's length in bytes, which a reader that reads the items
 * doesn't need. */
const unsigned char *nba_machine_block_slow(struct nba_machine *m, const char *name,
                                            const unsigned char *p, uint32_t bytes_min,
                                            uint64_t *ret_count)
{
    uint64_t raw = 0;
    p = nba_machine_varint(m, name, p, &raw);
    if (p == NULL) {
        return NULL;
    }
    const int64_t count = nba_machine_zigzag(raw);
    const uint64_t items = count < 0 ? -(uint64_t)count : (uint64_t)count;
    if (count < 0) {
        p = nba_machine_varint(m, name, p, &raw);
        if (p == NULL) {
            return NULL;
        }
        if ((raw & 1) != 0) {
            return nba_machine_stop(m, name, NBA_E_NOT_AVRO, "a block of negative length");
        }
        if (nba_machine_take(m, name, p, raw >> 1) == NULL) {
            return NULL;
        }
    }
    const uint64_t left = (uint64_t)(m->end - p); /* below 2^40, as bytes_min is below 2^24 */
    if (bytes_min != 0 && (items > left || items * bytes_min > left)) {
        return nba_machine_stop_number(m, name, NBA_E_TRUNCATED,
                                       "more items than the bytes left can hold", items);
    }
    *ret_count = items;
    return p;
}

/* ---- what nobody wants --------------------------------------------------------------------- */

/* NOLINTBEGIN(misc-no-recursion): bounded by nba_machine_enter; what takes no bytes is not entered,
 * so that the work is linear in the bytes */

static const unsigned char *skip(struct nba_machine *m, const char *name,
                                 const struct nba_avro_type *type, const unsigned char *p)
{
    uint64_t count = 0;
    uint32_t index = 0;
    const unsigned char *data = NULL;
    switch (type->kind) {
    case NBA_AVRO_INT:
    case NBA_AVRO_LONG:
    case NBA_AVRO_ENUM:
        return nba_machine_varint(m, name, p, &count);
    case NBA_AVRO_NULL:
    case NBA_AVRO_BOOLEAN:
    case NBA_AVRO_FLOAT:
    case NBA_AVRO_DOUBLE:
    case NBA_AVRO_FIXED:
        return nba_machine_take(m, name, p, type->bytes_min);
    case NBA_AVRO_BYTES:
    case NBA_AVRO_STRING:
        return nba_machine_sized(m, name, p, &data);
    case NBA_AVRO_ARRAY:
    case NBA_AVRO_MAP:
        do {
            p = nba_machine_block(m, name, p, nba_item_bytes_min(type), &count);
            for (uint64_t i = 0; p != NULL && i < count && nba_item_bytes_min(type) != 0; i++) {
                p = type->kind == NBA_AVRO_MAP ? nba_machine_sized(m, name, p, &data) : p;
                p = p != NULL ? skip(m, name, type->items, p) : NULL;
            }
        } while (p != NULL && count != 0);
        return p;
    case NBA_AVRO_UNION:
        p = nba_machine_index(m, name, p, type->branch_count, &index);
        return p != NULL ? skip(m, name, type->branches[index], p) : NULL;
    case NBA_AVRO_RECORD:
        break;
    }
    if (!nba_machine_enter(m, name)) {
        return NULL;
    }
    for (uint32_t i = 0; p != NULL && i < type->field_count && type->bytes_min != 0; i++) {
        p = skip(m, name, type->fields[i].type, p);
    }
    m->depth--;
    return p;
}

/* ---- operations ---------------------------------------------------------------------------- */

/* A list of operations over the struct at `dst`. */
static const unsigned char *run_list(struct nba_machine *m, const struct nba_op *op,
                                     const unsigned char *p, unsigned char *dst);

static inline const unsigned char *run_string(struct nba_machine *m, const struct nba_op *op,
                                              const unsigned char *p, unsigned char *dst)
{
    struct nba_str text = {0};
    p = nba_machine_string(m, op->name, p, op->a, &text);
    memcpy(dst + op->offset, &text, sizeof(text));
    return p;
}

struct items {
    unsigned char *data;
    uint32_t count;
    uint32_t capacity;
};

/* Room for `more` items behind those that are there; grows by doubling, so that many small blocks
 * cost no more than twice their items. */
static bool reserve(struct nba_machine *m, const struct nba_op *op, struct items *items,
                    uint64_t more)
{
    const bool in_place = op->binding->kind == NBA_BIND_IN_PLACE;
    const uint32_t most = in_place ? op->binding->capacity : NBA_ITEMS_MAX;
    if (more > most || items->count + more > most) {
        return nba_machine_stop_number(m, op->name, NBA_E_LIMIT, "more items than the limit",
                                       items->count + more) != NULL;
    }
    const uint32_t needed = items->count + (uint32_t)more;
    if (in_place || needed <= items->capacity) {
        return true;
    }
    const size_t bytes = op->binding->record->bytes;
    const uint32_t capacity = needed > 2 * items->capacity ? needed : 2 * items->capacity;
    unsigned char *data = nba_arena_take(m->arena, capacity * bytes);
    if (data == NULL) {
        return nba_machine_stop(m, op->name, NBA_E_NO_MEMORY, "the arena is full") != NULL;
    }
    if (items->count != 0) {
        memcpy(data, items->data, items->count * bytes);
    }
    items->data = data;
    items->capacity = capacity;
    return true;
}

static const unsigned char *run_loop(struct nba_machine *m, const struct nba_op *op,
                                     const unsigned char *p, unsigned char *dst)
{
    const size_t bytes = op->binding->record->bytes;
    const bool in_place = op->binding->kind == NBA_BIND_IN_PLACE;
    /* Plain texts are the commonest items: they go without image and list. */
    const bool texts = bytes == sizeof(struct nba_str) && op->body->code == NBA_OP_STRING &&
                       op->body->null_first == 0;
    struct items items = {.data = in_place ? dst + op->offset : NULL};
    uint64_t left = 0;
    if (!nba_machine_enter(m, op->name)) {
        return NULL;
    }
    do {
        p = nba_machine_block(m, op->name, p, op->a, &left);
        if (p == NULL || (left != 0 && !reserve(m, op, &items, left))) {
            return NULL;
        }
        for (uint64_t i = 0; p != NULL && i < left; i++) {
            unsigned char *item = items.data + items.count++ * bytes;
            if (texts) {
                p = run_string(m, op->body, p, item);
                continue;
            }
            memcpy(item, op->of.image, bytes);
            p = run_list(m, op->body, p, item);
        }
    } while (p != NULL && left != 0);
    if (!in_place) {
        memcpy(dst + op->offset, &items.data, sizeof(items.data));
    }
    memcpy(dst + nba_op_count_offset(op), &items.count, sizeof(items.count));
    m->depth--;
    return p;
}

/* The place of the word in the struct at `dst`, or NULL for a word we don't know. */
static unsigned char *find_slot(const struct nba_op *op, struct nba_str key, unsigned char *dst)
{
    const struct nba_binding *b = op->binding;
    const size_t value = nba_str_find(key, b->words->names, b->words->count);
    if (value == b->words->count) {
        return NULL;
    }
    if (b->presence == NBA_PRESENT_BOOL) {
        dst[op->offset - b->offset + b->presence_offset + value] = true;
    }
    return dst + op->offset + value * b->record->bytes;
}

static const unsigned char *run_slots(struct nba_machine *m, const struct nba_op *op,
                                      const unsigned char *p, unsigned char *dst)
{
    uint64_t left = 0;
    do {
        p = nba_machine_block(m, op->name, p, op->a, &left);
        if (p != NULL && left > NBA_ITEMS_MAX) {
            return nba_machine_stop_number(m, op->name, NBA_E_LIMIT, "more items than the limit",
                                           left);
        }
        for (uint64_t i = 0; p != NULL && i < left; i++) {
            uint64_t unread = 0;
            struct nba_str key = {0};
            p = nba_machine_string(m, op->name, p, NBA_ID_BYTES_MAX, &key);
            unsigned char *slot = p != NULL ? find_slot(op, key, dst) : NULL;
            p = p != NULL ? run_list(m, op->body, p, slot != NULL ? slot : (void *)&unread) : NULL;
        }
    } while (p != NULL && left != 0);
    return p;
}

static const unsigned char *run_pointer(struct nba_machine *m, const struct nba_op *op,
                                        const unsigned char *p, unsigned char *dst)
{
    const size_t bytes = op->binding->record->bytes;
    unsigned char *record = nba_arena_take(m->arena, bytes);
    if (record == NULL) {
        return nba_machine_stop(m, op->name, NBA_E_NO_MEMORY, "the arena is full");
    }
    if (!nba_machine_enter(m, op->name)) {
        return NULL;
    }
    memcpy(record, op->of.image, bytes);
    memcpy(dst + op->offset, &record, sizeof(record));
    p = run_list(m, op->body, p, record);
    m->depth--;
    return p;
}

/* Reads the text of a default in place of the value. */
static const unsigned char *run_constant(struct nba_machine *m, const struct nba_op *op,
                                         const unsigned char *p, unsigned char *dst)
{
    const unsigned char *end = m->end;
    const unsigned char *text = (const unsigned char *)op->of.text->data;
    m->end = text + op->of.text->bytes;
    text = run_list(m, op->body, text, dst);
    m->end = end;
    return text != NULL ? p : NULL;
}

/* A number of another kind than the member's. */
static const unsigned char *run_real(struct nba_machine *m, const struct nba_op *op,
                                     const unsigned char *p, unsigned char *dst)
{
    int64_t value = 0;
    double real = 0;
    float narrow = 0;
    if (op->a == NBA_AVRO_INT || op->a == NBA_AVRO_LONG) {
        uint64_t raw = 0;
        p = op->a == NBA_AVRO_INT ? nba_machine_int(m, op->name, p, &value)
                                  : nba_machine_varint(m, op->name, p, &raw);
        value = op->a == NBA_AVRO_INT ? value : nba_machine_zigzag(raw);
        real = (double)value;
        narrow = (float)value;
    } else {
        p = nba_machine_finite(m, op->name, p, op->a == NBA_AVRO_FLOAT ? 4 : 8, &real);
        narrow = (float)real;
    }
    if (op->binding->kind == NBA_BIND_FLOAT) {
        memcpy(dst + op->offset, &narrow, sizeof(narrow));
    } else {
        memcpy(dst + op->offset, &real, sizeof(real));
    }
    return p;
}

/* Operations that events seldom need, and those with parts. */
static const unsigned char *run_rare(struct nba_machine *m, const struct nba_op *op,
                                     const unsigned char *p, unsigned char *dst)
{
    uint32_t index = 0;
    int64_t value = 0;
    const unsigned char *data = p;
    struct nba_str blob = {0};
    switch ((int)op->code) {
    case NBA_OP_INT_AS_LONG:
        p = nba_machine_int(m, op->name, p, &value);
        memcpy(dst + op->offset, &value, sizeof(value));
        return p;
    case NBA_OP_BOOL:
        return nba_machine_bool(m, op->name, p, (bool *)(dst + op->offset));
    case NBA_OP_BLOB:
    case NBA_OP_FIXED:
        p = op->code == NBA_OP_BLOB ? nba_machine_sized(m, op->name, p, &data)
                                    : nba_machine_take(m, op->name, p, op->a);
        blob = nba_str((const char *)data, p != NULL ? (size_t)(p - data) : 0);
        memcpy(dst + op->offset, &blob, sizeof(blob));
        return p;
    case NBA_OP_SKIP:
        return skip(m, op->name, op->of.type, p);
    case NBA_OP_BLOCK:
        return run_list(m, op->body, p, dst);
    case NBA_OP_NOTHING:
        return p;
    case NBA_OP_FAIL:
        m->status = nba_error_set(m->error, NBA_E_SCHEMA_INCOMPATIBLE, "%s", op->of.text->data);
        return NULL;
    case NBA_OP_UNION:
        p = nba_machine_index(m, op->name, p, op->a, &index);
        return p != NULL ? run_list(m, &op->body[2 * (size_t)index], p, dst) : NULL;
    case NBA_OP_POINTER:
        return run_pointer(m, op, p, dst);
    case NBA_OP_SLOTS:
        return run_slots(m, op, p, dst);
    case NBA_OP_CONSTANT:
        return run_constant(m, op, p, dst);
    default:
        NBA_ASSERT(op->code == NBA_OP_SET);
        dst[op->offset] = op->a != 0;
        return p;
    }
}

static const unsigned char *run_list(struct nba_machine *m, const struct nba_op *op,
                                     const unsigned char *p, unsigned char *dst)
{
    for (; p != NULL; op++) {
        unsigned char *at = dst + op->offset;
        uint64_t raw = 0;
        int64_t value = 0;
        uint32_t index = 0;
        int32_t word = 0;
        double real = 0;
        if (op->null_first != 0) {
            p = nba_machine_index(m, op->name, p, 2, &index);
            if (p == NULL || index == op->null_first - 1u) {
                continue;
            }
        }
        switch (op->code) {
        case NBA_OP_END:
            return p;
        case NBA_OP_STRING:
            p = run_string(m, op, p, dst);
            continue;
        case NBA_OP_WORD:
        case NBA_OP_WORD8:
            p = nba_machine_index(m, op->name, p, op->a, &index);
            word = p != NULL ? op->of.table[index] : 0;
            if (word == NBA_NO_WORD) {
                return nba_machine_stop_number(m, op->name, NBA_E_SCHEMA_INCOMPATIBLE,
                                               "a symbol that we don't have, and no default for it",
                                               index);
            }
            if (op->code == NBA_OP_WORD) {
                memcpy(at, &word, sizeof(word));
            } else {
                *at = (unsigned char)word;
            }
            continue;
        case NBA_OP_LONG:
            p = nba_machine_varint(m, op->name, p, &raw);
            value = nba_machine_zigzag(raw);
            memcpy(at, &value, sizeof(value));
            continue;
        case NBA_OP_INT:
            p = nba_machine_int(m, op->name, p, &value);
            word = (int32_t)value;
            memcpy(at, &word, sizeof(word));
            continue;
        case NBA_OP_DOUBLE:
            p = nba_machine_finite(m, op->name, p, sizeof(real), &real);
            memcpy(at, &real, sizeof(real));
            continue;
        case NBA_OP_REAL:
            p = run_real(m, op, p, dst);
            continue;
        case NBA_OP_LOOP:
            p = run_loop(m, op, p, dst);
            continue;
        default:
            p = run_rare(m, op, p, dst);
        }
    }
    return NULL;
}

/* NOLINTEND(misc-no-recursion) */

enum nba_status nba_program_run_ops(const struct nba_op *ops, struct nba_cursor *cursor,
                                    struct nba_arena *arena, void *record, struct nba_error *error)
{
    NBA_ASSERT(ops != NULL && cursor != NULL && record != NULL);
    static const unsigned char nothing[1] = {0};
    struct nba_machine m = {.end = cursor->end, .arena = arena, .error = error};
    const unsigned char *p = cursor->next;
    if (p == NULL) {
        p = nothing;
        m.end = nothing;
    }
    p = run_list(&m, ops, p, record);
    if (p != NULL) {
        cursor->next = p;
    }
    return m.status;
}

enum nba_status nba_program_run(const struct nba_program *program, struct nba_cursor *cursor,
                                struct nba_arena *arena, void *record, struct nba_error *error)
{
    const struct nba_op *root = program->root;
    memcpy(record, program->image, program->image_bytes);
    return nba_program_run_ops(root->code == NBA_OP_BLOCK && root->null_first == 0 ? root->body
                                                                                   : root,
                               cursor, arena, record, error);
}
