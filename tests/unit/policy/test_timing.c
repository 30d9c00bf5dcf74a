/* A4 and its variants at the funnel; when actions are planned for; the best hour to send. */
#include "policy_fixture.h"

#define NIGHT \
    "timing:\n  quiet_hours: [{channel: [email, sms], start: \"20:00\", end: \"07:00\"%s}]\n"
#define ENGAGED                                                                 \
    "contact_policies: {suppressions: [{id: already_engaged, track: [opened], " \
    "scope: content, within: P90D, hold: P90D}]}\n"                             \
    "engagement_policies: {eligibility: [{id: target_specialty_pulmova, "       \
    "applies_to: {brand: PULMOVA}, require: {hcp.specialties: {any_of: [pulmonology]}}}]}\n"

static const char *const contents[] = {"CX-EM-010", "CX-EM-011", "CX-EM-020", "PV-EM-005"};

static struct fixture *create(const char *more, const char *tz)
{
    char text[4096];
    (void)snprintf(text, sizeof(text),
                   "policy_version: v1\ntenant: acme\ndecide_on: [email_opened]\n"
                   "consent: {models: {US: {email: opt_out, sms: opt_out, web: implicit}}}\n"
                   "arbitration: {context_weights: [{id: same, when: {candidate.topic: "
                   "{eq: event.topic}}, add: 20}]}\n"
                   "slate: {size: 2, max_per: {channel: 1}}\n" ENGAGED "%s",
                   more);
    struct fixture *f = fixture_create(text);
    f->hcp.profile.tz = nba_str_of(tz);
    f->hcp.profile.specialties[0] = nba_str_of("cardiology");
    f->hcp.profile.specialty_count = 1;
    return f;
}

/* Rewrites the content's expiry before it goes into the catalogue. */
static const char *expires_at;
static void edit(struct nba_content *content)
{
    if (expires_at != NULL && nba_str_is(content->content_id, "CX-EM-011")) {
        ((struct nba_treatment *)content->treatments)[0].expires_at_ms = at(expires_at);
    }
}

static void offer(struct fixture *f)
{
    static const double p[] = {0.20, 0.08, 0.09, 0.11};
    for (size_t i = 0; i < NBA_ARRAY_COUNT(contents); i++) {
        const bool pulmova = contents[i][0] == 'P';
        const char *topic = i == 2 ? "anticoagulation" : pulmova ? "copd" : "heart_failure";
        fixture_content_edited(f, contents[i], pulmova ? "PULMOVA" : "CARDIOX", topic,
                               fixture_treatment(NBA_CHANNEL_EMAIL, NBA_ACTION_TYPE_EMAIL), edit);
    }
    fixture_bind(f);
    for (size_t i = 0; i < NBA_ARRAY_COUNT(contents); i++) {
        fixture_score(f, contents[i], p[i]);
    }
}

static void open_mail(struct fixture *f, const char *id, const char *time)
{
    static struct nba_event event;
    event = fixture_event(id, time, "heart_failure");
    event.type = NBA_EVENT_EMAIL_OPENED;
    event.content_id = nba_str_of("CX-EM-010");
    event.brand = nba_str_of("CARDIOX");
    const struct nba_content_facts facts = {.family_id = nba_str_of("CX-EM-010"),
                                            .topic = nba_str_of("heart_failure"),
                                            .brand = nba_str_of("CARDIOX")};
    nba_hcp_apply_outcome(&f->hcp, &event, &facts);
    fixture_decide_event(f, &event);
}

static struct fixture *a4(const char *tz)
{
    char night[256];
    (void)snprintf(night, sizeof(night), NIGHT "  expiry: {email: PT72H}\n", "");
    struct fixture *f = create(night, tz);
    offer(f);
    open_mail(f, "ev-1", "2026-11-01T01:30:00Z");
    return f;
}

/* As the engine keeps it. */
static void hold(struct fixture *f)
{
    const struct nba_action *a = &f->result.actions[0];
    const struct nba_held_action held = {.action_id = a->action_id,
                                         .planned_ms = a->not_before_ms,
                                         .reason = NBA_REASON_HELD_QUIET_HOURS,
                                         .context_weight = a->context_weight,
                                         .trigger_event_id = a->trigger_event_id,
                                         .drivers = {a->drivers[0].code},
                                         .driver_weights = {a->drivers[0].weight},
                                         .driver_count = 1,
                                         .evidence = {nba_str_of("ev-1")},
                                         .evidence_count = 1};
    const struct nba_open_action open = {.action_id = a->action_id,
                                         .decision_id = a->decision_id,
                                         .content_id = a->content_id,
                                         .family_id = a->content_id,
                                         .brand = a->brand,
                                         .topic = nba_str_of("heart_failure"),
                                         .channel = a->channel,
                                         .action_type = a->action_type,
                                         .rank = a->rank,
                                         .slate_size = a->slate_size,
                                         .priority = a->priority,
                                         .proposed_at_ms = a->time_ms,
                                         .expires_at_ms = a->expires_at_ms};
    assert_true(nba_hcp_hold_action(&f->hcp, &open, &held));
}

