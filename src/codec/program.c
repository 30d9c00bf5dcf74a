/*
 * The compiler: walks writer's and reader's schema side by side, guided by the binding, and emits
 * operations in the order of the writer's bytes.
 *
 * Defaults of fields the writer doesn't have are read once, here, into the struct's image, from
 * which every value starts; only inside a branch of a union, where the record may be absent after
 * all, they become operations.
 */
#include "nba/codec/program.h"

#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "json_internal.h"
#include "nba/base/assert.h"
#include "nba/base/compiler.h"
#include "program_internal.h"
#include "resolution_internal.h"

#define TABLE_MAX     (4u * NBA_PROGRAM_OPS_MAX)
#define SHAPES_MAX    512u
#define DEFAULTS_MAX  512u
#define DEFAULT_BYTES (64u * 1024u)
#define SCRATCH_BYTES (1024u * 1024u)

struct compiler {
    struct nba_arena *arena;
    struct nba_error *error;
    const char *field; /* being compiled, for messages */
    struct nba_op ops[NBA_PROGRAM_OPS_MAX];
    const char *names[NBA_PROGRAM_OPS_MAX];
    uint32_t op_count;
    int32_t table[TABLE_MAX];
    uint32_t table_count;
    struct nba_op_shape shapes[SHAPES_MAX];
    uint32_t shape_count;
    struct nba_str defaults[DEFAULTS_MAX];
    uint32_t default_count;
    /* The struct whose fields are being compiled: its image, and whether what is emitted may not
     * run (inside a union's branch). */
    unsigned char *image;
    size_t image_bytes;
    bool conditional;
};

static enum nba_status emit_value(struct compiler *c, const struct nba_avro_type *w,
                                  const struct nba_avro_type *r, const struct nba_binding *b,
                                  uint32_t base);
static enum nba_status emit_skip(struct compiler *c, const struct nba_avro_type *w);
static enum nba_status finish(struct compiler *c, const struct nba_program **ret_program);

static enum nba_status too_large(struct compiler *c)
{
    return nba_error_set(c->error, NBA_E_SCHEMA_INCOMPATIBLE, "%s: schema is too large to compile",
                         c->field);
}

static enum nba_status mismatch(struct compiler *c, const struct nba_avro_type *w,
                                const struct nba_avro_type *r)
{
    return nba_error_set(c->error, NBA_E_SCHEMA_INCOMPATIBLE,
                         "%s: writer's %s %s can't be read as %s %s", c->field,
                         nba_avro_kind_name(w->kind), w->name != NULL ? w->name : "",
                         nba_avro_kind_name(r->kind), r->name != NULL ? r->name : "");
}

static enum nba_status emit(struct compiler *c, enum nba_op_code code, uint32_t offset, uint32_t a,
                            uint32_t b)
{
    if (c->op_count == NBA_PROGRAM_OPS_MAX) {
        return too_large(c);
    }
    c->names[c->op_count] = c->field;
    c->ops[c->op_count++] =
        (struct nba_op){.code = (uint8_t)code, .offset = offset, .a = a, .b = b};
    return NBA_OK;
}

static void *take(struct compiler *c, size_t count, size_t size)
{
    void *memory = nba_arena_zeros(c->arena, count != 0 ? count : 1, size);
    if (memory == NULL) {
        (void)nba_error_set(c->error, NBA_E_NO_MEMORY, "%s: out of memory for its program",
                            c->field);
    }
    return memory;
}

static unsigned char *take_image(struct compiler *c, const struct nba_record_binding *record)
{
    unsigned char *image = take(c, record->bytes, 1);
    if (image != NULL) {
        nba_resolution_absent(record, image);
    }
    return image;
}

/* ---- defaults ------------------------------------------------------------------------------ */

