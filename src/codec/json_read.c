/*
 * JSON into a datum.  The recursion follows the schema and stops at NBA_VALUE_DEPTH_MAX; the place
 * it has reached is a chain on the stack, written out only when something is wrong there.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include <jansson.h>

#include "json_internal.h"
#include "nba/base/assert.h"
#include "nba/base/compiler.h"
#include "nba/base/limits.h"
#include "nba/base/time_text.h"
#include "resolution_internal.h"

#define PLACE_BYTES 200u

const char nba_base64_digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

struct place {
    const struct place *parent;
    const char *name; /* NULL: an index */
    size_t index;
};

/* Once `status` is set nothing that is read counts. */
struct reader {
    enum nba_json_form form;
    enum nba_status status;
    struct nba_buf *buf;
    struct nba_error *error;
    uint32_t depth; /* of records */
};

enum nba_status nba_json_load(struct nba_str text, const char *what, struct json_t **ret_json,
                              struct nba_error *error)
{
    json_error_t why;
    json_t *json = json_loadb(text.data != NULL ? text.data : "", text.bytes,
                              JSON_REJECT_DUPLICATES | JSON_DECODE_ANY | JSON_ALLOW_NUL, &why);
    if (json == NULL) {
        return nba_error_set(error, NBA_E_CONFIG, "%s%d:%d: %s", what, why.line, why.column,
                             why.text);
    }
    *ret_json = json;
    return NBA_OK;
}

/* ---- what is wrong, and where -------------------------------------------------------------- */

/* "profile.specialties[1]"; the far end is cut when it is longer than the message's room. */
static const char *place_text(const struct place *place, char text[PLACE_BYTES])
{
    const struct place *chain[NBA_DEPTH_MAX + 1];
    size_t count = 0;
    size_t used = 0;
    for (; place != NULL && count < NBA_ARRAY_COUNT(chain); place = place->parent) {
        chain[count++] = place;
    }
    while (count > 0 && used < PLACE_BYTES - 1) {
        const struct place *step = chain[--count];
        const size_t left = PLACE_BYTES - used;
        used += (size_t)(step->name == NULL ? snprintf(text + used, left, "[%zu]", step->index)
                                            : snprintf(text + used, left, "%s%s",
                                                       used != 0 ? "." : "", step->name));
    }
    return used != 0 ? text : "value";
}

static void expected(struct reader *r, const struct place *place, const char *what,
                     const json_t *json)
{
    static const char *const kinds[] = {
        [JSON_OBJECT] = "an object",   [JSON_ARRAY] = "an array", [JSON_STRING] = "a string",
        [JSON_INTEGER] = "an integer", [JSON_REAL] = "a number",  [JSON_TRUE] = "a boolean",
        [JSON_FALSE] = "a boolean",    [JSON_NULL] = "null",
    };
    char where[PLACE_BYTES];
    const bool text = json_is_string(json);
    r->status =
        nba_error_set(r->error, NBA_E_CONFIG, "%s: expected %s, got %s%.60s%s",
                      place_text(place, where), what, text ? "\"" : "",
                      text ? json_string_value(json) : kinds[json_typeof(json)], text ? "\"" : "");
}

static struct nba_str text_of(const json_t *json)
{
    return nba_str(json_string_value(json), json_string_length(json));
}

static size_t find_symbol(const struct nba_avro_type *type, const json_t *json)
{
    return nba_str_find(text_of(json), type->symbols, type->symbol_count);
}

/* What a value of each type looks like from outside. */
#define LOOK(kind) (1u << JSON_##kind)
static const struct {
    unsigned looks;
    const char *text;
} values[] = {
    [NBA_AVRO_NULL] = {LOOK(NULL), "null"},
    [NBA_AVRO_BOOLEAN] = {LOOK(TRUE) | LOOK(FALSE), "true or false"},
    [NBA_AVRO_INT] = {LOOK(INTEGER), "an integer"},
    [NBA_AVRO_LONG] = {LOOK(INTEGER), "an integer"},
    [NBA_AVRO_FLOAT] = {LOOK(INTEGER) | LOOK(REAL), "a number"},
    [NBA_AVRO_DOUBLE] = {LOOK(INTEGER) | LOOK(REAL), "a number"},
    [NBA_AVRO_BYTES] = {LOOK(STRING), "a string of base64"},
    [NBA_AVRO_STRING] = {LOOK(STRING), "a string"},
    [NBA_AVRO_FIXED] = {LOOK(STRING), "a string of base64"},
    [NBA_AVRO_ENUM] = {LOOK(STRING), "one of"},
    [NBA_AVRO_ARRAY] = {LOOK(ARRAY), "an array"},
    [NBA_AVRO_MAP] = {LOOK(OBJECT), "an object"},
    [NBA_AVRO_UNION] = {~0u, "a value of one of the union's types"},
    [NBA_AVRO_RECORD] = {LOOK(OBJECT), "an object"},
};

