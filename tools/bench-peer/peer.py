#!/usr/bin/env python3
"""Kafka Streams at the work that nba does, on this machine: figures as JSON lines.

    tools/bench-peer/peer.py tput [--commit MS] [--events N] [--no-model]
    tools/bench-peer/peer.py lat  [--commit MS] [--rate R] [--seconds S] [--warm S]
    tools/bench-peer/peer.py all          tput and lat at commit 100 and 20 ms
    tools/bench-peer/peer.py ceiling      librdkafka alone: consume, produce, commit
    tools/bench-peer/peer.py compute      the Java model alone, one thread
    tools/bench-peer/peer.py setup        only fetch and compile

Without --bootstrap a broker of its own is started in a temporary folder and removed at the end.
Jars lie in ${NBA_CACHE:-$HOME/.cache/nba}; peer_load is taken from the release build, or from
--load.  tests/bench/stream.py imports Peer and puts nba beside it.

  tput: events that are there already, from the first answer seen to the last; steady_per_s is the
        second half alone.  app_cpu_us and broker_cpu_us are CPU time an event, which other load on
        the machine moves least.
  lat:  from just before an event is produced until its committed answer is read; the first --warm
        seconds are left out.
"""
import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).resolve().parent
CACHE = Path(os.environ.get("NBA_CACHE", Path.home() / ".cache" / "nba"))
TICKS = os.sysconf("SC_CLK_TCK")


