/*
 * The meta record of a task: how far its state has come, and by which side inputs.
 *
 * It is written with every transaction into the same WriteBatch as the records it speaks of, and
 * into the changelog (without changelog_next, which nobody can know before the commit; that one
 * is a local key).  Format: docs/formats/state.md.
 */
#ifndef NBA_STATE_META_H
#define NBA_STATE_META_H

#include "nba/base/buf.h"
#include "nba/base/status.h"
#include "nba/event/message.h"

/* Version of everything that is written below a task: records, keys, meta. */
#define NBA_STATE_FORMAT 2u

/* Hashes are 64 characters; versions and tzdata names are shorter. */
#define NBA_META_TEXT_BYTES 129u

struct nba_meta {
    int64_t input_next;     /* first input offset not yet in this state */
    int64_t changelog_next; /* first changelog offset not yet in this store; local */
    uint64_t txn_seq;       /* transactions so far; 0: the task is new */
    uint32_t state_format;
    int32_t partition_count; /* of the input topic; another number is refused */
    int64_t watermark_ms;    /* greatest event time; NBA_TIME_NONE before the first */
    int64_t clock_ms;        /* decision clock; NBA_TIME_NONE before the first */
    int64_t silence_ms;      /* clock by which HCPs are forgotten; behind the watermark at most */
    int64_t wall_clock_ms;   /* of the last transaction; NBA_TIME_NONE before the first */
    int64_t catalog_next, control_next, mailbox_next, capacity_next;
    int64_t letters_next;  /* bad control messages before it are dead letters; >= control_next */
    int64_t sweep_recalls; /* of a sweep under way (task.h), so far; NBA_SWEEP_NONE: none is */
    char policy_hash[NBA_META_TEXT_BYTES];
    char policy_version[NBA_META_TEXT_BYTES];
    char release_champion[NBA_META_TEXT_BYTES];
    char release_challenger[NBA_META_TEXT_BYTES];
    char tzdata_version[NBA_META_TEXT_BYTES];
};

void nba_meta_init(struct nba_meta *meta, int32_t partition_count);

/* Copies a text into one of the arrays above; false and unchanged when it is too long. */
NBA_MUST_USE
bool nba_meta_set_text(char ret_text[NBA_META_TEXT_BYTES], struct nba_str text);

/* Do catalogue, control or policy differ from these?  Then open actions may no longer stand. */
bool nba_meta_rules_differ(const struct nba_meta *meta, const struct nba_journal *now);
/* Do the side inputs differ from these?  Then the worker writes a journal record. */
bool nba_meta_differs(const struct nba_meta *meta, const struct nba_journal *now);
/* Takes the side inputs over; NBA_E_LIMIT when a text is too long. */
NBA_MUST_USE
enum nba_status nba_meta_adopt(struct nba_meta *meta, const struct nba_journal *now,
                               struct nba_error *error);

/* Appends the encoding, changelog_next left out. */
void nba_meta_encode(const struct nba_meta *meta, struct nba_buf *buf);
/* NBA_E_CORRUPT; NBA_E_VERSION for a newer format.  changelog_next becomes 0. */
NBA_MUST_USE
enum nba_status nba_meta_decode(struct nba_str bytes, struct nba_meta *ret_meta,
                                struct nba_error *error);

#endif
