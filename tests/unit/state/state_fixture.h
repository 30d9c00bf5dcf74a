/* What the state tests share: records in an arena, events of a few words, a seeded stream. */
#ifndef NBA_STATE_FIXTURE_H
#define NBA_STATE_FIXTURE_H

#include "nba_test.h"

#include "nba/base/random.h"
#include "nba/state/hcp.h"

#define T0  INT64_C(1795190400000) /* 2026-11-20T16:00:00Z */
#define DAY (INT64_C(24) * 3600 * 1000)

struct fixture {
    struct nba_arena arena;
    struct nba_buf buf;
    struct nba_error error;
};

static inline void fixture_init(struct fixture *f)
{
    nba_arena_init(&f->arena, (size_t)256 * 1024 * 1024);
    nba_buf_init(&f->buf, (size_t)1024 * 1024);
    memset(&f->error, 0, sizeof(f->error));
}

static inline void fixture_clear(struct fixture *f)
{
    nba_arena_clear(&f->arena);
    nba_buf_clear(&f->buf);
}

static inline struct nba_hcp *new_hcp(struct fixture *f)
{
    struct nba_hcp *hcp = nba_arena_take(&f->arena, sizeof(*hcp));
    assert_non_null(hcp);
    nba_hcp_init(hcp, nba_str_of("hcp-1"), &f->arena);
    return hcp;
}

/* The record's bytes, in the arena. */
static inline struct nba_str encoded(struct fixture *f, const struct nba_hcp *hcp)
{
    nba_buf_reset(&f->buf);
    assert_int_equal(nba_hcp_encode(hcp, &f->buf), NBA_OK);
    return nba_arena_copy(&f->arena, nba_buf_str(&f->buf));
}

static inline struct nba_hcp *decoded(struct fixture *f, struct nba_str bytes)
{
    struct nba_hcp *hcp = nba_arena_take(&f->arena, sizeof(*hcp));
    assert_non_null(hcp);
    assert_int_equal(nba_hcp_decode(bytes, nba_str_of("hcp-1"), &f->arena, hcp, &f->error), NBA_OK);
    return hcp;
}

#define assert_bytes_equal(a, b)                                \
    do {                                                        \
        const struct nba_str left = (a);                        \
        const struct nba_str right = (b);                       \
        assert_int_equal(left.bytes, right.bytes);              \
        assert_memory_equal(left.data, right.data, left.bytes); \
    } while (0)

static inline struct nba_event event_of(enum nba_event_type type, const char *id, int64_t time_ms)
{
    return (struct nba_event){.type = type,
                              .event_id = nba_str_of(id),
                              .source = nba_str_of("crm"),
                              .event_time_ms = time_ms,
                              .captured_at_ms = NBA_TIME_NONE,
                              .expires_at_ms = NBA_TIME_NONE};
}

static inline void apply(struct nba_hcp *hcp, const struct nba_event *event)
{
    nba_hcp_apply_event(hcp, event, NULL, event->event_time_ms, NBA_ARRIVAL_FRESH);
}

static inline struct nba_str text_of(struct fixture *f, const char *prefix, uint64_t number)
{
    char *text = nba_arena_take(&f->arena, 64);
    assert_non_null(text);
    const int bytes = snprintf(text, 64, "%s%llu", prefix, (unsigned long long)number);
    return nba_str(text, (size_t)bytes);
}

static inline struct nba_open_action action_of(struct fixture *f, uint64_t number, int64_t now_ms)
{
    const struct nba_str decision = text_of(f, "dec:crm#ev-", number);
    char *id = nba_arena_take(&f->arena, 64);
    assert_non_null(id);
    const int bytes = snprintf(id, 64, "%.*s:1", NBA_STR_ARG(decision));
    return (struct nba_open_action){.action_id = nba_str(id, (size_t)bytes),
                                    .decision_id = decision,
                                    .content_id = text_of(f, "CX-", number % 40),
                                    .content_version = nba_str_of("1"),
                                    .family_id = text_of(f, "CX-", number % 40),
                                    .brand = nba_str_of("CARDIOX"),
                                    .campaign_id = nba_str_of("launch"),
                                    .topic = nba_str_of("heart_failure"),
                                    .channel = NBA_CHANNEL_EMAIL,
                                    .action_type = NBA_ACTION_TYPE_EMAIL,
                                    .rank = 1,
                                    .slate_size = 2,
                                    .priority = 0.096,
                                    .proposed_at_ms = now_ms,
                                    .expires_at_ms = now_ms + 3 * DAY};
}

/* The place of an action in the ledger. */
static inline struct nba_ledger_entry contact_of(const struct nba_open_action *action,
                                                 int64_t planned_ms)
{
    return (struct nba_ledger_entry){.action_key = nba_hcp_text_hash(action->action_id),
                                     .brand_hash = nba_hcp_text_hash(action->brand),
                                     .family_hash = nba_hcp_text_hash(action->family_id),
                                     .channel = action->channel,
                                     .time_ms = planned_ms,
                                     .expires_at_ms = action->expires_at_ms,
                                     .evidence_event_id = action->decision_id};
}

/* What outcomes of an action are joined to, for two days. */
static inline struct nba_awaited_action awaited_of(const struct nba_hcp *hcp,
                                                   const struct nba_open_action *action)
{
    struct nba_awaited_action awaited = {.action_id = action->action_id,
                                         .content_id = action->content_id,
                                         .action_type = action->action_type,
                                         .channel = action->channel,
                                         .decided_ms = action->proposed_at_ms,
                                         .until_ms = action->proposed_at_ms + 2 * DAY};
    nba_hcp_features(hcp, 0, &awaited.features);
    return awaited;
}

