/*
 * Limits on contacts: to the millisecond, in rolling and calendar windows, over the actions of one
 * slate, and against a plain evaluator that looks at every window there is.
 */
#include "policy_fixture.h"

#include "nba/base/random.h"
#include "nba/base/zone.h"

#define HOUR NBA_HOUR_MS

static struct fixture *create(const char *rest)
{
    char policy[4096];
    (void)snprintf(policy, sizeof(policy),
                   "policy_version: v1\ntenant: acme\ndecide_on: [portal_content_viewed]\n"
                   "consent: {models: {US: {email: implicit, rep: implicit, web: implicit}}}\n"
                   "timing: {expiry: {email: PT72H, rep: PT30H, web: P14D}}\n%s",
                   rest);
    struct fixture *f = fixture_create(policy);
    fixture_content(f, "a", "X", "t", NBA_CHANNEL_EMAIL, NBA_ACTION_TYPE_EMAIL);
    fixture_content(f, "b", "X", "t", NBA_CHANNEL_EMAIL, NBA_ACTION_TYPE_EMAIL);
    fixture_content(f, "c", "Z", "t", NBA_CHANNEL_EMAIL, NBA_ACTION_TYPE_EMAIL);
    fixture_content(f, "d", "X", "t", NBA_CHANNEL_REP, NBA_ACTION_TYPE_REP_CALL);
    fixture_bind(f);
    return f;
}

static struct fixture *create_limit(const char *limit)
{
    char rest[2048];
    (void)snprintf(rest, sizeof(rest), "slate: {size: 1}\ncontact_policies: {limits: [%s]}\n",
                   limit);
    return create(rest);
}

static void contact(struct fixture *f, const char *id, const char *brand, int64_t time_ms,
                    int64_t expires_ms)
{
    const struct nba_ledger_entry entry = {
        .message_key = nba_hcp_text_hash(nba_str_of(id)),
        .brand_hash = nba_hcp_text_hash(nba_str_of(brand)),
        .channel = NBA_CHANNEL_EMAIL,
        .committed = expires_ms == NBA_TIME_NONE,
        .time_ms = time_ms,
        .expires_at_ms = expires_ms,
        .evidence_event_id = nba_str_of(id),
    };
    nba_hcp_ledger_reserve(&f->hcp, &entry);
}

static void sent(struct fixture *f, const char *id, const char *brand, const char *time)
{
    contact(f, id, brand, at(time), NBA_TIME_NONE);
}

static bool is_capped(struct fixture *f, const char *id, const char *time)
{
    fixture_decide(f, time);
    return fixture_reason(f, id) == NBA_REASON_FREQUENCY_CAP;
}

static void test_a_rolling_window_counts_what_is_younger_than_its_length(void **state)
{
    struct fixture *f =
        create_limit("{id: r, per: [hcp], channel: email, max: 1, window: {rolling: P7D}}");
    (void)state;
    assert_false(is_capped(f, "a", "2026-11-01T12:00:00Z"));
    sent(f, "m-1", "Z", "2026-11-01T12:00:00Z");
    assert_true(is_capped(f, "a", "2026-11-01T12:00:00Z"));
    assert_true(is_capped(f, "a", "2026-11-08T11:59:59.999Z"));
    const struct nba_suppressed *s = fixture_suppressed(f, "a");
    assert_str_equal(s->rule_id, "r");
    assert_priority(s->counter, 1);
    assert_priority(s->limit, 1);
    assert_int_equal(s->evidence_event_ids.count, 1);
    assert_str_equal(s->evidence_event_ids.items[0], "m-1");
    assert_true(s->retry_after_ms == at("2026-11-08T12:00:00Z"));
    assert_false(is_capped(f, "a", "2026-11-08T12:00:00Z"));
    assert_false(is_capped(f, "d", "2026-11-02T12:00:00Z")); /* another channel */
    fixture_destroy(f);
}

