"""What deadlines cost the server, in each call and when many pass at one moment."""

import time
from datetime import timedelta
from statistics import median

import redis

from benchmarks.filling import fill
from benchmarks.harness import Scale, Section, Table, ratio, spread
from benchmarks.peers import STREAMS, new_order
from benchmarks.recording import recorded
from benchmarks.server_time import Recorded, sample_calls
from benchmarks.servers import IN_MEMORY, redis_server
from cryptoorders_redis import CryptoOrderSystem

OFF, ON, EXPIRING = "no deadlines", "in use", "of this order"
NAMESPACES = {OFF: "without", ON: "with", EXPIRING: "expiring"}

FAR = timedelta(days=1)

HOW = (
    "Processor time of the whole server for each call, as in *Server time*, in three namespaces of one "
    "server: one without deadlines, one where a switch is armed, and one where the order itself expires. The "
    "last line is one call that finds so many deadlines passed at one moment in its stream."
)


def run(scale: Scale) -> Section:
    section = Section("Deadlines", HOW)
    with redis_server(*IN_MEMORY) as server, server.client() as client:
        sessions: list[bytes] = []
        sent: dict[str, Recorded] = {}
        orders = [new_order("a", n) for n in range(4 * scale.calls)]
        for kind, namespace in NAMESPACES.items():
            with CryptoOrderSystem(STREAMS, url=server.url, namespace=namespace) as system:
                if kind != OFF:
                    system.cancel_all_after("nobody", 86_400)
                fill(server.url, scale.sizes[0], streams=STREAMS, namespace=namespace)
            expires_at = FAR if kind == EXPIRING else None
            requests, keys, connection = recorded(
                server.url, STREAMS, orders, namespace, expires_at=expires_at
            )
            sent[kind] = requests, connection
            sessions += keys
        samples = sample_calls(scale, server, sessions, sent)
        table = Table(("", OFF, ON, f"{ON} : {OFF}", EXPIRING))
        for call, of in samples.items():
            times = {kind: f"{1e6 * median(of[kind]):.2f} µs {spread(of[kind])}" for kind in of}
            table.add(call, times[OFF], times[ON], f"{ratio(of[ON], of[OFF]):.2f}", times[EXPIRING])
        section.tables.append(table)
        number = scale.sizes[1]
        swept = Table(("", "one call"))
        swept.add(
            f"{number:,} deadlines have passed", f"{_seconds_of_a_sweep(server.url, client, number):.2f} s"
        )
        section.tables.append(swept)
    return section


def _seconds_of_a_sweep(url: str, client: redis.Redis, number: int) -> float:
    namespace = "swept"
    with CryptoOrderSystem(1, url=url, namespace=namespace) as system:
        assert all(system.place_many((*new_order("c", n), None, FAR) for n in range(number)))
        due = f"{{{namespace}:0}}:due"
        client.zunionstore(due, {due: 0})  # all of them pass now
        begin = time.perf_counter()
        assert system.count() == 0
        return time.perf_counter() - begin
