#!/usr/bin/env python3
"""The codec against fastavro: random values, random schema evolutions, container files, JSON.

    avro_fastavro.py DRIVER SCHEMAS [--seed N] [--schemas N] [--values N]

For each random change of the engagement schema, values are written by fastavro and read twice: by
fastavro with our schema as the reader's, and by our decoder, whose result our encoder writes again.
Both must agree on the value, or both must refuse.  Exit 77: fastavro is not installed.
"""
import argparse
import copy
import io
import json
import os
import random
import struct
import subprocess
import sys
import tempfile

CACHE = os.environ.get("NBA_CACHE") or os.path.expanduser("~/.cache/nba")
VENV = os.path.join(CACHE, "venv", "bin", "python3")
try:
    import fastavro
except ImportError:
    if os.path.exists(VENV) and os.path.realpath(sys.prefix) != os.path.realpath(
            os.path.dirname(os.path.dirname(VENV))):
        os.execv(VENV, [VENV] + sys.argv)
    print("skipped: python package fastavro is not installed (tools/setup)")
    sys.exit(77)

# Fields of our schema that no struct holds: the codec skips them and writes their default.
UNBOUND = {"call_channel", "products", "presentation_id", "slide_id", "product", "qty",
           "query_topic", "placement", "channel_detail", "reason"}
SCHEMAS_A_DRIVER = 150


class Driver:
    def __init__(self, path, schemas):
        self.process = subprocess.Popen([path, schemas], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True)

    def ask(self, *words):
        self.process.stdin.write(" ".join(words) + "\n")
        self.process.stdin.flush()
        return self.answer()

    def answer(self):
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit(f"driver died with {self.process.wait()}")
        kind, _, rest = line.rstrip("\n").partition(" ")
        return (bytes.fromhex(rest), None) if kind == "ok" else (None, rest)

    def close(self):
        self.process.stdin.close()
        if self.process.wait() != 0:
            raise SystemExit("driver failed at its end")


def plain(schema):
    """The schema without logical types: fastavro would turn times into datetimes."""
    if isinstance(schema, dict):
        return {k: plain(v) for k, v in schema.items() if k not in ("logicalType", "doc")}
    if isinstance(schema, list):
        return [plain(s) for s in schema]
    return schema


# ---- random schemas ---------------------------------------------------------------------------