static void test_a_limit_of_a_brand_counts_that_brand(void **state)
{
    struct fixture *f = create_limit(
        "{id: r, per: [hcp, brand], channel: [email, rep], max: 1, window: {rolling: P7D}}");
    (void)state;
    sent(f, "m-1", "X", "2026-11-01T12:00:00Z");
    assert_true(is_capped(f, "a", "2026-11-02T00:00:00Z"));
    assert_true(is_capped(f, "d", "2026-11-02T00:00:00Z"));
    assert_false(is_capped(f, "c", "2026-11-02T00:00:00Z"));
    sent(f, "m-2", "", "2026-11-01T13:00:00Z"); /* of a brand nobody named */
    assert_false(is_capped(f, "c", "2026-11-02T00:00:00Z"));
    fixture_destroy(f);
}

static void test_zero_is_never_and_has_no_end(void **state)
{
    struct fixture *f =
        create_limit("{id: r, per: [hcp], channel: email, max: 0, window: {rolling: P1D}}");
    (void)state;
    assert_true(is_capped(f, "a", "2026-11-02T00:00:00Z"));
    assert_priority(fixture_suppressed(f, "a")->counter, 0);
    assert_priority(fixture_suppressed(f, "a")->limit, 0);
    assert_true(fixture_suppressed(f, "a")->retry_after_ms == NBA_TIME_NONE);
    assert_reason(f, "d", NONE);
    fixture_destroy(f);
}

static void test_a_later_reservation_counts_too_and_is_gone_at_its_expiry(void **state)
{
    struct fixture *f =
        create_limit("{id: r, per: [hcp], channel: email, max: 1, window: {rolling: P7D}}");
    (void)state;
    contact(f, "m-1", "X", at("2026-11-08T00:00:00Z"), at("2026-11-11T00:00:00Z"));
    assert_false(is_capped(f, "a", "2026-11-01T00:00:00Z")); /* just outside its week */
    assert_true(is_capped(f, "a", "2026-11-01T00:00:00.001Z"));
    assert_true(fixture_suppressed(f, "a")->retry_after_ms == at("2026-11-11T00:00:00Z"));
    assert_true(is_capped(f, "a", "2026-11-10T23:59:59.999Z"));
    assert_false(is_capped(f, "a", "2026-11-11T00:00:00Z"));
    fixture_destroy(f);
    f = create("slate: {size: 1}\ncontact_policies: {limits: [{id: r, per: [hcp], channel: email, "
               "max: 1, window: {rolling: P7D}}], release_on: [not_sent]}\n");
    contact(f, "m-1", "X", at("2026-11-08T00:00:00Z"), at("2026-11-11T00:00:00Z"));
    assert_true(is_capped(f, "a", "2026-11-11T00:00:00Z"));
    assert_true(fixture_suppressed(f, "a")->retry_after_ms == at("2026-11-15T00:00:00Z"));
    fixture_destroy(f);
}

/* Two and two around the new one: no window would hold more than three, but those two do. */
static void test_every_window_that_holds_the_new_one_is_looked_at(void **state)
{
    struct fixture *f =
        create_limit("{id: r, per: [hcp], channel: email, max: 2, window: {rolling: P7D}}");
    (void)state;
    sent(f, "m-1", "X", "2026-11-01T00:00:00Z");
    contact(f, "m-2", "X", at("2026-11-09T00:00:00Z"), at("2026-11-20T00:00:00Z"));
    assert_false(is_capped(f, "a", "2026-11-05T00:00:00Z"));
    contact(f, "m-3", "X", at("2026-11-10T00:00:00Z"), at("2026-11-20T00:00:00Z"));
    assert_true(is_capped(f, "a", "2026-11-05T00:00:00Z"));
    assert_int_equal(fixture_suppressed(f, "a")->evidence_event_ids.count, 2);
    assert_str_equal(fixture_suppressed(f, "a")->evidence_event_ids.items[0], "m-2");
    assert_false(is_capped(f, "a", "2026-11-02T23:00:00Z"));
    fixture_destroy(f);
}

