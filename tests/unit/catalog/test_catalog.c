/* Snapshots: order, columns, look-ups, what is shared, what is refused. */
#include "nba_test.h"

#include <math.h>

#include "nba/base/hash.h"
#include "nba/base/limits.h"
#include "nba/catalog/catalog.h"

#define S(text)                \
    {                          \
        text, sizeof(text) - 1 \
    }

static struct nba_reference content(const char *id, const char *brand, const char *topic,
                                    const struct nba_treatment *treatments, uint32_t count)
{
    static struct nba_str topics[32]; /* one a call, so that records may live side by side */
    static unsigned next;
    struct nba_str *slot = &topics[next++ % 32];
    *slot = nba_str_of(topic);
    return (struct nba_reference){.kind = NBA_REFERENCE_CONTENT,
                                  .content = {.content_id = nba_str_of(id),
                                              .brand = nba_str_of(brand),
                                              .topic_ids = {slot, 1},
                                              .treatments = treatments,
                                              .treatment_count = count}};
}

static struct nba_treatment treatment(enum nba_channel channel, enum nba_action_type type)
{
    return (struct nba_treatment){.channel = channel,
                                  .action_type = type,
                                  .approval_state = NBA_APPROVAL_APPROVED,
                                  .effective_from_ms = NBA_TIME_NONE,
                                  .expires_at_ms = NBA_TIME_NONE,
                                  .value = 1};
}

static void apply(struct nba_catalog_builder *builder, struct nba_reference record)
{
    struct nba_error error = {0};
    assert_int_equal(nba_catalog_builder_apply(builder, &record, &error), NBA_OK);
}

static struct nba_catalog *build(struct nba_catalog_builder *builder)
{
    struct nba_catalog *catalog = NULL;
    struct nba_error error = {0};
    assert_int_equal(nba_catalog_builder_build(builder, &catalog, &error), NBA_OK);
    return catalog;
}

static void test_contents_are_sorted_and_candidates_follow_them(void **state)
{
    struct nba_treatment both[2] = {treatment(NBA_CHANNEL_EMAIL, NBA_ACTION_TYPE_EMAIL),
                                    treatment(NBA_CHANNEL_REP, NBA_ACTION_TYPE_REP_CALL)};
    struct nba_catalog_builder *builder = nba_catalog_builder_create();
    (void)state;
    both[1].value = 2.5;
    both[1].expires_at_ms = 77;
    apply(builder, content("b", "X", "t1", both, 2));
    apply(builder, content("a", "Y", "t2", both, 1));
    apply(builder, content("ab", "X", "t1", both, 2));
    struct nba_catalog *catalog = build(builder);
    assert_int_equal(catalog->content_count, 3);
    assert_str_equal(catalog->contents[0].content_id, "a");
    assert_str_equal(catalog->contents[1].content_id, "ab");
    assert_str_equal(catalog->contents[2].content_id, "b");
    assert_int_equal(catalog->candidate_count, 5);
    assert_int_equal(catalog->first_candidate[0], 0);
    assert_int_equal(catalog->first_candidate[1], 1);
    assert_int_equal(catalog->first_candidate[2], 3);
    assert_int_equal(catalog->first_candidate[3], 5);
    assert_int_equal(catalog->candidates[4].content, 2);
    assert_int_equal(catalog->candidates[4].treatment, 1);
    assert_int_equal(catalog->channel[4], NBA_CHANNEL_REP);
    assert_true(catalog->value[4] > 2.4 && catalog->value[3] < 1.1);
    assert_true(catalog->expires_at_ms[4] == 77 && catalog->expires_at_ms[3] == INT64_MAX);
    assert_true(catalog->effective_from_ms[0] == INT64_MIN);
    /* b and ab differ in nothing a gate looks at; a has another brand. */
    assert_int_equal(catalog->gate_class[1], catalog->gate_class[3]);
    assert_int_not_equal(catalog->gate_class[0], catalog->gate_class[1]);
    assert_int_equal(catalog->gate_count, 3);
    assert_int_equal(catalog->weight_class[2], catalog->weight_class[4]);
    assert_true(catalog->channel_present[NBA_CHANNEL_REP]);
    assert_false(catalog->channel_present[NBA_CHANNEL_SMS]);
    nba_catalog_unref(catalog);
    nba_catalog_builder_destroy(builder);
}

static void test_texts_are_copies_and_absent_ones_get_their_defaults(void **state)
{
    char id[] = "CX-1";
    char market[] = "DE";
    struct nba_str markets[] = {nba_str(market, 2)};
    struct nba_treatment t = treatment(NBA_CHANNEL_EMAIL, NBA_ACTION_TYPE_EMAIL);
    struct nba_catalog_builder *builder = nba_catalog_builder_create();
    (void)state;
    t.markets = (struct nba_str_list){markets, 1};
    apply(builder, content(id, "X", "t", &t, 1));
    memset(id, '?', 4);
    memset(market, '?', 2);
    struct nba_catalog *catalog = build(builder);
    assert_str_equal(catalog->contents[0].content_id, "CX-1");
    assert_str_equal(catalog->contents[0].family_id, "CX-1");
    assert_str_equal(catalog->contents[0].version, "1");
    assert_int_equal(catalog->contents[0].content_class, NBA_CONTENT_CLASS_PROMOTIONAL);
    assert_str_equal(catalog->sets[catalog->gates[0].market_set].items[0], "DE");
    assert_int_equal(catalog->gates[0].language_set, 0);
    assert_int_equal(catalog->sets[0].count, 0);
    nba_catalog_unref(catalog);
    nba_catalog_builder_destroy(builder);
}

