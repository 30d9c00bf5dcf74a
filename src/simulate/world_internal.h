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
    const char *id;
    const char *condition;
    const char *therapy;
    const char *keywords[3];
    uint32_t brand;
};

struct sim_market {
    const char *id, *language;
    const char *zones[4];
    uint32_t zone_count;
    bool asks_opt_in; /* for e-mail */
};

extern const struct sim_topic nba_sim_topics[TOPIC_COUNT];
extern const char *const nba_sim_specialties[SPECIALTY_COUNT];
/* Which topics a specialty cares for: 0 none, 3 most. */
extern const unsigned char nba_sim_interest[SPECIALTY_COUNT][TOPIC_COUNT];
extern const char *const nba_sim_brands[BRAND_COUNT];
extern const char *const nba_sim_stages[STAGE_COUNT];
extern const struct sim_market nba_sim_markets[MARKET_COUNT];

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

struct sim_pending {
    int64_t at_ms;
    uint64_t order;
    enum sim_step step;
    uint32_t hcp;
    uint32_t record; /* STEP_EVENT: index into the records; STEP_ACT: into the actions */
};

/* An event that waits to be said. */
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
    uint32_t next_free;
};

struct sim_action {
    char *action_id;
    uint64_t hash;
    uint32_t hcp, content;
    enum nba_channel channel;
    bool recalled;
    bool done;
};

struct nba_world {
    struct nba_world_options options;
    struct nba_rng rng;
    struct sim_content *contents;
    uint32_t content_count, series_count;
    float *peer; /* (CLUSTER_COUNT, content_count) */
    struct sim_hcp *hcps;
    unsigned char *seen; /* (hcps, (content_count + 7) / 8) */
    size_t seen_bytes;
    uint32_t rep_count;
    double *weights; /* scratch of a choice, (content_count) */

    struct sim_pending *heap;
    size_t heap_count, heap_capacity;
    uint64_t order;
    struct sim_record *records;
    size_t record_count;
    uint32_t free_record;
    struct sim_action *actions;
    size_t action_count, action_capacity;

    int64_t now_ms;
    uint64_t said; /* events */
    uint64_t serial;
    uint64_t message;
    bool failed; /* out of memory: the flow ends */
    struct nba_world_tally tally;
};

/* ---- chance (chance.c) ---- */
double nba_sim_uniform(struct nba_world *world);
/* Standard normal as the sum of twelve uniforms: the same bits everywhere. */
double nba_sim_normal(struct nba_world *world);
/* Exponential with this mean. */
double nba_sim_wait(struct nba_world *world, double mean);
bool nba_sim_happens(struct nba_world *world, double probability);
uint32_t nba_sim_below(struct nba_world *world, uint32_t bound);

/* ---- taste (taste.c) ---- */
bool nba_sim_has_seen(const struct nba_world *world, uint32_t hcp, uint32_t content);
void nba_sim_engage(struct nba_world *world, uint32_t hcp, uint32_t content);
void nba_sim_touch(struct nba_world *world, uint32_t hcp, int64_t at_ms);
/* Taste, peers, journey, quality less what was seen: what a choice among contents goes by. */
double nba_sim_utility(const struct nba_world *world, uint32_t hcp, uint32_t content);
bool nba_sim_is_available(const struct nba_world *world, uint32_t content);
/* A content drawn by exp(utility * sharpness); UINT32_MAX: none is available. */
uint32_t nba_sim_choose(struct nba_world *world, uint32_t hcp, double sharpness);
enum nba_channel nba_sim_choose_channel(struct nba_world *world, uint32_t hcp);

/* ---- queue (queue.c) ---- */
void nba_sim_push(struct nba_world *world, enum sim_step step, int64_t at_ms, uint32_t hcp,
                  uint32_t record);
bool nba_sim_pop(struct nba_world *world, struct sim_pending *ret_pending);
/* A record to fill, zeroed but for `none` marks; NULL without memory (world->failed). */
struct sim_record *nba_sim_record_new(struct nba_world *world, uint32_t *ret_index);
void nba_sim_record_free(struct nba_world *world, uint32_t index);

/* ---- flow (flow.c), reaction (reaction.c) ---- */
/* Plans an event of `hcp`, said at `event_ms` or later when it is one of the late ones. */
void nba_sim_say(struct nba_world *world, uint32_t hcp, enum nba_event_type type, int64_t event_ms,
                 uint32_t content, enum nba_channel channel);
/* The same with everything set by the caller; takes the record's place. */
void nba_sim_say_record(struct nba_world *world, const struct sim_record *record);
/* The touch is answered: engaged or not, opt-out, journey; returns whether it was engaged. */
bool nba_sim_answer(struct nba_world *world, uint32_t hcp, uint32_t content,
                    enum nba_channel channel, int64_t at_ms, unsigned by);
/* A visit, a push or an action, now. */
void nba_sim_step_taken(struct nba_world *world, const struct sim_pending *pending);
void nba_sim_act(struct nba_world *world, uint32_t index, int64_t at_ms);
void nba_sim_ignored(struct nba_world *world, uint32_t hcp, uint32_t content,
                     enum nba_channel channel, uint32_t action, int64_t at_ms);
void nba_sim_mail(struct nba_world *world, uint32_t hcp, uint32_t content, uint32_t action,
                  int64_t at_ms, unsigned by);

#endif
