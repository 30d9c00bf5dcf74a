"""For tests that need a package of tools/lib/requirements.txt: goes on in the environment that
tools/setup made, or ends with 77 (skipped) when there is none."""
import importlib.util
import os
import sys


def need(*packages):
    if all(importlib.util.find_spec(package) for package in packages):
        return
    cache = os.environ.get("NBA_CACHE", os.path.expanduser("~/.cache/nba"))
    python = os.path.join(cache, "venv", "bin", "python")
    if os.path.exists(python) and os.path.realpath(sys.prefix) != os.path.realpath(
            os.path.join(cache, "venv")):
        os.execv(python, [python, *sys.argv])
    print(f"skipped: {', '.join(packages)} are missing (tools/setup brings them)")
    sys.exit(77)
