#!/usr/bin/env python3
"""nba side by side with Kafka Streams: throughput, CPU and latency, exactly once, one broker.

    tools/bench stream [--quick] [--pairs N] [--events N] [--seconds S]
                       [--no-throughput] [--no-latency] [--no-others]

Both read twin topics with the same keys, times and contents (Avro for nba, 120 bytes for Streams),
12 partitions, 50,000 keys, Zipf 0.8, two threads each.  Systems take turns; figures are medians.

WHAT IS ON.  Both: state of each key in RocksDB, LSTM 64 -> 128 -> 64 step, 1,000 scores, the five
best, changelog, one transaction for all of it, random weights of the same sizes.
nba besides, since it can't be switched off: Avro decoding, duplicate check, the policy's funnel over
the 1,000 candidates (tests/bench/stream_policy.yaml: it lets all pass, shadow mode, record of the
five best and counts).  Off: NCF, popularity's part, proposed actions, slate, a reason for each
candidate (audit), HTTP.  So both send one message and one changelog record an event.

  others    nba with everything on (NCF, fusion, config/policy-basic.yaml, a reason for every
            candidate, actions, slate) beside Streams doing only its LSTM; nba without a release
            (popularity of 1,000 contents) beside Streams without a model
  events/s  of the second half of the topic (past start-up and the JIT's warm-up), by the
            committed answers seen by a reader
  CPU       of the process from its start to its last answer, an event
  latency   from just before an event is produced until its committed answer is read, at
            1,000 events/s, the first seconds left out; nba's also for who reads uncommitted.  Two
            runs of each come before and aren't counted: a broker is slow until its JIT has seen
            enough small transactions
"""
import argparse
import contextlib
import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tools" / "lib"), str(ROOT / "tools" / "bench-peer")]
import bench  # noqa: E402
import peer as peers  # noqa: E402

BUILD = Path(os.environ.get("NBA_BUILD", ROOT / "build" / "release"))
CONTENTS = 1000
# Commit intervals: nba's own default, and one of the peer's; the peer's two.
COMMIT_MS = 10
OUR_COMMITS_MS = (COMMIT_MS, 20)
THEIR_COMMITS_MS = (20, 100)
RATE = 1000
BENCH_POLICY = ROOT / "tests" / "bench" / "stream_policy.yaml"
# What nba does: how peer_release makes its release (None: it has none), and its policy.
WORKS = {"lstm": ([], BENCH_POLICY), "popularity": (None, BENCH_POLICY),
         "all": (["c%04u", "all"], ROOT / "config" / "policy-basic.yaml")}


def program(name):
    found = [p for p in [BUILD / name, BUILD / "tests" / "bench" / name] if p.is_file()]
    if not found:
        sys.exit(f"bench: {name} is not built: cmake --preset release && ninja -C {BUILD} {name}")
    return str(found[0])


