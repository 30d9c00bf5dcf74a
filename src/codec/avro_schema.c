/*
 * From JSON to types, depth first.  The recursion follows the schema's nesting and stops at
 * NBA_DEPTH_MAX.  A name that is used inside its own definition is the type as far as it is known
 * then: it is complete when parsing ends, but for `depth` and `bytes_min` of what lies inside.
 *
 * A part that can't be parsed is NULL, with the parser's status and error set; nothing is looked at
 * after that.
 */
#include "nba/codec/avro_schema.h"

#include <string.h>

#include <jansson.h>

#include "json_internal.h"
#include "nba/base/assert.h"
#include "nba/base/compiler.h"
#include "nba/base/limits.h"

#define NAMED_MAX     512u        /* named types of one schema */
#define BYTES_MIN_MAX 0x00ffffffu /* a record of that size is above every limit anyway */

struct parser {
    struct nba_arena *arena;
    struct nba_error *error;
    enum nba_status status;
    struct nba_avro_type *named[NAMED_MAX];
    uint32_t named_count;
};

static const struct {
    const char *name;
    uint32_t bytes_min;
} kinds[] = {
    [NBA_AVRO_NULL] = {"null", 0},   [NBA_AVRO_BOOLEAN] = {"boolean", 1},
    [NBA_AVRO_INT] = {"int", 1},     [NBA_AVRO_LONG] = {"long", 1},
    [NBA_AVRO_FLOAT] = {"float", 4}, [NBA_AVRO_DOUBLE] = {"double", 8},
    [NBA_AVRO_BYTES] = {"bytes", 1}, [NBA_AVRO_STRING] = {"string", 1},
    [NBA_AVRO_FIXED] = {"fixed", 0}, [NBA_AVRO_ENUM] = {"enum", 1},
    [NBA_AVRO_ARRAY] = {"array", 1}, [NBA_AVRO_MAP] = {"map", 1},
    [NBA_AVRO_UNION] = {"union", 1}, [NBA_AVRO_RECORD] = {"record", 0},
};

