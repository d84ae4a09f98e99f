"""Moments as tools take them: with their zone, which nobody but who asked knows. All else the engine checks."""

from datetime import datetime

from postroom.model.errors import InvalidInput


def zoned(name: str, moment: str | None) -> str | None:
    """Return a moment that says its zone, None for none.

    Raises:
        InvalidInput: it names none: what was done at the wrong hour cannot be taken back.
    """
    if not moment:
        return None
    try:
        is_open = datetime.fromisoformat(moment).tzinfo is None
    except ValueError:
        return moment  # the engine says what is wrong with it
    if is_open:
        fix = f"Ask which zone is meant, and give it: {moment[:19]}Z for UTC, or an offset such as +01:00 at its end."
        raise InvalidInput.at(name, "which time zone is meant? It has none.", fix=fix)
    return moment
