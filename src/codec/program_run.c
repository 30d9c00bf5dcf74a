/*
 * The machine that runs a program over bytes.
 *
 * `p` is where the reader stands; every helper returns where it stands then, or NULL after it has set
 * the status.  A length is compared with the bytes left before anything else is done with it, and a
 * count with the bytes left and its limit before memory is taken.  Nothing here recurs: loops and
 * records push a frame, and the compiler has made sure that the stack holds them.
 */
#include <string.h>

#include "nba/base/assert.h"
#include "nba/codec/program.h"
#include "program_internal.h"
#include "utf8_internal.h"

struct frame {
    unsigned char *outer; /* dst outside */
    unsigned char *items;
    uint32_t count;
    uint32_t capacity;
    uint64_t block_left; /* items still to come in this block */
    const struct nba_op *loop;
};

struct machine {
    const struct nba_program *program;
    const struct nba_op *op; /* the one after the present one */
    const unsigned char *end;
    unsigned char *dst;
    struct nba_arena *arena;
    struct nba_error *error;
    enum nba_status status;
    uint32_t frame_count;
    const unsigned char *resume; /* of the value, while a default is read */
    const unsigned char *resume_end;
    uint64_t unread; /* where the value of an unknown slot goes */
    struct frame frames[NBA_FRAMES_MAX];
};

static const char *field_name(const struct machine *m)
{
    return m->program->names[m->op - 1 - m->program->ops];
}

static const unsigned char *stop(struct machine *m, enum nba_status status, const char *what)
{
    m->status = nba_error_set(m->error, status, "%s: %s", field_name(m), what);
    return NULL;
}

static const unsigned char *stop_number(struct machine *m, enum nba_status status, const char *what,
                                        uint64_t number)
{
    m->status = nba_error_set(m->error, status, "%s: %s (%llu)", field_name(m), what,
                              (unsigned long long)number);
    return NULL;
}

