/*
 * Emission: messages become records of the outbox, with their topics, keys and headers
 * (docs/formats/wire.md).  All go to the partition of the input that caused them.
 */
#ifndef NBA_ENGINE_EMIT_H
#define NBA_ENGINE_EMIT_H

#include "nba/codec/encoder.h"
#include "nba/config/config.h"
#include "nba/engine/outbox.h"

struct nba_listener;

struct nba_emitter {
    const struct nba_schemas *schemas;
    const struct nba_config *config;
    struct nba_outbox *outbox;           /* of the present transaction */
    struct nba_buf encoded;              /* one message at a time */
    const struct nba_listener *listener; /* NULL, or who hears messages in place of the outbox */
};

/* Where an output comes from: header src and the partition it goes to. */
struct nba_origin {
    struct nba_str src;
    int32_t partition;
    struct nba_str segment; /* for a listener */
};

/* Longest "<topic>/<partition>/<offset>" with its NUL. */
#define NBA_SRC_BYTES 300u
void nba_emit_src(const struct nba_record *record, char ret_src[NBA_SRC_BYTES]);

/* To nba.action.v1 and to every route that its channel and campaign match. */
void nba_emit_action(struct nba_emitter *emitter, struct nba_origin origin,
                     const struct nba_action *action);
void nba_emit_slate(struct nba_emitter *emitter, struct nba_origin origin,
                    const struct nba_slate *slate);
void nba_emit_decision(struct nba_emitter *emitter, struct nba_origin origin,
                       const struct nba_decision *decision);
/* Takes the key out of a compacted topic. */
void nba_emit_tombstone(struct nba_emitter *emitter, struct nba_origin origin, const char *topic,
                        struct nba_str key);
void nba_emit_journal(struct nba_emitter *emitter, struct nba_origin origin,
                      const struct nba_journal *journal);
/* To the task of another partition (or of the same). */
void nba_emit_mail(struct nba_emitter *emitter, struct nba_origin origin, struct nba_str key,
                   int32_t partition, const struct nba_mail *mail);
void nba_emit_rep_capacity(struct nba_emitter *emitter, struct nba_origin origin,
                           const struct nba_rep_capacity *capacity);
void nba_emit_deadletter(struct nba_emitter *emitter, struct nba_origin origin,
                         const struct nba_record *record, const struct nba_error *why);

#endif
