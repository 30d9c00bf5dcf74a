"""Rep capacity on the embedded log: never exceeded, the books of every mailbox, kills, replay."""
import os
import sys
import unittest

import reps
import world

CAPACITY = """
  capacity:
    - {id: rep_daily_alerts, per: [rep], channel: rep, max: MAX, window: {calendar: day, tz: rep}, when_full: FULL}
"""
KILLS = ("after_poll:2", "after_produce:9", "before_send_offsets:2", "before_commit:3",
         "after_commit:2", "before_write:3", "after_write:2")


class Capacity(unittest.TestCase):
    def instance(self, most, full="replace_lowest", **settings):
        instance = world.Instance(**settings)
        self.addCleanup(instance.close)
        with open(instance.policy, encoding="utf-8") as file:
            text = file.read()
        rule = CAPACITY.replace("MAX", str(most)).replace("FULL", full)
        with open(instance.policy, "w", encoding="utf-8") as file:
            file.write(text.replace("\narbitration:", rule + "\narbitration:"))
        instance.nba("topics", "create")
        instance.produce("catalog", list(world.contents(40)) + list(world.reps(5)))
        return instance

    def answers(self, instance, lot):
        """Reps look at some of what is open, accept some, and some HCPs opt out."""
        now = max(reps.ms(r["value"]["decision_time"]) for r in instance.consume("decision"))
        out = []
        for n, record in enumerate(instance.consume("action")):
            action = record["value"]
            if action["channel"] == "rep" and action["status"] == "proposed" and n % 3:
                kind = ("action_shown", "action_accepted", "action_dismissed",
                        "action_not_sent")[n % 4]
                out.append({"event_id": f"f-{lot}-{n}", "source": "crm", "event_type": kind,
                            "event_time": now, "hcp_id": action["hcp_id"],
                            "action_id": action["action_id"]})
            elif n % 11 == 0:
                out.append({"event_id": f"o-{lot}-{n}", "source": "crm", "channel": "rep",
                            "event_type": "consent_changed", "event_time": now,
                            "hcp_id": action["hcp_id"], "scope_type": "channel",
                            "status": "opt_out"})
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

    def test_what_is_published_is_what_each_mailbox_says_and_a_replay_says_it_again(self):
        for most, full, workers in ((3, "replace_lowest", 1), (2, "refuse", 2), (1, "replace_lowest", 3)):
            with self.subTest(most=most, full=full):
                instance = self.instance(most, full, workers=workers)
                self.run_lots(instance, world.events(most, 60, 900), **{"commit.events_max": 20})
                found = reps.check(self, instance, most, full == "replace_lowest")
                self.assertGreater(found["published"], 20)
                if full == "replace_lowest":
                    self.assertGreater(found["replaced"], 3)
                reasons = {s["reason_code"] for r in instance.consume("decision")
                           for s in r["value"]["suppressed"]}
                self.assertIn("REP_CAPACITY", reasons)
                state = instance.nba("state", "hash").stdout
                self.assertEqual(instance.replay("--state-hash"), state + instance.digests())

    def test_kills_change_nothing_of_it(self):
        for point in KILLS:
            with self.subTest(point=point):
                instance = self.instance(2, partitions=2)
                self.run_lots(instance, world.events(5, 40, 450), kill=point,
                              **{"commit.events_max": 40})
                reps.check(self, instance, 2)
                self.assertEqual(instance.replay(), instance.digests())

    def test_a_lost_state_folder_brings_the_reps_back(self):
        instance = self.instance(2, partitions=2)
        events = world.events(6, 40, 450)
        instance.produce("engagement", events[:300])
        instance.drain()
        before = instance.nba("state", "hash").stdout
        instance.nba("reset", "--to", "changelog", "--yes")
        instance.produce("engagement", events[300:])
        instance.drain()
        self.assertNotEqual(instance.nba("state", "hash").stdout, before)
        reps.check(self, instance, 2)
        self.assertEqual(instance.replay(), instance.digests())

    def test_a_simulation_of_the_logs_own_policy_counts_what_the_reps_tasks_published(self):
        instance = self.instance(2)
        instance.produce("engagement", world.events(5, 40, 450))
        instance.drain()
        published = [r for r in instance.consume("action") if r["value"]["channel"] == "rep" and
                     r["value"]["status"] == "proposed"]
        self.assertGreater(len(published), 20)
        self.assertRegex(instance.nba("simulate", "--policy", instance.policy).stdout,
                         rf"\n  rep +{len(published)}\n")

    def test_zero_is_never(self):
        instance = self.instance(0)
        instance.produce("engagement", world.events(3, 30, 200))
        instance.drain()
        self.assertEqual([r for r in instance.consume("action")
                          if r["value"]["channel"] == "rep"], [])
        self.assertEqual(instance.consume("mailbox"), [])


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *sys.argv[1:]])
