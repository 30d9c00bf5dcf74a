/*
 * Bytes become messages.
 *
 * FORMAT.  Confluent wire format: a zero byte, the writer's schema id as four bytes big-endian, an
 * Avro body (docs/formats/wire.md).  Writer's schema and our struct are compiled, once per schema
 * id, into a flat program (program.h) that reads without copies and resolves by Avro's rules:
 * fields by name or alias, defaults, enums by name, promotions, unions on either side.
 *
 * OWNERSHIP.  Texts borrow `value` or a default in the decoder; arrays and nested records come from
 * the caller's arena.  The message lives as long as all three.
 * THREADS.  One decoder a worker: it keeps compiled programs.  The schemas are shared.
 *
 * ERRORS, all of class SKIP but NO_MEMORY; `error` names the field:
 *   NBA_E_TRUNCATED            empty, or a length or count that the bytes left can't hold
 *   NBA_E_NOT_AVRO             first byte not 0, an index or number that no writer makes, bytes
 *                              left over: a whole value is exactly one datum
 *   NBA_E_UNKNOWN_SCHEMA_ID    nothing loaded has this id
 *   NBA_E_SCHEMA_INCOMPATIBLE  the writer's schema, or the branch or symbol in this value, has no
 *                              reading as ours; the former is remembered per id
 *   NBA_E_LIMIT                value, string, id, array, map or depth above base/limits.h
 *   NBA_E_BAD_UTF8, NBA_E_NON_FINITE
 *   NBA_E_UNKNOWN_TYPE         event_type is none that we know
 *   NBA_E_NO_MEMORY            the arena is full: it needs at most 32 times the value's bytes, and
 *                              2 MiB more for a writer whose items are shorter than ours
 * What is not bound to a field of ours is skipped and only checked for its length.
 */
#ifndef NBA_CODEC_DECODER_H
#define NBA_CODEC_DECODER_H

#include <stdbool.h>
#include <stdint.h>

#include "nba/base/arena.h"
#include "nba/base/status.h"
#include "nba/codec/schema_registry.h"
#include "nba/event/event.h"
#include "nba/event/message.h"
#include "nba/event/reference.h"

struct nba_decoder;

/* `schemas` must outlive the decoder. */
struct nba_decoder *nba_decoder_create(const struct nba_schemas *schemas);
void nba_decoder_destroy(struct nba_decoder *decoder);
const struct nba_schemas *nba_decoder_schemas(const struct nba_decoder *decoder);

NBA_MUST_USE
enum nba_status nba_decode_event(struct nba_decoder *decoder, struct nba_str value,
                                 struct nba_arena *arena, struct nba_event *ret_event,
                                 struct nba_error *error);
/* NBA_E_SCHEMA_INCOMPATIBLE also when the record its `kind` names is absent. */
NBA_MUST_USE
enum nba_status nba_decode_reference(struct nba_decoder *decoder, struct nba_str value,
                                     struct nba_arena *arena, struct nba_reference *ret_reference,
                                     struct nba_error *error);
NBA_MUST_USE
enum nba_status nba_decode_control(struct nba_decoder *decoder, struct nba_str value,
                                   struct nba_arena *arena, struct nba_control *ret_control,
                                   struct nba_error *error);
NBA_MUST_USE
enum nba_status nba_decode_journal(struct nba_decoder *decoder, struct nba_str value,
                                   struct nba_arena *arena, struct nba_journal *ret_journal,
                                   struct nba_error *error);
NBA_MUST_USE
enum nba_status nba_decode_action(struct nba_decoder *decoder, struct nba_str value,
                                  struct nba_arena *arena, struct nba_action *ret_action,
                                  struct nba_error *error);
NBA_MUST_USE
enum nba_status nba_decode_slate(struct nba_decoder *decoder, struct nba_str value,
                                 struct nba_arena *arena, struct nba_slate *ret_slate,
                                 struct nba_error *error);
NBA_MUST_USE
enum nba_status nba_decode_decision(struct nba_decoder *decoder, struct nba_str value,
                                    struct nba_arena *arena, struct nba_decision *ret_decision,
                                    struct nba_error *error);
NBA_MUST_USE
enum nba_status nba_decode_rep_capacity(struct nba_decoder *decoder, struct nba_str value,
                                        struct nba_arena *arena,
                                        struct nba_rep_capacity *ret_rep_capacity,
                                        struct nba_error *error);
NBA_MUST_USE
enum nba_status nba_decode_mail(struct nba_decoder *decoder, struct nba_str value,
                                struct nba_arena *arena, struct nba_mail *ret_mail,
                                struct nba_error *error);

/* The schema id in front of `value`, for a dead letter's header; false when there is none. */
bool nba_wire_schema_id(struct nba_str value, uint32_t *ret_id);

#endif