static void test_all_limits_must_pass_and_the_first_is_named(void **state)
{
    struct fixture *f = create_limit(
        "{id: brand, per: [hcp, brand], channel: email, max: 1, window: {rolling: P7D}}, "
        "{id: all, per: [hcp], channel: email, max: 2, window: {rolling: P14D}}");
    (void)state;
    sent(f, "m-1", "X", "2026-11-02T00:00:00Z");
    sent(f, "m-2", "Z", "2026-11-01T00:00:00Z");
    fixture_decide(f, "2026-11-03T00:00:00Z");
    assert_str_equal(fixture_suppressed(f, "a")->rule_id, "brand");
    /* The brand's week ends on the 9th, but then two of the fortnight are still there. */
    assert_true(fixture_suppressed(f, "a")->retry_after_ms == at("2026-11-15T00:00:00Z"));
    fixture_decide(f, "2026-11-09T00:00:00Z");
    assert_str_equal(fixture_suppressed(f, "a")->rule_id, "all");
    fixture_destroy(f);
}

static void test_calendar_windows_are_those_of_the_zone(void **state)
{
    static const struct {
        const char *window, *tz, *sent, *last, *first;
    } cases[] = {
        {"{calendar: day, tz: utc}", "", "2026-11-01T00:00:00Z", "2026-11-01T23:59:59.999Z",
         "2026-11-02T00:00:00Z"},
        /* The day on which clocks go back has 25 hours. */
        {"{calendar: day, tz: hcp}", "America/New_York", "2026-11-01T04:00:00Z",
         "2026-11-02T04:59:59.999Z", "2026-11-02T05:00:00Z"},
        {"{calendar: day}", "America/New_York", "2026-03-08T05:00:00Z", "2026-03-09T03:59:59.999Z",
         "2026-03-09T04:00:00Z"},
        {"{calendar: week, tz: hcp}", "Europe/Berlin", "2026-10-18T22:00:00Z",
         "2026-10-25T22:59:59.999Z", "2026-10-25T23:00:00Z"},
        {"{calendar: month, tz: Europe/Berlin}", "", "2026-11-30T23:00:00Z",
         "2026-12-31T22:59:59.999Z", "2026-12-31T23:00:00Z"},
        {"{calendar: month, tz: hcp}", "America/New_York", "2026-02-01T05:00:00Z",
         "2026-03-01T04:59:59.999Z", "2026-03-01T05:00:00Z"},
    };
    (void)state;
    for (size_t i = 0; i < NBA_ARRAY_COUNT(cases); i++) {
        char limit[200];
        (void)snprintf(limit, sizeof(limit),
                       "{id: r, per: [hcp], channel: email, max: 1, window: %s}", cases[i].window);
        struct fixture *f = create_limit(limit);
        f->hcp.profile.tz = nba_str_of(cases[i].tz);
        sent(f, "m-1", "X", cases[i].sent);
        assert_true(is_capped(f, "a", cases[i].last));
        assert_true(fixture_suppressed(f, "a")->retry_after_ms == at(cases[i].first));
        assert_false(is_capped(f, "a", cases[i].first));
        f->hcp.ledger[0].time_ms--; /* in the window before */
        assert_false(is_capped(f, "a", cases[i].last));
        fixture_destroy(f);
    }
}

static void test_without_a_zone_the_policy_says_whose_counts(void **state)
{
    static const char *const limit =
        "slate: {size: 1}\ncontact_policies: {limits: [{id: r, per: [hcp], channel: email, max: 1, "
        "window: {calendar: day, tz: hcp}}]}\n";
    char text[1024];
    (void)state;
    struct fixture *f = create(limit);
    fixture_decide(f, "2026-11-03T00:00:00Z");
    assert_reason(f, "a", TIMEZONE_UNKNOWN);
    assert_reason(f, "d", NONE); /* no limit asks for the rep's days */
    f->hcp.profile.tz = nba_str_of("Mars/Olympus");
    fixture_decide(f, "2026-11-03T00:00:00Z");
    assert_reason(f, "a", TIMEZONE_UNKNOWN);
    fixture_destroy(f);

    (void)snprintf(text, sizeof(text),
                   "%smissing_timezone: brand_default\nbrand_timezones: {X: America/New_York}\n",
                   limit);
    f = create(text);
    sent(f, "m-1", "Z", "2026-11-03T12:00:00Z");
    assert_true(is_capped(f, "a", "2026-11-04T04:59:59.999Z"));
    assert_false(is_capped(f, "a", "2026-11-04T05:00:00Z"));
    assert_reason(f, "c", TIMEZONE_UNKNOWN); /* brand Z has none */
    fixture_destroy(f);
}

