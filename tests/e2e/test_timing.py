"""Held actions in the whole program: released, dropped, and the same bytes whatever happens meanwhile.

Run by ctest (e2e.timing), or alone: NBA_BIN=build/dev/nba python3 tests/e2e/test_timing.py -v
"""
import unittest
import zoneinfo
from datetime import datetime

import world
from world import DAY, Instance

TIMING = """timing:
  quiet_hours:
    - {channel: [email, sms], start: "20:00", end: "07:00"}
    - {channel: rep, start: "17:30", end: "08:15", on_conflict: discard}
  send_time: {channel: web, mode: optimize, fallback: "12:30"}
  expiry: {email: P2D, rep: P5D, web: P2D, event: P14D}
"""
BERLIN = zoneinfo.ZoneInfo("Europe/Berlin")
EVENT = {"source": "web", "hcp_id": "hcp-0001"}


def ms(text):
    return int(datetime.fromisoformat(text).timestamp() * 1000)


class Company(Instance):
    def __init__(self, timing=TIMING, **settings):
        super().__init__(**settings)
        with open(self.policy, encoding="utf-8") as file:
            head, _, tail = file.read().partition("timing:\n")
        with open(self.policy, "w", encoding="utf-8") as file:
            file.write(head + timing + tail[tail.index("\n\n"):])

    def fill(self):
        self.setup(seed=4, hcps=30, count=500)
        self.nba("produce", "--tick", "2026-03-20T12:00:00Z")


