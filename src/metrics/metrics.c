/* One list of series, those of a name side by side, under a lock that only registration and
 * exposition take; a series never moves while someone counts on it. */
#include "nba/metrics/metrics.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nba/base/assert.h"
#include "nba/base/memory.h"

/* Upper bounds in microseconds: 1, 1.5, 2, 3, 5, 7 a decade from 10 us to 10 s.  Fine enough that
 * an interpolated p99 is within a fifth of the true one, few enough for a scrape. */
static const uint64_t bucket_us_max[] = {
    10,      15,      20,      30,      50,      70,      100,     150,    200,    300,
    500,     700,     1000,    1500,    2000,    3000,    5000,    7000,   10000,  15000,
    20000,   30000,   50000,   70000,   100000,  150000,  200000,  300000, 500000, 700000,
    1000000, 1500000, 2000000, 3000000, 5000000, 7000000, 10000000};

#define LABELS_BYTES_MAX 65536u
#define BUCKET_COUNT     (sizeof(bucket_us_max) / sizeof(bucket_us_max[0]))

struct nba_counter {
    _Atomic uint64_t value;
};

struct nba_gauge {
    _Atomic int64_t value;
};

struct nba_histogram {
    _Atomic uint64_t bucket[BUCKET_COUNT + 1]; /* the last one: above every bound */
    _Atomic uint64_t sum_us;
};

enum kind { KIND_COUNTER, KIND_GAUGE, KIND_HISTOGRAM };

static const char *const kind_names[] = {"counter", "gauge", "histogram"};

struct series {
    struct series *next;
    char *name;
    char *help;
    enum kind kind;
    char *labels; /* `a="b",c="d"`, escaped; empty without labels */
    union {
        struct nba_counter counter;
        struct nba_gauge gauge;
        struct nba_histogram histogram;
    } as;
};

struct nba_metrics {
    pthread_mutex_t lock;
    struct series *first;
};

struct nba_metrics *nba_metrics_create(void)
{
    struct nba_metrics *metrics = nba_zeros(1, sizeof(*metrics));
    const int failed = pthread_mutex_init(&metrics->lock, NULL);
    NBA_ASSERT(failed == 0);
    return metrics;
}

void nba_metrics_destroy(struct nba_metrics *metrics)
{
    while (metrics != NULL && metrics->first != NULL) {
        struct series *series = metrics->first;
        metrics->first = series->next;
        free(series->labels);
        free(series->name);
        free(series->help);
        free(series);
    }
    if (metrics != NULL) {
        (void)pthread_mutex_destroy(&metrics->lock);
    }
    free(metrics);
}

/* Backslash, line feed and, in label values, the double quote are escaped. */
static void append_escaped(struct nba_buf *buf, const char *text, bool quote)
{
    for (const char *at = text; *at != '\0'; at++) {
        if (*at == '\n' || *at == '\\' || (quote && *at == '"')) {
            nba_buf_append_byte(buf, '\\');
        }
        nba_buf_append_byte(buf, (unsigned char)(*at == '\n' ? 'n' : *at));
    }
}

/* The labels as they stand between the braces. */
static char *labels_text(const struct nba_label *labels, size_t label_count)
{
    struct nba_buf buf;
    NBA_ASSERT(label_count <= NBA_LABELS_MAX);
    nba_buf_init(&buf, LABELS_BYTES_MAX);
    for (size_t i = 0; i < label_count; i++) {
        nba_buf_printf(&buf, "%s%s=\"", i == 0 ? "" : ",", labels[i].name);
        append_escaped(&buf, labels[i].value, true);
        nba_buf_append_byte(&buf, '"');
    }
    nba_buf_append_byte(&buf, '\0');
    NBA_ASSERT(!buf.failed);
    return (char *)buf.data;
}

static struct series *get_series(struct nba_metrics *metrics, enum kind kind, const char *name,
                                 const char *help, const struct nba_label *labels,
                                 size_t label_count)
{
    if (metrics == NULL) {
        return NULL;
    }
    char *text = labels_text(labels, label_count);
    (void)pthread_mutex_lock(&metrics->lock);
    struct series **behind = NULL; /* the last one of this name */
    struct series **link = &metrics->first;
    for (; *link != NULL; link = &(*link)->next) {
        if (strcmp((*link)->name, name) == 0) {
            NBA_ASSERT((*link)->kind == kind);
            if (strcmp((*link)->labels, text) == 0) {
                break;
            }
            behind = &(*link)->next;
        }
    }
    struct series *series = *link;
    if (series == NULL) {
        link = behind != NULL ? behind : link;
        series = nba_zeros(1, sizeof(*series));
        series->name = nba_copy(name);
        series->help = nba_copy(help);
        series->kind = kind;
        series->labels = text;
        series->next = *link;
        *link = series;
        text = NULL;
    }
    (void)pthread_mutex_unlock(&metrics->lock);
    free(text);
    return series;
}

struct nba_counter *nba_metrics_counter(struct nba_metrics *metrics, const char *name,
                                        const char *help, const struct nba_label *labels,
                                        size_t label_count)
{
    struct series *series = get_series(metrics, KIND_COUNTER, name, help, labels, label_count);
    return series != NULL ? &series->as.counter : NULL;
}

struct nba_gauge *nba_metrics_gauge(struct nba_metrics *metrics, const char *name, const char *help,
                                    const struct nba_label *labels, size_t label_count)
{
    struct series *series = get_series(metrics, KIND_GAUGE, name, help, labels, label_count);
    return series != NULL ? &series->as.gauge : NULL;
}

