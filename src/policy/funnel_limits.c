/*
 * Stage 8: limits on contacts.
 *
 * A limit counts the contacts of its channels in the HCP's ledger, all together, or those of one
 * brand or content family.  One contact more at its planned time t passes when every window of the
 * limit that holds t has fewer than `max`: of a rolling window P, every (w - P, w] with
 * w - P < t <= w, so later reservations count too; of a calendar window, the one day, week or month
 * of its zone.  A reservation is gone at its expiry (if the policy releases on it).
 *
 * Candidates of one channel and brand are one unit to limits.  A cap is a limit that a unit, or one
 * content family of a channel, fails.  The actions of a slate reserve their places one by one: what
 * they leave no room for is capped by the slate.
 */
#include <string.h>

#include "funnel_internal.h"
#include "nba/base/assert.h"

static int64_t later(int64_t time_ms, int64_t by_ms)
{
    int64_t sum = 0;
    return __builtin_add_overflow(time_ms, by_ms, &sum) ? INT64_MAX : sum;
}

static struct window calendar_of(const struct nba_funnel *funnel, uint32_t limit,
                                 const struct nba_zone *zone, int64_t time_ms)
{
    struct calendar_memo *memo = &funnel->calendars[limit];
    if (memo->zone != zone || time_ms < memo->window.from || time_ms >= memo->window.until) {
        memo->zone = zone;
        memo->window = nba_policy_calendar(funnel->policy->limits[limit].calendar, zone, time_ms);
    }
    return memo->window;
}

static const struct nba_zone *zone_of(const struct policy_limit *limit, const struct cap *cap)
{
    return limit->zone != NULL ? limit->zone : cap->zone;
}

static bool counts(const struct policy_limit *limit, const struct cap *cap,
                   const struct contact *contact, int64_t at_ms)
{
    return (limit->channels >> contact->channel & 1) != 0 && at_ms < contact->gone_ms &&
           ((limit->per & PER_BRAND) == 0 || contact->brand_hash == cap->brand_hash) &&
           ((limit->per & PER_CONTENT) == 0 || contact->family_hash == cap->family_hash);
}

static uint32_t count_in(const struct nba_funnel *funnel, const struct cap *cap,
                         struct window window, int64_t at_ms)
{
    const struct policy_limit *limit = &funnel->policy->limits[cap->limit];
    uint32_t count = 0;
    for (uint32_t i = 0; i < funnel->contact_count; i++) {
        const struct contact *contact = &funnel->contacts[i];
        count += window.from <= contact->time_ms && contact->time_ms < window.until &&
                 counts(limit, cap, contact, at_ms);
    }
    return count;
}

/* The window with most contacts of those that hold time_ms, as things stand at `at_ms`. */
static uint32_t fullest(const struct nba_funnel *funnel, const struct cap *cap, int64_t time_ms,
                        int64_t at_ms, struct window *ret_window)
{
    const struct policy_limit *limit = &funnel->policy->limits[cap->limit];
    struct window best = {time_ms, later(time_ms, limit->rolling.ms)};
    if (limit->calendar != CALENDAR_NONE) {
        best = calendar_of(funnel, cap->limit, zone_of(limit, cap), time_ms);
    }
    uint32_t most = count_in(funnel, cap, best, at_ms);
    /* Of rolling windows those matter that begin with a contact. */
    for (uint32_t i = 0; i < funnel->contact_count && limit->calendar == CALENDAR_NONE; i++) {
        const struct contact *contact = &funnel->contacts[i];
        const struct window window = {contact->time_ms, later(contact->time_ms, limit->rolling.ms)};
        if (window.from <= time_ms && time_ms < window.until &&
            counts(limit, cap, contact, at_ms)) {
            const uint32_t count = count_in(funnel, cap, window, at_ms);
            best = count > most ? window : best;
            most = count > most ? count : most;
        }
    }
    *ret_window = best;
    return most;
}

static bool passes(const struct nba_funnel *funnel, const struct cap *cap, int64_t at_ms)
{
    struct window window;
    const int64_t time_ms = at_ms > cap->planned_ms ? at_ms : cap->planned_ms;
    return fullest(funnel, cap, time_ms, at_ms, &window) < funnel->policy->limits[cap->limit].max;
}

