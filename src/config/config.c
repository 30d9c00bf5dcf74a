/* Defaults, then the file: one value after the other into its field, references resolved, ranges
 * checked, texts copied. */
#include "nba/config/config.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "nba/base/assert.h"
#include "nba/base/file.h"
#include "nba/config/yaml.h"
#include "settings.h"
#include "yaml_internal.h"

#define CONFIG_BYTES_MAX ((size_t)16 * 1024 * 1024)
#define KEYS_MAX         128u
/* A secret in a file: a token, a key with its certificate chain. */
#define SECRET_BYTES_MAX (64u * 1024u)
#define PROPERTY_MAX     4000u

_Static_assert(sizeof(enum nba_config_log) == sizeof(unsigned), "words are stored as unsigned");
_Static_assert(sizeof(enum nba_log_level) == sizeof(unsigned), "words are stored as unsigned");

static const struct nba_config_route default_routes[] = {
    {"email", "", "nba.email.v1", NBA_CONFIG_ROUTE_BY_HCP},
    {"rep", "", "nba.rep.v1", NBA_CONFIG_ROUTE_BY_REP},
};

/* Properties of librdkafka that are ours to set: they would break exactly-once or load code. */
static const char *const denied_properties[] = {"auto.offset.reset",
                                                "bootstrap.servers",
                                                "debug",
                                                "enable.auto.commit",
                                                "enable.auto.offset.store",
                                                "enable.idempotence",
                                                "enable.partition.eof",
                                                "group.id",
                                                "group.instance.id",
                                                "isolation.level",
                                                "metadata.broker.list",
                                                "partition.assignment.strategy",
                                                "partitioner",
                                                "plugin.library.paths",
                                                "ssl.engine.location",
                                                "ssl.providers",
                                                "transaction.timeout.ms",
                                                "transactional.id",
                                                NULL};

static const char *copy_text(struct nba_config *config, struct nba_str text)
{
    char *copy = nba_arena_need(&config->arena, text.bytes + 1);
    if (text.bytes != 0) {
        memcpy(copy, text.data, text.bytes);
    }
    copy[text.bytes] = '\0';
    return copy;
}

/* ---- one value ---- */

static enum nba_status read_secret(struct nba_config *config, const struct nba_yaml_node *node,
                                   const char *path, const char **ret_text, struct nba_error *error)
{
    struct nba_buf buf;
    struct nba_error cause = {0};
    nba_buf_init(&buf, (size_t)SECRET_BYTES_MAX);
    enum nba_status status = nba_file_read(path, &buf, &cause);
    struct nba_str text = nba_buf_str(&buf);
    if (text.bytes > 0 && text.data[text.bytes - 1] == '\n') {
        text.bytes--;
    }
    if (status != NBA_OK) {
        status = nba_yaml_fail(node, error, "expected a readable file: %.200s", cause.message);
    } else if (text.bytes > 0 && memchr(text.data, 0, text.bytes) != NULL) {
        status = nba_yaml_fail(node, error, "expected a text file, '%s' holds a NUL", path);
    } else {
        *ret_text = copy_text(config, text);
    }
    nba_buf_clear(&buf);
    return status;
}

/* A text as it is, or what `${env:NAME}` or `${file:PATH}` stand for. */
static enum nba_status resolve(struct nba_config *config, const struct nba_yaml_node *node,
                               const char **ret_text, struct nba_error *error)
{
    static const char env[] = "${env:";
    static const char file[] = "${file:";
    const char *text = copy_text(config, node->text);
    const bool is_env = strncmp(text, env, sizeof(env) - 1) == 0;
    const bool is_file = strncmp(text, file, sizeof(file) - 1) == 0;
    if (strncmp(text, "${", 2) != 0) {
        *ret_text = text;
        return NBA_OK;
    }
    if (text[node->text.bytes - 1] != '}' || (!is_env && !is_file)) {
        return nba_yaml_fail(node, error, "expected ${env:NAME} or ${file:PATH}, got '%s'",
                             nba_yaml_show(node->text).text);
    }
    const size_t head = is_env ? sizeof(env) - 1 : sizeof(file) - 1;
    const char *name = copy_text(config, nba_str(text + head, node->text.bytes - head - 1));
    if (is_file) {
        return read_secret(config, node, name, ret_text, error);
    }
    const char *value = getenv(name);
    if (value == NULL) {
        return nba_yaml_fail(node, error, "environment variable %s is not set", name);
    }
    *ret_text = copy_text(config, nba_str_of(value));
    return NBA_OK;
}

