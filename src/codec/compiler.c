/*
 * The compiler of programs (program.h): walks writer's and reader's schema side by side, guided by
 * the binding, and makes one operation of each value, in the order of the writer's bytes.  The
 * recursion follows both schemas' nesting.
 *
 * w is always the writer's type, r the reader's, b the member that the value goes to, `base` where
 * the fields of a record in place begin in their struct.
 */
#include <string.h>

#include "json_internal.h"
#include "machine_internal.h"
#include "nba/base/assert.h"
#include "nba/base/compiler.h"
#include "program_internal.h"
#include "resolution_internal.h"

#define DEFAULT_BYTES ((size_t)64 * 1024)

/* A struct of its own that is compiled already, or is being compiled further up. */
struct part {
    const struct part *next;
    const struct nba_avro_type *writer, *reader;
    const struct nba_binding *binding;
    struct nba_op *body;
    unsigned char *image;
};

struct compiler {
    struct nba_arena *arena;
    size_t arena_bytes_max;
    struct nba_error *error;
    enum nba_status status; /* nothing that is compiled after a failure counts */
    const struct part *parts;
    bool for_writing;
    const char *field; /* being compiled, for messages */
    /* The struct whose fields are being compiled as it is before anything is read. */
    unsigned char *image;
    size_t image_bytes;
    bool certain; /* no union's branch decides whether they are read */
};

/* What each kind of member takes on our side, and how; the limit is that of a text. */
static const struct {
    enum nba_avro_kind avro;
    enum nba_op_code code;
    uint32_t limit;
} kinds[] = {
    [NBA_BIND_ID] = {NBA_AVRO_STRING, NBA_OP_STRING, NBA_ID_BYTES_MAX},
    [NBA_BIND_TEXT] = {NBA_AVRO_STRING, NBA_OP_STRING, NBA_STRING_BYTES_MAX},
    [NBA_BIND_BLOB] = {NBA_AVRO_BYTES, NBA_OP_BLOB, 0},
    [NBA_BIND_FIXED] = {NBA_AVRO_FIXED, NBA_OP_FIXED, 0},
    [NBA_BIND_BOOL] = {NBA_AVRO_BOOLEAN, NBA_OP_BOOL, 0},
    [NBA_BIND_INT] = {NBA_AVRO_INT, NBA_OP_INT, 0},
    [NBA_BIND_LONG] = {NBA_AVRO_LONG, NBA_OP_LONG, 0},
    [NBA_BIND_TIME] = {NBA_AVRO_LONG, NBA_OP_LONG, 0},
    [NBA_BIND_FLOAT] = {NBA_AVRO_FLOAT, NBA_OP_REAL, 0},
    [NBA_BIND_DOUBLE] = {NBA_AVRO_DOUBLE, NBA_OP_DOUBLE, 0},
    [NBA_BIND_NULL] = {NBA_AVRO_NULL, NBA_OP_NOTHING, 0},
    [NBA_BIND_WORD] = {NBA_AVRO_ENUM, NBA_OP_WORD, 0},
    [NBA_BIND_RECORD] = {NBA_AVRO_RECORD, NBA_OP_BLOCK, 0},
    [NBA_BIND_POINTER] = {NBA_AVRO_RECORD, NBA_OP_POINTER, 0},
    [NBA_BIND_ARRAY] = {NBA_AVRO_ARRAY, NBA_OP_LOOP, 0},
    [NBA_BIND_IN_PLACE] = {NBA_AVRO_ARRAY, NBA_OP_LOOP, 0},
    [NBA_BIND_MAP] = {NBA_AVRO_MAP, NBA_OP_LOOP, 0},
    [NBA_BIND_SLOTS] = {NBA_AVRO_MAP, NBA_OP_SLOTS, 0},
    [NBA_BIND_UNION] = {NBA_AVRO_UNION, NBA_OP_UNION, 0},
};

/* Zeroed memory of the program, whose size compile_value keeps within bounds. */
static void *take(struct compiler *c, size_t count, size_t size)
{
    return memset(nba_arena_need(c->arena, count * size), 0, count * size);
}

/* ---- plain values -------------------------------------------------------------------------- */

static int32_t word_value(const struct nba_words *words, const char *symbol)
{
    const size_t value = nba_str_find(nba_str_of(symbol), words->names, words->count);
    return value < words->count ? (int32_t)value : NBA_NO_WORD;
}

/* "field: what". */
static void refuse(struct compiler *c, enum nba_status status, const char *what)
{
    c->status = nba_error_set(c->error, status, "%s: %s", c->field, what);
}

