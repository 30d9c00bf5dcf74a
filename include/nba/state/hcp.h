/*
 * One HCP's record, decoded: all that the engine remembers about a health-care professional.
 *
 * WHAT IT HOLDS.  Counters; the ring of positive engagements that the sequence models see; hashes
 * of recent events, by which duplicates are known; statistics by channel; consent; outcomes by
 * content family, which suppression rules and drivers read; open actions, with what it takes to
 * recall them, and held ones to propose them; the ledger of contacts, which limits count; timers;
 * what triggers wait with; profile facts; at which hours of the week mails were opened.  Policy and
 * score read the fields directly; only the functions here change them.
 *
 * PURE.  Every function is a function of record and arguments: no clock, no chance, no libm.  Two
 * records that went through the same calls encode to the same bytes (docs/formats/state.md).
 *
 * OWNERSHIP.  Texts point into the decoded bytes or into `arena`; what a mutator keeps of an event
 * it copies into `arena`.  A record lives as long as its arena and the bytes it was decoded from.
 * When the arena is full `failed` turns true and stays so; nba_hcp_encode then refuses, so that a
 * caller checks once.  A record belongs to one thread.
 *
 * LIMITS.  Each list says what happens when it is full.  Encoded, a record has at most
 * NBA_HCP_BYTES_MAX bytes: every function that adds ends by making it fit, and drops in this
 * order until it does: oldest awaited actions, oldest outcomes, evidence of the oldest contacts,
 * last interests, oldest registered events, oldest pattern events, oldest ring events, oldest event
 * hashes, last specialties, deliveries, quiet triggers, ids that ended here.  What is left fits
 * always, since texts of the profile, consent and open actions have byte limits of their own.  An
 * opt-out, an open action and a contact are never dropped.
 */
#ifndef NBA_STATE_HCP_H
#define NBA_STATE_HCP_H

#include "nba/base/arena.h"
#include "nba/base/buf.h"
#include "nba/base/limits.h"
#include "nba/base/status.h"
#include "nba/event/event.h"

/* Duplicates are looked for among this many events... */
#define NBA_HCP_RECENT_MAX 32u
/* ...that arrived less than this long ago, by watermark. */
#define NBA_HCP_DUPLICATE_MS (7 * (int64_t)24 * 3600 * 1000)
/* Five channels and twenty brands give about this many scopes that people really use. */
#define NBA_HCP_CONSENTS_MAX      32u
#define NBA_HCP_CONSENT_BYTES_MAX 2048u
/* Ninety days (the usual suppression window) at five outcomes a week. */
#define NBA_HCP_OUTCOMES_MAX 64u
/* Of one family and outcome; counting rules rarely ask for more than three. */
#define NBA_HCP_OUTCOME_REPEATS_MAX 4u
#define NBA_HCP_ACTIONS_MAX         16u
#define NBA_HCP_ACTION_BYTES_MAX    3072u
#define NBA_HCP_TIMERS_MAX          32u
/* Actions that outcomes are still awaited of: more than limits let out in a fortnight. */
#define NBA_HCP_AWAITED_MAX 16u
/* Two contacts a day for a month: far above any limit that people set. */
#define NBA_HCP_LEDGER_MAX 64u
/* Of the open actions; two slates of the night. */
#define NBA_HCP_HELD_MAX     8u
#define NBA_HCP_EVIDENCE_MAX 8u
/* Hours of a week: opens and clicks by local weekday (0 Monday) and hour. */
#define NBA_HCP_WEEK_HOURS     168u
#define NBA_HCP_INTERESTS_MAX  16u
#define NBA_HCP_REGISTERED_MAX 32u
/* Events that triggers wait with: three e-mails a week of each of ten brands. */
#define NBA_HCP_PATTERNS_MAX 32u
#define NBA_HCP_QUIET_MAX    16u
/* Ids that one person had before; more of them are duplicates of a source that must be mended. */
#define NBA_HCP_MERGED_MAX 8u
/* A longer brand names no pattern. */
#define NBA_HCP_PATTERN_TEXT_BYTES_MAX 128u
/* Machines open within seconds: so many messages come at once. */
#define NBA_HCP_DELIVERIES_MAX 8u
/* A longer text is not stored: the fact then counts as unknown, which every gate denies. */
#define NBA_HCP_PROFILE_TEXT_BYTES_MAX 128u

