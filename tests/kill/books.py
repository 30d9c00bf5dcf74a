"""One trial on a real broker: what the tests of this folder have in common, and the books after it.

A company, a feed that never pauses, whatever the test does to the instances; then the feed ends, the
rest is worked off, and it is counted:

  conservation   each input offset has exactly one decision or dead letter (count.py, none of our
                 code; tools/check/ledger.py with more checks)
  outputs        digests of all output topics = those of `nba replay`, one thread, batches of one
  journal        no partition's knowledge of catalogue, control and capacity goes back
  state          hash of the live state = that of replay = that of a rebuild from the changelog alone
"""
import argparse
import functools
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import confluent_kafka

import count
from company import APPLICATION, OUTPUTS, ROOT, Company, Failed, Feed
from instance import Life


def say(text):
    print(text, flush=True)


def quantile(values, q):
    return sorted(values)[min(len(values) - 1, int(q * len(values)))] if values else float("nan")


@functools.lru_cache(maxsize=1)
def onlooker(servers):
    # Read committed, it would wait until no partition has an open transaction: under load never.
    return confluent_kafka.Consumer({"bootstrap.servers": servers, "group.id": APPLICATION,
                                     "isolation.level": "read_uncommitted", "log_level": 0})


def committed(company):
    """(next offset of the group, of the log) of each partition."""
    consumer = onlooker(company.servers)
    places = [confluent_kafka.TopicPartition(count.INPUT, p) for p in range(company.partitions)]
    highs = [consumer.get_watermark_offsets(place, 60)[1] for place in places]
    return [(max(0, p.offset), high) for p, high in zip(consumer.committed(places, 60), highs)]


def drain(company, folders, workers):
    """All instances, undisturbed, until everything that came in is committed."""
    began = time.monotonic()
    lives = [Life(company, name, folder, workers) for name, folder in folders.items()]
    while behind := sum(high - done for done, high in committed(company)):
        time.sleep(0.3)
        for life in lives:
            if life.process.poll() is not None:
                raise Failed(f"an instance ended while draining:\n    {life.tail()}")
        if time.monotonic() - began > 120:
            tails = "\n    ".join(life.tail() for life in lives)
            raise Failed(f"{behind} events are not worked off after 120 s:\n    {tails}")
    for life in lives:
        life.stop()
    return time.monotonic() - began


def whole_state(company, folder):
    """One instance takes every partition (tail of the changelog, or all of it), then its hash."""
    company.settings["kafka.static_membership"] = "false"
    life = Life(company, folder, folder, 1)
    try:
        # Members of before are waited out: their sessions have to end.
        if not life.await_word([f" partitions={2 * company.partitions} "], 60):
            raise Failed(f"{folder}: did not get all partitions:\n    {life.tail(12)}")
        life.stop()
    finally:
        life.kill()
    text = company.nba("state", "hash", where=False, state__dir=company.dir / folder)
    return text.split()[-1]


def went_back(company):
    """Journal records by which a partition knows less of a side topic than before: an instance that
    takes it over has to have read as far as the one before."""
    known, back = {}, []
    for record in company.consume("journal"):
        now = [record["value"][f"{topic}_next"] for topic in ("catalog", "control", "capacity")]
        before = known.get(record["partition"], now)
        if any(n < b for n, b in zip(now, before)):
            back.append(f"{record['partition']}/{record['offset']}: {before} to {now}")
        known[record["partition"]] = now
    return back


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
    ledger = count.conservation(company.servers, company.partitions)
    hidden = count.uncommitted(company.servers, company.partitions)
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
    if back := went_back(company):
        failures.append(f"{len(back)} journal records go back: {back[:3]}")
    if differing or not digests:
        failures.append(f"outputs differ from replay's: {differing[:4]}")


def arguments(description, rate):
    parser = argparse.ArgumentParser(description=description.splitlines()[0])
    parser.add_argument("--rate", type=int, default=rate, help=f"events a second (default {rate})")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 30))
    parser.add_argument("--nba", default=ROOT / "build" / "nba", type=Path, help="the program")
    parser.add_argument("--kafka", help="servers of an empty broker (default: an own one)")
    parser.add_argument("--keep", action="store_true", help="keep the folder")
    return parser


def trial(title, options, names, play, workers=1, rules="", feed_options=(), more=None):
    """play(company, failures) returns the state folder of each name; the rest is done with so many
    workers each.  more(company, failures) has books of its own.  The exit code."""
    # Told to end, it cleans up as after a failure.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    began = time.monotonic()
    folder = tempfile.mkdtemp(prefix="nba-kill-")
    failures = []
    say(f"{title}: seed {options.seed}, {options.rate} events/s, {options.nba.resolve()}")
    company = feed = None
    try:
        company = Company(options.nba.resolve(), folder, options.kafka, names)
        company.prepare(options.seed, rules)
        feed = Feed(company, options.rate, options.seed, *feed_options)
        say(f"  broker {company.servers}, two releases, feed started: "
            f"{time.monotonic() - began:.0f} s")
        folders = play(company, failures)
        mean, least = feed.rates()
        feed.stop()
        feed = None
        say(f"  fed {mean:.0f} events/s on average, {least:.0f} in the slowest 5 s")
        say(f"  rest worked off in {drain(company, folders, workers):.1f} s")
        verify(company, folders, failures)
        if more is not None:
            more(company, failures)
    except Failed as failure:
        failures.append(str(failure))
    finally:
        Life.kill_everyone()
        if feed is not None:
            feed.process.kill()
            feed.stopping.set()
        if company is not None:
            company.close()
    for failure in failures:
        say(f"FAILED: {failure}")
    if options.keep:
        say(f"kept: {folder}")
    else:
        shutil.rmtree(folder, ignore_errors=True)
    say(f"{title} {'failed' if failures else 'passed'} (seed {options.seed}) in "
        f"{time.monotonic() - began:.0f} s")
    return 1 if failures else 0
