/* A mapping as it lies in memory: texts borrow the YAML tree, arrays its arena. */
#ifndef NBA_INGEST_MAPPING_INTERNAL_H
#define NBA_INGEST_MAPPING_INTERNAL_H

#include "field_internal.h"
#include "nba/base/buf.h"
#include "nba/config/yaml.h"

struct words {
    const struct nba_str *items;
    size_t count;
};

/* One field and where it comes from. */
struct assignment {
    const struct field *field;
    size_t column; /* index into the section's columns; SIZE_MAX: `constant` */
    struct nba_str constant;
    struct words from, to; /* what stands in the column, and what it means */
    bool has_default;
    struct nba_str otherwise; /* for a value that `from` lacks */
    enum time_unit unit;
    char split;
};

struct assignments {
    struct assignment *items;
    size_t count;
};

/* The cell of `column` is one of `words`. */
struct condition {
    size_t column;
    struct words words;
};

struct rule {
    struct condition *conditions;
    size_t condition_count;
    bool skip;                /* rows that are of no interest */
    enum nba_event_type type; /* events */
    struct assignments set;
};

struct section {
    bool present;
    struct nba_mapping_section view;
    const char *columns[NBA_ROW_COLUMNS_MAX];
    struct fields fields;
    struct fields part_fields; /* of treatments of contents, consents of profiles */
    struct assignments constants;
    struct assignments cells;
    struct rule *rules;
    size_t rule_count;
    struct assignments *parts;
    size_t part_count;
};

struct nba_mapping {
    struct nba_yaml *tree;
    struct nba_arena arena;
    struct nba_str source;
    struct section sections[NBA_IMPORT_KIND_COUNT];
};

#endif
