/* nba describe: what an instance reads, keeps and writes, from its configuration alone. */
#include "nba/app/command.h"
#include "nba/base/version.h"

#define MIB 1048576.0

static struct {
    bool settings;
} args;

static const struct nba_option options[] = {
    NBA_OPTION_FLAG(&args.settings, "settings", "the settings in force instead, secrets as ***"),
    {0},
};

static void describe_topics(const struct nba_topic_table *table, bool read, struct nba_buf *buf)
{
    for (size_t i = 0; i < table->count; i++) {
        const struct nba_topic_entry *entry = &table->entries[i];
        const struct nba_topic_spec *spec = &entry->spec;
        if ((entry->role <= NBA_TOPIC_INPUTS_LAST) == read) {
            nba_buf_printf(buf, "  %-26s %4d partition%s  key %-18s %s%s\n", spec->name,
                           (int)spec->partitions, spec->partitions == 1 ? " " : "s", entry->key,
                           entry->what, spec->compacted ? " (compacted)" : "");
        }
    }
}

static void describe(const struct nba_config *config, const struct nba_topic_table *topics,
                     struct nba_buf *buf)
{
    const bool kafka = config->log_kind == NBA_CONFIG_LOG_KAFKA;
    nba_buf_printf(buf, "nba %s, application %s, instance %s, %lld worker%s\n", NBA_ENGINE_VERSION,
                   config->application_id, config->instance, (long long)config->workers,
                   config->workers == 1 ? "" : "s");
    nba_buf_printf(buf, "log        %s %s\n", kafka ? "Kafka at" : "embedded, in",
                   kafka ? config->kafka.bootstrap_servers : config->log_dir);
    nba_buf_printf(buf, "state      %s, one column family a partition, rebuilt from %s\n",
                   config->state.dir, config->topics.changelog);
    nba_buf_printf(buf, "models     %s\n", config->release_dir);
    nba_buf_printf(buf, "policy     %s\n", config->policy_file);
    nba_buf_printf(buf, "HTTP       %s (/metrics, /livez, /readyz)\n", config->http.listen);
    nba_buf_printf(buf, "commit     every %lld ms, %lld events or %zu bytes\n",
                   (long long)config->commit.interval_ms, (long long)config->commit.events_max,
                   nba_config_commit_bytes(config));
    nba_buf_printf(buf, "memory     %lld MiB:", (long long)config->memory_budget_mib);
    for (size_t i = 0; i < NBA_MEMORY_PARTS; i++) {
        const enum nba_memory_part part = (enum nba_memory_part)i;
        nba_buf_printf(buf, "%s %s %g", i == 0 ? "" : ",", nba_memory_part_name(part),
                       (double)nba_config_memory(config, part) / MIB);
    }
    nba_buf_printf(buf, "\n\nreads\n");
    describe_topics(topics, true, buf);
    nba_buf_printf(buf, "\nwrites, all in the transaction that commits the input's offset\n");
    describe_topics(topics, false, buf);
    nba_buf_printf(buf, "%s", config->route_count > 0 ? "\nroutes\n" : "");
    for (uint32_t i = 0; i < config->route_count; i++) {
        const struct nba_config_route *route = &config->routes[i];
        nba_buf_printf(buf, "  channel %-8s campaign %-12s -> %s\n",
                       route->channel[0] != '\0' ? route->channel : "any",
                       route->campaign[0] != '\0' ? route->campaign : "any", route->topic);
    }
}

static enum nba_status run(struct nba_workplace *place, struct nba_error *error)
{
    (void)error;
    if (args.settings) {
        nba_config_write_effective(&place->config, &place->out);
    } else {
        nba_topic_table_init(&place->topics, &place->config);
        describe(&place->config, &place->topics, &place->out);
    }
    return NBA_OK;
}

const struct nba_command nba_command_describe = {
    .name = "describe",
    .summary = "show what an instance reads, keeps and writes",
    .about =
        "The topology that a configuration makes: log, state, topics with keys and partitions,\n"
        "routes. Nothing is opened.",
    .examples = "nba describe --config config/nba.yaml\n"
                "nba describe --settings --set workers=3",
    .options = options,
    .run = run,
};
