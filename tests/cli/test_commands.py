#!/usr/bin/env python3
"""Whole commands as processes: help, exit codes, errors, and data in and out of an embedded log.
NBA_BIN names the program."""
import gzip
import json
import os
import re
import subprocess
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
NBA = os.environ.get("NBA_BIN", str(ROOT / "build" / "nba"))


def run(*arguments, text=None, cwd=ROOT):
    return subprocess.run([NBA, *map(str, arguments)], input=text, capture_output=True, text=True,
                          cwd=cwd, timeout=120)


class Front(unittest.TestCase):
    def commands(self):
        listed = run("--help").stdout.split("commands:\n")[1].split("\n\n")[0]
        return [line.split()[0] for line in listed.splitlines()]

    def test_every_command_has_help_with_usage_options_and_examples_of_itself(self):
        commands = self.commands()
        self.assertGreaterEqual(len(commands), 15)
        for command in commands:
            with self.subTest(command=command):
                answer = run(command, "--help")
                self.assertEqual(answer.returncode, 0, answer.stderr)
                self.assertTrue(answer.stdout.startswith(f"nba {command}: "))
                self.assertIn(f"usage: nba {command}", answer.stdout)
                self.assertIn("--help", answer.stdout.split("options:")[1])
                examples = answer.stdout.split("examples:")[1]
                self.assertIn(f"nba {command}", examples)
                for option in re.findall(r"nba " + command + r"\b[^|\n]*", examples):
                    for name in re.findall(r"--([a-z-]+)", option):
                        self.assertIn(f"--{name}", answer.stdout.split("options:")[1]
                                      .split("examples:")[0], f"example uses --{name}")

    def test_wrong_usage_is_2_with_one_line_and_a_hint(self):
        for arguments, words in (((), "expected a command"), (("tpics",), "did you mean 'topics'"),
                                 (("topics",), "expected create|list"),
                                 (("topics", "make"), "expected create|list"),
                                 (("consume", "--limt", "3"), "did you mean --limit"),
                                 (("consume",), "expected TOPIC"),
                                 (("generate", "--events", "x"), "expected a whole number"),
                                 (("import", "events", "x.csv"), "--mapping"),
                                 (("describe", "--set", "nonsense=1"), "nonsense"),
                                 (("describe", "--kafka", "a:1", "--log", "b"), "one of them"),
                                 (("run", "--instance", "a b"), "expected only letters"),
                                 (("check", "--config", "/nowhere.yaml"), "/nowhere.yaml")):
            with self.subTest(arguments=arguments):
                answer = run(*arguments)
                self.assertIn(words, answer.stderr)
                self.assertTrue(answer.stderr.startswith("nba: "), answer.stderr)
                self.assertEqual(answer.stdout, "")
                self.assertEqual(answer.returncode, 1 if "nowhere" in str(arguments) else 2)

    def test_outside_the_checkout_the_setting_that_is_missing_is_named(self):
        with tempfile.TemporaryDirectory() as folder:
            mapping = ROOT / "config" / "mappings" / "hcp-a.yaml"
            for arguments in (("import", "events", "--mapping", mapping, "--dry-run", "x.csv"),
                              ("consume", "action"), ("demo",)):
                with self.subTest(arguments=arguments):
                    answer = run(*arguments, cwd=folder)
                    self.assertEqual(answer.returncode, 2)
                    for words in ("schemas.dir: expected the folder", "--set schemas.dir=DIR",
                                  "schemas/ids.json"):
                        self.assertIn(words, answer.stderr)

    def test_a_folder_of_schemas_that_is_not_there_is_told_with_its_place(self):
        with tempfile.TemporaryDirectory() as folder:
            settings = Path(folder) / "nba.yaml"
            settings.write_text("schemas:\n  dir: /nowhere\n")
            for command in ("check", "run"):
                with self.subTest(command=command):
                    answer = run(command, "--config", settings, "--log", Path(folder) / "log")
                    self.assertEqual(answer.returncode, 2)
                    self.assertIn(f"{settings}:2:8: schemas.dir: expected", answer.stderr)

    def test_version_is_told(self):
        self.assertRegex(run("--version").stdout, r"\Anba \d+\.\d+\.\d+\n\Z")

    def test_describe_shows_each_topic_once_and_settings_without_secrets(self):
        answer = run("describe", "--kafka", "broker:9092", "--set",
                     "kafka.properties.ssl.key.password=CANARY-1")
        self.assertEqual(answer.stdout.count("hcp.engagement.v1"), 1)
        self.assertNotIn("CANARY", answer.stdout + answer.stderr)
        answer = run("describe", "--settings", "--set", "commit.interval_ms=7", "--kafka", "b:1",
                     "--set", "kafka.properties.ssl.key.password=CANARY-1")
        self.assertIn("commit.interval_ms = 7\n", answer.stdout)
        self.assertNotIn("CANARY", answer.stdout + answer.stderr)

    def test_the_shipped_configuration_and_policy_are_right(self):
        answer = run("check")
        self.assertEqual(answer.returncode, 0, answer.stdout + answer.stderr)
        self.assertIn("0 wrong", answer.stdout)

    def test_check_puts_policy_and_catalogue_side_by_side_and_strict_makes_warnings_count(self):
        with tempfile.TemporaryDirectory() as folder:
            policy, catalogue = Path(folder) / "p.yaml", Path(folder) / "c.jsonl"
            policy.write_text(
                "policy_version: v1\ntenant: acme\ndecide_on: [email_opened]\n"
                "consent: {models: {US: {email: opt_out}}}\nslate: {size: 2}\n"
                "arbitration: {levers: [{id: sms_first, when: {channel: sms}, add: 5}]}\n")
            treatment = {"channel": "email", "action_type": "email", "approval_state": "approved",
                         "markets": ["FR"]}
            catalogue.write_text(json.dumps({"kind": "content", "content": {
                "content_id": "C1", "brand": "CX", "treatments": [treatment]}}) + "\n")
            asked = ("check", "--set", f"policy.file={policy}")
            told = ("warn  consent.models: no market 'FR', for which there are treatments\n"
                    "warn  sms_first: `when` matches no candidate of the catalogue\n")
            log = Path(folder) / "log"
            self.assertEqual(run("topics", "create", "--log", log).returncode, 0)
            put = run("produce", "--topic", "catalog", "--log", log, catalogue)
            self.assertEqual(put.returncode, 0, put.stderr)
            for where in (("--catalog", catalogue), ("--topics", "--log", log)):
                with self.subTest(where=where):
                    answer = run(*asked, *where)
                    self.assertEqual(answer.returncode, 0, answer.stdout + answer.stderr)
                    self.assertIn(told, answer.stdout)
                    self.assertIn("0 wrong, 2 warnings\n", answer.stdout)
                    self.assertEqual(run(*asked, *where, "--strict").returncode, 1)


