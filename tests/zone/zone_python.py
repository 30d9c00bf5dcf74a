#!/usr/bin/env python3
"""Local times and instants of every zone, as nba/base/zone.h and as Python's zoneinfo has them.

    zone_python.py ZONE_DRIVER

Each zone: a thousand instants from 1900 to 2200, the seconds around every change of clocks since
1995 and in the years that only the footer's rule covers, and for each of these the wall clock times of
the gap or the overlap.  The driver's answer is one line a question.
"""
import random
import subprocess
import sys
import zoneinfo
from datetime import datetime, timedelta, timezone

UTC = timezone.utc
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
SPANS = [(datetime(1995, 1, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC)),
         (datetime(2060, 1, 1, tzinfo=UTC), datetime(2062, 1, 1, tzinfo=UTC)),
         (datetime(2097, 1, 1, tzinfo=UTC), datetime(2101, 1, 1, tzinfo=UTC))]


def offset(zone, at):
    return at.astimezone(zone).utcoffset()


def changes(zone):
    for start, end in SPANS:
        at = start
        while at < end:
            after = at + timedelta(days=5)
            if offset(zone, at) != offset(zone, after):
                low, high = at, after
                while high - low > timedelta(seconds=1):
                    middle = low + (high - low) / 2
                    middle = middle.replace(microsecond=0)
                    low, high = (middle, high) if offset(zone, middle) == offset(zone, at) \
                        else (low, middle)
                yield high
            at = after


def instant(zone, wall):
    """The earlier instant of a wall clock time; of one leapt over the first instant behind it."""
    at = wall.replace(tzinfo=zone, fold=0).astimezone(UTC)
    if at.astimezone(zone).replace(tzinfo=None) == wall:
        return at
    high = at                                     # fold 0 is by the old offset: behind the gap
    low = wall.replace(tzinfo=zone, fold=1).astimezone(UTC)
    while high - low > timedelta(seconds=1):
        middle = (low + (high - low) / 2).replace(microsecond=0)
        low, high = (middle, high) if offset(zone, middle) == offset(zone, low) else (low, middle)
    return high


def questions(name, rng):
    zone = zoneinfo.ZoneInfo(name)
    instants = [EPOCH + timedelta(seconds=rng.randrange(-2208988800, 7258118400))
                for _ in range(1000)]
    walls = [datetime(1980, 1, 1) + timedelta(seconds=rng.randrange(3786912000))
             for _ in range(200)]
    for change in changes(zone):
        instants += [change + timedelta(seconds=s) for s in (-3600, -1, 0, 1, 3600)]
        for side in (change - timedelta(seconds=1), change):
            wall = side.astimezone(zone).replace(tzinfo=None)
            walls += [wall + timedelta(seconds=s) for s in (-3601, -1800, -1, 0, 1, 1800, 3599)]
    for at in instants:
        local = at.astimezone(zone)
        yield (f"{name} local {(at - EPOCH) // timedelta(milliseconds=1)}",
               f"{local.year} {local.month} {local.day} {local.hour} {local.minute} "
               f"{local.second} 0 {local.weekday()}")
    for wall in walls:
        yield (f"{name} utc {wall.year} {wall.month} {wall.day} {wall.hour} {wall.minute} "
               f"{wall.second}", str((instant(zone, wall) - EPOCH) // timedelta(milliseconds=1)))


def main():
    rng = random.Random(1)
    # Zones of a letter case of their own ("localtime") and leap seconds ("right/") aren't ours.
    names = sorted(n for n in zoneinfo.available_timezones() if n[0].isupper())
    asked = [pair for name in names for pair in questions(name, rng)]
    asked += [(f"{bad} local 0", "unknown") for bad in
              ("Mars/Olympus", "right/UTC", "posix/UTC", "../etc/passwd", "/etc/localtime",
               "Europe/../UTC", "Europe", "Europe/", "localtime", "tzdata.zi", "Europe//Berlin",
               "A" * 100)]
    with open("/usr/share/zoneinfo/tzdata.zi", encoding="utf-8") as database:
        asked.append(("version", database.readline().removeprefix("# version ").strip()))
    done = subprocess.run([sys.argv[1]], input="\n".join(q for q, _ in asked) + "\n", text=True,
                          stdout=subprocess.PIPE, check=True)
    answers = done.stdout.splitlines()
    wrong = [f"{q}: {got}, expected {want}"
             for (q, want), got in zip(asked, answers, strict=True) if got != want]
    print("\n".join(wrong[:20]))
    print(f"{len(names)} zones, {len(asked)} questions, {len(wrong)} wrong answers")
    sys.exit(1 if wrong or len(names) < 400 else 0)


if __name__ == "__main__":
    main()
