/* Days and civil dates by H. Hinnant's algorithms ("chrono-Compatible Low-Level
 * Date Algorithms"). */
#include "nba/base/time_text.h"

#include "nba/base/assert.h"
#include "nba/base/compiler.h"
#include "nba/base/str_put.h"

#define TIME_UNIT 4u /* where T stands among a duration's units */

struct civil {
    int32_t year;
    int32_t month; /* 1..12 */
    int32_t day;   /* 1..31 */
    int32_t hour;
    int32_t minute;
    int32_t second;
    int32_t ms;
};

static int64_t days_of_civil(int64_t y, int64_t m, int64_t d)
{
    y -= m <= 2;
    const int64_t era = (y >= 0 ? y : y - 399) / 400;
    const int64_t yoe = y - era * 400;
    const int64_t doy = (153 * (m + (m > 2 ? -3 : 9)) + 2) / 5 + d - 1;
    const int64_t doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;
    return era * 146097 + doe - 719468;
}

static struct civil civil_of(int64_t ms)
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
    return (struct civil){
        .year = (int32_t)(yoe + era * 400 + (month <= 2)),
        .month = (int32_t)month,
        .day = (int32_t)(doy - (153 * mp + 2) / 5 + 1),
        .hour = (int32_t)(rest / NBA_HOUR_MS),
        .minute = (int32_t)(rest / 60000 % 60),
        .second = (int32_t)(rest / 1000 % 60),
        .ms = (int32_t)(rest % 1000),
    };
}

static int64_t civil_ms(const struct civil *civil)
{
    return days_of_civil(civil->year, civil->month, civil->day) * NBA_DAY_MS +
           civil->hour * NBA_HOUR_MS + civil->minute * INT64_C(60000) +
           civil->second * INT64_C(1000) + civil->ms;
}

struct nba_local nba_local_of(int64_t ms)
{
    const struct civil civil = civil_of(ms);
    const int64_t days = (ms - (ms % NBA_DAY_MS + NBA_DAY_MS) % NBA_DAY_MS) / NBA_DAY_MS;
    return (struct nba_local){
        .year = civil.year,
        .month = (uint8_t)civil.month,
        .day = (uint8_t)civil.day,
        .hour = (uint8_t)civil.hour,
        .minute = (uint8_t)civil.minute,
        .second = (uint8_t)civil.second,
        .ms = (uint16_t)civil.ms,
        .weekday = (uint8_t)(((days + 3) % 7 + 7) % 7), /* 1970-01-01 was a Thursday */
    };
}

int64_t nba_local_ms(const struct nba_local *local)
{
    const struct civil civil = {local->year,   local->month,  local->day, local->hour,
                                local->minute, local->second, local->ms};
    return civil_ms(&civil);
}

static int32_t days_in_month(int32_t year, int32_t month)
{
    static const int32_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    const bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    NBA_ASSERT(month >= 1 && month <= 12);
    return month == 2 && leap ? 29 : days[month - 1];
}

static bool take_char(struct nba_str *text, char wanted)
{
    if (text->bytes == 0 || text->data[0] != wanted) {
        return false;
    }
    *text = nba_str(text->data + 1, text->bytes - 1);
    return true;
}

/* At most `count` digits; how many there are. */
static size_t take_digits(struct nba_str *text, size_t count, int32_t *ret_value)
{
    size_t digits = 0;
    *ret_value = 0;
    for (; digits < count && text->bytes != 0 && text->data[0] >= '0' && text->data[0] <= '9';
         digits++) {
        *ret_value = *ret_value * 10 + (text->data[0] - '0');
        *text = nba_str(text->data + 1, text->bytes - 1);
    }
    return digits;
}

/* A number for each digit of the pattern, of so many digits; every other character is itself. */
static bool take(struct nba_str *text, const char *pattern, int32_t *ret_first, int32_t *ret_second,
                 int32_t *ret_third)
{
    int32_t *const numbers[] = {ret_first, ret_second, ret_third};
    for (size_t count = 0; *pattern != '\0'; pattern++) {
        const size_t digits = (size_t)(*pattern - '0');
        if (*pattern >= '1' && *pattern <= '9') {
            if (take_digits(text, digits, numbers[count++]) != digits) {
                return false;
            }
        } else if (!take_char(text, *pattern)) {
            return false;
        }
    }
    return true;
}

/* The milliseconds of 1 to 9 digits; a tenth is left for who comes next to refuse. */
static bool take_fraction(struct nba_str *text, int32_t *ret_ms)
{
    int32_t value = 0;
    size_t digits = take_digits(text, 9, &value);
    const bool good = digits != 0;
    for (; digits < 3; digits++) {
        value *= 10;
    }
    for (; digits > 3; digits--) {
        value /= 10;
    }
    *ret_ms = value;
    return good;
}

