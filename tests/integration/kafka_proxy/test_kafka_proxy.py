#!/usr/bin/env python3
"""Commits whose answer is lost, against a real broker behind tools/lib/tcp_proxy.py.

Runs only where broker tests run (NBA_TEST_KAFKA is set), with a broker of its own, since the proxy
needs a listener that advertises it.  Argument: the transactor program."""
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "tools" / "lib"))
from tcp_proxy import Proxy  # noqa: E402  (the path is set above)

SKIP = 77
INVALID_PRODUCER_EPOCH, PRODUCER_FENCED = 47, 90


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Transactor:
    """The C program: one line there, one line back."""

    def __init__(self, program, bootstrap):
        self.process = subprocess.Popen([program, bootstrap], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True)

    def say(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        return self.process.stdout.readline().strip()

    def expect(self, line, answer):
        said = self.say(line)
        assert said == answer or said.startswith(answer + " "), f"{line}: {said}, not {answer}"
        return said

    def close(self):
        self.process.stdin.close()
        return self.process.wait(30)


class Bench:
    """Broker, proxy, and for each case a producer through it and a reader beside it."""

    def __init__(self, program):
        self.program = program
        self.dir = tempfile.mkdtemp(prefix="nba-proxy-")
        self.listen = free_port()
        self.kafka = [str(ROOT / "tools" / "kafka")]
        self.options = ["--dir", self.dir]
        start = self.kafka + ["start", *self.options, "--proxied", str(self.listen), "--fast",
                              "--heap", "320m"]
        self.direct = subprocess.run(start, stdout=subprocess.PIPE, text=True,
                                     check=True).stdout.strip()
        self.proxy = Proxy(self.listen, int(self.direct.rsplit(":", 1)[1]) + 2)
        self.proxy.start()
        self.reader = Transactor(program, self.direct)

    def producer(self, name):
        producer = Transactor(self.program, f"127.0.0.1:{self.listen}")
        self.reader.expect(f"topic {name}", "ok")
        producer.expect(f"create {name}", "ok")
        producer.expect("init 20000", "ok")
        # One without trouble first: connections are up, as in a running engine.
        self.put(producer, name, "first")
        producer.expect("commit 20000", "ok")
        return producer

    @staticmethod
    def put(producer, topic, value):
        producer.expect("begin", "ok")
        producer.expect(f"produce {topic} {value}", "ok")

    def held_answer(self, name):
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            for event in list(self.proxy.events):
                if event["event"] == "held_answer" and event["id"] == name:
                    return event
            time.sleep(0.01)
        raise AssertionError("the held request was never answered")

    def values(self, topic):
        return self.reader.expect(f"values {topic}", "ok").split()[1:]

    def close(self):
        self.reader.close()
        self.proxy.stop()
        subprocess.run(self.kafka + ["wipe", *self.options], check=False)
        shutil.rmtree(self.dir, ignore_errors=True)


def rebuild(producer, name):
    producer.expect("destroy", "ok")
    producer.expect(f"create {name}", "ok")
    producer.expect("init 30000", "ok")


def test_a_commit_cut_off_before_its_effect_is_repeated(bench):
    producer = bench.producer("drop")
    bench.proxy.arm("drop", "drop")
    bench.put(producer, "drop", "second")
    producer.expect("commit 20000", "ok")
    assert bench.values("drop") == ["first", "second"]
    assert bench.proxy.status()["drop"] == 1
    producer.close()


def test_a_commit_cut_off_after_its_effect_counts_once(bench):
    producer = bench.producer("after")
    bench.proxy.arm("after", "after")
    bench.put(producer, "after", "second")
    producer.expect("commit 20000", "ok")
    bench.put(producer, "after", "third")
    producer.expect("commit 20000", "ok")
    assert bench.values("after") == ["first", "second", "third"]
    producer.close()


def test_a_delayed_commit_does_not_end_the_next_transaction(bench):
    """The request arrives when the next transaction of the id is open: without a new epoch it
    would commit that one half done."""
    producer = bench.producer("hold")
    bench.proxy.arm("hold", "hold")
    bench.put(producer, "hold", "second")
    producer.expect("commit 20000", "ok")  # repeated by the client on a new connection
    bench.put(producer, "hold", "half")
    answer = bench.held_answer("hold")  # delivered once the transaction has begun on the broker
    assert answer["error"] in (INVALID_PRODUCER_EPOCH, PRODUCER_FENCED), answer
    assert bench.values("hold") == ["first", "second"], "the open transaction is to be seen"
    producer.expect("abort 20000", "ok")
    assert bench.values("hold") == ["first", "second"]
    bench.put(producer, "hold", "third")
    producer.expect("commit 20000", "ok")
    assert bench.values("hold") == ["first", "second", "third"]
    producer.close()


def test_a_commit_whose_answer_never_comes_is_unknown_and_was_done(bench):
    producer = bench.producer("mute")
    bench.proxy.arm("mute", "mute")
    bench.put(producer, "mute", "second")
    producer.expect("commit 1500", "txn_unknown")
    producer.expect("begin", "txn_unknown")
    rebuild(producer, "mute")
    assert bench.values("mute") == ["first", "second"]
    bench.put(producer, "mute", "third")
    producer.expect("commit 20000", "ok")
    assert bench.values("mute") == ["first", "second", "third"]
    producer.close()


def test_a_commit_that_is_stuck_is_unknown_and_was_not_done(bench):
    producer = bench.producer("stall")
    bench.proxy.arm("stall", "stall")
    bench.put(producer, "stall", "second")
    producer.expect("commit 1500", "txn_unknown")
    rebuild(producer, "stall")  # aborts what was open
    bench.proxy.release_all()   # too late: the epoch has moved on
    assert bench.values("stall") == ["first"]
    bench.put(producer, "stall", "third")
    producer.expect("commit 20000", "ok")
    assert bench.values("stall") == ["first", "third"]
    producer.close()


def main(argv):
    if not os.environ.get("NBA_TEST_KAFKA"):
        print("skipped: NBA_TEST_KAFKA is not set")
        return SKIP
    bench = Bench(argv[1])
    failed = 0
    try:
        for name, test in sorted(globals().items()):
            if name.startswith("test_"):
                try:
                    test(bench)
                    print(f"ok      {name}")
                except AssertionError as error:
                    print(f"FAILED  {name}: {error}")
                    failed += 1
    finally:
        bench.close()
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
