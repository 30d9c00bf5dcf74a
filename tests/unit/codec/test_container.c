#include "nba_test.h"

#include <unistd.h>

#include "nba/base/file.h"
#include "nba/base/limits.h"
#include "nba/base/random.h"
#include "nba/codec/container.h"
#include "samples.h"

struct fixture {
    struct nba_schemas *schemas;
    char dir[64];
    char path[128];
    struct nba_buf bytes;
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
    strncpy(f->dir, "/tmp/nba-container-XXXXXX", sizeof(f->dir) - 1);
    assert_non_null(mkdtemp(f->dir));
    (void)snprintf(f->path, sizeof(f->path), "%s/log.avro", f->dir);
    nba_buf_init(&f->bytes, (size_t)64 * 1024 * 1024);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    struct nba_error ignored;
    (void)!nba_file_remove_tree(f->dir, &ignored);
    nba_buf_clear(&f->bytes);
    nba_schemas_destroy(f->schemas);
    free(f);
    return 0;
}

static const struct nba_header sample_headers[] = {{{"src", 3}, {"t/0/7", 5}},
                                                   {{"src", 3}, {"", 0}}};

static struct nba_record sample_record(int i)
{
    static char value[300];
    memset(value, 'a' + i % 26, sizeof(value));
    return (struct nba_record){.topic = T("hcp.engagement.v1"),
                               .partition = i % 4,
                               .offset = 2 * (int64_t)i,
                               .timestamp_ms = 1795188600000 + i,
                               .key = nba_str("hcp-0001", (size_t)(i % 9)),
                               .value = nba_str(value, (size_t)(i % 300)),
                               .key_null = i % 3 == 0,
                               .value_null = i % 5 == 0,
                               .headers = sample_headers,
                               .header_count = (uint32_t)i % 3};
}

static void write_records(struct fixture *f, enum nba_container_codec codec, int count)
{
    struct nba_container_writer *writer = NULL;
    (void)unlink(f->path);
    assert_int_equal(nba_container_writer_create(f->schemas, f->path, codec, &writer, &f->error),
                     NBA_OK);
    for (int i = 0; i < count; i++) {
        const struct nba_record record = sample_record(i);
        assert_int_equal(nba_container_writer_append(writer, &record, &f->error), NBA_OK);
    }
    assert_false(nba_file_exists(f->path));
    assert_int_equal(nba_container_writer_finish(writer, &f->error), NBA_OK);
    nba_container_writer_destroy(writer);
}

static void assert_record(const struct nba_record *record, int i)
{
    const struct nba_record expected = sample_record(i);
    assert_true(nba_str_equal(record->topic, expected.topic));
    assert_int_equal(record->partition, expected.partition);
    assert_int_equal(record->offset, expected.offset);
    assert_int_equal(record->timestamp_ms, expected.timestamp_ms);
    assert_int_equal(record->key_null, expected.key_null);
    assert_int_equal(record->value_null, expected.value_null);
    assert_true(expected.key_null || nba_str_equal(record->key, expected.key));
    assert_true(expected.value_null || nba_str_equal(record->value, expected.value));
    assert_int_equal(record->header_count, expected.header_count);
    for (uint32_t h = 0; h < record->header_count; h++) {
        assert_true(nba_str_equal(record->headers[h].name, expected.headers[h].name));
        assert_true(nba_str_equal(record->headers[h].value, expected.headers[h].value));
    }
}

static void round_trip(struct fixture *f, enum nba_container_codec codec, int count)
{
    struct nba_container_reader *reader = NULL;
    struct nba_record record;
    bool more = true;
    int i = 0;
    write_records(f, codec, count);
    assert_int_equal(nba_container_reader_open(f->schemas, f->path, &reader, &f->error), NBA_OK);
    for (;;) {
        assert_int_equal(nba_container_reader_next(reader, &record, &more, &f->error), NBA_OK);
        if (!more) {
            break;
        }
        assert_record(&record, i);
        i++;
    }
    assert_int_equal(i, count);
    nba_container_reader_close(reader);
}

static void test_records_are_read_back_as_they_were_written(void **state)
{
    struct fixture *f = *state;
    round_trip(f, NBA_CONTAINER_NULL, 0);
    round_trip(f, NBA_CONTAINER_NULL, 1);
    round_trip(f, NBA_CONTAINER_NULL, 5000);
    round_trip(f, NBA_CONTAINER_DEFLATE, 1);
    round_trip(f, NBA_CONTAINER_DEFLATE, 5000);
}

