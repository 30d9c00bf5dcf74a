#!/usr/bin/env python3
"""What a million HCPs cost: memory, speed, restart and restore, beside fifty and ten thousand.

    tools/bench scale [--quick]      some eight minutes; --quick: 20,000 HCPs, not a million

The work is that of tools/bench stream (LSTM, 1,000 contents, the five best, exactly once, a broker
on the same cores), with keys drawn uniformly, so that caches help as little as they can.

  fill      events until nearly every HCP has a state; events/s of the last quarter
  memory    the most that the process has held in RAM until the end of the fill and of the load
  restart   SIGKILL under 2,000 events/s, started again: until its first commit of an event
  restore   the state folder is gone: changelog records a second, until all partitions are assigned
"""
import argparse
import json
import os
import re
import shutil
import signal
import sys
import time
from datetime import datetime
from pathlib import Path

import stream
from stream import bench

RATE, LOAD_S = 2000, 16
SIZES = {"10k": 10_000, "50k": 50_000, "1M": 1_000_000}


class Company(stream.Nba):
    """One run of nba over so many HCPs."""

    def fill(self, hcps):
        """Draws a fifth more keys than HCPs are wanted, until that many have been seen."""
        self.peer.keys = hcps * 6 // 5
        self.events = max(hcps * 22 // 10, 200_000)
        self.topic_in = self.peer.topic(f"scale.{hcps}.{os.getpid()}")
        self.peer.load("gen", "-t", self.topic_in, "-n", self.events, "-k", self.peer.keys, "-z", 0,
                       "-a")
        self.topic_out = self.new_run(self.topic_in, stream.COMMIT_MS)
        self.start()
        self.await_assigned()
        return self.peer.load("meas", "-t", self.topic_out, "-n", self.events, "-q", 30)

    def peak_mib(self):
        text = Path(f"/proc/{self.process.pid}/status").read_text(encoding="ascii")
        return int(re.search(r"VmHWM:\s+(\d+)", text).group(1)) / 1024

    def first(self, word, count=1):
        """Seconds from now until the log of this start has said `word` so often."""
        began, until = time.time(), time.monotonic() + 120
        while time.monotonic() < until and self.process.poll() is None:
            lines = [line for line in self.log.read_text("utf-8").splitlines() if word in line]
            if len(lines) >= count:
                said = datetime.fromisoformat(lines[count - 1].split()[0].replace("Z", "+00:00"))
                return said.timestamp() - began
            time.sleep(0.02)
        sys.exit(f"bench: nba run never said '{word}':\n" + self.log.read_text("utf-8")[-2000:])

    def under_load(self):
        """2,000 events/s; killed half way and started again.  Peak before it, and the restart."""
        load = self.peer.load("lat", "-t", self.topic_in, "-o", self.topic_out, "-n", RATE * LOAD_S,
                              "-r", RATE, "-k", self.peer.keys, "-z", 0, "-e", 8, "-q", 5, "-a",
                              "-s", background=True)
        time.sleep(LOAD_S / 2)
        peak = self.peak_mib()
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self.start()
        restart = self.first("first_commit")
        load.communicate()
        return peak, restart

    def restore(self):
        self.stop()
        shutil.rmtree(self.dir / f"run{self.runs}" / "state")
        self.start()
        seconds = self.first(" assigned ", self.peer.threads)
        records = sum(int(b) - int(a) for a, b in re.findall(
            r"restored .*from=(\d+) to=(\d+)", self.log.read_text("utf-8")))
        self.stop()
        return records / seconds


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true")
    arguments = parser.parse_args()
    sizes = {**SIZES, "1M": 20_000} if arguments.quick else SIZES
    rate, restart = {}, {}
    with stream.side_by_side(Company) as (_, company):
        for name, hcps in sizes.items():
            rate[name] = company.fill(hcps)["quarter_per_s"]
            peak, restart[name] = company.under_load()
            restored = company.restore()
            print(json.dumps({"hcps": hcps, "events_per_s": rate[name], "peak_mib": peak,
                              "restart_s": restart[name], "restored_per_s": restored}), flush=True)
            bench.bar(f"{name}.events_per_s", rate[name], unit="events/s")
            bench.bar(f"{name}.peak_memory", peak, 2048 if name == "1M" else None, "MiB", "lower")
            bench.bar(f"{name}.restart", restart[name], 1.0, "s", "lower")
            bench.bar(f"{name}.restore", restored, 100_000 if name == "1M" else None, "records/s")
        bench.bar("throughput_1M_to_50k", rate["1M"] / rate["50k"], 0.7, "x")
        bench.bar("restart_1M_to_10k", restart["1M"] / restart["10k"], None, "x", "lower")


if __name__ == "__main__":
    main()
