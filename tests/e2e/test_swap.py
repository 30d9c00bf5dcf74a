"""Releases swapped under load, with kills among the swaps: every output is made by exactly one
release, the one that the journal names, and a replay makes the same bytes.  Bad releases are
refused, and trainings announce what is no worse.  A challenger comes, changes and goes meanwhile and
serves the HCPs of its arm.

Run by ctest (e2e.swap) with a few swaps; `tools/test swap` makes a hundred (NBA_SWAPS).
"""
import bisect
import collections
import json
import os
import random
import re
import signal
import subprocess
import sys
import threading
import time
import unittest
import urllib.request

import world
from world import Instance, NBA, assignment_hash

SWAPS = int(os.environ.get("NBA_SWAPS", "10"))
KILL_EVERY = 5
CONTENTS = 6  # few: small decision records
# Two whose states could be taken for each other's, and one with states and windows of other sizes.
RELEASES = [{"train.seed": 1}, {"train.seed": 2},
            {"train.window_events": 8, "train.lstm_hidden_1": 32}]
SMALL = {"train.window_events": 16, "train.lstm_hidden_1": 16, "train.lstm_embedding": 16,
         "train.lstm_learning_rate": 0.01, "train.lstm_epochs_max": 4, "train.ncf_embedding": 16,
         "train.ncf_epochs_max": 1}
FIRST, CHUNK = 1200, 900 * SWAPS
ARMS = """
experiments:
  champion_challenger: {id: models, arms: {champion: 5000, challenger: 5000}}
"""


