/*
 * The process of a run: an embedded log, an engine, and the steps, one at a time.
 *
 * A STEP goes in whole; then the engine is let work until the group's offsets are at the ends of
 * what it reads and no worker has anything under way.  What changes beside the input (catalogue,
 * control, policy) is waited for by the rounds of the follower and the workers.
 *
 * A CRASH kills this process.  The next one finds in `progress` which step was under way and
 * whether its records are in the log already, and goes on.
 */
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "nba/base/assert.h"
#include "nba/base/file.h"
#include "nba/base/limits.h"
#include "nba/base/log.h"
#include "nba/codec/encoder.h"
#include "nba/state/store.h"
#include "nba/stream/producer.h"
#include "run_internal.h"

#define LOOK_US     500
#define WATCHDOG_S  300
#define FLUSH_MS    10000
#define VALUE_BYTES (1u << 20)
#define TICK_SOURCE "nba-test"

static _Atomic bool lose_commit; /* the next commit's answer */

const char *nba_crash_point_name(uint32_t point)
{
    static const char *const names[] = {
#define NBA_X(name) #name,
        NBA_KILL_POINT_MAP(NBA_X)
#undef NBA_X
            "idle"};
    NBA_ASSERT(point < NBA_ARRAY_COUNT(names));
    return names[point];
}

static void arm(uint32_t point)
{
    char text[64];
    (void)snprintf(text, sizeof(text), "%s:1", nba_crash_point_name(point));
    const bool armed = nba_kill_point_arm(text);
    NBA_ASSERT(armed);
}

static void disarm(struct progress *progress)
{
    (void)nba_kill_point_arm("in_close:1000000000"); /* never passed so often */
    atomic_store(&lose_commit, false);
    progress->point_count = 0;
    progress->at_start = false;
}

/* Points that a process passes only when it starts after a crash. */
static bool passed_at_start(uint32_t point)
{
    return point == NBA_KILL_POINT_in_restore || point == NBA_KILL_POINT_after_restore;
}

/* And those that it passes only when it is closed. */
static bool passed_at_end(uint32_t point)
{
    return point == NBA_KILL_POINT_in_revoke || point == NBA_KILL_POINT_in_close;
}

static enum nba_status fault(void *context, enum nba_fault where, const char *transactional_id)
{
    (void)context, (void)transactional_id;
    return where == NBA_FAULT_COMMITTED && atomic_exchange(&lose_commit, false) ? NBA_E_TXN_UNKNOWN
                                                                                : NBA_OK;
}

/* ---- waiting ---- */

static void pause_shortly(void)
{
    const struct timespec pause = {0, LOOK_US * 1000L};
    (void)nanosleep(&pause, NULL);
}

static enum nba_status check_engine(struct run *run, struct nba_error *error)
{
    return nba_engine_has_failed(run->engine) ? nba_engine_stop(run->engine, error) : NBA_OK;
}

/* Has the group read each of the topics to its end? */
static enum nba_status is_drained(struct run *run, bool *ret_drained, struct nba_error *error)
{
    const char *const topics[] = {run->config.topics.engagement, run->config.topics.mailbox};
    const int32_t partitions = run->scenario->partition_count;
    enum nba_status status = NBA_OK;
    *ret_drained = true;
    for (int32_t i = 0; status == NBA_OK && i < 2 * partitions; i++) {
        const char *topic = topics[i / partitions];
        const int32_t p = i % partitions;
        int64_t low = 0;
        int64_t high = 0;
        int64_t committed = -1;
        status =
            nba_stream_watermarks(run->stream, topic, p, NBA_READ_COMMITTED, &low, &high, error);
        if (status == NBA_OK) {
            status = nba_stream_group_committed(run->stream, run->config.application_id, topic, p,
                                                &committed, error);
        }
        *ret_drained = *ret_drained && (low == high || committed >= high);
    }
    return status;
}

