/*
 * A datum as JSON, straight from its bytes: nothing is built in between.  The recursion follows the
 * schema, which is at most NBA_DEPTH_MAX deep.
 */
#include "json_internal.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nba/base/assert.h"
#include "nba/base/limits.h"
#include "nba/base/time_text.h"
#include "utf8_internal.h"

/* Times that RFC 3339 can write: years 0 to 9999.  Others are printed as numbers. */
#define TIME_FIRST_MS INT64_C(-62167219200000)
#define TIME_LAST_MS  INT64_C(253402300799999)

struct printer {
    struct nba_cursor *cursor;
    struct nba_buf *buf;
    struct nba_error *error;
};

static enum nba_status print_value(struct printer *p, const struct nba_avro_type *type);

static void append_text(struct nba_buf *buf, const char *text)
{
    nba_buf_append(buf, text, strlen(text));
}

static void append_quoted(struct nba_buf *buf, const char *data, size_t bytes)
{
    nba_buf_append_byte(buf, '"');
    size_t plain = 0; /* start of a run that needs no escapes */
    for (size_t i = 0; i < bytes; i++) {
        const unsigned char c = (unsigned char)data[i];
        if (c >= 0x20 && c != '"' && c != '\\' && c != 0x7f) {
            continue;
        }
        nba_buf_append(buf, data + plain, i - plain);
        plain = i + 1;
        if (c == '"' || c == '\\') {
            nba_buf_append_byte(buf, '\\');
            nba_buf_append_byte(buf, c);
        } else if (c == '\n') {
            append_text(buf, "\\n");
        } else {
            nba_buf_printf(buf, "\\u%04x", c);
        }
    }
    nba_buf_append(buf, data + plain, bytes - plain);
    nba_buf_append_byte(buf, '"');
}

void nba_json_print_base64(struct nba_str data, struct nba_buf *buf)
{
    const unsigned char *bytes = (const unsigned char *)data.data;
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    nba_buf_append_byte(buf, '"');
    for (size_t i = 0; i < data.bytes; i += 3) {
        const size_t left = data.bytes - i;
        const uint32_t bits = (uint32_t)bytes[i] << 16 |
                              (left > 1 ? (uint32_t)bytes[i + 1] << 8 : 0) |
                              (left > 2 ? (uint32_t)bytes[i + 2] : 0);
        nba_buf_append_byte(buf, (unsigned char)digits[bits >> 18]);
        nba_buf_append_byte(buf, (unsigned char)digits[bits >> 12 & 63]);
        nba_buf_append_byte(buf, (unsigned char)(left > 1 ? digits[bits >> 6 & 63] : '='));
        nba_buf_append_byte(buf, (unsigned char)(left > 2 ? digits[bits & 63] : '='));
    }
    nba_buf_append_byte(buf, '"');
}

void nba_json_print_text(struct nba_str text, struct nba_buf *buf)
{
    if (nba_utf8_is_valid((const unsigned char *)text.data, text.bytes)) {
        append_quoted(buf, text.data, text.bytes);
        return;
    }
    append_text(buf, "{\"base64\":");
    nba_json_print_base64(text, buf);
    nba_buf_append_byte(buf, '}');
}

static enum nba_status truncated(struct printer *p, const char *what)
{
    return nba_error_set(p->error, NBA_E_TRUNCATED, "value ends inside %s", what);
}

static enum nba_status not_avro(struct printer *p, const char *what)
{
    return nba_error_set(p->error, NBA_E_NOT_AVRO, "%s", what);
}

static enum nba_status take_long(struct printer *p, int64_t *ret_value)
{
    const size_t left = nba_cursor_left(p->cursor);
    *ret_value = nba_cursor_zigzag(p->cursor);
    if (p->cursor->failed) {
        return left < 10 ? truncated(p, "a number") : not_avro(p, "a number of more than 64 bits");
    }
    return NBA_OK;
}

/* A length and as many bytes. */
static enum nba_status take_sized(struct printer *p, struct nba_str *ret_bytes)
{
    int64_t length = 0;
    const enum nba_status status = take_long(p, &length);
    if (status != NBA_OK) {
        return status;
    }
    if (length < 0) {
        return not_avro(p, "a negative length");
    }
    if ((uint64_t)length > nba_cursor_left(p->cursor)) {
        return truncated(p, "a text");
    }
    *ret_bytes = nba_cursor_take(p->cursor, (size_t)length);
    return NBA_OK;
}

