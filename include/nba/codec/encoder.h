/*
 * Messages become bytes: Confluent wire format under our own current schemas, appended to `buf`.
 *
 * CANONICAL.  Equal messages give equal bytes on every machine: an array is one block, a map's keys
 * stand in bytewise order, numbers are the shortest varints; an absent text, time or record is null
 * where the schema allows it.  Fields of a schema that our structs don't hold get their default.
 *
 * ERRORS.  None at the call: buf->failed tells, as everywhere (base/buf.h).  It is set, and the
 * buffer is as long as before, also when a text is above NBA_STRING_BYTES_MAX or a list above
 * NBA_ITEMS_MAX: nothing is written that our own decoder refuses.  A double that is NaN or infinite
 * is a bug and asserted.
 * THREADS.  Any; `schemas` is only read.
 */
#ifndef NBA_CODEC_ENCODER_H
#define NBA_CODEC_ENCODER_H

#include "nba/base/buf.h"
#include "nba/codec/schema_registry.h"
#include "nba/event/event.h"
#include "nba/event/message.h"
#include "nba/event/reference.h"

void nba_encode_event(const struct nba_schemas *schemas, const struct nba_event *event,
                      struct nba_buf *buf);
void nba_encode_reference(const struct nba_schemas *schemas, const struct nba_reference *reference,
                          struct nba_buf *buf);
void nba_encode_control(const struct nba_schemas *schemas, const struct nba_control *control,
                        struct nba_buf *buf);
void nba_encode_journal(const struct nba_schemas *schemas, const struct nba_journal *journal,
                        struct nba_buf *buf);
void nba_encode_action(const struct nba_schemas *schemas, const struct nba_action *action,
                       struct nba_buf *buf);
void nba_encode_slate(const struct nba_schemas *schemas, const struct nba_slate *slate,
                      struct nba_buf *buf);
void nba_encode_decision(const struct nba_schemas *schemas, const struct nba_decision *decision,
                         struct nba_buf *buf);
void nba_encode_rep_capacity(const struct nba_schemas *schemas,
                             const struct nba_rep_capacity *rep_capacity, struct nba_buf *buf);
void nba_encode_mail(const struct nba_schemas *schemas, const struct nba_mail *mail,
                     struct nba_buf *buf);

#endif
