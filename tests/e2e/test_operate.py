"""What an operator does: backup and restore, backfills, reset, an upgrade that is taken back.

Run by ctest (e2e.operate), or alone: NBA_BIN=build/dev/nba python3 tests/e2e/test_operate.py -v
"""
import calendar
import contextlib
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import time
import unittest

import world
from world import NBA, START, Instance


def millis(text):
    head, _, rest = text.rstrip("Z").partition(".")
    return calendar.timegm(time.strptime(head, "%Y-%m-%dT%H:%M:%S")) * 1000 + int(
        (rest + "000")[:3] if rest else 0)


class Operate(unittest.TestCase):
    def instance(self, **settings):
        made = Instance(**settings)
        self.addCleanup(made.close)
        return made

    def state_hash(self, instance, *args):
        return instance.nba("state", "hash", *args, where=False).stdout

    def decided(self, instance):
        return {r["headers"]["src"] for r in instance.consume("decision")}


class Backup(Operate):
    def setUp(self):
        self.inst = self.instance()
        everything = world.events(5, 40, 600)
        self.rest = everything[400:]
        self.inst.nba("topics", "create")
        self.inst.produce("catalog", list(world.contents(40)) + list(world.reps(5)))
        self.inst.produce("engagement", everything[:400])
        self.backup = os.path.join(self.inst.dir, "backup")

    def restore_and_go_on(self, then):
        """The restored state is that of then, and what came since comes from the changelog."""
        self.inst.produce("engagement", self.rest)
        self.inst.drain()
        now = self.state_hash(self.inst)
        self.assertNotEqual(now, then)
        state = os.path.join(self.inst.dir, "state")
        refused = self.inst.nba("state", "restore", self.backup, where=False, check=False)
        self.assertEqual(refused.returncode, 1)
        self.assertIn("store' is there already", refused.stderr)
        shutil.rmtree(os.path.join(state, "store"))
        self.inst.nba("state", "restore", self.backup, where=False)
        self.assertEqual(self.state_hash(self.inst), then)
        log = self.inst.drain().stderr
        self.assertEqual(log.count("how=tail"), 3, log)
        self.assertNotIn("how=whole", log)
        self.assertEqual(self.state_hash(self.inst), now)
        self.assertEqual(self.inst.replay("--state-hash"), now + self.inst.digests())

    def test_of_a_stopped_instance(self):
        self.inst.drain()
        then = self.state_hash(self.inst)
        self.inst.nba("state", "backup", self.backup, where=False)
        self.assertEqual(self.state_hash(self.inst, "--set", f"state.dir={self.backup}"), then)
        again = self.inst.nba("state", "backup", self.backup, where=False, check=False)
        self.assertIn("is there already", again.stderr)
        self.restore_and_go_on(then)

    def test_of_a_running_instance(self):
        line = [NBA, "run", "--no-http", *self.inst.common, *self.inst.where]
        os.makedirs(os.path.join(self.inst.dir, "state"))
        pathlib.Path(self.inst.dir, "state", "backup.request").write_text(
            self.inst.dir + "/unasked", encoding="utf-8")  # nobody waits for it
        running = subprocess.Popen(line, cwd=self.inst.dir, stderr=subprocess.DEVNULL)
        try:
            inputs = sum(1 for _ in self.inst.consume("engagement"))
            for _ in range(600):
                if len(self.decided(self.inst)) == inputs:
                    break
                time.sleep(0.05)
            then = self.state_hash(self.inst)
            self.assertFalse(os.path.exists(self.inst.dir + "/unasked"), "an old request was answered")
            self.inst.nba("state", "backup", "backup", where=False)  # relative to the tool's folder
        finally:
            running.send_signal(signal.SIGTERM)
            self.assertEqual(running.wait(timeout=60), 0)
        self.restore_and_go_on(then)

    def test_of_nothing_is_refused(self):
        for args in (("backup", self.backup), ("restore", self.backup)):
            done = self.inst.nba("state", *args, where=False, check=False)
            self.assertEqual(done.returncode, 1)
            self.assertIn("no state in", done.stderr)