/* One positive engagement: 16 bytes. */
struct nba_ring_event {
    int64_t time_ms;
    uint32_t content_hash; /* nba_content_hash of its content_id */
    uint8_t type;          /* enum nba_event_type */
    uint8_t channel;       /* enum nba_channel */
};

struct nba_recent_event {
    uint64_t hash;        /* nba_event_hash of (source, event_id) */
    int64_t watermark_ms; /* of the partition, when it arrived */
};

/* All counts saturate at their type's maximum. */
struct nba_channel_stats {
    uint32_t sent;           /* touches made: email_sent, action_sent, webinar_invited */
    uint32_t seen;           /* delivered, shown, impressions */
    uint32_t engaged;        /* positive engagements */
    uint32_t refused;        /* ignored, dismissed, no-show */
    int64_t last_contact_ms; /* latest touch made or call held; NBA_TIME_NONE */
    int64_t last_engaged_ms; /* NBA_TIME_NONE */
};

/* At most one for each (channel, scope, scope_id).  Channel UNKNOWN: every channel. */
struct nba_consent {
    enum nba_channel channel;
    enum nba_consent_scope scope;
    enum nba_consent_status status;
    struct nba_str scope_id; /* brand or content type; empty for global and channel, see below */
    int64_t captured_at_ms;
    int64_t expires_at_ms; /* NBA_TIME_NONE: never */
    struct nba_str evidence_event_id;
};

/* scope_id of an opt-out that was widened because the list was full (nba_hcp_put_consent). */
#define NBA_CONSENT_WIDENED "*"

/* Something that happened to a content, kept by its family: an A/B variant is the same content. */
struct nba_outcome_entry {
    struct nba_str family_id, content_id, topic, brand;
    enum nba_outcome outcome;
    enum nba_channel channel;
    int64_t time_ms;
    struct nba_str evidence_event_id;
    uint32_t message_hash; /* low 32 bits of XXH64(message_id); 0 when there is none */
    uint32_t action_hash;  /* the same of action_id */
    struct nba_str rep_id; /* of a refusal: who was refused; else empty */
};

enum nba_open_action_flag {
    NBA_OPEN_ACTION_SENT = 1,       /* can't be recalled any more, kept until expiry for joins */
    NBA_OPEN_ACTION_DELIVERED = 2,  /* reached the HCP's or rep's device */
    NBA_OPEN_ACTION_SHOWN = 4,      /* the rep or the HCP has seen it */
    NBA_OPEN_ACTION_HELD = 8,       /* waits for its release: nobody outside knows of it */
    NBA_OPEN_ACTION_GHOST = 16,     /* of the control group: nobody was told */
    NBA_OPEN_ACTION_REQUESTED = 32, /* the rep's task publishes and recalls it, or refuses */
    NBA_OPEN_ACTION_WAITING = 64    /* a budget has been asked: nobody outside knows of it yet */
};
#define NBA_OPEN_ACTION_FLAGS 127u

/* A proposed action that has neither ended nor expired. */
struct nba_open_action {
    struct nba_str action_id, decision_id;
    struct nba_str content_id, content_version, family_id;
    struct nba_str brand, campaign_id, topic, rep_id;
    struct nba_str message_id; /* learned from email_sent; empty before */
    enum nba_channel channel;
    enum nba_action_type action_type;
    int32_t rank, slate_size;
    double priority;
    int64_t proposed_at_ms, expires_at_ms;
    uint32_t flags; /* enum nba_open_action_flag */
};

