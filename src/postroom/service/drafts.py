"""Drafts: create, list, get, change, delete, and their files. Sends none: that is `draft_sending`'s."""

from typing import TYPE_CHECKING, Any

from pydantic import Field

from postroom.model.address import read_address
from postroom.model.draft import Draft, DraftSummary, SendStatus
from postroom.model.errors import Conflict, Forbidden, InvalidInput, NotFound
from postroom.model.inbox import Inbox, Mailbox
from postroom.model.message import Attachment, Raw
from postroom.model.page import Page
from postroom.model.policy import Taint, hand
from postroom.model.record import Record
from postroom.model.tenant import Actor
from postroom.service import holding, hosting, places, policy, taint
from postroom.service.draft_files import KeptFile, add_files, content_of, keep
from postroom.service.draft_wording import (
    LISTS,
    Begun,
    CreateDraft,
    DraftRef,
    UpdateDraft,
    changed,
    check_kind,
    own_labels,
    worded,
)
from postroom.service.inboxes import InboxRef, find_inbox, owner_of
from postroom.service.messages import MessageRef, Moment, Strings, find_message
from postroom.service.operation import Answer, Context, Input
from postroom.service.uploads import too_large
from postroom.store.json import as_json
from postroom.store.queries import drafts as queries
from postroom.store.queries import messages, trash

if TYPE_CHECKING:
    from postroom.service.desk import Desk

_CHANGING = (
    *("labels", "reply_to", "to", "cc", "bcc", "subject", "preview", "attachments", "send_status", "send_at"),
    *("send_error", "due_at", "updated_at", "written_by", "tainted", "headers", "text", "html"),
)


class DraftFileRef(DraftRef):
    attachment_id: str = Field(description="The attachment, as its draft lists it.")


class ListDrafts(Input):
    inbox_id: str | None = Field(default=None, description="Its address; all inboxes when absent.")
    limit: int = Field(default=10, ge=1, le=100, description="At most this many.")
    page_token: str | None = Field(default=None, description="next_page_token of the last page.")
    labels: Strings = Field(default=(), description="With all these labels.")
    before: Moment | None = Field(default=None, description="Only drafts changed before this time (RFC 3339).")
    after: Moment | None = Field(default=None, description="Only drafts changed at or after this time (RFC 3339).")
    ascending: bool = Field(default=False, description="The longest unchanged first.")


class Begin(InboxRef):
    """What making a draft needs to know."""

    client_id: str | None = None
    original: str | None = None


class NewDraft(Input):
    """A draft that is to be kept with its files."""

    draft: Draft
    files: tuple[KeptFile, ...]
    is_whole: bool = False  # what could not be sent now is refused


class Change(Input):
    """A change of a draft, its new files fetched."""

    given: UpdateDraft
    files: tuple[KeptFile, ...]


class FoundFile(Record):
    """A file of a draft, and where its bytes are."""

    draft: DraftSummary
    attachment: Attachment
    raw: Raw = Field(exclude=True)


class FileContent(Record):
    """A file of a draft with its bytes."""

    attachment: Attachment
    content: bytes


async def create(desk: "Desk", actor: Actor, given: CreateDraft) -> Answer[Draft]:
    """Create a draft: of a new message, of an answer (in_reply_to) or of a forward (forward_of)."""
    original = check_kind(given)
    _require(actor, "message_read" if original else None, "draft_send" if given.send_at is not None else None)
    wanted = Begin(inbox_id=given.inbox_id, client_id=given.client_id, original=original)
    answer = await desk.ask("drafts.begin", actor, wanted)
    begun: Begun = answer.result
    if begun.known is not None:
        return Answer(begun.known, answer.position)
    draft = worded(given, begun, desk.clock())
    files = await keep(desk, actor, given.attachments, draft, given.attachment_limit)
    draft = draft.model_copy(update={"attachments": tuple(file.attachment for file in files)})
    return await desk.ask("drafts.add", actor, NewDraft(draft=draft, files=files, is_whole=given.is_whole))


def begin(context: Context, given: Begin) -> Begun:
    """Find what a new draft starts from."""
    inbox = find_inbox(context, given.inbox_id)
    known = _known(context, inbox.inbox_id, given.client_id)
    if known is not None:
        taint.shows_draft(context, known)
    original = None
    if known is None and given.original is not None:
        summary = find_message(context, MessageRef(inbox_id=given.inbox_id, message_id=given.original))
        original = context.tx.one(messages.FULL, seq=summary.seq)
    return Begun(inbox=inbox, known=known, original=original)


def add(context: Context, given: NewDraft) -> Draft:
    """Keep a new draft."""
    inbox = find_inbox(context, given.draft.inbox_id)
    if (known := _known(context, inbox.inbox_id, given.draft.client_id)) is not None:
        taint.shows_draft(context, known)
        return known
    if given.is_whole:
        _check_whole(context, inbox, given.draft)
    queue = {"lease_until": 0, "lease_owner": None}
    draft = given.draft.model_copy(update=_writing(context, given.draft))
    context.tx.insert(queries.ADD, {**_columns(draft), **queue, "id": draft.draft_id})
    add_files(context, given.draft, given.files)
    return _kept(context, given.draft)


