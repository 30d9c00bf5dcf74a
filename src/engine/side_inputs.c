/* A holder behind one lock; sides are built when they are asked for and something changed. */
#include "nba/engine/side_inputs.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "nba/base/assert.h"
#include "nba/base/memory.h"
#include "nba/base/zone.h"

/* One reference record decoded: titles and abstracts, bounded by the event limit. */
#define DECODE_BYTES_MAX ((size_t)16 << 20)
/* Bytes of bad control messages that are kept: beyond it their dead letters have no value. */
#define REFUSED_BYTES_MAX ((size_t)64 << 20)

struct counted_side {
    struct nba_side side; /* first: callers see this */
    _Atomic int references;
    struct nba_side *like; /* the same but for the capacity: its binding is used; NULL: none */
};

struct nba_side_inputs {
    pthread_mutex_t lock;
    struct nba_score_options score;
    struct nba_decoder *decoder;
    struct nba_arena arena; /* one record at a time */
    struct nba_catalog_builder *builder;
    bool catalog_changed; /* since `catalog` was built */
    struct nba_catalog *catalog;
    struct nba_control_state *control;
    struct nba_arena refused_bytes;
    const struct nba_refusal *refused;
    struct nba_policy *policy;
    struct nba_release *releases[NBA_ROLE_COUNT];
    struct nba_capacity_table *capacity;
    int64_t catalog_next, control_next, capacity_next;
    struct nba_side *current; /* NULL when stale */
};

struct nba_side *nba_side_ref(struct nba_side *side)
{
    (void)atomic_fetch_add(&((struct counted_side *)side)->references, 1);
    return side;
}

void nba_side_unref(struct nba_side *side)
{
    struct counted_side *counted = (struct counted_side *)side;
    if (counted == NULL || atomic_fetch_sub(&counted->references, 1) != 1) {
        return;
    }
    for (int role = 0; role < NBA_ROLE_COUNT; role++) {
        if (counted->like == NULL) {
            nba_score_binding_destroy(side->models[role].binding);
        }
        nba_release_unref(side->models[role].release);
    }
    nba_side_unref(counted->like);
    nba_capacity_table_unref(side->capacity);
    nba_catalog_unref(side->catalog);
    nba_control_state_unref(side->control);
    nba_policy_unref(side->policy);
    free(counted);
}

enum nba_role nba_side_role_of(const struct nba_side *side, struct nba_str hcp_id, int64_t now_ms)
{
    return side->models[NBA_ROLE_CHALLENGER].binding != NULL &&
                   nba_str_is(nba_policy_assign(side->policy, hcp_id, now_ms).arm, "challenger")
               ? NBA_ROLE_CHALLENGER
               : NBA_ROLE_CHAMPION;
}

static struct nba_str release_id(const struct nba_side *side, enum nba_role role)
{
    const struct nba_release *release = side->models[role].release;
    return nba_str_of(release != NULL ? nba_release_id(release) : NULL);
}

struct nba_journal nba_side_journal(const struct nba_side *side, int64_t input_next,
                                    int64_t wall_clock_ms)
{
    return (struct nba_journal){
        .input_next = input_next,
        .catalog_next = side->catalog_next,
        .control_next = side->control_next,
        .capacity_next = side->capacity_next,
        .policy_hash = nba_policy_head(side->policy)->hash,
        .policy_version = nba_policy_head(side->policy)->version,
        .release_champion = release_id(side, NBA_ROLE_CHAMPION),
        .release_challenger = release_id(side, NBA_ROLE_CHALLENGER),
        .tzdata_version = nba_str_of(nba_zone_data_version()),
        .wall_clock_ms = wall_clock_ms,
        .swept = NBA_SWEEP_NONE,
    };
}