static void make_variant(struct nba_content *content)
{
    content->family_id = nba_str_of("a");
}

static void test_a_limit_of_contents_counts_the_family(void **state)
{
    struct fixture *f = create_limit(
        "{id: r, per: [hcp, content], channel: email, max: 1, window: {rolling: P7D}}");
    (void)state;
    fixture_content_edited(f, "a-variant", "X", "t",
                           fixture_treatment(NBA_CHANNEL_EMAIL, NBA_ACTION_TYPE_EMAIL),
                           make_variant);
    fixture_bind(f);
    sent(f, "m-1", "X", "2026-11-03T12:00:00Z");
    f->hcp.ledger[0].family_hash = nba_hcp_text_hash(nba_str_of("a"));
    assert_true(is_capped(f, "a", "2026-11-04T00:00:00Z"));
    assert_reason(f, "a-variant", FREQUENCY_CAP);
    assert_true(fixture_suppressed(f, "a-variant")->retry_after_ms == at("2026-11-10T12:00:00Z"));
    assert_false(is_capped(f, "b", "2026-11-04T00:00:00Z"));
    fixture_destroy(f);
}

static void test_ghosts_count_in_the_control_group_only(void **state)
{
    struct fixture *f =
        create_limit("{id: r, per: [hcp], channel: email, max: 1, window: {rolling: P7D}}");
    (void)state;
    sent(f, "m-1", "X", "2026-11-03T12:00:00Z");
    f->hcp.ledger[0].ghost = true;
    assert_false(is_capped(f, "a", "2026-11-04T00:00:00Z"));
    fixture_destroy(f);
    f = create("slate: {size: 1}\nexperiments: {universal_control: {share_bp: 10000}}\n"
               "contact_policies: {limits: [{id: r, per: [hcp], channel: email, max: 1, window: "
               "{rolling: P7D}}]}\n");
    contact(f, "m-1", "X", at("2026-11-03T12:00:00Z"), at("2026-11-03T13:00:00Z"));
    f->hcp.ledger[0].ghost = true;
    /* Nobody will say that it was sent: it stays. */
    assert_true(is_capped(f, "a", "2026-11-04T00:00:00Z"));
    assert_true(fixture_suppressed(f, "a")->retry_after_ms == at("2026-11-10T12:00:00Z"));
    fixture_destroy(f);
}

static void test_the_actions_of_a_slate_take_their_places_one_by_one(void **state)
{
    struct fixture *f = create("slate: {size: 3}\ncontact_policies: {limits: [{id: r, per: [hcp, "
                               "brand], channel: email, max: 1, window: {rolling: P7D}}]}\n");
    (void)state;
    fixture_score(f, "a", 0.4);
    fixture_score(f, "b", 0.3);
    fixture_score(f, "c", 0.2);
    fixture_score(f, "d", 0.1);
    fixture_decide(f, "2026-11-04T00:00:00Z");
    assert_int_equal(f->result.action_count, 3);
    assert_str_equal(f->result.actions[1].content_id, "c");
    assert_str_equal(f->result.actions[2].content_id, "d");
    const struct nba_suppressed *s = fixture_suppressed(f, "b");
    assert_int_equal(s->reason, NBA_REASON_FREQUENCY_CAP);
    assert_str_equal(s->rule_id, "r");
    assert_priority(s->counter, 1);
    assert_int_equal(s->evidence_event_ids.count, 1);
    assert_str_equal(s->evidence_event_ids.items[0], "e"); /* what makes the other one be sent */
    assert_true(s->retry_after_ms == at("2026-11-07T00:00:00Z")); /* or expire */
    fixture_destroy(f);

    /* max_per is asked first, a full slate before both. */
    f = create("slate: {size: 2, max_per: {channel: 1}}\ncontact_policies: {limits: [{id: r, per: "
               "[hcp, brand], channel: email, max: 1, window: {rolling: P7D}}]}\n");
    fixture_score(f, "a", 0.4);
    fixture_score(f, "b", 0.3);
    fixture_score(f, "d", 0.2);
    fixture_decide(f, "2026-11-04T00:00:00Z");
    assert_reason(f, "b", SLATE_DIVERSITY);
    assert_reason(f, "d", NONE);
    assert_reason(f, "c", LOST_ARBITRATION);
    fixture_destroy(f);
}