/* One random event; texts live in the arena.  `step` makes ids unique. */
static inline struct nba_event random_event(struct fixture *f, struct nba_rng *rng, uint64_t step,
                                            int64_t time_ms)
{
    static const char *const brands[] = {"CARDIOX", "PULMOVA", "NEUROL", ""};
    static struct nba_profile profile;
    const uint64_t roll = nba_rng_next(rng);
    struct nba_event event =
        event_of((enum nba_event_type)(1 + roll % (NBA_EVENT_TYPE_COUNT - 1)), "", time_ms);
    event.event_id = text_of(f, "event-", step);
    event.channel = (enum nba_channel)(roll >> 8) % NBA_CHANNEL_COUNT;
    event.bounce_class = (enum nba_bounce)((roll >> 12) % NBA_BOUNCE_COUNT);
    event.scope_type = (enum nba_consent_scope)((roll >> 16) % NBA_CONSENT_SCOPE_COUNT);
    event.status = (enum nba_consent_status)((roll >> 20) % NBA_CONSENT_STATUS_COUNT);
    event.brand = nba_str_of(brands[(roll >> 24) % 4]);
    event.scope_id = event.brand;
    event.reaction = (int32_t)((roll >> 28) % 3) - 1;
    if ((roll >> 30) % 4 != 0) {
        event.content_id = text_of(f, "CX-", (roll >> 32) % 60);
    }
    if ((roll >> 40) % 2 == 0) {
        event.message_id = text_of(f, "m-", (roll >> 42) % 30);
    }
    if ((roll >> 50) % 3 == 0) {
        struct nba_open_action action = action_of(f, step - (roll >> 52) % 8, time_ms);
        event.action_id = action.action_id;
    }
    event.hcp_event_id = text_of(f, "congress-", (roll >> 44) % 50);
    if (event.type == NBA_EVENT_PROFILE_UPDATED) {
        profile = (struct nba_profile){.market = nba_str_of("US"),
                                       .tz = nba_str_of("America/New_York"),
                                       .rep_id = text_of(f, "rep-", roll % 20),
                                       .has_open_complaint = true,
                                       .has_do_not_contact = true,
                                       .do_not_contact = (roll >> 61) % 2 == 0,
                                       .open_complaint = (roll >> 60) % 2 == 0};
        profile.address[NBA_CHANNEL_EMAIL] = (uint8_t)((roll >> 58) % 4);
        event.profile = &profile;
    }
    return event;
}

/* What an action waits with, until a day later. */
static inline struct nba_held_action held_of(const struct nba_open_action *action)
{
    return (struct nba_held_action){.action_id = action->action_id,
                                    .planned_ms = action->proposed_at_ms + DAY,
                                    .reason = NBA_REASON_HELD_QUIET_HOURS,
                                    .propensity = 0.08,
                                    .sampled_propensity = 0.08,
                                    .context_weight = 1.2,
                                    .value = 1,
                                    .lever_weight = 1,
                                    .selection_probability = 1,
                                    .trigger_event_id = nba_str_of("ev-1"),
                                    .model_version = nba_str_of("popularity"),
                                    .drivers = {NBA_DRIVER_RECENT_TOPIC_ENGAGEMENT},
                                    .driver_weights = {0.166666667},
                                    .driver_count = 1,
                                    .evidence = {nba_str_of("ev-1")},
                                    .evidence_count = 1};
}

/* Everything a transaction may do to a record, a step of it. */
static inline void random_step(struct fixture *f, struct nba_rng *rng, struct nba_hcp *hcp,
                               uint64_t step, int64_t *clock_ms)
{
    static const struct nba_content_facts facts = {.topic = {"heart_failure", 13},
                                                   .brand = {"CARDIOX", 7}};
    *clock_ms += (int64_t)(nba_rng_next(rng) % 9) * 3600 * 1000 + (int64_t)(step % 7 == 0) * 137;
    const struct nba_event event = random_event(f, rng, step, *clock_ms);
    const enum nba_arrival arrival = nba_hcp_arrival(hcp, &event, *clock_ms, DAY);
    nba_hcp_apply_event(hcp, &event, nba_rng_next(rng) % 2 == 0 ? &facts : NULL, *clock_ms,
                        arrival);
    struct nba_joined_outcome joined;
    if (arrival == NBA_ARRIVAL_FRESH) {
        (void)nba_hcp_join(hcp, &event, &joined);
    }
    if (nba_rng_next(rng) % 3 == 0) {
        const struct nba_open_action action = action_of(f, step, *clock_ms);
        const struct nba_held_action held = held_of(&action);
        const struct nba_ledger_entry contact = contact_of(&action, *clock_ms + (int64_t)step);
        if (step % 4 == 0 ? nba_hcp_hold_action(hcp, &action, &held)
                          : nba_hcp_add_action(hcp, &action)) {
            const struct nba_awaited_action awaited = awaited_of(hcp, &action);
            nba_hcp_ledger_reserve(hcp, &contact);
            nba_hcp_await(hcp, &awaited, *clock_ms);
        }
    }
    while (hcp->timer_count > 0 && hcp->timers[0].due_ms <= *clock_ms) {
        if (hcp->timers[0].kind == NBA_TIMER_RELEASE) {
            nba_hcp_release_action(hcp, hcp->timers[0].id, *clock_ms, nba_str_of("rep-9"));
        } else {
            assert_true(nba_hcp_close_action(hcp, hcp->timers[0].id));
        }
    }
}

#endif