/* The first instant from from_ms at which the cap is none, if nothing else happens. */
static int64_t free_from(const struct nba_funnel *funnel, const struct cap *cap, int64_t from_ms)
{
    const struct policy_limit *limit = &funnel->policy->limits[cap->limit];
    int64_t at_ms = from_ms;
    while (at_ms != INT64_MAX && !passes(funnel, cap, at_ms)) {
        /* It changes only where a contact leaves its window or a reservation goes. */
        int64_t next_ms = INT64_MAX;
        for (uint32_t i = 0; i < funnel->contact_count && limit->max != 0; i++) {
            const struct contact *contact = &funnel->contacts[i];
            const int64_t leaves_ms =
                limit->calendar == CALENDAR_NONE
                    ? later(contact->time_ms, limit->rolling.ms)
                    : nba_policy_calendar(limit->calendar, zone_of(limit, cap), contact->time_ms)
                          .until;
            const int64_t changes[] = {leaves_ms, contact->gone_ms};
            for (uint32_t k = 0; k < NBA_ARRAY_COUNT(changes); k++) {
                next_ms = changes[k] > at_ms && changes[k] < next_ms ? changes[k] : next_ms;
            }
        }
        at_ms = next_ms;
    }
    return at_ms;
}

/* ---- what counts ---- */

static void add_contact(struct nba_funnel *funnel, const struct contact *contact)
{
    NBA_ASSERT(funnel->contact_count < FUNNEL_CONTACTS_MAX);
    funnel->contacts[funnel->contact_count++] = *contact;
}

/* A ghost counts for its like only, an action that is released not for itself. */
static void collect_contacts(struct nba_funnel *funnel, const struct moment *moment)
{
    const bool expires = nba_policy_releases(funnel->policy, NBA_CONTACT_EXPIRED);
    const uint32_t released_key =
        moment->released != NULL ? nba_hcp_text_hash(moment->released->action_id) : 0;
    funnel->contact_count = 0;
    for (uint32_t i = 0; i < moment->hcp->ledger_count; i++) {
        const struct nba_ledger_entry *entry = &moment->hcp->ledger[i];
        const bool reserved =
            !entry->committed && !entry->ghost && entry->expires_at_ms != NBA_TIME_NONE;
        const struct contact contact = {
            .time_ms = entry->time_ms,
            .gone_ms = reserved && expires ? entry->expires_at_ms : INT64_MAX,
            .brand_hash = entry->brand_hash,
            .family_hash = entry->family_hash,
            .channel = (uint8_t)entry->channel,
            .entry = (uint8_t)i,
        };
        if (moment->now_ms < contact.gone_ms &&
            moment->now_ms < later(contact.time_ms, funnel->limit_span_ms) &&
            (!entry->ghost || moment->experiment.control_group) &&
            (released_key == 0 || entry->action_key != released_key)) {
            add_contact(funnel, &contact);
        }
    }
}

/* ---- judging ---- */

/* Does one contact more like `cap` fail its limit?  Fills the rest of it. */
static bool fails(const struct nba_funnel *funnel, const struct moment *moment, struct cap *cap)
{
    const struct policy_limit *limit = &funnel->policy->limits[cap->limit];
    struct window window;
    if (limit->calendar != CALENDAR_NONE && zone_of(limit, cap) == NULL) {
        return false; /* TIMEZONE_UNKNOWN: a gate has stopped it */
    }
    if (limit->max != 0 && (((limit->per & PER_BRAND) != 0 && cap->brand_hash == 0) ||
                            ((limit->per & PER_CONTENT) != 0 && cap->family_hash == 0))) {
        return false; /* what isn't known equals nothing */
    }
    cap->used = fullest(funnel, cap, cap->planned_ms, moment->now_ms, &window);
    for (uint32_t i = 0; i < funnel->contact_count && cap->used >= limit->max; i++) {
        const struct contact *contact = &funnel->contacts[i];
        if (window.from <= contact->time_ms && contact->time_ms < window.until &&
            counts(limit, cap, contact, moment->now_ms)) {
            const bool selected = contact->entry == CONTACT_OF_SLATE;
            cap->slate = cap->slate || selected;
            cap->evidence |= selected ? 0 : UINT64_C(1) << contact->entry;
        }
    }
    return cap->used >= limit->max;
}

/* When a message of this unit would be sent: by its brand's clock where the HCP's isn't known. */
static int64_t planned_of(const struct nba_funnel *funnel, const struct moment *moment,
                          const struct limit_unit *unit)
{
    const enum nba_channel channel = (enum nba_channel)unit->channel;
    return moment->zone != NULL || unit->zone == NULL
               ? moment->planned_ms[channel]
               : nba_policy_plan(funnel->policy, moment->hcp, unit->zone, channel, moment->now_ms,
                                 moment->released == NULL)
                     .at_ms;
}

