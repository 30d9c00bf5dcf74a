"""Where an erased HCP's id could still stand: a search through bytes, not through our own readers."""
import os

import world


def ids_in(data, wanted):
    return sorted(i for i in wanted if i.encode() in data)


def found_below(folder, wanted, but=()):
    """{path: ids} of the files below the folder that name one of them.  `but`: ends of names of what
    the test itself made, and folders that are left out."""
    found = {}
    for here, folders, names in os.walk(folder):
        folders[:] = [f for f in folders if os.path.join(here, f) not in but]
        for name in names:
            if name.endswith(tuple(but)):
                continue
            try:
                with open(os.path.join(here, name), "rb") as file:
                    ids = ids_in(file.read(), wanted)
            except FileNotFoundError:  # somebody compacts
                continue
            if ids:
                found[os.path.join(here, name)] = ids
    return found


MADE = (".jsonl", "poison.avro", ".log.avro")


def left(case, instance, wanted):
    """After compaction nothing on disk and in the compacted topics of the embedded log names them."""
    instance.nba("topics", "compact")
    kept = {}
    for topic in ("changelog", "slate", "deadletter"):
        path = os.path.join(instance.dir, f"{topic}.log.avro")
        instance.nba("consume", topic, "--out", path)
        kept[topic] = [r for r in world.read_log_file(path) if r[5] is not None]
        for record in kept[topic]:
            case.assertEqual(ids_in(record[4] + record[5], wanted), [], topic)
    case.assertEqual(found_below(instance.dir, wanted, (*MADE, instance.log)), {})
    return kept
