/* One walk over the tables to fill a struct, one to compare two; nesting is that of our tables. */
#include "fields.h"

#include <stdio.h>
#include <string.h>

#include "nba/base/assert.h"
#include "nba/base/limits.h"
#include "nba/event/event.h"

#define WORDS_MAX 256u
#define NEAR      1e-6
/* Words are listed where they are so few. */
#define LISTED_MAX   16u
#define LISTED_BYTES 400u

static struct nba_str text_at(const void *at)
{
    struct nba_str text;
    memcpy(&text, at, sizeof(text));
    return text;
}

static uint32_t word_at(const struct nba_binding *b, const void *at)
{
    uint32_t value = 0;
    if (b->bytes == 1) {
        value = *(const unsigned char *)at;
    } else {
        memcpy(&value, at, sizeof(value));
    }
    return b->derive != NULL ? b->derive(value) : value;
}

static double real_at(const struct nba_binding *b, const void *at)
{
    double real = 0;
    float narrow = 0;
    if (b->kind == NBA_BIND_FLOAT) {
        memcpy(&narrow, at, sizeof(narrow));
        return (double)narrow;
    }
    memcpy(&real, at, sizeof(real));
    return real;
}

static void put_word(const struct nba_binding *b, uint32_t value, unsigned char *at)
{
    if (b->bytes == 1) {
        *at = (unsigned char)value;
    } else {
        memcpy(at, &value, sizeof(value));
    }
}

const struct nba_binding *nba_form_find(const struct fields_form *form, struct nba_str key,
                                        size_t *ret_base)
{
    const struct nba_record_binding *record = form->record;
    struct nba_str path = form->closed ? nba_str(NULL, 0) : key;
    for (const struct fields_short *s = form->shorts; s != NULL && s->name != NULL; s++) {
        if (nba_str_is(key, s->name)) {
            path = nba_str_of(s->path);
        }
    }
    *ret_base = 0;
    while (path.bytes != 0) {
        const char *dot = memchr(path.data, '.', path.bytes);
        const size_t bytes = dot != NULL ? (size_t)(dot - path.data) : path.bytes;
        const struct nba_binding *b = nba_binding_find(record, nba_str(path.data, bytes));
        if (dot == NULL || b == NULL) {
            return b;
        }
        *ret_base += b->offset;
        record = b->record;
        path = nba_str(dot + 1, path.bytes - bytes - 1);
    }
    return NULL;
}

/* A text that is no word of a list: the nearest one, or all of them where they are few. */
static enum nba_status fail_word(const struct nba_yaml_node *node, bool key, struct nba_str text,
                                 const struct nba_words *words, struct nba_error *error)
{
    const char *known[WORDS_MAX + 1];
    char listed[LISTED_BYTES] = "";
    size_t count = 0;
    size_t used = 0;
    for (size_t i = 0; i < words->count && count < WORDS_MAX; i++) {
        if (words->names[i] != NULL) {
            known[count++] = words->names[i];
        }
    }
    known[count] = NULL;
    const char *nearest = nba_yaml_nearest(text, known);
    for (size_t i = 0; count <= LISTED_MAX && i < count; i++) {
        const int bytes = snprintf(listed + used, sizeof(listed) - used, "%s%s",
                                   i == 0          ? "; expected "
                                   : i + 1 < count ? ", "
                                                   : " or ",
                                   known[i]);
        used += (size_t)bytes;
    }
    return (key ? nba_yaml_fail_key
                : nba_yaml_fail)(node, error, "'%.*s' is no word of this field%s%s%s",
                                 text.bytes < 60 ? (int)text.bytes : 60, text.data,
                                 nearest != NULL ? ", did you mean '" : listed,
                                 nearest != NULL ? nearest : "", nearest != NULL ? "'?" : "");
}

enum nba_status nba_form_word(const struct nba_yaml_node *node, const struct nba_words *words,
                              uint32_t *ret_value, struct nba_error *error)
{
    struct nba_str text;
    const enum nba_status status = nba_yaml_text(node, &text, error);
    if (status != NBA_OK) {
        return status;
    }
    const size_t found = nba_str_find(text, words->names, words->count);
    if (found == words->count) {
        return fail_word(node, false, text, words, error);
    }
    *ret_value = (uint32_t)found;
    return NBA_OK;
}

