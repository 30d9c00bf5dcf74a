/* Each state is a whole copy in an arena of its own: messages are rare and exclusions few. */
#include "nba/policy/control.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "nba/base/arena.h"
#include "nba/base/assert.h"

#define ARENA_BYTES_MAX ((size_t)4 * 1024 * 1024)

struct counted {
    struct nba_control_state shown; /* first: a counted state is a state */
    atomic_uint refs;
    struct nba_arena arena;
};

static const char *const mode_names[] = {"live", "shadow", "stopped"};

const char *nba_mode_name(enum nba_mode mode)
{
    NBA_ASSERT((size_t)mode < NBA_ARRAY_COUNT(mode_names));
    return mode_names[mode];
}

static struct counted *create(void)
{
    struct counted *state = calloc(1, sizeof(*state));
    if (state != NULL) {
        atomic_init(&state->refs, 1);
        nba_arena_init(&state->arena, ARENA_BYTES_MAX);
        state->shown.mode = NBA_MODE_LIVE;
    }
    return state;
}

struct nba_control_state *nba_control_state_create(void)
{
    struct counted *state = create();
    return state != NULL ? &state->shown : NULL;
}

struct nba_control_state *nba_control_state_ref(struct nba_control_state *state)
{
    NBA_ASSERT(state != NULL);
    atomic_fetch_add_explicit(&((struct counted *)state)->refs, 1, memory_order_relaxed);
    return state;
}

void nba_control_state_unref(struct nba_control_state *state)
{
    struct counted *counted = (struct counted *)state;
    if (counted != NULL &&
        atomic_fetch_sub_explicit(&counted->refs, 1, memory_order_acq_rel) == 1) {
        nba_arena_clear(&counted->arena);
        free(counted);
    }
}

static enum nba_status no_memory(struct nba_error *error)
{
    return nba_error_set(error, NBA_E_NO_MEMORY, "control: out of memory");
}

static bool same_target(const struct nba_exclusion *exclusion, enum nba_exclusion_scope scope,
                        struct nba_str target)
{
    return exclusion->scope == scope && nba_str_equal(exclusion->target, target);
}

/* A copy of `from` less the exclusion of (scope, target), with room for one more. */
static struct counted *copy_without(const struct nba_control_state *from,
                                    enum nba_exclusion_scope scope, struct nba_str target,
                                    struct nba_exclusion **ret_list)
{
    struct counted *to = create();
    struct nba_exclusion *list =
        to != NULL ? nba_arena_zeros(&to->arena, from->exclusion_count + 1, sizeof(*list)) : NULL;
    if (list == NULL) {
        nba_control_state_unref(&to->shown);
        return NULL;
    }
    to->shown.mode = from->mode;
    uint32_t kept = 0;
    bool whole = true;
    for (uint32_t i = 0; i < from->exclusion_count; i++) {
        const struct nba_exclusion *e = &from->exclusions[i];
        if (same_target(e, scope, target)) {
            continue;
        }
        struct nba_exclusion *copy = &list[kept++];
        *copy = *e;
        copy->id = nba_arena_copy(&to->arena, e->id);
        copy->target = nba_arena_copy(&to->arena, e->target);
        copy->reason = nba_arena_copy(&to->arena, e->reason);
        copy->by = nba_arena_copy(&to->arena, e->by);
        whole = whole && copy->target.data != NULL;
    }
    if (!whole) {
        nba_control_state_unref(&to->shown);
        return NULL;
    }
    to->shown.exclusions = list;
    to->shown.exclusion_count = kept;
    *ret_list = list;
    return to;
}

