"""Triggers and filters of events through the whole program: scenario A3 with its variants.

Run by ctest (e2e.triggers), or alone: NBA_BIN=build/dev/nba python3 tests/e2e/test_triggers.py -v
"""
import datetime
import os
import signal
import unittest

import world
from world import Instance

POLICY = """\
policy_version: t1
tenant: acme
decide_on: []
consent: {models: {"US": {email: opt_out, rep: implicit, web: implicit}}}
slate: {size: 2}
timing: {expiry: {rep: P5D}}
engagement_filters: {min_seconds_after_delivery: 2}
triggers:
  - id: unopened_streak_3
    pattern:
      event: email_delivered
      consecutive: 3
      per: [hcp, brand]
      without: {event: email_opened, same: message_id, within: P7D}
    then: {action_type: rep_call, driver: EMAIL_UNOPENED_STREAK}
    once_per: P30D
"""


def ms(text):
    return int(datetime.datetime.fromisoformat(text + "+00:00").timestamp() * 1000)


DUE = ms("2025-11-16T14:00:00")
DECISION = f"dec:timer#unopened_streak_3:hcp-0003:{DUE}"


def event(event_id, kind, time, message=None, **more):
    fields = {"event_id": event_id, "source": "mail", "event_type": kind, "event_time": ms(time),
              "hcp_id": "hcp-0003", **more}
    if message:
        fields.update(message_id=message, brand=more.get("brand", "CARDIOX"))
    return fields


def tick(time):
    """Somebody else's event, which moves the clock of the partition."""
    return {"event_id": f"tick-{time}", "source": "web", "event_type": "portal_login",
            "event_time": ms(time), "hcp_id": "hcp-9999"}


PROFILE = event("p", "profile_updated", "2025-11-01T00:00:00", profile={
    "market": "US", "tz": "America/New_York", "language": "en", "specialties": ["cardiology"],
    "rep_id": "rep-21", "addresses": {"email": "ok", "rep": "ok"}})
D1 = event("d1", "email_delivered", "2025-11-02T14:00:00", "m1")
D2 = event("d2", "email_delivered", "2025-11-05T14:00:00", "m2")
O2 = event("o2", "email_opened", "2025-11-05T14:00:04", "m2", bot="apple")
D3 = event("d3", "email_delivered", "2025-11-09T14:00:00", "m3")
STREAK = [D1, D2, O2, D3]
END = tick("2025-12-31T00:00:00")


