/* Days, weeks and months of a time zone. */
#include "policy_internal.h"

static int64_t utc_of(const struct nba_zone *zone, int64_t wall_ms)
{
    const struct nba_local local = nba_local_of(wall_ms);
    return nba_zone_utc(zone, &local);
}

struct window nba_policy_calendar(enum calendar calendar, const struct nba_zone *zone,
                                  int64_t time_ms)
{
    struct nba_local first = nba_zone_local(zone, time_ms);
    const int64_t weekday_ms = first.weekday * NBA_DAY_MS;
    first.hour = 0;
    first.minute = 0;
    first.second = 0;
    first.ms = 0;
    first.day = calendar == CALENDAR_MONTH ? 1 : first.day;
    const int64_t wall_ms = nba_local_ms(&first) - (calendar == CALENDAR_WEEK ? weekday_ms : 0);
    const struct nba_duration length = {.months = calendar == CALENDAR_MONTH,
                                        .ms = calendar == CALENDAR_DAY    ? NBA_DAY_MS
                                              : calendar == CALENDAR_WEEK ? 7 * NBA_DAY_MS
                                                                          : 0};
    return (struct window){utc_of(zone, wall_ms), utc_of(zone, nba_duration_add(wall_ms, length))};
}
