/* The rules between a release's parts: the writer asks before it writes, the loader after it has
 * read. */
#ifndef NBA_RELEASE_PARTS_H
#define NBA_RELEASE_PARTS_H

#include "layout.h"
#include "nba/release/release.h"

/* The sizes that the parts have; NBA_E_SHAPE, NBA_E_LIMIT when they can't make a release. */
NBA_MUST_USE
enum nba_status nba_parts_sizes(const struct nba_release_parts *parts,
                                struct nba_release_sizes *ret_sizes, struct nba_error *error);

/* Where a tensor's values lie in the parts.  Not for the names' tensors, which have no array of
 * their own, nor for fusion and calibrator. */
const void *nba_parts_values(const struct nba_release_parts *parts, enum nba_release_tensor tensor);

/* Names ascending and of legal length, content hashes without collision, every weight finite,
 * fusion weights not negative and 0 where a member is absent.  The sizes have been checked.
 * NBA_E_CORRUPT, NBA_E_NON_FINITE, NBA_E_NO_MEMORY. */
NBA_MUST_USE
enum nba_status nba_parts_check(const struct nba_release_parts *parts,
                                const struct nba_release_sizes *sizes, struct nba_error *error);

/*
 * Which content has a 32-bit hash: open addressing, half full at most.  A slot holds index + 1, 0
 * when it is free.
 */
struct nba_hash_slots {
    uint32_t *slots;
    uint32_t mask; /* slot count - 1 */
};

/* NBA_E_CORRUPT names two contents with one hash; NBA_E_NO_MEMORY.  nba_hash_slots_clear frees. */
NBA_MUST_USE
enum nba_status nba_hash_slots_fill(const struct nba_str *contents, uint32_t count,
                                    struct nba_hash_slots *ret_slots, struct nba_error *error);
uint32_t nba_hash_slots_find(const struct nba_hash_slots *slots, const struct nba_str *contents,
                             uint32_t hash);
void nba_hash_slots_clear(struct nba_hash_slots *slots);

#endif