/* Twice in a row: what a worker was about to put into a topic looked at before is seen then. */
static enum nba_status drain(struct run *run, struct nba_error *error)
{
    unsigned rests = 0;
    enum nba_status status = NBA_OK;
    while (status == NBA_OK && rests < 2) {
        bool drained = false;
        status = is_drained(run, &drained, error);
        const bool resting =
            nba_engine_is_ready(run->engine) && nba_engine_pulse(run->engine).resting;
        rests = drained && resting ? rests + 1 : 0;
        if (rests == 0) {
            pause_shortly();
        }
        status = status == NBA_OK ? check_engine(run, error) : status;
    }
    return status;
}

/* The follower has seen what is there now, and each worker has had a turn since. */
static enum nba_status settle(struct run *run, struct nba_error *error)
{
    enum nba_status status = NBA_OK;
    const uint64_t looks = nba_engine_pulse(run->engine).looks + 2;
    while (status == NBA_OK && nba_engine_pulse(run->engine).looks < looks) {
        pause_shortly();
        status = check_engine(run, error);
    }
    const uint64_t turns = nba_engine_pulse(run->engine).turns + 2;
    while (status == NBA_OK && nba_engine_pulse(run->engine).turns < turns) {
        pause_shortly();
        status = check_engine(run, error);
    }
    return status == NBA_OK ? drain(run, error) : status;
}

/* Drains; where rep capacity is at work, what it says of reps has been taken by all then. */
static enum nba_status drain_all(struct run *run, struct nba_error *error)
{
    int64_t low = 0;
    int64_t high = 0;
    enum nba_status status = drain(run, error);
    if (status == NBA_OK) {
        status = nba_stream_watermarks(run->stream, run->config.topics.rep_capacity, 0,
                                       NBA_READ_COMMITTED, &low, &high, error);
    }
    return status == NBA_OK && high != 0 ? settle(run, error) : status;
}

/* ---- what goes in ---- */

static enum nba_status send(struct run *run, const char *topic, int32_t partition,
                            struct nba_str key, int64_t time_ms, struct nba_error *error)
{
    const struct nba_outgoing outgoing = {.topic = topic,
                                          .partition = partition,
                                          .key = key,
                                          .key_null = key.data == NULL,
                                          .value = nba_buf_str(&run->value),
                                          .timestamp_ms = time_ms};
    enum nba_status status = run->value.failed
                                 ? nba_error_set(error, NBA_E_LIMIT, "a message is too large")
                                 : nba_producer_produce(run->producer, &outgoing, error);
    return status == NBA_OK ? nba_producer_flush(run->producer, FLUSH_MS, error) : status;
}

static enum nba_status send_event(struct run *run, const struct nba_event *event,
                                  struct nba_error *error)
{
    nba_buf_reset(&run->value);
    nba_encode_event(run->options->schemas, event, &run->value);
    return send(run, run->config.topics.engagement, NBA_PARTITION_BY_KEY, event->hcp_id,
                event->event_time_ms, error);
}

static enum nba_status send_reference(struct run *run, const struct nba_reference *reference,
                                      int64_t time_ms, struct nba_error *error)
{
    static const char *const kinds[] = {"content", "campaign", "rep"};
    const struct nba_str ids[] = {reference->content.content_id, reference->campaign.campaign_id,
                                  reference->rep.rep_id};
    char key[NBA_ID_BYTES_MAX + 16];
    (void)snprintf(key, sizeof(key), "%s:%.*s", kinds[reference->kind],
                   NBA_STR_ARG(ids[reference->kind]));
    nba_buf_reset(&run->value);
    nba_encode_reference(run->options->schemas, reference, &run->value);
    return send(run, run->config.topics.catalog, 0, nba_str_of(key), time_ms, error);
}

