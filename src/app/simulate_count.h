/*
 * What a policy would have done: counts of the actions and decisions of a replay that it governs.
 *
 * One count has a dimension (channel, brand, week...) and a word in it.  Partitions are counted
 * apart, by one thread at a time each, and added up in their order: sums of values have the same
 * bits for every number of threads.
 */
#ifndef NBA_APP_SIMULATE_COUNT_H
#define NBA_APP_SIMULATE_COUNT_H

#include "nba/base/hash_index.h"
#include "nba/engine/pipeline.h"

/* Dimensions: constant, word, heading, what is counted. */
#define NBA_SIMULATED_MAP(X)                                                            \
    X(TOTAL, "total", "In all", "")                                                     \
    X(DIFFERENCE, "difference", "Decisions that both made, or B alone", "decisions")    \
    X(STAGE, "stage", "Stopped, by stage", "candidates")                                \
    X(REASON, "reason", "Stopped, by reason", "candidates")                             \
    X(RULE, "rule", "Pressure: what stopped the best", "explained candidates, by rule") \
    X(CHANNEL, "channel", "Planned volume by channel", "actions")                       \
    X(BRAND, "brand", "Planned volume by brand", "actions")                             \
    X(SEGMENT, "segment", "Planned volume by specialty", "actions")                     \
    X(WEEK, "week", "Planned volume by week (its Monday)", "actions")                   \
    X(CONTENT, "content", "Planned volume by content", "actions")

enum nba_simulated {
#define NBA_X(constant, word, heading, unit) NBA_SIMULATED_##constant,
    NBA_SIMULATED_MAP(NBA_X)
#undef NBA_X
        NBA_SIMULATED_COUNT
};

struct nba_simulated_count {
    enum nba_simulated dimension;
    char *word;
    double count;
};

/* A rep's actions are published in the rep's partition, which may be another than the HCP's. */
struct nba_simulated_hcp {
    uint64_t hash;
    bool decided, acted;
};

struct nba_simulated_part {
    double reasons[NBA_REASON_NUMBER_MAX + 1]; /* candidates stopped; in words at the end */
    struct nba_hash_index index;               /* of counts */
    struct nba_simulated_count *counts;
    size_t count_capacity;
    struct nba_hash_index hcp_index; /* of hcps */
    struct nba_simulated_hcp *hcps;
    size_t hcp_capacity;
    struct nba_hash_index decisions; /* by id; */
    uint64_t *slates;                /* and what was selected, as a hash */
    size_t decision_capacity;
};

struct nba_simulation {
    struct nba_simulated_part *parts; /* (NBA_PARTITIONS_MAX) */
    const struct nba_simulation
        *other; /* NULL, or the run whose decisions are compared with ours */
    struct nba_listener listener;
};

/* `other` must be run before. */
void nba_simulation_init(struct nba_simulation *simulation, const struct nba_simulation *other);
void nba_simulation_clear(struct nba_simulation *simulation);

/* One line of what came out: a word's count under each policy. */
struct nba_simulated_row {
    enum nba_simulated dimension;
    const char *word;
    double counts[2];
};

/* The rows of one run or two, by dimension, then totals in their order and the rest by word.  The
 * caller frees *ret_rows; words live as long as the runs. */
void nba_simulation_rows(struct nba_simulation *runs, size_t run_count,
                         struct nba_simulated_row **ret_rows, size_t *ret_count);

#endif
