"""What every reader of nba's actions has to get right, in one place (docs/SUBSCRIBE.md):

  committed only     isolation.level=read_committed: actions of aborted transactions never happened
  once               delivery is at least once, so work is remembered by (action_id, status) in a
                     database that is written before the offsets are committed
  recalls            a recalled action that wasn't carried out yet must not be
  expiry             an action is worth nothing from expires_at on
  feedback           what became of an action goes back as an event with its action_id
"""
import argparse
import io
import json
import signal
import sqlite3
import sys
import time
from pathlib import Path

import fastavro
from confluent_kafka import Consumer, Producer

ROOT = Path(__file__).resolve().parent.parent.parent


class Schemas:
    def __init__(self, folder=ROOT / "schemas"):
        entries = json.loads((folder / "ids.json").read_text())["schemas"]
        self.by_id = {e["id"]: fastavro.parse_schema(json.loads((folder / e["file"]).read_text()),
                                                     named_schemas={}) for e in entries}
        self.id_of = {s: e["id"] for e in entries for s in e["subjects"]}

    def read(self, value):
        """Confluent wire format: a zero byte, the schema's id, the Avro body."""
        number = int.from_bytes(value[1:5], "big")
        return fastavro.schemaless_reader(io.BytesIO(value[5:]), self.by_id[number])

    def write(self, topic, record):
        number = self.id_of[f"{topic}-value"]
        body = io.BytesIO()
        fastavro.schemaless_writer(body, self.by_id[number], record)
        return b"\0" + number.to_bytes(4, "big") + body.getvalue()


class Memory:
    """What was seen and what is planned, in SQLite: survives a restart at any point."""

    def __init__(self, path):
        self.db = sqlite3.connect(path)
        self.db.executescript("""
            CREATE TABLE IF NOT EXISTS seen (action_id TEXT, status TEXT,
                                             PRIMARY KEY (action_id, status));
            CREATE TABLE IF NOT EXISTS plan (action_id TEXT PRIMARY KEY, due_ms INTEGER,
                                             expires_ms INTEGER, state TEXT, action TEXT);""")

    def is_new(self, action):
        """True the first time this action is seen with this status."""
        row = (action["action_id"], action["status"])
        return self.db.execute("INSERT OR IGNORE INTO seen VALUES (?, ?)", row).rowcount == 1

    def plan(self, action):
        # A recall that came first (another partition count, a re-run) has left its mark in `seen`.
        recalled = self.db.execute("SELECT 1 FROM seen WHERE action_id = ? AND status = 'recalled'",
                                   (action["action_id"],)).fetchone()
        self.db.execute("INSERT OR IGNORE INTO plan VALUES (?, ?, ?, ?, ?)",
                        (action["action_id"], milliseconds(action["not_before"]),
                         milliseconds(action["expires_at"]), "recalled" if recalled else "planned",
                         json.dumps(action, default=str)))

    def recall(self, action):
        """True when it was still only planned."""
        return self.db.execute("UPDATE plan SET state = 'recalled' WHERE action_id = ? AND "
                               "state = 'planned'", (action["action_id"],)).rowcount == 1

    def due(self, now_ms):
        """(action, expired) of everything to be carried out or dropped now."""
        rows = self.db.execute("SELECT action_id, expires_ms, action FROM plan WHERE "
                               "state = 'planned' AND due_ms <= ? ORDER BY due_ms, action_id",
                               (now_ms,)).fetchall()
        for action_id, expires_ms, action in rows:
            expired = expires_ms <= now_ms
            self.db.execute("UPDATE plan SET state = ? WHERE action_id = ?",
                            ("expired" if expired else "done", action_id))
            yield json.loads(action), expired

    def commit(self):
        self.db.commit()


def milliseconds(value):
    return int(round(value.timestamp() * 1000)) if hasattr(value, "timestamp") else int(value)


