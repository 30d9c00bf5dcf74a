/* What a scenario is given, and what its steps say: maps become events and records. */
#include "nba/base/assert.h"
#include "scenario_internal.h"

#include <stdio.h>

#define PROFILE_SOURCE "nba-test"

/* Short names; those without a path are known here and read by hand, or carried by no record. */
static const struct fields_short event_shorts[] = {
    {"id", "event_id"},
    {"type", "event_type"},
    {"time", "event_time"},
    {"scope", NULL},
    {"reaction", NULL},
    {"call_channel", NULL},
    {"presentation_id", NULL},
    {"slide_id", NULL},
    {"products", NULL},
    {"product", NULL},
    {"qty", NULL},
    {"placement", NULL},
    {"query_topic", NULL},
    {"channel_detail", NULL},
    {"reason", NULL},
    {"topic", NULL},
    /* facts of profile_updated */
    {"tz", NULL},
    {"specialties", NULL},
    {"interests", NULL},
    {"addresses", NULL},
    {"msl_id", NULL},
    {"territory_id", NULL},
    {"registered_events", NULL},
    {"open_complaint", NULL},
    {"do_not_contact", NULL},
    {"ids", NULL},
    {NULL, NULL},
};
#define FIRST_PROFILE_SHORT "tz"

static const struct nba_record_binding *record_of(const struct nba_record_binding *from,
                                                  const char *field)
{
    const struct nba_binding *b = nba_binding_find(from, nba_str_of(field));
    NBA_ASSERT(b != NULL && b->record != NULL);
    return b->record;
}

static struct fields_form event_form(void)
{
    return (struct fields_form){.record = nba_bindings_of(NBA_SCHEMA_ENGAGEMENT),
                                .shorts = event_shorts};
}

const struct nba_yaml_node *nba_scenario_get(const struct nba_yaml_node *map, const char *key)
{
    const struct nba_yaml_node *node = nba_yaml_get(map, key);
    return node != NULL && !nba_yaml_is_null(node) ? node : NULL;
}

/* ---- events ---- */

/* Who unsubscribes says `scope`: brand, channel, or all. */
static enum nba_status read_scope(const struct nba_yaml_node *map, struct nba_event *event,
                                  struct nba_error *error)
{
    static const char *const words[] = {"brand", "channel", "all", NULL};
    static const enum nba_consent_scope scopes[] = {
        NBA_CONSENT_SCOPE_BRAND, NBA_CONSENT_SCOPE_CHANNEL, NBA_CONSENT_SCOPE_GLOBAL};
    const struct nba_yaml_node *node = nba_scenario_get(map, "scope");
    size_t word = 0;
    if (node == NULL) {
        return NBA_OK;
    }
    const enum nba_status status = nba_yaml_word(node, words, &word, error);
    if (status == NBA_OK) {
        event->scope_type = scopes[word];
    }
    return status;
}

static enum nba_status read_reaction(const struct nba_yaml_node *map, struct nba_event *event,
                                     struct nba_error *error)
{
    const struct nba_yaml_node *node = nba_scenario_get(map, "reaction");
    if (node == NULL) {
        return NBA_OK;
    }
    const bool plus = nba_str_is(node->text, "+") || nba_str_is(node->text, "1");
    const bool minus = nba_str_is(node->text, "-") || nba_str_is(node->text, "-1");
    if (!plus && !minus && !nba_str_is(node->text, "0")) {
        return nba_yaml_fail(node, error, "expected \"+\", 0 or \"-\"");
    }
    event->reaction = plus ? 1 : minus ? -1 : 0;
    return NBA_OK;
}

