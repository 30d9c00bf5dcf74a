/* Rows are kept flat while they come in; finishing is one stable counting sort by user. */
#include "nba/train/dataset.h"

#include <stdlib.h>
#include <string.h>

#include "intern.h"
#include "nba/base/hash.h"

#define NO_SPECIALTY UINT32_MAX

struct row {
    int64_t time_ms;
    uint64_t event_hash;
    uint32_t user, content;
    uint8_t channel, kind;
};

struct nba_dataset_builder {
    struct nba_dataset_options options;
    struct nba_intern users, contents, specialties;
    struct row *rows;
    size_t row_count, row_capacity;
    uint32_t *user_specialty; /* (user_capacity) */
    uint32_t user_capacity;
    int64_t watermark_ms[NBA_PARTITIONS_MAX];
    size_t late_count;
};

enum nba_status nba_dataset_builder_create(const struct nba_dataset_options *options,
                                           struct nba_dataset_builder **ret_builder)
{
    struct nba_dataset_builder *builder = calloc(1, sizeof(*builder));
    if (builder == NULL) {
        return NBA_E_NO_MEMORY;
    }
    builder->options = *options;
    if (builder->options.rows_max == 0) {
        builder->options.rows_max = NBA_DATASET_ROWS_MAX;
    }
    nba_intern_init(&builder->users);
    nba_intern_init(&builder->contents);
    nba_intern_init(&builder->specialties);
    for (size_t p = 0; p < NBA_PARTITIONS_MAX; p++) {
        builder->watermark_ms[p] = INT64_MIN;
    }
    *ret_builder = builder;
    return NBA_OK;
}

void nba_dataset_builder_destroy(struct nba_dataset_builder *builder)
{
    if (builder == NULL) {
        return;
    }
    nba_intern_clear(&builder->users);
    nba_intern_clear(&builder->contents);
    nba_intern_clear(&builder->specialties);
    free(builder->rows);
    free(builder->user_specialty);
    free(builder);
}

static enum nba_status put_user(struct nba_dataset_builder *builder, struct nba_str user,
                                uint32_t *ret_user)
{
    if (!nba_intern_put(&builder->users, user, ret_user)) {
        return NBA_E_NO_MEMORY;
    }
    if (*ret_user >= builder->user_capacity) {
        const uint32_t capacity = builder->user_capacity != 0 ? builder->user_capacity * 2 : 1024;
        uint32_t *grown = realloc(builder->user_specialty, capacity * sizeof(*grown));
        if (grown == NULL) {
            return NBA_E_NO_MEMORY;
        }
        for (uint32_t i = builder->user_capacity; i < capacity; i++) {
            grown[i] = NO_SPECIALTY;
        }
        builder->user_specialty = grown;
        builder->user_capacity = capacity;
    }
    return NBA_OK;
}

enum nba_status nba_dataset_builder_add_content(struct nba_dataset_builder *builder,
                                                struct nba_str content)
{
    uint32_t number = 0;
    if (!nba_intern_put(&builder->contents, content, &number)) {
        return NBA_E_NO_MEMORY;
    }
    return number < NBA_CONTENTS_MAX ? NBA_OK : NBA_E_LIMIT;
}

enum nba_status nba_dataset_builder_add_user(struct nba_dataset_builder *builder,
                                             struct nba_str user, struct nba_str specialty)
{
    uint32_t number = 0;
    const enum nba_status status = put_user(builder, user, &number);
    if (status != NBA_OK || nba_str_empty(specialty)) {
        return status;
    }
    return nba_intern_put(&builder->specialties, specialty, &builder->user_specialty[number])
               ? NBA_OK
               : NBA_E_NO_MEMORY;
}

enum nba_status nba_dataset_builder_add(struct nba_dataset_builder *builder,
                                        const struct nba_dataset_row *row)
{
    struct row kept = {.time_ms = row->time_ms,
                       .event_hash = row->event_hash,
                       .channel = (uint8_t)row->channel,
                       .kind = (uint8_t)row->kind};
    if (builder->row_count == builder->options.rows_max) {
        return NBA_E_LIMIT;
    }
    enum nba_status status = put_user(builder, row->user, &kept.user);
    if (status == NBA_OK && !nba_intern_put(&builder->contents, row->content, &kept.content)) {
        status = NBA_E_NO_MEMORY;
    }
    if (status == NBA_OK && kept.content >= NBA_CONTENTS_MAX) {
        status = NBA_E_LIMIT;
    }
    if (status != NBA_OK) {
        return status;
    }
    if (builder->row_count == builder->row_capacity) {
        const size_t capacity = builder->row_capacity != 0 ? builder->row_capacity * 2 : 4096;
        struct row *grown = realloc(builder->rows, capacity * sizeof(*grown));
        if (grown == NULL) {
            return NBA_E_NO_MEMORY;
        }
        builder->rows = grown;
        builder->row_capacity = capacity;
    }
    builder->rows[builder->row_count++] = kept;
    return NBA_OK;
}