class Evolution:
    """A random writer's schema that a producer with another version might have."""

    def __init__(self, schema, rng):
        self.rng = rng
        self.fresh = 0
        self.schema = copy.deepcopy(schema)
        self.record(self.schema, top=True)

    def name(self, stem):
        self.fresh += 1
        return f"{stem}_{self.fresh}"

    def record(self, record, top=False):
        rng, kept = self.rng, []
        for field in record["fields"]:
            if "default" in field:
                if rng.random() < 0.25:
                    continue
            elif rng.random() < 0.004:
                continue
            field = dict(field, type=self.change(field["type"], field["name"]))
            field.pop("default", None)
            kept.append(field)
        for _ in range(rng.choice([0, 0, 1, 3])):
            kept.append({"name": self.name("extra"), "type": self.extra(0)})
        if rng.random() < 0.5:
            rng.shuffle(kept)
        record["fields"] = kept
        if rng.random() < (0.01 if top else 0.02):
            record["name"] = self.name("Renamed")

    def extra(self, depth):
        rng = self.rng
        simple = ["boolean", "int", "long", "float", "double", "bytes", "string"]
        kind = rng.choice(simple + ["array", "map", "record", "enum", "fixed", "union"])
        if kind in simple or depth > 2:
            return kind if kind in simple else "string"
        if kind == "array":
            return {"type": "array", "items": self.extra(depth + 1)}
        if kind == "map":
            return {"type": "map", "values": self.extra(depth + 1)}
        if kind == "enum":
            return {"type": "enum", "name": self.name("Enum"), "symbols": ["A", "B", "C"]}
        if kind == "fixed":
            return {"type": "fixed", "name": self.name("Fixed"), "size": rng.randint(1, 9)}
        if kind == "union":
            return rng.choice([["null", "string"], ["long", "null"], ["null", "int", "bytes"],
                               ["string", {"type": "array", "items": "float"}]])
        return {"type": "record", "name": self.name("Record"), "fields": [
            {"name": f"f{i}", "type": self.extra(depth + 1)} for i in range(rng.randint(1, 3))]}

    def change(self, kind, name):
        rng = self.rng
        if isinstance(kind, list):
            inner = self.change(kind[1], name)
            if isinstance(inner, list) or rng.random() < 0.2:
                return inner
            if rng.random() < 0.1:
                return ["null", inner, {"type": "fixed", "name": self.name("F"), "size": 2}]
            return [inner, "null"] if rng.random() < 0.3 else ["null", inner]
        if isinstance(kind, dict):
            return self.change_complex(kind, name)
        roll = rng.random()
        if kind == "string":
            return "bytes" if roll < 0.05 else ["null", "string"] if roll < 0.07 else \
                "int" if roll < 0.071 else kind
        if kind == "double":
            return rng.choice(["int", "long", "float", "double"]) if roll < 0.4 else kind
        if kind == "long":
            return "int" if roll < 0.2 else kind
        if kind == "int":
            return "long" if roll < 0.003 else kind
        return kind

    def change_complex(self, kind, name):
        rng = self.rng
        if kind["type"] == "enum":
            symbols = list(kind["symbols"])
            if rng.random() < 0.3:
                rng.shuffle(symbols)
            if rng.random() < 0.2:
                symbols.insert(rng.randint(0, len(symbols)), self.name("newer"))
            if rng.random() < 0.2 and len(symbols) > 2:
                symbols.pop()
            changed = {"type": "enum", "name": kind["name"], "symbols": symbols}
            return [("null"), changed] if rng.random() < 0.03 else changed
        if kind["type"] == "array":
            return {"type": "array", "items": self.change(kind["items"], name)}
        if kind["type"] == "map":
            return {"type": "map", "values": self.change(kind["values"], name)}
        if kind["type"] == "record":
            changed = copy.deepcopy(kind)
            self.record(changed)
            return changed
        return self.change(kind["type"], name) if kind["type"] in ("long",) else kind


# ---- random values ----------------------------------------------------------------------------

def named_types(schema, found):
    """Every named type of a schema by its full name; all of ours are in one namespace."""
    if isinstance(schema, dict):
        if "name" in schema and schema.get("type") in ("record", "enum", "fixed"):
            found["nba." + schema["name"].split(".")[-1]] = schema
        for part in schema.values():
            named_types(part, found)
    elif isinstance(schema, list):
        for part in schema:
            named_types(part, found)
    return found


