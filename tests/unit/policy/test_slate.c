/* Arbitration and slate: formula, ties, diversity, ranks, and a plain evaluator to compare with. */
#include "policy_fixture.h"

#include "nba/base/random.h"

#define NOW "2026-11-18T09:00:00Z"

static void test_priority_is_the_product_of_its_factors(void **state)
{
    struct fixture *f = fixture_create(
        FIXTURE_POLICY
        "arbitration:\n"
        "  formula: P*C*V*L\n"
        "  context_weights:\n"
        "    - {id: c1, when: {candidate.topic: {eq: event.topic}}, add: 20}\n"
        "    - {id: c2, when: {event.type: {in: [portal_content_viewed]}}, add: 5}\n"
        "    - {id: c3, when: {hcp.market: {eq: XX}}, add: 500}\n"
        "  levers:\n"
        "    - {id: l1, when: {brand: X}, add: 10, until: \"2026-11-18T09:00:01Z\"}\n"
        "    - {id: l2, when: {brand: X, channel: email}, add: 15}\n");
    (void)state;
    struct nba_treatment t = fixture_treatment(NBA_CHANNEL_EMAIL, NBA_ACTION_TYPE_EMAIL);
    t.value = 2;
    fixture_content_edited(f, "mail", "X", "t", t, NULL);
    fixture_bind(f);
    fixture_score(f, "mail", 0.3);
    struct nba_event event = fixture_event("e", NOW, "t");
    fixture_decide_event(f, &event);
    const struct nba_action *a = &f->result.actions[0];
    assert_priority(a->propensity, 0.3);
    assert_priority(a->context_weight, 1.25);
    assert_priority(a->value, 2);
    assert_priority(a->lever_weight, 1.25);
    assert_priority(a->priority, 0.9375);
    assert_priority(a->selection_probability, 1);
    event = fixture_event("e", "2026-11-18T09:00:01Z", "other"); /* l1 is over, c1 doesn't hold */
    fixture_decide_event(f, &event);
    assert_priority(f->result.actions[0].context_weight, 1.05);
    assert_priority(f->result.actions[0].lever_weight, 1.15);
    fixture_destroy(f);
}

static void test_weights_below_minus_a_hundred_percent_make_nothing_not_less(void **state)
{
    struct fixture *f =
        fixture_create(FIXTURE_POLICY "arbitration:\n"
                                      "  context_weights:\n"
                                      "    - {id: c1, when: {brand: X}, add: -80}\n"
                                      "    - {id: c2, when: {channel: email}, add: -80}\n");
    (void)state;
    fixture_email(f, "mail");
    fixture_bind(f);
    fixture_decide(f, NOW);
    assert_priority(f->result.actions[0].priority, 0);
    assert_priority(f->result.actions[0].context_weight, 0);
    fixture_destroy(f);
}

static void test_a_weight_of_one_decision_is_gone_in_the_next(void **state)
{
    static const char *const topics[] = {"t", "u", "t", "v"};
    struct fixture *f =
        fixture_create(FIXTURE_POLICY "arbitration: {context_weights: [{id: same, when: "
                                      "{candidate.topic: {eq: event.topic}}, add: 20}]}\n");
    (void)state;
    fixture_content(f, "a", "X", "t", NBA_CHANNEL_EMAIL, NBA_ACTION_TYPE_EMAIL);
    fixture_content(f, "b", "X", "u", NBA_CHANNEL_EMAIL, NBA_ACTION_TYPE_EMAIL);
    fixture_bind(f);
    for (size_t i = 0; i < NBA_ARRAY_COUNT(topics); i++) {
        const struct nba_event event = fixture_event("e", NOW, topics[i]);
        fixture_decide_event(f, &event);
        assert_int_equal(f->result.action_count, 2);
        for (uint32_t a = 0; a < 2; a++) {
            const bool same = nba_str_is(f->result.actions[a].topic_ids.items[0], topics[i]);
            assert_priority(f->result.actions[a].priority, same ? 0.12 : 0.1);
        }
    }
    fixture_destroy(f);
}