static void refuse_binding(struct compiler *c, const struct nba_avro_type *r)
{
    c->status =
        nba_error_set(c->error, NBA_E_CONFIG, "%s: our schema says %s, our struct something else",
                      c->field, nba_avro_kind_name(r->kind));
}

/* A table from the writer's symbols to our values; for writing, from our values to the symbols. */
static void compile_word(struct compiler *c, const struct nba_avro_type *w,
                         const struct nba_avro_type *r, struct nba_op *op)
{
    const struct nba_words *words = op->binding->words;
    NBA_ASSERT(words != NULL);
    op->a = c->for_writing ? words->count : w->symbol_count;
    op->code = op->binding->bytes == 1 ? NBA_OP_WORD8 : NBA_OP_WORD;
    int32_t *table = take(c, op->a, sizeof(*table));
    op->of.table = table;
    for (uint32_t i = 0; i < op->a; i++) {
        const char *word = c->for_writing ? words->names[i] : w->symbols[i];
        const size_t symbol = nba_str_find(nba_str_of(word), r->symbols, r->symbol_count);
        const bool ours = symbol < r->symbol_count;
        table[i] = NBA_NO_WORD;
        if (!c->for_writing) {
            table[i] = ours ? word_value(words, word) : NBA_NO_WORD;
            if (table[i] == NBA_NO_WORD && r->symbol_default >= 0) {
                table[i] = word_value(words, r->symbols[r->symbol_default]);
            }
        } else if (word != NULL && ours) {
            table[i] = (int32_t)symbol;
        } else if (word != NULL) {
            c->status = nba_error_set(c->error, NBA_E_CONFIG, "enum %s: expected a symbol '%s'",
                                      r->name, word);
        }
    }
}

/* The values of a word list in bytewise order of their words, NBA_NO_WORD behind the last. */
static void compile_order(struct compiler *c, const struct nba_words *words, struct nba_op *op)
{
    NBA_ASSERT(words != NULL);
    int32_t *order = take(c, words->count + 1, sizeof(*order));
    uint32_t count = 0;
    for (uint32_t value = 0; value < words->count; value++) {
        const char *word = words->names[value];
        uint32_t at = count;
        if (word == NULL) {
            continue;
        }
        for (; at > 0 && strcmp(words->names[order[at - 1]], word) > 0; at--) {
            order[at] = order[at - 1];
        }
        order[at] = (int32_t)value;
        count++;
    }
    order[count] = NBA_NO_WORD;
    op->of.table = order;
}

static enum nba_op_code promoted(enum nba_op_code code, enum nba_avro_kind writer)
{
    if (code == NBA_OP_LONG && writer == NBA_AVRO_INT) {
        return NBA_OP_INT_AS_LONG;
    }
    return code == NBA_OP_DOUBLE && writer != NBA_AVRO_DOUBLE ? NBA_OP_REAL : code;
}

/* A value that has no reading, said when one comes: the message is that of the compilation. */
static struct nba_op fail_op(struct compiler *c)
{
    struct nba_str *why = take(c, 1, sizeof(*why));
    *why = nba_arena_copy(c->arena, nba_str(c->error->message, strlen(c->error->message) + 1));
    NBA_ASSERT(why->data != NULL);
    c->status = NBA_OK;
    return (struct nba_op){.code = NBA_OP_FAIL, .name = c->field, .of.text = why};
}

/* The bytes of a field's default. */
static const struct nba_str *default_text(struct compiler *c, const struct nba_avro_field *field)
{
    struct nba_buf buf;
    struct nba_str *text = take(c, 1, sizeof(*text));
    nba_buf_init(&buf, DEFAULT_BYTES);
    c->status =
        nba_json_read_datum(field->default_value, field->type, NBA_JSON_DEFAULT, &buf, c->error);
    *text = nba_arena_copy(c->arena, nba_buf_str(&buf));
    NBA_ASSERT(text->data != NULL);
    nba_buf_clear(&buf);
    return text;
}

/* ---- values with parts --------------------------------------------------------------------- */

/* NOLINTBEGIN(misc-no-recursion): bounded by the schemas' depth */

static void compile_value(struct compiler *c, const struct nba_avro_type *w,
                          const struct nba_avro_type *r, const struct nba_binding *b, uint32_t base,
                          struct nba_op *op);

