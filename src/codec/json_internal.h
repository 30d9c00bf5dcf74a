/*
 * JSON into one Avro datum and one datum into JSON, by a schema alone: what json.h, container.h and
 * the compiler of defaults stand on.
 */
#ifndef NBA_CODEC_JSON_INTERNAL_H
#define NBA_CODEC_JSON_INTERNAL_H

#include <stdbool.h>
#include <string.h>

#include "nba/base/buf.h"
#include "nba/base/status.h"
#include "nba/codec/avro_schema.h"

enum nba_json_form {
    NBA_JSON_FRIENDLY, /* the form of json.h */
    NBA_JSON_DEFAULT,  /* a schema's default: unions without tags, bytes as code points */
};

/* Do values of this union say their type?  Where there is a choice but that of null. */
static inline bool nba_json_is_tagged(const struct nba_avro_type *type)
{
    return type->branch_count > (nba_avro_null_branch(type) >= 0 ? 2u : 1u);
}

/* What Avro's JSON calls a branch. */
static inline const char *nba_json_tag(const struct nba_avro_type *branch)
{
    return branch->full_name != NULL ? branch->full_name : nba_avro_kind_name(branch->kind);
}

/* The 64 digits of base64 (RFC 4648, table 1). */
extern const char nba_base64_digits[];

/* The text as jansson's tree.  NBA_E_CONFIG: `what`, then line, column and what is wrong there. */
NBA_MUST_USE
enum nba_status nba_json_load(struct nba_str text, const char *what, struct json_t **ret_json,
                              struct nba_error *error);

/* Appends the datum.  NBA_E_CONFIG with the place and what was expected, NBA_E_LIMIT when `buf` is
 * full; `buf` may then hold a part. */
NBA_MUST_USE
enum nba_status nba_json_read_datum(const struct json_t *json, const struct nba_avro_type *type,
                                    enum nba_json_form form, struct nba_buf *buf,
                                    struct nba_error *error);

/* Prints the datum that `cursor` stands at and moves behind it; on failure nothing is appended.
 * Errors as in decoder.h. */
NBA_MUST_USE
enum nba_status nba_json_print_datum(struct nba_cursor *cursor, const struct nba_avro_type *type,
                                     struct nba_buf *buf, struct nba_error *error);

/* "text" with quotes and escapes, or as raw when it isn't UTF-8. */
void nba_json_print_text(struct nba_str text, struct nba_buf *buf);
/* {"base64":"..."} */
void nba_json_print_raw(struct nba_str bytes, struct nba_buf *buf);
/* An RFC 3339 text in quotes; the number where the year has not four digits. */
void nba_json_print_time(int64_t ms, struct nba_buf *buf);

#endif