class Size(unittest.TestCase):
    def needs(self, *arguments):
        answer = run("size", "--json", *arguments)
        self.assertEqual(answer.returncode, 0, answer.stderr)
        return json.loads(answer.stdout)

    def test_measured_figures_are_those_of_the_document(self):
        text = (ROOT / "docs" / "PERFORMANCE.md").read_text(encoding="utf-8")
        rows = re.findall(r"^\| `(\w+)` \| ([\d.]+) \|", text, re.M)
        measured = self.needs("--hcps", 1, "--events-per-second", 1)["measured"]
        self.assertEqual({name: float(value) for name, value in rows}, measured)

    def test_figures_are_the_arithmetic_they_say(self):
        asked = ("--hcps", 2_000_000, "--events-per-second", 30_000, "--contents", 500,
                 "--treatments", 4, "--days", 10, "--events-per-day", 3e8, "--set", "topics.replication=3",
                 "--set", "memory.budget_mib=512")
        answer = self.needs(*asked)
        m = answer["measured"]
        need = {name: figure["value"] for name, figure in answer["needs"].items()}
        events = 3e8 * 10
        self.assertAlmostEqual(need["cpu_an_event"], 34 * (0.44 + 0.56 * 2))
        self.assertEqual(need["workers"], 4)  # 30,000 x 53.04 us at half a worker, rounded up
        self.assertEqual(need["instances"], 2)
        self.assertEqual(need["workers_an_instance"], 2)
        self.assertEqual(need["cores_an_instance"], 3)  # 1.59 of work + 2 x 0.36
        self.assertEqual(need["partitions"], 16)
        self.assertEqual(need["topic_decision"], events * m["decision_bytes"])
        self.assertEqual(need["disk_state"], 2_000_000 * m["store_bytes"] * 2)
        self.assertEqual(need["memory_budget"], 512 * 1024 * 1024)
        hot = self.needs(*asked, "--set", "memory.budget_mib=256")["needs"]
        self.assertEqual(need["memory_an_instance"] - hot["memory_an_instance"]["value"], 2 ** 28)
        self.assertEqual(hot["budget_for_a_day"]["value"], need["budget_for_a_day"])
        parts = [v for name, v in need.items() if name.startswith("memory_")
                 and name != "memory_an_instance"]
        self.assertAlmostEqual(need["memory_an_instance"] / sum(parts), 1, 6)
        topics = [v for name, v in need.items() if name.startswith("topic_")]
        self.assertAlmostEqual(need["topics_all"] / (3 * sum(topics)), 1, 6)
        twice = self.needs("--hcps", 4_000_000, *asked[2:])["needs"]
        self.assertEqual(twice["disk_state"]["value"], 2 * need["disk_state"])
        quarter = self.needs("--hcps", 9, "--events-per-second", 20)["needs"]["events_a_day"]
        self.assertEqual(quarter["value"], 20 * 86_400 / 4)
        self.assertEqual(twice["workers"]["value"], need["workers"])

    def test_the_table_has_the_same_figures_and_limits_are_told(self):
        asked = ("--hcps", 50_000, "--events-per-second", 20)
        lines = run("size", *asked).stdout.splitlines()
        self.assertEqual([line.split()[0] for line in lines], list(self.needs(*asked)["needs"]))
        for arguments, code, words in (((), 2, "expected --hcps and --events-per-second"),
                                       ((*asked, "--contents", 20_000), 1, "candidates; at most"),
                                       (("--hcps", 9, "--events-per-second", 9e6), 1,
                                        "partitions and")):
            answer = run("size", *arguments)
            self.assertEqual(answer.returncode, code, answer.stderr)
            self.assertIn(words, answer.stderr)


