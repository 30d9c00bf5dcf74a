"""nba test itself: a scenario that doesn't hold fails and says why; exit codes; what a file may not say.

Run by ctest (scenarios.runner), or alone: NBA_BIN=build/dev/nba python3 tests/scenarios/test_runner.py -v
"""
import os
import subprocess
import tempfile
import unittest

NBA = os.environ.get("NBA_BIN", "build/dev/nba")
WORLD = """name: base
policy:
  policy_version: "1"
  tenant: acme
  mode: live
  clock: event
  decide_on: [portal_content_viewed]
  allowed_lateness: P1D
  consent: {default: deny, models: {"US": {email: opt_out}}}
  arbitration: {formula: P*C*V*L}
  slate: {size: 1}
  timing: {expiry: {email: PT72H}}
  audit: {candidates: full}
given:
  profiles: [{hcp_id: hcp-1, market: "US"}]
  contents:
    - {content_id: EM-1, brand: X, treatments: [{channel: email, action_type: email}]}
    - {content_id: EM-2, brand: X, treatments: [{channel: email, action_type: email}]}
  scores: [{content: EM-1, action_type: email, p: 0.4}, {content: EM-2, action_type: email, p: 0.3}]
when:
  - event: {id: e1, source: web, type: portal_content_viewed, hcp_id: hcp-1, time: "2026-11-20T13:00:00Z"}
  - event: {id: e2, source: web, type: portal_content_viewed, hcp_id: hcp-1, time: "2026-11-24T13:00:00Z"}
then:
  - {after: e1, proposed: [{content: EM-1}], suppressed: [{content: EM-2, reason: LOST_ARBITRATION}]}
"""
LIKE = "---\nname: other\nlike: base\n"


