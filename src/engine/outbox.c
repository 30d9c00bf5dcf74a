/* A growing array of records over the transaction's arena. */
#include "nba/engine/outbox.h"

#include <stdlib.h>

#include "nba/base/assert.h"
#include "nba/base/memory.h"

void nba_outbox_init(struct nba_outbox *outbox, struct nba_arena *arena)
{
    NBA_ASSERT(outbox != NULL && arena != NULL);
    *outbox = (struct nba_outbox){.arena = arena};
}

void nba_outbox_reset(struct nba_outbox *outbox)
{
    outbox->count = 0;
    outbox->bytes = 0;
    outbox->failed = false;
}

void nba_outbox_clear(struct nba_outbox *outbox)
{
    if (outbox != NULL) {
        free(outbox->records);
        *outbox = (struct nba_outbox){.arena = outbox->arena};
    }
}

struct nba_outbox_record *nba_outbox_add(struct nba_outbox *outbox, const char *topic,
                                         int32_t partition, struct nba_str key,
                                         struct nba_str value)
{
    NBA_ASSERT(outbox->arena != NULL && topic != NULL);
    outbox->records =
        nba_room(outbox->records, outbox->count, &outbox->capacity, sizeof(*outbox->records));
    const struct nba_str key_copy = nba_arena_copy(outbox->arena, key);
    const struct nba_str value_copy = nba_arena_copy(outbox->arena, value);
    struct nba_header *headers =
        nba_arena_take(outbox->arena, NBA_OUTBOX_HEADERS_MAX * sizeof(*headers));
    if (key_copy.data == NULL || value_copy.data == NULL || headers == NULL) {
        outbox->failed = true;
        return NULL;
    }
    struct nba_outbox_record *record = &outbox->records[outbox->count++];
    *record = (struct nba_outbox_record){
        .topic = topic,
        .partition = partition,
        .key = key_copy,
        .value = value_copy,
        .headers = headers,
    };
    outbox->bytes += key.bytes + value.bytes;
    return record;
}

void nba_outbox_header(struct nba_outbox *outbox, struct nba_outbox_record *record,
                       const char *name, struct nba_str value)
{
    if (record == NULL) {
        return;
    }
    NBA_ASSERT(record->header_count < NBA_OUTBOX_HEADERS_MAX);
    const struct nba_str copy = nba_arena_copy(outbox->arena, value);
    if (copy.data == NULL) {
        outbox->failed = true;
        return;
    }
    record->headers[record->header_count++] = (struct nba_header){nba_str_of(name), copy};
}
