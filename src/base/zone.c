/*
 * A zone is a list of instants at which its offset changes, and a rule for all that comes later.
 * Zones lie in a table of pointers that only ever fills: readers need no lock, a writer has one.
 */
#include "nba/base/zone.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "nba/base/assert.h"
#include "nba/base/buf.h"
#include "nba/base/hash.h"
#include "nba/base/memory.h"
#include "nba/base/str_put.h"

#define ZONE_FOLDER         "/usr/share/zoneinfo"
#define PATH_BYTES_MAX      4096u
#define FILE_BYTES_MAX      65536u /* the largest of the database has 3.6 KB */
#define VERSION_BYTES       32u
#define TZIF_RESERVED_BYTES 15u
/* The database has some 600 names; what doesn't exist is remembered too, up to here. */
#define SLOTS       2048u
#define ENTRIES_MAX 1536u
#define DAY_S       86400

/* A day of the year and a wall clock time, as POSIX TZ writes them. */
struct rule {
    char form; /* 'M' month, week, weekday; 'J' day 1..365 without leap days; 'n' day 0..365 */
    int32_t month, week, day; /* weekday: 0 Sunday */
    int32_t at_s;
};

struct change {
    int64_t from_s; /* instant */
    int32_t offset_s;
};

struct nba_zone {
    char name[NBA_ZONE_NAME_BYTES_MAX + 1];
    bool known;
    int32_t first_s;        /* offset before the first change */
    struct change *changes; /* by instant */
    uint32_t change_count;
    bool has_rule; /* from the last change on */
    bool has_dst;
    int32_t standard_s, dst_s;
    struct rule start, end; /* of daylight saving time */
};

/* ---- the rule ---- */

/* Reads "[+-]h[h[h]][:mm[:ss]]" in seconds. */
static bool take_time(const char **text, int32_t *ret_s)
{
    const int32_t sign = **text == '-' ? -1 : 1;
    *text += **text == '-' || **text == '+';
    int32_t sum = 0;
    int32_t unit = 3600;
    do {
        int32_t number = 0;
        const char *first = *text;
        for (; **text >= '0' && **text <= '9' && *text - first < 3; (*text)++) {
            number = number * 10 + (**text - '0');
        }
        if (*text == first) {
            return false;
        }
        sum += number * unit;
        unit /= 60;
    } while (**text == ':' && unit > 0 && (*text)++ != NULL);
    *ret_s = sign * sum;
    return true;
}

/* "EST" or "<-03>" */
static bool take_name(const char **text)
{
    const char *first = *text;
    if (**text == '<') {
        while (**text != '\0' && **text != '>') {
            (*text)++;
        }
        return *(*text)++ == '>';
    }
    while ((**text >= 'A' && **text <= 'Z') || (**text >= 'a' && **text <= 'z')) {
        (*text)++;
    }
    return *text > first;
}

static bool take_rule(const char **text, struct rule *rule)
{
    int used = 0;
    *rule = (struct rule){.form = 'n', .at_s = 2 * 3600};
    if (sscanf(*text, ",M%2d.%1d.%1d%n", &rule->month, &rule->week, &rule->day, &used) == 3) {
        rule->form = 'M';
    } else if (sscanf(*text, ",J%3d%n", &rule->day, &used) == 1) {
        rule->form = 'J';
    } else if (sscanf(*text, ",%3d%n", &rule->day, &used) != 1) {
        return false;
    }
    *text += used;
    const bool month = rule->month >= 1 && rule->month <= 12 && rule->week >= 1 &&
                       rule->week <= 5 && rule->day >= 0 && rule->day <= 6;
    const bool right = rule->form == 'M' ? month : rule->day >= 0 && rule->day <= 365;
    return right && (**text != '/' || ((*text)++ != NULL && take_time(text, &rule->at_s)));
}

