/* The machine's loop, and plain values.  How it works stands in machine_internal.h. */
#include <string.h>

#include "machine_internal.h"
#include "nba/base/assert.h"

static const unsigned char *read_int(struct nba_machine *m, const unsigned char *p,
                                     int64_t *ret_value)
{
    uint64_t raw = 0;
    p = nba_machine_varint(m, p, &raw);
    if (p != NULL && raw > UINT32_MAX) {
        return nba_machine_stop(m, NBA_E_NOT_AVRO, "an int of more than 32 bits");
    }
    *ret_value = nba_machine_zigzag(raw);
    return p;
}

static const unsigned char *read_word(struct nba_machine *m, const struct nba_op *op,
                                      const unsigned char *p, int32_t *ret_value)
{
    uint64_t raw = 0;
    p = nba_machine_varint(m, p, &raw);
    if (p == NULL) {
        return NULL;
    }
    if ((raw & 1) != 0 || raw >> 1 >= op->b) {
        return nba_machine_stop_number(m, NBA_E_NOT_AVRO, "an enum's index that its schema lacks",
                                       raw >> 1);
    }
    *ret_value = m->program->table[op->a + (uint32_t)(raw >> 1)];
    if (*ret_value == NBA_NO_WORD) {
        return nba_machine_stop_number(m, NBA_E_SCHEMA_INCOMPATIBLE,
                                       "a symbol that we don't have, and no default for it",
                                       raw >> 1);
    }
    return p;
}

static const unsigned char *read_double(struct nba_machine *m, const struct nba_op *op,
                                        const unsigned char *p)
{
    if (m->end - p < 8) {
        return nba_machine_stop(m, NBA_E_TRUNCATED, "the value ends inside a double");
    }
    uint64_t bits = 0;
    for (unsigned i = 0; i < 8; i++) {
        bits |= (uint64_t)p[i] << (8 * i);
    }
    if ((bits >> 52 & 0x7ff) == 0x7ff) {
        return nba_machine_stop(m, NBA_E_NON_FINITE, "NaN or infinite");
    }
    memcpy(m->dst + op->offset, &bits, sizeof(bits));
    return p + 8;
}

static const unsigned char *read_float(struct nba_machine *m, const struct nba_op *op,
                                       const unsigned char *p)
{
    if (m->end - p < 4) {
        return nba_machine_stop(m, NBA_E_TRUNCATED, "the value ends inside a float");
    }
    uint32_t bits = 0;
    for (unsigned i = 0; i < 4; i++) {
        bits |= (uint32_t)p[i] << (8 * i);
    }
    if ((bits >> 23 & 0xff) == 0xff) {
        return nba_machine_stop(m, NBA_E_NON_FINITE, "NaN or infinite");
    }
    float narrow = 0;
    memcpy(&narrow, &bits, sizeof(narrow));
    const double wide = (double)narrow;
    memcpy(m->dst + op->offset, &wide, sizeof(wide));
    return p + 4;
}

static const unsigned char *read_as_double(struct nba_machine *m, const struct nba_op *op,
                                           const unsigned char *p)
{
    uint64_t raw = 0;
    int64_t value = 0;
    if (op->code == NBA_OP_INT_AS_DOUBLE) {
        p = read_int(m, p, &value);
    } else {
        p = nba_machine_varint(m, p, &raw);
        value = nba_machine_zigzag(raw);
    }
    const double wide = (double)value;
    memcpy(m->dst + op->offset, &wide, sizeof(wide));
    return p;
}

static const unsigned char *read_bool(struct nba_machine *m, const struct nba_op *op,
                                      const unsigned char *p)
{
    if (p == m->end) {
        return nba_machine_stop(m, NBA_E_TRUNCATED, "the value ends before a boolean");
    }
    if (*p > 1) {
        return nba_machine_stop_number(m, NBA_E_NOT_AVRO, "a boolean that is neither 0 nor 1", *p);
    }
    const bool truth = *p == 1;
    memcpy(m->dst + op->offset, &truth, sizeof(truth));
    return p + 1;
}

