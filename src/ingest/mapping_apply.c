/* One row through a section: constants first, columns over them, the rule's own settings last. */
#include <inttypes.h>
#include <string.h>

#include "mapping_internal.h"
#include "nba/base/assert.h"

struct apply {
    const struct nba_mapping *mapping;
    const struct section *section;
    const struct nba_row *row;
    struct nba_arena *arena;
    struct nba_error *error;
};

static enum nba_status reject(const struct apply *apply, const char *reason)
{
    return nba_error_set(apply->error, NBA_E_CONFIG, "%s", reason);
}

static size_t find_word(const struct words *words, struct nba_str cell)
{
    size_t i = 0;
    while (i < words->count && !nba_str_equal(words->items[i], cell)) {
        i++;
    }
    return i;
}

static enum nba_status assign(const struct apply *apply, const struct assignments *items,
                              void *target)
{
    enum nba_status status = NBA_OK;
    for (size_t i = 0; i < items->count && status == NBA_OK; i++) {
        const struct assignment *item = &items->items[i];
        struct nba_str text = item->constant;
        if (item->column != SIZE_MAX) {
            text = apply->row->cells[item->column];
        }
        if (item->from.count > 0 && text.bytes > 0) {
            const size_t word = find_word(&item->from, text);
            if (word == item->from.count && !item->has_default) {
                return nba_error_set(apply->error, NBA_E_CONFIG,
                                     "%s: a value that the mapping doesn't list",
                                     item->field->name);
            }
            text = word < item->from.count ? item->to.items[word] : item->otherwise;
        }
        status = nba_field_set(item->field, text, item->unit, item->split, apply->arena, target,
                               apply->error);
    }
    return status;
}

/* What the section says of every row. */
static enum nba_status assign_row(const struct apply *apply, void *target)
{
    const enum nba_status status = assign(apply, &apply->section->constants, target);
    return status == NBA_OK ? assign(apply, &apply->section->cells, target) : status;
}

/* ---- events -------------------------------------------------------------------------------- */

static struct nba_event *add_event(const struct apply *apply, enum nba_event_type type,
                                   struct nba_mapped_row *row)
{
    NBA_ASSERT(row->count < NBA_IMPORT_ITEMS_MAX);
    struct nba_import_item *item = &row->items[row->count++];
    nba_binding_clear(nba_fields_record(NBA_IMPORT_EVENTS), &item->event);
    item->is_event = true;
    item->event.source = apply->mapping->source;
    item->event.type = type;
    return &item->event;
}

/* "events.csv.gz#17", with ".1" and so on for what else the row makes. */
static struct nba_str made_id(const struct apply *apply, size_t part)
{
    struct nba_buf buf;
    nba_buf_init(&buf, NBA_ID_BYTES_MAX);
    nba_buf_printf(&buf, "%.*s#%" PRIu64, NBA_STR_ARG(apply->row->file), apply->row->number);
    if (part != 0) {
        nba_buf_printf(&buf, ".%zu", part);
    }
    const struct nba_str id =
        buf.failed ? nba_str(NULL, 0) : nba_arena_copy(apply->arena, nba_buf_str(&buf));
    nba_buf_clear(&buf);
    return id;
}

static enum nba_status check_event(const struct apply *apply, struct nba_event *event, size_t part)
{
    if (event->event_id.bytes == 0) {
        event->event_id = made_id(apply, part);
    }
    if (event->type == NBA_EVENT_UNKNOWN) {
        return reject(apply, "event_type: missing");
    }
    if (event->hcp_id.bytes == 0) {
        return reject(apply, "hcp_id: missing");
    }
    if (event->event_time_ms == NBA_TIME_NONE) {
        return reject(apply, "event_time: missing");
    }
    return event->event_id.bytes == 0 ? reject(apply, "event_id: missing") : NBA_OK;
}

static bool matches(const struct rule *rule, const struct nba_str *cells)
{
    for (size_t i = 0; i < rule->condition_count; i++) {
        const struct condition *condition = &rule->conditions[i];
        if (find_word(&condition->words, cells[condition->column]) == condition->words.count) {
            return false;
        }
    }
    return true;
}

