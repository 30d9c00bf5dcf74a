/*
 * The decision is made as the engine would make it, then once more for each stage with all reasons
 * of the stages before left out: what is first then fails in that stage.
 */
#include "explain_now.h"

#include <stdlib.h>
#include <string.h>

#include "advisor.h"
#include "decision_text.h"
#include "nba/base/memory.h"
#include "nba/base/time_text.h"
#include "nba/base/version.h"
#include "nba/codec/encoder.h"
#include "state_view.h"

/* The stages that judge a candidate by itself, by the least reason of each. */
static const enum nba_reason stages[] = {
    NBA_REASON_EXCLUDED,           NBA_REASON_NO_ADDRESS,    NBA_REASON_CONSENT_MISSING,
    NBA_REASON_ELIGIBILITY,        NBA_REASON_APPLICABILITY, NBA_REASON_SUITABILITY,
    NBA_REASON_SUPPRESSED_OUTCOME, NBA_REASON_FREQUENCY_CAP, NBA_REASON_BELOW_PROPENSITY,
};
#define STAGES NBA_ARRAY_COUNT(stages)

/* What would have to change, by reason. */
static const struct {
    enum nba_reason reason;
    const char *change;
} changes[] = {
    {NBA_REASON_EXCLUDED, "the exclusion ends or is taken out of policy or control topic"},
    {NBA_REASON_CONTENT_NOT_APPROVED, "the treatment is approved"},
    {NBA_REASON_CONTENT_NOT_EFFECTIVE, "its effective_from comes"},
    {NBA_REASON_CONTENT_EXPIRED, "a version with a later expires_at"},
    {NBA_REASON_CONTENT_WITHDRAWN, "a new version; a withdrawn one stays so"},
    {NBA_REASON_MARKET_MISMATCH, "a treatment for the HCP's market"},
    {NBA_REASON_LANGUAGE_MISMATCH, "a treatment in the HCP's language"},
    {NBA_REASON_CHANNEL_DISABLED, "a channel and action type that this version knows"},
    {NBA_REASON_NO_ADDRESS, "an address on this channel in the profile"},
    {NBA_REASON_ADDRESS_BOUNCED, "a new address in the profile"},
    {NBA_REASON_REP_NOT_ALIGNED, "a rep in the profile who is in the catalogue"},
    {NBA_REASON_REP_ABSENT, "the rep's absence ends, or another rep is aligned"},
    {NBA_REASON_TIMEZONE_UNKNOWN, "a time zone in the profile, or missing_timezone"},
    {NBA_REASON_CONSENT_MISSING, "an opt-in for channel, brand or content type"},
    {NBA_REASON_CONSENT_REVOKED, "a newer opt-in of the scope that opted out"},
    {NBA_REASON_CONSENT_EXPIRED, "a new opt-in"},
    {NBA_REASON_CONSENT_UNCONFIRMED, "the pending opt-in is confirmed"},
    {NBA_REASON_DO_NOT_CONTACT, "do_not_contact: false in the profile"},
    {NBA_REASON_ROLE_MISMATCH, "a person of the right role is aligned"},
    {NBA_REASON_ELIGIBILITY, "the profile, or the rule"},
    {NBA_REASON_APPLICABILITY, "the profile, or the rule"},
    {NBA_REASON_SUITABILITY, "the profile, or the rule"},
    {NBA_REASON_SUPPRESSED_OUTCOME, "time: the hold ends"},
    {NBA_REASON_OPEN_ACTION, "the open action ends: answered, recalled or expired"},
    {NBA_REASON_FREQUENCY_CAP, "time: the window frees a place"},
    {NBA_REASON_REP_CAPACITY, "the rep's window ends, or an alert of less priority gives way"},
    {NBA_REASON_VOLUME_LIMIT,
     "the budget's window ends, or an unsent action of less priority gives way"},
    {NBA_REASON_BELOW_PROPENSITY, "a higher propensity, or a lower threshold"},
    {NBA_REASON_MODEL_IMMATURE, "a release trained on more engagements with the content"},
};

