"""What the library costs, always compared with a peer in the same run. `make bench` runs everything.

The variable BENCHMARK_HIREDIS says whether redis-py in this process may use hiredis. redis-py decides when it
is imported, so each worker process is told before.
"""

import importlib
import os
import sys

if HIREDIS := os.environ.get("BENCHMARK_HIREDIS"):
    assert "redis" not in sys.modules, "redis-py has decided already"
    if HIREDIS == "yes":
        importlib.import_module("hiredis")  # fails here if it is missing, and not in silence
    else:
        sys.modules["hiredis"] = None  # type: ignore[assignment]
