"""Moves what an inbox has beside its messages: drafts, and the entries of its allow and block lists."""

import base64
import hashlib
import re
from collections.abc import AsyncIterator, Coroutine
from typing import Any

from postroom.cli.source import Source, SourceError, segment
from postroom.cli.tally import Tally
from postroom.cli.told import ThereDraft, ThereEntry, ThereFile, ThereInbox, name_of, read
from postroom.model.draft import Draft
from postroom.model.errors import NotFound, PostroomError, Temporary, TooLarge
from postroom.model.inbox import Inbox
from postroom.model.lists import Direction, ListEntry, ListType
from postroom.model.tenant import Actor, Reach
from postroom.service.desk import Desk
from postroom.service.draft_files import MAX_FILES
from postroom.service.inboxes import CLIENT_ID

_IN_THE_DRAFT = ("draft", "scheduled")  # what a draft is labelled by its server
_ABSENT = (403, 404)  # the key may not see it, or the server has no such thing
LISTS = tuple((direction.value, kind.value) for direction in Direction for kind in ListType)


class RestMover:
    """Moves drafts and lists as `actor`; a dry run only counts."""

    def __init__(self, desk: Desk, source: Source, tally: Tally, actor: Actor) -> None:
        self._desk = desk
        self._source = source
        self._tally = tally
        self._actor = actor
        self._begun = desk.clock()

    async def move_drafts(self, there: ThereInbox, here: Inbox | None) -> None:
        """Move the drafts of an inbox; one that was scheduled waits for its writer, since it would be sent twice."""
        path = f"/inboxes/{segment(there.inbox_id)}/drafts"
        async for item in self._items(path, "drafts", there.address):
            if self._tally.dry_run or here is None:
                self._tally.count("drafts", "to_import")
                continue
            draft_id = name_of(item, "draft_id")
            await self._guarded(there.address, "draft", draft_id, self._draft(path, draft_id, here))

    async def move_lists(self, there: ThereInbox | None, here: Inbox | None) -> None:
        """Move the entries of the lists of an inbox, or (without `there`) of the organization."""
        place = "" if there is None else f"/inboxes/{segment(there.inbox_id)}"
        name = "organization" if there is None else there.address
        actor = self._actor if here is None else _within(self._actor, here)
        for direction, kind in LISTS:
            async for item in self._items(f"{place}/lists/{direction}/{kind}", "entries", name):
                if self._tally.dry_run or (there is not None and here is None):
                    self._tally.count("list_entries", "to_import")
                    continue
                work = self._entry(actor, item, {"direction": direction, "type": kind})
                await self._guarded(name, "list_entry", name_of(item, "entry"), work)

    async def _items(self, path: str, name: str, of: str) -> AsyncIterator[Any]:
        try:
            async for page in self._source.pages(path, name):
                for item in page:
                    yield item
        except SourceError as error:
            if error.status not in _ABSENT:
                raise
            if error.status == 403:
                self._tally.note(f"{of}: this key may not read {name}: they are not moved.")

    async def _guarded(self, inbox: str, what: str, name: str, work: Coroutine[Any, Any, None]) -> None:
        """Do `work`; where it fails for this one alone, keep that and go on."""
        try:
            await work
        except SourceError as error:
            self._tally.fail(inbox, what, name, error)
            if error.is_final:
                raise
        except Temporary:
            raise
        except PostroomError as error:
            self._tally.fail(inbox, what, name, error)

    async def _draft(self, path: str, draft_id: str, here: Inbox) -> None:
        one = f"{path}/{segment(draft_id)}"
        draft = read(ThereDraft, await self._source.ask(one))
        wanted: dict[str, Any] = {
            **draft.model_dump(include={"to", "cc", "bcc", "reply_to", "subject", "text", "html"}),
            "inbox_id": here.address,
            "labels": [label for label in draft.labels if label not in _IN_THE_DRAFT],
            "client_id": _client_id(draft),
            "attachments": await self._files(one, draft.attachments or ()),
        }
        made = await self._create(draft, wanted)
        is_new = made.created_at >= self._begun
        self._tally.count("drafts", "imported" if is_new else "already_here")
        if is_new and draft.send_at is not None:
            self._tally.note(f"{here.address}: scheduled drafts are here without their time: set send_at again.")

    async def _create(self, draft: ThereDraft, wanted: dict[str, Any]) -> Draft:
        """Create the draft; without what it answers or forwards where that is not here."""
        of = {"in_reply_to": draft.in_reply_to, "forward_of": draft.forward_of}
        made: Draft
        try:
            made = await self._desk.call("drafts.create", self._actor, {**wanted, **of})
        except NotFound:
            made = await self._desk.call("drafts.create", self._actor, wanted)
        return made

    async def _files(self, draft: str, files: tuple[ThereFile, ...]) -> list[dict[str, Any]]:
        """Return the files of a draft, all of which one message must hold. Raises TooLarge, SourceError."""
        if len(files) > MAX_FILES:
            raise TooLarge(f"It has {len(files)} files, over {MAX_FILES}.", fix="Take some off there; run it again.")
        most = room = self._desk.house.max_message_bytes
        moved = []
        for file in files:
            path = f"{draft}/attachments/{segment(file.attachment_id)}"
            try:
                content = await self._source.file(path, max_bytes=room)
            except TooLarge:
                fix = "Take some off there, or raise POSTROOM_MESSAGE_BYTES, and run it again."
                raise TooLarge(f"Its files are over {most} bytes together.", fix=fix) from None
            room -= len(content)
            moved.append(self._file(file, content))
        return moved

    @staticmethod
    def _file(file: ThereFile, content: bytes) -> dict[str, Any]:
        named = file.model_dump(include={"filename", "content_type", "content_id"})
        inline = {"content_disposition": "inline"} if file.content_disposition == "inline" else {}
        return {**named, **inline, "content": base64.b64encode(content).decode()}

    async def _entry(self, actor: Actor, item: Any, given: dict[str, str]) -> None:
        entry = read(ThereEntry, item)
        words = {"entry": entry.entry, "reason": (entry.reason or "")[:1000] or None}
        kept: ListEntry = await self._desk.call("lists.create", actor, {**given, **words})
        self._tally.count("list_entries", "imported" if kept.created_at >= self._begun else "already_here")


def _client_id(draft: ThereDraft) -> str:
    """Return what lets a second run find the draft that the first has made."""
    if draft.client_id and re.fullmatch(CLIENT_ID, draft.client_id):
        return draft.client_id
    return f"moved-{hashlib.sha256(draft.draft_id.encode()).hexdigest()}"


def _within(actor: Actor, inbox: Inbox) -> Actor:
    """Return the actor confined to an inbox, whose lists are then the ones that it writes."""
    reach = Reach(org_id=inbox.org_id, pod_id=inbox.pod_id, inbox_id=inbox.inbox_id)
    return actor.model_copy(update={"reach": reach})
