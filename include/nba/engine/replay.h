/*
 * Replay: a log through the pipeline without a broker - the same bytes out.
 *
 * Input are the records of the engagement topic and what outputs were a function of: catalogue,
 * control, mailbox and journal records.  Threads share nothing: a partition's turn is one thread's.
 *
 * WITH A JOURNAL (the log of an instance that ran) side inputs change where it says: policies are
 * found by hash in a folder of files <hash>.yaml, releases by id on the shelf.  WITHOUT one
 * (`journal_ignored`, or a log that has none) the configured policy and the champion hold
 * throughout, and a catalogue or control record applies before the first event whose record
 * timestamp is not older.
 *
 * MAIL.  Where policies are the log's, so are mailboxes and the reps' capacity, and a partition's
 * one turn is all of it.  Else (`journal_ignored`, `policy_ours`, no journal) they are the run's:
 * partitions go on in slices of the log's timestamps, from the earliest record left; between two
 * slices what was sent is delivered by (time, source partition, sequence), until nothing is left.
 * A slice is a minute and at most 256 records of a partition, or six hours where the policy has no
 * capacity rules.
 *
 * SAME BYTES.  Key, value and headers of every output record but the changelog's, the mailbox's and
 * the reps' capacity (where tasks write side by side), in the order of
 * each topic's partition, for every thread count, wave size, transaction size and instruction set.
 * Record timestamps and offsets are not part of it.
 *
 * STATE goes into a folder of its own, which must be empty or absent: nothing of a running instance
 * is touched.  MEMORY: the log is held in memory, some 200 bytes an event more than its values, and
 * mail of one's own with it.
 */
#ifndef NBA_ENGINE_REPLAY_H
#define NBA_ENGINE_REPLAY_H

#include "nba/base/clock.h"
#include "nba/base/hash.h"
#include "nba/codec/schema_registry.h"
#include "nba/config/config.h"
#include "nba/engine/outbox.h"

struct nba_listener;

/* Takes one output record; those of one partition come in order and from one thread at a time. */
struct nba_replay_sink {
    enum nba_status (*take)(void *context, const struct nba_outbox_record *record,
                            struct nba_error *error);
    void *context;
};

struct nba_replay_options {
    const struct nba_config *config; /* topics, policy, shelf, kernels, clock */
    const struct nba_schemas *schemas;
    const char *state_dir;
    const char *policies_dir; /* <hash>.yaml of the policies that the journal names */
    bool journal_ignored;
    bool policy_ours;          /* the configured policy in place of those that the journal names */
    bool state_unread;         /* no state hash, nobody reads the folder: records stay in memory */
    size_t threads;            /* 1.. */
    size_t wave_max;           /* 1..NBA_SCORE_WAVE; 0: the default */
    size_t transaction_events; /* 0: 1,000 */
    struct nba_replay_sink sink;
    /* Hears actions and decisions in place of the sink (nba/engine/pipeline.h); NULL: the sink. */
    const struct nba_listener *listener;
    /* Called now and then with the events done so far; NULL: not. */
    void (*progress)(void *context, uint64_t done, uint64_t total);
    void *progress_context;
};

struct nba_replay;

/* The options' pointers must outlive the replay. */
struct nba_replay *nba_replay_create(const struct nba_replay_options *options);
void nba_replay_destroy(struct nba_replay *replay);

/* Copies one record of the log; of each partition in offset order.  Topics that are no input of a
 * replay are passed over.  NBA_E_LIMIT, NBA_E_NO_MEMORY. */
NBA_MUST_USE
enum nba_status nba_replay_add(struct nba_replay *replay, const struct nba_record *record,
                               struct nba_error *error);
/* Events added. */
uint64_t nba_replay_events(const struct nba_replay *replay);

/* Runs everything once.  NBA_E_NOT_FOUND: a policy or release that the journal names
 * isn't there. */
NBA_MUST_USE
enum nba_status nba_replay_run(struct nba_replay *replay, struct nba_error *error);

/* State hash of what came out (nba/state/store.h). */
NBA_MUST_USE
enum nba_status nba_replay_state_hash(struct nba_replay *replay,
                                      char ret_text[NBA_SHA256_TEXT_BYTES],
                                      struct nba_error *error);

#endif
