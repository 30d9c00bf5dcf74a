/*
 * Scenario files: policy tests that people write, run against the engine itself.
 *
 * A file holds YAML documents, each one scenario: a small world (profiles, contents, reps, a table
 * of scores), steps (events, ticks of the clock, changes of catalogue, control and policy,
 * crashes), and what must have come out after each step.  docs/SCENARIOS.md is the format.
 *
 * A RUN has an embedded log, a store and an engine of its own, as `nba run` has them, in a process
 * of its own: that is how a crash in a scenario is a real one.  Steps go in one at a time; the
 * engine is let work until nothing is left to do.  What came out is then read from the log and
 * judged.
 *
 * READING checks everything before anything runs: keys, words, times, labels, the policy with all
 * that is laid over it.  NBA_E_CONFIG with file:line:column.
 *
 * THREADS.  One; a run forks, so the caller must not have threads (RocksDB and librdkafka make
 * some).
 */
#ifndef NBA_SCENARIO_SCENARIO_H
#define NBA_SCENARIO_SCENARIO_H

#include <stdbool.h>
#include <stddef.h>

#include "nba/base/buf.h"
#include "nba/codec/schema_registry.h"
#include "nba/config/config.h"
#include "nba/stream/stream.h"

struct nba_scenarios;

NBA_MUST_USE
enum nba_status nba_scenarios_load(const char *path, struct nba_scenarios **ret_scenarios,
                                   struct nba_error *error);
void nba_scenarios_destroy(struct nba_scenarios *scenarios); /* NULL is fine */

size_t nba_scenarios_count(const struct nba_scenarios *scenarios);
struct nba_str nba_scenarios_name(const struct nba_scenarios *scenarios, size_t index);

enum nba_scenario_verdict { NBA_SCENARIO_PASSED, NBA_SCENARIO_FAILED, NBA_SCENARIO_SKIPPED };

/* Everything must outlive the run. */
struct nba_scenario_options {
    const struct nba_schemas *schemas;
    /* Makes the topics that `config` names, as `nba topics create` does. */
    enum nba_status (*create_topics)(const struct nba_config *config, struct nba_stream *stream,
                                     struct nba_error *error);
    const char *folder; /* scratch: log, state, policy of each run; emptied */
    bool verbose;       /* tell what came out also where it is as expected */
    bool crash;         /* and again for each kill point, dying there in every step: same outputs */
};

/* Runs one scenario, and the one it must be the same as; what there is to say is appended to
 * `report`.  Errors are those of the machine: NBA_E_IO, NBA_E_NO_MEMORY. */
NBA_MUST_USE
enum nba_status nba_scenarios_run(const struct nba_scenarios *scenarios, size_t index,
                                  const struct nba_scenario_options *options,
                                  enum nba_scenario_verdict *ret_verdict, struct nba_buf *report,
                                  struct nba_error *error);

#endif