class Values:
    def __init__(self, rng, schema):
        self.rng = rng
        self.named = named_types(schema, {})

    def text(self):
        rng = self.rng
        words = ["", "ev-1", "hcp-0001", "CARDIOX", "Müller", "日本", "x" * 70, "a b\"c\\d\n"]
        return rng.choice(words) if rng.random() < 0.9 else "".join(
            chr(rng.choice([65, 0xe9, 0x20ac, 0x1f600])) for _ in range(rng.randint(0, 60)))

    def value(self, kind):
        rng = self.rng
        if isinstance(kind, list):
            return self.union(kind)
        if isinstance(kind, dict):
            return self.complex(kind)
        if kind in self.named:
            return self.complex(self.named[kind])
        if kind == "null":
            return None
        if kind == "boolean":
            return rng.random() < 0.5
        if kind == "int":
            return rng.choice([0, 1, -1, 77, 2**31 - 1, -2**31, rng.randint(-9999, 9999)])
        if kind == "long":
            return rng.choice([0, 1, -1, 1795188600000, 2**53, -2**40, 2**63 - 1])
        if kind == "float":
            return struct.unpack("<f", struct.pack("<f", rng.uniform(-1000, 1000)))[0]
        if kind == "double":
            return rng.choice([0.0, 1.5, -2.25, rng.uniform(-1e6, 1e6), 1e300])
        if kind == "bytes":
            return self.text().encode()
        return self.text()

    def union(self, kind):
        # A third branch is none that ours has: taken seldom, or hardly a value would be readable.
        usual = kind[:2] if len(kind) > 2 and self.rng.random() < 0.98 else kind
        branch = self.rng.choice(usual)
        branch = self.named.get(branch, branch) if isinstance(branch, str) else branch
        value = self.value(branch)
        name = branch["name"] if isinstance(branch, dict) and "name" in branch else \
            branch["type"] if isinstance(branch, dict) else branch
        return (f"nba.{name}" if isinstance(branch, dict) and "name" in branch else name, value)

    def complex(self, kind):
        rng, type_ = self.rng, kind["type"]
        if type_ == "enum":
            return rng.choice(kind["symbols"])
        if type_ == "fixed":
            return bytes(rng.randrange(256) for _ in range(kind["size"]))
        if type_ == "array":
            return [self.value(kind["items"]) for _ in range(rng.choice([0, 0, 1, 2, 5, 40]))]
        if type_ == "map":
            keys = ["email", "rep", "sms", "other", "k1", "k2", "ä"]
            return {k: self.value(kind["values"]) for k in rng.sample(keys, rng.randint(0, 5))}
        if type_ == "record":
            return {f["name"]: self.value(f["type"]) for f in kind["fields"]}
        return self.value(type_)


CHANNELS = {"unknown", "email", "rep", "web", "event", "sms"}


def normal(value, schema):
    """A record of our schema as our struct can tell it: absent values alike, no unbound fields."""
    out = {}
    for field in schema["fields"]:
        name, kind = field["name"], field["type"]
        v = value[name]
        optional = isinstance(kind, list)
        inner = kind[1] if optional else kind
        if isinstance(inner, dict) and inner["type"] == "record" and v is not None:
            v = normal(v, inner)
            if name == "ids" and not any(v.values()):
                v = None
        if isinstance(v, bytes):
            v = v.decode()
        if inner == "double" and v is not None:
            v = float(v)
        if optional and v in ("", 0.0) and not isinstance(v, bool):
            v = None
        if isinstance(v, list):
            v = [i.decode() if isinstance(i, bytes) else i for i in v]
        if isinstance(v, dict) and name == "addresses":
            v = {k: s for k, s in v.items() if k in CHANNELS}
        if isinstance(v, dict) and name == "attributes":
            v = {k: s.decode() if isinstance(s, bytes) else s for k, s in v.items()}
        out[name] = v
    return out


def by_fastavro(body, writer, reader):
    try:
        stream = io.BytesIO(body)
        value = fastavro.schemaless_reader(stream, writer, reader)
        json.dumps(value, default=lambda b: b.decode())
        return value, None
    except Exception as problem:  # whatever the library raises is a refusal
        return None, f"{type(problem).__name__}: {problem}"


class Tally:
    def __init__(self):
        self.agreed = self.refused = 0
        self.problems = []

    def problem(self, text):
        self.problems.append(text)
        if len(self.problems) > 5:
            self.report()
            sys.exit(1)

    def report(self):
        for text in self.problems:
            print("DIFFERS", text)
        print(f"{self.agreed} values equal, {self.refused} refused by both, "
              f"{len(self.problems)} differ")


