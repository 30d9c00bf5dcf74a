/* Stages 0 to 6 and 9: each reason this version gives, its borders, its evidence. */
#include "policy_fixture.h"

#define NOW "2026-11-18T09:00:00Z"

/* One content of each kind the gates tell apart. */
static struct fixture *create(const char *policy)
{
    struct fixture *f = fixture_create(policy);
    fixture_email(f, "mail");
    fixture_content(f, "call", "X", "t", NBA_CHANNEL_REP, NBA_ACTION_TYPE_REP_CALL);
    fixture_content(f, "page", "X", "t", NBA_CHANNEL_WEB, NBA_ACTION_TYPE_PORTAL_CONTENT);
    return f;
}

/* Decides at NOW about a fixture with one e-mail, with the treatment as given. */
static enum nba_reason reason_of_treatment(struct nba_treatment treatment)
{
    struct fixture *f = fixture_create(FIXTURE_POLICY);
    fixture_content_edited(f, "mail", "X", "t", treatment, NULL);
    fixture_bind(f);
    fixture_decide(f, NOW);
    const enum nba_reason reason = fixture_reason(f, "mail");
    fixture_destroy(f);
    return reason;
}

static void test_content_is_usable_from_its_effective_time_until_its_expiry(void **state)
{
    struct nba_treatment t = fixture_treatment(NBA_CHANNEL_EMAIL, NBA_ACTION_TYPE_EMAIL);
    (void)state;
    assert_int_equal(reason_of_treatment(t), NBA_REASON_NONE);
    t.effective_from_ms = at(NOW);
    assert_int_equal(reason_of_treatment(t), NBA_REASON_NONE);
    t.effective_from_ms = at(NOW) + 1;
    assert_int_equal(reason_of_treatment(t), NBA_REASON_CONTENT_NOT_EFFECTIVE);
    t.effective_from_ms = NBA_TIME_NONE;
    t.expires_at_ms = at(NOW) + 1;
    assert_int_equal(reason_of_treatment(t), NBA_REASON_NONE);
    t.expires_at_ms = at(NOW);
    assert_int_equal(reason_of_treatment(t), NBA_REASON_CONTENT_EXPIRED);
}

static void test_dates_are_asked_anew_when_the_clock_passes_a_border(void **state)
{
    struct nba_treatment t = fixture_treatment(NBA_CHANNEL_EMAIL, NBA_ACTION_TYPE_EMAIL);
    struct fixture *f = fixture_create(FIXTURE_POLICY);
    (void)state;
    t.effective_from_ms = at("2026-11-10T00:00:00Z");
    t.expires_at_ms = at("2026-11-20T00:00:00Z");
    fixture_content_edited(f, "mail", "X", "t", t, NULL);
    fixture_bind(f);
    static const struct {
        const char *time;
        enum nba_reason reason;
    } steps[] = {
        {"2026-11-09T23:59:59Z", NBA_REASON_CONTENT_NOT_EFFECTIVE},
        {"2026-11-10T00:00:00Z", NBA_REASON_NONE},
        {"2026-11-19T23:59:59Z", NBA_REASON_NONE},
        {"2026-11-20T00:00:00Z", NBA_REASON_CONTENT_EXPIRED},
        {"2026-11-15T00:00:00Z", NBA_REASON_NONE},
        {"2026-11-01T00:00:00Z", NBA_REASON_CONTENT_NOT_EFFECTIVE},
    };
    for (size_t i = 0; i < NBA_ARRAY_COUNT(steps); i++) {
        fixture_decide(f, steps[i].time);
        assert_int_equal(fixture_reason(f, "mail"), steps[i].reason);
    }
    fixture_destroy(f);
}