/* One contact with the HCP, made or to come, as limits count it. */
struct nba_ledger_entry {
    uint32_t action_key;  /* nba_hcp_text_hash of the action_id; 0: the engine didn't propose it */
    uint32_t message_key; /* of message_id or call_id; 0: not known */
    uint32_t brand_hash;  /* nba_hcp_text_hash of the brand and of the content's family; 0: none */
    uint32_t family_hash;
    enum nba_channel channel;
    bool committed;        /* it took place; else its place is reserved */
    bool ghost;            /* of the control group: nothing was or will be sent */
    int64_t time_ms;       /* planned, then sent */
    int64_t expires_at_ms; /* of a reservation: when its action ends; NBA_TIME_NONE: never */
    struct nba_str evidence_event_id; /* why it was planned, then what says it was sent */
};

/* What a decision stands on, of the HCP, for training and reports. */
struct nba_hcp_features {
    uint64_t engagements, touches;
    uint32_t engaged[NBA_CHANNEL_COUNT], trials[NBA_CHANNEL_COUNT];
    uint32_t week_events; /* nba_hcp_week_events */
};

/* An action until its reward window ends, with the features it was decided on. */
struct nba_awaited_action {
    struct nba_str action_id, content_id;
    enum nba_action_type action_type;
    enum nba_channel channel;
    int64_t decided_ms, until_ms; /* outcomes before this count */
    uint32_t message_hash;        /* nba_hcp_text_hash of its message_id; 0: not known yet */
    uint32_t outcomes;            /* that came: bit by enum nba_outcome */
    struct nba_hcp_features features;
};

/* What the message of a held action needs beside the open action when it is released. */
struct nba_held_action {
    struct nba_str action_id;
    int64_t planned_ms;     /* when it is released */
    enum nba_reason reason; /* HELD_QUIET_HOURS; NONE: for the best time to send */
    double propensity, sampled_propensity, context_weight, value, lever_weight;
    double selection_probability;
    struct nba_str trigger_event_id, model_version;
    enum nba_driver drivers[NBA_DRIVERS_MAX]; /* strongest first */
    double driver_weights[NBA_DRIVERS_MAX];
    uint32_t driver_count;
    struct nba_str evidence[NBA_HCP_EVIDENCE_MAX]; /* event ids */
    uint32_t evidence_count;
};

/* Appended to, never reordered: values are written into records. */
enum nba_timer_kind {
    NBA_TIMER_EXPIRY = 1,  /* id = action_id: the action ends unanswered */
    NBA_TIMER_RELEASE = 2, /* id = action_id: a held action is judged again */
    NBA_TIMER_TRIGGER = 3, /* no id, one for all: the first time of a pattern is up */
    NBA_TIMER_KIND_END
};

struct nba_timer {
    int64_t due_ms;
    enum nba_timer_kind kind;
    struct nba_str id;
};

enum nba_pattern_flag {
    NBA_PATTERN_SEEN = 1,     /* it has come; without: an answer that came before it */
    NBA_PATTERN_ANSWERED = 2, /* in time */
    NBA_PATTERN_JUDGED = 4,   /* its time was up */
};
#define NBA_PATTERN_FLAGS 7u

/* An event that a trigger's pattern counts. */
struct nba_pattern_event {
    uint32_t trigger_hash; /* of the trigger's id */
    uint32_t key_hash;     /* of what an answer must name too: message_id or content_id; 0: none */
    struct nba_str brand, event_id;
    int64_t time_ms; /* of one trigger no two are equal: the later to come is put behind by 1 ms */
    uint32_t flags;  /* enum nba_pattern_flag */
};

/* A trigger that fired: it doesn't fire again before then. */
struct nba_quiet_trigger {
    uint32_t trigger_hash;
    struct nba_str brand; /* empty: of any */
    int64_t until_ms;
};

struct nba_delivery {
    uint32_t message_hash;
    int64_t time_ms;
};

