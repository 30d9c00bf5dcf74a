/* Volume rules: which budgets count an action, and a budget's window. */
#include "nba/policy/volume.h"

#include <string.h>

#include "nba/base/assert.h"
#include "nba/base/str_put.h"
#include "policy_internal.h"

#define PREFIX "volume:"

bool nba_policy_has_volumes(const struct nba_policy *policy)
{
    return policy->volume_count != 0;
}

bool nba_is_volume(struct nba_str id)
{
    return id.bytes > strlen(PREFIX) && memcmp(id.data, PREFIX, strlen(PREFIX)) == 0;
}

static struct nba_str counted_of(const struct policy_volume *rule,
                                 const struct nba_volume_subject *subject)
{
    switch (rule->per) {
    case VOLUME_CONTENT:
        return subject->family_id;
    case VOLUME_CAMPAIGN:
        return subject->campaign_id;
    case VOLUME_BRAND:
        return subject->brand;
    case VOLUME_CHANNEL:
        return nba_str_of(nba_channel_name(subject->channel));
    }
    return nba_str(NULL, 0);
}

bool nba_policy_volume_counts(const struct policy_volume *rule,
                              const struct nba_volume_subject *subject)
{
    const struct nba_str counted = counted_of(rule, subject);
    bool named = rule->only.count == 0;
    for (uint32_t i = 0; i < rule->only.count && !named; i++) {
        named = nba_str_equal(rule->only.items[i], counted);
    }
    return named && counted.bytes != 0 && counted.bytes <= NBA_ID_BYTES_MAX &&
           (rule->channels >> (unsigned)subject->channel & 1) != 0;
}

struct nba_str nba_policy_volume_id(const struct policy_volume *rule,
                                    const struct nba_volume_subject *subject,
                                    char ret_id[NBA_VOLUME_ID_BYTES_MAX])
{
    char *end = nba_str_put(nba_str_put(ret_id, nba_str_of(PREFIX)), rule->id);
    *end++ = ':';
    if (subject != NULL) {
        end = nba_str_put(end, counted_of(rule, subject));
    }
    NBA_ASSERT(end <= ret_id + NBA_VOLUME_ID_BYTES_MAX);
    return nba_str(ret_id, (size_t)(end - ret_id));
}

/* The rule of a budget; volume_count: it is gone. */
static uint32_t rule_of(const struct nba_policy *policy, struct nba_str id)
{
    const size_t from = strlen(PREFIX);
    uint32_t r = 0;
    for (; nba_is_volume(id) && r < policy->volume_count; r++) {
        const struct nba_str name = policy->volumes[r].id;
        if (id.bytes > from + name.bytes && id.data[from + name.bytes] == ':' &&
            memcmp(id.data + from, name.data, name.bytes) == 0) {
            return r;
        }
    }
    return policy->volume_count;
}

struct nba_str nba_policy_next_volume(const struct nba_policy *policy,
                                      const struct nba_volume_subject *subject,
                                      struct nba_str after, char ret_id[NBA_VOLUME_ID_BYTES_MAX])
{
    const uint32_t last = after.bytes != 0 ? rule_of(policy, after) : policy->volume_count;
    /* With a rule that is gone the rest is asked, which may have granted a place: it will again. */
    for (uint32_t r = last < policy->volume_count ? last + 1 : 0; r < policy->volume_count; r++) {
        if (nba_policy_volume_counts(&policy->volumes[r], subject)) {
            return nba_policy_volume_id(&policy->volumes[r], subject, ret_id);
        }
    }
    return nba_str(NULL, 0);
}

bool nba_policy_volume_terms(const struct nba_policy *policy, struct nba_str id, int64_t now_ms,
                             struct nba_volume_terms *ret_terms)
{
    const uint32_t r = rule_of(policy, id);
    if (r == policy->volume_count) {
        return false;
    }
    const struct policy_volume *rule = &policy->volumes[r];
    const struct window window = nba_policy_calendar(rule->calendar, rule->zone, now_ms);
    *ret_terms = (struct nba_volume_terms){
        .rule_id = rule->id,
        .max = rule->max,
        .replaces = rule->when_full == CAPACITY_REPLACE_LOWEST,
        .start_ms = window.from,
        .end_ms = window.until,
    };
    return true;
}
