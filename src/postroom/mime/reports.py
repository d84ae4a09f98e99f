"""What a multipart/report (RFC 6522) says: a delivery status notification (RFC 3464) or a feedback report (RFC 5965).

It reads what stands there; whether it is true is decided by who knows what was sent.
"""

import re
from collections.abc import Iterable, Iterator

from postroom.mime import transfer
from postroom.mime.headers import Block, read_block, show
from postroom.mime.limits import MAX_HEADER_BYTES, Budget, Raw
from postroom.mime.message_ids import message_id
from postroom.mime.structure import Part
from postroom.model.address import is_address
from postroom.model.report import Report, ReportedRecipient, ReportKind

MAX_RECIPIENTS = 100
_MAX_GROUPS = 500
_MAX_DIAGNOSTIC = 500
_STATUSES = frozenset(("message/delivery-status", "message/global-delivery-status"))  # RFC 3464, RFC 6533
_RETURNED = frozenset(
    ("message/rfc822", "message/global", "text/rfc822-headers", "message/rfc822-headers", "message/global-headers")
)
# RFC 5965 7.3, RFC 6449: not-spam (RFC 6430) and auth-failure (RFC 6591) blame nobody.
_COMPLAINTS = frozenset(("abuse", "fraud", "virus", "other", "opt-out", "opt-out-list"))
_ENHANCED = re.compile(r"(?<![\d.])([245])\.(\d{1,3})\.(\d{1,3})(?![\d.])")  # RFC 3463 2
_REPLY = re.compile(r"(?<!\d)([45])\d\d(?!\d)")  # RFC 5321 4.2


def read_report(raw: Raw, root: Part, budget: Budget) -> Report | None:
    """Return what a message reports of another; None where it reports no failure, no delay and no complaint."""
    returned = next((_block(raw, p, budget) for p in root.children if p.content_type in _RETURNED), None)
    for part in root.children:
        if part.content_type in _STATUSES:
            return _bounce(_groups(_content(raw, part), budget), returned, budget)
        if part.content_type == "message/feedback-report":
            return _complaint(_block(raw, part, budget), returned)
    return None


def _content(raw: Raw, part: Part) -> bytes:
    # Cut: what counts are some header fields, and a message may come back whole.
    return transfer.decode(raw, part.body, min(part.end, part.body + MAX_HEADER_BYTES), part.encoding)


def _block(raw: Raw, part: Part, budget: Budget) -> Block:
    content = _content(raw, part)
    return read_block(content, 0, len(content), budget)


def _groups(content: bytes, budget: Budget) -> Iterator[Block]:
    """Yield the groups of fields, which blank lines separate (RFC 3464 2.1)."""
    at = 0
    for _ in range(_MAX_GROUPS):
        block = read_block(content, at, len(content), budget)
        if block.body <= at:
            return
        at = block.body
        if block.fields:
            yield block


def _bounce(groups: Iterable[Block], returned: Block | None, budget: Budget) -> Report | None:
    found: list[ReportedRecipient] = []
    for group in groups:
        recipient = _recipient(group, budget)
        if recipient is not None and len(found) < MAX_RECIPIENTS:
            found.append(recipient)
    return _report(ReportKind.BOUNCE, returned, found) if found else None


def _recipient(group: Block, budget: Budget) -> ReportedRecipient | None:
    fields = group.first
    action = fields.get("action", "").partition("(")[0].strip().lower()
    if action not in ("failed", "delayed"):
        return None
    addresses = _addresses([*group.every("original-recipient"), *group.every("final-recipient")])
    said = show(fields.get("diagnostic-code", "")[: 4 * _MAX_DIAGNOSTIC], budget)
    diagnostic = " ".join(said.rpartition(";")[2].split() if said.count(";") == 1 else said.split())
    return ReportedRecipient(
        addresses=addresses,
        action="failed" if action == "failed" else "delayed",
        status=_status(fields.get("status", ""), said),
        diagnostic=diagnostic[:_MAX_DIAGNOSTIC],
    )


def _status(given: str, diagnostic: str) -> str:
    """Return the status, that of the diagnostic where the field says nothing or no more than its class."""
    found = _ENHANCED.search(given[:100])
    better = _ENHANCED.search(diagnostic[:_MAX_DIAGNOSTIC])
    if found is not None and (found[2] != "0" or better is None or better[1] != found[1]):
        return found[0]
    if better is not None:
        return better[0]
    reply = _REPLY.search(diagnostic[:_MAX_DIAGNOSTIC])
    return found[0] if found is not None else f"{reply[1]}.0.0" if reply is not None else "5.0.0"


def _complaint(fields: Block, returned: Block | None) -> Report | None:
    kind = fields.first.get("feedback-type", "").partition(";")[0].strip().lower()
    if kind not in _COMPLAINTS:
        return None
    named = fields.every("original-rcpt-to") or (returned.every("to") if returned is not None else [])
    found = [
        ReportedRecipient(addresses=(address,), action="complained")
        for address in _addresses([one for value in named for one in value.split(",", MAX_RECIPIENTS)])
    ]
    report = _report(ReportKind.COMPLAINT, returned, found[:MAX_RECIPIENTS])
    return report.model_copy(update={"feedback_type": kind})


def _report(kind: ReportKind, returned: Block | None, found: Iterable[ReportedRecipient]) -> Report:
    first = returned.first if returned is not None else {}
    return Report(
        kind=kind,
        message_id=message_id(first["message-id"]) if "message-id" in first else None,
        recipients=tuple(found),
    )


def _addresses(values: Iterable[str]) -> tuple[str, ...]:
    """Return the addresses of `type; address` (RFC 3464 2.3.1), or of fields that leave out the type."""
    found = []
    for value in values:
        text = value[:2_000].rpartition(";")[2].strip()
        text = text.rpartition("<")[2].partition(">")[0] if "<" in text else text.partition(" ")[0]
        if is_address(text):
            found.append(text)
    return tuple(dict.fromkeys(found))
