/* Instants and durations: what is a time, what isn't, and calendar arithmetic. */
#include "nba_test.h"

#include "nba/base/time_text.h"

static int64_t at(const char *text)
{
    int64_t ms = INT64_MIN;
    assert_true(nba_time_parse(nba_str_of(text), &ms));
    return ms;
}

static void test_times_parse_and_format_back(void **state)
{
    char text[NBA_TIME_TEXT_BYTES];
    (void)state;
    assert_true(at("1970-01-01T00:00:00Z") == 0);
    assert_true(at("2026-11-16T14:00:00Z") == 1794837600000);
    assert_true(at("2026-11-20T15:30:00.250+01:00") == at("2026-11-20T14:30:00.250Z"));
    assert_true(at("1969-12-31T23:59:59.999Z") == -1);
    assert_true(at("2026-11-20 15:30Z") == at("2026-11-20T15:30:00.000Z"));
    assert_true(at("2026-11-20T15:30:00.123456789Z") == at("2026-11-20T15:30:00.123Z"));
    assert_true(at("2024-02-29") == at("2024-02-29T00:00:00Z"));
    nba_time_format(1794837600000, text);
    assert_string_equal(text, "2026-11-16T14:00:00Z");
    nba_time_format(-1, text);
    assert_string_equal(text, "1969-12-31T23:59:59.999Z");
}

static void test_what_is_no_time_is_refused(void **state)
{
    static const char *const bad[] = {"",
                                      "2026",
                                      "2026-13-01",
                                      "2026-02-29",
                                      "2026-1-1",
                                      "2026-11-20T",
                                      "2026-11-20Z",
                                      "2026-11-20T10:00:00.1234567890Z",
                                      "2026-11-20T24:00:00Z",
                                      "2026-11-20T10:00:00",
                                      "2026-11-20T10:00:60Z",
                                      "2026-11-20T10:00:00.Z",
                                      "2026-11-20T10:00:00Zx",
                                      "-2026-11-20",
                                      "2026-11-20T10:00:00+1:00"};
    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        int64_t ms = 7;
        if (nba_time_parse(nba_str_of(bad[i]), &ms)) {
            fail_msg("'%s' was taken for a time", bad[i]);
        }
        assert_true(ms == 7);
    }
}

static void test_durations_keep_months_apart_from_milliseconds(void **state)
{
    struct nba_duration d;
    (void)state;
    assert_true(nba_duration_parse(nba_str_of("P90D"), &d));
    assert_true(d.months == 0 && d.ms == 90 * NBA_DAY_MS);
    assert_true(nba_duration_parse(nba_str_of("PT72H"), &d) && d.ms == 3 * NBA_DAY_MS);
    assert_true(nba_duration_parse(nba_str_of("P1Y2M3DT4H5M6.5S"), &d));
    assert_true(d.months == 14 && d.ms == 3 * NBA_DAY_MS + 4 * NBA_HOUR_MS + 306500);
    assert_true(nba_duration_parse(nba_str_of("P2W"), &d) && d.ms == 14 * NBA_DAY_MS);
    static const char *const bad[] = {"",      "P",    "PT",    "90D",  "P1H",    "PT1D",
                                      "P1D1D", "P-1D", "P1.5D", "P1DT", "PT1M1H", "P99999Y"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        if (nba_duration_parse(nba_str_of(bad[i]), &d)) {
            fail_msg("'%s' was taken for a duration", bad[i]);
        }
    }
}

static void test_a_month_from_the_last_day_ends_on_the_last_day(void **state)
{
    const struct nba_duration month = {1, 0};
    const struct nba_duration two_years = {24, 0};
    (void)state;
    assert_true(nba_duration_add(at("2026-01-31T10:00:00Z"), month) == at("2026-02-28T10:00:00Z"));
    assert_true(nba_duration_subtract(at("2024-03-31"), month) == at("2024-02-29"));
    assert_true(nba_duration_subtract(at("2026-03-01"), two_years) == at("2024-03-01"));
}

static void test_every_day_of_a_thousand_years_survives_the_round_trip(void **state)
{
    (void)state;
    for (int64_t ms = at("1600-01-01"); ms < at("2600-01-01"); ms += NBA_DAY_MS) {
        char text[NBA_TIME_TEXT_BYTES];
        nba_time_format(ms, text);
        assert_true(at(text) == ms);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_times_parse_and_format_back),
        cmocka_unit_test(test_what_is_no_time_is_refused),
        cmocka_unit_test(test_durations_keep_months_apart_from_milliseconds),
        cmocka_unit_test(test_a_month_from_the_last_day_ends_on_the_last_day),
        cmocka_unit_test(test_every_day_of_a_thousand_years_survives_the_round_trip),
    };
    return cmocka_run_group_tests_name("unit.base.time_text", tests, NULL, NULL);
}
