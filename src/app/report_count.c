/* Of each partition: profiles where groups are of HCPs, then decisions, then what people did. */
#include "report_count.h"

#include <stdlib.h>
#include <string.h>

#include "nba/base/memory.h"
#include "nba/base/time_text.h"

struct person {
    int64_t treated_ms, control_ms; /* INT64_MAX: never */
    uint32_t group;                 /* of specialty or region */
    uint8_t reason;                 /* of the best that the last decision stopped */
    bool engaged, converted;        /* since treated or control */
};

struct action {
    int64_t planned_ms;
    uint32_t person, group;
    uint32_t outcomes; /* bit by enum nba_outcome */
    uint8_t channel;
};

/* Items found by the hash of their id, 64 bits of XXH64: two ids with one hash would be one. */
struct table {
    struct nba_hash_index index;
    size_t count, capacity;
};

struct report_partition {
    struct table people, actions, messages, reached, passed_over;
    struct person *person;
    struct action *action;
};

/* In place of an action's number. */
#define OF_ANOTHER (UINT32_MAX - 1)

static uint64_t hash_of(struct nba_str text)
{
    return nba_xxh64(text.data, text.bytes);
}

static uint32_t find(const struct table *table, uint64_t hash)
{
    uint32_t cursor = 0;
    return nba_hash_index_next(&table->index, hash, &cursor);
}

static enum nba_status add(struct table *table, uint64_t hash, uint32_t number,
                           struct nba_error *error)
{
    if (table->index.count >= NBA_REPORT_ACTIONS_MAX) {
        return nba_error_set(error, NBA_E_LIMIT,
                             "more than %u actions or HCPs in one partition: narrow --from, --to",
                             NBA_REPORT_ACTIONS_MAX);
    }
    if (!nba_hash_index_reserve(&table->index, table->index.count + 1)) {
        return nba_error_set(error, NBA_E_NO_MEMORY, "report: out of memory");
    }
    nba_hash_index_add(&table->index, hash, number);
    return NBA_OK;
}

static bool is_of_people(const struct nba_report *report)
{
    return report->by == NBA_REPORT_BY_SPECIALTY || report->by == NBA_REPORT_BY_REGION;
}

/* The group of this name; an empty one is "(none)". */
static enum nba_status group_of(struct nba_report *report, struct nba_str name, uint32_t *ret_group,
                                struct nba_error *error)
{
    name = name.bytes != 0 ? name : nba_str_of("(none)");
    uint32_t cursor = 0;
    uint32_t g = 0;
    do {
        g = nba_hash_index_next(&report->group_index, hash_of(name), &cursor);
    } while (g != NBA_HASH_INDEX_NONE && !nba_str_is(name, report->groups[g].name));
    *ret_group = g;
    if (g != NBA_HASH_INDEX_NONE) {
        return NBA_OK;
    }
    if (!nba_hash_index_reserve(&report->group_index, (uint32_t)report->group_count + 1)) {
        return nba_error_set(error, NBA_E_NO_MEMORY, "report: out of memory");
    }
    *ret_group = (uint32_t)report->group_count;
    nba_hash_index_add(&report->group_index, hash_of(name), *ret_group);
    report->groups = nba_room(report->groups, report->group_count, &report->group_capacity,
                              sizeof(*report->groups));
    struct nba_report_group *group = &report->groups[report->group_count++];
    *group = (struct nba_report_group){.name = nba_zeros(name.bytes + 1, 1)};
    memcpy(group->name, name.data, name.bytes);
    return NBA_OK;
}

static enum nba_status person_of(struct nba_report *report, struct nba_str hcp_id,
                                 uint32_t *ret_person, struct nba_error *error)
{
    struct report_partition *p = report->partition;
    uint32_t group = 0;
    *ret_person = find(&p->people, hash_of(hcp_id));
    if (*ret_person != NBA_HASH_INDEX_NONE) {
        return NBA_OK;
    }
    enum nba_status status =
        is_of_people(report) ? group_of(report, nba_str("", 0), &group, error) : NBA_OK;
    *ret_person = (uint32_t)p->people.count;
    status = status == NBA_OK ? add(&p->people, hash_of(hcp_id), *ret_person, error) : status;
    if (status == NBA_OK) {
        p->person = nba_room(p->person, p->people.count, &p->people.capacity, sizeof(*p->person));
        p->person[p->people.count++] =
            (struct person){INT64_MAX, INT64_MAX, group, 0, false, false};
    }
    return status;
}

