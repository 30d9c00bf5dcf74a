#!/usr/bin/env python3
"""Documents name what exists: every `function()` in docs/TOUR.md, every file in backquotes with a
folder of ours, every relative link of every .md; and no file keeps notes to self or paths of one
machine."""
import re
import sys

from source import ROOT, files, report

FUNCTION = re.compile(r"`([a-z_][a-z0-9_]*)\(\)`")
LINK = re.compile(r"\[[^\]\n]*\]\(([^)\s]+)\)")
NAMED = re.compile(r"`((?:src|include|schemas|config|tests|tools|docs)/[\w./-]+)`")
# Split, so that this file passes its own check.
FORBIDDEN = re.compile(r"\b(TO" r"DO|FIX" r"ME|XX" r"X|HA" r"CK)\b|/wor" r"k/|/ho" r"me/\w|lorem ip" r"sum",
                       re.I)
TEXT = ("*.md *.c *.h *.py *.sh *.txt *.cmake *.yaml *.yml *.json *.avsc *.xml *.html *.js "
        "*.css").split()
# A slash anywhere in the name says it is made by a build, not kept.
MADE = ("build/",)


def anchors(text):
    """The anchors that a reader of Markdown gives to headings."""
    found = set()
    for line in text.splitlines():
        if line.startswith("#"):
            title = re.sub(r"[^\w\- ]", "", line.lstrip("#").strip().lower())
            found.add(title.replace(" ", "-"))
    return found


def check_links(path, text, problems):
    for target in LINK.findall(text):
        if re.match(r"[a-z]+:", target):
            continue
        name, _, anchor = target.partition("#")
        file = (path.parent / name).resolve() if name else path
        where = path.relative_to(ROOT)
        if not file.exists():
            problems.append(f"{where}: link to '{target}', which isn't there")
        elif anchor and file.suffix == ".md" and anchor not in anchors(file.read_text()):
            problems.append(f"{where}: link to '{target}': no such heading")


def check_names(path, text, problems):
    for name in NAMED.findall(text):
        if not (ROOT / name.rstrip("/.")).exists() and not name.startswith(MADE):
            problems.append(f"{path.relative_to(ROOT)}: names '{name}', which isn't there")


def check_functions(problems):
    tour = ROOT / "docs" / "TOUR.md"
    if not tour.exists():
        return 0
    code = "\n".join(p.read_text(encoding="utf-8") for p in files("*.c", "*.h"))
    defined = set(re.findall(r"\b([a-z_][a-z0-9_]*)\(", code))
    named = set(FUNCTION.findall(tour.read_text(encoding="utf-8")))
    problems += [f"docs/TOUR.md: names `{n}()`, which isn't there" for n in sorted(named - defined)]
    return len(named)


def main():
    problems = []
    documents = files("*.md")
    for path in documents:
        text = path.read_text(encoding="utf-8")
        check_links(path, text, problems)
        check_names(path, text, problems)
    for path in files(*TEXT, "tools/*", "Dockerfile", ".ci/*"):
        for number, line in enumerate(path.read_text(encoding="utf-8", errors="replace")
                                      .splitlines(), 1):
            match = FORBIDDEN.search(line)
            if match:
                problems.append(f"{path.relative_to(ROOT)}:{number}: '{match.group(0)}' is not for "
                                "the repository")
    named = check_functions(problems)
    return report("documents", problems, f"{len(documents)} documents, {named} functions of the tour")


if __name__ == "__main__":
    sys.exit(main())