/* ---- filling ---- */

static enum nba_status fill_value(const struct nba_yaml_node *node, const struct nba_binding *b,
                                  unsigned char *into, struct nba_arena *arena,
                                  struct nba_error *error);

static enum nba_status fill_scalar(const struct nba_yaml_node *node, const struct nba_binding *b,
                                   unsigned char *at, struct nba_error *error)
{
    enum nba_status status = NBA_OK;
    struct nba_str text = {NULL, 0};
    int64_t number = 0;
    double real = 0;
    float narrow = 0;
    uint32_t word = 0;
    bool truth = false;
    if (b->kind == NBA_BIND_ID || b->kind == NBA_BIND_TEXT || b->kind == NBA_BIND_BLOB) {
        status = nba_yaml_string(node, &text, error); /* an id may be expected to be empty */
        if (status == NBA_OK && b->kind == NBA_BIND_ID && text.bytes != 0) {
            status = nba_yaml_text(node, &text, error);
        }
        memcpy(at, &text, sizeof(text));
    } else if (b->kind == NBA_BIND_BOOL) {
        status = nba_yaml_bool(node, &truth, error);
        memcpy(at, &truth, sizeof(truth));
    } else if (b->kind == NBA_BIND_INT) {
        status = nba_yaml_integer(node, INT32_MIN, INT32_MAX, &number, error);
        const int32_t small = (int32_t)number;
        memcpy(at, &small, sizeof(small));
    } else if (b->kind == NBA_BIND_LONG) {
        status = nba_yaml_integer(node, -INT64_C(1000000000000000), INT64_C(1000000000000000),
                                  &number, error);
        memcpy(at, &number, sizeof(number));
    } else if (b->kind == NBA_BIND_TIME) {
        status = nba_yaml_time(node, &number, error);
        memcpy(at, &number, sizeof(number));
    } else if (b->kind == NBA_BIND_DOUBLE || b->kind == NBA_BIND_FLOAT) {
        status = nba_yaml_number(node, -1e15, 1e15, &real, error);
        narrow = (float)real;
        memcpy(at, b->kind == NBA_BIND_FLOAT ? (void *)&narrow : (void *)&real, b->bytes);
    } else {
        NBA_ASSERT(b->kind == NBA_BIND_WORD);
        status = nba_form_word(node, b->words, &word, error);
        if (b->derive == NULL) { /* else it is no member */
            put_word(b, word, at);
        }
    }
    return status;
}

/* An item without a name is one plain member, else a record. */
static enum nba_status fill_item(const struct nba_yaml_node *node,
                                 const struct nba_record_binding *record, unsigned char *into,
                                 struct nba_arena *arena, struct nba_error *error)
{
    if (record->count == 1 && record->fields[0].name == NULL) {
        return fill_value(node, &record->fields[0], into, arena, error);
    }
    const struct fields_form form = {.record = record};
    nba_binding_clear(record, into);
    return nba_form_fill(node, &form, into, arena, error);
}

static enum nba_status fill_array(const struct nba_yaml_node *node, const struct nba_binding *b,
                                  unsigned char *into, struct nba_arena *arena,
                                  struct nba_error *error)
{
    enum nba_status status = nba_yaml_expect(node, NBA_YAML_LIST, error);
    if (status != NBA_OK) {
        return status;
    }
    const uint32_t count = node->count;
    if (b->kind == NBA_BIND_IN_PLACE && count > b->capacity) {
        return nba_yaml_fail(node, error, "expected at most %u items, got %u", b->capacity, count);
    }
    unsigned char *items = b->kind == NBA_BIND_IN_PLACE
                               ? into + b->offset
                               : nba_arena_need(arena, (count + 1u) * b->record->bytes);
    uint32_t i = 0;
    for (const struct nba_yaml_node *n = node->first; status == NBA_OK && n != NULL; n = n->next) {
        status = fill_item(n, b->record, items + i++ * b->record->bytes, arena, error);
    }
    if (status == NBA_OK && b->kind == NBA_BIND_ARRAY) {
        memcpy(into + b->offset, &items, sizeof(items));
    }
    memcpy(into + b->count_offset, &count, sizeof(count));
    return status;
}