static void test_only_approved_content_of_the_market_and_language_is_available(void **state)
{
    const struct nba_str german = nba_str_of("DE");
    const struct nba_str both[] = {nba_str_of("DE"), nba_str_of("US")};
    const struct nba_str french = nba_str_of("fr");
    struct nba_treatment t = fixture_treatment(NBA_CHANNEL_EMAIL, NBA_ACTION_TYPE_EMAIL);
    (void)state;
    t.approval_state = NBA_APPROVAL_DRAFT;
    assert_int_equal(reason_of_treatment(t), NBA_REASON_CONTENT_NOT_APPROVED);
    t.approval_state = NBA_APPROVAL_UNKNOWN;
    assert_int_equal(reason_of_treatment(t), NBA_REASON_CONTENT_NOT_APPROVED);
    t.approval_state = NBA_APPROVAL_WITHDRAWN;
    assert_int_equal(reason_of_treatment(t), NBA_REASON_CONTENT_WITHDRAWN);
    t.approval_state = NBA_APPROVAL_APPROVED;
    t.markets = (struct nba_str_list){&german, 1};
    assert_int_equal(reason_of_treatment(t), NBA_REASON_MARKET_MISMATCH);
    t.markets = (struct nba_str_list){both, 2};
    assert_int_equal(reason_of_treatment(t), NBA_REASON_NONE);
    t.languages = (struct nba_str_list){&french, 1};
    assert_int_equal(reason_of_treatment(t), NBA_REASON_LANGUAGE_MISMATCH);
    t.languages = (struct nba_str_list){NULL, 0};
    t.channel = NBA_CHANNEL_UNKNOWN;
    assert_int_equal(reason_of_treatment(t), NBA_REASON_CHANNEL_DISABLED);
}

static void test_the_first_failing_check_gives_the_reason(void **state)
{
    const struct nba_str german = nba_str_of("DE");
    struct nba_treatment t = fixture_treatment(NBA_CHANNEL_EMAIL, NBA_ACTION_TYPE_EMAIL);
    (void)state;
    t.markets = (struct nba_str_list){&german, 1};
    t.expires_at_ms = at(NOW);
    assert_int_equal(reason_of_treatment(t), NBA_REASON_CONTENT_EXPIRED);
    t.approval_state = NBA_APPROVAL_WITHDRAWN;
    assert_int_equal(reason_of_treatment(t), NBA_REASON_CONTENT_EXPIRED);
    t.approval_state = NBA_APPROVAL_DRAFT;
    assert_int_equal(reason_of_treatment(t), NBA_REASON_CONTENT_NOT_APPROVED);
}

static void test_an_email_needs_an_address_that_works(void **state)
{
    static const struct {
        uint8_t address;
        enum nba_reason reason;
    } cases[] = {{NBA_ADDRESS_OK, NBA_REASON_NONE},
                 {NBA_ADDRESS_ABSENT, NBA_REASON_NO_ADDRESS},
                 {NBA_ADDRESS_NONE, NBA_REASON_NO_ADDRESS},
                 {NBA_ADDRESS_BOUNCED, NBA_REASON_ADDRESS_BOUNCED}};
    struct fixture *f = create(FIXTURE_POLICY);
    (void)state;
    fixture_bind(f);
    for (size_t i = 0; i < NBA_ARRAY_COUNT(cases); i++) {
        f->hcp.profile.address[NBA_CHANNEL_EMAIL] = cases[i].address;
        fixture_decide(f, NOW);
        assert_int_equal(fixture_suppressed(f, "mail") != NULL
                             ? fixture_suppressed(f, "mail")->reason
                             : NBA_REASON_NONE,
                         cases[i].reason);
    }
    f->hcp.profile.address[NBA_CHANNEL_WEB] = NBA_ADDRESS_ABSENT;
    fixture_decide(f, NOW);
    assert_true(fixture_reason(f, "page") == NBA_REASON_NONE);
    f->hcp.profile.address[NBA_CHANNEL_WEB] = NBA_ADDRESS_NONE;
    fixture_decide(f, NOW);
    assert_reason(f, "page", NO_ADDRESS);
    fixture_destroy(f);
}

static void add_rep(struct fixture *f, const char *id, enum nba_rep_role role, const char *away)
{
    const struct nba_absence absence = {at("2026-11-18T00:00:00Z"), at(NOW)};
    const struct nba_absence vacation = {at(NOW), at("2026-11-19T00:00:00Z")};
    const struct nba_reference record = {
        .kind = NBA_REFERENCE_REP,
        .rep = {.rep_id = nba_str_of(id),
                .role = role,
                .territory_id = nba_str_of("T-9"),
                .absences = strcmp(away, "until now") == 0 ? &absence : &vacation,
                .absence_count = away[0] != '\0'}};
    assert_int_equal(nba_catalog_builder_apply(f->builder, &record, NULL), NBA_OK);
}

