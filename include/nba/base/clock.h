/*
 * Time, handed in.  Nothing below app reads the system's clocks on its own.
 *
 * UNITS.  Wall time is milliseconds since 1970-01-01T00:00:00Z without leap seconds; monotonic time
 * is microseconds since some fixed moment, for time-outs and latencies only.
 */
#ifndef NBA_BASE_CLOCK_H
#define NBA_BASE_CLOCK_H

#include <stdint.h>

struct nba_clock {
    int64_t (*wall_ms)(void *context);
    int64_t (*monotonic_us)(void *context);
    void *context;
};

/* The machine's own clocks. */
extern const struct nba_clock nba_clock_system;

static inline int64_t nba_clock_wall_ms(const struct nba_clock *clock)
{
    return clock->wall_ms(clock->context);
}

static inline int64_t nba_clock_monotonic_us(const struct nba_clock *clock)
{
    return clock->monotonic_us(clock->context);
}

#endif
