/*
 * The encoder's compiler.  It walks our own schema only, so whatever doesn't fit is a fault of ours
 * in schemas/ or bindings.c and refuses the start.
 */
#include "plan_internal.h"

#include <stdlib.h>
#include <string.h>

#include "json_internal.h"
#include "nba/base/assert.h"
#include "nba/base/limits.h"
#include "plan_ops_internal.h"
#include "program_internal.h"
#include "resolution_internal.h"

#define CONSTANT_BYTES 4096u

struct planner {
    struct nba_arena *arena;
    struct nba_error *error;
    struct nba_plan_op ops[NBA_PLAN_OPS_MAX];
    uint32_t op_count;
};

static enum nba_status plan_record(struct planner *p, const struct nba_avro_type *type,
                                   const struct nba_record_binding *record, uint32_t base);

static enum nba_status no_memory(struct planner *p)
{
    return nba_error_set(p->error, NBA_E_NO_MEMORY, "out of memory for an encoder's plan");
}

static enum nba_status emit(struct planner *p, struct nba_plan_op op)
{
    if (p->op_count == NBA_PLAN_OPS_MAX) {
        return nba_error_set(p->error, NBA_E_CONFIG, "a schema of ours has too many fields");
    }
    p->ops[p->op_count++] = op;
    return NBA_OK;
}

/* Symbol index by value of our enum; every word must be a symbol. */
static enum nba_status plan_symbols(struct planner *p, const struct nba_avro_type *type,
                                    const struct nba_words *words, const uint32_t **ret_symbols)
{
    uint32_t *symbols = nba_arena_zeros(p->arena, words->count, sizeof(*symbols));
    if (symbols == NULL) {
        return no_memory(p);
    }
    for (uint32_t value = 0; value < words->count; value++) {
        const char *word = words->name(value);
        uint32_t i = 0;
        while (word != NULL && i < type->symbol_count && strcmp(type->symbols[i], word) != 0) {
            i++;
        }
        if (word != NULL && i == type->symbol_count) {
            return nba_error_set(p->error, NBA_E_CONFIG, "enum %s: expected a symbol '%s'",
                                 type->name, word);
        }
        symbols[value] = word != NULL ? i : UINT32_MAX;
    }
    *ret_symbols = symbols;
    return NBA_OK;
}

/* The field's type without its union with null, and the union's bytes. */
static const struct nba_avro_type *strip_null(const struct nba_avro_type *type,
                                              struct nba_plan_leaf *leaf)
{
    const int32_t null_branch = nba_avro_null_branch(type);
    if (type->kind != NBA_AVRO_UNION || type->branch_count != 2 || null_branch < 0) {
        return type;
    }
    leaf->optional = true;
    leaf->null_byte = (uint8_t)(2 * null_branch);
    leaf->value_byte = (uint8_t)(2 * (1 - null_branch));
    return type->branches[1 - null_branch];
}

static enum nba_status plan_leaf(struct planner *p, const struct nba_avro_type *type,
                                 const struct nba_binding *b, struct nba_plan_leaf *leaf)
{
    type = strip_null(type, leaf);
    leaf->kind = b->kind;
    leaf->binding = b;
    leaf->limit = b->kind == NBA_BIND_TEXT ? NBA_STRING_BYTES_MAX : NBA_ID_BYTES_MAX;
    if (type->kind != nba_resolution_kind(b->kind)) {
        return nba_error_set(p->error, NBA_E_CONFIG, "schema says %s, the struct something else",
                             nba_avro_kind_name(type->kind));
    }
    return b->kind == NBA_BIND_WORD ? plan_symbols(p, type, b->words, &leaf->symbols) : NBA_OK;
}

/* Values of a word list in bytewise order of their words. */
static enum nba_status plan_order(struct planner *p, const struct nba_words *words,
                                  struct nba_plan_op *op)
{
    uint16_t *order = nba_arena_zeros(p->arena, words->count, sizeof(*order));
    if (order == NULL) {
        return no_memory(p);
    }
    uint32_t count = 0;
    for (uint32_t value = 0; value < words->count; value++) {
        const char *word = words->name(value);
        if (word == NULL) {
            continue;
        }
        uint32_t at = count++;
        while (at > 0 && strcmp(words->name(order[at - 1]), word) > 0) {
            order[at] = order[at - 1];
            at--;
        }
        order[at] = (uint16_t)value;
    }
    op->order = order;
    op->order_count = count;
    return NBA_OK;
}

