/* What concerns several settings at once, or the shape of a text. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nba/base/assert.h"
#include "settings.h"

#define MIB              ((size_t)1 << 20)
#define KAFKA_WORKER_MIB 64

enum nba_status nba_config_fail(const struct nba_config *config, const char *key,
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

/* The topic that a row of the table names; NULL: it names none. */
static const char *topic_of(const struct nba_config *config, size_t row)
{
    const struct setting *setting = &nba_settings[row];
    const bool names_one =
        setting->type == SETTING_TEXT && strncmp(setting->key, "topics.", 7) == 0;
    return names_one ? *(const char *const *)(const void *)((const char *)config + setting->offset)
                     : NULL;
}

/* The key of the first row below `end` that names this topic; NULL: none does. */
static const char *taken_by(const struct nba_config *config, const char *topic, size_t end)
{
    for (size_t i = 0; i < end; i++) {
        const char *name = topic_of(config, i);
        if (name != NULL && strcmp(name, topic) == 0) {
            return nba_settings[i].key;
        }
    }
    return NULL;
}

static enum nba_status check_names(const struct nba_config *config, struct nba_error *error)
{
    for (size_t i = 0; i < nba_setting_count; i++) {
        const char *key = nba_settings[i].key;
        const char *topic = topic_of(config, i);
        const char *name = strcmp(key, "application_id") == 0 ? config->application_id
                           : strcmp(key, "instance") == 0     ? config->instance
                                                              : topic;
        if (name != NULL && !is_name(name)) {
            return nba_config_fail(config, key, error,
                                   "expected only letters, digits, '.', '_' and '-'");
        }
        const char *other = topic != NULL ? taken_by(config, topic, i) : NULL;
        if (other != NULL) {
            return nba_config_fail(config, key, error,
                                   "expected a topic of its own, '%s' is %s already", topic, other);
        }
    }
    return NBA_OK;
}

static enum nba_status check_routes(const struct nba_config *config, struct nba_error *error)
{
    for (uint32_t r = 0; r < config->route_count; r++) {
        const struct nba_config_route *route = &config->routes[r];
        const char *other = taken_by(config, route->topic, nba_setting_count);
        if (!is_name(route->topic)) {
            return nba_config_fail(config, "routes", error,
                                   "[%u].topic: expected the name of a topic", r);
        }
        if (other != NULL) {
            return nba_config_fail(config, "routes", error,
                                   "[%u].topic: expected a topic of its own, '%s' is %s", r,
                                   route->topic, other);
        }
        if (route->key == NBA_CONFIG_ROUTE_BY_REP && strcmp(route->channel, "rep") != 0) {
            return nba_config_fail(config, "routes", error,
                                   "[%u].key: expected hcp: only actions of channel rep have a rep",
                                   r);
        }
    }
    return NBA_OK;
}

/* A password must not travel in the clear unless somebody said so. */
static enum nba_status check_kafka(const struct nba_config *config, struct nba_error *error)
{
    bool sasl = false;
    bool tls = false;
    for (uint32_t i = 0; i < config->kafka.property_count; i++) {
        const struct nba_config_property *p = &config->kafka.properties[i];
        const bool protocol = strcmp(p->name, "security.protocol") == 0;
        sasl = sasl || strncmp(p->name, "sasl.", 5) == 0 ||
               (protocol && strncmp(p->value, "sasl", 4) == 0);
        tls = tls || (protocol && strcmp(p->value, "sasl_ssl") == 0);
    }
    return !sasl || tls || config->kafka.allow_plaintext_sasl
               ? NBA_OK
               : nba_config_fail(config, "kafka.properties", error,
                                 "expected security.protocol: sasl_ssl beside SASL settings (or "
                                 "kafka.allow_plaintext_sasl: true)");
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
        return nba_config_fail(config, "http.listen", error,
                               "expected address:port such as 127.0.0.1:9464, got '%.60s'", listen);
    }
    if (!is_loopback(listen, (size_t)(colon - listen)) && !config->http.allow_unauthenticated) {
        return nba_config_fail(config, "http.listen", error,
                               "expected a loopback address (another one needs "
                               "http.allow_unauthenticated: true)");
    }
    return NBA_OK;
}

