/* Looking things up in a snapshot, and its life. */
#include "nba/catalog/catalog.h"

#include <stdlib.h>

#include "catalog_internal.h"
#include "nba/base/assert.h"
#include "nba/base/hash.h"

static const struct catalog_snapshot *snapshot_of(const struct nba_catalog *catalog)
{
    NBA_ASSERT(catalog != NULL);
    return (const struct catalog_snapshot *)catalog;
}

uint32_t nba_catalog_find_hash(const struct nba_catalog *catalog, uint32_t content_hash)
{
    uint32_t cursor = 0;
    return nba_hash_index_next(&snapshot_of(catalog)->by_content_hash, content_hash, &cursor);
}

uint32_t nba_catalog_find_content(const struct nba_catalog *catalog, struct nba_str content_id)
{
    if (content_id.bytes == 0) {
        return NBA_CATALOG_NONE;
    }
    const uint32_t k = nba_catalog_find_hash(catalog, nba_content_hash(content_id));
    return k != NBA_CATALOG_NONE && nba_str_equal(catalog->contents[k].content_id, content_id)
               ? k
               : NBA_CATALOG_NONE;
}

uint32_t nba_catalog_find_word(const struct nba_catalog *catalog, struct nba_str word)
{
    if (word.bytes == 0) {
        return 0;
    }
    const struct nba_hash_index *index = &snapshot_of(catalog)->by_word;
    const uint64_t hash = nba_xxh64(word.data, word.bytes);
    uint32_t cursor = 0;
    uint32_t i = 0;
    while ((i = nba_hash_index_next(index, hash, &cursor)) != NBA_CATALOG_NONE) {
        if (nba_str_equal(catalog->words[i], word)) {
            return i;
        }
    }
    return 0;
}

/* Of a rep or a campaign: both begin with their id. */
static int compare_id(const void *id, const void *record)
{
    return nba_str_compare(*(const struct nba_str *)id, **(const struct nba_str *const *)record);
}

const struct nba_rep *nba_catalog_find_rep(const struct nba_catalog *catalog, struct nba_str rep_id)
{
    const struct nba_rep **found = bsearch(&rep_id, snapshot_of(catalog)->reps, catalog->rep_count,
                                           sizeof(*found), compare_id);
    return found != NULL ? *found : NULL;
}

const struct nba_campaign *nba_catalog_find_campaign(const struct nba_catalog *catalog,
                                                     struct nba_str campaign_id)
{
    const struct nba_campaign **found =
        bsearch(&campaign_id, snapshot_of(catalog)->campaigns, catalog->campaign_count,
                sizeof(*found), compare_id);
    return found != NULL ? *found : NULL;
}

const struct nba_content *nba_catalog_content(const struct nba_catalog *catalog, uint32_t candidate)
{
    NBA_ASSERT(candidate < catalog->candidate_count);
    return &catalog->contents[catalog->candidates[candidate].content];
}

const struct nba_treatment *nba_catalog_treatment(const struct nba_catalog *catalog,
                                                  uint32_t candidate)
{
    return &nba_catalog_content(catalog, candidate)
                ->treatments[catalog->candidates[candidate].treatment];
}

struct nba_catalog *nba_catalog_ref(struct nba_catalog *catalog)
{
    NBA_ASSERT(catalog != NULL);
    struct catalog_snapshot *s = (struct catalog_snapshot *)catalog;
    atomic_fetch_add_explicit(&s->refs, 1, memory_order_relaxed);
    return catalog;
}

void nba_catalog_unref(struct nba_catalog *catalog)
{
    struct catalog_snapshot *s = (struct catalog_snapshot *)catalog;
    if (s == NULL || atomic_fetch_sub_explicit(&s->refs, 1, memory_order_acq_rel) != 1) {
        return;
    }
    for (uint32_t i = 0; i < s->entry_count; i++) {
        nba_catalog_entry_unref(s->entries[i]);
    }
    nba_hash_index_clear(&s->by_content_hash);
    nba_hash_index_clear(&s->by_word);
    nba_arena_clear(&s->arena);
    free(s);
}
