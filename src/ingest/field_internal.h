/*
 * The fields a mapping may name, and how a text becomes one: a table a kind of message, by the
 * message's own field names.
 */
#ifndef NBA_INGEST_FIELD_INTERNAL_H
#define NBA_INGEST_FIELD_INTERNAL_H

#include "nba/base/arena.h"
#include "nba/base/buf.h"
#include "nba/base/limits.h"
#include "nba/base/status.h"
#include "nba/ingest/mapping.h"

enum field_kind {
    FIELD_ID,   /* struct nba_str of at most NBA_ID_BYTES_MAX */
    FIELD_TEXT, /* struct nba_str of at most NBA_STRING_BYTES_MAX */
    FIELD_LIST, /* struct nba_str_list, split at a character */
    FIELD_TIME, /* int64_t ms */
    FIELD_DOUBLE,
    FIELD_INT, /* int32_t */
    FIELD_BOOL,
    FIELD_WORD,    /* an enum of the vocabulary, by `word_of` */
    FIELD_ADDRESS, /* uint8_t enum nba_address */
};

enum time_unit { TIME_RFC3339, TIME_MS, TIME_S };

#define NO_FLAG SIZE_MAX

struct field {
    const char *name;
    enum field_kind kind;
    size_t offset;
    size_t flag_offset; /* bool that says "there"; NO_FLAG */
    bool (*word_of)(struct nba_str word, int *ret_value);
};

/* What a section's rows become: the struct its fields are offsets into. */
union target {
    struct nba_event event;
    struct nba_content content;
    struct nba_campaign campaign;
    struct nba_rep rep;
};

struct profile_target {
    struct nba_event event;
    struct nba_profile profile;
};

/* Ends with a field whose name is NULL. */
const struct field *nba_field_table(enum nba_import_kind kind);
const struct field *nba_field_treatment_table(void);
const struct field *nba_field_consent_table(void);
const struct field *nba_field_find(const struct field *table, struct nba_str name);

/* Text into the field of `target`; "" sets nothing.  NBA_E_CONFIG: "event_time: not a time".  Texts
 * are borrowed. */
NBA_MUST_USE
enum nba_status nba_field_set(const struct field *field, struct nba_str text, enum time_unit unit,
                              char split, struct nba_arena *arena, void *target,
                              struct nba_error *error);

#endif
