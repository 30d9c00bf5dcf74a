/* Cases: groups, rebalances, offsets that go with transactions. */
#include "suite.h"

static bool has_three_records(struct suite_member **members, size_t count)
{
    (void)count;
    return members[0]->record_count >= 3;
}

static bool has_share(struct suite_member **members, size_t count)
{
    (void)count;
    return members[0]->assigned && members[0]->share_count > 0;
}

static bool both_share(struct suite_member **members, size_t count)
{
    return suite_all_assigned(members, count) && members[0]->share_count > 0 &&
           members[1]->share_count > 0;
}

static bool first_has_four(struct suite_member **members, size_t count)
{
    (void)count;
    return members[0]->assigned && members[0]->share_count == 4;
}

static bool has_end(struct suite_member **members, size_t count)
{
    (void)count;
    return members[0]->end_count > 0;
}

/* A transaction that says the group has read `topic` p up to `offset`. */
static void commit_offset(struct suite_member *m, struct nba_producer *producer, const char *topic,
                          int32_t partition, int64_t offset)
{
    const struct nba_position position = {topic, partition, offset};
    suite_begin(producer);
    assert_ok(nba_producer_send_offsets(producer, &position, 1, m->member, error));
    suite_commit(producer);
}

static void fill(struct suite *s, const char *topic, int32_t partitions, int each)
{
    struct nba_producer *producer = suite_producer(s, "-fill");
    suite_begin(producer);
    for (int i = 0; i < partitions * each; i++) {
        char value[16];
        (void)snprintf(value, sizeof(value), "%d", i / partitions);
        suite_produce(producer, topic, i % partitions, "k", value);
    }
    suite_commit(producer);
    nba_producer_destroy(producer);
}

static void test_offsets_and_records_commit_together_or_not_at_all(void **state)
{
    struct suite *s = *state;
    const char *in = suite_topic(s, 1, false);
    const char *out = suite_topic(s, 1, false);
    char story[SUITE_STORY_BYTES] = "";
    struct suite_member m = {.name = "a", .story = story, .start = -1};
    struct suite_member *members[] = {&m};
    fill(s, in, 1, 3);
    suite_join(s, &m, NULL, &in, 1);
    suite_poll_until(members, 1, has_three_records);
    assert_string_equal(m.values, "0,1,2,");
    assert_int_equal(m.share[0].committed, -1);
    assert_int_equal(suite_committed(s, in, 0), -1);

    struct nba_producer *producer = suite_producer(s, "");
    const struct nba_position position = {in, 0, m.position};
    suite_begin(producer);
    suite_produce(producer, out, 0, "k", "aborted");
    assert_ok(nba_producer_send_offsets(producer, &position, 1, m.member, error));
    suite_abort(producer);
    assert_int_equal(suite_committed(s, in, 0), -1);
    assert_string_equal(suite_values(s, out, 0, 0), "");

    suite_begin(producer);
    suite_produce(producer, out, 0, "k", "committed");
    assert_ok(nba_producer_send_offsets(producer, &position, 1, m.member, error));
    suite_commit(producer);
    assert_int_equal(suite_committed(s, in, 0), m.position);
    assert_string_equal(suite_values(s, out, 0, 0), "committed,");
    suite_leave(&m);
    assert_string_equal(story, "+a-a");
    nba_producer_destroy(producer);
}

static void test_the_next_member_starts_where_the_last_one_committed(void **state)
{
    struct suite *s = *state;
    const char *in = suite_topic(s, 1, false);
    char story[SUITE_STORY_BYTES] = "";
    struct suite_member a = {.name = "a", .story = story, .start = -1};
    struct suite_member b = {.name = "b", .story = story, .start = -1};
    struct suite_member *members[] = {&a};
    fill(s, in, 1, 6);
    struct nba_producer *producer = suite_producer(s, "");
    suite_join(s, &a, NULL, &in, 1);
    suite_poll_until(members, 1, has_three_records);
    commit_offset(&a, producer, in, 0, 2);
    suite_leave(&a);
    members[0] = &b;
    suite_join(s, &b, NULL, &in, 1);
    suite_poll_until(members, 1, has_three_records);
    assert_int_equal(b.share[0].committed, 2);
    assert_memory_equal(b.values, "2,3,4,", 6);
    suite_leave(&b);
    assert_string_equal(story, "+a-a+b-b");
    nba_producer_destroy(producer);
}

