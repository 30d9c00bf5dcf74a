"""A small company for tests of the whole program: contents, HCPs, consents and engagement, by seed.

Everything is JSON as `nba produce` takes it; poison records go in as a log file (Avro container).
"""
import io
import json
import os
import random
import shutil
import subprocess
import tempfile
import zlib

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
NBA = os.environ.get("NBA_BIN", os.path.join(ROOT, "build", "nba"))
DAY = 86_400_000
START = 1_772_600_000_000  # 2026-03-04
BRANDS = ["CARDIOX", "PULMOVA", "NEUROLA"]
SPECIALTIES = ["cardiology", "pulmonology", "neurology"]
CHANNELS = {"email": "email", "rep": "rep_call", "web": "portal_content", "event": "event_invite"}
ENGAGED = ["email_opened", "email_clicked", "portal_content_viewed", "webinar_attended",
           "rep_call_completed"]


def contents(count):
    for i in range(count):
        channels = list(CHANNELS)[: 2 + i % 3]
        yield {"kind": "content", "content": {
            "content_id": f"C{i:03d}", "brand": BRANDS[i % 3], "topic_ids": [f"topic-{i % 7}"],
            "class": "promotional", "title": f"Content {i}",
            "treatments": [{"channel": c, "action_type": CHANNELS[c],
                            "approval_state": "approved", "approval_number": f"AP-{i}-{c}"}
                           for c in channels]}}


def reps(count):
    for i in range(count):
        yield {"kind": "rep", "rep": {"rep_id": f"rep-{i}", "role": "rep", "tz": "Europe/Berlin",
                                      "territory_id": f"T{i}"}}


def events(seed, hcps, count, gap=600_000):
    """Profiles, consents, then engagement with duplicates, late events, bots and opt-outs."""
    rng = random.Random(seed)
    out = []
    for h in range(hcps):
        out.append({"event_id": f"p-{h}", "source": "mdm", "event_type": "profile_updated",
                    "event_time": START - DAY, "hcp_id": f"hcp-{h:04d}",
                    "profile": {"market": "US" if h % 2 else "DE", "tz": "Europe/Berlin",
                                "language": "en", "specialties": [SPECIALTIES[h % 3]],
                                "rep_id": f"rep-{h % 5}",
                                "addresses": {c: "ok" for c in ("email", "rep", "web", "event")}}})
        if h % 4:
            out.append({"event_id": f"c-{h}", "source": "crm", "event_type": "consent_changed",
                        "event_time": START - DAY, "hcp_id": f"hcp-{h:04d}", "channel": "email",
                        "scope_type": "channel", "status": "opt_in"})
    now = START
    for i in range(count):
        now += rng.randrange(1000, gap)
        h = int(hcps * rng.random() ** 2)
        event = {"event_id": f"e-{i}", "source": "web", "event_type": rng.choice(ENGAGED),
                 "event_time": now, "hcp_id": f"hcp-{h:04d}",
                 "content_id": f"C{(h * 7 + rng.randrange(12)) % 40:03d}"}
        dice = rng.random()
        if dice < 0.02:
            event.update(event_type="consent_changed", channel="email", scope_type="channel",
                         status="opt_out")
            del event["content_id"]
        elif dice < 0.04:
            event.update(event_type="email_opened", bot="apple")
        elif dice < 0.06:
            event["event_time"] = now - 5 * DAY
        elif dice < 0.09 and i:
            event = dict(out[-1])
        out.append(event)
    return out


def assignment_hash(text):
    """fmix64 of FNV-1a-64."""
    h = 0xCBF29CE484222325
    for byte in text.encode():
        h = (h ^ byte) * 0x100000001B3 & (1 << 64) - 1
    for factor in (0xFF51AFD7ED558CCD, 0xC4CEB9FE1A85EC53):
        h = (h ^ h >> 33) * factor & (1 << 64) - 1
    return h ^ h >> 33


