/*
 * Crash notes: which records the engine was working on when it crashed.
 *
 * A record that crashes the engine (a bug of ours) would do so again after every restart.  So a
 * handler of SIGSEGV, SIGABRT, SIGBUS and SIGFPE notes the record in <state.dir>/crashes, and
 * after NBA_CRASHES_MAX notes of the same one it becomes a dead letter, reason crash_loop, without
 * being looked at.  A journal record with src = crash_loop:<offset> says so to a replay.  Deaths by
 * SIGKILL leave no note: nobody knows what they were about.
 *
 * Up to the last noted offset of a partition records are scored one by one, so that what is noted
 * then is exact.
 *
 * Notes of another engine version are passed over: it may have been put right.  `nba reset --to
 * start` removes them.
 *
 * FILE.  struct nba_crash_place after struct nba_crash_place, as it lies in memory.
 * THREADS.  Notes are immutable while pipelines use them.
 */
#ifndef NBA_ENGINE_CRASH_NOTES_H
#define NBA_ENGINE_CRASH_NOTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "nba/base/status.h"

#define NBA_CRASHES_MAX    3u
#define NBA_CRASH_LOOP_SRC "crash_loop:"

struct nba_crash_place {
    int64_t partition; /* -1: at no record */
    int64_t offset;
    uint64_t engine; /* hash of the version that crashed; another one's notes don't count */
};

struct nba_crash_notes {
    struct nba_crash_place *items; /* in no order, one a crash */
    size_t count, capacity;
};

void nba_crash_notes_add(struct nba_crash_notes *notes, struct nba_crash_place place);
/* Adds what stands in the file; none is none.  NBA_E_IO, NBA_E_LIMIT. */
NBA_MUST_USE
enum nba_status nba_crash_notes_load(const char *path, struct nba_crash_notes *notes,
                                     struct nba_error *error);
void nba_crash_notes_clear(struct nba_crash_notes *notes);

/* NULL notes are none. */
bool nba_crash_notes_loop(const struct nba_crash_notes *notes, struct nba_crash_place place);
bool nba_crash_notes_near(const struct nba_crash_notes *notes, struct nba_crash_place place);

/* What this thread works on from now on. */
void nba_crash_notes_at(struct nba_crash_place place);
/* From now on crashes of this process are noted in the file; once a process.  NBA_E_IO. */
NBA_MUST_USE
enum nba_status nba_crash_notes_watch(const char *path, struct nba_error *error);

#endif
