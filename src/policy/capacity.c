/* Capacity rules over a rep's record, and the table of what is full. */
#include "nba/policy/capacity.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "nba/base/assert.h"
#include "nba/base/memory.h"
#include "policy_internal.h"

/* ---- windows of the rep's clock ---- */

static bool has_channel(const struct policy_capacity *rule, enum nba_channel channel)
{
    return (rule->channels >> (unsigned)channel & 1) != 0;
}

/* A rolling window has no end. */
static struct window window_of(const struct policy_capacity *rule, const struct nba_zone *zone,
                               int64_t now_ms)
{
    if (rule->calendar == CAPACITY_ROLLING) {
        return (struct window){nba_duration_subtract(now_ms, rule->rolling) + 1, INT64_MAX};
    }
    return nba_policy_calendar(rule->calendar == CAPACITY_WEEK ? CALENDAR_WEEK : CALENDAR_DAY, zone,
                               now_ms);
}

static bool counts(const struct policy_capacity *rule, const struct window *window,
                   const struct nba_rep_alert *alert)
{
    return has_channel(rule, alert->channel) && alert->time_ms >= window->from;
}

static bool is_replaceable(const struct nba_rep_state *rep, const struct nba_rep_alert *alert)
{
    return alert->open && !alert->seen && rep->clock_ms < alert->expires_at_ms;
}

/* Is the rule of any effect here: with calendar windows only where there is a calendar. */
static bool has_window(const struct policy_capacity *rule, const struct nba_zone *zone)
{
    return rule->calendar == CAPACITY_ROLLING || zone != NULL;
}

static uint32_t used_of(const struct policy_capacity *rule, const struct window *window,
                        const struct nba_rep_state *rep)
{
    uint32_t used = 0;
    for (uint32_t i = 0; i < rep->count; i++) {
        used += counts(rule, window, &rep->alerts[i]);
    }
    return used;
}

/* ---- at the rep's task ---- */

bool nba_policy_has_capacity(const struct nba_policy *policy)
{
    return policy->capacity_count != 0;
}

bool nba_policy_limits_rep(const struct nba_policy *policy, enum nba_channel channel,
                           struct nba_str rep_id)
{
    bool limits = false;
    for (uint32_t r = 0; r < policy->capacity_count; r++) {
        limits = limits || has_channel(&policy->capacity[r], channel);
    }
    return limits && rep_id.bytes != 0;
}

void nba_policy_prune_rep(const struct nba_policy *policy, const struct nba_zone *zone,
                          struct nba_rep_state *rep)
{
    for (uint32_t i = rep->count; i > 0; i--) {
        /* An HCP's full record may have let go a sent action, and nobody says how that ended. */
        bool kept = rep->alerts[i - 1].open && rep->clock_ms < rep->alerts[i - 1].expires_at_ms;
        for (uint32_t r = 0; r < policy->capacity_count && !kept; r++) {
            const struct policy_capacity *rule = &policy->capacity[r];
            const bool asked = has_window(rule, zone);
            const struct window window =
                asked ? window_of(rule, zone, rep->clock_ms) : (struct window){INT64_MAX, 0};
            kept = counts(rule, &window, &rep->alerts[i - 1]);
        }
        if (!kept) {
            nba_rep_remove(rep, &rep->alerts[i - 1]);
        }
    }
}

bool nba_policy_admits(const struct nba_policy *policy, const struct nba_zone *zone,
                       struct nba_rep_state *rep, enum nba_channel channel, double priority,
                       struct nba_rep_alert **ret_replaced)
{
    bool candidate[NBA_REP_ALERTS_MAX];
    bool full = false;
    *ret_replaced = NULL;
    for (uint32_t i = 0; i < rep->count; i++) {
        candidate[i] = is_replaceable(rep, &rep->alerts[i]) && rep->alerts[i].priority < priority;
    }
    for (uint32_t r = 0; r < policy->capacity_count; r++) {
        const struct policy_capacity *rule = &policy->capacity[r];
        if (!has_channel(rule, channel)) {
            continue;
        }
        if (!has_window(rule, zone) || rule->max == 0) {
            return false;
        }
        const struct window window = window_of(rule, zone, rep->clock_ms);
        if (used_of(rule, &window, rep) < rule->max) {
            continue;
        }
        if (rule->when_full == CAPACITY_REFUSE) {
            return false;
        }
        full = true;
        for (uint32_t i = 0; i < rep->count; i++) {
            candidate[i] = candidate[i] && counts(rule, &window, &rep->alerts[i]);
        }
    }
    for (uint32_t i = 0; i < rep->count && full; i++) {
        if (candidate[i] &&
            (*ret_replaced == NULL || rep->alerts[i].priority <= (*ret_replaced)->priority)) {
            *ret_replaced = &rep->alerts[i];
        }
    }
    return (!full && rep->count < NBA_REP_ALERTS_MAX) || *ret_replaced != NULL;
}