/* Its id, where it has none: the step's label, or its number among those that aren't crashes. */
static enum nba_status send_control(struct run *run, const struct step *step, int64_t time_ms,
                                    struct nba_error *error)
{
    char number[32];
    struct nba_control control = step->control;
    unsigned at = 1;
    for (const struct step *before = run->scenario->steps; before < step; before++) {
        at += before->kind != STEP_CRASH;
    }
    (void)snprintf(number, sizeof(number), "step-%u", at);
    const struct nba_str id = step->label.bytes != 0 ? step->label : nba_str_of(number);
    control.id = control.id.bytes != 0 ? control.id : id;
    control.time_ms = control.time_ms != NBA_TIME_NONE ? control.time_ms : time_ms;
    nba_buf_reset(&run->value);
    nba_encode_control(run->options->schemas, &control, &run->value);
    return send(run, run->config.topics.control, 0, nba_str(NULL, 0), time_ms, error);
}

static enum nba_status send_tick(struct run *run, int32_t partition, int64_t time_ms,
                                 struct nba_error *error)
{
    char id[64];
    struct nba_event event;
    nba_binding_clear(nba_bindings_of(NBA_SCHEMA_ENGAGEMENT), &event);
    (void)snprintf(id, sizeof(id), "tick-%lld-%d", (long long)time_ms, (int)partition);
    event.event_id = nba_str_of(id);
    event.source = nba_str_of(TICK_SOURCE);
    event.type = NBA_EVENT_CONTROL_TICK;
    event.event_time_ms = time_ms;
    event.recorded_time_ms = time_ms;
    nba_buf_reset(&run->value);
    nba_encode_event(run->options->schemas, &event, &run->value);
    return send(run, run->config.topics.engagement, partition, nba_str(NULL, 0), time_ms, error);
}

static enum nba_status write_policy(struct run *run, struct nba_str text, struct nba_error *error)
{
    return nba_file_write(run->config.policy_file, text, error);
}

/* The latest time that any step so far has said. */
static int64_t present(const struct run *run)
{
    const struct scenario *scenario = run->scenario;
    int64_t time_ms = scenario->profile_count != 0 ? scenario->profile_events[0].event_time_ms : 0;
    for (uint32_t i = 0; i < run->progress->at; i++) {
        const int64_t step_ms = scenario->steps[i].time_ms;
        time_ms = step_ms != NBA_TIME_NONE && step_ms > time_ms ? step_ms : time_ms;
    }
    return time_ms;
}

static enum nba_status high_of(struct run *run, const char *topic, int32_t partition,
                               int64_t *ret_high, struct nba_error *error)
{
    int64_t low = 0;
    return nba_stream_watermarks(run->stream, topic, partition, NBA_READ_UNCOMMITTED, &low,
                                 ret_high, error);
}

static const char *side_topic(const struct run *run, const struct step *step)
{
    return step->kind == STEP_CATALOG ? run->config.topics.catalog : run->config.topics.control;
}

/* Where the topics end before the step: what a process that dies has put there is seen by that. */
static enum nba_status note_highs(struct run *run, const struct step *step, struct nba_error *error)
{
    struct progress *progress = run->progress;
    enum nba_status status = high_of(run, side_topic(run, step), 0, &progress->side_high, error);
    for (int32_t p = 0; status == NBA_OK && p < run->scenario->partition_count; p++) {
        status = high_of(run, run->config.topics.engagement, p, &progress->high[p], error);
    }
    progress->noted = status == NBA_OK;
    return status;
}

static enum nba_status put_in(struct run *run, const struct step *step, struct nba_error *error)
{
    const struct progress *progress = run->progress;
    const char *input = run->config.topics.engagement;
    const bool clock = step->kind == STEP_CLOCK;
    enum nba_status status = NBA_OK;
    int64_t high = 0;
    if (step->kind == STEP_POLICY) {
        return write_policy(run, step->policy, error);
    }
    if (step->kind == STEP_CATALOG || step->kind == STEP_CONTROL) {
        status = high_of(run, side_topic(run, step), 0, &high, error);
        if (status != NBA_OK || high > progress->side_high) {
            return status;
        }
        return step->kind == STEP_CATALOG
                   ? send_reference(run, &step->reference, present(run), error)
                   : send_control(run, step, present(run), error);
    }
    bool there = false;
    for (int32_t p = 0; status == NBA_OK && p < run->scenario->partition_count; p++) {
        status = high_of(run, input, p, &high, error);
        there = there || high > progress->high[p];
        if (status == NBA_OK && clock && high == progress->high[p]) {
            status = send_tick(run, p, step->time_ms, error);
        }
    }
    return status == NBA_OK && !clock && !there ? send_event(run, &step->event, error) : status;
}

