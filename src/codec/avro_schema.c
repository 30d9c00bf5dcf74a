/*
 * From JSON to types, depth first.  The recursion follows the schema's nesting and stops at
 * NBA_DEPTH_MAX; a name that is used inside its own definition is refused, so nothing else recurs.
 */
#include "nba/codec/avro_schema.h"

#include <string.h>

#include <jansson.h>

#include "nba/base/assert.h"
#include "nba/base/compiler.h"
#include "nba/base/limits.h"

#define NAMED_MAX     512u        /* named types of one schema */
#define BYTES_MIN_MAX 0x00ffffffu /* a record of that size is above every limit anyway */

struct parser {
    struct nba_arena *arena;
    struct nba_error *error;
    struct nba_avro_type *named[NAMED_MAX];
    uint32_t named_count;
};

static const char *const kind_names[] = {"null",   "boolean", "int",    "long",  "float",
                                         "double", "bytes",   "string", "fixed", "enum",
                                         "array",  "map",     "union",  "record"};

const char *nba_avro_kind_name(enum nba_avro_kind kind)
{
    NBA_ASSERT((size_t)kind < NBA_ARRAY_COUNT(kind_names));
    return kind_names[kind];
}

int32_t nba_avro_null_branch(const struct nba_avro_type *type)
{
    if (type->kind == NBA_AVRO_UNION) {
        for (uint32_t i = 0; i < type->branch_count; i++) {
            if (type->branches[i]->kind == NBA_AVRO_NULL) {
                return (int32_t)i;
            }
        }
    }
    return -1;
}

/* NOLINTBEGIN(misc-no-recursion): parse_type stops at NBA_DEPTH_MAX */
static enum nba_status parse_type(struct parser *p, json_t *json, const char *space, unsigned depth,
                                  struct nba_avro_type **ret_type);

/* Arena memory, all zero; the status of a schema too large for it is NO_MEMORY. */
static void *take(struct parser *p, size_t count, size_t size, enum nba_status *status)
{
    void *memory = nba_arena_zeros(p->arena, count != 0 ? count : 1, size);
    if (memory == NULL) {
        *status = nba_error_set(p->error, NBA_E_NO_MEMORY, "schema: out of memory");
    }
    return memory;
}

static struct nba_avro_type *take_type(struct parser *p, enum nba_avro_kind kind,
                                       enum nba_status *status)
{
    struct nba_avro_type *type = take(p, 1, sizeof(*type), status);
    if (type != NULL) {
        type->kind = kind;
        type->depth = 1;
        type->symbol_default = -1;
    }
    return type;
}

static uint32_t saturated(uint64_t bytes)
{
    return bytes < BYTES_MIN_MAX ? (uint32_t)bytes : BYTES_MIN_MAX;
}

