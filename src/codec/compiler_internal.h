/*
 * The compiler of programs (program.h): walks writer's and reader's schema side by side, guided by
 * the binding, and emits operations in the order of the writer's bytes.
 *
 *   compiler.c        values and unions, and what is skipped
 *   compiler_parts.c  records, collections and the defaults of fields that the writer lacks
 *   program.c         the whole: from the first operation to the finished program
 *
 * Defaults are read once, while compiling, into the struct's image, from which every value starts;
 * only inside a branch of a union, where the record may be absent after all, they become
 * operations.
 */
#ifndef NBA_CODEC_COMPILER_INTERNAL_H
#define NBA_CODEC_COMPILER_INTERNAL_H

#include "program_internal.h"

#define NBA_COMPILER_TABLE_MAX    (4u * NBA_PROGRAM_OPS_MAX)
#define NBA_COMPILER_SHAPES_MAX   512u
#define NBA_COMPILER_DEFAULTS_MAX 512u

struct nba_compiler {
    struct nba_arena *arena;
    struct nba_error *error;
    const char *field; /* being compiled, for messages */
    struct nba_op ops[NBA_PROGRAM_OPS_MAX];
    const char *names[NBA_PROGRAM_OPS_MAX];
    uint32_t op_count;
    int32_t table[NBA_COMPILER_TABLE_MAX];
    uint32_t table_count;
    struct nba_op_shape shapes[NBA_COMPILER_SHAPES_MAX];
    uint32_t shape_count;
    struct nba_str defaults[NBA_COMPILER_DEFAULTS_MAX];
    uint32_t default_count;
    /* The struct whose fields are being compiled: its image, and whether what is emitted may not
     * run (inside a union's branch). */
    unsigned char *image;
    size_t image_bytes;
    bool conditional;
};

/* What is being compiled: writer's type, reader's type, and the member it goes to. */
struct nba_part {
    const struct nba_avro_type *w, *r;
    const struct nba_binding *b;
};

/* Fewest bytes of one item of an array or map. */
static inline uint32_t nba_wire_bytes_min(const struct nba_avro_type *w)
{
    return w->items->bytes_min + (w->kind == NBA_AVRO_MAP ? 1 : 0);
}

enum nba_status nba_compiler_too_large(struct nba_compiler *c);
/* One operation, under the name of the present field. */
enum nba_status nba_compiler_emit(struct nba_compiler *c, enum nba_op_code code, uint32_t offset,
                                  uint32_t a, uint32_t b);
/* Zeroed memory of the program; NULL after setting the error. */
void *nba_compiler_take(struct nba_compiler *c, size_t count, size_t size);
/* A struct whose members are all absent. */
unsigned char *nba_compiler_take_image(struct nba_compiler *c,
                                       const struct nba_record_binding *record);

/* A value of w, read as r, into b's member of the struct at `base`. */
enum nba_status nba_compiler_value(struct nba_compiler *c, const struct nba_avro_type *w,
                                   const struct nba_avro_type *r, const struct nba_binding *b,
                                   uint32_t base);
/* A value that nobody wants. */
enum nba_status nba_compiler_skip(struct nba_compiler *c, const struct nba_avro_type *w);
/* The fields of a record, those that only the reader has too. */
enum nba_status nba_compiler_fields(struct nba_compiler *c, const struct nba_avro_type *w,
                                    const struct nba_avro_type *r,
                                    const struct nba_record_binding *record, uint32_t base);
enum nba_status nba_compiler_pointer(struct nba_compiler *c, const struct nba_part *part,
                                     uint32_t base);
enum nba_status nba_compiler_collection(struct nba_compiler *c, const struct nba_part *part,
                                        uint32_t base);
/* The loop of an array or map; to skip it, part->b is NULL. */
enum nba_status nba_compiler_loop(struct nba_compiler *c, const struct nba_part *part,
                                  uint32_t offset, struct nba_op_shape shape, unsigned char *image);
/* Copies what was emitted into the arena. */
enum nba_status nba_compiler_finish(struct nba_compiler *c, const struct nba_program **ret_program);

#endif