/* Facts may stand in `profile`, as in the message, or beside the event's own fields. */
static enum nba_status read_facts(const struct nba_yaml_node *map, struct nba_event *event,
                                  struct nba_arena *arena, struct nba_error *error)
{
    const struct nba_record_binding *record = record_of(event_form().record, "profile");
    const struct fields_form form = {.record = record, .loose = true};
    if (event->type != NBA_EVENT_PROFILE_UPDATED) {
        bool fact = false;
        for (const struct fields_short *s = event_shorts; s->name != NULL; s++) {
            fact = fact || nba_str_is(nba_str_of(s->name), FIRST_PROFILE_SHORT);
            const struct nba_yaml_node *node = fact ? nba_yaml_get(map, s->name) : NULL;
            if (node != NULL) {
                return nba_yaml_fail_key(node, error, "is a fact of profile_updated events");
            }
        }
        return NBA_OK;
    }
    struct nba_profile *profile = nba_arena_need(arena, sizeof(*profile));
    nba_binding_clear(record, profile);
    if (event->profile != NULL) {
        *profile = *event->profile;
    }
    event->profile = profile;
    return nba_form_fill(map, &form, profile, arena, error);
}

static enum nba_status check_event(const struct nba_yaml_node *map, struct nba_event *event,
                                   struct nba_error *error)
{
    const struct {
        const char *key;
        bool there;
    } needed[] = {{"id", event->event_id.bytes != 0},
                  {"source", event->source.bytes != 0},
                  {"type", event->type != NBA_EVENT_UNKNOWN},
                  {"hcp_id", event->hcp_id.bytes != 0},
                  {"time", event->event_time_ms != NBA_TIME_NONE}};
    for (size_t i = 0; i < NBA_ARRAY_COUNT(needed); i++) {
        if (!needed[i].there) {
            return nba_yaml_fail_missing(map, needed[i].key, "a field that every event has", error);
        }
    }
    if (event->type == NBA_EVENT_CONTROL_TICK) {
        return nba_yaml_fail(nba_yaml_get(map, "type"), error,
                             "expected an event of an HCP; `clock: TIME` is a step of its own");
    }
    return NBA_OK;
}

enum nba_status nba_scenario_read_event(const struct nba_yaml_node *map,
                                        struct nba_event *ret_event, struct nba_arena *arena,
                                        struct nba_error *error)
{
    const struct fields_form form = event_form();
    struct nba_event event;
    nba_binding_clear(form.record, &event);
    enum nba_status status = nba_form_fill(map, &form, &event, arena, error);
    status = status == NBA_OK ? check_event(map, &event, error) : status;
    status = status == NBA_OK ? read_scope(map, &event, error) : status;
    status = status == NBA_OK ? read_reaction(map, &event, error) : status;
    status = status == NBA_OK ? read_facts(map, &event, arena, error) : status;
    if (status == NBA_OK) {
        event.recorded_time_ms =
            event.recorded_time_ms != NBA_TIME_NONE ? event.recorded_time_ms : event.event_time_ms;
        *ret_event = event;
    }
    return status;
}

/* ---- profiles ---- */

static void fill_profile_defaults(struct nba_profile *profile)
{
    for (unsigned channel = 1; channel < NBA_CHANNEL_COUNT; channel++) {
        profile->address[channel] = NBA_ADDRESS_OK;
    }
    profile->language = nba_str_of("en");
    profile->has_registered_events = true;
    profile->has_open_complaint = true;
}

