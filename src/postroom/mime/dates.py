"""The Date field (RFC 5322 3.3, 4.3) as UTC milliseconds."""

import re
from datetime import UTC, datetime
from email.utils import parsedate_tz
from functools import lru_cache

_DATE = re.compile(
    r"(?:[A-Za-z]{3,9},? *+)?([0-9]{1,2}) +([A-Za-z]{3})[a-z]{0,6} +([0-9]{2,4}) +"
    r"([0-9]{1,2}):([0-9]{2})(?::([0-9]{2}))? *+([+-][0-9]{4}|[A-Za-z]{1,5})?"
)
# How nearly all mail of today says it; a comment may follow, as it may after `_DATE`.
_USUAL = re.compile(
    r"([A-Z][a-z]{2}, [0-9]{1,2} [A-Z][a-z]{2} [0-9]{4}) "
    r"([01][0-9]|2[0-3]):([0-5][0-9]):([0-5][0-9]) ([+-][0-9]{4})"
)
_MONTHS = {"janfebmaraprmayjunjulaugsepoctnovdec"[3 * n : 3 * n + 3]: n + 1 for n in range(12)}
# RFC 5322 4.3, in minutes; a letter or an unknown name says nothing: -0000.
_ZONES = {"EST": -300, "EDT": -240, "CST": -360, "CDT": -300, "MST": -420, "MDT": -360, "PST": -480, "PDT": -420}
_LONGEST = 200  # characters; the remembered ones are as short, too


def read_date(value: str) -> int | None:
    """Return the moment in UTC milliseconds, None where the value cannot be read."""
    return _known(value) if len(value) <= _LONGEST else _read(value)


def _read(value: str) -> int | None:
    usual = _USUAL.match(value)
    if usual is not None:
        date, hour, minute, second, zone = usual.groups()
        midnight = _midnight_of(date, zone)
        return None if midnight is None else (midnight + int(hour) * 3600 + int(minute) * 60 + int(second)) * 1000
    found = _DATE.match(value)
    if found is None:
        return _lenient(value)
    day, month, year, hour, minute, second, zone = found.groups()
    return _at(_midnight(day, month, year), hour, minute, second or "0", zone)


def _at(midnight: int | None, hour: str, minute: str, second: str, zone: str | None) -> int | None:
    if midnight is None or int(hour) > 23 or minute > "59":
        return None
    return (midnight + int(hour) * 3600 + int(minute) * 60 + min(int(second), 59) - _zone(zone)) * 1000


_known = lru_cache(maxsize=256)(_read)  # when mail comes fast, much of it was written in one and the same second


@lru_cache(maxsize=256)
def _midnight_of(date: str, zone: str) -> int | None:
    """Return the seconds at which ``Fri, 20 Nov 2026`` begins in a zone; mail of one day comes together."""
    _weekday, day, month, year = date.split()
    midnight = _midnight(day, month, year)
    return None if midnight is None else midnight - _zone(zone)


def _midnight(day: str, month: str, year: str) -> int | None:
    """Return the seconds at which a day begins, in UTC."""
    full = int(year)
    if len(year) < 4:
        full += 1900 if full >= 50 else 2000  # RFC 5322 4.3: years of two and three digits
    at = _moment((full, _MONTHS.get(month.lower(), 0), int(day), 0, 0, 0), 0)
    return None if at is None else at // 1000


@lru_cache(maxsize=64)
def _zone(zone: str | None) -> int:
    """Return the offset in seconds."""
    if not zone:
        return 0
    if zone[0] in "+-":
        offset = int(zone[1:3]) * 3600 + int(zone[3:5]) * 60
        return -offset if zone[0] == "-" else offset
    return _ZONES.get(zone.upper(), 0) * 60


def _moment(parts: tuple[int, int, int, int, int, int], offset: int) -> int | None:
    year, month, day, hour, minute, second = parts
    try:
        at = datetime(year, month, day, hour, minute, min(second, 59), tzinfo=UTC)
    except ValueError:
        return None
    return (int(at.timestamp()) - offset) * 1000


def _lenient(value: str) -> int | None:
    if len(value) > _LONGEST:
        return None
    try:
        read = parsedate_tz(value)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    if read is None:
        return None
    return _moment((read[0], read[1], read[2], read[3], read[4], read[5]), read[9] or 0)
