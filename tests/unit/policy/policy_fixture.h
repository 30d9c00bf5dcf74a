/* One HCP, a few contents, a policy and given propensities: what funnel tests are made of. */
#ifndef NBA_POLICY_FIXTURE_H
#define NBA_POLICY_FIXTURE_H

#include "nba_test.h"

#include "nba/policy/funnel.h"

#define FIXTURE_CANDIDATES_MAX 4096u

struct fixture {
    struct nba_arena arena;
    struct nba_catalog_builder *builder;
    struct nba_catalog *catalog;
    struct nba_control_state *control;
    struct nba_policy *policy;
    struct nba_funnel *funnel;
    struct nba_hcp hcp;
    double propensity[FIXTURE_CANDIDATES_MAX];
    double score[FIXTURE_CANDIDATES_MAX];
    struct nba_score_shares shares[FIXTURE_CANDIDATES_MAX];
    uint16_t rescored[FIXTURE_CANDIDATES_MAX]; /* all */
    struct nba_scores scores;
    struct nba_capacity_table *capacity; /* the test's; NULL: nothing is full */
    struct nba_decide_result result;
};

static inline int64_t at(const char *text)
{
    int64_t ms = 0;
    assert_true(nba_time_parse(nba_str_of(text), &ms));
    return ms;
}

/* A minimal policy: everything is allowed in market US, slate of 2. */
#define FIXTURE_POLICY                                                                            \
    "policy_version: v1\n"                                                                        \
    "tenant: acme\n"                                                                              \
    "decide_on: [portal_content_viewed]\n"                                                        \
    "consent: {models: {US: {email: implicit, rep: implicit, web: implicit, event: implicit}}}\n" \
    "slate: {size: 2}\n"

static inline struct fixture *fixture_create(const char *policy)
{
    struct fixture *f = calloc(1, sizeof(*f));
    struct nba_error error = {0};
    assert_non_null(f);
    nba_arena_init(&f->arena, (size_t)64 << 20);
    f->builder = nba_catalog_builder_create();
    f->control = nba_control_state_create();
    if (nba_policy_parse("p.yaml", nba_str_of(policy), &f->policy, &error) != NBA_OK) {
        fail_msg("%s", error.message);
    }
    nba_hcp_init(&f->hcp, nba_str_of("hcp-1"), &f->arena);
    f->hcp.profile.known = true;
    f->hcp.profile.market = nba_str_of("US");
    f->hcp.profile.language = nba_str_of("en");
    f->hcp.profile.rep_id = nba_str_of("rep-1");
    for (unsigned i = 1; i < NBA_CHANNEL_COUNT; i++) {
        f->hcp.profile.address[i] = NBA_ADDRESS_OK;
    }
    const struct nba_reference rep = {
        .kind = NBA_REFERENCE_REP,
        .rep = {.rep_id = nba_str_of("rep-1"), .role = NBA_REP_ROLE_REP}};
    assert_int_equal(nba_catalog_builder_apply(f->builder, &rep, NULL), NBA_OK);
    return f;
}

static inline void fixture_destroy(struct fixture *f)
{
    nba_funnel_destroy(f->funnel);
    nba_catalog_unref(f->catalog);
    nba_catalog_builder_destroy(f->builder);
    nba_control_state_unref(f->control);
    nba_policy_unref(f->policy);
    nba_arena_clear(&f->arena);
    free(f);
}

static inline struct nba_treatment fixture_treatment(enum nba_channel channel,
                                                     enum nba_action_type type)
{
    return (struct nba_treatment){.channel = channel,
                                  .action_type = type,
                                  .approval_state = NBA_APPROVAL_APPROVED,
                                  .approval_number = nba_str_of("APP-1"),
                                  .effective_from_ms = NBA_TIME_NONE,
                                  .expires_at_ms = NBA_TIME_NONE,
                                  .value = 1};
}

/* A content with one treatment; `edit` may change both before they go into the catalogue. */
static inline void fixture_content_edited(struct fixture *f, const char *id, const char *brand,
                                          const char *topic, struct nba_treatment treatment,
                                          void (*edit)(struct nba_content *content))
{
    const struct nba_str topic_text = nba_str_of(topic);
    struct nba_error error = {0};
    struct nba_reference record = {.kind = NBA_REFERENCE_CONTENT,
                                   .content = {.content_id = nba_str_of(id),
                                               .brand = nba_str_of(brand),
                                               .topic_ids = {&topic_text, topic_text.bytes != 0},
                                               .content_class = NBA_CONTENT_CLASS_PROMOTIONAL,
                                               .treatments = &treatment,
                                               .treatment_count = 1}};
    if (edit != NULL) {
        edit(&record.content);
    }
    if (nba_catalog_builder_apply(f->builder, &record, &error) != NBA_OK) {
        fail_msg("%s", error.message);
    }
}

