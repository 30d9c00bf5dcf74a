/*
 * The demo's market: the simulated world, its events in the log, and its answers to actions.
 *
 * The world speaks first for itself (the past, from which models are learned), then in rounds: the
 * events of a round go into the log, the engine decides on all of them, and only then the world
 * gets the actions that the round caused, partition by partition in their order.  So the events are
 * a function of seed and size, however fast the engine is.
 *
 * RESUMING.  After a crash the world is run again from its seed; what is in the log already is
 * passed over, and the actions of each round are told apart by the input offset that caused them;
 * those that a timer or a rep's task caused, by their time: it came when the clock of the HCP's
 * partition did.  With rep capacity the order of requests counts too, and no two runs are the same.
 */
#ifndef NBA_APP_DEMO_MARKET_H
#define NBA_APP_DEMO_MARKET_H

#include "nba/app/sink.h"
#include "nba/simulate/world.h"

/* One partition of the input and of the action topic. */
struct nba_demo_lane {
    int64_t *offsets; /* of the input's records, in their order */
    size_t count, capacity;
    int64_t input_position;
    size_t emitted;    /* of the world's events, those in this partition */
    int64_t live_from; /* first offset that isn't the past's */
    int64_t clock_ms;  /* the latest time of what was emitted, and what it was at the past's end */
    int64_t past_ms;
    int64_t action_position;
};

struct nba_demo_market {
    struct nba_workplace *place;
    struct nba_world *world;
    struct nba_sink sink;
    struct nba_demo_lane *lanes;
    int32_t lane_count;
    uint64_t flow; /* events of the flow that are out */
};

/* *market may be closed whatever comes back. */
NBA_MUST_USE
enum nba_status nba_demo_market_open(struct nba_workplace *place, uint64_t events, uint64_t seed,
                                     struct nba_demo_market *ret_market, struct nba_error *error);
void nba_demo_market_close(struct nba_demo_market *market);

/* Catalogue, profiles, consents and the first `events` of the flow, without answers to actions. */
NBA_MUST_USE
enum nba_status nba_demo_market_past(struct nba_demo_market *market, uint64_t events,
                                     struct nba_error *error);
/* The next round's events; *ret_more false: there was none left. */
NBA_MUST_USE
enum nba_status nba_demo_market_round(struct nba_demo_market *market, uint64_t events,
                                      bool *ret_more, struct nba_error *error);
/* The engine has decided on all events: the world gets what the last round caused. */
NBA_MUST_USE
enum nba_status nba_demo_market_answer(struct nba_demo_market *market, struct nba_error *error);

/* The offset of the input record that caused an output, from its header src; -1: a timer or another
 * task did. */
int64_t nba_demo_cause(const struct nba_demo_market *market, const struct nba_record *record);

/* Appends what the demo shows at its end, read back from the log: how well the engine foresaw, some
 * HCPs' stories, the control group.  Each live positive engagement is looked up in the ten contents
 * that the HCP's last decision before it ranked highest, by each model: nothing is judged that the
 * model had seen. */
NBA_MUST_USE
enum nba_status nba_demo_summary(struct nba_demo_market *market, struct nba_error *error);

#endif
