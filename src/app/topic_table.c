/* Retention: what an audit or a restore needs is kept for ever, what consumers have acted on for a
 * month, dead letters (they hold original bytes, so personal data) for a week. */
#include "nba/app/topic_table.h"

#include <string.h>

#include "nba/base/assert.h"
#include "nba/base/time_text.h"

#define FOR_EVER   (-1)
#define DAYS_MS(n) ((n)*NBA_DAY_MS)

static void add(struct nba_topic_table *table, const struct nba_topic_entry *entry)
{
    NBA_ASSERT(table->count < NBA_TOPICS_MAX);
    table->entries[table->count++] = *entry;
}

static struct nba_topic_spec kept(const char *name, int64_t partitions, int64_t retention_ms)
{
    return (struct nba_topic_spec){.name = name,
                                   .partitions = (int32_t)partitions,
                                   .deleted = true,
                                   .retention_ms = retention_ms,
                                   .delete_retention_ms = DAYS_MS(1)};
}

/* Tombstones stay a week: a reader that was away longer reads the topic anew. */
static struct nba_topic_spec compacted(const char *name, int64_t partitions)
{
    return (struct nba_topic_spec){.name = name,
                                   .partitions = (int32_t)partitions,
                                   .compacted = true,
                                   .retention_ms = FOR_EVER,
                                   .delete_retention_ms = DAYS_MS(7)};
}

static void add_fixed(struct nba_topic_table *table, const struct nba_config_topics *topics)
{
    const int64_t n = topics->partitions;
    struct nba_topic_spec dead = compacted(topics->deadletter, n);
    dead.deleted = true;
    dead.retention_ms = DAYS_MS(7);
    const struct nba_topic_entry fixed[] = {
        {NBA_TOPIC_ENGAGEMENT, "engagement", "hcp_id", "input: everything about one HCP",
         kept(topics->engagement, n, FOR_EVER)},
        {NBA_TOPIC_CATALOG, "catalog", "kind:id", "contents, campaigns and reps",
         compacted(topics->catalog, 1)},
        {NBA_TOPIC_CONTROL, "control", "none", "mode, exclusions, announcements",
         kept(topics->control, 1, FOR_EVER)},
        {NBA_TOPIC_ACTION, "action", "hcp_id", "proposed and recalled actions",
         kept(topics->action, n, DAYS_MS(30))},
        {NBA_TOPIC_SLATE, "slate", "hcp_id", "the current ranked list",
         compacted(topics->slate, n)},
        {NBA_TOPIC_DECISION, "decision", "hcp_id", "audit, one record for each input record",
         kept(topics->decision, n, FOR_EVER)},
        {NBA_TOPIC_DEADLETTER, "deadletter", "input key and src", "records that could not be taken",
         dead},
        {NBA_TOPIC_CHANGELOG, "changelog", "kind and id", "state, for restoring",
         compacted(topics->changelog, n)},
        {NBA_TOPIC_JOURNAL, "journal", "none", "where side inputs changed",
         kept(topics->journal, n, FOR_EVER)},
    };
    for (size_t i = 0; i < NBA_ARRAY_COUNT(fixed); i++) {
        add(table, &fixed[i]);
    }
}

void nba_topic_table_init(struct nba_topic_table *table, const struct nba_config *config)
{
    memset(table, 0, sizeof(*table));
    add_fixed(table, &config->topics);
    for (uint32_t i = 0; i < config->route_count; i++) {
        const struct nba_config_route *route = &config->routes[i];
        if (nba_topic_table_find(table, route->topic) == NULL) {
            const struct nba_topic_entry entry = {
                NBA_TOPIC_ROUTE, route->topic,
                route->key == NBA_CONFIG_ROUTE_BY_REP ? "rep_id" : "hcp_id",
                "actions, routed by channel and campaign",
                kept(route->topic, config->topics.partitions, DAYS_MS(30))};
            add(table, &entry);
        }
    }
    for (size_t i = 0; i < table->count; i++) {
        table->entries[i].spec.replication = (int16_t)config->topics.replication;
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
