/* What concerns several settings at once, or the shape of a text. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nba/base/assert.h"
#include "settings.h"

NBA_PRINTF(4, 5)
static enum nba_status fail(const struct nba_config *config, const char *key,
                            struct nba_error *error, const char *format, ...)
{
    struct nba_config_place place = {0, 0};
    for (size_t i = 0; i < nba_setting_count; i++) {
        if (strcmp(nba_settings[i].key, key) == 0) {
            place = config->places[i];
        }
    }
    char text[NBA_ERROR_MESSAGE_BYTES];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    if (place.line == 0) {
        return nba_error_set(error, NBA_E_CONFIG, "%s: %s: %s", config->name, key, text);
    }
    return nba_error_set(error, NBA_E_CONFIG, "%s:%u:%u: %s: %s", config->name, place.line,
                         place.column, key, text);
}

/* What Kafka takes as a topic name, and what a group or transactional id is made of here. */
static bool is_name(const char *text)
{
    static const char set[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
    const size_t bytes = strlen(text);
    return bytes > 0 && bytes <= 249 && strspn(text, set) == bytes && strcmp(text, ".") != 0 &&
           strcmp(text, "..") != 0;
}

static const char *text_at(const struct nba_config *config, const struct setting *setting)
{
    const char *text = NULL;
    memcpy(&text, (const char *)config + setting->offset, sizeof(text));
    return text;
}

static bool is_topic(const struct setting *setting)
{
    return setting->type == SETTING_TEXT && strncmp(setting->key, "topics.", 7) == 0;
}

static enum nba_status check_names(const struct nba_config *config, struct nba_error *error)
{
    static const char letters[] = "letters, digits, '.', '_' and '-'";
    if (!is_name(config->application_id)) {
        return fail(config, "application_id", error, "expected only %s", letters);
    }
    if (!is_name(config->instance)) {
        return fail(config, "instance", error, "expected only %s", letters);
    }
    for (size_t i = 0; i < nba_setting_count; i++) {
        if (!is_topic(&nba_settings[i])) {
            continue;
        }
        const char *name = text_at(config, &nba_settings[i]);
        if (!is_name(name)) {
            return fail(config, nba_settings[i].key, error, "expected only %s", letters);
        }
        for (size_t j = 0; j < i; j++) {
            if (is_topic(&nba_settings[j]) &&
                strcmp(text_at(config, &nba_settings[j]), name) == 0) {
                return fail(config, nba_settings[i].key, error,
                            "expected a topic of its own, '%s' is %s already", name,
                            nba_settings[j].key);
            }
        }
    }
    return NBA_OK;
}

static enum nba_status check_routes(const struct nba_config *config, struct nba_error *error)
{
    for (uint32_t r = 0; r < config->route_count; r++) {
        const struct nba_config_route *route = &config->routes[r];
        if (!is_name(route->topic)) {
            return fail(config, "routes", error, "[%u].topic: expected the name of a topic", r);
        }
        for (size_t i = 0; i < nba_setting_count; i++) {
            if (is_topic(&nba_settings[i]) &&
                strcmp(text_at(config, &nba_settings[i]), route->topic) == 0) {
                return fail(config, "routes", error,
                            "[%u].topic: expected a topic of its own, '%s' is %s", r, route->topic,
                            nba_settings[i].key);
            }
        }
        if (route->key == NBA_CONFIG_ROUTE_BY_REP && strcmp(route->channel, "rep") != 0) {
            return fail(config, "routes", error,
                        "[%u].key: expected hcp: only actions of channel rep have a rep", r);
        }
    }
    return NBA_OK;
}

static const char *property(const struct nba_config *config, const char *name)
{
    for (uint32_t i = 0; i < config->kafka.property_count; i++) {
        if (strcmp(config->kafka.properties[i].name, name) == 0) {
            return config->kafka.properties[i].value;
        }
    }
    return NULL;
}

/* A password must not travel in the clear unless somebody said so. */
static enum nba_status check_kafka(const struct nba_config *config, struct nba_error *error)
{
    const char *protocol = property(config, "security.protocol");
    bool sasl = protocol != NULL && strncmp(protocol, "sasl", 4) == 0;
    for (uint32_t i = 0; i < config->kafka.property_count; i++) {
        sasl = sasl || strncmp(config->kafka.properties[i].name, "sasl.", 5) == 0;
    }
    if (sasl && !config->kafka.allow_plaintext_sasl &&
        (protocol == NULL || strcmp(protocol, "sasl_ssl") != 0)) {
        return fail(config, "kafka.properties", error,
                    "expected security.protocol: sasl_ssl beside SASL settings (or "
                    "kafka.allow_plaintext_sasl: true)");
    }
    return NBA_OK;
}

static bool is_loopback(const char *host, size_t bytes)
{
    return (bytes >= 4 && memcmp(host, "127.", 4) == 0) ||
           (bytes == 9 && memcmp(host, "localhost", 9) == 0) ||
           (bytes == 5 && memcmp(host, "[::1]", 5) == 0);
}

static enum nba_status check_http(const struct nba_config *config, struct nba_error *error)
{
    const char *listen = config->http.listen;
    const char *colon = strrchr(listen, ':');
    char *end = NULL;
    const long port = colon != NULL ? strtol(colon + 1, &end, 10) : -1;
    const bool digits = colon != NULL && colon[1] >= '0' && colon[1] <= '9';
    if (colon == listen || !digits || *end != '\0' || port < 0 || port > 65535) {
        return fail(config, "http.listen", error,
                    "expected address:port such as 127.0.0.1:9464, got '%.60s'", listen);
    }
    if (!is_loopback(listen, (size_t)(colon - listen)) && !config->http.allow_unauthenticated) {
        return fail(config, "http.listen", error,
                    "expected a loopback address (another one needs "
                    "http.allow_unauthenticated: true)");
    }
    return NBA_OK;
}

enum nba_status nba_config_check(const struct nba_config *config, struct nba_error *error)
{
    NBA_ASSERT(config != NULL && config->places != NULL);
    enum nba_status status = check_names(config, error);
    if (status == NBA_OK) {
        status = check_routes(config, error);
    }
    if (status == NBA_OK) {
        status = check_kafka(config, error);
    }
    if (status == NBA_OK) {
        status = check_http(config, error);
    }
    if (status == NBA_OK && 2 * config->train.window_events > config->state.ring_events) {
        status = fail(config, "train.window_events", error,
                      "expected at most half of state.ring_events");
    }
    return status;
}
