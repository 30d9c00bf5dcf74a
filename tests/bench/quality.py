#!/usr/bin/env python3
"""Trains on the public data sets of NBA_DATA and judges what was kept back: the figures of
docs/models, by `nba evaluate`, with training times.

    NBA_DATA=folder tools/bench quality [DATASET...] [--seeds N]

Without names: ml-100k, hcp-a, ml-1m-ncf, some 20 minutes.  Of more seeds the medians are shown.
"""
import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools" / "lib"))
import bench  # noqa: E402

NBA = Path(os.environ.get("NBA_BUILD", ROOT / "build" / "release")) / "nba"
# data set: what to train, and the figures with a bar: model, protocol, metric at 10, bar
SETS = {
    "ml-100k": (["--only", "lstm"], [("lstm", "full", "ndcg", 0.10)]),
    "hcp-a": ([], [("lstm", "full", "ndcg", 0.105)]),
    "ml-1m-ncf": (["--only", "ncf", "--users"], [("ncf", "fixed", "hr", 0.67),
                                                 ("ncf-users", "fixed", "hr", 0.67)]),
}


def judge(name, seed):
    began, cpu = time.monotonic(), resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    done = subprocess.run([NBA, "evaluate", "--data", name, "--train", "--json", "--seed",
                           str(seed), *SETS[name][0]], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    if done.returncode != 0:
        sys.exit(f"bench: nba evaluate --data {name}: exit {done.returncode}")
    figures = {(f["model"], f["protocol"], f["metric"]): f["value"]
               for f in json.loads(done.stdout) if f["k"] in (0, 10)}
    figures["wall"] = time.monotonic() - began
    figures["cpu"] = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - cpu
    return figures


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sets", nargs="*", metavar="DATASET", help=", ".join(SETS))
    parser.add_argument("--seeds", type=int, default=1, metavar="N")
    arguments = parser.parse_args()
    wrong = [name for name in arguments.sets if name not in SETS]
    if wrong:
        parser.error(f"no data set {wrong[0]} (there are: {', '.join(SETS)})")
    for name in arguments.sets or SETS:
        bench.data(name)
        runs = [judge(name, seed) for seed in range(1, arguments.seeds + 1)]
        bars = {(m, p, metric): bar for m, p, metric, bar in SETS[name][1]}
        for key in [k for k in runs[0] if isinstance(k, tuple) and k[2] in ("hr", "ndcg")]:
            bench.bar(f"{name}.{key[0]}.{key[1]}.{key[2]}@10",
                      round(statistics.median(run[key] for run in runs), 4), bars.get(key))
        for key in ("wall", "cpu"):
            bench.bar(f"{name}.train_and_judge.{key}",
                      round(statistics.median(run[key] for run in runs), 1), None, "s", "lower")
        missing = [key for key in bars if key not in runs[0]]
        if missing:
            sys.exit(f"bench: {name}: no figure for {missing[0]}")


if __name__ == "__main__":
    main()
