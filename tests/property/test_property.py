"""Random policies, random events, random deaths: no rule is broken, nothing lost, nothing changed
by looking.  oracle.py is the judge.

Run by ctest (property.property) with a few seeds, or alone:
    NBA_BIN=build/dev/nba python3 tests/property/test_property.py [--seed FIRST] [--seeds COUNT]
"""
import argparse
import collections
import json
import os
import random
import signal
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "e2e"))
import oracle  # noqa: E402
import volumes  # noqa: E402
import world  # noqa: E402

DAY = world.DAY
HOUR = DAY // 24
START = 1_793_000_000_000  # 2026-10-26: the clocks of Europe and America change in the days after
ZONES = ["Europe/Berlin", "America/New_York", "America/Phoenix", "Asia/Kolkata", "Australia/Sydney"]
BRANDS = ["CARDIOX", "PULMOVA"]
TYPES = {"email": "email", "rep": "rep_call", "web": "portal_content", "event": "event_invite"}
KILL_POINTS = ["after_begin", "after_produce", "after_send_offsets", "before_commit",
               "after_commit", "before_write", "after_write"]


def make_policy(rng):
    models = ["opt_in", "opt_out", "implicit", "never"]
    policy = {
        "policy_version": "property", "tenant": "acme", "mode": "live", "clock": "event",
        "missing_timezone": "deny",
        "decide_on": ["email_opened", "email_clicked", "portal_content_viewed"],
        "allowed_lateness": "P1D",
        "exclusions": [{"id": "x-1", "content_id": "C007", "reason": "r", "by": "b",
                        "until": "2028-01-01T00:00:00Z"}][:rng.randrange(2)],
        "consent": {"default": "deny",
                    "models": {m: {c: rng.choice(models) for c in TYPES} for m in ("US", "DE")}},
        "contact_policies": {
            "suppressions": [{"id": "seen", "track": ["opened", "clicked"], "scope": "content",
                              "count": 1, "within": "P9D", "hold": "P9D"}],
            "limits": [
                {"id": "mail", "per": rng.choice([["hcp"], ["hcp", "brand"]]), "channel": "email",
                 "max": rng.randrange(3), "window": {"rolling": f"P{rng.randrange(1, 8)}D"}},
                {"id": "all", "per": ["hcp"], "channel": ["email", "rep", "event"],
                 "max": rng.randrange(1, 6),
                 "window": {"calendar": rng.choice(["day", "week", "month"]), "tz": "hcp"}},
            ][:rng.randrange(3)],
            "volumes": [
                {"id": "each", "per": rng.choice(["content", "brand", "campaign"]),
                 "max": rng.choice([0, 2, 5, 9]), "when_full": rng.choice(["replace_lowest", "refuse"]),
                 "window": {"calendar": rng.choice(["day", "week", "month"]), "tz": rng.choice(["utc", *ZONES])}},
                {"id": "web", "per": "channel", "channel": ["web", "event"], "max": rng.randrange(1, 9),
                 "window": {"calendar": "day", "tz": "utc"}, "when_full": "replace_lowest"},
            ][:rng.randrange(3)],
            "release_on": ["not_sent", "bounced", "dropped", "recalled", "expired"]},
        "arbitration": {"formula": "P*C*V*L"},
        "slate": {"size": rng.randrange(1, 4), "max_per": {"channel": rng.randrange(1, 3)}},
        "timing": {
            "quiet_hours": [{"channel": ["email", "rep"], "start": "20:00",
                             "end": rng.choice(["07:00", "02:30", "09:15"]), "tz": "hcp",
                             "on_conflict": rng.choice(["hold", "discard"])}][:rng.randrange(2)],
            "expiry": {"email": "P3D", "rep": "P5D", "web": "P4D", "event": "P6D"}},
        "experiments": {"universal_control": {"share_bp": rng.choice([500, 3000]),
                                              "period": "month"}},
        "audit": {"candidates": "full", "explain_top": 5},
    }
    if rng.randrange(2):
        policy["arbitration"]["exploration"] = {"type": "epsilon_greedy", "epsilon": 0.5}
    if not rng.randrange(3):
        del policy["experiments"]
    return policy


def make_contents(rng):
    for i in range(16):
        treatments = []
        for channel in rng.sample(list(TYPES), 3):
            treatment = {"channel": channel, "action_type": TYPES[channel],
                         "approval_number": f"AP-{i}-{channel}",
                         "approval_state": "withdrawn" if rng.random() < 0.1 else "approved"}
            dice = rng.random()
            if dice < 0.15:
                treatment["expires_at"] = START + rng.randrange(12 * DAY)
            elif dice < 0.3:
                treatment["effective_from"] = START + rng.randrange(12 * DAY)
            elif dice < 0.45:
                treatment["markets"] = [rng.choice(["US", "DE"])]
            treatments.append(treatment)
        yield {"content_id": f"C{i:03d}", "brand": BRANDS[i % 2], "topic_ids": [f"topic-{i % 5}"],
               "campaign_ids": [f"campaign-{i % 3}"][:i % 4],
               "class": "promotional", "title": f"Content {i}", "treatments": treatments}


