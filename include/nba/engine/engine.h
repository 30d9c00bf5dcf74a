/*
 * The engine: one instance of `nba run`.  N workers over one state store, one holder of side
 * inputs, one thread that follows them.
 *
 * A WORKER owns a member of the consumer group, two transactional producers used in turn, a
 * pipeline, and the tasks of its partitions (src/engine/worker.c is the transaction).  THE FOLLOWER
 * reads catalogue and control topics to their ends before any worker starts, then goes on reading,
 * and looks for a changed policy file or champion; what it finds is adopted at the next
 * transaction.  A policy or release that can't be loaded is reported once and the one in force
 * stays; at the start, where none is, the former champion serves.
 *
 * READY means: every worker is a member of the group and all its tasks are restored.
 *
 * FILES.  <state.dir>/store is the RocksDB, <state.dir>/policies/<hash>.yaml keeps every policy
 * that was in force: what the journal names by hash can be replayed.
 *
 * THREADS.  create, start, stop, destroy by one thread; the others by any.
 */
#ifndef NBA_ENGINE_ENGINE_H
#define NBA_ENGINE_ENGINE_H

#include "nba/base/clock.h"
#include "nba/codec/schema_registry.h"
#include "nba/config/config.h"
#include "nba/metrics/metrics.h"
#include "nba/state/store.h"
#include "nba/stream/stream.h"

struct nba_engine;

/* How long `nba topics create` lets the changelog keep tombstones.  A local state that was last
 * written more than half of it ago is rebuilt whole: a missed tombstone would bring a deleted HCP
 * back. */
#define NBA_CHANGELOG_DELETE_RETENTION_MS (INT64_C(7) * 24 * 3600 * 1000)

/* A file of this name in the state folder asks a running instance for a backup: it holds the path
 * of a new folder, which gets a checkpoint of the store.  The instance renames it at once, and
 * removes it when that is done or failed; one that is found at start is removed. */
#define NBA_ENGINE_BACKUP_REQUEST "backup.request"
#define NBA_ENGINE_BACKUP_TAKEN   "backup.request.taken"
/* In the state folder: which records the engine crashed at. */
#define NBA_ENGINE_CRASH_FILE "crashes"

/* A part of the input, by partition. */
struct nba_engine_range {
    int64_t from[NBA_PARTITIONS_MAX];  /* where a task without state begins; -1: its first record */
    int64_t until[NBA_PARTITIONS_MAX]; /* what stands here and beyond is left; INT64_MAX: nothing */
};

/* Everything must outlive the engine. */
struct nba_engine_options {
    const struct nba_config *config;
    const struct nba_schemas *schemas;
    struct nba_stream *stream;
    const struct nba_clock *clock;
    struct nba_metrics *metrics; /* NULL: nothing is counted */
    /* NULL: all of it.  Else the group's offsets end at `until`, also where offsets have a gap. */
    const struct nba_engine_range *range;
    /* How long follower and workers wait for more before they look again; 0: 100 and 50 ms. */
    int idle_ms;
};

/* Opens the store, loads policy and champion.  A damaged store is set aside as <store>.damaged and
 * made anew: the changelog has it all.  NBA_E_CONFIG (policy), and what its parts say. */
NBA_MUST_USE
enum nba_status nba_engine_create(const struct nba_engine_options *options,
                                  struct nba_engine **ret_engine, struct nba_error *error);

/* Before the start, once a process: a crash (SIGSEGV, SIGABRT, SIGBUS, SIGFPE) while a record is
 * worked on is noted in <state.dir>/crashes, and a record with three notes becomes a dead letter
 * instead.  NBA_E_IO, NBA_E_LIMIT. */
NBA_MUST_USE
enum nba_status nba_engine_note_crashes(struct nba_engine *engine, struct nba_error *error);

/* Reads the side inputs, then starts follower and workers. */
NBA_MUST_USE
enum nba_status nba_engine_start(struct nba_engine *engine, struct nba_error *error);

bool nba_engine_is_ready(const struct nba_engine *engine);
/* Ready, and nobody has anything to do: no record that was there, no recall that waits, no file
 * that still has an erased HCP. */
bool nba_engine_is_settled(struct nba_engine *engine);
/* True once a worker gave up; nba_engine_stop says why. */
bool nba_engine_has_failed(const struct nba_engine *engine);
/* How the engine stands, for who waits until all is worked off.  A round that began after the call
 * is over when the figure has grown by two. */
struct nba_engine_pulse {
    uint64_t looks; /* the follower's rounds over side topics and files */
    uint64_t turns; /* of the worker that has made the fewest */
    bool resting;   /* no worker holds a record or has a transaction open */
};
struct nba_engine_pulse nba_engine_pulse(const struct nba_engine *engine);
/* The state store, for reading what is committed; NULL while it is opened anew. */
struct nba_state_store *nba_engine_store(const struct nba_engine *engine);
/* Events committed since start. */
uint64_t nba_engine_events(const struct nba_engine *engine);

/* Commits what is under way, leaves the group, joins the threads.  The first failure of any of
 * them, or NBA_OK. */
NBA_MUST_USE
enum nba_status nba_engine_stop(struct nba_engine *engine, struct nba_error *error);
void nba_engine_destroy(struct nba_engine *engine); /* stopped, or never started; NULL is fine */

#endif
