"""Finds the master that Redis Sentinel watches, at each connect."""

import contextlib
import inspect
import re
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple
from urllib.parse import unquote

import redis

from cryptoorders_redis import errors
from cryptoorders_redis.transport.error_mapping import refusal

SENTINEL_SCHEME = "redis+sentinel"

DEFAULT_PORT = 26379

SENTINEL_TIMEOUT_SECONDS = 1
"""The time-out for a sentinel that a URL names. Another one is asked then, so it is short."""

_FOR_SENTINELS = "sentinel_"
_CREDENTIALS = ("username", "password")

_PARTS = re.compile(r"([^/?#]*)(?:/([^/?#]*))?(.*)", re.DOTALL)
_MASTER = re.compile(r"[A-Za-z0-9._-]+")
_NO_MASTER = "no such master"
"""Part of a sentinel's answer."""

_DOWN = {"s_down", "o_down"}


class _Unfit(redis.ConnectionError):
    """What a sentinel answered names no master that can be used."""


class SentinelUrl(NamedTuple):
    """What a URL says.

    Attributes:
        of_sentinels: For each sentinel a URL as if it were the master itself.
        master: The name of the master, not checked yet.
    """

    of_sentinels: list[str]
    master: str

    def has_legal_master(self) -> bool:
        """Return whether a master can have this name."""
        return _MASTER.fullmatch(self.master) is not None


def split_sentinel_url(url: str) -> SentinelUrl:
    """Split a URL, and check nothing."""
    parts = _PARTS.fullmatch(url.partition("://")[2])
    assert parts
    authority, master, rest = parts.groups()
    user, at, hosts = authority.rpartition("@")
    return SentinelUrl([f"redis://{user}{at}{host}{rest}" for host in hosts.split(",")], master or "")


def take_credentials(url: str) -> tuple[str, dict[str, str]]:
    """Return the URL without the options `sentinel_username` and `sentinel_password`, and those."""
    address, mark, query = url.partition("?")
    others: list[str] = []
    credentials: dict[str, str] = {}
    for option in query.split("&"):
        name, _, value = option.partition("=")
        if name.removeprefix(_FOR_SENTINELS) in _CREDENTIALS and name.startswith(_FOR_SENTINELS):
            credentials[name.removeprefix(_FOR_SENTINELS)] = unquote(value)
        else:
            others.append(option)
    return f"{address}{mark}{'&'.join(others)}", credentials


class Sentinels:
    """The sentinels of one master. The last one that gave an answer is asked first.

    Each is asked over a connection of its own, so there is nothing to close, and nothing that a child has
    in common with its parent after a fork.

    Args:
        master: the master's name.
        make_each: for each sentinel, what makes a connection to it.
        min_others: how many others a sentinel must know to be believed.
        host: the master's host where the sentinels know it by another, or None.
    """

    def __init__(
        self,
        master: str,
        make_each: Sequence[Callable[[], Any]],
        min_others: int = 0,
        host: str | None = None,
    ) -> None:
        self._master = master
        self._order = list(make_each)
        self._min_others = min_others
        self._host = host

    def find_master(self) -> tuple[str, int]:
        """Return the host and port of the master.

        Raises:
            ConnectionError: of redis-py: no sentinel names a master that is up.
        """
        failures: list[tuple[str, Exception]] = []
        for make in self._order:
            sentinel = make()
            try:
                sentinel.connect()
                sentinel.send_command("SENTINEL", "MASTER", self._master)
                address = self._address_in(sentinel.read_response(disable_decoding=True))
            except (redis.RedisError, OSError) as error:
                failures.append((f"{sentinel.host}:{sentinel.port}", error))
            else:
                self._prefer(make)
                return address
            finally:
                sentinel.disconnect()
        raise self._combine(failures)

    async def find_master_async(self) -> tuple[str, int]:
        """Do the same with connections of `redis.asyncio`."""
        failures: list[tuple[str, Exception]] = []
        for make in self._order:
            sentinel = make()
            try:
                await sentinel.connect()
                await sentinel.send_command("SENTINEL", "MASTER", self._master)
                address = self._address_in(await sentinel.read_response(disable_decoding=True))
            except (redis.RedisError, OSError) as error:
                failures.append((f"{sentinel.host}:{sentinel.port}", error))
            else:
                self._prefer(make)
                return address
            finally:
                await sentinel.disconnect(nowait=True)
        raise self._combine(failures)

    def _prefer(self, make: Callable[[], Any]) -> None:
        # A new list: another thread may be on its way through the old one.
        self._order = [make, *(other for other in self._order if other is not make)]

    def _address_in(self, reply: list[bytes]) -> tuple[str, int]:
        words = [word.decode() for word in reply]
        state = dict(zip(words[::2], words[1::2], strict=True))
        if _DOWN & set(state["flags"].split(",")):
            raise _Unfit(f"the master {self._master!r} is down")
        if int(state["num-other-sentinels"]) < self._min_others:
            raise _Unfit("this sentinel knows too few others")
        return self._host or state["ip"], int(state["port"])

    def _combine(self, failures: list[tuple[str, Exception]]) -> Exception:
        all_say = "; ".join(f"{where}: {refusal(error)}" for where, error in failures)
        kinds = [error for _, error in failures]
        if all(isinstance(refusal(error), errors.AccessDenied) for error in kinds):
            return redis.AuthenticationError(f"no sentinel lets this client in ({all_say})")
        if all(_NO_MASTER in str(error).lower() for error in kinds):
            what = f"knows a master {self._master!r}"
        elif any(isinstance(error, _Unfit | redis.ResponseError) for error in kinds):
            what = f"names a master {self._master!r} that is up"
        else:
            what = "answers"
        return redis.ConnectionError(f"no sentinel {what} ({all_say})")


def with_master(connection_class: Any, sentinels: Sentinels) -> Any:
    """Return a subclass of a connection class of redis-py that connects to the master of the moment."""

    class ToMaster(connection_class):
        def connect(self) -> None:
            self.host, self.port = sentinels.find_master()
            connection_class.connect(self)
            try:
                self.send_command("ROLE")
                with contextlib.suppress(redis.ResponseError):  # its user may not ask
                    _refuse_replica(self.read_response(disable_decoding=True))
            except BaseException:
                self.disconnect()
                raise

    class AsyncToMaster(connection_class):
        async def connect(self) -> None:
            self.host, self.port = await sentinels.find_master_async()
            await connection_class.connect(self)
            try:
                await self.send_command("ROLE")
                with contextlib.suppress(redis.ResponseError):
                    _refuse_replica(await self.read_response(disable_decoding=True))
            except BaseException:
                await self.disconnect(nowait=True)
                raise

    return AsyncToMaster if inspect.iscoroutinefunction(connection_class.connect) else ToMaster


def _refuse_replica(role: list[Any]) -> None:
    """Raise an error if it is a replica: the sentinel that named it has not heard of a failover yet."""
    if role[0] != b"master":
        raise redis.ConnectionError("the server that a sentinel named as the master is a replica")
