"""Reads the events of an iCalendar object (RFC 5545) for what a person asks: what, when, where, who. Answers nothing.

Only a part of the format is read: repetitions are told and not counted out, alarms and zone definitions are skipped.
"""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

from postroom.model.facts import Invite, Moment

MAX_BYTES = 256 * 1024
_MAX_LINES = 5_000
_MAX_LINE = 2_000  # characters of a property
_MAX_EVENTS = 5
_MAX_ATTENDEES = 20
_MAX_TEXT = 500
_DATE = re.compile(r"([0-9]{4})([0-9]{2})([0-9]{2})(?:T([0-9]{2})([0-9]{2})([0-9]{2})(Z?))?")
_ZONE = re.compile(r"[A-Za-z0-9_+\-]{1,32}(?:/[A-Za-z0-9_+\-]{1,32}){0,2}")
_ESCAPED = re.compile(r"\\([nN;,\\])")
Properties = dict[str, list[tuple[dict[str, str], str]]]


def read_invites(content: bytes) -> tuple[Invite, ...]:
    """Return the events of a calendar, at most five; none where it cannot be read."""
    found: list[Invite] = []
    method: str | None = None
    event: Properties | None = None
    inner = 0  # depth of what stands inside an event, such as an alarm
    for name, parameters, value in _properties(content):
        begins, ends = name == "BEGIN", name == "END"
        is_event = (begins or ends) and value.strip().upper() == "VEVENT"
        if begins and is_event and event is None:
            event, inner = {}, 0
        elif event is None:
            method = _text(value) if name == "METHOD" else method
        elif ends and is_event:
            found.append(_invite(method, event))
            event = None
            if len(found) == _MAX_EVENTS:
                break
        elif begins or ends:
            inner += 1 if begins else -1
        elif inner == 0:
            event.setdefault(name, []).append((parameters, value))
    return tuple(found)


def _properties(content: bytes) -> Iterator[tuple[str, dict[str, str], str]]:
    text = content[:MAX_BYTES].decode("utf-8-sig", "replace")
    text = text.replace("\r\n", "\n").replace("\n ", "").replace("\n\t", "")  # RFC 5545 3.1: folded lines
    for line in text.split("\n", _MAX_LINES)[:_MAX_LINES]:
        name, parameters, value = _split(line[:_MAX_LINE])
        if name:
            yield name, parameters, value


def _split(line: str) -> tuple[str, dict[str, str], str]:
    """Return name, parameters and value of a content line (RFC 5545 3.1); a colon in quotes ends no name."""
    parts: list[str] = [""]
    quoted = False
    for place, letter in enumerate(line):
        if letter == '"':
            quoted = not quoted
        elif letter == ":" and not quoted:
            named = (part.partition("=") for part in parts[1:])
            parameters = {key.strip().upper(): given for key, _equals, given in named}
            return parts[0].strip().upper(), parameters, line[place + 1 :]
        elif letter == ";" and not quoted:
            parts.append("")
        else:
            parts[-1] += letter
    return "", {}, ""


def _invite(method: str | None, event: Properties) -> Invite:
    return Invite(
        method=None if method is None else method.upper(),
        summary=_first(event, "SUMMARY"),
        begins=_moment(event, "DTSTART"),
        ends=_moment(event, "DTEND"),
        where=_first(event, "LOCATION"),
        organizer=next(map(_person, event.get("ORGANIZER", ())), None),
        attendees=tuple(map(_person, event.get("ATTENDEE", ())[:_MAX_ATTENDEES])),
        is_repeated="RRULE" in event or "RDATE" in event,
    )


def _first(event: Properties, name: str) -> str | None:
    return next((_text(value) for _parameters, value in event.get(name, ())), None)


def _text(value: str) -> str | None:
    plain = _ESCAPED.sub(lambda m: " " if m[1] in "nN" else m[1], value).strip()
    return plain[:_MAX_TEXT] or None


def _person(given: tuple[dict[str, str], str]) -> str:
    parameters, value = given
    address = value.strip()
    if address[:7].lower() == "mailto:":
        address = address[7:]
    name = parameters.get("CN", "").strip()
    return (f"{name} <{address}>" if name and name != address else address)[:_MAX_TEXT]


def _moment(event: Properties, name: str) -> Moment | None:
    for parameters, value in event.get(name, ())[:1]:
        if (found := _DATE.fullmatch(value.strip())) is None:
            return None
        zone = "UTC" if found[7] else parameters.get("TZID", "").strip()[:100] or None
        return _read_moment(found, zone)
    return None


def _read_moment(found: re.Match[str], zone: str | None) -> Moment | None:
    numbers = [int(part or 0) for part in found.groups()[:6]]
    try:
        local = datetime(*numbers[:5], min(numbers[5], 59), tzinfo=UTC)  # type: ignore[misc, arg-type]  # a leap second
        if found[4] is None:
            return Moment(given=f"{local:%Y-%m-%d}", zone=None, at=None)
        known = None if zone is None else _zone(zone)
        at = None if known is None else int(local.replace(tzinfo=known).timestamp() * 1000)
    except (ValueError, OverflowError):  # a 31st of February; a year that no clock has
        return None
    return Moment(given=f"{local:%Y-%m-%d %H:%M}", zone=zone, at=at)


@lru_cache(maxsize=64)
def _zone(name: str) -> ZoneInfo | None:
    if _ZONE.fullmatch(name) is None:
        return None
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):  # no such zone here; a folder of zones
        return None
