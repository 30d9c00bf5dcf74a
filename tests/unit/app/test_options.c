/* The option parser: every kind, every mistake with its words, and the table as --help shows it. */
#include "nba_test.h"

#include "nba/app/options.h"
#include "nba/base/compiler.h"

struct args {
    const char *topic;
    int64_t limit;
    double share;
    int64_t since_ms;
    int color;
    bool follow;
    struct nba_operands set;
};

static const char *const colors[] = {"red", "green", NULL};

static struct args args;

static const struct nba_option common[] = {
    NBA_OPTION_INTEGER(&args.limit, "limit", "N", 1, 100, "stop after N records"),
    NBA_OPTION_TEXT(&args.topic, "color", "TEXT", "a row that the other table has too"),
    {0},
};

static const struct nba_option options[] = {
    NBA_OPTION_TEXT(&args.topic, "topic", "NAME", "topic to read"),
    NBA_OPTION_NUMBER(&args.share, "share", "X", 0, 1, "a share"),
    NBA_OPTION_TIME(&args.since_ms, "since", "from then on"),
    NBA_OPTION_WORD(&args.color, "color", "WORD", colors, "a colour"),
    NBA_OPTION_FLAG(&args.follow, "follow", "wait for more"),
    NBA_OPTION_LIST(&args.set, "set", "KEY=VALUE", "may be given again"),
    {0},
};

static struct nba_option_set both_tables(void)
{
    struct nba_option_set set = {.count = 0};
    nba_options_add(&set, common);
    nba_options_add(&set, options);
    return set;
}

struct parsed {
    struct args args;
    struct nba_operands operands;
    bool help;
    enum nba_status status;
    struct nba_error error;
};

/* Words apart by single blanks; the texts live in a buffer of the test. */
static struct parsed parse(const char *line)
{
    static char text[512];
    static struct parsed p;
    char *argv[64];
    int argc = 0;
    memset(&p, 0, sizeof(p));
    (void)snprintf(text, sizeof(text), "%s", line);
    for (char *at = text; at != NULL && argc < 64;) {
        char *blank = strchr(at, ' ');
        argv[argc] = at;
        argc++;
        if (blank != NULL) {
            *blank = '\0';
            blank++;
        }
        at = blank;
    }
    const struct nba_option_set set = both_tables();
    args = (struct args){.limit = 7};
    p.status = nba_options_parse(&set, argc, argv, &p.operands, &p.help, &p.error);
    p.args = args;
    return p;
}

static void test_every_kind_is_read_with_blank_and_with_equals(void **state)
{
    (void)state;
    const struct parsed p =
        parse("consume --topic t --limit=100 a --share 0.25 --follow "
              "--since 1970-01-01T00:00:01Z --color=green --set k=v --set=l=w b");
    assert_int_equal(p.status, NBA_OK);
    assert_string_equal(p.args.topic, "t");
    assert_int_equal(p.args.limit, 100);
    assert_true(p.args.share == 0.25);
    assert_int_equal(p.args.since_ms, 1000);
    assert_int_equal(p.args.color, 1);
    assert_true(p.args.follow);
    assert_int_equal(p.args.set.count, 2);
    assert_string_equal(p.args.set.items[1], "l=w");
    assert_int_equal(p.operands.count, 2);
    assert_string_equal(p.operands.items[0], "a");
    assert_string_equal(p.operands.items[1], "b");
}

static void test_what_is_absent_keeps_its_default(void **state)
{
    (void)state;
    const struct parsed p = parse("consume");
    assert_int_equal(p.status, NBA_OK);
    assert_null(p.args.topic);
    assert_int_equal(p.args.limit, 7);
    assert_false(p.args.follow);
    assert_int_equal(p.operands.count, 0);
}

static void test_two_hyphens_end_the_options(void **state)
{
    (void)state;
    const struct parsed p = parse("consume -- --follow --help");
    assert_int_equal(p.status, NBA_OK);
    assert_false(p.help);
    assert_false(p.args.follow);
    assert_int_equal(p.operands.count, 2);
    assert_string_equal(p.operands.items[0], "--follow");
}

static void test_help_wins_over_any_mistake(void **state)
{
    (void)state;
    assert_true(parse("consume --nonsense --help").help);
    assert_true(parse("consume -h").help);
}

static void test_each_mistake_has_its_words(void **state)
{
    static const struct {
        const char *line;
        const char *words;
    } mistakes[] = {
        {"c --topik t", "--topik: unknown option, did you mean --topic"},
        {"c --zzzzzzzzzz", "--zzzzzzzzzz: unknown option"},
        {"c --limit 0", "--limit: expected a whole number from 1 to 100, got '0'"},
        {"c --limit 101", "--limit: expected a whole number from 1 to 100, got '101'"},
        {"c --limit 5x", "--limit: expected a whole number from 1 to 100, got '5x'"},
        {"c --limit 99999999999999999999", "--limit: expected a whole number"},
        {"c --limit=", "--limit: expected a whole number from 1 to 100, got ''"},
        {"c --share nan", "--share: expected a number from 0 to 1, got 'nan'"},
        {"c --since yesterday", "--since: expected a time such as"},
        {"c --color blue", "--color: expected one of red, green, got 'blue'"},
        {"c --topic", "--topic: expected NAME after it"},
        {"c --topic a --topic b", "--topic: given twice"},
        {"c --follow=yes", "--follow: takes no value"},
        {"c -x", "-x: unknown option, they begin with --"},
    };
    (void)state;
    for (size_t i = 0; i < NBA_ARRAY_COUNT(mistakes); i++) {
        const struct parsed p = parse(mistakes[i].line);
        assert_int_equal(p.status, NBA_E_USAGE);
        if (strstr(p.error.message, mistakes[i].words) != p.error.message) {
            fail_msg("%s: got '%s'", mistakes[i].line, p.error.message);
        }
    }
}

static void test_a_lone_hyphen_is_an_operand(void **state)
{
    (void)state;
    const struct parsed p = parse("produce -");
    assert_int_equal(p.status, NBA_OK);
    assert_string_equal(p.operands.items[0], "-");
}

static void test_help_lists_every_option_and_stays_within_its_width(void **state)
{
    struct nba_buf buf;
    (void)state;
    nba_buf_init(&buf, 1u << 16);
    const struct nba_option_set set = both_tables();
    nba_options_describe(&set, &buf);
    nba_buf_append_byte(&buf, '\0');
    const char *text = (const char *)buf.data;
    assert_non_null(strstr(text, "  --limit N                 stop after N records\n"));
    assert_null(strstr(text, "--color TEXT"));
    assert_non_null(strstr(text, "  --follow                  wait for more\n"));
    assert_non_null(strstr(text, "  --help                    this text\n"));
    for (const char *at = text; *at != '\0'; at += strcspn(at, "\n") + 1) {
        assert_true(strcspn(at, "\n") <= 100);
    }
    nba_buf_clear(&buf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_kind_is_read_with_blank_and_with_equals),
        cmocka_unit_test(test_what_is_absent_keeps_its_default),
        cmocka_unit_test(test_two_hyphens_end_the_options),
        cmocka_unit_test(test_help_wins_over_any_mistake),
        cmocka_unit_test(test_each_mistake_has_its_words),
        cmocka_unit_test(test_a_lone_hyphen_is_an_operand),
        cmocka_unit_test(test_help_lists_every_option_and_stays_within_its_width),
    };
    return cmocka_run_group_tests_name("unit.app.options", tests, NULL, NULL);
}
