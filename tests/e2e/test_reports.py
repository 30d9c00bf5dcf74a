"""nba archive, audit and report against what the topics say, counted here by other means.

Run by ctest (e2e.reports), or alone: NBA_BIN=build/dev/nba python3 tests/e2e/test_reports.py -v
"""
import collections
import csv
import datetime
import fcntl
import hashlib
import io
import json
import math
import os
import random
import re
import shutil
import subprocess
import unittest

from world import DAY, NBA, ROOT, Instance, read_log_file

POLICY = os.path.join(ROOT, "config", "policy-demo.yaml")
END = "2099-01-01T00:00:00Z"
ARCHIVED = ("engagement", "catalog", "control", "decision", "action")


def seconds(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


def read(path):
    with open(path, "rb") as file:
        return file.read()


# ---- a count of its own: everything in memory, joined by dictionaries ----

WINDOW_DAYS = {"email": 7, "rep": 14, "web": 2, "event": 14, "sms": 7}
OUTCOMES = {"email_sent": "sent", "email_delivered": "delivered", "email_opened": "opened",
            "email_clicked": "clicked", "rep_call_completed": "attended",
            "webinar_attended": "attended", "webinar_registered": "registered",
            "portal_content_viewed": "viewed", "content_downloaded": "downloaded",
            "action_sent": "sent", "action_delivered": "delivered", "action_shown": "shown",
            "action_accepted": "accepted", "action_executed": "executed",
            "action_completed": "completed", "action_dismissed": "dismissed",
            "action_ignored": "ignored", "conversion": "converted", "content_rated": "rated",
            "clm_slide_viewed": "viewed", "sample_requested": "requested",
            "medical_inquiry_submitted": "requested", "ad_clicked": "clicked"}
ENGAGED = {"email_opened", "email_clicked", "webinar_registered", "webinar_attended",
           "rep_call_completed", "portal_content_viewed", "content_downloaded", "conversion",
           "action_accepted", "action_completed", "clm_slide_viewed", "sample_requested",
           "medical_inquiry_submitted", "ad_clicked"}
EVENT_CHANNEL = {"email": "email", "rep_call": "rep", "clm": "rep", "sample": "rep",
                 "webinar": "event", "portal": "web", "content_downloaded": "web", "ad_": "web"}


def group_name(by, content, said, hcp):
    """`said`: what the action or event says itself; `content`: its catalogue record."""
    return {"brand": said.get("brand") or content.get("brand"),
            "campaign": said.get("campaign_id") or (content.get("campaign_ids") or [None])[0],
            "business_unit": content.get("business_unit"), "channel": said["channel"],
            "rep": said.get("rep_id"), "specialty": (hcp.get("specialties") or [None])[0],
            "region": hcp.get("region")}[by] or "(none)"


def disliked(event):
    return event["event_type"] == "clm_slide_viewed" and (event.get("reaction") or 0) < 0


class Recount:
    def __init__(self, instance, by, begin="", end="9"):
        contents = {r["value"]["content"]["content_id"]: r["value"]["content"]
                    for r in instance.consume("catalog") if r["value"]["kind"] == "content"}
        events = [(f"{r['topic']}/{r['partition']}/{r['offset']}", r["value"])
                  for r in instance.consume("engagement")]
        decisions = [(r["headers"]["src"], r["value"]) for r in instance.consume("decision")]
        passed = {src for src, d in decisions if d["reason"] in ("DUPLICATE_EVENT", "ERASED")}
        known = {d for d, _ in decisions}  # a dead letter has no record
        hcps = collections.defaultdict(dict)
        for _, e in events:
            for field in ("specialties", "region"):
                if (e.get("profile") or {}).get(field):
                    hcps[e["hcp_id"]][field] = e["profile"][field]
        self.groups = collections.defaultdict(collections.Counter)
        self.reach = collections.defaultdict(set)
        self.dismissals, self.stopped = collections.Counter(), collections.Counter()
        self.taken_back = collections.Counter()
        self.first = {"treated": {}, "control": {}}
        actions, last = {}, {}
        for _, d in decisions:
            when = d["decision_time"]
            if not d["hcp_id"] or not begin <= when < end:
                continue
            if d["selected"]:
                self.first["treated"].setdefault(d["hcp_id"], when)
            if d["counts"].get("CONTROL_GROUP"):
                self.first["control"].setdefault(d["hcp_id"], when)
            for a in d["selected"]:
                if a["action_id"] in actions:
                    continue  # held, and told again by the record of its release
                said = {**a, "rep_id": (a["rep"] or {}).get("rep_id")}
                group = group_name(by, contents.get(a["treatment"]["content_id"], {}), said,
                                   hcps[d["hcp_id"]])
                actions[a["action_id"]] = (group, a["channel"],
                                           a["not_before"] or a["time"], set())
                self.reach[group].add(d["hcp_id"])
                self.groups[group]["proposed"] += 1
            if d["kind"] == "decided":
                self.stopped.update(d["counts"])
                last[d["hcp_id"]] = d["suppressed"][0]["reason_code"] if d["suppressed"] else None
            for c in d["closed"]:
                self.taken_back[c["reason"]] += 1
                if c["action_id"] in actions:
                    self.groups[actions[c["action_id"]][0]]["taken back"] += 1
        messages, self.outcomes = {}, collections.defaultdict(collections.Counter)
        self.did = {"engaged": set(), "converted": set()}
        self.people = set(last)
        for src, e in events:
            if src in passed or src not in known or not e["hcp_id"]:
                continue
            self.people.add(e["hcp_id"])
            name = e["action_id"]
            if name and e["message_id"]:
                messages.setdefault(e["message_id"], name)
            name = name or messages.get(e["message_id"])
            if e["bot"] not in (None, "none") or not begin <= e["event_time"] < end:
                continue
            since = min((f[e["hcp_id"]] for f in self.first.values() if e["hcp_id"] in f),
                        default=None)
            if since is not None and e["event_time"] > since:
                if e["event_type"] in ENGAGED and not disliked(e):
                    self.did["engaged"].add(e["hcp_id"])
                if e["event_type"] == "conversion":
                    self.did["converted"].add(e["hcp_id"])
            self.answer(by, e, name, actions, contents, hcps)
        self.last = last

    def answer(self, by, e, name, actions, contents, hcps):
        outcome = None if disliked(e) else OUTCOMES.get(e["event_type"])
        value = (e["value"] or 0) if outcome == "converted" else 0
        if name and name not in actions:
            return
        if name:
            group, channel, planned, seen = actions[name]
            if seconds(e["event_time"]) < seconds(planned) + WINDOW_DAYS[channel] * 86400:
                if e["event_type"] in ("email_bounced", "action_not_sent") and "sent" in seen:
                    seen.remove("sent")
                    self.groups[group]["sent"] -= 1
                    self.outcomes["sent"]["actions"] -= 1
                if outcome:
                    first = outcome not in seen
                    seen.add(outcome)
                    self.groups[group][outcome] += first
                    self.groups[group]["value"] += value
                    self.outcomes[outcome]["actions"] += first
                    self.outcomes[outcome]["events"] += 1
                    if first and outcome == "dismissed":
                        self.dismissals[group, e["dismiss_reason"] or "(none)"] += 1
                return
        if outcome:
            channel = e["channel"] if e["channel"] not in (None, "unknown") else next(
                (c for word, c in EVENT_CHANNEL.items() if e["event_type"].startswith(word)),
                "unknown")
            group = group_name(by, contents.get(e["content_id"], {}), {**e, "channel": channel},
                               hcps[e["hcp_id"]])
            self.groups[group]["rest " + outcome] += 1
            self.groups[group]["rest value"] += value
            self.outcomes[outcome]["the rest"] += 1

    def lift(self, what):
        treated = set(self.first["treated"]) - set(self.first["control"])
        control = set(self.first["control"]) - set(self.first["treated"])
        n, m = len(treated), len(control)
        t, c = len(treated & self.did[what]) / n, len(control & self.did[what]) / m
        if c == 0:
            return [n, t, m, c]
        se = math.sqrt(t * (1 - t) / n + (t / c) ** 2 * c * (1 - c) / m) / c
        lift = (t - c) / c
        return [n, t, m, c, lift, lift - 1.96 * se, lift + 1.96 * se]


def tables(text):
    """{table: [rows as dictionaries]} of nba report --csv."""
    out, heads = collections.defaultdict(list), {}
    for cells in csv.reader(io.StringIO(text)):
        if cells[0] == "table":
            head = cells[1:]
        else:
            out[cells[0]].append(dict(zip(head, cells[1:])))
    return out


class Reports(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.instance = Instance()
        cls.addClassCleanup(cls.instance.close)
        cls.instance.setup()
        policy = hashlib.sha256(read(cls.instance.policy)).hexdigest()
        cls.instance.produce("control", [
            {"id": "m1", "kind": "policy", "target": policy, "by": "mlr-board",
             "reason": "approved, minutes 12", "time": "2026-03-01T00:00:00Z"},
            {"id": "stop-C019", "kind": "exclude", "target": "C019", "scope": "content",
             "by": "jdoe", "reason": "letter", "time": "2026-03-01T00:00:00Z"}])
        cls.instance.drain()
        cls.decisions = [r["value"] for r in cls.instance.consume("decision")]
        cls.times = {r["value"]["event_id"]: r["value"]["event_time"]
                     for r in cls.instance.consume("engagement")}

    def folder(self, name):
        path = os.path.join(self.instance.dir, name)
        shutil.rmtree(path, ignore_errors=True)
        return path

    def archive(self, folder, to=END):
        return self.instance.nba("archive", folder, "--to", to).stdout

    def files(self, folder):
        """[(topic, day, partition, from, to, path)] as SHA256SUMS lists them, each sum verified."""
        out = []
        with open(os.path.join(folder, "SHA256SUMS"), encoding="utf-8") as file:
            for line in file:
                digest, name = line.rstrip("\n").split("  ")
                path = os.path.join(folder, name)
                self.assertEqual(hashlib.sha256(read(path)).hexdigest(), digest)
                topic, day, offsets = name[:-len(".avro")].split("/")
                out.append((topic, day, *map(int, offsets.split("-")), path))
        return out

    def archived(self, folder):
        records = {}
        for topic, day, partition, begin, end, path in self.files(folder):
            for r in read_log_file(path):
                self.assertEqual(r[:2], (topic, partition))
                self.assertTrue(begin <= r[2] < end, path)
                self.assertLessEqual(datetime.datetime.fromtimestamp(
                    r[3] / 1000, datetime.timezone.utc).strftime("%Y-%m-%d"), day)
                records.setdefault((topic, partition), []).append((r[2], r[4], r[5]))
        return records

    def logged(self):
        path = os.path.join(self.instance.dir, "all.avro")
        self.instance.nba("consume", *ARCHIVED, "--out", path)
        records = {}
        for r in sorted(read_log_file(path), key=lambda r: r[:3]):
            records.setdefault(r[:2], []).append((r[2], r[4], r[5]))
        return records

    def audit(self, *args, check=True):
        return self.instance.nba("audit", *args, check=check)

    def busiest(self):
        proposed = [d["hcp_id"] for d in self.decisions if d["selected"]]
        return max(set(proposed), key=proposed.count)

    def test_an_archive_in_steps_holds_every_record_once_in_order(self):
        folder = self.folder("archive")
        self.archive(folder, "2026-03-05T00:00:00Z")
        first = self.files(folder)
        self.assertTrue(first)
        self.assertTrue(all(day < "2026-03-05" for _, day, *_ in first))
        self.archive(folder)
        self.assertEqual(self.files(folder)[:len(first)], first)
        self.assertEqual(self.archived(folder), self.logged())
        self.assertIn(": 0 records in 0 files", self.archive(folder).splitlines()[0])

    def test_what_a_kill_leaves_behind_is_made_again(self):
        whole, torn = self.folder("whole"), self.folder("torn")
        self.archive(whole)
        self.archive(torn)
        sums = os.path.join(torn, "SHA256SUMS")
        lines = read(sums).splitlines(keepends=True)
        with open(sums, "wb") as file:
            file.write(b"".join(lines[:4]) + lines[4][:70])
        for name in ("writing.avro", "writing.avro.part"):
            with open(os.path.join(torn, name), "wb") as file:
                file.write(b"half")
        self.archive(torn)
        self.assertEqual(read(sums), read(os.path.join(whole, "SHA256SUMS")))
        self.assertEqual(self.archived(torn), self.logged())

    def test_a_second_one_at_the_same_time_is_refused(self):
        folder = self.folder("taken")
        os.makedirs(folder)
        with open(os.path.join(folder, "lock"), "wb") as lock:
            fcntl.lockf(lock, fcntl.LOCK_EX)
            done = self.instance.nba("archive", folder, check=False)
            self.assertEqual(done.returncode, 1)
            self.assertIn(f"another nba archive writes into '{folder}'", done.stderr)
        self.archive(folder)
        self.assertEqual(self.archived(folder), self.logged())

    def test_an_audit_says_what_the_records_say_and_how_old_the_evidence_was(self):
        late = next(d["hcp_id"] for d in self.decisions if d["reason"] == "LATE_EVENT")
        aged = 0
        for hcp in {late, self.busiest()}:
            told = [json.loads(line) for line in
                    self.audit("--hcp", hcp, "--all", "--json").stdout.splitlines()]
            recorded = [d for d in self.decisions if d["hcp_id"] == hcp]
            self.assertEqual([t["record"] for t in told], recorded)
            moments = [t["record"]["decision_time"] for t in told]
            self.assertEqual(moments, sorted(moments))
            for t in told:
                record = t["record"]
                evidence = {record["trigger_event_id"]} | {
                    e for a in record["selected"] for d in a["drivers"]
                    for e in d["evidence_event_ids"]}
                newest = max(self.times[e] for e in evidence)
                self.assertEqual(t["newest_evidence_time"], newest)
                age = seconds(record["decision_time"]) - seconds(newest)
                self.assertAlmostEqual(t["newest_evidence_age_s"], age, places=3)
                aged += age > 0
                self.assertEqual(t["policy_by"], "mlr-board")
        self.assertGreater(aged, 0)

    def test_its_rows_are_the_actions_stopped_ones_and_closed_ones_of_the_period(self):
        hcp = self.busiest()
        times = sorted(d["decision_time"] for d in self.decisions
                       if d["hcp_id"] == hcp and d["selected"])
        begin, end = times[1], times[-1]
        rows = list(csv.DictReader(io.StringIO(self.audit(
            "--hcp", hcp, "--csv", "--from", begin, "--to", end).stdout)))
        recorded = [d for d in self.decisions
                    if d["hcp_id"] == hcp and begin <= d["decision_time"] < end]
        self.assertEqual([(r["action_id"], r["approval_number"]) for r in rows
                          if r["what"] == "proposed"],
                         [(a["action_id"], a["treatment"]["approval_number"])
                          for d in recorded for a in d["selected"]])
        self.assertEqual([(r["content_id"], r["action_type"], r["reason"]) for r in rows
                          if r["what"] == "stopped"],
                         [(s["candidate"]["content_id"], s["candidate"]["action_type"], s["reason_code"])
                          for d in recorded for s in d["suppressed"]])
        self.assertEqual([(r["action_id"], r["reason"]) for r in rows if r["what"] == "closed"],
                         [(c["action_id"], c["reason"]) for d in recorded for c in d["closed"]])

    def test_text_names_approval_author_and_who_excluded(self):
        excluded = next(d for d in self.decisions if any(
            s["reason_code"] == "EXCLUDED" for s in d["suppressed"][:5]))
        text = self.audit("--hcp", excluded["hcp_id"]).stdout
        self.assertIn(", by mlr-board: approved, minutes 12\n", text)
        self.assertIn("EXCLUDED by rule stop-C019, by jdoe: letter\n", text)
        self.assertRegex(text, r"proposed 1\. C\d+ \w+ by \w+, approval AP-\d+-\w+, ")

    def test_an_archive_answers_as_the_log_does_and_a_changed_file_is_noticed(self):
        folder = self.folder("asked")
        self.archive(folder)
        hcp = self.busiest()
        for form in ((), ("--csv",), ("--json", "--all")):
            self.assertEqual(self.audit("--hcp", hcp, *form, "--archive", folder).stdout,
                             self.audit("--hcp", hcp, *form).stdout)
        self.assertEqual(self.instance.nba("report", "--csv", "--archive", folder).stdout,
                         self.instance.nba("report", "--csv").stdout)
        for topic, *_, path in self.files(folder):
            if topic == "nba.decision.v1":
                with open(path, "r+b") as file:
                    file.seek(-1, os.SEEK_END)
                    last = file.read(1)[0]
                    file.seek(-1, os.SEEK_END)
                    file.write(bytes([last ^ 1]))
        answer = self.audit("--hcp", hcp, "--archive", folder, check=False)
        self.assertEqual(answer.returncode, 1)
        self.assertIn("isn't the file that was archived", answer.stderr)

    def test_nobody_and_nothing_are_told(self):
        for args, status, words in ((("--hcp", "nobody"), 1, "no decision about 'nobody'"),
                                    ((), 2, "--hcp: expected the id of an HCP"),
                                    (("--hcp", "a", "--csv", "--json"), 2, "one of them"),
                                    (("--hcp", "a", "--archive", "/nowhere"), 1, "no archive")):
            answer = self.audit(*args, check=False)
            self.assertEqual(answer.returncode, status)
            self.assertIn(words, answer.stderr)


class Counted:
    """Tables of nba report beside another count; `instance` says where."""

    def report(self, *args):
        return tables(self.instance.nba("report", "--csv", *args).stdout)

    def compare(self, by, *args, **period):
        told, want = self.report("--by", by, *args), Recount(self.instance, by, **period)

        def plain(name):
            return name[1:] if name[:2] == "'=" else name
        names = {"conversions": "converted"}
        rows = {plain(r[by]): r for r in told["actions"]}
        everything = rows.pop("(all)")
        self.assertEqual(set(rows), {g for g, c in want.groups.items() if c["proposed"]})
        for group, row in rows.items():
            self.assertEqual(int(row["reach"]), len(want.reach[group]))
            for column in ("proposed", "taken back", "sent", "delivered", "shown", "opened",
                           "clicked", "attended", "accepted", "dismissed", "conversions"):
                self.assertEqual(int(row[column]),
                                 want.groups[group][names.get(column, column)], (group, column))
            self.assertAlmostEqual(float(row["value"]), want.groups[group]["value"])
        self.assertEqual(int(everything["reach"]), len(want.first["treated"]))
        self.assertEqual({(plain(r[by]), r["reason"]): int(r["dismissed"])
                          for r in told["dismissals"]}, want.dismissals)
        for row in told["outcomes"]:
            for column in ("actions", "events", "the rest"):
                self.assertEqual(int(row[column]), want.outcomes[row["outcome"]][column],
                                 (row["outcome"], column))
        self.assertEqual({r["outcome"] for r in told["outcomes"]},
                         {o for o, c in want.outcomes.items() if c["events"] + c["the rest"]})
        for row in told["rest"]:
            group = want.groups[plain(row[by])]
            for column in ("sent", "opened", "clicked", "attended", "viewed", "conversions"):
                self.assertEqual(int(row[column]), group["rest " + names.get(column, column)],
                                 (row[by], column))
            self.assertAlmostEqual(float(row["value"]), group["rest value"])
        self.assertEqual({r["reason"]: int(r["stopped"]) for r in told["funnel"] if r["reason"]},
                         {r: n for r, n in want.stopped.items() if n})
        self.assertEqual(int(told["funnel"][-1]["left"]), int(everything["proposed"]))
        self.assertEqual({r["reason"]: int(r["count"]) for r in told["taken_back"]},
                         want.taken_back)
        without = collections.Counter(want.last.get(h, "(no decision)")
                                      for h in want.people - set(want.first["treated"]))
        self.assertEqual({r["reason"]: int(r["count"]) for r in told["without_action"]}, without)
        for row in told["lift"]:
            figures = [float(x) for x in list(row.values())[1:] if x != ""]
            self.assertEqual(len(figures), len(want.lift(row["HCPs who"])))
            for got, expected in zip(figures, want.lift(row["HCPs who"])):
                self.assertAlmostEqual(got, expected, delta=5.1e-5)
        return told


class Figures(Counted, unittest.TestCase):
    """A company whose HCPs and reps answer, a quarter of it a control group."""

    @classmethod
    def setUpClass(cls):
        cls.instance = Instance()
        cls.addClassCleanup(cls.instance.close)
        with open(cls.instance.policy, "a", encoding="utf-8") as file:
            file.write("experiments: {universal_control: {share_bp: 2500}}\n")
        cls.instance.setup(hcps=80, count=700)
        cls.instance.produce("catalog", [{"kind": "content", "content": {
            "content_id": f"C{i:03d}", "brand": "<b>CARDIOX" if i % 2 else "=PULMOVA",
            "business_unit": f"BU-{i % 2}", "campaign_ids": [f"K{i % 4}"],
            "topic_ids": ["t"], "class": "promotional", "treatments": [
                {"channel": c, "action_type": t, "approval_state": "approved",
                 "approval_number": f"A{i}"} for c, t in
                (("email", "email"), ("rep", "rep_call"), ("web", "portal_content"))]}}
            for i in range(0, 40, 3)])
        cls.instance.drain()
        cls.instance.produce("engagement", cls.answers())
        cls.instance.drain()

    @classmethod
    def answers(cls):
        """What happens to the actions, with all that a count can trip over."""
        rng, out = random.Random(7), []
        decided = [r["value"] for r in cls.instance.consume("decision")]
        actions = [a for d in decided for a in d["selected"]]
        newest = max(int(seconds(d["decision_time"]) * 1000) for d in decided)

        def event(what, hcp, ms, **more):
            out.append({"event_id": f"f-{len(out)}", "source": "crm", "event_type": what,
                        "event_time": ms, "hcp_id": hcp, **more})
        for i, a in enumerate(actions):
            name, hcp, at = a["action_id"], a["hcp_id"], int(seconds(a["time"]) * 1000)
            message = {"message_id": f"m-{i}"}
            if a["channel"] == "email" and rng.random() < 0.8:
                event("email_sent", hcp, newest, action_id=name, **message)
                if rng.random() < 0.2:
                    event("email_bounced", hcp, newest + 1, **message, bounce_class="soft")
                for _ in range(rng.randrange(3)):
                    event("email_opened", hcp, newest + 2, **message,
                          bot=rng.choice(["none", "apple", "none"]))
                if rng.random() < 0.3:
                    event("email_clicked", hcp, at + rng.randrange(5, 9) * DAY, **message)
            elif a["channel"] == "rep":
                event("action_shown", hcp, newest, action_id=name)
                event(rng.choice(["action_dismissed", "action_accepted", "rep_call_completed"]),
                      hcp, newest + 3, action_id=name, rep_id="rep-1", call_id=f"call-{i}",
                      dismiss_reason=rng.choice(["no_time", "<i>rude", ""]))
            if rng.random() < 0.1:
                event("conversion", hcp, newest + 4, action_id=name, value=12.5, goal="rx")
            if rng.random() < 0.1:
                out.append(dict(out[-1]))  # a duplicate, if anything came before
        for h in range(80):
            if h % 3 == 0:
                event("conversion", f"hcp-{h:04d}", newest + 5, value=2, brand="NEUROLA")
            if h % 10 == 0:
                event("email_opened", f"hcp-{h:04d}", newest + 6, action_id="dec:other#x:1",
                      content_id="C001")
                event("email_sent", f"hcp-{h:04d}", newest + 6, content_id="C001",
                      message_id=f"own-{h}", region="EU")
        return sorted(out, key=lambda e: e["event_time"])

    def test_every_figure_is_that_of_another_count(self):
        for by in ("brand", "campaign", "business_unit", "channel", "specialty", "region", "rep"):
            with self.subTest(by=by):
                told = self.compare(by)
                total = told["actions"][-1]
                for column in ("taken back", "sent", "opened", "clicked", "accepted", "dismissed",
                               "conversions"):
                    self.assertGreater(int(total[column]), 0, column)
                self.assertGreater(int(told["lift"][0]["control"]), 5)
                self.assertNotEqual(told["lift"][1]["lift"], "")

    def test_a_period_takes_decisions_and_answers_of_its_own(self):
        begin, end = "2026-03-05T00:00:00.000Z", "2026-03-06T12:00:00.000Z"
        told = self.compare("brand", "--from", begin, "--to", end, begin=begin, end=end)
        self.assertGreater(int(told["actions"][-1]["proposed"]), 10)

    def test_the_page_stands_alone_and_hostile_names_are_letters(self):
        page = self.instance.nba("report", "--html").stdout
        for mark in ("<script", "<link", "http", "<b>CARDIOX", "<i>rude"):
            self.assertNotIn(mark, page)
        self.assertIn("&lt;b&gt;CARDIOX", page)
        self.assertIn("&lt;i&gt;rude", page)
        self.assertIn("@media print", page)
        self.assertEqual(page.count("<table>"), page.count("</table>"))
        answer = self.instance.nba("report", "--csv", "--html", check=False)
        self.assertEqual(answer.returncode, 2)

    def test_text_has_the_same_tables(self):
        text = self.instance.nba("report", "--by", "channel").stdout
        for heading in ("What was proposed and what came of it", "Dismissed, by reason",
                        "Driven by an action, and the rest", "Treated against control",
                        "Candidates by stage and reason", "HCPs without any action"):
            self.assertIn(heading, text)


class DemoLog(Counted, unittest.TestCase):
    """The log that nba demo leaves: its market answers as people do."""

    @classmethod
    def setUpClass(cls):
        cls.instance = Instance()
        cls.addClassCleanup(cls.instance.close)
        done = subprocess.run([NBA, "demo", "--events", "3000", "--keep", cls.instance.dir],
                              cwd=ROOT, capture_output=True, text=True, timeout=500)
        if done.returncode != 0:
            raise AssertionError(done.stderr[-2000:])
        cls.demo = done.stdout
        cls.instance.common = ["--set", f"policy.file={POLICY}", "--set",
                               f"schemas.dir={os.path.join(ROOT, 'schemas')}"]

    def with_capacity(self):
        with open(POLICY, encoding="utf-8") as file:
            text = file.read()
        policy = os.path.join(self.instance.dir, "capacity.yaml")
        marked = re.search(r"  # capacity:\n  #   - .*\n", text).group()
        with open(policy, "w", encoding="utf-8") as file:
            file.write(text.replace(marked, marked.replace("  # ", "  ")))
        return policy

    def test_capacity_is_tried_on_its_log(self):
        said = self.instance.nba("simulate", "--policy", POLICY, "--policy", self.with_capacity(), "--set",
                                 f"release.dir={self.instance.dir}/releases", "--set", "clock=event").stdout
        self.assertRegex(said, r"REP_CAPACITY rep_daily_alerts +0 +[1-9]")
        fewer = re.search(r"Planned volume by channel.*?\n  rep +\d+ +\d+ +(\S+)", said, re.S).group(1)
        self.assertLess(int(fewer), 0)

    def test_capacity_is_there_to_be_switched_on(self):
        policy = self.with_capacity()
        done = subprocess.run([NBA, "demo", "--events", "5000", "--policy", policy], cwd=ROOT, capture_output=True,
                              text=True, timeout=500)
        self.assertEqual(done.returncode, 0, done.stderr[-2000:])
        self.assertIn("One whose rep is busy: no alert left today", done.stdout)
        self.assertRegex(done.stdout, r"stopped at limits by rep_daily_alerts: 5 of 5 used; free \S+")

    def test_its_figures_are_those_of_another_count(self):
        for by in ("channel", "rep", "specialty"):
            with self.subTest(by=by):
                told = self.compare(by)
                for column in ("proposed", "sent", "opened", "shown"):
                    self.assertGreater(int(told["actions"][-1][column]), 0, column)
                self.assertGreater(int(told["lift"][0]["control"]), 0)

    def test_it_tells_what_the_policy_did(self):
        for title in ("The one we foresaw best", "One who had enough: a limit",
                      "One who sleeps: held until the morning",
                      "One of the control group: nothing is sent",
                      "treated HCPs against the control group"):
            self.assertIn(title, self.demo)
        self.assertRegex(self.demo, r"stopped at limits by \w+: \d+ of \d+ used")
        self.assertIn("stopped at experiment: CONTROL_GROUP", self.demo)


if __name__ == "__main__":
    unittest.main()
