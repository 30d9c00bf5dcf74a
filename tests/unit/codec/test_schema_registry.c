#include "nba_test.h"

#include <unistd.h>

#include "nba/base/file.h"
#include "nba/codec/avro_schema.h"
#include "nba/codec/schema_registry.h"
#include "nba/event/vocabulary.h"

static struct nba_schemas *schemas;
static struct nba_error error;

static int setup(void **state)
{
    (void)state;
    return nba_schemas_load(NBA_SOURCE_DIR "/schemas", &schemas, &error) == NBA_OK ? 0 : 1;
}

static int teardown(void **state)
{
    (void)state;
    nba_schemas_destroy(schemas);
    schemas = NULL;
    return 0;
}

static void test_every_message_has_an_id_of_its_own(void **state)
{
    (void)state;
    for (int i = 0; i < NBA_SCHEMA_COUNT; i++) {
        assert_true(nba_schemas_text(schemas, (enum nba_schema)i).bytes > 0);
        for (int j = 0; j < i; j++) {
            assert_int_not_equal(nba_schemas_id(schemas, (enum nba_schema)i),
                                 nba_schemas_id(schemas, (enum nba_schema)j));
        }
    }
    assert_string_equal(nba_schema_topic(NBA_SCHEMA_SLATE), "nba.slate.v1");
}

/* Every named type says what it is, and every field of every record too. */
static void assert_documented(const char *text, size_t bytes)
{
    size_t names = 0;
    size_t docs = 0;
    for (size_t i = 0; i + 7 < bytes; i++) {
        names += memcmp(text + i, "\"name\":", 7) == 0;
        docs += memcmp(text + i, "\"doc\":", 6) == 0;
    }
    assert_int_equal(docs, names);
}

static void test_every_type_and_field_is_documented(void **state)
{
    (void)state;
    for (int i = 0; i < NBA_SCHEMA_COUNT; i++) {
        const struct nba_str text = nba_schemas_text(schemas, (enum nba_schema)i);
        assert_documented(text.data, text.bytes);
    }
}

static const struct nba_avro_type *field_type(const struct nba_avro_type *record, const char *name)
{
    for (uint32_t i = 0; i < record->field_count; i++) {
        if (strcmp(record->fields[i].name, name) == 0) {
            return record->fields[i].type;
        }
    }
    fail_msg("no field %s", name);
    return NULL;
}

static void test_the_event_types_are_the_vocabulary_with_unknown_as_default(void **state)
{
    struct nba_arena arena;
    struct nba_avro_schema schema = {0};
    (void)state;
    nba_arena_init(&arena, (size_t)16 * 1024 * 1024);
    assert_int_equal(nba_avro_schema_parse(nba_schemas_text(schemas, NBA_SCHEMA_ENGAGEMENT), &arena,
                                           &schema, &error),
                     NBA_OK);
    const struct nba_avro_type *types = field_type(schema.type, "event_type");
    assert_int_equal(types->kind, NBA_AVRO_ENUM);
    assert_int_equal(types->symbol_count, NBA_EVENT_TYPE_COUNT);
    for (uint32_t i = 0; i < types->symbol_count; i++) {
        assert_string_equal(types->symbols[i], nba_event_type_name((enum nba_event_type)i));
    }
    assert_int_equal(types->symbol_default, NBA_EVENT_UNKNOWN);
    const struct nba_avro_type *channels = field_type(schema.type, "channel");
    assert_int_equal(channels->symbol_count, NBA_CHANNEL_COUNT);
    assert_int_equal(channels->symbol_default, NBA_CHANNEL_UNKNOWN);
    nba_avro_schema_clear(&schema);
    nba_arena_clear(&arena);
}

static void test_an_id_has_one_text(void **state)
{
    (void)state;
    assert_int_equal(nba_schemas_add(schemas, 700, nba_str_of("\"int\""), &error), NBA_OK);
    assert_int_equal(nba_schemas_add(schemas, 700, nba_str_of("\"int\""), &error), NBA_OK);
    assert_int_equal(nba_schemas_add(schemas, 700, nba_str_of("\"long\""), &error), NBA_E_EXISTS);
    assert_int_equal(nba_schemas_add(schemas, 701, nba_str_of("{"), &error), NBA_E_CONFIG);
    for (uint32_t id = 1000; id < 1000 + NBA_SCHEMAS_MAX; id++) {
        const enum nba_status status = nba_schemas_add(schemas, id, nba_str_of("\"int\""), &error);
        assert_true(status == NBA_OK || status == NBA_E_LIMIT);
    }
    assert_int_equal(nba_schemas_add(schemas, 9999, nba_str_of("\"int\""), &error), NBA_E_LIMIT);
}