def cpu_s(pid):
    """CPU seconds that a process has used; 0 when it is gone."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / TICKS
    except OSError:
        return 0.0


def find_load():
    found = [p for p in (ROOT / "build" / "release").glob("**/peer_load") if p.is_file()]
    if not found:
        sys.exit("peer_load is not built: cmake --preset release && ninja -C build/release "
                 "peer_load")
    return found[0]


class Broker:
    """A broker of its own, or a given one (whose CPU time is then unknown)."""

    def __init__(self, bootstrap=None, heap="1g"):
        self.dir = None
        self.bootstrap = bootstrap
        if bootstrap is None:
            self.dir = tempfile.mkdtemp(prefix="nba-peer-broker-")
            self.bootstrap = subprocess.run(
                [str(ROOT / "tools" / "kafka"), "start", "--dir", self.dir, "--heap", heap],
                stdout=subprocess.PIPE, text=True, check=True).stdout.strip()

    def pid(self):
        try:
            return int((Path(self.dir) / "node1" / "pid").read_text()) if self.dir else None
        except OSError:
            return None

    def close(self):
        if self.dir is not None:
            subprocess.run([str(ROOT / "tools" / "kafka"), "wipe", "--dir", self.dir], check=False)
            shutil.rmtree(self.dir, ignore_errors=True)


class Peer:
    def __init__(self, broker, load=None, threads=2, partitions=12, keys=50000, heap="1g"):
        self.broker = broker
        self.load_program = str(load or find_load())
        self.threads, self.partitions, self.keys, self.heap = threads, partitions, keys, heap
        self.dir = tempfile.mkdtemp(prefix="nba-peer-")
        self.inputs = {}
        self.classpath = build()
        self.process = None
        self.runs = 0

    def close(self):
        self.stop_streams()
        shutil.rmtree(self.dir, ignore_errors=True)

    def load(self, *arguments, background=False):
        command = [self.load_program, arguments[0], "-b", self.broker.bootstrap,
                   *map(str, arguments[1:])]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        return process if background else self.answer(process)

    @staticmethod
    def answer(process):
        text = process.communicate()[0].strip()
        if not text:
            raise RuntimeError(f"{process.args} said nothing")
        return json.loads(text)

    def topic(self, name):
        self.load("topic", "-t", name, "-p", self.partitions)
        return name

    def input_of(self, events):
        """A topic of that many events, made once."""
        if events not in self.inputs:
            name = self.topic(f"peer.in.{events}.{os.getpid()}")
            self.load("gen", "-t", name, "-n", events, "-k", self.keys)
            self.inputs[events] = name
        return self.inputs[events]

    def start_streams(self, topic_in, topic_out, commit_ms, model=True,
                      guarantee="exactly_once_v2"):
        state = Path(self.dir) / "state"
        shutil.rmtree(state, ignore_errors=True)
        settings = {"bootstrap": self.broker.bootstrap, "in": topic_in, "out": topic_out,
                    "app": topic_out, "guarantee": guarantee, "compute": str(model).lower(),
                    "commit": commit_ms, "threads": self.threads, "dir": state}
        self.log = Path(self.dir) / "streams.log"
        with open(self.log, "w", encoding="utf-8") as log:
            self.process = subprocess.Popen(
                ["java", f"-Xms{self.heap}", f"-Xmx{self.heap}", "-XX:+UseG1GC",
                 "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
                 *(f"-D{name}={value}" for name, value in settings.items()),
                 "-cp", self.classpath, "NbaStreams"],
                stdout=log, stderr=subprocess.STDOUT)

    def await_running(self, seconds=60):
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            if "state RUNNING" in self.log.read_text(encoding="utf-8"):
                return
            if self.process.poll() is not None:
                break
            time.sleep(0.05)
        sys.exit("Kafka Streams did not start:\n" + self.log.read_text(encoding="utf-8")[-2000:])

    def stop_streams(self):
        if self.process is not None:
            self.process.terminate()
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
            self.process = None

    def output(self):
        self.runs += 1
        return self.topic(f"peer.out.{os.getpid()}.{self.runs}")

    def throughput(self, commit_ms, events, model=True, guarantee="exactly_once_v2"):
        topic_in, topic_out = self.input_of(events), self.output()
        broker_before = cpu_s(self.broker.pid())
        self.start_streams(topic_in, topic_out, commit_ms, model, guarantee)
        said = self.load("meas", "-t", topic_out, "-n", events, "-q", 60)
        app, broker = cpu_s(self.process.pid), cpu_s(self.broker.pid()) - broker_before
        self.stop_streams()
        n = max(said["n"], 1)
        return {"what": "streams_tput", "guarantee": guarantee, "commit_ms": commit_ms,
                "model": model, "events": said["n"], "wanted": events,
                "events_per_s": said["per_s"], "steady_per_s": said["half_per_s"],
                "last_quarter_per_s": said["quarter_per_s"],
                "app_cpu_us": round(app * 1e6 / n, 1),
                "broker_cpu_us": round(broker * 1e6 / n, 1) if self.broker.dir else None}

    def latency(self, commit_ms, rate, seconds, warm, guarantee="exactly_once_v2"):
        topic_in, topic_out = self.topic(f"peer.lat.{os.getpid()}.{self.runs}"), self.output()
        self.start_streams(topic_in, topic_out, commit_ms, True, guarantee)
        self.await_running()
        time.sleep(2)
        before, broker_before = cpu_s(self.process.pid), cpu_s(self.broker.pid())
        n = rate * seconds
        said = self.load("lat", "-t", topic_in, "-o", topic_out, "-n", n, "-r", rate, "-k",
                         self.keys, "-w", warm, "-q", 10)
        app = cpu_s(self.process.pid) - before
        broker = cpu_s(self.broker.pid()) - broker_before
        self.stop_streams()
        return {"what": "streams_lat", "guarantee": guarantee, "commit_ms": commit_ms,
                "rate": rate, "events": said["n"], "wanted": n, "measured": said["measured"],
                "p50_ms": said["p50_ms"], "p90_ms": said["p90_ms"], "p99_ms": said["p99_ms"],
                "p999_ms": said["p999_ms"], "app_cpu_us": round(app * 1e6 / n, 1),
                "broker_cpu_us": round(broker * 1e6 / n, 1) if self.broker.dir else None}

    def ceiling(self, events, commit_ms):
        said = self.load("loop", "-t", self.input_of(events), "-o", self.output(), "-n", events,
                         "-i", commit_ms)
        return {"what": "librdkafka_loop", "commit_ms": commit_ms, "events_per_s": said["per_s"],
                "cpu_us": said["cpu_us"]}


def build():
    """Jars and classes, each made once; the class path."""
    pom = HERE / "streams" / "pom.xml"
    jars = CACHE / "kafka-streams-4.3.1"
    if not jars.is_dir():
        CACHE.mkdir(parents=True, exist_ok=True)
        part = tempfile.mkdtemp(prefix=jars.name + ".", dir=CACHE)
        subprocess.run(["mvn", "-q", "-B", "-f", str(pom), "dependency:copy-dependencies",
                        f"-DoutputDirectory={part}"], check=True, stdout=sys.stderr)
        os.rename(part, jars)
    classes = ROOT / "build" / "bench-peer" / "classes"
    sources = sorted((HERE / "streams").glob("*.java"))
    newest = max(s.stat().st_mtime for s in sources)
    made = classes / "NbaStreams.class"
    if not made.exists() or made.stat().st_mtime < newest:
        classes.mkdir(parents=True, exist_ok=True)
        subprocess.run(["javac", "-d", str(classes), "-cp", f"{jars}/*", *map(str, sources)],
                       check=True)
    return f"{classes}:{jars}/*"


def say(figure):
    print(json.dumps(figure), flush=True)


def run(arguments):
    if arguments.command == "setup":
        build()
        return
    if arguments.command == "compute":
        subprocess.run(["java", "-cp", build(), "Model"], check=True)
        return
    broker = Broker(arguments.bootstrap)
    peer = Peer(broker, arguments.load, arguments.threads, arguments.partitions, arguments.keys)
    try:
        commits = [100, 20] if arguments.command == "all" else [arguments.commit]
        if arguments.command == "ceiling":
            say(peer.ceiling(arguments.events, arguments.commit))
        for commit in commits:
            if arguments.command in ("tput", "all"):
                say(peer.throughput(commit, arguments.events, not arguments.no_model,
                                    arguments.guarantee))
        for commit in commits:
            if arguments.command in ("lat", "all"):
                say(peer.latency(commit, arguments.rate, arguments.seconds, arguments.warm,
                                 arguments.guarantee))
    finally:
        peer.close()
        broker.close()


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("command", choices=["tput", "lat", "all", "ceiling", "compute", "setup"])
    parser.add_argument("--bootstrap", metavar="HOST:PORT")
    parser.add_argument("--commit", type=int, default=100, metavar="MS")
    parser.add_argument("--events", type=int, default=300000, metavar="N")
    parser.add_argument("--rate", type=int, default=1000, metavar="R")
    parser.add_argument("--seconds", type=int, default=60, metavar="S")
    parser.add_argument("--warm", type=int, default=20, metavar="S")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--partitions", type=int, default=12)
    parser.add_argument("--keys", type=int, default=50000)
    parser.add_argument("--guarantee", default="exactly_once_v2",
                        choices=["exactly_once_v2", "at_least_once"])
    parser.add_argument("--no-model", action="store_true")
    parser.add_argument("--load", metavar="PROGRAM", help="peer_load of another build")
    run(parser.parse_args())


if __name__ == "__main__":
    main()
