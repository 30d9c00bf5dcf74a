/*
 * Time zones of the IANA database: what a clock on the wall shows, and when it shows it.
 *
 * SOURCE.  TZif files (RFC 9636, version 2 and later: 64-bit data and the footer's POSIX rule for
 * all that lies behind it) in the folder $TZDIR, else /usr/share/zoneinfo.  The wall clock of a
 * decision depends on them, so nba_zone_data_version() goes into the journal.
 *
 * GAPS AND OVERLAPS.  A local time that a change of clocks leaps over means the first instant
 * behind it; one that is shown twice means the earlier instant.
 *
 * CACHE.  A zone is read once and kept until the process ends: after an update of the database a
 * restart takes the new one.  THREADS.  Any.
 */
#ifndef NBA_BASE_ZONE_H
#define NBA_BASE_ZONE_H

#include <stdint.h>

#include "nba/base/str.h"
#include "nba/base/time_text.h"

/* A name of the database has at most three parts of fourteen characters. */
#define NBA_ZONE_NAME_BYTES_MAX 64u

struct nba_zone;

/* "America/New_York"; NULL: no such zone.  Microseconds at the first time, then nanoseconds. */
const struct nba_zone *nba_zone_find(struct nba_str name);

const char *nba_zone_name(const struct nba_zone *zone);

struct nba_local nba_zone_local(const struct nba_zone *zone, int64_t utc_ms);
/* `weekday` is not looked at; the other fields may be out of their range by a day (hour 24). */
int64_t nba_zone_utc(const struct nba_zone *zone, const struct nba_local *local);

/* "2025b", or "unknown" where the folder doesn't say it. */
const char *nba_zone_data_version(void);

#endif
