/* docs/CONFIGURATION.md, and config/nba.yaml with every key at its default, from the table of
 * settings. */
#ifndef NBA_CONFIG_PAGES_H
#define NBA_CONFIG_PAGES_H

#include "../../../src/config/settings.h"

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

static void write_reference(struct nba_buf *buf)
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

static void write_example(struct nba_buf *buf)
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

#endif
