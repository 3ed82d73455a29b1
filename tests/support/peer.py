"""A server that answers as a test wants: it does what a real one does only when it is broken."""

import asyncio
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Self

from cryptoorders_redis.transport.resp_reader import RespReader, parse_error


class Peer:
    """Listens on a Unix socket, in the event loop of the test. It lets everybody connect.

    Args:
        answer: is called with the words of each further command, and with what to write the answer to.
    """

    def __init__(self, answer: Callable[[list[bytes], asyncio.StreamWriter], None]) -> None:
        self._answer = answer
        self._folder = tempfile.TemporaryDirectory(prefix="cop-")
        self.socket = Path(self._folder.name) / "peer.sock"
        self.url = f"unix://{self.socket}"
        self.num_connections = 0

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_unix_server(self._serve, self.socket)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        self._folder.cleanup()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.num_connections += 1
        read = RespReader(parse_error).read
        while data := await reader.read(65536):
            for words in read(data):
                if words[0] in (b"CLIENT", b"SELECT"):
                    writer.write(b"+OK\r\n")
                else:
                    self._answer(words, writer)
        writer.close()
