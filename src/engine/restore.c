/*
 * Restore: the changelog's tail, or all of it, into a task.
 *
 * ORDER MATTERS.  The group's committed offset was read first (it waits out a predecessor's pending
 * offsets); only then the changelog's high watermark is taken, uncommitted; then the changelog is
 * read committed until the position is there.  A target of the last stable offset would miss
 * updates that commit behind it.
 */
#include "engine_internal.h"
#include "nba/base/kill_point.h"
#include "nba/base/log.h"

#define POLL_MS 200

static enum nba_status read_changelog(struct nba_engine *engine, struct nba_task *task,
                                      struct nba_reader *reader, int64_t offset, int64_t high,
                                      int64_t *ret_position, struct nba_error *error)
{
    const char *topic = engine->options.config->topics.changelog;
    const struct nba_position start = {topic, nba_task_partition(task), offset};
    int64_t position = offset;
    enum nba_status status = nba_reader_assign(reader, &start, 1, error);
    while (status == NBA_OK && position < high) {
        enum nba_poll what = NBA_POLL_NONE;
        struct nba_record record = {0};
        if (atomic_load(&engine->stopping)) {
            return nba_error_set(error, NBA_E_INTERRUPTED, "stopped while restoring");
        }
        status = nba_reader_poll(reader, POLL_MS, &what, &record, error);
        if (nba_engine_tries_again(engine, status, error)) {
            status = NBA_OK;
            continue;
        }
        if (status != NBA_OK || what == NBA_POLL_NONE) {
            continue;
        }
        NBA_KILL_POINT(in_restore);
        if (what == NBA_POLL_RECORD) {
            status = nba_task_restore_apply(task, record.key, record.value, record.value_null,
                                            record.offset, error);
            position = record.offset + 1;
        } else if (record.offset > position) {
            position = record.offset;
        }
        nba_record_release(&record);
    }
    *ret_position = position;
    return status;
}

static enum nba_status restore_once(struct nba_engine *engine, struct nba_task *task,
                                    struct nba_reader *reader, bool whole, bool *ret_again,
                                    struct nba_error *error)
{
    const char *topic = engine->options.config->topics.changelog;
    const int32_t partition = nba_task_partition(task);
    const struct nba_clock *clock = engine->options.clock;
    const int64_t began_us = nba_clock_monotonic_us(clock);
    const char *why = "asked for";
    struct nba_changelog_bounds bounds = {
        .now_ms = nba_clock_wall_ms(clock),
        .delete_retention_ms = engine->changelog_delete_retention_ms,
    };
    int64_t offset = 0;
    int64_t position = 0;
    enum nba_status status = NBA_OK;
    do {
        status = nba_stream_watermarks(engine->options.stream, topic, partition,
                                       NBA_READ_UNCOMMITTED, &bounds.low, &bounds.high, error);
    } while (nba_engine_tries_again(engine, status, error));
    if (status != NBA_OK) {
        return status;
    }
    enum nba_restore how = nba_task_plan_restore(task, &bounds, &why);
    if (whole) {
        how = NBA_RESTORE_WHOLE;
    }
    status = nba_task_restore_begin(task, how, &bounds, &offset, error);
    if (status == NBA_OK) {
        status = read_changelog(engine, task, reader, offset, bounds.high, &position, error);
    }
    if (status == NBA_OK) {
        status = nba_task_restore_end(task, position, ret_again, error);
    }
    if (status == NBA_OK && (position > offset || how == NBA_RESTORE_WHOLE)) {
        nba_log(
            NBA_LOG_INFO, "restored", "partition=%d how=%s why=\"%s\" from=%lld to=%lld ms=%lld",
            (int)partition, how == NBA_RESTORE_WHOLE ? "whole" : "tail", why, (long long)offset,
            (long long)position, (long long)((nba_clock_monotonic_us(clock) - began_us) / 1000));
    }
    return status;
}

/* A task without state begins at its first record, or where the range says. */
static enum nba_status begin_task(const struct nba_engine *engine, struct nba_task *task,
                                  int64_t *ret_input_next, struct nba_error *error)
{
    const struct nba_engine_range *range = engine->options.range;
    const int32_t partition = nba_task_partition(task);
    int64_t first = range != NULL ? range->from[partition] : -1;
    int64_t high = 0;
    enum nba_status status = NBA_OK;
    while (first < 0 && status == NBA_OK) {
        status =
            nba_stream_watermarks(engine->options.stream, engine->options.config->topics.engagement,
                                  partition, NBA_READ_COMMITTED, &first, &high, error);
        status = nba_engine_tries_again(engine, status, error) ? NBA_OK : status;
    }
    if (status == NBA_OK) {
        nba_task_begin_at(task, first);
        *ret_input_next = first;
    }
    return status;
}

static enum nba_status restore_and_check(struct nba_engine *engine, struct nba_task *task,
                                         struct nba_reader *reader, int64_t committed,
                                         int64_t *ret_input_next, struct nba_error *error)
{
    bool again = false;
    enum nba_status status = restore_once(engine, task, reader, false, &again, error);
    if (status == NBA_OK && again) {
        status = restore_once(engine, task, reader, true, &again, error);
    }
    return status == NBA_OK ? nba_task_check_committed(task, committed, ret_input_next, error)
                            : status;
}

/* Whether the group's offset is another one now: who stood still in a restore knows an old one. */
static bool group_went_on(const struct nba_engine *engine, const struct nba_task *task,
                          int64_t *committed)
{
    const struct nba_config *config = engine->options.config;
    struct nba_error ignored = {0};
    const int64_t known = *committed;
    return nba_stream_group_committed(engine->options.stream, config->application_id,
                                      config->topics.engagement, nba_task_partition(task),
                                      committed, &ignored) == NBA_OK &&
           *committed != known;
}

enum nba_status nba_restore_task(struct nba_engine *engine, struct nba_task *task,
                                 int64_t committed, int64_t *ret_input_next,
                                 struct nba_error *error)
{
    struct nba_reader *reader = NULL;
    enum nba_status status =
        nba_reader_create(engine->options.stream, NBA_READ_COMMITTED, &reader, error);
    nba_gauge_add(engine->tasks_restoring, 1);
    if (status == NBA_OK) {
        do {
            status = restore_and_check(engine, task, reader, committed, ret_input_next, error);
        } while (status == NBA_E_CORRUPT && group_went_on(engine, task, &committed));
    }
    nba_reader_destroy(reader);
    nba_gauge_add(engine->tasks_restoring, -1);
    if (status == NBA_OK && nba_task_committed_meta(task)->txn_seq == 0) {
        status = begin_task(engine, task, ret_input_next, error);
    }
    NBA_KILL_POINT(after_restore);
    return status;
}
