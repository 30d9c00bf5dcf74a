/* Rows become sequences: order, duplicates, late rows, vocabulary, limits. */
#include "nba_test.h"

#include "nba/train/dataset.h"

static struct nba_dataset_builder *builder_of(size_t rows_max, int64_t lateness_ms)
{
    const struct nba_dataset_options options = {
        .name = "test", .rows_max = rows_max, .allowed_lateness_ms = lateness_ms};
    struct nba_dataset_builder *builder = NULL;
    builder = nba_dataset_builder_create(&options);
    return builder;
}

static enum nba_status add(struct nba_dataset_builder *builder, const char *user,
                           const char *content, int64_t time_ms, enum nba_touch_kind kind,
                           uint64_t hash)
{
    const struct nba_dataset_row row = {.user = nba_str_of(user),
                                        .content = nba_str_of(content),
                                        .time_ms = time_ms,
                                        .channel = NBA_CHANNEL_EMAIL,
                                        .kind = kind,
                                        .event_hash = hash};
    return nba_dataset_builder_add(builder, &row);
}

static struct nba_dataset *finish(struct nba_dataset_builder *builder)
{
    struct nba_dataset *dataset = NULL;
    assert_int_equal(nba_dataset_builder_finish(builder, &dataset, NULL), NBA_OK);
    nba_dataset_builder_destroy(builder);
    return dataset;
}

static void test_sequences_keep_log_order_and_vocabulary_is_sorted(void **state)
{
    struct nba_dataset_builder *builder = builder_of(0, 0);
    uint32_t count = 0;
    (void)state;
    assert_int_equal(add(builder, "b", "C2", 50, NBA_TOUCH_ENGAGED, 0), NBA_OK);
    assert_int_equal(add(builder, "a", "C9", 60, NBA_TOUCH_ENGAGED, 0), NBA_OK);
    assert_int_equal(add(builder, "b", "C1", 40, NBA_TOUCH_ENGAGED, 0), NBA_OK);
    assert_int_equal(add(builder, "b", "C9", 70, NBA_TOUCH_REFUSED, 0), NBA_OK);
    assert_int_equal(add(builder, "b", "C10", 80, NBA_TOUCH_ENGAGED, 0), NBA_OK);
    struct nba_dataset *d = finish(builder);
    assert_int_equal(d->user_count, 2);
    assert_int_equal(d->content_count, 4);
    assert_str_equal(d->contents[0], "C1");
    assert_str_equal(d->contents[1], "C10");
    assert_str_equal(d->contents[3], "C9");
    const uint32_t *sequence = nba_dataset_sequence(d, 0, &count);
    assert_int_equal(count, 3);
    assert_int_equal(sequence[0], 2); /* C2 came first, whatever its time */
    assert_int_equal(sequence[1], 0);
    assert_int_equal(sequence[2], 1);
    assert_int_equal(d->touch_offset[1] - d->touch_offset[0], 4);
    assert_int_equal(d->touches[2].kind, NBA_TOUCH_REFUSED);
    assert_true(d->content_first_ms[3] == 60);
    assert_true(d->first_ms == 40 && d->last_ms == 80);
    nba_dataset_destroy(d);
}

static void test_an_event_counts_once_among_the_last_32_of_its_user(void **state)
{
    struct nba_dataset_builder *builder = builder_of(0, 0);
    (void)state;
    assert_int_equal(add(builder, "a", "C1", 1, NBA_TOUCH_ENGAGED, 7), NBA_OK);
    assert_int_equal(add(builder, "a", "C1", 1, NBA_TOUCH_ENGAGED, 7), NBA_OK);
    assert_int_equal(add(builder, "b", "C1", 1, NBA_TOUCH_ENGAGED, 7), NBA_OK);
    for (uint64_t i = 0; i < 32; i++) {
        assert_int_equal(add(builder, "a", "C2", 2, NBA_TOUCH_ENGAGED, 100 + i), NBA_OK);
    }
    assert_int_equal(add(builder, "a", "C1", 3, NBA_TOUCH_ENGAGED, 7), NBA_OK);
    struct nba_dataset *d = finish(builder);
    assert_int_equal(d->duplicate_count, 1);
    assert_int_equal(d->sequence_offset[1], 34);
    assert_int_equal(d->sequence_offset[2] - d->sequence_offset[1], 1);
    nba_dataset_destroy(d);
}

