#!/usr/bin/env python3
"""Which scenarios cover what: tools/check/coverage.py [FOLDER]

Prints, for each reason code of include/nba/event/vocabulary.h, the scenarios that expect it, and for each sentence of
FOLDER/README.md those that it names. Ends with 1 when the page names a scenario that isn't there."""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]


def reasons():
    text = (ROOT / "include/nba/event/vocabulary.h").read_text(encoding="utf-8")
    table = text.split("#define NBA_REASON_MAP(X)")[1].split("\n\n")[0]
    return [(int(number), name) for name, number in re.findall(r"X\((\w+), (\d+),", table)]


def scenarios(folder):
    """{"file:name": what the document expects}; one without `then` of its own expects nothing of its own."""
    found = {}
    for path in sorted(folder.glob("*.yaml")):
        for document in re.split(r"(?m)^---.*$", path.read_text(encoding="utf-8")):
            name = re.search(r"(?m)^name: *\"?([^\"\n#]+?)\"? *$", document)
            if name:
                expected = re.split(r"(?m)^then:", document)
                found[f"{path.stem}:{name.group(1)}"] = expected[1] if len(expected) > 1 else ""
    return found


def main():
    folder = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "tests/scenarios"
    known = scenarios(folder)
    bare = 0
    print("reason codes")
    for number, name in reasons():
        # reason: NAME, or counts: {NAME: n}
        wanted = re.compile(rf"\b{name}\b")
        covering = [key for key, expected in known.items() if wanted.search(expected)]
        bare += not covering
        print(f"  {number} {name}: {', '.join(covering) or 'none'}")
    print("sentences")
    missing = []
    page = (folder / "README.md").read_text(encoding="utf-8")
    for number, sentence, names in re.findall(r"(?m)^\| (\d+) \| (.+?) \| (.*?) ?\|$", page):
        covering = names.split()
        missing += [name for name in covering if name not in known]
        bare += not covering
        print(f"  {number} {sentence}: {', '.join(covering) or 'none'}")
    for name in missing:
        print(f"{folder}/README.md: no scenario '{name}'", file=sys.stderr)
    print(f"{len(known)} scenarios, {bare} codes and sentences without one")
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main())
