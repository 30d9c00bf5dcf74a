/* nba explain: a recorded decision, for somebody who asks why. */
#include "decision_text.h"
#include "nba/app/command.h"
#include "nba/app/interrupt.h"
#include "nba/app/walk.h"
#include "nba/base/hash.h"
#include "nba/codec/json.h"

static struct {
    const char *hcp, *event, *decision;
    bool json;
    int64_t top;
} args = {.top = 10};

static const struct nba_option options[] = {
    NBA_OPTION_TEXT(&args.hcp, "hcp", "ID", "the HCP"),
    NBA_OPTION_TEXT(&args.event, "event", "ID",
                    "the decision that this event caused (default: the last one)"),
    NBA_OPTION_TEXT(&args.decision, "decision", "ID", "the decision with this id"),
    NBA_OPTION_INTEGER(&args.top, "top", "N", 0, 50, "suppressed candidates to show (default: 10)"),
    NBA_OPTION_FLAG(&args.json, "json", "the record as JSON, whole"),
    {0},
};

struct search {
    struct nba_workplace *place;
    struct nba_buf found; /* value of the record that matched last; empty: none did */
};

static bool matches(const struct nba_decision *decision)
{
    if (args.decision != NULL) {
        return nba_str_is(decision->decision_id, args.decision);
    }
    if (args.event != NULL) {
        return nba_str_is(decision->trigger_event_id, args.event);
    }
    return decision->kind == NBA_DECISION_DECIDED;
}

static enum nba_status decode(struct nba_workplace *place, struct nba_str value,
                              struct nba_decision *ret_decision, struct nba_error *error)
{
    nba_arena_reset(&place->arena);
    return nba_decode_decision(place->decoder, value, &place->arena, ret_decision, error);
}

/* The last match of the HCP's partition counts. */
static enum nba_status look_at(void *context, const struct nba_record *record,
                               struct nba_error *error)
{
    struct search *search = context;
    struct nba_decision decision;
    if (!nba_str_is(record->key, args.hcp)) {
        return NBA_OK;
    }
    const enum nba_status status = decode(search->place, record->value, &decision, error);
    if (status == NBA_OK && matches(&decision)) {
        nba_buf_reset(&search->found);
        nba_buf_append_str(&search->found, record->value);
    }
    return status;
}

/* The HCP's own partition first; a producer with another partitioner may have put it elsewhere. */
static enum nba_status find(struct search *search, struct nba_error *error)
{
    const struct nba_workplace *place = search->place;
    const char *topic = place->config.topics.decision;
    int32_t count = 0;
    enum nba_status status = nba_stream_topic_partitions(place->stream, topic, &count, error);
    if (status != NBA_OK) {
        return status;
    }
    const int32_t home = nba_partition_of_key(nba_str_of(args.hcp), count);
    for (int32_t i = 0; status == NBA_OK && search->found.bytes == 0 && i < count; i++) {
        int64_t position = 0;
        status = nba_walk_partition(place->stream, topic, (home + i) % count, &position, look_at,
                                    search, error);
    }
    if (status == NBA_OK && search->found.bytes == 0) {
        status = nba_error_set(error, NBA_E_NOT_FOUND, "no such decision of HCP '%s' is recorded",
                               args.hcp);
    }
    return status;
}

static enum nba_status print(struct search *search, struct nba_error *error)
{
    struct nba_workplace *place = search->place;
    struct nba_decision decision;
    const struct nba_str value = nba_buf_str(&search->found);
    const enum nba_status status =
        args.json ? nba_json_print_value(place->schemas, value, &place->out, error)
                  : decode(place, value, &decision, error);
    if (status == NBA_OK && args.json) {
        nba_buf_append_byte(&place->out, '\n');
    } else if (status == NBA_OK) {
        nba_decision_text(&decision, (uint32_t)args.top, &place->out);
    }
    return status;
}

static enum nba_status run(struct nba_workplace *place, struct nba_error *error)
{
    struct search search = {.place = place};
    nba_interrupt_install();
    if (args.hcp == NULL) {
        return nba_error_set(error, NBA_E_USAGE, "--hcp: expected the id of an HCP");
    }
    nba_buf_init(&search.found, NBA_RECORD_BYTES_MAX);
    const bool done = nba_workplace_open(place, NBA_LOCAL_READER, error) == NBA_OK &&
                      find(&search, error) == NBA_OK && print(&search, error) == NBA_OK;
    nba_buf_clear(&search.found);
    return nba_outcome(done, error);
}

const struct nba_command nba_command_explain = {
    .name = "explain",
    .summary =
        "why: a recorded decision with what was chosen and what was stopped, and by which rule",
    .about = "Reads the decision topic: what is shown is what was recorded when it was decided,\n"
             "with the policy and model of that moment. Nothing is computed anew.",
    .examples = "nba explain --hcp hcp-0001\n"
                "nba explain --hcp hcp-0001 --event ev-1\n"
                "nba explain --hcp hcp-0001 --json",
    .options = options,
    .run = run,
};
