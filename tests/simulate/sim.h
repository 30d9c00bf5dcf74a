/*
 * The simulator of faults: whole instances of the engine on one embedded log in one process, moved
 * one turn at a time by a scheduler with a seed.  The same seed gives the same run.
 *
 * WHAT TAKES THE PLACE OF WHAT.  Nothing of the engine is written anew; the linker's --wrap puts
 * the functions of sim_seam.c in front of a few (CMakeLists.txt names them):
 *   threads        none is started: the scheduler calls nba_worker_turn; a thread's function runs
 *                  when it is joined, and ends at once, since its instance is stopping then
 *   waiting        the simulated clock moves on instead, and the log's keeper has its round
 *   kill points    the scheduler may let the instance die there, or let others run first
 *
 * DEATH.  A dead instance's calls to log and store answer NBA_E_INTERRUPTED and do nothing, until
 * it has unwound: what it had in memory is gone, what it had said stays.  Its open transaction
 * stays open until the same name comes back or the log's time-out drops it.
 *
 * FAULTS, each with a count in the summary: see FAULT_MAP.
 *
 * CHECKED at the end of each seed: every input offset has one decision or dead letter; the state of
 * an instance that has all partitions, and that of one that had nothing but the changelog, is that
 * of a single-threaded replay; so are all bytes that were said; and it came to an end.
 */
#ifndef NBA_TESTS_SIMULATE_SIM_H
#define NBA_TESTS_SIMULATE_SIM_H

#include "nba/base/clock.h"
#include "nba/base/random.h"
#include "nba/codec/schema_registry.h"
#include "nba/config/config.h"
#include "nba/stream/stream.h"
#include "worker_internal.h"

#define SLOTS      3
#define PATH_BYTES 512

#define FAULT_MAP(X)                                    \
    X(CRASH, "instances died")                          \
    X(CRASH_ALL, "the process died, the log too")       \
    X(STOP, "instances stopped cleanly")                \
    X(TWIN, "second instances of a name")               \
    X(INTERLEAVED, "stood still while others ran")      \
    X(ABORTABLE, "calls answered: abort")               \
    X(MEMBERSHIP, "calls answered: the group moved on") \
    X(UNKNOWN_LOST, "unknown outcomes, not landed")     \
    X(UNKNOWN_LANDED, "unknown outcomes, landed")       \
    X(INIT_FATAL, "new producers were no use")          \
    X(WRITE_FAILED, "writes of the store failed")       \
    X(OPEN_FAILED, "failed stores didn't open at once") \
    X(WRITE_SLOW, "writes of the store were slow")      \
    X(AGAIN, "records were delivered again")            \
    X(AWAY, "polls answered: no broker")                \
    X(CLOCK, "clock jumps")                             \
    X(STATE_LOST, "state folders were lost")            \
    X(STATE_OLD, "state folders were older ones")       \
    X(COMPACTED, "compactions of the changelog")

enum fault {
#define NBA_X(name, text) FAULT_##name,
    FAULT_MAP(NBA_X)
#undef NBA_X
        FAULT_COUNT
};

/* One instance, or the place for one: a state folder that outlives it. */
struct slot {
    unsigned number;
    char name[8];
    char dir[PATH_BYTES];
    bool has_backup;
    struct nba_config config;
    struct nba_engine *engine;     /* NULL: not running */
    bool dead;                     /* to be taken down; its calls do nothing */
    enum nba_status store_failure; /* NBA_OK: its store is well */
    bool busy;                     /* on the stack */
};

struct sim {
    uint64_t seed;
    struct nba_rng rng;
    struct nba_clock clock;
    int64_t wall_ms, monotonic_us;
    char dir[PATH_BYTES];
    const struct nba_schemas *schemas;
    struct nba_stream *stream;
    struct slot slots[SLOTS];
    struct slot *acting; /* whose code runs; NULL: the scheduler's */
    unsigned depth;
    unsigned faults_left;
    int32_t partitions;
    bool verbose;
    char failure[1024]; /* "": none so far */
};

extern struct sim sim;
extern uint64_t sim_counts[FAULT_COUNT];

/* ---- sim_run.c ---- */

/* What went wrong; the first one is kept. */
NBA_PRINTF(1, 2)
void sim_fail(const char *format, ...);
NBA_PRINTF(1, 2)
void sim_say(const char *format, ...);
/* True, counted and said, one time in `one_in` while there are faults left. */
bool sim_strikes(enum fault fault, unsigned one_in);
/* Others have some turns, or start. */
void sim_let_others_run(struct slot *slot);
void sim_jump_clock(void);
/* One seed from its beginning to the checks; false: sim.failure says why. */
bool sim_run(uint64_t seed);

/* ---- sim_seam.c ---- */

/* Moves both clocks; the log's keeper has its round. */
void sim_pass_time(int64_t us);
void sim_install_faults(struct nba_stream *stream);

/* ---- sim_input.c ---- */

/* Contents of the catalogue; then events `from`..`to`-1 of the seed. */
void sim_produce_catalog(void);
void sim_produce_events(unsigned from, unsigned to);

/* ---- sim_check.c ---- */

/* Whether the group has committed everything there is. */
bool sim_is_drained(void);
void sim_check_ledger(void);
/* Against a replay: all that was said, and the state hash of the instance in `slot`. */
void sim_check_replay(const char *live_hash, const char *rebuilt_hash);

#endif