/* Words by value: one slot each.  A map of texts: its pairs. */
static enum nba_status fill_map(const struct nba_yaml_node *node, const struct nba_binding *b,
                                unsigned char *into, struct nba_arena *arena,
                                struct nba_error *error)
{
    enum nba_status status = nba_yaml_expect(node, NBA_YAML_MAP, error);
    if (status != NBA_OK) {
        return status;
    }
    const struct nba_binding *value = &b->record->fields[b->record->count - 1];
    unsigned char *items = nba_arena_need(arena, (node->count + 1u) * b->record->bytes);
    uint32_t i = 0;
    for (const struct nba_yaml_node *n = node->first; status == NBA_OK && n != NULL; n = n->next) {
        uint32_t word = 0;
        if (b->kind == NBA_BIND_SLOTS) {
            word = (uint32_t)nba_str_find(n->key->text, b->words->names, b->words->count);
            if (word == b->words->count) {
                return fail_word(n, true, n->key->text, b->words, error);
            }
            unsigned char *slot = into + b->offset + word * b->record->bytes;
            status = status == NBA_OK ? fill_value(n, value, slot, arena, error) : status;
            if (status == NBA_OK && b->presence == NBA_PRESENT_BOOL) {
                into[b->presence_offset + word] = true;
            }
        } else {
            unsigned char *item = items + i++ * b->record->bytes;
            memcpy(item + b->record->fields[0].offset, &n->key->text, sizeof(n->key->text));
            status = fill_value(n, value, item, arena, error);
        }
    }
    if (b->kind == NBA_BIND_MAP) {
        memcpy(into + b->offset, &items, sizeof(items));
        memcpy(into + b->count_offset, &i, sizeof(i));
    }
    return status;
}

static enum nba_status fill_nested(const struct nba_yaml_node *node, const struct nba_binding *b,
                                   unsigned char *into, struct nba_arena *arena,
                                   struct nba_error *error)
{
    const struct fields_form form = {.record = b->record};
    if (b->kind == NBA_BIND_RECORD) {
        return nba_form_fill(node, &form, into + b->offset, arena, error);
    }
    unsigned char *record = nba_arena_need(arena, b->record->bytes);
    nba_binding_clear(b->record, record);
    memcpy(into + b->offset, &record, sizeof(record));
    return nba_form_fill(node, &form, record, arena, error);
}

/* NOLINTNEXTLINE(misc-no-recursion): our own tables */
static enum nba_status fill_value(const struct nba_yaml_node *node, const struct nba_binding *b,
                                  unsigned char *into, struct nba_arena *arena,
                                  struct nba_error *error)
{
    if (nba_yaml_is_null(node)) { /* absent, as it is after nba_binding_clear */
        return NBA_OK;
    }
    if (b->presence == NBA_PRESENT_BOOL && b->kind != NBA_BIND_SLOTS) {
        into[b->presence_offset] = true;
    }
    switch (b->kind) {
    case NBA_BIND_RECORD:
    case NBA_BIND_POINTER:
        return fill_nested(node, b, into, arena, error);
    case NBA_BIND_ARRAY:
    case NBA_BIND_IN_PLACE:
        return fill_array(node, b, into, arena, error);
    case NBA_BIND_MAP:
    case NBA_BIND_SLOTS:
        return fill_map(node, b, into, arena, error);
    case NBA_BIND_ID:
    case NBA_BIND_TEXT:
    case NBA_BIND_BLOB:
    case NBA_BIND_BOOL:
    case NBA_BIND_INT:
    case NBA_BIND_LONG:
    case NBA_BIND_TIME:
    case NBA_BIND_DOUBLE:
    case NBA_BIND_WORD:
    case NBA_BIND_FIXED:
    case NBA_BIND_FLOAT:
    case NBA_BIND_NULL:
    case NBA_BIND_UNION:
        break;
    }
    return fill_scalar(node, b, into + b->offset, error);
}

