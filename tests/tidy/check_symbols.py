#!/usr/bin/env python3
"""Exported symbols, by nm over the module archives of a build folder: all begin with nba_, none is
defined twice, and no module exports writable data (state has an owner that hands it on)."""
import subprocess
import sys
from pathlib import Path

from source import report

# What sanitizers and coverage add to an object.
TOOLS = ("__asan", "__odr_asan", "__gcov", "__tsan", "__ubsan", "__llvm", "__sanitizer", "mangle_")


def symbols(archive):
    """(section, name) of each exported symbol: the section tells a constant with a pointer in it
    (.data.rel.ro) from what can be written."""
    text = subprocess.run(["nm", "-f", "sysv", "--defined-only", "--extern-only", str(archive)],
                          capture_output=True, text=True, check=True).stdout
    for line in text.splitlines():
        fields = [field.strip() for field in line.split("|")]
        if len(fields) == 7 and fields[0] != "Name":
            yield fields[6], fields[0]


def main(argv):
    archives = sorted(Path(argv[1]).glob("libnba_*.a"))
    problems, owner = [], {}
    for archive in archives:
        for section, name in symbols(archive):
            if name.startswith(TOOLS):
                continue
            if not name.startswith("nba_"):
                problems.append(f"{archive.name}: exports '{name}' without the prefix nba_")
            if section.startswith((".data", ".bss", "*COM*")) and ".rel.ro" not in section:
                problems.append(f"{archive.name}: '{name}' is writable and exported")
            if owner.setdefault(name, archive.name) != archive.name:
                problems.append(f"{archive.name}: '{name}' is also in {owner[name]}")
    if not archives:
        problems.append(f"no libnba_*.a in {argv[1]}")
    return report("symbols", problems, f"{len(archives)} archives, {len(owner)} symbols")


if __name__ == "__main__":
    sys.exit(main(sys.argv))