void nba_json_print_time(int64_t ms, struct nba_buf *buf)
{
    if (ms < TIME_FIRST_MS || ms > TIME_LAST_MS) {
        nba_buf_printf(buf, "%" PRId64, ms);
        return;
    }
    char text[NBA_TIME_TEXT_BYTES];
    nba_time_format(ms, text);
    nba_buf_printf(buf, "\"%s\"", text);
}

static enum nba_status print_long(struct printer *p, const struct nba_avro_type *type)
{
    int64_t value = 0;
    const enum nba_status status = take_long(p, &value);
    if (status != NBA_OK) {
        return status;
    }
    if (type->timestamp_millis) {
        nba_json_print_time(value, p->buf);
    } else {
        nba_buf_printf(p->buf, "%" PRId64, value);
    }
    return NBA_OK;
}

/* The fewest digits that read back equal; `narrow` values are those of a float. */
static void append_real(struct nba_buf *buf, double value, bool narrow)
{
    char text[32];
    for (int digits = narrow ? 6 : 15; digits <= 17; digits++) {
        (void)snprintf(text, sizeof(text), "%.*g", digits, value);
        const double again = strtod(text, NULL);
        if (narrow ? (float)again == (float)value : again == value) {
            break;
        }
    }
    append_text(buf, text);
    if (strpbrk(text, ".e") == NULL) {
        append_text(buf, ".0");
    }
}

static enum nba_status print_real(struct printer *p, const struct nba_avro_type *type)
{
    double value = 0;
    const bool narrow = type->kind == NBA_AVRO_FLOAT;
    if (narrow) {
        const uint32_t bits = nba_cursor_u32le(p->cursor);
        float read = 0;
        memcpy(&read, &bits, sizeof(read));
        value = (double)read;
    } else {
        const uint64_t bits = nba_cursor_u64le(p->cursor);
        memcpy(&value, &bits, sizeof(value));
    }
    if (p->cursor->failed) {
        return truncated(p, "a number");
    }
    if (!isfinite(value)) {
        return nba_error_set(p->error, NBA_E_NON_FINITE, "a number is NaN or infinite");
    }
    append_real(p->buf, value, narrow);
    return NBA_OK;
}

static enum nba_status print_string(struct printer *p)
{
    struct nba_str text = {0};
    const enum nba_status status = take_sized(p, &text);
    if (status != NBA_OK) {
        return status;
    }
    if (!nba_utf8_is_valid((const unsigned char *)text.data, text.bytes)) {
        return nba_error_set(p->error, NBA_E_BAD_UTF8, "a string is not UTF-8");
    }
    append_quoted(p->buf, text.data, text.bytes);
    return NBA_OK;
}

static enum nba_status print_bytes(struct printer *p, const struct nba_avro_type *type)
{
    struct nba_str bytes = {0};
    enum nba_status status = NBA_OK;
    if (type->kind == NBA_AVRO_FIXED) {
        bytes = nba_cursor_take(p->cursor, type->fixed_bytes);
        status = p->cursor->failed ? truncated(p, "a fixed") : NBA_OK;
    } else {
        status = take_sized(p, &bytes);
    }
    if (status == NBA_OK) {
        nba_json_print_base64(bytes, p->buf);
    }
    return status;
}

/* The index of an enum's symbol or a union's branch. */
static enum nba_status take_index(struct printer *p, uint32_t count, uint32_t *ret_index)
{
    int64_t index = 0;
    const enum nba_status status = take_long(p, &index);
    if (status == NBA_OK && (index < 0 || index >= (int64_t)count)) {
        return not_avro(p, "an index that the schema lacks");
    }
    *ret_index = (uint32_t)index;
    return status;
}

