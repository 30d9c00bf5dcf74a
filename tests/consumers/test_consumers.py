#!/usr/bin/env python3
"""The three sample consumers on a real Kafka: proposed, recalled, expired, repeated, aborted.

NBA_TEST_KAFKA names the broker; skipped without one."""
import datetime
import io
import json
import os
import subprocess
import sys
import tempfile
import time
import unittest
import uuid
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "tests" / "support"))
import packages  # noqa: E402

SERVERS = os.environ.get("NBA_TEST_KAFKA")
if not SERVERS:
    print("skipped: NBA_TEST_KAFKA is not set")
    sys.exit(77)
packages.need("fastavro", "confluent_kafka")
import fastavro  # noqa: E402
from confluent_kafka import Consumer, Producer, TopicPartition  # noqa: E402
from confluent_kafka.admin import AdminClient, NewTopic  # noqa: E402

sys.path.insert(0, str(ROOT / "tools" / "consumers"))
import actions as library  # noqa: E402

NOW = int(datetime.datetime(2026, 11, 20, 12, tzinfo=datetime.timezone.utc).timestamp() * 1000)
HOUR = 3600 * 1000


class Consumers(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.schemas = library.Schemas()
        self.topic = f"test.action.{uuid.uuid4().hex[:8]}"
        self.feedback = f"{self.topic}.feedback"
        admin = AdminClient({"bootstrap.servers": SERVERS})
        for future in admin.create_topics([NewTopic(self.topic, 2, 1),
                                           NewTopic(self.feedback, 2, 1)]).values():
            future.result(30)
        self.producer = Producer({"bootstrap.servers": SERVERS, "transactional.id": self.topic})
        self.producer.init_transactions(30)

    def tearDown(self):
        AdminClient({"bootstrap.servers": SERVERS}).delete_topics([self.topic, self.feedback])
        self.folder.cleanup()

    def action(self, number, status="proposed", not_before=NOW - HOUR, expires=NOW + 72 * HOUR,
               **fields):
        record = {"action_id": f"dec:t#{number}:1", "decision_id": f"dec:t#{number}",
                  "status": status, "recall_reason": "CONSENT_REVOKED" if status == "recalled"
                  else "NONE", "tenant_id": "acme", "hcp_id": f"hcp-{number}", "market": "US",
                  "brand": "CARDIOX", "campaign_id": "spring", "action_type": "email",
                  "channel": "email", "rank": 1, "slate_size": 1, "priority": number / 10,
                  "treatment": {"content_id": f"C{number}", "content_version": "1",
                                "approval_number": "A1", "topic_ids": [], "language": "en"},
                  "rep": {"rep_id": "rep-1", "territory_id": "T"},
                  "factors": {"propensity": 0.1, "sampled_propensity": 0.1, "context_weight": 1.0,
                              "value": 1.0, "lever_weight": 1.0},
                  "selection_probability": 1.0, "time": NOW - HOUR, "not_before": not_before,
                  "best_send_time": not_before, "expires_at": expires,
                  "drivers": [{"code": "SEQUENCE_NEXT", "text": "because", "weight": 1.0,
                               "evidence_event_ids": ["e1"]}],
                  "supersedes": None,
                  "experiment": {"control_group": False, "arm": "", "bucket": 0},
                  "policy_version": "p", "model_version": "m", "engine_version": "e",
                  "trigger_event_id": "e1"}
        record.update(fields)
        return record

    def publish(self, records, commit=True):
        self.producer.begin_transaction()
        for record in records:
            body = io.BytesIO()
            fastavro.schemaless_writer(body, self.schemas.by_id[4], record)
            self.producer.produce(self.topic, key=record["hcp_id"],
                                  value=b"\0\0\0\0\4" + body.getvalue())
        self.producer.flush(30)
        if commit:
            self.producer.commit_transaction(30)
        else:
            self.producer.abort_transaction(30)

    def run_consumer(self, name, *arguments, now=NOW):
        answer = subprocess.run(
            [sys.executable, str(ROOT / "tools" / "consumers" / f"{name}.py"), "--kafka", SERVERS,
             "--topic", self.topic, "--group", f"{self.topic}.{name}", "--drain", "--now", str(now),
             "--memory", str(Path(self.folder.name) / f"{name}.sqlite"), *arguments],
            capture_output=True, text=True, timeout=120)
        self.assertEqual(answer.returncode, 0, answer.stderr)
        return [json.loads(line) for line in answer.stdout.splitlines()]

    def scenes(self):
        """1 is due, 2 comes twice, 3 is recalled before its time, 4 has expired, 5 never happened."""
        later = NOW + HOUR
        self.publish([self.action(1), self.action(2), self.action(2),
                      self.action(3, not_before=later), self.action(4, expires=NOW)])
        self.publish([self.action(5)], commit=False)
        self.publish([self.action(3, status="recalled", not_before=later)])

    def test_email_trigger_sends_once_at_its_time_and_reports(self):
        self.scenes()
        did = [(line["do"], line["hcp_id"])
               for line in self.run_consumer("email_trigger", "--feedback", self.feedback)]
        self.assertEqual(sorted(did), [("cancel", "hcp-3"), ("drop", "hcp-4"), ("send", "hcp-1"),
                                       ("send", "hcp-2")])
        said = self.feedback_events()
        self.assertEqual(sorted((e["event_type"], e["action_id"]) for e in said),
                         [("action_not_sent", "dec:t#4:1"), ("action_sent", "dec:t#1:1"),
                          ("action_sent", "dec:t#2:1")])
        self.publish([self.action(1), self.action(6, not_before=NOW + HOUR)])
        self.assertEqual(self.run_consumer("email_trigger"), [], "1 was sent, 6 is not due yet")
        later = self.run_consumer("email_trigger", now=NOW + 2 * HOUR)
        self.assertEqual([(line["do"], line["hcp_id"]) for line in later], [("send", "hcp-6")])

    def feedback_events(self):
        consumer = Consumer({"bootstrap.servers": SERVERS, "group.id": "test",
                             "isolation.level": "read_committed"})
        consumer.assign([TopicPartition(self.feedback, p, 0) for p in range(2)])
        events, until = [], time.monotonic() + 15
        while time.monotonic() < until and len(events) < 3:
            message = consumer.poll(0.5)
            if message is not None and not message.error():
                events.append(self.schemas.read(message.value()))
        consumer.close()
        return events

    def test_rep_alerts_show_what_is_open_and_withdraw_what_is_recalled(self):
        self.publish([self.action(1), self.action(2), self.action(4, expires=NOW)])
        lines = self.run_consumer("rep_alert")
        self.assertEqual(lines[-1], {"rep_id": "rep-1", "open": ["dec:t#2:1", "dec:t#1:1"]})
        self.assertEqual(lines[0]["why"], ["because"])
        self.publish([self.action(2, status="recalled")])
        lines = self.run_consumer("rep_alert")
        self.assertEqual([(line["do"], line["hcp_id"]) for line in lines[:-1]],
                         [("withdraw", "hcp-2")])
        self.assertEqual(lines[-1], {"rep_id": "rep-1", "open": ["dec:t#1:1"]})
        self.assertEqual(self.run_consumer("rep_alert", now=NOW + 100 * HOUR), [], "all expired")

    def test_campaign_orchestrator_keeps_the_totals(self):
        self.scenes()
        lines = self.run_consumer("campaign_orchestrator")
        self.assertEqual(lines[-1], {"campaign_id": "spring", "done": 2, "recalled": 1,
                                     "expired": 1})
        self.assertEqual(self.run_consumer("campaign_orchestrator")[-1], lines[-1])


if __name__ == "__main__":
    unittest.main(verbosity=2)
