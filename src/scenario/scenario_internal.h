/* One scenario as it was read; what reader, driver and judge share. */
#ifndef NBA_SCENARIO_SCENARIO_INTERNAL_H
#define NBA_SCENARIO_SCENARIO_INTERNAL_H

#include "fields.h"
#include "nba/base/kill_point.h"
#include "nba/event/event.h"
#include "nba/event/message.h"
#include "nba/event/reference.h"
#include "nba/scenario/scenario.h"

/* Kill points, and `idle`: between the steps. */
#define CRASH_IDLE NBA_KILL_POINT_COUNT

enum step_kind { STEP_EVENT, STEP_CLOCK, STEP_CATALOG, STEP_CONTROL, STEP_POLICY, STEP_CRASH };

struct step {
    enum step_kind kind;
    bool history;
    struct nba_str label;             /* empty: none */
    const struct nba_yaml_node *node; /* the step's map */
    int64_t time_ms;                  /* event, clock */
    struct nba_event event;
    struct nba_reference reference; /* catalog: the record as it is from now on */
    struct nba_control control;
    struct nba_str policy;    /* the file's text, laid over */
    struct nba_str rejection; /* policy: what the loader says; empty: it is taken */
    uint32_t points[NBA_KILL_POINT_COUNT + 1];
    uint32_t point_count;
};

/* What is said of an HCP's stored record. */
struct state_item {
    const struct nba_yaml_node *node;
    uint32_t step; /* of the scenario */
    struct nba_str hcp_id;
};

struct item {
    uint32_t step;
    const struct nba_yaml_node *node;
};

struct scenario {
    struct nba_str name;
    const struct nba_yaml_node *root;
    /* Present values, after `like`; NULL: none. */
    const struct nba_yaml_node *policy, *policy_override, *when, *then;
    const struct nba_yaml_node *partitions, *profiles, *contents, *reps, *scores, *history;
    const struct scenario *same_as;
    bool replay;

    int32_t partition_count;
    struct nba_str policy_text;
    struct nba_str policy_refused; /* what the loader says; empty: it is taken */
    struct nba_event *profile_events;
    uint32_t profile_count;
    struct nba_reference *references; /* contents, then reps */
    uint32_t reference_count;
    struct step *steps; /* history, then when */
    uint32_t step_count;
    struct item *items;
    uint32_t item_count;
    struct state_item *states;
    uint32_t state_count;
    uint32_t run_count; /* one for each combination of kill points */
};

struct nba_scenarios {
    char *path;
    struct nba_arena arena;
    struct nba_yaml **trees; /* one a document, and those of policies */
    size_t tree_count, tree_capacity;
    struct scenario **items; /* in the arena */
    size_t count, capacity;
};

/* ---- reader.c, read_given.c, read_then.c, policy_text.c ---- */

/* A key of the map as text, time...; NULL when absent or null. */
const struct nba_yaml_node *nba_scenario_get(const struct nba_yaml_node *map, const char *key);

NBA_MUST_USE
enum nba_status nba_scenario_read_event(const struct nba_yaml_node *map,
                                        struct nba_event *ret_event, struct nba_arena *arena,
                                        struct nba_error *error);
NBA_MUST_USE
enum nba_status nba_scenario_read_profiles(struct scenario *scenario, int64_t time_ms,
                                           struct nba_arena *arena, struct nba_error *error);
/* The record of one id: `layers` are maps, the later over the earlier. */
NBA_MUST_USE
enum nba_status nba_scenario_read_reference(const struct nba_yaml_node *const *layers, size_t count,
                                            struct nba_reference *ret_reference,
                                            struct nba_arena *arena, struct nba_error *error);
/* "content_id", "campaign_id" or "rep_id", and its value. */
NBA_MUST_USE
enum nba_status nba_scenario_reference_id(const struct nba_yaml_node *map,
                                          const struct nba_yaml_node **ret_id,
                                          struct nba_error *error);
NBA_MUST_USE
enum nba_status nba_scenario_read_control(const struct nba_yaml_node *map, struct nba_control *ret,
                                          struct nba_arena *arena, struct nba_error *error);
NBA_MUST_USE
enum nba_status nba_scenario_read_then(struct scenario *scenario, struct nba_arena *arena,
                                       struct nba_error *error);

/*
 * The policy as one file: `policy` (a path from the scenario's folder, or a map), with up to two
 * maps laid over.  A path without anything over it keeps its bytes.
 */
NBA_MUST_USE
enum nba_status nba_scenario_policy_text(struct nba_scenarios *file,
                                         const struct scenario *scenario,
                                         const struct nba_yaml_node *over, struct nba_str *ret_text,
                                         struct nba_error *ret_refused, struct nba_error *error);

/* The lists of a `then` item, and how their fields are called. */
enum list_kind { LIST_PROPOSED, LIST_RECALLED, LIST_HELD, LIST_DROPPED, LIST_SUPPRESSED };
#define LIST_COUNT 5u
extern const char *const nba_scenario_list_names[LIST_COUNT];
struct fields_form nba_scenario_list_form(enum list_kind kind);
struct fields_form nba_scenario_record_form(void);

#endif
