/*
 * Any bytes as the value of hcp.engagement.v1, and of every other message.
 *
 * Checked: no crash; a status of class SKIP or OK; what was accepted can be written (unless a limit
 * of ours forbids it) and is read back as the same bytes; memory within the promised bound.
 */
#include <stdio.h>
#include <stdlib.h>

#include "fuzz_driver.h"
#include "nba/base/assert.h"
#include "nba/base/limits.h"
#include "nba/codec/decoder.h"
#include "nba/codec/encoder.h"
#include "nba/codec/json.h"

static struct nba_schemas *schemas;
static struct nba_decoder *decoder;
static struct nba_arena arena;
static struct nba_buf first, second;

static void start(void)
{
    struct nba_error error;
    if (nba_schemas_load(NBA_SOURCE_DIR "/schemas", &schemas, &error) != NBA_OK) {
        (void)fprintf(stderr, "%s\n", error.message);
        abort();
    }
    decoder = nba_decoder_create(schemas);
    nba_arena_init(&arena, (size_t)64 * 1024 * 1024);
    nba_buf_init(&first, (size_t)8 * NBA_RECORD_BYTES_MAX);
    nba_buf_init(&second, (size_t)8 * NBA_RECORD_BYTES_MAX);
}

/* Decodes, encodes, decodes and encodes again: the two encodings are one. */
#define TRY(noun)                                                                             \
    do {                                                                                      \
        struct nba_##noun message;                                                            \
        struct nba_error error;                                                               \
        nba_arena_reset(&arena);                                                              \
        nba_buf_reset(&first);                                                                \
        nba_buf_reset(&second);                                                               \
        enum nba_status status = nba_decode_##noun(decoder, value, &arena, &message, &error); \
        NBA_ASSERT(status == NBA_OK || nba_status_class(status) == NBA_CLASS_SKIP);           \
        NBA_ASSERT(arena.bytes_used <= 32 * value.bytes + 65536);                             \
        if (status != NBA_OK) {                                                               \
            break;                                                                            \
        }                                                                                     \
        nba_encode_##noun(schemas, &message, &first);                                         \
        NBA_ASSERT(!first.failed);                                                            \
        status = nba_decode_##noun(decoder, nba_buf_str(&first), &arena, &message, &error);   \
        NBA_ASSERT(status == NBA_OK);                                                         \
        nba_encode_##noun(schemas, &message, &second);                                        \
        NBA_ASSERT(nba_str_equal(nba_buf_str(&first), nba_buf_str(&second)));                 \
    } while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (schemas == NULL) {
        start();
    }
    const struct nba_str value = nba_str((const char *)data, size);
    TRY(event);
    TRY(reference);
    TRY(control);
    TRY(journal);
    TRY(action);
    TRY(slate);
    TRY(decision);
    struct nba_error error;
    nba_buf_reset(&first);
    (void)!nba_json_print_value(schemas, value, &first, &error);
    return 0;
}