/* ---- what is noted ---- */

static enum nba_status note_ends(struct run *run, uint32_t step, struct nba_error *error)
{
    const struct nba_config_topics *topics = &run->config.topics;
    const char *const names[OUT_COUNT] = {topics->action, topics->slate, topics->decision,
                                          topics->deadletter};
    enum nba_status status = NBA_OK;
    for (unsigned t = 0; t < OUT_COUNT; t++) {
        for (int32_t p = 0; status == NBA_OK && p < run->scenario->partition_count; p++) {
            status =
                high_of(run, names[t], p, &progress_end(run, step, (enum out_topic)t)[p], error);
        }
    }
    return status;
}

static enum nba_status note_states(struct run *run, bool before, struct nba_error *error)
{
    const struct scenario *scenario = run->scenario;
    enum nba_status status = NBA_OK;
    struct nba_buf record;
    nba_buf_init(&record, NBA_HCP_BYTES_MAX);
    for (uint32_t i = 0; status == NBA_OK && i < scenario->state_count; i++) {
        struct state_note *note = &run->progress->notes[i];
        uint32_t keys = 0;
        if (scenario->states[i].step != run->progress->at) {
            continue;
        }
        nba_buf_reset(&record);
        status = nba_state_store_look(nba_engine_store(run->engine), scenario->states[i].hcp_id,
                                      &record, &keys, error);
        *(before ? &note->bytes_before : &note->bytes) = (uint32_t)record.bytes;
        memcpy(before ? note->record_before : note->record,
               record.data != NULL ? record.data : (const unsigned char *)"", record.bytes);
        note->keys = keys;
    }
    nba_buf_clear(&record);
    return status;
}

/* ---- the engine ---- */

static enum nba_status configure(struct run *run, struct nba_error *error)
{
    char partitions[16];
    (void)snprintf(partitions, sizeof(partitions), "%d", (int)run->scenario->partition_count);
    const struct {
        const char *key, *folder, *value;
    } settings[] = {
        {"clock", "", "event"},
        {"log.dir", run->folder, "/log"},
        {"state.dir", run->folder, "/state"},
        {"release.dir", run->folder, "/releases"},
        {"policy.file", run->folder, "/policy.yaml"},
        {"score.table", run->folder, "/scores.yaml"},
        {"topics.partitions", "", partitions},
        {"commit.interval_ms", "", "1"},
        {"memory.budget_mib", "", "64"},
    };
    enum nba_status status = NBA_OK;
    nba_config_init(&run->config);
    for (size_t i = 0; status == NBA_OK && i < NBA_ARRAY_COUNT(settings); i++) {
        char value[PATH_BYTES_MAX + 64];
        (void)snprintf(value, sizeof(value), "%s%s", settings[i].folder, settings[i].value);
        status = nba_config_set(&run->config, settings[i].key, value, error);
    }
    return status;
}

static enum nba_status open_log(struct run *run, struct nba_error *error)
{
    enum nba_status status = nba_stream_open_local(run->config.log_dir, NBA_LOCAL_WRITER,
                                                   &nba_clock_system, NULL, &run->stream, error);
    if (status == NBA_OK) {
        nba_stream_set_fault(run->stream, fault, NULL);
        status = nba_producer_create(run->stream, NULL, &run->producer, error);
    }
    return status;
}

static enum nba_status give_world(struct run *run, struct nba_error *error)
{
    const struct scenario *scenario = run->scenario;
    const int64_t time_ms = present(run);
    enum nba_status status = run->options->create_topics(&run->config, run->stream, error);
    for (uint32_t i = 0; status == NBA_OK && i < scenario->reference_count; i++) {
        status = send_reference(run, &scenario->references[i], time_ms, error);
    }
    for (uint32_t i = 0; status == NBA_OK && i < scenario->profile_count; i++) {
        status = send_event(run, &scenario->profile_events[i], error);
    }
    return status == NBA_OK ? write_policy(run, scenario->policy_text, error) : status;
}