/* Judges a limit for a unit, or for one family of it, and keeps the cap if it fails.  The value of
 * its marks; 0: it passes.  When there are too many caps the last one stands for the rest: they
 * stop all the same. */
static uint32_t try_limit(struct nba_funnel *funnel, const struct moment *moment, uint32_t limit,
                          const struct limit_unit *unit, bool by_brand, uint32_t family_hash)
{
    struct cap cap = {
        .limit = limit,
        .channel = unit->channel,
        .brand_hash = unit->brand_hash,
        .family_hash = family_hash,
        .by_brand = by_brand,
        .by_family = family_hash != 0,
        .zone = moment->zone != NULL ? moment->zone : unit->zone,
        .planned_ms = planned_of(funnel, moment, unit),
    };
    if (!fails(funnel, moment, &cap)) {
        return 0;
    }
    if (funnel->cap_count < FUNNEL_CAPS_MAX) {
        funnel->caps[funnel->cap_count++] = cap;
    }
    return funnel->cap_count;
}

/* Units, each by itself where brand or zone tell them apart, else once for the channel.  With
 * `added` only those that one contact more can concern; of limits by brand, those of `brands`. */
static void judge_units(struct nba_funnel *funnel, const struct moment *moment, uint32_t r,
                        const struct contact *added, uint64_t brands)
{
    const struct policy_limit *limit = &funnel->policy->limits[r];
    const struct groups *groups = &funnel->by_limit;
    const bool by_brand =
        (limit->per & PER_BRAND) != 0 || (limit->calendar != CALENDAR_NONE && moment->zone == NULL);
    uint32_t u = 0;
    for (unsigned channel = 0; channel < NBA_CHANNEL_COUNT; channel++) {
        const uint32_t end = funnel->limit_units_end[channel];
        uint32_t value = 0; /* of the channel, once it is judged, + 1 */
        u = (limit->channels >> channel & 1) != 0 ? u : end;
        for (; u < end && (by_brand || value != 1); u++) {
            const struct limit_unit *unit = &funnel->limit_units[u];
            if ((limit->per & PER_BRAND) != 0 &&
                ((added != NULL && unit->brand_hash != added->brand_hash) ||
                 (brands >> (unit->brand_hash % 64) & 1) == 0)) {
                continue;
            }
            if (by_brand || value == 0) {
                value = 1 + try_limit(funnel, moment, r, unit, by_brand, 0);
            }
            for (uint32_t i = groups->start[u]; i < groups->start[u + 1] && value > 1; i++) {
                nba_funnel_set_mark(funnel, MARK_CAPPED, groups->items[i], value - 1);
            }
        }
        u = end;
    }
}

static void judge_family(struct nba_funnel *funnel, const struct moment *moment, uint32_t r,
                         uint32_t family_hash)
{
    const struct nba_catalog *catalog = funnel->catalog;
    for (uint32_t k = 0; k < catalog->content_count; k++) {
        const uint32_t first = catalog->first_candidate[k];
        const uint32_t end =
            funnel->family_hash[k] == family_hash ? catalog->first_candidate[k + 1] : first;
        for (uint32_t c = first; c < end; c++) {
            const struct limit_unit *unit = &funnel->limit_units[funnel->by_limit.word_of[c]];
            const uint32_t value = (funnel->policy->limits[r].channels >> unit->channel & 1) != 0
                                       ? try_limit(funnel, moment, r, unit, true, family_hash)
                                       : 0;
            if (value != 0) {
                nba_funnel_set_mark(funnel, MARK_CAPPED, c, value);
            }
        }
    }
}

/* Families are judged where there are contacts of them. */
static void judge_families(struct nba_funnel *funnel, const struct moment *moment, uint32_t r,
                           const struct contact *added)
{
    for (uint32_t i = 0; i < funnel->contact_count; i++) {
        const uint32_t hash = funnel->contacts[i].family_hash;
        uint32_t first = 0;
        while (funnel->contacts[first].family_hash != hash) {
            first++;
        }
        if (first == i && hash != 0 && (added == NULL || hash == added->family_hash)) {
            judge_family(funnel, moment, r, hash);
        }
    }
}

/* The contacts that one more from now on can share a window with; *ret_brands: a bit for each of
 * their brands, by its hash. */
static uint32_t count_near(const struct nba_funnel *funnel, const struct policy_limit *limit,
                           int64_t now_ms, uint64_t *ret_brands)
{
    uint32_t count = 0;
    *ret_brands = 0;
    for (uint32_t i = 0; i < funnel->contact_count; i++) {
        const struct contact *contact = &funnel->contacts[i];
        if ((limit->channels >> contact->channel & 1) != 0 &&
            (limit->calendar != CALENDAR_NONE ||
             now_ms < later(contact->time_ms, limit->rolling.ms))) {
            *ret_brands |= UINT64_C(1) << (contact->brand_hash % 64);
            count++;
        }
    }
    return count;
}

