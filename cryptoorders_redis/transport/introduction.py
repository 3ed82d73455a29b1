"""How a connection tells the server who uses it: `CLIENT LIST` shows the name and the library."""

from cryptoorders_redis.transport.resp import encode_command
from cryptoorders_redis.version import __version__

_LIBRARY = f"redis-py(cryptoorders_redis_v{__version__})"


def encode_introduction(client_name: str, connection: object) -> list[bytes]:
    """Return the requests that introduce a connection. Each has one reply.

    A server may refuse them, for it is too old or its user may not: that is no reason not to be served. A
    name that the caller has given to the connection stays.
    """
    commands: list[tuple[str, ...]] = [("CLIENT", "SETINFO", "LIB-NAME", _LIBRARY)]
    if not getattr(connection, "client_name", None):
        commands.append(("CLIENT", "SETNAME", client_name))
    return [encode_command(command) for command in commands]
