"""The composition root: opens the house, runs its workers and its listeners, closes it in order.

Any number of processes share a data folder. Each can do all the work; who gets a port listens, the others stand by.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path

from postroom.config import Settings
from postroom.events.dispatcher import dispatch
from postroom.events.hub import Hub
from postroom.events.webhooks import Renderers, WebhookSender
from postroom.http.agentmail import events as agentmail
from postroom.http.inai import events as inai
from postroom.http.transactional import events as transactional
from postroom.listening import Listeners, one_error
from postroom.model.errors import Temporary
from postroom.model.ids import ALPHABET, new_secret, random_bytes
from postroom.model.tenant import SYSTEM, Actor
from postroom.mta.inbound import Inbound, InboundLimits
from postroom.mta.outbound import Outbound
from postroom.mta.reception import DeskReception, DeskSubmissions
from postroom.mta.scheduled import Scheduled
from postroom.mta.submission import Submission, SubmissionLimits
from postroom.net.addresses import AddressRules
from postroom.net.dns import Resolver
from postroom.net.http import HttpClient
from postroom.service.bells import Bells, heard
from postroom.service.catalog import OPERATIONS
from postroom.service.desk import Desk, Rooms
from postroom.service.links import Links
from postroom.service.operation import House, Nothing
from postroom.service.parsing import Parser
from postroom.service.tenants import Credentials, Start
from postroom.service.upkeep import Batch, Places
from postroom.store.blobs import Blobs
from postroom.store.locks import Presence, ProcessLock, process_name
from postroom.store.schema import migrate
from postroom.store.secret import Secret, write_private
from postroom.store.sqlite import SqliteStore

log = logging.getLogger(__name__)
WATCH_LISTENING_S = 0.02  # 3 us a look: what a waiter in another process adds to its latency at most
WATCH_IDLE_S = 0.25
INDEX_PAUSE_S = 0.2  # lets a burst gather: a batch of 200 costs a quarter of 200 single ones
UPKEEP_S = 600.0
DAY_MS = 86_400_000
FIRST_START_S = 60.0
RENDERERS: Renderers = {
    "agentmail": agentmail.render,
    "inai": inai.render,
    "transactional": transactional.render,
}


@dataclass(frozen=True, kw_only=True)
class Postroom:
    """An open house. `new_owner_key` is set by the start that made it, and by no other."""

    settings: Settings
    desk: Desk
    hub: Hub
    bells: Bells
    links: Links
    listeners: Listeners
    inbound: Inbound
    submission: Submission
    new_owner_key: str | None

    async def actor(self, api_key: str | None) -> Actor:
        """Return who a key is, the local owner without one. Raises Unauthenticated."""
        if api_key is None:
            owner: Actor = await self.desk.call("tenants.owner", SYSTEM, Nothing())
            return owner
        found: Actor = await self.desk.call("tenants.authenticate", SYSTEM, Credentials(api_key=api_key))
        return found


def clock() -> int:
    """Return now in UTC milliseconds: the one clock."""
    return time.time_ns() // 1_000_000


@contextlib.asynccontextmanager
async def open_house(
    settings: Settings, *, install_key: str | None = None, now: Callable[[], int] = clock
) -> AsyncIterator[Postroom]:
    """Open the data folder, run the workers while the block runs, close in order.

    `install_key` becomes the owner key of a store that has none; otherwise one is minted and kept as owner.key.

    Raises:
        RuntimeError: the store was written by a newer version.
        OSError: the data folder cannot be used.
    """
    home = settings.home
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    locks = home / "run"
    presence = Presence(locks, process_name("".join(ALPHABET[b & 31] for b in random_bytes(8))))
    await asyncio.to_thread(migrate, home / "postroom.db", locks)
    secret = Secret.load(home / "secret.key", settings.secret_key.get_secret_value() if settings.secret_key else None)
    bells, hub = Bells(), Hub()
    store = SqliteStore(home / "postroom.db", bells.ring)
    fetcher, parser, listeners = _fetcher(settings), Parser(), Listeners(settings, presence)
    rooms = Rooms(
        blobs=Blobs(home / "blobs"),
        parser=parser,
        fetcher=fetcher,
        resolver=Resolver(settings.resolver_endpoint),
        secret=secret,
        public_url=listeners.public_url,
    )
    house = _house(settings, secret)
    desk = Desk(OPERATIONS, store, house, rooms, now)
    try:
        key = await _first_start(desk, settings, install_key)
        opened = Postroom(
            settings=settings,
            desk=desk,
            hub=hub,
            bells=bells,
            links=Links(secret, listeners.public_url, now),
            listeners=listeners,
            inbound=_inbound(desk, bells, settings),
            submission=_submission(desk, settings),
            new_owner_key=key,
        )
        with one_error():
            async with _workers(opened, store, presence):
                yield opened
    finally:
        await fetcher.close()
        await parser.close()
        await asyncio.to_thread(store.close)
        presence.leave()


def _house(settings: Settings, secret: Secret) -> House:
    return House(
        domain=settings.domain,
        secret=secret,
        max_message_bytes=settings.message_bytes,
        inbox_limit=settings.inbox_limit,
        domain_limit=settings.domain_limit,
        key_rate=settings.key_rate,
        key_burst=settings.burst,
    )


def _fetcher(settings: Settings) -> HttpClient:
    return HttpClient(AddressRules(allow_private=settings.allow_private_urls, allow_networks=settings.allow_networks))


def _inbound(desk: Desk, bells: Bells, settings: Settings) -> Inbound:
    limits = InboundLimits(message_bytes=settings.message_bytes, per_client=settings.smtp_per_client)
    return Inbound(DeskReception(desk, bells), desk.house.message_id_domain, settings.home / "spool", limits)


def _submission(desk: Desk, settings: Settings) -> Submission:
    limits = SubmissionLimits(message_bytes=min(SubmissionLimits.message_bytes, settings.message_bytes))
    return Submission(DeskSubmissions(desk), desk.house.message_id_domain, settings.home / "spool", limits)


async def _first_start(desk: Desk, settings: Settings, install_key: str | None) -> str | None:
    """Make the first organization and the owner key; return the key if it was minted now.

    The key is on disk before the store knows it: one that was never committed opens nothing, and the next start mints
    another.
    """
    if not await desk.call("tenants.is_new", SYSTEM, Nothing()):
        return None
    async with _alone(settings.home / "run" / "first-start.lock"):
        if not await desk.call("tenants.is_new", SYSTEM, Nothing()):
            return None
        key = new_secret("pr") if install_key is None else install_key
        key_file = settings.home / "owner.key"
        key_file.unlink(missing_ok=True)  # of a store that is gone, or of a start that was cut off here
        if install_key is None:
            write_private(key_file, key.encode() + b"\n")
        await desk.call("tenants.start", SYSTEM, Start(owner_key=key))
    return key if install_key is None else None


@contextlib.asynccontextmanager
async def _alone(path: Path) -> AsyncIterator[None]:
    """Hold the lock while the block runs; no other process of the data folder is in such a block then."""
    lock = ProcessLock(path)
    async with asyncio.timeout(FIRST_START_S):
        while True:
            if lock.take():
                break
            await asyncio.sleep(0.01)
    try:
        yield
    finally:
        lock.release()


@contextlib.asynccontextmanager
async def _workers(house: Postroom, store: SqliteStore, presence: Presence) -> AsyncIterator[None]:
    outbound = Outbound(house.desk, house.bells, presence.name, presence.is_alive)
    sender = WebhookSender(house.desk, house.bells, presence.name, presence.is_alive, RENDERERS)
    presence.sweep()
    workers = (
        dispatch(house.desk, house.bells, house.hub),
        outbound.run(),
        outbound.reclaim(),
        Scheduled(house.desk, house.bells, presence.name, presence.is_alive).run(),
        sender.run(),
        sender.reclaim(),
        _index(house),
        _purge(house),
        _upkeep(house),
        _watch(house, store),
    )
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(worker) for worker in workers]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()


async def _index(house: Postroom) -> None:
    bell = house.bells.listen("search")
    while True:
        await _drain(house, "search.index")
        await heard(bell, 5.0)
        await asyncio.sleep(INDEX_PAUSE_S)


async def _purge(house: Postroom) -> None:
    bell = house.bells.listen("purge")
    while True:
        await _drain(house, "purges.step")
        await heard(bell, 60.0)


async def _upkeep(house: Postroom) -> None:
    thinned = 0
    while True:
        try:
            await house.desk.call("blobs.sweep", SYSTEM, Batch())
            for sweep in (
                "trash.empty",
                "idempotency.sweep",
                "notifications.sweep",
                "approvals.expire",
                "attachments.sweep",
                "oauth.sweep",
            ):
                while await house.desk.call(sweep, SYSTEM, {}):
                    pass
            if (now := house.desk.clock()) - thinned >= DAY_MS:
                await _thin(house)
                thinned = now
        except (Temporary, OSError) as error:
            log.warning("upkeep waits error=%s", error)
        await asyncio.sleep(UPKEEP_S)


async def _thin(house: Postroom) -> None:
    place: str | None = ""
    while place is not None:
        place = await house.desk.call("metrics.thin", SYSTEM, Places(after=place))


async def _drain(house: Postroom, operation: str) -> None:
    """Do `operation` while it says that there is more: what trickles in is left to gather into a batch.

    A full disk must not end the house: the work waits for the next turn.
    """
    try:
        while await house.desk.call(operation, SYSTEM, Batch()):
            pass
    except Temporary as error:
        log.warning("work waits operation=%s error=%s", operation, error)


async def _watch(house: Postroom, store: SqliteStore) -> None:
    """Ring the bells for what other processes commit."""
    while True:
        await asyncio.sleep(WATCH_IDLE_S if house.hub.is_empty else WATCH_LISTENING_S)
        with contextlib.suppress(Temporary):
            if await store.changed_by_others():
                house.bells.ring_all()