def differential(args, rng, ours, tally):
    plain_ours = plain(ours)
    whole_ours = fastavro.parse_schema(copy.deepcopy(plain_ours))
    # What no struct holds is skipped unread, as fields are that a reader's schema lacks.
    bound = dict(plain_ours, fields=[f for f in plain_ours["fields"] if f["name"] not in UNBOUND])
    parsed_ours = fastavro.parse_schema(copy.deepcopy(bound))
    driver = None
    for n in range(args.schemas):
        if n % SCHEMAS_A_DRIVER == 0:
            if driver:
                driver.close()
            driver = Driver(args.driver, args.schema_dir)
        writer = Evolution(plain_ours, rng).schema if n else plain_ours
        schema_id = 1000 + n
        _, error = driver.ask("schema", str(schema_id), json.dumps(writer).encode().hex())
        if error:
            tally.problem(f"schema {n} refused: {error}")
            continue
        parsed = fastavro.parse_schema(copy.deepcopy(writer))
        values = Values(rng, writer)
        for _ in range(args.values):
            value = values.value(writer)
            stream = io.BytesIO()
            fastavro.schemaless_writer(stream, parsed, value)
            body = stream.getvalue()
            compare(driver, schema_id, body, parsed, (whole_ours, parsed_ours, bound), tally)
    driver.close()


def compare(driver, schema_id, body, parsed, ours, tally):
    whole_ours, parsed_ours, bound = ours
    expected, refusal = by_fastavro(body, parsed, parsed_ours)
    wire = b"\0" + struct.pack(">I", schema_id) + body
    got, error = driver.ask("recode", "event", wire.hex())
    if expected is not None and expected["event_type"] == "unknown":
        if error is None or not error.startswith("unknown_type"):
            tally.problem(f"unknown event type, but we say {error}: {wire.hex()}")
        tally.refused += 1
        return
    if (expected is None) != (got is None):
        tally.problem(f"fastavro: {refusal or 'reads it'}; ours: {error or 'reads it'}\n"
                      f"  schema {json.dumps(parsed)[:3000]}\n  value {wire.hex()}")
        return
    if got is None:
        tally.refused += 1
        return
    again = fastavro.schemaless_reader(io.BytesIO(got[5:]), whole_ours, whole_ours)
    a, b = normal(expected, bound), normal(again, bound)
    if a != b:
        odd = [(k, a[k], b[k]) for k in a if a[k] != b[k]]
        tally.problem(f"{odd}\n  value {wire.hex()}")
    tally.agreed += 1


def outputs(args, rng, tally):
    """Every message of ours: random values through our codec and back, and as JSON."""
    driver = Driver(args.driver, args.schema_dir)
    nouns = {"nba.catalog.v1": "reference", "nba.control.v1": "control", "nba.action.v1": "action",
             "nba.slate.v1": "slate", "nba.decision.v1": "decision", "nba.journal.v1": "journal"}
    ids = {e["file"]: e["id"] for e in json.load(
        open(os.path.join(args.schema_dir, "ids.json")))["schemas"]}
    for topic, noun in nouns.items():
        schema = plain(json.load(open(os.path.join(args.schema_dir, topic + ".avsc"))))
        parsed = fastavro.parse_schema(copy.deepcopy(schema))
        values = Values(rng, schema)
        for _ in range(args.values * 5):
            stream = io.BytesIO()
            fastavro.schemaless_writer(stream, parsed, values.value(schema))
            wire = b"\0" + struct.pack(">I", ids[topic + ".avsc"]) + stream.getvalue()
            whole_json(driver, topic, wire, parsed, tally)
            once, error = driver.ask("recode", noun, wire.hex())
            if error:
                # Random values break limits that the schema doesn't say: at most five drivers,
                # and a catalogue record whose kind names another than is there.
                if not error.startswith(("limit", "schema_incompatible")):
                    tally.problem(f"{topic}: {error} {wire.hex()}")
                continue
            twice, error = driver.ask("recode", noun, once.hex())
            if once != twice:
                tally.problem(f"{topic}: not stable, {error}: {wire.hex()}")
            tally.agreed += 1
    driver.close()


