/* Defaults, then the file, then what concerns several settings at once. */
#include "nba/config/config.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nba/base/assert.h"
#include "nba/base/limits.h"
#include "nba/config/yaml.h"
#include "settings.h"
#include "yaml_internal.h"

#define CONFIG_BYTES_MAX ((size_t)16 * 1024 * 1024)
#define KEYS_MAX         64u

_Static_assert(sizeof(enum nba_config_log) == sizeof(unsigned), "words are stored as unsigned");
_Static_assert(sizeof(enum nba_log_level) == sizeof(unsigned), "words are stored as unsigned");

static const struct nba_config_route default_routes[] = {
    {"email", "", "nba.email.v1", NBA_CONFIG_ROUTE_BY_HCP},
    {"rep", "", "nba.rep.v1", NBA_CONFIG_ROUTE_BY_REP},
};

enum nba_status nba_config_init(struct nba_config *ret_config, struct nba_error *error)
{
    NBA_ASSERT(ret_config != NULL);
    struct nba_config config = {.name = "configuration"};
    nba_arena_init(&config.arena, CONFIG_BYTES_MAX);
    config.places = nba_arena_zeros(&config.arena, nba_setting_count, sizeof(*config.places));
    enum nba_status status = config.places != NULL ? NBA_OK
                                                   : nba_error_set(error, NBA_E_NO_MEMORY,
                                                                   "configuration: out of memory");
    struct nba_yaml tree = {.name = "default"};
    for (size_t i = 0; i < nba_setting_count && status == NBA_OK; i++) {
        const struct setting *s = &nba_settings[i];
        const struct nba_yaml_node node = {.tree = &tree,
                                           .kind = NBA_YAML_SCALAR,
                                           .quoted = s->type == SETTING_TEXT,
                                           .text = nba_str_of(s->default_text)};
        if (s->type != SETTING_PROPERTIES && s->type != SETTING_ROUTES) {
            status = nba_setting_apply(&config, s, &node, error);
        }
    }
    config.routes = default_routes;
    config.route_count = NBA_ARRAY_COUNT(default_routes);
    if (status != NBA_OK) {
        nba_config_clear(&config);
        return status;
    }
    *ret_config = config;
    return NBA_OK;
}

void nba_config_clear(struct nba_config *config)
{
    if (config != NULL) {
        nba_arena_clear(&config->arena);
        *config = (struct nba_config){.name = NULL};
    }
}

/* Row of the key `section.name`; NULL: none. */
static const struct setting *find_setting(struct nba_str section, struct nba_str name)
{
    for (size_t i = 0; i < nba_setting_count; i++) {
        const char *key = nba_settings[i].key;
        if (nba_str_equal(section, nba_str(key, nba_setting_section_bytes(key))) &&
            nba_str_is(name, nba_setting_name(key))) {
            return &nba_settings[i];
        }
    }
    return NULL;
}

/* Names known in a section ("" = on top, sections included), ended by NULL. */
static void names_of(struct nba_str section, const char *names[KEYS_MAX + 1])
{
    size_t count = 0;
    for (size_t i = 0; i < nba_setting_count; i++) {
        const char *key = nba_settings[i].key;
        if (nba_str_equal(section, nba_str(key, nba_setting_section_bytes(key)))) {
            NBA_ASSERT(count < KEYS_MAX);
            names[count++] = nba_setting_name(key);
        }
    }
    for (size_t i = 0; section.bytes == 0 && i < nba_section_count; i++) {
        if (nba_sections[i].name[0] != '\0' && strcmp(nba_sections[i].name, "routes") != 0) {
            NBA_ASSERT(count < KEYS_MAX);
            names[count++] = nba_sections[i].name;
        }
    }
    names[count] = NULL;
}

static enum nba_status apply_value(struct nba_config *config, const struct setting *setting,
                                   const struct nba_yaml_node *node, struct nba_error *error)
{
    config->places[setting - nba_settings] = (struct nba_config_place){node->line, node->column};
    return nba_setting_apply(config, setting, node, error);
}

static enum nba_status apply_section(struct nba_config *config, const struct nba_yaml_node *map,
                                     struct nba_error *error)
{
    const char *names[KEYS_MAX + 1];
    const struct nba_str section = map->key->text;
    names_of(section, names);
    enum nba_status status = nba_yaml_is_null(map) ? nba_yaml_expect(map, NBA_YAML_MAP, error)
                                                   : nba_yaml_check_keys(map, names, NULL, error);
    for (const struct nba_yaml_node *n = map->first; n != NULL && status == NBA_OK; n = n->next) {
        const struct setting *setting = find_setting(section, n->key->text);
        NBA_ASSERT(setting != NULL);
        status = apply_value(config, setting, n, error);
    }
    return status;
}

static enum nba_status apply_root(struct nba_config *config, const struct nba_yaml_node *root,
                                  struct nba_error *error)
{
    const char *names[KEYS_MAX + 1];
    names_of(nba_str_of(""), names);
    enum nba_status status = nba_yaml_check_keys(root, names, NULL, error);
    if (status != NBA_OK) {
        return status;
    }
    for (const struct nba_yaml_node *n = root->first; n != NULL && status == NBA_OK; n = n->next) {
        const struct setting *setting = find_setting(nba_str_of(""), n->key->text);
        status = setting != NULL ? apply_value(config, setting, n, error)
                                 : apply_section(config, n, error);
    }
    return status;
}

