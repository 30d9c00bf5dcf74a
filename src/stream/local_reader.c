/*
 * Reading: a cursor a partition, each with an iterator over what was visible when it was made.
 *
 * A cursor asks for the marks (under the lock) only when its iterator has run out, so a backlog is
 * read without a lock and at a low rate there is one iterator for what has come since.
 */
#include <stdlib.h>

#include "local_internal.h"
#include "nba/base/assert.h"
#include "nba/base/memory.h"

void nba_local_cursor_add(struct nba_local_reader *reader, struct nba_local_partition *partition,
                          int64_t position)
{
    reader->cursors = nba_room(reader->cursors, reader->cursor_count, &reader->cursor_capacity,
                               sizeof(*reader->cursors));
    reader->cursors[reader->cursor_count++] =
        (struct nba_local_cursor){.partition = partition, .position = position, .end_told = -1};
}

void nba_local_cursors_clear(struct nba_local_reader *reader)
{
    for (size_t i = 0; i < reader->cursor_count; i++) {
        nba_kv_iter_destroy(reader->cursors[i].iter);
    }
    free(reader->cursors);
    free(reader->share);
    reader->cursors = NULL;
    reader->share = NULL;
    reader->cursor_count = reader->cursor_capacity = 0;
    reader->turn = 0;
}

static void tell(const struct nba_local_cursor *cursor, enum nba_poll what, int64_t offset,
                 enum nba_poll *ret_what, struct nba_record *ret_record)
{
    ret_record->topic = nba_str_of(cursor->partition->topic->spec.name);
    ret_record->partition = cursor->partition->index;
    ret_record->offset = offset;
    *ret_what = what;
}

/* The next record of the iterator, if it has one left; else it is closed. */
static enum nba_status take_record(struct nba_local_cursor *cursor, enum nba_poll *ret_what,
                                   struct nba_record *ret_record, struct nba_error *error)
{
    if (!nba_kv_iter_valid(cursor->iter)) {
        const enum nba_status status = nba_local_iter_end(cursor->iter, error);
        cursor->iter = NULL;
        if (status == NBA_OK) {
            cursor->position = cursor->iter_end;
        }
        return status;
    }
    const enum nba_status status = nba_local_record_decode(cursor->iter, ret_record, error);
    if (status != NBA_OK) {
        if (error != NULL) {
            nba_error_prefix(error, "%s/%d", cursor->partition->topic->spec.name,
                             cursor->partition->index);
        }
        return status;
    }
    tell(cursor, NBA_POLL_RECORD, ret_record->offset, ret_what, ret_record);
    cursor->position = ret_record->offset + 1;
    nba_kv_iter_next(cursor->iter);
    return NBA_OK;
}

/* Looks at the marks: an iterator when there is more, else NBA_POLL_END when not yet told. */
static enum nba_status look(struct nba_local_log *log, struct nba_local_cursor *cursor,
                            enum nba_poll *ret_what, struct nba_record *ret_record,
                            struct nba_error *error)
{
    const struct nba_local_partition *p = cursor->partition;
    pthread_mutex_lock(&log->lock);
    const bool gone = p->topic->gone;
    const struct nba_local_marks marks = p->marks;
    pthread_mutex_unlock(&log->lock);
    if (gone || cursor->position < marks.low || cursor->position > marks.next) {
        return nba_error_set(error, NBA_E_NOT_FOUND,
                             "cannot read %s/%d at offset %lld: the log has %lld to %lld%s",
                             p->topic->spec.name, p->index, (long long)cursor->position,
                             (long long)marks.low, (long long)marks.next, gone ? ", deleted" : "");
    }
    if (cursor->position < marks.stable) {
        cursor->iter = nba_local_iter(log, p, cursor->position, marks.stable);
        cursor->iter_end = marks.stable;
    } else if (cursor->end_told != cursor->position && cursor->position == marks.stable) {
        cursor->end_told = cursor->position;
        tell(cursor, NBA_POLL_END, cursor->position, ret_what, ret_record);
    }
    return NBA_OK;
}