class Data(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.path = Path(self.folder.name)
        self.log = ("--log", self.path / "log")
        self.nba("topics", "create", *self.log)

    def tearDown(self):
        self.folder.cleanup()

    def nba(self, *arguments, text=None):
        answer = run(*arguments, text=text)
        self.assertEqual(answer.returncode, 0, answer.stderr)
        return answer.stdout

    def consume(self, topic, *arguments):
        return [json.loads(line)
                for line in self.nba("consume", topic, *self.log, *arguments).splitlines()]

    def test_topics_are_created_once_listed_and_deleted(self):
        self.assertIn("0 created", self.nba("topics", "create", *self.log))
        listed = self.nba("topics", "list", *self.log)
        for topic in ("hcp.engagement.v1", "nba.decision.v1", "nba.state-changelog.v1"):
            self.assertIn(topic, listed)
        answer = run("topics", "create", *self.log, "--set", "topics.partitions=8")
        self.assertEqual(answer.returncode, 1)
        self.assertIn("4 partitions", answer.stderr)
        self.nba("topics", "delete", "slate", *self.log)
        self.assertNotIn("nba.slate.v1", self.nba("topics", "list", *self.log))
        self.assertEqual(run("topics", "delete", *self.log).returncode, 2)
        self.nba("topics", "delete", "--all", *self.log)
        self.assertNotIn("nba.", self.nba("topics", "list", *self.log).split("\n", 1)[1])

    def event(self, number, **fields):
        return json.dumps({"event_id": f"e{number}", "source": "test",
                           "event_type": "portal_content_viewed",
                           "event_time": f"2026-11-20T15:30:{number % 60:02d}Z",
                           "hcp_id": f"hcp-{number % 3}", "content_id": "c1", **fields})

    def test_what_is_produced_is_consumed(self):
        lines = [self.event(i) for i in range(10)]
        self.nba("produce", *self.log, text="\n".join(lines) + "\n")
        records = self.consume("engagement")
        self.assertEqual({r["value"]["event_id"] for r in records}, {f"e{i}" for i in range(10)})
        for record in records:
            self.assertEqual(record["key"], record["value"]["hcp_id"])
            self.assertEqual(record["timestamp"], record["value"]["event_time"])
        by_key = {r["key"]: {x["partition"] for x in records if x["key"] == r["key"]}
                  for r in records}
        self.assertTrue(all(len(p) == 1 for p in by_key.values()))

    def test_a_range_a_key_a_limit_and_a_file_choose_records(self):
        self.nba("produce", *self.log, text="\n".join(self.event(i) for i in range(30)))
        self.assertEqual(len(self.consume("engagement", "--limit", 7)), 7)
        keyed = self.consume("engagement", "--key", "hcp-1")
        self.assertEqual({r["key"] for r in keyed}, {"hcp-1"})
        self.assertEqual(len(keyed), 10)
        late = self.consume("engagement", "--from", "2026-11-20T15:30:20Z")
        self.assertTrue(all(r["timestamp"] >= "2026-11-20T15:30:20Z" for r in late))
        self.assertEqual(len(late), 10)
        partition = keyed[0]["partition"]
        some = self.consume("engagement", "--partition", partition, "--from", 2, "--to", 5)
        self.assertEqual([r["offset"] for r in some], [2, 3, 4])
        out = self.path / "log.avro"
        self.nba("consume", "engagement", *self.log, "--out", out)
        again = ("--log", self.path / "again")
        self.nba("topics", "create", *again)
        self.nba("produce", "--log-file", *again, out)
        self.assertEqual(self.nba("consume", "engagement", *again, "--raw"),
                         self.nba("consume", "engagement", *self.log, "--raw"))

    def test_a_bad_line_is_told_with_file_and_number_and_nothing_after_it_is_sent(self):
        path = self.path / "events.jsonl"
        path.write_text(self.event(1) + "\n" + self.event(2, event_type="danced") + "\n" +
                        self.event(3) + "\n")
        answer = run("produce", *self.log, path)
        self.assertEqual(answer.returncode, 2)
        self.assertIn(f"{path}:2: event_type", answer.stderr)
        self.assertEqual(len(self.consume("engagement")), 1)

    def test_a_tick_goes_to_every_partition_without_a_key(self):
        self.nba("produce", *self.log, "--allow-future", "--tick", "2026-12-01T00:00:00Z")
        records = self.consume("engagement")
        self.assertEqual([r["partition"] for r in records], [0, 1, 2, 3])
        for record in records:
            self.assertIsNone(record["key"])
            self.assertEqual(record["value"]["event_type"], "control_tick")
            self.assertEqual(record["value"]["event_time"], "2026-12-01T00:00:00Z")

    def test_what_is_ahead_of_now_is_refused_unless_asked_for(self):
        path = self.path / "events.jsonl"
        path.write_text(self.event(1) + "\n" + self.event(2, event_time="2126-01-01T00:00:00Z"))
        for arguments, words in (((path,), f"{path}:2: event_time: more than 10 minutes ahead"),
                                 (("--tick", "2126-01-01T00:00:00Z"), "event_time: more than 10")):
            answer = run("produce", *self.log, *arguments)
            self.assertEqual(answer.returncode, 1, answer.stderr)
            self.assertIn(words, answer.stderr)
        self.assertEqual(len(self.consume("engagement")), 1)
        self.nba("produce", *self.log, "--allow-future", path)
        self.assertEqual(len(self.consume("engagement")), 3)
        out, again = self.path / "log.avro", ("--log", self.path / "again")
        self.nba("consume", "engagement", *self.log, "--out", out)
        self.nba("topics", "create", *again)
        self.assertEqual(run("produce", "--log-file", *again, out).returncode, 1)
        self.nba("produce", "--log-file", "--allow-future", *again, out)
        table = self.path / "events.csv"
        table.write_text("event_id,ts_ms,hcp_id,event,channel,content_id,campaign_id,dwell_s,device"
                         "\nE1,1767254929436,H1,engaged,email,C1,CMP1,41,desktop"
                         "\nE2,4922899200000,H1,engaged,email,C1,CMP1,41,desktop\n")
        mapping = ("--mapping", "config/mappings/hcp-a.yaml")
        shown = self.nba("import", "events", *mapping, "--dry-run", table)
        self.assertIn("2 rows, 1 refused, 1 messages (not sent)", shown)
        self.assertIn("1  refused: event_time: more than 10 minutes ahead of now (first in row 2)",
                      shown)
        self.nba("import", "events", *mapping, *self.log, table)
        self.assertEqual(len(self.consume("engagement")), 4)

    def test_a_table_is_imported_by_its_mapping_and_twice_gives_the_same_ids(self):
        table = self.path / "events.csv.gz"
        rows = ["event_id,ts_ms,hcp_id,event,channel,content_id,campaign_id,dwell_s,device",
                "E1,1767254929436,H1,engaged,email,C1,CMP1,41,desktop",
                "E2,1767255929436,H1,opt_out,digital,C1,CMP1,0,desktop",
                "E3,soon,H1,engaged,call,C1,CMP1,0,desktop",
                "E4,1767256929436,H2,danced,call,C1,CMP1,0,desktop"]
        with gzip.open(table, "wt") as file:
            file.write("\n".join(rows) + "\n")
        mapping = ("--mapping", "config/mappings/hcp-a.yaml")
        shown = self.nba("import", "events", *mapping, "--dry-run", table)
        self.assertIn("4 rows, 2 refused, 2 messages (not sent)", shown)
        self.assertIn("1  refused: event_time: not a number (first in row 3)", shown)
        self.assertIn("1  refused: no rule takes this row (first in row 4)", shown)
        self.assertEqual(self.consume("engagement"), [])
        self.nba("import", "events", *mapping, *self.log, table)
        values = [r["value"] for r in self.consume("engagement")]
        self.assertEqual([(v["event_id"], v["event_type"], v["channel"]) for v in values],
                         [("E1", "email_clicked", "email"), ("E2", "consent_changed", "web")])
        self.assertEqual(run("import", "events", *mapping, *self.log, "--strict", table).returncode,
                         2)

    def test_a_simulated_market_is_the_same_for_the_same_seed(self):
        self.nba("generate", *self.log, "--events", 500, "--seed", 9, "--hcps", 30)
        other = ("--log", self.path / "other")
        self.nba("generate", *other, "--events", 500, "--seed", 9, "--hcps", 30)
        self.assertEqual(self.nba("consume", "engagement", "catalog", *self.log, "--raw"),
                         self.nba("consume", "engagement", "catalog", *other, "--raw"))
        self.assertEqual(len(self.consume("engagement")), 500 + 60)

    def test_a_release_is_trained_listed_judged_and_chosen(self):
        self.nba("generate", *self.log, "--events", 3000, "--seed", 9, "--hcps", 80,
                 "--contents", 16)
        shelf = ("--set", f"release.dir={self.path / 'releases'}", "--set",
                 "train.lstm_epochs_max=2", "--set", "train.ncf_epochs_max=1")
        answer = run("evaluate", *self.log, *shelf)
        self.assertEqual(answer.returncode, 1)
        self.assertIn("no champion", answer.stderr)
        answer = run("train", *self.log, *shelf, "--no-refit", "--json")
        self.assertEqual(answer.returncode, 0, answer.stderr)
        self.assertIn("lstm epoch 1/2", answer.stderr)
        line = json.loads(answer.stdout)
        self.assertEqual(line["outcome"], "written")
        self.assertIn("popularity", line["ndcg10"])
        release = re.search(r"release ([0-9a-f]{64})", answer.stderr).group(1)
        listed = self.nba("models", *shelf)
        self.assertIn(release, listed)
        self.assertIn("none is champion", listed)
        self.nba("models", "release", release, *shelf)
        self.assertIn(f"* {release}", self.nba("models", *shelf))
        figures = json.loads(self.nba("evaluate", *self.log, *shelf, "--json"))
        self.assertEqual({"lstm", "ncf", "fusion", "popularity"} -
                         {f["model"] for f in figures}, set())
        self.assertIn("prequential", {f["protocol"] for f in figures})
        self.assertRegex(self.nba("evaluate", *self.log, *shelf),
                         r"\blog +popularity in specialty +prequential +0\.\d{4} \[0\.\d{4}, ")
        told = json.loads(self.nba("evaluate", *self.log, "--associations", 2, "--support", 0.001,
                                   "--confidence", 0, "--session-minutes", 100000, "--json"))
        self.assertEqual(len(told["best"]), 2)
        self.assertGreaterEqual(told["best"][0]["lift"], told["best"][1]["lift"])
        shown = self.nba("models", "show", release, "--report", *shelf)
        self.assertIn("lstm, ncf, popularity", shown)
        self.assertEqual(run("models", "release", "0" * 64, *shelf).returncode, 1)


if __name__ == "__main__":
    unittest.main(verbosity=2)
