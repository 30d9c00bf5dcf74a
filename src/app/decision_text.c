/* Lines of at most some 110 characters, the same for every terminal. */
#include "decision_text.h"

#include "nba/app/walk.h"
#include "nba/base/hash.h"
#include "nba/base/zone.h"
#include "nba/policy/policy.h"

struct search {
    struct nba_workplace *place;
    const char *hcp_id;
    bool (*matches)(const struct nba_decision *decision);
    struct nba_buf *found;
};

static enum nba_status decode(struct nba_workplace *place, struct nba_str value,
                              struct nba_decision *ret_decision, struct nba_error *error)
{
    nba_arena_reset(&place->arena);
    return nba_decode_decision(place->decoder, value, &place->arena, ret_decision, error);
}

static enum nba_status look_at(void *context, const struct nba_record *record,
                               struct nba_error *error)
{
    const struct search *search = context;
    struct nba_decision decision;
    if (!nba_str_is(record->key, search->hcp_id)) {
        return NBA_OK;
    }
    const enum nba_status status = decode(search->place, record->value, &decision, error);
    if (status == NBA_OK && search->matches(&decision)) {
        nba_buf_reset(search->found);
        nba_buf_append_str(search->found, record->value);
    }
    return status;
}

/* The HCP's own partition first; a producer with another partitioner may have put it elsewhere. */
enum nba_status nba_decision_find(struct nba_workplace *place, const char *hcp_id,
                                  bool (*matches)(const struct nba_decision *decision),
                                  struct nba_buf *found, struct nba_error *error)
{
    struct search search = {place, hcp_id, matches, found};
    const char *topic = place->config.topics.decision;
    int32_t count = 0;
    enum nba_status status = nba_stream_topic_partitions(place->stream, topic, &count, error);
    nba_buf_reset(found);
    for (int32_t i = 0; status == NBA_OK && found->bytes == 0 && i < count; i++) {
        const int32_t home = nba_partition_of_key(nba_str_of(hcp_id), count);
        int64_t position = 0;
        status = nba_walk_partition(place->stream, topic, (home + i) % count, &position, look_at,
                                    &search, error);
    }
    return status;
}

enum nba_status nba_decision_explain_top(const struct nba_config *config, uint32_t *ret_top,
                                         struct nba_error *error)
{
    struct nba_policy *policy = NULL;
    const enum nba_status status = nba_policy_load(config->policy_file, &policy, error);
    if (status != NBA_OK && status != NBA_E_NOT_FOUND) {
        return status;
    }
    *ret_top = policy != NULL ? nba_policy_head(policy)->explain_top : NBA_POLICY_EXPLAIN_TOP;
    nba_policy_unref(policy);
    return NBA_OK;
}

static void print_evidence(const struct nba_str_list *evidence, struct nba_buf *buf)
{
    for (uint32_t i = 0; i < evidence->count; i++) {
        nba_buf_printf(buf, "%s%.*s", i == 0 ? " because of " : ", ",
                       NBA_STR_ARG(evidence->items[i]));
    }
}

const struct nba_held *nba_decision_held(const struct nba_decision *decision,
                                         struct nba_str action_id)
{
    uint32_t i = 0;
    while (i < decision->held_count && !nba_str_equal(decision->held[i].action_id, action_id)) {
        i++;
    }
    return i < decision->held_count ? &decision->held[i] : NULL;
}

/* "held until 2026-11-01T12:00:00Z (07:00 of 2026-11-01 in America/New_York)" */
static void print_held(const struct nba_decision *decision, struct nba_str action_id,
                       struct nba_buf *buf)
{
    const struct nba_held *held = nba_decision_held(decision, action_id);
    const struct nba_zone *zone = held != NULL ? nba_zone_find(held->tz) : NULL;
    char until[NBA_TIME_TEXT_BYTES];
    if (held == NULL) {
        return;
    }
    nba_time_format(held->until_ms, until);
    nba_buf_printf(buf, "     held until %s", until);
    if (zone != NULL) {
        const struct nba_local local = nba_zone_local(zone, held->until_ms);
        nba_buf_printf(buf, " (%02u:%02u of %04d-%02u-%02u in %.*s)", local.hour, local.minute,
                       (int)local.year, local.month, local.day, NBA_STR_ARG(held->tz));
    }
    nba_buf_printf(buf, ": %s\n",
                   held->reason != NBA_REASON_NONE ? nba_reason_name(held->reason)
                                                   : "the best time to send");
}

static void print_selected(const struct nba_decision *decision, const struct nba_action *action,
                           struct nba_buf *buf)
{
    char expires[NBA_TIME_TEXT_BYTES];
    const struct nba_str what = action->content_id.bytes != 0 /* a trigger's may have none */
                                    ? action->content_id
                                    : nba_str_of(nba_action_type_name(action->action_type));
    nba_time_format(action->expires_at_ms, expires);
    nba_buf_printf(
        buf, "  %d. %.*s by %s, priority %.4f (P %.4f x C %.2f x V %.2f x L %.2f), until %s\n",
        (int)action->rank, NBA_STR_ARG(what), nba_channel_name(action->channel), action->priority,
        action->propensity, action->context_weight, action->value, action->lever_weight, expires);
    print_held(decision, action->action_id, buf);
    for (uint32_t i = 0; i < action->driver_count; i++) {
        const struct nba_action_driver *driver = &action->drivers[i];
        nba_buf_printf(buf, "     %s: %.*s", nba_driver_name(driver->code),
                       NBA_STR_ARG(driver->text));
        print_evidence(&driver->evidence_event_ids, buf);
        nba_buf_append_byte(buf, '\n');
    }
}

