"""Erased on a real broker, with kills in the middle: after compaction no byte of the ids is left.

The searched: the instance's folder (state, secret, releases, policies), its log, and the broker's own
segments of the compacted topics.  Append-only topics keep what they have until their retention.  Run
where broker tests run and the broker's folder is on this machine (NBA_TEST_KAFKA is set), or alone:
  NBA_TEST_KAFKA=127.0.0.1:29092 NBA_BIN=build/dev/nba python3 tests/kill/test_erasure.py -v
"""
import os
import signal
import subprocess
import sys
import time
import unittest
import uuid
from pathlib import Path

from test_broker import SERVERS, confluent_kafka, main

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "e2e"))
import erasure  # noqa: E402  (the path is set above)
import world  # noqa: E402

COMPACTED = ("changelog", "slate", "deadletter", "rep_capacity")
SOON = {"segment.ms": "100", "min.cleanable.dirty.ratio": "0.0", "delete.retention.ms": "0",
        "min.compaction.lag.ms": "0", "file.delete.delay.ms": "0"}
RULES = """
  capacity:
    - {id: daily, per: [rep], channel: rep, max: 12, window: {rolling: P7D}, when_full: replace_lowest}
"""


class Erasure(unittest.TestCase):
    HCPS = [f"hcp-{h:04d}" for h in range(0, 200, 2)]  # and their neighbours stay

    def setUp(self):
        self.instance = world.Instance(kafka=SERVERS, prefix=uuid.uuid4().hex[:8], partitions=2)
        self.addCleanup(self.instance.close)
        self.addCleanup(lambda: self.instance.nba("topics", "delete", "--all", check=False))
        # What is compressed can't be searched; a member that was killed is not waited for.
        self.instance.common += ["--set", "kafka.properties.compression.type=none",
                                 "--set", "kafka.properties.session.timeout.ms=6000"]
        policy = Path(self.instance.policy)
        policy.write_text(policy.read_text().replace("\narbitration:", RULES + "\narbitration:"))
        self.instance.setup(seed=8, hcps=200, count=900)
        self.instance.drain()
        self.letters = Path(self.instance.dir, "poison.avro")
        world.log_file(self.letters, [(self.instance.topics["engagement"], 0, k, world.START,
                                       hcp.encode(), b"nonsense of " + hcp.encode())
                                      for k, hcp in enumerate(("hcp-0000", "hcp-0001"))])
        self.instance.nba("produce", "--log-file", self.letters)
        actions = [r["value"] for r in self.instance.consume("action")]
        self.at = max(r["value"]["decision_time"] for r in self.instance.consume("decision"))
        self.instance.produce("engagement", [
            {"event_id": f"s-{n}", "source": "crm", "event_type": ("action_sent", "action_shown")[n % 2],
             "event_time": world.START, "hcp_id": action["hcp_id"], "action_id": action["action_id"]}
            for n, action in enumerate(a for a in actions if a["channel"] == "rep")])
        self.instance.drain()
        self.admin = confluent_kafka.admin.AdminClient({"bootstrap.servers": SERVERS})
        self.node = str(next(iter(self.admin.list_topics(timeout=20).brokers)))
        self.alter(confluent_kafka.admin.ConfigResource.Type.BROKER, self.node,
                   {"log.cleaner.backoff.ms": "500"})
        for topic in COMPACTED:
            self.alter(confluent_kafka.admin.ConfigResource.Type.TOPIC,
                       self.instance.topics[topic], SOON)

    def alter(self, kind, name, settings):
        admin = confluent_kafka.admin
        done = self.admin.incremental_alter_configs([admin.ConfigResource(
            kind, name, incremental_configs=[admin.ConfigEntry(
                key, value, incremental_operation=admin.AlterConfigOpType.SET)
                for key, value in settings.items()])])
        for future in done.values():
            future.result(20)

    def segments(self):
        """The broker's folders of the compacted topics."""
        admin = confluent_kafka.admin
        done = self.admin.describe_configs([admin.ConfigResource(
            admin.ConfigResource.Type.BROKER, self.node)])
        folder = Path(next(iter(done.values())).result(20)["log.dirs"].value)
        if not folder.is_dir():
            self.skipTest("the broker is on another machine")
        found = [f for topic in COMPACTED for f in folder.glob(self.instance.topics[topic] + "-*")]
        self.assertEqual(len(found), 3 * 2 + 1)
        return found

    def roll(self, turn):
        """The segment that is being written isn't compacted: something later begins a new one."""
        producer = confluent_kafka.Producer({"bootstrap.servers": SERVERS})
        at = int(time.time() * 1000) + 60_000 * turn
        for topic in COMPACTED:
            for p in range(1 if topic == "rep_capacity" else 2):
                producer.produce(self.instance.topics[topic], key=b"Zroll", value=b"?", partition=p,
                                 timestamp=at)
        self.assertEqual(producer.flush(20), 0)

    def start(self, kill_at=None):
        line = [world.NBA, "run", *self.instance.common, *self.instance.where, "--no-http",
                "--set=kafka.static_membership=false", "--set=commit.events_max=10"]
        environment = {**os.environ, **({"NBA_KILL_AT": kill_at} if kill_at else {})}
        with open(os.path.join(self.instance.dir, "run.log"), "a", encoding="utf-8") as log:
            process = subprocess.Popen(line, env=environment, cwd=self.instance.dir, stderr=log)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        return process

    def erase(self):
        return [world.NBA, "erase", *self.instance.common, *self.instance.where, "--wait", "--at",
                self.at, *self.HCPS]

    def await_none(self, what, find):
        deadline = time.monotonic() + 90
        turn = 0
        while (left := find(turn)) and time.monotonic() < deadline:
            turn += 1
            time.sleep(1)
        self.assertEqual(left, {}, what)

    def test_a_hundred_hcps_are_gone_from_everywhere_with_kills_in_the_middle(self):
        segments = self.segments()

        def on_broker(_=0):
            return {p: i for f in segments for p, i in erasure.found_below(f, self.HCPS).items()}

        def here(_=0):
            return erasure.found_below(self.instance.dir, self.HCPS, erasure.MADE)
        for topic in ("changelog", "slate", "deadletter"):
            self.assertTrue([p for p in on_broker() if self.instance.topics[topic] in p], topic)
        self.assertTrue(here())
        for point in ("before_commit:3", "after_commit:4"):
            running = self.start(point)
            erasing = subprocess.Popen(self.erase(), cwd=self.instance.dir,
                                       stdout=subprocess.DEVNULL)
            self.addCleanup(erasing.wait)
            self.addCleanup(erasing.kill)
            self.assertEqual(running.wait(60), -signal.SIGKILL, point)
            erasing.kill()
        running = self.start()
        done = subprocess.run(self.erase(), cwd=self.instance.dir, capture_output=True, text=True,
                              timeout=120)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("100 HCPs: erased", done.stdout)
        for topic in ("engagement", "action", "decision", "mailbox"):
            self.assertRegex(done.stdout, self.instance.topics[topic] + r" +last record goes: ")
        self.instance.produce("engagement", world.events(9, 200, 50)[-50:])
        self.await_none("this machine", here)
        running.send_signal(signal.SIGTERM)
        self.assertEqual(running.wait(60), 0)
        self.assertEqual(here(), {})
        self.instance.drain()
        said = {line for line in self.instance.digests().splitlines()
                if "deadletter" not in line and "slate" not in line}  # compacted by now
        self.assertLessEqual(said, set(self.instance.replay().splitlines()))

        def compacted(turn):
            self.roll(turn)
            return on_broker()
        self.await_none("the broker", compacted)
        slates = {r["key"] for r in self.instance.consume("slate") if r["key"].startswith("hcp")}
        self.assertGreater(len(slates), 50, "neighbours lost theirs")


if __name__ == "__main__":
    sys.exit(main())
