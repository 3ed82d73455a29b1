"""What the change feed costs the server, and how large it is."""

from statistics import median

import redis

from benchmarks.filling import fill
from benchmarks.harness import Scale, Section, Table, ratio, spread
from benchmarks.peers import CALLS, STREAMS, new_order
from benchmarks.recording import recorded
from benchmarks.server_time import Recorded, sample_calls
from benchmarks.servers import IN_MEMORY, redis_server
from cryptoorders_redis import CryptoOrderSystem

OFF, ON = "feed off", "feed on"
NAMESPACES = {OFF: "without", ON: "with"}

KEPT = 10_000

HOW = (
    "Processor time of the whole server for each call, as in *Server time*. There are two namespaces on one "
    f"server, and one of them keeps {KEPT:,} changes of each stream. *Bytes* are what an entry takes in "
    "memory, by `MEMORY USAGE` of a feed of 1,000 changes of one kind."
)


def run(scale: Scale) -> Section:
    section = Section("Change feed", HOW)
    with redis_server(*IN_MEMORY) as server, server.client() as client:
        sent: dict[str, Recorded] = {}
        sessions: list[bytes] = []
        orders = [new_order("a", n) for n in range(4 * scale.calls)]
        for kind, namespace in NAMESPACES.items():
            with CryptoOrderSystem(STREAMS, url=server.url, namespace=namespace) as system:
                system.configure(feed=KEPT if kind == ON else 0)
                fill(server.url, scale.sizes[0], streams=STREAMS, namespace=namespace)
            requests, keys, connection = recorded(server.url, STREAMS, orders, namespace)
            sent[kind] = requests, connection
            sessions += keys
        samples = sample_calls(scale, server, sessions, sent)
        bytes_of = {call: _bytes_of_an_entry(server.url, client, call) for call in CALLS}
    table = Table(("", OFF, ON, "on : off", "bytes"))
    for call, of in samples.items():
        times = [f"{1e6 * median(of[kind]):.2f} µs {spread(of[kind])}" for kind in (OFF, ON)]
        table.add(call, *times, f"{ratio(of[ON], of[OFF]):.2f}", f"{bytes_of[call]:.0f}")
    section.tables.append(table)
    return section


def _bytes_of_an_entry(url: str, client: redis.Redis, call: str) -> float:
    namespace, count = f"bytes-{call}", 1000
    orders = [new_order("b", n) for n in range(count)]
    with CryptoOrderSystem(1, url=url, namespace=namespace) as system:
        system.configure(feed=KEPT if call == "place" else 0)
        system.place_many(orders)
        ids = [order[0] for order in orders]
        if call == "resume":
            system.pause_many(ids)
        system.configure(feed=KEPT)
        if call != "place":
            getattr(system, f"{call}_many")(ids)
        feed = f"{{{namespace}:0}}:changes"
        size = client.memory_usage(feed, samples=0)
        assert client.xlen(feed) == count
        assert size
        system.drop()
    return size / count
