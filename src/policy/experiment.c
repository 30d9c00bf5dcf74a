/*
 * Who is in which group of an experiment: a hash of the experiment's id and the HCP's, nothing is
 * stored, so that anybody can work it out again.
 *
 *   key     <experiment id>:<hcp_id>; where the period is month, <experiment id>:<YYYY-MM>:<hcp_id>
 *   bucket  nba_assignment_hash(key) mod 10,000
 *
 * The control group is "universal_control" and holds the buckets below its share, and so does
 * "model_control"; the arms of champion and challenger take theirs one after the other, in file
 * order, and keep them for ever.  Who is in model control is in no other arm.
 */

#include "nba/base/assert.h"
#include "nba/base/str_put.h"
#include "policy_internal.h"

#define MONTH_BYTES 7u /* "2026-11" */

static int32_t bucket_of(struct nba_str experiment, struct nba_str month, struct nba_str hcp_id)
{
    char key[2 * NBA_ID_BYTES_MAX + MONTH_BYTES + 2];
    NBA_ASSERT(experiment.bytes <= NBA_ID_BYTES_MAX && hcp_id.bytes <= NBA_ID_BYTES_MAX);
    char *end = nba_str_put(key, experiment);
    *end++ = ':';
    if (month.bytes != 0) {
        end = nba_str_put(end, month);
        *end++ = ':';
    }
    end = nba_str_put(end, hcp_id);
    return (int32_t)(nba_assignment_hash(nba_str(key, (size_t)(end - key))) % POLICY_BP_MAX);
}

/* Is the HCP in a group that is drawn, and in which bucket of it. */
static bool is_drawn(const struct policy_drawn *group, const char *name, struct nba_str hcp_id,
                     int64_t now_ms, int32_t *ret_bucket)
{
    char now[NBA_TIME_TEXT_BYTES];
    nba_time_format(now_ms, now);
    const size_t month = group->period == CONTROL_BY_MONTH ? MONTH_BYTES : 0;
    *ret_bucket = bucket_of(nba_str_of(name), nba_str(now, month), hcp_id);
    return (uint32_t)*ret_bucket < group->share_bp;
}

struct nba_experiment nba_policy_assign(const struct nba_policy *policy, struct nba_str hcp_id,
                                        int64_t now_ms)
{
    const struct policy_experiments *experiments = &policy->experiments;
    const struct policy_drawn *groups = experiments->groups;
    struct nba_experiment assignment = {.bucket = 0};
    int32_t bucket = 0;
    if (policy->arm_count != 0) {
        assignment.bucket = bucket_of(experiments->id, nba_str("", 0), hcp_id);
        uint32_t end = 0;
        for (uint32_t i = 0; i < policy->arm_count && assignment.arm.bytes == 0; i++) {
            end += experiments->arms[i].share_bp;
            if ((uint32_t)assignment.bucket < end) {
                assignment.arm = experiments->arms[i].name;
            }
        }
    }
    if (groups[GROUP_MODEL_CONTROL].there &&
        is_drawn(&groups[GROUP_MODEL_CONTROL], "model_control", hcp_id, now_ms, &bucket)) {
        assignment.model_control = true;
        assignment.arm = nba_str_of("model_control");
        assignment.bucket = bucket;
    }
    if (groups[GROUP_CONTROL].there) {
        assignment.control_group = is_drawn(&groups[GROUP_CONTROL], "universal_control", hcp_id,
                                            now_ms, &assignment.bucket);
    }
    return assignment;
}
