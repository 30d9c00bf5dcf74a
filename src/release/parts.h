/* The rules between a release's parts: the writer asks before it writes, the loader after it has
 * read. */
#ifndef NBA_RELEASE_PARTS_H
#define NBA_RELEASE_PARTS_H

#include "layout.h"
#include "nba/base/hash_index.h"
#include "nba/release/release.h"

/* The sizes that the parts have; NBA_E_SHAPE, NBA_E_LIMIT when they can't make a release. */
NBA_MUST_USE
enum nba_status nba_parts_sizes(const struct nba_release_parts *parts,
                                struct nba_release_sizes *ret_sizes, struct nba_error *error);

bool nba_parts_has(const struct nba_release_parts *parts, enum nba_fusion_member member);

/* Which field of the weights each tensor of LSTM and NCF is; the others' places
 * in the list are left as they are. */
void nba_parts_weights(struct nba_lstm_weights *lstm, struct nba_ncf_weights *ncf,
                       const float **ret_fields[NBA_TENSOR_COUNT]);

/* What goes into each tensor from NBA_TENSOR_LSTM_EMBEDDING on; NULL for an absent member. */
void nba_parts_arrays(const struct nba_release_parts *parts,
                      const void *ret_arrays[NBA_TENSOR_COUNT]);

/* Names ascending and of legal length, content hashes without collision, every weight finite,
 * fusion weights not negative and 0 where a member is absent.  The sizes have been checked.
 * ret_index, the contents by their hash, is the caller's to clear.  NBA_E_CORRUPT,
 * NBA_E_NON_FINITE, NBA_E_NO_MEMORY. */
NBA_MUST_USE
enum nba_status nba_parts_check(const struct nba_release_parts *parts,
                                const struct nba_release_sizes *sizes,
                                struct nba_hash_index *ret_index, struct nba_error *error);

#endif
