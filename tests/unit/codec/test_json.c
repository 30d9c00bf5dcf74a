#include "nba_test.h"

#include <jansson.h>

#include "../../../src/codec/json_internal.h"
#include "nba/base/limits.h"
#include "nba/codec/encoder.h"
#include "nba/codec/json.h"
#include "samples.h"

struct fixture {
    struct nba_schemas *schemas;
    struct nba_decoder *decoder;
    struct nba_arena arena;
    struct nba_buf value;
    struct nba_buf text;
    struct nba_error error;
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    assert_non_null(f);
    if (nba_schemas_load(NBA_SOURCE_DIR "/schemas", &f->schemas, &f->error) != NBA_OK) {
        print_error("%s\n", f->error.message);
        return 1;
    }
    f->decoder = nba_decoder_create(f->schemas);
    nba_arena_init(&f->arena, (size_t)16 * 1024 * 1024);
    nba_buf_init(&f->value, NBA_RECORD_BYTES_MAX);
    nba_buf_init(&f->text, NBA_RECORD_BYTES_MAX);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    nba_buf_clear(&f->value);
    nba_buf_clear(&f->text);
    nba_arena_clear(&f->arena);
    nba_decoder_destroy(f->decoder);
    nba_schemas_destroy(f->schemas);
    free(f);
    return 0;
}

/* The text so far, for strstr. */
static const char *text_of(struct fixture *f)
{
    nba_buf_append_byte(&f->text, 0);
    f->text.bytes--;
    return (const char *)f->text.data;
}

static void assert_contains(struct fixture *f, const char *part)
{
    if (strstr(text_of(f), part) == NULL) {
        fail_msg("%s is not in %s", part, text_of(f));
    }
}

static void test_a_value_is_printed_in_the_order_of_its_schema_with_times_as_text(void **state)
{
    struct fixture *f = *state;
    const struct nba_event event = sample_event();
    nba_encode_event(f->schemas, &event, &f->value);
    assert_int_equal(nba_json_print_value(f->schemas, nba_buf_str(&f->value), &f->text, &f->error),
                     NBA_OK);
    assert_contains(f, "{\"event_id\":\"ev-1\",\"source\":\"crm\","
                       "\"event_type\":\"profile_updated\",\"event_time\":\"2026-11-20T");
    assert_contains(f, "\"topic_ids\":[\"heart_failure\",\"copd\"]");
    assert_contains(f, "\"addresses\":{\"email\":\"ok\",\"rep\":\"none\",\"sms\":\"bounced\"}");
    assert_contains(f, "\"interests\":null");
    assert_contains(f, "\"registered_events\":[]");
    assert_contains(f, "\"open_complaint\":false");
    assert_contains(f, "\"value\":99.75");
    assert_contains(f, "\"attributes\":{\"a\":\"first\",\"b\":\"\xc3\xa4\"}");
}

static void test_what_was_printed_is_read_back_to_the_same_bytes(void **state)
{
    struct fixture *f = *state;
    const struct nba_action action = sample_action();
    const struct nba_decision decision = sample_decision(&action);
    struct nba_buf again;
    nba_buf_init(&again, NBA_RECORD_BYTES_MAX);
    nba_encode_decision(f->schemas, &decision, &f->value);
    assert_int_equal(nba_json_print_value(f->schemas, nba_buf_str(&f->value), &f->text, &f->error),
                     NBA_OK);
    assert_contains(f, "\"packed_reasons\":[{\"reason\":\"NONE\",\"candidates\":\"AQ==\"},");
    assert_int_equal(nba_json_parse_value(f->schemas, NBA_SCHEMA_DECISION, nba_buf_str(&f->text),
                                          &again, &f->error),
                     NBA_OK);
    assert_int_equal(again.bytes, f->value.bytes);
    assert_memory_equal(again.data, f->value.data, again.bytes);
    nba_buf_clear(&again);
}

