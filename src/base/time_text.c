/* Days and civil dates by H. Hinnant's algorithms ("chrono-Compatible Low-Level
 * Date Algorithms"). */
#include "nba/base/time_text.h"

#include <stdio.h>

#include "nba/base/assert.h"

static int64_t days_of_civil(int64_t y, int64_t m, int64_t d)
{
    y -= m <= 2;
    const int64_t era = (y >= 0 ? y : y - 399) / 400;
    const int64_t yoe = y - era * 400;
    const int64_t doy = (153 * (m + (m > 2 ? -3 : 9)) + 2) / 5 + d - 1;
    const int64_t doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;
    return era * 146097 + doe - 719468;
}

struct nba_civil nba_civil_of(int64_t ms)
{
    int64_t days = ms / NBA_DAY_MS;
    int64_t rest = ms % NBA_DAY_MS;
    if (rest < 0) {
        rest += NBA_DAY_MS;
        days -= 1;
    }
    const int64_t z = days + 719468;
    const int64_t era = (z >= 0 ? z : z - 146096) / 146097;
    const int64_t doe = z - era * 146097;
    const int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    const int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    const int64_t mp = (5 * doy + 2) / 153;
    const int64_t month = mp < 10 ? mp + 3 : mp - 9;
    int64_t weekday = (days + 3) % 7; /* 1970-01-01 was a Thursday */
    if (weekday < 0) {
        weekday += 7;
    }
    return (struct nba_civil){
        .year = (int32_t)(yoe + era * 400 + (month <= 2)),
        .month = (int32_t)month,
        .day = (int32_t)(doy - (153 * mp + 2) / 5 + 1),
        .hour = (int32_t)(rest / NBA_HOUR_MS),
        .minute = (int32_t)(rest / 60000 % 60),
        .second = (int32_t)(rest / 1000 % 60),
        .ms = (int32_t)(rest % 1000),
        .weekday = (int32_t)weekday,
    };
}

int64_t nba_civil_ms(const struct nba_civil *civil)
{
    return days_of_civil(civil->year, civil->month, civil->day) * NBA_DAY_MS +
           civil->hour * NBA_HOUR_MS + civil->minute * INT64_C(60000) +
           civil->second * INT64_C(1000) + civil->ms;
}

static int32_t days_in_month(int32_t year, int32_t month)
{
    static const int32_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    const bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    NBA_ASSERT(month >= 1 && month <= 12);
    return month == 2 && leap ? 29 : days[month - 1];
}

/* Exactly `count` digits at *next; -1 when they aren't there. */
static int32_t take_digits(struct nba_str *text, size_t count)
{
    int32_t value = 0;
    if (text->bytes < count) {
        return -1;
    }
    for (size_t i = 0; i < count; i++) {
        const char c = text->data[i];
        if (c < '0' || c > '9') {
            return -1;
        }
        value = value * 10 + (c - '0');
    }
    text->data += count;
    text->bytes -= count;
    return value;
}

static bool take_char(struct nba_str *text, char wanted)
{
    if (text->bytes == 0 || text->data[0] != wanted) {
        return false;
    }
    text->data += 1;
    text->bytes -= 1;
    return true;
}

static bool take_fraction(struct nba_str *text, int32_t *ret_ms)
{
    int32_t ms = 0;
    int32_t scale = 100;
    size_t digits = 0;
    while (text->bytes != 0 && text->data[0] >= '0' && text->data[0] <= '9') {
        ms += (text->data[0] - '0') * scale;
        scale /= 10;
        text->data += 1;
        text->bytes -= 1;
        digits += 1;
    }
    *ret_ms = ms;
    return digits >= 1 && digits <= 9;
}

/* "Z" or "+hh:mm"; minutes to subtract. */
static bool take_zone(struct nba_str *text, int32_t *ret_minutes)
{
    if (take_char(text, 'Z')) {
        *ret_minutes = 0;
        return true;
    }
    const bool east = take_char(text, '+');
    if (!east && !take_char(text, '-')) {
        return false;
    }
    const int32_t hour = take_digits(text, 2);
    const bool colon = take_char(text, ':');
    const int32_t minute = take_digits(text, 2);
    if (!colon || hour < 0 || hour > 23 || minute < 0 || minute > 59) {
        return false;
    }
    *ret_minutes = (east ? 1 : -1) * (hour * 60 + minute);
    return true;
}

