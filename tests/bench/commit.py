#!/usr/bin/env python3
"""What the commit interval costs and gives: latency for both kinds of reader, CPU, throughput.

    tools/bench commit [--intervals 5,10,20,50,100] [--rates 1000,10000] [--rounds N] [--quick]

The work is that of tools/bench stream (LSTM, 1,000 contents, exactly once, a broker on the same
cores).  Intervals take turns; figures are medians of the rounds.  About four minutes a round.
"""
import argparse
import statistics

import stream
from stream import bench

READERS = {"committed": False, "uncommitted": True}


def numbers(text):
    return [int(word) for word in text.split(",")]


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--intervals", type=numbers, default=[5, 10, 20, 50, 100], metavar="MS,...")
    parser.add_argument("--rates", type=numbers, default=[1000, 10000], metavar="R,...")
    parser.add_argument("--rounds", type=int, default=1, metavar="N")
    parser.add_argument("--quick", action="store_true", help="short runs: for a look")
    arguments = parser.parse_args()
    seconds, warm, events = (5, 2, 50_000) if arguments.quick else (10, 3, 200_000)
    figures = {}

    def note(name, figure, *parts):
        for part in parts:
            figures.setdefault(f"{name}.{part}", []).append(figure[part])
        print(name, {part: figure[part] for part in parts}, flush=True)

    with stream.side_by_side(stream.Nba) as (_, nba):
        for _ in range(3):  # a cold broker is slow
            nba.latency(stream.COMMIT_MS, arguments.rates[0], seconds, warm)
        for _ in range(arguments.rounds):
            for interval in arguments.intervals:
                note(f"{interval}ms.all", nba.throughput(interval, events), "steady_per_s",
                     "app_cpu_us", "broker_cpu_us")
                for rate in arguments.rates:
                    for reader, uncommitted in READERS.items():
                        note(f"{interval}ms.{rate}_per_s.{reader}",
                             nba.latency(interval, rate, seconds, warm, uncommitted),
                             "p50_ms", "p99_ms", "app_cpu_us", "broker_cpu_us")
        for name, values in figures.items():
            bench.bar(name, statistics.median(values), better="higher" if "per_s" in
                      name.rsplit(".", 1)[1] else "lower")


if __name__ == "__main__":
    main()
