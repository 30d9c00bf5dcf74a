/*
 * Settings of librdkafka: ours, the user's, and those nobody may change.
 *
 * A property of the user's `kafka:` map is handed through under librdkafka's own name, unless
 *   - exactly once rests on it (OURS below): the engine sets it itself;
 *   - it loads code, or prints what is secret (DENIED);
 *   - it sends a password in the clear, or takes any certificate for a broker's.
 * The last two rules, and `debug`, give way to a property of ours that says so aloud:
 * allow_plaintext_sasl, allow_unverified_tls, allow_debug = true.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kafka_internal.h"
#include "nba/base/limits.h"

struct setting {
    int roles;
    const char *name;
    const char *value;
};

/* Defaults that the user may change. */
static const struct setting DEFAULTS[] = {
    {KAFKA_ROLE_ANY, "client.id", "nba"},
    {KAFKA_ROLE_ANY, "log.connection.close", "false"},
    {KAFKA_ROLE_ANY, "socket.keepalive.enable", "true"},
    /* A broker that hangs (SIGSTOP, a lost route) is given up after this. */
    {KAFKA_ROLE_ANY, "socket.timeout.ms", "10000"},
    {KAFKA_ROLE_ANY, "reconnect.backoff.max.ms", "1000"},
    {KAFKA_ROLE_ANY, "topic.metadata.refresh.interval.ms", "60000"},
    /* How long a broker holds an empty answer back; new data ends the wait. */
    {KAFKA_ROLE_CONSUMER, "fetch.wait.max.ms", "20"},
    {KAFKA_ROLE_CONSUMER, "fetch.error.backoff.ms", "50"},
    {KAFKA_ROLE_CONSUMER, "check.crcs", "true"},
    /* A partition whose queue holds this many messages isn't fetched for a whole second: so never
     * by count (and by bytes, in set_memory(), above what a second's work takes). */
    {KAFKA_ROLE_CONSUMER, "queued.min.messages", "1000000"},
    {KAFKA_ROLE_MEMBER, "session.timeout.ms", "6000"},
    {KAFKA_ROLE_MEMBER, "heartbeat.interval.ms", "500"},
    /* Restore runs within the rebalance callback. */
    {KAFKA_ROLE_MEMBER, "max.poll.interval.ms", "600000"},
    {KAFKA_ROLE_PRODUCER, "linger.ms", "1"},
    {KAFKA_ROLE_PRODUCER, "queue.buffering.max.messages", "500000"},
    /* How often a member hears what its queue holds. */
    {KAFKA_ROLE_MEMBER, "statistics.interval.ms", "5000"},
    /* Above what the contract lets through, so that the contract's own limit speaks. */
    {KAFKA_ROLE_PRODUCER, "message.max.bytes", "4000000"},
    {KAFKA_ROLE_PLAIN, "message.timeout.ms", "60000"},
    {KAFKA_ROLE_TXN, "transaction.timeout.ms", "15000"},
    /* AddOffsetsToTxn is retried after this long while the markers of the transaction before are
     * being written; the library's own 100 ms would be most of a 20 ms transaction. */
    {KAFKA_ROLE_PRODUCER, "retry.backoff.ms", "2"},
};

/* Set last; a user's property of this name is refused. */
static const struct setting OURS[] = {
    {KAFKA_ROLE_ANY, "socket.nagle.disable", "true"},
    {KAFKA_ROLE_CONSUMER, "enable.auto.commit", "false"},
    {KAFKA_ROLE_CONSUMER, "enable.auto.offset.store", "false"},
    /* An offset that is gone is a decision for people, not for a default. */
    {KAFKA_ROLE_CONSUMER, "auto.offset.reset", "error"},
    {KAFKA_ROLE_CONSUMER, "enable.partition.eof", "true"},
    /* A topic made by asking for it has the broker's settings, not ours. */
    {KAFKA_ROLE_CONSUMER, "allow.auto.create.topics", "false"},
    {KAFKA_ROLE_MEMBER, "partition.assignment.strategy", "range"},
    {KAFKA_ROLE_PRODUCER, "enable.idempotence", "true"},
    {KAFKA_ROLE_PRODUCER, "partitioner", "murmur2_random"},
    {KAFKA_ROLE_PRODUCER, "delivery.report.only.error", "false"},
};