/* What an event type is to us; false: nothing. */
static bool touch_kind_of(const struct nba_event *event, enum nba_touch_kind *ret_kind)
{
    const enum nba_outcome outcome = nba_event_type_outcome(event->type);
    if (nba_event_in_ring(event)) {
        *ret_kind = NBA_TOUCH_ENGAGED;
    } else if (outcome == NBA_OUTCOME_IGNORED || outcome == NBA_OUTCOME_DISMISSED ||
               event->type == NBA_EVENT_WEBINAR_NO_SHOW) {
        *ret_kind = NBA_TOUCH_REFUSED;
    } else if (outcome == NBA_OUTCOME_SENT || event->type == NBA_EVENT_WEBINAR_INVITED) {
        *ret_kind = NBA_TOUCH_SENT;
    } else {
        return false;
    }
    return true;
}

enum nba_status nba_dataset_builder_add_event(struct nba_dataset_builder *builder,
                                              int32_t partition, const struct nba_event *event)
{
    enum nba_touch_kind kind;
    if (partition < 0 || (uint32_t)partition >= NBA_PARTITIONS_MAX) {
        return NBA_E_LIMIT;
    }
    int64_t *watermark_ms = &builder->watermark_ms[partition];
    if (event->event_time_ms > *watermark_ms) {
        *watermark_ms = event->event_time_ms;
    }
    const int64_t lateness_ms = builder->options.allowed_lateness_ms;
    if (lateness_ms > 0 && *watermark_ms - event->event_time_ms > lateness_ms) {
        builder->late_count++;
        return NBA_OK;
    }
    if (event->profile != NULL && event->profile->has_specialties) {
        const struct nba_str_list *list = &event->profile->specialties;
        return nba_dataset_builder_add_user(builder, event->hcp_id,
                                            list->count > 0 ? list->items[0] : nba_str(NULL, 0));
    }
    if (nba_str_empty(event->content_id) || !touch_kind_of(event, &kind)) {
        return NBA_OK;
    }
    const struct nba_dataset_row row = {
        .user = event->hcp_id,
        .content = event->content_id,
        .time_ms = event->event_time_ms,
        .channel = nba_event_channel(event),
        .kind = kind,
        .event_hash = nba_event_hash(event->source, event->event_id),
    };
    return nba_dataset_builder_add(builder, &row);
}

/* ---- finishing ---- */

struct place {
    const struct nba_str *text;
};

static int compare_texts(const void *a, const void *b)
{
    return nba_str_compare(*((const struct place *)a)->text, *((const struct place *)b)->text);
}

/* Copies `from`'s texts in ascending order to ret_sorted and says each number's place. */
static bool sort_texts(const struct nba_intern *from, struct nba_arena *memory,
                       struct nba_str *ret_sorted, uint32_t *ret_place)
{
    struct place *order = malloc((from->count + 1u) * sizeof(*order));
    if (order == NULL) {
        return false;
    }
    bool whole = true;
    for (uint32_t i = 0; i < from->count; i++) {
        order[i].text = &from->items[i];
    }
    qsort(order, from->count, sizeof(*order), compare_texts);
    for (uint32_t i = 0; i < from->count; i++) {
        ret_sorted[i] = nba_arena_copy(memory, *order[i].text);
        ret_place[order[i].text - from->items] = i;
        whole = whole && (ret_sorted[i].data != NULL || ret_sorted[i].bytes == 0);
    }
    free(order);
    return whole;
}

static bool dataset_allocate(struct nba_dataset *d, const struct nba_dataset_builder *builder)
{
    d->user_count = builder->users.count;
    d->content_count = builder->contents.count;
    d->specialty_count = builder->specialties.count;
    d->contents = calloc(d->content_count + 1u, sizeof(*d->contents));
    d->specialties = calloc(d->specialty_count + 1u, sizeof(*d->specialties));
    d->content_first_ms = calloc(d->content_count + 1u, sizeof(*d->content_first_ms));
    d->segment = calloc(d->user_count + 1u, sizeof(*d->segment));
    d->touch_offset = calloc(d->user_count + 2u, sizeof(*d->touch_offset));
    d->touches = calloc(builder->row_count + 1u, sizeof(*d->touches));
    d->sequence_offset = calloc(d->user_count + 2u, sizeof(*d->sequence_offset));
    d->sequence = calloc(builder->row_count + 1u, sizeof(*d->sequence));
    d->sequence_time = calloc(builder->row_count + 1u, sizeof(*d->sequence_time));
    d->memory = calloc(1, sizeof(struct nba_arena));
    if (d->memory != NULL) {
        nba_arena_init(d->memory, (size_t)1 << 30);
    }
    return d->contents != NULL && d->specialties != NULL && d->content_first_ms != NULL &&
           d->segment != NULL && d->touch_offset != NULL && d->touches != NULL &&
           d->sequence_offset != NULL && d->sequence != NULL && d->sequence_time != NULL &&
           d->memory != NULL;
}

