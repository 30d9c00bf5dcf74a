/* What the two halves of the YAML reader share. */
#ifndef NBA_CONFIG_YAML_INTERNAL_H
#define NBA_CONFIG_YAML_INTERNAL_H

#include "nba/base/arena.h"
#include "nba/config/yaml.h"

struct nba_yaml {
    struct nba_arena arena;
    const char *name; /* in messages */
    struct nba_yaml_node *root;
};

/* Is it one of these words, the last of which is NULL? */
bool nba_yaml_is_one_of(struct nba_str text, const char *const *words);

/* A text from the file as messages nba_yaml_show it: short, on one line, no control bytes. */
#define SHOWN_BYTES 48u
struct shown {
    char text[SHOWN_BYTES];
};
struct shown nba_yaml_show(struct nba_str text);

#endif