/* "EST5EDT,M3.2.0,M11.1.0"; signs are west of Greenwich. */
static bool read_rule(const char *text, struct nba_zone *zone)
{
    if (!take_name(&text) || !take_time(&text, &zone->standard_s)) {
        return false;
    }
    zone->standard_s = -zone->standard_s;
    zone->has_rule = true;
    if (*text == '\0') {
        return true;
    }
    zone->has_dst = true;
    zone->dst_s = zone->standard_s + 3600;
    if (!take_name(&text)) {
        return false;
    }
    if (*text != ',') {
        if (!take_time(&text, &zone->dst_s)) {
            return false;
        }
        zone->dst_s = -zone->dst_s;
    }
    return take_rule(&text, &zone->start) && take_rule(&text, &zone->end) && *text == '\0';
}

/* The wall clock of the rule in this year, as if it were UTC. */
static int64_t wall_of_rule(const struct rule *rule, int32_t year)
{
    struct nba_local day = {.year = year, .month = 1, .day = 1};
    const bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    int64_t s = nba_local_ms(&day) / 1000;
    if (rule->form != 'M') {
        const bool behind_leap_day = rule->form == 'J' && leap && rule->day >= 60;
        return s + (rule->day - (rule->form == 'J') + behind_leap_day) * INT64_C(86400) +
               rule->at_s;
    }
    day.month = (uint8_t)rule->month;
    s = nba_local_ms(&day) / 1000;
    const int32_t first = (nba_local_of(s * 1000).weekday + 1) % 7; /* 0 Sunday */
    s += ((rule->day - first + 7) % 7 + (rule->week - 1) * 7) * (int64_t)DAY_S;
    while (nba_local_of(s * 1000).month != day.month) {
        s -= 7 * (int64_t)DAY_S; /* week 5: the last */
    }
    return s + rule->at_s;
}

static int32_t offset_by_rule(const struct nba_zone *zone, int64_t utc_s)
{
    if (!zone->has_dst) {
        return zone->standard_s;
    }
    const int32_t year = nba_local_of((utc_s + zone->standard_s) * 1000).year;
    const int64_t start = wall_of_rule(&zone->start, year) - zone->standard_s;
    const int64_t end = wall_of_rule(&zone->end, year) - zone->dst_s;
    const bool dst = start < end ? utc_s >= start && utc_s < end : utc_s >= start || utc_s < end;
    return dst ? zone->dst_s : zone->standard_s;
}

static int32_t offset_at(const struct nba_zone *zone, int64_t utc_s)
{
    uint32_t low = 0; /* changes up to utc_s */
    uint32_t high = zone->change_count;
    while (low < high) {
        const uint32_t middle = low + (high - low) / 2;
        if (zone->changes[middle].from_s <= utc_s) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    if (low == zone->change_count && zone->has_rule) {
        return offset_by_rule(zone, utc_s);
    }
    return low == 0 ? zone->first_s : zone->changes[low - 1].offset_s;
}

/* ---- files ---- */

static int64_t take_number(struct nba_cursor *cursor, size_t bytes)
{
    uint64_t value = cursor->next < cursor->end && (*cursor->next & 0x80) != 0 ? UINT64_MAX : 0;
    for (size_t i = 0; i < bytes; i++) {
        value = value << 8 | nba_cursor_byte(cursor);
    }
    return (int64_t)value;
}

struct header {
    size_t ut_count, standard_count, leap_count, time_count, type_count, char_count;
};

static bool take_header(struct nba_cursor *cursor, struct header *header)
{
    const struct nba_str magic = nba_cursor_take(cursor, 4);
    const uint8_t version = nba_cursor_byte(cursor);
    (void)nba_cursor_take(cursor, TZIF_RESERVED_BYTES);
    size_t *const counts[] = {&header->ut_count,   &header->standard_count, &header->leap_count,
                              &header->time_count, &header->type_count,     &header->char_count};
    bool right = nba_str_is(magic, "TZif") && version >= '2';
    for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
        const int64_t count = take_number(cursor, 4);
        right = right && count >= 0 && count <= (int64_t)FILE_BYTES_MAX;
        *counts[i] = right ? (size_t)count : 0;
    }
    return right && !cursor->failed;
}

