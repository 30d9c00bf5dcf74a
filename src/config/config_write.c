/* The table as text: the reference page, the commented file, the settings in force. */
#include <inttypes.h>
#include <string.h>

#include "nba/base/assert.h"
#include "settings.h"

/* Properties that can be shown; anything else may be a secret. */
static const char *const public_properties[] = {
    "client.id",
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
};

bool nba_config_property_is_public(const char *name)
{
    for (size_t i = 0; i < NBA_ARRAY_COUNT(public_properties); i++) {
        if (strcmp(name, public_properties[i]) == 0) {
            return true;
        }
    }
    return false;
}

static bool in_section(const struct setting *setting, const char *section)
{
    /* "routes" is a key on top that has a part of its own. */
    if (setting->type == SETTING_ROUTES) {
        return strcmp(section, "routes") == 0;
    }
    return strlen(section) == nba_setting_section_bytes(setting->key) &&
           strncmp(setting->key, section, strlen(section)) == 0;
}

/* "whole number, 1 to 64". */
static void write_type(const struct setting *s, struct nba_buf *buf)
{
    switch (s->type) {
    case SETTING_TEXT:
        nba_buf_printf(buf, "text");
        break;
    case SETTING_INTEGER:
        if (s->min < s->max) {
            nba_buf_printf(buf, "whole number, %.0f to %.0f", s->min, s->max);
        } else {
            nba_buf_printf(buf, "%.0f", s->min);
        }
        break;
    case SETTING_NUMBER:
        nba_buf_printf(buf, "number, %g to %g", s->min, s->max);
        break;
    case SETTING_BOOL:
        nba_buf_printf(buf, "true or false");
        break;
    case SETTING_WORD:
        for (size_t i = 0; s->words[i] != NULL; i++) {
            nba_buf_printf(buf, "%s%s", i == 0 ? "" : ", ", s->words[i]);
        }
        break;
    case SETTING_PROPERTIES:
        nba_buf_printf(buf, "map of texts");
        break;
    case SETTING_ROUTES:
        nba_buf_printf(buf, "list of {channel, campaign, topic, key: hcp or rep}");
        break;
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
    for (size_t i = 0; i < nba_section_count; i++) {
        nba_buf_printf(buf, "\n## %s\n\n| key | type and range | default | |\n|---|---|---|---|\n",
                       nba_sections[i].sentence);
        for (size_t j = 0; j < nba_setting_count; j++) {
            const struct setting *s = &nba_settings[j];
            if (!in_section(s, nba_sections[i].name)) {
                continue;
            }
            nba_buf_printf(buf, "| `%s` | ", s->key);
            write_type(s, buf);
            nba_buf_printf(buf, " | ");
            if (s->type == SETTING_ROUTES) {
                nba_buf_printf(buf, "email by HCP, rep by rep");
            } else if (s->type == SETTING_PROPERTIES) {
                nba_buf_printf(buf, "none");
            } else {
                nba_buf_printf(buf, "`");
                write_default(s, buf);
                nba_buf_printf(buf, "`");
            }
            nba_buf_printf(buf, " | %s |\n", s->sentence);
        }
    }
}

static void write_example_setting(const struct setting *s, struct nba_buf *buf)
{
    const char *indent = nba_setting_section_bytes(s->key) != 0 ? "  " : "";
    nba_buf_printf(buf, "%s# %s [", indent, s->sentence);
    write_type(s, buf);
    nba_buf_printf(buf, "]\n");
    if (s->type == SETTING_PROPERTIES) {
        nba_buf_printf(buf, "%s%s: {}\n", indent, nba_setting_name(s->key));
    } else if (s->type == SETTING_ROUTES) {
        nba_buf_printf(buf, "routes:\n"
                            "  - {channel: email, topic: nba.email.v1, key: hcp}\n"
                            "  - {channel: rep, topic: nba.rep.v1, key: rep}\n");
    } else {
        nba_buf_printf(buf, "%s%s: ", indent, nba_setting_name(s->key));
        write_default(s, buf);
        nba_buf_printf(buf, "\n");
    }
}

void nba_config_write_example(struct nba_buf *buf)
{
    nba_buf_printf(buf, "# Settings of one instance; each key stands here at its default and may "
                        "be left out.\n"
                        "# The same list as a table: docs/CONFIGURATION.md\n");
    for (size_t i = 0; i < nba_section_count; i++) {
        const char *name = nba_sections[i].name;
        nba_buf_printf(buf, "\n# ---- %s\n", nba_sections[i].sentence);
        if (name[0] != '\0' && strcmp(name, "routes") != 0) {
            nba_buf_printf(buf, "%s:\n", name);
        }
        for (size_t j = 0; j < nba_setting_count; j++) {
            if (in_section(&nba_settings[j], name)) {
                write_example_setting(&nba_settings[j], buf);
            }
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
                           nba_config_property_is_public(p->name) ? p->value : "***");
        }
        break;
    case SETTING_ROUTES:
        for (uint32_t i = 0; i < config->route_count; i++) {
            const struct nba_config_route *r = &config->routes[i];
            nba_buf_printf(buf, "routes[%u] = channel=%s campaign=%s topic=%s key=%s\n", i,
                           r->channel, r->campaign, r->topic, nba_route_keys[r->key]);
        }
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