static enum nba_status check_keys(const struct nba_yaml_node *map, const struct fields_form *form,
                                  struct nba_error *error)
{
    const char *known[WORDS_MAX + 1];
    size_t count = 0;
    for (const struct fields_short *s = form->shorts; s != NULL && s->name != NULL; s++) {
        known[count++] = s->name;
    }
    for (uint32_t i = 0; !form->closed && i < form->record->count; i++) {
        known[count++] = form->record->fields[i].name;
    }
    NBA_ASSERT(count <= WORDS_MAX);
    known[count] = NULL;
    return nba_yaml_check_keys(map, known, NULL, error);
}

/* NOLINTNEXTLINE(misc-no-recursion): our own tables */
enum nba_status nba_form_fill(const struct nba_yaml_node *map, const struct fields_form *form,
                              void *into, struct nba_arena *arena, struct nba_error *error)
{
    enum nba_status status = nba_yaml_expect(map, NBA_YAML_MAP, error);
    if (status == NBA_OK && !form->loose) {
        status = check_keys(map, form, error);
    }
    for (const struct nba_yaml_node *n = status == NBA_OK ? map->first : NULL; n != NULL;
         n = n->next) {
        size_t base = 0;
        const struct nba_binding *b = nba_form_find(form, n->key->text, &base);
        status = b != NULL ? fill_value(n, b, (unsigned char *)into + base, arena, error) : NBA_OK;
        if (status != NBA_OK) {
            return status;
        }
    }
    return status;
}

/* ---- comparing ---- */

static bool value_equal(const struct nba_binding *b, const struct nba_yaml_node *node,
                        const unsigned char *a, const unsigned char *z);

static bool near(double a, double z)
{
    const double apart = a > z ? a - z : z - a;
    return apart <= NEAR;
}

static const unsigned char *items_of(const struct nba_binding *b, const unsigned char *from,
                                     uint32_t *ret_count)
{
    const unsigned char *items = from + b->offset;
    if (b->kind != NBA_BIND_IN_PLACE) {
        memcpy(&items, from + b->offset, sizeof(items));
    }
    memcpy(ret_count, from + b->count_offset, sizeof(*ret_count));
    return items;
}

static bool record_equal(const struct nba_record_binding *record, const struct nba_yaml_node *node,
                         const unsigned char *a, const unsigned char *z)
{
    const struct fields_form form = {.record = record};
    if (record->count == 1 && record->fields[0].name == NULL) {
        return value_equal(&record->fields[0], node, a, z);
    }
    for (const struct nba_yaml_node *n = node->first; n != NULL; n = n->next) {
        if (!nba_form_equal(&form, n, a, z)) {
            return false;
        }
    }
    return true;
}

/* Lists in order; maps of words whole: what isn't written is zero. */
static bool items_equal(const struct nba_binding *b, const struct nba_yaml_node *node,
                        const unsigned char *a, const unsigned char *z)
{
    uint32_t a_count = 0;
    uint32_t z_count = 0;
    const struct nba_yaml_node *n = node->first;
    if (b->kind == NBA_BIND_SLOTS) {
        return memcmp(a + b->offset, z + b->offset, b->words->count * b->record->bytes) == 0;
    }
    const unsigned char *a_items = items_of(b, a, &a_count);
    const unsigned char *z_items = items_of(b, z, &z_count);
    for (uint32_t i = 0; a_count == z_count && i < a_count; i++, n = n->next) {
        if (!record_equal(b->record, n, a_items + i * b->record->bytes,
                          z_items + i * b->record->bytes)) {
            return false;
        }
    }
    return a_count == z_count;
}

