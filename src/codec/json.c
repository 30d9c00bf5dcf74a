/* Whole records and values as JSON, and JSON as values: the head of the wire format around
 * a datum. */
#include "nba/codec/json.h"

#include <inttypes.h>
#include <jansson.h>

#include "json_internal.h"
#include "nba/base/assert.h"
#include "nba/base/limits.h"
#include "schema_registry_internal.h"
#include "wire_internal.h"

enum nba_status nba_json_print_value(const struct nba_schemas *schemas, struct nba_str value,
                                     struct nba_buf *buf, struct nba_error *error)
{
    NBA_ASSERT(schemas != NULL && buf != NULL);
    uint32_t id = 0;
    struct nba_cursor body;
    enum nba_status status = nba_wire_take_head(value, &id, &body, error);
    if (status != NBA_OK) {
        return status;
    }
    const struct nba_avro_type *type = nba_schemas_find(schemas, id, NULL, error);
    if (type == NULL) {
        return NBA_E_UNKNOWN_SCHEMA_ID;
    }
    const size_t bytes_before = buf->bytes;
    status = nba_json_print_datum(&body, type, buf, error);
    if (status == NBA_OK && nba_cursor_left(&body) != 0) {
        buf->bytes = bytes_before;
        return nba_error_set(error, NBA_E_NOT_AVRO, "value: %zu bytes left over behind the record",
                             nba_cursor_left(&body));
    }
    return status;
}

void nba_json_print_record(const struct nba_schemas *schemas, const struct nba_record *record,
                           struct nba_buf *buf)
{
    NBA_ASSERT(schemas != NULL && record != NULL && buf != NULL);
    nba_buf_printf(buf, "{\"topic\":");
    nba_json_print_text(record->topic, buf);
    nba_buf_printf(buf, ",\"partition\":%" PRId32 ",\"offset\":%" PRId64 ",\"timestamp\":",
                   record->partition, record->offset);
    nba_json_print_time(record->timestamp_ms, buf);
    nba_buf_printf(buf, ",\"key\":%s", record->key_null ? "null" : "");
    if (!record->key_null) {
        nba_json_print_text(record->key, buf);
    }
    nba_buf_printf(buf, ",\"headers\":{");
    for (uint32_t i = 0; i < record->header_count; i++) {
        nba_buf_printf(buf, "%s", i != 0 ? "," : "");
        nba_json_print_text(record->headers[i].name, buf);
        nba_buf_append_byte(buf, ':');
        nba_json_print_text(record->headers[i].value, buf);
    }
    nba_buf_printf(buf, "},\"value\":%s", record->value_null ? "null" : "");
    if (!record->value_null && nba_json_print_value(schemas, record->value, buf, NULL) != NBA_OK) {
        nba_json_print_raw(record->value, buf);
    }
    nba_buf_printf(buf, "}\n");
}

enum nba_status nba_json_parse_value(const struct nba_schemas *schemas, enum nba_schema which,
                                     struct nba_str text, struct nba_buf *buf,
                                     struct nba_error *error)
{
    NBA_ASSERT(schemas != NULL && buf != NULL);
    if (text.bytes > NBA_RECORD_BYTES_MAX) {
        return nba_error_set(error, NBA_E_LIMIT, "%zu bytes of JSON, at most %u", text.bytes,
                             NBA_RECORD_BYTES_MAX);
    }
    json_t *json = NULL;
    enum nba_status status = nba_json_load(text, "", &json, error);
    if (status != NBA_OK) {
        return status;
    }
    const size_t bytes_before = buf->bytes;
    nba_wire_put_head(nba_schemas_id(schemas, which), buf);
    status = nba_json_read_datum(json, nba_schemas_current(schemas, which), NBA_JSON_FRIENDLY, buf,
                                 error);
    if (status != NBA_OK) {
        buf->bytes = bytes_before;
    }
    json_decref(json);
    return status;
}

/* Wire bytes of the text, in the arena. */
static enum nba_status parse(struct nba_decoder *decoder, enum nba_schema which,
                             struct nba_str text, struct nba_arena *arena,
                             struct nba_str *ret_value, struct nba_error *error)
{
    struct nba_buf buf;
    nba_buf_init(&buf, NBA_RECORD_BYTES_MAX);
    enum nba_status status =
        nba_json_parse_value(nba_decoder_schemas(decoder), which, text, &buf, error);
    if (status == NBA_OK) {
        *ret_value = nba_arena_copy(arena, nba_buf_str(&buf));
        if (ret_value->data == NULL) {
            status = nba_error_set(error, NBA_E_NO_MEMORY, "the arena is full");
        }
    }
    nba_buf_clear(&buf);
    return status;
}

#define PARSE(noun, WHICH)                                                                        \
    enum nba_status nba_json_parse_##noun(struct nba_decoder *decoder, struct nba_str text,       \
                                          struct nba_arena *arena, struct nba_##noun *ret_##noun, \
                                          struct nba_error *error)                                \
    {                                                                                             \
        struct nba_str value = {0};                                                               \
        const enum nba_status status =                                                            \
            parse(decoder, NBA_SCHEMA_##WHICH, text, arena, &value, error);                       \
        return status == NBA_OK ? nba_decode_##noun(decoder, value, arena, ret_##noun, error)     \
                                : status;                                                         \
    }

PARSE(event, ENGAGEMENT)
PARSE(reference, CATALOG)
PARSE(control, CONTROL)

bool nba_json_unescape(struct nba_str quoted, struct nba_buf *buf)
{
    json_error_t why;
    json_t *text = json_loadb(quoted.data, quoted.bytes, JSON_DECODE_ANY | JSON_ALLOW_NUL, &why);
    const bool good = json_is_string(text);
    if (good) {
        nba_buf_append(buf, json_string_value(text), json_string_length(text));
    }
    json_decref(text);
    return good;
}
