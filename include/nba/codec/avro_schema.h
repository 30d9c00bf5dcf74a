/*
 * An Avro schema as a tree of types (Avro 1.11 specification, "Schema Declaration").
 *
 * At most NBA_DEPTH_MAX types deep, as it is written; a record may contain itself.  Names are
 * resolved by namespace; unknown attributes, unknown logical types and logical types that make no
 * sense are ignored, as specified.
 *
 * OWNERSHIP.  Types lie in the arena given to the parser; texts and defaults in the parsed JSON,
 * which the schema owns.  Named types are shared, so that the tree is a graph; its cycles go
 * through records.
 * THREADS.  Immutable once parsed.
 */
#ifndef NBA_CODEC_AVRO_SCHEMA_H
#define NBA_CODEC_AVRO_SCHEMA_H

#include <stdbool.h>
#include <stdint.h>

#include "nba/base/arena.h"
#include "nba/base/status.h"

struct json_t; /* jansson.h */

enum nba_avro_kind {
    NBA_AVRO_NULL,
    NBA_AVRO_BOOLEAN,
    NBA_AVRO_INT,
    NBA_AVRO_LONG,
    NBA_AVRO_FLOAT,
    NBA_AVRO_DOUBLE,
    NBA_AVRO_BYTES,
    NBA_AVRO_STRING,
    NBA_AVRO_FIXED,
    NBA_AVRO_ENUM,
    NBA_AVRO_ARRAY,
    NBA_AVRO_MAP,
    NBA_AVRO_UNION,
    NBA_AVRO_RECORD,
};

struct nba_avro_type;

struct nba_avro_field {
    const char *name;
    const struct nba_avro_type *type;
    const struct json_t *default_value; /* NULL: none, the field is required */
    const char *const *aliases;
    uint32_t alias_count;
};

struct nba_avro_type {
    enum nba_avro_kind kind;
    bool timestamp_millis; /* long with this logical type */
    uint32_t depth;        /* 1 + that of its deepest part, not counting what contains it */
    uint32_t bytes_min;    /* a value takes at least as many bytes; saturated */
    uint32_t fixed_bytes;
    uint32_t decimal_precision; /* bytes and fixed with this logical type, else 0 */
    uint32_t decimal_scale;

    const char *name;           /* named types: without namespace */
    const char *full_name;      /* with it */
    const char *const *aliases; /* with namespace too */
    uint32_t alias_count;

    const char *const *symbols; /* enum */
    uint32_t symbol_count;
    int32_t symbol_default; /* index, -1: none */

    const struct nba_avro_type *items;           /* array, map */
    const struct nba_avro_type *const *branches; /* union */
    uint32_t branch_count;
    const struct nba_avro_field *fields; /* record */
    uint32_t field_count;
};

struct nba_avro_schema {
    struct json_t *json;
    const struct nba_avro_type *type;
};

/* NBA_E_CONFIG: not JSON, or not an acceptable schema (the message says where); NBA_E_LIMIT: more
 * than NBA_SCHEMA_BYTES_MAX; NBA_E_NO_MEMORY. */
NBA_MUST_USE
enum nba_status nba_avro_schema_parse(struct nba_str text, struct nba_arena *arena,
                                      struct nba_avro_schema *ret_schema, struct nba_error *error);
void nba_avro_schema_clear(struct nba_avro_schema *schema);

/* "string"; static text. */
const char *nba_avro_kind_name(enum nba_avro_kind kind);
/* Index of the null branch of a union, -1 when there is none or it is no union. */
int32_t nba_avro_null_branch(const struct nba_avro_type *type);

#endif
