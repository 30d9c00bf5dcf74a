#!/usr/bin/env python3
"""What a hot swap costs those who wait: p99 in the two seconds after a release is announced, beside
p99 before, at a steady load on an embedded log.

    tools/bench swap [--rate N] [--seconds N]

500 HCPs with full windows (100 events each), 1,000 contents, LSTM 64 -> 128 -> 64, W = 64: after a
swap each HCP's state is run again from its ring at the HCP's next event.  Four swaps between two
releases of random weights; latency from handing an event to the log to its committed decision.
"""
import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from replay import BUILD, Log, ROOT

import bench

HCPS, CONTENTS, WARM = 500, 1000, 50_000


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rate", type=int, default=1000)
    parser.add_argument("--seconds", type=float, default=6)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="nba-bench-swap-") as folder:
        log = Log(folder, "lstm", 0)
        releases = [subprocess.run([BUILD / "tests" / "bench" / "peer_release", log.dir / "releases",
                                    str(CONTENTS - spare)], check=True, capture_output=True,
                                   text=True).stdout.split()[0] for spare in range(2)]
        config = log.dir / "config.json"  # JSON is YAML
        config.write_text(json.dumps({
            "application_id": "bench-swap", "log": {"kind": "local", "dir": str(log.dir / "log")},
            "policy": {"file": str(ROOT / "tests" / "bench" / "stream_policy.yaml")},
            "release": {"dir": str(log.dir / "releases")}, "state": {"dir": str(log.dir / "state")},
            "schemas": {"dir": str(ROOT / "schemas")}, "slate": {"publish": False}}))
        done = subprocess.run([BUILD / "tests" / "bench" / "swap_load", config, str(HCPS),
                               str(CONTENTS), str(WARM), str(args.rate), str(args.seconds),
                               *releases], capture_output=True, text=True)
    if done.returncode != 0 or done.stderr.count(" release ") != 5:
        sys.exit(f"bench: {done.stderr[-2000:]}")
    p99 = {}
    for line in done.stdout.splitlines():
        phase, half, p99[phase], longest = line.split()
        print(f"{phase:8} p50 {half} ms  p99 {p99[phase]} ms  longest {longest} ms")
    before = float(p99.pop("before"))
    after = sorted(map(float, p99.values()))
    bench.bar("p99_before", before, unit="ms")
    bench.bar("p99_after_the_worst_swap", after[-1], unit="ms")
    bench.bar("p99_after_a_swap", statistics.median(after), unit="ms")
    bench.bar("p99_after_a_swap_to_before", statistics.median(after) / before, 2.0, "x",
              better="lower")


if __name__ == "__main__":
    main()
