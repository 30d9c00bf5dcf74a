/*
 * The anchored window, cut for training by the rule serving follows (nba/state/hcp.h):
 *
 *   start(n) = max(0, (floor(n / W) - 1) * W)
 *
 * The recurrent state that predicts content n of a sequence has run from zero over start(n)..n-1.
 * So the contents of a sequence fall into runs that share their start, and each run is one training
 * sequence whose first W contents only warm up (the first run has none):
 *
 *   run 0   contents 0 .. 2W-1          targets 1 .. 2W-1         (start 0)
 *   run k   contents kW .. (k+2)W-1     targets (k+1)W .. (k+2)W-1 (start kW)
 *
 * The ring holds R >= 2W events, so it never shortens a window.
 */
#ifndef NBA_TRAIN_WINDOW_H
#define NBA_TRAIN_WINDOW_H

#include <stddef.h>
#include <stdint.h>

struct nba_window {
    uint32_t start;     /* first content of the run */
    uint32_t count;     /* contents */
    uint32_t loss_from; /* first target, relative to start */
};

static inline uint32_t nba_window_start(uint32_t n, uint32_t window_events)
{
    const uint32_t block = n / window_events;
    return block > 1 ? (block - 1) * window_events : 0;
}

/* How many runs a sequence of `length` contents has: those with at least one target. */
static inline uint32_t nba_window_count(uint32_t length, uint32_t window_events)
{
    if (length < 2) {
        return 0;
    }
    return length <= 2 * window_events ? 1 : (length - 1) / window_events;
}

static inline struct nba_window nba_window_at(uint32_t index, uint32_t length,
                                              uint32_t window_events)
{
    const uint32_t start = index * window_events;
    const uint32_t left = length - start;
    return (struct nba_window){
        .start = start,
        .count = left < 2 * window_events ? left : 2 * window_events,
        .loss_from = index == 0 ? 1 : window_events,
    };
}

#endif
