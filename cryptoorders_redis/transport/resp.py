"""The server's protocol, as far as redis-py's connections leave it to us."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, TypeAlias

from cryptoorders_redis.operations import Call
from cryptoorders_redis.operations.words import Argument, pack
from cryptoorders_redis.schema.scripts import script
from cryptoorders_redis.transport.sessions import Session

Reply: TypeAlias = Any
"""What the server answered: bytes, int, None, a list of them; or the error that it answered with."""


def encode_command(command: Sequence[Argument]) -> bytes:
    """Return a command as the server reads it: an array of bulk strings."""
    return b"*%d\r\n%b" % pack(command)


def encode_run(call: Call, session: Session | None, as_source: bool = False) -> bytes:
    """Return the command that runs a call's script, for a change in a session.

    Args:
        as_source: send the script itself, for a server that does not know it by its SHA.
    """
    name, _, keys, args = call[:4]
    if session is None:
        return _head(name, keys.number, args.number, as_source) + keys.data + args.data
    number = b"%d" % session.request_number
    return b"%b%b%b%b$%d\r\n%b\r\n%b" % (
        _head(name, keys.number + 1, args.number + 2, as_source),
        session.packed_key,
        keys.data,
        session.packed_name,
        len(number),
        number,
        args.data,
    )


@lru_cache(maxsize=256)
def _head(script_name: str, num_keys: int, num_args: int, as_source: bool) -> bytes:
    run = script(script_name)
    words = ("EVAL", run.source, num_keys) if as_source else ("EVALSHA", run.sha, num_keys)
    return b"*%d\r\n%b" % (len(words) + num_keys + num_args, pack(words).data)