/* The default's bytes, in the arena. */
static enum nba_status default_bytes(struct compiler *c, const struct nba_avro_field *field,
                                     struct nba_str *ret_bytes)
{
    struct nba_buf buf;
    nba_buf_init(&buf, DEFAULT_BYTES);
    enum nba_status status =
        nba_json_read_datum(field->default_value, field->type, NBA_JSON_DEFAULT, &buf, c->error);
    if (status == NBA_OK) {
        const struct nba_str copy = nba_arena_copy(c->arena, nba_buf_str(&buf));
        if (copy.data == NULL) {
            status = nba_error_set(c->error, NBA_E_NO_MEMORY, "%s: out of memory", field->name);
        } else {
            *ret_bytes = copy;
        }
    }
    nba_buf_clear(&buf);
    return status;
}

/* The struct as it is after the default was read into it; made with a program of its own. */
static enum nba_status default_image(struct compiler *c, const struct nba_avro_field *field,
                                     const struct nba_binding *b, uint32_t base,
                                     struct nba_str bytes, unsigned char *image)
{
    struct compiler *inner = calloc(1, sizeof(*inner));
    if (inner == NULL) {
        return nba_error_set(c->error, NBA_E_NO_MEMORY, "%s: out of memory", field->name);
    }
    inner->arena = c->arena;
    inner->error = c->error;
    inner->field = field->name;
    inner->image = image;
    inner->image_bytes = c->image_bytes;
    const struct nba_program *program = NULL;
    enum nba_status status = emit_value(inner, field->type, field->type, b, base);
    if (status == NBA_OK) {
        status = finish(inner, &program);
    }
    if (status == NBA_OK) {
        struct nba_cursor cursor = nba_cursor(bytes.data, bytes.bytes);
        status = nba_program_fill(program, &cursor, c->arena, image, c->error);
    }
    free(inner);
    return status;
}

/* NOLINTNEXTLINE(misc-no-recursion): a default's own records have all their fields */
static enum nba_status emit_default(struct compiler *c, const struct nba_avro_field *field,
                                    const struct nba_binding *b, uint32_t base)
{
    struct nba_str bytes = {0};
    enum nba_status status = default_bytes(c, field, &bytes);
    unsigned char *image = status == NBA_OK ? take(c, c->image_bytes, 1) : NULL;
    if (image == NULL) {
        return status != NBA_OK ? status : NBA_E_NO_MEMORY;
    }
    memcpy(image, c->image, c->image_bytes);
    status = default_image(c, field, b, base, bytes, image);
    if (status != NBA_OK || memcmp(image, c->image, c->image_bytes) == 0) {
        return status;
    }
    if (!c->conditional) {
        memcpy(c->image, image, c->image_bytes);
        return NBA_OK;
    }
    if (c->default_count == DEFAULTS_MAX) {
        return too_large(c);
    }
    c->defaults[c->default_count] = bytes;
    status = emit(c, NBA_OP_DEFAULT, 0, c->default_count++, 0);
    if (status == NBA_OK) {
        status = emit_value(c, field->type, field->type, b, base);
    }
    return status == NBA_OK ? emit(c, NBA_OP_RESUME, 0, 0, 0) : status;
}

/* ---- records and collections --------------------------------------------------------------- */

static enum nba_status emit_fields(struct compiler *c, const struct nba_avro_type *w,
                                   const struct nba_avro_type *r,
                                   const struct nba_record_binding *record, uint32_t base)
{
    enum nba_status status = NBA_OK;
    for (uint32_t i = 0; status == NBA_OK && i < w->field_count; i++) {
        const struct nba_avro_field *field = nba_resolution_reader_field(w, &w->fields[i], r);
        const struct nba_binding *b =
            field != NULL ? nba_resolution_binding(record, field->name) : NULL;
        c->field = w->fields[i].name;
        status = b != NULL ? emit_value(c, w->fields[i].type, field->type, b, base)
                           : emit_skip(c, w->fields[i].type);
    }
    for (uint32_t i = 0; status == NBA_OK && i < r->field_count; i++) {
        const struct nba_avro_field *field = &r->fields[i];
        if (nba_resolution_writer_field(w, field) != NULL) {
            continue;
        }
        c->field = field->name;
        if (field->default_value == NULL) {
            return nba_error_set(c->error, NBA_E_SCHEMA_INCOMPATIBLE,
                                 "%s: the writer doesn't have it, and it has no default",
                                 field->name);
        }
        const struct nba_binding *b = nba_resolution_binding(record, field->name);
        status = b != NULL ? emit_default(c, field, b, base) : NBA_OK;
    }
    return status;
}

