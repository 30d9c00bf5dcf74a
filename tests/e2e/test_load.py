"""More than usual at once, and one HCP with half of a partition, in a small memory budget.

Run by ctest (e2e.load), or alone: NBA_BIN=build/dev/nba python3 tests/e2e/test_load.py -v
"""
import os
import random
import re
import subprocess
import time
import unittest
import urllib.error
import urllib.request

import world
from test_local import accounted
from world import START, Instance

PARTS = {"hot_records", "block_cache", "write_buffers", "log_reading", "log_writing"}
BUDGET_MIB = 8
HCPS, MEAN, BURST = 1500, 75, 20


def events(rng, first, count):
    """Every other one is the same HCP's."""
    for i in range(first, first + count):
        hcp = 0 if i % 2 else rng.randrange(HCPS)
        yield {"event_id": f"e-{i}", "source": "web", "event_type": rng.choice(world.ENGAGED),
               "event_time": START + i * 60_000, "hcp_id": f"hcp-{hcp:05d}",
               "content_id": f"C{rng.randrange(40):03d}"}


class Load(unittest.TestCase):
    def setUp(self):
        self.instance = Instance(memory={"budget_mib": BUDGET_MIB}, commit={"events_max": 50})
        self.addCleanup(self.instance.close)
        self.seen = {}

    def look(self, port):
        """Every gauge of the budget, compared with its share."""
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=60) as answer:
            text = answer.read().decode()
        gauges = {(name, part): int(value) for name, part, value in
                  re.findall(r'^nba_memory_(\w*bytes)\{part="(\w+)"\} (\d+)$', text, re.M)}
        shares = {part: value for (name, part), value in gauges.items() if name == "share_bytes"}
        self.assertEqual(set(shares), PARTS)
        self.assertEqual(sum(shares.values()), BUDGET_MIB << 20)
        for part, share in shares.items():
            used = gauges["bytes", part]
            self.assertLessEqual(used, share, part)
            self.seen[part] = max(self.seen.get(part, 0), used / share)

    def drain(self):
        """Looks at the gauges until the process ends."""
        log = os.path.join(self.instance.dir, "run.log")
        with open(log, "w", encoding="utf-8") as file:
            process = subprocess.Popen(
                [world.NBA, "run", *self.instance.common, *self.instance.where, "--drain", "--set",
                 "http.listen=127.0.0.1:0"], stderr=file, cwd=self.instance.dir)
        port = None
        while process.poll() is None:
            with open(log, encoding="utf-8") as file:
                text = file.read()
            port = port or re.search(r" http address=\S+ port=(\d+)", text)
            if port:
                try:
                    self.look(port.group(1))
                except (urllib.error.URLError, ConnectionError):
                    pass  # it ends
            time.sleep(0.01)
        self.assertEqual(process.returncode, 0, text)
        self.assertIn(f" memory budget_mib={BUDGET_MIB} ", text)

    def test_bursts_and_one_hcp_with_half_of_all_stay_in_the_budget_and_change_no_byte(self):
        rng = random.Random(11)
        sizes = [MEAN, MEAN * BURST, MEAN, MEAN * BURST]
        self.instance.nba("topics", "create")
        self.instance.produce("catalog", list(world.contents(40)) + list(world.reps(5)))
        for lot, size in enumerate(sizes):
            self.instance.produce("engagement", events(rng, sum(sizes[:lot]), size))
            self.drain()
        accounted(self, self.instance)
        self.assertEqual(set(self.seen), PARTS)
        self.assertGreater(max(self.seen.values()), 0.3, "the budget was never felt")
        live = self.instance.nba("state", "hash", where=False).stdout + self.instance.digests()
        self.assertEqual(self.instance.replay("--state-hash"), live)
        # and a larger budget says the same
        self.assertEqual(self.instance.replay("--state-hash", "--set", "memory.budget_mib=256"), live)

    def test_a_catalogue_of_5000_contents_is_decided_from_and_replayed(self):
        self.instance.nba("topics", "create")
        self.instance.produce("catalog", list(world.contents(5000)))
        self.instance.produce("engagement", world.events(3, 6, 60))
        self.drain()
        accounted(self, self.instance)
        decided = [r["value"] for r in self.instance.consume("decision")
                   if r["value"]["kind"] == "decided"]
        self.assertGreater(len(decided), 20)
        channels = sum(2 + i % 3 for i in range(5000))
        self.assertEqual({d["n_candidates"] for d in decided}, {channels})
        self.assertEqual(self.instance.replay(), self.instance.digests())


if __name__ == "__main__":
    unittest.main()
