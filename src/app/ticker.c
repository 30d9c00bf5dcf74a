/* Reads the clock at each call: 25 ns, nothing beside what is counted. */
#include "nba/app/ticker.h"

#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "nba/base/clock.h"

#define TERMINAL_PERIOD_US 200000
#define LOG_PERIOD_US      10000000

static int64_t now_us(void)
{
    return nba_clock_monotonic_us(&nba_clock_system);
}

void nba_ticker_begin(struct nba_ticker *progress, const char *what, uint64_t total)
{
    const int64_t now = now_us();
    *progress = (struct nba_ticker){what, total, now, now, isatty(STDERR_FILENO) != 0, false};
}

double nba_ticker_seconds(const struct nba_ticker *progress)
{
    return (double)(now_us() - progress->began_us) / 1e6;
}

void nba_ticker_at(struct nba_ticker *progress, uint64_t done)
{
    const int64_t now = now_us();
    if (now - progress->shown_us < (progress->terminal ? TERMINAL_PERIOD_US : LOG_PERIOD_US)) {
        return;
    }
    const double seconds = (double)(now - progress->began_us) / 1e6;
    const double rate = seconds > 0 ? (double)done / seconds : 0;
    progress->shown_us = now;
    progress->shown = true;
    (void)fprintf(stderr, "%snba: %" PRIu64 " %s", progress->terminal ? "\r\x1b[K" : "", done,
                  progress->what);
    if (progress->total > 0 && rate > 0) {
        const double left = ((double)progress->total - (double)done) / rate;
        (void)fprintf(stderr, " of %" PRIu64 ", %.0f s left", progress->total, left > 0 ? left : 0);
    }
    (void)fprintf(stderr, ", %.0f/s%s", rate, progress->terminal ? "" : "\n");
    (void)fflush(stderr);
}

void nba_ticker_end(struct nba_ticker *progress)
{
    if (progress->terminal && progress->shown) {
        (void)fprintf(stderr, "\r\x1b[K");
        (void)fflush(stderr);
    }
}
