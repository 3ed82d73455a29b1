"""Interrupts calls by a signal at thousands of random moments. No connection may be lost from the pool.

Run as `python -m tests.support.interrupted URL NAMESPACE SECONDS`. It prints how many calls it interrupted.
It needs its own process: a handler may also raise in a finalizer, where the test runner's hooks would see it.
"""

import faulthandler
import gc
import signal
import sys
import time
from concurrent.futures import ThreadPoolExecutor

from cryptoorders_redis import CryptoOrderSystem

CONNECTIONS = 2


class Interrupted(Exception):
    pass


class Alarm:
    """Raises `Interrupted` in the main thread after a time, and then every 0.2 s until it is off."""

    def __init__(self) -> None:
        self._is_on = False
        signal.signal(signal.SIGALRM, self._ring)

    def set(self, seconds: float) -> None:
        self._is_on = True
        signal.setitimer(signal.ITIMER_REAL, seconds, 0.2)

    def off(self) -> None:
        self._is_on = False
        signal.setitimer(signal.ITIMER_REAL, 0)

    def _ring(self, *_: object) -> None:
        if self._is_on:
            raise Interrupted


def main(url: str, namespace: str, seconds: str) -> None:
    faulthandler.dump_traceback_later(float(seconds) + 30, exit=True)
    gc.disable()  # a place must come back without it, or it comes back too late
    sys.unraisablehook = lambda _: None
    alarm, interrupts = Alarm(), 0
    url = f"{url}?max_connections={CONNECTIONS}"
    with CryptoOrderSystem(2, url=url, namespace=namespace, deadline_seconds=5) as system:
        until = time.monotonic() + float(seconds)
        while time.monotonic() < until:
            try:
                alarm.set(0.00001 + 0.0002 * (interrupts % 17))
                while time.monotonic() < until:
                    system.count()
                alarm.off()
            except Interrupted:
                interrupts += 1
                alarm.off()
        with ThreadPoolExecutor(CONNECTIONS) as pool:
            answers = list(pool.map(lambda _: system.count(), range(50)))
    assert answers == [0] * 50
    print(interrupts)


if __name__ == "__main__":
    main(*sys.argv[1:])