class Backfill(Operate):
    """The input: one event an hour in 3 partitions, record timestamp = event time."""

    def setUp(self):
        self.inst = self.instance()
        self.inst.nba("topics", "create")
        self.inst.produce("catalog", list(world.contents(40)))
        self.events = [e for e in world.events(6, 40, 900) if e["event_time"] >= START]
        self.inst.produce("engagement", self.events)
        self.inputs = self.inst.consume("engagement")

    def run_it(self, *args, check=True, **settings):
        sets = [f"--set={k}={v}" for k, v in settings.items()]
        return self.inst.nba("run", "--no-http", *sets, *args, check=check)

    def border(self, share):
        """A moment, and for each partition its first offset of a record at or after it."""
        times = sorted(e["event_time"] for e in self.events)
        at = times[int(len(times) * share)] // 1000 * 1000
        first = {}
        for record in self.inputs:
            p = record["partition"]
            if millis(record["timestamp"]) >= at:
                first[p] = min(first.get(p, record["offset"]), record["offset"])
        return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at // 1000)), first

    def between(self, low, high):
        return {f"{r['topic']}/{r['partition']}/{r['offset']}" for r in self.inputs
                if low.get(r["partition"], 1 << 60) <= r["offset"]
                < high.get(r["partition"], 1 << 60)}

    def test_from_and_until_take_that_part_and_a_later_run_goes_on(self):
        (since, low), (until, high) = self.border(0.3), self.border(0.6)
        self.run_it("--from", since, "--until", until)
        self.assertEqual(self.decided(self.inst), self.between(low, high))
        self.inst.drain()
        self.assertEqual(self.decided(self.inst), self.between(low, {}))
        self.assertEqual(self.inst.replay(), self.inst.digests())

    def test_two_parts_are_the_same_as_one(self):
        until, _ = self.border(0.5)
        self.run_it("--until", until)
        self.run_it("--until", "end")
        whole = self.instance()
        whole.nba("topics", "create")
        whole.produce("catalog", list(world.contents(40)))
        whole.produce("engagement", self.events)
        whole.drain()
        self.assertEqual(self.inst.digests(), whole.digests())

    def test_offsets_name_places_too_and_a_kill_at_the_start_loses_no_border(self):
        for point in ("before_commit:1", "after_commit:1", "after_write:1"):
            with self.subTest(point=point):
                inst = self.instance()
                inst.nba("topics", "create")
                inst.produce("catalog", list(world.contents(40)))
                inst.produce("engagement", self.events)
                args = ("run", "--no-http", "--from", "20", "--until", "90")
                killed = inst.nba(*args, env={"NBA_KILL_AT": point}, check=False)
                self.assertEqual(killed.returncode, -signal.SIGKILL)
                again = inst.nba(*args, check=False)
                if point != "before_commit:1":  # it has state: the border is in it
                    self.assertEqual(again.returncode, 1)
                    self.assertIn("nba reset --to start", again.stderr)
                    inst.nba("run", "--no-http", "--until", "90")
                every = {f"{r['topic']}/{r['partition']}/{r['offset']}"
                         for r in inst.consume("engagement") if 20 <= r["offset"] < 90}
                self.assertEqual(self.decided(inst), every)

    def test_an_empty_range_ends_too(self):
        self.run_it("--from", "30", "--until", "30")
        self.assertEqual(self.decided(self.inst), set())
        self.run_it("--until", "31")
        self.assertEqual(len(self.decided(self.inst)), 3)

    def test_wrong_ranges_are_refused(self):
        for args, words in ((("--from", "9", "--until", "3"), "behind --until"),
                            (("--from", "x"), "--from: expected start, end, an offset or a time")):
            done = self.run_it(*args, check=False)
            self.assertEqual(done.returncode, 2, done.stderr)
            self.assertIn(words, done.stderr)

    def test_from_is_refused_to_a_group_or_changelog_with_state(self):
        self.inst.drain()
        for settings in ({}, {"application_id": "another"}):
            done = self.run_it("--from", "start", check=False, **settings)
            self.assertEqual(done.returncode, 1)
            self.assertIn("has state of partition 0", done.stderr)
            self.assertIn("nba reset --to start", done.stderr)

    def test_the_end_is_reached_over_the_gaps_that_transactions_leave(self):
        self.inst.setup(count=200)
        self.inst.drain()
        own = {"application_id": "reader", "state.dir": os.path.join(self.inst.dir, "state-2"),
               "topics.engagement": self.inst.topics["decision"]}  # all of it is dead letters
        for word in ("action", "slate", "decision", "deadletter", "changelog", "journal",
                     "mailbox", "rep_capacity"):
            own[f"topics.{word}"] = f"reader.{word}"
        sets = [f"--set={k}={v}" for k, v in own.items()]
        self.inst.nba("topics", "create", *sets)
        self.inst.nba("run", "--no-http", "--drain", *sets)
        self.assertEqual(len(self.inst.consume("reader.deadletter", *sets)),
                         len(self.inst.consume("decision")))

    def test_a_backfill_beside_the_application_touches_nothing_of_it(self):
        self.inst.drain()
        before, state = self.inst.digests(), self.state_hash(self.inst)
        own = {"application_id": "backfill", "state.dir": os.path.join(self.inst.dir, "state-2")}
        for word in ("action", "slate", "decision", "deadletter", "changelog", "journal",
                     "mailbox", "rep_capacity"):
            own[f"topics.{word}"] = f"backfill.{word}"
        sets = [f"--set={k}={v}" for k, v in own.items()]
        self.inst.nba("topics", "create", *sets)
        self.inst.nba("run", "--no-http", *sets, "--from", "start", "--until", "end")
        self.assertEqual(self.inst.digests().splitlines()[:3], before.splitlines()[:3])
        self.assertEqual(self.state_hash(self.inst), state)
        self.assertEqual(self.state_hash(self.inst, *sets), state)

    def test_the_backfill_of_the_document_goes_as_typed_beside_an_instance(self):
        text = pathlib.Path(world.ROOT, "docs", "DEPLOY.md").read_text(encoding="utf-8")
        text = text[text.index("## Backfills"):text.index("## Health")]
        file, commands = ("".join(line[4:] + "\n" for line in block.splitlines()) for block in
                          re.findall(r"(?:^    .*\n)+", text, re.M))
        for line in commands.splitlines()[1:]:
            self.assertIn(line + "\n", self.inst.nba("run", "--help", where=False).stdout)
        inst = self.instance()
        inst.nba("topics", "create")
        inst.produce("catalog", list(world.contents(40)))
        inst.produce("engagement", [{**event, "event_time": event["event_time"] - 33 * world.DAY}
                                    for event in self.events])  # to the 2nd of February
        inst.drain()
        before, state = inst.digests(), self.state_hash(inst)
        pathlib.Path(inst.dir, "backfill.yaml").write_text(file, encoding="utf-8")
        like = ["--log", inst.log, "--set", f"policy.file={inst.policy}", "--set",
                f"schemas.dir={world.ROOT}/schemas", "--set", "topics.partitions=3"]
        with socket.socket() as port:  # the instance beside it
            port.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            with contextlib.suppress(OSError):
                port.bind(("127.0.0.1", 9464))
                port.listen()
            for line in commands.splitlines():
                inst.nba(*line.split()[1:], *like, common=False, where=False)
        self.assertEqual((inst.digests(), self.state_hash(inst)), (before, state))
        new = {r["headers"]["src"] for r in inst.consume("backfill.decision")}
        took = {f"{r['topic']}/{r['partition']}/{r['offset']}" for r in inst.consume("engagement")
                if r["timestamp"] < "2026-02-01"}
        self.assertGreater(len(took), 100)
        self.assertEqual(new, took)


