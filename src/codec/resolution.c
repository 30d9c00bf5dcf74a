/* The table of the Avro 1.12 specification, "Schema Resolution". */
#include "resolution_internal.h"

#include <string.h>

/* Names without their namespace, or an alias of the reader's. */
static enum nba_fit fit_names(const struct nba_avro_type *w, const struct nba_avro_type *r)
{
    bool alike = strcmp(w->name, r->name) == 0;
    for (uint32_t i = 0; i < r->alias_count && !alike; i++) {
        alike = strcmp(r->aliases[i], w->full_name) == 0;
    }
    return strcmp(w->full_name, r->full_name) == 0 ? NBA_FIT_SAME
           : alike                                 ? NBA_FIT_ALIKE
                                                   : NBA_FIT_NOT;
}

/* NOLINTNEXTLINE(misc-no-recursion): bounded by the schemas' depth, records are not entered */
enum nba_fit nba_avro_fit(const struct nba_avro_type *w, const struct nba_avro_type *r)
{
    if (w->kind == NBA_AVRO_UNION || r->kind == NBA_AVRO_UNION) {
        return NBA_FIT_SAME; /* each branch by itself, where it is compiled */
    }
    if (w->kind != r->kind) {
        const bool wider = r->kind >= NBA_AVRO_LONG && r->kind <= NBA_AVRO_DOUBLE &&
                           w->kind >= NBA_AVRO_INT && w->kind < r->kind;
        const bool text = (w->kind == NBA_AVRO_STRING && r->kind == NBA_AVRO_BYTES) ||
                          (w->kind == NBA_AVRO_BYTES && r->kind == NBA_AVRO_STRING);
        return wider || text ? NBA_FIT_PROMOTED : NBA_FIT_NOT;
    }
    if (w->decimal_precision != 0 && r->decimal_precision != 0 &&
        (w->decimal_precision != r->decimal_precision || w->decimal_scale != r->decimal_scale)) {
        return NBA_FIT_NOT;
    }
    switch ((int)w->kind) {
    case NBA_AVRO_ARRAY:
    case NBA_AVRO_MAP:
        return nba_avro_fit(w->items, r->items);
    case NBA_AVRO_FIXED:
        return w->fixed_bytes == r->fixed_bytes ? fit_names(w, r) : NBA_FIT_NOT;
    case NBA_AVRO_ENUM:
    case NBA_AVRO_RECORD:
        return fit_names(w, r);
    default:
        return NBA_FIT_SAME;
    }
}

const struct nba_avro_type *nba_avro_fitting_branch(const struct nba_avro_type *w,
                                                    const struct nba_avro_type *r,
                                                    uint32_t *ret_index)
{
    const struct nba_avro_type *best = NULL;
    enum nba_fit best_fit = NBA_FIT_NOT;
    for (uint32_t i = 0; i < r->branch_count && best != w; i++) {
        const enum nba_fit this_fit = nba_avro_fit(w, r->branches[i]);
        if (this_fit > best_fit || r->branches[i] == w) {
            best = r->branches[i];
            best_fit = this_fit;
            *ret_index = i;
        }
    }
    return best;
}

const struct nba_avro_field *nba_avro_field_find(const struct nba_avro_type *record,
                                                 const char *name)
{
    for (uint32_t i = 0; i < record->field_count; i++) {
        if (strcmp(record->fields[i].name, name) == 0) {
            return &record->fields[i];
        }
    }
    return NULL;
}

const struct nba_avro_field *nba_avro_reader_field(const struct nba_avro_type *w,
                                                   const struct nba_avro_field *field,
                                                   const struct nba_avro_type *r)
{
    const struct nba_avro_field *found = nba_avro_field_find(r, field->name);
    for (uint32_t i = 0; i < r->field_count && found == NULL; i++) {
        const struct nba_avro_field *candidate = &r->fields[i];
        const char *name = candidate->name;
        uint32_t next = 0;
        while (next < candidate->alias_count && nba_avro_field_find(w, name) == NULL) {
            name = candidate->aliases[next++];
        }
        found = next != 0 && strcmp(name, field->name) == 0 ? candidate : NULL;
    }
    return found;
}

bool nba_avro_is_filled(const struct nba_avro_type *w, const struct nba_avro_field *field,
                        const struct nba_avro_type *r)
{
    uint32_t i = 0;
    while (i < w->field_count && nba_avro_reader_field(w, &w->fields[i], r) != field) {
        i++;
    }
    return i < w->field_count;
}
