"""What runs behind: lone files are swept and no others, nothing of it ends with a full disk."""

import os
import time
from pathlib import Path
from typing import Any

import pytest

from postroom.model.errors import StorageFull
from postroom.model.tenant import SYSTEM
from postroom.service.upkeep import Batch
from postroom.store.sqlite import SqliteStore
from tests.fakes.bed import DOMAIN, Bed
from tests.fakes.mail import mail

AGENT = f"agent@{DOMAIN}"
HOUR_S = 3600


def _file(house: Bed, name: str, age_s: float) -> Path:
    path = house.home / "blobs" / name[:2] / name[2:]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"lone")
    os.utime(path, (time.time() - age_s,) * 2)
    return path


async def _sweep(house: Bed) -> None:
    """Sweep. The house does so too when it opens: which of the two takes a file is not known."""
    await house.desk.call("blobs.sweep", SYSTEM, Batch())


async def test_an_old_file_that_no_message_names_is_swept(house: Bed) -> None:
    path = _file(house, "ab" * 32, 2 * HOUR_S)
    draft = _file(house, "cd" * 32 + ".1.2.part", 2 * HOUR_S)
    await _sweep(house)
    assert not path.exists()
    assert not draft.exists()


async def test_a_young_file_is_left_alone(house: Bed) -> None:
    path = _file(house, "ab" * 32, HOUR_S - 60)
    await _sweep(house)
    assert path.exists()


async def test_an_old_file_that_a_message_names_is_left_alone(house: Bed) -> None:
    await house.inbox()
    raw = mail(files={"a.bin": b"x" * 90_000})
    message = await house.receive(raw)
    for path in (house.home / "blobs").glob("??/*"):
        os.utime(path, (time.time() - 9 * HOUR_S,) * 2)
    await _sweep(house)
    assert await house.call("messages.raw", inbox_id=AGENT, message_id=message.id) == raw


async def test_the_files_of_a_deleted_inbox_are_swept_when_they_are_old(house: Bed) -> None:
    await house.inbox()
    await house.receive(mail(files={"a.bin": b"x" * 90_000}))
    await house.call("inboxes.delete", inbox_id=AGENT)
    await house.until(lambda: not house.rows("SELECT 1 FROM purge"))
    for path in (house.home / "blobs").glob("??/*"):
        os.utime(path, (time.time() - 9 * HOUR_S,) * 2)
    await _sweep(house)
    assert list((house.home / "blobs").glob("??/*")) == []


async def test_a_file_that_is_used_again_is_touched_before_the_sweep_looks(house: Bed) -> None:
    await house.inbox()
    raw = mail(files={"a.bin": b"x" * 90_000})
    await house.receive(raw)
    (path,) = (house.home / "blobs").glob("??/*")
    os.utime(path, (time.time() - 9 * HOUR_S,) * 2)
    await house.take(raw, AGENT)
    assert path.stat().st_mtime > time.time() - HOUR_S


async def test_a_full_disk_ends_no_worker(house: Bed, monkeypatch: pytest.MonkeyPatch) -> None:
    inbox = await house.inbox()
    write = SqliteStore.write
    refused: list[str] = []

    async def full(self: SqliteStore, function: Any, reach: Any, now: int, *, alone: bool = False) -> Any:
        if reach == SYSTEM.reach and len(refused) < 4:
            refused.append("write")
            raise StorageFull("The disk is full.")
        return await write(self, function, reach, now, alone=alone)

    monkeypatch.setattr(SqliteStore, "write", full)
    house.house.bells.ring_all()
    await house.until(lambda: len(refused) == 4)
    await house.take(mail(subject="Found"), inbox.address)
    await house.indexed()
    assert len((await house.call("messages.search", inbox_id=AGENT, q="found")).items) == 1


async def test_an_inbox_of_more_mail_than_one_batch_is_purged_to_the_end(house: Bed) -> None:
    await house.inbox()
    for _ in range(5):
        await house.take(mail(), AGENT)
    await house.call("inboxes.delete", inbox_id=AGENT)
    while await house.desk.call("purges.step", SYSTEM, Batch(limit=2)):
        pass
    assert house.rows("SELECT (SELECT count(*) FROM message) + (SELECT count(*) FROM thread)") == [(0,)]


async def test_two_deleted_inboxes_are_purged_one_after_the_other(house: Bed) -> None:
    for name in ("agent", "other"):
        await house.inbox(name)
        await house.take(mail(), f"{name}@{DOMAIN}")
        await house.call("inboxes.delete", inbox_id=f"{name}@{DOMAIN}")
    await house.until(lambda: not house.rows("SELECT 1 FROM purge"))
    assert house.rows("SELECT count(*) FROM message") == [(0,)]
