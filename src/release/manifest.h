/*
 * manifest.json as bytes: written in one form, and read in that form only (members in their order,
 * numbers as plain decimals), so that there is nothing in it that isn't understood.
 */
#ifndef NBA_RELEASE_MANIFEST_H
#define NBA_RELEASE_MANIFEST_H

#include "layout.h"
#include "nba/base/buf.h"
#include "nba/base/hash.h"

struct nba_manifest {
    struct nba_release_sizes sizes;
    char parent[NBA_SHA256_TEXT_BYTES]; /* "" without one */
    struct nba_str training;            /* JSON object, borrowed */
    uint64_t report_bytes;
    char report_sha256[NBA_SHA256_TEXT_BYTES];
    struct nba_release_layout layout;
    char sha256[NBA_TENSOR_COUNT][NBA_SHA256_TEXT_BYTES]; /* of the tensors that are present */
};

/* 64 lower-case hexadecimal digits. */
bool nba_release_id_is_valid(struct nba_str text);

/* Appends the text; the buffer says whether it fitted. */
void nba_manifest_print(struct nba_manifest *manifest, struct nba_buf *buf);

/*
 * Reads and checks a manifest: sizes are within limits, and the tensor list is the very one that
 * follows from them.  ret_manifest->training points into `text`.
 * NBA_E_CORRUPT (says at which byte what was expected), NBA_E_VERSION, NBA_E_SHAPE, NBA_E_LIMIT.
 */
NBA_MUST_USE
enum nba_status nba_manifest_scan(struct nba_str text, struct nba_manifest *ret_manifest,
                                  struct nba_error *error);

#endif