const char *nba_avro_kind_name(enum nba_avro_kind kind)
{
    NBA_ASSERT((size_t)kind < NBA_ARRAY_COUNT(kinds));
    return kinds[kind].name;
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

/* ---- what is wrong, memory, names ---------------------------------------------------------- */

/* "schema: 'name' what", or without a name; always NULL. */
static struct nba_avro_type *refuse(struct parser *p, const char *name, const char *what)
{
    const char *quote = name != NULL ? "'" : "";
    p->status = nba_error_set(p->error, NBA_E_CONFIG, "schema: %s%s%s%s", quote,
                              name != NULL ? name : "", name != NULL ? "' " : "", what);
    return NULL;
}

/* Zeroed memory; a schema's text bounds it. */
static void *take(struct parser *p, size_t count, size_t size)
{
    return memset(nba_arena_need(p->arena, count * size), 0, count * size);
}

static struct nba_avro_type *take_type(struct parser *p, enum nba_avro_kind kind)
{
    struct nba_avro_type *type = take(p, 1, sizeof(*type));
    type->kind = kind;
    type->bytes_min = kinds[kind].bytes_min;
    type->depth = 1;
    type->symbol_default = -1;
    return type;
}

#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_"

/* Letters, digits and underscores, no digit first; dots too where a full name may stand. */
static bool is_name(const char *text, bool dots)
{
    bool good = strspn(text, LETTERS) != 0;
    text += strspn(text, LETTERS "0123456789");
    while (good && dots && *text == '.') {
        good = strspn(++text, LETTERS) != 0;
        text += strspn(text, LETTERS "0123456789");
    }
    return good && *text == '\0';
}

/* "space.name", or the name alone without a namespace or when it brings one itself. */
static const char *join_name(struct parser *p, struct nba_str space, const char *name)
{
    if (strchr(name, '.') != NULL || space.bytes == 0) {
        return name;
    }
    const size_t bytes = strlen(name);
    char *full = take(p, space.bytes + bytes + 2, 1);
    memcpy(full, space.data, space.bytes);
    full[space.bytes] = '.';
    /* NOLINTNEXTLINE(bugprone-not-null-terminated-result): the memory is zeroed */
    memcpy(full + space.bytes + 1, name, bytes);
    return full;
}

/* The namespace of what stands inside: what is before the last dot of the full name. */
static struct nba_str inner_space(const struct nba_avro_type *type)
{
    const size_t before = (size_t)(type->name - type->full_name);
    return nba_str(type->full_name, before != 0 ? before - 1 : 0);
}

static struct nba_avro_type *find_named(const struct parser *p, const char *full)
{
    for (uint32_t i = 0; i < p->named_count; i++) {
        if (strcmp(p->named[i]->full_name, full) == 0) {
            return p->named[i];
        }
    }
    return NULL;
}

/* The list at `key` as borrowed texts, each one a name and no two equal; absent is empty. */
static const char **parse_names(struct parser *p, const json_t *owner, const char *key, bool dots,
                                uint32_t *ret_count)
{
    const json_t *list = json_object_get(owner, key);
    const size_t count = json_array_size(list);
    const char **names = take(p, count, sizeof(*names));
    for (size_t i = 0; i < count; i++) {
        names[i] = json_string_value(json_array_get(list, i));
        if (names[i] == NULL || !is_name(names[i], dots)) {
            (void)refuse(p, key, "should be a list of names");
            return NULL;
        }
        for (size_t j = 0; j < i; j++) {
            if (strcmp(names[i], names[j]) == 0) {
                (void)refuse(p, names[i], "stands twice");
                return NULL;
            }
        }
    }
    *ret_count = (uint32_t)count;
    return names;
}

/* ---- types --------------------------------------------------------------------------------- */

/* NOLINTBEGIN(misc-no-recursion): parse_type stops at NBA_DEPTH_MAX */
static struct nba_avro_type *parse_type(struct parser *p, json_t *json, struct nba_str space,
                                        unsigned depth);

static enum nba_avro_kind kind_of(const char *word)
{
    size_t i = 0;
    while (i < NBA_ARRAY_COUNT(kinds) && strcmp(word, kinds[i].name) != 0) {
        i++;
    }
    return (enum nba_avro_kind)i;
}

/* A plain type, or one defined before. */
static struct nba_avro_type *parse_word(struct parser *p, const char *word, struct nba_str space)
{
    const enum nba_avro_kind kind = kind_of(word);
    if (kind <= NBA_AVRO_STRING) {
        return take_type(p, kind);
    }
    struct nba_avro_type *type = find_named(p, join_name(p, space, word));
    if (type == NULL) {
        type = find_named(p, word);
    }
    return type != NULL ? type : refuse(p, word, "is no type defined before");
}

static void parse_enum(struct parser *p, const json_t *json, struct nba_avro_type *type)
{
    const json_t *fallback = json_object_get(json, "default");
    type->symbols = parse_names(p, json, "symbols", false, &type->symbol_count);
    const size_t found =
        nba_str_find(nba_str_of(json_string_value(fallback)), type->symbols, type->symbol_count);
    type->symbol_default = found < type->symbol_count ? (int32_t)found : -1;
    if (p->status == NBA_OK && type->symbol_count == 0) {
        (void)refuse(p, type->name, "has no symbols");
    } else if (p->status == NBA_OK && fallback != NULL && type->symbol_default < 0) {
        (void)refuse(p, type->name, "has a default that is none of its symbols");
    }
}

/* Ignored: what is no decimal, or one that the specification calls invalid. */
static void parse_decimal(const json_t *json, struct nba_avro_type *type)
{
    const char *logical = json_string_value(json_object_get(json, "logicalType"));
    const json_int_t precision = json_integer_value(json_object_get(json, "precision"));
    const json_int_t scale = json_integer_value(json_object_get(json, "scale"));
    /* log10 of 2^(8n-1), the digits that always fit n bytes. */
    const double digits = ((double)type->fixed_bytes * 8 - 1) * 0.30102999566398120;
    if (logical != NULL && strcmp(logical, "decimal") == 0 && precision > 0 && scale >= 0 &&
        scale <= precision && precision <= INT32_MAX &&
        (type->kind == NBA_AVRO_BYTES || (double)precision <= digits)) {
        type->decimal_precision = (uint32_t)precision;
        type->decimal_scale = (uint32_t)scale;
    }
}

static void parse_fixed(struct parser *p, const json_t *json, struct nba_avro_type *type)
{
    const json_t *size = json_object_get(json, "size");
    if (!json_is_integer(size) || json_integer_value(size) < 0 ||
        json_integer_value(size) > (json_int_t)BYTES_MIN_MAX) {
        (void)refuse(p, type->name, "has no proper size");
        return;
    }
    type->fixed_bytes = (uint32_t)json_integer_value(size);
    type->bytes_min = type->fixed_bytes;
    parse_decimal(json, type);
}

/* What holds a part is deeper than the part. */
static void hold(struct nba_avro_type *type, const struct nba_avro_type *part)
{
    if (part->depth >= type->depth) {
        type->depth = part->depth + 1;
    }
}

static void parse_record(struct parser *p, const json_t *json, unsigned depth,
                         struct nba_avro_type *type)
{
    const struct nba_str space = inner_space(type);
    const json_t *list = json_object_get(json, "fields");
    const size_t count = json_array_size(list);
    struct nba_avro_field *fields = take(p, count, sizeof(*fields));
    if (!json_is_array(list)) {
        (void)refuse(p, type->name, "has no fields");
    }
    for (size_t i = 0; p->status == NBA_OK && i < count; i++) {
        json_t *item = json_array_get(list, i);
        json_t *item_type = json_object_get(item, "type");
        const char *name = json_string_value(json_object_get(item, "name"));
        if (name == NULL || !is_name(name, false) || item_type == NULL) {
            (void)refuse(p, type->name, "has a field without a proper name or type");
            return;
        }
        for (size_t j = 0; j < i; j++) {
            if (strcmp(name, fields[j].name) == 0) {
                (void)refuse(p, name, "stands twice");
                return;
            }
        }
        fields[i].name = name;
        fields[i].default_value = json_object_get(item, "default");
        fields[i].aliases = parse_names(p, item, "aliases", false, &fields[i].alias_count);
        fields[i].type = p->status == NBA_OK ? parse_type(p, item_type, space, depth + 1) : NULL;
        if (fields[i].type != NULL) {
            hold(type, fields[i].type);
            type->bytes_min += fields[i].type->bytes_min;
            type->bytes_min = type->bytes_min < BYTES_MIN_MAX ? type->bytes_min : BYTES_MIN_MAX;
        }
    }
    type->fields = fields;
    type->field_count = (uint32_t)count;
}

/* A record, enum or fixed, which enters the table of names. */
static void parse_named(struct parser *p, const json_t *json, struct nba_str space, unsigned depth,
                        struct nba_avro_type *type)
{
    const char *own_space = json_string_value(json_object_get(json, "namespace"));
    const char *name = json_string_value(json_object_get(json, "name"));
    if (name == NULL || !is_name(name, true)) {
        (void)refuse(p, kinds[type->kind].name, "has no proper name");
        return;
    }
    type->full_name = join_name(p, own_space != NULL ? nba_str_of(own_space) : space, name);
    const char *dot = strrchr(type->full_name, '.');
    type->name = dot != NULL ? dot + 1 : type->full_name;
    const char **aliases = parse_names(p, json, "aliases", true, &type->alias_count);
    if (p->status != NBA_OK) {
        return;
    }
    for (uint32_t i = 0; i < type->alias_count; i++) {
        aliases[i] = join_name(p, inner_space(type), aliases[i]);
    }
    type->aliases = aliases;
    if (find_named(p, type->full_name) != NULL) {
        (void)refuse(p, type->full_name, "is defined twice");
        return;
    }
    if (p->named_count == NAMED_MAX) {
        p->status =
            nba_error_set(p->error, NBA_E_LIMIT, "schema: more than %u named types", NAMED_MAX);
        return;
    }
    p->named[p->named_count++] = type;
    if (type->kind == NBA_AVRO_RECORD) {
        parse_record(p, json, depth, type);
    } else if (type->kind == NBA_AVRO_ENUM) {
        parse_enum(p, json, type);
    } else {
        parse_fixed(p, json, type);
    }
}

/* Array or map. */
static void parse_items(struct parser *p, const json_t *json, struct nba_str space, unsigned depth,
                        struct nba_avro_type *type)
{
    const bool array = type->kind == NBA_AVRO_ARRAY;
    json_t *items = json_object_get(json, array ? "items" : "values");
    if (items == NULL) {
        (void)refuse(p, kinds[type->kind].name, array ? "has no items" : "has no values");
        return;
    }
    const struct nba_avro_type *part = parse_type(p, items, space, depth + 1);
    if (part == NULL) {
        return;
    }
    type->items = part;
    hold(type, part);
}

static bool same_branch(const struct nba_avro_type *a, const struct nba_avro_type *b)
{
    return a->kind == b->kind && (a->full_name == NULL || strcmp(a->full_name, b->full_name) == 0);
}

static struct nba_avro_type *parse_union(struct parser *p, json_t *json, struct nba_str space,
                                         unsigned depth)
{
    const size_t count = json_array_size(json);
    struct nba_avro_type *type = take_type(p, NBA_AVRO_UNION);
    const struct nba_avro_type **branches = take(p, count, sizeof(struct nba_avro_type *));
    uint32_t bytes_min = BYTES_MIN_MAX - 1;
    if (count == 0) {
        return refuse(p, NULL, "a union without branches");
    }
    for (size_t i = 0; i < count; i++) {
        const struct nba_avro_type *branch =
            parse_type(p, json_array_get(json, i), space, depth + 1);
        if (branch == NULL) {
            return NULL;
        }
        if (branch->kind == NBA_AVRO_UNION) {
            return refuse(p, NULL, "a union inside a union");
        }
        for (size_t j = 0; j < i; j++) {
            if (same_branch(branch, branches[j])) {
                return refuse(p, kinds[branch->kind].name, "stands in a union twice");
            }
        }
        branches[i] = branch;
        bytes_min = branch->bytes_min < bytes_min ? branch->bytes_min : bytes_min;
        hold(type, branch);
    }
    type->branches = branches;
    type->branch_count = (uint32_t)count;
    type->bytes_min = bytes_min + 1;
    return type;
}

/* {"type": ...}: a named type, a collection, or a type with attributes. */
static struct nba_avro_type *parse_object(struct parser *p, json_t *json, struct nba_str space,
                                          unsigned depth)
{
    json_t *inner = json_object_get(json, "type");
    if (inner == NULL) {
        return refuse(p, NULL, "an object without a type");
    }
    const enum nba_avro_kind kind =
        json_is_string(inner) ? kind_of(json_string_value(inner)) : NBA_AVRO_NULL;
    if (kind < NBA_AVRO_FIXED || kind > NBA_AVRO_RECORD || kind == NBA_AVRO_UNION) {
        struct nba_avro_type *type = parse_type(p, inner, space, depth + 1);
        const char *logical = json_string_value(json_object_get(json, "logicalType"));
        if (type != NULL && type->kind == NBA_AVRO_LONG && logical != NULL) {
            type->timestamp_millis = strcmp(logical, "timestamp-millis") == 0;
        } else if (type != NULL && type->kind == NBA_AVRO_BYTES) {
            parse_decimal(json, type);
        }
        return type;
    }
    struct nba_avro_type *type = take_type(p, kind);
    if (kind == NBA_AVRO_ARRAY || kind == NBA_AVRO_MAP) {
        parse_items(p, json, space, depth, type);
    } else {
        parse_named(p, json, space, depth, type);
    }
    return p->status == NBA_OK ? type : NULL;
}

static struct nba_avro_type *parse_type(struct parser *p, json_t *json, struct nba_str space,
                                        unsigned depth)
{
    struct nba_avro_type *type = NULL;
    if (depth > NBA_DEPTH_MAX) {
        return refuse(p, NULL, "more than 32 types deep");
    }
    if (json_is_string(json)) {
        type = parse_word(p, json_string_value(json), space);
    } else if (json_is_array(json)) {
        type = parse_union(p, json, space, depth);
    } else if (json_is_object(json)) {
        type = parse_object(p, json, space, depth);
    } else {
        return refuse(p, NULL, "expected a type");
    }
    return type != NULL && type->depth > NBA_DEPTH_MAX ? refuse(p, NULL, "more than 32 types deep")
                                                       : type;
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
    json_t *json = NULL;
    const enum nba_status status = nba_json_load(text, "schema: ", &json, error);
    if (status != NBA_OK) {
        return status;
    }
    struct parser parser = {.arena = arena, .error = error};
    const struct nba_avro_type *type = parse_type(&parser, json, nba_str(NULL, 0), 1);
    if (type == NULL) {
        json_decref(json);
        return parser.status;
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
