#!/usr/bin/env python3
"""kill -9 and zombies against a real Apache Kafka: nothing lost, nothing twice, the same state.

Two instances work on a feed that never pauses.  Each is started, dies by SIGKILL at a named point
(NBA_KILL_AT) or at a random moment, and is started again; some get a producer's fatal error or a
commit of unknown outcome first (NBA_FAULT_AT), some are stopped and woken when another one has taken
their place.  Meanwhile policy, champion and catalogue change and transactional ids are fenced by a
stranger.  Then the feed ends, the rest is worked off, and it is counted:

  conservation   each input offset has exactly one decision or dead letter (count.py, none of our code)
  outputs        digests of all output topics = those of `nba replay`, one thread, batches of one
  state          hash of the live state = that of replay = that of a rebuild from the changelog alone

Arguments: --help.  A seed fixes the plan, not the interleaving: the machine's timing decides that.
"""
import argparse
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import count
import plan
from company import APPLICATION, OUTPUTS, PARTITIONS, ROOT, Changes, Company, Failed, Feed
from instance import Driver, Life, Tally

PHASES = (1, 3)  # workers of each instance


def say(text):
    print(text, flush=True)


def quantile(values, q):
    return sorted(values)[min(len(values) - 1, int(q * len(values)))] if values else float("nan")


def chaos(company, options, tally):
    """Both instances through all jobs, first with one worker each, then with three."""
    rng = random.Random(options.seed)
    changes = Changes(company, options.seed)
    try:
        for jobs, workers in zip(plan.jobs(rng, options.kills, options.zombies), PHASES):
            began = time.monotonic()
            changes.workers = workers
            drivers = [Driver(company, name, workers, jobs, began + options.seconds / len(PHASES),
                              tally, options.seed) for name in "ab"]
            for driver in drivers:
                driver.start()
            for driver in drivers:
                driver.join()
                if driver.failure:
                    raise Failed(f"driver of instance {driver.name_}: {driver.failure}")
            say(f"  two instances, {workers} worker{'s' if workers > 1 else ''} each: "
                f"{time.monotonic() - began:.0f} s, {tally.kills} SIGKILLs, "
                f"{len(tally.zombies) + len(tally.absents)} zombies so far")
    finally:
        changes.stop()
    return changes.done, {d.name_: d.folder() for d in drivers}


def drain(company, folders):
    """Both instances, undisturbed, until everything that came in is committed."""
    began = time.monotonic()
    lives = [Life(company, name, folders[name], PHASES[-1]) for name in folders]
    import confluent_kafka
    watch = confluent_kafka.Consumer({"bootstrap.servers": company.servers, "group.id": "kill"})
    places = [confluent_kafka.TopicPartition(count.INPUT, p) for p in range(PARTITIONS)]
    highs = [watch.get_watermark_offsets(place, 10)[1] for place in places]
    behind = sum(highs)
    while behind > 0:
        time.sleep(0.3)
        committed = [max(0, p.offset) for p in watch.committed(places, 10)]
        behind = sum(max(0, h - c) for h, c in zip(highs, committed))
        for life in lives:
            if life.process.poll() is not None:
                raise Failed(f"an instance ended while draining:\n    {life.tail()}")
        if time.monotonic() - began > 120:
            raise Failed(f"{behind} events are not worked off after 120 s:\n    "
                         f"{lives[0].tail()}\n    {lives[1].tail()}")
    watch.close()
    for life in lives:
        life.send(signal.SIGTERM)
    for life in lives:
        if life.end() != 0:
            raise Failed(f"an instance didn't end well:\n    {life.tail()}")
    return time.monotonic() - began


def whole_state(company, folder):
    """One instance takes every partition (tail of the changelog, or all of it), then its hash."""
    company.settings["kafka.static_membership"] = "false"
    life = Life(company, folder, folder, 1)
    try:
        # Members of before are waited out: their sessions have to end.
        if not life.await_word([f" partitions={PARTITIONS} "], 60):
            raise Failed(f"{folder}: did not get all partitions:\n    {life.tail(12)}")
        life.send(signal.SIGTERM)
        if life.end() != 0:
            raise Failed(f"{folder}: did not end well:\n    {life.tail()}")
    finally:
        life.kill()
    text = company.nba("state", "hash", where=False, state__dir=company.dir / folder)
    return text.split()[-1]


