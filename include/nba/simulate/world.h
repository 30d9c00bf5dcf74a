/*
 * A simulated market: HCPs with tastes, contents, reps, and what happens between them.
 *
 * It makes a log to learn from and answers to the actions it gets, and it knows the truth, so that
 * what a policy is worth can be measured.  Equal options give equal events, on every machine.
 *
 * WHAT IS IN IT
 *   taste      each specialty likes some topics; each HCP has an own share on top
 *   peers      hidden groups of HCPs like the same contents, whatever their topic
 *   journey    contents come in series of four stages (awareness, evidence, dosing, support); who
 *              engaged with one stage is drawn to the next one of the same series
 *   channel    each HCP has an own liking for e-mail, rep, web and events
 *   fatigue    each touch of the last seven days makes the next one less welcome
 *   consent    opt-outs grow with fatigue; some come back; some markets ask for an opt-in first
 *   noise      mail gateways that open and click as machines, events that are sent twice, that come
 *              hours late, or days late
 *   company    a quarter of its own pushes goes to anyone, the rest to those with the right
 *              specialty
 *
 * PROBABILITY that a touch is engaged with: sigmoid(taste + peers + journey + channel + quality -
 * fatigue - seen - 1.6), see nba_world_probability.
 *
 * TIME.  Events come in the order in which the log gets them; event times are earlier for late
 * ones.
 * OWNERSHIP.  Texts of events and references live in the world or in the arena handed in.
 * THREADS.  One.
 */
#ifndef NBA_SIMULATE_WORLD_H
#define NBA_SIMULATE_WORLD_H

#include <stdbool.h>
#include <stdint.h>

#include "nba/base/arena.h"
#include "nba/event/event.h"
#include "nba/event/message.h"
#include "nba/event/reference.h"

#define NBA_WORLD_HCPS_MAX 2000000u

struct nba_world_options {
    uint64_t seed;
    uint32_t hcps;
    uint32_t contents; /* rounded up to whole series of four */
    uint32_t reps;     /* 0: one for 100 HCPs */
    uint64_t events;   /* the flow ends after so many */
    int64_t start_ms;  /* NBA_TIME_NONE: 2026-01-05T06:00:00Z */
    double days;       /* that the events should take; 0: 120 */
    double bot_share;  /* of HCPs behind a mail gateway that clicks */
    double duplicate_share;
    double late_share;
};

/* Sizes for about `events` events: what `nba generate` and the demo start from. */
struct nba_world_options nba_world_options_for(uint64_t events, uint64_t seed);

struct nba_world;

struct nba_world *nba_world_create(const struct nba_world_options *options);
void nba_world_destroy(struct nba_world *world);

/* Catalogue records, in a fixed order.  The reference lives until the next call with this arena
 * reset. */
uint32_t nba_world_reference_count(const struct nba_world *world);
void nba_world_reference(const struct nba_world *world, uint32_t index, struct nba_arena *arena,
                         struct nba_reference *ret_reference);

/* What is known of an HCP before the flow: its profile, then its consents; `index` counts both over
 * all HCPs.  They have event times before the first event. */
uint64_t nba_world_fact_count(const struct nba_world *world);
void nba_world_fact(const struct nba_world *world, uint64_t index, struct nba_arena *arena,
                    struct nba_event *ret_event);

/* The next event of the flow; false when `options.events` have come. */
bool nba_world_next(struct nba_world *world, struct nba_arena *arena, struct nba_event *ret_event);
/* The flow's clock: no event that is still to come is logged before it. */
int64_t nba_world_now_ms(const struct nba_world *world);

/* The world gets an action (proposed or recalled): an e-mail is sent and perhaps opened, a rep
 * calls or dismisses, a portal shows.  What follows comes with later events.  Unknown HCPs and
 * contents are passed over; false then. */
bool nba_world_react(struct nba_world *world, const struct nba_action *action);

/* The truth.  Probability that this HCP engages with this content on this channel now. */
double nba_world_probability(const struct nba_world *world, uint32_t hcp, uint32_t content,
                             enum nba_channel channel);
/* "hcp-00017" and "CT-0042" as indices; UINT32_MAX when unknown. */
uint32_t nba_world_hcp_count(const struct nba_world *world);
uint32_t nba_world_hcp_of(const struct nba_world *world, struct nba_str hcp_id);
uint32_t nba_world_content_of(const struct nba_world *world, struct nba_str content_id);

struct nba_world_tally {
    uint64_t touches[2]; /* by who chose them: 0 the company's own pushes, 1 actions */
    uint64_t engaged[2];
    double expected[2]; /* sums of the true probabilities */
};
struct nba_world_tally nba_world_tally(const struct nba_world *world);

#endif
