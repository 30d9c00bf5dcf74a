#!/usr/bin/env python3
"""tools/check/ledger.py finds nothing wrong in a good run, and each wrong that is put into its log:
a check that can't fail checks nothing.  NBA_BIN names the program."""
import json
import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "tests" / "support"))
import packages  # noqa: E402

packages.need("fastavro")
import fastavro  # noqa: E402

NBA = os.environ.get("NBA_BIN", str(ROOT / "build" / "nba"))


class Ledger(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.path = Path(cls.folder.name)
        log = ["--log", str(cls.path / "log")]
        cls.nba("generate", *log, "--events", "1500", "--seed", "4", "--hcps", "60",
                "--contents", "24")
        cls.nba("run", *log, "--drain", "--no-http", "--set", f"state.dir={cls.path / 'state'}",
                "--set", f"release.dir={cls.path / 'releases'}")
        cls.good = cls.path / "good.avro"
        cls.nba("consume", *log, "engagement", "decision", "deadletter", "action", "slate",
                "--out", str(cls.good))
        with open(cls.good, "rb") as file:
            reader = fastavro.reader(file)
            cls.schema = reader.writer_schema
            cls.records = list(reader)

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    @staticmethod
    def nba(*arguments):
        subprocess.run([NBA, *arguments], cwd=ROOT, check=True, capture_output=True)

    def judge(self, records, *arguments):
        path, out = self.path / "log.avro", self.path / "figures.json"
        with open(path, "wb") as file:
            fastavro.writer(file, self.schema, records)
        code = subprocess.run([sys.executable, str(ROOT / "tools/check/ledger.py"), str(path),
                               "--json", str(out), *arguments], capture_output=True).returncode
        return code, json.loads(out.read_text())

    def index(self, topic, which=lambda record: True):
        return next(i for i, r in enumerate(self.records) if r["topic"] == topic and which(r))

    def test_a_good_run_is_found_good(self):
        code, figures = self.judge(self.records)
        self.assertEqual(code, 0)
        self.assertEqual(figures["inputs"], 1500 + 120)
        self.assertGreater(figures["proposing_share"], 0.8)
        self.assertGreater(figures["worth"]["slate"]["n"], 20)

    def test_the_folder_of_a_run_says_the_same_as_its_log_file(self):
        figures = []
        for place in (self.path, self.good):
            out = self.path / "same.json"
            code = subprocess.run([sys.executable, str(ROOT / "tools/check/ledger.py"), str(place),
                                   "--json", str(out)], capture_output=True).returncode
            self.assertEqual(code, 0)
            figures.append(json.loads(out.read_text()))
        self.assertEqual(*figures)

    def test_a_missing_decision_is_lost(self):
        records = list(self.records)
        del records[self.index("nba.decision.v1")]
        code, figures = self.judge(records, "--no-worth")
        self.assertEqual((code, figures["lost"]), (1, 1))

    def test_a_decision_twice_is_doubled(self):
        copy = dict(self.records[self.index("nba.decision.v1")], offset=10 ** 6)
        code, figures = self.judge([*self.records, copy], "--no-worth")
        self.assertEqual((code, figures["duplicated"]), (1, 1))

    def test_a_decision_without_its_input_is_unexpected(self):
        records = list(self.records)
        del records[self.index("hcp.engagement.v1")]
        code, figures = self.judge(records, "--no-worth")
        self.assertEqual((code, figures["unexpected"]), (1, 1))

    def test_an_output_in_another_partition_is_misplaced(self):
        records = list(self.records)
        i = self.index("nba.decision.v1")
        records[i] = dict(records[i], partition=(records[i]["partition"] + 1) % 4)
        code, figures = self.judge(records, "--no-worth")
        self.assertEqual((code, figures["misplaced"]), (1, 1))

    def test_an_action_twice_is_told(self):
        copy = dict(self.records[self.index("nba.action.v1")], offset=10 ** 6)
        code, figures = self.judge([*self.records, copy], "--no-worth")
        self.assertEqual((code, figures["actions_twice"]), (1, 1))

    def test_an_action_after_an_opt_out_is_told(self):
        """An event before an action is made the opt-out of its HCP and channel."""
        sys.path.insert(0, str(ROOT / "tools" / "check"))
        import io
        import ledger
        schemas = ledger.Schemas(ROOT / "schemas")
        action_record = self.records[self.index("nba.action.v1")]
        action = schemas.read(action_record["value"])
        src = next(h["value"] for h in action_record["headers"] if h["name"] == "src").decode()
        _, partition, offset = src.rsplit("/", 2)
        cause = self.index("hcp.engagement.v1", lambda r: r["partition"] == int(partition) and
                           r["offset"] == int(offset))
        event = schemas.read(self.records[cause]["value"])
        event.update(event_type="consent_changed", status="opt_out", scope_type="channel",
                     channel=action["channel"], captured_at=event["event_time"])
        body = io.BytesIO()
        fastavro.schemaless_writer(body, schemas.by_id[1], event)
        records = list(self.records)
        records[cause] = dict(records[cause], value=b"\0\0\0\0\1" + body.getvalue())
        code, figures = self.judge(records, "--no-worth")
        self.assertEqual(code, 1)
        self.assertGreaterEqual(figures["violations"], 1)

    def test_popularity_is_over_all_hcps_and_the_engines_member_is_in_specialty(self):
        """Three of S1 want A, two of S2 want B; then one of each wants what the specialty wants.
        Over all HCPs A leads, so one of the two is met; in the specialty both are."""
        sys.path.insert(0, str(ROOT / "tools" / "check"))
        import ledger
        book = ledger.Ledger({"input": "in"}, None)
        wants = [("a1", "S1", "A"), ("a2", "S1", "A"), ("a3", "S1", "A"), ("b1", "S2", "B"),
                 ("b2", "S2", "B"), ("a4", "S1", "A"), ("b3", "S2", "B")]
        for offset, (hcp, specialty, content) in enumerate(wants):
            book.inputs[0, offset] = (offset, {
                "event_type": "email_clicked", "hcp_id": hcp, "content_id": content, "bot": "none",
                "reaction": 0, "profile": {"specialties": [specialty]}})
            book.kinds[0, offset] = "decided"
        said = {"kind": "decided", "rankings": [{"model": "popularity", "content_ids": ["B"]},
                                                {"model": "lstm", "content_ids": ["A", "B"]}]}
        book.schemas = type("Said", (), {"read": lambda self, value, fields=None: value})()
        for hcp in ("a4", "b3"):
            book.take_decision(ledger.Record("out", 0, 0, 0, None, dict(said, hcp_id=hcp),
                                             [("src", b"in/0/4")]))
        book.kinds[0, 4] = "decided"
        rate = ledger.rates(book.worth(last_share=2 / 7, since_ms=None, top=1))
        self.assertEqual({m: r["hr"] for m, r in rate.items()},
                         {"popularity": 0.5, "popularity in specialty": 0.5, "lstm": 0.5,
                          "popularity in specialty, counted here": 1.0})
        rate["popularity in specialty"]["ndcg"] = 0.25
        self.assertEqual(ledger.ratios(rate), {
            "popularity": 1.0, "popularity in specialty": 2.0,
            "popularity in specialty, counted here": 0.5})
        self.assertEqual(ledger.ratios({"slate": {"ndcg": 1.0}}), {})

    def test_a_bar_that_is_missed_fails(self):
        self.assertEqual(self.judge(self.records, "--at-least", "slate:hr=1.01")[0], 1)
        self.assertEqual(self.judge(self.records, "--at-least", "slate:hr=0.0")[0], 0)


if __name__ == "__main__":
    unittest.main(verbosity=2)