static enum nba_status apply_text(struct nba_config *config, const struct setting *setting,
                                  const struct nba_yaml_node *node, const char **field,
                                  struct nba_error *error)
{
    struct nba_str text = {0};
    const char *value = NULL;
    enum nba_status status = nba_yaml_string(node, &text, error);
    status = status == NBA_OK ? resolve(config, node, &value, error) : status;
    if (status != NBA_OK) {
        return status;
    }
    NBA_ASSERT(value != NULL);
    const size_t bytes = strlen(value);
    if ((double)bytes < setting->min || (double)bytes > setting->max) {
        return nba_yaml_fail(node, error, "expected a text of %.0f to %.0f bytes, got %zu",
                             setting->min, setting->max, bytes);
    }
    *field = value;
    return NBA_OK;
}

/* Adds the property, or replaces the one of this name. */
static enum nba_status apply_property(struct nba_config *config, const struct nba_yaml_node *node,
                                      struct nba_error *error)
{
    const struct nba_str name = node->key->text;
    const char *value = NULL;
    if (nba_yaml_is_one_of(name, denied_properties)) {
        return nba_yaml_fail_key(node, error, "this property is set by nba and can't be given");
    }
    if ((name.bytes >= 10 && memcmp(name.data, "test.mock.", 10) == 0) || name.bytes == 0) {
        return nba_yaml_fail_key(node, error, "expected a property of librdkafka for real brokers");
    }
    if (node->kind != NBA_YAML_SCALAR || nba_yaml_is_null(node)) {
        return nba_yaml_fail(node, error, "expected a single value");
    }
    const enum nba_status status = resolve(config, node, &value, error);
    if (status != NBA_OK) {
        return status;
    }
    NBA_ASSERT(value != NULL);
    if (strlen(value) > PROPERTY_MAX) {
        return nba_yaml_fail(node, error, "expected a text of at most %u bytes", PROPERTY_MAX);
    }
    if (nba_str_is(name, "enable.ssl.certificate.verification") && strcmp(value, "true") != 0) {
        return nba_yaml_fail(node, error, "expected true: certificates are always checked");
    }
    uint32_t at = 0;
    while (at < config->kafka.property_count &&
           !nba_str_is(name, config->kafka.properties[at].name)) {
        at++;
    }
    if (at == NBA_CONFIG_PROPERTIES_MAX) {
        return nba_yaml_fail(node, error, "expected at most %u properties",
                             NBA_CONFIG_PROPERTIES_MAX);
    }
    config->kafka.property_count += at == config->kafka.property_count ? 1 : 0;
    config->kafka.properties[at] = (struct nba_config_property){copy_text(config, name), value};
    return NBA_OK;
}

static enum nba_status apply_properties(struct nba_config *config, const struct nba_yaml_node *node,
                                        struct nba_error *error)
{
    enum nba_status status =
        nba_yaml_is_null(node) ? NBA_OK : nba_yaml_expect(node, NBA_YAML_MAP, error);
    for (const struct nba_yaml_node *n = node->first; n != NULL && status == NBA_OK; n = n->next) {
        status = apply_property(config, n, error);
    }
    return status;
}

static enum nba_status read_route(struct nba_config *config, const struct nba_yaml_node *node,
                                  struct nba_config_route *ret_route, struct nba_error *error)
{
    static const char *const keys[] = {"channel", "campaign", "topic", "key", NULL};
    struct nba_str text = {0};
    size_t word = 0;
    enum nba_status status = nba_yaml_check_keys(node, keys, NULL, error);
    *ret_route = (struct nba_config_route){.channel = "", .campaign = ""};
    for (const struct nba_yaml_node *n = node->first; n != NULL && status == NBA_OK; n = n->next) {
        if (nba_str_is(n->key->text, "channel")) {
            status = nba_yaml_word(n, nba_setting_channels, &word, error);
            ret_route->channel = nba_setting_channels[word];
        } else if (nba_str_is(n->key->text, "key")) {
            status = nba_yaml_word(n, nba_route_keys, &word, error);
            ret_route->key = (enum nba_config_route_key)word;
        } else {
            const bool topic = nba_str_is(n->key->text, "topic");
            status = nba_yaml_text(n, &text, error);
            *(topic ? &ret_route->topic : &ret_route->campaign) = copy_text(config, text);
        }
    }
    if (status == NBA_OK && ret_route->topic == NULL) {
        status = nba_yaml_fail_missing(node, "topic", "the name of a topic", error);
    }
    if (status == NBA_OK && ret_route->channel[0] == '\0' && ret_route->campaign[0] == '\0') {
        status = nba_yaml_fail_missing(node, "channel", "a channel, a campaign or both", error);
    }
    return status;
}

