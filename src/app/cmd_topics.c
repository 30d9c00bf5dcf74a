/* nba topics: the topics of the configuration, made, listed, described, deleted. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "commands_internal.h"
#include "nba/app/topic_table.h"
#include "nba/app/workplace.h"

struct args {
    struct nba_common common;
    bool all;
};

static const struct nba_option options[] = {
    NBA_COMMON_OPTIONS(struct args, common),
    NBA_OPTION_FLAG(struct args, all, "all", "delete: every topic of the configuration"),
};

struct listing {
    struct nba_buf *buf;
    const struct nba_topic_table *table;
};

static void list_one(void *context, const char *topic, int32_t partitions)
{
    const struct listing *listing = context;
    const struct nba_topic_entry *entry = nba_topic_table_find(listing->table, topic);
    nba_buf_printf(listing->buf, "%-28s %10d  %s\n", topic, (int)partitions,
                   entry != NULL ? entry->what : "not of this configuration");
}

static enum nba_status list(struct nba_workplace *place, const struct nba_topic_table *table,
                            struct nba_buf *buf, struct nba_error *error)
{
    struct listing listing = {buf, table};
    nba_buf_printf(buf, "%-28s %10s  %s\n", "topic", "partitions", "what");
    return nba_stream_topic_list(place->stream, list_one, &listing, error);
}

static enum nba_status create(struct nba_workplace *place, const struct nba_topic_table *table,
                              struct nba_buf *buf, struct nba_error *error)
{
    size_t created = 0;
    const enum nba_status status = nba_topic_table_create(table, place->stream, &created, error);
    if (status == NBA_OK) {
        nba_buf_printf(buf, "%zu created, %zu were there\n", created, table->count - created);
    }
    return status;
}

static enum nba_status describe_topic(struct nba_workplace *place, const char *topic,
                                      struct nba_buf *buf, struct nba_error *error)
{
    int32_t partitions = 0;
    enum nba_status status = nba_stream_topic_partitions(place->stream, topic, &partitions, error);
    for (int32_t p = 0; p < partitions && status == NBA_OK; p++) {
        int64_t low = 0;
        int64_t stable = 0;
        int64_t high = 0;
        status = nba_stream_watermarks(place->stream, topic, p, NBA_READ_COMMITTED, &low, &stable,
                                       error);
        if (status == NBA_OK) {
            status = nba_stream_watermarks(place->stream, topic, p, NBA_READ_UNCOMMITTED, &low,
                                           &high, error);
        }
        if (status == NBA_OK) {
            nba_buf_printf(buf, "%-28s %9d %12" PRId64 " %12" PRId64 " %12" PRId64 "\n", topic,
                           (int)p, low, stable, high);
        }
    }
    return status;
}

static enum nba_status describe(struct nba_workplace *place, const struct nba_topic_table *table,
                                const struct nba_operands *names, struct nba_buf *buf,
                                struct nba_error *error)
{
    enum nba_status status = NBA_OK;
    nba_buf_printf(buf, "%-28s %9s %12s %12s %12s\n", "topic", "partition", "low", "stable",
                   "high");
    for (size_t i = 1; i < names->count && status == NBA_OK; i++) {
        const struct nba_topic_entry *entry = nba_topic_table_find(table, names->items[i]);
        status =
            describe_topic(place, entry != NULL ? entry->spec.name : names->items[i], buf, error);
    }
    for (size_t i = 0; names->count == 1 && i < table->count && status == NBA_OK; i++) {
        status = describe_topic(place, table->entries[i].spec.name, buf, error);
        if (status == NBA_E_NOT_FOUND) {
            nba_buf_printf(buf, "%-28s is not there\n", table->entries[i].spec.name);
            status = NBA_OK;
        }
    }
    return status;
}

static enum nba_status delete_topics(struct nba_workplace *place,
                                     const struct nba_topic_table *table, bool all,
                                     const struct nba_operands *names, struct nba_buf *buf,
                                     struct nba_error *error)
{
    if (all == (names->count > 1)) {
        return nba_error_set(error, NBA_E_USAGE, "topics delete: expected TOPIC... or --all");
    }
    for (size_t i = 0; i < (all ? table->count : names->count - 1); i++) {
        const char *name = all ? table->entries[i].spec.name : names->items[i + 1];
        const struct nba_topic_entry *entry = nba_topic_table_find(table, name);
        name = entry != NULL ? entry->spec.name : name;
        const enum nba_status status = nba_stream_topic_delete(place->stream, name, error);
        if (status != NBA_OK && !(all && status == NBA_E_NOT_FOUND)) {
            return status;
        }
        if (status == NBA_OK) {
            nba_buf_printf(buf, "deleted %s\n", name);
        }
    }
    return NBA_OK;
}

static enum nba_status act(struct nba_workplace *place, const struct args *args,
                           const struct nba_operands *operands, struct nba_buf *buf,
                           struct nba_error *error)
{
    struct nba_topic_table table;
    nba_topic_table_init(&table, &place->config);
    if (strcmp(operands->items[0], "create") == 0) {
        return create(place, &table, buf, error);
    }
    if (strcmp(operands->items[0], "list") == 0) {
        return list(place, &table, buf, error);
    }
    if (strcmp(operands->items[0], "describe") == 0) {
        return describe(place, &table, operands, buf, error);
    }
    return delete_topics(place, &table, args->all, operands, buf, error);
}

static int run(const struct nba_command *command, int argc, char **argv)
{
    static const char *const verbs[] = {"create", "list", "delete", "describe", NULL};
    struct args args = {.all = false};
    struct nba_operands operands;
    struct nba_error error = {NBA_OK, ""};
    struct nba_workplace place;
    int code = 0;
    if (!nba_command_parse(command, argc, argv, &args, &operands, &code)) {
        return code;
    }
    const char *verb = operands.items[0];
    size_t known = 0;
    while (verbs[known] != NULL && strcmp(verbs[known], verb) != 0) {
        known++;
    }
    if (verbs[known] == NULL) {
        return nba_command_fail_with(
            NBA_E_USAGE, "topics: expected create, list, delete or describe, got '%s'", verb);
    }
    const bool writes = strcmp(verb, "create") == 0 || strcmp(verb, "delete") == 0;
    if (nba_workplace_open(&args.common, writes ? NBA_LOCAL_WRITER : NBA_LOCAL_READER, &place,
                           &error) != NBA_OK) {
        return nba_command_fail(&error);
    }
    struct nba_buf buf;
    nba_buf_init(&buf, 16u << 20);
    const enum nba_status status = act(&place, &args, &operands, &buf, &error);
    code = nba_command_print(&buf);
    nba_buf_clear(&buf);
    nba_workplace_close(&place);
    return status != NBA_OK ? nba_command_fail(&error) : code;
}

const struct nba_command nba_command_topics = {
    .name = "topics",
    .summary = "create, list, describe or delete the topics",
    .operands = "create|list|describe|delete [TOPIC...]",
    .about = "create makes every topic of the configuration that is missing, with the partition\n"
             "count, compaction and retention it needs. describe shows, for each partition, its\n"
             "first offset, the end of what is committed and the end. A topic may be given by its\n"
             "name or its short name (engagement, catalog, control, action, slate, decision,\n"
             "deadletter, changelog, journal).",
    .examples = "nba topics create --kafka 127.0.0.1:9092\n"
                "nba topics list --log var/log\n"
                "nba topics describe engagement decision\n"
                "nba topics delete --all --log var/log",
    .options = options,
    .option_count = NBA_ARRAY_COUNT(options),
    .operands_min = 1,
    .operands_max = NBA_OPERANDS_MAX,
    .run = run,
};