def verify(company, folders, failures):
    """The three comparisons; replay goes on beside the rest, it has one thread."""
    results = {}

    def replay():
        try:
            text = company.nba("replay", "--threads", 1, "--batch", 1, "--transaction", 1,
                               "--state-hash", "--policies", company.merged_policies(), timeout=600)
            results["replay"] = text.splitlines()
        except (Failed, OSError) as error:
            results["replay"] = ["state none"]
            failures.append(f"replay: {error}")

    def ledger_too():
        done = subprocess.run([sys.executable, ROOT / "tools" / "check" / "ledger.py", "--kafka",
                               company.servers, "--group", APPLICATION], text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        results["ledger"] = done

    threads = [threading.Thread(target=replay), threading.Thread(target=ledger_too)]
    for thread in threads:
        thread.start()
    live = whole_state(company, folders["a"])
    rebuilt = whole_state(company, "state-rebuilt")
    ledger = count.conservation(company.servers, PARTITIONS)
    hidden = count.uncommitted(company.servers, PARTITIONS)
    digests = company.nba("consume", *OUTPUTS, "--digest").splitlines()
    for thread in threads:
        thread.join()
    expected = results["replay"]
    state = expected[0].split()[-1]
    say("\nconservation (confluent-kafka, read_committed)")
    for name in ("inputs", "dead letters", "lost", "duplicated", "invented", "actions twice"):
        say(f"  {name:<22} {ledger[name]}")
    say(f"  {'hidden by read_committed':<22} {hidden} decisions of aborted transactions")
    for name in ("lost", "duplicated", "invented", "actions twice"):
        if ledger[name] != 0:
            failures.append(f"{ledger[name]} {name}: {ledger['examples']}")
    say("\ntools/check/ledger.py\n  " + results["ledger"].stdout.strip().replace("\n", "\n  "))
    if results["ledger"].returncode != 0:
        failures.append(f"ledger.py: exit {results['ledger'].returncode}")
    say("\nstate")
    for name, value in (("single-threaded replay", state), ("live", live),
                        ("rebuilt from changelog", rebuilt)):
        say(f"  {name:<22} {value}")
        if value != state:
            failures.append(f"{name} state differs from that of replay")
    differing = sorted(set(expected[1:]) ^ set(digests))
    say(f"outputs: {len(digests)} digests, {len(differing)} lines differ from replay's")
    if differing or not digests:
        failures.append(f"outputs differ from replay's: {differing[:4]}")


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


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=105, help="SIGKILLs at least (default 105)")
    parser.add_argument("--zombies", type=int, default=10, help="SIGSTOPs (default 10)")
    parser.add_argument("--seconds", type=float, default=120, help="of chaos at least (default 120)")
    parser.add_argument("--rate", type=int, default=1150, help="events a second (default 1150)")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 30))
    parser.add_argument("--nba", default=ROOT / "build" / "nba", type=Path, help="the program")
    parser.add_argument("--kafka", help="servers of an empty broker (default: an own one)")
    parser.add_argument("--keep", action="store_true", help="keep the folder")
    return parser.parse_args()


def main():
    options = arguments()
    # Told to end, it cleans up as after a failure.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    began = time.monotonic()
    folder = tempfile.mkdtemp(prefix="nba-kill-")
    tally, failures = Tally(), []
    say(f"kill test: seed {options.seed}, {options.kills} SIGKILLs, {options.zombies} zombies, "
        f"{options.rate} events/s, {options.nba.resolve()}")
    company = feed = None
    try:
        company = Company(options.nba.resolve(), folder, options.kafka)
        company.prepare(options.seed)
        feed = Feed(company, options.rate, options.seed)
        say(f"  broker {company.servers}, two releases, feed started: "
            f"{time.monotonic() - began:.0f} s")
        done, folders = chaos(company, options, tally)
        mean, least = feed.rates()
        feed.stop()
        feed = None
        say(f"  fed {mean:.0f} events/s on average, {least:.0f} in the slowest 5 s; changes {done}")
        say(f"  rest worked off in {drain(company, folders):.1f} s")
        report(tally, options, failures)
        verify(company, folders, failures)
    except Failed as failure:
        failures.append(str(failure))
    finally:
        Life.kill_everyone()
        if feed is not None:
            feed.process.kill()
            feed.stopping.set()
        if company is not None:
            company.close()
    for line in tally.missed:
        say(f"missed: {line}")
    for line in tally.strange:
        say(f"unexpected: {line}")
    for failure in failures:
        say(f"FAILED: {failure}")
    if options.keep:
        say(f"kept: {folder}")
    else:
        shutil.rmtree(folder, ignore_errors=True)
    say(f"kill test {'failed' if failures else 'passed'} (seed {options.seed}) in "
        f"{time.monotonic() - began:.0f} s")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