class Nba:
    """Instances of nba, each with topics, state and group of its own, on the peer's broker."""

    def __init__(self, peer):
        self.peer = peer
        self.program = program("nba")
        self.dir = Path(peer.dir) / "nba"
        self.dir.mkdir()
        for work, (words, _) in WORKS.items():
            if words is not None:
                subprocess.run([program("peer_release"), str(self.dir / "releases" / work),
                                str(CONTENTS), *words], check=True, stdout=subprocess.DEVNULL)
        self.inputs, self.runs, self.process = {}, 0, None
        (self.dir / "catalog.jsonl").write_text("".join(
            json.dumps({"kind": "content", "content": {
                "content_id": f"c{i:04d}", "brand": "b1", "topic_ids": [f"topic-{i % 50}"],
                "class": "promotional", "title": f"Content {i}",
                "treatments": [{"channel": "web", "action_type": "portal_content",
                                "approval_state": "approved", "approval_number": "A"}]}}) + "\n"
            for i in range(CONTENTS)), encoding="utf-8")

    def input_of(self, events):
        if events not in self.inputs:
            name = self.peer.topic(f"nba.in.{events}.{os.getpid()}")
            self.peer.load("gen", "-t", name, "-n", events, "-k", self.peer.keys, "-a")
            self.inputs[events] = name
        return self.inputs[events]

    def new_run(self, topic_in, commit_ms, work="lstm"):
        """Fresh topics, group and folder; the catalogue is there before the engine starts."""
        self.runs += 1
        self.prefix = f"nba.{os.getpid()}.{self.runs}"
        run = self.dir / f"run{self.runs}"
        settings = {
            "application_id": self.prefix, "instance": "1", "workers": self.peer.threads,
            "log.kind": "kafka", "kafka.bootstrap_servers": self.peer.broker.bootstrap,
            "topics.engagement": topic_in, "topics.partitions": self.peer.partitions,
            "commit.interval_ms": commit_ms, "state.dir": run / "state",
            "release.dir": self.dir / "releases" / work, "policy.file": WORKS[work][1],
            "schemas.dir": ROOT / "schemas", "slate.publish": str(work == "all").lower()}
        for name in ("catalog", "control", "action", "slate", "decision", "deadletter",
                     "changelog", "journal", "mailbox", "rep_capacity"):
            settings[f"topics.{name}"] = f"{self.prefix}.{name}"
        self.common = ["--config", str(ROOT / "config" / "nba.yaml")]
        for name, value in settings.items():
            self.common += ["--set", f"{name}={value}"]
        self.call("topics", "create")
        self.call("produce", "--topic", "catalog", str(self.dir / "catalog.jsonl"))
        self.log = self.dir / f"run{self.runs}.log"
        return f"{self.prefix}.decision"

    def call(self, *command):
        done = subprocess.run([self.program, command[0], *self.common, *command[1:]],
                              capture_output=True, text=True, check=False)
        if done.returncode != 0:
            sys.exit(f"bench: nba {command[0]}: {done.stderr[-2000:]}")

    def start(self):
        with open(self.log, "w", encoding="utf-8") as log:
            self.process = subprocess.Popen([self.program, "run", *self.common, "--no-http"],
                                            stdout=log, stderr=subprocess.STDOUT)

    def await_assigned(self, seconds=60):
        until = time.monotonic() + seconds
        while time.monotonic() < until and self.process.poll() is None:
            if self.log.read_text(encoding="utf-8").count(" assigned ") >= self.peer.threads:
                return
            time.sleep(0.05)
        sys.exit("bench: nba run did not start:\n" + self.log.read_text("utf-8")[-2000:])

    def stop(self):
        if self.process is not None:
            self.process.terminate()
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
            self.process = None

    def throughput(self, commit_ms, events, work="lstm"):
        topic_out = self.new_run(self.input_of(events), commit_ms, work)
        broker_before = peers.cpu_s(self.peer.broker.pid())
        self.start()
        self.await_assigned()
        said = self.peer.load("meas", "-t", topic_out, "-n", events, "-q", 20)
        app = peers.cpu_s(self.process.pid)
        broker = peers.cpu_s(self.peer.broker.pid()) - broker_before
        self.stop()
        n = max(said["n"], 1)
        return {"what": "nba_tput", "work": work, "commit_ms": commit_ms, "events": said["n"],
                "wanted": events, "events_per_s": said["per_s"],
                "steady_per_s": said["half_per_s"], "app_cpu_us": round(app * 1e6 / n, 1),
                "broker_cpu_us": round(broker * 1e6 / n, 1)}

    def latency(self, commit_ms, rate, seconds, warm, uncommitted=False):
        topic_in = self.peer.topic(f"nba.lat.{self.runs}.{os.getpid()}")
        topic_out = self.new_run(topic_in, commit_ms)
        self.start()
        self.await_assigned()
        time.sleep(2)
        before, broker_before = peers.cpu_s(self.process.pid), peers.cpu_s(self.peer.broker.pid())
        n = rate * seconds
        said = self.peer.load("lat", "-t", topic_in, "-o", topic_out, "-n", n, "-r", rate, "-k",
                              self.peer.keys, "-w", warm, "-q", 10, "-a", "-s",
                              *(["-u"] if uncommitted else []))
        app = peers.cpu_s(self.process.pid) - before
        broker = peers.cpu_s(self.peer.broker.pid()) - broker_before
        self.stop()
        return {"what": "nba_lat", "uncommitted": uncommitted, "commit_ms": commit_ms, "rate": rate,
                "events": said["n"], "wanted": n, "p50_ms": said["p50_ms"],
                "p99_ms": said["p99_ms"], "app_cpu_us": round(app * 1e6 / n, 1),
                "broker_cpu_us": round(broker * 1e6 / n, 1)}


