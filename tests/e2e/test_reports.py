"""nba archive and nba audit against what the topics say, read here by other means.

Run by ctest (e2e.reports), or alone: NBA_BIN=build/dev/nba python3 tests/e2e/test_reports.py -v
"""
import csv
import datetime
import hashlib
import io
import json
import os
import shutil
import unittest

from world import Instance, read_log_file

END = "2099-01-01T00:00:00Z"
ARCHIVED = ("engagement", "control", "decision", "action")


def seconds(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


def read(path):
    with open(path, "rb") as file:
        return file.read()


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


if __name__ == "__main__":
    unittest.main()