def journeys(hcps, count, contents):
    """Each HCP goes through the contents in their order: what an LSTM learns at once."""
    records = world.events(5, hcps, count, gap=min(600_000, 300 * world.DAY // count))
    seen = collections.Counter()
    for record in records:
        if "content_id" in record:
            seen[record["hcp_id"]] += 1
            record["content_id"] = f"C{seen[record['hcp_id']] % contents:03d}"
    return records


class Company:
    """An instance, three releases learned from its first events, and more load when asked for."""

    def __init__(self):
        # So many partitions that none is compacted: the log would keep less than a replay says.
        self.instance = Instance(partitions=3 + SWAPS // 10)
        self.load = journeys(200, FIRST + 4 * CHUNK, CONTENTS)
        with open(self.instance.policy, "a", encoding="utf-8") as file:
            file.write(ARMS)
        self.instance.nba("topics", "create")
        self.instance.produce("catalog", list(world.contents(CONTENTS)) + list(world.reps(5)))
        self.more(FIRST)
        self.releases = []
        for settings in RELEASES:
            train = [f"--set={k}={v}" for k, v in {**SMALL, **settings}.items()]
            told = self.instance.nba("train", *train).stderr
            self.releases.append(re.search(r"release ([0-9a-f]{64})", told).group(1))

    def more(self, count=CHUNK):
        assert self.load, "the load ended before the swaps did"
        self.instance.produce("engagement", self.load[:count])
        del self.load[:count]


class Running:
    """A command that runs on, `nba run` or a service, and its log lines as they come; it ends with
    its test at the latest."""

    def __init__(self, case, *args, env=None, command="run", before=()):
        instance = case.instance
        line = [*before, NBA, command, *instance.common, *instance.where, *args]
        self.process = subprocess.Popen(line, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                                        text=True, cwd=instance.dir,
                                        env={**os.environ, **(env or {})})
        self.lines = []
        self.changed = threading.Condition()
        self.thread = threading.Thread(target=self.read)
        self.thread.start()
        case.addCleanup(lambda: self.process.poll() is None and self.end(signal.SIGKILL))

    def read(self):
        for line in self.process.stderr:
            with self.changed:
                self.lines.append(line)
                self.changed.notify_all()
        with self.changed:
            self.lines.append(None)
            self.changed.notify_all()

    def wait_for(self, pattern, begin=0):
        """The first line from `begin` on that matches; "" when the process ended without one."""
        def found():
            return next((line for line in self.lines[begin:] if line and re.search(pattern, line)),
                        None)
        with self.changed:
            in_time = self.changed.wait_for(lambda: found() or None in self.lines, 200)
            assert in_time, f"no '{pattern}' in {self.lines[-20:]}"
            return found() or ""

    def metric(self, name):
        """0 when the process has ended."""
        port = re.search(r"port=(\d+)", self.wait_for(" http ")).group(1)
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics") as answer:
                return int(re.search(rf"(?m)^{name} (\d+)$", answer.read().decode()).group(1))
        except OSError:
            return 0

    def wait_for_transactions(self, count):
        """Until so many more are committed, or the process ended."""
        name = "nba_transactions_total"
        until = self.metric(name) + count
        while self.process.poll() is None and self.metric(name) < until:
            time.sleep(0.02)

    def end(self, number=None):
        if number is not None:
            self.process.send_signal(number)
        code = self.process.wait(200)
        self.thread.join()
        self.process.stderr.close()
        return code


def release_in_force(instance):
    """partition -> [(input offset, champion and challenger from there on)], as the journal says."""
    changes = collections.defaultdict(list)
    for record in instance.consume("journal"):
        value = record["value"]
        changes[record["partition"]].append((value["input_next"], value["release_champion"],
                                             value["release_challenger"]))
    return changes


def serving(entry, hcp):
    """Which of the two scores the HCP."""
    _, champion, challenger = entry
    in_arm = assignment_hash(f"models:{hcp}") % 10000 >= 5000
    return challenger if challenger and in_arm else champion


def lines_of(instance, *topics):
    """`nba consume`, line by line: a hundred swaps leave a gigabyte."""
    line = [NBA, "consume", *instance.common, *instance.where, *topics]
    with subprocess.Popen(line, stdout=subprocess.PIPE, text=True, cwd=instance.dir) as process:
        yield from process.stdout
    assert process.returncode == 0


class Swaps(unittest.TestCase):
    def setUp(self):
        self.company = Company()
        self.instance = self.company.instance
        self.addCleanup(self.instance.close)
        self.rng = random.Random(21)
        self.kills = self.drained = 0

    def work(self, env=None):
        """An engine at work; where all was done, more comes."""
        while True:
            run = Running(self, "--drain", "--workers=2", "--set=commit.events_max=1",
                          "--set=http.listen=127.0.0.1:0", env=env)
            if run.wait_for("first_commit"):
                return run
            self.assertEqual(run.end(), 0, run.lines[-5:])
            self.drained += 1
            self.company.more()

    def announce(self, swap, champion):
        if swap % 7 == 0:
            return self.instance.nba("models", "rollback", where=False).stdout.split()[1]
        other = self.rng.choice([r for r in self.company.releases if r != champion])
        self.instance.nba("models", "release", other, where=False)
        return other

    def challenge(self, swap, champion):
        """Another challenger now and then, or none."""
        others = [r for r in self.company.releases if r != champion] + ["none"]
        if swap % 2 == 0:
            self.instance.nba("models", "challenge", self.rng.choice(others), where=False)

    def swap_under_load(self):
        """Announces SWAPS releases one after the other to an engine at work."""
        champion = self.announce(1, "")
        self.company.more()
        run = self.work()
        for swap in range(1, SWAPS + 1):
            kill = swap % KILL_EVERY == 0
            begin = len(run.lines)
            if kill and swap % (2 * KILL_EVERY) == 0:
                # Dies by itself with the new release loaded and not yet handed on.
                self.assertIn(run.end(signal.SIGKILL), (-signal.SIGKILL, 0))
                run, begin = self.work({"NBA_KILL_AT": "in_swap:2"}), 0
            champion = self.announce(swap, champion)
            self.challenge(swap, champion)
            pattern = f" release .*champion={champion[:12]}"
            adopted = run.wait_for(pattern, begin)
            if kill:
                time.sleep(self.rng.uniform(0.0, 0.1))
                self.kills += run.end(signal.SIGKILL) == -signal.SIGKILL
            elif adopted:
                run.wait_for_transactions(6)  # of two workers: some began after the swap
            else:
                self.assertEqual(run.end(), 0, run.lines[-5:])
            if kill or not adopted:
                run = self.work()
                self.assertTrue(run.wait_for(pattern), "a restart chose another release")
        self.assertIn(run.end(signal.SIGTERM), (0, 1), run.lines[-5:])  # 1: with some left
        self.instance.drain()  # fast

    def test_each_output_is_of_one_release_and_a_replay_makes_the_same_bytes(self):
        began = time.monotonic()
        self.swap_under_load()
        self.assertGreaterEqual(self.kills, SWAPS // KILL_EVERY // 2)
        changes = release_in_force(self.instance)
        made, accounted = collections.Counter(), collections.Counter()
        challenged = 0
        for line in lines_of(self.instance, "decision", "slate", "action", "deadletter"):
            topic = re.match(r'{"topic":"([^"]*)"', line).group(1)
            src = re.search(r'"src":"([^"]*)"', line).group(1)
            _, partition, offset = src.rsplit("/", 2)
            accounted[src] += topic in (self.instance.topics["decision"],
                                        self.instance.topics["deadletter"])
            named = set(re.findall(r'"model_version":"([^"]+)"', line))
            if not named or '"status":"recalled"' in line:
                continue  # an update decides nothing; a recall tells what was proposed before
            entries = changes[int(partition)]
            at = bisect.bisect_right(entries, int(offset), key=lambda entry: entry[0]) - 1
            hcp = re.search(r'"hcp_id":"([^"]*)"', line).group(1)
            release = serving(entries[at], hcp)
            self.assertEqual(named, {release}, src)
            made[release] += 1
            challenged += release != entries[at][1]
        self.assertEqual(set(made), set(self.company.releases), "a release made nothing")
        self.assertGreater(challenged, 100)
        told = [record["value"]["release_champion"] for record in sorted(
            self.instance.consume("journal"), key=lambda record: record["timestamp"])]
        adopted = sum(a != b for a, b in zip(told, told[1:]))
        self.assertGreaterEqual(adopted, SWAPS - 2 * self.kills - self.drained)
        inputs = collections.Counter(f"{r['topic']}/{r['partition']}/{r['offset']}"
                                     for r in self.instance.consume("engagement"))
        self.assertEqual(accounted, inputs, "lost, invented or doubled")
        self.assertEqual(self.instance.replay(), self.instance.digests())
        print(f"{SWAPS} swaps ({adopted} between events), "
              f"{self.kills} kill -9, "
              f"{inputs.total()} events, {made.total()} outputs of {len(made)} "
              f"releases, {challenged} by a challenger, each of exactly one; 0 lost, 0 doubled, replay equal; "
              f"{time.monotonic() - began:.0f} s")


class BadReleases(unittest.TestCase):
    def setUp(self):
        company = Company()
        self.instance, self.releases = company.instance, company.releases
        self.addCleanup(self.instance.close)

    def damage(self, release):
        path = os.path.join(self.instance.dir, "releases", release, "tensors.bin")
        with open(path, "r+b") as file:
            file.seek(os.path.getsize(path) // 2)
            byte = file.read(1)
            file.seek(-1, os.SEEK_CUR)
            file.write(bytes([byte[0] ^ 1]))

    def announce(self, text):
        path = os.path.join(self.instance.dir, "releases", "champion")
        with open(path + ".new", "w", encoding="utf-8") as file:
            file.write(text)
        os.rename(path + ".new", path)

    def test_a_bad_one_is_refused_counted_and_the_old_one_stays(self):
        good, bad, other = self.releases
        self.instance.nba("models", "release", good, where=False)
        self.damage(bad)
        run = Running(self, "--set=http.listen=127.0.0.1:0")
        self.assertTrue(run.wait_for("first_commit"))
        refused = 0
        for text in (bad + "\n", "0" * 64 + "\n", "../../etc/passwd\n"):
            begin = len(run.lines)
            self.announce(text)
            self.assertIn("stays=old", run.wait_for("release_refused", begin), run.lines[-9:])
            refused += 1
            time.sleep(0.3)  # looked at again and again, told and counted once
            self.assertEqual(run.metric("nba_side_inputs_refused_total"), refused)
        begin = len(run.lines)
        self.announce(other + "\n")
        self.assertTrue(run.wait_for(f"champion={other[:12]}", begin))
        self.assertEqual(run.end(signal.SIGTERM), 0)
        self.assertEqual(sum("release_refused" in line for line in run.lines if line), refused)

    def test_a_start_with_a_bad_champion_serves_the_one_before_it(self):
        good, bad, _ = self.releases
        self.damage(bad)
        self.announce(f"{bad}\n{good}\n")
        told = self.instance.drain().stderr
        self.assertIn("release_refused stays=former", told)
        self.assertIn(f"champion={good[:12]}", told)
        journal = self.instance.consume("journal")
        self.assertEqual({r["value"]["release_champion"] for r in journal}, {good})
        self.announce(f"{bad}\n")
        self.assertEqual(self.instance.drain(check=False).returncode, 1)

    def test_a_policy_edited_while_an_instance_starts_is_taken(self):
        self.instance.nba("models", "release", self.releases[0], where=False)
        run = Running(self, "--no-http", env={"NBA_KILL_AT": "in_swap:1:4000"})
        first = run.wait_for(" policy ")
        with open(self.instance.policy, encoding="utf-8") as file:
            text = file.read()
        with open(self.instance.policy + ".new", "w", encoding="utf-8") as file:
            file.write(text + "# another hash\n")
        os.rename(self.instance.policy + ".new", self.instance.policy)
        self.assertTrue(run.wait_for("first_commit"))
        begin = run.lines.index(first) + 1
        self.assertTrue(run.wait_for(" policy ", begin))
        self.assertEqual(run.end(signal.SIGTERM), 0)

    def test_rollback_goes_back_and_forth_and_never_to_a_bad_one(self):
        first, second, _ = self.releases

        def models(*args, code=0):
            done = self.instance.nba("models", *args, where=False, check=False)
            self.assertEqual(done.returncode, code, done.stderr)
            return done.stdout
        models("rollback", code=1)
        models("release", first)
        models("rollback", code=1)
        models("release", second)
        models("release", second)  # again: the former one stays
        models("challenge", second, code=1)  # is the champion
        self.assertEqual(models("challenge", first), f"challenger {first}\n")
        self.assertRegex(models(), rf"(?m)^\+ {first}")
        self.assertEqual(models("rollback"), f"champion {first}\n")
        self.assertNotIn("challenger", models())  # it has won
        self.assertEqual(models("rollback"), f"champion {second}\n")
        self.assertRegex(models(), rf"(?m)^\* {second}")
        self.assertRegex(models(), rf"(?m)^- {first}")
        self.damage(first)
        models("rollback", code=1)
        self.assertRegex(models(), rf"(?m)^\* {second}")


class Retraining(unittest.TestCase):
    USELESS = {"train.members": "lstm,ncf", "train.lstm_learning_rate": 1e-6,
               "train.ncf_learning_rate": 1e-6}

    def setUp(self):
        self.instance = Instance()
        self.addCleanup(self.instance.close)
        self.instance.nba("topics", "create")
        self.records = journeys(60, 2500, 20)

    def train(self, *args, **settings):
        """(exit code, the line of JSON, standard error)"""
        given = [f"--set={k}={v}" for k, v in {**SMALL, **settings}.items()]
        done = self.instance.nba("train", "--json", *given, *args, check=False)
        line, end, rest = done.stdout.partition("\n")
        self.assertEqual((end, rest), ("\n", ""), "one line")
        return done.returncode, json.loads(line), done.stderr

    def champion(self):
        path = os.path.join(self.instance.dir, "releases", "champion")
        with open(path, encoding="utf-8") as file:
            return file.read().split()[0]

    def test_exit_codes_and_the_line_say_what_became_of_a_training(self):
        code, line, told = self.train("--release")
        self.assertEqual((code, line["outcome"]), (1, "failed"))
        self.assertIn(line["error"], told)
        self.instance.produce("engagement", self.records[:1500])
        code, first, _ = self.train()
        self.assertEqual((code, first["outcome"]), (0, "written"))
        self.assertNotIn("champion", first)
        code, first, _ = self.train("--release")
        self.assertEqual((code, first["outcome"], first["champion"]),
                         (0, "announced", first["release"]))
        self.assertNotIn("gate", first)
        self.instance.produce("engagement", self.records[1500:])
        code, second, _ = self.train("--release", "--init", "champion")
        self.assertEqual((code, second["outcome"], second["warm"]), (0, "announced", True))
        self.assertIs(second["gate"]["unseen"], True)
        self.assertEqual(self.champion(), second["release"])
        self.assertEqual(self.train("--init", "champion", "--last-two")[0], 2)
        shown = self.instance.nba("models", "show", second["release"], where=False).stdout
        self.assertIn(f'"init":"{first["release"]}"', shown)
        self.assertIn(f"parent      {first['release']}", shown)

    def test_a_challenger_that_is_worse_is_written_and_not_announced(self):
        self.instance.produce("engagement", self.records)
        _, good, _ = self.train("--release")
        code, bad, told = self.train("--release", **self.USELESS)
        self.assertEqual((code, bad["outcome"], bad["champion"]), (3, "refused", good["release"]))
        self.assertLess(bad["gate"]["challenger"], bad["gate"]["lo"])
        self.assertIn("worse than champion", told)
        self.assertEqual(self.champion(), good["release"])
        self.instance.nba("models", "release", bad["release"], where=False)  # by hand it may
        self.assertEqual(self.champion(), bad["release"])

    def test_the_service_survives_a_failing_training_and_trains_when_it_is_due(self):
        small = [f"--set={k}={v}" for k, v in SMALL.items()]
        # who starts it may ignore children
        ignores = (sys.executable, "-c", "import os, signal, sys\n"
                   "signal.signal(signal.SIGCHLD, signal.SIG_IGN)\n"
                   "os.execv(sys.argv[1], sys.argv[1:])")
        run = Running(self, "--every=2s", *small, command="train", before=ignores)
        self.assertIn("exit=1", run.wait_for("training_failed"))
        self.instance.produce("engagement", self.records)
        for _ in range(2):
            begin = len(run.lines)
            self.assertRegex(run.wait_for(" trained ", begin), "exit=[03] ")
        self.assertTrue(self.champion())
        self.assertEqual(run.end(signal.SIGTERM), 0)
        run = Running(self, "--every=7d", *small, command="train")
        self.assertTrue(run.wait_for("training next="))
        self.assertEqual(run.end(signal.SIGTERM), 0)
        self.assertFalse(any("epoch" in line for line in run.lines if line), "was not due")
        for period in ("soon", "0h", "1y", "-2h", "5"):
            done = self.instance.nba("train", f"--every={period}", check=False)
            self.assertEqual(done.returncode, 2, period)
        run = Running(self, "--every=1s", "--only=oracle", command="train")
        self.assertEqual(run.end(), 2, "what can't succeed isn't tried again")


if __name__ == "__main__":
    unittest.main()
