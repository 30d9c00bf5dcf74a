/* Reading a run's topics, and the lists of `then` made of what is there. */
#include "outputs.h"

#include <stdlib.h>

#include "nba/base/memory.h"

#define ARENA_BYTES ((size_t)1 << 30)

static struct nba_str header_of(const struct nba_record *record, const char *name)
{
    for (uint32_t i = 0; i < record->header_count; i++) {
        if (nba_str_is(record->headers[i].name, name)) {
            return record->headers[i].value;
        }
    }
    return nba_str(NULL, 0);
}

static struct out_place place_of(const struct outputs *outputs, const struct nba_record *record,
                                 enum out_topic topic)
{
    const struct run *run = outputs->run;
    uint32_t step = STEP_NONE;
    for (uint32_t s = 0; s < run->scenario->step_count; s++) {
        if (record->offset >= progress_end(run, s, topic)[record->partition] &&
            record->offset < progress_end(run, s + 1, topic)[record->partition]) {
            step = s;
        }
    }
    return (struct out_place){record->partition, record->offset, step, header_of(record, "src")};
}

static enum nba_status take_action(void *context, const struct nba_record *record,
                                   struct nba_error *error)
{
    struct outputs *outputs = context;
    outputs->actions = nba_room(outputs->actions, outputs->action_count, &outputs->action_capacity,
                                sizeof(*outputs->actions));
    struct out_action *out = &outputs->actions[outputs->action_count];
    *out = (struct out_action){.place = place_of(outputs, record, OUT_ACTION)};
    const enum nba_status status =
        nba_decode_action(outputs->decoder, record->value, &outputs->arena, &out->action, error);
    if (status != NBA_OK) {
        return status;
    }
    int64_t time_ms = 0;
    if (nba_time_parse(header_of(record, "ce_time"), &time_ms)) {
        out->action.time_ms = time_ms;
    }
    for (size_t i = 0; i < outputs->action_count; i++) {
        const struct nba_action *before = &outputs->actions[i].action;
        out->repeated = out->repeated || (before->status == out->action.status &&
                                          nba_str_equal(before->action_id, out->action.action_id));
    }
    outputs->action_count++;
    return NBA_OK;
}

static enum nba_status take_decision(void *context, const struct nba_record *record,
                                     struct nba_error *error)
{
    struct outputs *outputs = context;
    outputs->decisions = nba_room(outputs->decisions, outputs->decision_count,
                                  &outputs->decision_capacity, sizeof(*outputs->decisions));
    struct out_decision *out = &outputs->decisions[outputs->decision_count];
    out->place = place_of(outputs, record, OUT_DECISION);
    const enum nba_status status = nba_decode_decision(outputs->decoder, record->value,
                                                       &outputs->arena, &out->decision, error);
    outputs->decision_count += status == NBA_OK ? 1 : 0;
    return status;
}

static enum nba_status take_slate(void *context, const struct nba_record *record,
                                  struct nba_error *error)
{
    struct outputs *outputs = context;
    (void)error;
    if (record->value_null) {
        outputs->tombstones = nba_room(outputs->tombstones, outputs->tombstone_count,
                                       &outputs->tombstone_capacity, sizeof(struct out_note));
        outputs->tombstones[outputs->tombstone_count++] =
            (struct out_note){place_of(outputs, record, OUT_SLATE), record->key, {NULL, 0}};
    }
    return NBA_OK;
}

static enum nba_status take_deadletter(void *context, const struct nba_record *record,
                                       struct nba_error *error)
{
    struct outputs *outputs = context;
    (void)error;
    outputs->deadletters = nba_room(outputs->deadletters, outputs->deadletter_count,
                                    &outputs->deadletter_capacity, sizeof(struct out_note));
    outputs->deadletters[outputs->deadletter_count++] = (struct out_note){
        place_of(outputs, record, OUT_DEADLETTER), record->key, header_of(record, "reason")};
    return NBA_OK;
}

static int compare_decisions(const void *a, const void *b)
{
    const struct out_decision *x = a;
    const struct out_decision *y = b;
    const int64_t keys[][2] = {{x->place.step, y->place.step},
                               {x->decision.decision_time_ms, y->decision.decision_time_ms},
                               {x->place.partition, y->place.partition},
                               {x->place.offset, y->place.offset}};
    for (size_t i = 0; i < NBA_ARRAY_COUNT(keys); i++) {
        if (keys[i][0] != keys[i][1]) {
            return keys[i][0] < keys[i][1] ? -1 : 1;
        }
    }
    return 0;
}