struct explaining {
    struct nba_workplace *place;
    struct nba_advisor advisor;
    const struct nba_explain_now *ask;
    const struct nba_hcp *hcp;
    struct nba_arena *arena; /* of record and scores; what a decision says is in the place's */
    struct nba_score_job job;
    uint8_t (*fails)[STAGES]; /* (C) the reason of each stage; 0: passes */
    uint8_t *outcome;         /* (C) of the decision */
    double *keys;             /* (C) */
    uint32_t *order;          /* (C) by priority */
    uint32_t count;           /* C */
};

static enum nba_status decide(struct explaining *x, enum nba_reason from,
                              struct nba_decide_result *ret_result, struct nba_error *error)
{
    const struct nba_decide_request request = {
        .scores = &x->job.scores,
        .hcp = x->hcp,
        .capacity = x->advisor.side->capacity,
        .decision_id = nba_str_of("explain"),
        .trigger_event_id = nba_str_of("none"),
        .now_ms = x->ask->at_ms,
        .watermark_ms = x->ask->at_ms,
        .engine_version = nba_str_of(NBA_ENGINE_VERSION),
        .from_reason = from,
    };
    const enum nba_status status =
        nba_funnel_decide(x->advisor.funnel, &request, &x->place->arena, ret_result);
    return status == NBA_OK
               ? NBA_OK
               : nba_error_set(error, status, "cannot decide: %s", nba_status_text(status));
}

static enum nba_status print_decision(struct explaining *x, struct nba_decide_result *result,
                                      struct nba_error *error)
{
    struct nba_workplace *place = x->place;
    struct nba_buf value;
    nba_buf_init(&value, NBA_RECORD_BYTES_MAX);
    nba_encode_decision(place->schemas, &result->decision, &value);
    const enum nba_status status =
        value.failed
            ? nba_error_set(error, NBA_E_LIMIT, "the decision is too large to be shown")
            : nba_decision_print(place, nba_buf_str(&value), x->ask->top, NBA_REASON_NONE, error);
    nba_buf_clear(&value);
    return status;
}

static const double *sort_keys;

static int by_priority(const void *a, const void *b)
{
    const uint32_t left = *(const uint32_t *)a;
    const uint32_t right = *(const uint32_t *)b;
    if (sort_keys[left] > sort_keys[right] || sort_keys[left] < sort_keys[right]) {
        return sort_keys[left] > sort_keys[right] ? -1 : 1;
    }
    return left < right ? -1 : left > right;
}

/* The reasons of every stage; the decision's own results are kept before. */
static enum nba_status ask_stages(struct explaining *x, struct nba_error *error)
{
    enum nba_status status = NBA_OK;
    memcpy(x->outcome, nba_funnel_reasons(x->advisor.funnel), x->count);
    memcpy(x->keys, nba_funnel_keys(x->advisor.funnel), x->count * sizeof(*x->keys));
    for (size_t s = 0; s < STAGES && status == NBA_OK; s++) {
        struct nba_decide_result result;
        status = decide(x, stages[s], &result, error);
        const uint8_t *reasons = nba_funnel_reasons(x->advisor.funnel);
        for (uint32_t c = 0; c < x->count && status == NBA_OK; c++) {
            const bool known = nba_reason_name((enum nba_reason)reasons[c]) != NULL;
            const bool here =
                known && reasons[c] != 0 &&
                nba_reason_stage((enum nba_reason)reasons[c]) == nba_reason_stage(stages[s]);
            x->fails[c][s] = here ? reasons[c] : 0;
        }
    }
    for (uint32_t c = 0; c < x->count; c++) {
        x->order[c] = c;
    }
    sort_keys = x->keys;
    qsort(x->order, x->count, sizeof(*x->order), by_priority);
    return status;
}

