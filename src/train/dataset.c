/* Rows are kept flat while they come in; finishing is one stable counting sort by user. */
#include "nba/train/dataset.h"

#include <stdlib.h>

#include "nba/base/assert.h"
#include "nba/base/hash.h"
#include "nba/base/hash_index.h"
#include "nba/base/memory.h"
#include "nba/state/hcp.h"

/* No specialty, type or unit. */
#define NO_LABEL UINT32_MAX
/* The kind of a row that is no touch: it keeps the HCP busy. */
#define OTHER_KIND UINT8_MAX

/* Texts to small numbers, in the order of first mention. */
struct intern {
    struct nba_arena pool; /* of the texts */
    struct nba_str *texts; /* by number */
    size_t capacity;
    struct nba_hash_index index;
};

/* The number of `text`; NBA_HASH_INDEX_NONE: not mentioned yet. */
static uint32_t intern_find(const struct intern *intern, struct nba_str text)
{
    const uint64_t hash = nba_xxh64(text.data, text.bytes);
    uint32_t cursor = 0;
    uint32_t number = nba_hash_index_next(&intern->index, hash, &cursor);
    while (number != NBA_HASH_INDEX_NONE && !nba_str_equal(intern->texts[number], text)) {
        number = nba_hash_index_next(&intern->index, hash, &cursor);
    }
    return number;
}

/* The number of `text`, new or known. */
static uint32_t intern_put(struct intern *intern, struct nba_str text)
{
    const uint32_t count = intern->index.count;
    const uint32_t number = intern_find(intern, text);
    if (number != NBA_HASH_INDEX_NONE) {
        return number;
    }
    const bool room = nba_hash_index_reserve(&intern->index, count + 1);
    NBA_ASSERT(room);
    intern->texts = nba_room(intern->texts, count, &intern->capacity, sizeof(*intern->texts));
    intern->texts[count] = nba_pool_text(&intern->pool, text);
    nba_hash_index_add(&intern->index, nba_xxh64(text.data, text.bytes), count);
    return count;
}

static void intern_clear(struct intern *intern)
{
    nba_arena_clear(&intern->pool);
    free(intern->texts);
    nba_hash_index_clear(&intern->index);
}

/* ---- building ---- */

struct row {
    int64_t time_ms;
    uint64_t event_hash;
    uint32_t user, content;
    uint32_t behind_ms; /* the watermark when it came, less its time */
    uint8_t channel, kind;
};

struct nba_dataset_builder {
    struct nba_dataset_options options;
    struct intern users, contents, specialties, types, units;
    struct row *rows;
    size_t row_count, row_capacity;
    uint32_t *user_specialty; /* a user each */
    size_t user_capacity;
    struct label {
        uint32_t type, unit;
    } * labels; /* a content each, as far as contents were labelled */
    size_t label_count, label_capacity;
    int64_t watermark_ms[NBA_PARTITIONS_MAX];
    size_t late_count;
};

struct nba_dataset_builder *nba_dataset_builder_create(const struct nba_dataset_options *options)
{
    struct nba_dataset_builder *builder = nba_zeros(1, sizeof(*builder));
    builder->options = *options;
    if (builder->options.rows_max == 0) {
        builder->options.rows_max = NBA_DATASET_ROWS_MAX;
    }
    if (builder->options.contents_max == 0) {
        builder->options.contents_max = NBA_CONTENTS_MAX;
    }
    for (size_t p = 0; p < NBA_PARTITIONS_MAX; p++) {
        builder->watermark_ms[p] = INT64_MIN;
    }
    return builder;
}

void nba_dataset_builder_destroy(struct nba_dataset_builder *builder)
{
    if (builder != NULL) {
        intern_clear(&builder->users);
        intern_clear(&builder->contents);
        intern_clear(&builder->specialties);
        intern_clear(&builder->types);
        intern_clear(&builder->units);
        free(builder->labels);
        free(builder->rows);
        free(builder->user_specialty);
        free(builder);
    }
}