/* What is there now, without waiting. */
static enum nba_status poll_cursors(struct nba_local_reader *reader, enum nba_poll *ret_what,
                                    struct nba_record *ret_record, struct nba_error *error)
{
    enum nba_status status = NBA_OK;
    for (size_t tried = 0; tried < reader->cursor_count; tried++) {
        struct nba_local_cursor *cursor = &reader->cursors[reader->turn];
        reader->turn = (reader->turn + 1) % reader->cursor_count;
        /* At most: the iterator's end, another one, found empty (a gap), the partition's end. */
        for (int i = 0; i < 3 && status == NBA_OK && *ret_what == NBA_POLL_NONE; i++) {
            if (cursor->iter == NULL) {
                status = look(reader->log, cursor, ret_what, ret_record, error);
            }
            if (status == NBA_OK && cursor->iter != NULL) {
                status = take_record(cursor, ret_what, ret_record, error);
            }
        }
        if (status != NBA_OK || *ret_what != NBA_POLL_NONE) {
            break;
        }
    }
    return status;
}

enum nba_status nba_local_reader_create(void *self, enum nba_isolation isolation, void **ret_reader,
                                        struct nba_error *error)
{
    (void)isolation; /* what isn't decided isn't in the store */
    (void)error;
    struct nba_local_reader *reader = nba_zeros(1, sizeof(*reader));
    reader->log = self;
    *ret_reader = reader;
    return NBA_OK;
}

void nba_local_reader_destroy(void *self)
{
    struct nba_local_reader *reader = self;
    nba_local_cursors_clear(reader);
    free(reader);
}

enum nba_status nba_local_reader_assign(void *self, const struct nba_position *positions,
                                        size_t count, struct nba_error *error)
{
    struct nba_local_reader *reader = self;
    struct nba_local_reader assigned = {0};
    enum nba_status status = NBA_OK;
    pthread_mutex_lock(&reader->log->lock);
    for (size_t i = 0; i < count && status == NBA_OK; i++) {
        NBA_ASSERT(positions[i].offset >= 0);
        struct nba_local_partition *p =
            nba_local_find(reader->log, positions[i].topic, positions[i].partition, error);
        if (p == NULL) {
            status = NBA_E_NOT_FOUND;
        } else {
            nba_local_cursor_add(&assigned, p, positions[i].offset);
        }
    }
    pthread_mutex_unlock(&reader->log->lock);
    if (status == NBA_OK) {
        nba_local_cursors_clear(reader);
        reader->cursors = assigned.cursors;
        reader->cursor_count = assigned.cursor_count;
        reader->cursor_capacity = assigned.cursor_capacity;
    } else {
        nba_local_cursors_clear(&assigned);
    }
    return status;
}

enum nba_status nba_local_reader_poll(void *self, int timeout_ms, enum nba_poll *ret_what,
                                      struct nba_record *ret_record, struct nba_error *error)
{
    struct nba_local_reader *reader = self;
    struct nba_local_log *log = reader->log;
    int64_t deadline_us = 0;
    for (;;) {
        pthread_mutex_lock(&log->lock);
        enum nba_status status = nba_local_member_follow(reader, error);
        const uint64_t version = log->version;
        pthread_mutex_unlock(&log->lock);
        if (status == NBA_OK) {
            status = poll_cursors(reader, ret_what, ret_record, error);
        }
        if (status != NBA_OK || *ret_what != NBA_POLL_NONE || timeout_ms == 0) {
            return status;
        }
        if (deadline_us == 0) {
            deadline_us = nba_local_now_us() + timeout_ms * INT64_C(1000);
        }
        if (!nba_local_wait(log, version, deadline_us)) {
            return NBA_OK;
        }
    }
}
