/*
 * The operations of a compiled decoder.
 *
 * One operation is 16 bytes and does one thing at `dst + offset`, where dst is the struct being
 * filled: the message, or an item of an array, or a record behind a pointer.  Loops and records
 * push a frame.  `null_first` makes any operation one branch of a union with null, the commonest
 * union of all, without a jump: 0 no union, else 1 + the index of null.
 */
#ifndef NBA_CODEC_PROGRAM_INTERNAL_H
#define NBA_CODEC_PROGRAM_INTERNAL_H

#include <stddef.h>
#include <stdint.h>

#include "nba/base/limits.h"
#include "nba/codec/binding.h"
#include "nba/codec/program.h"

/*                        a                       b */
enum nba_op_code {
    NBA_OP_STRING,        /* limit                                                          */
    NBA_OP_WORD,          /* table               symbols                                    */
    NBA_OP_WORD8,         /* the same into a byte                                           */
    NBA_OP_LONG,          /*                                                                */
    NBA_OP_INT_AS_LONG,   /*                                                                */
    NBA_OP_INT,           /*                                                                */
    NBA_OP_DOUBLE,        /*                                                                */
    NBA_OP_SKIP_SIZED,    /* string, bytes                                                  */
    NBA_OP_SKIP_VARINT,   /*                                                                */
    NBA_OP_SKIP_FIXED,    /* bytes                                                          */
    NBA_OP_STRINGS,       /* limit               count's offset; an array of strings        */
    NBA_OP_BOOL,          /*                                                                */
    NBA_OP_FLOAT,         /* into a double                                                  */
    NBA_OP_INT_AS_DOUBLE, /*                                                                */
    NBA_OP_LONG_AS_DOUBLE,
    NBA_OP_BLOB,
    NBA_OP_OCTETS, /*                     count's offset                             */
    NBA_OP_CSTR,
    NBA_OP_SET,   /* true into a bool                                               */
    NBA_OP_UNION, /* first jump          branches                                   */
    NBA_OP_JUMP,  /* target                                                         */
    NBA_OP_FAIL,  /* the branch or symbol has no reading                            */
    NBA_OP_ENTER, /* shape: a record behind a pointer                               */
    NBA_OP_LEAVE,
    NBA_OP_LOOP,    /* shape               behind the loop; array or map              */
    NBA_OP_NEXT,    /* first of the body                                              */
    NBA_OP_SLOT,    /* shape: key of a map by words, dst is its value then            */
    NBA_OP_DEFAULT, /* default: read from it until RESUME                             */
    NBA_OP_RESUME,
    NBA_OP_END,
};

struct nba_op {
    uint8_t code;
    uint8_t null_first;
    uint16_t unused;
    uint32_t offset;
    uint32_t a;
    uint32_t b;
};

/* What a loop makes of its items.  `image` is an item before its bytes are read. */
struct nba_op_shape {
    enum { NBA_SHAPE_SKIP, NBA_SHAPE_ARENA, NBA_SHAPE_IN_PLACE, NBA_SHAPE_SLOTS } place;
    uint32_t item_bytes;
    const unsigned char *image;
    uint32_t count_offset;
    uint32_t capacity;       /* IN_PLACE */
    uint32_t wire_bytes_min; /* fewest an item takes */
    const struct nba_binding *slots;
};

struct nba_program {
    const struct nba_op *ops;
    const char *const *names; /* of the field each operation reads, for messages */
    uint32_t op_count;
    const int32_t *table;
    const struct nba_op_shape *shapes;
    const struct nba_str *defaults;
    const unsigned char *image;
    size_t image_bytes;
};

/* Every frame but slots' is a record or a collection in the writer's schema or in a default. */
#define NBA_FRAMES_MAX (2u * NBA_DEPTH_MAX)

/* Symbols of the table without a reading. */
#define NBA_NO_WORD INT32_MIN

/* Runs over a record that is initialised already. */
enum nba_status nba_program_fill(const struct nba_program *program, struct nba_cursor *cursor,
                                 struct nba_arena *arena, void *record, struct nba_error *error);

#endif