static const struct {
    const char *word;
    double value;
} no_numbers[] = {
    {"NaN", (double)NAN}, {"Infinity", (double)INFINITY}, {"-Infinity", -(double)INFINITY}};

/* Index into no_numbers, or their count. */
static size_t no_number(const json_t *json)
{
    size_t i = 0;
    while (i < NBA_ARRAY_COUNT(no_numbers) && !nba_str_is(text_of(json), no_numbers[i].word)) {
        i++;
    }
    return i;
}

/* Could this JSON be a value of this type, by its outermost look? */
static bool fits(const json_t *json, const struct nba_avro_type *type)
{
    if (type->timestamp_millis && json_is_string(json)) {
        return true;
    }
    if ((type->kind == NBA_AVRO_FLOAT || type->kind == NBA_AVRO_DOUBLE) && json_is_string(json)) {
        return no_number(json) < NBA_ARRAY_COUNT(no_numbers);
    }
    if ((values[type->kind].looks >> json_typeof(json) & 1) == 0) {
        return false;
    }
    if (type->kind == NBA_AVRO_INT) {
        return json_integer_value(json) >= INT32_MIN && json_integer_value(json) <= INT32_MAX;
    }
    return type->kind != NBA_AVRO_ENUM || find_symbol(type, json) < type->symbol_count;
}

/* Of a symbol: "one of a, b, c", or as many of them as there is room for. */
static void expected_type(struct reader *r, const struct place *place,
                          const struct nba_avro_type *type, const json_t *json)
{
    char words[96];
    size_t used = (size_t)snprintf(words, sizeof(words), "%s",
                                   type->timestamp_millis ? "a time"
                                   : type->kind == NBA_AVRO_INT && json_is_integer(json)
                                       ? "an integer of 32 bits"
                                       : values[type->kind].text);
    for (uint32_t i = 0; i < type->symbol_count && used < sizeof(words); i++) {
        used += (size_t)snprintf(words + used, sizeof(words) - used, "%s %s", i != 0 ? "," : "",
                                 type->symbols[i]);
    }
    if (used >= sizeof(words)) {
        memcpy(words + sizeof(words) - 5, " ...", 5);
    }
    expected(r, place, words, json);
}

/* ---- texts --------------------------------------------------------------------------------- */

/* Appends what the text stands for; false when it is no base64 with its padding. */
static bool append_base64(struct nba_buf *buf, const char *text, size_t length)
{
    if (length % 4 != 0) {
        return false;
    }
    for (size_t i = 0; i < length; i += 4) {
        uint32_t bits = 0;
        size_t digits = 0;
        while (digits < 4 && text[i + digits] != '=') {
            const char *digit = strchr(nba_base64_digits, text[i + digits]);
            if (digit == NULL || *digit == '\0') {
                return false;
            }
            bits |= (uint32_t)(digit - nba_base64_digits) << (18 - 6 * digits);
            digits++;
        }
        const bool last = i + 4 == length;
        if (digits < 2 || (digits < 4 && !last) || (digits == 2 && text[i + 3] != '=')) {
            return false;
        }
        for (size_t k = 0; k + 1 < digits; k++) {
            nba_buf_append_byte(buf, (unsigned char)(bits >> (16 - 8 * k)));
        }
    }
    return true;
}

/* A default of bytes: each code point up to U+00FF is one byte. */
static bool append_code_points(struct nba_buf *buf, const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        unsigned c = (unsigned char)text[i];
        if (c >= 0x80) {
            if (c > 0xc3 || i + 1 >= length) {
                return false;
            }
            c = (c & 0x03u) << 6 | ((unsigned char)text[++i] & 0x3fu);
        }
        nba_buf_append_byte(buf, (unsigned char)c);
    }
    return true;
}

