/*
 * Deep copies in one block.  The copying functions run twice over the same record: first with no
 * memory, which measures, then into the block of that size.
 */
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "catalog_internal.h"
#include "nba/base/assert.h"
#include "nba/base/hash.h"
#include "nba/base/memory.h"

#define ALIGNMENT sizeof(int64_t)

struct copier {
    unsigned char *memory; /* NULL: only measure */
    size_t used;
};

/* A copy of `bytes` bytes; NULL while measuring. */
static void *copy(struct copier *copier, const void *from, size_t bytes)
{
    copier->used = (copier->used + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    void *place = copier->memory != NULL ? copier->memory + copier->used : NULL;
    if (place != NULL && bytes != 0) {
        memcpy(place, from, bytes);
    }
    copier->used += bytes;
    return place;
}

/* Where a struct has texts and lists of texts; a list ends in 0, or in NONE where 0 is a place. */
#define NONE       SIZE_MAX
#define AT(member) offsetof(struct nba_content, member)
static const size_t content_texts[] = {
    AT(content_id), AT(family_id), AT(version),    AT(brand),    AT(business_unit),
    AT(title),      AT(abstract),  AT(asset_type), AT(event_id), NONE};
static const size_t content_lists[] = {AT(campaign_ids), AT(keywords), AT(topic_ids), AT(codes),
                                       NONE};
#undef AT
#define AT(member) offsetof(struct nba_treatment, member)
static const size_t treatment_texts[] = {AT(approval_number), NONE};
static const size_t treatment_lists[] = {AT(markets), AT(languages), NONE};
#undef AT
#define AT(member) offsetof(struct nba_campaign, member)
static const size_t campaign_texts[] = {AT(campaign_id), AT(brand), AT(goal), NONE};
#undef AT
#define AT(member) offsetof(struct nba_rep, member)
static const size_t rep_texts[] = {AT(rep_id), AT(tz), AT(territory_id), NONE};
#undef AT
static const size_t no_lists[] = {NONE};

static void copy_text(struct copier *copier, struct nba_str *text)
{
    text->data = text->bytes != 0 ? copy(copier, text->data, text->bytes) : "";
}

/* Copies what the struct's texts and lists point to. */
static void copy_members(struct copier *copier, void *object, const size_t *texts,
                         const size_t *lists)
{
    for (size_t i = 0; texts[i] != NONE; i++) {
        copy_text(copier, (struct nba_str *)(void *)((char *)object + texts[i]));
    }
    for (size_t i = 0; lists[i] != NONE; i++) {
        struct nba_str_list *list = (struct nba_str_list *)(void *)((char *)object + lists[i]);
        struct nba_str *items = copy(copier, list->items, list->count * sizeof(*items));
        for (uint32_t k = 0; k < list->count; k++) {
            struct nba_str item = list->items[k];
            copy_text(copier, items != NULL ? &items[k] : &item);
        }
        list->items = items;
    }
}

static void copy_content(struct copier *copier, struct nba_content *content)
{
    const struct nba_treatment *from = content->treatments;
    if (content->family_id.bytes == 0) {
        content->family_id = content->content_id;
    }
    if (content->version.bytes == 0) {
        content->version = nba_str_of("1");
    }
    if (content->content_class == NBA_CONTENT_CLASS_UNKNOWN) {
        content->content_class = NBA_CONTENT_CLASS_PROMOTIONAL;
    }
    copy_members(copier, content, content_texts, content_lists);
    struct nba_treatment *items = copy(copier, from, content->treatment_count * sizeof(*items));
    for (uint32_t i = 0; i < content->treatment_count; i++) {
        struct nba_treatment item = from[i];
        copy_members(copier, items != NULL ? &items[i] : &item, treatment_texts, treatment_lists);
    }
    content->treatments = items;
}

static void copy_record(struct copier *copier, struct nba_reference *record)
{
    struct nba_rep *rep = &record->rep;
    if (record->kind == NBA_REFERENCE_CONTENT) {
        copy_content(copier, &record->content);
    } else if (record->kind == NBA_REFERENCE_CAMPAIGN) {
        copy_members(copier, &record->campaign, campaign_texts, no_lists);
    } else {
        copy_members(copier, rep, rep_texts, no_lists);
        rep->absences = copy(copier, rep->absences, rep->absence_count * sizeof(*rep->absences));
    }
}

struct nba_str nba_catalog_record_id(const struct nba_reference *record)
{
    const struct nba_str *const ids[] = {&record->content.content_id, &record->campaign.campaign_id,
                                         &record->rep.rep_id};
    return *ids[record->kind];
}

/* Contents by the 32 bits that state knows them by, so that a collision shows. */
uint64_t nba_catalog_record_hash(enum nba_reference_kind kind, struct nba_str id)
{
    return kind == NBA_REFERENCE_CONTENT ? nba_content_hash(id)
                                         : nba_xxh64(id.data, id.bytes) ^ ((uint64_t)kind << 56);
}

struct catalog_entry *nba_catalog_entry_create(const struct nba_reference *record)
{
    struct copier measure = {NULL, 0};
    struct nba_reference measured = *record;
    copy_record(&measure, &measured);
    struct catalog_entry *entry = nba_zeros(1, sizeof(*entry) + measure.used);
    struct copier copier = {(unsigned char *)(entry + 1), 0};
    atomic_init(&entry->refs, 1);
    entry->record = *record;
    copy_record(&copier, &entry->record);
    NBA_ASSERT(copier.used == measure.used);
    entry->id = nba_catalog_record_id(&entry->record);
    entry->hash = nba_catalog_record_hash(record->kind, entry->id);
    return entry;
}

void nba_catalog_entry_unref(struct catalog_entry *entry)
{
    if (entry != NULL && atomic_fetch_sub_explicit(&entry->refs, 1, memory_order_acq_rel) == 1) {
        free(entry);
    }
}