static void test_the_events_topic_is_its_contents_where_it_names_none(void **state)
{
    struct fixture *f = fixture_create(
        FIXTURE_POLICY "arbitration:\n"
                       "  context_weights:\n"
                       "    - {id: c1, when: {candidate.topic: {eq: event.topic}}, add: 20}\n");
    (void)state;
    fixture_email(f, "mail");
    fixture_content(f, "seen", "X", "t", NBA_CHANNEL_WEB, NBA_ACTION_TYPE_PORTAL_CONTENT);
    fixture_bind(f);
    struct nba_event event = fixture_event("e", NOW, "");
    event.content_id = nba_str_of("seen");
    fixture_decide_event(f, &event);
    assert_priority(f->result.actions[0].context_weight, 1.2);
    event.content_id = nba_str_of("unknown");
    fixture_decide_event(f, &event);
    assert_priority(f->result.actions[0].context_weight, 1);
    fixture_destroy(f);
}

static void test_equal_priorities_go_to_the_higher_propensity_then_to_the_lesser_id(void **state)
{
    struct fixture *f = fixture_create(FIXTURE_POLICY);
    (void)state;
    struct nba_treatment t = fixture_treatment(NBA_CHANNEL_EMAIL, NBA_ACTION_TYPE_EMAIL);
    t.value = 2;
    fixture_email(f, "b");
    fixture_email(f, "c");
    fixture_content_edited(f, "a", "X", "t", t, NULL); /* half the P, twice the V */
    fixture_bind(f);
    fixture_score(f, "a", 0.1);
    fixture_score(f, "b", 0.2);
    fixture_score(f, "c", 0.2);
    fixture_decide(f, NOW);
    assert_str_equal(f->result.actions[0].content_id, "b");
    assert_str_equal(f->result.actions[1].content_id, "c");
    assert_reason(f, "a", LOST_ARBITRATION);
    assert_int_equal(fixture_suppressed(f, "a")->unconstrained_rank, 3);
    /* A difference below half of 1e-9 is none: the higher P still goes first. */
    fixture_score(f, "a", 0.1000000002);
    fixture_decide(f, NOW);
    assert_str_equal(f->result.actions[0].content_id, "b");
    fixture_score(f, "a", 0.100000001);
    fixture_decide(f, NOW);
    assert_str_equal(f->result.actions[0].content_id, "a");
    fixture_destroy(f);
}

static void test_diversity_passes_over_and_a_full_slate_ends_the_search(void **state)
{
    struct fixture *f = fixture_create("policy_version: v1\ntenant: acme\ndecide_on: []\n"
                                       "consent: {models: {US: {email: implicit, web: implicit}}}\n"
                                       "slate: {size: 2, max_per: {channel: 1}}\n");
    (void)state;
    fixture_email(f, "m1");
    fixture_email(f, "m2");
    fixture_content(f, "w1", "X", "t", NBA_CHANNEL_WEB, NBA_ACTION_TYPE_PORTAL_CONTENT);
    fixture_content(f, "w2", "X", "t", NBA_CHANNEL_WEB, NBA_ACTION_TYPE_PORTAL_CONTENT);
    fixture_bind(f);
    fixture_score(f, "m1", 0.4);
    fixture_score(f, "m2", 0.3);
    fixture_score(f, "w1", 0.2);
    fixture_score(f, "w2", 0.1);
    fixture_decide(f, NOW);
    assert_reason(f, "m1", NONE);
    assert_reason(f, "m2", SLATE_DIVERSITY);
    assert_reason(f, "w1", NONE);
    assert_reason(f, "w2", LOST_ARBITRATION);
    fixture_score(f, "w1", 0.35);
    fixture_decide(f, NOW);
    assert_reason(f, "m2", LOST_ARBITRATION); /* behind a full slate: tested first */
    fixture_destroy(f);
}