enum nba_status nba_side_inputs_create(const struct nba_schemas *schemas,
                                       const struct nba_config *config,
                                       struct nba_side_inputs **ret_inputs, struct nba_error *error)
{
    struct nba_side_inputs *inputs = calloc(1, sizeof(*inputs));
    if (inputs == NULL) {
        return nba_error_set(error, NBA_E_NO_MEMORY, "out of memory");
    }
    (void)pthread_mutex_init(&inputs->lock, NULL);
    nba_arena_init(&inputs->arena, DECODE_BYTES_MAX);
    nba_arena_init(&inputs->refused_bytes, REFUSED_BYTES_MAX);
    inputs->score = (struct nba_score_options){
        .ncf_candidates = (uint32_t)config->score_ncf_candidates,
        .rankings_top_n = (uint32_t)config->audit_rankings_top_n,
    };
    inputs->catalog_changed = true;
    inputs->builder = nba_catalog_builder_create();
    inputs->control = nba_control_state_create();
    inputs->capacity = nba_capacity_table_create();
    inputs->decoder = nba_decoder_create(schemas);
    if (inputs->control == NULL) {
        nba_side_inputs_destroy(inputs);
        return nba_error_set(error, NBA_E_NO_MEMORY, "out of memory");
    }
    const enum nba_status status =
        config->score_table[0] != '\0'
            ? nba_score_table_load(config->score_table, &inputs->score.table, error)
            : NBA_OK;
    if (status != NBA_OK) {
        nba_side_inputs_destroy(inputs);
        return status;
    }
    *ret_inputs = inputs;
    return NBA_OK;
}

void nba_side_inputs_destroy(struct nba_side_inputs *inputs)
{
    if (inputs == NULL) {
        return;
    }
    nba_side_unref(inputs->current);
    nba_catalog_builder_destroy(inputs->builder);
    nba_catalog_unref(inputs->catalog);
    nba_control_state_unref(inputs->control);
    nba_capacity_table_unref(inputs->capacity);
    nba_policy_unref(inputs->policy);
    for (int role = 0; role < NBA_ROLE_COUNT; role++) {
        nba_release_unref(inputs->releases[role]);
    }
    nba_score_table_unref(inputs->score.table);
    nba_decoder_destroy(inputs->decoder);
    nba_arena_clear(&inputs->arena);
    for (const struct nba_refusal *r = inputs->refused; r != NULL;) {
        const struct nba_refusal *before = r->before;
        free((void *)r);
        r = before;
    }
    nba_arena_clear(&inputs->refused_bytes);
    (void)pthread_mutex_destroy(&inputs->lock);
    free(inputs);
}

/* The lock is held. */
static void make_stale(struct nba_side_inputs *inputs)
{
    nba_side_unref(inputs->current);
    inputs->current = NULL;
}

static enum nba_status apply_catalog(struct nba_side_inputs *inputs,
                                     const struct nba_record *record, struct nba_error *error)
{
    struct nba_reference reference;
    if (record->value_null) {
        inputs->catalog_changed |= nba_catalog_builder_remove(inputs->builder, record->key);
        return NBA_OK;
    }
    nba_arena_reset(&inputs->arena);
    enum nba_status status =
        nba_decode_reference(inputs->decoder, record->value, &inputs->arena, &reference, error);
    if (status == NBA_OK) {
        status = nba_catalog_builder_apply(inputs->builder, &reference, error);
    }
    inputs->catalog_changed |= status == NBA_OK;
    return status;
}

enum nba_status nba_side_inputs_catalog(struct nba_side_inputs *inputs,
                                        const struct nba_record *record, struct nba_error *error)
{
    (void)pthread_mutex_lock(&inputs->lock);
    const enum nba_status status = apply_catalog(inputs, record, error);
    inputs->catalog_next = record->offset + 1;
    make_stale(inputs);
    (void)pthread_mutex_unlock(&inputs->lock);
    return status;
}

static enum nba_status apply_control(struct nba_side_inputs *inputs,
                                     const struct nba_record *record, struct nba_error *error)
{
    struct nba_control message;
    struct nba_control_state *after = NULL;
    nba_arena_reset(&inputs->arena);
    if (record->value_null) {
        return nba_error_set(error, NBA_E_NULL_VALUE, "control message without a value");
    }
    enum nba_status status =
        nba_decode_control(inputs->decoder, record->value, &inputs->arena, &message, error);
    if (status == NBA_OK) {
        status = nba_control_state_apply(inputs->control, &message, &after, error);
    }
    if (status == NBA_OK) {
        nba_control_state_unref(inputs->control);
        inputs->control = after;
    }
    return status;
}