/* When a rolling window has a place again: as the first one leaves that makes it full. */
static int64_t free_again(const struct policy_capacity *rule, const struct window *window,
                          const struct nba_rep_state *rep, uint32_t used)
{
    uint32_t over = used - rule->max;           /* that must leave before */
    for (uint32_t i = 0; i < rep->count; i++) { /* by time */
        if (counts(rule, window, &rep->alerts[i]) && over-- == 0) {
            return nba_duration_add(rep->alerts[i].time_ms, rule->rolling);
        }
    }
    return window->until;
}

uint32_t nba_policy_full_windows(const struct nba_policy *policy, const struct nba_zone *zone,
                                 const struct nba_rep_state *rep,
                                 struct nba_capacity_window ret_windows[NBA_CAPACITY_RULES_MAX])
{
    uint32_t count = 0;
    for (uint32_t r = 0; r < policy->capacity_count; r++) {
        const struct policy_capacity *rule = &policy->capacity[r];
        if (rule->max == 0 || !has_window(rule, zone) || rep->clock_ms == NBA_TIME_NONE) {
            continue;
        }
        const struct window window = window_of(rule, zone, rep->clock_ms);
        const uint32_t used = used_of(rule, &window, rep);
        if (used < rule->max) {
            continue;
        }
        struct nba_capacity_window *full = &ret_windows[count++];
        *full = (struct nba_capacity_window){
            .rule_id = rule->id,
            .start_ms = window.from,
            .end_ms = rule->calendar == CAPACITY_ROLLING ? free_again(rule, &window, rep, used)
                                                         : window.until,
            .max = (int32_t)rule->max,
            .used = (int32_t)used,
        };
        for (uint32_t i = 0; i < rep->count && rule->when_full != CAPACITY_REFUSE; i++) {
            const struct nba_rep_alert *alert = &rep->alerts[i];
            if (counts(rule, &window, alert) && is_replaceable(rep, alert) &&
                (!full->replaceable || alert->priority < full->lowest_priority)) {
                full->replaceable = true;
                full->lowest_priority = alert->priority;
            }
        }
    }
    return count;
}

/* ---- the table ---- */

/* One rep, with its texts behind the windows. */
struct row {
    atomic_uint refs;
    struct nba_str rep_id;
    uint32_t count;
    struct nba_capacity_window windows[];
};

struct nba_capacity_table {
    atomic_uint refs;
    struct row **rows; /* by rep_id */
    size_t count, room;
};

static void unref_row(struct row *row)
{
    if (atomic_fetch_sub_explicit(&row->refs, 1, memory_order_acq_rel) == 1) {
        free(row);
    }
}

static struct row *make_row(const struct nba_rep_capacity *message)
{
    size_t bytes = sizeof(struct row) + message->window_count * sizeof(*message->windows);
    const size_t texts_at = bytes;
    bytes += message->rep_id.bytes;
    for (uint32_t i = 0; i < message->window_count; i++) {
        bytes += message->windows[i].rule_id.bytes;
    }
    struct row *row = nba_zeros(1, bytes);
    char *text = (char *)row + texts_at;
    atomic_init(&row->refs, 1);
    row->count = message->window_count;
    row->rep_id = nba_str(text, message->rep_id.bytes);
    memcpy(text, message->rep_id.data, message->rep_id.bytes);
    text += message->rep_id.bytes;
    for (uint32_t i = 0; i < row->count; i++) {
        const struct nba_str id = message->windows[i].rule_id;
        row->windows[i] = message->windows[i];
        row->windows[i].rule_id = nba_str(text, id.bytes);
        if (id.bytes != 0) {
            memcpy(text, id.data, id.bytes);
        }
        text += id.bytes;
    }
    return row;
}

