"""Keys over HTTP are remembered, and never longer than they are good."""

import asyncio
import contextlib
import sqlite3
from collections.abc import Iterator
from typing import Any

import pytest

from postroom.mcp.auth import BearerToken, KeyVerifier
from postroom.service import keyring
from postroom.service.keyring import KeyRing
from postroom.store.watch import Watch
from tests.fakes.bed import Bed
from tests.fakes.clock import FakeClock


class Counted:
    """A verifier over a house, and how often it asked the database who a key is."""

    def __init__(self, house: Bed, watch: Watch) -> None:
        self.looked_up = 0
        self._call = house.desk.call
        house.desk.call = self._counted  # type: ignore[method-assign]
        self.verifier = KeyVerifier(KeyRing(house.desk, watch.version))

    async def _counted(self, name: str, actor: Any, given: Any) -> Any:
        if name == "keys.note_use":  # a commit of its own, once a minute: here only those of others are looked at
            return None
        self.looked_up += name == "tenants.authenticate"
        return await self._call(name, actor, given)

    async def __call__(self, token: str) -> BearerToken | None:
        return await self.verifier.verify_token(token)


@contextlib.contextmanager
def _verifying(house: Bed) -> Iterator[Counted]:
    with contextlib.closing(Watch(house.database)) as watch:
        yield Counted(house, watch)


def _elsewhere(house: Bed, sql: str, *parameters: object) -> None:
    """Commit as another process would."""
    with contextlib.closing(sqlite3.connect(house.database)) as connection, connection:
        connection.execute(sql, parameters)


async def test_a_key_is_looked_up_once_as_long_as_nobody_commits(house: Bed) -> None:
    made = await house.call("keys.create")
    with _verifying(house) as verify:
        first = await verify(made.api_key)
        assert first is not None
        assert (first.actor.api_key_id, first.actor.reach) == (made.key.api_key_id, house.owner.reach)
        assert [await verify(made.api_key) for _ in range(5)] == [first] * 5
        assert verify.looked_up == 1
        await house.inbox()
        assert await verify(made.api_key) == first
        assert verify.looked_up == 2


async def test_a_remembered_key_that_is_deleted_stops_working_at_once(house: Bed) -> None:
    made = await house.call("keys.create")
    with _verifying(house) as verify:
        assert await verify(made.api_key) is not None
        await house.call("keys.delete", api_key_id=made.key.api_key_id)
        assert await verify(made.api_key) is None


async def test_a_remembered_key_that_another_process_deletes_stops_working_at_once(house: Bed) -> None:
    made = await house.call("keys.create")
    with _verifying(house) as verify:
        assert await verify(made.api_key) is not None
        _elsewhere(house, "DELETE FROM api_key WHERE id = ?", made.key.api_key_id)
        assert await verify(made.api_key) is None


async def test_a_remembered_key_ends_when_it_expires(house: Bed, clock: FakeClock) -> None:
    made = await house.call("keys.create")
    _elsewhere(house, "UPDATE api_key SET expires_at = ? WHERE id = ?", clock() + 1000, made.key.api_key_id)
    with _verifying(house) as verify:
        clock.advance(999)
        assert await verify(made.api_key) is not None
        clock.advance(1)
        assert await verify(made.api_key) is None


async def test_what_is_no_key_is_looked_up_each_time_and_remembered_never(house: Bed) -> None:
    made = await house.call("keys.create")
    with _verifying(house) as verify:
        assert await verify(made.api_key) is not None
        for wrong in ("", made.api_key + "x", made.api_key[:-1], "\xff" * 40):
            assert await verify(wrong) is None
        assert verify.looked_up == 5
        assert len(verify.verifier._keys._known) == 1


async def test_no_more_keys_are_remembered_than_the_bound(house: Bed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keyring, "_KEYS", 2)
    made = [await house.call("keys.create") for _ in range(4)]
    with _verifying(house) as verify:
        for key in made * 2:
            token = await verify(key.api_key)
            assert token is not None
            assert token.actor.api_key_id == key.key.api_key_id
        assert len(verify.verifier._keys._known) == 2


async def test_what_was_found_before_a_commit_is_not_remembered_after_it(house: Bed) -> None:
    made, other = await house.call("keys.create"), await house.call("keys.create")
    with _verifying(house) as verify:
        found, go_on, inner = asyncio.Event(), asyncio.Event(), verify._call

        async def slow(name: str, actor: Any, given: Any) -> Any:
            answer = await inner(name, actor, given)
            found.set()
            await go_on.wait()
            return answer

        verify._call = slow
        early = asyncio.ensure_future(verify(made.api_key))
        await found.wait()
        verify._call = inner
        _elsewhere(house, "DELETE FROM api_key WHERE id = ?", made.key.api_key_id)
        assert await verify(other.api_key) is not None
        go_on.set()
        assert await early is not None  # it was good when the request came
        assert await verify(made.api_key) is None
