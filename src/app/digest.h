/*
 * What a log says: one SHA-256 a topic and partition, over key, value and headers of its records in
 * order.  Two logs said the same when their digests are equal; offsets and timestamps don't count.
 *
 *   null            u32le 0xffffffff          (key and value)
 *   bytes           u32le length, the bytes
 *   record          key, value, u32le header count, then name and value of each header
 *
 * With a folder the records themselves are kept too, in <dir>/<topic>/<partition>.avro with offsets
 * from 0.
 */
#ifndef NBA_APP_DIGEST_H
#define NBA_APP_DIGEST_H

#include <pthread.h>

#include "nba/app/walk.h"
#include "nba/engine/outbox.h"

struct nba_digest;

struct nba_digests {
    struct nba_digest *first; /* by topic and partition */
    const struct nba_schemas *schemas;
    const char *dir;      /* NULL: digests only */
    pthread_mutex_t lock; /* finding and making; a partition's records come from one thread */
};

void nba_digests_init(struct nba_digests *digests, const struct nba_schemas *schemas,
                      const char *dir);
/* A record of a log, or one that the engine has made; functions for walks and sinks, `self` is the
 * digests.  NBA_E_IO, NBA_E_LIMIT. */
NBA_MUST_USE
enum nba_status nba_digests_add(void *self, const struct nba_record *record,
                                struct nba_error *error);
NBA_MUST_USE
enum nba_status nba_digests_add_made(void *self, const struct nba_outbox_record *made,
                                     struct nba_error *error);
/* Finishes the files and appends "sha256 <hex> <topic> <partition>" a line, in order. */
NBA_MUST_USE
enum nba_status nba_digests_finish(struct nba_digests *digests, struct nba_buf *buf,
                                   struct nba_error *error);
/* Files that aren't finished are removed. */
void nba_digests_clear(struct nba_digests *digests);

#endif
