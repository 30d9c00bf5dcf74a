/* The table as text: the reference page, the commented file, the settings in force. */
#include <inttypes.h>
#include <string.h>

#include "nba/base/assert.h"
#include "settings.h"
#include "yaml_internal.h"

/* Properties that can be shown; anything else may be a secret. */
static const char *const public_properties[] = {"client.id",
                                                "fetch.max.bytes",
                                                "fetch.wait.max.ms",
                                                "linger.ms",
                                                "queued.max.messages.kbytes",
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

static bool is_public(const char *name)
{
    return nba_yaml_is_one_of(nba_str_of(name), public_properties);
}

static const char *name_of(const struct setting *setting)
{
    const char *dot = strchr(setting->key, '.');
    return dot != NULL ? dot + 1 : setting->key;
}

/* "whole number, 1 to 64". */
static void write_type(const struct setting *s, struct nba_buf *buf)
{
    static const char *const names[] = {
        [SETTING_TEXT] = "text",
        [SETTING_INTEGER] = "whole number, ",
        [SETTING_NUMBER] = "number, ",
        [SETTING_BOOL] = "true or false",
        [SETTING_PROPERTIES] = "map of texts",
        [SETTING_ROUTES] = "list of {channel, campaign, topic, key: hcp or rep}",
    };
    if (s->type == SETTING_INTEGER && s->min >= s->max) {
        nba_buf_printf(buf, "%.0f", s->min);
        return;
    }
    nba_buf_printf(buf, "%s", names[s->type] != NULL ? names[s->type] : "");
    if (s->type == SETTING_INTEGER) {
        nba_buf_printf(buf, "%.0f to %.0f", s->min, s->max);
    } else if (s->type == SETTING_NUMBER) {
        nba_buf_printf(buf, "%g to %g", s->min, s->max);
    }
    for (size_t i = 0; s->type == SETTING_WORD && s->words[i] != NULL; i++) {
        nba_buf_printf(buf, "%s%s", i == 0 ? "" : ", ", s->words[i]);
    }
}

/* The default as it stands in a file: empty texts need quotes, and so does "1" as a text. */
static void write_default(const struct setting *s, struct nba_buf *buf)
{
    const bool quote = s->type == SETTING_TEXT &&
                       (s->default_text[0] == '\0' ||
                        strspn(s->default_text, "0123456789") == strlen(s->default_text));
    nba_buf_printf(buf, "%s%s%s", quote ? "\"" : "", s->default_text, quote ? "\"" : "");
}

static const char reference_head[] =
    "# Configuration\n"
    "\n"
    "Every key of `config/nba.yaml`, written from the table that reads it.\n"
    "A key that is not here is an error, and so is a value out of range; messages name "
    "file:line:column and the key.\n"
    "All keys are optional. Bytes, milliseconds and the like are the last word of a key.\n"
    "A text that is wholly `${env:NAME}` or `${file:PATH}` is replaced by that variable or by the "
    "text of that file.\n"
    "No setting changes while the engine runs, except the policy file and the release folder, "
    "which are read again.\n";

void nba_config_write_reference(struct nba_buf *buf)
{
    nba_buf_printf(buf, "%s", reference_head);
    for (size_t i = 0; i < nba_setting_count; i++) {
        const struct setting *s = &nba_settings[i];
        if (s->type == SETTING_SECTION) {
            nba_buf_printf(buf,
                           "\n## %s\n\n| key | type and range | default | |\n|---|---|---|---|\n",
                           s->sentence);
            continue;
        }
        nba_buf_printf(buf, "| `%s` | ", s->key);
        write_type(s, buf);
        nba_buf_printf(buf, " | ");
        if (s->default_text == NULL) {
            nba_buf_printf(buf, "%s",
                           s->type == SETTING_ROUTES ? "email by HCP, rep by rep" : "none");
        } else {
            nba_buf_printf(buf, "`");
            write_default(s, buf);
            nba_buf_printf(buf, "`");
        }
        nba_buf_printf(buf, " | %s |\n", s->sentence);
    }
}

void nba_config_write_example(struct nba_buf *buf)
{
    nba_buf_printf(buf, "# Settings of one instance; each key stands here at its default and may "
                        "be left out.\n"
                        "# The same list as a table: docs/CONFIGURATION.md\n");
    for (size_t i = 0; i < nba_setting_count; i++) {
        const struct setting *s = &nba_settings[i];
        const char *indent = strchr(s->key, '.') != NULL ? "  " : "";
        if (s->type == SETTING_SECTION) {
            nba_buf_printf(buf, "\n# ---- %s\n%s%s", s->sentence, s->key,
                           s->key[0] != '\0' ? ":\n" : "");
            continue;
        }
        nba_buf_printf(buf, "%s# %s [", indent, s->sentence);
        write_type(s, buf);
        nba_buf_printf(buf, "]\n%s%s:", indent, name_of(s));
        if (s->type == SETTING_PROPERTIES) {
            nba_buf_printf(buf, " {}\n");
        } else if (s->type == SETTING_ROUTES) {
            nba_buf_printf(buf, "\n  - {channel: email, topic: nba.email.v1, key: hcp}\n"
                                "  - {channel: rep, topic: nba.rep.v1, key: rep}\n");
        } else {
            nba_buf_printf(buf, " ");
            write_default(s, buf);
            nba_buf_printf(buf, "\n");
        }
    }
}

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
            nba_buf_printf(buf, "kafka.properties.%s = %s\n", p->name,
                           is_public(p->name) ? p->value : "***");
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
