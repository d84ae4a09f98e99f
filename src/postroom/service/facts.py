"""Tells what a message asks for or carries besides its text: lists, receipts, invitations, signed and sealed parts.

It answers none of them: no receipt, no reply to an invitation and no request leaves here.
"""

import re
from typing import TYPE_CHECKING

from postroom.mime.calendar import MAX_BYTES, read_invites
from postroom.model.facts import Facts, Invite, Unsubscribe
from postroom.model.message import Message
from postroom.model.tenant import Actor
from postroom.service.messages import AttachmentRef

if TYPE_CHECKING:
    from postroom.service.desk import Desk

_CALENDAR = ("text/calendar", "application/ics")
_MAX_CALENDARS = 2
_MAX_VALUE = 4_000  # characters of a header that are looked at
_MAX_WAYS = 4
_BRACKETED = re.compile(r"<([^<>]{1,2000})>")  # RFC 2369 2
_PROTOCOL = re.compile(r'protocol="?([a-z0-9/.+\-]{1,60})', re.IGNORECASE)
_SMIME_TYPE = re.compile(r'smime-type="?([a-z\-]{1,40})', re.IGNORECASE)
_ONE_CLICK = "list-unsubscribe=one-click"  # RFC 8058 3.1
# Media types of parts, and what they say of the message.
_PARTS = {
    "application/pgp-encrypted": "encrypted (PGP/MIME)",
    "application/pgp-signature": "signed (PGP/MIME)",
    "application/pkcs7-signature": "signed (S/MIME)",
    "application/x-pkcs7-signature": "signed (S/MIME)",
}
_SEALED = ("application/pkcs7-mime", "application/x-pkcs7-mime")


async def read_facts(desk: "Desk", actor: Actor, message: Message) -> Facts:
    """Return what a message that `actor` may read asks for or carries; of calendars, the first two are read."""
    calendars = [a for a in message.attachments if a.content_type in _CALENDAR and a.size <= MAX_BYTES]
    invites: list[Invite] = []
    for calendar in calendars[:_MAX_CALENDARS]:
        ref = {"inbox_id": message.inbox_id, "message_id": message.id, "attachment_id": calendar.attachment_id}
        found = await desk.call("messages.attachment", actor, AttachmentRef.model_validate(ref))
        invites += read_invites(found.content)
    return Facts(
        automatic=message.automatic and "received" in message.labels,
        list_id=_one(message, "list-id"),
        unsubscribe=ways_out(message),
        receipt_to=_one(message, "disposition-notification-to"),
        protection=_protection(message),
        invites=tuple(invites),
    )


def ways_out(message: Message) -> tuple[Unsubscribe, ...]:
    """Return how one leaves the list that a message is of, the best way first (RFC 2369 3.2, RFC 8058)."""
    if "received" not in message.labels:
        return ()
    addresses = [one.strip() for one in _BRACKETED.findall(_one(message, "list-unsubscribe") or "")]
    is_one_click = (_one(message, "list-unsubscribe-post") or "").replace(" ", "").lower() == _ONE_CLICK
    clicks = [a for a in addresses if a[:8].lower() == "https://"] if is_one_click else []
    mails = [a for a in addresses if a[:7].lower() == "mailto:"]
    pages = [a for a in addresses if a[:8].lower() in ("https://", "http://") or a[:7].lower() == "http://"]
    return (
        *(Unsubscribe(way="one_click", address=a) for a in clicks[:1]),
        *(Unsubscribe(way="mailto", address=a) for a in mails[:1]),
        *(Unsubscribe(way="web", address=a) for a in pages[:1] if a not in clicks[:1]),
    )[:_MAX_WAYS]


def _one(message: Message, name: str) -> str | None:
    """Return a header that stands there once; of two that differ nobody knows which was meant."""
    found = {value.strip() for key, value in message.headers if key.lower() == name}
    return found.pop()[:_MAX_VALUE] or None if len(found) == 1 else None


def _protection(message: Message) -> tuple[str, ...]:
    head = _one(message, "content-type") or ""
    protocol = _PROTOCOL.search(head)
    named = [protocol[1].lower()] if protocol else []
    sealed = [_of_pkcs7(head)] if head.partition(";")[0].strip().lower() in _SEALED else []
    files = [a.content_type for a in message.attachments]
    sealed += ["encrypted or signed (S/MIME)" for kind in files if kind in _SEALED and not sealed]
    told = [_PARTS[kind] for kind in (*named, *files) if kind in _PARTS]
    inline = ["encrypted (PGP in the text)"] if "-----BEGIN PGP MESSAGE-----" in (message.text or "")[:2000] else []
    return tuple(dict.fromkeys((*told, *sealed, *inline)))


def _of_pkcs7(head: str) -> str:
    kind = _SMIME_TYPE.search(head)
    return "signed (S/MIME)" if kind and kind[1].lower() == "signed-data" else "encrypted (S/MIME)"
