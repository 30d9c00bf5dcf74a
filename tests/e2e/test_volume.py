"""Budgets over all HCPs on the embedded log: never exceeded, the books of every mailbox, kills, erasure, replay and
simulate."""
import csv
import datetime
import json
import os
import sys
import unittest

import erasure
import reps
import volumes
import world

KILLS = ("after_poll:2", "after_produce:9", "before_send_offsets:2", "before_commit:3",
         "after_commit:2", "before_write:3", "after_write:2")
MAILS = {"id": "mails", "per": "channel", "channel": "email", "max": 12,
         "window": {"calendar": "day", "tz": "Europe/Berlin"}, "when_full": "replace_lowest"}
EACH = {"id": "each", "per": "content", "max": 2, "window": {"calendar": "week", "tz": "utc"},
        "when_full": "replace_lowest"}
BRAND = {"id": "brand", "per": "brand", "only": ["CARDIOX"], "channel": ["web", "rep"], "max": 4,
         "window": {"calendar": "month", "tz": "utc"}, "when_full": "refuse"}
CONTENTS = {c["content"]["content_id"]: c["content"] for c in world.contents(40)}


class Volume(unittest.TestCase):
    def instance(self, rules, **settings):
        instance = world.Instance(**settings)
        self.addCleanup(instance.close)
        self.set_rules(instance, rules)
        instance.nba("topics", "create")
        instance.produce("catalog", list(world.contents(40)) + list(world.reps(5)))
        return instance

    def set_rules(self, instance, rules, before=""):
        with open(instance.policy, encoding="utf-8") as file:
            text = file.read()
        with open(instance.policy, "w", encoding="utf-8") as file:
            file.write(text.replace("\narbitration:", f"{before}\n  volumes: {json.dumps(rules)}\n\narbitration:"))

    def answers(self, instance, lot):
        """What channels say of what is open: sent, bounced, not sent, shown, accepted; and some HCPs opt out."""
        now = max(reps.ms(r["value"]["decision_time"]) for r in instance.consume("decision"))
        out = []
        for n, record in enumerate(instance.consume("action")):
            action = record["value"]
            base = {"source": "crm", "event_time": now, "hcp_id": action["hcp_id"]}
            about = {**base, "action_id": action["action_id"]}
            if action["status"] == "proposed" and n % 3:
                kind = ("action_sent", "action_shown", "action_accepted", "action_not_sent",
                        "email_bounced")[n % 5]
                if kind == "email_bounced":
                    out.append({**about, "event_id": f"s-{lot}-{n}", "event_type": "email_sent",
                                "message_id": f"m-{lot}-{n}"})
                    out.append({**base, "event_id": f"b-{lot}-{n}", "event_type": kind,
                                "message_id": f"m-{lot}-{n}", "bounce_class": "soft"})
                else:
                    out.append({**about, "event_id": f"f-{lot}-{n}", "event_type": kind})
            elif n % 11 == 0:
                out.append({**base, "event_id": f"o-{lot}-{n}", "event_type": "consent_changed",
                            "channel": action["channel"], "scope_type": "channel", "status": "opt_out"})
        return out

    def run_lots(self, instance, events, kill=None, **options):
        lots = 3
        for lot in range(lots):
            size = len(events) // lots
            instance.produce("engagement", events[lot * size:(lot + 1) * size])
            if kill is not None and lot > 0:
                died = instance.drain(env={"NBA_KILL_AT": kill}, check=False, **options)
                self.assertLess(died.returncode, 0, kill)
            instance.drain(**options)
            if lot + 1 < lots:
                instance.produce("engagement", self.answers(instance, lot))
                instance.drain(**options)

    def books(self, instance, rules):
        wrong, count = volumes.check(instance, rules, CONTENTS)
        self.assertEqual(wrong[:5], [])
        return count

    def assert_replayed(self, instance):
        state = instance.nba("state", "hash").stdout
        self.assertEqual(instance.replay("--state-hash"), state + instance.digests())

    def test_answers_are_what_each_mailbox_says_and_a_replay_says_them_again(self):
        for rules, workers in (([MAILS], 1), ([EACH, BRAND], 2), ([BRAND, EACH, MAILS], 3)):
            with self.subTest(rules=[r["id"] for r in rules]):
                instance = self.instance(rules, workers=workers, partitions=5)
                self.run_lots(instance, world.events(len(rules), 60, 900), **{"commit.events_max": 20})
                count = self.books(instance, rules)
                self.assertGreater(count["granted"], 20)
                self.assertGreater(count.get("replaced", 0), 3)
                reasons = {s["reason_code"] for r in instance.consume("decision")
                           for s in r["value"]["suppressed"]}
                self.assertIn("VOLUME_LIMIT", reasons)
                self.assert_replayed(instance)

    def test_with_reps_of_limited_capacity_too(self):
        instance = world.Instance(partitions=3)
        self.addCleanup(instance.close)
        self.set_rules(instance, [EACH], """
  capacity:
    - {id: alerts, per: [rep], channel: rep, max: 2, window: {calendar: day, tz: rep}, when_full: replace_lowest}""")
        instance.nba("topics", "create")
        instance.produce("catalog", list(world.contents(40)) + list(world.reps(5)))
        self.run_lots(instance, world.events(3, 60, 700), **{"commit.events_max": 20})
        self.books(instance, [EACH])
        kinds = {(r["value"]["kind"], r["value"]["rep_id"][:4]) for r in instance.consume("mailbox")}
        self.assertLessEqual({("request", "rep-"), ("replaced", "rep-"), ("granted", "volu")}, kinds)
        self.assert_replayed(instance)

    def test_kills_change_nothing_of_it(self):
        for point in KILLS:
            with self.subTest(point=point):
                instance = self.instance([MAILS, EACH], partitions=2)
                self.run_lots(instance, world.events(5, 40, 450), kill=point, **{"commit.events_max": 40})
                self.books(instance, [MAILS, EACH])
                self.assertEqual(instance.replay(), instance.digests())

    def test_a_lost_state_folder_brings_the_budgets_back(self):
        instance = self.instance([MAILS, EACH], partitions=2)
        events = world.events(6, 40, 450)
        instance.produce("engagement", events[:300])
        instance.drain()
        before = instance.nba("state", "hash").stdout
        instance.nba("reset", "--to", "changelog", "--yes")
        instance.produce("engagement", events[300:])
        instance.drain()
        self.assertNotEqual(instance.nba("state", "hash").stdout, before)
        self.books(instance, [MAILS, EACH])
        self.assertEqual(instance.replay(), instance.digests())

    def test_an_erased_hcp_is_in_no_budget(self):
        """Not where its action is open, was sent, or was replaced: neither in state nor in files."""
        rules = [{**EACH, "max": 3}]
        instance = self.instance(rules, partitions=3)
        self.run_lots(instance, world.events(4, 20, 300), **{"commit.events_max": 40})
        count = self.books(instance, rules)
        self.assertGreater(count["replaced"], 3)
        gone = [f"hcp-{h:04d}" for h in range(0, 20, 2)]
        last = max(reps.ms(r["value"]["decision_time"]) for r in instance.consume("decision"))
        at = datetime.datetime.fromtimestamp(last / 1000, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
        named = erasure.found_below(instance.dir, gone, (*erasure.MADE, instance.log))
        self.assertNotEqual(named, {}, "the search finds nothing")
        instance.nba("erase", "--at", at, "--wait", *gone)
        self.books(instance, rules)
        kept = erasure.left(self, instance, gone)
        self.assertNotEqual(kept["changelog"], [])

    def test_a_policy_with_budgets_is_tried_on_a_log_that_knew_none(self):
        """The same counts with any number of threads, and fewer e-mails than without."""
        instance = world.Instance(partitions=4)
        self.addCleanup(instance.close)
        instance.nba("topics", "create")
        instance.produce("catalog", list(world.contents(40)) + list(world.reps(5)))
        instance.produce("engagement", world.events(7, 60, 900))
        instance.drain()
        path = os.path.join(instance.dir, "out.csv")

        def simulate(threads):
            instance.nba("simulate", "--policy", instance.policy, "--csv", path, "--threads", threads)
            with open(path, encoding="utf-8", newline="") as file:
                return file.read()

        def counts(text):
            return {(r["dimension"], r["word"]): float(r["a"]) for r in csv.DictReader(text.splitlines())}
        free = counts(simulate("2"))
        self.set_rules(instance, [MAILS, EACH])
        texts = [simulate(threads) for threads in ("1", "2", "3")]
        self.assertEqual(texts[0], texts[1])
        self.assertEqual(texts[0], texts[2])
        limited = counts(texts[0])
        self.assertLess(limited["channel", "email"], free["channel", "email"])
        self.assertGreater(limited["reason", "VOLUME_LIMIT"], 0)
        self.assertGreater(limited["total", "recalls"], 0)

    def test_zero_is_never(self):
        instance = self.instance([{**MAILS, "max": 0}])
        instance.produce("engagement", world.events(3, 30, 200))
        instance.drain()
        self.assertEqual([r for r in instance.consume("action") if r["value"]["channel"] == "email"], [])
        self.assertEqual(instance.consume("mailbox"), [])


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *sys.argv[1:]])