/* ---- against a plain evaluator ---- */

#define BASE       INT64_C(1793491200000) /* 2026-11-01T00:00:00Z */
#define MODELS     80
#define CANDIDATES 8
#define LIMITS     3

struct model_contact {
    char id[16];
    int64_t time_ms, gone_ms;
    unsigned channel;
    char brand, family;
    bool committed;
};

struct model_limit {
    unsigned channels, max;
    bool brand, content;
    int64_t hours;     /* rolling; 0: */
    unsigned calendar; /* 0 day, 1 week, 2 month */
    bool utc;
};

struct model {
    struct model_contact contacts[MODELS];
    uint32_t count;
    struct model_limit limits[LIMITS];
    uint32_t limit_count;
    const struct nba_zone *zone;
};

static const struct model_candidate {
    const char *id;
    unsigned channel;
    char brand, family;
} candidates[CANDIDATES] = {
    {"c0", NBA_CHANNEL_EMAIL, 'X', 'p'}, {"c1", NBA_CHANNEL_EMAIL, 'X', 'q'},
    {"c2", NBA_CHANNEL_EMAIL, 'Z', 'p'}, {"c3", NBA_CHANNEL_REP, 'X', 'p'},
    {"c4", NBA_CHANNEL_REP, 'Z', 'r'},   {"c5", NBA_CHANNEL_WEB, 'X', 's'},
    {"c6", NBA_CHANNEL_EMAIL, 'Z', 't'}, {"c7", NBA_CHANNEL_EMAIL, 'Y', 'u'},
};

static bool same_calendar(const struct model *m, const struct model_limit *limit, int64_t a,
                          int64_t b)
{
    const struct nba_zone *zone = limit->utc ? nba_zone_find(nba_str_of("UTC")) : m->zone;
    const struct nba_local x = nba_zone_local(zone, a);
    const struct nba_local y = nba_zone_local(zone, b);
    const int64_t day_x = nba_local_ms(&x) / NBA_DAY_MS;
    const int64_t day_y = nba_local_ms(&y) / NBA_DAY_MS;
    return limit->calendar == 0   ? day_x == day_y
           : limit->calendar == 1 ? day_x - x.weekday == day_y - y.weekday
                                  : x.year == y.year && x.month == y.month;
}

/* Every window that ends on a whole hour and holds the new one; all times are whole hours. */
static bool model_passes(const struct model *m, const struct model_limit *limit,
                         const struct model_candidate *c, int64_t now)
{
    const int64_t windows = limit->hours != 0 ? limit->hours : 1;
    for (int64_t i = 0; i < windows; i++) {
        const int64_t end = now + i * HOUR;
        unsigned count = 0;
        for (uint32_t k = 0; k < m->count; k++) {
            const struct model_contact *x = &m->contacts[k];
            const bool inside = limit->hours != 0
                                    ? end - limit->hours * HOUR < x->time_ms && x->time_ms <= end
                                    : same_calendar(m, limit, x->time_ms, now);
            count += inside && now < x->gone_ms && (limit->channels >> x->channel & 1) != 0 &&
                     (!limit->brand || x->brand == c->brand) &&
                     (!limit->content || x->family == c->family);
        }
        if (count + 1 > limit->max) {
            return false;
        }
    }
    return true;
}

/* Bits of the limits that fail; *ret_unzoned: one can't be asked. */
static unsigned model_failing(const struct model *m, const struct model_candidate *c, int64_t now,
                              bool *ret_unzoned)
{
    unsigned failing = 0;
    *ret_unzoned = false;
    for (uint32_t i = 0; i < m->limit_count; i++) {
        const struct model_limit *limit = &m->limits[i];
        if ((limit->channels >> c->channel & 1) == 0) {
            continue;
        }
        if (limit->hours == 0 && !limit->utc && m->zone == NULL) {
            *ret_unzoned = true;
        } else if (!model_passes(m, limit, c, now)) {
            failing |= 1u << i;
        }
    }
    return failing;
}