static uint32_t put_user(struct nba_dataset_builder *builder, struct nba_str user)
{
    const uint32_t known = builder->users.index.count;
    const uint32_t number = intern_put(&builder->users, user);
    if (number == known) {
        builder->user_specialty = nba_room(builder->user_specialty, known, &builder->user_capacity,
                                           sizeof(*builder->user_specialty));
        builder->user_specialty[known] = NO_LABEL;
    }
    return number;
}

enum nba_status nba_dataset_builder_add_content(struct nba_dataset_builder *builder,
                                                struct nba_str content)
{
    return intern_put(&builder->contents, content) < builder->options.contents_max ? NBA_OK
                                                                                   : NBA_E_LIMIT;
}

void nba_dataset_builder_label_content(struct nba_dataset_builder *builder, struct nba_str content,
                                       struct nba_str type, struct nba_str unit)
{
    const uint32_t number = intern_find(&builder->contents, content);
    if (number == NBA_HASH_INDEX_NONE) {
        return;
    }
    while (builder->label_count <= number) {
        builder->labels = nba_room(builder->labels, builder->label_count, &builder->label_capacity,
                                   sizeof(*builder->labels));
        builder->labels[builder->label_count++] = (struct label){NO_LABEL, NO_LABEL};
    }
    struct label *label = &builder->labels[number];
    label->type = nba_str_empty(type) ? label->type : intern_put(&builder->types, type);
    label->unit = nba_str_empty(unit) ? label->unit : intern_put(&builder->units, unit);
}

void nba_dataset_builder_add_user(struct nba_dataset_builder *builder, struct nba_str user,
                                  struct nba_str specialty)
{
    const uint32_t number = put_user(builder, user);
    if (!nba_str_empty(specialty)) {
        builder->user_specialty[number] = intern_put(&builder->specialties, specialty);
    }
}

static enum nba_status add_row(struct nba_dataset_builder *builder, const struct row *row)
{
    if (builder->row_count == builder->options.rows_max) {
        return NBA_E_LIMIT;
    }
    builder->rows =
        nba_room(builder->rows, builder->row_count, &builder->row_capacity, sizeof(*row));
    builder->rows[builder->row_count++] = *row;
    return NBA_OK;
}

enum nba_status nba_dataset_builder_add(struct nba_dataset_builder *builder,
                                        const struct nba_dataset_row *row)
{
    const struct row kept = {.time_ms = row->time_ms,
                             .event_hash = row->event_hash,
                             .user = put_user(builder, row->user),
                             .content = intern_put(&builder->contents, row->content),
                             .channel = (uint8_t)row->channel,
                             .kind = (uint8_t)row->kind};
    return kept.content < builder->options.contents_max ? add_row(builder, &kept) : NBA_E_LIMIT;
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
    const int64_t behind_ms = *watermark_ms - event->event_time_ms;
    if (lateness_ms > 0 && behind_ms > lateness_ms) {
        builder->late_count++;
        return NBA_OK;
    }
    if (event->hcp_id.bytes == 0 || event->bot != NBA_BOT_NONE) {
        return NBA_OK;
    }
    if (event->profile != NULL && event->profile->has_specialties) {
        const struct nba_str_list *list = &event->profile->specialties;
        nba_dataset_builder_add_user(builder, event->hcp_id,
                                     list->count > 0 ? list->items[0] : nba_str(NULL, 0));
    }
    struct row row = {
        .time_ms = event->event_time_ms,
        .event_hash = nba_event_hash(event->source, event->event_id),
        .user = put_user(builder, event->hcp_id),
        .behind_ms = (uint32_t)(behind_ms < UINT32_MAX ? behind_ms : UINT32_MAX),
        .channel = (uint8_t)nba_event_channel(event),
        .kind = OTHER_KIND,
    };
    if (event->content_id.bytes != 0 && touch_kind_of(event, &kind)) {
        row.kind = (uint8_t)kind;
        row.content = intern_put(&builder->contents, event->content_id);
    }
    return row.content < builder->options.contents_max ? add_row(builder, &row) : NBA_E_LIMIT;
}

/* ---- finishing ---- */

static int compare_texts(const void *a, const void *b)
{
    const struct nba_str *const *x = a;
    const struct nba_str *const *y = b;
    return nba_str_compare(**x, **y);
}

