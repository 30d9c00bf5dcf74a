#!/usr/bin/env python3
"""Accounts for a run, with none of the engine's code: confluent-kafka or fastavro read the log.

    ledger.py --kafka HOST:PORT [--group GROUP]
    ledger.py FILE.avro...            log files of `nba consume --out`
    ledger.py DIR                     a folder of `nba demo --keep`: `nba consume` copies its log out

What it does
  conservation   every input offset has exactly one record in nba.decision.v1 or nba.deadletter.v1,
                 found by the header src = <topic>/<partition>/<offset>; with --group, every offset
                 that the group has committed
  identity       an action is proposed once and recalled at most once; an output stands in the
                 partition of its input
  consent        no action to an HCP on a channel or for a brand after an opt-out that came before its
                 cause in the same partition
  worth          prequential HR@10 and NDCG@10: each engagement of the last part is looked up in what
                 was said of its HCP before it: rankings of decisions by model, the slate's
                 top_contents.  "popularity" is counted here over all HCPs, the baseline that others
                 publish; "popularity in specialty" is the engine's member (in a record its word is
                 popularity), and is counted here too

Exit 1 if anything is lost, doubled, unexpected, misplaced or against a consent, or a bar given by
--at-least or --above-popularity is missed.
"""
import argparse
import collections
import heapq
import io
import json
import math
import os
import subprocess
import sys
import tempfile
from pathlib import Path

try:
    import fastavro
except ImportError:  # the python that tools/setup made has it
    venv = Path(os.environ.get("NBA_CACHE", Path.home() / ".cache" / "nba")) / "venv" / "bin" / "python"
    if not venv.exists() or Path(sys.executable) == venv:
        sys.exit("ledger.py: no fastavro: run tools/setup first")
    os.execv(venv, [venv, *sys.argv])

ROOT = Path(__file__).resolve().parent.parent.parent
RING = {"email_opened", "email_clicked", "webinar_registered", "webinar_attended",
        "rep_call_completed", "clm_slide_viewed", "sample_requested", "portal_content_viewed",
        "content_downloaded", "ad_clicked", "medical_inquiry_submitted", "conversion",
        "action_accepted", "action_completed"}
TYPE_CHANNEL = {"email_unsubscribed": "email"}
LATELY = 128
MEMBER_NAMES = {"popularity": "popularity in specialty"}  # of the engine's words
BASELINES = ("popularity", "popularity in specialty", "popularity in specialty, counted here")

Record = collections.namedtuple("Record", "topic partition offset timestamp key value headers")


class Schemas:
    """Values in Confluent wire format, by the files of schemas/ids.json."""

    def __init__(self, folder):
        entries = json.loads((folder / "ids.json").read_text())["schemas"]
        self.raw = {e["id"]: json.loads((folder / e["file"]).read_text()) for e in entries}
        self.by_id = {number: fastavro.parse_schema(raw, named_schemas={})
                      for number, raw in self.raw.items()}
        self.subsets = {}

    def subset(self, number, fields):
        """The schema with these fields alone; a type named in a field that goes is defined where it
        is used first."""
        raw, named, defined = self.raw[number], {}, set()

        def collect(schema):
            if isinstance(schema, list):
                for part in schema:
                    collect(part)
            elif isinstance(schema, dict):
                if "name" in schema and schema["type"] in ("record", "enum", "fixed"):
                    named[schema["name"]] = schema
                for part in ("items", "values", "type"):
                    collect(schema.get(part))
                for field in schema.get("fields", ()):
                    collect(field["type"])

        def rebuild(schema):
            if isinstance(schema, list):
                return [rebuild(part) for part in schema]
            if isinstance(schema, str):
                name = schema.rpartition(".")[2]
                return rebuild(named[name]) if name in named else schema
            if schema["type"] in ("record", "enum", "fixed"):
                if schema["name"] in defined:
                    return f"{raw['namespace']}.{schema['name']}"
                defined.add(schema["name"])
            kept = dict(schema)
            for part in ("items", "values"):
                if part in kept:
                    kept[part] = rebuild(kept[part])
            if "fields" in kept:
                kept["fields"] = [dict(f, type=rebuild(f["type"])) for f in kept["fields"]]
            return kept

        collect(raw)
        return fastavro.parse_schema(rebuild(dict(
            raw, fields=[f for f in raw["fields"] if f["name"] in fields])), named_schemas={})

    def read(self, value, fields=None):
        """The record; with `fields`, only these (the rest is skipped over)."""
        number = int.from_bytes(value[1:5], "big")
        if value[:1] != b"\0" or number not in self.by_id:
            raise ValueError("not in wire format, or of an unknown schema")
        schema = self.by_id[number]
        reader = None
        if fields is not None:
            key = (number, fields)
            if key not in self.subsets:
                self.subsets[key] = self.subset(number, fields)
            reader = self.subsets[key]
        return fastavro.schemaless_reader(io.BytesIO(value[5:]), schema, reader)


