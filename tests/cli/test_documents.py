#!/usr/bin/env python3
"""What the documents tell people to type: README's five minutes run as they stand, and every `nba`
command in a document or an example is one that its command would take.  NBA_BIN names the program."""
import os
import random
import re
import shlex
import subprocess
import tempfile
import unittest
from datetime import datetime, timedelta
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
NBA = os.path.abspath(os.environ.get("NBA_BIN", str(ROOT / "build" / "nba")))
CODE = re.compile(r"^```\w*\n(.*?)^```|((?:^ {4}[^\n]*\n)+)|`([^`\n]+)`", re.M | re.S)
COMMAND = re.compile(r"^(?:[A-Z_]+=\S+ )*(?:build/)?nba ([a-z]+)\b")
NOT_AN_OPTION = "--zzzzzz"
# What is left out of training, so that five minutes are some seconds.
QUICK = " --set train.lstm_epochs_max=2 --set train.ncf_epochs_max=1"


def documents():
    return [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]


def commands_in(text):
    """The nba commands of a text that is code, one a list of words; pipes and comments cut off."""
    for line in re.sub(r"\\\n\s*", " ", text).splitlines():
        line = line.strip()
        if COMMAND.match(line):
            words = shlex.split(line, comments=True)
            while not words[0].endswith("nba"):
                words.pop(0)
            ends = [i for i, word in enumerate(words) if word in ("|", ">", "&&", ";")]
            yield words[1:ends[0]] if ends else words[1:]


class Typed(unittest.TestCase):
    def check(self, where, words):
        """Options are read in their order, so a wrong one is met before ours."""
        if "--help" in words:
            return
        answer = subprocess.run([NBA, *words, NOT_AN_OPTION], capture_output=True, text=True,
                                timeout=60, cwd=ROOT)
        with self.subTest(where=where, command=" ".join(words)):
            self.assertEqual(answer.returncode, 2)
            self.assertIn(NOT_AN_OPTION, answer.stderr)

    def test_every_command_of_a_document_is_taken(self):
        found = 0
        for path in documents():
            for match in CODE.finditer(path.read_text(encoding="utf-8")):
                for words in commands_in(next(group for group in match.groups() if group)):
                    self.check(path.name, words)
                    found += 1
        self.assertGreater(found, 30)

    def test_every_example_of_help_is_taken(self):
        listed = subprocess.run([NBA, "--help"], capture_output=True, text=True).stdout
        names = re.findall(r"^  ([a-z]+)  ", listed.split("commands:")[1].split("\n\n")[0], re.M)
        self.assertGreaterEqual(len(names), 15)
        for name in names:
            text = subprocess.run([NBA, name, "--help"], capture_output=True, text=True).stdout
            examples = list(commands_in(text.split("examples:\n")[1]))
            self.assertTrue(examples, name)
            for words in examples:
                self.check(f"nba {name} --help", words)


def tables(folder):
    """Sixty doctors who go through forty contents, most often the next one."""
    chance = random.Random(5)
    when = datetime(2026, 3, 1, 8)
    doctors = [(f"d-{i:03d}", ("cardiology", "pulmonology")[i % 2]) for i in range(60)]
    place = {doctor: chance.randrange(40) for doctor, _ in doctors}
    rows = []
    for number in range(1200):
        doctor = chance.choice(doctors)[0]
        place[doctor] = (place[doctor] + chance.choice((1, 1, 1, 7))) % 40
        when += timedelta(minutes=40)
        what = chance.choice(("opened", "clicked", "viewed"))
        rows.append(f"{number},{when:%Y-%m-%dT%H:%M:%SZ},{doctor},C-{place[doctor]:02d},{what}")
    when += timedelta(minutes=5)
    rows.append(f"{len(rows)},{when:%Y-%m-%dT%H:%M:%SZ},d-002,,optout")
    write = lambda name, head, lines: (folder / name).write_text("\n".join([head, *lines]) + "\n")
    write("events.csv", "id,when,doctor,content,what", rows)
    write("doctors.csv", "doctor,specialty", [",".join(doctor) for doctor in doctors])
    write("contents.csv", "id,title,topic",
          [f"C-{i:02d},Title {i},{('dosing', 'safety', 'lipids')[i % 3]}" for i in range(40)])


class Readme(unittest.TestCase):
    def test_the_five_minutes_run_as_they_stand(self):
        text = (ROOT / "README.md").read_text(encoding="utf-8")
        mapping = re.search(r"^```yaml\n(.*?)^```", text, re.M | re.S).group(1)
        script = re.search(r"^```sh\n(.*?)^```", text, re.M | re.S).group(1)
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            tables(folder)
            (folder / "crm.yaml").write_text(mapping)
            for link in ("config", "schemas"):
                (folder / link).symlink_to(ROOT / link)
            (folder / "build").mkdir()
            (folder / "build" / "nba").symlink_to(NBA)
            script = script.replace("train --release", "train --release" + QUICK)
            done = subprocess.run(["bash", "-e"], input=script, capture_output=True, text=True,
                                  cwd=folder, timeout=600)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("1201 rows, 0 refused", done.stdout)
        self.assertEqual(done.stdout.count('"topic":"nba.action.v1"'), 3)
        self.assertRegex(done.stdout, r"dec:crm#\d+\ndecided at ")
        self.assertIn(" by email, priority ", done.stdout)
        self.assertRegex(done.stdout, r"(?s)d-002 .*CONSENT_REVOKED|d-002 .*C-\d\d")


class Import(unittest.TestCase):
    TABLES = {
        "events": "id,ts,doctor,content,where,topics,what\n"
                  "1,1772352000000,d-1,c-1,digital,a;b,read\n"
                  "2,1772352000001,d-1,c-1,email,,engaged\n"
                  "3,1772352000002,d-1,,email,,out\n"
                  "4,1772352000003,d-1,,,,test\n",
        "profiles": "doctor,specialty,state\nd-1,cardiology;lipids,MA\n",
        "contents": "id,title,text\nc-1,A title,An abstract\n",
    }

    def test_the_mapping_of_the_document_takes_its_tables(self):
        text = (ROOT / "docs" / "IMPORT.md").read_text(encoding="utf-8")
        mapping = re.search(r"^```yaml\n(.*?)^```", text, re.M | re.S).group(1)
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            (folder / "m.yaml").write_text(mapping)
            for what, table in self.TABLES.items():
                (folder / f"{what}.csv").write_text(table)
                done = subprocess.run([NBA, "import", what, "--mapping", folder / "m.yaml",
                                       "--dry-run", folder / f"{what}.csv"], capture_output=True,
                                      text=True, cwd=ROOT, timeout=60)
                with self.subTest(what=what):
                    self.assertEqual(done.returncode, 0, done.stderr)
                    self.assertIn(" 0 refused", done.stdout + done.stderr)


if __name__ == "__main__":
    unittest.main(verbosity=2)
