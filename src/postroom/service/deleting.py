"""Deletes messages and threads for good: bodies, labels, ids, words in the index, deliveries. Files go by the sweep.

What a thread shows is made anew of the messages that are left. A long thread goes in steps, each of which leaves
everything consistent.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from postroom.mime import references
from postroom.mime.message_ids import message_id as read_id
from postroom.model.message import MessageSummary
from postroom.model.tenant import Actor
from postroom.model.thread import Thread
from postroom.service.filing import MAX_PEOPLE, digest_reference
from postroom.service.messages import MessageRef, find_message
from postroom.service.operation import Answer, Context
from postroom.service.places import LAST
from postroom.service.threads import ThreadRef, find_thread
from postroom.service.upkeep import purge_message
from postroom.store import search
from postroom.store.json import as_json, from_json
from postroom.store.queries import messages, metrics, threads

if TYPE_CHECKING:
    from postroom.service.desk import Desk

_STEP = 100  # messages
_CHARACTERS = 1_000_000  # a quarter of a second where it is HTML


class DeleteSome(ThreadRef):
    """A step: messages of a thread below a place (UTC milliseconds, row number), the newest first."""

    at: int = LAST[0]
    seq: int = LAST[1]


def delete_message(context: Context, given: MessageRef) -> MessageSummary:
    """Delete a message for good; one that is still on its way is not delivered any more."""
    message = find_message(context, given)
    erase_message(context, message)
    return message


def erase_message(context: Context, message: MessageSummary) -> int:
    """Delete a message, and let its thread show what is left; return how many characters were read for it."""
    thread = context.tx.one(threads.BY_ID, id=message.thread_id)
    read = _erase(context, message, search.newest(context.tx))
    if thread is not None:
        _correct(context, thread)
    return read


async def delete_thread(desk: "Desk", actor: Actor, given: ThreadRef) -> Answer[None]:
    """Delete a thread with all its messages for good; mail that comes meanwhile stays, in the thread."""
    names = given.model_dump()
    answer = await desk.ask("threads.delete_some", actor, DeleteSome(**names))
    while answer.result is not None:
        at, seq = answer.result
        answer = await desk.ask("threads.delete_some", actor, DeleteSome(**names, at=at, seq=seq))
    return Answer(None, answer.position)


def delete_some(context: Context, given: DeleteSome) -> tuple[int, int] | None:
    """Delete some messages of a thread; return the place below which there are more, None when it is done."""
    thread = find_thread(context, given)
    newest, room, place = search.newest(context.tx), _CHARACTERS, None
    few = context.tx.all(messages.OF_THREAD, thread_id=thread.thread_id, at=given.at, seq=given.seq, n=_STEP)
    for message in few:
        room -= _erase(context, message, newest)
        place = message.timestamp, message.seq
        if room < 0:
            break
    is_last = len(few) < _STEP and (not few or place == (few[-1].timestamp, few[-1].seq))
    is_left = _correct(context, thread)
    return place if is_left and not is_last else None


def _erase(context: Context, message: MessageSummary, newest: int) -> int:
    """Delete a message and all that only it has; return how many characters were read for it."""
    words = context.tx.one(messages.WORDS, seq=message.seq)
    if words is None:
        return 0
    for label in message.labels:
        context.tx.run(
            messages.REMOVE_LABEL,
            inbox_id=message.inbox_id,
            label=label,
            timestamp=message.timestamp,
            message_seq=message.seq,
        )
    _forget_ids(context, message)
    purge_message(context, words, is_indexed=message.seq <= newest)
    return len(words.text or words.html or "")


def _forget_ids(context: Context, message: MessageSummary) -> None:
    known = context.tx.one(messages.REFERENCE, inbox_id=message.inbox_id, reference=message.message_id)
    headers = dict(reversed([(k.lower(), v) for k, v in context.tx.one(messages.HEADERS, seq=message.seq) or ()]))
    mine = {"inbox_id": message.inbox_id, "message_seq": message.seq}
    if "message-id" in headers and read_id(headers["message-id"]) != message.message_id:
        context.tx.run(messages.DELETE_REFERENCES_OF, **mine)
        return
    context.tx.run(messages.DELETE_REFERENCE, reference=message.message_id, **mine)
    if known is not None and known.digest is not None:
        context.tx.run(messages.DELETE_REFERENCE, reference=digest_reference(known.digest), **mine)


def _correct(context: Context, thread: Thread) -> bool:
    """Let a thread show what is left of it; without a message it goes. Tell whether it stays."""
    parts = context.tx.all(threads.PARTS, thread_id=thread.thread_id)
    if not parts:
        context.tx.run(messages.DELETE_NOT_BORNE, thread_id=thread.thread_id)
        context.tx.run(metrics.END_THREAD, key=thread.seq, now=context.now)
        context.tx.run(threads.DELETE, seq=thread.seq)
        return False
    subject = parts[0].subject
    came = [p for p in parts if _came(p)]
    context.tx.run(
        threads.CORRECT,
        key=thread.seq,
        subject=subject,
        subject_key=(references.base_subject(subject)[:200] if subject else "") or None,
        preview=parts[-1].preview,
        labels=as_json(sorted({label for p in parts for label in from_json(p.labels)})),
        senders=as_json(_people(p.from_ for p in parts)),
        recipients=as_json(_people(one for p in parts for one in _recipients(p))),
        last_message_id=parts[-1].public_id,
        message_count=len(parts),
        size=sum(p.size for p in parts),
        timestamp=max(p.timestamp for p in parts),
        received_timestamp=max((p.timestamp for p in came), default=None),
        sent_timestamp=max((p.timestamp for p in parts if not _came(p)), default=None),
        updated_at=context.now,
    )
    return True


def _came(part: threads.Part) -> bool:
    return "received" in from_json(part.labels)


def _recipients(part: threads.Part) -> list[str]:
    hidden = [] if _came(part) else from_json(part.bcc)
    return [*from_json(part.to), *from_json(part.cc), *hidden]


def _people(shown: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(shown))[:MAX_PEOPLE]
