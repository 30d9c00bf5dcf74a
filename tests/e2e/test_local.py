"""The whole program on an embedded log: everything accounted for, the same bytes through crashes.

Run by ctest (e2e.local), or alone: NBA_BIN=build/dev/nba python3 tests/e2e/test_local.py -v
"""
import base64
import collections
import json
import os
import random
import signal
import time
import unittest

import world
from world import Instance

FULL_DISK = os.path.join(os.path.dirname(os.path.realpath(world.NBA)), "tests", "fault",
                         "full_disk.so")
KILL_POINTS = ["after_poll", "after_begin", "after_produce", "before_send_offsets",
               "after_send_offsets", "before_commit", "after_commit", "before_write", "after_write",
               "in_revoke", "in_close"]


def accounted(case, instance):
    """Every input offset has exactly one decision or dead letter; no other src is claimed."""
    inputs = {f"{r['topic']}/{r['partition']}/{r['offset']}" for r in instance.consume("engagement")}
    seen = collections.Counter()
    for topic in ("decision", "deadletter"):
        for record in instance.consume(topic):
            seen[record["headers"]["src"]] += 1
    case.assertEqual(set(seen), inputs, "lost or invented")
    case.assertEqual({s: n for s, n in seen.items() if n != 1}, {}, "more than one record")


