"""What control messages, catalogue changes, erasure and merge do to HCPs, on an embedded log.

Run by ctest (e2e.control), or alone: NBA_BIN=build/dev/nba python3 tests/e2e/test_control.py -v
"""
import base64
import collections
import datetime
import json
import os
import signal
import unittest

import erasure
import world
from world import Instance


def control(kind, target, **fields):
    return {"id": fields.pop("id", f"{kind}-{target}"), "kind": kind, "target": target,
            "time": world.START, **fields}


def on_slates(instance):
    """The actions that the newest slate of each HCP lists."""
    newest = {r["key"]: r["value"] for r in instance.consume("slate")}
    return {a["action_id"] for slate in newest.values() if slate for a in slate["actions"]}


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
        self.assertEqual(on_slates(self.instance) & set(before), set(before) - set(of(excluded)))
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
        self.assertEqual(on_slates(self.instance) & set(before), set())

    def test_an_event_that_takes_an_action_away_takes_it_from_the_slate(self):
        self.instance.setup(hcps=80, count=500)
        self.instance.drain()
        before = open_actions(self.instance)
        self.assertEqual(on_slates(self.instance) & set(before), set(before))
        hcps = sorted({a["hcp_id"] for a in before.values()})
        now = max(r["value"]["event_time"] for r in self.instance.consume("engagement"))
        dismissed = next(i for i, a in before.items() if a["hcp_id"] == hcps[0])
        self.instance.produce("engagement", [
            {"event_id": "no", "source": "crm", "event_type": "action_dismissed",
             "event_time": now, "hcp_id": hcps[0], "action_id": dismissed}] + [
            {"event_id": f"out-{hcp}-{channel}", "source": "web", "event_type": "consent_changed",
             "event_time": now, "hcp_id": hcp, "channel": channel, "scope_type": "channel",
             "status": "opt_out"}
            for hcp in hcps[1:] for channel in ("email", "rep", "web", "event", "sms")])
        self.instance.drain()
        after = set(open_actions(self.instance)) & set(before)
        self.assertLess(len(after), len(before) / 2)
        self.assertEqual(on_slates(self.instance) & set(before), after - {dismissed})
        self.assertEqual(self.instance.replay(), self.instance.digests())

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


class BadMessages(unittest.TestCase):
    BAD = [b"not avro", None, b"\0\0\0\0\xff", b"x" * 3000]  # as bytes; and these, well formed:
    NONSENSE = [control("mode", "loud"), control("exclude", "C001", scope="planet"),
                control("exclude", "", scope="content")]

    def company(self, kill=None):
        instance = Instance()
        self.addCleanup(instance.close)
        instance.setup(hcps=20, count=60)
        instance.drain()
        before = instance.consume("decision")
        path = os.path.join(instance.dir, "bad.avro")
        world.log_file(path, [("nba.control.v1", 0, k, 1, b"key", value)
                              for k, value in enumerate(self.BAD)])
        instance.nba("produce", "--topic", "control", "--log-file", path)
        instance.produce("control", self.NONSENSE)
        if kill:
            killed = instance.drain(env={"NBA_KILL_AT": kill}, check=False)
            self.assertEqual(killed.returncode, -signal.SIGKILL, kill)
        instance.drain()
        self.assertEqual(instance.consume("decision"), before, "a bad message changed something")
        instance.produce("engagement", world.events(9, 20, 30))
        instance.drain()
        self.assertEqual(instance.replay(), instance.digests())
        return [(r["partition"], r["offset"], r["key"], r["value"], r["headers"])
                for r in instance.consume("deadletter")
                if r["headers"]["src"].startswith("nba.control.v1/0/")]

    def test_each_is_one_dead_letter_of_partition_0_with_its_bytes_and_why(self):
        letters = self.company()
        partitions, _, keys, values, headers = zip(*letters)
        self.assertEqual([h["src"] for h in headers],
                         [f"nba.control.v1/0/{k}" for k in range(7)])
        self.assertEqual(set(partitions), {0})
        self.assertEqual([h["reason"] for h in headers],
                         ["not_avro", "null_value", "unknown_schema_id", "not_avro",
                          "unknown_type", "unknown_type", "empty_key"])
        self.assertEqual(keys[0], "key|nba.control.v1/0/0")
        self.assertEqual(base64.b64decode(values[0]["base64"]), b"not avro")
        self.assertIn("mode 'loud', expected live, shadow or stopped",
                      headers[4]["detail"])
        for kill in ("before_commit:1", "after_commit:1"):
            with self.subTest(kill=kill):
                self.assertEqual(self.company(kill), letters)


