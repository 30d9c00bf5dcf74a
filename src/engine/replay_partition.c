/* One partition's way through a log: segments between journal records, each run in transactions of
 * its own.  Reading order: nba_replay_turn, run_with_journal, run_segment, run_transaction. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nba/base/log.h"
#include "nba/base/memory.h"
#include "nba/base/zone.h"
#include "replay_internal.h"

#define PATH_BYTES_MAX     4096u
#define TRANSACTION_EVENTS 1000u
#define BATCH_MAX          256u
#define TRANSACTION_BYTES  ((size_t)2 << 30)
#define POSTED_BYTES       ((size_t)16 << 30)
#define PROGRESS_EVERY     1000u

static const struct {
    enum nba_status (*apply)(struct nba_side_inputs *inputs, const struct nba_record *record,
                             struct nba_error *error);
    void (*read)(struct nba_side_inputs *inputs, int64_t next);
} side_topics[NBA_REPLAY_SIDE_COUNT] = {
    [NBA_REPLAY_CATALOG] = {nba_side_inputs_catalog, nba_side_inputs_catalog_read},
    [NBA_REPLAY_CONTROL] = {nba_side_inputs_control, nba_side_inputs_control_read},
    [NBA_REPLAY_CAPACITY] = {nba_side_inputs_capacity, nba_side_inputs_capacity_read},
};

/* ---- side inputs ---- */

/* Applies the records up to what `until` says; a bad one was passed over live, so it is here. */
static enum nba_status apply_side(struct nba_replay_partition *p, enum nba_replay_side topic,
                                  int64_t offset_end, int64_t timestamp_end,
                                  struct nba_error *error)
{
    const struct nba_replay_records *records = &p->replay->side[topic];
    size_t *used = &p->side_used[topic];
    while (*used < records->count && records->items[*used].offset < offset_end &&
           records->items[*used].timestamp_ms <= timestamp_end) {
        const enum nba_status status =
            side_topics[topic].apply(p->side_inputs, &records->items[*used], error);
        if (status != NBA_OK && nba_status_class(status) != NBA_CLASS_SKIP &&
            status != NBA_E_EXISTS) {
            return status;
        }
        *used += 1;
    }
    return NBA_OK;
}

static enum nba_status use_policy(struct nba_replay_partition *p, struct nba_str hash,
                                  struct nba_error *error)
{
    const struct nba_replay_options *options = &p->replay->options;
    struct nba_policy *policy = NULL;
    char path[PATH_BYTES_MAX];
    if (p->policy_hash[0] != '\0' && (hash.bytes == 0 || nba_str_is(hash, p->policy_hash))) {
        return NBA_OK;
    }
    enum nba_status status = nba_policy_load(options->config->policy_file, &policy, error);
    if (status == NBA_OK && hash.bytes != 0 &&
        !nba_str_equal(nba_policy_head(policy)->hash, hash)) {
        nba_policy_unref(policy);
        policy = NULL;
        status = NBA_E_NOT_FOUND;
    }
    if (status != NBA_OK && hash.bytes != 0) {
        (void)snprintf(path, sizeof(path), "%s/%.*s.yaml", options->policies_dir,
                       NBA_STR_ARG(hash));
        status = nba_policy_load(path, &policy, error);
    }
    if (status != NBA_OK) {
        return nba_error_prefix(error, "policy %.12s of the journal", hash.bytes ? hash.data : "-");
    }
    (void)snprintf(p->policy_hash, sizeof(p->policy_hash), "%.*s",
                   NBA_STR_ARG(nba_policy_head(policy)->hash));
    nba_side_inputs_set_policy(p->side_inputs, policy);
    nba_policy_unref(policy);
    return NBA_OK;
}

static enum nba_status use_release(struct nba_replay_partition *p, enum nba_role role,
                                   struct nba_str id, struct nba_error *error)
{
    return nba_use_release(p->replay->options.config, role, id, &p->releases, p->side_inputs,
                           error);
}

