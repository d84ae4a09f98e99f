"""The first start: whenever it is cut off, the key that owner.key holds in the end is the one that opens the store."""

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from postroom import server
from postroom.config import Settings
from postroom.model.tenant import Actor
from postroom.server import open_house
from postroom.service.desk import Desk
from postroom.store.secret import write_private
from tests.fakes.bed import Bed


def _settings(home: Path) -> Settings:
    return Settings(home=home, http="127.0.0.1:0", smtp="127.0.0.1:0")


async def _opens(home: Path) -> str | None:
    """Open the house, let owner.key be tried, and return the key that was shown."""
    async with open_house(_settings(home)) as house:
        kept = (home / "owner.key").read_text("utf-8").strip()
        assert (await house.actor(kept)).api_key_id is not None
        assert house.new_owner_key in (None, kept)
        return house.new_owner_key


async def test_a_start_cut_off_between_file_and_commit_is_made_good_by_the_next(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    call = Desk.call

    async def cut_off(desk: Desk, name: str, actor: Actor, given: Any) -> Any:
        if name == "tenants.start":
            raise ConnectionAbortedError("killed")
        return await call(desk, name, actor, given)

    with monkeypatch.context() as patch:
        patch.setattr(Desk, "call", cut_off)
        with pytest.raises(ConnectionAbortedError):
            await _opens(home)
    never_used = (home / "owner.key").read_text("utf-8").strip()
    shown = await _opens(home)
    assert shown not in (None, never_used)
    assert await _opens(home) is None


async def test_a_start_that_cannot_keep_the_key_makes_no_store_that_nobody_can_open(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: Path, content: bytes) -> None:
        if path.name == "owner.key":
            raise OSError(28, "No space left on device")
        write_private(path, content)

    with monkeypatch.context() as patch:
        patch.setattr(server, "write_private", full)
        with pytest.raises(OSError, match="No space"):
            await _opens(home)
    assert await _opens(home) is not None


async def test_processes_that_start_at_once_agree_on_the_key(home: Path) -> None:
    shown = await asyncio.gather(*(_opens(home) for _ in range(4)))
    assert sum(key is not None for key in shown) == 1


async def test_the_file_of_a_start_that_was_cut_off_goes_where_a_key_is_given(home: Path) -> None:
    await asyncio.to_thread(home.mkdir)
    write_private(home / "owner.key", b"never-used\n")
    async with open_house(_settings(home), install_key="k" * 40) as house:
        assert (await house.actor("k" * 40)).api_key_id is not None
    assert not (home / "owner.key").exists()


async def test_a_store_that_has_a_key_leaves_the_file_alone(house: Bed) -> None:
    key_file = house.home / "owner.key"
    kept: Mapping[str, Any] = {"bytes": key_file.read_bytes(), "mode": key_file.stat().st_mode & 0o777}
    async with open_house(house.settings) as second:
        assert second.new_owner_key is None
    assert {"bytes": key_file.read_bytes(), "mode": key_file.stat().st_mode & 0o777} == kept
    assert kept["mode"] == 0o600
