/* Unit hit rate and similarity inside a unit, on four users. */
#include "sequences.h"

#include <math.h>

#include "nba/train/unit_hits.h"

enum { N = 6 };

/* Contents 0, 1, 2 are of unit a, 3 and 4 of unit b, 5 of none.
 * User 0: 0 1; user 1: 3; user 2: 0 3; user 3: 5. */
static bool four_users(uint32_t user, uint32_t index, struct made_touch *ret_touch)
{
    static const uint32_t contents[4][2] = {{0, 1}, {3, 0}, {0, 3}, {5, 0}};
    static const uint32_t lengths[4] = {2, 1, 2, 1};
    *ret_touch =
        (struct made_touch){contents[user][index % 2], NBA_TOUCH_ENGAGED, NBA_CHANNEL_EMAIL, 1000};
    return index < lengths[user];
}

static struct nba_str units[2];
static uint32_t content_unit[N] = {1, 1, 1, 2, 2, 0};
static uint32_t content_type[N] = {0, 0, 1, 0, 1, 1};

static struct nba_dataset *labelled(void)
{
    struct nba_dataset *d = make_dataset(4, N, false, four_users);
    units[0] = nba_str_of("a");
    units[1] = nba_str_of("b");
    d->units = units;
    d->unit_count = 2;
    d->content_unit = content_unit;
    d->types = units;
    d->type_count = 1;
    d->content_type = content_type;
    return d;
}

/* The same for everybody, content 5 first, then b, then a. */
static void b_before_a(void *context, const struct nba_query *queries, size_t count,
                       float *ret_scores)
{
    (void)context;
    (void)queries;
    assert_int_equal(count, 1);
    for (uint32_t k = 0; k < N; k++) {
        ret_scores[k] = (float)k;
    }
}

static const struct nba_figure *find(const struct nba_report *report, const char *model,
                                     const char *protocol, const char *unit)
{
    for (size_t i = 0; i < report->count; i++) {
        const struct nba_figure *f = &report->figures[i];
        if (strcmp(f->model, model) == 0 && strcmp(f->protocol, protocol) == 0 &&
            nba_str_is(f->unit, unit)) {
            return f;
        }
    }
    fail();
    return NULL;
}

static void assert_figure(const struct nba_figure *f, double value, size_t n)
{
    assert_int_equal(f->n, n);
    assert_true(fabs(f->interval.value - value) < 1e-9);
    assert_true(f->interval.lo <= value && value <= f->interval.hi);
}

static void test_a_share_is_of_what_has_a_unit_and_was_not_touched(void **state)
{
    static struct nba_report report;
    struct nba_dataset *d = labelled();
    const struct nba_ranker ranker = {.name = "made", .score = b_before_a};
    (void)state;
    report.count = 0;
    nba_unit_hits_report(&report, d, &ranker, 1);
    /* User 0 (a) is offered 4 3 2: 1/3; user 1 (b) 4 2 1 0: 1/4; user 2 (a, b) 4 2 1: all;
     * user 3 touched nothing with a unit and doesn't count. */
    assert_figure(find(&report, "made", "units", ""), (1.0 / 3 + 1.0 / 4 + 1) / 3, 3);
    assert_figure(find(&report, "made", "units", "a"), (1.0 / 3 + 1) / 2, 2);
    assert_figure(find(&report, "made", "units", "b"), (1.0 / 4 + 1) / 2, 2);
    /* Of the type are 2 and 4. */
    const struct nba_figure *type = NULL;
    for (size_t i = 0; i < report.count && type == NULL; i++) {
        type = report.figures[i].metric == NBA_METRIC_TYPE_SHARE ? &report.figures[i] : NULL;
    }
    assert_non_null(type);
    assert_figure(type, (2.0 / 3 + 2.0 / 4 + 2.0 / 3) / 3, 3);
    /* So few contents that everything is offered: chance is as good. */
    assert_figure(find(&report, "random", "units", ""), (1.0 / 3 + 1.0 / 4 + 1) / 3, 3);
    /* Pair 0 1: one user of both, sqrt(2 x 1); the other pairs of a: none.  0 3: sqrt(2 x 2). */
    assert_figure(find(&report, "similarity", "within", "a"), 1 / sqrt(2) / 3, 3);
    assert_figure(find(&report, "similarity", "within", "b"), 0, 1);
    assert_figure(find(&report, "similarity", "within", ""), 1 / sqrt(2) / 4, 4);
    assert_figure(find(&report, "similarity", "between", ""), 0.5 / 6, 6);
    nba_dataset_destroy(d);
}

static void test_a_data_set_without_units_has_no_such_figures(void **state)
{
    static struct nba_report report;
    struct nba_dataset *d = labelled();
    const struct nba_ranker ranker = {.name = "made", .score = b_before_a};
    (void)state;
    report.count = 0;
    d->unit_count = 0;
    nba_unit_hits_report(&report, d, &ranker, 1);
    d->unit_count = NBA_UNITS_MAX + 1;
    nba_unit_hits_report(&report, d, &ranker, 1);
    assert_int_equal(report.count, 0);
    nba_dataset_destroy(d);
}

static void test_a_figure_of_a_unit_names_it_and_compares_with_its_own_kind(void **state)
{
    static struct nba_report report;
    struct nba_buf text;
    const struct nba_figure all = {.data = "x",
                                   .model = "popularity",
                                   .protocol = "units",
                                   .metric = NBA_METRIC_UNIT_HITS,
                                   .k = 10,
                                   .interval = {0.5, 0.4, 0.6}};
    struct nba_figure one = all;
    struct nba_figure other = all;
    (void)state;
    one.unit = nba_str_of("on\"e");
    one.interval.value = 0.25;
    other.model = "ease";
    other.unit = one.unit;
    report.count = 0;
    nba_report_add(&report, &all);
    nba_report_add(&report, &one);
    nba_report_add(&report, &other);
    nba_buf_init(&text, 100000);
    nba_report_print_json(&report, &text);
    nba_buf_append_byte(&text, 0);
    assert_non_null(
        strstr((const char *)text.data, "\"popularity_percent\":100.00,\"unit\":\"on\\\"e\"}"));
    nba_buf_clear(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_share_is_of_what_has_a_unit_and_was_not_touched),
        cmocka_unit_test(test_a_data_set_without_units_has_no_such_figures),
        cmocka_unit_test(test_a_figure_of_a_unit_names_it_and_compares_with_its_own_kind),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
