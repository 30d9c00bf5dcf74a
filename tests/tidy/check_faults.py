#!/usr/bin/env python3
"""Every fault of `tools/test bite` still fits the source: its text stands there once, its tests exist."""
import sys

from source import ROOT, report

sys.path.insert(0, str(ROOT / "tests" / "bite"))
from faults import FAULTS  # noqa: E402


def problems_of(fault, text):
    for old, new in fault.edits:
        if text.count(old) != 1:
            yield f"{fault.name}: {old.strip().splitlines()[0]!r} stands {text.count(old)} times in {fault.file}"
            return
        text = text.replace(old, new)


def main():
    problems = []
    for fault in FAULTS:
        path = ROOT / fault.file
        if not path.is_file():
            problems.append(f"{fault.name}: no file {fault.file}")
            continue
        problems += problems_of(fault, path.read_text(encoding="utf-8"))
        for test in fault.tests:
            file, _, name = test.partition(":")
            if name and f"def {name.split('.')[-1]}(" not in (ROOT / file).read_text("utf-8"):
                problems.append(f"{fault.name}: no test {test}")
    return report("faults", problems, f"{len(FAULTS)} faults fit the source")


if __name__ == "__main__":
    sys.exit(main())