class Erasure(unittest.TestCase):
    HCPS = [f"hcp-{h:04d}" for h in range(0, 200, 2)]  # and their neighbours stay

    def setUp(self):
        self.instance = Instance(partitions=2)
        self.addCleanup(self.instance.close)
        with open(self.instance.policy, encoding="utf-8") as file:
            text = file.read()
        with open(self.instance.policy, "w", encoding="utf-8") as file:
            file.write(text.replace("\narbitration:", """
  capacity:
    - {id: daily, per: [rep], channel: rep, max: 12, window: {rolling: P7D}, when_full: replace_lowest}
\narbitration:"""))
        self.instance.setup(seed=8, hcps=200, count=900)
        path = os.path.join(self.instance.dir, "poison.avro")
        world.log_file(path, [("hcp.engagement.v1", 0, k, world.START, hcp.encode(), value)
                              for hcp in ("hcp-0000", "hcp-0001")
                              for k, value in enumerate((b"nonsense of " + hcp.encode(), b""))])
        self.instance.nba("produce", "--log-file", path)
        self.instance.drain(**{"commit.events_max": 100})
        end = max(r["value"]["event_time"] for r in self.instance.consume("engagement")
                  if "event_time" in (r["value"] or {}))
        self.end = int(datetime.datetime.fromisoformat(end).timestamp() * 1000)
        # What a rep sent can't be recalled, what was accepted has ended: the rep's task knew of both.
        alerts = sorted(i for i, a in open_actions(self.instance).items() if a["channel"] == "rep")
        self.done = {i: ("action_sent", "action_accepted")[n % 2]
                     for n, i in enumerate(alerts) if n % 3}
        hcps = {i: a["hcp_id"] for i, a in open_actions(self.instance).items()}
        self.instance.produce("engagement", [
            {"event_id": f"f-{i}", "source": "crm", "event_type": kind, "event_time": self.end,
             "hcp_id": hcps[i], "action_id": i} for i, kind in self.done.items()])
        self.instance.drain()

    def erase(self, *args, **kwargs):
        return self.instance.nba("erase", "--at", datetime.datetime.utcfromtimestamp(self.end / 1000).isoformat() + "Z",
                                 "--wait", *args, **kwargs)

    def test_a_hundred_hcps_are_gone_from_everywhere_with_kills_in_the_middle(self):
        before = open_actions(self.instance)
        mine = {i for i, a in before.items() if a["hcp_id"] in self.HCPS}
        for kind in ("action_sent", "action_accepted"):
            self.assertGreater(len([i for i in mine if self.done.get(i) == kind]), 3)
        mine -= set(self.done)
        self.assertGreater(len(mine), 20)
        self.assertGreater(len([i for i in mine if before[i]["channel"] == "rep"]), 3)
        found = erasure.found_below(self.instance.dir, self.HCPS,
                                    (*erasure.MADE, self.instance.log))
        self.assertNotEqual(found, {}, "the search finds nothing")
        for point in ("before_commit:1", "after_commit:1", "before_write:1"):
            done = self.erase(*self.HCPS, env={"NBA_KILL_AT": point}, check=False)
            self.assertEqual(done.returncode, -signal.SIGKILL, point)
        done = self.erase(*self.HCPS)
        self.assertIn("100 HCPs: erased", done.stdout)
        self.assertRegex(done.stdout, r"state of this machine +\d+ keys removed, 0 left")
        self.assertRegex(done.stdout, r"nba.deadletter.v1 +2 tombstones")
        self.assertRegex(done.stdout, r"nba.action.v1 +last record goes: ")
        recalled = {r["value"]["action_id"] for r in self.instance.consume("action")
                    if r["value"]["recall_reason"] == "ERASED"}
        self.assertEqual(recalled, mine)
        engine = [line for line in self.instance.digests().splitlines() if "deadletter" not in line]
        self.assertLessEqual({*engine, self.instance.nba("state", "hash", where=False).stdout[:-1]},
                             set(self.instance.replay("--state-hash").splitlines()))
        kept = erasure.left(self, self.instance, self.HCPS)
        self.assertNotIn(0, map(len, kept.values()))
        self.assertGreater(len({r[4] for r in kept["slate"]}), 50, "neighbours lost theirs")

    def test_nothing_brings_the_hcp_back_but_an_opt_in_and_nothing_says_whose_it_was(self):
        self.erase("--hcp", "hcp-0002")
        view = {"event_id": "late-1", "source": "web", "event_type": "portal_content_viewed",
                "event_time": self.end, "hcp_id": "hcp-0002", "content_id": "C001"}
        self.instance.produce("engagement", [view, {**view, "event_id": "late-2"}])
        path = os.path.join(self.instance.dir, "poison.avro")
        place = next(r["partition"] for r in self.instance.consume("engagement")
                     if r["key"] == "hcp-0002")
        world.log_file(path, [("hcp.engagement.v1", place, 0, self.end, b"hcp-0002", b"bad 2")])
        self.instance.nba("produce", "--log-file", path)
        self.instance.drain()
        skipped = [r for r in self.instance.consume("decision") if r["value"]["reason"] == "ERASED"]
        self.assertEqual([r["value"]["decision_id"] for r in skipped],
                         ["dec:web#late-1", "dec:web#late-2"])
        self.assertEqual({(r["key"], r["value"]["hcp_id"]) for r in skipped}, {(None, "")})
        letter = next(r for r in self.instance.consume("deadletter") if r["key"][0] == "|")
        self.assertEqual(letter["key"], "|" + letter["headers"]["src"])
        self.assertEqual(letter["headers"]["reason"], "not_avro")
        self.assertEqual((letter["value"], "hcp-0002" in json.dumps(letter)),
                         ({"base64": ""}, False))
        shown = self.instance.nba("state", "show", "--hcp", "hcp-0002", where=False, check=False)
        self.assertIn("no state of HCP 'hcp-0002': erased at 20", shown.stderr)
        self.instance.produce("engagement", [{
            "event_id": "back", "source": "crm", "event_type": "consent_changed",
            "event_time": self.end + 1, "hcp_id": "hcp-0002", "channel": "email",
            "scope_type": "channel", "status": "opt_in"}])
        self.instance.drain()
        shown = json.loads(self.instance.nba("state", "show", "--hcp", "hcp-0002",
                                             where=False).stdout)
        self.assertEqual((shown["engagements"], len(shown["consents"])), (0, 1))
        self.assertEqual(self.instance.replay(), self.instance.digests())


