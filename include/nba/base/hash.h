/*
 * Hashes, each for one purpose.
 *
 *   nba_xxh64            event and content fingerprints in state (xxHash, seed 0)
 *   nba_assignment_hash  experiments and exploration: fmix64(FNV-1a-64(text)), a fixed contract
 *                        with test vectors.  FNV-1a alone is visibly uneven on consecutive ids;
 *                        fmix64 is MurmurHash3's finaliser (A. Appleby, public domain)
 *   nba_murmur2          Kafka's partitioner (org.apache.kafka.common.utils.Utils.murmur2)
 *   nba_sha256           names of releases, policies, replay results (FIPS 180-4, by libcrypto)
 */
#ifndef NBA_BASE_HASH_H
#define NBA_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

#include "nba/base/str.h"

uint64_t nba_xxh64(const void *data, size_t bytes);
/* First 32 bits of XXH64(content_id): how a content stands in an HCP's ring. */
uint32_t nba_content_hash(struct nba_str content_id);
/* XXH64 of source, a zero byte, event_id: how an event stands in the duplicate list. */
uint64_t nba_event_hash(struct nba_str source, struct nba_str event_id);

uint64_t nba_assignment_hash(struct nba_str text);

uint32_t nba_murmur2(const void *data, size_t bytes);
/* The partition Kafka's Java and murmur2_random partitioners give this key. */
int32_t nba_partition_of_key(struct nba_str key, int32_t partition_count);

#define NBA_SHA256_BYTES      32u
#define NBA_SHA256_TEXT_BYTES 65u /* hexadecimal with its NUL */

struct nba_sha256; /* running digest */

struct nba_sha256 *nba_sha256_create(void);
void nba_sha256_update(struct nba_sha256 *sha, const void *data, size_t bytes);
/* u32 little-endian length, then the bytes: how records are hashed without ambiguity. */
void nba_sha256_update_sized(struct nba_sha256 *sha, struct nba_str bytes);
/* Writes the digest as lower-case hexadecimal and starts over. */
void nba_sha256_finish(struct nba_sha256 *sha, char ret_text[NBA_SHA256_TEXT_BYTES]);
void nba_sha256_destroy(struct nba_sha256 *sha);

/* HMAC-SHA-256 (RFC 2104): a fingerprint that nobody can try out without the secret. */
void nba_hmac_sha256(struct nba_str secret, struct nba_str text, char ret_mac[NBA_SHA256_BYTES]);

/* One call for bytes that are all there. */
void nba_sha256_text(const void *data, size_t bytes, char ret_text[NBA_SHA256_TEXT_BYTES]);

#endif