/* Facts of profile_updated; empty text = not known. */
struct nba_hcp_profile {
    bool known; /* a profile_updated has been seen */
    bool open_complaint;
    bool do_not_contact; /* whatever consent says */
    struct nba_str market, region, tz, language;
    struct nba_str rep_id, msl_id, territory_id;
    struct nba_str npi, onekey_id, veeva_id;
    uint8_t address[NBA_CHANNEL_COUNT]; /* enum nba_address */
    struct nba_str specialties[NBA_SPECIALTIES_MAX];
    uint32_t specialty_count;
    struct nba_str interests[NBA_HCP_INTERESTS_MAX];
    uint32_t interest_count;
    struct nba_str registered_events[NBA_HCP_REGISTERED_MAX]; /* oldest first, oldest out */
    uint32_t registered_count;
};

struct nba_hcp {
    struct nba_arena *arena;
    struct nba_str hcp_id; /* the key: not part of the encoded value */
    bool failed;
    bool stored;        /* was in the store before this transaction */
    int64_t *due_floor; /* NULL, or lowered to the due time of every timer added (task.h) */
    size_t bytes_bound; /* the encoding has at most this many bytes, and a slack */

    uint64_t pushed;                                    /* n: events ever pushed on the ring */
    struct nba_ring_event ring[NBA_RING_EVENTS];        /* oldest first; oldest out */
    uint32_t ring_count;                                /* held */
    struct nba_recent_event recent[NBA_HCP_RECENT_MAX]; /* oldest first; oldest out */
    uint32_t recent_count;

    uint32_t event_count[NBA_EVENT_TYPE_COUNT];
    uint64_t touches;                      /* events counted, of any type */
    int64_t first_event_ms, last_event_ms; /* least and greatest event time; NBA_TIME_NONE */
    struct nba_channel_stats channels[NBA_CHANNEL_COUNT];

    struct nba_consent consents[NBA_HCP_CONSENTS_MAX];
    uint32_t consent_count;
    struct nba_outcome_entry outcomes[NBA_HCP_OUTCOMES_MAX]; /* in the order they came */
    uint32_t outcome_count;
    struct nba_open_action actions[NBA_HCP_ACTIONS_MAX]; /* in the order they were proposed */
    uint32_t action_count;
    struct nba_timer timers[NBA_HCP_TIMERS_MAX]; /* by (due, id) */
    uint32_t timer_count;
    struct nba_pattern_event patterns[NBA_HCP_PATTERNS_MAX]; /* by time */
    uint32_t pattern_count;
    struct nba_quiet_trigger quiet[NBA_HCP_QUIET_MAX];
    uint32_t quiet_count;
    struct nba_delivery deliveries[NBA_HCP_DELIVERIES_MAX]; /* in the order they came */
    uint32_t delivery_count;
    struct nba_hcp_profile profile;
    struct nba_held_action held[NBA_HCP_HELD_MAX]; /* in the order they were selected */
    uint32_t held_count;
    struct nba_ledger_entry ledger[NBA_HCP_LEDGER_MAX]; /* by time */
    uint32_t ledger_count;
    uint8_t week[NBA_HCP_WEEK_HOURS];                       /* all halved when one is full */
    struct nba_awaited_action awaited[NBA_HCP_AWAITED_MAX]; /* in the order they were decided */
    uint32_t awaited_count;
    /* Set: this id has ended, the record is only this link and those below. */
    struct nba_str merged_into;
    struct nba_str merged_from[NBA_HCP_MERGED_MAX]; /* ids that ended in this one; oldest out */
    uint32_t merged_count;
};

/* An HCP never heard of.  `hcp_id` is copied into `arena`. */
void nba_hcp_init(struct nba_hcp *hcp, struct nba_str hcp_id, struct nba_arena *arena);

/* From bytes of nba_hcp_encode, which must outlive the record.  Trusts nothing: NBA_E_CORRUPT for
 * anything but a whole record, NBA_E_VERSION for one of a newer format, NBA_E_NO_MEMORY; what is in
 * *ret_hcp is then of no use.  About a microsecond for a typical record. */
NBA_MUST_USE
enum nba_status nba_hcp_decode(struct nba_str bytes, struct nba_str hcp_id, struct nba_arena *arena,
                               struct nba_hcp *ret_hcp, struct nba_error *error);

