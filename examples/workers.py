"""Events out of order: two processes submit a file, two workers apply it, and one of them is killed.

python examples/workers.py [FILE]
"""

import multiprocessing
import random
import signal
import sys
import tempfile
import time
from pathlib import Path

from cryptoorders_redis import CryptoOrderSystem, Submission, Worker
from cryptoorders_redis.replay.commands import parse_event, read_lines

FILE = Path(__file__).parent / "events.jsonl"


def main() -> None:
    """Run the example on a private server, in a temporary folder."""
    file = sys.argv[1] if len(sys.argv) > 1 else str(FILE)
    spawn = multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory(prefix="cor-") as folder:
        url = f"file:{folder}"
        with CryptoOrderSystem(num_streams=3, url=url) as system:
            # The file spans 6 seconds, in any order. It has an end, which flush() tells.
            system.intake.configure(window=10, quiet=None)
            workers = [spawn.Process(target=work, args=(url,)) for _ in range(2)]
            for worker in workers:
                worker.start()
            with spawn.Pool(2) as pool:
                accepted = pool.starmap(submit, [(url, file, 1), (url, file, 2)])
            print(f"two processes submitted the file: {accepted[0]} and {accepted[1]} events were accepted")
            while not system.intake.stats().workers:
                time.sleep(0.05)
            workers[0].kill()
            print("one worker was killed; the other takes over its streams")
            system.intake.flush()
            while system.intake.stats().waiting:
                time.sleep(0.05)
            workers[1].terminate()
            for worker in workers:
                worker.join()
            print(f"{sum(stream.applied for stream in system.intake.stats().streams)} events were applied")
            print(f"live: {', '.join(sorted(system.display_all_live_orders()))}")
            print(f"verify() finds {len(system.verify())} inconsistencies")


def work(url: str) -> None:
    """Apply events until SIGTERM."""
    with CryptoOrderSystem(url=url) as system:
        worker = Worker(system)
        signal.signal(signal.SIGTERM, lambda *_: worker.stop())
        worker.run()


def submit(url: str, file: str, seed: int) -> int:
    """Submit all events of a file, in any order; return how many were accepted here."""
    with Path(file).open("rb") as lines:
        events = [parse_event(line, str(number)) for number, line in enumerate(read_lines(lines))]
    random.Random(seed).shuffle(events)
    with CryptoOrderSystem(url=url) as system:
        return system.submit_many(events).count(Submission.ACCEPTED)


if __name__ == "__main__":
    main()