static void test_a_slate_that_cannot_be_filled_leaves_the_rest_to_diversity(void **state)
{
    struct fixture *f =
        fixture_create("policy_version: v1\ntenant: acme\ndecide_on: []\n"
                       "consent: {models: {US: {email: implicit}}}\n"
                       "slate: {size: 5, max_per: {topic: 2, brand: 3, action_type: 4}}\n");
    (void)state;
    static const char *const ids[] = {"a", "b", "c", "d", "e", "g"};
    static const char *const topics[] = {"t1", "t1", "t1", "t2", "t2", ""};
    for (size_t i = 0; i < NBA_ARRAY_COUNT(ids); i++) {
        fixture_content(f, ids[i], i == 5 ? "" : "X", topics[i], NBA_CHANNEL_EMAIL,
                        NBA_ACTION_TYPE_EMAIL);
    }
    fixture_bind(f);
    fixture_decide(f, NOW);
    assert_int_equal(f->result.action_count, 4);
    assert_reason(f, "c", SLATE_DIVERSITY); /* third of its topic */
    assert_reason(f, "e", SLATE_DIVERSITY); /* fourth of its brand */
    assert_reason(f, "g", NONE);            /* without topic and brand it counts for none */
    fixture_destroy(f);
}

static void test_candidates_a_scorer_does_not_know_are_not_there(void **state)
{
    struct fixture *f = fixture_create(FIXTURE_POLICY);
    (void)state;
    fixture_email(f, "a");
    fixture_email(f, "b");
    fixture_email(f, "c");
    fixture_bind(f);
    fixture_score(f, "b", -1);
    fixture_decide(f, NOW);
    assert_int_equal(f->result.decision.candidate_count, 2);
    assert_int_equal(f->result.decision.packed_reason_count, 1);
    assert_int_equal(f->result.decision.packed_reasons[0].reason, NBA_REASON_NONE);
    assert_int_equal(f->result.decision.packed_reasons[0].candidates.bytes, 0);
    assert_int_equal(f->result.action_count, 2);
    assert_null(fixture_suppressed(f, "b"));
    assert_int_equal(f->result.slate.top_content_count, 2);
    fixture_score(f, "a", -1);
    fixture_score(f, "c", -1);
    fixture_decide(f, NOW);
    assert_int_equal(f->result.decision.candidate_count, 0);
    assert_int_equal(f->result.action_count, 0);
    assert_int_equal(f->result.decision.suppressed_count, 0);
    fixture_destroy(f);
}

static void test_audit_says_how_much_is_written(void **state)
{
    static const struct {
        const char *key;
        uint32_t suppressed, packed;
    } cases[] = {{"audit: {candidates: full}\n", 50, 2},
                 {"audit: {candidates: top:7}\n", 7, 0},
                 {"audit: {candidates: counts}\n", 0, 0}};
    (void)state;
    for (size_t i = 0; i < NBA_ARRAY_COUNT(cases); i++) {
        char policy[1024];
        (void)snprintf(policy, sizeof(policy), "%s%s", FIXTURE_POLICY, cases[i].key);
        struct fixture *f = fixture_create(policy);
        for (int c = 0; c < 80; c++) {
            char id[8];
            (void)snprintf(id, sizeof(id), "c%02d", c);
            fixture_email(f, id);
        }
        fixture_bind(f);
        fixture_decide(f, NOW);
        assert_int_equal(f->result.decision.suppressed_count, cases[i].suppressed);
        assert_int_equal(f->result.decision.packed_reason_count, cases[i].packed);
        assert_int_equal(f->result.decision.reason_count[NBA_REASON_LOST_ARBITRATION], 78);
        fixture_destroy(f);
    }
}

