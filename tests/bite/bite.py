#!/usr/bin/env python3
"""Do the tests bite?  Each one-line fault of faults.py goes into a copy of the source, alone, and
some test has to fail.  A fault that nobody catches is a failure, with its name.

The copy and its build live in build/bite and are kept: a second run compiles what changed.
Arguments: words of faults' names to try those alone; --list; --no-broker; --trust.
"""
import argparse
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

from faults import FAULTS

ROOT = Path(__file__).resolve().parents[2]
PLACE = ROOT / "build" / "bite"
SOURCE, BUILD = PLACE / "source", PLACE / "build"
JOBS = os.environ.get("NBA_JOBS", str(os.cpu_count() or 2))
CACHE = Path(os.environ.get("NBA_CACHE", Path.home() / ".cache" / "nba"))
PYTHON = CACHE / "venv" / "bin" / "python"
# A test may take this long without a fault; with one it may hang, and has noticed then.
TEST_SECONDS, FAULT_SECONDS = 400, 120


def say(text):
    print(text, flush=True)


def run(command, log, seconds=None, **options):
    """Exit code, 124 after `seconds`; whatever the command started ends with it then."""
    with open(log, "a", encoding="utf-8") as file:
        file.write(f"\n==== {' '.join(map(str, command))}\n")
        file.flush()
        process = subprocess.Popen(command, stdout=file, stderr=subprocess.STDOUT,
                                   stdin=subprocess.DEVNULL, start_new_session=True, **options)
        try:
            return process.wait(seconds)
        except BaseException as error:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            if not isinstance(error, subprocess.TimeoutExpired):
                raise
            file.write(f"\n---- longer than {seconds} s\n")
            return 124


def copy_source():
    """What git knows or would take; files that didn't change keep their times."""
    names = subprocess.run(["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, text=True,
                           stdout=subprocess.PIPE, check=True).stdout.splitlines()
    wanted = set()
    for name in names:
        path = ROOT / name
        if not path.is_file():
            continue
        wanted.add(name)
        target = SOURCE / name
        if target.exists() and target.read_bytes() == path.read_bytes():
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, target)
    for path in SOURCE.rglob("*"):
        if path.is_file() and str(path.relative_to(SOURCE)) not in wanted:
            path.unlink()


def target_of(test):
    """The ninja target of a ctest name; a Python test runs the program."""
    if ".py:" in test or test.startswith(("e2e.", "cli.", "kill.")):
        return "nba"
    if test == "integration.kafka_proxy":
        return "kafka_transactor"
    return test.replace(".", "_")


class Broker:
    """Started at the first test that needs it."""

    def __init__(self, log):
        self.dir = PLACE / "kafka"
        self.servers = os.environ.get("NBA_TEST_KAFKA")
        self.log = log
        self.own = False

    def get(self):
        if self.servers is None:
            self.own = True
            self.servers = subprocess.run(
                [ROOT / "tools" / "kafka", "start", "--dir", self.dir, "--port", "auto", "--fast"],
                stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
                check=True).stdout.strip()
        return self.servers

    def stop(self):
        if self.own:
            run([ROOT / "tools" / "kafka", "wipe", "--dir", self.dir], self.log)


def run_test(test, log, broker, seconds=TEST_SECONDS):
    """Exit code of one test; NBA_TEST_KAFKA only where it is meant."""
    environment = {**os.environ, "NBA_BIN": str(BUILD / "nba"), "PYTHONDONTWRITEBYTECODE": "1"}
    environment.pop("NBA_TEST_KAFKA", None)
    if broker is not None:
        environment.update(NBA_TEST_KAFKA=broker.get(), NBA_PYTHON=str(PYTHON))
    if ".py:" in test:
        file, name = test.split(":")
        python = PYTHON if broker is not None else sys.executable
        command = [python, SOURCE / file, "--failfast", name]
    else:
        command = ["ctest", "--test-dir", BUILD, "--no-tests=error", "--output-on-failure", "-R",
                   f"^{test.replace('.', chr(92) + '.')}$"]
    return run(command, log, seconds=seconds, env=environment, cwd=SOURCE)