def copied_out(folder, topics):
    """A log file of the embedded log in `folder`, or in its subfolder log."""
    nba = os.environ.get("NBA_BIN") or ROOT / "build" / "nba"
    log = folder / "log" if (folder / "log").is_dir() else folder
    with tempfile.TemporaryDirectory(prefix="nba-ledger-") as place:
        out = Path(place) / "log.avro"
        done = subprocess.run([nba, "consume", *topics, "--log", log.resolve(), "--out", out],
                              cwd=ROOT, capture_output=True, text=True)
        if done.returncode != 0:
            sys.exit(f"ledger.py: {done.stderr.strip()}")
        yield out


def from_files(paths, topics):
    for path in paths:
        if Path(path).is_dir():
            for file in copied_out(Path(path), topics):
                yield from from_files([file], topics)
            continue
        try:
            file = open(path, "rb")
        except OSError as error:
            sys.exit(f"ledger.py: {error}")
        with file:
            for r in fastavro.reader(file):
                when = r["timestamp"]
                yield Record(r["topic"], r["partition"], r["offset"],
                             int(when.timestamp() * 1000) if hasattr(when, "timestamp") else when,
                             r["key"], r["value"], [(h["name"], h["value"]) for h in r["headers"]])


def from_kafka(servers, topics):
    from confluent_kafka import Consumer, TopicPartition
    consumer = Consumer({"bootstrap.servers": servers, "group.id": "ledger",
                         "isolation.level": "read_committed", "enable.auto.commit": False,
                         "auto.offset.reset": "error", "enable.partition.eof": True})
    try:
        known = consumer.list_topics(timeout=30).topics
        for topic in topics:
            if topic not in known:
                continue
            for partition in known[topic].partitions:
                place = TopicPartition(topic, partition)
                low, _ = consumer.get_watermark_offsets(place, timeout=30)
                place.offset = low
                consumer.assign([place])
                while True:
                    message = consumer.poll(30)
                    if message is None:
                        raise SystemExit(f"ledger: {topic}/{partition}: no answer in 30 s")
                    if message.error():
                        if message.error().name() == "_PARTITION_EOF":
                            break
                        raise SystemExit(f"ledger: {topic}/{partition}: {message.error()}")
                    yield Record(topic, partition, message.offset(), message.timestamp()[1],
                                 message.key(), message.value(), message.headers() or [])
    finally:
        consumer.close()


def committed_of(servers, group, topic):
    from confluent_kafka import Consumer, TopicPartition
    consumer = Consumer({"bootstrap.servers": servers, "group.id": group})
    try:
        partitions = consumer.list_topics(topic, timeout=30).topics[topic].partitions
        places = consumer.committed([TopicPartition(topic, p) for p in partitions], timeout=30)
        return {place.partition: max(place.offset, 0) for place in places}
    finally:
        consumer.close()


