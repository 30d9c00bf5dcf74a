/* The head, then the message by its program. */
#include "nba/codec/encoder.h"

#include "nba/base/assert.h"
#include "program_internal.h"
#include "schema_registry_internal.h"
#include "wire_internal.h"

static void encode(const struct nba_schemas *schemas, enum nba_schema which, const void *message,
                   struct nba_buf *buf)
{
    NBA_ASSERT(schemas != NULL && message != NULL && buf != NULL);
    const size_t bytes_before = buf->bytes;
    nba_wire_put_head(nba_schemas_id(schemas, which), buf);
    nba_program_write(nba_schemas_writer(schemas, which), message, buf);
    if (buf->failed) {
        buf->bytes = bytes_before;
    }
}

#define ENCODE(noun, WHICH)                                                                  \
    void nba_encode_##noun(const struct nba_schemas *schemas, const struct nba_##noun *noun, \
                           struct nba_buf *buf)                                              \
    {                                                                                        \
        encode(schemas, NBA_SCHEMA_##WHICH, noun, buf);                                      \
    }

ENCODE(event, ENGAGEMENT)
ENCODE(reference, CATALOG)
ENCODE(control, CONTROL)
ENCODE(journal, JOURNAL)
ENCODE(action, ACTION)
ENCODE(slate, SLATE)
ENCODE(decision, DECISION)
ENCODE(mail, MAILBOX)
ENCODE(rep_capacity, REP_CAPACITY)
