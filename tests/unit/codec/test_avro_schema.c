#include "nba_test.h"

#include "nba/base/limits.h"
#include "nba/codec/avro_schema.h"

static struct nba_arena arena;
static struct nba_avro_schema schema;
static struct nba_error error;

static int setup(void **state)
{
    (void)state;
    nba_arena_init(&arena, (size_t)64 * 1024 * 1024);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    nba_avro_schema_clear(&schema);
    nba_arena_clear(&arena);
    return 0;
}

/* ' stands for ". */
static enum nba_status parse(const char *text)
{
    static char json[NBA_SCHEMA_BYTES_MAX + 16];
    const size_t bytes = strlen(text);
    assert_true(bytes < sizeof(json));
    memcpy(json, text, bytes + 1);
    for (char *c = json; *c != '\0'; c++) {
        *c = *c == '\'' ? '"' : *c;
    }
    nba_avro_schema_clear(&schema);
    return nba_avro_schema_parse(nba_str(json, bytes), &arena, &schema, &error);
}

static void test_every_kind_of_type_is_parsed(void **state)
{
    (void)state;
    assert_int_equal(
        parse("{'type':'record','name':'R','namespace':'a.b','fields':["
              "{'name':'l','type':{'type':'long','logicalType':'timestamp-millis'}},"
              "{'name':'e','type':{'type':'enum','name':'E','symbols':['X','Y'],'default':'Y'}},"
              "{'name':'f','type':{'type':'fixed','name':'c.F','size':7}},"
              "{'name':'a','type':{'type':'array','items':'E'},'default':[]},"
              "{'name':'m','type':{'type':'map','values':'a.b.E'},'aliases':['n','o']},"
              "{'name':'u','type':['null','c.F',{'type':'string'}]}]}"),
        NBA_OK);
    const struct nba_avro_type *r = schema.type;
    assert_int_equal(r->kind, NBA_AVRO_RECORD);
    assert_string_equal(r->name, "R");
    assert_string_equal(r->full_name, "a.b.R");
    assert_int_equal(r->field_count, 6);
    assert_true(r->fields[0].type->timestamp_millis);
    assert_null(r->fields[0].default_value);
    const struct nba_avro_type *e = r->fields[1].type;
    assert_string_equal(e->full_name, "a.b.E");
    assert_int_equal(e->symbol_default, 1);
    assert_string_equal(r->fields[2].type->full_name, "c.F");
    assert_string_equal(r->fields[2].type->name, "F");
    assert_int_equal(r->fields[2].type->fixed_bytes, 7);
    assert_ptr_equal(r->fields[3].type->items, e);
    assert_non_null(r->fields[3].default_value);
    assert_ptr_equal(r->fields[4].type->items, e);
    assert_string_equal(r->fields[4].aliases[1], "o");
    assert_int_equal(r->fields[5].type->branch_count, 3);
    assert_int_equal(nba_avro_null_branch(r->fields[5].type), 0);
    /* 1 long + 1 enum + 7 fixed + 1 array + 1 map + 1 union's index of null */
    assert_int_equal(r->bytes_min, 12);
}

static void test_what_is_no_schema_is_refused(void **state)
{
    static const char *const bad[] = {
        "",
        "{",
        "7",
        "'nope'",
        "{'type':'nope'}",
        "{}",
        "[]",
        "['int','int']",
        "['int',['null']]",
        "{'type':'record','name':'R'}",
        "{'type':'record','fields':[]}",
        "{'type':'record','name':'1R','fields':[]}",
        "{'type':'record','name':'R..S','fields':[]}",
        "{'type':'record','name':'R','fields':[{'name':'a'}]}",
        "{'type':'record','name':'R','fields':[{'type':'int'}]}",
        "{'type':'record','name':'R','fields':[{'name':'a-b','type':'int'}]}",
        "{'type':'record','name':'R','fields':[{'name':'a','type':'int'},"
        "{'name':'a','type':'int'}]}",
        "{'type':'enum','name':'E','symbols':[]}",
        "{'type':'enum','name':'E','symbols':['A','A']}",
        "{'type':'enum','name':'E','symbols':['A'],'default':'B'}",
        "{'type':'enum','name':'E','symbols':['A'],'default':0}",
        "{'type':'enum','name':'E','symbols':[1]}",
        "{'type':'fixed','name':'F'}",
        "{'type':'fixed','name':'F','size':-1}",
        "{'type':'fixed','name':'F','size':99999999999}",
        "{'type':'array'}",
        "{'type':'map'}",
        "{'type':'int','type':'long'}",
        "{'type':'record','name':'R','fields':["
        "{'name':'a','type':{'type':'enum','name':'R','symbols':['A']}}]}",
    };
    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        if (parse(bad[i]) != NBA_E_CONFIG) {
            fail_msg("accepted: %s", bad[i]);
        }
        assert_true(error.message[0] != '\0');
    }
}