class Streak(unittest.TestCase):
    def instance(self, events, policy=POLICY, rep="rep-21"):
        instance = Instance(partitions=1)
        self.addCleanup(instance.close)
        with open(instance.policy, "w", encoding="utf-8") as file:
            file.write(policy)
        instance.nba("topics", "create")
        instance.produce("catalog", [{"kind": "rep", "rep": {
            "rep_id": rep, "role": "rep", "tz": "America/New_York", "territory_id": "T"}}])
        instance.produce("engagement", [PROFILE, *events])
        return instance

    def ran(self, events, **more):
        instance = self.instance(events, **more)
        instance.drain()
        self.assertEqual(instance.replay(), instance.digests())
        return instance

    def timers(self, instance):
        return [r["value"] for r in instance.consume("decision")
                if r["headers"]["src"].startswith("timer:")]

    def actions(self, instance):
        return [r["value"] for r in instance.consume("action")]

    def test_three_unopened_make_one_alert_at_the_moment_the_third_is_due(self):
        instance = self.ran([*STREAK, tick("2025-11-16T13:59:59"), tick("2025-11-16T14:00:00"),
                             END])
        action, = self.actions(instance)
        self.assertEqual(action["decision_id"], DECISION)
        self.assertEqual(action["action_id"], DECISION + ":1")
        self.assertEqual(action["trigger_event_id"], "timer:unopened_streak_3")
        self.assertEqual((action["action_type"], action["channel"], action["brand"]),
                         ("rep_call", "rep", "CARDIOX"))
        self.assertIn(action["treatment"]["content_id"], ("", None))
        self.assertEqual(action["rep"]["rep_id"], "rep-21")
        self.assertEqual((action["priority"], action["rank"], action["slate_size"]), (1.0, 1, 1))
        self.assertEqual(action["factors"]["propensity"], 1.0)
        self.assertEqual(action["expires_at"], "2025-11-21T14:00:00Z")
        driver, = action["drivers"]
        self.assertEqual(driver["code"], "EMAIL_UNOPENED_STREAK")
        self.assertEqual(driver["evidence_event_ids"], ["d1", "d2", "d3"])
        record, = self.timers(instance)
        self.assertEqual((record["kind"], record["n_candidates"]), ("decided", 1))
        self.assertEqual(record["decision_time"], "2025-11-16T14:00:00Z")
        routed, = instance.nba("consume", "nba.rep.v1").stdout.splitlines()
        self.assertIn(DECISION, routed)
        self.assertEqual(instance.consume("slate"), [])

    def test_a_human_who_opens_one_second_before_stops_it_and_at_the_moment_does_not(self):
        for time, count in (("2025-11-16T13:59:59", 0), ("2025-11-16T14:00:00", 1)):
            with self.subTest(time=time):
                instance = self.ran([*STREAK, event("o3", "email_opened", time, "m3"), END])
                self.assertEqual(len(self.actions(instance)), count)
                self.assertEqual(len(self.timers(instance)), count)

    def test_an_open_too_soon_after_its_delivery_is_a_machines(self):
        for time, count in (("2025-11-09T14:00:01", 1), ("2025-11-09T14:00:02", 0)):
            with self.subTest(time=time):
                instance = self.ran([*STREAK, event("o3", "email_opened", time, "m3"), END])
                self.assertEqual(len(self.actions(instance)), count)

    def test_a_fourth_within_once_per_is_recorded_and_held_back(self):
        d4 = event("d4", "email_delivered", "2025-11-12T14:00:00", "m4")
        instance = self.ran([*STREAK, d4, tick("2025-11-19T14:00:00"), END])
        self.assertEqual([a["decision_id"] for a in self.actions(instance)], [DECISION])
        second = self.timers(instance)[1]
        self.assertEqual(second["decision_id"],
                         f"dec:timer#unopened_streak_3:hcp-0003:{DUE + 3 * world.DAY}")
        self.assertEqual((second["kind"], second["reason"], second["hcp_id"]),
                         ("skipped", "TRIGGER_REFRACTORY", "hcp-0003"))

    def test_it_passes_no_gate_and_the_record_says_which_one_stopped_it(self):
        opt_out = event("c", "consent_changed", "2025-11-10T00:00:00", channel="rep",
                        scope_type="brand", scope_id="CARDIOX", status="opt_out")
        d4 = event("d4", "email_delivered", "2025-11-12T14:00:00", "m4")
        instance = self.ran([*STREAK, opt_out, d4, END])
        self.assertEqual(self.actions(instance), [])
        first, second = self.timers(instance)  # nothing came of the first: once_per didn't begin
        for record in (first, second):
            self.assertEqual(record["kind"], "decided")
            stopped, = record["suppressed"]
            self.assertEqual((stopped["reason_code"], stopped["evidence"]["event_ids"]),
                             ("CONSENT_REVOKED", ["c"]))
        instance = self.ran([*STREAK, END], rep="rep-22")
        stopped, = self.timers(instance)[0]["suppressed"]
        self.assertEqual(stopped["reason_code"], "REP_NOT_ALIGNED")

    def test_an_open_alert_stays_open_is_not_doubled_and_is_recalled_with_its_consent(self):
        policy = POLICY.replace("    once_per: P30D\n", "")
        d4 = event("d4", "email_delivered", "2025-11-10T14:00:00", "m4")
        seen = event("v", "portal_login", "2025-11-17T15:00:00")
        opt_out = event("c", "consent_changed", "2025-11-17T16:00:00", channel="rep",
                        scope_type="brand", scope_id="CARDIOX", status="opt_out")
        instance = self.ran([*STREAK, d4, seen, opt_out, END], policy=policy)
        proposed, recalled = self.actions(instance)
        self.assertEqual((proposed["status"], recalled["status"]), ("proposed", "recalled"))
        self.assertEqual(recalled["action_id"], proposed["action_id"])
        self.assertEqual(recalled["recall_reason"], "CONSENT_REVOKED")
        self.assertEqual(recalled["trigger_event_id"], "c")
        stopped, = self.timers(instance)[1]["suppressed"]
        self.assertEqual(stopped["reason_code"], "OPEN_ACTION")

    def test_a_content_goes_along_when_the_trigger_names_one(self):
        policy = POLICY.replace("driver: EMAIL", "content_id: CX-RC, driver: EMAIL")
        instance = self.instance(STREAK, policy=policy)
        instance.produce("catalog", [{"kind": "content", "content": {
            "content_id": "CX-RC", "brand": "CARDIOX", "class": "promotional",
            "topic_ids": ["lipids"], "treatments": [
                {"channel": "rep", "action_type": "rep_call", "approval_state": "approved",
                 "approval_number": "A-7", "value": 3.0}]}}])
        instance.produce("engagement", [END])
        instance.drain()
        action, = self.actions(instance)
        self.assertEqual(action["treatment"]["content_id"], "CX-RC")
        self.assertEqual(action["treatment"]["approval_number"], "A-7")
        self.assertEqual((action["priority"], action["factors"]["value"]), (1.0, 1.0))
        instance = self.ran([*STREAK, END], policy=policy)  # it isn't in the catalogue
        stopped, = self.timers(instance)[0]["suppressed"]
        self.assertEqual((stopped["candidate"]["content_id"], stopped["reason_code"]),
                         ("CX-RC", "CONTENT_WITHDRAWN"))

    def test_a_trigger_that_left_the_policy_says_nothing(self):
        instance = self.instance(STREAK)
        instance.drain()
        with open(instance.policy, "w", encoding="utf-8") as file:
            file.write(POLICY.replace("id: unopened_streak_3", "id: another"))
        instance.produce("engagement", [END])
        instance.drain()
        self.assertEqual(self.timers(instance), [])
        self.assertEqual(instance.replay(), instance.digests())

    def test_a_kill_while_the_timer_waits_changes_no_byte(self):
        ends = [tick("2025-11-16T13:59:59"), tick("2025-11-16T14:00:00"), END]
        calm = self.instance(STREAK)
        calm.drain()
        calm.produce("engagement", ends)
        calm.drain()
        for point in ("after_poll", "before_commit", "after_commit", "after_write"):
            for passes in (1, 2):
                with self.subTest(point=point, passes=passes):
                    instance = self.instance(STREAK)
                    instance.drain()
                    instance.produce("engagement", ends)
                    done = instance.drain(env={"NBA_KILL_AT": f"{point}:{passes}"}, check=False,
                                          **{"commit.events_max": 1, "commit.interval_ms": 1})
                    self.assertEqual(done.returncode, -signal.SIGKILL)
                    instance.drain()
                    self.assertEqual(instance.digests(), calm.digests())
                    self.assertEqual(instance.nba("state", "hash", where=False).stdout,
                                     calm.nba("state", "hash", where=False).stdout)