static void test_the_same_records_make_the_same_file(void **state)
{
    struct fixture *f = *state;
    struct nba_buf again;
    nba_buf_init(&again, (size_t)64 * 1024 * 1024);
    write_records(f, NBA_CONTAINER_DEFLATE, 1000);
    assert_int_equal(nba_file_read(f->path, &f->bytes, &f->error), NBA_OK);
    assert_int_equal(unlink(f->path), 0);
    write_records(f, NBA_CONTAINER_DEFLATE, 1000);
    assert_int_equal(nba_file_read(f->path, &again, &f->error), NBA_OK);
    assert_int_equal(again.bytes, f->bytes.bytes);
    assert_memory_equal(again.data, f->bytes.data, again.bytes);
    nba_buf_clear(&again);
}

static void test_an_unfinished_file_leaves_nothing_behind(void **state)
{
    struct fixture *f = *state;
    struct nba_container_writer *writer = NULL;
    char part[160];
    (void)snprintf(part, sizeof(part), "%s.part", f->path);
    assert_int_equal(
        nba_container_writer_create(f->schemas, f->path, NBA_CONTAINER_NULL, &writer, &f->error),
        NBA_OK);
    assert_true(nba_file_exists(part));
    nba_container_writer_destroy(writer);
    assert_false(nba_file_exists(part));
    assert_false(nba_file_exists(f->path));
}

static void test_a_record_too_large_is_refused_and_the_others_stay(void **state)
{
    struct fixture *f = *state;
    struct nba_container_writer *writer = NULL;
    struct nba_container_reader *reader = NULL;
    struct nba_record record = sample_record(1);
    char *large = calloc(1, NBA_CONTAINER_BLOCK_BYTES_MAX);
    assert_non_null(large);
    assert_int_equal(
        nba_container_writer_create(f->schemas, f->path, NBA_CONTAINER_NULL, &writer, &f->error),
        NBA_OK);
    assert_int_equal(nba_container_writer_append(writer, &record, &f->error), NBA_OK);
    record.value = nba_str(large, NBA_CONTAINER_BLOCK_BYTES_MAX);
    assert_int_equal(nba_container_writer_append(writer, &record, &f->error), NBA_E_LIMIT);
    record = sample_record(2);
    assert_int_equal(nba_container_writer_append(writer, &record, &f->error), NBA_OK);
    assert_int_equal(nba_container_writer_finish(writer, &f->error), NBA_OK);
    nba_container_writer_destroy(writer);
    free(large);

    bool more = false;
    assert_int_equal(nba_container_reader_open(f->schemas, f->path, &reader, &f->error), NBA_OK);
    for (int i = 1; i <= 2; i++) {
        assert_int_equal(nba_container_reader_next(reader, &record, &more, &f->error), NBA_OK);
        assert_true(more);
        assert_record(&record, i);
    }
    assert_int_equal(nba_container_reader_next(reader, &record, &more, &f->error), NBA_OK);
    assert_false(more);
    nba_container_reader_close(reader);
}

/* Reads to the end or the first error. */
static enum nba_status read_all(struct fixture *f, struct nba_str bytes)
{
    struct nba_container_reader *reader = NULL;
    struct nba_record record;
    bool more = true;
    assert_int_equal(nba_file_write(f->path, bytes, &f->error), NBA_OK);
    enum nba_status status = nba_container_reader_open(f->schemas, f->path, &reader, &f->error);
    while (status == NBA_OK && more) {
        status = nba_container_reader_next(reader, &record, &more, &f->error);
    }
    nba_container_reader_close(reader);
    return status;
}

static void test_a_file_cut_anywhere_is_corrupt_unless_a_block_ends_there(void **state)
{
    struct fixture *f = *state;
    write_records(f, NBA_CONTAINER_NULL, 3);
    assert_int_equal(nba_file_read(f->path, &f->bytes, &f->error), NBA_OK);
    const struct nba_str whole = nba_buf_str(&f->bytes);
    size_t good = 0;
    for (size_t bytes = 0; bytes <= whole.bytes; bytes += bytes > 40 && bytes < 1100 ? 14u : 1u) {
        const enum nba_status status = read_all(f, nba_str(whole.data, bytes));
        good += status == NBA_OK;
        assert_true(status == NBA_OK || status == NBA_E_CORRUPT);
    }
    assert_int_equal(read_all(f, whole), NBA_OK);
    assert_true(good <= 2);
}

static void test_a_changed_byte_never_crashes(void **state)
{
    struct fixture *f = *state;
    struct nba_rng rng = nba_rng(7);
    write_records(f, NBA_CONTAINER_DEFLATE, 40);
    assert_int_equal(nba_file_read(f->path, &f->bytes, &f->error), NBA_OK);
    for (int i = 0; i < 1500; i++) {
        unsigned char *byte = &f->bytes.data[nba_rng_below(&rng, f->bytes.bytes)];
        const unsigned char before = *byte;
        *byte = (unsigned char)nba_rng_next(&rng);
        const enum nba_status status = read_all(f, nba_buf_str(&f->bytes));
        assert_true(status == NBA_OK || status == NBA_E_CORRUPT || status == NBA_E_LIMIT ||
                    status == NBA_E_SCHEMA_INCOMPATIBLE);
        *byte = before;
    }
}

