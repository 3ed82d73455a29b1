"""Each rule of the protocol for a cluster is needed: without it the explorer finds what goes wrong."""

import contextlib
from typing import NamedTuple

import pytest

from cryptoorders_redis.operations import claims, cluster
from cryptoorders_redis.operations.cluster import Cluster
from cryptoorders_redis.operations.mends import entries
from tests.support.explorer.calls import A2, A, B, cancel, cancel_all, mend, place
from tests.support.explorer.code import Change, explored_scripts, rewritten
from tests.support.explorer.scenarios import DEAD
from tests.support.explorer.search import Scenario, Search, Violation
from tests.support.explorer.states import Server
from tests.support.servers import RedisServer

STREAM_OF = "string.match({}, '^%d+')"


class Broken(NamedTuple):
    """A broken protocol: what is replaced in the scripts or in functions, and where it shows.

    Attributes:
        functions: of each what has it, its name, and the texts in it that are replaced.
        constants: of each what has it, its name, and its value.
    """

    name: str
    scenario: Scenario
    problem: str
    scripts: tuple[Change, ...] = ()
    functions: tuple[tuple[object, str, tuple[tuple[str, str], ...]], ...] = ()
    constants: tuple[tuple[object, str, object], ...] = ()


TWO_LIVE = "TWO LIVE ORDERS"
LOST = "NOT FOUND BY ITS ID"