struct nba_capacity_table *nba_capacity_table_create(void)
{
    struct nba_capacity_table *table = nba_zeros(1, sizeof(*table));
    atomic_init(&table->refs, 1);
    return table;
}

struct nba_capacity_table *nba_capacity_table_ref(struct nba_capacity_table *table)
{
    atomic_fetch_add_explicit(&table->refs, 1, memory_order_relaxed);
    return table;
}

void nba_capacity_table_unref(struct nba_capacity_table *table)
{
    if (table != NULL && atomic_fetch_sub_explicit(&table->refs, 1, memory_order_acq_rel) == 1) {
        for (size_t i = 0; i < table->count; i++) {
            unref_row(table->rows[i]);
        }
        free(table->rows);
        free(table);
    }
}

/* The first row that doesn't stand before the rep. */
static size_t place_of(const struct nba_capacity_table *table, struct nba_str rep_id)
{
    size_t from = 0;
    size_t to = table->count;
    while (from < to) {
        const size_t middle = from + (to - from) / 2;
        if (nba_str_compare(table->rows[middle]->rep_id, rep_id) < 0) {
            from = middle + 1;
        } else {
            to = middle;
        }
    }
    return from;
}

static bool stands_at(const struct nba_capacity_table *table, size_t i, struct nba_str rep_id)
{
    return i < table->count && nba_str_equal(table->rows[i]->rep_id, rep_id);
}

static struct nba_capacity_table *copy_of(const struct nba_capacity_table *table)
{
    struct nba_capacity_table *copy = nba_capacity_table_create();
    copy->rows = nba_zeros(table->room + 1, sizeof(struct row *));
    copy->count = table->count;
    copy->room = table->room;
    for (size_t i = 0; i < table->count; i++) {
        copy->rows[i] = table->rows[i];
        atomic_fetch_add_explicit(&copy->rows[i]->refs, 1, memory_order_relaxed);
    }
    return copy;
}

void nba_capacity_table_put(struct nba_capacity_table **table,
                            const struct nba_rep_capacity *message)
{
    struct nba_capacity_table *t = *table;
    if (atomic_load_explicit(&t->refs, memory_order_acquire) != 1) {
        t = copy_of(*table);
        nba_capacity_table_unref(*table);
        *table = t;
    }
    const size_t i = place_of(t, message->rep_id);
    if (stands_at(t, i, message->rep_id)) {
        unref_row(t->rows[i]);
    } else {
        t->rows = nba_room(t->rows, t->count, &t->room, sizeof(struct row *));
        memmove(t->rows + i + 1, t->rows + i, (t->count - i) * sizeof(struct row *));
        t->count++;
    }
    t->rows[i] = make_row(message);
}

bool nba_capacity_table_next(const struct nba_capacity_table *table, struct nba_str prefix,
                             int64_t at_ms, size_t *at, struct nba_str *ret_id,
                             const struct nba_capacity_window **ret_window)
{
    size_t i = *at != 0 ? *at : place_of(table, prefix);
    for (; i < table->count; i++) {
        const struct row *row = table->rows[i];
        if (row->rep_id.bytes < prefix.bytes ||
            memcmp(row->rep_id.data, prefix.data, prefix.bytes) != 0) {
            break;
        }
        if (row->count != 0 && at_ms < row->windows[0].end_ms) {
            *ret_id = row->rep_id;
            *ret_window = &row->windows[0];
            *at = i + 1;
            return true;
        }
    }
    return false;
}

const struct nba_capacity_window *nba_capacity_table_find(const struct nba_capacity_table *table,
                                                          struct nba_str rep_id,
                                                          struct nba_str rule_id, int64_t at_ms)
{
    const size_t i = place_of(table, rep_id);
    if (!stands_at(table, i, rep_id)) {
        return NULL;
    }
    const struct row *row = table->rows[i];
    for (uint32_t w = 0; w < row->count; w++) {
        if (nba_str_equal(row->windows[w].rule_id, rule_id) && at_ms < row->windows[w].end_ms) {
            return &row->windows[w];
        }
    }
    return NULL;
}
