/* nba explain: a recorded decision, for somebody who asks why. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "commands_internal.h"
#include "decision_text.h"
#include "nba/app/interrupt.h"
#include "nba/app/workplace.h"
#include "nba/base/hash.h"
#include "nba/codec/decoder.h"
#include "nba/codec/json.h"
#include "partition_reader.h"

#define ARENA_BYTES_MAX  ((size_t)64 << 20)
#define OUTPUT_BYTES_MAX (16u << 20)

struct args {
    struct nba_common common;
    const char *hcp, *event, *decision;
    bool json;
    int64_t top;
};

static const struct nba_option options[] = {
    NBA_COMMON_OPTIONS(struct args, common),
    NBA_OPTION_TEXT(struct args, hcp, "hcp", "ID", "the HCP"),
    NBA_OPTION_TEXT(struct args, event, "event", "ID",
                    "the decision that this event caused (default: the last one)"),
    NBA_OPTION_TEXT(struct args, decision, "decision", "ID", "the decision with this id"),
    NBA_OPTION_INTEGER(struct args, top, "top", "N", 0, 50,
                       "suppressed candidates to show (default: 10)"),
    NBA_OPTION_FLAG(struct args, json, "json", "the record as JSON, whole"),
};

struct search {
    const struct args *args;
    struct nba_workplace *place;
    struct nba_decoder *decoder;
    struct nba_arena arena;
    struct nba_buf found; /* value of the record that matched last */
    bool any;
};

static bool matches(const struct args *args, const struct nba_decision *decision)
{
    if (args->decision != NULL) {
        return nba_str_is(decision->decision_id, args->decision);
    }
    if (args->event != NULL) {
        return nba_str_is(decision->trigger_event_id, args->event);
    }
    return decision->kind == NBA_DECISION_DECIDED;
}

/* The last match of the HCP's partition counts. */
static enum nba_status look_at(struct search *search, const struct nba_record *record,
                               struct nba_error *error)
{
    struct nba_decision decision;
    if (!nba_str_is(record->key, search->args->hcp)) {
        return NBA_OK;
    }
    nba_arena_reset(&search->arena);
    const enum nba_status status =
        nba_decode_decision(search->decoder, record->value, &search->arena, &decision, error);
    if (status == NBA_OK && matches(search->args, &decision)) {
        nba_buf_reset(&search->found);
        nba_buf_append_str(&search->found, record->value);
        search->any = true;
    }
    return status;
}

static enum nba_status read_partition(struct search *search, int32_t partition,
                                      struct nba_error *error)
{
    struct nba_partition_reader reader;
    struct nba_record record;
    bool more = true;
    enum nba_status status = nba_partition_reader_open(
        &reader, search->place->stream, search->place->config.topics.decision, partition, 0, error);
    while (status == NBA_OK && more) {
        status = nba_partition_reader_next(&reader, &record, &more, error);
        if (status == NBA_OK && more) {
            status = look_at(search, &record, error);
            nba_record_release(&record);
        }
    }
    nba_partition_reader_close(&reader);
    return status;
}

/* The HCP's own partition first; a producer with another partitioner may have put it elsewhere. */
static enum nba_status find(struct search *search, struct nba_error *error)
{
    int32_t count = 0;
    enum nba_status status = nba_stream_topic_partitions(
        search->place->stream, search->place->config.topics.decision, &count, error);
    if (status != NBA_OK) {
        return status;
    }
    const int32_t home = nba_partition_of_key(nba_str_of(search->args->hcp), count);
    status = read_partition(search, home, error);
    for (int32_t p = 0; status == NBA_OK && !search->any && p < count; p++) {
        if (p != home) {
            status = read_partition(search, p, error);
        }
    }
    if (status == NBA_OK && !search->any) {
        status = nba_error_set(error, NBA_E_NOT_FOUND, "no such decision of HCP '%s' is recorded",
                               search->args->hcp);
    }
    return status;
}

static enum nba_status print(struct search *search, struct nba_error *error)
{
    struct nba_buf out;
    struct nba_decision decision;
    nba_buf_init(&out, OUTPUT_BYTES_MAX);
    enum nba_status status = NBA_OK;
    if (search->args->json) {
        status =
            nba_json_print_value(search->place->schemas, nba_buf_str(&search->found), &out, error);
        nba_buf_append_byte(&out, '\n');
    } else {
        nba_arena_reset(&search->arena);
        status = nba_decode_decision(search->decoder, nba_buf_str(&search->found), &search->arena,
                                     &decision, error);
        if (status == NBA_OK) {
            nba_decision_text(&decision, (uint32_t)search->args->top, &out);
        }
    }
    if (status == NBA_OK && nba_command_print(&out) != 0) {
        status = nba_error_set(error, NBA_E_IO, "cannot write the output");
    }
    nba_buf_clear(&out);
    return status;
}

static enum nba_status explain(const struct args *args, struct nba_error *error)
{
    struct nba_workplace place;
    struct search search = {.args = args, .place = &place};
    if (args->hcp == NULL) {
        return nba_error_set(error, NBA_E_USAGE, "--hcp: expected the id of an HCP");
    }
    enum nba_status status = nba_workplace_open(&args->common, NBA_LOCAL_READER, &place, error);
    if (status != NBA_OK) {
        return status;
    }
    nba_arena_init(&search.arena, ARENA_BYTES_MAX);
    nba_buf_init(&search.found, NBA_RECORD_BYTES_MAX);
    status = nba_decoder_create(place.schemas, &search.decoder, error);
    if (status == NBA_OK) {
        status = find(&search, error);
    }
    if (status == NBA_OK) {
        status = print(&search, error);
    }
    nba_decoder_destroy(search.decoder);
    nba_buf_clear(&search.found);
    nba_arena_clear(&search.arena);
    nba_workplace_close(&place);
    return status;
}

static int run(const struct nba_command *command, int argc, char **argv)
{
    struct args args = {.top = 10};
    struct nba_operands operands;
    struct nba_error error = {0};
    int code = 0;
    if (!nba_command_parse(command, argc, argv, &args, &operands, &code)) {
        return code;
    }
    nba_interrupt_install();
    return explain(&args, &error) == NBA_OK ? 0 : nba_command_fail(&error);
}

const struct nba_command nba_command_explain = {
    .name = "explain",
    .summary =
        "why: a recorded decision with what was chosen and what was stopped, and by which rule",
    .operands = "",
    .about = "Reads the decision topic: what is shown is what was recorded when it was decided,\n"
             "with the policy and model of that moment. Nothing is computed anew.",
    .examples = "nba explain --hcp hcp-0001\n"
                "nba explain --hcp hcp-0001 --event ev-1\n"
                "nba explain --hcp hcp-0001 --json",
    .options = options,
    .option_count = NBA_ARRAY_COUNT(options),
    .run = run,
};
