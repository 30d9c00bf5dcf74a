/*
 * Any two schemas and bytes of the first: the writer's as JSON, a zero byte, the reader's, a zero
 * byte, a datum; resolved into a struct laid out for the reader (tests/avro/generic_binding.h).
 *
 * Checked: no crash and no hang; memory in bounds; what is accepted is written as the reader's, is
 * read back as the same and, where its JSON is read at all, goes through JSON unchanged.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "../../src/codec/json_internal.h"
#include "../../src/codec/program_internal.h"
#include "../avro/generic_binding.h"
#include "fuzz_driver.h"
#include "nba/base/assert.h"
#include "nba/base/limits.h"

#define ARENA_BYTES ((size_t)64 * 1024 * 1024)
#define TEXT_BYTES  ((size_t)4 * 1024 * 1024)

static struct nba_arena schema_arena, arena;
static struct nba_buf first, second, text;
static struct nba_error error;

static void start(void)
{
    nba_arena_init(&schema_arena, 4 * ARENA_BYTES);
    nba_arena_init(&arena, ARENA_BYTES);
    nba_buf_init(&first, TEXT_BYTES);
    nba_buf_init(&second, TEXT_BYTES);
    nba_buf_init(&text, TEXT_BYTES);
}

/* Reads and writes it as the reader's; false: refused. */
static bool resolve(const struct nba_program *reading, const struct nba_program *writing,
                    size_t record_bytes, struct nba_str datum, struct nba_buf *out)
{
    struct nba_cursor cursor = nba_cursor(datum.data, datum.bytes);
    nba_arena_reset(&arena);
    nba_buf_reset(out);
    void *record = nba_arena_need(&arena, record_bytes);
    const enum nba_status status = nba_program_run(reading, &cursor, &arena, record, &error);
    NBA_ASSERT(status == NBA_OK || status == NBA_E_NO_MEMORY ||
               nba_status_class(status) == NBA_CLASS_SKIP);
    if (status == NBA_OK) {
        nba_program_write(writing, record, out);
    }
    return status == NBA_OK && !out->failed;
}

static void through_json(const struct nba_avro_type *type)
{
    struct nba_cursor cursor = nba_cursor(first.data, first.bytes);
    json_t *json = NULL;
    nba_buf_reset(&text);
    nba_buf_reset(&second);
    if (first.bytes != 0 && nba_json_print_datum(&cursor, type, &text, &error) == NBA_OK) {
        NBA_ASSERT(nba_cursor_left(&cursor) == 0);
        if (nba_json_load(nba_buf_str(&text), "", &json, &error) == NBA_OK &&
            nba_json_read_datum(json, type, NBA_JSON_FRIENDLY, &second, &error) == NBA_OK) {
            NBA_ASSERT(nba_str_equal(nba_buf_str(&first), nba_buf_str(&second)));
        }
        json_decref(json);
    }
}

static void run(const struct nba_avro_type *writer, const struct nba_avro_type *reader,
                struct nba_str datum)
{
    const struct nba_program *reading = NULL;
    const struct nba_program *again = NULL;
    const struct nba_program *writing = NULL;
    const struct nba_record_binding *binding = generic_binding(reader, &schema_arena);
    if (binding == NULL ||
        nba_program_compile(reader, NULL, binding, &schema_arena, &writing, &error) != NBA_OK) {
        return;
    }
    enum nba_status status =
        nba_program_compile(writer, reader, binding, &schema_arena, &reading, &error);
    /* Config: a default of the reader that is none. */
    NBA_ASSERT(status == NBA_OK || status == NBA_E_SCHEMA_INCOMPATIBLE || status == NBA_E_CONFIG);
    if (status != NBA_OK || !resolve(reading, writing, binding->bytes, datum, &first)) {
        return;
    }
    status = nba_program_compile(reader, reader, binding, &schema_arena, &again, &error);
    if (status == NBA_OK && resolve(again, writing, binding->bytes, nba_buf_str(&first), &second)) {
        NBA_ASSERT(nba_str_equal(nba_buf_str(&first), nba_buf_str(&second)));
    }
    through_json(reader);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (first.bytes_max == 0) {
        start();
    }
    const uint8_t *middle = size != 0 ? memchr(data, 0, size) : NULL;
    const uint8_t *end =
        middle != NULL ? memchr(middle + 1, 0, size - (size_t)(middle + 1 - data)) : NULL;
    struct nba_avro_schema schemas[2] = {0};
    nba_arena_reset(&schema_arena);
    if (end == NULL) {
        return 0;
    }
    const struct nba_str texts[2] = {
        nba_str((const char *)data, (size_t)(middle - data)),
        nba_str((const char *)middle + 1, (size_t)(end - middle - 1)),
    };
    if (nba_avro_schema_parse(texts[0], &schema_arena, &schemas[0], &error) == NBA_OK &&
        nba_avro_schema_parse(texts[1], &schema_arena, &schemas[1], &error) == NBA_OK) {
        run(schemas[0].type, schemas[1].type,
            nba_str((const char *)end + 1, size - (size_t)(end + 1 - data)));
    }
    nba_avro_schema_clear(&schemas[0]);
    nba_avro_schema_clear(&schemas[1]);
    return 0;
}