class Road(unittest.TestCase):
    def setUp(self):
        self.instance = Instance()
        self.addCleanup(self.instance.close)

    def test_every_input_is_accounted_for_and_actions_have_reasons(self):
        self.instance.setup()
        self.instance.drain()
        accounted(self, self.instance)
        actions = [r["value"] for r in self.instance.consume("action")]
        proposed = [a for a in actions if a["status"] == "proposed"]
        self.assertGreater(len(proposed), 50)
        events = {e["event_id"] for e in (r["value"] for r in self.instance.consume("engagement"))}
        for action in proposed:
            self.assertGreaterEqual(len(action["drivers"]), 1, action)
            for driver in action["drivers"]:
                self.assertLessEqual(set(driver["evidence_event_ids"]), events)
        ids = [a["action_id"] + a["status"] for a in actions]
        self.assertEqual(len(ids), len(set(ids)), "an action id twice")
        models = {r["value"]["model_version"] for r in self.instance.consume("decision")}
        self.assertEqual(models, {"popularity"}, "no release was trained")

    def test_packed_reasons_say_of_every_candidate_what_the_counts_say_of_all(self):
        self.instance.setup(hcps=8, count=120)
        self.instance.drain()
        decided = [r["value"] for r in self.instance.consume("decision")
                   if r["value"]["kind"] == "decided"]
        self.assertGreater(max(len(d["counts"]) for d in decided), 1)
        for record in decided:
            reasons, rest = {}, None
            for packed in record["packed_reasons"]:
                place = -1
                for distance in base64.b64decode(packed["candidates"]):
                    place += distance
                    if distance != 255:
                        reasons[place] = packed["reason"]
                if not packed["candidates"]:
                    rest = packed["reason"]
            counts = collections.Counter(reasons.get(c, rest) for c in range(record["n_candidates"]))
            self.assertEqual(counts.pop("NONE", 0), len(record["selected"]))
            self.assertEqual(dict(counts), record["counts"])

    def test_explain_tells_the_recorded_decision_and_as_much_as_the_policy_wants(self):
        self.instance.setup(hcps=8, count=120)
        self.instance.drain()
        record = [r["value"] for r in self.instance.consume("decision")
                  if r["value"]["kind"] == "decided"][-1]
        hcp, event = record["hcp_id"], record["trigger_event_id"]
        self.assertGreater(len(record["suppressed"]), 7)

        def explain(*args):
            return self.instance.nba("explain", "--hcp", hcp, "--event", event, *args).stdout
        text = explain()
        self.assertIn(record["decision_id"], text)
        for action in record["selected"]:
            self.assertIn(action["content_id"], text)
            self.assertIn(action["drivers"][0]["text"], text)
        self.assertEqual(text.count("stopped at"), 5)  # audit.explain_top of policy-basic.yaml
        self.assertEqual(explain("--top", "7").count("stopped at"), 7)
        with open(self.instance.policy, encoding="utf-8") as file:
            policy = file.read()
        with open(self.instance.policy, "w", encoding="utf-8") as file:
            file.write(policy.replace("explain_top: 5", "explain_top: 2"))
        self.assertEqual(explain().count("stopped at"), 2)
        with open(self.instance.policy, "w", encoding="utf-8") as file:
            file.write(policy.replace("explain_top: 5", "explain_top: many"))
        broken = self.instance.nba("explain", "--hcp", hcp, "--event", event, check=False)
        self.assertEqual(broken.returncode, 2)
        self.assertRegex(broken.stderr, r":\d+:\d+: audit\.explain_top: expected a whole number")
        self.assertEqual(explain("--top", "7").count("stopped at"), 7)  # needs no policy
        os.unlink(self.instance.policy)
        self.assertEqual(explain().count("stopped at"), 5)  # the default of docs/POLICY.md
        self.assertEqual(json.loads(explain("--json"))["decision_id"], record["decision_id"])
        absent = self.instance.nba("explain", "--hcp", "nobody", check=False)
        self.assertEqual(absent.returncode, 1)
        self.assertIn("no such decision of HCP 'nobody'", absent.stderr)

    def test_explain_now_shows_every_candidate_and_all_that_stops_it(self):
        self.instance.setup(hcps=8, count=120)
        self.instance.drain()
        record = [r["value"] for r in self.instance.consume("decision")
                  if r["value"]["kind"] == "decided"][-1]
        before = self.instance.nba("state", "hash").stdout
        text = self.instance.nba("explain", "--hcp", record["hcp_id"], "--at",
                                 record["decision_time"], "--candidates", "1000").stdout
        table = text[text.index(" rank  "):text.index("what would have to change")].splitlines()[1:]
        rows = [line.split(None, 5) for line in table if line.strip()]
        self.assertEqual(len(rows), record["n_candidates"])
        # Reasons of the stages that judge a candidate alone, here one or more a candidate; each
        # first one is what the decision counted.
        counted = next(line for line in text.splitlines() if line.startswith("reasons: ")).split()[1:]
        counted = dict(zip(counted[::2], map(int, counted[1::2])))
        firsts = collections.Counter(row[5].split(",")[0] for row in rows)
        selected = firsts.pop("nothing: selected", 0)
        self.assertEqual(firsts, counted)
        self.assertEqual(selected, text.count(", until "))
        self.assertTrue(any("," in row[5] for row in rows), "one that several stages stop")
        self.assertEqual(self.instance.nba("state", "hash").stdout, before)
        both = self.instance.nba("explain", "--hcp", "x", "--now", "--event", "e", check=False)
        self.assertEqual(both.returncode, 2)

    def test_no_action_after_an_opt_out(self):
        self.instance.setup(seed=5, count=1500)
        self.instance.drain()
        out = {}
        for record in self.instance.consume("engagement"):
            event = record["value"]
            if event["event_type"] == "consent_changed" and event["status"] == "opt_out":
                key = (event["hcp_id"], event["channel"])
                out.setdefault(key, (record["partition"], record["offset"]))
        self.assertGreater(len(out), 10)
        recalled = 0
        for record in self.instance.consume("action"):
            action = record["value"]
            _, partition, offset = record["headers"]["src"].rsplit("/", 2)
            place = out.get((action["hcp_id"], action["channel"]))
            if place and int(partition) == place[0] and int(offset) >= place[1]:
                self.assertEqual(action["status"], "recalled", action["action_id"])
                recalled += 1
        self.assertGreater(recalled, 0, "no open action was recalled by an opt-out")

    def test_no_consent_record_is_no_consent(self):
        self.instance.setup(seed=2)
        self.instance.drain()
        for record in self.instance.consume("action"):
            action = record["value"]
            number = int(action["hcp_id"][4:])
            if action["channel"] == "email" and action["market"] == "DE":
                self.assertNotEqual(number % 4, 0, "e-mail without an opt-in in an opt-in market")

    def test_poison_becomes_dead_letters_and_neighbours_stay(self):
        self.instance.setup(count=100)
        stamp = world.START
        bad = [
            (b"hcp-0001", None, "null_value"),
            (b"hcp-0001", b"", "truncated"),
            (b"hcp-0001", b"\x01\x00\x00\x00\x01abc", "not_avro"),
            (b"hcp-0001", b"\x00\x00\x00\xff\xffabc", "unknown_schema_id"),
            (b"hcp-0001", b"\x00\x00\x00\x00\x01" + b"\xff" * 40, None),
            (b"hcp-0001", b"\x00\x00\x00\x00\x01" + b"\x02a", "truncated"),
            (b"hcp-0001", os.urandom(300), None),
            (b"hcp-0001", b"\x00" * 300_000, "limit"),
        ]
        path = os.path.join(self.instance.dir, "poison.avro")
        world.log_file(path, [("hcp.engagement.v1", i % 3, i, stamp, key, value)
                              for i, (key, value, _) in enumerate(bad)])
        self.instance.nba("produce", "--log-file", path)
        self.instance.produce("engagement", [{
            "event_id": "after", "source": "web", "event_type": "email_opened",
            "event_time": stamp, "hcp_id": "hcp-0001", "content_id": "C001"}])
        self.instance.drain()
        accounted(self, self.instance)
        letters = {r["headers"]["src"]: r for r in self.instance.consume("deadletter")}
        self.assertEqual(len(letters), len(bad))
        reasons = collections.Counter(r["headers"]["reason"] for r in letters.values())
        for _, _, reason in bad:
            if reason:
                self.assertGreaterEqual(reasons[reason], 1, reason)

    def test_wrong_keys_and_times_are_refused_by_name(self):
        self.instance.setup(count=20)
        path = os.path.join(self.instance.dir, "good.avro")
        self.instance.nba("consume", "engagement", "--out", path)
        good = world.read_log_file(path)[-1]
        topic, partition, _, stamp, key, value = good
        year = 366 * world.DAY
        cases = {"key_mismatch": (stamp, b"hcp-9999", value), "empty_key": (stamp, None, value),
                 "time_out_of_range": (stamp + 6 * year, key, value)}
        early = (stamp - 11 * 60_000, key, value)
        path = os.path.join(self.instance.dir, "bad.avro")
        world.log_file(path, [(topic, partition, i, *case)
                              for i, case in enumerate([*cases.values(), early])])
        self.instance.nba("produce", "--log-file", "--allow-future", path)
        self.instance.drain()
        accounted(self, self.instance)
        reasons = [r["headers"]["reason"] for r in self.instance.consume("deadletter")]
        self.assertEqual(sorted(reasons), sorted([*cases, "time_out_of_range"]))


