"""Words that ask the person at a client whether a held message may leave: all that it says, or how much more it has."""

from collections.abc import Iterator

from postroom.mcp.words import line
from postroom.model.inert import inert
from postroom.model.inventory import Inventory, WirePart
from postroom.model.policy import ApprovalInFull

_SIZE = 4_000  # characters of the message that a question shows
_VALUE = 500
# Fields of every message, or told by the question itself.
_ORDINARY = frozenset(
    {
        *("from", "to", "cc", "subject", "date", "message-id", "mime-version"),
        *("content-type", "content-transfer-encoding", "content-disposition"),
    }
)


def question(approval: ApprovalInFull) -> str:
    """Return the question; it names sender, recipients, subject and rule, then fields, texts and files."""
    told = f"Send {line(approval.subject or 'a message without a subject', 200)!r} from {approval.inbox_address}"
    asked = f"{told} to {', '.join(map(line, approval.recipients))}? {line(approval.reason, 1000)}"
    if approval.on_the_wire is None:
        return asked
    words = "\n".join(_lines(approval.on_the_wire))
    if len(words) > _SIZE:
        one = approval.approval_id
        words = f"{words[:_SIZE]}\n… {len(words) - _SIZE} characters more: postroom approvals get {one} shows them."
    return f"{asked}\n\n{words}"


def _lines(message: Inventory) -> Iterator[str]:
    for name, value in message.header:
        if name.lower() not in _ORDINARY:
            yield f"{line(name)}: {line(value, _VALUE)}"
    files = [part for part in message.parts if part.text is None and not part.content_type.startswith("multipart/")]
    for part in files:
        yield f"File: {_named(part)}"
    if message.problem is not None:
        yield message.problem
    texts = [part for part in message.parts if part.text is not None]
    for n, part in enumerate(texts, 1):
        if len(texts) > 1 or part.filename:
            yield f"Text {n} of {len(texts)} ({_named(part)}):"
        yield inert(part.text or "").strip()
        if part.is_cut:
            yield "… and more."
    if message.outside is not None:
        yield f"Text outside of its parts:\n{inert(message.outside)}"


def _named(part: WirePart) -> str:
    return f"{line(part.filename) or 'without a name'}, {line(part.content_type)}, {part.size} bytes"
