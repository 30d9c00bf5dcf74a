/* Values, unions, and what is skipped. */
#include "compiler_internal.h"

#include "nba/base/assert.h"
#include "resolution_internal.h"

static enum nba_status mismatch(struct nba_compiler *c, const struct nba_avro_type *w,
                                const struct nba_avro_type *r)
{
    return nba_error_set(c->error, NBA_E_SCHEMA_INCOMPATIBLE,
                         "%s: writer's %s %s can't be read as %s %s", c->field,
                         nba_avro_kind_name(w->kind), w->name != NULL ? w->name : "",
                         nba_avro_kind_name(r->kind), r->name != NULL ? r->name : "");
}

/* ---- enums --------------------------------------------------------------------------------- */

/* One table entry a symbol of the writer: the value of our word of that name. */
static enum nba_status emit_word(struct nba_compiler *c, const struct nba_part *part, uint32_t base)
{
    const struct nba_avro_type *w = part->w;
    const struct nba_avro_type *r = part->r;
    if (c->table_count + w->symbol_count > NBA_COMPILER_TABLE_MAX) {
        return nba_compiler_too_large(c);
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
    return nba_compiler_emit(c, part->b->bytes == 1 ? NBA_OP_WORD8 : NBA_OP_WORD,
                             base + part->b->offset, first, w->symbol_count);
}

/* ---- values -------------------------------------------------------------------------------- */

static enum nba_status unbindable(struct nba_compiler *c, const struct nba_avro_type *r)
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
static enum nba_status emit_plain(struct nba_compiler *c, const struct nba_part *part,
                                  uint32_t base)
{
    const struct nba_binding *b = part->b;
    const uint32_t at = base + b->offset;
    if (part->r->kind != nba_resolution_kind(b->kind)) {
        return unbindable(c, part->r);
    }
    switch (b->kind) {
    case NBA_BIND_ID:
        return nba_compiler_emit(c, NBA_OP_STRING, at, NBA_ID_BYTES_MAX, 0);
    case NBA_BIND_TEXT:
        return nba_compiler_emit(c, NBA_OP_STRING, at, NBA_STRING_BYTES_MAX, 0);
    case NBA_BIND_BLOB:
        return nba_compiler_emit(c, NBA_OP_BLOB, at, 0, 0);
    case NBA_BIND_CSTR:
        return nba_compiler_emit(c, NBA_OP_CSTR, at, 0, 0);
    case NBA_BIND_OCTETS:
        return nba_compiler_emit(c, NBA_OP_OCTETS, at, 0, base + b->count_offset);
    case NBA_BIND_BOOL:
        return nba_compiler_emit(c, NBA_OP_BOOL, at, 0, 0);
    case NBA_BIND_INT:
        return nba_compiler_emit(c, NBA_OP_INT, at, 0, 0);
    case NBA_BIND_LONG:
    case NBA_BIND_TIME:
        return nba_compiler_emit(
            c, part->w->kind == NBA_AVRO_INT ? NBA_OP_INT_AS_LONG : NBA_OP_LONG, at, 0, 0);
    case NBA_BIND_DOUBLE:
        return nba_compiler_emit(c, double_code(part->w->kind), at, 0, 0);
    case NBA_BIND_WORD:
        return emit_word(c, part, base);
    case NBA_BIND_RECORD:
        return nba_compiler_fields(c, part->w, part->r, b->record, at);
    case NBA_BIND_POINTER:
        return nba_compiler_pointer(c, part, base);
    case NBA_BIND_ARRAY:
    case NBA_BIND_IN_PLACE:
    case NBA_BIND_MAP:
    case NBA_BIND_SLOTS:
        break;
    }
    return nba_compiler_collection(c, part, base);
}

/* Puts the latest operation into a union with null, if it is the only one since `first`. */
static bool fold_null(struct nba_compiler *c, const struct nba_avro_type *w, uint32_t first)
{
    const int32_t null_branch = nba_avro_null_branch(w);
    if (w->branch_count != 2 || null_branch < 0 || c->op_count != first + 1 ||
        c->ops[first].code == NBA_OP_FAIL) {
        return false;
    }
    c->ops[first].null_first = (uint8_t)(1 + null_branch);
    return true;
}

/* Is it worth trying?  Records aren't: compiling them twice a level would double with
 * each level. */
static bool may_fold(const struct nba_avro_type *branch)
{
    const struct nba_avro_type *inner = branch->kind == NBA_AVRO_ARRAY ? branch->items : branch;
    return inner->kind <= NBA_AVRO_ENUM;
}

/* NOLINTBEGIN(misc-no-recursion): bounded by both schemas' depth; every level emits an operation or
 * takes no bytes at all */

/* One branch: as a value of r (b bound), or skipped (r NULL). */
static enum nba_status emit_branch(struct nba_compiler *c, const struct nba_avro_type *branch,
                                   const struct nba_part *part, uint32_t base)
{
    const uint32_t first = c->op_count;
    if (part->r == NULL) {
        return nba_compiler_skip(c, branch);
    }
    const bool conditional = c->conditional;
    c->conditional = true;
    enum nba_status status = nba_compiler_value(c, branch, part->r, part->b, base);
    c->conditional = conditional;
    if (status == NBA_E_SCHEMA_INCOMPATIBLE && c->op_count < NBA_PROGRAM_OPS_MAX) {
        c->op_count = first;
        status = nba_compiler_emit(c, NBA_OP_FAIL, 0, 0, 0);
    }
    return status;
}

/* UNION, then each branch with a jump behind the last.  Part's r is NULL to skip the value. */
static enum nba_status emit_union(struct nba_compiler *c, const struct nba_part *part,
                                  uint32_t base)
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
    if (c->table_count + w->branch_count > NBA_COMPILER_TABLE_MAX) {
        return nba_compiler_too_large(c);
    }
    const uint32_t jumps = c->table_count;
    c->table_count += w->branch_count;
    enum nba_status status = nba_compiler_emit(c, NBA_OP_UNION, 0, jumps, w->branch_count);
    uint32_t failed = 0;
    for (uint32_t i = 0; status == NBA_OK && i < w->branch_count; i++) {
        const char *field = c->field;
        c->table[jumps + i] = (int32_t)c->op_count;
        status = emit_branch(c, w->branches[i], part, base);
        c->field = field;
        failed += c->ops[c->op_count - 1].code == NBA_OP_FAIL &&
                  c->table[jumps + i] == (int32_t)c->op_count - 1;
        if (status == NBA_OK) {
            status = nba_compiler_emit(c, NBA_OP_JUMP, 0, 0, (uint32_t)i);
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

enum nba_status nba_compiler_value(struct nba_compiler *c, const struct nba_avro_type *w,
                                   const struct nba_avro_type *r, const struct nba_binding *b,
                                   uint32_t base)
{
    const struct nba_part whole = {w, r, b};
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
        const enum nba_status status =
            nba_compiler_emit(c, NBA_OP_SET, base + b->presence_offset, 0, 0);
        if (status != NBA_OK) {
            return status;
        }
    }
    const struct nba_part part = {w, branch, b};
    return emit_plain(c, &part, base);
}

enum nba_status nba_compiler_skip(struct nba_compiler *c, const struct nba_avro_type *w)
{
    enum nba_status status = NBA_OK;
    if (w->bytes_min == 0) {
        return NBA_OK;
    }
    const struct nba_part part = {.w = w};
    const struct nba_op_shape shape = {
        .place = NBA_SHAPE_SKIP,
        .wire_bytes_min =
            w->kind == NBA_AVRO_ARRAY || w->kind == NBA_AVRO_MAP ? nba_wire_bytes_min(w) : 0};
    switch (w->kind) {
    case NBA_AVRO_NULL:
        return NBA_OK;
    case NBA_AVRO_INT:
    case NBA_AVRO_LONG:
    case NBA_AVRO_ENUM:
        return nba_compiler_emit(c, NBA_OP_SKIP_VARINT, 0, 0, 0);
    case NBA_AVRO_BOOLEAN:
    case NBA_AVRO_FLOAT:
    case NBA_AVRO_DOUBLE:
    case NBA_AVRO_FIXED:
        return nba_compiler_emit(c, NBA_OP_SKIP_FIXED, 0, w->bytes_min, 0);
    case NBA_AVRO_BYTES:
    case NBA_AVRO_STRING:
        return nba_compiler_emit(c, NBA_OP_SKIP_SIZED, 0, 0, 0);
    case NBA_AVRO_ARRAY:
    case NBA_AVRO_MAP:
        return nba_compiler_loop(c, &part, 0, shape, NULL);
    case NBA_AVRO_UNION:
        return emit_union(c, &part, 0);
    case NBA_AVRO_RECORD:
        break;
    }
    for (uint32_t i = 0; status == NBA_OK && i < w->field_count; i++) {
        status = nba_compiler_skip(c, w->fields[i].type);
    }
    return status;
}

/* NOLINTEND(misc-no-recursion) */
