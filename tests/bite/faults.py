"""The faults: each one line, each of a kind that somebody once shipped."""


def fault(name, what, file, old, new, *tests):
    return {"name": name, "what": what, "file": file, "old": old, "new": new, "tests": tests}


KILLS = ("e2e/test_local.py:SameBytes.test_a_kill_at_every_point_changes_no_byte",
         "e2e/test_local.py:SameBytes.test_many_kills_in_a_row_change_no_byte")
REBUILD = "e2e/test_local.py:SameBytes.test_a_lost_state_folder_is_rebuilt_from_the_changelog"
POISON = "e2e/test_local.py:Road.test_poison_becomes_dead_letters_and_neighbours_stay"
REFUSED = "e2e/test_local.py:Road.test_wrong_keys_and_times_are_refused_by_name"

FAULTS = [
    # ---- the protocol ----
    fault("state_before_commit", "state is written before the log has committed",
          "src/engine/transaction.c",
          "    if (status == NBA_OK) {\n        NBA_KILL_POINT(before_commit);",
          "    if (status == NBA_OK) {\n        status = write_store(worker, error);\n    }\n"
          "    if (status == NBA_OK) {\n        NBA_KILL_POINT(before_commit);", *KILLS),
    fault("state_never_written", "the write after the commit is forgotten",
          "src/engine/transaction.c", "    status = write_store(worker, error);\n    if (status",
          "    status = NBA_OK;\n    if (status", *KILLS),
    fault("changelog_short", "the last changed record of a transaction stays out of the changelog",
          "src/engine/transaction.c", "for (size_t i = 0; status == NBA_OK && i < count; i++) {\n"
          "        const struct nba_outgoing outgoing = {\n            .topic = worker->engine->"
          "options.config->topics.changelog,",
          "for (size_t i = 0; status == NBA_OK && i + 1 < count; i++) {\n"
          "        const struct nba_outgoing outgoing = {\n            .topic = worker->engine->"
          "options.config->topics.changelog,", REBUILD),
    fault("offset_behind", "the committed offset is one too small",
          "src/engine/transaction.c", "nba_task_meta(owned->task)->input_next};",
          "nba_task_meta(owned->task)->input_next - 1};", POISON),
    fault("dead_letter_lost", "a bad record is passed over in silence",
          "src/engine/emit.c", "    uint32_t schema_id = 0;\n    nba_buf_reset(&emitter->encoded);",
          "    uint32_t schema_id = 0;\n    if (record->value.bytes != SIZE_MAX) {\n"
          "        return;\n    }\n    nba_buf_reset(&emitter->encoded);", POISON),
    fault("key_not_checked", "a record under another HCP's key is taken",
          "src/engine/intake.c", "if (!nba_str_equal(record->key, event->hcp_id)) {",
          "if (record->key.bytes == SIZE_MAX) {", REFUSED),
    fault("future_not_checked", "an event from next year is taken",
          "src/engine/intake.c",
          "event.event_time_ms > record->timestamp_ms + NBA_INTAKE_FUTURE_MS",
          "event.event_time_ms > INT64_MAX - NBA_INTAKE_FUTURE_MS", REFUSED),

    # ---- state ----
    fault("window_off_by_one", "the anchored window begins one event early",
          "src/state/hcp.c", "const uint64_t blocks = hcp->pushed / window;",
          "const uint64_t blocks = (hcp->pushed + 1) / window;", "unit.state.hcp_events"),
    fault("duplicates_taken", "an event that was seen counts again",
          "src/state/hcp.c", "if (seen->hash == event_hash && age_ms < NBA_HCP_DUPLICATE_MS) {",
          "if (seen->hash == event_hash && age_ms < 0) {", "unit.state.hcp_events"),
    fault("recent_forgets_newest", "the list of seen events drops the newest when it is full",
          "src/state/hcp.c",
          "    if (hcp->recent_count == NBA_HCP_RECENT_MAX) {\n        hcp->recent_count--;",
          "    if (hcp->recent_count == NBA_HCP_RECENT_MAX) {\n        return;", "unit.state.hcp_events"),

    # ---- policy ----
    fault("unknown_consent_is_yes", "where an opt-in is needed, none is taken for one",
          "src/policy/funnel_gates.c",
          "(model == CONSENT_MODEL_OPT_IN && bits.valid != 0);",
          "(model == CONSENT_MODEL_OPT_IN);", "unit.policy.gates"),
    fault("no_model_is_yes", "a market without a consent model is open",
          "src/policy/funnel_gates.c", "const bool open = model == CONSENT_MODEL_OPT_OUT ||",
          "const bool open = model == CONSENT_MODEL_NONE || model == CONSENT_MODEL_OPT_OUT ||",
          "unit.policy.gates"),
    fault("opt_out_ignored", "an opt-out doesn't stop anything",
          "src/policy/funnel_gates.c", "    if (bits.opt_outs != 0) {\n        verdict.reason",
          "    if (bits.opt_outs == UINT32_MAX) {\n        verdict.reason", "unit.policy.gates"),
    fault("tie_break_dropped", "equal priorities come in any order",
          "src/policy/funnel_rank.c", "return p > q || (!(p < q) && a < b);",
          "return p > q || (!(p < q) && a > b);", "unit.policy.slate"),
    fault("late_is_inclusive", "an event exactly as old as allowed is late",
          "src/policy/policy.c",
          "return event_time_ms < nba_duration_subtract(watermark_ms, policy->allowed_lateness);",
          "return event_time_ms <= nba_duration_subtract(watermark_ms, policy->allowed_lateness);",
          "unit.policy.policy"),

    # ---- bytes, numbers, doors ----
    fault("bucket_bound", "a latency on a bucket's bound falls into the next one",
          "src/metrics/metrics.c", "if (bucket_us_max[middle] < us) {",
          "if (bucket_us_max[middle] <= us) {", "unit.metrics.metrics"),
    fault("host_not_checked", "any Host header is welcome",
          "src/serve/server.c", "if (host == NULL) {\n        return false;",
          "if (host != NULL) {\n        return true;", "unit.serve.server"),
    fault("quote_not_doubled", "a doubled quote in a table becomes two",
          "src/ingest/csv.c", "} else if (byte == '\"' && parse->state == QUOTE_SEEN) {\n",
          "} else if (byte == '\"' && parse->state == QUOTE_SEEN) {\n"
          "        nba_buf_append_byte(&csv->bytes, '\"');\n", "unit.ingest.row_source"),
    fault("murmur_sign", "the partition of a key is taken from the sign bit too",
          "src/base/hash.c", "& 0x7fffffffu", "& 0x7ffffffeu", "unit.base.hash"),
    fault("first_rule_loses", "the last matching rule of a mapping wins",
          "src/ingest/mapping_apply.c", "i < section->rule_count && rule == NULL; i++",
          "i < section->rule_count; i++", "unit.ingest.mapping"),
    fault("recalled_is_done", "the simulator carries out what was recalled",
          "src/simulate/reaction.c", "    if (action->recalled) {\n        return;",
          "    if (action->recalled && action->done) {\n        return;", "unit.simulate.world"),
]