static bool read_zone(struct nba_str bytes, struct nba_zone *zone)
{
    struct nba_cursor cursor = nba_cursor(bytes.data, bytes.bytes);
    struct header h;
    if (!take_header(&cursor, &h)) {
        return false;
    }
    (void)nba_cursor_take(&cursor, h.time_count * 5 + h.type_count * 6 + h.char_count +
                                       h.leap_count * 8 + h.standard_count + h.ut_count);
    if (!take_header(&cursor, &h) || h.type_count == 0 || h.leap_count != 0) {
        return false;
    }
    struct nba_cursor times = cursor;
    (void)nba_cursor_take(&cursor, h.time_count * 8);
    const struct nba_str kinds = nba_cursor_take(&cursor, h.time_count);
    const struct nba_str types = nba_cursor_take(&cursor, h.type_count * 6);
    (void)nba_cursor_take(&cursor, h.char_count + h.standard_count + h.ut_count + 1);
    const struct nba_str footer = nba_cursor_take(&cursor, nba_cursor_left(&cursor));
    if (cursor.failed || footer.bytes == 0 || footer.data[footer.bytes - 1] != '\n') {
        return false;
    }
    zone->changes = nba_zeros(h.time_count + 1, sizeof(*zone->changes));
    zone->change_count = (uint32_t)h.time_count;
    for (size_t i = 0; i <= h.time_count; i++) {
        const size_t kind = i == 0 ? 0 : (unsigned char)kinds.data[i - 1];
        if (kind >= h.type_count) {
            return false;
        }
        struct nba_cursor type = nba_cursor(types.data + kind * 6, 6);
        const int32_t offset_s = (int32_t)take_number(&type, 4);
        if (offset_s <= -2 * DAY_S || offset_s >= 2 * DAY_S) {
            return false;
        }
        if (i == 0) {
            zone->first_s = offset_s;
        } else {
            zone->changes[i - 1] = (struct change){take_number(&times, 8), offset_s};
        }
    }
    char rule[FILE_BYTES_MAX];
    *nba_str_put(rule, nba_str(footer.data, footer.bytes - 1)) = '\0';
    return rule[0] == '\0' || read_rule(rule, zone);
}

/* The database's own links are followed; how many bytes there are, 0 if none can be had. */
static size_t read_file(const char *name, char bytes[FILE_BYTES_MAX])
{
    char path[PATH_BYTES_MAX];
    const char *folder = getenv("TZDIR");
    const int length = snprintf(path, sizeof(path), "%s/%s",
                                folder != NULL && *folder != '\0' ? folder : ZONE_FOLDER, name);
    const bool fits = length > 0 && (size_t)length < sizeof(path);
    const int fd = fits ? open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK) : -1;
    if (fd < 0) {
        return 0;
    }
    size_t have = 0;
    ssize_t got = 1;
    while (have < FILE_BYTES_MAX && got > 0) {
        got = read(fd, bytes + have, FILE_BYTES_MAX - have);
        have += got > 0 ? (size_t)got : 0;
    }
    (void)close(fd);
    return got < 0 ? 0 : have;
}

/* Every part of a name begins with a capital letter and has no dot: no path of another kind, no
 * "right/" (which counts leap seconds), no "localtime". */
static bool is_name(struct nba_str name)
{
    bool begins = true;
    for (size_t i = 0; i < name.bytes; i++) {
        const char c = name.data[i];
        const bool capital = c >= 'A' && c <= 'Z';
        const bool other = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' ||
                           c == '-' || c == '+' || c == '/';
        if (begins ? !capital : !capital && !other) {
            return false;
        }
        begins = c == '/';
    }
    return !begins && name.bytes <= NBA_ZONE_NAME_BYTES_MAX;
}

/* ---- the table ---- */

static struct nba_zone *_Atomic slots[SLOTS];
static uint32_t entry_count;
static pthread_mutex_t filling = PTHREAD_MUTEX_INITIALIZER;