/* Refused as well: set from the identity, other names of the above, or never wanted. */
static const char *const REFUSED[] = {
    "group.id",
    "group.instance.id",
    "transactional.id",
    "isolation.level",
    "auto.commit.enable",
    "auto.commit.interval.ms",
    "offset.store.method",
    "acks",
    "request.required.acks",
    "enable.gapless.guarantee",
    "group.protocol.type",
    "produce.offset.report",
};

/* Set from the share of memory. */
static const char *const BUDGETED[] = {
    "queued.max.messages.kbytes",
    "fetch.max.bytes",
    "queue.buffering.max.kbytes",
};

/* Load code, or stand in for what must be real. */
static const char *const DENIED[] = {
    "plugin.library.paths",
    "ssl.engine.location",
    "ssl.engine.id",
    "ssl.providers",
};

static bool listed(const char *const *names, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(names[i], name) == 0) {
            return true;
        }
    }
    return false;
}

static bool is_ours(const char *name)
{
    for (size_t i = 0; i < NBA_ARRAY_COUNT(OURS); i++) {
        if (strcmp(OURS[i].name, name) == 0) {
            return true;
        }
    }
    return listed(REFUSED, NBA_ARRAY_COUNT(REFUSED), name);
}

/* Names of our own, which librdkafka never sees. */
static const char *const PERMISSIONS[] = {
    "allow_plaintext_sasl",
    "allow_unverified_tls",
    "allow_debug",
};

static const char *find(const struct nba_property *properties, size_t count, const char *name)
{
    for (size_t i = count; i > 0; i--) {
        if (strcmp(properties[i - 1].name, name) == 0) {
            return properties[i - 1].value;
        }
    }
    return NULL;
}

static bool permitted(const struct nba_property *properties, size_t count, const char *name)
{
    const char *value = find(properties, count, name);
    return value != NULL && strcmp(value, "true") == 0;
}

static bool is(const char *value, const char *text)
{
    return value != NULL && strcmp(value, text) == 0;
}

static enum nba_status check_name(const struct nba_property *property, struct nba_error *error)
{
    const char *name = property->name;
    if (is_ours(name)) {
        return nba_error_set(error, NBA_E_CONFIG,
                             "kafka.%s: exactly once rests on it, it can't be set", name);
    }
    if (listed(BUDGETED, NBA_ARRAY_COUNT(BUDGETED), name)) {
        return nba_error_set(error, NBA_E_CONFIG, "kafka.%s: the memory budget sets it", name);
    }
    if (listed(DENIED, NBA_ARRAY_COUNT(DENIED), name)) {
        return nba_error_set(error, NBA_E_CONFIG, "kafka.%s: loads code, it can't be set", name);
    }
    if (strncmp(name, "test.mock.", strlen("test.mock.")) == 0) {
        return nba_error_set(error, NBA_E_CONFIG, "kafka.%s: is for librdkafka's own tests", name);
    }
    if (listed(PERMISSIONS, NBA_ARRAY_COUNT(PERMISSIONS), name) && !is(property->value, "true") &&
        !is(property->value, "false")) {
        return nba_error_set(error, NBA_E_CONFIG, "kafka.%s: expected true or false", name);
    }
    return NBA_OK;
}

static bool uses_sasl(const struct nba_property *properties, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (strncmp(properties[i].name, "sasl.", strlen("sasl.")) == 0) {
            return true;
        }
    }
    const char *protocol = find(properties, count, "security.protocol");
    return protocol != NULL && (protocol[0] == 's' || protocol[0] == 'S') &&
           (protocol[1] == 'a' || protocol[1] == 'A');
}

