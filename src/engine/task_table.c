/* A flag a partition behind one lock. */
#include "engine_internal.h"
#include "nba/base/assert.h"

bool nba_task_table_acquire(struct nba_engine *engine, int32_t partition)
{
    struct nba_task_table *table = &engine->table;
    NBA_ASSERT(partition >= 0 && partition < (int32_t)NBA_PARTITIONS_MAX);
    (void)pthread_mutex_lock(&table->lock);
    while (table->taken[partition] && !atomic_load(&engine->stopping)) {
        (void)pthread_cond_wait(&table->released, &table->lock);
    }
    const bool mine = !table->taken[partition];
    table->taken[partition] = true;
    (void)pthread_mutex_unlock(&table->lock);
    return mine;
}

void nba_task_table_release(struct nba_engine *engine, int32_t partition)
{
    struct nba_task_table *table = &engine->table;
    (void)pthread_mutex_lock(&table->lock);
    NBA_ASSERT(table->taken[partition]);
    table->taken[partition] = false;
    (void)pthread_cond_broadcast(&table->released);
    (void)pthread_mutex_unlock(&table->lock);
}
