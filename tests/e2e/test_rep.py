"""Rep capacity on the embedded log: never exceeded, the books of every mailbox, kills, replay."""
import collections
import csv
import datetime
import os
import pathlib
import sys
import tempfile
import unittest
import zoneinfo

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
        self.add_rule(instance, most, full)
        instance.nba("topics", "create")
        instance.produce("catalog", list(world.contents(40)) + list(world.reps(5)))
        return instance

    def add_rule(self, instance, most, full):
        with open(instance.policy, encoding="utf-8") as file:
            text = file.read()
        rule = CAPACITY.replace("MAX", str(most)).replace("FULL", full)
        with open(instance.policy, "w", encoding="utf-8") as file:
            file.write(text.replace("\narbitration:", rule + "\narbitration:"))

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

    def made(self, instance, *args):
        """Digests of a replay of the log's events and an early catalogue only, and {topic: records}."""
        with tempfile.TemporaryDirectory(dir=instance.dir) as folder:
            log, out = os.path.join(folder, "log"), os.path.join(folder, "out")
            instance.nba("consume", "catalog", "engagement", "--out", log)
            world.log_file(log, [(r[0], *r[1:3], min(r[3], world.START - world.DAY), *r[4:])
                                 if r[0] == instance.topics["catalog"] else r
                                 for r in world.read_log_file(log)])
            digests = instance.nba("replay", "--log", log, "--out", out, *args, where=False).stdout
            files = sorted(pathlib.Path(out).glob("*/*.avro"))
            records = {}
            for path in files:
                records.setdefault(path.parent.name, []).extend(world.read_log_file(path))
        return digests, records

    def test_what_ran_live_is_made_again_by_mail_of_its_own(self):
        """Events one by one, so that the order at each rep is that of time: requests, refusals,
        replacements, feedback and merged records then come to the same in another run."""
        instance = self.instance(1, partitions=3)
        events = world.events(2, 12, 26, gap=4_000_000)
        profiles = [e for e in events if e["event_id"][0] in "pc"]
        lives = [e for e in events if e["event_id"][0] == "e"]
        instance.produce("engagement", profiles)
        for n, event in enumerate(lives):
            if n == len(lives) // 2:
                instance.produce("engagement", [
                    {"event_id": f"m-{h}", "source": "mdm", "event_type": "profile_merged",
                     "event_time": event["event_time"] - 120_000, "hcp_id": f"hcp-{h:04d}",
                     "from_hcp_id": f"hcp-{h:04d}", "to_hcp_id": f"hcp-{h + 1:04d}"}
                    for h in (0, 2, 4)])
                instance.produce("engagement", self.answers(instance, 0))
                instance.drain()
            instance.produce("engagement", [event])
            instance.drain()
        _, records = self.made(instance)
        kinds = {r["value"]["kind"] for r in instance.consume("mailbox")}
        self.assertLessEqual({"request", "replaced", "feedback", "merged"}, kinds)
        for word in ("action", "decision", "slate"):
            path = os.path.join(instance.dir, word)
            instance.nba("consume", word, "--out", path)
            live = collections.Counter(r[4:] for r in world.read_log_file(path))
            made = collections.Counter(r[4:] for r in records[instance.topics[word]])
            self.assertEqual(live, made, word)

    def test_a_policy_with_capacity_is_tried_on_a_log_that_knew_none(self):
        """Published and not taken back, of a rep on a day: never more than allowed; the same in
        every run with any number of threads; and what nba simulate counts."""
        instance = world.Instance(partitions=4)
        self.addCleanup(instance.close)
        events = world.events(7, 60, 900)
        instance.nba("topics", "create")
        instance.produce("catalog", list(world.contents(40)) + list(world.reps(5)))
        instance.produce("engagement", events)
        instance.drain()
        self.assertEqual(instance.consume("mailbox"), [])
        unlimited = self.published(events, self.made(instance)[1][instance.routes["rep"]])
        self.assertGreater(max(most for most, _ in unlimited.values()), 3)
        self.add_rule(instance, 2, "replace_lowest")
        digests, records = self.made(instance)
        limited = self.published(events, records[instance.routes["rep"]])
        self.assertEqual(max(most for most, _ in limited.values()), 2)
        for threads in ("1", "2", "3"):
            self.assertEqual(self.made(instance, "--threads", threads)[0], digests)
        path = os.path.join(instance.dir, "out.csv")
        texts = []
        for threads in ("1", "2"):
            instance.nba("simulate", "--policy", instance.policy, "--csv", path, "--threads", threads)
            with open(path, encoding="utf-8", newline="") as file:
                texts.append(file.read())
        self.assertEqual(texts[0], texts[1])
        counts = {(r["dimension"], r["word"]): float(r["a"])
                  for r in csv.DictReader(texts[0].splitlines())}
        self.assertEqual(counts["channel", "rep"], sum(count for _, count in limited.values()))
        self.assertGreater(counts["total", "recalls"], 0)
        self.assertGreater(counts["reason", "REP_CAPACITY"], 0)
        self.assertLessEqual(counts["total", "HCPs decided on"], 60)

    def published(self, events, records):
        """{(rep, day): (most at a time, published)} of rep alerts; value: magic and id, action_id,
        decision_id, status."""
        berlin = zoneinfo.ZoneInfo("Europe/Berlin")
        clock, now = {}, 0
        for event in events:
            now = max(now, event["event_time"])
            clock.setdefault(event["event_id"], now)
        books, days = {}, {}
        for _, _, _, _, key, value in records:
            ids, at = [], 5
            for _ in range(2):
                size, at = value[at] >> 1, at + 1  # ids of less than 64 bytes
                ids.append(value[at:at + size].decode())
                at += size
            recalled = value[at] != 0
            time = clock[ids[1].split("#")[1]] / 1000
            if not recalled:
                days[ids[0]] = (key, datetime.datetime.fromtimestamp(time, berlin).date())
            open_, most, count = books.get(days[ids[0]], (0, 0, 0))
            open_ += -1 if recalled else 1
            books[days[ids[0]]] = (open_, max(most, open_), count + (not recalled))
        return {day: (most, count) for day, (_, most, count) in books.items()}

    def test_zero_is_never(self):
        instance = self.instance(0)
        instance.produce("engagement", world.events(3, 30, 200))
        instance.drain()
        self.assertEqual([r for r in instance.consume("action")
                          if r["value"]["channel"] == "rep"], [])
        self.assertEqual(instance.consume("mailbox"), [])


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *sys.argv[1:]])
