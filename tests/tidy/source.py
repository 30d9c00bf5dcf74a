"""What the checks of this folder share: the tree's files, and C text without its comments."""
import os
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
SKIPPED = {"build", ".git", ".cache", "__pycache__"}

TOKEN = re.compile(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.S)


def tree():
    """Every file, without walking through what builds have made."""
    for folder, folders, names in os.walk(ROOT):
        folders[:] = [name for name in folders if name not in SKIPPED]
        yield from (Path(folder, name) for name in names)


def files(*patterns):
    """Files of the tree whose names (or, with a slash, paths) match, in a fixed order."""
    return sorted(path for path in tree() if any(path.match(pattern) for pattern in patterns))


def c_files():
    return [p for p in files("*.c", "*.h") if p.relative_to(ROOT).parts[0] in
            ("src", "include", "tests")]


def without_comments(text, keep_strings=False):
    """The same lines, comments (and strings) blanked, so that line numbers stay."""
    def blank(match):
        token = match.group(0)
        if keep_strings and token[0] in "\"'":
            return token
        return re.sub(r"[^\n]", " ", token) if token[0] == "/" else '""'
    return TOKEN.sub(blank, text)


def report(name, problems, summary):
    """Prints each problem; the exit code of the check."""
    for problem in problems:
        print(problem)
    print(f"{name}: {summary}, {len(problems)} wrong")
    return 1 if problems else 0
