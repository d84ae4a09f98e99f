"""What results of the desk mean in every dialect: moments as text, messages that left or did not."""

from datetime import UTC, datetime
from functools import lru_cache

from postroom.model.errors import Refused
from postroom.model.policy import Held
from postroom.service.departure import Sent


@lru_cache(maxsize=4096)  # what was made and changed at one moment says it three times
def moment(at: int) -> str:
    """Return UTC milliseconds as RFC 3339 with a Z."""
    return datetime.fromtimestamp(at / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def moment_if(at: int | None) -> str | None:
    """Return the moment, or None where there is none."""
    return None if at is None else moment(at)


def left(result: Sent | Held) -> Sent:
    """Return a message that was sent. Raises Refused for one that is held: the contracts have no word for it."""
    if isinstance(result, Held):
        told = f"Nothing was sent to anybody, it waits for approval: {result.reason}"
        raise Refused(told, fix=result.fix, rule=result.rule.value)
    return result