struct nba_histogram *nba_metrics_histogram(struct nba_metrics *metrics, const char *name,
                                            const char *help, const struct nba_label *labels,
                                            size_t label_count)
{
    struct series *series = get_series(metrics, KIND_HISTOGRAM, name, help, labels, label_count);
    return series != NULL ? &series->as.histogram : NULL;
}

void nba_counter_add(struct nba_counter *counter, uint64_t n)
{
    if (counter != NULL) {
        atomic_fetch_add_explicit(&counter->value, n, memory_order_relaxed);
    }
}

uint64_t nba_counter_value(const struct nba_counter *counter)
{
    return counter != NULL ? atomic_load_explicit(&counter->value, memory_order_relaxed) : 0;
}

void nba_gauge_add(struct nba_gauge *gauge, int64_t delta)
{
    if (gauge != NULL) {
        atomic_fetch_add_explicit(&gauge->value, delta, memory_order_relaxed);
    }
}

int64_t nba_gauge_value(const struct nba_gauge *gauge)
{
    return gauge != NULL ? atomic_load_explicit(&gauge->value, memory_order_relaxed) : 0;
}

/* The first bucket whose bound is not below `us`. */
static size_t bucket_of(uint64_t us)
{
    size_t low = 0;
    size_t high = BUCKET_COUNT;
    while (low < high) {
        const size_t middle = (low + high) / 2;
        if (bucket_us_max[middle] < us) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

void nba_histogram_observe_us(struct nba_histogram *histogram, int64_t us)
{
    if (histogram == NULL) {
        return;
    }
    const uint64_t positive = us > 0 ? (uint64_t)us : 0;
    atomic_fetch_add_explicit(&histogram->bucket[bucket_of(positive)], 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&histogram->sum_us, positive, memory_order_relaxed);
}

uint64_t nba_histogram_count(const struct nba_histogram *histogram)
{
    uint64_t count = 0;
    if (histogram != NULL) {
        for (size_t i = 0; i <= BUCKET_COUNT; i++) {
            count += atomic_load_explicit(&histogram->bucket[i], memory_order_relaxed);
        }
    }
    return count;
}

uint64_t nba_histogram_quantile_us(const struct nba_histogram *histogram, double q)
{
    const uint64_t count = nba_histogram_count(histogram);
    if (count == 0) {
        return 0;
    }
    const double wanted = q * (double)count;
    double before = 0;
    for (size_t i = 0; i < BUCKET_COUNT; i++) {
        const double in = (double)atomic_load_explicit(&histogram->bucket[i], memory_order_relaxed);
        if (in > 0 && before + in >= wanted) {
            const double low = i == 0 ? 0 : (double)bucket_us_max[i - 1];
            const double part = wanted > before ? (wanted - before) / in : 0;
            return (uint64_t)(low + ((double)bucket_us_max[i] - low) * part);
        }
        before += in;
    }
    return bucket_us_max[BUCKET_COUNT - 1];
}

static void write_name(struct nba_buf *buf, const char *part, const struct series *series)
{
    nba_buf_printf(buf, *series->labels != '\0' ? "%s%s{%s} " : "%s%s%s ", series->name, part,
                   series->labels);
}

/* Buckets are cumulative; the sum is read after them, so a scrape may see it a little ahead. */
static void write_histogram(struct nba_buf *buf, const struct series *series)
{
    const struct nba_histogram *histogram = &series->as.histogram;
    const char *comma = *series->labels != '\0' ? "," : "";
    uint64_t count = 0;
    for (size_t i = 0; i <= BUCKET_COUNT; i++) {
        char bound[32] = "+Inf";
        if (i < BUCKET_COUNT) {
            (void)snprintf(bound, sizeof(bound), "%g", (double)bucket_us_max[i] / 1e6);
        }
        count += atomic_load_explicit(&histogram->bucket[i], memory_order_relaxed);
        nba_buf_printf(buf, "%s_bucket{%s%sle=\"%s\"} %" PRIu64 "\n", series->name, series->labels,
                       comma, bound, count);
    }
    const uint64_t sum_us = atomic_load_explicit(&histogram->sum_us, memory_order_relaxed);
    write_name(buf, "_sum", series);
    nba_buf_printf(buf, "%.6f\n", (double)sum_us / 1e6);
    write_name(buf, "_count", series);
    nba_buf_printf(buf, "%" PRIu64 "\n", count);
}

void nba_metrics_write(struct nba_metrics *metrics, struct nba_buf *buf)
{
    if (metrics == NULL) {
        return;
    }
    const char *name = "";
    (void)pthread_mutex_lock(&metrics->lock);
    for (const struct series *series = metrics->first; series != NULL; series = series->next) {
        if (strcmp(series->name, name) != 0) {
            name = series->name;
            nba_buf_printf(buf, "# HELP %s ", name);
            append_escaped(buf, series->help, false);
            nba_buf_printf(buf, "\n# TYPE %s %s\n", name, kind_names[series->kind]);
        }
        if (series->kind == KIND_HISTOGRAM) {
            write_histogram(buf, series);
            continue;
        }
        write_name(buf, "", series);
        if (series->kind == KIND_COUNTER) {
            nba_buf_printf(buf, "%" PRIu64 "\n", nba_counter_value(&series->as.counter));
        } else {
            nba_buf_printf(buf, "%" PRId64 "\n", nba_gauge_value(&series->as.gauge));
        }
    }
    (void)pthread_mutex_unlock(&metrics->lock);
}
