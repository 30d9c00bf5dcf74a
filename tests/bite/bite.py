#!/usr/bin/env python3
"""Puts faults of one line into a copy of the source: each must make the test fail that guards it.

    bite.py [NAME...]      all, or those named; BITE_FOLDER keeps the copy (default build/bite)
    bite.py --list

A fault is a file, the text that is there (exactly once), the text that takes its place, and the tests
that must notice.  A fault whose text isn't found is an error: the list follows the code.
"""
import os
import subprocess
import sys
import time
from pathlib import Path

from faults import FAULTS

ROOT = Path(__file__).resolve().parent.parent.parent
COPY = Path(os.environ.get("BITE_FOLDER", ROOT / "build" / "bite"))
SOURCE, BUILD = COPY / "source", COPY / "build"
JOBS = os.environ.get("NBA_JOBS", str(os.cpu_count()))


def run(command, **more):
    return subprocess.run([str(word) for word in command], capture_output=True, text=True, **more)


def copy_source():
    """The tree as it is, with what isn't committed yet; unchanged files keep their times."""
    names = run(["git", "-C", ROOT, "ls-files", "--cached", "--others", "--exclude-standard"]).stdout
    kept = set()
    for name in names.splitlines():
        origin, copy = ROOT / name, SOURCE / name
        if not origin.is_file():
            continue
        kept.add(name)
        content = origin.read_bytes()
        if copy.exists() and copy.read_bytes() == content:
            continue
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(content)
        copy.chmod(origin.stat().st_mode)
    for copy in list(SOURCE.rglob("*")):
        if copy.is_file() and str(copy.relative_to(SOURCE)) not in kept and ".git" not in copy.parts:
            if "__pycache__" not in copy.parts:
                copy.unlink()


def target_of(test):
    """What has to be built for a test: a ctest name, or file.py:Class.test of tests/."""
    return "nba" if ".py" in test or test.split(".")[0] in ("cli", "check") else \
        test.replace(".", "_")


def build(tests):
    targets = sorted({target_of(test) for test in tests})
    return run(["cmake", "--build", BUILD, "-j", JOBS, "--target", *targets])


def passes(tests):
    """None when all pass, else the first that doesn't."""
    for test in tests:
        if ".py:" in test:
            file, _, name = test.partition(":")
            result = run([sys.executable, SOURCE / "tests" / file, name], cwd=SOURCE,
                         env=dict(os.environ, NBA_BIN=str(BUILD / "nba")))
        else:
            result = run(["ctest", "--test-dir", BUILD, "--no-tests=error", "-R", f"^{test}$"])
        if result.returncode != 0:
            return test
    return None


def bite(fault):
    """What happened, and whether it is what should."""
    path = SOURCE / fault["file"]
    text = path.read_text()
    if text.count(fault["old"]) != 1:
        return f"its text is there {text.count(fault['old'])} times, not once", False
    began = time.monotonic()
    path.write_text(text.replace(fault["old"], fault["new"]))
    try:
        built = build(fault["tests"])
        if built.returncode != 0:
            return "does not build:\n" + (built.stdout + built.stderr)[-1500:], False
        noticed = passes(fault["tests"])
    finally:
        path.write_text(text)
    seconds = time.monotonic() - began
    if noticed is None:
        return f"NOT NOTICED by {', '.join(fault['tests'])} ({seconds:.0f} s)", False
    return f"noticed by {noticed} ({seconds:.0f} s)", True


def main(argv):
    if "--list" in argv:
        for fault in FAULTS:
            print(f"{fault['name']:<34} {fault['what']}")
        return 0
    chosen = [f for f in FAULTS if not argv[1:] or f["name"] in argv[1:]]
    SOURCE.mkdir(parents=True, exist_ok=True)
    copy_source()
    configured = run(["cmake", "-S", SOURCE, "-B", BUILD, "-G", "Ninja", "-DCMAKE_BUILD_TYPE=Debug",
                      "-DCMAKE_C_FLAGS=-O1"])
    if configured.returncode != 0:
        print(configured.stdout + configured.stderr)
        return 1
    guards = sorted({test for fault in chosen for test in fault["tests"]})
    built = build(guards)
    if built.returncode != 0:
        print((built.stdout + built.stderr)[-3000:])
        return 1
    broken = passes(guards)
    if broken:
        print(f"bite: {broken} fails without any fault")
        return 1
    good = 0
    for fault in chosen:
        said, fine = bite(fault)
        good += fine
        print(f"{'ok  ' if fine else 'FAIL'} {fault['name']:<34} {said}", flush=True)
    print(f"{good} of {len(chosen)} faults noticed")
    return 0 if good == len(chosen) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv))
