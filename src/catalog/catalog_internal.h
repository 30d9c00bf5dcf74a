/* What the files of the catalogue share: counted records, the whole snapshot. */
#ifndef NBA_CATALOG_CATALOG_INTERNAL_H
#define NBA_CATALOG_CATALOG_INTERNAL_H

#include <stdatomic.h>

#include "nba/base/arena.h"
#include "nba/base/hash_index.h"
#include "nba/catalog/catalog.h"

/* One record with its texts, in one block; shared by the builder and all snapshots it is in. */
struct catalog_entry {
    atomic_uint refs;
    uint64_t hash; /* of kind and id; of a content the 32 bits that state knows it by */
    struct nba_str id;
    struct nba_reference record;
};

/* The record was checked. */
struct catalog_entry *nba_catalog_entry_create(const struct nba_reference *record);
void nba_catalog_entry_unref(struct catalog_entry *entry);
struct nba_str nba_catalog_record_id(const struct nba_reference *record);
uint64_t nba_catalog_record_hash(enum nba_reference_kind kind, struct nba_str id);

struct catalog_snapshot {
    struct nba_catalog shown; /* first: a snapshot is a catalogue */
    atomic_uint refs;
    struct nba_arena arena; /* all arrays */
    struct catalog_entry **entries;
    uint32_t entry_count;
    const struct nba_rep **reps;           /* bytewise by id */
    const struct nba_campaign **campaigns; /* bytewise by id */
    struct nba_hash_index by_content_hash;
    struct nba_hash_index by_word;
};

/* From entries sorted by (kind, id); takes a reference on each. */
NBA_MUST_USE
enum nba_status nba_catalog_snapshot_create(struct catalog_entry *const *entries, uint32_t count,
                                            struct nba_catalog **ret_catalog,
                                            struct nba_error *error);

#endif
