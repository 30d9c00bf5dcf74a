"""One-line faults: what is put in, and which tests have to notice.

A test is a ctest name, or FILE.py:CLASS.TEST of tests/; the first that fails has caught the fault.
`broker` in front means that it needs a broker.
"""
import dataclasses


@dataclasses.dataclass
class Fault:
    name: str
    file: str
    edits: list  # of (old text, new text); each old text stands in the file exactly once
    tests: list
    broker: bool = False


E2E = "tests/e2e/test_local.py:"
ROAD = E2E + "Road."
SAME = E2E + "SameBytes."
TIME = "tests/e2e/test_time.py:Time."
KILL = "tests/kill/test_faults.py:Faults."
BROKER = "tests/kill/test_broker.py:Broker."

FAULTS = [
    # ---- exactly once ----
    Fault("state written before the commit",
          "src/engine/transaction.c",
          [("        status = nba_producer_commit(nba_worker_producer(worker), "
            "COMMIT_MS, error);",
            "        status = write_store(worker, error);\n        status = status == NBA_OK ? "
            "nba_producer_commit(nba_worker_producer(worker), COMMIT_MS, error) : status;"),
           ("    status = write_store(worker, error);\n    if (status != NBA_OK) {\n"
            "        nba_worker_drop_overlays",
            "    if (status != NBA_OK) {\n        nba_worker_drop_overlays")],
          [KILL + "test_each_fault_changes_no_byte",
           SAME + "test_a_kill_at_every_point_changes_no_byte"]),
    Fault("a failed write of the state passed over",
          "src/engine/transaction.c",
          [("    status = write_store(worker, error);\n",
            "    status = write_store(worker, error);\n    status = NBA_OK;\n")],
          [SAME + "test_a_full_disk_stops_nothing_but_the_clock"]),
    Fault("restore up to the last stable offset",
          "src/engine/restore.c",
          [("NBA_READ_UNCOMMITTED",
            "NBA_READ_COMMITTED")],
          [BROKER + "test_restore_reads_what_was_committed_behind_an_open_transaction"],
          broker=True),
    Fault("no assign steps after an unknown outcome",
          "src/engine/recovery.c",
          [("return status == NBA_OK ? restore_owned(worker, error) : status;",
            "return status == NBA_OK && worker == NULL ? restore_owned(worker, error) : status;")],
          [KILL + "test_each_fault_changes_no_byte"]),
    Fault("no new epoch for a producer whose connection broke",
          "src/stream/kafka_transaction.c",
          [("    if (producer->tainted) {\n        const enum nba_status status = renew",
            "    if (producer->tainted && error == NULL) {\n"
            "        const enum nba_status status = renew")],
          ["integration.kafka_proxy"],
          broker=True),
    Fault("produce()'s answer ignored",
          "src/stream/kafka_producer.c",
          [("        return refuse(producer, outgoing->topic, code, error);",
            "        (void)refuse(producer, outgoing->topic, code, error);\n"
            "        return NBA_OK;")],
          ["integration.kafka_mock"]),
    Fault("overlay kept after an abort",
          "src/engine/transaction.c",
          [("            nba_task_drop(owned->task);\n"
            "            owned->in_transaction = false;",
            "            (void)owned->task;")],
          [KILL + "test_each_fault_changes_no_byte"]),
    Fault("records of an aborted transaction not run again",
          "src/engine/recovery.c",
          [("    worker->aborts_in_a_row++;\n",
            "    worker->aborts_in_a_row++;\n    nba_worker_release_records(worker);\n")],
          [KILL + "test_each_fault_changes_no_byte"]),
    Fault("dead letter dropped",
          "src/engine/pipeline.c",
          [("        nba_emit_deadletter(&pipeline->emitter, origin, item->record, "
            "&item->why);\n",
            "")],
          [ROAD + "test_poison_becomes_dead_letters_and_neighbours_stay"]),
    Fault("a decision less: none for a late event",
          "src/engine/pipeline.c",
          [("    nba_emit_decision(&pipeline->emitter, origin, &decision);\n"
            "    nba_pipeline_metrics_decision",
            "    if (item->arrival != NBA_ARRIVAL_LATE) {\n"
            "        nba_emit_decision(&pipeline->emitter, origin, &decision);\n    }\n"
            "    nba_pipeline_metrics_decision")],
          [ROAD + "test_every_input_is_accounted_for_and_actions_have_reasons"]),
    Fault("offset one record ahead of what was done",
          "src/engine/pipeline.c",
          [("meta->input_next = source->record->offset + 1;",
            "meta->input_next = source->record->offset + 2;")],
          [SAME + "test_a_kill_at_every_point_changes_no_byte"]),
    Fault("changelog_next not advanced",
          "src/engine/transaction.c",
          [("            nba_task_set_changelog_next(owned->task, next);\n",
            "            (void)next;\n")],
          [KILL + "test_a_clean_restart_reads_no_record_of_the_changelog_again"]),
    Fault("tombstone of the changelog not applied",
          "src/state/task_restore.c",
          [("    if (deleted) {\n        nba_kv_batch_delete(restore->batch, task->cf, key);\n"
            "    } else {\n",
            "    if (!deleted) {\n")],
          ["unit.state.task_restore"]),
    # ---- order, clocks, windows ----
    Fault("watermark not monotone",
          "src/engine/pipeline.c",
          [("        meta->watermark_ms = watermark_ms;\n",
            "        meta->watermark_ms = item.event.event_time_ms;\n")],
          [TIME + "test_late_is_judged_by_the_watermark_not_by_the_event_before"]),
    Fault("one wave sees two events of an HCP",
          "src/engine/pipeline.c",
          [("    if (status == NBA_OK && in_wave(pipeline, hcp)) {\n"
            "        status = flush_wave(pipeline, error);\n    }\n"
            "    if (status != NBA_OK) {\n        return status;\n    }\n"
            "    const struct nba_content_facts",
            "    if (status != NBA_OK) {\n        return status;\n    }\n"
            "    const struct nba_content_facts")],
          [SAME + "test_replay_gives_the_same_bytes_for_all_ways_of_running"]),
    Fault("duplicate window off by its edge",
          "src/state/hcp.c",
          [("age_ms < NBA_HCP_DUPLICATE_MS",
            "age_ms <= NBA_HCP_DUPLICATE_MS")],
          ["unit.state.hcp_events",
           "unit.state.hcp_limits"]),
    Fault("duplicate remembered one event less",
          "src/state/hcp.c",
          [("    if (hcp->recent_count == NBA_HCP_RECENT_MAX) {",
            "    if (hcp->recent_count >= NBA_HCP_RECENT_MAX - 1) {")],
          ["unit.state.hcp_events",
           "unit.state.hcp_limits"]),
    Fault("ring off by one",
          "src/state/hcp.c",
          [("    if (hcp->ring_count == NBA_RING_EVENTS) {",
            "    if (hcp->ring_count >= NBA_RING_EVENTS - 1) {")],
          ["unit.state.hcp_events",
           "unit.state.hcp_limits"]),
    Fault("window begins one event late",
          "src/state/hcp.c",
          [("    *ret_start = anchored > held ? anchored : held;",
            "    *ret_start = anchored > held ? anchored + 1 : held;")],
          ["unit.state.hcp_events",
           "unit.state.hcp_limits"]),
    Fault("kernels sum in another order",
          "src/linalg/kernel_form.h",
          [("#define BREAKS_ORDER 0",
            "#define BREAKS_ORDER 1")],
          ["unit.linalg.kernels"]),
    Fault("hot cache not refreshed by a commit",
          "src/state/task.c",
          [("    struct nba_hot_entry *hot = nba_hot_put(&task->hot, entry->hcp.hcp_id, "
            "entry->hash, bytes);",
            "    struct nba_hot_entry *hot = nba_hot_put(&task->hot, entry->hcp.hcp_id, "
            "entry->hash,\n        entry->original.bytes != 0 ? entry->original : bytes);")],
          ["unit.state.task"]),
    # ---- policy ----
    Fault("unknown consent is yes",
          "src/policy/funnel_gates.c",
          [("    const bool open = model == CONSENT_MODEL_OPT_OUT ||",
            "    const bool open = model == CONSENT_MODEL_NONE || model == "
            "CONSENT_MODEL_OPT_OUT ||")],
          ["unit.policy.gates",
           "unit.policy.scenarios"]),
    Fault("opt-in market without a record is yes",
          "src/policy/funnel_gates.c",
          [("(model == CONSENT_MODEL_OPT_IN && bits.valid != 0)",
            "model == CONSENT_MODEL_OPT_IN")],
          ["unit.policy.gates",
           ROAD + "test_no_consent_record_is_no_consent"]),
    Fault("opt-out one event late",
          "src/policy/funnel_gates.c",
          [("            .status = consent->status,",
            "            .status = m->now_ms <= consent->captured_at_ms ? "
            "NBA_CONSENT_STATUS_OPT_IN : consent->status,")],
          ["unit.policy.gates",
           "unit.policy.scenarios",
           ROAD + "test_no_action_after_an_opt_out"]),
    Fault("a late opt-out is ignored",
          "src/state/hcp_apply.c",
          [("    if (arrival != NBA_ARRIVAL_FRESH) {\n"
            "        nba_hcp_apply_consent(hcp, event);\n",
            "    if (arrival != NBA_ARRIVAL_FRESH) {\n")],
          [TIME + "test_an_opt_out_that_comes_late_counts"]),
    Fault("expired consent is still good",
          "src/policy/funnel_gates.c",
          [("            bits.valid |= consent->expired ? 0 : bit;",
            "            bits.valid |= bit;")],
          ["unit.policy.gates",
           "unit.policy.scenarios"]),
    Fault("tie-break dropped",
          "src/policy/funnel_rank.c",
          [("    return p > q || (!(p < q) && a < b);",
            "    return p > q || (!(p < q) && a > b);")],
          ["unit.policy.slate",
           "unit.policy.policy",
           "unit.policy.scenarios"]),
    Fault("lateness judged at the edge",
          "src/policy/policy.c",
          [("    return event_time_ms < nba_duration_subtract",
            "    return event_time_ms <= nba_duration_subtract")],
          ["unit.policy.policy",
           "unit.policy.gates"]),
    Fault("key that is not the body's HCP accepted",
          "src/engine/intake.c",
          [("    if (!nba_str_equal(record->key, event->hcp_id)) {",
            "    if (record->key.bytes == 0 && !nba_str_equal(record->key, event->hcp_id)) {")],
          [ROAD + "test_wrong_keys_and_times_are_refused_by_name"]),
    # ---- more of the road ----
    Fault("the write after the commit forgotten",
          "src/engine/transaction.c",
          [("    status = write_store(worker, error);\n    if (status",
            "    status = NBA_OK;\n    if (status")],
          [SAME + "test_a_kill_at_every_point_changes_no_byte"]),
    Fault("last record of a transaction not in the changelog",
          "src/engine/transaction.c",
          [("    for (size_t i = 0; status == NBA_OK && i < count; i++) {\n"
            "        const struct nba_outgoing outgoing = {\n"
            "            .topic = worker->engine->",
            "    for (size_t i = 0; status == NBA_OK && i + 1 < count; i++) {\n"
            "        const struct nba_outgoing outgoing = {\n"
            "            .topic = worker->engine->")],
          [SAME + "test_a_lost_state_folder_is_rebuilt_from_the_changelog"]),
    Fault("an event of the next year taken",
          "src/engine/intake.c",
          [("event.event_time_ms > record->timestamp_ms + NBA_INTAKE_FUTURE_MS",
            "event.event_time_ms > INT64_MAX - NBA_INTAKE_FUTURE_MS")],
          [ROAD + "test_wrong_keys_and_times_are_refused_by_name"]),
    Fault("offsets of a member that is out of its group",
          "src/stream/kafka_member.c",
          [("    if (group != NULL && (id == NULL || id[0] == '\\0')) {",
            "    if (group != NULL && id == NULL && rk == NULL) {")],
          ["integration.kafka_mock"]),
    Fault("window begins one event early",
          "src/state/hcp.c",
          [("const uint64_t blocks = hcp->pushed / window;",
            "const uint64_t blocks = (hcp->pushed + 1) / window;")],
          ["unit.state.hcp_events"]),
    Fault("list of seen events drops the newest",
          "src/state/hcp.c",
          [("        NBA_HCP_REMOVE(hcp->recent, hcp->recent_count, 0);\n    }\n    hcp->recent[",
            "        return;\n    }\n    hcp->recent[")],
          ["unit.state.hcp_events"]),
    Fault("an opt-out stops nothing",
          "src/policy/funnel_gates.c",
          [("    if (bits.opt_outs != 0) {\n        verdict.reason",
            "    if (bits.opt_outs == UINT32_MAX) {\n        verdict.reason")],
          ["unit.policy.gates"]),
    # ---- bytes, numbers, doors ----
    Fault("a latency on a bucket's bound in the next one",
          "src/metrics/metrics.c",
          [("if (bucket_us_max[middle] < us) {",
            "if (bucket_us_max[middle] <= us) {")],
          ["unit.metrics.metrics"]),
    Fault("any Host header welcome",
          "src/serve/server.c",
          [("if (host == NULL) {\n        return false;",
            "if (host != NULL) {\n        return true;")],
          ["unit.serve.server"]),
    Fault("a doubled quote of a table is two",
          "src/ingest/csv.c",
          [("} else if (byte == '\"' && parse->state == QUOTE_SEEN) {\n",
            "} else if (byte == '\"' && parse->state == QUOTE_SEEN) {\n"
            "        nba_buf_append_byte(&csv->bytes, '\"');\n")],
          ["unit.ingest.row_source"]),
    Fault("a key's partition by another hash",
          "src/base/hash.c",
          [("& 0x7fffffffu",
            "& 0x7ffffffeu")],
          ["unit.base.hash"]),
    Fault("the last matching rule of a mapping wins",
          "src/ingest/mapping_apply.c",
          [("i < section->rule_count && rule == NULL; i++",
            "i < section->rule_count; i++")],
          ["unit.ingest.mapping"]),
    Fault("the simulator carries out what was recalled",
          "src/simulate/flow.c",
          [("    if (action->recalled) {\n        return;",
            "    if (action->recalled && action->done) {\n        return;")],
          ["unit.simulate.world"]),
]