/* The fields of another struct: its image in place of the present one. */
static enum nba_status emit_into(struct compiler *c, unsigned char *image, size_t image_bytes,
                                 enum nba_status (*body)(struct compiler *c, const void *context),
                                 const void *context)
{
    unsigned char *outer = c->image;
    const size_t outer_bytes = c->image_bytes;
    const bool outer_conditional = c->conditional;
    c->image = image;
    c->image_bytes = image_bytes;
    c->conditional = false;
    const enum nba_status status = body(c, context);
    c->image = outer;
    c->image_bytes = outer_bytes;
    c->conditional = outer_conditional;
    return status;
}

struct part {
    const struct nba_avro_type *w, *r;
    const struct nba_binding *b;
};

static enum nba_status pointer_body(struct compiler *c, const void *context)
{
    const struct part *part = context;
    return emit_fields(c, part->w, part->r, part->b->record, 0);
}

/* One item: a plain member, the value of a map or slot behind its key, or a record. */
static enum nba_status item_body(struct compiler *c, const void *context)
{
    const struct part *part = context;
    const struct nba_binding *b = part->b;
    const struct nba_binding *members = b->record->fields;
    if (b->kind == NBA_BIND_MAP) {
        const enum nba_op_code key = members[0].kind == NBA_BIND_CSTR ? NBA_OP_CSTR : NBA_OP_STRING;
        const enum nba_status status = emit(c, key, members[0].offset, NBA_ID_BYTES_MAX, 0);
        return status == NBA_OK ? emit_value(c, part->w->items, part->r->items, &members[1], 0)
                                : status;
    }
    if (b->kind == NBA_BIND_SLOTS) {
        const enum nba_status status = emit(c, NBA_OP_SLOT, 0, c->shape_count - 1, 0);
        return status == NBA_OK ? emit_value(c, part->w->items, part->r->items, &members[0], 0)
                                : status;
    }
    if (b->record->count == 1 && members[0].name == NULL) {
        return emit_value(c, part->w->items, part->r->items, &members[0], 0);
    }
    const struct nba_binding whole = {.kind = NBA_BIND_RECORD, .record = b->record};
    return emit_value(c, part->w->items, part->r->items, &whole, 0);
}

static enum nba_status take_shape(struct compiler *c, struct nba_op_shape shape,
                                  uint32_t *ret_index)
{
    if (c->shape_count == SHAPES_MAX) {
        return too_large(c);
    }
    *ret_index = c->shape_count;
    c->shapes[c->shape_count++] = shape;
    return NBA_OK;
}

static uint32_t wire_bytes_min(const struct nba_avro_type *w)
{
    return w->items->bytes_min + (w->kind == NBA_AVRO_MAP ? 1 : 0);
}

/* LOOP, body, NEXT; LOOP learns where the loop ends. */
static enum nba_status emit_loop(struct compiler *c, const struct part *part, uint32_t offset,
                                 struct nba_op_shape shape, unsigned char *image)
{
    uint32_t index = 0;
    enum nba_status status = take_shape(c, shape, &index);
    const uint32_t loop = c->op_count;
    if (status == NBA_OK) {
        status = emit(c, NBA_OP_LOOP, offset, index, 0);
    }
    if (status == NBA_OK && part->b != NULL) {
        status = emit_into(c, image, shape.item_bytes, item_body, part);
    } else if (status == NBA_OK) {
        if (part->w->kind == NBA_AVRO_MAP) {
            status = emit(c, NBA_OP_SKIP_SIZED, 0, 0, 0);
        }
        status = status == NBA_OK ? emit_skip(c, part->w->items) : status;
    }
    if (status == NBA_OK) {
        status = emit(c, NBA_OP_NEXT, 0, loop + 1, 0);
    }
    if (status == NBA_OK) {
        c->ops[loop].b = c->op_count;
    }
    return status;
}

