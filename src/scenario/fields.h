/*
 * Fields of messages by name: a map of a scenario file becomes a struct, and is compared with one.
 *
 * The tables of nba/codec/binding.h say which fields a message has and how a struct holds them; so
 * scenario files know every field of every message under the name it has there, and a field that
 * is added to a schema needs no code here.  A FORM is such a table with the short names of the
 * format (`content` for treatment.content_id).
 */
#ifndef NBA_SCENARIO_FIELDS_H
#define NBA_SCENARIO_FIELDS_H

#include "nba/base/arena.h"
#include "nba/base/buf.h"
#include "nba/codec/binding.h"
#include "nba/config/yaml.h"

struct fields_short {
    const char *name; /* NULL ends a table */
    const char *path; /* "treatment.content_id"; NULL: taken by the caller, or by nobody */
};

struct fields_form {
    const struct nba_record_binding *record;
    const struct fields_short *shorts;
    bool closed; /* only the short names are taken, else the record's own too */
    bool loose;  /* other keys are passed over, not refused */
};

/* Reads a map into `into` (of the record's size, cleared before by nba_binding_clear or holding
 * what the map is laid over).  NBA_E_CONFIG with file:line:column. */
NBA_MUST_USE
enum nba_status nba_form_fill(const struct nba_yaml_node *map, const struct fields_form *form,
                              void *into, struct nba_arena *arena, struct nba_error *error);

/* The binding that a key of the map stands for, and where its struct begins in the whole; NULL: the
 * caller's own key. */
const struct nba_binding *nba_form_find(const struct fields_form *form, struct nba_str key,
                                        size_t *ret_base);

/* Do two structs agree in the field `key` of the form?  Numbers within 1e-6, lists in order. */
bool nba_form_equal(const struct fields_form *form, const struct nba_yaml_node *value,
                    const void *a, const void *b);
/* A field's value as a person reads it. */
void nba_form_show(const struct fields_form *form, struct nba_str key, const void *from,
                   struct nba_buf *buf);

/* "a list of words": one of them, or NBA_E_CONFIG that names the nearest. */
NBA_MUST_USE
enum nba_status nba_form_word(const struct nba_yaml_node *node, const struct nba_words *words,
                              uint32_t *ret_value, struct nba_error *error);

#endif
