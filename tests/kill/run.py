#!/usr/bin/env python3
"""kill -9 and zombies against a real Apache Kafka: nothing lost, nothing twice, the same state.

Instances work on a feed that never pauses.  Each is started, dies by SIGKILL at a named point
(NBA_KILL_AT) or at a random moment, and is started again; some get a producer's fatal error or a
commit of unknown outcome first (NBA_FAULT_AT), some are stopped and woken when another one has taken
their place.  Meanwhile policy, champion and catalogue change and transactional ids are fenced by a
stranger.  Then the books are checked (books.py).

Arguments: --help.  A seed fixes the plan, not the interleaving: the machine's timing decides that.
"""
import random
import sys
import time

import plan
from books import arguments, quantile, say, trial
from company import Changes, Failed
from instance import Driver, Tally

PHASES = (1, 3)  # workers of each instance


def chaos(company, options, tally):
    """All instances through all jobs, first with one worker each, then with three."""
    rng = random.Random(options.seed)
    changes = Changes(company, options.seed)
    try:
        for jobs, workers in zip(plan.jobs(rng, options.kills, options.zombies), PHASES):
            began = time.monotonic()
            changes.workers = workers
            drivers = [Driver(company, name, workers, jobs, began + options.seconds / len(PHASES),
                              tally, options.seed) for name in company.names]
            for driver in drivers:
                driver.start()
            for driver in drivers:
                driver.join()
                if driver.failure:
                    raise Failed(f"driver of instance {driver.name_}: {driver.failure}")
            say(f"  {len(drivers)} instances, {workers} worker{'s' if workers > 1 else ''} each: "
                f"{time.monotonic() - began:.0f} s, {tally.kills} SIGKILLs, "
                f"{len(tally.zombies) + len(tally.absents)} zombies so far")
    finally:
        changes.stop()
    say(f"  changes {changes.done}")
    return {d.name_: d.folder() for d in drivers}


def report(tally, options, failures):
    say(f"\n{'kill point':<22} {'hits':>4} {'fatal':>6} {'unknown':>8}")
    for point in plan.POINTS:
        say(f"{point:<22} {tally.hits[point]:>4} {tally.faults[point]['fatal']:>6} "
            f"{tally.faults[point]['unknown']:>8}")
        if options.kills >= 100 and (tally.hits[point] < plan.HITS_EACH or
                                     0 in tally.faults[point].values()):
            failures.append(f"{point}: hit {tally.hits[point]} times, {tally.faults[point]}")
    zombies = len(tally.zombies) + len(tally.absents)
    say(f"\nSIGKILLs {tally.kills}, zombies {zombies}, unknown outcomes {tally.unknown_outcomes}")
    say("zombies replaced, (exit, s after SIGCONT): "
        + ", ".join(f"({code}, {took:.2f})" for code, took in tally.zombies))
    say("zombies whose session ran out, exit or None for alive: "
        + ", ".join(str(code) for code, _ in tally.absents))
    if tally.kills < options.kills or zombies < options.zombies:
        failures.append(f"{tally.kills} SIGKILLs and {zombies} zombies, "
                        f"{options.kills} and {options.zombies} were asked for")
    if any(code is None or took > 5 for code, took in tally.zombies):
        failures.append("a zombie went on after it was replaced")
    if tally.strange:
        failures.append(f"{len(tally.strange)} unexpected ends, the first:\n    {tally.strange[0]}")
    p50, p95 = (quantile(tally.restarts_s, q) for q in (0.5, 0.95))
    say(f"restart to first event committed: n {len(tally.restarts_s)}, p50 {p50:.2f} s, "
        f"p95 {p95:.2f} s (bar: 2 s, {'met' if p95 < 2 else 'missed'})")
    for line in tally.missed:
        say(f"missed: {line}")
    for line in tally.strange:
        say(f"unexpected: {line}")


def main():
    parser = arguments(__doc__, rate=1150)
    parser.add_argument("--kills", type=int, default=105, help="SIGKILLs at least (default 105)")
    parser.add_argument("--zombies", type=int, default=10, help="SIGSTOPs (default 10)")
    parser.add_argument("--seconds", type=float, default=120, help="of chaos at least (default 120)")
    parser.add_argument("--instances", type=int, default=2, choices=(2, 3, 4), help="default 2")
    options = parser.parse_args()

    def play(company, failures):
        tally = Tally()
        folders = chaos(company, options, tally)
        report(tally, options, failures)
        return folders

    title = (f"kill test, {options.instances} instances, {options.kills} SIGKILLs, "
             f"{options.zombies} zombies")
    return trial(title, options, "abcd"[:options.instances], play, PHASES[-1])


if __name__ == "__main__":
    sys.exit(main())
