/* What the files of the catalogue share: counted records, a hash index, the whole snapshot. */
#ifndef NBA_CATALOG_CATALOG_INTERNAL_H
#define NBA_CATALOG_CATALOG_INTERNAL_H

#include <stdatomic.h>

#include "nba/base/arena.h"
#include "nba/catalog/catalog.h"

/* One record with its texts, in one block; shared by the builder and all snapshots it is in. */
struct catalog_entry {
    atomic_uint refs;
    uint32_t content_hash; /* of contents */
    struct nba_str id;
    struct nba_reference record;
};

/* NULL: out of memory.  The record was checked. */
struct catalog_entry *nba_catalog_entry_create(const struct nba_reference *record);
void nba_catalog_entry_ref(struct catalog_entry *entry);
void nba_catalog_entry_unref(struct catalog_entry *entry);
struct nba_str nba_catalog_record_id(const struct nba_reference *record);

/*
 * Hash to index, by linear probing in a table at most half full.  What is compared beyond the hash
 * is the caller's: it walks the candidates with catalog_index_next.
 */
struct catalog_index {
    uint64_t *hashes;
    uint32_t *numbers; /* index + 1; 0: free */
    uint32_t capacity; /* a power of two, or 0 */
    uint32_t count;
};

NBA_MUST_USE
bool nba_catalog_index_reserve(struct catalog_index *index, uint32_t count);
/* There must be room (nba_catalog_index_reserve). */
void nba_catalog_index_add(struct catalog_index *index, uint64_t hash, uint32_t number);
/* The next entry with this hash, starting at *cursor = 0; NBA_CATALOG_NONE: no more. */
uint32_t nba_catalog_index_next(const struct catalog_index *index, uint64_t hash, uint32_t *cursor);
void nba_catalog_index_clear(struct catalog_index *index);

struct catalog_snapshot {
    struct nba_catalog shown; /* first: a snapshot is a catalogue */
    atomic_uint refs;
    struct nba_arena arena; /* all arrays */
    struct catalog_entry **entries;
    uint32_t entry_count;
    const struct nba_rep **reps;           /* bytewise by id */
    const struct nba_campaign **campaigns; /* bytewise by id */
    struct catalog_index by_content_hash;
    struct catalog_index by_word;
};

/* From entries sorted by (kind, id); takes a reference on each. */
NBA_MUST_USE
enum nba_status nba_catalog_snapshot_create(struct catalog_entry *const *entries, uint32_t count,
                                            struct nba_catalog **ret_catalog,
                                            struct nba_error *error);

#endif