/* ---- what groups are made of ---- */

/* What an action or an event says of itself; the catalogue says the rest by its content. */
struct subject {
    struct nba_str content_id, brand, campaign_id, rep_id;
    enum nba_channel channel;
    uint32_t person;
};

static enum nba_status group_of_subject(struct nba_report *report, const struct subject *subject,
                                        uint32_t *ret_group, struct nba_error *error)
{
    static const struct nba_content nothing = {.brand = {"", 0}};
    const uint32_t k = nba_catalog_find_content(report->catalog, subject->content_id);
    const struct nba_content *content =
        k != NBA_CATALOG_NONE ? &report->catalog->contents[k] : &nothing;
    struct nba_str name = {"", 0};
    switch (report->by) {
    case NBA_REPORT_BY_BRAND:
        name = subject->brand.bytes != 0 ? subject->brand : content->brand;
        break;
    case NBA_REPORT_BY_CAMPAIGN:
        name = subject->campaign_id.bytes == 0 && content->campaign_ids.count != 0
                   ? content->campaign_ids.items[0]
                   : subject->campaign_id;
        break;
    case NBA_REPORT_BY_BUSINESS_UNIT:
        name = content->business_unit;
        break;
    case NBA_REPORT_BY_CHANNEL:
        name = nba_str_of(nba_channel_name(subject->channel));
        break;
    case NBA_REPORT_BY_REP:
        name = subject->rep_id;
        break;
    case NBA_REPORT_BY_SPECIALTY:
    case NBA_REPORT_BY_REGION:
        *ret_group = report->partition->person[subject->person].group;
        return NBA_OK;
    }
    return group_of(report, name, ret_group, error);
}

static enum nba_status decode_event(const struct nba_report *report,
                                    const struct nba_record *record, struct nba_event *ret_event,
                                    bool *ret_good, struct nba_error *error)
{
    struct nba_workplace *place = report->history->place;
    nba_arena_reset(&place->arena);
    const enum nba_status status =
        nba_decode_event(place->decoder, record->value, &place->arena, ret_event, error);
    *ret_good = status == NBA_OK && ret_event->hcp_id.bytes != 0;
    return nba_status_class(status) == NBA_CLASS_SKIP ? NBA_OK : status; /* a dead letter */
}

static enum nba_status take_profile(void *context, const struct nba_record *record,
                                    struct nba_error *error)
{
    struct nba_report *report = context;
    struct nba_event event;
    bool good = false;
    uint32_t person = 0;
    enum nba_status status = decode_event(report, record, &event, &good, error);
    if (status != NBA_OK || !good || event.profile == NULL) {
        return status;
    }
    const struct nba_profile *profile = event.profile;
    const struct nba_str name = report->by == NBA_REPORT_BY_REGION ? profile->region
                                : profile->specialties.count != 0  ? profile->specialties.items[0]
                                                                   : nba_str("", 0);
    status = person_of(report, event.hcp_id, &person, error);
    return status == NBA_OK && name.bytes != 0
               ? group_of(report, name, &report->partition->person[person].group, error)
               : status;
}

/* ---- decisions ---- */

/* Is it the first time that something is proposed to this person in this group. */
static enum nba_status reach(struct nba_report *report, uint32_t person, uint32_t group,
                             struct nba_error *error)
{
    struct report_partition *p = report->partition;
    const uint64_t pair = (uint64_t)group << 32 | person;
    if (find(&p->reached, nba_xxh64(&pair, sizeof(pair))) != NBA_HASH_INDEX_NONE) {
        return NBA_OK;
    }
    report->groups[group].counts.reach++;
    return add(&p->reached, nba_xxh64(&pair, sizeof(pair)), 0, error);
}