static enum nba_status from_tree(const struct nba_yaml *tree, const char *name,
                                 struct nba_config *ret_config, struct nba_error *error)
{
    struct nba_config config;
    enum nba_status status = nba_config_init(&config, error);
    if (status != NBA_OK) {
        return status;
    }
    const size_t bytes = strlen(name) + 1;
    char *copy = nba_arena_take(&config.arena, bytes);
    if (copy == NULL) {
        status = nba_error_set(error, NBA_E_NO_MEMORY, "configuration: out of memory");
    } else {
        memcpy(copy, name, bytes);
        config.name = copy;
        status = apply_root(&config, nba_yaml_root(tree), error);
    }
    if (status == NBA_OK) {
        status = nba_config_check(&config, error);
    }
    if (status != NBA_OK) {
        nba_config_clear(&config);
        return status;
    }
    *ret_config = config;
    return NBA_OK;
}

enum nba_status nba_config_parse(const char *name, struct nba_str bytes,
                                 struct nba_config *ret_config, struct nba_error *error)
{
    struct nba_yaml *tree = NULL;
    enum nba_status status = nba_yaml_parse(name, bytes, &tree, error);
    if (status == NBA_OK) {
        status = from_tree(tree, name, ret_config, error);
    }
    nba_yaml_destroy(tree);
    return status;
}

enum nba_status nba_config_load(const char *path, struct nba_config *ret_config,
                                struct nba_error *error)
{
    struct nba_yaml *tree = NULL;
    enum nba_status status = nba_yaml_load(path, &tree, error);
    if (status == NBA_OK) {
        status = from_tree(tree, path, ret_config, error);
    }
    nba_yaml_destroy(tree);
    return status;
}

static enum nba_status set_property(struct nba_config *config, const char *name, const char *value,
                                    struct nba_error *error)
{
    struct nba_yaml tree = {.name = "command line"};
    const uint32_t count = config->kafka.property_count;
    if (count >= NBA_CONFIG_PROPERTIES_MAX) {
        return nba_error_set(error, NBA_E_CONFIG, "kafka.properties: expected at most %u",
                             NBA_CONFIG_PROPERTIES_MAX);
    }
    const struct nba_yaml_node key = {.tree = &tree, .quoted = true, .text = nba_str_of(name)};
    struct nba_yaml_node item = {
        .tree = &tree, .quoted = true, .text = nba_str_of(value), .key = &key};
    struct nba_yaml_node map = {.tree = &tree, .kind = NBA_YAML_MAP, .count = 1, .first = &item};
    item.parent = &map;
    const struct nba_config_property *before = config->kafka.properties;
    const struct setting *row = find_setting(nba_str_of("kafka"), nba_str_of("properties"));
    NBA_ASSERT(row != NULL);
    enum nba_status status = nba_setting_apply(config, row, &map, error);
    struct nba_config_property *list =
        status == NBA_OK ? nba_arena_zeros(&config->arena, count + 1, sizeof(*list)) : NULL;
    if (list == NULL) {
        config->kafka.properties = before;
        config->kafka.property_count = count;
        return status != NBA_OK ? status : nba_error_set(error, NBA_E_NO_MEMORY, "out of memory");
    }
    uint32_t kept = 0;
    for (uint32_t i = 0; i < count; i++) {
        if (strcmp(before[i].name, name) != 0) {
            list[kept++] = before[i];
        }
    }
    list[kept++] = config->kafka.properties[0];
    config->kafka.properties = list;
    config->kafka.property_count = kept;
    return NBA_OK;
}

enum nba_status nba_config_set(struct nba_config *config, const char *key, const char *value,
                               struct nba_error *error)
{
    static const char properties[] = "kafka.properties.";
    NBA_ASSERT(config != NULL && key != NULL && value != NULL);
    if (strncmp(key, properties, sizeof(properties) - 1) == 0) {
        return set_property(config, key + sizeof(properties) - 1, value, error);
    }
    const struct setting *setting = find_setting(nba_str(key, nba_setting_section_bytes(key)),
                                                 nba_str_of(nba_setting_name(key)));
    if (setting == NULL || setting->type == SETTING_PROPERTIES || setting->type == SETTING_ROUTES) {
        const char *keys[128];
        NBA_ASSERT(nba_setting_count < NBA_ARRAY_COUNT(keys));
        for (size_t i = 0; i < nba_setting_count; i++) {
            keys[i] = nba_settings[i].key;
        }
        keys[nba_setting_count] = NULL;
        const char *nearest = setting == NULL ? nba_yaml_nearest(nba_str_of(key), keys) : NULL;
        return nba_error_set(error, NBA_E_CONFIG, "%s: no setting of the command line%s%s%s", key,
                             nearest != NULL ? "; did you mean '" : "",
                             nearest != NULL ? nearest : "", nearest != NULL ? "'?" : "");
    }
    struct nba_yaml tree = {.name = key};
    const struct nba_yaml_node node = {.tree = &tree,
                                       .kind = NBA_YAML_SCALAR,
                                       .quoted = setting->type == SETTING_TEXT,
                                       .line = 1,
                                       .column = 1,
                                       .text = nba_str_of(value)};
    config->places[setting - nba_settings] = (struct nba_config_place){0, 0};
    return nba_setting_apply(config, setting, &node, error);
}