/* There is but one database of time zones here: with another one local times may differ. */
static void compare_zones(struct nba_replay_partition *p, struct nba_str version)
{
    if (version.bytes != 0 && !nba_str_is(version, nba_zone_data_version()) && !p->zones_said) {
        p->zones_said = true;
        nba_log(NBA_LOG_WARN, "tzdata_differs", "partition=%d journal=\"%.*s\" here=\"%s\"",
                (int)p->partition, NBA_STR_ARG(version), nba_zone_data_version());
    }
}

/* From the beginning: a partition's next owner may have read less than the one before. */
static enum nba_status begin_side(struct nba_replay_partition *p, struct nba_error *error)
{
    const struct nba_replay_options *options = &p->replay->options;
    nba_side_inputs_destroy(p->side_inputs);
    p->side_inputs = NULL;
    memset(p->side_used, 0, sizeof(p->side_used));
    memset(p->side_next, 0, sizeof(p->side_next));
    p->policy_hash[0] = '\0';
    p->releases = (struct nba_releases_used){.ids = {"-", "-"}};
    return nba_side_inputs_create(options->schemas, options->config, &p->side_inputs, error);
}

/* What is full comes last, and isn't the log's where mail isn't. */
static unsigned side_topics_of(const struct nba_replay *replay)
{
    return replay->own_mail ? NBA_REPLAY_CAPACITY : NBA_REPLAY_SIDE_COUNT;
}

static enum nba_status use_journal(struct nba_replay_partition *p,
                                   const struct nba_journal *journal, struct nba_error *error)
{
    compare_zones(p, journal->tzdata_version);
    const unsigned topics = side_topics_of(p->replay);
    const int64_t next[] = {[NBA_REPLAY_CATALOG] = journal->catalog_next,
                            [NBA_REPLAY_CONTROL] = journal->control_next,
                            [NBA_REPLAY_CAPACITY] = journal->capacity_next};
    bool less = false;
    for (unsigned topic = 0; topic < topics; topic++) {
        less = less || next[topic] < p->side_next[topic];
    }
    enum nba_status status = less ? begin_side(p, error) : NBA_OK;
    for (unsigned topic = 0; topic < topics && status == NBA_OK; topic++) {
        status = apply_side(p, topic, next[topic], INT64_MAX, error);
        side_topics[topic].read(p->side_inputs, next[topic]);
        p->side_next[topic] = next[topic];
    }
    if (status == NBA_OK) {
        const bool ours = p->replay->options.policy_ours;
        status = use_policy(p, ours ? nba_str(NULL, 0) : journal->policy_hash, error);
    }
    const struct nba_replay_records *mail = &p->replay->mail[p->partition];
    p->mailbox_next = journal->mailbox_next;
    while (p->mail_end < mail->count && mail->items[p->mail_end].offset < p->mailbox_next) {
        p->mail_end++;
    }
    if (status == NBA_OK) {
        status = use_release(p, NBA_ROLE_CHAMPION, journal->release_champion, error);
    }
    return status == NBA_OK
               ? use_release(p, NBA_ROLE_CHALLENGER, journal->release_challenger, error)
               : status;
}

/* ---- running ---- */

static void report(struct nba_replay_partition *p, size_t events)
{
    struct nba_replay *replay = p->replay;
    const uint64_t before = atomic_fetch_add(&replay->done, events);
    if (replay->options.progress != NULL &&
        before / PROGRESS_EVERY != (before + events) / PROGRESS_EVERY) {
        replay->options.progress(replay->options.progress_context, before + events, replay->events);
    }
}

/* What several tasks write into one partition stands there in no order: it isn't compared. */
static bool goes_to_others(const struct nba_replay_partition *p,
                           const struct nba_outbox_record *record)
{
    const struct nba_config_topics *topics = &p->replay->options.config->topics;
    return record->topic == topics->mailbox || record->topic == topics->rep_capacity;
}

