"""Tells of a message that a tool repeats something of whether somebody wrote it whom nobody verified."""

from postroom.mcp.face import Hands
from postroom.mcp.telling import is_untrusted
from postroom.model.message import MessageSummary


async def is_outside(hands: Hands, message: MessageSummary) -> bool:
    """Tell whether a message has the verdict of outside; for a key that may not read, also mail of other inboxes."""
    actor = await hands.actor()
    if not actor.may("message_read"):
        return "sent" not in message.labels
    senders = (await hands.ask("messages.senders", {"inbox_id": message.inbox_id, "ids": (message.id,)})).result
    return message.seq not in senders or is_untrusted(senders[message.seq].verdict)