const char *nba_config_secret_file(const struct nba_config *config,
                                   char path[NBA_CONFIG_PATH_BYTES])
{
    if (config->state.secret_file[0] != '\0') {
        return config->state.secret_file;
    }
    (void)snprintf(path, NBA_CONFIG_PATH_BYTES, "%s.secret", config->state.dir);
    return path;
}

struct nba_duration nba_config_inactive_ttl(const struct nba_config *config)
{
    struct nba_duration ttl = {0, 0};
    (void)nba_duration_parse(nba_str_of(config->state.inactive_ttl), &ttl);
    return ttl;
}

static enum nba_status check_state(const struct nba_config *config, struct nba_error *error)
{
    const struct nba_duration ttl = nba_config_inactive_ttl(config);
    return ttl.months > 0 || ttl.ms >= NBA_DAY_MS
               ? NBA_OK
               : nba_config_fail(config, "state.inactive_ttl", error,
                                 "expected a duration of a day or more such as P3Y");
}

static const struct {
    const char *name;
    size_t share; /* of all of them together */
} memory_parts[NBA_MEMORY_PARTS] = {
    [NBA_MEMORY_HOT_RECORDS] = {"hot_records", 4},
    [NBA_MEMORY_BLOCK_CACHE] = {"block_cache", 1},
    [NBA_MEMORY_WRITE_BUFFERS] = {"write_buffers", 1},
    [NBA_MEMORY_LOG_READING] = {"log_reading", 1},
    [NBA_MEMORY_LOG_WRITING] = {"log_writing", 1},
};

const char *nba_memory_part_name(enum nba_memory_part part)
{
    return memory_parts[part].name;
}

size_t nba_config_memory(const struct nba_config *config, enum nba_memory_part part)
{
    size_t shares = 0;
    for (size_t i = 0; i < NBA_MEMORY_PARTS; i++) {
        shares += memory_parts[i].share;
    }
    return (size_t)config->memory_budget_mib * MIB / shares * memory_parts[part].share;
}

size_t nba_config_commit_bytes(const struct nba_config *config)
{
    const size_t bytes = (size_t)config->commit.bytes_max;
    const size_t buffers = nba_config_memory(config, NBA_MEMORY_LOG_WRITING) / 4 * 3;
    return config->log_kind != NBA_CONFIG_LOG_KAFKA && buffers < bytes ? buffers : bytes;
}

/* A producer's share takes the longest record then, and a member's half a second's work. */
static enum nba_status check_memory(const struct nba_config *config, struct nba_error *error)
{
    const int64_t least = config->workers * KAFKA_WORKER_MIB;
    return config->log_kind != NBA_CONFIG_LOG_KAFKA || config->memory_budget_mib >= least
               ? NBA_OK
               : nba_config_fail(config, "memory.budget_mib", error,
                                 "expected %d for each of the %d workers, %d in all",
                                 KAFKA_WORKER_MIB, (int)config->workers, (int)least);
}

static enum nba_status check_train(const struct nba_config *config, struct nba_error *error)
{
    return 2 * config->train.window_events <= config->state.ring_events
               ? NBA_OK
               : nba_config_fail(config, "train.window_events", error,
                                 "expected at most half of state.ring_events");
}

enum nba_status nba_config_check(const struct nba_config *config, struct nba_error *error)
{
    static enum nba_status (*const checks[])(const struct nba_config *, struct nba_error *) = {
        check_names, check_routes, check_kafka, check_http, check_state, check_memory, check_train};
    NBA_ASSERT(config != NULL && config->places != NULL);
    enum nba_status status = NBA_OK;
    for (size_t i = 0; i < NBA_ARRAY_COUNT(checks) && status == NBA_OK; i++) {
        status = checks[i](config, error);
    }
    return status;
}
