/* A reader: the backend's object and the table that goes with it. */
#include "nba/stream/reader.h"

#include <stdlib.h>
#include <string.h>

#include "backend_internal.h"
#include "nba/base/assert.h"

struct nba_reader {
    const struct nba_stream_backend *backend;
    void *self;
};

enum nba_status nba_reader_create(struct nba_stream *stream, enum nba_isolation isolation,
                                  struct nba_reader **ret_reader, struct nba_error *error)
{
    struct nba_reader *reader = calloc(1, sizeof(*reader));
    if (reader == NULL) {
        return nba_error_set(error, NBA_E_NO_MEMORY, "cannot create reader: out of memory");
    }
    reader->backend = stream->backend;
    const enum nba_status status =
        stream->backend->reader_create(stream->self, isolation, &reader->self, error);
    if (status != NBA_OK) {
        free(reader);
        return status;
    }
    *ret_reader = reader;
    return NBA_OK;
}

void nba_reader_destroy(struct nba_reader *reader)
{
    if (reader != NULL) {
        reader->backend->reader_destroy(reader->self);
        free(reader);
    }
}

enum nba_status nba_reader_assign(struct nba_reader *reader, const struct nba_position *positions,
                                  size_t count, struct nba_error *error)
{
    NBA_ASSERT(positions != NULL || count == 0);
    return reader->backend->reader_assign(reader->self, positions, count, error);
}

enum nba_status nba_reader_poll(struct nba_reader *reader, int timeout_ms, enum nba_poll *ret_what,
                                struct nba_record *ret_record, struct nba_error *error)
{
    NBA_ASSERT(timeout_ms >= 0);
    enum nba_poll what = NBA_POLL_NONE;
    struct nba_record record;
    memset(&record, 0, sizeof(record));
    const enum nba_status status =
        reader->backend->reader_poll(reader->self, timeout_ms, &what, &record, error);
    if (status == NBA_OK) {
        *ret_what = what;
        *ret_record = record;
    }
    return status;
}
