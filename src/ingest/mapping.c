/*
 * YAML into sections.  Every name is checked against the section's fields while it is read, so that
 * applying a mapping can only fail by what stands in a row.
 *
 * `status` of the loader is that of the first mistake; nothing is read after it.
 */
#include "nba/ingest/mapping.h"

#include <stdlib.h>
#include <string.h>

#include "mapping_internal.h"
#include "nba/base/assert.h"
#include "nba/base/memory.h"

#define ARENA_BYTES_MAX (16u << 20)
/* A rule's text is made of the file's own words. */
#define RULE_TEXT_BYTES ((size_t)NBA_YAML_BYTES_MAX * 2)
/* Joins the items of a list of constants; no YAML text has it. */
#define LIST_SPLIT '\x1f'

struct load {
    struct nba_mapping *mapping;
    struct section *section;
    struct nba_error *error;
    enum nba_status status;
};

static const char *const kind_names[] = {
#define NBA_X(constant, word) word,
    NBA_IMPORT_KIND_MAP(NBA_X)
#undef NBA_X
        NULL};

const char *nba_import_kind_name(enum nba_import_kind kind)
{
    NBA_ASSERT(kind < NBA_IMPORT_KIND_COUNT);
    return kind_names[kind];
}

/* ---- readings that do nothing after a mistake ---------------------------------------------- */

static bool good(struct load *load, enum nba_status status)
{
    load->status = status;
    return status == NBA_OK;
}

/* Zeroed memory of the mapping, which its file bounds. */
static void *take(struct load *load, size_t count, size_t size)
{
    return memset(nba_arena_need(&load->mapping->arena, count * size), 0, count * size);
}

/* A map with none but these keys. */
static bool expect_map(struct load *load, const struct nba_yaml_node *node, const char *const *keys)
{
    return load->status == NBA_OK && good(load, nba_yaml_expect(node, NBA_YAML_MAP, load->error)) &&
           (keys == NULL || good(load, nba_yaml_check_keys(node, keys, NULL, load->error)));
}

static bool expect_list(struct load *load, const struct nba_yaml_node *node, size_t most,
                        const char *of)
{
    if (load->status != NBA_OK || !good(load, nba_yaml_expect(node, NBA_YAML_LIST, load->error))) {
        return false;
    }
    return node->count <= most ||
           good(load, nba_yaml_fail(node, load->error, "more than %zu %s", most, of));
}

/* The value of a key that may be absent; NULL also after a mistake. */
static const struct nba_yaml_node *get(const struct load *load, const struct nba_yaml_node *map,
                                       const char *key)
{
    return load->status == NBA_OK ? nba_yaml_get(map, key) : NULL;
}

static struct nba_str read_string(struct load *load, const struct nba_yaml_node *node)
{
    struct nba_str text = {NULL, 0};
    if (load->status == NBA_OK) {
        load->status = nba_yaml_string(node, &text, load->error);
    }
    return text;
}

/* The index of the word at `key`, 0 without one. */
static size_t read_word(struct load *load, const struct nba_yaml_node *map, const char *key,
                        const char *const *words)
{
    size_t index = 0;
    const struct nba_yaml_node *node = get(load, map, key);
    if (node != NULL) {
        load->status = nba_yaml_word(node, words, &index, load->error);
    }
    return index;
}

/* The character at `key`, NUL without one. */
static char read_character(struct load *load, const struct nba_yaml_node *map, const char *key)
{
    const struct nba_yaml_node *node = get(load, map, key);
    if (node == NULL) {
        return '\0';
    }
    const struct nba_str text = read_string(load, node);
    if (load->status == NBA_OK && text.bytes != 1) {
        load->status = nba_yaml_fail(node, load->error, "expected one character");
    }
    if (load->status != NBA_OK) {
        return '\0';
    }
    return text.data[0];
}

/* The items of a list, or the node itself. */
static struct words read_words(struct load *load, const struct nba_yaml_node *node)
{
    const bool list = node->kind == NBA_YAML_LIST;
    const size_t count = list ? node->count : 1;
    struct nba_str *words = take(load, count, sizeof(*words));
    const struct nba_yaml_node *item = list ? node->first : node;
    for (size_t i = 0; load->status == NBA_OK && i < count; i++) {
        words[i] = read_string(load, item);
        item = item->next;
    }
    return (struct words){words, count};
}

/* ---- assignments --------------------------------------------------------------------------- */

