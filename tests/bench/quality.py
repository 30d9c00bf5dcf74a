#!/usr/bin/env python3
"""Trains on the public data sets of NBA_DATA and judges what was kept back: the figures of
docs/models, by `nba evaluate`, with the wall time, the bars, and how much more than popularity and
item-kNN each figure is, in percent.

    NBA_DATA=folder tools/bench quality [DATASET...] [--only DATASET/MODEL ...] [--seeds N]

Without names: every data set.  --only trains one model of a data set, with item-kNN beside it to
compare with; `--only DATASET/fusion` trains all of them.  Of more seeds the medians are shown.
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
BEST = "best"  # of the data set's other models in the same run
BASE = "base"  # the upper end of the intervals of popularity and chance
# data set: its models, each with its bars: protocol, metric at 10, bar
SETS = {
    "ml-100k": {
        "lstm": [("full", "ndcg", 0.104)],
        "ease": [("full", "ndcg", 0.072)],
        "knn": [("full", "ndcg", 0.096)],
        "rules": [],
        "fusion": [("full", "ndcg", 0.117), ("full", "ndcg", BEST)],
    },
    "hcp-a": {
        "lstm": [("full", "ndcg", 0.107)],
        "ncf": [],
        "ease": [],
        "knn": [],
        "rules": [],
        "fusion": [("full", "ndcg", BEST)],
    },
    "ml-1m-ncf": {
        "ncf": [("fixed", "hr", 0.677), ("fixed", "ndcg", 0.402)],
        "ncf-users": [("fixed", "hr", 0.67)],
        "ease": [("fixed", "hr", 0.715), ("fixed", "ndcg", 0.449)],
        "knn": [("fixed", "hr", 0.666), ("fixed", "ndcg", 0.395)],
    },
    "ml-1m-sasrec": {
        "lstm": [("full", "ndcg", 0.156)],
        "ease": [("full", "ndcg", 0.129)],
        "knn": [],
        "rules": [("full", "ndcg", 0.138)],
        "fusion": [("full", "ndcg", BEST)],
    },
    "amazon-toys": {
        "knn": [],
        "rules": [("full", "ndcg", 0.058)],
        "fusion": [("full", "ndcg", BEST)],
    },
    "amazon-video-games": {"knn": [], "rules": []},
    "asset-clickstream": {
        "ease": [("units", "unit_hits", BASE)],
        "knn": [("units", "unit_hits", BASE)],
    },
}
COMPARED = ("popularity", "knn")
SHOWN = ("hr", "ndcg", "unit_hits")


def judge(name, models, seed):
    """One run's figures by (model, protocol, metric), and its times."""
    began, cpu = time.monotonic(), resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    trained = sorted((set(SETS[name]) if "fusion" in models else {*models, "knn"}) - {"fusion"})
    done = subprocess.run([NBA, "evaluate", "--data", name, "--train", "--json", "--seed",
                           str(seed), "--only", ",".join(trained)],
                          cwd=ROOT, stdout=subprocess.PIPE, text=True)
    if done.returncode != 0:
        sys.exit(f"bench: nba evaluate --data {name}: exit {done.returncode}")
    listed = [f for f in json.loads(done.stdout) if f["k"] in (0, 10) and "unit" not in f]
    figures = {(f["model"], f["protocol"], f["metric"]): f["value"] for f in listed}
    figures["hi"] = {(f["model"], f["protocol"], f["metric"]): f["hi"] for f in listed}
    figures["wall"] = time.monotonic() - began
    figures["cpu"] = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - cpu
    return figures


def percents(model, protocol, metric, of):
    """What stands behind a figure: "+118.2 % to popularity"."""
    value, text = of((model, protocol, metric)), ""
    for other in COMPARED:
        base = of((other, protocol, metric))
        if other != model and base:
            text += f", {100 * (value / base - 1):+.1f} % to {other}"
    return text[2:]


def show(name, models, runs):
    """The medians of what was asked for, and whether their bars are met."""
    def of(key):
        return statistics.median(run[key] for run in runs) if key in runs[0] else None

    for key in [k for k in runs[0] if isinstance(k, tuple) and k[2] in SHOWN]:
        model, protocol, metric = key
        if model not in models and model not in (*COMPARED, "random"):
            continue
        bars = {BEST: [of(k) for k in runs[0] if k[1:] == key[1:] and k[0] in SETS[name]
                       and k[0] != model],
                BASE: [run["hi"][(other, *key[1:])] for run in runs
                       for other in ("popularity", "random")
                       if (other, *key[1:]) in run["hi"]]}
        limits = [round(max(bars[bar]), 4) if bar in bars else bar
                  for p, m, bar in SETS[name].get(model, []) if (p, m) == key[1:]]
        bench.bar(f"{name}/{model}.{protocol}.{metric}@10", round(of(key), 4),
                  max(limits, default=None), percents(model, protocol, metric, of))
    for key in ("wall", "cpu"):
        bench.bar(f"{name}.train_and_judge.{key}", round(of(key), 1), None, "s", "lower")
    for model in models:
        for protocol, metric, _ in SETS[name][model]:
            if (model, protocol, metric) not in runs[0]:
                sys.exit(f"bench: {name}: no figure for {model}, {protocol}, {metric}")


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sets", nargs="*", metavar="DATASET", help=", ".join(SETS))
    parser.add_argument("--only", action="append", default=[], metavar="DATASET/MODEL")
    parser.add_argument("--seeds", type=int, default=1, metavar="N")
    arguments = parser.parse_args()
    wanted = {}
    for row in arguments.only:
        name, _, model = row.partition("/")
        if model not in SETS.get(name, {}):
            rows = ", ".join(f"{n}/{m}" for n in SETS for m in SETS[n])
            parser.error(f"--only: no {row} (there are: {rows})")
        wanted.setdefault(name, []).append(model)
    for name in arguments.sets or ([] if wanted else SETS):
        if name not in SETS:
            parser.error(f"no data set {name} (there are: {', '.join(SETS)})")
        wanted[name] = list(SETS[name])
    for name, models in wanted.items():
        bench.data(name)
        show(name, models, [judge(name, models, seed) for seed in range(1, arguments.seeds + 1)])


if __name__ == "__main__":
    main()
