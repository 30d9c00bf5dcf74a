/*
 * The codec on a pipe, for tests written in other languages.  One command a line, bytes in
 * hexadecimal ("-" for none); one answer a line, "ok [hex]" or "error <status> <message>".
 *
 *   schema ID JSON      a writer's schema under its id
 *   recode NOUN VALUE   decode, then encode what was decoded (event, reference, control, ...)
 *   resolve WRITER READER DATUM   the datum of one schema as that of another (records)
 *   json VALUE          the value as JSON
 *   parse TOPIC JSON    a value from JSON
 *   copy IN OUT CODEC   a log file read and written again (paths in clear)
 *   cat IN              every record of a container file as JSON, one ok line each, then "end"
 */
#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../src/codec/program_internal.h"
#include "generic_binding.h"
#include "nba/base/limits.h"
#include "nba/codec/container.h"
#include "nba/codec/decoder.h"
#include "nba/codec/encoder.h"
#include "nba/codec/json.h"

#define LINE_BYTES (8u * 1024u * 1024u)

struct driver {
    struct nba_schemas *schemas;
    struct nba_decoder *decoder;
    struct nba_arena arena;
    struct nba_buf in;
    struct nba_buf out;
    struct nba_error error;
};

static void answer(const struct driver *d, enum nba_status status)
{
    if (status == NBA_OK) {
        printf("ok ");
        for (size_t i = 0; i < d->out.bytes; i++) {
            printf("%02x", d->out.data[i]);
        }
        printf("\n");
    } else {
        printf("error %s %s\n", nba_status_name(status), d->error.message);
    }
    (void)fflush(stdout);
}

static struct nba_str unhex(struct driver *d, const char *text)
{
    nba_buf_reset(&d->in);
    for (; text != NULL && isxdigit((unsigned char)text[0]) && isxdigit((unsigned char)text[1]);
         text += 2) {
        const char two[3] = {text[0], text[1], '\0'};
        nba_buf_append_byte(&d->in, (unsigned char)strtoul(two, NULL, 16));
    }
    return nba_buf_str(&d->in);
}

#define RECODE(noun)                                                                            \
    static enum nba_status recode_##noun(struct driver *d, struct nba_str value)                \
    {                                                                                           \
        struct nba_##noun noun;                                                                 \
        const enum nba_status status =                                                          \
            nba_decode_##noun(d->decoder, value, &d->arena, &noun, &d->error);                  \
        if (status == NBA_OK) {                                                                 \
            nba_encode_##noun(d->schemas, &noun, &d->out);                                      \
        }                                                                                       \
        return d->out.failed ? nba_error_set(&d->error, NBA_E_LIMIT, "not encodable") : status; \
    }

RECODE(event)
RECODE(reference)
RECODE(control)
RECODE(journal)
RECODE(action)
RECODE(slate)
RECODE(decision)

static enum nba_status recode(struct driver *d, const char *noun, struct nba_str value)
{
    static const struct {
        const char *noun;
        enum nba_status (*recode)(struct driver *d, struct nba_str value);
    } nouns[] = {
        {"event", recode_event},       {"reference", recode_reference}, {"control", recode_control},
        {"journal", recode_journal},   {"action", recode_action},       {"slate", recode_slate},
        {"decision", recode_decision},
    };
    for (size_t i = 0; i < sizeof(nouns) / sizeof(nouns[0]); i++) {
        if (strcmp(nouns[i].noun, noun) == 0) {
            return nouns[i].recode(d, value);
        }
    }
    return nba_error_set(&d->error, NBA_E_USAGE, "no such noun");
}

/* The writer's bytes into a struct laid out for the reader's schema, and that as the reader's. */
static enum nba_status resolve(struct driver *d, char *words[4])
{
    struct nba_avro_schema schemas[2] = {0};
    const struct nba_program *reading = NULL;
    const struct nba_program *writing = NULL;
    const struct nba_record_binding *binding = NULL;
    enum nba_status status = NBA_OK;
    for (int i = 0; i < 2 && status == NBA_OK; i++) {
        status = nba_avro_schema_parse(unhex(d, words[1 + i]), &d->arena, &schemas[i], &d->error);
    }
    if (status == NBA_OK) {
        binding = generic_binding(schemas[1].type, &d->arena);
        status = binding == NULL ? nba_error_set(&d->error, NBA_E_USAGE, "no binding") : NBA_OK;
    }
    if (status == NBA_OK) {
        status =
            nba_program_compile(schemas[1].type, NULL, binding, &d->arena, &writing, &d->error);
    }
    if (status == NBA_OK) {
        status = nba_program_compile(schemas[0].type, schemas[1].type, binding, &d->arena, &reading,
                                     &d->error);
    }
    if (status == NBA_OK) {
        const struct nba_str datum = unhex(d, words[3]);
        struct nba_cursor cursor = nba_cursor(datum.data, datum.bytes);
        void *record = nba_arena_need(&d->arena, binding->bytes);
        status = nba_program_run(reading, &cursor, &d->arena, record, &d->error);
        if (status == NBA_OK && nba_cursor_left(&cursor) != 0) {
            status = nba_error_set(&d->error, NBA_E_NOT_AVRO, "bytes left over");
        }
        if (status == NBA_OK) {
            nba_program_write(writing, record, &d->out);
            status =
                d->out.failed ? nba_error_set(&d->error, NBA_E_LIMIT, "not encodable") : NBA_OK;
        }
    }
    nba_avro_schema_clear(&schemas[0]);
    nba_avro_schema_clear(&schemas[1]);
    return status;
}

