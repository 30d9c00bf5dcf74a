/* From the command line to an open log. */
#include "nba/app/workplace.h"

#include <stdio.h>
#include <string.h>

#include "nba/base/file.h"

#define CONFIG_PATH       "config/nba.yaml"
#define SETTING_BYTES_MAX 4096u

/* "commit.interval_ms=5" */
static enum nba_status set_one(struct nba_config *config, const char *setting,
                               struct nba_error *error)
{
    char key[SETTING_BYTES_MAX];
    const char *equals = strchr(setting, '=');
    if (equals == NULL || equals == setting || (size_t)(equals - setting) >= sizeof(key)) {
        return nba_error_set(error, NBA_E_USAGE, "--set: expected KEY=VALUE, got '%s'", setting);
    }
    memcpy(key, setting, (size_t)(equals - setting));
    key[equals - setting] = '\0';
    return nba_config_set(config, key, equals + 1, error);
}

static enum nba_status set_log(const struct nba_common *common, struct nba_config *config,
                               struct nba_error *error)
{
    enum nba_status status = NBA_OK;
    if (common->kafka != NULL && common->log != NULL) {
        return nba_error_set(error, NBA_E_USAGE, "--kafka and --log: expected one of them");
    }
    if (common->kafka != NULL) {
        status = nba_config_set(config, "log.kind", "kafka", error);
        if (status == NBA_OK) {
            status = nba_config_set(config, "kafka.bootstrap_servers", common->kafka, error);
        }
    } else if (common->log != NULL) {
        status = nba_config_set(config, "log.kind", "local", error);
        if (status == NBA_OK) {
            status = nba_config_set(config, "log.dir", common->log, error);
        }
    }
    return status;
}

enum nba_status nba_common_config(const struct nba_common *common, struct nba_config *ret_config,
                                  struct nba_error *error)
{
    struct nba_config config;
    const char *path = common->config;
    if (path == NULL && nba_file_exists(CONFIG_PATH)) {
        path = CONFIG_PATH;
    }
    enum nba_status status =
        path != NULL ? nba_config_load(path, &config, error) : nba_config_init(&config, error);
    if (status != NBA_OK) {
        return status;
    }
    status = set_log(common, &config, error);
    for (size_t i = 0; i < common->set.count && status == NBA_OK; i++) {
        status = set_one(&config, common->set.items[i], error);
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

static enum nba_status open_kafka(const struct nba_config *config, struct nba_stream **ret_stream,
                                  struct nba_error *error)
{
    struct nba_property properties[NBA_CONFIG_PROPERTIES_MAX + 2];
    size_t count = 0;
    properties[count] = (struct nba_property){"bootstrap.servers", config->kafka.bootstrap_servers};
    count++;
    if (config->kafka.allow_plaintext_sasl) {
        properties[count] = (struct nba_property){"allow_plaintext_sasl", "true"};
        count++;
    }
    for (uint32_t i = 0; i < config->kafka.property_count; i++) {
        properties[count] = (struct nba_property){config->kafka.properties[i].name,
                                                  config->kafka.properties[i].value};
        count++;
    }
    return nba_stream_open_kafka(properties, count, ret_stream, error);
}

enum nba_status nba_workplace_stream(const struct nba_config *config, enum nba_local_mode mode,
                                     struct nba_stream **ret_stream, struct nba_error *error)
{
    if (config->log_kind == NBA_CONFIG_LOG_KAFKA) {
        return open_kafka(config, ret_stream, error);
    }
    return nba_stream_open_local(config->log_dir, mode, &nba_clock_system, ret_stream, error);
}

enum nba_status nba_workplace_open(const struct nba_common *common, enum nba_local_mode mode,
                                   struct nba_workplace *ret_workplace, struct nba_error *error)
{
    struct nba_workplace workplace;
    memset(&workplace, 0, sizeof(workplace));
    enum nba_status status = nba_common_config(common, &workplace.config, error);
    if (status != NBA_OK) {
        return status;
    }
    status = nba_schemas_load(workplace.config.schemas_dir, &workplace.schemas, error);
    if (status == NBA_OK) {
        status = nba_workplace_stream(&workplace.config, mode, &workplace.stream, error);
    }
    if (status != NBA_OK) {
        nba_workplace_close(&workplace);
        return status;
    }
    *ret_workplace = workplace;
    return NBA_OK;
}

void nba_workplace_close(struct nba_workplace *workplace)
{
    nba_stream_close(workplace->stream);
    nba_schemas_destroy(workplace->schemas);
    nba_config_clear(&workplace->config);
}