static enum nba_status apply_event(const struct apply *apply, struct nba_mapped_row *row)
{
    const struct section *section = apply->section;
    const struct rule any = {.type = NBA_EVENT_UNKNOWN};
    const struct rule *rule = section->rule_count == 0 ? &any : NULL;
    for (size_t i = 0; i < section->rule_count && rule == NULL; i++) {
        if (matches(&section->rules[i], apply->row->cells)) {
            rule = &section->rules[i];
            row->rule = i;
        }
    }
    if (rule == NULL) {
        return reject(apply, "no rule takes this row");
    }
    if (rule->skip) {
        return NBA_OK;
    }
    struct nba_event *event = add_event(apply, rule->type, row);
    enum nba_status status = assign_row(apply, event);
    if (status == NBA_OK) {
        status = assign(apply, &rule->set, event);
    }
    return status == NBA_OK ? check_event(apply, event, 0) : status;
}

static enum nba_status apply_profile(const struct apply *apply, struct nba_mapped_row *row)
{
    union target *target = nba_arena_need(apply->arena, sizeof(*target));
    struct nba_event *profile = add_event(apply, NBA_EVENT_PROFILE_UPDATED, row);
    target->event = *profile;
    nba_binding_clear(nba_fields_record(NBA_IMPORT_PROFILES), &target->profile);
    enum nba_status status = assign_row(apply, target);
    if (status == NBA_OK) {
        status = check_event(apply, &target->event, 0);
    }
    *profile = target->event;
    profile->profile = &target->profile;
    for (size_t i = 0; i < apply->section->part_count && status == NBA_OK; i++) {
        struct nba_event *consent = add_event(apply, NBA_EVENT_CONSENT_CHANGED, row);
        consent->hcp_id = profile->hcp_id;
        consent->tenant_id = profile->tenant_id;
        consent->event_time_ms = profile->event_time_ms;
        consent->scope_type = NBA_CONSENT_SCOPE_CHANNEL;
        status = assign(apply, &apply->section->parts[i], consent);
        if (status == NBA_OK) {
            status = check_event(apply, consent, i + 1);
        }
    }
    return status;
}

/* ---- the catalogue ------------------------------------------------------------------------- */

static enum nba_status add_treatments(const struct apply *apply, struct nba_content *content)
{
    const size_t count = apply->section->part_count;
    struct nba_treatment *treatments = nba_arena_need(apply->arena, count * sizeof(*treatments));
    enum nba_status status = NBA_OK;
    for (size_t i = 0; i < count && status == NBA_OK; i++) {
        nba_binding_clear(nba_fields_treatment_record(), &treatments[i]);
        treatments[i].value = 1;
        status = assign(apply, &apply->section->parts[i], &treatments[i]);
    }
    content->treatments = treatments;
    content->treatment_count = (uint32_t)count;
    return status;
}

static enum nba_status apply_reference(const struct apply *apply, enum nba_import_kind kind,
                                       struct nba_mapped_row *row)
{
    struct nba_import_item *item = &row->items[row->count++];
    struct nba_reference *reference = &item->reference;
    void *target = &reference->content;
    const struct nba_str *id = &reference->content.content_id;
    nba_binding_clear(nba_bindings_of(NBA_SCHEMA_CATALOG), reference);
    item->is_event = false;
    reference->kind = NBA_REFERENCE_CONTENT;
    if (kind == NBA_IMPORT_CONTENTS) {
        reference->content.content_class = NBA_CONTENT_CLASS_PROMOTIONAL;
    } else if (kind == NBA_IMPORT_REPS) {
        reference->kind = NBA_REFERENCE_REP;
        target = &reference->rep;
        id = &reference->rep.rep_id;
        reference->rep.role = NBA_REP_ROLE_REP;
    } else {
        reference->kind = NBA_REFERENCE_CAMPAIGN;
        target = &reference->campaign;
        id = &reference->campaign.campaign_id;
    }
    const enum nba_status status = assign_row(apply, target);
    if (status == NBA_OK && id->bytes == 0) {
        return reject(apply, "id: missing");
    }
    return status == NBA_OK && kind == NBA_IMPORT_CONTENTS
               ? add_treatments(apply, &reference->content)
               : status;
}

enum nba_status nba_mapping_apply(const struct nba_mapping *mapping, enum nba_import_kind kind,
                                  const struct nba_row *row, struct nba_arena *arena,
                                  struct nba_mapped_row *ret_row, struct nba_error *error)
{
    const struct apply apply = {mapping, &mapping->sections[kind], row, arena, error};
    NBA_ASSERT(apply.section->present);
    ret_row->count = 0;
    ret_row->rule = 0;
    if (kind == NBA_IMPORT_EVENTS) {
        return apply_event(&apply, ret_row);
    }
    if (kind == NBA_IMPORT_PROFILES) {
        return apply_profile(&apply, ret_row);
    }
    return apply_reference(&apply, kind, ret_row);
}
