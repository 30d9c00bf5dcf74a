#!/usr/bin/env python3
"""No call of a banned function, and none of libm's transcendentals where results enter state.

time, gmtime and localtime: time is handed in.  rand: chance is handed in.  The others have no
bound.  glibc picks a variant of exp, log, pow by CPU, so two machines would differ in the last bit.
Arguments are folders or files to look at instead of the tree (the check's own test uses this).
"""
import re
import sys
from pathlib import Path

from source import ROOT, c_files, report, without_comments

EVERYWHERE = ("time rand srand random drand48 strcpy strcat sprintf vsprintf strtok gets atoi atol "
              "atoll atof gmtime localtime gmtime_r localtime_r alloca system popen tmpnam mktemp "
              "sleep usleep").split()
NUMERIC = ("exp expf exp2 exp2f expm1 expm1f log logf log2 log2f log10 log1p log1pf pow powf "
           "tanh tanhf sin sinf cos cosf tan tanf cbrt cbrtf").split()
NUMERIC_MODULES = {"state", "score", "policy"}
# The one place that may: the door to the system's clock.
ALLOWED = {("src/base/clock.c", "time"), ("src/base/clock.c", "nanosleep")}


def calls(text, names):
    pattern = re.compile(r"(?<![\w.>])(" + "|".join(names) + r")\s*\(")
    for number, line in enumerate(without_comments(text).splitlines(), 1):
        for match in pattern.finditer(line):
            yield number, match.group(1)


def check(paths):
    problems = []
    for path in paths:
        where = path.relative_to(ROOT) if path.is_relative_to(ROOT) else path
        names = list(EVERYWHERE)
        if NUMERIC_MODULES & set(where.parts):
            names += NUMERIC
        for number, name in calls(path.read_text(encoding="utf-8"), names):
            if (str(where), name) not in ALLOWED:
                problems.append(f"{where}:{number}: {name}() is banned")
    return problems


if __name__ == "__main__":
    chosen = [Path(a).resolve() for a in sys.argv[1:]] or c_files()
    sys.exit(report("banned calls", check(chosen), f"{len(chosen)} files"))
