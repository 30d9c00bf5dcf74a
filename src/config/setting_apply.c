/* One value of the file into its field: references resolved, ranges checked, texts copied. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "nba/base/assert.h"
#include "nba/base/file.h"
#include "nba/config/yaml.h"
#include "settings.h"
#include "yaml_internal.h"

/* A secret in a file: a token, a key with its certificate chain. */
#define SECRET_BYTES_MAX (64u * 1024u)
#define PROPERTY_MAX     4000u

/* Properties of librdkafka that are ours to set: they would break exactly-once or load code. */
static const char *const denied_properties[] = {
    "auto.offset.reset",
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
    NULL,
};

static enum nba_status no_memory(struct nba_error *error)
{
    return nba_error_set(error, NBA_E_NO_MEMORY, "configuration: out of memory");
}

static const char *copy_text(struct nba_config *config, struct nba_str text)
{
    char *copy = nba_arena_take(&config->arena, text.bytes + 1);
    if (copy != NULL) {
        if (text.bytes != 0) {
            memcpy(copy, text.data, text.bytes);
        }
        copy[text.bytes] = '\0';
    }
    return copy;
}

static enum nba_status from_file(struct nba_config *config, const struct nba_yaml_node *node,
                                 const char *path, const char **ret_text, struct nba_error *error)
{
    struct nba_buf buf;
    struct nba_error cause = {0};
    nba_buf_init(&buf, (size_t)SECRET_BYTES_MAX);
    enum nba_status status = nba_file_read(path, &buf, &cause);
    if (status != NBA_OK) {
        nba_buf_clear(&buf);
        return nba_yaml_fail(node, error, "expected a readable file: %.200s", cause.message);
    }
    struct nba_str text = nba_buf_str(&buf);
    if (text.bytes > 0 && text.data[text.bytes - 1] == '\n') {
        text.bytes--;
    }
    if (text.bytes > 0 && memchr(text.data, 0, text.bytes) != NULL) {
        status = nba_yaml_fail(node, error, "expected a text file, '%s' holds a NUL", path);
    } else {
        const char *copy = copy_text(config, text);
        status = copy != NULL ? NBA_OK : no_memory(error);
        *ret_text = copy;
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
    const struct nba_str text = node->text;
    const char *name = copy_text(config, text);
    if (name == NULL) {
        return no_memory(error);
    }
    if (text.bytes < 2 || memcmp(name, "${", 2) != 0) {
        *ret_text = name;
        return NBA_OK;
    }
    const bool is_env = strncmp(name, env, sizeof(env) - 1) == 0;
    const bool is_file = strncmp(name, file, sizeof(file) - 1) == 0;
    if (name[text.bytes - 1] != '}' || (!is_env && !is_file)) {
        return nba_yaml_fail(node, error, "expected ${env:NAME} or ${file:PATH}, got '%s'",
                             nba_yaml_show(text).text);
    }
    char *inner = nba_arena_take(&config->arena, text.bytes);
    if (inner == NULL) {
        return no_memory(error);
    }
    const size_t head = is_env ? sizeof(env) - 1 : sizeof(file) - 1;
    memcpy(inner, name + head, text.bytes - head - 1);
    inner[text.bytes - head - 1] = '\0';
    if (is_file) {
        return from_file(config, node, inner, ret_text, error);
    }
    const char *value = getenv(inner); /* NOLINT(concurrency-mt-unsafe): read before threads */
    if (value == NULL) {
        return nba_yaml_fail(node, error, "environment variable %s is not set", inner);
    }
    *ret_text = copy_text(config, nba_str_of(value));
    return *ret_text != NULL ? NBA_OK : no_memory(error);
}

static enum nba_status apply_text(struct nba_config *config, const struct setting *setting,
                                  const struct nba_yaml_node *node, const char **field,
                                  struct nba_error *error)
{
    struct nba_str text = {0};
    enum nba_status status = nba_yaml_string(node, &text, error);
    const char *value = NULL;
    if (status == NBA_OK) {
        status = resolve(config, node, &value, error);
    }
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

static enum nba_status apply_integer(const struct setting *setting,
                                     const struct nba_yaml_node *node, int64_t *field,
                                     struct nba_error *error)
{
    const int64_t least = (int64_t)setting->min;
    const int64_t most = (int64_t)setting->max;
    int64_t value = 0;
    enum nba_status status = nba_yaml_integer(node, least, most, &value, NULL);
    if (status == NBA_OK) {
        *field = value;
    } else if (least == most) {
        status = nba_yaml_fail(node, error, "expected %" PRId64 ", which is fixed in this version",
                               least);
    } else {
        status = nba_yaml_integer(node, least, most, &value, error);
    }
    return status;
}

static enum nba_status read_property(struct nba_config *config, const struct nba_yaml_node *node,
                                     struct nba_config_property *ret_property,
                                     struct nba_error *error)
{
    const struct nba_str name = node->key->text;
    for (size_t i = 0; denied_properties[i] != NULL; i++) {
        if (nba_str_is(name, denied_properties[i])) {
            return nba_yaml_fail_key(node, error, "this property is set by nba and can't be given");
        }
    }
    if ((name.bytes >= 10 && memcmp(name.data, "test.mock.", 10) == 0) || name.bytes == 0) {
        return nba_yaml_fail_key(node, error, "expected a property of librdkafka for real brokers");
    }
    if (node->kind != NBA_YAML_SCALAR || nba_yaml_is_null(node)) {
        return nba_yaml_fail(node, error, "expected a single value");
    }
    enum nba_status status = resolve(config, node, &ret_property->value, error);
    if (status == NBA_OK && strlen(ret_property->value) > PROPERTY_MAX) {
        status = nba_yaml_fail(node, error, "expected a text of at most %u bytes", PROPERTY_MAX);
    }
    if (status == NBA_OK && nba_str_is(name, "enable.ssl.certificate.verification") &&
        strcmp(ret_property->value, "true") != 0) {
        status = nba_yaml_fail(node, error, "expected true: certificates are always checked");
    }
    ret_property->name = copy_text(config, name);
    return status == NBA_OK && ret_property->name == NULL ? no_memory(error) : status;
}

static enum nba_status apply_properties(struct nba_config *config, const struct nba_yaml_node *node,
                                        struct nba_error *error)
{
    if (nba_yaml_is_null(node)) {
        config->kafka.properties = NULL;
        config->kafka.property_count = 0;
        return NBA_OK;
    }
    enum nba_status status = nba_yaml_expect(node, NBA_YAML_MAP, error);
    if (status != NBA_OK) {
        return status;
    }
    if (node->count > NBA_CONFIG_PROPERTIES_MAX) {
        return nba_yaml_fail(node, error, "expected at most %u properties",
                             NBA_CONFIG_PROPERTIES_MAX);
    }
    struct nba_config_property *list =
        nba_arena_zeros(&config->arena, node->count + 1, sizeof(*list));
    if (list == NULL) {
        return no_memory(error);
    }
    for (const struct nba_yaml_node *n = node->first; n != NULL; n = n->next) {
        status = read_property(config, n, &list[n->index], error);
        if (status != NBA_OK) {
            return status;
        }
    }
    config->kafka.properties = list;
    config->kafka.property_count = node->count;
    return NBA_OK;
}

static enum nba_status read_route(struct nba_config *config, const struct nba_yaml_node *node,
                                  struct nba_config_route *ret_route, struct nba_error *error)
{
    static const char *const keys[] = {"channel", "campaign", "topic", "key", NULL};
    enum nba_status status = nba_yaml_check_keys(node, keys, NULL, error);
    if (status != NBA_OK) {
        return status;
    }
    const struct nba_yaml_node *channel = nba_yaml_get(node, "channel");
    const struct nba_yaml_node *campaign = nba_yaml_get(node, "campaign");
    const struct nba_yaml_node *topic = nba_yaml_get(node, "topic");
    const struct nba_yaml_node *key = nba_yaml_get(node, "key");
    struct nba_str text = {0};
    size_t word = 0;
    if (topic == NULL) {
        return nba_yaml_fail_missing(node, "topic", "the name of a topic", error);
    }
    if (channel == NULL && campaign == NULL) {
        return nba_yaml_fail_missing(node, "channel", "a channel, a campaign or both", error);
    }
    *ret_route = (struct nba_config_route){.channel = "", .campaign = ""};
    if (channel != NULL) {
        status = nba_yaml_word(channel, nba_setting_channels, &word, error);
        ret_route->channel = nba_setting_channels[word];
    }
    if (status == NBA_OK && campaign != NULL) {
        status = nba_yaml_text(campaign, &text, error);
        ret_route->campaign = copy_text(config, text);
    }
    if (status == NBA_OK) {
        status = nba_yaml_text(topic, &text, error);
        ret_route->topic = copy_text(config, text);
    }
    if (status == NBA_OK && key != NULL) {
        status = nba_yaml_word(key, nba_route_keys, &word, error);
        ret_route->key = (enum nba_config_route_key)word;
    }
    const bool whole = ret_route->campaign != NULL && ret_route->topic != NULL;
    return status == NBA_OK && !whole ? no_memory(error) : status;
}

static enum nba_status apply_routes(struct nba_config *config, const struct nba_yaml_node *node,
                                    struct nba_error *error)
{
    enum nba_status status = nba_yaml_expect(node, NBA_YAML_LIST, error);
    if (status != NBA_OK) {
        return status;
    }
    if (node->count > NBA_CONFIG_ROUTES_MAX) {
        return nba_yaml_fail(node, error, "expected at most %u routes", NBA_CONFIG_ROUTES_MAX);
    }
    struct nba_config_route *list = nba_arena_zeros(&config->arena, node->count + 1, sizeof(*list));
    if (list == NULL) {
        return no_memory(error);
    }
    for (const struct nba_yaml_node *n = node->first; n != NULL; n = n->next) {
        status = read_route(config, n, &list[n->index], error);
        if (status != NBA_OK) {
            return status;
        }
    }
    config->routes = list;
    config->route_count = node->count;
    return NBA_OK;
}

enum nba_status nba_setting_apply(struct nba_config *config, const struct setting *setting,
                                  const struct nba_yaml_node *node, struct nba_error *error)
{
    void *field = (char *)config + setting->offset;
    size_t index = 0;
    enum nba_status status = NBA_OK;
    switch (setting->type) {
    case SETTING_TEXT:
        return apply_text(config, setting, node, field, error);
    case SETTING_INTEGER:
        return apply_integer(setting, node, field, error);
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
    }
    return NBA_OK;
}
