"""One life of `nba run`, and the driver that lets an instance live and die as planned."""
import datetime
import itertools
import os
import random
import signal
import subprocess
import threading
import time

import company as company_module
import plan

PATIENCE_S = 20


class Life:
    """A running instance; its log lines are kept with the time at which they came, and in a file."""

    count = itertools.count(1)
    everyone = []
    closed = False  # no more are started

    def __init__(self, company, name, folder, workers, environment=None):
        if self.closed:
            raise RuntimeError("the test is ending")
        self.lines = []
        (company.dir / "logs").mkdir(exist_ok=True)
        self.log = open(company.dir / "logs" / f"{next(self.count):04d}-{folder}.log", "w",
                        encoding="utf-8")
        self.log.write(f"workers {workers} {environment or ''}\n")
        self.news = threading.Condition()
        self.started = time.monotonic()
        self.killed_by_us = False
        self.process = subprocess.Popen(
            company.command("run", "--no-http", "--instance", name, "--workers", workers,
                            state__dir=company.dir / folder),
            stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, cwd=company.dir,
            env={**os.environ, **(environment or {})}, text=True, errors="replace")
        self.everyone.append(self)
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()

    def read(self):
        for line in self.process.stderr:
            self.log.write(line)
            with self.news:
                self.lines.append((time.monotonic(), line.rstrip()))
                self.news.notify_all()
        with self.news:
            self.log.close()
            self.news.notify_all()

    def find(self, word, since=0.0):
        """When a line with this word came first, or None."""
        with self.news:
            return next((at for at, line in self.lines if at >= since and word in line), None)

    def await_word(self, words, seconds=PATIENCE_S, since=0.0):
        """Waits for one of the words or the end of the process; True when a word came."""
        deadline = time.monotonic() + seconds
        while True:
            if any(self.find(word, since) is not None for word in words):
                return True
            left = deadline - time.monotonic()
            if left <= 0 or self.process.poll() is not None:
                return any(self.find(word, since) is not None for word in words)
            with self.news:
                self.news.wait(min(left, 0.05))

    def first_commit_s(self):
        at = self.find(" first_commit ")
        return None if at is None else at - self.started

    def send(self, number):
        if self.process.poll() is None:
            self.process.send_signal(number)
            with self.news:
                if not self.log.closed:
                    now = datetime.datetime.now(datetime.timezone.utc)
                    self.log.write(f"{now.strftime('%H:%M:%S.%f')} signal {number}\n")

    def kill(self):
        """SIGKILL; True when it was still alive."""
        alive = self.process.poll() is None
        self.killed_by_us = alive
        self.send(signal.SIGKILL)
        self.end()
        return alive

    def stop(self):
        """SIGTERM, and a clean end."""
        self.send(signal.SIGTERM)
        if self.end() != 0:
            raise company_module.Failed(f"an instance didn't end well:\n    {self.tail(12)}")

    def end(self, seconds=PATIENCE_S):
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            return None
        self.reader.join(2)
        return self.process.returncode

    @classmethod
    def kill_everyone(cls):
        cls.closed = True
        for life in cls.everyone:
            life.kill()

    def tail(self, count=6):
        return "\n    ".join(line for _, line in self.lines[-count:])


class Tally:
    """What happened, over both drivers."""

    def __init__(self):
        self.lock = threading.Lock()
        self.kills = 0
        self.hits = dict.fromkeys(plan.POINTS, 0)
        self.faults = {point: {"fatal": 0, "unknown": 0} for point in plan.POINTS}
        self.zombies = []
        self.absents = []
        self.restarts_s = []
        self.missed = []
        self.strange = []
        self.unknown_outcomes = 0
        self.refused = []


