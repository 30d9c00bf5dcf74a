/* The registry, its series under threads, and the exact Prometheus text. */
#include "nba_test.h"

#include <pthread.h>

#include "nba/metrics/metrics.h"

static char *text_of(struct nba_metrics *metrics)
{
    struct nba_buf buf;
    nba_buf_init(&buf, 1u << 20);
    nba_metrics_write(metrics, &buf);
    nba_buf_append_byte(&buf, '\0');
    assert_false(buf.failed);
    return (char *)buf.data;
}

static void test_counter_and_gauge_stand_in_the_text_with_help_and_type(void **state)
{
    struct nba_metrics *metrics = nba_metrics_create();
    struct nba_counter *counter = nba_metrics_counter(metrics, "nba_a_total", "A.", NULL, 0);
    struct nba_gauge *gauge = nba_metrics_gauge(metrics, "nba_b_bytes", "B.", NULL, 0);
    (void)state;
    nba_counter_add(counter, 2);
    nba_counter_add(counter, 3);
    nba_gauge_add(gauge, 10);
    nba_gauge_add(gauge, -17);
    char *text = text_of(metrics);
    assert_string_equal(text, "# HELP nba_a_total A.\n# TYPE nba_a_total counter\nnba_a_total 5\n"
                              "# HELP nba_b_bytes B.\n# TYPE nba_b_bytes gauge\nnba_b_bytes -7\n");
    free(text);
    nba_metrics_destroy(metrics);
}

static void test_label_values_are_escaped(void **state)
{
    struct nba_metrics *metrics = nba_metrics_create();
    const struct nba_label labels[] = {{"p", "3"}, {"why", "a\"b\\c\nd"}};
    (void)state;
    nba_counter_add(nba_metrics_counter(metrics, "nba_x_total", "X\n\\.", labels, 2), 1);
    char *text = text_of(metrics);
    assert_string_equal(text, "# HELP nba_x_total X\\n\\\\.\n# TYPE nba_x_total counter\n"
                              "nba_x_total{p=\"3\",why=\"a\\\"b\\\\c\\nd\"} 1\n");
    free(text);
    nba_metrics_destroy(metrics);
}

static void test_the_same_name_and_labels_are_the_same_series(void **state)
{
    struct nba_metrics *metrics = nba_metrics_create();
    const struct nba_label zero = {"p", "0"};
    const struct nba_label one = {"p", "1"};
    (void)state;
    struct nba_counter *first = nba_metrics_counter(metrics, "nba_x_total", "X.", &zero, 1);
    assert_ptr_equal(first, nba_metrics_counter(metrics, "nba_x_total", "X.", &zero, 1));
    assert_ptr_not_equal(first, nba_metrics_counter(metrics, "nba_x_total", "X.", &one, 1));
    char *text = text_of(metrics);
    assert_non_null(strstr(text, "nba_x_total{p=\"0\"} 0\nnba_x_total{p=\"1\"} 0\n"));
    free(text);
    nba_metrics_destroy(metrics);
}

static void test_histogram_counts_every_bound_into_its_own_bucket(void **state)
{
    struct nba_metrics *metrics = nba_metrics_create();
    struct nba_histogram *h = nba_metrics_histogram(metrics, "nba_t_seconds", "T.", NULL, 0);
    (void)state;
    nba_histogram_observe_us(h, -5);
    nba_histogram_observe_us(h, 10);
    nba_histogram_observe_us(h, 11);
    nba_histogram_observe_us(h, 10000000);
    nba_histogram_observe_us(h, 10000001);
    assert_int_equal(nba_histogram_count(h), 5);
    char *text = text_of(metrics);
    assert_non_null(strstr(text, "nba_t_seconds_bucket{le=\"1e-05\"} 2\n"));
    assert_non_null(strstr(text, "nba_t_seconds_bucket{le=\"1.5e-05\"} 3\n"));
    assert_non_null(strstr(text, "nba_t_seconds_bucket{le=\"7\"} 3\n"));
    assert_non_null(strstr(text, "nba_t_seconds_bucket{le=\"10\"} 4\n"));
    assert_non_null(strstr(text, "nba_t_seconds_bucket{le=\"+Inf\"} 5\n"));
    assert_non_null(strstr(text, "nba_t_seconds_sum 20.000022\nnba_t_seconds_count 5\n"));
    free(text);
    nba_metrics_destroy(metrics);
}

