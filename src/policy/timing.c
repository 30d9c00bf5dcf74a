/*
 * When an action would be sent: now, at the best hour for its HCP, or when quiet hours end.
 *
 * QUIET HOURS are intervals [start, end) of the wall clock; one that starts later than it ends goes
 * over midnight.  They end at the first instant at or behind the next local `end`.
 *
 * BEST HOUR.  Of now and the next hours that begin within a day, and are not quiet, the one with
 * the greatest rate, the earliest of equals.  The rate of an hour of the week is smoothed over its
 * neighbours and over the same hour of the other days, in whole numbers:
 *
 *     4 n(hour) + 2 (n(hour - 1) + n(hour + 1)) + sum of n over the seven days at this hour
 *
 * with n the opens and clicks counted (nba/state/hcp.h).  From fewer than EVENTS_MIN of them
 * nothing is concluded: then the next local `fallback` time is taken, without one now.
 */
#include "funnel_internal.h"

#define EVENTS_MIN 10u
#define DAY_HOURS  24u
#define MINUTE_MS  INT64_C(60000)
/* Rules that send one another on: each of them twice, in a day with a change of clocks. */
#define STEPS_MAX (4 * POLICY_QUIET_MAX)

static int64_t time_of_day(const struct nba_local *local)
{
    return local->hour * NBA_HOUR_MS + local->minute * MINUTE_MS + local->second * INT64_C(1000) +
           local->ms;
}

bool nba_policy_is_quiet(const struct policy_quiet *rule, int64_t day_ms)
{
    const int64_t start = rule->start * MINUTE_MS;
    const int64_t end = rule->end * MINUTE_MS;
    return start < end ? day_ms >= start && day_ms < end : day_ms >= start || day_ms < end;
}

static const struct policy_quiet *find_quiet(const struct nba_policy *policy,
                                             enum nba_channel channel,
                                             const struct nba_local *local)
{
    const int64_t day_ms = time_of_day(local);
    for (uint32_t i = 0; i < policy->quiet_count; i++) {
        const struct policy_quiet *rule = &policy->quiet[i];
        if ((rule->channels >> (unsigned)channel & 1) != 0 && nba_policy_is_quiet(rule, day_ms)) {
            return rule;
        }
    }
    return NULL;
}

/* The first instant from now on at which the clock shows this minute of the day. */
static int64_t next_minute(const struct nba_zone *zone, int64_t now_ms, uint32_t minute)
{
    const struct nba_local local = nba_zone_local(zone, now_ms);
    const int64_t ahead_ms = minute * MINUTE_MS - time_of_day(&local);
    struct nba_local then = local;
    then.day = (uint8_t)(then.day + (ahead_ms < 0));
    then.hour = (uint8_t)(minute / 60);
    then.minute = (uint8_t)(minute % 60);
    then.second = 0;
    then.ms = 0;
    const int64_t at_ms = nba_zone_utc(zone, &then);
    /* In an hour that comes twice, the second time: it is as far as the clock says. */
    return at_ms >= now_ms ? at_ms : now_ms + ahead_ms;
}

static uint32_t rate(const uint8_t week[NBA_HCP_WEEK_HOURS], const struct nba_local *local)
{
    const uint32_t hour = local->weekday * DAY_HOURS + local->hour;
    uint32_t sum = 4u * week[hour] + 2u * week[(hour + 1) % NBA_HCP_WEEK_HOURS] +
                   2u * week[(hour + NBA_HCP_WEEK_HOURS - 1) % NBA_HCP_WEEK_HOURS];
    for (uint32_t same = local->hour; same < NBA_HCP_WEEK_HOURS; same += DAY_HOURS) {
        sum += week[same];
    }
    return sum;
}

static int64_t best_hour(const struct nba_policy *policy, const struct nba_hcp *hcp,
                         const struct nba_zone *zone, enum nba_channel channel, int64_t now_ms)
{
    uint32_t events = 0;
    for (uint32_t i = 0; i < NBA_HCP_WEEK_HOURS; i++) {
        events += hcp->week[i];
    }
    if (events < EVENTS_MIN) {
        return policy->send_time.has_fallback
                   ? next_minute(zone, now_ms, policy->send_time.fallback)
                   : now_ms;
    }
    int64_t best_ms = now_ms;
    uint32_t best = 0;
    bool found = false;
    for (int64_t at_ms = now_ms; at_ms <= now_ms + NBA_DAY_MS;) {
        const struct nba_local local = nba_zone_local(zone, at_ms);
        const uint32_t here = rate(hcp->week, &local);
        if (find_quiet(policy, channel, &local) == NULL && (!found || here > best)) {
            best = here;
            best_ms = at_ms;
            found = true;
        }
        at_ms += NBA_HOUR_MS - time_of_day(&local) % NBA_HOUR_MS;
    }
    return best_ms;
}

struct plan nba_policy_plan(const struct nba_policy *policy, const struct nba_hcp *hcp,
                            const struct nba_zone *zone, enum nba_channel channel, int64_t now_ms,
                            bool optimize)
{
    struct plan plan = {.at_ms = now_ms, .reason = NBA_REASON_NONE};
    if ((policy->zone_channels >> (unsigned)channel & 1) == 0 || zone == NULL ||
        (policy->quiet_count == 0 && policy->send_time.channels == 0)) {
        return plan;
    }
    if (optimize && (policy->send_time.channels >> (unsigned)channel & 1) != 0) {
        plan.at_ms = best_hour(policy, hcp, zone, channel, now_ms);
    }
    for (uint32_t i = 0; i < STEPS_MAX && plan.reason != NBA_REASON_DISCARDED_QUIET_HOURS; i++) {
        const struct nba_local local = nba_zone_local(zone, plan.at_ms);
        const struct policy_quiet *rule = find_quiet(policy, channel, &local);
        if (rule == NULL) {
            break;
        }
        plan.at_ms = next_minute(zone, plan.at_ms, rule->end);
        plan.reason = rule->on_conflict == ON_CONFLICT_DISCARD ? NBA_REASON_DISCARDED_QUIET_HOURS
                                                               : NBA_REASON_HELD_QUIET_HOURS;
    }
    return plan;
}

