/*
 * What people changed at run time, without a deploy: mode and exclusions from nba.control.v1.
 *
 * A state is an immutable snapshot after the first n messages of the topic; a worker adopts a later
 * one at the start of a transaction, so every decision stands on exactly one of them.
 *
 * RULES.  The mode in force is the lower of the policy's and the last message's (live > shadow >
 * stopped).  An exclusion holds for t < until, or until it is taken back; a second one of the same
 * scope and target replaces the first.  Announcements of releases and policies change nothing here.
 *
 * OWNERSHIP.  Counted, nba_control_state_ref and _unref; texts are copies.  THREADS.  Any.
 */
#ifndef NBA_POLICY_CONTROL_H
#define NBA_POLICY_CONTROL_H

#include <stdint.h>

#include "nba/base/status.h"
#include "nba/event/reference.h"

/* Open at one time: an emergency concerns a few contents, not the catalogue. */
#define NBA_EXCLUSIONS_MAX 1000u

/* In order of strength: the higher number wins. */
enum nba_mode { NBA_MODE_LIVE, NBA_MODE_SHADOW, NBA_MODE_STOPPED };

enum nba_exclusion_scope {
    NBA_EXCLUDE_CONTENT,
    NBA_EXCLUDE_BRAND,
    NBA_EXCLUDE_CAMPAIGN,
};

struct nba_exclusion {
    struct nba_str id; /* of the policy's entry or of the message */
    enum nba_exclusion_scope scope;
    struct nba_str target, reason, by;
    int64_t until_ms; /* NBA_TIME_NONE: until taken back */
};

struct nba_control_state {
    enum nba_mode mode;     /* LIVE until a message lowers it */
    struct nba_str mode_id; /* of that message */
    const struct nba_exclusion *exclusions;
    uint32_t exclusion_count;
};

/* Nothing changed yet.  NULL: out of memory. */
struct nba_control_state *nba_control_state_create(void);
struct nba_control_state *nba_control_state_ref(struct nba_control_state *state);
void nba_control_state_unref(struct nba_control_state *state);

/* The state after one more message (the same one, counted once more, when nothing changes).
 * NBA_E_UNKNOWN_TYPE (kind, mode or scope isn't known), NBA_E_EMPTY_KEY (an exclusion without
 * target), NBA_E_LIMIT, NBA_E_NO_MEMORY. */
NBA_MUST_USE
enum nba_status nba_control_state_apply(struct nba_control_state *state,
                                        const struct nba_control *message,
                                        struct nba_control_state **ret_state,
                                        struct nba_error *error);

#endif