static int64_t model_retry(const struct model *m, const struct model_candidate *c, unsigned failing,
                           int64_t now)
{
    for (int64_t hour = 0; hour < 24 * 100; hour++) {
        bool all = true;
        for (uint32_t i = 0; i < m->limit_count && all; i++) {
            all = (failing >> i & 1) == 0 || model_passes(m, &m->limits[i], c, now + hour * HOUR);
        }
        if (all) {
            return now + hour * HOUR;
        }
    }
    return NBA_TIME_NONE;
}

static void model_add(struct model *m, const char *id, const struct model_candidate *c,
                      int64_t time, int64_t gone, bool committed)
{
    assert_true(m->count < MODELS);
    struct model_contact *x = &m->contacts[m->count++];
    *x = (struct model_contact){.time_ms = time,
                                .gone_ms = gone,
                                .channel = c->channel,
                                .brand = c->brand,
                                .family = c->family,
                                .committed = committed};
    (void)snprintf(x->id, sizeof(x->id), "%s", id);
}

static struct nba_str letter(struct fixture *f, char c)
{
    return nba_arena_copy(&f->arena, nba_str(&c, 1));
}

static void both_add(struct fixture *f, struct model *m, const char *id,
                     const struct model_candidate *c, int64_t time, int64_t gone)
{
    const struct nba_ledger_entry entry = {
        .action_key = nba_hcp_text_hash(nba_str_of(id)),
        .brand_hash = nba_hcp_text_hash(letter(f, c->brand)),
        .family_hash = nba_hcp_text_hash(letter(f, c->family)),
        .channel = (enum nba_channel)c->channel,
        .committed = gone == INT64_MAX,
        .time_ms = time,
        .expires_at_ms = gone == INT64_MAX ? NBA_TIME_NONE : gone,
    };
    nba_hcp_ledger_reserve(&f->hcp, &entry);
    model_add(m, id, c, time, gone, gone == INT64_MAX);
}

static char edited_family;

static void set_family(struct nba_content *content)
{
    content->family_id = nba_str(&edited_family, 1);
}