/* A branch that has no reading fails when a value takes it. */
static void compile_union(struct compiler *c, const struct nba_avro_type *w,
                          const struct nba_avro_type *r, const struct nba_binding *b, uint32_t base,
                          struct nba_op *op)
{
    const bool certain = c->certain;
    uint32_t failed = 0;
    c->certain = false;
    struct nba_op *branches = take(c, 2 * (size_t)w->branch_count, sizeof(*branches));
    for (uint32_t i = 0; c->status == NBA_OK && i < w->branch_count; i++) {
        compile_value(c, w->branches[i], r, b, base, &branches[2 * (size_t)i]);
        if (c->status == NBA_E_SCHEMA_INCOMPATIBLE && !c->for_writing) {
            branches[2 * (size_t)i] = fail_op(c);
            failed++;
        }
    }
    c->certain = certain;
    const int32_t null_branch = nba_avro_null_branch(w);
    if (failed == w->branch_count) {
        refuse(c, NBA_E_SCHEMA_INCOMPATIBLE, "no branch of the writer's union can be read as ours");
    } else if (w->branch_count == 2 && null_branch >= 0 && failed == 0) {
        *op = branches[2 - 2 * (size_t)null_branch];
        op->null_first = (uint8_t)(1 + null_branch);
    } else {
        *op = (struct nba_op){
            .code = NBA_OP_UNION, .a = w->branch_count, .name = c->field, .body = branches};
        if (c->for_writing && b->kind != NBA_BIND_UNION && c->status == NBA_OK) {
            refuse_binding(c, w);
        }
    }
}

/* A field that the writer lacks.  Its default is in the image from the start, or is read like a
 * value where it depends on a branch. */
static void compile_default(struct compiler *c, const struct nba_avro_field *field,
                            const struct nba_binding *b, uint32_t base, struct nba_op *op)
{
    if (field->default_value == NULL) {
        refuse(c, NBA_E_SCHEMA_INCOMPATIBLE, "the writer doesn't have it, and it has no default");
    }
    if (b == NULL || c->status != NBA_OK) {
        return;
    }
    struct nba_op *body = take(c, 2, sizeof(*body));
    unsigned char *filled = take(c, c->image_bytes, 1);
    const struct nba_str *text = default_text(c, field);
    if (c->status == NBA_OK) {
        compile_value(c, field->type, field->type, b, base, body);
    }
    if (c->status == NBA_OK) {
        struct nba_cursor cursor = nba_cursor(text->data, text->bytes);
        memcpy(filled, c->image, c->image_bytes);
        c->status = nba_program_run_ops(body, &cursor, c->arena, filled, c->error);
    }
    if (c->status == NBA_OK && c->certain) {
        memcpy(c->image, filled, c->image_bytes);
    } else if (memcmp(filled, c->image, c->image_bytes) != 0) {
        *op = (struct nba_op){
            .code = NBA_OP_CONSTANT, .name = field->name, .body = body, .of.text = text};
    }
}

static const struct nba_binding *find_binding(const struct compiler *c,
                                              const struct nba_record_binding *record,
                                              const char *name)
{
    const struct nba_binding *b = nba_binding_find(record, nba_str_of(name));
    return b != NULL && (b->derive == NULL || c->for_writing) ? b : NULL;
}

/* A field of the writer's.  One of ours that no member holds is written as its default. */
static void compile_field(struct compiler *c, const struct nba_avro_field *w,
                          const struct nba_avro_field *r, const struct nba_record_binding *record,
                          uint32_t base, struct nba_op *op)
{
    const struct nba_binding *b = r != NULL ? find_binding(c, record, r->name) : NULL;
    c->field = w->name;
    if (b != NULL) {
        compile_value(c, w->type, r->type, b, base, op);
    } else if (c->for_writing && w->default_value == NULL) {
        refuse(c, NBA_E_CONFIG, "expected a default, no struct holds it");
    } else if (c->for_writing) {
        *op = (struct nba_op){.code = NBA_OP_CONSTANT, .of.text = default_text(c, w)};
    } else if (w->type->bytes_min != 0) {
        *op = (struct nba_op){.code = NBA_OP_SKIP, .name = w->name, .of.type = w->type};
    }
}

/* Operations of a record's fields; the last one ends the list. */
static struct nba_op *take_ops(struct compiler *c, const struct nba_avro_type *w,
                               const struct nba_avro_type *r)
{
    return take(c, (size_t)w->field_count + r->field_count + 1, sizeof(struct nba_op));
}

