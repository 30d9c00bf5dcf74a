"""Counts with a client that shares no code with the program: confluent-kafka alone."""
import collections

import confluent_kafka

INPUT = "hcp.engagement.v1"
MAILBOX = "nba.mailbox.v1"
BATCH = 2000


def read(servers, topics, partitions, isolation):
    """(topic, partition, offset, headers) of everything in the topics."""
    consumer = confluent_kafka.Consumer({
        "bootstrap.servers": servers, "group.id": "kill-count", "isolation.level": isolation,
        "enable.auto.commit": False, "auto.offset.reset": "error", "enable.partition.eof": True,
        "queued.max.messages.kbytes": 65536})
    places = []
    for topic in topics:
        for p in range(partitions):
            low, _ = consumer.get_watermark_offsets(confluent_kafka.TopicPartition(topic, p), 20)
            places.append(confluent_kafka.TopicPartition(topic, p, low))
    consumer.assign(places)
    open_ends = {(place.topic, place.partition) for place in places}
    while open_ends:
        messages = consumer.consume(BATCH, 10)
        if not messages:
            raise RuntimeError(f"no end of {sorted(open_ends)}: a transaction is still open")
        for message in messages:
            error = message.error()
            if error is None:
                yield (message.topic(), message.partition(), message.offset(),
                       dict(message.headers() or []))
            elif error.code() == confluent_kafka.KafkaError._PARTITION_EOF:
                open_ends.discard((message.topic(), message.partition()))
            else:
                raise RuntimeError(str(error))
    consumer.close()


def cause(partition, headers):
    """The record that it is of, topic and all; of mail src names the offset alone."""
    src = headers["src"].decode()
    return src.replace("mailbox:", f"{MAILBOX}/{partition}/")


def conservation(servers, partitions):
    """Every input offset has exactly one record in decision or deadletter, named by header src; each
    mail at most one."""
    mail = {f"{topic}/{p}/{offset}" for topic, p, offset, _ in
            read(servers, [MAILBOX], partitions, "read_committed")}
    inputs = {f"{topic}/{p}/{offset}" for topic, p, offset, _ in
              read(servers, [INPUT], partitions, "read_committed")}
    seen = collections.Counter()
    letters = 0
    for topic, p, _, headers in read(servers, ["nba.decision.v1", "nba.deadletter.v1"], partitions,
                                     "read_committed"):
        seen[cause(p, headers)] += 1
        letters += topic == "nba.deadletter.v1"
    once = collections.Counter()
    for _, _, _, headers in read(servers, ["nba.action.v1"], partitions, "read_committed"):
        once[(headers.get("ce_id"), headers.get("src"), headers.get("status"))] += 1
    return {
        "inputs": len(inputs),
        "dead letters": letters,
        "lost": len(inputs - set(seen)),
        "duplicated": sum(n - 1 for n in seen.values()),
        "invented": len(set(seen) - inputs - mail),
        "actions twice": sum(n - 1 for n in once.values()),
        "examples": sorted(inputs - set(seen))[:3] + [s for s, n in seen.items() if n > 1][:3],
    }


def uncommitted(servers, partitions):
    """Decisions more than once to a reader of uncommitted records: what transactions hide."""
    seen = collections.Counter(
        cause(p, headers) for _, p, _, headers in
        read(servers, ["nba.decision.v1"], partitions, "read_uncommitted"))
    return sum(n - 1 for n in seen.values())
