/* The world's memory: one array a kind, indices in place of pointers. */
#ifndef NBA_SIMULATE_WORLD_INTERNAL_H
#define NBA_SIMULATE_WORLD_INTERNAL_H

#include "nba/base/buf.h"
#include "nba/base/random.h"
#include "nba/simulate/world.h"

#define TOPIC_COUNT     12u
#define SPECIALTY_COUNT 6u
#define CLUSTER_COUNT   16u
#define STAGE_COUNT     4u
#define BRAND_COUNT     4u
#define MARKET_COUNT    3u
#define TOUCHES_KEPT    8u
#define CHANNELS_LIKED  5u /* unknown, email, rep, web, event */

struct sim_topic {
    const char *id, *condition, *therapy;
    const char *first, *second, *third; /* keywords */
    uint32_t brand;
};

struct sim_market {
    const char *id, *language;
    uint32_t first_zone, zone_count; /* among nba_sim_zones */
    bool asks_opt_in;                /* for e-mail */
};

extern const struct sim_topic nba_sim_topics[TOPIC_COUNT];
extern const char *const nba_sim_specialties[SPECIALTY_COUNT];
/* Which topics a specialty cares for: 0 none, 3 most. */
extern const unsigned char nba_sim_interest[SPECIALTY_COUNT][TOPIC_COUNT];
extern const char *const nba_sim_brands[BRAND_COUNT];
extern const char *const nba_sim_stages[STAGE_COUNT];
extern const struct sim_market nba_sim_markets[MARKET_COUNT];
extern const char *const nba_sim_zones[];

/* Title and abstract of a content, put together from the topic's words. */
struct nba_str nba_sim_title(uint32_t topic, uint32_t stage, uint32_t variant,
                             struct nba_arena *arena);
struct nba_str nba_sim_abstract(uint32_t topic, uint32_t stage, uint32_t variant,
                                struct nba_arena *arena);

struct sim_content {
    uint32_t topic;
    uint32_t series;
    uint32_t stage;
    float quality;
    int64_t from_ms; /* NBA_TIME_NONE: from the beginning */
    enum nba_approval approval;
};

struct sim_hcp {
    uint32_t specialty, second_specialty; /* UINT32_MAX: none */
    uint32_t cluster;
    uint32_t market;
    uint32_t zone;
    uint32_t rep;
    float taste[TOPIC_COUNT];
    float channel[CHANNELS_LIKED];
    float rate; /* own engagements a day */
    bool gateway;
    bool opted_out[CHANNELS_LIKED];
    uint32_t last_content;          /* UINT32_MAX: none yet */
    int64_t touch_ms[TOUCHES_KEPT]; /* ring of the last ones */
    uint32_t touch_at;
};

/* What is still to happen. */
enum sim_step {
    STEP_VISIT, /* an HCP turns to the portal, an event or a rep by itself */
    STEP_PUSH,  /* the company's own marketing */
    STEP_EVENT, /* one event, ready to be said */
    STEP_ACT,   /* an action of ours is carried out */
};

/* An event to be said; of the other steps, whom and what they are about. */
struct sim_record {
    int64_t event_ms;
    enum nba_event_type type;
    enum nba_channel channel;
    enum nba_bot bot;
    enum nba_consent_status status;
    uint32_t hcp;
    uint32_t content; /* UINT32_MAX: none */
    uint32_t action;  /* index into the actions, UINT32_MAX: none */
    uint64_t message; /* 0: none */
    uint64_t serial;  /* makes the event id */
    float dwell_s;
};

struct sim_pending {
    int64_t at_ms;
    uint64_t order;
    enum sim_step step;
    struct sim_record record;
};

struct sim_action {
    struct nba_str action_id;
    bool recalled;
    bool done;
};

struct nba_world {
    struct nba_world_options options;
    struct nba_rng rng;
    struct nba_arena arena; /* of the actions' ids */
    struct sim_content *contents;
    uint32_t content_count;
    float *peer; /* (CLUSTER_COUNT, content_count) */
    struct sim_hcp *hcps;
    unsigned char *seen; /* (hcps, (content_count + 7) / 8) */
    size_t seen_bytes;
    uint32_t rep_count;
    double *weights; /* scratch of a choice, (content_count) */

    struct sim_pending *heap;
    size_t heap_count, heap_capacity;
    uint64_t order;
    struct sim_action *actions;
    size_t action_count, action_capacity;

    int64_t now_ms;
    uint64_t said; /* events */
    uint64_t serial;
    uint64_t message;
    struct nba_world_tally tally;
};

/* ---- chance and taste (taste.c) ---- */
/* Standard normal as the sum of twelve uniforms: the same bits everywhere. */
double nba_sim_normal(struct nba_world *world);
/* Exponential with this mean. */
double nba_sim_wait(struct nba_world *world, double mean);
bool nba_sim_happens(struct nba_world *world, double probability);
uint32_t nba_sim_below(struct nba_world *world, uint32_t bound);
void nba_sim_engage(struct nba_world *world, uint32_t hcp, uint32_t content);
void nba_sim_touch(struct nba_world *world, uint32_t hcp, int64_t at_ms);
bool nba_sim_is_available(const struct nba_world *world, uint32_t content);
/* A content drawn by how much the HCP likes it; UINT32_MAX: none is available. */
uint32_t nba_sim_choose(struct nba_world *world, uint32_t hcp);
enum nba_channel nba_sim_choose_channel(struct nba_world *world, uint32_t hcp);

/* ---- what happens (flow.c) ---- */
/* Plans a visit or a push so long after `from_ms`. */
void nba_sim_plan(struct nba_world *world, enum sim_step step, uint32_t hcp, int64_t from_ms,
                  double days);
bool nba_sim_pop(struct nba_world *world, struct sim_pending *ret_pending);
/* A visit, a push or an action, now. */
void nba_sim_step_taken(struct nba_world *world, const struct sim_pending *pending);

#endif
