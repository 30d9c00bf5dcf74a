"""nba simulate: counts that agree with what nba run wrote, and nothing changed by it.

Run by ctest (e2e.simulate), or alone: NBA_BIN=build/dev/nba python3 tests/e2e/test_simulate.py -v
"""
import collections
import csv
import os
import unittest

from world import Instance


class Simulate(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.instance = Instance()
        cls.addClassCleanup(cls.instance.close)
        cls.instance.setup()
        cls.instance.drain()

    def simulate(self, *args):
        """{(dimension, word): (a, b or None)} as --csv has them."""
        path = os.path.join(self.instance.dir, "out.csv")
        self.instance.nba("simulate", "--csv", path, *args)
        with open(path, encoding="utf-8", newline="") as file:
            return {(r["dimension"], r["word"]): (float(r["a"]), float(r["b"]) if "b" in r else None)
                    for r in csv.DictReader(file)}

    def other_policy(self, old, new):
        path = os.path.join(self.instance.dir, "other.yaml")
        with open(self.instance.policy, encoding="utf-8") as file:
            text = file.read()
        self.assertIn(old, text)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text.replace(old, new))
        return path

    def test_counts_are_those_of_the_records_that_the_engine_wrote(self):
        before = self.instance.nba("consume", "--digest", "decision", "action").stdout
        counts = self.simulate("--policy", self.instance.policy)
        actions = [r["value"] for r in self.instance.consume("action")
                   if r["value"]["status"] == "proposed"]
        decisions = [r["value"] for r in self.instance.consume("decision")
                     if r["value"]["kind"] == "decided"]

        def of(dimension):
            return {w: int(a) for (d, w), (a, _) in counts.items() if d == dimension}
        self.assertGreater(len(actions), 50)
        self.assertEqual(of("channel"), collections.Counter(a["channel"] for a in actions))
        self.assertEqual(of("brand"), collections.Counter(a["brand"] or "-" for a in actions))
        self.assertEqual(of("content"), collections.Counter(
            a["treatment"]["content_id"] for a in actions))
        reasons = collections.Counter()
        for decision in decisions:
            reasons.update(decision["counts"])
        self.assertEqual(of("reason"), reasons)
        totals = of("total")
        self.assertEqual(totals["decisions"], len(decisions))
        self.assertEqual(totals["HCPs without any action"],
                         len({d["hcp_id"] for d in decisions} - {a["hcp_id"] for a in actions}))
        value = sum(a["factors"]["propensity"] * a["factors"]["value"] for a in actions)
        self.assertAlmostEqual(counts["total", "expected value"][0], value, places=6)
        self.assertEqual(self.instance.nba("consume", "--digest", "decision", "action").stdout,
                         before, "it wrote to the log")

    def test_a_second_policy_is_compared_decision_by_decision(self):
        smaller = self.other_policy("slate: {size: 2", "slate: {size: 1")
        counts = self.simulate("--policy", self.instance.policy, "--policy", smaller)
        a, b = counts["total", "actions"]
        self.assertLess(b, a)
        made = sum(counts.get(("difference", w), (0, 0))[1]
                   for w in ("the same actions", "other actions", "by B alone"))
        self.assertEqual(made, counts["total", "decisions"][1])
        self.assertGreater(counts["difference", "other actions"][1], 0)
        same = self.simulate("--policy", self.instance.policy, "--policy", self.instance.policy)
        self.assertNotIn(("difference", "other actions"), same)
        for key, (left, right) in same.items():
            if key[0] != "difference":
                self.assertEqual(left, right, key)

    def test_threads_change_no_count_and_hostile_words_no_page(self):
        one = self.simulate("--policy", self.instance.policy, "--threads", "1")
        self.assertEqual(self.simulate("--policy", self.instance.policy, "--threads", "4"), one)
        hostile = self.other_policy('policy_version: "', 'policy_version: "<script>alert(1)</script>')
        page = os.path.join(self.instance.dir, "page.html")
        self.instance.nba("simulate", "--policy", hostile, "--html", page)
        with open(page, encoding="utf-8") as file:
            text = file.read()
        self.assertNotIn("<script", text)
        self.assertIn("&lt;script&gt;", text)

    def test_a_bad_policy_is_told_before_anything_runs(self):
        bad = self.other_policy("slate: {size: 2", "slate: {size: none")
        out = self.instance.nba("simulate", "--policy", self.instance.policy, "--policy", bad,
                                check=False)
        self.assertEqual(out.returncode, 2)
        self.assertIn("other.yaml:", out.stderr)
        self.assertNotIn("a second", out.stderr)


if __name__ == "__main__":
    unittest.main()