static void test_assign_says_where_to_start(void **state)
{
    struct suite *s = *state;
    const char *in = suite_topic(s, 1, false);
    char story[SUITE_STORY_BYTES] = "";
    struct suite_member m = {.name = "a", .story = story, .start = 3};
    struct suite_member *members[] = {&m};
    fill(s, in, 1, 6);
    assert_ok(nba_stream_group_reset(s->stream, s->group, in, 0, 5, error));
    suite_join(s, &m, NULL, &in, 1);
    suite_poll_until(members, 1, has_end);
    assert_int_equal(m.share[0].committed, 5);
    assert_string_equal(m.values, "3,4,5,");
    assert_int_equal(nba_stream_group_reset(s->stream, s->group, in, 0, 0, NULL), NBA_E_BUSY);
    suite_leave(&m);
}

static void test_two_members_share_by_range_and_alike_for_each_topic(void **state)
{
    struct suite *s = *state;
    const char *topics[] = {suite_topic(s, 3, false), suite_topic(s, 3, false)};
    char story[SUITE_STORY_BYTES] = "";
    struct suite_member a = {.name = "a", .story = story, .start = -1};
    struct suite_member b = {.name = "b", .story = story, .start = -1};
    struct suite_member *members[] = {&a, &b};
    suite_join(s, &a, NULL, topics, 2);
    suite_join(s, &b, NULL, topics, 2);
    suite_poll_until(members, 2, both_share);
    assert_int_equal(a.share_count + b.share_count, 6);
    int owner[2][3] = {{0, 0, 0}, {0, 0, 0}};
    for (int k = 0; k < 2; k++) {
        for (size_t i = 0; i < members[k]->share_count; i++) {
            const int topic = strcmp(members[k]->share[i].topic, topics[1]) == 0;
            owner[topic][members[k]->share[i].partition] += k + 1;
        }
    }
    assert_memory_equal(owner[0], owner[1], sizeof(owner[0]));
    assert_int_equal(owner[0][0], owner[0][1]); /* the first has two */
    assert_int_equal(owner[0][0] + owner[0][2], 3);
    suite_leave(&a);
    suite_leave(&b);
}

struct handover {
    struct nba_producer *producer;
    const char *topic;
};

/* What an engine does when its share is taken: commits what it has. */
static void commit_on_revoke(struct suite_member *m)
{
    const struct handover *handover = m->on_revoke_context;
    suite_begin(handover->producer);
    for (size_t i = 0; i < m->share_count; i++) {
        const struct nba_position position = {handover->topic, m->share[i].partition,
                                              7 + m->share[i].partition};
        assert_ok(nba_producer_send_offsets(handover->producer, &position, 1, m->member, error));
    }
    suite_commit(handover->producer);
}

static void test_a_revoke_commits_before_the_others_assign_reads_the_offsets(void **state)
{
    struct suite *s = *state;
    const char *in = suite_topic(s, 4, false);
    char story[SUITE_STORY_BYTES] = "";
    struct suite_member a = {.name = "a", .story = story, .start = 0};
    struct suite_member b = {.name = "b", .story = story, .start = 0};
    struct suite_member *members[] = {&a, &b};
    fill(s, in, 4, 10);
    struct handover handover = {suite_producer(s, ""), in};
    a.on_revoke = commit_on_revoke;
    a.on_revoke_context = &handover;
    suite_join(s, &a, NULL, &in, 1);
    suite_poll_until(members, 1, first_has_four);
    suite_join(s, &b, NULL, &in, 1);
    suite_poll_until(members, 2, both_share);
    a.on_revoke = NULL;
    assert_int_equal(a.share_count, 2);
    assert_int_equal(b.share_count, 2);
    for (int k = 0; k < 2; k++) {
        for (size_t i = 0; i < 2; i++) {
            assert_int_equal(members[k]->share[i].committed, 7 + members[k]->share[i].partition);
        }
    }
    /* a gave back before anyone got anew */
    assert_memory_equal(story, "+a-a+", 5);
    suite_leave(&b);
    suite_poll_until(members, 1, first_has_four);
    suite_leave(&a);
    nba_producer_destroy(handover.producer);
}

