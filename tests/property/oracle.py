"""A plain reading of the policy's rules, judged by what went in and what came out.

Nothing here knows the engine: inputs and outputs are JSON as `nba consume` prints it, the policy is
the dict that was written as YAML.  Every rule is told once, in the order of the funnel's stages;
`judge()` returns a sentence for each breach.  Times are milliseconds, windows are half open:
a rolling window P at t counts s with t - P < s <= t.
"""
import collections
import datetime
import re
import zoneinfo

DAY = 86_400_000
UTC = datetime.timezone.utc
PUSHED = {"email", "sms"}  # channels that need an address that is known
MASK = (1 << 64) - 1


def bucket(key):
    """H of the assignment: FNV-1a-64 and MurmurHash3's finaliser, modulo 10,000."""
    h = 0xCBF29CE484222325
    for byte in key.encode():
        h = ((h ^ byte) * 0x100000001B3) & MASK
    for multiplier in (0xFF51AFD7ED558CCD, 0xC4CEB9FE1A85EC53):
        h = ((h ^ (h >> 33)) * multiplier) & MASK
    return (h ^ (h >> 33)) % 10000


def local(ms, zone):
    return datetime.datetime.fromtimestamp(ms / 1000, UTC).astimezone(zoneinfo.ZoneInfo(zone))


def minutes(text):
    return int(text[:2]) * 60 + int(text[3:])


def is_quiet(rule, ms, zone):
    """Local wall clock, start included, end not."""
    at = local(ms, zone)
    now, start, end = at.hour * 60 + at.minute, minutes(rule["start"]), minutes(rule["end"])
    return start <= now < end if start < end else now >= start or now < end


def calendar_window(kind, ms, zone):
    """What names the window that an instant lies in."""
    at = local(ms, zone)
    return {"day": at.date(), "week": at.isocalendar()[:2], "month": (at.year, at.month)}[kind]


def days(duration):
    """P7D, P24M (as 30 days each: the tests use none where that matters)."""
    assert duration[0] == "P" and duration[-1] in "DM", duration
    return int(duration[1:-1]) * (DAY if duration[-1] == "D" else 30 * DAY)


def in_ms(value):
    """The same with every RFC 3339 text as milliseconds."""
    if isinstance(value, dict):
        return {k: in_ms(v) for k, v in value.items()}
    if isinstance(value, list):
        return [in_ms(v) for v in value]
    if isinstance(value, str) and re.fullmatch(r"\d{4}-\d\d-\d\dT[\d:.]+Z", value):
        return round(datetime.datetime.fromisoformat(value[:-1] + "+00:00").timestamp() * 1000)
    return value


def as_list(value):
    return value if isinstance(value, list) else [value]


class Hcp:
    """What is known of one HCP after some of its partition's inputs."""

    def __init__(self):
        self.profile = {}
        self.consents = {}  # (channel or None, scope, scope_id) -> (captured_at, status, expires_at)
        self.bounced = set()

    def take(self, event, late):
        kind = event["event_type"]
        if kind == "consent_changed":
            self.consent(event.get("channel") or None, event["scope_type"],
                         event.get("scope_id") or "", event["status"],
                         event.get("captured_at") or event["event_time"], event.get("expires_at"))
        elif kind == "email_unsubscribed":
            scope = event.get("scope_type") or "channel"
            self.consent(None if scope == "all" else "email",
                         {"all": "global", "brand": "brand"}.get(scope, "channel"),
                         event.get("brand", "") if scope == "brand" else "", "opt_out",
                         event["event_time"], None)
        if late:
            return
        if kind == "profile_updated":
            self.profile.update({k: v for k, v in event["profile"].items() if v is not None})
        elif kind == "email_bounced" and event.get("bounce_class") == "hard":
            self.bounced.add("email")

    def consent(self, channel, scope, scope_id, status, captured_at, expires_at):
        key = (channel, scope, scope_id)
        old = self.consents.get(key)
        if old is None or captured_at > old[0] or (captured_at == old[0] and status == "opt_out"):
            self.consents[key] = (captured_at, status, expires_at)

    def may(self, policy, channel, brand, content_class, now, asset_type=None):
        """'' or why not: any applicable opt-out denies; the market's model says the rest."""
        model = policy["consent"]["models"].get(self.profile.get("market"), {}).get(channel)
        valid = False
        for (of, scope, scope_id), (captured, status, expires) in self.consents.items():
            if of not in (None, channel) and scope != "global":
                continue
            if scope == "brand" and scope_id not in (brand, "*"):
                continue
            if scope == "content_type" and scope_id not in (content_class, asset_type, "*"):
                continue
            if scope == "global" and of not in (None, channel) and status != "opt_out":
                continue
            if status == "opt_out":
                return "opted out"
            age = policy["consent"].get("max_age")
            valid = valid or (status == "opt_in" and (not expires or now < expires) and
                              (not age or now < captured + days(age)))
        if model in ("opt_out", "implicit") or (model == "opt_in" and valid):
            return ""
        return f"model {model}, no valid opt-in"


