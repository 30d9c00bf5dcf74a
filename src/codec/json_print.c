/*
 * A datum as JSON, straight from its bytes: nothing is built in between.  The recursion follows the
 * schema and stops at NBA_VALUE_DEPTH_MAX.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "json_internal.h"
#include "machine_internal.h"
#include "nba/base/assert.h"
#include "nba/base/time_text.h"

/* Times that RFC 3339 can write: years 0 to 9999.  Others are printed as numbers. */
#define TIME_FIRST_MS INT64_C(-62167219200000)
#define TIME_LAST_MS  INT64_C(253402300799999)

static void print(struct nba_buf *buf, const char *text)
{
    nba_buf_append(buf, text, strlen(text));
}

static void print_quoted(struct nba_buf *buf, struct nba_str text)
{
    nba_buf_append_byte(buf, '"');
    size_t plain = 0; /* start of a run that needs no escapes */
    for (size_t i = 0; i < text.bytes; i++) {
        const unsigned char c = (unsigned char)text.data[i];
        if (c >= 0x20 && c != '"' && c != '\\' && c != 0x7f) {
            continue;
        }
        nba_buf_append(buf, text.data + plain, i - plain);
        plain = i + 1;
        if (c == '"' || c == '\\') {
            nba_buf_printf(buf, "\\%c", c);
        } else if (c == '\n') {
            print(buf, "\\n");
        } else {
            nba_buf_printf(buf, "\\u%04x", c);
        }
    }
    nba_buf_append(buf, text.data + plain, text.bytes - plain);
    nba_buf_append_byte(buf, '"');
}

static void print_base64(struct nba_buf *buf, struct nba_str data)
{
    const unsigned char *bytes = (const unsigned char *)data.data;
    nba_buf_append_byte(buf, '"');
    for (size_t i = 0; i < data.bytes; i += 3) {
        const size_t left = data.bytes - i;
        const uint32_t bits = (uint32_t)bytes[i] << 16 |
                              (left > 1 ? (uint32_t)bytes[i + 1] << 8 : 0) |
                              (left > 2 ? (uint32_t)bytes[i + 2] : 0);
        for (size_t k = 0; k < 4; k++) {
            const char digit = nba_base64_digits[bits >> (18 - 6 * k) & 63];
            nba_buf_append_byte(buf, (unsigned char)(k <= left ? digit : '='));
        }
    }
    nba_buf_append_byte(buf, '"');
}

void nba_json_print_raw(struct nba_str bytes, struct nba_buf *buf)
{
    print(buf, "{\"base64\":");
    print_base64(buf, bytes);
    nba_buf_append_byte(buf, '}');
}