static void test_a_record_is_one_line_with_its_place_key_and_headers(void **state)
{
    struct fixture *f = *state;
    const struct nba_action action = sample_action();
    nba_encode_action(f->schemas, &action, &f->value);
    const struct nba_header headers[] = {{T("ce_id"), T("x\"y")}, {T("raw"), T("\xff")}};
    const struct nba_record record = {.topic = T("nba.action.v1"),
                                      .partition = 3,
                                      .offset = 77,
                                      .timestamp_ms = 1795188600123,
                                      .key = T("hcp-0001"),
                                      .value = nba_buf_str(&f->value),
                                      .headers = headers,
                                      .header_count = 2};
    nba_json_print_record(f->schemas, &record, &f->text);
    assert_contains(f, "{\"topic\":\"nba.action.v1\",\"partition\":3,\"offset\":77,"
                       "\"timestamp\":\"2026-11-20T15:30:00.123Z\",\"key\":\"hcp-0001\","
                       "\"headers\":{\"ce_id\":\"x\\\"y\",\"raw\":{\"base64\":\"/w==\"}},"
                       "\"value\":{\"action_id\":\"dec:crm#ev-1:1\"");
    assert_int_equal(f->text.data[f->text.bytes - 1], '\n');
    assert_ptr_equal(memchr(f->text.data, '\n', f->text.bytes), f->text.data + f->text.bytes - 1);
}

static void test_values_that_no_schema_reads_are_printed_as_base64(void **state)
{
    struct fixture *f = *state;
    struct nba_record record = {.topic = T("nba.deadletter.v1"),
                                .timestamp_ms = INT64_MIN,
                                .key_null = true,
                                .value = T("\0\0\0\0\1")};
    nba_json_print_record(f->schemas, &record, &f->text);
    assert_contains(f, "\"key\":null,\"headers\":{},\"value\":{\"base64\":\"AAAAAAE=\"}}\n");
    assert_contains(f, "\"timestamp\":-9223372036854775808");
    nba_buf_reset(&f->text);
    record.value_null = true;
    record.key_null = false;
    nba_json_print_record(f->schemas, &record, &f->text);
    assert_contains(f, "\"key\":\"\",\"headers\":{},\"value\":null}\n");
}

static void test_control_characters_and_quotes_are_escaped(void **state)
{
    struct fixture *f = *state;
    struct nba_event event = sample_event();
    event.text = T("a\"b\\c\nd\x01"
                   "e\x7f");
    nba_encode_event(f->schemas, &event, &f->value);
    assert_int_equal(nba_json_print_value(f->schemas, nba_buf_str(&f->value), &f->text, &f->error),
                     NBA_OK);
    assert_contains(f, "\"text\":\"a\\\"b\\\\c\\nd\\u0001e\\u007f\"");
}

static void test_a_cut_value_is_refused_and_nothing_is_printed(void **state)
{
    struct fixture *f = *state;
    const struct nba_action action = sample_action();
    nba_encode_action(f->schemas, &action, &f->value);
    for (size_t bytes = 0; bytes < f->value.bytes; bytes++) {
        assert_int_equal(nba_json_print_value(f->schemas,
                                              nba_str((const char *)f->value.data, bytes), &f->text,
                                              &f->error),
                         NBA_E_TRUNCATED);
        assert_int_equal(f->text.bytes, 0);
    }
}

static void test_an_event_is_read_with_only_what_it_must_say(void **state)
{
    struct fixture *f = *state;
    struct nba_event event;
    const struct nba_str text = T("{\"hcp_id\":\"h\",\"event_id\":\"e\",\"source\":\"s\","
                                  "\"event_type\":\"email_opened\",\"event_time\":"
                                  "\"2026-11-20T16:30:00+01:00\",\"profile\":{\"market\":\"US\","
                                  "\"addresses\":{\"email\":\"ok\"}},\"value\":3}");
    assert_int_equal(nba_json_parse_event(f->decoder, text, &f->arena, &event, &f->error), NBA_OK);
    assert_int_equal(event.type, NBA_EVENT_EMAIL_OPENED);
    assert_int_equal(event.event_time_ms, 1795188600000);
    assert_str_equal(event.hcp_id, "h");
    assert_str_equal(event.profile->market, "US");
    assert_int_equal(event.profile->address[NBA_CHANNEL_EMAIL], NBA_ADDRESS_OK);
    assert_true(event.value == 3);
    assert_int_equal(event.bot, NBA_BOT_NONE);
    assert_int_equal(event.captured_at_ms, NBA_TIME_NONE);
}

static void test_times_may_be_numbers(void **state)
{
    struct fixture *f = *state;
    struct nba_control control;
    assert_int_equal(nba_json_parse_control(f->decoder,
                                            T("{\"id\":\"c\",\"kind\":\"mode\",\"target\":"
                                              "\"shadow\",\"time\":5,\"until\":6}"),
                                            &f->arena, &control, &f->error),
                     NBA_OK);
    assert_int_equal(control.kind, NBA_CONTROL_MODE);
    assert_int_equal(control.time_ms, 5);
    assert_int_equal(control.until_ms, 6);
    assert_str_equal(control.scope, "content");
}