def source_of(headers):
    for name, value in headers:
        if name == "src":
            return value.decode()
    return None


def place_of(src, topic):
    """(partition, offset) of an input of `topic`, or None."""
    parts = (src or "").rsplit("/", 2)
    if len(parts) != 3 or parts[0] != topic or not (parts[1] + parts[2]).isdigit():
        return None
    return int(parts[1]), int(parts[2])


def milliseconds(value):
    if value is None:
        return None
    return int(round(value.timestamp() * 1000)) if hasattr(value, "timestamp") else value


class Ledger:
    def __init__(self, names, schemas):
        self.names, self.schemas = names, schemas
        self.inputs = {}     # (partition, offset) -> (timestamp, event or None)
        self.accounts = collections.Counter()
        self.kinds = {}      # (partition, offset) -> "decided", "updated", "skipped", "deadletter"
        self.reasons = collections.Counter()
        self.other = collections.Counter()  # timers, journal, mailbox
        self.misplaced = []
        self.actions = []    # (place, partition, action)
        self.rankings = collections.defaultdict(list)  # hcp -> [(partition, offset, {model: ids})]
        self.unreadable = 0

    def take(self, record):
        name = self.names.get(record.topic)
        if name == "engagement":
            self.take_input(record)
        elif name == "decision":
            self.take_decision(record)
        elif name == "deadletter":
            self.count(record, "deadletter")
            self.reasons[dict(record.headers).get("reason", b"?").decode()] += 1
        elif name == "action" and record.value is not None:
            action = self.schemas.read(record.value)
            src = source_of(record.headers)
            self.actions.append((place_of(src, self.names["input"]), record.partition, action))
        elif name == "slate" and record.value is not None:
            slate = self.schemas.read(record.value, ("hcp_id", "top_contents"))
            place = place_of(source_of(record.headers), self.names["input"])
            if place and slate["top_contents"]:
                self.rank(slate["hcp_id"], place,
                          {"slate": [c["content_id"] for c in slate["top_contents"]]})

    def take_input(self, record):
        event = None
        if record.value is not None:
            try:
                event = self.schemas.read(record.value)
            except Exception:  # whatever a broken value makes a reader do
                self.unreadable += 1
        self.inputs[record.partition, record.offset] = (record.timestamp, event)

    def take_decision(self, record):
        decision = self.schemas.read(record.value, ("kind", "reason", "hcp_id", "rankings"))
        place = self.count(record, decision["kind"])
        if decision["kind"] == "skipped":
            self.reasons[decision["reason"]] += 1
        if place and decision.get("rankings"):
            self.rank(decision["hcp_id"], place,
                      {MEMBER_NAMES.get(r["model"], r["model"]): r["content_ids"]
                       for r in decision["rankings"]})

    def rank(self, hcp, place, models):
        self.rankings[hcp].append((*place, models))

    def count(self, record, kind):
        src = source_of(record.headers)
        place = place_of(src, self.names["input"])
        if place is None:
            self.other[(src or "none").split(":")[0].split("/")[0]] += 1
            return None
        self.accounts[place] += 1
        self.kinds[place] = kind
        if place[0] != record.partition:
            self.misplaced.append(f"{record.topic}/{record.partition}/{record.offset}: src {src}")
        return place

    # ---- conservation and identity ----

    def conservation(self, committed):
        asked = {p for p in self.inputs if committed is None or p[1] < committed.get(p[0], 0)}
        lost = sorted(asked - set(self.accounts))
        doubled = sorted(p for p, n in self.accounts.items() if n > 1)
        unexpected = sorted(p for p in self.accounts if p not in asked)
        return asked, lost, doubled, unexpected

    def identity(self):
        times = collections.Counter((a["action_id"], a["status"]) for _, _, a in self.actions)
        again = sorted(key for key, n in times.items() if n > 1)
        proposed = {a["action_id"] for _, _, a in self.actions if a["status"] == "proposed"}
        orphans = sorted(a["action_id"] for _, _, a in self.actions
                         if a["status"] == "recalled" and a["action_id"] not in proposed)
        silent = sum(1 for _, _, a in self.actions
                     if a["status"] == "proposed" and not a["drivers"])
        return again, orphans, silent

    # ---- consent ----

    def consents(self):
        """hcp -> [(partition, offset, captured, key, opted out)], in log order."""
        found = collections.defaultdict(list)
        for (partition, offset), (_, event) in sorted(self.inputs.items()):
            if event is None or self.kinds.get((partition, offset)) == "deadletter":
                continue
            kind = event["event_type"]
            if kind == "consent_changed":
                scope, out = event["scope_type"], event["status"] == "opt_out"
                captured = milliseconds(event["captured_at"]) or milliseconds(event["event_time"])
                key = (scope, event["channel"], event["scope_id"] or "")
                if event["status"] not in ("opt_in", "opt_out", "pending"):
                    continue
            elif kind == "email_unsubscribed":
                out, captured = True, milliseconds(event["event_time"])
                scope = event["scope_type"]
                if scope == "brand":
                    key = ("brand", "email", event["scope_id"] or event["brand"] or "")
                elif scope == "global":
                    key = ("global", "unknown", "")
                else:
                    key = ("channel", "email", "")
            else:
                continue
            found[event["hcp_id"]].append((partition, offset, captured, key, out))
        return found

    @staticmethod
    def refuses(key, action):
        scope, channel, ident = key
        if channel not in ("unknown", action["channel"]):
            return False
        if scope == "brand":
            return ident == action["brand"]
        return scope in ("global", "channel")

    def violations(self):
        consents, found = self.consents(), []
        for place, _, action in self.actions:
            if place is None or action["status"] != "proposed":
                continue
            newest = {}
            for partition, offset, captured, key, out in consents.get(action["hcp_id"], ()):
                if partition != place[0] or offset > place[1]:
                    continue
                held = newest.get(key)
                if held is None or captured > held[0] or (captured == held[0] and out):
                    newest[key] = (captured, out)
            if any(out and self.refuses(key, action) for key, (_, out) in newest.items()):
                found.append(action["action_id"])
        return found

    # ---- worth ----

    def engagements(self):
        """Positive engagements in the order of time, each partition's in the order of its log."""
        rows = collections.defaultdict(list)
        for (partition, offset), (timestamp, event) in sorted(self.inputs.items()):
            if (event is None or event["event_type"] not in RING or not event["content_id"] or
                    event["bot"] != "none" or
                    self.kinds.get((partition, offset)) not in ("decided", "updated") or
                    (event["event_type"] == "clm_slide_viewed" and event["reaction"] < 0)):
                continue
            rows[partition].append((timestamp, partition, offset, event["hcp_id"],
                                    event["content_id"]))
        return list(heapq.merge(*rows.values(), key=lambda row: row[0]))

    def specialties(self):
        found = {}
        for _, (_, event) in sorted(self.inputs.items()):
            profile = event and event.get("profile")
            if profile and profile.get("specialties"):
                found[event["hcp_id"]] = profile["specialties"][0]
        return found

    def worth(self, last_share, since_ms, top):
        rows = self.engagements()
        begin = int(len(rows) * (1 - last_share))
        specialty = self.specialties()
        everyone, segment = collections.Counter(), collections.defaultdict(collections.Counter)
        recent = collections.defaultdict(lambda: collections.deque(maxlen=LATELY))
        at, now = collections.Counter(), {}
        for hcp in self.rankings:
            self.rankings[hcp].sort(key=lambda row: row[:2])
        scores = collections.defaultdict(lambda: [0, 0.0, 0])
        for i, (timestamp, partition, offset, hcp, content) in enumerate(rows):
            said = self.rankings.get(hcp, [])
            while at[hcp] < len(said) and (said[at[hcp]][0] != partition or
                                           said[at[hcp]][1] < offset):
                now.setdefault(hcp, {}).update(said[at[hcp]][2])
                at[hcp] += 1
            judged = timestamp >= since_ms if since_ms is not None else i >= begin
            if judged and hcp in now:
                lists = dict(now[hcp])
                lists["popularity"] = self.popular(everyone, recent[hcp], top)
                lists["popularity in specialty, counted here"] = self.popular(
                    segment[specialty.get(hcp)], recent[hcp], top)
                for model, ids in lists.items():
                    self.judge(scores[model], ids[:top], content)
            everyone[content] += 1
            segment[specialty.get(hcp)][content] += 1
            recent[hcp].append(content)
        return scores

    @staticmethod
    def popular(counts, recent, top):
        left_out = set(recent)
        best = heapq.nsmallest(top + len(left_out), counts.items(), key=lambda c: (-c[1], c[0]))
        return [content for content, _ in best if content not in left_out][:top]

    @staticmethod
    def judge(score, ids, content):
        score[2] += 1
        if content in ids:
            score[0] += 1
            score[1] += 1 / math.log2(ids.index(content) + 2)


