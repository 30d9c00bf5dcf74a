"""The whole program on a real Kafka: the same bytes as on the embedded log, and through replay.

NBA_TEST_KAFKA=HOST:PORT names the broker; without it the test is skipped (77).
"""
import os
import signal
import subprocess
import sys
import time
import unittest

import world
from test_local import accounted
from world import Instance

KAFKA = os.environ.get("NBA_TEST_KAFKA")


class OnKafka(unittest.TestCase):
    def twins(self, **settings):
        """One instance on Kafka and one on an embedded log, with the same names."""
        prefix = f"t{os.getpid()}-{time.monotonic_ns() % 1_000_000}."
        pair = [Instance(kafka=KAFKA, prefix=prefix, **settings), Instance(prefix=prefix, **settings)]
        for instance in pair:
            self.addCleanup(instance.close)
        return pair

    def test_policy_and_catalogue_changed_half_way_give_the_same_bytes_everywhere(self):
        everything = world.events(21, 40, 700)
        results = []
        for instance in self.twins():
            instance.nba("topics", "create")
            instance.produce("catalog", list(world.contents(30)) + list(world.reps(5)))
            instance.produce("engagement", everything[:400])
            instance.drain()
            with open(instance.policy, encoding="utf-8") as file:
                text = file.read()
            with open(instance.policy, "w", encoding="utf-8") as file:
                file.write(text.replace("slate: {size: 2", "slate: {size: 1"))
            instance.produce("catalog", list(world.contents(40))[30:])
            instance.produce("engagement", everything[400:])
            instance.drain(workers=2)
            accounted(self, instance)
            results.append((instance.digests(), instance.nba("state", "hash", where=False).stdout))
            self.assertEqual(instance.replay(), results[-1][0], "replay")
            self.assertEqual(instance.replay("--threads", "2", "--batch", "1",
                                             "--set", "score.kernels=scalar"), results[-1][0])
        # Plain producers leave no gaps, so the inputs' offsets are the same on both logs.
        self.assertEqual(results[0], results[1])

    def test_a_backfill_and_a_reset_do_the_same_on_both_logs(self):
        results = []
        for instance in self.twins():
            instance.setup(seed=23, hcps=40, count=900)
            instance.nba("run", "--no-http", "--workers", "2", "--from", "30", "--until", "120")
            part = instance.consume("decision")
            offsets = {int(r["headers"]["src"].rsplit("/", 1)[1]) for r in part}
            self.assertEqual((min(offsets), max(offsets)), (30, 119))
            self.assertEqual(len(part), 3 * 90)
            refused = instance.nba("run", "--no-http", "--from", "start", check=False)
            self.assertIn("nba reset --to start", refused.stderr)
            instance.drain()
            self.assertEqual(instance.replay(), instance.digests())
            backup = os.path.join(instance.dir, "backup")
            instance.nba("state", "backup", backup, where=False)
            instance.nba("reset", "--to", "start", "--yes")
            self.assertEqual(instance.consume("changelog"), [])
            instance.drain()
            state = instance.nba("state", "hash", where=False).stdout
            instance.nba("reset", "--to", "changelog", "--yes", where=False)
            self.assertIn("how=whole", instance.drain().stderr)
            self.assertEqual(instance.nba("state", "hash", where=False).stdout, state)
            results.append((instance.digests(), state))
        self.assertEqual(results[0], results[1])

    def test_the_end_is_reached_over_the_gaps_that_transactions_leave(self):
        first, _ = self.twins()
        first.setup(seed=24, count=200)
        first.drain()
        prefix = first.topics["decision"].split("nba.")[0] + "reader."
        own = {"application_id": prefix, "state.dir": os.path.join(first.dir, "state-2"),
               "topics.engagement": first.topics["decision"]}  # all of it is dead letters
        for word in ("action", "slate", "decision", "deadletter", "changelog", "journal",
                     "mailbox", "rep_capacity"):
            own[f"topics.{word}"] = prefix + word
        sets = [f"--set={k}={v}" for k, v in own.items()]
        first.nba("topics", "create", *sets)
        first.nba("run", "--no-http", "--drain", *sets)
        self.assertEqual(len(first.consume(prefix + "deadletter", *sets)),
                         len(first.consume("decision")))

    def test_reports_audits_and_archives_say_what_they_say_on_the_embedded_log(self):
        told = []
        for instance in self.twins():
            instance.setup(seed=25, hcps=40, count=300)
            instance.drain()
            commands = [("report", "--by", by, "--csv") for by in ("brand", "channel", "rep")]
            commands += [("audit", "--hcp", f"hcp-{h:04d}", "--all", "--csv") for h in (0, 1, 2)]
            told.append([instance.nba(*command).stdout for command in commands])
            folder = os.path.join(instance.dir, "archive")
            line = [world.NBA, "archive", *instance.common, *instance.where, "--to",
                    "2100-01-01T00:00:00Z", folder]
            both = [subprocess.Popen(line, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                                     cwd=instance.dir, text=True) for _ in range(2)]
            for process in both:  # at the same time: one of them may have been refused
                said = process.communicate(timeout=60)[1]
                self.assertTrue(process.returncode == 0 or "another nba archive" in said, said)
            self.assertIn(0, [process.returncode for process in both])
            subprocess.run(["sha256sum", "--quiet", "-c", "SHA256SUMS"], cwd=folder, check=True)
            told.append([instance.nba(*command, "--archive", folder).stdout
                         for command in commands])
        self.assertTrue(all(told[0]))
        self.assertEqual(told[1:], [told[0]] * 3)

    def test_kill_and_restart_with_another_instance_loses_and_doubles_nothing(self):
        first, _ = self.twins()
        first.setup(seed=22, hcps=40, count=1500)
        line = [world.NBA, "run", "--no-http", "--instance", "a", *first.common, *first.where,
                "--set", "commit.interval_ms=5", "--set", "commit.events_max=50"]
        a = subprocess.Popen(line, cwd=first.dir, stderr=subprocess.DEVNULL,
                             env={**os.environ, "NBA_KILL_AT": "after_commit:9"})
        self.assertEqual(a.wait(timeout=60), -signal.SIGKILL)
        first.drain()
        accounted(self, first)
        self.assertEqual(first.replay(), first.digests())


if __name__ == "__main__":
    if not KAFKA:
        print("NBA_TEST_KAFKA is not set: skipped")
        sys.exit(77)
    unittest.main()
