/* One row through a section: constants first, columns over them, the rule's own settings last. */
#include <inttypes.h>
#include <string.h>

#include "mapping_internal.h"
#include "nba/base/assert.h"

struct apply {
    const struct nba_mapping *mapping;
    const struct section *section;
    const struct nba_str *cells;
    struct nba_str file;
    uint64_t row;
    struct nba_arena *arena;
    struct nba_error *error;
};

static enum nba_status reject(const struct apply *apply, const char *reason)
{
    return nba_error_set(apply->error, NBA_E_CONFIG, "%s", reason);
}

static bool translate(const struct assignment *item, struct nba_str cell, struct nba_str *ret_text)
{
    if (item->value_count == 0) {
        *ret_text = cell;
        return true;
    }
    for (size_t i = 0; i < item->value_count; i++) {
        if (nba_str_equal(item->values[i].from, cell)) {
            *ret_text = item->values[i].to;
            return true;
        }
    }
    *ret_text = item->otherwise;
    return item->has_default;
}

static enum nba_status assign(const struct apply *apply, const struct assignments *items,
                              void *target)
{
    for (size_t i = 0; i < items->count; i++) {
        const struct assignment *item = &items->items[i];
        struct nba_str text = item->constant;
        if (item->column != SIZE_MAX) {
            const struct nba_str cell = apply->cells[item->column];
            if (cell.bytes == 0) {
                continue;
            }
            if (!translate(item, cell, &text)) {
                return nba_error_set(apply->error, NBA_E_CONFIG,
                                     "%s: a value that the mapping "
                                     "doesn't list",
                                     item->field->name);
            }
        }
        const enum nba_status status = nba_field_set(item->field, text, item->unit, item->split,
                                                     apply->arena, target, apply->error);
        if (status != NBA_OK) {
            return status;
        }
    }
    return NBA_OK;
}

static bool matches(const struct rule *rule, const struct nba_str *cells)
{
    for (size_t i = 0; i < rule->condition_count; i++) {
        const struct condition *condition = &rule->conditions[i];
        bool found = false;
        for (size_t k = 0; k < condition->word_count && !found; k++) {
            found = nba_str_equal(condition->words[k], cells[condition->column]);
        }
        if (!found) {
            return false;
        }
    }
    return true;
}

static void init_event(const struct apply *apply, struct nba_event *event)
{
    memset(event, 0, sizeof(*event));
    event->source = apply->mapping->source;
    event->event_time_ms = NBA_TIME_NONE;
    event->recorded_time_ms = NBA_TIME_NONE;
    event->captured_at_ms = NBA_TIME_NONE;
    event->expires_at_ms = NBA_TIME_NONE;
}

/* "events.csv.gz#17", with a suffix for what else the row makes. */
static struct nba_str made_id(const struct apply *apply, const char *suffix)
{
    struct nba_buf buf;
    nba_buf_init(&buf, NBA_ID_BYTES_MAX);
    nba_buf_printf(&buf, "%.*s#%" PRIu64 "%s", NBA_STR_ARG(apply->file), apply->row, suffix);
    const struct nba_str id =
        buf.failed ? nba_str(NULL, 0) : nba_arena_copy(apply->arena, nba_buf_str(&buf));
    nba_buf_clear(&buf);
    return id;
}

static enum nba_status check_event(const struct apply *apply, struct nba_event *event,
                                   const char *suffix)
{
    if (event->event_id.bytes == 0) {
        event->event_id = made_id(apply, suffix);
    }
    if (event->hcp_id.bytes == 0) {
        return reject(apply, "hcp_id: missing");
    }
    if (event->event_time_ms == NBA_TIME_NONE) {
        return reject(apply, "event_time: missing");
    }
    return event->event_id.bytes == 0 ? reject(apply, "event_id: missing") : NBA_OK;
}

static enum nba_status apply_event(const struct apply *apply, struct nba_mapped_row *row)
{
    const struct section *section = apply->section;
    const struct rule *rule = NULL;
    struct nba_event *event = &row->items[0].event;
    for (size_t i = 0; i < section->rule_count && rule == NULL; i++) {
        if (matches(&section->rules[i], apply->cells)) {
            rule = &section->rules[i];
            row->rule = i;
        }
    }
    if (section->rule_count > 0 && rule == NULL) {
        return reject(apply, "no rule takes this row");
    }
    if (rule != NULL && rule->skip) {
        return NBA_OK;
    }
    init_event(apply, event);
    event->type = rule != NULL ? rule->type : NBA_EVENT_UNKNOWN;
    enum nba_status status = assign(apply, &section->constants, event);
    if (status == NBA_OK) {
        status = assign(apply, &section->fields, event);
    }
    if (status == NBA_OK && rule != NULL) {
        status = assign(apply, &rule->set, event);
    }
    if (status == NBA_OK && event->type == NBA_EVENT_UNKNOWN) {
        return reject(apply, "event_type: missing");
    }
    if (status == NBA_OK) {
        status = check_event(apply, event, "");
    }
    row->items[0].is_event = true;
    row->count = 1;
    return status;
}