static struct nba_release release(struct fixture *f, const char *time)
{
    struct nba_release released;
    const struct nba_recall_request request = {
        .hcp = &f->hcp, .open_index = 0, .now_ms = at(time), .engine_version = nba_str_of("test")};
    assert_int_equal(nba_funnel_release(f->funnel, &request, &f->arena, &released), NBA_OK);
    return released;
}

static void test_an_email_of_the_night_is_held_until_the_clock_shows_seven(void **state)
{
    struct fixture *f = a4("America/New_York");
    (void)state;
    assert_int_equal(f->result.action_count, 1);
    const struct nba_action *a = f->result.actions;
    assert_str_equal(a->content_id, "CX-EM-011");
    assert_priority(a->priority, 0.096);
    assert_true(a->time_ms == at("2026-11-01T01:30:00Z"));
    assert_true(a->not_before_ms == at("2026-11-01T12:00:00Z"));
    assert_true(a->expires_at_ms == at("2026-11-04T12:00:00Z"));
    const struct nba_decision *d = &f->result.decision;
    assert_int_equal(d->held_count, 1);
    assert_str_equal(d->held[0].action_id, "dec:crm#ev-1:1");
    assert_int_equal(d->held[0].reason, NBA_REASON_HELD_QUIET_HOURS);
    assert_true(d->held[0].until_ms == at("2026-11-01T12:00:00Z"));
    assert_str_equal(d->held[0].tz, "America/New_York");
    assert_int_equal(f->result.slate.action_count, 0);
    assert_reason(f, "CX-EM-010", SUPPRESSED_OUTCOME);
    assert_reason(f, "PV-EM-005", ELIGIBILITY);
    assert_reason(f, "CX-EM-020", SLATE_DIVERSITY);

    hold(f);
    const struct nba_release done = release(f, "2026-11-01T12:00:00Z");
    assert_int_equal(done.reason, NBA_REASON_NONE);
    assert_true(done.until_ms == at("2026-11-01T12:00:00Z"));
    assert_str_equal(done.action.action_id, "dec:crm#ev-1:1");
    assert_str_equal(done.action.decision_id, "dec:crm#ev-1");
    assert_str_equal(done.action.trigger_event_id, "ev-1");
    assert_true(done.action.time_ms == at("2026-11-01T12:00:00Z"));
    assert_true(done.action.expires_at_ms == at("2026-11-04T12:00:00Z"));
    assert_priority(done.action.priority, 0.096);
    assert_priority(done.action.context_weight, 1.2);
    assert_str_equal(done.action.approval_number, "APP-1");
    assert_int_equal(done.action.driver_count, 1);
    assert_str_equal(done.action.drivers[0].text, "Just engaged with the topic heart_failure");
    assert_str_equal(done.action.drivers[0].evidence_event_ids.items[0], "ev-1");
    fixture_destroy(f);
}

static void test_a_second_event_finds_the_held_action_open(void **state)
{
    struct fixture *f = a4("America/New_York");
    (void)state;
    hold(f);
    open_mail(f, "ev-2", "2026-11-01T01:40:00Z");
    assert_reason(f, "CX-EM-011", OPEN_ACTION);
    assert_int_equal(f->result.slate.action_count, 0); /* of the held one nobody hears */
    fixture_destroy(f);
}

static void test_a_content_must_be_usable_when_it_is_released(void **state)
{
    static const struct {
        const char *expires;
        enum nba_reason reason;
    } cases[] = {{"2026-11-01T11:59:59Z", NBA_REASON_CONTENT_EXPIRED},
                 {"2026-11-01T12:00:00Z", NBA_REASON_CONTENT_EXPIRED},
                 {"2026-11-01T12:00:01Z", NBA_REASON_NONE}};
    (void)state;
    for (size_t i = 0; i < NBA_ARRAY_COUNT(cases); i++) {
        expires_at = cases[i].expires;
        struct fixture *f = a4("America/New_York");
        assert_int_equal(f->result.decision.held_count, 1);
        hold(f);
        assert_int_equal(release(f, "2026-11-01T12:00:00Z").reason, cases[i].reason);
        fixture_destroy(f);
    }
    expires_at = NULL;
}