def build(tests, log):
    targets = sorted({target_of(test) for test in tests} | {"full_disk"})
    return run(["ninja", "-C", BUILD, "-j", JOBS, *targets], log)


def check_clean(faults, log, broker):
    """Tests that fail without any fault, and so prove nothing; None if the copy doesn't build."""
    tests = sorted({(test, fault.broker) for fault in faults for test in fault.tests})
    if build([test for test, _ in tests], log) != 0:
        say(f"the copy doesn't build (see {log})")
        return None
    # Once more before it counts: a busy machine makes a test with deadlines late.
    return {test for test, needs in tests
            if run_test(test, log, broker if needs else None) != 0 and
            run_test(test, log, broker if needs else None) != 0}


def try_fault(fault, useless, log, broker):
    """The test that caught it, None for nobody, or a text in angle brackets: it couldn't be tried."""
    tests = [test for test in fault.tests if test not in useless]
    if not tests:
        return f"<without any fault fails: {', '.join(fault.tests)}>"
    path = SOURCE / fault.file
    clean = path.read_text(encoding="utf-8")
    text = clean
    for old, new in fault.edits:
        if text.count(old) != 1:
            return f"<stale: {old.strip().splitlines()[0]!r} stands {text.count(old)} times in " \
                   f"{fault.file}>"
        text = text.replace(old, new)
    try:
        path.write_text(text, encoding="utf-8")
        if build(tests, log) != 0:
            return "<doesn't compile>"
        for test in tests:
            if run_test(test, log, broker if fault.broker else None, FAULT_SECONDS) != 0:
                return test
        return None
    finally:
        path.write_text(clean, encoding="utf-8")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("words", nargs="*", help="only faults whose name has one of these")
    parser.add_argument("--list", action="store_true", help="names, and nothing else")
    parser.add_argument("--trust", action="store_true",
                        help="don't run the tests without faults first")
    parser.add_argument("--no-broker", action="store_true", help="leave out what needs a broker")
    options = parser.parse_args()
    faults = [f for f in FAULTS if (not options.words or any(w in f.name for w in options.words))
              and not (options.no_broker and f.broker)]
    if options.list:
        for fault in faults:
            say(f"{fault.name}: {fault.file}")
        return 0
    began = time.monotonic()
    # Told to end, it puts the source of the copy right first.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    PLACE.mkdir(parents=True, exist_ok=True)
    log = PLACE / "bite.log"
    log.write_text("")
    broker = Broker(log)
    survivors = 0
    try:
        copy_source()
        # Warnings stay warnings: a fault may leave something unused.
        if run(["cmake", "-S", SOURCE, "-B", BUILD, "-G", "Ninja", "-DCMAKE_BUILD_TYPE=Debug",
                "-DCMAKE_C_FLAGS=-O1"], log) != 0:
            say(f"cmake failed (see {log})")
            return 1
        useless = set() if options.trust else check_clean(faults, log, broker)
        if useless is None:
            return 1
        say(f"  the copy is built, its tests pass without faults but {len(useless)}: "
            f"{time.monotonic() - began:.0f} s")
        for fault in faults:
            start = time.monotonic()
            caught = try_fault(fault, useless, log, broker)
            took = time.monotonic() - start
            if caught is None or caught.startswith("<"):
                survivors += 1
                say(f"  NOT CAUGHT  {fault.name}: {caught or ', '.join(fault.tests) + ' passed'}")
            else:
                say(f"  caught  {fault.name:<55} {took:5.1f} s  {caught}")
    finally:
        broker.stop()
    say(f"bite: {len(faults) - survivors} of {len(faults)} faults caught in "
        f"{time.monotonic() - began:.0f} s")
    return 1 if survivors or not faults else 0


if __name__ == "__main__":
    sys.exit(main())