/* An open transaction with offsets, whose owner went without ending it. */
static void test_an_assign_waits_for_pending_offsets(void **state)
{
    struct suite *s = *state;
    const char *in = suite_topic(s, 1, false);
    char story[SUITE_STORY_BYTES] = "";
    struct suite_member a = {.name = "a", .story = story, .start = -1};
    struct suite_member b = {.name = "b", .story = story, .start = -1};
    struct suite_member *members[] = {&a};
    fill(s, in, 1, 3);
    struct nba_producer *producer = suite_producer(s, "");
    suite_join(s, &a, NULL, &in, 1);
    suite_poll_until(members, 1, has_three_records);
    const struct nba_position position = {in, 0, 2};
    suite_begin(producer);
    assert_ok(nba_producer_send_offsets(producer, &position, 1, a.member, error));
    suite_leave(&a);
    suite_join(s, &b, NULL, &in, 1);
    members[0] = &b;
    for (int i = 0; i < 5; i++) {
        assert_int_equal(suite_poll(&b, suite_home.quiet_ms / 5), NBA_OK);
    }
    assert_false(b.assigned);
    suite_commit(producer);
    suite_poll_until(members, 1, has_share);
    assert_int_equal(b.share[0].committed, 2);
    suite_leave(&b);
    nba_producer_destroy(producer);
}

static void test_a_second_member_of_a_name_fences_the_first(void **state)
{
    struct suite *s = *state;
    const char *in = suite_topic(s, 1, false);
    char story[SUITE_STORY_BYTES] = "";
    struct suite_member a = {.name = "a", .story = story, .start = -1};
    struct suite_member b = {.name = "b", .story = story, .start = -1};
    struct suite_member *members[] = {&a};
    fill(s, in, 1, 3);
    struct nba_producer *producer = suite_producer(s, "");
    suite_join(s, &a, "worker-0", &in, 1);
    suite_poll_until(members, 1, has_three_records);
    suite_join(s, &b, "worker-0", &in, 1);
    members[0] = &b;
    suite_poll_until(members, 1, has_share);
    enum nba_status status = NBA_OK;
    for (int i = 0; i < 60 && status == NBA_OK; i++) {
        status = suite_poll(&a, 1000);
    }
    assert_int_equal(status, NBA_E_FENCED);
    const struct nba_position position = {in, 0, 1};
    suite_begin(producer);
    assert_int_not_equal(nba_producer_send_offsets(producer, &position, 1, a.member, NULL), NBA_OK);
    nba_producer_destroy(producer);
    suite_leave(&a);
    producer = suite_producer(s, "");
    commit_offset(&b, producer, in, 0, 3);
    suite_leave(&b);
    assert_int_equal(suite_committed(s, in, 0), 3);
    nba_producer_destroy(producer);
}

static void test_a_group_reset_sets_the_committed_offset(void **state)
{
    struct suite *s = *state;
    const char *in = suite_topic(s, 2, false);
    assert_int_equal(suite_committed(s, in, 1), -1);
    assert_ok(nba_stream_group_reset(s->stream, s->group, in, 1, 4, error));
    assert_int_equal(suite_committed(s, in, 1), 4);
    assert_int_equal(suite_committed(s, in, 0), -1);
}

const struct CMUnitTest suite_group_cases[] = {
    SUITE_CASE(test_offsets_and_records_commit_together_or_not_at_all),
    SUITE_CASE(test_the_next_member_starts_where_the_last_one_committed),
    SUITE_CASE(test_assign_says_where_to_start),
    SUITE_CASE(test_two_members_share_by_range_and_alike_for_each_topic),
    SUITE_CASE(test_a_revoke_commits_before_the_others_assign_reads_the_offsets),
    SUITE_CASE(test_an_assign_waits_for_pending_offsets),
    SUITE_CASE(test_a_second_member_of_a_name_fences_the_first),
    SUITE_CASE(test_a_group_reset_sets_the_committed_offset),
};
const size_t suite_group_case_count = sizeof(suite_group_cases) / sizeof(suite_group_cases[0]);