/* Appends the canonical encoding.  NBA_E_NO_MEMORY when `failed` or the buffer is full; NBA_E_LIMIT
 * for a record that doesn't fit, which the functions here never leave behind. */
NBA_MUST_USE
enum nba_status nba_hcp_encode(const struct nba_hcp *hcp, struct nba_buf *buf);

/* ---- what the pipeline calls for an event ---- */

enum nba_arrival {
    NBA_ARRIVAL_FRESH,
    NBA_ARRIVAL_DUPLICATE, /* changes nothing */
    NBA_ARRIVAL_LATE,      /* older than watermark - allowed lateness: consent only */
    NBA_ARRIVAL_BOT,       /* opened or clicked by a machine: consent only */
};

/* What the catalogue knows of the event's content; empty texts where it doesn't know it. */
struct nba_content_facts {
    struct nba_str family_id, topic, brand;
};

/* `watermark_ms`: greatest event time of the partition, this event's included. */
enum nba_arrival nba_hcp_arrival(const struct nba_hcp *hcp, const struct nba_event *event,
                                 int64_t watermark_ms, int64_t allowed_lateness_ms);

/* All of the functions of the next part, in their order, as `arrival` allows.  `facts` may be
 * NULL.  profile_merged and profile_erased are the engine's. */
void nba_hcp_apply_event(struct nba_hcp *hcp, const struct nba_event *event,
                         const struct nba_content_facts *facts, int64_t watermark_ms,
                         enum nba_arrival arrival);

/* ---- its parts ---- */

/* Same (source, event_id) among the last 32 and watermark - its watermark < 7 days. */
bool nba_hcp_is_duplicate(const struct nba_hcp *hcp, uint64_t event_hash, int64_t watermark_ms);
/* Oldest out. */
void nba_hcp_remember_event(struct nba_hcp *hcp, uint64_t event_hash, int64_t watermark_ms);
/* How many of those remembered came in the seven days before: how busy this HCP is kept. */
uint32_t nba_hcp_week_events(const struct nba_hcp *hcp, int64_t watermark_ms);
/* Counters and channel statistics. */
void nba_hcp_apply_touch(struct nba_hcp *hcp, const struct nba_event *event);
/* On the ring when nba_event_in_ring says so. */
void nba_hcp_apply_engagement(struct nba_hcp *hcp, const struct nba_event *event);
void nba_hcp_push(struct nba_hcp *hcp, const struct nba_ring_event *ring_event);
/* The outcome of the event's type for its content (its own, else that of its action, else that of
 * its message).  The same outcome of the same action or message counts once.  A fifth of one
 * family and outcome replaces the oldest of them; a full list loses its oldest by time.  A bounce
 * or drop takes `sent` and `delivered` of that message or action back. */
void nba_hcp_apply_outcome(struct nba_hcp *hcp, const struct nba_event *event,
                           const struct nba_content_facts *facts);
/* The contact that the event speaks of.  One that the engine proposed, or that is known by its
 * message_id or call_id, is committed at the earliest of the events that say it took place; one
 * that isn't known is added when the event is email_sent, email_delivered, action_sent or
 * rep_call_completed.  Without any id each such event is a contact of its own.  Releasing is the
 * caller's, by the policy: before nba_hcp_apply_event. */
void nba_hcp_apply_contact(struct nba_hcp *hcp, const struct nba_event *event,
                           const struct nba_content_facts *facts);
/* consent_changed and email_unsubscribed, bot-tagged or late ones too.  An unsubscribe without a
 * usable scope, and an opt-out without one, take the whole channel (no channel: every channel);
 * an opt_in or pending without one is ignored. */
void nba_hcp_apply_consent(struct nba_hcp *hcp, const struct nba_event *event);
/* Lays the fields that are there over the stored ones; lists replace lists, cut at their limit.
 * A hard bounce marks the e-mail address, webinar_registered adds the event it names. */
