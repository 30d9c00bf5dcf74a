/* The questions of schema resolution that need no state: who fits whom, by what name. */
#include "resolution_internal.h"

#include <string.h>

#include "nba/base/assert.h"
#include "nba/base/compiler.h"
#include "nba/event/event.h"
#include "program_internal.h"

const struct nba_binding *nba_resolution_binding(const struct nba_record_binding *record,
                                                 const char *name)
{
    for (uint32_t i = 0; i < record->count; i++) {
        if (record->fields[i].derive == NULL && strcmp(record->fields[i].name, name) == 0) {
            return &record->fields[i];
        }
    }
    return NULL;
}

static bool named_alike(const struct nba_avro_type *w, const struct nba_avro_type *r)
{
    if (strcmp(w->name, r->name) == 0) {
        return true;
    }
    for (uint32_t i = 0; i < r->alias_count; i++) {
        if (strcmp(r->aliases[i], w->name) == 0 || strcmp(r->aliases[i], w->full_name) == 0) {
            return true;
        }
    }
    return false;
}

/* The writer's field that fills the reader's: of its name, else of its first alias found. */
const struct nba_avro_field *nba_resolution_writer_field(const struct nba_avro_type *w,
                                                         const struct nba_avro_field *field)
{
    for (uint32_t a = 0; a <= field->alias_count; a++) {
        const char *name = a == 0 ? field->name : field->aliases[a - 1];
        for (uint32_t i = 0; i < w->field_count; i++) {
            if (strcmp(w->fields[i].name, name) == 0) {
                return &w->fields[i];
            }
        }
    }
    return NULL;
}

/* How well writer's type w fits reader's type r: 2 the same, 1 by promotion, 0 not at all. */
int nba_resolution_fit(const struct nba_avro_type *w, const struct nba_avro_type *r)
{
    if (w->kind == r->kind) {
        const bool named = w->name != NULL && r->name != NULL;
        return !named || named_alike(w, r) ? 2 : 0;
    }
    switch ((int)r->kind) {
    case NBA_AVRO_LONG:
        return w->kind == NBA_AVRO_INT;
    case NBA_AVRO_FLOAT:
        return w->kind == NBA_AVRO_INT || w->kind == NBA_AVRO_LONG;
    case NBA_AVRO_DOUBLE:
        return w->kind == NBA_AVRO_INT || w->kind == NBA_AVRO_LONG || w->kind == NBA_AVRO_FLOAT;
    case NBA_AVRO_STRING:
        return w->kind == NBA_AVRO_BYTES;
    case NBA_AVRO_BYTES:
        return w->kind == NBA_AVRO_STRING;
    default:
        return 0;
    }
}

/* The reader's branch for a writer's type that is no union; NULL: none. */
const struct nba_avro_type *nba_resolution_branch(const struct nba_avro_type *w,
                                                  const struct nba_avro_type *r)
{
    for (int wanted = 2; wanted > 0; wanted--) {
        for (uint32_t i = 0; i < r->branch_count; i++) {
            if (nba_resolution_fit(w, r->branches[i]) == wanted) {
                return r->branches[i];
            }
        }
    }
    return NULL;
}

/* The reader's field that this field of the writer fills; NULL: none. */
const struct nba_avro_field *nba_resolution_reader_field(const struct nba_avro_type *w,
                                                         const struct nba_avro_field *field,
                                                         const struct nba_avro_type *r)
{
    for (uint32_t i = 0; i < r->field_count; i++) {
        if (nba_resolution_writer_field(w, &r->fields[i]) == field) {
            return &r->fields[i];
        }
    }
    return NULL;
}

int32_t nba_resolution_word(const struct nba_words *words, const char *symbol)
{
    for (uint32_t i = 0; i < words->count; i++) {
        const char *name = words->name(i);
        if (name != NULL && strcmp(name, symbol) == 0) {
            return (int32_t)i;
        }
    }
    return NBA_NO_WORD;
}

bool nba_resolution_has_symbol(const struct nba_avro_type *type, const char *symbol)
{
    for (uint32_t i = 0; i < type->symbol_count; i++) {
        if (strcmp(type->symbols[i], symbol) == 0) {
            return true;
        }
    }
    return false;
}

/* The reader's kind that a binding takes; RECORD for both kinds of record. */
enum nba_avro_kind nba_resolution_kind(enum nba_bind kind)
{
    static const enum nba_avro_kind kinds[] = {
        [NBA_BIND_ID] = NBA_AVRO_STRING,      [NBA_BIND_TEXT] = NBA_AVRO_STRING,
        [NBA_BIND_BLOB] = NBA_AVRO_BYTES,     [NBA_BIND_CSTR] = NBA_AVRO_STRING,
        [NBA_BIND_OCTETS] = NBA_AVRO_BYTES,   [NBA_BIND_BOOL] = NBA_AVRO_BOOLEAN,
        [NBA_BIND_INT] = NBA_AVRO_INT,        [NBA_BIND_LONG] = NBA_AVRO_LONG,
        [NBA_BIND_TIME] = NBA_AVRO_LONG,      [NBA_BIND_DOUBLE] = NBA_AVRO_DOUBLE,
        [NBA_BIND_WORD] = NBA_AVRO_ENUM,      [NBA_BIND_RECORD] = NBA_AVRO_RECORD,
        [NBA_BIND_POINTER] = NBA_AVRO_RECORD, [NBA_BIND_ARRAY] = NBA_AVRO_ARRAY,
        [NBA_BIND_IN_PLACE] = NBA_AVRO_ARRAY, [NBA_BIND_MAP] = NBA_AVRO_MAP,
        [NBA_BIND_SLOTS] = NBA_AVRO_MAP,
    };
    NBA_ASSERT((size_t)kind < NBA_ARRAY_COUNT(kinds));
    return kinds[kind];
}

/* Absent values of everything bound: zeros, but for times.  Bound structs nest as schemas do. */
/* NOLINTNEXTLINE(misc-no-recursion): bounded by our own tables */
void nba_resolution_absent(const struct nba_record_binding *record, unsigned char *image)
{
    for (uint32_t i = 0; i < record->count; i++) {
        const struct nba_binding *b = &record->fields[i];
        if (b->kind == NBA_BIND_TIME) {
            const int64_t none = NBA_TIME_NONE;
            memcpy(image + b->offset, &none, sizeof(none));
        } else if (b->kind == NBA_BIND_RECORD) {
            nba_resolution_absent(b->record, image + b->offset);
        }
    }
}
