"""The state folder damaged file by file: found out, set aside, rebuilt; never believed."""
import os
import random
import shutil
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "e2e"))
import world  # noqa: E402
from world import Instance  # noqa: E402

HCPS, EVENTS = 50, 600


def flip(rng, path):
    with open(path, "r+b") as file:
        data = bytearray(file.read())
        for _ in range(1 + len(data) // 400):
            data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
        file.seek(0)
        file.write(data)


def cut(rng, path):
    os.truncate(path, rng.randrange(os.path.getsize(path)))


def remove(rng, path):
    os.remove(path)


class StateFiles(unittest.TestCase):
    """An instance that stands in the middle of its input, with tables and a write-ahead log."""

    @classmethod
    def setUpClass(cls):
        cls.half = Instance()
        cls.half.setup(seed=3, hcps=HCPS, count=EVENTS)
        everything = world.events(4, HCPS, EVENTS)
        cls.half.drain()  # a clean end writes tables
        cls.half.produce("engagement", everything[:EVENTS // 2])
        cls.half.drain(env={"NBA_KILL_AT": "after_commit:4"}, check=False,
                       **{"commit.interval_ms": 1, "commit.events_max": 20})
        cls.half.produce("engagement", everything[EVENTS // 2:])
        with Saved(cls.half):
            cls.half.drain()
            cls.digests = cls.half.digests()
            cls.state = cls.half.nba("state", "hash", where=False).stdout

    @classmethod
    def tearDownClass(cls):
        cls.half.close()

    def check(self, damage):
        rng = random.Random(damage.__name__)
        store = os.path.join(self.half.dir, "state", "store")
        names = sorted(name for name in os.listdir(store) if name != "LOCK")
        self.assertGreater(len(names), 6, names)
        for name in names:
            with self.subTest(file=name), Saved(self.half):
                path = os.path.join(store, name)
                if damage is not remove and os.path.getsize(path) == 0:
                    continue
                damage(rng, path)
                self.half.drain()
                self.assertEqual(self.half.digests(), self.digests)
                self.assertEqual(self.half.nba("state", "hash", where=False).stdout, self.state)

    def test_changed_bytes_in_any_file(self):
        self.check(flip)

    def test_any_file_cut_short(self):
        self.check(cut)

    def test_any_file_gone(self):
        self.check(remove)


class Saved:
    """Log and state as they were, afterwards."""

    def __init__(self, instance):
        self.folders = [os.path.join(instance.dir, name) for name in ("log", "state")]

    def __enter__(self):
        for folder in self.folders:
            shutil.copytree(folder, folder + ".saved")

    def __exit__(self, *ignored):
        for folder in self.folders:
            shutil.rmtree(folder)
            os.rename(folder + ".saved", folder)


if __name__ == "__main__":
    unittest.main()