static enum nba_status read_profile(const struct nba_yaml_node *map, int64_t time_ms,
                                    struct nba_event *ret_event, struct nba_arena *arena,
                                    struct nba_error *error)
{
    static const struct fields_short shorts[] = {
        {"hcp_id", NULL}, {"tenant_id", NULL}, {NULL, NULL}};
    const struct nba_record_binding *record = record_of(event_form().record, "profile");
    const struct fields_form form = {.record = record, .shorts = shorts};
    const struct nba_yaml_node *id = nba_scenario_get(map, "hcp_id");
    const struct nba_yaml_node *tenant = nba_scenario_get(map, "tenant_id");
    struct nba_profile *profile = nba_arena_need(arena, sizeof(*profile));
    struct nba_event event;
    nba_binding_clear(event_form().record, &event);
    nba_binding_clear(record, profile);
    fill_profile_defaults(profile);
    if (nba_scenario_get(map, "addresses") != NULL) {
        memset(profile->address, 0, sizeof(profile->address));
    }
    enum nba_status status = nba_form_fill(map, &form, profile, arena, error);
    if (status == NBA_OK && id == NULL) {
        status = nba_yaml_fail_missing(map, "hcp_id", "the HCP's id", error);
    }
    status = status == NBA_OK ? nba_yaml_text(id, &event.hcp_id, error) : status;
    if (status == NBA_OK && tenant != NULL) {
        status = nba_yaml_text(tenant, &event.tenant_id, error);
    }
    if (status == NBA_OK) {
        char *text = nba_arena_need(arena, event.hcp_id.bytes + 16);
        (void)snprintf(text, event.hcp_id.bytes + 16, "profile-%.*s", NBA_STR_ARG(event.hcp_id));
        event.type = NBA_EVENT_PROFILE_UPDATED;
        event.event_id = nba_str_of(text);
        event.source = nba_str_of(PROFILE_SOURCE);
        event.event_time_ms = time_ms;
        event.recorded_time_ms = time_ms;
        event.market = profile->market;
        event.profile = profile;
        *ret_event = event;
    }
    return status;
}

enum nba_status nba_scenario_read_profiles(struct scenario *scenario, int64_t time_ms,
                                           struct nba_arena *arena, struct nba_error *error)
{
    const struct nba_yaml_node *list = scenario->profiles;
    enum nba_status status = nba_yaml_expect(list, NBA_YAML_LIST, error);
    if (status != NBA_OK) {
        return status;
    }
    scenario->profile_events =
        nba_arena_need(arena, (list->count + 1u) * sizeof(*scenario->profile_events));
    for (const struct nba_yaml_node *n = list->first; status == NBA_OK && n != NULL; n = n->next) {
        struct nba_event *event = &scenario->profile_events[scenario->profile_count];
        status = read_profile(n, time_ms, event, arena, error);
        for (uint32_t i = 0; status == NBA_OK && i < scenario->profile_count; i++) {
            if (nba_str_equal(scenario->profile_events[i].hcp_id, event->hcp_id)) {
                status = nba_yaml_fail(nba_yaml_get(n, "hcp_id"), error,
                                       "there is a profile of '%.60s' already", event->hcp_id.data);
            }
        }
        scenario->profile_count += status == NBA_OK ? 1 : 0;
    }
    return status;
}

/* ---- contents, campaigns, reps ---- */

static const char *const id_keys[] = {"content_id", "campaign_id", "rep_id"};

enum nba_status nba_scenario_reference_id(const struct nba_yaml_node *map,
                                          const struct nba_yaml_node **ret_id,
                                          struct nba_error *error)
{
    enum nba_status status = nba_yaml_expect(map, NBA_YAML_MAP, error);
    for (size_t i = 0; status == NBA_OK && i < NBA_ARRAY_COUNT(id_keys); i++) {
        const struct nba_yaml_node *id = nba_scenario_get(map, id_keys[i]);
        struct nba_str text;
        if (id != NULL) {
            status = nba_yaml_text(id, &text, error);
            *ret_id = id;
            return status;
        }
    }
    return status == NBA_OK
               ? nba_yaml_fail(map, error, "expected content_id, campaign_id or rep_id")
               : status;
}