VARIANTS = [
    Broken(
        "no-fence-before-a-takeover",
        Scenario([place(A), place(B)], losses=0),
        f"{TWO_LIVE}|{LOST}",
        scripts=(Change("cluster/fence.lua", "redis.call('SETEX', fence, seconds, '')\n", ""),),
    ),
    Broken(
        "a-takeover-compares-the-stream-not-the-token",
        Scenario([place(A), place(B)], entry=DEAD, losses=0),
        f"{TWO_LIVE}|{LOST}",
        scripts=(
            Change(
                "cluster/claim.lua",
                "found == over",
                f"{STREAM_OF.format('found')} == {STREAM_OF.format('over')}",
            ),
        ),
    ),
    Broken(
        "a-release-compares-the-stream-not-the-token",
        Scenario([place(A2), cancel()], before=[place(A)], losses=0),
        LOST,
        scripts=(
            Change(
                "cluster/release.lua",
                "found == entries[2 * i]",
                f"found and {STREAM_OF.format('found')} == {STREAM_OF.format('entries[2 * i]')}",
            ),
        ),
    ),
    Broken(
        "no-takeover-where-the-stream-is-the-same",
        Scenario([place(A), place(B)], entry=DEAD, losses=0),
        f"{TWO_LIVE}|{LOST}|place alone",
        scripts=(
            Change(
                "cluster/claim.lua",
                "  if is_claimed then",
                f"  if found and {STREAM_OF.format('found')} == {STREAM_OF.format('entry')} then\n"
                "is_claimed = true\n"
                "elseif is_claimed then",
            ),
        ),
    ),
    Broken(
        "claim-and-place-at-one-time",
        Scenario([place(A), place(B)], losses=0),
        f"{TWO_LIVE}|{LOST}",
        functions=(
            (claims, "_claim", (("claim.entry = new_entry", "claim.entry = claim.entry or new_entry"),)),
            (
                cluster,
                "place_orders",
                (
                    (
                        "yield from _claim(store.keys, settings, claims)\n",
                        "for claim in claims:\n"
                        "            stream = settings.stream_of(claim.order[1])\n"
                        "            claim.entry = new_entry(stream)\n"
                        "            claim.claimed_at = 9 * 10**15\n"
                        "        placed, void = yield from _place(store, settings, claims)\n"
                        "        yield from _claim(store.keys, settings, claims)\n",
                    ),
                    ("placed, void = yield from _place(store, settings, to_place)\n", "pass\n"),
                ),
            ),
        ),
    ),
    Broken(
        "no-sessions-a-retry-runs-again",
        Scenario([place(A), cancel()]),
        "answered",
        scripts=(Change("include/session.lua", "if ahead == 0 then", "if false then"),),
    ),
    Broken(
        "no-sessions-a-late-copy-runs",
        Scenario([place(A), cancel()], told=()),
        "answered|effect|LIVE",
        scripts=(Change("include/session.lua", "elseif ahead > 0 then", "elseif false then"),),
    ),
    Broken(
        "an-answer-without-a-change-is-not-kept",
        Scenario([place(A), cancel()]),
        "an effect after its answer",
        scripts=(
            Change(
                "include/session.lua",
                "redis.call('HDEL', sessions, 'none')\n",
                "if reply ~= 'STALE' then return reply end\n",
            ),
        ),
    ),
    Broken(
        "stale-is-not-kept",
        Scenario([place(A)], told=()),
        "answered|effect|LIVE",
        scripts=(
            Change(
                "include/session.lua",
                "return answer(sessions, session, request_number, 'STALE', true)",
                "return 'STALE'",
            ),
        ),
    ),
    Broken(
        "look-and-fence-in-two-scripts",
        Scenario([place(A), place(B)], losses=0),
        f"{TWO_LIVE}|{LOST}",
        scripts=(
            Change("cluster/fence.lua", "redis.call('HEXISTS', orders, order_id) == 1", "orders == ''"),
        ),
    ),
    Broken(
        "release-before-remove",
        Scenario([cancel()], before=[place(A)], losses=0),
        LOST,
        functions=(
            (
                cluster,
                "change_orders",
                (
                    (
                        "replies = yield [",
                        "if script == 'cancel':\n"
                        "            read = [(each.order_id, each.entry) for each in left if each.entry]\n"
                        "            yield from directory.release(store.keys, read)\n"
                        "        replies = yield [",
                    ),
                ),
            ),
        ),
    ),
    Broken(
        "repair-deletes-what-it-did-not-fence",
        Scenario([place(A), mend()], losses=0),
        LOST,
        functions=((entries, "_is_live", (("order_id, entry)]", "order_id, entry, fences=False)]"),)),),
    ),
    Broken(
        "cancel-all-looks-entries-up-after-it-removed",
        Scenario([place(A2), cancel_all(A)], before=[place(A)], losses=0),
        LOST,
        functions=(
            (
                Cluster,
                "_cancel_all_by_user",
                (
                    ("        entries = yield from entries_of(self.keys, order_ids)\n", ""),
                    (
                        "found = zip(",
                        "entries = yield from entries_of(self.keys, order_ids)\n            found = zip(",
                    ),
                ),
            ),
        ),
    ),
    Broken(
        "a-fence-expires-before-the-place-that-it-bars",
        Scenario([place(A), place(B)], losses=0, minutes=10),
        f"{TWO_LIVE}|{LOST}",
        constants=((claims, "FENCE_SECONDS", 300),),
    ),
    Broken(
        "cancel-all-releases-what-it-did-not-cancel",
        Scenario(
            [place(A2), cancel(), cancel_all(A, besides=1)], before=[place(A), place(A, "Y")], losses=0
        ),
        LOST,
        functions=((Cluster, "_cancel_all_by_user", ((" and each in cancelled", ""),)),),
    ),
]  # fmt: skip


@pytest.fixture(scope="module")
def server():
    server = RedisServer("--appendonly", "no", "--save", "")
    yield server
    server.close()


@pytest.mark.parametrize("broken", VARIANTS, ids=lambda broken: broken.name)
def test_without_one_rule_the_explorer_finds_what_goes_wrong(server, monkeypatch, broken):
    for owner, name, changes in broken.functions:
        monkeypatch.setattr(owner, name, rewritten(getattr(owner, name), *changes))
    for owner, name, value in broken.constants:
        monkeypatch.setattr(owner, name, value)
    with (
        explored_scripts(*broken.scripts) as lua,
        contextlib.closing(Server(server, lua)) as states,
        pytest.raises(Violation, match=broken.problem),
    ):
        Search(broken.scenario, states).run()


@pytest.mark.parametrize("broken", VARIANTS, ids=lambda broken: broken.name)
def test_with_all_rules_the_same_calls_are_right(server, broken):
    with explored_scripts() as lua, contextlib.closing(Server(server, lua)) as states:
        Search(broken.scenario, states).run()