@contextlib.contextmanager
def side_by_side(system):
    """A broker, the peer and nba (a `system`, Nba or a kind of it) on it; all stopped at the end."""
    broker = peers.Broker()
    peer = nba = None
    try:
        peer = peers.Peer(broker, program("peer_load"))
        nba = system(peer)
        yield peer, nba
    finally:
        if nba is not None:
            nba.stop()
        if peer is not None:
            peer.close()
        broker.close()


def median(figures, name):
    return statistics.median(f[name] for f in figures)


def note(figures, figure):
    """One line a run, as it ends: a long bench shows that it lives."""
    print(json.dumps(figure), flush=True)
    figures.append(figure)
    if figure["events"] != figure["wanted"]:
        sys.exit(f"bench: {figure['events']} answers for {figure['wanted']} events")


def measure(system, what, commit_ms, arguments):
    if what == "throughput":
        return system.throughput(commit_ms, arguments.events)
    return system.latency(commit_ms, RATE, arguments.seconds, arguments.warm)


def say_throughput(ours, theirs):
    for name, figures in (("nba", ours), ("streams", theirs)):
        for commit in figures:
            say = f"{name}_{commit}ms"
            bench.bar(f"{say}.events_per_s", median(figures[commit], "steady_per_s"), None,
                      "events/s")
            for part in ("app", "broker"):
                bench.bar(f"{say}.{part}_cpu_us", median(figures[commit], f"{part}_cpu_us"), None,
                          "us/event", "lower")

    def better(figures):
        return max(figures.values(), key=lambda f: median(f, "steady_per_s"))
    us, them = better(ours), better(theirs)
    bench.bar("throughput_ratio", median(us, "steady_per_s") / median(them, "steady_per_s"), 2.5,
              "x")
    paired = [o["steady_per_s"] / t["steady_per_s"] for o, t in zip(us, them)]
    bench.bar("throughput_ratio_worst_pair", min(paired), None, "x")
    bench.bar("throughput_ratio_median_pair", statistics.median(paired), None, "x")
    bench.bar("throughput_ratio_20ms", median(ours[20], "steady_per_s") /
              median(theirs[20], "steady_per_s"), None, "x")
    bench.bar("throughput_ratio_goal", median(us, "steady_per_s") / median(them, "steady_per_s"), 4,
              "x", must=False)
    bench.bar("app_cpu_ratio", median(us, "app_cpu_us") / median(them, "app_cpu_us"), 0.2, "x",
              "lower", must=False)


def say_latency(ours, theirs):
    for name, figures in (("nba", ours), ("streams", theirs)):
        for commit in figures:
            for part, unit in (("p50_ms", "ms"), ("p99_ms", "ms"), ("app_cpu_us", "us/event"),
                               ("broker_cpu_us", "us/event")):
                bench.bar(f"{name}_{commit}ms.{RATE}_per_s.{part}", median(figures[commit], part),
                          None, unit, "lower")
    best = min(median(figures, "p99_ms") for figures in theirs.values())
    ratio = median(ours[COMMIT_MS], "p99_ms") / best
    bench.bar("p99_ratio", ratio, 0.75, "x", "lower")
    bench.bar("p99_ratio_20ms", median(ours[20], "p99_ms") / best, None, "x", "lower")
    bench.bar("p99_ratio_stretch", ratio, 0.6, "x", "lower", must=False)
    bench.bar("nba.read_committed.p99_ms", median(ours[COMMIT_MS], "p99_ms"), 45, "ms", "lower",
              must=False)