static void test_packed_reasons_count_far_and_pass_over_who_is_not_there(void **state)
{
    struct fixture *f = fixture_create(FIXTURE_POLICY);
    (void)state;
    for (int c = 0; c < 600; c++) {
        char id[8];
        (void)snprintf(id, sizeof(id), "c%03d", c);
        fixture_email(f, id);
    }
    fixture_bind(f);
    fixture_score(f, "c000", -1); /* isn't there */
    fixture_score(f, "c007", -1);
    fixture_score(f, "c300", 0.2);
    fixture_score(f, "c555", 0.3);
    fixture_decide(f, NOW);
    const struct nba_packed_reason *packed = f->result.decision.packed_reasons;
    assert_int_equal(f->result.decision.packed_reason_count, 2);
    assert_int_equal(packed[0].reason, NBA_REASON_LOST_ARBITRATION);
    assert_int_equal(packed[0].candidates.bytes, 0);
    assert_int_equal(packed[1].reason, NBA_REASON_NONE);
    assert_int_equal(packed[1].candidates.bytes, 4); /* 299 = 255 + 44, 255 = 255 + 0 */
    assert_memory_equal(packed[1].candidates.data, "\377\054\377\000", 4);
    fixture_destroy(f);
}

static void test_an_open_action_holds_its_place_and_its_content_back(void **state)
{
    struct fixture *f = fixture_create(FIXTURE_POLICY);
    (void)state;
    fixture_email(f, "a");
    fixture_email(f, "b");
    fixture_email(f, "c");
    fixture_bind(f);
    fixture_decide(f, NOW);
    fixture_keep_open(f);
    fixture_decide(f, "2026-11-18T10:00:00Z");
    assert_reason(f, "a", OPEN_ACTION);
    assert_reason(f, "b", OPEN_ACTION);
    assert_true(fixture_suppressed(f, "a")->until_ms == at("2026-12-02T09:00:00Z"));
    assert_int_equal(f->result.action_count, 1);
    assert_int_equal(f->result.slate.action_count, 3); /* the new one, then those still open */
    assert_str_equal(f->result.slate.actions[1].content_id, "a");
    assert_str_equal(f->result.slate.actions[1].approval_number, "APP-1");
    fixture_decide(f, "2026-12-02T09:00:00Z"); /* at their expiry they are open no more */
    assert_int_equal(f->result.decision.reason_count[NBA_REASON_OPEN_ACTION], 0);
    assert_int_equal(f->result.slate.action_count, 2);
    fixture_destroy(f);
}

static void test_a_slate_written_anew_has_what_is_open_and_what_is_next(void **state)
{
    struct fixture *f =
        fixture_create(FIXTURE_POLICY "arbitration: {exploration: {type: epsilon_greedy, "
                                      "epsilon: 1}}\n");
    (void)state;
    fixture_email(f, "a");
    fixture_email(f, "b");
    fixture_email(f, "c");
    fixture_email(f, "d");
    fixture_bind(f);
    fixture_decide(f, NOW);
    fixture_keep_open(f);
    const struct nba_decide_request request = {.scores = &f->scores,
                                               .hcp = &f->hcp,
                                               .decision_id = nba_str_of("dec:rep#r"),
                                               .now_ms = at("2026-11-18T10:00:00Z"),
                                               .top_n = 10,
                                               .nothing_new = true};
    assert_int_equal(nba_funnel_decide(f->funnel, &request, &f->arena, &f->result), NBA_OK);
    const struct nba_slate *slate = &f->result.slate;
    assert_int_equal(f->result.action_count, 0);
    assert_int_equal(slate->action_count, 2);
    assert_true(nba_str_equal(slate->actions[0].action_id, f->hcp.actions[0].action_id));
    assert_int_equal(slate->top_content_count, 4);
    uint32_t stopped = 0; /* the open ones, by OPEN_ACTION; nobody by the slate's own size */
    for (uint32_t i = 0; i < 4; i++) {
        stopped += slate->top_contents[i].first_failed == NBA_REASON_OPEN_ACTION;
        assert_true(slate->top_contents[i].first_failed == NBA_REASON_OPEN_ACTION ||
                    slate->top_contents[i].first_failed == NBA_REASON_NONE);
    }
    assert_int_equal(stopped, 2);
    fixture_destroy(f);
}