static enum nba_status take_selected(struct nba_report *report, const struct nba_action *selected,
                                     uint32_t person, struct nba_error *error)
{
    struct report_partition *p = report->partition;
    const struct subject subject = {selected->content_id, selected->brand,   selected->campaign_id,
                                    selected->rep_id,     selected->channel, person};
    struct action action = {.planned_ms = selected->not_before_ms != NBA_TIME_NONE
                                              ? selected->not_before_ms
                                              : selected->time_ms,
                            .person = person,
                            .channel = (uint8_t)selected->channel};
    const uint64_t hash = hash_of(selected->action_id);
    if (find(&p->actions, hash) != NBA_HASH_INDEX_NONE) {
        return NBA_OK; /* told again by the record of its release */
    }
    const bool done = group_of_subject(report, &subject, &action.group, error) == NBA_OK &&
                      reach(report, person, action.group, error) == NBA_OK &&
                      add(&p->actions, hash, (uint32_t)p->actions.count, error) == NBA_OK;
    if (!done) {
        return nba_outcome(false, error);
    }
    p->action = nba_room(p->action, p->actions.count, &p->actions.capacity, sizeof(*p->action));
    p->action[p->actions.count++] = action;
    report->total.proposed++;
    report->groups[action.group].counts.proposed++;
    return NBA_OK;
}

static void take_closed(struct nba_report *report, const struct nba_closed_action *closed)
{
    const uint32_t a = find(&report->partition->actions, hash_of(closed->action_id));
    report->taken_back[closed->reason]++;
    if (a != NBA_HASH_INDEX_NONE) {
        report->total.taken_back++;
        report->groups[report->partition->action[a].group].counts.taken_back++;
    }
}

/* Reasons of a decision, and of its best candidate that was stopped. */
static void take_reasons(struct nba_report *report, const struct nba_decision *decision,
                         struct person *person)
{
    int32_t most = 0;
    report->decisions++;
    report->candidates += (uint64_t)decision->candidate_count;
    for (unsigned n = 1; n <= NBA_REASON_NUMBER_MAX; n++) {
        report->stopped[n] += (uint64_t)decision->reason_count[n];
        if (decision->reason_count[n] > most) {
            most = decision->reason_count[n];
            person->reason = (uint8_t)n;
        }
    }
    if (decision->suppressed_count != 0) {
        person->reason = (uint8_t)decision->suppressed[0].reason;
    }
}

/* Where the input of a record stood, from its header src = <topic>/<partition>/<offset>. */
static bool input_of(const struct nba_record *record, uint64_t *ret_hash)
{
    for (uint32_t i = 0; i < record->header_count; i++) {
        if (nba_str_is(record->headers[i].name, "src")) {
            *ret_hash = hash_of(record->headers[i].value);
            return true;
        }
    }
    return false;
}

static enum nba_status take_decision(void *context, const struct nba_record *record,
                                     struct nba_error *error)
{
    struct nba_report *report = context;
    struct report_partition *p = report->partition;
    struct nba_workplace *place = report->history->place;
    struct nba_decision decision;
    uint64_t input = 0;
    uint32_t index = 0;
    nba_arena_reset(&place->arena);
    enum nba_status status =
        nba_decode_decision(place->decoder, record->value, &place->arena, &decision, error);
    if (status != NBA_OK) {
        return status;
    }
    if ((decision.reason == NBA_REASON_DUPLICATE_EVENT || decision.reason == NBA_REASON_ERASED) &&
        input_of(record, &input)) {
        return add(&p->passed_over, input, 0, error);
    }
    if (decision.hcp_id.bytes == 0 || decision.decision_time_ms < report->from_ms ||
        decision.decision_time_ms >= report->to_ms) {
        return NBA_OK;
    }
    status = person_of(report, decision.hcp_id, &index, error);
    for (uint32_t i = 0; i < decision.selected_count && status == NBA_OK; i++) {
        status = take_selected(report, &decision.selected[i], index, error);
    }
    if (status != NBA_OK) {
        return status;
    }
    struct person *person = &p->person[index];
    const int64_t now = decision.decision_time_ms;
    if (decision.selected_count != 0 && now < person->treated_ms) {
        person->treated_ms = now;
    }
    if (decision.reason_count[NBA_REASON_CONTROL_GROUP] != 0 && now < person->control_ms) {
        person->control_ms = now;
    }
    if (decision.kind == NBA_DECISION_DECIDED) {
        take_reasons(report, &decision, person);
    }
    for (uint32_t i = 0; i < decision.closed_count; i++) {
        take_closed(report, &decision.closed[i]);
    }
    return NBA_OK;
}

