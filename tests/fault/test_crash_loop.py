"""A record that crashes the engine: three times noted, then a dead letter, for replay too."""
import os
import signal
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "e2e"))
from test_local import accounted  # noqa: E402
from world import Instance  # noqa: E402

BAD = "e-100"


class CrashLoop(unittest.TestCase):
    def setUp(self):
        self.instance = Instance()
        self.addCleanup(self.instance.close)
        self.instance.setup(seed=3, count=200)

    def src_of(self, event_id):
        return [f"{r['topic']}/{r['partition']}/{r['offset']}"
                for r in self.instance.consume("engagement")
                if (r["value"] or {}).get("event_id") == event_id]

    def drain_until_it_lives(self, env, most, **options):
        for deaths in range(most + 1):
            done = self.instance.drain(env=env, check=False, **options)
            if done.returncode == 0:
                return deaths
            self.assertEqual(done.returncode, -signal.SIGABRT, done.stderr[-2000:])
        self.fail(f"still crashing after {most} times")

    def check(self, env, clock):
        bad = self.src_of(BAD)
        self.assertGreaterEqual(len(bad), 1)
        # Each place of it three times, and once where others of its wave may have got the note.
        deaths = self.drain_until_it_lives(env, 4 * len(bad), clock=clock)
        self.assertGreaterEqual(deaths, 3 * len(bad))
        accounted(self, self.instance)
        letters = {r["headers"]["src"]: r["headers"]["reason"]
                   for r in self.instance.consume("deadletter")}
        self.assertEqual(letters, {src: "crash_loop" for src in bad})
        journal = [r["headers"]["src"] for r in self.instance.consume("journal")
                   if r["headers"]["src"].startswith("crash_loop:")]
        self.assertEqual(sorted(journal),
                         sorted(f"crash_loop:{src.rsplit('/', 1)[1]}" for src in bad))
        state = self.instance.nba("state", "hash", where=False).stdout
        replayed = self.instance.replay("--state-hash", f"--set=clock={clock}")
        self.assertEqual(replayed, f"state {state.split()[-1]}\n" + self.instance.digests())

    def test_a_record_that_crashes_the_engine_becomes_a_dead_letter(self):
        self.check({"NBA_CRASH_AT": f"taking:{BAD}"}, "event")

    def test_so_it_does_with_the_wall_clock(self):
        self.check({"NBA_CRASH_AT": f"taking:{BAD}"}, "wall")

    def test_so_does_one_that_crashes_when_its_wave_is_scored(self):
        self.check({"NBA_CRASH_AT": f"scoring:{BAD}"}, "event")

    def test_notes_end_with_the_log_they_are_about(self):
        self.drain_until_it_lives({"NBA_CRASH_AT": f"taking:{BAD}"}, 12)
        notes = os.path.join(self.instance.dir, "state", "crashes")
        self.assertGreater(os.path.getsize(notes), 0)
        self.instance.nba("reset", "--to", "start", "--yes")
        self.assertFalse(os.path.exists(notes))
        before = len(self.instance.consume("deadletter"))
        self.instance.drain()
        self.assertEqual(len(self.instance.consume("deadletter")), before)

    def test_a_kill_leaves_no_note(self):
        for passes in (1, 2, 1, 2):
            done = self.instance.drain(env={"NBA_KILL_AT": f"after_produce:{passes}"}, check=False)
            self.assertEqual(done.returncode, -signal.SIGKILL)
        self.instance.drain()
        accounted(self, self.instance)
        self.assertEqual(self.instance.consume("deadletter"), [])


if __name__ == "__main__":
    unittest.main()
