/* The acceptance scenarios A2 and A2b, and the parts of A1 this version has, at the funnel. */
#include "policy_fixture.h"

#include "nba/base/file.h"

static char *basic_policy(void)
{
    struct nba_buf buf;
    struct nba_error error = {0};
    nba_buf_init(&buf, 1 << 20);
    assert_int_equal(nba_file_read(NBA_SOURCE_DIR "/config/policy-basic.yaml", &buf, &error),
                     NBA_OK);
    nba_buf_append_byte(&buf, 0);
    return (char *)buf.data;
}

static struct fixture *create(void)
{
    char *text = basic_policy();
    struct fixture *f = fixture_create(text);
    free(text);
    return f;
}

static void set_pulmonologist(struct fixture *f, const char *id)
{
    f->hcp.hcp_id = nba_str_of(id);
    f->hcp.profile.market = nba_str_of("DE");
    f->hcp.profile.specialties[0] = nba_str_of("pulmonology");
    f->hcp.profile.specialties[1] = nba_str_of("internal_medicine");
    f->hcp.profile.specialty_count = 2;
    fixture_content(f, "PV-EM-005", "PULMOVA", "copd", NBA_CHANNEL_EMAIL, NBA_ACTION_TYPE_EMAIL);
    fixture_content(f, "CX-EM-011", "CARDIOX", "heart_failure", NBA_CHANNEL_EMAIL,
                    NBA_ACTION_TYPE_EMAIL);
    fixture_content(f, "PV-RC-002", "PULMOVA", "copd", NBA_CHANNEL_REP, NBA_ACTION_TYPE_REP_CALL);
    fixture_bind(f);
    fixture_score(f, "PV-EM-005", 0.10);
    fixture_score(f, "CX-EM-011", 0.05);
    fixture_score(f, "PV-RC-002", 0.06);
}

static struct nba_event consent(const char *id, const char *time, enum nba_consent_scope scope,
                                const char *scope_id, enum nba_consent_status status)
{
    struct nba_event event = fixture_event(id, time, "");
    event.type = NBA_EVENT_CONSENT_CHANGED;
    event.channel = NBA_CHANNEL_EMAIL;
    event.scope_type = scope;
    event.scope_id = nba_str_of(scope_id);
    event.status = status;
    return event;
}

static void give_consent(struct fixture *f, struct nba_event event)
{
    nba_hcp_apply_consent(&f->hcp, &event);
}

static void check_first_decision(struct fixture *f)
{
    const struct nba_event e1 = fixture_event("e1", "2026-11-18T09:00:00Z", "copd");
    fixture_decide_event(f, &e1);
    assert_int_equal(f->result.decision.kind, NBA_DECISION_DECIDED);
    assert_int_equal(f->result.decision.candidate_count, 3);
    assert_int_equal(f->result.action_count, 2);
    const struct nba_action *a = f->result.actions;
    assert_str_equal(a[0].content_id, "PV-EM-005");
    assert_str_equal(a[0].action_id, "dec:crm#e1:1");
    assert_priority(a[0].priority, 0.12);
    assert_priority(a[0].context_weight, 1.2);
    assert_int_equal(a[0].rank, 1);
    assert_int_equal(a[0].slate_size, 2);
    assert_true(a[0].expires_at_ms == at("2026-11-21T09:00:00Z"));
    assert_int_equal(a[0].drivers[0].code, NBA_DRIVER_RECENT_TOPIC_ENGAGEMENT);
    assert_int_equal(a[0].drivers[0].evidence_event_ids.count, 1);
    assert_str_equal(a[0].drivers[0].evidence_event_ids.items[0], "e1");
    assert_str_equal(a[1].content_id, "PV-RC-002");
    assert_str_equal(a[1].rep_id, "rep-1");
    assert_priority(a[1].priority, 0.072);
    assert_true(a[1].expires_at_ms == at("2026-11-23T09:00:00Z"));
    assert_reason(f, "CX-EM-011", LOST_ARBITRATION);
    assert_recorded(fixture_suppressed(f, "CX-EM-011")->priority, 0.05);
    assert_int_equal(fixture_suppressed(f, "CX-EM-011")->unconstrained_rank, 3);
    fixture_keep_open(f);
}

static void recall_one(struct fixture *f, const char *time, const char *action_id)
{
    const struct nba_recall *recalls = NULL;
    uint32_t count = 0;
    struct nba_action action;
    assert_int_equal(nba_funnel_recall(f->funnel, &f->hcp, at(time), &f->arena, &recalls, &count),
                     NBA_OK);
    assert_int_equal(count, 1);
    assert_int_equal(recalls[0].reason, NBA_REASON_CONSENT_REVOKED);
    assert_str_equal(recalls[0].rule_id, "consent.DE.email");
    const struct nba_recall_request request = {.hcp = &f->hcp,
                                               .open_index = recalls[0].open_index,
                                               .reason = recalls[0].reason,
                                               .now_ms = at(time),
                                               .trigger_event_id = nba_str_of("e2"),
                                               .engine_version = nba_str_of("test")};
    assert_int_equal(nba_funnel_recalled_action(f->funnel, &request, &f->arena, &action), NBA_OK);
    assert_str_equal(action.action_id, action_id);
    assert_int_equal(action.status, NBA_ACTION_RECALLED);
    assert_int_equal(action.recall_reason, NBA_REASON_CONSENT_REVOKED);
    assert_true(action.time_ms == at(time));
    assert_str_equal(action.approval_number, "APP-1");
    assert_true(nba_hcp_close_action(&f->hcp, action.action_id));
}

