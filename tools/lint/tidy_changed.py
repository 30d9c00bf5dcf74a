#!/usr/bin/env python3
"""Runs clang-tidy on each source file that changed since it last passed.

    tidy_changed.py BUILD_FOLDER [--all]

Whether a file changed is told by a hash of its preprocessed text, the compile command and the
configuration, so that a changed header counts; what passed is remembered in BUILD_FOLDER.
"""
import concurrent.futures
import hashlib
import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent


def preprocessed(entry):
    command = shlex.split(entry["command"])
    kept, skip = [], False
    for word in command:
        if skip or word in ("-c", "-o"):
            skip = word == "-o"
            continue
        kept.append(word)
    result = subprocess.run([kept[0], "-E", "-P", *kept[1:]], cwd=entry["directory"],
                            capture_output=True)
    return result.stdout


def key_of(entry, config):
    digest = hashlib.sha256(config)
    digest.update(entry["command"].encode())
    digest.update(Path(entry["file"]).read_bytes())
    digest.update(preprocessed(entry))
    return digest.hexdigest()


def check(entry, build, config, passed):
    key = key_of(entry, config)
    if key in passed:
        return key, None
    result = subprocess.run(["clang-tidy", "--quiet", "-p", build, entry["file"]],
                            capture_output=True, text=True)
    text = "\n".join(line for line in result.stdout.splitlines() if line)
    found = re.search(r"(warning|error): ", text) or result.returncode != 0
    return (None, text or result.stderr) if found else (key, "")


def main(argv):
    build = Path(argv[1]).resolve()
    config = (ROOT / ".clang-tidy").read_bytes()
    entries = [e for e in json.loads((build / "compile_commands.json").read_text())
               if Path(e["file"]).is_relative_to(ROOT / "src")]
    memory = build / "clang-tidy.passed"
    passed = set()
    if memory.exists() and "--all" not in argv:
        passed = set(memory.read_text().split())
    kept, bad, fresh = set(), 0, 0
    workers = int(os.environ.get("NBA_JOBS", os.cpu_count() or 1))
    with concurrent.futures.ThreadPoolExecutor(workers) as pool:
        for key, text in pool.map(lambda e: check(e, str(build), config, passed), entries):
            if key is None:
                bad += 1
                print(text)
            else:
                kept.add(key)
            fresh += text is not None
    memory.write_text("\n".join(sorted(kept)) + "\n")
    print(f"{len(entries)} files, {fresh} looked at, {bad} with findings")
    return 1 if bad or not entries else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
