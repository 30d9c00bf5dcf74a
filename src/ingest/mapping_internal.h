/* A mapping as it lies in memory: texts borrow the YAML tree, arrays its arena. */
#ifndef NBA_INGEST_MAPPING_INTERNAL_H
#define NBA_INGEST_MAPPING_INTERNAL_H

#include "field_internal.h"
#include "nba/config/yaml.h"

struct value_word {
    struct nba_str from, to;
};

/* One field and where it comes from. */
struct assignment {
    const struct field *field;
    size_t column; /* index into the section's columns; SIZE_MAX: `constant` */
    struct nba_str constant;
    const struct value_word *values;
    size_t value_count;
    bool has_default;
    struct nba_str otherwise; /* for a value that `values` lacks */
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
    const struct nba_str *words;
    size_t word_count;
};

struct rule {
    const char *text; /* as reports name it */
    struct condition *conditions;
    size_t condition_count;
    bool skip;                /* rows that are of no interest */
    enum nba_event_type type; /* events */
    struct assignments set;
};

struct section {
    bool present;
    enum nba_row_format format;
    char delimiter;
    bool sorts;
    const char *columns[NBA_ROW_COLUMNS_MAX];
    size_t column_count;
    struct assignments constants;
    struct assignments fields;
    struct rule *rules;
    size_t rule_count;
    struct assignments *lists; /* treatments of contents, consents of profiles */
    size_t list_count;
};

struct nba_mapping {
    struct nba_yaml *tree;
    struct nba_arena arena;
    struct nba_str source;
    struct section sections[NBA_IMPORT_KIND_COUNT];
};

#endif
