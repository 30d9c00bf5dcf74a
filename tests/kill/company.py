"""Broker, releases, policies and the feed that runs while instances are killed."""
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PARTITIONS_EACH = 3  # of an instance: one for each of its workers at least
CONTENTS = 40
OUTPUTS = ("action", "slate", "decision", "deadletter", "journal", "nba.email.v1", "nba.rep.v1")
APPLICATION = "kill"


def is_free(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


class Failed(Exception):
    """Something that makes the whole test fail; its text is the reason."""


class Company:
    """A folder, a broker of its own, and the program with its settings."""

    def __init__(self, program, folder, servers, names):
        self.program = str(program)
        self.dir = Path(folder)
        self.names = names
        self.partitions = PARTITIONS_EACH * len(names)
        self.releases = []
        self.policies = []
        self.policy = self.dir / "policy.yaml"
        self.own_broker = servers is None
        self.servers = servers or self.start_broker()
        self.settings = {
            "application_id": APPLICATION, "release.dir": self.dir / "releases",
            "policy.file": self.policy, "schemas.dir": ROOT / "schemas", "clock": "event",
            "topics.partitions": self.partitions}

    # --- the program ---

    def command(self, name, *args, where=True, **settings):
        line = [self.program, name]
        for key, value in {**self.settings, **settings}.items():
            line += ["--set", f"{key.replace('__', '.')}={value}"]
        return line + (["--kafka", self.servers] if where else []) + [str(a) for a in args]

    def nba(self, name, *args, stdin=None, where=True, timeout=240, **settings):
        done = subprocess.run(self.command(name, *args, where=where, **settings), input=stdin,
                              capture_output=True, text=True, cwd=self.dir, timeout=timeout)
        if done.returncode != 0:
            raise Failed(f"nba {name}: exit {done.returncode}: {done.stderr[-1500:]}")
        return done.stdout

    def consume(self, topic):
        return [json.loads(line) for line in self.nba("consume", topic).splitlines()]

    # --- broker ---

    def kafka(self, command, *args):
        return subprocess.run([ROOT / "tools" / "kafka", command, "--dir", self.dir / "kafka",
                               *args], stdout=subprocess.PIPE, text=True, check=True).stdout.strip()

    def start_broker(self):
        # Not the first free ports: another start beside this one would take the same.
        port = next(p for p in random.SystemRandom().sample(range(20000, 32000, 10), 100)
                    if all(is_free(p + i) for i in range(3)))
        return self.kafka("start", "--port", str(port), "--heap", "640m")

    def close(self):
        if self.own_broker:
            self.kafka("wipe")

    # --- what the instances work with ---

    def prepare(self, seed, rules=""):
        """Topics, catalogue, two small releases, three policies with these contact policies more."""
        text = (ROOT / "config" / "policy-basic.yaml").read_text()
        text = text.replace("candidates: full", "candidates: top:3")
        text = text.replace("\narbitration:", rules + "\narbitration:")
        for size in (2, 1, 3):
            self.policies.append(text.replace("slate: {size: 2", f"slate: {{size: {size}"))
        self.adopt_policy(0)
        log = ["--log", self.dir / "training"]
        self.nba("generate", *log, "--events", 2500, "--hcps", 100, "--contents", CONTENTS,
                 "--seed", seed, where=False)
        for i in (1, 2):
            self.nba("train", *log, "--seed", i, where=False, train__lstm_epochs_max=1,
                     train__ncf_epochs_max=1)
        self.releases = sorted(p.name for p in (self.dir / "releases").iterdir() if p.is_dir())
        if len(self.releases) != 2:
            raise Failed(f"two releases were expected, there are {len(self.releases)}")
        shutil.rmtree(self.dir / "training")
        self.nba("models", "release", self.releases[0], where=False)
        self.nba("topics", "create")

    def adopt_policy(self, which):
        part = self.policy.with_suffix(".part")
        part.write_text(self.policies[which % len(self.policies)])
        part.rename(self.policy)

    def adopt_champion(self):
        """The other one of the two."""
        champion = (self.dir / "releases" / "champion").read_text().split()[0]
        other = next(r for r in self.releases if r != champion)
        part = self.dir / "releases" / f"champion.{threading.get_ident()}"
        part.write_text(other + "\n")
        part.rename(self.dir / "releases" / "champion")

    def merged_policies(self):
        """Every policy that an instance kept: the journal names them by hash."""
        folder = self.dir / "policies"
        folder.mkdir(exist_ok=True)
        for path in self.dir.glob("state-*/policies/*.yaml"):
            shutil.copy(path, folder)
        return folder


class Feed:
    """`nba generate` at a steady rate, poison beside it, and a look at what really arrived."""

    def __init__(self, company, rate, seed, *more):
        import confluent_kafka
        self.kafka = confluent_kafka
        self.company = company
        self.rate = rate
        self.stopping = threading.Event()
        self.samples = []
        self.poison = 0
        self.output = open(company.dir / "feed.log", "w", encoding="utf-8")
        self.process = subprocess.Popen(
            company.command("generate", "--events", 10_000_000, "--days", 3000, "--hcps", 1500,
                            "--contents", CONTENTS, "--rate", rate, "--seed", seed, *more),
            stdout=self.output, stderr=self.output, cwd=company.dir)
        self.threads = [threading.Thread(target=self.watch), threading.Thread(
            target=self.poison_it, args=(random.Random(seed),))]
        for thread in self.threads:
            thread.start()

    def high(self, consumer):
        return sum(consumer.get_watermark_offsets(
            self.kafka.TopicPartition("hcp.engagement.v1", p), timeout=10)[1]
            for p in range(self.company.partitions))

    def watch(self):
        consumer = self.kafka.Consumer({"bootstrap.servers": self.company.servers,
                                        "group.id": "feed-watch"})
        while not self.stopping.is_set():
            self.samples.append((time.monotonic(), self.high(consumer)))
            self.stopping.wait(1.0)
        consumer.close()

    def poison_it(self, rng):
        producer = self.kafka.Producer({"bootstrap.servers": self.company.servers,
                                        "partitioner": "murmur2_random", "acks": "all",
                                        "enable.idempotence": True})
        bad = [b"", None, b"\x01\x00\x00\x00\x01abc", b"\x00\x00\x00\xff\xffabc",
               b"\x00\x00\x00\x00\x01" + b"\xff" * 40, b"\x00\x00\x00\x00\x01\x02a"]
        while not self.stopping.wait(0.2):
            value = rng.choice([*bad, rng.randbytes(rng.randrange(1, 300))])
            producer.produce("hcp.engagement.v1", key=f"hcp-{rng.randrange(1500):05d}", value=value)
            self.poison += 1
            producer.poll(0)
        producer.flush(30)

    def rates(self, span=5):
        """(mean, least over `span` seconds) of events a second, the first two seconds left out."""
        samples = [s for s in self.samples if s[0] - self.samples[0][0] >= 2]
        if len(samples) < span + 2:
            return 0.0, 0.0
        mean = (samples[-1][1] - samples[0][1]) / (samples[-1][0] - samples[0][0])
        least = min((b[1] - a[1]) / (b[0] - a[0]) for a, b in zip(samples, samples[span:]))
        return mean, least

    def stop(self):
        ended = self.process.poll()
        self.process.send_signal(signal.SIGTERM)
        self.stopping.set()
        self.process.wait(60)
        for thread in self.threads:
            thread.join()
        self.output.close()
        if ended is not None:
            text = (self.company.dir / "feed.log").read_text(encoding="utf-8")
            raise Failed(f"the feed ended by itself, exit {ended}: {text[-500:]}")


class Changes:
    """While instances run and die: policies, champions and catalogue change, ids are fenced."""

    PAUSE_S = (1.0, 4.0)

    def __init__(self, company, seed):
        self.company = company
        self.rng = random.Random(seed)
        self.stopping = threading.Event()
        self.workers = 1
        self.done = {"policy": 0, "champion": 0, "catalogue": 0, "fenced": 0}
        self.failure = None
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def run(self):
        kinds = list(self.done)
        turn = 0
        while not self.stopping.wait(self.rng.uniform(*self.PAUSE_S)):
            kind = kinds[turn % len(kinds)]
            turn += 1
            try:
                getattr(self, kind)()
                self.done[kind] += 1
            except (Failed, OSError, subprocess.SubprocessError) as error:
                self.failure = str(error)

    def policy(self):
        self.company.adopt_policy(self.done["policy"] + 1)

    def champion(self):
        self.company.adopt_champion()

    def catalogue(self):
        number = self.done["catalogue"]
        content = {"content_id": f"NEW-{number:03d}", "brand": "CARDIOX", "topic_ids": ["topic-new"],
                   "class": "promotional", "title": f"New {number}",
                   "treatments": [{"channel": "web", "action_type": "portal_content",
                                   "approval_state": "approved", "approval_number": "AP-1"}]}
        path = self.company.dir / "catalogue.jsonl"
        path.write_text(json.dumps({"kind": "content", "content": content}) + "\n")
        self.company.nba("produce", "--topic", "catalog", path)

    def fenced(self):
        """Another client takes a transactional id: a real fatal error for its owner."""
        import confluent_kafka
        name = (f"{APPLICATION}-{self.rng.choice(self.company.names)}-{self.rng.randrange(self.workers)}"
                f"-{self.rng.randrange(2)}")
        rival = confluent_kafka.Producer({"bootstrap.servers": self.company.servers,
                                          "transactional.id": name})
        try:
            rival.init_transactions(10)
        except confluent_kafka.KafkaException:
            pass  # the owner was quicker

    def stop(self):
        self.stopping.set()
        self.thread.join()
        if self.failure:
            raise Failed(f"changes: {self.failure}")


def kill_quietly(process):
    if process.poll() is None:
        os.kill(process.pid, signal.SIGKILL)
    process.wait()