enum nba_status nba_outputs_read(struct run *run, struct outputs *ret_outputs,
                                 struct nba_error *error)
{
    const struct nba_config_topics *topics = &run->config.topics;
    struct outputs *outputs = ret_outputs;
    *outputs = (struct outputs){.run = run};
    outputs->decoder = nba_decoder_create(run->options->schemas);
    nba_arena_init(&outputs->arena, ARENA_BYTES);
    const bool done =
        nba_collect_topic(run->stream, topics->action, take_action, outputs, error) == NBA_OK &&
        nba_collect_topic(run->stream, topics->decision, take_decision, outputs, error) == NBA_OK &&
        nba_collect_topic(run->stream, topics->slate, take_slate, outputs, error) == NBA_OK &&
        nba_collect_topic(run->stream, topics->deadletter, take_deadletter, outputs, error) ==
            NBA_OK;
    if (done && outputs->decision_count != 0) {
        qsort(outputs->decisions, outputs->decision_count, sizeof(*outputs->decisions),
              compare_decisions);
    }
    return done ? NBA_OK : error->status;
}

/* ---- lists ---- */

static bool is_of(const struct out_decision *record, uint32_t step, struct nba_str decision)
{
    return record->place.step == step &&
           (decision.bytes == 0 || nba_str_equal(record->decision.decision_id, decision));
}

/* The record of the step that an action belongs to: that of its decision, else the one with which
 * it went out; decision_count: none. */
static size_t record_of(const struct outputs *outputs, const struct out_action *action)
{
    size_t by_src = outputs->decision_count;
    for (size_t i = 0; i < outputs->decision_count; i++) {
        const struct out_decision *record = &outputs->decisions[i];
        if (record->place.step != action->place.step) {
            continue;
        }
        if (nba_str_equal(record->decision.decision_id, action->action.decision_id)) {
            return i;
        }
        if (nba_str_equal(record->place.src, action->place.src)) {
            by_src = by_src < i ? by_src : i;
        }
    }
    return by_src;
}

/* Did it go out with the record of this decision, or does it belong to it? */
static bool is_narrowed(const struct outputs *outputs, const struct out_action *action,
                        struct nba_str decision)
{
    bool found = decision.bytes == 0 || nba_str_equal(action->action.decision_id, decision);
    for (size_t i = 0; i < outputs->decision_count && !found; i++) {
        const struct out_decision *record = &outputs->decisions[i];
        found = is_of(record, action->place.step, decision) &&
                nba_str_equal(record->place.src, action->place.src);
    }
    return found;
}

static bool is_said(const struct outputs *outputs, uint32_t step, struct nba_str action_id,
                    enum nba_action_status status)
{
    bool said = false;
    for (size_t i = 0; i < outputs->action_count && !said; i++) {
        const struct out_action *out = &outputs->actions[i];
        said = out->place.step == step && out->action.status == status &&
               nba_str_equal(out->action.action_id, action_id);
    }
    return said;
}

static void add(struct out_list *list, const void *item)
{
    list->items[list->count++] = item;
}

struct ranked {
    const struct nba_action *action;
    size_t record;
};

static int compare_ranked(const void *a, const void *b)
{
    const struct ranked *x = a;
    const struct ranked *y = b;
    if (x->record != y->record) {
        return x->record < y->record ? -1 : 1;
    }
    const int order = nba_str_compare(x->action->decision_id, y->action->decision_id);
    return order != 0 ? order : x->action->rank - y->action->rank;
}

static int compare_ids(const void *a, const void *b)
{
    const struct nba_action *x = *(const struct nba_action *const *)a;
    const struct nba_action *y = *(const struct nba_action *const *)b;
    return nba_str_compare(x->action_id, y->action_id);
}

static void list_messages(struct outputs *outputs, struct out_list *list, uint32_t step,
                          struct nba_str decision, enum nba_action_status status)
{
    struct ranked *ranked = nba_zeros(outputs->action_count + 1, sizeof(*ranked));
    for (size_t i = 0; i < outputs->action_count; i++) {
        const struct out_action *out = &outputs->actions[i];
        if (out->place.step == step && out->action.status == status && !out->repeated &&
            is_narrowed(outputs, out, decision)) {
            const size_t record = record_of(outputs, out);
            /* Of no record here: an earlier decision's, and before those of this step. */
            ranked[list->count++] =
                (struct ranked){&out->action, record == outputs->decision_count ? 0 : record + 1};
        }
    }
    qsort(ranked, list->count, sizeof(*ranked), compare_ranked);
    for (size_t i = 0; i < list->count; i++) {
        list->items[i] = ranked[i].action;
    }
    free(ranked);
    if (status == NBA_ACTION_RECALLED && list->count != 0) {
        qsort((void *)list->items, list->count, sizeof(*list->items), compare_ids);
    }
}

