/* Control messages: each makes a new state; bad ones change nothing. */
#include "nba_test.h"

#include "nba/policy/control.h"

static struct nba_control exclude(const char *scope, const char *target, const char *id)
{
    return (struct nba_control){.kind = NBA_CONTROL_EXCLUDE,
                                .id = nba_str_of(id),
                                .target = nba_str_of(target),
                                .scope = nba_str_of(scope),
                                .reason = nba_str_of("why"),
                                .by = nba_str_of("who"),
                                .until_ms = 5};
}

static struct nba_control_state *after(struct nba_control_state *state, struct nba_control message)
{
    struct nba_control_state *next = NULL;
    struct nba_error error = {0};
    assert_int_equal(nba_control_state_apply(state, &message, &next, &error), NBA_OK);
    nba_control_state_unref(state);
    return next;
}

static void test_modes_and_exclusions_follow_one_another(void **state)
{
    (void)state;
    struct nba_control_state *s = nba_control_state_create();
    assert_int_equal(s->mode, NBA_MODE_LIVE);
    assert_int_equal(s->exclusion_count, 0);
    char target[] = "C1";
    struct nba_control message = exclude("content", target, "m1");
    s = after(s, message);
    target[1] = '?';
    assert_str_equal(s->exclusions[0].target, "C1"); /* a copy */
    s = after(s, exclude("brand", "C1", "m2"));
    assert_int_equal(s->exclusion_count, 2);
    s = after(s, exclude("content", "C1", "m3")); /* replaces m1 */
    assert_int_equal(s->exclusion_count, 2);
    assert_str_equal(s->exclusions[1].id, "m3");
    assert_str_equal(s->exclusions[1].by, "who");
    message = (struct nba_control){.kind = NBA_CONTROL_MODE, .target = nba_str_of("stopped")};
    s = after(s, message);
    assert_int_equal(s->mode, NBA_MODE_STOPPED);
    assert_int_equal(s->exclusion_count, 2);
    message = exclude("brand", "C1", "");
    message.kind = NBA_CONTROL_INCLUDE;
    s = after(s, message);
    assert_int_equal(s->exclusion_count, 1);
    assert_int_equal(s->exclusions[0].scope, NBA_EXCLUDE_CONTENT);
    assert_int_equal(s->mode, NBA_MODE_STOPPED);
    nba_control_state_unref(s);
}

static void test_announcements_keep_the_state(void **state)
{
    (void)state;
    struct nba_control_state *s = nba_control_state_create();
    struct nba_control_state *next = NULL;
    const struct nba_control message = {.kind = NBA_CONTROL_RELEASE, .target = nba_str_of("r")};
    assert_int_equal(nba_control_state_apply(s, &message, &next, NULL), NBA_OK);
    assert_ptr_equal(next, s);
    nba_control_state_unref(next);
    nba_control_state_unref(s);
}

static void test_bad_messages_are_refused(void **state)
{
    (void)state;
    static const struct {
        struct nba_control message;
        enum nba_status status;
        const char *text;
    } cases[] = {
        {{.kind = NBA_CONTROL_UNKNOWN},
         NBA_E_UNKNOWN_TYPE,
         "control: a message of an unknown kind"},
        {{.kind = (enum nba_control_kind)99, .target = {"x", 1}},
         NBA_E_UNKNOWN_TYPE,
         "control: a message of an unknown kind"},
        {{.kind = NBA_CONTROL_MODE, .target = {"off", 3}},
         NBA_E_UNKNOWN_TYPE,
         "control: mode 'off', expected live, shadow or stopped"},
        {{.kind = NBA_CONTROL_MODE, .target = {"Live", 4}},
         NBA_E_UNKNOWN_TYPE,
         "control: mode 'Live', expected live, shadow or stopped"},
        {{.kind = NBA_CONTROL_MODE},
         NBA_E_UNKNOWN_TYPE,
         "control: mode '', expected live, shadow or stopped"},
        {{.kind = NBA_CONTROL_EXCLUDE, .scope = {"content", 7}},
         NBA_E_EMPTY_KEY,
         "control: an exclusion without a target"},
        {{.kind = NBA_CONTROL_INCLUDE, .scope = {"brand", 5}},
         NBA_E_EMPTY_KEY,
         "control: an exclusion without a target"},
        {{.kind = NBA_CONTROL_EXCLUDE, .target = {"x", 1}, .scope = {"planet", 6}},
         NBA_E_UNKNOWN_TYPE,
         "control: scope 'planet', expected content, brand or campaign"},
        {{.kind = NBA_CONTROL_EXCLUDE, .target = {"x", 1}, .scope = {"content_id", 10}},
         NBA_E_UNKNOWN_TYPE,
         "control: scope 'content_id', expected content, brand or campaign"},
        {{.kind = NBA_CONTROL_INCLUDE, .target = {"x", 1}},
         NBA_E_UNKNOWN_TYPE,
         "control: scope '', expected content, brand or campaign"},
    };
    struct nba_control_state *s = nba_control_state_create();
    for (size_t i = 0; i < NBA_ARRAY_COUNT(cases); i++) {
        struct nba_control_state *next = NULL;
        struct nba_error error = {0};
        assert_int_equal(nba_control_state_apply(s, &cases[i].message, &next, &error),
                         cases[i].status);
        assert_string_equal(error.message, cases[i].text);
        assert_null(next);
        assert_int_equal(s->mode, NBA_MODE_LIVE);
        assert_int_equal(s->exclusion_count, 0);
        assert_int_equal(nba_status_class(cases[i].status), NBA_CLASS_SKIP);
    }
    nba_control_state_unref(s);
}

static void test_the_list_of_exclusions_has_an_end(void **state)
{
    (void)state;
    struct nba_control_state *s = nba_control_state_create();
    char target[16];
    for (unsigned i = 0; i < NBA_EXCLUSIONS_MAX; i++) {
        (void)snprintf(target, sizeof(target), "C%u", i);
        s = after(s, exclude("content", target, "m"));
    }
    struct nba_control_state *next = NULL;
    struct nba_error error = {0};
    const struct nba_control one_more = exclude("content", "last", "m");
    assert_int_equal(nba_control_state_apply(s, &one_more, &next, &error), NBA_E_LIMIT);
    s = after(s, exclude("content", "C7", "again"));
    assert_int_equal(s->exclusion_count, NBA_EXCLUSIONS_MAX);
    nba_control_state_unref(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_modes_and_exclusions_follow_one_another),
        cmocka_unit_test(test_announcements_keep_the_state),
        cmocka_unit_test(test_bad_messages_are_refused),
        cmocka_unit_test(test_the_list_of_exclusions_has_an_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
