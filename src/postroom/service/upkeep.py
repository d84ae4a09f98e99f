"""What runs behind: the search index catches up, deleted inboxes leave the disk, files without a message go."""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Any

from postroom.mime.html import to_text
from postroom.model.tenant import SYSTEM, Actor
from postroom.service.metrics import OLDEST_MS
from postroom.service.operation import Answer, Context, Input
from postroom.store import search
from postroom.store.blobs import delete_if_old
from postroom.store.queries import (
    approvals,
    deliveries,
    drafts,
    inboxes,
    messages,
    metrics,
    opens,
    policies,
    texts,
    threads,
    trash,
    uploads,
)
from postroom.store.query import Query

if TYPE_CHECKING:
    from postroom.service.desk import Desk

_FEW = 8  # messages that are read at a time: half a million characters each, at worst
_CHARACTERS = 1_000_000  # a quarter of a second where it is HTML


class Batch(Input):
    """How many rows to treat in one transaction."""

    limit: int = 200


class Places(Input):
    """How many places to treat in one transaction, from which on."""

    after: str = ""
    limit: int = 100


class _Share:
    """What one transaction treats: so many rows, and so much text that nobody waits long for the writer."""

    def __init__(self, rows: int) -> None:
        self._rows = rows
        self._characters = _CHARACTERS

    @property
    def is_spent(self) -> bool:
        """Tell whether there may be more to do than this transaction does."""
        return self._rows <= 0 or self._characters <= 0

    def take(self, context: Context, query: Query[messages.Words], **given: Any) -> list[messages.Words]:
        """Return the next few rows, none at the end of the share."""
        if self.is_spent:
            return []
        few = context.tx.all(query, n=min(_FEW, self._rows), **given)
        self._rows -= len(few)
        self._characters -= sum(len(words.text or words.html or "") for words in few)
        return few


class LoneFile(Input):
    """A file of the blob folder that may have no message."""

    sha256: str
    path: Path


def index(context: Context, given: Batch) -> bool:
    """Put waiting messages into the search index; tell whether so many waited that there may be more."""
    share = _Share(given.limit)
    newest = search.newest(context.tx)
    while few := share.take(context, messages.TO_INDEX, above=newest):
        search.index(context.tx, map(_words, few))
        newest = few[-1].seq
    return share.is_spent


def purge(context: Context, given: Batch) -> bool:
    """Take a part of a deleted inbox off the disk; tell whether there is more to do."""
    inbox_id = context.tx.one(inboxes.NEXT_PURGE)
    if inbox_id is None:
        return False
    share, newest = _Share(given.limit), search.newest(context.tx)
    while few := share.take(context, messages.TO_PURGE, inbox_id=inbox_id):
        for words in few:
            purge_message(context, words, is_indexed=words.seq <= newest)
    if share.is_spent:
        return True
    empty = context.tx.all(threads.OF_INBOX, inbox_id=inbox_id, n=given.limit)
    for seq, _id in empty:
        context.tx.run(metrics.END_THREAD, key=seq, now=context.now)
        context.tx.run(threads.DELETE, seq=seq)
    files = context.tx.all(drafts.FILES_OF_INBOX, inbox_id=inbox_id, n=given.limit)
    for file in files:
        context.tx.run(drafts.DELETE_FILE, id=file)
    if not empty and not files:
        for query in (messages.DELETE_LABELS, messages.DELETE_REFERENCES, inboxes.END_PURGE):
            context.tx.run(query, inbox_id=inbox_id)
        context.tx.run(metrics.FORGET, place=inbox_id)
        context.tx.run(policies.FORGET_PARTIES, inbox_id=inbox_id)
    return True


def purge_message(context: Context, words: messages.Words, *, is_indexed: bool) -> None:
    """Delete a message with its body, its deliveries and its words in the index; its labels and ids are left."""
    if is_indexed:
        search.forget(context.tx, _words(words))
    context.tx.run(deliveries.DELETE_OF_MESSAGE, message_id=words.id)
    context.tx.run(trash.REMOVE, id=words.id)
    for query in (messages.DELETE_BODY, opens.UNTRACK, texts.DELETE):
        context.tx.run(query, seq=words.seq)
    context.tx.run(messages.DELETE, seq=words.seq)


def thin(context: Context, given: Places) -> str | None:
    """Leave of the totals that nobody can ask for any more the last of each day; return the place to go on from."""
    place = given.after
    for _ in range(given.limit):
        following = context.tx.one(metrics.NEXT_PLACE, after=place)
        if following is None:
            return None
        place = following
        context.tx.run(metrics.THIN, key=place, before=context.now - OLDEST_MS)
    return place


def delete_lone_file(context: Context, given: LoneFile) -> bool:
    """Delete a file that no message, draft or handle names. A write operation: nobody can come to name it meanwhile."""
    if context.tx.one(messages.BLOB_USED, blob=given.sha256) is not None:
        return False
    if context.tx.one(approvals.BLOB_USED, blob=given.sha256) is not None:
        return False
    if context.tx.one(drafts.BLOB_USED, blob=given.sha256) is not None:
        return False
    if context.tx.one(uploads.BLOB_USED, blob=given.sha256) is not None:
        return False
    return delete_if_old(given.path)


async def sweep(desk: "Desk", _actor: Actor, _given: Batch) -> Answer[int]:
    """Delete files that no message names; return how many."""
    blobs = desk.rooms.blobs
    gone = 0
    for sha256 in await asyncio.to_thread(lambda: list(blobs.old())):
        file = LoneFile(sha256=sha256, path=blobs.path(sha256))
        gone += await desk.call("blobs.delete_lone", SYSTEM, file)
    return Answer(gone, 0)


def _words(words: messages.Words) -> search.Words:
    body = words.text if words.text is not None else to_text(words.html or "")
    return words.seq, words.owners, words.subject, f"{words.from_} {words.to}", body
