"""Moments as tools take them: with their zone, which nobody but who asked knows. All else the engine checks."""

from datetime import date, datetime

from postroom.model.errors import InvalidInput


def zoned(name: str, moment: str | None) -> str | None:
    """Return a moment that says its zone, None for none.

    Raises:
        InvalidInput: it names none: what was done at the wrong hour cannot be taken back.
    """
    if not moment:
        return None
    try:
        read = datetime.fromisoformat(moment)
    except ValueError:
        return moment  # the engine says what is wrong with it
    if read.tzinfo is not None:
        return moment
    # Of a day alone its beginning is hardly what was meant.
    utc = f"{read.date().isoformat()}T09:00:00Z" if _is_day(moment) else f"{read.isoformat(timespec='seconds')}Z"
    hour = "which hour of that day, and " if _is_day(moment) else ""
    fix = f"Ask, and give it: {utc} for UTC, or an offset such as +01:00 at its end."
    raise InvalidInput.at(name, f"{hour}which time zone is meant? It has none.", fix=fix)


def _is_day(moment: str) -> bool:
    try:
        date.fromisoformat(moment)
    except ValueError:
        return False
    return True
