#!/usr/bin/env python3
"""How fast a log goes through the engine without a broker (nba replay).

    tools/bench replay [--rounds N] [--events N] [--keep FOLDER]

lstm  the peer's work of tools/bench stream: 20,000 HCPs by Zipf 0.8, 1,000 contents, LSTM step and
      scores, the five best, a shadow decision for every event (tests/bench/stream_policy.yaml)
full  everything on: 5,000 HCPs whose profiles come first, 500 contents in four channels, LSTM, NCF
      over 32, fusion with popularity, the policy of config/policy-basic.yaml with a reason for every
      candidate, actions with timers
members  the same with EASE, item-kNN and rules in the fusion

Random weights of the usual sizes (tools/bench-peer/release.c).  Medians of rounds that take turns.
"""
import argparse
import json
import os
import random
import re
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools" / "lib"))
import bench  # noqa: E402

BUILD = Path(os.environ.get("NBA_BUILD", ROOT / "build" / "release"))
START = int(time.time() + 86_400) * 1000  # behind the catalogue, whose records bear today's time
SKEW = 0.8
CHANNELS = {"web": "portal_content", "email": "email", "rep": "rep_call", "event": "event_invite"}
KINDS = {
    "lstm": {"hcps": 20_000, "contents": 1000, "channels": ["web"], "release": [],
             "slate.publish": "false",
             "policy": ROOT / "tests" / "bench" / "stream_policy.yaml", "market": "DE",
             "types": ["portal_content_viewed"], "bar": 100_000},
    "full": {"hcps": 5_000, "contents": 500, "channels": list(CHANNELS),
             "release": ["c%04u", "all"],
             "policy": ROOT / "config" / "policy-basic.yaml", "market": "US",
             "types": ["portal_content_viewed", "email_opened", "email_clicked",
                       "webinar_attended", "rep_call_completed"], "bar": 40_000},
}
KINDS["members"] = {**KINDS["full"], "release": ["c%04u", "members"], "bar": None}


def catalog(kind):
    for i in range(kind["contents"]):
        yield {"kind": "content", "content": {
            "content_id": f"c{i:04d}", "brand": ("CARDIOX", "PULMOVA", "NEUROLA")[i % 3],
            "topic_ids": [f"topic-{i % 50}"], "class": "promotional", "title": f"Content {i}",
            "treatments": [{"channel": c, "action_type": CHANNELS[c], "approval_number": "A",
                            "approval_state": "approved"} for c in kind["channels"]]}}


def engagement(kind, count):
    chance = random.Random(7)
    hcps = range(kind["hcps"])
    for hcp in hcps if len(kind["channels"]) > 1 else []:
        yield {"event_id": f"p{hcp}", "source": "bench", "event_type": "profile_updated",
               "event_time": START, "hcp_id": f"hcp-{hcp:05d}", "profile": {
                   "market": kind["market"], "tz": "America/New_York", "language": "en",
                   "rep_id": f"rep-{hcp % 50}",
                   "specialties": [("cardiology", "pulmonology")[hcp % 2]],
                   "addresses": {channel: "ok" for channel in kind["channels"]}}}
    weights = [1 / (rank + 1) ** SKEW for rank in hcps]
    for i, hcp in enumerate(chance.choices(hcps, weights, k=count)):
        yield {"event_id": f"e{i}", "source": "bench", "event_type": chance.choice(kind["types"]),
               "event_time": START + i * 1000, "hcp_id": f"hcp-{hcp:05d}", "market": kind["market"],
               "content_id": f"c{chance.randrange(kind['contents']):04d}"}


class Log:
    """A log file with its catalogue, a release and the settings to replay it with."""

    def __init__(self, folder, name, events):
        kind, self.dir = KINDS[name], Path(folder) / name
        self.events = events
        self.file = self.dir / "log.avro"
        settings = {"application_id": f"bench-{name}", "policy.file": kind["policy"],
                    "release.dir": self.dir / "releases", "state.dir": self.dir / "state",
                    "schemas.dir": ROOT / "schemas", "topics.partitions": 4,
                    "slate.publish": kind.get("slate.publish", "true")}
        self.common = ["--config", str(ROOT / "config" / "nba.yaml")]
        for key, value in settings.items():
            self.common += ["--set", f"{key}={value}"]
        if self.file.exists():
            return
        self.dir.mkdir(parents=True)
        subprocess.run([BUILD / "tests" / "bench" / "peer_release", self.dir / "releases",
                        str(kind["contents"]), *kind["release"]], check=True,
                       stdout=subprocess.DEVNULL)
        place = ["--log", self.dir / "log"]
        self.nba("topics", *place, "create")
        for topic, records in (("catalog", catalog(kind)),
                               ("engagement", engagement(kind, events))):
            lines = self.dir / f"{topic}.jsonl"
            lines.write_text("".join(json.dumps(record) + "\n" for record in records))
            self.nba("produce", *place, "--allow-future", "--topic", topic, lines)
        self.nba("consume", *place, "catalog", "engagement", "--out", self.file)

    def nba(self, command, *words):
        done = subprocess.run([BUILD / "nba", command, *self.common, *map(str, words)],
                              capture_output=True, text=True)
        if done.returncode != 0:
            sys.exit(f"bench: nba {command}: {done.stderr[-2000:]}")
        return done.stderr

    def replay(self, threads):
        def cpu():
            used = resource.getrusage(resource.RUSAGE_CHILDREN)
            return used.ru_utime + used.ru_stime
        before = cpu()
        said = self.nba("replay", "--log", self.file, "--ignore-journal", "--threads", threads)
        rate = re.search(r"([\d.]+) a second", said)
        return float(rate.group(1)), (cpu() - before) * 1e6 / self.events


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--events", type=int, default=60_000)
    parser.add_argument("--keep", metavar="FOLDER", help="keep the logs here, and take them again")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="nba-bench-") as folder:
        logs = {name: Log(arguments.keep or folder, name, arguments.events) for name in KINDS}
        runs = {(name, threads): [] for name in KINDS for threads in (1, 2)}
        for _ in range(arguments.rounds):
            for name, threads in runs:
                runs[name, threads].append(logs[name].replay(threads))
        for name in KINDS:
            rate = {t: statistics.median(r for r, _ in runs[name, t]) for t in (1, 2)}
            bench.bar(f"{name}.events_s", rate[1], KINDS[name]["bar"], "1/s")
            bench.bar(f"{name}.cpu", statistics.median(c for _, c in runs[name, 1]),
                      unit="us/event, the whole process")
            bench.bar(f"{name}.two_threads", rate[2] / rate[1], 1.8, "x")


if __name__ == "__main__":
    main()
