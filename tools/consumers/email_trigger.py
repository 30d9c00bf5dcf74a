#!/usr/bin/env python3
"""E-mail trigger: hands each proposed e-mail to a sending system, once, at its time.

Reads nba.email.v1.  Waits for not_before, drops what has expired, cancels what was recalled in time,
and reports action_sent or action_not_sent, so that caps and open actions of the engine stay right.
"""
import sys

from actions import Subscriber, arguments_of


def main():
    subscriber = Subscriber(arguments_of(__doc__.splitlines()[0], "nba.email.v1", "email-trigger"))

    def proposed(action):
        subscriber.memory.plan(action)

    def recalled(action):
        if subscriber.memory.recall(action):
            subscriber.say("cancel", action, reason=action["recall_reason"])

    def due(action, expired):
        subscriber.say("drop" if expired else "send", action,
                       approval=action["treatment"]["approval_number"])
        if subscriber.feedback:
            subscriber.feedback.say("action_not_sent" if expired else "action_sent", action,
                                    subscriber.now_ms(), message_id=action["action_id"])

    return subscriber.run(proposed, recalled, due)


if __name__ == "__main__":
    sys.exit(main())