void nba_hcp_apply_profile(struct nba_hcp *hcp, const struct nba_event *event);
/* Counts the hour of the week, by the clock of the HCP's time zone, of an opened or clicked e-mail
 * (nobody's machine); nothing without a zone. */
void nba_hcp_apply_week(struct nba_hcp *hcp, const struct nba_event *event);
/* Open actions: sent and delivered and shown set flags; accepted, executed, completed, dismissed,
 * ignored, not sent, bounced and dropped end the action. */
void nba_hcp_apply_lifecycle(struct nba_hcp *hcp, const struct nba_event *event);

/*
 * Stores one consent record.  A newer captured_at replaces the record of the same (channel, scope,
 * scope_id), at the same instant an opt_out does, an older one changes nothing.
 * FULL.  The oldest opt_in or pending makes room (losing one can only deny).  When only opt-outs
 * are left, those of the new record's channel become one opt-out of that whole channel (of every
 * channel, if it has none) with scope_id NBA_CONSENT_WIDENED; only an opt_in that names that
 * scope_id lifts it.  So more may be denied than was asked, never less.
 */
void nba_hcp_put_consent(struct nba_hcp *hcp, const struct nba_consent *consent);
/* NULL if there is none. */
const struct nba_consent *nba_hcp_find_consent(const struct nba_hcp *hcp, enum nba_channel channel,
                                               enum nba_consent_scope scope,
                                               struct nba_str scope_id);

/* ---- the ring ---- */

/* Anchored window: the sequence state after n = pushed events is the model run from zero over
 * events start..n-1, start = max(0, (floor(n / W) - 1) * W, n - held).  Needs 2 * W <= R. */
void nba_hcp_window(const struct nba_hcp *hcp, uint32_t window, uint64_t *ret_start,
                    uint32_t *ret_count);
/* Event number `index` of all ever pushed; n - held <= index < n. */
const struct nba_ring_event *nba_hcp_ring_at(const struct nba_hcp *hcp, uint64_t index);

/*
 * Smoothed rate of positive answers on a channel:
 *     (engaged + NBA_CHANNEL_RATE_WEIGHT * NBA_CHANNEL_RATE_PRIOR) / (trials + weight),
 *     trials = max(sent, engaged + refused)
 * in (0, 1); the prior for an HCP without touches there.  Trials are the larger of what we sent
 * and what was answered, because sources differ in whether they report sends.
 */
#define NBA_CHANNEL_RATE_PRIOR  0.25
#define NBA_CHANNEL_RATE_WEIGHT 8.0
double nba_hcp_channel_rate(const struct nba_hcp *hcp, enum nba_channel channel);
double nba_channel_rate(uint32_t engaged, uint32_t trials);
uint32_t nba_hcp_channel_trials(const struct nba_hcp *hcp, enum nba_channel channel);

/* ---- open actions and timers ---- */

/* Adds an action and its expiry timer; texts are copied.  False when there is no room even after
 * the oldest sent ones are let go, and for one that is no ghost the ghosts: such an action must not
 * be proposed. */
NBA_MUST_USE
bool nba_hcp_add_action(struct nba_hcp *hcp, const struct nba_open_action *action);
/* NULL if it isn't there. */
const struct nba_open_action *nba_hcp_find_action(const struct nba_hcp *hcp,
                                                  struct nba_str action_id);
/* The one that an event is about: by its action_id, else by its message_id; NULL: none. */
struct nba_open_action *nba_hcp_action_of(struct nba_hcp *hcp, const struct nba_event *event);
/* The flags that an event of this type gives the action it is about; *ret_ends: it ends. */
uint32_t nba_hcp_action_effect(enum nba_event_type type, bool *ret_ends);
/* Neither sent nor past its expiry: it counts as OPEN_ACTION and can be recalled. */
bool nba_open_action_is_open(const struct nba_open_action *action, int64_t now_ms);
/* Ends it, with its timer: recalled, expired, answered.  False if it wasn't there. */
bool nba_hcp_close_action(struct nba_hcp *hcp, struct nba_str action_id);

/* Adds an action that waits for its release, with the timers of its release and its expiry; sets
 * the flag HELD.  False when there is no room. */
