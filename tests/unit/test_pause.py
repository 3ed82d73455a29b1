"""A wait ends when its time is over, and at once where another thread or a signal handler ends it."""

import signal
import threading
import time

from cryptoorders_redis.workers.pause import Pause


def test_a_wait_ends_when_its_time_is_over():
    pause, begin = Pause(), time.monotonic()
    pause.wait(0.05)
    assert 0.04 <= time.monotonic() - begin < 5
    assert not pause.is_ended


def test_another_thread_ends_it_for_good():
    pause, begin = Pause(), time.monotonic()
    threading.Timer(0.05, pause.end).start()
    pause.wait(30)
    pause.wait(30)
    pause.wait(30)
    assert time.monotonic() - begin < 20
    assert pause.is_ended


def test_a_signal_handler_ends_it_at_any_moment():
    ended: list[Pause] = []
    before = signal.signal(signal.SIGALRM, lambda *_: ended[-1].end())
    try:
        for number in range(300):
            ended.append(Pause())
            signal.setitimer(signal.ITIMER_REAL, 1e-5 * (1 + number % 20))
            while not ended[-1].is_ended:
                ended[-1].wait(1e-4)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
