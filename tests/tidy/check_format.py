#!/usr/bin/env python3
"""Every C file is as clang-format leaves it (exit 77, skipped, without clang-format)."""
import shutil
import subprocess
import sys

from source import c_files, report

if __name__ == "__main__":
    if shutil.which("clang-format") is None:
        print("format: clang-format is missing")
        sys.exit(77)
    chosen = [str(path) for path in c_files()]
    found = subprocess.run(["clang-format", "--dry-run", *chosen], capture_output=True,
                           text=True).stderr
    lines = sorted({line.split(":")[0] for line in found.splitlines() if ": warning:" in line})
    sys.exit(report("format", [f"{line}: run clang-format -i" for line in lines],
                    f"{len(chosen)} files"))