static void test_no_more_is_proposed_than_the_record_can_keep_open(void **state)
{
    struct fixture *f =
        fixture_create("policy_version: v1\ntenant: acme\ndecide_on: []\n"
                       "consent: {models: {US: {email: implicit}}}\nslate: {size: 10}\n");
    (void)state;
    for (int c = 0; c < 40; c++) {
        char id[8];
        (void)snprintf(id, sizeof(id), "c%02d", c);
        fixture_email(f, id);
    }
    fixture_bind(f);
    uint32_t total = 0;
    for (int i = 0; i < 4; i++) {
        fixture_decide(f, NOW);
        total += f->result.action_count;
        for (uint32_t a = 0; a < f->result.action_count; a++) {
            char *id = nba_arena_take(&f->arena, 16);
            (void)snprintf(id, 16, "x%d-%u", i, a);
            ((struct nba_action *)(uintptr_t)&f->result.actions[a])->action_id = nba_str_of(id);
        }
        fixture_keep_open(f);
    }
    assert_int_equal(total, NBA_HCP_ACTIONS_MAX);
    assert_int_equal(f->result.decision.reason_count[NBA_REASON_LOST_ARBITRATION], 24);
    fixture_destroy(f);
}

static void test_the_slate_ranks_contents_by_score_with_the_gate_that_stops_them(void **state)
{
    struct fixture *f = fixture_create(FIXTURE_POLICY);
    (void)state;
    struct nba_treatment draft = fixture_treatment(NBA_CHANNEL_EMAIL, NBA_ACTION_TYPE_EMAIL);
    draft.approval_state = NBA_APPROVAL_DRAFT;
    fixture_email(f, "a");
    fixture_content_edited(f, "b", "X", "t", draft, NULL);
    fixture_email(f, "c");
    fixture_bind(f);
    f->score[0] = -1;
    f->score[1] = 2;
    f->score[2] = -1;
    f->shares[1].of[NBA_MEMBER_LSTM] = 1.5;
    f->scores.channel_probability[NBA_CHANNEL_EMAIL] = 0.25;
    f->scores.channel_present[NBA_CHANNEL_EMAIL] = true;
    fixture_decide(f, NOW);
    const struct nba_slate *slate = &f->result.slate;
    assert_int_equal(slate->top_content_count, 3);
    assert_str_equal(slate->top_contents[0].content_id, "b");
    assert_int_equal(slate->top_contents[0].first_failed, NBA_REASON_CONTENT_NOT_APPROVED);
    assert_priority(slate->top_contents[0].share_lstm, 1.5);
    assert_str_equal(slate->top_contents[1].content_id, "a");
    assert_str_equal(slate->top_contents[2].content_id, "c");
    assert_int_equal(slate->top_contents[2].first_failed, NBA_REASON_NONE);
    assert_priority(slate->channel_probability[NBA_CHANNEL_EMAIL], 0.25);
    assert_true(slate->channel_present[NBA_CHANNEL_EMAIL]);
    assert_str_equal(slate->decision_id, "dec:crm#e");
    fixture_destroy(f);
}

