/* From the command line to an open log, and back. */
#include "nba/app/workplace.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nba/base/assert.h"
#include "nba/base/file.h"
#include "nba/base/vector.h"

#define CONFIG_PATH     "config/nba.yaml"
#define ARENA_BYTES_MAX ((size_t)256 << 20)

static struct {
    const char *config;
    const char *kafka;
    const char *log;
    struct nba_operands set;
} common;

const struct nba_option nba_common_options[] = {
    NBA_OPTION_TEXT(&common.config, "config", "FILE", "settings (default: config/nba.yaml)"),
    NBA_OPTION_LIST(&common.set, "set", "KEY=VALUE", "one setting, over the file's"),
    NBA_OPTION_TEXT(&common.kafka, "kafka", "SERVERS", "use this Kafka"),
    NBA_OPTION_TEXT(&common.log, "log", "DIR", "use the embedded log in this folder"),
    {0},
};

void nba_workplace_init(struct nba_workplace *place)
{
    memset(place, 0, sizeof(*place));
    nba_arena_init(&place->arena, ARENA_BYTES_MAX);
    nba_buf_init(&place->out, NBA_ANSWER_BYTES_MAX);
}

/* "commit.interval_ms=5" */
static enum nba_status set_one(struct nba_config *config, const char *setting,
                               struct nba_error *error)
{
    char key[NBA_PATH_BYTES_MAX];
    const char *equals = strchr(setting, '=');
    if (equals == NULL || equals == setting || (size_t)(equals - setting) >= sizeof(key)) {
        return nba_error_set(error, NBA_E_USAGE, "--set: expected KEY=VALUE, got '%s'", setting);
    }
    (void)snprintf(key, sizeof(key), "%.*s", (int)(equals - setting), setting);
    return nba_config_set(config, key, equals + 1, error);
}

bool nba_workplace_is_set(const char *key)
{
    const size_t bytes = strlen(key);
    for (size_t i = 0; i < common.set.count; i++) {
        if (strncmp(common.set.items[i], key, bytes) == 0 && common.set.items[i][bytes] == '=') {
            return true;
        }
    }
    return false;
}

static enum nba_status set_log(struct nba_config *config, struct nba_error *error)
{
    if (common.kafka != NULL && common.log != NULL) {
        return nba_error_set(error, NBA_E_USAGE, "--kafka and --log: expected one of them");
    }
    bool done = true;
    if (common.kafka != NULL) {
        done = nba_config_set(config, "log.kind", "kafka", error) == NBA_OK &&
               nba_config_set(config, "kafka.bootstrap_servers", common.kafka, error) == NBA_OK;
    } else if (common.log != NULL) {
        done = nba_config_set(config, "log.kind", "local", error) == NBA_OK &&
               nba_config_set(config, "log.dir", common.log, error) == NBA_OK;
    }
    return nba_outcome(done, error);
}

/* Of the whole process, so before anything computes. */
static enum nba_status set_kernels(const struct nba_config *config, struct nba_error *error)
{
    static const enum nba_vector_level levels[] = {
        [NBA_CONFIG_KERNELS_SCALAR] = NBA_VECTOR_PLAIN,
        [NBA_CONFIG_KERNELS_AVX2] = NBA_VECTOR_AVX2,
        [NBA_CONFIG_KERNELS_AVX512] = NBA_VECTOR_AVX512,
    };
    const enum nba_vector_level best = nba_vector_best();
    const bool automatic = config->score_kernels == NBA_CONFIG_KERNELS_AUTO;
    const enum nba_vector_level level = automatic ? best : levels[config->score_kernels];
    if (level > best) {
        return nba_config_fail(config, "score.kernels", error,
                               "this processor can't run it: expected auto or scalar");
    }
    nba_vector_limit(level);
    return NBA_OK;
}

enum nba_status nba_workplace_configure(struct nba_workplace *place, struct nba_error *error)
{
    struct nba_config *config = &place->config;
    const char *path = common.config;
    if (path == NULL && nba_file_exists(CONFIG_PATH)) {
        path = CONFIG_PATH;
    }
    if (path == NULL) {
        nba_config_init(config);
    }
    enum nba_status status = path != NULL ? nba_config_load(path, config, error) : NBA_OK;
    status = status == NBA_OK ? set_log(config, error) : status;
    for (size_t i = 0; i < common.set.count && status == NBA_OK; i++) {
        status = set_one(config, common.set.items[i], error);
    }
    status = status == NBA_OK ? nba_config_check(config, error) : status;
    return status == NBA_OK ? set_kernels(config, error) : status;
}