static void test_a_call_needs_a_rep_who_is_aligned_and_there(void **state)
{
    struct fixture *f = create(FIXTURE_POLICY);
    (void)state;
    add_rep(f, "away", NBA_REP_ROLE_REP, "from now");
    add_rep(f, "back", NBA_REP_ROLE_REP, "until now");
    fixture_bind(f);
    static const struct {
        const char *rep;
        enum nba_reason reason;
    } cases[] = {{"rep-1", NBA_REASON_NONE},
                 {"", NBA_REASON_REP_NOT_ALIGNED},
                 {"nobody", NBA_REASON_REP_NOT_ALIGNED},
                 {"away", NBA_REASON_REP_ABSENT},
                 {"back", NBA_REASON_NONE}};
    fixture_score(f, "call", 0.9);
    for (size_t i = 0; i < NBA_ARRAY_COUNT(cases); i++) {
        f->hcp.profile.rep_id = nba_str_of(cases[i].rep);
        fixture_decide(f, NOW);
        assert_int_equal(fixture_reason(f, "call"), cases[i].reason);
    }
    assert_str_equal(f->result.actions[0].rep_id, "back");
    assert_str_equal(f->result.actions[0].territory_id, "T-9");
    fixture_destroy(f);
}

static void make_medical(struct nba_content *content)
{
    content->content_class = NBA_CONTENT_CLASS_MEDICAL;
}

static void test_promotional_content_goes_through_reps_and_medical_content_through_msls(
    void **state)
{
    struct fixture *f = create(FIXTURE_POLICY);
    (void)state;
    fixture_content_edited(f, "paper", "X", "t",
                           fixture_treatment(NBA_CHANNEL_REP, NBA_ACTION_TYPE_REP_CALL),
                           make_medical);
    add_rep(f, "msl-1", NBA_REP_ROLE_MSL, "");
    fixture_bind(f);
    fixture_decide(f, NOW);
    assert_reason(f, "paper", ROLE_MISMATCH); /* only a sales rep is aligned */
    f->hcp.profile.msl_id = nba_str_of("msl-1");
    fixture_score(f, "paper", 0.9);
    fixture_decide(f, NOW);
    assert_reason(f, "paper", NONE);
    assert_str_equal(f->result.actions[0].rep_id, "msl-1");
    f->hcp.profile.rep_id = nba_str_of("");
    fixture_decide(f, NOW);
    assert_reason(f, "call", ROLE_MISMATCH);
    f->hcp.profile.rep_id = nba_str_of("msl-1"); /* aligned as rep, but an MSL by role */
    fixture_decide(f, NOW);
    assert_reason(f, "call", ROLE_MISMATCH);
    fixture_destroy(f);
}

static void test_a_medical_inquiry_starts_msl_actions_only(void **state)
{
    struct fixture *f = create(FIXTURE_POLICY);
    (void)state;
    fixture_content_edited(f, "paper", "X", "t",
                           fixture_treatment(NBA_CHANNEL_REP, NBA_ACTION_TYPE_REP_CALL),
                           make_medical);
    add_rep(f, "msl-1", NBA_REP_ROLE_MSL, "");
    f->hcp.profile.msl_id = nba_str_of("msl-1");
    fixture_bind(f);
    struct nba_event inquiry = fixture_event("q", NOW, "t");
    inquiry.type = NBA_EVENT_MEDICAL_INQUIRY_SUBMITTED;
    fixture_decide_event(f, &inquiry);
    assert_int_equal(f->result.action_count, 1);
    assert_str_equal(f->result.actions[0].content_id, "paper");
    assert_reason(f, "mail", ROLE_MISMATCH);
    assert_reason(f, "call", ROLE_MISMATCH);
    assert_reason(f, "page", ROLE_MISMATCH);
    fixture_destroy(f);
}

/* ---- consent ---- */

#define CONSENT_POLICY                                                             \
    "policy_version: v1\n"                                                         \
    "tenant: acme\n"                                                               \
    "decide_on: []\n"                                                              \
    "consent: {models: {IN: {email: opt_in}, OUT: {email: opt_out}, IMP: {email: " \
    "implicit}, NEV: {email: never}, GAP: {web: implicit}}, max_age: P24M}\n"      \
    "slate: {size: 2}\n"

struct consent_case {
    const char *records;   /* one letter a record, see add_consents; in this order */
    const char *reason[4]; /* under opt_in, opt_out, implicit, never */
};

/* I valid opt-in of the brand, O opt-out of the channel, P pending, X expired opt-in, A too old
 * opt-in, o opt-out of another brand, i opt-in of another brand, G global opt-out, g global opt-in,
 * T opt-out of the content type, W opt-out of another channel. */
