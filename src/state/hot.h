/*
 * The hot-state cache of one task: the encoded records and derived vectors of the HCPs seen last.
 *
 * Bounded in bytes, its own bookkeeping included; the HCP not used for longest goes first, and if
 * it takes a vector along that isn't on disk, `spill` is told before.  It holds committed data
 * only: the task fills it after the write.  Running out of memory forgets an HCP, nothing else.
 * Not for several threads.
 */
#ifndef NBA_STATE_HOT_H
#define NBA_STATE_HOT_H

#include "nba/state/task.h"

struct nba_vector {
    struct nba_vector_tag tag;
    uint32_t float_count; /* 0: none */
    bool dirty;           /* not the one that is on disk */
    float *floats;        /* the entry's own, or in a transaction's arena */
};

struct nba_hot_entry {
    struct nba_hot_entry *bucket_next;
    struct nba_hot_entry *older, *newer;
    uint64_t hash;
    size_t bytes; /* of everything the entry holds */
    uint32_t id_bytes;
    uint32_t record_bytes, record_room;
    unsigned char *record; /* owned */
    struct nba_vector vectors[NBA_VECTOR_SLOTS];
    char id[];
};

struct nba_hot {
    struct nba_hot_entry **buckets;
    uint32_t bucket_count; /* a power of two */
    struct nba_hot_entry *newest, *oldest;
    _Atomic size_t bytes; /* written by the task's thread, read by any */
    size_t bytes_max;
    uint64_t entry_count, evictions;
    void (*spill)(void *context, const struct nba_hot_entry *entry);
    void *context;
};

static inline struct nba_str nba_hot_id(const struct nba_hot_entry *entry)
{
    return nba_str(entry->id, entry->id_bytes);
}

/* False without memory. */
bool nba_hot_init(struct nba_hot *hot, size_t bytes_max);
void nba_hot_clear(struct nba_hot *hot);  /* frees all */
void nba_hot_forget(struct nba_hot *hot); /* empties without spilling */

/* NULL if it isn't there; else it is the newest now. */
struct nba_hot_entry *nba_hot_find(struct nba_hot *hot, struct nba_str id, uint64_t hash);
/* Sets the record's bytes, which evicts others as needed.  NULL: not kept (too large, no memory);
 * an older record of that HCP is gone in any case. */
struct nba_hot_entry *nba_hot_put(struct nba_hot *hot, struct nba_str id, uint64_t hash,
                                  struct nba_str record);
/* `entry` must be what nba_hot_put just gave. */
void nba_hot_put_vector(struct nba_hot *hot, struct nba_hot_entry *entry, enum nba_vector_slot slot,
                        const struct nba_vector *vector);
void nba_hot_remove(struct nba_hot *hot, struct nba_str id, uint64_t hash);

#endif
