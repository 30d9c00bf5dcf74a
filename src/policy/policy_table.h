/*
 * A table of keys, and what reads a YAML map by one.  A key's name is its path ("slate.size"); rows
 * stand in the order in which they are read, a map before its keys.  A row without a reader is a
 * key of a later version: it is refused as such.
 */
#ifndef NBA_POLICY_POLICY_TABLE_H
#define NBA_POLICY_POLICY_TABLE_H

#include "policy_internal.h"

/* A value to be read, and where it goes. */
struct place {
    struct policy_parse *parse;
    const struct nba_yaml_node *node;
    const struct key *key, *table; /* its row, and where the table begins */
    void *field;
};

struct key {
    const char *name;
    enum nba_status (*read)(const struct place *place);
    size_t at;                /* where the field is in what the table fills */
    const char *needed;       /* what is expected there; NULL: may be left out */
    double min, max;          /* of a number; the least number of conditions */
    const char *const *words; /* of a word or a mask, */
    unsigned first;           /* and the value of the first */
    const struct key *each;   /* by channel: how one value is read; its `at` is the value's size */
    const struct items *items;
};

/* A list, or a map with any keys, that is read into an array of the policy behind what is there. */
struct items {
    enum nba_yaml_kind kind;
    const struct key *keys;                             /* of one item, a map; or */
    enum nba_status (*read)(const struct place *place); /* what reads it */
    size_t item_bytes, count_at;
    uint32_t min, max;
    const char *what;
    const void *blank; /* an item before it is read; NULL: zeros */
};

/* Reads a map: each key must have a row; `needed` ones must be there. */
NBA_MUST_USE
enum nba_status nba_read_table(struct policy_parse *parse, const struct key *table,
                               const struct nba_yaml_node *root, void *object);

/* limit_read.c: one of contact_policies.limits, of contact_policies.volumes. */
extern const struct key nba_policy_limit_keys[];
extern const struct key nba_policy_volume_keys[];

/* ---- readers of one value, for `read` of a row ---- */

enum nba_status nba_read_map(const struct place *place);
enum nba_status nba_read_text(const struct place *place);
enum nba_status nba_read_duration(const struct place *place);
enum nba_status nba_read_time(const struct place *place);
enum nba_status nba_read_number(const struct place *place);
enum nba_status nba_read_count(const struct place *place);
enum nba_status nba_read_word(const struct place *place);
/* One word or a list of words, a bit each. */
enum nba_status nba_read_mask(const struct place *place);
enum nba_status nba_read_by_channel(const struct place *place);
enum nba_status nba_read_items(const struct place *place);
/* A name for the rule that no other rule has. */
enum nba_status nba_read_id(const struct place *place);
/* One that can start a decision, into an enum nba_event_type. */
enum nba_status nba_read_event_type(const struct place *place);
/* The row's `first` is the kind of rule, whose mixed conditions have a limit together. */
enum nba_status nba_read_conditions(const struct place *place);
enum nba_status nba_read_applies_to(const struct place *place);

/* experiment_read.c: a number that one type of exploration needs, the row's `first`; the type; a
 * group that a hash draws, the row's `first`. */
enum nba_status nba_read_explore_number(const struct place *place);
enum nba_status nba_read_exploration(const struct place *place);
enum nba_status nba_read_group(const struct place *place);

/* The key `triggers` (policy_triggers.c). */
extern const struct items nba_policy_triggers;

#endif