static void read_bytes(struct reader *r, const json_t *json, const struct nba_avro_type *type,
                       const struct place *place)
{
    const char *text = json_string_value(json);
    const size_t length = json_string_length(json);
    struct nba_buf bytes;
    nba_buf_init(&bytes, length + 1);
    const bool good = r->form == NBA_JSON_DEFAULT ? append_code_points(&bytes, text, length)
                                                  : append_base64(&bytes, text, length);
    if (!good || bytes.failed) {
        expected_type(r, place, type, json);
    } else if (type->kind == NBA_AVRO_BYTES) {
        nba_buf_append_sized(r->buf, nba_buf_str(&bytes));
    } else if (bytes.bytes == type->fixed_bytes) {
        nba_buf_append_str(r->buf, nba_buf_str(&bytes));
    } else {
        expected(r, place, "as many bytes as the schema says", json);
    }
    nba_buf_clear(&bytes);
}

/* ---- numbers ------------------------------------------------------------------------------- */

static void read_integer(struct reader *r, const json_t *json, const struct place *place)
{
    int64_t value = json_integer_value(json);
    if (json_is_string(json) && !nba_time_parse(text_of(json), &value)) {
        expected(r, place, "a time like 2026-11-20T15:30:00Z", json);
    }
    nba_buf_append_zigzag(r->buf, value);
}

static void read_real(struct reader *r, const json_t *json, const struct nba_avro_type *type,
                      const struct place *place)
{
    const double value =
        json_is_string(json) ? no_numbers[no_number(json)].value : json_number_value(json);
    const float narrow = (float)value;
    if (type->kind == NBA_AVRO_DOUBLE) {
        nba_buf_append(r->buf, &value, sizeof(value));
    } else if (isfinite(narrow) || !isfinite(value)) {
        nba_buf_append(r->buf, &narrow, sizeof(narrow));
    } else {
        expected(r, place, "a number that fits a float", json);
    }
}

/* ---- values with parts --------------------------------------------------------------------- */

/* NOLINTBEGIN(misc-no-recursion): read_record stops at NBA_VALUE_DEPTH_MAX */
static void read_value(struct reader *r, const json_t *json, const struct nba_avro_type *type,
                       const struct place *place);

/* False, and nothing left behind, when the value isn't of this branch. */
static bool read_branch(struct reader *r, const json_t *json, const struct nba_avro_type *type,
                        uint32_t index, const struct place *place)
{
    struct reader before = *r;
    const size_t bytes_before = r->buf->bytes;
    r->status = NBA_OK;
    nba_buf_append_zigzag(r->buf, index);
    read_value(r, json, type->branches[index], place);
    if (r->status != NBA_OK) {
        before.status = r->status;
        *r = before;
        r->buf->bytes = bytes_before;
    }
    return r->status == NBA_OK;
}

/* The value alone: the first branch that takes it. */
static void read_bare(struct reader *r, const json_t *json, const struct nba_avro_type *type,
                      const struct place *place)
{
    bool tried = false;
    for (uint32_t i = 0; i < type->branch_count; i++) {
        if (fits(json, type->branches[i])) {
            tried = true;
            if (read_branch(r, json, type, i, place)) {
                return;
            }
        }
    }
    /* Nothing fits: of a union of null and one type, that type says best what is wrong. */
    const int32_t null_branch = nba_avro_null_branch(type);
    if (!tried) {
        const bool nullable = type->branch_count == 2 && null_branch >= 0;
        expected_type(r, place, nullable ? type->branches[1 - null_branch] : type, json);
    }
}

/* {"type": value} */
static void read_union(struct reader *r, const json_t *json, const struct nba_avro_type *type,
                       const struct place *place)
{
    void *only = json_object_size(json) == 1 ? json_object_iter((json_t *)json) : NULL;
    uint32_t tag = only == NULL || r->form == NBA_JSON_DEFAULT ? type->branch_count : 0;
    while (tag < type->branch_count &&
           strcmp(nba_json_tag(type->branches[tag]), json_object_iter_key(only)) != 0) {
        tag++;
    }
    const bool told = tag < type->branch_count;
    const bool bare = !told || !nba_json_is_tagged(type);
    if (bare) {
        read_bare(r, json, type, place);
    }
    if (told && (!bare || r->status != NBA_OK)) {
        (void)read_branch(r, json_object_iter_value(only), type, tag, place);
    }
}

