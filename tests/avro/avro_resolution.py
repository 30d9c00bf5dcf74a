#!/usr/bin/env python3
"""Schema resolution against Java's Avro, fastavro and avro-c: the specification's table row by row,
then random pairs of schemas with random data.

    avro_resolution.py DRIVER AVRO_C_PEER [--seed N] [--pairs N] [--values N]

Each implementation reads a datum of the writer's schema as the reader's and says it in the reader's
schema.  A row of ROWS says what the specification wants, and which implementation is known to do
something else; all others must agree.  avro-c is asked only where no field has a default, no enum
changes and nothing has a new name.  What isn't installed is left out and said so; exit 77 when only
avro-c is there.
"""
import argparse
import copy
import glob
import io
import json
import os
import random
import re
import shutil
import struct
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
CACHE = os.environ.get("NBA_CACHE", os.path.expanduser("~/.cache/nba"))
# Refusals of theirs that the specification doesn't know: Java's makes the default of a union as if
# it were an array's.
BUGS = ["Not an array: ["]
# Of ours: an array of nothing, whose length no bytes bound.
LIMITS = ["items take no bytes"]
PRIMITIVES = ["null", "boolean", "int", "long", "float", "double", "bytes", "string"]


# ---- data by a schema -------------------------------------------------------------------------

class Types:
    """A schema with its names: encodes random data, decodes with the branch of each union."""

    def __init__(self, schema):
        self.schema = schema
        self.named = {}
        self.learn(schema)

    def learn(self, schema):
        if isinstance(schema, list):
            for part in schema:
                self.learn(part)
        elif isinstance(schema, dict):
            if "name" in schema:
                self.named[schema["name"]] = schema
            for part in [schema.get("items"), schema.get("values")] + [
                    f["type"] for f in schema.get("fields", [])]:
                self.learn(part)

    def of(self, schema):
        if isinstance(schema, str) and schema in self.named:
            return self.named[schema]
        return schema

    def random(self, rng, schema, out, depth=0):
        schema = self.of(schema)
        kind = schema if isinstance(schema, str) else \
            "union" if isinstance(schema, list) else schema["type"]
        if kind == "boolean":
            out.append(bytes([rng.randint(0, 1)]))
        elif kind in ("int", "long"):
            bits = rng.choice([0, 1, 6, 7, 13, 24, 31] if kind == "int" else [0, 3, 7, 40, 53, 63])
            value = rng.getrandbits(bits)
            out.append(varint(value if rng.random() < 0.5 else -value - 1 if bits else 0))
        elif kind == "float":
            out.append(struct.pack("<f", rng.choice([0, 1.5, -2.25, rng.uniform(-1e5, 1e5)])))
        elif kind == "double":
            out.append(struct.pack("<d", rng.choice([0, 1.5, 1e300, rng.uniform(-1e9, 1e9)])))
        elif kind in ("bytes", "string"):
            text = rng.choice(["", "a", "red", "Müller", "日本", "x" * 70, "\0", "quo\"te"])
            data = text.encode()
            out.append(varint(len(data)) + data)
        elif kind == "fixed":
            out.append(bytes(rng.randrange(128) for _ in range(schema["size"])))
        elif kind == "enum":
            out.append(varint(rng.randrange(len(schema["symbols"]))))
        elif kind in ("array", "map"):
            counts = [rng.choice([0, 1, 2, 70] if depth < 3 else [0, 0, 1] if depth < 12 else [0])
                      for _ in range(rng.choice([1, 1, 2]))]
            number = 0
            for count in filter(None, counts):
                items = []
                for _ in range(count):
                    number += 1
                    if kind == "map":
                        items.append(varint(len(str(number))) + str(number).encode())
                    self.random(rng, schema["items" if kind == "array" else "values"], items,
                                depth + 1)
                data = b"".join(items)
                out.append(varint(-count) + varint(len(data)) if rng.random() < 0.3
                           else varint(count))
                out.append(data)
            out.append(b"\0")
        elif kind == "union":
            branch = rng.randrange(len(schema))
            if depth > 6 and "null" in schema:
                branch = schema.index("null")
            out.append(varint(branch))
            self.random(rng, schema[branch], out, depth + 1)
        elif kind == "record":
            for field in schema["fields"]:
                self.random(rng, field["type"], out, depth + 1)
        elif kind != "null":
            self.random(rng, kind, out, depth)

    def decode(self, schema, data):
        schema = self.of(schema)
        kind = schema if isinstance(schema, str) else \
            "union" if isinstance(schema, list) else schema["type"]
        if kind == "null":
            return None
        if kind == "boolean":
            return data.read(1) == b"\1"
        if kind in ("int", "long"):
            return number(data)
        if kind in ("float", "double"):
            return struct.unpack("<" + kind[0], data.read(4 if kind == "float" else 8))[0]
        if kind == "bytes":
            return data.read(number(data))
        if kind == "string":
            return data.read(number(data)).decode()
        if kind == "fixed":
            return data.read(schema["size"])
        if kind == "enum":
            return schema["symbols"][number(data)]
        if kind == "union":
            branch = number(data)
            return Tagged(branch, self.decode(schema[branch], data))
        if kind == "record":
            return {f["name"]: self.decode(f["type"], data) for f in schema["fields"]}
        if kind in ("array", "map"):
            items = []
            while (count := number(data)) != 0:
                if count < 0:
                    count = -count
                    number(data)
                for _ in range(count):
                    key = data.read(number(data)).decode() if kind == "map" else None
                    items.append((key, self.decode(
                        schema["items" if kind == "array" else "values"], data)))
            return dict(sorted(items)) if kind == "map" else [v for _, v in items]
        return self.decode(kind, data)

    def whole(self, data):
        stream = io.BytesIO(data)
        value = self.decode(self.schema, stream)
        assert not stream.read(), "bytes left over"
        return value


