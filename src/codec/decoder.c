/*
 * Programs are compiled when their id is first seen and kept by message and place in the registry,
 * failures too: a producer with a schema of its own costs one compilation, not one a record.
 */
#include "nba/codec/decoder.h"

#include <stdlib.h>
#include <string.h>

#include "nba/base/assert.h"
#include "nba/base/limits.h"
#include "nba/base/memory.h"
#include "nba/codec/program.h"
#include "schema_registry_internal.h"
#include "wire_internal.h"

#define ARENA_BYTES (NBA_PROGRAM_BYTES_MAX * 2 * NBA_SCHEMA_COUNT * NBA_SCHEMAS_MAX)

struct compiled {
    const struct nba_program *program; /* NULL: not tried, or `failure` says why not */
    const struct nba_error *failure;
};

struct nba_decoder {
    const struct nba_schemas *schemas;
    struct nba_arena arena; /* programs, their defaults, failures */
    struct {
        uint32_t id;
        const struct nba_program *program;
    } last[NBA_SCHEMA_COUNT];
    struct compiled compiled[NBA_SCHEMA_COUNT][NBA_SCHEMAS_MAX];
};

struct nba_decoder *nba_decoder_create(const struct nba_schemas *schemas)
{
    NBA_ASSERT(schemas != NULL);
    struct nba_decoder *decoder = nba_zeros(1, sizeof(*decoder));
    decoder->schemas = schemas;
    nba_arena_init(&decoder->arena, ARENA_BYTES);
    return decoder;
}

void nba_decoder_destroy(struct nba_decoder *decoder)
{
    if (decoder != NULL) {
        nba_arena_clear(&decoder->arena);
        free(decoder);
    }
}

const struct nba_schemas *nba_decoder_schemas(const struct nba_decoder *decoder)
{
    return decoder->schemas;
}

bool nba_wire_schema_id(struct nba_str value, uint32_t *ret_id)
{
    struct nba_cursor body;
    return nba_wire_take_head(value, ret_id, &body, NULL) == NBA_OK;
}

static enum nba_status find_program(struct nba_decoder *decoder, enum nba_schema which, uint32_t id,
                                    const struct nba_program **ret_program, struct nba_error *error)
{
    uint32_t index = 0;
    const struct nba_avro_type *writer = nba_schemas_find(decoder->schemas, id, &index, error);
    if (writer == NULL) {
        return NBA_E_UNKNOWN_SCHEMA_ID;
    }
    struct compiled *entry = &decoder->compiled[which][index];
    if (entry->program == NULL && entry->failure == NULL) {
        struct nba_error *failure = nba_arena_need(&decoder->arena, sizeof(*failure));
        const enum nba_status status =
            nba_program_compile(writer, nba_schemas_current(decoder->schemas, which),
                                nba_bindings_of(which), &decoder->arena, &entry->program, failure);
        entry->failure = status != NBA_OK ? failure : NULL;
    }
    if (entry->failure != NULL) {
        return nba_error_set(error, NBA_E_SCHEMA_INCOMPATIBLE, "%s", entry->failure->message);
    }
    decoder->last[which].id = id;
    decoder->last[which].program = entry->program;
    *ret_program = entry->program;
    return NBA_OK;
}

/* What no schema can say.  The record that `kind` names is there if its id is. */
static enum nba_status check(enum nba_schema which, const void *record, struct nba_error *error)
{
    if (which == NBA_SCHEMA_ENGAGEMENT) {
        const struct nba_event *event = record;
        if (event->type == NBA_EVENT_UNKNOWN) {
            return nba_error_set(error, NBA_E_UNKNOWN_TYPE, "event_type: not in the vocabulary");
        }
    } else if (which == NBA_SCHEMA_CATALOG) {
        const struct nba_reference *reference = record;
        const struct nba_str *const ids[] = {
            [NBA_REFERENCE_CONTENT] = &reference->content.content_id,
            [NBA_REFERENCE_CAMPAIGN] = &reference->campaign.campaign_id,
            [NBA_REFERENCE_REP] = &reference->rep.rep_id,
        };
        if (ids[reference->kind]->bytes == 0) {
            return nba_error_set(error, NBA_E_SCHEMA_INCOMPATIBLE,
                                 "kind: the record it names is absent or has no id");
        }
    }
    return NBA_OK;
}

/* Any message into its struct, by way of a copy: failure leaves no trace in `ret_record`. */
static enum nba_status decode(struct nba_decoder *decoder, enum nba_schema which,
                              struct nba_str value, struct nba_arena *arena, void *ret_record,
                              struct nba_error *error)
{
    NBA_ASSERT(decoder != NULL && arena != NULL && ret_record != NULL);
    union {
        struct nba_event event;
        struct nba_reference reference;
        struct nba_control control;
        struct nba_journal journal;
        struct nba_action action;
        struct nba_slate slate;
        struct nba_decision decision;
        struct nba_mail mail;
        struct nba_rep_capacity rep_capacity;
    } record;
    const size_t bytes_max =
        which == NBA_SCHEMA_ENGAGEMENT ? NBA_EVENT_BYTES_MAX : NBA_RECORD_BYTES_MAX;
    if (value.bytes > bytes_max) {
        return nba_error_set(error, NBA_E_LIMIT, "value: %zu bytes, at most %zu", value.bytes,
                             bytes_max);
    }
    uint32_t id = 0;
    struct nba_cursor body;
    enum nba_status status = nba_wire_take_head(value, &id, &body, error);
    if (status != NBA_OK) {
        return status;
    }
    const struct nba_program *program = decoder->last[which].program;
    if (program == NULL || decoder->last[which].id != id) {
        status = find_program(decoder, which, id, &program, error);
    }
    status = status == NBA_OK ? nba_program_run(program, &body, arena, &record, error) : status;
    if (status == NBA_OK && nba_cursor_left(&body) != 0) {
        return nba_error_set(error, NBA_E_NOT_AVRO, "value: %zu bytes left over behind the record",
                             nba_cursor_left(&body));
    }
    status = status == NBA_OK ? check(which, &record, error) : status;
    if (status == NBA_OK) {
        memcpy(ret_record, &record, nba_bindings_of(which)->bytes);
    }
    return status;
}

#define DECODE(noun, WHICH)                                                                   \
    enum nba_status nba_decode_##noun(struct nba_decoder *decoder, struct nba_str value,      \
                                      struct nba_arena *arena, struct nba_##noun *ret_##noun, \
                                      struct nba_error *error)                                \
    {                                                                                         \
        return decode(decoder, NBA_SCHEMA_##WHICH, value, arena, ret_##noun, error);          \
    }

DECODE(event, ENGAGEMENT)
DECODE(reference, CATALOG)
DECODE(control, CONTROL)
DECODE(journal, JOURNAL)
DECODE(action, ACTION)
DECODE(slate, SLATE)
DECODE(decision, DECISION)
DECODE(mail, MAILBOX)
DECODE(rep_capacity, REP_CAPACITY)
