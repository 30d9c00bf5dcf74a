/*
 * Stages 1 to 6.  Availability, reach and consent are asked once a gate class, engagement policies
 * once a gate unit; what differs from candidate to candidate (dates, exclusions) comes later, in
 * funnel_rank.c.  Reason numbers grow with the stage and inside it with the order of the checks, so
 * of several failures the least number is the first.
 */
#include <string.h>

#include "funnel_internal.h"
#include "nba/base/assert.h"

static bool set_names(struct nba_str_list set, struct nba_str word)
{
    for (uint32_t i = 0; i < set.count; i++) {
        if (nba_str_equal(set.items[i], word)) {
            return true;
        }
    }
    return set.count == 0;
}

static bool is_absent(const struct nba_rep *rep, int64_t now_ms)
{
    for (uint32_t i = 0; i < rep->absence_count; i++) {
        if (rep->absences[i].from_ms <= now_ms && now_ms < rep->absences[i].to_ms) {
            return true;
        }
    }
    return false;
}

/*
 * Promotional content goes through the sales rep, medical content through the MSL.  An HCP who has
 * only the other of the two is aligned, but to the wrong role: a hard gate of its own.
 */
static struct person find_person(const struct nba_catalog *catalog,
                                 const struct nba_hcp_profile *profile,
                                 enum nba_content_class content_class, int64_t now_ms)
{
    const bool medical = content_class == NBA_CONTENT_CLASS_MEDICAL;
    const struct nba_str wanted = medical ? profile->msl_id : profile->rep_id;
    const struct nba_str other = medical ? profile->rep_id : profile->msl_id;
    struct person person = {.rep_id = wanted.bytes != 0 ? wanted : other};
    person.rep = person.rep_id.bytes != 0 ? nba_catalog_find_rep(catalog, person.rep_id) : NULL;
    if (person.rep == NULL) {
        person.reason = NBA_REASON_REP_NOT_ALIGNED;
    } else if (is_absent(person.rep, now_ms)) {
        person.reason = NBA_REASON_REP_ABSENT;
    } else if ((person.rep->role == NBA_REP_ROLE_MSL) != medical) {
        person.reason = NBA_REASON_ROLE_MISMATCH;
    }
    return person;
}

static void view_consents(const struct nba_funnel *funnel, struct moment *m)
{
    const struct nba_duration max_age = funnel->policy->consent_max_age;
    const bool ages = max_age.months != 0 || max_age.ms != 0;
    for (uint32_t i = 0; i < m->hcp->consent_count; i++) {
        const struct nba_consent *consent = &m->hcp->consents[i];
        const bool past =
            consent->expires_at_ms != NBA_TIME_NONE && m->now_ms >= consent->expires_at_ms;
        m->consents[i] = (struct consent_view){
            .channel = consent->channel,
            .scope = consent->scope,
            .status = consent->status,
            .word = nba_catalog_find_word(funnel->catalog, consent->scope_id),
            .expired =
                past || (ages && m->now_ms >= nba_duration_add(consent->captured_at_ms, max_age)),
        };
    }
}

void nba_funnel_moment(const struct nba_funnel *funnel, const struct nba_hcp *hcp,
                       const struct nba_event *event, int64_t now_ms, struct moment *ret_moment)
{
    const struct nba_catalog *catalog = funnel->catalog;
    struct moment *m = ret_moment;
    m->request = NULL;
    m->capacity = NULL;
    m->hcp = hcp;
    m->event = event;
    m->now_ms = now_ms;
    m->from_reason = NBA_REASON_STOPPED; /* the least of all */
    m->released = NULL;
    m->zone = funnel->policy->zone_channels != 0 ? nba_zone_find(hcp->profile.tz) : NULL;
    m->experiment = nba_policy_assign(funnel->policy, hcp->hcp_id, now_ms);
    m->market = hcp->profile.market;
    m->context = (struct condition_context){
        .hcp = hcp, .event = event, .contact_saturation = nba_hcp_saturation(hcp, now_ms)};
    if (event != NULL) {
        const uint32_t k = nba_catalog_find_content(catalog, event->content_id);
        const bool known = k != NBA_CATALOG_NONE;
        m->market = m->market.bytes != 0 ? m->market : event->market;
        m->context.event_channel = nba_event_channel(event);
        m->context.event_topic = event->topic_ids.count != 0 ? event->topic_ids.items[0]
                                 : known ? catalog->words[catalog->content_topic[k]]
                                         : nba_str("", 0);
        m->context.event_brand = event->brand.bytes != 0 ? event->brand
                                 : known                 ? catalog->contents[k].brand
                                                         : nba_str("", 0);
    }
    m->market_policy = NULL;
    for (uint32_t i = 0; i < funnel->policy->market_count && m->market.bytes != 0; i++) {
        if (nba_str_equal(funnel->policy->markets[i].market, m->market)) {
            m->market_policy = &funnel->policy->markets[i];
        }
    }
    view_consents(funnel, m);
    for (unsigned c = 0; c < NBA_CONTENT_CLASS_COUNT; c++) {
        m->persons[c] = find_person(catalog, &hcp->profile, (enum nba_content_class)c, now_ms);
    }
}