static void test_errors_name_the_place_and_what_was_expected(void **state)
{
    struct fixture *f = *state;
#define HEAD \
    "{\"event_id\":\"e\",\"source\":\"s\",\"event_type\":\"email_opened\",\"event_time\":1,"
    static const struct {
        const char *text;
        const char *message;
    } cases[] = {
        {"{\"event_id\":\"e\"}", "source: expected string, it is missing"},
        {HEAD "\"hcp\":1}", "hcp: no such field in EngagementEvent"},
        {HEAD "\"hcp_id\":7}", "hcp_id: expected a string, got an integer"},
        {HEAD "\"topic_ids\":[\"a\",{}]}", "topic_ids[1]: expected a string, got an object"},
        {HEAD "\"profile\":{\"specialties\":[\"a\",true]}}",
         "profile.specialties[1]: expected a string, got a boolean"},
        {HEAD "\"profile\":{\"addresses\":{\"email\":\"good\"}}}",
         "profile.addresses.email: expected one of none, ok, bounced, got \"good\""},
        {HEAD "\"profile\":{\"open_complaint\":\"no\"}}",
         "profile.open_complaint: expected true or false, got \"no\""},
        {HEAD "\"recorded_time\":\"yesterday\"}",
         "recorded_time: expected a time like 2026-11-20T15:30:00Z, got \"yesterday\""},
        {HEAD "\"rank\":3000000000}", "rank: expected an integer of 32 bits, got an integer"},
        {HEAD "\"rank\":1.5}", "rank: expected an integer, got a number"},
        {HEAD "\"value\":\"x\"}", "value: expected a number, got \"x\""},
        {HEAD "\"bot\":null}", "bot: expected one of none, apple, gmail, generic, got null"},
        {"[1]", "value: expected an object, got an array"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct nba_event event;
        assert_int_equal(nba_json_parse_event(f->decoder, nba_str_of(cases[i].text), &f->arena,
                                              &event, &f->error),
                         NBA_E_CONFIG);
        assert_string_equal(f->error.message, cases[i].message);
    }
}

static void test_text_that_is_no_json_is_refused_with_line_and_column(void **state)
{
    struct fixture *f = *state;
    struct nba_event event;
    assert_int_equal(
        nba_json_parse_event(f->decoder, T("{\n  \"a\": }"), &f->arena, &event, &f->error),
        NBA_E_CONFIG);
    assert_int_equal(strncmp(f->error.message, "2:", 2), 0);
    assert_int_equal(nba_json_parse_event(f->decoder, T("{\"source\":\"a\",\"source\":\"b\"}"),
                                          &f->arena, &event, &f->error),
                     NBA_E_CONFIG);
    assert_int_equal(nba_json_parse_event(f->decoder, T(""), &f->arena, &event, &f->error),
                     NBA_E_CONFIG);
}

static void test_a_content_is_read_with_its_treatments(void **state)
{
    struct fixture *f = *state;
    struct nba_reference reference;
    const struct nba_str text =
        T("{\"kind\":\"content\",\"content\":{\"content_id\":\"c\",\"treatments\":["
          "{\"channel\":\"email\",\"action_type\":\"email\",\"markets\":[\"NO\"]}]}}");
    assert_int_equal(nba_json_parse_reference(f->decoder, text, &f->arena, &reference, &f->error),
                     NBA_OK);
    assert_int_equal(reference.content.treatment_count, 1);
    const struct nba_treatment *treatment = &reference.content.treatments[0];
    assert_int_equal(treatment->approval_state, NBA_APPROVAL_APPROVED);
    assert_true(treatment->value == 1);
    assert_str_equal(treatment->markets.items[0], "NO");
    assert_int_equal(treatment->expires_at_ms, NBA_TIME_NONE);
}

static void test_doubles_are_printed_with_the_fewest_digits_that_read_back(void **state)
{
    struct fixture *f = *state;
    static const struct {
        double value;
        const char *text;
    } cases[] = {
        {0.1, "\"value\":0.1,"},   {1e300, "\"value\":1e+300,"},
        {-2.5, "\"value\":-2.5,"}, {1.0 / 3, "\"value\":0.3333333333333333,"},
        {12, "\"value\":12.0,"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct nba_event event = sample_event();
        event.value = cases[i].value;
        nba_buf_reset(&f->value);
        nba_buf_reset(&f->text);
        nba_encode_event(f->schemas, &event, &f->value);
        assert_int_equal(
            nba_json_print_value(f->schemas, nba_buf_str(&f->value), &f->text, &f->error), NBA_OK);
        assert_contains(f, cases[i].text);
    }
}

/* A value of any schema from JSON into f->value and back into f->text; ' stands for ". */
static enum nba_status there_and_back(struct fixture *f, const char *schema, const char *json)
{
    char texts[2][2048];
    struct nba_avro_schema parsed = {0};
    (void)snprintf(texts[0], sizeof(texts[0]), "%s", schema);
    (void)snprintf(texts[1], sizeof(texts[1]), "%s", json);
    for (int i = 0; i < 2; i++) {
        for (char *c = texts[i]; *c != '\0'; c++) {
            *c = *c == '\'' ? '"' : *c;
        }
    }
    nba_buf_reset(&f->value);
    nba_buf_reset(&f->text);
    json_t *value = NULL;
    assert_int_equal(nba_avro_schema_parse(nba_str_of(texts[0]), &f->arena, &parsed, &f->error),
                     NBA_OK);
    assert_int_equal(nba_json_load(nba_str_of(texts[1]), "", &value, &f->error), NBA_OK);
    enum nba_status status =
        nba_json_read_datum(value, parsed.type, NBA_JSON_FRIENDLY, &f->value, &f->error);
    if (status == NBA_OK) {
        struct nba_cursor cursor = nba_cursor(f->value.data, f->value.bytes);
        cursor.next = cursor.next != NULL ? cursor.next : (const unsigned char *)"";
        status = nba_json_print_datum(&cursor, parsed.type, &f->text, &f->error);
    }
    json_decref(value);
    nba_avro_schema_clear(&parsed);
    return status;
}

static void test_every_type_goes_there_and_back(void **state)
{
    static const struct {
        const char *schema;
        const char *in;
        const char *out; /* NULL: the same */
    } cases[] = {
        {"'null'", "null", NULL},
        {"'boolean'", "true", NULL},
        {"'int'", "-2147483648", NULL},
        {"'long'", "9223372036854775807", NULL},
        {"'float'", "3.4028235e+38", NULL},
        {"'float'", "1", "1.0"},
        {"'double'", "-0.1", NULL},
        {"'double'", "'NaN'", NULL},
        {"'double'", "'Infinity'", NULL},
        {"'float'", "'-Infinity'", NULL},
        {"'float'", "'NaN'", NULL},
        {"'bytes'", "'AP+AYQ=='", NULL},
        {"'bytes'", "''", NULL},
        {"'string'", "'\\u0000x\\u001f'", NULL},
        {"{'type':'fixed','name':'F','size':4}", "'AP+AYQ=='", NULL},
        {"{'type':'fixed','name':'F','size':0}", "''", NULL},
        {"{'type':'enum','name':'E','symbols':['A','B']}", "'B'", NULL},
        {"{'type':'array','items':'null'}", "[null,null]", NULL},
        {"{'type':'array','items':{'type':'array','items':'int'}}", "[[],[1,2],[3]]", NULL},
        {"{'type':'map','values':{'type':'map','values':'string'}}", "{'a':{},'b':{'c':'d'}}",
         NULL},
        {"{'type':'long','logicalType':'timestamp-millis'}", "'2026-11-20T15:30:00Z'", NULL},
        {"{'type':'bytes','logicalType':'decimal','precision':4}", "'/w=='", NULL},
        /* Null and one type: the value alone, or with its type. */
        {"['null','string']", "'x'", NULL},
        {"['null','string']", "null", NULL},
        {"['null','string']", "{'string':'x'}", "'x'"},
        {"['null',{'type':'map','values':'int'}]", "{'map':7}", NULL},
        {"['null',{'type':'map','values':'int'}]", "{'map':{'map':7}}", "{'map':7}"},
        {"['null','float']", "'NaN'", NULL},
        {"['int']", "7", NULL},
        /* More types: with its type, or the first that takes it. */
        {"['null','int','long']", "{'long':7}", NULL},
        {"['null','int','long']", "7", "{'int':7}"},
        {"['null','int','long']", "4294967296", "{'long':4294967296}"},
        {"['null','int','long']", "null", NULL},
        {"['bytes','string']", "{'string':'AAAA'}", NULL},
        {"['bytes','string']", "'no base64'", "{'string':'no base64'}"},
        {"['int',{'type':'enum','name':'E','namespace':'a.b','symbols':['A']}]", "{'a.b.E':'A'}",
         NULL},
        {"[{'type':'record','name':'R','fields':[{'name':'x','type':'int'}]},"
         "{'type':'record','name':'S','fields':[{'name':'y','type':'int','default':3}]}]",
         "{'S':{'y':1}}", NULL},
        {"[{'type':'record','name':'R','fields':[{'name':'x','type':'int'}]},"
         "{'type':'record','name':'S','fields':[{'name':'y','type':'int','default':3}]}]",
         "{}", "{'S':{'y':3}}"},
        {"{'type':'record','name':'R','fields':[{'name':'v','type':['string','double']},"
         "{'name':'next','type':['null','R'],'default':null}]}",
         "{'v':'x','next':{'v':{'double':'NaN'}}}",
         "{'v':{'string':'x'},'next':{'v':{'double':'NaN'},'next':null}}"},
    };
    struct fixture *f = *state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char wanted[512];
        (void)snprintf(wanted, sizeof(wanted), "%s",
                       cases[i].out != NULL ? cases[i].out : cases[i].in);
        for (char *c = wanted; *c != '\0'; c++) {
            *c = *c == '\'' ? '"' : *c;
        }
        if (there_and_back(f, cases[i].schema, cases[i].in) != NBA_OK) {
            fail_msg("%s as %s: %s", cases[i].in, cases[i].schema, f->error.message);
        }
        assert_string_equal(text_of(f), wanted);
    }
}

static void test_what_is_not_of_the_type_is_refused(void **state)
{
    static const struct {
        const char *schema;
        const char *in;
        const char *message;
    } cases[] = {
        {"'float'", "1e300", "expected a number that fits a float"},
        {"'double'", "'nan'", "expected a number"},
        {"'bytes'", "'A'", "expected a string of base64"},
        {"{'type':'fixed','name':'F','size':4}", "'AAAA'", "as many bytes"},
        {"{'type':'enum','name':'E','symbols':['A','B']}", "'A\\u0000'", "expected one of A, B"},
        {"['null','int']", "{'int':'x'}", "expected an integer"},
        {"['null','int','string']", "{'int':'x'}", "expected an integer"},
        {"['null','int','string']", "1.5", "a value of one of the union's types"},
        {"{'type':'record','name':'R','fields':[{'name':'r','type':'R','default':{}}]}", "{}",
         "too often"},
    };
    struct fixture *f = *state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_not_equal(there_and_back(f, cases[i].schema, cases[i].in), NBA_OK);
        if (strstr(f->error.message, cases[i].message) == NULL) {
            fail_msg("%s as %s: %s", cases[i].in, cases[i].schema, f->error.message);
        }
    }
}

