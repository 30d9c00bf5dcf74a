#!/usr/bin/env python3
"""Every schemas/*.avsc is Avro by the specification's rules (names, types, defaults), and
schemas/ids.json gives each a number of its own.  Only the standard library, on purpose: this reader
shares nothing with the engine's."""
import json
import re
import sys

from source import ROOT, report

NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
PRIMITIVE = {"null": type(None), "boolean": bool, "int": int, "long": int, "float": (int, float),
             "double": (int, float), "bytes": str, "string": str}


class Bad(Exception):
    pass


def full_name(schema, space):
    name = schema.get("name", "")
    space = name.rpartition(".")[0] or schema.get("namespace", space)
    for part in name.split("."):
        if not NAME.match(part):
            raise Bad(f"'{name}' is not a name")
    return f"{space}.{name.rpartition('.')[2]}".lstrip("."), space


def check_default(schema, value, names):
    """A field's default is of its type; of a union's, of its first branch."""
    if isinstance(schema, list):
        return check_default(schema[0], value, names)
    if isinstance(schema, str) and schema not in PRIMITIVE:
        schema = names[schema]
    kind = schema if isinstance(schema, str) else schema["type"]
    if kind in PRIMITIVE:
        good = isinstance(value, PRIMITIVE[kind])
        if kind in ("int", "long") and isinstance(value, bool):
            good = False
    elif kind == "enum":
        good = value in schema["symbols"]
    elif kind in ("array", "map"):
        good = isinstance(value, list if kind == "array" else dict)
    else:
        good = isinstance(value, dict)
    if not good:
        raise Bad(f"default {value!r} is no {kind}")
    return None


def check(schema, space, names):
    if isinstance(schema, list):
        kinds = [s if isinstance(s, str) else s.get("name", s.get("type")) for s in schema]
        if len(set(kinds)) != len(kinds):
            raise Bad(f"union with a branch twice: {kinds}")
        for branch in schema:
            if isinstance(branch, list):
                raise Bad("union in a union")
            check(branch, space, names)
        return
    if isinstance(schema, str):
        if schema not in PRIMITIVE and schema not in names and f"{space}.{schema}" not in names:
            raise Bad(f"unknown type '{schema}'")
        return
    kind = schema.get("type")
    if kind in ("record", "error", "enum", "fixed"):
        name, space = full_name(schema, space)
        if name in names:
            raise Bad(f"'{name}' is defined twice")
        names[name] = names[name.rpartition(".")[2]] = schema
    if kind == "record":
        seen = set()
        for field in schema["fields"]:
            if not NAME.match(field["name"]) or field["name"] in seen:
                raise Bad(f"field '{field['name']}' is no name, or there twice")
            seen.add(field["name"])
            try:
                check(field["type"], space, names)
                if "default" in field:
                    check_default(field["type"], field["default"], names)
            except Bad as problem:
                raise Bad(f"{field['name']}: {problem}") from None
    elif kind == "enum":
        if len(set(schema["symbols"])) != len(schema["symbols"]):
            raise Bad("a symbol is there twice")
        if not all(NAME.match(symbol) for symbol in schema["symbols"]):
            raise Bad("a symbol is no name")
        if "default" in schema and schema["default"] not in schema["symbols"]:
            raise Bad(f"default '{schema['default']}' is no symbol")
    elif kind == "array":
        check(schema["items"], space, names)
    elif kind == "map":
        check(schema["values"], space, names)
    elif kind == "fixed":
        if not isinstance(schema["size"], int):
            raise Bad("size is no number")
    elif kind not in PRIMITIVE:
        raise Bad(f"unknown type '{kind}'")


def main():
    problems = []
    paths = sorted((ROOT / "schemas").glob("*.avsc"))
    for path in paths:
        try:
            check(json.loads(path.read_text(encoding="utf-8")), "", {})
        except (Bad, ValueError, KeyError, TypeError) as problem:
            problems.append(f"{path.relative_to(ROOT)}: {problem}")
    ids = ROOT / "schemas" / "ids.json"
    if paths and not ids.exists():
        problems.append("schemas/ids.json is missing")
    elif paths:
        text = ids.read_text(encoding="utf-8")
        json.loads(text)
        for path in paths:
            if path.name not in text and path.stem not in text:
                problems.append(f"schemas/ids.json has no number for {path.name}")
    return report("schemas", problems, f"{len(paths)} schemas")


if __name__ == "__main__":
    sys.exit(main())