static struct nba_event event_of(enum nba_event_type type, const char *hcp, const char *content,
                                 const char *id, int64_t time_ms)
{
    return (struct nba_event){.type = type,
                              .event_time_ms = time_ms,
                              .hcp_id = nba_str_of(hcp),
                              .content_id = nba_str_of(content),
                              .event_id = nba_str_of(id),
                              .source = nba_str_of("s")};
}

static void test_events_are_touches_as_the_engine_sees_them(void **state)
{
    struct nba_dataset_builder *builder = builder_of(0, 1000);
    struct nba_event events[] = {
        event_of(NBA_EVENT_EMAIL_CLICKED, "a", "C1", "1", 5000),
        event_of(NBA_EVENT_EMAIL_CLICKED, "a", "C2", "2", 5001), /* by a bot */
        event_of(NBA_EVENT_ACTION_IGNORED, "a", "C2", "3", 5002),
        event_of(NBA_EVENT_EMAIL_SENT, "a", "C3", "4", 5003),
        event_of(NBA_EVENT_PORTAL_LOGIN, "a", "", "5", 5004),     /* no content */
        event_of(NBA_EVENT_EMAIL_OPENED, "a", "C1", "6", 3000),   /* late */
        event_of(NBA_EVENT_EMAIL_DELIVERED, "a", "C1", "7", 5005) /* says nothing yet */
    };
    events[1].bot = NBA_BOT_GENERIC;
    (void)state;
    for (size_t i = 0; i < NBA_ARRAY_COUNT(events); i++) {
        assert_int_equal(nba_dataset_builder_add_event(builder, 0, &events[i]), NBA_OK);
    }
    const struct nba_str specialty = nba_str_of("cardiology");
    const struct nba_profile profile = {.has_specialties = true, .specialties = {&specialty, 1}};
    struct nba_event update = event_of(NBA_EVENT_PROFILE_UPDATED, "a", "", "8", 5006);
    update.profile = &profile;
    assert_int_equal(nba_dataset_builder_add_event(builder, 0, &update), NBA_OK);
    struct nba_dataset *d = finish(builder);
    assert_int_equal(d->touch_offset[1], 3);
    assert_int_equal(d->touches[0].kind, NBA_TOUCH_ENGAGED);
    assert_int_equal(d->touches[0].channel, NBA_CHANNEL_EMAIL);
    assert_int_equal(d->touches[1].kind, NBA_TOUCH_REFUSED);
    assert_int_equal(d->touches[2].kind, NBA_TOUCH_SENT);
    assert_int_equal(d->sequence_offset[1], 1);
    assert_int_equal(d->late_count, 1);
    assert_int_equal(d->segment[0], 1);
    assert_str_equal(d->specialties[0], "cardiology");
    nba_dataset_destroy(d);
}

static void test_rows_beyond_the_limit_are_refused_and_no_rows_are_no_data(void **state)
{
    struct nba_dataset_builder *builder = builder_of(2, 0);
    struct nba_dataset *none = NULL;
    (void)state;
    assert_int_equal(nba_dataset_builder_finish(builder, &none, NULL), NBA_E_NOT_FOUND);
    assert_null(none);
    assert_int_equal(add(builder, "a", "C1", 1, NBA_TOUCH_ENGAGED, 0), NBA_OK);
    assert_int_equal(add(builder, "a", "C2", 2, NBA_TOUCH_ENGAGED, 0), NBA_OK);
    assert_int_equal(add(builder, "a", "C3", 3, NBA_TOUCH_ENGAGED, 0), NBA_E_LIMIT);
    struct nba_dataset *d = finish(builder);
    assert_int_equal(d->sequence_offset[1], 2);
    nba_dataset_destroy(d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sequences_keep_log_order_and_vocabulary_is_sorted),
        cmocka_unit_test(test_an_event_counts_once_among_the_last_32_of_its_user),
        cmocka_unit_test(test_events_are_touches_as_the_engine_sees_them),
        cmocka_unit_test(test_rows_beyond_the_limit_are_refused_and_no_rows_are_no_data),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
