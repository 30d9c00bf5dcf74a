/* nba topics: the topics of the configuration, made, listed, described, deleted. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "nba/app/command.h"

static struct {
    bool all;
} args;

static const struct nba_option options[] = {
    NBA_OPTION_FLAG(&args.all, "all", "delete: every topic of the configuration"),
    {0},
};

static void list_one(void *context, const char *topic, int32_t partitions)
{
    struct nba_workplace *place = context;
    const struct nba_topic_entry *entry = nba_topic_table_find(&place->topics, topic);
    nba_buf_printf(&place->out, "%-28s %10d  %s\n", topic, (int)partitions,
                   entry != NULL ? entry->what : "not of this configuration");
}

static enum nba_status create(struct nba_workplace *place, struct nba_error *error)
{
    size_t created = 0;
    const enum nba_status status =
        nba_topic_table_create(&place->topics, place->stream, &created, error);
    if (status == NBA_OK) {
        nba_buf_printf(&place->out, "%zu created, %zu were there\n", created,
                       place->topics.count - created);
    }
    return status;
}

static enum nba_status describe_topic(struct nba_workplace *place, const char *topic,
                                      struct nba_error *error)
{
    struct nba_spans spans = {.count = 0};
    enum nba_status status = nba_spans_add(&spans, place->stream, topic, NBA_READ_COMMITTED, error);
    for (size_t i = 0; i < spans.count && status == NBA_OK; i++) {
        const struct nba_span *span = &spans.items[i];
        int64_t low = 0;
        int64_t high = 0;
        status = nba_stream_watermarks(place->stream, topic, span->partition, NBA_READ_UNCOMMITTED,
                                       &low, &high, error);
        if (status == NBA_OK) {
            nba_buf_printf(&place->out, "%-28s %9d %12" PRId64 " %12" PRId64 " %12" PRId64 "\n",
                           topic, (int)span->partition, low, span->to, high);
        }
    }
    free(spans.items);
    return status;
}

/* The topics named behind the verb; or all of the configuration, absent ones being forgiven. */
static enum nba_status each_topic(struct nba_workplace *place, bool all,
                                  enum nba_status (*act)(struct nba_workplace *, const char *,
                                                         struct nba_error *),
                                  struct nba_error *error)
{
    const struct nba_topic_table *table = &place->topics;
    enum nba_status status = NBA_OK;
    for (size_t i = 0; i < (all ? table->count : place->operands.count - 1) && status == NBA_OK;
         i++) {
        const char *name = nba_topic_table_name(table, all ? table->entries[i].spec.name
                                                           : place->operands.items[i + 1]);
        status = act(place, name, error);
        if (all && status == NBA_E_NOT_FOUND) {
            status = NBA_OK;
            if (act == describe_topic) {
                nba_buf_printf(&place->out, "%-28s is not there\n", name);
            }
        }
    }
    return status;
}

static enum nba_status delete_topic(struct nba_workplace *place, const char *topic,
                                    struct nba_error *error)
{
    const enum nba_status status = nba_stream_topic_delete(place->stream, topic, error);
    if (status == NBA_OK) {
        nba_buf_printf(&place->out, "deleted %s\n", topic);
    }
    return status;
}

static enum nba_status compact_topic(struct nba_workplace *place, const char *topic,
                                     struct nba_error *error)
{
    const struct nba_topic_entry *entry = nba_topic_table_find(&place->topics, topic);
    if (entry != NULL && !entry->spec.compacted && place->operands.count == 1) {
        return NBA_OK; /* of all */
    }
    const enum nba_status status = nba_stream_topic_compact(place->stream, topic, error);
    if (status == NBA_OK) {
        nba_buf_printf(&place->out, "compacted %s\n", topic);
    }
    return status;
}

static enum nba_status act(struct nba_workplace *place, const char *verb, struct nba_error *error)
{
    const size_t names = place->operands.count - 1;
    if (strcmp(verb, "create") == 0) {
        return create(place, error);
    }
    if (strcmp(verb, "list") == 0) {
        nba_buf_printf(&place->out, "%-28s %10s  %s\n", "topic", "partitions", "what");
        return nba_stream_topic_list(place->stream, list_one, place, error);
    }
    if (strcmp(verb, "describe") == 0) {
        nba_buf_printf(&place->out, "%-28s %9s %12s %12s %12s\n", "topic", "partition", "low",
                       "stable", "high");
        return each_topic(place, names == 0, describe_topic, error);
    }
    if (strcmp(verb, "compact") == 0) {
        return each_topic(place, names == 0, compact_topic, error);
    }
    if (args.all == (names > 0)) {
        return nba_error_set(error, NBA_E_USAGE, "topics delete: expected TOPIC... or --all");
    }
    return each_topic(place, args.all, delete_topic, error);
}

static enum nba_status run(struct nba_workplace *place, struct nba_error *error)
{
    const char *verb = place->operands.items[0];
    const bool writes = strcmp(verb, "list") != 0 && strcmp(verb, "describe") != 0;
    const enum nba_status status =
        nba_workplace_open(place, writes ? NBA_LOCAL_WRITER : NBA_LOCAL_READER, error);
    return status == NBA_OK ? act(place, verb, error) : status;
}

const struct nba_command nba_command_topics = {
    .name = "topics",
    .summary = "create, list, describe, compact or delete the topics",
    .operands = "create|list|describe|compact|delete [TOPIC...]",
    .about = "create makes every topic of the configuration that is missing, with the partition\n"
             "count, compaction and retention it needs. describe shows, for each partition, its\n"
             "first offset, the end of what is committed and the end. A topic may be given by its\n"
             "name or its short name (engagement, catalog, control, action, slate, decision,\n"
             "deadletter, changelog, journal). compact does it now, on the embedded log alone.",
    .examples = "nba topics create --kafka 127.0.0.1:9092\n"
                "nba topics list --log var/log\n"
                "nba topics describe engagement decision\n"
                "nba topics delete --all --log var/log",
    .options = options,
    .operands_min = 1,
    .operands_max = NBA_OPERANDS_MAX,
    .run = run,
};