/* For the others, where mail isn't the log's. */
static enum nba_status post(struct nba_replay_partition *p, const struct nba_outbox_record *record,
                            struct nba_error *error)
{
    struct nba_replay_records *posted = &p->posted;
    p->posted_ms = record->time_ms > p->posted_ms ? record->time_ms : p->posted_ms;
    const struct nba_record copy = {
        .topic = nba_str_of(record->topic),
        .partition = record->partition,
        .timestamp_ms = p->posted_ms,
        .key = nba_arena_copy(&p->posted_bytes, record->key),
        .value = nba_arena_copy(&p->posted_bytes, record->value),
    };
    if (copy.key.data == NULL || copy.value.data == NULL) {
        return nba_error_set(error, NBA_E_NO_MEMORY, "out of memory holding mail");
    }
    posted->items =
        nba_room(posted->items, posted->count, &posted->capacity, sizeof(*posted->items));
    posted->items[posted->count++] = copy;
    return NBA_OK;
}

/* What the journal said was taken before the next record of the input, or all that has come. */
static struct nba_mailbag take_mailbag(struct nba_replay_partition *p)
{
    const struct nba_replay_records *mail = &p->replay->mail[p->partition];
    if (p->replay->own_mail) {
        p->mail_end = mail->count;
        p->mailbox_next = (int64_t)mail->count;
    }
    const size_t count = p->mail_end - p->mail_used;
    const struct nba_record **records = nba_arena_need(&p->arena, (count + 1) * sizeof(*records));
    for (size_t i = 0; i < count; i++) {
        records[i] = &mail->items[p->mail_used + i];
    }
    p->mail_used = p->mail_end;
    return (struct nba_mailbag){records, count, p->mailbox_next};
}

/* One transaction over at most `count` records; *ret_done of them are through. */
static enum nba_status run_transaction(struct nba_replay_partition *p,
                                       const struct nba_record *records, size_t count,
                                       int64_t wall_ms, size_t *ret_done, bool *ret_more,
                                       struct nba_error *error)
{
    const struct nba_change *changes = NULL;
    size_t change_count = 0;
    size_t done = 0;
    struct nba_side *side = NULL;
    bool full = false;
    nba_arena_reset(&p->arena);
    nba_outbox_reset(&p->outbox);
    enum nba_status status = p->replay->own_mail
                                 ? apply_side(p, NBA_REPLAY_CAPACITY, INT64_MAX, INT64_MAX, error)
                                 : NBA_OK;
    if (status == NBA_OK) {
        status = nba_side_inputs_take(p->side_inputs, &side, error);
    }
    if (status != NBA_OK) {
        return status;
    }
    status = nba_pipeline_begin(p->pipeline, side, &p->arena, &p->outbox, wall_ms, error);
    nba_side_unref(side);
    const struct nba_mailbag mail = take_mailbag(p);
    if (status == NBA_OK) {
        status = nba_pipeline_open_task(p->pipeline, p->task, &mail, error);
    }
    if (status == NBA_OK) {
        status = nba_pipeline_timers(p->pipeline, p->task, &full, error);
    }
    while (status == NBA_OK && !full && done < count) {
        struct nba_pipeline_item items[BATCH_MAX];
        size_t batch = 0;
        size_t batch_done = 0;
        while (batch < BATCH_MAX && done + batch < count) {
            items[batch] = (struct nba_pipeline_item){p->task, &records[done + batch]};
            batch++;
        }
        status = nba_pipeline_run(p->pipeline, items, batch, &batch_done, error);
        full = batch_done < batch;
        done += status == NBA_OK ? batch_done : 0;
    }
    if (status == NBA_OK) {
        status = nba_task_seal(p->task, &changes, &change_count, error);
    }
    if (status == NBA_OK) {
        status = nba_state_store_write(p->replay->store, &p->task, 1, error);
    }
    const struct nba_replay_sink *sink = &p->replay->options.sink;
    for (size_t i = 0; status == NBA_OK && i < p->outbox.count; i++) {
        const struct nba_outbox_record *record = &p->outbox.records[i];
        if (!goes_to_others(p, record)) {
            status = sink->take(sink->context, record, error);
        } else if (p->replay->own_mail) {
            status = post(p, record, error);
        }
    }
    if (status == NBA_OK) {
        report(p, done);
        *ret_done = done;
        *ret_more = full;
    }
    return status;
}

