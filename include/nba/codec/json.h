/*
 * Messages as JSON, by their schemas: what `consume` prints and `produce` reads.
 *
 * FORM.  Records are objects, maps objects, arrays arrays, enums their symbols; timestamp-millis is
 * an RFC 3339 text ("2026-11-20T15:30:00Z"); bytes and fixed are base64.  A union of null and one
 * type is its value alone; of more types {"type": value} as in Avro's JSON, or null.  Keys stand in
 * the schema's order.  Doubles have the fewest digits that read back equal; "NaN", "Infinity" and
 * "-Infinity" are texts.
 *
 * Reading takes the same form, a type in front of a union's value or none, and integers (ms) for
 * times.  A missing field takes its default, an unknown one is an error; errors name the place:
 * "profile.specialties[1]: expected string, got 7".
 */
#ifndef NBA_CODEC_JSON_H
#define NBA_CODEC_JSON_H

#include "nba/base/arena.h"
#include "nba/base/buf.h"
#include "nba/base/record.h"
#include "nba/base/status.h"
#include "nba/codec/decoder.h"
#include "nba/codec/schema_registry.h"

/*
 * Appends one line with its line feed:
 *   {"topic":"...","partition":0,"offset":7,"timestamp":"...","key":"...",
 *    "headers":{...},"value":{...}}
 * Keys and header values that are not UTF-8 become {"base64":"..."}; a null key or value is null.
 * A value whose first byte is not 0 or that its schema can't read (dead letters, the changelog) is
 * printed as {"base64":"..."} too.  Never fails but by buf->failed.
 */
void nba_json_print_record(const struct nba_schemas *schemas, const struct nba_record *record,
                           struct nba_buf *buf);

/* The value alone, no line feed.  Errors as in decoder.h; nothing is appended then. */
NBA_MUST_USE
enum nba_status nba_json_print_value(const struct nba_schemas *schemas, struct nba_str value,
                                     struct nba_buf *buf, struct nba_error *error);

/* `text` is one JSON object; appends the value's wire bytes.  NBA_E_CONFIG: not JSON (line and
 * column), or not this message (the field and what was expected); NBA_E_LIMIT. */
NBA_MUST_USE
enum nba_status nba_json_parse_value(const struct nba_schemas *schemas, enum nba_schema which,
                                     struct nba_str text, struct nba_buf *buf,
                                     struct nba_error *error);

/* The same, into the struct; texts live in `arena`. */
NBA_MUST_USE
enum nba_status nba_json_parse_event(struct nba_decoder *decoder, struct nba_str text,
                                     struct nba_arena *arena, struct nba_event *ret_event,
                                     struct nba_error *error);
NBA_MUST_USE
enum nba_status nba_json_parse_reference(struct nba_decoder *decoder, struct nba_str text,
                                         struct nba_arena *arena,
                                         struct nba_reference *ret_reference,
                                         struct nba_error *error);
NBA_MUST_USE
enum nba_status nba_json_parse_control(struct nba_decoder *decoder, struct nba_str text,
                                       struct nba_arena *arena, struct nba_control *ret_control,
                                       struct nba_error *error);

/* Appends what a JSON string, quotes included, stands for; false when it is none. */
bool nba_json_unescape(struct nba_str quoted, struct nba_buf *buf);

#endif
