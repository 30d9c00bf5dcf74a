/* The settings in force, as text. */
#include <inttypes.h>
#include <string.h>

#include "nba/base/assert.h"
#include "settings.h"
#include "yaml_internal.h"

/* Properties that can be shown; anything else may be a secret. */
static const char *const public_properties[] = {"client.id",
                                                "fetch.wait.max.ms",
                                                "linger.ms",
                                                "queued.min.messages",
                                                "sasl.mechanism",
                                                "sasl.mechanisms",
                                                "security.protocol",
                                                "session.timeout.ms",
                                                "socket.keepalive.enable",
                                                "ssl.ca.location",
                                                "ssl.endpoint.identification.algorithm",
                                                "statistics.interval.ms",
                                                NULL};

static void write_value(const struct nba_config *config, const struct setting *s,
                        struct nba_buf *buf)
{
    const void *field = (const char *)config + s->offset;
    unsigned word = 0;
    switch (s->type) {
    case SETTING_TEXT:
        nba_buf_printf(buf, "%s = %s\n", s->key, *(const char *const *)field);
        break;
    case SETTING_INTEGER:
        nba_buf_printf(buf, "%s = %" PRId64 "\n", s->key, *(const int64_t *)field);
        break;
    case SETTING_NUMBER:
        nba_buf_printf(buf, "%s = %g\n", s->key, *(const double *)field);
        break;
    case SETTING_BOOL:
        nba_buf_printf(buf, "%s = %s\n", s->key, *(const bool *)field ? "true" : "false");
        break;
    case SETTING_WORD:
        memcpy(&word, field, sizeof(word));
        nba_buf_printf(buf, "%s = %s\n", s->key, s->words[word]);
        break;
    case SETTING_PROPERTIES:
        for (uint32_t i = 0; i < config->kafka.property_count; i++) {
            const struct nba_config_property *p = &config->kafka.properties[i];
            const bool shown = nba_yaml_is_one_of(nba_str_of(p->name), public_properties);
            nba_buf_printf(buf, "kafka.properties.%s = %s\n", p->name, shown ? p->value : "***");
        }
        break;
    case SETTING_ROUTES:
        for (uint32_t i = 0; i < config->route_count; i++) {
            const struct nba_config_route *r = &config->routes[i];
            nba_buf_printf(buf, "routes[%u] = channel=%s campaign=%s topic=%s key=%s\n", i,
                           r->channel, r->campaign, r->topic, nba_route_keys[r->key]);
        }
        break;
    case SETTING_SECTION:
        break;
    }
}

void nba_config_write_effective(const struct nba_config *config, struct nba_buf *buf)
{
    NBA_ASSERT(config != NULL);
    for (size_t i = 0; i < nba_setting_count; i++) {
        write_value(config, &nba_settings[i], buf);
    }
}