static void test_withdrawn_consent_takes_a_held_action_back_before_its_release(void **state)
{
    struct fixture *f = a4("America/New_York");
    const struct nba_recall *recalls = NULL;
    uint32_t count = 0;
    (void)state;
    hold(f);
    const struct nba_consent out = {.channel = NBA_CHANNEL_EMAIL,
                                    .scope = NBA_CONSENT_SCOPE_BRAND,
                                    .status = NBA_CONSENT_STATUS_OPT_OUT,
                                    .scope_id = nba_str_of("CARDIOX"),
                                    .captured_at_ms = at("2026-11-01T10:00:00Z"),
                                    .expires_at_ms = NBA_TIME_NONE};
    nba_hcp_put_consent(&f->hcp, &out);
    assert_int_equal(nba_funnel_recall(f->funnel, &f->hcp, at("2026-11-01T10:00:00Z"), &f->arena,
                                       &recalls, &count),
                     NBA_OK);
    assert_int_equal(count, 1);
    assert_int_equal(recalls[0].reason, NBA_REASON_CONSENT_REVOKED);
    assert_int_equal(release(f, "2026-11-01T12:00:00Z").reason, NBA_REASON_CONSENT_REVOKED);
    fixture_destroy(f);
}

static void test_every_stage_up_to_suppression_is_asked_again_at_the_release(void **state)
{
    struct fixture *f = a4("America/New_York");
    (void)state;
    hold(f);
    f->hcp.profile.address[NBA_CHANNEL_EMAIL] = NBA_ADDRESS_BOUNCED;
    assert_int_equal(release(f, "2026-11-01T12:00:00Z").reason, NBA_REASON_ADDRESS_BOUNCED);
    f->hcp.profile.address[NBA_CHANNEL_EMAIL] = NBA_ADDRESS_OK;
    f->hcp.profile.market = nba_str_of("FR");
    assert_int_equal(release(f, "2026-11-01T12:00:00Z").reason, NBA_REASON_CONSENT_MISSING);
    f->hcp.profile.market = nba_str_of("US");
    f->hcp.profile.tz = nba_str_of("");
    assert_int_equal(release(f, "2026-11-01T12:00:00Z").reason, NBA_REASON_TIMEZONE_UNKNOWN);
    f->hcp.profile.tz = nba_str_of("America/New_York");
    struct nba_event event = fixture_event("ev-3", "2026-11-01T11:00:00Z", "heart_failure");
    event.type = NBA_EVENT_EMAIL_OPENED;
    event.content_id = nba_str_of("CX-EM-011");
    nba_hcp_apply_outcome(&f->hcp, &event, NULL);
    assert_int_equal(release(f, "2026-11-01T12:00:00Z").reason, NBA_REASON_SUPPRESSED_OUTCOME);
    fixture_destroy(f);
}

static void test_what_was_asked_of_the_event_is_settled_at_the_release(void **state)
{
    (void)state;
    struct fixture *f = fixture_create(
        "policy_version: v1\ntenant: acme\ndecide_on: [email_opened]\n"
        "consent: {models: {US: {email: opt_out}}}\nslate: {size: 1}\n"
        "engagement_policies:\n  suitability:\n"
        "    - {id: same_topic, require: {candidate.topic: {eq: event.topic}}}\n"
        "    - {id: opened, require: {event.type: {eq: email_opened}}}\n"
        "timing:\n  quiet_hours: [{channel: email, start: \"20:00\", end: \"07:00\"}]\n");
    f->hcp.profile.tz = nba_str_of("America/New_York");
    offer(f);
    fixture_score(f, "CX-EM-010", 0);
    open_mail(f, "ev-1", "2026-11-01T01:30:00Z");
    assert_str_equal(f->result.actions[0].content_id, "CX-EM-011");
    hold(f);
    assert_int_equal(release(f, "2026-11-01T12:00:00Z").reason, NBA_REASON_NONE);
    fixture_destroy(f);
}

static void lower_mode(struct fixture *f, const char *mode)
{
    const struct nba_control message = {
        .kind = NBA_CONTROL_MODE, .target = nba_str_of(mode), .until_ms = NBA_TIME_NONE};
    fixture_control(f, &message);
    fixture_bind(f);
}

