/* Records and collections, each with a struct of its own, and defaults. */
#include <stdlib.h>
#include <string.h>

#include "compiler_internal.h"
#include "json_internal.h"
#include "nba/base/assert.h"
#include "resolution_internal.h"

#define DEFAULT_BYTES ((size_t)64 * 1024)

/* ---- defaults ------------------------------------------------------------------------------ */

/* The default's bytes, in the arena. */
static enum nba_status default_bytes(struct nba_compiler *c, const struct nba_avro_field *field,
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
static enum nba_status default_image(struct nba_compiler *c, const struct nba_avro_field *field,
                                     const struct nba_binding *b, uint32_t base,
                                     struct nba_str bytes, unsigned char *image)
{
    struct nba_compiler *inner = calloc(1, sizeof(*inner));
    if (inner == NULL) {
        return nba_error_set(c->error, NBA_E_NO_MEMORY, "%s: out of memory", field->name);
    }
    inner->arena = c->arena;
    inner->error = c->error;
    inner->field = field->name;
    inner->image = image;
    inner->image_bytes = c->image_bytes;
    const struct nba_program *program = NULL;
    enum nba_status status = nba_compiler_value(inner, field->type, field->type, b, base);
    if (status == NBA_OK) {
        status = nba_compiler_finish(inner, &program);
    }
    if (status == NBA_OK) {
        struct nba_cursor cursor = nba_cursor(bytes.data, bytes.bytes);
        status = nba_program_fill(program, &cursor, c->arena, image, c->error);
    }
    free(inner);
    return status;
}

/* NOLINTNEXTLINE(misc-no-recursion): a default's own records have all their fields */
static enum nba_status emit_default(struct nba_compiler *c, const struct nba_avro_field *field,
                                    const struct nba_binding *b, uint32_t base)
{
    struct nba_str bytes = {0};
    enum nba_status status = default_bytes(c, field, &bytes);
    unsigned char *image = status == NBA_OK ? nba_compiler_take(c, c->image_bytes, 1) : NULL;
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
    if (c->default_count == NBA_COMPILER_DEFAULTS_MAX) {
        return nba_compiler_too_large(c);
    }
    c->defaults[c->default_count] = bytes;
    status = nba_compiler_emit(c, NBA_OP_DEFAULT, 0, c->default_count++, 0);
    if (status == NBA_OK) {
        status = nba_compiler_value(c, field->type, field->type, b, base);
    }
    return status == NBA_OK ? nba_compiler_emit(c, NBA_OP_RESUME, 0, 0, 0) : status;
}

/* ---- records and collections --------------------------------------------------------------- */

enum nba_status nba_compiler_fields(struct nba_compiler *c, const struct nba_avro_type *w,
                                    const struct nba_avro_type *r,
                                    const struct nba_record_binding *record, uint32_t base)
{
    enum nba_status status = NBA_OK;
    for (uint32_t i = 0; status == NBA_OK && i < w->field_count; i++) {
        const struct nba_avro_field *field = nba_resolution_reader_field(w, &w->fields[i], r);
        const struct nba_binding *b =
            field != NULL ? nba_resolution_binding(record, field->name) : NULL;
        c->field = w->fields[i].name;
        status = b != NULL ? nba_compiler_value(c, w->fields[i].type, field->type, b, base)
                           : nba_compiler_skip(c, w->fields[i].type);
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
static enum nba_status emit_into(struct nba_compiler *c, unsigned char *image, size_t image_bytes,
                                 enum nba_status (*body)(struct nba_compiler *c,
                                                         const void *context),
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

static enum nba_status pointer_body(struct nba_compiler *c, const void *context)
{
    const struct nba_part *part = context;
    return nba_compiler_fields(c, part->w, part->r, part->b->record, 0);
}

/* One item: a plain member, the value of a map or slot behind its key, or a record. */
static enum nba_status item_body(struct nba_compiler *c, const void *context)
{
    const struct nba_part *part = context;
    const struct nba_binding *b = part->b;
    const struct nba_binding *members = b->record->fields;
    if (b->kind == NBA_BIND_MAP) {
        const enum nba_op_code key = members[0].kind == NBA_BIND_CSTR ? NBA_OP_CSTR : NBA_OP_STRING;
        const enum nba_status status =
            nba_compiler_emit(c, key, members[0].offset, NBA_ID_BYTES_MAX, 0);
        return status == NBA_OK
                   ? nba_compiler_value(c, part->w->items, part->r->items, &members[1], 0)
                   : status;
    }
    if (b->kind == NBA_BIND_SLOTS) {
        const enum nba_status status = nba_compiler_emit(c, NBA_OP_SLOT, 0, c->shape_count - 1, 0);
        return status == NBA_OK
                   ? nba_compiler_value(c, part->w->items, part->r->items, &members[0], 0)
                   : status;
    }
    if (b->record->count == 1 && members[0].name == NULL) {
        return nba_compiler_value(c, part->w->items, part->r->items, &members[0], 0);
    }
    const struct nba_binding whole = {.kind = NBA_BIND_RECORD, .record = b->record};
    return nba_compiler_value(c, part->w->items, part->r->items, &whole, 0);
}

static enum nba_status take_shape(struct nba_compiler *c, struct nba_op_shape shape,
                                  uint32_t *ret_index)
{
    if (c->shape_count == NBA_COMPILER_SHAPES_MAX) {
        return nba_compiler_too_large(c);
    }
    *ret_index = c->shape_count;
    c->shapes[c->shape_count++] = shape;
    return NBA_OK;
}

/* LOOP, body, NEXT; LOOP learns where the loop ends. */
enum nba_status nba_compiler_loop(struct nba_compiler *c, const struct nba_part *part,
                                  uint32_t offset, struct nba_op_shape shape, unsigned char *image)
{
    uint32_t index = 0;
    enum nba_status status = take_shape(c, shape, &index);
    const uint32_t loop = c->op_count;
    if (status == NBA_OK) {
        status = nba_compiler_emit(c, NBA_OP_LOOP, offset, index, 0);
    }
    if (status == NBA_OK && part->b != NULL) {
        status = emit_into(c, image, shape.item_bytes, item_body, part);
    } else if (status == NBA_OK) {
        if (part->w->kind == NBA_AVRO_MAP) {
            status = nba_compiler_emit(c, NBA_OP_SKIP_SIZED, 0, 0, 0);
        }
        status = status == NBA_OK ? nba_compiler_skip(c, part->w->items) : status;
    }
    if (status == NBA_OK) {
        status = nba_compiler_emit(c, NBA_OP_NEXT, 0, loop + 1, 0);
    }
    if (status == NBA_OK) {
        c->ops[loop].b = c->op_count;
    }
    return status;
}

enum nba_status nba_compiler_collection(struct nba_compiler *c, const struct nba_part *part,
                                        uint32_t base)
{
    const struct nba_binding *b = part->b;
    const struct nba_binding *member = &b->record->fields[0];
    const bool text = member->kind == NBA_BIND_ID || member->kind == NBA_BIND_TEXT;
    if (b->kind == NBA_BIND_ARRAY && member->name == NULL && text &&
        part->r->items->kind == NBA_AVRO_STRING &&
        nba_resolution_fit(part->w->items, part->r->items) != 0) {
        const uint32_t limit =
            member->kind == NBA_BIND_ID ? NBA_ID_BYTES_MAX : NBA_STRING_BYTES_MAX;
        return nba_compiler_emit(c, NBA_OP_STRINGS, base + b->offset, limit,
                                 base + b->count_offset);
    }
    unsigned char *image = nba_compiler_take_image(c, b->record);
    if (image == NULL) {
        return NBA_E_NO_MEMORY;
    }
    struct nba_op_shape shape = {.place = NBA_SHAPE_ARENA,
                                 .item_bytes = (uint32_t)b->record->bytes,
                                 .image = image,
                                 .count_offset = base + b->count_offset,
                                 .capacity = b->capacity,
                                 .wire_bytes_min = nba_wire_bytes_min(part->w),
                                 .slots = b};
    if (b->kind == NBA_BIND_IN_PLACE) {
        shape.place = NBA_SHAPE_IN_PLACE;
    } else if (b->kind == NBA_BIND_SLOTS) {
        shape.place = NBA_SHAPE_SLOTS;
    }
    return nba_compiler_loop(c, part, base + b->offset, shape, image);
}

enum nba_status nba_compiler_pointer(struct nba_compiler *c, const struct nba_part *part,
                                     uint32_t base)
{
    unsigned char *image = nba_compiler_take_image(c, part->b->record);
    if (image == NULL) {
        return NBA_E_NO_MEMORY;
    }
    const struct nba_op_shape shape = {.item_bytes = (uint32_t)part->b->record->bytes,
                                       .image = image};
    uint32_t index = 0;
    enum nba_status status = take_shape(c, shape, &index);
    if (status == NBA_OK) {
        status = nba_compiler_emit(c, NBA_OP_ENTER, base + part->b->offset, index, 0);
    }
    if (status == NBA_OK) {
        status = emit_into(c, image, part->b->record->bytes, pointer_body, part);
    }
    return status == NBA_OK ? nba_compiler_emit(c, NBA_OP_LEAVE, 0, 0, 0) : status;
}
