/*
 * How far long work is, on standard error: one line that rewrites itself on a terminal, a log line
 * every ten seconds otherwise, nothing for work that is done sooner.
 */
#ifndef NBA_APP_PROGRESS_H
#define NBA_APP_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

struct nba_progress {
    const char *what; /* "events" */
    uint64_t total;   /* 0: unknown */
    int64_t began_us;
    int64_t shown_us;
    bool terminal;
    bool shown;
};

void nba_progress_begin(struct nba_progress *progress, const char *what, uint64_t total);
/* Cheap: call it as often as you like. */
void nba_progress_at(struct nba_progress *progress, uint64_t done);
/* Takes the line away on a terminal. */
void nba_progress_end(struct nba_progress *progress);
double nba_progress_seconds(const struct nba_progress *progress);

#endif