static enum nba_status parse(struct driver *d, const char *topic, struct nba_str text)
{
    for (int which = 0; which < NBA_SCHEMA_COUNT; which++) {
        if (strcmp(nba_schema_topic((enum nba_schema)which), topic) == 0) {
            return nba_json_parse_value(d->schemas, (enum nba_schema)which, text, &d->out,
                                        &d->error);
        }
    }
    return nba_error_set(&d->error, NBA_E_USAGE, "no such topic");
}

static enum nba_status copy(struct driver *d, const char *in, const char *out, const char *codec)
{
    struct nba_container_reader *reader = NULL;
    struct nba_container_writer *writer = NULL;
    enum nba_status status = nba_container_reader_open(d->schemas, in, &reader, &d->error);
    if (status == NBA_OK) {
        status = nba_container_writer_create(d->schemas, out,
                                             strcmp(codec, "deflate") == 0 ? NBA_CONTAINER_DEFLATE
                                                                           : NBA_CONTAINER_NULL,
                                             &writer, &d->error);
    }
    bool more = true;
    while (status == NBA_OK && more) {
        struct nba_record record;
        status = nba_container_reader_next(reader, &record, &more, &d->error);
        if (status == NBA_OK && more) {
            status = nba_container_writer_append(writer, &record, &d->error);
        }
    }
    if (status == NBA_OK) {
        status = nba_container_writer_finish(writer, &d->error);
    }
    nba_container_writer_destroy(writer);
    nba_container_reader_close(reader);
    return status;
}

static enum nba_status cat(struct driver *d, const char *in)
{
    struct nba_container_reader *reader = NULL;
    enum nba_status status = nba_container_reader_open(d->schemas, in, &reader, &d->error);
    bool more = true;
    while (status == NBA_OK && more) {
        nba_buf_reset(&d->out);
        status = nba_container_reader_next_json(reader, &d->out, &more, &d->error);
        if (status == NBA_OK && more) {
            answer(d, NBA_OK);
        }
    }
    nba_container_reader_close(reader);
    nba_buf_reset(&d->out);
    return status;
}

static enum nba_status command(struct driver *d, char *words[4])
{
    if (strcmp(words[0], "schema") == 0) {
        return nba_schemas_add(d->schemas, (uint32_t)strtoul(words[1], NULL, 10),
                               unhex(d, words[2]), &d->error);
    }
    if (strcmp(words[0], "recode") == 0) {
        return recode(d, words[1], unhex(d, words[2]));
    }
    if (strcmp(words[0], "resolve") == 0) {
        return resolve(d, words);
    }
    if (strcmp(words[0], "json") == 0) {
        return nba_json_print_value(d->schemas, unhex(d, words[1]), &d->out, &d->error);
    }
    if (strcmp(words[0], "parse") == 0) {
        return parse(d, words[1], unhex(d, words[2]));
    }
    if (strcmp(words[0], "copy") == 0) {
        return copy(d, words[1], words[2], words[3]);
    }
    if (strcmp(words[0], "cat") == 0) {
        return cat(d, words[1]);
    }
    return nba_error_set(&d->error, NBA_E_USAGE, "no such command");
}

int main(int argc, char **argv)
{
    struct driver d = {0};
    if (nba_schemas_load(argc > 1 ? argv[1] : NBA_SOURCE_DIR "/schemas", &d.schemas, &d.error) !=
        NBA_OK) {
        (void)fprintf(stderr, "%s\n", d.error.message);
        return 2;
    }
    d.decoder = nba_decoder_create(d.schemas);
    nba_arena_init(&d.arena, (size_t)64 * 1024 * 1024);
    nba_buf_init(&d.in, LINE_BYTES);
    nba_buf_init(&d.out, LINE_BYTES);
    char *line = malloc(LINE_BYTES);
    while (line != NULL && fgets(line, (int)LINE_BYTES, stdin) != NULL) {
        static char none[] = "";
        char *words[4] = {none, none, none, none};
        char *rest = NULL;
        char *word = strtok_r(line, " \n", &rest);
        for (size_t i = 0; i < 4 && word != NULL; i++) {
            words[i] = word;
            word = strtok_r(NULL, " \n", &rest);
        }
        nba_arena_reset(&d.arena);
        nba_buf_reset(&d.out);
        answer(&d, command(&d, words));
    }
    free(line);
    nba_buf_clear(&d.in);
    nba_buf_clear(&d.out);
    nba_arena_clear(&d.arena);
    nba_decoder_destroy(d.decoder);
    nba_schemas_destroy(d.schemas);
    return 0;
}
