#!/usr/bin/env python3
"""Rep alerts: keeps each sales representative's list of open suggestions, best first.

Reads nba.rep.v1, keyed by rep.  An alert appears at once, goes when it is recalled or expires, and
is reported as shown when it appears.
"""
import json
import sys

from actions import Subscriber, arguments_of


def main():
    subscriber = Subscriber(arguments_of(__doc__.splitlines()[0], "nba.rep.v1", "rep-alert"))

    def rep_of(action):
        return (action["rep"] or {}).get("rep_id", "")

    def show(action):
        subscriber.say("alert", action, rep_id=rep_of(action),
                       priority=action["priority"],
                       why=[driver["text"] for driver in action["drivers"]])
        if subscriber.feedback:
            subscriber.feedback.say("action_shown", action, subscriber.now_ms(),
                                    rep_id=rep_of(action))

    def proposed(action):
        subscriber.memory.plan(action)

    def recalled(action):
        row = subscriber.memory.db.execute("SELECT state FROM plan WHERE action_id = ?",
                                           (action["action_id"],)).fetchone()
        if row and row[0] in ("planned", "done"):
            subscriber.memory.db.execute("UPDATE plan SET state = 'recalled' WHERE action_id = ?",
                                         (action["action_id"],))
            if row[0] == "done":
                subscriber.say("withdraw", action, rep_id=rep_of(action),
                               reason=action["recall_reason"])

    def due(action, expired):
        if not expired:
            show(action)

    code = subscriber.run(proposed, recalled, due)
    lists = {}
    for (text,) in subscriber.memory.db.execute(
            "SELECT action FROM plan WHERE state = 'done' AND expires_ms > ?",
            (subscriber.now_ms(),)):
        action = json.loads(text)
        lists.setdefault(rep_of(action), []).append((-action["priority"], action["action_id"]))
    for rep, alerts in sorted(lists.items()):
        print(json.dumps({"rep_id": rep, "open": [a for _, a in sorted(alerts)]}))
    return code


if __name__ == "__main__":
    sys.exit(main())