class Feedback:
    """Events about actions, back into the input; keyed by hcp_id as everything about an HCP."""

    def __init__(self, servers, topic, source, schemas):
        self.producer = Producer({"bootstrap.servers": servers, "enable.idempotence": True,
                                  "partitioner": "murmur2_random"})
        self.topic, self.source, self.schemas = topic, source, schemas

    def say(self, event_type, action, now_ms, **fields):
        """The event id is made of the action, so that saying it again is a duplicate, not news."""
        event = {"event_id": f"{action['action_id']}:{event_type}", "source": self.source,
                 "event_type": event_type, "event_time": now_ms, "hcp_id": action["hcp_id"],
                 "tenant_id": action["tenant_id"], "market": action["market"],
                 "brand": action["brand"], "action_id": action["action_id"],
                 "content_id": action["treatment"]["content_id"],
                 "channel": action["channel"], **fields}
        self.producer.produce(self.topic, key=action["hcp_id"], timestamp=now_ms,
                              value=self.schemas.write("hcp.engagement.v1", event))

    def flush(self):
        if self.producer.flush(30):
            raise SystemExit("feedback could not be delivered")


def arguments_of(description, topic, group):
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--kafka", required=True, help="HOST:PORT")
    parser.add_argument("--topic", default=topic)
    parser.add_argument("--group", default=group)
    parser.add_argument("--memory", default=f"{group}.sqlite", help="database of what was done")
    parser.add_argument("--feedback", metavar="TOPIC",
                        help="send what became of actions to this topic (hcp.engagement.v1)")
    parser.add_argument("--now", type=int, metavar="MS",
                        help="the clock, for log data of another time (default: the machine's)")
    parser.add_argument("--drain", action="store_true", help="stop when all that is there was read")
    return parser.parse_args()


class Subscriber:
    """The loop: poll, remember and act in one database transaction, then commit offsets."""

    def __init__(self, arguments):
        self.arguments = arguments
        self.schemas = Schemas()
        self.memory = Memory(arguments.memory)
        self.feedback = None
        if arguments.feedback:
            self.feedback = Feedback(arguments.kafka, arguments.feedback, arguments.group,
                                     self.schemas)
        self.consumer = Consumer({
            "bootstrap.servers": arguments.kafka, "group.id": arguments.group,
            "isolation.level": "read_committed",  # librdkafka's default; Java's is not
            "enable.auto.commit": False, "auto.offset.reset": "earliest",
            "enable.partition.eof": True})
        self.running = True
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self.stop)

    def stop(self, *_):
        self.running = False

    def now_ms(self):
        return self.arguments.now if self.arguments.now is not None else int(time.time() * 1000)

    def say(self, what, action, **more):
        """What a real system would do here, as one JSON line."""
        print(json.dumps({"do": what, "action_id": action["action_id"], "hcp_id": action["hcp_id"],
                          "content_id": action["treatment"]["content_id"], **more}), flush=True)

    def run(self, on_proposed, on_recalled, on_due):
        self.consumer.subscribe([self.arguments.topic])
        ended, quiet = set(), 0
        try:
            while self.running:
                message = self.consumer.poll(0.5)
                if message is None:
                    quiet += 1
                elif message.error():
                    if message.error().name() != "_PARTITION_EOF":
                        raise SystemExit(str(message.error()))
                    ended.add(message.partition())
                else:
                    quiet = 0
                    ended.discard(message.partition())
                    self.take(message, on_proposed, on_recalled)
                self.carry_out(on_due)
                assigned = {p.partition for p in self.consumer.assignment()}
                if self.arguments.drain and assigned and assigned <= ended and quiet > 1:
                    break
        finally:
            self.consumer.close()
        return 0

    def take(self, message, on_proposed, on_recalled):
        action = self.schemas.read(message.value())
        if self.memory.is_new(action):
            (on_proposed if action["status"] == "proposed" else on_recalled)(action)
        self.memory.commit()
        self.consumer.commit(message, asynchronous=False)

    def carry_out(self, on_due):
        for action, expired in list(self.memory.due(self.now_ms())):
            on_due(action, expired)
        if self.feedback:
            self.feedback.flush()
        self.memory.commit()


if __name__ == "__main__":
    sys.exit("a library: run email_trigger.py, rep_alert.py or campaign_orchestrator.py")
