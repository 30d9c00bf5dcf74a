/*
 * The fields a mapping may name, by the message's own field names, and how a text becomes one.
 * What fields there are, and of what kind, is what codec's bindings say.
 */
#ifndef NBA_INGEST_FIELD_INTERNAL_H
#define NBA_INGEST_FIELD_INTERNAL_H

#include "nba/base/arena.h"
#include "nba/base/limits.h"
#include "nba/base/status.h"
#include "nba/codec/binding.h"
#include "nba/ingest/mapping.h"

#define NBA_FIELDS_MAX 64u

enum time_unit { TIME_RFC3339, TIME_MS, TIME_S };

struct field {
    char name[32];
    const struct nba_binding *binding;
    size_t base; /* in the target, of the struct that the binding is about */
};

struct fields {
    struct field items[NBA_FIELDS_MAX];
    const char *names[NBA_FIELDS_MAX + 1]; /* ends with NULL */
    size_t count;
};

/* What a section's rows become: the struct its fields are offsets into. */
union target {
    struct {
        struct nba_event event;
        struct nba_profile profile;
    };
    struct nba_content content;
    struct nba_treatment treatment;
    struct nba_campaign campaign;
    struct nba_rep rep;
};

/* The struct behind a section's target, without the event of a profile. */
const struct nba_record_binding *nba_fields_record(enum nba_import_kind kind);
const struct nba_record_binding *nba_fields_treatment_record(void);

/* The fields of a section; `part`: of its treatments or consents. */
void nba_fields_init(struct fields *fields, enum nba_import_kind kind, bool part);
const struct field *nba_fields_find(const struct fields *fields, struct nba_str name);

/* Text into the field of `target`; "" sets nothing.  NBA_E_CONFIG: "event_time: not a time".  Texts
 * are borrowed. */
NBA_MUST_USE
enum nba_status nba_field_set(const struct field *field, struct nba_str text, enum time_unit unit,
                              char split, struct nba_arena *arena, void *target,
                              struct nba_error *error);

#endif