NBA_MUST_USE
bool nba_hcp_hold_action(struct nba_hcp *hcp, const struct nba_open_action *action,
                         const struct nba_held_action *held);
/* NULL if it isn't there. */
const struct nba_held_action *nba_hcp_find_held(const struct nba_hcp *hcp,
                                                struct nba_str action_id);
/* At its release: it goes out now, by this rep; or it waits on. */
void nba_hcp_release_action(struct nba_hcp *hcp, struct nba_str action_id, int64_t now_ms,
                            struct nba_str rep_id);
/* A budget is asked for it, or all have granted a place. */
void nba_hcp_set_waiting(struct nba_hcp *hcp, struct nba_str action_id, bool waiting);
void nba_hcp_hold_on(struct nba_hcp *hcp, struct nba_str action_id, int64_t planned_ms);

/* False when the list is full. */
NBA_MUST_USE
bool nba_hcp_add_timer(struct nba_hcp *hcp, const struct nba_timer *timer);
bool nba_hcp_remove_timer(struct nba_hcp *hcp, enum nba_timer_kind kind, struct nba_str id);

/* Low 32 bits of XXH64, 1 in place of 0; 0 for an empty text. */
uint32_t nba_hcp_text_hash(struct nba_str text);

/* ---- the ledger of contacts ---- */

/* Reserves a place (or, with `committed`, notes a contact); an entry of the same action_key or
 * message_key is replaced.  When the list is full the entry with the earliest time makes room. */
void nba_hcp_ledger_reserve(struct nba_hcp *hcp, const struct nba_ledger_entry *entry);
/* It took place at `time_ms`, or earlier if it was committed before.  False: no such entry. */
bool nba_hcp_ledger_commit(struct nba_hcp *hcp, uint32_t key, int64_t time_ms);
/* Takes it out, reserved or committed.  False: no such entry. */
bool nba_hcp_ledger_release(struct nba_hcp *hcp, uint32_t key);
/* `key`: nba_hcp_text_hash of an action_id, message_id or call_id.  NULL if there is none. */
const struct nba_ledger_entry *nba_hcp_ledger_find(const struct nba_hcp *hcp, uint32_t key);
/* The entry an event is about, by the first of its ids that has one; NULL. */
const struct nba_ledger_entry *nba_hcp_ledger_of(const struct nba_hcp *hcp,
                                                 const struct nba_event *event);

/*
 * Whether more contacts would be too many, by the last 28 days: contacts that took place, as far as
 * the ledger goes back, and positive engagements, as far as the ring does.
 *
 *   UNDERSATURATED   fewer than NBA_SATURATION_LOW contacts: less than one a week
 *   SATURATED        NBA_SATURATION_HIGH or more, and less than half as many engagements a contact
 *                    as this HCP ever had a trial (nba_hcp_channel_trials)
 *   ON_TARGET        else
 *
 * Response falls beyond one e-mail a week (Indegene, 7.9 million e-mails); the HCP's own rate says
 * what less is.
 */
#define NBA_SATURATION_MS   (28 * (int64_t)24 * 3600 * 1000)
#define NBA_SATURATION_LOW  4u
#define NBA_SATURATION_HIGH 8u
enum nba_saturation { NBA_SATURATION_UNKNOWN, NBA_UNDERSATURATED, NBA_ON_TARGET, NBA_SATURATED };
enum nba_saturation nba_hcp_saturation(const struct nba_hcp *hcp, int64_t now_ms);

/* ---- merging ---- */

/*
 * Lays the record of another id of the same person over this one, which goes on.  Counters add up;
 * lists become one by time, and lose their oldest where they are full; of the same scope the
 * stricter consent stays, as of the later of both; facts of the profile are taken where they aren't
 * known here.  Of the other's actions those are taken that were sent: others are to be taken back
 * before.  `other` must live in this record's arena.
 */
