"""A thread with all its messages, for dialects that give it whole: asked for page by page, and bounded in its texts."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from postroom.model.message import Message
from postroom.model.tenant import Actor
from postroom.model.thread import Thread
from postroom.service.desk import Desk

_MOST = 100  # messages that one question gives
_CHARACTERS = 8_000_000  # of texts in one answer; older messages come without theirs


@dataclass(frozen=True)
class Whole:
    """A thread with all its messages as they are shown, oldest first."""

    thread: Thread
    messages: list[Any]


async def whole(
    desk: Desk, actor: Actor, given: Mapping[str, Any], show: Callable[[Message], Any], texts: Sequence[str]
) -> Whole:
    """Return a thread with all its messages, each as `show` gives it; `texts` names the fields that may be long.

    Raises:
        NotFound: it is out of reach.
    """
    shown: list[Any] = []
    room, token = _CHARACTERS, None
    while True:
        found = await desk.call("threads.get", actor, {**given, "limit": _MOST, "page_token": token})
        for record in reversed(found.messages):
            message = show(record)
            room -= sum(len(message[name] or "") for name in texts)
            shown.append(message if room >= 0 else {**message, **dict.fromkeys(texts)})
        token = found.next_page_token
        if token is None:
            return Whole(found.thread, shown[::-1])