static void test_a_mode_that_is_not_live_drops_what_comes_to_its_release(void **state)
{
    struct fixture *f = a4("America/New_York");
    (void)state;
    hold(f);
    lower_mode(f, "shadow");
    assert_int_equal(release(f, "2026-11-01T12:00:00Z").reason, NBA_REASON_SHADOW);
    lower_mode(f, "stopped");
    assert_int_equal(release(f, "2026-11-01T12:00:00Z").reason, NBA_REASON_STOPPED);
    fixture_destroy(f);
}

static void test_a_release_in_other_quiet_hours_is_held_on_until_it_expires(void **state)
{
    struct fixture *f = a4("America/New_York");
    (void)state;
    hold(f);
    /* As if the rule were another one now: three in the morning is still night. */
    struct nba_release late = release(f, "2026-11-02T08:00:00Z");
    assert_int_equal(late.reason, NBA_REASON_NONE);
    assert_true(late.until_ms == at("2026-11-02T12:00:00Z"));
    late = release(f, "2026-11-04T11:59:59Z");
    assert_int_equal(late.reason, NBA_REASON_EXPIRED); /* the night ends as it expires */
    late = release(f, "2026-11-04T12:00:00Z");
    assert_int_equal(late.reason, NBA_REASON_EXPIRED);
    fixture_destroy(f);
}

static void test_the_same_instant_is_evening_in_phoenix(void **state)
{
    struct fixture *f = a4("America/Phoenix");
    (void)state;
    assert_int_equal(f->result.decision.held_count, 0);
    assert_str_equal(f->result.actions[0].content_id, "CX-EM-011");
    assert_true(f->result.actions[0].expires_at_ms == at("2026-11-04T01:30:00Z"));
    assert_int_equal(f->result.slate.action_count, 1);
    fixture_destroy(f);
}

static void test_an_hcp_without_a_time_zone_gets_the_reason_on_every_channel_that_asks(void **state)
{
    static const char *const zones[] = {"", "Mars/Olympus"};
    (void)state;
    for (size_t i = 0; i < NBA_ARRAY_COUNT(zones); i++) {
        struct fixture *f = a4(zones[i]);
        assert_int_equal(f->result.action_count, 0);
        for (size_t c = 0; c < NBA_ARRAY_COUNT(contents); c++) {
            assert_reason(f, contents[c], TIMEZONE_UNKNOWN);
        }
        fixture_destroy(f);
    }
}

static void test_the_zone_of_the_brand_stands_in_where_the_policy_says_so(void **state)
{
    char more[512];
    (void)state;
    (void)snprintf(more, sizeof(more), NIGHT, "");
    (void)snprintf(more + strlen(more), sizeof(more) - strlen(more),
                   "missing_timezone: brand_default\n"
                   "brand_timezones: {CARDIOX: Europe/Zurich}\n");
    struct fixture *f = create(more, "");
    offer(f);
    open_mail(f, "ev-1", "2026-11-01T01:30:00Z");
    assert_int_equal(f->result.decision.held_count, 1);
    assert_true(f->result.actions[0].not_before_ms == at("2026-11-01T06:00:00Z"));
    assert_str_equal(f->result.decision.held[0].tz, "Europe/Zurich");
    assert_reason(f, "PV-EM-005", TIMEZONE_UNKNOWN);
    assert_true(nba_funnel_horizon(f->funnel, &f->hcp, at("2026-11-01T01:30:00Z")) ==
                at("2026-11-01T06:00:00Z"));
    fixture_destroy(f);
}

/* Start inclusive, end exclusive; the last millisecond of the night is still held. */
static void test_quiet_hours_begin_at_their_start_and_are_over_at_their_end(void **state)
{
    static const struct {
        const char *time, *planned;
    } cases[] = {
        {"2026-06-01T23:59:59.999Z", "2026-06-01T23:59:59.999Z"}, /* 19:59:59.999 */
        {"2026-06-02T00:00:00Z", "2026-06-02T11:00:00Z"},         /* 20:00 */
        {"2026-06-02T10:59:59.999Z", "2026-06-02T11:00:00Z"},
        {"2026-06-02T11:00:00Z", "2026-06-02T11:00:00Z"}, /* 07:00 */
        {"2026-03-08T05:00:00Z", "2026-03-08T11:00:00Z"}, /* the night the clocks go forward */
        {"2026-11-01T05:30:00Z", "2026-11-01T12:00:00Z"}, /* 01:30, and 01:30 again */
        {"2026-11-01T06:30:00Z", "2026-11-01T12:00:00Z"},
    };
    char night[256];
    (void)state;
    (void)snprintf(night, sizeof(night), NIGHT, "");
    struct fixture *f = create(night, "America/New_York");
    offer(f);
    for (size_t i = 0; i < NBA_ARRAY_COUNT(cases); i++) {
        fixture_decide(f, cases[i].time);
        assert_int_equal(f->result.action_count, 1);
        if (f->result.actions[0].not_before_ms != at(cases[i].planned)) {
            fail_msg("%s", cases[i].time);
        }
    }
    fixture_destroy(f);
}

