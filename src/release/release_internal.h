/* Decoding without files: what the loader does once bytes are in memory, and what is fuzzed. */
#ifndef NBA_RELEASE_INTERNAL_H
#define NBA_RELEASE_INTERNAL_H

#include "manifest.h"
#include "nba/release/release.h"

/*
 * Verifies `tensors` (manifest->layout.bytes of them, aligned) against the manifest and makes a
 * release of them, unbound.  Takes over `tensors` (freed by free) in every case.  `checksums`:
 * false lets a fuzzer past them.  Errors as nba_release_load.
 */
NBA_MUST_USE
enum nba_status nba_release_decode(const struct nba_manifest *manifest, void *tensors,
                                   bool checksums, struct nba_release **ret_release,
                                   struct nba_error *error);

#endif
