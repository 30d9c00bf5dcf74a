/* A policy's life and what the pipeline asks of it outside the funnel. */
#include "nba/policy/policy.h"

#include <stdlib.h>

#include "nba/base/assert.h"
#include "nba/base/file.h"
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

int64_t nba_policy_oldest(const struct nba_policy *policy, int64_t watermark_ms)
{
    return nba_duration_subtract(watermark_ms, policy->allowed_lateness);
}

bool nba_policy_is_late(const struct nba_policy *policy, int64_t event_time_ms,
                        int64_t watermark_ms)
{
    return event_time_ms < nba_duration_subtract(watermark_ms, policy->allowed_lateness);
}

bool nba_policy_releases(const struct nba_policy *policy, enum nba_contact_end why)
{
    return (policy->release_on >> (unsigned)why & 1) != 0;
}

int64_t nba_policy_expires_at(const struct nba_policy *policy, enum nba_channel channel,
                              int64_t start_ms)
{
    NBA_ASSERT((size_t)channel < NBA_CHANNEL_COUNT);
    return nba_duration_add(start_ms, policy->expiry[channel]);
}

int64_t nba_policy_reward_until(const struct nba_policy *policy, enum nba_channel channel,
                                int64_t start_ms)
{
    NBA_ASSERT((size_t)channel < NBA_CHANNEL_COUNT);
    return nba_duration_add(start_ms, policy->reward_window[channel]);
}
