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