void nba_json_print_text(struct nba_str text, struct nba_buf *buf)
{
    if (nba_utf8_is_valid((const unsigned char *)text.data, text.bytes)) {
        print_quoted(buf, text);
    } else {
        nba_json_print_raw(text, buf);
    }
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

/* The fewest digits that read back equal; `narrow` values are those of a float.  What JSON has no
 * number for is a text, as in Java's Avro. */
static void print_real(struct nba_buf *buf, double value, bool narrow)
{
    char text[32];
    if (!isfinite(value)) {
        print(buf, isnan(value) ? "\"NaN\"" : value > 0 ? "\"Infinity\"" : "\"-Infinity\"");
        return;
    }
    for (int digits = narrow ? 6 : 15; digits <= 17; digits++) {
        (void)snprintf(text, sizeof(text), "%.*g", digits, value);
        const double again = strtod(text, NULL);
        if (narrow ? (float)again == (float)value : again == value) {
            break;
        }
    }
    nba_buf_printf(buf, "%s%s", text, strpbrk(text, ".e") == NULL ? ".0" : "");
}

/* NOLINTBEGIN(misc-no-recursion): bounded by nba_machine_enter */
static const unsigned char *print_value(struct nba_machine *m, const char *name,
                                        const struct nba_avro_type *type, const unsigned char *p,
                                        struct nba_buf *buf);

static const unsigned char *print_string(struct nba_machine *m, const char *name,
                                         const unsigned char *p, struct nba_buf *buf)
{
    struct nba_str text = {0};
    p = nba_machine_string(m, name, p, SIZE_MAX, &text);
    if (p != NULL) {
        print_quoted(buf, text);
    }
    return p;
}

/* The items of an array or map, block by block. */
static const unsigned char *print_items(struct nba_machine *m, const char *name,
                                        const struct nba_avro_type *type, const unsigned char *p,
                                        struct nba_buf *buf)
{
    const bool map = type->kind == NBA_AVRO_MAP;
    const char *comma = "";
    uint64_t count = 0;
    nba_buf_append_byte(buf, map ? '{' : '[');
    do {
        p = nba_machine_block(m, name, p, nba_item_bytes_min(type), &count);
        for (uint64_t i = 0; p != NULL && i < count; i++) {
            print(buf, comma);
            comma = ",";
            if (map) {
                p = print_string(m, name, p, buf);
                nba_buf_append_byte(buf, ':');
            }
            p = p != NULL ? print_value(m, name, type->items, p, buf) : NULL;
        }
    } while (p != NULL && count != 0);
    nba_buf_append_byte(buf, map ? '}' : ']');
    return p;
}

/* The value alone, or with its type where the value alone wouldn't tell. */
static const unsigned char *print_branch(struct nba_machine *m, const char *name,
                                         const struct nba_avro_type *type, uint32_t index,
                                         const unsigned char *p, struct nba_buf *buf)
{
    const struct nba_avro_type *branch = type->branches[index];
    const bool tagged = branch->kind != NBA_AVRO_NULL && nba_json_is_tagged(type);
    if (tagged) {
        nba_buf_printf(buf, "{\"%s\":", nba_json_tag(branch));
    }
    p = print_value(m, name, branch, p, buf);
    if (tagged) {
        nba_buf_append_byte(buf, '}');
    }
    return p;
}

static const unsigned char *print_record(struct nba_machine *m, const struct nba_avro_type *type,
                                         const unsigned char *p, struct nba_buf *buf)
{
    if (!nba_machine_enter(m, type->name)) {
        return NULL;
    }
    nba_buf_append_byte(buf, '{');
    for (uint32_t i = 0; p != NULL && i < type->field_count; i++) {
        nba_buf_printf(buf, "%s\"%s\":", i != 0 ? "," : "", type->fields[i].name);
        p = print_value(m, type->fields[i].name, type->fields[i].type, p, buf);
    }
    nba_buf_append_byte(buf, '}');
    m->depth--;
    return p;
}

static const unsigned char *print_number(struct nba_machine *m, const char *name,
                                         const struct nba_avro_type *type, const unsigned char *p,
                                         struct nba_buf *buf)
{
    uint64_t raw = 0;
    double real = 0;
    if (type->kind == NBA_AVRO_FLOAT || type->kind == NBA_AVRO_DOUBLE) {
        p = nba_machine_real(m, name, p, type->bytes_min, &real);
        print_real(buf, real, type->kind == NBA_AVRO_FLOAT);
        return p;
    }
    p = nba_machine_varint(m, name, p, &raw);
    if (type->timestamp_millis) {
        nba_json_print_time(nba_machine_zigzag(raw), buf);
    } else {
        nba_buf_printf(buf, "%" PRId64, nba_machine_zigzag(raw));
    }
    return p;
}

static const unsigned char *print_value(struct nba_machine *m, const char *name,
                                        const struct nba_avro_type *type, const unsigned char *p,
                                        struct nba_buf *buf)
{
    uint32_t index = 0;
    bool truth = false;
    const unsigned char *data = p;
    if (buf->failed) {
        return nba_machine_stop(m, name, NBA_E_LIMIT, "value is too long as JSON");
    }
    switch (type->kind) {
    case NBA_AVRO_NULL:
        print(buf, "null");
        return p;
    case NBA_AVRO_BOOLEAN:
        p = nba_machine_bool(m, name, p, &truth);
        print(buf, truth ? "true" : "false");
        return p;
    case NBA_AVRO_INT:
    case NBA_AVRO_LONG:
    case NBA_AVRO_FLOAT:
    case NBA_AVRO_DOUBLE:
        return print_number(m, name, type, p, buf);
    case NBA_AVRO_BYTES:
    case NBA_AVRO_FIXED:
        p = type->kind == NBA_AVRO_BYTES ? nba_machine_sized(m, name, p, &data)
                                         : nba_machine_take(m, name, p, type->fixed_bytes);
        if (p != NULL) {
            print_base64(buf, nba_str((const char *)data, (size_t)(p - data)));
        }
        return p;
    case NBA_AVRO_STRING:
        return print_string(m, name, p, buf);
    case NBA_AVRO_ENUM:
        p = nba_machine_index(m, name, p, type->symbol_count, &index);
        if (p != NULL) {
            nba_buf_printf(buf, "\"%s\"", type->symbols[index]);
        }
        return p;
    case NBA_AVRO_UNION:
        p = nba_machine_index(m, name, p, type->branch_count, &index);
        return p != NULL ? print_branch(m, name, type, index, p, buf) : NULL;
    case NBA_AVRO_ARRAY:
    case NBA_AVRO_MAP:
        return print_items(m, name, type, p, buf);
    case NBA_AVRO_RECORD:
        break;
    }
    return print_record(m, type, p, buf);
}

/* NOLINTEND(misc-no-recursion) */

enum nba_status nba_json_print_datum(struct nba_cursor *cursor, const struct nba_avro_type *type,
                                     struct nba_buf *buf, struct nba_error *error)
{
    NBA_ASSERT(cursor != NULL && cursor->next != NULL && type != NULL && buf != NULL);
    struct nba_machine m = {.end = cursor->end, .error = error};
    const size_t bytes_before = buf->bytes;
    const unsigned char *p = print_value(&m, "value", type, cursor->next, buf);
    if (p != NULL && buf->failed) {
        p = nba_machine_stop(&m, "value", NBA_E_LIMIT, "too long as JSON");
    }
    if (p == NULL) {
        buf->bytes = bytes_before;
        return m.status;
    }
    cursor->next = p;
    return NBA_OK;
}