/* A treatment's field written at the content's level holds for all its treatments. */
static enum nba_status read_treatments(const struct nba_yaml_node *const *layers, size_t count,
                                       struct nba_content *content, struct nba_arena *arena,
                                       struct nba_error *error)
{
    const struct nba_record_binding *record =
        record_of(record_of(nba_bindings_of(NBA_SCHEMA_CATALOG), "content"), "treatments");
    const struct fields_form own = {.record = record};
    const struct fields_form common = {.record = record, .loose = true};
    const struct nba_yaml_node *list = NULL;
    enum nba_status status = NBA_OK;
    for (size_t i = 0; i < count; i++) {
        const struct nba_yaml_node *here = nba_scenario_get(layers[i], "treatments");
        list = here != NULL ? here : list;
    }
    status = list != NULL ? nba_yaml_expect(list, NBA_YAML_LIST, error) : NBA_OK;
    if (status != NBA_OK) {
        return status;
    }
    const uint32_t treatments = list != NULL ? list->count : 0;
    struct nba_treatment *items = nba_arena_need(arena, (treatments + 1u) * sizeof(*items));
    const struct nba_yaml_node *n = list != NULL ? list->first : NULL;
    for (uint32_t t = 0; status == NBA_OK && t <= treatments; t++) {
        const bool spare = t == treatments; /* so that the common fields are read in any case */
        nba_binding_clear(record, &items[t]);
        items[t].approval_state = NBA_APPROVAL_APPROVED;
        items[t].value = 1.0;
        status = spare ? NBA_OK : nba_form_fill(n, &own, &items[t], arena, error);
        for (size_t i = 0; status == NBA_OK && i < count; i++) {
            status = nba_form_fill(layers[i], &common, &items[t], arena, error);
        }
        if (status == NBA_OK && !spare &&
            (items[t].channel == NBA_CHANNEL_UNKNOWN ||
             items[t].action_type == NBA_ACTION_TYPE_UNKNOWN)) {
            status = nba_yaml_fail(n, error, "expected a channel and an action_type");
        }
        n = spare ? n : n->next;
    }
    content->treatments = items;
    content->treatment_count = treatments;
    return status;
}

static enum nba_status read_content(const struct nba_yaml_node *const *layers, size_t count,
                                    struct nba_content *content, struct nba_arena *arena,
                                    struct nba_error *error)
{
    static const struct fields_short shorts[] = {
        {"channel", NULL},        {"action_type", NULL}, {"approval_number", NULL},
        {"approval_state", NULL}, {"markets", NULL},     {"languages", NULL},
        {"effective_from", NULL}, {"expires_at", NULL},  {"value", NULL},
        {"embedding", NULL},      {NULL, NULL}};
    const struct nba_record_binding *record =
        record_of(nba_bindings_of(NBA_SCHEMA_CATALOG), "content");
    const struct fields_form form = {.record = record, .shorts = shorts};
    enum nba_status status = NBA_OK;
    content->content_class = NBA_CONTENT_CLASS_PROMOTIONAL;
    content->version = nba_str_of("1");
    for (size_t i = 0; status == NBA_OK && i < count; i++) {
        status = nba_form_fill(layers[i], &form, content, arena, error);
    }
    if (status == NBA_OK) {
        content->family_id =
            content->family_id.bytes != 0 ? content->family_id : content->content_id;
        status = read_treatments(layers, count, content, arena, error);
    }
    return status;
}

enum nba_status nba_scenario_read_reference(const struct nba_yaml_node *const *layers, size_t count,
                                            struct nba_reference *ret_reference,
                                            struct nba_arena *arena, struct nba_error *error)
{
    const struct nba_record_binding *catalog = nba_bindings_of(NBA_SCHEMA_CATALOG);
    const struct nba_yaml_node *id = NULL;
    enum nba_status status = nba_scenario_reference_id(layers[0], &id, error);
    if (status != NBA_OK) {
        return status;
    }
    struct nba_reference reference;
    nba_binding_clear(catalog, &reference);
    if (nba_str_is(id->key->text, "content_id")) {
        reference.kind = NBA_REFERENCE_CONTENT;
        status = read_content(layers, count, &reference.content, arena, error);
    } else {
        const bool rep = nba_str_is(id->key->text, "rep_id");
        const struct fields_form form = {.record = record_of(catalog, rep ? "rep" : "campaign")};
        void *into = rep ? (void *)&reference.rep : (void *)&reference.campaign;
        reference.kind = rep ? NBA_REFERENCE_REP : NBA_REFERENCE_CAMPAIGN;
        reference.rep.role = NBA_REP_ROLE_REP;
        for (size_t i = 0; status == NBA_OK && i < count; i++) {
            status = nba_form_fill(layers[i], &form, into, arena, error);
        }
    }
    if (status == NBA_OK) {
        *ret_reference = reference;
    }
    return status;
}