enum nba_status nba_workplace_load_schemas(struct nba_workplace *place, struct nba_error *error)
{
    const struct nba_config *config = &place->config;
    if (place->schemas != NULL) {
        return NBA_OK;
    }
    const enum nba_status status = nba_schemas_load(config->schemas_dir, &place->schemas, error);
    if (status == NBA_E_NOT_FOUND) {
        return nba_config_fail(config, "schemas.dir", error,
                               "expected the folder of the schemas (run nba beside it, or "
                               "--set schemas.dir=DIR): %s",
                               error->message);
    }
    if (status == NBA_OK) {
        place->decoder = nba_decoder_create(place->schemas);
    }
    return status;
}

/* A worker has one member and two producers, which take turns. */
static enum nba_status open_kafka(struct nba_workplace *place, struct nba_stream_memory memory,
                                  struct nba_error *error)
{
    const struct nba_config *config = &place->config;
    memory.reading_bytes /= (size_t)config->workers;
    memory.writing_bytes /= (size_t)config->workers * 2;
    struct nba_property properties[NBA_CONFIG_PROPERTIES_MAX + 2] = {
        {"bootstrap.servers", config->kafka.bootstrap_servers}};
    size_t count = 1;
    if (config->kafka.allow_plaintext_sasl) {
        properties[count++] = (struct nba_property){"allow_plaintext_sasl", "true"};
    }
    for (uint32_t i = 0; i < config->kafka.property_count; i++) {
        const struct nba_config_property *property = &config->kafka.properties[i];
        properties[count++] = (struct nba_property){property->name, property->value};
    }
    return nba_stream_open_kafka(properties, count, &memory, &place->stream, error);
}

enum nba_status nba_workplace_open(struct nba_workplace *place, enum nba_local_mode mode,
                                   struct nba_error *error)
{
    const struct nba_stream_memory memory = {
        nba_config_memory(&place->config, NBA_MEMORY_LOG_READING),
        nba_config_memory(&place->config, NBA_MEMORY_LOG_WRITING)};
    nba_topic_table_init(&place->topics, &place->config);
    const enum nba_status status = nba_workplace_load_schemas(place, error);
    if (status != NBA_OK) {
        return status;
    }
    return place->config.log_kind == NBA_CONFIG_LOG_KAFKA
               ? open_kafka(place, memory, error)
               : nba_stream_open_local(place->config.log_dir, mode, &nba_clock_system, &memory,
                                       &place->stream, error);
}

enum nba_status nba_workplace_make_temporary(struct nba_workplace *place, struct nba_error *error)
{
    (void)snprintf(place->temporary, sizeof(place->temporary), "/tmp/nba-XXXXXX");
    if (mkdtemp(place->temporary) == NULL) {
        place->temporary[0] = '\0';
        return nba_error_set(error, NBA_E_IO, "cannot make a folder in /tmp");
    }
    return NBA_OK;
}

enum nba_status nba_workplace_flush(struct nba_workplace *place, struct nba_error *error)
{
    struct nba_buf *out = &place->out;
    if (out->failed) {
        return nba_error_set(error, NBA_E_LIMIT, "the answer is too long");
    }
    const bool written = out->bytes == 0 || fwrite(out->data, 1, out->bytes, stdout) == out->bytes;
    nba_buf_reset(out);
    if (!written || fflush(stdout) != 0) {
        return nba_error_set(error, NBA_E_IO, "cannot write to standard output");
    }
    return NBA_OK;
}

void nba_workplace_close(struct nba_workplace *place)
{
    struct nba_error ignored = {0};
    nba_stream_close(place->stream);
    nba_decoder_destroy(place->decoder);
    nba_schemas_destroy(place->schemas);
    nba_config_clear(&place->config);
    nba_arena_clear(&place->arena);
    nba_buf_clear(&place->out);
    if (place->temporary[0] != '\0') {
        const enum nba_status removed = nba_file_remove_tree(place->temporary, &ignored);
        (void)removed; /* /tmp is swept by the system */
    }
}

enum nba_status nba_outcome(bool done, const struct nba_error *error)
{
    NBA_ASSERT(done || error->status != NBA_OK);
    return done ? NBA_OK : error->status;
}
