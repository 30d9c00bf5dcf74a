/*
 * Random catalogues and HCPs against a plain evaluator of stages 1 to 3: one candidate at a time,
 * straight from the records, without classes or units.
 */
#include "policy_fixture.h"

#include "nba/base/random.h"
#include "nba/base/vector.h"

#define NOW      INT64_C(1795190400000)
#define CONTENTS 60u
#define ROUNDS   300u

#define POLICY                                                                        \
    "policy_version: v1\ntenant: a\ndecide_on: []\nslate: {size: 3}\n"                \
    "arbitration: {propensity_threshold: {email: 0.05, web: 0.02}}\n"                 \
    "exclusions: [{id: x1, brand: B2}, {id: x2, content_id: c07}]\n"                  \
    "consent:\n"                                                                      \
    "  max_age: P12M\n"                                                               \
    "  models:\n"                                                                     \
    "    IN: {email: opt_in, rep: opt_in, web: opt_in, event: opt_in, sms: opt_in}\n" \
    "    OUT: {email: opt_out, rep: opt_out, web: opt_out}\n"                         \
    "    MIX: {email: opt_in, rep: implicit, web: never, sms: opt_out}\n"

static const char *const markets[] = {"IN", "OUT", "MIX", "NONE", ""};
static const char *const languages[] = {"en", "de", ""};
static const char *const brands[] = {"B0", "B1", "B2", ""};
static const char *const assets[] = {"letter", "invitation", ""};
static const char *const reps[] = {"", "rep-1", "away", "msl-1", "ghost"};

static struct nba_str pick(struct nba_rng *rng, const char *const *words, uint64_t count)
{
    return nba_str_of(words[nba_rng_below(rng, count)]);
}
#define PICK(rng, words) pick(rng, words, NBA_ARRAY_COUNT(words))

static bool chance(struct nba_rng *rng, uint64_t percent)
{
    return nba_rng_below(rng, 100) < percent;
}

static void add_people(struct fixture *f)
{
    const struct nba_absence absence = {NOW - 5, NOW + 5};
    const struct nba_reference records[] = {
        {.kind = NBA_REFERENCE_REP,
         .rep = {.rep_id = nba_str_of("away"),
                 .role = NBA_REP_ROLE_REP,
                 .absences = &absence,
                 .absence_count = 1}},
        {.kind = NBA_REFERENCE_REP,
         .rep = {.rep_id = nba_str_of("msl-1"), .role = NBA_REP_ROLE_MSL}},
    };
    for (size_t i = 0; i < NBA_ARRAY_COUNT(records); i++) {
        assert_int_equal(nba_catalog_builder_apply(f->builder, &records[i], NULL), NBA_OK);
    }
}

static struct nba_treatment random_treatment(struct nba_rng *rng, struct nba_str lists[2])
{
    static const enum nba_action_type types[] = {NBA_ACTION_TYPE_EMAIL, NBA_ACTION_TYPE_REP_CALL,
                                                 NBA_ACTION_TYPE_PORTAL_CONTENT,
                                                 NBA_ACTION_TYPE_REP_EMAIL};
    static const enum nba_approval approvals[] = {NBA_APPROVAL_APPROVED, NBA_APPROVAL_DRAFT,
                                                  NBA_APPROVAL_WITHDRAWN};
    struct nba_treatment t = fixture_treatment(
        (enum nba_channel)nba_rng_below(rng, NBA_CHANNEL_COUNT), types[nba_rng_below(rng, 4)]);
    t.approval_state = approvals[chance(rng, 85) ? 0 : nba_rng_below(rng, 3)];
    t.effective_from_ms =
        chance(rng, 20) ? NOW - 1 + (int64_t)nba_rng_below(rng, 3) : NBA_TIME_NONE;
    t.expires_at_ms = chance(rng, 20) ? NOW - 1 + (int64_t)nba_rng_below(rng, 3) : NBA_TIME_NONE;
    lists[0] = PICK(rng, markets);
    lists[1] = PICK(rng, languages);
    t.markets = (struct nba_str_list){&lists[0], chance(rng, 30) && lists[0].bytes != 0};
    t.languages = (struct nba_str_list){&lists[1], chance(rng, 30) && lists[1].bytes != 0};
    return t;
}

