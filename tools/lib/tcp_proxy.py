#!/usr/bin/env python3
"""A proxy between Kafka clients and a broker on loopback that loses EndTxn requests on purpose.

A commit's outcome is unknown to the client when the connection ends between the request and its
answer.  What has happened by then is chosen here:

  drop   the request never reaches the broker; the connection is cut          (not committed)
  after  the request is carried out, its answer is swallowed, the connection
         is cut                                                               (committed)
  hold   the request is kept and the connection to the client cut; it is delivered on its old
         connection when the same transactional id has begun its next transaction (its
         AddPartitionsToTxn was answered): the delayed request of KAFKA-17754, which would end that
         next transaction if the producer had kept its epoch
  mute   the request is carried out, its answer swallowed, the connection kept: the client runs
         into its time-out                                                    (committed)
  stall  the request is kept and the connection kept as well                  (not committed)

The broker must advertise the proxy's address to those who come through it:

  tools/kafka start --proxied 29592       # a second listener, advertised as 127.0.0.1:29592
  tools/lib/tcp_proxy.py --listen 29592 --upstream 29094

Commands on standard input, one a line; every line of output is a JSON object:

  arm FAULT [TRANSACTIONAL_ID]   the next EndTxn (of that id) meets FAULT
  random P SEED FAULT...         from now on each EndTxn meets one of the faults with probability P
  off                            no more faults; held requests stay held
  release                        deliver everything that is held now
  status                         counts
  quit

A Python harness imports Proxy instead: p = Proxy(29592, 29094); p.start(); p.arm("after"); p.stop().
"""
import argparse
import asyncio
import json
import random
import struct
import sys
import threading

ADD_PARTITIONS_TO_TXN = 24
END_TXN = 26
FAULTS = ("drop", "after", "hold", "mute", "stall")
FRAME_BYTES_MAX = 128 * 1024 * 1024


def parse_request(frame):
    """(api key, correlation id, transactional id or None) of a request frame without its length.

    Only the versions that librdkafka 2.0.2 sends are taken apart (EndTxn and AddPartitionsToTxn
    before their compact forms); of others the id stays unknown."""
    key, version, correlation = struct.unpack_from(">hhi", frame, 0)
    if key not in (ADD_PARTITIONS_TO_TXN, END_TXN) or version >= 3:
        return key, correlation, None
    (client_bytes,) = struct.unpack_from(">h", frame, 8)
    start = 10 + max(client_bytes, 0)
    (bytes_,) = struct.unpack_from(">h", frame, start)
    return key, correlation, frame[start + 2:start + 2 + bytes_].decode()


async def read_frame(reader):
    """One frame without its length; None at the end."""
    try:
        (size,) = struct.unpack(">i", await reader.readexactly(4))
        if not 0 <= size <= FRAME_BYTES_MAX:
            return None
        return await reader.readexactly(size)
    except (asyncio.IncompleteReadError, ConnectionError):
        return None


async def write_frame(writer, frame):
    try:
        writer.write(struct.pack(">i", len(frame)) + frame)
        await writer.drain()
    except ConnectionError:
        pass


class Connection:
    """One client's connection and the broker's that goes with it."""

    def __init__(self, proxy, client_reader, client_writer):
        self.proxy = proxy
        self.client_reader = client_reader
        self.client_writer = client_writer
        self.broker_reader = None
        self.broker_writer = None
        self.swallow = {}  # correlation id -> fault
        self.begins = {}   # correlation id -> transactional id
        self.held = {}     # correlation id -> transactional id, delivered late
        self.kept_open = False

    async def run(self):
        try:
            self.broker_reader, self.broker_writer = await asyncio.open_connection(
                "127.0.0.1", self.proxy.upstream)
        except OSError:
            self.client_writer.close()
            return
        answers = asyncio.create_task(self.answers())
        await self.requests()
        if not self.kept_open:
            self.broker_writer.close()
        await answers
        self.client_writer.close()

    async def requests(self):
        while (frame := await read_frame(self.client_reader)) is not None:
            key, correlation, txn = parse_request(frame)
            if key == ADD_PARTITIONS_TO_TXN and txn is not None:
                self.begins[correlation] = txn
            fault = self.proxy.choose(txn) if key == END_TXN else None
            if fault is None:
                await write_frame(self.broker_writer, frame)
            elif fault in ("after", "mute"):
                self.swallow[correlation] = fault
                await write_frame(self.broker_writer, frame)
            elif fault == "drop":
                self.client_writer.close()
                return
            else:
                self.held[correlation] = txn
                self.kept_open = True
                self.proxy.hold(txn, self, frame)
                if fault == "hold":
                    self.client_writer.close()
                    return

    async def answers(self):
        while (frame := await read_frame(self.broker_reader)) is not None:
            (correlation,) = struct.unpack_from(">i", frame, 0)
            if correlation in self.held:
                txn = self.held.pop(correlation)
                (error,) = struct.unpack_from(">h", frame, 8)
                self.proxy.say(event="held_answer", id=txn, error=error)
                continue
            fault = self.swallow.pop(correlation, None)
            if fault == "after":
                self.client_writer.close()
                self.broker_writer.close()
                return
            if fault is None:
                await write_frame(self.client_writer, frame)
            txn = self.begins.pop(correlation, None)
            if txn is not None:
                await self.proxy.release(txn)
        self.client_writer.close()