/* A map with any keys: each that is written, by its key. */
static bool map_equal(const struct nba_binding *b, const struct nba_yaml_node *node,
                      const unsigned char *a, const unsigned char *z)
{
    const struct nba_binding *key = &b->record->fields[0];
    const struct nba_binding *value = &b->record->fields[1];
    uint32_t a_count = 0;
    uint32_t z_count = 0;
    const unsigned char *a_item = items_of(b, a, &a_count);
    const unsigned char *z_items = items_of(b, z, &z_count);
    bool equal = true;
    for (const struct nba_yaml_node *n = node->first; n != NULL && equal; n = n->next) {
        const unsigned char *z_item = z_items;
        uint32_t i = 0;
        while (i < z_count && !nba_str_equal(text_at(z_item + key->offset), n->key->text)) {
            z_item = z_items + ++i * b->record->bytes;
        }
        equal = i < z_count && value_equal(value, n, a_item, z_item);
        a_item += b->record->bytes;
    }
    return equal;
}

/* A record that may be absent. */
static bool pointer_equal(const struct nba_binding *b, const struct nba_yaml_node *node,
                          const unsigned char *a, const unsigned char *z)
{
    const unsigned char *a_record = NULL;
    const unsigned char *z_record = NULL;
    memcpy(&a_record, a + b->offset, sizeof(a_record));
    memcpy(&z_record, z + b->offset, sizeof(z_record));
    return a_record == NULL || z_record == NULL ? a_record == z_record
                                                : record_equal(b->record, node, a_record, z_record);
}

/* NOLINTNEXTLINE(misc-no-recursion): our own tables */
static bool value_equal(const struct nba_binding *b, const struct nba_yaml_node *node,
                        const unsigned char *a, const unsigned char *z)
{
    switch (b->kind) {
    case NBA_BIND_ID:
    case NBA_BIND_TEXT:
    case NBA_BIND_BLOB:
        return nba_str_equal(text_at(a + b->offset), text_at(z + b->offset));
    case NBA_BIND_FLOAT:
    case NBA_BIND_DOUBLE:
        return near(real_at(b, a + b->offset), real_at(b, z + b->offset));
    case NBA_BIND_WORD:
        return b->derive != NULL
                   ? nba_str_is(node->text, b->words->names[word_at(b, z + b->offset)])
                   : word_at(b, a + b->offset) == word_at(b, z + b->offset);
    case NBA_BIND_RECORD:
        return nba_yaml_is_null(node)
                   ? b->presence != NBA_PRESENT_TEXT || text_at(z + b->presence_offset).bytes == 0
                   : record_equal(b->record, node, a + b->offset, z + b->offset);
    case NBA_BIND_ARRAY:
    case NBA_BIND_IN_PLACE:
    case NBA_BIND_SLOTS:
        return items_equal(b, node, a, z);
    case NBA_BIND_MAP:
        return map_equal(b, node, a, z);
    case NBA_BIND_POINTER:
        return pointer_equal(b, node, a, z);
    case NBA_BIND_BOOL:
    case NBA_BIND_INT:
    case NBA_BIND_LONG:
    case NBA_BIND_TIME:
    case NBA_BIND_FIXED:
    case NBA_BIND_NULL:
    case NBA_BIND_UNION:
        break;
    }
    return memcmp(a + b->offset, z + b->offset, b->bytes) == 0;
}

/* NOLINTNEXTLINE(misc-no-recursion): our own tables */
bool nba_form_equal(const struct fields_form *form, const struct nba_yaml_node *value,
                    const void *a, const void *b)
{
    size_t base = 0;
    const struct nba_binding *binding = nba_form_find(form, value->key->text, &base);
    return binding == NULL || value_equal(binding, value, (const unsigned char *)a + base,
                                          (const unsigned char *)b + base);
}

/* ---- showing ---- */