def whole_json(driver, topic, wire, parsed, tally):
    """value -> our JSON -> our bytes -> fastavro gives the value that fastavro reads from the wire."""
    text, error = driver.ask("json", wire.hex())
    if error:
        tally.problem(f"{topic}: no JSON: {error}")
        return
    json.loads(text)
    again, error = driver.ask("parse", topic, text.hex())
    if error:
        tally.problem(f"{topic}: {error}: {text.decode()[:500]}")
        return
    a = fastavro.schemaless_reader(io.BytesIO(wire[5:]), parsed, parsed)
    b = fastavro.schemaless_reader(io.BytesIO(again[5:]), parsed, parsed)
    if a != b:
        tally.problem(f"{topic}: JSON changes the value: {text.decode()[:500]}")


def containers(args, rng, tally):
    """Log files written by fastavro are read by us, and ours by fastavro."""
    path = os.path.join(args.schema_dir, "nba.log.record.avsc")
    schema = fastavro.parse_schema(plain(json.load(open(path))))
    driver = Driver(args.driver, args.schema_dir)
    with tempfile.TemporaryDirectory() as folder:
        for codec_in in ("null", "deflate"):
            for codec_out in ("null", "deflate"):
                records = [{
                    "topic": "t", "partition": i % 3, "offset": i * 2, "timestamp": 1000 + i,
                    "key": rng.choice([None, b"", b"k%d" % i]),
                    "value": rng.choice([None, b"", bytes(rng.randrange(256) for _ in range(200))]),
                    "headers": [{"name": "src", "value": b"x"}] * rng.randint(0, 3),
                } for i in range(rng.choice([0, 1, 3000]))]
                theirs = os.path.join(folder, "theirs.avro")
                ours = os.path.join(folder, "ours.avro")
                with open(theirs, "wb") as out:
                    fastavro.writer(out, schema, records, codec=codec_in)
                _, error = driver.ask("copy", theirs, ours, codec_out)
                if error:
                    tally.problem(f"copy {codec_in} {codec_out}: {error}")
                    continue
                with open(ours, "rb") as lines:
                    reader = fastavro.reader(lines)
                    got = [dict(r, timestamp=round(r["timestamp"].timestamp() * 1000))
                           for r in reader]
                    if got != records or reader.codec != codec_out:
                        tally.problem(f"copy {codec_in} {codec_out}: records differ")
                first = open(ours, "rb").read()
                driver.ask("copy", theirs, ours, codec_out)
                if open(ours, "rb").read() != first:
                    tally.problem("the same records give another file")
                tally.agreed += 1
        foreign(driver, folder, tally)
    driver.close()


def foreign(driver, folder, tally):
    """Somebody else's container file as JSON lines."""
    schema = fastavro.parse_schema({"type": "record", "name": "Row", "fields": [
        {"name": "id", "type": "long"}, {"name": "name", "type": ["null", "string"]},
        {"name": "score", "type": "float"}, {"name": "tags", "type": {"type": "map",
                                                                      "values": "int"}}]})
    rows = [{"id": i, "name": None if i % 2 else f"n{i}", "score": 0.5 * i, "tags": {"a": i}}
            for i in range(1000)]
    path = os.path.join(folder, "foreign.avro")
    with open(path, "wb") as out:
        fastavro.writer(out, schema, rows, codec="deflate", sync_interval=1000)
    got = []
    data, error = driver.ask("cat", path)
    while data:
        got.append(json.loads(data))
        data, error = driver.answer()
    if error or got != rows:
        tally.problem(f"foreign file: {error}, {len(got)} rows")
    tally.agreed += 1


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("driver")
    parser.add_argument("schema_dir")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--schemas", type=int, default=400)
    parser.add_argument("--values", type=int, default=10)
    args = parser.parse_args()
    rng = random.Random(args.seed)
    ours = json.load(open(os.path.join(args.schema_dir, "hcp.engagement.v1.avsc")))
    tally = Tally()
    differential(args, rng, ours, tally)
    outputs(args, rng, tally)
    containers(args, rng, tally)
    tally.report()
    return 1 if tally.problems or tally.agreed < args.schemas else 0


if __name__ == "__main__":
    sys.exit(main())
