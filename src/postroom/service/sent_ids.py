"""The Message-IDs of what an inbox sends: when it was written, and a tag of the address that only we can make.

By them an answer or a report is known that is meant for who had an address before: it reaches nobody.
"""

import re
from collections.abc import Iterable

from postroom.model.address import address_key
from postroom.model.ids import ALPHABET, time_of
from postroom.service.hosting import message_id_domain
from postroom.service.operation import House

_TAG = 8  # characters, 48 bits
_SENT = re.compile(rf"<(msg_[{ALPHABET}]{{26}})\.([\w-]{{{_TAG}}})@[^@<>]+>", re.ASCII)


def sent_id(house: House, address: str, message: str) -> str:
    """Return the Message-ID of the message with the inner id `message` that the inbox `address` sends."""
    return f"<{message}.{_tag(house, address)}@{message_id_domain(address)}>"


def inner_id(message_id: str) -> str:
    """Return the inner id of the message that got this Message-ID here."""
    return message_id[1:].partition(".")[0]


def written_at(house: House, address: str, message_ids: Iterable[str]) -> int | None:
    """Return when an inbox of this address wrote the newest of these, UTC milliseconds; None: none is of one."""
    found = [one for message_id in message_ids if (one := _SENT.fullmatch(message_id)) is not None]
    if not found:  # most answers are to what others wrote, and cost no signature
        return None
    tag = _tag(house, address)
    return max((time_of(one[1]) for one in found if one[2] == tag), default=None)


def _tag(house: House, address: str) -> str:
    return house.secret.sign("message-id", address_key(address).encode())[:_TAG]
