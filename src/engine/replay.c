/* A log through the partitions' pipelines, turn by turn. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "budget.h"
#include "nba/base/assert.h"
#include "nba/base/memory.h"
#include "nba/policy/capacity.h"
#include "nba/policy/volume.h"
#include "replay_internal.h"

#define LOG_BYTES_MAX ((size_t)64 << 30)

#define MINUTE_MS 60000u
/* Records of a partition in a slice, where the policy has capacity or volume rules. */
#define SLICE_EVENTS 256u

/* ---- the log ---- */

struct nba_replay *nba_replay_create(const struct nba_replay_options *options)
{
    NBA_ASSERT(options->threads >= 1 && options->sink.take != NULL);
    struct nba_replay *replay = nba_zeros(1, sizeof(*replay));
    replay->options = *options;
    nba_arena_init(&replay->memory, LOG_BYTES_MAX);
    (void)pthread_mutex_init(&replay->failure_lock, NULL);
    return replay;
}

void nba_replay_destroy(struct nba_replay *replay)
{
    if (replay == NULL) {
        return;
    }
    for (int32_t p = 0; replay->partitions != NULL && p < replay->partition_count; p++) {
        nba_replay_rest(&replay->partitions[p]);
        nba_task_close(replay->partitions[p].task);
    }
    free(replay->partitions);
    free(replay->sorting.items);
    for (int32_t p = 0; p < (int32_t)NBA_PARTITIONS_MAX; p++) {
        free(replay->journal[p].items);
        free(replay->input[p].items);
        free(replay->mail[p].items);
    }
    nba_crash_notes_clear(&replay->crash_notes);
    free(replay->side[NBA_REPLAY_CATALOG].items);
    free(replay->side[NBA_REPLAY_CONTROL].items);
    free(replay->side[NBA_REPLAY_CAPACITY].items);
    nba_state_store_close(replay->store);
    nba_arena_clear(&replay->memory);
    (void)pthread_mutex_destroy(&replay->failure_lock);
    free(replay);
}

/* A journal record may say that a record was not looked at. */
static void take_crash_loop(struct nba_replay *replay, const struct nba_record *record)
{
    const size_t prefix = strlen(NBA_CRASH_LOOP_SRC);
    for (uint32_t i = 0; i < record->header_count; i++) {
        const struct nba_str src = record->headers[i].value;
        char number[24] = "";
        if (nba_str_is(record->headers[i].name, "src") && src.bytes > prefix &&
            src.bytes - prefix < sizeof(number) &&
            memcmp(src.data, NBA_CRASH_LOOP_SRC, prefix) == 0) {
            memcpy(number, src.data + prefix, src.bytes - prefix);
            for (unsigned times = 0; times < NBA_CRASHES_MAX; times++) {
                nba_crash_notes_add(&replay->crash_notes,
                                    (struct nba_crash_place){.partition = record->partition,
                                                             .offset = strtoll(number, NULL, 10)});
            }
        }
    }
}

enum nba_status nba_replay_add(struct nba_replay *replay, const struct nba_record *record,
                               struct nba_error *error)
{
    const int32_t partition = record->partition;
    if (partition < 0 || partition >= (int32_t)NBA_PARTITIONS_MAX) {
        return nba_error_set(error, NBA_E_LIMIT, "partition %d is out of range", (int)partition);
    }
    const struct nba_config_topics *topics = &replay->options.config->topics;
    const struct {
        const char *topic;
        struct nba_replay_records *records;
    } inputs[] = {{topics->engagement, &replay->input[partition]},
                  {topics->journal, &replay->journal[partition]},
                  {topics->mailbox, &replay->mail[partition]},
                  {topics->catalog, &replay->side[NBA_REPLAY_CATALOG]},
                  {topics->control, &replay->side[NBA_REPLAY_CONTROL]},
                  {topics->rep_capacity, &replay->side[NBA_REPLAY_CAPACITY]}};
    for (size_t i = 0; i < NBA_ARRAY_COUNT(inputs); i++) {
        struct nba_replay_records *into = inputs[i].records;
        if (!nba_str_is(record->topic, inputs[i].topic)) {
            continue;
        }
        into->items = nba_room(into->items, into->count, &into->capacity, sizeof(*into->items));
        struct nba_record *copy = &into->items[into->count++];
        *copy = *record;
        copy->topic = nba_str_of(inputs[i].topic);
        copy->owner = NULL;
        copy->release = NULL;
        copy->headers = NULL; /* the pipeline reads none of an input's */
        copy->header_count = 0;
        copy->key = nba_arena_copy(&replay->memory, record->key);
        copy->value = nba_arena_copy(&replay->memory, record->value);
        if (copy->key.data == NULL || copy->value.data == NULL) {
            return nba_error_set(error, NBA_E_NO_MEMORY, "out of memory holding the log");
        }
        if (i == 1) {
            take_crash_loop(replay, record);
        }
        replay->events += i == 0;
        /* One without events may have mail, of reps and of budgets, and has a journal. */
        if (i <= 2 && partition >= replay->partition_count) {
            replay->partition_count = partition + 1;
        }
    }
    return NBA_OK;
}

