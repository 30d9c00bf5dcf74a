/* From two schemas and a binding to a program: the frame around the compiler. */
#include "nba/codec/program.h"

#include <stdlib.h>
#include <string.h>

#include "compiler_internal.h"
#include "nba/base/assert.h"
#include "resolution_internal.h"

enum nba_status nba_compiler_too_large(struct nba_compiler *c)
{
    return nba_error_set(c->error, NBA_E_SCHEMA_INCOMPATIBLE, "%s: schema is too large to compile",
                         c->field);
}

enum nba_status nba_compiler_emit(struct nba_compiler *c, enum nba_op_code code, uint32_t offset,
                                  uint32_t a, uint32_t b)
{
    if (c->op_count == NBA_PROGRAM_OPS_MAX) {
        return nba_compiler_too_large(c);
    }
    c->names[c->op_count] = c->field;
    c->ops[c->op_count++] =
        (struct nba_op){.code = (uint8_t)code, .offset = offset, .a = a, .b = b};
    return NBA_OK;
}

void *nba_compiler_take(struct nba_compiler *c, size_t count, size_t size)
{
    void *memory = nba_arena_zeros(c->arena, count != 0 ? count : 1, size);
    if (memory == NULL) {
        (void)nba_error_set(c->error, NBA_E_NO_MEMORY, "%s: out of memory for its program",
                            c->field);
    }
    return memory;
}

unsigned char *nba_compiler_take_image(struct nba_compiler *c,
                                       const struct nba_record_binding *record)
{
    unsigned char *image = nba_compiler_take(c, record->bytes, 1);
    if (image != NULL) {
        nba_resolution_absent(record, image);
    }
    return image;
}

static void *copied(struct nba_compiler *c, const void *data, size_t count, size_t size)
{
    void *copy = nba_compiler_take(c, count, size);
    if (copy != NULL && count != 0) {
        memcpy(copy, data, count * size);
    }
    return copy;
}

enum nba_status nba_compiler_finish(struct nba_compiler *c, const struct nba_program **ret_program)
{
    const enum nba_status status = nba_compiler_emit(c, NBA_OP_END, 0, 0, 0);
    if (status != NBA_OK) {
        return status;
    }
    struct nba_program *program = nba_compiler_take(c, 1, sizeof(*program));
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
    struct nba_compiler *c = calloc(1, sizeof(*c));
    if (c == NULL) {
        return nba_error_set(error, NBA_E_NO_MEMORY, "out of memory for a decoder's program");
    }
    c->arena = arena;
    c->error = error;
    c->field = reader->name != NULL ? reader->name : "value";
    c->image_bytes = binding->bytes;
    c->image = nba_compiler_take_image(c, binding);
    enum nba_status status = c->image != NULL ? NBA_OK : NBA_E_NO_MEMORY;
    if (status == NBA_OK) {
        const struct nba_binding whole = {.kind = NBA_BIND_RECORD, .record = binding};
        status = nba_compiler_value(c, writer, reader, &whole, 0);
    }
    if (status == NBA_OK) {
        status = nba_compiler_finish(c, ret_program);
    }
    free(c);
    return status;
}
