/* What a run has put out, decoded and put to its steps. */
#ifndef NBA_SCENARIO_OUTPUTS_H
#define NBA_SCENARIO_OUTPUTS_H

#include "nba/codec/decoder.h"
#include "run_internal.h"

struct out_place {
    int32_t partition;
    int64_t offset;
    uint32_t step;      /* of the scenario; those of the world it is given come at none */
    struct nba_str src; /* header */
};

struct out_action {
    struct out_place place;
    struct nba_action action; /* time_ms = ce_time */
    bool repeated;            /* the same message stood before */
};

struct out_decision {
    struct out_place place;
    struct nba_decision decision;
};

/* A tombstone of a slate, or a dead letter. */
struct out_note {
    struct out_place place;
    struct nba_str key, reason;
};

struct outputs {
    struct run *run;
    struct nba_decoder *decoder;
    struct nba_arena arena;
    struct out_action *actions; /* in the order of partitions and offsets */
    size_t action_count, action_capacity;
    struct out_decision *decisions; /* by step, time, partition, offset */
    size_t decision_count, decision_capacity;
    struct out_note *tombstones, *deadletters;
    size_t tombstone_count, tombstone_capacity, deadletter_count, deadletter_capacity;
};

#define STEP_NONE UINT32_MAX

NBA_MUST_USE
enum nba_status nba_outputs_read(struct run *run, struct outputs *ret_outputs,
                                 struct nba_error *error);

/* Lists of a step, narrowed to one record where `decision` isn't empty; pointers into the outputs,
 * or made for the list. */
struct out_list {
    const void **items; /* struct nba_action or struct nba_suppressed */
    size_t count;
};
struct out_list nba_outputs_list(struct outputs *outputs, enum list_kind kind, uint32_t step,
                                 struct nba_str decision);
/* The step's record; NULL: there is none. */
const struct out_decision *nba_outputs_record(const struct outputs *outputs, uint32_t step,
                                              struct nba_str decision);

#endif
