/* A policy's life and what the pipeline asks of it outside the funnel. */
#include "nba/policy/policy.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "nba/base/assert.h"
#include "nba/base/file.h"
#include "nba/catalog/catalog.h"
#include "policy_internal.h"

#define ARENA_BYTES_MAX ((size_t)8 * 1024 * 1024)

enum nba_status nba_policy_parse(const char *name, struct nba_str bytes,
                                 struct nba_policy **ret_policy, struct nba_error *error)
{
    NBA_ASSERT(name != NULL && ret_policy != NULL);
    struct nba_policy *policy = calloc(1, sizeof(*policy));
    if (policy == NULL) {
        return nba_error_set(error, NBA_E_NO_MEMORY, "policy: out of memory");
    }
    atomic_init(&policy->refs, 1);
    nba_arena_init(&policy->arena, ARENA_BYTES_MAX);
    nba_sha256_text(bytes.data, bytes.bytes, policy->hash);
    policy->head.hash = nba_str_of(policy->hash);
    struct policy_parse parse = {.policy = policy, .error = error};
    enum nba_status status = nba_yaml_parse(name, bytes, &policy->tree, error);
    if (status == NBA_OK) {
        status = nba_policy_read(&parse, nba_yaml_root(policy->tree));
    }
    if (status != NBA_OK) {
        nba_policy_unref(policy);
        return status;
    }
    *ret_policy = policy;
    return NBA_OK;
}

enum nba_status nba_policy_load(const char *path, struct nba_policy **ret_policy,
                                struct nba_error *error)
{
    struct nba_buf buf;
    nba_buf_init(&buf, (size_t)NBA_YAML_BYTES_MAX);
    enum nba_status status = nba_file_read(path, &buf, error);
    if (status == NBA_E_LIMIT) {
        status = nba_error_set(error, NBA_E_CONFIG, "%s:1:1: file is larger than %u bytes", path,
                               NBA_YAML_BYTES_MAX);
    }
    if (status == NBA_OK) {
        status = nba_policy_parse(path, nba_buf_str(&buf), ret_policy, error);
    }
    nba_buf_clear(&buf);
    return status;
}

struct nba_policy *nba_policy_ref(struct nba_policy *policy)
{
    NBA_ASSERT(policy != NULL);
    atomic_fetch_add_explicit(&policy->refs, 1, memory_order_relaxed);
    return policy;
}

void nba_policy_unref(struct nba_policy *policy)
{
    if (policy != NULL && atomic_fetch_sub_explicit(&policy->refs, 1, memory_order_acq_rel) == 1) {
        nba_yaml_destroy(policy->tree);
        nba_arena_clear(&policy->arena);
        free(policy);
    }
}

const struct nba_policy_head *nba_policy_head(const struct nba_policy *policy)
{
    return &policy->head;
}

bool nba_policy_ignores(const struct nba_policy *policy, const struct nba_event *event)
{
    return event->bot != NBA_BOT_NONE && (policy->ignored_bots >> event->bot & 1) != 0;
}

bool nba_policy_decides_on(const struct nba_policy *policy, const struct nba_event *event)
{
    return policy->decide_on[event->type] && !nba_policy_ignores(policy, event);
}

bool nba_policy_is_late(const struct nba_policy *policy, int64_t event_time_ms,
                        int64_t watermark_ms)
{
    return event_time_ms < nba_duration_subtract(watermark_ms, policy->allowed_lateness);
}

int64_t nba_policy_expires_at(const struct nba_policy *policy, enum nba_channel channel,
                              int64_t start_ms)
{
    NBA_ASSERT((size_t)channel < NBA_CHANNEL_COUNT);
    return nba_duration_add(start_ms, policy->expiry[channel]);
}

/* ---- warnings ---- */

struct warn {
    void (*visit)(void *context, const char *warning);
    void *context;
};

NBA_PRINTF(2, 3)
static void warn(const struct warn *to, const char *format, ...)
{
    char text[NBA_ERROR_MESSAGE_BYTES];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    to->visit(to->context, text);
}

static void warn_unknown(const struct warn *to, const struct nba_catalog *catalog,
                         struct nba_str rule, const char *what, struct nba_str word)
{
    if (catalog != NULL && nba_catalog_find_word(catalog, word) == 0) {
        warn(to, "%.*s: no content has %s '%.*s'", NBA_STR_ARG(rule), what, NBA_STR_ARG(word));
    }
}

static void warn_conditions(const struct warn *to, const struct nba_catalog *catalog,
                            struct nba_str rule, const struct condition_list *list)
{
    for (uint32_t i = 0; i < list->count; i++) {
        const struct nba_str_list words = list->items[i].right.constants;
        const char *field = nba_condition_candidate_field(&list->items[i]);
        const bool concerns = field != NULL && !list->items[i].negate &&
                              (strcmp(field, "brand") == 0 || strcmp(field, "topic") == 0);
        for (uint32_t j = 0; j < words.count && concerns; j++) {
            warn_unknown(to, catalog, rule, field, words.items[j]);
        }
    }
}

/* A market whose every channel is never, or that lists none, can't be contacted at all. */
static void warn_markets(const struct warn *to, const struct nba_policy *policy)
{
    if (policy->market_count == 0) {
        warn(to, "consent.models: no market, so nothing is ever proposed");
    }
    for (uint32_t i = 0; i < policy->market_count; i++) {
        bool any = false;
        for (unsigned c = 1; c < NBA_CHANNEL_COUNT; c++) {
            const enum consent_model model = policy->markets[i].models[c];
            any = any || (model != CONSENT_MODEL_NONE && model != CONSENT_MODEL_NEVER);
        }
        if (!any) {
            warn(to, "consent.models.%.*s: no channel is open, nothing is ever proposed there",
                 NBA_STR_ARG(policy->markets[i].market));
        }
    }
}

void nba_policy_warnings(const struct nba_policy *policy, const struct nba_catalog *catalog,
                         void (*visit)(void *context, const char *warning), void *context)
{
    NBA_ASSERT(policy != NULL && visit != NULL);
    const struct warn to = {visit, context};
    bool decides = false;
    for (unsigned i = 0; i < NBA_EVENT_TYPE_COUNT; i++) {
        decides = decides || policy->decide_on[i];
    }
    if (!decides) {
        warn(&to, "decide_on: empty, no event starts a decision");
    }
    warn_markets(&to, policy);
    for (uint32_t i = 0; i < policy->exclusion_count; i++) {
        const struct nba_exclusion *e = &policy->exclusions[i];
        static const char *const scopes[] = {"content_id", "brand", "campaign_id"};
        if (e->scope == NBA_EXCLUDE_CONTENT && catalog != NULL &&
            nba_catalog_find_content(catalog, e->target) == NBA_CATALOG_NONE) {
            warn(&to, "%.*s: no content has content_id '%.*s'", NBA_STR_ARG(e->id),
                 NBA_STR_ARG(e->target));
        } else if (e->scope != NBA_EXCLUDE_CONTENT) {
            warn_unknown(&to, catalog, e->id, scopes[e->scope], e->target);
        }
    }
    for (uint32_t i = 0; i < policy->engagements.count; i++) {
        const struct policy_rule *rule = &policy->engagements.items[i];
        warn_conditions(&to, catalog, rule->id, &rule->applies_to);
    }
    for (uint32_t i = 0; i < policy->weights.count; i++) {
        const struct policy_rule *rule = &policy->weights.items[i];
        warn_conditions(&to, catalog, rule->id, &rule->require);
    }
}