def parse(argv):
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="*", help="log files, or a folder of `nba demo --keep`")
    parser.add_argument("--kafka", help="read from this Kafka")
    parser.add_argument("--group", help="account for what this group has committed")
    parser.add_argument("--schemas", type=Path, default=ROOT / "schemas")
    parser.add_argument("--input", default="hcp.engagement.v1")
    parser.add_argument("--decision", default="nba.decision.v1")
    parser.add_argument("--deadletter", default="nba.deadletter.v1")
    parser.add_argument("--action", default="nba.action.v1")
    parser.add_argument("--slate", default="nba.slate.v1")
    parser.add_argument("--last", type=float, default=0.2, help="judge this last part (0.2)")
    parser.add_argument("--since", help="judge from this time on (ISO 8601)")
    parser.add_argument("--top", type=int, default=10)
    parser.add_argument("--no-worth", action="store_true", help="conservation and consent alone")
    parser.add_argument("--at-least", action="append", default=[], metavar="MODEL:METRIC=VALUE",
                        help="a bar, for example fusion:hr=0.2 (metrics: hr, ndcg)")
    parser.add_argument("--above-popularity", metavar="MODEL",
                        help="this model's HR must be above every popularity")
    parser.add_argument("--json", type=Path, help="also write the figures here")
    arguments = parser.parse_args(argv)
    if bool(arguments.kafka) == bool(arguments.files):
        parser.error("expected either --kafka or log files")
    return arguments


