"""For benchmarks run by tools/bench: say a figure and the bar it has to pass."""
import json
import os
import sys


def bar(name, value, limit=None, unit="", better="higher", must=True):
    """One row of the table; without a limit it is only a figure."""
    line = json.dumps({"id": name, "value": value, "bar": limit, "unit": unit, "better": better,
                       "must": must})
    path = os.environ.get("NBA_BENCH_BARS")
    if path:
        with open(path, "a", encoding="utf-8") as file:
            file.write(line + "\n")
    else:
        print(line)


def data(folder):
    """The folder of a data set under NBA_DATA; says in one line what is missing, and ends."""
    root = os.environ.get("NBA_DATA", "")
    path = os.path.join(root, folder)
    if not root or not os.path.isdir(path):
        print(f"bench: data set '{folder}' is missing: set NBA_DATA to the folder that holds it",
              file=sys.stderr)
        sys.exit(2)
    return path