static void random_catalog(struct fixture *f, struct nba_rng *rng)
{
    for (uint32_t i = 0; i < CONTENTS; i++) {
        char id[8];
        struct nba_str lists[2][2];
        const struct nba_treatment treatments[] = {random_treatment(rng, lists[0]),
                                                   random_treatment(rng, lists[1])};
        (void)snprintf(id, sizeof(id), "c%02u", (unsigned)i);
        const struct nba_reference record = {
            .content = {.content_id = nba_str_of(id),
                        .brand = PICK(rng, brands),
                        .asset_type = PICK(rng, assets),
                        .content_class = chance(rng, 80) ? NBA_CONTENT_CLASS_PROMOTIONAL
                                                         : NBA_CONTENT_CLASS_MEDICAL,
                        .treatments = treatments,
                        .treatment_count = 1 + (uint32_t)nba_rng_below(rng, 2)}};
        assert_int_equal(nba_catalog_builder_apply(f->builder, &record, NULL), NBA_OK);
    }
}

static void random_hcp(struct nba_hcp *hcp, struct nba_rng *rng)
{
    static const char *const scope_ids[] = {"B0", "B1", "letter", "promotional", "medical", "B9"};
    hcp->profile.market = PICK(rng, markets);
    hcp->profile.language = PICK(rng, languages);
    hcp->profile.rep_id = PICK(rng, reps);
    hcp->profile.msl_id = PICK(rng, reps);
    hcp->profile.do_not_contact = chance(rng, 10);
    for (unsigned c = 1; c < NBA_CHANNEL_COUNT; c++) {
        hcp->profile.address[c] =
            (uint8_t)(chance(rng, 70) ? NBA_ADDRESS_OK : nba_rng_below(rng, 4));
    }
    hcp->consent_count = (uint32_t)nba_rng_below(rng, 6);
    for (uint32_t i = 0; i < hcp->consent_count; i++) {
        hcp->consents[i] = (struct nba_consent){
            .channel = (enum nba_channel)nba_rng_below(rng, NBA_CHANNEL_COUNT),
            .scope = (enum nba_consent_scope)(1 + nba_rng_below(rng, 4)),
            .status = (enum nba_consent_status)(chance(rng, 20) ? 2 : 1 + 2 * chance(rng, 20)),
            .scope_id = PICK(rng, scope_ids),
            .captured_at_ms = chance(rng, 20) ? NOW - 400 * NBA_DAY_MS : NOW - NBA_DAY_MS,
            .expires_at_ms = chance(rng, 20) ? NOW + (int64_t)nba_rng_below(rng, 2) : NBA_TIME_NONE,
        };
    }
}

/* An HCP who differs from the last one in a single field: what stands for both must not go
 * further than that. */
static void change_one_field(struct nba_hcp *hcp, struct nba_rng *rng)
{
    struct nba_hcp_profile *profile = &hcp->profile;
    const unsigned channel = 1 + (unsigned)nba_rng_below(rng, NBA_CHANNEL_COUNT - 1);
    hcp->consent_count = 0;
    switch (nba_rng_below(rng, 6)) {
    case 0:
        profile->market = PICK(rng, markets);
        break;
    case 1:
        profile->language = PICK(rng, languages);
        break;
    case 2:
        profile->rep_id = PICK(rng, reps);
        break;
    case 3:
        profile->msl_id = PICK(rng, reps);
        break;
    case 4:
        profile->do_not_contact = !profile->do_not_contact;
        break;
    default:
        profile->address[channel] = (uint8_t)nba_rng_below(rng, 4);
    }
}

/* ---- the plain evaluator ---- */

static bool lists(struct nba_str_list list, struct nba_str word)
{
    for (uint32_t i = 0; i < list.count; i++) {
        if (nba_str_equal(list.items[i], word)) {
            return true;
        }
    }
    return list.count == 0;
}

static bool speaks_of(const struct nba_consent *consent, const struct nba_content *content,
                      enum nba_channel channel)
{
    const bool same = consent->channel == channel || consent->channel == NBA_CHANNEL_UNKNOWN;
    switch (consent->scope) {
    case NBA_CONSENT_SCOPE_GLOBAL:
        return same || consent->status == NBA_CONSENT_STATUS_OPT_OUT;
    case NBA_CONSENT_SCOPE_CHANNEL:
        return same;
    case NBA_CONSENT_SCOPE_BRAND:
        return same && nba_str_equal(consent->scope_id, content->brand);
    case NBA_CONSENT_SCOPE_CONTENT_TYPE:
        return same &&
               (nba_str_equal(consent->scope_id, content->asset_type) ||
                nba_str_is(consent->scope_id, nba_content_class_name(content->content_class)));
    case NBA_CONSENT_SCOPE_UNKNOWN:
    case NBA_CONSENT_SCOPE_COUNT:
        break;
    }
    return false;
}

static const char *model_of(struct nba_str market, enum nba_channel channel)
{
    const bool mix = nba_str_is(market, "MIX");
    if (nba_str_is(market, "IN")) {
        return "opt_in";
    }
    if (nba_str_is(market, "OUT")) {
        return channel == NBA_CHANNEL_EMAIL || channel == NBA_CHANNEL_REP ||
                       channel == NBA_CHANNEL_WEB
                   ? "open"
                   : "no";
    }
    if (mix && channel == NBA_CHANNEL_EMAIL) {
        return "opt_in";
    }
    return mix && (channel == NBA_CHANNEL_REP || channel == NBA_CHANNEL_SMS) ? "open" : "no";
}