/* ---- what people did ---- */

static void count_dismissal(struct nba_report *report, uint32_t group, struct nba_str reason)
{
    reason = reason.bytes != 0 ? reason : nba_str_of("(none)");
    for (size_t i = 0; i < report->dismissal_count; i++) {
        if (report->dismissals[i].group == group &&
            nba_str_is(reason, report->dismissals[i].reason)) {
            report->dismissals[i].count++;
            return;
        }
    }
    report->dismissals = nba_room(report->dismissals, report->dismissal_count,
                                  &report->dismissal_capacity, sizeof(*report->dismissals));
    struct nba_report_dismissal *new = &report->dismissals[report->dismissal_count++];
    *new = (struct nba_report_dismissal){group, nba_zeros(reason.bytes + 1, 1), 1};
    memcpy(new->reason, reason.data, reason.bytes);
}

/* The action that an event answers; NBA_HASH_INDEX_NONE: none, OF_ANOTHER: one that isn't of the
 * period.  A message is the action's that an event named together with it. */
static enum nba_status join(struct report_partition *p, const struct nba_event *event,
                            uint32_t *ret_action, struct nba_error *error)
{
    uint32_t a = NBA_HASH_INDEX_NONE;
    if (event->action_id.bytes != 0) {
        a = find(&p->actions, hash_of(event->action_id));
        a = a != NBA_HASH_INDEX_NONE ? a : OF_ANOTHER;
    }
    enum nba_status status = NBA_OK;
    if (event->message_id.bytes != 0) {
        const uint32_t known = find(&p->messages, hash_of(event->message_id));
        if (a != NBA_HASH_INDEX_NONE && known == NBA_HASH_INDEX_NONE) {
            status = add(&p->messages, hash_of(event->message_id), a, error);
        }
        a = a != NBA_HASH_INDEX_NONE ? a : known;
    }
    *ret_action = a;
    return status;
}

static void count_outcome(struct nba_report_counts *counts, enum nba_outcome outcome, bool first,
                          double value)
{
    counts->unique[outcome] += first;
    counts->events[outcome]++;
    counts->value += outcome == NBA_OUTCOME_CONVERTED ? value : 0;
}

static void count_rest(struct nba_report_counts *counts, enum nba_outcome outcome, double value)
{
    counts->rest[outcome]++;
    counts->rest_value += outcome == NBA_OUTCOME_CONVERTED ? value : 0;
}

/* As the engine takes it: who didn't like a slide hasn't viewed it for our purposes. */
static enum nba_outcome outcome_of(const struct nba_event *event)
{
    return event->type == NBA_EVENT_CLM_SLIDE_VIEWED && event->reaction < 0
               ? NBA_OUTCOME_NONE
               : nba_event_type_outcome(event->type);
}

