"""The books of budgets over all HCPs: what each budget's task should have answered, worked out from its mailbox.

A plain reading of docs/POLICY.md ("contact_policies.volumes") in the order of each partition of the mailbox; knows
nothing of the engine but what stands in the log.
"""
import collections
import datetime
import zoneinfo

import reps

SENT = {"action_sent", "action_delivered", "email_sent", "email_delivered", "email_opened", "email_clicked"}
USED = SENT | {"action_shown"} | reps.ENDS


def as_list(value):
    return value if isinstance(value, list) else [value]


class Budget:
    """One rule, and one thing that it counts."""

    def __init__(self, rule):
        self.rule, self.clock, self.window, self.places, self.turns = rule, 0, None, {}, 0
        tz = rule["window"]["tz"]
        self.zone = zoneinfo.ZoneInfo("UTC" if tz == "utc" else tz)

    def window_of(self, time):
        day = datetime.datetime.fromtimestamp(time / 1000, self.zone).date()
        calendar = self.rule["window"]["calendar"]
        return day if calendar == "day" else day.replace(day=1) if calendar == "month" else \
            day - datetime.timedelta(days=day.weekday())

    def request(self, mail, clock):
        """What is answered: [(kind, action_id)...]."""
        action_id, priority = mail["action_id"], mail["action"]["priority"]
        self.clock = max(self.clock, clock, reps.ms(mail["time"]))
        if self.window != self.window_of(self.clock):
            self.window, self.places, self.turns = self.window_of(self.clock), {}, 0
        if action_id in self.places:
            return [("granted", action_id)]
        said = []
        if len(self.places) >= self.rule["max"]:
            open_ = [(p, -turn, i) for i, (p, turn) in self.places.items() if p is not None]
            if self.rule["when_full"] == "refuse" or not open_ or min(open_)[0] >= priority:
                return [("refused", action_id)]
            least = min(open_)[2]
            del self.places[least]
            said.append(("replaced", least))
        self.turns += 1
        self.places[action_id] = (priority, self.turns)
        return said + [("granted", action_id)]

    def feedback(self, mail, clock, events):
        """True: it was sent while its place was given away, and counts beyond the limit."""
        if self.window is None or self.window_of(max(self.clock, clock)) != self.window:
            return False  # the window is over, and dropped
        action_id, reason = mail["action_id"], mail["reason"]
        kind = events[mail["id"]] if reason == "NONE" else None
        if action_id not in self.places:
            crossed = kind in SENT and self.window_of(reps.ms(mail["action"]["time"])) == self.window
            if crossed:
                self.places[action_id] = (None, 0)
            return crossed
        taken = self.places[action_id][0] is None
        if kind in reps.FREES or (reason != "NONE" and not (reason == "EXPIRED" and taken)):
            del self.places[action_id]
        elif kind in USED:
            self.places[action_id] = (None, 0)
        return False


def clocks(instance):
    """{(partition, offset of mail): clock of the task that took it}."""
    events = collections.defaultdict(list)
    for record in instance.consume("engagement"):
        if record["value"]:
            time = record["value"]["event_time"]
            events[record["partition"]].append((record["offset"], reps.ms(time)))
    journal = collections.defaultdict(list)
    for record in instance.consume("journal"):
        journal[record["partition"]].append(record["value"])
    found = {}
    for record in instance.consume("mailbox"):
        partition, offset = record["partition"], record["offset"]
        entry = next((e for e in journal[partition] if e["mailbox_next"] > offset), None)
        if entry is not None:
            found[partition, offset] = max((t for o, t in events[partition] if o < entry["input_next"]), default=0)
    return found


def budgets_of(rules, contents, action):
    """Ids of the budgets that count it."""
    content = contents.get(action["treatment"]["content_id"])
    counted = {"content": content and (content.get("family_id") or content["content_id"]),
               "campaign": action["campaign_id"], "brand": action["brand"], "channel": action["channel"]}
    for rule in rules:
        what = counted[rule["per"]]
        if what and action["channel"] in as_list(rule.get("channel", action["channel"])) and \
                what in rule.get("only", [what]):
            yield f"volume:{rule['id']}:{what}"


def check(instance, rules, contents):
    """Every budget's answers are those of its mailbox, and only what all of them granted is published.  `contents`: by
    content_id.  Returns (what is wrong, what was counted)."""
    by_id = {rule["id"]: rule for rule in rules}
    events = {f"{r['topic']}/{r['partition']}/{r['offset']}": r["value"].get("event_type")
              for r in instance.consume("engagement") if r["value"]}
    clock = clocks(instance)
    budgets, wrong, crossed = {}, [], 0
    expected, said = collections.Counter(), collections.Counter()
    granted = collections.defaultdict(set)
    for record in instance.consume("mailbox"):
        mail, at = record["value"], clock.get((record["partition"], record["offset"]), 0)
        budget_id = mail["rep_id"]
        if not budget_id.startswith("volume:") or mail["kind"] == "erased":
            continue
        if mail["kind"] in ("granted", "refused", "replaced"):
            said[budget_id, mail["kind"], mail["action_id"]] += 1
            if mail["kind"] == "granted":
                granted[mail["action_id"]].add(budget_id)
            continue
        budget = budgets.setdefault(budget_id, Budget(by_id[budget_id.split(":")[1]]))
        if mail["kind"] == "request":
            before = len(budget.places)
            for kind, action_id in budget.request(mail, at):
                expected[budget_id, kind, action_id] += 1
            if len(budget.places) > max(budget.rule["max"], before):
                wrong.append(f"{budget_id}: the books themselves are over")
        else:
            crossed += budget.feedback(mail, at, events)
    wrong += [f"not answered so: {key}" for key in (expected - said)] + \
        [f"answered: {key}" for key in (said - expected)]
    for record in instance.consume("action"):
        action = record["value"]
        asked = set(budgets_of(rules, contents, action))
        if action["status"] == "proposed" and not asked <= granted[action["action_id"]]:
            wrong.append(f"{action['action_id']}: without {asked - granted[action['action_id']]}")
    count = collections.Counter(kind for _, kind, _ in said.elements())
    return wrong, {**count, "crossed": crossed, "budgets": len(budgets)}