void nba_hcp_merge(struct nba_hcp *hcp, const struct nba_hcp *other);
/* A record that ended: it says where it went, and which ids had ended in it (of its own arena). */
void nba_hcp_link(struct nba_hcp *hcp, struct nba_str into, const struct nba_str *from,
                  uint32_t count);
/* The id has ended in this one, which goes on, a link no more.  FULL: oldest out. */
void nba_hcp_add_merged(struct nba_hcp *hcp, struct nba_str from);

/* ---- feedback ---- */

/* As of the watermark; the trials of a channel are those of nba_hcp_channel_rate. */
void nba_hcp_features(const struct nba_hcp *hcp, int64_t watermark_ms,
                      struct nba_hcp_features *ret_features);

/* Remembers an action for the outcomes to come; texts are copied.  `oldest_ms`: an event before it
 * is late.  Those whose window ended by then go, and when the list is full the oldest. */
void nba_hcp_await(struct nba_hcp *hcp, const struct nba_awaited_action *action, int64_t oldest_ms);

struct nba_joined_outcome {
    const struct nba_awaited_action *action; /* until the record changes */
    enum nba_outcome outcome;
    bool unique; /* the action's first of this kind */
};

/* Joins an event that is fresh to an action, by its action_id, else by its message_id (which is
 * learned from the first event that names both).  False: of no action whose window is still open,
 * or no outcome. */
bool nba_hcp_join(struct nba_hcp *hcp, const struct nba_event *event,
                  struct nba_joined_outcome *ret_joined);

/* ---- triggers ---- */

#define NBA_TRIGGER_EVENTS_MAX NBA_HCP_EVIDENCE_MAX

enum nba_trigger_same { NBA_SAME_ANY, NBA_SAME_MESSAGE, NBA_SAME_CONTENT };

/* A pattern: `consecutive` events in a row, each without an answer for `within_ms`. */
struct nba_trigger {
    uint32_t hash; /* nba_hcp_text_hash of its id */
    enum nba_event_type event, without;
    enum nba_trigger_same same;
    bool per_brand;
    uint32_t consecutive; /* 1..NBA_TRIGGER_EVENTS_MAX */
    int64_t within_ms;
};

/*
 * A fresh event, after nba_hcp_apply_event: counts it or takes it as an answer, sets the timer.
 * An answer counts that happened before the event's time is up: of the same message whenever it
 * comes, else not before the event.  A message counts once, and not at all when it bounces.
 * FULL.  Those that no pattern needs any more go, else the oldest.
 */
void nba_hcp_apply_triggers(struct nba_hcp *hcp, const struct nba_event *event,
                            const struct nba_content_facts *facts, int64_t now_ms,
                            const struct nba_trigger *triggers, uint32_t count);

struct nba_trigger_due {
    uint32_t trigger; /* index */
    int64_t due_ms;
    struct nba_str brand;                            /* of the pattern's last event */
    bool quiet;                                      /* fired not long ago: held back */
    struct nba_str evidence[NBA_TRIGGER_EVENTS_MAX]; /* ids of the pattern's events */
    uint32_t evidence_count;
};

/* When the timer fires, until false: the next pattern whose time is up and that holds.  False also
 * lets go of what is no longer needed (of triggers that aren't there any more: all) and sets the
 * timer for what is still waited for. */
NBA_MUST_USE
bool nba_hcp_next_trigger(struct nba_hcp *hcp, int64_t now_ms, const struct nba_trigger *triggers,
                          uint32_t count, struct nba_trigger_due *ret_due);
/* It fired and is held back before until_ms.  FULL: the one that ends first goes. */
void nba_hcp_quiet_trigger(struct nba_hcp *hcp, const struct nba_trigger *trigger,
                           struct nba_str brand, int64_t until_ms);

/* Remembers when a message was delivered, for nba_hcp_delivered_ms.  FULL: oldest out. */
void nba_hcp_apply_delivery(struct nba_hcp *hcp, const struct nba_event *event);
/* NBA_TIME_NONE: not known. */
int64_t nba_hcp_delivered_ms(const struct nba_hcp *hcp, struct nba_str message_id);

#endif
