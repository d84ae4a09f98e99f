"""Holds a message on its way out: kept as a draft, its bytes with the question to a person. Decides nothing."""

import hashlib
from typing import TYPE_CHECKING, Any

from postroom.model.draft import Draft, DraftSummary, SendStatus
from postroom.model.errors import Conflict
from postroom.model.event import EventType
from postroom.model.ids import new_id
from postroom.model.message import Upload
from postroom.model.policy import Approval, ApprovalState, Held, Ruling, hand
from postroom.model.tenant import Actor
from postroom.service.departure import Departure, Wording
from postroom.service.draft_files import KeptFile, keep_uploads
from postroom.service.idempotency import finish
from postroom.service.operation import Answer, Context, Input
from postroom.service.settling import settle
from postroom.store.json import as_json
from postroom.store.queries import approvals as queries
from postroom.store.queries import drafts

if TYPE_CHECKING:
    from postroom.service.desk import Desk

LASTS_MS = 7 * 86_400_000
_PREVIEW = 200


class Hold(Input):
    """A message that is held, and the draft that it becomes."""

    departure: Departure
    ruling: Ruling
    draft: Draft
    files: tuple[KeptFile, ...]


async def hold(desk: "Desk", actor: Actor, leaving: Departure, ruling: Ruling) -> Answer[Held]:
    """Keep a message as a draft that waits for a person; nothing of it was sent when this returns."""
    wording = leaving.wording or await _worded(desk, leaving)
    files = await keep_uploads(desk, wording.files)
    draft = _draft(leaving, wording, files, desk.clock())
    return await desk.ask("approvals.hold", actor, Hold(departure=leaving, ruling=ruling, draft=draft, files=files))


def ask(context: Context, given: Departure, ruling: Ruling, draft: DraftSummary) -> Held:
    """Write the question whether a message may leave; `draft` is as it is kept, waiting.

    Who sends it and who decides are told why it was not sent the last time: a person may have said no to it.
    """
    before = f" Its last try: {draft.send_error}" if draft.send_error else ""
    held = Held(
        approval_id=new_id("apr", context.now),
        draft_id=draft.draft_id,
        rule=ruling.rule,
        reason=f"{ruling.reason}{before}",
        expires_at=context.now + LASTS_MS,
        elicitation=ruling.elicitation,
    )
    context.tx.insert(queries.ADD, _row(context, given, held, draft))
    if given.ack is not None:
        settle(context, given.ack)  # a person decides: no other worker shall answer as well
    if given.token is not None:
        finish(context, given.token, held.approval_id, held.draft_id, "")
    facts = {"approval": held.approval_id, "draft": held.draft_id, "rule": held.rule.value}
    context.tx.emit(EventType.MESSAGE_HELD, given.inbox, facts)
    return held


def park(context: Context, draft: DraftSummary) -> DraftSummary:
    """Let a draft wait that was held on its way out. Raises Conflict where it was changed or sent meanwhile."""
    if context.tx.run(drafts.PARK, key=draft.draft_id, at_version=draft.version, now=context.now) != 1:
        raise Conflict("The draft was changed, or sent, meanwhile.", fix="Look at it again.")
    return draft.model_copy(update={"version": draft.version + 1, "send_status": SendStatus.PENDING_APPROVAL})


def waiting(context: Context, draft: DraftSummary) -> Approval | None:
    """Return what a draft waits for."""
    if draft.send_status is not SendStatus.PENDING_APPROVAL:
        return None
    return context.tx.one(queries.OF_DRAFT, draft_id=draft.draft_id)


def void(context: Context, draft: DraftSummary) -> None:
    """End what a draft waits for, since it is changed or deleted."""
    approval = waiting(context, draft)
    if approval is not None:
        end(context, approval, ApprovalState.VOIDED)
        context.tx.emit(EventType.APPROVAL_VOIDED, approval, {"approval": approval.approval_id})


def end(context: Context, approval: Approval, state: ApprovalState, comment: str | None = None) -> None:
    """Decide a question, once. Raises Conflict where it is decided."""
    ended = context.tx.run(
        queries.END,
        key=approval.approval_id,
        ended=state.value,
        decider=context.actor.api_key_id,
        now=context.now,
        said=comment,
    )
    if ended != 1:
        raise decided(approval)