/* "Z" or "+hh:mm"; minutes to subtract. */
static bool take_zone(struct nba_str *text, int32_t *ret_minutes)
{
    int32_t hour = 0;
    int32_t minute = 0;
    const bool west = take_char(text, '-');
    if (!west && take_char(text, 'Z')) {
        *ret_minutes = 0;
        return true;
    }
    if ((!west && !take_char(text, '+')) || !take(text, "2:2", &hour, &minute, NULL) || hour > 23 ||
        minute > 59) {
        return false;
    }
    *ret_minutes = (west ? -1 : 1) * (hour * 60 + minute);
    return true;
}

bool nba_time_parse(struct nba_str text, int64_t *ret_ms)
{
    struct civil c = {0};
    int32_t zone_minutes = 0;
    if (!take(&text, "4-2-2", &c.year, &c.month, &c.day) || c.month < 1 || c.month > 12 ||
        c.day < 1 || c.day > days_in_month(c.year, c.month)) {
        return false;
    }
    if (text.bytes != 0) {
        if ((!take_char(&text, 'T') && !take_char(&text, ' ')) ||
            !take(&text, "2:2", &c.hour, &c.minute, NULL) || c.hour > 23 || c.minute > 59) {
            return false;
        }
        if (take_char(&text, ':') && (!take(&text, "2", &c.second, NULL, NULL) || c.second > 59 ||
                                      (take_char(&text, '.') && !take_fraction(&text, &c.ms)))) {
            return false;
        }
        if (!take_zone(&text, &zone_minutes) || text.bytes != 0) {
            return false;
        }
    }
    *ret_ms = civil_ms(&c) - zone_minutes * INT64_C(60000);
    return true;
}

void nba_time_format(int64_t ms, char ret_text[NBA_TIME_TEXT_BYTES])
{
    const struct civil c = civil_of(ms);
    const struct {
        char before;
        int32_t value;
    } parts[] = {{'-', c.month}, {'-', c.day}, {'T', c.hour}, {':', c.minute}, {':', c.second}};
    char *at = nba_str_put_number(ret_text, c.year, 4);
    for (size_t i = 0; i < NBA_ARRAY_COUNT(parts); i++) {
        *at++ = parts[i].before;
        at = nba_str_put_number(at, parts[i].value, 2);
    }
    if (c.ms != 0) {
        *at++ = '.';
        at = nba_str_put_number(at, c.ms, 3);
    }
    *at++ = 'Z';
    *at = '\0';
}

bool nba_duration_parse(struct nba_str text, struct nba_duration *ret_duration)
{
    /* Units come in this order, each once; T stands before those of a time. */
    static const struct {
        char letter;
        int32_t months;
        int64_t ms;
    } units[] = {
        {'Y', 12, 0}, {'M', 1, 0},       {'W', 0, 7 * NBA_DAY_MS}, {'D', 0, NBA_DAY_MS},
        {'T', 0, 0},  {'H', 0, 3600000}, {'M', 0, 60000},          {'S', 0, 1000},
    };
    struct nba_duration sum = {0, 0};
    size_t next = 0;
    size_t parts = 0;
    bool good = take_char(&text, 'P');
    while (good && text.bytes != 0) {
        int32_t whole = 0;
        int32_t thousandths = 0;
        if (next <= TIME_UNIT && take_char(&text, 'T')) {
            next = TIME_UNIT + 1;
        }
        good = take_digits(&text, 9, &whole) != 0 &&
               (!take_char(&text, '.') || take_fraction(&text, &thousandths));
        const size_t end = next > TIME_UNIT ? NBA_ARRAY_COUNT(units) : TIME_UNIT;
        while (next < end && !(good && take_char(&text, units[next].letter))) {
            next++;
        }
        /* Only seconds have a fraction; a thousand years is a slip of the pen. */
        good = good && next < end && (thousandths == 0 || units[next].letter == 'S') &&
               (units[next].months == 0 || whole <= 12000 / units[next].months);
        if (good) {
            sum.months += whole * units[next].months;
            sum.ms += whole * units[next].ms + thousandths;
            next++;
            parts++;
        }
    }
    if (good && parts != 0) {
        *ret_duration = sum;
    }
    return good && parts != 0;
}

static int64_t add_months(int64_t ms, int32_t months)
{
    if (months == 0) {
        return ms;
    }
    struct civil c = civil_of(ms);
    const int64_t index = (int64_t)c.year * 12 + (c.month - 1) + months;
    c.year = (int32_t)(index >= 0 ? index / 12 : (index - 11) / 12);
    c.month = (int32_t)(index - (int64_t)c.year * 12) + 1;
    const int32_t last = days_in_month(c.year, c.month);
    c.day = c.day > last ? last : c.day;
    return civil_ms(&c);
}

int64_t nba_duration_add(int64_t ms, struct nba_duration duration)
{
    return add_months(ms, duration.months) + duration.ms;
}

int64_t nba_duration_subtract(int64_t ms, struct nba_duration duration)
{
    return add_months(ms, -duration.months) - duration.ms;
}
