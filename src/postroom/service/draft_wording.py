"""What a draft says: made of what its writer gives and of the message that it answers or forwards. Keeps nothing."""

from collections.abc import Iterable
from typing import Any

from pydantic import Field

from postroom.mime import compose as mime
from postroom.mime.html import to_text
from postroom.model.address import read_address
from postroom.model.draft import Draft, DraftSummary, SendStatus
from postroom.model.errors import InvalidInput
from postroom.model.ids import new_id
from postroom.model.inbox import Inbox
from postroom.model.message import Attachment, Message
from postroom.model.record import Record
from postroom.service import policy, send
from postroom.service.inboxes import InboxRef
from postroom.service.labels import SYSTEM_LABELS, check_labels, check_number
from postroom.service.messages import Moment, Strings
from postroom.service.operation import OURS, Input
from postroom.service.uploads import AttachmentToSend

GRACE_MS = 60_000  # so much may a caller's clock be behind ours
LONGEST_MS = 3650 * 86_400_000
_PREVIEW = 200
_PREVIEW_SOURCE = 4_000  # characters that a preview is made from
LISTS = ("reply_to", "to", "cc", "bcc")
_BODIES = ("subject", "text", "html")
_HEADERS = "Further header fields."
_SEND_AT = "When to send it (RFC 3339); needs the permission draft_send."


class CreateDraft(InboxRef):
    to: Strings = Field(default=(), description="Recipients: name@host or Name <name@host>.")
    cc: Strings = Field(default=(), description="Copies go to these.")
    bcc: Strings = Field(default=(), description="Hidden copies.")
    reply_to: Strings = Field(default=(), description="Answers go here.")
    subject: str | None = Field(default=None, description="The subject; an answer's and a forward's is derived.")
    text: str | None = Field(default=None, description="As plain text.")
    html: str | None = Field(default=None, description="As HTML.")
    labels: Strings = Field(default=(), description="Labels of your own.")
    attachments: tuple[AttachmentToSend, ...] = Field(default=(), description="Files to attach.")
    in_reply_to: str | None = Field(default=None, description="The message that this answers: its Message-ID.")
    reply_all: bool = Field(default=False, description="Answer everybody; exclusive with to, cc and bcc.")
    forward_of: str | None = Field(default=None, description="The message that this forwards: its Message-ID.")
    send_at: Moment | None = Field(default=None, description=_SEND_AT)
    attachment_limit: int | None = Field(
        default=None, gt=0, description="At most so many bytes of files.", json_schema_extra=OURS
    )
    headers: dict[str, str] = Field(default_factory=dict, description=_HEADERS, json_schema_extra=OURS)
    is_whole: bool = Field(
        default=False, description="Refuse what could not be sent now as it is.", json_schema_extra=OURS
    )
    client_id: str | None = Field(
        default=None,
        pattern=r"^[A-Za-z0-9\-._~]{1,256}$",
        description="Your own id: a second create with it in this inbox returns the first draft.",
    )


class DraftRef(Input):
    inbox_id: str | None = Field(default=None, description="The inbox that it is in; looked up when absent.")
    draft_id: str = Field(description="The draft.")


class UpdateDraft(DraftRef):
    """What is absent stays; null or an empty list clears."""

    to: Strings | None = Field(default=None, description="Recipients.")
    cc: Strings | None = Field(default=None, description="Copies go to these.")
    bcc: Strings | None = Field(default=None, description="Hidden copies.")
    reply_to: Strings | None = Field(default=None, description="Answers go here.")
    subject: str | None = Field(default=None, description="The subject.")
    text: str | None = Field(default=None, description="As plain text.")
    html: str | None = Field(default=None, description="As HTML.")
    add_attachments: tuple[AttachmentToSend, ...] = Field(default=(), description="Files to attach.")
    remove_attachments: Strings = Field(default=(), description="Ids of files to take off.")
    add_labels: Strings = Field(default=(), description="Labels to add.")
    remove_labels: Strings = Field(default=(), description="Labels to take off.")
    headers: dict[str, str] | None = Field(default=None, description=_HEADERS, json_schema_extra=OURS)
    send_at: Moment | None = Field(default=None, description=f"{_SEND_AT} null: it is not sent by itself.")


class Begun(Record):
    """The inbox, the draft that `client_id` has made already, the message that is answered or forwarded."""

    inbox: Inbox
    known: Draft | None
    original: Message | None


def check_kind(given: CreateDraft) -> str | None:
    """Return the id of the message that is answered or forwarded, None for a new message."""
    if given.in_reply_to is not None and given.forward_of is not None:
        raise InvalidInput.at("forward_of", "exclusive with in_reply_to.", fix="Leave out either.")
    if given.reply_all and given.in_reply_to is None:
        raise InvalidInput.at("reply_all", "needs in_reply_to.", fix="Say which message is answered.")
    if given.reply_all and (given.to or given.cc or given.bcc):
        raise InvalidInput.at("reply_all", "exclusive with to, cc and bcc.", fix="Leave out either.")
    return given.in_reply_to if given.in_reply_to is not None else given.forward_of