class Proxy:
    """The listener; start() runs it on a thread of its own."""

    def __init__(self, listen, upstream, output=None):
        self.listen = listen
        self.upstream = upstream
        self.output = output
        self.events = []  # everything said, for a harness
        self.lock = threading.Lock()
        self.armed = []   # [fault, transactional id or None]
        self.chance = 0.0
        self.chance_faults = ()
        self.rng = random.Random(0)
        self.waiting = []  # (transactional id, connection, frame)
        self.counts = {name: 0 for name in FAULTS}
        self.counts["end_txn"] = 0
        self.counts["released"] = 0
        self.loop = None
        self.thread = None
        self.ready = threading.Event()

    # --- faults; any thread ---

    def arm(self, fault, txn=None):
        if fault not in FAULTS:
            raise ValueError(f"{fault}: expected one of {', '.join(FAULTS)}")
        with self.lock:
            self.armed.append([fault, txn])

    def at_random(self, probability, seed, faults):
        for fault in faults:
            if fault not in FAULTS:
                raise ValueError(f"{fault}: expected one of {', '.join(FAULTS)}")
        with self.lock:
            self.chance, self.chance_faults = probability, tuple(faults)
            self.rng = random.Random(seed)

    def off(self):
        with self.lock:
            self.armed.clear()
            self.chance = 0.0

    def choose(self, txn):
        """The fault that this EndTxn meets, or None."""
        with self.lock:
            self.counts["end_txn"] += 1
            fault = None
            for i, (candidate, wanted) in enumerate(self.armed):
                if wanted is None or wanted == txn:
                    fault = candidate
                    del self.armed[i]
                    break
            if fault is None and self.chance > 0 and self.rng.random() < self.chance:
                fault = self.rng.choice(self.chance_faults)
            if fault is not None:
                self.counts[fault] += 1
        if fault is not None:
            self.say(event="fault", fault=fault, id=txn)
        return fault

    def hold(self, txn, connection, frame):
        with self.lock:
            self.waiting.append((txn, connection, frame))

    async def release(self, txn=None):
        """Delivers what is held of that id, or everything."""
        with self.lock:
            due = [w for w in self.waiting if txn is None or w[0] == txn]
            self.waiting = [w for w in self.waiting if w not in due]
            self.counts["released"] += len(due)
        for owner, connection, frame in due:
            self.say(event="released", id=owner)
            await write_frame(connection.broker_writer, frame)

    def status(self):
        with self.lock:
            return dict(self.counts, held=len(self.waiting))

    def say(self, **event):
        with self.lock:
            self.events.append(event)
        if self.output is not None:
            print(json.dumps(event), file=self.output, flush=True)

    # --- life ---

    async def serve(self):
        async def accept(reader, writer):
            try:
                await Connection(self, reader, writer).run()
            except asyncio.CancelledError:  # stop() came while it was open
                writer.close()

        self.loop = asyncio.get_running_loop()
        self.stopping = asyncio.Event()
        server = await asyncio.start_server(accept, "127.0.0.1", self.listen)
        self.ready.set()
        await self.stopping.wait()
        server.close()
        for task in asyncio.all_tasks():
            if task is not asyncio.current_task():
                task.cancel()

    def start(self):
        self.thread = threading.Thread(target=lambda: asyncio.run(self.serve()), daemon=True)
        self.thread.start()
        if not self.ready.wait(10):
            raise RuntimeError(f"cannot listen on 127.0.0.1:{self.listen}")

    def release_all(self):
        asyncio.run_coroutine_threadsafe(self.release(), self.loop).result(10)

    def stop(self):
        self.loop.call_soon_threadsafe(self.stopping.set)
        self.thread.join(10)


def obey(proxy, line):
    """One command; False to end."""
    words = line.split()
    if not words:
        return True
    command, rest = words[0], words[1:]
    try:
        if command == "quit":
            return False
        if command == "arm":
            proxy.arm(*rest)
        elif command == "random":
            proxy.at_random(float(rest[0]), int(rest[1]), rest[2:])
        elif command == "off":
            proxy.off()
        elif command == "release":
            proxy.release_all()
        elif command == "status":
            proxy.say(event="status", **proxy.status())
        else:
            raise ValueError(f"{command}: no such command")
    except (ValueError, TypeError, IndexError) as error:
        proxy.say(event="error", text=str(error))
    return True


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--listen", type=int, required=True, metavar="PORT")
    parser.add_argument("--upstream", type=int, required=True, metavar="PORT")
    arguments = parser.parse_args()
    proxy = Proxy(arguments.listen, arguments.upstream, sys.stdout)
    proxy.start()
    proxy.say(event="ready", listen=arguments.listen, upstream=arguments.upstream)
    for line in sys.stdin:
        if not obey(proxy, line):
            break
    proxy.stop()


if __name__ == "__main__":
    main()