static enum nba_reason judge_availability(const struct nba_funnel *funnel,
                                          const struct nba_gate_class *gate)
{
    if (gate->approval == NBA_APPROVAL_WITHDRAWN) {
        return NBA_REASON_CONTENT_WITHDRAWN;
    }
    if (gate->approval != NBA_APPROVAL_APPROVED) {
        return NBA_REASON_CONTENT_NOT_APPROVED;
    }
    if (funnel->market_has[gate->market_set] == 0) {
        return NBA_REASON_MARKET_MISMATCH;
    }
    if (funnel->language_has[gate->language_set] == 0) {
        return NBA_REASON_LANGUAGE_MISMATCH;
    }
    return gate->known ? NBA_REASON_NONE : NBA_REASON_CHANNEL_DISABLED;
}

/* E-mail and text messages need an address that works; on other channels only one that is known
 * to fail stops anything. */
static enum nba_reason judge_reach(const struct nba_funnel *funnel, const struct moment *moment,
                                   const struct nba_gate_class *gate)
{
    const uint8_t address = moment->hcp->profile.address[gate->channel];
    const bool must = gate->channel == NBA_CHANNEL_EMAIL || gate->channel == NBA_CHANNEL_SMS;
    if (address == NBA_ADDRESS_NONE || (must && address == NBA_ADDRESS_ABSENT)) {
        return NBA_REASON_NO_ADDRESS;
    }
    if (address == NBA_ADDRESS_BOUNCED) {
        return NBA_REASON_ADDRESS_BOUNCED;
    }
    const enum nba_reason reason = moment->persons[gate->content_class].reason;
    if (gate->needs_rep && reason != NBA_REASON_NONE && reason != NBA_REASON_ROLE_MISMATCH) {
        return reason;
    }
    const bool asks = (funnel->policy->zone_channels >> (unsigned)gate->channel & 1) != 0;
    return asks && nba_funnel_zone(funnel, moment, funnel->catalog->words[gate->brand]) == NULL
               ? NBA_REASON_TIMEZONE_UNKNOWN
               : NBA_REASON_NONE;
}

/* Does a consent record speak about candidates of this gate class? */
static bool applies(const struct nba_funnel *funnel, const struct consent_view *consent,
                    const struct nba_gate_class *gate)
{
    const bool channel =
        consent->channel == gate->channel || consent->channel == NBA_CHANNEL_UNKNOWN;
    switch (consent->scope) {
    case NBA_CONSENT_SCOPE_GLOBAL:
        /* A refusal of everything is one whatever channel it came by. */
        return channel || consent->status == NBA_CONSENT_STATUS_OPT_OUT;
    case NBA_CONSENT_SCOPE_CHANNEL:
        return channel;
    case NBA_CONSENT_SCOPE_BRAND:
        return channel && consent->word != 0 && consent->word == gate->brand;
    case NBA_CONSENT_SCOPE_CONTENT_TYPE:
        return channel && consent->word != 0 &&
               (consent->word == gate->asset_type ||
                consent->word == funnel->class_word[gate->content_class]);
    case NBA_CONSENT_SCOPE_UNKNOWN:
    case NBA_CONSENT_SCOPE_COUNT:
        break;
    }
    return channel && consent->status == NBA_CONSENT_STATUS_OPT_OUT;
}

/* What the applicable records say, as bits by record. */
struct consent_bits {
    uint32_t opt_outs, valid, expired, pending;
};

