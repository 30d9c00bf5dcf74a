/* What the rest of the module needs of the registry. */
#ifndef NBA_CODEC_SCHEMA_REGISTRY_INTERNAL_H
#define NBA_CODEC_SCHEMA_REGISTRY_INTERNAL_H

#include "nba/codec/avro_schema.h"
#include "nba/codec/program.h"
#include "nba/codec/schema_registry.h"

/* NULL: nothing loaded has this id (NBA_E_UNKNOWN_SCHEMA_ID).  *ret_index, if wanted, counts from 0
 * in the order of loading. */
const struct nba_avro_type *nba_schemas_find(const struct nba_schemas *schemas, uint32_t id,
                                             uint32_t *ret_index, struct nba_error *error);
/* Our current schema of a message. */
const struct nba_avro_type *nba_schemas_current(const struct nba_schemas *schemas,
                                                enum nba_schema which);
/* Its program for writing; the message must have a struct (bindings_internal.h). */
const struct nba_program *nba_schemas_writer(const struct nba_schemas *schemas,
                                             enum nba_schema which);

#endif
