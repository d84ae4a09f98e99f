"""Drafts that leave: sent by hand, or at their moment by a worker that leases them. Composes nothing by itself: words,
policy and commit are `send`'s.

A draft is taken out at the version that was composed, in the transaction that writes its message: it is sent once, and
whoever changed or deleted it before that had the last word.
"""

from functools import partial
from typing import TYPE_CHECKING

from pydantic import Field

from postroom.model.draft import Draft, DraftSummary
from postroom.model.errors import Conflict, Forbidden, InvalidInput, NotFound, PostroomError, Temporary
from postroom.model.event import EventType
from postroom.model.message import Attachment, Outgoing, Raw, Upload
from postroom.model.policy import Held
from postroom.model.record import Record
from postroom.model.tenant import SYSTEM, Actor, Reach
from postroom.service import holding, leaving, policy, send, standing
from postroom.service.departure import Departure, Sent
from postroom.service.draft_files import content_of
from postroom.service.draft_wording import DraftRef, own_labels
from postroom.service.drafts import check_idle, find_draft, take_out
from postroom.service.idempotency import Keyed, Token, once
from postroom.service.labels import check_labels
from postroom.service.messages import Strings, find_by_id
from postroom.service.operation import Answer, Context, Input, Nothing
from postroom.service.sent_ids import sent_id
from postroom.service.wording import Written
from postroom.store.queries import drafts as queries

if TYPE_CHECKING:
    from postroom.service.desk import Desk

LEASE_MS = 60_000
LATEST_MS = 86_400_000  # so late a draft is still sent that was due while nothing ran


class SendDraft(Keyed, DraftRef):
    add_labels: Strings = Field(default=(), description="Labels of your own.")
    remove_labels: Strings = Field(default=(), description="Labels of the draft that the message shall not have.")


class Prepare(DraftRef):
    """Which draft is to be composed; `version` is that of a lease, None where a person sends it."""

    version: int | None = None


class Ready(Record):
    """A draft with all that composing it needs; `files` say where the bytes of its attachments are."""

    draft: Draft
    prepared: send.Prepared
    files: tuple[Raw, ...]
    held: Held | None = None  # it waits for a person already


class Parting(Input):
    """A draft and the message that it has become. `is_due`: nobody sends it but the moment that was set."""

    draft: DraftSummary
    departure: Departure
    is_due: bool = False


class Claim(Input):
    """Lease up to `limit` due drafts for the process `owner`."""

    owner: str
    limit: int = 4


class Owner(Input):
    """A process, by the name that its leases carry."""

    owner: str


class Leased(Input):
    """A draft that has been claimed."""

    draft: DraftSummary


class Failure(Leased):
    """A draft that is not sent, and why."""

    reason: str


class Cancel(Input):
    """A draft that is to be sent, by the id of the message that it will be."""

    message_id: str = Field(description="The message (msg_…) that the draft becomes: it has the letters of the draft.")


def message_of(draft_id: str) -> str:
    """Return the id of the message that a draft becomes: known from the start to who scheduled it."""
    return f"msg_{draft_id.removeprefix('dft_')}"


def cancel(context: Context, given: Cancel) -> DraftSummary:
    """Take back a message that was scheduled: its draft is deleted, and nothing is sent.

    Raises:
        NotFound: there is no such draft, or it is not scheduled.
        Conflict: it was sent.
        Forbidden: the key may not read drafts, as the answer shows one.
    """
    if not context.actor.may("draft_read"):
        raise Forbidden("This key lacks the permission draft_read.", fix="Use a key that has draft_read.")
    draft_id = f"dft_{given.message_id.removeprefix('msg_')}"
    draft = context.tx.one(queries.BY_ID, id=draft_id)
    if draft is None or draft.send_status is None:
        find_by_id(context, given.message_id)
        raise Conflict("The message was sent.", fix="It cannot be taken back.")
    holding.void(context, draft)
    take_out(context, draft)
    return draft


async def send_draft(desk: "Desk", actor: Actor, given: SendDraft) -> Answer[send.Leaving]:
    """Send a draft; it is a message from then on, and no draft."""
    return await once(desk, actor, "drafts.send", given, partial(_send, desk, actor, given), Sent)