static struct consent_bits read_consents(const struct nba_funnel *funnel,
                                         const struct moment *moment,
                                         const struct nba_gate_class *gate)
{
    struct consent_bits bits = {0, 0, 0, 0};
    for (uint32_t i = 0; i < moment->hcp->consent_count; i++) {
        const struct consent_view *consent = &moment->consents[i];
        if (!applies(funnel, consent, gate)) {
            continue;
        }
        const uint32_t bit = UINT32_C(1) << i;
        if (consent->status == NBA_CONSENT_STATUS_OPT_OUT) {
            bits.opt_outs |= bit;
        } else if (consent->status == NBA_CONSENT_STATUS_OPT_IN) {
            bits.valid |= consent->expired ? 0 : bit;
            bits.expired |= consent->expired ? bit : 0;
        } else if (consent->status == NBA_CONSENT_STATUS_PENDING) {
            bits.pending |= bit;
        }
    }
    return bits;
}

struct gate_verdict nba_funnel_judge_consent(const struct nba_funnel *funnel,
                                             const struct moment *moment, uint32_t gate_class)
{
    const struct nba_gate_class *gate = &funnel->catalog->gates[gate_class];
    const struct policy_market *market = moment->market_policy;
    const enum consent_model model =
        market != NULL ? market->models[gate->channel] : CONSENT_MODEL_NONE;
    struct gate_verdict verdict = {.rule_id = nba_str_of("consent.default")};
    if (model != CONSENT_MODEL_NONE) {
        verdict.rule_id = market->rule_ids[gate->channel];
    }
    const struct consent_bits bits = read_consents(funnel, moment, gate);
    if (bits.opt_outs != 0) {
        verdict.reason = NBA_REASON_CONSENT_REVOKED;
        verdict.evidence = bits.opt_outs;
        return verdict;
    }
    const bool open = model == CONSENT_MODEL_OPT_OUT || model == CONSENT_MODEL_IMPLICIT ||
                      (model == CONSENT_MODEL_OPT_IN && bits.valid != 0);
    if (open) {
        const bool barred = moment->hcp->profile.do_not_contact;
        return (struct gate_verdict){.reason =
                                         barred ? NBA_REASON_DO_NOT_CONTACT : NBA_REASON_NONE};
    }
    verdict.reason = bits.expired != 0   ? NBA_REASON_CONSENT_EXPIRED
                     : bits.pending != 0 ? NBA_REASON_CONSENT_UNCONFIRMED
                                         : NBA_REASON_CONSENT_MISSING;
    verdict.evidence = bits.expired != 0 ? bits.expired : bits.pending;
    return verdict;
}

static bool is_inquiry(const struct moment *moment)
{
    return moment->event != NULL && moment->event->type == NBA_EVENT_MEDICAL_INQUIRY_SUBMITTED;
}

/* Stage 3 beyond consent: who may carry what, and what a medical inquiry may start. */
static enum nba_reason judge_role(const struct moment *moment, const struct nba_gate_class *gate)
{
    const bool wrong_person =
        gate->needs_rep && moment->persons[gate->content_class].reason == NBA_REASON_ROLE_MISMATCH;
    const bool msl_action = gate->needs_rep && gate->content_class == NBA_CONTENT_CLASS_MEDICAL;
    return wrong_person || (is_inquiry(moment) && !msl_action) ? NBA_REASON_ROLE_MISMATCH
                                                               : NBA_REASON_NONE;
}

/* The checks of a gate class, in the order of their reasons. */
static void judge_class(const struct nba_funnel *funnel, const struct moment *moment,
                        uint32_t gate_class, struct gate_verdict *ret_verdict)
{
    const struct nba_gate_class *gate = &funnel->catalog->gates[gate_class];
    enum nba_reason reason = judge_availability(funnel, gate);
    if (reason < moment->from_reason) {
        reason = judge_reach(funnel, moment, gate);
    }
    *ret_verdict = (struct gate_verdict){.reason = reason};
    if (reason < moment->from_reason) {
        *ret_verdict = nba_funnel_judge_consent(funnel, moment, gate_class);
        reason = ret_verdict->reason;
    }
    if (reason < moment->from_reason) {
        reason = judge_role(moment, gate);
        *ret_verdict = (struct gate_verdict){
            .reason = reason < moment->from_reason ? NBA_REASON_NONE : reason};
    }
}