static enum nba_status emit_collection(struct compiler *c, const struct part *part, uint32_t base)
{
    const struct nba_binding *b = part->b;
    const struct nba_binding *member = &b->record->fields[0];
    const bool text = member->kind == NBA_BIND_ID || member->kind == NBA_BIND_TEXT;
    if (b->kind == NBA_BIND_ARRAY && member->name == NULL && text &&
        part->r->items->kind == NBA_AVRO_STRING &&
        nba_resolution_fit(part->w->items, part->r->items) != 0) {
        const uint32_t limit =
            member->kind == NBA_BIND_ID ? NBA_ID_BYTES_MAX : NBA_STRING_BYTES_MAX;
        return emit(c, NBA_OP_STRINGS, base + b->offset, limit, base + b->count_offset);
    }
    unsigned char *image = take_image(c, b->record);
    if (image == NULL) {
        return NBA_E_NO_MEMORY;
    }
    struct nba_op_shape shape = {.place = NBA_SHAPE_ARENA,
                                 .item_bytes = (uint32_t)b->record->bytes,
                                 .image = image,
                                 .count_offset = base + b->count_offset,
                                 .capacity = b->capacity,
                                 .wire_bytes_min = wire_bytes_min(part->w),
                                 .slots = b};
    if (b->kind == NBA_BIND_IN_PLACE) {
        shape.place = NBA_SHAPE_IN_PLACE;
    } else if (b->kind == NBA_BIND_SLOTS) {
        shape.place = NBA_SHAPE_SLOTS;
    }
    return emit_loop(c, part, base + b->offset, shape, image);
}

static enum nba_status emit_pointer(struct compiler *c, const struct part *part, uint32_t base)
{
    unsigned char *image = take_image(c, part->b->record);
    if (image == NULL) {
        return NBA_E_NO_MEMORY;
    }
    const struct nba_op_shape shape = {.item_bytes = (uint32_t)part->b->record->bytes,
                                       .image = image};
    uint32_t index = 0;
    enum nba_status status = take_shape(c, shape, &index);
    if (status == NBA_OK) {
        status = emit(c, NBA_OP_ENTER, base + part->b->offset, index, 0);
    }
    if (status == NBA_OK) {
        status = emit_into(c, image, part->b->record->bytes, pointer_body, part);
    }
    return status == NBA_OK ? emit(c, NBA_OP_LEAVE, 0, 0, 0) : status;
}

/* ---- enums --------------------------------------------------------------------------------- */

/* One table entry a symbol of the writer: the value of our word of that name. */
static enum nba_status emit_word(struct compiler *c, const struct part *part, uint32_t base)
{
    const struct nba_avro_type *w = part->w;
    const struct nba_avro_type *r = part->r;
    if (c->table_count + w->symbol_count > TABLE_MAX) {
        return too_large(c);
    }
    const uint32_t first = c->table_count;
    for (uint32_t i = 0; i < w->symbol_count; i++) {
        int32_t value = NBA_NO_WORD;
        if (nba_resolution_has_symbol(r, w->symbols[i])) {
            value = nba_resolution_word(part->b->words, w->symbols[i]);
        }
        if (value == NBA_NO_WORD && r->symbol_default >= 0) {
            value = nba_resolution_word(part->b->words, r->symbols[r->symbol_default]);
        }
        c->table[c->table_count++] = value;
    }
    return emit(c, part->b->bytes == 1 ? NBA_OP_WORD8 : NBA_OP_WORD, base + part->b->offset, first,
                w->symbol_count);
}

/* ---- values -------------------------------------------------------------------------------- */

static enum nba_status unbindable(struct compiler *c, const struct nba_avro_type *r)
{
    return nba_error_set(c->error, NBA_E_CONFIG,
                         "%s: our schema says %s, our struct something else", c->field,
                         nba_avro_kind_name(r->kind));
}