def rates(scores):
    return {m: {"hr": s[0] / s[2], "ndcg": s[1] / s[2], "n": s[2]} for m, s in scores.items()}


def ratios(rate, model="lstm"):
    """How many times a baseline's NDCG the model's is; only where both are there."""
    return {base: rate[model]["ndcg"] / rate[base]["ndcg"] for base in BASELINES
            if model in rate and rate.get(base, {}).get("ndcg")}


def missed_bars(arguments, rate):
    missed = []
    for bar in arguments.at_least:
        left, _, value = bar.partition("=")
        model, _, metric = left.partition(":")
        if rate.get(model, {}).get(metric, -1) < float(value):
            missed.append(f"{bar}: is {rate.get(model, {}).get(metric)}")
    model = arguments.above_popularity
    if model:
        best = max((rate[m]["hr"] for m in BASELINES if m in rate), default=0)
        if rate.get(model, {}).get("hr", -1) <= best:
            missed.append(f"{model}: HR {rate.get(model, {}).get('hr')} is not above {best}")
    return missed


def show(title, items, limit=5):
    print(f"{title:<28} {len(items)}")
    for item in items[:limit]:
        print(f"    {item}")


def main(argv):
    arguments = parse(argv)
    names = {arguments.input: "engagement", arguments.decision: "decision",
             arguments.deadletter: "deadletter", arguments.action: "action",
             arguments.slate: "slate", "input": arguments.input}
    ledger = Ledger(names, Schemas(arguments.schemas))
    topics = [arguments.input, arguments.decision, arguments.deadletter, arguments.action,
              arguments.slate]
    source = (from_kafka(arguments.kafka, topics) if arguments.kafka
              else from_files(arguments.files, topics))
    for record in source:
        ledger.take(record)
    committed = (committed_of(arguments.kafka, arguments.group, arguments.input)
                 if arguments.group else None)
    asked, lost, doubled, unexpected = ledger.conservation(committed)
    again, orphans, silent = ledger.identity()
    violations = ledger.violations()
    kinds = collections.Counter(kind for place, kind in ledger.kinds.items())
    decided = [p for p, kind in ledger.kinds.items() if kind == "decided"]
    proposing = {place for place, _, a in ledger.actions
                 if place and a["status"] == "proposed"} & set(decided)

    print(f"{'input offsets':<28} {len(asked)} of {len(ledger.inputs)}")
    print(f"{'records':<28} " + ", ".join(f"{n} {k}" for k, n in sorted(kinds.items())))
    if ledger.other:
        print(f"{'of other causes':<28} " + ", ".join(f"{n} {k}" for k, n in ledger.other.items()))
    if ledger.reasons:
        print(f"{'reasons':<28} " + ", ".join(f"{n} {r}" for r, n in ledger.reasons.most_common(8)))
    show("lost", lost)
    show("doubled", doubled)
    show("unexpected", unexpected)
    show("in the wrong partition", ledger.misplaced)
    show("action said twice", again)
    show("recall without proposal", orphans)
    show("action against an opt-out", violations)
    statuses = collections.Counter(a["status"] for _, _, a in ledger.actions)
    print(f"{'actions':<28} " + (", ".join(f"{n} {s}" for s, n in statuses.items()) or "0") +
          f"; {silent} without a driver")
    share = len(proposing) / len(decided) if decided else 0.0
    print(f"{'decisions that propose':<28} {len(proposing)} of {len(decided)} ({share:.1%})")

    rate = {}
    if not arguments.no_worth:
        since = None
        if arguments.since:
            import datetime
            since = int(datetime.datetime.fromisoformat(
                arguments.since.replace("Z", "+00:00")).timestamp() * 1000)
        rate = rates(ledger.worth(arguments.last, since, arguments.top))
        print(f"\n{'ranked by':<42} {'HR@' + str(arguments.top):>8} "
              f"{'NDCG@' + str(arguments.top):>8} {'n':>8}")
        for model, r in sorted(rate.items()):
            print(f"{model:<42} {r['hr']:8.4f} {r['ndcg']:8.4f} {r['n']:8d}")
        for base, ratio in ratios(rate).items():
            print(f"{'lstm / ' + base:<51} {ratio:8.2f}")
    missed = missed_bars(arguments, rate)
    for bar in missed:
        print(f"MISSED {bar}")
    bad = (len(lost) + len(doubled) + len(unexpected) + len(ledger.misplaced) + len(again) +
           len(orphans) + len(violations))
    print(f"\n{len(lost)} lost, {len(doubled)} duplicated, {len(unexpected)} unexpected, "
          f"{len(violations)} against a consent")
    if arguments.json:
        arguments.json.write_text(json.dumps({
            "inputs": len(asked), "lost": len(lost), "duplicated": len(doubled),
            "unexpected": len(unexpected), "misplaced": len(ledger.misplaced),
            "actions_twice": len(again), "orphan_recalls": len(orphans),
            "violations": len(violations), "kinds": kinds, "proposing_share": share,
            "worth": rate, "lstm_ratios": ratios(rate)}, indent=1) + "\n")
    return 1 if bad or missed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