class SameBytes(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.calm = Company()
        cls.addClassCleanup(cls.calm.close)
        cls.calm.fill()
        cls.calm.drain()
        cls.digests = cls.calm.digests()
        cls.state = cls.calm.nba("state", "hash", where=False).stdout

    def test_what_was_held_comes_at_its_time_or_never(self):
        proposed, recalled = {}, set()
        for record in self.calm.consume("action"):
            action = record["value"]
            if action["status"] == "proposed":
                self.assertNotIn(action["action_id"], proposed)
                proposed[action["action_id"]] = action
            else:
                self.assertIn(action["action_id"], proposed, "nobody knew of it")
                recalled.add(action["action_id"])
        waiting, ended, discarded = {}, {}, 0
        slates = {r["value"]["decision_id"]: r["value"] for r in self.calm.consume("slate")}
        for record in self.calm.consume("decision"):
            decision = record["value"]
            held = {h["action_id"]: h for h in decision["held"]}
            discarded += decision["counts"].get("DISCARDED_QUIET_HOURS", 0)
            for closed in decision["closed"]:
                if waiting.pop(closed["action_id"], None):
                    ended[closed["action_id"]] = closed["reason"]
            for action in decision["selected"]:
                name = action["action_id"]
                if name in held:
                    self.assertEqual(action["not_before"], held[name]["until"])
                    self.assertRegex(held[name]["tzdata_version"], r"^20\d\d[a-z]+$")
                    waiting[name] = held[name]["until"]
                elif decision["kind"] == "updated":
                    due = waiting.pop(name)
                    timer = f"release:{decision['hcp_id']}:{ms(due)}"
                    self.assertEqual(decision["decision_id"], "dec:timer#" + timer)
                    self.assertEqual(record["headers"]["src"], "timer:" + timer)
                    self.assertEqual(proposed[name]["time"], due)
                    self.assertEqual(proposed[name], action)
                    slate = slates[decision["decision_id"]]
                    self.assertIn(name, {a["action_id"] for a in slate["actions"]})
                    self.assertEqual(len(slate["top_contents"]), 10)
                    ended[name] = None
        self.assertEqual(waiting, {}, "held for ever")
        dropped = {name for name, reason in ended.items() if reason}
        self.assertGreater(len(ended) - len(dropped), 30)
        self.assertGreater(len(dropped), 3)
        self.assertGreater(discarded, 20)
        self.assertEqual(dropped & set(proposed), set())
        for action in proposed.values():
            at = datetime.fromisoformat(action["time"]).astimezone(BERLIN)
            if action["channel"] == "email":
                self.assertTrue(7 <= at.hour < 20, (action["action_id"], at))
                self.assertEqual(ms(action["expires_at"]), ms(action["time"]) + 2 * DAY)
            self.assertGreaterEqual(len(action["drivers"]), 1)

    def test_a_kill_while_actions_are_held_changes_no_byte(self):
        for point in ("after_poll:40", "before_commit:9", "after_commit:20", "before_write:30"):
            with self.subTest(point=point):
                instance = Company()
                self.addCleanup(instance.close)
                instance.fill()
                died = instance.drain(env={"NBA_KILL_AT": point}, check=False,
                                      **{"commit.events_max": 10})
                self.assertLess(died.returncode, 0, point)
                instance.drain(workers=3, **{"commit.events_max": 7, "commit.interval_ms": 2})
                self.assertEqual(instance.digests(), self.digests)
                self.assertEqual(instance.nba("state", "hash", where=False).stdout, self.state)

    def test_replay_gives_the_same_bytes_for_all_ways_of_running(self):
        for args in (["--threads", "2"], ["--batch", "1"], ["--batch", "64"],
                     ["--transaction", "1"]):
            with self.subTest(args=args):
                state, _, digests = self.calm.replay("--state-hash", *args).partition("\n")
                self.assertEqual(digests, self.digests)
                self.assertEqual(state + "\n", self.state)

    def test_a_replay_with_another_time_zone_database_says_so(self):
        log = ["--log", self.calm.log]
        told = self.calm.nba("replay", *log, where=False, env={"TZDIR": self.calm.dir})
        self.assertIn('warn tzdata_differs', told.stderr)
        self.assertIn('here="unknown"', told.stderr)
        self.assertNotIn("tzdata_differs", self.calm.nba("replay", *log, where=False).stderr)

    def test_explain_tells_until_when_by_whose_clock(self):
        held = next(r["value"] for r in self.calm.consume("decision")
                    if any(h["reason"] != "NONE" for h in r["value"]["held"]))
        text = self.calm.nba("explain", "--hcp", held["hcp_id"], "--event",
                             held["trigger_event_id"]).stdout
        self.assertRegex(text, r"held until \S+Z \(07:00 of 2026-\d\d-\d\d in Europe/Berlin\): "
                               "HELD_QUIET_HOURS")


class OneEvening(unittest.TestCase):
    """hcp-0001 opens a mail at 21:30; contents and consents as in world.py."""

    def setUp(self):
        self.instance = Company(partitions=1)
        self.addCleanup(self.instance.close)
        self.instance.nba("topics", "create")
        self.instance.produce("catalog", list(world.contents(6)) + list(world.reps(5)))
        self.instance.produce("engagement", world.events(1, 2, 0))
        self.say("ev-1", "2026-03-28T20:30:00Z", event_type="email_opened", content_id="C003")
        self.held = [r["value"] for r in self.instance.consume("decision")
                     if r["value"]["held"]][-1]

    def say(self, event_id, time, **fields):
        self.instance.produce("engagement", [{**EVENT, "event_id": event_id,
                                              "event_time": ms(time), **fields}])
        self.instance.drain()

    def tick(self, time):
        self.instance.nba("produce", "--tick", time)
        self.instance.drain()

    def actions(self):
        return [r["value"] for r in self.instance.consume("action")]

    def records(self):
        return [r["value"] for r in self.instance.consume("decision")]

    def email(self):
        return next(a for a in self.held["selected"] if a["channel"] == "email")

    def test_the_clocks_go_forward_while_it_is_held(self):
        email = self.email()
        self.assertEqual(email["not_before"], "2026-03-29T05:00:00Z")
        self.tick("2026-03-29T04:59:59Z")
        self.assertNotIn(email["action_id"], [a["action_id"] for a in self.actions()])
        self.tick("2026-03-29T05:00:00Z")
        released = next(a for a in self.actions() if a["action_id"] == email["action_id"])
        self.assertEqual(released["time"], "2026-03-29T05:00:00Z")

    def test_an_opt_out_drops_it_at_that_moment_and_nobody_hears_of_it(self):
        email = self.email()
        self.say("u-1", "2026-03-28T21:00:00Z", event_type="email_unsubscribed",
                 scope_type="channel", channel="email")
        record = self.records()[-1]
        self.assertEqual(record["kind"], "updated")
        self.assertIn({"action_id": email["action_id"], "reason": "CONSENT_REVOKED"},
                      record["closed"])
        self.tick("2026-03-29T12:00:00Z")
        self.assertNotIn(email["action_id"], [a["action_id"] for a in self.actions()])


if __name__ == "__main__":
    unittest.main()