static void test_drivers_are_ordered_by_weight_and_name_the_trigger(void **state)
{
    struct fixture *f = fixture_create(
        FIXTURE_POLICY "arbitration: {levers: [{id: l1, when: {brand: X}, add: 100}]}\n");
    (void)state;
    fixture_email(f, "mail");
    fixture_bind(f);
    f->shares[0] = (struct nba_score_shares){{0.6, 0.3, 0.1}};
    f->scores.channel_probability[NBA_CHANNEL_EMAIL] = 0.4;
    f->scores.channel_probability[NBA_CHANNEL_WEB] = 0.3;
    f->scores.channel_present[NBA_CHANNEL_EMAIL] = true;
    f->scores.channel_present[NBA_CHANNEL_WEB] = true;
    const struct nba_event event = fixture_event("e-7", NOW, "t");
    fixture_decide_event(f, &event);
    const struct nba_action *a = &f->result.actions[0];
    static const enum nba_driver codes[] = {NBA_DRIVER_SEQUENCE_NEXT, NBA_DRIVER_LEVER,
                                            NBA_DRIVER_PEERS_ENGAGED, NBA_DRIVER_CHANNEL_AFFINITY,
                                            NBA_DRIVER_RECENT_TOPIC_ENGAGEMENT};
    assert_int_equal(a->driver_count, NBA_DRIVERS_MAX);
    for (size_t i = 0; i < NBA_ARRAY_COUNT(codes); i++) {
        assert_string_equal(nba_driver_name(a->drivers[i].code), nba_driver_name(codes[i]));
        assert_true(a->drivers[i].text.bytes > 0);
        if (codes[i] != NBA_DRIVER_LEVER) {
            assert_int_equal(a->drivers[i].evidence_event_ids.count, 1);
            assert_str_equal(a->drivers[i].evidence_event_ids.items[0], "e-7");
        }
    }
    assert_str_equal(a->drivers[4].text, "Just engaged with the topic t");
    fixture_destroy(f);
}

/* ---- a plain evaluator over random catalogues ---- */

struct plain {
    uint32_t c;
    int64_t key;
    double p;
};

static int by_rank(const void *a, const void *b)
{
    const struct plain *x = a;
    const struct plain *y = b;
    if (x->key != y->key) {
        return x->key > y->key ? -1 : 1;
    }
    if (x->p > y->p || x->p < y->p) {
        return x->p > y->p ? -1 : 1;
    }
    return x->c < y->c ? -1 : 1;
}

/* What 5.3 says, slowly: sort all, then walk. */
static void check_against_plain(struct fixture *f, uint32_t size, uint32_t max_channel,
                                uint32_t max_topic)
{
    static struct plain list[FIXTURE_CANDIDATES_MAX];
    const struct nba_catalog *catalog = f->catalog;
    const uint32_t n = catalog->candidate_count;
    for (uint32_t c = 0; c < n; c++) {
        const double p = f->propensity[c];
        list[c] = (struct plain){c, (int64_t)(p * catalog->value[c] * 1e9 + 0.5), p};
    }
    qsort(list, n, sizeof(*list), by_rank);
    uint32_t taken = 0;
    uint32_t shown = 0;
    for (uint32_t i = 0; i < n; i++) {
        const uint32_t c = list[i].c;
        const struct nba_weight_class *w = &catalog->weights[catalog->weight_class[c]];
        uint32_t channels = 0;
        uint32_t topics = 0;
        for (uint32_t j = 0; j < taken; j++) {
            channels += f->result.actions[j].channel == w->channel;
            topics +=
                nba_str_equal(f->result.actions[j].topic_ids.items[0], catalog->words[w->topic]);
        }
        const enum nba_reason got = fixture_reason_of(f, c);
        if (taken == size) {
            assert_int_equal(got, NBA_REASON_LOST_ARBITRATION);
        } else if (channels >= max_channel || topics >= max_topic) {
            assert_int_equal(got, NBA_REASON_SLATE_DIVERSITY);
        } else {
            assert_int_equal(got, 0);
            assert_true(nba_str_equal(f->result.actions[taken].content_id,
                                      nba_catalog_content(catalog, c)->content_id));
            assert_int_equal(f->result.actions[taken].rank, taken + 1);
            taken++;
            continue;
        }
        if (shown < NBA_EXPLAINED_MAX) {
            const struct nba_suppressed *s = &f->result.decision.suppressed[shown++];
            assert_true(nba_str_equal(s->content_id, nba_catalog_content(catalog, c)->content_id));
            assert_int_equal(s->unconstrained_rank, i + 1);
        }
    }
    assert_int_equal(f->result.action_count, taken);
    assert_int_equal(f->result.decision.suppressed_count, shown);
}