static void judge_limits(struct nba_funnel *funnel, const struct moment *moment,
                         const struct contact *added)
{
    for (uint32_t r = 0; r < funnel->policy->limit_count; r++) {
        const struct policy_limit *limit = &funnel->policy->limits[r];
        const bool concerned = added == NULL || (limit->channels >> added->channel & 1) != 0;
        uint64_t brands = 0;
        if (concerned && count_near(funnel, limit, moment->now_ms, &brands) >= limit->max) {
            judge_units(funnel, moment, r, added, limit->max != 0 ? brands : UINT64_MAX);
            if ((limit->per & PER_CONTENT) != 0 && limit->max != 0) {
                judge_families(funnel, moment, r, added);
            }
        }
    }
}

void nba_funnel_mark_capped(struct nba_funnel *funnel, const struct moment *moment)
{
    funnel->cap_count = 0;
    if (funnel->policy->limit_count != 0) {
        collect_contacts(funnel, moment);
        judge_limits(funnel, moment, NULL);
    }
    funnel->caps_before_slate = funnel->cap_count;
}

void nba_funnel_count_selected(struct nba_funnel *funnel, const struct moment *moment, uint32_t c)
{
    const struct limit_unit *unit = &funnel->limit_units[funnel->by_limit.word_of[c]];
    const int64_t planned_ms = planned_of(funnel, moment, unit);
    const struct contact contact = {
        .time_ms = planned_ms,
        .gone_ms =
            nba_policy_releases(funnel->policy, NBA_CONTACT_EXPIRED)
                ? nba_policy_expires_at(funnel->policy, (enum nba_channel)unit->channel, planned_ms)
                : INT64_MAX,
        .brand_hash = unit->brand_hash,
        .family_hash = funnel->family_hash[funnel->catalog->candidates[c].content],
        .channel = (uint8_t)unit->channel,
        .entry = CONTACT_OF_SLATE,
    };
    if (funnel->policy->limit_count != 0 && moment->from_reason <= NBA_REASON_FREQUENCY_CAP) {
        add_contact(funnel, &contact);
        judge_limits(funnel, moment, &contact);
    }
}

/* ---- explaining ---- */

static bool covers(const struct cap *cap, const struct cap *other)
{
    return cap->channel == other->channel &&
           (!cap->by_brand || cap->brand_hash == other->brand_hash) &&
           (!cap->by_family || cap->family_hash == other->family_hash);
}

/* The first instant at which every one of the first caps that covers it is none. */
static int64_t retry_of(const struct nba_funnel *funnel, const struct moment *moment,
                        const struct cap *like, uint32_t cap_count)
{
    int64_t at_ms = moment->now_ms;
    for (bool moved = true; moved && at_ms != INT64_MAX;) {
        moved = false;
        for (uint32_t i = 0; i < cap_count; i++) {
            const struct cap *cap = &funnel->caps[i];
            const int64_t free_ms = covers(cap, like) ? free_from(funnel, cap, at_ms) : at_ms;
            moved = moved || free_ms > at_ms;
            at_ms = free_ms;
        }
    }
    return at_ms != INT64_MAX ? at_ms : NBA_TIME_NONE;
}

struct evidence nba_funnel_explain_capped(const struct nba_funnel *funnel,
                                          const struct moment *moment, uint32_t candidate,
                                          uint32_t value, struct nba_suppressed *item)
{
    const struct limit_unit *unit = &funnel->limit_units[funnel->by_limit.word_of[candidate]];
    const struct cap *cap = &funnel->caps[value - 1];
    const struct cap like = {
        .channel = unit->channel,
        .brand_hash = unit->brand_hash,
        .family_hash = funnel->family_hash[funnel->catalog->candidates[candidate].content],
    };
    /* What failed before the slate was filled isn't asked about what the slate changed. */
    const bool before = value <= funnel->caps_before_slate;
    item->rule_id = funnel->policy->limits[cap->limit].id;
    item->counter = cap->used;
    item->limit = funnel->policy->limits[cap->limit].max;
    item->retry_after_ms =
        retry_of(funnel, moment, &like, before ? funnel->caps_before_slate : funnel->cap_count);
    return (struct evidence){EVIDENCE_CONTACTS, cap->evidence, cap->slate};
}