/* NOLINTBEGIN(misc-no-recursion): our own schemas, at most NBA_DEPTH_MAX deep */
static enum nba_status plan_loop(struct planner *p, const struct nba_avro_type *items,
                                 const struct nba_binding *b, struct nba_plan_op op)
{
    if (items->kind != NBA_AVRO_RECORD) {
        return nba_error_set(p->error, NBA_E_CONFIG, "expected an array of records");
    }
    const uint32_t loop = p->op_count;
    op.code = NBA_PLAN_LOOP;
    enum nba_status status = emit(p, op);
    if (status == NBA_OK) {
        status = plan_record(p, items, b->record, 0);
    }
    if (status == NBA_OK) {
        status = emit(p, (struct nba_plan_op){.code = NBA_PLAN_NEXT, .behind = loop + 1});
    }
    if (status == NBA_OK) {
        p->ops[loop].behind = p->op_count;
    }
    return status;
}

static enum nba_status plan_collection(struct planner *p, const struct nba_avro_type *type,
                                       const struct nba_binding *b, struct nba_plan_op op)
{
    const struct nba_binding *members = b->record->fields;
    enum nba_status status = NBA_OK;
    op.item_bytes = (uint32_t)b->record->bytes;
    switch ((int)b->kind) {
    case NBA_BIND_MAP:
        op.code = NBA_PLAN_MAP;
        op.key = (struct nba_plan_leaf){.kind = members[0].kind, .limit = NBA_ID_BYTES_MAX};
        op.key_offset = members[0].offset;
        op.value_offset = members[1].offset;
        struct nba_plan_leaf value = {0};
        status = plan_leaf(p, type->items, &members[1], &value);
        value.optional = op.leaf.optional;
        value.null_byte = op.leaf.null_byte;
        value.value_byte = op.leaf.value_byte;
        op.leaf = value;
        return status == NBA_OK ? emit(p, op) : status;
    case NBA_BIND_SLOTS:
        op.code = NBA_PLAN_SLOTS;
        status = plan_leaf(p, type->items, &members[0], &op.leaf);
        op.leaf.binding = b;
        if (status == NBA_OK) {
            status = plan_order(p, b->words, &op);
        }
        return status == NBA_OK ? emit(p, op) : status;
    default:
        break;
    }
    if (b->record->count != 1 || members[0].name != NULL) {
        return plan_loop(p, type->items, b, op);
    }
    op.code = NBA_PLAN_LEAVES;
    struct nba_plan_leaf item = {0};
    status = plan_leaf(p, type->items, &members[0], &item);
    item.optional = op.leaf.optional;
    item.null_byte = op.leaf.null_byte;
    item.value_byte = op.leaf.value_byte;
    item.binding = b;
    op.leaf = item;
    return status == NBA_OK ? emit(p, op) : status;
}

static enum nba_status plan_group(struct planner *p, const struct nba_avro_type *type,
                                  const struct nba_binding *b, struct nba_plan_op op, uint32_t base)
{
    const uint32_t first = p->op_count;
    const bool pointer = b->kind == NBA_BIND_POINTER;
    enum nba_status status = NBA_OK;
    op.leaf.binding = b;
    if (pointer || op.leaf.optional) {
        op.code = pointer ? NBA_PLAN_POINTER : NBA_PLAN_GROUP;
        status = emit(p, op);
    }
    if (status == NBA_OK) {
        status = plan_record(p, type, b->record, pointer ? 0 : base + b->offset);
    }
    if (status == NBA_OK && pointer) {
        status = emit(p, (struct nba_plan_op){.code = NBA_PLAN_LEAVE});
    }
    if (status == NBA_OK && (pointer || op.leaf.optional)) {
        p->ops[first].behind = p->op_count;
    }
    return status;
}

