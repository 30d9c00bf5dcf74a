/* A run: what the parent, the process that drives the engine and the judge share. */
#ifndef NBA_SCENARIO_RUN_INTERNAL_H
#define NBA_SCENARIO_RUN_INTERNAL_H

#include "nba/engine/engine.h"
#include "scenario_internal.h"

#define PATH_BYTES_MAX 4096u

/* Output topics whose ends are noted after each step. */
enum out_topic { OUT_ACTION, OUT_SLATE, OUT_DECISION, OUT_DEADLETTER, OUT_COUNT };

/* Crash steps right behind each other. */
#define CRASHES_MAX 16u

struct state_note {
    uint32_t keys;  /* of the HCP after the step */
    uint32_t bytes; /* of its record; 0: there is none */
    unsigned char record[NBA_HCP_BYTES_MAX];
    uint32_t bytes_before;
    unsigned char record_before[NBA_HCP_BYTES_MAX];
};

/* In memory that outlives a killed process: how far the run has come, and what was seen. */
struct progress {
    bool begun;                   /* topics made, world given */
    uint32_t at;                  /* steps done */
    bool noted;                   /* `high` stands before step `at` */
    uint32_t points[CRASHES_MAX]; /* armed for the next step: one death after the other */
    uint32_t point_count;
    bool idle;     /* about to die between two steps */
    bool at_start; /* the point is passed when the process starts again */
    struct nba_error error;
    int64_t high[NBA_PARTITIONS_MAX]; /* of the input */
    int64_t side_high;                /* of catalogue or control */
    char state_hash[NBA_SHA256_TEXT_BYTES];
    size_t end_count;
    int64_t *ends; /* [steps + 1][OUT_COUNT][partitions] */
    struct state_note *notes;
};

/* How the process that drives the engine ended; beside these, by SIGKILL. */
enum drive_end {
    DRIVE_PASSED = 10,
    DRIVE_FAILED = 11,
    DRIVE_ERROR = 12, /* progress->error */
};

struct run {
    const struct nba_scenario_options *options;
    const struct nba_scenarios *file;
    const struct scenario *scenario;
    struct progress *progress;
    const uint32_t *points;     /* by step: which point of its list */
    const uint32_t *everywhere; /* NULL, or the point armed for every step, reached or not */
    uint32_t crash_end;         /* of the steps in which it is */
    uint32_t deaths;            /* so far */
    bool judged;                /* else only what came out is written down */
    char folder[PATH_BYTES_MAX];
    const char *same_as; /* folder of the other one's run; NULL: none */

    struct nba_config config;
    struct nba_stream *stream;
    struct nba_engine *engine;
    struct nba_metrics *metrics;
    struct nba_producer *producer;
    struct nba_buf value;
    struct nba_buf report;
};

const char *nba_crash_point_name(uint32_t point);
static inline int64_t *progress_end(const struct run *run, uint32_t step, enum out_topic topic)
{
    const size_t partitions = (size_t)run->scenario->partition_count;
    return run->progress->ends + ((size_t)step * OUT_COUNT + topic) * partitions;
}

/* drive.c: never returns. */
_Noreturn void nba_drive(struct run *run);

/* collect.c: calls `take` with every record of a topic, partition by partition; the records live
 * until the stream is closed. */
NBA_MUST_USE
enum nba_status nba_collect_topic(struct nba_stream *stream, const char *topic,
                                  enum nba_status (*take)(void *context,
                                                          const struct nba_record *record,
                                                          struct nba_error *error),
                                  void *context, struct nba_error *error);
/* Everything put out, as lines "topic ce_source ce_id sha256", sorted, each once; state hash. */
NBA_MUST_USE
enum nba_status nba_collect_outputs(struct run *run, struct nba_buf *lines,
                                    struct nba_error *error);
/* Replays the log into an empty store; differences go to the report. */
NBA_MUST_USE
enum nba_status nba_collect_replay(struct run *run, bool *ret_same, struct nba_error *error);

/* Compares the outputs of two runs that are written down. */
NBA_MUST_USE
enum nba_status nba_collect_same(struct run *run, bool *ret_same, struct nba_error *error);

/* judge.c: everything in `then`; what differs goes to the report. */
NBA_MUST_USE
enum nba_status nba_judge(struct run *run, bool *ret_passed, struct nba_error *error);

#endif
