/*
 * The demo's market: the simulated world, its events in the log, and its answers to actions.
 *
 * The world speaks first for itself (the past, from which models are learned), then in rounds: the
 * events of a round go into the log, the engine decides on all of them, and only then the world
 * gets the actions that the round caused, partition by partition in their order.  So the events are
 * a function of seed and size, however fast the engine is.
 *
 * RESUMING.  After a crash the world is run again from its seed; what is in the log already is
 * passed over, and the actions of each round are told apart by the input offset that caused them.
 */
#ifndef NBA_APP_DEMO_MARKET_H
#define NBA_APP_DEMO_MARKET_H

#include "nba/app/sink.h"
#include "nba/app/workplace.h"
#include "nba/codec/decoder.h"
#include "nba/simulate/world.h"
#include "nba/stream/reader.h"

struct nba_demo_market;

struct nba_demo_market_options {
    struct nba_workplace *place;
    uint64_t events, seed;
    uint64_t past_events;  /* of the flow: without answers to actions */
    uint64_t round_events; /* of one round */
};

NBA_MUST_USE
enum nba_status nba_demo_market_open(const struct nba_demo_market_options *options,
                                     struct nba_demo_market **ret_market, struct nba_error *error);
void nba_demo_market_close(struct nba_demo_market *market);

/* Catalogue, profiles, consents and the past. */
NBA_MUST_USE
enum nba_status nba_demo_market_past(struct nba_demo_market *market, struct nba_error *error);
/* The next round's events; *ret_more false: there was none left. */
NBA_MUST_USE
enum nba_status nba_demo_market_round(struct nba_demo_market *market, bool *ret_more,
                                      struct nba_error *error);
/* The engine has decided on all events: the world gets what the last round caused. */
NBA_MUST_USE
enum nba_status nba_demo_market_answer(struct nba_demo_market *market, struct nba_error *error);

/* Events of the flow that are out. */
uint64_t nba_demo_market_events(const struct nba_demo_market *market);
/* First input offset of the first round in each partition: where the past ends. */
int64_t nba_demo_market_live_from(const struct nba_demo_market *market, int32_t partition);
struct nba_world *nba_demo_market_world(struct nba_demo_market *market);

#endif