/* Varints of more than one byte. */
static const unsigned char *varint_slow(struct machine *m, const unsigned char *p,
                                        uint64_t *ret_value)
{
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 70; shift += 7) {
        if (p == m->end) {
            return stop(m, NBA_E_TRUNCATED, "the value ends inside a number");
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
    return stop(m, NBA_E_NOT_AVRO, "a number of more than 64 bits");
}

static inline const unsigned char *varint(struct machine *m, const unsigned char *p,
                                          uint64_t *ret_value)
{
    if (p != m->end && *p < 0x80) {
        *ret_value = *p;
        return p + 1;
    }
    return varint_slow(m, p, ret_value);
}

static inline int64_t zigzag(uint64_t value)
{
    return (int64_t)(value >> 1) ^ -(int64_t)(value & 1);
}

/* A length and as many bytes: *ret_data, and the place behind them. */
static inline const unsigned char *sized(struct machine *m, const unsigned char *p,
                                         const unsigned char **ret_data)
{
    uint64_t raw = 0;
    p = varint(m, p, &raw);
    if (p == NULL) {
        return NULL;
    }
    if ((raw & 1) != 0) {
        return stop(m, NBA_E_NOT_AVRO, "a negative length");
    }
    const uint64_t length = raw >> 1;
    if (length > (uint64_t)(m->end - p)) {
        return stop_number(m, NBA_E_TRUNCATED, "longer than the bytes left", length);
    }
    *ret_data = p;
    return p + length;
}

static inline const unsigned char *read_string(struct machine *m, const unsigned char *p,
                                               struct nba_str *text, uint32_t limit)
{
    const unsigned char *data = NULL;
    p = sized(m, p, &data);
    if (p == NULL) {
        return NULL;
    }
    const size_t length = (size_t)(p - data);
    if (length > limit) {
        return stop_number(m, NBA_E_LIMIT, "a text above its limit", length);
    }
    if (!nba_utf8_is_valid(data, length)) {
        return stop(m, NBA_E_BAD_UTF8, "not UTF-8");
    }
    *text = nba_str((const char *)data, length);
    return p;
}

static const unsigned char *read_int(struct machine *m, const unsigned char *p, int64_t *ret_value)
{
    uint64_t raw = 0;
    p = varint(m, p, &raw);
    if (p != NULL && raw > UINT32_MAX) {
        return stop(m, NBA_E_NOT_AVRO, "an int of more than 32 bits");
    }
    *ret_value = zigzag(raw);
    return p;
}

static const unsigned char *read_word(struct machine *m, const struct nba_op *op,
                                      const unsigned char *p, int32_t *ret_value)
{
    uint64_t raw = 0;
    p = varint(m, p, &raw);
    if (p == NULL) {
        return NULL;
    }
    if ((raw & 1) != 0 || raw >> 1 >= op->b) {
        return stop_number(m, NBA_E_NOT_AVRO, "an enum's index that its schema lacks", raw >> 1);
    }
    *ret_value = m->program->table[op->a + (uint32_t)(raw >> 1)];
    if (*ret_value == NBA_NO_WORD) {
        return stop_number(m, NBA_E_SCHEMA_INCOMPATIBLE,
                           "a symbol that we don't have, and no default for it", raw >> 1);
    }
    return p;
}

static const unsigned char *read_double(struct machine *m, const struct nba_op *op,
                                        const unsigned char *p)
{
    if (m->end - p < 8) {
        return stop(m, NBA_E_TRUNCATED, "the value ends inside a double");
    }
    uint64_t bits = 0;
    for (unsigned i = 0; i < 8; i++) {
        bits |= (uint64_t)p[i] << (8 * i);
    }
    if ((bits >> 52 & 0x7ff) == 0x7ff) {
        return stop(m, NBA_E_NON_FINITE, "NaN or infinite");
    }
    memcpy(m->dst + op->offset, &bits, sizeof(bits));
    return p + 8;
}

static const unsigned char *read_float(struct machine *m, const struct nba_op *op,
                                       const unsigned char *p)
{
    if (m->end - p < 4) {
        return stop(m, NBA_E_TRUNCATED, "the value ends inside a float");
    }
    uint32_t bits = 0;
    for (unsigned i = 0; i < 4; i++) {
        bits |= (uint32_t)p[i] << (8 * i);
    }
    if ((bits >> 23 & 0xff) == 0xff) {
        return stop(m, NBA_E_NON_FINITE, "NaN or infinite");
    }
    float narrow = 0;
    memcpy(&narrow, &bits, sizeof(narrow));
    const double wide = (double)narrow;
    memcpy(m->dst + op->offset, &wide, sizeof(wide));
    return p + 4;
}

static const unsigned char *read_as_double(struct machine *m, const struct nba_op *op,
                                           const unsigned char *p)
{
    uint64_t raw = 0;
    int64_t value = 0;
    if (op->code == NBA_OP_INT_AS_DOUBLE) {
        p = read_int(m, p, &value);
    } else {
        p = varint(m, p, &raw);
        value = zigzag(raw);
    }
    const double wide = (double)value;
    memcpy(m->dst + op->offset, &wide, sizeof(wide));
    return p;
}

static const unsigned char *read_bool(struct machine *m, const struct nba_op *op,
                                      const unsigned char *p)
{
    if (p == m->end) {
        return stop(m, NBA_E_TRUNCATED, "the value ends before a boolean");
    }
    if (*p > 1) {
        return stop_number(m, NBA_E_NOT_AVRO, "a boolean that is neither 0 nor 1", *p);
    }
    const bool truth = *p == 1;
    memcpy(m->dst + op->offset, &truth, sizeof(truth));
    return p + 1;
}

static const unsigned char *read_octets(struct machine *m, const struct nba_op *op,
                                        const unsigned char *p)
{
    const unsigned char *data = NULL;
    p = sized(m, p, &data);
    if (p == NULL) {
        return NULL;
    }
    const size_t length = (size_t)(p - data);
    if (op->code == NBA_OP_BLOB) {
        const struct nba_str blob = nba_str((const char *)data, length);
        memcpy(m->dst + op->offset, &blob, sizeof(blob));
        return p;
    }
    if (length > UINT32_MAX) {
        return stop(m, NBA_E_LIMIT, "more than 4 GiB");
    }
    const uint32_t count = (uint32_t)length;
    memcpy(m->dst + op->offset, &data, sizeof(data));
    memcpy(m->dst + op->b, &count, sizeof(count));
    return p;
}

static const unsigned char *read_cstr(struct machine *m, const struct nba_op *op,
                                      const unsigned char *p)
{
    struct nba_str text = {0};
    p = read_string(m, p, &text, NBA_ID_BYTES_MAX);
    if (p == NULL) {
        return NULL;
    }
    if (text.bytes != 0 && memchr(text.data, '\0', text.bytes) != NULL) {
        return stop(m, NBA_E_BAD_UTF8, "a NUL inside a name");
    }
    char *copy = nba_arena_zeros(m->arena, text.bytes + 1, 1);
    if (copy == NULL) {
        return stop(m, NBA_E_NO_MEMORY, "the arena is full");
    }
    if (text.bytes != 0) {
        memcpy(copy, text.data, text.bytes);
    }
    const char *borrowed = copy;
    memcpy(m->dst + op->offset, &borrowed, sizeof(borrowed));
    return p;
}

/*
 * A block's header: how many items follow, 0 at the end of the collection.  A negative count is
 * followed by the block's length in bytes, which a reader that reads the items doesn't need.
 */
static const unsigned char *block_header(struct machine *m, const unsigned char *p,
                                         uint32_t wire_bytes_min, uint64_t *ret_count)
{
    uint64_t raw = 0;
    p = varint(m, p, &raw);
    if (p == NULL) {
        return NULL;
    }
    const int64_t count = zigzag(raw);
    const uint64_t items = count < 0 ? -(uint64_t)count : (uint64_t)count;
    if (count < 0) {
        p = varint(m, p, &raw);
        if (p == NULL) {
            return NULL;
        }
        if ((raw & 1) != 0) {
            return stop(m, NBA_E_NOT_AVRO, "a block of negative length");
        }
        if (raw >> 1 > (uint64_t)(m->end - p)) {
            return stop_number(m, NBA_E_TRUNCATED, "a block longer than the bytes left", raw >> 1);
        }
    }
    NBA_ASSERT(wire_bytes_min > 0);
    if (items > (uint64_t)(m->end - p) / wire_bytes_min) {
        return stop_number(m, NBA_E_TRUNCATED, "more items than the bytes left can hold", items);
    }
    *ret_count = items;
    return p;
}

/* Room for `more` items behind those that are there; grows by doubling, so that many small blocks
 * cost no more than twice their items. */
static bool reserve(struct machine *m, struct frame *f, uint64_t more, uint32_t item_bytes)
{
    if (more > NBA_ITEMS_MAX || f->count + more > NBA_ITEMS_MAX) {
        (void)stop_number(m, NBA_E_LIMIT, "more items than the limit", f->count + more);
        return false;
    }
    const uint32_t needed = f->count + (uint32_t)more;
    if (needed <= f->capacity) {
        return true;
    }
    const uint32_t capacity = needed > 2 * f->capacity ? needed : 2 * f->capacity;
    unsigned char *items = nba_arena_zeros(m->arena, capacity, item_bytes);
    if (items == NULL) {
        (void)stop(m, NBA_E_NO_MEMORY, "the arena is full");
        return false;
    }
    if (f->count != 0) {
        memcpy(items, f->items, (size_t)f->count * item_bytes);
    }
    f->items = items;
    f->capacity = capacity;
    return true;
}

/* An array of strings, the commonest collection, without going through the loop. */
static const unsigned char *read_strings(struct machine *m, const struct nba_op *op,
                                         const unsigned char *p)
{
    struct frame f = {0};
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
            p = read_string(m, p, &items[f.count], op->a);
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

static struct frame *push(struct machine *m)
{
    NBA_ASSERT(m->frame_count < NBA_FRAMES_MAX);
    struct frame *f = &m->frames[m->frame_count++];
    *f = (struct frame){.outer = m->dst};
    return f;
}

/* The place of the loop's next item: dst points to it, made from the image. */
static bool place_item(struct machine *m, struct frame *f, const struct nba_op_shape *shape)
{
    switch (shape->place) {
    case NBA_SHAPE_SKIP:
    case NBA_SHAPE_SLOTS:
        m->dst = f->outer;
        return true;
    case NBA_SHAPE_IN_PLACE:
        if (f->count == shape->capacity) {
            (void)stop_number(m, NBA_E_LIMIT, "more items than the limit", f->count + 1u);
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
static void close_loop(struct machine *m, struct frame *f, const struct nba_op_shape *shape)
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
static const unsigned char *loop_step(struct machine *m, const unsigned char *p)
{
    struct frame *f = &m->frames[m->frame_count - 1];
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
            return stop_number(m, NBA_E_LIMIT, "more items than the limit", f->block_left);
        }
    }
    f->block_left--;
    m->op = f->loop + 1;
    return place_item(m, f, shape) ? p : NULL;
}

static const unsigned char *open_loop(struct machine *m, const struct nba_op *op,
                                      const unsigned char *p)
{
    struct frame *f = push(m);
    f->loop = op;
    if (m->program->shapes[op->a].place == NBA_SHAPE_IN_PLACE) {
        f->items = m->dst + op->offset;
    }
    return loop_step(m, p);
}

/* The key of a map by words: dst becomes the word's place, or nobody's for a word we don't know. */
static const unsigned char *read_slot(struct machine *m, const struct nba_op *op,
                                      const unsigned char *p)
{
    const struct frame *f = &m->frames[m->frame_count - 1];
    const struct nba_binding *b = m->program->shapes[op->a].slots;
    struct nba_str key = {0};
    p = read_string(m, p, &key, NBA_ID_BYTES_MAX);
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

static const unsigned char *enter(struct machine *m, const struct nba_op *op,
                                  const unsigned char *p)
{
    const struct nba_op_shape *shape = &m->program->shapes[op->a];
    unsigned char *record = nba_arena_take(m->arena, shape->item_bytes);
    if (record == NULL) {
        return stop(m, NBA_E_NO_MEMORY, "the arena is full");
    }
    memcpy(record, shape->image, shape->item_bytes);
    memcpy(m->dst + op->offset, &record, sizeof(record));
    (void)push(m);
    m->dst = record;
    return p;
}

static const unsigned char *take_branch(struct machine *m, const struct nba_op *op,
                                        const unsigned char *p)
{
    uint64_t raw = 0;
    p = varint(m, p, &raw);
    if (p == NULL) {
        return NULL;
    }
    if ((raw & 1) != 0 || raw >> 1 >= op->b) {
        return stop_number(m, NBA_E_NOT_AVRO, "a union's index that its schema lacks", raw >> 1);
    }
    m->op = m->program->ops + m->program->table[op->a + (uint32_t)(raw >> 1)];
    return p;
}

static const unsigned char *open_default(struct machine *m, const struct nba_op *op,
                                         const unsigned char *p)
{
    const struct nba_str bytes = m->program->defaults[op->a];
    m->resume = p;
    m->resume_end = m->end;
    p = (const unsigned char *)bytes.data;
    m->end = p + bytes.bytes;
    return p;
}

/* Operations that move between structs, loops and branches. */
static const unsigned char *run_control(struct machine *m, const struct nba_op *op,
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
        return stop(m, NBA_E_SCHEMA_INCOMPATIBLE, "a branch of the writer's union without reading");
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

/* Operations on values that are seldom read. */
static const unsigned char *run_rare(struct machine *m, const struct nba_op *op,
                                     const unsigned char *p)
{
    int64_t value = 0;
    switch ((int)op->code) {
    case NBA_OP_BOOL:
        return read_bool(m, op, p);
    case NBA_OP_FLOAT:
        return read_float(m, op, p);
    case NBA_OP_INT_AS_DOUBLE:
    case NBA_OP_LONG_AS_DOUBLE:
        return read_as_double(m, op, p);
    case NBA_OP_BLOB:
    case NBA_OP_OCTETS:
        return read_octets(m, op, p);
    case NBA_OP_CSTR:
        return read_cstr(m, op, p);
    case NBA_OP_STRINGS:
        return read_strings(m, op, p);
    case NBA_OP_INT_AS_LONG:
        p = read_int(m, p, &value);
        memcpy(m->dst + op->offset, &value, sizeof(value));
        return p;
    default:
        return run_control(m, op, p);
    }
}

/* The index in front of a union with null: true when it is null, and nothing follows. */
static inline bool is_null(struct machine *m, const struct nba_op *op, const unsigned char **p)
{
    uint64_t raw = 0;
    *p = varint(m, *p, &raw);
    if (*p != NULL && raw != 0 && raw != 2) {
        *p = stop_number(m, NBA_E_NOT_AVRO, "a union's index that its schema lacks", raw >> 1);
    }
    return *p != NULL && raw >> 1 == op->null_first - 1u;
}

static inline const unsigned char *run_one(struct machine *m, const struct nba_op *op,
                                           const unsigned char *p)
{
    uint64_t raw = 0;
    int64_t value = 0;
    int32_t word = 0;
    struct nba_str text = {0};
    const unsigned char *data = NULL;
    switch (op->code) {
    case NBA_OP_STRING:
        p = read_string(m, p, &text, op->a);
        memcpy(m->dst + op->offset, &text, sizeof(text));
        return p;
    case NBA_OP_WORD:
        p = read_word(m, op, p, &word);
        memcpy(m->dst + op->offset, &word, sizeof(word));
        return p;
    case NBA_OP_WORD8:
        p = read_word(m, op, p, &word);
        m->dst[op->offset] = (unsigned char)word;
        return p;
    case NBA_OP_LONG:
        p = varint(m, p, &raw);
        value = zigzag(raw);
        memcpy(m->dst + op->offset, &value, sizeof(value));
        return p;
    case NBA_OP_INT:
        p = read_int(m, p, &value);
        word = (int32_t)value;
        memcpy(m->dst + op->offset, &word, sizeof(word));
        return p;
    case NBA_OP_DOUBLE:
        return read_double(m, op, p);
    case NBA_OP_SKIP_SIZED:
        return sized(m, p, &data);
    case NBA_OP_SKIP_VARINT:
        return varint(m, p, &raw);
    case NBA_OP_SKIP_FIXED:
        return op->a <= (uint64_t)(m->end - p)
                   ? p + op->a
                   : stop(m, NBA_E_TRUNCATED, "the value ends inside a field");
    default:
        return run_rare(m, op, p);
    }
}

enum nba_status nba_program_fill(const struct nba_program *program, struct nba_cursor *cursor,
                                 struct nba_arena *arena, void *record, struct nba_error *error)
{
    NBA_ASSERT(program != NULL && cursor != NULL && record != NULL);
    struct machine m;
    m.program = program;
    m.op = program->ops;
    m.end = cursor->end;
    m.dst = record;
    m.arena = arena;
    m.error = error;
    m.status = NBA_OK;
    m.frame_count = 0;
    m.resume = NULL;
    m.resume_end = NULL;
    m.unread = 0;
    static const unsigned char nothing[1] = {0};
    const unsigned char *p = cursor->next;
    if (p == NULL) {
        p = nothing;
        m.end = nothing;
    }
    for (;;) {
        const struct nba_op *op = m.op++;
        if (op->null_first != 0 && is_null(&m, op, &p)) {
            continue;
        }
        if (p == NULL) {
            return m.status;
        }
        if (op->code == NBA_OP_END) {
            cursor->next = p;
            return NBA_OK;
        }
        p = run_one(&m, op, p);
        if (p == NULL) {
            return m.status;
        }
    }
}

enum nba_status nba_program_run(const struct nba_program *program, struct nba_cursor *cursor,
                                struct nba_arena *arena, void *record, struct nba_error *error)
{
    memcpy(record, program->image, program->image_bytes);
    return nba_program_fill(program, cursor, arena, record, error);
}