/* NOLINTBEGIN(misc-no-recursion): bounded by the schema's depth */
/* The items of an array or map, block by block. */
static enum nba_status print_items(struct printer *p, const struct nba_avro_type *type)
{
    const bool map = type->kind == NBA_AVRO_MAP;
    const uint32_t bytes_min = type->items->bytes_min + (map ? 1 : 0);
    const char *comma = "";
    nba_buf_append_byte(p->buf, map ? '{' : '[');
    for (;;) {
        int64_t count = 0;
        enum nba_status status = take_long(p, &count);
        if (status == NBA_OK && count < 0) {
            int64_t block_bytes = 0;
            status = take_long(p, &block_bytes);
            count = count == INT64_MIN ? INT64_MAX : -count;
        }
        if (status == NBA_OK && (uint64_t)count > nba_cursor_left(p->cursor) / bytes_min) {
            status = truncated(p, "an array or map");
        }
        if (status != NBA_OK || count == 0) {
            nba_buf_append_byte(p->buf, map ? '}' : ']');
            return status;
        }
        for (int64_t i = 0; i < count && !p->buf->failed; i++) {
            append_text(p->buf, comma);
            comma = ",";
            if (map) {
                status = print_string(p);
                nba_buf_append_byte(p->buf, ':');
            }
            if (status == NBA_OK) {
                status = print_value(p, type->items);
            }
            if (status != NBA_OK) {
                return status;
            }
        }
        if (p->buf->failed) {
            return nba_error_set(p->error, NBA_E_LIMIT, "value is too long as JSON");
        }
    }
}

static enum nba_status print_record(struct printer *p, const struct nba_avro_type *type)
{
    nba_buf_append_byte(p->buf, '{');
    for (uint32_t i = 0; i < type->field_count; i++) {
        nba_buf_printf(p->buf, "%s\"%s\":", i != 0 ? "," : "", type->fields[i].name);
        const enum nba_status status = print_value(p, type->fields[i].type);
        if (status != NBA_OK) {
            return nba_error_prefix(p->error, "%s", type->fields[i].name);
        }
    }
    nba_buf_append_byte(p->buf, '}');
    return NBA_OK;
}

static enum nba_status print_boolean(struct printer *p)
{
    const uint8_t byte = nba_cursor_byte(p->cursor);
    if (p->cursor->failed) {
        return truncated(p, "a boolean");
    }
    if (byte > 1) {
        return not_avro(p, "a boolean that is neither 0 nor 1");
    }
    append_text(p->buf, byte == 1 ? "true" : "false");
    return NBA_OK;
}

static enum nba_status print_value(struct printer *p, const struct nba_avro_type *type)
{
    uint32_t index = 0;
    enum nba_status status = NBA_OK;
    switch (type->kind) {
    case NBA_AVRO_NULL:
        append_text(p->buf, "null");
        return NBA_OK;
    case NBA_AVRO_BOOLEAN:
        return print_boolean(p);
    case NBA_AVRO_INT:
    case NBA_AVRO_LONG:
        return print_long(p, type);
    case NBA_AVRO_FLOAT:
    case NBA_AVRO_DOUBLE:
        return print_real(p, type);
    case NBA_AVRO_BYTES:
    case NBA_AVRO_FIXED:
        return print_bytes(p, type);
    case NBA_AVRO_STRING:
        return print_string(p);
    case NBA_AVRO_ENUM:
        status = take_index(p, type->symbol_count, &index);
        if (status == NBA_OK) {
            nba_buf_printf(p->buf, "\"%s\"", type->symbols[index]);
        }
        return status;
    case NBA_AVRO_UNION:
        status = take_index(p, type->branch_count, &index);
        return status == NBA_OK ? print_value(p, type->branches[index]) : status;
    case NBA_AVRO_ARRAY:
    case NBA_AVRO_MAP:
        return print_items(p, type);
    case NBA_AVRO_RECORD:
        break;
    }
    return print_record(p, type);
}

/* NOLINTEND(misc-no-recursion) */

enum nba_status nba_json_print_datum(struct nba_cursor *cursor, const struct nba_avro_type *type,
                                     struct nba_buf *buf, struct nba_error *error)
{
    NBA_ASSERT(cursor != NULL && type != NULL && buf != NULL);
    struct nba_error unread;
    struct printer printer = {cursor, buf, error != NULL ? error : &unread};
    const size_t bytes_before = buf->bytes;
    enum nba_status status = print_value(&printer, type);
    if (status == NBA_OK && buf->failed) {
        status = nba_error_set(error, NBA_E_LIMIT, "value is too long as JSON");
    }
    if (status != NBA_OK) {
        buf->bytes = bytes_before;
    }
    return status;
}
