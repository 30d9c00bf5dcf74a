#!/usr/bin/env python3
"""Documents name what exists: every `function()`, `struct` and `test_...` in docs/TOUR.md, every file
in backquotes with a folder of ours, every relative link of every .md; and no file keeps notes to self
or paths of one machine."""
import html
import re
import sys

from source import ROOT, files, report

FUNCTION = re.compile(r"`([a-z_][a-z0-9_]*)\(\)`")
STRUCT = re.compile(r"`struct (\w+)`")
TEST = re.compile(r"`(test_\w+)`")
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


def check_tour(problems):
    tour = ROOT / "docs" / "TOUR.md"
    text = tour.read_text(encoding="utf-8")
    code = "\n".join(p.read_text(encoding="utf-8") for p in files("*.c", "*.h"))
    scripts = "\n".join(p.read_text(encoding="utf-8") for p in files("test_*.py"))
    known = ((FUNCTION, set(re.findall(r"\b([a-z_][a-z0-9_]*)\(", code))),
             (STRUCT, set(re.findall(r"\bstruct (\w+) \{", code)) |
              set(re.findall(r"\bstruct (\w+);", code))),
             (TEST, set(re.findall(r"\b(test_\w+)\(", code + scripts))))
    count = 0
    for pattern, defined in known:
        named = set(pattern.findall(text))
        count += len(named)
        problems += [f"docs/TOUR.md: names '{n}', which isn't there" for n in sorted(named - defined)]
    return count


def check_drawing(problems):
    """docs/layers.svg has the arrows of the source and no other; Graphviz titles them a->b."""
    sys.path.insert(0, str(ROOT / "tools" / "lint"))
    import check_layers
    rank, doors = check_layers.read_layers(ROOT / "config" / "layers.txt")
    wrong, arrows = check_layers.check(ROOT, rank, doors)
    if wrong:
        return  # check_layers itself tells
    titles = re.findall(r"<title>([^<]*)</title>", (ROOT / "docs" / "layers.svg").read_text())
    drawn = {t for t in map(html.unescape, titles) if "->" in t}
    if drawn != {f"{a}->{b}" for a, b in check_layers.drawn(rank, arrows)}:
        problems.append("docs/layers.svg is old: tools/lint/check_layers.py config/layers.txt . --dot "
                        "| dot -Tsvg > docs/layers.svg")


def check_operators_page(problems):
    """docs/DEPLOY.md explains every metric and every word that begins a log line, and no other."""
    code = "\n".join(p.read_text(encoding="utf-8") for p in (ROOT / "src").rglob("*.c")
                     if p.parent.name != "base")
    text = (ROOT / "docs" / "DEPLOY.md").read_text(encoding="utf-8")
    page = set(re.findall(r"`(nba_\w+)(?:{\w+})?`", text))
    said = set(re.findall(r'"(nba_[a-z_]+)",\s*"[A-Z]', code))  # name, then a sentence of help
    problems += [f"docs/DEPLOY.md: metric {n} isn't explained" for n in sorted(said - page)]
    problems += [f"docs/DEPLOY.md: metric {n} isn't there" for n in sorted(page - said)]
    for word in sorted(set(re.findall(r'nba_log\(\s*NBA_LOG_\w+,\s*"(\w+)"', code))):
        if f"`{word}`" not in text:
            problems.append(f"docs/DEPLOY.md: log line '{word}' isn't explained")


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
    named = check_tour(problems)
    check_drawing(problems)
    check_operators_page(problems)
    return report("documents", problems, f"{len(documents)} documents, {named} names of the tour")


if __name__ == "__main__":
    sys.exit(main())
