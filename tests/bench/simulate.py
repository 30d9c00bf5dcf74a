#!/usr/bin/env python3
"""How fast policies are tried on a log (nba simulate).

    tools/bench simulate [--rounds N] [--events N] [--keep FOLDER]

A million events of 50,000 HCPs, of which 36 % decide (as in the data set hcp-a), 1,000 contents in
three channels, config/policy-basic.yaml, two threads.  table: scores out of a table; models: LSTM,
NCF over 32 and fusion with random weights of the usual sizes.  one: a policy; two: two of them,
events counted once.
"""
import argparse
import json
import re
import statistics
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools" / "lib"))
sys.path.insert(0, str(ROOT / "tests" / "bench"))
import bench  # noqa: E402
import replay  # noqa: E402

DECIDING = ["portal_content_viewed", "email_opened", "email_clicked"]
SILENT = ["email_sent", "email_delivered", "portal_login", "ad_impression"]
replay.KINDS["simulate"] = {
    "hcps": 50_000, "contents": 1000, "channels": ["email", "rep", "web"],
    "release": ["c%04u", "all"], "policy": ROOT / "config" / "policy-basic.yaml", "market": "US",
    "types": DECIDING * 12 + SILENT * 16}
BARS = {("table", 1): 100_000, ("table", 2): 60_000, ("models", 1): 30_000}


def run(log, table, policies):
    words = ["simulate", "--log", log.file, "--threads", 2]
    for _ in range(policies):
        words += ["--policy", ROOT / "config" / "policy-basic.yaml"]
    if table is not None:
        words += ["--set", f"score.table={table}"]
    said = log.nba(*words)
    seconds = [float(s) for s in re.findall(r" in ([\d.]+) s", said)]
    assert len(seconds) == policies, said
    return int(re.search(r"(\d+) events", said).group(1)) / sum(seconds)


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--keep", metavar="FOLDER", help="keep the log here, and take it again")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="nba-bench-") as folder:
        log = replay.Log(arguments.keep or folder, "simulate", arguments.events)
        kind = replay.KINDS["simulate"]
        table = Path(folder) / "scores.yaml"
        table.write_text("\n".join(
            "- " + json.dumps({"content": f"c{i:04d}", "action_type": replay.CHANNELS[channel],
                               "p": (i * 7919 % 1000 + 1) / 2000})
            for i in range(kind["contents"]) for channel in kind["channels"]) + "\n")
        runs = {key: [] for key in BARS}
        for _ in range(arguments.rounds):
            for scorer, policies in runs:
                runs[scorer, policies].append(
                    run(log, table if scorer == "table" else None, policies))
        for (scorer, policies), rates in runs.items():
            bench.bar(f"{scorer}.{'one' if policies == 1 else 'two'}.events_s",
                      statistics.median(rates), BARS[scorer, policies], "1/s")


if __name__ == "__main__":
    main()