/* Records up to (not including) input index `end`, under the side inputs in force.  `sweep_limit`:
 * recalls after which the next journal record interrupts a sweep; NBA_SWEEP_NONE: it doesn't. */
static enum nba_status run_segment(struct nba_replay_partition *p, size_t end, int64_t wall_ms,
                                   int64_t sweep_limit, struct nba_error *error)
{
    const struct nba_replay_records *input = &p->replay->input[p->partition];
    const size_t most = p->replay->options.transaction_events != 0
                            ? p->replay->options.transaction_events
                            : TRANSACTION_EVENTS;
    bool more = true; /* an empty segment still adopts its side and fires its timers */
    enum nba_status status = NBA_OK;
    nba_pipeline_set_sweep_limit(p->pipeline, sweep_limit);
    while (status == NBA_OK && (more || p->input_used < end) && !atomic_load(&p->replay->failed)) {
        size_t count = end - p->input_used;
        size_t done = 0;
        count = count < most ? count : most;
        status =
            run_transaction(p, input->items + p->input_used, count, wall_ms, &done, &more, error);
        p->input_used += done;
        if (more && sweep_limit != NBA_SWEEP_NONE &&
            nba_task_committed_meta(p->task)->sweep_recalls == sweep_limit) {
            break;
        }
    }
    return status;
}

/* Entry `at` of the journal; behind the last one nothing changes any more. */
static enum nba_status read_journal(const struct nba_replay_partition *p, size_t at,
                                    struct nba_arena *arena, struct nba_journal *ret_entry,
                                    struct nba_error *error)
{
    const struct nba_replay_records *journal = &p->replay->journal[p->partition];
    *ret_entry = (struct nba_journal){.input_next = INT64_MAX, .swept = NBA_SWEEP_NONE};
    return at < journal->count
               ? nba_decode_journal(p->decoder, journal->items[at].value, arena, ret_entry, error)
               : NBA_OK;
}

/* The entry in force, up to the next one or this turn's end; *ret_ended: on to the next one. */
static enum nba_status run_entry(struct nba_replay_partition *p, bool *ret_ended,
                                 struct nba_error *error)
{
    const struct nba_replay_records *input = &p->replay->input[p->partition];
    struct nba_arena decoded;
    struct nba_journal entry;
    struct nba_journal next;
    nba_arena_init(&decoded, (size_t)1 << 20);
    enum nba_status status = read_journal(p, p->journal_at, &decoded, &entry, error);
    if (status == NBA_OK) {
        status = read_journal(p, p->journal_at + 1, &decoded, &next, error);
    }
    if (status == NBA_OK && !p->journal_begun) {
        status = use_journal(p, &entry, error);
    }
    if (status == NBA_OK && !p->journal_begun && p->journal_at == 0) { /* the instance began here */
        nba_task_begin_at(p->task, entry.input_next);
        while (p->input_used < input->count &&
               input->items[p->input_used].offset < entry.input_next) {
            p->input_used++;
        }
    }
    if (status == NBA_OK) {
        size_t end = p->input_used;
        while (end < p->input_until && input->items[end].offset < next.input_next) {
            end++;
        }
        p->journal_begun = true;
        status = run_segment(p, end, entry.wall_clock_ms, next.swept, error);
        *ret_ended = p->input_used < end || /* a sweep was interrupted */
                     end == input->count || input->items[end].offset >= next.input_next;
    }
    nba_arena_clear(&decoded);
    return status;
}

static enum nba_status run_with_journal(struct nba_replay_partition *p, struct nba_error *error)
{
    const size_t count = p->replay->journal[p->partition].count;
    for (;;) {
        bool ended = false;
        const enum nba_status status = run_entry(p, &ended, error);
        if (status != NBA_OK || !ended || p->journal_at + 1 == count) {
            return status;
        }
        p->journal_at++;
        p->journal_begun = false;
    }
}

