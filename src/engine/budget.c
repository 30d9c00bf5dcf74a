/* Shares come from config; what they are used for is asked of state and stream now and then. */
#include "budget.h"

#include "nba/base/log.h"

struct nba_state_options nba_state_options_of(const struct nba_config *config, uint32_t tasks)
{
    return (struct nba_state_options){
        .create = true,
        .block_cache_bytes = nba_config_memory(config, NBA_MEMORY_BLOCK_CACHE),
        .write_buffer_bytes = nba_config_memory(config, NBA_MEMORY_WRITE_BUFFERS),
        .hot_bytes = nba_config_memory(config, NBA_MEMORY_HOT_RECORDS),
        .hot_shares = tasks,
        .inactive_ttl = nba_config_inactive_ttl(config),
    };
}

void nba_budget_init(struct nba_budget *budget, const struct nba_config *config,
                     struct nba_metrics *metrics)
{
    size_t shares[NBA_MEMORY_PARTS];
    for (size_t i = 0; i < NBA_MEMORY_PARTS; i++) {
        const enum nba_memory_part part = (enum nba_memory_part)i;
        const struct nba_label labels[] = {{"part", nba_memory_part_name(part)}};
        shares[i] = nba_config_memory(config, part);
        budget->used[i] = nba_metrics_gauge(metrics, "nba_memory_bytes",
                                            "Memory in use, by part of the budget.", labels, 1);
        nba_gauge_add(nba_metrics_gauge(metrics, "nba_memory_share_bytes",
                                        "The part's share of memory.budget_mib.", labels, 1),
                      (int64_t)shares[i]);
    }
    nba_log(NBA_LOG_INFO, "memory",
            "budget_mib=%lld hot_records=%zu block_cache=%zu write_buffers=%zu log_reading=%zu "
            "log_writing=%zu",
            (long long)config->memory_budget_mib, shares[NBA_MEMORY_HOT_RECORDS],
            shares[NBA_MEMORY_BLOCK_CACHE], shares[NBA_MEMORY_WRITE_BUFFERS],
            shares[NBA_MEMORY_LOG_READING], shares[NBA_MEMORY_LOG_WRITING]);
}

void nba_budget_look(struct nba_budget *budget, struct nba_state_store *store,
                     struct nba_stream *stream)
{
    struct nba_state_usage state = {0};
    struct nba_stream_memory log = {0};
    if (store != NULL) {
        nba_state_store_usage(store, &state);
    }
    nba_stream_memory_used(stream, &log);
    const size_t used[NBA_MEMORY_PARTS] = {
        [NBA_MEMORY_HOT_RECORDS] = state.hot_bytes,
        [NBA_MEMORY_BLOCK_CACHE] = state.block_cache_bytes,
        [NBA_MEMORY_WRITE_BUFFERS] = state.write_buffer_bytes,
        [NBA_MEMORY_LOG_READING] = log.reading_bytes,
        [NBA_MEMORY_LOG_WRITING] = log.writing_bytes,
    };
    for (size_t i = 0; i < NBA_MEMORY_PARTS; i++) {
        nba_gauge_add(budget->used[i], (int64_t)used[i] - nba_gauge_value(budget->used[i]));
    }
}
