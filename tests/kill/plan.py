"""What will be done to the instances: points, faults and zombies, in an order drawn by seed."""
import dataclasses

POINTS = ("after_poll", "after_begin", "after_produce", "before_send_offsets",
          "after_send_offsets", "before_commit", "after_commit", "before_write", "after_write",
          "in_unknown_outcome", "in_revoke", "in_restore", "after_restore", "in_swap", "in_close")
HITS_EACH = 5
TRIES = 4

# Passed when the instance is told to end, and when a champion is adopted.
AT_END = ("in_revoke", "in_close")
AT_SWAP = ("in_swap",)
# Passed while it starts.
AT_START = ("in_restore", "after_restore")
# How often the others are passed before death: up to this many times.
PASSES = {"after_produce": 400, "after_restore": 1, "in_restore": 2}


@dataclasses.dataclass
class Job:
    """One life of an instance, and how it ends."""
    kind: str            # point, random, zombie (replaced while it sleeps), absent (nobody replaces it)
    point: str = ""
    fault: str = ""      # "", fatal (a producer's fatal error), lost or undone (outcome unknown)
    tries: int = TRIES

    def environment(self, rng, partitions):
        """NBA_KILL_AT, or NBA_FAULT_AT that arms the kill point when the fault has struck."""
        if self.kind != "point":
            return {}
        most = PASSES.get(self.point, 25)
        if self.point == "after_restore":
            most = partitions
        if self.point in AT_END:
            most = 1
        passes = rng.randint(1, most)
        if not self.fault:
            # The first champion is adopted at the start; the next one while it runs.
            return {"NBA_KILL_AT": f"{self.point}:{2 if self.point in AT_SWAP else passes}"}
        if self.point in AT_SWAP + AT_START + ("in_unknown_outcome",):
            passes = 1
        place = {"fatal": rng.choice(["produce", "send_offsets", "commit"]), "lost": "committed",
                 "undone": "commit"}[self.fault]
        nth = rng.randint(1, 200) if place == "produce" else rng.randint(1, 12)
        return {"NBA_FAULT_AT": f"{place}:{nth}:unknown:{self.point}:{min(passes, 8)}"}


def jobs(rng, kills, zombies):
    """Two lists, for the first and the second half of the run."""
    halves = ([], [])

    def add(half, job):
        halves[half % 2].append(job)

    for i, point in enumerate(POINTS):
        faults = ["fatal", "lost" if i % 2 else "undone"]
        plain = [""] * (HITS_EACH - len(faults))
        if point == "in_unknown_outcome":  # without a fault it is never passed
            plain = ["lost", "undone", "fatal"]
        for k, fault in enumerate(faults + plain):
            add(i + k, Job("point", point, fault))
    for i in range(max(0, kills - len(POINTS) * HITS_EACH)):
        add(i, Job("random"))
    for i in range(zombies):
        add(i // 2 + i, Job("absent" if i % 4 == 3 else "zombie"))
    for half in halves:
        rng.shuffle(half)
    return halves