class Ledger:
    """Contacts of one HCP: what was proposed and not released, and what others sent."""

    def __init__(self):
        self.entries = []  # [time, channel, brand, key, expires_at or None]

    def add(self, time, channel, brand, key, expires=None):
        if not any(e[3] == key for e in self.entries):
            self.entries.append([time, channel, brand, key, expires])

    def release(self, key):
        self.entries = [e for e in self.entries if e[3] != key]

    def breach(self, rule, entry, now, zone):
        """More than max of the rule's contacts in a window that has `entry` (already in the list)."""
        channels = as_list(rule["channel"])
        if entry[1] not in channels:
            return False
        times = sorted(t for t, channel, brand, _, expires in self.entries
                       if channel in channels and (expires is None or now < expires) and
                       ("brand" not in as_list(rule["per"]) or brand == entry[2]))
        if "rolling" in rule["window"]:
            length = days(rule["window"]["rolling"])
            return any(sum(end - length < t <= end for t in times) > rule["max"]
                       for end in times if end - length < entry[0] <= end)
        kind = rule["window"]["calendar"]
        mine = calendar_window(kind, entry[0], zone)
        return sum(calendar_window(kind, t, zone) == mine for t in times) > rule["max"]


class Judge:
    """Reads one partition's inputs in their order, and after each what it made the engine say."""

    def __init__(self, policy, contents, reps):
        self.policy, self.contents, self.reps = policy, contents, reps
        self.hcps = collections.defaultdict(Hcp)
        self.ledgers = collections.defaultdict(Ledger)
        self.open = collections.defaultdict(dict)  # hcp -> {action_id: action}
        self.seen_events = collections.defaultdict(set)
        self.messages = {}  # message_id -> action_id
        self.action_ids = set()
        self.breaches = []
        self.watermark = 0

    def breach(self, action, text):
        self.breaches.append(f"{action['action_id']} at {action['time']}: {text}")

    def partition(self, inputs, said):
        """inputs: records by offset; said: what src_of() gives."""
        for record in inputs:
            event = record["value"]
            self.watermark = max(self.watermark, event["event_time"])
            for time in sorted(t for t in said if isinstance(t, int) and t <= self.watermark):
                self.say(said.pop(time))  # timers due at t fire before events at t
            self.take(event)
            self.say(said.pop(self.src(record), []))

    def say(self, actions):
        for action in actions:
            (self.recalled if action["status"] == "recalled" else self.proposed)(action)

    @staticmethod
    def src_of(records):
        """{src: [values in order]} of one partition; of timers the time is the src."""
        said = collections.defaultdict(list)
        for record in records:
            src, value = record["headers"]["src"], record["value"]
            time = value["time"] if "time" in value else value["decision_time"]
            said[time if src.startswith("timer:") else src].append(value)
        return said

    @staticmethod
    def src(record):
        return f"{record['topic']}/{record['partition']}/{record['offset']}"

    def take(self, event):
        time, hcp_id = event["event_time"], event.get("hcp_id")
        lateness = days(self.policy.get("allowed_lateness", "P1D"))
        late = time < self.watermark - lateness
        if not hcp_id:
            return
        known = (event["source"], event["event_id"]) in self.seen_events[hcp_id]
        self.seen_events[hcp_id].add((event["source"], event["event_id"]))
        if known:
            return
        self.hcps[hcp_id].take(event, late)
        if not late:
            self.contact(hcp_id, event)

    def contact(self, hcp_id, event):
        kind, ledger = event["event_type"], self.ledgers[hcp_id]
        action_id = event.get("action_id") or self.messages.get(event.get("message_id"))
        key = action_id or event.get("message_id") or event.get("call_id") or event["event_id"]
        if kind in ("email_sent", "action_sent") and action_id:
            for entry in ledger.entries:
                if entry[3] == action_id:
                    entry[0], entry[4] = event["event_time"], None
            if event.get("message_id"):
                self.messages[event["message_id"]] = action_id
            self.open[hcp_id].pop(action_id, None)
        elif kind in ("email_sent", "email_delivered") and not action_id:
            ledger.add(event["event_time"], "email", event.get("brand", ""), key)
        elif kind == "rep_call_completed" and not action_id:
            ledger.add(event["event_time"], "rep", event.get("brand", ""), key)
        elif kind in ("email_bounced", "email_dropped", "action_not_sent"):
            ledger.release(key)
            self.open[hcp_id].pop(key, None)
        elif kind in ("action_accepted", "action_dismissed", "action_executed", "action_completed",
                      "action_ignored"):
            self.open[hcp_id].pop(key, None)

    def recalled(self, action):
        self.ledgers[action["hcp_id"]].release(action["action_id"])
        if self.open[action["hcp_id"]].pop(action["action_id"], None) is None:
            self.breach(action, "recalled, but it was not open")

    def proposed(self, action):
        policy, now = self.policy, action["time"]
        hcp, channel, brand = self.hcps[action["hcp_id"]], action["channel"], action["brand"]
        content_id = action["treatment"]["content_id"]
        content = self.contents.get(content_id)
        if action["action_id"] in self.action_ids:
            self.breach(action, "proposed twice")
        self.action_ids.add(action["action_id"])
        if content is None and content_id:
            self.breach(action, f"unknown content {content_id}")
            return
        if content is not None:
            self.available(action, hcp, content, now)
        self.reachable(action, hcp)
        why = hcp.may(policy, channel, brand, (content or {}).get("class", "promotional"), now,
                      (content or {}).get("asset_type"))
        if why:
            self.breach(action, f"consent: {why}")
        for rule in policy.get("timing", {}).get("quiet_hours", []):
            zone = hcp.profile.get("tz")
            if channel in as_list(rule["channel"]) and (zone is None or is_quiet(rule, now, zone)):
                self.breach(action, f"quiet hours of {zone}")
        control = policy.get("experiments", {}).get("universal_control")
        if control:
            month = datetime.datetime.fromtimestamp(now / 1000, UTC).strftime("%Y-%m")
            key = f"universal_control:{month}:{action['hcp_id']}"
            if bucket(key) < control["share_bp"]:
                self.breach(action, "the HCP is in the control group")
        self.driven(action)
        self.no_second(action, now)
        self.limited(action, hcp, now)
        self.open[action["hcp_id"]][action["action_id"]] = action

    def available(self, action, hcp, content, now):
        treatment = next((t for t in content["treatments"] if t["channel"] == action["channel"] and
                          t["action_type"] == action["action_type"]), None)
        if treatment is None or treatment.get("approval_state", "approved") != "approved":
            self.breach(action, "not approved")
            return
        if now < (treatment.get("effective_from") or now):
            self.breach(action, "not effective yet")
        if treatment.get("expires_at") and now >= treatment["expires_at"]:
            self.breach(action, "content has expired")
        if treatment.get("markets") and hcp.profile.get("market") not in treatment["markets"]:
            self.breach(action, "another market")
        if treatment.get("languages") and hcp.profile.get("language") not in treatment["languages"]:
            self.breach(action, "another language")
        for exclusion in self.policy.get("exclusions", []):
            if exclusion.get("content_id") == content["content_id"]:
                self.breach(action, f"excluded by {exclusion['id']}")

    def reachable(self, action, hcp):
        channel = action["channel"]
        address = hcp.profile.get("addresses", {}).get(channel)
        if channel in PUSHED and (address != "ok" or channel in hcp.bounced):
            self.breach(action, f"no address: {address}")
        if channel == "rep" and action.get("rep", {}).get("rep_id") not in self.reps:
            self.breach(action, "no rep")

    def driven(self, action):
        known = {event_id for _, event_id in self.seen_events[action["hcp_id"]]}
        if not action["drivers"]:
            self.breach(action, "no driver")
        for driver in action["drivers"]:
            missing = set(driver["evidence_event_ids"]) - known
            if missing:
                self.breach(action, f"evidence that never came: {missing}")

    def no_second(self, action, now):
        for other in self.open[action["hcp_id"]].values():
            same = all(other[k] == action[k] for k in ("channel", "action_type")) and \
                other["treatment"]["content_id"] == action["treatment"]["content_id"]
            if same and now < other["expires_at"] and action["treatment"]["content_id"]:
                self.breach(action, f"a second one beside {other['action_id']}")

    def limited(self, action, hcp, now):
        ledger = self.ledgers[action["hcp_id"]]
        ledger.add(now, action["channel"], action["brand"], action["action_id"],
                   action["expires_at"])
        entry = ledger.entries[-1]
        for rule in self.policy.get("contact_policies", {}).get("limits", []):
            zone = hcp.profile.get("tz") if rule["window"].get("tz") == "hcp" else "UTC"
            if ledger.breach(rule, entry, now, zone or "UTC"):
                self.breach(action, f"limit {rule['id']}")


def judge(policy, contents, reps, inputs, actions):
    """inputs and actions: records of `nba consume`, several partitions.  Returns (breaches, judge of
    each partition)."""
    inputs, actions = in_ms(inputs), in_ms(actions)
    judges = {}
    for partition in sorted({r["partition"] for r in inputs}):
        judges[partition] = Judge(policy, contents, reps)
        rows = sorted((r for r in inputs if r["partition"] == partition and r["value"]),
                      key=lambda r: r["offset"])
        judges[partition].partition(
            rows, Judge.src_of(r for r in actions if r["partition"] == partition))
    return [b for j in judges.values() for b in j.breaches], judges