async def _send(desk: "Desk", actor: Actor, given: SendDraft, token: Token | None) -> Answer[send.Leaving]:
    add, remove = check_labels(given.add_labels, "add_labels"), check_labels(given.remove_labels, "remove_labels")
    wanted = Prepare(inbox_id=given.inbox_id, draft_id=given.draft_id)
    answer = await desk.ask("drafts.prepare", actor, wanted)
    ready: Ready = answer.result
    if ready.held is not None:
        return Answer(ready.held, answer.position)
    labels = [label for label in dict.fromkeys((*own_labels(ready.draft), *add)) if label not in remove]
    return await _leave(desk, actor, ready, tuple(labels), token)


def prepare(context: Context, given: Prepare) -> Ready:
    """Read what sending a draft needs."""
    draft = find_draft(context, DraftRef(inbox_id=given.inbox_id, draft_id=given.draft_id))
    if given.version is None:
        check_idle(draft)
    elif given.version != draft.version:
        raise _changed()
    if draft.original_id is not None and not context.actor.may("message_read"):
        raise Forbidden("This key lacks the permission message_read.", fix="Use a key that has message_read.")
    found = [context.tx.one(queries.FILE, id=file.attachment_id) for file in draft.attachments]
    waiting = holding.waiting(context, draft)
    return Ready(
        draft=draft,
        prepared=_prepared(context, draft),
        files=tuple(raw for raw in found if raw is not None),
        held=None if waiting is None else holding.held_by(waiting),
    )


def commit(context: Context, given: Parting) -> send.Leaving:
    """Write the message that a draft has become, in the place of the draft; one that is held stays, and waits."""
    if not given.is_due:
        standing.check(context, "draft_send")
    mailbox = leaving.mailbox_of(context, given.departure)
    sending = leaving.look_at(context, mailbox, given.departure, was_draft=True, written=given.draft.tainted)
    ruling = policy.judge(context, mailbox, sending)
    if given.is_due:
        ruling = standing.gone(context, given.draft) or ruling
    if ruling is not None:
        return holding.ask(context, given.departure, ruling, holding.park(context, given.draft))
    if not take_out(context, given.draft):
        raise _changed()
    return leaving.write(context, mailbox, given.departure, sending)


def claim(context: Context, given: Claim) -> list[DraftSummary]:
    """Lease due drafts."""
    until = context.now + LEASE_MS
    return context.tx.all(queries.CLAIM, now=context.now, n=given.limit, until=until, owner=given.owner)


def next_due(context: Context, _given: Nothing) -> int | None:
    """Say when the next draft is due (UTC milliseconds), None when there is none."""
    return context.tx.one(queries.NEXT_DUE, now=context.now)


def owners(context: Context, _given: Nothing) -> list[str]:
    """Name the processes that hold leases."""
    return context.tx.all(queries.OWNERS)


def give_back(context: Context, given: Owner) -> int:
    """Free what a process held that has ended; return how many."""
    context.tx.ring("draft")
    return context.tx.run(queries.GIVE_BACK, owner=given.owner)


async def attempt(desk: "Desk", _actor: Actor, given: Leased) -> Answer[None]:
    """Send a draft whose moment has come; what stands against it ends it as failed, or holds it for a person.

    Raises:
        Temporary: a failure of ours; it is still leased.
    """
    draft = given.draft
    actor = _writer(draft)
    try:
        if draft.send_at is not None and desk.clock() - draft.send_at > LATEST_MS:
            raise Conflict("It was due while nothing ran, and is more than 24 hours late.", fix="Set send_at again.")
        wanted = Prepare(inbox_id=draft.inbox_id, draft_id=draft.draft_id, version=draft.version)
        ready: Ready = await desk.call("drafts.prepare", actor, wanted)
        answer = await _leave(desk, actor, ready, own_labels(ready.draft), is_due=True)
    except Temporary:
        raise
    except PostroomError as error:
        return await desk.ask("drafts.fail", SYSTEM, Failure(draft=draft, reason=str(error)))
    return Answer(None, answer.position)


