/*
 * The topics of an instance: from a configuration, what each is, and how it is created.
 *
 * The input, actions, decisions, slates, dead letters, changelog, journal and mailbox have one
 * partition count: output goes to the partition of the input that caused it.  Catalogue, control
 * and the reps' capacity have one partition each.  Topics that routes name are there too, once
 * each.
 */
#ifndef NBA_APP_TOPIC_TABLE_H
#define NBA_APP_TOPIC_TABLE_H

#include "nba/config/config.h"
#include "nba/stream/stream.h"

enum nba_topic_role {
    NBA_TOPIC_ENGAGEMENT,
    NBA_TOPIC_CATALOG,
    NBA_TOPIC_CONTROL,
    NBA_TOPIC_INPUTS_LAST = NBA_TOPIC_CONTROL,
    NBA_TOPIC_ACTION,
    NBA_TOPIC_SLATE,
    NBA_TOPIC_DECISION,
    NBA_TOPIC_DEADLETTER,
    NBA_TOPIC_CHANGELOG,
    NBA_TOPIC_JOURNAL,
    NBA_TOPIC_MAILBOX,
    NBA_TOPIC_REP_CAPACITY,
    NBA_TOPIC_ROUTE,
};

#define NBA_TOPICS_MAX (11u + NBA_CONFIG_ROUTES_MAX)

struct nba_topic_entry {
    enum nba_topic_role role;
    const char *word;           /* short name for people: "action"; the topic itself for routes */
    const char *key;            /* what its key is */
    const char *what;           /* one sentence */
    struct nba_topic_spec spec; /* texts borrow the configuration */
};

struct nba_topic_table {
    struct nba_topic_entry entries[NBA_TOPICS_MAX];
    size_t count;
};

void nba_topic_table_init(struct nba_topic_table *table, const struct nba_config *config);
/* By short name or topic; NULL: neither. */
const struct nba_topic_entry *nba_topic_table_find(const struct nba_topic_table *table,
                                                   const char *name);
/* The topic of a short name; another name is a topic's already. */
const char *nba_topic_table_name(const struct nba_topic_table *table, const char *name);
/* Creates what is missing; those that are there stay as they are.  NBA_E_SHAPE: an existing one has
 * another partition count than the table says. */
NBA_MUST_USE
enum nba_status nba_topic_table_create(const struct nba_topic_table *table,
                                       struct nba_stream *stream, size_t *ret_created,
                                       struct nba_error *error);

#endif