def make_events(rng, hcps, count):
    for h in range(hcps):
        profile = {"market": rng.choice(["US", "DE"]), "language": "en", "specialties": ["cardiology"],
                   "rep_id": f"rep-{h % 4}",  # rep-3 is in no catalogue
                   "addresses": {c: rng.choice(["ok", "ok", "ok", "bounced"]) for c in TYPES}}
        if rng.random() < 0.9:
            profile["tz"] = rng.choice(ZONES)
        yield {"event_id": f"p-{h}", "source": "mdm", "event_type": "profile_updated",
               "event_time": START - DAY, "hcp_id": f"hcp-{h:03d}", "profile": profile}
    now, last = START, None
    for i in range(count):
        now += rng.randrange(60_000, 4 * HOUR // 2)
        event = {"event_id": f"e-{i}", "source": "web", "hcp_id": f"hcp-{rng.randrange(hcps):03d}",
                 "event_time": now, "event_type": "portal_content_viewed",
                 "content_id": f"C{rng.randrange(16):03d}"}
        dice = rng.random()
        if dice < 0.12:
            del event["content_id"]
            event.update(event_type="consent_changed", status=rng.choice(["opt_in", "opt_out"]),
                         channel=rng.choice(list(TYPES)), scope_type="channel")
            if rng.randrange(2):
                event.update(scope_type="brand", scope_id=rng.choice(BRANDS))
            if not rng.randrange(3):
                event["captured_at"] = now - rng.randrange(3 * DAY)
        elif dice < 0.16:
            event.update(event_type="email_unsubscribed", scope_type=rng.choice(["brand", "channel"]),
                         brand=rng.choice(BRANDS), bot=rng.choice(["none", "generic"]))
        elif dice < 0.22:
            event.update(event_type="email_sent", message_id=f"m-{i}", brand=rng.choice(BRANDS))
        elif dice < 0.25:
            event.update(event_type="email_bounced", bounce_class="hard", message_id=f"m-{i - 1}")
        elif dice < 0.28:
            event["event_time"] = now - rng.randrange(3 * DAY)
        elif dice < 0.31 and last is not None:
            event = last
        elif dice < 0.5:
            event["event_type"] = "email_opened"
        last = event
        yield event


def run_with_deaths(instance, rng, policy_file):
    for _ in range(rng.randrange(4)):
        point = f"{rng.choice(KILL_POINTS)}:{rng.randrange(1, 4)}"
        done = instance.drain(env={"NBA_KILL_AT": point}, check=False,
                              **{"commit.events_max": rng.choice([7, 40, 200])})
        if done.returncode == 0:
            return
        assert done.returncode == -signal.SIGKILL, (point, done.returncode, done.stderr[-2000:])
    instance.drain()


def accounted(instance):
    inputs = {oracle.Judge.src(r) for r in instance.consume("engagement")}
    seen = collections.Counter(r["headers"]["src"] for topic in ("decision", "deadletter")
                               for r in instance.consume(topic)
                               if not ((r["value"] or {}).get("decision_id", "")
                                       .startswith("dec:timer#")
                                       or (r["value"] or {}).get("kind") == "lifecycle"))
    wrong = {s: n for s, n in seen.items() if n != 1}
    return [] if set(seen) == inputs and not wrong else \
        [f"lost {inputs - set(seen)}, invented {set(seen) - inputs}, more than once {wrong}"]


def unchanged_by_looking(instance):
    before = instance.nba("state", "hash").stdout
    hcp = instance.consume("decision")[-1]["value"]["hcp_id"]
    instance.nba("explain", "--hcp", hcp)
    instance.nba("recommend", "--hcp", hcp)
    instance.nba("simulate", "--policy", instance.policy)
    return [] if instance.nba("state", "hash").stdout == before else ["looking changed the state"]


def run_seed(seed, verbose):
    rng = random.Random(seed)
    instance = world.Instance()
    try:
        policy = make_policy(rng)
        with open(instance.policy, "w", encoding="utf-8") as file:
            json.dump(policy, file)  # JSON is YAML
        contents = {c["content_id"]: c for c in make_contents(rng)}
        reps = list(world.reps(3))
        instance.nba("topics", "create")
        instance.produce("catalog", [{"kind": "content", "content": c} for c in contents.values()] +
                         reps)
        instance.produce("engagement", list(make_events(rng, 12, 400)))
        run_with_deaths(instance, rng, instance.policy)
        actions = instance.consume("action")
        breaches, _ = oracle.judge(policy, contents, {r["rep"]["rep_id"] for r in reps},
                                   instance.consume("engagement"), actions)
        breaches += volumes.check(instance, policy["contact_policies"]["volumes"], contents)[0]
        breaches += accounted(instance)
        if instance.replay() != instance.digests():
            breaches.append("a replay made other bytes")
        breaches += unchanged_by_looking(instance)
        if verbose or breaches:
            print(f"seed {seed}: {len(actions)} actions, {len(breaches)} breaches")
        for breach in breaches[:20]:
            print(f"  {breach}")
        if breaches:
            print("again: tests/property/test_property.py --seed", seed)
            print(json.dumps(policy))
        return len(actions), len(breaches)
    finally:
        instance.close()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--seeds", type=int, default=int(os.environ.get("NBA_PROPERTY_SEEDS", "4")))
    parser.add_argument("-v", "--verbose", action="store_true")
    args = parser.parse_args()
    actions = broken = 0
    for seed in range(args.seed, args.seed + args.seeds):
        made, breaches = run_seed(seed, args.verbose)
        actions += made
        broken += breaches != 0
    print(f"{args.seeds} seeds, {actions} actions, {broken} seeds with breaches")
    return 1 if broken or actions < 10 * args.seeds else 0


if __name__ == "__main__":
    sys.exit(main())
