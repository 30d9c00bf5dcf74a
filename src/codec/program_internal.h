/*
 * The operations of a program: a tree with one operation for each value.
 *
 *   compiler.c       makes it of a writer's schema, ours and a binding
 *   program_run.c    reads bytes by it
 *   program_write.c  writes bytes by it
 *
 * An operation stands at `offset` in its struct: the message, an item of a collection or a record
 * behind a pointer.  A list of operations ends with NBA_OP_END.  `null_first` makes any operation
 * one branch of a union with null: 0 no union, else 1 + the index of null.
 *
 * A program for writing is that of our schema as writer's and reader's: WORD's table goes from our
 * value to the symbol, derived words are there too, and a field that no member holds is a CONSTANT.
 */
#ifndef NBA_CODEC_PROGRAM_INTERNAL_H
#define NBA_CODEC_PROGRAM_INTERNAL_H

#include <stddef.h>
#include <stdint.h>

#include "nba/base/limits.h"
#include "nba/codec/binding.h"
#include "nba/codec/program.h"

enum nba_op_code {
    NBA_OP_END,
    NBA_OP_NOTHING, /* no bytes and nothing to set: left out of lists */
    NBA_OP_STRING,  /* a: limit */
    NBA_OP_WORD,    /* table; a: its length */
    NBA_OP_WORD8,   /* the same into a byte */
    NBA_OP_LONG,
    NBA_OP_INT_AS_LONG,
    NBA_OP_INT,
    NBA_OP_DOUBLE,
    NBA_OP_REAL, /* a number of kind a into a float or a double */
    NBA_OP_BOOL,
    NBA_OP_BLOB,
    NBA_OP_FIXED,    /* a: bytes */
    NBA_OP_SKIP,     /* type */
    NBA_OP_SET,      /* a into a bool; takes no bytes */
    NBA_OP_FAIL,     /* a value that has no reading; text: why */
    NBA_OP_UNION,    /* body: a list of one for each branch; a: branches */
    NBA_OP_BLOCK,    /* body: a list in the same struct */
    NBA_OP_POINTER,  /* body: a list in a struct of its own, made from the image */
    NBA_OP_LOOP,     /* body: a list for each item, made from the image; a: its fewest bytes */
    NBA_OP_SLOTS,    /* body: a list for each value, whose key chooses the place; a: the same;
                      * table: the order of writing */
    NBA_OP_CONSTANT, /* text: written, or read by the list body in place of bytes */
};

struct nba_op {
    uint8_t code;
    uint8_t null_first;
    uint32_t offset;
    uint32_t a;
    const char *name; /* of the field, for messages */
    const struct nba_binding *binding;
    const struct nba_op *body;
    union {
        const int32_t *table;
        const unsigned char *image;
        const struct nba_avro_type *type;
        const struct nba_str *text;
    } of;
};

struct nba_program {
    struct nba_op root[2];      /* a list of one */
    const unsigned char *image; /* the struct with everything absent */
    size_t image_bytes;
};

/* Entries of a table without a reading. */
#define NBA_NO_WORD INT32_MIN

/* Where the collection's count stands, in the same struct. */
static inline uint32_t nba_op_count_offset(const struct nba_op *op)
{
    return op->offset - op->binding->offset + op->binding->count_offset;
}

/* A list over a struct that is initialised already. */
NBA_MUST_USE
enum nba_status nba_program_run_ops(const struct nba_op *ops, struct nba_cursor *cursor,
                                    struct nba_arena *arena, void *record, struct nba_error *error);

/* Appends the record as one datum.  On failure buf->failed is set and nothing appended. */
void nba_program_write(const struct nba_program *program, const void *record, struct nba_buf *buf);

#endif