static enum nba_status apply_routes(struct nba_config *config, const struct nba_yaml_node *node,
                                    struct nba_error *error)
{
    enum nba_status status = nba_yaml_expect(node, NBA_YAML_LIST, error);
    if (status == NBA_OK && node->count > NBA_CONFIG_ROUTES_MAX) {
        status = nba_yaml_fail(node, error, "expected at most %u routes", NBA_CONFIG_ROUTES_MAX);
    }
    if (status != NBA_OK) {
        return status;
    }
    struct nba_config_route *list =
        nba_arena_need(&config->arena, (node->count + 1) * sizeof(*list));
    for (const struct nba_yaml_node *n = node->first; n != NULL && status == NBA_OK; n = n->next) {
        status = read_route(config, n, &list[n->index], error);
    }
    config->routes = list;
    config->route_count = node->count;
    return status;
}

static enum nba_status apply(struct nba_config *config, const struct setting *setting,
                             const struct nba_yaml_node *node, struct nba_error *error)
{
    void *field = (char *)config + setting->offset;
    const int64_t least = (int64_t)setting->min;
    size_t index = 0;
    enum nba_status status = NBA_OK;
    config->places[setting - nba_settings] = (struct nba_config_place){node->line, node->column};
    switch (setting->type) {
    case SETTING_TEXT:
        return apply_text(config, setting, node, field, error);
    case SETTING_INTEGER:
        status = nba_yaml_integer(node, least, (int64_t)setting->max, field, error);
        return status == NBA_OK || setting->min < setting->max
                   ? status
                   : nba_yaml_fail(node, error,
                                   "expected %" PRId64 ", which is fixed in this version", least);
    case SETTING_NUMBER:
        return nba_yaml_number(node, setting->min, setting->max, field, error);
    case SETTING_BOOL:
        return nba_yaml_bool(node, field, error);
    case SETTING_WORD:
        status = nba_yaml_word(node, setting->words, &index, error);
        if (status == NBA_OK) {
            const unsigned value = (unsigned)index;
            memcpy(field, &value, sizeof(value)); /* every enum here has the size of unsigned */
        }
        return status;
    case SETTING_PROPERTIES:
        return apply_properties(config, node, error);
    case SETTING_ROUTES:
        return apply_routes(config, node, error);
    case SETTING_SECTION:
        break;
    }
    return NBA_OK;
}

/* ---- the file ---- */

/* Row of the key `section.name`; NULL: none. */
static const struct setting *find_setting(struct nba_str section, struct nba_str name)
{
    for (size_t i = 0; i < nba_setting_count; i++) {
        const char *key = nba_settings[i].key;
        const char *dot = strchr(key, '.');
        if (nba_settings[i].type != SETTING_SECTION &&
            nba_str_equal(section, nba_str(key, dot != NULL ? (size_t)(dot - key) : 0)) &&
            nba_str_is(name, dot != NULL ? dot + 1 : key)) {
            return &nba_settings[i];
        }
    }
    return NULL;
}

/* The keys of a map must be those of a section, whose name may be ""; sections are keys on top. */
static enum nba_status check_keys(const struct nba_yaml_node *map, struct nba_str section,
                                  struct nba_error *error)
{
    const char *names[KEYS_MAX + 1] = {NULL};
    size_t count = 0;
    for (size_t i = 0; i < nba_setting_count; i++) {
        const char *key = nba_settings[i].key;
        const size_t bytes = strcspn(key, ".");
        NBA_ASSERT(count < KEYS_MAX);
        if (section.bytes == 0 && key[0] != '\0' && key[bytes] == '\0') {
            names[count++] = key;
        } else if (key[bytes] != '\0' && nba_str_equal(section, nba_str(key, bytes))) {
            names[count++] = key + bytes + 1;
        }
    }
    return nba_yaml_check_keys(map, names, NULL, error);
}

/* The whole file, whose sections are maps in it, or one of them. */
/* NOLINTNEXTLINE(misc-no-recursion): the keys of a section are settings */
static enum nba_status apply_map(struct nba_config *config, struct nba_str section,
                                 const struct nba_yaml_node *map, struct nba_error *error)
{
    enum nba_status status = check_keys(map, section, error);
    for (const struct nba_yaml_node *n = map->first; n != NULL && status == NBA_OK; n = n->next) {
        const struct setting *setting = find_setting(section, n->key->text);
        status = setting != NULL ? apply(config, setting, n, error)
                                 : apply_map(config, n->key->text, n, error);
    }
    return status;
}