static void test_an_opt_out_of_a_brand_recalls_falls_back_and_at_last_leaves_nothing(void **state)
{
    struct fixture *f = create();
    (void)state;
    set_pulmonologist(f, "hcp-0004");
    give_consent(f, consent("c-1", "2026-03-01T09:00:00Z", NBA_CONSENT_SCOPE_BRAND, "CARDIOX",
                            NBA_CONSENT_STATUS_OPT_IN));
    give_consent(f, consent("c-2", "2026-03-01T09:00:00Z", NBA_CONSENT_SCOPE_BRAND, "PULMOVA",
                            NBA_CONSENT_STATUS_OPT_IN));
    check_first_decision(f);
    give_consent(f, consent("e2", "2026-11-18T09:05:00Z", NBA_CONSENT_SCOPE_BRAND, "PULMOVA",
                            NBA_CONSENT_STATUS_OPT_OUT));
    recall_one(f, "2026-11-18T09:05:00Z", "dec:crm#e1:1");

    const struct nba_event e3 = fixture_event("e3", "2026-11-18T09:10:00Z", "copd");
    fixture_decide_event(f, &e3);
    assert_int_equal(f->result.action_count, 1);
    assert_str_equal(f->result.actions[0].content_id, "CX-EM-011");
    assert_str_equal(f->result.actions[0].action_id, "dec:crm#e3:1");
    assert_priority(f->result.actions[0].priority, 0.05);
    assert_int_equal(f->result.actions[0].slate_size, 1);
    assert_true(f->result.actions[0].driver_count >= 1);
    const struct nba_suppressed *revoked = fixture_suppressed(f, "PV-EM-005");
    assert_int_equal(revoked->reason, NBA_REASON_CONSENT_REVOKED);
    assert_str_equal(revoked->rule_id, "consent.DE.email");
    assert_int_equal(revoked->evidence_event_ids.count, 1);
    assert_str_equal(revoked->evidence_event_ids.items[0], "e2");
    assert_recorded(revoked->priority, 0.12);
    assert_reason(f, "PV-RC-002", OPEN_ACTION);
    assert_recorded(fixture_suppressed(f, "PV-RC-002")->priority, 0.072);
    fixture_keep_open(f);

    give_consent(f, consent("e4", "2026-11-18T09:15:00Z", NBA_CONSENT_SCOPE_CHANNEL, "",
                            NBA_CONSENT_STATUS_OPT_OUT));
    recall_one(f, "2026-11-18T09:15:00Z", "dec:crm#e3:1");
    const struct nba_event e5 = fixture_event("e5", "2026-11-18T09:20:00Z", "copd");
    fixture_decide_event(f, &e5);
    assert_int_equal(f->result.action_count, 0);
    assert_int_equal(f->result.decision.reason_count[NBA_REASON_CONSENT_REVOKED], 2);
    assert_int_equal(f->result.decision.reason_count[NBA_REASON_OPEN_ACTION], 1);
    assert_int_equal(f->result.decision.suppressed_count, 3);
    assert_str_equal(f->result.decision.suppressed[0].content_id, "PV-EM-005");
    assert_str_equal(f->result.decision.suppressed[1].content_id, "PV-RC-002");
    assert_str_equal(f->result.decision.suppressed[2].content_id, "CX-EM-011");
    fixture_destroy(f);
}

static void test_without_a_consent_record_only_the_rep_call_is_proposed(void **state)
{
    struct fixture *f = create();
    (void)state;
    set_pulmonologist(f, "hcp-0006");
    const struct nba_event e1 = fixture_event("e1", "2026-11-18T09:00:00Z", "copd");
    fixture_decide_event(f, &e1);
    assert_int_equal(f->result.action_count, 1);
    assert_str_equal(f->result.actions[0].content_id, "PV-RC-002");
    assert_str_equal(f->result.actions[0].action_id, "dec:crm#e1:1");
    assert_int_equal(f->result.actions[0].slate_size, 1);
    assert_priority(f->result.actions[0].priority, 0.072);
    assert_reason(f, "PV-EM-005", CONSENT_MISSING);
    assert_reason(f, "CX-EM-011", CONSENT_MISSING);
    assert_recorded(fixture_suppressed(f, "PV-EM-005")->priority, 0.12);
    fixture_destroy(f);
}

