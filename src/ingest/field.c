/* Tables of fields, then one function a kind of value. */
#include "field_internal.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "nba/base/assert.h"
#include "nba/base/time_text.h"

#define WORD_OF(name, type)                                      \
    static bool name##_word(struct nba_str word, int *ret_value) \
    {                                                            \
        enum nba_##type value;                                   \
        if (!nba_##type##_of(word, &value)) {                    \
            return false;                                        \
        }                                                        \
        *ret_value = (int)value;                                 \
        return true;                                             \
    }
WORD_OF(type, event_type)
WORD_OF(channel, channel)
WORD_OF(bot, bot)
WORD_OF(bounce, bounce)
WORD_OF(scope, consent_scope)
WORD_OF(consent, consent_status)
WORD_OF(action, action_type)
WORD_OF(class, content_class)
WORD_OF(approval, approval)
WORD_OF(role, rep_role)

#define F(kind, struct_type, text, member)                                      \
    {                                                                           \
        text, FIELD_##kind, offsetof(struct struct_type, member), NO_FLAG, NULL \
    }
#define W(struct_type, text, member, word)                                           \
    {                                                                                \
        text, FIELD_WORD, offsetof(struct struct_type, member), NO_FLAG, word##_word \
    }
#define E(kind, name) F(kind, nba_event, #name, name)
#define END                              \
    {                                    \
        NULL, FIELD_ID, 0, NO_FLAG, NULL \
    }

static const struct field event_fields[] = {
    E(ID, event_id),
    E(ID, source),
    E(ID, tenant_id),
    E(ID, hcp_id),
    E(ID, market),
    E(ID, brand),
    E(ID, campaign_id),
    E(ID, content_id),
    E(LIST, topic_ids),
    E(ID, action_id),
    E(ID, message_id),
    E(ID, session_id),
    E(ID, device),
    E(ID, region),
    E(ID, scope_id),
    E(ID, rep_id),
    E(ID, call_id),
    E(ID, link_id),
    E(ID, hcp_event_id),
    E(ID, dismiss_reason),
    E(ID, goal),
    E(ID, currency),
    E(TEXT, text),
    E(ID, language),
    E(ID, from_hcp_id),
    E(ID, to_hcp_id),
    E(ID, request_id),
    E(INT, reaction),
    E(INT, rank),
    E(DOUBLE, dwell_s),
    E(DOUBLE, duration_s),
    E(DOUBLE, minutes),
    E(DOUBLE, value),
    E(DOUBLE, rating),
    F(TIME, nba_event, "event_time", event_time_ms),
    F(TIME, nba_event, "recorded_time", recorded_time_ms),
    F(TIME, nba_event, "captured_at", captured_at_ms),
    F(TIME, nba_event, "expires_at", expires_at_ms),
    W(nba_event, "event_type", type, type),
    W(nba_event, "channel", channel, channel),
    W(nba_event, "bot", bot, bot),
    W(nba_event, "bounce_class", bounce_class, bounce),
    W(nba_event, "scope_type", scope_type, scope),
    W(nba_event, "status", status, consent),
    END,
};

