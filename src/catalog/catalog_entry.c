/*
 * Deep copies in one block.  The copying functions run twice over the same record: first with no
 * memory, which measures, then into the block of that size.
 */
#include <stdlib.h>
#include <string.h>

#include "catalog_internal.h"
#include "nba/base/assert.h"
#include "nba/base/hash.h"

#define ALIGNMENT sizeof(int64_t)

struct copier {
    unsigned char *memory; /* NULL: only measure */
    size_t used;
};

static void *take(struct copier *copier, size_t bytes)
{
    copier->used = (copier->used + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    void *place = copier->memory != NULL ? copier->memory + copier->used : NULL;
    copier->used += bytes;
    return place;
}

static struct nba_str copy_str(struct copier *copier, struct nba_str text)
{
    if (text.bytes == 0) {
        return nba_str("", 0);
    }
    char *place = copier->memory != NULL ? (char *)copier->memory + copier->used : NULL;
    copier->used += text.bytes;
    if (place != NULL) {
        memcpy(place, text.data, text.bytes);
    }
    return nba_str(place, text.bytes);
}

static struct nba_str_list copy_list(struct copier *copier, struct nba_str_list list)
{
    if (list.count == 0) {
        return (struct nba_str_list){NULL, 0};
    }
    struct nba_str *items = take(copier, list.count * sizeof(*items));
    for (uint32_t i = 0; i < list.count; i++) {
        const struct nba_str item = copy_str(copier, list.items[i]);
        if (items != NULL) {
            items[i] = item;
        }
    }
    return (struct nba_str_list){items, list.count};
}

static const struct nba_treatment *copy_treatments(struct copier *copier,
                                                   const struct nba_content *content)
{
    if (content->treatment_count == 0) {
        return NULL;
    }
    struct nba_treatment *items = take(copier, content->treatment_count * sizeof(*items));
    for (uint32_t i = 0; i < content->treatment_count; i++) {
        struct nba_treatment item = content->treatments[i];
        item.approval_number = copy_str(copier, item.approval_number);
        item.markets = copy_list(copier, item.markets);
        item.languages = copy_list(copier, item.languages);
        if (items != NULL) {
            items[i] = item;
        }
    }
    return items;
}

static struct nba_content copy_content(struct copier *copier, const struct nba_content *from)
{
    struct nba_content to = *from;
    to.content_id = copy_str(copier, from->content_id);
    to.family_id = from->family_id.bytes != 0 ? copy_str(copier, from->family_id) : to.content_id;
    to.version = from->version.bytes != 0 ? copy_str(copier, from->version) : nba_str("1", 1);
    to.brand = copy_str(copier, from->brand);
    to.campaign_ids = copy_list(copier, from->campaign_ids);
    to.business_unit = copy_str(copier, from->business_unit);
    if (from->content_class == NBA_CONTENT_CLASS_UNKNOWN) {
        to.content_class = NBA_CONTENT_CLASS_PROMOTIONAL;
    }
    to.title = copy_str(copier, from->title);
    to.abstract = copy_str(copier, from->abstract);
    to.keywords = copy_list(copier, from->keywords);
    to.topic_ids = copy_list(copier, from->topic_ids);
    to.codes = copy_list(copier, from->codes);
    to.asset_type = copy_str(copier, from->asset_type);
    to.event_id = copy_str(copier, from->event_id);
    to.treatments = copy_treatments(copier, from);
    return to;
}

static struct nba_rep copy_rep(struct copier *copier, const struct nba_rep *from)
{
    struct nba_rep to = *from;
    to.rep_id = copy_str(copier, from->rep_id);
    to.tz = copy_str(copier, from->tz);
    to.territory_id = copy_str(copier, from->territory_id);
    to.absences = NULL;
    if (from->absence_count != 0) {
        const size_t bytes = from->absence_count * sizeof(*from->absences);
        struct nba_absence *absences = take(copier, bytes);
        if (absences != NULL) {
            memcpy(absences, from->absences, bytes);
        }
        to.absences = absences;
    }
    return to;
}

static struct nba_reference copy_record(struct copier *copier, const struct nba_reference *from)
{
    struct nba_reference to = {.kind = from->kind};
    switch (from->kind) {
    case NBA_REFERENCE_CONTENT:
        to.content = copy_content(copier, &from->content);
        break;
    case NBA_REFERENCE_CAMPAIGN:
        to.campaign = from->campaign;
        to.campaign.campaign_id = copy_str(copier, from->campaign.campaign_id);
        to.campaign.brand = copy_str(copier, from->campaign.brand);
        to.campaign.goal = copy_str(copier, from->campaign.goal);
        break;
    case NBA_REFERENCE_REP:
        to.rep = copy_rep(copier, &from->rep);
        break;
    }
    return to;
}

struct nba_str nba_catalog_record_id(const struct nba_reference *record)
{
    switch (record->kind) {
    case NBA_REFERENCE_CONTENT:
        return record->content.content_id;
    case NBA_REFERENCE_CAMPAIGN:
        return record->campaign.campaign_id;
    case NBA_REFERENCE_REP:
        return record->rep.rep_id;
    }
    return nba_str("", 0);
}

struct catalog_entry *nba_catalog_entry_create(const struct nba_reference *record)
{
    struct copier measure = {NULL, 0};
    (void)copy_record(&measure, record);
    struct catalog_entry *entry = malloc(sizeof(*entry) + measure.used + ALIGNMENT);
    if (entry == NULL) {
        return NULL;
    }
    struct copier copier = {(unsigned char *)(entry + 1), 0};
    atomic_init(&entry->refs, 1);
    entry->record = copy_record(&copier, record);
    NBA_ASSERT(copier.used == measure.used);
    entry->id = nba_catalog_record_id(&entry->record);
    entry->content_hash = record->kind == NBA_REFERENCE_CONTENT ? nba_content_hash(entry->id) : 0;
    return entry;
}

void nba_catalog_entry_ref(struct catalog_entry *entry)
{
    atomic_fetch_add_explicit(&entry->refs, 1, memory_order_relaxed);
}

void nba_catalog_entry_unref(struct catalog_entry *entry)
{
    if (entry != NULL && atomic_fetch_sub_explicit(&entry->refs, 1, memory_order_acq_rel) == 1) {
        free(entry);
    }
}
