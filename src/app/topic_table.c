/* Retention: what an audit or a restore needs is kept for ever, what consumers have acted on for a
 * month, dead letters (they hold original bytes, so personal data) for a week. */
#include "nba/app/topic_table.h"

#include <string.h>

#include "nba/base/assert.h"
#include "nba/base/time_text.h"

#define FOR_EVER      (-1)
#define FIELD(member) offsetof(struct nba_config_topics, member)

enum keeping { DELETED, COMPACTED, BOTH };

static const struct {
    enum nba_topic_role role;
    const char *word, *key, *what;
    size_t name; /* where the configuration has it */
    bool single; /* one partition */
    enum keeping keeping;
    int days;
} fixed[] = {
    {NBA_TOPIC_ENGAGEMENT, "engagement", "hcp_id", "input: everything about one HCP",
     FIELD(engagement), false, DELETED, FOR_EVER},
    {NBA_TOPIC_CATALOG, "catalog", "kind:id", "contents, campaigns and reps", FIELD(catalog), true,
     COMPACTED, FOR_EVER},
    {NBA_TOPIC_CONTROL, "control", "none", "mode, exclusions, announcements", FIELD(control), true,
     DELETED, FOR_EVER},
    {NBA_TOPIC_ACTION, "action", "hcp_id", "proposed and recalled actions", FIELD(action), false,
     DELETED, 30},
    {NBA_TOPIC_SLATE, "slate", "hcp_id", "the current ranked list", FIELD(slate), false, COMPACTED,
     FOR_EVER},
    {NBA_TOPIC_DECISION, "decision", "hcp_id", "audit, one record for each input record",
     FIELD(decision), false, DELETED, FOR_EVER},
    {NBA_TOPIC_DEADLETTER, "deadletter", "input key and src", "records that could not be taken",
     FIELD(deadletter), false, BOTH, 7},
    {NBA_TOPIC_CHANGELOG, "changelog", "kind and id", "state, for restoring", FIELD(changelog),
     false, COMPACTED, FOR_EVER},
    {NBA_TOPIC_JOURNAL, "journal", "none", "where side inputs changed", FIELD(journal), false,
     DELETED, FOR_EVER},
    {NBA_TOPIC_MAILBOX, "mailbox", "rep_id or hcp_id", "between the tasks of HCPs and of reps",
     FIELD(mailbox), false, DELETED, 7},
    {NBA_TOPIC_REP_CAPACITY, "rep_capacity", "rep_id", "how much of each rep is taken",
     FIELD(rep_capacity), true, COMPACTED, FOR_EVER},
};

/* Tombstones stay a week: a reader that was away longer reads the topic anew. */
static struct nba_topic_spec spec_of(const struct nba_config_topics *topics, const char *name,
                                     bool single, enum keeping keeping, int days)
{
    return (struct nba_topic_spec){.name = name,
                                   .partitions = single ? 1 : (int32_t)topics->partitions,
                                   .compacted = keeping != DELETED,
                                   .deleted = keeping != COMPACTED,
                                   .retention_ms = days == FOR_EVER ? FOR_EVER : days * NBA_DAY_MS,
                                   .delete_retention_ms = (keeping == DELETED ? 1 : 7) * NBA_DAY_MS,
                                   .replication = (int16_t)topics->replication};
}

void nba_topic_table_init(struct nba_topic_table *table, const struct nba_config *config)
{
    const struct nba_config_topics *topics = &config->topics;
    memset(table, 0, sizeof(*table));
    for (size_t i = 0; i < NBA_ARRAY_COUNT(fixed); i++) {
        const char *name = NULL;
        memcpy(&name, (const char *)topics + fixed[i].name, sizeof(name));
        table->entries[table->count++] = (struct nba_topic_entry){
            fixed[i].role, fixed[i].word, fixed[i].key, fixed[i].what,
            spec_of(topics, name, fixed[i].single, fixed[i].keeping, fixed[i].days)};
    }
    for (uint32_t i = 0; i < config->route_count; i++) {
        const struct nba_config_route *route = &config->routes[i];
        if (nba_topic_table_find(table, route->topic) == NULL) {
            NBA_ASSERT(table->count < NBA_TOPICS_MAX);
            table->entries[table->count++] = (struct nba_topic_entry){
                NBA_TOPIC_ROUTE, route->topic,
                route->key == NBA_CONFIG_ROUTE_BY_REP ? "rep_id" : "hcp_id",
                "actions, routed by channel and campaign",
                spec_of(topics, route->topic, false, DELETED, 30)};
        }
    }
}

const struct nba_topic_entry *nba_topic_table_find(const struct nba_topic_table *table,
                                                   const char *name)
{
    for (size_t i = 0; i < table->count; i++) {
        const struct nba_topic_entry *entry = &table->entries[i];
        if (strcmp(entry->spec.name, name) == 0 || strcmp(entry->word, name) == 0) {
            return entry;
        }
    }
    return NULL;
}

const char *nba_topic_table_name(const struct nba_topic_table *table, const char *name)
{
    const struct nba_topic_entry *entry = nba_topic_table_find(table, name);
    return entry != NULL ? entry->spec.name : name;
}

enum nba_status nba_topic_table_create(const struct nba_topic_table *table,
                                       struct nba_stream *stream, size_t *ret_created,
                                       struct nba_error *error)
{
    size_t created = 0;
    for (size_t i = 0; i < table->count; i++) {
        const struct nba_topic_spec *spec = &table->entries[i].spec;
        int32_t partitions = spec->partitions;
        enum nba_status status = nba_stream_topic_create(stream, spec, error);
        created += status == NBA_OK ? 1 : 0;
        if (status == NBA_E_EXISTS) {
            status = nba_stream_topic_partitions(stream, spec->name, &partitions, error);
        }
        if (status == NBA_OK && partitions != spec->partitions) {
            status =
                nba_error_set(error, NBA_E_SHAPE,
                              "topic '%s' is there with %d partitions, the configuration says %d",
                              spec->name, (int)partitions, (int)spec->partitions);
        }
        if (status != NBA_OK) {
            return status;
        }
    }
    *ret_created = created;
    return NBA_OK;
}