/* The name's slot, or the empty one where it would stand. */
static struct nba_zone *_Atomic *slot_of(struct nba_str name)
{
    size_t i = nba_xxh64(name.data, name.bytes) % SLOTS;
    for (;;) {
        const struct nba_zone *zone = atomic_load_explicit(&slots[i], memory_order_acquire);
        if (zone == NULL || nba_str_is(name, zone->name)) {
            return &slots[i];
        }
        i = (i + 1) % SLOTS;
    }
}

static struct nba_zone *load(struct nba_str name)
{
    char *bytes = nba_zeros(FILE_BYTES_MAX, 1);
    struct nba_zone *zone = nba_zeros(1, sizeof(*zone));
    (void)nba_str_put(zone->name, name);
    zone->known = read_zone(nba_str(bytes, read_file(zone->name, bytes)), zone);
    free(bytes);
    return zone;
}

const struct nba_zone *nba_zone_find(struct nba_str name)
{
    if (!is_name(name)) {
        return NULL;
    }
    struct nba_zone *zone = atomic_load_explicit(slot_of(name), memory_order_acquire);
    if (zone == NULL) {
        (void)pthread_mutex_lock(&filling);
        struct nba_zone *_Atomic *slot = slot_of(name);
        zone = atomic_load_explicit(slot, memory_order_relaxed);
        if (zone == NULL) {
            zone = load(name);
            if (zone->known || entry_count < ENTRIES_MAX) {
                NBA_ASSERT(entry_count < SLOTS - 1); /* the database has 600 names */
                atomic_store_explicit(slot, zone, memory_order_release);
                entry_count++;
            } else {
                free(zone->changes);
                free(zone);
                zone = NULL;
            }
        }
        (void)pthread_mutex_unlock(&filling);
    }
    return zone != NULL && zone->known ? zone : NULL;
}

const char *nba_zone_name(const struct nba_zone *zone)
{
    return zone->name;
}

/* ---- clocks ---- */

static int64_t floor_s(int64_t ms)
{
    return ms / 1000 - (ms % 1000 < 0);
}

struct nba_local nba_zone_local(const struct nba_zone *zone, int64_t utc_ms)
{
    return nba_local_of(utc_ms + offset_at(zone, floor_s(utc_ms)) * INT64_C(1000));
}

int64_t nba_zone_utc(const struct nba_zone *zone, const struct nba_local *local)
{
    const int64_t wall_ms = nba_local_ms(local);
    const int64_t wall_s = floor_s(wall_ms);
    const int32_t before = offset_at(zone, wall_s - DAY_S);
    const int32_t after = offset_at(zone, wall_s + DAY_S);
    if (offset_at(zone, wall_s - before) == before) {
        return wall_ms - before * INT64_C(1000); /* the earlier one, where there are two */
    }
    if (offset_at(zone, wall_s - after) == after) {
        return wall_ms - after * INT64_C(1000);
    }
    int64_t low = wall_s - after; /* still the old offset; the change is behind it... */
    int64_t high = wall_s - before;
    while (high - low > 1) {
        const int64_t middle = low + (high - low) / 2;
        if (offset_at(zone, middle) == before) {
            low = middle;
        } else {
            high = middle; /* ...and not behind this */
        }
    }
    return high * 1000;
}

static char data_version[VERSION_BYTES];
static pthread_once_t version_once = PTHREAD_ONCE_INIT;

/* "# version 2025b" begins tzdata.zi; other builds of the database have it in +VERSION. */
static void read_version(void)
{
    static const char *const files[] = {"tzdata.zi", "+VERSION"};
    char *bytes = nba_zeros(FILE_BYTES_MAX + 1, 1);
    (void)nba_str_put(data_version, nba_str_of("unknown"));
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        char version[VERSION_BYTES] = "";
        bytes[read_file(files[i], bytes)] = '\0';
        const char *from = bytes + (i == 0 && strncmp(bytes, "# version ", 10) == 0 ? 10 : 0);
        if (sscanf(from, "%31[0-9a-z]", version) == 1) {
            *nba_str_put(data_version, nba_str_of(version)) = '\0';
            break;
        }
    }
    free(bytes);
}

const char *nba_zone_data_version(void)
{
    (void)pthread_once(&version_once, read_version);
    return data_version;
}
