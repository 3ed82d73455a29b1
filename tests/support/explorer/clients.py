"""What a call sends next, after given replies: the real operation, in the real executor for a cluster."""

from collections.abc import Callable
from itertools import count
from typing import Any, NamedTuple, TypeAlias
from unittest import mock

from cryptoorders_redis import errors
from cryptoorders_redis.operations import Operation, claims, drop
from cryptoorders_redis.operations.cluster import Cluster
from cryptoorders_redis.schema import entries
from cryptoorders_redis.schema.config import Settings
from cryptoorders_redis.transport.cluster_executor import ClusterExecutor
from cryptoorders_redis.transport.error_mapping import ReplyLost
from cryptoorders_redis.transport.request import ClusterRequest, Request
from cryptoorders_redis.transport.sessions import Sessions
from cryptoorders_redis.transport.topology import Topology
from tests.support.explorer.states import BEGUN, EPOCH, KEYS, Facts, Live

NODE = "127.0.0.1:7000"
_MAP = [[0, 16383, [b"127.0.0.1", 7000]]]

LOST = "LOST"
"""In place of replies: they were lost, or the request is under way for longer than the client waits."""

Seen: TypeAlias = list[Facts]
Effects: TypeAlias = list[tuple[Live | None, Live | None]]
Judge: TypeAlias = Callable[[Any, Seen, Effects], str]
"""Given a call's answer, all that was true during it and its effects, returns what is wrong, or nothing."""


class CallKind(NamedTuple):
    """A call that is explored.

    Attributes:
        name: for messages.
        make: makes the operation.
        judge: says whether an answer is right.
        is_drop: whether it may remove orders that others have placed.
    """

    name: str
    make: Callable[[Cluster], Operation[Any]]
    judge: Judge
    is_drop: bool = False


class Node(NamedTuple):
    """Where a call is after some replies.

    Attributes:
        number: of the node, among those of its client.
        history: the replies, as texts.
        request: what it sends next; None at its end.
        is_change: whether a copy of the request that comes late may do something.
        answer: what it has answered, or the error that it has raised.
    """

    number: int
    history: tuple[str, ...]
    request: Request | None
    is_change: bool
    answer: Any


class Client:
    """A client with one call, or with several that it makes one after the other."""

    def __init__(self, name: str, kind: CallKind, num_streams: int) -> None:
        self.name = name
        self.kind = kind
        self._num_streams = num_streams
        self._replies: dict[str, Any] = {LOST: [ReplyLost("the reply was lost")]}
        self._numbers: dict[tuple[int, str], int] = {}
        self._topology = Topology([NODE])
        self._topology.learn(_MAP, NODE)
        self.nodes: list[Node] = []
        self._add(())

    def after(self, number: int, replies: list[Any] | str) -> Node:
        """Return the node that replies lead to."""
        text = LOST if isinstance(replies, str) else repr(replies)
        found = self._numbers.get((number, text))
        if found is None:
            self._replies.setdefault(text, [replies])
            found = self._numbers[number, text] = len(self.nodes)
            self._add((*self.nodes[number].history, text))
        return self.nodes[found]

    def _add(self, history: tuple[str, ...]) -> None:
        tokens = (f"{self.name}.{number}" for number in count())
        # What is made by chance would be another at each replay; the waits do not matter.
        with (
            mock.patch.object(entries.secrets, "token_urlsafe", side_effect=tokens),
            mock.patch.object(drop.secrets, "choice", return_value=chr(ord("a") + int(self.name[1:]))),
            mock.patch.object(claims, "LOOK_SECONDS", (0.0, 0.0)),
        ):
            request, answer = self._replay(history)
        is_change = request is not None and _is_change(request.data)
        self.nodes.append(Node(len(self.nodes), history, request, is_change, answer))

    def _replay(self, history: tuple[str, ...]) -> tuple[Request | None, Any]:
        store = Cluster(KEYS.namespace, lambda: [NODE])
        store._may_create = True
        store.settings = Settings(str(EPOCH), self._num_streams)
        sessions = Sessions(store.keys)
        sessions._client = self.name
        for slot in slots_of(self._num_streams):
            sessions.begin(slot, store.keys.sessions(slot, self.name), str(BEGUN))
        self._topology.learn(_MAP, NODE)
        executor = ClusterExecutor(sessions, 600, None, self._topology)
        executor._server_known = True  # the system was opened before
        operation = self.kind.make(store)
        conversation = executor.execute(operation)
        try:
            request = _skip_map(conversation, next(conversation))
            for text in history:
                request = _skip_map(conversation, conversation.send(self._replies[text]))
        except StopIteration as end:
            return None, end.value
        except errors.CryptoOrdersError as error:
            return None, _without_frames(error)
        finally:
            conversation.close()
            operation.steps().close()
        ((_, part),) = request.parts
        return part, None


def slots_of(num_streams: int) -> list[str]:
    """Return the hash tags in which a client has sessions."""
    return [KEYS.slot, *map(KEYS.slot_of, range(num_streams))]


def run_alone(server: Any, client: Client, state: int) -> tuple[Any, int]:
    """Return a call's answer when nobody else does anything, and the state after it."""
    node = client.nodes[0]
    while node.request:
        assert len(node.history) < 500, f"{client.kind.name} never ends"
        replies, state = server.run(state, node.request.data, node.request.num_replies)
        node = client.after(node.number, replies)
    return node.answer, state


def _without_frames(error: BaseException) -> BaseException:
    """Return an error that does not keep the generators alive that it came through."""
    error.__traceback__ = error.__context__ = None
    if error.__cause__:
        _without_frames(error.__cause__)
    return error


def _skip_map(conversation: Any, request: ClusterRequest) -> ClusterRequest:
    while b"SLOTS" in request.parts[0][1].data:
        request = conversation.send([[_MAP]])
    return request


def _is_change(data: bytes) -> bool:
    from cryptoorders_redis.schema.scripts import script

    readers = ("read_config", "inspect", "cluster/page", "snapshot")
    return b"EVAL" in data and not any(script(name).sha in data for name in readers)