/* ---- rules: engagement policies and weights alike ---- */

/* What of the rules only the moment knows: returns those out of force or with a condition on the
 * event or the HCP that fails, and looks up the other side of every mixed condition. */
static uint64_t ask_moment(const struct nba_funnel *funnel, const struct moment *moment,
                           struct bound_rules *bound)
{
    uint64_t failures = 0;
    for (uint32_t r = 0; r < bound->rules->count; r++) {
        const struct policy_rule *rule = &bound->rules->items[r];
        bool holds = moment->now_ms < rule->until_ms;
        for (uint32_t i = 0; i < rule->require.count && holds; i++) {
            const struct condition *condition = &rule->require.items[i];
            holds = condition->kind != CONDITION_DYNAMIC ||
                    (moment->released != NULL && nba_condition_asks_event(condition)) ||
                    nba_condition_holds(condition, &moment->context);
        }
        failures |= (uint64_t)!holds << r;
    }
    for (uint32_t i = 0; i < bound->mixed_count; i++) {
        struct mixed_condition *mixed = &bound->mixed[i];
        struct nba_str single = {0};
        const struct nba_str_list texts =
            nba_condition_texts(mixed->condition, false, &moment->context, &single);
        NBA_ASSERT(texts.count <= NBA_HCP_REGISTERED_MAX);
        mixed->other_count = texts.count;
        mixed->settled = moment->released != NULL && nba_condition_asks_event(mixed->condition);
        for (uint32_t j = 0; j < texts.count; j++) {
            mixed->others[j] = nba_catalog_find_word(funnel->catalog, texts.items[j]);
        }
    }
    return failures;
}

/* The rules that apply to a unit's candidates and fail; `dynamic` as ask_moment gave it. */
static inline uint64_t failures_of(const struct bound_rules *bound, const struct rule_unit *unit,
                                   uint64_t dynamic)
{
    uint64_t failures = unit->fails | (unit->applies & dynamic);
    for (uint32_t i = 0; i < bound->mixed_count; i++) {
        const struct mixed_condition *mixed = &bound->mixed[i];
        const uint64_t bit =
            mixed->settled ? 0 : UINT64_C(1) << mixed->rule & unit->applies & ~failures;
        if (bit == 0) {
            continue;
        }
        bool found = false;
        for (uint32_t j = 0; j < mixed->other_count; j++) {
            found = found || (unit->words[i] != 0 && mixed->others[j] == unit->words[i]);
        }
        failures |= found == mixed->condition->negate ? bit : 0;
    }
    return failures;
}

static uint32_t first_bit(uint64_t bits)
{
    return (uint32_t)__builtin_ctzll(bits);
}

static uint8_t judge_unit(struct nba_funnel *funnel, uint32_t u, uint64_t dynamic,
                          uint64_t counting)
{
    const struct rule_unit *unit = &funnel->engagements.units[u];
    const struct gate_verdict *verdict = &funnel->verdicts[unit->gate_class];
    funnel->unit_rule[u] = verdict->rule_id;
    if (verdict->reason != NBA_REASON_NONE) {
        return (uint8_t)verdict->reason;
    }
    const uint64_t failures = failures_of(&funnel->engagements, unit, dynamic) & counting;
    if (failures == 0) {
        return REASON_ABSENT;
    }
    const struct policy_rule *rule = &funnel->policy->engagements.items[first_bit(failures)];
    funnel->unit_rule[u] = rule->id;
    return (uint8_t)rule->reason;
}

/* Candidates keep what they got last: most gates say the same of most HCPs. */
static void set_unit(struct nba_funnel *funnel, uint32_t u, uint8_t reason)
{
    const struct groups *groups = &funnel->by_gate;
    const bool same = funnel->unit_reason[u] == reason;
    funnel->unit_reason[u] = reason;
    for (uint32_t i = groups->start[u]; !same && i < groups->start[u + 1]; i++) {
        funnel->gate_reason[groups->items[i]] = reason;
    }
}