const struct nba_zone *nba_policy_brand_zone(const struct nba_policy *policy, struct nba_str brand)
{
    for (uint32_t i = 0; i < policy->brand_zone_count; i++) {
        if (nba_str_equal(policy->brand_zones[i].brand, brand)) {
            return policy->brand_zones[i].zone;
        }
    }
    return NULL;
}

/* ---- in the funnel ---- */

void nba_funnel_plan_channels(const struct nba_funnel *funnel, struct moment *moment)
{
    for (unsigned c = 0; c < NBA_CHANNEL_COUNT; c++) {
        moment->plans[c] =
            nba_policy_plan(funnel->policy, moment->hcp, moment->zone, (enum nba_channel)c,
                            moment->now_ms, moment->released == NULL);
        moment->planned_ms[c] = moment->plans[c].at_ms;
    }
}

const struct nba_zone *nba_funnel_zone(const struct nba_funnel *funnel, const struct moment *moment,
                                       struct nba_str brand)
{
    return moment->zone != NULL || funnel->policy->missing_timezone == MISSING_TIMEZONE_DENY
               ? moment->zone
               : nba_policy_brand_zone(funnel->policy, brand);
}

struct plan nba_funnel_plan(const struct nba_funnel *funnel, const struct moment *moment,
                            uint32_t candidate)
{
    const enum nba_channel channel = (enum nba_channel)funnel->catalog->channel[candidate];
    if (moment->zone != NULL || (funnel->policy->zone_channels >> (unsigned)channel & 1) == 0) {
        return moment->plans[channel];
    }
    const struct nba_str brand = nba_catalog_content(funnel->catalog, candidate)->brand;
    return nba_policy_plan(funnel->policy, moment->hcp, nba_funnel_zone(funnel, moment, brand),
                           channel, moment->now_ms, moment->released == NULL);
}

void nba_funnel_discard(struct nba_funnel *funnel, const struct moment *moment,
                        struct selection *selection)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < selection->count; i++) {
        const uint32_t c = selection->candidates[i];
        if (nba_funnel_plan(funnel, moment, c).reason != NBA_REASON_DISCARDED_QUIET_HOURS) {
            selection->candidates[kept++] = c;
            continue;
        }
        funnel->reason[c] = (uint8_t)NBA_REASON_DISCARDED_QUIET_HOURS;
        if (i == 0) { /* the place that was explored is no longer there */
            selection->explored = false;
            selection->sampled = -1;
            selection->probability = 1;
        }
    }
    selection->count = kept;
}

enum nba_status nba_funnel_list_held(const struct nba_funnel *funnel, const struct moment *moment,
                                     const struct selection *selection, struct nba_arena *arena,
                                     struct nba_decision *decision)
{
    struct nba_held *list = nba_arena_zeros(arena, selection->count + 1, sizeof(*list));
    if (list == NULL) {
        return NBA_E_NO_MEMORY;
    }
    decision->held = list;
    for (uint32_t i = 0; i < selection->count; i++) {
        const uint32_t c = selection->candidates[i];
        const struct plan plan = nba_funnel_plan(funnel, moment, c);
        if (plan.at_ms > moment->now_ms) {
            const struct nba_str brand = nba_catalog_content(funnel->catalog, c)->brand;
            list[decision->held_count++] = (struct nba_held){
                .action_id = decision->selected[i].action_id,
                .reason = plan.reason,
                .until_ms = plan.at_ms,
                .tz = nba_str_of(nba_zone_name(nba_funnel_zone(funnel, moment, brand))),
                .tzdata_version = nba_str_of(nba_zone_data_version()),
            };
        }
    }
    return NBA_OK;
}

static int64_t first_end(const struct nba_policy *policy, const struct nba_hcp *hcp,
                         const struct nba_zone *zone, int64_t now_ms)
{
    int64_t first_ms = INT64_MAX;
    for (unsigned c = 1; c < NBA_CHANNEL_COUNT; c++) {
        const enum nba_channel channel = (enum nba_channel)c;
        const int64_t at_ms = nba_policy_plan(policy, hcp, zone, channel, now_ms, true).at_ms;
        const int64_t end_ms =
            at_ms > now_ms ? at_ms : nba_policy_expires_at(policy, channel, at_ms);
        first_ms = end_ms < first_ms ? end_ms : first_ms;
    }
    return first_ms;
}

int64_t nba_funnel_horizon(const struct nba_funnel *funnel, const struct nba_hcp *hcp,
                           int64_t now_ms)
{
    const struct nba_policy *policy = funnel->policy;
    const struct nba_zone *zone =
        policy->zone_channels != 0 ? nba_zone_find(hcp->profile.tz) : NULL;
    int64_t first_ms = first_end(policy, hcp, zone, now_ms);
    const bool brands = zone == NULL && policy->missing_timezone == MISSING_TIMEZONE_BRAND;
    for (uint32_t i = 0; i < policy->brand_zone_count && brands; i++) {
        const int64_t end_ms = first_end(policy, hcp, policy->brand_zones[i].zone, now_ms);
        first_ms = end_ms < first_ms ? end_ms : first_ms;
    }
    return first_ms;
}