static struct fixture *random_policy(struct nba_rng *rng, struct model *m, unsigned *ret_size)
{
    static const char *const calendars[] = {"day", "week", "month"};
    char limits[1024];
    char rest[1200];
    size_t used = 0;
    *m = (struct model){.limit_count = 1 + (uint32_t)nba_rng_below(rng, LIMITS)};
    m->zone = nba_rng_below(rng, 6) != 0 ? nba_zone_find(nba_str_of("America/New_York")) : NULL;
    for (uint32_t i = 0; i < m->limit_count; i++) {
        struct model_limit *limit = &m->limits[i];
        char window[64];
        const uint64_t roll = nba_rng_next(rng);
        limit->channels = roll % 3 == 0   ? 1u << NBA_CHANNEL_EMAIL
                          : roll % 3 == 1 ? 1u << NBA_CHANNEL_EMAIL | 1u << NBA_CHANNEL_REP
                                          : UINT32_MAX;
        limit->max = (roll >> 8) % 16 == 0 ? 0 : 1 + (unsigned)((roll >> 12) % 4);
        limit->brand = (roll >> 16) % 2 == 0;
        limit->content = (roll >> 20) % 4 == 0;
        limit->hours = (roll >> 24) % 3 != 0 ? (int64_t)(1 + (roll >> 28) % 200) : 0;
        limit->calendar = (unsigned)((roll >> 40) % 3);
        limit->utc = (roll >> 44) % 2 == 0;
        if (limit->hours != 0) {
            (void)snprintf(window, sizeof(window), "rolling: PT%dH", (int)limit->hours);
        } else {
            (void)snprintf(window, sizeof(window), "calendar: %s, tz: %s",
                           calendars[limit->calendar], limit->utc ? "utc" : "hcp");
        }
        used += (size_t)snprintf(limits + used, sizeof(limits) - used,
                                 "%s{id: l%u, per: [hcp%s%s]%s, max: %u, "
                                 "window: {%s}}",
                                 i != 0 ? ", " : "", i, limit->brand ? ", brand" : "",
                                 limit->content ? ", content" : "",
                                 roll % 3 == 0   ? ", channel: email"
                                 : roll % 3 == 1 ? ", channel: [rep, email]"
                                                 : "",
                                 limit->max, window);
    }
    *ret_size = 1 + (unsigned)nba_rng_below(rng, 4);
    (void)snprintf(rest, sizeof(rest), "slate: {size: %u}\ncontact_policies: {limits: [%s]}\n",
                   *ret_size, limits);
    char policy[2048];
    (void)snprintf(policy, sizeof(policy),
                   "policy_version: v1\ntenant: acme\ndecide_on: []\n"
                   "consent: {models: {US: {email: implicit, rep: implicit, web: implicit}}}\n"
                   "timing: {expiry: {email: PT72H, rep: PT30H, web: P14D}}\n%s",
                   rest);
    struct fixture *f = fixture_create(policy);
    for (size_t i = 0; i < CANDIDATES; i++) {
        const struct model_candidate *c = &candidates[i];
        edited_family = c->family;
        fixture_content_edited(
            f, c->id, (const char[]){c->brand, 0}, "t",
            fixture_treatment((enum nba_channel)c->channel,
                              c->channel == NBA_CHANNEL_EMAIL ? NBA_ACTION_TYPE_EMAIL
                              : c->channel == NBA_CHANNEL_REP ? NBA_ACTION_TYPE_REP_CALL
                                                              : NBA_ACTION_TYPE_PORTAL_CONTENT),
            set_family);
    }
    fixture_bind(f);
    f->hcp.profile.tz = m->zone != NULL ? nba_str_of("America/New_York") : nba_str("", 0);
    return f;
}

/* One decision, each reason, counter and retry_after as the model has them; it keeps what was
 * selected. */
static void decide_both(struct fixture *f, struct model *m, struct nba_rng *rng, unsigned size,
                        int64_t now, unsigned step, unsigned seen[256])
{
    static const int64_t expiry_h[NBA_CHANNEL_COUNT] = {
        [NBA_CHANNEL_EMAIL] = 72, [NBA_CHANNEL_REP] = 30, [NBA_CHANNEL_WEB] = 14 * 24};
    char time[NBA_TIME_TEXT_BYTES];
    uint32_t order[CANDIDATES];
    unsigned failing[CANDIDATES];
    bool unzoned[CANDIDATES];
    unsigned taken = 0;
    for (uint32_t i = 0; i < CANDIDATES; i++) {
        const uint32_t at_place = (uint32_t)nba_rng_below(rng, i + 1);
        order[i] = order[at_place];
        order[at_place] = i;
    }
    for (uint32_t i = 0; i < CANDIDATES; i++) {
        fixture_score(f, candidates[order[i]].id, 0.9 - 0.1 * (double)i);
        failing[i] = model_failing(m, &candidates[i], now, &unzoned[i]);
    }
    nba_time_format(now, time);
    fixture_decide(f, time);
    const struct model before = *m;
    for (uint32_t i = 0; i < CANDIDATES; i++) {
        const struct model_candidate *c = &candidates[order[i]];
        const enum nba_reason reason = fixture_reason(f, c->id);
        bool none = false;
        seen[reason]++;
        if (unzoned[order[i]]) {
            assert_int_equal(reason, NBA_REASON_TIMEZONE_UNKNOWN);
        } else if (failing[order[i]] != 0) {
            const struct nba_suppressed *s = fixture_suppressed(f, c->id);
            assert_int_equal(reason, NBA_REASON_FREQUENCY_CAP);
            assert_int_equal(s->rule_id.data[1] - '0', __builtin_ctz(failing[order[i]]));
            assert_true(s->counter >= s->limit);
            assert_int_equal(s->retry_after_ms, model_retry(&before, c, failing[order[i]], now));
        } else if (taken == size) {
            assert_int_equal(reason, NBA_REASON_LOST_ARBITRATION);
        } else if (model_failing(m, c, now, &none) != 0) {
            assert_int_equal(reason, NBA_REASON_FREQUENCY_CAP);
            seen[0xff]++;
        } else {
            char id[16];
            assert_int_equal(reason, NBA_REASON_NONE);
            (void)snprintf(id, sizeof(id), "s%u-%u", step, taken++);
            both_add(f, m, id, c, now, now + expiry_h[c->channel] * HOUR);
        }
    }
    assert_int_equal(f->result.action_count, taken);
}