/* Copies `from`'s texts in ascending order to the data set's memory and says each number's
 * place. */
static struct nba_str *sort_texts(const struct intern *from, struct nba_arena *pool,
                                  struct nba_arena *scratch, uint32_t **ret_place)
{
    const uint32_t count = from->index.count;
    struct nba_str *sorted = nba_pool_take(pool, count, sizeof(*sorted));
    uint32_t *place = nba_pool_take(scratch, count, sizeof(*place));
    const struct nba_str **order = nba_pool_take(scratch, count, sizeof(*order));
    for (uint32_t i = 0; i < count; i++) {
        order[i] = &from->texts[i];
    }
    qsort(order, count, sizeof(*order), compare_texts);
    for (uint32_t i = 0; i < count; i++) {
        sorted[i] = nba_pool_text(pool, *order[i]);
        place[order[i] - from->texts] = i;
    }
    *ret_place = place;
    return sorted;
}

static int by_user_and_time(const void *a, const void *b)
{
    const struct row *x = *(const struct row *const *)a;
    const struct row *y = *(const struct row *const *)b;
    if (x->user != y->user) {
        return x->user < y->user ? -1 : 1;
    }
    return x->time_ms != y->time_ms ? (x->time_ms > y->time_ms) - (x->time_ms < y->time_ms)
                                    : (x > y) - (x < y);
}

/* Log order kept. */
static const struct row **rows_by_user(const struct nba_dataset_builder *builder,
                                       struct nba_arena *scratch)
{
    const struct row **order = nba_pool_take(scratch, builder->row_count, sizeof(*order));
    size_t *from = nba_pool_take(scratch, builder->users.index.count + (size_t)1, sizeof(*from));
    for (size_t r = 0; r < builder->row_count; r++) {
        from[builder->rows[r].user + 1]++;
    }
    for (uint32_t u = 0; u < builder->users.index.count; u++) {
        from[u + 1] += from[u];
    }
    for (size_t r = 0; r < builder->row_count; r++) {
        order[from[builder->rows[r].user]++] = &builder->rows[r];
    }
    if (builder->options.by_time) {
        qsort(order, builder->row_count, sizeof(*order), by_user_and_time);
    }
    return order;
}

static void add_touch(struct nba_dataset *d, size_t at, const struct row *row, uint32_t content,
                      size_t *engaged)
{
    int64_t *first_ms = &d->content_first_ms[content];
    d->touches[at] = (struct nba_touch){row->time_ms, content, row->channel, row->kind, 0};
    if (row->kind == NBA_TOUCH_ENGAGED) {
        d->sequence_time[*engaged] = row->time_ms;
        d->sequence[(*engaged)++] = content;
    }
    *first_ms = row->time_ms < *first_ms ? row->time_ms : *first_ms;
    d->first_ms = row->time_ms < d->first_ms ? row->time_ms : d->first_ms;
    d->last_ms = row->time_ms > d->last_ms ? row->time_ms : d->last_ms;
}

static void fill_touches(struct nba_dataset *d, const struct row *const *rows, size_t row_count,
                         const uint32_t *content_place)
{
    struct nba_hcp *hcp = nba_zeros(1, sizeof(*hcp)); /* only what it remembers of events is used */
    size_t touches = 0;
    size_t engaged = 0;
    size_t at = 0;
    d->first_ms = INT64_MAX;
    d->last_ms = INT64_MIN;
    for (uint32_t c = 0; c < d->content_count; c++) {
        d->content_first_ms[c] = INT64_MAX;
    }
    for (uint32_t u = 0; u < d->user_count; u++) {
        hcp->recent_count = 0;
        hcp->bytes_bound = 0;
        for (; at < row_count && rows[at]->user == u; at++) {
            const struct row *row = rows[at];
            const int64_t watermark_ms = row->time_ms + row->behind_ms;
            if (row->event_hash != 0 && nba_hcp_is_duplicate(hcp, row->event_hash, watermark_ms)) {
                d->duplicate_count++;
                continue;
            }
            if (row->kind != OTHER_KIND) {
                add_touch(d, touches, row, content_place[row->content], &engaged);
                d->touches[touches++].week_events = (uint8_t)nba_hcp_week_events(hcp, watermark_ms);
            }
            nba_hcp_remember_event(hcp, row->event_hash, watermark_ms);
        }
        d->touch_offset[u + 1] = touches;
        d->sequence_offset[u + 1] = engaged;
    }
    for (uint32_t c = 0; c < d->content_count; c++) {
        if (d->content_first_ms[c] == INT64_MAX) {
            d->content_first_ms[c] = INT64_MIN;
        }
    }
    free(hcp);
}

