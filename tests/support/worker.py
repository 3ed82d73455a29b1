"""A process that holds one object, and calls its methods for another process.

Run as `python -m tests.support.worker MODULE:CLASS ARGUMENTS`. The arguments are for the constructor: a JSON
list of the positional ones and the named ones. Each line of standard input is a JSON list, the name of a
method and its arguments; no name means that only the object must be there. Each is answered with a line, a
JSON list: true and what the method returned, or false and the traceback of its error. After an error, and at
the end of the input, the process ends.
"""

import json
import sys
import traceback
from importlib import import_module


def serve(name: str, arguments: str) -> None:
    module, _, kind = name.partition(":")
    positional, named = json.loads(arguments)
    subject = getattr(import_module(module), kind)(*positional, **named)
    for line in sys.stdin:
        method, *given = json.loads(line)
        answer = getattr(subject, method)(*given) if method else None
        print(json.dumps([True, answer]), flush=True)


def main(name: str, arguments: str) -> None:
    try:
        serve(name, arguments)
    except Exception:
        print(json.dumps([False, traceback.format_exc()]), flush=True)
        raise


if __name__ == "__main__":
    main(*sys.argv[1:])
