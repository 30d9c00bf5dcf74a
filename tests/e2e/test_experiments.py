"""Control group, arms, exploration and feedback of the whole program on an embedded log, judged by
the formulas of decisioning.md worked out here.

Run by ctest (e2e.experiments), or alone: python3 tests/e2e/test_experiments.py -v
"""
import collections
import datetime
import json
import os
import random
import subprocess
import unittest

import world
from world import Instance, assignment_hash

HOUR = 3_600_000
WINDOW = 30 * HOUR
POLICY = """
experiments:
  universal_control: {share_bp: 3000, period: month}
  champion_challenger: {id: model_ab_1, arms: {champion: 6000, challenger: 3000}}
feedback: {windows: {email: PT30H}}
"""


def ms(text):
    time = datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))
    return round(time.timestamp() * 1000)


def bucket(hcp, time):
    """`time` as outputs write it, in UTC: it begins with its month."""
    return assignment_hash(f"universal_control:{time[:7]}:{hcp}") % 10000


def arm(hcp):
    place = assignment_hash(f"model_ab_1:{hcp}") % 10000
    return "champion" if place < 6000 else "challenger" if place < 9000 else ""


class Experiments(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.instance = Instance()
        with open(cls.instance.policy, encoding="utf-8") as file:
            text = file.read()
        assert "exploration" not in text and "arbitration:\n" in text
        with open(cls.instance.policy, "w", encoding="utf-8") as file:
            file.write(text.replace("arbitration:\n", "arbitration:\n  exploration: {type: "
                                    "epsilon_greedy, epsilon: 0.5}\n") + POLICY)
        cls.instance.setup(seed=5, hcps=80, count=600)
        cls.instance.drain()
        cls.actions = [r["value"] for r in cls.instance.consume("action")]
        cls.feed_back()
        cls.instance.drain()
        cls.decisions = [r["value"] for r in cls.instance.consume("decision")]

    @classmethod
    def tearDownClass(cls):
        cls.instance.close()

    @classmethod
    def feed_back(cls):
        """Every e-mail is sent, opened twice and, too late, clicked; every call is dismissed."""
        now = max(ms(r["value"]["decision_time"]) for r in cls.instance.consume("decision"))
        per_hcp = collections.Counter(a["hcp_id"] for a in cls.actions)
        recalled = {a["action_id"] for a in cls.actions if a["status"] == "recalled"}
        cls.told = {}  # action_id -> what must be joined to it
        events, clicks = [], []

        def say(out, action, kind, time, **fields):
            out.append({"event_id": f"f-{kind}-{len(out)}", "source": "mail", "event_type": kind,
                        "event_time": time, "hcp_id": action["hcp_id"], **fields})

        for number, action in enumerate(cls.actions):
            name, time = action["action_id"], max(ms(action["time"]), now - 20 * HOUR)
            # Sixteen actions of an HCP are waited for, and each open decides anew.
            if name in recalled or per_hcp[action["hcp_id"]] > 5:
                continue
            if action["channel"] == "email":
                message, until = f"m-{number}", ms(action["time"]) + WINDOW
                say(events, action, "email_sent", time, action_id=name, message_id=message)
                say(events, action, "email_opened", time + 1, message_id=message)
                say(events, action, "email_opened", time + 2, message_id=message)
                say(clicks, action, "email_clicked", max(time, until), action_id=name)
                if time + 2 < until:
                    cls.told[name] = [("sent", True), ("opened", True), ("opened", False)]
            elif action["channel"] == "rep":
                say(events, action, "action_dismissed", time, action_id=name,
                    dismiss_reason="not now")
                cls.told[name] = [("dismissed", True)]
        clicks.sort(key=lambda e: e["event_time"])
        cls.instance.produce("engagement", events + clicks)

    def test_who_is_in_which_group_is_the_formulas_and_control_gets_nothing(self):
        seen = set()
        for d in self.decisions:
            self.assertEqual(d["bucket"], bucket(d["hcp_id"], d["decision_time"]), d["decision_id"])
            self.assertEqual(d["arm"], arm(d["hcp_id"]))
            control = d["bucket"] < 3000
            withheld = d["counts"].get("CONTROL_GROUP", 0)
            if control:
                self.assertEqual(d["selected"], [])
            else:
                self.assertEqual(withheld, 0)
            seen.add((control, d["arm"], bool(withheld)))
        self.assertGreaterEqual(len(seen), 8, "some group is empty")
        for action in self.actions:
            self.assertFalse(action["experiment"]["control_group"])
            if action["status"] == "proposed":
                self.assertGreaterEqual(bucket(action["hcp_id"], action["time"]), 3000)
        for slate in (r["value"] for r in self.instance.consume("slate")):
            if bucket(slate["hcp_id"], slate["time"]) < 3000:
                self.assertEqual(slate["top_contents"], [])

    def test_the_first_place_is_explored_as_often_as_epsilon_says(self):
        first = [a for d in self.decisions for a in d["selected"] if a["rank"] == 1]
        explored = [a for a in first if any(x["code"] == "EXPLORATION" for x in a["drivers"])]
        chance = 0
        for a in first:
            u1 = assignment_hash(a["decision_id"] + ":explore") / 2**64
            chance += u1 < 0.5
            if a in explored:
                self.assertLess(u1, 0.5)
                self.assertLess(a["selection_probability"], 0.5)
            if u1 >= 0.5:
                self.assertGreaterEqual(a["selection_probability"], 0.5)
        self.assertGreater(len(explored), chance // 2)
        self.assertLessEqual(len(explored), chance)

    def test_outcomes_carry_the_features_that_the_action_was_decided_on(self):
        decided = {a["action_id"]: d for d in self.decisions for a in d["selected"]}
        told = {}
        for d in self.decisions:
            f = d["feedback"]
            if f is None:
                continue
            about = decided[f["action_id"]]
            action = next(a for a in about["selected"] if a["action_id"] == f["action_id"])
            self.assertEqual(f["features"], about["features"])
            self.assertEqual((f["content_id"], f["channel"], f["action_type"], f["decided"]),
                             (action["treatment"]["content_id"], action["channel"],
                              action["action_type"], about["decision_time"]))
            self.assertEqual(f["dismiss_reason"],
                             "not now" if f["outcome"] == "dismissed" else "")
            if d["trigger_event_id"].startswith("f-"):
                told.setdefault(f["action_id"], []).append((f["outcome"], f["unique"]))
        wrong = {n: (told.get(n), self.told.get(n)) for n in {*told, *self.told}
                 if told.get(n) != self.told.get(n)}
        self.assertEqual(wrong, {})
        self.assertGreater(len([t for t in told.values() if len(t) == 3]), 3)

    def test_a_replay_gives_the_same_bytes(self):
        self.assertEqual(self.instance.replay(), self.instance.digests())


class OffPolicy(unittest.TestCase):
    """tools/offpolicy against a world whose truth is known: HCPs answer with chances that the
    scorer's table gets wrong."""

    BELIEVED = {"E1": 0.30, "E2": 0.25, "E3": 0.20, "E4": 0.10}
    TRUE = {"E1": 0.10, "E2": 0.20, "E3": 0.35, "E4": 0.30}
    HCPS = 1500

    def setUp(self):
        self.instance = Instance()
        self.addCleanup(self.instance.close)
        with open(self.instance.policy, "w", encoding="utf-8") as file:
            file.write("policy_version: v1\ntenant: acme\ndecide_on: [portal_content_viewed]\n"
                       "consent: {models: {US: {email: implicit}}}\nslate: {size: 1}\n"
                       "arbitration: {exploration: {type: epsilon_greedy, epsilon: 0.6}}\n")
        table = os.path.join(self.instance.dir, "table.yaml")
        with open(table, "w", encoding="utf-8") as file:
            json.dump([{"content": c, "action_type": "email", "p": p}
                       for c, p in self.BELIEVED.items()], file)
        self.instance.nba("topics", "create")
        self.instance.produce("catalog", [
            {"kind": "content", "content": {
                "content_id": c, "brand": "CARDIOX", "topic_ids": ["t"], "class": "promotional",
                "title": c, "treatments": [{"channel": "email", "action_type": "email",
                                            "approval_state": "approved", "approval_number": "A"}]}}
            for c in self.BELIEVED])
        events = []
        for h in range(self.HCPS):
            common = {"source": "web", "hcp_id": f"hcp-{h:04d}"}
            events.append({"event_id": f"p-{h}", "event_type": "profile_updated",
                           "event_time": world.START + h, **common,
                           "profile": {"market": "US", "language": "en",
                                       "addresses": {"email": "ok"}}})
            events.append({"event_id": f"e-{h}", "event_type": "portal_content_viewed",
                           "event_time": world.START + h, "content_id": "P", **common})
        self.instance.produce("engagement", events)
        self.run_with(table)
        rng = random.Random(4)
        answers = []
        for record in self.instance.consume("action"):
            action = record["value"]
            if rng.random() < self.TRUE[action["treatment"]["content_id"]]:
                answers.append({"event_id": "c-" + action["action_id"], "source": "mail",
                                "event_type": "email_clicked", "event_time": world.START + HOUR,
                                "hcp_id": action["hcp_id"], "action_id": action["action_id"]})
        self.instance.produce("engagement", answers)
        self.run_with(table)
        self.decisions = self.instance.nba("consume", "decision").stdout

    def run_with(self, table):
        self.instance.nba("run", "--drain", "--no-http", f"--scorer=table:{table}")

    def judge(self, *args):
        done = subprocess.run([os.path.join(world.ROOT, "tools", "offpolicy"), "--json", *args],
                              input=self.decisions, capture_output=True, text=True, check=True)
        return json.loads(done.stdout)

    def test_each_estimator_finds_the_worth_of_a_challenger_that_nobody_ran(self):
        for levers, taken in (([], "E1"), (["--lever", "content_id=E3:2"], "E3"),
                              (["--lever", "content_id=E4:9"], "E4")):
            with self.subTest(taken=taken):
                said = self.judge(*levers)
                self.assertEqual((said["decisions"], said["left_out"]), (self.HCPS, 0))
                for name in ("IPS", "SNIPS", "DR"):
                    self.assertLess(said[name]["error"], 0.05)
                    self.assertLess(abs(said[name]["value"] - self.TRUE[taken]),
                                    3 * said[name]["error"], (name, said))
        # what is recorded is worth neither: a mean over what was explored
        recorded = 0.4 * self.TRUE["E1"] + 0.6 * sum(self.TRUE.values()) / 4
        self.assertLess(abs(said["recorded"]["value"] - recorded), 3 * said["recorded"]["error"])


if __name__ == "__main__":
    unittest.main()
