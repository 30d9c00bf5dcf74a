/* Conditions: every operator over every source, with values that are there and that are not. */
#include "policy_fixture.h"

#define NOW "2026-11-18T09:00:00Z"

static void name_parts(struct nba_content *content)
{
    static const struct nba_str campaigns[] = {{"camp-1", 6}, {"camp-2", 6}};
    content->campaign_ids = (struct nba_str_list){campaigns, 2};
    content->asset_type = nba_str_of("newsletter");
    content->business_unit = nba_str_of("bu-1");
    content->event_id = nba_str_of("webinar-3");
    content->family_id = nba_str_of("fam");
}

/* Does `when` hold for content "full" (X, t, email, all parts) or "bare" (no topic, no parts),
 * asked about an HCP and an event that lack nothing. */
static bool holds(const char *when, const char *id, bool with_event)
{
    char policy[1024];
    (void)snprintf(policy, sizeof(policy),
                   "%sarbitration: {context_weights: [{id: w, when: {%s}, add: 100}]}\n",
                   FIXTURE_POLICY, when);
    struct fixture *f = fixture_create(policy);
    fixture_content_edited(f, "full", "X", "t",
                           fixture_treatment(NBA_CHANNEL_EMAIL, NBA_ACTION_TYPE_EMAIL), name_parts);
    fixture_content(f, "bare", "Z", "", NBA_CHANNEL_WEB, NBA_ACTION_TYPE_PORTAL_CONTENT);
    fixture_bind(f);
    struct nba_hcp_profile *p = &f->hcp.profile;
    p->region = nba_str_of("R1");
    p->specialties[0] = nba_str_of("s1");
    p->specialties[1] = nba_str_of("s2");
    p->specialty_count = 2;
    p->registered_events[0] = nba_str_of("webinar-3");
    p->registered_count = 1;
    struct nba_event event = fixture_event("e", NOW, "t");
    event.brand = nba_str_of("X");
    event.content_id = nba_str_of("full");
    event.campaign_id = nba_str_of("camp-1");
    const struct nba_decide_request request = {.scores = &f->scores,
                                               .hcp = &f->hcp,
                                               .event = with_event ? &event : NULL,
                                               .decision_id = nba_str_of("d"),
                                               .trigger_event_id = nba_str_of("e"),
                                               .now_ms = at(NOW),
                                               .watermark_ms = at(NOW)};
    assert_int_equal(nba_funnel_decide(f->funnel, &request, &f->arena, &f->result), NBA_OK);
    assert_int_equal(f->result.action_count, 2);
    bool result = false;
    for (uint32_t i = 0; i < 2; i++) {
        if (nba_str_is(f->result.actions[i].content_id, id)) {
            result = f->result.actions[i].context_weight > 1.5;
        }
    }
    fixture_destroy(f);
    return result;
}

static const struct {
    const char *when;
    bool full, bare, without_event; /* the last: "full", decided by a timer */
} cases[] = {
    {"brand: X", true, false, true},
    {"candidate.brand: X", true, false, true},
    {"brand: [X, W]", true, false, true},
    {"brand: {ne: X}", false, true, false},
    {"brand: {in: [W, X]}", true, false, true},
    {"brand: {not_in: [W, X]}", false, true, false},
    {"topic: {exists: true}", true, false, true},
    {"topic: {exists: false}", false, true, false},
    {"topic: {ne: t}", false, true, false},
    {"channel: email", true, false, true},
    {"action_type: [rep_call, portal_content]", false, true, false},
    {"class: promotional", true, true, true},
    {"class: medical", false, false, false},
    {"campaign_id: camp-1", true, false, true},
    {"campaign_id: camp-2", false, false, false},
    {"content_id: full", true, false, true},
    {"family_id: fam", true, false, true},
    {"asset_type: newsletter", true, false, true},
    {"business_unit: {in: [bu-1]}", true, false, true},
    {"event_id: {exists: true}", true, false, true},
    {"brand: X, channel: web", false, false, false},
    {"candidate.topic: {eq: event.topic}", true, false, false},
    {"candidate.topic: {ne: event.topic}", false, true, true},
    {"event.topic: {eq: candidate.topic}", true, false, false},
    {"candidate.brand: {eq: event.brand}", true, false, false},
    {"candidate.content_id: {eq: event.content_id}", true, false, false},
    {"candidate.campaign_id: {eq: event.campaign_id}", true, false, false},
    {"candidate.channel: {eq: event.channel}", false, true, false},
    {"event.type: portal_content_viewed", true, true, false},
    {"event.type: {in: [email_opened, email_clicked]}", false, false, false},
    {"event.channel: web", true, true, false},
    {"event.topic: {exists: false}", false, false, true},
    {"hcp.market: US", true, true, true},
    {"hcp.market: {not_in: [US]}", false, false, false},
    {"hcp.region: {eq: R1}", true, true, true},
    {"hcp.territory_id: {exists: true}", false, false, false},
    {"hcp.territory_id: {ne: T}", true, true, true},
    {"hcp.language: {eq: en}", true, true, true},
    {"hcp.open_complaint: {eq: false}", true, true, true},
    {"hcp.open_complaint: {eq: true}", false, false, false},
    {"hcp.contact_saturation: {eq: undersaturated}", true, true, true},
    {"hcp.contact_saturation: {in: [on_target, saturated]}", false, false, false},
    {"hcp.specialties: {any_of: [s2, s9]}", true, true, true},
    {"hcp.specialties: {any_of: [s9]}", false, false, false},
    {"hcp.specialties: {contains: s1}", true, true, true},
    {"hcp.specialties: {not_contains: s1}", false, false, false},
    {"hcp.interests: {exists: true}", false, false, false},
    {"hcp.interests: {not_contains: x}", true, true, true},
    {"hcp.registered_events: {contains: candidate.event_id}", true, false, true},
    {"hcp.registered_events: {not_contains: candidate.event_id}", false, true, false},
    {"candidate.brand: {eq: candidate.brand}", true, true, true},
    {"candidate.topic: {eq: candidate.event_id}", false, false, false},
    {"candidate.topic: {eq: event.topic}, hcp.region: R1, brand: X", true, false, false},
    {"candidate.topic: {eq: event.topic}, hcp.region: R2, brand: X", false, false, false},
};

static void test_each_condition_holds_exactly_where_it_should(void **state)
{
    (void)state;
    for (size_t i = 0; i < NBA_ARRAY_COUNT(cases); i++) {
        const bool full = holds(cases[i].when, "full", true);
        const bool bare = holds(cases[i].when, "bare", true);
        const bool timer = holds(cases[i].when, "full", false);
        if (full != cases[i].full || bare != cases[i].bare || timer != cases[i].without_event) {
            fail_msg("{%s}: full %d, bare %d, without event %d", cases[i].when, full, bare, timer);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_condition_holds_exactly_where_it_should),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