static void test_look_ups_find_what_is_there_and_nothing_else(void **state)
{
    struct nba_treatment t = treatment(NBA_CHANNEL_EMAIL, NBA_ACTION_TYPE_EMAIL);
    struct nba_catalog_builder *builder = nba_catalog_builder_create();
    char ids[1000][8];
    (void)state;
    for (int i = 0; i < 1000; i++) {
        (void)snprintf(ids[i], sizeof(ids[i]), "C%d", i);
        apply(builder, content(ids[i], i % 2 != 0 ? "ODD" : "EVEN", "t", &t, 1));
    }
    const struct nba_reference rep = {.kind = NBA_REFERENCE_REP, .rep = {.rep_id = S("rep-2")}};
    const struct nba_reference other = {.kind = NBA_REFERENCE_REP, .rep = {.rep_id = S("rep-1")}};
    const struct nba_reference campaign = {.kind = NBA_REFERENCE_CAMPAIGN,
                                           .campaign = {.campaign_id = S("c-1")}};
    apply(builder, rep);
    apply(builder, other);
    apply(builder, campaign);
    struct nba_catalog *catalog = build(builder);
    for (int i = 0; i < 1000; i++) {
        const uint32_t k = nba_catalog_find_content(catalog, nba_str_of(ids[i]));
        assert_true(k < catalog->content_count);
        assert_str_equal(catalog->contents[k].content_id, ids[i]);
        assert_int_equal(nba_catalog_find_hash(catalog, nba_content_hash(nba_str_of(ids[i]))), k);
        assert_str_equal(nba_catalog_content(catalog, catalog->first_candidate[k])->content_id,
                         ids[i]);
        assert_int_equal(catalog->content_brand[k],
                         nba_catalog_find_word(catalog, nba_str_of(i % 2 != 0 ? "ODD" : "EVEN")));
    }
    assert_int_equal(nba_catalog_find_content(catalog, nba_str_of("C1000")), NBA_CATALOG_NONE);
    assert_int_equal(nba_catalog_find_content(catalog, nba_str_of("")), NBA_CATALOG_NONE);
    assert_int_equal(nba_catalog_find_word(catalog, nba_str_of("NEITHER")), 0);
    assert_int_equal(nba_catalog_find_word(catalog, nba_str_of("")), 0);
    assert_str_equal(nba_catalog_find_rep(catalog, nba_str_of("rep-2"))->rep_id, "rep-2");
    assert_null(nba_catalog_find_rep(catalog, nba_str_of("rep-3")));
    assert_non_null(nba_catalog_find_campaign(catalog, nba_str_of("c-1")));
    assert_null(nba_catalog_find_campaign(catalog, nba_str_of("rep-1")));
    nba_catalog_unref(catalog);
    nba_catalog_builder_destroy(builder);
}

static void test_a_later_snapshot_leaves_the_earlier_one_as_it_was(void **state)
{
    struct nba_treatment t = treatment(NBA_CHANNEL_EMAIL, NBA_ACTION_TYPE_EMAIL);
    struct nba_catalog_builder *builder = nba_catalog_builder_create();
    (void)state;
    apply(builder, content("a", "X", "t", &t, 1));
    apply(builder, content("b", "X", "t", &t, 1));
    struct nba_catalog *first = nba_catalog_ref(build(builder));
    t.approval_state = NBA_APPROVAL_WITHDRAWN;
    apply(builder, content("a", "X", "t", &t, 1));
    assert_true(nba_catalog_builder_remove(builder, nba_str_of("content:b")));
    assert_false(nba_catalog_builder_remove(builder, nba_str_of("content:b")));
    assert_false(nba_catalog_builder_remove(builder, nba_str_of("content:")));
    assert_false(nba_catalog_builder_remove(builder, nba_str_of("planet:b")));
    struct nba_catalog *second = build(builder);
    nba_catalog_builder_destroy(builder);
    nba_catalog_unref(first);
    assert_int_equal(first->content_count, 2);
    assert_int_equal(first->gates[first->gate_class[0]].approval, NBA_APPROVAL_APPROVED);
    assert_int_equal(second->content_count, 1);
    assert_int_equal(second->gates[second->gate_class[0]].approval, NBA_APPROVAL_WITHDRAWN);
    nba_catalog_unref(first);
    nba_catalog_unref(second);
}