/* Row numbers by user, log order kept. */
static size_t *rows_by_user(const struct nba_dataset_builder *builder, size_t *ret_from)
{
    size_t *order = malloc((builder->row_count + 1) * sizeof(*order));
    if (order == NULL) {
        return NULL;
    }
    memset(ret_from, 0, (builder->users.count + 1u) * sizeof(*ret_from));
    for (size_t r = 0; r < builder->row_count; r++) {
        ret_from[builder->rows[r].user + 1]++;
    }
    for (uint32_t u = 0; u < builder->users.count; u++) {
        ret_from[u + 1] += ret_from[u];
    }
    for (size_t r = 0; r < builder->row_count; r++) {
        order[ret_from[builder->rows[r].user]++] = r;
    }
    return order;
}

static bool is_duplicate(const struct nba_dataset_builder *builder, const size_t *order,
                         size_t first, size_t at)
{
    const uint64_t hash = builder->rows[order[at]].event_hash;
    const size_t from = at - first > NBA_DATASET_RECENT ? at - NBA_DATASET_RECENT : first;
    for (size_t i = from; hash != 0 && i < at; i++) {
        if (builder->rows[order[i]].event_hash == hash) {
            return true;
        }
    }
    return false;
}

static void dataset_fill(struct nba_dataset *d, const struct nba_dataset_builder *builder,
                         const size_t *order, const uint32_t *content_place)
{
    size_t touch = 0;
    size_t engaged = 0;
    size_t at = 0;
    d->first_ms = INT64_MAX;
    d->last_ms = INT64_MIN;
    for (uint32_t c = 0; c < d->content_count; c++) {
        d->content_first_ms[c] = INT64_MAX;
    }
    for (uint32_t u = 0; u < d->user_count; u++) {
        const size_t first = at;
        for (; at < builder->row_count && builder->rows[order[at]].user == u; at++) {
            const struct row *row = &builder->rows[order[at]];
            if (is_duplicate(builder, order, first, at)) {
                d->duplicate_count++;
                continue;
            }
            const uint32_t content = content_place[row->content];
            d->touches[touch++] =
                (struct nba_touch){row->time_ms, content, row->channel, row->kind};
            if (row->kind == NBA_TOUCH_ENGAGED) {
                d->sequence_time[engaged] = row->time_ms;
                d->sequence[engaged++] = content;
            }
            if (row->time_ms < d->content_first_ms[content]) {
                d->content_first_ms[content] = row->time_ms;
            }
            d->first_ms = row->time_ms < d->first_ms ? row->time_ms : d->first_ms;
            d->last_ms = row->time_ms > d->last_ms ? row->time_ms : d->last_ms;
        }
        d->touch_offset[u + 1] = touch;
        d->sequence_offset[u + 1] = engaged;
    }
    for (uint32_t c = 0; c < d->content_count; c++) {
        if (d->content_first_ms[c] == INT64_MAX) {
            d->content_first_ms[c] = INT64_MIN;
        }
    }
}

enum nba_status nba_dataset_builder_finish(struct nba_dataset_builder *builder,
                                           struct nba_dataset **ret_dataset,
                                           struct nba_error *error)
{
    if (builder->row_count == 0) {
        return nba_error_set(error, NBA_E_NOT_FOUND, "no engagement to learn from");
    }
    struct nba_dataset *d = calloc(1, sizeof(*d));
    uint32_t *content_place = calloc(builder->contents.count + 1u, sizeof(*content_place));
    uint32_t *specialty_place = calloc(builder->specialties.count + 1u, sizeof(*specialty_place));
    size_t *from = calloc(builder->users.count + 2u, sizeof(*from));
    size_t *order = NULL;
    bool whole = d != NULL && content_place != NULL && specialty_place != NULL && from != NULL &&
                 dataset_allocate(d, builder);
    if (whole) {
        order = rows_by_user(builder, from);
        whole = order != NULL &&
                sort_texts(&builder->contents, d->memory, d->contents, content_place) &&
                sort_texts(&builder->specialties, d->memory, d->specialties, specialty_place);
    }
    if (whole) {
        d->name = builder->options.name;
        d->ordered = true;
        d->late_count = builder->late_count;
        for (uint32_t u = 0; u < d->user_count; u++) {
            const uint32_t specialty = builder->user_specialty[u];
            d->segment[u] = specialty != NO_SPECIALTY ? 1 + specialty_place[specialty] : 0;
        }
        dataset_fill(d, builder, order, content_place);
        *ret_dataset = d;
    } else {
        nba_dataset_destroy(d);
    }
    free(content_place);
    free(specialty_place);
    free(from);
    free(order);
    return whole ? NBA_OK : nba_error_set(error, NBA_E_NO_MEMORY, "out of memory sorting rows");
}

void nba_dataset_destroy(struct nba_dataset *dataset)
{
    if (dataset == NULL) {
        return;
    }
    if (dataset->memory != NULL) {
        nba_arena_clear(dataset->memory);
    }
    void *const blocks[] = {
        dataset->memory,   dataset->contents,      dataset->specialties, dataset->content_first_ms,
        dataset->segment,  dataset->touch_offset,  dataset->touches,     dataset->sequence_offset,
        dataset->sequence, dataset->sequence_time, dataset->fixed_test,  dataset->fixed_negatives};
    for (size_t i = 0; i < NBA_ARRAY_COUNT(blocks); i++) {
        free(blocks[i]);
    }
    free(dataset);
}
