/* A struct laid out for any reader's schema, so that tests can resolve pairs of schemas that none
 * of our messages has. */
#ifndef NBA_GENERIC_BINDING_H
#define NBA_GENERIC_BINDING_H

#include "nba/codec/avro_schema.h"
#include "nba/codec/binding.h"

/* NULL: not a record, or more enums than there is room for.  Valid until the next call; lies in
 * `arena` and borrows the type. */
const struct nba_record_binding *generic_binding(const struct nba_avro_type *record,
                                                 struct nba_arena *arena);

#endif
