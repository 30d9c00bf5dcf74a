"""Watermark, lateness and timers with the event clock, as they show in the outputs.

Run by ctest (e2e.time), or alone: NBA_BIN=build/dev/nba python3 tests/e2e/test_time.py -v
"""
import unittest

from world import DAY, START, Instance

HOUR = DAY // 24


def profile():
    return {"event_id": "p", "source": "mdm", "event_type": "profile_updated",
            "event_time": START, "hcp_id": "hcp-1",
            "profile": {"market": "US", "tz": "Europe/Berlin", "language": "en",
                        "specialties": ["cardiology"], "addresses": {"web": "ok"}}}


def view(name, time_ms):
    return {"event_id": name, "source": "web", "event_type": "portal_content_viewed",
            "event_time": time_ms, "hcp_id": "hcp-1", "content_id": "ELSEWHERE"}


def web_content(count):
    return [{"kind": "content", "content": {
        "content_id": f"C{i}", "brand": "CARDIOX", "topic_ids": [f"topic-{i}"],
        "class": "promotional", "title": f"Content {i}",
        "treatments": [{"channel": "web", "action_type": "portal_content",
                        "approval_state": "approved", "approval_number": "AP"}]}}
        for i in range(count)]


class Time(unittest.TestCase):
    def run_with(self, contents, events):
        instance = Instance(partitions=1)
        self.addCleanup(instance.close)
        instance.nba("topics", "create")
        instance.produce("catalog", contents)
        instance.produce("engagement", events)
        instance.drain()
        return instance

    def test_the_silent_are_forgotten_and_replay_forgets_the_same(self):
        for clock in ("event", "wall"):
            instance = Instance(partitions=2, clock=clock)
            self.addCleanup(instance.close)
            instance.nba("topics", "create")
            if clock == "event":  # an open action would keep its HCP until today
                instance.produce("catalog", web_content(3))
            one = [dict(e, hcp_id=f"hcp-{h}", event_id=f"{e['event_id']}-{h}")
                   for h in range(30) for e in (profile(), view("early", START + HOUR))]
            tick = [dict(view(f"tick-{day}-{h}", START + day * DAY), hcp_id=f"lively-{h}")
                    for day in range(1, 60) for h in range(6)]
            instance.produce("engagement", one + tick)
            settings = {"state.inactive_ttl": "P30D"}
            instance.drain(**settings, **{"commit.events_max": 20})
            state = instance.nba("state", "hash", where=False).stdout
            shown = instance.nba("state", "show", "--hcp", "hcp-7", where=False, check=False)
            self.assertIn("no state of HCP 'hcp-7'", shown.stderr)
            instance.nba("state", "show", "--hcp", "lively-3", where=False)
            tombstones = {r["key"] for r in instance.consume("changelog") if r["value"] is None}
            self.assertEqual(tombstones, {f"Hhcp-{h}" for h in range(30)})
            for args in ((), ("--transaction", "7"), ("--batch", "1", "--threads", "2")):
                replayed = instance.replay("--state-hash", "--set=state.inactive_ttl=P30D",
                                           f"--set=clock={clock}", *args)
                self.assertEqual(replayed, state + instance.digests())
            instance.nba("reset", "--to", "changelog", "--yes", where=False)
            instance.drain(**settings)
            self.assertEqual(instance.nba("state", "hash", where=False).stdout, state)

    def test_one_record_of_the_future_makes_nobody_forgotten(self):
        early = START - 400 * DAY
        known = [dict(view(f"known-{h}", early + h * HOUR), hcp_id=f"hcp-{h}") for h in range(30)]
        future = [dict(view("future", START), hcp_id="hcp-future")]
        soon = [dict(view(f"soon-{h}", early + 3 * DAY), hcp_id="hcp-soon") for h in range(5)]
        for clock in ("event", "wall"):
            instance = Instance(partitions=1, clock=clock)
            self.addCleanup(instance.close)
            instance.nba("topics", "create")
            instance.produce("engagement", known + future + soon)
            instance.drain(**{"state.inactive_ttl": "P30D", "commit.events_max": 20})
            forgotten = [r["key"] for r in instance.consume("changelog") if r["value"] is None]
            self.assertEqual(forgotten, [])
            state = instance.nba("state", "hash", where=False).stdout
            replayed = instance.replay("--state-hash", "--set=state.inactive_ttl=P30D",
                                       f"--set=clock={clock}")
            self.assertEqual(replayed, state + instance.digests())

    def test_more_timers_and_silent_hcps_than_a_transaction_takes(self):
        one = [dict(e, hcp_id=f"hcp-{h}", event_id=f"{e['event_id']}-{h}")
               for h in range(1200) for e in (profile(), view("early", START + HOUR))]
        late = [dict(view(f"late-{d}", START + d * DAY), hcp_id=f"other-{d}")
                for d in range(1, 40)]
        for contents in (web_content(2), []):  # with actions that expire, without
            instance = Instance(partitions=1)
            self.addCleanup(instance.close)
            instance.nba("topics", "create")
            instance.produce("catalog", contents)
            instance.produce("engagement", one + late)
            instance.drain(**{"state.inactive_ttl": "P30D"})
            self.assertEqual(instance.consume("deadletter"), [])
            self.assertEqual(len(instance.consume("decision")), len(one) + len(late))
            state = instance.nba("state", "hash", where=False).stdout
            replayed = instance.replay("--state-hash", "--set=state.inactive_ttl=P30D")
            self.assertEqual(replayed, state + instance.digests())

    def test_late_is_judged_by_the_watermark_not_by_the_event_before(self):
        early = START + 10 * DAY
        events = [profile(), view("now", early), view("late-1", early - 5 * DAY),
                  view("late-2", early - 5 * DAY + HOUR), view("late-3", early - 30 * HOUR),
                  view("in-time", early - 20 * HOUR)]
        instance = self.run_with(web_content(3), events)
        decisions = [r["value"] for r in instance.consume("decision")]
        self.assertEqual([d["kind"] for d in decisions],
                         ["updated", "decided", "skipped", "skipped", "skipped", "decided"])
        self.assertEqual({d["reason"] for d in decisions[2:5]}, {"LATE_EVENT"})

    def test_an_action_expires_before_the_event_that_makes_it_due(self):
        """The only candidate: open after the first event, expired by the last one's time."""
        events = [profile(), view("first", START + HOUR), view("still-open", START + 13 * DAY),
                  view("after", START + 16 * DAY)]
        instance = self.run_with(web_content(1), events)
        proposed = [r["headers"]["src"].rsplit("/", 1)[1] for r in instance.consume("action")
                    if r["value"]["status"] == "proposed"]
        self.assertEqual(proposed, ["1", "3"])

    def test_an_opt_out_that_comes_late_counts(self):
        early = START + 10 * DAY
        opt_out = {"event_id": "no", "source": "crm", "event_type": "consent_changed",
                   "event_time": early - 5 * DAY, "hcp_id": "hcp-1", "channel": "web",
                   "scope_type": "channel", "status": "opt_out"}
        instance = self.run_with(web_content(4), [profile(), view("first", early), opt_out,
                                                  view("second", early + HOUR)])
        said = [(r["headers"]["src"].rsplit("/", 1)[1], r["value"]["status"])
                for r in instance.consume("action")]
        self.assertEqual(said, [("1", "proposed"), ("2", "recalled")])


if __name__ == "__main__":
    unittest.main()