static void read_items(struct reader *r, const json_t *json, const struct nba_avro_type *type,
                       const struct place *place)
{
    const size_t count = json_is_array(json) ? json_array_size(json) : json_object_size(json);
    if (count > NBA_ITEMS_MAX) {
        expected(r, place, "at most 1000 items", json);
        return;
    }
    if (count != 0) {
        nba_buf_append_zigzag(r->buf, (int64_t)count);
    }
    for (size_t i = 0; i < json_array_size(json) && r->status == NBA_OK; i++) {
        const struct place item = {place, NULL, i};
        read_value(r, json_array_get(json, i), type->items, &item);
    }
    /* jansson's iterators take a json_t that isn't const and leave it as it is. */
    json_t *object = (json_t *)json;
    for (void *at = json_object_iter(object); at != NULL && r->status == NBA_OK;
         at = json_object_iter_next(object, at)) {
        const struct place item = {place, json_object_iter_key(at), 0};
        nba_buf_append_sized(r->buf, nba_str_of(item.name));
        read_value(r, json_object_iter_value(at), type->items, &item);
    }
    nba_buf_append_byte(r->buf, 0);
}

static void read_record(struct reader *r, const json_t *json, const struct nba_avro_type *type,
                        const struct place *place)
{
    json_t *object = (json_t *)json;
    char where[PLACE_BYTES];
    for (void *at = json_object_iter(object); at != NULL; at = json_object_iter_next(object, at)) {
        const struct place unknown = {place, json_object_iter_key(at), 0};
        if (nba_avro_field_find(type, unknown.name) == NULL) {
            r->status = nba_error_set(r->error, NBA_E_CONFIG, "%s: no such field in %s",
                                      place_text(&unknown, where), type->name);
            return;
        }
    }
    if (++r->depth > NBA_VALUE_DEPTH_MAX) {
        r->status = nba_error_set(r->error, NBA_E_LIMIT, "%s: a record inside a record too often",
                                  place_text(place, where));
    }
    for (uint32_t i = 0; i < type->field_count && r->status == NBA_OK; i++) {
        const struct nba_avro_field *field = &type->fields[i];
        const struct place inner = {place, field->name, 0};
        const json_t *value = json_object_get(json, field->name);
        const enum nba_json_form form = r->form;
        if (value == NULL) {
            value = field->default_value;
            r->form = NBA_JSON_DEFAULT;
        }
        if (value == NULL) {
            r->status =
                nba_error_set(r->error, NBA_E_CONFIG, "%s: expected %s, it is missing",
                              place_text(&inner, where), nba_avro_kind_name(field->type->kind));
            return;
        }
        read_value(r, value, field->type, &inner);
        r->form = form;
    }
    r->depth--;
}

static void read_value(struct reader *r, const json_t *json, const struct nba_avro_type *type,
                       const struct place *place)
{
    if (!fits(json, type)) {
        expected_type(r, place, type, json);
        return;
    }
    switch (type->kind) {
    case NBA_AVRO_NULL:
        return;
    case NBA_AVRO_BOOLEAN:
        nba_buf_append_byte(r->buf, json_is_true(json) ? 1 : 0);
        return;
    case NBA_AVRO_INT:
    case NBA_AVRO_LONG:
        read_integer(r, json, place);
        return;
    case NBA_AVRO_FLOAT:
    case NBA_AVRO_DOUBLE:
        read_real(r, json, type, place);
        return;
    case NBA_AVRO_BYTES:
    case NBA_AVRO_FIXED:
        read_bytes(r, json, type, place);
        return;
    case NBA_AVRO_STRING:
        nba_buf_append_sized(r->buf, text_of(json));
        return;
    case NBA_AVRO_ENUM:
        nba_buf_append_zigzag(r->buf, (int64_t)find_symbol(type, json));
        return;
    case NBA_AVRO_ARRAY:
    case NBA_AVRO_MAP:
        read_items(r, json, type, place);
        return;
    case NBA_AVRO_UNION:
        read_union(r, json, type, place);
        return;
    case NBA_AVRO_RECORD:
        read_record(r, json, type, place);
    }
}

/* NOLINTEND(misc-no-recursion) */

enum nba_status nba_json_read_datum(const struct json_t *json, const struct nba_avro_type *type,
                                    enum nba_json_form form, struct nba_buf *buf,
                                    struct nba_error *error)
{
    NBA_ASSERT(json != NULL && type != NULL && buf != NULL);
    struct reader reader = {.form = form, .buf = buf, .error = error};
    read_value(&reader, json, type, NULL);
    if (reader.status == NBA_OK && buf->failed) {
        return nba_error_set(error, NBA_E_LIMIT, "value: more than %zu bytes", buf->bytes_max);
    }
    return reader.status;
}