static enum nba_status plan_constant(struct planner *p, const struct nba_avro_field *field)
{
    if (field->default_value == NULL) {
        return nba_error_set(p->error, NBA_E_CONFIG, "expected a default, no struct holds it");
    }
    struct nba_buf buf;
    nba_buf_init(&buf, CONSTANT_BYTES);
    enum nba_status status =
        nba_json_read_datum(field->default_value, field->type, NBA_JSON_DEFAULT, &buf, p->error);
    if (status == NBA_OK) {
        const struct nba_str constant = nba_arena_copy(p->arena, nba_buf_str(&buf));
        status = constant.data != NULL
                     ? emit(p, (struct nba_plan_op){.code = NBA_PLAN_CONST, .constant = constant})
                     : no_memory(p);
    }
    nba_buf_clear(&buf);
    return status;
}

static const struct nba_binding *find(const struct nba_record_binding *record, const char *name)
{
    for (uint32_t i = 0; i < record->count; i++) {
        if (strcmp(record->fields[i].name, name) == 0) {
            return &record->fields[i];
        }
    }
    return NULL;
}

static enum nba_status plan_field(struct planner *p, const struct nba_avro_field *field,
                                  const struct nba_record_binding *record, uint32_t base)
{
    const struct nba_binding *b = find(record, field->name);
    if (b == NULL) {
        return plan_constant(p, field);
    }
    struct nba_plan_op op = {
        .code = NBA_PLAN_LEAF, .offset = base + b->offset, .count_offset = base + b->count_offset};
    const struct nba_avro_type *type = strip_null(field->type, &op.leaf);
    if (type->kind != nba_resolution_kind(b->kind)) {
        return nba_error_set(p->error, NBA_E_CONFIG, "schema says %s, the struct something else",
                             nba_avro_kind_name(type->kind));
    }
    if (type->kind == NBA_AVRO_RECORD) {
        return plan_group(p, type, b, op, base);
    }
    if (type->kind == NBA_AVRO_ARRAY || type->kind == NBA_AVRO_MAP) {
        op.leaf.binding = b;
        return plan_collection(p, type, b, op);
    }
    const enum nba_status status = plan_leaf(p, field->type, b, &op.leaf);
    return status == NBA_OK ? emit(p, op) : status;
}

static enum nba_status plan_record(struct planner *p, const struct nba_avro_type *type,
                                   const struct nba_record_binding *record, uint32_t base)
{
    for (uint32_t i = 0; i < record->count; i++) {
        uint32_t k = 0;
        while (k < type->field_count && strcmp(type->fields[k].name, record->fields[i].name) != 0) {
            k++;
        }
        if (k == type->field_count) {
            return nba_error_set(p->error, NBA_E_CONFIG, "%s: expected a field '%s'", type->name,
                                 record->fields[i].name);
        }
    }
    for (uint32_t i = 0; i < type->field_count; i++) {
        const enum nba_status status = plan_field(p, &type->fields[i], record, base);
        if (status != NBA_OK) {
            return nba_error_prefix(p->error, "%s", type->fields[i].name);
        }
    }
    return NBA_OK;
}

/* NOLINTEND(misc-no-recursion) */

enum nba_status nba_plan_compile(const struct nba_avro_type *type,
                                 const struct nba_record_binding *binding, struct nba_arena *arena,
                                 const struct nba_plan **ret_plan, struct nba_error *error)
{
    NBA_ASSERT(type != NULL && binding != NULL && arena != NULL && error != NULL);
    if (type->kind != NBA_AVRO_RECORD) {
        return nba_error_set(error, NBA_E_CONFIG, "expected a record");
    }
    struct planner *p = calloc(1, sizeof(*p));
    if (p == NULL) {
        return nba_error_set(error, NBA_E_NO_MEMORY, "out of memory for an encoder's plan");
    }
    p->arena = arena;
    p->error = error;
    enum nba_status status = plan_record(p, type, binding, 0);
    if (status == NBA_OK) {
        status = emit(p, (struct nba_plan_op){.code = NBA_PLAN_END});
    }
    struct nba_plan *plan = NULL;
    struct nba_plan_op *ops = NULL;
    if (status == NBA_OK) {
        plan = nba_arena_zeros(arena, 1, sizeof(*plan));
        ops = nba_arena_zeros(arena, p->op_count, sizeof(*ops));
        status = plan != NULL && ops != NULL ? NBA_OK : no_memory(p);
    }
    if (status == NBA_OK) {
        memcpy(ops, p->ops, p->op_count * sizeof(*ops));
        plan->ops = ops;
        *ret_plan = plan;
    }
    free(p);
    return status;
}