/* The lock is held. */
static void keep_refused(struct nba_side_inputs *inputs, const struct nba_record *record,
                         const struct nba_error *why)
{
    struct nba_refusal *refusal = nba_zeros(1, sizeof(*refusal));
    *refusal = (struct nba_refusal){
        .before = inputs->refused,
        .record = {.partition = record->partition,
                   .offset = record->offset,
                   .key = nba_arena_copy(&inputs->refused_bytes, record->key),
                   .value = nba_arena_copy(&inputs->refused_bytes, record->value)},
        .why = *why,
    };
    inputs->refused = refusal;
}

enum nba_status nba_side_inputs_control(struct nba_side_inputs *inputs,
                                        const struct nba_record *record, struct nba_error *error)
{
    (void)pthread_mutex_lock(&inputs->lock);
    const enum nba_status status = apply_control(inputs, record, error);
    if (nba_status_class(status) == NBA_CLASS_SKIP) {
        keep_refused(inputs, record, error);
    }
    inputs->control_next = record->offset + 1;
    make_stale(inputs);
    (void)pthread_mutex_unlock(&inputs->lock);
    return status;
}

enum nba_status nba_side_inputs_capacity(struct nba_side_inputs *inputs,
                                         const struct nba_record *record, struct nba_error *error)
{
    struct nba_rep_capacity message = {.rep_id = record->key};
    (void)pthread_mutex_lock(&inputs->lock);
    nba_arena_reset(&inputs->arena);
    const enum nba_status status = record->value_null
                                       ? NBA_OK
                                       : nba_decode_rep_capacity(inputs->decoder, record->value,
                                                                 &inputs->arena, &message, error);
    if (status == NBA_OK) {
        nba_capacity_table_put(&inputs->capacity, &message);
    }
    inputs->capacity_next = record->offset + 1;
    (void)pthread_mutex_unlock(&inputs->lock);
    return status;
}

static void raise_offset(struct nba_side_inputs *inputs, int64_t *offset, int64_t next)
{
    (void)pthread_mutex_lock(&inputs->lock);
    if (next > *offset) {
        *offset = next;
        make_stale(inputs);
    }
    (void)pthread_mutex_unlock(&inputs->lock);
}

void nba_side_inputs_catalog_read(struct nba_side_inputs *inputs, int64_t next)
{
    raise_offset(inputs, &inputs->catalog_next, next);
}

void nba_side_inputs_control_read(struct nba_side_inputs *inputs, int64_t next)
{
    raise_offset(inputs, &inputs->control_next, next);
}

void nba_side_inputs_capacity_read(struct nba_side_inputs *inputs, int64_t next)
{
    (void)pthread_mutex_lock(&inputs->lock);
    inputs->capacity_next = next > inputs->capacity_next ? next : inputs->capacity_next;
    (void)pthread_mutex_unlock(&inputs->lock);
}

bool nba_side_inputs_reached(struct nba_side_inputs *inputs, int64_t catalog_next,
                             int64_t control_next, int64_t capacity_next)
{
    (void)pthread_mutex_lock(&inputs->lock);
    const bool reached = inputs->catalog_next >= catalog_next &&
                         inputs->control_next >= control_next &&
                         inputs->capacity_next >= capacity_next;
    (void)pthread_mutex_unlock(&inputs->lock);
    return reached;
}

void nba_side_inputs_set_policy(struct nba_side_inputs *inputs, struct nba_policy *policy)
{
    (void)pthread_mutex_lock(&inputs->lock);
    nba_policy_unref(inputs->policy);
    inputs->policy = nba_policy_ref(policy);
    make_stale(inputs);
    (void)pthread_mutex_unlock(&inputs->lock);
}

void nba_side_inputs_set_release(struct nba_side_inputs *inputs, enum nba_role role,
                                 struct nba_release *release)
{
    (void)pthread_mutex_lock(&inputs->lock);
    nba_release_unref(inputs->releases[role]);
    inputs->releases[role] = release != NULL ? nba_release_ref(release) : NULL;
    make_stale(inputs);
    (void)pthread_mutex_unlock(&inputs->lock);
}