static enum nba_status run_without_journal(struct nba_replay_partition *p, struct nba_error *error)
{
    struct nba_replay *replay = p->replay;
    const struct nba_replay_records *input = &replay->input[p->partition];
    enum nba_status status = NBA_OK;
    while (status == NBA_OK &&
           (p->input_used < p->input_until || p->mail_used < replay->mail[p->partition].count)) {
        if (p->input_used < p->input_until) {
            p->now_ms = input->items[p->input_used].timestamp_ms;
        } else if (replay->slice_from_ms > p->now_ms) { /* mail, in a part of the log without us */
            p->now_ms = replay->slice_from_ms;
        }
        int64_t due_ms = INT64_MAX; /* of the next side record: there the segment ends */
        for (unsigned topic = 0; topic < side_topics_of(replay) && status == NBA_OK; topic++) {
            const struct nba_replay_records *side = &replay->side[topic];
            status = apply_side(p, topic, INT64_MAX, p->now_ms, error);
            if (p->side_used[topic] < side->count &&
                side->items[p->side_used[topic]].timestamp_ms < due_ms) {
                due_ms = side->items[p->side_used[topic]].timestamp_ms;
            }
        }
        size_t end = p->input_used;
        while (end < p->input_until && input->items[end].timestamp_ms < due_ms) {
            end++;
        }
        if (status == NBA_OK) {
            status = run_segment(p, end, p->now_ms, NBA_SWEEP_NONE, error);
        }
    }
    return status;
}

/* ---- a turn ---- */

static enum nba_status begin(struct nba_replay_partition *p, bool by_journal,
                             struct nba_error *error)
{
    const struct nba_replay *replay = p->replay;
    const struct nba_replay_options *options = &replay->options;
    const struct nba_pipeline_options pipeline = {
        .schemas = options->schemas,
        .config = options->config,
        .wave_max = options->wave_max,
        .crash_notes = &replay->crash_notes,
        .listener = options->listener,
    };
    nba_arena_init(&p->arena, TRANSACTION_BYTES);
    nba_arena_init(&p->posted_bytes, POSTED_BYTES);
    nba_outbox_init(&p->outbox, &p->arena);
    p->now_ms = p->posted_ms = NBA_TIME_NONE;
    p->pipeline = nba_pipeline_create(&pipeline);
    p->decoder = nba_decoder_create(options->schemas);
    enum nba_status status =
        nba_task_open(replay->store, nba_str_of(options->config->topics.engagement), p->partition,
                      replay->partition_count, &p->task, error);
    if (status == NBA_OK) {
        status = begin_side(p, error);
    }
    if (status == NBA_OK && !by_journal) {
        status = nba_use_shelf(options->config, &p->releases, p->side_inputs, error);
        if (status == NBA_OK) {
            status = use_policy(p, nba_str(NULL, 0), error);
        }
    }
    return status;
}

enum nba_status nba_replay_turn(struct nba_replay_partition *p, struct nba_error *error)
{
    const bool by_journal =
        !p->replay->options.journal_ignored && p->replay->journal[p->partition].count != 0;
    enum nba_status status = p->pipeline == NULL ? begin(p, by_journal, error) : NBA_OK;
    if (status == NBA_OK) {
        status = by_journal ? run_with_journal(p, error) : run_without_journal(p, error);
    }
    return status == NBA_OK ? NBA_OK : nba_error_prefix(error, "partition %d", (int)p->partition);
}

void nba_replay_rest(struct nba_replay_partition *p)
{
    if (p->pipeline != NULL) {
        nba_pipeline_destroy(p->pipeline);
        nba_side_inputs_destroy(p->side_inputs);
        nba_decoder_destroy(p->decoder);
        nba_outbox_clear(&p->outbox);
        nba_arena_clear(&p->arena);
        nba_arena_clear(&p->posted_bytes);
        free(p->posted.items);
        p->pipeline = NULL;
    }
}