/* An end that the clocks leap over, or show twice. */
static void test_an_end_that_does_not_exist_or_comes_twice(void **state)
{
    static const struct {
        const char *end, *time, *planned;
    } cases[] = {
        {"02:30", "2026-03-08T05:00:00Z", "2026-03-08T07:00:00Z"}, /* 03:00 is the first behind */
        {"01:30", "2026-11-01T04:00:00Z", "2026-11-01T05:30:00Z"}, /* the earlier one */
        {"01:30", "2026-11-01T06:10:00Z", "2026-11-01T06:30:00Z"}, /* 01:10 for the second time */
    };
    (void)state;
    for (size_t i = 0; i < NBA_ARRAY_COUNT(cases); i++) {
        char night[256];
        (void)snprintf(night, sizeof(night),
                       "timing: {quiet_hours: [{channel: email, start: \"20:00\", end: \"%s\"}]}\n",
                       cases[i].end);
        struct fixture *f = create(night, "America/New_York");
        offer(f);
        fixture_decide(f, cases[i].time);
        assert_int_equal(f->result.action_count, 1);
        if (f->result.actions[0].not_before_ms != at(cases[i].planned)) {
            fail_msg("%s %s", cases[i].end, cases[i].time);
        }
        fixture_destroy(f);
    }
}

static void test_rules_that_follow_one_another_hold_until_the_last_is_over(void **state)
{
    struct fixture *f = create("timing:\n  quiet_hours:\n"
                               "    - {channel: email, start: \"20:00\", end: \"07:00\"}\n"
                               "    - {channel: email, start: \"06:30\", end: \"09:15\"}\n",
                               "Asia/Kolkata");
    (void)state;
    offer(f);
    fixture_decide(f, "2026-11-01T15:00:00Z"); /* 20:30 */
    assert_true(f->result.actions[0].not_before_ms == at("2026-11-02T03:45:00Z"));
    fixture_destroy(f);
}

static void test_what_quiet_hours_discard_is_not_replaced(void **state)
{
    char night[256];
    (void)state;
    (void)snprintf(night, sizeof(night), NIGHT, ", on_conflict: discard");
    struct fixture *f = create(night, "America/New_York");
    fixture_content(f, "CX-WB-003", "CARDIOX", "heart_failure", NBA_CHANNEL_WEB,
                    NBA_ACTION_TYPE_PORTAL_CONTENT);
    offer(f);
    fixture_score(f, "CX-WB-003", 0.01);
    open_mail(f, "ev-1", "2026-11-01T01:30:00Z");
    assert_reason(f, "CX-EM-011", DISCARDED_QUIET_HOURS);
    const struct nba_suppressed *s = fixture_suppressed(f, "CX-EM-011");
    assert_true(s->until_ms == at("2026-11-01T12:00:00Z"));
    assert_reason(f, "CX-EM-020", SLATE_DIVERSITY);
    assert_int_equal(f->result.action_count, 1);
    assert_str_equal(f->result.actions[0].content_id, "CX-WB-003");
    assert_int_equal(f->result.actions[0].rank, 1);
    assert_int_equal(f->result.actions[0].slate_size, 1);
    fixture_destroy(f);
}

/* ---- the best hour ---- */

#define OPTIMIZE "timing:\n  send_time: {channel: [email], mode: optimize, fallback: \"09:00\"}\n"

static int64_t planned(struct fixture *f, const char *time)
{
    fixture_decide(f, time);
    assert_int_equal(f->result.action_count, 1);
    assert_true(f->result.actions[0].best_send_time_ms == f->result.actions[0].not_before_ms);
    return f->result.actions[0].not_before_ms;
}

