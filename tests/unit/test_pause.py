"""The wait of a worker, which a signal handler may end at any moment."""

import sys
import threading
import time

from cryptoorders_redis.workers.pause import Pause


def test_a_pause_waits_no_longer_than_asked():
    pause = Pause()
    pause.wait(0.01)
    assert not pause.is_ended


def test_another_thread_ends_a_pause_for_good():
    pause = Pause()
    began = time.monotonic()
    threading.Timer(0.01, pause.end).start()
    pause.wait(60)
    pause.wait(60)
    assert pause.is_ended
    assert time.monotonic() - began < 30


def test_a_handler_may_end_a_pause_at_any_of_its_lines():
    def wait_and_be_ended_at(line):
        pause, left = Pause(), line

        def end_at_line(_frame, event, _argument):
            nonlocal left
            left -= event == "line"
            if left == 0:
                pause.end()
            return end_at_line

        sys.settrace(end_at_line)
        pause.wait(0.001)
        sys.settrace(None)
        return left <= 0

    def end_at_each_line():
        line = 1
        while wait_and_be_ended_at(line):
            line += 1
        lines.append(line)

    lines: list[int] = []
    thread = threading.Thread(target=end_at_each_line, daemon=True)
    thread.start()
    thread.join(10)
    assert lines, "it blocks for ever"
    assert lines[0] > 2