def _check_whole(context: Context, inbox: Inbox, draft: Draft) -> None:
    """Let pass a draft that could be sent now: who hands it in to leave later is told at once, as of any message.

    Raises:
        InvalidInput, Refused, Unprocessable: as sending does. What policies say is asked when it leaves.
    """
    if not (draft.subject or draft.text or draft.html or draft.attachments):
        raise InvalidInput("An empty message.", fix="Give a subject, text, html or attachments.")
    hosting.check_sender(context, inbox)
    policy.check_sender(inbox)
    people = [read_address(one, "to") for one in (*draft.to, *draft.cc, *draft.bcc)]
    policy.check(people)
    mailbox = Mailbox(inbox_id=inbox.inbox_id, org_id=inbox.org_id, pod_id=inbox.pod_id, address=inbox.address)
    policy.check_lists(context, mailbox, [one.address for one in people])


def list_(context: Context, given: ListDrafts) -> Page[DraftSummary]:
    """List drafts, the last changed first."""
    within, owner = owner_of(context, given.inbox_id)
    query = queries.page(within, given.ascending)
    wanted = {label.strip().lower() for label in given.labels}
    span = places.span(given.after, given.before)

    def fetch(place: dict[str, int | str], n: int) -> list[DraftSummary]:
        return context.tx.all(query, owner=owner, **span, **place, n=n)

    return places.walk(
        "drafts",
        given.page_token,
        ascending=given.ascending,
        limit=given.limit,
        fetch=fetch,
        keep=lambda draft: wanted <= set(draft.labels),
        **span,
    )


def get(context: Context, given: DraftRef) -> Draft:
    """Get one draft with its bodies."""
    draft = find_draft(context, given)
    taint.shows_draft(context, draft)
    return draft


async def update(desk: "Desk", actor: Actor, given: UpdateDraft) -> Answer[Draft]:
    """Change a draft; what is absent stays, null clears, and without send_at it is not sent by itself."""
    _require(actor, "draft_send" if given.send_at is not None else None)
    if not given.model_fields_set - {"inbox_id", "draft_id"}:
        raise InvalidInput("Nothing to change.", fix="Give a field of the draft.")
    draft: Draft = await desk.call("drafts.edit", actor, _ref(given))
    files = await keep(desk, actor, given.add_attachments, draft)
    return await desk.ask("drafts.change", actor, Change(given=given, files=files))


def edit(context: Context, given: DraftRef) -> Draft:
    """Get a draft that may be changed now."""
    draft = find_draft(context, given)
    check_idle(draft)
    return draft


def change(context: Context, given: Change) -> Draft:
    """Write a change."""
    draft = edit(context, _ref(given.given))
    after = changed(draft, given.given, [file.attachment for file in given.files], context.now)
    if not _differs_in_labels_alone(draft, after):
        after = after.model_copy(update=_writing(context, draft))
    after = after.model_copy(update=_taken_back(context, draft, given.given))
    taint.shows_draft(context, draft)
    columns = _columns(after)
    context.tx.run(queries.UPDATE, key=draft.seq, **{name: columns[name] for name in _CHANGING})
    for attachment_id in given.given.remove_attachments:
        context.tx.run(queries.DELETE_FILE, id=attachment_id)
    add_files(context, draft, given.files)
    return _kept(context, after)


def delete(context: Context, given: DraftRef) -> DraftSummary:
    """Delete a draft for good, in the trash or not; one that is scheduled is not sent."""
    draft = find_trashed(context, given) or find_draft(context, given)
    holding.void(context, draft)
    context.tx.run(trash.REMOVE, id=draft.draft_id)
    take_out(context, draft)
    return draft


async def attachment(desk: "Desk", actor: Actor, given: DraftFileRef) -> Answer[FileContent]:
    """Get a file of a draft."""
    answer = await desk.ask("drafts.find_attachment", actor, given)
    found: FoundFile = answer.result
    content = await content_of(desk, found.raw)
    return Answer(FileContent(attachment=found.attachment, content=content), answer.position)


def find_attachment(context: Context, given: DraftFileRef) -> FoundFile:
    """Say what a file of a draft is, without its bytes."""
    draft = find_draft(context, _ref(given))
    taint.shows_draft(context, draft)
    listed = {a.attachment_id: a for a in draft.attachments}
    wanted = listed.get(given.attachment_id)
    raw = None if wanted is None else context.tx.one(queries.FILE, id=wanted.attachment_id)
    if wanted is None or raw is None:
        known = ", ".join(listed) or "none"
        raise NotFound("attachment", given.attachment_id, fix=f"This draft has: {known}.")
    return FoundFile(draft=draft, attachment=wanted, raw=raw)


