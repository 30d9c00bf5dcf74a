/*
 * Reading: a cursor a partition, each with an iterator over what was visible when it was made.
 *
 * A cursor asks for the marks (under the lock) only when its iterator has run out, so a backlog is
 * read without a lock and at a low rate there is one iterator for what has come since.
 */
#include <stdlib.h>

#include "local_internal.h"
#include "nba/base/assert.h"

struct local_reader {
    struct nba_local_log *log;
    struct nba_local_cursors cursors;
};

void nba_local_cursors_clear(struct nba_local_cursors *cursors)
{
    for (size_t i = 0; i < cursors->count; i++) {
        nba_kv_iter_destroy(cursors->items[i].iter);
    }
    free(cursors->items);
    *cursors = (struct nba_local_cursors){0};
}

void nba_local_cursors_set(struct nba_local_cursors *cursors, const struct nba_position *positions,
                           struct nba_local_topic *const *topics, size_t count)
{
    nba_local_cursors_clear(cursors);
    cursors->items = calloc(count + 1, sizeof(*cursors->items));
    NBA_ASSERT(cursors->items != NULL);
    cursors->count = count;
    for (size_t i = 0; i < count; i++) {
        cursors->items[i].topic = topics[i];
        cursors->items[i].partition = positions[i].partition;
        cursors->items[i].position = positions[i].offset;
        cursors->items[i].end_told = -1;
    }
}

/* The next record of the iterator, if it has one left; else it is closed. */
static enum nba_status take_record(struct nba_local_cursor *cursor, enum nba_poll *ret_what,
                                   struct nba_record *ret_record, struct nba_error *error)
{
    if (!nba_kv_iter_valid(cursor->iter)) {
        const enum nba_status status = nba_kv_iter_status(cursor->iter, error);
        nba_kv_iter_destroy(cursor->iter);
        cursor->iter = NULL;
        if (status == NBA_OK) {
            cursor->position = cursor->iter_end;
        }
        return status;
    }
    const int64_t offset = nba_local_key_offset(nba_kv_iter_key(cursor->iter));
    const enum nba_status status =
        nba_local_record_decode(nba_kv_iter_value(cursor->iter), ret_record, error);
    if (status != NBA_OK) {
        if (error != NULL) {
            nba_error_prefix(error, "%s/%d at offset %lld", cursor->topic->name, cursor->partition,
                             (long long)offset);
        }
        return status;
    }
    ret_record->topic = nba_str_of(cursor->topic->name);
    ret_record->partition = cursor->partition;
    ret_record->offset = offset;
    cursor->position = offset + 1;
    nba_kv_iter_next(cursor->iter);
    *ret_what = NBA_POLL_RECORD;
    return NBA_OK;
}

/* Looks at the marks: an iterator when there is more, else NBA_POLL_END when not yet told. */
static enum nba_status look(struct nba_local_log *log, struct nba_local_cursor *cursor,
                            enum nba_poll *ret_what, struct nba_record *ret_record,
                            struct nba_error *error)
{
    pthread_mutex_lock(&log->lock);
    const bool gone = cursor->topic->gone;
    const struct nba_local_partition marks = cursor->topic->partitions[cursor->partition];
    pthread_mutex_unlock(&log->lock);
    if (gone || cursor->position < marks.low || cursor->position > marks.next) {
        return nba_error_set(error, NBA_E_NOT_FOUND,
                             "cannot read %s/%d at offset %lld: the log has %lld to %lld%s",
                             cursor->topic->name, cursor->partition, (long long)cursor->position,
                             (long long)marks.low, (long long)marks.next, gone ? ", deleted" : "");
    }
    if (cursor->position < marks.stable) {
        cursor->iter =
            nba_local_scan(log, cursor->topic, cursor->partition, cursor->position, marks.stable);
        cursor->iter_end = marks.stable;
    } else if (cursor->end_told != cursor->position && cursor->position == marks.stable) {
        cursor->end_told = cursor->position;
        ret_record->topic = nba_str_of(cursor->topic->name);
        ret_record->partition = cursor->partition;
        ret_record->offset = cursor->position;
        *ret_what = NBA_POLL_END;
    }
    return NBA_OK;
}

enum nba_status nba_local_cursors_poll(struct nba_local_log *log, struct nba_local_cursors *cursors,
                                       enum nba_poll *ret_what, struct nba_record *ret_record,
                                       struct nba_error *error)
{
    enum nba_status status = NBA_OK;
    *ret_what = NBA_POLL_NONE;
    for (size_t tried = 0; tried < cursors->count; tried++) {
        struct nba_local_cursor *cursor = &cursors->items[cursors->turn];
        cursors->turn = (cursors->turn + 1) % cursors->count;
        if (cursor->iter != NULL) {
            status = take_record(cursor, ret_what, ret_record, error);
        }
        /* At most: make an iterator, find it empty (a gap), see the end. */
        for (int i = 0; i < 2 && status == NBA_OK && *ret_what == NBA_POLL_NONE; i++) {
            status = look(log, cursor, ret_what, ret_record, error);
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
    struct local_reader *reader = calloc(1, sizeof(*reader));
    if (reader == NULL) {
        return nba_error_set(error, NBA_E_NO_MEMORY, "cannot create reader: out of memory");
    }
    reader->log = self;
    *ret_reader = reader;
    return NBA_OK;
}

void nba_local_reader_destroy(void *self)
{
    struct local_reader *reader = self;
    nba_local_cursors_clear(&reader->cursors);
    free(reader);
}

enum nba_status nba_local_reader_assign(void *self, const struct nba_position *positions,
                                        size_t count, struct nba_error *error)
{
    struct local_reader *reader = self;
    struct nba_local_log *log = reader->log;
    enum nba_status status = NBA_OK;
    struct nba_local_topic **topics = calloc(count + 1, sizeof(struct nba_local_topic *));
    NBA_ASSERT(topics != NULL);
    pthread_mutex_lock(&log->lock);
    for (size_t i = 0; i < count && status == NBA_OK; i++) {
        NBA_ASSERT(positions[i].offset >= 0);
        topics[i] = nba_local_find_topic(log, positions[i].topic, positions[i].partition, error);
        status = topics[i] != NULL ? NBA_OK : NBA_E_NOT_FOUND;
    }
    pthread_mutex_unlock(&log->lock);
    if (status == NBA_OK) {
        nba_local_cursors_set(&reader->cursors, positions, topics, count);
    }
    free(topics);
    return status;
}

enum nba_status nba_local_reader_poll(void *self, int timeout_ms, enum nba_poll *ret_what,
                                      struct nba_record *ret_record, struct nba_error *error)
{
    struct local_reader *reader = self;
    struct nba_local_log *log = reader->log;
    bool waited = false;
    struct timespec deadline = {0, 0};
    for (;;) {
        pthread_mutex_lock(&log->lock);
        const uint64_t version = log->version;
        pthread_mutex_unlock(&log->lock);
        const enum nba_status status =
            nba_local_cursors_poll(log, &reader->cursors, ret_what, ret_record, error);
        if (status != NBA_OK || *ret_what != NBA_POLL_NONE || timeout_ms == 0) {
            return status;
        }
        if (!waited) {
            deadline = nba_local_deadline(timeout_ms);
            waited = true;
        }
        pthread_mutex_lock(&log->lock);
        const bool more = nba_local_wait(log, version, &deadline);
        pthread_mutex_unlock(&log->lock);
        if (!more) {
            return NBA_OK;
        }
    }
}