static void count_answer(struct nba_report *report, const struct nba_event *event,
                         struct action *action)
{
    const enum nba_outcome outcome = outcome_of(event);
    const uint32_t sent = 1u << NBA_OUTCOME_SENT;
    if ((action->outcomes & sent) != 0 &&
        (event->type == NBA_EVENT_EMAIL_BOUNCED || event->type == NBA_EVENT_EMAIL_DROPPED ||
         event->type == NBA_EVENT_ACTION_NOT_SENT)) {
        action->outcomes &= ~sent; /* counts as sent no more */
        report->total.unique[NBA_OUTCOME_SENT]--;
        report->groups[action->group].counts.unique[NBA_OUTCOME_SENT]--;
    }
    if (outcome == NBA_OUTCOME_NONE) {
        return;
    }
    const bool first = (action->outcomes >> (unsigned)outcome & 1) == 0;
    action->outcomes |= 1u << (unsigned)outcome;
    count_outcome(&report->total, outcome, first, event->value);
    count_outcome(&report->groups[action->group].counts, outcome, first, event->value);
    if (first && outcome == NBA_OUTCOME_DISMISSED) {
        count_dismissal(report, action->group, event->dismiss_reason);
    }
}

static enum nba_status take_outcome(struct nba_report *report, const struct nba_event *event,
                                    uint32_t person, uint32_t a, struct nba_error *error)
{
    const enum nba_outcome outcome = outcome_of(event);
    struct report_partition *p = report->partition;
    if (a == OF_ANOTHER) {
        return NBA_OK;
    }
    if (a != NBA_HASH_INDEX_NONE &&
        event->event_time_ms < nba_policy_reward_until(report->policy,
                                                       (enum nba_channel)p->action[a].channel,
                                                       p->action[a].planned_ms)) {
        count_answer(report, event, &p->action[a]);
        return NBA_OK;
    }
    if (outcome == NBA_OUTCOME_NONE) {
        return NBA_OK;
    }
    uint32_t group = 0;
    const struct subject subject = {event->content_id,        event->brand,
                                    event->campaign_id,       event->rep_id,
                                    nba_event_channel(event), person};
    const enum nba_status status = group_of_subject(report, &subject, &group, error);
    if (status == NBA_OK) {
        count_rest(&report->total, outcome, event->value);
        count_rest(&report->groups[group].counts, outcome, event->value);
    }
    return status;
}

static enum nba_status take_event(void *context, const struct nba_record *record,
                                  struct nba_error *error)
{
    struct nba_report *report = context;
    struct report_partition *p = report->partition;
    struct nba_event event;
    struct nba_buf *src = &report->history->place->out; /* borrowed for a line */
    const size_t before = src->bytes;
    bool good = false;
    uint32_t index = 0;
    enum nba_status status = decode_event(report, record, &event, &good, error);
    if (status != NBA_OK || !good) {
        return status;
    }
    nba_buf_printf(src, "%.*s/%d/%lld", NBA_STR_ARG(record->topic), (int)record->partition,
                   (long long)record->offset);
    const uint64_t input = nba_xxh64(src->data + before, src->bytes - before);
    src->bytes = before;
    if (find(&p->passed_over, input) != NBA_HASH_INDEX_NONE) {
        return NBA_OK;
    }
    uint32_t action = NBA_HASH_INDEX_NONE;
    const bool known = person_of(report, event.hcp_id, &index, error) == NBA_OK &&
                       join(p, &event, &action, error) == NBA_OK;
    if (!known || event.bot != NBA_BOT_NONE || event.event_time_ms < report->from_ms ||
        event.event_time_ms >= report->to_ms) {
        return nba_outcome(known, error);
    }
    struct person *person = &p->person[index];
    const int64_t since =
        person->treated_ms < person->control_ms ? person->treated_ms : person->control_ms;
    if (event.event_time_ms > since) {
        person->engaged = person->engaged || nba_event_in_ring(&event);
        person->converted = person->converted || event.type == NBA_EVENT_CONVERSION;
    }
    return take_outcome(report, &event, index, action, error);
}

/* ---- a partition ---- */

static void fold_people(struct nba_report *report)
{
    const struct report_partition *p = report->partition;
    for (size_t i = 0; i < p->people.count; i++) {
        const struct person *person = &p->person[i];
        const bool treated = person->treated_ms != INT64_MAX;
        const bool control = person->control_ms != INT64_MAX;
        struct nba_report_arm *arm = treated ? &report->treated : &report->control;
        report->people++;
        report->total.reach += treated;
        report->without_action[person->reason] += !treated;
        report->both_arms += treated && control;
        if (treated != control) {
            arm->people++;
            arm->engaged += person->engaged;
            arm->converted += person->converted;
        }
    }
}

