/* The calibrator's features that training makes: what each content is worth in a specialty, and how
 * busy an HCP was kept. */
#include "nba_test.h"

#include <math.h>

#include "nba/linalg/elementary.h"
#include "nba/train/content_rate.h"
#include "nba/train/dataset.h"

enum { DAY_MS = 24 * 3600 * 1000 };

static void add(struct nba_dataset_builder *builder, const char *user, const char *content,
                int64_t day, enum nba_touch_kind kind)
{
    const struct nba_dataset_row row = {.user = nba_str_of(user),
                                        .content = nba_str_of(content),
                                        .time_ms = day * DAY_MS,
                                        .channel = NBA_CHANNEL_EMAIL,
                                        .kind = kind};
    assert_int_equal(nba_dataset_builder_add(builder, &row), NBA_OK);
}

static struct nba_dataset *finish(struct nba_dataset_builder *builder)
{
    struct nba_dataset *dataset = NULL;
    assert_int_equal(nba_dataset_builder_finish(builder, &dataset, NULL), NBA_OK);
    nba_dataset_builder_destroy(builder);
    return dataset;
}

static void test_a_rate_is_shrunk_to_the_content_and_the_content_to_all(void **state)
{
    (void)state;
    const struct nba_dataset_options options = {.name = "test"};
    struct nba_dataset_builder *builder = nba_dataset_builder_create(&options);
    nba_dataset_builder_add_user(builder, nba_str_of("u"), nba_str_of("cardiology"));
    for (int64_t i = 0; i < 8; i++) { /* A: 6 of 8 by a cardiologist, B: 1 of 8 by nobody's */
        add(builder, "u", "A", i, i < 6 ? NBA_TOUCH_ENGAGED : NBA_TOUCH_REFUSED);
        add(builder, "v", "B", i, i < 1 ? NBA_TOUCH_ENGAGED : NBA_TOUCH_REFUSED);
    }
    add(builder, "u", "B", 20, NBA_TOUCH_ENGAGED); /* after the training part */
    struct nba_dataset *d = finish(builder);
    const struct nba_split split = {.by_time = true};
    float rates[4];
    nba_content_rates(d, &split, (int64_t)10 * DAY_MS, rates);
    const double all = (7.0 + 1.0) / (16.0 + 2.0);
    const double a = (6.0 + 20.0 * all) / (8.0 + 20.0);
    const double a_of_cardiology = (6.0 + 20.0 * a) / (8.0 + 20.0);
    const double b = (1.0 + 20.0 * all) / (8.0 + 20.0);
    const double want[4] = {a, b, a_of_cardiology, b};
    for (size_t i = 0; i < 4; i++) {
        assert_true(fabs((double)rates[i] - (nba_logit(want[i]) - nba_logit(all))) < 1e-6);
    }
    nba_dataset_destroy(d);
}

static void test_a_touch_knows_the_events_of_the_week_before_it(void **state)
{
    (void)state;
    const struct nba_dataset_options options = {.name = "test"};
    struct nba_dataset_builder *builder = nba_dataset_builder_create(&options);
    struct nba_event event = {.source = nba_str_of("s"),
                              .event_id = nba_str_of("1"),
                              .type = NBA_EVENT_PORTAL_LOGIN, /* no touch, and it keeps busy */
                              .hcp_id = nba_str_of("u"),
                              .event_time_ms = (int64_t)2 * DAY_MS};
    assert_int_equal(nba_dataset_builder_add_event(builder, 0, &event), NBA_OK);
    assert_int_equal(nba_dataset_builder_add_event(builder, 0, &event), NBA_OK); /* once more */
    static const int64_t days[] = {3, 8, 9, 10, 30};
    for (size_t i = 0; i < NBA_ARRAY_COUNT(days); i++) {
        add(builder, "u", "A", days[i], NBA_TOUCH_REFUSED);
        add(builder, "v", "A", days[i], NBA_TOUCH_REFUSED);
    }
    struct nba_dataset *d = finish(builder);
    static const uint8_t want[] = {1, 2, 2, 2, 0, 0, 1, 2, 2, 0};
    assert_int_equal(d->duplicate_count, 1);
    for (size_t i = 0; i < NBA_ARRAY_COUNT(want); i++) {
        assert_int_equal(d->touches[i].week_events, want[i]);
    }
    nba_dataset_destroy(d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_rate_is_shrunk_to_the_content_and_the_content_to_all),
        cmocka_unit_test(test_a_touch_knows_the_events_of_the_week_before_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
