"""The option --listen: where a server of the program listens."""

import ipaddress
import os
import re
import socket
from dataclasses import dataclass
from typing import Self

_ADDRESS = re.compile(r"(?:\[([0-9A-Fa-f:.%]+)\]|([^\s:\[\]]+)):(\d{1,5})", re.ASCII)


@dataclass(frozen=True, slots=True)
class Address:
    """Where to listen.

    Attributes:
        host: A name, or an address without brackets.
        port: The port. 0 lets the system choose one.
    """

    host: str
    port: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parse HOST:PORT, or [HOST]:PORT for an IPv6 address. Raises ValueError if it is neither."""
        found = _ADDRESS.fullmatch(text)
        if not found or int(found[3]) > 65_535:
            raise ValueError(
                f"--listen must be HOST:PORT, such as localhost:9464 or [::1]:9464, not {text!r}"
            )
        return cls(found[1] or found[2], int(found[3]))

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def is_loopback(self) -> bool:
        """Whether only programs on this machine can reach it."""
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"

    @property
    def url(self) -> str:
        """The URL of a server there."""
        return f"http://{self}/"

    def open(self) -> socket.socket:
        """Listen. Raises ValueError if that is not possible."""
        try:
            family, *_, address = socket.getaddrinfo(self.host, self.port, type=socket.SOCK_STREAM)[0]
            return socket.create_server(address[:2], family=family)
        except socket.gaierror as error:
            raise ValueError(f"cannot listen at {self}: {error.strerror}") from error
        except OSError as error:  # whose text can name the address again
            raise ValueError(f"cannot listen at {self}: {os.strerror(error.errno or 0)}") from error

    def with_port(self, port: int) -> "Address":
        """Return the address with the port that was taken."""
        return Address(self.host, port)
