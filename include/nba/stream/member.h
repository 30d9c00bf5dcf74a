/*
 * A member of a consumer group: shares the partitions of its topics with the group's others.
 *
 * ASSIGNMENT.  Eager, by range: of each topic, each member gets a run of partitions, the first
 * members one more when it doesn't divide; so topics with equal partition counts go to the same
 * member alike.  When members come or go, everyone first gives back all it has (`revoke`), and only
 * when all have, anyone gets its new share (`assign`).  Both are called from within nba_member_poll
 * or _close, on the caller's thread; a member that doesn't poll holds the others up.
 *
 * OFFSETS.  The member commits nothing: offsets go with transactions (nba_producer_send_offsets).
 * `assign` gets the group's committed offsets, read after every transaction that had offsets
 * pending is decided (Kafka: require_stable), and says where to start.
 *
 * NAMES.  With an instance_id, a second member of the same name takes the first one's place, whose
 * poll then says NBA_E_FENCED.
 *
 * Records and NBA_POLL_END come as in reader.h, read committed.
 *
 * THREADS.  One thread at a time.
 */
#ifndef NBA_STREAM_MEMBER_H
#define NBA_STREAM_MEMBER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "nba/base/status.h"
#include "nba/stream/reader.h"
#include "nba/stream/stream.h"

struct nba_member;

struct nba_assignment {
    const char *topic; /* good during the callback */
    int32_t partition;
    int64_t committed; /* the group's; -1 none */
    int64_t offset;    /* where to start: `assign` sets it; before, committed or else low */
};

struct nba_member_options {
    const char *group_id;
    const char *instance_id; /* NULL: a dynamic member */
    const char *const *topics;
    size_t topic_count;
    /* A new share, perhaps empty, ordered by topic (as in `topics`) and partition.  Anything but
     * NBA_OK becomes the poll's answer; the share is then as good as refused: close the member. */
    enum nba_status (*assign)(void *context, struct nba_assignment *partitions, size_t count,
                              struct nba_error *error);
    /* The whole share is taken away.  `lost`: it already belongs to someone else, commit nothing.
     * Not called for a share that was empty. */
    void (*revoke)(void *context, const struct nba_assignment *partitions, size_t count, bool lost);
    void *context;
};

/* Copies the options.  The member joins; its share comes with a later poll.  NBA_E_CONFIG: the
 * group's name is empty or longer than NBA_ID_BYTES_MAX. */
NBA_MUST_USE
enum nba_status nba_member_create(struct nba_stream *stream,
                                  const struct nba_member_options *options,
                                  struct nba_member **ret_member, struct nba_error *error);

/* Waits at most timeout_ms, callbacks apart.  As nba_reader_poll, and NBA_E_FENCED: another member
 * runs under this instance_id. */
NBA_MUST_USE
enum nba_status nba_member_poll(struct nba_member *member, int timeout_ms, enum nba_poll *ret_what,
                                struct nba_record *ret_record, struct nba_error *error);

/* Revokes, leaves and destroys.  The revoke callback is called within; what the backend itself has
 * to wait for is cut off after deadline_ms.  NULL is fine. */
void nba_member_close(struct nba_member *member, int deadline_ms);

#endif