static void add_consents(struct fixture *f, const char *letters)
{
    f->hcp.consent_count = 0;
    for (const char *p = letters; *p != '\0'; p++) {
        struct nba_consent c = {.channel = NBA_CHANNEL_EMAIL,
                                .scope = NBA_CONSENT_SCOPE_BRAND,
                                .status = NBA_CONSENT_STATUS_OPT_IN,
                                .scope_id = nba_str_of("X"),
                                .captured_at_ms = at("2026-01-01T00:00:00Z"),
                                .expires_at_ms = NBA_TIME_NONE,
                                .evidence_event_id = nba_str(p, 1)};
        const bool out = strchr("OoGTW", *p) != NULL;
        c.status = out ? NBA_CONSENT_STATUS_OPT_OUT : c.status;
        c.status = *p == 'P' ? NBA_CONSENT_STATUS_PENDING : c.status;
        c.scope = strchr("OWP", *p) != NULL ? NBA_CONSENT_SCOPE_CHANNEL : c.scope;
        c.scope = strchr("Gg", *p) != NULL ? NBA_CONSENT_SCOPE_GLOBAL : c.scope;
        c.scope = *p == 'T' ? NBA_CONSENT_SCOPE_CONTENT_TYPE : c.scope;
        c.scope_id = strchr("io", *p) != NULL ? nba_str_of("Y") : c.scope_id;
        c.scope_id = *p == 'T' ? nba_str_of("promotional") : c.scope_id;
        c.expires_at_ms = *p == 'X' ? at(NOW) : c.expires_at_ms;
        c.captured_at_ms = *p == 'A' ? at("2024-11-18T09:00:00Z") : c.captured_at_ms;
        c.channel = *p == 'W' ? NBA_CHANNEL_WEB : c.channel;
        f->hcp.consents[f->hcp.consent_count++] = c;
    }
}

static void test_consent_follows_the_model_of_the_market_and_any_opt_out_wins(void **state)
{
    static const struct consent_case cases[] = {
        {"", {"CONSENT_MISSING", "NONE", "NONE", "CONSENT_MISSING"}},
        {"I", {"NONE", "NONE", "NONE", "CONSENT_MISSING"}},
        {"g", {"NONE", "NONE", "NONE", "CONSENT_MISSING"}},
        {"i", {"CONSENT_MISSING", "NONE", "NONE", "CONSENT_MISSING"}},
        {"P", {"CONSENT_UNCONFIRMED", "NONE", "NONE", "CONSENT_UNCONFIRMED"}},
        {"PI", {"NONE", "NONE", "NONE", "CONSENT_UNCONFIRMED"}},
        {"X", {"CONSENT_EXPIRED", "NONE", "NONE", "CONSENT_EXPIRED"}},
        {"A", {"CONSENT_EXPIRED", "NONE", "NONE", "CONSENT_EXPIRED"}},
        {"XP", {"CONSENT_EXPIRED", "NONE", "NONE", "CONSENT_EXPIRED"}},
        {"XI", {"NONE", "NONE", "NONE", "CONSENT_EXPIRED"}},
        {"O", {"CONSENT_REVOKED", "CONSENT_REVOKED", "CONSENT_REVOKED", "CONSENT_REVOKED"}},
        {"IO", {"CONSENT_REVOKED", "CONSENT_REVOKED", "CONSENT_REVOKED", "CONSENT_REVOKED"}},
        {"gO", {"CONSENT_REVOKED", "CONSENT_REVOKED", "CONSENT_REVOKED", "CONSENT_REVOKED"}},
        {"G", {"CONSENT_REVOKED", "CONSENT_REVOKED", "CONSENT_REVOKED", "CONSENT_REVOKED"}},
        {"IT", {"CONSENT_REVOKED", "CONSENT_REVOKED", "CONSENT_REVOKED", "CONSENT_REVOKED"}},
        {"XO", {"CONSENT_REVOKED", "CONSENT_REVOKED", "CONSENT_REVOKED", "CONSENT_REVOKED"}},
        {"Io", {"NONE", "NONE", "NONE", "CONSENT_MISSING"}},
        {"IW", {"NONE", "NONE", "NONE", "CONSENT_MISSING"}},
    };
    static const char *const markets[] = {"IN", "OUT", "IMP", "NEV"};
    struct fixture *f = fixture_create(CONSENT_POLICY);
    (void)state;
    fixture_email(f, "mail");
    fixture_content(f, "other", "Y", "t", NBA_CHANNEL_EMAIL, NBA_ACTION_TYPE_EMAIL);
    fixture_bind(f);
    for (size_t i = 0; i < NBA_ARRAY_COUNT(cases); i++) {
        for (size_t m = 0; m < NBA_ARRAY_COUNT(markets); m++) {
            add_consents(f, cases[i].records);
            f->hcp.profile.market = nba_str_of(markets[m]);
            fixture_decide(f, NOW);
            const char *got = nba_reason_name(fixture_reason(f, "mail"));
            if (strcmp(got, cases[i].reason[m]) != 0) {
                fail_msg("records '%s' under %s: %s, expected %s", cases[i].records, markets[m],
                         got, cases[i].reason[m]);
            }
        }
    }
    fixture_destroy(f);
}