static void test_random_streams_are_never_above_a_limit_and_never_stopped_without_one(void **state)
{
    unsigned seen[256] = {0};
    (void)state;
    for (uint64_t seed = 1; seed <= 150; seed++) {
        struct nba_rng rng = nba_rng(seed);
        struct model m;
        unsigned size = 0;
        struct fixture *f = random_policy(&rng, &m, &size);
        int64_t now = BASE - (int64_t)nba_rng_below(&rng, 200) * HOUR;
        for (unsigned step = 0; step < 12; step++) {
            now += (int64_t)nba_rng_below(&rng, 60) * HOUR;
            if (nba_rng_below(&rng, 2) == 0) { /* somebody else's, late or planned */
                char id[16];
                const int64_t hours = (int64_t)nba_rng_below(&rng, 200) - 150;
                const int64_t time = now + hours * HOUR;
                (void)snprintf(id, sizeof(id), "x%u", step);
                both_add(f, &m, id, &candidates[nba_rng_below(&rng, CANDIDATES)], time,
                         hours > 0 ? time + (int64_t)nba_rng_below(&rng, 90) * HOUR : INT64_MAX);
            }
            for (uint32_t i = 0; i < m.count; i++) {
                struct model_contact *x = &m.contacts[i];
                const uint64_t roll = nba_rng_below(&rng, 6);
                const uint32_t key = nba_hcp_text_hash(nba_str_of(x->id));
                if (!x->committed && now < x->gone_ms && roll == 0) { /* sent */
                    assert_true(nba_hcp_ledger_commit(&f->hcp, key, now));
                    x->time_ms = now;
                    x->gone_ms = INT64_MAX;
                    x->committed = true;
                } else if (roll == 1 && i % 5 == 0) { /* bounced */
                    assert_true(nba_hcp_ledger_release(&f->hcp, key));
                    *x = m.contacts[--m.count];
                }
            }
            decide_both(f, &m, &rng, size, now, step, seen);
            assert_true(f->hcp.ledger_count < NBA_HCP_LEDGER_MAX);
        }
        fixture_destroy(f);
    }
    assert_true(seen[0] > 500 && seen[NBA_REASON_FREQUENCY_CAP] > 500 && seen[0xff] > 100 &&
                seen[NBA_REASON_TIMEZONE_UNKNOWN] > 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_rolling_window_counts_what_is_younger_than_its_length),
        cmocka_unit_test(test_a_limit_of_a_brand_counts_that_brand),
        cmocka_unit_test(test_zero_is_never_and_has_no_end),
        cmocka_unit_test(test_a_later_reservation_counts_too_and_is_gone_at_its_expiry),
        cmocka_unit_test(test_every_window_that_holds_the_new_one_is_looked_at),
        cmocka_unit_test(test_all_limits_must_pass_and_the_first_is_named),
        cmocka_unit_test(test_calendar_windows_are_those_of_the_zone),
        cmocka_unit_test(test_without_a_zone_the_policy_says_whose_counts),
        cmocka_unit_test(test_a_limit_of_contents_counts_the_family),
        cmocka_unit_test(test_ghosts_count_in_the_control_group_only),
        cmocka_unit_test(test_the_actions_of_a_slate_take_their_places_one_by_one),
        cmocka_unit_test(test_random_streams_are_never_above_a_limit_and_never_stopped_without_one),
    };
    return cmocka_run_group_tests_name("unit.policy.limits", tests, NULL, NULL);
}
