/*
 * A producer's schema and bytes written by it: "<schema JSON>\0<datum>", resolved to our event.
 *
 * Checked: no crash and no hang, whatever the schema says; memory in bounds; a value that is
 * accepted is one that our own encoder can write.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../src/codec/json_internal.h"
#include "fuzz_driver.h"
#include "nba/base/assert.h"
#include "nba/base/limits.h"
#include "nba/codec/encoder.h"
#include "nba/codec/program.h"

static struct nba_schemas *schemas;
static struct nba_avro_schema ours;
static struct nba_arena own_arena, program_arena, arena;
static struct nba_buf out;

static void start(void)
{
    struct nba_error error;
    nba_arena_init(&own_arena, (size_t)64 * 1024 * 1024);
    if (nba_schemas_load(NBA_SOURCE_DIR "/schemas", &schemas, &error) != NBA_OK ||
        nba_avro_schema_parse(nba_schemas_text(schemas, NBA_SCHEMA_ENGAGEMENT), &own_arena, &ours,
                              &error) != NBA_OK) {
        (void)fprintf(stderr, "%s\n", error.message);
        abort();
    }
    nba_arena_init(&program_arena, (size_t)256 * 1024 * 1024);
    nba_arena_init(&arena, (size_t)64 * 1024 * 1024);
    nba_buf_init(&out, (size_t)8 * NBA_RECORD_BYTES_MAX);
}

static void run(const struct nba_avro_type *writer, const unsigned char *datum, size_t bytes)
{
    const struct nba_program *program = NULL;
    struct nba_event event;
    struct nba_error error;
    struct nba_cursor cursor = nba_cursor(datum, bytes);
    enum nba_status status =
        nba_program_compile(writer, ours.type, nba_bindings_of(NBA_SCHEMA_ENGAGEMENT),
                            &program_arena, &program, &error);
    NBA_ASSERT(status == NBA_OK || status == NBA_E_SCHEMA_INCOMPATIBLE);
    if (status == NBA_OK) {
        status = nba_program_run(program, &cursor, &arena, &event, &error);
        NBA_ASSERT(status == NBA_OK || nba_status_class(status) == NBA_CLASS_SKIP);
        NBA_ASSERT(arena.bytes_used <= 32 * bytes + 65536);
        if (status == NBA_OK) {
            nba_buf_reset(&out);
            nba_encode_event(schemas, &event, &out);
            NBA_ASSERT(!out.failed);
        }
    }
    nba_buf_reset(&out);
    cursor = nba_cursor(datum, bytes);
    (void)!nba_json_print_datum(&cursor, writer, &out, &error);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (schemas == NULL) {
        start();
    }
    const uint8_t *end = size != 0 ? memchr(data, 0, size) : NULL;
    if (end == NULL) {
        return 0;
    }
    const struct nba_str text = nba_str((const char *)data, (size_t)(end - data));
    struct nba_avro_schema writer = {0};
    struct nba_error error;
    nba_arena_reset(&program_arena);
    nba_arena_reset(&arena);
    if (nba_avro_schema_parse(text, &program_arena, &writer, &error) == NBA_OK) {
        run(writer.type, end + 1, size - text.bytes - 1);
        nba_avro_schema_clear(&writer);
    }
    return 0;
}
