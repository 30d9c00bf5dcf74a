/* The fields of each kind of section, then one function a kind of value. */
#include "field_internal.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nba/base/assert.h"
#include "nba/base/time_text.h"

/* ---- which fields there are ---------------------------------------------------------------- */

static const struct nba_record_binding *part_of(const struct nba_record_binding *record,
                                                const char *name)
{
    return nba_binding_find(record, nba_str_of(name))->record;
}

const struct nba_record_binding *nba_fields_record(enum nba_import_kind kind)
{
    const struct nba_record_binding *event = nba_bindings_of(NBA_SCHEMA_ENGAGEMENT);
    const struct nba_record_binding *catalog = nba_bindings_of(NBA_SCHEMA_CATALOG);
    switch (kind) {
    case NBA_IMPORT_PROFILES:
        return part_of(event, "profile");
    case NBA_IMPORT_CONTENTS:
        return part_of(catalog, "content");
    case NBA_IMPORT_REPS:
        return part_of(catalog, "rep");
    case NBA_IMPORT_CAMPAIGNS:
        return part_of(catalog, "campaign");
    case NBA_IMPORT_EVENTS:
    case NBA_IMPORT_KIND_COUNT:
        break;
    }
    return event;
}

const struct nba_record_binding *nba_fields_treatment_record(void)
{
    return part_of(nba_fields_record(NBA_IMPORT_CONTENTS), "treatments");
}

static void add(struct fields *fields, const char *prefix, const char *name,
                const struct nba_binding *b, size_t base)
{
    NBA_ASSERT(fields->count < NBA_FIELDS_MAX);
    struct field *field = &fields->items[fields->count];
    const int length = snprintf(field->name, sizeof(field->name), "%s%s", prefix, name);
    NBA_ASSERT(length > 0 && (size_t)length < sizeof(field->name));
    field->binding = b;
    field->base = base;
    fields->names[fields->count] = field->name;
    fields->count++;
}

/* A record's members that one cell can hold: plain ones, lists of texts, and the state of the
 * address in each channel. */
/* NOLINTNEXTLINE(misc-no-recursion): codec's own tables */
static void add_all(struct fields *fields, const struct nba_record_binding *record, size_t base)
{
    for (uint32_t i = 0; i < record->count; i++) {
        const struct nba_binding *b = &record->fields[i];
        const bool texts = b->kind == NBA_BIND_ARRAY && b->record->fields[0].name == NULL;
        if (b->kind < NBA_BIND_RECORD || texts) {
            add(fields, "", b->name, b, base);
        } else if (b->kind == NBA_BIND_RECORD) {
            add_all(fields, b->record, base + b->offset);
        } else if (b->kind == NBA_BIND_SLOTS) {
            for (uint32_t k = NBA_CHANNEL_UNKNOWN + 1; k < b->words->count; k++) {
                add(fields, "address_", b->words->names[k], &b->record->fields[0],
                    base + b->offset + k * b->record->bytes);
            }
        }
    }
}

void nba_fields_init(struct fields *fields, enum nba_import_kind kind, bool part)
{
    static const char *const of_profile[] = {"event_id", "source", "tenant_id", "hcp_id",
                                             "event_time"};
    static const char *const of_consent[] = {"channel", "scope_type",  "status",    "scope_id",
                                             "brand",   "captured_at", "expires_at"};
    const struct nba_record_binding *event = nba_fields_record(NBA_IMPORT_EVENTS);
    memset(fields, 0, sizeof(*fields));
    if (kind == NBA_IMPORT_PROFILES) {
        const char *const *names = part ? of_consent : of_profile;
        const size_t count = part ? NBA_ARRAY_COUNT(of_consent) : NBA_ARRAY_COUNT(of_profile);
        for (size_t i = 0; i < count; i++) {
            add(fields, "", names[i], nba_binding_find(event, nba_str_of(names[i])), 0);
        }
    }
    if (part && kind == NBA_IMPORT_CONTENTS) {
        add_all(fields, nba_fields_treatment_record(), 0);
    } else if (!part) {
        add_all(fields, nba_fields_record(kind),
                kind == NBA_IMPORT_PROFILES ? offsetof(union target, profile) : 0);
    }
}

const struct field *nba_fields_find(const struct fields *fields, struct nba_str name)
{
    size_t i = 0;
    while (i < fields->count && !nba_str_is(name, fields->names[i])) {
        i++;
    }
    return i < fields->count ? &fields->items[i] : NULL;
}

/* ---- texts into values --------------------------------------------------------------------- */

#define NUMBER_TEXT_BYTES 64u

/* strtod needs a NUL behind the text. */
static bool parse_number(struct nba_str text, double *ret_value)
{
    char copy[NUMBER_TEXT_BYTES];
    char *end = NULL;
    if (text.bytes >= sizeof(copy)) {
        return false;
    }
    memcpy(copy, text.data, text.bytes);
    copy[text.bytes] = '\0';
    *ret_value = strtod(copy, &end);
    return end != copy && *end == '\0' && isfinite(*ret_value);
}