def _writer(draft: DraftSummary) -> Actor:
    """Return who sends a scheduled draft: whoever wrote it last, as far as its inbox."""
    key, *made_by = draft.written_by or (None,)
    reach = Reach(org_id=draft.org_id, pod_id=draft.pod_id, inbox_id=draft.inbox_id)
    return Actor(reach=reach, api_key_id=key, made_by=tuple(one for one in made_by if one is not None))


def fail(context: Context, given: Failure) -> None:
    """End a leased draft as failed, unless it was changed or deleted since."""
    draft = given.draft
    changed = context.tx.run(
        queries.FAIL, key=draft.draft_id, at_version=draft.version, send_error=given.reason, now=context.now
    )
    if changed == 1:
        context.tx.emit(EventType.DRAFT_FAILED, draft, {"draft": draft.draft_id, "reason": given.reason})


def _prepared(context: Context, draft: DraftSummary) -> send.Prepared:
    try:
        return send.prepare(context, send.Prepare(inbox_id=draft.inbox_id, message_id=draft.original_id))
    except NotFound as error:
        if error.kind != "message":
            raise
        raise Conflict(
            "The message that this draft answers or forwards is gone.", fix="Write a draft of a new message."
        ) from None


async def _leave(
    desk: "Desk",
    actor: Actor,
    ready: Ready,
    labels: tuple[str, ...],
    token: Token | None = None,
    *,
    is_due: bool = False,
) -> Answer[send.Leaving]:
    draft = ready.draft
    check_words(draft)
    pairs = zip(draft.attachments, ready.files, strict=True)
    files = tuple([_upload(file, await content_of(desk, raw)) for file, raw in pairs])
    given, outgoing = await _worded(desk, ready, labels)
    wire_id = sent_id(desk.house, ready.prepared.inbox.address, message_of(draft.draft_id))
    outgoing = outgoing.model_copy(update={"message_id": wire_id})
    if draft.forward_of is not None:
        files = (*await send.files_of(desk, ready.prepared), *files)
    departure = await send.departure(desk, actor, ready.prepared, given, outgoing, files)
    departure = departure.model_copy(update={"token": token})
    parting = Parting(draft=DraftSummary.trusted(_summary(draft)), departure=departure, is_due=is_due)
    return await desk.ask("drafts.commit", actor, parting)


def check_words(draft: Draft) -> None:
    """Let pass a draft that says something. Raises InvalidInput."""
    has_words = bool(draft.subject) and draft.in_reply_to is None
    if not (draft.text or draft.html or draft.attachments or draft.forward_of or has_words):
        raise InvalidInput("An empty draft.", fix="Give it text, html or attachments.")


def _summary(draft: Draft) -> dict[str, object]:
    return {name: getattr(draft, name) for name in DraftSummary.model_fields}


async def _worded(desk: "Desk", ready: Ready, labels: tuple[str, ...]) -> tuple[Written, Outgoing]:
    draft, prepared = ready.draft, ready.prepared
    fields = {name: getattr(draft, name) for name in ("to", "cc", "bcc", "reply_to", "text", "html", "headers")}
    place = {"inbox_id": draft.inbox_id, "message_id": draft.original_id, "labels": labels}
    if draft.in_reply_to is not None:
        answer = send.ReplyToMessage(**fields, **place)
        return answer, await send.word_reply(desk, prepared, answer, draft.subject)
    if draft.forward_of is not None:
        whole = {"new_thread": draft.thread_id is None, "replaces": draft.replaces}
        forward = send.ForwardMessage(**fields, **place, **whole, subject=draft.subject)
        return forward, await send.word_forward(desk, prepared, forward)
    message = send.SendMessage(**fields, inbox_id=draft.inbox_id, labels=labels, subject=draft.subject)
    return message, send.word_message(desk, prepared, message)


def _upload(file: Attachment, content: bytes) -> Upload:
    return Upload(
        filename=file.filename,
        content_type=file.content_type,
        content=content,
        disposition=file.disposition,
        content_id=file.content_id,
    )


def _changed() -> Conflict:
    return Conflict("The draft was changed, or sent, meanwhile.", fix="Look at it again.")