/* What contents are: a type and a unit each. */
static void fill_labels(struct nba_dataset *d, const struct nba_dataset_builder *builder,
                        const uint32_t *content_place, struct nba_arena *scratch)
{
    uint32_t *type_place = NULL;
    uint32_t *unit_place = NULL;
    d->type_count = builder->types.index.count;
    d->unit_count = builder->units.index.count;
    d->types = sort_texts(&builder->types, &d->pool, scratch, &type_place);
    d->units = sort_texts(&builder->units, &d->pool, scratch, &unit_place);
    d->content_type = nba_pool_take(&d->pool, d->content_count, sizeof(*d->content_type));
    d->content_unit = nba_pool_take(&d->pool, d->content_count, sizeof(*d->content_unit));
    for (size_t i = 0; i < builder->label_count; i++) {
        const struct label *label = &builder->labels[i];
        const uint32_t content = content_place[i];
        d->content_type[content] = label->type != NO_LABEL ? 1 + type_place[label->type] : 0;
        d->content_unit[content] = label->unit != NO_LABEL ? 1 + unit_place[label->unit] : 0;
    }
}

enum nba_status nba_dataset_builder_finish(struct nba_dataset_builder *builder,
                                           struct nba_dataset **ret_dataset,
                                           struct nba_error *error)
{
    const size_t row_count = builder->row_count;
    const size_t user_ends = (size_t)builder->users.index.count + 1;
    if (row_count == 0) {
        return nba_error_set(error, NBA_E_NOT_FOUND, "no engagement to learn from");
    }
    struct nba_arena scratch = {0};
    uint32_t *content_place = NULL;
    uint32_t *specialty_place = NULL;
    struct nba_dataset *d = nba_zeros(1, sizeof(*d));
    struct nba_arena *pool = &d->pool;
    d->name = builder->options.name;
    d->ordered = true;
    d->late_count = builder->late_count;
    d->user_count = builder->users.index.count;
    d->content_count = builder->contents.index.count;
    d->specialty_count = builder->specialties.index.count;
    d->contents = sort_texts(&builder->contents, pool, &scratch, &content_place);
    d->specialties = sort_texts(&builder->specialties, pool, &scratch, &specialty_place);
    d->content_first_ms = nba_pool_take(pool, d->content_count, sizeof(*d->content_first_ms));
    d->segment = nba_pool_take(pool, d->user_count, sizeof(*d->segment));
    d->touch_offset = nba_pool_take(pool, user_ends, sizeof(*d->touch_offset));
    d->touches = nba_pool_take(pool, row_count, sizeof(*d->touches));
    d->sequence_offset = nba_pool_take(pool, user_ends, sizeof(*d->sequence_offset));
    d->sequence = nba_pool_take(pool, row_count, sizeof(*d->sequence));
    d->sequence_time = nba_pool_take(pool, row_count, sizeof(*d->sequence_time));
    for (uint32_t u = 0; u < d->user_count; u++) {
        const uint32_t specialty = builder->user_specialty[u];
        d->segment[u] = specialty != NO_LABEL ? 1 + specialty_place[specialty] : 0;
    }
    fill_labels(d, builder, content_place, &scratch);
    fill_touches(d, rows_by_user(builder, &scratch), row_count, content_place);
    nba_arena_clear(&scratch);
    *ret_dataset = d;
    return NBA_OK;
}

void nba_dataset_destroy(struct nba_dataset *dataset)
{
    if (dataset != NULL) {
        nba_arena_clear(&dataset->pool);
        free(dataset);
    }
}