void nba_config_init(struct nba_config *ret_config)
{
    NBA_ASSERT(ret_config != NULL);
    struct nba_config config = {.name = "configuration"};
    nba_arena_init(&config.arena, CONFIG_BYTES_MAX);
    config.places = nba_arena_zeros(&config.arena, nba_setting_count, sizeof(*config.places));
    config.kafka.properties =
        nba_arena_need(&config.arena, NBA_CONFIG_PROPERTIES_MAX * sizeof(*config.kafka.properties));
    config.routes = default_routes;
    config.route_count = NBA_ARRAY_COUNT(default_routes);
    for (size_t i = 0; i < nba_setting_count; i++) {
        const struct setting *s = &nba_settings[i];
        const struct nba_yaml_node node = {.source = "default",
                                           .quoted = s->type == SETTING_TEXT,
                                           .text = nba_str_of(s->default_text)};
        NBA_ASSERT(s->default_text == NULL || apply(&config, s, &node, NULL) == NBA_OK);
    }
    *ret_config = config;
}

void nba_config_clear(struct nba_config *config)
{
    if (config != NULL) {
        nba_arena_clear(&config->arena);
        *config = (struct nba_config){.name = NULL};
    }
}

/* Takes the tree, which reading has made when `status` says so. */
static enum nba_status from_tree(enum nba_status status, struct nba_yaml *tree, const char *name,
                                 struct nba_config *ret_config, struct nba_error *error)
{
    struct nba_config config;
    if (status != NBA_OK) {
        return status;
    }
    nba_config_init(&config);
    config.name = copy_text(&config, nba_str_of(name));
    status = apply_map(&config, nba_str(NULL, 0), nba_yaml_root(tree), error);
    status = status == NBA_OK ? nba_config_check(&config, error) : status;
    if (status == NBA_OK) {
        *ret_config = config;
    } else {
        nba_config_clear(&config);
    }
    nba_yaml_destroy(tree);
    return status;
}

enum nba_status nba_config_parse(const char *name, struct nba_str bytes,
                                 struct nba_config *ret_config, struct nba_error *error)
{
    struct nba_yaml *tree = NULL;
    const enum nba_status status = nba_yaml_parse(name, bytes, &tree, error);
    return from_tree(status, tree, name, ret_config, error);
}

enum nba_status nba_config_load(const char *path, struct nba_config *ret_config,
                                struct nba_error *error)
{
    struct nba_yaml *tree = NULL;
    const enum nba_status status = nba_yaml_load(path, &tree, error);
    return from_tree(status, tree, path, ret_config, error);
}

enum nba_status nba_config_set(struct nba_config *config, const char *key, const char *value,
                               struct nba_error *error)
{
    static const char properties[] = "kafka.properties.";
    NBA_ASSERT(config != NULL && key != NULL && value != NULL);
    const bool property = strncmp(key, properties, sizeof(properties) - 1) == 0;
    const char *dot = strchr(key, '.');
    const struct setting *setting =
        find_setting(nba_str(key, dot != NULL ? (size_t)(dot - key) : 0),
                     nba_str_of(dot != NULL ? dot + 1 : key));
    const struct nba_yaml_node name = {
        .source = key,
        .line = 1,
        .column = 1,
        .text = nba_str_of(property ? key + sizeof(properties) - 1 : "")};
    struct nba_yaml_node node = {
        .source = key, .line = 1, .column = 1, .text = nba_str_of(value), .quoted = true};
    if (property) {
        node.key = &name;
        return apply_property(config, &node, error);
    }
    if (setting != NULL && setting->default_text != NULL) {
        node.quoted = setting->type == SETTING_TEXT;
        const enum nba_status status = apply(config, setting, &node, error);
        config->places[setting - nba_settings] = (struct nba_config_place){0, 0};
        return status;
    }
    const char *keys[KEYS_MAX + 1] = {NULL};
    NBA_ASSERT(nba_setting_count < KEYS_MAX);
    for (size_t i = 0; i < nba_setting_count; i++) {
        keys[i] = nba_settings[i].key;
    }
    const char *nearest = setting == NULL ? nba_yaml_nearest(nba_str_of(key), keys) : NULL;
    return nba_error_set(error, NBA_E_CONFIG, "%s: no setting of the command line%s%s%s", key,
                         nearest != NULL ? "; did you mean '" : "", nearest != NULL ? nearest : "",
                         nearest != NULL ? "'?" : "");
}
