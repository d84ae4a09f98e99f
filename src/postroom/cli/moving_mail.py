"""Moves the messages of one inbox: lists them, fetches the bytes of those that are not here, files them in order.

What is on disk is known by its id there, so a run that was cut off goes on where it ended.
"""

import asyncio
import hashlib
from collections import deque
from typing import Any

from postroom.cli.source import Source, SourceError, segment
from postroom.cli.tally import Tally
from postroom.cli.told import ThereInbox, ThereMessage, name_of, read
from postroom.model.errors import PostroomError, Temporary
from postroom.model.inbox import Inbox
from postroom.model.message import HIDDEN, Incoming
from postroom.model.tenant import SYSTEM
from postroom.service.desk import Desk
from postroom.service.importing import Listed, Moved

_AT_ONCE = 4  # messages whose bytes are fetched while others are filed
_BYTES_AT_ONCE = 64 * 2**20
_SILENCES = 3  # messages in a row for which the server did not answer: it is down, and the run is to be taken up later
_Fetching = deque[tuple[ThereMessage, asyncio.Task[bytes]]]


class MessageMover:
    """Moves from `there` to `here`; without `here` it only counts."""

    def __init__(self, desk: Desk, source: Source, tally: Tally, there: ThereInbox, here: Inbox | None) -> None:
        self._desk = desk
        self._source = source
        self._tally = tally
        self._there = there
        self._here = here
        self._path = f"/inboxes/{segment(there.inbox_id)}/messages"
        self._silences = 0

    async def move(self) -> None:
        """Move all messages, the oldest first, hidden ones too. Raises SourceError where the list cannot be had."""
        try:
            await self._pages(**{f"include_{label}": "true" for label in HIDDEN})
        except SourceError as error:
            if error.status != 403:
                raise
            self._tally.note(f"{self._there.address}: this key may not list all hidden mail: what it may is moved.")
            await self._pages()

    async def _pages(self, **query: Any) -> None:
        async for items in self._source.pages(self._path, "messages", ascending="true", **query):
            listed = [message for item in items if (message := self._read(item)) is not None]
            await self._page(listed)

    def _read(self, item: Any) -> ThereMessage | None:
        try:
            return read(ThereMessage, item)
        except SourceError as error:
            self._fail(name_of(item, "message_id"), error)
            return None

    async def _page(self, listed: list[ThereMessage]) -> None:
        wanted = await self._missing(listed)
        self._tally.count("messages", "already_here", len(listed) - len(wanted))
        if self._tally.dry_run or self._here is None:
            self._tally.count("messages", "to_import", len(wanted))
            return
        fetching: _Fetching = deque()
        try:
            for message in wanted:
                while fetching and not self._has_room(fetching, message):
                    await self._file_next(fetching, self._here)
                fetching.append((message, asyncio.create_task(self._fetch(message))))
            while fetching:
                await self._file_next(fetching, self._here)
        finally:
            for _message, task in fetching:
                task.cancel()
            await asyncio.gather(*(task for _message, task in fetching), return_exceptions=True)

    async def _missing(self, listed: list[ThereMessage]) -> list[ThereMessage]:
        by_id = {message.message_id: message for message in listed}
        if self._here is None:
            return list(by_id.values())
        given = Listed(inbox_id=self._here.inbox_id, source=self._there.address, message_ids=tuple(by_id))
        return [by_id[message_id] for message_id in await self._desk.call("imports.missing", SYSTEM, given)]

    def _has_room(self, fetching: _Fetching, message: ThereMessage) -> bool:
        held = sum(one.size for one, _task in fetching) + message.size
        return len(fetching) < _AT_ONCE and held <= _BYTES_AT_ONCE

    async def _fetch(self, message: ThereMessage) -> bytes:
        raw = f"{self._path}/{segment(message.message_id)}/raw"
        return await self._source.file(raw, max_bytes=self._desk.house.max_message_bytes)

    async def _file_next(self, fetching: _Fetching, here: Inbox) -> None:
        message, task = fetching.popleft()
        try:
            content = await task
            self._silences = 0
            outcome = "imported" if await self._file(message, content, here) else "already_here"
        except SourceError as error:
            self._fail(message.message_id, error)
            self._silences = self._silences + 1 if error.is_silence else 0
            if error.is_final or self._silences == _SILENCES:
                raise
        except Temporary:  # of this machine, a full disk: it would be so for all that follow
            raise
        except PostroomError as error:
            self._fail(message.message_id, error)
        else:
            self._tally.count("messages", outcome)
            self._tally.step(self._there.address)

    async def _file(self, message: ThereMessage, content: bytes, here: Inbox) -> bool:
        incoming = Incoming(
            envelope_from="",
            recipients=(here.address,),
            content=content,
            spool=None,
            size=len(content),
            sha256=hashlib.sha256(content).hexdigest(),
            origin="import",
        )
        moved = Moved(
            inbox_id=here.inbox_id,
            source=self._there.address,
            message_id=message.message_id,
            thread_id=message.thread_id,
            timestamp=message.milliseconds,
            labels=message.labels,
            sender=message.from_,
            bcc=message.bcc,
            incoming=incoming,
        )
        return await self._desk.call("imports.take", SYSTEM, moved) is not None

    def _fail(self, message_id: str, error: object) -> None:
        self._tally.fail(self._there.address, "message", message_id, error)
