#!/usr/bin/env python3
"""docker-compose.yml and Dockerfile without a container engine.

    test_compose.py files       the files against a subset of the Compose specification, and ours
    test_compose.py services    each service's command line as a process, on NBA_TEST_KAFKA
"""
import json
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "tests" / "support"))
import packages  # noqa: E402

packages.need("yaml")
import yaml  # noqa: E402

NBA = Path(os.environ.get("NBA_BIN", ROOT / "build" / "nba"))
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text())

TEXT, LIST, MAP, BOOL = str, list, dict, bool
SERVICE = {"image": TEXT, "build": (TEXT, MAP), "command": (TEXT, LIST), "environment": MAP,
           "volumes": LIST, "ports": LIST, "depends_on": (LIST, MAP), "healthcheck": MAP,
           "restart": TEXT, "read_only": BOOL, "cap_drop": LIST, "security_opt": LIST,
           "tmpfs": LIST, "stop_grace_period": TEXT}
HEALTH = {"test", "interval", "timeout", "retries", "start_period"}
CONDITIONS = {"service_started", "service_healthy", "service_completed_successfully"}
DURATION = re.compile(r"(\d+(us|ms|s|m|h))+\Z")
INSTRUCTIONS = {"FROM", "RUN", "COPY", "WORKDIR", "ENV", "VOLUME", "USER", "EXPOSE", "STOPSIGNAL",
                "ENTRYPOINT", "CMD"}


def ours():
    return {name: s for name, s in COMPOSE["services"].items() if s["image"].startswith("nba:")}


def dockerfile():
    """(instruction, rest), continuation lines joined."""
    text = re.sub(r"\\\n", " ", "\n".join(
        line for line in (ROOT / "Dockerfile").read_text().splitlines()
        if not line.lstrip().startswith("#")))
    return [tuple(line.split(None, 1)) for line in text.splitlines() if line.strip()]


class Files(unittest.TestCase):
    def test_every_key_is_of_the_specification_and_of_its_type(self):
        self.assertLessEqual(set(COMPOSE), {"name", "services", "volumes", "x-nba"})
        for name, service in COMPOSE["services"].items():
            for key, value in service.items():
                self.assertIn(key, SERVICE, f"{name}.{key}")
                self.assertIsInstance(value, SERVICE[key], f"{name}.{key}")
            for key, value in service.get("environment", {}).items():
                self.assertIsInstance(value, str, f"{name}: {key} must be quoted")
            self.assertLessEqual(set(service.get("healthcheck", {})), HEALTH)
            self.assertIn(service.get("restart", "no"),
                          ("no", "always", "on-failure", "unless-stopped"))
            for key in ("interval", "timeout"):
                if key in service.get("healthcheck", {}):
                    self.assertRegex(service["healthcheck"][key], DURATION)

    def test_what_is_referred_to_is_there(self):
        for name, service in COMPOSE["services"].items():
            for other, how in service.get("depends_on", {}).items():
                self.assertIn(other, COMPOSE["services"])
                self.assertIn(how["condition"], CONDITIONS)
                if how["condition"] == "service_healthy":
                    self.assertIn("healthcheck", COMPOSE["services"][other])
            for volume in service.get("volumes", ()):
                source, target = volume.split(":")[:2]
                self.assertIn(source, COMPOSE["volumes"], f"{name}: {volume}")
                self.assertTrue(target.startswith("/"))
            for port in service.get("ports", ()):
                self.assertRegex(port, r"\A127\.0\.0\.1:\d+:\d+\Z", "on the host's loopback alone")
            self.assertRegex(service["image"], r":[\d.]+\Z", "an image has a version")

    def test_our_services_have_no_rights_they_do_not_need(self):
        self.assertEqual(set(ours()), {"topics", "nba", "trainer"})
        for name, service in ours().items():
            self.assertIs(service["read_only"], True, name)
            self.assertEqual(service["cap_drop"], ["ALL"], name)
            self.assertIn("no-new-privileges:true", service["security_opt"], name)

    def test_the_dockerfile_is_whole_and_ends_as_another_user_than_root(self):
        lines = dockerfile()
        self.assertLessEqual({instruction for instruction, _ in lines}, INSTRUCTIONS)
        stages = [rest for instruction, rest in lines if instruction == "FROM"]
        for stage in stages:
            self.assertRegex(stage.split()[0], r":\d", "a base image has a version")
        last = lines[max(i for i, (what, _) in enumerate(lines) if what == "FROM"):]
        self.assertEqual([rest for what, rest in last if what == "USER"][-1], "nba")
        for what, rest in lines:
            if what == "COPY" and not rest.startswith("--from"):
                for source in shlex.split(rest)[:-1]:
                    self.assertTrue((ROOT / source).exists(), source)
            if what in ("CMD", "ENTRYPOINT", "VOLUME"):
                json.loads(rest)
        built = " ".join(rest for what, rest in lines if what == "RUN")
        setup = (ROOT / "tools" / "setup").read_text()
        for package in re.findall(r"\b(lib\w[\w.-]*-dev)\b", setup):
            if not package.startswith("libclang"):
                self.assertIn(package, built, "the image builds with what tools/setup installs")

    def test_the_containers_configuration_is_accepted(self):
        answer = subprocess.run([NBA, "describe", "--config", "config/container.yaml"], cwd=ROOT,
                                capture_output=True, text=True, env=dict(
                                    os.environ, NBA_INSTANCE="a", NBA_KAFKA="kafka:9092",
                                    NBA_STATE_DIR="/s",
                                    NBA_SECRET_FILE="/s/secret", NBA_RELEASE_DIR="/r"))
        self.assertEqual(answer.returncode, 0, answer.stderr)
        self.assertIn("Kafka at kafka:9092", answer.stdout)