static enum nba_status add_consents(const struct apply *apply, const struct nba_event *profile,
                                    struct nba_mapped_row *row)
{
    static const char *const suffixes[NBA_IMPORT_ITEMS_MAX] = {
        "",    ".1",  ".2",  ".3",  ".4",  ".5",  ".6",  ".7",  ".8",  ".9",  ".10",
        ".11", ".12", ".13", ".14", ".15", ".16", ".17", ".18", ".19", ".20", ".21",
        ".22", ".23", ".24", ".25", ".26", ".27", ".28", ".29", ".30", ".31"};
    for (size_t i = 0; i < apply->section->list_count; i++) {
        struct nba_import_item *item = &row->items[row->count];
        NBA_ASSERT(row->count < NBA_IMPORT_ITEMS_MAX);
        init_event(apply, &item->event);
        item->is_event = true;
        item->event.type = NBA_EVENT_CONSENT_CHANGED;
        item->event.hcp_id = profile->hcp_id;
        item->event.tenant_id = profile->tenant_id;
        item->event.event_time_ms = profile->event_time_ms;
        item->event.scope_type = NBA_CONSENT_SCOPE_CHANNEL;
        enum nba_status status = assign(apply, &apply->section->lists[i], &item->event);
        if (status == NBA_OK) {
            status = check_event(apply, &item->event, suffixes[i + 1]);
        }
        if (status != NBA_OK) {
            return status;
        }
        row->count++;
    }
    return NBA_OK;
}

static enum nba_status apply_profile(const struct apply *apply, struct nba_mapped_row *row)
{
    struct profile_target *target = nba_arena_zeros(apply->arena, 1, sizeof(*target));
    if (target == NULL) {
        return nba_error_set(apply->error, NBA_E_NO_MEMORY, "out of memory");
    }
    init_event(apply, &target->event);
    target->event.type = NBA_EVENT_PROFILE_UPDATED;
    enum nba_status status = assign(apply, &apply->section->constants, target);
    if (status == NBA_OK) {
        status = assign(apply, &apply->section->fields, target);
    }
    if (status == NBA_OK) {
        status = check_event(apply, &target->event, "");
    }
    if (status != NBA_OK) {
        return status;
    }
    target->event.profile = &target->profile;
    row->items[0].is_event = true;
    row->items[0].event = target->event;
    row->count = 1;
    return add_consents(apply, &target->event, row);
}

static enum nba_status add_treatments(const struct apply *apply, struct nba_content *content)
{
    const size_t count = apply->section->list_count;
    struct nba_treatment *treatments =
        nba_arena_zeros(apply->arena, count > 0 ? count : 1, sizeof(*treatments));
    if (treatments == NULL) {
        return nba_error_set(apply->error, NBA_E_NO_MEMORY, "out of memory");
    }
    for (size_t i = 0; i < count; i++) {
        treatments[i].effective_from_ms = NBA_TIME_NONE;
        treatments[i].expires_at_ms = NBA_TIME_NONE;
        treatments[i].value = 1;
        const enum nba_status status = assign(apply, &apply->section->lists[i], &treatments[i]);
        if (status != NBA_OK) {
            return status;
        }
    }
    content->treatments = treatments;
    content->treatment_count = (uint32_t)count;
    return NBA_OK;
}

static enum nba_status apply_reference(const struct apply *apply, enum nba_import_kind kind,
                                       struct nba_mapped_row *row)
{
    struct nba_reference *reference = &row->items[0].reference;
    void *target = &reference->content;
    const struct nba_str *id = &reference->content.content_id;
    memset(reference, 0, sizeof(*reference));
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
        reference->campaign.start_ms = NBA_TIME_NONE;
        reference->campaign.end_ms = NBA_TIME_NONE;
    }
    enum nba_status status = assign(apply, &apply->section->constants, target);
    if (status == NBA_OK) {
        status = assign(apply, &apply->section->fields, target);
    }
    if (status == NBA_OK && id->bytes == 0) {
        return reject(apply, "id: missing");
    }
    if (status == NBA_OK && kind == NBA_IMPORT_CONTENTS) {
        status = add_treatments(apply, &reference->content);
    }
    row->items[0].is_event = false;
    row->count = 1;
    return status;
}

enum nba_status nba_mapping_apply(const struct nba_mapping *mapping, enum nba_import_kind kind,
                                  const struct nba_str *cells, struct nba_str file, uint64_t row,
                                  struct nba_arena *arena, struct nba_mapped_row *ret_row,
                                  struct nba_error *error)
{
    const struct apply apply = {mapping, &mapping->sections[kind], cells, file, row, arena, error};
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
