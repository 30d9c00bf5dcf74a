/*
 * Side inputs: what decisions depend on besides the HCP's own partition - catalogue, control
 * messages, policy, model release, what of the reps is full - and which of each is in force.
 *
 * A SIDE is one immutable choice of all of them.  A worker adopts a side at the start of a
 * transaction and, where it differs from what the task's meta record says, writes a journal record;
 * so outputs are a function of the partition and its journal (docs: architecture, determinism).
 *
 * SIDE INPUTS is the mutable holder: it takes catalogue and control records in offset order, loaded
 * policies and releases, and hands out the side of the moment.  Building a side costs milliseconds
 * (the catalogue's arrays, popularity of every segment), so it is done when asked for and stale.
 *
 * CATALOGUE AND CONTROL topics have one partition: how far each was read is one offset.  A record
 * that can't be used (bad bytes, hash collision, unknown kind) changes nothing but the offset, and
 * is counted and reported to the caller.  A control message is kept besides: the task of partition
 * 0 makes a dead letter of it.
 *
 * OWNERSHIP.  A side is counted.  THREADS.  Everything here may be called from any thread.
 */
#ifndef NBA_ENGINE_SIDE_INPUTS_H
#define NBA_ENGINE_SIDE_INPUTS_H

#include "nba/catalog/catalog.h"
#include "nba/codec/decoder.h"
#include "nba/config/config.h"
#include "nba/policy/capacity.h"
#include "nba/policy/policy.h"
#include "nba/release/release.h"
#include "nba/score/scorer.h"
#include "nba/stream/record.h"

/* A control message that couldn't be used; lives as long as the side inputs. */
struct nba_refusal {
    const struct nba_refusal *before; /* the one before it, or NULL */
    struct nba_record record;         /* key, value and place; no topic */
    struct nba_error why;
};

/* Who is scored by which release: the challenger serves the HCPs of the policy's arm of its name,
 * the champion all others, and these too while there is no challenger. */
enum nba_role { NBA_ROLE_CHAMPION, NBA_ROLE_CHALLENGER, NBA_ROLE_COUNT };

struct nba_side_model {
    struct nba_release *release;       /* NULL: popularity; of the challenger: there is none */
    struct nba_score_binding *binding; /* NULL: there is no challenger */
};

struct nba_side {
    struct nba_catalog *catalog;
    struct nba_control_state *control;
    struct nba_policy *policy;
    struct nba_side_model models[NBA_ROLE_COUNT];
    struct nba_capacity_table *capacity;
    const struct nba_refusal *refused; /* the last one; NULL: none */
    int64_t catalog_next, control_next, capacity_next;
};

struct nba_side *nba_side_ref(struct nba_side *side);
void nba_side_unref(struct nba_side *side); /* NULL is fine */

/* Which model scores the HCP: there is a challenger, and the HCP is in its arm. */
enum nba_role nba_side_role_of(const struct nba_side *side, struct nba_str hcp_id, int64_t now_ms);

/* The side as a journal record; texts borrow the side. */
struct nba_journal nba_side_journal(const struct nba_side *side, int64_t input_next,
                                    int64_t wall_clock_ms);

struct nba_side_inputs;

/* `schemas` must outlive it; of `config` the scoring settings are copied. */
NBA_MUST_USE
enum nba_status nba_side_inputs_create(const struct nba_schemas *schemas,
                                       const struct nba_config *config,
                                       struct nba_side_inputs **ret_inputs,
                                       struct nba_error *error);
void nba_side_inputs_destroy(struct nba_side_inputs *inputs);

/* One record of the catalogue or control topic; SKIP-class statuses mean "passed over". */
NBA_MUST_USE
enum nba_status nba_side_inputs_catalog(struct nba_side_inputs *inputs,
                                        const struct nba_record *record, struct nba_error *error);
NBA_MUST_USE
enum nba_status nba_side_inputs_control(struct nba_side_inputs *inputs,
                                        const struct nba_record *record, struct nba_error *error);
NBA_MUST_USE
enum nba_status nba_side_inputs_capacity(struct nba_side_inputs *inputs,
                                         const struct nba_record *record, struct nba_error *error);
/* How far a topic was read, also over gaps at its end. */
void nba_side_inputs_catalog_read(struct nba_side_inputs *inputs, int64_t next);
void nba_side_inputs_control_read(struct nba_side_inputs *inputs, int64_t next);
void nba_side_inputs_capacity_read(struct nba_side_inputs *inputs, int64_t next);
/* Whether all three were read as far as this. */
bool nba_side_inputs_reached(struct nba_side_inputs *inputs, int64_t catalog_next,
                             int64_t control_next, int64_t capacity_next);

/* Take a reference on what they are given; release NULL: none. */
void nba_side_inputs_set_policy(struct nba_side_inputs *inputs, struct nba_policy *policy);
void nba_side_inputs_set_release(struct nba_side_inputs *inputs, enum nba_role role,
                                 struct nba_release *release);

/* The side of the moment, with a reference for the caller.  A policy must have been set.  Cheap
 * when nothing changed.  NBA_E_NO_MEMORY, NBA_E_LIMIT. */
NBA_MUST_USE
enum nba_status nba_side_inputs_take(struct nba_side_inputs *inputs, struct nba_side **ret_side,
                                     struct nba_error *error);

#endif