static const unsigned char *read_octets(struct nba_machine *m, const struct nba_op *op,
                                        const unsigned char *p)
{
    const unsigned char *data = NULL;
    p = nba_machine_sized(m, p, &data);
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
        return nba_machine_stop(m, NBA_E_LIMIT, "more than 4 GiB");
    }
    const uint32_t count = (uint32_t)length;
    memcpy(m->dst + op->offset, &data, sizeof(data));
    memcpy(m->dst + op->b, &count, sizeof(count));
    return p;
}

static const unsigned char *read_cstr(struct nba_machine *m, const struct nba_op *op,
                                      const unsigned char *p)
{
    struct nba_str text = {0};
    p = nba_machine_string(m, p, &text, NBA_ID_BYTES_MAX);
    if (p == NULL) {
        return NULL;
    }
    if (text.bytes != 0 && memchr(text.data, '\0', text.bytes) != NULL) {
        return nba_machine_stop(m, NBA_E_BAD_UTF8, "a NUL inside a name");
    }
    char *copy = nba_arena_zeros(m->arena, text.bytes + 1, 1);
    if (copy == NULL) {
        return nba_machine_stop(m, NBA_E_NO_MEMORY, "the arena is full");
    }
    if (text.bytes != 0) {
        memcpy(copy, text.data, text.bytes);
    }
    const char *borrowed = copy;
    memcpy(m->dst + op->offset, &borrowed, sizeof(borrowed));
    return p;
}

/* Operations on values that are seldom read. */
static const unsigned char *run_rare(struct nba_machine *m, const struct nba_op *op,
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
        return nba_machine_strings(m, op, p);
    default:
        NBA_ASSERT(op->code == NBA_OP_INT_AS_LONG);
        p = read_int(m, p, &value);
        memcpy(m->dst + op->offset, &value, sizeof(value));
        return p;
    }
}

/* The index in front of a union with null: true when it is null, and nothing follows. */
static inline bool is_null(struct nba_machine *m, const struct nba_op *op, const unsigned char **p)
{
    uint64_t raw = 0;
    *p = nba_machine_varint(m, *p, &raw);
    if (*p != NULL && raw != 0 && raw != 2) {
        *p = nba_machine_stop_number(m, NBA_E_NOT_AVRO, "a union's index that its schema lacks",
                                     raw >> 1);
    }
    return *p != NULL && raw >> 1 == op->null_first - 1u;
}

static inline const unsigned char *run_one(struct nba_machine *m, const struct nba_op *op,
                                           const unsigned char *p)
{
    uint64_t raw = 0;
    int64_t value = 0;
    int32_t word = 0;
    struct nba_str text = {0};
    const unsigned char *data = NULL;
    switch (op->code) {
    case NBA_OP_STRING:
        p = nba_machine_string(m, p, &text, op->a);
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
        p = nba_machine_varint(m, p, &raw);
        value = nba_machine_zigzag(raw);
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
        return nba_machine_sized(m, p, &data);
    case NBA_OP_SKIP_VARINT:
        return nba_machine_varint(m, p, &raw);
    case NBA_OP_SKIP_FIXED:
        return op->a <= (uint64_t)(m->end - p)
                   ? p + op->a
                   : nba_machine_stop(m, NBA_E_TRUNCATED, "the value ends inside a field");
    default:
        return run_rare(m, op, p);
    }
}

enum nba_status nba_program_fill(const struct nba_program *program, struct nba_cursor *cursor,
                                 struct nba_arena *arena, void *record, struct nba_error *error)
{
    NBA_ASSERT(program != NULL && cursor != NULL && record != NULL);
    struct nba_machine m;
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
    /* The next operation stays in a register; m.op follows it for messages, and control sets it. */
    const struct nba_op *next = program->ops;
    for (;;) {
        const struct nba_op *op = next++;
        m.op = next;
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
        if (op->code < NBA_OP_SET) {
            p = run_one(&m, op, p);
        } else {
            p = nba_machine_control(&m, op, p);
            next = m.op;
        }
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