static enum nba_status check_security(const struct nba_property *properties, size_t count,
                                      struct nba_error *error)
{
    if (find(properties, count, "debug") != NULL && !permitted(properties, count, "allow_debug")) {
        return nba_error_set(error, NBA_E_CONFIG,
                             "kafka.debug: prints keys and values; say kafka.allow_debug: true");
    }
    const char *protocol = find(properties, count, "security.protocol");
    const bool encrypted = is(protocol, "sasl_ssl") || is(protocol, "SASL_SSL");
    if (uses_sasl(properties, count) && !encrypted &&
        !permitted(properties, count, "allow_plaintext_sasl")) {
        return nba_error_set(error, NBA_E_CONFIG,
                             "kafka.security.protocol: expected sasl_ssl, as SASL is set; "
                             "kafka.allow_plaintext_sasl: true sends passwords in the clear");
    }
    /* librdkafka has many spellings of false: only the safe value is looked for. */
    const char *certificate = find(properties, count, "enable.ssl.certificate.verification");
    const char *host = find(properties, count, "ssl.endpoint.identification.algorithm");
    const bool verified =
        (certificate == NULL || is(certificate, "true")) && (host == NULL || is(host, "https"));
    if (!verified && !permitted(properties, count, "allow_unverified_tls")) {
        return nba_error_set(error, NBA_E_CONFIG,
                             "kafka.%s: any server would be believed; say "
                             "kafka.allow_unverified_tls: true",
                             certificate == NULL || is(certificate, "true")
                                 ? "ssl.endpoint.identification.algorithm"
                                 : "enable.ssl.certificate.verification");
    }
    if (find(properties, count, "bootstrap.servers") == NULL &&
        find(properties, count, "metadata.broker.list") == NULL) {
        return nba_error_set(error, NBA_E_CONFIG, "kafka.bootstrap.servers: expected host:port");
    }
    return NBA_OK;
}

enum nba_status nba_kafka_settings_copy(const struct nba_property *properties, size_t count,
                                        struct kafka_stream *stream, struct nba_error *error)
{
    for (size_t i = 0; i < count; i++) {
        const enum nba_status status = check_name(&properties[i], error);
        if (status != NBA_OK) {
            return status;
        }
    }
    enum nba_status status = check_security(properties, count, error);
    if (status != NBA_OK) {
        return status;
    }
    stream->properties = calloc(count + 1, sizeof(*stream->properties));
    if (stream->properties == NULL) {
        return nba_error_set(error, NBA_E_NO_MEMORY, "cannot keep properties: out of memory");
    }
    for (size_t i = 0; i < count; i++) {
        struct nba_property *copy = &stream->properties[i];
        copy->name = strdup(properties[i].name);
        copy->value = strdup(properties[i].value);
        stream->property_count = i + 1;
        if (copy->name == NULL || copy->value == NULL) {
            return nba_error_set(error, NBA_E_NO_MEMORY, "cannot keep properties: out of memory");
        }
    }
    return NBA_OK;
}

/* Overwritten through a volatile pointer, or the compiler may drop it as dead. */
static void wipe(char *text)
{
    for (volatile char *c = text; *c != '\0'; c++) {
        *c = '\0';
    }
}

void nba_kafka_settings_clear(struct kafka_stream *stream)
{
    for (size_t i = 0; i < stream->property_count; i++) {
        char *name = (char *)stream->properties[i].name;
        char *value = (char *)stream->properties[i].value;
        if (value != NULL) {
            wipe(value);
        }
        free(name);
        free(value);
    }
    free(stream->properties);
    stream->properties = NULL;
    stream->property_count = 0;
}

bool nba_kafka_settings_has(const struct kafka_stream *stream, const char *name)
{
    return find(stream->properties, stream->property_count, name) != NULL;
}

/* librdkafka's own text may quote the value, so only the name is told. */
static enum nba_status set(rd_kafka_conf_t *conf, const char *name, const char *value,
                           struct nba_error *error)
{
    char ignored[NBA_ERROR_MESSAGE_BYTES];
    switch (rd_kafka_conf_set(conf, name, value, ignored, sizeof(ignored))) {
    case RD_KAFKA_CONF_OK:
        return NBA_OK;
    case RD_KAFKA_CONF_UNKNOWN:
        return nba_error_set(error, NBA_E_CONFIG, "kafka.%s: librdkafka %s knows no such property",
                             name, rd_kafka_version_str());
    case RD_KAFKA_CONF_INVALID:
    default:
        return nba_error_set(error, NBA_E_CONFIG,
                             "kafka.%s: librdkafka refuses the value (see its CONFIGURATION.md for "
                             "type and range)",
                             name);
    }
}