static enum nba_status start_engine(struct run *run, struct nba_error *error)
{
    const struct nba_engine_options options = {.config = &run->config,
                                               .schemas = run->options->schemas,
                                               .stream = run->stream,
                                               .clock = &nba_clock_system,
                                               .metrics = run->metrics,
                                               .idle_ms = 2};
    enum nba_status status = nba_engine_create(&options, &run->engine, error);
    status = status == NBA_OK ? nba_engine_start(run->engine, error) : status;
    return status == NBA_OK ? drain(run, error) : status;
}

/* ---- steps ---- */

_Noreturn static void end(struct run *run, enum drive_end how, struct nba_error *error)
{
    char path[PATH_BYTES_MAX + 16];
    (void)snprintf(path, sizeof(path), "%s/report", run->folder);
    if (how == DRIVE_ERROR || nba_file_write(path, nba_buf_str(&run->report), error) != NBA_OK) {
        run->progress->error = *error;
        how = DRIVE_ERROR;
    }
    (void)fflush(NULL);
    _exit((int)how);
}

/* The armed point was not passed: a failure, where somebody asked for it by name. */
static void unreached(struct run *run, struct nba_error *error)
{
    if (run->everywhere != NULL) {
        disarm(run->progress);
        return;
    }
    nba_buf_printf(&run->report, "  kill point %s was not reached in step %u\n",
                   nba_crash_point_name(run->progress->points[0]), run->progress->at + 1);
    end(run, DRIVE_FAILED, error);
}

static void arm_for_step(const struct progress *progress)
{
    if (progress->points[0] == NBA_KILL_POINT_in_unknown_outcome) {
        atomic_store(&lose_commit, true);
    }
    if (passed_at_start(progress->points[0])) {
        arm(NBA_KILL_POINT_after_commit); /* so that there is something to restore */
    } else {
        arm(progress->points[0]);
    }
}

static enum nba_status crash(struct run *run, const struct step *step, struct nba_error *error)
{
    struct progress *progress = run->progress;
    const uint32_t point = step->points[run->points[progress->at]];
    memcpy(progress_end(run, progress->at + 1, OUT_ACTION),
           progress_end(run, progress->at, OUT_ACTION),
           OUT_COUNT * (size_t)run->scenario->partition_count * sizeof(int64_t));
    progress->at++;
    if (point == CRASH_IDLE) {
        progress->idle = true;
        (void)raise(SIGKILL);
    }
    if (progress->point_count == CRASHES_MAX) {
        return nba_error_set(error, NBA_E_LIMIT, "more than %u crashes in a row", CRASHES_MAX);
    }
    progress->points[progress->point_count++] = point;
    return NBA_OK;
}

static enum nba_status take_step(struct run *run, const struct step *step, struct nba_error *error)
{
    struct progress *progress = run->progress;
    const bool input = step->kind == STEP_EVENT || step->kind == STEP_CLOCK;
    enum nba_status status = NBA_OK;
    if (!progress->noted) {
        status = note_states(run, true, error);
        status = status == NBA_OK ? note_highs(run, step, error) : status;
        if (status == NBA_OK && run->everywhere != NULL && progress->at < run->crash_end) {
            progress->points[0] = *run->everywhere;
            progress->point_count = 1;
        }
    }
    if (status == NBA_OK && progress->point_count != 0) {
        arm_for_step(progress);
    }
    status = status == NBA_OK ? put_in(run, step, error) : status;
    if (status == NBA_OK) {
        status = input ? drain_all(run, error) : settle(run, error);
    }
    if (status == NBA_OK && progress->point_count != 0) {
        if (run->everywhere == NULL && passed_at_end(progress->points[0])) {
            status = nba_engine_stop(run->engine, error);
        }
        unreached(run, error);
    }
    status = status == NBA_OK ? note_states(run, false, error) : status;
    status = status == NBA_OK ? note_ends(run, progress->at + 1, error) : status;
    if (status == NBA_OK) {
        progress->at++;
        progress->noted = false;
    }
    return status;
}

