/*
 * How far long work is, on standard error: one line that rewrites itself on a terminal, a log line
 * every ten seconds otherwise, nothing for work that is done sooner.
 */
#ifndef NBA_APP_TICKER_H
#define NBA_APP_TICKER_H

#include <stdbool.h>
#include <stdint.h>

struct nba_ticker {
    const char *what; /* "events" */
    uint64_t total;   /* 0: unknown */
    int64_t began_us;
    int64_t shown_us;
    bool terminal;
    bool shown;
};

void nba_ticker_begin(struct nba_ticker *progress, const char *what, uint64_t total);
/* Cheap: call it as often as you like. */
void nba_ticker_at(struct nba_ticker *progress, uint64_t done);
/* Takes the line away on a terminal. */
void nba_ticker_end(struct nba_ticker *progress);
double nba_ticker_seconds(const struct nba_ticker *progress);

#endif