static enum nba_status set_table(rd_kafka_conf_t *conf, const struct setting *table, size_t count,
                                 enum kafka_role role, struct nba_error *error)
{
    for (size_t i = 0; i < count; i++) {
        if ((table[i].roles & (int)role) != 0) {
            const enum nba_status status = set(conf, table[i].name, table[i].value, error);
            if (status != NBA_OK) {
                return status;
            }
        }
    }
    return NBA_OK;
}

static enum nba_status set_identity(rd_kafka_conf_t *conf, const struct kafka_identity *identity,
                                    struct nba_error *error)
{
    const bool consumer = ((int)identity->role & KAFKA_ROLE_CONSUMER) != 0;
    const struct nba_property properties[] = {
        {"isolation.level", !consumer                                   ? NULL
                            : identity->isolation == NBA_READ_COMMITTED ? "read_committed"
                                                                        : "read_uncommitted"},
        /* librdkafka wants a group of every consumer; a reader's is never joined or written. */
        {"group.id", identity->role == KAFKA_ROLE_READER ? "nba-reader" : identity->group_id},
        {"group.instance.id", identity->instance_id},
        {"transactional.id", identity->transactional_id},
    };
    for (size_t i = 0; i < NBA_ARRAY_COUNT(properties); i++) {
        if (properties[i].value != NULL) {
            const enum nba_status status =
                set(conf, properties[i].name, properties[i].value, error);
            if (status != NBA_OK) {
                return status;
            }
        }
    }
    return NBA_OK;
}

/*
 * librdkafka counts keys and values; for each record it keeps some 400 bytes more (three times an
 * event's size), and a fetch may be on its way.  A partition of a consumer over its bound isn't
 * fetched for a second: it is the back-pressure.
 */
static enum nba_status set_memory(rd_kafka_conf_t *conf, enum kafka_role role,
                                  const struct nba_stream_memory *memory, struct nba_error *error)
{
    const bool consumer = ((int)role & KAFKA_ROLE_CONSUMER) != 0;
    const size_t bytes = consumer ? memory->reading_bytes / 4 : memory->writing_bytes / 2;
    char kib[24];
    (void)snprintf(kib, sizeof(kib), "%zu", bytes / 1024);
    enum nba_status status = set(
        conf, consumer ? "queued.max.messages.kbytes" : "queue.buffering.max.kbytes", kib, error);
    if (status == NBA_OK && consumer) {
        (void)snprintf(kib, sizeof(kib), "%zu", bytes);
        status = set(conf, "fetch.max.bytes", kib, error);
    }
    return status;
}

enum nba_status nba_kafka_settings_build(const struct kafka_stream *stream,
                                         const struct kafka_identity *identity,
                                         rd_kafka_conf_t **ret_conf, struct nba_error *error)
{
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    enum nba_status status =
        set_table(conf, DEFAULTS, NBA_ARRAY_COUNT(DEFAULTS), identity->role, error);
    for (size_t i = 0; i < stream->property_count && status == NBA_OK; i++) {
        const struct nba_property *property = &stream->properties[i];
        if (!listed(PERMISSIONS, NBA_ARRAY_COUNT(PERMISSIONS), property->name)) {
            status = set(conf, property->name, property->value, error);
        }
    }
    if (status == NBA_OK) {
        status = set_table(conf, OURS, NBA_ARRAY_COUNT(OURS), identity->role, error);
    }
    if (status == NBA_OK) {
        status = set_memory(conf, identity->role, &stream->memory, error);
    }
    if (status == NBA_OK) {
        status = set_identity(conf, identity, error);
    }
    if (status != NBA_OK) {
        rd_kafka_conf_destroy(conf);
        return status;
    }
    *ret_conf = conf;
    return NBA_OK;
}