static void print_candidates(const struct explaining *x, struct nba_buf *out)
{
    const struct nba_catalog *catalog = x->advisor.side->catalog;
    uint32_t shown = 0;
    nba_buf_printf(out, "\n rank  %-20s %-20s %8s %9s  all that stops it\n", "content", "action",
                   "P", "priority");
    for (uint32_t i = 0; i < x->count && shown < x->ask->candidates; i++) {
        const uint32_t c = x->order[i];
        const char *between = "";
        if (x->outcome[c] == NBA_FUNNEL_ABSENT) {
            continue;
        }
        shown++;
        nba_buf_printf(out, "%5u  %-20.*s %-20s %8.4f %9.4f  ", shown,
                       NBA_STR_ARG(catalog->contents[catalog->candidates[c].content].content_id),
                       nba_action_type_name((enum nba_action_type)catalog->action_type[c]),
                       x->job.scores.propensity[c], x->keys[c] / 1e9);
        for (size_t s = 0; s < STAGES; s++) {
            if (x->fails[c][s] != 0) {
                nba_buf_printf(out, "%s%s", between,
                               nba_reason_name((enum nba_reason)x->fails[c][s]));
                between = ", ";
            }
        }
        if (*between == '\0') {
            nba_buf_printf(out, "%s",
                           x->outcome[c] == 0 ? "nothing: selected"
                                              : nba_reason_name((enum nba_reason)x->outcome[c]));
        }
        nba_buf_append_byte(out, '\n');
    }
    if (shown < x->count) {
        nba_buf_printf(out, "       (%u candidates in all; --candidates N shows more)\n", x->count);
    }
}

static void print_changes(const struct explaining *x, struct nba_buf *out)
{
    uint32_t counts[NBA_REASON_NUMBER_MAX + 1] = {0};
    for (uint32_t c = 0; c < x->count; c++) {
        for (size_t s = 0; s < STAGES; s++) {
            counts[x->fails[c][s]]++;
        }
    }
    nba_buf_printf(out, "\nwhat would have to change, candidates it stops (also behind others):\n");
    for (size_t i = 0; i < NBA_ARRAY_COUNT(changes); i++) {
        if (counts[changes[i].reason] != 0) {
            nba_buf_printf(out, "  %-22s %6u  %s\n", nba_reason_name(changes[i].reason),
                           counts[changes[i].reason], changes[i].change);
        }
    }
}

static enum nba_status explain(struct explaining *x, struct nba_error *error)
{
    struct nba_decide_result result;
    struct nba_buf *out = &x->place->out;
    x->count = x->advisor.side->catalog->candidate_count;
    x->fails = nba_zeros(x->count + 1, sizeof(*x->fails));
    x->outcome = nba_zeros(x->count + 1, 1);
    x->keys = nba_zeros(x->count + 1, sizeof(*x->keys));
    x->order = nba_zeros(x->count + 1, sizeof(*x->order));
    bool done =
        nba_advisor_score(&x->advisor, x->hcp, x->ask->at_ms, x->arena, &x->job, error) == NBA_OK &&
        decide(x, NBA_REASON_NONE, &result, error) == NBA_OK;
    if (done) {
        nba_buf_append_str(out, nba_str_of("As it would be decided, without an event; nothing is "
                                           "recorded and nothing changes.\n"));
        done = print_decision(x, &result, error) == NBA_OK;
    }
    if (done && result.decision.kind == NBA_DECISION_DECIDED) {
        done = ask_stages(x, error) == NBA_OK;
        if (done) {
            print_candidates(x, out);
            print_changes(x, out);
        }
    }
    free(x->fails);
    free(x->outcome);
    free(x->keys);
    free(x->order);
    return nba_outcome(done, error);
}

enum nba_status nba_explain_now(struct nba_workplace *place, const struct nba_explain_now *ask,
                                struct nba_error *error)
{
    static struct nba_state_view view;
    static struct nba_hcp hcp;
    struct nba_arena arena;
    struct explaining x = {.place = place, .ask = ask, .hcp = &hcp, .arena = &arena};
    nba_arena_init(&arena, (size_t)64 << 20);
    const bool done =
        nba_advisor_open(place, NULL, NBA_SCORE_FUSION, &x.advisor, error) == NBA_OK &&
        nba_state_view_open(&place->config, false, &view, error) == NBA_OK &&
        nba_state_view_hcp(&view, ask->hcp, &arena, &hcp, error) == NBA_OK &&
        explain(&x, error) == NBA_OK;
    nba_state_view_close(&view);
    nba_advisor_close(&x.advisor);
    nba_arena_clear(&arena);
    return nba_outcome(done, error);
}
