/*
 * What a rep's task remembers of one rep: the actions that were published for this rep, as far as
 * they are open or count against a capacity rule.
 *
 * The record lies in the partition of its rep_id (key kind 'R'), other than those of the HCPs whose
 * actions these are: they reach it by mail.  An action that has ended keeps nothing but its time.
 *
 * OWNERSHIP.  Texts point into the decoded bytes or into `arena`; what is added is copied.
 * FULL.  With NBA_REP_ALERTS_MAX entries another one is refused.
 */
#ifndef NBA_STATE_REP_H
#define NBA_STATE_REP_H

#include "nba/base/arena.h"
#include "nba/base/buf.h"
#include "nba/base/status.h"
#include "nba/event/vocabulary.h"

#define NBA_REP_ALERTS_MAX 256u

struct nba_rep_alert {
    enum nba_channel channel;
    int64_t time_ms; /* clock of the rep when it was published */
    bool open;       /* and then: */
    bool seen;       /* shown: it isn't replaced any more */
    int32_t partition;
    double priority;
    int64_t expires_at_ms;
    struct nba_str action_id;
    struct nba_str message; /* value of nba.action.v1 as it was proposed, without drivers */
};

struct nba_rep_state {
    struct nba_arena *arena;
    struct nba_str rep_id; /* the key: not part of the encoded value */
    bool failed;           /* the arena was full */
    int64_t clock_ms;      /* greatest time of a request; NBA_TIME_NONE before the first */
    struct nba_rep_alert alerts[NBA_REP_ALERTS_MAX]; /* in the order they were published */
    uint32_t count;
};

/* A rep never heard of.  `rep_id` is copied. */
void nba_rep_init(struct nba_rep_state *rep, struct nba_str rep_id, struct nba_arena *arena);
/* NBA_E_CORRUPT, NBA_E_VERSION; `bytes` must outlive the record. */
NBA_MUST_USE
enum nba_status nba_rep_decode(struct nba_str bytes, struct nba_str rep_id, struct nba_arena *arena,
                               struct nba_rep_state *ret_rep, struct nba_error *error);
/* Appends the canonical encoding; nothing for a rep without entries, which isn't stored.
 * NBA_E_NO_MEMORY. */
NBA_MUST_USE
enum nba_status nba_rep_encode(const struct nba_rep_state *rep, struct nba_buf *buf);

/* Texts are copied.  False: full. */
NBA_MUST_USE
bool nba_rep_add(struct nba_rep_state *rep, const struct nba_rep_alert *alert);
/* The open one of this id; NULL: there is none. */
struct nba_rep_alert *nba_rep_find(struct nba_rep_state *rep, struct nba_str action_id);
void nba_rep_remove(struct nba_rep_state *rep, struct nba_rep_alert *alert);
/* It has ended and counts for its time. */
void nba_rep_end(struct nba_rep_alert *alert);

#endif