/* ---- control messages ---- */

/* {exclude: {content_id: X, until: T}}, {include: {...}}, {mode: stopped} */
static enum nba_status read_exclusion(const struct nba_yaml_node *map, struct nba_control *control,
                                      struct nba_error *error)
{
    static const char *const keys[] = {"content_id", "brand",  "campaign_id", "id",
                                       "until",      "reason", "by",          NULL};
    static const char *const scopes[] = {"content", "brand", "campaign"};
    const struct nba_yaml_node *text[] = {
        nba_scenario_get(map, "id"), nba_scenario_get(map, "reason"), nba_scenario_get(map, "by")};
    struct nba_str *into[] = {&control->id, &control->reason, &control->by};
    enum nba_status status = nba_yaml_expect(map, NBA_YAML_MAP, error);
    status = status == NBA_OK ? nba_yaml_check_keys(map, keys, NULL, error) : status;
    for (size_t i = 0; status == NBA_OK && i < NBA_ARRAY_COUNT(scopes); i++) {
        const struct nba_yaml_node *target = nba_scenario_get(map, keys[i]);
        if (target != NULL && control->target.bytes != 0) {
            return nba_yaml_fail_key(target, error,
                                     "expected one of content_id, brand, campaign_id");
        }
        if (target != NULL) {
            control->scope = nba_str_of(scopes[i]);
            status = nba_yaml_text(target, &control->target, error);
        }
    }
    if (status == NBA_OK && control->target.bytes == 0) {
        return nba_yaml_fail_missing(map, "content_id", "what is excluded (or brand, campaign_id)",
                                     error);
    }
    for (size_t i = 0; status == NBA_OK && i < NBA_ARRAY_COUNT(text); i++) {
        status = text[i] != NULL ? nba_yaml_string(text[i], into[i], error) : NBA_OK;
    }
    const struct nba_yaml_node *until = nba_scenario_get(map, "until");
    return status == NBA_OK && until != NULL ? nba_yaml_time(until, &control->until_ms, error)
                                             : status;
}

enum nba_status nba_scenario_read_control(const struct nba_yaml_node *map, struct nba_control *ret,
                                          struct nba_arena *arena, struct nba_error *error)
{
    static const char *const keys[] = {"exclude", "include", "mode", NULL};
    static const char *const modes[] = {"live", "shadow", "stopped", NULL};
    const struct fields_form form = {.record = nba_bindings_of(NBA_SCHEMA_CONTROL)};
    struct nba_control control;
    size_t mode = 0;
    nba_binding_clear(form.record, &control);
    enum nba_status status = nba_yaml_expect(map, NBA_YAML_MAP, error);
    if (status == NBA_OK && nba_scenario_get(map, "kind") != NULL) { /* the message itself */
        status = nba_form_fill(map, &form, &control, arena, error);
    } else if (status == NBA_OK) {
        const struct nba_yaml_node *exclude = nba_scenario_get(map, "exclude");
        const struct nba_yaml_node *include = nba_scenario_get(map, "include");
        const struct nba_yaml_node *word = nba_scenario_get(map, "mode");
        status = nba_yaml_check_keys(map, keys, NULL, error);
        if (status == NBA_OK && (exclude != NULL) + (include != NULL) + (word != NULL) != 1) {
            status = nba_yaml_fail(map, error, "expected one of exclude, include, mode");
        } else if (status == NBA_OK && word != NULL) {
            control.kind = NBA_CONTROL_MODE;
            status = nba_yaml_word(word, modes, &mode, error);
            control.target = nba_str_of(modes[mode]);
        } else if (status == NBA_OK) {
            control.kind = exclude != NULL ? NBA_CONTROL_EXCLUDE : NBA_CONTROL_INCLUDE;
            status = read_exclusion(exclude != NULL ? exclude : include, &control, error);
        }
    }
    if (status == NBA_OK) {
        *ret = control;
    }
    return status;
}
