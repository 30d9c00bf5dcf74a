#!/usr/bin/env python3
"""Instances come and go on a real Apache Kafka under load: nothing lost, nothing twice, the same state.

  growth     one instance, three more join one by one, then leave one by one (SIGTERM); dynamic members
  rolling    three instances, each ended by SIGTERM and started again under its name; static members
  take-over  one of the three dies by SIGKILL and doesn't come back until the others have its
             partitions: how long until an event that came after its death is committed in every
             partition is a figure, not a bar (a session lasts 6 s, a transaction at most 15 s)

Then the books are checked (books.py).  Arguments: --help.
"""
import sys
import time

from books import arguments, committed, quantile, say, trial
from company import Failed
from instance import Life

PAUSE_S = 3


def start(company, name):
    """A life that has committed its first event."""
    life = Life(company, name, f"state-{name}", 1)
    if not life.await_word([" first_commit "], 60):
        raise Failed(f"instance {name} did not come to work:\n    {life.tail(12)}")
    return life


def end(life):
    """Seconds that a clean end takes."""
    began = time.monotonic()
    life.stop()
    return time.monotonic() - began


def await_every_partition(company, seconds=90):
    """Seconds until an event that isn't there yet is committed in each partition."""
    began = time.monotonic()
    highs = [high for _, high in committed(company)]
    while not all(done > high for (done, _), high in zip(committed(company), highs)):
        if time.monotonic() - began > seconds:
            raise Failed(f"a partition stood still for {seconds} s: {committed(company)}")
        time.sleep(0.05)
    return time.monotonic() - began


def growth(company):
    company.settings["kafka.static_membership"] = "false"
    lives = []
    for name in company.names:
        lives.append(start(company, name))
        time.sleep(PAUSE_S)
    for life in lives[:0:-1]:
        time.sleep(PAUSE_S)
        began = time.monotonic()
        end(life)
    if not lives[0].await_word([f" partitions={company.partitions} "], 60, since=began):
        raise Failed(f"the last one did not get everything:\n    {lives[0].tail(12)}")
    await_every_partition(company)
    end(lives[0])
    company.settings["kafka.static_membership"] = "true"
    say(f"  1 to {len(lives)} to 1 instances")


def rolling(company, lives):
    pauses = []
    for name in lives:
        began = time.monotonic()
        end(lives[name])
        lives[name] = start(company, name)
        pauses.append(time.monotonic() - began)
        await_every_partition(company)
    say("  rolling restart, s from SIGTERM to the first commit of the next: "
        + ", ".join(f"{p:.2f}" for p in pauses))


def take_over(company, lives, count):
    took = []
    for i in range(count):
        name = list(lives)[i % len(lives)]
        lives[name].kill()
        took.append(await_every_partition(company))
        lives[name] = start(company, name)
        await_every_partition(company)
    say(f"  take-over after SIGKILL: n {count}, p50 {quantile(took, 0.5):.1f} s, greatest "
        f"{max(took):.1f} s: " + ", ".join(f"{t:.1f}" for t in took))


def main():
    parser = arguments(__doc__, rate=500)
    parser.add_argument("--kills", type=int, default=5, help="take-overs (default 5)")
    options = parser.parse_args()

    def play(company, _failures):
        growth(company)
        lives = {name: start(company, name) for name in company.names[:3]}
        rolling(company, lives)
        take_over(company, lives, options.kills)
        for life in lives.values():
            end(life)
        return {name: f"state-{name}" for name in lives}

    return trial("instances come and go", options, "abcd", play)


if __name__ == "__main__":
    sys.exit(main())