/* Letters, digits and underscores, no digit first; dots too where a full name may stand. */
static bool is_name(const char *text, bool dots)
{
    bool first = true;
    for (const char *c = text; *c != '\0'; c++) {
        const bool letter = (*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') || *c == '_';
        const bool digit = *c >= '0' && *c <= '9';
        if (dots && *c == '.' && !first) {
            first = true;
            continue;
        }
        if (!letter && !(digit && !first)) {
            return false;
        }
        first = false;
    }
    return !first;
}

static bool primitive_of(const char *word, enum nba_avro_kind *ret_kind)
{
    for (size_t i = NBA_AVRO_NULL; i <= NBA_AVRO_STRING; i++) {
        if (strcmp(word, kind_names[i]) == 0) {
            *ret_kind = (enum nba_avro_kind)i;
            return true;
        }
    }
    return false;
}

static uint32_t primitive_bytes_min(enum nba_avro_kind kind)
{
    switch ((int)kind) {
    case NBA_AVRO_NULL:
        return 0;
    case NBA_AVRO_FLOAT:
        return 4;
    case NBA_AVRO_DOUBLE:
        return 8;
    default:
        return 1;
    }
}

/* "space.name", or the name alone without a namespace or when it brings one itself. */
static enum nba_status join_name(struct parser *p, const char *space, const char *name,
                                 const char **ret_full)
{
    if (strchr(name, '.') != NULL || space[0] == '\0') {
        *ret_full = name;
        return NBA_OK;
    }
    enum nba_status status = NBA_OK;
    const size_t space_bytes = strlen(space);
    const size_t name_bytes = strlen(name);
    char *full = take(p, space_bytes + name_bytes + 2, 1, &status);
    if (full != NULL) {
        /* NOLINTNEXTLINE(bugprone-not-null-terminated-result): the memory is zeroed */
        memcpy(full, space, space_bytes);
        full[space_bytes] = '.';
        /* NOLINTNEXTLINE(bugprone-not-null-terminated-result): the memory is zeroed */
        memcpy(full + space_bytes + 1, name, name_bytes);
        *ret_full = full;
    }
    return status;
}

static struct nba_avro_type *find_full(const struct parser *p, const char *full)
{
    for (uint32_t i = 0; i < p->named_count; i++) {
        if (strcmp(p->named[i]->full_name, full) == 0) {
            return p->named[i];
        }
    }
    return NULL;
}

static enum nba_status parse_word(struct parser *p, const char *word, const char *space,
                                  struct nba_avro_type **ret_type)
{
    enum nba_status status = NBA_OK;
    enum nba_avro_kind kind = NBA_AVRO_NULL;
    if (primitive_of(word, &kind)) {
        struct nba_avro_type *type = take_type(p, kind, &status);
        if (type != NULL) {
            type->bytes_min = primitive_bytes_min(kind);
            *ret_type = type;
        }
        return status;
    }
    const char *full = NULL;
    status = join_name(p, space, word, &full);
    if (status != NBA_OK) {
        return status;
    }
    struct nba_avro_type *type = find_full(p, full);
    if (type == NULL) {
        type = find_full(p, word);
    }
    if (type == NULL) {
        return nba_error_set(p->error, NBA_E_CONFIG, "schema: '%s' is no type defined before",
                             word);
    }
    if (type->open) {
        return nba_error_set(p->error, NBA_E_CONFIG, "schema: '%s' contains itself", word);
    }
    *ret_type = type;
    return NBA_OK;
}

/* A list of words as an array of borrowed texts, each one a name and no two equal. */
static enum nba_status parse_words(struct parser *p, const json_t *list, bool dots,
                                   const char *const **ret_words, uint32_t *ret_count)
{
    if (list == NULL) {
        return NBA_OK;
    }
    enum nba_status status = NBA_OK;
    const size_t count = json_array_size(list);
    const char **words = take(p, count, sizeof(*words), &status);
    for (size_t i = 0; status == NBA_OK && i < count; i++) {
        words[i] = json_string_value(json_array_get(list, i));
        if (words[i] == NULL || !is_name(words[i], dots)) {
            return nba_error_set(p->error, NBA_E_CONFIG, "schema: expected a list of names");
        }
        for (size_t j = 0; j < i; j++) {
            if (strcmp(words[i], words[j]) == 0) {
                return nba_error_set(p->error, NBA_E_CONFIG, "schema: '%s' stands twice", words[i]);
            }
        }
    }
    if (status == NBA_OK) {
        *ret_words = words;
        *ret_count = (uint32_t)count;
    }
    return status;
}

/* Name, full name and aliases of a record, enum or fixed, which enters the table of names. */
static enum nba_status open_named(struct parser *p, const json_t *json, const char *space,
                                  struct nba_avro_type *type)
{
    const char *name = json_string_value(json_object_get(json, "name"));
    if (name == NULL || !is_name(name, true)) {
        return nba_error_set(p->error, NBA_E_CONFIG, "schema: a %s without a proper name",
                             nba_avro_kind_name(type->kind));
    }
    enum nba_status status = join_name(p, space, name, &type->full_name);
    if (status != NBA_OK) {
        return status;
    }
    const char *dot = strrchr(type->full_name, '.');
    type->name = dot != NULL ? dot + 1 : type->full_name;
    if (find_full(p, type->full_name) != NULL) {
        return nba_error_set(p->error, NBA_E_CONFIG, "schema: '%s' is defined twice",
                             type->full_name);
    }
    if (p->named_count == NAMED_MAX) {
        return nba_error_set(p->error, NBA_E_LIMIT, "schema: more than %u named types", NAMED_MAX);
    }
    type->open = true;
    p->named[p->named_count++] = type;
    return parse_words(p, json_object_get(json, "aliases"), true, &type->aliases,
                       &type->alias_count);
}

/* The namespace inside a named type: its own, else what stands before the last dot of its name. */
static enum nba_status inner_space(struct parser *p, const struct nba_avro_type *type,
                                   const char **ret_space)
{
    enum nba_status status = NBA_OK;
    const size_t bytes = (size_t)(type->name - type->full_name);
    char *space = take(p, bytes + 1, 1, &status);
    if (space != NULL) {
        memcpy(space, type->full_name, bytes != 0 ? bytes - 1 : 0);
        *ret_space = space;
    }
    return status;
}

static enum nba_status parse_enum(struct parser *p, const json_t *json, struct nba_avro_type *type)
{
    const enum nba_status status = parse_words(p, json_object_get(json, "symbols"), false,
                                               &type->symbols, &type->symbol_count);
    if (status != NBA_OK) {
        return status;
    }
    if (type->symbol_count == 0) {
        return nba_error_set(p->error, NBA_E_CONFIG, "schema: enum '%s' has no symbols",
                             type->name);
    }
    type->bytes_min = 1;
    const json_t *fallback = json_object_get(json, "default");
    for (uint32_t i = 0; json_is_string(fallback) && i < type->symbol_count; i++) {
        if (strcmp(type->symbols[i], json_string_value(fallback)) == 0) {
            type->symbol_default = (int32_t)i;
        }
    }
    if (fallback != NULL && type->symbol_default < 0) {
        return nba_error_set(p->error, NBA_E_CONFIG,
                             "schema: default of enum '%s' is none of its symbols", type->name);
    }
    return NBA_OK;
}

static enum nba_status parse_fixed(struct parser *p, const json_t *json, struct nba_avro_type *type)
{
    const json_int_t size = json_integer_value(json_object_get(json, "size"));
    if (!json_is_integer(json_object_get(json, "size")) || size < 0 ||
        size > (json_int_t)BYTES_MIN_MAX) {
        return nba_error_set(p->error, NBA_E_CONFIG, "schema: size of fixed '%s'", type->name);
    }
    type->fixed_bytes = (uint32_t)size;
    type->bytes_min = (uint32_t)size;
    return NBA_OK;
}

static enum nba_status parse_field(struct parser *p, json_t *json, const char *space,
                                   unsigned depth, struct nba_avro_field *field)
{
    field->name = json_string_value(json_object_get(json, "name"));
    if (field->name == NULL || !is_name(field->name, false)) {
        return nba_error_set(p->error, NBA_E_CONFIG, "schema: a field without a proper name");
    }
    enum nba_status status = parse_words(p, json_object_get(json, "aliases"), false,
                                         &field->aliases, &field->alias_count);
    if (status != NBA_OK) {
        return status;
    }
    field->default_value = json_object_get(json, "default");
    json_t *type_json = json_object_get(json, "type");
    if (type_json == NULL) {
        return nba_error_set(p->error, NBA_E_CONFIG, "schema: field '%s' has no type", field->name);
    }
    struct nba_avro_type *type = NULL;
    status = parse_type(p, type_json, space, depth + 1, &type);
    if (status == NBA_OK) {
        field->type = type;
    }
    return status;
}

static enum nba_status parse_record(struct parser *p, const json_t *json, unsigned depth,
                                    struct nba_avro_type *type)
{
    const json_t *list = json_object_get(json, "fields");
    if (!json_is_array(list)) {
        return nba_error_set(p->error, NBA_E_CONFIG, "schema: record '%s' has no fields",
                             type->name);
    }
    const char *space = "";
    enum nba_status status = inner_space(p, type, &space);
    const size_t count = json_array_size(list);
    struct nba_avro_field *fields =
        status == NBA_OK ? take(p, count, sizeof(*fields), &status) : NULL;
    uint64_t bytes_min = 0;
    for (size_t i = 0; status == NBA_OK && i < count; i++) {
        status = parse_field(p, json_array_get(list, i), space, depth, &fields[i]);
        if (status != NBA_OK) {
            return status;
        }
        for (size_t j = 0; j < i; j++) {
            if (strcmp(fields[i].name, fields[j].name) == 0) {
                return nba_error_set(p->error, NBA_E_CONFIG, "schema: field '%s' stands twice",
                                     fields[i].name);
            }
        }
        bytes_min += fields[i].type->bytes_min;
        if (fields[i].type->depth >= type->depth) {
            type->depth = fields[i].type->depth + 1;
        }
    }
    type->fields = fields;
    type->field_count = (uint32_t)count;
    type->bytes_min = saturated(bytes_min);
    return status;
}

static enum nba_status parse_named(struct parser *p, const json_t *json, const char *space,
                                   unsigned depth, struct nba_avro_type *type)
{
    const json_t *own_space = json_object_get(json, "namespace");
    if (json_is_string(own_space)) {
        space = json_string_value(own_space);
    }
    enum nba_status status = open_named(p, json, space, type);
    if (status != NBA_OK) {
        return status;
    }
    if (type->kind == NBA_AVRO_RECORD) {
        status = parse_record(p, json, depth, type);
    } else if (type->kind == NBA_AVRO_ENUM) {
        status = parse_enum(p, json, type);
    } else {
        status = parse_fixed(p, json, type);
    }
    type->open = false;
    return status;
}

/* Array or map. */
static enum nba_status parse_items(struct parser *p, const json_t *json, const char *space,
                                   unsigned depth, struct nba_avro_type *type)
{
    const bool array = type->kind == NBA_AVRO_ARRAY;
    json_t *items_json = json_object_get(json, array ? "items" : "values");
    if (items_json == NULL) {
        return nba_error_set(p->error, NBA_E_CONFIG, "schema: %s without %s",
                             nba_avro_kind_name(type->kind), array ? "items" : "values");
    }
    struct nba_avro_type *items = NULL;
    const enum nba_status status = parse_type(p, items_json, space, depth + 1, &items);
    if (status != NBA_OK) {
        return status;
    }
    if (array && items->bytes_min == 0) {
        return nba_error_set(p->error, NBA_E_CONFIG,
                             "schema: items of an array take no bytes, its length has no bound");
    }
    type->items = items;
    type->depth = items->depth + 1;
    type->bytes_min = 1;
    return NBA_OK;
}

static enum nba_status parse_union(struct parser *p, json_t *json, const char *space,
                                   unsigned depth, struct nba_avro_type **ret_type)
{
    enum nba_status status = NBA_OK;
    const size_t count = json_array_size(json);
    struct nba_avro_type *type = take_type(p, NBA_AVRO_UNION, &status);
    const struct nba_avro_type **branches =
        status == NBA_OK ? take(p, count, sizeof(struct nba_avro_type *), &status) : NULL;
    if (status == NBA_OK && count == 0) {
        status = nba_error_set(p->error, NBA_E_CONFIG, "schema: a union without branches");
    }
    uint32_t bytes_min = BYTES_MIN_MAX - 1;
    for (size_t i = 0; status == NBA_OK && i < count; i++) {
        struct nba_avro_type *branch = NULL;
        status = parse_type(p, json_array_get(json, i), space, depth + 1, &branch);
        if (status != NBA_OK) {
            break;
        }
        for (size_t j = 0; j < i && status == NBA_OK; j++) {
            if (branch->kind == branches[j]->kind &&
                (branch->full_name == NULL ||
                 strcmp(branch->full_name, branches[j]->full_name) == 0)) {
                status = nba_error_set(p->error, NBA_E_CONFIG, "schema: a union has '%s' twice",
                                       nba_avro_kind_name(branch->kind));
            }
        }
        if (branch->kind == NBA_AVRO_UNION) {
            status = nba_error_set(p->error, NBA_E_CONFIG, "schema: a union inside a union");
        }
        branches[i] = branch;
        bytes_min = branch->bytes_min < bytes_min ? branch->bytes_min : bytes_min;
        type->depth = branch->depth >= type->depth ? branch->depth + 1 : type->depth;
    }
    if (status == NBA_OK) {
        type->branches = branches;
        type->branch_count = (uint32_t)count;
        type->bytes_min = bytes_min + 1;
        *ret_type = type;
    }
    return status;
}

static bool complex_of(const char *word, enum nba_avro_kind *ret_kind)
{
    for (size_t i = NBA_AVRO_FIXED; i <= NBA_AVRO_RECORD; i++) {
        if (i != NBA_AVRO_UNION && strcmp(word, kind_names[i]) == 0) {
            *ret_kind = (enum nba_avro_kind)i;
            return true;
        }
    }
    return false;
}

/* {"type": ...}: a named type, a collection, or a plain type with attributes. */
static enum nba_status parse_object(struct parser *p, json_t *json, const char *space,
                                    unsigned depth, struct nba_avro_type **ret_type)
{
    json_t *inner = json_object_get(json, "type");
    enum nba_avro_kind kind = NBA_AVRO_NULL;
    if (inner == NULL) {
        return nba_error_set(p->error, NBA_E_CONFIG, "schema: an object without a type");
    }
    enum nba_status status = NBA_OK;
    if (!json_is_string(inner) || !complex_of(json_string_value(inner), &kind)) {
        struct nba_avro_type *type = NULL;
        status = parse_type(p, inner, space, depth + 1, &type);
        const char *logical = json_string_value(json_object_get(json, "logicalType"));
        if (status == NBA_OK && type->kind == NBA_AVRO_LONG && logical != NULL) {
            type->timestamp_millis = strcmp(logical, "timestamp-millis") == 0;
        }
        if (status == NBA_OK) {
            *ret_type = type;
        }
        return status;
    }
    struct nba_avro_type *type = take_type(p, kind, &status);
    if (type == NULL) {
        return status;
    }
    status = kind == NBA_AVRO_ARRAY || kind == NBA_AVRO_MAP
                 ? parse_items(p, json, space, depth, type)
                 : parse_named(p, json, space, depth, type);
    if (status == NBA_OK) {
        *ret_type = type;
    }
    return status;
}

static enum nba_status parse_type(struct parser *p, json_t *json, const char *space, unsigned depth,
                                  struct nba_avro_type **ret_type)
{
    struct nba_avro_type *type = NULL;
    enum nba_status status = NBA_OK;
    if (depth > NBA_DEPTH_MAX) {
        return nba_error_set(p->error, NBA_E_CONFIG, "schema: more than %u types deep",
                             NBA_DEPTH_MAX);
    }
    if (json_is_string(json)) {
        status = parse_word(p, json_string_value(json), space, &type);
    } else if (json_is_array(json)) {
        status = parse_union(p, json, space, depth, &type);
    } else if (json_is_object(json)) {
        status = parse_object(p, json, space, depth, &type);
    } else {
        return nba_error_set(p->error, NBA_E_CONFIG, "schema: expected a type");
    }
    if (status != NBA_OK) {
        return status;
    }
    NBA_ASSERT(type != NULL);
    if (type->depth > NBA_DEPTH_MAX) {
        return nba_error_set(p->error, NBA_E_CONFIG, "schema: more than %u types deep",
                             NBA_DEPTH_MAX);
    }
    *ret_type = type;
    return NBA_OK;
}

/* NOLINTEND(misc-no-recursion) */

enum nba_status nba_avro_schema_parse(struct nba_str text, struct nba_arena *arena,
                                      struct nba_avro_schema *ret_schema, struct nba_error *error)
{
    NBA_ASSERT(arena != NULL && ret_schema != NULL);
    if (text.bytes > (size_t)NBA_SCHEMA_BYTES_MAX) {
        return nba_error_set(error, NBA_E_LIMIT, "schema: %zu bytes, at most %u", text.bytes,
                             NBA_SCHEMA_BYTES_MAX);
    }
    json_error_t json_error;
    json_t *json = json_loadb(text.data != NULL ? text.data : "", text.bytes,
                              JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &json_error);
    if (json == NULL) {
        return nba_error_set(error, NBA_E_CONFIG, "schema: %d:%d: %s", json_error.line,
                             json_error.column, json_error.text);
    }
    struct parser *parser = nba_arena_zeros(arena, 1, sizeof(*parser));
    if (parser == NULL) {
        json_decref(json);
        return nba_error_set(error, NBA_E_NO_MEMORY, "schema: out of memory");
    }
    parser->arena = arena;
    parser->error = error;
    struct nba_avro_type *type = NULL;
    const enum nba_status status = parse_type(parser, json, "", 1, &type);
    if (status != NBA_OK) {
        json_decref(json);
        return status;
    }
    *ret_schema = (struct nba_avro_schema){.json = json, .type = type};
    return NBA_OK;
}

void nba_avro_schema_clear(struct nba_avro_schema *schema)
{
    if (schema != NULL) {
        json_decref(schema->json);
        *schema = (struct nba_avro_schema){0};
    }
}
