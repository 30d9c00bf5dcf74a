/* The table of settings, for the parser and for the writer of the reference. */
#ifndef NBA_CONFIG_SETTINGS_H
#define NBA_CONFIG_SETTINGS_H

#include <stddef.h>

#include "nba/config/config.h"

enum setting_type {
    SETTING_SECTION,    /* no setting: the head of those that follow */
    SETTING_TEXT,       /* const char *, never NULL */
    SETTING_INTEGER,    /* int64_t */
    SETTING_NUMBER,     /* double */
    SETTING_BOOL,       /* bool */
    SETTING_WORD,       /* an enum: index among words */
    SETTING_PROPERTIES, /* kafka.properties */
    SETTING_ROUTES,     /* routes */
};

struct setting {
    const char
        *key; /* "section.name" or "name"; a section's own name, "" when its keys have none */
    enum setting_type type;
    size_t offset;            /* in struct nba_config */
    const char *default_text; /* as it would stand in the file */
    double min, max;          /* of numbers; of texts: least and most bytes */
    const char *const *words; /* of a word; ends in NULL */
    const char *sentence;
};

extern const struct setting nba_settings[];
extern const size_t nba_setting_count;

extern const char *const nba_setting_channels[]; /* channels a route may name */
extern const char *const nba_route_keys[];

#endif