static void test_a_market_or_channel_without_a_model_is_no(void **state)
{
    struct fixture *f = fixture_create(CONSENT_POLICY);
    static const char *const markets[] = {"GAP", "ELSEWHERE", ""};
    (void)state;
    fixture_email(f, "mail");
    fixture_bind(f);
    for (size_t i = 0; i < NBA_ARRAY_COUNT(markets); i++) {
        add_consents(f, "I");
        f->hcp.profile.market = nba_str_of(markets[i]);
        fixture_decide(f, NOW);
        assert_reason(f, "mail", CONSENT_MISSING);
        assert_str_equal(fixture_suppressed(f, "mail")->rule_id, "consent.default");
    }
    fixture_destroy(f);
}

static void test_consent_lasts_up_to_its_expiry_and_age_and_not_at_it(void **state)
{
    struct fixture *f = fixture_create(CONSENT_POLICY);
    (void)state;
    fixture_email(f, "mail");
    fixture_bind(f);
    f->hcp.profile.market = nba_str_of("IN");
    add_consents(f, "I");
    f->hcp.consents[0].captured_at_ms = at("2024-11-18T09:00:00Z") + 1; /* 24 months less 1 ms */
    fixture_decide(f, NOW);
    assert_reason(f, "mail", NONE);
    f->hcp.consents[0].captured_at_ms = at("2024-11-18T09:00:00Z");
    fixture_decide(f, NOW);
    assert_reason(f, "mail", CONSENT_EXPIRED);
    assert_int_equal(fixture_suppressed(f, "mail")->evidence_event_ids.count, 1);
    f->hcp.consents[0].captured_at_ms = at("2026-01-01T00:00:00Z");
    f->hcp.consents[0].expires_at_ms = at(NOW) + 1;
    fixture_decide(f, NOW);
    assert_reason(f, "mail", NONE);
    f->hcp.consents[0].expires_at_ms = at(NOW);
    fixture_decide(f, NOW);
    assert_reason(f, "mail", CONSENT_EXPIRED);
    fixture_destroy(f);
}

static void test_a_refusal_names_every_record_that_refuses(void **state)
{
    struct fixture *f = fixture_create(CONSENT_POLICY);
    (void)state;
    fixture_email(f, "mail");
    fixture_bind(f);
    f->hcp.profile.market = nba_str_of("IN");
    add_consents(f, "IOTW");
    fixture_decide(f, NOW);
    const struct nba_suppressed *s = fixture_suppressed(f, "mail");
    assert_str_equal(s->rule_id, "consent.IN.email");
    assert_int_equal(s->evidence_event_ids.count, 2);
    assert_int_equal(s->evidence_event_ids.items[0].data[0], 'O');
    assert_int_equal(s->evidence_event_ids.items[1].data[0], 'T');
    fixture_destroy(f);
}

/* ---- exclusions, engagement policies, threshold, modes ---- */

static void test_an_exclusion_of_the_policy_holds_until_its_end(void **state)
{
    struct fixture *f = create(
        FIXTURE_POLICY "exclusions:\n"
                       "  - {id: stop-1, content_id: mail, until: \"2026-11-18T09:00:00Z\"}\n"
                       "  - {id: stop-2, brand: \"Y\"}\n");
    (void)state;
    fixture_content(f, "y", "Y", "t", NBA_CHANNEL_WEB, NBA_ACTION_TYPE_PORTAL_CONTENT);
    fixture_bind(f);
    fixture_decide(f, "2026-11-18T08:59:59Z");
    assert_reason(f, "mail", EXCLUDED);
    assert_str_equal(fixture_suppressed(f, "mail")->rule_id, "stop-1");
    assert_true(fixture_suppressed(f, "mail")->until_ms == at(NOW));
    assert_reason(f, "y", EXCLUDED);
    assert_str_equal(fixture_suppressed(f, "y")->rule_id, "stop-2");
    fixture_decide(f, NOW);
    assert_true(fixture_reason(f, "mail") == NBA_REASON_NONE);
    assert_reason(f, "y", EXCLUDED);
    fixture_destroy(f);
}