static enum nba_op_code double_code(enum nba_avro_kind writer)
{
    switch ((int)writer) {
    case NBA_AVRO_INT:
        return NBA_OP_INT_AS_DOUBLE;
    case NBA_AVRO_LONG:
        return NBA_OP_LONG_AS_DOUBLE;
    case NBA_AVRO_FLOAT:
        return NBA_OP_FLOAT;
    default:
        return NBA_OP_DOUBLE;
    }
}

/* Neither side is a union, and w fits r. */
static enum nba_status emit_plain(struct compiler *c, const struct part *part, uint32_t base)
{
    const struct nba_binding *b = part->b;
    const uint32_t at = base + b->offset;
    if (part->r->kind != nba_resolution_kind(b->kind)) {
        return unbindable(c, part->r);
    }
    switch (b->kind) {
    case NBA_BIND_ID:
        return emit(c, NBA_OP_STRING, at, NBA_ID_BYTES_MAX, 0);
    case NBA_BIND_TEXT:
        return emit(c, NBA_OP_STRING, at, NBA_STRING_BYTES_MAX, 0);
    case NBA_BIND_BLOB:
        return emit(c, NBA_OP_BLOB, at, 0, 0);
    case NBA_BIND_CSTR:
        return emit(c, NBA_OP_CSTR, at, 0, 0);
    case NBA_BIND_OCTETS:
        return emit(c, NBA_OP_OCTETS, at, 0, base + b->count_offset);
    case NBA_BIND_BOOL:
        return emit(c, NBA_OP_BOOL, at, 0, 0);
    case NBA_BIND_INT:
        return emit(c, NBA_OP_INT, at, 0, 0);
    case NBA_BIND_LONG:
    case NBA_BIND_TIME:
        return emit(c, part->w->kind == NBA_AVRO_INT ? NBA_OP_INT_AS_LONG : NBA_OP_LONG, at, 0, 0);
    case NBA_BIND_DOUBLE:
        return emit(c, double_code(part->w->kind), at, 0, 0);
    case NBA_BIND_WORD:
        return emit_word(c, part, base);
    case NBA_BIND_RECORD:
        return emit_fields(c, part->w, part->r, b->record, at);
    case NBA_BIND_POINTER:
        return emit_pointer(c, part, base);
    case NBA_BIND_ARRAY:
    case NBA_BIND_IN_PLACE:
    case NBA_BIND_MAP:
    case NBA_BIND_SLOTS:
        break;
    }
    return emit_collection(c, part, base);
}

/* Puts the latest operation into a union with null, if it is the only one since `first`. */
static bool fold_null(struct compiler *c, const struct nba_avro_type *w, uint32_t first)
{
    const int32_t null_branch = nba_avro_null_branch(w);
    if (w->branch_count != 2 || null_branch < 0 || c->op_count != first + 1 ||
        c->ops[first].code == NBA_OP_FAIL) {
        return false;
    }
    c->ops[first].null_first = (uint8_t)(1 + null_branch);
    return true;
}

/* Is it worth trying?  Records aren't: compiling them twice a level would double with each level. */
static bool may_fold(const struct nba_avro_type *branch)
{
    const struct nba_avro_type *inner = branch->kind == NBA_AVRO_ARRAY ? branch->items : branch;
    return inner->kind <= NBA_AVRO_ENUM;
}

/* One branch: as a value of r (b bound), or skipped (r NULL). */
static enum nba_status emit_branch(struct compiler *c, const struct nba_avro_type *branch,
                                   const struct part *part, uint32_t base)
{
    const uint32_t first = c->op_count;
    if (part->r == NULL) {
        return emit_skip(c, branch);
    }
    const bool conditional = c->conditional;
    c->conditional = true;
    enum nba_status status = emit_value(c, branch, part->r, part->b, base);
    c->conditional = conditional;
    if (status == NBA_E_SCHEMA_INCOMPATIBLE && c->op_count < NBA_PROGRAM_OPS_MAX) {
        c->op_count = first;
        status = emit(c, NBA_OP_FAIL, 0, 0, 0);
    }
    return status;
}

