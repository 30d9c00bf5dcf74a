"""What only a real broker shows, at named moments; each takes seconds.

Run where broker tests run (NBA_TEST_KAFKA is set), or alone:
  NBA_TEST_KAFKA=127.0.0.1:29092 NBA_BIN=build/dev/nba python3 tests/kill/test_broker.py -v
"""
import collections
import os
import shutil
import subprocess
import sys
import threading
import time
import unittest
import uuid
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "e2e"))
import world  # noqa: E402
from world import Instance  # noqa: E402  (the path is set above)

SERVERS = os.environ.get("NBA_TEST_KAFKA")
try:
    import confluent_kafka
    import confluent_kafka.admin
except ImportError:
    confluent_kafka = None


class Broker(unittest.TestCase):
    def setUp(self):
        # Topics of its own: the broker is shared with other tests.
        self.tag = uuid.uuid4().hex[:8]
        self.instance = Instance(kafka=SERVERS, prefix=self.tag)
        self.addCleanup(self.instance.close)
        self.instance.common += ["--set", "kafka.static_membership=false"]
        self.addCleanup(lambda: self.instance.nba("topics", "delete", "--all", check=False))
        self.instance.setup(seed=4, hcps=40, count=500)

    def forget_state(self):
        shutil.rmtree(os.path.join(self.instance.dir, "state"))

    def test_restore_reads_what_was_committed_behind_an_open_transaction(self):
        """The last stable offset stands still before it; the state does not end there."""
        process = self.start("state", {})
        self.await_no_backlog(process)
        producer = confluent_kafka.Producer({"bootstrap.servers": SERVERS,
                                             "transactional.id": f"stranger-{self.tag}",
                                             "transaction.timeout.ms": 600_000})
        producer.init_transactions(20)
        producer.begin_transaction()
        for partition in range(3):
            producer.produce(self.instance.topics["changelog"], value=b"never committed", key=b"?",
                             partition=partition)
        producer.flush(20)
        self.instance.produce("engagement", world.events(5, 40, 200))
        self.await_no_backlog(process)
        process.terminate()
        self.assertEqual(process.wait(30), 0)
        state = self.instance.nba("state", "hash", where=False).stdout
        self.forget_state()
        released = []

        def release():
            time.sleep(4)
            released.append(time.monotonic())
            producer.abort_transaction(20)

        thread = threading.Thread(target=release)
        thread.start()
        done = self.instance.drain(check=False)
        ended = time.monotonic()
        thread.join()
        self.assertEqual(done.returncode, 0, done.stderr[-1500:])
        self.assertGreater(ended, released[0], "restored before the transaction was decided")
        self.assertEqual(self.instance.nba("state", "hash", where=False).stdout, state)

    def test_a_member_that_was_too_slow_commits_nothing(self):
        """Its partitions are another's.  Without instance id and generation a broker would take
        its offsets: only the client can know."""
        slow = {"kafka.properties.max.poll.interval.ms": 6000,
                "kafka.properties.session.timeout.ms": 6000,
                "commit.events_max": 20}  # so that there is a third transaction
        first = self.start("first", {"NBA_KILL_AT": "before_send_offsets:3:13000"}, **slow)
        time.sleep(3)
        second = self.start("second", {}, **slow)
        self.await_no_backlog(second)
        for process in (first, second):
            process.terminate()
        self.assertEqual([first.wait(30), second.wait(30)], [0, 0])
        self.once()

    def start(self, name, environment, **options):
        args = [f"--set={k}={v}" for k, v in options.items()]
        line = [world.NBA, "run", *self.instance.common, *self.instance.where, "--no-http",
                "--instance", name, f"--set=state.dir={self.instance.dir}/{name}", *args]
        process = subprocess.Popen(line, env={**os.environ, **environment}, cwd=self.instance.dir,
                                   stderr=subprocess.DEVNULL)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        return process

    def await_no_backlog(self, process):
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and self.behind() > 0:
            self.assertIsNone(process.poll(), "the instance ended")
            time.sleep(0.3)
        self.assertEqual(self.behind(), 0)

    def behind(self):
        consumer = confluent_kafka.Consumer({"bootstrap.servers": SERVERS,
                                             "group.id": self.tag + "e2e"})
        places = [confluent_kafka.TopicPartition(self.instance.topics["engagement"], p) for p in range(3)]
        highs = [consumer.get_watermark_offsets(place, 10)[1] for place in places]
        committed = [max(0, place.offset) for place in consumer.committed(places, 20)]
        consumer.close()
        return sum(highs) - sum(committed)

    def once(self):
        seen = collections.Counter(r["headers"]["src"] for topic in ("decision", "deadletter")
                                   for r in self.instance.consume(topic))
        inputs = {f"{r['topic']}/{r['partition']}/{r['offset']}"
                  for r in self.instance.consume("engagement")}
        self.assertEqual(set(seen), inputs, "lost or invented")
        self.assertEqual({s: n for s, n in seen.items() if n != 1}, {}, "more than one record")

    def await_markers(self):
        """A commit is decided before its markers are written: until then readers stop before it."""
        ends = [confluent_kafka.Consumer({"bootstrap.servers": SERVERS, "group.id": self.tag + "x",
                                          "isolation.level": level})
                for level in ("read_committed", "read_uncommitted")]
        names = [*self.instance.topics.values(), *self.instance.routes.values()]
        known = ends[0].list_topics(timeout=20).topics
        places = [confluent_kafka.TopicPartition(name, p) for name in names
                  for p in known[name].partitions]
        deadline = time.monotonic() + 60
        while any(ends[0].get_watermark_offsets(place, 10) != ends[1].get_watermark_offsets(place, 10)
                  for place in places):
            self.assertLess(time.monotonic(), deadline, "a transaction stays open")
            time.sleep(0.1)
        for consumer in ends:
            consumer.close()

    def test_the_state_is_rebuilt_from_the_changelog_alone(self):
        self.instance.drain()
        self.await_markers()
        digests, state = self.instance.digests(), self.instance.nba("state", "hash",
                                                                    where=False).stdout
        self.assertEqual(self.instance.nba("reset", "--to", "changelog", "--yes",
                                           where=False).returncode, 0)
        self.instance.drain()
        self.assertEqual(self.instance.digests(), digests)
        self.assertEqual(self.instance.nba("state", "hash", where=False).stdout, state)


def main():
    if not SERVERS:
        print("skipped: NBA_TEST_KAFKA is not set")
        return 77
    if confluent_kafka is None:  # ctest's python may not be the one with the packages
        python = os.environ.get("NBA_PYTHON")
        # Not samefile: an environment's python is a link to the one it was made with.
        if not python or os.path.abspath(python) == os.path.abspath(sys.executable):
            print("skipped: no confluent_kafka")
            return 77
        return subprocess.call([python, *sys.argv])
    return 0 if unittest.main(exit=False).result.wasSuccessful() else 1


if __name__ == "__main__":
    sys.exit(main())