uint64_t nba_replay_events(const struct nba_replay *replay)
{
    return replay->events;
}

/* ---- mail ---- */

static int by_time(const void *a, const void *b)
{
    const struct nba_record *left = a;
    const struct nba_record *right = b;
    return left->timestamp_ms != right->timestamp_ms
               ? (left->timestamp_ms < right->timestamp_ms ? -1 : 1)
               : (left->offset > right->offset) - (left->offset < right->offset);
}

/* What was posted goes into the mailboxes, and what is full into its topic, in the order of (time,
 * source partition, sequence there). */
static void deliver(struct nba_replay *replay)
{
    struct nba_replay_records *all = &replay->sorting;
    all->count = 0;
    for (int32_t p = 0; p < replay->partition_count; p++) {
        struct nba_replay_records *posted = &replay->partitions[p].posted;
        for (size_t i = 0; i < posted->count; i++) {
            all->items = nba_room(all->items, all->count, &all->capacity, sizeof(*all->items));
            all->items[all->count] = posted->items[i];
            all->items[all->count].offset = (int64_t)all->count;
            all->count++;
        }
        posted->count = 0;
    }
    if (all->count != 0) {
        qsort(all->items, all->count, sizeof(*all->items), by_time);
    }
    for (size_t i = 0; i < all->count; i++) {
        const struct nba_record *record = &all->items[i];
        struct nba_replay_records *into =
            nba_str_is(record->topic, replay->options.config->topics.mailbox)
                ? &replay->mail[record->partition]
                : &replay->side[NBA_REPLAY_CAPACITY];
        into->items = nba_room(into->items, into->count, &into->capacity, sizeof(*into->items));
        into->items[into->count] = *record;
        into->items[into->count].offset = (int64_t)into->count;
        into->count++;
    }
}

/* ---- turns ---- */

/* From the earliest record that is left: every partition's turn ends before the first that is too
 * late, or one too many. */
static void cut_slice(struct nba_replay *replay)
{
    int64_t from_ms = INT64_MAX;
    for (int32_t p = 0; p < replay->partition_count; p++) {
        const struct nba_replay_records *input = &replay->input[p];
        const size_t used = replay->partitions[p].input_used;
        if (used < input->count && input->items[used].timestamp_ms < from_ms) {
            from_ms = input->items[used].timestamp_ms;
        }
    }
    for (int32_t p = 0; p < replay->partition_count; p++) {
        const struct nba_replay_records *input = &replay->input[p];
        const size_t used = replay->partitions[p].input_used;
        size_t until = used;
        while (
            until < input->count && until - used < replay->slice_events &&
            (input->items[until].timestamp_ms <= from_ms ||
             (uint64_t)input->items[until].timestamp_ms - (uint64_t)from_ms < replay->slice_ms)) {
            until++;
        }
        replay->partitions[p].input_until = until;
    }
    replay->slice_from_ms = from_ms;
}

static bool has_turn(const struct nba_replay_partition *p)
{
    return p->input_used < p->input_until ||
           (p->replay->own_mail && p->mail_used < p->replay->mail[p->partition].count);
}

static bool has_turns(const struct nba_replay *replay)
{
    bool has = false;
    for (int32_t p = 0; p < replay->partition_count && !has; p++) {
        has = has_turn(&replay->partitions[p]);
    }
    return has;
}

/* One thread, while the others wait: mail until there is none, then the next slice. */
static void plan(struct nba_replay *replay)
{
    deliver(replay);
    replay->first_round = false;
    if (!has_turns(replay)) {
        cut_slice(replay);
    }
    replay->over = atomic_load(&replay->failed) || !has_turns(replay);
    atomic_store(&replay->partition_next, 0);
}