/* UNION, then each branch with a jump behind the last.  Part's r is NULL to skip the value. */
static enum nba_status emit_union(struct compiler *c, const struct part *part, uint32_t base)
{
    const struct nba_avro_type *w = part->w;
    const uint32_t first = c->op_count;
    const int32_t null_branch = nba_avro_null_branch(w);
    if (w->branch_count == 2 && null_branch >= 0 && may_fold(w->branches[1 - null_branch]) &&
        (part->r == NULL || nba_avro_null_branch(part->r) >= 0)) {
        const enum nba_status status = emit_branch(c, w->branches[1 - null_branch], part, base);
        if (status != NBA_OK || fold_null(c, w, first)) {
            return status;
        }
        c->op_count = first;
    }
    if (c->table_count + w->branch_count > TABLE_MAX) {
        return too_large(c);
    }
    const uint32_t jumps = c->table_count;
    c->table_count += w->branch_count;
    enum nba_status status = emit(c, NBA_OP_UNION, 0, jumps, w->branch_count);
    uint32_t failed = 0;
    for (uint32_t i = 0; status == NBA_OK && i < w->branch_count; i++) {
        const char *field = c->field;
        c->table[jumps + i] = (int32_t)c->op_count;
        status = emit_branch(c, w->branches[i], part, base);
        c->field = field;
        failed += c->ops[c->op_count - 1].code == NBA_OP_FAIL &&
                  c->table[jumps + i] == (int32_t)c->op_count - 1;
        if (status == NBA_OK) {
            status = emit(c, NBA_OP_JUMP, 0, 0, (uint32_t)i);
        }
    }
    if (status == NBA_OK && failed == w->branch_count) {
        return nba_error_set(c->error, NBA_E_SCHEMA_INCOMPATIBLE,
                             "%s: no branch of the writer's union can be read as ours", c->field);
    }
    /* Each branch's jump stands right in front of the next branch; the last one's at the end. */
    for (uint32_t i = 0; status == NBA_OK && i < w->branch_count; i++) {
        const uint32_t end =
            i + 1 < w->branch_count ? (uint32_t)c->table[jumps + i + 1] : c->op_count;
        c->ops[end - 1].a = c->op_count;
    }
    return status;
}

/* NOLINTNEXTLINE(misc-no-recursion): bounded by both schemas' depth and the operations' number */
static enum nba_status emit_value(struct compiler *c, const struct nba_avro_type *w,
                                  const struct nba_avro_type *r, const struct nba_binding *b,
                                  uint32_t base)
{
    const struct part whole = {w, r, b};
    if (w->kind == NBA_AVRO_UNION) {
        return emit_union(c, &whole, base);
    }
    const struct nba_avro_type *branch = r;
    if (r->kind == NBA_AVRO_UNION) {
        branch = nba_resolution_branch(w, r);
        if (branch != NULL && branch->kind == NBA_AVRO_NULL) {
            return NBA_OK;
        }
    }
    if (branch == NULL || nba_resolution_fit(w, branch) == 0) {
        return mismatch(c, w, r);
    }
    if (b->presence == NBA_PRESENT_BOOL && b->kind != NBA_BIND_SLOTS) {
        const enum nba_status status = emit(c, NBA_OP_SET, base + b->presence_offset, 0, 0);
        if (status != NBA_OK) {
            return status;
        }
    }
    const struct part part = {w, branch, b};
    return emit_plain(c, &part, base);
}