class Reset(Operate):
    def test_to_start_says_first_what_it_would_do_and_then_all_is_decided_again(self):
        inst = self.instance()
        inst.setup(count=300)
        inst.drain()
        first = inst.consume("decision")
        state = self.state_hash(inst)
        dry = inst.nba("reset", "--to", "start").stdout
        for words in ("would forget offset", "would empty nba.state-changelog.v1",
                      "would empty nba.journal.v1", "would forget local state",
                      "nothing was changed"):
            self.assertIn(words, dry)
        inst.drain()
        self.assertEqual(len(inst.consume("decision")), len(first), "a dry run did something")
        inst.nba("reset", "--to", "start", "--yes")
        self.assertEqual(inst.consume("changelog"), [])
        inst.drain()
        both = inst.consume("decision")
        self.assertEqual(len(both), 2 * len(first))
        self.assertEqual(self.state_hash(inst), state)
        self.assertEqual(len({r["headers"]["src"] for r in both}), len(first))

    def test_usage(self):
        inst = self.instance()
        inst.nba("topics", "create")
        for args in ((), ("--to", "nowhere"), ("--to", "start", "--partition", "1")):
            self.assertEqual(inst.nba("reset", *args, check=False).returncode, 2)


class Upgrade(Operate):
    """A newer program wrote, and an older one, this one, gets the partition back."""

    def test_an_older_program_stops_at_a_newer_format_and_changes_nothing(self):
        for key, value, words in ((b"Hhcp-0001", b"\x06\x03\x00",
                                   "HCP record has format 6, newest known is 5"),
                                  (b"Mm", b"\x03" + bytes(40),
                                   "state has format 3, newest known is 2")):
            for gone in (False, True):
                with self.subTest(key=key, gone=gone):
                    inst = self.instance(partitions=1)
                    inst.setup(count=100)
                    inst.drain()
                    digests, state = inst.digests(), self.state_hash(inst)
                    newer = os.path.join(inst.dir, "newer.avro")
                    world.log_file(newer, [(inst.topics["changelog"], 0, 0, START, key, value)])
                    inst.nba("produce", "--log-file", newer, "--set=topics.changelog=elsewhere",
                             f"--set=topics.engagement={inst.topics['changelog']}")
                    inst.produce("engagement", world.events(8, 5, 10))
                    if gone:
                        shutil.rmtree(os.path.join(inst.dir, "state", "store"))
                    for _ in range(2):  # a second try is no other
                        refused = inst.drain(check=False)
                        self.assertEqual(refused.returncode, 1)
                        self.assertIn(words, refused.stderr)
                    self.assertEqual(inst.digests(), digests)
                    if not gone:
                        self.assertEqual(self.state_hash(inst), state)


if __name__ == "__main__":
    unittest.main()