bool nba_time_parse(struct nba_str text, int64_t *ret_ms)
{
    struct nba_civil civil = {0};
    int32_t zone_minutes = 0;
    civil.year = take_digits(&text, 4);
    if (civil.year < 0 || !take_char(&text, '-')) {
        return false;
    }
    civil.month = take_digits(&text, 2);
    if (civil.month < 1 || civil.month > 12 || !take_char(&text, '-')) {
        return false;
    }
    civil.day = take_digits(&text, 2);
    if (civil.day < 1 || civil.day > days_in_month(civil.year, civil.month)) {
        return false;
    }
    if (text.bytes != 0) {
        if (!take_char(&text, 'T') && !take_char(&text, ' ')) {
            return false;
        }
        civil.hour = take_digits(&text, 2);
        const bool colon = take_char(&text, ':');
        civil.minute = take_digits(&text, 2);
        if (!colon || civil.hour < 0 || civil.hour > 23 || civil.minute < 0 || civil.minute > 59) {
            return false;
        }
        if (take_char(&text, ':')) {
            civil.second = take_digits(&text, 2);
            if (civil.second < 0 || civil.second > 59) {
                return false;
            }
            if (take_char(&text, '.') && !take_fraction(&text, &civil.ms)) {
                return false;
            }
        }
        if (!take_zone(&text, &zone_minutes) || text.bytes != 0) {
            return false;
        }
    }
    *ret_ms = nba_civil_ms(&civil) - zone_minutes * INT64_C(60000);
    return true;
}

void nba_time_format(int64_t ms, char ret_text[NBA_TIME_TEXT_BYTES])
{
    const struct nba_civil c = nba_civil_of(ms);
    char fraction[8] = "";
    if (c.ms != 0) {
        (void)snprintf(fraction, sizeof(fraction), ".%03d", (int)(c.ms % 1000));
    }
    (void)snprintf(ret_text, NBA_TIME_TEXT_BYTES, "%04d-%02d-%02dT%02d:%02d:%02d%sZ", (int)c.year,
                   (int)c.month, (int)c.day, (int)c.hour, (int)c.minute, (int)c.second, fraction);
}

/* A number of at most nine digits, with thousandths when a fraction follows. */
static bool take_amount(struct nba_str *text, int64_t *ret_whole, int32_t *ret_thousandths)
{
    int64_t whole = 0;
    size_t digits = 0;
    while (text->bytes != 0 && text->data[0] >= '0' && text->data[0] <= '9' && digits < 9) {
        whole = whole * 10 + (text->data[0] - '0');
        text->data += 1;
        text->bytes -= 1;
        digits += 1;
    }
    *ret_whole = whole;
    *ret_thousandths = 0;
    return digits != 0 && (!take_char(text, '.') || take_fraction(text, ret_thousandths));
}

bool nba_duration_parse(struct nba_str text, struct nba_duration *ret_duration)
{
    static const char date_units[] = "YMWD";
    static const char time_units[] = "HMS";
    struct nba_duration sum = {0, 0};
    bool in_time = false;
    size_t parts = 0;
    size_t unit_next = 0; /* units come in falling order, each once */
    if (!take_char(&text, 'P')) {
        return false;
    }
    while (text.bytes != 0) {
        if (!in_time && take_char(&text, 'T')) {
            in_time = true;
            unit_next = 0;
            if (text.bytes == 0) {
                return false;
            }
        }
        int64_t whole = 0;
        int32_t thousandths = 0;
        if (!take_amount(&text, &whole, &thousandths) || text.bytes == 0) {
            return false;
        }
        const char *units = in_time ? time_units : date_units;
        const char *found = strchr(units + unit_next, text.data[0]);
        if (found == NULL || *found == '\0' || (thousandths != 0 && *found != 'S')) {
            return false;
        }
        unit_next = (size_t)(found - units) + 1;
        if (in_time) {
            static const int64_t unit_ms[] = {3600000, 60000, 1000};
            sum.ms += whole * unit_ms[found - units] + thousandths;
        } else if (*found == 'Y' || *found == 'M') {
            const int64_t months = *found == 'Y' ? whole * 12 : whole;
            if (months > 12000) {
                return false; /* a thousand years is a slip of the pen */
            }
            sum.months += (int32_t)months;
        } else {
            sum.ms += whole * (*found == 'W' ? 7 : 1) * NBA_DAY_MS;
        }
        (void)take_char(&text, *found);
        parts += 1;
    }
    if (parts == 0) {
        return false;
    }
    *ret_duration = sum;
    return true;
}

static int64_t add_months(int64_t ms, int32_t months)
{
    if (months == 0) {
        return ms;
    }
    struct nba_civil c = nba_civil_of(ms);
    const int64_t index = (int64_t)c.year * 12 + (c.month - 1) + months;
    c.year = (int32_t)(index >= 0 ? index / 12 : (index - 11) / 12);
    c.month = (int32_t)(index - (int64_t)c.year * 12) + 1;
    const int32_t last = days_in_month(c.year, c.month);
    c.day = c.day > last ? last : c.day;
    return nba_civil_ms(&c);
}

int64_t nba_duration_add(int64_t ms, struct nba_duration duration)
{
    return add_months(ms, duration.months) + duration.ms;
}

int64_t nba_duration_subtract(int64_t ms, struct nba_duration duration)
{
    return add_months(ms, -duration.months) - duration.ms;
}