class Instance:
    """A folder with an embedded log, a state folder and a configuration of its own."""

    TOPICS = {"engagement": "hcp.engagement.v1", "catalog": "nba.catalog.v1",
              "control": "nba.control.v1", "action": "nba.action.v1", "slate": "nba.slate.v1",
              "decision": "nba.decision.v1", "deadletter": "nba.deadletter.v1",
              "changelog": "nba.state-changelog.v1", "journal": "nba.journal.v1",
              "mailbox": "nba.mailbox.v1", "rep_capacity": "nba.rep.capacity.v1"}
    ROUTES = {"email": "nba.email.v1", "rep": "nba.rep.v1"}

    def __init__(self, partitions=3, kafka=None, prefix="", **settings):
        """prefix: of application and topics, so that tests share a broker."""
        self.dir = tempfile.mkdtemp(prefix="nba-e2e-")
        self.policy = os.path.join(self.dir, "policy.yaml")
        shutil.copy(os.path.join(ROOT, "config", "policy-basic.yaml"), self.policy)
        self.log = os.path.join(self.dir, "log")
        self.topics = {word: prefix + topic for word, topic in self.TOPICS.items()}
        self.routes = {channel: prefix + topic for channel, topic in self.ROUTES.items()}
        config = {
            "application_id": prefix + "e2e", "clock": "event",
            "state": {"dir": os.path.join(self.dir, "state")},
            "release": {"dir": os.path.join(self.dir, "releases")},
            "policy": {"file": self.policy}, "schemas": {"dir": os.path.join(ROOT, "schemas")},
            "topics": {**self.topics, "partitions": partitions},
            "routes": [{"channel": channel, "topic": topic,
                        **({"key": "rep"} if channel == "rep" else {})}
                       for channel, topic in self.routes.items()], **settings}
        path = os.path.join(self.dir, "nba.yaml")
        with open(path, "w", encoding="utf-8") as file:
            json.dump(config, file)  # JSON is YAML
        self.common = ["--config", path]
        self.where = ["--kafka", kafka] if kafka else ["--log", self.log]

    def close(self):
        shutil.rmtree(self.dir, ignore_errors=True)

    def nba(self, command, *args, stdin=None, env=None, check=True, common=True, where=True):
        line = [NBA, command, *(self.common if common else []), *(self.where if where else []),
                *map(str, args)]
        done = subprocess.run(line, input=stdin, capture_output=True, text=True, cwd=self.dir,
                              env={**os.environ, **(env or {})}, timeout=280)
        if check and done.returncode != 0:
            raise AssertionError(f"{' '.join(line)}\nexit {done.returncode}\n{done.stderr[-3000:]}")
        return done

    def produce(self, topic, records):
        text = "".join(json.dumps(r) + "\n" for r in records)
        path = os.path.join(self.dir, "produce.jsonl")
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        self.nba("produce", "--topic", topic, path)

    def setup(self, seed=1, hcps=40, count=600):
        self.nba("topics", "create")
        self.produce("catalog", list(contents(40)) + list(reps(5)))
        self.produce("engagement", events(seed, hcps, count))

    def drain(self, env=None, check=True, **options):
        args = [f"--set={k}={v}" for k, v in options.items()]
        return self.nba("run", "--drain", "--no-http", *args, env=env, check=check)

    def consume(self, topic, *args):
        text = self.nba("consume", topic, *args).stdout
        return [json.loads(line) for line in text.splitlines()]

    def digests(self):
        outputs = [self.topics[word] for word in ("action", "slate", "decision", "deadletter",
                                                  "journal")]
        return self.nba("consume", *outputs, *self.routes.values(), "--digest").stdout

    def replay(self, *args):
        log = [] if self.where[0] == "--log" else self.where
        source = ["--log", self.log] if self.where[0] == "--log" else []
        return self.nba("replay", *source, *log, *args, where=False).stdout


# ---- a log file, by hand: what `nba produce --log-file` takes ----

def _long(n):
    n = (n << 1) ^ (n >> 63)
    out = bytearray()
    while n & ~0x7F:
        out.append(n & 0x7F | 0x80)
        n >>= 7
    out.append(n)
    return bytes(out)


def _bytes(b):
    return _long(len(b)) + b


def _nullable(b):
    return _long(0) if b is None else _long(1) + _bytes(b)


def log_file(path, records):
    """records: (topic, partition, offset, timestamp, key, value), key and value bytes or None."""
    with open(os.path.join(ROOT, "schemas", "nba.log.record.avsc"), encoding="utf-8") as file:
        schema = json.dumps(json.load(file))
    body = io.BytesIO()
    for topic, partition, offset, timestamp, key, value in records:
        body.write(_bytes(topic.encode()) + _long(partition) + _long(offset) + _long(timestamp))
        body.write(_nullable(key) + _nullable(value) + _long(0))
    sync = b"0123456789abcdef"
    meta = {"avro.schema": schema.encode(), "avro.codec": b"null"}
    with open(path, "wb") as file:
        file.write(b"Obj\x01" + _long(len(meta)))
        for name, value in meta.items():
            file.write(_bytes(name.encode()) + _bytes(value))
        data = body.getvalue()
        file.write(_long(0) + sync + _long(len(records)) + _bytes(data) + sync)


def read_log_file(path):
    """What `nba consume --out` wrote, as tuples of log_file()."""
    with open(path, "rb") as file:
        data = io.BytesIO(file.read())

    def number():
        shift = value = 0
        while True:
            byte = data.read(1)[0]
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value >> 1 ^ -(value & 1)

    def text():
        return data.read(number())

    assert data.read(4) == b"Obj\x01"
    while (count := number()) != 0:
        for _ in range(count):
            text(), text()
    data.read(16)
    blocks = []
    while data.tell() < len(data.getbuffer()):
        number()
        blocks.append(zlib.decompress(text(), -15))
        data.read(16)
    data = io.BytesIO(b"".join(blocks))
    records = []
    while data.tell() < len(data.getbuffer()):
        topic, partition, offset, timestamp = text().decode(), number(), number(), number()
        key = text() if number() else None
        value = text() if number() else None
        while (count := number()) != 0:
            for _ in range(count):
                text(), text()
        records.append((topic, partition, offset, timestamp, key, value))
    return records
