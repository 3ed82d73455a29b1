"""How many users change their stream when the number of streams changes, and how even the streams are."""

import bisect
from collections.abc import Callable
from hashlib import blake2b
from statistics import mean, pstdev

from benchmarks.harness import Scale, Section, Table
from cryptoorders_redis.schema.placement import PLACEMENTS, Placement, stream_of_user

CHANGES = ((3, 4), (8, 9), (8, 16), (64, 65))
VIRTUAL_NODES = (100, 1_000)

HOW = (
    "Users of whom the stream changes, and how many users the fullest of 65 streams has, compared with "
    "the mean. No server is involved: this is arithmetic, and the same in every run. A ring has each "
    "stream at so many points (virtual nodes), and a user belongs to the next point."
)

StreamOf = Callable[[str, int], int]


def run(scale: Scale) -> Section:
    section = Section("Placement of users", HOW)
    users = [f"user{number}" for number in range(min(200_000, 10 * scale.bulk))]
    table = Table(
        ("", *(f"{before} to {after}" for before, after in CHANGES), "fullest of 65", "standard deviation"),
        title=f"{len(users):,} users",
    )
    for placement in PLACEMENTS:
        table.add(f'`"{placement}"`', *_row(users, _by(placement)))
    for points in VIRTUAL_NODES:
        table.add(f"ring, {points:,} virtual nodes", *_row(users, _Ring(points)))
    section.tables.append(table)
    return section


def _by(placement: Placement) -> StreamOf:
    return lambda user, num_streams: stream_of_user(user, num_streams, placement)


def _row(users: list[str], stream_of: StreamOf) -> list[str]:
    moved = [
        sum(stream_of(user, before) != stream_of(user, after) for user in users) / len(users)
        for before, after in CHANGES
    ]
    sizes = [0] * 65
    for user in users:
        sizes[stream_of(user, 65)] += 1
    average = mean(sizes)
    return [
        *(f"{100 * share:.1f} %" for share in moved),
        f"{max(sizes) / average:.2f} of the mean",
        f"{100 * pstdev(sizes) / average:.1f} %",
    ]


class _Ring:
    """A ring of virtual nodes: what the library does not use."""

    def __init__(self, points: int) -> None:
        self._points = points
        self._rings: dict[int, tuple[list[int], list[int]]] = {}

    def __call__(self, user: str, num_streams: int) -> int:
        if num_streams not in self._rings:
            nodes = sorted(
                (_hash_of(f"{stream}/{point}"), stream)
                for stream in range(num_streams)
                for point in range(self._points)
            )
            self._rings[num_streams] = [at for at, _ in nodes], [stream for _, stream in nodes]
        places, streams = self._rings[num_streams]
        return streams[bisect.bisect(places, _hash_of(user)) % len(streams)]


def _hash_of(text: str) -> int:
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "big")
