"""`postroom import agentmail`: moves inboxes with mail, drafts and lists from another server of the AgentMail API.

It reads there and writes here, nothing the other way; no event tells of what it moved, and nothing of it is sent.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from postroom.cli.moving_mail import MessageMover
from postroom.cli.moving_rest import RestMover
from postroom.cli.source import Source, SourceError, open_source, segment
from postroom.cli.tally import Tally
from postroom.cli.told import ThereInbox, checked_address, name_of, read
from postroom.config import Settings
from postroom.model.address import address_key, split
from postroom.model.errors import InvalidInput, PostroomError, Temporary, Unprocessable
from postroom.model.inbox import Inbox
from postroom.model.tenant import Actor
from postroom.server import open_house
from postroom.service.desk import Desk
from postroom.service.importing import Wanted
from postroom.service.inboxes import CreateInbox

MAX_INBOXES = 100_000  # of one run that names none


@dataclass(frozen=True, kw_only=True)
class Request:
    """What is to be moved: `inboxes` (addresses; none: all), and where to, if their domain is not served here."""

    inboxes: tuple[str, ...] = ()
    into_domain: str | None = None
    dry_run: bool = False


async def import_account(url: str, key: str, request: Request, *, as_json: bool) -> int:
    """Move what `request` says from the server at `url`; print what became of it. Returns 1 if anything failed."""
    settings = Settings()
    tally = Tally(dry_run=request.dry_run)
    async with open_source(settings, url, key, tally.say) as source, open_house(settings) as house:
        actor = await house.actor(settings.api_key.get_secret_value() if settings.api_key else None)
        try:
            await Mover(house.desk, actor, source, tally).move(request)
        except SourceError as error:
            tally.say(str(error) if error.is_final else f"{error} Stopped here: run the same command again to go on.")
        finally:
            if tally.counts or tally.is_complete:
                tally.print(as_json=as_json)
    return 0 if tally.is_complete and not tally.failures else 1


class Mover:
    """Moves inbox by inbox."""

    def __init__(self, desk: Desk, actor: Actor, source: Source, tally: Tally) -> None:
        self._desk = desk
        self._actor = actor
        self._source = source
        self._tally = tally
        self._rest = RestMover(desk, source, tally, actor)
        self._taken: dict[str, str] = {}  # who comes to which address here

    async def move(self, request: Request) -> None:
        """Move what is asked for.

        Raises:
            SourceError: the other server takes no key, or does not answer any more.
            Temporary: this one cannot write.
        """
        async for there in self._inboxes(request):
            try:
                await self._inbox(there, request)
            except SourceError as error:
                self._tally.fail(there.address, "inbox", there.address, error)
                if error.is_final or error.is_silence:
                    raise
            except Temporary:
                raise
            except PostroomError as error:
                self._tally.fail(there.address, "inbox", there.address, error)
        if not request.inboxes:
            await self._rest.move_lists(None, None)
        self._tally.is_complete = True

    async def _inboxes(self, request: Request) -> AsyncIterator[ThereInbox]:
        for address in request.inboxes:
            if (there := await self._named(address)) is not None:
                yield there
        if request.inboxes:
            return
        async for items in self._source.pages("/inboxes", "inboxes", most=MAX_INBOXES):
            for item in items:
                if (there := self._read(item, name_of(item, "inbox_id"))) is not None:
                    yield there

    async def _named(self, address: str) -> ThereInbox | None:
        try:
            return self._read(await self._source.ask(f"/inboxes/{segment(address)}"), address)
        except SourceError as error:
            if error.status != 404:
                raise
            self._tally.fail(address, "inbox", address, "There is no such inbox there.")
            return None

    def _read(self, item: Any, name: str) -> ThereInbox | None:
        try:
            there = read(ThereInbox, item)
            checked_address(there)
        except SourceError as error:
            self._tally.fail(name, "inbox", name, error)
            return None
        return there

    async def _inbox(self, there: ThereInbox, request: Request) -> None:
        address, here = await self._place(there, request.into_domain)
        self._tally.say(f"{there.address}: into {address}" if address != there.address else f"{address}: begun")
        if here is not None:
            self._tally.count("inboxes", "found")
        elif request.dry_run:
            self._tally.count("inboxes", "to_create")
        else:
            here = await self._create(there, address)
            self._tally.count("inboxes", "created")
        await MessageMover(self._desk, self._source, self._tally, there, here).move()
        await self._rest.move_drafts(there, here)
        await self._rest.move_lists(there, here)
        self._tally.say(f"{there.address}: done")

    async def _place(self, there: ThereInbox, into_domain: str | None) -> tuple[str, Inbox | None]:
        """Return the address here and the inbox that has it already. Raises PostroomError."""
        address = there.address
        try:
            here = await self._find(address)
        except Unprocessable as error:
            if into_domain is None:
                raise Unprocessable(error.message, fix=_no_domain(address)) from error
            address = f"{split(address)[0]}@{into_domain}"
            here = await self._find(address)
        first = self._taken.setdefault(address_key(address), there.address)
        if first != there.address:
            raise Unprocessable(
                f"{first} has become {address} already.", fix="Leave one out: name the others by --inbox."
            )
        return address, here

    async def _find(self, address: str) -> Inbox | None:
        found: Inbox | None = await self._desk.call("imports.place", self._actor, Wanted(address=address))
        return found

    async def _create(self, there: ThereInbox, address: str) -> Inbox:
        """Create the inbox with all that can be kept here of what it has there."""
        local, domain = split(address)
        given: dict[str, Any] = {"username": local, "domain": domain}
        fields: dict[str, Any] = {
            "display_name": there.display_name,
            "metadata": there.metadata,
            "client_id": there.client_id,
        }
        if there.status == "paused":
            fields["status"] = "paused"
        for name, value in fields.items():
            if _is_usable(name, value):
                given[name] = value
            elif value:
                self._tally.note(f"{address}: its {name} cannot be kept here.")
        try:
            made = await self._made(given)
        except InvalidInput as error:
            self._tally.note(f"{address}: is made without its metadata ({error.message})")
            made = await self._made({name: value for name, value in given.items() if name != "metadata"})
        if address_key(made.address) != address_key(address):
            self._tally.note(f"{address}: its client_id is {made.address}'s here.")
            made = await self._made({name: value for name, value in given.items() if name != "client_id"})
        return made

    async def _made(self, given: dict[str, Any]) -> Inbox:
        made: Inbox = await self._desk.call("inboxes.create", self._actor, given)
        return made


def _is_usable(name: str, value: Any) -> bool:
    try:
        CreateInbox.model_validate({name: value})
    except ValidationError:
        return False
    return value is not None and (name != "display_name" or value.isprintable())


def _no_domain(address: str) -> str:
    domain = split(address)[1]
    return (
        f"Add and verify it (postroom domains create --domain {domain}) and run this again, or name a domain that is"
        " served here for such inboxes: --into-domain DOMAIN."
    )
