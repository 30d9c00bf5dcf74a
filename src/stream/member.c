/* A member: the backend's object and the table that goes with it. */
#include "nba/stream/member.h"

#include <stdlib.h>
#include <string.h>

#include "backend_internal.h"
#include "nba/base/assert.h"

struct nba_member {
    const struct nba_stream_backend *backend;
    void *self;
};

enum nba_status nba_member_create(struct nba_stream *stream,
                                  const struct nba_member_options *options,
                                  struct nba_member **ret_member, struct nba_error *error)
{
    NBA_ASSERT(options->topic_count > 0);
    NBA_ASSERT(options->assign != NULL && options->revoke != NULL);
    enum nba_status status = nba_stream_check_group(options->group_id, error);
    if (status != NBA_OK) {
        return status;
    }
    struct nba_member *member = calloc(1, sizeof(*member));
    if (member == NULL) {
        return nba_error_set(error, NBA_E_NO_MEMORY, "cannot create member: out of memory");
    }
    member->backend = stream->backend;
    status = stream->backend->member_create(stream->self, options, &member->self, error);
    if (status != NBA_OK) {
        free(member);
        return status;
    }
    *ret_member = member;
    return NBA_OK;
}

enum nba_status nba_member_poll(struct nba_member *member, int timeout_ms, enum nba_poll *ret_what,
                                struct nba_record *ret_record, struct nba_error *error)
{
    NBA_ASSERT(timeout_ms >= 0);
    enum nba_poll what = NBA_POLL_NONE;
    struct nba_record record;
    memset(&record, 0, sizeof(record));
    const enum nba_status status =
        member->backend->member_poll(member->self, timeout_ms, &what, &record, error);
    if (status == NBA_OK) {
        *ret_what = what;
        *ret_record = record;
    }
    return status;
}

void nba_member_close(struct nba_member *member, int deadline_ms)
{
    if (member != NULL) {
        member->backend->member_close(member->self, deadline_ms);
        free(member);
    }
}

void *nba_member_self(const struct nba_member *member)
{
    return member->self;
}
