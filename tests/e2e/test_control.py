"""What control messages, catalogue changes, erasure and merge do to HCPs, on an embedded log.

Run by ctest (e2e.control), or alone: NBA_BIN=build/dev/nba python3 tests/e2e/test_control.py -v
"""
import collections
import signal
import unittest

import world
from world import Instance


def control(kind, target, **fields):
    return {"id": fields.pop("id", f"{kind}-{target}"), "kind": kind, "target": target,
            "time": world.START, **fields}


def open_actions(instance):
    """Proposed and not taken back, by id: what the engine still can recall."""
    found = {}
    for record in instance.consume("action"):
        action = record["value"]
        if action["status"] == "proposed":
            found[action["action_id"]] = action
        else:
            found.pop(action["action_id"])
    watermarks = {r["partition"]: r["value"]["watermark"] for r in instance.consume("decision")}
    return {i: a for i, a in found.items()
            if a["expires_at"] > max(watermarks.values())}


def lifecycle(instance):
    return [r for r in instance.consume("decision") if r["value"]["kind"] == "lifecycle"]


class Sweep(unittest.TestCase):
    def setUp(self):
        self.instance = Instance()
        self.addCleanup(self.instance.close)

    def check(self, expected, reason, cause):
        """Just the `expected` open actions were recalled, each with a record of its own."""
        recalled = {r["value"]["action_id"]: r for r in self.instance.consume("action")
                    if r["value"]["recall_reason"] == reason}
        self.assertEqual(set(recalled), set(expected))
        records = {r["value"]["closed"][0]["action_id"]: r for r in lifecycle(self.instance)
                   if r["value"]["closed"][0]["reason"] == reason}
        self.assertEqual(set(records), set(expected))
        for action_id, record in records.items():
            self.assertEqual(record["value"]["decision_id"], f"dec:{cause}:{action_id}")
            self.assertEqual(len(record["value"]["closed"]), 1)
            self.assertEqual(record["value"]["hcp_id"], expected[action_id]["hcp_id"])
            self.assertRegex(record["headers"]["src"], r"^journal:\d+$")
            self.assertEqual(recalled[action_id]["value"]["trigger_event_id"],
                             cause.replace("#", ":"))
        self.assertEqual(self.instance.replay("--state-hash").partition("\n")[2],
                         self.instance.digests())

    def test_exclusion_withdrawal_and_kill_switch_recall_the_open_actions_of_all_hcps_at_once(self):
        self.instance.setup(hcps=80, count=500)
        self.instance.drain()
        before = open_actions(self.instance)
        counts = collections.Counter(a["treatment"]["content_id"] for a in before.values())
        (excluded, _), (withdrawn, _) = counts.most_common(2)

        def of(content):
            return {i: a for i, a in before.items() if a["treatment"]["content_id"] == content}
        self.assertGreater(len(of(excluded)), 1)
        self.assertGreater(len(of(withdrawn)), 1)
        self.instance.produce("control", [control("exclude", excluded, id="letter-77")])
        self.instance.drain()
        self.check(of(excluded), "EXCLUDED", "control#letter-77")
        gone = next(c for c in world.contents(40) if c["content"]["content_id"] == withdrawn)
        for treatment in gone["content"]["treatments"]:
            treatment["approval_state"] = "withdrawn"
        self.instance.produce("catalog", [gone])
        self.instance.drain()
        self.check(of(withdrawn), "CONTENT_WITHDRAWN", f"catalog#{withdrawn}")
        self.instance.produce("control", [control("mode", "stopped", id="kill-1")])
        self.instance.drain()
        left = {i: a for i, a in before.items()
                if a["treatment"]["content_id"] not in (excluded, withdrawn)}
        self.check(left, "STOPPED", "control#kill-1")
        self.assertEqual(open_actions(self.instance), {})

    def test_what_was_sent_or_has_expired_is_not_recalled(self):
        self.instance.setup(hcps=30, count=200)
        self.instance.drain()
        before = open_actions(self.instance)
        sent = sorted(i for i, a in before.items() if a["channel"] == "email")[:3]
        now = max(r["value"]["event_time"] for r in self.instance.consume("engagement"))
        self.instance.produce("engagement", [
            {"event_id": f"sent-{k}", "source": "mail", "event_type": "action_sent",
             "event_time": now, "hcp_id": before[i]["hcp_id"], "action_id": i}
            for k, i in enumerate(sent)])
        self.instance.drain()
        self.instance.produce("control", [control("mode", "stopped")])
        self.instance.drain()
        recalled = {r["value"]["action_id"] for r in self.instance.consume("action")
                    if r["value"]["status"] == "recalled"}
        self.assertEqual(recalled & set(sent), set())
        self.assertGreater(len(recalled), 3)

    def test_a_sweep_over_many_transactions_survives_kills_and_another_change_half_way(self):
        everything = world.events(6, 900, 2500)

        def company(kill):
            instance = Instance(partitions=1)
            self.addCleanup(instance.close)
            instance.nba("topics", "create")
            instance.produce("catalog", list(world.contents(40)) + list(world.reps(5)))
            instance.produce("engagement", everything)
            instance.drain()
            count = len(open_actions(instance))
            self.assertGreater(count, 1500, "one transaction recalls all")
            instance.produce("control", [control("exclude", b, scope="brand", id=f"stop-{b}")
                                         for b in world.BRANDS])
            if kill:
                killed = instance.drain(env={"NBA_KILL_AT": kill}, check=False)
                self.assertEqual(killed.returncode, -signal.SIGKILL, kill)
            recalled = len(lifecycle(instance))
            instance.produce("control", [control("mode", "stopped", id="kill-2")])
            instance.drain()
            reasons = {r["value"]["recall_reason"] for r in instance.consume("action")}
            self.assertEqual(open_actions(instance), {})
            self.assertEqual(len(lifecycle(instance)), count)
            self.assertEqual(instance.replay("--state-hash"),
                             instance.nba("state", "hash", where=False).stdout +
                             instance.digests())
            return recalled, reasons
        recalled, _ = company(None)
        self.assertEqual(recalled, 0)
        for kill in ("after_commit:1", "before_commit:2"):
            with self.subTest(kill=kill):
                recalled, reasons = company(kill)
                self.assertEqual(recalled, 1000, "killed elsewhere than between two transactions")
                self.assertLessEqual({"EXCLUDED", "STOPPED"}, reasons)


if __name__ == "__main__":
    unittest.main()
