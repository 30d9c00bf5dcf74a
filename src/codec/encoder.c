/* The head, then the message by its plan. */
#include "nba/codec/encoder.h"

#include "nba/base/assert.h"
#include "nba/base/limits.h"
#include "plan_internal.h"
#include "schema_registry_internal.h"
#include "wire_internal.h"

static void encode(const struct nba_schemas *schemas, enum nba_schema which, const void *message,
                   struct nba_buf *buf)
{
    NBA_ASSERT(schemas != NULL && message != NULL && buf != NULL);
    const size_t bytes_before = buf->bytes;
    nba_wire_put_head(nba_schemas_id(schemas, which), buf);
    nba_plan_write(nba_schemas_plan(schemas, which), message, buf);
    if (buf->failed) {
        buf->bytes = bytes_before;
    }
}

void nba_encode_event(const struct nba_schemas *schemas, const struct nba_event *event,
                      struct nba_buf *buf)
{
    encode(schemas, NBA_SCHEMA_ENGAGEMENT, event, buf);
}

void nba_encode_reference(const struct nba_schemas *schemas, const struct nba_reference *reference,
                          struct nba_buf *buf)
{
    encode(schemas, NBA_SCHEMA_CATALOG, reference, buf);
}

void nba_encode_control(const struct nba_schemas *schemas, const struct nba_control *control,
                        struct nba_buf *buf)
{
    encode(schemas, NBA_SCHEMA_CONTROL, control, buf);
}

void nba_encode_journal(const struct nba_schemas *schemas, const struct nba_journal *journal,
                        struct nba_buf *buf)
{
    encode(schemas, NBA_SCHEMA_JOURNAL, journal, buf);
}

void nba_encode_action(const struct nba_schemas *schemas, const struct nba_action *action,
                       struct nba_buf *buf)
{
    encode(schemas, NBA_SCHEMA_ACTION, action, buf);
}

void nba_encode_slate(const struct nba_schemas *schemas, const struct nba_slate *slate,
                      struct nba_buf *buf)
{
    encode(schemas, NBA_SCHEMA_SLATE, slate, buf);
}

void nba_encode_decision(const struct nba_schemas *schemas, const struct nba_decision *decision,
                         struct nba_buf *buf)
{
    encode(schemas, NBA_SCHEMA_DECISION, decision, buf);
}
