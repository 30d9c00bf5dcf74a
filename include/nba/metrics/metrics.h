/*
 * Metrics: counters, gauges and latency histograms, and their Prometheus text.
 *
 * A registry holds series; a series is a name with its labels.  Everything is registered at start
 * (or when a partition arrives) and counted with relaxed atomics afterwards: no lock, no allocation
 * on the event path.
 *
 *     struct nba_counter *read = nba_metrics_counter(metrics, "nba_events_read_total",
 *                                                    "Records taken from the input.", NULL, 0);
 *     nba_counter_add(read, 1);
 *
 * FORMAT.  Prometheus text exposition 0.0.4: one HELP and TYPE a name, label values escaped.
 *
 * NAMES.  [a-z_][a-z0-9_]*, begin with nba_; a counter ends in _total, a histogram in _seconds, a
 * gauge says its unit last (nba_cache_bytes).  Label values never hold an HCP id or a payload.
 *
 * OWNERSHIP.  Series belong to their registry and live as long as it; asking again for the same
 * name and labels gives the same series.  A NULL registry gives NULL series, and counting on NULL
 * does nothing, so a module without metrics needs no branch.
 *
 * THREADS.  Every function may be called by any thread.
 */
#ifndef NBA_METRICS_METRICS_H
#define NBA_METRICS_METRICS_H

#include <stddef.h>
#include <stdint.h>

#include "nba/base/buf.h"

struct nba_metrics;
struct nba_counter;
struct nba_gauge;
struct nba_histogram;

struct nba_label {
    const char *name;
    const char *value; /* copied; any text */
};

#define NBA_LABELS_MAX 4u

struct nba_metrics *nba_metrics_create(void);
void nba_metrics_destroy(struct nba_metrics *metrics);

/* A series of that kind; NULL when `metrics` is NULL.  The same name under two
 * kinds is a bug. */
struct nba_counter *nba_metrics_counter(struct nba_metrics *metrics, const char *name,
                                        const char *help, const struct nba_label *labels,
                                        size_t label_count);
struct nba_gauge *nba_metrics_gauge(struct nba_metrics *metrics, const char *name, const char *help,
                                    const struct nba_label *labels, size_t label_count);
struct nba_histogram *nba_metrics_histogram(struct nba_metrics *metrics, const char *name,
                                            const char *help, const struct nba_label *labels,
                                            size_t label_count);

void nba_counter_add(struct nba_counter *counter, uint64_t n);
uint64_t nba_counter_value(const struct nba_counter *counter);

void nba_gauge_add(struct nba_gauge *gauge, int64_t delta);
int64_t nba_gauge_value(const struct nba_gauge *gauge);

/* One duration in microseconds; a negative one (a clock stepped back) counts as 0. */
void nba_histogram_observe_us(struct nba_histogram *histogram, int64_t us);
uint64_t nba_histogram_count(const struct nba_histogram *histogram);
/* The q-quantile (0..1) in microseconds, interpolated inside its bucket; 0 when empty. */
uint64_t nba_histogram_quantile_us(const struct nba_histogram *histogram, double q);

/* Appends every series as Prometheus text, by name in order of registration. */
void nba_metrics_write(struct nba_metrics *metrics, struct nba_buf *buf);

#endif
