"""A house with its four faces on a loop of its own, for a machine whose rules are plain functions; and what of the
house the world is told: the names of what is new. It judges no list.
"""

import asyncio
import contextlib
from collections.abc import Coroutine, Iterable
from dataclasses import dataclass
from json import loads
from pathlib import Path
from typing import Any, TypeVar

import httpx
from agentmail import AsyncAgentMail
from agentmail.environment import AgentMailEnvironment
from starlette.types import ASGIApp

from postroom.http.agentmail.app import AgentMail
from postroom.http.inai.app import Inai
from postroom.http.transactional.app import Transactional
from postroom.mcp.selection import read_selection
from postroom.service.keyring import KeyRing
from postroom.service.links import Links
from postroom.store.invariants import check
from postroom.store.secret import Secret
from tests.compat.inai import client as inai
from tests.compat.official import BASE, MAX_BODY, owner_key
from tests.compat.one_model.email_face import EmailFace
from tests.compat.one_model.face import Face
from tests.compat.one_model.inai_face import InaiFace
from tests.compat.one_model.official_face import OfficialFace
from tests.compat.one_model.tool_face import ToolFace
from tests.compat.one_model.world import Box, Draft, Hook, Key, Letter, Site, World
from tests.compat.transactional import client as transactional
from tests.fakes.bed import Bed
from tests.fakes.clock import HOUR, MINUTE, FakeClock
from tests.mcp.bedside import client_of

T = TypeVar("T")
STEP_S = 30.0  # for one rule, and for one look at everything
BLOCKED = "mallory@example.com"
_NEWS = (
    'SELECT m.id, m.public_id, m.inbox_id, m.thread_id, m.seq, m.timestamp, m.size, m.preview, m.subject, m."to",'
    " m.labels, t.seq FROM message m JOIN thread t ON t.id = m.thread_id ORDER BY m.seq"
)


@dataclass(frozen=True, kw_only=True)
class Coming:
    """A message that is to be there now. `threads`: those that it may be in, None: any, empty: a new one.

    `wire` None: it is its own public id.
    """

    box: Box
    from_: str
    to: tuple[str, ...]
    subject: str
    labels: frozenset[str]
    files: int = 0
    wire: str | None = None
    threads: frozenset[str] | None = None