static void test_a_builder_that_is_filled_and_emptied_again_and_again_stays_right(void **state)
{
    struct nba_treatment t = treatment(NBA_CHANNEL_EMAIL, NBA_ACTION_TYPE_EMAIL);
    struct nba_catalog_builder *builder = nba_catalog_builder_create();
    char id[16];
    char key[32];
    (void)state;
    for (int round = 0; round < 20; round++) {
        for (int i = 0; i < 100; i++) {
            (void)snprintf(id, sizeof(id), "C%d", i);
            apply(builder, content(id, "X", "t", &t, 1));
        }
        for (int i = 0; i < 100; i += 2) {
            (void)snprintf(key, sizeof(key), "content:C%d", i);
            assert_true(nba_catalog_builder_remove(builder, nba_str_of(key)));
        }
        struct nba_catalog *catalog = build(builder);
        assert_int_equal(catalog->content_count, 50);
        assert_int_equal(nba_catalog_find_content(catalog, nba_str_of("C2")), NBA_CATALOG_NONE);
        assert_int_not_equal(nba_catalog_find_content(catalog, nba_str_of("C3")), NBA_CATALOG_NONE);
        nba_catalog_unref(catalog);
    }
    nba_catalog_builder_destroy(builder);
}

/* Two ids with one 32-bit hash, found by trying (birthday bound: some 77,000 ids). */
static void find_collision(char a[16], char b[16])
{
    const uint32_t room = 1u << 20;
    uint32_t *seen = calloc(room, sizeof(*seen));
    assert_non_null(seen);
    for (uint32_t i = 1;; i++) {
        (void)snprintf(b, 16, "K%u", i);
        const uint32_t hash = nba_content_hash(nba_str_of(b));
        uint32_t *place = &seen[hash & (room - 1)];
        if (*place != 0) {
            (void)snprintf(a, 16, "K%u", *place);
            if (nba_content_hash(nba_str_of(a)) == hash) {
                break;
            }
        }
        *place = i;
    }
    free(seen);
}

static void test_two_contents_with_one_hash_cannot_both_be_there(void **state)
{
    char a[16];
    char b[16];
    struct nba_error error = {0};
    struct nba_treatment t = treatment(NBA_CHANNEL_EMAIL, NBA_ACTION_TYPE_EMAIL);
    struct nba_catalog_builder *builder = nba_catalog_builder_create();
    (void)state;
    find_collision(a, b);
    apply(builder, content(a, "X", "t", &t, 1));
    const struct nba_reference second = content(b, "X", "t", &t, 1);
    assert_int_equal(nba_catalog_builder_apply(builder, &second, &error), NBA_E_EXISTS);
    assert_non_null(strstr(error.message, a));
    assert_non_null(strstr(error.message, b));
    apply(builder, content(a, "X", "t", &t, 1));
    nba_catalog_builder_destroy(builder);
}

static void test_records_past_a_limit_are_refused_and_change_nothing(void **state)
{
    struct nba_treatment many[NBA_TREATMENTS_MAX + 1];
    struct nba_error error = {0};
    struct nba_catalog_builder *builder = nba_catalog_builder_create();
    (void)state;
    for (size_t i = 0; i < NBA_ARRAY_COUNT(many); i++) {
        many[i] = treatment(NBA_CHANNEL_EMAIL, NBA_ACTION_TYPE_EMAIL);
    }
    struct nba_reference record = content("a", "X", "t", many, NBA_TREATMENTS_MAX + 1);
    assert_int_equal(nba_catalog_builder_apply(builder, &record, &error), NBA_E_LIMIT);
    record = content("", "X", "t", many, 1);
    assert_int_equal(nba_catalog_builder_apply(builder, &record, &error), NBA_E_EMPTY_KEY);
    many[0].value = (double)NAN;
    record = content("a", "X", "t", many, 1);
    assert_int_equal(nba_catalog_builder_apply(builder, &record, &error), NBA_E_NON_FINITE);
    many[0].value = -1;
    assert_int_equal(nba_catalog_builder_apply(builder, &record, &error), NBA_E_NON_FINITE);
    many[0].value = 1;
    char longer[NBA_ID_BYTES_MAX + 2];
    memset(longer, 'x', sizeof(longer));
    longer[sizeof(longer) - 1] = '\0';
    record = content(longer, "X", "t", many, 1);
    assert_int_equal(nba_catalog_builder_apply(builder, &record, &error), NBA_E_LIMIT);
    record = content("a", longer, "t", many, 1);
    assert_int_equal(nba_catalog_builder_apply(builder, &record, &error), NBA_E_LIMIT);
    struct nba_catalog *catalog = build(builder);
    assert_int_equal(catalog->content_count, 0);
    assert_int_equal(catalog->candidate_count, 0);
    nba_catalog_unref(catalog);
    nba_catalog_builder_destroy(builder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_contents_are_sorted_and_candidates_follow_them),
        cmocka_unit_test(test_texts_are_copies_and_absent_ones_get_their_defaults),
        cmocka_unit_test(test_look_ups_find_what_is_there_and_nothing_else),
        cmocka_unit_test(test_a_later_snapshot_leaves_the_earlier_one_as_it_was),
        cmocka_unit_test(test_a_builder_that_is_filled_and_emptied_again_and_again_stays_right),
        cmocka_unit_test(test_two_contents_with_one_hash_cannot_both_be_there),
        cmocka_unit_test(test_records_past_a_limit_are_refused_and_change_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