static void clear_partition(struct report_partition *p)
{
    nba_hash_index_clear(&p->people.index);
    nba_hash_index_clear(&p->actions.index);
    nba_hash_index_clear(&p->messages.index);
    nba_hash_index_clear(&p->reached.index);
    nba_hash_index_clear(&p->passed_over.index);
    free(p->person);
    free(p->action);
}

static enum nba_status count_partition(struct nba_report *report, int32_t number,
                                       struct nba_error *error)
{
    struct nba_history *history = report->history;
    const struct nba_config_topics *topics = &history->place->config.topics;
    struct report_partition partition = {.person = NULL};
    report->partition = &partition;
    const bool done =
        (!is_of_people(report) || nba_history_walk(history, topics->engagement, number,
                                                   take_profile, report, error) == NBA_OK) &&
        nba_history_walk(history, topics->decision, number, take_decision, report, error) ==
            NBA_OK &&
        nba_history_walk(history, topics->engagement, number, take_event, report, error) == NBA_OK;
    if (done) {
        fold_people(report);
    }
    clear_partition(&partition);
    report->partition = NULL;
    return nba_outcome(done, error);
}

/* ---- the whole ---- */

struct building {
    struct nba_workplace *place;
    struct nba_catalog_builder *builder;
};

static enum nba_status take_reference(void *context, const struct nba_record *record,
                                      struct nba_error *error)
{
    struct building *b = context;
    struct nba_reference reference;
    nba_arena_reset(&b->place->arena);
    if (record->value_null) {
        return NBA_OK; /* a report of the past still says whose a withdrawn content was */
    }
    enum nba_status status =
        nba_decode_reference(b->place->decoder, record->value, &b->place->arena, &reference, error);
    status = status == NBA_OK ? nba_catalog_builder_apply(b->builder, &reference, error) : status;
    /* What the engine passes over, tools pass over. */
    return nba_status_class(status) == NBA_CLASS_SKIP || status == NBA_E_EXISTS ? NBA_OK : status;
}

enum nba_status nba_report_count(struct nba_report *report, struct nba_history *history,
                                 struct nba_error *error)
{
    const struct nba_config_topics *topics = &history->place->config.topics;
    struct building building = {history->place, nba_catalog_builder_create()};
    struct nba_catalog *catalog = NULL;
    struct nba_policy *policy = NULL;
    int32_t counts[2] = {0, 0};
    report->history = history;
    const bool done =
        nba_policy_load(history->place->config.policy_file, &policy, error) == NBA_OK &&
        nba_history_walk(history, topics->catalog, 0, take_reference, &building, error) == NBA_OK &&
        nba_catalog_builder_build(building.builder, &catalog, error) == NBA_OK &&
        nba_history_partitions(history, topics->decision, &counts[0], error) == NBA_OK &&
        nba_history_partitions(history, topics->engagement, &counts[1], error) == NBA_OK;
    enum nba_status status = nba_outcome(done, error);
    report->catalog = catalog;
    report->policy = policy;
    const int32_t count = counts[0] > counts[1] ? counts[0] : counts[1];
    for (int32_t p = 0; p < count && status == NBA_OK; p++) {
        status = count_partition(report, p, error);
    }
    nba_policy_unref(policy);
    nba_catalog_unref(catalog);
    nba_catalog_builder_destroy(building.builder);
    report->policy = NULL;
    report->catalog = NULL;
    return status;
}

void nba_report_clear(struct nba_report *report)
{
    for (size_t i = 0; i < report->group_count; i++) {
        free(report->groups[i].name);
    }
    for (size_t i = 0; i < report->dismissal_count; i++) {
        free(report->dismissals[i].reason);
    }
    free(report->groups);
    free(report->dismissals);
    nba_hash_index_clear(&report->group_index);
}
