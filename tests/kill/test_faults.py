"""Faults of the log, one at a time, on the embedded log: the same bytes as without.

Run by ctest (kill.faults), or alone: NBA_BIN=build/dev/nba python3 tests/kill/test_faults.py -v
"""
import collections
import re
import signal
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "e2e"))
from world import Instance  # noqa: E402  (the path is set above)

SMALL = {"commit.interval_ms": 1, "commit.events_max": 20}
# (where, the n-th time, answer): what the log says, and whether the thing was done.
FAULTS = [("produce", 37, "unknown"), ("produce", 37, "abortable"), ("produce", 211, "membership"),
          ("send_offsets", 3, "unknown"), ("send_offsets", 3, "abortable"),
          ("commit", 4, "unknown"), ("commit", 4, "abortable"), ("committed", 4, "unknown"),
          ("committed", 1, "unknown"), ("committed", 9, "unknown")]


class Faults(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        calm = Instance()
        calm.setup(seed=3, hcps=50, count=600)
        calm.drain()
        cls.digests = calm.digests()
        cls.state = calm.nba("state", "hash", where=False).stdout
        calm.close()

    def instance(self):
        instance = Instance()
        self.addCleanup(instance.close)
        instance.setup(seed=3, hcps=50, count=600)
        return instance

    def same(self, instance):
        """Bytes, state, and each input once: the digests alone wouldn't say what is wrong."""
        seen = collections.Counter(r["headers"]["src"] for topic in ("decision", "deadletter")
                                   for r in instance.consume(topic))
        self.assertEqual({s: n for s, n in seen.items() if n != 1}, {}, "more than one record")
        self.assertEqual(instance.digests(), self.digests)
        self.assertEqual(instance.nba("state", "hash", where=False).stdout, self.state)

    def test_each_fault_changes_no_byte(self):
        for where, nth, answer in FAULTS:
            with self.subTest(where=where, nth=nth, answer=answer):
                instance = self.instance()
                fault = f"{where}:{nth}:{answer}"
                done = instance.drain(env={"NBA_FAULT_AT": fault}, **SMALL)
                self.assertIn("fault_injected", done.stderr, "the fault was not reached")
                self.same(instance)

    def test_death_on_the_way_back_from_an_unknown_outcome_changes_no_byte(self):
        for fault in ("committed:5:unknown:in_unknown_outcome:1", "commit:5:unknown:in_restore:1",
                      "committed:5:unknown:after_restore:2", "produce:90:unknown:after_begin:1",
                      "committed:5:unknown:before_write:1"):
            with self.subTest(fault=fault):
                instance = self.instance()
                done = instance.drain(env={"NBA_FAULT_AT": fault}, check=False, **SMALL)
                self.assertEqual(done.returncode, -signal.SIGKILL, done.stderr[-800:])
                instance.drain()
                self.same(instance)

    def test_a_clean_restart_reads_no_record_of_the_changelog_again(self):
        instance = self.instance()
        instance.drain(**SMALL)
        done = instance.drain()
        for begin, end in re.findall(r" restored .* from=(\d+) to=(\d+) ", done.stderr):
            self.assertLessEqual(int(end) - int(begin), 1, "more than the last commit's marker")
        self.same(instance)

    def test_a_fault_that_is_not_understood_is_refused(self):
        instance = self.instance()
        done = instance.drain(env={"NBA_FAULT_AT": "commits:1:unknown"}, check=False)
        self.assertEqual(done.returncode, 2)
        self.assertIn("NBA_FAULT_AT", done.stderr)


if __name__ == "__main__":
    unittest.main()