class Stage:
    """Opened and closed by the machine; `world` is what it believes of the house."""

    def __init__(self, home: Path, template: Path) -> None:
        self.clock = FakeClock()
        self.world = World()
        self._bed = Bed(home, self.clock, template, key_rate=0)
        self._runner = asyncio.Runner()
        self._over = asyncio.Event()
        self._ended: asyncio.Task[None] | None = None
        self._known: set[str] = set()

    def open(self) -> None:
        """Open the house and connect the faces."""
        self.run(self._open())

    def close(self) -> None:
        """Close everything. Raises AssertionError where the data of the house contradict themselves."""
        try:
            self.run(self._close())
        finally:
            self._runner.close()

    def run(self, doing: Coroutine[Any, Any, T]) -> T:
        """Do something on the loop, within its deadline."""
        return self._runner.run(asyncio.wait_for(doing, STEP_S))

    async def _open(self) -> None:
        ready = asyncio.get_running_loop().create_future()
        # Entered and left by one task, as the group of tasks of a client must be.
        self._ended = asyncio.create_task(self._live(ready))
        await asyncio.wait({ready, self._ended}, return_when=asyncio.FIRST_COMPLETED)
        if self._ended.done():
            await self._ended

    async def _live(self, ready: asyncio.Future[None]) -> None:
        async with contextlib.AsyncExitStack() as stack:
            bed = await stack.enter_async_context(self._bed)
            secret = await owner_key(bed, name="the test's")
            rest = [await stack.enter_async_context(_client(app, secret)) for app in _dialects(bed)]
            environment = AgentMailEnvironment(http=BASE, websockets=BASE.replace("http", "ws"))
            self.official = OfficialFace(AsyncAgentMail(api_key=secret, environment=environment, httpx_client=rest[0]))
            self.inai = InaiFace(inai.Client(rest[1]))
            self.email = EmailFace(transactional.Client(rest[2]))
            tools = client_of(bed, selection=read_selection(toolsets="all"))
            self.tools = ToolFace(await stack.enter_async_context(tools))
            self.faces: tuple[Face, ...] = (self.official, self.inai, self.email, self.tools)
            await bed.call("lists.create", direction="receive", type="block", entry=BLOCKED)
            self._learn_keys()
            ready.set_result(None)
            await self._over.wait()

    async def _close(self) -> None:
        self._over.set()
        if self._ended is not None:
            await self._ended
        violations = await check(self._bed.database, self._bed.home / "blobs")
        assert violations == []

    async def take(self, raw: bytes, *to: str, sender: str) -> None:
        """Let mail arrive from outside."""
        await self._bed.take(raw, *to, envelope_from=sender)

    def tick(self) -> None:
        """Let a minute pass: what happens later is newer."""
        self.clock.advance(MINUTE)

    async def pass_hours(self, hours: int) -> None:
        """Let time pass, and the drafts leave that are due."""
        self.clock.advance(hours * HOUR)
        self._bed.house.bells.ring(["draft"])
        busy = (
            "SELECT 1 FROM draft d WHERE (lease_owner IS NOT NULL OR due_at <= ?)"
            " AND NOT EXISTS (SELECT 1 FROM trash WHERE id IN (d.inbox_id, d.id))"
        )
        await self._bed.until(lambda: not self._bed.rows(busy, self.clock.now))

    async def settle(self, *coming: Coming) -> list[Letter]:
        """Wait for what is on its way; return the new messages, which must be those that are to come.

        Raises:
            AssertionError: one is missing, or one too many, or it is in a thread where it does not belong.
        """
        await self._bed.settled()
        wanted = {_key(one.box.id, "sent" in one.labels, one.subject, one.to): one for one in coming}
        assert len(wanted) == len(coming)
        made: list[Letter] = []
        for row in self._bed.rows(_NEWS):
            if row[0] in self._known:
                continue
            self._known.add(row[0])
            key = _key(row[2], "sent" in loads(row[10]), row[8], tuple(loads(row[9])))
            assert key in wanted, f"nobody expects {row}"
            made.append(self._letter(row, wanted.pop(key)))
        assert not wanted, f"did not come: {wanted}"
        self.world.letters += made
        return made

    def _letter(self, row: tuple[Any, ...], coming: Coming) -> Letter:
        id_, public, _inbox, thread, seq, at, size, preview, *_rest, thread_seq = row
        where = f"{coming} is in {thread}"
        if coming.threads is not None:
            assert thread in coming.threads or (not coming.threads and thread not in self.world.threads), where
        mine = {letter.thread for letter in self.world.letters if letter.box is coming.box}
        assert thread in mine or thread not in {letter.thread for letter in self.world.letters}, where
        self.world.threads[thread] = thread_seq
        return Letter(
            box=coming.box,
            id=id_,
            public=public,
            wire=coming.wire or public,
            thread=thread,
            seq=seq,
            at=at,
            size=size,
            preview=preview,
            from_=coming.from_,
            to=coming.to,
            subject=coming.subject,
            files=coming.files,
            labels=set(coming.labels),
        )

    def learn_box(self, address: str) -> None:
        """Take up a new inbox."""
        ((inner,),) = self._bed.rows("SELECT inbox_id FROM inbox WHERE address = ?", address)
        self.world.boxes.append(Box(id=inner, address=address, name=None))

    def learn_hook(self, url: str, events: Iterable[str], maker: str, box: Box | None, boxes: tuple[Box, ...]) -> None:
        """Take up a new webhook."""
        ((inner,),) = self._bed.rows("SELECT id FROM webhook WHERE url = ?", url)
        made = Hook(id=inner, url=url, events=tuple(events), box=box, boxes=boxes, enabled=True, maker=maker)
        self.world.hooks.append(made)

    def learn_key(self, name: str, box: Box | None) -> None:
        """Take up a new key."""
        ((inner, prefix),) = self._bed.rows("SELECT id, prefix FROM api_key WHERE name = ?", name)
        self.world.keys.append(Key(id=inner, name=name, prefix=prefix, box=box))

    def _learn_keys(self) -> None:
        for inner, name, prefix in self._bed.rows("SELECT id, name, prefix FROM api_key ORDER BY created_at, id"):
            self.world.keys.append(Key(id=inner, name=name, prefix=prefix, box=None))

    def learn_site(self, name: str) -> None:
        """Take up a new domain."""
        ((inner, status),) = self._bed.rows("SELECT id, status FROM domain WHERE name = ?", name)
        self.world.sites.append(Site(id=inner, name=name, status=status))

    def learn_status(self, site: Site) -> None:
        """Take up how far a domain is now."""
        ((site.status,),) = self._bed.rows("SELECT status FROM domain WHERE id = ?", site.id)

    def learn_draft(self, box: Box, to: str, subject: str, send_at: int) -> None:
        """Take up a new scheduled message."""
        ((inner,),) = self._bed.rows("SELECT id FROM draft WHERE subject = ?", subject)
        made = Draft(id=inner, box=box, to=to, subject=subject, send_at=send_at, changed_at=self.clock.now)
        self.world.drafts.append(made)


def _dialects(bed: Bed) -> tuple[ASGIApp, ...]:
    """Return the dialects as they are: that their answers are what their documents say is held elsewhere."""
    links = Links(Secret.load(bed.home / "secret.key", None), lambda: BASE, bed.now)
    versions = iter(range(10**9))  # what a key may do is read anew at every request
    given = (bed.desk, KeyRing(bed.desk, lambda: next(versions)), links, MAX_BODY)
    return AgentMail(*given), Inai(*given), Transactional(*given)


def _client(app: ASGIApp, secret: str) -> httpx.AsyncClient:
    headers = {"authorization": f"Bearer {secret}"}
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=BASE, headers=headers)


def _key(inbox: str, is_sent: bool, subject: str, to: tuple[str, ...]) -> tuple[str, bool, str, tuple[str, ...]]:
    return inbox, is_sent, subject, to
