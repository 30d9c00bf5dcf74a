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

/* Puts a copy of `from` behind the exclusions of `to`, which has room; false without memory. */
static bool append(struct counted *to, struct nba_exclusion *list, const struct nba_exclusion *from)
{
    struct nba_exclusion *copy = &list[to->shown.exclusion_count++];
    *copy = *from;
    copy->id = nba_arena_copy(&to->arena, from->id);
    copy->target = nba_arena_copy(&to->arena, from->target);
    copy->reason = nba_arena_copy(&to->arena, from->reason);
    copy->by = nba_arena_copy(&to->arena, from->by);
    return copy->target.data != NULL;
}

static bool find_word(const char *const *words, size_t count, struct nba_str text, unsigned *ret_i)
{
    for (unsigned i = 0; i < count; i++) {
        if (nba_str_is(text, words[i])) {
            *ret_i = i;
            return true;
        }
    }
    return false;
}

/* `from` with another mode and the id of its message, less the exclusion of what `changed` names;
 * `changed` takes its place when `add`. */
static enum nba_status change(const struct nba_control_state *from, enum nba_mode mode,
                              struct nba_str mode_id, const struct nba_exclusion *changed, bool add,
                              struct nba_control_state **ret_state, struct nba_error *error)
{
    struct counted *to = create();
    struct nba_exclusion *list =
        to != NULL ? nba_arena_zeros(&to->arena, from->exclusion_count + 1, sizeof(*list)) : NULL;
    bool whole = list != NULL;
    for (uint32_t i = 0; i < from->exclusion_count && whole; i++) {
        const struct nba_exclusion *e = &from->exclusions[i];
        if (e->scope != changed->scope || !nba_str_equal(e->target, changed->target)) {
            whole = append(to, list, e);
        }
    }
    enum nba_status status = NBA_OK;
    if (whole && add && to->shown.exclusion_count >= NBA_EXCLUSIONS_MAX) {
        status = nba_error_set(error, NBA_E_LIMIT, "control: %u exclusions are in force, no more",
                               NBA_EXCLUSIONS_MAX);
    } else if (!whole || (add && !append(to, list, changed))) {
        status = nba_error_set(error, NBA_E_NO_MEMORY, "control: out of memory");
    }
    if (status != NBA_OK) {
        nba_control_state_unref(to != NULL ? &to->shown : NULL);
        return status;
    }
    to->shown.mode = mode;
    to->shown.mode_id = nba_arena_copy(&to->arena, mode_id);
    to->shown.exclusions = list;
    *ret_state = &to->shown;
    return NBA_OK;
}

enum nba_status nba_control_state_apply(struct nba_control_state *state,
                                        const struct nba_control *message,
                                        struct nba_control_state **ret_state,
                                        struct nba_error *error)
{
    static const char *const scopes[] = {"content", "brand", "campaign"};
    unsigned word = 0;
    NBA_ASSERT(state != NULL && message != NULL && ret_state != NULL);
    if (message->kind == NBA_CONTROL_RELEASE || message->kind == NBA_CONTROL_POLICY) {
        *ret_state = nba_control_state_ref(state);
        return NBA_OK;
    }
    if (message->kind == NBA_CONTROL_MODE) {
        const struct nba_exclusion none = {.target = {NULL, 0}};
        return find_word(mode_names, NBA_ARRAY_COUNT(mode_names), message->target, &word)
                   ? change(state, (enum nba_mode)word, message->id, &none, false, ret_state, error)
                   : nba_error_set(error, NBA_E_UNKNOWN_TYPE,
                                   "control: mode '%.*s', expected live, shadow or stopped",
                                   NBA_STR_ARG(message->target));
    }
    if (message->kind != NBA_CONTROL_EXCLUDE && message->kind != NBA_CONTROL_INCLUDE) {
        return nba_error_set(error, NBA_E_UNKNOWN_TYPE, "control: a message of an unknown kind");
    }
    if (message->target.bytes == 0) {
        return nba_error_set(error, NBA_E_EMPTY_KEY, "control: an exclusion without a target");
    }
    if (!find_word(scopes, NBA_ARRAY_COUNT(scopes), message->scope, &word)) {
        return nba_error_set(error, NBA_E_UNKNOWN_TYPE,
                             "control: scope '%.*s', expected content, brand or campaign",
                             NBA_STR_ARG(message->scope));
    }
    const struct nba_exclusion exclusion = {
        .id = message->id,
        .scope = (enum nba_exclusion_scope)word,
        .target = message->target,
        .reason = message->reason,
        .by = message->by,
        .until_ms = message->until_ms,
    };
    return change(state, state->mode, state->mode_id, &exclusion,
                  message->kind == NBA_CONTROL_EXCLUDE, ret_state, error);
}