static enum nba_status bind_models(const struct nba_side_inputs *inputs, struct nba_side *side,
                                   struct nba_error *error)
{
    enum nba_status status = NBA_OK;
    for (int role = 0; status == NBA_OK && role < NBA_ROLE_COUNT; role++) {
        struct nba_side_model *model = &side->models[role];
        struct nba_release *release = inputs->releases[role];
        if (release != NULL || role == NBA_ROLE_CHAMPION) {
            model->release = release != NULL ? nba_release_ref(release) : NULL;
            status = nba_score_binding_create(side->catalog, release, &inputs->score,
                                              &model->binding, error);
        }
    }
    return status;
}

/* The lock is held and `current` is NULL. */
static enum nba_status build_side(struct nba_side_inputs *inputs, struct nba_error *error)
{
    if (inputs->catalog_changed || inputs->catalog == NULL) {
        struct nba_catalog *built = NULL;
        const enum nba_status status = nba_catalog_builder_build(inputs->builder, &built, error);
        if (status != NBA_OK) {
            return status;
        }
        nba_catalog_unref(inputs->catalog);
        inputs->catalog = built;
        inputs->catalog_changed = false;
    }
    struct counted_side *counted = calloc(1, sizeof(*counted));
    if (counted == NULL) {
        return nba_error_set(error, NBA_E_NO_MEMORY, "out of memory");
    }
    atomic_init(&counted->references, 1);
    counted->side = (struct nba_side){
        .catalog = nba_catalog_ref(inputs->catalog),
        .control = nba_control_state_ref(inputs->control),
        .policy = nba_policy_ref(inputs->policy),
        .capacity = nba_capacity_table_ref(inputs->capacity),
        .refused = inputs->refused,
        .catalog_next = inputs->catalog_next,
        .control_next = inputs->control_next,
        .capacity_next = inputs->capacity_next,
    };
    const enum nba_status status = bind_models(inputs, &counted->side, error);
    if (status != NBA_OK) {
        nba_side_unref(&counted->side);
        return status;
    }
    inputs->current = &counted->side;
    return NBA_OK;
}

/* The current side with the present capacity: it changes often, and nothing is bound to it.  The
 * lock is held. */
static enum nba_status renew_capacity(struct nba_side_inputs *inputs, struct nba_error *error)
{
    struct counted_side *now = (struct counted_side *)inputs->current;
    struct counted_side *renewed = calloc(1, sizeof(*renewed));
    if (renewed == NULL) {
        return nba_error_set(error, NBA_E_NO_MEMORY, "out of memory");
    }
    atomic_init(&renewed->references, 1);
    renewed->side = now->side;
    renewed->like = nba_side_ref(now->like != NULL ? now->like : &now->side);
    (void)nba_catalog_ref(renewed->side.catalog);
    (void)nba_control_state_ref(renewed->side.control);
    (void)nba_policy_ref(renewed->side.policy);
    for (int role = 0; role < NBA_ROLE_COUNT; role++) {
        struct nba_release *release = now->side.models[role].release;
        renewed->side.models[role].release = release != NULL ? nba_release_ref(release) : NULL;
    }
    renewed->side.capacity = nba_capacity_table_ref(inputs->capacity);
    renewed->side.capacity_next = inputs->capacity_next;
    nba_side_unref(&now->side);
    inputs->current = &renewed->side;
    return NBA_OK;
}

enum nba_status nba_side_inputs_take(struct nba_side_inputs *inputs, struct nba_side **ret_side,
                                     struct nba_error *error)
{
    (void)pthread_mutex_lock(&inputs->lock);
    NBA_ASSERT(inputs->policy != NULL);
    enum nba_status status = NBA_OK;
    if (inputs->current == NULL) {
        status = build_side(inputs, error);
    } else if (inputs->current->capacity_next != inputs->capacity_next) {
        status = renew_capacity(inputs, error);
    }
    if (status == NBA_OK) {
        *ret_side = nba_side_ref(inputs->current);
    }
    (void)pthread_mutex_unlock(&inputs->lock);
    return status;
}