class Runner(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory(prefix="nba-e2e-")
        self.addCleanup(self.folder.cleanup)

    def run_file(self, text, *args, name="f.yaml"):
        path = os.path.join(self.folder.name, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return subprocess.run([NBA, "test", path, *args], capture_output=True, text=True, check=False)

    def fails(self, text, *expected):
        done = self.run_file(WORLD + LIKE + text)
        self.assertEqual(done.returncode, 1, done.stdout + done.stderr)
        self.assertIn("ok   ", done.stdout.splitlines()[0])
        self.assertIn("1 passed, 1 failed, 0 skipped", done.stdout)
        for line in expected:
            self.assertIn(line, done.stdout)

    def test_what_holds_passes_and_one_can_be_run_alone(self):
        done = self.run_file(WORLD + LIKE, "--only", "base")
        self.assertEqual((done.returncode, done.stdout.splitlines()[-1]), (0, "1 passed, 0 failed, 0 skipped"))

    def test_a_difference_is_told_with_every_candidates_reason(self):
        self.fails('then: [{after: e1, proposed: [{content: EM-1, priority: 0.41, rank: 2}], recalled: []}]\n',
                   "proposed 1: priority: expected 0.41, came 0.4", "proposed 1: rank: expected 2, came 1",
                   "selected   dec:web#e1:1 EM-1 email, rank 1, priority 0.4",
                   "suppressed EM-2 email, priority 0.3, LOST_ARBITRATION")

    def test_numbers_are_equal_within_a_millionth_and_times_to_the_millisecond(self):
        done = self.run_file(WORLD + LIKE + 'then: [{after: e1, proposed: [{priority: 0.4000009, '
                             'time: "2026-11-20T14:00:00+01:00"}]}]\n')
        self.assertEqual(done.returncode, 0, done.stdout)
        self.fails('then: [{after: e1, proposed: [{priority: 0.4000011, time: "2026-11-20T13:00:00.001Z"}]}]\n',
                   "priority: expected 0.4000011", "time: expected 2026-11-20T13:00:00.001Z")

    def test_a_list_that_is_written_is_complete(self):
        self.fails("then: [{after: e1, proposed: []}]\n", "proposed: expected 0, came 1")
        self.fails("then: [{after: e1, recalled: [{content: EM-1}]}]\n", "recalled: expected 1, came 0")
        self.fails("then: [{after: e1, suppressed: []}]\n", "suppressed: expected 0, came 1")
        self.fails("then: [{after: e1, held: [{content: EM-1}]}]\n", "held: expected 1, came 0")
        self.fails("then: [{after: e1, tombstones: [hcp-1]}]\n", "tombstones: expected [hcp-1], came []")

    def test_record_and_state_are_judged(self):
        self.fails('then: [{after: e1, record: {kind: skipped, counts: {}}}]\n', "record: kind: expected skipped, came decided",
                   "record: counts: expected {}, came {LOST_ARBITRATION: 1}")
        self.fails('then: [{after: e1, decision: "dec:web#e2", record: {kind: decided}}]\n',
                   "record: there is none of dec:web#e2")
        self.fails("then: [{after: e1, state: [{hcp_id: hcp-1, unchanged: true, records: 0}]}]\n",
                   "the record has changed", "records: expected 0, came 1")
        self.fails('then: [{after: e1, state: [{hcp_id: hcp-1, ledger: [{action_id: "dec:web#e1:1", state: committed}], '
                   'outcomes: [{content: EM-1, outcome: sent, time: "2026-11-20T13:00:00Z"}]}]}]\n',
                   "ledger of dec:web#e1:1: expected committed, came reserved",
                   "outcome sent of EM-1: expected 2026-11-20T13:00:00Z, came null")

    def test_drivers_and_evidence_are_sets(self):
        self.fails("then: [{after: e1, proposed: [{drivers: [{code: LEVER}]}]}]\n", "drivers: expected LEVER, came ")
        self.fails("then: [{after: e1, suppressed: [{content: EM-2, evidence: [e1]}]}]\n",
                   "evidence: expected [e1], came []")

    def test_a_kill_point_must_be_reached(self):
        self.fails('when: [{crash: in_swap}, {event: {id: e1, source: web, type: portal_content_viewed, hcp_id: hcp-1, '
                   'time: "2026-11-20T13:00:00Z"}}]\n', "kill point in_swap was not reached in step 2")
        self.fails('when: [{event: {id: e1, source: web, type: portal_content_viewed, hcp_id: hcp-1, '
                   'time: "2026-11-20T13:00:00Z"}}, {crash: after_commit}]\n', "kill point after_commit was not reached")

    def test_other_outputs_are_not_the_same(self):
        self.fails('same_as: base\nwhen: [{event: {id: e1, source: web, type: portal_content_viewed, hcp_id: hcp-1, '
                   'time: "2026-11-20T13:00:00Z"}}]\n', "only in same_as: nba.action.v1", "only here: state ")

    def test_a_reload_must_succeed_or_be_expected_to_fail(self):
        bad = 'when: [{step: p, policy: {slate: {size: 0}}}]\n'
        self.fails(bad + "then: []\n", "the policy is refused: ", ":28:41: slate.size: expected a whole number")
        self.fails(bad + "then: [{after: p, rejected: 'slate.max_per'}]\n", "expected 'slate.max_per' in the message")
        self.fails('when: [{step: p, policy: {slate: {size: 2}}}]\nthen: [{after: p, rejected: size}]\n',
                   "but the policy was taken")

    def test_a_bad_policy_fails_its_scenario_and_a_bad_file_everything(self):
        self.fails("policy_override: {slates: {size: 2}}\n", "the policy is refused: ", ":28:27: slates: unknown key")
        done = self.run_file(WORLD + "---\nname: other\nlik: base\n")
        self.assertEqual(done.returncode, 2)
        self.assertRegex(done.stdout, r"ERROR .*f\.yaml:27:1: lik: unknown key; did you mean 'like'\?")

    def test_policies_in_a_folder_are_passed_over(self):
        self.run_file('policy_version: "1"\n', name="policy.yaml")
        self.run_file(WORLD)
        done = subprocess.run([NBA, "test", self.folder.name], capture_output=True, text=True, check=False)
        self.assertEqual((done.returncode, done.stdout.splitlines()[-1]), (0, "1 passed, 0 failed, 0 skipped"))


if __name__ == "__main__":
    unittest.main()
