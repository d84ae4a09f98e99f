"""A house for tests: the whole engine over a data folder of its own, its clock and HTTP client in the test's hands."""

import asyncio
import contextlib
import dataclasses
import hashlib
import shutil
import sqlite3
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path
from typing import Any

import aiosmtplib

from postroom.config import Settings
from postroom.model.event import Event, EventType
from postroom.model.inbox import Inbox
from postroom.model.message import Incoming, Message, MessageSummary
from postroom.model.tenant import SYSTEM, Actor
from postroom.server import Postroom, open_house
from postroom.service.desk import Desk
from postroom.service.operation import Nothing
from postroom.service.receive import Taken
from postroom.store.queries import events as log
from tests.fakes.dns import NoDns
from tests.fakes.fetcher import FakeFetcher
from tests.fakes.mail import CORRESPONDENT

DOMAIN = "postroom.localhost"


class Bed:
    """Opened and closed by the runner of `tests/conftest.py`; `owner` acts when no other actor is named."""

    def __init__(self, home: Path, now: Callable[[], int], template: Path | None = None, **settings: Any) -> None:
        self.home = home
        self.now = now
        self.settings = Settings(home=home, http="127.0.0.1:0", smtp="127.0.0.1:0", **settings)
        self.fetcher = FakeFetcher()
        self._template = template
        self._stack = contextlib.AsyncExitStack()

    async def __aenter__(self) -> "Bed":
        self.home.mkdir(parents=True, exist_ok=True)
        if self._template is not None and not self.database.exists():
            await asyncio.to_thread(shutil.copyfile, self._template, self.database)
        self.house: Postroom = await self._stack.enter_async_context(open_house(self.settings, now=self.now))
        self.desk: Desk = self.house.desk
        self._rooms = self.desk.rooms
        self.desk.rooms = dataclasses.replace(self.desk.rooms, fetcher=self.fetcher)
        if self.settings.resolver is None:
            self.desk.rooms = dataclasses.replace(self.desk.rooms, resolver=NoDns())
        self.owner: Actor = await self.house.actor(None)
        return self

    async def __aexit__(self, *error: object) -> None:
        await self._stack.aclose()

    @property
    def database(self) -> Path:
        return self.home / "postroom.db"

    def rows(self, sql: str, *parameters: object) -> list[tuple[Any, ...]]:
        """Read the database beside the store: what is committed, whoever may see it."""
        with contextlib.closing(sqlite3.connect(self.database)) as connection:
            return connection.execute(sql, parameters).fetchall()

    def write(self, sql: str, *parameters: object) -> None:
        """Write to the database beside the store: what another process left there."""
        with contextlib.closing(sqlite3.connect(self.database)) as connection, connection:
            connection.execute(sql, parameters)

    def use_true_client(self) -> None:
        """Let what is asked outside be asked by the client that the server has."""
        self.desk.rooms = self._rooms

    async def call(self, operation: str, actor: Actor | None = None, /, **given: Any) -> Any:
        """Call the desk as `actor`, the owner when there is none."""
        return await self.desk.call(operation, actor or self.owner, given)

    async def inbox(self, username: str = "agent", actor: Actor | None = None, **given: Any) -> Inbox:
        made: Inbox = await self.call("inboxes.create", actor, username=username, **given)
        return made

    async def key(self, actor: Actor | None = None, **given: Any) -> Actor:
        """Make an API key and return who acts by it."""
        made = await self.call("keys.create", actor, **given)
        return await self.house.actor(made.api_key)

    async def stranger(self) -> Actor:
        """Make another organization and return its owner."""
        made = await self.desk.call("organizations.create", SYSTEM, {"name": "other"})
        return await self.house.actor(made.api_key)

    async def take(self, raw: bytes, *to: str, envelope_from: str = CORRESPONDENT, **fields: Any) -> Taken:
        """Let mail arrive, as SMTP would hand it in."""
        incoming = Incoming(
            envelope_from=envelope_from,
            recipients=to,
            content=raw,
            spool=None,
            size=len(raw),
            sha256=hashlib.sha256(raw).hexdigest(),
            **fields,
        )
        taken: Taken = await self.desk.call("mail.take", SYSTEM, incoming)
        return taken

    async def receive(self, raw: bytes, to: str = f"agent@{DOMAIN}", **fields: Any) -> Message:
        """Let one message arrive in one inbox and return it."""
        taken = await self.take(raw, to, **fields)
        return await self.message(to, next(iter(taken.filed.values())))

    async def message(self, inbox: str, message: str, actor: Actor | None = None) -> Message:
        opened = await self.call("messages.get", actor, inbox_id=inbox, message_id=message)
        found: Message = opened.message
        return found

    async def messages(self, inbox: str, **given: Any) -> list[MessageSummary]:
        """Return the messages of an inbox, oldest first."""
        page = await self.call("messages.list", inbox_id=inbox, ascending=True, limit=100, **given)
        return list(page.items)

    async def arrived(self, inbox: str) -> list[Message]:
        """Wait for the deliveries that are due, then return what an inbox received, oldest first."""
        await self.settled()
        return [await self.message(inbox, m.id) for m in await self.messages(inbox) if "received" in m.labels]

    async def send(self, inbox: str = f"agent@{DOMAIN}", *to: str, **given: Any) -> Message:
        """Send a message and return it as the sender keeps it."""
        words = {"subject": "Greetings", "text": "Hello there."} | given
        sent = await self.call("messages.send", inbox_id=inbox, to=to, **words)
        return await self.message(inbox, sent.id)

    async def settled(self) -> None:
        """Wait until no delivery is due or under way."""
        while True:
            due = await self.desk.call("deliveries.next_due", SYSTEM, Nothing())
            leased = await self.desk.call("deliveries.owners", SYSTEM, Nothing())
            if not leased and (due is None or due > self.desk.clock()):
                return
            await asyncio.sleep(0.002)

    async def until(self, is_true: Callable[[], bool]) -> None:
        """Wait for what a worker does in its own time; the test's deadline ends a wait in vain."""
        while True:
            if is_true():
                return
            await asyncio.sleep(0.005)

    async def indexed(self) -> None:
        """Wait until the search index has every message."""
        waiting = "SELECT 1 FROM message WHERE seq > (SELECT coalesce(max(id), 0) FROM message_search_docsize)"
        await self.until(lambda: not self.rows(waiting))

    async def events(self, inbox: Inbox, kind: EventType) -> list[Event]:
        """Return the events of an inbox of one type, in order."""
        rows = self.rows("SELECT * FROM event WHERE inbox_id = ? AND type = ? ORDER BY seq", inbox.inbox_id, kind.value)
        return [log.OF_INBOX.row(row) for row in rows]

    @contextlib.asynccontextmanager
    async def smtp(self, **options: Any) -> AsyncIterator[aiosmtplib.SMTP]:
        """Listen for SMTP while the block runs and give a correspondent who is connected."""
        listening: dict[str, Any] = {"smtp": self.house.inbound.serve, "http": _idle}
        async with self.house.listeners.listening(listening, must=True):
            host, _colon, port = self.house.listeners.reached()["smtp"].rpartition(":")
            async with aiosmtplib.SMTP(hostname=host, port=int(port), timeout=10, **options) as client:
                yield client


async def _idle(_socket: object) -> None:
    await asyncio.Event().wait()


def facts(events: list[Event]) -> list[Mapping[str, Any]]:
    """Return the data of events."""
    return [event.data for event in events]