def others(nba, peer, pairs, events):
    """What else they do, side by side at a commit of 100 ms."""
    figures = {name: [] for name in ("all", "popularity", "streams", "streams_no_model")}
    for _ in range(pairs):
        note(figures["all"], nba.throughput(100, events, "all"))
        note(figures["streams"], peer.throughput(100, events))
        note(figures["popularity"], nba.throughput(100, events, "popularity"))
        note(figures["streams_no_model"], peer.throughput(100, events, model=False))
    for name, runs in figures.items():
        bench.bar(f"others.{name}.events_per_s", median(runs, "steady_per_s"), None, "events/s")
        bench.bar(f"others.{name}.app_cpu_us", median(runs, "app_cpu_us"), None, "us/event",
                  "lower")
    for name, ours, theirs, bar in (("everything_on_ratio", "all", "streams", 2),
                                    ("no_model_ratio", "popularity", "streams_no_model", 1.5)):
        bench.bar(name, median(figures[ours], "steady_per_s") /
                  median(figures[theirs], "steady_per_s"), bar, "x", must=False)


def uncommitted(nba, pairs, seconds, warm):
    figures = []
    for _ in range(pairs):
        note(figures, nba.latency(COMMIT_MS, RATE, seconds, warm, uncommitted=True))
    for part, bar in (("p50_ms", 2), ("p99_ms", 8)):
        bench.bar(f"nba.read_uncommitted.{part}", median(figures, part), bar, "ms", "lower",
                  must=False)


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="one pair, short runs")
    parser.add_argument("--pairs", type=int, default=3, metavar="N")
    parser.add_argument("--events", type=int, default=100000, metavar="N")
    parser.add_argument("--seconds", type=int, default=20, metavar="S")
    parser.add_argument("--warm", type=int, default=6, metavar="S")
    parser.add_argument("--no-latency", action="store_true")
    parser.add_argument("--no-throughput", action="store_true")
    parser.add_argument("--no-others", action="store_true")
    parser.add_argument("--only-nba", action="store_true", help="no peer, and so no ratio")
    arguments = parser.parse_args()
    if arguments.quick:
        arguments.pairs, arguments.events, arguments.seconds = 1, 100000, 15
        arguments.warm = 5
    with side_by_side(Nba) as (peer, nba):
        for what in ("throughput", "latency"):
            if getattr(arguments, f"no_{what}"):
                continue
            ours = {commit: [] for commit in OUR_COMMITS_MS}
            theirs = {commit: [] for commit in THEIR_COMMITS_MS if not arguments.only_nba}

            for _ in range(2 if what == "latency" else 0):
                note([], measure(nba, what, COMMIT_MS, arguments))
                if theirs:
                    note([], measure(peer, what, 20, arguments))
            for _ in range(arguments.pairs):
                for mine, other in zip(OUR_COMMITS_MS, THEIR_COMMITS_MS):
                    note(ours[mine], measure(nba, what, mine, arguments))
                    if theirs:
                        note(theirs[other], measure(peer, what, other, arguments))
            if theirs:
                (say_throughput if what == "throughput" else say_latency)(ours, theirs)
        if not arguments.no_latency:
            uncommitted(nba, arguments.pairs, arguments.seconds, arguments.warm)
        if not (arguments.no_others or arguments.only_nba):
            others(nba, peer, arguments.pairs, arguments.events)


if __name__ == "__main__":
    main()