/* Each setter returns what is wrong, or NULL.  Reasons are counted by their text, so no value
 * stands in them. */

static const char *set_time(struct nba_str text, enum time_unit unit, void *at)
{
    int64_t ms = 0;
    double number = 0;
    if (unit == TIME_RFC3339) {
        if (!nba_time_parse(text, &ms)) {
            return "not a time like 2026-11-20T15:30:00Z";
        }
    } else {
        if (!parse_number(text, &number) || fabs(number) > 1e15) {
            return "not a number";
        }
        ms = (int64_t)llround(unit == TIME_S ? number * 1000.0 : number);
    }
    memcpy(at, &ms, sizeof(ms));
    return NULL;
}

/* Empty items are none. */
static const char *set_list(struct nba_str text, char split, struct nba_arena *arena, void *at,
                            void *count_at)
{
    uint32_t count = 0;
    size_t parts = 1;
    for (size_t i = 0; i < text.bytes && split != '\0'; i++) {
        parts += text.data[i] == split ? 1 : 0;
    }
    if (parts > NBA_ITEMS_MAX) {
        return "too many items";
    }
    struct nba_str *items = nba_arena_need(arena, parts * sizeof(*items));
    for (size_t begin = 0; begin <= text.bytes;) {
        const char *from = text.data + begin;
        const char *to = split != '\0' ? memchr(from, split, text.bytes - begin) : NULL;
        const size_t bytes = to != NULL ? (size_t)(to - from) : text.bytes - begin;
        if (bytes > NBA_ID_BYTES_MAX) {
            return "an item is too long";
        }
        if (bytes > 0) {
            items[count++] = nba_str(from, bytes);
        }
        begin += bytes + 1;
    }
    memcpy(at, &items, sizeof(void *));
    memcpy(count_at, &count, sizeof(count));
    return NULL;
}

static const char *set_number(struct nba_str text, bool whole, void *at)
{
    double number = 0;
    if (!parse_number(text, &number)) {
        return "not a number";
    }
    if (!whole) {
        memcpy(at, &number, sizeof(number));
        return NULL;
    }
    if (number != floor(number) || fabs(number) > INT32_MAX) {
        return "not a whole number";
    }
    const int32_t value = (int32_t)number;
    memcpy(at, &value, sizeof(value));
    return NULL;
}

static const char *set_bool(struct nba_str text, void *at)
{
    const bool yes = nba_str_is(text, "true") || nba_str_is(text, "1");
    if (!yes && !nba_str_is(text, "false") && !nba_str_is(text, "0")) {
        return "not true, false, 1 or 0";
    }
    memcpy(at, &yes, sizeof(yes));
    return NULL;
}

static const char *set_word(struct nba_str text, const struct nba_binding *b, unsigned char *at)
{
    uint32_t value = 0;
    while (value < b->words->count && !nba_str_is(text, b->words->names[value])) {
        value++;
    }
    if (value == b->words->count) {
        return "not a word of the vocabulary";
    }
    if (b->bytes == 1) {
        *at = (unsigned char)value;
    } else {
        memcpy(at, &value, sizeof(value));
    }
    return NULL;
}

static const char *set_text(struct nba_str text, size_t most, void *at)
{
    if (text.bytes > most) {
        return "too long";
    }
    memcpy(at, &text, sizeof(text));
    return NULL;
}

enum nba_status nba_field_set(const struct field *field, struct nba_str text, enum time_unit unit,
                              char split, struct nba_arena *arena, void *target,
                              struct nba_error *error)
{
    const struct nba_binding *b = field->binding;
    unsigned char *base = (unsigned char *)target + field->base;
    unsigned char *at = base + b->offset;
    const char *wrong = NULL;
    if (text.bytes == 0) {
        return NBA_OK;
    }
    switch ((int)b->kind) {
    case NBA_BIND_ARRAY:
        wrong = set_list(text, split, arena, at, base + b->count_offset);
        break;
    case NBA_BIND_TIME:
        wrong = set_time(text, unit, at);
        break;
    case NBA_BIND_DOUBLE:
    case NBA_BIND_INT:
        wrong = set_number(text, b->kind == NBA_BIND_INT, at);
        break;
    case NBA_BIND_BOOL:
        wrong = set_bool(text, at);
        break;
    case NBA_BIND_WORD:
        wrong = set_word(text, b, at);
        break;
    default:
        NBA_ASSERT(b->kind == NBA_BIND_ID || b->kind == NBA_BIND_TEXT);
        wrong =
            set_text(text, b->kind == NBA_BIND_ID ? NBA_ID_BYTES_MAX : NBA_STRING_BYTES_MAX, at);
        break;
    }
    if (wrong != NULL) {
        return nba_error_set(error, NBA_E_CONFIG, "%s: %s", field->name, wrong);
    }
    if (b->presence == NBA_PRESENT_BOOL) {
        base[b->presence_offset] = true;
    }
    return NBA_OK;
}
