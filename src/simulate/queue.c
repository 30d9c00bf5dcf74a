/* A binary heap by (time, order of planning), and a pool of records with a free list. */
#include <stdlib.h>
#include <string.h>

#include "nba/base/assert.h"
#include "world_internal.h"

static bool before(const struct sim_pending *a, const struct sim_pending *b)
{
    return a->at_ms != b->at_ms ? a->at_ms < b->at_ms : a->order < b->order;
}

void nba_sim_push(struct nba_world *world, enum sim_step step, int64_t at_ms, uint32_t hcp,
                  uint32_t record)
{
    if (world->heap_count == world->heap_capacity) {
        const size_t capacity = world->heap_capacity > 0 ? world->heap_capacity * 2 : 1024;
        struct sim_pending *grown = realloc(world->heap, capacity * sizeof(*grown));
        if (grown == NULL) {
            world->failed = true;
            return;
        }
        world->heap = grown;
        world->heap_capacity = capacity;
    }
    const struct sim_pending pending = {at_ms, world->order, step, hcp, record};
    world->order++;
    size_t at = world->heap_count;
    world->heap_count++;
    while (at > 0 && before(&pending, &world->heap[(at - 1) / 2])) {
        world->heap[at] = world->heap[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    world->heap[at] = pending;
}

bool nba_sim_pop(struct nba_world *world, struct sim_pending *ret_pending)
{
    if (world->heap_count == 0) {
        return false;
    }
    *ret_pending = world->heap[0];
    world->heap_count--;
    const struct sim_pending moved = world->heap[world->heap_count];
    size_t at = 0;
    for (;;) {
        size_t child = 2 * at + 1;
        if (child >= world->heap_count) {
            break;
        }
        if (child + 1 < world->heap_count && before(&world->heap[child + 1], &world->heap[child])) {
            child++;
        }
        if (!before(&world->heap[child], &moved)) {
            break;
        }
        world->heap[at] = world->heap[child];
        at = child;
    }
    if (world->heap_count > 0) {
        world->heap[at] = moved;
    }
    return true;
}

struct sim_record *nba_sim_record_new(struct nba_world *world, uint32_t *ret_index)
{
    if (world->free_record == UINT32_MAX) {
        const size_t count = world->record_count > 0 ? world->record_count * 2 : 1024;
        struct sim_record *grown = realloc(world->records, count * sizeof(*grown));
        if (grown == NULL) {
            world->failed = true;
            return NULL;
        }
        for (size_t i = count; i > world->record_count; i--) {
            grown[i - 1].next_free = world->free_record;
            world->free_record = (uint32_t)(i - 1);
        }
        world->records = grown;
        world->record_count = count;
    }
    const uint32_t index = world->free_record;
    struct sim_record *record = &world->records[index];
    world->free_record = record->next_free;
    memset(record, 0, sizeof(*record));
    record->content = UINT32_MAX;
    record->action = UINT32_MAX;
    *ret_index = index;
    return record;
}

void nba_sim_record_free(struct nba_world *world, uint32_t index)
{
    NBA_ASSERT(index < world->record_count);
    world->records[index].next_free = world->free_record;
    world->free_record = index;
}