static void test_a_number_that_is_none_is_printed_but_is_no_event(void **state)
{
    struct fixture *f = *state;
    struct nba_event event;
    const char *line = "{\"event_id\":\"e\",\"source\":\"s\",\"event_type\":\"email_opened\","
                       "\"event_time\":0,\"dwell_s\":\"NaN\"}";
    assert_int_equal(nba_json_parse_value(f->schemas, NBA_SCHEMA_ENGAGEMENT, nba_str_of(line),
                                          &f->value, &f->error),
                     NBA_OK);
    assert_int_equal(nba_json_print_value(f->schemas, nba_buf_str(&f->value), &f->text, &f->error),
                     NBA_OK);
    assert_contains(f, "\"dwell_s\":\"NaN\"");
    assert_int_equal(
        nba_json_parse_event(f->decoder, nba_str_of(line), &f->arena, &event, &f->error),
        NBA_E_NON_FINITE);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_a_value_is_printed_in_the_order_of_its_schema_with_times_as_text),
        TEST(test_what_was_printed_is_read_back_to_the_same_bytes),
        TEST(test_a_record_is_one_line_with_its_place_key_and_headers),
        TEST(test_values_that_no_schema_reads_are_printed_as_base64),
        TEST(test_control_characters_and_quotes_are_escaped),
        TEST(test_a_cut_value_is_refused_and_nothing_is_printed),
        TEST(test_an_event_is_read_with_only_what_it_must_say),
        TEST(test_times_may_be_numbers),
        TEST(test_errors_name_the_place_and_what_was_expected),
        TEST(test_text_that_is_no_json_is_refused_with_line_and_column),
        TEST(test_a_content_is_read_with_its_treatments),
        TEST(test_every_type_goes_there_and_back),
        TEST(test_what_is_not_of_the_type_is_refused),
        TEST(test_a_number_that_is_none_is_printed_but_is_no_event),
        TEST(test_doubles_are_printed_with_the_fewest_digits_that_read_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
