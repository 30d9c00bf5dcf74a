/* The memory budget: the state's part of it, and gauges of what is used. */
#ifndef NBA_ENGINE_BUDGET_H
#define NBA_ENGINE_BUDGET_H

#include "nba/config/config.h"
#include "nba/metrics/metrics.h"
#include "nba/state/store.h"
#include "nba/stream/stream.h"

struct nba_budget {
    struct nba_gauge *used[NBA_MEMORY_PARTS];
};

/* To make a store if there is none, whose hot records are shared by so many tasks (0: 16). */
struct nba_state_options nba_state_options_of(const struct nba_config *config, uint32_t tasks);

/* Registers nba_memory_bytes{part} and nba_memory_share_bytes{part}; sets the latter, and logs. */
void nba_budget_init(struct nba_budget *budget, const struct nba_config *config,
                     struct nba_metrics *metrics);
/* Sets nba_memory_bytes; one thread.  `store` may be NULL: nothing. */
void nba_budget_look(struct nba_budget *budget, struct nba_state_store *store,
                     struct nba_stream *stream);

#endif
