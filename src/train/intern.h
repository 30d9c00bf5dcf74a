/*
 * Texts to small numbers in the order of their first mention: open addressing, linear probing, at
 * most two thirds full; texts are copied once.
 */
#ifndef NBA_TRAIN_INTERN_H
#define NBA_TRAIN_INTERN_H

#include <stdbool.h>
#include <stdint.h>

#include "nba/base/arena.h"

struct nba_intern {
    struct nba_arena texts;
    struct nba_str *items; /* (count) by number */
    uint64_t *hashes;      /* (count) */
    uint32_t count, item_capacity;
    uint32_t *slots; /* number + 1; 0 = free */
    uint32_t slot_count;
};

void nba_intern_init(struct nba_intern *intern);
void nba_intern_clear(struct nba_intern *intern);
/* The number of `text`, new or known; false: out of memory. */
bool nba_intern_put(struct nba_intern *intern, struct nba_str text, uint32_t *ret_number);

#endif