static struct gate_question question_of(const struct nba_funnel *funnel,
                                        const struct moment *moment, uint64_t dynamic)
{
    const struct bound_rules *rules = &funnel->engagements;
    struct gate_question question;
    memset(&question, 0, sizeof(question)); /* padding too */
    question.dynamic = dynamic;
    question.market_policy = moment->market_policy;
    question.from_reason = moment->from_reason;
    memcpy(question.address, moment->hcp->profile.address, sizeof(question.address));
    question.inquiry = is_inquiry(moment);
    question.zone = moment->zone != NULL;
    question.do_not_contact = moment->hcp->profile.do_not_contact;
    question.simple = moment->hcp->consent_count == 0;
    for (unsigned i = 0; i < NBA_CONTENT_CLASS_COUNT; i++) {
        question.persons[i] = moment->persons[i].reason;
    }
    for (uint32_t r = 0; r < rules->rules->count; r++) {
        const bool counts = rules->rules->items[r].reason >= moment->from_reason;
        question.counting |= (uint64_t)counts << r;
    }
    for (uint32_t i = 0; i < rules->mixed_count; i++) {
        question.settled |= (uint64_t)rules->mixed[i].settled << i;
        question.simple = question.simple && rules->mixed[i].other_count == 0;
    }
    return question;
}

/* Which sets name the HCP's market and language; true: it isn't what it was. */
static bool look_into_sets(struct nba_funnel *funnel, const struct moment *moment)
{
    bool changed = false;
    for (uint32_t s = 0; s < funnel->catalog->set_count; s++) {
        const struct nba_str_list set = funnel->catalog->sets[s];
        const uint8_t market = set_names(set, moment->market);
        const uint8_t language = set_names(set, moment->hcp->profile.language);
        changed = changed || funnel->market_has[s] != market || funnel->language_has[s] != language;
        funnel->market_has[s] = market;
        funnel->language_has[s] = language;
    }
    return changed;
}

/* Most HCPs ask what the last one did: then the answers stand. */
void nba_funnel_judge_gates(struct nba_funnel *funnel, const struct moment *moment)
{
    const bool changed = look_into_sets(funnel, moment);
    const uint64_t dynamic = ask_moment(funnel, moment, &funnel->engagements);
    const struct gate_question question = question_of(funnel, moment, dynamic);
    if (!changed && question.simple && memcmp(&question, &funnel->asked, sizeof(question)) == 0) {
        return;
    }
    funnel->asked = question;
    for (uint32_t g = 0; g < funnel->catalog->gate_count; g++) {
        judge_class(funnel, moment, g, &funnel->verdicts[g]);
    }
    for (uint32_t u = 0; u < funnel->engagements.unit_count; u++) {
        set_unit(funnel, u, judge_unit(funnel, u, dynamic, question.counting));
    }
}

/* Candidates keep their weights from decision to decision: most don't change. */
static void set_weights(struct nba_funnel *funnel, uint32_t unit, double context, double lever)
{
    const struct groups *groups = &funnel->by_weight;
    struct weight_pair *pair = &funnel->pairs[unit];
    const bool same = pair->context >= context && pair->context <= context &&
                      pair->lever >= lever && pair->lever <= lever;
    *pair = (struct weight_pair){.context = context, .lever = lever};
    for (uint32_t i = groups->start[unit]; !same && i < groups->start[unit + 1]; i++) {
        funnel->context[groups->items[i]] = context;
        funnel->lever[groups->items[i]] = lever;
    }
}

void nba_funnel_weigh(struct nba_funnel *funnel, const struct moment *moment)
{
    const struct bound_rules *weights = &funnel->weights;
    const uint64_t dynamic = ask_moment(funnel, moment, &funnel->weights);
    for (uint32_t u = 0; u < weights->unit_count; u++) {
        const struct rule_unit *unit = &weights->units[u];
        uint64_t bits = unit->applies & ~failures_of(weights, unit, dynamic);
        double context = 0;
        double lever = 0;
        if (bits == 0) {
            set_weights(funnel, u, 1, 1);
            continue;
        }
        for (; bits != 0; bits &= bits - 1) {
            const struct policy_rule *weight = &weights->rules->items[first_bit(bits)];
            context += weight->lever ? 0 : weight->add;
            lever += weight->lever ? weight->add : 0;
        }
        /* Weights add up in percent; less than nothing is nothing. */
        set_weights(funnel, u, context > -100 ? 1 + context / 100 : 0,
                    lever > -100 ? 1 + lever / 100 : 0);
    }
}
