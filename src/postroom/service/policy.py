"""Decides whether a message may leave: one function, under every path that sends."""

from collections.abc import Sequence

from postroom.model.address import Address
from postroom.model.errors import InvalidInput, TooLarge

MAX_RECIPIENTS = 50


def check(recipients: Sequence[Address]) -> None:
    """Let pass a message to the set of recipients that will be on the wire, or raise.

    Raises:
        InvalidInput: there is nobody to send to.
        TooLarge: there are too many.
    """
    if not recipients:
        raise InvalidInput.at("to", "nobody to send to.", fix="Give at least one address in to, cc or bcc.")
    if len(recipients) > MAX_RECIPIENTS:
        raise TooLarge(
            f"{len(recipients)} recipients; at most {MAX_RECIPIENTS} in to, cc and bcc together.",
            fix="Split the message into several.",
        )
