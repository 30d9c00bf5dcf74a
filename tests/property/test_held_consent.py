"""Consent revoked while an action is held: the next decision and the held action respect it.

Each trial is an HCP of one log: an event in the night makes an action that waits for the morning; in
between comes a change of consent, one that matters or one that doesn't, and another event.
oracle.py is the judge.

Run by ctest (property.held_consent) with some hundred trials, or alone:
    NBA_BIN=... python3 tests/property/test_held_consent.py [--seed S] [--trials N]
"""
import argparse
import collections
import json
import os
import random
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "e2e"))
import oracle  # noqa: E402
import world  # noqa: E402

DAY = world.DAY
HOUR = DAY // 24
START = 1_792_900_000_000  # 2026-10-24: Europe's clocks change in the night after
ZONES = ["Europe/Berlin", "America/New_York", "America/Phoenix", "Asia/Kolkata", "Pacific/Auckland"]
POLICY = {
    "policy_version": "held", "tenant": "acme", "mode": "live", "clock": "event",
    "missing_timezone": "deny", "decide_on": ["email_opened"], "allowed_lateness": "P1D",
    "consent": {"default": "deny", "models": {"DE": {"email": "opt_in", "rep": "implicit"}}},
    "arbitration": {"formula": "P*C*V*L"},
    "slate": {"size": 2, "max_per": {"channel": 1}},
    "timing": {"quiet_hours": [{"channel": ["email"], "start": "20:00", "end": "07:00",
                                "tz": "hcp", "on_conflict": "hold"}],
               "expiry": {"email": "P3D", "rep": "P5D"}},
    "audit": {"candidates": "full", "explain_top": 5},
}
CONTENTS = [{"content_id": f"C{i}", "brand": ["CARDIOX", "PULMOVA"][i % 2], "topic_ids": ["t"],
             "class": "promotional", "title": "t", "asset_type": "newsletter",
             "treatments": [{"channel": "email", "action_type": "email", "approval_number": "A",
                             "approval_state": "approved"}]} for i in range(3)]


def change(rng, event):
    """A change of consent, or something that leaves it as it is."""
    kind = rng.randrange(8)
    if kind == 0:
        return None
    if kind <= 2:
        event.update(event_type="email_unsubscribed", scope_type=rng.choice(["brand", "channel"]),
                     brand=rng.choice(["CARDIOX", "PULMOVA"]), bot=rng.choice(["none", "generic"]))
        return event
    scope = rng.choice([("channel", None), ("brand", "CARDIOX"), ("brand", "PULMOVA"),
                        ("content_type", "newsletter"), ("global", None)])
    event.update(event_type="consent_changed", scope_type=scope[0],
                 status=rng.choice(["opt_out", "opt_out", "opt_in", "pending"]),
                 captured_at=event["event_time"] - rng.choice([0, 0, 0, 20 * DAY]))
    if scope[0] != "global":
        event["channel"] = rng.choice(["email", "email", "rep"])
    if scope[1]:
        event["scope_id"] = scope[1]
    return event


def events(seed, trials):
    rng = random.Random(seed)
    out = []
    for h in range(trials):
        def event(kind, number, time, hcp=f"hcp-{h:05d}", **fields):
            return {"event_id": f"{number}-{hcp}", "source": "web", "event_type": kind,
                    "event_time": time, "hcp_id": hcp, **fields}
        at = START + rng.randrange(DAY)
        out.append(event("profile_updated", 0, START - 2, profile={
            "market": "DE", "tz": rng.choice(ZONES), "language": "en",
            "addresses": {"email": "ok"}}))
        out.append(event("consent_changed", 1, START - 1, channel="email", scope_type="channel",
                         status="opt_in", captured_at=START - 10 * DAY))
        out.append(event("email_opened", 2, at, content_id="C0"))
        at += rng.randrange(1, 8 * HOUR)
        out.append(change(rng, event("", 3, at)) or event("portal_login", 3, at))
        if rng.randrange(4):
            out.append(event("email_opened", 4, at + rng.randrange(1, 3 * HOUR), content_id="C0"))
    for h in range(60):  # the clock of every partition goes on
        out.append({"event_id": f"tick-{h}", "source": "web", "event_type": "portal_login",
                    "event_time": START + 4 * DAY, "hcp_id": f"tick-{h}"})
    return sorted(out, key=lambda e: e["event_time"])


def judge_holds(inputs, decisions, actions):
    """What was held and then forbidden must be closed by the very record that forbade it."""
    rows = oracle.in_ms(sorted(inputs, key=lambda r: (r["partition"], r["offset"])))
    records = {r["headers"]["src"]: r["value"] for r in decisions}
    proposed = {a["value"]["action_id"] for a in actions if a["value"]["status"] == "proposed"}
    contents = {c["content_id"]: c for c in CONTENTS}
    hcps = collections.defaultdict(oracle.Hcp)
    held = collections.defaultdict(dict)  # hcp -> {action_id: (content, until)}
    breaches, counts = [], collections.Counter()
    for row in rows:
        event, own = row["value"], oracle.in_ms(records[oracle.Judge.src(row)])
        mine = held[event["hcp_id"]]
        for action_id in [a for a, (_, until) in mine.items() if until <= own["watermark"]]:
            del mine[action_id]  # released before this event
        hcp = hcps[event["hcp_id"]]
        hcp.take(event, False)
        closed = {c["action_id"]: c["reason"] for c in own["closed"]}
        for action_id, (content, _) in list(mine.items()):
            why = hcp.may(POLICY, "email", contents[content]["brand"], "promotional",
                          event["event_time"], "newsletter")
            if why == "opted out":
                counts["dropped"] += 1
                del mine[action_id]
                if closed.get(action_id) != "CONSENT_REVOKED":
                    breaches.append(f"{action_id}: not dropped by {event['event_id']}: {closed}")
                if action_id in proposed:
                    breaches.append(f"{action_id}: proposed though {event['event_id']} forbade it")
            elif action_id in closed:
                breaches.append(f"{action_id}: dropped by {event['event_id']} without need")
        selected = {a["action_id"]: a["treatment"]["content_id"] for a in own["selected"]}
        for item in own["held"]:
            counts["held"] += 1
            mine[item["action_id"]] = (selected[item["action_id"]], item["until"])
    counts["released"] = sum(1 for _ in proposed)
    return breaches, counts


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--trials", type=int, default=int(os.environ.get("NBA_TRIALS", "500")))
    args = parser.parse_args()
    instance = world.Instance()
    try:
        with open(instance.policy, "w", encoding="utf-8") as file:
            json.dump(POLICY, file)
        instance.nba("topics", "create")
        instance.produce("catalog", [{"kind": "content", "content": c} for c in CONTENTS])
        instance.produce("engagement", events(args.seed, args.trials))
        instance.drain()
        inputs, actions = instance.consume("engagement"), instance.consume("action")
        contents = {c["content_id"]: c for c in CONTENTS}
        breaches, _ = oracle.judge(POLICY, contents, set(), inputs, actions)
        more, counts = judge_holds(inputs, instance.consume("decision"), actions)
        breaches += more
        print(f"{args.trials} trials: {counts['held']} held, {counts['dropped']} of them dropped, "
              f"{counts['released']} proposed, {len(breaches)} breaches")
        for breach in breaches[:20]:
            print(" ", breach)
        return 1 if breaches or counts["dropped"] < args.trials // 20 else 0
    finally:
        instance.close()


if __name__ == "__main__":
    sys.exit(main())