def find_draft(context: Context, given: DraftRef) -> Draft:
    """Return a draft. Raises NotFound, out of reach and in another inbox too."""
    inbox = None if given.inbox_id is None else find_inbox(context, given.inbox_id)
    found = context.tx.one(queries.FULL, id=given.draft_id.strip())
    if found is None or (inbox is not None and found.inbox_id != inbox.inbox_id):
        raise NotFound("draft", given.draft_id, fix=_whereabouts(context, given))
    return found


def _whereabouts(context: Context, given: DraftRef) -> str:
    """Return where a draft may be looked for that is not among the drafts."""
    if find_trashed(context, given) is not None:
        return "It is in the trash: bring it back (undo_delete, or: postroom drafts restore ID)."
    return "It may have been sent, and is a message labelled sent then; list the drafts to see those that wait."


def find_trashed(context: Context, given: DraftRef) -> DraftSummary | None:
    """Return a draft that is in the trash, None where there is none within reach. Raises NotFound for its inbox."""
    inbox = None if given.inbox_id is None else find_inbox(context, given.inbox_id)
    found = context.tx.one(queries.IN_TRASH, id=given.draft_id.strip())
    return found if found is None or inbox is None or found.inbox_id == inbox.inbox_id else None


def check_idle(draft: DraftSummary) -> None:
    """Let pass a draft that is not on its way. Raises Conflict."""
    if draft.send_status is SendStatus.SENDING:
        raise Conflict("The draft is being sent.", fix="Look for the sent message in a moment.")


def take_out(context: Context, draft: DraftSummary) -> bool:
    """Delete a draft with its files, as it was read; tell whether it still was so."""
    if context.tx.run(queries.DELETE, id=draft.draft_id, version=draft.version) != 1:
        return False
    for file in draft.attachments:
        context.tx.run(queries.DELETE_FILE, id=file.attachment_id)
    return True


def _require(actor: Actor, *permissions: str | None) -> None:
    for permission in permissions:
        if permission is not None and not actor.may(permission):
            raise Forbidden(f"This key lacks the permission {permission}.", fix=f"Use a key that has {permission}.")


def _writing(context: Context, draft: Draft) -> dict[str, Any]:
    """Return by whom a draft is written now, and how it is tainted: what of old words is left nobody can tell."""
    source = draft.original_id if draft.thread_id is None else None
    ways = {draft.tainted, taint.of(context, draft.org_id, draft.thread_id, source)}
    tainted = next((way for way in (Taint.READING, Taint.THREAD) if way in ways), None)
    return {"written_by": hand(context.actor), "tainted": tainted}


def _differs_in_labels_alone(draft: Draft, after: Draft) -> bool:
    """Tell whether a change leaves the draft its writer's: who labels it has written nothing of what will be sent."""
    return after.model_copy(update={"labels": draft.labels, "updated_at": draft.updated_at}) == draft


def _taken_back(context: Context, draft: Draft, given: UpdateDraft) -> dict[str, Any]:
    """End what a draft waits for where it was held: another message is another question."""
    holding.void(context, draft)
    waits = draft.send_status is SendStatus.PENDING_APPROVAL and "send_at" not in given.model_fields_set
    return {"send_status": None, "send_at": None} if waits else {}


def _known(context: Context, inbox_id: str, client_id: str | None) -> Draft | None:
    if client_id is None:
        return None
    known = context.tx.one(queries.BY_CLIENT_ID, inbox_id=inbox_id, client_id=client_id)
    if known is not None and context.tx.one(trash.BY_ID, id=known.draft_id) is not None:
        fix = f"Restore it (undo_delete, or: postroom drafts restore {known.draft_id}), or use another client_id."
        raise Conflict("The draft with this client_id is in the trash, where it stays for 30 days.", fix=fix)
    return known


def _columns(draft: Draft) -> dict[str, Any]:
    """Return the values of a draft's columns, but those of the queue that only a claim sets."""
    return {
        **draft.model_dump(exclude={"seq", "draft_id"}),
        "labels": as_json(own_labels(draft)),
        **{name: as_json(getattr(draft, name)) for name in (*LISTS, "references")},
        "attachments": as_json([a.model_dump() for a in draft.attachments]),
        "headers": as_json(draft.headers) if draft.headers else None,
        "written_by": as_json(draft.written_by) if draft.written_by else None,
        "due_at": draft.send_at if draft.send_status is SendStatus.SCHEDULED else None,
    }


def _kept(context: Context, draft: Draft) -> Draft:
    """Return a draft as it has just been written, after a look at its size."""
    size = sum(a.size for a in draft.attachments) + len(draft.text or "") + len(draft.html or "")
    if size > context.house.max_message_bytes:
        raise too_large(context.house.max_message_bytes)
    if draft.send_status is SendStatus.SCHEDULED:
        # Whoever may not send may not write either what others have scheduled.
        _require(context.actor, "draft_send")
        context.tx.ring("draft")
    return find_draft(context, DraftRef(draft_id=draft.draft_id))


def _ref(given: DraftRef) -> DraftRef:
    return DraftRef(inbox_id=given.inbox_id, draft_id=given.draft_id)