class Filters(unittest.TestCase):
    """Events that count for nothing, or for consent only."""

    def run_with(self, events, policy=POLICY):
        instance = Instance(partitions=1)
        self.addCleanup(instance.close)
        with open(instance.policy, "w", encoding="utf-8") as file:
            file.write(policy)
        instance.nba("topics", "create")
        instance.produce("engagement", events)
        instance.drain()
        return instance

    def test_another_tenants_event_is_a_dead_letter_and_one_without_is_ours(self):
        theirs = event("x1", "portal_login", "2025-11-03T00:00:00", tenant_id="other")
        ours = event("x2", "portal_login", "2025-11-03T00:00:00", tenant_id="acme")
        instance = self.run_with([PROFILE, theirs, ours])
        letter, = instance.consume("deadletter")
        self.assertEqual(letter["headers"]["reason"], "wrong_tenant")
        self.assertEqual(len(instance.consume("decision")), 2)

    def test_late_is_older_than_the_lateness_and_changes_newer_consent_only(self):
        policy = POLICY.replace("decide_on: []", "decide_on: [portal_login]")
        now = event("e1", "portal_login", "2025-11-10T00:00:00")
        within = event("e2", "portal_login", "2025-11-09T00:00:00")
        late = event("e3", "portal_login", "2025-11-08T23:59:59")
        consent = event("e4", "consent_changed", "2025-11-01T00:00:00", channel="rep",
                        scope_type="channel", status="opt_out")
        older = event("e5", "consent_changed", "2025-10-01T00:00:00", channel="rep",
                      scope_type="channel", status="opt_in")
        hashes, records = [], []
        for events in ([now], [now, within], [now, within, late], [now, within, late, consent],
                       [now, within, late, consent, older]):
            instance = self.run_with([PROFILE, *events], policy)
            hashes.append(instance.nba("state", "hash", where=False).stdout)
            records = [r["value"] for r in instance.consume("decision")][1:]
        self.assertEqual([r["kind"] for r in records],
                         ["decided", "decided", "skipped", "skipped", "skipped"])
        self.assertEqual({r["reason"] for r in records[2:]}, {"LATE_EVENT"})
        self.assertEqual({r["decision_time"] for r in records}, {"2025-11-10T00:00:00Z"})
        self.assertNotEqual(hashes[0], hashes[1])  # within: the state knows of it
        self.assertEqual(hashes[1], hashes[2])     # late: it doesn't
        self.assertNotEqual(hashes[2], hashes[3])  # but for consent
        self.assertEqual(hashes[3], hashes[4])     # that is newer than what is known

    def test_too_soon_changes_nothing_and_an_unsubscribe_is_honoured(self):
        policy = POLICY.replace("decide_on: []", "decide_on: [email_opened, email_clicked]")
        base = [PROFILE, D1]
        soon = [event("o1", "email_opened", "2025-11-02T14:00:01", "m1"),
                event("k1", "email_clicked", "2025-11-02T14:00:01", "m1")]
        unsubscribed = [event("u1", "email_unsubscribed", "2025-11-02T14:00:01", "m1",
                              scope_type="brand", bot="generic")]
        states = []
        for events in (base, base + soon, base + unsubscribed):
            instance = self.run_with(events, policy)
            kinds = {r["value"]["kind"] for r in instance.consume("decision")}
            self.assertEqual(kinds, {"updated"})
            states.append(instance.nba("state", "hash", where=False).stdout)
        self.assertEqual(states[0], states[1])
        self.assertNotEqual(states[0], states[2])


if __name__ == "__main__":
    unittest.main()
