/* Zones by their known days; tests/zone compares all of them with Python's. */
#include "nba_test.h"

#include <pthread.h>

#include "nba/base/zone.h"

static int64_t at(const char *text)
{
    int64_t ms = INT64_MIN;
    assert_true(nba_time_parse(nba_str_of(text), &ms));
    return ms;
}

/* The wall clock text, read as if it were UTC, in the zone. */
static int64_t utc(const char *zone, const char *wall)
{
    const struct nba_zone *found = nba_zone_find(nba_str_of(zone));
    assert_non_null(found);
    const struct nba_local local = nba_local_of(at(wall));
    return nba_zone_utc(found, &local);
}

static int64_t wall(const char *zone, const char *instant)
{
    const struct nba_local local = nba_zone_local(nba_zone_find(nba_str_of(zone)), at(instant));
    return nba_local_ms(&local);
}

static void test_a_clock_that_leaps_forward_gives_the_first_instant_behind(void **state)
{
    (void)state;
    assert_true(utc("America/New_York", "2026-03-08T01:59:59.999Z") ==
                at("2026-03-08T06:59:59.999Z"));
    assert_true(utc("America/New_York", "2026-03-08T02:30:00Z") == at("2026-03-08T07:00:00Z"));
    assert_true(utc("America/New_York", "2026-03-08T03:00:00Z") == at("2026-03-08T07:00:00Z"));
    assert_true(utc("Australia/Lord_Howe", "2026-10-04T02:10:00Z") == at("2026-10-03T15:30:00Z"));
    assert_true(utc("Pacific/Apia", "2011-12-30T12:00:00Z") == at("2011-12-30T10:00:00Z"));
    assert_true(utc("Europe/Berlin", "2099-03-29T02:30:00Z") == at("2099-03-29T01:00:00Z"));
}

static void test_a_time_shown_twice_is_the_earlier_one(void **state)
{
    (void)state;
    assert_true(utc("America/New_York", "2026-11-01T01:30:00Z") == at("2026-11-01T05:30:00Z"));
    assert_true(utc("America/New_York", "2026-11-01T07:00:00Z") == at("2026-11-01T12:00:00Z"));
    assert_true(utc("Australia/Lord_Howe", "2026-04-05T01:45:00Z") == at("2026-04-04T14:45:00Z"));
    assert_true(utc("Europe/Berlin", "2026-10-25T02:30:00Z") == at("2026-10-25T00:30:00Z"));
}

static void test_offsets_that_are_no_whole_hours_or_never_change(void **state)
{
    (void)state;
    assert_true(wall("Asia/Kolkata", "2026-11-01T01:30:00.250Z") == at("2026-11-01T07:00:00.250Z"));
    assert_true(wall("America/Phoenix", "2026-07-01T12:00:00Z") == at("2026-07-01T05:00:00Z"));
    assert_true(wall("Australia/Sydney", "2026-12-31T13:00:00Z") == at("2027-01-01T00:00:00Z"));
    assert_true(wall("Europe/London", "1969-12-31T23:59:59.999Z") ==
                at("1970-01-01T00:59:59.999Z"));
    assert_int_equal(
        nba_zone_local(nba_zone_find(nba_str_of("UTC")), at("2026-11-22T12:00:00Z")).weekday, 6);
}

static void test_what_is_no_zone_is_unknown(void **state)
{
    static const char *const bad[] = {
        "",          "UTC ",   "Mars/Olympus", "../UTC", "/etc/localtime", "Europe/../UTC",
        "right/UTC", "Europe", "localtime",    "+1"};
    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_null(nba_zone_find(nba_str_of(bad[i])));
    }
    assert_null(nba_zone_find(nba_str("UTC\0", 4)));
    char name[32];
    for (int i = 0; i < 3000; i++) { /* more than the cache keeps */
        (void)snprintf(name, sizeof(name), "Nowhere/N%d", i);
        assert_null(nba_zone_find(nba_str_of(name)));
    }
    assert_non_null(nba_zone_find(nba_str_of("Asia/Tokyo")));
}

static void *find_many(void *found)
{
    static const char *const names[] = {"Asia/Kathmandu", "Africa/Lagos", "America/Lima",
                                        "Europe/Oslo"};
    for (size_t i = 0; i < 1000; i++) {
        ((const struct nba_zone **)found)[i % 4] = nba_zone_find(nba_str_of(names[i % 4]));
    }
    return NULL;
}

static void test_every_thread_finds_the_same_zone(void **state)
{
    pthread_t threads[4];
    const struct nba_zone *found[4][4];
    (void)state;
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, find_many, found[i]), 0);
    }
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_non_null(found[i][0]);
        assert_memory_equal(found[i], found[0], sizeof(found[0]));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_clock_that_leaps_forward_gives_the_first_instant_behind),
        cmocka_unit_test(test_a_time_shown_twice_is_the_earlier_one),
        cmocka_unit_test(test_offsets_that_are_no_whole_hours_or_never_change),
        cmocka_unit_test(test_every_thread_finds_the_same_zone),
        cmocka_unit_test(test_what_is_no_zone_is_unknown),
    };
    return cmocka_run_group_tests_name("unit.base.zone", tests, NULL, NULL);
}