static void test_the_hour_with_the_best_rate_within_a_day_is_taken(void **state)
{
    struct fixture *f = create(OPTIMIZE, "America/New_York");
    (void)state;
    offer(f);
    f->hcp.week[0 * 24 + 8] = 20;  /* Mondays at 8 */
    f->hcp.week[2 * 24 + 13] = 19; /* Wednesdays at 13 */
    /* Sunday noon: Monday at 8 is twenty hours away. */
    assert_true(planned(f, "2026-11-22T17:00:00Z") == at("2026-11-23T13:00:00Z"));
    assert_int_equal(f->result.decision.held_count, 1);
    assert_int_equal(f->result.decision.held[0].reason, NBA_REASON_NONE);
    /* Monday 08:20: this hour is the best, so at once. */
    assert_true(planned(f, "2026-11-23T13:20:00Z") == at("2026-11-23T13:20:00Z"));
    assert_int_equal(f->result.decision.held_count, 0);
    /* Monday 09:00: Tuesday at 8 has no open of its own, but eight o'clock is eight o'clock. */
    assert_true(planned(f, "2026-11-23T14:00:00Z") == at("2026-11-23T14:00:00Z"));
    /* Tuesday 20:00: Wednesday at 13 is 17 hours away. */
    assert_true(planned(f, "2026-11-25T01:00:00Z") == at("2026-11-25T18:00:00Z"));
    fixture_destroy(f);
}

static void test_quiet_hours_are_never_the_best(void **state)
{
    struct fixture *f =
        create("timing:\n  send_time: {channel: email, mode: optimize}\n"
               "  quiet_hours: [{channel: email, start: \"20:00\", end: \"09:00\"}]\n",
               "America/New_York");
    (void)state;
    offer(f);
    f->hcp.week[0 * 24 + 8] = 20;
    f->hcp.week[0 * 24 + 10] = 5;
    assert_true(planned(f, "2026-11-22T17:00:00Z") == at("2026-11-23T14:00:00Z")); /* 9 of Monday */
    fixture_destroy(f);
}

static void test_too_few_opens_leave_the_fallback_time(void **state)
{
    struct fixture *f = create(OPTIMIZE, "America/New_York");
    (void)state;
    offer(f);
    f->hcp.week[0] = 9;
    assert_true(planned(f, "2026-11-22T17:00:00Z") == at("2026-11-23T14:00:00Z"));
    assert_true(planned(f, "2026-11-22T13:59:59Z") == at("2026-11-22T14:00:00Z"));
    assert_true(planned(f, "2026-11-22T14:00:00Z") == at("2026-11-22T14:00:00Z"));
    f->hcp.week[0] = 10; /* enough: Monday at 0 */
    assert_true(planned(f, "2026-11-22T17:00:00Z") == at("2026-11-23T05:00:00Z"));
    fixture_destroy(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_email_of_the_night_is_held_until_the_clock_shows_seven),
        cmocka_unit_test(test_a_second_event_finds_the_held_action_open),
        cmocka_unit_test(test_a_content_must_be_usable_when_it_is_released),
        cmocka_unit_test(test_withdrawn_consent_takes_a_held_action_back_before_its_release),
        cmocka_unit_test(test_every_stage_up_to_suppression_is_asked_again_at_the_release),
        cmocka_unit_test(test_what_was_asked_of_the_event_is_settled_at_the_release),
        cmocka_unit_test(test_a_mode_that_is_not_live_drops_what_comes_to_its_release),
        cmocka_unit_test(test_a_release_in_other_quiet_hours_is_held_on_until_it_expires),
        cmocka_unit_test(test_the_same_instant_is_evening_in_phoenix),
        cmocka_unit_test(
            test_an_hcp_without_a_time_zone_gets_the_reason_on_every_channel_that_asks),
        cmocka_unit_test(test_the_zone_of_the_brand_stands_in_where_the_policy_says_so),
        cmocka_unit_test(test_quiet_hours_begin_at_their_start_and_are_over_at_their_end),
        cmocka_unit_test(test_an_end_that_does_not_exist_or_comes_twice),
        cmocka_unit_test(test_rules_that_follow_one_another_hold_until_the_last_is_over),
        cmocka_unit_test(test_what_quiet_hours_discard_is_not_replaced),
        cmocka_unit_test(test_the_hour_with_the_best_rate_within_a_day_is_taken),
        cmocka_unit_test(test_quiet_hours_are_never_the_best),
        cmocka_unit_test(test_too_few_opens_leave_the_fallback_time),
    };
    return cmocka_run_group_tests_name("unit.policy.timing", tests, NULL, NULL);
}