/* The fields of a record, those that only the reader has too. */
static void compile_fields(struct compiler *c, const struct nba_avro_type *w,
                           const struct nba_avro_type *r, const struct nba_record_binding *record,
                           uint32_t base, struct nba_op *next)
{
    const char *outer = c->field;
    for (uint32_t i = 0; c->for_writing && i < record->count; i++) {
        if (nba_avro_field_find(w, record->fields[i].name) == NULL) {
            c->status = nba_error_set(c->error, NBA_E_CONFIG, "%s: expected a field '%s'", w->name,
                                      record->fields[i].name);
        }
    }
    for (uint32_t i = 0; c->status == NBA_OK && i < w->field_count + r->field_count; i++) {
        const bool theirs = i < w->field_count;
        const struct nba_avro_field *field =
            theirs ? &w->fields[i] : &r->fields[i - w->field_count];
        if (theirs) {
            compile_field(c, field, nba_avro_reader_field(w, field, r), record, base, next);
        } else if (!nba_avro_is_filled(w, field, r)) {
            c->field = field->name;
            compile_default(c, field, find_binding(c, record, field->name), base, next);
        }
        next += next->code > NBA_OP_NOTHING;
    }
    c->field = outer;
}

static void take_image(struct compiler *c, const struct nba_record_binding *record)
{
    unsigned char *image = take(c, record->bytes, 1);
    nba_binding_clear(record, image);
    c->image = image;
    c->image_bytes = record->bytes;
    c->certain = true;
}

/* A record that is not a member but all of its struct. */
static const struct nba_binding *take_whole(struct compiler *c,
                                            const struct nba_record_binding *record)
{
    struct nba_binding *whole = take(c, 1, sizeof(*whole));
    *whole = (struct nba_binding){.kind = NBA_BIND_RECORD, .record = record};
    return whole;
}

/* What is read for each item: the value of a slot, key and value of a map, a plain member, or a
 * record. */
static void compile_items(struct compiler *c, const struct nba_avro_type *w,
                          const struct nba_avro_type *r, const struct nba_binding *b,
                          struct nba_op *body)
{
    const struct nba_binding *member = b->record->fields;
    if (nba_item_bytes_min(w) == 0 && !c->for_writing) {
        refuse(c, NBA_E_SCHEMA_INCOMPATIBLE,
               "the writer's items take no bytes, their number has no bound");
        return;
    }
    if (b->kind == NBA_BIND_MAP) {
        *body++ = (struct nba_op){.code = NBA_OP_STRING,
                                  .offset = member->offset,
                                  .a = NBA_ID_BYTES_MAX,
                                  .name = c->field,
                                  .binding = member};
        member++;
    } else if (b->record->count == 0 || member->name != NULL) {
        member = take_whole(c, b->record);
    }
    compile_value(c, w->items, r->items, member, 0, body);
    if (c->status == NBA_E_SCHEMA_INCOMPATIBLE && nba_avro_fit(w->items, r->items) != NBA_FIT_NOT) {
        *body = fail_op(c); /* none in the collection is fine */
    }
}

/* A struct of its own: a record behind a pointer, or the items of a collection.  What contains
 * itself comes back to the part that is being compiled. */
static void compile_parts(struct compiler *c, const struct nba_avro_type *w,
                          const struct nba_avro_type *r, const struct nba_binding *b,
                          struct nba_op *op)
{
    const struct part *part = c->parts;
    while (part != NULL && (part->writer != w || part->reader != r || part->binding != b)) {
        part = part->next;
    }
    if (part == NULL) {
        const struct compiler outer = *c;
        const bool pointer = b->kind == NBA_BIND_POINTER;
        struct part *made = take(c, 1, sizeof(*made));
        take_image(c, b->record);
        *made = (struct part){.next = c->parts,
                              .writer = w,
                              .reader = r,
                              .binding = b,
                              .body = pointer ? take_ops(c, w, r) : take(c, 3, sizeof(*op)),
                              .image = c->image};
        c->parts = part = made;
        if (pointer) {
            compile_fields(c, w, r, b->record, 0, made->body);
        } else {
            compile_items(c, w, r, b, made->body);
        }
        c->image = outer.image;
        c->image_bytes = outer.image_bytes;
        c->certain = outer.certain;
        c->parts = c->status == NBA_OK ? c->parts : outer.parts;
    }
    op->body = part->body;
    op->of.image = part->image;
    if (b->kind != NBA_BIND_POINTER) {
        op->a = nba_item_bytes_min(w);
    }
    if (b->kind == NBA_BIND_SLOTS) {
        compile_order(c, b->words, op);
    }
}