static void test_files_that_are_no_log_files_say_so(void **state)
{
    struct fixture *f = *state;
    struct nba_container_reader *reader = NULL;
    assert_int_equal(read_all(f, T("")), NBA_E_CORRUPT);
    assert_int_equal(read_all(f, T("hcp_id,event\n1,2\n")), NBA_E_CORRUPT);
    assert_int_equal(nba_container_reader_open(f->schemas, "/nonexistent/x", &reader, &f->error),
                     NBA_E_NOT_FOUND);
    assert_int_equal(nba_container_reader_open(f->schemas, f->dir, &reader, &f->error), NBA_E_IO);
    /* A container file of numbers, with one block of one record. */
    nba_buf_append(&f->bytes,
                   "Obj\1\2\x16"
                   "avro.schema\x0c\"long\"\0",
                   4 + 2 + 11 + 1 + 6 + 1);
    nba_buf_append(&f->bytes, "0123456789abcdef", 16);
    nba_buf_append(&f->bytes,
                   "\2\2\x0e"
                   "0123456789abcdef",
                   19);
    assert_int_equal(read_all(f, nba_buf_str(&f->bytes)), NBA_E_SCHEMA_INCOMPATIBLE);
    struct nba_buf text;
    bool more = false;
    nba_buf_init(&text, 4096);
    assert_int_equal(nba_container_reader_open(f->schemas, f->path, &reader, &f->error), NBA_OK);
    assert_int_equal(nba_container_reader_next_json(reader, &text, &more, &f->error), NBA_OK);
    assert_true(more);
    assert_str_equal(nba_buf_str(&text), "7");
    assert_int_equal(nba_container_reader_next_json(reader, &text, &more, &f->error), NBA_OK);
    assert_false(more);
    nba_container_reader_close(reader);
    nba_buf_clear(&text);
}

static void test_a_block_that_promises_more_than_it_holds_is_corrupt(void **state)
{
    struct fixture *f = *state;
    static const char head[] = "Obj\1\2\x16"
                               "avro.schema\x0c\"long\"\0"
                               "0123456789abcdef";
    static const struct nba_str blocks[] = {
        {"\4\2\x0e"
         "0123456789abcdef",
         19}, /* 2 in a byte */
        {"\xfe\xff\xff\xff\xff\xff\xff\xff\xff\x01\2\x0e"
         "0123456789abcdef",
         28}, /* 2^63 - 1 */
        {"\1\2\x0e"
         "0123456789abcdef",
         19}, /* -1 */
        {"\2\4\x0e\x0e"
         "0123456789abcdef",
         20}, /* a byte left over */
        {"\2\2\x0e"
         "0123456789abcdeF",
         19},                              /* another marker */
        {"\2\xfe\xff\xff\xff\x0f\x0e", 7}, /* 2^31 bytes */
    };
    for (size_t i = 0; i < sizeof(blocks) / sizeof(blocks[0]); i++) {
        struct nba_container_reader *reader = NULL;
        bool more = true;
        nba_buf_reset(&f->bytes);
        nba_buf_append(&f->bytes, head, sizeof(head) - 1);
        nba_buf_append_str(&f->bytes, blocks[i]);
        assert_int_equal(nba_file_write(f->path, nba_buf_str(&f->bytes), &f->error), NBA_OK);
        assert_int_equal(nba_container_reader_open(f->schemas, f->path, &reader, &f->error),
                         NBA_OK);
        enum nba_status status = NBA_OK;
        while (status == NBA_OK && more) {
            struct nba_buf text;
            nba_buf_init(&text, 4096);
            status = nba_container_reader_next_json(reader, &text, &more, &f->error);
            nba_buf_clear(&text);
        }
        assert_int_equal(status, NBA_E_CORRUPT);
        nba_container_reader_close(reader);
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_records_are_read_back_as_they_were_written),
        TEST(test_the_same_records_make_the_same_file),
        TEST(test_an_unfinished_file_leaves_nothing_behind),
        TEST(test_a_record_too_large_is_refused_and_the_others_stay),
        TEST(test_a_file_cut_anywhere_is_corrupt_unless_a_block_ends_there),
        TEST(test_a_changed_byte_never_crashes),
        TEST(test_files_that_are_no_log_files_say_so),
        TEST(test_a_block_that_promises_more_than_it_holds_is_corrupt),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