/* The index of a column of the section, added when new. */
static size_t use_column(struct load *load, const struct nba_yaml_node *node)
{
    struct nba_str name;
    struct section *section = load->section;
    if (load->status != NBA_OK || !good(load, nba_yaml_text(node, &name, load->error))) {
        return 0;
    }
    size_t column = 0;
    while (column < section->view.form.column_count &&
           !nba_str_is(name, section->columns[column])) {
        column++;
    }
    if (column == NBA_ROW_COLUMNS_MAX) {
        load->status =
            nba_yaml_fail(node, load->error, "more than %u columns", NBA_ROW_COLUMNS_MAX);
    } else if (column == section->view.form.column_count) {
        section->columns[column] = name.data;
        section->view.form.column_count++;
    }
    return column;
}

/* {column: C, values: {...}, default: D, unit: U, split: S} */
static void load_column_map(struct load *load, const struct nba_yaml_node *map,
                            struct assignment *item)
{
    static const char *const keys[] = {"column", "values", "default", "unit", "split", NULL};
    static const char *const units[] = {"rfc3339", "ms", "s", NULL};
    const enum nba_bind kind = item->field->binding->kind;
    if (!expect_map(load, map, keys)) {
        return;
    }
    const struct nba_yaml_node *node = nba_yaml_get(map, "column");
    if (node == NULL) {
        load->status = nba_yaml_fail_missing(map, "column", "the name of a column", load->error);
        return;
    }
    item->column = use_column(load, node);
    node = get(load, map, "values");
    if (node != NULL && expect_map(load, node, NULL)) {
        struct nba_str *from = take(load, node->count, sizeof(*from));
        struct nba_str *to = take(load, node->count, sizeof(*to));
        const struct nba_yaml_node *value = node->first;
        for (size_t i = 0; load->status == NBA_OK && i < node->count; i++) {
            from[i] = value->key->text;
            to[i] = read_string(load, value);
            value = value->next;
        }
        item->from = (struct words){from, node->count};
        item->to = (struct words){to, node->count};
    }
    node = get(load, map, "default");
    if (node != NULL) {
        item->has_default = true;
        item->otherwise = read_string(load, node);
    }
    node = get(load, map, "unit");
    if (node != NULL && kind != NBA_BIND_TIME) {
        load->status = nba_yaml_fail(node, load->error, "only a time has a unit");
    }
    item->unit = (enum time_unit)read_word(load, map, "unit", units);
    node = get(load, map, "split");
    if (node != NULL && kind != NBA_BIND_ARRAY) {
        load->status = nba_yaml_fail(node, load->error, "only a list is split");
    }
    item->split = read_character(load, map, "split");
}

/* A constant must be readable as its field; lists are YAML lists or one text. */
static void load_constant(struct load *load, const struct nba_yaml_node *node,
                          struct assignment *item)
{
    union target scratch;
    struct nba_error reason = {NBA_OK, ""};
    if (node->kind == NBA_YAML_LIST && item->field->binding->kind == NBA_BIND_ARRAY) {
        struct nba_buf joined;
        nba_buf_init(&joined, (size_t)NBA_YAML_BYTES_MAX);
        for (const struct nba_yaml_node *at = node->first; at != NULL && load->status == NBA_OK;
             at = at->next) {
            struct nba_str text;
            if (good(load, nba_yaml_text(at, &text, load->error))) {
                nba_buf_append_str(&joined, text);
                nba_buf_append_byte(&joined, LIST_SPLIT);
            }
        }
        item->split = LIST_SPLIT;
        item->constant = nba_arena_copy(&load->mapping->arena, nba_buf_str(&joined));
        nba_buf_clear(&joined);
        return;
    }
    item->constant = read_string(load, node);
    if (load->status == NBA_OK &&
        nba_field_set(item->field, item->constant, TIME_RFC3339, '\0', &load->mapping->arena,
                      &scratch, &reason) != NBA_OK) {
        load->status = nba_yaml_fail(node, load->error, "%s", reason.message);
    }
}

