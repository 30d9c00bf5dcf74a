"""The books of the rep stage: what each rep's task should have published, worked out from its mailbox.

A plain reading of docs/POLICY.md ("Capacity") in the order of each partition of the mailbox; knows
nothing of the engine but what stands in the log.
"""
import datetime
import zoneinfo

SEEN = {"action_sent", "action_delivered", "action_shown", "email_sent", "email_delivered",
        "email_opened", "email_clicked"}
ENDS = {"action_accepted", "action_executed", "action_completed", "action_dismissed",
        "action_ignored"}
FREES = {"action_not_sent", "email_bounced", "email_dropped"}


def ms(time):
    return int(datetime.datetime.fromisoformat(time.replace("Z", "+00:00")).timestamp() * 1000)


class Rep:
    """One rep, one rule: so many a day in a time zone."""

    def __init__(self, most, replace, zone):
        self.most, self.replace, self.zone = most, replace, zone
        self.clock, self.alerts = None, []

    def day(self, time):
        return datetime.datetime.fromtimestamp(time / 1000, self.zone).date()

    def request(self, mail):
        """What is published: [(status, action_id)...]; none: refused."""
        action = mail["action"]
        self.clock = max(self.clock or 0, ms(mail["time"]))
        today = [a for a in self.alerts if self.day(a["time"]) == self.day(self.clock)]
        self.alerts = [a for a in self.alerts if a in today or self.clock < a["expires"]]
        said = []
        if len(today) >= self.most:
            lesser = [a for a in today if a["open"] and not a["seen"] and
                      self.clock < a["expires"] and a["priority"] < action["priority"]]
            if not self.replace or not lesser:
                return []
            least = min(a["priority"] for a in lesser)
            old = [a for a in lesser if a["priority"] == least][-1]
            self.alerts.remove(old)
            said.append(("recalled", old["id"]))
        self.alerts.append({"id": action["action_id"], "hcp": action["hcp_id"], "time": self.clock,
                            "open": True, "seen": False, "priority": action["priority"],
                            "expires": ms(action["expires_at"])})
        return said + [("proposed", action["action_id"])]

    def feedback(self, mail, events):
        alert = next((a for a in self.alerts if a["open"] and a["id"] == mail["action_id"]), None)
        if alert is None:
            return []
        kind = events.get(mail["id"]) if mail["reason"] == "NONE" else None
        if kind in SEEN:
            alert["seen"] = True
        if mail["reason"] != "NONE" or kind in FREES:
            self.alerts.remove(alert)
        elif kind in ENDS:
            alert["open"] = False
        return [("recalled", alert["id"])] if mail["action"] else []


def check(test, instance, most, replace=True, channel="rep"):
    """Every partition's published actions are those of its mailbox; returns what was counted."""
    events = {f"{r['topic']}/{r['partition']}/{r['offset']}": r["value"].get("event_type")
              for r in instance.consume("engagement") if r["value"]}
    catalog = [r["value"].get("rep") for r in instance.consume("catalog")]
    zones = {rep["rep_id"]: zoneinfo.ZoneInfo(rep["tz"]) for rep in catalog if rep}
    reps, expected, refused, replaced = {}, {}, set(), 0
    for record in instance.consume("mailbox"):
        mail = record["value"]
        rep = reps.setdefault(mail["rep_id"], Rep(most, replace, zones[mail["rep_id"]]))
        said = []
        if mail["kind"] == "request":
            said = rep.request(mail)
            refused |= set() if said else {mail["action_id"]}
            replaced += len(said) == 2
            today = [a for a in rep.alerts if rep.day(a["time"]) == rep.day(rep.clock)]
            test.assertLessEqual(len(today), most)
        elif mail["kind"] == "feedback":
            said = rep.feedback(mail, events)
        elif mail["kind"] == "erased":
            rep.alerts = [{**a, "open": a["open"] and a["hcp"] != mail["hcp_id"]} for a in rep.alerts]
        expected.setdefault(record["partition"], []).extend(said)
    published = {}
    for record in instance.consume("action"):
        action = record["value"]
        if action["channel"] == channel:
            published.setdefault(record["partition"], []).append(
                (action["status"], action["action_id"]))
    test.assertEqual({p: said for p, said in expected.items() if said}, published)
    closed = [c for r in instance.consume("decision") if r["value"]["kind"] == "lifecycle"
              for c in r["value"]["closed"]]
    told = {c["action_id"] for c in closed if c["reason"] == "REP_CAPACITY"}
    test.assertLessEqual(told, refused)
    slates = {r["value"]["decision_id"]: {a["action_id"] for a in r["value"]["actions"]}
              for r in instance.consume("slate") if r["value"]}
    for record in instance.consume("decision"):
        if record["headers"]["src"].startswith("mailbox:"):
            decision = record["value"]
            test.assertFalse(slates[decision["decision_id"]] &
                             {c["action_id"] for c in decision["closed"]})
    once = [action for said in published.values() for action in said]
    test.assertEqual(len(once), len(set(once)), "said twice")
    return {"published": len(once), "refused": len(refused), "replaced": replaced,
            "closed": len(closed)}
