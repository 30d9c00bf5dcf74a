/*
 * Digests of a log: one SHA-256 a topic and partition, over key, value and headers of its records
 * in order.  Two logs said the same when their digests are equal; offsets and timestamps don't
 * count.
 *
 *   null            u32le 0xffffffff          (key and value)
 *   bytes           u32le length, the bytes
 *   record          key, value, u32le header count, then name and value of each header
 */
#ifndef NBA_APP_DIGEST_H
#define NBA_APP_DIGEST_H

#include <pthread.h>

#include "nba/base/buf.h"
#include "nba/base/hash.h"
#include "nba/base/status.h"
#include "nba/stream/record.h"

struct nba_digest_entry {
    char *topic;
    int32_t partition;
    uint64_t records;
    struct nba_sha256 *sha;
};

struct nba_digests {
    struct nba_digest_entry *entries;
    size_t count, capacity;
    pthread_mutex_t
        lock; /* finding and making an entry; its records come from one thread at a time */
};

void nba_digests_init(struct nba_digests *digests);
/* NBA_E_NO_MEMORY. */
NBA_MUST_USE
enum nba_status nba_digests_add(struct nba_digests *digests, const char *topic, int32_t partition,
                                const struct nba_outgoing *record, struct nba_error *error);
/* "sha256 <hex> <topic> <partition>" a line, by topic and partition. */
void nba_digests_print(struct nba_digests *digests, struct nba_buf *buf);
void nba_digests_clear(struct nba_digests *digests);

#endif