static enum nba_reason plain_consent(const struct nba_hcp *hcp, const struct nba_content *content,
                                     enum nba_channel channel)
{
    bool valid = false;
    bool expired = false;
    bool pending = false;
    for (uint32_t i = 0; i < hcp->consent_count; i++) {
        const struct nba_consent *consent = &hcp->consents[i];
        if (!speaks_of(consent, content, channel)) {
            continue;
        }
        const bool old =
            (consent->expires_at_ms != NBA_TIME_NONE && NOW >= consent->expires_at_ms) ||
            consent->captured_at_ms == NOW - 400 * NBA_DAY_MS;
        if (consent->status == NBA_CONSENT_STATUS_OPT_OUT) {
            return NBA_REASON_CONSENT_REVOKED;
        }
        valid = valid || (consent->status == NBA_CONSENT_STATUS_OPT_IN && !old);
        expired = expired || (consent->status == NBA_CONSENT_STATUS_OPT_IN && old);
        pending = pending || consent->status == NBA_CONSENT_STATUS_PENDING;
    }
    const char *model = model_of(hcp->profile.market, channel);
    if (strcmp(model, "open") == 0 || (strcmp(model, "opt_in") == 0 && valid)) {
        return hcp->profile.do_not_contact ? NBA_REASON_DO_NOT_CONTACT : NBA_REASON_NONE;
    }
    return expired   ? NBA_REASON_CONSENT_EXPIRED
           : pending ? NBA_REASON_CONSENT_UNCONFIRMED
                     : NBA_REASON_CONSENT_MISSING;
}

static enum nba_reason plain_availability(const struct nba_hcp *hcp,
                                          const struct nba_content *content,
                                          const struct nba_treatment *t)
{
    if (nba_str_is(content->brand, "B2") || nba_str_is(content->content_id, "c07")) {
        return NBA_REASON_EXCLUDED;
    }
    if (t->approval_state == NBA_APPROVAL_DRAFT) {
        return NBA_REASON_CONTENT_NOT_APPROVED;
    }
    if (t->effective_from_ms != NBA_TIME_NONE && NOW < t->effective_from_ms) {
        return NBA_REASON_CONTENT_NOT_EFFECTIVE;
    }
    if (t->expires_at_ms != NBA_TIME_NONE && NOW >= t->expires_at_ms) {
        return NBA_REASON_CONTENT_EXPIRED;
    }
    if (t->approval_state == NBA_APPROVAL_WITHDRAWN) {
        return NBA_REASON_CONTENT_WITHDRAWN;
    }
    if (!lists(t->markets, hcp->profile.market)) {
        return NBA_REASON_MARKET_MISMATCH;
    }
    if (!lists(t->languages, hcp->profile.language)) {
        return NBA_REASON_LANGUAGE_MISMATCH;
    }
    return t->channel == NBA_CHANNEL_UNKNOWN ? NBA_REASON_CHANNEL_DISABLED : NBA_REASON_NONE;
}

/* NONE, REP_NOT_ALIGNED, REP_ABSENT or ROLE_MISMATCH. */
static enum nba_reason plain_person(const struct nba_hcp *hcp, bool medical)
{
    struct nba_str id = medical ? hcp->profile.msl_id : hcp->profile.rep_id;
    if (id.bytes == 0) {
        id = medical ? hcp->profile.rep_id : hcp->profile.msl_id;
    }
    if (id.bytes == 0 || nba_str_is(id, "ghost")) {
        return NBA_REASON_REP_NOT_ALIGNED;
    }
    if (nba_str_is(id, "away")) {
        return NBA_REASON_REP_ABSENT;
    }
    return nba_str_is(id, "msl-1") == medical ? NBA_REASON_NONE : NBA_REASON_ROLE_MISMATCH;
}