/* A map from field names to columns, or to constants. */
static struct assignments load_assignments(struct load *load, const struct nba_yaml_node *map,
                                           const struct fields *fields, bool constants)
{
    if (!expect_map(load, map, fields->names)) {
        return (struct assignments){NULL, 0};
    }
    struct assignment *items = take(load, map->count, sizeof(*items));
    const struct nba_yaml_node *node = map->first;
    for (size_t i = 0; load->status == NBA_OK && i < map->count; i++) {
        items[i].field = nba_fields_find(fields, node->key->text);
        items[i].column = SIZE_MAX;
        if (constants) {
            load_constant(load, node, &items[i]);
        } else if (node->kind == NBA_YAML_MAP) {
            load_column_map(load, node, &items[i]);
        } else {
            items[i].column = use_column(load, node);
        }
        node = node->next;
    }
    return (struct assignments){items, map->count};
}

/* ---- rules --------------------------------------------------------------------------------- */

static void load_when(struct load *load, const struct nba_yaml_node *map, struct rule *rule,
                      struct nba_buf *text)
{
    if (!expect_map(load, map, NULL)) {
        return;
    }
    rule->conditions = take(load, map->count, sizeof(*rule->conditions));
    for (const struct nba_yaml_node *node = map->first; node != NULL && load->status == NBA_OK;
         node = node->next) {
        struct condition *condition = &rule->conditions[rule->condition_count++];
        condition->column = use_column(load, node->key);
        condition->words = read_words(load, node);
        for (size_t i = 0; load->status == NBA_OK && i < condition->words.count; i++) {
            if (i == 0) {
                nba_buf_printf(text, "%s%.*s=", text->bytes > 0 ? " + " : "",
                               NBA_STR_ARG(node->key->text));
            }
            nba_buf_printf(text, "%s%.*s", i > 0 ? "|" : "",
                           NBA_STR_ARG(condition->words.items[i]));
        }
    }
}

static void load_rule(struct load *load, const struct nba_yaml_node *map, struct rule *rule,
                      struct nba_buf *text)
{
    static const char *const keys[] = {"when", "type", "skip", "set", NULL};
    if (!expect_map(load, map, keys)) {
        return;
    }
    const struct nba_yaml_node *node = nba_yaml_get(map, "when");
    if (node != NULL) {
        load_when(load, node, rule, text);
    }
    node = get(load, map, "skip");
    if (node != NULL) {
        load->status = nba_yaml_bool(node, &rule->skip, load->error);
    }
    node = get(load, map, "type");
    if (load->status == NBA_OK && (node != NULL) == rule->skip) {
        load->status = nba_yaml_fail(map, load->error, "expected either a type or skip: true");
        return;
    }
    struct nba_str word;
    if (node != NULL && good(load, nba_yaml_text(node, &word, load->error)) &&
        !nba_event_type_of(word, &rule->type)) {
        load->status = nba_yaml_fail(node, load->error, "expected an event type, got '%.*s'",
                                     NBA_STR_ARG(word));
    }
    node = get(load, map, "set");
    if (node != NULL) {
        rule->set = load_assignments(load, node, &load->section->fields, true);
    }
    nba_buf_printf(text, "%s -> %s%c", text->bytes > 0 ? "" : "any row",
                   rule->skip ? "skipped" : nba_event_type_name(rule->type), '\0');
}

static void load_rules(struct load *load, const struct nba_yaml_node *list)
{
    struct section *section = load->section;
    if (!expect_list(load, list, NBA_MAPPING_RULES_MAX, "rules")) {
        return;
    }
    section->rules = take(load, list->count, sizeof(*section->rules));
    const char **texts = take(load, list->count, sizeof(*texts));
    for (const struct nba_yaml_node *node = list->first; node != NULL && load->status == NBA_OK;
         node = node->next) {
        struct nba_buf text;
        nba_buf_init(&text, RULE_TEXT_BYTES);
        load_rule(load, node, &section->rules[section->rule_count], &text);
        texts[section->rule_count] = nba_arena_copy(&load->mapping->arena, nba_buf_str(&text)).data;
        section->rule_count++;
        nba_buf_clear(&text);
    }
    if (section->rule_count > 0) {
        section->view.rules = texts;
        section->view.rule_count = section->rule_count;
    }
}

/* ---- sections ------------------------------------------------------------------------------ */

/* treatments of contents, consents of profiles: constants, one part of the message each */
static void load_parts(struct load *load, const struct nba_yaml_node *list, size_t most)
{
    struct section *section = load->section;
    if (!expect_list(load, list, most, "entries")) {
        return;
    }
    section->parts = take(load, list->count, sizeof(*section->parts));
    for (const struct nba_yaml_node *node = list->first; node != NULL && load->status == NBA_OK;
         node = node->next) {
        section->parts[section->part_count++] =
            load_assignments(load, node, &section->part_fields, true);
    }
}

