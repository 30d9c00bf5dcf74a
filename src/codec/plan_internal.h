/*
 * A compiled encoder: our schema and our struct made into one flat list of operations, as program.h
 * does for reading.  Made once when the schemas are loaded.
 */
#ifndef NBA_CODEC_PLAN_INTERNAL_H
#define NBA_CODEC_PLAN_INTERNAL_H

#include "nba/base/arena.h"
#include "nba/base/buf.h"
#include "nba/base/status.h"
#include "nba/codec/avro_schema.h"
#include "nba/codec/binding.h"

struct nba_plan;

/* NBA_E_CONFIG: schema and binding don't fit (the message names the field); NBA_E_NO_MEMORY. */
NBA_MUST_USE
enum nba_status nba_plan_compile(const struct nba_avro_type *type,
                                 const struct nba_record_binding *binding, struct nba_arena *arena,
                                 const struct nba_plan **ret_plan, struct nba_error *error);

/* Appends the record as one datum.  On failure buf->failed is set and nothing appended. */
void nba_plan_write(const struct nba_plan *plan, const void *record, struct nba_buf *buf);

#endif
