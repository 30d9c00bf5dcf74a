/* The system's clocks, the only place that asks for them. */
#include "nba/base/clock.h"

#include <stddef.h>
#include <time.h>

static int64_t system_wall_ms(void *context)
{
    struct timespec now;
    (void)context;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int64_t system_monotonic_us(void *context)
{
    struct timespec now;
    (void)context;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

const struct nba_clock nba_clock_system = {system_wall_ms, system_monotonic_us, NULL};