static void show_scalar(const struct nba_binding *b, const unsigned char *at, struct nba_buf *buf)
{
    int64_t number = 0;
    int32_t small = 0;
    char time[NBA_TIME_TEXT_BYTES];
    if (b->kind == NBA_BIND_ID || b->kind == NBA_BIND_TEXT) {
        const struct nba_str text = text_at(at);
        nba_buf_printf(buf, text.bytes != 0 ? "%.*s" : "null", NBA_STR_ARG(text));
    } else if (b->kind == NBA_BIND_TIME) {
        memcpy(&number, at, sizeof(number));
        nba_time_format(number, time);
        nba_buf_printf(buf, "%s", number != NBA_TIME_NONE ? time : "null");
    } else if (b->kind == NBA_BIND_DOUBLE || b->kind == NBA_BIND_FLOAT) {
        nba_buf_printf(buf, b->kind == NBA_BIND_FLOAT ? "%.7g" : "%.9g", real_at(b, at));
    } else if (b->kind == NBA_BIND_INT) {
        memcpy(&small, at, sizeof(small));
        nba_buf_printf(buf, "%d", (int)small);
    } else if (b->kind == NBA_BIND_LONG) {
        memcpy(&number, at, sizeof(number));
        nba_buf_printf(buf, "%lld", (long long)number);
    } else if (b->kind == NBA_BIND_BOOL) {
        nba_buf_printf(buf, "%s", *at != 0 ? "true" : "false");
    } else if (b->kind == NBA_BIND_WORD) {
        const uint32_t word = word_at(b, at);
        nba_buf_printf(
            buf, "%s",
            word < b->words->count && b->words->names[word] != NULL ? b->words->names[word] : "?");
    }
}

static void show_record(const struct nba_record_binding *record, const unsigned char *from,
                        struct nba_buf *buf);

/* NOLINTNEXTLINE(misc-no-recursion): our own tables */
static void show_value(const struct nba_binding *b, const unsigned char *from, struct nba_buf *buf)
{
    uint32_t count = 0;
    const char *between = "";
    if (b->kind == NBA_BIND_RECORD) {
        show_record(b->record, from + b->offset, buf);
    } else if (b->kind == NBA_BIND_POINTER) {
        const unsigned char *record = NULL;
        memcpy(&record, from + b->offset, sizeof(record));
        if (record != NULL) {
            show_record(b->record, record, buf);
        } else {
            nba_buf_printf(buf, "null");
        }
    } else if (b->kind == NBA_BIND_ARRAY || b->kind == NBA_BIND_IN_PLACE ||
               b->kind == NBA_BIND_MAP) {
        const unsigned char *items = items_of(b, from, &count);
        nba_buf_append_byte(buf, '[');
        for (uint32_t i = 0; i < count; i++, between = ", ") {
            nba_buf_printf(buf, "%s", between);
            show_record(b->record, items + i * b->record->bytes, buf);
        }
        nba_buf_append_byte(buf, ']');
    } else if (b->kind == NBA_BIND_SLOTS) {
        const unsigned char zero[sizeof(double)] = {0};
        nba_buf_append_byte(buf, '{');
        for (uint32_t i = 0; i < b->words->count; i++) {
            const unsigned char *slot = from + b->offset + i * b->record->bytes;
            if (b->words->names[i] != NULL && memcmp(slot, zero, b->record->bytes) != 0) {
                nba_buf_printf(buf, "%s%s: ", between, b->words->names[i]);
                show_value(&b->record->fields[0], slot, buf);
                between = ", ";
            }
        }
        nba_buf_append_byte(buf, '}');
    } else {
        show_scalar(b, from + b->offset, buf);
    }
}

/* NOLINTNEXTLINE(misc-no-recursion): our own tables */
static void show_record(const struct nba_record_binding *record, const unsigned char *from,
                        struct nba_buf *buf)
{
    if (record->count == 1 && record->fields[0].name == NULL) {
        show_value(&record->fields[0], from, buf);
        return;
    }
    nba_buf_append_byte(buf, '{');
    for (uint32_t i = 0; i < record->count; i++) {
        nba_buf_printf(buf, "%s%s: ", i != 0 ? ", " : "", record->fields[i].name);
        show_value(&record->fields[i], from, buf);
    }
    nba_buf_append_byte(buf, '}');
}

void nba_form_show(const struct fields_form *form, struct nba_str key, const void *from,
                   struct nba_buf *buf)
{
    size_t base = 0;
    const struct nba_binding *b = nba_form_find(form, key, &base);
    if (b != NULL) {
        show_value(b, (const unsigned char *)from + base, buf);
    }
}