/* NOLINTNEXTLINE(misc-no-recursion): every level emits or takes no bytes at all */
static enum nba_status emit_skip(struct compiler *c, const struct nba_avro_type *w)
{
    enum nba_status status = NBA_OK;
    if (w->bytes_min == 0) {
        return NBA_OK;
    }
    const struct part part = {.w = w};
    const struct nba_op_shape shape = {
        .place = NBA_SHAPE_SKIP,
        .wire_bytes_min =
            w->kind == NBA_AVRO_ARRAY || w->kind == NBA_AVRO_MAP ? wire_bytes_min(w) : 0};
    switch (w->kind) {
    case NBA_AVRO_NULL:
        return NBA_OK;
    case NBA_AVRO_INT:
    case NBA_AVRO_LONG:
    case NBA_AVRO_ENUM:
        return emit(c, NBA_OP_SKIP_VARINT, 0, 0, 0);
    case NBA_AVRO_BOOLEAN:
    case NBA_AVRO_FLOAT:
    case NBA_AVRO_DOUBLE:
    case NBA_AVRO_FIXED:
        return emit(c, NBA_OP_SKIP_FIXED, 0, w->bytes_min, 0);
    case NBA_AVRO_BYTES:
    case NBA_AVRO_STRING:
        return emit(c, NBA_OP_SKIP_SIZED, 0, 0, 0);
    case NBA_AVRO_ARRAY:
    case NBA_AVRO_MAP:
        return emit_loop(c, &part, 0, shape, NULL);
    case NBA_AVRO_UNION:
        return emit_union(c, &part, 0);
    case NBA_AVRO_RECORD:
        break;
    }
    for (uint32_t i = 0; status == NBA_OK && i < w->field_count; i++) {
        status = emit_skip(c, w->fields[i].type);
    }
    return status;
}

/* ---- the program --------------------------------------------------------------------------- */

static void *copied(struct compiler *c, const void *data, size_t count, size_t size)
{
    void *copy = take(c, count, size);
    if (copy != NULL && count != 0) {
        memcpy(copy, data, count * size);
    }
    return copy;
}

static enum nba_status finish(struct compiler *c, const struct nba_program **ret_program)
{
    const enum nba_status status = emit(c, NBA_OP_END, 0, 0, 0);
    if (status != NBA_OK) {
        return status;
    }
    struct nba_program *program = take(c, 1, sizeof(*program));
    if (program == NULL) {
        return NBA_E_NO_MEMORY;
    }
    *program = (struct nba_program){
        .ops = copied(c, c->ops, c->op_count, sizeof(c->ops[0])),
        .names = copied(c, c->names, c->op_count, sizeof(c->names[0])),
        .op_count = c->op_count,
        .table = copied(c, c->table, c->table_count, sizeof(c->table[0])),
        .shapes = copied(c, c->shapes, c->shape_count, sizeof(c->shapes[0])),
        .defaults = copied(c, c->defaults, c->default_count, sizeof(c->defaults[0])),
        .image = c->image,
        .image_bytes = c->image_bytes,
    };
    if (program->ops == NULL || program->names == NULL || program->table == NULL ||
        program->shapes == NULL || program->defaults == NULL) {
        return NBA_E_NO_MEMORY;
    }
    *ret_program = program;
    return NBA_OK;
}

enum nba_status nba_program_compile(const struct nba_avro_type *writer,
                                    const struct nba_avro_type *reader,
                                    const struct nba_record_binding *binding,
                                    struct nba_arena *arena, const struct nba_program **ret_program,
                                    struct nba_error *error)
{
    NBA_ASSERT(writer != NULL && reader != NULL && binding != NULL && arena != NULL);
    struct compiler *c = calloc(1, sizeof(*c));
    if (c == NULL) {
        return nba_error_set(error, NBA_E_NO_MEMORY, "out of memory for a decoder's program");
    }
    c->arena = arena;
    c->error = error;
    c->field = reader->name != NULL ? reader->name : "value";
    c->image_bytes = binding->bytes;
    c->image = take_image(c, binding);
    enum nba_status status = c->image != NULL ? NBA_OK : NBA_E_NO_MEMORY;
    if (status == NBA_OK) {
        const struct nba_binding whole = {.kind = NBA_BIND_RECORD, .record = binding};
        status = emit_value(c, writer, reader, &whole, 0);
    }
    if (status == NBA_OK) {
        status = finish(c, ret_program);
    }
    free(c);
    return status;
}