/* Puts SET in front of a value whose presence is a bool. */
static void add_presence(struct compiler *c, uint32_t base, struct nba_op *op)
{
    struct nba_op *both = take(c, 3, sizeof(*both));
    both[0] = (struct nba_op){.code = NBA_OP_SET,
                              .offset = base + op->binding->presence_offset,
                              .a = op->binding->presence == NBA_PRESENT_BOOL};
    both[1] = *op;
    *op = (struct nba_op){.code = NBA_OP_BLOCK, .name = op->name, .body = both};
}

static void compile_value(struct compiler *c, const struct nba_avro_type *w,
                          const struct nba_avro_type *r, const struct nba_binding *b, uint32_t base,
                          struct nba_op *op)
{
    if (c->arena->bytes_used > c->arena_bytes_max) {
        refuse(c, NBA_E_LIMIT, "schema is too large to compile");
        return;
    }
    if (w->kind == NBA_AVRO_UNION) {
        compile_union(c, w, r, b, base, op);
        return;
    }
    uint32_t index = 0;
    const struct nba_avro_type *branch =
        r->kind == NBA_AVRO_UNION ? nba_avro_fitting_branch(w, r, &index) : r;
    if (branch == NULL || nba_avro_fit(w, branch) == NBA_FIT_NOT) {
        c->status = nba_error_set(c->error, NBA_E_SCHEMA_INCOMPATIBLE,
                                  "%s: writer's %s %s can't be read as %s %s", c->field,
                                  nba_avro_kind_name(w->kind), w->name != NULL ? w->name : "",
                                  nba_avro_kind_name(r->kind), r->name != NULL ? r->name : "");
        return;
    }
    if (branch->kind == NBA_AVRO_NULL && r->kind == NBA_AVRO_UNION) {
        op->code = NBA_OP_NOTHING;
        return;
    }
    if (r->kind == NBA_AVRO_UNION && b->kind == NBA_BIND_UNION) {
        NBA_ASSERT(b->record->count == r->branch_count);
        base += b->offset;
        b = &b->record->fields[index];
    }
    if (branch->kind != kinds[b->kind].avro) {
        refuse_binding(c, branch);
        return;
    }
    *op = (struct nba_op){.code = (uint8_t)promoted(kinds[b->kind].code, w->kind),
                          .offset = base + b->offset,
                          .a = kinds[b->kind].limit,
                          .name = c->field,
                          .binding = b};
    if (op->code == NBA_OP_WORD) {
        compile_word(c, w, branch, op);
    } else if (op->code == NBA_OP_REAL) {
        op->a = w->kind;
    } else if (op->code == NBA_OP_FIXED) {
        op->a = w->fixed_bytes;
    } else if (op->code == NBA_OP_BLOCK) {
        struct nba_op *body = take_ops(c, w, branch);
        op->body = body;
        compile_fields(c, w, branch, b->record, op->offset, body);
    } else if (op->code >= NBA_OP_POINTER) {
        compile_parts(c, w, branch, b, op);
    }
    if (c->status == NBA_OK && !c->for_writing && b->kind != NBA_BIND_SLOTS &&
        (b->presence == NBA_PRESENT_BOOL || b->presence == NBA_PRESENT_NOT)) {
        add_presence(c, base, op);
    }
}

/* NOLINTEND(misc-no-recursion) */

enum nba_status nba_program_compile(const struct nba_avro_type *writer,
                                    const struct nba_avro_type *reader,
                                    const struct nba_record_binding *binding,
                                    struct nba_arena *arena, const struct nba_program **ret_program,
                                    struct nba_error *error)
{
    NBA_ASSERT(writer != NULL && binding != NULL && arena != NULL);
    struct nba_error unwanted;
    struct compiler c = {.arena = arena,
                         .arena_bytes_max = arena->bytes_used + NBA_PROGRAM_BYTES_MAX,
                         .error = error != NULL ? error : &unwanted,
                         .for_writing = reader == NULL,
                         .field = writer->name != NULL ? writer->name : "value"};
    struct nba_program *program = take(&c, 1, sizeof(*program));
    take_image(&c, binding);
    program->image = c.image;
    program->image_bytes = c.image_bytes;
    compile_value(&c, writer, reader != NULL ? reader : writer, take_whole(&c, binding), 0,
                  program->root);
    if (c.status == NBA_OK) {
        *ret_program = program;
    }
    return c.status == NBA_E_LIMIT ? NBA_E_SCHEMA_INCOMPATIBLE : c.status;
}
