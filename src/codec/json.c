/* Whole records and values as JSON, and JSON as values: the head of the wire format around
 * a datum. */
#include "nba/codec/json.h"

#include <inttypes.h>
#include <string.h>

#include <jansson.h>

#include "json_internal.h"
#include "nba/base/assert.h"
#include "nba/base/limits.h"
#include "schema_registry_internal.h"
#include "wire_internal.h"

static void append_text(struct nba_buf *buf, const char *text)
{
    nba_buf_append(buf, text, strlen(text));
}

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
    const struct nba_avro_type *type = nba_schemas_find(schemas, id, NULL);
    if (type == NULL) {
        return nba_error_set(error, NBA_E_UNKNOWN_SCHEMA_ID, "no schema has the id %u", id);
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

static void print_raw(struct nba_str bytes, struct nba_buf *buf)
{
    append_text(buf, "{\"base64\":");
    nba_json_print_base64(bytes, buf);
    nba_buf_append_byte(buf, '}');
}

void nba_json_print_record(const struct nba_schemas *schemas, const struct nba_log_record *record,
                           struct nba_buf *buf)
{
    NBA_ASSERT(schemas != NULL && record != NULL && buf != NULL);
    append_text(buf, "{\"topic\":");
    nba_json_print_text(record->topic, buf);
    nba_buf_printf(buf, ",\"partition\":%" PRId32 ",\"offset\":%" PRId64 ",\"timestamp\":",
                   record->partition, record->offset);
    nba_json_print_time(record->timestamp_ms, buf);
    append_text(buf, ",\"key\":");
    if (record->has_key) {
        nba_json_print_text(record->key, buf);
    } else {
        append_text(buf, "null");
    }
    append_text(buf, ",\"headers\":{");
    for (uint32_t i = 0; i < record->header_count; i++) {
        append_text(buf, i != 0 ? "," : "");
        nba_json_print_text(record->headers[i].name, buf);
        nba_buf_append_byte(buf, ':');
        nba_json_print_text(record->headers[i].value, buf);
    }
    append_text(buf, "},\"value\":");
    struct nba_error ignored;
    if (!record->has_value) {
        append_text(buf, "null");
    } else if (nba_json_print_value(schemas, record->value, buf, &ignored) != NBA_OK) {
        print_raw(record->value, buf);
    }
    append_text(buf, "}\n");
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
    json_error_t json_error;
    json_t *json = json_loadb(text.data != NULL ? text.data : "", text.bytes,
                              JSON_REJECT_DUPLICATES, &json_error);
    if (json == NULL) {
        return nba_error_set(error, NBA_E_CONFIG, "%d:%d: %s", json_error.line, json_error.column,
                             json_error.text);
    }
    const size_t bytes_before = buf->bytes;
    nba_wire_put_head(nba_schemas_id(schemas, which), buf);
    const enum nba_status status = nba_json_read_datum(json, nba_schemas_current(schemas, which),
                                                       NBA_JSON_FRIENDLY, buf, error);
    if (status != NBA_OK) {
        buf->bytes = bytes_before;
    }
    json_decref(json);
    return status;
}

/* Wire bytes of the text, in the arena. */
static enum nba_status parse(const struct nba_schemas *schemas, enum nba_schema which,
                             struct nba_str text, struct nba_arena *arena,
                             struct nba_str *ret_value, struct nba_error *error)
{
    struct nba_buf buf;
    nba_buf_init(&buf, NBA_RECORD_BYTES_MAX);
    enum nba_status status = nba_json_parse_value(schemas, which, text, &buf, error);
    if (status == NBA_OK) {
        *ret_value = nba_arena_copy(arena, nba_buf_str(&buf));
        if (ret_value->data == NULL) {
            status = nba_error_set(error, NBA_E_NO_MEMORY, "the arena is full");
        }
    }
    nba_buf_clear(&buf);
    return status;
}

enum nba_status nba_json_parse_event(struct nba_decoder *decoder, struct nba_str text,
                                     struct nba_arena *arena, struct nba_event *ret_event,
                                     struct nba_error *error)
{
    struct nba_str value = {0};
    const enum nba_status status =
        parse(nba_decoder_schemas(decoder), NBA_SCHEMA_ENGAGEMENT, text, arena, &value, error);
    return status == NBA_OK ? nba_decode_event(decoder, value, arena, ret_event, error) : status;
}

enum nba_status nba_json_parse_reference(struct nba_decoder *decoder, struct nba_str text,
                                         struct nba_arena *arena,
                                         struct nba_reference *ret_reference,
                                         struct nba_error *error)
{
    struct nba_str value = {0};
    const enum nba_status status =
        parse(nba_decoder_schemas(decoder), NBA_SCHEMA_CATALOG, text, arena, &value, error);
    return status == NBA_OK ? nba_decode_reference(decoder, value, arena, ret_reference, error)
                            : status;
}

enum nba_status nba_json_parse_control(struct nba_decoder *decoder, struct nba_str text,
                                       struct nba_arena *arena, struct nba_control *ret_control,
                                       struct nba_error *error)
{
    struct nba_str value = {0};
    const enum nba_status status =
        parse(nba_decoder_schemas(decoder), NBA_SCHEMA_CONTROL, text, arena, &value, error);
    return status == NBA_OK ? nba_decode_control(decoder, value, arena, ret_control, error)
                            : status;
}