static void test_random_slates_equal_those_of_a_plain_evaluator(void **state)
{
    static const enum nba_channel channels[] = {NBA_CHANNEL_EMAIL, NBA_CHANNEL_WEB,
                                                NBA_CHANNEL_EVENT};
    static const enum nba_action_type types[] = {
        NBA_ACTION_TYPE_EMAIL, NBA_ACTION_TYPE_PORTAL_CONTENT, NBA_ACTION_TYPE_EVENT_INVITE};
    struct nba_rng rng = nba_rng(11);
    (void)state;
    for (uint32_t round = 0; round < 60; round++) {
        const uint32_t size = 1 + (uint32_t)nba_rng_below(&rng, 8);
        const uint32_t max_channel = 1 + (uint32_t)nba_rng_below(&rng, 3);
        const uint32_t max_topic = 1 + (uint32_t)nba_rng_below(&rng, 3);
        char policy[512];
        (void)snprintf(policy, sizeof(policy),
                       "policy_version: v1\ntenant: a\ndecide_on: []\nconsent: {models: {US: "
                       "{email: implicit, web: implicit, event: implicit}}}\n"
                       "slate: {size: %u, max_per: {channel: %u, topic: %u}}\n",
                       size, max_channel, max_topic);
        struct fixture *f = fixture_create(policy);
        const uint32_t count = 1 + (uint32_t)nba_rng_below(&rng, round % 3 == 0 ? 1500 : 40);
        for (uint32_t i = 0; i < count; i++) {
            char id[16];
            char topic[16];
            const uint64_t kind = nba_rng_below(&rng, 100) < 80 ? 0 : nba_rng_below(&rng, 3);
            (void)snprintf(id, sizeof(id), "c%u", i);
            (void)snprintf(topic, sizeof(topic), "t%u", (unsigned)nba_rng_below(&rng, 6));
            fixture_content(f, id, "X", topic, channels[kind], types[kind]);
        }
        fixture_bind(f);
        /* Few distinct values, so that ties are common. */
        const uint64_t distinct = round % 2 == 0 ? 4 : 1000000;
        for (uint32_t c = 0; c < f->catalog->candidate_count; c++) {
            f->propensity[c] = (double)(1 + nba_rng_below(&rng, distinct)) / (double)(distinct + 1);
        }
        fixture_decide(f, NOW);
        check_against_plain(f, size, max_channel, max_topic);
        fixture_destroy(f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_priority_is_the_product_of_its_factors),
        cmocka_unit_test(test_weights_below_minus_a_hundred_percent_make_nothing_not_less),
        cmocka_unit_test(test_a_weight_of_one_decision_is_gone_in_the_next),
        cmocka_unit_test(test_the_events_topic_is_its_contents_where_it_names_none),
        cmocka_unit_test(test_equal_priorities_go_to_the_higher_propensity_then_to_the_lesser_id),
        cmocka_unit_test(test_diversity_passes_over_and_a_full_slate_ends_the_search),
        cmocka_unit_test(test_a_slate_that_cannot_be_filled_leaves_the_rest_to_diversity),
        cmocka_unit_test(test_candidates_a_scorer_does_not_know_are_not_there),
        cmocka_unit_test(test_audit_says_how_much_is_written),
        cmocka_unit_test(test_packed_reasons_count_far_and_pass_over_who_is_not_there),
        cmocka_unit_test(test_an_open_action_holds_its_place_and_its_content_back),
        cmocka_unit_test(test_a_slate_written_anew_has_what_is_open_and_what_is_next),
        cmocka_unit_test(test_no_more_is_proposed_than_the_record_can_keep_open),
        cmocka_unit_test(test_the_slate_ranks_contents_by_score_with_the_gate_that_stops_them),
        cmocka_unit_test(test_drivers_are_ordered_by_weight_and_name_the_trigger),
        cmocka_unit_test(test_random_slates_equal_those_of_a_plain_evaluator),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