/* A1 less the rep's capacity, which this version doesn't have: the rep call wins. */
static void test_every_candidate_of_a1_gets_its_reason_and_rank(void **state)
{
    struct fixture *f = create();
    (void)state;
    f->hcp.profile.specialties[0] = nba_str_of("cardiology");
    f->hcp.profile.specialty_count = 1;
    fixture_content(f, "CX-RC-001", "CARDIOX", "heart_failure", NBA_CHANNEL_REP,
                    NBA_ACTION_TYPE_REP_CALL_OBJECTIVE);
    fixture_content(f, "CX-EM-010", "CARDIOX", "heart_failure", NBA_CHANNEL_EMAIL,
                    NBA_ACTION_TYPE_EMAIL);
    fixture_content(f, "PV-EM-005", "PULMOVA", "copd", NBA_CHANNEL_EMAIL, NBA_ACTION_TYPE_EMAIL);
    fixture_content(f, "CX-EM-011", "CARDIOX", "heart_failure", NBA_CHANNEL_EMAIL,
                    NBA_ACTION_TYPE_EMAIL);
    fixture_content(f, "CX-EM-020", "CARDIOX", "anticoagulation", NBA_CHANNEL_EMAIL,
                    NBA_ACTION_TYPE_EMAIL);
    fixture_content(f, "CX-WB-003", "CARDIOX", "heart_failure", NBA_CHANNEL_EVENT,
                    NBA_ACTION_TYPE_EVENT_INVITE);
    fixture_bind(f);
    fixture_score(f, "CX-RC-001", 0.15);
    fixture_score(f, "CX-EM-010", 0.20);
    fixture_score(f, "PV-EM-005", 0.11);
    fixture_score(f, "CX-EM-011", 0.08);
    fixture_score(f, "CX-EM-020", 0.09);
    fixture_score(f, "CX-WB-003", 0.03);
    double values[6];
    for (uint32_t c = 0; c < 6; c++) {
        values[c] = 1;
    }
    values[fixture_candidate(f, "CX-RC-001")] = 1.5;
    values[fixture_candidate(f, "CX-WB-003")] = 2;
    struct nba_event open = fixture_event("ev-1", "2026-11-20T15:30:00Z", "heart_failure");
    open.type = NBA_EVENT_EMAIL_OPENED;
    open.content_id = nba_str_of("CX-EM-010");
    open.brand = nba_str_of("CARDIOX");
    const struct nba_content_facts facts = {.family_id = nba_str_of("CX-EM-010"),
                                            .topic = nba_str_of("heart_failure"),
                                            .brand = nba_str_of("CARDIOX")};
    nba_hcp_apply_outcome(&f->hcp, &open, &facts);
    const struct nba_decide_request request = {.scores = &f->scores,
                                               .values = values,
                                               .hcp = &f->hcp,
                                               .event = &open,
                                               .decision_id = nba_str_of("dec:crm#ev-1"),
                                               .trigger_event_id = open.event_id,
                                               .now_ms = open.event_time_ms,
                                               .watermark_ms = open.event_time_ms,
                                               .top_n = 10,
                                               .engine_version = nba_str_of("test")};
    assert_int_equal(nba_funnel_decide(f->funnel, &request, &f->arena, &f->result), NBA_OK);
    assert_int_equal(f->result.action_count, 2);
    assert_str_equal(f->result.actions[0].content_id, "CX-RC-001");
    assert_priority(f->result.actions[0].priority, 0.297);
    assert_priority(f->result.actions[0].lever_weight, 1.1);
    assert_str_equal(f->result.actions[1].content_id, "CX-EM-011");
    assert_priority(f->result.actions[1].priority, 0.096);
    const struct nba_suppressed *s = fixture_suppressed(f, "CX-EM-010");
    assert_int_equal(s->reason, NBA_REASON_SUPPRESSED_OUTCOME);
    assert_str_equal(s->rule_id, "already_engaged");
    assert_int_equal(s->unconstrained_rank, 2);
    assert_recorded(s->priority, 0.24);
    assert_int_equal(s->evidence_event_ids.count, 1);
    assert_str_equal(s->evidence_event_ids.items[0], "ev-1");
    assert_true(s->until_ms == at("2027-02-18T15:30:00Z"));
    s = fixture_suppressed(f, "PV-EM-005");
    assert_int_equal(s->reason, NBA_REASON_ELIGIBILITY);
    assert_str_equal(s->rule_id, "target_specialty_pulmova");
    assert_int_equal(s->unconstrained_rank, 3);
    s = fixture_suppressed(f, "CX-EM-020");
    assert_int_equal(s->reason, NBA_REASON_LOST_ARBITRATION);
    assert_int_equal(s->unconstrained_rank, 5);
    s = fixture_suppressed(f, "CX-WB-003");
    assert_int_equal(s->reason, NBA_REASON_LOST_ARBITRATION);
    assert_int_equal(s->unconstrained_rank, 6);
    assert_recorded(s->priority, 0.072);
    fixture_destroy(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_opt_out_of_a_brand_recalls_falls_back_and_at_last_leaves_nothing),
        cmocka_unit_test(test_without_a_consent_record_only_the_rep_call_is_proposed),
        cmocka_unit_test(test_every_candidate_of_a1_gets_its_reason_and_rank),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
