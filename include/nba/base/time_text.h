/*
 * Times and durations as text: RFC 3339 instants in UTC and ISO 8601 durations.
 *
 * UNITS.  Milliseconds since 1970-01-01T00:00:00Z.  Proleptic Gregorian calendar, no leap seconds.
 * A duration in months or years (P24M, P3Y) has no fixed length: it is kept as months and
 * milliseconds and is applied to an instant by calendar arithmetic (the day is clamped).
 */
#ifndef NBA_BASE_TIME_TEXT_H
#define NBA_BASE_TIME_TEXT_H

#include <stdbool.h>
#include <stdint.h>

#include "nba/base/str.h"

#define NBA_TIME_TEXT_BYTES 32u /* "2026-11-20T15:30:00.000Z" with its NUL, and room */
#define NBA_HOUR_MS         (INT64_C(3600) * 1000)
#define NBA_DAY_MS          (24 * NBA_HOUR_MS)

/* What calendar and clock show, in UTC or in a zone (zone.h). */
struct nba_local {
    int32_t year;
    uint8_t month, day; /* from 1 */
    uint8_t hour, minute, second;
    uint16_t ms;
    uint8_t weekday; /* 0 Monday .. 6 Sunday */
};
struct nba_local nba_local_of(int64_t ms);
int64_t nba_local_ms(const struct nba_local *local); /* `weekday` is not looked at */

struct nba_duration {
    int32_t months;
    int64_t ms;
};

/* "2026-11-20T15:30:00Z", optional fraction of 1-9 digits (kept to the ms), or "+hh:mm" in place
 * of Z, or a date alone (midnight UTC).  False: not such a text, *ret_ms untouched. */
bool nba_time_parse(struct nba_str text, int64_t *ret_ms);
/* "2026-11-20T15:30:00Z", with ".123" when the milliseconds aren't 0. */
void nba_time_format(int64_t ms, char ret_text[NBA_TIME_TEXT_BYTES]);

/* "P90D", "PT72H", "P2W", "P24M", "PT0.5S"...; at least one part, no sign. */
bool nba_duration_parse(struct nba_str text, struct nba_duration *ret_duration);
int64_t nba_duration_add(int64_t ms, struct nba_duration duration);
int64_t nba_duration_subtract(int64_t ms, struct nba_duration duration);

#endif