/* Selected with a time to come: no message yet. */
static void list_held(struct outputs *outputs, struct out_list *list,
                      const struct out_decision *record)
{
    const struct nba_decision *decision = &record->decision;
    for (uint32_t i = 0; i < decision->selected_count; i++) {
        const struct nba_action *selected = &decision->selected[i];
        if (!is_said(outputs, record->place.step, selected->action_id, NBA_ACTION_PROPOSED) &&
            selected->not_before_ms != NBA_TIME_NONE &&
            selected->not_before_ms > decision->decision_time_ms) {
            struct nba_action *held = nba_arena_need(&outputs->arena, sizeof(*held));
            *held = *selected;
            held->recall_reason = NBA_REASON_HELD_QUIET_HOURS;
            add(list, held);
        }
    }
}

static struct nba_str content_of(const struct outputs *outputs, struct nba_str action_id)
{
    for (size_t i = 0; i < outputs->decision_count; i++) {
        const struct nba_decision *decision = &outputs->decisions[i].decision;
        for (uint32_t s = 0; s < decision->selected_count; s++) {
            if (nba_str_equal(decision->selected[s].action_id, action_id)) {
                return decision->selected[s].content_id;
            }
        }
    }
    return nba_str(NULL, 0);
}

static void list_dropped(struct outputs *outputs, struct out_list *list,
                         const struct out_decision *record)
{
    const struct nba_decision *decision = &record->decision;
    for (uint32_t i = 0; i < decision->closed_count; i++) {
        const struct nba_closed_action *closed = &decision->closed[i];
        if (!is_said(outputs, record->place.step, closed->action_id, NBA_ACTION_RECALLED)) {
            struct nba_action *dropped = nba_arena_need(&outputs->arena, sizeof(*dropped));
            memset(dropped, 0, sizeof(*dropped));
            dropped->action_id = closed->action_id;
            dropped->content_id = content_of(outputs, closed->action_id);
            dropped->recall_reason = closed->reason;
            add(list, dropped);
        }
    }
}

struct out_list nba_outputs_list(struct outputs *outputs, enum list_kind kind, uint32_t step,
                                 struct nba_str decision)
{
    size_t most = outputs->action_count + 1;
    for (size_t i = 0; i < outputs->decision_count; i++) {
        const struct nba_decision *d = &outputs->decisions[i].decision;
        most += (size_t)d->selected_count + d->suppressed_count + d->closed_count;
    }
    struct out_list list = {nba_arena_need(&outputs->arena, most * sizeof(*list.items)), 0};
    if (kind == LIST_PROPOSED || kind == LIST_RECALLED) {
        list_messages(outputs, &list, step, decision,
                      kind == LIST_PROPOSED ? NBA_ACTION_PROPOSED : NBA_ACTION_RECALLED);
        return list;
    }
    for (size_t i = 0; i < outputs->decision_count; i++) {
        const struct out_decision *record = &outputs->decisions[i];
        if (!is_of(record, step, decision)) {
            continue;
        }
        if (kind == LIST_HELD) {
            list_held(outputs, &list, record);
        } else if (kind == LIST_DROPPED) {
            list_dropped(outputs, &list, record);
        } else {
            for (uint32_t s = 0; s < record->decision.suppressed_count; s++) {
                if (record->decision.suppressed[s].reason != NBA_REASON_HELD_QUIET_HOURS) {
                    add(&list, &record->decision.suppressed[s]);
                }
            }
        }
    }
    if (kind == LIST_DROPPED && list.count != 0) {
        qsort((void *)list.items, list.count, sizeof(*list.items), compare_ids);
    }
    return list;
}

const struct out_decision *nba_outputs_record(const struct outputs *outputs, uint32_t step,
                                              struct nba_str decision)
{
    const char *input = outputs->run->config.topics.engagement;
    const enum step_kind kind = outputs->run->scenario->steps[step].kind;
    const bool has_input = kind == STEP_EVENT || kind == STEP_CLOCK;
    for (size_t i = 0; i < outputs->decision_count; i++) {
        const struct out_decision *record = &outputs->decisions[i];
        const struct nba_str src = record->place.src;
        const bool of_input = src.bytes > strlen(input) &&
                              memcmp(src.data, input, strlen(input)) == 0 &&
                              src.data[strlen(input)] == '/';
        if (is_of(record, step, decision) && (decision.bytes != 0 || !has_input || of_input)) {
            return record;
        }
    }
    return NULL;
}