class SameBytes(unittest.TestCase):
    """What came out without a crash is the yardstick."""

    @classmethod
    def setUpClass(cls):
        cls.calm = Instance()
        cls.calm.setup(seed=3, hcps=50, count=900)
        cls.calm.drain()
        cls.digests = cls.calm.digests()
        cls.state = cls.calm.nba("state", "hash", where=False).stdout

    @classmethod
    def tearDownClass(cls):
        cls.calm.close()

    def crashed(self, instance, point, passes):
        done = instance.drain(env={"NBA_KILL_AT": f"{point}:{passes}"}, check=False,
                              **{"commit.interval_ms": 1, "commit.events_max": 20})
        return done.returncode == -signal.SIGKILL

    def test_a_kill_at_every_point_changes_no_byte(self):
        rng = random.Random(11)
        for point in KILL_POINTS:
            with self.subTest(point=point):
                instance = Instance()
                self.addCleanup(instance.close)
                instance.setup(seed=3, hcps=50, count=900)
                passes = 1 if point in ("in_revoke", "in_close") else rng.randrange(1, 12)
                self.assertTrue(self.crashed(instance, point, passes), f"{point} was not reached")
                instance.drain()
                self.assertEqual(instance.digests(), self.digests)
                self.assertEqual(instance.nba("state", "hash", where=False).stdout, self.state)

    def test_many_kills_in_a_row_change_no_byte(self):
        rng = random.Random(12)
        instance = Instance()
        self.addCleanup(instance.close)
        instance.setup(seed=3, hcps=50, count=900)
        kills = 0
        for _ in range(12):
            kills += self.crashed(instance, rng.choice(KILL_POINTS[:9]), rng.randrange(1, 6))
        self.assertGreaterEqual(kills, 6)
        instance.drain()
        accounted(self, instance)
        self.assertEqual(instance.digests(), self.digests)
        self.assertEqual(instance.nba("state", "hash", where=False).stdout, self.state)

    def test_every_answer_of_the_log_changes_no_byte(self):
        for where, times in (("produce", 60), ("send_offsets", 3), ("commit", 3), ("committed", 3)):
            for answer in ("unknown", "abortable", "membership"):
                if (where, answer) in (("produce", "membership"), ("committed", "abortable"),
                                       ("committed", "membership")):
                    continue  # a log doesn't answer so
                with self.subTest(where=where, answer=answer):
                    instance = Instance()
                    self.addCleanup(instance.close)
                    instance.setup(seed=3, hcps=50, count=900)
                    done = instance.drain(env={"NBA_FAULT_AT": f"{where}:{times}:{answer}"},
                                          **{"commit.interval_ms": 1, "commit.events_max": 20})
                    self.assertRegex(done.stderr, "unknown_outcome|abort|membership")
                    self.assertEqual(instance.digests(), self.digests)
                    self.assertEqual(instance.nba("state", "hash", where=False).stdout, self.state)

    def test_a_full_disk_stops_nothing_but_the_clock(self):
        for first, count in ((80, 1), (120, 6), (150, 3)):
            with self.subTest(first=first, count=count):
                instance = Instance()
                self.addCleanup(instance.close)
                instance.setup(seed=3, hcps=50, count=900)
                store = os.path.join(instance.dir, "state", "store")
                done = instance.drain(env={"LD_PRELOAD": FULL_DISK,
                                           "ASAN_OPTIONS": "verify_asan_link_order=0",
                                           "FULL_DISK": f"{store}:{first}:{count}"}, workers=2,
                                      **{"commit.interval_ms": 1, "commit.events_max": 5})
                self.assertIn("No space left on device", done.stderr)
                self.assertIn("state_reopened", done.stderr)
                accounted(self, instance)
                self.assertEqual(instance.digests(), self.digests)
                self.assertEqual(instance.nba("state", "hash", where=False).stdout, self.state)

    def test_a_table_found_damaged_while_it_runs_is_rebuilt(self):
        instance = Instance()
        self.addCleanup(instance.close)
        everything = world.events(3, 50, 900)
        instance.nba("topics", "create")
        instance.produce("catalog", list(world.contents(40)) + list(world.reps(5)))
        instance.produce("engagement", everything[:500])
        instance.drain()
        store = os.path.join(instance.dir, "state", "store")
        for name in os.listdir(store):
            if name.endswith(".sst"):
                with open(os.path.join(store, name), "r+b") as file:
                    file.seek(20)  # of the first block; opening a table reads its end
                    file.write(b"damage")
        instance.produce("engagement", everything[500:])
        done = instance.drain()
        self.assertRegex(done.stderr, "state_failed(.|\n)*state_damaged(.|\n)*state_reopened")
        accounted(self, instance)
        self.assertEqual(instance.digests(), instance.replay())

    def test_a_lost_state_folder_is_rebuilt_from_the_changelog(self):
        instance = Instance()
        self.addCleanup(instance.close)
        instance.setup(seed=3, hcps=50, count=900)
        self.crashed(instance, "after_commit", 4)
        self.assertEqual(instance.nba("reset", "--to", "changelog", "--yes",
                                      where=False).returncode, 0)
        instance.drain()
        self.assertEqual(instance.digests(), self.digests)
        self.assertEqual(instance.nba("state", "hash", where=False).stdout, self.state)

    def test_a_damaged_state_folder_is_rebuilt_never_believed(self):
        rng = random.Random(13)
        for kind in ("CURRENT", "MANIFEST", ".log", ".sst", "OPTIONS", "IDENTITY"):
            with self.subTest(kind=kind):
                instance = Instance()
                self.addCleanup(instance.close)
                instance.setup(seed=3, hcps=50, count=900)
                self.crashed(instance, "after_commit", 25)
                store = os.path.join(instance.dir, "state", "store")
                if kind == ".sst":  # a clean end writes tables
                    self.crashed(instance, "in_close", 1)
                hit = 0
                for name in sorted(os.listdir(store)):
                    path = os.path.join(store, name)
                    if kind in name and os.path.getsize(path):
                        with open(path, "r+b") as file:
                            data = bytearray(file.read())
                            for _ in range(1 + len(data) // 200):
                                data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
                            file.seek(0)
                            file.write(data)
                        hit += 1
                self.assertGreater(hit, 0, os.listdir(store))
                instance.drain()
                self.assertEqual(instance.digests(), self.digests)
                self.assertEqual(instance.nba("state", "hash", where=False).stdout, self.state)

    def test_replay_gives_the_same_bytes_for_all_ways_of_running(self):
        for args in (["--threads", "1"], ["--threads", "2"], ["--batch", "1"], ["--batch", "64"],
                     ["--transaction", "1"], ["--set", "score.kernels=scalar"]):
            with self.subTest(args=args):
                text = self.calm.replay("--state-hash", *args)
                state, _, digests = text.partition("\n")
                self.assertEqual(digests, self.digests)
                self.assertEqual(state + "\n", self.state)

    def test_workers_and_small_transactions_change_no_byte(self):
        instance = Instance()
        self.addCleanup(instance.close)
        instance.setup(seed=3, hcps=50, count=900)
        instance.drain(workers=3, **{"commit.events_max": 7, "commit.interval_ms": 2})
        self.assertEqual(instance.digests(), self.digests)


class SideInputs(unittest.TestCase):
    def test_a_policy_and_a_catalogue_changed_half_way_are_replayed_where_they_were(self):
        instance = Instance()
        self.addCleanup(instance.close)
        everything = world.events(7, 40, 800)
        instance.nba("topics", "create")
        instance.produce("catalog", list(world.contents(30)) + list(world.reps(5)))
        instance.produce("engagement", everything[:500])
        instance.drain()
        with open(instance.policy, encoding="utf-8") as file:
            text = file.read()
        with open(instance.policy, "w", encoding="utf-8") as file:
            file.write(text.replace("slate: {size: 2", "slate: {size: 1"))
        instance.produce("catalog", list(world.contents(40))[30:])
        instance.produce("engagement", everything[500:])
        instance.drain()
        journal = instance.consume("journal")
        self.assertEqual(len({r["value"]["policy_hash"] for r in journal}), 2)
        self.assertEqual(len({r["value"]["catalog_next"] for r in journal}), 2)
        self.assertEqual(instance.replay(), instance.digests())

    def test_the_wall_clock_is_journaled_so_that_replay_follows_it(self):
        instance = Instance(clock="wall")
        self.addCleanup(instance.close)
        instance.setup(seed=9, count=300)
        instance.drain(**{"commit.events_max": 50})
        instance.produce("engagement", world.events(10, 40, 200)[80:])
        instance.drain()
        walls = {r["value"]["wall_clock"] for r in instance.consume("journal")}
        self.assertGreater(len(walls), 3)
        self.assertEqual(instance.replay(), instance.digests())

    def test_mail_is_taken_once_and_before_the_next_record_here_and_in_a_replay(self):
        for point in (None, "after_poll:1", "before_commit:1", "after_commit:1", "after_write:1"):
            with self.subTest(point=point):
                instance = Instance(partitions=2)
                self.addCleanup(instance.close)
                instance.setup(count=60)
                sent = os.path.join(instance.dir, "mail.avro")
                today = int(time.time() * 1000)  # older mail than its retention may be gone
                for lot in range(3):  # nobody can read it: dead letters say when it was taken
                    world.log_file(sent, [(instance.topics["mailbox"], k % 2, 0, today,
                                           b"hcp-%04d" % k, b"%d %d" % (lot, k)) for k in range(4)])
                    instance.nba("produce", "--log-file", sent, "--set=topics.mailbox=elsewhere",
                                 f"--set=topics.engagement={instance.topics['mailbox']}")
                    instance.produce("engagement", world.events(lot + 2, 5, 20))
                    if lot == 1 and point is not None:
                        died = instance.drain(env={"NBA_KILL_AT": point}, check=False)
                        self.assertLess(died.returncode, 0)
                    else:
                        instance.drain()
                taken = [(r["partition"], r["headers"]["src"])
                         for r in instance.consume("deadletter")]
                self.assertEqual(sorted(taken), [(p, f"mailbox:{o}")
                                                 for p in range(2) for o in range(6)])
                self.assertEqual(instance.replay(), instance.digests())

    def test_a_bad_policy_is_refused_with_its_place(self):
        instance = Instance()
        self.addCleanup(instance.close)
        instance.setup(count=10)
        with open(instance.policy, "a", encoding="utf-8") as file:
            file.write("\nnot_a_key: 1\n")
        done = instance.drain(check=False)
        self.assertEqual(done.returncode, 2, done.stderr)
        self.assertRegex(done.stderr, r"policy\.yaml:\d+:\d+: not_a_key")


if __name__ == "__main__":
    unittest.main()