static enum nba_reason plain_reason(const struct nba_hcp *hcp, const struct nba_content *content,
                                    const struct nba_treatment *t, double p)
{
    const enum nba_reason availability = plain_availability(hcp, content, t);
    if (availability != NBA_REASON_NONE) {
        return availability;
    }
    const uint8_t address = hcp->profile.address[t->channel];
    const bool must = t->channel == NBA_CHANNEL_EMAIL || t->channel == NBA_CHANNEL_SMS;
    const bool by_rep = t->channel == NBA_CHANNEL_REP ||
                        t->action_type == NBA_ACTION_TYPE_REP_CALL ||
                        t->action_type == NBA_ACTION_TYPE_REP_EMAIL;
    const enum nba_reason person =
        by_rep ? plain_person(hcp, content->content_class == NBA_CONTENT_CLASS_MEDICAL)
               : NBA_REASON_NONE;
    if (address == NBA_ADDRESS_NONE || (must && address == NBA_ADDRESS_ABSENT)) {
        return NBA_REASON_NO_ADDRESS;
    }
    if (address == NBA_ADDRESS_BOUNCED) {
        return NBA_REASON_ADDRESS_BOUNCED;
    }
    if (person != NBA_REASON_NONE && person != NBA_REASON_ROLE_MISMATCH) {
        return person;
    }
    const enum nba_reason consent = plain_consent(hcp, content, t->channel);
    if (consent != NBA_REASON_NONE || person != NBA_REASON_NONE) {
        return consent != NBA_REASON_NONE ? consent : person;
    }
    const double threshold = t->channel == NBA_CHANNEL_EMAIL ? 0.05
                             : t->channel == NBA_CHANNEL_WEB ? 0.02
                                                             : 0;
    return p < threshold ? NBA_REASON_BELOW_PROPENSITY : NBA_REASON_NONE;
}

static uint32_t check(const struct fixture *f)
{
    uint32_t passed = 0;
    for (uint32_t c = 0; c < f->catalog->candidate_count; c++) {
        const struct nba_content *content = nba_catalog_content(f->catalog, c);
        const enum nba_reason want =
            plain_reason(&f->hcp, content, nba_catalog_treatment(f->catalog, c), f->propensity[c]);
        const enum nba_reason got = fixture_reason_of(f, c);
        const bool alive = got == NBA_REASON_NONE || got == NBA_REASON_LOST_ARBITRATION;
        if (want == NBA_REASON_NONE ? !alive : got != want) {
            fail_msg("%.*s: %s, expected %s", NBA_STR_ARG(content->content_id),
                     nba_reason_name(got), nba_reason_name(want));
        }
        passed += alive;
    }
    return passed;
}

/* What another level of instructions decides. */
static void assert_same(const struct nba_decision *a, const struct nba_decision *b)
{
    assert_int_equal(a->packed_reason_count, b->packed_reason_count);
    for (uint32_t i = 0; i < a->packed_reason_count; i++) {
        assert_int_equal(a->packed_reasons[i].reason, b->packed_reasons[i].reason);
        assert_true(
            nba_str_equal(a->packed_reasons[i].candidates, b->packed_reasons[i].candidates));
    }
    assert_memory_equal(a->reason_count, b->reason_count, sizeof(a->reason_count));
    assert_int_equal(a->selected_count, b->selected_count);
    for (uint32_t i = 0; i < a->selected_count; i++) {
        assert_true(nba_str_equal(a->selected[i].action_id, b->selected[i].action_id));
        assert_memory_equal(&a->selected[i].priority, &b->selected[i].priority, sizeof(double));
    }
    assert_int_equal(a->suppressed_count, b->suppressed_count);
    for (uint32_t i = 0; i < a->suppressed_count; i++) {
        assert_true(nba_str_equal(a->suppressed[i].content_id, b->suppressed[i].content_id));
        assert_memory_equal(&a->suppressed[i].priority, &b->suppressed[i].priority, sizeof(float));
    }
}

static void test_gates_of_random_hcps_equal_those_of_a_plain_evaluator(void **state)
{
    struct nba_rng rng = nba_rng(5);
    uint32_t passed = 0;
    (void)state;
    for (uint32_t round = 0; round < ROUNDS; round++) {
        struct fixture *f = fixture_create(POLICY);
        add_people(f);
        random_catalog(f, &rng);
        fixture_bind(f);
        for (uint32_t i = 0; i < 15; i++) {
            (i % 3 == 0 ? random_hcp : change_one_field)(&f->hcp, &rng);
            for (uint32_t c = 0; c < f->catalog->candidate_count; c++) {
                f->propensity[c] = (double)nba_rng_below(&rng, 10) / 100;
            }
            struct nba_event event = fixture_event("e", "2026-11-20T15:20:00Z", "");
            event.event_time_ms = NOW;
            fixture_decide_event(f, &event);
            passed += check(f);
            const struct nba_decision best = f->result.decision;
            for (int level = NBA_VECTOR_PLAIN; level < (int)nba_vector_best(); level++) {
                nba_vector_limit((enum nba_vector_level)level);
                fixture_decide_event(f, &event);
                assert_same(&f->result.decision, &best);
            }
            nba_vector_limit(nba_vector_best());
        }
        fixture_destroy(f);
    }
    assert_true(passed > 1000); /* not everything was stopped */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_gates_of_random_hcps_equal_those_of_a_plain_evaluator),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