static void test_an_exclusion_by_control_message_recalls_what_is_open(void **state)
{
    struct fixture *f = create(FIXTURE_POLICY);
    (void)state;
    fixture_bind(f);
    fixture_score(f, "mail", 0.5);
    fixture_decide(f, NOW);
    assert_str_equal(f->result.actions[0].content_id, "mail");
    fixture_keep_open(f);
    const struct nba_control stop = {.kind = NBA_CONTROL_EXCLUDE,
                                     .id = nba_str_of("m-1"),
                                     .target = nba_str_of("mail"),
                                     .scope = nba_str_of("content"),
                                     .until_ms = NBA_TIME_NONE};
    fixture_control(f, &stop);
    fixture_bind(f);
    const struct nba_recall *recalls = NULL;
    uint32_t count = 0;
    assert_int_equal(
        nba_funnel_recall(f->funnel, &f->hcp, at(NOW) + 1, &f->arena, &recalls, &count), NBA_OK);
    assert_int_equal(count, 1);
    assert_int_equal(recalls[0].reason, NBA_REASON_EXCLUDED);
    assert_str_equal(recalls[0].rule_id, "m-1");
    assert_string_equal(recalls[0].cause, "control");
    assert_str_equal(recalls[0].cause_id, "m-1");
    fixture_decide(f, NOW);
    assert_reason(f, "mail", EXCLUDED);
    const struct nba_control go = {
        .kind = NBA_CONTROL_INCLUDE, .target = nba_str_of("mail"), .scope = nba_str_of("content")};
    fixture_control(f, &go);
    fixture_bind(f);
    assert_int_equal(
        nba_funnel_recall(f->funnel, &f->hcp, at(NOW) + 1, &f->arena, &recalls, &count), NBA_OK);
    assert_int_equal(count, 0);
    fixture_destroy(f);
}

static void test_the_kill_switch_recalls_what_is_open_and_shadow_mode_does_not(void **state)
{
    static const char *const modes[] = {"shadow", "stopped", "live"};
    struct fixture *f = create(FIXTURE_POLICY);
    (void)state;
    fixture_bind(f);
    fixture_score(f, "mail", 0.5);
    fixture_decide(f, NOW);
    fixture_keep_open(f);
    for (size_t i = 0; i < NBA_ARRAY_COUNT(modes); i++) {
        const struct nba_control mode = {.kind = NBA_CONTROL_MODE,
                                         .id = nba_str_of("k-1"),
                                         .target = nba_str_of(modes[i]),
                                         .until_ms = NBA_TIME_NONE};
        const struct nba_recall *recalls = NULL;
        uint32_t count = 0;
        fixture_control(f, &mode);
        fixture_bind(f);
        assert_int_equal(
            nba_funnel_recall(f->funnel, &f->hcp, at(NOW) + 1, &f->arena, &recalls, &count),
            NBA_OK);
        assert_int_equal(count, strcmp(modes[i], "stopped") == 0 ? f->hcp.action_count : 0);
        if (count != 0) {
            assert_int_equal(recalls[0].reason, NBA_REASON_STOPPED);
            assert_string_equal(recalls[0].cause, "control");
            assert_str_equal(recalls[0].cause_id, "k-1");
        }
    }
    fixture_destroy(f);
}