class Tagged(tuple):
    def __new__(cls, branch, value):
        return super().__new__(cls, (branch, value))


def varint(value):
    raw = (value << 1) ^ (value >> 63)
    out = bytearray()
    while raw > 127:
        out.append(raw & 127 | 128)
        raw >>= 7
    out.append(raw)
    return bytes(out)


def number(data):
    raw = shift = 0
    while True:
        byte = data.read(1)[0]
        raw |= (byte & 127) << shift
        if byte < 128:
            return (raw >> 1) ^ -(raw & 1)
        shift += 7


def bare(value):
    """Without the branches of unions, which fastavro doesn't tell."""
    if isinstance(value, Tagged):
        return bare(value[1])
    if isinstance(value, dict):
        return {k: bare(v) for k, v in value.items()}
    return [bare(v) for v in value] if isinstance(value, list) else value


# ---- the implementations ----------------------------------------------------------------------

class Pipe:
    def __init__(self, command):
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        text=True)

    def resolve(self, writer, reader, datum):
        """(bytes, None) or (None, why)"""
        words = [json.dumps(writer).encode().hex(), json.dumps(reader).encode().hex(),
                 datum.hex() or "-"]
        self.process.stdin.write("resolve " + " ".join(words) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit(f"a driver died with {self.process.wait()}")
        kind, _, rest = line.rstrip("\n").partition(" ")
        return (bytes.fromhex(rest), None) if kind == "ok" else (None, rest)

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def start_java(folder):
    """Java's Avro, compiled by the compiler that lies beside its jar; None: not there."""
    pom = open(os.path.join(ROOT, "tools", "lib", "avro", "pom.xml")).read()
    version = re.search("<avro.version>(.*)</avro.version>", pom).group(1)
    jars = os.path.join(CACHE, "avro-" + version)
    if not shutil.which("java") or not os.path.isdir(jars):
        return None
    compiler, = glob.glob(os.path.join(jars, "ecj-*.jar"))
    path = os.path.join(jars, "*")
    source = os.path.join(ROOT, "tests", "avro", "AvroPeer.java")
    subprocess.run(["java", "-jar", compiler, "-17", "-nowarn", "-cp",
                    ":".join(glob.glob(path + ".jar")), "-d", folder, source], check=True)
    return Pipe(["java", "-XX:TieredStopAtLevel=1", "-cp", f"{path}:{folder}", "AvroPeer"])


def by_fastavro(fastavro, writer, reader, datum):
    try:
        stream = io.BytesIO(datum)
        value = fastavro.schemaless_reader(stream, fastavro.parse_schema(copy.deepcopy(writer)),
                                           fastavro.parse_schema(copy.deepcopy(reader)))
        return value, None
    except Exception as problem:  # whatever the library raises is a refusal
        return None, f"{type(problem).__name__}: {problem}"


def filled(types, schema, value):
    """fastavro leaves defaults as JSON says them: made into values here."""
    schema = types.of(schema)
    kind = schema if isinstance(schema, str) else \
        "union" if isinstance(schema, list) else schema["type"]
    if kind == "union":
        if isinstance(value, str) and not any(types.of(b) == "string" or isinstance(
                types.of(b), dict) and types.of(b)["type"] == "enum" for b in schema):
            return value.encode("latin-1")
        for branch in schema:
            whole = types.of(branch)
            name = whole if isinstance(whole, str) else whole["type"]
            if isinstance(value, dict) and name in ("record", "map") or \
                    isinstance(value, list) and name == "array":
                return filled(types, branch, value)
        return value
    if kind in ("bytes", "fixed") and isinstance(value, str):
        return value.encode("latin-1")
    if kind == "float" and isinstance(value, (int, float)):
        return struct.unpack("<f", struct.pack("<f", value))[0]
    if kind == "double" and isinstance(value, int):
        return float(value)
    if kind == "array":
        return [filled(types, schema["items"], v) for v in value]
    if kind == "map":
        return {k: filled(types, schema["values"], v) for k, v in sorted(value.items())}
    if kind == "record":
        return {f["name"]: filled(types, f["type"], value.get(f["name"], f.get("default")))
                for f in schema["fields"]}
    return value


# ---- random pairs -----------------------------------------------------------------------------

class Pair:
    """A random writer's schema and what a reader might have made of it."""

    def __init__(self, rng):
        self.rng = rng
        self.fresh = 0
        self.defined = []  # complete named types of the writer, by name
        self.renamed = {}
        self.exact = True  # False: fastavro takes an earlier branch by promotion
        self.broken = False  # something that need not be readable
        self.plain = True  # nothing that avro-c is known to read wrongly
        self.writer = self.record("Root", 0)
        self.writer["namespace"] = "some.where"
        self.reader = self.read(self.writer)

    def name(self, stem):
        self.fresh += 1
        return f"{stem}{self.fresh}"

    def record(self, name, depth):
        rng = self.rng
        fields = []
        record = {"type": "record", "name": name, "fields": fields}
        for i in range(rng.randint(1, 6 if depth == 0 else 3)):
            kind = rng.choice([["null", name], {"type": "array", "items": name},
                               {"type": "map", "values": name}])
            kind = kind if rng.random() < 0.1 else self.type(depth + 1)
            fields.append({"name": f"f{i}", "type": kind})
        self.defined.append(name)
        return record

    def type(self, depth, union=True):
        rng = self.rng
        roll = rng.random()
        if roll < 0.5 or depth > 3:
            return rng.choice(PRIMITIVES)
        if self.defined and roll < 0.55:
            return rng.choice(self.defined)
        kind = rng.choice(["array", "map", "enum", "fixed", "record", "union", "union"])
        if kind == "array":
            items = self.type(depth + 1)
            return {"type": "array", "items": items if items != "null" else "int"}
        if kind == "map":
            return {"type": "map", "values": self.type(depth + 1)}
        if kind == "enum":
            name = self.name("Enum")
            self.defined.append(name)
            return {"type": "enum", "name": name,
                    "symbols": [f"S{i}" for i in range(rng.randint(1, 5))]}
        if kind == "fixed":
            name = self.name("Fixed")
            self.defined.append(name)
            return {"type": "fixed", "name": name, "size": rng.randint(1, 9)}
        if kind == "union" and union:
            branches = []
            for _ in range(rng.randint(1, 4)):
                known = list(self.defined)
                branch = self.type(depth + 1, union=False)
                if same(branch) not in map(same, branches):
                    branches.append(branch)
                else:
                    self.defined = known
            return branches
        return self.record(self.name("Record"), depth + 1)

    def read(self, schema):
        rng = self.rng
        if isinstance(schema, list):
            branches = [self.read(b) for b in schema]
            flat = []
            for branch in branches:
                for b in branch if isinstance(branch, list) else [branch]:
                    if same(b) not in map(same, flat):
                        flat.append(b)
            if rng.random() < 0.2:
                flat = sorted(flat, key=lambda b: defines(b) is None)  # names before their use
            if rng.random() < 0.3:
                extra = rng.choice(PRIMITIVES)
                if extra not in flat:
                    flat.insert(rng.randint(0, len(flat)), extra)
            self.exact = False
            return flat
        if isinstance(schema, str):
            return self.read_name(schema)
        kind = dict(schema)
        if kind["type"] == "array":
            kind["items"] = self.read(kind["items"])
            return kind
        if kind["type"] == "map":
            kind["values"] = self.read(kind["values"])
            return kind
        if rng.random() < 0.2 and kind["name"] != "Root":
            self.plain = False
            kind["name"] = self.name("New")
            kind["aliases"] = [rng.choice([schema["name"], "some.where." + schema["name"]])]
            self.renamed[schema["name"]] = kind["name"]
        if kind["type"] == "enum":
            self.plain = False
            kind["symbols"] = list(kind["symbols"])
            rng.shuffle(kind["symbols"])
            if rng.random() < 0.3:
                kind["symbols"].insert(0, "NEW")
            if rng.random() < 0.4 and len(kind["symbols"]) > 1:
                kind["symbols"].pop()
            if rng.random() < 0.5:
                kind["default"] = rng.choice(kind["symbols"])
        elif kind["type"] == "fixed":
            if rng.random() < 0.02:
                kind["size"] += 1
                self.broken = True
        else:
            kind["fields"] = self.read_fields(schema["fields"])
        return kind

    def read_name(self, name):
        rng, roll = self.rng, self.rng.random()
        wider = {"int": ["long", "float", "double"], "long": ["float", "double"],
                 "float": ["double"], "string": ["bytes"], "bytes": ["string"]}
        if name not in PRIMITIVES:
            return self.renamed.get(name, name)
        if roll < 0.15 and name in wider:
            self.plain = self.plain and name not in ("string", "bytes")
            return rng.choice(wider[name])
        if roll < 0.25 and name != "null":
            return ["null", name] if rng.random() < 0.7 else [name, "null"]
        if roll < 0.26:
            self.broken = True
            return rng.choice(PRIMITIVES[1:])
        return name

    def read_fields(self, fields):
        rng, out = self.rng, []
        for field in fields:
            kind = self.read(field["type"])
            if rng.random() < 0.2 and defines(kind) is None:
                continue  # what it defines may be named further on
            new = {"name": field["name"], "type": kind}
            if rng.random() < 0.2:
                self.plain = False
                new = {"name": self.name("g"), "type": kind, "aliases": ["other", field["name"]]}
            out.append(new)
        for _ in range(rng.choice([0, 0, 1, 2])):
            self.plain = False
            kind = self.type(2)
            kind = self.fresh_names(kind)
            new = {"name": self.name("added"), "type": kind}
            if rng.random() < 0.99:
                new["default"] = self.default(kind)
            else:
                self.broken = True
            out.append(new)
        return out

    def fresh_names(self, kind):
        """Nothing that the writer defines: a default's type is the reader's alone."""
        if isinstance(kind, str):
            return kind if kind in PRIMITIVES else "string"
        if isinstance(kind, list):
            out = []
            for branch in map(self.fresh_names, kind):
                if same(branch) not in map(same, out):
                    out.append(branch)
            return out
        kind = copy.deepcopy(kind)
        if "name" in kind:
            kind["name"] = self.name("Added")
            if "fields" in kind:
                for field in kind["fields"]:
                    field["type"] = self.fresh_names(field["type"])
                    if self.rng.random() < 0.3:
                        field["default"] = self.default(field["type"])
        for part in ("items", "values"):
            if part in kind:
                kind[part] = self.fresh_names(kind[part])
                kind[part] = "int" if part == "items" and kind[part] == "null" else kind[part]
        return kind

    def default(self, kind):
        rng = self.rng
        if isinstance(kind, list):
            # fastavro leaves the text of bytes as it is.
            self.exact = self.exact and kind[0] != "bytes" and "fixed" not in str(kind[0])
            return self.default(kind[0])
        if isinstance(kind, dict):
            if kind["type"] == "record":
                return {f["name"]: self.default(f["type"]) for f in kind["fields"]
                        if "default" not in f or rng.random() < 0.5}
            if kind["type"] == "array":
                return [self.default(kind["items"]) for _ in range(rng.randint(0, 2))]
            if kind["type"] == "map":
                return {f"k{i}": self.default(kind["values"]) for i in range(rng.randint(0, 2))}
            if kind["type"] == "enum":
                return rng.choice(kind["symbols"])
            return "".join(chr(rng.randrange(256)) for _ in range(kind["size"]))
        return {"null": None, "boolean": rng.random() < 0.5, "int": rng.randint(-99, 99),
                "long": rng.choice([-2**62, 0, 2**40]), "float": rng.choice([0.5, -3.0]),
                "double": rng.choice([1e100, 0.25]), "bytes": rng.choice(["", "\u00ff\0", "a"]),
                "string": rng.choice(["", "ä\0b", "red"])}[kind]


def same(schema):
    """What may stand in a union but once."""
    if isinstance(schema, dict):
        return schema.get("name", schema["type"])
    return schema


def defines(schema):
    """A named type that is defined inside, or None."""
    if isinstance(schema, list):
        return next(filter(None, map(defines, schema)), None)
    if isinstance(schema, dict):
        return schema.get("name") or defines(schema.get("items")) or defines(schema.get("values"))
    return None


# ---- the table --------------------------------------------------------------------------------

def enum(symbols, **more):
    return {"type": "enum", "name": "E", "symbols": symbols.split(), **more}


def fixed(size, **more):
    return {"type": "fixed", "name": "F", "size": size, **more}


def record(name, *fields, **more):
    return {"type": "record", "name": name, "fields": [
        {"name": f[0], "type": f[1], **({"default": f[2]} if len(f) > 2 else {})}
        for f in fields], **more}


def decimal(precision, scale):
    return {"type": "bytes", "logicalType": "decimal", "precision": precision, "scale": scale}


def array(items):
    return {"type": "array", "items": items}


def mapping(values):
    return {"type": "map", "values": values}


REFUSED = "refused"
ONE = struct.pack("<f", 1.5)
# What, writer's type, reader's type, bytes, the value by the specification, who differs and how.  A
# writer's type of None: it has no such field, and the reader's is (type, default).
ROWS = [
    ("int to long", "int", "long", b"\x05", -3, {}),
    ("int to float", "int", "float", b"\x05", -3.0, {}),
    ("int to double", "int", "double", b"\x05", -3.0, {}),
    ("long to float", "long", "float", b"\x05", -3.0, {}),
    ("long to double", "long", "double", b"\x05", -3.0, {}),
    ("float to double", "float", "double", ONE, 1.5, {}),
    ("string to bytes", "string", "bytes", b"\x04hi", b"hi", {}),
    ("bytes to string", "bytes", "string", b"\x04hi", "hi", {}),
    ("long to int", "long", "int", b"\x05", REFUSED, {}),
    ("double to float", "double", "float", bytes(8), REFUSED, {}),
    ("float to long", "float", "long", ONE, REFUSED, {}),
    ("boolean to int", "boolean", "int", b"\1", REFUSED, {}),
    ("null to null", "null", "null", b"", None, {}),
    ("enum by symbol", enum("A B C"), enum("C B A"), b"\0", "A", {}),
    ("enum without the symbol", enum("A B"), enum("B"), b"\0", REFUSED, {}),
    ("enum with a default", enum("A B"), enum("B C", default="C"), b"\0", "C", {}),
    ("enum by another name", enum("A"), dict(enum("A"), name="G"), b"\0", REFUSED, {}),
    ("enum by alias", enum("A"), dict(enum("A"), name="G", aliases=["E"]), b"\0", "A", {}),
    ("fixed", fixed(2), fixed(2), b"ab", b"ab", {}),
    ("fixed of another size", fixed(2), fixed(3), b"ab", REFUSED, {}),
    ("fixed by alias", fixed(2), dict(fixed(2), name="G", aliases=["n.F"]), b"ab", b"ab", {}),
    ("record by alias", record("A", ("x", "int")), record("B", ("x", "int"), aliases=["A"]),
     b"\2", {"x": 1}, {}),
    ("record by another name", record("A", ("x", "int")), record("B", ("x", "int")), b"\2", REFUSED,
     {"java": {"x": 1}}),
    ("fields in another order", record("A", ("x", "int"), ("y", "string")),
     record("A", ("y", "string"), ("x", "long")), b"\2\2z", {"y": "z", "x": 1}, {}),
    ("field of the writer alone", record("A", ("x", array(mapping("bytes"))), ("y", "int")),
     record("A", ("y", "int")), b"\1\x0c\2\2k\2v\0\0\4", {"y": 2}, {}),
    ("field without default", record("A", ("y", "int")), record("A", ("x", "int"), ("y", "int")),
     b"\2", REFUSED, {}),
    ("array", array("int"), array("double"), b"\3\4\2\4\0", [1.0, 2.0], {}),
    ("map", mapping("int"), mapping("long"), b"\2\2k\2\0", {"k": 1}, {}),
    ("array of another type", array("string"), array("int"), b"\2\2x\0", REFUSED, {}),
    ("array of another type, without items", array("string"), array("int"), b"\0", REFUSED,
     {"java": []}),
    ("writer's union, reader's none", ["null", "int"], "long", b"\2\2", 1, {}),
    ("writer's union, branch unfit", ["null", "int"], "long", b"\0", REFUSED, {}),
    ("reader's union, writer's none", "int", ["null", "long"], b"\2", 1, {}),
    ("reader's union, none fits", "int", ["null", "string"], b"\2", REFUSED, {}),
    ("both unions", ["int", "null", "string"], ["null", "bytes", "double"], b"\4\2x", b"x", {}),
    ("both unions, branch unfit", ["int", "boolean"], ["null", "int"], b"\2\1", REFUSED, {}),
    # The same type before one by promotion, as a value would change by being read.
    ("the best branch", "int", ["float", "int"], b"\2", 1, {"fastavro": 1.0}),
    ("enum in a union", enum("A B"), ["null", enum("B A")], b"\2", "B", {}),
    ("decimal", decimal(5, 2), decimal(5, 2), b"\2x", b"x", {"fastavro": "Decimal('1.20')"}),
    ("decimal of another scale", decimal(5, 2), decimal(5, 1), b"\2x", REFUSED,
     {"java": b"x", "fastavro": "Decimal('1.20')"}),
    ("logical type unknown", {"type": "int", "logicalType": "moon"}, "int", b"\2", 1, {}),
    ("default null", None, ("null", None), b"", None, {}),
    ("default boolean", None, ("boolean", True), b"", True, {}),
    ("default int", None, ("int", -7), b"", -7, {}),
    ("default long", None, ("long", 2**62), b"", 2**62, {}),
    ("default float", None, ("float", 1.5), b"", 1.5, {}),
    ("default double", None, ("double", 3), b"", 3.0, {}),
    ("default bytes", None, ("bytes", "\u00ff\0a"), b"", b"\xff\0a", {}),
    ("default string", None, ("string", "\u00ff\0a"), b"", "\u00ff\0a", {}),
    ("default fixed", None, (fixed(2), "\u00ff\0"), b"", b"\xff\0", {}),
    ("default enum", None, (enum("A B"), "B"), b"", "B", {}),
    ("default array", None, (array("int"), [1, 2]), b"", [1, 2], {}),
    ("default map", None, (mapping(array("string")), {"a": ["b"]}), b"", {"a": ["b"]}, {}),
    ("default record", None, (record("A", ("x", "int"), ("y", "int", 4)), {"x": 3}), b"",
     {"x": 3, "y": 4}, {}),
    ("default of a union's first branch", None, (["int", "null"], 3), b"", 3, {}),
    ("default of a union's second branch", None, (["null", "int"], 3), b"", 3, {}),
]


def row_schemas(writer, reader):
    field = {"name": "f", "type": reader}
    if writer is None:
        field = {"name": "f", "type": reader[0], "default": reader[1]}
    pair = Pair.__new__(Pair)
    pair.writer = {"type": "record", "name": "R", "namespace": "n",
                   "fields": [{"name": "f", "type": writer}] if writer is not None else []}
    pair.reader = {"type": "record", "name": "R", "namespace": "n", "fields": [field]}
    return pair


def table(judge):
    """Every row by every implementation; what a row says of one must still be true."""
    for what, writer, reader, datum, wanted, others in ROWS:
        pair = row_schemas(writer, reader)
        types = Types(pair.reader)
        for name, answer in judge.answers(pair, datum, types):
            value = bare(answer["f"]) if answer is not None else REFUSED
            value = value if isinstance(value, (str, bytes, list, dict, float, int, bool,
                                                type(None))) else repr(value)
            if value != others.get(name, wanted) or \
                    type(value) is not type(others.get(name, wanted)):
                judge.differ(pair, datum, f"{what}: {name} says {value!r}, the specification "
                                          f"{wanted!r}")


# ---- comparing --------------------------------------------------------------------------------

class Judge:
    def __init__(self, driver, java, fastavro, avro_c):
        self.driver, self.java, self.fastavro, self.avro_c = driver, java, fastavro, avro_c
        self.equal = self.refused = self.lenient = self.known = self.plain = 0
        self.problems = []

    def differ(self, pair, datum, text):
        self.problems.append(f"{text}\n  writer {json.dumps(pair.writer)}\n"
                             f"  reader {json.dumps(pair.reader)}\n  datum {datum.hex()}")
        if len(self.problems) >= 5:
            self.report()
            sys.exit(1)

    def report(self):
        for problem in self.problems:
            print("DIFFERS", problem)
        print(f"{self.equal} values equal, {self.refused} refused by all, {self.lenient} read "
              f"by Java alone, {self.known} known limits and bugs, {self.plain} by avro-c too, "
              f"{len(self.problems)} differ")

    def answers(self, pair, datum, types):
        """(name, value or None) by ours and those that read all of Avro"""
        for name, pipe in (("ours", self.driver), ("java", self.java)):
            data = pipe.resolve(pair.writer, pair.reader, datum)[0] if pipe else None
            if pipe:
                yield name, types.whole(data) if data is not None else None
        if self.fastavro:
            data, problem = by_fastavro(self.fastavro, pair.writer, pair.reader, datum)
            yield "fastavro", filled(types, pair.reader, data) if problem is None else None

    def pair(self, pair, datum):
        types = Types(pair.reader)
        ours, why = self.driver.resolve(pair.writer, pair.reader, datum)
        value = types.whole(ours) if ours is not None else None
        others = []
        if self.java:
            data, problem = self.java.resolve(pair.writer, pair.reader, datum)
            others.append(("java", types.whole(data) if data is not None else None, problem, value))
        if self.fastavro and pair.exact:
            data, problem = by_fastavro(self.fastavro, pair.writer, pair.reader, datum)
            data = filled(types, pair.reader, data) if problem is None else None
            others.append(("fastavro", data, problem, bare(value)))
        if pair.plain:
            data, problem = self.avro_c.resolve(pair.writer, pair.reader, datum)
            others.append(("avro-c", types.whole(data) if data is not None else None, problem,
                           value))
            self.plain += 1
        if why is not None and any(limit in why for limit in LIMITS):
            self.known += 1
            return
        for name, theirs, problem, mine in others:
            if problem is not None and any(bug in problem for bug in BUGS):
                self.known += 1
                continue
            if (problem is None) != (why is None):
                # Java refuses an array or map of the wrong type by its first item, we and the
                # specification by its schema.
                if name == "java" and pair.broken and (why or "").startswith("schema_incomp"):
                    self.lenient += 1
                    continue
                self.differ(pair, datum, f"{name}: {problem or 'reads it'}; ours: "
                                         f"{why or 'reads it'}")
                return
            if problem is None and repr(theirs) != repr(mine):
                self.differ(pair, datum, f"{name} {theirs}\n  ours {mine}")
                return
        self.equal += why is None
        self.refused += why is not None


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("driver")
    parser.add_argument("avro_c_peer")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--pairs", type=int, default=500)
    parser.add_argument("--values", type=int, default=4)
    args = parser.parse_args()
    try:
        import fastavro
    except ImportError:
        python = os.path.join(CACHE, "venv", "bin", "python")
        if os.path.exists(python) and os.path.realpath(sys.prefix) != os.path.realpath(
                os.path.join(CACHE, "venv")):
            os.execv(python, [python, *sys.argv])
        fastavro = None
    with tempfile.TemporaryDirectory() as folder:
        java = start_java(folder)
        for name, there in (("java", java), ("fastavro", fastavro)):
            if not there:
                print(f"skipped: {name} is missing (tools/setup)")
        if not java and not fastavro:
            return 77
        judge = Judge(Pipe([args.driver]), java, fastavro, Pipe([args.avro_c_peer]))
        table(judge)
        rng = random.Random(args.seed)
        for _ in range(args.pairs):
            pair = Pair(rng)
            types = Types(pair.writer)
            for _ in range(args.values):
                out = []
                types.random(rng, pair.writer, out)
                judge.pair(pair, b"".join(out))
        judge.report()
        judge.driver.close()
        judge.avro_c.close()
        if java:
            java.close()
    return 1 if judge.problems or judge.equal < args.pairs else 0


if __name__ == "__main__":
    sys.exit(main())