static void test_quantile_lies_in_the_bucket_that_holds_it(void **state)
{
    struct nba_metrics *metrics = nba_metrics_create();
    struct nba_histogram *h = nba_metrics_histogram(metrics, "nba_t_seconds", "T.", NULL, 0);
    (void)state;
    assert_int_equal(nba_histogram_quantile_us(h, 0.5), 0);
    for (int i = 0; i < 90; i++) {
        nba_histogram_observe_us(h, 120);
    }
    for (int i = 0; i < 10; i++) {
        nba_histogram_observe_us(h, 60000);
    }
    assert_in_range(nba_histogram_quantile_us(h, 0.5), 100, 150);
    assert_in_range(nba_histogram_quantile_us(h, 0.99), 50000, 70000);
    nba_metrics_destroy(metrics);
}

static void test_nothing_happens_without_a_registry(void **state)
{
    (void)state;
    assert_null(nba_metrics_counter(NULL, "nba_x_total", "X.", NULL, 0));
    nba_counter_add(NULL, 1);
    nba_gauge_add(NULL, 1);
    nba_histogram_observe_us(NULL, 1);
    assert_int_equal(nba_counter_value(NULL), 0);
    assert_int_equal(nba_gauge_value(NULL), 0);
    assert_int_equal(nba_histogram_count(NULL), 0);
    assert_int_equal(nba_histogram_quantile_us(NULL, 0.5), 0);
    nba_metrics_destroy(NULL);
}

#define ROUNDS 20000

static void *count_rounds(void *context)
{
    struct nba_metrics *metrics = context;
    struct nba_counter *counter = nba_metrics_counter(metrics, "nba_a_total", "A.", NULL, 0);
    struct nba_gauge *gauge = nba_metrics_gauge(metrics, "nba_b_bytes", "B.", NULL, 0);
    struct nba_histogram *h = nba_metrics_histogram(metrics, "nba_t_seconds", "T.", NULL, 0);
    for (int i = 0; i < ROUNDS; i++) {
        nba_counter_add(counter, 1);
        nba_gauge_add(gauge, 1);
        nba_histogram_observe_us(h, i);
    }
    return NULL;
}

static void test_threads_lose_no_count_while_another_scrapes(void **state)
{
    struct nba_metrics *metrics = nba_metrics_create();
    pthread_t threads[4];
    (void)state;
    for (int i = 0; i < 4; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, count_rounds, metrics), 0);
    }
    for (int i = 0; i < 50; i++) {
        free(text_of(metrics));
    }
    for (int i = 0; i < 4; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
    assert_int_equal(nba_counter_value(nba_metrics_counter(metrics, "nba_a_total", "A.", NULL, 0)),
                     4 * ROUNDS);
    assert_int_equal(nba_gauge_value(nba_metrics_gauge(metrics, "nba_b_bytes", "B.", NULL, 0)),
                     4 * ROUNDS);
    assert_int_equal(
        nba_histogram_count(nba_metrics_histogram(metrics, "nba_t_seconds", "T.", NULL, 0)),
        4 * ROUNDS);
    nba_metrics_destroy(metrics);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_counter_and_gauge_stand_in_the_text_with_help_and_type),
        cmocka_unit_test(test_label_values_are_escaped),
        cmocka_unit_test(test_the_same_name_and_labels_are_the_same_series),
        cmocka_unit_test(test_histogram_counts_every_bound_into_its_own_bucket),
        cmocka_unit_test(test_quantile_lies_in_the_bucket_that_holds_it),
        cmocka_unit_test(test_nothing_happens_without_a_registry),
        cmocka_unit_test(test_threads_lose_no_count_while_another_scrapes),
    };
    return cmocka_run_group_tests_name("unit.metrics.metrics", tests, NULL, NULL);
}