static enum nba_status scope_of(const struct nba_control *message,
                                enum nba_exclusion_scope *ret_scope, struct nba_error *error)
{
    static const char *const scopes[] = {"content", "brand", "campaign"};
    if (message->target.bytes == 0) {
        return nba_error_set(error, NBA_E_EMPTY_KEY, "control: an exclusion without a target");
    }
    for (size_t i = 0; i < NBA_ARRAY_COUNT(scopes); i++) {
        if (nba_str_is(message->scope, scopes[i])) {
            *ret_scope = (enum nba_exclusion_scope)i;
            return NBA_OK;
        }
    }
    return nba_error_set(error, NBA_E_UNKNOWN_TYPE,
                         "control: scope '%.*s', expected content, brand or campaign",
                         NBA_STR_ARG(message->scope));
}

static enum nba_status apply_mode(const struct nba_control_state *state,
                                  const struct nba_control *message,
                                  struct nba_control_state **ret_state, struct nba_error *error)
{
    size_t mode = 0;
    while (mode < NBA_ARRAY_COUNT(mode_names) && !nba_str_is(message->target, mode_names[mode])) {
        mode++;
    }
    if (mode == NBA_ARRAY_COUNT(mode_names)) {
        return nba_error_set(error, NBA_E_UNKNOWN_TYPE,
                             "control: mode '%.*s', expected live, shadow or stopped",
                             NBA_STR_ARG(message->target));
    }
    struct nba_exclusion *list = NULL;
    struct counted *next = copy_without(state, NBA_EXCLUDE_CONTENT, nba_str("", 0), &list);
    if (next == NULL) {
        return no_memory(error);
    }
    next->shown.mode = (enum nba_mode)mode;
    *ret_state = &next->shown;
    return NBA_OK;
}

static enum nba_status apply_exclusion(const struct nba_control_state *state,
                                       const struct nba_control *message,
                                       struct nba_control_state **ret_state,
                                       struct nba_error *error)
{
    enum nba_exclusion_scope scope = NBA_EXCLUDE_CONTENT;
    const enum nba_status status = scope_of(message, &scope, error);
    if (status != NBA_OK) {
        return status;
    }
    struct nba_exclusion *list = NULL;
    struct counted *next = copy_without(state, scope, message->target, &list);
    if (next == NULL) {
        return no_memory(error);
    }
    if (message->kind == NBA_CONTROL_EXCLUDE) {
        if (next->shown.exclusion_count >= NBA_EXCLUSIONS_MAX) {
            nba_control_state_unref(&next->shown);
            return nba_error_set(error, NBA_E_LIMIT, "control: %u exclusions are in force, no more",
                                 NBA_EXCLUSIONS_MAX);
        }
        struct nba_exclusion *e = &list[next->shown.exclusion_count++];
        *e = (struct nba_exclusion){
            .id = nba_arena_copy(&next->arena, message->id),
            .scope = scope,
            .target = nba_arena_copy(&next->arena, message->target),
            .reason = nba_arena_copy(&next->arena, message->reason),
            .by = nba_arena_copy(&next->arena, message->by),
            .until_ms = message->until_ms,
        };
        if (e->target.data == NULL) {
            nba_control_state_unref(&next->shown);
            return no_memory(error);
        }
    }
    *ret_state = &next->shown;
    return NBA_OK;
}

enum nba_status nba_control_state_apply(struct nba_control_state *state,
                                        const struct nba_control *message,
                                        struct nba_control_state **ret_state,
                                        struct nba_error *error)
{
    NBA_ASSERT(state != NULL && message != NULL && ret_state != NULL);
    switch (message->kind) {
    case NBA_CONTROL_MODE:
        return apply_mode(state, message, ret_state, error);
    case NBA_CONTROL_EXCLUDE:
    case NBA_CONTROL_INCLUDE:
        return apply_exclusion(state, message, ret_state, error);
    case NBA_CONTROL_RELEASE:
    case NBA_CONTROL_POLICY:
        *ret_state = nba_control_state_ref(state);
        return NBA_OK;
    case NBA_CONTROL_UNKNOWN:
        break;
    }
    return nba_error_set(error, NBA_E_UNKNOWN_TYPE, "control: a message of an unknown kind");
}