static enum nba_status take_steps(struct run *run, struct nba_error *error)
{
    enum nba_status status = NBA_OK;
    while (status == NBA_OK && run->progress->at < run->scenario->step_count) {
        const struct step *step = &run->scenario->steps[run->progress->at];
        status = step->kind == STEP_CRASH ? crash(run, step, error) : take_step(run, step, error);
        if (status != NBA_OK) {
            (void)nba_error_prefix(error, "step %u '%.*s'", run->progress->at + 1,
                                   NBA_STR_ARG(step->label));
        }
    }
    return status;
}

static enum nba_status write_outputs(struct run *run, struct nba_error *error)
{
    char path[PATH_BYTES_MAX + 16];
    struct nba_buf lines;
    nba_buf_init(&lines, (size_t)1 << 30);
    enum nba_status status = nba_collect_outputs(run, &lines, error);
    (void)snprintf(path, sizeof(path), "%s/outputs", run->folder);
    status = status == NBA_OK ? nba_file_write(path, nba_buf_str(&lines), error) : status;
    nba_buf_clear(&lines);
    return status;
}

static enum nba_status go_on(struct run *run, struct nba_error *error)
{
    struct progress *progress = run->progress;
    enum nba_status status = configure(run, error);
    status = status == NBA_OK ? open_log(run, error) : status;
    if (status == NBA_OK && !progress->begun) {
        status = give_world(run, error);
    }
    if (status == NBA_OK && progress->at_start) {
        arm(progress->points[0]);
    } else if (status == NBA_OK && progress->noted && progress->point_count != 0) {
        arm_for_step(progress); /* its records are in the log already, and taken at once */
    }
    status = status == NBA_OK ? start_engine(run, error) : status;
    if (status == NBA_OK && progress->at_start) {
        unreached(run, error);
    }
    if (status == NBA_OK && !progress->begun) {
        status = note_ends(run, 0, error);
        progress->begun = status == NBA_OK;
    }
    status = status == NBA_OK ? take_steps(run, error) : status;
    if (status == NBA_OK && progress->point_count != 0) { /* no step has come */
        unreached(run, error);
    }
    if (status == NBA_OK) {
        status = nba_state_store_hash(nba_engine_store(run->engine), progress->state_hash, error);
    }
    return status == NBA_OK ? nba_engine_stop(run->engine, error) : status;
}

_Noreturn void nba_drive(struct run *run)
{
    bool passed = true;
    bool same = true;
    struct nba_error error = {NBA_OK, ""};
    char path[PATH_BYTES_MAX + 16];
    (void)alarm(WATCHDOG_S);
    (void)snprintf(path, sizeof(path), "%s/engine.log", run->folder);
    if (freopen(path, "a", stderr) == NULL) { /* the engine's log is no part of the answer */
        _exit((int)DRIVE_ERROR);
    }
    nba_log_set_level(NBA_LOG_ERROR);
    nba_buf_init(&run->value, VALUE_BYTES);
    nba_buf_init(&run->report, (size_t)16 << 20);
    run->metrics = nba_metrics_create();
    enum nba_status status = go_on(run, &error);
    status = status == NBA_OK ? write_outputs(run, &error) : status;
    if (status == NBA_OK && run->judged) {
        status = nba_judge(run, &passed, &error);
        if (status == NBA_OK && run->scenario->replay) {
            status = nba_collect_replay(run, &same, &error);
        }
        passed = passed && same;
        if (status == NBA_OK && run->same_as != NULL) {
            status = nba_collect_same(run, &same, &error);
        }
    }
    end(run, status != NBA_OK ? DRIVE_ERROR : passed && same ? DRIVE_PASSED : DRIVE_FAILED, &error);
}