class Services(unittest.TestCase):
    """What compose would run, run here: the same words, a folder in place of the volumes, the test's
    broker in place of kafka:9092."""

    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.path = Path(self.folder.name)
        (self.path / "bin").mkdir()
        (self.path / "bin" / "nba").symlink_to(NBA.resolve())
        self.processes = []

    def tearDown(self):
        for process in self.processes:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            process.stderr.close()
        subprocess.run([NBA, "topics", "delete", "--all", "--kafka", SERVERS], cwd=ROOT,
                       capture_output=True)
        self.folder.cleanup()

    def start(self, name, *more):
        service = ours()[name]
        command = [word.replace("$$", "$") for word in service["command"]]
        environment = {**os.environ, **service["environment"], "NBA_KAFKA": SERVERS,
                       "PATH": f"{self.path / 'bin'}:{os.environ['PATH']}",
                       "NBA_STATE_DIR": str(self.path / f"state-{name}"),
                       "NBA_SECRET_FILE": str(self.path / "secret"),
                       "NBA_RELEASE_DIR": str(self.path / "releases")}
        process = subprocess.Popen(command + list(more), cwd=ROOT, env=environment,
                                   stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True,
                                   start_new_session=True)
        self.processes.append(process)
        return process

    def wait_for(self, what, seconds=90):
        until = time.monotonic() + seconds
        while not what():
            self.assertLess(time.monotonic(), until, "too long")
            time.sleep(0.2)

    def ready(self):
        try:
            url = f"http://127.0.0.1:{self.port}/readyz"
            with urllib.request.urlopen(url, timeout=2) as answer:
                return answer.status == 200
        except OSError:
            return False

    def decisions(self):
        answer = subprocess.run([NBA, "topics", "describe", "decision", "--kafka", SERVERS],
                                cwd=ROOT, capture_output=True, text=True)
        return sum(int(line.split()[-2]) for line in answer.stdout.splitlines()[1:])

    def test_the_services_of_the_compose_file_work_together(self):
        topics = self.start("topics")
        self.assertEqual(topics.wait(60), 0, "topics")
        subprocess.run([NBA, "generate", "--kafka", SERVERS, "--events", "2000", "--hcps", "60",
                        "--contents", "16"], cwd=ROOT, check=True, capture_output=True)
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        engine = self.start("nba", "--set", f"http.listen=0.0.0.0:{self.port}")
        self.wait_for(self.ready)
        self.wait_for(lambda: self.decisions() >= 2000)
        trainer = self.start("trainer")
        champion = self.path / "releases" / "champion"
        self.wait_for(champion.exists, 240)
        self.assertIsNone(trainer.poll(), "the trainer sleeps until the next time")
        os.killpg(trainer.pid, signal.SIGTERM)
        os.killpg(engine.pid, signal.SIGTERM)
        self.assertEqual(engine.wait(20), 0, engine.stderr.read()[-2000:])


if __name__ == "__main__":
    KIND = sys.argv.pop(1)
    SERVERS = os.environ.get("NBA_TEST_KAFKA")
    if KIND == "services" and not SERVERS:
        print("skipped: NBA_TEST_KAFKA is not set")
        sys.exit(77)
    unittest.main(verbosity=2, defaultTest={"files": "Files", "services": "Services"}[KIND])
