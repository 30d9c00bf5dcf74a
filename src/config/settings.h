/* The table of settings, for the parser and for the writer of the reference. */
#ifndef NBA_CONFIG_SETTINGS_H
#define NBA_CONFIG_SETTINGS_H

#include <stddef.h>

#include "nba/config/config.h"

enum setting_type {
    SETTING_TEXT,       /* const char *, never NULL */
    SETTING_INTEGER,    /* int64_t */
    SETTING_NUMBER,     /* double */
    SETTING_BOOL,       /* bool */
    SETTING_WORD,       /* an enum: index among words */
    SETTING_PROPERTIES, /* kafka.properties */
    SETTING_ROUTES,     /* routes */
};

struct setting {
    const char *key; /* "section.name" or "name" */
    enum setting_type type;
    size_t offset;            /* in struct nba_config */
    const char *default_text; /* as it would stand in the file */
    double min, max;          /* of numbers; of texts: least and most bytes */
    const char *const *words; /* of a word; ends in NULL */
    const char *sentence;
};

extern const struct setting nba_settings[];
extern const size_t nba_setting_count;

/* The sections in their order in the file, with what each is about. */
struct section {
    const char *name; /* "" for the keys on top */
    const char *sentence;
};
extern const struct section nba_sections[];
extern const size_t nba_section_count;

extern const char *const nba_setting_channels[]; /* channels a route may name */
extern const char *const nba_route_keys[];

/* Length of the section part of a key, 0 when it has none; the name follows the dot. */
size_t nba_setting_section_bytes(const char *key);
const char *nba_setting_name(const char *key);

/* Puts a value of the file into `config`.  NBA_E_CONFIG, NBA_E_NO_MEMORY. */
struct nba_yaml_node;
NBA_MUST_USE
enum nba_status nba_setting_apply(struct nba_config *config, const struct setting *setting,
                                  const struct nba_yaml_node *node, struct nba_error *error);

#endif
