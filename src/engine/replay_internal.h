/* What replay.c (the log, threads, mail) and replay_partition.c (one partition's way through it)
 * share. */
#ifndef NBA_ENGINE_REPLAY_INTERNAL_H
#define NBA_ENGINE_REPLAY_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>

#include "crash_notes.h"
#include "load_release.h"
#include "nba/engine/pipeline.h"
#include "nba/engine/replay.h"
#include "nba/state/store.h"

struct nba_replay_records {
    struct nba_record *items;
    size_t count, capacity;
};

/* The topics that side inputs come from. */
enum nba_replay_side {
    NBA_REPLAY_CATALOG,
    NBA_REPLAY_CONTROL,
    NBA_REPLAY_CAPACITY,
    NBA_REPLAY_SIDE_COUNT
};

/* One partition, with what its pipeline needs from its first turn on. */
struct nba_replay_partition {
    struct nba_replay *replay;
    int32_t partition;
    struct nba_task *task;
    struct nba_side_inputs *side_inputs;
    struct nba_pipeline *pipeline; /* NULL: no turn yet */
    struct nba_decoder *decoder;
    struct nba_arena arena;
    struct nba_outbox outbox;
    size_t side_used[NBA_REPLAY_SIDE_COUNT];  /* records already applied */
    int64_t side_next[NBA_REPLAY_SIDE_COUNT]; /* and the offset that the journal calls it */
    char policy_hash[NBA_SHA256_TEXT_BYTES];
    struct nba_releases_used releases;
    size_t journal_at;  /* the entry in force, */
    bool journal_begun; /* or that is to be */
    int64_t now_ms;     /* without a journal: side records up to here apply */
    size_t input_used;
    size_t input_until;   /* of this turn */
    size_t mail_used;     /* records of the mailbox already taken, */
    size_t mail_end;      /* to be taken when the task is opened next, */
    int64_t mailbox_next; /* and the offset that this is */
    bool zones_said;

    struct nba_replay_records posted; /* in this turn: mail, and what is full */
    int64_t posted_ms;                /* of the last one: time doesn't go back in what one posts */
    struct nba_arena posted_bytes;
};

struct nba_replay {
    struct nba_replay_options options;
    struct nba_arena memory; /* of all records */
    struct nba_replay_records side[NBA_REPLAY_SIDE_COUNT];
    struct nba_replay_records journal[NBA_PARTITIONS_MAX];
    struct nba_replay_records input[NBA_PARTITIONS_MAX];
    struct nba_replay_records mail[NBA_PARTITIONS_MAX];
    struct nba_crash_notes crash_notes; /* of the journal */
    int32_t partition_count;
    uint64_t events;
    struct nba_state_store *store;
    struct nba_replay_partition *partitions; /* (partition_count) while it runs */

    /* Mailboxes and what is full are the partitions' own, not the log's. */
    bool own_mail;
    uint64_t slice_ms; /* between which they are delivered */
    size_t slice_events;
    int64_t slice_from_ms; /* where this one began */
    struct nba_replay_records sorting;

    pthread_barrier_t round;        /* all turns are taken */
    _Atomic int32_t partition_next; /* handed to threads */
    bool first_round, over;
    _Atomic uint64_t done;
    _Atomic bool failed;
    pthread_mutex_t failure_lock;
    struct nba_error failure;
};

/* Takes the mail that is there, then goes on to input_until. */
NBA_MUST_USE
enum nba_status nba_replay_turn(struct nba_replay_partition *p, struct nba_error *error);
/* Gives back what turns need; the task stays. */
void nba_replay_rest(struct nba_replay_partition *p);

#endif