def worded(given: CreateDraft, begun: Begun, now: int) -> Draft:
    """Return a new draft, without its files. Raises InvalidInput."""
    inbox, original = begun.inbox, begun.original
    labels = check_labels(given.labels, "labels")
    check_number(labels, "labels")
    return Draft(
        seq=0,
        draft_id=new_id("dft", now),
        version=1,
        org_id=inbox.org_id,
        pod_id=inbox.pod_id,
        inbox_id=inbox.inbox_id,
        inbox_address=inbox.address,
        client_id=given.client_id,
        labels=labels,
        **_recipients(given, begun),
        subject=_subject(given, original),
        text=given.text or None,
        html=given.html or None,
        preview=_preview(given.text, given.html),
        attachments=(),
        in_reply_to=original.message_id if original and given.in_reply_to is not None else None,
        forward_of=original.message_id if original and given.forward_of is not None else None,
        original_id=original.id if original else None,
        thread_id=original.thread_id if original else None,
        references=send.chain_to(original) if original else (),
        headers=dict(mime.check_headers(given.headers.items())),
        **_schedule(given.send_at, now),
        created_at=now,
        updated_at=now,
    )


def changed(draft: Draft, given: UpdateDraft, files: Iterable[Attachment], now: int) -> Draft:
    """Return a draft after a change, with these files more. Raises InvalidInput."""
    asked = given.model_fields_set
    lists = {name: (getattr(given, name) or ()) if name in asked else getattr(draft, name) for name in LISTS}
    bodies = {name: (getattr(given, name) or None) if name in asked else getattr(draft, name) for name in _BODIES}
    headers = (given.headers or {}) if "headers" in asked else draft.headers
    mime.check_headers(headers.items())
    if bodies["subject"]:
        mime.check_value("subject", bodies["subject"])
    return draft.model_copy(
        update={
            **_addresses(lists),
            **bodies,
            "headers": headers,
            **(_schedule(given.send_at, now) if "send_at" in asked else {}),
            "preview": _preview(bodies["text"], bodies["html"]),
            "labels": _labels(draft, given.add_labels, given.remove_labels),
            "attachments": _files(draft, given.remove_attachments, files),
            "updated_at": now,
        }
    )


def own_labels(draft: DraftSummary) -> tuple[str, ...]:
    """Return the labels of a draft that its writer gave."""
    return tuple(label for label in draft.labels if label not in SYSTEM_LABELS)


def _recipients(given: CreateDraft, begun: Begun) -> dict[str, tuple[str, ...]]:
    lists = {name: getattr(given, name) for name in LISTS}
    if given.in_reply_to is not None:
        answer = send.ReplyToMessage(
            inbox_id=given.inbox_id,
            message_id=given.in_reply_to,
            reply_all=given.reply_all,
            **{name: lists[name] for name in ("to", "cc", "bcc")},
        )
        lists |= send.reply_recipients(send.Prepared(inbox=begun.inbox, original=begun.original, raw=None), answer)
    return _addresses(lists)


def _addresses(lists: dict[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
    """Return lists of addresses as they are shown. Raises InvalidInput."""
    shown = {name: tuple(str(read_address(a, name)) for a in given) for name, given in lists.items()}
    most = policy.MAX_RECIPIENTS
    if sum(len(given) for name, given in shown.items() if name != "reply_to") > most:
        raise InvalidInput.at("to", f"over {most} recipients in to, cc and bcc.", fix="Split the message into several.")
    if len(shown["reply_to"]) > most:
        raise InvalidInput.at("reply_to", f"over {most} addresses.", fix="Give fewer.")
    return shown


def _subject(given: CreateDraft, original: Message | None) -> str | None:
    if given.subject or original is None:
        return mime.check_value("subject", given.subject) if given.subject else None
    return send.reply_subject(original) if given.in_reply_to is not None else send.forward_subject(original)


def _preview(text: str | None, html: str | None) -> str | None:
    source = text[:_PREVIEW_SOURCE] if text and not text.isspace() else to_text((html or "")[:_PREVIEW_SOURCE])
    return " ".join(source.split())[:_PREVIEW] or None


def _schedule(send_at: int | None, now: int) -> dict[str, Any]:
    """Return the fields of a draft that is to be sent then. Raises InvalidInput for a moment that is over."""
    if send_at is None:
        return {"send_at": None, "send_status": None, "send_error": None}
    if send_at < now - GRACE_MS:
        raise InvalidInput.at("send_at", "lies in the past.", fix="Give a time to come, or send the draft.")
    if send_at > now + LONGEST_MS:
        raise InvalidInput.at("send_at", "lies more than ten years ahead.", fix="Give a nearer time.")
    return {"send_at": send_at, "send_status": SendStatus.SCHEDULED, "send_error": None}


def _labels(draft: DraftSummary, add: tuple[str, ...], remove: tuple[str, ...]) -> tuple[str, ...]:
    added, removed = check_labels(add, "add_labels"), check_labels(remove, "remove_labels")
    labels = tuple(sorted(set(own_labels(draft)) - set(removed) | (set(added) - set(removed))))
    check_number(labels, "add_labels")
    return labels


def _files(draft: DraftSummary, removed: Iterable[str], added: Iterable[Attachment]) -> tuple[Attachment, ...]:
    gone, listed = set(removed), {a.attachment_id for a in draft.attachments}
    if unknown := sorted(gone - listed):
        raise InvalidInput.at("remove_attachments", f"{unknown[0][:200]!r} is no attachment of this draft.")
    kept = tuple(a for a in draft.attachments if a.attachment_id not in gone)
    return (*kept, *added)