static inline void fixture_content(struct fixture *f, const char *id, const char *brand,
                                   const char *topic, enum nba_channel channel,
                                   enum nba_action_type type)
{
    fixture_content_edited(f, id, brand, topic, fixture_treatment(channel, type), NULL);
}

static inline void fixture_email(struct fixture *f, const char *id)
{
    fixture_content(f, id, "X", "t", NBA_CHANNEL_EMAIL, NBA_ACTION_TYPE_EMAIL);
}

/* Makes catalogue and funnel anew; every propensity is 0.1 until fixture_score. */
static inline void fixture_bind(struct fixture *f)
{
    struct nba_error error = {0};
    nba_funnel_destroy(f->funnel);
    nba_catalog_unref(f->catalog);
    f->funnel = NULL;
    f->catalog = NULL;
    assert_int_equal(nba_catalog_builder_build(f->builder, &f->catalog, &error), NBA_OK);
    assert_int_equal(nba_funnel_create(f->policy, f->catalog, f->control, &f->funnel, &error),
                     NBA_OK);
    assert_true(f->catalog->candidate_count <= FIXTURE_CANDIDATES_MAX);
    for (uint32_t c = 0; c < f->catalog->candidate_count; c++) {
        f->propensity[c] = 0.1;
    }
    for (uint16_t k = 0; k < FIXTURE_CANDIDATES_MAX; k++) {
        f->score[k] = 0;
        f->shares[k] = (struct nba_score_shares){0};
        f->rescored[k] = k + 1;
    }
    f->scores = (struct nba_scores){.propensity = f->propensity,
                                    .candidate_count = f->catalog->candidate_count,
                                    .score = f->score,
                                    .members = {.rescored = f->rescored, .shares = f->shares},
                                    .content_count = f->catalog->content_count,
                                    .model_version = "table"};
}

/* Replaces the policy and binds anew, propensities kept at 0.1. */
static inline void fixture_policy(struct fixture *f, const char *text)
{
    struct nba_error error = {0};
    struct nba_policy *policy = NULL;
    if (nba_policy_parse("p.yaml", nba_str_of(text), &policy, &error) != NBA_OK) {
        fail_msg("%s", error.message);
    }
    nba_policy_unref(f->policy);
    f->policy = policy;
    fixture_bind(f);
}

static inline void fixture_control(struct fixture *f, const struct nba_control *message)
{
    struct nba_error error = {0};
    struct nba_control_state *next = NULL;
    assert_int_equal(nba_control_state_apply(f->control, message, &next, &error), NBA_OK);
    nba_control_state_unref(f->control);
    f->control = next;
}

static inline uint32_t fixture_candidate(const struct fixture *f, const char *id)
{
    const uint32_t k = nba_catalog_find_content(f->catalog, nba_str_of(id));
    assert_int_not_equal(k, NBA_CATALOG_NONE);
    return f->catalog->first_candidate[k];
}

static inline void fixture_score(struct fixture *f, const char *id, double p)
{
    f->propensity[fixture_candidate(f, id)] = p;
}

static inline struct nba_event fixture_event(const char *id, const char *time, const char *topic)
{
    static struct nba_str topics[16];
    static unsigned next;
    struct nba_str *slot = &topics[next++ % 16];
    *slot = nba_str_of(topic);
    const int64_t ms = at(time);
    return (struct nba_event){.type = NBA_EVENT_PORTAL_CONTENT_VIEWED,
                              .event_id = nba_str_of(id),
                              .source = nba_str_of("crm"),
                              .hcp_id = nba_str_of("hcp-1"),
                              .event_time_ms = ms,
                              .recorded_time_ms = ms,
                              .captured_at_ms = NBA_TIME_NONE,
                              .expires_at_ms = NBA_TIME_NONE,
                              .topic_ids = {slot, slot->bytes != 0}};
}

static inline void fixture_decide_event(struct fixture *f, const struct nba_event *event)
{
    static char id[128];
    (void)snprintf(id, sizeof(id), "dec:%.*s#%.*s", NBA_STR_ARG(event->source),
                   NBA_STR_ARG(event->event_id));
    char *copy = nba_arena_take(&f->arena, sizeof(id));
    assert_non_null(copy);
    memcpy(copy, id, sizeof(id));
    const struct nba_decide_request request = {.scores = &f->scores,
                                               .hcp = &f->hcp,
                                               .event = event,
                                               .capacity = f->capacity,
                                               .decision_id = nba_str_of(copy),
                                               .trigger_event_id = event->event_id,
                                               .now_ms = event->event_time_ms,
                                               .watermark_ms = event->event_time_ms,
                                               .top_n = 10,
                                               .engine_version = nba_str_of("test")};
    assert_int_equal(nba_funnel_decide(f->funnel, &request, &f->arena, &f->result), NBA_OK);
}