#define PE(kind, name) F(kind, profile_target, #name, event.name)
#define P(kind, name)  F(kind, profile_target, #name, profile.name)
#define PFLAG(kind, name)                                                   \
    {                                                                       \
#name, FIELD_##kind, offsetof(struct profile_target, profile.name), \
            offsetof(struct profile_target, profile.has_##name), NULL       \
    }
#define ADDRESS(word, CHANNEL) \
    F(ADDRESS, profile_target, word, profile.address[NBA_CHANNEL_##CHANNEL])

static const struct field profile_fields[] = {
    PE(ID, event_id),
    PE(ID, source),
    PE(ID, tenant_id),
    PE(ID, hcp_id),
    F(TIME, profile_target, "event_time", event.event_time_ms),
    P(ID, market),
    P(ID, region),
    P(ID, tz),
    P(ID, language),
    PFLAG(LIST, specialties),
    PFLAG(LIST, interests),
    PFLAG(LIST, registered_events),
    PFLAG(BOOL, open_complaint),
    P(ID, rep_id),
    P(ID, msl_id),
    P(ID, territory_id),
    P(ID, npi),
    P(ID, onekey_id),
    P(ID, veeva_id),
    ADDRESS("address_email", EMAIL),
    ADDRESS("address_rep", REP),
    ADDRESS("address_web", WEB),
    ADDRESS("address_event", EVENT),
    ADDRESS("address_sms", SMS),
    END,
};

#define C(kind, name) F(kind, nba_content, #name, name)
static const struct field content_fields[] = {
    C(ID, content_id),
    C(ID, family_id),
    C(ID, version),
    C(ID, brand),
    C(LIST, campaign_ids),
    C(ID, business_unit),
    C(TEXT, title),
    C(TEXT, abstract),
    C(LIST, keywords),
    C(LIST, topic_ids),
    C(LIST, codes),
    C(ID, asset_type),
    C(ID, event_id),
    W(nba_content, "class", content_class, class),
    END,
};

#define T(kind, name) F(kind, nba_treatment, #name, name)
static const struct field treatment_fields[] = {
    W(nba_treatment, "channel", channel, channel),
    W(nba_treatment, "action_type", action_type, action),
    W(nba_treatment, "approval_state", approval_state, approval),
    T(ID, approval_number),
    T(LIST, markets),
    T(LIST, languages),
    F(TIME, nba_treatment, "effective_from", effective_from_ms),
    F(TIME, nba_treatment, "expires_at", expires_at_ms),
    T(DOUBLE, value),
    END,
};

static const struct field consent_fields[] = {
    W(nba_event, "channel", channel, channel),
    W(nba_event, "scope_type", scope_type, scope),
    W(nba_event, "status", status, consent),
    E(ID, scope_id),
    E(ID, brand),
    F(TIME, nba_event, "captured_at", captured_at_ms),
    F(TIME, nba_event, "expires_at", expires_at_ms),
    END,
};

static const struct field rep_fields[] = {
    F(ID, nba_rep, "rep_id", rep_id),
    F(ID, nba_rep, "tz", tz),
    F(ID, nba_rep, "territory_id", territory_id),
    W(nba_rep, "role", role, role),
    END,
};

static const struct field campaign_fields[] = {
    F(ID, nba_campaign, "campaign_id", campaign_id),
    F(ID, nba_campaign, "brand", brand),
    F(ID, nba_campaign, "goal", goal),
    F(TIME, nba_campaign, "start", start_ms),
    F(TIME, nba_campaign, "end", end_ms),
    END,
};

const struct field *nba_field_table(enum nba_import_kind kind)
{
    static const struct field *const tables[NBA_IMPORT_KIND_COUNT] = {
        event_fields, profile_fields, content_fields, rep_fields, campaign_fields};
    NBA_ASSERT(kind < NBA_IMPORT_KIND_COUNT);
    return tables[kind];
}

const struct field *nba_field_treatment_table(void)
{
    return treatment_fields;
}

const struct field *nba_field_consent_table(void)
{
    return consent_fields;
}

const struct field *nba_field_find(const struct field *table, struct nba_str name)
{
    for (const struct field *field = table; field->name != NULL; field++) {
        if (nba_str_is(name, field->name)) {
            return field;
        }
    }
    return NULL;
}

/* Reasons are counted by their text, so no value stands in them. */
static enum nba_status fail(const struct field *field, const char *what, struct nba_error *error)
{
    return nba_error_set(error, NBA_E_CONFIG, "%s: %s", field->name, what);
}

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
    const double value = strtod(copy, &end);
    if (end == copy || *end != '\0' || !isfinite(value)) {
        return false;
    }
    *ret_value = value;
    return true;
}

static enum nba_status set_time(const struct field *field, struct nba_str text, enum time_unit unit,
                                void *at, struct nba_error *error)
{
    int64_t ms = 0;
    double number = 0;
    if (unit == TIME_RFC3339) {
        if (!nba_time_parse(text, &ms)) {
            return fail(field, "not a time like 2026-11-20T15:30:00Z", error);
        }
    } else {
        if (!parse_number(text, &number) || fabs(number) > 1e15) {
            return fail(field, "not a number", error);
        }
        ms = (int64_t)llround(unit == TIME_S ? number * 1000.0 : number);
    }
    memcpy(at, &ms, sizeof(ms));
    return NBA_OK;
}

static enum nba_status set_list(const struct field *field, struct nba_str text, char split,
                                struct nba_arena *arena, void *at, struct nba_error *error)
{
    struct nba_str_list list = {NULL, 0};
    size_t count = 1;
    for (size_t i = 0; i < text.bytes && split != '\0'; i++) {
        count += text.data[i] == split ? 1 : 0;
    }
    if (count > NBA_ITEMS_MAX) {
        return fail(field, "too many items", error);
    }
    struct nba_str *items = nba_arena_zeros(arena, count, sizeof(*items));
    if (items == NULL) {
        return nba_error_set(error, NBA_E_NO_MEMORY, "out of memory");
    }
    size_t begin = 0;
    for (size_t i = 0; i <= text.bytes; i++) {
        if (i == text.bytes || (split != '\0' && text.data[i] == split)) {
            const struct nba_str item = nba_str(text.data + begin, i - begin);
            begin = i + 1;
            if (item.bytes > NBA_ID_BYTES_MAX) {
                return fail(field, "an item is too long", error);
            }
            if (item.bytes > 0) {
                items[list.count] = item;
                list.count++;
            }
        }
    }
    list.items = items;
    memcpy(at, &list, sizeof(list));
    return NBA_OK;
}

static enum nba_status set_number(const struct field *field, struct nba_str text, void *at,
                                  struct nba_error *error)
{
    double number = 0;
    if (!parse_number(text, &number)) {
        return fail(field, "not a number", error);
    }
    if (field->kind == FIELD_DOUBLE) {
        memcpy(at, &number, sizeof(number));
        return NBA_OK;
    }
    if (number != floor(number) || fabs(number) > INT32_MAX) {
        return fail(field, "not a whole number", error);
    }
    const int32_t whole = (int32_t)number;
    memcpy(at, &whole, sizeof(whole));
    return NBA_OK;
}

static enum nba_status set_bool(const struct field *field, struct nba_str text, void *at,
                                struct nba_error *error)
{
    const bool yes = nba_str_is(text, "true") || nba_str_is(text, "1");
    if (!yes && !nba_str_is(text, "false") && !nba_str_is(text, "0")) {
        return fail(field, "not true, false, 1 or 0", error);
    }
    memcpy(at, &yes, sizeof(yes));
    return NBA_OK;
}

static enum nba_status set_address(const struct field *field, struct nba_str text, void *at,
                                   struct nba_error *error)
{
    uint8_t state = NBA_ADDRESS_ABSENT;
    if (nba_str_is(text, "ok")) {
        state = NBA_ADDRESS_OK;
    } else if (nba_str_is(text, "bounced")) {
        state = NBA_ADDRESS_BOUNCED;
    } else if (nba_str_is(text, "none")) {
        state = NBA_ADDRESS_NONE;
    } else {
        return fail(field, "not ok, bounced or none", error);
    }
    memcpy(at, &state, sizeof(state));
    return NBA_OK;
}

static enum nba_status set_text(const struct field *field, struct nba_str text, void *at,
                                struct nba_error *error)
{
    const size_t most = field->kind == FIELD_ID ? NBA_ID_BYTES_MAX : NBA_STRING_BYTES_MAX;
    if (text.bytes > most) {
        return fail(field, "too long", error);
    }
    memcpy(at, &text, sizeof(text));
    return NBA_OK;
}

static enum nba_status set_value(const struct field *field, struct nba_str text,
                                 enum time_unit unit, char split, struct nba_arena *arena, void *at,
                                 struct nba_error *error)
{
    int word = 0;
    switch (field->kind) {
    case FIELD_LIST:
        return set_list(field, text, split, arena, at, error);
    case FIELD_TIME:
        return set_time(field, text, unit, at, error);
    case FIELD_DOUBLE:
    case FIELD_INT:
        return set_number(field, text, at, error);
    case FIELD_BOOL:
        return set_bool(field, text, at, error);
    case FIELD_ADDRESS:
        return set_address(field, text, at, error);
    case FIELD_WORD:
        if (!field->word_of(text, &word)) {
            return fail(field, "not a word of the vocabulary", error);
        }
        memcpy(at, &word, sizeof(word));
        return NBA_OK;
    case FIELD_ID:
    case FIELD_TEXT:
        break;
    }
    return set_text(field, text, at, error);
}

enum nba_status nba_field_set(const struct field *field, struct nba_str text, enum time_unit unit,
                              char split, struct nba_arena *arena, void *target,
                              struct nba_error *error)
{
    if (text.bytes == 0) {
        return NBA_OK;
    }
    unsigned char *base = target;
    const enum nba_status status =
        set_value(field, text, unit, split, arena, base + field->offset, error);
    if (status == NBA_OK && field->flag_offset != NO_FLAG) {
        const bool there = true;
        memcpy(base + field->flag_offset, &there, sizeof(there));
    }
    return status;
}
