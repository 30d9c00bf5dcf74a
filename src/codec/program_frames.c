/* Collections, records behind pointers, unions and defaults: whatever moves the machine. */
#include <string.h>

#include "machine_internal.h"
#include "nba/base/assert.h"

static const char *field_name(const struct nba_machine *m)
{
    return m->program->names[m->op - 1 - m->program->ops];
}

const unsigned char *nba_machine_stop(struct nba_machine *m, enum nba_status status,
                                      const char *what)
{
    m->status = nba_error_set(m->error, status, "%s: %s", field_name(m), what);
    return NULL;
}

const unsigned char *nba_machine_stop_number(struct nba_machine *m, enum nba_status status,
                                             const char *what, uint64_t number)
{
    m->status = nba_error_set(m->error, status, "%s: %s (%llu)", field_name(m), what,
                              (unsigned long long)number);
    return NULL;
}

const unsigned char *nba_machine_varint_slow(struct nba_machine *m, const unsigned char *p,
                                             uint64_t *ret_value)
{
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 70; shift += 7) {
        if (p == m->end) {
            return nba_machine_stop(m, NBA_E_TRUNCATED, "the value ends inside a number");
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
    return nba_machine_stop(m, NBA_E_NOT_AVRO, "a number of more than 64 bits");
}

/*
 * A block's header: how many items follow, 0 at the end of the collection.  A negative count is
 * followed by the block's length in bytes, which a reader that reads the items doesn't need.
 */
static const unsigned char *block_header(struct nba_machine *m, const unsigned char *p,
                                         uint32_t wire_bytes_min, uint64_t *ret_count)
{
    uint64_t raw = 0;
    p = nba_machine_varint(m, p, &raw);
    if (p == NULL) {
        return NULL;
    }
    const int64_t count = nba_machine_zigzag(raw);
    const uint64_t items = count < 0 ? -(uint64_t)count : (uint64_t)count;
    if (count < 0) {
        p = nba_machine_varint(m, p, &raw);
        if (p == NULL) {
            return NULL;
        }
        if ((raw & 1) != 0) {
            return nba_machine_stop(m, NBA_E_NOT_AVRO, "a block of negative length");
        }
        if (raw >> 1 > (uint64_t)(m->end - p)) {
            return nba_machine_stop_number(m, NBA_E_TRUNCATED, "a block longer than the bytes left",
                                           raw >> 1);
        }
    }
    NBA_ASSERT(wire_bytes_min > 0);
    if (items > (uint64_t)(m->end - p) / wire_bytes_min) {
        return nba_machine_stop_number(m, NBA_E_TRUNCATED,
                                       "more items than the bytes left can hold", items);
    }
    *ret_count = items;
    return p;
}

/* Room for `more` items behind those that are there; grows by doubling, so that many small blocks
 * cost no more than twice their items. */
static bool reserve(struct nba_machine *m, struct nba_frame *f, uint64_t more, uint32_t item_bytes)
{
    if (more > NBA_ITEMS_MAX || f->count + more > NBA_ITEMS_MAX) {
        (void)nba_machine_stop_number(m, NBA_E_LIMIT, "more items than the limit", f->count + more);
        return false;
    }
    const uint32_t needed = f->count + (uint32_t)more;
    if (needed <= f->capacity) {
        return true;
    }
    const uint32_t capacity = needed > 2 * f->capacity ? needed : 2 * f->capacity;
    unsigned char *items = nba_arena_zeros(m->arena, capacity, item_bytes);
    if (items == NULL) {
        (void)nba_machine_stop(m, NBA_E_NO_MEMORY, "the arena is full");
        return false;
    }
    if (f->count != 0) {
        memcpy(items, f->items, (size_t)f->count * item_bytes);
    }
    f->items = items;
    f->capacity = capacity;
    return true;
}

const unsigned char *nba_machine_strings(struct nba_machine *m, const struct nba_op *op,
                                         const unsigned char *p)
{
    struct nba_frame f = {0};
    for (;;) {
        uint64_t left = 0;
        p = block_header(m, p, 1, &left);
        if (p == NULL) {
            return NULL;
        }
        if (left == 0) {
            break;
        }
        if (!reserve(m, &f, left, sizeof(struct nba_str))) {
            return NULL;
        }
        struct nba_str *items = (struct nba_str *)(void *)f.items;
        for (; left > 0; left--) {
            p = nba_machine_string(m, p, &items[f.count], op->a);
            if (p == NULL) {
                return NULL;
            }
            f.count++;
        }
    }
    memcpy(m->dst + op->offset, &f.items, sizeof(f.items));
    memcpy(m->dst + op->b, &f.count, sizeof(f.count));
    return p;
}

/* ---- frames -------------------------------------------------------------------------------- */

static struct nba_frame *push(struct nba_machine *m)
{
    NBA_ASSERT(m->frame_count < NBA_FRAMES_MAX);
    struct nba_frame *f = &m->frames[m->frame_count++];
    *f = (struct nba_frame){.outer = m->dst};
    return f;
}

/* The place of the loop's next item: dst points to it, made from the image. */
static bool place_item(struct nba_machine *m, struct nba_frame *f, const struct nba_op_shape *shape)
{
    switch (shape->place) {
    case NBA_SHAPE_SKIP:
    case NBA_SHAPE_SLOTS:
        m->dst = f->outer;
        return true;
    case NBA_SHAPE_IN_PLACE:
        if (f->count == shape->capacity) {
            (void)nba_machine_stop_number(m, NBA_E_LIMIT, "more items than the limit",
                                          f->count + 1u);
            return false;
        }
        break;
    case NBA_SHAPE_ARENA:
        break;
    }
    m->dst = f->items + (size_t)f->count * shape->item_bytes;
    memcpy(m->dst, shape->image, shape->item_bytes);
    f->count++;
    return true;
}

/* The loop is over: what was read becomes visible in the struct outside. */
static void close_loop(struct nba_machine *m, struct nba_frame *f, const struct nba_op_shape *shape)
{
    m->dst = f->outer;
    m->frame_count--;
    if (shape->place == NBA_SHAPE_ARENA) {
        memcpy(m->dst + f->loop->offset, &f->items, sizeof(f->items));
    }
    if (shape->place == NBA_SHAPE_ARENA || shape->place == NBA_SHAPE_IN_PLACE) {
        memcpy(m->dst + shape->count_offset, &f->count, sizeof(f->count));
    }
}

/* One step of a loop: the next item, the next block, or the end. */
static const unsigned char *loop_step(struct nba_machine *m, const unsigned char *p)
{
    struct nba_frame *f = &m->frames[m->frame_count - 1];
    const struct nba_op_shape *shape = &m->program->shapes[f->loop->a];
    if (f->block_left == 0) {
        p = block_header(m, p, shape->wire_bytes_min, &f->block_left);
        if (p == NULL) {
            return NULL;
        }
        if (f->block_left == 0) {
            m->op = m->program->ops + f->loop->b;
            close_loop(m, f, shape);
            return p;
        }
        if (shape->place == NBA_SHAPE_ARENA && !reserve(m, f, f->block_left, shape->item_bytes)) {
            return NULL;
        }
        if (shape->place == NBA_SHAPE_SLOTS && f->block_left > NBA_ITEMS_MAX) {
            return nba_machine_stop_number(m, NBA_E_LIMIT, "more items than the limit",
                                           f->block_left);
        }
    }
    f->block_left--;
    m->op = f->loop + 1;
    return place_item(m, f, shape) ? p : NULL;
}

static const unsigned char *open_loop(struct nba_machine *m, const struct nba_op *op,
                                      const unsigned char *p)
{
    struct nba_frame *f = push(m);
    f->loop = op;
    if (m->program->shapes[op->a].place == NBA_SHAPE_IN_PLACE) {
        f->items = m->dst + op->offset;
    }
    return loop_step(m, p);
}

/* The key of a map by words: dst becomes the word's place, or nobody's for a word we don't know. */
static const unsigned char *read_slot(struct nba_machine *m, const struct nba_op *op,
                                      const unsigned char *p)
{
    const struct nba_frame *f = &m->frames[m->frame_count - 1];
    const struct nba_binding *b = m->program->shapes[op->a].slots;
    struct nba_str key = {0};
    p = nba_machine_string(m, p, &key, NBA_ID_BYTES_MAX);
    if (p == NULL) {
        return NULL;
    }
    m->dst = (unsigned char *)&m->unread;
    for (uint32_t i = 0; i < b->words->count; i++) {
        const char *name = b->words->name(i);
        if (name != NULL && nba_str_is(key, name)) {
            m->dst = f->outer + f->loop->offset + (size_t)i * b->record->bytes;
            if (b->presence == NBA_PRESENT_BOOL) {
                /* The presence array lies beside the slots in the same struct. */
                const bool present = true;
                unsigned char *flags = f->outer + f->loop->offset - b->offset;
                memcpy(flags + b->presence_offset + i, &present, sizeof(present));
            }
            break;
        }
    }
    return p;
}

static const unsigned char *enter(struct nba_machine *m, const struct nba_op *op,
                                  const unsigned char *p)
{
    const struct nba_op_shape *shape = &m->program->shapes[op->a];
    unsigned char *record = nba_arena_take(m->arena, shape->item_bytes);
    if (record == NULL) {
        return nba_machine_stop(m, NBA_E_NO_MEMORY, "the arena is full");
    }
    memcpy(record, shape->image, shape->item_bytes);
    memcpy(m->dst + op->offset, &record, sizeof(record));
    (void)push(m);
    m->dst = record;
    return p;
}

static const unsigned char *take_branch(struct nba_machine *m, const struct nba_op *op,
                                        const unsigned char *p)
{
    uint64_t raw = 0;
    p = nba_machine_varint(m, p, &raw);
    if (p == NULL) {
        return NULL;
    }
    if ((raw & 1) != 0 || raw >> 1 >= op->b) {
        return nba_machine_stop_number(m, NBA_E_NOT_AVRO, "a union's index that its schema lacks",
                                       raw >> 1);
    }
    m->op = m->program->ops + m->program->table[op->a + (uint32_t)(raw >> 1)];
    return p;
}

static const unsigned char *open_default(struct nba_machine *m, const struct nba_op *op,
                                         const unsigned char *p)
{
    const struct nba_str bytes = m->program->defaults[op->a];
    m->resume = p;
    m->resume_end = m->end;
    p = (const unsigned char *)bytes.data;
    m->end = p + bytes.bytes;
    return p;
}

const unsigned char *nba_machine_control(struct nba_machine *m, const struct nba_op *op,
                                         const unsigned char *p)
{
    switch ((int)op->code) {
    case NBA_OP_SET: {
        const bool truth = true;
        memcpy(m->dst + op->offset, &truth, sizeof(truth));
        return p;
    }
    case NBA_OP_UNION:
        return take_branch(m, op, p);
    case NBA_OP_JUMP:
        m->op = m->program->ops + op->a;
        return p;
    case NBA_OP_FAIL:
        return nba_machine_stop(m, NBA_E_SCHEMA_INCOMPATIBLE,
                                "a branch of the writer's union without reading");
    case NBA_OP_ENTER:
        return enter(m, op, p);
    case NBA_OP_LEAVE:
        m->dst = m->frames[--m->frame_count].outer;
        return p;
    case NBA_OP_LOOP:
        return open_loop(m, op, p);
    case NBA_OP_NEXT:
        return loop_step(m, p);
    case NBA_OP_SLOT:
        return read_slot(m, op, p);
    case NBA_OP_DEFAULT:
        return open_default(m, op, p);
    default:
        NBA_ASSERT(op->code == NBA_OP_RESUME);
        m->end = m->resume_end;
        return m->resume;
    }
}