class Merge(unittest.TestCase):
    def test_ids_merged_under_load_and_kills_replay_to_the_same_bytes_and_are_erased_as_one(self):
        instance = Instance()
        self.addCleanup(instance.close)
        instance.setup(seed=5, hcps=30, count=250)
        instance.drain()
        pairs = [(f"hcp-{h:04d}", f"hcp-{h + 1:04d}") for h in range(0, 12, 2)]
        pairs += [("hcp-0001", "hcp-0003"), ("hcp-0003", "hcp-0000")]  # in a circle, at last
        end = max(r["value"]["event_time"] for r in instance.consume("engagement"))
        instance.produce("engagement", [
            {"event_id": f"m-{n}", "source": "mdm", "event_type": "profile_merged",
             "event_time": end, "hcp_id": (old, new)[n % 2], "from_hcp_id": old, "to_hcp_id": new}
            for n, (old, new) in enumerate(pairs)])
        instance.produce("engagement", world.events(6, 30, 150))
        for kill in ("after_produce:1", "before_commit:2", "after_commit:2"):
            killed = instance.drain(env={"NBA_KILL_AT": kill}, check=False,
                                    **{"commit.events_max": 40})
            self.assertEqual(killed.returncode, -signal.SIGKILL, kill)
        instance.drain()
        self.assertEqual(instance.replay("--state-hash"),
                         instance.nba("state", "hash", where=False).stdout + instance.digests())
        seen = collections.Counter(r["headers"]["src"] for r in instance.consume("decision")
                                   if r["headers"]["src"].startswith("hcp.engagement"))
        self.assertEqual(len(seen), len(instance.consume("engagement")))
        self.assertEqual(set(seen.values()), {1})
        self.assertEqual({a["hcp_id"] for a in open_actions(instance).values()} &
                         {old for old, _ in pairs[:6]} - {"hcp-0000"}, set())
        instance.nba("erase", "--at", end, "--wait", "hcp-0005")
        for old in ("hcp-0004", "hcp-0005"):
            shown = instance.nba("state", "show", "--hcp", old, where=False, check=False)
            self.assertIn("erased at", shown.stderr)
        self.assertEqual(instance.replay(), instance.digests())


if __name__ == "__main__":
    unittest.main()