/* "stopped at limits by email_7d: 1 of 1 used because of ev-1; free 2026-11-27T15:30:00Z" */
static void print_limited(const struct nba_suppressed *s, struct nba_buf *buf)
{
    nba_buf_printf(buf, " by %.*s: %.0f of %.0f used", NBA_STR_ARG(s->rule_id), s->counter,
                   s->limit);
    print_evidence(&s->evidence_event_ids, buf);
    if (s->retry_after_ms != NBA_TIME_NONE) {
        char free[NBA_TIME_TEXT_BYTES];
        nba_time_format(s->retry_after_ms, free);
        nba_buf_printf(buf, "; free %s", free);
    }
    nba_buf_append_byte(buf, '\n');
}

static void print_suppressed(const struct nba_suppressed *s, struct nba_buf *buf)
{
    const char *stage = nba_stage_name(nba_reason_stage(s->reason));
    nba_buf_printf(buf, "  %.*s %s, unconstrained rank %d, priority %.4f, stopped at %s",
                   NBA_STR_ARG(s->content_id), nba_action_type_name(s->action_type),
                   (int)s->unconstrained_rank, (double)s->priority, stage);
    if (nba_reason_stage(s->reason) == NBA_STAGE_LIMITS) {
        print_limited(s, buf);
        return;
    }
    nba_buf_printf(buf, ": %s", nba_reason_name(s->reason));
    if (s->rule_id.bytes != 0) {
        nba_buf_printf(buf, " by %.*s", NBA_STR_ARG(s->rule_id));
    }
    if (nba_reason_stage(s->reason) == NBA_STAGE_PROPENSITY) {
        nba_buf_printf(buf, ": %.6g, less than %.6g", s->counter, s->limit);
    }
    print_evidence(&s->evidence_event_ids, buf);
    if (s->until_ms != NBA_TIME_NONE) {
        char until[NBA_TIME_TEXT_BYTES];
        nba_time_format(s->until_ms, until);
        nba_buf_printf(buf, ", until %s", until);
    }
    nba_buf_append_byte(buf, '\n');
}

static void print_decision(const struct nba_decision *decision, uint32_t top,
                           enum nba_reason reason, struct nba_buf *buf)
{
    static const char *const kinds[] = {"decided", "updated", "skipped", "lifecycle"};
    char when[NBA_TIME_TEXT_BYTES];
    nba_time_format(decision->decision_time_ms, when);
    nba_buf_printf(buf, "%.*s\n", NBA_STR_ARG(decision->decision_id));
    const struct nba_str model =
        nba_str(decision->model_version.data,
                decision->model_version.bytes < 12 ? decision->model_version.bytes : 12);
    nba_buf_printf(buf, "%s at %s for %.*s, policy %.*s, model %.*s, engine %.*s\n",
                   kinds[decision->kind], when, NBA_STR_ARG(decision->hcp_id),
                   NBA_STR_ARG(decision->policy_version), NBA_STR_ARG(model),
                   NBA_STR_ARG(decision->engine_version));
    if (decision->reason != NBA_REASON_NONE) {
        nba_buf_printf(buf, "reason %s\n", nba_reason_name(decision->reason));
    }
    for (uint32_t i = 0; i < decision->closed_count; i++) {
        nba_buf_printf(buf, "closed %.*s: %s\n", NBA_STR_ARG(decision->closed[i].action_id),
                       nba_reason_name(decision->closed[i].reason));
    }
    if (decision->kind == NBA_DECISION_DECIDED) {
        nba_buf_printf(buf, "%d candidates, %u proposed", (int)decision->candidate_count,
                       decision->selected_count - decision->held_count);
        nba_buf_printf(buf, decision->held_count != 0 ? ", %u held\n" : "\n", decision->held_count);
    }
    for (uint32_t i = 0; i < decision->selected_count; i++) {
        print_selected(decision, &decision->selected[i], buf);
    }
    if (decision->kind != NBA_DECISION_DECIDED) {
        return;
    }
    if (top != 0 && decision->suppressed_count != 0) {
        nba_buf_printf(buf, "not proposed, by priority:\n");
    }
    for (uint32_t i = 0; i < decision->suppressed_count; i++) {
        const bool asked = reason != NBA_REASON_NONE && decision->suppressed[i].reason == reason;
        if (i < top || asked) {
            print_suppressed(&decision->suppressed[i], buf);
        }
        reason = asked ? NBA_REASON_NONE : reason; /* the best of them will do */
    }
    nba_buf_append_str(buf, nba_str_of("reasons:"));
    for (unsigned number = 1; number <= NBA_REASON_NUMBER_MAX; number++) {
        if (decision->reason_count[number] != 0) {
            nba_buf_printf(buf, " %s %d", nba_reason_name((enum nba_reason)number),
                           (int)decision->reason_count[number]);
        }
    }
    nba_buf_append_byte(buf, '\n');
}

enum nba_status nba_decision_print(struct nba_workplace *place, struct nba_str value, uint32_t top,
                                   enum nba_reason reason, struct nba_error *error)
{
    struct nba_decision decision;
    const enum nba_status status = decode(place, value, &decision, error);
    if (status == NBA_OK) {
        print_decision(&decision, top, reason, &place->out);
    }
    return status;
}