class Driver(threading.Thread):
    """Takes jobs from the common list until it is empty and the time is over."""

    def __init__(self, company, name, workers, jobs, until, tally, seed):
        super().__init__(daemon=True)
        self.company, self.name_, self.workers = company, name, workers
        self.jobs, self.until, self.tally = jobs, until, tally
        self.rng = random.Random(f"{seed}-{name}-{workers}")
        self.spare = False
        self.failure = None

    def folder(self, spare=None):
        return f"state-{self.name_}{'-spare' if (self.spare if spare is None else spare) else ''}"

    def start_life(self, environment=None, spare=None):
        return Life(self.company, self.name_, self.folder(spare), self.workers, environment)

    def run(self):
        try:
            while True:
                with self.tally.lock:
                    job = self.jobs.pop() if self.jobs else None
                if job is None:
                    if time.monotonic() >= self.until:
                        return
                    job = plan.Job("random")
                getattr(self, "do_" + job.kind)(job)
        except Exception as error:  # the other thread has to hear of it
            self.failure = f"{type(error).__name__}: {error}"

    def note_life(self, life, clean=True):
        """After its end: figures and oddities."""
        code = life.process.returncode
        with self.tally.lock:
            self.tally.unknown_outcomes += sum(" unknown_outcome " in line for _, line in life.lines)
            if code == -signal.SIGKILL:
                self.tally.kills += 1
            first = life.first_commit_s()
            if clean and first is not None:
                self.tally.restarts_s.append(first)
            if code not in (-signal.SIGKILL, 0):
                self.tally.strange.append(f"instance {self.name_} ended with {code}:\n    "
                                          f"{life.tail()}")

    def do_point(self, job):
        environment = job.environment(self.rng, max(1, company_module.PARTITIONS_EACH // self.workers))
        life = self.start_life(environment)
        cue = " fault_injected " if job.fault else " first_commit "
        if job.point in plan.AT_END + plan.AT_SWAP and life.await_word([cue]):
            time.sleep(self.rng.uniform(0, 0.3))
            if job.point in plan.AT_END:
                life.send(signal.SIGTERM)
            else:
                self.company.adopt_champion()
        if life.end() is None:
            life.kill()
        self.note_life(life, clean=not job.fault)
        hit = life.process.returncode == -signal.SIGKILL and not life.killed_by_us
        with self.tally.lock:
            if hit:
                self.tally.hits[job.point] += 1
                if job.fault:
                    self.tally.faults[job.point]["fatal" if job.fault == "fatal" else "unknown"] += 1
                return
            job.tries -= 1
            self.tally.missed.append(f"{job.point}/{job.fault or 'plain'} {environment} exit "
                                     f"{life.process.returncode}\n    {life.tail(4)}")
            if job.tries > 0:
                self.jobs.insert(0, job)

    def do_random(self, job):
        life = self.start_life()
        pause = self.rng.choice([self.rng.uniform(0.02, 1.0), self.rng.uniform(0.5, 3.0)])
        try:
            life.process.wait(pause)
        except subprocess.TimeoutExpired:
            life.kill()
        life.end()
        self.note_life(life)

    def do_zombie(self, job):
        """It sleeps while another one takes its name; awake again it has nothing to say."""
        life = self.start_life()
        if not life.await_word([" first_commit "]):
            life.kill()
            self.note_life(life)
            self.jobs.insert(0, job)
            return
        time.sleep(self.rng.uniform(0, 0.7))
        life.send(signal.SIGSTOP)
        time.sleep(self.rng.uniform(0.1, 1.0))
        heir = self.start_life(spare=not self.spare)
        heir.await_word([" first_commit "])
        time.sleep(self.rng.uniform(0, 0.5))
        woken = time.monotonic()
        life.send(signal.SIGCONT)
        code = life.end(15)
        took = time.monotonic() - woken
        if code is None:
            life.kill()
        with self.tally.lock:
            self.tally.zombies.append((code, took))
        self.spare = not self.spare
        time.sleep(self.rng.uniform(0, 0.5))
        heir.kill()
        self.note_life(heir, clean=False)

    def do_absent(self, job):
        """It sleeps past its session; the others take its partitions, then it comes back."""
        life = self.start_life()
        life.await_word([" first_commit "])
        life.send(signal.SIGSTOP)
        time.sleep(self.rng.uniform(6.5, 8.0))
        woken = time.monotonic()
        life.send(signal.SIGCONT)
        life.end(self.rng.uniform(1.0, 4.0))
        code = life.process.poll()
        with self.tally.lock:
            self.tally.absents.append((code, time.monotonic() - woken))
        life.kill()
        if code is None:
            self.note_life(life, clean=False)