/* A decision on an ordinary event of no topic. */
static inline void fixture_decide(struct fixture *f, const char *time)
{
    static struct nba_event event;
    event = fixture_event("e", time, "");
    fixture_decide_event(f, &event);
}

/* The entry of a suppressed candidate; NULL: it isn't among them. */
static inline const struct nba_suppressed *fixture_suppressed(const struct fixture *f,
                                                              const char *id)
{
    for (uint32_t i = 0; i < f->result.decision.suppressed_count; i++) {
        if (nba_str_is(f->result.decision.suppressed[i].content_id, id)) {
            return &f->result.decision.suppressed[i];
        }
    }
    return NULL;
}

/* The reason that the record has for a candidate, unpacked as message.h says. */
static inline enum nba_reason fixture_reason_of(const struct fixture *f, uint32_t candidate)
{
    const struct nba_decision *d = &f->result.decision;
    enum nba_reason rest = NBA_REASON_NONE;
    for (uint32_t i = 0; i < d->packed_reason_count; i++) {
        const struct nba_packed_reason *packed = &d->packed_reasons[i];
        int64_t at = -1;
        for (size_t b = 0; b < packed->candidates.bytes; b++) {
            const uint8_t distance = (uint8_t)packed->candidates.data[b];
            at += distance;
            if (distance != 255 && at == (int64_t)candidate) {
                return packed->reason;
            }
        }
        rest = packed->candidates.bytes == 0 ? packed->reason : rest;
    }
    return rest;
}

/* Reason of a content's first candidate: NONE when it was selected. */
static inline enum nba_reason fixture_reason(const struct fixture *f, const char *id)
{
    return fixture_reason_of(f, fixture_candidate(f, id));
}

#define assert_reason(f, id, name) \
    assert_string_equal(nba_reason_name(fixture_reason(f, id)), nba_reason_name(NBA_REASON_##name))

/* Keeps the actions of the last decision open, as the engine does. */
static inline void fixture_keep_open(struct fixture *f)
{
    for (uint32_t i = 0; i < f->result.action_count; i++) {
        const struct nba_action *a = &f->result.actions[i];
        const uint32_t k = nba_catalog_find_content(f->catalog, a->content_id);
        const struct nba_open_action open = {
            .action_id = a->action_id,
            .decision_id = a->decision_id,
            .content_id = a->content_id,
            .content_version = a->content_version,
            .family_id = f->catalog->words[f->catalog->content_family[k]],
            .brand = a->brand,
            .topic = a->topic_ids.count != 0 ? a->topic_ids.items[0] : nba_str("", 0),
            .rep_id = a->rep_id,
            .channel = a->channel,
            .action_type = a->action_type,
            .rank = a->rank,
            .slate_size = a->slate_size,
            .priority = a->priority,
            .proposed_at_ms = a->time_ms,
            .expires_at_ms = a->expires_at_ms,
            .flags = f->result.ghosts ? NBA_OPEN_ACTION_GHOST : 0,
        };
        assert_true(nba_hcp_add_action(&f->hcp, &open));
        const struct nba_ledger_entry contact = {
            .action_key = nba_hcp_text_hash(open.action_id),
            .brand_hash = nba_hcp_text_hash(open.brand),
            .family_hash = nba_hcp_text_hash(open.family_id),
            .channel = open.channel,
            .time_ms = a->best_send_time_ms,
            .expires_at_ms = open.expires_at_ms,
            .evidence_event_id = a->trigger_event_id,
        };
        nba_hcp_ledger_reserve(&f->hcp, &contact);
    }
}

static inline void assert_priority(double actual, double expected)
{
    if (!(actual - expected < 1e-9 && expected - actual < 1e-9)) {
        fail_msg("priority %.9f, expected %.9f", actual, expected);
    }
}

/* Of a suppressed candidate: a float. */
static inline void assert_recorded(float actual, double expected)
{
    const double apart = (double)actual - expected;
    if (!(apart <= 1e-7 * expected && -apart <= 1e-7 * expected)) {
        fail_msg("priority %.9g, expected %.9g", (double)actual, expected);
    }
}

#endif
