/*
 * How a C struct holds an Avro record: one table a struct, read by the compiler of programs and by
 * whoever fills a struct field by field.  The table names fields; the schema says how they look as
 * bytes.
 *
 * KINDS, with the C member they stand for and the Avro types they take:
 *   ID, TEXT   struct nba_str           string; at most NBA_ID_BYTES_MAX, NBA_STRING_BYTES_MAX
 *   BLOB       struct nba_str           bytes, any length
 *   FIXED      struct nba_str           fixed
 *   BOOL       bool                     boolean
 *   INT        int32_t                  int
 *   LONG       int64_t                  long
 *   TIME       int64_t                  long; absent is NBA_TIME_NONE
 *   FLOAT      float                    float; finite
 *   DOUBLE     double                   double; finite
 *   NULL       nothing                  null
 *   WORD       an enum, or uint8_t      enum, by its words
 *   RECORD     struct, in place         record
 *   POINTER    const struct *           record, or NULL
 *   ARRAY      const item *, count      array of records, or of one plain member
 *   IN_PLACE   item[capacity], count    array of at most `capacity` records
 *   MAP        const item *, count      map; the item's first binding is the key, an ID
 *   SLOTS      value[words], in place   map whose keys are words: value of word i at index i
 *   UNION      a struct, in place       union: its record has a binding for each branch, in order;
 *                                       all but that of null have a presence
 *
 * ABSENT.  null in the bytes is the absent value in the struct and back: an empty text,
 * NBA_TIME_NONE, 0, NULL, count 0.  `presence` says more where that isn't enough: a bool that tells
 * 0 from absent, or what makes an in-place record present.
 */
#ifndef NBA_CODEC_BINDING_H
#define NBA_CODEC_BINDING_H

#include <stddef.h>
#include <stdint.h>

#include "nba/base/str.h"
#include "nba/codec/schema_registry.h"

enum nba_bind {
    NBA_BIND_ID,
    NBA_BIND_TEXT,
    NBA_BIND_BLOB,
    NBA_BIND_FIXED,
    NBA_BIND_BOOL,
    NBA_BIND_INT,
    NBA_BIND_LONG,
    NBA_BIND_TIME,
    NBA_BIND_FLOAT,
    NBA_BIND_DOUBLE,
    NBA_BIND_NULL,
    NBA_BIND_WORD,
    NBA_BIND_RECORD,
    NBA_BIND_POINTER,
    NBA_BIND_ARRAY,
    NBA_BIND_IN_PLACE,
    NBA_BIND_MAP,
    NBA_BIND_SLOTS,
    NBA_BIND_UNION,
};

enum nba_presence {
    NBA_PRESENT_NATURAL, /* not the absent value */
    NBA_PRESENT_BOOL, /* bool at presence_offset; the decoder sets it.  SLOTS: an array of them */
    NBA_PRESENT_NOT,  /* bool at presence_offset, true when absent; the decoder clears it */
    NBA_PRESENT_TEXT, /* struct nba_str at presence_offset is not empty */
    NBA_PRESENT_WORD, /* enum at presence_offset equals presence_value */
};

/* A closed list of words by their values, NULL where it has a gap. */
struct nba_words {
    const char *const *names;
    uint32_t count;
};

struct nba_record_binding;

struct nba_binding {
    const char *name; /* the Avro field's; NULL for the one member of a plain array */
    enum nba_bind kind;
    uint32_t offset;
    uint32_t count_offset; /* uint32_t count */
    uint32_t bytes;        /* WORD: 1 or 4; else of the member */
    uint32_t capacity;     /* IN_PLACE */
    enum nba_presence presence;
    uint32_t presence_offset;
    uint32_t presence_value;
    const struct nba_words *words;           /* WORD, SLOTS */
    const struct nba_record_binding *record; /* what has parts */
    /* WORD that is no member but follows from the enum at `offset`: written, not read. */
    uint32_t (*derive)(uint32_t value);
};

struct nba_record_binding {
    size_t bytes; /* of the struct, or of one item */
    const struct nba_binding *fields;
    uint32_t count;
};

/* Which struct holds which message; NULL for a message that no struct of ours holds yet. */
const struct nba_record_binding *nba_bindings_of(enum nba_schema which);
/* The binding of the field of this name, or NULL. */
const struct nba_binding *nba_binding_find(const struct nba_record_binding *record,
                                           struct nba_str name);
/* Makes every member absent. */
void nba_binding_clear(const struct nba_record_binding *record, void *ret_struct);

#endif