static void load_section(struct load *load, enum nba_import_kind kind,
                         const struct nba_yaml_node *map)
{
    static const char *const keys[NBA_IMPORT_KIND_COUNT][9] = {
        {"columns", "constants", "rules", "format", "delimiter", "order", NULL},
        {"columns", "constants", "consents", "format", "delimiter", NULL},
        {"columns", "constants", "treatments", "format", "delimiter", NULL},
        {"columns", "constants", "format", "delimiter", NULL},
        {"columns", "constants", "format", "delimiter", NULL},
    };
    static const char *const formats[] = {"by_name", "csv", "tsv", "jsonl", "avro", NULL};
    static const char *const orders[] = {"file", "time", NULL};
    static const char *const any_rule[] = {"all rows"};
    struct section *section = &load->mapping->sections[kind];
    const struct nba_yaml_node *node = NULL;
    if (!expect_map(load, map, keys[kind])) {
        return;
    }
    const struct nba_yaml_node *columns = nba_yaml_get(map, "columns");
    if (columns == NULL) {
        load->status =
            nba_yaml_fail_missing(map, "columns", "a map from fields to columns", load->error);
        return;
    }
    load->section = section;
    section->present = true;
    nba_fields_init(&section->fields, kind, false);
    nba_fields_init(&section->part_fields, kind, true);
    section->view.form.columns = section->columns;
    section->view.rules = any_rule;
    section->view.rule_count = NBA_ARRAY_COUNT(any_rule);
    section->view.form.format = (enum nba_row_format)read_word(load, map, "format", formats);
    section->view.form.delimiter = read_character(load, map, "delimiter");
    section->view.sorts = read_word(load, map, "order", orders) == 1;
    section->cells = load_assignments(load, columns, &section->fields, false);
    if ((node = get(load, map, "constants")) != NULL) {
        section->constants = load_assignments(load, node, &section->fields, true);
    }
    if ((node = get(load, map, "rules")) != NULL) {
        load_rules(load, node);
    }
    if ((node = get(load, map, "treatments")) != NULL) {
        load_parts(load, node, NBA_TREATMENTS_MAX);
    }
    if ((node = get(load, map, "consents")) != NULL) {
        load_parts(load, node, NBA_IMPORT_ITEMS_MAX - 1);
    }
}

static void load_tree(struct load *load)
{
    static const char *const keys[] = {"source", "events",    "profiles", "contents",
                                       "reps",   "campaigns", NULL};
    const struct nba_yaml_node *root = nba_yaml_root(load->mapping->tree);
    if (!expect_map(load, root, keys)) {
        return;
    }
    const struct nba_yaml_node *node = nba_yaml_get(root, "source");
    if (node == NULL) {
        load->status = nba_yaml_fail_missing(
            root, "source", "a name for the system the rows come from", load->error);
        return;
    }
    load->status = nba_yaml_text(node, &load->mapping->source, load->error);
    for (int kind = 0; kind < NBA_IMPORT_KIND_COUNT; kind++) {
        node = get(load, root, kind_names[kind]);
        if (node != NULL) {
            load_section(load, (enum nba_import_kind)kind, node);
        }
    }
}

enum nba_status nba_mapping_load(const char *path, struct nba_mapping **ret_mapping,
                                 struct nba_error *error)
{
    struct nba_mapping *mapping = nba_zeros(1, sizeof(*mapping));
    nba_arena_init(&mapping->arena, ARENA_BYTES_MAX);
    struct load load = {mapping, NULL, error, NBA_OK};
    if (good(&load, nba_yaml_load(path, &mapping->tree, error))) {
        load_tree(&load);
    }
    if (load.status != NBA_OK) {
        nba_mapping_destroy(mapping);
        return load.status;
    }
    *ret_mapping = mapping;
    return NBA_OK;
}

void nba_mapping_destroy(struct nba_mapping *mapping)
{
    if (mapping != NULL) {
        nba_yaml_destroy(mapping->tree);
        nba_arena_clear(&mapping->arena);
        free(mapping);
    }
}

const struct nba_mapping_section *nba_mapping_section(const struct nba_mapping *mapping,
                                                      enum nba_import_kind kind)
{
    const struct section *section = &mapping->sections[kind];
    return section->present ? &section->view : NULL;
}
