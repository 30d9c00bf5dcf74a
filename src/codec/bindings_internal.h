/* Which struct holds which message; the tables themselves are in bindings.c. */
#ifndef NBA_CODEC_BINDINGS_INTERNAL_H
#define NBA_CODEC_BINDINGS_INTERNAL_H

#include "nba/codec/binding.h"
#include "nba/codec/schema_registry.h"

/* NULL for a message that no struct of ours holds yet. */
const struct nba_record_binding *nba_bindings_of(enum nba_schema which);

#endif