/* A copy of the schemas with one file changed. */
static enum nba_status load_changed(const char *name, const char *from, const char *to)
{
    char dir[] = "/tmp/nba-schemas-XXXXXX";
    char path[512];
    struct nba_buf buf;
    assert_non_null(mkdtemp(dir));
    nba_buf_init(&buf, 1u << 20);
    static const char *const files[] = {"hcp.engagement.v1.avsc",
                                        "nba.catalog.v1.avsc",
                                        "nba.control.v1.avsc",
                                        "nba.action.v1.avsc",
                                        "nba.slate.v1.avsc",
                                        "nba.decision.v1.avsc",
                                        "nba.journal.v1.avsc",
                                        "nba.mailbox.v1.avsc",
                                        "nba.rep.capacity.v1.avsc",
                                        "nba.log.record.avsc",
                                        "ids.json"};
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        nba_buf_reset(&buf);
        (void)snprintf(path, sizeof(path), NBA_SOURCE_DIR "/schemas/%s", files[i]);
        assert_int_equal(nba_file_read(path, &buf, &error), NBA_OK);
        nba_buf_append_byte(&buf, 0);
        char *at = strcmp(files[i], name) == 0 ? strstr((char *)buf.data, from) : NULL;
        if (strcmp(files[i], name) == 0) {
            assert_non_null(at);
            assert_int_equal(strlen(from), strlen(to));
            memcpy(at, to, strlen(to));
        }
        (void)snprintf(path, sizeof(path), "%s/%s", dir, files[i]);
        assert_int_equal(
            nba_file_write(path, nba_str((const char *)buf.data, buf.bytes - 1), &error), NBA_OK);
    }
    nba_buf_clear(&buf);
    struct nba_schemas *changed = NULL;
    const enum nba_status status = nba_schemas_load(dir, &changed, &error);
    nba_schemas_destroy(changed);
    struct nba_error ignored;
    (void)!nba_file_remove_tree(dir, &ignored);
    return status;
}

static void test_schemas_that_do_not_fit_our_structs_are_refused_at_the_start(void **state)
{
    (void)state;
    assert_int_equal(load_changed("nba.control.v1.avsc", "\"target\"", "\"targot\""), NBA_E_CONFIG);
    assert_non_null(strstr(error.message, "nba.control.v1"));
    assert_non_null(strstr(error.message, "target"));
    assert_int_equal(
        load_changed("hcp.engagement.v1.avsc", "\"email_clicked\"", "\"email_klicked\""),
        NBA_E_CONFIG);
    assert_non_null(strstr(error.message, "email_clicked"));
    assert_int_equal(
        load_changed("nba.journal.v1.avsc", "\"type\": \"long\"", "\"type\": \"bool\""),
        NBA_E_CONFIG);
    assert_int_equal(load_changed("ids.json", "nba.slate.v1-value", "nba.slots.v1-value"),
                     NBA_E_CONFIG);
    assert_non_null(strstr(error.message, "nba.slate.v1"));
    assert_int_equal(load_changed("ids.json", "\"id\": 2", "\"id\": 1"), NBA_E_CONFIG);
    assert_int_equal(load_changed("ids.json", "nba.slate.v1.avsc", "nba.slots.v1.avsc"),
                     NBA_E_NOT_FOUND);
    assert_int_equal(load_changed("ids.json", "schemas", "schemes"), NBA_E_CONFIG);
    assert_int_equal(load_changed("ids.json", "schemas", "schemas"), NBA_OK);
}

static void test_a_folder_without_ids_is_not_found(void **state)
{
    struct nba_schemas *none = NULL;
    (void)state;
    assert_int_equal(nba_schemas_load("/nonexistent", &none, &error), NBA_E_NOT_FOUND);
    assert_null(none);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_every_message_has_an_id_of_its_own),
        TEST(test_every_type_and_field_is_documented),
        TEST(test_the_event_types_are_the_vocabulary_with_unknown_as_default),
        TEST(test_an_id_has_one_text),
        TEST(test_schemas_that_do_not_fit_our_structs_are_refused_at_the_start),
        TEST(test_a_folder_without_ids_is_not_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
