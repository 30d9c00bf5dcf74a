#!/usr/bin/env python3
"""At most 600 lines a .c file and 100 columns a line; prints the longest functions as a feeling.

A function is what stands between a `{` and a `}` in the first column, as clang-format leaves it.
--report lists every function over 70 lines.
"""
import sys

from source import ROOT, c_files, report

FILE_LINES_MAX = 600
COLUMNS_MAX = 100
FUNCTION_LINES = 70


def functions(lines):
    """(lines, name) of each function."""
    start = None
    for number, line in enumerate(lines):
        if line == "{":
            start = number
        elif line == "}" and start is not None:
            name = next((lines[i].split("(")[0].split()[-1].lstrip("*")
                         for i in range(start - 1, max(start - 8, -1), -1)
                         if lines[i] and not lines[i][0].isspace() and "(" in lines[i]), "?")
            yield number - start + 1, name
            start = None


def main(argv):
    problems, sizes, count = [], [], 0
    for path in c_files():
        where = path.relative_to(ROOT)
        lines = path.read_text(encoding="utf-8").splitlines()
        count += 1
        if path.suffix == ".c" and where.parts[0] == "src" and len(lines) > FILE_LINES_MAX:
            problems.append(f"{where}: {len(lines)} lines, at most {FILE_LINES_MAX}")
        for number, line in enumerate(lines, 1):
            if len(line) > COLUMNS_MAX:
                problems.append(f"{where}:{number}: {len(line)} columns, at most {COLUMNS_MAX}")
        if where.parts[0] == "src":
            sizes += [(size, name, str(where)) for size, name in functions(lines)]
    sizes.sort(reverse=True)
    shown = sizes[:5] if "--report" not in argv else [s for s in sizes if s[0] > FUNCTION_LINES]
    for size, name, where in shown:
        print(f"{size:5d} lines  {name}  {where}")
    over = sum(1 for size, _, _ in sizes if size > FUNCTION_LINES)
    print(f"{len(sizes)} functions, {over} over {FUNCTION_LINES} lines")
    return report("sizes", problems, f"{count} files")


if __name__ == "__main__":
    sys.exit(main(sys.argv))
