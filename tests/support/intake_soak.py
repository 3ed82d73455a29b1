"""Runs order flows out of order through workers that are killed, against a server of its own.

python -m tests.support.intake_soak [ROUNDS [EVENTS]]
"""

import contextlib
import sys

from cryptoorders_redis import CryptoOrderSystem
from tests.support.consistency import assert_consistent
from tests.support.intake_load import assert_like_ordered, run_flow
from tests.support.servers import RedisServer


def main(rounds: int = 10, num_events: int = 20_000) -> None:
    """Run the flow so many times, each with another seed, and print what was killed."""
    with contextlib.closing(RedisServer()) as server, server.client() as raw:
        for seed in range(rounds):
            namespace = f"flow-{seed}"
            seconds = num_events / 1000
            killed = run_flow(
                server.url, namespace, seed=seed, num_events=num_events, seconds=seconds, num_workers=3
            )
            with CryptoOrderSystem(url=server.url, namespace=namespace) as system:
                assert_like_ordered(system, raw, server, seed=seed, num_events=num_events)
                assert system.verify() == []
            assert_consistent(raw, namespace)
            print(f"{seed}: {num_events} events, twice; {killed} workers killed", flush=True)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