static void test_withdrawn_and_vanished_content_is_recalled(void **state)
{
    struct fixture *f = create(FIXTURE_POLICY);
    (void)state;
    fixture_bind(f);
    fixture_decide(f, NOW);
    assert_int_equal(f->result.action_count, 2);
    fixture_keep_open(f);
    const struct nba_str gone = f->result.actions[0].content_id;
    const struct nba_str withdrawn = f->result.actions[1].content_id;
    char key[32];
    char id[16];
    (void)snprintf(key, sizeof(key), "content:%.*s", NBA_STR_ARG(gone));
    (void)snprintf(id, sizeof(id), "%.*s", NBA_STR_ARG(withdrawn));
    struct nba_treatment t =
        fixture_treatment(f->result.actions[1].channel, f->result.actions[1].action_type);
    t.approval_state = NBA_APPROVAL_WITHDRAWN;
    assert_true(nba_catalog_builder_remove(f->builder, nba_str_of(key)));
    fixture_content_edited(f, id, "X", "t", t, NULL);
    fixture_bind(f);
    const struct nba_recall *recalls = NULL;
    uint32_t count = 0;
    assert_int_equal(nba_funnel_recall(f->funnel, &f->hcp, at(NOW), &f->arena, &recalls, &count),
                     NBA_OK);
    assert_int_equal(count, 2);
    assert_int_equal(recalls[0].reason, NBA_REASON_CONTENT_WITHDRAWN);
    assert_int_equal(recalls[1].reason, NBA_REASON_CONTENT_WITHDRAWN);
    fixture_destroy(f);
}

static void test_engagement_policies_stop_in_their_stage_by_the_first_rule(void **state)
{
    struct fixture *f = create(
        FIXTURE_POLICY
        "engagement_policies:\n"
        "  eligibility:\n"
        "    - {id: el-1, applies_to: {brand: X}, require: {hcp.specialties: {any_of: [a, b]}}}\n"
        "    - {id: el-2, require: {hcp.region: {eq: R1}}}\n"
        "  applicability:\n"
        "    - {id: ap-1, require: {hcp.registered_events: {not_contains: candidate.event_id}}}\n"
        "  suitability:\n"
        "    - {id: su-1, applies_to: {channel: [email, sms]}, require: {hcp.open_complaint: {eq: "
        "false}}}\n");
    (void)state;
    fixture_bind(f);
    f->hcp.profile.region = nba_str_of("R2");
    fixture_decide(f, NOW);
    assert_reason(f, "mail", ELIGIBILITY);
    assert_str_equal(fixture_suppressed(f, "mail")->rule_id, "el-1");
    f->hcp.profile.specialties[0] = nba_str_of("b");
    f->hcp.profile.specialty_count = 1;
    fixture_decide(f, NOW);
    assert_reason(f, "mail", ELIGIBILITY);
    assert_str_equal(fixture_suppressed(f, "mail")->rule_id, "el-2");
    f->hcp.profile.region = nba_str_of("R1");
    f->hcp.profile.open_complaint = true;
    fixture_decide(f, NOW);
    assert_reason(f, "mail", SUITABILITY);
    assert_str_equal(fixture_suppressed(f, "mail")->rule_id, "su-1");
    assert_true(fixture_reason(f, "page") == NBA_REASON_NONE);
    f->hcp.profile.open_complaint = false;
    fixture_decide(f, NOW);
    assert_int_equal(f->result.decision.reason_count[NBA_REASON_SUITABILITY], 0);
    fixture_destroy(f);
}

static void name_event(struct nba_content *content)
{
    content->event_id = nba_str_of("webinar-3");
}

static void test_an_invitation_to_a_registered_event_is_not_applicable(void **state)
{
    struct fixture *f = create(
        FIXTURE_POLICY
        "engagement_policies:\n"
        "  applicability:\n"
        "    - {id: ap-1, require: {hcp.registered_events: {not_contains: candidate.event_id}}}\n");
    (void)state;
    fixture_content_edited(f, "invite", "X", "t",
                           fixture_treatment(NBA_CHANNEL_EVENT, NBA_ACTION_TYPE_EVENT_INVITE),
                           name_event);
    fixture_bind(f);
    fixture_score(f, "invite", 0.9);
    fixture_decide(f, NOW);
    assert_reason(f, "invite", NONE);
    f->hcp.profile.registered_events[0] = nba_str_of("webinar-2");
    f->hcp.profile.registered_events[1] = nba_str_of("webinar-3");
    f->hcp.profile.registered_count = 2;
    fixture_decide(f, NOW);
    assert_reason(f, "invite", APPLICABILITY);
    assert_str_equal(fixture_suppressed(f, "invite")->rule_id, "ap-1");
    assert_int_equal(f->result.decision.reason_count[NBA_REASON_APPLICABILITY], 1);
    fixture_destroy(f);
}

