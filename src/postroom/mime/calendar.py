"""Reads the events of an iCalendar object (RFC 5545) for what a person asks: what, when, where, who. Answers nothing.

Only a part of the format is read: repetitions are told and not counted out, alarms are skipped. Zones that the calendar
defines are `calendar_zones`.
"""

import re
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta, tzinfo
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

from postroom.mime.calendar_zones import Property, read_local, read_zones, zone_name
from postroom.model.facts import Invite, Moment

MAX_BYTES = 256 * 1024
_MAX_LINES = 5_000
_MAX_LINE = 2_000  # characters of a property
_MAX_EVENTS = 5
_MAX_ATTENDEES = 20
_MAX_TEXT = 500
_LENGTH = re.compile(  # RFC 5545 3.3.6; an event's is never negative (3.8.2.5)
    r"\+?P(?:([0-9]{1,4})W|(?:([0-9]{1,5})D)?(?:T(?:([0-9]{1,6})H)?(?:([0-9]{1,6})M)?(?:([0-9]{1,8})S)?)?)"
)
_ZONE = re.compile(r"[A-Za-z0-9_+\-]{1,32}(?:/[A-Za-z0-9_+\-]{1,32}){0,2}")
_ESCAPED = re.compile(r"\\([nN;,\\])")
Properties = dict[str, list[tuple[dict[str, str], str]]]


def read_invites(content: bytes) -> tuple[Invite, ...]:
    """Return the events of a calendar, at most five; none where it cannot be read."""
    properties = list(_properties(content))
    zones = read_zones(properties)
    found: list[Invite] = []
    method: str | None = None
    event: Properties | None = None
    inner = 0  # depth of what stands inside an event, such as an alarm
    for name, parameters, value in properties:
        begins, ends = name == "BEGIN", name == "END"
        is_event = (begins or ends) and value.strip().upper() == "VEVENT"
        if begins and is_event and event is None:
            event, inner = {}, 0
        elif event is None:
            method = _text(value) if name == "METHOD" else method
        elif ends and is_event:
            found.append(_invite(method, event, zones))
            event = None
            if len(found) == _MAX_EVENTS:
                break
        elif begins or ends:
            inner += 1 if begins else -1
        elif inner == 0:
            event.setdefault(name, []).append((parameters, value))
    return tuple(found)


def _properties(content: bytes) -> Iterator[Property]:
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


def _invite(method: str | None, event: Properties, zones: Mapping[str, tzinfo]) -> Invite:
    begins = _when(event, "DTSTART", zones)
    return Invite(
        method=None if method is None else method.upper(),
        summary=_first(event, "SUMMARY"),
        begins=_moment(begins),
        ends=_moment(_end(event, begins, zones)),
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


class _When(NamedTuple):
    """A moment as it is written: its figures, marked as UTC whatever the zone is; the zone, and what is known of it."""

    local: datetime
    is_day: bool
    zone: str | None
    known: tzinfo | None


def _when(event: Properties, name: str, zones: Mapping[str, tzinfo]) -> _When | None:
    for parameters, value in event.get(name, ())[:1]:
        if (local := read_local(value)) is None:
            return None
        if local.is_day:
            return _When(local.when, True, None, None)
        zone = "UTC" if local.is_utc else zone_name(parameters.get("TZID", "")) or None
        known = None if zone is None else _zone(zone) or zones.get(zone)
        return _When(local.when, False, zone, known)
    return None


def _end(event: Properties, begins: _When | None, zones: Mapping[str, tzinfo]) -> _When | None:
    """Return when an event ends; of one that is of whole days, its last."""
    end = _when(event, "DTEND", zones)
    try:
        if end is None and begins is not None:
            end = _later(event, begins)
        if end is None or begins is None or not (end.is_day and begins.is_day):
            return end
        # The day that stands there is the first one after it (RFC 5545 3.6.1).
        return end._replace(local=max(end.local - timedelta(days=1), begins.local))
    except (ValueError, OverflowError):  # a year that no clock has
        return None


def _later(event: Properties, begins: _When) -> _When | None:
    """Return when an event ends that says how long it is: days by the calendar, hours by the clock (RFC 5545 3.3.6)."""
    found = next((_LENGTH.fullmatch(value.strip().upper()) for _parameters, value in event.get("DURATION", ())), None)
    weeks, days, hours, minutes, seconds = (int(part or 0) for part in found.groups()) if found else (0,) * 5
    day = begins.local + timedelta(weeks=weeks, days=days)
    end = day + timedelta(hours=hours, minutes=minutes, seconds=seconds)
    if end == begins.local:
        return None
    if begins.known is not None:
        end += _offset(end, begins.known) - _offset(day, begins.known)
    return begins._replace(local=end)


def _offset(local: datetime, zone: tzinfo) -> timedelta:
    return local.replace(tzinfo=zone).utcoffset() or timedelta(0)


def _moment(when: _When | None) -> Moment | None:
    if when is None:
        return None
    if when.is_day:
        return Moment(given=f"{when.local:%Y-%m-%d}", zone=None, at=None)
    try:
        at = None if when.known is None else int(when.local.replace(tzinfo=when.known).timestamp() * 1000)
    except (ValueError, OverflowError):  # a year that no clock has
        return None
    return Moment(given=f"{when.local:%Y-%m-%d %H:%M}", zone=when.zone, at=at)


@lru_cache(maxsize=64)
def _zone(name: str) -> ZoneInfo | None:
    if _ZONE.fullmatch(name) is None:
        return None
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):  # no such zone here; a folder of zones
        return None
