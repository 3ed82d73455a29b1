"""A master, its replicas and the sentinels that watch over them."""

import shutil
from pathlib import Path
from typing import Any, Self

import redis
from redis.asyncio.sentinel import Sentinel as AsyncSentinel
from redis.sentinel import Sentinel

from tests.support.servers import RedisServer, start_on_free_port
from tests.support.waiting import wait_until

MASTER = "orders"

DOWN_AFTER_MS, FAILOVER_TIMEOUT_MS = 500, 2000


class _Watched(RedisServer):
    """A server that sentinels may tell to rewrite its configuration: it has a copy of its own."""

    def __init__(self, port: int, *options: str) -> None:
        self.port = port
        self.address = f"127.0.0.1:{port}"
        super().__init__(
            "--bind", "127.0.0.1", "--port", str(port), "--repl-diskless-sync-delay", "0", *options
        )

    def arguments(self) -> list[str]:
        shipped, *options = super().arguments()
        config = self.folder / Path(shipped).name
        if not config.exists():
            shutil.copy(shipped, config)
        return [str(config), *options]

    def role(self) -> Any:
        with self.client() as client:
            return client.execute_command("ROLE")


class _Sentinel(RedisServer):
    def __init__(self, port: int, master: _Watched, quorum: int, password: str) -> None:
        self._password = password
        self.address = f"127.0.0.1:{port}"
        self._lines = (
            f"port {port}",
            "bind 127.0.0.1",
            f"sentinel monitor {MASTER} 127.0.0.1 {master.port} {quorum}",
            f"sentinel down-after-milliseconds {MASTER} {DOWN_AFTER_MS}",
            f"sentinel failover-timeout {MASTER} {FAILOVER_TIMEOUT_MS}",
            f"requirepass {password}" if password else "",
        )
        super().__init__()

    def arguments(self) -> list[str]:
        config = self.folder / "sentinel.conf"
        if not config.exists():
            config.write_text("\n".join((f"unixsocket {self.socket}", f"dir {self.folder}", *self._lines)))
        return [str(config), "--sentinel"]

    def client(self, **options: Any) -> redis.Redis:
        return super().client(password=self._password or None, **options)

    def state(self) -> Any:
        with self.client() as client:
            return client.sentinel_master(MASTER)


class SentinelServers:
    """A master with the shipped configuration, its replicas, and sentinels.

    An address is the text `127.0.0.1:PORT`.

    Attributes:
        url: the URL that names all sentinels.
        sentinels: their addresses.
    """

    def __init__(self, replicas: int = 2, sentinels: int = 3, *, password: str = "") -> None:
        """`password`: what each sentinel wants to be given."""
        self._servers: dict[str, _Watched] = {}
        self._sentinels: list[_Sentinel] = []
        try:
            watched = [self._new_server() for _ in range(1 + replicas)]
            master = watched[0]
            for replica in watched[1:]:
                with replica.client() as client:
                    client.replicaof("127.0.0.1", master.port)
            wait_until(lambda: _num_synced(master) == replicas)
            for _ in range(sentinels):
                self._sentinels.append(
                    start_on_free_port(lambda port: _Sentinel(port, master, sentinels // 2 + 1, password))
                )
            self._wait_until_all_known()
        except BaseException:
            self.close()
            raise
        self.sentinels = [sentinel.address for sentinel in self._sentinels]
        self.url = f"redis+sentinel://{','.join(self.sentinels)}/{MASTER}/0"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def client(self, address: str) -> redis.Redis:
        """Return a client of redis-py's own for one server, to look in from outside."""
        return self._servers[address].client()

    def as_redis_py(self, *, is_async: bool, **options: Any) -> Any:
        """Return a `Sentinel` of redis-py, of either API."""
        hosts = [(host, int(port)) for host, port in (one.split(":") for one in self.sentinels)]
        return (AsyncSentinel if is_async else Sentinel)(hosts, **options)

    def master(self) -> str:
        """Return the address that the first sentinel gives."""
        return _address(self._sentinels[0].state())

    def kill(self, address: str) -> None:
        """End a server as a crash would."""
        self._servers[address].kill()

    def start(self, address: str) -> None:
        self._servers[address].start()

    def freeze(self, address: str) -> None:
        """Stop a server: it neither refuses nor answers anything until `thaw`."""
        self._servers[address].stop_answering()

    def thaw(self, address: str) -> None:
        self._servers[address].go_on()

    def kill_all(self) -> None:
        """End the master, its replicas and the sentinels."""
        for server in (*self._sentinels, *self._servers.values()):
            server.kill()

    def pause_changes(self) -> None:
        """Let changes wait at the master, until it is told otherwise, and replicas have all that it has."""
        master = self._servers[self.master()]
        with master.client() as client:
            client.execute_command("CLIENT", "PAUSE", 60_000, "WRITE")
        wait_until(lambda: _are_level(master))

    def go_on_with_changes(self) -> None:
        with self.client(self.master()) as client:
            client.execute_command("CLIENT", "UNPAUSE")

    def demote(self) -> None:
        """Let a replica take over from a master that is well. What waits there finds itself at a replica."""
        former = self.master()
        self.pause_changes()
        self.replace_master()
        with self.client(former) as client:
            client.replicaof(*self.master().split(":"))
            client.execute_command("CLIENT", "UNPAUSE")

    def replace_master(self) -> None:
        """Let a replica take over from a master that is well, and is told only some seconds later."""
        former = self.master()
        with self._sentinels[0].client() as client:
            client.execute_command("SENTINEL", "FAILOVER", MASTER)
        self.wait_for_failover(former)

    def wait_until_down(self) -> None:
        """Wait until all sentinels take the master for down."""
        wait_until(lambda: all(sentinel.state()["is_sdown"] for sentinel in self._sentinels))

    def wait_for_failover(self, address: str) -> None:
        """Wait until all sentinels name another master than that at this address."""
        wait_until(lambda: all(_address(sentinel.state()) != address for sentinel in self._sentinels))

    def close(self) -> None:
        for server in (*self._sentinels, *self._servers.values()):
            server.close()

    def _new_server(self) -> _Watched:
        server = start_on_free_port(_Watched)
        self._servers[server.address] = server
        return server

    def _wait_until_all_known(self) -> None:
        others, replicas = len(self._sentinels) - 1, len(self._servers) - 1
        for sentinel in self._sentinels:
            wait_until(lambda one=sentinel: one.state()["num-other-sentinels"] == others)
            wait_until(lambda one=sentinel: one.state()["num-slaves"] == replicas)


def _address(state: dict[str, Any]) -> str:
    return f"{state['ip']}:{state['port']}"


def _are_level(master: _Watched) -> bool:
    _, offset, replicas = master.role()
    return all(int(replica[2]) == offset for replica in replicas)


def _num_synced(master: _Watched) -> int:
    return len(master.role()[2])
