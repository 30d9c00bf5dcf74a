/* Polls until the position is at the end that was seen first; gaps and markers move it too. */
#include "partition_reader.h"

#include "nba/app/interrupt.h"

#define POLL_MS 100

enum nba_status nba_partition_reader_open(struct nba_partition_reader *reader,
                                          struct nba_stream *stream, const char *topic,
                                          int32_t partition, int64_t from, struct nba_error *error)
{
    int64_t low = 0;
    *reader = (struct nba_partition_reader){.position = from};
    enum nba_status status = nba_stream_watermarks(stream, topic, partition, NBA_READ_COMMITTED,
                                                   &low, &reader->high, error);
    if (status != NBA_OK) {
        return status;
    }
    reader->position = from < low ? low : from;
    if (reader->position >= reader->high) {
        return NBA_OK;
    }
    status = nba_reader_create(stream, NBA_READ_COMMITTED, &reader->reader, error);
    if (status == NBA_OK) {
        const struct nba_position start = {topic, partition, reader->position};
        status = nba_reader_assign(reader->reader, &start, 1, error);
    }
    return status;
}

enum nba_status nba_partition_reader_next(struct nba_partition_reader *reader,
                                          struct nba_record *ret_record, bool *ret_more,
                                          struct nba_error *error)
{
    while (reader->position < reader->high) {
        enum nba_poll what = NBA_POLL_NONE;
        struct nba_record record = {0};
        if (nba_interrupted()) {
            return nba_error_set(error, NBA_E_INTERRUPTED, "interrupted");
        }
        const enum nba_status status =
            nba_reader_poll(reader->reader, POLL_MS, &what, &record, error);
        if (status != NBA_OK) {
            return status;
        }
        if (what == NBA_POLL_RECORD) {
            reader->position = record.offset + 1;
            *ret_record = record;
            *ret_more = true;
            return NBA_OK;
        }
        if (what == NBA_POLL_END) {
            reader->position = record.offset;
        }
        nba_record_release(&record);
    }
    *ret_more = false;
    return NBA_OK;
}

void nba_partition_reader_close(struct nba_partition_reader *reader)
{
    nba_reader_destroy(reader->reader);
    reader->reader = NULL;
}
