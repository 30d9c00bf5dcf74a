/* nba explain: a recorded decision, or the one that would be made now, for who asks why. */
#include "decision_text.h"
#include "explain_now.h"
#include "nba/app/command.h"
#include "nba/base/clock.h"
#include "nba/base/limits.h"
#include "nba/codec/json.h"

static struct {
    const char *hcp, *event, *decision;
    bool json, now;
    int64_t top, at_ms, candidates;
} args = {.top = -1, .at_ms = NBA_TIME_NONE, .candidates = 50};

static const struct nba_option options[] = {
    NBA_OPTION_TEXT(&args.hcp, "hcp", "ID", "the HCP"),
    NBA_OPTION_TEXT(&args.event, "event", "ID",
                    "the decision that this event caused (default: the last one)"),
    NBA_OPTION_TEXT(&args.decision, "decision", "ID", "the decision with this id"),
    NBA_OPTION_INTEGER(&args.top, "top", "N", 0, 50,
                       "suppressed candidates to show (default: the policy's audit.explain_top)"),
    NBA_OPTION_FLAG(&args.json, "json", "the record as JSON, whole"),
    NBA_OPTION_FLAG(&args.now, "now",
                    "what would be decided now: every candidate and all that stops it"),
    NBA_OPTION_TIME(&args.at_ms, "at", "of --now: at this time (default: the clock on the wall)"),
    NBA_OPTION_INTEGER(&args.candidates, "candidates", "N", 0, 1000000,
                       "of --now: rows of the table, by priority (default: 50)"),
    {0},
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

static enum nba_status print(struct nba_workplace *place, struct nba_str value,
                             struct nba_error *error)
{
    if (value.bytes == 0) {
        return nba_error_set(error, NBA_E_NOT_FOUND, "no such decision of HCP '%s' is recorded",
                             args.hcp);
    }
    if (!args.json) {
        uint32_t top = (uint32_t)args.top;
        const bool done =
            (args.top >= 0 || nba_decision_explain_top(&place->config, &top, error) == NBA_OK) &&
            nba_decision_print(place, value, top, NBA_REASON_NONE, error) == NBA_OK;
        return nba_outcome(done, error);
    }
    const enum nba_status status = nba_json_print_value(place->schemas, value, &place->out, error);
    if (status == NBA_OK) {
        nba_buf_append_byte(&place->out, '\n');
    }
    return status;
}

static enum nba_status explain_now(struct nba_workplace *place, struct nba_error *error)
{
    uint32_t top = (uint32_t)args.top;
    const bool done =
        (args.top >= 0 || nba_decision_explain_top(&place->config, &top, error) == NBA_OK) &&
        nba_workplace_open(place, NBA_LOCAL_READER, error) == NBA_OK;
    const struct nba_explain_now ask = {
        .hcp = args.hcp,
        .at_ms = args.at_ms != NBA_TIME_NONE ? args.at_ms : nba_clock_wall_ms(&nba_clock_system),
        .top = top,
        .candidates = (uint32_t)args.candidates,
    };
    return done ? nba_explain_now(place, &ask, error) : nba_outcome(false, error);
}

static enum nba_status run(struct nba_workplace *place, struct nba_error *error)
{
    struct nba_buf found;
    nba_interrupt_install();
    if (args.hcp == NULL) {
        return nba_error_set(error, NBA_E_USAGE, "--hcp: expected the id of an HCP");
    }
    if ((args.now || args.at_ms != NBA_TIME_NONE) &&
        (args.event != NULL || args.decision != NULL || args.json)) {
        return nba_error_set(error, NBA_E_USAGE,
                             "--now and --at: expected no --event, --decision or --json");
    }
    if (args.now || args.at_ms != NBA_TIME_NONE) {
        return explain_now(place, error);
    }
    nba_buf_init(&found, NBA_RECORD_BYTES_MAX);
    const bool done = nba_workplace_open(place, NBA_LOCAL_READER, error) == NBA_OK &&
                      nba_decision_find(place, args.hcp, matches, &found, error) == NBA_OK &&
                      print(place, nba_buf_str(&found), error) == NBA_OK;
    nba_buf_clear(&found);
    return nba_outcome(done, error);
}

const struct nba_command nba_command_explain = {
    .name = "explain",
    .summary =
        "why: a recorded decision with what was chosen and what was stopped, and by which rule",
    .about =
        "Reads the decision topic: what is shown is what was recorded when it was decided,\n"
        "with the policy and model of that moment. Nothing is computed anew - but with --now,\n"
        "which reads the HCP's state and makes the whole funnel's decision as the engine would\n"
        "without an event, with every stage that stops a candidate and what would have to\n"
        "change. Neither records anything.",
    .examples = "nba explain --hcp hcp-0001\n"
                "nba explain --hcp hcp-0001 --event ev-1\n"
                "nba explain --hcp hcp-0001 --json\n"
                "nba explain --hcp hcp-0001 --now --candidates 200",
    .options = options,
    .run = run,
};
