#!/usr/bin/env python3
"""Rep capacity on a real Apache Kafka: never exceeded, while three instances come, go and die.

A feed with a market that answers (reps look, accept, dismiss); in each round one instance leaves and
comes back (SIGTERM), then one dies by SIGKILL, the others take its partitions, and it comes back.
Then the usual books (books.py: nothing lost, nothing twice, replay says the same bytes, one state),
and those of the reps (tests/e2e/reps.py): each partition's published actions are worked out again from
its mailbox.  Arguments: --help.
"""
import random
import sys
import time
import unittest
from pathlib import Path

from books import arguments, say, trial
from company import Failed
from instances import await_every_partition, end, start

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "e2e"))
import reps  # noqa: E402  (the path is set above)

MOST = 3
RULES = f"""
  capacity:
    - {{id: rep_daily_alerts, per: [rep], channel: rep, max: {MOST},
       window: {{calendar: day, tz: rep}}, when_full: replace_lowest}}
"""


def main():
    parser = arguments(__doc__, rate=300)
    parser.add_argument("--rounds", type=int, default=2, help="each with a SIGKILL (default 2)")
    options = parser.parse_args()

    def play(company, _failures):
        rng = random.Random(options.seed)
        company.settings["kafka.static_membership"] = "false"
        lives = {name: start(company, name) for name in company.names}
        for turn in range(options.rounds):
            for leave in (end, lambda life: life.kill()):
                name = rng.choice(list(lives))
                time.sleep(rng.uniform(0, 1))
                leave(lives[name])
                await_every_partition(company)  # the others have what was its own
                lives[name] = start(company, name)
            say(f"  round {turn + 1}: one left and came back, one was killed")
        for life in lives.values():
            end(life)
        return {name: f"state-{name}" for name in lives}

    def rep_books(company, failures):
        try:
            found = reps.check(unittest.TestCase(), company, MOST)
        except AssertionError as error:
            failures.append(f"reps: {error}"[:2000])
            return
        say("reps: " + ", ".join(f"{count} {word}" for word, count in found.items()))
        if min(found.values()) < 10:
            raise Failed("too little happened to the reps for this to show anything")

    return trial(f"rep capacity, {options.rounds} rounds", options, "abc", play, rules=RULES,
                 feed_options=("--react", "--reps", 40), more=rep_books)


if __name__ == "__main__":
    sys.exit(main())