static void test_a_propensity_below_the_threshold_stops_and_one_at_it_does_not(void **state)
{
    struct fixture *f =
        create(FIXTURE_POLICY "arbitration: {propensity_threshold: {email: 0.05}}\n");
    (void)state;
    fixture_bind(f);
    fixture_score(f, "call", 0.001);
    fixture_score(f, "page", 0.001);
    fixture_score(f, "mail", 0.05);
    fixture_decide(f, NOW);
    assert_reason(f, "mail", NONE);
    fixture_score(f, "mail", 0.049999999);
    fixture_decide(f, NOW);
    assert_reason(f, "mail", BELOW_PROPENSITY);
    assert_priority(fixture_suppressed(f, "mail")->limit, 0.05);
    assert_priority(fixture_suppressed(f, "mail")->counter, 0.049999999);
    assert_true(fixture_reason(f, "call") == NBA_REASON_NONE);
    fixture_destroy(f);
}

static void test_shadow_decides_but_proposes_nothing_and_stopped_does_not_decide(void **state)
{
    struct fixture *f = create(FIXTURE_POLICY "mode: shadow\n");
    (void)state;
    fixture_bind(f);
    assert_int_equal(nba_funnel_mode(f->funnel), NBA_MODE_SHADOW);
    fixture_decide(f, NOW);
    assert_int_equal(f->result.decision.kind, NBA_DECISION_DECIDED);
    assert_int_equal(f->result.action_count, 0);
    assert_int_equal(f->result.decision.reason_count[NBA_REASON_SHADOW], 2);
    assert_int_equal(f->result.decision.reason_count[NBA_REASON_LOST_ARBITRATION], 1);
    assert_int_equal(f->result.decision.suppressed[0].reason, NBA_REASON_SHADOW);
    assert_true(f->result.has_slate);
    assert_int_equal(f->result.slate.top_contents[0].first_failed, NBA_REASON_NONE);
    const struct nba_control stop = {.kind = NBA_CONTROL_MODE, .target = nba_str_of("stopped")};
    fixture_control(f, &stop);
    fixture_bind(f);
    fixture_decide(f, NOW);
    assert_int_equal(f->result.decision.kind, NBA_DECISION_SKIPPED);
    assert_int_equal(f->result.decision.reason, NBA_REASON_STOPPED);
    assert_int_equal(f->result.action_count, 0);
    assert_false(f->result.has_slate);
    const struct nba_control live = {.kind = NBA_CONTROL_MODE, .target = nba_str_of("live")};
    fixture_control(f, &live);
    fixture_bind(f);
    assert_int_equal(nba_funnel_mode(f->funnel), NBA_MODE_SHADOW); /* the policy's own, lower one */
    fixture_destroy(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_content_is_usable_from_its_effective_time_until_its_expiry),
        cmocka_unit_test(test_dates_are_asked_anew_when_the_clock_passes_a_border),
        cmocka_unit_test(test_only_approved_content_of_the_market_and_language_is_available),
        cmocka_unit_test(test_the_first_failing_check_gives_the_reason),
        cmocka_unit_test(test_an_email_needs_an_address_that_works),
        cmocka_unit_test(test_a_call_needs_a_rep_who_is_aligned_and_there),
        cmocka_unit_test(
            test_promotional_content_goes_through_reps_and_medical_content_through_msls),
        cmocka_unit_test(test_a_medical_inquiry_starts_msl_actions_only),
        cmocka_unit_test(test_consent_follows_the_model_of_the_market_and_any_opt_out_wins),
        cmocka_unit_test(test_a_market_or_channel_without_a_model_is_no),
        cmocka_unit_test(test_consent_lasts_up_to_its_expiry_and_age_and_not_at_it),
        cmocka_unit_test(test_a_refusal_names_every_record_that_refuses),
        cmocka_unit_test(test_an_exclusion_of_the_policy_holds_until_its_end),
        cmocka_unit_test(test_an_exclusion_by_control_message_recalls_what_is_open),
        cmocka_unit_test(test_the_kill_switch_recalls_what_is_open_and_shadow_mode_does_not),
        cmocka_unit_test(test_withdrawn_and_vanished_content_is_recalled),
        cmocka_unit_test(test_engagement_policies_stop_in_their_stage_by_the_first_rule),
        cmocka_unit_test(test_an_invitation_to_a_registered_event_is_not_applicable),
        cmocka_unit_test(test_a_propensity_below_the_threshold_stops_and_one_at_it_does_not),
        cmocka_unit_test(test_shadow_decides_but_proposes_nothing_and_stopped_does_not_decide),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
