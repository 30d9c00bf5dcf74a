#!/usr/bin/env python3
"""Campaign orchestration: follows every action of every channel, by campaign and HCP.

Reads nba.action.v1.  Keeps where each HCP stands in each campaign: the steps proposed, carried out,
recalled, expired; prints each move and, at the end, the campaigns' totals.
"""
import collections
import json
import sys

from actions import Subscriber, arguments_of


def main():
    subscriber = Subscriber(arguments_of(__doc__.splitlines()[0], "nba.action.v1",
                                         "campaign-orchestrator"))

    def move(action, step, **more):
        subscriber.say(step, action, campaign_id=action["campaign_id"], channel=action["channel"],
                       **more)

    def proposed(action):
        subscriber.memory.plan(action)
        move(action, "plan", not_before=str(action["not_before"]))

    def recalled(action):
        if subscriber.memory.recall(action):
            move(action, "take back", reason=action["recall_reason"])

    def due(action, expired):
        move(action, "expired" if expired else "release")

    code = subscriber.run(proposed, recalled, due)
    totals = collections.defaultdict(collections.Counter)
    for state, text in subscriber.memory.db.execute("SELECT state, action FROM plan"):
        action = json.loads(text)
        totals[action["campaign_id"]][state] += 1
    for campaign, counts in sorted(totals.items()):
        print(json.dumps({"campaign_id": campaign, **counts}))
    return code


if __name__ == "__main__":
    sys.exit(main())