static void test_a_record_may_contain_itself(void **state)
{
    (void)state;
    assert_int_equal(parse("{'type':'record','name':'R','fields':["
                           "{'name':'value','type':'double'},"
                           "{'name':'next','type':['null','R']}]}"),
                     NBA_OK);
    assert_ptr_equal(schema.type->fields[1].type->branches[1], schema.type);
    assert_int_equal(schema.type->bytes_min, 9);
    assert_int_equal(parse("{'type':'record','name':'R','fields':[{'name':'s','type':"
                           "{'type':'record','name':'S','fields':["
                           "{'name':'r','type':{'type':'array','items':'R'}}]}}]}"),
                     NBA_OK);
    assert_ptr_equal(schema.type->fields[0].type->fields[0].type->items, schema.type);
    /* No value of this one ends; what is promised is a lower bound. */
    assert_int_equal(parse("{'type':'record','name':'R','fields':[{'name':'r','type':'R'}]}"),
                     NBA_OK);
}

static void test_aliases_of_types_have_the_namespace_of_their_type(void **state)
{
    (void)state;
    assert_int_equal(parse("{'type':'record','name':'a.b.R','aliases':['S','x.T'],'fields':["
                           "{'name':'e','type':{'type':'enum','name':'E','aliases':['F'],"
                           "'namespace':'','symbols':['A']}}]}"),
                     NBA_OK);
    assert_string_equal(schema.type->aliases[0], "a.b.S");
    assert_string_equal(schema.type->aliases[1], "x.T");
    assert_string_equal(schema.type->fields[0].type->aliases[0], "F");
}

static void test_a_decimal_that_makes_no_sense_is_plain_bytes(void **state)
{
    static const struct {
        const char *attributes;
        uint32_t precision;
        uint32_t scale;
    } cases[] = {
        {"'type':'bytes','logicalType':'decimal','precision':40,'scale':2", 40, 2},
        {"'type':'bytes','logicalType':'decimal','precision':4", 4, 0},
        {"'type':'bytes','logicalType':'decimal','precision':4,'scale':5", 0, 0},
        {"'type':'bytes','logicalType':'decimal','precision':0", 0, 0},
        {"'type':'bytes','logicalType':'decimal','precision':4,'scale':-1", 0, 0},
        {"'type':'bytes','logicalType':'decimals','precision':4", 0, 0},
        {"'type':'string','logicalType':'decimal','precision':4", 0, 0},
        {"'type':'fixed','name':'F','size':2,'logicalType':'decimal','precision':4", 4, 0},
        {"'type':'fixed','name':'F','size':2,'logicalType':'decimal','precision':5", 0, 0},
        {"'type':'fixed','name':'F','size':0,'logicalType':'decimal','precision':1", 0, 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char text[256];
        (void)snprintf(text, sizeof(text), "{%s}", cases[i].attributes);
        assert_int_equal(parse(text), NBA_OK);
        assert_int_equal(schema.type->decimal_precision, cases[i].precision);
        assert_int_equal(schema.type->decimal_scale, cases[i].scale);
    }
}

static void test_items_may_take_no_bytes(void **state)
{
    (void)state;
    assert_int_equal(parse("{'type':'array','items':'null'}"), NBA_OK);
    assert_int_equal(schema.type->items->bytes_min, 0);
    assert_int_equal(parse("{'type':'map','values':'null'}"), NBA_OK);
}

static void test_depth_has_a_limit_written_out_or_by_names(void **state)
{
    (void)state;
    char text[4096] = "'int'";
    for (unsigned depth = 1; depth < NBA_DEPTH_MAX + 1; depth++) {
        assert_int_equal(parse(text), NBA_OK);
        assert_int_equal(schema.type->depth, depth);
        char outer[sizeof(text)];
        (void)snprintf(outer, sizeof(outer), "{'type':'array','items':%.3900s}", text);
        memcpy(text, outer, sizeof(text));
    }
    assert_int_equal(parse(text), NBA_E_CONFIG);

    char names[4096] = "{'name':'f0','type':{'type':'record','name':'R0','fields':["
                       "{'name':'a','type':'int'}]}}";
    for (unsigned depth = 1; depth < NBA_DEPTH_MAX; depth++) {
        char more[sizeof(names)];
        (void)snprintf(more, sizeof(more),
                       "%.3900s,{'name':'f%u','type':{'type':'record','name':'R%u',"
                       "'fields':[{'name':'a','type':'R%u'}]}}",
                       names, depth, depth, depth - 1);
        memcpy(names, more, sizeof(names));
    }
    char whole[4600];
    (void)snprintf(whole, sizeof(whole), "{'type':'record','name':'Top','fields':[%s]}", names);
    assert_int_equal(parse(whole), NBA_E_CONFIG);
    assert_non_null(strstr(error.message, "deep"));
}

static void test_a_text_above_the_limit_is_refused(void **state)
{
    static char text[NBA_SCHEMA_BYTES_MAX + 2];
    (void)state;
    memset(text, ' ', NBA_SCHEMA_BYTES_MAX + 1);
    memcpy(text, "'int'", 5);
    assert_int_equal(parse(text), NBA_E_LIMIT);
    text[NBA_SCHEMA_BYTES_MAX] = '\0';
    assert_int_equal(parse(text), NBA_OK);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_every_kind_of_type_is_parsed),
        TEST(test_what_is_no_schema_is_refused),
        TEST(test_a_record_may_contain_itself),
        TEST(test_aliases_of_types_have_the_namespace_of_their_type),
        TEST(test_a_decimal_that_makes_no_sense_is_plain_bytes),
        TEST(test_items_may_take_no_bytes),
        TEST(test_depth_has_a_limit_written_out_or_by_names),
        TEST(test_a_text_above_the_limit_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
