/* The operations of a compiled encoder, shared by its compiler and its machine. */
#ifndef NBA_CODEC_PLAN_OPS_INTERNAL_H
#define NBA_CODEC_PLAN_OPS_INTERNAL_H

#include <stdint.h>

#include "nba/codec/binding.h"
#include "plan_internal.h"

#define NBA_PLAN_OPS_MAX 512u

enum nba_plan_code {
    NBA_PLAN_LEAF,    /* one plain member */
    NBA_PLAN_CONST,   /* a field that our struct lacks: its default's bytes */
    NBA_PLAN_LEAVES,  /* array of plain members */
    NBA_PLAN_MAP,     /* keys in bytewise order */
    NBA_PLAN_SLOTS,   /* the same, of a map by words */
    NBA_PLAN_GROUP,   /* a record in place; absent: on to `behind` */
    NBA_PLAN_POINTER, /* a record behind a pointer; absent: on to `behind` */
    NBA_PLAN_LEAVE,
    NBA_PLAN_LOOP, /* array of records; empty: on to `behind` */
    NBA_PLAN_NEXT,
    NBA_PLAN_END,
};

/* One plain value.  Index bytes are those of the union it stands in, already zig-zag. */
struct nba_plan_leaf {
    enum nba_bind kind;
    uint32_t limit; /* ID, TEXT */
    bool optional;  /* a union with null */
    uint8_t null_byte;
    uint8_t value_byte;
    const struct nba_binding *binding;
    const uint32_t *symbols; /* WORD: by value */
};

struct nba_plan_op {
    enum nba_plan_code code;
    uint32_t offset;
    uint32_t count_offset;
    uint32_t behind;
    struct nba_plan_leaf leaf; /* of the member, item, or map value; for records its union bytes */
    struct nba_plan_leaf key;  /* MAP */
    uint32_t key_offset;
    uint32_t value_offset;
    uint32_t item_bytes;
    const uint16_t *order; /* SLOTS: values in the order of their words */
    uint32_t order_count;
    struct nba_str constant;
};

struct nba_plan {
    const struct nba_plan_op *ops;
};

#endif