def decided(approval: Approval) -> Conflict:
    """Return what is said of a question that is not open any more."""
    one = approval.approval_id
    # In words for every face: not each of them shows approvals.
    fix = "Do not send it anew before you have looked: what was let go is among the messages labelled sent."
    return Conflict(f"{one} is decided, or its draft was changed.", fix=f"{fix} Else its draft says why it was not.")


def held_by(approval: Approval) -> Held:
    """Return the answer that the sender of a message got."""
    return Held(
        approval_id=approval.approval_id,
        draft_id=approval.draft_id,
        rule=approval.rule,
        reason=approval.reason,
        expires_at=approval.expires_at,
    )


def digest_of(sender: str, recipients: tuple[str, ...], content_sha256: str) -> str:
    """Return what an approval is bound to: who sends, who is on the wire, and every byte that they get."""
    parts = (sender, *sorted(recipients), content_sha256)
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()


def content_sha256(given: Departure) -> str:
    """Return the SHA-256 (hex) of a composed message."""
    return given.blob or hashlib.sha256(given.incoming.content or b"").hexdigest()


def _row(context: Context, given: Departure, held: Held, draft: DraftSummary) -> dict[str, Any]:
    inbox, parsed = given.inbox, given.parsed
    shown = {"html": parsed.html, "extracted_html": parsed.extracted_html}
    return {
        "id": held.approval_id,
        "org_id": inbox.org_id,
        "pod_id": inbox.pod_id,
        "inbox_id": inbox.inbox_id,
        "inbox_address": inbox.address,
        "draft_id": draft.draft_id,
        "draft_version": draft.version,
        "message": given.message_id,
        "thread_id": given.thread_id,
        "state": ApprovalState.PENDING.value,
        "rule": held.rule.value,
        "reason": held.reason,
        "subject": parsed.subject,
        "recipients": as_json(given.recipients),
        "bcc": as_json(given.bcc),
        "labels": as_json(given.labels),
        "digest": digest_of(inbox.address, given.recipients, content_sha256(given)),
        "asked_by": as_json(hand(context.actor)),
        "decided_by": None,
        "comment": None,
        "created_at": context.now,
        "expires_at": held.expires_at,
        "decided_at": None,
        "shown": as_json(shown) if given.track_opens else None,
        "size": given.incoming.size,
        "blob": given.blob,
        "content": given.incoming.content if given.blob is None else None,
    }


def _draft(leaving: Departure, wording: Wording, files: tuple[KeptFile, ...], now: int) -> Draft:
    inbox = leaving.inbox
    return Draft(
        seq=0,
        draft_id=new_id("dft", now),
        version=1,
        org_id=inbox.org_id,
        pod_id=inbox.pod_id,
        inbox_id=inbox.inbox_id,
        inbox_address=inbox.address,
        client_id=None,
        labels=leaving.labels,
        preview=" ".join((wording.text or leaving.parsed.preview or "")[:4_000].split())[:_PREVIEW] or None,
        attachments=tuple(file.attachment for file in files),
        send_status=SendStatus.PENDING_APPROVAL,
        send_at=None,
        send_error=None,
        created_at=now,
        updated_at=now,
        **wording.model_dump(exclude={"files"}),
    )


async def _worded(desk: "Desk", leaving: Departure) -> Wording:
    """Return what a message says that was composed elsewhere."""
    parsed = leaving.parsed
    source = desk.rooms.blobs.path(leaving.blob) if leaving.blob else (leaving.incoming.content or b"")
    listed = parsed.attachments
    contents = await desk.rooms.parser.attachments(source, [a.part for a in listed]) if listed else []
    files = tuple(
        Upload(filename=a.filename, content_type=a.content_type, content=content, disposition=a.disposition)
        for a, content in zip(listed, contents, strict=True)
    )
    return Wording(
        to=tuple(map(str, parsed.to)),
        cc=tuple(map(str, parsed.cc)),
        bcc=leaving.bcc,
        reply_to=tuple(map(str, parsed.reply_to)),
        subject=parsed.subject,
        text=parsed.text,
        html=parsed.html,
        files=files,
    )
