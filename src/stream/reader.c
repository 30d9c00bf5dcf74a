/* Readers, members and their records: the backend's object and the table that goes with it. */
#include "nba/stream/reader.h"

#include <string.h>

#include "backend_internal.h"
#include "nba/base/assert.h"

void nba_record_release(struct nba_record *record)
{
    if (record != NULL) {
        if (record->release != NULL) {
            record->release(record->owner);
        }
        memset(record, 0, sizeof(*record));
    }
}

enum nba_status nba_reader_create(struct nba_stream *stream, enum nba_isolation isolation,
                                  struct nba_reader **ret_reader, struct nba_error *error)
{
    void *self = NULL;
    const enum nba_status status = stream->backend->reader_create(stream, isolation, &self, error);
    if (status == NBA_OK) {
        *ret_reader = self;
        (*ret_reader)->backend = stream->backend;
    }
    return status;
}

void nba_reader_destroy(struct nba_reader *reader)
{
    if (reader != NULL) {
        reader->backend->reader_destroy(reader);
    }
}

enum nba_status nba_reader_assign(struct nba_reader *reader, const struct nba_position *positions,
                                  size_t count, struct nba_error *error)
{
    return reader->backend->reader_assign(reader, positions, count, error);
}

static enum nba_status poll_with(enum nba_status (*ask)(void *self, int timeout_ms,
                                                        enum nba_poll *ret_what,
                                                        struct nba_record *ret_record,
                                                        struct nba_error *error),
                                 void *self, int timeout_ms, enum nba_poll *ret_what,
                                 struct nba_record *ret_record, struct nba_error *error)
{
    NBA_ASSERT(timeout_ms >= 0);
    enum nba_poll what = NBA_POLL_NONE;
    struct nba_record record = {0};
    const enum nba_status status = ask(self, timeout_ms, &what, &record, error);
    if (status == NBA_OK) {
        *ret_what = what;
        *ret_record = record;
    }
    return status;
}

enum nba_status nba_reader_poll(struct nba_reader *reader, int timeout_ms, enum nba_poll *ret_what,
                                struct nba_record *ret_record, struct nba_error *error)
{
    return poll_with(reader->backend->reader_poll, reader, timeout_ms, ret_what, ret_record, error);
}

enum nba_status nba_member_create(struct nba_stream *stream,
                                  const struct nba_member_options *options,
                                  struct nba_member **ret_member, struct nba_error *error)
{
    NBA_ASSERT(options->topic_count > 0);
    NBA_ASSERT(options->assign != NULL && options->revoke != NULL);
    void *self = NULL;
    enum nba_status status = nba_stream_check_group(options->group_id, error);
    if (status == NBA_OK) {
        status = nba_stream_check_writable(stream, error);
    }
    if (status == NBA_OK) {
        status = stream->backend->member_create(stream, options, &self, error);
    }
    if (status == NBA_OK) {
        *ret_member = self;
        (*ret_member)->reader.backend = stream->backend;
    }
    return status;
}

enum nba_status nba_member_poll(struct nba_member *member, int timeout_ms, enum nba_poll *ret_what,
                                struct nba_record *ret_record, struct nba_error *error)
{
    return poll_with(member->reader.backend->member_poll, member, timeout_ms, ret_what, ret_record,
                     error);
}

void nba_member_close(struct nba_member *member, int deadline_ms)
{
    if (member != NULL) {
        member->reader.backend->member_close(member, deadline_ms);
    }
}
