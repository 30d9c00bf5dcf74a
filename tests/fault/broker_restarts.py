#!/usr/bin/env python3
"""Three brokers restarted under load, cleanly and by SIGKILL: nothing is lost, nothing said twice.

Two instances of nba work on a feed that doesn't pause.  Each broker is stopped and started, then each
is killed and started, then all are killed and away for a while.  No instance may end, and each
partition goes on.
Afterwards the feed ends, the rest is worked off, and the books are checked: each input offset has one
decision or dead letter, what was said and the state are those of a replay.

A cluster of its own on free ports (tools/kafka).  --help: rounds for a soak, phases alone.
"""
import argparse
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "e2e"))
import world  # noqa: E402
from test_local import accounted  # noqa: E402

KAFKA = os.path.join(world.ROOT, "tools", "kafka")
NODES = 3
LOT = 50
BACK_S = 150  # of the machine's mercy: a restart's own limit is far below
OUTAGE_S = 30  # longer than a session and than a transaction may be


def say(text):
    print(f"{time.strftime('%H:%M:%S')} {text}", flush=True)


class Cluster:
    def __init__(self, folder):
        self.folder = folder
        self.servers = self.do("start", "--port", "auto", "--nodes", NODES, "--fast", "--heap",
                               "256m", "--partitions", "3", "--set",
                               "broker.session.timeout.ms=3000").stdout.strip()

    def do(self, command, *args):
        done = subprocess.run([KAFKA, command, "--dir", self.folder, *map(str, args)],
                              capture_output=True, text=True, timeout=300, check=False)
        if done.returncode != 0:
            raise AssertionError(f"tools/kafka {command}: {done.stderr[-2000:]}")
        return done


class Feed(threading.Thread):
    """Lots of events; one that a broker's end cuts short has sent a part: what is in counts."""

    def __init__(self, instance):
        super().__init__(daemon=True)
        self.instance, self.ending, self.lots = instance, threading.Event(), 0

    def run(self):
        while not self.ending.wait(0.3):
            text = [*world.events(self.lots, 40, LOT)][40:]
            for i, event in enumerate(text):
                event["event_id"] = f"lot{self.lots}-{i}"
            try:
                self.instance.produce("engagement", text)
            except (AssertionError, subprocess.TimeoutExpired):
                continue
            self.lots += 1


class BrokerRestarts(unittest.TestCase):
    rounds, nodes, phases = 1, NODES, ("stop", "kill", "outage")

    def setUp(self):
        self.folder = tempfile.TemporaryDirectory(prefix="nba-brokers-")
        self.addCleanup(self.folder.cleanup)
        self.addCleanup(subprocess.run, [KAFKA, "wipe", "--dir", self.folder.name],
                        stderr=subprocess.DEVNULL, check=False)
        self.cluster = Cluster(self.folder.name)
        self.instance = world.Instance(kafka=self.cluster.servers)
        self.addCleanup(self.instance.close)
        self.instance.common += [f"--set=topics.replication={NODES}"]
        self.instance.nba("topics", "create")
        self.instance.produce("catalog", list(world.contents(40)) + list(world.reps(5)))
        self.instance.produce("engagement", world.events(0, 40, 100))
        self.lives = [self.start_life(name) for name in "ab"]
        self.feed = Feed(self.instance)
        self.addCleanup(self.feed.ending.set)
        self.feed.start()

    def start_life(self, name):
        log = open(os.path.join(self.instance.dir, f"{name}.log"), "w", encoding="utf-8")
        self.addCleanup(log.close)
        life = subprocess.Popen(
            [world.NBA, "run", *self.instance.common, *self.instance.where, "--no-http",
             "--instance", name, f"--set=state.dir={self.instance.dir}/{name}"],
            cwd=self.instance.dir, stderr=log, stdout=subprocess.DEVNULL)
        self.addCleanup(life.wait)
        self.addCleanup(life.kill)
        return life

    def everyone_lives(self):
        for name, life in zip("ab", self.lives):
            if life.poll() is not None:
                with open(os.path.join(self.instance.dir, f"{name}.log"), encoding="utf-8") as log:
                    self.fail(f"instance {name} ended with {life.returncode}\n{log.read()[-3000:]}")

    def committed(self):
        """(next offset of the group, of the log) of each partition; None while no broker answers."""
        import confluent_kafka
        consumer = confluent_kafka.Consumer({"bootstrap.servers": self.cluster.servers,
                                             "group.id": "e2e", "log_level": 0,
                                             "isolation.level": "read_uncommitted"})
        places = [confluent_kafka.TopicPartition(self.instance.topics["engagement"], p)
                  for p in range(3)]
        try:
            highs = [consumer.get_watermark_offsets(place, 10)[1] for place in places]
            return [(max(0, p.offset), high)
                    for p, high in zip(consumer.committed(places, 10), highs)]
        except confluent_kafka.KafkaException:
            return None
        finally:
            consumer.close()

    def await_progress(self, what):
        """Events of each partition are committed again."""
        began = time.monotonic()
        before = now = None
        while time.monotonic() - began < BACK_S:
            self.everyone_lives()
            now = self.committed() or now
            if before and all(n[0] > b[0] for n, b in zip(now, before)):
                say(f"  {what}: each partition went on within {time.monotonic() - began:.1f} s, "
                    f"(committed, fed) {now}")
                return
            before = before or now
            time.sleep(0.5)
        self.fail(f"a partition stood still for {BACK_S} s after: {what}: {before} {now}")

    def test_nothing_is_lost_and_nothing_is_said_twice(self):
        self.await_progress("start")
        for _ in range(self.rounds):
            for command in self.phases:
                if command == "outage":
                    self.cluster.do("kill")
                    time.sleep(OUTAGE_S)
                    self.cluster.do("start")
                    self.await_progress(f"outage of {OUTAGE_S} s of all brokers")
                    continue
                for node in range(1, self.nodes + 1):
                    self.cluster.do(command, "--node", node)
                    time.sleep(4)  # longer than a broker's session: another one leads
                    self.await_progress(f"{command} of broker {node}")
                    self.cluster.do("start", "--node", node)
                    self.await_progress(f"start of broker {node}")
        self.feed.ending.set()
        self.feed.join(300)
        deadline = time.monotonic() + BACK_S
        while (now := self.committed()) is None or any(done < fed for done, fed in now):
            self.everyone_lives()
            self.assertLess(time.monotonic(), deadline, f"not worked off: {now}")
            time.sleep(0.5)
        for life in self.lives:
            life.send_signal(signal.SIGTERM)
        self.assertEqual([life.wait(60) for life in self.lives], [0, 0])
        self.check_books(sum(fed for _, fed in now))

    def check_books(self, events):
        accounted(self, self.instance)
        self.instance.drain()  # a third one, from the changelog alone
        state = self.instance.nba("state", "hash", where=False).stdout
        self.assertEqual(self.instance.replay("--state-hash"),
                         f"state {state.split()[-1]}\n" + self.instance.digests())
        say(f"{events} input offsets ({self.feed.lots} lots): none lost, none twice, replay equal")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--nodes", type=int, default=NODES, help="how many are restarted")
    parser.add_argument("--phases", nargs="+", default=BrokerRestarts.phases,
                        choices=BrokerRestarts.phases)
    options = parser.parse_args()
    BrokerRestarts.rounds, BrokerRestarts.nodes = options.rounds, options.nodes
    BrokerRestarts.phases = options.phases
    return 0 if unittest.main(argv=sys.argv[:1], exit=False).result.wasSuccessful() else 1


if __name__ == "__main__":
    sys.exit(main())