static void take_turns(struct nba_replay *replay)
{
    for (int32_t next = 0; !atomic_load(&replay->failed);) {
        struct nba_error error = {0};
        next = atomic_fetch_add(&replay->partition_next, 1);
        if (next >= replay->partition_count) {
            break;
        }
        struct nba_replay_partition *p = &replay->partitions[next];
        if ((replay->first_round || has_turn(p)) && nba_replay_turn(p, &error) != NBA_OK) {
            (void)pthread_mutex_lock(&replay->failure_lock);
            if (replay->failure.status == NBA_OK) {
                replay->failure = error;
            }
            (void)pthread_mutex_unlock(&replay->failure_lock);
            atomic_store(&replay->failed, true);
        }
        if (!replay->own_mail) {
            nba_replay_rest(p); /* that was all of it */
        }
    }
}

static void *replay_thread(void *context)
{
    struct nba_replay *replay = context;
    (void)pthread_mutex_lock(&replay->failure_lock); /* until all threads are there */
    (void)pthread_mutex_unlock(&replay->failure_lock);
    while (!replay->over) {
        take_turns(replay);
        if (pthread_barrier_wait(&replay->round) == PTHREAD_BARRIER_SERIAL_THREAD) {
            plan(replay);
        }
        (void)pthread_barrier_wait(&replay->round);
    }
    return NULL;
}

static void run_threads(struct nba_replay *replay)
{
    pthread_t threads[NBA_WORKERS_MAX];
    unsigned started = 0;
    const size_t wanted =
        replay->options.threads < NBA_WORKERS_MAX ? replay->options.threads : NBA_WORKERS_MAX;
    (void)pthread_mutex_lock(&replay->failure_lock);
    while (started + 1 < wanted &&
           pthread_create(&threads[started], NULL, replay_thread, replay) == 0) {
        started++;
    }
    (void)pthread_barrier_init(&replay->round, NULL, started + 1);
    (void)pthread_mutex_unlock(&replay->failure_lock);
    (void)replay_thread(replay); /* the caller's thread is one of them */
    for (unsigned i = 0; i < started; i++) {
        (void)pthread_join(threads[i], NULL);
    }
    (void)pthread_barrier_destroy(&replay->round);
}

/* The log's mail is of the policies that its journal names.  Slices of one's own are as short as
 * requests to reps need; for merged records alone they cost nothing beside the events. */
static enum nba_status choose_mail(struct nba_replay *replay, struct nba_error *error)
{
    const struct nba_replay_options *options = &replay->options;
    struct nba_policy *policy = NULL;
    bool journaled = false;
    for (int32_t p = 0; p < replay->partition_count; p++) {
        journaled = journaled || replay->journal[p].count != 0;
    }
    replay->slice_ms = UINT64_MAX;
    replay->slice_events = SIZE_MAX;
    if (journaled && !options->journal_ignored && !options->policy_ours) {
        return NBA_OK;
    }
    replay->own_mail = true;
    replay->slice_ms = (uint64_t)360 * MINUTE_MS;
    replay->side[NBA_REPLAY_CAPACITY].count = 0;
    for (int32_t p = 0; p < replay->partition_count; p++) {
        replay->mail[p].count = 0;
    }
    const enum nba_status status = nba_policy_load(options->config->policy_file, &policy, error);
    if (status == NBA_OK && (nba_policy_has_capacity(policy) || nba_policy_has_volumes(policy))) {
        replay->slice_ms = MINUTE_MS;
        replay->slice_events = SLICE_EVENTS;
    }
    nba_policy_unref(policy);
    return status;
}

enum nba_status nba_replay_run(struct nba_replay *replay, struct nba_error *error)
{
    struct nba_state_options state =
        nba_state_options_of(replay->options.config, (uint32_t)replay->partition_count);
    state.unlogged = true;
    state.resident = replay->options.state_unread;
    enum nba_status status = choose_mail(replay, error);
    if (status == NBA_OK) {
        status = nba_state_store_open(replay->options.state_dir, &state, &replay->store, error);
    }
    if (status != NBA_OK) {
        return status;
    }
    replay->partitions =
        nba_zeros((size_t)replay->partition_count + 1, sizeof(*replay->partitions));
    for (int32_t p = 0; p < replay->partition_count; p++) {
        replay->partitions[p].replay = replay;
        replay->partitions[p].partition = p;
    }
    replay->first_round = true; /* everybody's: there may be journals without input */
    cut_slice(replay);
    run_threads(replay);
    if (replay->failure.status != NBA_OK) {
        *error = replay->failure;
    }
    return replay->failure.status;
}

enum nba_status nba_replay_state_hash(struct nba_replay *replay,
                                      char ret_text[NBA_SHA256_TEXT_BYTES], struct nba_error *error)
{
    NBA_ASSERT(!replay->options.state_unread);
    return nba_state_store_hash(replay->store, ret_text, error);
}
